"""The keyed comparison on small tables: each class by hand, and what holds for any rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_sync.reconcile.comparing import KINDS, compare
from retail_sync_tests.reconcile.facts import day, pipe_table

Row = tuple[str, str, str, Decimal, Decimal, Decimal, Decimal, Decimal | None]


class Desk:
    """An engine with two sides."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": "1"})

    def compare(self, left: Sequence[Row], right: Sequence[Row]) -> list[str]:
        """Compare the rows; return what is not explained."""
        for name, rows in (("compare_left", left), ("compare_right", right)):
            self.connection.execute(
                f"create or replace temp table {name} (key varchar, item_date date, currency varchar, "
                "quantity decimal(18, 6), amount decimal(18, 4), tax decimal(18, 4), fee decimal(18, 4), "
                "pack_quantity decimal(18, 6))"
            )
            if rows:
                places = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * len(rows))
                self.connection.execute(f"insert into {name} values {places}", [value for row in rows for value in row])
        return compare(self.connection)

    def differences(self) -> list[tuple[object, ...]]:
        """Every difference, sorted."""
        return self.connection.execute(
            "select key, kind, candidates, day, currency, amount from compare_differences order by all"
        ).fetchall()


@pytest.fixture(scope="module")
def desk() -> Desk:
    """One engine for the module."""
    return Desk()


def rows(text: str) -> list[Row]:
    """`key day quantity amount [tax] [fee] [currency] [pack]`, separated by bars; unnamed ones are 0, 0, USD and none."""
    found = []
    for part in filter(None, text.split(" | ")):
        key, on, quantity, amount, *rest = part.split()
        tax, fee, currency, pack = [*rest, *("0", "0", "USD", "")[len(rest) :]]
        numbers = (Decimal(value) for value in (quantity, amount, tax, fee))
        found.append((key, str(day(on)), currency, *numbers, Decimal(pack) if pack else None))
    return found


CASES = """
    | says | left | right | expected |
    | equal | a 10-01 2 20.00 | a 10-01 2 20.00 |  |
    | nothing on the right | a 10-01 2 20.00 |  | missing_right -20.00 |
    | nothing on the left |  | a 10-01 2 20.00 | missing_left 20.00 |
    | one more unit at the same price | a 10-01 2 20.00 | a 10-01 3 30.00 | quantity 10.00 |
    | another price | a 10-01 2 20.00 | a 10-01 2 21.00 | price 1.00 |
    | money without goods | a 10-01 0 20.00 | a 10-01 0 19.99 | amount -0.01 |
    | the tax alone | a 10-01 2 21.60 1.60 | a 10-01 2 21.50 1.50 | tax -0.10 |
    | the fee alone | a 10-01 2 17.00 0 -3 | a 10-01 2 16.50 0 -3.50 | fee -0.50 |
    | price and tax | a 10-01 2 21.60 1.60 | a 10-01 2 22.68 1.68 | price 1.00; tax 0.08 |
    | a fee where the goods differ too | a 10-01 2 17.00 0 -3 | a 10-01 3 25.50 0 -4.50 | fee -1.50; quantity 10.00 |
    | twice on the right | a 10-01 2 20.00 | a 10-01 2 20.00 ! a 10-01 2 20.00 | duplicate 20.00 |
    | three times on the left | a 10-01 2 20.00 ! a 10-01 2 20.00 ! a 10-01 2 20.00 | a 10-01 2 20.00 | duplicate -40.00 |
    | two parts that sum to the whole | a 10-01 2 20.00 | a 10-01 1 12.00 ! a 10-01 1 8.00 |  |
    | twice on both sides | a 10-01 2 20.00 ! a 10-01 2 20.00 | a 10-01 2 20.00 ! a 10-01 2 20.00 |  |
    | two different rows: which is too many? | a 10-01 2 20.00 | a 10-01 2 20.00 ! a 10-01 1 5.00 | undetermined 5.00 |
    | the sign is turned | a 10-01 2 20.00 | a 10-01 2 -20.00 | reversed_sign -40.00 |
    | another currency | a 10-01 2 20.00 | a 10-01 2 20.00 0 0 CAD | currency -20.00 USD; currency 20.00 CAD |
    | two days later | a 10-01 2 20.00 | a 10-03 2 20.00 | timing 0.00 |
    | in the next month | a 10-31 2 20.00 | a 11-01 2 20.00 | wrong_period 0.00 |
    | next month and dearer | a 10-31 2 20.00 | a 11-01 2 21.00 | price 1.00; wrong_period 0.00 |
    | packs of twelve | a 10-01 12 60.00 0 0 USD 12 | a 10-01 1 5.00 | unit_of_measure -55.00 |
    | quantity and price at once | a 10-01 2 20.00 | a 10-01 3 33.00 | undetermined 13.00 |
    | more units for the same money | a 10-01 2 20.00 | a 10-01 3 20.00 | quantity 0.00 |
    | keys are not of one another | a 10-01 1 5.00 | A 10-01 1 5.00 | missing_left 5.00; missing_right -5.00 |
"""


@pytest.mark.parametrize("case", pipe_table(CASES), ids=lambda case: case["says"])
def test_what_a_difference_is_called(desk: Desk, case: Mapping[str, str]) -> None:
    """A wrong class sends a person to the wrong desk; a wrong value is a wrong book."""
    left, right = (rows(case[side].replace(" ! ", " | ")) for side in ("left", "right"))
    assert desk.compare(left, right) == []
    expected = sorted(text if text[-1].isalpha() else f"{text} USD" for text in case["expected"].split("; ") if text)
    assert (
        sorted(f"{kind} {amount:.2f} {currency}" for _, kind, _, _, currency, amount in desk.differences()) == expected
    )


def test_what_cannot_be_told_apart_names_both(desk: Desk) -> None:
    """A person sees where to look."""
    desk.compare(rows("a 10-01 2 20.00"), rows("a 10-01 3 33.00"))
    assert [row[2] for row in desk.differences()] == ["quantity or price"]


def test_a_difference_is_of_its_left_day_and_what_moved_is_proved_on_both(desk: Desk) -> None:
    """20.00 of the 31st stand on the 1st as 21.00: 1.00 too much on the 31st, and the rest has moved."""
    assert desk.compare(rows("a 10-31 2 20.00 | b 11-01 1 7.00"), rows("a 11-01 2 21.00 | b 11-01 1 7.00")) == []
    found = desk.connection.execute(
        "select day, left_total, right_total, difference_total, moved_total from compare_proof order by day"
    ).fetchall()
    assert found == [
        (day("10-31"), Decimal(20), Decimal(0), Decimal(1), Decimal(-21)),
        (day("11-01"), Decimal(7), Decimal(28), Decimal(0), Decimal(21)),
    ]


AMOUNTS = st.sampled_from([Decimal(0), Decimal(10), Decimal(-10), Decimal(20), Decimal("10.01")])
ITEMS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(["2026-10-30", "2026-10-31", "2026-11-01"]),
        st.sampled_from(["USD", "USD", "CAD"]),
        st.sampled_from([Decimal(0), Decimal(1), Decimal(2), Decimal(12)]),
        AMOUNTS,
        st.sampled_from([Decimal(0), Decimal(1)]),
        st.sampled_from([Decimal(0), Decimal(-1)]),
        st.sampled_from([None, Decimal(12)]),
    ),
    max_size=7,
)


@pytest.mark.long
@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(data=st.data(), left=ITEMS, right=ITEMS)
def test_the_differences_explain_the_totals_whatever_the_rows_are(
    desk: Desk, data: st.DataObject, left: list[Row], right: list[Row]
) -> None:
    """Nothing is created or lost, by day and currency; the order of the rows and a second comparison change nothing."""
    assert desk.compare(left, right) == []
    found = desk.differences()
    assert {row[1] for row in found} <= set(KINDS)
    rest: dict[str, Decimal] = defaultdict(Decimal)
    for sign, side in ((1, right), (-1, left)):
        for row in side:
            rest[row[2]] += sign * row[4]
    for *_, currency, amount in found:
        rest[str(currency)] -= Decimal(str(amount))
    assert not any(rest.values())
    assert desk.compare(data.draw(st.permutations(left)), data.draw(st.permutations(right))) == []
    assert desk.differences() == found
    assert desk.compare(left, left) == []
    assert desk.differences() == []
