"""A seeded simulation of tills: receipts with tax, discounts, tips, gift cards and returns, what they were paid with, drawers.

What belongs here: what truly happened in the stores. What does not: planted problems (`store_problems`), file layouts
(`store_files`), and anything shared with the product: a reader and a writer that share a mistake prove nothing.
Every receipt's tenders sum to its lines, and every drawer holds its float and its cash; money is integer cents.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from retail_sync_tests.simulated_catalogue import ARTICLES, STORES, Store

FLOAT_CENTS = 20_000
_RETURNABLE = 300
_GIFT_CARDS = (2500, 5000, 10_000)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a receipt; a return is negative. `net` is after `discount` and without `tax`."""

    kind: str
    sku: str
    quantity: int
    net: int
    tax: int = 0
    discount: int = 0


@dataclass(frozen=True, slots=True)
class Tender:
    """Money for a receipt: cash, card or gift_card; given back when negative."""

    kind: str
    amount: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as the till printed it, at the store's local time."""

    store: str
    register: str
    receipt_id: str
    at: datetime
    lines: tuple[Line, ...]
    tenders: tuple[Tender, ...]

    @property
    def total(self) -> int:
        """What the customer owed, or got back."""
        return sum(line.net + line.tax for line in self.lines)

    def paid(self, kind: str) -> int:
        """Money of one kind."""
        return sum(tender.amount for tender in self.tenders if tender.kind == kind)


@dataclass(frozen=True, slots=True)
class Drawer:
    """A drawer from opening to closing; `counted` is None where nobody counted it."""

    store: str
    register: str
    shift_id: str
    opened_at: datetime
    closed_at: datetime
    opening: int
    counted: int | None


@dataclass(frozen=True, slots=True)
class StoreDay:
    """A store's day: its receipts in the order of time, and its drawers."""

    store: Store
    day: date
    receipts: tuple[Receipt, ...]
    drawers: tuple[Drawer, ...]


@dataclass(slots=True)
class _Sold:
    """A line that may still come back, with how it was paid."""

    line: Line
    tender: str


@dataclass(slots=True)
class Till:
    """One register. Its random stream is its own, so that one till more changes nothing at the others."""

    store: Store
    register: str
    pace: int
    seed: int
    _rng: random.Random = field(init=False)
    _number: int = field(init=False, default=0)
    _sold: deque[_Sold] = field(init=False, default_factory=lambda: deque(maxlen=_RETURNABLE))
    _gift_cards: deque[int] = field(init=False, default_factory=deque)

    def __post_init__(self) -> None:
        """Start the stream."""
        self._rng = random.Random(f"{self.seed}|{self.store.store}|{self.register}")

    def day(self, day: date) -> tuple[tuple[Receipt, ...], Drawer]:
        """Ring up one day, busier on Saturday and Sunday."""
        busy = 3 if day.weekday() >= 5 else 2
        count = self.pace * busy // 2 + self._rng.randrange(max(1, self.pace // 2))
        minutes = sorted(self._rng.randrange((self.store.closes - self.store.opens) * 60) for _ in range(count))
        opening = datetime.combine(day, time(self.store.opens))
        receipts = tuple(self._receipt(opening + timedelta(minutes=minute)) for minute in minutes)
        return receipts, self._drawer(day, receipts)

    def _drawer(self, day: date, receipts: Sequence[Receipt]) -> Drawer:
        cash = sum(receipt.paid("cash") for receipt in receipts)
        # Once in a while a few coins are missing or too many: the tolerance is for these.
        miscounted = self._rng.randrange(-95, 96) if self._rng.randrange(9) == 0 else 0
        return Drawer(
            self.store.store,
            self.register,
            f"{self.store.store}-{self.register}-{day:%y%m%d}",
            datetime.combine(day, time(self.store.opens - 1, 40)),
            datetime.combine(day, time(self.store.closes, 25)),
            FLOAT_CENTS,
            FLOAT_CENTS + cash + miscounted,
        )

    def _receipt(self, at: datetime) -> Receipt:
        self._number += 1
        draw = self._rng.randrange(100)
        if draw < 5 and self._sold:
            lines, tenders = self._return()
        else:
            lines, tenders = self._sale(sells_gift_card=draw >= 96)
        number = f"{self.store.store}-{self.register}-{self._number:05d}"
        return Receipt(self.store.store, self.register, number, at, tuple(lines), tuple(tenders))

    def _return(self) -> tuple[list[Line], list[Tender]]:
        """An earlier line comes back as a whole, and its money the way it came."""
        index = self._rng.randrange(len(self._sold))
        sold = self._sold[index]
        del self._sold[index]
        line = Line("return", sold.line.sku, -sold.line.quantity, -sold.line.net, -sold.line.tax)
        return [line], [Tender(sold.tender, line.net + line.tax)]

    def _sale(self, *, sells_gift_card: bool) -> tuple[list[Line], list[Tender]]:
        rng = self._rng
        goods = [self._goods() for _ in range(rng.choice((1, 1, 1, 2, 2, 3)))]
        lines = list(goods)
        if sells_gift_card:
            lines.append(Line("gift_card_sold", "", 1, rng.choice(_GIFT_CARDS)))
        by_card = rng.randrange(100) < 72
        if by_card and rng.randrange(12) == 0:
            lines.append(Line("tip", "", 1, rng.randrange(100, 600)))
        tenders = self._tenders(sum(line.net + line.tax for line in lines), by_card=by_card, may_redeem=lines == goods)
        self._gift_cards.extend(line.net for line in lines if line.kind == "gift_card_sold")
        if len(tenders) == 1 and tenders[0].kind != "gift_card":
            self._sold.extend(_Sold(line, tenders[0].kind) for line in goods)
        return lines, tenders

    def _goods(self) -> Line:
        article = self._rng.choice(ARTICLES)
        quantity = self._rng.choice((1, 1, 1, 1, 2, 2, 3))
        full = article.price_cents * quantity
        discount = (full + 5) // 10 if self._rng.randrange(10) == 0 else 0
        net = full - discount
        tax = (net * self.store.tax_per_100000 + 50_000) // 100_000
        return Line("sale", article.sku, quantity, net, tax, discount)

    def _tenders(self, total: int, *, by_card: bool, may_redeem: bool) -> list[Tender]:
        """Cash or card, after a gift card where a customer has one."""
        tenders = []
        if may_redeem and self._gift_cards and self._rng.randrange(6) == 0:
            balance = self._gift_cards.popleft()
            used = min(balance, total)
            if balance > used:
                self._gift_cards.append(balance - used)
            tenders.append(Tender("gift_card", used))
            total -= used
        if total:
            tenders.append(Tender("card" if by_card else "cash", total))
        return tenders


class Retail:
    """All stores, day by day. `scale` multiplies the receipts of an ordinary day."""

    def __init__(self, seed: int, scale: int = 1, stores: Sequence[Store] = STORES) -> None:
        self._tills = [(s, Till(s, register, pace * scale, seed)) for s in stores for register, pace in s.pace]
        self._stores = stores

    def day(self, day: date) -> list[StoreDay]:
        """Every store's day; days must be asked for in their order."""
        rung = [(store, till.day(day)) for store, till in self._tills]
        found = []
        for store in self._stores:
            mine = [one for owner, one in rung if owner is store]
            receipts = sorted((r for receipts, _ in mine for r in receipts), key=lambda r: (r.at, r.receipt_id))
            found.append(StoreDay(store, day, tuple(receipts), tuple(drawer for _, drawer in mine)))
        return found


def days_of(first: date, last: date) -> list[date]:
    """Every day from the first to the last."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
