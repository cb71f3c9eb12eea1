"""The verdict on a settlement, case by case: lines × header × bank, and the chains of debts and reserves.

Columns `status` and `breaks` of the tables are what is expected; a break is written with its value
(right - left) in the currency of the settlement. In the bank table `is` names what a line is:
the settlement it pays, `unexplained`, `ambiguous`, or nothing where it is none of ours.
After every case the breaks must explain the differences of the totals to the cent.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync_tests.reconcile.facts import Facts, breaks, own_rules, pipe_table, statuses
from retail_sync_tests.reconcile.residuals import assert_breaks_explain_the_totals

# Unless it says otherwise a period lasts 14 days, the deposit date is 2 days after its end, and a
# bank line comes from AMAZON PAYMENTS. The bank shows money 1 day before to 5 days after that date.
CASES = {
    "lines and header agree, no bank statement yet": ("""
        | id       | ends  | total  | lines  | status        | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00 | awaiting_bank |        |""", ""),
    "lines sum to less than the header states": ("""
        | id       | ends  | total  | lines | status   | breaks                          |
        | 31000001 | 10-14 | 100.00 | 76.20 | variance | settlement_does_not_foot -23.80 |""", ""),
    "lines sum to a cent more": ("""
        | id       | ends  | total  | lines  | status   | breaks                        |
        | 31000001 | 10-14 | 100.00 | 100.01 | variance | settlement_does_not_foot 0.01 |""", ""),
    "a rejected row, though the rest happens to foot": ("""
        | id       | ends  | total  | lines  | rejected | status   | breaks          |
        | 31000001 | 10-14 | 100.00 | 100.00 | 1        | variance | rows_rejected - |""", ""),
    "a line that no rule knows": ("""
        | id       | ends  | total | lines                                     | status        | breaks                          |
        | 31000001 | 10-14 | 87.60 | product_sales 100.00, unclassified -12.40 | awaiting_bank | settlement_unclassified -12.40 |""",
        ""),
    "the header is missing": ("""
        | id       | ends  | total | lines  | status    | breaks                           |
        | 31000001 | 10-14 | -     | 100.00 | left_only | settlement_header_missing 100.00 |""", ""),
    "a header without lines": ("""
        | id       | ends  | total  | lines | status     | breaks                           |
        | 31000001 | 10-14 | 100.00 | -     | right_only | settlement_does_not_foot -100.00 |""", ""),
    "an account without any movement": ("""
        | id       | ends  | total | lines | status  | breaks |
        | 31000001 | 10-14 | 0.00  | -     | matched |        |""", ""),
    "a total of zero needs no deposit": ("""
        | id       | ends  | total | lines                                    | status  | breaks |
        | 31000001 | 10-14 | 0.00  | product_sales 40.00, advertising -40.00 | matched |        |""", """
        | date  | amount | reference  | is |
        | 11-20 | 1.00   | a customer |    |"""),
    "the deposit equals the total": ("""
        | id       | ends  | total  | lines  | status  | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00 | matched |        |""", """
        | date  | amount | is       |
        | 10-17 | 100.00 | 31000001 |"""),
    "the deposit names the settlement": ("""
        | id       | ends  | total  | lines  | status  | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00 | matched |        |
        | 31000002 | 10-14 | 100.00 | 100.00 | matched |        |""", """
        | date  | amount | reference                 | is       |
        | 10-16 | 100.00 | AMZN 31000002/DISBURSE    | 31000002 |
        | 10-16 | 100.00 | transfer 31000001, no payer | 31000001 |"""),
    "the deposit is short": ("""
        | id       | ends  | total  | lines  | status   | breaks                 |
        | 31000001 | 10-14 | 100.00 | 100.00 | variance | deposit_differs -25.00 |""", """
        | date  | amount | reference       | is       |
        | 10-16 | 75.00  | AMAZON 31000001 | 31000001 |"""),
    "the deposit is more": ("""
        | id       | ends  | total  | lines  | status   | breaks               |
        | 31000001 | 10-14 | 100.00 | 100.00 | variance | deposit_differs 3.00 |""", """
        | date  | amount | reference       | is       |
        | 10-16 | 103.00 | AMAZON 31000001 | 31000001 |"""),
    "a short deposit that names nothing is not guessed": ("""
        | id       | ends  | total  | lines  | status        | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00 | awaiting_bank |        |""", """
        | date  | amount | is          |
        | 10-16 | 75.00  | unexplained |"""),
    "the deposit is missing and the statement reaches beyond its days": ("""
        | id       | ends  | total  | lines  | status        | breaks                 |
        | 31000001 | 10-14 | 100.00 | 100.00 | awaiting_bank | deposit_overdue 100.00 |""", """
        | date  | amount | reference  | is |
        | 10-21 | 1.00   | a customer |    |"""),
    "the statement does not reach the due date": ("""
        | id       | ends  | total  | lines  | status        | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00 | awaiting_bank |        |""", """
        | date  | amount | reference  | is |
        | 10-20 | 1.00   | a customer |    |"""),
    "a statement in another currency says nothing": ("""
        | id       | ends  | total  | lines  | status        | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00 | awaiting_bank |        |""", """
        | date  | amount | currency | is          |
        | 10-16 | 100.00 | EUR      | unexplained |
        | 11-20 | 1.00   | EUR      | unexplained |"""),
    "the deposit comes one day before its date": ("""
        | id       | ends  | total  | lines  | status  | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00 | matched |        |""", """
        | date  | amount | is       |
        | 10-15 | 100.00 | 31000001 |"""),
    "a deposit two days early is somebody else's": ("""
        | id       | ends  | total  | lines  | status        | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00 | awaiting_bank |        |""", """
        | date  | amount | is          |
        | 10-14 | 100.00 | unexplained |"""),
    "a deposit six days late is not taken by its amount alone": ("""
        | id       | ends  | total  | lines  | status        | breaks                 |
        | 31000001 | 10-14 | 100.00 | 100.00 | awaiting_bank | deposit_overdue 100.00 |""", """
        | date  | amount | is          |
        | 10-22 | 100.00 | unexplained |"""),
    "a late deposit that names the settlement is its own": ("""
        | id       | ends  | total  | lines  | status  | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00 | matched |        |""", """
        | date  | amount | reference       | is       |
        | 11-20 | 100.00 | AMAZON 31000001 | 31000001 |"""),
    "two equal deposits for one total": ("""
        | id       | ends  | total  | lines  | status        | breaks                   |
        | 31000001 | 10-14 | 100.00 | 100.00 | awaiting_bank | deposit_ambiguous 100.00 |""", """
        | date  | amount | is        |
        | 10-16 | 100.00 | ambiguous |
        | 10-17 | 100.00 | ambiguous |
        | 11-20 | 7.00   | unexplained |"""),
    "two equal totals and two equal deposits": ("""
        | id       | ends  | total  | lines  | status        | breaks                   |
        | 31000001 | 10-12 | 100.00 | 100.00 | awaiting_bank | deposit_ambiguous 100.00 |
        | 31000002 | 10-14 | 100.00 | 100.00 | awaiting_bank | deposit_ambiguous 100.00 |""", """
        | date  | amount | is        |
        | 10-16 | 100.00 | ambiguous |
        | 10-16 | 100.00 | ambiguous |"""),
    "a deposit that came and was sent back": ("""
        | id       | ends  | total  | lines  | status  | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00 | matched |        |""", """
        | date  | amount  | reference              | is          |
        | 10-16 | 100.00  | AMAZON 31000001        | 31000001    |
        | 10-18 | -100.00 | RETURN AMAZON 31000001 | unexplained |"""),
    "a deposit of a settlement that nobody delivered": ("", """
        | date  | amount | is          |
        | 10-16 | 684.37 | unexplained |"""),
    "bank lines of others are ignored": ("""
        | id       | ends  | total  | lines  | status        | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00 | awaiting_bank |        |""", """
        | date  | amount | reference            | is |
        | 10-16 | 100.00 | SHOPIFY PAYOUT       |    |
        | 10-16 | 100.00 | invoice 310000019999 |    |"""),
    "a debt charged to the card waits for the card statement": ("""
        | id       | ends  | total   | lines                                       | status        | breaks |
        | 31000001 | 10-14 | -140.00 | product_sales 60.00, referral_fee -200.00   | awaiting_bank |        |
        | 31000002 | 10-28 | 80.00   | opening_debt -140.00, card_charge 140.00, product_sales 80.00 | awaiting_bank | |""", ""),
    "a debt charged to the card, and the card statement": ("""
        | id       | ends  | total   | lines                                       | status        | breaks |
        | 31000001 | 10-14 | -140.00 | product_sales 60.00, referral_fee -200.00   | matched       |        |
        | 31000002 | 10-28 | 80.00   | opening_debt -140.00, card_charge 140.00, product_sales 80.00 | awaiting_bank | |""", """
        | date  | amount  | is       |
        | 10-16 | -140.00 | 31000001 |"""),
    "a debt that the next settlement earned": ("""
        | id       | ends  | total   | lines                                     | status        | breaks |
        | 31000001 | 10-14 | -140.00 | product_sales 60.00, referral_fee -200.00 | matched       |        |
        | 31000002 | 10-28 | 160.00  | opening_debt -140.00, product_sales 300.00 | awaiting_bank |       |""", ""),
    "a debt carried through two settlements": ("""
        | id       | ends  | total   | lines                | status        | breaks |
        | 31000001 | 10-14 | -140.00 | advertising -140.00  | matched       |        |
        | 31000002 | 10-28 | -140.00 | opening_debt -140.00 | matched       |        |
        | 31000003 | 11-11 | 10.00   | opening_debt -140.00, product_sales 150.00 | awaiting_bank | |""", ""),
    "an opening debt that no earlier settlement left": ("""
        | id       | ends  | total | lines                                   | status        | breaks                        |
        | 31000001 | 10-14 | 50.00 | product_sales 50.00                     | awaiting_bank |                               |
        | 31000002 | 10-28 | 41.80 | opening_debt -58.20, product_sales 100.00 | awaiting_bank | opening_debt_unexplained -58.20 |""", ""),
    "an opening debt, first in history, cannot be judged": ("""
        | id       | ends  | total | lines                                     | status        | breaks |
        | 31000002 | 10-28 | 41.80 | opening_debt -58.20, product_sales 100.00 | awaiting_bank |        |""", ""),
    "an opening debt of another account": ("""
        | id       | account | ends  | total  | lines                                    | status        | breaks                        |
        | 31000001 | second  | 10-14 | -58.20 | advertising -58.20                       | awaiting_bank |                               |
        | 31000002 | first   | 10-14 | 1.00   | product_sales 1.00                       | awaiting_bank |                               |
        | 31000003 | first   | 10-28 | 41.80  | opening_debt -58.20, product_sales 100.00 | awaiting_bank | opening_debt_unexplained -58.20 |""",
        ""),
    "the reserve held is the reserve released": ("""
        | id       | ends  | total  | lines                                   | status        | breaks |
        | 31000001 | 10-14 | 50.00  | product_sales 100.00, reserve_held -50.00 | awaiting_bank |      |
        | 31000002 | 10-28 | 150.00 | reserve_released 50.00, product_sales 100.00 | awaiting_bank |   |""", ""),
    "less reserve released than was held": ("""
        | id       | ends  | total  | lines                                   | status        | breaks                      |
        | 31000001 | 10-14 | 50.00  | product_sales 365.00, reserve_held -315.00 | awaiting_bank |                          |
        | 31000002 | 10-28 | 367.50 | reserve_released 267.50, product_sales 100.00 | awaiting_bank | reserve_chain_broken -47.50 |""", ""),
    "no reserve released at all": ("""
        | id       | ends  | total  | lines                                   | status        | breaks                      |
        | 31000001 | 10-14 | 50.00  | product_sales 100.00, reserve_held -50.00 | awaiting_bank |                           |
        | 31000002 | 10-28 | 100.00 | product_sales 100.00                    | awaiting_bank | reserve_chain_broken -50.00 |""", ""),
    "a reserve released, first in history, cannot be judged": ("""
        | id       | ends  | total  | lines                                        | status        | breaks |
        | 31000002 | 10-28 | 150.00 | reserve_released 50.00, product_sales 100.00 | awaiting_bank |        |""", ""),
    "a reserve released that nobody held": ("""
        | id       | ends  | total  | lines                                        | status        | breaks |
        | 31000001 | 10-14 | 100.00 | product_sales 100.00                         | awaiting_bank |        |
        | 31000002 | 10-28 | 150.00 | reserve_released 50.00, product_sales 100.00 | awaiting_bank | reserve_chain_broken 50.00 |""", ""),
    "the last reserve in history is simply open": ("""
        | id       | ends  | total | lines                                     | status        | breaks |
        | 31000001 | 10-14 | 50.00 | product_sales 100.00, reserve_held -50.00 | awaiting_bank |        |""", ""),
    "a two-day settlement passes a grown reserve on": ("""
        | id       | starts | ends  | total  | lines                                       | status        | breaks |
        | 31000001 | 09-27  | 10-11 | 50.00  | product_sales 100.00, reserve_held -50.00   | awaiting_bank |        |
        | 31000002 | 10-11  | 10-13 | -10.00 | reserve_released 50.00, reserve_held -60.00 | awaiting_bank |        |
        | 31000003 | 10-13  | 10-27 | 70.00  | reserve_released 60.00, product_sales 10.00 | awaiting_bank |        |""", ""),
    "daily payouts: the earlier of two settlements is not the next one": ("""
        | id       | starts | ends  | total | lines                                                           | status        | breaks |
        | 31000001 | 10-10  | 10-11 | 50.00 | product_sales 100.00, reserve_held -50.00                       | awaiting_bank |        |
        | 31000002 | 10-11  | 10-12 | 20.00 | reserve_released 50.00, reserve_held -60.00, product_sales 30.00 | awaiting_bank |       |""", ""),
    "daily payouts: the later of two settlements is not the one before": ("""
        | id       | starts | ends  | total | lines                                       | status        | breaks |
        | 31000001 | 10-10  | 10-11 | 90.00 | reserve_released 40.00, product_sales 50.00 | awaiting_bank |        |
        | 31000002 | 10-11  | 10-12 | 30.00 | product_sales 30.00                         | awaiting_bank |        |""", ""),
    "daily payouts: two reserves that the next settlement does not release": ("""
        | id       | starts | ends  | total | lines                                     | status        | breaks                       |
        | 31000001 | 10-10  | 10-12 | 50.00 | product_sales 100.00, reserve_held -50.00 | awaiting_bank |                              |
        | 31000002 | 10-10  | 10-12 | 20.00 | product_sales 90.00, reserve_held -70.00  | awaiting_bank |                              |
        | 31000003 | 10-12  | 10-13 | 30.00 | product_sales 30.00                       | awaiting_bank | reserve_chain_broken -120.00 |""", ""),
    "periods that overlap by seconds over midnight": ("""
        | id       | starts         | ends           | total   | lines                                     | status        | breaks |
        | 31000001 | 10-01T00:00:02 | 10-15T00:00:03 | 50.00   | product_sales 100.00, reserve_held -50.00 | awaiting_bank |        |
        | 31000002 | 10-14T23:59:58 | 10-28T23:59:59 | -140.00 | reserve_released 50.00, advertising -190.00 | matched |        |
        | 31000003 | 10-29T00:00:01 | 11-12T00:00:00 | 10.00   | opening_debt -140.00, product_sales 150.00 | awaiting_bank |       |""",
        ""),
    "a payout that failed is not looked for at the bank": ("""
        | id       | ends  | total    | lines                                                        | status        | breaks |
        | 31000001 | 10-14 | 1497.99  | 1497.99                                                      | matched       |        |
        | 31000002 | 10-28 | 1697.99  | failed_transfer 1497.99 @10-18, product_sales 200.00         | matched       |        |""", """
        | date  | amount  | is       |
        | 10-30 | 1697.99 | 31000002 |"""),
    "a payout that failed twice": ("""
        | id       | ends  | total  | lines                                             | status        | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00                                            | matched       |        |
        | 31000002 | 10-28 | 150.00 | failed_transfer 100.00 @10-18, product_sales 50.00 | matched      |        |
        | 31000003 | 11-11 | 180.00 | failed_transfer 150.00 @11-02, product_sales 30.00 | awaiting_bank |       |""", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_verdict(name: str) -> None:
    """A wrong verdict hides a missing payout, or sends finance after one that is there."""
    settlements, bank = CASES[name]
    facts = Facts()
    facts.arrive(settlements, bank)
    report = facts.reconcile()
    rows, lines = pipe_table(settlements), numbered(bank)
    unexplained = {key for key, row in lines.items() if row["is"] == "unexplained"}
    assert statuses(facts.connection) == {row["id"]: row["status"] for row in rows} | {
        f"bank:{key}": "right_only" for key in unexplained
    }
    expected = Counter(
        (row["id"], *text.split()) for row in rows for text in row["breaks"].split("; ") if text
    ) + Counter((key, "deposit_unexplained", lines[key]["amount"]) for key in unexplained)
    found = breaks(facts.connection)
    assert Counter({(s, code, "-" if v is None else f"{v:.2f}"): n for (s, code, v), n in found.items()}) == expected
    paid = facts.connection.execute(
        "select bank_transaction_id, settlement_id from reconcile.settlement_totals where bank_amount is not null "
        "and status <> 'right_only'"
    ).fetchall()
    assert dict(paid) == {key: row["is"] for key, row in lines.items() if row["is"].isdigit()}
    assert report.residual == ()
    ambiguous = {key for key, row in lines.items() if row["is"] == "ambiguous"}
    assert assert_breaks_explain_the_totals(facts.connection) == ambiguous


def test_two_banks_may_use_the_same_transaction_id() -> None:
    """One unexplained deposit must not hide the other, nor make the key of a table occur twice."""
    facts = Facts()
    facts.arrive(bank="""
        | date  | id | source | amount | currency |
        | 10-16 | 7  | bank_a | 10.00  | USD      |
        | 10-16 | 7  | bank_b | 20.00  | EUR      |
        | 10-16 | 8  | bank_b | 30.00  | EUR      |""")
    facts.reconcile()
    assert set(breaks(facts.connection)) == {
        ("bank_a:7", "deposit_unexplained", Decimal("10.00")),
        ("bank_b:7", "deposit_unexplained", Decimal("20.00")),
        ("8", "deposit_unexplained", Decimal("30.00")),
    }
    assert set(statuses(facts.connection)) == {"bank:bank_a:7", "bank:bank_b:7", "bank:8"}


def numbered(bank: str) -> dict[str, dict[str, str]]:
    """The bank lines by the id that `arrive` gives them."""
    return {f"BANK-{number}": row for number, row in enumerate(pipe_table(bank) if bank else [], 1)}


def test_a_short_settlement_does_not_explain_itself() -> None:
    """It starts and ends within one window: its own debt and reserve must not look like its predecessor's."""
    facts = Facts()
    facts.arrive("""
        | id       | starts | ends  | total  | lines                                                             |
        | 31000001 | 10-12  | 10-14 | -58.20 | opening_debt -58.20, reserve_released 50.00, reserve_held -50.00 |""")
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
        | 31000001 | 10-14 | 100.00  | product_sales 150.00, reserve_held -50.00          |
        | 31000002 | 10-28 | -140.00 | reserve_released 50.00, advertising -190.00        |
        | 31000003 | 11-11 | 10.00   | opening_debt -140.00, product_sales 150.00         |
        | 31000004 | 11-25 | 15.00   | failed_transfer 10.00 @11-14, product_sales 5.00   |""", """
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
    }
    assert report.residual == ()
    assert assert_breaks_explain_the_totals(facts.connection) == set()


def test_a_verdict_names_what_it_rests_on() -> None:
    """An auditor asks: which bank line, which earlier settlement, by which rule?"""
    facts = Facts()
    facts.arrive("""
        | id       | ends  | total   | lines                                                            |
        | 31000001 | 10-14 | -140.00 | product_sales 60.00, referral_fee -200.00                        |
        | 31000002 | 10-28 | 110.00  | opening_debt -140.00, product_sales 300.00, reserve_held -50.00  |
        | 31000003 | 11-11 | 60.00   | reserve_released 50.00, product_sales 10.00                      |""", """
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
        ("opening_debt", "31000001", "31000002", "exact_amount_next_period", 1, Decimal(0)),
        ("reserve", "31000002", "31000003", "exact_amount_next_period", 1, Decimal(0)),
        ("settlement_deposit", "31000002", "bank:BANK-1", "exact_amount_in_window", 1, Decimal(0)),
    ]
