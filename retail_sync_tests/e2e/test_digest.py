"""Order does not matter, repetition does not matter: the same deliveries give the same digest, whatever runs took them in.

The one thing that counts is which of two issues of one settlement arrived later; that has its own tests here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from retail_sync.settings import Home
from retail_sync_tests.e2e.company import (
    ALL,
    CORRECTED,
    FIRST_DAY,
    KEYS,
    LAST_DAY,
    ONCE,
    ORIGINAL,
    PROBLEMS,
    TINY_BEFORE,
    B,
)
from retail_sync_tests.e2e.conftest import Golden
from retail_sync_tests.e2e.line import (
    booked,
    copied,
    digest,
    drop,
    empty_inbox,
    findings,
    forget_warehouse,
    hourly,
    month_end,
    net,
    new_home,
    nightly,
    problems,
    states,
)
from retail_sync_tests.journal import test_deferrals

pytestmark = pytest.mark.long

Run = Callable[[Home], None]


def whole_range(home: Home) -> None:
    """A month-end backfill over everything."""
    month_end(home, FIRST_DAY, LAST_DAY)


def file_by_file(home: Home, names: Iterable[str], files: dict[str, bytes], *, at_once: int = 1) -> None:
    """Deliver one file (or so many) at a time, with an hourly run after each."""
    left = list(names)
    while left:
        drop(home, {name: files[name] for name in left[:at_once]})
        hourly(home)
        del left[:at_once]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A fresh home."""
    return new_home(tmp_path / "home")


@pytest.fixture
def home_before(wrong_first: Golden, tmp_path: Path) -> Home:
    """A home whose books rest on the wrong first issue of one settlement."""
    return copied(wrong_first.home, tmp_path / "before")


@pytest.fixture(scope="module")
def corrected(wrong_first: Golden, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same home after the hourly run that saw the correction (copy, do not touch)."""
    home = copied(wrong_first.home, tmp_path_factory.mktemp("corrected") / "home")
    drop(home, CORRECTED)
    hourly(home)
    return home


def test_the_golden_run_is_right(golden: Golden) -> None:
    """Everything else is compared with this run, so it must hold what was worked out by hand."""
    assert booked(golden.home) == KEYS
    assert states(golden.home) == {"verified": len(KEYS)}
    assert problems(golden.home) == sorted(PROBLEMS)
    assert findings(golden.home) == []
    assert golden.net[f"amazon:deposit:{B.settlement_id}", "1000", "USD"] == 14260


def test_running_again_changes_nothing(golden: Golden) -> None:
    """Each kind of run once more over the same deliveries."""
    for again in (hourly, nightly, whole_range):
        again(golden.home)
        assert digest(golden.home) == golden.digest
    assert booked(golden.home) == KEYS


def test_hourly_file_by_file(home: Home, golden: Golden) -> None:
    """The hourly runs saw each file alone, the bank last, and ended where the one nightly run did."""
    file_by_file(home, ALL, ALL)
    assert digest(home) == golden.digest
    assert findings(home) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shuffled_files(home: Home, golden_once: Golden, seed: int) -> None:
    """A debt may arrive before the settlement that left it, a deposit before its payout."""
    names = sorted(ONCE)
    random.Random(seed).shuffle(names)
    file_by_file(home, names, ONCE, at_once=2)
    assert digest(home) == golden_once.digest
    assert findings(home) == []


def test_month_end_instead(home: Home, golden: Golden) -> None:
    """A backfill over the whole range on a home where nothing ever ran."""
    drop(home, ALL)
    whole_range(home)
    assert digest(home) == golden.digest
    assert booked(home) == KEYS


def test_month_ends_in_any_order(home: Home, golden: Golden) -> None:
    """Month by month, the last first, and some of it twice."""
    drop(home, ALL)
    for first, last in (("2026-11-01", "2026-11-30"), ("2026-09-01", "2026-10-31"), ("2026-09-01", "2026-09-30")):
        month_end(home, first, last)
    assert digest(home) == golden.digest


@pytest.mark.parametrize("rebuild", [hourly, whole_range])
def test_deleted_warehouse_is_rebuilt(corrected: Home, tmp_path: Path, golden: Golden, rebuild: Run) -> None:
    """Deleted with its write-ahead log after several runs: read again from raw, nothing in the ledger changes."""
    home = copied(corrected, tmp_path / "home")
    empty_inbox(home)
    before = booked(home)
    forget_warehouse(home)
    rebuild(home)
    assert digest(home) == golden.digest
    assert booked(home) == before


def test_the_same_on_ducklake(tmp_path: Path) -> None:
    """Growing past one machine is a setting: an hourly run, then a nightly one that corrects and books deferred sales."""

    def run_twice(name: str, warehouse: str) -> Home:
        home = new_home(tmp_path / name, f"{warehouse}\n{test_deferrals.OURS}\n{test_deferrals.DEFERRED}")
        drop(home, TINY_BEFORE)
        hourly(home)
        deferred = "\n".join((test_deferrals.HEADER, *test_deferrals.ROWS)) + "\n"
        drop(home, CORRECTED | {"deferred/november.csv": deferred.encode()})
        nightly(home)
        return home

    lake = run_twice("lake", '[warehouse]\nurl = "ducklake:catalog.ducklake"')
    plain = run_twice("plain", "")
    assert digest(lake) == digest(plain)
    assert net(lake) == net(plain)
    assert set(CORRECTION) | {f"{test_deferrals.KEY}#1", f"{test_deferrals.KEY}:reversal#1"} <= set(booked(lake))
    assert findings(lake) == []


# ---- The re-issued settlement ------------------------------------------------------------------

SEPTEMBER = f"amazon:settlement:{B.settlement_id}:2026-09"
CORRECTION = [f"{SEPTEMBER}#1", f"{SEPTEMBER}#1R", f"{SEPTEMBER}#2"]
SEQUENCES: dict[str, tuple[Run, ...]] = {
    "nightly": (nightly, nightly),
    "month-end": (whole_range, hourly),
}


def assert_corrected_once(home: Home, golden: Golden, wrong_first: Golden) -> None:
    """One reversal, one version 2, the books as if the correction came first."""
    assert [key for key in booked(home) if key.startswith(SEPTEMBER)] == CORRECTION
    assert set(booked(home)) == {*KEYS, *CORRECTION}
    assert net(home) == golden.net != wrong_first.net
    assert digest(home) == golden.digest
    assert findings(home) == []


def test_an_hourly_run_corrects_a_reissue_once(
    corrected: Home, tmp_path: Path, golden: Golden, wrong_first: Golden
) -> None:
    """Right after it, and after every other kind of run."""
    assert_corrected_once(corrected, golden, wrong_first)
    home = copied(corrected, tmp_path / "home")
    for run in (whole_range, nightly, whole_range):
        run(home)
    assert_corrected_once(home, golden, wrong_first)


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_reissue_is_corrected_once(home_before: Home, golden: Golden, wrong_first: Golden, name: str) -> None:
    """Whatever runs see the correction, and however often."""
    drop(home_before, CORRECTED)
    for run in SEQUENCES[name]:
        run(home_before)
    assert_corrected_once(home_before, golden, wrong_first)


def test_a_reissue_after_the_warehouse_was_deleted(home_before: Home, golden: Golden) -> None:
    """The run that rebuilds the warehouse is the one that first sees the correction."""
    forget_warehouse(home_before)
    drop(home_before, CORRECTED)
    hourly(home_before)
    assert [key for key in booked(home_before) if key.startswith(SEPTEMBER)] == CORRECTION
    assert digest(home_before) == golden.digest


def test_the_later_issue_counts(home: Home, golden: Golden) -> None:
    """Should the wrong issue arrive last, it is the one in force: a file carries no date of issue to go by."""
    drop(home, ONCE | CORRECTED)
    hourly(home)
    assert net(home) == golden.net
    drop(home, ORIGINAL)
    hourly(home)
    assert [key for key in booked(home) if key.startswith(SEPTEMBER)] == CORRECTION
    assert net(home) != golden.net
    assert findings(home) == []


def test_a_deleted_warehouse_without_all_raw_files_reverses_nothing(golden: Golden, tmp_path: Path) -> None:
    """Retention deleted files, then the warehouse was lost: what cannot be read again stays booked."""
    home = copied(golden.home, tmp_path / "home")
    empty_inbox(home)
    before = booked(home)
    for path in (home.state / "raw").rglob("*.zst"):
        path.unlink()
    forget_warehouse(home)
    nightly(home)
    assert booked(home) == before
    assert {code for code, _ in problems(home)} == {"delivery_refused", "rebuild_incomplete"}


def test_a_backfill_after_retention_keeps_what_was_read(golden: Golden, tmp_path: Path) -> None:
    """The raw files of September are gone by the retention setting; a backfill of September must not lose its facts."""
    home = copied(golden.home, tmp_path / "home")
    empty_inbox(home)
    for path in (home.state / "raw").rglob("*.zst"):
        path.unlink()
    month_end(home, "2026-09-01", "2026-09-30")
    assert digest(home) == golden.digest
    assert problems(home) == sorted(PROBLEMS)
