"""Results as values that any rendering can show: Dagster metadata, the terminal, a page. Nothing is computed anew here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import sqlalchemy as sa

from retail_sync.core.money import format_money, from_minor
from retail_sync.core.rules import read_rules
from retail_sync.ledger.adapter import Balance, Finding
from retail_sync.ledger.problems import find_posting_problems
from retail_sync.operations import database as db
from retail_sync.operations.exceptions import Problem
from retail_sync.pipeline import Pipeline
from retail_sync.reconcile.break_kinds import BreakKinds
from retail_sync.reconcile.problems import find_breaks
from retail_sync.reconcile.proofs import unexplained
from retail_sync.reports.clearing_state import ledger_items
from retail_sync.reports.reconciliations import Reconciliations, read_reconciliations
from retail_sync.reports.return_state import ReturnState, read_returns
from retail_sync.reports.stock_state import StockState, read_stock
from retail_sync.reports.store_state import StoreState, read_stores
from retail_sync.reports.trace_state import TraceState, read_traces
from retail_sync.reports.values import Rows, amount
from retail_sync.schemas.proof import prove_changed
from retail_sync.schemas.tables import TABLES

Preview = tuple[tuple[str, ...], Rows]
_TOP = 20


@dataclass(frozen=True, slots=True)
class CanonicalState:
    """Counts and previews by table name; `rejects` are sentences about unread rows.

    Here and below, `problems` are broken contracts by table name, None where nothing changed since the last proof.
    """

    row_counts: Mapping[str, int]
    problems: Mapping[str, Sequence[str]] | None
    previews: Mapping[str, Preview]
    rejects: Sequence[str]


@dataclass(frozen=True, slots=True)
class ReconcileState:
    """What an analyst wants to see of the reconciliations."""

    row_counts: Mapping[str, int]
    problems: Mapping[str, Sequence[str]] | None
    found: Sequence[Problem]
    rules: Rows
    orders: Rows
    items: Rows
    cleared: Rows
    verdicts: Rows
    settlements: Rows
    by_day: Mapping[str, Rows]
    plot: Rows
    stores: StoreState
    stock: StockState
    returns: ReturnState
    traces: TraceState
    reconciliations: Reconciliations
    unexplained: Sequence[str]


@dataclass(frozen=True, slots=True)
class JournalState:
    """The desired journal; `unbalanced` must be empty, `held` has a sentence per held document."""

    row_counts: Mapping[str, int]
    problems: Mapping[str, Sequence[str]] | None
    previews: Mapping[str, Preview]
    unbalanced: Sequence[str]
    held: Sequence[str]


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Where the postings stand; `findings` are broken promises of the ledger, `verified` says what was checked."""

    by_state: Rows
    trial_balance: Rows
    problems: Sequence[str]
    findings: Sequence[str]
    verified: str


def problem_value(problem: Problem) -> str:
    """The value at stake as text, empty where it is unknown."""
    return "" if problem.amount_minor is None else format_money(problem.amount_minor, problem.currency)


def _counts(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, int]:
    counts = {}
    for table in TABLES:
        if table.schema == schema:
            row = connection.execute(f"select count(*) from {table.qualified}").fetchone()  # noqa: S608
            counts[table.name] = int(row[0]) if row else 0
    return counts


def read_canonical(pipeline: Pipeline) -> CanonicalState:
    """Return the state of the canonical tables; what changed is proved on the way."""
    with pipeline.writing("read canonical") as connection:
        return _canonical(connection)


def _canonical(connection: duckdb.DuckDBPyConnection) -> CanonicalState:
    settlements = connection.execute(
        "select settlement_id, account, currency, closing_date, total_amount from canonical.settlements "
        "order by closing_date desc, settlement_id limit ?",
        [_TOP],
    ).fetchall()
    categories = connection.execute(
        "select category, currency, count(*), sum(amount) from canonical.settlement_lines group by all order by 1, 2"
    ).fetchall()
    rejects = connection.execute(
        "select r.delivery_id, r.line_no, r.column_name, r.value, r.reason from canonical.rejected_rows as r "
        "join raw.deliveries as d using (delivery_id) where d.is_current order by d.received_order desc, r.line_no limit ?",
        [_TOP],
    ).fetchall()
    return CanonicalState(
        row_counts=_counts(connection, "canonical"),
        problems=prove_changed(connection, "canonical"),
        previews={
            "settlements": (
                ("settlement", "account", "currency", "closed", "stated total"),
                [(*row[:4], amount(row[4])) for row in settlements],
            ),
            "settlement_lines": (
                ("category", "currency", "lines", "sum"),
                [(*row[:3], amount(row[3])) for row in categories],
            ),
            "rejected_rows": (("delivery", "line", "column", "value", "reason"), rejects),
        },
        rejects=[f'Line {line} of {delivery}: {column} "{value.strip()[:40]}" {reason}.'
                 for delivery, line, column, value, reason in rejects],
    )  # fmt: skip


def read_reconcile(pipeline: Pipeline, as_of: date) -> ReconcileState:
    """Return the state of the reconcile tables; what changed is proved on the way. Ages are counted to `as_of`."""
    with pipeline.writing("read reconcile") as connection:
        return _reconcile(connection, pipeline.break_kinds, as_of)


def _reconcile(connection: duckdb.DuckDBPyConnection, kinds: BreakKinds, as_of: date) -> ReconcileState:
    totals = connection.execute(
        "select settlement_id, currency, closing_date, lines_total, header_total, bank_amount, opening_debt_status, "
        "reserve_status, status from reconcile.settlement_totals order by closing_date desc, settlement_id"
    ).fetchall()
    shown = [(*row[:3], amount(row[3]), amount(row[4]), amount(row[5]), *row[6:]) for row in totals]
    by_day: dict[str, Rows] = defaultdict(list)
    for row in shown:
        by_day[str(row[2])].append(row)
    verdicts = connection.execute(
        "select status, currency, count(*), sum(header_total) from reconcile.settlement_totals group by all order by 1, 2"
    ).fetchall()
    rules = connection.execute(
        "select reconciliation, rule_id, count(*) from reconcile.matches group by all order by 1, 2"
    ).fetchall()
    orders = connection.execute(
        "select channel, component, status, currency, count(*), sum(difference) from reconcile.order_settlements "
        "group by all order by 1, 2, 3, 4"
    ).fetchall()
    cleared = connection.execute(
        "select rule_id, cap, account, currency, count(*), sum(amount) from reconcile.cleared_differences "
        "group by all order by 1, 4"
    ).fetchall()
    items = connection.execute(
        "select reconciliation, side, status, count(*), sum(amount), min(item_date) from reconcile.match_items "
        "group by all order by 1, 2, 3"
    ).fetchall()
    return ReconcileState(
        row_counts=_counts(connection, "reconcile"),
        problems=prove_changed(connection, "reconcile"),
        found=find_breaks(connection, kinds),
        rules=rules,
        orders=[(*row[:5], amount(row[5])) for row in orders],
        cleared=[(row[0], amount(row[1]), *row[2:5], amount(row[5])) for row in cleared],
        items=[(*row[:4], amount(row[4]), str(row[5])) for row in items],
        verdicts=[(*row[:3], amount(row[3])) for row in verdicts],
        settlements=shown[:_TOP],
        by_day=by_day,
        plot=[(row[2], row[1], row[8], row[4] if row[4] is not None else row[5]) for row in totals],
        stores=read_stores(connection),
        stock=read_stock(connection),
        returns=read_returns(connection),
        traces=read_traces(connection),
        reconciliations=read_reconciliations(connection, kinds, as_of),
        unexplained=unexplained(connection),
    )


def read_journal(pipeline: Pipeline) -> JournalState:
    """Return the state of the desired journal; what changed is proved on the way."""
    with pipeline.writing("read journal") as connection:
        return _journal(connection)


def _journal(connection: duckdb.DuckDBPyConnection) -> JournalState:
    entries = connection.execute(
        "select e.entry_key, e.posting_date, e.memo, l.home_currency, sum(l.home_minor) filter (l.home_minor > 0) "
        "from journal.entries as e join journal.lines as l using (entry_key) group by all "
        "order by e.posting_date desc, e.entry_key limit ?",
        [_TOP],
    ).fetchall()
    by_account = connection.execute(
        "select account, home_currency, sum(home_minor) from journal.lines group by all order by 1, 2"
    ).fetchall()
    documents = connection.execute(
        "select document_id, status, held_code, held_reason from journal.documents order by status, document_id limit ?",
        [_TOP],
    ).fetchall()
    unbalanced = connection.execute(
        "select entry_key, sum(home_minor) from journal.lines group by entry_key having sum(home_minor) <> 0 limit ?",
        [_TOP],
    ).fetchall()
    held = connection.execute(
        "select title, held_reason from journal.documents where status = 'held' order by document_id"
    ).fetchall()
    return JournalState(
        row_counts=_counts(connection, "journal"),
        problems=prove_changed(connection, "journal"),
        previews={
            "entries": (
                ("entry", "date", "memo", "debits"),
                [(*row[:3], format_money(int(row[4] or 0), row[3])) for row in entries],
            ),
            "lines": (
                ("account", "balance wanted"),
                [(row[0], format_money(int(row[2]), row[1])) for row in by_account],
            ),
            "documents": (("settlement", "status", "held for", "because"), documents),
        },
        unbalanced=[f"{key} is out of balance by {minor} minor units" for key, minor in unbalanced],
        held=[f"{title[:1].upper()}{title[1:]} is held: {reason}." for title, reason in held],
    )


def read_ledger(pipeline: Pipeline, *, verify: bool) -> LedgerState:
    """Return the state of postings and ledger; with `verify` every promise of the ledger is recomputed."""
    findings: list[Finding] = []
    if verify:
        with pipeline.writing("explain the ledger's clearing accounts") as connection:
            findings = [*pipeline.ledger.verify(), *ledger_items(pipeline, connection).findings]
    query = sa.select(db.outbox.c.state, sa.func.count()).group_by(db.outbox.c.state).order_by(db.outbox.c.state)
    with pipeline.operations.connect() as operations:
        by_state: Rows = [tuple(row) for row in operations.execute(query)]
    names = {row["code"]: row["name"] for row in read_rules(pipeline.home.rules, "chart_of_accounts").rows}
    return LedgerState(
        by_state=by_state,
        trial_balance=trial_balance_rows(pipeline.ledger.balances(), names),
        problems=[problem.message for problem in find_posting_problems(pipeline.operations)],
        findings=[f"{finding.check}: {finding.message}." for finding in findings],
        verified="chain, balances and read-back hold; every clearing account is explained item by item"
        if verify
        else "checked by the nightly run",
    )


def trial_balance_rows(balances: Sequence[Balance], names: Mapping[str, str]) -> Rows:
    """Return (account, name, currency, debit, credit) by account and currency, as text; zero balances are left out."""
    rows: Rows = []
    for balance in balances:
        value = from_minor(balance.home_minor, balance.home_currency)
        if value:
            sides = (amount(value), "") if value > 0 else ("", amount(-value))
            rows.append((balance.account, names.get(balance.account, ""), balance.home_currency, *sides))
    return rows
