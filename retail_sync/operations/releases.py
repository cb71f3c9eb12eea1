"""Releasing: what we decided to tell the ledger. Each desired entry is compared with the last released body of its key.

New: version 1. Same: nothing. Changed facts: a reversal of the old and the next version. A changed rule alone corrects
nothing by itself: it waits for approval. All of one release is one transaction, outbox rows included.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

import sqlalchemy as sa

from retail_sync.core.failpoints import failpoint
from retail_sync.operations import database as db
from retail_sync.operations.exceptions import Problem
from retail_sync.schemas.journal import Entry

_FINANCE = "finance"


@dataclass(frozen=True, slots=True)
class Desired:
    """An entry the journal wants: `body` is Entry.body(), `facts_hash` tells which deliveries it rests on."""

    entry_key: str
    document_id: str
    kind: str
    body: Mapping[str, Any]
    body_hash: str
    facts_hash: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Current facts of a ready document, by kind of entry."""

    settlement: str
    deposit: str

    def of(self, kind: str) -> str:
        """Return the facts hash that an entry of this kind rests on."""
        return self.deposit if kind == "deposit" else self.settlement


@dataclass(frozen=True, slots=True)
class Released:
    """A version that was released and not reversed: the last word on its key."""

    release_id: int
    entry_key: str
    version: int
    ledger_key: str
    document_id: str
    entry_kind: str
    desired_hash: str
    facts_hash: str
    body: str
    state: str
    attempts: int

    @property
    def was_never_sent(self) -> bool:
        """Whether the ledger cannot hold it: it was not tried, or the ledger said no.

        A pending row that was tried had its answer lost. The lookup did not find it, but a ledger may answer late.
        """
        return self.state in ("held", "rejected") or (self.state == "pending" and not self.attempts)


@dataclass(slots=True)
class ReleaseReport:
    """What one release did, and the rule changes that wait for approval."""

    new: int = 0
    corrected: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    waiting: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Releaser:
    """Releases desired entries. `first_open_date` moves a date out of a closed period where the policy says so."""

    engine: sa.Engine
    ledger: str
    released_by: str
    trace_id: str
    first_open_date: Callable[[date], date]

    def release(self, desired: Sequence[Desired], ready: Mapping[str, Facts], *, complete: bool) -> ReleaseReport:
        """Compare and release, in one transaction.

        `ready` are the documents whose desired entries are all in `desired`; a released key of such a document that is no
        longer desired is reversed. `complete` is False while some delivery could not be read again: then nothing is
        reversed for being absent.
        """
        report = ReleaseReport()
        wanted = {entry.entry_key: entry for entry in desired}
        with self.engine.begin() as connection:
            last, versions = self._last(connection)
            for key, entry in wanted.items():
                self._release_one(connection, entry, last.get(key), versions.get(key, 0), report)
            for key, old in last.items():
                if complete and key not in wanted and old.document_id in ready:
                    self._withdraw_absent(connection, old, ready[old.document_id], report)
            self._move_out_of_closed_periods(connection)
            failpoint("release.before_commit")
        failpoint("release.after_commit")
        return report

    def _last(self, connection: sa.Connection) -> tuple[dict[str, Released], dict[str, int]]:
        """Return the standing version of each key, and the highest version number each key ever had."""
        entries, outbox = db.released_entries.c, db.outbox.c
        rows = connection.execute(
            sa.select(db.released_entries, outbox.state, outbox.attempts)
            .join(db.outbox, outbox.release_id == entries.release_id)
            .order_by(entries.release_id)
        ).mappings()
        by_key: dict[str, list[sa.RowMapping]] = defaultdict(list)
        for row in rows:
            by_key[row["entry_key"]].append(row)
        versions = {key: max(row["version"] for row in rows) for key, rows in by_key.items()}
        standing = {}
        for key, versions_of_key in by_key.items():
            gone = {row["version"] for row in versions_of_key if row["kind"] == "reversal"}
            gone |= {row["version"] for row in versions_of_key if row["state"] == "reversed"}
            for row in versions_of_key:
                if row["kind"] == "entry" and row["version"] not in gone:
                    standing[key] = _released(row)
        return standing, versions

    def _release_one(
        self,
        connection: sa.Connection,
        entry: Desired,
        old: Released | None,
        version: int,
        report: ReleaseReport,
    ) -> None:
        if old is None:
            self._add(connection, entry, version + 1, "first release" if version == 0 else "wanted again")
            report.new += 1
        elif old.desired_hash == entry.body_hash:
            self._confirm(connection, old, entry)
            report.unchanged += 1
        elif old.was_never_sent:
            self._cancel(connection, old, "superseded before it was sent")
            self._add(connection, entry, version + 1, "replaces a version that was never sent")
            report.corrected += 1
        elif old.facts_hash == entry.facts_hash:
            report.waiting.append(_waits_for_approval(old))
        else:
            self._reverse(connection, old, "its facts changed")
            self._add(connection, entry, version + 1, f"corrects version {old.version}")
            report.corrected += 1

    def _confirm(self, connection: sa.Connection, old: Released, entry: Desired) -> None:
        """Note that today's facts give the same entry: what makes it differ later is not these facts."""
        if old.facts_hash != entry.facts_hash:
            connection.execute(
                sa.update(db.released_entries)
                .where(db.released_entries.c.release_id == old.release_id)
                .values(facts_hash=entry.facts_hash)
            )

    def _withdraw_absent(self, connection: sa.Connection, old: Released, facts: Facts, report: ReleaseReport) -> None:
        if old.was_never_sent:
            self._cancel(connection, old, "no longer wanted, never sent")
        elif old.facts_hash == facts.of(old.entry_kind):
            report.waiting.append(_waits_for_approval(old))
            return
        else:
            self._reverse(connection, old, "its facts are gone")
        report.withdrawn += 1

    def _add(self, connection: sa.Connection, desired: Desired, version: int, reason: str) -> None:
        entry = Entry.from_body(f"{desired.entry_key}#{version}", desired.body)
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
        desired = Desired(old.entry_key, old.document_id, old.entry_kind, {}, old.desired_hash, old.facts_hash)
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


def _released(row: sa.RowMapping) -> Released:
    return Released(**{name: row[name] for name in Released.__dataclass_fields__})


def _waits_for_approval(old: Released) -> Problem:
    return Problem(
        code="rule_change_waits",
        subject=old.entry_key,
        kind="business",
        owner=_FINANCE,
        severity="warning",
        message=f"Today's rules would book {old.entry_key} differently than it was released (version {old.version}). "
        "Nothing was changed in the ledger.",
        remedy="compare journal.lines with the released entry; restore the rule, or have the correction approved",
    )
