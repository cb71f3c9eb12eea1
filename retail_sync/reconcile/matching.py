"""The matching core: two sides, ordered and versioned rules, one SQL statement per rule.

A side is a temp table `match_left` or `match_right` with item_id, block, key, amount, item_date. Items match only within
their block. A rule pairs two items when each is the other's only candidate, so an ambiguity is never decided. What a rule
suggests stays open for those that confirm. Because
all candidates of a rule are looked at together, the result does not depend on the order of anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

import duckdb

from retail_sync.core import sql
from retail_sync.core.errors import RulesError
from retail_sync.core.rules import RuleFile

_ANY_AMOUNT = Decimal("99999999999999")
_KEYS = {"equal": "equal", "any": "any"}
_TRUTH = {"true": True, "false": False}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class MatchRule:
    """One governed rule. The right item's date lies in [left - days_before, left + days_after], calendar days.

    `key` is `equal` (both sides name the same key) or `any` (a side without a key will do, two different keys never);
    `amount_tolerance` is absolute. A rule that is not confirming makes suggestions only.
    """

    rule_id: str
    version: int
    key: str
    amount_tolerance: Decimal
    days_before: int
    days_after: int
    is_confirming: bool


def rules_for(file: RuleFile, reconciliation: str) -> Sequence[MatchRule]:
    """Return the rules of one reconciliation in their order. Raises RulesError for a missing or unreadable one."""
    rows = [row for row in file.rows if row["reconciliation"] == reconciliation]
    if not rows:
        raise RulesError(f"match_rules.csv has no rule for {reconciliation}", "restore it from the project")
    return [_rule(row) for row in sorted(rows, key=lambda row: _read(row, "priority", int))]


def _rule(row: Mapping[str, str]) -> MatchRule:
    return MatchRule(
        rule_id=row["rule_id"],
        version=_read(row, "version", int),
        key=_read(row, "key", _KEYS.__getitem__),
        amount_tolerance=_read(row, "amount_tolerance", lambda text: _ANY_AMOUNT if text == "any" else Decimal(text)),
        days_before=_read(row, "days_before", int),
        days_after=_read(row, "days_after", int),
        is_confirming=_read(row, "is_confirming", _TRUTH.__getitem__),
    )


def _read(row: Mapping[str, str], column: str, reader: Callable[[str], _T]) -> _T:
    """Read one cell. A typing error must not become a rule that nobody approved."""
    try:
        return reader(row[column])
    except (ValueError, ArithmeticError, KeyError) as error:
        raise RulesError(
            f"match_rules.csv, rule {row['rule_id']}: {column} cannot be {row[column]!r}",
            "correct that cell, or restore the file from the project",
        ) from error


def match(connection: duckdb.DuckDBPyConnection, reconciliation: str, rules: Sequence[MatchRule]) -> None:
    """Match `match_left` with `match_right`; add to temp tables `match_pairs` and `match_ambiguities`."""
    for rule in rules:
        values = {
            "reconciliation": reconciliation,
            "rule_id": rule.rule_id,
            "rule_version": rule.version,
            "key": rule.key,
            "tolerance": rule.amount_tolerance,
            "days_before": rule.days_before,
            "days_after": rule.days_after,
            "is_confirmed": rule.is_confirming,
        }
        connection.execute(sql.statement(__package__, "match_candidates"), values)
        connection.execute(
            "insert into match_pairs by name select * exclude (is_only) from match_candidates where is_only"
        )
        connection.execute(
            "insert into match_ambiguities select reconciliation, left_id, right_id, rule_id from match_candidates "
            "where not is_only"
        )
    # What a later rule confirmed is no suggestion any more.
    connection.execute(
        "delete from match_pairs as s using match_pairs as c where s.reconciliation = $reconciliation "
        "and c.reconciliation = $reconciliation and not s.is_confirmed and c.is_confirmed "
        "and (s.left_id = c.left_id or s.right_id = c.right_id)",
        {"reconciliation": reconciliation},
    )


def begin(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the empty result tables of a matching run."""
    connection.execute(
        "create or replace temp table match_pairs (reconciliation varchar, left_id varchar, right_id varchar, "
        "rule_id varchar, rule_version bigint, is_confirmed boolean, left_amount decimal(18, 4), "
        "right_amount decimal(18, 4), difference decimal(18, 4))"
    )
    connection.execute(
        "create or replace temp table match_ambiguities "
        "(reconciliation varchar, left_id varchar, right_id varchar, rule_id varchar)"
    )
