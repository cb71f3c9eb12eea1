"""Twenty-two planted faults at once, over many seeds, in any order and grouping of what arrives; and what holds for any rows."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retail_sync_tests.reconcile.shop_floor import FAULTS, bring, found, plant, rows_of
from retail_sync_tests.reconcile.stock_facts import StockFacts


@pytest.mark.parametrize("seed", [*range(16), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(16, 50))])
def test_every_planted_fault_is_found_with_its_quantity_value_day_and_cause(seed: int) -> None:
    """And nothing else is found. What two causes fit equally must come out undetermined."""
    floor = plant(seed)
    facts = StockFacts()
    for table, rows in rows_of(floor).items():
        bring(facts, table, rows)
    report = facts.compare()
    assert found(facts) == floor.planted
    assert report.residual == ()
    assert len({cause for *_, cause in floor.planted}) == 15
    assert len(FAULTS) == 22


@pytest.mark.parametrize("seed", range(8))
def test_the_order_and_grouping_of_what_arrives_do_not_matter(seed: int) -> None:
    """Hourly runs over pieces end where one run over all ends, cost of sales and breaks included."""
    floor, rng = plant(seed), random.Random(seed)  # noqa: S311
    whole = StockFacts()
    pieces = []
    for table, rows in rows_of(floor).items():
        bring(whole, table, rows)
        shuffled = rng.sample(rows, len(rows))
        cut = rng.randint(0, len(rows))
        pieces += [(table, shuffled[:cut]), (table, shuffled[cut:])]
    whole.compare()
    rng.shuffle(pieces)
    hourly = StockFacts()
    for table, rows in pieces:
        bring(hourly, table, rows)
        assert hourly.compare().residual == ()
    for table in ("inventory_variances", "cost_of_sales", "breaks", "availability"):
        query = f"select * from reconcile.{table} order by all"  # noqa: S608
        assert hourly.connection.execute(query).fetchall() == whole.connection.execute(query).fetchall()
    assert hourly.compare().touched == 0
    hourly.book()
    whole.book()
    query = "select entry_key, body_hash from journal.entries order by all"
    assert hourly.connection.execute(query).fetchall() == whole.connection.execute(query).fetchall()


DAYS = ["10-01", "10-02", "10-03", "10-04", "10-05"]
UNITS = st.integers(-6, 6).filter(bool)
MOVES = st.lists(
    st.tuples(
        st.sampled_from(DAYS), st.sampled_from(["S1", "S2"]), st.sampled_from(["A-1", "P-2"]),
        st.sampled_from(["sale", "return", "receipt", "transfer"]), UNITS, st.sampled_from(["", "R1", "R2", "T1"]),
    ),
    max_size=12,
)  # fmt: skip
SOLD = st.lists(
    st.tuples(st.sampled_from(DAYS), st.sampled_from(["S1", "S2"]), st.sampled_from(["A-1", "P-2", "X"]), UNITS),
    max_size=8,
)
LYING = st.dictionaries(
    st.tuples(st.sampled_from(DAYS), st.sampled_from(["S1", "S2"]), st.sampled_from(["A-1", "P-2"])),
    st.integers(-3, 9),
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(moves=MOVES, sold=SOLD, lying=LYING, counted=LYING)
def test_nothing_is_lost_whatever_the_rows_are(moves: list, sold: list, lying: dict, counted: dict) -> None:  # type: ignore[type-arg]
    """Right - left of the rows equals that of the sides, each difference has a break, no key occurs twice."""
    facts = StockFacts()
    facts.take(products="| sku | pack |\n| A-1 | |\n| P-2 | 2 |", locations="| at |\n| S1 |\n| S2 |")
    for on, at, sku, kind, quantity, reference in moves:
        facts.take(
            moved=f"| on | at | sku | kind | quantity | reference |\n|{on}|{at}|{sku}|{kind}|{quantity}| {reference} |"
        )
    for number, (on, at, sku, quantity) in enumerate(sold):
        facts.take(till=f"| on | at | sku | quantity | receipt |\n|{on}|{at}|{sku}|{quantity}|R{number}|")
    for (on, at, sku), quantity in lying.items():
        facts.take(snapshots=f"| on | at | sku | quantity |\n|{on}|{at}|{sku}|{quantity}|")
    for (on, at, sku), quantity in counted.items():
        facts.take(counts=f"| on | at | sku | quantity |\n|{on}|{at}|{sku}|{quantity}|")
    assert facts.compare().residual == ()
    rows = facts.connection.execute(
        "select question, location_id, sku, business_date, part, quantity_variance, right_quantity - left_quantity, "
        "value_variance from reconcile.inventory_variances where cause <> 'no_book'"
    ).fetchall()
    assert all(variance == difference for *_, variance, difference, _ in rows)
    assert len({row[:5] for row in rows}) == len(rows)
    assert all(value == variance * Decimal(10) for *_, sku, _, _, variance, _, value in rows if sku != "X")
    told = facts.connection.execute("select reconciliation, subject, break_class from reconcile.breaks").fetchall()
    assert len(set(told)) == len(told)
