"""The whole line as functions, without Dagster: what the hourly, nightly and month-end jobs do, stage by stage."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path

from retail_sync.operations.waiting import read_waiting
from retail_sync.pipeline import Pipeline, Window
from retail_sync.reports.digests import net_effect, read_digests
from retail_sync.settings import Home
from retail_sync_tests.conftest import BANK_SOURCE


def new_home(root: Path, settings: str = "") -> Home:
    """A fresh home with the sources `amazon` and `bank`; `settings` come before them."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "retail_sync.toml").write_text(f"{settings}\n{BANK_SOURCE}", encoding="utf-8")
    return Home(root)


def drop(home: Home, files: Mapping[str, bytes]) -> None:
    """Put files into the inbox, by `source/name`; they look a minute old, so that nobody waits for them to settle."""
    for name, content in files.items():
        path = home.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        before = time.time() - 60
        os.utime(path, (before, before))


def opened(home: Home, trace_id: str = "test") -> Pipeline:
    """The pipeline as a process that has just started sees it."""
    return Pipeline(Home(home.root), trace_id)


def stages(
    pipeline: Pipeline, window: Window | None = None, *, hourly: bool = False
) -> dict[str, Callable[[], object]]:
    """Every stage by name, in their order."""
    return {
        "raw": pipeline.receive_inbox,
        "canonical": lambda: pipeline.load(window),
        "reconcile": pipeline.reconcile,
        "journal": pipeline.journal,
        "clearing": pipeline.clear,
        "release": lambda: pipeline.release("test"),
        "posting": lambda: pipeline.post(watch_drift=not hourly),
        "publish": lambda: pipeline.publish(is_nightly=not hourly),
    }


def line(pipeline: Pipeline, window: Window | None = None, *, hourly: bool = False) -> None:
    """Run every stage once."""
    for run in stages(pipeline, window, hourly=hourly).values():
        run()


def hourly(home: Home) -> None:
    """What `hourly_sync` does."""
    line(opened(home), hourly=True)


def nightly(home: Home) -> None:
    """What `nightly_close` does."""
    line(opened(home))


def month_end(home: Home, first: str, last: str) -> None:
    """What `month_end_backfill` does over a range of closing days, both included."""
    line(opened(home), Window(date.fromisoformat(first), date.fromisoformat(last) + timedelta(days=1)))


def digest(home: Home) -> dict[str, str]:
    """The digest, part by part: two of them that differ show where."""
    return read_digests(opened(home))


def net(home: Home) -> dict[tuple[str, ...], int]:
    """Net effect in the ledger by entry key, account and currency."""
    return {key: minor for key, minor in net_effect(opened(home)).items() if minor}


def booked(home: Home) -> list[str]:
    """The keys that the ledger holds, sorted."""
    return sorted(posted.entry.key for posted in opened(home).embedded_ledger.entries())


def states(home: Home) -> dict[str, int]:
    """How many postings are in which state."""
    from retail_sync.reports.state import read_ledger

    return dict(read_ledger(opened(home), verify=False).by_state)


def problems(home: Home) -> list[tuple[str, str]]:
    """(code, subject) of every open exception, sorted."""
    return sorted((row.code, row.subject) for row in opened(home).exceptions.open())


def waiting(home: Home) -> dict[str, set[str]]:
    """The entries that wait by their cause, as the subject of its open exception names it."""
    pipeline = opened(home)
    causes = [row for row in pipeline.exceptions.open() if row.code == "rule_change_waits"]
    return {
        str(row.subject): {entry["entry_key"] for entry in read_waiting(pipeline.operations, str(row.exception_id))}
        for row in causes
    }


def findings(home: Home) -> list[str]:
    """What `verify` finds: nothing, in books that are right."""
    from retail_sync.reports.books import read_verification

    return list(read_verification(opened(home)).findings)


def forget_warehouse(home: Home) -> None:
    """Delete the derived store, as the runbook says one may."""
    for path in home.state.glob("warehouse.duckdb*"):
        path.unlink()
    for path in home.state.glob("catalog.ducklake*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def empty_inbox(home: Home) -> None:
    """Take the files out of the inbox again: what is archived is all there is."""
    shutil.rmtree(home.inbox)


def copied(home: Home, root: Path) -> Home:
    """A copy of a home that nobody is working on. The files of its inbox have new paths, so they come a second time."""
    shutil.copytree(home.root, root)
    return Home(root)
