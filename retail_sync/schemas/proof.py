"""Proving tables: pandera for shape and row rules, and that no key occurs twice."""

from __future__ import annotations

import duckdb

from retail_sync.schemas.contract import Table, prove
from retail_sync.schemas.tables import TABLES


def mark_changed(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Note, in the transaction that changes tables of `schema`, that they have to be proved again.

    `schema` may be one table, as schema.name: one that is written by itself is proved by itself.

    A run that is killed between the change and the proof leaves the note, so the next run proves them.
    """
    name = f"unproved {schema}"
    connection.execute("delete from raw.applied where name = ?", [name])
    connection.execute("insert into raw.applied values (?, 'changed')", [name])


def prove_changed(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, list[str]] | None:
    """Prove the tables of `schema` if they changed: sentences by table name for what is broken, None for nothing new."""
    name = f"unproved {schema}"
    if not connection.execute("select 1 from raw.applied where name = ?", [name]).fetchone():
        return None
    tables = [table for table in TABLES if schema in (table.schema, table.qualified)]
    proved = prove(connection, tables)
    found = {table.name: proved.get(table.name, []) + _repeated_keys(connection, table) for table in tables}
    broken = {table: problems for table, problems in found.items() if problems}
    if not broken:
        connection.execute("delete from raw.applied where name = ?", [name])
    return broken


def _repeated_keys(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    keys = ", ".join(table.key)
    row = connection.execute(
        f"select count(*) from (select 1 from {table.qualified} group by {keys} having count(*) > 1)"  # noqa: S608
    ).fetchone()
    return [f"{row[0]} keys ({keys}) occur more than once"] if row and row[0] else []
