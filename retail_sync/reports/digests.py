"""The digest of a home: what must be equal however the runs went."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from retail_sync.operations import database as db
from retail_sync.schemas.digest import combined, mapping_digest, table_digest
from retail_sync.schemas.tables import TABLES

if TYPE_CHECKING:
    from retail_sync.pipeline import Pipeline

_BATCH = 500


def read_digests(pipeline: Pipeline) -> dict[str, str]:
    """Return a digest per table and for the net ledger effect, and one over all (`all`)."""
    with pipeline.writing("digest") as connection:
        parts = {t.qualified: table_digest(connection, t) for t in TABLES if t.schema != "raw"}
    parts["ledger (net effect)"] = mapping_digest(net_effect(pipeline))
    return parts | {"all": combined(parts.items())}


def net_effect(pipeline: Pipeline) -> dict[tuple[str, ...], int]:
    """Sum what the ledger holds by entry key, account and currency, over all versions and reversals."""
    columns = db.released_entries.c
    with pipeline.operations.connect() as connection:
        rows = connection.execute(sa.select(columns.ledger_key, columns.entry_key)).all()
    keys = {row.ledger_key: row.entry_key for row in rows}
    sums: dict[tuple[str, ...], int] = defaultdict(int)
    ordered = sorted(keys)
    for start in range(0, len(ordered), _BATCH):
        for ledger_key, posted in pipeline.ledger.find(ordered[start : start + _BATCH]).items():
            for line in posted.entry.lines:
                sums[keys[ledger_key], line.account, line.transaction_currency] += line.transaction_minor
    return sums
