"""One writer at a time: a second one waits, gives up in words, and never finds a dead process in its way."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retail_sync.core.errors import WarehouseBusy
from retail_sync.core.locks import exclusive

_HOLD = (
    "import sys, time; from pathlib import Path; from retail_sync.core.locks import exclusive\n"
    "with exclusive(Path(sys.argv[1]), 5, 'nightly run'):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


@contextmanager
def another_process_holding(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_holder_waits_and_then_names_the_first(tmp_path: Path) -> None:
    """Two runs at once would write one warehouse: the second waits its time and says who is in the way and what to do."""
    path = tmp_path / "warehouse.lock"
    with another_process_holding(path) as holder:
        began = time.monotonic()
        with pytest.raises(WarehouseBusy) as caught, exclusive(path, 0.3, "hourly run"):
            pytest.fail("two processes hold one lock")
        waited = time.monotonic() - began
    assert 0.3 <= waited < 2
    assert f"process {holder.pid}: nightly run" in caught.value.message
    assert "lock_wait_seconds" in caught.value.remedy


def test_a_waiting_holder_gets_the_lock_when_it_is_freed(tmp_path: Path) -> None:
    """The hourly run behind a slow nightly run is late, not lost."""
    path = tmp_path / "warehouse.lock"
    with another_process_holding(path) as holder:
        assert holder.stdin is not None
        holder.stdin.close()
        with exclusive(path, 10, "hourly run"):
            assert "hourly run" in path.read_text()


def test_a_killed_holder_blocks_nobody(tmp_path: Path) -> None:
    """SIGKILL leaves the lock file but not the lock: the kernel frees it, no daemon and no person has to (faults.md, 49)."""
    path = tmp_path / "warehouse.lock"
    with another_process_holding(path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
        with exclusive(path, 0, "hourly run"):
            assert path.exists()


def test_the_lock_is_freed_when_the_body_fails(tmp_path: Path) -> None:
    """A run that ends in an error must not lock out the next one."""
    path = tmp_path / "a" / "warehouse.lock"
    with pytest.raises(ZeroDivisionError), exclusive(path, 0, "first"):
        raise ZeroDivisionError
    with exclusive(path, 0, "second"):
        assert path.read_text().endswith("second")


def test_the_lock_is_not_inherited_by_programs_we_start(tmp_path: Path) -> None:
    """A child that outlives its parent (a copy, a browser) must not keep the warehouse locked."""
    path = tmp_path / "warehouse.lock"
    with exclusive(path, 0, "first"):
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False
        )
    try:
        with exclusive(path, 5, "second"):  # the kernel closes it a moment after the program has started
            assert child.poll() is None
    finally:
        child.communicate()


def test_a_longer_name_leaves_no_rest(tmp_path: Path) -> None:
    """The holder's name is read by people in a hurry: no tail of the previous one behind it."""
    path = tmp_path / "warehouse.lock"
    for purpose in ("a purpose with a very long name", "short"):
        with exclusive(path, 0, purpose):
            assert path.read_text().partition(": ")[2] == purpose
