"""A seller's records at Square, in the shapes of its published examples and of real sandbox records (samples/square)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from retail_sync_tests.fakes.clock import FakeClock

MAIN, BRANCH = "LMAIN0000001X", "LBRANCH00002X"
Row = dict[str, Any]


def rfc(at: float) -> str:
    """An instant as Square writes it: fractions where there are any."""
    return (
        datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z").replace(".000Z", "Z")
    )


def usd(amount: int) -> Row:
    """Money in cents."""
    return {"amount": amount, "currency": "USD"}


def location(location_id: str, name: str, zone: str) -> Row:
    """A place of business."""
    return {
        "id": location_id, "name": name, "timezone": zone, "status": "ACTIVE", "created_at": "2021-04-30T05:16:05.977Z",
        "merchant_id": "ML7SCCR7EMAK4", "country": "US", "currency": "USD", "type": "PHYSICAL",
    }  # fmt: skip


def line(article: str, quantity: str, price: int, tax: int = 0, discount: int = 0, **more: Any) -> Row:
    """A line item with an additive tax."""
    gross = int(float(quantity) * price)
    return {
        "uid": f"u-{article}", "catalog_object_id": article, "quantity": quantity, "name": f"Thing {article}",
        "item_type": "ITEM", "base_price_money": usd(price), "gross_sales_money": usd(gross),
        "total_tax_money": usd(tax), "total_discount_money": usd(discount), "total_money": usd(gross - discount + tax), **more,
    }  # fmt: skip


def tender(kind: str, payment_id: str, amount: int, at: float) -> Row:
    """Money taken."""
    return {
        "id": payment_id, "payment_id": payment_id, "type": kind, "amount_money": usd(amount), "created_at": rfc(at),
        **({"card_details": {"status": "CAPTURED"}} if kind == "CARD" else {}),
    }  # fmt: skip


def order(order_id: str, place: str, at: float, lines: list[Row], tenders: list[Row], **more: Any) -> Row:
    """A completed sale."""
    return {
        "id": order_id, "location_id": place, "created_at": rfc(at), "updated_at": rfc(at + 3), "closed_at": rfc(at + 1),
        "state": "COMPLETED", "line_items": lines, "tenders": tenders, **more,
    }  # fmt: skip


class SquareShop:
    """What a seller with two locations did."""

    clock: FakeClock

    def fill(self, rows: int) -> None:
        """Make sales, some of them given back, with all that follows."""
        self.base = self.clock.time() - timedelta(hours=20).total_seconds()
        self.locations = [
            location(MAIN, "Main street", "America/New_York"),
            location(BRANCH, "Branch", "America/Chicago"),
        ]
        self.orders: list[Row] = []
        self.payments: list[Row] = []
        self.refunds: list[Row] = []
        self.payouts: list[Row] = []
        self.entries: dict[str, list[Row]] = {}
        self.counts: list[Row] = []
        self.changes: list[Row] = []
        self.shifts: list[Row] = []
        self.skus: dict[str, str] = {}
        self.appear: dict[str, float] = {}
        self.refusals = 0
        self.limited = 0
        self.is_strict = False  # an unknown article is an error in a good answer
        self.made = 0
        self.walks = 0  # a cursor is another one each time the list is begun
        for _ in range(rows):
            self.insert()

    def insert(self) -> None:
        """Sell something; the first of each five is given back in part and paid out, and a drawer is opened."""
        self.made += 1
        n = self.made
        at, place, article = self.base + 60 * n, (MAIN, BRANCH)[n % 2], f"VAR{n:04}"
        self.skus[article] = f"SKU-{n}"
        sold = order(f"ORD{n:04}", place, at, [line(article, "2", 1000, 200)], [tender("CARD", f"PAY{n:04}", 2200, at)])
        self.orders.append(sold)
        self.pay(f"PAY{n:04}", sold["id"], place, at, 2200, 94)
        self.counts.append({
            "catalog_object_id": article, "catalog_object_type": "ITEM_VARIATION", "state": "IN_STOCK", "location_id": place,
            "quantity": str(10 + n), "calculated_at": rfc(at),
        })  # fmt: skip
        self.changes.append({"type": "PHYSICAL_COUNT", "physical_count": {
            "id": f"CNT{n:04}", "catalog_object_id": article, "catalog_object_type": "ITEM_VARIATION", "state": "IN_STOCK",
            "location_id": place, "quantity": str(9 + n), "occurred_at": rfc(at - 60), "created_at": rfc(at),
            "source": {"product": "SQUARE_POS", "name": "Square Point of Sale 4.37"},
        }})  # fmt: skip
        if n % 5 == 1:
            self.give_back(f"REF{n:04}", sold, at + 30, 1100, [line(article, "1", 1000, 100)], fee=-47)
            self.pay_out(
                f"po_{n:04}", place, at + 40, [("CHARGE", f"PAY{n:04}", 2200, 94), ("REFUND", f"REF{n:04}", -1100, -47)]
            )
            self.open_drawer(f"SHIFT{n:04}", place, at, opened=10000, expected=10000, counted=9970)

    def pay(
        self, payment_id: str, order_id: str, place: str, at: float, amount: int, fee: int, kind: str = "CARD"
    ) -> Row:
        """Take a payment."""
        made = {
            "id": payment_id, "order_id": order_id, "location_id": place, "created_at": rfc(at), "updated_at": rfc(at + 2),
            "amount_money": usd(amount), "total_money": usd(amount), "status": "COMPLETED", "source_type": kind,
            "processing_fee": [{"effective_at": rfc(at + 7200), "type": "INITIAL", "amount_money": usd(fee)}],
        }  # fmt: skip
        self.payments.append(made)
        return made

    def give_back(
        self,
        refund_id: str,
        sold: Row,
        at: float,
        amount: int,
        lines: list[Row],
        kind: str = "CARD",
        fee: int | None = None,
    ) -> Row:
        """Take goods back: an order of its own, and the refund that says how the money went."""
        returned = {
            "id": f"RET-{refund_id}", "location_id": sold["location_id"], "created_at": rfc(at), "updated_at": rfc(at + 2),
            "closed_at": rfc(at + 1), "state": "COMPLETED",
            "returns": [{"uid": "r", "source_order_id": sold["id"], "return_line_items": [
                {**item, "gross_return_money": item["gross_sales_money"]} for item in lines
            ]}],
            "refunds": [{
                "id": refund_id, "location_id": sold["location_id"], "transaction_id": sold["id"], "created_at": rfc(at),
                "tender_id": sold["tenders"][0]["id"], "reason": "changed mind", "amount_money": usd(amount), "status": "APPROVED",
            }],
        }  # fmt: skip
        self.orders.append(returned)
        made = {
            "id": refund_id, "order_id": returned["id"], "payment_id": sold["tenders"][0]["id"],
            "location_id": sold["location_id"], "created_at": rfc(at), "updated_at": rfc(at + 2), "status": "COMPLETED",
            "destination_type": kind, "amount_money": usd(amount),
        }  # fmt: skip
        if fee is not None:
            made["processing_fee"] = [{"effective_at": rfc(at), "type": "INITIAL", "amount_money": usd(fee)}]
        self.refunds.append(made)
        return made

    def pay_out(
        self, payout_id: str, place: str, at: float, lines: list[tuple[str, str, int, int]], arrives: str = "2026-11-20"
    ) -> Row:
        """Pay out (type, id, gross, fee) in one batch; money of payouts says `currency_code`."""
        names = {"CHARGE": ("type_charge_details", "payment_id"), "REFUND": ("type_refund_details", "refund_id")}

        def cents(amount: int) -> Row:
            return {"amount": amount, "currency_code": "USD"}

        self.entries[payout_id] = [
            {
                "id": f"poe_{payout_id}_{n}", "payout_id": payout_id, "effective_at": rfc(at), "type": kind,
                "gross_amount_money": cents(gross), "fee_amount_money": cents(fee), "net_amount_money": cents(gross - fee),
                **({names[kind][0]: {names[kind][1]: own}} if kind in names else {}),
            }
            for n, (kind, own, gross, fee) in enumerate(lines)
        ]  # fmt: skip
        made = {
            "id": payout_id, "status": "PAID", "location_id": place, "created_at": rfc(at), "updated_at": rfc(at),
            "amount_money": cents(sum(gross - fee for _, _, gross, fee in lines)), "type": "BATCH", "version": 1,
            "arrival_date": arrives, "end_to_end_id": f"L{payout_id}", "destination": {"type": "BANK_ACCOUNT", "id": "bact:1"},
        }  # fmt: skip
        self.payouts.append(made)
        return made

    def open_drawer(self, shift_id: str, place: str, at: float, opened: int, expected: int, counted: int) -> Row:
        """A drawer that was counted an hour later."""
        made = {
            "id": shift_id, "state": "CLOSED", "opened_at": rfc(at), "ended_at": rfc(at + 3600), "closed_at": rfc(at + 3600),
            "opened_cash_money": usd(opened), "cash_payment_money": usd(max(0, expected - opened)),
            "cash_refunds_money": usd(min(0, expected - opened)), "cash_paid_in_money": usd(0),
            "cash_paid_out_money": usd(0), "expected_cash_money": usd(expected), "closed_cash_money": usd(counted),
            "location_id": place, "device": {"name": "My iPad"},
        }  # fmt: skip
        self.shifts.append(made)
        return made
