"""Web shop orders as journal documents: one per order, from its own rows, or the reason why it is held.

Only channels whose payouts settle an order as one amount (`Policies.storefront`): where settlements tell revenue, it is booked
from them. An order that a store sold is booked from the tills' receipts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import duckdb

from retail_sync.core import sql
from retail_sync.core.money import to_minor
from retail_sync.journal.desired import Document
from retail_sync.journal.reading import rows_of
from retail_sync.journal.rules import Policies, PostingRules
from retail_sync.journal.storefront_order import storefront_order_entries
from retail_sync.journal.storefront_position import (
    Money,
    OrderedGoods,
    ReturnedGoods,
    Shipped,
    StorefrontOrder,
    UnclearOrder,
)
from retail_sync.journal.tax_treatment import UNKNOWN, Treatment, tax_treatment
from retail_sync.journal.validation import with_entries

KIND = "storefront_order"
ENTRY_KINDS = ("storefront_payment", "storefront_shipment", "storefront_refund")
EVERYTHING = "select distinct 'storefront_order:' || channel || '|' || order_id from canonical.orders"
CATEGORIES = frozenset({"customer_prepayments"})
_CHUNK = 500
_FACTS = (
    "currency", "total_amount", "tax_amount", "shipping_amount", "tax_owed_by", "destination", "tax_status", "goods", "shipped",
    "moved", "returned",
)  # fmt: skip


def is_booked(policies: Policies) -> bool:
    """Say whether these documents are ours to book."""
    return bool(policies.storefront)


def touch_orders_of_customers_and_places(connection: duckdb.DuckDBPyConnection, policies: Policies) -> None:
    """Add the orders of changed customers and places to what is touched. All orders are looked at where there are any."""
    changed = connection.execute(
        "select 1 from raw.touched where stage = 'journal' and kind = ? and not starts_with(document_id, ? || ':') limit 1",
        [KIND, KIND],
    ).fetchone()
    if changed and is_booked(policies):
        connection.execute(sql.statement(__package__, "touched_storefront_wider"))


def touched_documents(
    connection: duckdb.DuckDBPyConnection, rules: PostingRules, policies: Policies
) -> Iterator[Sequence[Document]]:
    """Yield the touched orders in bounded pieces; none where their channels are not booked here."""
    if not is_booked(policies):
        return
    statement = sql.statement(__package__, "touched_storefront_orders")
    rows = rows_of(connection, statement, {"channels": list(policies.storefront)})
    for start in range(0, len(rows), _CHUNK):
        yield [_document(row, rules) for row in rows[start : start + _CHUNK]]


def _document(row: Mapping[str, Any], rules: PostingRules) -> Document:
    document = Document(
        document_id=row["document_id"],
        kind=KIND,
        title=f"order {row['order_id']} of {row['channel']}",
        since_date=row["business_date"],
        currency=row["currency"],
        value_minor=to_minor(row["total_amount"], row["currency"]),
        facts=repr([_plain(row[name]) for name in _FACTS]),
    )
    try:
        _refuse(row)
        order = _order(row)
        return with_entries(document, lambda: storefront_order_entries(order, rules), rules)
    except UnclearOrder as unclear:
        return replace(document, held_code=unclear.code, held_reason=str(unclear))


def _plain(value: object) -> object:
    """A fact as text that is the same however it was read."""
    if isinstance(value, list):
        return [[str(cell) for cell in row.values()] for row in value]
    return str(value)


def _refuse(row: Mapping[str, Any]) -> None:
    """Raise UnclearOrder where something stands in the way of booking this order."""
    if row["order_count"] > 1:
        raise UnclearOrder("storefront_order_twice", "two sources deliver it")
    for part, what in (("moved", "payments"), ("returned", "returns")):
        other = sorted({item["currency"] for item in row[part]} - {row["currency"]})
        if other:
            raise UnclearOrder("storefront_currency", f"it is in {row['currency']}, and has {what} in {other[0]}")
    if row["tax_owed_by"] == "marketplace" and row["tax_amount"]:
        raise UnclearOrder(
            "storefront_tax_unknown",
            "a marketplace owes its tax, and nothing says whether the payout has it",
        )


def _order(row: Mapping[str, Any]) -> StorefrontOrder:
    def minor(amount: Decimal) -> int:
        return to_minor(amount, row["currency"])

    tax = row["tax_amount"]
    return StorefrontOrder(
        channel=row["channel"],
        order_id=row["order_id"],
        currency=row["currency"],
        total=minor(row["total_amount"]),
        tax=None if tax is None else minor(tax),
        # Shipping that is not told apart stays in the goods.
        shipping=minor(row["shipping_amount"] or Decimal()),
        goods=[OrderedGoods(**item) for item in row["goods"]],
        shipped=[Shipped(item["on"], item["sku"], item["quantity"]) for item in row["shipped"]],
        charged=[Money(item["on"], minor(item["amount"])) for item in row["moved"] if item["kind"] == "charge"],
        refunded=[Money(item["on"], -minor(item["amount"])) for item in row["moved"] if item["kind"] == "refund"],
        returned=[
            ReturnedGoods(minor(item["amount"]), None if item["tax"] is None else minor(item["tax"]))
            for item in row["returned"]
            if item["amount"]
        ],
        treatment=_treatment(row),
    )


def _treatment(row: Mapping[str, Any]) -> Treatment:
    """How the order is taxed. Raises UnclearOrder where its goods left from places that are taxed differently."""
    found = {
        tax_treatment(
            item["departure"],
            row["destination"],
            row["tax_status"],
            row["tax_owed_by"],
            is_taxed=bool(row["tax_amount"]),
        )
        for item in row["shipped"]
    }
    if len(found) > 1:
        departures = sorted({item["departure"] or "an unknown country" for item in row["shipped"]})
        raise UnclearOrder("storefront_tax_unknown", f"its goods left from {' and '.join(departures)}")
    return next(iter(found), UNKNOWN)
