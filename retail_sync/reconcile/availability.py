"""What each channel may promise × what it lists. Computed whole: it has one row per channel and article."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import duckdb

from retail_sync.core import sql
from retail_sync.core.rules import RuleFile
from retail_sync.core.warehouse import transaction
from retail_sync.reconcile.inventory import prepare_money
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.schemas.proof import mark_changed

_KIND = "stage = 'reconcile' and kind in ('availability', 'stock')"


def reconcile_availability(
    connection: duckdb.DuckDBPyConnection, safety_stock: RuleFile, progress: Callable[[str], None]
) -> ReconcileReport:
    """Bring reconcile.availability up to date where snapshots, listings, articles or the safety stock changed.

    Called before `reconcile_inventory`, which takes the touched stock off the list.
    """
    touched = connection.execute(f"select count(*) from raw.touched where {_KIND}").fetchone()  # noqa: S608
    applied = connection.execute("select hash from raw.applied where name = 'safety_stock'").fetchone()
    if applied == (safety_stock.hash,) and (not touched or not touched[0]):
        return ReconcileReport(0, ())
    with transaction(connection):
        prepare_money(connection)
        connection.execute(sql.statement(__package__, "inventory_articles"))
        _put_safety_stock(connection, safety_stock)
        connection.execute(sql.statement(__package__, "availability"))
        connection.execute(sql.statement(__package__, "availability_breaks"))
        connection.execute("delete from reconcile.availability")
        connection.execute("insert into reconcile.availability by name select * from new_availability")
        connection.execute("delete from reconcile.breaks where reconciliation = 'availability'")
        connection.execute("insert into reconcile.breaks by name select * from new_availability_breaks")
        connection.execute("delete from raw.touched where stage = 'reconcile' and kind = 'availability'")
        connection.execute("delete from raw.applied where name = 'safety_stock'")
        connection.execute("insert into raw.applied values ('safety_stock', ?)", [safety_stock.hash])
        mark_changed(connection, "reconcile")
    rows = connection.execute("select count(*) from reconcile.availability").fetchone()
    progress(f"availability: {rows[0] if rows else 0} offers")
    return ReconcileReport(touched[0] if touched else 0, ())


def _put_safety_stock(connection: duckdb.DuckDBPyConnection, rules: RuleFile) -> None:
    connection.execute(
        "create or replace temp table safety_rules (sku varchar, channel varchar, quantity decimal(18, 6))"
    )
    for row in rules.rows:
        values = [row["sku"], row["channel"], Decimal(row["quantity"])]
        connection.execute("insert into safety_rules values (?, ?, ?)", values)
