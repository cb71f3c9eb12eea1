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
