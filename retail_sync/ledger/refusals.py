"""What every ledger behind a file or an interface refuses before it sends: one check of an entry, in words.

The embedded ledger lets its database decide (`embedded_refusals.py`); the others are asked here first, because what they
answer by themselves is late, in other words, or missing (a text file refuses nothing).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from retail_sync.core.errors import LedgerRefused
from retail_sync.core.money import exponent
from retail_sync.ledger.embedded_refusals import key_conflict, malformed
from retail_sync.schemas.journal import Entry, EntryLine

__all__ = ["already_reversed", "key_conflict", "original_missing", "refusal", "unfit"]

_REPORT = "this is a fault of the program that built the entry: report it with the entry's key"


def refusal(entry: Entry, token: str, accounts: Mapping[str, bool], first_open: date) -> LedgerRefused | None:
    """Return why `entry` must not be booked, or None. `first_open` is the first open day from its posting date on."""
    if reason := malformed(entry, token):
        return LedgerRefused("malformed", reason, "correct what built the entry and send it again")
    if reason := entry.imbalance():
        return LedgerRefused("unbalanced", reason, _REPORT)
    wanted = sorted({leg.account for leg in entry.lines})
    if unknown := [code for code in wanted if code not in accounts]:
        return LedgerRefused(
            "unknown_account",
            f"{entry.key} uses accounts that the ledger does not have: {', '.join(unknown)}",
            "add them to the ledger's chart of accounts, or correct the rule that names them",
        )
    if inactive := [code for code in wanted if not accounts[code]]:
        return LedgerRefused(
            "inactive_account",
            f"{entry.key} uses accounts that take no entries in the ledger: {', '.join(inactive)}",
            "make the account active in the ledger, or correct the rule that names it",
        )
    return None if first_open == entry.posting_date else closed_period(entry, first_open)


def closed_period(entry: Entry, first_open: date | None = None) -> LedgerRefused:
    """Build the refusal of an entry whose period is closed."""
    return LedgerRefused(
        "closed_period",
        f"{entry.key} is dated {entry.posting_date}, which is closed in the ledger",
        f"book it on {first_open or 'the first open day'} or later, or ask who closes the books to open that period again",
    )


def already_reversed(entry: Entry, by: str) -> LedgerRefused:
    """Build the refusal of a second reversal. `by` names the one that is there."""
    return LedgerRefused(
        "already_reversed",
        f"{entry.key} reverses {entry.reverses}, which {by} has already reversed",
        "book the correction as a new version; an entry is reversed once",
    )


def original_missing(entry: Entry) -> LedgerRefused:
    """Build the refusal of a reversal whose original the ledger does not hold."""
    return LedgerRefused(
        "malformed",
        f"{entry.key} reverses {entry.reverses}, which is not in the ledger",
        "book the original first; if it was refused, the reversal is not needed",
    )


def unfit(system: str, entry: Entry, home_currency: str, digits: Mapping[str, int]) -> LedgerRefused | None:
    """Return why an ERP has no way to hold the amounts of `entry`, or None.

    Its books are in one home currency; `digits` are the decimals of the currencies it knows.
    """
    for number, leg in enumerate(entry.lines, start=1):
        if reason := _unfit(system, leg, home_currency, digits):
            return LedgerRefused(
                "malformed",
                f"{entry.key} line {number}: {reason}",
                f"set up the currency in {system}, or set home_currency to the company's",
            )
    return None


def _unfit(system: str, leg: EntryLine, home_currency: str, digits: Mapping[str, int]) -> str:
    if leg.home_currency != home_currency:
        return f"is in {leg.home_currency}, the company's books are in {home_currency}"
    if leg.transaction_currency == home_currency:
        same = leg.transaction_minor == leg.home_minor
        return "" if same else f"has two different amounts in {home_currency}"
    if leg.transaction_minor * leg.home_minor < 0:
        return "has a debit in one currency and a credit in the other"
    if leg.transaction_currency not in digits:
        return f"is in {leg.transaction_currency}, which is not among {system}'s currencies"
    if digits[leg.transaction_currency] < exponent(leg.transaction_currency):
        return f"{leg.transaction_currency} has too few digits in {system}"
    return ""
