"""What the books hold of a web shop's order after each event: charged or owed, prepaid, earned, given back.

A pure function of an order's facts. Nothing is guessed: what the rows do not tell raises UnclearOrder with its reason. Shares
are taken of the whole order and of all that has left so far, so whatever the parts are, they sum to the order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from retail_sync.core.money import format_money
from retail_sync.journal.tax_treatment import UNKNOWN, Treatment


class UnclearOrder(Exception):  # noqa: N818 - not a failure: the document is held and says so
    """What an order's rows do not tell. `code` is the exception's code, `str()` the reason as a sentence."""

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class OrderedGoods:
    """A line of the order: how much of an article, what it is worth beside the other lines, its tax where the line says it."""

    sku: str
    quantity: Decimal
    value: Decimal
    tax: Decimal | None


@dataclass(frozen=True, slots=True)
class Shipped:
    """Units that left on a day."""

    on: date
    sku: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Money:
    """Minor units that were charged, or given back, on a day. A refund that failed is negative."""

    on: date
    minor: int


@dataclass(frozen=True, slots=True)
class ReturnedGoods:
    """What a return says was given back for the goods, and the tax in it where it says that."""

    minor: int
    tax_minor: int | None


@dataclass(frozen=True, slots=True)
class StorefrontOrder:
    """What the journal needs to know of an order, in minor units of its currency. `tax` is None where nothing tells it.

    `returned` are in the order of their days.
    """

    channel: str
    order_id: str
    currency: str
    total: int
    tax: int | None
    shipping: int
    goods: Sequence[OrderedGoods] = ()
    shipped: Sequence[Shipped] = ()
    charged: Sequence[Money] = ()
    refunded: Sequence[Money] = ()
    returned: Sequence[ReturnedGoods] = ()
    treatment: Treatment = UNKNOWN

    def money(self, minor: int) -> str:
        """An amount for people."""
        return format_money(minor, self.currency)


@dataclass(frozen=True, slots=True)
class Parts:
    """An amount by what it is for."""

    goods: int = 0
    shipping: int = 0
    tax: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.goods + self.shipping + self.tax


@dataclass(frozen=True, slots=True)
class Refund:
    """A day's refund. `is_returned`: a return says what it was given for; `tax` is then the tax in it, where it says that."""

    on: date
    minor: int
    is_returned: bool = False
    tax: int | None = None


def position(order: StorefrontOrder, earned: Parts, charged: int, refunds: Sequence[Refund]) -> Counter[str]:
    """Return the minor units of each category, debit positive. They sum to zero."""
    refunded = sum(refund.minor for refund in refunds)
    prepaid = max(charged - earned.total, 0)
    # What was given back for goods that came back is of what has left; the rest is of what has not, as far as that goes.
    others = sum(refund.minor for refund in refunds if not refund.is_returned)
    unearned = min(max(others, refunded - earned.total, 0), prepaid)
    back = _given_back(order, earned, refunded - unearned, refunds)
    return Counter({
        "order_payments": max(charged, earned.total),
        "order_refunds": -refunded,
        "customer_prepayments": unearned - prepaid,
        "product_sales": -earned.goods,
        "shipping_income": -earned.shipping,
        "own_tax": back.tax - earned.tax,
        "product_refunds": back.goods,
        "shipping_refunds": back.shipping,
    })  # fmt: skip


def _given_back(order: StorefrontOrder, earned: Parts, minor: int, refunds: Sequence[Refund]) -> Parts:
    """What part of a refund of what has left is goods, shipping and tax."""
    if not 0 <= minor <= earned.total:
        raise UnclearOrder(
            "storefront_refund_more",
            f"{order.money(minor)} was given back beyond prepayments, and {order.money(earned.total)} was shipped",
        )
    if minor == earned.total:
        return earned
    if not minor or not earned.tax:
        return Parts(goods=minor)
    returned = [refund for refund in refunds if refund.is_returned]
    taxes = [refund.tax for refund in returned if refund.tax is not None]
    if minor != sum(refund.minor for refund in returned) or len(taxes) < len(returned):
        raise UnclearOrder(
            "storefront_refund_tax_unknown", f"nothing says how much tax is in the {order.money(minor)} given back"
        )
    tax = sum(taxes)
    if not 0 <= tax <= min(minor, earned.tax):
        raise UnclearOrder(
            "storefront_refund_more",
            f"its returns have {order.money(tax)} of tax, and {order.money(earned.tax)} of tax was charged",
        )
    return Parts(goods=minor - tax, tax=tax)


def earned_by(order: StorefrontOrder, shipped: Iterable[Shipped]) -> Parts:
    """Return the share of the order that has left: all of it once everything has, so the last shipment takes the remainder."""
    left: dict[str, Decimal] = defaultdict(Decimal)
    for item in shipped:
        left[item.sku] += item.quantity
    if not left:
        return Parts()
    if order.tax is None:
        raise UnclearOrder("storefront_tax_unknown", "nothing says how much tax is in its total")
    goods = order.total - order.tax - order.shipping
    if min(goods, order.tax, order.shipping) < 0:
        raise UnclearOrder("storefront_total_differs", "its tax and shipping are more than its total")
    by_value, by_tax = _shares(order.goods, left)
    return Parts(round(goods * by_value), round(order.shipping * by_value), round(order.tax * by_tax))


def _shares(goods: Sequence[OrderedGoods], left: Mapping[str, Decimal]) -> tuple[Fraction, Fraction]:
    """Return which part of the value, and which of the tax, has left: each article by its quantity."""
    named = [line for line in goods if line.sku and line.quantity > 0]
    ordered = _sums((line.sku, line.quantity) for line in named)
    for sku, quantity in left.items():
        if not 0 <= quantity <= ordered.get(sku, 0):
            raise UnclearOrder(
                "storefront_shipment_unknown",
                f"{quantity.normalize():f} of {sku} were shipped, and {ordered.get(sku, Decimal()).normalize():f} are in the order",
            )
    shares = {sku: Fraction(left.get(sku, 0)) / Fraction(quantity) for sku, quantity in ordered.items()}
    # Where everything is free, or a line takes something off, the number of units is what is left to weigh by.
    weights = [_sums((line.sku, line.value) for line in named), ordered]
    taxes = [line.tax for line in named if line.tax is not None]
    by_tax = (
        [_sums((line.sku, tax) for line, tax in zip(named, taxes, strict=True))] if len(taxes) == len(named) else []
    )
    return _share(shares, weights), _share(shares, [*by_tax, *weights])


def _share(shares: Mapping[str, Fraction], weights: Sequence[Mapping[str, Decimal]]) -> Fraction:
    """Weigh by the first weights that say anything."""
    for weight in weights:
        if min(weight.values()) >= 0 and any(weight.values()):
            total = sum(map(Fraction, weight.values()), Fraction())
            return sum((Fraction(weight[sku]) * share for sku, share in shares.items()), Fraction()) / total
    return Fraction()


def _sums(pairs: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for name, value in pairs:
        sums[name] += value
    return dict(sums)


def refunds_of(order: StorefrontOrder) -> list[Refund]:
    """Return its refunds by day, each with the returns it was given for: the first that follow each other and sum to it.

    Raises UnclearOrder where a part has left and a refund may be of that part or of the rest. It is of the rest where it gives
    all of that back: then the rest was cancelled.
    """
    by_day: Counter[date] = Counter()
    for item in order.refunded:
        by_day[item.on] += item.minor
    waiting, found = list(order.returned), []
    for on in sorted(by_day):
        run = _run_of(waiting, by_day[on])
        taxes = [item.tax_minor for item in waiting[run] if item.tax_minor is not None]
        is_told = bool(taxes) and len(taxes) == len(waiting[run])
        found.append(Refund(on, by_day[on], run.stop > 0, sum(taxes) if is_told else None))
        del waiting[run]
    earned = earned_by(order, order.shipped).total if found else 0
    rest = max(sum(item.minor for item in order.charged) - earned, 0)
    others = sum(refund.minor for refund in found if not refund.is_returned)
    if earned and rest and others not in (0, rest):
        raise UnclearOrder(
            "storefront_refund_unclear",
            f"{order.money(others)} was given back, and nothing says whether for goods that left or for the "
            f"{order.money(rest)} of goods that did not",
        )
    return found


def _run_of(items: Sequence[ReturnedGoods], minor: int) -> slice:
    for start in range(len(items)):
        total = 0
        for end in range(start, len(items)):
            total += items[end].minor
            if total == minor:
                return slice(start, end + 1)
    return slice(0, 0)
