"""The story of each order and receipt: from the order to the deposit, with its latencies and what is missing.

What the rows of an order say is summed for the touched orders only. What settlements and the reach of other orders say of it
is compared for all, one row per order, and written where it changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import duckdb

from retail_sync.core import sql
from retail_sync.core.failpoints import failpoint
from retail_sync.core.rules import RuleFile
from retail_sync.core.warehouse import transaction
from retail_sync.reconcile.proofs import prove, unexplained
from retail_sync.reconcile.step_rules import put_step_rules
from retail_sync.schemas.proof import mark_changed

_KIND = "stage = 'reconcile' and kind = 'order_trace'"
_NAME = "order_traces"
_RULED_STEPS = ("payment", "shipment", "settlement")


def reconcile_order_traces(
    connection: duckdb.DuckDBPyConnection, order_steps: RuleFile, progress: Callable[[str], None]
) -> int:
    """Bring reconcile.order_traces up to date, as one transaction. Returns how many numbers were touched.

    Called after `reconcile_settlements`, whose verdicts it tells.
    """
    touched = connection.execute(f"select count(*) from raw.touched where {_KIND}").fetchone()  # noqa: S608
    number = int(touched[0]) if touched else 0
    connection.execute(sql.statement(__package__, "settlement_steps"))
    wanted = {_NAME: _hash(f"{order_steps.hash}|{_settlements(connection)}")}
    rests = unexplained(connection, [_NAME])
    if not number and not rests and _is_applied(connection, wanted):
        return 0
    with transaction(connection):
        connection.execute(sql.statement(__package__, "selling_channels"))
        wanted["order_traces: sellers"] = _hash(_sellers(connection))
        is_whole = not _is_applied(connection, {"order_traces: sellers": wanted["order_traces: sellers"]})
        _trace(connection, order_steps, is_whole=is_whole or bool(rests))
        changed = _replace(connection)
        prove(connection, "order_traces_proof", [_NAME])
        _note(connection, wanted)
        mark_changed(connection, "reconcile")
        failpoint("order_traces.before_commit")
    failpoint("order_traces.after_commit")
    progress(f"order traces: {number} orders and receipts touched, {changed} traces written")
    return number


def find_events(connection: duckdb.DuckDBPyConnection, order_id: str) -> None:
    """Make the temp view `order_events` of one number. It writes temp tables only, so any connection will do."""
    connection.execute("create or replace temp table traced_ids as select cast(? as varchar) as order_id", [order_id])
    for name in ("selling_channels", "order_owners", "order_steps", "order_events"):
        connection.execute(sql.statement(__package__, name))


def _trace(connection: duckdb.DuckDBPyConnection, order_steps: RuleFile, *, is_whole: bool) -> None:
    """Make `traced_ids`, what was looked at, and `changed_traces`, what is to be written."""
    # A channel that begins to sell, or stops, may own numbers that were another's: any number may change.
    connection.execute(sql.statement(__package__, "traced_ids_whole" if is_whole else "traced_ids"))
    put_step_rules(connection, order_steps, _RULED_STEPS)
    for name in ("order_owners", "order_steps", "refund_categories", "order_trace_facts", "order_traces"):
        connection.execute(sql.statement(__package__, name))


def _replace(connection: duckdb.DuckDBPyConnection) -> int:
    connection.execute(
        "delete from reconcile.order_traces where order_id in (select order_id from traced_ids) "
        "or (kind, channel, register, order_id) in (select (kind, channel, register, order_id) from changed_traces)"
    )
    connection.execute("insert into reconcile.order_traces by name select * from changed_traces")
    connection.execute(f"delete from raw.touched where {_KIND}")  # noqa: S608
    written = connection.execute("select count(*) from changed_traces").fetchone()
    for name in ("changed_traces", "traced_facts", "order_owners", "traced_ids"):
        connection.execute(f"drop table {name}")  # noqa: S608 - names of our own
    return int(written[0]) if written else 0


def _settlements(connection: duckdb.DuckDBPyConnection) -> str:
    """Everything in `settlement_steps`, as text in a fixed order."""
    return repr(connection.execute("select * from settlement_steps order by settlement_id").fetchall())


def _sellers(connection: duckdb.DuckDBPyConnection) -> str:
    return repr(connection.execute("select channel from selling_channels order by channel").fetchall())


def _is_applied(connection: duckdb.DuckDBPyConnection, wanted: dict[str, str]) -> bool:
    known = dict(connection.execute("select name, hash from raw.applied").fetchall())
    return all(known.get(name) == value for name, value in wanted.items())


def _note(connection: duckdb.DuckDBPyConnection, wanted: dict[str, str]) -> None:
    for name, value in wanted.items():
        connection.execute("delete from raw.applied where name = ?", [name])
        connection.execute("insert into raw.applied values (?, ?)", [name, value])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
