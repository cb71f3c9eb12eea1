"""Settlements as journal documents: their facts read from reconcile, their entries built, or the reason why they are held."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import duckdb

from retail_sync.core import sql
from retail_sync.core.money import format_money, to_minor
from retail_sync.journal.desired import Document
from retail_sync.journal.reading import rows_of
from retail_sync.journal.rules import Policies, PostingRules
from retail_sync.journal.settlement import Cleared, Converted, Settlement, settlement_entries
from retail_sync.journal.settlement_parts import Component, Granularity
from retail_sync.journal.validation import SETTLEMENT_VALIDATIONS, with_entries

KIND = "settlement"
ENTRY_KINDS = ("settlement", "failed_transfer", "deposit")
EVERYTHING = "select settlement_id from reconcile.settlement_totals"
# Settlements that are built at once: of a large one there are a few entries, or one for each of its orders.
_CHUNKS: Mapping[Granularity, int] = {"settlement": 500, "day": 100, "order": 10}


def is_booked(_policies: Policies) -> bool:
    """Say whether these documents are ours to book."""
    return True


def touched_documents(
    connection: duckdb.DuckDBPyConnection, rules: PostingRules, policies: Policies
) -> Iterator[Sequence[Document]]:
    """Yield the settlements that reconcile handed over, in bounded pieces."""
    rows = rows_of(connection, sql.statement(__package__, "touched_settlements"))
    size = _CHUNKS[policies.granularity]
    for start in range(0, len(rows), size):
        yield _documents(connection, rows[start : start + size], rules, policies)


def _documents(
    connection: duckdb.DuckDBPyConnection,
    rows: Sequence[Mapping[str, Any]],
    rules: PostingRules,
    policies: Policies,
) -> list[Document]:
    components: dict[str, list[Component]] = defaultdict(list)
    asked = {"ids": [row["settlement_id"] for row in rows], "granularity": policies.granularity}
    for row in rows_of(connection, sql.statement(__package__, "settlement_parts"), asked):
        components[row.pop("settlement_id")].append(Component(**row))
    return [_document(row, components[row["settlement_id"]], rules, policies) for row in rows]


def _document(
    row: Mapping[str, Any], components: Sequence[Component], rules: PostingRules, policies: Policies
) -> Document:
    plain = _plain(row)
    code, reason = _hold(row)
    if code:
        return replace(plain, held_code=code, held_reason=reason)
    settlement = Settlement(
        settlement_id=row["settlement_id"],
        channel=row["channel"],
        currency=row["currency"],
        closing_date=row["closing_date"],
        total=row["header_total"],
        bank_value_date=row["bank_value_date"],
        bank_amount=row["bank_amount"],
        cleared=Cleared(row["cleared_amount"], row["cleared_account"], row["cleared_by"])
        if row["cleared_by"]
        else None,
        converted=Converted(row["converted_amount"], row["converted_currency"], row["converted_on"])
        if row["converted_on"] and policies.home_currency
        else None,
    )
    return with_entries(
        plain,
        lambda: settlement_entries(settlement, components, rules, policies.deposits, policies.granularity),
        rules,
        [partial(check, settlement=settlement) for check in SETTLEMENT_VALIDATIONS],
    )


def _plain(row: Mapping[str, Any]) -> Document:
    # What is at stake where no total is stated: the sum of its lines.
    value = row["lines_total"] if row["header_total"] is None else row["header_total"]
    return Document(
        document_id=row["settlement_id"],
        kind=KIND,
        title=f"settlement {row['settlement_id']}",
        since_date=row["closing_date"],
        currency=row["currency"],
        value_minor=None if value is None else to_minor(value, row["currency"]),
        facts=row["facts"],
        deposit_facts=row["facts"] + "|" + row["bank_movement"],
        delivery_id=row["delivery_id"],
        bank_delivery_id=row["bank_delivery_id"],
        bank_movement=row["bank_movement"],
    )


def _hold(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return the exception code and sentence that holds this settlement, or two empty texts."""
    if row["header_total"] is None:
        return row["headless_code"], _why_headless(row)
    if row["rejected_count"]:
        return "rows_rejected", f"{row['rejected_count']} of its rows could not be read"
    lines_total = row["lines_total"] or Decimal(0)  # an account without any movement: no lines, a total of zero
    if lines_total != row["header_total"]:
        return (
            "settlement_does_not_foot",
            f"its lines sum to {_money(lines_total, row)}, its total is {_money(row['header_total'], row)}",
        )
    if row["unclassified_count"]:
        return (
            "settlement_unclassified",
            f"no rule says what {row['unclassified_count']} of its lines are",
        )
    return "", ""


def _why_headless(row: Mapping[str, Any]) -> str:
    match row["headless_code"]:
        case "payout_failed":
            return f"it is listed as {row['headless_counterpart']}: no money is on its way"
        case "payout_ambiguous":
            return "which total in the list of payouts is its cannot be told"
    # A document is one delivery; the statement of a payout is put together from several.
    return "its document states no total" if row["delivery_id"] else "it is in no list of payouts"


def _money(amount: Decimal, row: Mapping[str, Any]) -> str:
    return format_money(to_minor(amount, row["currency"]), row["currency"])
