"""What the Shopify exports have in common: columns by name, instants with an offset, amounts with a decimal point."""

from __future__ import annotations

import re
from collections.abc import Mapping

import duckdb

from retail_sync.connectors.csv_fields import CsvShape, read_fields
from retail_sync.connectors.currency_units import register_units
from retail_sync.connectors.documents import TextDocument
from retail_sync.connectors.header import Columns, csv_names, refuse_other_columns, refuse_repeated
from retail_sync.core import sql
from retail_sync.core.errors import DeliveryRefused
from retail_sync.settings import Source

CHANNEL = "shopify"
# `2026-08-30 16:59:53 +0400`, in the shop's own offset of that day.
INSTANT = "%Y-%m-%d %H:%M:%S %z"
DAY = "%Y-%m-%d"


def check_columns(header: str, columns: Columns, source: Source) -> list[str]:
    """Return the names of the header. Raises DeliveryRefused where they are not these columns."""
    names = csv_names(header, source.delimiter)
    if len(names) == 1:
        raise DeliveryRefused(
            f"this is not a {columns.document}: its first line holds no column names separated by {source.delimiter!r}",
            f"export it again from the Shopify admin and deliver it as it came; it begins with {columns.required[0]!r}",
        )
    refuse_repeated(names)
    refuse_other_columns(names, columns, source)
    return names


def read_cells(  # noqa: PLR0913 - what one file needs
    connection: duckdb.DuckDBPyConnection,
    document: TextDocument,
    source: Source,
    columns: Columns,
    table_name: str,
    *,
    shows_bad_lines: bool = True,
) -> int:
    """Put every known column into temp table `cells` as text, '' where the file lacks it; return the number of rows.

    Also registers `currency_units` for its currencies and defines `amount_of`.
    """
    names = check_columns(document.header, columns, source)
    places = {name: names.index(name) for name in columns.known if name in names}
    shape = CsvShape(sorted(places.values()), len(names), table_name, shows_bad_lines)
    rows = read_fields(connection, document, source, shape)
    shown = ", ".join(f"{_cell(places, name)} as {_identifier(name)}" for name in columns.known)
    connection.execute(
        f"create or replace temp table cells as select line_no, {shown} from fields where bad_line is null"  # noqa: S608
    )
    connection.execute("drop table fields")
    codes = connection.execute("select distinct currency from cells").fetchall()
    if "presentment currency" in places:
        codes += connection.execute("select distinct presentment_currency from cells").fetchall()
    register_units(connection, [row[0] for row in codes])
    connection.execute(sql.statement(__package__, "amount_of"))
    return rows


def leave_later(connection: duckdb.DuckDBPyConnection, source: Source, days: Mapping[str, str]) -> str:
    """Take out the staged rows of the days that another source has (`until`), and say how many that were.

    `days`: table: the column that holds a row's day; '' where it is that of its order, and then orders come last.
    """
    if source.until is None:
        return ""
    count = 0
    for table, column in days.items():
        is_later = (
            f"{column} >= $until"
            if column
            else ("order_id in (select order_id from staged_orders where business_date >= $until)")
        )
        connection.execute(
            f"delete from staged_rejected where (table_name, line_no) in "  # noqa: S608 - names of our own
            f"(select '{table}', line_no from staged_{table} where {is_later})",
            {"until": source.until},
        )
        row = connection.execute(f"delete from staged_{table} where {is_later}", {"until": source.until}).fetchone()  # noqa: S608
        count += row[0] if row else 0
    return f"; {count} rows left to another source, from {source.until} on"


def finish(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove what `read_cells` left."""
    connection.execute("drop table cells")
    connection.unregister("currency_units")


def _cell(places: dict[str, int], name: str) -> str:
    return f"c{places[name]}" if name in places else "''"


def _identifier(name: str) -> str:
    return re.sub("[^a-z0-9]+", "_", name).strip("_")
