"""Any bank statement as CSV, declared by a `[[source]]` block: which file column is which canonical column.

`columns` maps a canonical column to a column of the file, or to a constant written `=EUR`. `date_format` is a strptime
pattern and must be declared: a date like 03/04 cannot be told from the file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from retail_sync.connectors.connector import Staged
from retail_sync.connectors.detection import decide_decimal_mark
from retail_sync.connectors.documents import TextDocument
from retail_sync.core import money, sql
from retail_sync.core.errors import DeliveryRefused, SettingsError
from retail_sync.settings import Source

_TABLE = "canonical.bank_transactions"
_REQUIRED = ("value_date", "amount", "currency", "reference")
_OPTIONAL = ("account", "transaction_id")
_BATCH_ROWS = 50_000


class DeclaredCsv:
    """Connector for declared CSV files. In this version the object is `bank_transactions`."""

    name = "declared_csv"
    japanese_marker = b"\xff\xfe"  # no marker: cp932 is used where it is declared

    def check_header(self, header: str, source: Source) -> None:
        """Raise DeliveryRefused where a declared column is not in the file."""
        _positions(next(csv.reader([header], delimiter=source.delimiter)), source)

    def stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        document: TextDocument,
        source: Source,
        delivery_id: str,
    ) -> Staged:
        """Read the statement. Raises DeliveryRefused for mixed decimal marks or a broken quote, SettingsError for a bad block."""
        rows = self._read_fields(connection, document.path, source)
        connection.execute(
            "create or replace temp view staged_amounts as select amount as value from fields where amount <> ''"
        )
        mark = decide_decimal_mark(connection, source.decimal_mark)
        connection.execute("drop view staged_amounts")
        connection.register("currency_units", _currency_units(connection))
        connection.execute(
            sql.statement(__package__, "declared_bank_transactions"),
            {
                "date_format": source.date_format,
                "decimal_mark": mark,
                "thousands_mark": "." if mark == "," else ",",
                "account": source.account_name,
                "source": source.name,
                "delivery_id": delivery_id,
            },
        )
        connection.unregister("currency_units")
        connection.execute("drop table fields")
        return Staged(
            document_id=delivery_id,
            tables=(_TABLE,),
            delivered_count=rows,
            detected=f"{document.encoding}; dates {source.date_format}; decimal mark {mark}",
            has_control_total=False,
        )

    def _read_fields(self, connection: duckdb.DuckDBPyConnection, path: Path, source: Source) -> int:
        connection.execute(
            "create or replace temp table fields (line_no bigint, bad_line varchar, field_count bigint, width bigint, "
            "value_date varchar, amount varchar, currency varchar, reference varchar, account varchar, transaction_id varchar)"
        )
        rows = 0
        try:
            for batch in _batches(path, source):
                connection.register("field_rows", batch)
                connection.execute("insert into fields by name select * from field_rows")
                connection.unregister("field_rows")
                rows += batch.num_rows
        except csv.Error as error:
            raise DeliveryRefused(f"the CSV is broken: {error}", "export the file again") from error
        connection.execute(
            """
            create or replace temp table staged_rejected as
            select line_no, 'bank_transactions' as table_name, 'line' as column_name, bad_line as value,
                'has ' || field_count || ' fields where the header has ' || width as reason
            from fields where bad_line is not null
            """
        )
        return rows


def _batches(path: Path, source: Source) -> Iterator[pa.Table]:
    names = ("line_no", "bad_line", "field_count", "width", *_REQUIRED, *_OPTIONAL)
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream, delimiter=source.delimiter, strict=True)
        header = next(reader)
        places = _positions(header, source)
        batch: list[tuple[object, ...]] = []
        line_no = reader.line_num
        for cells in reader:
            first_line, line_no = line_no + 1, reader.line_num
            if cells:
                batch.append(_row(cells, first_line, len(header), places))
            if len(batch) >= _BATCH_ROWS:
                yield _as_arrow(batch, names)
                batch = []
        if batch:
            yield _as_arrow(batch, names)


def _row(cells: list[str], line_no: int, width: int, places: dict[str, int | str]) -> tuple[object, ...]:
    if len(cells) != width:
        return (
            line_no,
            " | ".join(cells)[:200],
            len(cells),
            width,
            *("" for _ in (*_REQUIRED, *_OPTIONAL)),
        )
    values = (
        place if isinstance(place, str) else cells[place].strip()
        for place in (places.get(name, "") for name in (*_REQUIRED, *_OPTIONAL))
    )
    return (line_no, None, len(cells), width, *values)


def _as_arrow(batch: list[tuple[object, ...]], names: tuple[str, ...]) -> pa.Table:
    integers = ("line_no", "field_count", "width")
    types = [pa.int64() if name in integers else pa.string() for name in names]
    columns = [pa.array(column, kind) for column, kind in zip(zip(*batch, strict=True), types, strict=True)]
    return pa.table(columns, names=list(names))


def _currency_units(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the smallest amount of each currency in `fields`; what is no currency code is left to its row."""
    codes = [row[0] for row in connection.execute("select distinct currency from fields").fetchall()]
    known = sorted(code for code in codes if re.fullmatch("[A-Z]{3}", code))
    units = pa.array([money.from_minor(1, code) for code in known], pa.decimal128(18, 4))
    return pa.table({"currency": pa.array(known, pa.string()), "unit": units})


def _positions(header: list[str], source: Source) -> dict[str, int | str]:
    """Map each canonical column to its place in the file or to a constant."""
    _check_block(source)
    names = [name.strip() for name in header]
    missing = [
        f"{file!r} (for {column})" for column, file in source.columns.items() if file[:1] != "=" and file not in names
    ]
    if missing:
        raise DeliveryRefused(
            f"the file has no column {', '.join(missing)}; its columns are: {', '.join(names)[:300]}",
            f"correct [source.columns] of source {source.name} in retail_sync.toml, or deliver the right file",
        )
    twice = [f"{file!r}" for file in source.columns.values() if names.count(file) > 1]
    if twice:
        raise DeliveryRefused(f"the column {', '.join(twice)} stands twice in the header", "export the file again")
    return {column: file[1:] if file.startswith("=") else names.index(file) for column, file in source.columns.items()}


def _check_block(source: Source) -> None:
    problem = ""
    if source.object != "bank_transactions":
        problem = f"object {source.object!r} is not known to declared_csv; it reads bank_transactions"
    elif missing := [name for name in _REQUIRED if name not in source.columns]:
        problem = f"[source.columns] lacks {', '.join(missing)}"
    elif unknown := [name for name in source.columns if name not in (*_REQUIRED, *_OPTIONAL)]:
        problem = f"[source.columns] has no use for {', '.join(unknown)}"
    elif not re.search("%[Yy].*%[mb]|%[mdb].*%[Yy]", source.date_format):
        problem = 'date_format must be declared, e.g. "%Y-%m-%d" or "%d.%m.%Y"'
    if problem:
        raise SettingsError(f"source {source.name}: {problem}", "correct that [[source]] in retail_sync.toml")
