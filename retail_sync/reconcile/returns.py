"""What went back: goods that came back × money given back × what is booked of both, by the order or receipt that was sold.

What the rows of an order say is summed for the touched numbers only. What is missing depends on what the same channel shows of
other orders: that is judged for all, one row per order that has a refund or a return, and written where it changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import duckdb

from retail_sync.core import sql
from retail_sync.core.failpoints import failpoint
from retail_sync.core.rules import RuleFile
from retail_sync.core.warehouse import transaction
from retail_sync.reconcile.inventory import prepare_money
from retail_sync.reconcile.proofs import prove, unexplained
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.reconcile.step_rules import put_step_rules
from retail_sync.schemas.proof import mark_changed

_NAME = "returns"
_RULED_STEPS = ("goods", "refund", "booking", "order")
_VIEWS = ("refund_categories", "return_share", "selling_channels")
_FACTS = (
    "return_lines", "order_owners", "return_documents", "return_receipts", "return_owners", "return_events", "return_goods",
    "return_sold", "return_totals", "return_facts",
)  # fmt: skip


def reconcile_returns(
    connection: duckdb.DuckDBPyConnection, return_steps: RuleFile, progress: Callable[[str], None]
) -> ReconcileReport:
    """Bring reconcile.returns and its breaks up to date, as one transaction.

    Called before `reconcile_order_traces`: it looks at the same touched numbers, and the traces take them away.
    """
    prepare_money(connection)
    for name in _VIEWS:
        connection.execute(sql.statement(__package__, name))
    wanted = dict(connection.execute(sql.statement(__package__, "returns_basis")).fetchall())
    wanted = {f"returns: {name}": hashlib.sha256(value.encode()).hexdigest() for name, value in wanted.items()}
    wanted["returns: rules"] = return_steps.hash
    known = dict(connection.execute("select name, hash from raw.applied").fetchall())
    changed = {name: value for name, value in wanted.items() if known.get(name) != value}
    rests = unexplained(connection, [_NAME])
    if not changed and not rests and not _touched(connection):
        return ReconcileReport(0, ())
    with transaction(connection):
        put_step_rules(connection, return_steps, _RULED_STEPS)
        # A channel that begins to sell, or stops, may own numbers that were another's: any number may change. And so it may
        # where the last run left a rest.
        is_whole = bool(rests) or not changed.keys().isdisjoint({"returns: sellers", "returns: stores"})
        connection.execute(sql.statement(__package__, "returns_touched"), {"is_whole": is_whole})
        for name in _FACTS:
            connection.execute(sql.statement(__package__, name))
        written = _replace(connection)
        residual = _tell(connection)
        connection.execute("delete from raw.touched where stage = 'reconcile' and kind = 'return'")
        for name, value in changed.items():
            connection.execute("delete from raw.applied where name = ?", [name])
            connection.execute("insert into raw.applied values (?, ?)", [name, value])
        mark_changed(connection, "reconcile")
        failpoint("returns.before_commit")
    failpoint("returns.after_commit")
    progress(f"returns: {written} orders and receipts written")
    return ReconcileReport(0, (), residual)  # the report counts settlements, days and places; returns are told above


def _touched(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute(
        "select 1 from raw.touched where stage = 'reconcile' and kind in ('order_trace', 'return') limit 1"
    ).fetchone()
    return found is not None


def _replace(connection: duckdb.DuckDBPyConnection) -> int:
    connection.execute(sql.statement(__package__, "returns_judged"))
    connection.execute(
        "delete from reconcile.returns where order_id in (select order_id from traced_ids) "
        "or (kind, channel, register, order_id, currency) in "
        "(select (kind, channel, register, order_id, currency) from changed_returns)"
    )
    connection.execute("insert into reconcile.returns by name select * from changed_returns")
    written = connection.execute("select count(*) from changed_returns").fetchone()
    return int(written[0]) if written else 0


def _tell(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    connection.execute(sql.statement(__package__, "returns_breaks"))
    connection.execute("delete from reconcile.breaks where reconciliation = 'returns'")
    connection.execute("insert into reconcile.breaks by name select * from new_return_breaks")
    rows = connection.execute(sql.statement(__package__, "returns_residual")).fetchall()
    for name in ("changed_returns", *reversed(_FACTS), "traced_ids"):
        connection.execute(f"drop table {name}")  # noqa: S608 - names of our own
    lost = tuple(f"returns in {currency}: {rest} of what was given back is in no row" for currency, rest in rows)
    return (*lost, *prove(connection, "returns_proof", [_NAME]))
