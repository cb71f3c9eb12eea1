"""Goods as journal documents, where the setting says that we book them and not the ERP: `[ledger] stock = "journal"`.

Cost of sales, with what was written off, and counts are one document per location and day. The month-end true-up comes after
them, because it books what they leave of the difference between the ERP's stock and the ledger.

The facts of all three are units and costs with a day (a movement's own, a snapshot's). What a product costs and how it is
packed has none: these are rules, and a changed one corrects nothing that was released.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any

import duckdb

from retail_sync.core import sql
from retail_sync.core.money import to_minor
from retail_sync.journal.desired import Document
from retail_sync.journal.reading import rows_of
from retail_sync.journal.rules import Policies, PostingRules
from retail_sync.journal.stock import StockAmount, stock_entry
from retail_sync.journal.validation import with_entries

KIND = "stock"
ENTRY_KINDS = ("cogs", "count_variance", "stock_valuation")
EVERYTHING = """
    select distinct 'stock:cogs:' || location_id || '|' || business_date from reconcile.cost_of_sales
    union
    select 'stock:count:' || location_id || '|' || business_date from canonical.owned_stock_counts
    union
    select 'stock:valuation:' || strftime(business_date, '%Y-%m') from reconcile.inventory_variances
    where question = 'valuation'
"""
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of stock document is called, and the kind of its entries."""

    entry_kind: str
    title: str


_KINDS = {
    "cogs": _Kind("cogs", "cost of sales at {location} on {day}"),
    "count": _Kind("count_variance", "stock count at {location} on {day}"),
    "valuation": _Kind("stock_valuation", "stock true-up of {day}"),
}


def is_booked(policies: Policies) -> bool:
    """Say whether these documents are ours to book."""
    return policies.stock == "journal"


def touched_documents(
    connection: duckdb.DuckDBPyConnection, rules: PostingRules, policies: Policies
) -> Iterator[Sequence[Document]]:
    """Yield the touched documents: costs and counts in bounded pieces, then each month's true-up by itself."""
    if not is_booked(policies):
        return
    rows = rows_of(connection, sql.statement(__package__, "touched_stock_amounts"))
    documents = [
        _document(document_id, list(parts), rules, policies)
        for document_id, parts in groupby(rows, key=lambda row: row["document_id"])
    ]
    for start in range(0, len(documents), _CHUNK):
        yield documents[start : start + _CHUNK]
    months = rows_of(connection, sql.statement(__package__, "touched_stock_valuations"))
    for document_id, parts in groupby(months, key=lambda row: row["document_id"]):
        # Read one by one: each true-up rests on those before it, which are written by now.
        yield [_true_up(connection, document_id, list(parts), rules, policies)]


def _document(document_id: str, rows: Sequence[Mapping[str, Any]], rules: PostingRules, policies: Policies) -> Document:
    first = rows[0]
    document = _plain(
        document_id, first["kind"], first["location_id"], first["business_date"], rows, str(first["facts"])
    )
    uncosted = next((row["uncosted_sku"] for row in rows if row["uncosted_count"]), "")
    if uncosted:
        reason = f"{uncosted} has no unit cost, neither on its movement nor in a snapshot nor as a product"
        return replace(document, held_code="stock_cost_missing", held_reason=reason)
    amounts = [StockAmount(row["component"], to_minor(row["amount"], row["currency"]), row["currency"]) for row in rows]
    return _with_entries(document, first["kind"], first["location_id"], amounts, rules, policies)


def _true_up(
    connection: duckdb.DuckDBPyConnection,
    document_id: str,
    rows: Sequence[Mapping[str, Any]],
    rules: PostingRules,
    policies: Policies,
) -> Document:
    month_end: date = rows[0]["business_date"]
    booked = rows_of(
        connection,
        sql.statement(__package__, "stock_booked"),
        {"account": rules.only_account("inventory"), "month_end": month_end},
    )
    own = {row["currency"]: int(row["minor"]) for row in booked}
    document = _plain(document_id, "valuation", "", month_end, rows, f"{rows[0]['facts']}|{sorted(own.items())}")
    if unknown := next((row for row in rows if row["amount"] is None), None):
        code = "stock_snapshot_incomplete" if unknown["cause"] == "snapshot_incomplete" else "stock_cost_missing"
        return replace(document, held_code=code, held_reason=unknown["counterpart"])
    if held := _held_before(connection, month_end):
        reason = f"{held} document(s) of cost of sales, counts or earlier true-ups are held"
        return replace(document, held_code="stock_documents_held", held_reason=reason)
    amounts = [
        StockAmount("true_up", -to_minor(row["amount"], row["currency"]) - own.get(row["currency"], 0), row["currency"])
        for row in rows
    ]
    return _with_entries(document, "valuation", "", amounts, rules, policies)


def _held_before(connection: duckdb.DuckDBPyConnection, month_end: date) -> int:
    row = connection.execute(
        "select count(*) from journal.documents where kind = 'stock' and status = 'held' and since_date <= ?",
        [month_end],
    ).fetchone()
    return int(row[0]) if row else 0


def _plain(  # noqa: PLR0913 - the header of a document
    document_id: str, kind: str, location: str, day: date, rows: Sequence[Mapping[str, Any]], facts: str
) -> Document:
    currencies = sorted({row["currency"] for row in rows})
    known = [row["amount"] for row in rows if row["amount"] is not None]
    is_one = len(currencies) == 1 and known
    return Document(
        document_id=document_id,
        kind=KIND,
        title=_KINDS[kind].title.format(location=location, day=day),
        since_date=day,
        currency=currencies[0],
        value_minor=to_minor(sum(known[1:], start=known[0]), currencies[0]) if is_one else None,
        facts=facts,
    )


def _with_entries(
    document: Document,
    kind: str,
    location: str,
    amounts: Sequence[StockAmount],
    rules: PostingRules,
    policies: Policies,
) -> Document:
    used = {item.currency for item in amounts if item.minor}
    foreign = sorted(used - {policies.home_currency}) if policies.home_currency else []
    if foreign:
        reason = f"there is no rate from {foreign[0]} to {policies.home_currency}"
        return replace(document, held_code="no_exchange_rate", held_reason=reason)
    key = document.document_id.replace("|", ":")
    memo = document.title[:1].upper() + document.title[1:]
    entry_kind = _KINDS[kind].entry_kind
    return with_entries(
        document,
        lambda: stock_entry(key, entry_kind, document.since_date, memo, location, amounts, rules),
        rules,
    )
