"""Four real, consecutive V1 settlements of a Canadian seller, to the journal; then with the bank's two deposits.

Expectations come from the files' header rows and samples/INDEX.md: totals -321.69, -62.31, 1016.08
and 2539.66 CAD; the negative totals return as `Payable to Amazon` and are charged to a card.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from retail_sync.pipeline import Pipeline
from retail_sync_tests.reconcile.facts import breaks, entries, held, statuses
from retail_sync_tests.reconcile.files import (
    bank_statement,
    deliver,
    looking,
    new_pipeline,
    open_problems,
    run_to_journal,
)
from retail_sync_tests.reconcile.residuals import assert_breaks_explain_the_totals

TOTALS = {"23874396421": -32169, "23874397121": -6231, "24288684721": 101608, "24391894961": 253966}
MONTHS = {
    "23874396421": ["2025-06", "2025-07"],
    "23874397121": ["2025-07", "2025-08"],
    "24288684721": ["2025-08"],
    "24391894961": ["2025-08", "2025-09"],
}


@pytest.fixture(scope="module")
def pipeline(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A home that holds the four files, journalled."""
    made = new_pipeline(tmp_path_factory.mktemp("real"))
    files = sorted((samples / "amazon_settlement_v1").glob("*.txt"))
    assert len(files) == 4
    deliver(made, *(file.read_bytes() for file in files))
    run_to_journal(made)
    return made


@pytest.fixture
def connection(pipeline: Pipeline) -> Iterator[duckdb.DuckDBPyConnection]:
    """What the stages wrote."""
    with looking(pipeline) as opened:
        yield opened


def test_they_foot_and_wait_for_the_bank(connection: duckdb.DuckDBPyConnection) -> None:
    """Real files that foot must not be held, nor called matched without bank evidence."""
    assert statuses(connection) == dict.fromkeys(TOTALS, "awaiting_bank")
    assert breaks(connection) == {}
    assert held(connection) == {}
    lines = connection.execute("select settlement_id, lines_total, header_total from reconcile.settlement_totals")
    for settlement_id, lines_total, header_total in lines.fetchall():
        assert lines_total == header_total
        assert header_total * 100 == TOTALS[settlement_id]
    assert_breaks_explain_the_totals(connection)


def test_the_debts_are_chained(connection: duckdb.DuckDBPyConnection) -> None:
    """-321.69 and -62.31 return in the next settlement; without the chain they look like expenses."""
    found = connection.execute(
        "select settlement_id, opening_debt, opening_debt_status, opening_debt_of, carried_into "
        "from reconcile.settlement_totals where opening_debt <> 0 or carried_into is not null order by 1"
    ).fetchall()
    assert [(a, int(100 * amount), *rest) for a, amount, *rest in found] == [
        ("23874397121", -32169, "matched", "23874396421", None),
        ("24288684721", -6231, "matched", "23874397121", None),
    ]


def test_payout_legs_are_the_totals_and_nothing_stays_carried_forward(connection: duckdb.DuckDBPyConnection) -> None:
    """Balanced proves nothing: a known tool balanced these very files with a plug of 695.49."""
    found = connection.execute(
        "select document_id, sum(home_minor) filter (role = 'payout'), "
        "coalesce(sum(home_minor) filter (account = '1140'), 0), sum(home_minor) from journal.lines group by 1"
    ).fetchall()
    assert {row[0]: tuple(map(int, row[1:])) for row in found} == {key: (total, 0, 0) for key, total in TOTALS.items()}


def test_three_of_them_are_split_at_the_month_end(connection: duckdb.DuckDBPyConnection) -> None:
    """Revenue of July must not be booked in August because Amazon closed its period then."""
    found = sorted(entries(connection))
    assert found == [f"amazon:settlement:{key}:{month}" for key, months in MONTHS.items() for month in months]
    for key, (posting_date, legs) in entries(connection).items():
        assert f"{posting_date:%Y-%m}" == key[-7:]
        assert sum(minor * count for (_, minor), count in legs.items()) == 0


def test_the_card_was_charged_once_for_each_debt(connection: duckdb.DuckDBPyConnection) -> None:
    """Charges stand on the card's account: 32.09 for an earlier debt, then 321.69 and 62.31."""
    rows = connection.execute("select home_minor from journal.lines where account = '2500' order by 1").fetchall()
    assert [row[0] for row in rows] == [-32169, -6231, -3209]


def test_the_banks_two_deposits_match_the_two_payouts(samples: Path, tmp_path: Path) -> None:
    """Deposits follow bank evidence: two are booked, the debts are none of the bank's business."""
    pipeline = new_pipeline(tmp_path)
    files = sorted((samples / "amazon_settlement_v1").glob("*.txt"))
    statement = """
        2025-09-02 1016.08 CAD AMAZON.CA PAYMENTS
        2025-09-15 2539.66 CAD AMZN MKTP
        2025-09-15 -80.00 CAD HYDRO
        2025-09-30 12.00 CAD INTEREST"""
    deliver(pipeline, *(file.read_bytes() for file in files), bank_statement(statement))
    run_to_journal(pipeline)
    assert open_problems(pipeline) == []
    with looking(pipeline) as connection:
        assert statuses(connection) == dict.fromkeys(TOTALS, "awaiting_bank") | {
            "24288684721": "matched",
            "24391894961": "matched",
        }
        deposits = {key: entry for key, entry in entries(connection).items() if ":deposit:" in key}
        assert_breaks_explain_the_totals(connection)
    assert {key: (str(on), dict(legs)) for key, (on, legs) in deposits.items()} == {
        "amazon:deposit:24288684721": ("2025-09-02", {("1000", 101608): 1, ("1120", -101608): 1}),
        "amazon:deposit:24391894961": ("2025-09-15", {("1000", 253966): 1, ("1120", -253966): 1}),
    }
