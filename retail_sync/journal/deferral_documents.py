"""Deferred transactions as journal documents: one per seller account, month end and currency, from the first snapshot after it.

Accrual and reversal are both desired from the same facts, so a corrected snapshot corrects both and a withdrawn one takes both
back. What the goods cost is booked only where stock is ours to book and the ERP has not posted their sale; where the ERP books
cost at shipment, it would be booked twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import Any

import duckdb

from retail_sync.core import sql
from retail_sync.core.money import exponent, to_minor
from retail_sync.journal.deferral import Deferral, deferral_entries, not_taken_back
from retail_sync.journal.desired import Document
from retail_sync.journal.reading import rows_of
from retail_sync.journal.rules import Policies, PostingRules
from retail_sync.journal.settlement_parts import Component
from retail_sync.journal.validation import with_entries

KIND = "deferral"
ENTRY_KINDS = ("deferral", "deferral_reversal", "deferred_cost", "deferred_cost_reversal")
EVERYTHING = "select distinct document_id from journal.deferred_rows"
CATEGORIES = frozenset({"deferred_receivable"})
_CHUNK = 500
# What a sale consists of; a payout, reserve or debt is none and is never deferred.
_ROLES = ("component", "tax")


def is_booked(_policies: Policies) -> bool:
    """Say whether these documents are ours to book."""
    return True


def touch_changed_goods(connection: duckdb.DuckDBPyConnection, policies: Policies) -> None:
    """Touch the deferrals when what their goods cost, or whether the ERP posted them, is not what it was.

    Orders, movements and costs come without a transaction of the marketplace, and before or after its snapshot. They are looked
    at where a delivery is new since the last time, or a deferral has to be built anyway.
    """
    connection.execute(
        "create or replace temp table deferred_goods "
        "(document_id varchar, sku varchar, dated_cost varchar, quantity decimal(38, 6), cost decimal(38, 12))"
    )
    if policies.stock != "journal" or not connection.execute("select 1 from journal.deferred_rows limit 1").fetchone():
        return
    (evidence,) = connection.execute(sql.statement(__package__, "deferred_goods_evidence")).fetchone() or ("",)
    is_new = _is_changed(connection, "deferred_goods_evidence", evidence)
    touched = connection.execute("select 1 from raw.touched where stage = 'journal' and kind = ? limit 1", [KIND])
    if not is_new and not touched.fetchone():
        return
    connection.execute(sql.statement(__package__, "deferred_goods"))
    rows = connection.execute("select * from deferred_goods order by all").fetchall()
    if _is_changed(connection, "deferred_goods", repr(rows)):
        connection.execute(
            f"insert into raw.touched select 'journal', ?, document_id from ({EVERYTHING}) "  # noqa: S608
            "except select stage, kind, document_id from raw.touched",
            [KIND],
        )


def _is_changed(connection: duckdb.DuckDBPyConnection, name: str, content: str) -> bool:
    """Whether the content is another than the last time; from now on it is this one."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    found = connection.execute("select hash from raw.applied where name = ?", [name]).fetchone()
    if found and found[0] == digest:
        return False
    connection.execute("delete from raw.applied where name = ?", [name])
    connection.execute("insert into raw.applied values (?, ?)", [name, digest])
    return True


def touched_documents(
    connection: duckdb.DuckDBPyConnection, rules: PostingRules, policies: Policies
) -> Iterator[Sequence[Document]]:
    """Yield the touched month ends in bounded pieces."""
    rows = rows_of(connection, sql.statement(__package__, "touched_deferrals"))
    goods: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows_of(connection, "select * from deferred_goods order by all"):
        goods.setdefault(row["document_id"], []).append(row)
    documents = [
        _document(document_id, list(parts), goods.get(document_id, ()), rules, policies)
        for document_id, parts in groupby(rows, key=lambda row: row["document_id"])
    ]
    for start in range(0, len(documents), _CHUNK):
        yield documents[start : start + _CHUNK]


def _document(
    document_id: str,
    rows: Sequence[Mapping[str, Any]],
    goods: Sequence[Mapping[str, Any]],
    rules: PostingRules,
    policies: Policies,
) -> Document:
    first = rows[0]
    owed = sum((row["amount"] for row in rows), start=Decimal(0))
    # A product's cost has no day and is a rule: goods are told by their units, and by a cost that has one.
    sold = sorted((row["sku"], str(row["quantity"]), row["dated_cost"]) for row in goods)
    document = Document(
        document_id=document_id,
        kind=KIND,
        title=f"deferred transactions of {first['channel']} {first['account']} at {first['month_end']}",
        since_date=first["month_end"],
        currency=first["currency"],
        value_minor=to_minor(owed, first["currency"]),
        facts=repr((str(first["snapshot_date"]), [(row["category"], str(row["amount"])) for row in rows], sold)),
    )
    code, reason = _hold(rows, rules)
    if code:
        return replace(document, held_code=code, held_reason=reason)
    deferral = Deferral(
        channel=first["channel"],
        account=first["account"],
        month_end=first["month_end"],
        currency=first["currency"],
        components=[Component(first["month_end"], None, row["category"], "", row["amount"]) for row in rows],
        cost_minor=_rounded(sum((row["cost"] for row in goods), start=Decimal(0)), first["currency"]),
    )
    return with_entries(document, lambda: deferral_entries(deferral, rules), rules, [not_taken_back])


def _rounded(amount: Decimal, currency: str) -> int:
    return int(amount.scaleb(exponent(currency)).to_integral_value(ROUND_HALF_UP))


def _hold(rows: Sequence[Mapping[str, Any]], rules: PostingRules) -> tuple[str, str]:
    """Return the exception code and sentence that holds this month end, or two empty texts."""
    currency = rows[0]["currency"]
    if any(row["is_incomplete"] for row in rows):
        return "deferral_incomplete", f"a row of the snapshot of {rows[0]['snapshot_date']} was rejected"
    if currency == "XXX":
        return "currency_missing", f"its snapshot of {rows[0]['snapshot_date']} names no currency"
    for row in rows:
        if any(rule.role not in _ROLES for rule in rules.by_category.get(row["category"], ())):
            return "deferral_category", f"{row['category']} is no part of a sale that can be deferred"
    return "", ""
