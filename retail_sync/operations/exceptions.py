"""The exception queue: one row per open problem, opened and closed by what the stages find.

A stage hands in every problem it sees now (`ExceptionQueue.settle`); what it no longer sees closes by itself. Nobody has to
remember to resolve anything, and running twice changes nothing but `last_seen_at`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from retail_sync.operations import database as db

Kind = Literal["transient", "data", "mapping", "business", "configuration"]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a person has to look at. `amount_minor` is the value at stake, signed as the finder explains in `message`.

    `subject` names the thing (settlement, bank transaction, file); code and subject together are the identity.
    """

    code: str
    subject: str
    kind: Kind
    owner: str
    message: str
    remedy: str
    replay: str = "retail-sync run hourly"
    severity: Severity = "error"
    amount_minor: int | None = None
    currency: str = ""
    since_date: str = ""

    @property
    def exception_id(self) -> str:
        """Deterministic id, the same on every machine: `E` and ten hex digits."""
        return "E" + hashlib.sha256(f"{self.code}|{self.subject}".encode()).hexdigest()[:10]


class ExceptionQueue:
    """The `exceptions` table."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def settle(self, stage: str, problems: Iterable[Problem], trace_id: str) -> None:
        """Make the open exceptions of `stage` exactly these problems."""
        current = {problem.exception_id: problem for problem in problems}
        seen_at = db.now()
        with self._engine.begin() as connection:
            known = _known(connection, db.exceptions.c.stage == stage)
            _see(connection, current.values(), known, stage, trace_id, seen_at)
            gone = [key for key, row in known.items() if key not in current and not row.closed_at]
            _update(connection, [{"id_": key, "closed_at": seen_at} for key in gone])

    def add(self, stage: str, problem: Problem, trace_id: str) -> None:
        """Open one more exception of `stage`, or see it again; the others stay as they are."""
        with self._engine.begin() as connection:
            known = _known(connection, db.exceptions.c.exception_id == problem.exception_id)
            _see(connection, [problem], known, stage, trace_id, db.now())

    def open(self) -> Sequence[sa.Row[tuple[object, ...]]]:
        """Return the open exceptions: errors first, then by value at stake, largest first."""
        columns = db.exceptions.c
        query = (
            sa.select(db.exceptions)
            .where(columns.closed_at.is_(None))
            .order_by(
                columns.severity,
                sa.func.abs(sa.func.coalesce(columns.amount_minor, 0)).desc(),
                columns.subject,
            )
        )
        with self._engine.connect() as connection:
            return list(connection.execute(query))

    def resolve(self, exception_id: str, by: str, reason: str) -> None:
        """Close an exception in a person's name. It stays closed while the same is found, and opens when that changes.

        It says that somebody knows; it books nothing and changes no figure.
        """
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(db.exceptions)
                .where(db.exceptions.c.exception_id == exception_id)
                .values(closed_at=db.now(), resolved_by=by, resolution=reason)
            )

    def closed_count(self) -> int:
        """Return how many were found once and are gone."""
        query = sa.select(sa.func.count()).where(db.exceptions.c.closed_at.is_not(None))
        with self._engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    def find(self, exception_id: str) -> sa.Row[tuple[object, ...]] | None:
        """Return one exception by its id or a unique beginning of it, open or closed."""
        columns = db.exceptions.c
        query = sa.select(db.exceptions).where(columns.exception_id.startswith(exception_id, autoescape=True)).limit(2)
        with self._engine.connect() as connection:
            rows = list(connection.execute(query))
        return rows[0] if len(rows) == 1 else None


def _known(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> dict[str, Any]:
    columns = db.exceptions.c
    query = sa.select(columns.exception_id, columns.closed_at, columns.resolved_by, columns.message).where(condition)
    return {row.exception_id: row for row in connection.execute(query)}


def _see(  # noqa: PLR0913 - what a run has found, and what was known before
    connection: sa.Connection,
    problems: Iterable[Problem],
    known: Mapping[str, Any],
    stage: str,
    trace_id: str,
    seen_at: str,
) -> None:
    """Insert or update a row per problem; `known` has the rows that are there.

    A changed rule or a lost file may find a hundred thousand at once: each kind of change is one statement with many rows.
    """
    new: list[dict[str, object]] = []
    again: list[dict[str, object]] = []
    back: list[dict[str, object]] = []
    resolved: list[dict[str, object]] = []
    for problem in problems:
        exception_id, values = problem.exception_id, _values(problem, stage, trace_id, seen_at)
        old = known.get(exception_id)
        if old is None:
            new.append(values | {"exception_id": exception_id, "first_seen_at": seen_at})
        elif old.closed_at and old.resolved_by and old.message == problem.message:
            resolved.append({"id_": exception_id, "last_seen_at": seen_at})  # a person knows of exactly this
        elif old.closed_at:  # it came back: its age starts anew
            back.append(values | {"id_": exception_id, "first_seen_at": seen_at, "resolved_by": "", "resolution": ""})
        else:
            again.append(values | {"id_": exception_id})
    if new:
        connection.execute(sa.insert(db.exceptions), new)
    for rows in (again, back, resolved):
        _update(connection, rows)


def _update(connection: sa.Connection, rows: Sequence[dict[str, object]]) -> None:
    """Update rows by their `id_`; all set the same columns. One statement with many rows: no limit of parameters is met."""
    if rows:
        statement = sa.update(db.exceptions).where(db.exceptions.c.exception_id == sa.bindparam("id_"))
        connection.execute(statement.values({name: sa.bindparam(name) for name in rows[0] if name != "id_"}), rows)


def _values(problem: Problem, stage: str, trace_id: str, seen_at: str) -> dict[str, object]:
    return {
        "stage": stage,
        "code": problem.code,
        "subject": problem.subject[:255],
        "kind": problem.kind,
        "severity": problem.severity,
        "owner": problem.owner,
        "amount_minor": problem.amount_minor,
        "currency": problem.currency,
        "since_date": problem.since_date,
        "message": problem.message,
        "remedy": problem.remedy,
        "replay": problem.replay,
        "last_seen_at": seen_at,
        "closed_at": None,
        "trace_id": trace_id,
    }
