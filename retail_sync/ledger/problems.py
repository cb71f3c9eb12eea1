"""Postings that did not end verified, as problems for a person."""

from __future__ import annotations

import sqlalchemy as sa

from retail_sync.operations import database as db
from retail_sync.operations.exceptions import Kind, Problem

_STATES: dict[str, tuple[str, Kind, str]] = {
    "held": (
        "entry_held",
        "business",
        "decide: reopen the period or account in the ledger, or, over the limit, retail-sync approve <id> --by WHO --reason WHY; "
        "the next run posts it",
    ),
    "rejected": (
        "entry_rejected",
        "data",
        "correct its cause; a changed entry is released as a new version",
    ),
    "uncertain": (
        "entry_uncertain",
        "transient",
        "nothing to do: the next run asks the ledger before anything else",
    ),
    "mismatch": (
        "entry_mismatch",
        "business",
        "compare the ledger with the released entry: somebody changed it there, or the operations database is an older one",
    ),
}


def find_posting_problems(engine: sa.Engine) -> list[Problem]:
    """Return a problem per outbox row that is held, rejected, uncertain or differs in the ledger."""
    outbox, entries = db.outbox.c, db.released_entries.c
    query = (
        sa.select(outbox.state, outbox.reason, entries.ledger_key)
        .join(db.released_entries, entries.release_id == outbox.release_id)
        .where(outbox.state.in_(list(_STATES)))
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return [
        Problem(
            code=_STATES[row.state][0],
            subject=row.ledger_key,
            kind=_STATES[row.state][1],
            owner="finance",
            severity="warning" if row.state == "uncertain" else "error",
            message=f"Entry {row.ledger_key} is {row.state}: {row.reason}.",
            remedy=_STATES[row.state][2],
        )
        for row in rows
    ]
