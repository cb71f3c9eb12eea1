"""What people decided about matches: which two items belong together, and which do not. Records are added, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from retail_sync.core.errors import RetailSyncError
from retail_sync.operations import database as db


@dataclass(frozen=True, slots=True)
class MatchDecision:
    """A named person's word on two items. `decision_id` grows: of two on one pair the later holds."""

    decision_id: int
    reconciliation: str
    left_id: str
    right_id: str
    is_match: bool
    decided_by: str
    reason: str
    decided_at: str


class MatchDecisions:
    """The `match_decisions` table."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def add(  # noqa: PLR0913 - a record, spelled out
        self, reconciliation: str, left_id: str, right_id: str, *, is_match: bool, by: str, reason: str
    ) -> int:
        """Record a decision; return its number. Raises RetailSyncError where nobody is named, or no reason."""
        if not by.strip() or not reason.strip():
            raise RetailSyncError(
                "a match needs a name and a reason: an auditor will ask for both", "give --by and --reason"
            )
        with self._engine.begin() as connection:
            result = connection.execute(
                sa.insert(db.match_decisions).values(
                    reconciliation=reconciliation,
                    left_id=left_id,
                    right_id=right_id,
                    is_match=is_match,
                    decided_by=by.strip(),
                    reason=reason.strip(),
                    decided_at=db.now(),
                )
            )
            (decision_id,) = result.inserted_primary_key or (0,)
        return int(decision_id)

    def all(self) -> Sequence[MatchDecision]:
        """Return every decision ever made, in their order."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(db.match_decisions).order_by(db.match_decisions.c.decision_id))
            return [MatchDecision(**row._mapping) for row in rows]
