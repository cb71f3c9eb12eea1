"""Monotone closing: what is matched or closed stays so until data arrive that concern it.

Because the order of arrival must not matter, an item is judged anew with all that is known, so only this can be promised: what
belongs to another matter changes nothing. What concerns an item, in the matching core: an item of its block that names the same,
that is of the same side and day (one deposit may pay a day's payouts), or that some rule could put with one of these.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_sync.core.rules import read_rules
from retail_sync.reconcile import matching
from retail_sync.schemas.digest import table_digest
from retail_sync.schemas.tables import TABLES
from retail_sync_tests.reconcile.facts import RULES, Facts, breaks, statuses
from retail_sync_tests.reconcile.test_matching import Core, Item

SHIPPED = matching.rules_for(read_rules(RULES, "match_rules"), "settlement_deposit")
# Which side it is on (True: left), block, key, amount, day.
Row = tuple[bool, str, str | None, Decimal, date]


def _rows(kind: int, block: str, key: str | None, amount: int, lag: int, on: date) -> list[Row]:
    """A payout, a deposit, a payout with its deposit, or two payouts of a day with one deposit."""
    paid = on + timedelta(lag)
    lone: Row = (kind == 0, block, key, Decimal(amount), on)
    match kind:
        case 0 | 1:
            return [lone]
        case 2:
            return [(True, block, key, Decimal(amount), on), (False, block, key, Decimal(amount), paid)]
    return [(True, block, None, Decimal(amount), on), (True, block, None, Decimal(5), on),
            (False, block, None, Decimal(amount + 5), paid)]  # fmt: skip


# Few amounts and days, so that what arrives often concerns what is there, and often does not.
STEPS = st.lists(
    st.lists(
        st.builds(
            _rows,
            st.integers(0, 3),
            st.sampled_from(["us", "eu"]),
            st.sampled_from([None, None, None, "k7", "k8"]),
            st.sampled_from([20, 25, 30, 50, 55, 80, -20]),
            st.integers(-1, 5),
            st.integers(0, 40).map(lambda days: date(2026, 10, 1) + timedelta(days)),
        ),
        min_size=1,
        max_size=3,
    ).map(lambda groups: [row for rows in groups for row in rows]),
    min_size=2,
    max_size=4,
)


@dataclass
class World:
    """All items that have arrived, and which of them concern each other."""

    left: list[Item] = field(default_factory=list)
    right: list[Item] = field(default_factory=list)

    def arrive(self, rows: Sequence[Row]) -> set[str]:
        """Take rows in: lefts as L1, L2, ..., rights as R1, R2, ... Returns their names."""
        names = set()
        for is_left, *row in rows:
            side, letter = (self.left, "L") if is_left else (self.right, "R")
            name = f"{letter}{len(side) + 1}"
            block, key, amount, on = row
            side.append((name, block, key, amount, on))
            names.add(name)
        return names

    def concerned_by(self, names: set[str]) -> set[str]:
        """All that these items concern, by whatever chain of others."""
        reached, links = set(names), list(self._links())
        while more := {end for link in links if link & reached for end in link} - reached:
            reached |= more
        return reached

    def _links(self) -> Iterator[set[str]]:
        for side in (self.left, self.right):
            for one, other in combinations(side, 2):
                if one[1] == other[1] and (one[4] == other[4] or (one[2] and one[2] == other[2])):
                    yield {one[0], other[0]}
        for few in _same_day(self.left):
            for one in self.right:
                if few[0][1] == one[1] and (_fits(few, [one]) or any(item[2] and item[2] == one[2] for item in few)):
                    yield {item[0] for item in (*few, one)}
        for few in _same_day(self.right):
            for one in self.left:
                if few[0][1] == one[1] and _fits([one], few):
                    yield {item[0] for item in (*few, one)}


def _same_day(items: Sequence[Item]) -> Iterator[tuple[Item, ...]]:
    """Every few of one day: what is left of a day after some were matched is one of them."""
    days: dict[tuple[str, date], list[Item]] = {}
    for item in items:
        days.setdefault((item[1], item[4]), []).append(item)
    for of_day in days.values():
        for size in range(1, len(of_day) + 1):
            yield from combinations(of_day, size)


def _fits(lefts: Sequence[Item], rights: Sequence[Item]) -> bool:
    """Whether the exact rules could put them together: the sums, and the bank's day 1 before to 5 after."""
    lag = (rights[0][4] - lefts[0][4]).days
    return -1 <= lag <= 5 and sum(item[3] for item in lefts) == sum(item[3] for item in rights)


def partners(core: Core) -> dict[str, frozenset[tuple[str, str]]]:
    """Matched item → the items it stands against, with the rule."""
    rows = core.connection.execute("select left_id, right_id, rule_id from match_pairs where is_confirmed").fetchall()
    found: dict[str, set[tuple[str, str]]] = {}
    for left_id, right_id, rule_id in rows:
        found.setdefault(left_id, set()).add((right_id, rule_id))
        found.setdefault(right_id, set()).add((left_id, rule_id))
    return {name: frozenset(others) for name, others in found.items()}


@pytest.fixture(scope="module")
def core() -> Core:
    """One engine for the module."""
    return Core()


@pytest.mark.long
@settings(max_examples=15, deadline=None, database=None, derandomize=True)
@given(steps=STEPS)
def test_a_matched_item_stays_matched_until_data_concern_it(core: Core, steps: list[list[Row]]) -> None:
    """With the rules that are shipped. A match that opens by itself would take a booked deposit out of the books."""
    world, before = World(), dict[str, frozenset[tuple[str, str]]]()
    for rows in steps:
        concerned = world.concerned_by(world.arrive(rows))
        core.match(world.left, world.right, *SHIPPED)
        now = partners(core)
        assert {name: now.get(name) for name in before if name not in concerned} == {
            name: others for name, others in before.items() if name not in concerned
        }
        before = now


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ((False, "us", None, Decimal(50), date(2026, 10, 18)), "a second deposit of the amount: which is it?"),
        ((True, "us", None, Decimal(30), date(2026, 10, 16)), "a third payout of the day: 50.00 are not all of them"),
    ],
)
def test_what_concerns_a_match_opens_it(core: Core, new: Row, why: str) -> None:
    """Two payouts of a day, 20.00 and 30.00, arrived as 50.00. New data may make that a guess: it is told, not kept."""
    world = World()
    day = date(2026, 10, 16)
    names = world.arrive([(True, "us", None, Decimal(20), day), (True, "us", None, Decimal(30), day),
                          (False, "us", None, Decimal(50), day)])  # fmt: skip
    core.match(world.left, world.right, *SHIPPED)
    assert set(partners(core)) == names, why
    assert world.concerned_by(world.arrive([new])) >= names
    core.match(world.left, world.right, *SHIPPED)
    assert partners(core) == {}, why


# A matter by its kind: documents that belong together. Settlements are `id | ends | total | lines`, the rest are bank lines. For
# matter 11, `{n}1` is settlement 31110001 and the amounts are made of 11.00, 1100.00 and 1111.00: those of no other matter.
MATTERS: dict[str, tuple[str, ...]] = {
    "paid to the cent": ("{n}1 | 10-14 | {x}00.00 | {x}00.00", "10-17 | {x}00.00 | AMAZON PAYMENTS"),
    "paid too much, by name": ("{n}1 | 10-14 | {x}00.00 | {x}00.00", "10-17 | {x}00.70 | AMAZON {n}1"),
    "paid in parts": (
        "{n}1 | 10-14 | {x}{x}.00 | {x}{x}.00",
        "10-16 | {x}00.00 | AMAZON {n}1",
        "10-17 | {x}.00 | AMAZON {n}1",
    ),
    "two payouts in one deposit": (
        "{n}1 | 10-14 | {x}00.00 | {x}00.00",
        "{n}2 | 10-14 | {x}.00 | {x}.00",
        "10-17 | {x}{x}.00 | AMAZON PAYMENTS",
    ),
    "a debt that the next one earned": (
        "{n}1 | 10-14 | -{x}.00 | ads -{x}.00",
        "{n}2 | 10-28 | {x}00.00 | debt -{x}.00, sales {x}{x}.00",
        "10-31 | {x}00.00 | AMAZON PAYMENTS",
    ),
    "a reserve": (
        "{n}1 | 10-14 | {x}00.00 | sales {x}{x}.00, held -{x}.00",
        "10-17 | {x}00.00 | AMAZON PAYMENTS",
        "{n}2 | 10-28 | {x}.00 | released {x}.00",
        "10-31 | {x}.00 | AMAZON PAYMENTS",
    ),
    "a transfer that failed": (
        "{n}1 | 10-14 | {x}00.00 | {x}00.00",
        "{n}2 | 10-28 | {x}{x}.00 | failed_transfer {x}00.00 @10-20, sales {x}.00",
        "10-31 | {x}{x}.00 | AMAZON PAYMENTS",
    ),
}


@dataclass(frozen=True)
class Document:
    """One delivery of a matter."""

    matter: int
    row: str

    def arrive(self, facts: Facts) -> None:
        """A settlement's first column is its number, a bank line's its day."""
        if self.row.startswith("31"):
            facts.arrive(f"| id | ends | total | lines | account |\n| {self.row} |")
        else:
            facts.arrive(bank=f"| date | amount | reference | id |\n| {self.row} |")


def documents(kinds: Sequence[str]) -> list[Document]:
    """The deliveries of these matters: each has a seller account of its own, and bank lines called after it."""
    return [
        Document(number, f"{text.format(n=f'31{number}000', x=number)} | {owner}")
        for number, kind in enumerate(kinds, 11)
        for place, text in enumerate(MATTERS[kind])
        for owner in (f"account {number}" if text.startswith("{n}") else f"B{number}{place}",)
    ]


def closed(facts: Facts) -> dict[str, tuple[object, ...]]:
    """Everything that is matched: the verdicts on settlements, and the items of every chain, with what they stand against."""
    rows = facts.connection.execute(
        "select reconciliation || '|' || side || '|' || item_id, amount, match_id, key_name "
        "from reconcile.match_items where status = 'matched'"
    ).fetchall()
    verdicts = facts.connection.execute(
        "select settlement_id, status, bank_transaction_id, bank_amount, carried_into from reconcile.settlement_totals "
        "where status = 'matched'"
    ).fetchall()
    return {name: tuple(rest) for name, *rest in [*rows, *verdicts]}


def matter_of(name: str) -> int:
    """The number of the matter in the name of a settlement or bank line."""
    found = re.search(r"31(\d\d)000\d|:B(\d\d)\d", name)
    assert found
    return int(found[1] or found[2])


def tables(facts: Facts) -> dict[str, str]:
    """The digest of every table of the stage."""
    return {table.name: table_digest(facts.connection, table) for table in TABLES if table.schema == "reconcile"}


@pytest.mark.parametrize("kind", MATTERS)
def test_every_matter_closes_by_itself(kind: str) -> None:
    """Else the next test would prove nothing."""
    facts = Facts()
    for document in documents([kind]):
        document.arrive(facts)
    assert facts.reconcile().residual == ()
    assert set(statuses(facts.connection).values()) == {"variance" if kind == "paid too much, by name" else "matched"}


@pytest.mark.long
@settings(max_examples=3, deadline=None, database=None, derandomize=True)
@given(data=st.data(), kinds=st.lists(st.sampled_from(sorted(MATTERS)), min_size=3, max_size=3))
def test_a_closed_settlement_does_not_reopen_by_the_data_of_others(data: st.DataObject, kinds: list[str]) -> None:
    """Documents arrive one by one, in any order. Those of another account, in other amounts, open nothing and break nothing."""
    facts = Facts()
    before: dict[str, tuple[object, ...]] = {}
    told: Counter[tuple[str, str, Decimal | None]] = Counter()
    for document in data.draw(st.permutations(documents(kinds))):
        document.arrive(facts)
        assert facts.reconcile().residual == ()
        now, said = closed(facts), breaks(facts.connection)
        others = {name: value for name, value in before.items() if matter_of(name) != document.matter}
        assert {name: now.get(name) for name in others} == others
        assert {item for item in said if item[0] in others} == {item for item in told if item[0] in others}
        before, told = now, said
    kept = tables(facts)
    assert facts.reconcile().touched == 0
    assert tables(facts) == kept
