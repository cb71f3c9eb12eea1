"""Which entries a settlement asks for: one a month, failed transfers, the deposit, and what a changed rule does to them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_sync.journal.rules import LEGS, Policies, PostingRules
from retail_sync.journal.settlement import Settlement, settlement_entries
from retail_sync.journal.settlement_parts import Component
from retail_sync.journal.validation import SETTLEMENT_VALIDATIONS, deposit_differs
from retail_sync_tests.journal.tracing import assert_legs_trace_to_their_lines
from retail_sync_tests.reconcile.facts import RULES, Entry, Facts, entries, own_rules


def journalled(settlements: str, bank: str = "", policies: Policies | None = None) -> dict[str, Entry]:
    """The entries of a few settlements, after every leg was traced to its lines."""
    facts = Facts()
    facts.arrive(settlements, bank)
    facts.reconcile()
    facts.journal(*([policies] if policies else []))
    assert_legs_trace_to_their_lines(facts.connection)
    return entries(facts.connection)


def entry(day: str, legs: str) -> Entry:
    """An entry as `account minor | account minor`."""
    pairs = [pair.split() for pair in legs.split(" | ")]
    return date.fromisoformat(day), Counter((account, int(minor)) for account, minor in pairs)


def test_three_months_park_and_take_back() -> None:
    """A long first settlement: each month keeps its own revenue, the last one pays."""
    found = journalled("""
        | id       | starts | ends  | total  | lines                                                                    |
        | 31000001 | 08-20  | 10-03 | 135.00 | sales 40.00 @08-25, fees -50.00 @08-31, sales 100.00 @09-15, sales 45.00 |""")
    assert found == {
        "amazon:settlement:31000001:2026-08": entry("2026-08-31", "4000 -4000 | 6000 5000 | 1140 -1000"),
        "amazon:settlement:31000001:2026-09": entry("2026-09-30", "4000 -10000 | 1140 10000"),
        "amazon:settlement:31000001:2026-10": entry("2026-10-03", "4000 -4500 | 1140 -9000 | 1120 13500"),
    }


def test_a_closing_month_without_lines_still_pays() -> None:
    """The period closed on the second, with nothing sold since: the payout must not be lost."""
    found = journalled("""
        | id       | ends  | total  | lines               |
        | 31000001 | 11-02 | 100.00 | sales 100.00 @10-30 |""")
    assert found == {
        "amazon:settlement:31000001:2026-10": entry("2026-10-31", "4000 -10000 | 1140 10000"),
        "amazon:settlement:31000001:2026-11": entry("2026-11-02", "1140 -10000 | 1120 10000"),
    }


def test_a_month_that_sums_to_zero_parks_nothing() -> None:
    """A leg of zero is noise; the entry of the month still shows its revenue and fees."""
    found = journalled("""
        | id       | ends  | total | lines                                                    |
        | 31000001 | 11-02 | 7.00  | sales 50.00 @10-30, ads -50.00 @10-31, sales 7.00 @11-01 |""")
    assert found == {
        "amazon:settlement:31000001:2026-10": entry("2026-10-31", "4000 -5000 | 6100 5000"),
        "amazon:settlement:31000001:2026-11": entry("2026-11-02", "4000 -700 | 1120 700"),
    }


def test_a_line_dated_after_the_period_is_booked_where_the_settlement_closes() -> None:
    """Amazon lists lines a few seconds late; a month of their own would be booked before anybody looks at it."""
    found = journalled("""
        | id       | ends  | total | lines                                  |
        | 31000001 | 10-31 | 60.00 | sales 50.00 @10-30, sales 10.00 @11-01 |""")
    assert found == {"amazon:settlement:31000001:2026-10": entry("2026-10-31", "4000 -6000 | 1120 6000")}


PAID = """
    | id       | account | ends  | total   | lines       |
    | 31000001 | a       | 10-14 | 100.00  | 100.00      |
    | 31000002 | b       | 10-14 | 200.00  | 200.00      |
    | 31000003 | c       | 10-14 | -140.00 | ads -140.00 |"""
ITS_BANK = """
    | date  | amount  | reference       |
    | 10-17 | 100.00  | AMAZON 31000001 |
    | 10-17 | 175.00  | AMAZON 31000002 |
    | 10-17 | -140.00 | AMAZON 31000003 |"""


def test_deposits_are_booked_with_what_the_bank_shows() -> None:
    """Of 200.00 came 175.00: that much is in the bank. A card charge is booked where the settlement states it, not twice."""
    found = {key: legs for key, legs in journalled(PAID, ITS_BANK).items() if ":deposit:" in key}
    assert found == {
        "amazon:deposit:31000001": entry("2026-10-17", "1000 10000 | 1120 -10000"),
        "amazon:deposit:31000002": entry("2026-10-17", "1000 17500 | 1120 -17500"),
    }


def test_a_deposit_of_another_amount_than_the_bank_shows_is_refused() -> None:
    """The last look before the ledger: whatever made the entry, the bank account must follow the statement."""
    paid = Settlement("31000002", "amazon", "USD", date(2026, 10, 14), Decimal(200), date(2026, 10, 17), Decimal(175))
    made = settlement_entries(
        paid, [component("product_sales", "200.00", "2026-10-14")], PostingRules.read(RULES), "journal"
    )
    assert deposit_differs(made, paid) == ""
    reason = deposit_differs(made, replace(paid, bank_amount=Decimal(200)))
    assert reason == "its deposit is 17500 minor units, the bank shows 20000"


def test_a_payout_that_the_bank_debits_is_booked_on_its_bank_line() -> None:
    """A shop whose refunds exceed its sales pays from the bank account; nothing else books that."""
    owed = Settlement(
        "PO-9", "shopify", "USD", date(2026, 10, 14), Decimal("-20.00"), date(2026, 10, 16), Decimal("-20.00")
    )
    refund = Component(date(2026, 10, 1), None, "order_refunds", "", Decimal("-20.00"))
    made = {one.kind: one for one in settlement_entries(owed, [refund], PostingRules.read(RULES), "journal")}
    assert Counter((leg.line.account, leg.line.home_minor) for leg in made["deposit"].legs) == {
        ("1000", -2000): 1,
        ("1120", 2000): 1,
    }


def test_where_the_ledgers_bank_feed_books_deposits_we_do_not() -> None:
    """Two systems booking one deposit would double the bank balance."""
    found = journalled(PAID, ITS_BANK, Policies(home_currency="", deposits="bank_feed"))
    assert sorted(found) == [f"amazon:settlement:3100000{number}:2026-10" for number in (1, 2, 3)]


def test_a_changed_policy_takes_back_the_deposits_it_no_longer_wants() -> None:
    """Desired entries say what policy says today, without a new delivery."""
    facts = Facts()
    facts.arrive(PAID, ITS_BANK)
    facts.reconcile()
    facts.journal()
    assert "amazon:deposit:31000001" in entries(facts.connection)
    facts.journal(Policies(home_currency="", deposits="bank_feed"))
    assert "amazon:deposit:31000001" not in entries(facts.connection)


def test_transfers_that_failed_leave_transit_on_their_own_day() -> None:
    """Two failures in one settlement are two entries; their money waits with the marketplace until it pays."""
    found = journalled("""
        | id       | ends  | total  | lines                                                                    |
        | 31000002 | 10-28 | 180.00 | failed_transfer 100.00 @10-16, failed_transfer 50.00 @10-20, sales 30.00 |""")
    assert found == {
        "amazon:failed-transfer:31000002:2026-10-16": entry("2026-10-16", "1130 10000 | 1120 -10000"),
        "amazon:failed-transfer:31000002:2026-10-20": entry("2026-10-20", "1130 5000 | 1120 -5000"),
        "amazon:settlement:31000002:2026-10": entry("2026-10-28", "1130 -15000 | 4000 -3000 | 1120 18000"),
    }


def component(category: str, amount: str, day: str, marketplace: str = "Amazon.com") -> Component:
    """A sum of one category in the month of a day."""
    on = date.fromisoformat(day)
    event = on if category == "failed_transfer" else None
    return Component(on.replace(day=1), event, category, marketplace, Decimal(amount))


def test_transfers_that_failed_on_one_day_are_one_entry() -> None:
    """The day is in the key: two entries would share it, and the ledger would refuse the second."""
    one = Settlement("31000002", "amazon", "USD", date(2026, 10, 28), Decimal(150), None, None)
    components = [
        component("failed_transfer", "100.00", "2026-10-16"),
        component("failed_transfer", "50.00", "2026-10-16", ""),
    ]
    found = settlement_entries(one, components, PostingRules.read(RULES), "journal")
    assert [made.entry_key for made in found] == [
        "amazon:settlement:31000002:2026-10",
        "amazon:failed-transfer:31000002:2026-10-16",
    ]
    assert [leg.line.home_minor for leg in found[1].legs] == [5000, 10000, -15000]


def bodies(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str]]:
    """Entry key → hashes of its body and of the facts under it."""
    rows = connection.execute("select entry_key, body_hash, facts_hash from journal.entries").fetchall()
    return {key: (body, facts) for key, body, facts in rows}


def test_changed_posting_rules_rebuild_every_desired_entry(tmp_path: Path) -> None:
    """Old entries under a new rule must be visible as a difference; the facts under them are the same."""
    facts = Facts()
    facts.arrive("""
        | id       | ends  | total | lines                     |
        | 31000001 | 10-14 | 85.00 | sales 100.00, fees -15.00 |
        | 31000002 | 10-28 | 30.00 | sales 30.00               |""")
    facts.reconcile()
    assert facts.journal().touched == 2
    before = bodies(facts.connection)
    assert facts.journal().touched == 0
    facts.rules = own_rules(tmp_path / "rules", "posting_rules", {"category": "referral_fee"}, account="6040")
    assert facts.journal().touched == 2
    after = bodies(facts.connection)
    first, second = "amazon:settlement:31000001:2026-10", "amazon:settlement:31000002:2026-10"
    assert entries(facts.connection)[first] == entry("2026-10-14", "4000 -10000 | 6040 1500 | 1120 8500")
    assert after[first][0] != before[first][0]
    assert after[first][1] == before[first][1]
    assert after[second] == before[second]
    facts.rules = RULES
    facts.journal()
    assert bodies(facts.connection) == before


def test_a_re_issue_with_other_lines_and_the_same_total_changes_the_entry() -> None:
    """Its verdict and its count of lines are the same, its books are not."""
    facts = Facts()
    for lines, legs in (
        ("sales 60.00, shipping_income 20.00", "4000 -6000 | 4010 -2000 | 1120 8000"),
        ("sales 70.00, shipping_income 10.00", "4000 -7000 | 4010 -1000 | 1120 8000"),
    ):
        facts.arrive(f"| id | ends | total | lines |\n| 31000001 | 10-14 | 80.00 | {lines} |")
        facts.reconcile()
        facts.journal()
        assert entries(facts.connection) == {"amazon:settlement:31000001:2026-10": entry("2026-10-14", legs)}


CATEGORIES = sorted(set(PostingRules.read(RULES).by_category) - set(LEGS))
COMPONENTS = st.lists(
    st.tuples(
        st.sampled_from(CATEGORIES),
        st.integers(-1_000_000, 1_000_000).map(lambda cents: f"{Decimal(cents).scaleb(-2)}"),
        st.sampled_from(["2026-08-31", "2026-09-30", "2026-10-07"]),
        st.sampled_from(["Amazon.com", ""]),
    ),
    max_size=12,
    unique_by=lambda row: (row[0], row[2], row[3]),
)


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(rows=COMPONENTS)
def test_whatever_foots_passes_every_validation(rows: list[tuple[str, str, str, str]]) -> None:
    """Any mix of categories, months and signs: balanced entries, payout legs = total, nothing carried for ever."""
    rules = PostingRules.read(RULES)
    components = [component(*row) for row in rows]
    total = sum((one.amount for one in components), Decimal(0))
    settlement = Settlement("31000001", "amazon", "USD", date(2026, 10, 14), total, None, None)
    made = settlement_entries(settlement, components, rules, "journal")
    assert [reason for one in made if (reason := one.entry.imbalance())] == []
    assert {leg.line.account for one in made for leg in one.legs} <= set(rules.chart)
    assert [reason for check in SETTLEMENT_VALIDATIONS if (reason := check(made, settlement))] == []
    assert len({one.entry_key for one in made}) == len(made)
    for one in made:
        assert sum(leg.line.home_minor for leg in one.legs) == 0
    legs = [leg for one in made if one.kind == "settlement" for leg in one.legs]
    assert sum(leg.line.home_minor for leg in legs if leg.line.role == "payout") == total * 100
    for category in {one.category for one in components}:
        wanted = -sum(one.amount for one in components if one.category == category) * 100
        assert sum(leg.line.home_minor for leg in legs if leg.category == category) == wanted
