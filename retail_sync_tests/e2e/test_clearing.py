"""Clearing accounts item by item: what stays open is what a person has to look for, under its own name."""

from __future__ import annotations

from pathlib import Path

import pytest

from retail_sync.core.rules import HEADERS
from retail_sync.pipeline import Pipeline
from retail_sync.reports.clearing_state import ledger_items
from retail_sync_tests.conftest import run_line
from retail_sync_tests.reconcile.files import bank_statement, deliver, looking, new_pipeline, open_problems, settlement

# A bank whose export numbers its lines: a corrected line replaces the one of its number.
NUMBERED_BANK = """
[[source]]
name = "numbered"
connector = "declared_csv"
object = "bank_transactions"
date_format = "%Y-%m-%d"
[source.columns]
transaction_id = "Id"
value_date = "Date"
amount = "Amount"
currency = "=USD"
reference = "Text"
"""


def bank_shows(pipeline: Pipeline, amount: str, mark: str) -> None:
    """The bank's line 7 as an export of it tells."""
    path = pipeline.home.root / f"numbered-{mark}.csv"
    path.write_text(f"Id,Date,Amount,Text\n7,2026-10-17,{amount},AMAZON 31000001\n", encoding="utf-8")
    pipeline.ingest([str(path)], "numbered")


def may_clear(pipeline: Pipeline, cap: str) -> None:
    """The home's own rule for differences of deposits."""
    folder = pipeline.home.root / "rules"
    folder.mkdir(exist_ok=True)
    rule = f"small,deposit_differs,USD,{cap},7910,2000-01-01,,finance,controller"
    (folder / "auto_clear.csv").write_text(f"{','.join(HEADERS['auto_clear'])}\n{rule}\n", encoding="utf-8")


def books(pipeline: Pipeline) -> dict[str, int]:
    """Cents of bank, transit and cleared differences in the ledger, where they are not zero; every item must be explained."""
    with looking(pipeline) as connection:
        found = ledger_items(pipeline, connection)
    assert (list(found.findings), list(found.waiting)) == ([], [])
    balances = {b.account: b.home_minor for b in pipeline.ledger.balances() if b.account in ("1000", "1120", "7910")}
    items = {f"item {item.item}": item.minor for item in found.items}
    return {name: minor for name, minor in (balances | items).items() if minor}


def posted(pipeline: Pipeline) -> list[str]:
    """The keys of the deposit's entries in the ledger."""
    return sorted(one.entry.key for one in pipeline.ledger.entries() if ":deposit:" in one.entry.key)


def test_a_short_deposit_is_booked_and_its_rest_stays_open(tmp_path: Path) -> None:
    """520.17 announced, 495.17 arrived: the bank account follows the statement, 25.00 are still to come."""
    pipeline = new_pipeline(tmp_path, NUMBERED_BANK)
    deliver(pipeline, settlement("31000001", "2026-10-01 2026-10-14 2026-10-16", "sale 520.17"))
    bank_shows(pipeline, "495.17", "first")
    run_line(pipeline)
    assert books(pipeline) == {"1000": 495_17, "1120": 25_00, "item 31000001": 25_00}
    assert open_problems(pipeline) == [("deposit_differs", "31000001")]
    assert posted(pipeline) == ["amazon:deposit:31000001#1"]
    # The bank corrects its line: other facts, so the entry is taken back and booked as the bank shows it now.
    bank_shows(pipeline, "520.17", "corrected")
    run_line(pipeline)
    assert books(pipeline) == {"1000": 520_17}
    assert open_problems(pipeline) == []
    assert posted(pipeline) == [f"amazon:deposit:31000001#{version}" for version in ("1", "1R", "2")]


@pytest.mark.long
def test_a_small_difference_is_cleared_in_the_ledger_until_the_bank_corrects_it(tmp_path: Path) -> None:
    """Three cents of 520.17 are missing and may be cleared; then the bank's line turns out to have been wrong."""
    pipeline = new_pipeline(tmp_path, NUMBERED_BANK)
    may_clear(pipeline, "0.05")
    deliver(pipeline, settlement("31000001", "2026-10-01 2026-10-14 2026-10-16", "sale 520.17"))
    bank_shows(pipeline, "520.14", "first")
    run_line(pipeline)
    assert books(pipeline) == {"1000": 520_14, "7910": 3}
    assert open_problems(pipeline) == []
    run_line(pipeline)
    assert posted(pipeline) == ["amazon:deposit:31000001#1"]
    bank_shows(pipeline, "520.17", "corrected")
    run_line(pipeline)
    assert books(pipeline) == {"1000": 520_17}
    assert open_problems(pipeline) == []
    assert posted(pipeline) == [f"amazon:deposit:31000001#{version}" for version in ("1", "1R", "2")]


def test_a_cap_that_is_raised_later_waits_for_a_person(tmp_path: Path) -> None:
    """Facts correct, rules do not: what was left open under the old rule is told to wait, and no cent moves by itself."""
    pipeline = new_pipeline(tmp_path, NUMBERED_BANK)
    deliver(pipeline, settlement("31000001", "2026-10-01 2026-10-14 2026-10-16", "sale 520.17"))
    bank_shows(pipeline, "520.14", "first")
    run_line(pipeline)
    assert open_problems(pipeline) == [("deposit_differs", "31000001")]
    may_clear(pipeline, "0.05")
    run_line(pipeline)
    with looking(pipeline) as connection:
        found = ledger_items(pipeline, connection)
    left = {item.item: item.minor for item in found.items}
    assert left == {"31000001": 520_17, "amazon:deposit:31000001": -520_14}
    assert posted(pipeline) == ["amazon:deposit:31000001#1"]
    assert open_problems(pipeline) == [("rule_change_waits", "bank matching")]


def test_where_the_banks_feed_books_deposits_nothing_is_cleared(tmp_path: Path) -> None:
    """No entry of ours could book it, so the difference stays told."""
    pipeline = new_pipeline(tmp_path, f'[ledger]\ndeposits = "bank_feed"\n{NUMBERED_BANK}')
    may_clear(pipeline, "0.05")
    deliver(pipeline, settlement("31000001", "2026-10-01 2026-10-14 2026-10-16", "sale 520.17"))
    bank_shows(pipeline, "520.14", "first")
    run_line(pipeline)
    assert open_problems(pipeline) == [("deposit_differs", "31000001")]


@pytest.mark.long
def test_a_corrected_settlement_closes_the_rest(tmp_path: Path) -> None:
    """The marketplace issues it again with the fee that it had kept: nothing is missing, and what arrived stays as booked."""
    pipeline = new_pipeline(tmp_path)
    period = "2026-10-01 2026-10-14 2026-10-16"
    deliver(
        pipeline, settlement("31000001", period, "sale 520.17"), bank_statement("2026-10-17 495.17 USD AMAZON 31000001")
    )
    run_line(pipeline)
    deliver(pipeline, settlement("31000001", period, "sale 520.17\nstorage -25.00"))
    run_line(pipeline)
    assert books(pipeline) == {"1000": 495_17}
    assert open_problems(pipeline) == []
    assert posted(pipeline) == ["amazon:deposit:31000001#1"]


def test_more_than_was_announced_is_an_item_too(tmp_path: Path) -> None:
    """110.00 arrived for 100.00: the 10.00 wait under the settlement that the bank names, as money to be explained."""
    pipeline = new_pipeline(tmp_path)
    deliver(
        pipeline,
        settlement("31000001", "2026-10-01 2026-10-14 2026-10-16", "sale 100.00"),
        bank_statement("2026-10-17 110.00 USD AMAZON 31000001"),
    )
    run_line(pipeline)
    assert books(pipeline) == {"1000": 110_00, "1120": -10_00, "item 31000001": -10_00}


def test_two_payouts_taken_back_by_one_settlement_leave_no_phantom(tmp_path: Path) -> None:
    """Each failure closes the payout that it belongs to; what is left in transit is the third settlement's own payout."""
    pipeline = new_pipeline(tmp_path)
    deliver(
        pipeline,
        settlement("31000001", "2026-10-01 2026-10-05 2026-10-06", "sale 100.00"),
        settlement("31000002", "2026-10-05 2026-10-09 2026-10-10", "sale 70.00"),
        settlement(
            "31000003",
            "2026-10-09 2026-10-23 2026-10-24",
            "failed transfer 100.00 on 2026-10-11\nfailed transfer 70.00 on 2026-10-14\nsale 5.00 on 2026-10-20",
        ),
    )
    run_line(pipeline)
    with looking(pipeline) as connection:
        found = ledger_items(pipeline, connection)
        closed = connection.execute(
            "select kind, item, debit from reconcile.clearing_items where status = 'closed' order by all"
        ).fetchall()
    assert [(item.item, item.minor) for item in found.items] == [("31000003", 175_00)]
    assert [(kind, item, int(debit)) for kind, item, debit in closed] == [
        ("failed_transfer", "31000003", 170),
        ("settlement", "31000001", 100),
        ("settlement", "31000002", 70),
    ]
