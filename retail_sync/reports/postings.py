"""Entries on their way to the ledger: where each stands, and exactly what is sent for one. Nothing is sent from here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from retail_sync.core.errors import RetailSyncError
from retail_sync.core.money import format_money
from retail_sync.operations import database as db
from retail_sync.pipeline import Pipeline
from retail_sync.schemas.journal import Entry

STATES = ("pending", "sending", "posted", "verified", "held", "uncertain", "rejected", "mismatch", "reversed")


@dataclass(frozen=True, slots=True)
class Postings:
    """The newest of those asked for, the oldest of them first, and how many there are."""

    rows: Sequence[Mapping[str, Any]]
    count: int

    @property
    def told(self) -> str:
        """How many are shown, and what they sum to by currency."""
        sums: Counter[str] = Counter()
        for row in self.rows:
            sums[row["currency"]] += row["debit_minor"]
        shown = (
            f"{len(self.rows)} of {self.count:,} entries, the newest"
            if len(self.rows) < self.count
            else f"{self.count:,} in all"
        )
        return f"{shown}; their debits: {', '.join(format_money(sums[name], name) for name in sorted(sums))}"


def read_postings(pipeline: Pipeline, state: str, limit: int) -> Postings:
    """Return the newest postings of a state ('' for those that are not verified or taken back).

    Raises RetailSyncError for a word that is no state.
    """
    if state and state not in STATES:
        raise RetailSyncError(f"{state!r} is no state of a posting", f"say one of {', '.join(STATES)}")
    entries, outbox = db.released_entries.c, db.outbox.c
    columns = (entries.release_id, entries.ledger_key, entries.entry_kind, entries.released_at, outbox.state, outbox.attempts,
               outbox.remote_id, outbox.reason, entries.body)  # fmt: skip
    wanted = outbox.state == state if state else outbox.state.not_in(("verified", "reversed"))
    query = (
        sa.select(*columns)
        .join(db.outbox, outbox.release_id == entries.release_id)
        .where(outbox.ledger == pipeline.ledger.name, wanted)
    )
    with pipeline.operations.connect() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()
        found = connection.execute(query.order_by(entries.release_id.desc()).limit(limit)).mappings().all()
    return Postings([_summed(dict(row)) for row in reversed(found)], int(count))


def _summed(row: Mapping[str, Any]) -> dict[str, Any]:
    body = json.loads(row["body"])
    kept = {name: value for name, value in row.items() if name != "body"}
    return kept | {"posting_date": body["posting_date"], **totals_of(body)}


def totals_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return debits and credits of an entry in minor units of its home currency, and that currency."""
    amounts = [line["home_minor"] for line in body["lines"]]
    return {
        "debit_minor": sum(minor for minor in amounts if minor > 0),
        "credit_minor": -sum(minor for minor in amounts if minor < 0),
        "currency": body["lines"][0]["home_currency"],
    }


def read_posting(pipeline: Pipeline, key: str) -> dict[str, Any]:
    """Return one entry, by its key in the ledger or its newest version's, with what is sent for it and what the ledger holds.

    Raises RetailSyncError where no such entry was released.
    """
    entries, outbox = db.released_entries.c, db.outbox.c
    query = (
        sa.select(
            db.released_entries,
            outbox.state,
            outbox.token,
            outbox.attempts,
            outbox.remote_id,
            outbox.reason.label("why"),
        )
        .join(db.outbox, outbox.release_id == entries.release_id)
        .where(sa.or_(entries.ledger_key == key, entries.entry_key == key), outbox.ledger == pipeline.ledger.name)
        .order_by(entries.release_id.desc())
        .limit(1)
    )
    with pipeline.operations.connect() as connection:
        row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise RetailSyncError(f"no entry {key} was released to {pipeline.ledger.name}", "see retail-sync postings list")
    entry = Entry.from_body(row["ledger_key"], json.loads(row["body"]))
    held = pipeline.ledger.find([entry.key]).get(entry.key)
    names = (
        "ledger_key", "version", "state", "why", "attempts", "remote_id", "token", "reason", "released_at", "released_by",
        "body_hash",
    )  # fmt: skip
    return {
        **{name: row[name] for name in names},
        "entry": entry.body(),
        "totals": totals_of(entry.body()),
        "sent": _payload(pipeline, entry, row["token"]),
        "in_ledger": held.entry.body() if held else None,
    }


def _payload(pipeline: Pipeline, entry: Entry, token: str) -> Mapping[str, Any]:
    try:
        return dict(pipeline.ledger.payload(entry, token))
    except KeyError as missing:
        return {"nothing": f"the ledger does not have {missing.args[0]}, so nothing can be sent"}


def legs_of(body: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return (account, memo, debit, credit, original amount) of an entry's lines, as text, and last what they sum to."""
    rows: list[tuple[str, ...]] = []
    for line in body["lines"]:
        home = format_money(abs(line["home_minor"]), line["home_currency"])
        sides = (home, "") if line["home_minor"] > 0 else ("", home)
        is_other = line["transaction_currency"] != line["home_currency"]
        original = format_money(line["transaction_minor"], line["transaction_currency"]) if is_other else ""
        rows.append((line["account"], line["memo"], *sides, original))
    totals = totals_of(body)
    sums = (format_money(totals[side], totals["currency"]) for side in ("debit_minor", "credit_minor"))
    return [*rows, ("total", "", *sums, "")]
