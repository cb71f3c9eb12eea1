"""A journal entry as QuickBooks Online takes and gives it. No request is made here.

QuickBooks looks an entry up by DocNumber (21 characters) alone, so that is the reference; key, token and body hash ride in
PrivateNote. `TotalAmt` is always zero, so whoever compares must read the lines. One entry has one currency and one rate:
one of a single foreign currency is sent in it where the rate gives the home amounts to the cent; every other entry is sent
in home currency, with the foreign amount in the description, because the home amounts are what the books must keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from retail_sync.core.money import exponent, from_minor, to_minor
from retail_sync.ledger.adapter import PostedEntry
from retail_sync.ledger.remote_posting import Held
from retail_sync.ledger.remote_text import (
    foreign_amount,
    in_home_currency,
    plain_rate,
    read_line_text,
    read_note,
    reference,
    shown_texts,
    write_line_text,
    write_note,
)
from retail_sync.schemas.journal import Entry, EntryLine

_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Company:
    """What QuickBooks says of a company, and which of its features we use. Ids by number or name."""

    home_currency: str
    account_ids: Mapping[str, str]
    open_accounts: frozenset[str]
    closed_until: date | None = None
    class_ids: Mapping[str, str] | None = None
    department_ids: Mapping[str, str] | None = None
    has_multicurrency: bool = False
    preferences: Mapping[str, Any] | None = None

    @property
    def dimensions(self) -> Mapping[str, Mapping[str, str]]:
        """Field of an entry line = the ids of what QuickBooks holds for it by itself."""
        both = {"channel": self.class_ids, "location": self.department_ids}
        return {name: ids for name, ids in both.items() if ids is not None}


_REFS = {"channel": "ClassRef", "location": "DepartmentRef"}


def payload(entry: Entry, token: str, company: Company, *, multicurrency: bool) -> dict[str, Any]:
    """Return the JournalEntry that is sent for `entry`, amounts as Decimal. Raises KeyError for an unknown account."""
    as_held = shown(entry, multicurrency=multicurrency)
    return {
        "DocNumber": reference(entry.key),
        "TxnDate": entry.posting_date.isoformat(),
        "PrivateNote": write_note(entry, token),
        "CurrencyRef": {"value": as_held.lines[0].transaction_currency},
        "ExchangeRate": Decimal(as_held.lines[0].rate),
        "Line": [_line(held, sent, company) for held, sent in zip(as_held.lines, entry.lines, strict=True)],
    }


def _line(held: EntryLine, sent: EntryLine, company: Company) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "PostingType": "Credit" if held.transaction_minor < 0 else "Debit",
        "AccountRef": {"value": company.account_ids[held.account]},
    }
    for name, ids in company.dimensions.items():
        if getattr(held, name):
            detail[_REFS[name]] = {"value": ids[getattr(held, name)]}
    told = foreign_amount(sent) if held.transaction_currency == held.home_currency else ""
    return {
        "DetailType": "JournalEntryLineDetail",
        "Amount": from_minor(abs(held.transaction_minor), held.transaction_currency),
        "Description": write_line_text(held, company.dimensions, told),
        "JournalEntryLineDetail": detail,
    }


def shown(entry: Entry, *, multicurrency: bool) -> Entry:
    """Return `entry` as QuickBooks can hold it: in one currency at one rate, else in home currency."""
    entry = shown_texts(entry)
    if multicurrency and _is_one_currency(entry):
        return replace(entry, lines=tuple(replace(line, rate=plain_rate(line.rate)) for line in entry.lines))
    return replace(entry, lines=tuple(in_home_currency(line) for line in entry.lines))


def _is_one_currency(entry: Entry) -> bool:
    """Whether one foreign currency and one rate give every home amount of the entry."""
    first = entry.lines[0]
    return first.transaction_currency != first.home_currency and all(
        line.transaction_currency == first.transaction_currency
        and Decimal(line.rate) == Decimal(first.rate)
        and line.home_minor
        == _home_minor(line.transaction_minor, line.transaction_currency, line.home_currency, line.rate)
        for line in entry.lines
    )


def _home_minor(minor: int, currency: str, home_currency: str, rate: str) -> int:
    home = _EXACT.multiply(from_minor(minor, currency), Decimal(rate))
    return to_minor(home.quantize(Decimal(1).scaleb(-exponent(home_currency)), ROUND_HALF_UP, _EXACT), home_currency)


def read_entry(key: str, record: Mapping[str, Any], company: Company) -> Held:
    """Read a JournalEntry of QuickBooks that was looked up for `key`."""
    note = read_note(record.get("PrivateNote") or "")
    memo = note.memo if note.key in ("", key) else f"({note.key}) {note.memo}"
    currency = record.get("CurrencyRef", {}).get("value") or company.home_currency
    rate = plain_rate(Decimal(record.get("ExchangeRate") or 1)) if currency != company.home_currency else "1"
    lines = tuple(
        _read_line(line, currency, rate, company)
        for line in record.get("Line", ())
        if line.get("DetailType") == "JournalEntryLineDetail"
    )
    entry = Entry(key, date.fromisoformat(record["TxnDate"]), memo, lines, note.reverses)
    return Held(PostedEntry(str(record["Id"]), note.token, entry), note)


def _read_line(line: Mapping[str, Any], currency: str, rate: str, company: Company) -> EntryLine:
    detail = line["JournalEntryLineDetail"]
    minor = to_minor(Decimal(line.get("Amount") or 0), currency)
    minor = -minor if detail.get("PostingType") == "Credit" else minor
    home = company.home_currency
    texts = dict(read_line_text(line.get("Description") or ""))
    for name, ids in company.dimensions.items():
        if referred := detail.get(_REFS[name], {}).get("value"):
            texts[name] = _named(ids, referred)
    account = _named(company.account_ids, detail.get("AccountRef", {}).get("value", "none"))
    return EntryLine(account, minor, currency, _home_minor(minor, currency, home, rate), home, rate, **texts)


def _named(ids: Mapping[str, str], wanted: str) -> str:
    return next((name for name, known in ids.items() if known == wanted), f"id {wanted}")
