"""Rules are changed for the future: a whole home whose governed files change under it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from retail_sync.settings import PROJECT_ROOT, Home
from retail_sync_tests.e2e.company import ALL, TINY, TINY_BANK, B
from retail_sync_tests.e2e.line import (
    booked,
    drop,
    findings,
    forget_warehouse,
    hourly,
    net,
    new_home,
    nightly,
    opened,
    problems,
)

DEPOSIT = f"amazon:deposit:{B.settlement_id}"


def rewrite(home: Home, name: str, old: str, new: str) -> None:
    """Change one cell of a governed file of the home."""
    path = home.root / "rules" / f"{name}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The tiny company, booked by its own copy of the rules."""
    made = new_home(tmp_path / "home")
    shutil.copytree(PROJECT_ROOT / "data" / "rules", made.root / "rules")
    drop(made, TINY)
    nightly(made)
    return made


def test_a_changed_account_waits_for_approval(home: Home) -> None:
    """Referral fees go to another account from today: what was booked stays, one warning for each entry it would change."""
    keys, before = booked(home), net(home)
    rewrite(home, "category_accounts", "referral_fee,6000,", "referral_fee,6040,")
    nightly(home)
    assert (booked(home), net(home)) == (keys, before)
    assert {code for code, _ in problems(home)} == {"rule_change_waits"}
    assert {row.severity for row in opened(home).exceptions.open()} == {"warning"}
    assert findings(home) == []
    rewrite(home, "category_accounts", "referral_fee,6040,", "referral_fee,6000,")
    nightly(home)
    assert problems(home) == []


def change_bank_account(home: Home) -> None:
    """Deposits go to another account from today."""
    rewrite(home, "leg_accounts", "bank,1000,", "bank,1010,")


def deliver_overlapping_statement(home: Home) -> None:
    """The bank's next export begins with a line that the last one ended with."""
    drop(home, {"bank/later.csv": TINY_BANK + b"2026-09-21,Main,-5.00,USD,ACCOUNT FEE\n"})


@pytest.mark.parametrize(
    "steps",
    [
        (change_bank_account, deliver_overlapping_statement),
        (deliver_overlapping_statement, change_bank_account),
        (deliver_overlapping_statement, forget_warehouse, change_bank_account),
        (change_bank_account, deliver_overlapping_statement, forget_warehouse),
    ],
)
def test_a_statement_that_overlaps_does_not_carry_a_rule_along(
    home: Home, steps: tuple[Callable[[Home], None], ...]
) -> None:
    """Statements overlap every week: the same bank line from a newer file is no new fact that would correct the books."""
    keys = booked(home)
    for step in steps:
        step(home)
        hourly(home)
    assert booked(home) == keys
    assert problems(home) == [("rule_change_waits", DEPOSIT)]


def test_a_new_settlement_is_booked_by_the_new_rule(home: Home) -> None:
    """The past waits, the next settlement does not."""
    keys = booked(home)
    rewrite(home, "category_accounts", "referral_fee,6000,", "referral_fee,6040,")
    drop(home, {"amazon/e.txt": ALL["amazon/e.txt"]})
    nightly(home)
    new = [key for key in booked(home) if key not in keys]
    assert new == ["amazon:settlement:50000000005:2026-10#1"]
    assert {account for key, account, _ in net(home) if key == new[0][:-2]} >= {"6040"}
    assert not any(account == "6000" for key, account, _ in net(home) if key == new[0][:-2])


def test_a_category_taken_away_holds_what_comes_and_keeps_what_was_booked(home: Home) -> None:
    """A rule deleted by mistake must not take a year of entries out of the books."""
    keys = booked(home)
    path = home.root / "rules" / "settlement_categories.csv"
    kept = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if "COMMISSION" not in line]
    path.write_text("".join(kept), encoding="utf-8")
    nightly(home)
    assert booked(home) == keys
    assert {code for code, _ in problems(home)} == {"settlement_unclassified"}
