"""Reading entries back from the embedded ledger's tables, as they lie there, in bounded batches.

Nothing here judges what it reads: that is `embedded_verify.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, func, select

from retail_sync.ledger.adapter import PostedEntry
from retail_sync.ledger.embedded_chain import GENESIS, Head
from retail_sync.ledger.embedded_schema import entry, line, period_event, seal
from retail_sync.schemas.journal import Entry, EntryLine

BATCH = 500
_original = entry.alias("original")
# When an entry was recorded is for people who look at the table: no hash covers it and nothing depends on it.
_KEPT = [column for column in entry.c if column is not entry.c.recorded_at]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry with what the ledger keeps beside it; the last two are None when it has no seal."""

    id: int
    posted: PostedEntry
    body_hash: str
    prev_hash: str
    hash: str
    reverses_id: int | None
    sealed_line_count: int | None
    last_period_event_id: int | None


def in_batches(values: Sequence[_T], size: int = BATCH) -> Iterator[Sequence[_T]]:
    """Cut `values` into slices of at most `size`: databases bound the parameters of a query."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def read_by_keys(connection: Connection, keys: Sequence[str]) -> list[Stored]:
    """Return the entries of `keys` that are there, oldest first within each batch."""
    found: list[Stored] = []
    for batch in in_batches(keys):
        found += _read(connection, entry.c.key.in_(batch))
    return found


def read_by_ids(connection: Connection, ids: Sequence[int]) -> dict[int, Stored]:
    """Return the entries of `ids` that are there, by id."""
    return {stored.id: stored for batch in in_batches(ids) for stored in _read(connection, entry.c.id.in_(batch))}


def read_after(connection: Connection, after_id: int, limit: int = BATCH) -> list[Stored]:
    """Return the next entries after `after_id` in the order they were booked, at most `limit`."""
    return _read(connection, entry.c.id > after_id, limit)


def read_ids(connection: Connection, keys: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Return id and body hash, without the lines, of those `keys` that are there."""
    return {
        row.key: (row.id, row.body_hash)
        for batch in in_batches(keys)
        for row in connection.execute(select(entry.c.key, entry.c.id, entry.c.body_hash).where(entry.c.key.in_(batch)))
    }


def read_head(connection: Connection) -> Head:
    """Return the end of the chain as the database has it."""
    row = connection.execute(select(entry.c.id, entry.c.hash).order_by(entry.c.id.desc()).limit(1)).one_or_none()
    return Head(row.id, row.hash) if row else Head(0, GENESIS)


def closed_months(connection: Connection) -> set[str]:
    """Return the months ('YYYY-MM') whose latest event is a closing."""
    query = select(period_event.c.month, period_event.c.action).order_by(period_event.c.id)
    latest = {month: action for month, action in connection.execute(query)}
    return {month for month, action in latest.items() if action == "close"}


def last_period_event_id(connection: Connection) -> int:
    """Return the number of the last closing or reopening, 0 when there was none."""
    return int(connection.scalar(select(func.coalesce(func.max(period_event.c.id), 0))) or 0)


def _read(connection: Connection, wanted: ColumnElement[bool], limit: int | None = None) -> list[Stored]:
    heads = connection.execute(
        select(*_KEPT, _original.c.key.label("reverses"), seal)
        .outerjoin(_original, _original.c.id == entry.c.reverses_id)
        .outerjoin(seal, seal.c.entry_id == entry.c.id)
        .where(wanted)
        .order_by(entry.c.id)
        .limit(limit)
    ).all()
    lines: dict[int, tuple[EntryLine, ...]] = {}
    for batch in in_batches([head.id for head in heads]):
        rows = connection.execute(
            select(line).where(line.c.entry_id.in_(batch)).order_by(line.c.entry_id, line.c.line_no)
        )
        for entry_id, legs in groupby(rows, key=lambda row: int(row[0])):
            lines[entry_id] = tuple(EntryLine(*islice(leg, 2, None)) for leg in legs)
    return [_stored(head, lines.get(head.id, ())) for head in heads]


def _stored(head: Any, lines: tuple[EntryLine, ...]) -> Stored:  # noqa: ANN401 a database row
    booked = Entry(head.key, head.posting_date, head.memo, lines, head.reverses)
    return Stored(
        id=head.id,
        posted=PostedEntry(str(head.id), head.token, booked),
        body_hash=head.body_hash,
        prev_hash=head.prev_hash,
        hash=head.hash,
        reverses_id=head.reverses_id,
        sealed_line_count=head.line_count,
        last_period_event_id=head.last_period_event_id,
    )
