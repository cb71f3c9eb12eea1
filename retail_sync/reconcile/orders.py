"""Channel orders: what each should bring × what its settlements hold for it, by component; its prices × the price list.

Only orders whose rows changed are compared again, with the keyed comparison; what was open is judged again when settlements
or orders reach further.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal

import duckdb
import pyarrow as pa

from retail_sync.core import sql
from retail_sync.core.failpoints import failpoint
from retail_sync.core.rules import RuleFile
from retail_sync.core.warehouse import transaction
from retail_sync.reconcile import matching
from retail_sync.reconcile.comparing import compare
from retail_sync.reconcile.proofs import prove, unexplained
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.schemas.proof import mark_changed

_KIND = "stage = 'reconcile' and kind in ('order', 'settled')"
_RECONCILIATION = "order_settlement"
_SIDES = ("orders_valid", "orders_touched", "orders_expected", "orders_settled", "orders_prices")


def reconcile_orders(
    connection: duckdb.DuckDBPyConnection,
    match_rules: RuleFile,
    components: RuleFile,
    progress: Callable[[str], None],
) -> ReconcileReport:
    """Bring reconcile.order_settlements and its breaks up to date, as one transaction.

    `components` says which category of settlement lines is which part of an order. When it changes every order is compared.
    """
    connection.register("order_components", pa.table({
        "category": pa.array([row["category"] for row in components.rows], pa.string()),
        "component": pa.array([row["component"] for row in components.rows], pa.string()),
    }))  # fmt: skip
    changed = _changed(connection, match_rules, components)
    touched = connection.execute(f"select count(*) from raw.touched where {_KIND}").fetchone()  # noqa: S608
    rests = unexplained(connection, [_RECONCILIATION])
    if not changed and not (touched and touched[0]) and not rests:
        return ReconcileReport(0, ())
    with transaction(connection):
        if rests or changed.keys() - {"order_reach"}:
            connection.execute(
                "insert into raw.touched select distinct 'reconcile', 'order', channel || '|*' from canonical.orders "
                "except select stage, kind, document_id from raw.touched"
            )
        residual = _compare(connection, match_rules)
        connection.execute("delete from reconcile.breaks where reconciliation = ?", [_RECONCILIATION])
        connection.execute("insert into reconcile.breaks by name select * from new_order_breaks")
        connection.execute(f"delete from raw.touched where {_KIND}")  # noqa: S608
        for name, value in changed.items():
            connection.execute("delete from raw.applied where name = ?", [name])
            connection.execute("insert into raw.applied values (?, ?)", [name, value])
        mark_changed(connection, "reconcile")
        failpoint("orders.before_commit")
    failpoint("orders.after_commit")
    connection.unregister("order_components")
    count = touched[0] if touched else 0
    progress(f"orders: {count} orders and settlements touched")
    return ReconcileReport(0, (), residual)  # the report counts settlements, days and places; orders are told above


def _changed(connection: duckdb.DuckDBPyConnection, match_rules: RuleFile, components: RuleFile) -> dict[str, str]:
    """Return what verdicts rest on besides the orders themselves and that is not as it was: rules, basis, reach."""
    seen = dict(connection.execute(sql.statement(__package__, "orders_basis")).fetchall())
    wanted = {
        "order_rules": hashlib.sha256(f"{match_rules.hash}|{components.hash}|{seen['basis']}".encode()).hexdigest(),
        "order_reach": hashlib.sha256(seen["reach"].encode()).hexdigest(),
    }
    found = dict(connection.execute("select name, hash from raw.applied").fetchall())
    return {name: value for name, value in wanted.items() if found.get(name) != value}


def _compare(connection: duckdb.DuckDBPyConnection, match_rules: RuleFile) -> tuple[str, ...]:
    for name in _SIDES:
        connection.execute(sql.statement(__package__, name))
    rests = [f"orders, {rest}" for rest in compare(connection)]
    connection.execute(sql.statement(__package__, "orders_compared"))
    rules = matching.rules_for(match_rules, _RECONCILIATION)
    limits = {
        "days_after": max(rule.days_after for rule in rules),
        "tolerance": max((rule.amount_tolerance for rule in rules), default=Decimal(0)),
    }
    connection.execute(sql.statement(__package__, "orders_judged"), limits)
    connection.execute(
        "delete from reconcile.order_settlements where (channel, order_id) in (select (channel, order_id) from touched_orders) "
        # Of an order that was open and is not touched, the parts that matched stay.
        "or (channel, order_id, component, currency) in "
        "(select (channel, order_id, component, currency) from judged_orders)"
    )
    connection.execute("insert into reconcile.order_settlements by name select * from judged_orders")
    connection.execute(sql.statement(__package__, "orders_breaks"), {"days_after": limits["days_after"]})
    proved = prove(connection, "orders_proof", [_RECONCILIATION], {"tolerance": limits["tolerance"]})
    return (*rests, *proved)
