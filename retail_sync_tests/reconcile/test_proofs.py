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
from retail_sync.reports.trend_plot import trend_plot
from retail_sync_tests.reconcile.facts import KINDS, Facts, breaks
from retail_sync_tests.reconcile.stock_facts import StockFacts
from retail_sync_tests.reconcile.test_orders import OrderFacts
from retail_sync_tests.reconcile.test_returns import ReturnFacts
from retail_sync_tests.reconcile.till_facts import TillFacts
from retail_sync_tests.reconcile.trace_facts import TraceFacts

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


MONTH = {
    "products": "| sku | cost |\n| A-1 | 10.00 |",
    # The cost of the second article is the snapshot's own; two of the first are sold after it and before the month ends.
    "snapshots": "| on | sku | quantity | cost |\n| 10-30 | A-1 | 7 | |\n| 10-30 | B-2 | 3 | 4.005 |",
    "moved": "| on | kind | quantity | reference |\n| 10-31 | sale | -2 | R1 |",
    "till": "| on | quantity | receipt |\n| 10-31 | 2 | R1 |",
}


@pytest.mark.parametrize("is_trued_up", [False, True])
def test_the_stock_of_a_month_end_is_proved_in_money(is_trued_up: bool) -> None:  # noqa: FBT001
    """Five at 10.00 and three at 4.005 are 62.015, in money 62.02; the ledger has 60.00, whoever books the rest."""
    facts = StockFacts()
    facts.take(**MONTH)
    assert facts.compare(lambda _: {"USD": Decimal("60.00")}, is_trued_up=is_trued_up).residual == ()
    assert proofs(facts.connection, "documents_valued") == {("10-31", "62.02", "62.02", "0.00", "0.00", "0.00")}
    assert proofs(facts.connection, "stock_ledger") == {("10-31", "62.02", "60.00", "-2.02", "0.00", "0.00")}


def test_a_month_without_a_cost_is_proved_as_far_as_it_is_known() -> None:
    """The third article has no cost: nothing is compared with the ledger, and the two others are worth what they were."""
    facts = StockFacts()
    facts.take(**MONTH)
    facts.take(snapshots="| on | sku | quantity |\n| 10-30 | C-3 | 1 |")
    assert facts.compare(lambda _: {"USD": Decimal("60.00")}).residual == ()
    assert proofs(facts.connection, "documents_valued") == {("10-31", "62.02", "62.02", "0.00", "0.00", "0.00")}
    assert proofs(facts.connection, "stock_ledger") == set()


def test_traces_hold_what_rows_say_and_a_lost_one_is_told_and_made_again() -> None:
    """A web order and two receipts; one order is paid in two currencies and has no sum."""
    facts = TraceFacts()
    facts.take(
        orders="| order | on | amount |\n| 1 | 10-01 | 30.00 |\n| 2 | 10-01 | 8.00 |",
        payments="""
            | order | on    | amount | currency | kind   |
            | 1     | 10-01 | 30.00  | USD      | charge |
            | 1     | 10-04 | -4.00  | USD      | refund |
            | 2     | 10-01 | 5.00   | USD      | charge |
            | 2     | 10-01 | 3.00   | EUR      | charge |""",
        settled="| in | order | on | amount |\n| P1 | 1 | 10-02 | 29.10 |\n| P1 | 2 | 10-02 | 4.90 |",
        till="| receipt | on | amount |\n| R1 | 10-01 | 7.00 |\n| R2 | 10-01 | -2.00 |",
        tenders="| receipt | on | amount |\n| R1 | 10-01 | 7.00 |\n| R2 | 10-01 | -2.00 |",
    )
    facts.trace()
    whole = {
        "charged": {(None, "30.00", "30.00", "0.00", "0.00", "0.00")},
        "settled": {(None, "29.10", "29.10", "0.00", "0.00", "0.00")},
        "tendered": {(None, "7.00", "7.00", "0.00", "0.00", "0.00")},
    }
    assert {name: proofs(facts.connection, f"documents_{name}") for name in whole} == whole
    facts.connection.execute("delete from reconcile.order_traces where order_id = 'R1'")
    facts.touch("1")
    facts.trace()
    told = ("order traces, documents tendered in USD: -7 is in no break",)
    assert unexplained(facts.connection) == told
    facts.trace()
    assert unexplained(facts.connection) == ()
    assert facts.only("R1")["paid_amount"] == 7


def test_a_card_payment_of_a_receipt_is_no_charge_of_an_order() -> None:
    """A processor's payment belongs to the till's receipt, or to the one order of its number, which is left out."""
    facts = TraceFacts()
    facts.take(
        orders="| order | on | amount |\n| 1 | 10-01 | 30.00 |\n| 9 | 10-01 | 6.00 |",
        payments="""
            | order | on    | amount | channel |
            | 1     | 10-01 | 30.00  | shopify |
            | 9     | 10-01 | 6.00   | square  |
            | R1    | 10-01 | 7.00   | square  |""",
        till="| receipt | on | amount |\n| R1 | 10-01 | 7.00 |",
        tenders="| receipt | on | amount |\n| R1 | 10-01 | 7.00 |",
    )
    facts.trace()
    assert proofs(facts.connection, "documents_charged") == {(None, "30.00", "30.00", "0.00", "0.00", "0.00")}
    assert unexplained(facts.connection) == ()


def test_an_order_that_lost_a_part_stops_the_run_until_it_is_compared_again() -> None:
    """The row of A1 is gone. The next run tells it, the one after that compares all orders and has it back."""
    facts = OrderFacts()
    for order_id, on, goods in (("A1", "10-05", "100.00"), ("A2", "10-06", "50.00")):
        facts.order({"id": order_id, "on": on, "goods": goods})
    facts.settle("S1", "10-14", "A1 goods 95.00")
    facts.compare()
    facts.connection.execute("delete from reconcile.order_settlements where order_id = 'A1'")
    facts.settle("S2", "10-20", "A2 goods 50.00")
    told = (
        "order settlement, documents expected in USD: -100 is in no break",
        "order settlement, documents settled in USD: -95 is in no break",
    )
    assert facts.compare().residual == told
    assert unexplained(facts.connection) == told
    assert facts.compare().residual == ()
    assert set(breaks(facts.connection)) == {("amazon A1 goods", "order_amount_differs", Decimal("-5.0000"))}


def test_a_difference_that_no_class_has_is_no_tolerance() -> None:
    """Five are missing and the row says that it matched: that is nobody's break, and nothing that is carried."""
    facts = OrderFacts()
    facts.order({"id": "A1", "on": "10-05", "goods": "100.00"})
    facts.settle("S1", "10-14", "A1 goods 95.00")
    facts.compare()
    facts.connection.execute("update reconcile.order_settlements set status = 'matched', kind = ''")
    facts.order({"id": "A2", "on": "10-06", "goods": "50.00"})
    assert facts.compare().residual == ("order settlement, expected settled on 2026-10-05 in USD: -5 is in no break",)


def test_a_refund_that_lost_its_row_stops_the_run_until_it_is_looked_at_again() -> None:
    """A web refund of 20.00, a till's of 6.00 and a processor's of the same: 26.00 are booked."""
    facts = ReturnFacts()
    facts.take(
        orders="| order | on | amount |\n| 7 | 10-01 | 105.00 |",
        payments="| order | on | kind | amount | channel |\n| 7 | 10-11 | refund | -20.00 | shopify |\n"
        "| R9 | 10-09 | refund | -6.00 | square |",
        settled="""
            | in | channel | order | on    | category      | amount |
            | P5 | shopify | 7     | 10-11 | order_refunds | -20.00 |
            | P6 | square  | R9    | 10-09 | order_refunds | -6.00  |""",
        till="| receipt | on | amount |\n| R9 | 10-09 | -6.00 |",
    )
    assert facts.reconcile_returns().residual == ()
    assert proofs(facts.connection, "documents_booked") == {(None, "26.00", "26.00", "0.00", "0.00", "0.00")}
    facts.connection.execute("delete from reconcile.returns where order_id = '7'")
    facts.touch("R9")
    told = ("returns, documents booked in USD: -20 is in no break",)
    assert facts.reconcile_returns().residual == told
    assert unexplained(facts.connection) == told
    assert facts.reconcile_returns().residual == ()
    assert facts.verdict("7")[1] == 20


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


def test_the_trend_has_every_week_and_comparison_oldest_first() -> None:
    """Of the first week's two payouts one matched, of the second week's stray line nothing."""
    trend = deposits("10-24").trend
    assert trend == [(date(2026, 10, 12), "stated bank", 2, 1), (date(2026, 10, 19), "stated bank", 1, 0)]
    assert trend_plot(trend, "Matched").startswith(b"\x89PNG")
