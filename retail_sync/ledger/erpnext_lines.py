"""Lines of ERPNext's journal entries and ledger: written from ours, read back, and why ERPNext would not hold one.

What is known of the company stands in `Books`. How a server is asked is `erpnext.py`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from retail_sync.core.errors import LedgerRefused
from retail_sync.core.money import exponent, from_minor, to_minor
from retail_sync.ledger.line_notes import DEFAULTS, line_text
from retail_sync.schemas.journal import Entry, EntryLine

_KEY_LETTERS = 140  # of a Data field
_RATE_DIGITS = Decimal("1e-9")  # of a Float field
_NO_CURRENCY = "XXX"  # ISO 4217: no currency involved
_ZERO = Decimal(0)
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Account:
    """An account: its name, its own currency, and whether it may be posted to."""

    name: str
    currency: str
    takes_entries: bool


@dataclass(frozen=True, slots=True)
class Books:
    """What has to be known of the company to send entries to it. `accounts` by number, `codes` by name."""

    company: str
    home_currency: str
    cost_center: str
    accounts: Mapping[str, Account]
    codes: Mapping[str, str]
    digits: Mapping[str, int]
    locked_until: date | None
    closed: Sequence[tuple[date, date]]

    def first_open(self, wanted: date) -> date:
        """Return `wanted`, or the first later day that is not closed."""
        day = wanted if self.locked_until is None else max(wanted, self.locked_until + timedelta(days=1))
        for first, last in sorted(self.closed):
            if first <= day <= last:
                day = last + timedelta(days=1)
        return day


def line_values(leg: EntryLine, books: Books) -> dict[str, Any]:
    """Return a row of the table `accounts`: the amount in the account's currency, and what makes the home amount of it."""
    account = books.accounts[leg.account]
    others: dict[str, str] = {}
    if account.currency != books.home_currency:
        amount, rate = from_minor(leg.transaction_minor, leg.transaction_currency), _rate(leg)
    else:
        amount, rate = from_minor(leg.home_minor, leg.home_currency), _ONE
        if leg.transaction_currency != leg.home_currency:
            transaction = from_minor(leg.transaction_minor, leg.transaction_currency)
            others = {"currency": leg.transaction_currency, "amount": str(transaction)}
    line = {
        "account": account.name,
        "debit_in_account_currency": max(amount, _ZERO),
        "credit_in_account_currency": max(-amount, _ZERO),
        "exchange_rate": rate,
        "user_remark": line_text(leg, "", others),
    }
    return line | ({"cost_center": books.cost_center} if books.cost_center else {})


def _rate(leg: EntryLine) -> Decimal:
    """Return the rate that ERPNext is to multiply an amount with to get the home amount."""
    transaction = from_minor(leg.transaction_minor, leg.transaction_currency)
    if not transaction:
        return _ONE
    return (from_minor(leg.home_minor, leg.home_currency) / transaction).quantize(_RATE_DIGITS)


def unheld(entry: Entry, books: Books) -> LedgerRefused | None:
    """Return why ERPNext would not hold `entry` as it is, or None."""
    reason = f"the key has more than {_KEY_LETTERS} letters" if len(entry.key) > _KEY_LETTERS else ""
    for number, leg in enumerate(entry.lines, start=1):
        if not reason and (fault := _line_fault(leg, books)):
            reason = f"line {number} {fault}"
    if not reason:
        return None
    remedy = "keep the account in the company's currency in ERPNext, or correct the rule that built the entry"
    return LedgerRefused("malformed", f"{entry.key}: {reason}", remedy)


def _line_fault(leg: EntryLine, books: Books) -> str:
    account = books.accounts[leg.account]
    if not leg.home_minor:
        return f"has no amount in {books.home_currency}, and ERPNext takes no such line"
    if account.currency == books.home_currency:
        return ""
    if leg.transaction_currency != account.currency:
        return f"is in {leg.transaction_currency}, the account {leg.account} is kept in {account.currency}"
    rate = _rate(leg)
    if rate == _ONE:  # ERPNext takes that for "no rate given" and looks for one of its own
        return f"has the rate 1 from {account.currency}, for which ERPNext would take a rate of its own"
    computed = from_minor(leg.transaction_minor, leg.transaction_currency) * rate
    off = abs(computed - from_minor(leg.home_minor, leg.home_currency)).scaleb(exponent(leg.home_currency))
    return "" if off < Decimal("0.49") else f"has no rate of nine digits that makes its {leg.home_currency} amount"


def leg_of(row: Mapping[str, Any], books: Books, notes: Mapping[str, str]) -> EntryLine:
    """Return what a line of a journal entry or of the ledger says."""
    code = books.codes.get(row["account"], row["account"])
    currency = row["account_currency"] or books.home_currency
    others = {name: notes.get(name, default) for name, default in DEFAULTS.items()}
    try:
        minor = home = to_minor(_amount(row, "debit") - _amount(row, "credit"), books.home_currency)
        if currency != books.home_currency:
            own = _amount(row, "debit_in_account_currency") - _amount(row, "credit_in_account_currency")
            minor = to_minor(own, currency)
        elif "currency" in notes and "amount" in notes:
            currency = str(notes["currency"])
            minor = to_minor(Decimal(str(notes["amount"])), currency)
    except (ValueError, ArithmeticError):  # more decimals than the currency has, or no number: nothing of ours
        return EntryLine(code, 0, _NO_CURRENCY, 0, _NO_CURRENCY)
    return EntryLine(code, minor, currency, home, books.home_currency, memo=notes.get("memo", ""), **others)


def _amount(row: Mapping[str, Any], name: str) -> Decimal:
    return Decimal(str(row[name] or 0))
