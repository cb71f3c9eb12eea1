"""Inventory variances and availability as values that any rendering can show."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import duckdb

from retail_sync.reports.values import Rows, amount

_TOP = 20
_PLOTTED = 15


@dataclass(frozen=True, slots=True)
class StockState:
    """What an analyst wants to see of the goods: variances by question and cause, the largest, what may be oversold; two plots.

    `offers` are those that come closest to what is available, or pass it: (channel, sku, available, listed).
    """

    causes: Rows
    largest: Rows
    availability: Rows
    oversold: Rows
    offers: Rows
    plot: Rows
    runs: Rows


def read_stock(connection: duckdb.DuckDBPyConnection) -> StockState:
    """Return the state of inventory variances and availability."""
    causes = connection.execute(
        "select question, cause, currency, count(*), sum(quantity_variance), sum(value_variance) "
        "from reconcile.inventory_variances group by all order by all"
    ).fetchall()
    largest = connection.execute(
        "select business_date, location_id, sku, cause, quantity_variance, value_variance, currency "
        "from reconcile.inventory_variances "
        "order by abs(coalesce(value_variance, 0)) desc, business_date, location_id, sku limit ?",
        [_TOP],
    ).fetchall()
    availability = connection.execute(
        "select channel, status, count(*), sum(oversell_quantity) from reconcile.availability group by all order by all"
    ).fetchall()
    oversold = connection.execute(
        "select channel, sku, sells_from, available_to_promise, listed_quantity, oversell_quantity from reconcile.availability "
        "where status = 'oversell_risk' order by oversell_quantity desc, channel, sku limit ?",
        [_TOP],
    ).fetchall()
    offers = connection.execute(
        "select channel, sku, coalesce(available_to_promise, 0), listed_quantity from reconcile.availability "
        "where status in ('ok', 'oversell_risk') "
        "order by oversell_quantity desc, coalesce(available_to_promise, 0) - listed_quantity, channel, sku limit ?",
        [_PLOTTED],
    ).fetchall()
    plot = connection.execute(
        "select business_date, location_id || ' ' || currency, question, sum(value_variance) "
        "from reconcile.inventory_variances where question <> 'valuation' and value_variance is not null group by all order by all"
    ).fetchall()
    runs = connection.execute(
        "select business_date, location_id, owner_source, other_source, count(*), "
        "count(*) filter (where quantity_variance <> 0), sum(quantity_variance) from reconcile.parallel_runs "
        "group by all order by business_date desc, location_id, other_source limit ?",
        [_PLOTTED],
    ).fetchall()
    return StockState(
        causes=[(*row[:4], units(row[4]), amount(row[5])) for row in causes],
        largest=[(*row[:4], units(row[4]), amount(row[5], row[6])) for row in largest],
        availability=[(*row[:3], units(row[3])) for row in availability],
        oversold=[(*row[:2], row[2] or "all of ours", *(units(value) for value in row[3:])) for row in oversold],
        offers=offers,
        plot=plot,
        runs=[(*row[:6], units(row[6])) for row in runs],
    )


def units(value: Decimal | None) -> str:
    """A quantity as text, without zeros that say nothing."""
    return "" if value is None else f"{value.normalize():,f}"
