"""What people approved: that an entry over the limit is posted, or that a changed rule corrects what was booked before.

An approval is of one content: an entry that is something else by the time it is booked waits for another one. Records are
added, never changed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from retail_sync.core.errors import RetailSyncError
from retail_sync.operations import database as db

ApprovalKind = Literal["posting", "correction"]


@dataclass(frozen=True, slots=True)
class Content:
    """What is approved: an entry by its key, and the hash of what it would be ('' for one that would be taken back)."""

    key: str
    body_hash: str


class Approvals:
    """The `approvals` table."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def add(
        self, kind: ApprovalKind, contents: Sequence[Content], *, by: str, reason: str, prepared_by: Collection[str]
    ) -> int:
        """Record that a person approved these contents; return how many were new.

        Raises RetailSyncError where nobody is named, or no reason, or who prepared it would approve it.
        """
        if not by.strip() or not reason.strip():
            raise RetailSyncError(
                "an approval needs a name and a reason: an auditor will ask for both", "give --by and --reason"
            )
        if by.strip().casefold() in {name.strip().casefold() for name in prepared_by}:
            raise RetailSyncError(
                f"{by} prepared what is to be approved",
                "have it approved by somebody else: who prepares does not approve",
            )
        known = self.of(kind)
        rows = [
            {"kind": kind, "key": one.key, "body_hash": one.body_hash, "approved_by": by.strip(),
             "reason": reason.strip(), "approved_at": db.now()}
            for one in contents if one not in known
        ]  # fmt: skip
        if rows:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(db.approvals), rows)
        return len(rows)

    def of(self, kind: ApprovalKind) -> frozenset[Content]:
        """Return everything of a kind that was ever approved."""
        with self._engine.connect() as connection:
            return read_approved(connection, kind)


def read_approved(connection: sa.Connection, kind: ApprovalKind) -> frozenset[Content]:
    """Return everything of a kind that was ever approved, within a transaction of the caller."""
    columns = db.approvals.c
    rows = connection.execute(sa.select(columns.key, columns.body_hash).where(columns.kind == kind))
    return frozenset(Content(key, body_hash) for key, body_hash in rows)
