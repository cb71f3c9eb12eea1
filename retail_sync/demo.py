"""The demo: the sample company down the whole line, and every planted problem found, with its amount."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retail_sync.core.errors import RetailSyncError
from retail_sync.core.money import format_money, from_minor
from retail_sync.reports import terminal
from retail_sync.settings import DEFAULT_HOME, Home

SAMPLE = DEFAULT_HOME / "sample"
_MARKER = ".demo-home"


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What was found beside what was planted; both are (code, subject, amount text)."""

    home: Path
    found: list[dict[str, Any]]
    missed: list[tuple[str, str, str]]
    unplanted: list[tuple[str, str, str]]
    settlements: int
    entries: int
    duplicates: int
    reversals: int

    @property
    def is_as_planted(self) -> bool:
        """Whether exactly the planted problems were found."""
        return not self.missed and not self.unplanted

    def as_dict(self) -> dict[str, Any]:
        """Return plain types for --json."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"as_planted": self.is_as_planted}

    def renderings(self) -> list[Any]:
        """Return what a newcomer reads."""
        rows = [(p["code"].replace("_", " "), p["subject"], p["value"], p["message"]) for p in self.found]
        verdict = (
            f"All {len(self.found)} planted problems were found with their amounts, and nothing else."
            if self.is_as_planted
            else f"NOT as planted. Missed: {self.missed}. Not planted: {self.unplanted}."
        )
        place = self.home if not self.home.is_relative_to(Path.cwd()) else self.home.relative_to(Path.cwd())
        return [
            terminal.table(
                ("problem", "subject", "value", "in words"), rows, title="What needs a person", right=("value",)
            ),
            f"{self.settlements} settlements read, {self.entries} ledger entries posted, read back and verified.",
            f"{self.duplicates} file came a second time and was skipped. A corrected settlement arrived after posting: "
            f"{self.reversals} entry was reversed and posted again as version 2.",
            terminal.bold(verdict),
            f"Look around:  retail-sync ui --home {place}    retail-sync status --home {place}",
            f"              retail-sync verify --home {place}    retail-sync trial-balance --home {place}",
        ]


def run_demo(home: Path | None) -> DemoResult:
    """Make the demo home, run the line twice (the second time with a corrected settlement), compare with the answers."""
    from retail_sync.defs.launch import prepare_instance, run_job
    from retail_sync.defs.selection import job_and_tags
    from retail_sync.pipeline import Pipeline

    root = (home or DEFAULT_HOME / "demo").resolve()
    _fresh(root)
    place = Home(root)
    instance = prepare_instance(place)
    for job in ("hourly", "nightly"):
        name, tags = job_and_tags(job, "2026-11-20" if job == "nightly" else "", "", "", "")
        outcome = run_job(instance, name, tags)
        if not outcome.is_success:
            raise RetailSyncError(f"{name} failed in {outcome.failed_step}: {outcome.message}", outcome.remedy)
        # A corrected settlement arrives later: its first entry is reversed and a second version posted.
        shutil.copytree(SAMPLE / "later", place.inbox, dirs_exist_ok=True)
    pipeline = Pipeline(place, "demo")
    found = [_told(dict(row._mapping)) for row in pipeline.exceptions.open()]
    with pipeline.warehouse.reading() as connection:
        row = connection.execute("select count(*) from canonical.settlements").fetchone()
    planted = _answers()
    keys = [(item["code"], item["subject"], item["amount"]) for item in found]
    return DemoResult(
        home=root,
        found=found,
        missed=[answer for answer in planted if answer not in keys],
        unplanted=[key for key in keys if key not in planted],
        settlements=int(row[0]) if row else 0,
        entries=pipeline.ledger.entry_count(),
        duplicates=pipeline.registry.duplicates_count(),
        reversals=sum(posted.entry.reverses is not None for posted in pipeline.ledger.entries()),
    )


def _fresh(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise RetailSyncError(f"{root} is a file", "give an empty folder with --home")
    if root.exists() and any(root.iterdir()) and not (root / _MARKER).exists():
        raise RetailSyncError(f"{root} is not empty and was not made by the demo", "give an empty folder with --home")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    (root / _MARKER).touch()  # first: a demo that was interrupted may be made again
    shutil.copytree(SAMPLE / "inbox", root / "inbox")
    shutil.copyfile(SAMPLE / "retail_sync.toml", root / "retail_sync.toml")


def _answers() -> list[tuple[str, str, str]]:
    with (SAMPLE / "answers.csv").open(encoding="utf-8", newline="") as stream:
        return [(row["code"], row["subject"], row["amount"]) for row in csv.DictReader(stream)]


def _told(row: dict[str, Any]) -> dict[str, Any]:
    minor, currency = row["amount_minor"], row["currency"]
    return {
        "code": row["code"],
        "subject": row["subject"],
        "amount": "" if minor is None else f"{from_minor(minor, currency):f}",
        "value": "" if minor is None else format_money(minor, currency),
        "message": row["message"],
        "remedy": row["remedy"],
    }
