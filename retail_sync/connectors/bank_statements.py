"""What the readers of bank statements have in common: booked entries as canonical rows, and balances that must foot.

A statement that says its opening and its closing balance proves its own entries: opening + entries = closing, exactly, or the
whole delivery is refused. An entry that was lost, doubled or read with the wrong sign is found by nothing else.

An entry is known by the bank's own id of it with its day and amount, because banks use ids again (a number a day, one for all
entries of a batch), and without an id by its content; what the file says twice is numbered. So overlapping statements are one
set of rows, and no entry takes the place of another one. `line_no` is the number of the entry in the file where a line has
no meaning in its format (XML, SGML).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import duckdb
import pyarrow as pa

from retail_sync.connectors.currency_units import register_units
from retail_sync.core import sql
from retail_sync.core.errors import DeliveryRefused

BANK_TRANSACTIONS = "bank_transactions"
ASK_AGAIN = "download the statement again, or ask the bank for it; this copy stays in the raw archive"
# What one text of canonical.bank_transactions may have.
_REFERENCE_MAX = 1000
_CUT = " [...]"
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
# Words that banks write where they have no reference.
_NOTHING = frozenset({"NONREF", "NOTPROVIDED", "NOT PROVIDED", "NOTAVAILABLE"})
_COLUMNS = ("line_no", "account", "value_date", "amount", "currency", "reference", "bank_id")


@dataclass(frozen=True, slots=True)
class Movement:
    """A booked entry, as text of the file: `amount` with its sign, positive when money comes in.

    `value_date` is ISO 8601 where the file's own could be read. `bank_id`: the bank's own id of the entry, or empty.
    """

    line_no: int
    account: str
    value_date: str
    amount: str
    currency: str
    reference: str
    bank_id: str = ""


@dataclass(slots=True)
class Statement:
    """The entries of one account, with the balances before and after them as the bank states them."""

    account: str
    currency: str
    opening: Decimal | None = None
    closing: Decimal | None = None
    movements: list[Movement] = field(default_factory=list)


def said(text: str | None) -> str:
    """Return what a reference says; empty where it says that there is none."""
    text = _BLANKS.sub(" ", text or "").strip()
    return "" if text.upper() in _NOTHING else text


def reference_of(texts: Iterable[str | None]) -> str:
    """Return the payer, purpose and references of an entry as one text, each once; what is too long ends in [...]."""
    text = " ".join(dict.fromkeys(found for item in texts if (found := said(item))))
    return text if len(text) <= _REFERENCE_MAX else text[: _REFERENCE_MAX - len(_CUT)] + _CUT


def refuse_unless_it_foots(statement: Statement) -> None:
    """Raise DeliveryRefused unless opening balance + entries = closing balance."""
    if statement.opening is None or statement.closing is None:
        which = "opening" if statement.opening is None else "closing"
        raise DeliveryRefused(
            f"the statement of account {statement.account} has no {which} balance, so nothing proves its entries",
            ASK_AGAIN,
        )
    total = sum((Decimal(movement.amount) for movement in statement.movements), statement.opening)
    if total != statement.closing:
        raise DeliveryRefused(
            f"the statement of account {statement.account} does not foot: opening balance {statement.opening} and "
            f"{len(statement.movements)} entries make {total} {statement.currency}, its closing balance is {statement.closing}",
            ASK_AGAIN,
        )


def stage_movements(
    connection: duckdb.DuckDBPyConnection, movements: Sequence[Movement], source: str, delivery_id: str
) -> None:
    """Fill temp table `staged_bank_transactions`, and an empty `staged_rejected`."""
    connection.execute(
        "create or replace temp table staged_rejected (line_no bigint, table_name varchar, column_name varchar,"
        " value varchar, reason varchar)"
    )
    types = [pa.int64() if name == "line_no" else pa.string() for name in _COLUMNS]
    arrays = [
        pa.array([getattr(movement, name) for movement in movements], kind)
        for name, kind in zip(_COLUMNS, types, strict=True)
    ]
    register_units(connection, {movement.currency for movement in movements})
    connection.register("movements", pa.table(arrays, names=_COLUMNS))
    for macros in ("amount_of", "wire_macros"):
        connection.execute(sql.statement(__package__, macros))
    connection.execute(sql.statement(__package__, "bank_statements"), {"source": source, "delivery_id": delivery_id})
    connection.unregister("movements")
    connection.unregister("currency_units")
