"""The matching core on small tables: what each rule pairs, what it leaves open, and that nothing else matters.

Left items are called A, B, ... and right items 1, 2, ...; `A-1` says that they were put together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_sync.core.errors import RulesError
from retail_sync.core.rules import RuleFile, read_rules
from retail_sync.reconcile import matching
from retail_sync.reconcile.matching import Decision, MatchRule
from retail_sync_tests.reconcile.facts import RULES, day

Item = tuple[str, str, str | None, Decimal, date]

EXACT = MatchRule("exact", 1, "any", Decimal(0), 1, 5, is_confirming=True)
SAME_KEY = MatchRule("same_key", 3, "equal", Decimal("99999999"), 7, 45, is_confirming=True)
NEAR = replace(EXACT, rule_id="near", version=2, amount_tolerance=Decimal("0.05"))
SUGGEST = replace(NEAR, rule_id="suggest", is_confirming=False)


class Core:
    """The core on an engine of its own."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": "1"})

    def match(
        self,
        left: Sequence[Item],
        right: Sequence[Item],
        *rules: MatchRule,
        decisions: Sequence[Decision] = (),
        holidays: Sequence[date] = (),
        line_count: int = 1,
    ) -> None:
        """Match the items as one reconciliation called `test`; what has one date is one group."""
        for name, rows in (("match_left", left), ("match_right", right)):
            self.connection.execute(
                f"create or replace temp table {name} (item_id varchar, block varchar, key varchar, "
                "amount decimal(18, 4), item_date date, group_key varchar, line_count bigint)"
            )
            for row in rows:
                self.connection.execute(
                    f"insert into {name} values (?, ?, ?, ?, ?, ?, ?)", (*row, str(row[4]), line_count)
                )
        matching.begin(self.connection, decisions, holidays)
        matching.match(self.connection, "test", rules)

    def pairs(self) -> dict[str, str]:
        """`A-1` → the rule that paired them."""
        return dict(self.connection.execute("select left_id || '-' || right_id, rule_id from match_pairs").fetchall())

    def ambiguous(self) -> set[str]:
        """Pairs that a rule could have made, had each been the only one."""
        rows = self.connection.execute("select left_id || '-' || right_id from match_ambiguities").fetchall()
        return {row[0] for row in rows}

    def result(self) -> Counter[tuple[object, ...]]:
        """Everything the core answered, without order."""
        rows = self.connection.execute("select * from match_pairs").fetchall()
        return Counter(rows + self.connection.execute("select * from match_ambiguities").fetchall())


@pytest.fixture(scope="module")
def core() -> Core:
    """One engine for the module: each match starts its tables anew."""
    return Core()


CASES = {
    "exact: the same amount in the window": (EXACT, "A 100.00 10-16 | 1 100.00 10-17", "A-1"),
    "exact: a cent is a difference": (EXACT, "A 100.00 10-16 | 1 100.01 10-17", ""),
    "exact: the sign is part of the amount": (EXACT, "A 100.00 10-16 | 1 -100.00 10-17", ""),
    "exact: negative amounts match too": (EXACT, "A -140.00 10-16 | 1 -140.00 10-16", "A-1"),
    "tolerance: up to the limit": (NEAR, "A 100.00 10-16 | 1 99.95 10-16", "A-1"),
    "tolerance: in both directions": (NEAR, "A 100.00 10-16 | 1 100.05 10-16", "A-1"),
    "tolerance: not beyond it": (NEAR, "A 100.00 10-16 | 1 99.94 10-16", ""),
    "window: one day before": (EXACT, "A 100.00 10-16 | 1 100.00 10-15", "A-1"),
    "window: not two days before": (EXACT, "A 100.00 10-16 | 1 100.00 10-14", ""),
    "window: five days after": (EXACT, "A 100.00 10-16 | 1 100.00 10-21", "A-1"),
    "window: not six days after": (EXACT, "A 100.00 10-16 | 1 100.00 10-22", ""),
    "window: over a month end": (EXACT, "A 100.00 10-30 | 1 100.00 11-03", "A-1"),
    "key equal: any amount": (SAME_KEY, "A:k7 100.00 10-16 | 1:k7 75.00 10-20", "A-1"),
    "key equal: another key is no match": (SAME_KEY, "A:k7 100.00 10-16 | 1:k8 100.00 10-16", ""),
    "key equal: no key equals no key": (SAME_KEY, "A 100.00 10-16 | 1 100.00 10-16", ""),
    "key any: keys do not count": (EXACT, "A:k7 100.00 10-16 | 1 100.00 10-16", "A-1"),
    "one left, two rights": (EXACT, "A 100.00 10-16 | 1 100.00 10-16 | 2 100.00 10-17", ""),
    "two lefts, one right": (EXACT, "A 100.00 10-16 | B 100.00 10-17 | 1 100.00 10-17", ""),
    "two by two": (EXACT, "A 100.00 10-16 | B 100.00 10-16 | 1 100.00 10-16 | 2 100.00 10-16", ""),
    "a chain is not unravelled": (EXACT, "A 100.00 10-16 | B 100.00 10-21 | 1 100.00 10-20 | 2 100.00 10-25", ""),
    "only its own block": (EXACT, "A@us 100.00 10-16 | 1@eu 100.00 10-16", ""),
    "a twin in another block does no harm": (EXACT, "A@us 5.00 10-16 | B@eu 5.00 10-16 | 1@eu 5.00 10-16", "B-1"),
    "an item does not explain itself": (EXACT, "same 50.00 10-13 | =same 50.00 10-13", ""),
}


def parse(text: str) -> tuple[list[Item], list[Item]]:
    """`A:key@block amount day` separated by bars; numbers, and what begins with `=`, stand on the right."""
    left, right = [], []
    for part in text.split(" | "):
        name, amount, on = part.split()
        name, _, block = name.partition("@")
        name, _, key = name.partition(":")
        side = right if name[0] in "=123456789" else left
        side.append((name.lstrip("="), block or "us", key or None, Decimal(amount), day(on)))
    return left, right


@pytest.mark.parametrize("name", CASES)
def test_what_one_rule_pairs(core: Core, name: str) -> None:
    """A rule that pairs more than its words say books money against the wrong payout."""
    rule, text, expected = CASES[name]
    core.match(*parse(text), rule)
    assert core.pairs() == ({expected: rule.rule_id} if expected else {})


def test_a_match_keeps_its_rule_version_and_difference(core: Core) -> None:
    """Without them nobody can say later why two items were put together."""
    core.match(*parse("A 100.00 10-16 | 1 99.97 10-16"), NEAR)
    found = core.connection.execute(
        "select reconciliation, rule_id, rule_version, is_confirmed, left_amount, right_amount, difference from match_pairs"
    ).fetchall()
    assert found == [("test", "near", 2, True, Decimal("100.00"), Decimal("99.97"), Decimal("-0.03"))]


def test_the_first_rule_wins(core: Core) -> None:
    """A bank line that names its payout belongs to it, though another payout has the very amount."""
    left, right = parse("A:k7 100.00 10-16 | B 75.00 10-16 | 1:k7 75.00 10-16")
    core.match(left, right, SAME_KEY, EXACT)
    assert core.pairs() == {"A-1": "same_key"}
    core.match(left, right, EXACT, SAME_KEY)
    assert core.pairs() == {"B-1": "exact"}


def test_a_later_rule_decides_what_an_earlier_one_could_not(core: Core) -> None:
    """Two lines name one payout: the key does not decide, the amount does."""
    core.match(*parse("A:k7 100.00 10-16 | 1:k7 100.00 10-16 | 2:k7 60.00 10-18"), SAME_KEY, EXACT)
    assert core.pairs() == {"A-1": "exact"}
    assert core.ambiguous() == {"A-1", "A-2"}


def test_what_an_earlier_rule_took_makes_no_later_ambiguity(core: Core) -> None:
    """Of two equal payouts one is named by the bank; the other is then the only one left."""
    left, right = parse("A:k7 100.00 10-16 | B 100.00 10-16 | 1:k7 100.00 10-16 | 2 100.00 10-17")
    core.match(left, right, SAME_KEY, EXACT)
    assert core.pairs() == {"A-1": "same_key", "B-2": "exact"}


def test_every_candidate_of_an_undecided_case_is_named(core: Core) -> None:
    """A person who has to decide must see all the possibilities."""
    core.match(*parse("A 100.00 10-16 | B 100.00 10-16 | 1 100.00 10-16 | 2 100.00 10-16 | C 5.00 10-16"), EXACT)
    assert core.ambiguous() == {"A-1", "A-2", "B-1", "B-2"}


def test_a_suggestion_is_not_confirmed(core: Core) -> None:
    """What a rule may only suggest must never look like evidence."""
    core.match(*parse("A 100.00 10-16 | 1 99.97 10-16 | B 7.00 10-16 | 2 7.00 10-16"), EXACT, SUGGEST)
    found = core.connection.execute("select left_id || '-' || right_id, is_confirmed from match_pairs").fetchall()
    assert dict(found) == {"B-2": True, "A-1": False}


def test_a_suggestion_keeps_nothing_from_a_confirming_rule(core: Core) -> None:
    """The rule that may only suggest stands first: what the exact one then decides is decided, and suggested no more."""
    left, right = parse("A 100.00 10-16 | 1 99.97 10-16 | B 50.00 10-16 | 2 50.00 10-16")
    core.match(left, right, SUGGEST, replace(SUGGEST, rule_id="again"), EXACT)
    assert core.pairs() == {"A-1": "suggest", "B-2": "exact"}
    # B's only near amount is 2's; the key says that 2 is C's.
    left, right = parse("B:k8 50.00 10-16 | C:k7 70.00 10-16 | 2 50.00 10-16 | 3:k7 50.02 10-17")
    core.match(left, right, replace(SUGGEST, key="any", days_after=0), SAME_KEY)
    assert core.pairs() == {"B-2": "suggest", "C-3": "same_key"}


def _side(names: str) -> st.SearchStrategy[list[Item]]:
    """Few amounts, days, keys and blocks, so that ties and ambiguities are the rule."""
    item = st.tuples(
        st.sampled_from(["us", "eu"]),
        st.sampled_from([None, "k7", "k8"]),
        st.sampled_from([Decimal("100.00"), Decimal("100.04"), Decimal("-100.00"), Decimal("75.00")]),
        st.integers(0, 8).map(lambda days: date(2026, 10, 28) + timedelta(days)),
    )
    return st.lists(item, max_size=6).map(lambda rows: [(name, *row) for name, row in zip(names, rows, strict=False)])


@settings(max_examples=20, deadline=None, database=None, derandomize=True)
@given(data=st.data(), left=_side("ABCDEF"), right=_side("123456"))
def test_the_result_is_the_same_in_any_order_and_a_second_time(
    core: Core, data: st.DataObject, left: list[Item], right: list[Item]
) -> None:
    """Were it not, two runs over the same facts would tell finance two stories."""
    rules = (SAME_KEY, EXACT, NEAR, replace(SUGGEST, days_after=30))
    core.match(left, right, *rules)
    expected = core.result()
    core.match(left, right, *rules)
    assert core.result() == expected
    core.match(data.draw(st.permutations(left)), data.draw(st.permutations(right)), *rules)
    assert core.result() == expected


@settings(max_examples=20, deadline=None, database=None, derandomize=True)
@given(left=_side("ABCDEF"), right=_side("123456"))
def test_every_item_is_matched_at_most_once_and_as_its_rule_says(
    core: Core, left: list[Item], right: list[Item]
) -> None:
    """A deposit counted for two payouts would hide a missing one."""
    rules = {rule.rule_id: rule for rule in (SAME_KEY, EXACT, NEAR)}
    core.match(left, right, *rules.values())
    pairs = core.connection.execute("select left_id, right_id, rule_id, difference from match_pairs").fetchall()
    assert len({pair[0] for pair in pairs}) == len({pair[1] for pair in pairs}) == len(pairs)
    lefts, rights = {item[0]: item for item in left}, {item[0]: item for item in right}
    for left_id, right_id, rule_id, difference in pairs:
        (_, block, key, amount, due), (_, block2, key2, amount2, came) = lefts[left_id], rights[right_id]
        rule = rules[rule_id]
        assert block == block2
        assert difference == amount2 - amount
        assert abs(difference) <= rule.amount_tolerance
        assert timedelta(-rule.days_before) <= came - due <= timedelta(rule.days_after)
        assert rule.key == "any" or (key is not None and key == key2)


def test_rules_are_read_in_their_order_with_every_limit() -> None:
    """The governed file says: the key first, with any amount; then the exact amount, -1 to +5 days."""
    rules = matching.rules_for(read_rules(RULES, "match_rules"), "settlement_deposit")
    named, exact = (
        next(r for r in rules if r.rule_id == n) for n in ("settlement_id_in_bank_reference", "exact_amount_in_window")
    )
    assert rules.index(named) < rules.index(exact)
    assert (named.rule_id, named.key, named.is_confirming) == ("settlement_id_in_bank_reference", "equal", True)
    assert (exact.key, exact.amount_tolerance, exact.days_before, exact.days_after) == ("any", Decimal(0), 1, 5)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("amount_tolerance", "about a cent"),
        ("days_after", "5 days"),
        ("key", "equals"),
        ("is_confirming", "yes"),
        ("version", ""),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_by_name(column: str, text: str) -> None:
    """A typing error must not become a rule that nobody approved, nor a traceback."""
    file = read_rules(RULES, "match_rules")
    broken = tuple(row | {column: text} if row["rule_id"] == "exact_amount_in_window" else row for row in file.rows)
    with pytest.raises(RulesError, match=f"exact_amount_in_window.*{column}"):
        matching.rules_for(RuleFile(file.name, broken, file.hash), "settlement_deposit")


def test_a_reconciliation_without_rules_is_refused() -> None:
    """An emptied rule file would silently match nothing."""
    with pytest.raises(RulesError, match="no rule for reserve"):
        matching.rules_for(RuleFile("match_rules", (), ""), "reserve")
