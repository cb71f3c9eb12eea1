"""Reasons to hold a document's entries: small functions, each answering '' or a sentence.

Balanced is not enough: a wrong settlement can be plugged into balance (reference/marketplaces.md 1.7). The payout legs must
sum to what the settlement says it pays, the deposit to what the bank shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from retail_sync.core.money import to_minor
from retail_sync.journal.desired import DesiredEntry, Document
from retail_sync.journal.rules import NoPostingRule, PostingRules
from retail_sync.journal.settlement import Settlement


def with_entries(
    document: Document,
    build: Callable[[], Sequence[DesiredEntry]],
    rules: PostingRules,
    validations: Sequence[Callable[[Sequence[DesiredEntry]], str]] = (),
) -> Document:
    """Return the document with the entries that `build` makes, or held where one of them may not be released."""
    try:
        entries = build()
    except NoPostingRule as missing:
        return replace(document, held_code="account_unknown", held_reason=str(missing))
    if reason := _unknown_account(entries, rules):
        return replace(document, held_code="account_unknown", held_reason=reason)
    if reason := "; ".join(filter(None, (check(entries) for check in validations))):
        return replace(document, held_code="entry_invariant_broken", held_reason=reason)
    return replace(document, entries=tuple(entries))


def balanced(document: Document) -> Document:
    """Return the document, or held where one of its entries does not balance: the last look before it is written."""
    found = [entry.entry.imbalance() for entry in document.entries]
    if reason := "; ".join(filter(None, found)):
        return replace(document, entries=(), held_code="entry_invariant_broken", held_reason=reason)
    return document


def _unknown_account(entries: Sequence[DesiredEntry], rules: PostingRules) -> str:
    used = {(leg.line.account, leg.category) for entry in entries for leg in entry.legs}
    missing = sorted(
        f"{account} ({category or 'a leg of our own'})" for account, category in used if account not in rules.chart
    )
    return f"chart_of_accounts.csv has no account {', '.join(missing)}" if missing else ""


def payout_differs(entries: Sequence[DesiredEntry], settlement: Settlement) -> str:
    """The payout legs over all entries of a settlement sum to its total."""
    lines = [leg.line for entry in entries if entry.kind == "settlement" for leg in entry.legs]
    paid = sum(line.home_minor for line in lines if line.role == "payout")
    wanted = to_minor(settlement.total, settlement.currency)
    return "" if paid == wanted else f"its payout legs sum to {paid} minor units, its total is {wanted}"


def deposit_differs(entries: Sequence[DesiredEntry], settlement: Settlement) -> str:
    """A deposit debits the bank with what the bank shows: its balance is that of the statement, whatever was announced."""
    lines = [leg.line for entry in entries if entry.kind == "deposit" for leg in entry.legs]
    booked = sum(line.transaction_minor for line in lines if line.role == "bank")
    arrived = to_minor(settlement.bank_amount or Decimal(0), settlement.currency)
    if settlement.converted:
        arrived += to_minor(settlement.converted.amount, settlement.converted.currency)
    return "" if not lines or booked == arrived else f"its deposit is {booked} minor units, the bank shows {arrived}"


def cleared_rest(entries: Sequence[DesiredEntry], settlement: Settlement) -> str:
    """A deposit whose difference is cleared takes out of transit just what the settlement put there."""
    lines = [leg.line for entry in entries if entry.kind == "deposit" for leg in entry.legs]
    if not settlement.cleared or not lines:
        return ""
    named = settlement.cleared.account
    left = to_minor(settlement.total, settlement.currency) + sum(
        line.home_minor for line in lines if line.role in ("deposit", "cleared_difference") and line.account != named
    )
    return f"a rule clears its difference, and {left} minor units stay in transit" if left else ""


def carried_forward_open(entries: Sequence[DesiredEntry], settlement: Settlement) -> str:
    """What earlier months park, the closing month takes back."""
    lines = [leg.line for entry in entries for leg in entry.legs]
    rest = sum(line.home_minor for line in lines if line.role == "carried_forward")
    return "" if rest == 0 else f"the carried-forward account keeps {rest} minor units"


SETTLEMENT_VALIDATIONS: tuple[Callable[..., str], ...] = (
    payout_differs,
    deposit_differs,
    cleared_rest,
    carried_forward_open,
)
