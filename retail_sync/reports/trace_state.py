"""The stories of orders and receipts as values that any rendering can show: how long each step takes, what is missing."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from retail_sync.core import sql
from retail_sync.reports.values import Rows, amount

_TOP = 20


@dataclass(frozen=True, slots=True)
class TraceState:
    """What an analyst wants to see of the orders' stories.

    `latencies`: channel, step, unit, orders, median, 95th percentile; `missing`: channel, step, orders, since, amount,
    currency; `newest_missing`: the newest orders that lack a step.
    """

    latencies: Rows
    missing: Rows
    newest_missing: Rows


def read_traces(connection: duckdb.DuckDBPyConnection) -> TraceState:
    """Return the state of the traces."""
    missing = connection.execute(sql.statement(__package__, "trace_missing")).fetchall()
    newest = connection.execute(
        "select ordered_on, channel, order_id, missing, ordered_amount, order_currency from reconcile.order_traces "
        "where missing <> '' order by ordered_on desc nulls last, channel, register, order_id limit ?",
        [_TOP],
    ).fetchall()
    return TraceState(
        latencies=read_latencies(connection),
        missing=[(*row[:4], amount(row[4], row[5] or "")) for row in missing],
        newest_missing=[(*row[:4], amount(row[4], row[5] or "")) for row in newest],
    )


def read_latencies(connection: duckdb.DuckDBPyConnection) -> Rows:
    """Return (channel, step, unit, orders, median, 95th percentile): values that occurred, never between two of them."""
    return connection.execute(sql.statement(__package__, "trace_latencies")).fetchall()
