"""The goods: sold × posted, movements × snapshots, left × arrived, counted × book, stock × ledger, and the cost of what was sold.

Three questions are kept apart; every cause is decided by evidence alone, so it does not depend on when a file came. All is
computed whole when anything about stock was touched: a transfer or an article may explain a difference at any location.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

import duckdb

from retail_sync.core import sql
from retail_sync.core.failpoints import failpoint
from retail_sync.core.money import other_exponents
from retail_sync.core.warehouse import transaction
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.schemas.proof import mark_changed

_KIND = "stage = 'reconcile' and kind = 'stock'"
# In the order they build on one another.
_STEPS = (
    "inventory_articles", "inventory_costs", "inventory_incomplete_snapshots", "inventory_whole_snapshots",
    "inventory_sales_items", "inventory_sales_parts", "inventory_sales_causes", "inventory_intervals", "inventory_transfers",
    "inventory_interval_causes", "inventory_open_transfers", "inventory_count_books", "inventory_count_explanations",
    "inventory_counts",
    "inventory_counts_taken_over", "inventory_stock_values",
)  # fmt: skip
# Month end → what the ledger's inventory account holds by then, by currency; a currency it says nothing about is left out.
Balances = Callable[[date], Mapping[str, Decimal]]


def reconcile_inventory(
    connection: duckdb.DuckDBPyConnection,
    progress: Callable[[str], None],
    balances: Balances = lambda _month_end: {},
    *,
    is_trued_up: bool = False,
) -> ReconcileReport:
    """Bring variances and cost of sales up to date with the canonical tables, as one transaction; hand on what changed.

    `is_trued_up`: the journal books the valuation difference itself, so it needs nobody.
    """
    touched = connection.execute(f"select count(*) from raw.touched where {_KIND}").fetchone()  # noqa: S608
    if not touched or not touched[0]:
        return ReconcileReport(0, ())
    with transaction(connection):
        _compare(connection, balances, is_trued_up=is_trued_up)
        residual = _residual(connection)
        days = _hand_on(connection)
        for name, new in (("inventory_variances", "new_variances"), ("cost_of_sales", "new_cost_of_sales")):
            connection.execute(f"delete from reconcile.{name}")  # noqa: S608 - names of our own
            connection.execute(f"insert into reconcile.{name} by name select * from {new}")  # noqa: S608
        connection.execute("delete from reconcile.breaks where reconciliation = 'inventory'")
        connection.execute("insert into reconcile.breaks by name select * from new_stock_breaks")
        mark_changed(connection, "reconcile")
        failpoint("reconcile.before_commit")
    failpoint("reconcile.after_commit")
    progress(f"stock touched at {touched[0]} location(s) and day(s), {len(days)} days differ from before")
    return ReconcileReport(touched[0], days, residual)


def prepare_money(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the rounding to minor units, and the way to write quantities, that the statements use."""
    connection.execute("create or replace temp table minor_units (currency varchar, digits integer)")
    connection.executemany("insert into minor_units values (?, ?)", [list(row) for row in other_exponents().items()])
    connection.execute(sql.statement(__package__, "inventory_money"))
    connection.execute(sql.statement(__package__, "inventory_units"))


def _compare(connection: duckdb.DuckDBPyConnection, balances: Balances, *, is_trued_up: bool) -> None:
    prepare_money(connection)
    for name in _STEPS:
        connection.execute(sql.statement(__package__, name))
    connection.execute(
        "create or replace temp table ledger_balances (month_end date, currency varchar, amount decimal(18, 4))"
    )
    months = connection.execute("select distinct month_end from stock_values order by 1").fetchall()
    for (month_end,) in months:
        for currency, amount in balances(month_end).items():
            connection.execute("insert into ledger_balances values (?, ?, ?)", [month_end, currency, amount])
    connection.execute(sql.statement(__package__, "inventory_variances"))
    connection.execute(sql.statement(__package__, "inventory_breaks"), {"is_trued_up": is_trued_up})
    connection.execute(sql.statement(__package__, "inventory_cost_of_sales"))


def _residual(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    rows = connection.execute(sql.statement(__package__, "inventory_residual")).fetchall()
    return tuple(
        f"stock: {rest} variances have no break"
        if question == "breaks"
        else f"stock, {question}: {rest} units are in no row"
        for question, rest in rows
    )


def _hand_on(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Hand the journal every document whose rows changed; return the days whose rows changed."""
    connection.execute(sql.statement(__package__, "inventory_changed"))
    connection.execute(
        "insert into raw.touched select distinct 'journal', 'stock', document_id from changed_stock "
        "where document_id <> '' except select stage, kind, document_id from raw.touched"
    )
    # A count that agrees has no row here and is a document all the same: it may have differed, and been booked, before.
    connection.execute(
        "insert into raw.touched select distinct 'journal', 'stock', 'stock:count:' || location_id || '|' || business_date "  # noqa: S608
        "from canonical.stock_counts "
        f"where location_id || '|' || business_date in (select document_id from raw.touched where {_KIND}) "
        "except select stage, kind, document_id from raw.touched"
    )
    connection.execute(f"delete from raw.touched where {_KIND}")  # noqa: S608
    days = connection.execute("select distinct business_date from changed_stock order by 1").fetchall()
    return tuple(str(day[0]) for day in days)
