"""An entry as a Tryton move, and back: `account.move` with its `account.move.line`s.

    key       description of the move: Tryton's only free identity, and what we search by
    reverses  origin of the move, as Tryton's own cancellation sets it
    account   account, by its code; debit or credit in the company's currency
    foreign   amount_second_currency and second_currency
    the rest  description of the line: its memo, then as JSON in braces what Tryton has no field for

The text of the entry is in the JSON of the first line. Nothing here calls the server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from retail_sync.core.errors import LedgerRefused
from retail_sync.core.money import exponent, from_minor, to_minor
from retail_sync.schemas.journal import Entry, EntryLine

_DEFAULTS = {"rate": "1", "role": "component", "channel": "", "location": "", "tax_code": ""}
_ENTRY_MEMO = "entry"
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


def unfit(entry: Entry, home_currency: str, digits: Mapping[str, int]) -> LedgerRefused | None:
    """Return why Tryton has no way to hold `entry`, or None. `digits` are the decimals of the currencies it knows."""
    for number, leg in enumerate(entry.lines, start=1):
        if reason := _unfit(leg, home_currency, digits):
            return LedgerRefused(
                "malformed",
                f"{entry.key} line {number}: {reason}",
                "set up the currency in Tryton, or set home_currency to the company's",
            )
    return None


def _unfit(leg: EntryLine, home_currency: str, digits: Mapping[str, int]) -> str:
    if leg.home_currency != home_currency:
        return f"is in {leg.home_currency}, the company's books are in {home_currency}"
    if leg.transaction_currency == home_currency:
        same = leg.transaction_minor == leg.home_minor
        return "" if same else f"has two different amounts in {home_currency}"
    if leg.transaction_minor * leg.home_minor < 0:
        return "has a debit in one currency and a credit in the other"
    if leg.transaction_currency not in digits:
        return f"is in {leg.transaction_currency}, which is not among Tryton's currencies"
    if digits[leg.transaction_currency] < exponent(leg.transaction_currency):
        return f"{leg.transaction_currency} has too few digits in Tryton"
    return ""


def line_values(entry: Entry, accounts: Mapping[str, int], currencies: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the lines of `entry` as Tryton takes them."""
    lines = []
    for number, leg in enumerate(entry.lines):
        home = from_minor(leg.home_minor, leg.home_currency)
        values: dict[str, Any] = {
            "account": accounts[leg.account],
            "debit": max(home, _ZERO),
            "credit": max(-home, _ZERO),
            "description": _text(leg, entry.memo if number == 0 else ""),
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
    notes = [_read(str(line["description"] or "")) for line in lines]
    legs = tuple(_leg(line, home_currency, note) for line, note in zip(lines, notes, strict=True))
    origin = move["origin"]
    memo = notes[0].get(_ENTRY_MEMO, "") if notes else ""
    return Entry(move["description"], move["date"], memo, legs, origins.get(origin, origin) if origin else None)


def _leg(line: Mapping[str, Any], home_currency: str, notes: Mapping[str, str]) -> EntryLine:
    code = str(line["account."]["code"])
    second = line.get("second_currency.")
    currency = second["code"] if second else home_currency
    others = {name: notes.get(name, default) for name, default in _DEFAULTS.items()}
    try:
        home = to_minor(line["debit"] - line["credit"], home_currency)
        minor = to_minor(line["amount_second_currency"] or _ZERO, currency) if second else home
    except ValueError:  # more decimals than the currency has: nothing of ours
        return EntryLine(code, 0, _NO_CURRENCY, 0, _NO_CURRENCY)
    return EntryLine(code, minor, currency, home, home_currency, memo=notes.get("memo", ""), **others)


def _text(leg: EntryLine, entry_memo: str) -> str:
    """Return a line's description: the memo where Tryton would keep it as it is, then the rest."""
    notes = {name: value for name, default in _DEFAULTS.items() if (value := getattr(leg, name)) != default}
    if entry_memo:
        notes[_ENTRY_MEMO] = entry_memo
    shown = leg.memo
    if shown != shown.strip() or shown.endswith("}") or not shown.isprintable():  # Tryton strips what stands around
        notes["memo"], shown = shown, ""
    if not notes:
        return shown
    tail = json.dumps(notes, ensure_ascii=False)
    inner = tail[1:-1].replace("{", "\\u007b").replace("}", "\\u007d")
    return f"{shown} {{{inner}}}".strip()


def _read(text: str) -> dict[str, str]:
    """Return what `_text` wrote, by field; whatever else stands there is the memo."""
    start = text.rfind("{")
    if text.endswith("}") and start >= 0:
        try:
            notes = json.loads(text[start:])
        except ValueError:
            return {"memo": text}
        return {"memo": text[:start].rstrip(), **notes}
    return {"memo": text}
