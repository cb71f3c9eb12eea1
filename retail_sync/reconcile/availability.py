"""What each channel may promise × what it lists. Computed whole: it has one row per channel and article."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import duckdb

from retail_sync.core import sql
from retail_sync.core.failpoints import failpoint
from retail_sync.core.rules import RuleFile
from retail_sync.core.warehouse import transaction
from retail_sync.reconcile.inventory import prepare_money
from retail_sync.reconcile.proofs import prove, unexplained
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.schemas.proof import mark_changed

_KIND = "stage = 'reconcile' and kind in ('availability', 'stock')"
_PROVED = ("availability",)
_RULES = "('safety_stock', 'channel_locations')"


def reconcile_availability(
    connection: duckdb.DuckDBPyConnection,
    safety_stock: RuleFile,
    channel_locations: RuleFile,
    progress: Callable[[str], None],
) -> ReconcileReport:
    """Bring reconcile.availability up to date where snapshots, listings, articles or one of the two rule files changed.

    Called before `reconcile_inventory`, which takes the touched stock off the list.
    """
    touched = connection.execute(f"select count(*) from raw.touched where {_KIND}").fetchone()  # noqa: S608
    rules = {file.name: file.hash for file in (safety_stock, channel_locations)}
    if _applied(connection) == rules and not (touched and touched[0]) and not unexplained(connection, _PROVED):
        return ReconcileReport(0, ())
    with transaction(connection):
        prepare_money(connection)
        connection.execute(sql.statement(__package__, "inventory_articles"))
        _put_safety_stock(connection, safety_stock)
        _put_channel_locations(connection, channel_locations)
        connection.execute(sql.statement(__package__, "availability"))
        connection.execute(sql.statement(__package__, "availability_breaks"))
        residual = prove(connection, "availability_proof", _PROVED)
        connection.execute("delete from reconcile.availability")
        connection.execute("insert into reconcile.availability by name select * from new_availability")
        connection.execute("delete from reconcile.breaks where reconciliation = 'availability'")
        connection.execute("insert into reconcile.breaks by name select * from new_availability_breaks")
        connection.execute("delete from raw.touched where stage = 'reconcile' and kind = 'availability'")
        connection.execute(f"delete from raw.applied where name in {_RULES}")  # noqa: S608 - names of our own
        connection.executemany("insert into raw.applied values (?, ?)", [list(item) for item in rules.items()])
        mark_changed(connection, "reconcile")
        failpoint("availability.before_commit")
    failpoint("availability.after_commit")
    rows = connection.execute("select count(*) from reconcile.availability").fetchone()
    progress(f"availability: {rows[0] if rows else 0} offers")
    return ReconcileReport(touched[0] if touched else 0, (), residual)


def _applied(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = connection.execute(f"select name, hash from raw.applied where name in {_RULES}")  # noqa: S608
    return dict(rows.fetchall())


def _put_safety_stock(connection: duckdb.DuckDBPyConnection, rules: RuleFile) -> None:
    connection.execute(
        "create or replace temp table safety_rules (sku varchar, channel varchar, quantity decimal(18, 6))"
    )
    for row in rules.rows:
        values = [row["sku"], row["channel"], Decimal(row["quantity"])]
        connection.execute("insert into safety_rules values (?, ?, ?)", values)


def _put_channel_locations(connection: duckdb.DuckDBPyConnection, rules: RuleFile) -> None:
    connection.execute("create or replace temp table channel_locations (channel varchar, location_id varchar)")
    for channel, location in sorted({(row["channel"].strip(), row["location_id"].strip()) for row in rules.rows}):
        connection.execute("insert into channel_locations values (?, ?)", [channel, location])
