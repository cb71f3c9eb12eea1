"""Any table as CSV, declared by a `[[source]]` block: which file column is which canonical column, and how it is written.

`date_format` is a strptime pattern and must be declared where the object has days or instants: a date like 03/04 cannot be
told from the file. The decimal mark is decided from all numbers of the file, or declared.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence

import duckdb

from retail_sync.connectors.connector import Staged, TextConnector
from retail_sync.connectors.csv_fields import CsvShape, read_fields
from retail_sync.connectors.currency_units import register_units
from retail_sync.connectors.declared_columns import Bindings, ColumnReader
from retail_sync.connectors.declared_objects import OBJECTS, DeclaredObject
from retail_sync.connectors.declared_sql import staged_table_sql
from retail_sync.connectors.detection import decide_decimal_mark
from retail_sync.connectors.documents import TextDocument
from retail_sync.core import sql
from retail_sync.core.errors import DeliveryRefused, SettingsError
from retail_sync.settings import Column, Source

# Figures whose sign follows from the kind of their row.
_SIGNED = ("quantity", "gross_amount", "net_amount", "tax_amount", "amount")
# What `sources try` writes for a constant that a person has to settle.
TO_FILL_IN = "=TODO"
_MACROS = ("declared_numbers_own", "declared_operand", "declared_rounding", "declared_rate", "declared_tax")


class DeclaredCsv(TextConnector):
    """Connector for declared CSV files of any object in `declared_objects`."""

    name = "declared_csv"

    def check_header(self, header: str, source: Source) -> None:
        """Raise DeliveryRefused where a declared column is not in the file, SettingsError for a block that cannot work."""
        self._reader(_header([header + "\n"], source), source)

    def stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        document: TextDocument,
        source: Source,
        delivery_id: str,
    ) -> Staged:
        """Read the file. Raises DeliveryRefused for mixed decimal marks or a broken quote, SettingsError for a bad block."""
        with document.path.open(encoding="utf-8", newline="") as stream:
            header = _header(stream, source)
        reader = self._reader(header, source)
        _check_patterns(connection, source)
        wanted = OBJECTS[source.object]
        is_shown = not wanted.kept_out(source.columns)
        rows = read_fields(
            connection, document, source, CsvShape(reader.used, len(header), wanted.table.name, is_shown)
        )
        bindings = Bindings()
        reader = ColumnReader(source, header, bindings)
        mark = _decide_mark(connection, wanted, source, reader)
        _install(connection, mark)
        statement = staged_table_sql(wanted, source, reader, bindings)
        _register_units(connection, source, reader)
        values = {"source": source.name, "delivery_id": delivery_id, "account": source.account_name, **bindings.values}
        used = set(re.findall(r"\$(\w+)", statement))
        connection.execute(statement, {name: value for name, value in values.items() if name in used})
        connection.unregister("currency_units")
        connection.execute("drop table fields")
        return Staged(
            document_id=delivery_id,
            tables=(wanted.table.qualified,),
            delivered_count=rows,
            detected=f"{document.encoding}; dates {source.date_format}; decimal mark {mark}",
            date_format=source.date_format,
        )

    def _reader(self, header: Sequence[str], source: Source) -> ColumnReader:
        _check_block(source)
        reader = ColumnReader(source, header, Bindings())
        _ = reader.used
        return reader


def _header(lines: Iterable[str], source: Source) -> list[str]:
    try:
        return next(csv.reader(lines, delimiter=source.delimiter, strict=True), [])
    except csv.Error as error:
        raise DeliveryRefused(f"the header cannot be read: {error}", "export the file again") from error


def _check_patterns(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Let the engine look at each pattern: it knows fewer than Python."""
    columns = {name: column for name, column in source.columns.items() if isinstance(column, Column)}
    asked = [("select try_strptime('', $x)", "date_format", source.date_format)] if source.date_format != "auto" else []
    asked += [("select regexp_matches('', $x)", f"column {name}: patterns", pattern)
              for name, column in columns.items() for pattern, _ in column.patterns]  # fmt: skip
    for question, place, pattern in asked:
        try:
            connection.execute(question, {"x": pattern})
        except duckdb.InvalidInputException as error:
            told = str(error).splitlines()[0].removeprefix("Invalid Input Error: ")
            raise SettingsError(
                f"source {source.name}: {place}: {pattern!r} is not understood ({told})",
                "correct that [[source]] in retail_sync.toml",
            ) from error


def _decide_mark(
    connection: duckdb.DuckDBPyConnection, wanted: DeclaredObject, source: Source, reader: ColumnReader
) -> str:
    """Decide the decimal mark from every cell that is to become a number."""
    kinds = {column.name: column.sql_type for column in wanted.table.columns} | dict(wanted.inputs)
    numeric = [name for name in source.columns if kinds[name].startswith("decimal")]
    places = sorted({place for name in numeric for place in reader.places(name)})
    if not places:
        return "." if source.decimal_mark == "auto" else source.decimal_mark
    cells = " union all ".join(f"select c{place} as cell from fields where bad_line is null" for place in places)  # noqa: S608
    connection.execute(sql.statement(__package__, "declared_numbers_bare"))
    connection.execute(
        f"create or replace temp view staged_amounts as select bare_number_of(cell) as value from ({cells}) where cell <> ''"  # noqa: S608
    )
    mark = decide_decimal_mark(connection, source.decimal_mark)
    connection.execute("drop view staged_amounts")
    return mark


def _install(connection: duckdb.DuckDBPyConnection, mark: str) -> None:
    """Define how a number is read in this file, and how figures are rounded."""
    numbers = "declared_numbers_comma" if mark == "," else "declared_numbers_point"
    for name in ("declared_numbers_bare", numbers, *_MACROS):
        connection.execute(sql.statement(__package__, name))


def _register_units(connection: duckdb.DuckDBPyConnection, source: Source, reader: ColumnReader) -> None:
    """Offer the smallest amount and the digits of each currency of the file; what is no currency is left to its row."""
    codes: list[str] = []
    if "currency" in source.columns:
        bindings = Bindings()
        text = ColumnReader(source, reader.names, bindings).declared("currency", "varchar").text
        rows = connection.execute(f"select distinct {text} from fields where bad_line is null", bindings.values)  # noqa: S608
        codes = [row[0] for row in rows.fetchall() if row[0]]
    register_units(connection, codes)


def _check_block(source: Source) -> None:
    problem = complaint(source)
    if problem:
        raise SettingsError(f"source {source.name}: {problem}", "correct that [[source]] in retail_sync.toml")


def complaint(source: Source) -> str:
    """Say what is wrong with a block, whatever file it is for; empty where it can work."""
    wanted = OBJECTS.get(source.object)
    if wanted is None:
        return f"object {source.object!r} is not known to declared_csv; it reads {', '.join(sorted(OBJECTS))}"
    open_ = [
        name for name, column in source.columns.items() if isinstance(column, str) and column.startswith(TO_FILL_IN)
    ]
    if open_:
        return (
            f"{', '.join(open_)} still to be filled in: replace {TO_FILL_IN} ... by a column of the file or a constant"
        )
    if missing := [name for name in wanted.required if name not in source.columns]:
        return f"[source.columns] lacks {', '.join(missing)}"
    if unknown := [name for name in source.columns if name not in wanted.declarable]:
        return f"[source.columns] has no use for {', '.join(unknown)}; it takes {', '.join(wanted.declarable)}"
    if told := _secret_complaint(source, wanted) or _negate_complaint(source, wanted):
        return told
    if wanted.table.name == "pos_sales" and (told := _tax_complaint(source)):
        return told
    kinds = {column.sql_type for column in wanted.table.columns if column.name in source.columns}
    if kinds & {"date", "timestamp with time zone"} and not re.search("%[Yy].*%[mb]|%[mdb].*%[Yy]", source.date_format):
        return 'date_format must be declared, e.g. "%Y-%m-%d" or "%d.%m.%Y %H:%M"'
    return ""


def _secret_complaint(source: Source, wanted: DeclaredObject) -> str:
    """What is hashed must not reach the warehouse through another column."""
    hashed = wanted.kept_out(source.columns)
    secrets = {name for column in hashed for name in _file_columns(source.columns[column])}
    for column, declared in source.columns.items():
        if column not in hashed and (shown := secrets & _file_columns(declared)):
            return f"{column} must not read {min(shown)!r}, of which only a hash is kept ({', '.join(hashed)}); leave it out"
    return ""


def _negate_complaint(source: Source, wanted: DeclaredObject) -> str:
    """A figure is negated by the kind of its row, so both must be there."""
    for name, declared in source.columns.items():
        if not isinstance(declared, Column) or not declared.negate:
            continue
        kinds = next((c.checks for c in wanted.table.columns if c.name == "kind"), ())
        words = [word for check, arguments in kinds if check == "isin" for word in arguments["allowed_values"]]
        if unknown := [kind for kind in declared.negate if kind not in words]:
            return f"{name}: negate names {', '.join(unknown)}; the kinds of {source.object} are: {', '.join(words) or 'none'}"
        if "kind" not in source.columns or name not in _SIGNED:
            return f"{name} cannot be negated by kind; {', '.join(_SIGNED)} can, where kind is declared"
    return ""


def _file_columns(declared: str | Column) -> set[str]:
    text = declared.read if isinstance(declared, Column) else declared
    return set() if text.startswith("=") else {text, *re.findall(r"\[([^\[\]]+)\]", text)}


def _tax_complaint(source: Source) -> str:
    have = {"gross_amount", "net_amount", "tax_amount", "tax_rate"} & set(source.columns)
    enough = len(have - {"tax_rate"}) == 2 or (len(have) == 2 and bool(have & {"gross_amount", "net_amount"}))
    if enough:
        return ""
    return (
        "of gross_amount (tax included), net_amount and tax_amount exactly two are needed, or one of the first two with "
        'tax_rate (0.19); prices without any tax: tax_amount = "=0"'
    )
