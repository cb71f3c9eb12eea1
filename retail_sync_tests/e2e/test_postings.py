"""A dry run: what would be sent is seen to the last field before anything is sent, and is what is sent then."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retail_sync.cli import app
from retail_sync.core.money import format_money
from retail_sync.reports.postings import legs_of, totals_of
from retail_sync.schemas.journal import Entry, EntryLine
from retail_sync.settings import Home
from retail_sync_tests.e2e.company import TINY
from retail_sync_tests.e2e.line import booked, drop, new_home, opened, stages

pytestmark = pytest.mark.long


def said(home: Home, *arguments: str) -> object:
    """What a command prints as JSON."""
    result = CliRunner().invoke(app, [*arguments, "--home", str(home.root), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_run_until_release_sends_nothing_and_shows_everything(tmp_path: Path) -> None:
    """Through Dagster, as the scheduled run: entries wait, each with its payload; the next run sends just that."""
    home = new_home(tmp_path / "home")
    drop(home, TINY)
    said(home, "run", "nightly", "--until", "release")
    assert booked(home) == []
    waiting = said(home, "postings", "list")
    assert isinstance(waiting, list)
    assert {row["state"] for row in waiting} == {"pending"}
    before = {row["ledger_key"]: said(home, "postings", "show", row["ledger_key"]) for row in waiting}
    assert all(found["in_ledger"] is None for found in before.values())
    said(home, "run", "nightly")
    assert booked(home) == sorted(before)
    for posted in opened(home).embedded_ledger.entries():
        sent = before[posted.entry.key]["sent"]
        assert sent == {"key": posted.entry.key, "token": posted.token, "body": posted.entry.body()}
    assert said(home, "postings", "list") == []
    verified = said(home, "postings", "list", "--state", "verified", "--limit", "2")
    assert [row["ledger_key"] for row in verified] == list(before)[-2:]


def test_both_sides_of_an_entry_are_summed() -> None:
    """Worked by hand: 40.00 sold, less 12.00 given back and 3.75 of fees, is 24.25 on its way: 12.00 + 3.75 + 24.25 = 40.00."""
    body = Entry(
        "shop:settlement:1:2026-10#1",
        date(2026, 10, 22),
        "A payout",
        tuple(
            EntryLine(account, minor, "USD", minor, "USD")
            for account, minor in (("1115", -4000), ("1115", 1200), ("6200", 375), ("1120", 2425))
        ),
    ).body()
    assert totals_of(body) == {"debit_minor": 4000, "credit_minor": 4000, "currency": "USD"}
    assert legs_of(body)[-1] == ("total", "", "40.00 USD", "40.00 USD", "")


def test_people_see_amounts_and_no_flood(tmp_path: Path) -> None:
    """The list sums what it shows and says how much of all that is; the payload is on the screen where it is asked for."""
    home = new_home(tmp_path / "home")
    drop(home, TINY)
    pipeline = opened(home)
    for stage in list(stages(pipeline).values())[:6]:
        stage()
    rows = said(home, "postings", "list")
    assert isinstance(rows, list)
    shown = CliRunner().invoke(app, ["postings", "list", "--limit", "1", "--home", str(home.root)]).stdout
    newest = rows[-1]
    assert f"1 of {len(rows)} entries, the newest; their debits: {format_money(newest['debit_minor'], 'USD')}" in shown
    key = newest["ledger_key"]
    brief = CliRunner().invoke(app, ["postings", "show", key, "--home", str(home.root)]).stdout
    assert "total" in brief
    assert '"token"' not in brief
    assert f"postings show '{key}' --payload" in brief
    whole = CliRunner().invoke(app, ["postings", "show", key, "--payload", "--home", str(home.root)]).stdout
    assert '"token"' in whole
    assert (
        "no entry is rejected"
        in CliRunner().invoke(app, ["postings", "list", "--state", "rejected", "--home", str(home.root)]).stdout
    )


def test_words_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    """A slip must not read as "nothing waits"."""
    home = new_home(tmp_path / "home")
    drop(home, TINY)
    opened(home)
    for arguments in (["postings", "list", "--state", "waiting"], ["postings", "show", "amazon:settlement:1"]):
        assert CliRunner().invoke(app, [*arguments, "--home", str(home.root)]).exit_code != 0
