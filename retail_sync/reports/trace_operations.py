"""What the operations database knows of one order: names of delivered files, postings, open exceptions that name it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from retail_sync.operations import database as db
from retail_sync.reports.trace_steps import Key, Step

# A short number may be anything in a sentence: a quantity, a day, an amount.
_TELLING_LENGTH = 6


@dataclass(frozen=True, slots=True)
class Names:
    """What an exception calls it: its number, settlements and bank transactions, or as a whole the day of its store or till."""

    ids: frozenset[str]
    subjects: frozenset[str]

    @classmethod
    def of(cls, key: Key, steps: Iterable[Step], days: Iterable[str]) -> Names:
        """Take them from the steps and, of a receipt, its days."""
        return cls(
            frozenset({key.order_id, *(step.reference for step in steps if step.reference)}),
            frozenset(" ".join(filter(None, (key.channel, day, till))) for day in days for till in ("", key.register)),
        )

    def are_in(self, subject: str, message: str) -> bool:
        """Whether an exception is about it."""
        if subject in self.subjects or not self.ids.isdisjoint({subject, *subject.split(" ")}):
            return True
        telling = (name for name in self.ids if len(name) >= _TELLING_LENGTH)
        return any(re.search(rf"(?<![\w#-]){re.escape(name)}(?![\w-])", message) for name in telling)


def delivered_names(engine: sa.Engine, steps: Iterable[Step]) -> list[Step]:
    """Return the steps with the names under which their files were delivered."""
    steps = list(steps)
    ids = {step.delivery_id for step in steps if step.delivery_id}
    columns = db.deliveries.c
    query = sa.select(columns.delivery_id, columns.name).where(columns.delivery_id.in_(ids))
    with engine.connect() as connection:
        names = {str(row.delivery_id): str(row.name) for row in connection.execute(query)}
    return [replace(step, file=names.get(step.delivery_id, step.delivery_id) or step.file) for step in steps]


def postings(engine: sa.Engine, entries: Collection[str], held: Collection[str]) -> list[Step]:
    """Return what was released of these entries, and of held documents, with its state in the ledger."""
    released, outbox = db.released_entries.c, db.outbox.c
    query = (
        sa.select(released.entry_key, released.version, released.kind, released.ledger_key, released.released_at,
                  outbox.state, outbox.ledger, outbox.remote_id, outbox.posted_at, outbox.reason)
        .join(db.outbox, outbox.release_id == released.release_id)
        .where(sa.or_(released.entry_key.in_(entries), released.document_id.in_(held)))
        .order_by(released.release_id)
    )  # fmt: skip
    with engine.connect() as connection:
        return [_posting(row) for row in connection.execute(query).mappings()]


def _posting(row: sa.RowMapping) -> Step:
    version = f"version {row['version']}" if row["kind"] == "entry" else f"reversal of version {row['version']}"
    known = f", ledger id {row['remote_id']}" if row["remote_id"] else ""
    reason = f": {row['reason']}" if row["reason"] else ""
    return Step(
        at=str(row["posted_at"] or row["released_at"])[:19].replace("T", " "),
        step="ledger",
        what=f"{version} {row['state']}{known}{reason}",
        source=f"{row['ledger']} ledger",
        file=row["ledger_key"],
        reference=row["entry_key"],
    )


def naming_exceptions(rows: Iterable[Any], names: Names) -> list[dict[str, Any]]:
    """Return those of the open exceptions that name it."""
    return [dict(row._mapping) for row in rows if names.are_in(row.subject, row.message)]
