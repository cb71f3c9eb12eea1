"""The benchmark of the embedded ledger: what its rules cost beside the bare tables, and what proving it costs beside reading it.

`make bench-ledger` prints two ratios, each of one run. Writing: entries of four legs through the ledger (chain, triggers, read-back
keys, heads file, a durable commit per 500) beside SQLAlchemy Core's executemany of the same rows into the same tables without
triggers, committed as often. Proving: `verify` beside reading every entry and line back as values. Nothing is asserted on time.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from retail_sync.ledger.embedded import EmbeddedLedger
from retail_sync.ledger.embedded_connections import LedgerDatabase
from retail_sync.ledger.embedded_reading import BATCH
from retail_sync.ledger.embedded_schema import create_tables, entry, line, seal, upsert_accounts
from retail_sync.schemas.journal import Entry
from retail_sync_tests.ledger.bookkeeping import CHART, leg, token

_FIRST = date(2026, 1, 1)
_TURNS = 3
Posting = tuple[Entry, str]


def make_entries(count: int) -> list[Posting]:
    """Settlements of four legs over a year."""
    entries = []
    for number in range(count):
        amount = 1_000 + number % 97_001
        fee, tax = amount // 7, amount // 11
        lines = (
            leg("4000", -amount, channel="amazon", memo="product sales"),
            leg("6000", fee, channel="amazon", memo="referral fee"),
            leg("6000", tax, channel="amazon", memo="fulfilment fee"),
            leg("1120", amount - fee - tax, role="payout", channel="amazon", memo="settlement total"),
        )
        one = Entry(
            f"amazon:settlement:{number:09d}:2026-10#1",
            _FIRST + timedelta(days=number % 365),
            f"Settlement {number}",
            lines,
        )
        entries.append((one, token(one)))
    return entries


def seconds_of(work: Callable[[], object]) -> float:
    """Wall seconds, without the garbage of what ran before."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def write_bare(postings: Sequence[Posting], folder: Path) -> None:
    """The same rows into the same tables, prepared as executemany takes them: no trigger, no chain, no look first."""
    database = LedgerDatabase(f"sqlite:///{folder / 'bare.db'}")
    with database.writing() as connection:
        create_tables(connection)
        upsert_accounts(connection, CHART)
    recorded_at = datetime.now(UTC)
    for start in range(0, len(postings), BATCH):
        batch = list(enumerate(postings[start : start + BATCH], start + 1))
        with database.writing() as connection:
            connection.execute(
                sa.insert(entry), [_entry_row(number, *posting, recorded_at) for number, posting in batch]
            )
            connection.execute(
                sa.insert(line),
                [
                    {"entry_id": number, "line_no": place} | asdict(one)
                    for number, (item, _) in batch
                    for place, one in enumerate(item.lines, 1)
                ],
            )
            seals = [
                {"entry_id": number, "line_count": len(item.lines), "last_period_event_id": 0}
                for number, (item, _) in batch
            ]
            connection.execute(sa.insert(seal), seals)
    database.engine.dispose()


def _entry_row(number: int, item: Entry, its_token: str, recorded_at: datetime) -> dict[str, Any]:
    filler = f"{number:064d}"
    return {
        "id": number, "key": item.key, "token": its_token, "body_hash": filler, "posting_date": item.posting_date,
        "memo": item.memo, "reverses_id": None, "prev_hash": f"{number - 1:064d}", "hash": filler, "recorded_at": recorded_at,
    }  # fmt: skip


def opened(folder: Path) -> EmbeddedLedger:
    """The ledger as the product installs it."""
    ledger = EmbeddedLedger(f"sqlite:///{folder / 'ledger.db'}", folder / "heads.jsonl")
    ledger.install(CHART)
    return ledger


def main() -> None:
    """Write, read and prove; print the table."""
    parser = argparse.ArgumentParser(prog="bench_ledger", description=__doc__.splitlines()[0])
    parser.add_argument("--written", type=int, default=25_000, help="entries of four lines that are written")
    parser.add_argument("--verified", type=int, default=250_000, help="entries of four lines that are verified")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="retail-sync-bench-ledger-") as name:
        _writing(make_entries(given.written), Path(name))
        _proving(make_entries(given.verified), Path(name))


def _writing(postings: Sequence[Posting], folder: Path) -> None:
    bare, ours = [], []
    for turn in range(_TURNS):
        place = folder / f"turn{turn}"
        place.mkdir()
        bare.append(seconds_of(lambda place=place: write_bare(postings, place)))  # type: ignore[misc]
        ledger = opened(place)
        ours.append(seconds_of(lambda ledger=ledger: ledger.post_many(postings)))  # type: ignore[misc]
        ledger.close()
    rates = [len(postings) / min(times) for times in (ours, bare)]
    print(f"writing {len(postings):,} entries, best of {_TURNS}: {rates[0]:,.0f} entries/s beside {rates[1]:,.0f} bare")
    print(f"ratio {rates[0] / rates[1]:.2f}")


def _proving(postings: Sequence[Posting], folder: Path) -> None:
    ledger = opened(folder)
    ledger.post_many(postings)
    reading = min(seconds_of(lambda: sum(len(one.entry.lines) for one in ledger.entries())) for _ in range(2))
    findings: list[object] = []
    proving = min(seconds_of(lambda: findings.extend(ledger.verify())) for _ in range(2))
    ledger.close()
    if findings:
        raise SystemExit(f"the ledger does not verify: {findings[0]}")
    print(f"verify of {4 * len(postings):,} lines: {proving:.1f} s beside {reading:.1f} s of reading them")
    print(f"ratio {proving / reading:.2f}")


if __name__ == "__main__":
    main()
