"""The exports of the simulated retailer's systems: till, processor, ERP and bank, each in the layout of its own.

What belongs here: columns, words and clocks of the files. `sample_settings` declares how they are read.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time

from retail_sync_tests.shopify import ORDERS, PAYOUTS, TRANSACTIONS
from retail_sync_tests.simulated_catalogue import ARTICLES, BY_SKU, CURRENCY, FBA, LOCATIONS, WAREHOUSE
from retail_sync_tests.simulated_company import ZONES, CompanyDay, Deposit, monday, utc
from retail_sync_tests.simulated_stock import Level
from retail_sync_tests.simulated_stores import Receipt
from retail_sync_tests.simulator import cents

HEADERS = {
    "till_receipts": "Store,Till,Receipt,Type,Time,SKU,Item,Qty,Net,Tax,Discount",
    "till_tenders": "Store,Till,Receipt,Tender,Time,Amount",
    "till_drawers": "Store,Till,Shift,Opened,Closed,Float,Counted",
    "square": "Payment ID,Event,Receipt,Created at,Gross,Fee,Payout ID,Payout date",
    "square_payouts": "Payout ID,Payout date,Charges,Refunds,Fees,Net",
    "erp_products": "SKU,Description,GTIN,Unit,Pack,Unit cost,Tax code,Active",
    "erp_prices": "SKU,Price list,From,Price",
    "erp_locations": "Location,Name,Kind,Time zone",
    "erp_snapshots": "Date,Location,SKU,On hand,Reserved,Unit cost",
    "erp_movements": "Document,Date,Location,SKU,Type,Quantity,Unit cost,Reference",
    "erp_counts": "Counted at,Location,SKU,Quantity",
    "amazon_listings": "seller-sku,our-sku,as-of,quantity",
    "amazon_shipments": "shipment-item-id,amazon-order-id,shipment-date,sku,quantity-shipped",
    "shopify_sales": ",".join(TRANSACTIONS),
    "shopify_payouts": ",".join(PAYOUTS),
    "shopify_orders": ",".join(ORDERS),
    "web_shipments": "Shipment,Order,Sent at,Location,SKU,Quantity",
    "web_listings": "SKU,As of,Available",
    "bank": "Date,Account,Description,Amount,Currency,Transaction id",
}
LINE_TYPES = {"sale": "S", "return": "R", "gift_card_sold": "G", "tip": "T"}
TENDER_WORDS = {"cash": "CASH", "card": "CARD", "gift_card": "GIFT"}
PROCESSOR_CLOCK = "S01"
ACCOUNT = "HB-USD-0528"
WEB_ACCOUNT = "HB-USD-0610"
LISTED = 5
COUNTED_AT = time(21, 40)
"""After the stores have closed: a count is compared with the end of its day."""


class Exports:
    """Rows on their way into files; `take` hands over what was collected."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], list[Sequence[str]]] = defaultdict(list)

    def add(self, source: str, name: str, rows: Iterable[Sequence[str]]) -> None:
        """Append rows to a file of a source."""
        self._rows[source, name].extend(rows)

    def take(self) -> dict[str, bytes]:
        """Return the files that have rows, by `source/name.csv`, and begin anew."""
        files = {f"{source}/{name}.csv": as_csv(source, rows) for (source, name), rows in self._rows.items() if rows}
        self._rows.clear()
        return files


def as_csv(source: str, rows: Iterable[Sequence[str]]) -> bytes:
    """A file of that source with its header."""
    text = io.StringIO()
    text.write(HEADERS[source] + "\n")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def add_day(exports: Exports, day: CompanyDay, first: date) -> None:
    """Put a day into the files of its week; a week that the first day cuts is named after that day."""
    week = max(monday(day.day), first).isoformat()
    for receipt in day.receipts:
        exports.add("till_receipts", f"receipts_{receipt.store}_{week}", receipt_rows(receipt))
    for receipt in day.tendered:
        exports.add("till_tenders", f"tenders_{receipt.store}_{week}", tender_rows(receipt))
    exports.add("till_drawers", f"drawers_{week}", (
        (d.store, d.register, d.shift_id, _minute(d.opened_at), "" if d.counted is None else _minute(d.closed_at),
         _money(d.opening), "" if d.counted is None else _money(d.counted))
        for d in day.drawers
    ))  # fmt: skip
    exports.add("square", f"payments_{week}", (
        (p.payment_id, p.kind.upper(), p.receipt_id, _processor_time(p.at, p.store), _money(p.gross), _money(p.fee),
         p.payout_id, p.payout_date.isoformat() if p.payout_date else "")
        for p in day.payments
    ))  # fmt: skip
    exports.add("square_payouts", f"payouts_{week}", payout_rows(day))
    exports.add("erp_movements", f"movements_{week}", (
        (m.movement_id, _minute(m.at), m.location, m.sku, m.kind, str(m.quantity), _cost(m.sku), m.reference)
        for m in day.movements
    ))  # fmt: skip
    exports.add("erp_snapshots", f"snapshots_{week}", snapshot_rows(day.day, day.levels))
    exports.add("amazon_shipments", f"shipments_{week}", (
        (s.shipment_id, s.order_id, _minute(s.at), s.sku, str(s.quantity)) for s in day.shipments
    ))  # fmt: skip


def receipt_rows(receipt: Receipt) -> Iterable[Sequence[str]]:
    """The lines of a receipt as the till exports them."""
    head = (receipt.store, receipt.register, receipt.receipt_id)
    for line in receipt.lines:
        title = BY_SKU[line.sku].title if line.sku in BY_SKU else line.kind.replace("_", " ")
        yield (*head, LINE_TYPES[line.kind], _minute(receipt.at), line.sku, title, str(line.quantity),
               _money(line.net), _money(line.tax), _money(line.discount))  # fmt: skip


def tender_rows(receipt: Receipt) -> Iterable[Sequence[str]]:
    """What a receipt was paid with."""
    head = (receipt.store, receipt.register, receipt.receipt_id)
    for tender in receipt.tenders:
        yield (*head, TENDER_WORDS[tender.kind], _minute(receipt.at), _money(tender.amount))


def payout_rows(day: CompanyDay) -> Iterable[Sequence[str]]:
    """The processor's list of payouts with what each is made of."""
    for payout in day.payouts:
        mine = [payment for payment in day.payments if payment.payout_id == payout.payout_id]
        charges = sum(payment.gross for payment in mine if payment.gross > 0)
        refunds = sum(payment.gross for payment in mine if payment.gross < 0)
        fees = -sum(payment.fee for payment in mine)
        amounts = (charges, refunds, fees, payout.total)
        yield (payout.payout_id, payout.day.isoformat(), *map(_money, amounts))


def snapshot_rows(day: date, levels: Iterable[Level]) -> Iterable[Sequence[str]]:
    """What lies everywhere at the end of a day."""
    for level in levels:
        yield (day.isoformat(), level.location, level.sku, str(level.quantity), "0", _cost(level.sku))


def count_rows(at: datetime, levels: Iterable[Level]) -> Iterable[Sequence[str]]:
    """A stock count; the time is the location's own."""
    for level in levels:
        yield (_minute(at), level.location, level.sku, str(level.quantity))


def listing_rows(at: datetime, levels: Iterable[Level], listed: Mapping[str, int]) -> Iterable[Sequence[str]]:
    """What Amazon offers of each article it sells: a few, unless `listed` says otherwise."""
    for level in levels:
        if level.location == FBA:
            yield (level.sku, level.sku, _minute(at), str(listed.get(level.sku, LISTED)))


def master_files(valid_from: date) -> dict[str, bytes]:
    """What the ERP knows of articles, prices and places."""
    return {
        "erp_products/products.csv": as_csv("erp_products", (
            (a.sku, a.title, a.gtin, "piece", str(a.pack), _money(a.cost_cents), "TAXABLE", "yes") for a in ARTICLES
        )),
        "erp_prices/prices.csv": as_csv("erp_prices", (
            (a.sku, "stores", valid_from.isoformat(), _money(a.price_cents)) for a in ARTICLES
        )),
        "erp_locations/locations.csv": as_csv("erp_locations", LOCATIONS),
    }  # fmt: skip


def statement_rows(deposits: Iterable[Deposit], account: str = ACCOUNT) -> list[tuple[str, ...]]:
    """A bank account by day, with the bank's own numbers; the stores' unless another is named."""
    ordered = sorted(deposits, key=lambda deposit: deposit.day)
    return [
        (d.day.isoformat(), account, d.text, _money(d.amount), CURRENCY, f"HB-{account[-4:]}-26{number:05d}")
        for number, d in enumerate(ordered, 81)
    ]


def counted(levels: Iterable[Level]) -> list[Level]:
    """What is counted at month end: in the stores, the articles that Amazon sells too."""
    return [v for v in levels if v.location not in (FBA, WAREHOUSE) and BY_SKU[v.sku].on_amazon]


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _processor_time(at: datetime, store: str) -> str:
    """The processor's account is kept in New York, whichever store took the card."""
    return f"{utc(at, store).astimezone(ZONES[PROCESSOR_CLOCK]):%Y-%m-%d %H:%M}"


def _money(value: int) -> str:
    return f"{cents(value):.2f}"


def _cost(sku: str) -> str:
    return _money(BY_SKU[sku].cost_cents)
