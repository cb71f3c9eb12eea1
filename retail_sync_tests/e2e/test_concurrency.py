"""Several at once: the schedule meets a run by hand, readers meet a writer, and nobody loses anything."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from retail_sync.core.errors import WarehouseBusy
from retail_sync.journal.releasing import Before, read_wanted
from retail_sync.operations.releases import Releaser
from retail_sync.settings import Home
from retail_sync_tests.e2e import processes
from retail_sync_tests.e2e.company import ALL, CORRECTED, TINY
from retail_sync_tests.e2e.conftest import Golden
from retail_sync_tests.e2e.line import booked, copied, digest, drop, findings, hourly, new_home, nightly, opened, states

pytestmark = pytest.mark.long

PROGRAM = str(Path(sys.executable).with_name("retail-sync"))


def writer(home: Home, seconds: float) -> BaseProcess:
    """A process that holds the warehouse for so long; returns once it does."""
    held = home.state / "held"
    process = processes.start(processes.hold_warehouse, home.root, held, seconds)
    deadline = time.monotonic() + processes.WAIT_SECONDS
    while not held.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A fresh home with the tiny company's files."""
    made = new_home(tmp_path / "home")
    drop(made, TINY)
    return made


def test_two_lines_at_once_on_a_fresh_home(tmp_path: Path, golden: Golden) -> None:
    """Both create what is missing, both take in the same files; each file is loaded and each entry posted once."""
    home = new_home(tmp_path / "home")
    drop(home, ALL)
    assert processes.together((processes.run_line, home.root), (processes.run_line, home.root)) == [0, 0]
    assert digest(home) == golden.digest
    assert booked(home) == booked(golden.home)
    assert findings(home) == []


def test_three_lines_at_once_on_a_correction(wrong_first: Golden, golden: Golden, tmp_path: Path) -> None:
    """None of them may release what it read before another one released the correction."""
    home = copied(wrong_first.home, tmp_path / "home")
    drop(home, CORRECTED)
    assert processes.together(*[(processes.run_line, home.root)] * 3) == [0, 0, 0]
    assert digest(home) == golden.digest
    assert sum(key.endswith("R") for key in booked(home)) == 1
    assert set(states(home)) == {"verified"}


def test_a_release_that_had_to_wait_reads_what_is_desired_now(
    wrong_first: Golden, golden: Golden, tmp_path: Path
) -> None:
    """It waits for the posting lock while another run releases a correction: what it knew before must not take that back."""
    home = copied(wrong_first.home, tmp_path / "home")
    late, early = opened(home, "late"), opened(home, "early")
    with early._posting_lock():
        waiting = threading.Thread(target=late.release, args=("late",))
        waiting.start()
        time.sleep(0.3)
        drop(home, CORRECTED)
        for stage in (early.receive_inbox, early.load, early.reconcile, early.journal):
            stage()
        releaser = Releaser(early.operations, early.ledger.name, "early", "early", lambda day: day)
        before = Before(releaser.last_words(), releaser.accounts)
        with early.writing("release") as connection:
            wanted = read_wanted(connection, early.registry.all(), before, early._booking())
        assert releaser.release(wanted.entries, wanted.ready, wanted.sight).corrected == 1
    waiting.join(60)
    hourly(home)
    assert [key.partition("#")[2] for key in booked(home) if not key.endswith("#1")] == ["1R", "2"]
    assert digest(home) == golden.digest


def test_a_second_writer_waits(home: Home) -> None:
    """The hourly run that meets the nightly one starts when that has ended, and says nothing."""
    first = writer(home, 1.0)
    began = time.monotonic()
    hourly(home)
    assert time.monotonic() - began > 0.5
    assert processes.ended(first) == 0
    assert set(states(home)) == {"verified"}


def test_a_second_writer_that_may_not_wait_says_who_holds_it(home: Home) -> None:
    """Exit code 2 and a sentence with the holder's process number and purpose; as the command line tells it."""
    (home.root / "retail_sync.toml").write_text(
        "[warehouse]\nlock_wait_seconds = 0\n" + (home.root / "retail_sync.toml").read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    first = writer(home, 30)
    try:
        with pytest.raises(WarehouseBusy) as refused:
            hourly(home)
        assert f"process {first.pid}: close the books" in refused.value.message
        assert "wait for that run to end" in refused.value.remedy
        answer = subprocess.run(
            [PROGRAM, "digest", "--home", str(home.root)], capture_output=True, text=True, check=False, timeout=60
        )
        assert (answer.returncode, f"process {first.pid}" in answer.stderr) == (2, True)
    finally:
        first.kill()
    assert processes.ended(first) == -signal.SIGKILL
    hourly(home)  # the kernel freed the lock with its holder


def test_reading_while_somebody_writes(home: Home) -> None:
    """People's tools read what was published last, without waiting, and see the new copy at once."""
    nightly(home)
    first = writer(home, 30)
    try:
        with opened(home).warehouse.reading() as connection:
            assert connection.execute("select count(*) from canonical.settlements").fetchone() == (2,)
    finally:
        first.kill()
        processes.ended(first)
    with opened(home).warehouse.reading() as old:
        drop(home, {"amazon/a.txt": ALL["amazon/a.txt"]})
        nightly(home)
        assert old.execute("select count(*) from canonical.settlements").fetchone() == (2,)
        with opened(home).warehouse.reading() as new:
            assert new.execute("select count(*) from canonical.settlements").fetchone() == (3,)


def test_a_fresh_dagster_home_opened_by_two_processes(home: Home) -> None:
    """Two processes that initialised one instance at once crashed each other: now they take turns."""
    calls = [(processes.open_dagster, home.root)] * 2
    assert processes.together(*calls) == [0, 0]
    assert (home.state / "dagster" / "dagster.yaml").exists()


@pytest.mark.slow
def test_two_hourly_jobs_at_once(home: Home, tmp_path: Path) -> None:
    """The command line twice at one moment on a fresh home, Dagster and all."""
    command = [PROGRAM, "run", "hourly", "--home", str(home.root)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], ends
    alone = new_home(tmp_path / "alone")
    drop(alone, TINY)
    nightly(alone)
    assert digest(home) == digest(alone)
    assert booked(home) == booked(alone)
