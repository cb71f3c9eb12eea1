"""The journal entries of goods: cost of sales, write-offs, count differences, and the month-end true-up of stock.

Pure functions from sums and rules to balanced entries (worked examples D4, E2, E3 and F1 to F3 of reference/ledgers.md
section 6). Amounts are minor units at cost; each pair moves value from one leg to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from retail_sync.journal.desired import DesiredEntry, Leg
from retail_sync.journal.rules import PostingRule, PostingRules
from retail_sync.schemas.journal import EntryLine

# What is booked → the leg that is debited and the one that is credited by a positive amount.
PAIRS = {
    "cost_of_goods_sold": ("cogs", "inventory"),
    "cost_of_goods_returned": ("inventory", "cogs"),
    "cost_written_off": ("stock_write_off", "cogs"),
    "write_off": ("stock_write_off", "inventory"),
    "count_difference": ("inventory", "shrinkage"),
    "marketplace_difference": ("inventory", "stock_write_off"),
    "true_up": ("inventory", "cogs"),
}


@dataclass(frozen=True, slots=True)
class StockAmount:
    """What is to be booked, as a key of PAIRS, in minor units."""

    component: str
    minor: int
    currency: str


def stock_entry(
    key: str, kind: str, on: date, memo: str, location: str, amounts: Sequence[StockAmount], rules: PostingRules
) -> list[DesiredEntry]:
    """Return one entry per currency, or none where every amount is zero. `key` is completed by the currency."""
    entries = []
    for currency in sorted({item.currency for item in amounts}):
        legs = tuple(
            leg
            for item in sorted(amounts, key=lambda item: item.component)
            if item.currency == currency and item.minor
            for leg in _pair(item, on, location, rules)
        )
        if legs:
            entries.append(DesiredEntry(f"{key}:{currency}", kind, on, memo, legs))
    return entries


def _pair(item: StockAmount, on: date, location: str, rules: PostingRules) -> tuple[Leg, Leg]:
    debit, credit = PAIRS[item.component]
    return (
        _leg(item, rules.rule(debit, on, marketplace=location), item.minor, on, location),
        _leg(item, rules.rule(credit, on, marketplace=location), -item.minor, on, location),
    )


def _leg(item: StockAmount, rule: PostingRule, minor: int, on: date, location: str) -> Leg:
    line = EntryLine(
        account=rule.account,
        transaction_minor=minor,
        transaction_currency=item.currency,
        home_minor=minor,
        home_currency=item.currency,
        role=rule.role,
        location=location,
        tax_code=rule.tax_code,
        memo=item.component.replace("_", " "),
    )
    return Leg(line, item.component, on, rule.name)
