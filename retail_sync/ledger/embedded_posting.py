"""Booking entries into the embedded ledger, many at once, each standing or falling alone.

A group is tried whole inside one savepoint, with one statement per table; when the database
refuses, the group is halved until the refused entry is alone. That would cost a bad entry among n
about 2·log2(n) tries, so entries that look refusable are tried alone from the start. It is the
database that decides, always. The writer lock is held throughout: what we look up cannot change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DataError, IntegrityError

from retail_sync.core.errors import LedgerRefused
from retail_sync.ledger.embedded_chain import Head, chain_hash
from retail_sync.ledger.embedded_reading import (
    closed_months,
    last_period_event_id,
    read_by_keys,
    read_head,
    read_ids,
)
from retail_sync.ledger.embedded_refusals import database_refusal, key_conflict, malformed
from retail_sync.ledger.embedded_schema import account, entry, line, seal
from retail_sync.schemas.journal import Entry, EntryLine

Posting = tuple[Entry, str]
Answers = dict[str, str | LedgerRefused]

_LINE_FIELDS = tuple(EntryLine.__dataclass_fields__)
_line_values = attrgetter(*_LINE_FIELDS)


@dataclass(frozen=True, slots=True)
class Books:
    """The state of the books that the next entry continues, read under the writer lock."""

    head: Head
    last_period_event_id: int
    closed_months: set[str]
    active_accounts: set[str]

    @classmethod
    def read(cls, connection: Connection) -> Books:
        """Read the state as the database has it."""
        held = connection.execute(select(account.c.code, account.c.is_active))
        return cls(
            head=read_head(connection),
            last_period_event_id=last_period_event_id(connection),
            closed_months=closed_months(connection),
            active_accounts={code for code, is_active in held if is_active},
        )

    def would_refuse(self, item: Entry) -> bool:
        """Guess whether the database will refuse `item`; a wrong guess costs time, nothing else."""
        return (
            f"{item.posting_date:%Y-%m}" in self.closed_months
            or not self.active_accounts.issuperset(leg.account for leg in item.lines)
            or bool(item.imbalance())
        )


def book(connection: Connection, postings: Sequence[Posting]) -> tuple[Answers, Head | None]:
    """Book what is new, recognise repeats, refuse the rest. The writer lock is held.

    Returns the answers by key in the order sent, and the new head, None when nothing was added.
    """
    refused = {item.key: reason for item, token in postings if (reason := malformed(item, token))}
    sound = [posting for posting in postings if posting[0].key not in refused]
    held = read_ids(connection, [item.key for item, _ in sound])
    repeats = [item for item, _ in sound if item.key in held]
    answers: Answers = {
        key: LedgerRefused("malformed", reason, "correct what built the entry and send it again")
        for key, reason in refused.items()
    }
    answers |= _recognise(connection, repeats, held)
    fresh = [posting for posting in sound if posting[0].key not in held]
    before = books = Books.read(connection)
    for group in _groups(fresh, books):
        new, books = _book_group(connection, books, group)
        answers |= new
    head = None if books == before else books.head
    return {item.key: answers[item.key] for item, _ in postings}, head


def _recognise(connection: Connection, repeats: Sequence[Entry], held: dict[str, tuple[int, str]]) -> Answers:
    """Answer a repeat with its first id, and the same key with another body with a refusal."""
    answers: Answers = {item.key: str(held[item.key][0]) for item in repeats}
    others = {item.key: item for item in repeats if held[item.key][1] != item.body_hash}
    for stored in read_by_keys(connection, list(others)):
        booked = stored.posted.entry
        answers[booked.key] = key_conflict(booked, others[booked.key])
    return answers


def _groups(postings: Sequence[Posting], books: Books) -> Iterator[list[Posting]]:
    """Cut `postings` into groups in the order sent, each that looks refusable in one of its own."""
    group: list[Posting] = []
    for posting in postings:
        if books.would_refuse(posting[0]):
            yield group
            yield [posting]
            group = []
        else:
            group.append(posting)
    yield group


def _book_group(connection: Connection, books: Books, postings: Sequence[Posting]) -> tuple[Answers, Books]:
    if not postings:
        return {}, books
    try:
        with connection.begin_nested():
            return _insert(connection, books, postings)
    except LedgerRefused as refusal:
        if len(postings) == 1:
            return {postings[0][0].key: refusal}, books
    except (IntegrityError, DataError) as error:
        if len(postings) == 1:
            item, token = postings[0]
            return {item.key: database_refusal(connection, item, token, error)}, books
    middle = len(postings) // 2
    first, books = _book_group(connection, books, postings[:middle])
    second, books = _book_group(connection, books, postings[middle:])
    return first | second, books


def _insert(connection: Connection, books: Books, postings: Sequence[Posting]) -> tuple[Answers, Books]:
    """Insert entries, then lines, then seals, continuing the chain; any refusal fails the group."""
    start = books.head.entries + 1
    ids = {item.key: number for number, (item, _) in enumerate(postings, start)}
    rows = list(_entry_rows(books.head, postings, ids, _reversed_ids(connection, postings, ids)))
    # `returning` makes SQLAlchemy send many rows in one statement, on both dialects.
    connection.execute(insert(entry).returning(entry.c.id), rows)
    _insert_lines(connection, postings, ids)
    seals = [
        {
            "entry_id": ids[item.key],
            "line_count": len(item.lines),
            "last_period_event_id": books.last_period_event_id,
        }
        for item, _ in postings
    ]
    connection.execute(insert(seal).returning(seal.c.entry_id), seals)
    head = Head(rows[-1]["id"], rows[-1]["hash"])
    return {key: str(number) for key, number in ids.items()}, replace(books, head=head)


def _entry_rows(
    head: Head, postings: Sequence[Posting], ids: dict[str, int], reversed_ids: dict[str, int]
) -> Iterator[dict[str, Any]]:
    recorded_at = datetime.now(UTC)
    prev_hash = head.hash
    for item, token in postings:
        body_hash = item.body_hash
        this_hash = chain_hash(prev_hash, item.key, body_hash, token)
        yield {
            "id": ids[item.key],
            "key": item.key,
            "token": token,
            "body_hash": body_hash,
            "posting_date": item.posting_date,
            "memo": item.memo,
            "reverses_id": None if item.reverses is None else reversed_ids[item.reverses],
            "prev_hash": prev_hash,
            "hash": this_hash,
            "recorded_at": recorded_at,
        }
        prev_hash = this_hash


def _insert_lines(connection: Connection, postings: Sequence[Posting], ids: dict[str, int]) -> None:
    rows = [
        {"entry_id": ids[item.key], "line_no": number} | dict(zip(_LINE_FIELDS, _line_values(leg), strict=True))
        for item, _ in postings
        for number, leg in enumerate(item.lines, start=1)
    ]
    if rows:
        connection.execute(insert(line).returning(line.c.line_no), rows)


def _reversed_ids(connection: Connection, postings: Sequence[Posting], ids: dict[str, int]) -> dict[str, int]:
    """Return the ids of all originals that `postings` reverse, be they booked or in this group."""
    wanted = [item.reverses for item, _ in postings if item.reverses is not None]
    found = ids | {key: number for key, (number, _) in read_ids(connection, wanted).items()}
    for item, _ in postings:
        if item.reverses is not None and item.reverses not in found:
            raise LedgerRefused(
                "malformed",
                f"{item.key} reverses {item.reverses}, which is not in the ledger",
                "book the original first; if it was refused, the reversal is not needed",
            )
    return found
