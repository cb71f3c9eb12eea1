"""The posting protocol: how a released entry reaches the ledger exactly once.

    pending → sending → posted → verified
              sending → uncertain   the answer was lost: look the key up before anything else
              pending → held        a person must decide: closed period, account, limit
              sending → rejected    the ledger said no for good
              posted  → mismatch    what the ledger holds is not what we sent

A row is claimed and committed before anything is sent; the key is looked up before it is sent; what was sent is read back
and compared line by line in minor units. Every step can be repeated after a crash at any point.
"""

from __future__ import annotations

import json
import os
import socket
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from retail_sync.core.errors import LedgerRefused, LedgerUncertain
from retail_sync.core.failpoints import failpoint
from retail_sync.core.money import format_money, from_minor
from retail_sync.ledger.adapter import LedgerAdapter, PostedEntry
from retail_sync.operations import database as db
from retail_sync.operations.approvals import Approvals, Content
from retail_sync.schemas.journal import Entry, difference

BATCH = 100
_HELD_CODES = frozenset(
    {"closed_period", "unknown_account", "inactive_account", "unknown_dimension", "original_missing"}
)


@dataclass(frozen=True, slots=True)
class Policy:
    """When a person decides instead of the program. `approval_above` is a home amount as decimal text, or empty."""

    approval_above: str = ""


@dataclass(slots=True)
class PostingReport:
    """How many outbox rows ended in which state in this run."""

    states: dict[str, int] = field(default_factory=dict)

    def count(self, state: str, number: int = 1) -> None:
        """Add to a state."""
        self.states[state] = self.states.get(state, 0) + number


@dataclass(frozen=True, slots=True)
class _Row:
    release_id: int
    token: str
    state: str
    entry: Entry


class Outbox:
    """The outbox of one ledger. One poster works at a time; claims are committed before sending."""

    def __init__(self, engine: sa.Engine, adapter: LedgerAdapter, policy: Policy) -> None:
        self._engine = engine
        self._adapter = adapter
        self._policy = policy
        self._worker = f"{socket.gethostname()}:{os.getpid()}"

    def post_all(self, progress: Callable[[str], None]) -> PostingReport:
        """Bring every row as far as it can go now."""
        report = PostingReport()
        self._recover()
        self._reconsider_held()
        total, done = self.count("pending"), 0
        while rows := self._take("pending", BATCH):
            self._post_batch(rows, report)
            done += len(rows)
            progress(f"ledger: {done} of {total} entries")
        return report

    def drift(self) -> int:
        """Read every verified entry back and mark those that are no longer what we sent. Returns how many.

        An entry is marked too whose reversal or next version is in the ledger though nobody here released it: then this
        database is older than the ledger, as after a restored backup.
        """
        drifted, after = 0, 0
        while rows := self._take("verified", BATCH, after):
            drifted += self._mark_drift(rows)
            after = rows[-1].release_id
        return drifted

    def _mark_drift(self, rows: Sequence[_Row]) -> int:
        """Mark what is not in the ledger as it was sent; the others are verified. Returns how many are marked."""
        later = self._unreleased([key for row in rows for key in _follow_ups(row.entry.key)])
        found = self._adapter.find([*(row.entry.key for row in rows), *later])
        drifted = 0
        for row in rows:
            if verdict := self._drift_of(row.entry, found, later):
                self._set([row], "mismatch", reason_code=verdict[0], reason=verdict[1])
                drifted += 1
            elif row.state != "verified":
                self._record_found([row], found)
        return drifted

    def _drift_of(
        self, sent: Entry, found: Mapping[str, PostedEntry], later: Collection[str]
    ) -> tuple[str, str] | None:
        held = found.get(sent.key)
        if held is None:
            return "gone_from_ledger", "the ledger does not hold it any more"
        if reason := self._mismatch(sent, held):
            return "changed_in_ledger", reason
        unknown = [key for key in _follow_ups(sent.key) if key in later and key in found]
        return (
            ("released_elsewhere", f"the ledger holds {unknown[0]}, which was never released here") if unknown else None
        )

    def _unreleased(self, keys: Sequence[str]) -> set[str]:
        """Return those of `keys` that no released version has."""
        column = db.released_entries.c.ledger_key
        with self._engine.connect() as connection:
            known = set(connection.execute(sa.select(column).where(column.in_(keys))).scalars())
        return set(keys) - known

    def _recover(self) -> None:
        """Rows whose fate is unknown, after a crash or a lost answer: the ledger knows. Mismatches are looked at again."""
        for state in ("sending", "uncertain", "posted"):
            after = 0
            while rows := self._take(state, BATCH, after):
                found = self._adapter.find([row.entry.key for row in rows])
                self._record_found([row for row in rows if row.entry.key in found], found)
                lost = [row for row in rows if row.entry.key not in found]
                if state == "posted":
                    self._set(
                        lost,
                        "mismatch",
                        reason_code="gone_from_ledger",
                        reason="the ledger does not hold it any more",
                    )
                else:
                    self._set(lost, "pending")
                after = rows[-1].release_id
        after = 0
        while rows := self._take("mismatch", BATCH, after):
            self._mark_drift(rows)
            after = rows[-1].release_id

    def _reconsider_held(self) -> None:
        after = 0
        while rows := self._take("held", BATCH, after):
            holds = self._holds(rows)
            self._set([row for row in rows if row.release_id not in holds], "pending", ("held",))
            self._set_held(rows, holds)  # the reason may be another one now
            after = rows[-1].release_id

    def _post_batch(self, rows: Sequence[_Row], report: PostingReport) -> None:
        holds = self._holds(rows)
        self._set_held(rows, holds)
        report.count("held", len(holds))
        ready = [row for row in rows if row.release_id not in holds]
        if not ready:
            return
        ready = self._claim(ready)
        failpoint("posting.after_claim")
        if not ready:
            return
        try:
            posted = self._send(ready, report)
        except LedgerUncertain as lost:
            self._set(ready, "uncertain", reason_code="no_answer", reason=lost.message)
            report.count("uncertain", len(ready))
            return
        failpoint("posting.after_send")
        self._set(posted, "posted", posted_at=db.now())
        failpoint("posting.after_record")
        verified = self._record_found(posted, self._adapter.find([row.entry.key for row in posted]))
        report.count("verified", verified)
        report.count("mismatch", len(posted) - verified)
        failpoint("posting.after_verify")

    def _send(self, rows: Sequence[_Row], report: PostingReport) -> list[_Row]:
        """Send what the ledger does not hold yet; return the rows that it holds now."""
        known = self._adapter.find([row.entry.key for row in rows])
        missing = [row for row in rows if row.entry.key not in known]
        answers = self._adapter.post_many([(row.entry, row.token) for row in missing])
        refused = {key: answer for key, answer in answers.items() if isinstance(answer, LedgerRefused)}
        for row in missing:
            if refusal := refused.get(row.entry.key):
                code = "original_missing" if row.entry.reverses in refused else refusal.code
                state = "held" if code in _HELD_CODES else "rejected"
                self._set([row], state, reason_code=code, reason=refusal.message)
                report.count(state)
        return [row for row in rows if row.entry.key not in refused]

    def _holds(self, rows: Sequence[_Row]) -> dict[int, tuple[str, str]]:
        """Return, by release id, why a person must decide about an entry before it is sent."""
        accounts = self._adapter.accounts()
        days = {row.entry.posting_date for row in rows}
        closed = {day: first for day in days if (first := self._adapter.first_open_date(day)) != day}
        approved = Approvals(self._engine).of("posting")
        originals = [row.entry.reverses for row in rows if row.entry.reverses]
        there = {*self._adapter.find(originals), *(row.entry.key for row in rows)}
        holds = {}
        for row in rows:  # in the order of release: an original stands before its reversal
            is_approved = Content(row.entry.key, row.entry.body_hash) in approved
            reason = self._hold(row.entry, accounts, closed, there)
            if reason is None and not is_approved:
                reason = self._over_limit(row.entry)
            if reason:
                holds[row.release_id] = reason
                there.discard(row.entry.key)
        return holds

    def _hold(
        self,
        entry: Entry,
        accounts: Mapping[str, bool],
        closed: Mapping[date, date],
        there: set[str],
    ) -> tuple[str, str] | None:
        for line in entry.lines:
            if not accounts.get(line.account, False):
                return (
                    (
                        "inactive_account",
                        f"account {line.account} is closed to postings in the ledger",
                    )
                    if line.account in accounts
                    else ("unknown_account", f"the ledger has no account {line.account}")
                )
        if first := closed.get(entry.posting_date):
            return (
                "closed_period",
                f"the ledger is closed on {entry.posting_date}; the first open day is {first}",
            )
        if entry.reverses and entry.reverses not in there:
            return "original_missing", f"{entry.reverses}, which it reverses, is not in the ledger"
        return None

    def _over_limit(self, entry: Entry) -> tuple[str, str] | None:
        if not self._policy.approval_above:
            return None
        currency = entry.lines[0].home_currency
        limit = Decimal(self._policy.approval_above)
        debit = sum(line.home_minor for line in entry.lines if line.home_minor > 0)
        if from_minor(debit, currency) <= limit:
            return None
        return "over_limit", f"{format_money(debit, currency)} is over the limit of {limit:,f} {currency}"

    def _record_found(self, rows: Sequence[_Row], found: Mapping[str, PostedEntry]) -> int:
        """Compare what the ledger holds with what we sent; return how many are the same."""
        same = 0
        for row in rows:
            posted = found.get(row.entry.key)
            if reason := self._mismatch(row.entry, posted):
                self._set([row], "mismatch", reason_code="differs_in_ledger", reason=reason)
                continue
            self._set(
                [row],
                "verified",
                verified_at=db.now(),
                remote_id=posted.remote_id if posted else None,
            )
            same += 1
        return same

    def _set_held(self, rows: Sequence[_Row], holds: Mapping[int, tuple[str, str]]) -> None:
        by_reason: dict[tuple[str, str], list[_Row]] = defaultdict(list)
        for row in rows:
            if row.release_id in holds:
                by_reason[holds[row.release_id]].append(row)
        for (code, reason), held in by_reason.items():
            self._set(held, "held", ("pending", "held"), reason_code=code, reason=reason)

    def _claim(self, rows: Sequence[_Row]) -> list[_Row]:
        """Take rows that are still pending; return those that are ours now. The others are somebody else's to send."""
        outbox = db.outbox.c
        with self._engine.begin() as connection:
            claimed = set(
                connection.execute(
                    sa.update(db.outbox)
                    .where(outbox.release_id.in_([row.release_id for row in rows]), outbox.state == "pending")
                    .values(
                        state="sending",
                        claimed_by=self._worker,
                        attempts=outbox.attempts + 1,
                        reason="",
                        reason_code="",
                    )
                    .returning(outbox.release_id)
                ).scalars()
            )
        return [row for row in rows if row.release_id in claimed]

    def _set(self, rows: Sequence[_Row], state: str, only_from: Sequence[str] = (), **values: object) -> None:
        """Move rows to a state; with `only_from`, those that another poster has not moved meanwhile."""
        if not rows:
            return
        values = {"reason": "", "reason_code": ""} | values
        update = sa.update(db.outbox).where(db.outbox.c.release_id.in_([row.release_id for row in rows]))
        if only_from:
            update = update.where(db.outbox.c.state.in_(only_from))
        with self._engine.begin() as connection:
            connection.execute(update.values(state=state, **values))

    def count(self, state: str) -> int:
        """Return how many entries are in a state."""
        query = sa.select(sa.func.count()).select_from(db.outbox).where(self._mine(), db.outbox.c.state == state)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def _take(self, state: str, limit: int, after: int = 0) -> list[_Row]:
        outbox, entries = db.outbox.c, db.released_entries.c
        query = (
            sa.select(outbox.release_id, outbox.token, outbox.state, entries.ledger_key, entries.body)
            .join(db.released_entries, entries.release_id == outbox.release_id)
            .where(self._mine(), outbox.state == state, outbox.release_id > after)
            .order_by(outbox.release_id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [_Row(r.release_id, r.token, r.state, Entry.from_body(r.ledger_key, json.loads(r.body))) for r in rows]

    def _mine(self) -> sa.ColumnElement[bool]:
        return db.outbox.c.ledger == self._adapter.name

    def _mismatch(self, sent: Entry, found: PostedEntry | None) -> str:
        """Name the first difference between what we sent and what the ledger holds; '' when there is none."""
        return difference(found.entry, self._adapter.shown(sent)) if found else "the ledger does not hold it"


def _follow_ups(key: str) -> list[str]:
    """Return the keys that only a later release of the same entry would have: its reversal and its next version."""
    name, _, version = key.rpartition("#")
    return [f"{key}R", f"{name}#{int(version) + 1}"] if version.isdecimal() else []
