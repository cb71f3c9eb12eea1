"""The residual proofs by day, and the figures of a reconciliation, worked by hand.

Payouts are due two days after their period; the first comes a day later than announced, the second five short, the third is
not due yet. A bank line of 42.00 belongs to nothing.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import permutations

import duckdb
import pytest

from retail_sync.reconcile.proofs import unexplained
from retail_sync.reports.ageing_plot import ageing_plot
from retail_sync.reports.ages import age_group
from retail_sync.reports.reconciliations import Reconciliations, read_reconciliations
from retail_sync_tests.reconcile.facts import KINDS, Facts, breaks
from retail_sync_tests.reconcile.stock_facts import StockFacts
from retail_sync_tests.reconcile.test_orders import OrderFacts
from retail_sync_tests.reconcile.till_facts import TillFacts

PAYOUTS = """
    | id       | ends  | total  | lines        |
    | 31000001 | 10-14 | 100.00 | sales 100.00 |
    | 31000002 | 10-14 | 200.00 | sales 190.00 |
    | 31000003 | 10-28 | 300.00 | sales 300.00 |"""
BANK = """
    | id | date  | amount | reference       |
    | B1 | 10-17 | 100.00 | AMAZON 31000001 |
    | B2 | 10-16 | 195.00 | AMAZON 31000002 |
    | B3 | 10-20 | 42.00  | AMAZON PAYMENTS |"""
# The bank corrects the short payment, and the third payout arrives.
LATER = """
    | id | date  | amount | reference       |
    | B2 | 10-16 | 200.00 | AMAZON 31000002 |
    | B4 | 11-01 | 300.00 | AMAZON 31000003 |"""
Row = tuple[str, str, str, str, str, str]


def proofs(connection: duckdb.DuckDBPyConnection, comparison: str) -> set[Row]:
    """(day, left, right, breaks, carried, unexplained) of every row of a comparison, amounts with two decimals."""
    rows = connection.execute(
        "select strftime(business_date, '%m-%d'), left_total, right_total, breaks_total, carried_total, unexplained "
        "from reconcile.proofs where comparison = ?",
        [comparison],
    ).fetchall()
    return {(day, *(f"{value:.2f}" for value in values)) for day, *values in rows}


def reconciled(*deliveries: tuple[str, str]) -> Facts:
    """Settlements and bank lines that arrived one after the other, each reconciled."""
    facts = Facts()
    for settlements, bank in deliveries:
        facts.arrive(settlements, bank)
        assert facts.reconcile().residual == ()
    return facts


def test_each_side_counts_on_its_own_day_and_what_lies_between_is_carried() -> None:
    """The first payout leaves the 16th and arrives on the 17th; the second's five stand on the day it was due."""
    facts = reconciled((PAYOUTS, BANK))
    assert proofs(facts.connection, "stated_lines") == {
        ("10-14", "300.00", "290.00", "-10.00", "0.00", "0.00"),
        ("10-28", "300.00", "300.00", "0.00", "0.00", "0.00"),
    }
    assert proofs(facts.connection, "stated_bank") == {
        ("10-16", "300.00", "195.00", "-5.00", "-100.00", "0.00"),
        ("10-17", "0.00", "100.00", "0.00", "100.00", "0.00"),
        ("10-20", "0.00", "42.00", "42.00", "0.00", "0.00"),
        ("10-30", "300.00", "0.00", "0.00", "-300.00", "0.00"),
    }


def test_later_data_close_a_break_in_any_order_of_arrival() -> None:
    """What is closed is gone from the breaks, and the proof has the same rows whatever came first."""
    expected = {
        ("10-16", "300.00", "200.00", "0.00", "-100.00", "0.00"),
        ("10-17", "0.00", "100.00", "0.00", "100.00", "0.00"),
        ("10-20", "0.00", "42.00", "42.00", "0.00", "0.00"),
        ("10-30", "300.00", "0.00", "0.00", "-300.00", "0.00"),
        ("11-01", "0.00", "300.00", "0.00", "300.00", "0.00"),
    }
    for order in permutations([(PAYOUTS, ""), ("", BANK)]):
        facts = reconciled(*order, ("", LATER))
        assert proofs(facts.connection, "stated_bank") == expected
        assert set(breaks(facts.connection)) == {
            ("31000002", "settlement_does_not_foot", Decimal("-10.0000")),
            ("B3", "deposit_unexplained", Decimal("42.0000")),
        }


def test_what_a_chain_leaves_open_is_proved_in_total() -> None:
    """A reserve of 30 is held and 25 released: five are a break. What the last one holds is open, and no break."""
    facts = reconciled(("""
        | id       | ends  | total  | lines                                          |
        | 31000001 | 10-14 | 70.00  | sales 100.00, held -30.00                      |
        | 31000002 | 10-28 | 115.00 | sales 100.00, released 25.00, held -10.00      |""", ""))  # fmt: skip
    assert proofs(facts.connection, "reserve") == {(None, "40.00", "25.00", "-5.00", "-10.00", "0.00")}


def test_a_store_day_is_proved_by_comparison() -> None:
    """Ten of the tenders are missing; three in the drawer are within the tolerance and told to nobody."""
    facts = TillFacts().take(
        sold="| receipt | amount | on |\n| R1 | 100.00 | 10-14 |\n| R2 | 50.00 | 10-14 |\n| R3 | 20.00 | 10-15 |",
        tendered="| receipt | kind | amount | on |\n| R1 | card | 90.00 | 10-14 |\n| R2 | cash | 50.00 | 10-14 |\n"
        "| R3 | cash | 20.00 | 10-15 |",
        drawers="| cash | on |\n| 53.00 | 10-14 |\n| 20.00 | 10-15 |",
    )
    assert facts.compare().residual == ()
    assert proofs(facts.connection, "sales_tenders") == {
        ("10-14", "150.00", "140.00", "-10.00", "0.00", "0.00"),
        ("10-15", "20.00", "20.00", "0.00", "0.00", "0.00"),
    }
    assert proofs(facts.connection, "drawer") == {
        ("10-14", "50.00", "53.00", "0.00", "3.00", "0.00"),
        ("10-15", "20.00", "20.00", "0.00", "0.00", "0.00"),
    }
    found = read_reconciliations(facts.connection, KINDS, date(2026, 10, 17))
    assert found.shares == [("drawer", "USD", 2, "100.0 %", "100.0 %"), ("sales tenders", "USD", 2, "50.0 %", "11.7 %")]


def test_an_order_counts_on_its_own_day_and_what_is_awaited_is_carried() -> None:
    """The second order is not due yet; once it is settled nothing is carried."""
    facts = OrderFacts()
    for order_id, on, goods in (("A1", "10-05", "100.00"), ("A2", "10-06", "50.00")):
        facts.order({"id": order_id, "on": on, "goods": goods})
    facts.settle("S1", "10-14", "A1 goods 95.00")
    assert facts.compare().residual == ()
    first = ("10-05", "100.00", "95.00", "-5.00", "0.00", "0.00")
    assert proofs(facts.connection, "expected_settled") == {first, ("10-06", "50.00", "0.00", "0.00", "-50.00", "0.00")}
    facts.settle("S2", "10-20", "A2 goods 50.00")
    assert facts.compare().residual == ()
    assert proofs(facts.connection, "expected_settled") == {first, ("10-06", "50.00", "50.00", "0.00", "0.00", "0.00")}


def test_goods_are_proved_in_units() -> None:
    """Two of five sold are not posted, three are gone from the snapshot besides, one more from the count; two are oversold."""
    facts = StockFacts()
    facts.take(
        products="| sku | cost |\n| A-1 | 10.00 |",
        snapshots="| on | quantity | reserved |\n| 10-10 | 100 | |\n| 10-13 | 94 | 1 |",
        till="| on | quantity | receipt |\n| 10-12 | 3 | R1 |\n| 10-12 | 2 | R2 |",
        moved="| on | kind | quantity | reference |\n| 10-12 | sale | -3 | R1 |",
        counts="| on | quantity |\n| 10-13 | 93 |",
        listed="| sku | quantity |\n| A-1 | 95 |",
    )
    assert facts.compare().residual == ()
    assert proofs(facts.connection, "interface_sales") == {("10-12", "-5.00", "-3.00", "2.00", "0.00", "0.00")}
    assert proofs(facts.connection, "interface_snapshot") == {("10-13", "97.00", "94.00", "-3.00", "0.00", "0.00")}
    assert proofs(facts.connection, "count") == {("10-13", "94.00", "93.00", "-1.00", "0.00", "0.00")}
    assert proofs(facts.connection, "deliverable_listed") == {(None, "93.00", "95.00", "2.00", "0.00", "0.00")}


def test_a_rest_is_told_until_it_is_compared_again() -> None:
    """The check reads the table, so a run that finds nothing new must neither pass nor keep what does not hold."""
    facts = reconciled((PAYOUTS, BANK))
    facts.connection.execute("update reconcile.proofs set unexplained = 0.01 where business_date = '2026-10-20'")
    assert unexplained(facts.connection) == (
        "settlement deposit, stated bank on 2026-10-20 in USD: 0.01 is in no break",
    )
    assert facts.reconcile().residual == ()
    assert unexplained(facts.connection) == ()


def deposits(as_of: str) -> Reconciliations:
    """The payouts × bank as they stand on a day of October."""
    facts = reconciled((PAYOUTS, BANK))
    return read_reconciliations(facts.connection, KINDS, date.fromisoformat(f"2026-{as_of}")).of(["settlement_deposit"])


def test_the_matched_share_leaves_out_what_is_awaited() -> None:
    """Of two payouts and a stray line one is matched, 100 of 342; the third payout is not due."""
    assert deposits("10-23").shares == [("stated bank", "USD", 3, "33.3 %", "29.2 %")]


def test_a_break_is_overdue_from_the_day_after_its_days() -> None:
    """The short payment dates from the 16th and has seven days; on the 24th it is eight days old and late."""
    stray = ("missing left", "2-7 days", 1, "42.00 USD", 0)
    assert deposits("10-23").by_kind == [("amount", "2-7 days", 1, "5.00 USD", 0), stray]
    late = deposits("10-24")
    assert late.by_kind == [("amount", "8-30 days", 1, "5.00 USD", 1), stray]
    assert late.plot == [("2-7 days", "missing left", "USD", 4200), ("8-30 days", "amount", "USD", 500)]
    assert ageing_plot(late.plot, "Open").startswith(b"\x89PNG")
    assert late.summary == [
        {"reconciliation": "settlement_deposit", "compared": 3, "matched": "33.3 %", "open": 2, "value": "47.00 USD",
         "oldest": 8, "overdue": 1},
    ]  # fmt: skip


def test_weeks_begin_on_monday_and_the_newest_stands_first() -> None:
    """Friday the 16th is in the week of the 12th, Tuesday the 20th in that of the 19th."""
    assert deposits("10-24").weeks == [
        ("2026-10-19", "0.0 %", "0.0 %", 1, "42.00 USD"),
        ("2026-10-12", "50.0 %", "33.3 %", 1, "5.00 USD"),
    ]


@pytest.mark.parametrize(
    ("days", "age"),
    [
        (-1, "0-1"),
        (0, "0-1"),
        (1, "0-1"),
        (2, "2-7"),
        (7, "2-7"),
        (8, "8-30"),
        (30, "8-30"),
        (31, "31-90"),
        (90, "31-90"),
    ],
)
def test_the_ages_end_where_they_say(days: int, age: str) -> None:
    """The edges belong to the younger age."""
    assert age_group(days) == f"{age} days"
    assert age_group(91) == "over 90 days"
