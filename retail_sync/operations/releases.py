"""Releasing: what we decided to tell the ledger. Each desired entry is compared with the last released body of its key.

New: version 1. Same: nothing. Changed facts: a reversal of the old and the next version. A changed rule alone, or what a
product costs or how it is packed, corrects nothing by itself: it waits. All of one release is one transaction, outbox rows
included. What is decided is in `verdicts.py`; how it is written is here.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from retail_sync.core.failpoints import failpoint
from retail_sync.operations import database as db
from retail_sync.operations.approvals import read_approved
from retail_sync.operations.evidence import Evidence, Facts, Sight, movements_of
from retail_sync.operations.exceptions import Problem
from retail_sync.operations.verdicts import Desired, Released, Verdict, carried_by_approval, decide
from retail_sync.operations.waiting import Waiting, note_waiting, told_by_document, waiting_entry, waiting_problems
from retail_sync.schemas.journal import Entry

_FINANCE = "finance"
# Verdicts that tell or reverse what was released; all others need its hash alone.
_NEEDS_BODY: frozenset[Verdict] = frozenset({"correct", "withdraw", "rule"})
_VALUES_AT_ONCE = 500


@dataclass(slots=True)
class ReleaseReport:
    """What one release did, what waits because only a rule changed, and what is held until its facts can be read."""

    new: int = 0
    corrected: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    waiting: list[Waiting] = field(default_factory=list)
    held: list[Problem] = field(default_factory=list)

    @property
    def waiting_problems(self) -> list[Problem]:
        """What waits, one problem for each cause."""
        return waiting_problems(self.waiting)


class LastWord(NamedTuple):
    """The standing version of a key as far as it says whether anything is to be decided; a plain row, there are years of them."""

    entry_key: str
    document_id: str
    entry_kind: str
    desired_hash: str
    facts_hash: str
    delivery_id: str
    bank_delivery_id: str
    bank_movement: str
    matching_hash: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Legs that the ledger may hold of a document, and the facts they rest on; no legs where it had nothing to book."""

    document_id: str
    facts_hash: str
    legs: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Releaser:
    """Releases desired entries. `first_open_date` moves a date out of a closed period where the policy says so."""

    engine: sa.Engine
    ledger: str
    released_by: str
    trace_id: str
    first_open_date: Callable[[date], date]

    def release(self, desired: Sequence[Desired], ready: Mapping[str, Facts], sight: Sight) -> ReleaseReport:
        """Compare and release, in one transaction.

        `ready` are the documents whose desired entries are all in `desired`; a released key of such a document that is no
        longer desired is reversed. What `sight` cannot see is not taken for gone.
        """
        report = ReleaseReport()
        if sight.unread:
            report.held.append(_is_incomplete(sight))
        if sight.refused:
            report.held.append(_is_refused_now(sight))
        with self.engine.begin() as connection:
            wanted, keys = _in_question(desired, self._last_words(connection))
            report.unchanged += len(desired) - len(wanted)
            last, versions = self._last(connection, keys)
            verdicts = decide(wanted, last, ready, sight, versions, self._empty(connection))
            verdicts |= carried_by_approval(verdicts, wanted, last, read_approved(connection, "correction"))
            last |= self._with_bodies(connection, [last[key] for key in last if verdicts[key] in _NEEDS_BODY])
            for key in [*wanted, *(key for key in last if key not in wanted)]:
                version = versions.get(key, 0)
                self._carry_out(connection, verdicts[key], key, wanted.get(key), last.get(key), version, report)
            self._note_empty(connection, desired, ready)
            report.waiting = told_by_document(report.waiting)
            note_waiting(connection, report.waiting)
            self._move_out_of_closed_periods(connection)
            failpoint("release.before_commit")
        failpoint("release.after_commit")
        return report

    def last_words(self) -> list[LastWord]:
        """Return the standing version of every key, without its body."""
        with self.engine.connect() as connection:
            return self._last_words(connection)

    def accounts(self, entry_keys: Collection[str]) -> dict[str, frozenset[str]]:
        """Return the accounts of the standing versions of these keys."""
        with self.engine.connect() as connection:
            last, _ = self._last(connection, entry_keys)
            whole = self._with_bodies(connection, list(last.values()))
        return {key: frozenset(line["account"] for line in json.loads(old.body)["lines"]) for key, old in whole.items()}

    def standing(self, entry_kinds: Collection[str]) -> list[Standing]:
        """Return what the ledger may hold of these kinds of entries, and the documents that had nothing to book."""
        with self.engine.connect() as connection:
            words = self._last_words(connection)
            last, _ = self._last(connection, [word.entry_key for word in words if word.entry_kind in entry_kinds])
            empty = self._empty(connection)
            whole = self._with_bodies(connection, [old for old in last.values() if not old.was_never_sent]).values()
        entries = [Standing(old.document_id, old.facts_hash, json.loads(old.body)["lines"]) for old in whole]
        booked = {word.document_id for word in words}
        return entries + [Standing(document, facts, ()) for document, facts in empty.items() if document not in booked]

    def _last_words(self, connection: sa.Connection) -> list[LastWord]:
        columns, reversal, outbox = db.released_entries.c, db.released_entries.alias(), db.outbox.c
        is_reversed = sa.exists().where(
            reversal.c.entry_key == columns.entry_key,
            reversal.c.version == columns.version,
            reversal.c.kind == "reversal",
        )
        query = (
            sa.select(*(columns[name] for name in LastWord._fields))
            .join(db.outbox, outbox.release_id == columns.release_id)
            .where(columns.kind == "entry", outbox.ledger == self.ledger, outbox.state != "reversed", ~is_reversed)
            .order_by(columns.release_id)
        )
        return [LastWord._make(row) for row in connection.execute(query).all()]

    def _last(self, connection: sa.Connection, keys: Collection[str]) -> tuple[dict[str, Released], dict[str, int]]:
        """Return the standing version of these keys, without bodies, and the highest version that each ever had in any ledger."""
        entries, outbox = db.released_entries.c, db.outbox.c
        without_body = [column for column in db.released_entries.columns if column.name != "body"]
        query = sa.select(*without_body, outbox.state, outbox.attempts, outbox.ledger).join(
            db.outbox, outbox.release_id == entries.release_id
        )
        by_key: dict[str, list[sa.RowMapping]] = defaultdict(list)
        for part in _parts(list(keys)):
            rows = connection.execute(query.where(entries.entry_key.in_(part)).order_by(entries.release_id))
            for row in rows.mappings():
                by_key[row["entry_key"]].append(row)
        versions = {key: max(row["version"] for row in rows) for key, rows in by_key.items()}
        standing = {}
        for key, versions_of_key in by_key.items():
            gone = {row["version"] for row in versions_of_key if row["kind"] == "reversal"}
            gone |= {row["version"] for row in versions_of_key if row["state"] == "reversed"}
            for row in versions_of_key:
                if row["kind"] == "entry" and row["version"] not in gone and row["ledger"] == self.ledger:
                    standing[key] = _released(row)
        return standing, versions

    def _with_bodies(self, connection: sa.Connection, released: Sequence[Released]) -> dict[str, Released]:
        """Return these versions by key with their bodies."""
        columns = db.released_entries.c
        bodies: dict[int, str] = {}
        for part in _parts([old.release_id for old in released]):
            query = sa.select(columns.release_id, columns.body).where(columns.release_id.in_(part))
            bodies |= {release_id: body for release_id, body in connection.execute(query)}
        return {old.entry_key: replace(old, body=bodies[old.release_id]) for old in released}

    def _empty(self, connection: sa.Connection) -> dict[str, str]:
        """Return the documents that wanted nothing when they were released, with the facts of that time."""
        columns = db.empty_documents.c
        query = sa.select(columns.document_id, columns.facts_hash).where(columns.ledger == self.ledger)
        return {document_id: facts_hash for document_id, facts_hash in connection.execute(query)}

    def _note_empty(self, connection: sa.Connection, desired: Sequence[Desired], ready: Mapping[str, Facts]) -> None:
        """Note the facts of ready documents that want nothing, so that no rule makes an entry of the same facts later."""
        known, wanting = self._empty(connection), {entry.document_id for entry in desired}
        notes = [
            {"ledger": self.ledger, "document_id": document_id, "facts_hash": facts.settlement}
            for document_id, facts in ready.items()
            if document_id not in wanting and known.get(document_id) != facts.settlement
        ]
        if notes:
            columns = db.empty_documents.c
            of_note = columns.ledger == sa.bindparam("ledger"), columns.document_id == sa.bindparam("document_id")
            connection.execute(sa.delete(db.empty_documents).where(*of_note), notes)
            connection.execute(sa.insert(db.empty_documents), notes)

    def _carry_out(  # noqa: PLR0913 - one entry, from both sides
        self,
        connection: sa.Connection,
        verdict: Verdict,
        key: str,
        entry: Desired | None,
        old: Released | None,
        version: int,
        report: ReleaseReport,
    ) -> None:
        match verdict, entry, old:
            case "new", Desired(), None:
                self._add(connection, entry, version + 1, "first release" if version == 0 else "wanted again")
                report.new += 1
            case "same", Desired(), Released():
                self._confirm(connection, old, entry)
                report.unchanged += 1
            case "replace", Desired(), Released():
                self._cancel(connection, old, "superseded before it was sent")
                self._add(connection, entry, version + 1, "replaces a version that was never sent")
                report.corrected += 1
            case "correct", Desired(), Released():
                self._reverse(connection, old, "its facts changed")
                self._add(connection, entry, version + 1, f"corrects version {old.version}")
                report.corrected += 1
            case "cancel", None, Released():
                self._cancel(connection, old, "no longer wanted, never sent")
                report.withdrawn += 1
            case "withdraw", None, Released():
                self._reverse(connection, old, "its facts are gone")
                report.withdrawn += 1
            case "rule", _, _:
                report.waiting.append(waiting_entry(key, entry, old))
            case "unreadable", _, _:
                report.held.append(_cannot_be_read(key, old))
            case "taken", Desired(), _:
                report.held.append(_is_booked_already(entry))

    def _confirm(self, connection: sa.Connection, old: Released, entry: Desired) -> None:
        """Note that today's facts give the same entry: what makes it differ later is not these facts."""
        if (old.facts_hash, old.evidence) != (entry.facts_hash, entry.evidence):
            connection.execute(
                sa.update(db.released_entries)
                .where(db.released_entries.c.release_id == old.release_id)
                .values(facts_hash=entry.facts_hash, **asdict(entry.evidence))
            )

    def _add(self, connection: sa.Connection, desired: Desired, version: int, reason: str) -> None:
        entry = Entry.from_body(f"{desired.entry_key}#{version}", json.loads(desired.body))
        entry = replace(entry, posting_date=self.first_open_date(entry.posting_date))
        self._insert(connection, desired, version, "entry", entry, reason)

    def _reverse(self, connection: sa.Connection, old: Released, reason: str) -> None:
        original = Entry.from_body(old.ledger_key, json.loads(old.body))
        reversal = Entry(
            key=f"{old.ledger_key}R",
            posting_date=self.first_open_date(original.posting_date),
            memo=f"Reversal: {original.memo}",
            lines=tuple(line.negated() for line in original.lines),
            reverses=old.ledger_key,
        )
        desired = Desired(
            old.entry_key, old.document_id, old.entry_kind, "", old.desired_hash, old.facts_hash, old.evidence
        )
        self._insert(connection, desired, old.version, "reversal", reversal, reason)

    def _move_out_of_closed_periods(self, connection: sa.Connection) -> None:
        """Date anew what a closed period keeps out of the ledger, where the policy says so (else the day stays)."""
        entries, outbox = db.released_entries.c, db.outbox.c
        rows = connection.execute(
            sa.select(entries.release_id, entries.ledger_key, entries.body)
            .join(db.outbox, outbox.release_id == entries.release_id)
            .where(
                outbox.ledger == self.ledger,
                sa.or_(
                    sa.and_(outbox.state == "held", outbox.reason_code == "closed_period"),
                    sa.and_(outbox.state == "pending", outbox.attempts == 0),
                ),
            )
        ).all()
        for row in rows:
            entry = Entry.from_body(row.ledger_key, json.loads(row.body))
            day = self.first_open_date(entry.posting_date)
            if day != entry.posting_date:
                self._date_anew(connection, row.release_id, replace(entry, posting_date=day))

    def _date_anew(self, connection: sa.Connection, release_id: int, entry: Entry) -> None:
        connection.execute(
            sa.update(db.released_entries)
            .where(db.released_entries.c.release_id == release_id)
            .values(body=entry.body_text, body_hash=entry.body_hash)
        )
        connection.execute(
            sa.update(db.outbox)
            .where(db.outbox.c.release_id == release_id)
            .values(token=self._token(entry), state="pending", reason_code="", reason="")
        )

    def _cancel(self, connection: sa.Connection, old: Released, reason: str) -> None:
        connection.execute(
            sa.update(db.outbox)
            .where(db.outbox.c.release_id == old.release_id)
            .values(state="reversed", reason_code="superseded", reason=reason)
        )

    def _insert(
        self, connection: sa.Connection, desired: Desired, version: int, kind: Literal["entry", "reversal"],
        entry: Entry, reason: str,
    ) -> None:  # fmt: skip
        result = connection.execute(
            sa.insert(db.released_entries).values(
                entry_key=desired.entry_key,
                version=version,
                kind=kind,
                entry_kind=desired.kind,
                ledger_key=entry.key,
                document_id=desired.document_id,
                desired_hash=desired.body_hash,
                facts_hash=desired.facts_hash,
                body=entry.body_text,
                body_hash=entry.body_hash,
                reason=reason,
                released_at=db.now(),
                released_by=self.released_by,
                trace_id=self.trace_id,
                **asdict(desired.evidence),
            )
        )
        (release_id,) = result.inserted_primary_key or (None,)
        connection.execute(
            sa.insert(db.outbox).values(
                release_id=release_id, ledger=self.ledger, token=self._token(entry), state="pending"
            )
        )

    def _token(self, entry: Entry) -> str:
        """Return the idempotency token: made of identity and content and kept before sending, so a repeat is the same."""
        return hashlib.sha256(f"{self.ledger}|{entry.key}|{entry.body_hash}".encode()).hexdigest()[:36]


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut values into parts that a database takes at once."""
    return (values[start : start + _VALUES_AT_ONCE] for start in range(0, len(values), _VALUES_AT_ONCE))


def _in_question(desired: Sequence[Desired], words: Sequence[LastWord]) -> tuple[dict[str, Desired], list[str]]:
    """Return the desired entries of the documents that may need a decision, and the keys wanted or standing of them.

    A document whose entries all stand as they are desired, on the facts and evidence of today, needs none. Entries of a
    document are decided together; with a deposit that is not as it stands also those whose bank movement it wants.
    """
    standing = {word.entry_key: word for word in words}
    wanted = {entry.entry_key: entry for entry in desired}
    same = {key for key, entry in wanted.items() if standing.get(key) == _as_word(entry)}
    documents = {entry.document_id for key, entry in wanted.items() if key not in same}
    documents |= {word.document_id for key, word in standing.items() if key not in same}
    movements = {
        movement
        for key, entry in wanted.items()
        if key not in same
        for movement, _ in movements_of(entry.evidence.bank_movement)
    }
    if movements:
        documents |= {
            word.document_id
            for word in words
            if word.bank_movement and any(movement in movements for movement, _ in movements_of(word.bank_movement))
        }
    wanted = {key: entry for key, entry in wanted.items() if entry.document_id in documents}
    keys = dict.fromkeys([*wanted, *(word.entry_key for word in words if word.document_id in documents)])
    return wanted, list(keys)


def _as_word(entry: Desired) -> LastWord:
    evidence = entry.evidence
    return LastWord(
        entry.entry_key, entry.document_id, entry.kind, entry.body_hash, entry.facts_hash,
        evidence.delivery_id, evidence.bank_delivery_id, evidence.bank_movement, evidence.matching_hash,
    )  # fmt: skip


def _released(row: sa.RowMapping) -> Released:
    evidence = Evidence(**{name: row[name] for name in Evidence.__dataclass_fields__})
    return Released(
        **{name: row[name] for name in Released.__dataclass_fields__ if name not in ("evidence", "body")},
        evidence=evidence,
    )


def _cannot_be_read(key: str, old: Released | None) -> Problem:
    rests = f" (delivery {old.evidence.delivery_id})" if old and old.evidence.delivery_id else ""
    return Problem(
        code="facts_unreadable",
        subject=key,
        kind="data",
        owner="operations",
        message=f"{key} would be booked differently now, but what was released of its document may rest on facts{rests} that "
        "the warehouse cannot read at present. Nothing was changed in the ledger.",
        remedy="deliver the missing files again (see delivery_refused and rebuild_incomplete): the next run decides anew",
    )


def _is_booked_already(entry: Desired) -> Problem:
    return Problem(
        code="bank_movement_booked",
        subject=entry.entry_key,
        kind="business",
        owner=_FINANCE,
        message=f"The bank movement {entry.evidence.bank_movement} is matched with {entry.document_id} now, but its deposit is "
        "booked for another settlement, where it stands until that is corrected. It was not booked twice.",
        remedy="see the exceptions of the other deposit; when that is corrected, the next run books this one",
    )


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if names[5:] else "")


def _is_refused_now(sight: Sight) -> Problem:
    return Problem(
        code="loaded_before_refused_now",
        subject="warehouse",
        kind="configuration",
        owner="operations",
        message=f"{len(sight.refused)} deliveries that were loaded once are refused now ({_names(sight.refused)}), and documents "
        "with released entries are in no table any more. Their entries stay: it cannot be told that they are gone.",
        remedy="correct the [[source]] block of these files (see delivery_refused), or deliver them again as they should be",
    )


def _is_incomplete(sight: Sight) -> Problem:
    return Problem(
        code="rebuild_incomplete",
        subject="warehouse",
        kind="data",
        owner="operations",
        message=f"{len(sight.unread)} deliveries that may hold facts cannot be read now ({_names(sight.unread)}). "
        "Released entries that may rest on them, and released deposits, are not corrected or withdrawn meanwhile.",
        remedy="deliver these files again, or restore their [[source]] block",
    )
