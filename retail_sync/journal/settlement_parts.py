"""Into which entries a settlement is cut: by month, by day, or by order and month (the setting `ledger.granularity`).

Which components are booked together, on which day, under which key and title. The legs they get are in `settlement.py`; which
lines are in which part says the view `journal.settlement_line_parts`.
"""

from __future__ import annotations

import calendar
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal
from urllib.parse import quote

Granularity = Literal["settlement", "day", "order"]
# ERPNext takes keys of 140 letters, and a home may name orders as it likes.
_ORDER_LETTERS = 60


@dataclass(frozen=True, slots=True)
class Component:
    """Sum of a settlement's lines of one category and marketplace in one part of it.

    `posting_month` is the first day of their month; the day itself where the settlement is cut by day. `order_id` is empty for
    lines without an order, and for all where it is not cut by order.
    """

    posting_month: date
    event_date: date | None
    category: str
    marketplace: str
    amount: Decimal
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Components that are booked as one entry, on one day.

    `is_closing` is the part that has the payout. `name` completes the settlement's key, `title` its memo.
    """

    components: Sequence[Component]
    on: date
    is_closing: bool
    name: str
    title: str


def parts_of(components: Sequence[Component], closing_date: date, granularity: Granularity) -> list[Part]:
    """Return the parts of a settlement by month or day, and order; last the one that has the payout.

    That one is there without components too: a payout must not be lost because nothing was sold since.
    """
    closing = closing_date if granularity == "day" else closing_date.replace(day=1), ""
    found: dict[tuple[date, str], list[Component]] = defaultdict(list)
    found[closing] = []
    for component in components:
        found[component.posting_month, component.order_id].append(component)
    places = [*sorted(place for place in found if place != closing), closing]
    return [
        Part(
            components=found[begins, order_id],
            on=begins if granularity == "day" else min(_last_day(begins), closing_date),
            is_closing=(begins, order_id) == closing,
            name=_name(begins, order_id, granularity),
            title=_title(begins, order_id, granularity, closing_date if len(places) == 1 else None),
        )
        for begins, order_id in places
    ]


def _last_day(month: date) -> date:
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def _name(begins: date, order_id: str, granularity: Granularity) -> str:
    if granularity == "day":
        return str(begins)
    if granularity == "settlement":
        return f"{begins:%Y-%m}"
    return f"{begins:%Y-%m}:order:{_in_key(order_id)}" if order_id else f"{begins:%Y-%m}:no-order"


def _in_key(order_id: str) -> str:
    """Write an order id so that every ledger takes it: no blank, no `#`, which parts a key from its version, not too long."""
    plain = quote(order_id, safe="")
    digest = hashlib.sha256(order_id.encode()).hexdigest()
    return plain if len(plain) <= _ORDER_LETTERS else f"sha256-{digest[:32]}"


def _title(begins: date, order_id: str, granularity: Granularity, closed: date | None) -> str:
    if granularity == "day":
        return str(begins)
    if granularity == "order":
        return f"{begins:%B %Y}, {f'order {order_id}' if order_id else 'without an order'}"
    return f"closed {closed}" if closed else f"{begins:%B %Y} part"
