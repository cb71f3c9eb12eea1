"""The settlement reconciliations: totals against header and bank, and the chains of debts, reserves and failed transfers.

Lines are summed for the touched settlements only; what is compared afterwards has one row per settlement and is done whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import duckdb

from retail_sync.core import sql
from retail_sync.core.failpoints import failpoint
from retail_sync.core.rules import RuleFile
from retail_sync.core.warehouse import transaction
from retail_sync.reconcile import matching
from retail_sync.reconcile.auto_clear import ClearingRules, clear_small_differences
from retail_sync.reconcile.currency_deposits import match_currency_deposits
from retail_sync.reconcile.matching import Decision
from retail_sync.reconcile.proofs import prove, unexplained
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.schemas.proof import mark_changed

# The order matters: a payout that failed is not looked for at the bank.
RECONCILIATIONS = ("failed_transfer", "settlement_deposit", "opening_debt", "reserve")
# What this module writes into the tables that all reconciliations share.
_PROVED = ("settlement_totals", *RECONCILIATIONS, "currency_deposit")
_OWN = ", ".join(f"'{name}'" for name in _PROVED)
_REPLACED = ("settlement_totals", "matches", "match_items", "breaks", "cleared_differences")


def reconcile_settlements(
    connection: duckdb.DuckDBPyConnection,
    match_rules: RuleFile,
    payers: RuleFile,
    progress: Callable[[str], None],
    decisions: Sequence[Decision] = (),
    clearing: ClearingRules = ClearingRules(),  # noqa: B008 - a frozen value: no rule, nothing is cleared
) -> ReconcileReport:
    """Bring the reconcile tables up to date with the canonical ones and with people's decisions, as one transaction.

    As long as the last proof left a rest everything is compared again, new facts or not.
    """
    applied = _changed_versions(connection, {
        match_rules.name: match_rules.hash,
        payers.name: payers.hash,
        "auto_clear": clearing.version,
        "match_decisions": hashlib.sha256(repr(matching.standing(decisions)).encode()).hexdigest(),
    })  # fmt: skip
    touched = connection.execute(
        "select count(*) from raw.touched where stage = 'reconcile' and kind in ('settlement', 'bank')"
    ).fetchone()
    if not applied and not (touched and touched[0]) and not unexplained(connection, _PROVED):
        return ReconcileReport(0, ())
    with transaction(connection):
        connection.execute(
            "delete from reconcile.settlement_components where settlement_id in "
            "(select document_id from raw.touched where stage = 'reconcile' and kind = 'settlement')"
        )
        connection.execute(sql.statement(__package__, "settlement_components"))
        _compare(connection, match_rules, payers, decisions)
        clear_small_differences(connection, clearing)
        residual = prove(connection, "settlement_proof", _PROVED, and_also=("currency_proof",))
        changed = _changed(connection)
        _replace(connection)
        mark_changed(connection, "reconcile")
        for name, value in applied:
            connection.execute("delete from raw.applied where name = ?", [name])
            connection.execute("insert into raw.applied values (?, ?)", [name, value])
        failpoint("settlements.before_commit")
    failpoint("settlements.after_commit")
    progress(f"settlements: {touched[0] if touched else 0} documents touched, {len(changed)} closing days affected")
    return ReconcileReport(touched[0] if touched else 0, changed, residual)


def _changed_versions(connection: duckdb.DuckDBPyConnection, versions: Mapping[str, str]) -> list[tuple[str, str]]:
    known = dict(connection.execute("select name, hash from raw.applied").fetchall())
    return [(name, version) for name, version in versions.items() if known.get(name) != version]


def _compare(
    connection: duckdb.DuckDBPyConnection, match_rules: RuleFile, payers: RuleFile, decisions: Sequence[Decision]
) -> None:
    connection.execute(
        "create or replace temp table paid_by_channels "
        "(source varchar, account varchar, transaction_id varchar, channel varchar)"
    )
    for row in payers.rows:
        payer = {"channel": row["channel"], "pattern": row["pattern"]}
        connection.execute(sql.statement(__package__, "bank_payers"), payer)
    for name in ("settlement_facts", "bank_items", "settlement_sides"):
        connection.execute(sql.statement(__package__, name))
    matching.begin(connection, decisions)
    for reconciliation in RECONCILIATIONS:
        for side in ("left", "right"):
            _take_side(connection, reconciliation, side)
        matching.match(connection, reconciliation, matching.rules_for(match_rules, reconciliation))
    rules = matching.rules_for(match_rules, "settlement_deposit")
    reach = max(rule.days_after for rule in rules)
    window = max((rule.days_after for rule in rules if rule.key == "any"), default=reach)
    connection.execute(sql.statement(__package__, "open_ambiguities"))
    match_currency_deposits(connection, match_rules)
    for name in ("settlement_totals", "payout_breaks"):
        connection.execute(sql.statement(__package__, name))
    connection.execute(sql.statement(__package__, "settlement_breaks"), {"days_after": window, "days_reach": reach})


def _take_side(connection: duckdb.DuckDBPyConnection, reconciliation: str, side: str) -> None:
    tables = {"left": "match_left", "right": "match_right"}
    connection.execute(
        f"create or replace temp table {tables[side]} as "  # noqa: S608 - names of our own
        "select item_id, block, key, group_key, amount, line_count, item_date "
        "from settlement_items where reconciliation = $reconciliation and side = $side and not ($side = 'left' and "
        "$reconciliation = 'settlement_deposit' and item_id in "
        "(select left_id from match_pairs where reconciliation = 'failed_transfer' and is_confirmed))",
        {"reconciliation": reconciliation, "side": side},
    )


def _changed(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Hand every settlement whose lines or verdict changed to the journal; return their closing days."""
    connection.execute(
        """
        create or replace temp table changed_settlements as
        select settlement_id, closing_date from (
            (select * from new_settlement_totals except select * from reconcile.settlement_totals)
            union all
            (select * from reconcile.settlement_totals except select * from new_settlement_totals)
        )
        union
        select settlement_id, closing_date from new_settlement_totals where settlement_id in (
            select subject from (
                (select * from new_cleared_differences except select * from reconcile.cleared_differences)
                union all
                (select * from reconcile.cleared_differences except select * from new_cleared_differences)
            )
        )
        union
        select settlement_id, closing_date from new_settlement_totals where settlement_id in (
            select left_id from (
                (select * from match_pairs except select * from reconcile.matches)
                union all
                (select * from reconcile.matches except select * from match_pairs)
            )
            where reconciliation = 'currency_deposit'
        )
        union
        select settlement_id, closing_date from new_settlement_totals
        where settlement_id in (select document_id from raw.touched where stage = 'reconcile' and kind = 'settlement')
        """
    )
    connection.execute(
        "insert into raw.touched select distinct 'journal', 'settlement', settlement_id from changed_settlements "
        "except select stage, kind, document_id from raw.touched"
    )
    connection.execute("delete from raw.touched where stage = 'reconcile' and kind in ('settlement', 'bank')")
    days = connection.execute("select distinct closing_date from changed_settlements order by 1").fetchall()
    return tuple(str(day[0]) for day in days)


def _replace(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create or replace temp table new_matches as select * from match_pairs")
    for name in _REPLACED:
        source = {
            "settlement_totals": "new_settlement_totals",
            "matches": "new_matches",
            "match_items": "new_match_items",
            "breaks": "new_breaks",
            "cleared_differences": "new_cleared_differences",
        }[name]
        own = "" if name == "settlement_totals" else f" where reconciliation in ({_OWN})"
        connection.execute(f"delete from reconcile.{name}{own}")  # noqa: S608 - names of our own
        connection.execute(f"insert into reconcile.{name} by name select * from {source}")  # noqa: S608
