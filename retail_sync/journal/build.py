"""Reconcile to journal: desired entries of the touched settlements, or the reason why they are held. One transaction."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from retail_sync.core import sql
from retail_sync.core.failpoints import failpoint
from retail_sync.core.money import format_money, to_minor
from retail_sync.core.warehouse import transaction
from retail_sync.journal.rules import PostingRules
from retail_sync.journal.settlement import Component, DesiredEntry, Settlement, settlement_entries
from retail_sync.journal.validation import VALIDATIONS, unknown_category
from retail_sync.schemas.proof import mark_changed

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Policies:
    """Settings that decide what is journalled."""

    home_currency: str
    deposits: str


@dataclass(frozen=True, slots=True)
class JournalReport:
    """What one journal run did."""

    touched: int
    ready: int
    held: int


@dataclass(frozen=True, slots=True)
class _Document:
    row: Mapping[str, Any]
    held_code: str
    held_reason: str
    entries: Sequence[DesiredEntry]

    @property
    def facts_hash(self) -> str:
        return _hash(self.row["delivery_id"])

    @property
    def deposit_facts_hash(self) -> str:
        return _hash(self.row["delivery_id"] + "|" + self.row["bank_movement"])


def build_journal(
    connection: duckdb.DuckDBPyConnection,
    rules: PostingRules,
    policies: Policies,
    progress: Callable[[str], None],
) -> JournalReport:
    """Build the desired journal of what reconcile handed over; of everything, when a governed file or policy changed."""
    version = _hash(f"{rules.hash}|{policies.home_currency}|{policies.deposits}")
    with transaction(connection):
        _touch_all_if_changed(connection, version)
        rows = _rows(connection, sql.statement(__package__, "touched_settlements"))
        connection.execute(
            "create or replace temp table rebuilt as select distinct document_id from raw.touched "
            "where stage = 'journal' and kind = 'settlement'"
        )
        for name in ("documents", "entries"):
            connection.execute(f"delete from journal.{name} where document_id in (select document_id from rebuilt)")  # noqa: S608
        connection.execute("delete from journal.lines where settlement_id in (select document_id from rebuilt)")
        ready = held = 0
        for start in range(0, len(rows), _CHUNK):
            documents = _documents(connection, rows[start : start + _CHUNK], rules, policies)
            ready += sum(not document.held_code for document in documents)
            held += sum(bool(document.held_code) for document in documents)
            _write(connection, documents)
            progress(f"journal: {min(start + _CHUNK, len(rows))} of {len(rows)} settlements")
        connection.execute("delete from raw.touched where stage = 'journal' and kind = 'settlement'")
        if rows:
            mark_changed(connection, "journal")
        failpoint("journal.before_commit")
    failpoint("journal.after_commit")
    return JournalReport(len(rows), ready, held)


def _touch_all_if_changed(connection: duckdb.DuckDBPyConnection, version: str) -> None:
    found = connection.execute("select hash from raw.applied where name = 'posting_rules'").fetchone()
    if found and found[0] == version:
        return
    connection.execute("delete from raw.touched where stage = 'journal' and kind = 'settlement'")
    connection.execute(
        "insert into raw.touched select 'journal', 'settlement', settlement_id from reconcile.settlement_totals"
    )
    connection.execute("delete from raw.applied where name = 'posting_rules'")
    connection.execute("insert into raw.applied values ('posting_rules', ?)", [version])


def _documents(
    connection: duckdb.DuckDBPyConnection,
    rows: Sequence[Mapping[str, Any]],
    rules: PostingRules,
    policies: Policies,
) -> list[_Document]:
    components: dict[str, list[Component]] = defaultdict(list)
    query = (
        "select settlement_id, posting_month, event_date, category, marketplace, amount "
        "from reconcile.settlement_components where list_contains($ids, settlement_id)"
    )
    for row in _rows(connection, query, {"ids": [row["settlement_id"] for row in rows]}):
        components[row.pop("settlement_id")].append(Component(**row))
    return [_document(row, components[row["settlement_id"]], rules, policies) for row in rows]


def _document(
    row: Mapping[str, Any], components: Sequence[Component], rules: PostingRules, policies: Policies
) -> _Document:
    code, reason = _hold(row, policies)
    if not code and (reason := unknown_category(components, rules)):
        code = "account_unknown"
    if code:
        return _Document(row, code, reason, ())
    settlement = Settlement(
        settlement_id=row["settlement_id"],
        channel=row["channel"],
        currency=row["currency"],
        closing_date=row["closing_date"],
        total=row["header_total"],
        bank_value_date=row["bank_value_date"],
        bank_amount=row["bank_amount"],
    )
    entries = settlement_entries(settlement, components, rules, policies.deposits)
    for validation in VALIDATIONS:
        if reason := validation(entries, settlement, rules):
            code = "account_unknown" if validation.__name__ == "unknown_account" else "entry_invariant_broken"
            return _Document(row, code, reason, ())
    return _Document(row, "", "", entries)


def _hold(row: Mapping[str, Any], policies: Policies) -> tuple[str, str]:
    """Return the exception code and sentence that holds this settlement, or two empty texts."""
    if row["header_total"] is None:
        return "settlement_header_missing", "its document states no total"
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
    if policies.home_currency and row["currency"] != policies.home_currency:
        return (
            "no_exchange_rate",
            f"there is no rate from {row['currency']} to {policies.home_currency}",
        )
    return "", ""


def _money(amount: Decimal, row: Mapping[str, Any]) -> str:
    return format_money(to_minor(amount, row["currency"]), row["currency"])


def _write(connection: duckdb.DuckDBPyConnection, documents: Iterable[_Document]) -> None:
    header, entries, lines = [], [], []
    for document in documents:
        held = bool(document.held_code)
        header.append((document.row["settlement_id"], "held" if held else "ready", document.held_code,
                       document.held_reason, document.facts_hash, document.deposit_facts_hash, document.row["delivery_id"],
                       document.row["bank_delivery_id"], document.row["bank_movement"]))  # fmt: skip
        for desired in document.entries:
            facts = document.deposit_facts_hash if desired.kind == "deposit" else document.facts_hash
            entry = desired.entry
            entries.append((desired.entry_key, document.row["settlement_id"], desired.kind, desired.posting_date,
                            desired.memo, entry.body_text, entry.body_hash, facts))  # fmt: skip
            lines += [_line(desired, number, document) for number in range(1, len(desired.legs) + 1)]
    _insert(connection, "journal.documents", header)
    _insert(connection, "journal.entries", entries)
    _insert(connection, "journal.lines", lines)


def _line(desired: DesiredEntry, number: int, document: _Document) -> tuple[Any, ...]:
    leg = desired.legs[number - 1]
    line = leg.line
    return (
        desired.entry_key, number, line.account, line.role, leg.category, line.transaction_minor,
        line.transaction_currency, line.home_minor, line.home_currency, line.rate, line.channel, line.location,
        line.tax_code, document.row["settlement_id"], leg.posting_month, line.memo,
    )  # fmt: skip


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    columns = [row[0] for row in connection.execute(f"describe {table}").fetchall()]
    batch = pa.table([pa.array(values) for values in zip(*rows, strict=True)], names=columns)
    connection.register("batch", batch)
    connection.execute(f"insert into {table} by name select * from batch")  # noqa: S608 - a table of the registry
    connection.unregister("batch")


def _rows(
    connection: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    cursor = connection.execute(query, values or {})
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
