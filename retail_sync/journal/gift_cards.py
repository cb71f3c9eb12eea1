"""The journal entry of gift cards issued and expired: what is owed to their holders, without money.

A pure function from sums and rules to balanced entries (worked examples G1 and G2 of reference/ledgers.md section 6). Cards
sold and redeemed have no entry here: the store day books them from receipts and tenders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from retail_sync.core.money import to_minor
from retail_sync.journal.desired import DesiredEntry, Leg
from retail_sync.journal.rules import PostingRule, PostingRules
from retail_sync.schemas.journal import EntryLine

LIABILITY = "gift_card_liability"


@dataclass(frozen=True, slots=True)
class GiftCardAmount:
    """Sum of a day's events of one kind in one currency. `component` is gift_cards_issued or gift_cards_expired.

    Positive where the liability grows.
    """

    component: str
    amount: Decimal
    currency: str


def gift_card_entries(
    key: str, channel: str, on: date, memo: str, amounts: Sequence[GiftCardAmount], rules: PostingRules
) -> list[DesiredEntry]:
    """Return one entry per currency, or none where every amount is zero. `key` is completed by the currency."""
    entries = []
    for currency in sorted({item.currency for item in amounts}):
        legs = tuple(
            leg
            for item in sorted(amounts, key=lambda item: item.component)
            if item.currency == currency and item.amount
            for leg in _pair(item, channel, on, rules)
        )
        if legs:
            entries.append(DesiredEntry(f"{key}:{currency}", "gift_cards", on, memo, legs))
    return entries


def _pair(item: GiftCardAmount, channel: str, on: date, rules: PostingRules) -> tuple[Leg, Leg]:
    minor = to_minor(item.amount, item.currency)
    return (
        _leg(item, rules.rule(item.component, on, channel=channel), minor, channel, on),
        _leg(item, rules.rule(LIABILITY, on, channel=channel), -minor, channel, on),
    )


def _leg(item: GiftCardAmount, rule: PostingRule, minor: int, channel: str, on: date) -> Leg:
    line = EntryLine(
        account=rule.account,
        transaction_minor=minor,
        transaction_currency=item.currency,
        home_minor=minor,
        home_currency=item.currency,
        role="component",
        channel=channel,
        tax_code=rule.tax_code,
        memo=item.component.replace("_", " "),
    )
    return Leg(line, item.component, on, rule.name)
