"""Square's records, in the shapes of its published examples and of real sandbox records (samples/square)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

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
