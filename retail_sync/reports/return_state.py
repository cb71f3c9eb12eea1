"""Returns as values that any rendering can show: verdicts, what came back elsewhere, and what days look like."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from retail_sync.reports.values import Rows, amount

_TOP = 20


@dataclass(frozen=True, slots=True)
class ReturnState:
    """What an analyst wants to see of returns.

    `verdicts`: channel, verdict, currency, orders, given back, due, booked; `elsewhere`: the newest that came back at another
    place than their channel's; `plot`: day, currency, verdict, given back (what the goods are worth where nothing was).
    """

    verdicts: Rows
    elsewhere: Rows
    plot: Rows


def read_returns(connection: duckdb.DuckDBPyConnection) -> ReturnState:
    """Return the state of returns."""
    verdicts = connection.execute(
        "select channel, status, currency, count(*), sum(refunded_amount), sum(expected_amount), sum(booked_amount) "
        "from reconcile.returns group by all order by 1, 2, 3"
    ).fetchall()
    elsewhere = connection.execute(
        "select returned_to, channel, order_id, returned_to_places, returned_quantity, refunded_amount, currency, status "
        "from reconcile.returns where is_elsewhere order by returned_to desc, channel, order_id limit ?",
        [_TOP],
    ).fetchall()
    plot = connection.execute(
        "select coalesce(least(refunded_from, returned_from), sold_on), currency, status, "
        "sum(case when refunded_amount <> 0 then refunded_amount else coalesce(goods_amount, 0) end) "
        "from reconcile.returns group by all order by 1, 2, 3"
    ).fetchall()
    return ReturnState(
        verdicts=[(*row[:4], amount(row[4]), amount(row[5]), amount(row[6])) for row in verdicts],
        elsewhere=[(*row[:4], f"{row[4]:,.2f}", amount(row[5], row[6]), row[7]) for row in elsewhere],
        plot=plot,
    )
