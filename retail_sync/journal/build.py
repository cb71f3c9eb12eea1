"""Reconcile to journal: desired entries of the touched documents, or the reason why they are held. One transaction.

A kind of document is one module and one line in `_KINDS`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from retail_sync.core.failpoints import failpoint
from retail_sync.core.warehouse import transaction
from retail_sync.journal import (
    deferral_documents,
    gift_card_documents,
    revaluation,
    settlement_documents,
    stock_documents,
    store_day_documents,
    storefront_order_documents,
    voucher_documents,
)
from retail_sync.journal.currency import Rates, in_home
from retail_sync.journal.desired import DesiredEntry, Document
from retail_sync.journal.rules import LEGS, Policies, PostingRules
from retail_sync.journal.validation import balanced
from retail_sync.operations.releases import Standing
from retail_sync.schemas.proof import mark_changed

_NO_LEG = dict.fromkeys(("account", "home_currency", "home_minor"))
_KINDS = (
    settlement_documents,
    store_day_documents,
    stock_documents,
    gift_card_documents,
    voucher_documents,
    deferral_documents,
    storefront_order_documents,
)


@dataclass(frozen=True, slots=True)
class JournalReport:
    """What one journal run did."""

    touched: int
    ready: int
    held: int


def build_journal(
    connection: duckdb.DuckDBPyConnection,
    rules: PostingRules,
    policies: Policies,
    progress: Callable[[str], None],
    standing: Callable[[], Sequence[Standing]] = tuple,
) -> JournalReport:
    """Build the desired journal of what reconcile handed over; of everything, when a governed file or policy changed.

    `standing` reads what the ledger holds of our stock entries: a true-up books what is missing beside them.
    """
    policy = (
        policies.home_currency,
        policies.deposits,
        policies.stock,
        policies.rate_days,
        policies.storefront,
        policies.granularity,
    )
    version = _hash(f"{rules.hash}|{policy}")
    touched = ready = held = 0
    with transaction(connection):
        _touch_all_if_changed(connection, version)
        _note_applied(connection, "granularity", policies.granularity)
        rates = Rates.read(connection, policies.home_currency, policies.rate_days)
        _touch_foreign_if_changed(connection, rates)
        _show_standing(connection, policies, standing)
        deferral_documents.touch_changed_goods(connection, policies)
        storefront_order_documents.touch_orders_of_customers_and_places(connection, policies)
        for kind in _KINDS:
            _forget_touched(connection, kind.KIND)
            for documents in kind.touched_documents(connection, rules, policies):
                finished = [balanced(in_home(document, rates, rules)) for document in documents]
                _write(connection, finished)
                touched += len(finished)
                held += sum(bool(document.held_code) for document in finished)
                progress(f"journal: {touched} documents")
        if touched:
            _revalue(connection, rates, rules)
        ready = touched - held
        connection.execute("delete from raw.touched where stage = 'journal'")
        if touched:
            mark_changed(connection, "journal")
            # What is derived from the journal (the clearing items) is out of date from here on, even if this run is killed.
            connection.execute("delete from raw.applied where name = 'clearing_items'")
        failpoint("journal.before_commit")
    failpoint("journal.after_commit")
    return JournalReport(touched, ready, held)


def booked_kinds(policies: Policies) -> frozenset[str]:
    """Return the kinds of entries that are ours to book under today's settings."""
    kinds = [name for kind in _KINDS if kind.is_booked(policies) for name in kind.ENTRY_KINDS]
    return frozenset([*kinds, *(revaluation.ENTRY_KINDS if policies.home_currency else ())])


def own_categories() -> frozenset[str]:
    """Return the categories that no settlement line brings: legs of our own, and what other documents are made of."""
    return frozenset(LEGS).union(*(getattr(kind, "CATEGORIES", ()) for kind in _KINDS))


def _touch_all_if_changed(connection: duckdb.DuckDBPyConnection, version: str) -> None:
    found = connection.execute("select hash from raw.applied where name = 'posting_rules'").fetchone()
    if found and found[0] == version:
        return
    for kind in _KINDS:
        connection.execute(
            f"insert into raw.touched select 'journal', ?, document_id from ({kind.EVERYTHING}) as d(document_id) "  # noqa: S608
            "except select stage, kind, document_id from raw.touched",
            [kind.KIND],
        )
    _note_applied(connection, "posting_rules", version)


def _note_applied(connection: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    connection.execute("delete from raw.applied where name = ?", [name])
    connection.execute("insert into raw.applied values (?, ?)", [name, value])


def _touch_foreign_if_changed(connection: duckdb.DuckDBPyConnection, rates: Rates) -> None:
    """Hand over all that is in another currency, or waits for a rate, when a rate of any day came or changed."""
    version = _hash(repr(rates))
    found = connection.execute("select hash from raw.applied where name = 'exchange_rates'").fetchone()
    if (found[0] if found else _hash(repr(Rates(rates.home, rates.days_old)))) == version:
        return
    connection.execute(
        "insert into raw.touched select distinct 'journal', kind, document_id from journal.documents "
        "where kind <> 'revaluation' and (held_code = 'no_exchange_rate' or document_id in "
        "(select document_id from journal.lines where transaction_currency <> ?)) "
        "except select stage, kind, document_id from raw.touched",
        [rates.home],
    )
    _note_applied(connection, "exchange_rates", version)


def _revalue(connection: duckdb.DuckDBPyConnection, rates: Rates, rules: PostingRules) -> None:
    """Write the revaluations anew: each rests on all balances before it, so they are computed from what is written now."""
    for name in ("documents", "entries", "lines"):
        connection.execute(f"delete from journal.{name} where document_id like 'revaluation:%'")  # noqa: S608
    _write(connection, [balanced(document) for document in revaluation.revaluations(connection, rates, rules)])


def _show_standing(
    connection: duckdb.DuckDBPyConnection, policies: Policies, standing: Callable[[], Sequence[Standing]]
) -> None:
    """Let the statements see the legs that stand; read only where a document of stock will be built."""
    connection.execute(
        "create or replace temp table standing_legs "
        "(document_id varchar, facts_hash varchar, account varchar, currency varchar, minor bigint)"
    )
    touched = connection.execute(
        "select 1 from raw.touched where stage = 'journal' and kind = ? limit 1", [stock_documents.KIND]
    ).fetchone()
    if touched and stock_documents.is_booked(policies):
        legs = [
            (old.document_id, old.facts_hash, leg["account"], leg["home_currency"], leg["home_minor"])
            for old in standing()
            for leg in old.legs or [_NO_LEG]
        ]
        _insert(connection, "standing_legs", legs)


def _forget_touched(connection: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Delete what was desired of the touched documents; those that are still there are written anew.

    One whose last fact moved away is in no table then, as in a fresh warehouse. The release takes back what it had.
    """
    connection.execute(
        "create or replace temp table rebuilt as select document_id from raw.touched where stage = 'journal' and kind = ?",
        [kind],
    )
    for name in ("documents", "entries", "lines"):
        connection.execute(f"delete from journal.{name} where document_id in (select document_id from rebuilt)")  # noqa: S608


def _write(connection: duckdb.DuckDBPyConnection, documents: Iterable[Document]) -> None:
    header, entries, lines = [], [], []
    for document in documents:
        facts, deposit_facts = _hash(document.facts), _hash(document.deposit_facts)
        header.append((document.document_id, document.kind, document.title, document.since_date, document.currency,
                       document.value_minor, "held" if document.held_code else "ready", document.held_code,
                       document.held_reason, facts, deposit_facts, document.delivery_id, document.bank_delivery_id,
                       document.bank_movement))  # fmt: skip
        for desired in document.entries:
            entry = desired.entry
            entries.append((desired.entry_key, document.document_id, desired.kind, desired.posting_date, desired.memo,
                            entry.body_text, entry.body_hash,
                            deposit_facts if desired.kind == "deposit" else facts))  # fmt: skip
            lines += [_line(desired, number, document) for number in range(1, len(desired.legs) + 1)]
    _insert(connection, "journal.documents", header)
    _insert(connection, "journal.entries", entries)
    _insert(connection, "journal.lines", lines)


def _line(desired: DesiredEntry, number: int, document: Document) -> tuple[Any, ...]:
    leg = desired.legs[number - 1]
    line = leg.line
    return (
        desired.entry_key, number, line.account, line.role, leg.category, line.transaction_minor,
        line.transaction_currency, line.home_minor, line.home_currency, line.rate, line.channel, line.location,
        line.tax_code, document.document_id, leg.posting_month, leg.order_id, line.memo, leg.rule,
    )  # fmt: skip


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    columns = [row[0] for row in connection.execute(f"describe {table}").fetchall()]
    batch = pa.table([pa.array(values) for values in zip(*rows, strict=True)], names=columns)
    connection.register("batch", batch)
    connection.execute(f"insert into {table} by name select * from batch")  # noqa: S608 - a table of the registry
    connection.unregister("batch")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
