"""A day of the whole simulated retailer: stores, card processor, web shop and stock, and what its stores' bank account shows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from retail_sync_tests.simulated_cards import CardProcessor, Payment, Payout
from retail_sync_tests.simulated_catalogue import BY_SKU, FBA, LOCATIONS
from retail_sync_tests.simulated_stock import Level, Movement, Shipment, Stock
from retail_sync_tests.simulated_stores import Drawer, Receipt, Retail, days_of
from retail_sync_tests.simulated_web import WebDay, WebShop
from retail_sync_tests.simulator import Row

ZONES = {location: ZoneInfo(zone) for location, _, _, zone in LOCATIONS}


@dataclass(frozen=True, slots=True)
class Deposit:
    """A line of a bank account."""

    day: date
    text: str
    amount: int


@dataclass(frozen=True, slots=True)
class CompanyDay:
    """What each system tells of one day. Receipts and their tenders are exported apart: `tendered` is the second list."""

    day: date
    receipts: tuple[Receipt, ...]
    tendered: tuple[Receipt, ...]
    drawers: tuple[Drawer, ...]
    payments: tuple[Payment, ...]
    payouts: tuple[Payout, ...]
    deposits: tuple[Deposit, ...]
    movements: tuple[Movement, ...]
    levels: tuple[Level, ...]
    shipments: tuple[Shipment, ...]
    web: WebDay


def company_days(
    seed: int, first: date, last: date, shipments: Iterable[Shipment], scale: int = 1
) -> Iterator[tuple[tuple[Level, ...], CompanyDay]]:
    """Yield what lay everywhere before each day, and the day; the last day closes what the processor has not paid out."""
    by_day = defaultdict(list)
    for shipment in shipments:
        by_day[shipment.at.date()].append(shipment)
    needed: Counter[str] = Counter()
    for shipped in by_day.values():
        for one in shipped:
            needed[one.sku] += one.quantity
    retail, processor, stock = Retail(seed, scale), CardProcessor(), Stock(needed, scale)
    shop = WebShop(seed, scale)
    for day in days_of(first, last):
        before = tuple(stock.levels())
        store_days = retail.day(day)
        settled = [processor.settle(one) for one in store_days]
        payments = [payment for paid, _ in settled for payment in paid]
        if day == last:
            payments += processor.pending()
        payouts = tuple(payout for _, payout in settled if payout)
        receipts = tuple(receipt for one in store_days for receipt in one.receipts)
        web = shop.day(day)
        moved = tuple(stock.day(day, store_days, [*by_day[day], *web.shipments]))
        yield (
            before,
            CompanyDay(
                day=day,
                receipts=receipts,
                tendered=receipts,
                drawers=tuple(drawer for one in store_days for drawer in one.drawers),
                payments=tuple(payments),
                payouts=payouts,
                deposits=tuple(Deposit(p.day, f"SQUARE INC {p.payout_id}", p.total) for p in payouts),
                movements=moved,
                levels=tuple(stock.levels()),
                shipments=tuple(by_day[day]),
                web=web,
            ),
        )


def shipments_of(rows: Iterable[Row], first: date, last: date) -> Iterator[Shipment]:
    """Yield the goods that left the fulfilment centre, of the order rows of settlements, within the days of its own clock."""
    zone = ZONES[FBA]
    for row in rows:
        if row.triple == ("Order", "ItemPrice", "Principal") and row.sku in BY_SKU and row.quantity:
            at = row.posted_at.astimezone(zone).replace(tzinfo=None)
            if first <= at.date() <= last:
                yield Shipment(f"{row.order_id}-{row.order_item_code}", row.order_id, at, row.sku, row.quantity)


def cash_deposit(day: date, store: str, drawers: Iterable[Drawer]) -> Deposit:
    """The cash that a store brings to the bank: what its drawers held beyond their float."""
    total = sum(drawer.counted - drawer.opening for drawer in drawers if drawer.counted is not None)
    return Deposit(day, f"CASH DEPOSIT STORE {store}", total)


def utc(at: datetime, location: str) -> datetime:
    """A location's local time as an instant."""
    return at.replace(tzinfo=ZONES[location]).astimezone(UTC)


def monday(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())
