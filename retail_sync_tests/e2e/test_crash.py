"""Failure does not matter: killed at any named place, a home ends where a run without any fault ends.

The kill is SIGKILL, in a process of its own. The run after it must start without waiting for anybody, and the ledger must
hold each entry once. Here the stages run without Dagster; the slow set kills the command line itself.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retail_sync.core.failpoints import NAMES
from retail_sync.settings import Home
from retail_sync_tests.e2e import processes
from retail_sync_tests.e2e.company import CORRECTED, TINY, TINY_BEFORE
from retail_sync_tests.e2e.conftest import Golden
from retail_sync_tests.e2e.line import (
    booked,
    copied,
    digest,
    drop,
    findings,
    net,
    new_home,
    nightly,
    opened,
    states,
)

AFTER_RELEASE = tuple(name for name in NAMES if name.startswith(("release.", "posting.")))


@pytest.fixture(scope="session")
def before(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A tiny home whose books rest on a wrong first issue; its correction lies in the inbox."""
    home = new_home(tmp_path_factory.mktemp("before") / "home")
    drop(home, TINY_BEFORE)
    nightly(home)
    drop(home, CORRECTED)
    return home


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """The tiny home run without a fault."""
    home = new_home(tmp_path_factory.mktemp("tiny") / "home")
    drop(home, TINY)
    nightly(home)
    return Golden(home, digest(home), net(home))


@pytest.fixture(scope="session")
def tiny_corrected(before: Home, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the ledger of the tiny home holds once it was corrected without a fault."""
    home = copied(before, tmp_path_factory.mktemp("corrected") / "home")
    nightly(home)
    return booked(home)


def assert_whole(home: Home, expected: Golden, keys: list[str]) -> None:
    """The digest is that of the faultless run, and the ledger holds each entry once."""
    assert digest(home) == expected.digest
    assert booked(home) == keys
    assert states(home) == {"verified": len(keys)}
    assert findings(home) == []


def killed_then_run(home: Home, failpoint: str) -> None:
    """Die at the failpoint, then run again; both within a minute."""
    assert processes.run(processes.run_line, home.root, failpoint) == -signal.SIGKILL
    assert processes.run(processes.run_line, home.root) == 0


@pytest.mark.parametrize("failpoint", NAMES)
def test_killed_at(failpoint: str, tiny: Golden, tmp_path: Path) -> None:
    """The first run of a home dies there; the next one finishes its work."""
    home = new_home(tmp_path / "home")
    drop(home, TINY)
    killed_then_run(home, failpoint)
    assert_whole(home, tiny, booked(tiny.home))


@pytest.mark.parametrize("failpoint", AFTER_RELEASE)
def test_a_correction_killed_at(
    failpoint: str, before: Home, tiny: Golden, tiny_corrected: list[str], tmp_path: Path
) -> None:
    """Reversal and next version are one decision: no kill may book one without the other, or either twice."""
    home = copied(before, tmp_path / "home")
    killed_then_run(home, failpoint)
    assert_whole(home, tiny, tiny_corrected)
    assert any(key.endswith("R") for key in tiny_corrected)


@pytest.mark.long
def test_killed_again_and_again(tiny: Golden, tmp_path: Path) -> None:
    """A machine that dies in every run: each run gets one step further, and nothing is done twice."""
    home = new_home(tmp_path / "home")
    drop(home, TINY)
    for failpoint in ("raw.after_register", "canonical.after_commit", *AFTER_RELEASE, "publish.before_rename"):
        processes.run(processes.run_line, home.root, failpoint)
    assert processes.run(processes.run_line, home.root) == 0
    assert_whole(home, tiny, booked(tiny.home))


def test_a_reader_sees_whole_copies_only(tiny: Golden, tmp_path: Path) -> None:
    """Killed while publishing, the readers' copy is the old one or the new one, and can be opened."""
    home = copied(tiny.home, tmp_path / "home")
    for failpoint in ("publish.before_rename", "publish.after_rename"):
        assert processes.run(processes.run_line, home.root, failpoint) == -signal.SIGKILL
        with opened(home).warehouse.reading() as connection:
            assert connection.execute("select count(*) from journal.entries").fetchone() == (len(booked(home)),)


# ---- Through the command line and Dagster ------------------------------------------------------

PROGRAM = str(Path(sys.executable).with_name("retail-sync"))


def command(home: Home, *arguments: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command line in a fresh process; a minute is the limit."""
    return subprocess.run(
        [PROGRAM, *arguments, "--home", str(home.root)],
        env=os.environ | {"RETAIL_SYNC_FAILPOINT": failpoint},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run_states(home: Home) -> list[str]:
    """How Dagster shows the runs of a home, newest first."""
    from retail_sync.defs.launch import last_runs

    return [run["status"] for run in last_runs(home)]


# Every failpoint is driven above; through the command line, where a run costs half a minute, one of each stage.
ONE_PER_STAGE = (
    "raw.after_register",
    "canonical.before_commit",
    "reconcile.after_commit",
    "journal.after_commit",
    "release.after_commit",
    "posting.after_send",
    "publish.before_rename",
)


@pytest.mark.slow
@pytest.mark.usefixtures("own_environment")
@pytest.mark.parametrize("failpoint", ONE_PER_STAGE)
def test_the_nightly_job_killed_at(failpoint: str, tiny: Golden, tmp_path: Path) -> None:
    """Dagster adds its own state: a dead run must not keep the next one waiting, and must not look alive."""
    home = new_home(tmp_path / "home")
    drop(home, TINY)
    nightly_run = ("run", "nightly", "--date", "2026-11-20")
    dead = command(home, *nightly_run, failpoint=failpoint)
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    again = command(home, *nightly_run)
    assert again.returncode == 0, again.stderr
    assert_whole(home, tiny, booked(tiny.home))
    assert run_states(home) == ["success", "failure"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment(seed: int, tiny: Golden, tmp_path: Path) -> None:
    """Not only where we thought of it: five kills at random moments of a run, then one that is left alone."""
    home = new_home(tmp_path / "home")
    drop(home, TINY)
    rng = random.Random(seed)
    for _ in range(5):
        process = processes.start(processes.run_line, home.root)
        time.sleep(rng.uniform(0.05, 1.5))
        process.kill()
        processes.ended(process)
    assert processes.run(processes.run_line, home.root) == 0
    assert_whole(home, tiny, booked(tiny.home))
