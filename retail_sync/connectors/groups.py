"""Rows that are replaced by group: which groups of a delivery were read whole, and which copy of a group is in force.

Of the copies of a group (a receipt, a location's snapshot of a day) the best is in force, whatever was loaded first: one that
was read whole before one that may lack a row, then one that its table ranks above (`Table.stands_above`), then the newer one. A
rejected row belongs to the group that its columns name. Where one of these cannot be read either, it may belong to every group
of its delivery that agrees with the others; a line that cannot be split may belong to any. A group that is one row (a bank
line, a movement) lacks nothing then: it is doubtful only where the file holds that very row twice.

Both run inside the loader's transaction, between the split of the staged rows and their way into the table.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from retail_sync.connectors.connector import Staged
from retail_sync.schemas.contract import Rejection, Table
from retail_sync.schemas.tables import table as contract_of


def keep_rejected_groups(connection: duckdb.DuckDBPyConnection, table: Table, rejections: Sequence[Rejection]) -> None:
    """Keep of `broken_rows` the line and the columns that name its group, null where one breaks its own contract.

    They stand in temp table `rejected_<table>`. Everything in the statement comes from the contracts.
    """
    columns = ["line_no"]
    for name in table.group:
        broken = " or ".join(f"coalesce({r.predicate}, false)" for r in rejections if r.column == name) or "false"
        columns.append(f"case when not ({broken}) then {name} end as {name}")
    connection.execute(
        f"create or replace temp table rejected_{table.name} as select {', '.join(columns)} from broken_rows"  # noqa: S608
    )


def find_incomplete_groups(connection: duckdb.DuckDBPyConnection, staged: Staged) -> None:
    """Fill temp table `staged_incomplete` with the accepted groups of the staged delivery that may lack a row."""
    connection.execute(
        "create or replace temp table staged_incomplete "
        "(table_name varchar, line_no bigint, group_id varchar, rejected_line_no bigint)"
    )
    tables = [contract_of(name) for name in staged.tables]
    grouped = [table for table in tables if table.replaced_by == "group" and not staged.is_document]
    # A line that no table could take in: it may have been a row of any group.
    read = " union all ".join(
        f"select line_no from staged_{table.name} union all select line_no from rejected_{table.name}"  # noqa: S608
        for table in grouped
    )
    for table in grouped:
        nulls = ", ".join(f"null as {name}" for name in table.group)
        connection.execute(
            f"insert into rejected_{table.name} by name select distinct line_no, {nulls} from staged_rejected "  # noqa: S608
            f"where line_no not in ({read})"
        )
    for table in grouped:
        _find_in(connection, table)
        connection.execute(f"drop table rejected_{table.name}")


def _find_in(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    own = table.group[1:]  # the source is that of the delivery
    kinds = connection.execute(
        f"select distinct {', '.join(f'{name} is null' for name in own)} from rejected_{table.name}"  # noqa: S608
    ).fetchall()
    for kind in kinds:
        readable = [name for name, is_null in zip(own, kind, strict=True) if not is_null]
        if len(readable) < len(own) and table.group == table.key:
            continue
        same = " and ".join(f"r.{name} = g.{name}" for name in readable) or "true"
        such = " and ".join(
            f"{name} is {'null' if is_null else 'not null'}" for name, is_null in zip(own, kind, strict=True)
        )
        names = ", ".join(["min(line_no) as line_no", *readable])
        connection.execute(
            f"""
            insert into staged_incomplete
            select '{table.name}', g.line_no, concat_ws(' ', {", ".join(f"g.{name}" for name in own)}), r.line_no
            from (select min(line_no) as line_no, {", ".join(own)} from staged_{table.name} group by {", ".join(own)}) as g
            join (select {names} from rejected_{table.name} where {such} group by all) as r on {same}
            """  # noqa: S608 - names of the registry
        )


def record_incomplete_groups(connection: duckdb.DuckDBPyConnection, delivery_id: str, source: str) -> None:
    """Write what was found into canonical.incomplete_groups."""
    connection.execute("delete from canonical.incomplete_groups where delivery_id = ?", [delivery_id])
    connection.execute(
        """
        insert into canonical.incomplete_groups by name
        select $delivery_id as delivery_id, $source as source, table_name, line_no, min(group_id) as group_id,
            min(rejected_line_no) as rejected_line_no
        from staged_incomplete group by table_name, line_no
        """,
        {"delivery_id": delivery_id, "source": source},
    )


def give_way(connection: duckdb.DuckDBPyConnection, table: Table, delivery_id: str) -> None:
    """Take out of the staged rows every group of which a better copy is in force already."""
    group = ", ".join(table.group)
    same = " and ".join(f"s.{name} = b.{name}" for name in table.group)
    above = {row: table.stands_above.format(row=row) for row in ("t", "s")}
    connection.execute(
        f"""
        delete from staged_{table.name} as s using (
            with incomplete_now as (
                select distinct {group} from {table.qualified}
                semi join (select * from canonical.incomplete_groups where table_name = '{table.name}')
                    using (delivery_id, line_no)
            ),
            incomplete_here as (
                select distinct {group} from staged_{table.name}
                semi join (select * from staged_incomplete where table_name = '{table.name}') using (line_no)
            ),
            standing as (
                select {group}, t.delivery_id, bool_or({above["t"]}) as is_above from {table.qualified} as t
                semi join staged_{table.name} using ({group})
                where t.delivery_id <> $delivery
                group by all
            ),
            staged as (
                select {group}, bool_or({above["s"]}) as is_above from staged_{table.name} as s group by all
            ),
            orders as (
                select delivery_id, received_order from raw.deliveries
            ),
            copies as (
                select {group},
                    (({group}) not in (select ({group}) from incomplete_now), standing.is_above, received_order) as there,
                    (({group}) not in (select ({group}) from incomplete_here), staged.is_above,
                        (select received_order from orders where delivery_id = $delivery)) as here
                from standing join orders using (delivery_id) join staged using ({group})
            )
            select distinct {group} from copies where there > here
        ) as b
        where {same}
        """,  # noqa: S608 - names of the registry
        {"delivery": delivery_id},
    )
