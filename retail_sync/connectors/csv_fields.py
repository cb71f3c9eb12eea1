"""The cells of a CSV file as text in temp table `fields`, with the lines that cannot be split beside them.

Nothing here knows what a cell means. A record may span lines (a quoted note does); it has the number of its first line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from retail_sync.connectors.documents import TextDocument
from retail_sync.core.errors import DeliveryRefused
from retail_sync.settings import Source

_BATCH_ROWS = 50_000
_PLACES = ("line_no", "field_count")


@dataclass(frozen=True, slots=True)
class CsvShape:
    """What to read of a file: the places of its `width` columns, for which canonical table, and whether bad lines are shown.

    A line that may hold a person's name or the number of a gift card is never shown: it would reach the warehouse as a
    rejected row.
    """

    used: Sequence[int]
    width: int
    table_name: str
    shows_bad_lines: bool = True


def read_fields(connection: duckdb.DuckDBPyConnection, document: TextDocument, source: Source, shape: CsvShape) -> int:
    """Fill `fields` (line_no, bad_line, field_count, c<place>...) and `staged_rejected`; return the number of rows.

    Raises DeliveryRefused for a broken quote or an endless cell.
    """
    cells = "".join(f", c{place} varchar" for place in shape.used)
    connection.execute(
        f"create or replace temp table fields (line_no bigint, bad_line varchar, field_count bigint{cells})"
    )
    rows = 0
    try:
        for batch in _batches(document, source, shape):
            connection.register("field_rows", batch)
            connection.execute("insert into fields by name select * from field_rows")
            connection.unregister("field_rows")
            rows += batch.num_rows
    except csv.Error as error:
        raise DeliveryRefused(f"the CSV is broken: {error}", "export the file again") from error
    connection.execute(
        """
        create or replace temp table staged_rejected as
        select line_no, $table as table_name, 'line' as column_name, bad_line as value,
            case when field_count = $width then 'has no line end: the file may be cut off here'
                else 'has ' || field_count || ' fields where the header has ' || $width
            end as reason
        from fields where bad_line is not null
        """,
        {"table": shape.table_name, "width": shape.width},
    )
    return rows


def _batches(document: TextDocument, source: Source, shape: CsvShape) -> Iterator[pa.Table]:
    last_line = 0 if document.is_terminated or not source.last_line_ended else document.line_count
    with document.path.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream, delimiter=source.delimiter, strict=True)
        next(reader)
        batch: list[tuple[object, ...]] = []
        line_no = reader.line_num
        for cells in reader:
            first_line, line_no = line_no + 1, reader.line_num
            if cells:
                batch.append(_row(cells, first_line, shape, is_cut=line_no == last_line))
            if len(batch) >= _BATCH_ROWS:
                yield _as_arrow(batch, shape.used)
                batch = []
        if batch:
            yield _as_arrow(batch, shape.used)


def _row(cells: list[str], line_no: int, shape: CsvShape, *, is_cut: bool) -> tuple[object, ...]:
    if len(cells) != shape.width or is_cut:
        shown = " | ".join(cells)[:200] if shape.shows_bad_lines else "(not shown: it may name a person or a gift card)"
        return (line_no, shown, len(cells), *("" for _ in shape.used))
    return (line_no, None, len(cells), *(cells[place].strip() for place in shape.used))


def _as_arrow(batch: list[tuple[object, ...]], used: Sequence[int]) -> pa.Table:
    names = ["line_no", "bad_line", "field_count", *(f"c{place}" for place in used)]
    types = [pa.int64() if name in _PLACES else pa.string() for name in names]
    columns = [pa.array(column, kind) for column, kind in zip(zip(*batch, strict=True), types, strict=True)]
    return pa.table(columns, names=names)
