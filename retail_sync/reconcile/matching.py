"""The matching core: two sides, ordered and versioned rules, the same SQL statements for every rule.

A side is a temp table `match_left` or `match_right`, made by `take_sides` of items with item_id, block, key, group_key,
amount, line_count and item_date. Items match only within their block. A rule pairs two units when each is the other's only
candidate, so an ambiguity is never decided. What a rule suggests stays open for those that confirm. Because all candidates
of a rule are looked at together, the result does not depend on the order of anything.

A person's decision (`match_decisions`) comes before every rule: a pair that is put together, or one that no rule may make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

import duckdb

from retail_sync.core import sql
from retail_sync.core.errors import RulesError
from retail_sync.core.rules import RuleFile
from retail_sync.reconcile.match_subsets import suggest_subsets

_ANY_AMOUNT = Decimal("99999999999999")
_SHAPES = ("one_to_one", "one_to_many", "many_to_one", "first_of_repeated", "subset")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class MatchRule:
    """One governed rule. The right unit's dates lie in [left - days_before, left + days_after], in days of `day_kind`.

    `shape`: one_to_one pairs single items; one_to_many and many_to_one sum the right or left items that share a key (`key`
    equal) or a group (`any`); first_of_repeated takes the earliest of several right items that name the same left one and
    calls the others repeated; subset suggests the only few items that sum to one, and never confirms.
    `key` is `equal` (both sides name the same key) or `any` (a side without a key will do, two different keys never).
    The tolerance is the largest of `amount_tolerance`, `percent_tolerance` of the left amount, and `rounding_per_line` times
    the lines under the item. A rule that is not confirming makes suggestions only.
    """

    rule_id: str
    version: int
    key: str
    amount_tolerance: Decimal
    days_before: int
    days_after: int
    is_confirming: bool
    shape: str = "one_to_one"
    percent_tolerance: Decimal = Decimal(0)
    rounding_per_line: Decimal = Decimal(0)
    day_kind: str = "calendar"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said of two items: that they belong together (`is_match`), or that they do not.

    `decision_id` is its number: of two decisions on one pair the later holds.
    """

    decision_id: int
    reconciliation: str
    left_id: str
    right_id: str
    is_match: bool


def rules_for(file: RuleFile, reconciliation: str) -> Sequence[MatchRule]:
    """Return the rules of one reconciliation in their order. Raises RulesError for a missing or unreadable one."""
    rows = [row for row in file.rows if row["reconciliation"] == reconciliation]
    if not rows:
        raise RulesError(f"match_rules.csv has no rule for {reconciliation}", "restore it from the project")
    return [_rule(row) for row in sorted(rows, key=lambda row: _read(row, "priority", int))]


def _rule(row: Mapping[str, str]) -> MatchRule:
    rule = MatchRule(
        rule_id=row["rule_id"],
        version=_read(row, "version", int),
        shape=_read(row, "shape", _one_of(*_SHAPES)),
        key=_read(row, "key", _one_of("equal", "any")),
        amount_tolerance=_read(row, "amount_tolerance", lambda text: _ANY_AMOUNT if text == "any" else _limit(text)),
        percent_tolerance=_read(row, "percent_tolerance", _limit),
        rounding_per_line=_read(row, "rounding_per_line", _limit),
        days_before=_read(row, "days_before", int),
        days_after=_read(row, "days_after", int),
        day_kind=_read(row, "day_kind", _one_of("calendar", "business")),
        is_confirming=_read(row, "is_confirming", {"true": True, "false": False}.__getitem__),
    )
    if rule.shape == "subset" and rule.is_confirming:
        raise RulesError(
            f"match_rules.csv, rule {rule.rule_id}: a subset is a guess and cannot confirm", "write is_confirming false"
        )
    return rule


def _one_of(*words: str) -> Callable[[str], str]:
    return {word: word for word in words}.__getitem__


def _limit(text: str) -> Decimal:
    limit = Decimal(text)
    if not limit.is_finite() or limit < 0:
        raise ValueError(text)
    return limit


def _read(row: Mapping[str, str], column: str, reader: Callable[[str], _T]) -> _T:
    """Read one cell. A typing error must not become a rule that nobody approved."""
    try:
        return reader(row[column])
    except (ValueError, ArithmeticError, KeyError) as error:
        raise RulesError(
            f"match_rules.csv, rule {row['rule_id']}: {column} cannot be {row[column]!r}",
            "correct that cell, or restore the file from the project",
        ) from error


def begin(
    connection: duckdb.DuckDBPyConnection, decisions: Iterable[Decision] = (), holidays: Iterable[date] = ()
) -> None:
    """Create the empty result tables of a matching run, and what it has to respect."""
    connection.execute(
        "create or replace temp table match_pairs (reconciliation varchar, match_id varchar, left_id varchar, "
        "right_id varchar, rule_id varchar, rule_version bigint, is_confirmed boolean, left_amount decimal(18, 4), "
        "right_amount decimal(18, 4), difference decimal(18, 4))"
    )
    connection.execute(
        "create or replace temp table match_ambiguities "
        "(reconciliation varchar, left_id varchar, right_id varchar, rule_id varchar)"
    )
    connection.execute(
        "create or replace temp table match_repeated (reconciliation varchar, item_id varchar, repeats_left_id varchar)"
    )
    connection.execute(
        "create or replace temp table new_match_items (reconciliation varchar, side varchar, item_id varchar, block varchar, "
        "key_name varchar, amount decimal(18, 4), item_date date, status varchar, match_id varchar)"
    )
    connection.execute(
        "create or replace temp table match_decisions "
        "(decision_id bigint, reconciliation varchar, left_id varchar, right_id varchar, is_match boolean)"
    )
    for decision in standing(decisions):
        connection.execute(
            "insert into match_decisions values (?, ?, ?, ?, ?)",
            [decision.decision_id, decision.reconciliation, decision.left_id, decision.right_id, decision.is_match],
        )
    connection.execute("create or replace temp table bank_holidays (day date)")
    for day in holidays:
        connection.execute("insert into bank_holidays values (?)", [day])


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """Return the decisions that hold: the newest on each pair, and of those that match, the newest on each item."""
    newest = {(d.reconciliation, d.left_id, d.right_id): d for d in sorted(decisions, key=lambda d: d.decision_id)}
    kept: list[Decision] = []
    used: set[tuple[str, str, str]] = set()
    for decision in sorted(newest.values(), key=lambda d: -d.decision_id):
        ends = {
            (decision.reconciliation, "left", decision.left_id),
            (decision.reconciliation, "right", decision.right_id),
        }
        if decision.is_match and ends & used:
            continue
        if decision.is_match:
            used |= ends
        kept.append(decision)
    return sorted(kept, key=lambda d: d.decision_id)


def match(connection: duckdb.DuckDBPyConnection, reconciliation: str, rules: Sequence[MatchRule]) -> None:
    """Match `match_left` with `match_right`.

    Adds to the temp tables `match_pairs`, `match_ambiguities`, `match_repeated`, and what became of each item to
    `new_match_items`.
    """
    connection.execute(sql.statement(__package__, "match_days"))
    connection.execute(sql.statement(__package__, "match_decided"), {"reconciliation": reconciliation})
    for rule in rules:
        _units(connection, reconciliation, rule)
        if rule.shape == "subset":
            suggest_subsets(connection, reconciliation, rule.rule_id, rule.version, rule.days_before, rule.days_after)
        else:
            _apply(connection, reconciliation, rule)
    drop_overtaken_suggestions(connection, reconciliation)
    connection.execute(sql.statement(__package__, "match_items"), {"reconciliation": reconciliation})


def drop_overtaken_suggestions(connection: duckdb.DuckDBPyConnection, reconciliation: str) -> None:
    """What a later rule confirmed is no suggestion any more."""
    connection.execute(
        "delete from match_pairs as s using match_pairs as c where s.reconciliation = $reconciliation "
        "and c.reconciliation = $reconciliation and not s.is_confirmed and c.is_confirmed "
        "and (s.left_id = c.left_id or s.right_id = c.right_id)",
        {"reconciliation": reconciliation},
    )


def _units(connection: duckdb.DuckDBPyConnection, reconciliation: str, rule: MatchRule) -> None:
    connection.execute(
        sql.statement(__package__, "match_units"),
        {
            "reconciliation": reconciliation,
            "key": rule.key,
            "is_confirmed": rule.is_confirming,
            "grouped_side": {"one_to_many": "right", "many_to_one": "left"}.get(rule.shape, "none"),
        },
    )


def _apply(connection: duckdb.DuckDBPyConnection, reconciliation: str, rule: MatchRule) -> None:
    connection.execute(
        sql.statement(__package__, "match_candidates"),
        {
            "reconciliation": reconciliation,
            "key": rule.key,
            "tolerance": rule.amount_tolerance,
            "percent": rule.percent_tolerance,
            "rounding_per_line": rule.rounding_per_line,
            "days_before": rule.days_before,
            "days_after": rule.days_after,
            "day_kind": rule.day_kind,
        },
    )
    pair(connection, reconciliation, rule)


def pair(connection: duckdb.DuckDBPyConnection, reconciliation: str, rule: MatchRule) -> None:
    """Put together what `match_candidates` holds of each other's only candidates; note the others as ambiguous."""
    connection.execute(
        sql.statement(__package__, "match_pairing"),
        {
            "reconciliation": reconciliation,
            "shape": rule.shape,
            "rule_id": rule.rule_id,
            "rule_version": rule.version,
            "is_confirmed": rule.is_confirming,
        },
    )
    if rule.shape == "first_of_repeated":
        connection.execute(sql.statement(__package__, "match_repeats"), {"reconciliation": reconciliation})
        return
    connection.execute(
        "insert into match_ambiguities "
        "select $reconciliation, l.item_id, r.item_id, $rule_id from ("
        "select unnest(left_members) as l, right_members from match_candidates where not is_only) "
        "cross join unnest(right_members) as u(r)",
        {"reconciliation": reconciliation, "rule_id": rule.rule_id},
    )
