"""Staged rows split by the contract of their table: those that keep it stay, the others become rejected rows with a reason.

What is wrong is for the contract to say (`schemas/contract.py`); which rows are in force is for the loader (`load.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from retail_sync.connectors.groups import keep_rejected_groups
from retail_sync.schemas.contract import Rejection, Table, quoted, reject_predicates


def split_by_contract(connection: duckdb.DuckDBPyConnection, table: Table, date_format: str) -> None:
    """Move what breaks the contract of `table` from the staged rows to `staged_rejected`.

    A day that could not be derived is not told beside what it was derived from. `date_format` is what days were read with.
    Of rows that are replaced by group, one whose line its connector has rejected already goes too, and the groups of all that
    went are kept: `rejected_<table>`.
    """
    staged = f"staged_{table.name}"
    columns = frozenset(row[0] for row in connection.execute(f"describe {staged}").fetchall())
    rejections = reject_predicates(table, columns, date_format)
    of_columns = tuple(rejections)
    if table.replaced_by == "group":
        connection.execute(
            f"alter table {staged} add column is_repeated boolean"  # noqa: S608 - names from the registry
        )
        keys = ", ".join(table.key)
        connection.execute(
            f"update {staged} set is_repeated = "  # noqa: S608
            f"rowid not in (select arg_min(rowid, line_no) from {staged} group by {keys})"
        )
        rejections.append(Rejection(table.key[-1], table.key[-1], "is_repeated", "occurs a second time in the file"))
    rejections = _suspects(connection, staged, rejections)
    predicates = [f"coalesce({r.predicate}, false)" for r in rejections]
    cases = ", ".join(
        f"case when {predicate} then {{'column_name': '{r.column}', 'value': cast(\"{r.raw_column}\" as varchar), "
        f"'reason': {quoted(r.reason)}, 'is_derived': {r.is_derived}}} end"
        for r, predicate in zip(rejections, predicates, strict=True)
    )
    broken = " or ".join(predicates) or "false"
    if table.replaced_by == "group":
        broken += f" or line_no in (select line_no from staged_rejected where table_name = '{table.name}')"  # noqa: S608
    # Everything in these statements comes from the contracts, nothing from data.
    connection.execute(f"create or replace temp table broken_rows as select * from {staged} where {broken}")  # noqa: S608
    if connection.execute("select 1 from broken_rows limit 1").fetchone():
        connection.execute(
            f"""
            insert into staged_rejected by name
            with found as (
                select line_no, list_filter([{cases}], lambda x: x is not null) as reasons,
                    list_filter(reasons, lambda x: not x.is_derived) as own
                from broken_rows
            )
            select line_no, '{table.name}' as table_name, r.column_name, r.value, r.reason
            from (select line_no, unnest(case when len(own) > 0 then own else reasons end) as r from found)
            """  # noqa: S608
        )
        connection.execute(f"delete from {staged} where {broken}")  # noqa: S608
    if table.replaced_by == "group":
        keep_rejected_groups(connection, table, of_columns)
    connection.execute("drop table broken_rows")


def _suspects(connection: duckdb.DuckDBPyConnection, staged: str, rejections: Sequence[Rejection]) -> list[Rejection]:
    """Leave out the checks of text that no row breaks: each is asked once per distinct value, which are few."""
    of_text = [r for r in rejections if r.is_of_text]
    if not of_text:
        return list(rejections)
    asked = ", ".join(
        f'(select coalesce(bool_or({r.predicate}), false) from (select distinct "{r.column}" from {staged}))'  # noqa: S608
        for r in of_text
    )
    answers = connection.execute(f"select {asked}").fetchone() or ()
    unbroken = [r for r, is_broken in zip(of_text, answers, strict=True) if not is_broken]
    return [r for r in rejections if r not in unbroken]
