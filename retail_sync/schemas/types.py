"""The column types and value rules that all models share, so that money, keys and instants look alike everywhere."""

from __future__ import annotations

from typing import Annotated, Any

import ibis.expr.datatypes as dt
import pandera.ibis as pa

Money = Annotated[dt.Decimal, 18, 4, True]
# Sums of amounts or of quantities.
Total = Annotated[dt.Decimal, 38, 6, True]
Quantity = Annotated[dt.Decimal, 18, 6, True]
# 12 decimals: the euros for one rupiah have their first digit at the fifth. Times money it still fits 38 digits.
Rate = Annotated[dt.Decimal, 20, 12, True]
Digest = Annotated[dt.Decimal, 38, 0, True]
Hours = Annotated[dt.Decimal, 18, 2, True]
Instant = Annotated[dt.Timestamp, "UTC", 6, True]
Day = dt.Date
Count = dt.Int64
Flag = dt.Boolean

# XXX is ISO 4217's "no currency": a document that names none. What carries it is held, never guessed.
CURRENCY = r"^[A-Z]{3}$"
# Control characters never belong in a business key; everything else is kept byte for byte. Length and form are one
# pattern because each pandera check is a query of its own.
KEY = r"^[^\x00-\x1f\x7f]{1,200}$"
TEXT = r"^[^\x00-\x1f\x7f]{0,1000}$"


def key(description: str) -> Any:
    """Text that identifies a row: never empty."""
    return pa.Field(description=description, str_matches=KEY)


def text(description: str, *, nullable: bool = False) -> Any:
    """Text as the source gave it."""
    return pa.Field(description=description, nullable=nullable, str_matches=TEXT)


def currency(
    description: str = "ISO 4217 code of the amounts; XXX where the document names none",
) -> Any:
    """An ISO 4217 code."""
    return pa.Field(description=description, str_matches=CURRENCY)


def one_of(description: str, *values: str, nullable: bool = False) -> Any:
    """One of a closed list of words."""
    return pa.Field(description=description, isin=list(values), nullable=nullable)


def plain(description: str, *, nullable: bool = False) -> Any:
    """Any value of the column's type."""
    return pa.Field(description=description, nullable=nullable)
