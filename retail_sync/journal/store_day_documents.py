"""Store days as journal documents: booked when receipts and tenders agree and the drawers are counted, else held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from retail_sync.core import sql
from retail_sync.core.money import format_money, to_minor
from retail_sync.journal.desired import Document
from retail_sync.journal.reading import rows_of
from retail_sync.journal.rules import Policies, PostingRules
from retail_sync.journal.store_day import DayComponent, StoreDay, store_day_entries
from retail_sync.journal.validation import with_entries
from retail_sync.schemas.sales import TENDERS

KIND = "store_day"
ENTRY_KINDS = ("store_day",)
EVERYTHING = "select distinct 'store_day:' || store || '|' || business_date from reconcile.store_days"
CATEGORIES = frozenset({
    "pos_sales", "pos_discounts", "pos_sales_tax", "pos_refunds", "pos_refund_tax", "pos_gift_cards_sold", "pos_tips",
    "pos_rounding", "cash_over_short", *(f"tender_{tender}" for tender in TENDERS),
})  # fmt: skip
_CHUNK = 500


def is_booked(_policies: Policies) -> bool:
    """Say whether these documents are ours to book."""
    return True


def touched_documents(
    connection: duckdb.DuckDBPyConnection, rules: PostingRules, _policies: Policies
) -> Iterator[Sequence[Document]]:
    """Yield the store days that reconcile handed over, in bounded pieces: one document per store and day."""
    rows = rows_of(connection, sql.statement(__package__, "touched_store_days"))
    parts: dict[str, list[DayComponent]] = defaultdict(list)
    for part in rows_of(connection, sql.statement(__package__, "touched_store_day_components")):
        parts[part["document_id"]].append(DayComponent(part["side"], part["component"], part["amount"]))
    for start in range(0, len(rows), _CHUNK):
        yield [
            _document(row, parts[row["document_id"]], rules)
            for row in rows[start : start + _CHUNK]
            if parts[row["document_id"]]
        ]


def _document(row: Mapping[str, Any], components: Sequence[DayComponent], rules: PostingRules) -> Document:
    sales = sum((part.amount for part in components if part.side == "sales"), start=row["zero"])
    is_one_currency = row["currency_count"] == 1
    document = Document(
        document_id=row["document_id"],
        kind=KIND,
        title=f"store {row['store']} on {row['business_date']}",
        since_date=row["business_date"],
        currency=row["currency"],
        # Yen and cents add up to nothing, and may not even fit the smaller unit.
        value_minor=to_minor(sales, row["currency"]) if is_one_currency else None,
        facts=repr(sorted((part.side, part.component, str(part.amount)) for part in components)),
    )
    code, reason = _hold(row)
    if code:
        return replace(document, held_code=code, held_reason=reason)
    day = StoreDay(row["store"], row["business_date"], row["currency"], components)
    return with_entries(document, lambda: store_day_entries(day, rules), rules)


def _hold(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return the exception code and sentence that holds this day, or two empty texts."""
    if row["currency_count"] > 1:
        return "store_day_currencies", "its tills used more than one currency"
    if row["is_doubled"]:
        return "receipt_in_two_sources", "two sources deliver the same receipts"
    if row["tenders_missing"]:
        return "tenders_missing", "nothing says how its receipts were paid"
    if row["tenders_difference"]:
        shown = format_money(to_minor(row["tenders_difference"], row["currency"]), row["currency"])
        return "tenders_differ", f"its tenders and its receipts differ by {shown} at one till or more"
    if row["drawers_open"]:
        return "drawer_open", "a drawer was not closed yet"
    if row["drawers_missing"]:
        return "drawer_not_counted", "a drawer with cash was not counted"
    return "", ""
