"""What the ledger holds on clearing accounts, entry by entry: the side that the items of the desired journal are held against."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from retail_sync.operations import database as db
from retail_sync.schemas.journal import Entry

# (entry key, account, currency)
Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Effect:
    """Minor units over all versions and reversals of an entry that are in the ledger, and the first day they are booked on."""

    minor: int
    since: date


def booked_effects(engine: sa.Engine, accounts: Collection[str]) -> dict[Place, Effect]:
    """Return what the ledger holds of each entry on these accounts, without what is zero."""
    entries, outbox = db.released_entries.c, db.outbox.c
    query = (
        sa.select(entries.entry_key, entries.ledger_key, entries.body)
        .join(db.outbox, outbox.release_id == entries.release_id)
        .where(outbox.state.in_(["posted", "verified", "mismatch"]))
    )
    sums: dict[Place, int] = defaultdict(int)
    since: dict[Place, date] = {}
    with engine.connect() as connection:
        for row in connection.execute(query):
            entry = Entry.from_body(row.ledger_key, json.loads(row.body))
            for line in entry.lines:
                if line.account in accounts:
                    place = row.entry_key, line.account, line.transaction_currency
                    sums[place] += line.transaction_minor
                    since[place] = min(since.get(place, entry.posting_date), entry.posting_date)
    return {place: Effect(minor, since[place]) for place, minor in sums.items() if minor}
