"""Rules are changed for the future: a whole home whose governed files change under it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from retail_sync.core.errors import RetailSyncError
from retail_sync.reports.approving import approve
from retail_sync.settings import PROJECT_ROOT, Home
from retail_sync_tests.e2e.company import ALL, B_CORRECTED, TINY, TINY_BANK, B, F
from retail_sync_tests.e2e.line import (
    booked,
    copied,
    digest,
    drop,
    empty_inbox,
    findings,
    forget_warehouse,
    hourly,
    net,
    new_home,
    nightly,
    opened,
    problems,
    waiting,
)
from retail_sync_tests.reconcile.test_store_days import DAY, DRAWERS, SOURCES, deliver
from retail_sync_tests.simulator import write_v2

pytestmark = pytest.mark.long

DEPOSIT = f"amazon:deposit:{B.settlement_id}"


def exact_rule(version: int, days_before: int, days_after: int, *, is_confirming: bool) -> str:
    """The rule that pairs equal amounts, as its file writes it."""
    confirms = str(is_confirming).lower()
    return f"exact_amount_in_window,{version},one_to_one,any,0,0,0,{days_before},{days_after},calendar,{confirms}"


EXACT = exact_rule(1, 1, 5, is_confirming=True)


def rewrite(home: Home, name: str, old: str, new: str) -> None:
    """Change one cell of a governed file of the home."""
    path = home.root / "rules" / f"{name}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The tiny company, booked by its own copy of the rules (copy, do not touch)."""
    made = new_home(tmp_path_factory.mktemp("rules") / "home")
    shutil.copytree(PROJECT_ROOT / "data" / "rules", made.root / "rules")
    drop(made, TINY)
    nightly(made)
    empty_inbox(made)  # all is in the archive now; a copy would take its files in a second time
    return made


@pytest.fixture
def home(tiny: Home, tmp_path: Path) -> Home:
    """A copy of the tiny company."""
    return copied(tiny, tmp_path / "home")


def test_a_changed_account_waits_for_approval(home: Home) -> None:
    """Referral fees go to another account from today: what was booked stays, one warning of all that it would change.

    Both settlements have such fees; what moves is their sum.
    """
    keys, before = booked(home), net(home)
    rewrite(home, "posting_rules", "referral_fee,*,*,*,6000,", "referral_fee,*,*,*,6040,")
    nightly(home)
    assert (booked(home), net(home)) == (keys, before)
    assert problems(home) == [("rule_change_waits", "accounts")]
    settlements = (f"settlement:{B.settlement_id}:2026-09", f"settlement:{F.settlement_id}:2026-10")
    assert waiting(home) == {"accounts": {f"amazon:{key}" for key in settlements}}
    (said,) = opened(home).exceptions.open()
    fees = -sum(row.amount for row in (*B_CORRECTED.rows, *F.rows[:8]) if row.amount_description == "Commission")
    assert said.severity == "warning"
    assert said.message == (
        f"Today's account rules would book 2 entries of 2026-09 to 2026-10 otherwise: {fees} USD would move, in all "
        f"6000 -{fees} USD, 6040 {fees} USD. Nothing was changed in the ledger."
    )
    assert findings(home) == []
    rewrite(home, "posting_rules", "referral_fee,*,*,*,6040,", "referral_fee,*,*,*,6000,")
    nightly(home)
    assert problems(home) == []


def test_an_approved_change_corrects_the_past_and_nothing_else(home: Home) -> None:
    """Ann, who prepared no rule, approves: both settlements are reversed and booked anew, to the sum of a home that began so."""
    before, deposits = net(home), [key for key in booked(home) if ":deposit:" in key]
    rewrite(home, "posting_rules", "referral_fee,*,*,*,6000,", "referral_fee,*,*,*,6040,")
    nightly(home)
    (said,) = opened(home).exceptions.open()
    with pytest.raises(RetailSyncError, match="who prepares does not approve"):
        approve(opened(home), said.exception_id, by="Finance", reason="we decided so")
    assert approve(opened(home), said.exception_id, by="Ann", reason="board of 12 October") == 2
    hourly(home)
    assert problems(home) == []
    moved = {(key, "6040" if account == "6000" else account, currency): minor
             for (key, account, currency), minor in before.items()}  # fmt: skip
    assert net(home) == moved
    assert [key for key in booked(home) if ":deposit:" in key] == deposits
    keys = booked(home)
    hourly(home)
    assert booked(home) == keys
    assert findings(home) == []
    with pytest.raises(RetailSyncError, match="nothing waits"):
        approve(opened(home), said.exception_id, by="Ann", reason="again")


def test_an_approval_is_of_what_waited_not_of_the_next_change(home: Home) -> None:
    """The rule is changed once more before the next run: what would be booked now was never approved."""
    keys = booked(home)
    rewrite(home, "posting_rules", "referral_fee,*,*,*,6000,", "referral_fee,*,*,*,6040,")
    nightly(home)
    (said,) = opened(home).exceptions.open()
    approve(opened(home), said.exception_id, by="Ann", reason="board of 12 October")
    rewrite(home, "posting_rules", "referral_fee,*,*,*,6040,", "referral_fee,*,*,*,6050,")
    nightly(home)
    assert booked(home) == keys
    assert problems(home) == [("rule_change_waits", "accounts")]


def change_bank_account(home: Home) -> None:
    """Deposits go to another account from today."""
    rewrite(home, "posting_rules", "bank,*,*,*,1000,", "bank,*,*,*,1010,")


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
    assert problems(home) == [("rule_change_waits", "accounts")]
    assert waiting(home) == {"accounts": {DEPOSIT}}


def test_a_new_settlement_is_booked_by_the_new_rule(home: Home) -> None:
    """The past waits, the next settlement does not."""
    keys = booked(home)
    rewrite(home, "posting_rules", "referral_fee,*,*,*,6000,", "referral_fee,*,*,*,6040,")
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


def suggest_only(home: Home) -> None:
    """From today a payout of the exact amount is a suggestion that a person confirms."""
    rewrite(
        home,
        "match_rules",
        EXACT,
        exact_rule(2, 1, 5, is_confirming=False),
    )


def forget_the_payer(home: Home) -> None:
    """The pattern that recognises the channel's payments is mistyped."""
    rewrite(home, "bank_payers", "AMAZON|AMZN", "AMAZONAS")


@pytest.mark.parametrize(
    "steps",
    [
        (suggest_only,),
        (forget_the_payer,),
        (suggest_only, deliver_overlapping_statement),
        (suggest_only, forget_warehouse),
        (forget_warehouse, suggest_only),
    ],
)
def test_a_matching_rule_takes_no_deposit_out_of_the_books(
    home: Home, steps: tuple[Callable[[Home], None], ...]
) -> None:
    """The settlement and the bank line are what they were: that they are not put together any more is the rule's doing."""
    keys = booked(home)
    for step in steps:
        step(home)
        hourly(home)
    assert booked(home) == keys
    assert waiting(home) == {"bank matching": {DEPOSIT}}


@pytest.mark.parametrize("changed_before", [False, True])
def test_a_second_payment_that_fits_takes_the_deposit_out(home: Home, *, changed_before: bool) -> None:
    """With two payments of one amount nobody knows which is the payout: that is evidence, and corrects.

    A rule changed long ago, under which the match stood, does not make it the rule's doing.
    """
    if changed_before:
        rewrite(
            home,
            "match_rules",
            EXACT,
            exact_rule(2, 1, 6, is_confirming=True),
        )
        hourly(home)
    again = TINY_BANK.splitlines(keepends=True)[-1].replace(b"2026-09-18", b"2026-09-19")
    drop(home, {"bank/later.csv": TINY_BANK + again})
    hourly(home)
    assert f"{DEPOSIT}#1R" in booked(home)
    assert waiting(home) == {}


def test_a_payment_that_a_rule_gives_to_another_settlement_is_booked_once(tmp_path: Path) -> None:
    """Two settlements of one amount, paid three weeks apart, and one bank line: the rule decides whose it is."""
    home = new_home(tmp_path / "home")
    shutil.copytree(PROJECT_ROOT / "data" / "rules", home.root / "rules")
    later = replace(
        B_CORRECTED, settlement_id="50000000099", **{
            name: getattr(B_CORRECTED, name) + timedelta(days=20) for name in ("start_at", "end_at", "deposit_at")
        }, rows=tuple(replace(r, posted_at=r.posted_at + timedelta(days=20)) for r in B_CORRECTED.rows)
    )  # fmt: skip
    drop(home, TINY | {"amazon/later.txt": write_v2(later)})
    nightly(home)
    assert f"{DEPOSIT}#1" in booked(home)
    keys = booked(home)
    rewrite(
        home,
        "match_rules",
        EXACT,
        exact_rule(2, 30, -5, is_confirming=True),
    )
    nightly(home)
    assert booked(home) == keys
    assert waiting(home) == {"bank matching": {DEPOSIT}}
    assert ("bank_movement_booked", "amazon:deposit:50000000099") in problems(home)


def test_a_category_that_makes_another_entry_waits_whole(home: Home) -> None:
    """Storage fees called failed transfers: the settlement entry waits, so the transfer's own entry must not be booked."""
    keys, before = booked(home), net(home)
    path = home.root / "rules" / "settlement_categories.csv"
    old = "OTHER_TRANSACTION,STORAGE_FEE,*,storage_fee"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, old.replace("storage_fee", "failed_transfer")), encoding="utf-8")
    nightly(home)
    assert (booked(home), net(home)) == (keys, before)
    told = waiting(home)
    assert told.keys() == {"categories"}
    assert {key.split(":")[1] for key in told["categories"]} == {"settlement", "failed-transfer"}


@pytest.mark.parametrize("how", ["nothing new", "a new day"])
def test_a_changed_tolerance_of_drawers_is_in_force_at_once(make_home: Callable[..., Home], how: str) -> None:
    """6.00 short: told while 5.00 are tolerated, not told with 10.00, and told again with 2.50, as after a rebuild."""
    tills = make_home("tills", settings=SOURCES)
    shutil.copytree(PROJECT_ROOT / "data" / "rules", tills.root / "rules")
    short = (DRAWERS, "7,1,S1,2026-10-14 08:00,2026-10-14 20:00,200.00,806.00")
    deliver(opened(tills), DAY | {"drawers": short})
    hourly(tills)
    told = [("drawer_over_short", "7 2026-10-14 1")]
    assert problems(tills) == told
    for old, new, wanted in (("5", "10", []), ("10", "2.50", told)):
        rewrite(
            tills,
            "match_rules",
            f"drawer,1,small_difference,1,one_to_one,any,{old},",
            f"drawer,1,small_difference,1,one_to_one,any,{new},",
        )
        if how == "a new day":
            deliver(
                opened(tills), {name: _a_day_of_october(20 + int(new[0]), lines) for name, lines in DAY.items()}, new
            )
        hourly(tills)
        assert [problem for problem in problems(tills) if problem[0] == "drawer_over_short"] == wanted
        keys, before = booked(tills), digest(tills)
        forget_warehouse(tills)
        hourly(tills)
        assert (digest(tills), booked(tills)) == (before, keys)


def _a_day_of_october(day: int, lines: Sequence[str]) -> list[str]:
    """The same sales on another day, with numbers of their own."""
    dated = [line.replace("10-14", f"10-{day}") for line in lines[1:]]
    return [lines[0], *(line.replace("7,1,R", f"7,1,R{day}").replace("7,1,S", f"7,1,S{day}") for line in dated)]
