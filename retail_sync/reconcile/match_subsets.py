"""Subsets: the few open items on one side that sum to one on the other, as a suggestion for a person and never more.

A sum that fits is no evidence when many subsets could fit, so only a unique solution among at most `_MOST_ITEMS` items of one
block and window is told. Halving the items keeps the work below 2 ** 10 sums a side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations

import duckdb

_MOST_ITEMS = 20
_MOST_TARGETS = 1_000


@dataclass(frozen=True, slots=True)
class _Item:
    item_id: str
    block: str
    key: str | None
    amount: Decimal
    on: date


def suggest_subsets(  # noqa: PLR0913 - a rule, spelled out
    connection: duckdb.DuckDBPyConnection,
    reconciliation: str,
    rule_id: str,
    version: int,
    days_before: int,
    days_after: int,
) -> None:
    """Add a suggestion to `match_pairs` for every open unit that exactly one subset of the other side sums to."""
    sides = {side: _items(connection, side) for side in ("left", "right")}
    found = [
        (target, subset, True)
        for target in sides["left"][:_MOST_TARGETS]
        if (subset := _only_subset(target, sides["right"], days_before, days_after))
    ] + [
        (target, subset, False)
        for target in sides["right"][:_MOST_TARGETS]
        if (subset := _only_subset(target, sides["left"], days_after, days_before))
    ]
    used: dict[tuple[bool, str], int] = defaultdict(int)
    for target, subset, is_left in found:
        used[is_left, target.item_id] += 1
        for item in subset:
            used[not is_left, item.item_id] += 1
    for target, subset, is_left in found:
        ends = [(is_left, target.item_id), *((not is_left, item.item_id) for item in subset)]
        if all(used[end] == 1 for end in ends):  # two suggestions about one item are none
            _insert(connection, (reconciliation, rule_id, version), target, subset, is_left)


def _items(connection: duckdb.DuckDBPyConnection, side: str) -> list[_Item]:
    rows = connection.execute(
        "select unit_id, block, key, amount, first_date from match_units where side = ? and amount <> 0 order by all",
        [side],
    ).fetchall()
    return [_Item(*row) for row in rows]


def _only_subset(target: _Item, others: Sequence[_Item], before: int, after: int) -> Sequence[_Item] | None:
    """Return the one subset of two items or more that sums to the target; None where there is none, or another."""
    near = [
        item
        for item in others
        if item.block == target.block
        and target.on - timedelta(days=before) <= item.on <= target.on + timedelta(days=after)
        and (item.key is None or target.key is None or item.key == target.key)
    ]
    if not 2 <= len(near) <= _MOST_ITEMS:
        return None
    half = len(near) // 2
    second: dict[Decimal, list[tuple[_Item, ...]]] = defaultdict(list)
    for subset in _subsets(near[half:]):
        second[sum((item.amount for item in subset), Decimal(0))].append(subset)
    solutions: list[tuple[_Item, ...]] = []
    for subset in _subsets(near[:half]):
        rest = target.amount - sum((item.amount for item in subset), Decimal(0))
        solutions += [(*subset, *other) for other in second.get(rest, ()) if subset or other]
        if len(solutions) > 1:
            return None
    return solutions[0] if solutions and len(solutions[0]) > 1 else None


def _subsets(items: Sequence[_Item]) -> Iterable[tuple[_Item, ...]]:
    for size in range(len(items) + 1):
        yield from combinations(items, size)


def _insert(
    connection: duckdb.DuckDBPyConnection,
    rule: tuple[str, str, int],
    target: _Item,
    subset: Sequence[_Item],
    is_left: bool,
) -> None:
    for item in subset:
        left, right = (target, item) if is_left else (item, target)
        connection.execute(
            "insert into match_pairs values (?, left(sha256(?), 16), ?, ?, ?, ?, false, ?, ?, 0)",
            [rule[0], f"{rule[0]}|{target.item_id}|{is_left}", left.item_id, right.item_id, *rule[1:], item.amount, item.amount],
        )  # fmt: skip
