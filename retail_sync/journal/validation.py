"""Reasons to hold a settlement's entries: small functions, each answering '' or a sentence.

Balanced is not enough: a wrong settlement can be plugged into balance (reference/marketplaces.md 1.7). The payout legs must
sum to what the settlement says it pays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retail_sync.core.money import to_minor
from retail_sync.journal.rules import PostingRules
from retail_sync.journal.settlement import Component, DesiredEntry, Settlement


def unknown_category(components: Sequence[Component], rules: PostingRules) -> str:
    """Every category needs an account."""
    missing = sorted({c.category for c in components if c.category not in rules.categories})
    return f"category_accounts.csv has no account for {', '.join(missing)}" if missing else ""


def unknown_account(entries: Sequence[DesiredEntry], _settlement: Settlement, rules: PostingRules) -> str:
    """Every account must be in the chart."""
    used = {(leg.line.account, leg.category) for entry in entries for leg in entry.legs}
    missing = sorted(
        f"{account} ({category or 'a leg of our own'})" for account, category in used if account not in rules.chart
    )
    return f"chart_of_accounts.csv has no account {', '.join(missing)}" if missing else ""


def unbalanced(entries: Sequence[DesiredEntry], _settlement: Settlement, _rules: PostingRules) -> str:
    """Every entry balances."""
    return "; ".join(filter(None, (entry.entry.imbalance() for entry in entries)))


def payout_differs(entries: Sequence[DesiredEntry], settlement: Settlement, _rules: PostingRules) -> str:
    """The payout legs over all entries of a settlement sum to its total."""
    lines = [leg.line for entry in entries if entry.kind == "settlement" for leg in entry.legs]
    paid = sum(line.home_minor for line in lines if line.role == "payout")
    wanted = to_minor(settlement.total, settlement.currency)
    return "" if paid == wanted else f"its payout legs sum to {paid} minor units, its total is {wanted}"


def carried_forward_open(entries: Sequence[DesiredEntry], _settlement: Settlement, _rules: PostingRules) -> str:
    """What earlier months park, the closing month takes back."""
    lines = [leg.line for entry in entries for leg in entry.legs]
    rest = sum(line.home_minor for line in lines if line.role == "carried_forward")
    return "" if rest == 0 else f"the carried-forward account keeps {rest} minor units"


VALIDATIONS: tuple[Callable[[Sequence[DesiredEntry], Settlement, PostingRules], str], ...] = (
    unknown_account,
    unbalanced,
    payout_differs,
    carried_forward_open,
)
