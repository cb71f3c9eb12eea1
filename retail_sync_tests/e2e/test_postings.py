"""A dry run: what would be sent is seen to the last field before anything is sent, and is what is sent then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retail_sync.cli import app
from retail_sync.settings import Home
from retail_sync_tests.e2e.company import TINY
from retail_sync_tests.e2e.line import booked, drop, new_home, opened

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


def test_words_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    """A slip must not read as "nothing waits"."""
    home = new_home(tmp_path / "home")
    drop(home, TINY)
    opened(home)
    for arguments in (["postings", "list", "--state", "waiting"], ["postings", "show", "amazon:settlement:1"]):
        assert CliRunner().invoke(app, [*arguments, "--home", str(home.root)]).exit_code != 0
