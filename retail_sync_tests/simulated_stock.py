"""The ERP of the simulated retailer: what moved, and what lies where at the end of each day.

Every snapshot is the one before plus the movements of the day; nothing ever falls below zero. Quantities are pieces.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from retail_sync_tests.simulated_catalogue import ARTICLES, FBA, STORES, WAREHOUSE, Article
from retail_sync_tests.simulated_stores import StoreDay

_SUPPLIER_DAYS = (6, 20)
_TO_AMAZON_DAY = 12
_MONDAY = 0
_FBA_BUFFER = 30


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of stock, at the location's local time: in is positive, out negative."""

    movement_id: str
    location: str
    at: datetime
    sku: str
    kind: str
    quantity: int
    reference: str


@dataclass(frozen=True, slots=True)
class Shipment:
    """Units of an order that left a fulfilment centre or a warehouse of ours, at its local time."""

    shipment_id: str
    order_id: str
    at: datetime
    sku: str
    quantity: int
    location: str = FBA


@dataclass(frozen=True, slots=True)
class Level:
    """What lies at a location."""

    location: str
    sku: str
    quantity: int


class Stock:
    """The shelves, moved on day by day. `shipped` is what the marketplace will need in all."""

    def __init__(self, shipped: Counter[str], scale: int = 1) -> None:
        self._targets = {store.store: 15 + 3 * store.receipts_per_day * scale for store in STORES}
        self._targets[WAREHOUSE] = 4 * sum(self._targets.values())
        self._numbers = itertools.count(1)
        self._on_hand: dict[tuple[str, str], int] = {
            (location, a.sku): _in_packs(target, a) for location, target in self._targets.items() for a in ARTICLES
        }
        self._on_hand |= {(FBA, a.sku): _FBA_BUFFER + shipped[a.sku] for a in ARTICLES if a.on_amazon}

    def day(self, day: date, store_days: Sequence[StoreDay], shipments: Iterable[Shipment]) -> list[Movement]:
        """Everything that moved on a day, in the order in which the ERP numbered it."""
        moved = [*self._supplied(day), *self._replenished(day), *self._to_amazon(day)]
        for store_day in store_days:
            moved += self._sold(store_day)
        moved += [self._move(s.location, s.at, s.sku, "sale", -s.quantity, s.order_id) for s in shipments]
        return moved

    def levels(self) -> list[Level]:
        """What lies everywhere now."""
        return [Level(location, sku, quantity) for (location, sku), quantity in sorted(self._on_hand.items())]

    def _move(self, location: str, at: datetime, sku: str, kind: str, quantity: int, reference: str) -> Movement:
        self._on_hand[location, sku] += quantity
        return Movement(f"M{next(self._numbers):06d}", location, at, sku, kind, quantity, reference)

    def _sold(self, store_day: StoreDay) -> Iterator[Movement]:
        for receipt in store_day.receipts:
            for line in receipt.lines:
                if line.sku:
                    yield self._move(receipt.store, receipt.at, line.sku, line.kind, -line.quantity, receipt.receipt_id)

    def _supplied(self, day: date) -> Iterator[Movement]:
        """Suppliers fill the warehouse up, in whole cartons."""
        if day.day in _SUPPLIER_DAYS:
            for article in ARTICLES:
                missing = self._targets[WAREHOUSE] - self._on_hand[WAREHOUSE, article.sku]
                if missing > 0:
                    at = datetime.combine(day, time(7, 50))
                    quantity = _in_packs(missing, article)
                    yield self._move(WAREHOUSE, at, article.sku, "receipt", quantity, f"PO-{day:%m%d}")

    def _replenished(self, day: date) -> Iterator[Movement]:
        """On Mondays the stores get what they lack, in whole cartons; it arrives the same day."""
        if day.weekday() != _MONDAY:
            return
        for store in STORES:
            for article in ARTICLES:
                missing = self._targets[store.store] - self._on_hand[store.store, article.sku]
                if missing * 4 > self._targets[store.store]:
                    yield from self._transfer(day, store.store, article, _in_packs(missing, article))

    def _to_amazon(self, day: date) -> Iterator[Movement]:
        if day.day == _TO_AMAZON_DAY:
            for article in ARTICLES:
                if article.on_amazon:
                    yield from self._transfer(day, FBA, article, 2 * article.pack)

    def _transfer(self, day: date, to: str, article: Article, quantity: int) -> Iterator[Movement]:
        reference = f"TR-{to}-{day:%m%d}"
        yield self._move(WAREHOUSE, datetime.combine(day, time(5, 30)), article.sku, "transfer", -quantity, reference)
        yield self._move(to, datetime.combine(day, time(9, 15)), article.sku, "transfer", quantity, reference)


def _in_packs(quantity: int, article: Article) -> int:
    return -(-quantity // article.pack) * article.pack
