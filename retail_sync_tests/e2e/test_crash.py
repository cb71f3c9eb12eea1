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
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from retail_sync.core.failpoints import NAMES
from retail_sync.schemas.tables import TABLES
from retail_sync.settings import Home
from retail_sync_tests.e2e import processes
from retail_sync_tests.e2e.line import (
    booked,
    copied,
    digest,
    drop,
    empty_inbox,
    findings,
    net,
    new_home,
    nightly,
    opened,
    problems,
    stages,
    states,
)
from retail_sync_tests.e2e.tiny_retailer import (
    ENTRIES,
    FILES,
    FILES_AFTER,
    FILES_BEFORE,
    KEYS,
    KEYS_CORRECTED,
    PROBLEMS,
    SETTINGS,
)

pytestmark = pytest.mark.long

# The steps whose stage has another name: each is a transaction of its own.
STAGE_OF = dict.fromkeys(("tables", "statements"), "canonical") | dict.fromkeys(
    ("settlements", "orders", "store_days", "availability", "inventory", "inventory_ledger", "returns", "order_traces"),
    "reconcile",
)
# Stock is compared with the ledger alone where the ledger moved and nothing else did: after the first run.
LATER_ONLY = ("inventory_ledger.before_commit", "inventory_ledger.after_commit")
# Asking a running system has kills of its own: connectors/test_pulling.py.
PULLING = tuple(name for name in NAMES if name.startswith(("pull.", "drop.")))
AFTER_RELEASE = tuple(name for name in NAMES if name.startswith(("release.", "posting.")))


@dataclass(frozen=True)
class Walked:
    """A line run without a fault: the home as it was before each stage (copy, do not touch), and at the end."""

    before: dict[str, Home]
    home: Home
    digest: dict[str, str]

    def copy_before(self, failpoint: str, root: Path) -> Home:
        """The home on which the stage of that failpoint is the first that has work."""
        step = failpoint.split(".")[0]
        return copied(self.before[STAGE_OF.get(step, step)], root)


def walked(home: Home, root: Path) -> Walked:
    """Run the line stage by stage, and keep the home as each of them found it."""
    before = {}
    for stage in stages(opened(home)):
        before[stage] = copied(home, root / stage)
        stages(opened(home))[stage]()
        if stage == "raw":
            empty_inbox(home)  # all is in the archive now; a copy would take its files in a second time
    return Walked(before, home, digest(home))


def fresh(root: Path) -> Home:
    """The home of the tiny retailer before its first run."""
    home = new_home(root, SETTINGS)
    drop(home, FILES)
    return home


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """The tiny retailer run without a fault."""
    root = tmp_path_factory.mktemp("tiny")
    return walked(fresh(root / "home"), root)


@pytest.fixture(scope="session")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """The same retailer, whose books rested on a wrong first issue: the run that corrects it."""
    root = tmp_path_factory.mktemp("corrected")
    home = new_home(root / "home", SETTINGS)
    drop(home, FILES_BEFORE)
    nightly(home)
    empty_inbox(home)
    drop(home, FILES_AFTER)
    return walked(home, root)


def assert_whole(home: Home, expected: Walked, keys: list[str]) -> None:
    """The digest is that of the faultless run, the ledger holds each entry once, and what is open is what should be."""
    assert digest(home) == expected.digest
    assert booked(home) == keys
    assert states(home) == {"verified": len(keys)}
    assert findings(home) == []
    assert problems(home) == PROBLEMS


def killed_then_run(home: Home, failpoint: str) -> None:
    """Die at the failpoint, then run again; both within a minute."""
    assert processes.run(processes.run_line, home.root, failpoint) == -signal.SIGKILL
    assert processes.run(processes.run_line, home.root) == 0


def test_every_step_has_something_to_do(tiny: Walked) -> None:
    """What is killed below is no empty commit: every table of reconcile has rows, and the books are right."""
    assert_whole(tiny.home, tiny, KEYS)
    effect: dict[str, dict[str, int]] = defaultdict(dict)
    for (key, account, _), minor in net(tiny.home).items():
        effect[key][account] = minor
    assert {key: effect[key] for key in ENTRIES} == ENTRIES
    with opened(tiny.home).warehouse.reading() as connection:
        empty = {
            table.qualified
            for table in TABLES
            if table.schema == "reconcile" and not connection.sql(f"from {table.qualified} limit 1").fetchall()
        }
    # Receipts of days that do not foot, what was refunded or came back, small differences under a cap, a second ERP: here are none.
    assert empty == {
        "reconcile.store_day_receipts", "reconcile.returns", "reconcile.cleared_differences", "reconcile.parallel_runs",
    }  # fmt: skip


@pytest.mark.parametrize("failpoint", [name for name in NAMES if name not in (*LATER_ONLY, *PULLING)])
def test_killed_at(failpoint: str, tiny: Walked, tmp_path: Path) -> None:
    """The run that first does that stage dies there; the next one finishes its work."""
    home = tiny.copy_before(failpoint, tmp_path / "home")
    killed_then_run(home, failpoint)
    assert_whole(home, tiny, KEYS)


@pytest.mark.parametrize(
    "failpoint", [*LATER_ONLY, *(pytest.param(name, marks=pytest.mark.slow) for name in AFTER_RELEASE)]
)
def test_a_correction_killed_at(failpoint: str, tiny: Walked, corrected: Walked, tmp_path: Path) -> None:
    """Reversal and next version are one decision: no kill may book one without the other, or either twice."""
    home = corrected.copy_before(failpoint, tmp_path / "home")
    killed_then_run(home, failpoint)
    assert_whole(home, tiny, KEYS_CORRECTED)


@pytest.mark.slow
def test_killed_again_and_again(tiny: Walked, tmp_path: Path) -> None:
    """A machine that dies in every run: each run gets one step further, and nothing is done twice."""
    home = fresh(tmp_path / "home")
    for failpoint in (
        "raw.after_register",
        "canonical.after_commit",
        "orders.before_commit",
        "inventory.after_commit",
        *AFTER_RELEASE,
        "publish.before_rename",
    ):
        processes.run(processes.run_line, home.root, failpoint)
    assert processes.run(processes.run_line, home.root) == 0
    assert_whole(home, tiny, KEYS)


def test_a_reader_sees_whole_copies_only(tiny: Walked, tmp_path: Path) -> None:
    """Killed while publishing, the readers' copy is the old one or the new one, and can be opened."""
    home = copied(tiny.home, tmp_path / "home")
    for failpoint in ("publish.before_rename", "publish.after_rename"):
        assert processes.run(processes.run_line, home.root, failpoint) == -signal.SIGKILL
        with opened(home).warehouse.reading() as connection:
            assert connection.execute("select count(*) from journal.entries").fetchone() == (len(KEYS),)


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


def first_step_began(home: Home) -> float:
    """When the newest run of a home began its first step, in seconds since 1970."""
    from dagster import DagsterEventType

    from retail_sync.defs.launch import prepare_instance

    instance = prepare_instance(home)
    [newest] = instance.get_runs(limit=1)
    return min(event.timestamp for event in instance.all_logs(newest.run_id, of_type=DagsterEventType.STEP_START))


# Every failpoint is driven above; through the command line, where a run costs a quarter of a minute, one of each step.
ONE_PER_STEP = (
    "raw.after_register",
    "tables.after_commit",
    "canonical.before_commit",
    "statements.before_commit",
    "settlements.after_commit",
    "orders.before_commit",
    "store_days.after_commit",
    "availability.before_commit",
    "inventory.after_commit",
    "order_traces.before_commit",
    "journal.after_commit",
    "clearing.before_commit",
    "release.after_commit",
    "posting.after_send",
    "publish.before_rename",
)
STARTS_WITHIN_SECONDS = 30


@pytest.mark.slow
@pytest.mark.usefixtures("own_environment")
@pytest.mark.parametrize("failpoint", ONE_PER_STEP)
def test_the_nightly_job_killed_at(failpoint: str, tiny: Walked, tmp_path: Path) -> None:
    """Dagster adds its own state: a dead run must not keep the next one waiting, and must not look alive."""
    home = tiny.copy_before(failpoint, tmp_path / "home")
    nightly_run = ("run", "nightly", "--date", "2026-11-20")
    dead = command(home, *nightly_run, failpoint=failpoint)
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    launched = time.time()
    again = command(home, *nightly_run)
    assert again.returncode == 1, again.stderr  # it ran, and what is missing in the store needs a person
    assert first_step_began(home) - launched < STARTS_WITHIN_SECONDS
    assert_whole(home, tiny, KEYS)
    assert run_states(home) == ["success", "failure"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment(seed: int, tiny: Walked, tmp_path: Path) -> None:
    """Not only where we thought of it: five kills at random moments of a run, then one that is left alone."""
    home = fresh(tmp_path / "home")
    rng = random.Random(seed)
    for _ in range(5):
        process = processes.start(processes.run_line, home.root)
        time.sleep(rng.uniform(0.05, 3))
        process.kill()
        processes.ended(process)
    assert processes.run(processes.run_line, home.root) == 0
    assert_whole(home, tiny, KEYS)
