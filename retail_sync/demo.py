"""The demo: the sample company down the whole line, and every planted problem found, with its amount."""

from __future__ import annotations

import csv
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retail_sync.core.errors import RetailSyncError
from retail_sync.core.money import format_money, from_minor
from retail_sync.reports import terminal
from retail_sync.settings import DEFAULT_HOME, Home

if TYPE_CHECKING:  # imported where it runs: --help must answer at once
    from retail_sync.pipeline import Pipeline

SAMPLE = DEFAULT_HOME / "sample"
_MARKER = ".demo-home"


# Beginnings of the problem codes of each part of the business, in the order in which they are told.
GROUPS = {
    "Stores": ("tenders_", "sales_", "receipt_", "drawer_", "card_"),
    "Marketplaces": (
        "settlement_",
        "rows_",
        "delivery_",
        "reserve_",
        "opening_",
        "failed_transfer_",
        "payout_",
        "order_",
        "return_",
    ),
    "Stock": ("stock_", "oversell_", "listed_", "parallel_"),
    "Bank": ("deposit_",),
}
_OTHER = "Other"
_STORE_DAY = "pos:store-day:"


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What was found beside what was planted; both are (code, subject, amount text).

    `reversals` are entries that later facts took back and posted anew, `days_corrected` those of store days; `closed` are
    problems of the first run that were gone after the second.
    """

    home: Path
    found: list[dict[str, Any]]
    missed: list[tuple[str, str, str]]
    unplanted: list[tuple[str, str, str]]
    settlements_booked: int
    settlements_held: int
    days_booked: int
    days_held: int
    entries: int
    duplicates: int
    reversals: int
    days_corrected: int
    closed: int

    @property
    def is_as_planted(self) -> bool:
        """Whether exactly the planted problems were found."""
        return not self.missed and not self.unplanted

    def as_dict(self) -> dict[str, Any]:
        """Return plain types for --json."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"as_planted": self.is_as_planted}

    def renderings(self) -> list[Any]:
        """Return what a newcomer reads."""
        verdict = (
            f"All {len(self.found)} planted problems were found with their amounts, and nothing else."
            if self.is_as_planted
            else f"NOT as planted. Missed: {self.missed}. Not planted: {self.unplanted}."
        )
        place = _shown(self.home)
        return [
            terminal.bold("What needs a person"),
            *(_group_table(group, rows) for group in (*GROUPS, _OTHER) if (rows := self._found_in(group))),
            *self._sentences(),
            terminal.bold(verdict),
            *(
                []
                if shutil.which("retail-sync")
                else [f"Here the command is {_program()}, or first: source {_activate()}"]
            ),
            f"Look around:  {_program()} ui --home {place}    {_program()} status --home {place}",
            f"              {_program()} verify --home {place}    {_program()} trial-balance --home {place}",
        ]

    def _found_in(self, group: str) -> list[dict[str, Any]]:
        return [problem for problem in self.found if problem["group"] == group]

    def _sentences(self) -> list[str]:
        settlements = self.settlements_booked + self.settlements_held
        said = [
            f"Booked: {self.settlements_booked} settlements and payouts of {settlements} ({self.settlements_held} held), "
            f"{self.days_booked} store days of {self.days_booked + self.days_held} ({self.days_held} held); "
            f"{self.entries} ledger entries posted, read back and verified.",
        ]
        others = self.reversals - self.days_corrected
        told = [
            f"{_times(self.duplicates, 'file')} came twice and was skipped" if self.duplicates else "",
            f"a store was offline and its receipts came late: {_times(self.days_corrected, 'day')} posted again with them"
            if self.days_corrected else "",
            f"a corrected settlement came after posting: {_times(others, 'entry')} reversed and posted as version 2"
            if others else "",
            f"{_times(self.closed, 'problem')} of the first run closed by themselves" if self.closed else "",
        ]  # fmt: skip
        if any(told):
            said.append("Corrected without anybody: " + "; ".join(text for text in told if text) + ".")
        return said


def _program() -> str:
    """What to type for the command: its path, where it runs from a .venv that the shell does not look into."""
    if shutil.which("retail-sync"):
        return "retail-sync"
    return str(_shown(Path(sys.executable).parent / "retail-sync"))


def _activate() -> Path:
    return _shown(Path(sys.executable).parent / "activate")


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def run_demo(home: Path | None) -> DemoResult:
    """Make the demo home, run the line twice (the second time with what arrives later), compare with the answers."""
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
        # Later come a corrected settlement and the receipts of a store that was offline: what was posted is corrected.
        shutil.copytree(SAMPLE / "later", place.inbox, dirs_exist_ok=True)
    return _result(Pipeline(place, "demo"))


def _result(pipeline: Pipeline) -> DemoResult:
    found = [_told(dict(row._mapping)) for row in pipeline.exceptions.open()]
    planted = _answers()
    keys = [(item["code"], item["subject"], item["amount"]) for item in found]
    with pipeline.warehouse.reading() as connection:
        documents = dict(
            connection.execute("select kind || ' ' || status, count(*) from journal.documents group by 1").fetchall()
        )
    reversed_keys = [
        posted.entry.reverses for posted in pipeline.embedded_ledger.entries() if posted.entry.reverses is not None
    ]
    return DemoResult(
        home=pipeline.home.root,
        found=found,
        missed=[answer for answer in planted if answer not in keys],
        unplanted=[key for key in keys if key not in planted],
        settlements_booked=documents.get("settlement ready", 0),
        settlements_held=documents.get("settlement held", 0),
        days_booked=documents.get("store_day ready", 0),
        days_held=documents.get("store_day held", 0),
        entries=pipeline.embedded_ledger.entry_count(),
        duplicates=pipeline.registry.duplicates_count(),
        reversals=len(reversed_keys),
        days_corrected=sum(key.startswith(_STORE_DAY) for key in reversed_keys),
        closed=pipeline.exceptions.closed_count(),
    )


def _group_table(group: str, rows: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - what rich makes
    shown = [(row["code"].replace("_", " "), row["subject"], row["value"], row["message"]) for row in rows]
    title = f"{group}: {_times(len(rows), 'problem')}"
    return terminal.table(("problem", "subject", "value", "in words"), shown, title=title, right=("value",))


def _times(count: int, noun: str) -> str:
    plural = noun.removesuffix("y") + "ies" if noun == "entry" else noun + "s"
    return f"{count} {noun if count == 1 else plural}"


def _fresh(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise RetailSyncError(f"{root} is a file", "give an empty folder with --home")
    if root.exists() and any(root.iterdir()) and not (root / _MARKER).exists():
        raise RetailSyncError(f"{root} is not empty and was not made by the demo", "give an empty folder with --home")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    (root / _MARKER).touch()  # first: a demo that was interrupted may be made again
    for folder in ("inbox", "rules"):
        shutil.copytree(SAMPLE / folder, root / folder)
    shutil.copyfile(SAMPLE / "retail_sync.toml", root / "retail_sync.toml")


def _answers() -> list[tuple[str, str, str]]:
    with (SAMPLE / "answers.csv").open(encoding="utf-8", newline="") as stream:
        return [(row["code"], row["subject"], row["amount"]) for row in csv.DictReader(stream)]


def _told(row: dict[str, Any]) -> dict[str, Any]:
    minor, currency = row["amount_minor"], row["currency"]
    return {
        "group": next((group for group, starts in GROUPS.items() if row["code"].startswith(starts)), _OTHER),
        "code": row["code"],
        "subject": row["subject"],
        "amount": "" if minor is None else f"{from_minor(minor, currency):f}",
        "value": "" if minor is None else format_money(minor, currency),
        "message": row["message"],
        "remedy": row["remedy"],
    }
