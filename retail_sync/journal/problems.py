"""Documents that the journal itself holds or doubts; what reconciliation found already is not told twice."""

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
        "deliver rates into the home currency (object fx_rates), or leave home_currency empty to book each currency by itself",
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
    "currency_missing": (
        "data",
        "name the currency in the [[source]] block, as a column or a constant",
    ),
    "voucher_incomplete": (
        "data",
        "correct the rejected rows (exceptions list) and deliver the file again",
    ),
    "voucher_days_differ": (
        "data",
        "give all lines of the voucher one day, or make a voucher of each day, and deliver it again",
    ),
    "voucher_currencies": (
        "data",
        "make a voucher of each currency and deliver it again",
    ),
    "voucher_unbalanced": (
        "data",
        "ask whoever made the voucher for the line or sign that is wrong and deliver it again",
    ),
    "voucher_category": (
        "data",
        "use a category that posting_rules.csv has for what was documented, or add one with its account",
    ),
    "voucher_bank_feed": (
        "configuration",
        "leave the payment to the bank feed and book the rest against a clearing account: another category with its own rule",
    ),
    "deferral_incomplete": (
        "data",
        "correct the rejected rows (exceptions list) and deliver the snapshot again",
    ),
    "deferral_category": (
        "data",
        "translate the report's word into a category of goods, fees or taxes in its [[source]] block",
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


def find_late_snapshots(connection: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Return a problem per month end whose deferred transactions were not exported on the first of the next month."""
    rows = connection.execute(
        "select r.document_id, min(d.title), min(r.snapshot_date), min(d.value_minor), min(d.currency), min(d.since_date) "
        "from journal.deferred_rows as r join journal.documents as d using (document_id) "
        "where d.status = 'ready' and extract(day from r.snapshot_date) > 1 group by 1 order by 1"
    ).fetchall()
    return [
        Problem(
            code="deferral_snapshot_late",
            subject=document_id,
            kind="data",
            owner="finance",
            message=f"{title[:1].upper()}{title[1:]} are booked from a snapshot of {taken_on}: what was released between "
            "the month end and that day is not in it.",
            remedy="deliver the snapshot of the first of the month, if there is one; else compare with the channel and resolve it",
            amount_minor=value_minor,
            currency=currency,
            since_date=str(since_date),
        )
        for document_id, title, taken_on, value_minor, currency, since_date in rows
    ]
