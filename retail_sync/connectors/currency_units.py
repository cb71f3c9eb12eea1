"""The smallest amount and the digits of each currency of a file, as a table that statements join."""

from __future__ import annotations

import re
from collections.abc import Iterable

import duckdb
import pyarrow as pa

from retail_sync.core import money


def register_units(connection: duckdb.DuckDBPyConnection, codes: Iterable[str]) -> None:
    """Register `currency_units` (currency, unit, digits); what is no currency code is left out, its row is rejected."""
    known = sorted({code for code in codes if re.fullmatch("[A-Z]{3}", code)})
    units = pa.array([money.from_minor(1, code) for code in known], pa.decimal128(18, 4))
    digits = pa.array([money.exponent(code) for code in known], pa.int32())
    connection.register(
        "currency_units", pa.table({"currency": pa.array(known, pa.string()), "unit": units, "digits": digits})
    )
