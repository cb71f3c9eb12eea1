"""Stock that the ERP wrote off or found again: worked example F3, and adjustments that only take over what is booked already.

Units lost are a debit of 5100 and a credit of 1200 at cost. A debit is positive, in minor units; expectations by hand.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from retail_sync.journal.rules import Policies
from retail_sync_tests.journal.test_stock_entries import balances, booked
from retail_sync_tests.reconcile.facts import held
from retail_sync_tests.reconcile.stock_facts import StockFacts

F3 = {"5100": 3000, "1200": -3000}
COST_30 = "| sku | cost |\n| A-1 | 30 |"
# 100 pieces in the book of 9 October; seven are missing on the 10th: 210.00 of shrinkage.
COUNTED = {
    "products": COST_30,
    "snapshots": "| on | quantity |\n| 10-09 | 100 |",
    "counts": "| on | quantity |\n| 10-10 | 93 |",
}
SHRINKAGE = {"stock:count:S1:2026-10-10:USD": {"5110": 21000, "1200": -21000}}


def test_the_restated_example_is_that_of_the_reference(samples: Path) -> None:
    """A slip in restating would prove nothing."""
    shared = json.loads((samples / "ledgers" / "worked_examples.json").read_text(encoding="utf-8"))
    (example,) = (example for example in shared if example["id"] == "F3")
    assert {line["account"][:4]: line["minor"] for line in example["lines"]} == F3


def entries_of(*given: Mapping[str, str], policies: Policies | None = None) -> dict[str, dict[str, int]]:
    """Entry key → account → minor units, after these rows came one delivery after the other."""
    facts = StockFacts()
    for part in given:
        facts.take(**part)
        facts.compare()
        facts.book(*([policies] if policies else []))
    assert held(facts.connection) == {}
    return {
        key: {account: minor for account, minor in legs.items() if minor} for key, (_, legs) in booked(facts).items()
    }


def adjusted(*rows: str) -> dict[str, str]:
    """Movements of kind adjustment: `day quantity [id]`."""
    cells = [(*row.split(), "")[:3] for row in rows]
    return {
        "moved": "| on | kind | quantity | id |\n"
        + "\n".join(f"| {on} | adjustment | {quantity} | {key} |" for on, quantity, key in cells)
    }


EXAMPLES = {
    "F3 a lost unit, at the cost of the movement": (
        {"moved": "| on | kind | quantity | cost |\n| 10-20 | adjustment | -1 | 30 |"}, F3,
    ),
    "at the cost of the latest snapshot": (
        {"products": "| sku | cost |\n| A-1 | 99 |", "snapshots": "| on | quantity | cost |\n| 10-01 | 9 | 30 |",
         "moved": "| on | kind | quantity |\n| 10-20 | adjustment | -1 |"}, F3,
    ),
    "at the cost of the article": (
        {"products": COST_30, "moved": "| on | kind | quantity |\n| 10-20 | adjustment | -1 |"}, F3,
    ),
    "a unit found again": (
        {"products": COST_30, "moved": "| on | kind | quantity |\n| 10-20 | adjustment | 1 |"}, {"1200": 3000, "5100": -3000},
    ),
    "three lost and one found on a day": (
        {"products": COST_30, "moved": "| on | kind | quantity |\n| 10-20 | adjustment | -3 |\n| 10-20 | adjustment | 1 |"},
        {"5100": 6000, "1200": -6000},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_worked_examples(name: str) -> None:
    """From rows to the minor unit, on the day of the adjustment."""
    given, legs = EXAMPLES[name]
    assert entries_of(given) == {"stock:cogs:S1:2026-10-20:USD": legs}


def test_nothing_is_booked_where_the_erp_books_stock() -> None:
    """It wrote the unit off in the ledger itself."""
    given = {"moved": "| on | kind | quantity | cost |\n| 10-20 | adjustment | -1 | 30 |"}
    assert entries_of(given, policies=Policies(home_currency="", deposits="journal", stock="erp")) == {}


def test_an_adjustment_without_units_needs_no_cost() -> None:
    """Some ERPs write a line of zero when only a value changes."""
    assert entries_of({"moved": "| on | kind | quantity | sku |\n| 10-20 | adjustment | 0 | N-1 |"}) == {}


def test_an_adjustment_without_a_cost_holds_its_day() -> None:
    """No cost is no zero."""
    facts = StockFacts()
    facts.take(moved="| on | kind | quantity | sku |\n| 10-20 | adjustment | -1 | N-1 |")
    facts.compare()
    facts.book()
    assert held(facts.connection) == {"stock:cogs:S1|2026-10-20": "stock_cost_missing"}


@pytest.mark.parametrize("day", ["10-11", "10-24"])
def test_an_adjustment_that_takes_a_count_over_books_nothing_more(day: str) -> None:
    """From the day after the count to the fourteenth: the loss is in the books as shrinkage."""
    assert entries_of(COUNTED, adjusted(f"{day} -7")) == SHRINKAGE


NOT_TAKEN_OVER = {
    "fifteen days later": adjusted("10-25 -7"),
    "before the count": adjusted("10-08 -7"),
    "another quantity": adjusted("10-12 -6"),
    "the other sign": adjusted("10-12 7"),
    "another article": {"products": "| sku | cost |\n| B-1 | 30 |",
                        "moved": "| on | kind | quantity | sku |\n| 10-12 | adjustment | -7 | B-1 |"},
    "another location": {"moved": "| on | kind | quantity | at |\n| 10-12 | adjustment | -7 | S2 |"},
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_TAKEN_OVER)
def test_any_other_adjustment_is_a_loss_of_its_own(name: str) -> None:
    """A rule that were wider would hide what was really lost."""
    found = entries_of(COUNTED, NOT_TAKEN_OVER[name])
    assert found.pop("stock:count:S1:2026-10-10:USD") == SHRINKAGE["stock:count:S1:2026-10-10:USD"]
    (legs,) = found.values()
    assert {account: abs(minor) for account, minor in legs.items()} == (
        {"5100": 18000, "1200": 18000} if name == "another quantity" else {"5100": 21000, "1200": 21000}
    )


def test_an_adjustment_in_the_book_of_the_count_is_no_takeover() -> None:
    """Seven are written off on the day of the count, and seven more are missing: fourteen are lost."""
    given = COUNTED | {"counts": "| on | quantity |\n| 10-10 | 86 |"}
    assert entries_of(given, adjusted("10-10 -7")) == SHRINKAGE | {
        "stock:cogs:S1:2026-10-10:USD": {"5100": 21000, "1200": -21000}
    }


def test_an_adjustment_of_the_day_whose_snapshot_lacks_it_takes_over() -> None:
    """The book is the snapshot of that evening, which no movement of the day is added to."""
    given = COUNTED | {"snapshots": "| on | quantity |\n| 10-10 | 100 |"}
    assert entries_of(given, adjusted("10-10 -7")) == SHRINKAGE


def test_a_count_that_is_not_booked_is_taken_over_by_nothing() -> None:
    """A count without a book says nothing of a loss; the adjustment does."""
    found = entries_of({"products": COST_30, "counts": "| on | quantity |\n| 10-10 | 93 |"}, adjusted("10-12 -7"))
    assert found == {"stock:cogs:S1:2026-10-12:USD": {"5100": 21000, "1200": -21000}}


def test_one_adjustment_per_count_and_one_count_per_adjustment() -> None:
    """One unit short on the 1st, 5th and 30th. The ERP adjusts on the 3rd, twice on the 6th, and on the 31st.

    The 3rd takes over the 1st. Of the 6th, the lower movement id takes over the 5th; the other is a loss. The 31st takes
    over the 30th. The book is counted anew before each count, so that each is one short.
    """
    given = {
        "products": COST_30,
        "snapshots": "| on | quantity |\n| 09-30 | 50 |\n| 10-04 | 49 |\n| 10-29 | 40 |",
        "counts": "| on | quantity |\n| 10-01 | 49 |\n| 10-05 | 48 |\n| 10-30 | 39 |",
        **adjusted("10-03 -1 M1", "10-06 -1 M3", "10-06 -1 M2", "10-31 -1 M4"),
    }
    shrinkage = {"5110": 3000, "1200": -3000}
    assert entries_of(given) == {
        "stock:count:S1:2026-10-01:USD": shrinkage,
        "stock:count:S1:2026-10-05:USD": shrinkage,
        "stock:count:S1:2026-10-30:USD": shrinkage,
        "stock:cogs:S1:2026-10-06:USD": F3,
    }


def test_the_adjustment_that_takes_over_is_the_earliest_then_the_lowest_id() -> None:
    """Told apart by their own costs: the movement of 11.00 takes over, that of 12.00 is written off."""
    moved = (
        "| on | kind | quantity | cost | id |\n"
        "| 10-12 | adjustment | -7 | 12 | M2 |\n| 10-12 | adjustment | -7 | 11 | M1 |"
    )
    assert entries_of(COUNTED, {"moved": moved})["stock:cogs:S1:2026-10-12:USD"] == {"5100": 8400, "1200": -8400}


@pytest.mark.slow
def test_the_order_of_arrival_does_not_matter() -> None:
    """Whether count, snapshot, article or adjustment is known first: the same entries, and the same documents."""
    parts = [{name: text} for name, text in (COUNTED | adjusted("10-12 -7", "10-13 -7")).items()]
    wanted = SHRINKAGE | {"stock:cogs:S1:2026-10-13:USD": {"5100": 21000, "1200": -21000}}
    documents = set()
    for order in itertools.permutations(parts):
        facts = StockFacts()
        for part in order:
            facts.take(**part)
            facts.compare()
            facts.book()
        assert {key: {a: m for a, m in legs.items() if m} for key, (_, legs) in booked(facts).items()} == wanted
        rows = facts.connection.execute(
            "select document_id, status, facts_hash from journal.documents order by all"
        ).fetchall()
        documents.add(str(rows))
    assert len(documents) == 1


def test_returned_goods_that_are_written_off_are_not_written_off_twice() -> None:
    """Worked example E3, where the ERP posts the unit in and out again under the number of the return."""
    found = entries_of({
        "products": "| sku | cost |\n| A-1 | 32 |",
        "returned": "| id | on | quantity | goods |\n| T1 | 10-19 | 1 | written_off |",
        "moved": "| on | kind | quantity | reference |\n| 10-19 | return | 1 | T1 |\n| 10-20 | adjustment | -1 | T1 |",
    })  # fmt: skip
    assert found == {"stock:cogs:S1:2026-10-19:USD": {"5100": 3200, "5000": -3200}}


# Three are missing on the 10th; two of them were sold on the 9th and the ERP has not posted that: one is lost, 30.00.
TWO_SOLD = {
    "products": COST_30,
    "snapshots": "| on | quantity |\n| 10-08 | 100 |",
    "till": "| on | quantity | receipt |\n| 10-09 | 2 | R1 |",
    "counts": "| on | quantity |\n| 10-10 | 97 |",
}
REACH = "| 10-08 | receipt | 1 | Z | |\n| 10-30 | receipt | 1 | Z | |"


@pytest.mark.parametrize(
    ("posted", "legs"),
    [
        # The ERP sets its book to what was counted: of its three, one is booked, so that two are written off.
        ("| 10-12 | adjustment | -3 | A-1 | |", {"2026-10-12": {"5100": 6000, "1200": -6000}}),
        # It posts the sale, then what is lost.
        ("| 10-11 | sale | -2 | A-1 | R1 |\n| 10-12 | adjustment | -1 | A-1 | |",
         {"2026-10-11": {"5000": 6000, "1200": -6000}, "2026-10-12": {}}),
    ],
    ids=["the whole difference", "the loss alone"],
)  # fmt: skip
def test_a_count_that_is_booked_in_part_is_taken_over_as_a_whole_or_in_that_part(
    posted: str, legs: dict[str, dict[str, int]]
) -> None:
    """Either way 90.00 leave the stock, as three pieces did."""
    moved = {"moved": f"| on | kind | quantity | sku | reference |\n{REACH}\n{posted}"}
    books = {"stock:count:S1:2026-10-10:USD": {"5110": 3000, "1200": -3000}}
    books |= {f"stock:cogs:S1:{on}:USD": found for on, found in legs.items() if found}
    assert entries_of(TWO_SOLD, moved) == books
    assert sum(entry.get("1200", 0) for entry in books.values()) == -9000


def test_the_true_up_does_not_book_a_write_off_again() -> None:
    """Stock 1,000.00 in September and 900.00 in October; the ledger's own 1,000.00 less the write-off: nothing is left."""
    facts = StockFacts()
    facts.take(
        products="| sku | cost |\n| A-1 | 10 |",
        snapshots="| on | quantity |\n| 09-30 | 100 |\n| 10-31 | 90 |\n| 11-02 | 90 |",
        **adjusted("10-14 -10"),
    )
    facts.compare(balances(september="1000", october="1000"), is_trued_up=True)
    facts.book()
    assert booked(facts) == {"stock:cogs:S1:2026-10-14:USD": (date(2026, 10, 14), {"5100": 10000, "1200": -10000})}


def test_the_window_is_fourteen_days() -> None:
    """Counted in calendar days over the end of a month; the day is that of the movement."""
    for days, is_taken_over in ((14, True), (15, False)):
        on = date(2026, 10, 20) + timedelta(days=days)
        given = COUNTED | {"counts": "| on | quantity |\n| 10-20 | 93 |"}
        found = entries_of(given, adjusted(f"{on:%m-%d} -7"))
        assert (f"stock:cogs:S1:{on}:USD" not in found) == is_taken_over
