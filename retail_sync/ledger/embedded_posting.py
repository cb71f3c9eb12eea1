"""Booking entries into the embedded ledger, many at once, each standing or falling alone.

A group is tried whole inside one savepoint, with one statement per table; when the database
refuses, the group is halved until the refused entry is alone. That would cost a bad entry among n
about 2·log2(n) tries, so entries that look refusable are tried alone from the start. It is the
database that decides, always. The writer lock is held throughout: what we look up cannot change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import DataError, IntegrityError

from retail_sync.core.errors import LedgerRefused
from retail_sync.ledger.embedded_chain import chain_hash
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


def book(connection: Connection, postings: Sequence[Posting]) -> Answers:
    """Book what is new, recognise repeats, refuse the rest; answers by key, in the order sent."""
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
    for group in _groups(fresh, Refusable.read(connection)):
        answers |= _book_group(connection, group)
    return {item.key: answers[item.key] for item, _ in postings}


def _recognise(
    connection: Connection, repeats: Sequence[Entry], held: dict[str, tuple[int, str]]
) -> Answers:
    """Answer a repeat with its first id, and the same key with another body with a refusal."""
    answers: Answers = {item.key: str(held[item.key][0]) for item in repeats}
    others = {item.key: item for item in repeats if held[item.key][1] != item.body_hash}
    for stored in read_by_keys(connection, list(others)):
        booked = stored.posted.entry
        answers[booked.key] = key_conflict(booked, others[booked.key])
    return answers


@dataclass(frozen=True, slots=True)
class Refusable:
    """What makes an entry look refusable: its month is closed, or an account takes no lines."""

    closed_months: set[str]
    active_accounts: set[str]

    @classmethod
    def read(cls, connection: Connection) -> Refusable:
        """Read the closed months and the accounts that may be posted to."""
        held = connection.execute(select(account.c.code, account.c.is_active))
        return cls(closed_months(connection), {code for code, is_active in held if is_active})

    def __contains__(self, item: Entry) -> bool:
        """Guess whether the database will refuse `item`; a wrong guess costs time, nothing else."""
        return (
            f"{item.posting_date:%Y-%m}" in self.closed_months
            or not self.active_accounts.issuperset(leg.account for leg in item.lines)
            or bool(item.imbalance())
        )


def _groups(postings: Sequence[Posting], refusable: Refusable) -> Iterator[list[Posting]]:
    """Cut `postings` into groups in the order sent, each refusable entry in one of its own."""
    group: list[Posting] = []
    for posting in postings:
        if posting[0] in refusable:
            yield group
            yield [posting]
            group = []
        else:
            group.append(posting)
    yield group


def _book_group(connection: Connection, postings: Sequence[Posting]) -> Answers:
    if not postings:
        return {}
    try:
        with connection.begin_nested():
            return _insert(connection, postings)
    except LedgerRefused as refusal:
        if len(postings) == 1:
            return {postings[0][0].key: refusal}
    except (IntegrityError, DataError) as error:
        if len(postings) == 1:
            item, token = postings[0]
            return {item.key: database_refusal(connection, item, token, error)}
    middle = len(postings) // 2
    first = _book_group(connection, postings[:middle])
    return first | _book_group(connection, postings[middle:])


def _insert(connection: Connection, postings: Sequence[Posting]) -> Answers:
    """Insert entries, then lines, then seals, continuing the chain; any refusal fails the group."""
    head = read_head(connection)
    ids = {item.key: number for number, (item, _) in enumerate(postings, start=head.entries + 1)}
    reversed_ids = _reversed_ids(connection, postings, ids)
    recorded_at = datetime.now(UTC)
    prev_hash = head.hash
    rows = []
    for item, token in postings:
        body_hash = item.body_hash
        this_hash = chain_hash(prev_hash, item.key, body_hash, token)
        rows.append(
            {
                "id": ids[item.key],
                "key": item.key,
                "token": token,
                "body_hash": body_hash,
                "posting_date": item.posting_date,
                "memo": item.memo,
                "reverses_id": reversed_ids.get(item.reverses or ""),
                "prev_hash": prev_hash,
                "hash": this_hash,
                "recorded_at": recorded_at,
            }
        )
        prev_hash = this_hash
    # `returning` makes SQLAlchemy send many rows in one statement, on both dialects.
    connection.execute(insert(entry).returning(entry.c.id), rows)
    _insert_lines(connection, postings, ids)
    event_id = last_period_event_id(connection)
    seals = [
        {
            "entry_id": ids[item.key],
            "line_count": len(item.lines),
            "last_period_event_id": event_id,
        }
        for item, _ in postings
    ]
    connection.execute(insert(seal).returning(seal.c.entry_id), seals)
    return {key: str(number) for key, number in ids.items()}


def _insert_lines(connection: Connection, postings: Sequence[Posting], ids: dict[str, int]) -> None:
    rows = [
        {"entry_id": ids[item.key], "line_no": number}
        | dict(zip(_LINE_FIELDS, _line_values(leg), strict=True))
        for item, _ in postings
        for number, leg in enumerate(item.lines, start=1)
    ]
    if rows:
        connection.execute(insert(line).returning(line.c.line_no), rows)


def _reversed_ids(
    connection: Connection, postings: Sequence[Posting], ids: dict[str, int]
) -> dict[str, int]:
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
