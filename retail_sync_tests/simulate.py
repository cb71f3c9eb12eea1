"""A sound company of any size, as a home that is ready to run: `python -m retail_sync_tests.simulate --lines 1000000`.

It is the sample company without anything planted: whatever the product reports of it is the product's mistake.
`retail-sync simulate` starts this; nothing of the product may import it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from retail_sync_tests import store_files
from retail_sync_tests.sample_settings import CHANNEL_LOCATIONS, SETTINGS
from retail_sync_tests.sample_stores import FIRST, LAST
from retail_sync_tests.simulated_company import Deposit, company_days, shipments_of
from retail_sync_tests.simulated_stock import Shipment
from retail_sync_tests.simulator import random_rows, settlement_id_for, write_v2_file
from retail_sync_tests.web_files import WebExports, web_deposits, web_listing_rows

LEAST_LINES = 10_000
_SNAPSHOT_LINES = 3_000
_LINES_OF_SCALE_1 = 6_500
_LEAST_SETTLEMENT_LINES = 500
_WEEKS = 4
_SUNDAY = 6
STATEMENT_TO = date(2026, 11, 20)

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What was written. `lines` counts the data lines of all files."""

    home: str
    files: int
    lines: int
    bytes: int
    seconds: float


@dataclass(slots=True)
class _Writer:
    """Puts files into the inbox and counts them."""

    home: Path
    files: int = 0
    lines: int = 0
    bytes: int = 0

    def write(self, files: dict[str, bytes]) -> None:
        for name, content in files.items():
            path = self.home / "inbox" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self.count(path, content.count(b"\n") - 1)

    def count(self, path: Path, lines: int) -> None:
        self.files += 1
        self.lines += lines
        self.bytes += path.stat().st_size


@dataclass(frozen=True, slots=True)
class _Week:
    """One settlement of the marketplace."""

    seed: int
    lines: int
    start_at: datetime
    end_at: datetime

    @property
    def settlement_id(self) -> str:
        return settlement_id_for(self.seed)


def simulate(home: Path, lines: int, seed: int, tell: Tell = lambda _: None) -> Simulated:
    """Write a home with about `lines` lines in its files, half of them the marketplace's."""
    began = time.monotonic()
    home.mkdir(parents=True, exist_ok=True)
    (home / "retail_sync.toml").write_text(f"# A simulated company, seed {seed}.\n{SETTINGS}", encoding="utf-8")
    (home / "rules").mkdir()
    (home / "rules" / "channel_locations.csv").write_text(CHANNEL_LOCATIONS, encoding="utf-8")
    scale = max(1, (lines // 2 - _SNAPSHOT_LINES) // _LINES_OF_SCALE_1)
    weeks = _weeks(seed, max(_WEEKS * _LEAST_SETTLEMENT_LINES, lines - _SNAPSHOT_LINES - scale * _LINES_OF_SCALE_1))
    writer = _Writer(home)
    deposits = _write_settlements(writer, weeks, tell)
    deposits += _write_month(writer, weeks, seed, scale, tell)
    # The bank's statement goes on after the month, so that what has not arrived by then is overdue.
    rows = store_files.statement_rows([*deposits, Deposit(STATEMENT_TO, "ACCOUNT FEE", -2_500)])
    writer.write({f"bank/statement_{store_files.ACCOUNT}.csv": store_files.as_csv("bank", rows)})
    return Simulated(str(home), writer.files, writer.lines, writer.bytes, round(time.monotonic() - began, 1))


def _weeks(seed: int, lines: int) -> list[_Week]:
    start = datetime(FIRST.year, FIRST.month, FIRST.day, 15, 12, 40, tzinfo=UTC)
    span = timedelta(days=7)
    return [
        _Week(seed * 100 + number, lines // _WEEKS, start + number * span, start + (number + 1) * span)
        for number in range(_WEEKS)
    ]


def _write_settlements(writer: _Writer, weeks: list[_Week], tell: Tell) -> list[Deposit]:
    deposits = []
    folder = writer.home / "inbox" / "amazon"
    folder.mkdir(parents=True, exist_ok=True)
    for week in weeks:
        path = folder / f"settlement_us_{week.end_at.date()}_{week.settlement_id}.txt"
        total = write_v2_file(
            path,
            week.seed,
            week.lines,
            settlement_id=week.settlement_id,
            start_at=week.start_at,
            end_at=week.end_at,
        )
        writer.count(path, week.lines)
        paid_on = week.end_at.date() + timedelta(days=3)
        deposits.append(Deposit(paid_on, f"AMAZON MKTPL PMTS {week.settlement_id}", int(total.scaleb(2))))
        tell(f"settlement {week.settlement_id}: {week.lines:,} lines")
    return deposits


def _shipments(weeks: list[_Week]) -> Iterator[Shipment]:
    for week in weeks:
        rows = random_rows(week.seed, week.lines, start_at=week.start_at, end_at=week.end_at)
        yield from shipments_of(rows, FIRST, LAST)


def _write_month(writer: _Writer, weeks: list[_Week], seed: int, scale: int, tell: Tell) -> list[Deposit]:
    exports, deposits = store_files.Exports(), list[Deposit]()
    web = WebExports(exports, FIRST, LAST)
    writer.write(store_files.master_files(FIRST))
    for before, day in company_days(seed, FIRST, LAST, _shipments(weeks), scale):
        if day.day == FIRST:
            exports.add("erp_snapshots", f"snapshots_{FIRST}", store_files.snapshot_rows(FIRST - timedelta(1), before))
        store_files.add_day(exports, day, FIRST)
        web.add(day.web)
        deposits += [*day.deposits, *web_deposits(day.web)]
        if day.day == LAST:
            at = datetime.combine(LAST, store_files.COUNTED_AT)
            exports.add("erp_counts", "count", store_files.count_rows(at, store_files.counted(day.levels)))
            exports.add("amazon_listings", "listings", store_files.listing_rows(at, day.levels, {}))
            exports.add("web_listings", "listings", web_listing_rows(at, day.levels))
        if day.day.weekday() == _SUNDAY or day.day == LAST:
            writer.write(exports.take())
            tell(f"stores and stock to {day.day}: {writer.lines:,} lines in all")
    return deposits


def main() -> None:
    """Read the command line, write the home, say what to do with it."""
    parser = argparse.ArgumentParser(prog="retail-sync simulate", description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, required=True, help=f"lines in all files, about; at least {LEAST_LINES:,}")
    parser.add_argument("--seed", type=int, default=1, help="the same seed writes the same bytes")
    parser.add_argument("--out", type=Path, required=True, help="a new or empty folder, which becomes the home")
    parser.add_argument("--json", action="store_true", help="print JSON instead of sentences")
    given = parser.parse_args()
    if given.lines < LEAST_LINES:
        parser.error(f"--lines: a month of this company has at least {LEAST_LINES:,} lines")
    if given.seed < 0:
        parser.error("--seed: use a number from 0 on")
    if given.out.exists() and (not given.out.is_dir() or any(given.out.iterdir())):
        parser.error(f"--out: {given.out} is not an empty folder")
    made = simulate(given.out, given.lines, given.seed, lambda text: print(f"  {text}", file=sys.stderr, flush=True))
    if given.json:
        print(json.dumps({name: getattr(made, name) for name in Simulated.__slots__}, indent=2))
        return
    print(f"{made.files} files, {made.lines:,} lines, {made.bytes / 1e6:,.1f} MB in {made.seconds} s: {made.home}")
    print(f"It is sound: nothing is to be reported of it.  Next: retail-sync run nightly --home {made.home}")


if __name__ == "__main__":
    main()
