"""A manual journal as Xero takes and gives it. No request is made here.

A manual journal has neither a reference nor a currency: identity rides in Url, by which it is looked up, and with key, token
and body hash in Narration; amounts are home amounts, the foreign ones stand in the description. Debits are positive. A line
has at most two tracking categories: one may hold the channel, one the location.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from retail_sync.core.errors import LedgerRefused
from retail_sync.core.money import from_minor, to_minor
from retail_sync.ledger.adapter import PostedEntry
from retail_sync.ledger.remote_posting import Held
from retail_sync.ledger.remote_text import (
    foreign_amount,
    in_home_currency,
    read_line_text,
    read_note,
    reference,
    shown_texts,
    write_line_text,
    write_note,
)
from retail_sync.schemas.journal import Entry, EntryLine

# A name that never leads anywhere (RFC 2606): the address is an identity, and must not change with a server's.
_URL = "https://retail-sync.invalid/"
_MS_DATE = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/")
_GONE = frozenset({"VOIDED", "DELETED"})

Tracking = Mapping[str, str]  # field of an entry line = name of the tracking category that holds it


def url_of(key: str) -> str:
    """Return the address that identifies the entry of `key`."""
    return _URL + reference(key)


def payload(entry: Entry, token: str, tracking: Tracking) -> dict[str, Any]:
    """Return the manual journal that is sent for `entry`, amounts as Decimal."""
    return {
        "Narration": write_note(entry, token),
        "Date": entry.posting_date.isoformat(),
        "Status": "POSTED",
        "LineAmountTypes": "NoTax",
        "Url": url_of(entry.key),
        "ShowOnCashBasisReports": False,
        "JournalLines": [_line(line, tracking) for line in entry.lines],
    }


def _line(line: EntryLine, tracking: Tracking) -> dict[str, Any]:
    tracked = [
        {"Name": category, "Option": getattr(line, name)} for name, category in tracking.items() if getattr(line, name)
    ]
    return {
        "LineAmount": from_minor(line.home_minor, line.home_currency),
        "AccountCode": line.account,
        "Description": write_line_text(line, tracking, foreign_amount(line)),
        "Tracking": tracked,
    }


def shown(entry: Entry) -> Entry:
    """Return `entry` as Xero can hold it: in home currency, texts of bounded length."""
    entry = shown_texts(entry)
    return replace(entry, lines=tuple(in_home_currency(line) for line in entry.lines))


def is_gone(record: Mapping[str, Any]) -> bool:
    """Whether a journal was voided or deleted, so that it counts for nothing."""
    return record.get("Status") in _GONE


def read_entry(key: str, record: Mapping[str, Any], home_currency: str, tracking: Tracking) -> Held:
    """Read a manual journal that was looked up for `key`. One that is not booked says so in its memo."""
    note = read_note(record.get("Narration") or "")
    memo = note.memo if note.key in ("", key) else f"({note.key}) {note.memo}"
    if record.get("Status") != "POSTED":
        memo = f"({record.get('Status')}, not booked) {memo}"
    lines = tuple(_read_line(line, home_currency, tracking) for line in record.get("JournalLines", ()))
    entry = Entry(key, read_date(record["Date"]), memo, lines, note.reverses)
    return Held(PostedEntry(str(record["ManualJournalID"]), note.token, entry), note)


def _read_line(line: Mapping[str, Any], currency: str, tracking: Tracking) -> EntryLine:
    minor = to_minor(Decimal(line.get("LineAmount") or 0), currency)
    texts = dict(read_line_text(line.get("Description") or ""))
    options = {tracked.get("Name"): tracked.get("Option", "") for tracked in line.get("Tracking", ())}
    texts |= {name: options[category] for name, category in tracking.items() if category in options}
    return EntryLine(line.get("AccountCode") or "none", minor, currency, minor, currency, **texts)


def read_date(text: str) -> date:
    """Read a date of Xero, `/Date(1553126400000+0000)/` or ISO. Raises ValueError for anything else."""
    if found := _MS_DATE.fullmatch(text):
        return datetime.fromtimestamp(int(found[1]) / 1000, UTC).date()
    return date.fromisoformat(text[:10])


def refusal(key: str, record: Mapping[str, Any]) -> LedgerRefused | None:
    """Return what the messages inside an answer refuse; None where it carries no error. Warnings only explain one."""
    errors, warnings = (
        [said.get("Message", "") for said in record.get(n) or ()] for n in ("ValidationErrors", "Warnings")
    )
    if not errors and record.get("StatusAttributeString") != "ERROR":
        return None
    text = " ".join([*errors, *warnings]) or "an error without words"
    code, remedy = _class_of(text.lower())
    return LedgerRefused(code, f"{key}: Xero says {text}", remedy)


def _class_of(words: str) -> tuple[str, str]:
    if "lock date" in words or "locked" in words:
        return "closed_period", "move the lock date in Xero, or date the entry into an open period"
    if "tracking" in words:
        return "unknown_dimension", "create the tracking option in Xero, or make it active"
    if "account" in words and ("archived" in words or "not active" in words or "cannot be used" in words):
        return "inactive_account", "restore the account in Xero, or book to another one"
    if "account" in words and re.search(r"recognised|not a valid|not found|does not exist", words):
        return "unknown_account", "create the account in Xero"
    if "debits" in words and "credits" in words:
        return "unbalanced", "correct the entry and release it anew"
    return "malformed", "correct the entry and release it anew"
