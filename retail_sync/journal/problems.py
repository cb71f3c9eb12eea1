"""Documents that the journal itself holds; what reconciliation found already is not told twice."""

from __future__ import annotations

import duckdb

from retail_sync.operations.exceptions import Kind, Problem

_OWN: dict[str, tuple[Kind, str]] = {
    "account_unknown": (
        "configuration",
        "correct data/rules (posting_rules.csv or chart_of_accounts.csv), run again",
    ),
    "no_exchange_rate": (
        "configuration",
        "leave home_currency empty to book each currency by itself, or wait for rates",
    ),
    "store_day_currencies": (
        "business",
        "a store's day is booked in one currency: declare the tills of each currency as a store of its own",
    ),
    "stock_cost_missing": (
        "data",
        "give the article a unit cost in the ERP and deliver movements, snapshot or products again",
    ),
    "stock_snapshot_incomplete": (
        "data",
        "deliver the snapshot of that location and day again; the true-up follows by itself",
    ),
    "stock_documents_held": (
        "data",
        "settle the held documents of stock first; the true-up follows by itself",
    ),
    "storefront_order_twice": (
        "configuration",
        "let one source deliver the orders of a channel",
    ),
    "storefront_currency": (
        "data",
        "deliver order, payments and returns in one currency; an order is booked in its own",
    ),
    "storefront_tax_unknown": (
        "data",
        "deliver the order with the tax that the seller owes, and the places it ships from with their country",
    ),
    "storefront_total_differs": (
        "data",
        "deliver the order again: total_amount has tax and shipping in it",
    ),
    "storefront_shipment_unknown": (
        "data",
        "deliver the order with all its lines, or correct the shipment",
    ),
    "storefront_refund_more": (
        "business",
        "look for a payment or shipment that was not delivered; what is given back beyond the order needs a person's entry",
    ),
    "storefront_refund_tax_unknown": (
        "data",
        "deliver the return with refund_amount and tax_amount as the refund has them",
    ),
    "storefront_refund_unclear": (
        "data",
        "deliver the return, or what is still to be shipped; the order is booked when one of them tells",
    ),
    "entry_invariant_broken": (
        "data",
        "report this: the program refused to book an entry that breaks its own rules",
    ),
}


def find_held_documents(connection: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Return a problem per document held for a reason of the journal's own."""
    rows = connection.execute(
        "select document_id, title, held_code, held_reason, value_minor, currency, since_date "
        "from journal.documents where list_contains(?, held_code) order by document_id",
        [list(_OWN)],
    ).fetchall()
    return [
        Problem(
            code=code,
            subject=document_id,
            kind=_OWN[code][0],
            owner="finance",
            message=f"The entry of {title} is held: {reason}.",
            remedy=_OWN[code][1],
            amount_minor=value_minor,
            currency=currency,
            since_date=str(since_date),
        )
        for document_id, title, code, reason, value_minor, currency, since_date in rows
    ]
