"""What an auditor takes away: every leg that the ledger holds, once, in columns that add up."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retail_sync.cli import app
from retail_sync.settings import Home
from retail_sync_tests.e2e.company import TINY
from retail_sync_tests.e2e.line import drop, new_home, nightly, opened

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The tiny company after one night; its settlements close in September and October 2026."""
    made = new_home(tmp_path_factory.mktemp("export") / "home")
    drop(made, TINY)
    nightly(made)
    return made


def exported(home: Home, kind: str, target: Path, *options: str) -> list[dict[str, str]]:
    """The rows of an export, as the command writes them."""
    result = CliRunner().invoke(app, ["export", kind, "-o", str(target), "--home", str(home.root), *options])
    assert result.exit_code == 0, result.stdout
    with target.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def sums(rows: list[dict[str, str]]) -> dict[str, Decimal]:
    """Debits less credits by account."""
    found: Counter[str] = Counter()
    for row in rows:
        found[row["account"]] += Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
    return dict(found)


def test_the_journal_has_every_leg_once(home: Home, tmp_path: Path) -> None:
    """Its sums by account are the trial balance, and every entry balances."""
    rows = exported(home, "journal", tmp_path / "journal.csv")
    legs = [(p.entry.key, n) for p in opened(home).embedded_ledger.entries() for n in range(1, len(p.entry.lines) + 1)]
    assert sorted((row["entry"], int(row["line"])) for row in rows) == sorted(legs)
    balances = {b.account: Decimal(b.home_minor) / 100 for b in opened(home).ledger.balances()}
    assert {account: value for account, value in sums(rows).items() if value} == {
        k: v for k, v in balances.items() if v
    }
    by_entry: Counter[str] = Counter()
    for row in rows:
        by_entry[row["entry"]] += Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
    assert set(by_entry.values()) == {0}
    assert all(len((row["debit"] or row["credit"]).partition(".")[2]) == 2 for row in rows)


def test_the_general_ledger_runs_from_balance_to_balance(home: Home, tmp_path: Path) -> None:
    """October begins with what September left; each line moves the balance by its amount; the last is the trial balance."""
    rows = exported(home, "general-ledger", tmp_path / "gl.csv", "--from", "2026-10-01")
    before = {row["account"]: Decimal(row["balance"]) for row in rows if row["text"] == "balance before"}
    september = exported(home, "journal", tmp_path / "september.csv", "--to", "2026-09-30")
    assert {account: value for account, value in before.items() if value} == {
        k: v for k, v in sums(september).items() if v
    }
    balance = Decimal(0)
    for row in rows:
        if row["text"] == "balance before":
            balance = Decimal(row["balance"])
        balance += Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
        assert Decimal(row["balance"]) == balance
    after = {row["account"]: Decimal(row["balance"]) for row in rows if row["text"] == "balance after"}
    assert after == {b.account: Decimal(b.home_minor) / 100 for b in opened(home).ledger.balances()}


def test_a_wrong_word_or_folder_is_refused_and_leaves_nothing(home: Home, tmp_path: Path) -> None:
    """The two exports are named; a folder that is not there is no place for half a file."""
    for arguments in (["ledger", "-o", str(tmp_path / "x.csv")], ["journal", "-o", str(tmp_path / "no" / "x.csv")]):
        result = CliRunner().invoke(app, ["export", *arguments, "--home", str(home.root)])
        assert result.exit_code != 0
    assert list(tmp_path.iterdir()) == []
