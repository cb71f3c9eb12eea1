"""The journal entry of a store's day: what was sold, what was collected for others, and the money it came in as.

A pure function from sums and rules to a balanced entry (worked examples D1 and E1 of reference/ledgers.md section 6). Cash is
booked as it was counted; what it differs from the cash tenders goes to over/short.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from retail_sync.core.money import to_minor
from retail_sync.journal.desired import DesiredEntry, Leg
from retail_sync.journal.rules import PostingRules
from retail_sync.schemas.journal import EntryLine

_PROCEEDS = "drawer_proceeds"
_CASH = "tender_cash"


@dataclass(frozen=True, slots=True)
class DayComponent:
    """Sum of one component of a store's day. `side` is sales, tenders or drawer."""

    side: str
    component: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class StoreDay:
    """A store's day in one currency, all its tills together."""

    store: str
    business_date: date
    currency: str
    components: Sequence[DayComponent]

    @property
    def entry_key(self) -> str:
        """Stable identity of its entry."""
        return f"pos:store-day:{self.store}:{self.business_date}:{self.currency}"


def store_day_entries(day: StoreDay, rules: PostingRules) -> list[DesiredEntry]:
    """Return the day's entry, or nothing where all its sums are zero."""
    sums: dict[str, int] = defaultdict(int)
    for part in day.components:
        # Money that came in is a debit; what it came in for is a credit.
        sign = -1 if part.side == "sales" else 1
        if part.component != "drawer_open":
            sums[part.component] += sign * to_minor(part.amount, day.currency)
    counted = sums.pop(_PROCEEDS, None)
    if counted is not None:
        expected = sums.get(_CASH, 0)
        sums[_CASH], sums["cash_over_short"] = counted, expected - counted
    legs = tuple(_leg(day, component, minor, rules) for component, minor in sorted(sums.items()) if minor)
    if not legs:
        return []
    memo = f"Store {day.store}, sales of {day.business_date}"
    return [DesiredEntry(day.entry_key, "store_day", day.business_date, memo, legs)]


def _leg(day: StoreDay, component: str, minor: int, rules: PostingRules) -> Leg:
    rule = rules.rule(component, day.business_date, channel="pos", marketplace=day.store)
    line = EntryLine(
        account=rule.account,
        transaction_minor=minor,
        transaction_currency=day.currency,
        home_minor=minor,
        home_currency=day.currency,
        role=rule.role,
        channel="pos",
        location=day.store,
        tax_code=rule.tax_code,
        memo=component.removeprefix("pos_").replace("_", " "),
    )
    return Leg(line, component, day.business_date, rule.name)
