"""Journal entries of a web shop's order: revenue when goods leave, money taken before as a prepayment, refunds by component.

A pure function from an order and rules to balanced entries (worked examples K1, K3, K5 and K6 of reference/ledgers.md section
6). An entry is the difference that an event makes to the position of the order. The payout that brings the money is the
settlement's entry, not one of these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from retail_sync.journal.desired import DesiredEntry, Leg
from retail_sync.journal.rules import PostingRules
from retail_sync.journal.storefront_position import Refund, StorefrontOrder, earned_by, position, refunds_of
from retail_sync.journal.tax_treatment import UNKNOWN
from retail_sync.schemas.journal import EntryLine

# Of one day goods come first: money that came with them is no prepayment (K1).
_STEPS = {"shipment": "shipped", "payment": "money taken", "refund": "money given back"}
_PLACES = {step: place for place, step in enumerate(_STEPS)}
# What money does is not taxed by itself.
_MONEY = ("order_payments", "order_refunds", "customer_prepayments")


def storefront_order_entries(order: StorefrontOrder, rules: PostingRules) -> list[DesiredEntry]:
    """Return the order's entries, one for each day and kind of event that moves its books.

    Raises UnclearOrder where its rows do not tell what to book, NoPostingRule where a rule is missing.
    """
    refunds = refunds_of(order)
    entries, before = [], Counter[str]()
    for on, step in _events(order):
        after = _position_after(order, refunds, on, step)
        legs = tuple(
            _leg(order, rules, on, category, minor - before[category])
            for category, minor in after.items()
            if minor != before[category]
        )
        if legs:
            entries.append(_entry(order, on, step, legs))
        before = after
    return entries


def _events(order: StorefrontOrder) -> Iterator[tuple[date, str]]:
    found = {
        *((item.on, _PLACES["shipment"]) for item in order.shipped),
        *((item.on, _PLACES["payment"]) for item in order.charged),
        *((item.on, _PLACES["refund"]) for item in order.refunded),
    }
    names = list(_STEPS)
    return ((on, names[place]) for on, place in sorted(found))


def _position_after(order: StorefrontOrder, refunds: Sequence[Refund], on: date, step: str) -> Counter[str]:
    def is_done(day: date, what: str) -> bool:
        return (day, _PLACES[what]) <= (on, _PLACES[step])

    return position(
        order,
        earned_by(order, [item for item in order.shipped if is_done(item.on, "shipment")]),
        sum(item.minor for item in order.charged if is_done(item.on, "payment")),
        [refund for refund in refunds if is_done(refund.on, "refund")],
    )


def _entry(order: StorefrontOrder, on: date, step: str, legs: tuple[Leg, ...]) -> DesiredEntry:
    return DesiredEntry(
        entry_key=f"{order.channel}:order:{order.order_id}:{step}:{on}",
        kind=f"storefront_{step}",
        posting_date=on,
        memo=f"{order.channel.capitalize()} order {order.order_id}, {_STEPS[step]}",
        legs=legs,
    )


def _leg(order: StorefrontOrder, rules: PostingRules, on: date, category: str, minor: int) -> Leg:
    treatment = UNKNOWN if category in _MONEY else order.treatment
    rule = rules.rule(category, on, channel=order.channel, marketplace=treatment.country, tax_treatment=treatment.name)
    words = (category.replace("_", " "), treatment.name.replace("_", " "), treatment.country)
    line = EntryLine(
        account=rule.account,
        transaction_minor=minor,
        transaction_currency=order.currency,
        home_minor=minor,
        home_currency=order.currency,
        role=rule.role,
        channel=order.channel,
        location=treatment.country,
        tax_code=rule.tax_code,
        memo=" ".join(filter(None, words)),
    )
    return Leg(line, category, on, rule.name)
