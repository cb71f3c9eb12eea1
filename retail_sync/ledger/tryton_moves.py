"""An entry as a Tryton move, and back: `account.move` with its `account.move.line`s.

    key       description of the move: Tryton's only free identity, and what we search by
    reverses  origin of the move, as Tryton's own cancellation sets it
    account   account, by its code; debit or credit in the company's currency
    foreign   amount_second_currency and second_currency
    the rest  description of the line (`line_notes.py`)

Nothing here calls the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from retail_sync.core.money import from_minor, to_minor
from retail_sync.ledger.line_notes import DEFAULTS, ENTRY_MEMO, line_text, read_line_text
from retail_sync.schemas.journal import Entry, EntryLine

_NO_CURRENCY = "XXX"  # ISO 4217: no currency involved
_ZERO = Decimal(0)

MOVE_FIELDS = ("description", "date", "state", "origin", "journal", "number")
LINE_FIELDS = (
    "move",
    "debit",
    "credit",
    "account.code",
    "amount_second_currency",
    "second_currency.code",
    "description",
)


def line_values(entry: Entry, accounts: Mapping[str, int], currencies: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the lines of `entry` as Tryton takes them."""
    lines = []
    for number, leg in enumerate(entry.lines):
        home = from_minor(leg.home_minor, leg.home_currency)
        values: dict[str, Any] = {
            "account": accounts[leg.account],
            "debit": max(home, _ZERO),
            "credit": max(-home, _ZERO),
            "description": line_text(leg, entry.memo if number == 0 else ""),
        }
        if leg.transaction_currency != leg.home_currency:
            values["second_currency"] = currencies[leg.transaction_currency]
            values["amount_second_currency"] = from_minor(leg.transaction_minor, leg.transaction_currency)
        lines.append(values)
    return lines


def entry_of(
    move: Mapping[str, Any], lines: list[Mapping[str, Any]], home_currency: str, origins: Mapping[str, str]
) -> Entry:
    """Return the entry that a move is now. `origins` gives the key of each move that is an origin."""
    notes = [read_line_text(str(line["description"] or "")) for line in lines]
    legs = tuple(_leg(line, home_currency, note) for line, note in zip(lines, notes, strict=True))
    origin = move["origin"]
    memo = notes[0].get(ENTRY_MEMO, "") if notes else ""
    return Entry(move["description"], move["date"], memo, legs, origins.get(origin, origin) if origin else None)


def _leg(line: Mapping[str, Any], home_currency: str, notes: Mapping[str, str]) -> EntryLine:
    code = str(line["account."]["code"])
    second = line.get("second_currency.")
    currency = second["code"] if second else home_currency
    others = {name: notes.get(name, default) for name, default in DEFAULTS.items()}
    try:
        home = to_minor(line["debit"] - line["credit"], home_currency)
        minor = to_minor(line["amount_second_currency"] or _ZERO, currency) if second else home
    except ValueError:  # more decimals than the currency has: nothing of ours
        return EntryLine(code, 0, _NO_CURRENCY, 0, _NO_CURRENCY)
    return EntryLine(code, minor, currency, home, home_currency, memo=notes.get("memo", ""), **others)
