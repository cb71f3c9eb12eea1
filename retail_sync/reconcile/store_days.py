"""The store days: receipts × tenders, cash × drawer, card tenders × processor.

Rows are summed for the touched days only; what is compared afterwards has a few rows per day and is done whole. Receipts are
looked at one by one only on days that differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from decimal import Decimal

import duckdb

from retail_sync.core import sql
from retail_sync.core.failpoints import failpoint
from retail_sync.core.rules import RuleFile
from retail_sync.core.warehouse import transaction
from retail_sync.reconcile import matching
from retail_sync.reconcile.proofs import prove, unexplained
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.schemas.proof import mark_changed

# In the order they build on one another.
_STEPS = (
    "store_day_payments", "store_day_cards", "store_day_uneven", "store_day_doubled", "store_days", "store_day_receipts",
    "store_day_currencies",
)  # fmt: skip
# The name under which raw.applied knows the rules of drawers.
_RULES = "drawer_rules"
_KIND = "stage = 'reconcile' and kind = 'store_day'"
_PROVED = ("store_days",)


def reconcile_store_days(
    connection: duckdb.DuckDBPyConnection, match_rules: RuleFile, progress: Callable[[str], None]
) -> ReconcileReport:
    """Bring the store days up to date with the canonical tables, as one transaction; hand changed days to the journal.

    A changed tolerance of drawers is looked at without any new fact: what is told depends on it.
    """
    touched = connection.execute(f"select count(*) from raw.touched where {_KIND}").fetchone()  # noqa: S608
    version = _drawer_rules(match_rules)
    if (
        not (touched and touched[0])
        and not _is_told_otherwise(connection, version)
        and not unexplained(connection, _PROVED)
    ):
        return ReconcileReport(0, ())
    with transaction(connection):
        connection.execute(
            f"""
            delete from reconcile.store_day_components
            where store || '|' || business_date in (select document_id from raw.touched where {_KIND})
            """  # noqa: S608 - a condition of our own
        )
        connection.execute(sql.statement(__package__, "store_day_components"))
        _compare(connection, match_rules)
        residual = prove(connection, "store_day_proof", _PROVED)
        days = _hand_on(connection)
        for name in ("store_days", "store_day_receipts"):
            connection.execute(f"delete from reconcile.{name}")  # noqa: S608 - names of our own
            connection.execute(f"insert into reconcile.{name} by name select * from new_{name}")  # noqa: S608
        connection.execute("delete from reconcile.breaks where reconciliation = 'store_days'")
        connection.execute("insert into reconcile.breaks by name select * from new_store_breaks")
        connection.execute("delete from raw.applied where name = ?", [_RULES])
        connection.execute("insert into raw.applied values (?, ?)", [_RULES, version])
        mark_changed(connection, "reconcile")
        failpoint("store_days.before_commit")
    failpoint("store_days.after_commit")
    count = touched[0] if touched else 0
    progress(f"store days: {count} touched, {len(days)} affected")
    return ReconcileReport(count, days, residual)


def _is_told_otherwise(connection: duckdb.DuckDBPyConnection, version: str) -> bool:
    """Whether there are store days whose breaks were decided by other rules of drawers."""
    row = connection.execute(
        "select (select count(*) from reconcile.store_days), (select max(hash) from raw.applied where name = ?)",
        [_RULES],
    ).fetchone()
    return bool(row and row[0] and row[1] != version)


def _drawer_rules(match_rules: RuleFile) -> str:
    """Return a hash of the rules that decide here; those of the other reconciliations may change as they like."""
    rows = [row for row in match_rules.rows if row["reconciliation"] == "drawer"]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _compare(connection: duckdb.DuckDBPyConnection, match_rules: RuleFile) -> None:
    rules = matching.rules_for(match_rules, "drawer")
    for name in _STEPS:
        connection.execute(sql.statement(__package__, name))
    tolerance = max((rule.amount_tolerance for rule in rules), default=Decimal(0))
    connection.execute(sql.statement(__package__, "store_day_breaks"), {"drawer_tolerance": tolerance})


def _hand_on(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Hand every day whose components or verdicts changed to the journal; return the days."""
    connection.execute(
        f"""
        create or replace temp table changed_days as
        select store, business_date from (
            (select * from new_store_days except select * from reconcile.store_days)
            union all
            (select * from reconcile.store_days except select * from new_store_days)
        )
        union
        select store, business_date from new_store_days
        where store || '|' || business_date in (select document_id from raw.touched where {_KIND})
        """  # noqa: S608 - a condition of our own
    )
    connection.execute(
        "insert into raw.touched select distinct 'journal', 'store_day', 'store_day:' || store || '|' || business_date "
        "from changed_days "
        "except select stage, kind, document_id from raw.touched"
    )
    connection.execute(f"delete from raw.touched where {_KIND}")  # noqa: S608
    days = connection.execute("select distinct business_date from changed_days order by 1").fetchall()
    return tuple(str(day[0]) for day in days)
