"""Handing on what changed, and taking whole deliveries out of the warehouse, before they are read otherwise.

Both run inside the caller's transaction. Which deliveries, and when, is for the loader to say.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from retail_sync.schemas.contract import Table
from retail_sync.schemas.proof import mark_changed
from retail_sync.schemas.tables import TABLES


def forget_deliveries(connection: duckdb.DuckDBPyConnection, delivery_ids: Sequence[str]) -> None:
    """Take everything that these deliveries brought out of the warehouse, and hand on what that changes."""
    connection.execute(
        "create or replace temp table forgotten as select unnest(cast(? as varchar[])) as delivery_id", [delivery_ids]
    )
    theirs = "delivery_id in (select delivery_id from forgotten)"
    for table in (entry for entry in TABLES if entry.schema == "canonical"):
        if table.hands_on or table.books:
            hand_on_rows(connection, table, f"{table.qualified} where {theirs}")
        connection.execute(f"delete from {table.qualified} where {theirs}")  # noqa: S608
    # A document has a verdict even where none of its rows could be read.
    documents = f"select document_id from raw.deliveries where {theirs} and document_id not in ('', delivery_id)"  # noqa: S608
    hand_on(connection, "settlement", documents)
    connection.execute(f"delete from raw.deliveries where {theirs}")  # noqa: S608
    connection.execute("drop table forgotten")
    mark_changed(connection, "canonical")


def sharing_documents(connection: duckdb.DuckDBPyConnection, source: str) -> list[str]:
    """Return the deliveries of other sources that hold a document of this one too: which is in force is decided anew."""
    rows = connection.execute(
        "select delivery_id from raw.deliveries where source <> $source and document_id <> '' "
        "and document_id in (select document_id from raw.deliveries where source = $source)",
        {"source": source},
    ).fetchall()
    return [delivery_id for (delivery_id,) in rows]


def hand_on(connection: duckdb.DuckDBPyConnection, kind: str, documents: str, document_id: str = "") -> None:
    """Note that the next stage has to look at `documents` again: SQL that gives their ids and may use $document."""
    connection.execute(
        f"insert into raw.touched select distinct 'reconcile', $kind, document_id from ({documents}) as d(document_id) "  # noqa: S608
        "where document_id is not null "
        "except select stage, kind, document_id from raw.touched",
        {"kind": kind} | ({"document": document_id} if "$document" in documents else {}),
    )


def hand_on_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, old: str, new: str = "", document_id: str = ""
) -> None:
    """Hand on the documents of all kinds that rows belong to, each to the stage that looks at them.

    `old` may use $document, `new` are staged rows, if any.
    """
    # One pass over the table for all kinds: a year of sales is behind `old`.
    work = [*(("reconcile", *item) for item in table.hands_on), *(("journal", *item) for item in table.books)]
    documents = ", ".join(f"{document} as d{place}" for place, (_, _, document) in enumerate(work))
    kinds = ", ".join(
        f"{{'stage': '{stage}', 'kind': '{kind}', 'document_id': d{place}}}"
        for place, (stage, kind, _) in enumerate(work)
    )
    changed = f"select {documents} from {old}" + (f" union select {documents} from {new}" if new else "")  # noqa: S608
    connection.execute(
        f"""
        insert into raw.touched
        select distinct stage, kind, document_id
        from (select unnest([{kinds}], recursive := true) from ({changed}))
        where document_id is not null
        except select stage, kind, document_id from raw.touched
        """,  # noqa: S608 - expressions of the registry of tables
        {"document": document_id} if "$document" in changed else {},
    )
