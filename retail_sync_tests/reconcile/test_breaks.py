"""What becomes of a break: told in words, closed by later data, never back, and the same in any order of delivery."""

from __future__ import annotations

from pathlib import Path

import pytest

from retail_sync.reconcile.problems import find_breaks
from retail_sync_tests.reconcile.facts import KINDS, Facts, breaks, scalar, statuses
from retail_sync_tests.reconcile.files import (
    bank_statement,
    deliver,
    digests,
    looking,
    new_pipeline,
    open_problems,
    run_to_journal,
    settlement,
)

ONE_OF_EACH = """
    | id       | account | ends  | total   | lines                                         | rejected |
    | 31000001 | a       | 10-01 | 100.00  | 76.20                                         |          |
    | 31000002 | b       | 10-01 | -       | 12.50                                         |          |
    | 31000003 | c       | 10-01 | 90.00   | product_sales 102.40, unclassified -12.40     |          |
    | 31000004 | d       | 10-01 | 70.00   | 70.00                                         | 1        |
    | 31000005 | e       | 10-01 | 520.17  | 520.17                                        |          |
    | 31000006 | f       | 10-01 | 415.12  | 415.12                                        |          |
    | 31000007 | g       | 10-01 | 397.78  | 397.78                                        |          |
    | 31000008 | h       | 10-01 | 10.00   | product_sales 325.00, reserve_held -315.00    |          |
    | 31000009 | h       | 10-15 | 11.00   | reserve_released 267.50, advertising -256.50  |          |
    | 31000010 | i       | 10-01 | 12.00   | 12.00                                         |          |
    | 31000011 | i       | 10-15 | 13.00   | opening_debt -58.20, product_sales 71.20      |          |"""
ITS_BANK = """
    | date  | amount | reference        |
    | 10-03 | 495.17 | AMAZON 31000005  |
    | 10-03 | 397.78 | AMAZON A         |
    | 10-03 | 397.78 | AMAZON B         |
    | 10-08 | 684.37 | AMAZON           |
    | 10-08 | -50.00 | AMAZON           |
    | 10-03 | 90.00  | AMAZON 31000003  |
    | 10-03 | 70.00  | AMAZON 31000004  |
    | 10-03 | 100.00 | AMAZON 31000001  |
    | 10-03 | 10.00  | AMAZON 31000008  |
    | 10-03 | 12.00  | AMAZON 31000010  |"""


def test_every_class_of_break_is_told_with_its_value_and_a_remedy() -> None:
    """A break that a finance person cannot read, or that has no price, is not worked on."""
    facts = Facts()
    facts.arrive(ONE_OF_EACH, ITS_BANK)
    facts.reconcile()
    problems = find_breaks(facts.connection, KINDS)
    assert {(p.code, p.subject): p.amount_minor for p in problems} == {
        ("settlement_does_not_foot", "31000001"): -2380,
        ("settlement_header_missing", "31000002"): 1250,
        ("settlement_unclassified", "31000003"): -1240,
        ("rows_rejected", "31000004"): None,
        ("deposit_differs", "31000005"): -2500,
        ("deposit_overdue", "31000006"): 41512,
        ("deposit_ambiguous", "31000007"): 39778,
        ("reserve_chain_broken", "31000009"): -4750,
        ("opening_debt_unexplained", "31000011"): -5820,
        ("deposit_unexplained", "BANK-4"): 68437,
        ("deposit_unexplained", "BANK-5"): -5000,
    }
    for problem in problems:
        assert problem.subject in problem.message
        assert problem.message.endswith(".")
        assert problem.remedy
        assert problem.since_date
        assert problem.currency == {"31000002": "XXX", "31000004": ""}.get(problem.subject, "USD")
    messages = {p.subject: p.message for p in problems}
    assert "25.00 USD less" in messages["31000005"]
    assert "47.50 USD less" in messages["31000009"]
    assert "684.37 USD from Amazon" in messages["BANK-4"]
    assert "50.00 USD to Amazon" in messages["BANK-5"]


@pytest.mark.parametrize(
    ("first_bank", "opens", "later_settlement", "later_bank"),
    [
        pytest.param(
            "| date | amount | reference |\n| 10-25 | 1.00 | a customer |",
            {("31000001", "deposit_overdue")},
            "",
            "| date | id | amount |\n| 10-17 | LATE | 100.00 |",
            id="the statement with the deposit comes later",
        ),
        pytest.param(
            "| date | id | amount |\n| 10-17 | A | 100.00 |\n| 10-31 | B | 150.00 |",
            {("B", "deposit_unexplained")},
            "| id | ends | total | lines |\n| 31000002 | 10-28 | 150.00 | 150.00 |",
            "",
            id="the settlement of a deposit comes later",
        ),
        pytest.param(
            "| date | id | amount |\n| 10-17 | A | 100.00 |\n| 10-17 | B | 100.00 |",
            {("31000001", "deposit_ambiguous")},
            "| id | ends | total | lines |\n| 31000002 | 10-14 | 100.00 | 100.00 |",
            "| date | id | amount | reference |\n| 10-17 | B | 100.00 | AMAZON 31000002 |",
            id="a reference that names the settlement comes later",
        ),
    ],
)
def test_a_break_closes_when_later_data_explains_it(
    first_bank: str, opens: set[tuple[str, str]], later_settlement: str, later_bank: str
) -> None:
    """An item that stays open after it was explained costs trust; one that comes back costs more."""
    facts = Facts()
    facts.arrive("| id | ends | total | lines |\n| 31000001 | 10-14 | 100.00 | 100.00 |", first_bank)
    facts.reconcile()
    assert {(subject, code) for subject, code, _ in breaks(facts.connection)} == opens
    facts.arrive(later_settlement, later_bank)
    facts.reconcile()
    assert breaks(facts.connection) == {}
    facts.arrive("| id | ends | total | lines |\n| 31000009 | 11-30 | 5.00 | 5.00 |")  # an unrelated one
    facts.reconcile()
    assert breaks(facts.connection) == {}


def test_reserve_and_debt_breaks_close_when_the_settlement_between_arrives() -> None:
    """The missing settlement is the usual cause of a broken chain: delivering it must be the whole cure."""
    between = """
        | id       | ends  | total   | lines                                         |
        | 31000002 | 10-28 | -140.00 | reserve_released 50.00, advertising -230.00, product_sales 40.00 |"""
    facts = Facts()
    facts.arrive("""
        | id       | ends  | total | lines                                      |
        | 31000000 | 09-30 | 1.00  | 1.00                                       |
        | 31000001 | 10-14 | 50.00 | product_sales 100.00, reserve_held -50.00  |
        | 31000003 | 11-11 | 10.00 | opening_debt -140.00, product_sales 150.00 |
        | 31000004 | 11-11 | 9.00  | 9.00                                       |""")
    facts.arrive(between.replace("reserve_released 50.00", "product_sales 50.00"))  # a damaged copy
    facts.reconcile()
    assert set(statuses(facts.connection).values()) == {"awaiting_bank", "matched"}
    assert {code for _, code, _ in breaks(facts.connection)} == {"reserve_chain_broken"}
    facts.arrive(between)
    facts.reconcile()
    assert breaks(facts.connection) == {}
    assert scalar(facts.connection, "select count(*) from raw.touched where stage = 'journal'") == 5


def test_the_exception_queue_follows_the_files(tmp_path: Path) -> None:
    """What opened with one file closes by itself with another, and a repeated delivery opens nothing."""
    pipeline = new_pipeline(tmp_path)
    october = settlement("31000001", "2026-10-01 2026-10-14 2026-10-16", "sale 100.00")
    november = settlement("31000002", "2026-10-14 2026-10-28 2026-10-30", "sale 150.00")
    statement = bank_statement("2026-10-31 150.00 USD AMAZON PAYMENTS\n2026-11-20 3.00 USD A CUSTOMER")
    deliver(pipeline, october, statement)
    run_to_journal(pipeline)
    unexplained = [subject for code, subject in open_problems(pipeline) if code == "deposit_unexplained"]
    assert open_problems(pipeline) == [("deposit_overdue", "31000001"), ("deposit_unexplained", *unexplained)]
    deliver(pipeline, november, bank_statement("2026-10-17 100.00 USD AMAZON PAYMENTS"))
    run_to_journal(pipeline)
    assert open_problems(pipeline) == []
    deliver(pipeline, october, statement)
    run_to_journal(pipeline)
    assert open_problems(pipeline) == []


DELIVERIES = {
    "debt": settlement("31000001", "2026-10-01 2026-10-14 2026-10-16", "sale 60.00\nreferral fee -200.00"),
    "payout": settlement(
        "31000002",
        "2026-10-14 2026-11-07 2026-11-09",
        "opening debt -140.00\nsale 300.00 on 2026-10-20\nsale 40.00 on 2026-11-02\nreserve held -50.00 on 2026-11-07",
    ),
    "repayment": settlement(
        "31000003",
        "2026-11-07 2026-11-21 2026-11-23",
        "reserve released 45.00\nfailed transfer 150.00 on 2026-11-12\nsale 5.00\nmystery -1.00",
    ),
    "bank": bank_statement(
        "2026-11-24 199.00 USD AMAZON PAYMENTS\n2026-11-20 9.00 USD AMAZON PAYMENTS\n2026-12-20 1.00 USD A CUSTOMER"
    ),
    "overlapping bank": bank_statement(
        "2026-12-20 1.00 USD A CUSTOMER\n2026-11-20 9.00 USD AMAZON PAYMENTS\n2026-11-21 2.00 USD AMAZON PAYMENTS"
    ),
}
ORDERS = (
    ("bank, repayment", "payout, overlapping bank", "debt"),
    ("overlapping bank, payout, debt", "repayment, bank, payout"),
)


@pytest.mark.slow
def test_the_order_of_delivery_does_not_matter(tmp_path: Path) -> None:
    """Hourly runs that see files as they come must end where one backfill of all of them ends."""
    at_once = new_pipeline(tmp_path / "at once")
    deliver(at_once, *DELIVERIES.values())
    run_to_journal(at_once)
    with looking(at_once) as connection:
        expected = digests(connection)
        assert {code for _, code, _ in breaks(connection)} == {
            "reserve_chain_broken",
            "settlement_unclassified",
            "deposit_unexplained",
        }
    for number, order in enumerate(ORDERS):
        pipeline = new_pipeline(tmp_path / f"order {number}")
        for names in order:
            deliver(pipeline, *(DELIVERIES[name] for name in names.split(", ")))
            run_to_journal(pipeline)
        with looking(pipeline) as connection:
            assert digests(connection) == expected


def test_a_residual_is_told_until_the_figures_agree() -> None:
    """The proof blocks the journal: running again must not pass it because nothing is new."""
    facts = Facts()
    facts.arrive("""
        | id       | ends  | total  | lines        |
        | 31000001 | 10-14 | 100.00 | sales 100.00 |""")
    facts.connection.execute("insert into canonical.settlements select * from canonical.settlements")
    for _ in range(3):
        assert any(
            sentence.startswith("settlement totals, stated lines on 2026-10-14 in USD")
            for sentence in facts.reconcile().residual
        )
    facts.arrive("""
        | id       | ends  | total  | lines        |
        | 31000001 | 10-14 | 100.00 | sales 100.00 |""")
    assert facts.reconcile().residual == ()
    assert facts.reconcile().touched == 0
    assert scalar(facts.connection, "select count(*) from reconcile.proofs where unexplained <> 0") == 0
