"""Two systems side by side: what the owner of a place tells to lie there × what another source tells, by article and day.

Computed whole where anything about stock or ownership was touched. Without a rule in ownership.csv there is nothing to compare.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from retail_sync.core import sql
from retail_sync.core.warehouse import transaction
from retail_sync.reconcile.inventory import prepare_money
from retail_sync.reconcile.proofs import prove, unexplained
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.schemas.proof import mark_changed

_KIND = "stage = 'reconcile' and kind = 'stock'"
_PROVED = ("parallel_runs",)


def reconcile_parallel_runs(connection: duckdb.DuckDBPyConnection, progress: Callable[[str], None]) -> ReconcileReport:
    """Bring reconcile.parallel_runs up to date. Called before `reconcile_inventory`, which takes the touched stock off the list."""
    row = connection.execute(
        f"select count(*), (select count(*) from raw.ownership) + (select count(*) from reconcile.parallel_runs) "  # noqa: S608
        f"from raw.touched where {_KIND}"
    ).fetchone()
    touched, known = row or (0, 0)
    if not (touched and known) and not unexplained(connection, _PROVED):
        return ReconcileReport(0, ())
    with transaction(connection):
        prepare_money(connection)
        for name in ("parallel_runs", "parallel_runs_breaks"):
            connection.execute(sql.statement(__package__, name))
        residual = prove(connection, "parallel_runs_proof", _PROVED)
        connection.execute("delete from reconcile.parallel_runs")
        connection.execute("insert into reconcile.parallel_runs by name select * from new_parallel_runs")
        connection.execute("delete from reconcile.breaks where reconciliation = 'parallel_runs'")
        connection.execute("insert into reconcile.breaks by name select * from new_parallel_run_breaks")
        mark_changed(connection, "reconcile")
    rows = connection.execute("select count(*) from reconcile.parallel_runs").fetchone()
    progress(f"parallel runs: {rows[0] if rows else 0} quantities compared")
    return ReconcileReport(touched, (), residual)
