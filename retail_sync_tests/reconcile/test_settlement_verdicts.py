"""The verdict on a settlement, case by case: the sum of its lines × its stated total × its deposit.

How the tables are read: `verdicts.py`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from retail_sync_tests.reconcile.facts import Facts, breaks, statuses
from retail_sync_tests.reconcile.verdicts import assert_verdicts

CASES: dict[str, tuple[str, str]] = {
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
        | id       | ends  | total | lines                             | status        | breaks                         |
        | 31000001 | 10-14 | 87.60 | sales 100.00, unclassified -12.40 | awaiting_bank | settlement_unclassified -12.40 |""", ""),
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
        | id       | ends  | total | lines                   | status  | breaks |
        | 31000001 | 10-14 | 0.00  | sales 40.00, ads -40.00 | matched |        |""", """
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
        | date  | amount | reference                   | is       |
        | 10-16 | 100.00 | AMZN 31000002/DISBURSE      | 31000002 |
        | 10-16 | 100.00 | transfer 31000001, no payer | 31000001 |"""),
    "a deposit that names two settlements is given to neither": ("""
        | id       | ends  | total  | lines  | status        | breaks                |
        | 31000001 | 10-14 | 100.00 | 100.00 | awaiting_bank |                       |
        | 31000002 | 10-02 | 60.00  | 60.00  | awaiting_bank | deposit_overdue 60.00 |""", """
        | date  | amount | reference                | is          |
        | 10-16 | 160.00 | AMAZON 31000001 31000002 | unexplained |"""),
    "a deposit that names one settlement is not another's, though the amount is": ("""
        | id       | ends  | total  | lines  | status        | breaks                |
        | 31000001 | 10-14 | 100.00 | 100.00 | awaiting_bank |                       |
        | 31000002 | 08-05 | 100.00 | 100.00 | awaiting_bank | deposit_overdue 100.00 |""", """
        | date  | amount | reference       | is          |
        | 09-01 | 1.00   | a customer      |             |
        | 10-16 | 100.00 | AMAZON 31000002 | unexplained |"""),
    "a payout due long before the first statement is not missed in it": ("""
        | id       | ends  | total  | lines  | status        | breaks |
        | 31000001 | 06-14 | 100.00 | 100.00 | awaiting_bank |        |""", """
        | date  | amount | reference  | is |
        | 10-21 | 1.00   | a customer |    |"""),
    "the bank writes the payer in its own way": ("""
        | id       | ends  | total  | lines  | status  | breaks |
        | 31000001 | 10-14 | 100.00 | 100.00 | matched |        |""", """
        | date  | amount | reference               | is       |
        | 10-16 | 100.00 | sepa amazon eu s.a.r.l. | 31000001 |"""),
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
        | date  | amount | is          |
        | 10-16 | 100.00 | ambiguous   |
        | 10-17 | 100.00 | ambiguous   |
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
        | 10-16 | 100.00 | PAYPAL PAYOUT        |    |
        | 10-16 | 100.00 | invoice 310000019999 |    |"""),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_verdict(name: str) -> None:
    """A wrong verdict hides a missing payout, or sends finance after one that is there."""
    assert_verdicts(*CASES[name])


def test_two_banks_may_use_the_same_transaction_id() -> None:
    """One unexplained deposit must not hide the other, nor make the key of a table occur twice."""
    facts = Facts()
    facts.arrive(
        bank="""
        | date  | id | source | amount | currency |
        | 10-16 | 7  | bank_a | 10.00  | USD      |
        | 10-16 | 7  | bank_b | 20.00  | EUR      |
        | 10-16 | 8  | bank_b | 30.00  | EUR      |"""
    )
    facts.reconcile()
    assert set(breaks(facts.connection)) == {
        ("bank_a:Main:7", "deposit_unexplained", Decimal("10.00")),
        ("bank_b:Main:7", "deposit_unexplained", Decimal("20.00")),
        ("8", "deposit_unexplained", Decimal("30.00")),
    }
    assert set(statuses(facts.connection)) == {"bank:bank_a:Main:7", "bank:bank_b:Main:7", "bank:8"}


@pytest.mark.parametrize(("reference", "status"), [
    ("AMAZON L2100000006", "awaiting_bank"), ("AMAZON po_000002", "awaiting_bank"), ("AMAZON L2100000099", "matched"),
])  # fmt: skip
def test_a_deposit_that_names_a_listed_payout_is_no_other_one(reference: str, status: str) -> None:
    """Two payouts of 100.00, of which po_000002 is only listed yet: its deposit does not pay 31000001."""
    facts = Facts()
    facts.arrive(
        settlements="""
        | id       | ends  | total  | lines  |
        | 31000001 | 10-14 | 100.00 | 100.00 |""",
        bank=f"""
        | date  | id | amount | reference   |
        | 10-16 | 7  | 100.00 | {reference} |""",
    )
    facts.connection.execute(
        """
        insert into canonical.payouts by name select 'amazon' as channel, 'amazon' as account, ? as payout_date,
            'USD' as currency, 1 as payout_no, 'amazon/amazon/USD/po_000002' as payout_id, 'L2100000006' as bank_reference,
            'paid' as status, 100 as charges_amount, 0 as refunds_amount, 0 as adjustments_amount, 0 as reserved_amount,
            0 as fees_amount, 0 as retried_amount, 0 as other_amount, 100 as total_amount, 2 as line_no, 'list' as source,
            'list-1' as delivery_id
        """,
        [date(2026, 10, 16)],
    )
    facts.reconcile()
    assert statuses(facts.connection)["31000001"] == status
    unexplained = ("7", "deposit_unexplained", Decimal("100.00")) in breaks(facts.connection)
    assert unexplained == (status == "awaiting_bank")


def test_a_fee_that_names_a_payout_is_not_its_deposit() -> None:
    """0.95 was taken for the transfer of 31000001, whose 100.00 came a day later and named nothing."""
    facts = Facts()
    facts.arrive(
        settlements="""
        | id       | ends  | total  | lines  |
        | 31000001 | 10-14 | 100.00 | 100.00 |""",
        bank="""
        | date  | id | amount | reference           |
        | 10-15 | 7  |  -0.95 | AMAZON FEE 31000001 |
        | 10-16 | 8  | 100.00 | AMAZON              |""",
    )
    facts.reconcile()
    assert statuses(facts.connection)["31000001"] == "matched"
    assert set(breaks(facts.connection)) == {("7", "deposit_unexplained", Decimal("-0.95"))}
