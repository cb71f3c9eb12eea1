"""The matching core where one item stands against several: sums, repeated items, subsets, banking days, people's decisions.

The notation is that of test_matching; items of one day are one group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_sync.core.errors import RulesError
from retail_sync.core.rules import RuleFile, read_rules
from retail_sync.reconcile import matching
from retail_sync.reconcile.matching import Decision, MatchRule
from retail_sync_tests.reconcile.facts import RULES
from retail_sync_tests.reconcile.test_matching import EXACT, SAME_KEY, Core, Item, parse

PARTS = replace(SAME_KEY, rule_id="parts", shape="one_to_many", amount_tolerance=Decimal(0))
ONE_DAY = replace(EXACT, rule_id="one_day", shape="one_to_many")
BATCH = replace(EXACT, rule_id="batch", shape="many_to_one")
AGAIN = replace(SAME_KEY, rule_id="again", shape="first_of_repeated", amount_tolerance=Decimal(0))
SUBSET = replace(EXACT, rule_id="subset", shape="subset", is_confirming=False)
PERCENT = replace(EXACT, rule_id="percent", percent_tolerance=Decimal(1))
BANKING = replace(EXACT, rule_id="banking", days_before=0, days_after=2, day_kind="business")


@pytest.fixture(scope="module")
def core() -> Core:
    """One engine for the module."""
    return Core()


# 2026-10-16 is a Friday, 10-19 the Monday after it.
CASES = {
    "parts: two lines naming one payout": (PARTS, "A:k7 100.00 10-16 | 1:k7 60.00 10-16 | 2:k7 40.00 10-19", "A-1 A-2"),
    "parts: a cent short is none": (PARTS, "A:k7 100.00 10-16 | 1:k7 60.00 10-16 | 2:k7 39.99 10-16", ""),
    "parts: one of them beyond the window": (PARTS, "A:k7 100.00 10-16 | 1:k7 60.00 10-16 | 2:k7 40.00 12-24", ""),
    "parts: another key is no part": (PARTS, "A:k7 100.00 10-16 | 1:k7 60.00 10-16 | 2:k8 40.00 10-16", ""),
    "parts: one line alone is for another rule": (PARTS, "A:k7 100.00 10-16 | 1:k7 100.00 10-16", ""),
    "one day: its lines sum to one payout": (ONE_DAY, "A 100.00 10-16 | 1 60.00 10-17 | 2 40.00 10-17", "A-1 A-2"),
    "one day: two payouts could be meant": (ONE_DAY, "A 9.00 10-16 | B 9.00 10-16 | 1 5.00 10-17 | 2 4.00 10-17", ""),
    "batch: the payouts of a day in one deposit": (BATCH, "A 60.00 10-16 | B 40.00 10-16 | 1 100.00 10-19", "A-1 B-1"),
    "batch: not those of two days": (BATCH, "A 60.00 10-15 | B 40.00 10-16 | 1 100.00 10-19", ""),
    "batch: not with another's block": (BATCH, "A@us 60.00 10-16 | B@eu 40.00 10-16 | 1@us 100.00 10-19", ""),
    "again: the first is it": (AGAIN, "A:k7 100.00 10-16 | 1:k7 100.00 10-19 | 2:k7 100.00 10-17", "A-2"),
    "again: once is no repetition": (AGAIN, "A:k7 100.00 10-16 | 1:k7 100.00 10-19", "A-1"),
    "percent: one in a hundred": (PERCENT, "A 100.00 10-16 | 1 99.00 10-16", "A-1"),
    "percent: not more": (PERCENT, "A 100.00 10-16 | 1 98.99 10-16", ""),
    "percent: of a negative amount too": (PERCENT, "A -100.00 10-16 | 1 -101.00 10-16", "A-1"),
    "banking days: Friday to Tuesday are two": (BANKING, "A 5.00 10-16 | 1 5.00 10-20", "A-1"),
    "banking days: Wednesday is the third": (BANKING, "A 5.00 10-16 | 1 5.00 10-21", ""),
    "banking days: Saturday counts as Friday": (BANKING, "A 5.00 10-17 | 1 5.00 10-20", "A-1"),
    "subset: the only sum": (SUBSET, "A 100.00 10-16 | 1 60.00 10-16 | 2 40.00 10-18 | 3 7.00 10-16", "A-1 A-2"),
    "subset: also of lefts": (SUBSET, "A 60.00 10-16 | B 40.00 10-17 | C 7.00 10-16 | 1 100.00 10-18", "A-1 B-1"),
    "subset: two sums are none": (
        SUBSET,
        "A 10.00 10-16 | 1 6.00 10-16 | 2 4.00 10-16 | 3 7.00 10-16 | 4 3.00 10-16",
        "",
    ),
    "subset: one item alone would do": (SUBSET, "A 10.00 10-16 | 1 6.00 10-16 | 2 4.00 10-16 | 3 10.00 10-16", ""),
    "subset: not beyond the window": (SUBSET, "A 100.00 10-16 | 1 60.00 10-16 | 2 40.00 10-30", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_rule_for_several_pairs(core: Core, name: str) -> None:
    """Money of several lines must be put together as an accountant would, and never by guess."""
    rule, text, expected = CASES[name]
    core.match(*parse(text), rule)
    assert core.pairs() == dict.fromkeys(expected.split(), rule.rule_id)
    confirmed = core.connection.execute("select count(*) from match_pairs where is_confirmed").fetchone()
    assert confirmed == (0 if rule is SUBSET else len(expected.split()),)


def test_parts_sum_to_both_sides_and_the_first_carries_the_difference(core: Core) -> None:
    """60 + 39 for 100: the pairs' lefts sum to 100, their rights to 99; nothing is counted twice."""
    core.match(
        *parse("A:k7 100.00 10-16 | 1:k7 60.00 10-16 | 2:k7 39.00 10-16"), replace(PARTS, amount_tolerance=Decimal(2))
    )
    rows = core.connection.execute(
        "select right_id, left_amount, right_amount, difference, match_id from match_pairs order by right_id"
    ).fetchall()
    assert [row[:4] for row in rows] == [
        ("1", Decimal(61), Decimal(60), Decimal(-1)),
        ("2", Decimal(39), Decimal(39), Decimal(0)),
    ]
    assert rows[0][4] == rows[1][4]


def test_what_came_again_is_named(core: Core) -> None:
    """The later of two equal lines under one name is told as repeated, and no other rule may use it."""
    core.match(*parse("A:k7 100.00 10-16 | B 100.00 10-18 | 1:k7 100.00 10-19 | 2:k7 100.00 10-17"), AGAIN, EXACT)
    assert core.pairs() == {"A-2": "again"}
    assert core.connection.execute("select item_id, repeats_left_id from match_repeated").fetchall() == [("1", "A")]


def test_a_bank_holiday_is_no_banking_day(core: Core) -> None:
    """With the Monday free, Friday to Wednesday are two banking days."""
    left, right = parse("A 5.00 10-16 | 1 5.00 10-21")
    core.match(left, right, BANKING, holidays=[date(2026, 10, 19)])
    assert core.pairs() == {"A-1": "banking"}


def test_more_items_than_can_be_tried_give_no_suggestion(core: Core) -> None:
    """Twenty-one candidates are past the bound: nothing is tried, nothing is told."""
    items = " | ".join(f"{number} {number}.00 10-16" for number in range(1, 10))
    left, right = parse(f"A 1000.00 10-16 | {items}")
    right += [(f"9{n}", "us", None, Decimal(991), date(2026, 10, 16)) for n in range(12)]
    core.match(left, right, SUBSET)
    assert core.pairs() == {}


def decision(number: int, pair: str, *, is_match: bool) -> Decision:
    """A person's word on `A-1`."""
    left_id, _, right_id = pair.partition("-")
    return Decision(number, "test", left_id, right_id, is_match)


def test_a_person_decides_what_no_rule_can(core: Core) -> None:
    """Two payouts, two equal deposits: one word settles both, because the others are then the only ones left."""
    left, right = parse("A 100.00 10-16 | B 100.00 10-16 | 1 100.00 10-16 | 2 100.00 10-16")
    core.match(left, right, EXACT, decisions=[decision(1, "A-2", is_match=True)])
    assert core.pairs() == {"A-2": "manual", "B-1": "exact"}


def test_a_pair_that_a_person_took_apart_stays_apart(core: Core) -> None:
    """The rule may not make it again; another candidate may take its place."""
    left, right = parse("A 100.00 10-16 | 1 100.00 10-16 | 2 100.00 10-17")
    core.match(left, right, EXACT, decisions=[decision(1, "A-1", is_match=False)])
    assert core.pairs() == {"A-2": "exact"}


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ([("A-1", True), ("A-1", False)], {}),
        ([("A-1", False), ("A-1", True)], {"A-1": "manual"}),
        ([("A-1", True), ("A-2", True)], {"A-2": "manual"}),
        ([("A-1", True), ("C-9", True)], {"A-1": "manual"}),
    ],
)
def test_the_last_word_holds(core: Core, decisions: list[tuple[str, bool]], expected: dict[str, str]) -> None:
    """A record is never changed: a later one takes its place. One about items that are gone does nothing."""
    left, right = parse("A 100.00 10-16 | 1 75.00 10-16 | 2 60.00 10-17")
    words = [decision(n, pair, is_match=is_match) for n, (pair, is_match) in enumerate(decisions, 1)]
    core.match(left, right, EXACT, decisions=words)
    assert core.pairs() == expected


def _items(names: str) -> st.SearchStrategy[list[Item]]:
    item = st.tuples(
        st.just("us"),
        st.sampled_from([None, "k7", "k8"]),
        st.sampled_from([Decimal(100), Decimal(60), Decimal(40), Decimal(-40), Decimal(20)]),
        st.integers(0, 3).map(lambda days: date(2026, 10, 28) + timedelta(days)),
    )
    return st.lists(item, max_size=6).map(lambda rows: [(name, *row) for name, row in zip(names, rows, strict=False)])


ALL = (AGAIN, PARTS, SAME_KEY, EXACT, BATCH, ONE_DAY, SUBSET)


@settings(max_examples=20, deadline=None, database=None, derandomize=True)
@given(data=st.data(), left=_items("ABCDEF"), right=_items("123456"))
def test_nothing_is_created_or_lost_and_order_does_not_matter(
    core: Core, data: st.DataObject, left: list[Item], right: list[Item]
) -> None:
    """Over all pairs each item counts once and whole, whatever the rule was; in any order of arrival the answer is one."""
    core.match(left, right, *ALL)
    expected = core.result()
    for side, items in (("left", left), ("right", right)):
        amounts = {item[0]: item[3] for item in items}
        rows = core.connection.execute(
            f"select {side}_id, sum({side}_amount), count(distinct match_id) from match_pairs where is_confirmed group by 1"
        ).fetchall()
        assert all(amount == amounts[item_id] and matches == 1 for item_id, amount, matches in rows)
    core.match(data.draw(st.permutations(left)), data.draw(st.permutations(right)), *ALL)
    assert core.result() == expected


@pytest.mark.parametrize(
    ("column", "text"),
    [("shape", "some_to_many"), ("percent_tolerance", "-1"), ("day_kind", "work"), ("rounding_per_line", "NaN")],
)
def test_a_wrong_word_in_the_new_columns_is_refused(column: str, text: str) -> None:
    """As in the old ones."""
    file = read_rules(RULES, "match_rules")
    broken = tuple(row | {column: text} if row["rule_id"] == "exact_amount_in_window" else row for row in file.rows)
    with pytest.raises(RulesError, match=f"exact_amount_in_window.*{column}"):
        matching.rules_for(RuleFile(file.name, broken, file.hash), "settlement_deposit")


def test_a_subset_never_confirms() -> None:
    """Whoever approves it: a sum that happens to fit is no evidence."""
    file = read_rules(RULES, "match_rules")
    broken: Sequence[dict[str, str]] = [
        row | {"is_confirming": "true"} if row["shape"] == "subset" else row for row in file.rows
    ]
    with pytest.raises(RulesError, match="subset is a guess"):
        matching.rules_for(RuleFile(file.name, tuple(broken), file.hash), "settlement_deposit")


def test_rounding_per_line(core: Core) -> None:
    """Half a cent for each of 40 lines: 0.20 is tolerated, 0.21 is not."""
    rule: MatchRule = replace(EXACT, rule_id="lines", rounding_per_line=Decimal("0.005"))
    for amount, expected in (("99.80", {"A-1": "lines"}), ("99.79", {})):
        core.match(*parse(f"A 100.00 10-16 | 1 {amount} 10-16"), rule, line_count=40)
        assert core.pairs() == expected
