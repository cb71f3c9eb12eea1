"""The exports of the simulated web shop, in the columns of Shopify's own: transactions, payouts, orders; and what was sent.

An export of transactions is made at the end of each week: what was paid out in it, and what is still pending. So a payment of
its last days comes twice, first without a payout and then with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from retail_sync_tests.shopify import ORDERS, PAYOUTS, TRANSACTIONS
from retail_sync_tests.simulated_catalogue import BY_SKU, CURRENCY
from retail_sync_tests.simulated_company import ZONES, Deposit, monday
from retail_sync_tests.simulated_stock import Level
from retail_sync_tests.simulated_web import WebDay, WebOrder, WebPayment, WebPayout
from retail_sync_tests.simulator import cents
from retail_sync_tests.store_files import Exports

SHOP_CLOCK = "S01"
LISTED = 3
_SUNDAY = 6


class WebExports:
    """Puts the shop's days into files of weeks."""

    def __init__(self, exports: Exports, first: date, last: date) -> None:
        self._exports, self._first, self._last = exports, first, last
        self._pending: dict[tuple[str, str], WebPayment] = {}
        self._paid_out: list[WebPayment] = []

    def add(self, day: WebDay) -> None:
        """Add a day; days must come in their order."""
        week = max(monday(day.day), self._first).isoformat()
        self._pending.update({(p.order.name, p.kind): p for p in day.payments})
        for payment in day.paid_out:
            self._pending.pop((payment.order.name, payment.kind), None)
            self._paid_out.append(payment)
        self._exports.add("shopify_payouts", f"payouts_{week}", map(_payout_cells, day.payouts))
        self._exports.add(
            "shopify_orders", f"orders_{week}", (row for order in day.orders for row in _order_rows(order))
        )
        self._exports.add("web_shipments", f"shipments_{week}", (
            (s.shipment_id, s.order_id, f"{s.at:%Y-%m-%d %H:%M}", s.location, s.sku, str(s.quantity)) for s in day.shipments
        ))  # fmt: skip
        if day.day.weekday() == _SUNDAY or day.day == self._last:
            told = sorted([*self._paid_out, *self._pending.values()], key=lambda p: (p.at, p.order.name))
            self._exports.add("shopify_sales", f"transactions_{week}", map(_payment_cells, told))
            self._paid_out.clear()


def web_deposits(day: WebDay) -> list[Deposit]:
    """What the shop's bank account shows of its payouts: no id, as banks write it."""
    return [
        Deposit(payout.day, "SHOPIFY PAYMENTS TRANSFER", payout.total)
        for payout in day.payouts
        if payout.status == "paid"
    ]


def web_listing_rows(at: datetime, levels: Iterable[Level]) -> Iterable[Sequence[str]]:
    """What the shop offers: a few of each article."""
    for sku in sorted({level.sku for level in levels}):
        yield (sku, f"{at:%Y-%m-%d %H:%M}", str(LISTED))


def _instant(at: datetime) -> str:
    return f"{at.replace(tzinfo=ZONES[SHOP_CLOCK]):%Y-%m-%d %H:%M:%S %z}"


def _cells(names: Sequence[str], values: dict[str, str]) -> Sequence[str]:
    assert values.keys() <= set(names), values.keys() - set(names)
    return [values.get(name, "") for name in names]


def _money(value: int) -> str:
    return f"{cents(value):.2f}"


def _payment_cells(payment: WebPayment) -> Sequence[str]:
    order, day = payment.order, payment.payout_date
    return _cells(TRANSACTIONS, {
        "Transaction Date": _instant(payment.at), "Type": payment.kind, "Order": order.name, "Card Brand": "visa",
        "Card Source": "online", "Payout Status": "paid" if day else "pending", "Payout Date": day.isoformat() if day else "",
        "Payout ID": payment.payout_id, "Available On": day.isoformat() if day else "", "Amount": _money(payment.gross),
        "Fee": _money(payment.fee), "Net": _money(payment.net), "Checkout": f"#4300{order.name[1:]}",
        "Payment Method Name": "card", "Presentment Amount": _money(payment.presentment),
        "Presentment Currency": order.pays_in, "Currency": CURRENCY,
    })  # fmt: skip


def _payout_cells(payout: WebPayout) -> Sequence[str]:
    return _cells(PAYOUTS, {
        "Payout Date": payout.day.isoformat(), "Status": payout.status, "Charges": _money(payout.charges),
        "Refunds": _money(payout.refunds), "Adjustments": _money(payout.adjustments), "Reserved Funds": "0.00",
        "Fees": _money(-payout.fees), "Retried Amount": "0.00", "Total": _money(payout.total), "Currency": CURRENCY,
    })  # fmt: skip


def _order_rows(order: WebOrder) -> Iterable[Sequence[str]]:
    """A row per article; the order's own cells stand on the first."""
    country = "CA" if order.pays_in == "CAD" else "US"
    head = {
        "Email": f"buyer{order.name[1:]}@example.com", "Financial Status": "paid", "Paid at": _instant(order.at),
        "Fulfillment Status": "fulfilled", "Currency": CURRENCY, "Subtotal": _money(order.subtotal),
        "Shipping": _money(order.shipping), "Taxes": _money(order.tax), "Total": _money(order.total),
        "Discount Amount": "0.00", "Created at": _instant(order.at), "Billing Country": country,
        "Shipping Country": country, "Id": f"57{order.name[1:]}", "Source": "web",
    }  # fmt: skip
    for number, line in enumerate(order.lines):
        yield _cells(ORDERS, (head if number == 0 else {}) | {
            "Name": order.name, "Lineitem quantity": str(line.quantity), "Lineitem name": BY_SKU[line.sku].title,
            "Lineitem price": _money(line.unit_price), "Lineitem sku": line.sku, "Lineitem requires shipping": "true",
            "Lineitem taxable": "true", "Lineitem fulfillment status": "fulfilled", "Lineitem discount": "0.00",
        })  # fmt: skip
