"""A seeded simulation of the web shop: orders, what was paid and refunded for them, what the processor pays out, what is sent.

What belongs here: what truly happened. What does not: planted problems (`web_problems`), the exports' layout (`web_files`).
Money is integer cents in the shop's currency; instants are the shop's local time. A payout is its payments less their fees.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from retail_sync_tests.simulated_cards import payout_day
from retail_sync_tests.simulated_catalogue import ARTICLES, WAREHOUSE
from retail_sync_tests.simulated_stock import Shipment

TAX_PER_100000 = 6625
"""New Jersey, where the warehouse is: the shop charges tax there only."""
CAD_PER_10000 = 13_842
"""What a customer in Canada sees for one of the shop's dollars."""
_SHIPPING = 695
_FREE_SHIPPING_FROM = 7500
_FEE_PER_MILLE = 29
_FEE_FIXED = 30
_DISPUTE_FEE = 1500
_DISPUTED_ORDER = 30
_FIRST_ORDER = 1001
_FIRST_PAYOUT = 98_220_417_001
_SENT_AT = time(11, 20)


@dataclass(frozen=True, slots=True)
class WebLine:
    """A line of an order."""

    sku: str
    quantity: int
    unit_price: int


@dataclass(frozen=True, slots=True)
class WebOrder:
    """An order as the customer placed it; the total is what they pay."""

    name: str
    at: datetime
    lines: tuple[WebLine, ...]
    shipping: int
    tax: int
    pays_in: str

    @property
    def subtotal(self) -> int:
        """The goods, without shipping and tax."""
        return sum(line.quantity * line.unit_price for line in self.lines)

    @property
    def total(self) -> int:
        """What the customer pays."""
        return self.subtotal + self.shipping + self.tax


@dataclass(frozen=True, slots=True)
class WebPayment:
    """Money that the processor moved for an order, and the payout that it is in: none while it is pending."""

    kind: str
    order: WebOrder
    at: datetime
    gross: int
    fee: int
    payout_id: str = ""
    payout_date: date | None = None

    @property
    def net(self) -> int:
        """What is paid out of it."""
        return self.gross - self.fee

    @property
    def presentment(self) -> int:
        """What the customer saw, in the currency they pay in, without a sign."""
        rate = CAD_PER_10000 if self.order.pays_in == "CAD" else 10_000
        return (abs(self.gross) * rate + 5_000) // 10_000


@dataclass(frozen=True, slots=True)
class WebPayout:
    """What the processor says it sends to the bank, and why."""

    payout_id: str
    day: date
    charges: int
    refunds: int
    adjustments: int
    fees: int
    status: str = "paid"

    @property
    def total(self) -> int:
        """What arrives."""
        return self.charges + self.refunds + self.adjustments - self.fees


@dataclass(frozen=True, slots=True)
class WebDay:
    """What happened in the shop on a day: `payments` were booked and are pending, `paid_out` are those in its `payouts`."""

    day: date
    orders: tuple[WebOrder, ...]
    payments: tuple[WebPayment, ...]
    paid_out: tuple[WebPayment, ...]
    payouts: tuple[WebPayout, ...]
    shipments: tuple[Shipment, ...]


class WebShop:
    """The shop, day by day. `scale` multiplies the orders of an ordinary day."""

    def __init__(self, seed: int, scale: int = 1) -> None:
        self._rng = random.Random(f"{seed}|web")
        self._pace = 3 * scale
        self._number = _FIRST_ORDER
        self._to_send: list[WebOrder] = []
        self._to_refund: dict[date, list[WebPayment]] = defaultdict(list)
        self._payout_number = _FIRST_PAYOUT
        self._due: dict[date, list[WebPayment]] = defaultdict(list)

    def day(self, day: date) -> WebDay:
        """Sell, refund, send what was ordered before, and pay out; days must be asked for in their order."""
        sent = tuple(self._sent(day))
        orders = self._orders(day)
        payments = [self._charge(order) for order in orders]
        payments += self._to_refund.pop(day, [])
        for payment in payments:
            self._due[payout_day(payment.at.date())].append(payment)
        paid_out = self._pay_out(day)
        return WebDay(day, tuple(orders), tuple(payments), paid_out, (_payout(paid_out),) if paid_out else (), sent)

    def _pay_out(self, day: date) -> tuple[WebPayment, ...]:
        """What is due; where more is given back than was sold, it waits for the next working day."""
        due = self._due.pop(day, [])
        if sum(payment.net for payment in due) <= 0:
            if due:
                self._due[payout_day(day - timedelta(days=1))] += due
            return ()
        self._payout_number += 977
        return tuple(replace(p, payout_id=str(self._payout_number), payout_date=day) for p in due)

    def _orders(self, day: date) -> list[WebOrder]:
        count = self._pace + self._rng.randrange(self._pace)
        minutes = sorted(self._rng.randrange(7 * 60, 23 * 60) for _ in range(count))
        orders = [self._order(datetime.combine(day, time()) + timedelta(minutes=minute)) for minute in minutes]
        self._to_send += orders
        return orders

    def _order(self, at: datetime) -> WebOrder:
        rng, name = self._rng, f"#{self._number}"
        self._number += 1
        skus = rng.sample(ARTICLES, rng.choice((1, 1, 2, 2, 3)))
        lines = tuple(WebLine(article.sku, rng.choice((1, 1, 1, 2)), article.price_cents) for article in skus)
        goods = sum(line.quantity * line.unit_price for line in lines)
        shipping = 0 if goods >= _FREE_SHIPPING_FROM else _SHIPPING
        place = rng.randrange(12)
        tax = ((goods + shipping) * TAX_PER_100000 + 50_000) // 100_000 if place < 3 else 0
        return WebOrder(
            name, at + timedelta(seconds=rng.randrange(60)), lines, shipping, tax, "CAD" if place == 11 else "USD"
        )

    def _charge(self, order: WebOrder) -> WebPayment:
        fee = (order.total * _FEE_PER_MILLE + 500) // 1000 + _FEE_FIXED
        charge = WebPayment("charge", order, order.at, order.total, fee)
        if order.name == f"#{_FIRST_ORDER + _DISPUTED_ORDER}":
            self._later(charge, "chargeback", 9, -order.total, _DISPUTE_FEE)
        elif self._rng.randrange(15) == 0:
            # A goodwill refund: the goods stay with the customer.
            self._later(charge, "refund", self._rng.randrange(2, 8), -(order.subtotal // 5), 0)
        return charge

    def _later(self, charge: WebPayment, kind: str, days: int, gross: int, fee: int) -> None:
        at = charge.at + timedelta(days=days, hours=1)
        at = at.replace(hour=min(at.hour, 22))
        self._to_refund[at.date()].append(WebPayment(kind, charge.order, at, gross, fee))

    def _sent(self, day: date) -> Iterator[Shipment]:
        """Everything ordered before is sent from the warehouse on the next morning."""
        waiting, self._to_send = self._to_send, []
        at = datetime.combine(day, _SENT_AT)
        for order in waiting:
            for number, line in enumerate(order.lines, 1):
                yield Shipment(f"{order.name[1:]}.{number}", order.name, at, line.sku, line.quantity, WAREHOUSE)


def _payout(payments: Sequence[WebPayment]) -> WebPayout:
    assert payments[0].payout_date
    return WebPayout(
        payments[0].payout_id,
        payments[0].payout_date,
        sum(p.gross for p in payments if p.kind == "charge"),
        sum(p.gross for p in payments if p.kind == "refund"),
        sum(p.gross for p in payments if p.kind == "chargeback"),
        sum(p.fee for p in payments),
    )
