"""`retail-sync status` as a value: freshness, verdicts, open exceptions, postings, key figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import sqlalchemy as sa

from retail_sync.core.money import format_money
from retail_sync.operations import database as db
from retail_sync.reconcile.break_kinds import BreakKinds
from retail_sync.reports.reconciliations import read_reconciliations
from retail_sync.reports.return_state import read_returns
from retail_sync.reports.stock_state import read_stock
from retail_sync.reports.trace_state import read_latencies
from retail_sync.reports.values import amount


@dataclass(frozen=True, slots=True)
class Status:
    """What a person asks first in the morning. Amounts are text with their currency."""

    freshness: dict[str, str]
    bank: list[dict[str, str]]
    verdicts: list[dict[str, Any]]
    stores: list[dict[str, Any]]
    stock: list[dict[str, Any]]
    returns: list[dict[str, Any]]
    reconciliations: list[dict[str, Any]]
    exceptions: list[dict[str, Any]]
    postings: dict[str, int]
    held: list[dict[str, Any]]
    key_figures: dict[str, str]

    @property
    def reached(self) -> list[tuple[str, str]]:
        """How far the data reach, as rows: a row for each bank account, with its source where two name the same."""
        names = Counter(row["account"] for row in self.bank)
        return [
            *self.freshness.items(),
            *(
                (
                    f"bank statement of {row['source'] + ' ' if names[row['account']] > 1 else ''}{row['account']} reaches",
                    row["reaches"],
                )
                for row in self.bank
            ),
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return plain types for --json."""
        return asdict(self)


def read_status(
    connection: duckdb.DuckDBPyConnection | None, engine: sa.Engine, kinds: BreakKinds, as_of: date
) -> Status:
    """Return the status as of a day; `connection` is None where nothing was published yet."""
    freshness, verdicts, figures = _warehouse(connection) if connection else ({}, [], {})
    bank = _bank(connection) if connection else []
    stores = _stores(connection) if connection else []
    stock = _stock(connection) if connection else []
    returns = _returns(connection) if connection else []
    held = _held(connection) if connection else []
    reconciliations = read_reconciliations(connection, kinds, as_of).summary if connection else []
    with engine.connect() as operations:
        received = operations.execute(
            sa.select(
                sa.func.max(db.deliveries.c.received_at), sa.func.count(), sa.func.sum(db.deliveries.c.times_seen - 1)
            )
        ).one()
        counted = operations.execute(sa.select(db.outbox.c.state, sa.func.count()).group_by(db.outbox.c.state))
        postings = {str(row[0]): int(row[1]) for row in counted}
        groups = operations.execute(
            sa.select(
                db.exceptions.c.code,
                db.exceptions.c.currency,
                sa.func.count().label("count"),
                sa.func.sum(sa.func.abs(db.exceptions.c.amount_minor)).label("minor"),
                sa.func.min(db.exceptions.c.since_date).label("since"),
            )
            .where(db.exceptions.c.closed_at.is_(None))
            .group_by(db.exceptions.c.code, db.exceptions.c.currency)
            .order_by(db.exceptions.c.code)
        ).all()
    newest = str(received[0] or "none")[:19]
    freshness = {
        "newest delivery": newest,
        "deliveries": str(received[1]),
        "seen again": str(received[2] or 0),
    } | freshness
    total = sum(postings.values())
    if total:
        figures["entries verified in the ledger"] = f"{100 * postings.get('verified', 0) / total:.1f} %"
    exceptions = [_group(row) for row in groups]
    return Status(
        freshness, bank, verdicts, stores, stock, returns, reconciliations, exceptions, postings, held, figures
    )


def _group(row: sa.Row[Any]) -> dict[str, Any]:
    value = format_money(int(row.minor), row.currency) if row.minor is not None and row.currency else ""
    return {"code": row.code, "count": row.count, "value": value, "since": row.since}


def _warehouse(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[dict[str, str], list[dict[str, Any]], dict[str, str]]:
    latest = connection.execute(
        """
        select
            (select max(closing_date) from canonical.settlements),
            (select max(business_date) from canonical.pos_sales),
            (select max(snapshot_date) from canonical.stock_snapshots)
        """
    ).fetchone()
    named = ("newest settlement closed", "tills report to", "stock snapshots reach")
    freshness = {name: str(day) for name, day in zip(named, latest or (), strict=True) if day}
    rows = connection.execute(
        "select status, currency, count(*), sum(header_total), sum(abs(header_total)) "
        "from reconcile.settlement_totals group by all order by 2, 1"
    ).fetchall()
    verdicts = [
        # What states no total has none, not one of zero.
        {"verdict": status, "currency": currency, "settlements": count, "stated total": amount(total)}
        for status, currency, count, total, _ in rows
    ]
    return freshness, verdicts, _matched_share(rows) | _days_to_deposit(connection)


def _bank(connection: duckdb.DuckDBPyConnection) -> list[dict[str, str]]:
    """How far the statements of each account reach: one that is behind must not hide behind another."""
    rows = connection.execute(
        "select source, account, cast(max(value_date) as varchar) from canonical.bank_transactions group by all order by all"
    ).fetchall()
    return [dict(zip(("source", "account", "reaches"), row, strict=True)) for row in rows]


def _stores(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    rows = connection.execute(
        "select store, currency, comparison, status, count(*), coalesce(sum(difference), 0) "
        "from reconcile.store_days group by all order by all"
    ).fetchall()
    names = ("store", "currency", "comparison", "verdict", "rows", "difference")
    return [dict(zip(names, (*row[:5], f"{row[5]:,.2f}"), strict=True)) for row in rows]


def _held(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """What waits and is in no ledger: it must not be forgotten beside the entries that are verified."""
    rows = connection.execute(
        "select kind, held_code, currency, count(*), cast(sum(value_minor) as bigint) "
        "from journal.documents where status = 'held' group by all order by all"
    ).fetchall()
    return [
        {
            "document": kind.replace("_", " "),
            "held for": code.replace("_", " "),
            "count": count,
            "value": "" if minor is None else format_money(minor, currency),
        }
        for kind, code, currency, count, minor in rows
    ]


def _stock(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = ("question", "cause", "currency", "rows", "units", "value")
    return [dict(zip(names, row, strict=True)) for row in read_stock(connection).causes]


def _returns(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = ("channel", "verdict", "currency", "orders", "given back", "due", "booked")
    return [dict(zip(names, row, strict=True)) for row in read_returns(connection).verdicts]


def _days_to_deposit(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return {
        f"order to deposit, {channel}": f"{median:.0f} days (median of {count})"
        for channel, step, _, count, median, _ in read_latencies(connection)
        if step == "order → deposit"
    }


def _matched_share(rows: Sequence[tuple[Any, ...]]) -> dict[str, str]:
    figures = {}
    for currency in sorted({row[1] for row in rows}):
        values = {row[0]: row[4] or Decimal(0) for row in rows if row[1] == currency}
        if total := sum(values.values()):
            figures[f"matched to the bank, {currency}"] = (
                f"{100 * values.get('matched', Decimal(0)) / total:.1f} % of value"
            )
    return figures
