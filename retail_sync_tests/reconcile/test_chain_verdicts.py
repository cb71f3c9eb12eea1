"""From one settlement to the next, case by case: debts, reserves and transfers that failed.

How the tables are read: `verdicts.py`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync_tests.reconcile.facts import Facts, breaks, own_rules, statuses
from retail_sync_tests.reconcile.residuals import assert_breaks_explain_the_totals
from retail_sync_tests.reconcile.verdicts import assert_verdicts

CASES: dict[str, tuple[str, str]] = {
    "a debt charged to the card waits for the card statement": ("""
        | id       | ends  | total   | lines                                    | status        | breaks |
        | 31000001 | 10-14 | -140.00 | sales 60.00, fees -200.00                | awaiting_bank |        |
        | 31000002 | 10-28 | 80.00   | debt -140.00, charge 140.00, sales 80.00 | awaiting_bank |        |""", ""),
    "a debt charged to the card, and the card statement": ("""
        | id       | ends  | total   | lines                                    | status        | breaks |
        | 31000001 | 10-14 | -140.00 | sales 60.00, fees -200.00                | matched       |        |
        | 31000002 | 10-28 | 80.00   | debt -140.00, charge 140.00, sales 80.00 | awaiting_bank |        |""", """
        | date  | amount  | is       |
        | 10-16 | -140.00 | 31000001 |"""),
    "a debt that the next settlement earned": ("""
        | id       | ends  | total   | lines                      | status        | breaks |
        | 31000001 | 10-14 | -140.00 | sales 60.00, fees -200.00  | matched       |        |
        | 31000002 | 10-28 | 160.00  | debt -140.00, sales 300.00 | awaiting_bank |        |""", ""),
    "a debt carried through two settlements": ("""
        | id       | ends  | total   | lines                      | status        | breaks |
        | 31000001 | 10-14 | -140.00 | ads -140.00                | matched       |        |
        | 31000002 | 10-28 | -140.00 | debt -140.00               | matched       |        |
        | 31000003 | 11-11 | 10.00   | debt -140.00, sales 150.00 | awaiting_bank |        |""", ""),
    "an opening debt that no earlier settlement left": ("""
        | id       | ends  | total | lines                     | status        | breaks                          |
        | 31000001 | 10-14 | 50.00 | sales 50.00               | awaiting_bank |                                 |
        | 31000002 | 10-28 | 41.80 | debt -58.20, sales 100.00 | awaiting_bank | opening_debt_unexplained -58.20 |""", ""),
    "an opening debt, first in history, cannot be judged": ("""
        | id       | ends  | total | lines                     | status        | breaks |
        | 31000002 | 10-28 | 41.80 | debt -58.20, sales 100.00 | awaiting_bank |        |""", ""),
    "an opening debt of another account": ("""
        | id       | account | ends  | total  | lines                    | status        | breaks                          |
        | 31000001 | second  | 10-14 | -58.20 | ads -58.20               | awaiting_bank |                                 |
        | 31000002 | first   | 10-14 | 1.00   | sales 1.00               | awaiting_bank |                                 |
        | 31000003 | first   | 10-28 | 1.80   | debt -58.20, sales 60.00 | awaiting_bank | opening_debt_unexplained -58.20 |""",
        ""),
    "the reserve held is the reserve released": ("""
        | id       | ends  | total  | lines                        | status        | breaks |
        | 31000001 | 10-14 | 50.00  | sales 100.00, held -50.00    | awaiting_bank |        |
        | 31000002 | 10-28 | 150.00 | released 50.00, sales 100.00 | awaiting_bank |        |""", ""),
    "less reserve released than was held": ("""
        | id       | ends  | total  | lines                         | status        | breaks                      |
        | 31000001 | 10-14 | 50.00  | sales 365.00, held -315.00    | awaiting_bank |                             |
        | 31000002 | 10-28 | 367.50 | released 267.50, sales 100.00 | awaiting_bank | reserve_chain_broken -47.50 |""", ""),
    "no reserve released at all": ("""
        | id       | ends  | total  | lines                     | status        | breaks                      |
        | 31000001 | 10-14 | 50.00  | sales 100.00, held -50.00 | awaiting_bank |                             |
        | 31000002 | 10-28 | 100.00 | sales 100.00              | awaiting_bank | reserve_chain_broken -50.00 |""", ""),
    "a reserve released, first in history, cannot be judged": ("""
        | id       | ends  | total  | lines                        | status        | breaks |
        | 31000002 | 10-28 | 150.00 | released 50.00, sales 100.00 | awaiting_bank |        |""", ""),
    "a reserve released that nobody held": ("""
        | id       | ends  | total  | lines                        | status        | breaks                     |
        | 31000001 | 10-14 | 100.00 | sales 100.00                 | awaiting_bank |                            |
        | 31000002 | 10-28 | 150.00 | released 50.00, sales 100.00 | awaiting_bank | reserve_chain_broken 50.00 |""", ""),
    "the last reserve in history is simply open": ("""
        | id       | ends  | total | lines                     | status        | breaks |
        | 31000001 | 10-14 | 50.00 | sales 100.00, held -50.00 | awaiting_bank |        |""", ""),
    "a two-day settlement passes a grown reserve on": ("""
        | id       | starts | ends  | total  | lines                       | status        | breaks |
        | 31000001 | 09-27  | 10-11 | 50.00  | sales 100.00, held -50.00   | awaiting_bank |        |
        | 31000002 | 10-11  | 10-13 | -10.00 | released 50.00, held -60.00 | awaiting_bank |        |
        | 31000003 | 10-13  | 10-27 | 70.00  | released 60.00, sales 10.00 | awaiting_bank |        |""", ""),
    "daily payouts: the earlier of two settlements is not the next one": ("""
        | id       | starts | ends  | total | lines                                    | status        | breaks |
        | 31000001 | 10-10  | 10-11 | 50.00 | sales 100.00, held -50.00                | awaiting_bank |        |
        | 31000002 | 10-11  | 10-12 | 20.00 | released 50.00, held -60.00, sales 30.00 | awaiting_bank |        |""", ""),
    "daily payouts: the later of two settlements is not the one before": ("""
        | id       | starts | ends  | total | lines                       | status        | breaks |
        | 31000001 | 10-10  | 10-11 | 90.00 | released 40.00, sales 50.00 | awaiting_bank |        |
        | 31000002 | 10-11  | 10-12 | 30.00 | sales 30.00                 | awaiting_bank |        |""", ""),
    "daily payouts: two reserves that the next settlement does not release": ("""
        | id       | starts | ends  | total | lines                     | status        | breaks                       |
        | 31000001 | 10-10  | 10-12 | 50.00 | sales 100.00, held -50.00 | awaiting_bank |                              |
        | 31000002 | 10-10  | 10-12 | 20.00 | sales 90.00, held -70.00  | awaiting_bank |                              |
        | 31000003 | 10-12  | 10-13 | 30.00 | sales 30.00               | awaiting_bank | reserve_chain_broken -120.00 |""", ""),
    "periods that overlap by seconds over midnight": ("""
        | id       | starts         | ends           | total   | lines                       | status        | breaks |
        | 31000001 | 10-01T00:00:02 | 10-15T00:00:03 | 50.00   | sales 100.00, held -50.00   | awaiting_bank |        |
        | 31000002 | 10-14T23:59:58 | 10-28T23:59:59 | -140.00 | released 50.00, ads -190.00 | matched       |        |
        | 31000003 | 10-29T00:00:01 | 11-12T00:00:00 | 10.00   | debt -140.00, sales 150.00  | awaiting_bank |        |""", ""),
    "a payout that failed is not looked for at the bank": ("""
        | id       | ends  | total   | lines                                        | status  | breaks |
        | 31000001 | 10-14 | 1497.99 | 1497.99                                      | matched |        |
        | 31000002 | 10-28 | 1697.99 | failed_transfer 1497.99 @10-18, sales 200.00 | matched |        |""", """
        | date  | amount  | is       |
        | 10-30 | 1697.99 | 31000002 |"""),
    "a payout taken back that nobody announced": ("""
        | id       | ends  | total  | lines                        | status        | breaks                            |
        | 31000001 | 10-14 | 100.00 | 100.00                       | awaiting_bank |                                   |
        | 31000002 | 10-28 | 99.00  | failed_transfer 99.00 @10-18 | awaiting_bank | failed_transfer_unexplained 99.00 |""", ""),
    "a payout taken back that two announced": ("""
        | id       | ends  | total  | lines                         | status        | breaks                             |
        | 31000001 | 10-14 | 100.00 | 100.00                        | awaiting_bank |                                    |
        | 31000002 | 10-14 | 100.00 | 100.00                        | awaiting_bank |                                    |
        | 31000003 | 10-28 | 100.00 | failed_transfer 100.00 @10-18 | awaiting_bank | failed_transfer_unexplained 100.00 |""", ""),
    "a payout taken back, first in history, cannot be judged": ("""
        | id       | ends  | total  | lines                                     | status        | breaks |
        | 31000002 | 10-28 | 149.00 | failed_transfer 99.00 @10-18, sales 50.00 | awaiting_bank |        |""", ""),
    "daily payouts: a debt goes to the next settlement, not to the one after": ("""
        | id       | starts | ends  | total  | lines                     | status        | breaks |
        | 31000001 | 10-10  | 10-11 | -20.00 | ads -20.00                | matched       |        |
        | 31000002 | 10-11  | 10-12 | -20.00 | debt -20.00               | matched       |        |
        | 31000003 | 10-12  | 10-13 | -20.00 | debt -20.00               | matched       |        |
        | 31000004 | 10-13  | 10-14 | 10.00  | debt -20.00, sales 30.00  | awaiting_bank |        |""", ""),
    "daily payouts: each reserve goes to the next settlement": ("""
        | id       | starts | ends  | total | lines                                    | status        | breaks |
        | 31000001 | 10-10  | 10-11 | 50.00 | sales 100.00, held -50.00                | awaiting_bank |        |
        | 31000002 | 10-11  | 10-12 | 20.00 | released 50.00, held -50.00, sales 20.00 | awaiting_bank |        |
        | 31000003 | 10-12  | 10-13 | 30.00 | released 50.00, held -50.00, sales 30.00 | awaiting_bank |        |
        | 31000004 | 10-13  | 10-14 | 60.00 | released 50.00, sales 10.00              | awaiting_bank |        |""", ""),
    "a payout that failed twice": ("""
        | id       | ends  | total  | lines                                      | status        | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00                                     | matched       |        |
        | 31000002 | 10-28 | 150.00 | failed_transfer 100.00 @10-18, sales 50.00 | matched       |        |
        | 31000003 | 11-11 | 180.00 | failed_transfer 150.00 @11-02, sales 30.00 | awaiting_bank |        |""", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_chain(name: str) -> None:
    """A chain that is wrongly whole hides a missing settlement; one wrongly broken cries wolf."""
    assert_verdicts(*CASES[name])


def test_a_short_settlement_does_not_explain_itself() -> None:
    """It starts and ends within one window: its own debt and reserve must not look like its predecessor's."""
    facts = Facts()
    facts.arrive("""
        | id       | starts | ends  | total  | lines                                                             |
        | 31000001 | 10-12  | 10-14 | -58.20 | debt -58.20, released 50.00, held -50.00 |""")
    facts.reconcile()
    found = facts.connection.execute(
        "select opening_debt_status, opening_debt_of, reserve_status, reserve_of, carried_into, status "
        "from reconcile.settlement_totals"
    ).fetchall()
    assert found == [("open", None, "open", None, None, "awaiting_bank")]


def test_a_suggestion_is_no_verdict(tmp_path: Path) -> None:
    """Were it one, a rule that finance wanted to look at first would clear payouts, debts and reserves."""
    rules = own_rules(tmp_path / "rules", "match_rules", {"is_confirming": "true"}, is_confirming="false")
    facts = Facts(rules)
    facts.arrive("""
        | id       | ends  | total   | lines                                              |
        | 31000001 | 10-14 | 100.00  | sales 150.00, held -50.00          |
        | 31000002 | 10-28 | -140.00 | released 50.00, ads -190.00        |
        | 31000003 | 11-11 | 10.00   | debt -140.00, sales 150.00         |
        | 31000004 | 11-25 | 15.00   | failed_transfer 10.00 @11-14, sales 5.00   |""", """
        | date  | amount |
        | 10-16 | 100.00 |
        | 12-15 | 7.00   |""")  # fmt: skip
    report = facts.reconcile()
    suggested = facts.connection.execute("select reconciliation, is_confirmed from reconcile.matches").fetchall()
    assert {name for name, _ in suggested} == {"failed_transfer", "settlement_deposit", "opening_debt", "reserve"}
    assert not any(is_confirmed for _, is_confirmed in suggested)
    found = statuses(facts.connection)
    assert {found[f"3100000{number}"] for number in range(1, 5)} == {"awaiting_bank"}
    assert {(code, subject) for subject, code, _ in breaks(facts.connection)} == {
        ("deposit_overdue", "31000001"),
        ("deposit_unexplained", "BANK-1"),
        ("deposit_unexplained", "BANK-2"),
        ("reserve_chain_broken", "31000002"),
        ("opening_debt_unexplained", "31000003"),
        ("deposit_overdue", "31000003"),
        ("deposit_overdue", "31000004"),
        ("failed_transfer_unexplained", "31000004"),
    }
    assert report.residual == ()
    assert assert_breaks_explain_the_totals(facts.connection) == set()


def test_a_verdict_names_what_it_rests_on() -> None:
    """An auditor asks: which bank line, which earlier settlement, by which rule?"""
    facts = Facts()
    facts.arrive("""
        | id       | ends  | total   | lines                                                            |
        | 31000001 | 10-14 | -140.00 | sales 60.00, fees -200.00                        |
        | 31000002 | 10-28 | 110.00  | debt -140.00, sales 300.00, held -50.00  |
        | 31000003 | 11-11 | 60.00   | released 50.00, sales 10.00                      |""", """
        | date  | amount |
        | 10-31 | 110.00 |""")  # fmt: skip
    facts.reconcile()
    found = facts.connection.execute(
        "select settlement_id, carried_into, bank_transaction_id, opening_debt_status, opening_debt_of, reserve_status, "
        "reserve_of from reconcile.settlement_totals order by 1"
    ).fetchall()
    assert found == [
        ("31000001", "31000002", None, "none", None, "none", None),
        ("31000002", None, "BANK-1", "matched", "31000001", "none", None),
        ("31000003", None, None, "none", None, "matched", "31000002"),
    ]
    matches = facts.connection.execute(
        "select reconciliation, left_id, right_id, rule_id, rule_version, difference from reconcile.matches order by 1"
    ).fetchall()
    assert matches == [
        ("opening_debt", "31000001", "31000002", "exact_amount_same_day", 1, Decimal(0)),
        ("reserve", "31000002", "31000003", "exact_amount_same_day", 1, Decimal(0)),
        ("settlement_deposit", "31000002", "bank:Main:BANK-1", "exact_amount_in_window", 1, Decimal(0)),
    ]


def test_periods_a_few_seconds_apart_are_one_chain() -> None:
    """One ends at 23:59:57 and the next begins at 00:00:01 of the next day: debt and reserve pass on as on any other day."""
    assert_verdicts("""
        | id       | starts         | ends           | total  | lines                               | status        | breaks |
        | 31000001 | 09-30T00:00:01 | 10-14T23:59:57 | -58.20 | sales 1.80, held -60.00             | matched       |        |
        | 31000002 | 10-15T00:00:01 | 10-28T23:59:57 | 141.80 | debt -58.20, released 60, sales 140 | awaiting_bank |        |
        | 31000003 | 10-29T00:00:01 | 11-11T23:59:57 | 41.80  | sales 41.80                         | awaiting_bank |        |""",
        "")  # fmt: skip


def test_seconds_between_periods_hide_nothing() -> None:
    """Held at 23:59:57, nothing released from 00:00:01 on; and a debt that the settlement before did not leave."""
    assert_verdicts("""
        | id       | starts         | ends           | total | lines                     | status        | breaks             |
        | 31000001 | 09-30T00:00:01 | 10-14T23:59:57 | 50.00 | sales 110.00, held -60.00 | awaiting_bank |                    |
        | 31000002 | 10-15T00:00:01 | 10-28T23:59:57 | 41.80 | debt -58.20, sales 100.00 | awaiting_bank | """
        "opening_debt_unexplained -58.20; reserve_chain_broken -60.00 |", "")  # fmt: skip
