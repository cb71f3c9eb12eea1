"""What holds a settlement's entries: each reason holds that settlement and no other, and is told once, with a remedy."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync.journal.problems import find_held_documents
from retail_sync.journal.rules import Policies
from retail_sync_tests.reconcile.facts import Facts, entries, held, own_rules, statuses
from retail_sync_tests.reconcile.files import deliver, looking, new_pipeline, run_to_journal, settlement
from retail_sync_tests.simulator import write_v2

PERIOD = "2026-10-01 2026-10-14 2026-10-16"


def _damaged() -> dict[str, bytes]:
    """Settlement id → its file, one damaged in each way, and one in order."""
    plain = "sale 100.00\nreferral fee -15.00"
    missing_header = write_v2(settlement("31000004", PERIOD, plain)).split(b"\n")
    del missing_header[1]
    return {
        "31000001": write_v2(settlement("31000001", PERIOD, f"{plain}\nmystery -12.40")),
        "31000002": write_v2(settlement("31000002", PERIOD, plain, total="108.80")),
        "31000003": write_v2(settlement("31000003", PERIOD, plain)).replace(b"-15.00", b"N/A"),
        "31000004": b"\n".join(missing_header),
        "31000005": write_v2(settlement("31000005", PERIOD, f"{plain}\nstorage -20.00")),
        "31000006": write_v2(settlement("31000006", PERIOD, plain)),
    }


def test_every_damage_holds_its_own_settlement_and_is_told_with_amount_and_remedy(tmp_path: Path) -> None:
    """One bad file must not stop the others, and finance must hear what to do about it."""
    own_rules(tmp_path / "rules", "posting_rules", {"category": "storage_fee"}, account="6999")
    pipeline = new_pipeline(tmp_path)
    deliver(pipeline, *_damaged().values())
    run_to_journal(pipeline)
    with looking(pipeline) as connection:
        assert held(connection) == {
            "31000001": "settlement_unclassified",
            "31000002": "settlement_does_not_foot",
            "31000003": "rows_rejected",
            "31000004": "settlement_header_missing",
            "31000005": "account_unknown",
        }
        assert set(entries(connection)) == {"amazon:settlement:31000006:2026-10"}
        headless = "select held_reason, value_minor from journal.documents where document_id = '31000004'"
        assert connection.execute(headless).fetchall() == [("its document states no total", 8500)]
    told = pipeline.exceptions.open()
    assert sorted((row.subject, row.code, row.amount_minor) for row in told) == [
        ("31000001", "settlement_unclassified", -1240),
        ("31000002", "settlement_does_not_foot", -2380),
        ("31000003", "rows_rejected", None),
        ("31000003", "settlement_does_not_foot", 1500),  # follows from the row without an amount
        ("31000004", "settlement_header_missing", 8500),
        ("31000005", "account_unknown", 6500),
    ]
    remedies = {row.subject: row.remedy for row in told if row.code != "settlement_does_not_foot"}
    assert "settlement_categories.csv" in remedies["31000001"]
    assert "posting_rules.csv" in remedies["31000005"]
    assert "Sustainability Programme Fee" in next(row.message for row in told if row.subject == "31000001")
    assert all(row.remedy and row.message.endswith(".") for row in told)


def test_a_corrected_file_releases_its_settlement(tmp_path: Path) -> None:
    """Delivering the right file is the whole cure: no hold and no problem stays behind."""
    pipeline = new_pipeline(tmp_path)
    wrong = settlement("31000002", PERIOD, "sale 100.00", total="108.80")
    deliver(pipeline, wrong)
    run_to_journal(pipeline)
    deliver(pipeline, replace(wrong, total=Decimal("100.00")))
    run_to_journal(pipeline)
    with looking(pipeline) as connection:
        assert held(connection) == {}
        assert set(entries(connection)) == {"amazon:settlement:31000002:2026-10"}
    assert pipeline.exceptions.open() == []


FOUR = """
    | id       | currency | ends  | total  | lines                                     |
    | 31000001 | USD      | 10-14 | 85.00  | product_sales 100.00, referral_fee -15.00 |
    | 31000002 | EUR      | 10-14 | 60.00  | product_sales 80.00, storage_fee -20.00   |
    | 31000003 | USD      | 10-14 | 30.00  | product_sales 30.00                       |
    | 31000004 | EUR      | 10-14 | 0.00   | -                                         |"""


@pytest.mark.parametrize(
    ("change", "code", "holds"),
    [
        pytest.param(
            ("posting_rules", {"category": "storage_fee"}, {"account": "6999"}),
            "account_unknown",
            {"31000002": 6000},
            id="an account that the chart does not have",
        ),
        pytest.param(
            ("posting_rules", {"category": "storage_fee"}, {"category": "storage"}),
            "account_unknown",
            {"31000002": 6000},
            id="a category without an account",
        ),
        pytest.param(
            ("chart_of_accounts", {"code": "6000"}, {"code": "6001"}),
            "account_unknown",
            {"31000001": 8500},
            id="an account taken out of the chart",
        ),
        pytest.param(
            ("posting_rules", {"category": "payout"}, {"account": "1121"}),
            "account_unknown",
            {"31000001": 8500, "31000002": 6000, "31000003": 3000},
            id="a leg of our own, which every payout needs",
        ),
    ],
)
def test_an_account_missing_in_the_rules_holds_what_needs_it(
    tmp_path: Path, change: tuple[str, dict[str, str], dict[str, str]], code: str, holds: dict[str, int]
) -> None:
    """A mistake in a governed file must cost only the entries it concerns, and never book elsewhere."""
    name, where, cells = change
    facts = Facts(own_rules(tmp_path / "rules", name, where, **cells))
    facts.arrive(FOUR)
    facts.reconcile()
    report = facts.journal()
    assert held(facts.connection) == dict.fromkeys(holds, code)
    assert (report.ready, report.held) == (4 - len(holds), len(holds))
    problems = find_held_documents(facts.connection)
    assert {p.subject: p.amount_minor for p in problems} == holds
    assert all(p.remedy and p.currency in ("USD", "EUR") for p in problems)


def test_another_home_currency_holds_what_has_no_rate() -> None:
    """Booking dollars as euros one to one is the worst that could happen."""
    facts = Facts()
    facts.arrive(FOUR)
    facts.reconcile()
    facts.journal(Policies(home_currency="EUR", deposits="journal"))
    assert held(facts.connection) == {"31000001": "no_exchange_rate", "31000003": "no_exchange_rate"}
    assert set(entries(facts.connection)) == {"amazon:settlement:31000002:2026-10"}
    problems = find_held_documents(facts.connection)
    assert {(p.subject, p.code, p.amount_minor, p.currency) for p in problems} == {
        ("31000001", "no_exchange_rate", 8500, "USD"),
        ("31000003", "no_exchange_rate", 3000, "USD"),
    }
    assert all("home_currency" in p.remedy for p in problems)


def test_a_settlement_without_any_movement_is_ready_and_books_nothing() -> None:
    """Amazon issues them for quiet accounts: nothing to foot, nothing to book, nothing to ask a person."""
    facts = Facts()
    facts.arrive("| id | ends | total | lines |\n| 31000004 | 10-14 | 0.00 | - |")
    facts.reconcile()
    assert facts.journal().ready == 1
    assert statuses(facts.connection) == {"31000004": "matched"}
    assert entries(facts.connection) == {}


def test_a_held_settlement_has_no_deposit_entry_either() -> None:
    """Its payout was never booked: crediting it would leave payouts in transit negative."""
    facts = Facts()
    facts.arrive(
        "| id | ends | total | lines |\n| 31000001 | 10-14 | 100.00 | 99.00 |", "| date | amount |\n| 10-16 | 100.00 |"
    )
    facts.reconcile()
    facts.journal()
    assert held(facts.connection) == {"31000001": "settlement_does_not_foot"}
    assert entries(facts.connection) == {}
