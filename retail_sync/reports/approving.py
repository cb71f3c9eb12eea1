"""Approving what an exception is about: an entry over the limit, or all entries that wait because a rule changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from retail_sync.core.errors import RetailSyncError
from retail_sync.core.rules import HEADERS, read_rules
from retail_sync.operations import database as db
from retail_sync.operations.approvals import ApprovalKind, Approvals, Content
from retail_sync.operations.waiting import read_waiting
from retail_sync.pipeline import Pipeline


def approve(pipeline: Pipeline, exception_id: str, *, by: str, reason: str) -> int:
    """Record that a person approves what waits under an exception; the next run books it. Returns how many entries.

    Raises RetailSyncError for an exception that no approval helps, and where the person prepared what waits.
    """
    row = pipeline.exceptions.find(exception_id)
    if row is None:
        raise RetailSyncError(f"not exactly one exception begins with {exception_id!r}", "see exceptions list")
    if row.closed_at:
        raise RetailSyncError(f"{row.code} of {row.subject} is closed: nothing waits", "see exceptions list")
    kind, contents, preparers = _asked(pipeline, str(row.exception_id), str(row.code), str(row.subject))
    if not contents:
        raise RetailSyncError(
            f"{row.code} of {row.subject} waits for no approval", f"see retail-sync exceptions show {row.exception_id}"
        )
    Approvals(pipeline.operations).add(kind, contents, by=by, reason=reason, prepared_by=preparers)
    return len(contents)


def _asked(
    pipeline: Pipeline, exception_id: str, code: str, subject: str
) -> tuple[ApprovalKind, Sequence[Content], Collection[str]]:
    if code == "rule_change_waits":
        rows = read_waiting(pipeline.operations, exception_id)
        contents = dict.fromkeys(Content(row["entry_key"], row["wanted_hash"]) for row in rows)
        return "correction", list(contents), _preparers(pipeline)
    entries, outbox = db.released_entries.c, db.outbox.c
    query = (
        sa.select(entries.ledger_key, entries.body_hash, entries.released_by)
        .join(db.outbox, outbox.release_id == entries.release_id)
        .where(entries.ledger_key == subject, outbox.state == "held", outbox.reason_code == "over_limit")
    )
    with pipeline.operations.connect() as connection:
        held = connection.execute(query).all()
    return "posting", [Content(row.ledger_key, row.body_hash) for row in held], {row.released_by for row in held}


def _preparers(pipeline: Pipeline) -> set[str]:
    """Who prepared any rule of today: which of them changed what waits, the entries do not tell."""
    files = [name for name, columns in HEADERS.items() if "prepared_by" in columns]
    return {row["prepared_by"] for name in files for row in read_rules(pipeline.home.rules, name).rows}
