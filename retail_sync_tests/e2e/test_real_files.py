"""Real settlement files nobody on this project wrote, from the file to the verified ledger. Figures: samples/INDEX.md."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync.reports.books import read_trial_balance
from retail_sync.reports.clearing_state import ledger_items
from retail_sync.settings import Home
from retail_sync_tests.e2e.line import (
    booked,
    digest,
    drop,
    findings,
    hourly,
    new_home,
    nightly,
    opened,
    problems,
    states,
)

V1 = ("50011020300", "50018020314", "50034020328", "50041020342")
TOTALS = {
    "23874396421": Decimal("-321.69"),
    "23874397121": Decimal("-62.31"),
    "24288684721": Decimal("1016.08"),
    "24391894961": Decimal("2539.66"),
}
ORDERS = (V1, V1[::-1], (V1[2], V1[0], V1[3], V1[1]))
DEPOSITS = b"""Date,Account,Amount,Currency,Description
2025-09-02,CAD-1,1016.08,CAD,AMAZON CA PAYOUT
2025-09-15,CAD-1,2539.66,CAD,AMAZON CA PAYOUT
2025-09-16,CAD-1,-80.00,CAD,RENT
"""


def files(samples: Path, names: Sequence[str] = V1) -> dict[str, bytes]:
    """The V1 files under their inbox names."""
    return {f"amazon/{name}.txt": (samples / "amazon_settlement_v1" / f"{name}.txt").read_bytes() for name in names}


def ask(home: Home, statement: str) -> list[tuple[object, ...]]:
    """Rows of the published warehouse."""
    with opened(home).warehouse.reading() as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture(scope="module")
def books(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The four files, one nightly run."""
    home = new_home(tmp_path_factory.mktemp("v1") / "home")
    drop(home, files(samples))
    nightly(home)
    return home


def test_four_settlements_foot_and_wait_for_the_bank(books: Home) -> None:
    """Lines sum to the stated totals; without bank evidence nothing is called matched."""
    rows = ask(books, "select settlement_id, header_total, lines_total, status from reconcile.settlement_totals")
    assert {row[0]: row[1] for row in rows} == TOTALS
    assert all(row[1] == row[2] for row in rows)
    assert {row[3] for row in rows} == {"awaiting_bank"}
    assert problems(books) == []


def test_opening_debts_are_chained(books: Home) -> None:
    """Payable to Amazon of a settlement is the negative total of the one before."""
    rows = ask(
        books,
        "select settlement_id, opening_debt, opening_debt_of from reconcile.settlement_totals "
        "where opening_debt_status = 'matched' order by 1",
    )
    assert rows == [
        ("23874397121", Decimal("-321.69"), "23874396421"),
        ("24288684721", Decimal("-62.31"), "23874397121"),
    ]


def test_payout_legs_sum_to_each_total_and_three_settlements_straddle_a_month(books: Home) -> None:
    """Balanced is not enough: over all entries of a settlement the payout legs are what it pays."""
    legs = ask(
        books,
        "select document_id, sum(home_minor) filter (role = 'payout') from journal.lines group by 1",
    )
    assert dict(legs) == {key: int(total * 100) for key, total in TOTALS.items()}
    months = ask(
        books,
        "select document_id, count(*) from journal.entries where kind = 'settlement' group by 1 having count(*) = 2",
    )
    assert {row[0] for row in months} == {"23874396421", "23874397121", "24391894961"}


def test_ledger_is_whole(books: Home) -> None:
    """Every entry verified, the trial balance zero, the carried-forward account empty, the chain whole."""
    assert states(books) == {"verified": 7}
    assert len(set(booked(books))) == 7
    trial = read_trial_balance(opened(books), None)
    assert trial.totals == {"CAD": 0}
    assert "1140" not in {row[0] for row in trial.rows}
    assert findings(books) == []


def test_a_second_run_and_a_second_delivery_change_nothing(books: Home, samples: Path, tmp_path: Path) -> None:
    """Repetition does not matter: same files again, under other names too."""
    before, keys = digest(books), booked(books)
    drop(books, {name.replace(".txt", "_again.txt"): content for name, content in files(samples).items()})
    nightly(books)
    assert digest(books) == before
    assert booked(books) == keys
    assert opened(books).registry.duplicates_count() == 4


@pytest.mark.long
@pytest.mark.parametrize("order", ORDERS, ids=["as issued", "newest first", "mixed"])
def test_order_of_arrival_does_not_matter(books: Home, samples: Path, tmp_path: Path, order: Sequence[str]) -> None:
    """An hourly run after each file, in any order, ends where one nightly run ended."""
    home = new_home(tmp_path / "home")
    for name in order:
        drop(home, files(samples, [name]))
        hourly(home)
    assert digest(home) == digest(books)


@pytest.mark.long
def test_bank_evidence_matches_the_two_positive_payouts(samples: Path, tmp_path: Path) -> None:
    """The deposits arrive later: two settlements become matched, the transit account explains itself.

    By hand: the transit account 1120 takes -321.69, gives it back to the next settlement (+321.69), takes -62.31, gives it
    back (+62.31), and the two payouts leave with their deposits. The micro deposit of 0.01 in 24288684721 stays open: no
    bank line shows it.
    """
    home = new_home(tmp_path / "home")
    drop(home, files(samples))
    hourly(home)
    drop(home, {"bank/statement.csv": DEPOSITS})
    nightly(home)
    verdicts = dict(ask(home, "select settlement_id, status from reconcile.settlement_totals"))
    assert verdicts == {
        "23874396421": "awaiting_bank",
        "23874397121": "awaiting_bank",
        "24288684721": "matched",
        "24391894961": "matched",
    }
    pipeline = opened(home)
    with pipeline.warehouse.reading() as connection:
        items = ledger_items(pipeline, connection).items
    assert [(i.account, i.currency, i.kind, i.item, i.minor, i.since) for i in items] == [
        ("1120", "CAD", "micro_deposit", "24288684721", 1, date(2025, 8, 28))
    ]
    balances = {b.account: b.home_minor for b in pipeline.ledger.balances()}
    assert balances["1120"] == 1
    assert balances["1000"] == 101608 + 253966
    assert findings(home) == []


def test_an_excerpt_that_does_not_foot_is_held(samples: Path, tmp_path: Path) -> None:
    """The AU excerpt: loaded, its difference told to the cent, nothing posted, and nothing else stopped."""
    content = (samples / "amazon_settlement_v2" / "amazon_au_excerpt.txt").read_bytes()
    cells = [line.split("\t") for line in content.decode().splitlines()[1:]]
    lines_sum = sum((Decimal(row[14].strip()) for row in cells if row[14].strip()), Decimal(0))
    difference = lines_sum - Decimal("212118.95")
    home = new_home(tmp_path / "home")
    drop(home, {"amazon/au.txt": content} | files(samples, V1[:1]))
    nightly(home)
    (exception,) = opened(home).exceptions.open()
    assert (exception.code, exception.subject) == ("settlement_does_not_foot", "12395580393")
    assert exception.amount_minor == int(difference * 100)
    assert exception.currency == "AUD"
    assert f"{abs(difference):,.2f} AUD" in exception.message
    assert {key.split("#")[0] for key in booked(home)} == {
        "amazon:settlement:23874396421:2025-06",
        "amazon:settlement:23874396421:2025-07",
    }


def test_short_rows_of_the_us_excerpt_are_named_by_line(samples: Path, tmp_path: Path) -> None:
    """Lines 6, 13 and 20 lack a tab; the rest is read, and the settlement is held because it states no total."""
    home = new_home(tmp_path / "home")
    drop(home, {"amazon/us.txt": (samples / "amazon_settlement_v2" / "amazon_us_excerpt.txt").read_bytes()})
    nightly(home)
    rejected = ask(home, "select line_no, reason from canonical.rejected_rows order by 1")
    assert [row[0] for row in rejected] == [6, 13, 20]
    assert all("22 fields" in str(row[1]) for row in rejected)
    assert problems(home) == [("rows_rejected", "18174059732"), ("settlement_header_missing", "18174059732")]
    assert booked(home) == []
