"""The benchmark of a day: what one more day costs among a year of history, beside the same day in a home that has only it.

`make bench-day` prints seconds by stage and their ratio. Both homes are closed, reconciled and published before the day's files
come; the small one has the master data and the snapshot of the evening before. Each run is made in copies of both homes, turn by
turn in one process that has run the line before, and the median of each stage counts. Nothing is asserted on time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from retail_sync.settings import Home
from retail_sync_tests import store_files
from retail_sync_tests.e2e.line import copied, drop, empty_inbox, nightly, opened, stages
from retail_sync_tests.sample_settings import CHANNEL_LOCATIONS, SETTINGS
from retail_sync_tests.simulated_company import Deposit, company_days, shipments_of
from retail_sync_tests.simulator import Settlement, random_settlement, settlement_id_for, write_v2
from retail_sync_tests.web_files import WebExports, web_deposits

DAY = date(2026, 10, 12)
"""A Monday: the weekly exports of the year end with the Sunday before."""
_SETTLED_EVERY = timedelta(days=14)
_SETTLEMENT_LINES = 400
_MEASURED = ("reconcile", "journal", "release")
_TIMES = 3

Files = dict[str, bytes]
Seconds = Mapping[str, float]


@dataclass(slots=True)
class History:
    """The files of the weeks, those of the day after, and what the latter need to be read at all."""

    weeks: Files = field(default_factory=dict)
    day: Files = field(default_factory=dict)
    masters: Files = field(default_factory=dict)


def write_history(seed: int, weeks: int) -> History:
    """Make the company's files: weeks that are closed, and one more day."""
    first, history = DAY - timedelta(weeks=weeks), History()
    settlements = list(_settlements(seed, first))
    rows = (row for settlement in settlements for row in settlement.rows)
    exports, deposits = store_files.Exports(), list[Deposit]()
    web = WebExports(exports, first, DAY)
    for before, day in company_days(seed, first, DAY, shipments_of(rows, first, DAY)):
        opening = list(store_files.snapshot_rows(day.day - timedelta(days=1), before))
        if day.day == first:
            exports.add("erp_snapshots", "first", opening)
        if day.day == DAY:
            history.weeks = exports.take()
            history.weeks["bank/weeks.csv"] = store_files.as_csv("bank", store_files.statement_rows(deposits))
            history.masters["erp_snapshots/before.csv"] = store_files.as_csv("erp_snapshots", opening)
            settled_until = len(deposits)
        store_files.add_day(exports, day, first)
        web.add(day.web)
        deposits += [*day.deposits, *web_deposits(day.web), *_paid(settlements, day.day)]
    history.day = {name.replace(".csv", "_day.csv"): content for name, content in exports.take().items()}
    # The bank numbers its lines by day; a statement of the day alone goes on where the year's ended.
    numbered = sorted(store_files.statement_rows(deposits), key=lambda row: row[-1])[settled_until:]
    history.day["bank/day.csv"] = store_files.as_csv("bank", numbered)
    history.masters |= store_files.master_files(first)
    for settlement in settlements:
        files = history.day if settlement.end_at.date() == DAY else history.weeks
        files[f"amazon/settlement_{settlement.settlement_id}.txt"] = write_v2(settlement)
    return history


def _settlements(seed: int, first: date) -> list[Settlement]:
    """A settlement every two weeks; the last one closes on the day."""
    count = (DAY - first) // _SETTLED_EVERY
    end = datetime(DAY.year, DAY.month, DAY.day, 15, 12, 40, tzinfo=UTC)
    return [
        random_settlement(
            seed * 1000 + number, _SETTLEMENT_LINES, settlement_id=settlement_id_for(seed * 1000 + number),
            start_at=end - (count - number) * _SETTLED_EVERY, end_at=end - (count - number - 1) * _SETTLED_EVERY,
        )
        for number in range(count)
    ]  # fmt: skip


def _paid(settlements: list[Settlement], day: date) -> list[Deposit]:
    return [
        Deposit(day, f"AMAZON MKTPL PMTS {one.settlement_id}", int(one.lines_sum.scaleb(2)))
        for one in settlements if one.deposit_at.date() == day
    ]  # fmt: skip


def build(root: Path, files: Files) -> Home:
    """A home in which these files have gone down the whole line, and whose inbox is empty."""
    root.mkdir(parents=True)
    (root / "retail_sync.toml").write_text(SETTINGS, encoding="utf-8")
    (root / "rules").mkdir()
    (root / "rules" / "channel_locations.csv").write_text(CHANNEL_LOCATIONS, encoding="utf-8")
    home = Home(root)
    drop(home, files)
    nightly(home)
    empty_inbox(home)
    return home


def measure(home: Home, files: Files) -> Seconds:
    """Seconds of each stage when these files come to a home."""
    drop(home, files)
    seconds = {}
    for name, run in stages(opened(home), hourly=True).items():
        began = time.perf_counter()
        run()
        seconds[name] = time.perf_counter() - began
    return seconds


def compare(year: Home, alone: Home, files: Files, folder: Path) -> dict[str, tuple[float, float]]:
    """The median seconds of each stage, among the year and alone."""
    found: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for turn in range(_TIMES + 1):
        for place, home in enumerate((alone, year)):
            seconds = measure(copied(home, folder / f"{turn}_{place}"), files)
            for name, spent in seconds.items():
                # The first turn warms the process and the disk's cache.
                if turn:
                    found[name][1 - place].append(spent)
    return {name: (statistics.median(among), statistics.median(single)) for name, (among, single) in found.items()}


def main() -> None:
    """Build both homes, let the day come, print the table."""
    parser = argparse.ArgumentParser(prog="bench_day", description=__doc__.splitlines()[0])
    parser.add_argument("--weeks", type=int, default=52, help="weeks of history before the day")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    history = write_history(given.seed, given.weeks)
    with tempfile.TemporaryDirectory(prefix="retail-sync-bench-day-") as name:
        folder = Path(name)
        began = time.perf_counter()
        year = build(folder / "year", {**history.masters, **history.weeks})
        print(
            f"{given.weeks} weeks, {_lines(history.weeks):,} lines, down the line in {time.perf_counter() - began:.0f} s"
        )
        alone = build(folder / "alone", history.masters)
        print(f"the day: {_lines(history.day):,} lines")
        found = compare(year, alone, history.day, folder)
    print(f"{'':<12}{'among a year':>14}{'alone':>10}{'ratio':>8}")
    for stage, (among, single) in found.items():
        print(f"{stage:<12}{among:>12.2f} s{single:>8.2f} s{among / single:>8.2f}")
    among, single = (sum(found[stage][place] for stage in _MEASURED) for place in (0, 1))
    print(f"{', '.join(_MEASURED)}: {among:.2f} s beside {single:.2f} s, ratio {among / single:.2f}")
    among, single = (sum(seconds[place] for seconds in found.values()) for place in (0, 1))
    print(f"the whole run: {among:.2f} s beside {single:.2f} s, ratio {among / single:.2f}")


def _lines(files: Files) -> int:
    return sum(content.count(b"\n") - 1 for content in files.values())


if __name__ == "__main__":
    main()
