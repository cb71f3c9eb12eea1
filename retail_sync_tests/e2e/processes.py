"""Processes of our own that run stages and may die: forked from a server that has imported the product already.

Importing takes seconds and a stage a fraction of one, so forty real processes cost no more than two cold ones. The server
imports and reads the contracts, and does nothing else; no database is open in it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pyarrow.dataset  # noqa: F401 - DuckDB imports it when a process registers its first table

from retail_sync.core.errors import RetailSyncError
from retail_sync.pipeline import Pipeline
from retail_sync.schemas.tables import TABLES
from retail_sync.settings import Home
from retail_sync_tests.e2e.line import line

WAIT_SECONDS = 60
COLUMNS = {table.qualified: table.columns for table in TABLES}
"""Read once for all processes: pandera takes longer for it than a run in which nothing is new."""
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["retail_sync_tests.e2e.processes"])


def start(target: Callable[..., object], *arguments: Any) -> BaseProcess:
    """Start a function of a module in a process of its own."""
    process = _context.Process(target=_guarded, args=(target, arguments))
    process.start()
    return process


def ended(process: BaseProcess) -> int | None:
    """Wait for a process and return its exit code, -9 for SIGKILL. Fails when it takes more than a minute."""
    process.join(WAIT_SECONDS)
    assert process.exitcode is not None, f"the process still runs after {WAIT_SECONDS} s"
    return process.exitcode


def run(target: Callable[..., object], *arguments: Any) -> int | None:
    """Run a function in a process of its own and return the exit code."""
    return ended(start(target, *arguments))


def together(*calls: Sequence[Any]) -> list[int | None]:
    """Run (function, argument, ...) calls, each in its own process, all released at one moment."""
    barrier = _context.Barrier(len(calls))
    running = [_context.Process(target=_at_once, args=(barrier, *call)) for call in calls]
    for process in running:
        process.start()
    return [ended(process) for process in running]


def _at_once(barrier: Any, target: Callable[..., object], *arguments: Any) -> None:
    barrier.wait(WAIT_SECONDS)
    _guarded(target, arguments)


def _guarded(target: Callable[..., object], arguments: Sequence[Any]) -> None:
    """Exit as the command line does: 2 for an expected failure, with its sentence on standard error."""
    signal.alarm(WAIT_SECONDS)  # a process that hangs must not outlive the test
    try:
        target(*arguments)
    except RetailSyncError as error:
        os.write(2, f"{error}\n".encode())
        raise SystemExit(error.exit_code) from error


def run_line(root: Path, failpoint: str = "") -> None:
    """Run every stage once on the home at `root`; with a failpoint, until the process is killed there."""
    os.environ["RETAIL_SYNC_FAILPOINT"] = failpoint
    line(Pipeline(Home(root), f"process {os.getpid()}"))


def post(root: Path) -> None:
    """Post what is released in the home at `root`."""
    Pipeline(Home(root), f"process {os.getpid()}").post(watch_drift=False)


def hold_warehouse(root: Path, held: Path, seconds: float) -> None:
    """Write to the warehouse for so long; `held` is created once the lock is ours."""
    with Pipeline(Home(root), "holder").writing("close the books") as connection:
        connection.execute("create temp table busy as select 1")
        held.touch()
        time.sleep(seconds)


def open_dagster(root: Path) -> None:
    """Open the Dagster instance of a home, as every command that shows or makes runs does."""
    from retail_sync.defs.launch import prepare_instance

    instance = prepare_instance(Home(root))
    assert instance.get_runs(limit=1) == []
