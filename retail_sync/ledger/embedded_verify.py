"""Proving the embedded ledger from its first entry on: everything it promises is recomputed.

The database enforces these rules on everybody who writes, but its owner can drop a trigger, and a
SQLite connection that does not set `pragma foreign_keys` can leave an entry unsealed. What slipped
in that way is found here. Findings are values; nothing is raised and nothing repaired.

Not found: an entry added by somebody who followed all the rules, and a rewriting that began after
the last head in the heads file, or that rewrote that file too (keep it out of reach).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from retail_sync.ledger.adapter import Finding
from retail_sync.ledger.embedded_chain import GENESIS, Head, chain_hash, read_heads
from retail_sync.ledger.embedded_reading import BATCH, Stored, read_after, read_by_ids
from retail_sync.ledger.embedded_schema import account, entry, line, period_event, seal
from retail_sync.ledger.embedded_triggers import missing_seal_rule, wrong_guards

FINDINGS_MAX = 1_000

_NO_DAYS = "select id, posting_date from entry where date(posting_date, '+0 days') is not posting_date limit 100"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an entry is judged beside: the one before, its original, the closings by month."""

    previous: Stored | None
    original: Stored | None
    period_events: dict[str, list[tuple[int, str]]]


def verify_ledger(connection: Connection, heads_path: Path | None, heads_bytes: int) -> list[Finding]:
    """Run every check in one snapshot; `heads_bytes` is the heads file's size noted before it.

    At most FINDINGS_MAX findings are returned: a ledger with more has one cause, not a thousand.
    """
    # Values the column types cannot read would stop the walk: a broken file is reported alone.
    broken = list(_storage(connection))
    if broken:
        return broken[:FINDINGS_MAX]
    found = _all_findings(connection, heads_path, heads_bytes)
    return list(islice(found, FINDINGS_MAX))


def _all_findings(connection: Connection, heads_path: Path | None, heads_bytes: int) -> Iterator[Finding]:
    yield from wrong_guards(connection)
    yield from missing_seal_rule(connection)
    yield from _walk(connection)
    yield from _strays(connection)
    yield from _period_gaps(connection)
    if heads_path is not None:
        yield from _heads(connection, heads_path, heads_bytes)


def _storage(connection: Connection) -> Iterator[Finding]:
    """Ask SQLite for damaged pages, broken checks and days that are none; PostgreSQL looks after that itself."""
    if connection.dialect.name != "sqlite":
        return
    for (said,) in connection.exec_driver_sql("pragma integrity_check(100)"):
        if said != "ok":
            yield Finding("storage", f"the database file is damaged: {said}")
    for number, day in connection.exec_driver_sql(_NO_DAYS):
        yield Finding("unreadable", f"entry {number} has the posting date {day!r}, which is no calendar day")


def _walk(connection: Connection) -> Iterator[Finding]:
    """Read all entries in order and put each beside its surroundings."""
    events = _period_events(connection)
    previous: Stored | None = None
    while batch := read_after(connection, previous.id if previous else 0):
        reversed_ids = [stored.reverses_id for stored in batch if stored.reverses_id]
        originals = read_by_ids(connection, reversed_ids)
        for stored in batch:
            original = originals.get(stored.reverses_id or 0)
            around = Surroundings(previous, original, events)
            for check, rule in CHECKS.items():
                for message in rule(stored, around):
                    name = f"entry {stored.id} ({stored.posted.entry.key})"
                    yield Finding(check, f"{name} {message}")
            previous = stored


def _gap(stored: Stored, around: Surroundings) -> Iterator[str]:
    before = around.previous.id if around.previous else 0
    if stored.id != before + 1:
        yield f"follows number {before}: {stored.id - before - 1} entries between them are gone"


def _link(stored: Stored, around: Surroundings) -> Iterator[str]:
    if stored.prev_hash != (around.previous.hash if around.previous else GENESIS):
        yield "does not continue the chain: the entry before it was changed, removed or put in"


def _own_hash(stored: Stored, around: Surroundings) -> Iterator[str]:
    posted = stored.posted
    expected = chain_hash(stored.prev_hash, posted.entry.key, stored.body_hash, posted.token)
    if stored.hash != expected:
        yield "has a hash that is not its own: its key, token or a hash was changed"


def _body(stored: Stored, around: Surroundings) -> Iterator[str]:
    if stored.posted.entry.body_hash != stored.body_hash:
        yield "is not what was booked: its date, memo or a line was changed, added or removed"


def _balance(stored: Stored, around: Surroundings) -> Iterator[str]:
    reason = stored.posted.entry.imbalance()
    if reason:
        yield f"does not balance: {reason}"


def _sealed(stored: Stored, around: Surroundings) -> Iterator[str]:
    if stored.sealed_line_count is None:
        yield "was never sealed: a writer went round the ledger's rules"
    elif stored.sealed_line_count != len(stored.posted.entry.lines):
        yield f"was sealed with {stored.sealed_line_count} lines and has another number now"


def _mirror(stored: Stored, around: Surroundings) -> Iterator[str]:
    """Compare a reversal with its original line by line; memos may differ."""
    if stored.reverses_id is None:
        return
    if around.original is None or around.original.reverses_id is not None:
        yield "reverses what is not there, or is a reversal itself"
        return
    ours = [replace(leg, memo="") for leg in stored.posted.entry.lines]
    theirs = [replace(leg.negated(), memo="") for leg in around.original.posted.entry.lines]
    if ours != theirs:
        yield f"is not {around.original.posted.entry.key} turned round, line by line"


def _closed_month(stored: Stored, around: Surroundings) -> Iterator[str]:
    if stored.last_period_event_id is None:
        return
    month = f"{stored.posted.entry.posting_date:%Y-%m}"
    actions = [
        action for number, action in around.period_events.get(month, ()) if number <= stored.last_period_event_id
    ]
    if actions and actions[-1] == "close":
        yield f"was booked into {month} while that month was closed"


CHECKS = {
    "gap": _gap,
    "chain": _link,
    "hash": _own_hash,
    "body": _body,
    "balance": _balance,
    "unsealed": _sealed,
    "reversal": _mirror,
    "closed_period": _closed_month,
}


def _period_events(connection: Connection) -> dict[str, list[tuple[int, str]]]:
    events: dict[str, list[tuple[int, str]]] = {}
    for row in connection.execute(select(period_event).order_by(period_event.c.id)):
        events.setdefault(row.month, []).append((row.id, row.action))
    return events


def _period_gaps(connection: Connection) -> Iterator[Finding]:
    """Find closings deleted: gaps in their numbers, or fewer than an entry was booked under."""
    ids = func.count(), func.coalesce(func.max(period_event.c.id), 0)
    counted, last = connection.execute(select(*ids)).one()
    seen = connection.scalar(select(func.coalesce(func.max(seal.c.last_period_event_id), 0)))
    expected = max(last, seen or 0)
    if counted != expected:
        yield Finding("period_gap", f"{expected - counted} of {expected} closings and reopenings are gone")


def _strays(connection: Connection) -> Iterator[Finding]:
    """Find rows that point at nothing, which only a writer without foreign keys can leave."""
    queries = (
        ("lines belong to no entry", _orphans(line.c.entry_id, entry.c.id)),
        ("lines are on no account of the chart", _orphans(line.c.account, account.c.code)),
        ("seals belong to no entry", _orphans(seal.c.entry_id, entry.c.id)),
    )
    for words, query in queries:
        strays = connection.execute(query.limit(BATCH)).scalars().all()
        if strays:
            yield Finding("stray", f"{len(strays)} {words}, the first: {strays[0]}")


def _orphans(column: ColumnElement[Any], parent: ColumnElement[Any]) -> Select[Any]:
    known = select(parent).where(parent == column).exists()
    return select(column).where(~known).order_by(column)


def _heads(connection: Connection, path: Path, size: int) -> Iterator[Finding]:
    if not size:
        yield Finding("external_head", f"{path} with the recorded heads is missing or empty")
        return
    records = read_heads(path, size)
    while batch := list(islice(records, BATCH)):
        yield from _unreadable(path, batch)
        yield from _lost_heads(connection, [head for _, head in batch if head is not None])


def _unreadable(path: Path, batch: Iterable[tuple[int, Head | None]]) -> Iterator[Finding]:
    for number, head in batch:
        if head is None:
            yield Finding("external_head", f"line {number} of {path} cannot be read as a head")


def _lost_heads(connection: Connection, heads: Sequence[Head]) -> Iterator[Finding]:
    query = select(entry.c.id, entry.c.hash).where(entry.c.id.in_([head.entries for head in heads]))
    held = {0: GENESIS} | {row.id: row.hash for row in connection.execute(query)}
    for head in heads:
        if held.get(head.entries) != head.hash:
            yield Finding(
                "external_head",
                f"the ledger once had {head.entries} entries ending in {head.hash[:12]}…,"
                " and has no longer: its end was cut off or its past rewritten",
            )
