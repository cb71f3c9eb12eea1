"""The journal and the general ledger as CSV files: our entries as the ledger holds them, read back from it.

The journal lists entries in the order of release; the general ledger lists the same legs by account, with the balance before the
first day, a running balance and the balance after the last. Amounts are decimals of the home currency, a debit in its column.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from retail_sync.core import sql
from retail_sync.core.errors import RetailSyncError
from retail_sync.core.money import other_exponents
from retail_sync.core.rules import read_rules
from retail_sync.operations import database as db
from retail_sync.pipeline import Pipeline

KINDS = {"journal": "journal", "general-ledger": "general_ledger"}
"""What can be exported: its name, and the statement that puts it together."""
_BATCH = 500
_IN_LEDGER = ("posted", "verified", "mismatch")
_COLUMNS = {
    "release": pa.int64(), "remote_id": pa.string(), "entry": pa.string(), "posting_date": pa.date32(), "memo": pa.string(),
    "reverses": pa.string(), "line": pa.int64(), "account": pa.string(), "home_minor": pa.int64(), "currency": pa.string(),
    "transaction_minor": pa.int64(), "transaction_currency": pa.string(), "rate": pa.string(), "channel": pa.string(),
    "location": pa.string(), "tax_code": pa.string(), "line_memo": pa.string(), "released_at": pa.string(),
}  # fmt: skip


def export(pipeline: Pipeline, statement: str, first: date | None, last: date | None, target: Path) -> int:
    """Write the export that `statement` (of KINDS) puts together to `target`; return how many lines it has.

    The file is written beside and renamed, so a half export is never taken for a whole one. Raises RetailSyncError where the
    folder is not there.
    """
    if not target.parent.is_dir():
        raise RetailSyncError(f"there is no folder {target.parent}", "make it, or give another file")
    with tempfile.TemporaryDirectory(prefix="export-", dir=target.parent) as folder:
        connection = duckdb.connect(str(Path(folder) / "legs.duckdb"))
        try:
            _take_in(connection, pipeline)
            bounds = {"first": first or date.min, "last": last or date.max}
            connection.execute(sql.statement(__package__, statement), bounds)
            incoming = Path(folder) / "export.csv"
            connection.sql("select * exclude place from export order by place").write_csv(str(incoming))
            row = connection.execute("select count(*) from export").fetchone()
        finally:
            connection.close()
        incoming.replace(target)
    return int(row[0]) if row else 0


def _take_in(connection: duckdb.DuckDBPyConnection, pipeline: Pipeline) -> None:
    """Put every leg into a table of a file: a year of them need not fit into memory."""
    schema = pa.schema(list(_COLUMNS.items()))
    connection.register("batch", schema.empty_table())
    connection.execute("create table legs as select * from batch")
    for rows in _legs(pipeline):
        connection.register("batch", pa.Table.from_pylist(rows, schema=schema))
        connection.execute("insert into legs select * from batch")
    chart = read_rules(pipeline.home.rules, "chart_of_accounts").rows
    connection.execute("create table chart (account varchar, name varchar)")
    connection.executemany("insert into chart values (?, ?)", [[row["code"], row["name"]] for row in chart])
    connection.execute("create table minor_units (currency varchar, digits integer)")
    connection.executemany("insert into minor_units values (?, ?)", [list(row) for row in other_exponents().items()])
    connection.execute(sql.statement(__package__, "ledger_money"))


def _legs(pipeline: Pipeline) -> Iterator[list[dict[str, Any]]]:
    entries, outbox = db.released_entries.c, db.outbox.c
    query = (
        sa.select(entries.release_id, entries.ledger_key, entries.released_at)
        .join(db.outbox, outbox.release_id == entries.release_id)
        .where(outbox.ledger == pipeline.ledger.name, outbox.state.in_(_IN_LEDGER))
        .order_by(entries.release_id)
    )
    with pipeline.operations.connect() as connection:
        released = connection.execute(query).all()
    for start in range(0, len(released), _BATCH):
        batch = released[start : start + _BATCH]
        found = pipeline.ledger.find([row.ledger_key for row in batch])
        yield [
            {
                "release": row.release_id, "remote_id": posted.remote_id, "entry": row.ledger_key,
                "posting_date": posted.entry.posting_date, "memo": posted.entry.memo, "reverses": posted.entry.reverses or "",
                "line": number, "account": line.account, "home_minor": line.home_minor, "currency": line.home_currency,
                "transaction_minor": line.transaction_minor, "transaction_currency": line.transaction_currency,
                "rate": line.rate, "channel": line.channel, "location": line.location, "tax_code": line.tax_code,
                "line_memo": line.memo, "released_at": row.released_at,
            }
            for row in batch
            if (posted := found.get(row.ledger_key))
            for number, line in enumerate(posted.entry.lines, 1)
        ]  # fmt: skip
