"""Governed rules looked at before they hold: what is wrong with them, and what they would change in the past."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retail_sync.cli import app
from retail_sync.core.errors import RulesError
from retail_sync.reports.rule_review import check_rules, diff_rules
from retail_sync.settings import DEFAULT_HOME, Home
from retail_sync_tests.e2e.company import TINY
from retail_sync_tests.e2e.line import booked, digest, drop, net, new_home, nightly, opened, problems
from retail_sync_tests.reconcile.facts import own_rules

pytestmark = pytest.mark.long
Row = dict[str, str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The tiny company, booked by the shipped rules."""
    made = new_home(tmp_path_factory.mktemp("rules") / "home")
    drop(made, TINY)
    nightly(made)
    return made


def proposal(folder: Path, change: Callable[[list[Row]], None], name: str = "posting_rules") -> Path:
    """A folder with one governed file, changed."""
    with (DEFAULT_HOME / "rules" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = list(rows[0])
    change(rows)
    folder.mkdir()
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return folder


def moved(category: str, account: str) -> Callable[[list[Row]], None]:
    """A category goes to another account."""
    return lambda rows: next(row for row in rows if row["category"] == category).update(account=account)


def test_a_proposal_shows_its_effect_by_account_and_changes_nothing(home: Home, tmp_path: Path) -> None:
    """Referral fees to 6040: what the ledger has on 6000 for them would move, and both settlements would wait."""
    before, keys, parts = net(home), booked(home), digest(home)
    fees = sum(minor for (_, account, _), minor in before.items() if account == "6000")
    found = diff_rules(opened(home), proposal(tmp_path / "new", moved("referral_fee", "6040")))
    assert {change.account: change.after - change.before for change in found.accounts} == {"6000": -fees, "6040": fees}
    assert (len(found.changed), found.new, found.gone, found.released) == (2, [], [], 2)
    assert (net(home), booked(home), digest(home), problems(home)) == (before, keys, parts, [])
    assert not list((home.state / "scratch").glob("rules-*"))


def test_what_is_shown_is_what_is_waiting_when_it_holds(home: Home, tmp_path: Path) -> None:
    """The trial and the next run are one computation: the same entries wait, for the same sums."""
    from retail_sync.operations.waiting import read_waiting
    from retail_sync_tests.e2e.line import copied

    real = copied(home, tmp_path / "copy")
    folder = proposal(tmp_path / "new", moved("referral_fee", "6040"))
    shown = diff_rules(opened(real), folder)
    own_rules(real.root / "rules", "posting_rules", {"category": "referral_fee"}, account="6040")
    nightly(real)
    (said,) = opened(real).exceptions.open()
    rows = read_waiting(opened(real).operations, said.exception_id)
    assert sorted({row["entry_key"] for row in rows}) == list(shown.changed)
    sums: dict[str, int] = {}
    for row in rows:
        sums[row["account"]] = sums.get(row["account"], 0) + row["wanted_minor"] - row["released_minor"]
    assert sums == {change.account: change.after - change.before for change in shown.accounts}


def test_a_category_without_a_rule_shows_what_would_be_held(home: Home, tmp_path: Path) -> None:
    """A rule that ends before the settlements closed holds them: their entries would no longer be wanted."""
    folder = proposal(
        tmp_path / "new", lambda rows: next(r for r in rows if r["category"] == "referral_fee").update(valid_to="2020-12-31")
    )  # fmt: skip
    found = diff_rules(opened(home), folder)
    assert len(found.newly_held) == 2
    assert len(found.gone) >= 2


def test_changed_categories_are_tried_too(home: Home, tmp_path: Path) -> None:
    """What a settlement line is decides more than an account: the trial reads the lines anew."""

    def commission(rows: list[Row]) -> None:
        for row in rows:
            if row["category"] == "referral_fee":
                row["category"] = "storage_fee"

    found = diff_rules(opened(home), proposal(tmp_path / "new", commission, "settlement_categories"))
    assert {change.account for change in found.accounts} >= {"6000", "6020"}
    assert sum(change.after - change.before for change in found.accounts) == 0


def test_a_folder_without_rules_or_with_broken_ones_is_refused(home: Home, tmp_path: Path) -> None:
    """A slip in the folder's name must not read as "no effect"."""
    with pytest.raises(RulesError, match="none of the governed files"):
        diff_rules(opened(home), tmp_path)
    twice = proposal(tmp_path / "new", lambda rows: rows.append(dict(rows[0])))
    with pytest.raises(RulesError, match="neither says more"):
        diff_rules(opened(home), twice)


def test_the_shipped_rules_pass_and_the_command_says_so(home: Home) -> None:
    """`rules check` is what a reviewer runs before a change is merged."""
    assert check_rules(home).complaints == []
    result = CliRunner().invoke(app, ["rules", "check", "--home", str(home.root)])
    assert result.exit_code == 0
    assert "complete" in result.stdout


@pytest.mark.parametrize(
    ("name", "where", "cells", "complaint"),
    [
        ("posting_rules", {"category": "storage_fee"}, {"account": "6999"}, "account 6999, which the chart does not have"),
        ("chart_of_accounts", {"code": "6020"}, {"is_active": "false"}, "account 6020, which takes no postings"),
        ("posting_rules", {"category": "storage_fee"}, {"valid_to": "2026-12-31"}, "storage_fee, amazon on 2027-01-01"),
        ("posting_rules", {"category": "storage_fee"}, {"valid_from": "2026-01-01"}, "storage_fee, amazon on 2000-01-01"),
        ("posting_rules", {"category": "storage_fee"}, {"category": "storage_fees"}, "storage_fees, which nothing brings"),
        ("posting_rules", {"category": "storage_fee"}, {"approved_by": "finance"}, "prepared and approved the same rule"),
        ("auto_clear", {"rule_id": "small_deposit_difference"}, {"account": "7999"}, "auto_clear.csv, rule small_deposit"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_rules_is_named(tmp_path: Path, name: str, where: Row, cells: Row, complaint: str) -> None:
    """Each fault alone, in the file of a home of its own."""
    home = new_home(tmp_path / "home")
    own_rules(home.root / "rules", name, where, **cells)
    result = CliRunner().invoke(app, ["rules", "check", "--home", str(home.root), "--json"])
    assert result.exit_code == 1
    assert complaint in " ".join(json.loads(result.stdout)["complaints"])
