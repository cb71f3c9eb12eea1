"""Receipts and shifts that a newer delivery dates on another day: a correction, or a till whose numbers start again.

The newer one is in force either way, and what was booked of the earlier day is taken back. Nobody but a person can tell the
two apart, so it is told. What is noted does not depend on the order of loading: a number on each day that any delivery had
it on, but the day in force.
"""

from __future__ import annotations

import duckdb

from retail_sync.core import sql
from retail_sync.operations.deliveries import Delivery
from retail_sync.operations.exceptions import Problem
from retail_sync.schemas.contract import Table
from retail_sync.schemas.tables import TABLES

_COLUMNS = "source, store, register, {number} as receipt_id, business_date, delivery_id"
_SHOWN = 3
_WORDS = {"receipt_id": "receipt", "shift_id": "shift"}


def note_moved_receipts(connection: duckdb.DuckDBPyConnection, table: Table, delivery: Delivery) -> None:
    """Note which numbers of the staged rows stand on another day in the canonical table; before any row is replaced."""
    columns = _COLUMNS.format(number=table.numbered_by)
    for view, rows in (("numbered_staged", f"staged_{table.name}"), ("numbered_rows", table.qualified)):
        connection.execute(f"create or replace temp view {view} as select {columns} from {rows}")  # noqa: S608 - registry
    values = {"delivery": delivery.delivery_id, "table": table.name}
    connection.execute(sql.statement(__package__, "moved_receipts"), values)
    connection.execute(sql.statement(__package__, "moved_receipts_noted"))
    connection.execute(sql.statement(__package__, "moved_receipts_back"), {"table": table.name})
    connection.execute("drop view numbered_staged")
    connection.execute("drop view numbered_rows")


def find_moved_receipts(connection: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Return a problem per source whose numbers moved: a till that starts again moves hundreds a day."""
    return [problem for table in TABLES if table.numbered_by for problem in _of_table(connection, table)]


def _of_table(connection: duckdb.DuckDBPyConnection, table: Table) -> list[Problem]:
    rows = connection.execute(
        f"""
        select m.source, count(*) over (partition by m.source), m.receipt_id, m.store, m.register, m.earlier_date, f.business_date
        from canonical.moved_receipts as m
        join (
            select source, store, register, {table.numbered_by} as receipt_id, min(business_date) as business_date
            from {table.qualified} group by all
        ) as f using (source, store, register, receipt_id)
        where m.table_name = $table
        qualify row_number() over (partition by m.source order by m.earlier_date desc, m.store, m.register, m.receipt_id) <= $shown
        order by m.source, m.earlier_date desc, m.store, m.register, m.receipt_id
        """,  # noqa: S608 - names of the registry
        {"table": table.name, "shown": _SHOWN},
    ).fetchall()
    by_source: dict[str, list[tuple[object, ...]]] = {}
    for row in rows:
        by_source.setdefault(row[0], []).append(row)
    return [_problem(source, table, moved) for source, moved in by_source.items()]


def _problem(source: str, table: Table, moved: list[tuple[object, ...]]) -> Problem:
    word, count = _WORDS[table.numbered_by], moved[0][1]
    shown = "; ".join(
        f"{number} of store {store}, till {register}, was on {earlier} and is on {day}"
        for _, _, number, store, register, earlier, day in moved
    )
    return Problem(
        code="receipts_moved",
        subject=source,
        kind="data",
        owner="operations",
        severity="warning",
        message=f"A newer delivery of source {source} dates {count} {word}(s) on another day: {shown}"
        + ("; ..." if count != len(moved) else "")
        + f". Only the newer day is in the books. It is a correction, or the numbers start again and each {word} took the "
        "place of an earlier one.",
        remedy=f"if the numbers start again, make them unique in the [[source]] block of {source}, e.g. "
        f'{table.numbered_by} = "[Date]-[Number]": all its deliveries are read again and no day is missing. If it is a '
        "correction, resolve this exception",
        since_date=str(min(str(row[5]) for row in moved)),
    )
