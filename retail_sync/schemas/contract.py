"""From one pandera model to everything that must agree with it: DDL, reject predicates, the blocking check, the dictionary.

Two steps keep a table clean. `reject_predicates` splits a batch in the engine, by predicate; `prove` then lets pandera
confirm that what was accepted satisfies the model. DuckDB constraints are not used: the same SQL must run on DuckLake.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import duckdb
import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
from pandera.api.ibis.components import Column as PanderaColumn
from pandera.errors import SchemaErrors

ReplacedBy = Literal["document", "group", "delivery", "settlement", "run"]
_FAILURES_SHOWN = 20
# "None of these characters, and so many of them": RE2 takes 10 ms to compile {0,1000}, for every column of every delivery.
_BOUNDED_TEXT = re.compile(r"\^\[\^([^\]']+)\]\{(\d+),(\d+)\}\$")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract. `checks` are (pandera check name, its arguments)."""

    name: str
    sql_type: str
    nullable: bool
    description: str
    checks: tuple[tuple[str, dict[str, Any]], ...]


@dataclass(frozen=True, slots=True)
class RowRule:
    """What a row must keep over several of its columns: where `broken` (SQL) is true, `column` is rejected for `reason`."""

    column: str
    broken: str
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the warehouse: its model, its key, and the unit in which its rows are replaced.

    `volatile` columns say where a row came from where several deliveries hold the same row; digests leave them out.
    `group`: columns of a delivered table; rows equal in them are replaced together by a newer delivery of any of them.
    `hands_on`: the work a changed row makes for reconcile, as (kind, SQL of the document's id over the row); see raw.touched.
    `books`: the same for the journal: a document that follows from the rows themselves, with no other side to compare.
    `rules`: what rows must keep besides the checks of single columns.
    `numbered_by`: the column that a till numbers its documents by; a number on another day than before is noted.
    `stands_above`: SQL over a row, as {row}: where it is true, the row is not replaced by a newer one where it is not. For
    tables whose group is one row, or where it is the same for all rows of a delivery.
    """

    schema: str
    name: str
    model: type[pa.DataFrameModel]
    key: tuple[str, ...]
    replaced_by: ReplacedBy
    volatile: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    hands_on: tuple[tuple[str, str], ...] = ()
    books: tuple[tuple[str, str], ...] = ()
    rules: tuple[RowRule, ...] = ()
    numbered_by: str = ""
    stands_above: str = "false"

    @property
    def qualified(self) -> str:
        """`schema.name`."""
        return f"{self.schema}.{self.name}"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, in the model's order."""
        return _columns(self.model)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names only."""
        return tuple(column.name for column in self.columns)

    @property
    def description(self) -> str:
        """First line of the model's docstring: what one row is."""
        return (self.model.__doc__ or "").strip().splitlines()[0]

    def ddl(self) -> str:
        """CREATE TABLE in the subset that DuckDB and DuckLake share (NOT NULL is the only constraint)."""
        columns = ",\n  ".join(f"{c.name} {c.sql_type}{'' if c.nullable else ' not null'}" for c in self.columns)
        return f"create table if not exists {self.qualified} (\n  {columns}\n)"


@cache
def _columns(model: type[pa.DataFrameModel]) -> tuple[Column, ...]:
    return tuple(_column(name, column) for name, column in model.to_schema().columns.items())


def _column(name: str, column: PanderaColumn) -> Column:
    checks = tuple((check.name, dict(check.statistics or {})) for check in column.checks)
    return Column(name, _sql_type(column.dtype.type), column.nullable, column.description or "", checks)


def _sql_type(dtype: dt.DataType) -> str:
    match dtype:
        case dt.String():
            return "varchar"
        case dt.Decimal(precision=precision, scale=scale):
            return f"decimal({precision}, {scale})"
        case dt.Timestamp(timezone="UTC"):
            return "timestamp with time zone"
        case dt.Date():
            return "date"
        case dt.Int64():
            return "bigint"
        case dt.Boolean():
            return "boolean"
    raise TypeError(f"no portable SQL type for {dtype}")


def quoted(value: object) -> str:
    """A value as an SQL literal."""
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def violation(column: Column, check: str, arguments: dict[str, Any]) -> str:
    """SQL that is true where a value breaks `check`. Raises TypeError for a check without translation."""
    name = f'"{column.name}"'
    match check:
        case "isin":
            return f"{name} not in ({', '.join(quoted(v) for v in arguments['allowed_values'])})"
        case "str_matches":
            if bounded := _BOUNDED_TEXT.fullmatch(arguments["pattern"]):
                forbidden, least, most = bounded.groups()
                return f"(regexp_matches({name}, '[{forbidden}]') or length({name}) not between {least} and {most})"
            pattern = arguments["pattern"].removeprefix("^").removesuffix("$")
            return f"not regexp_full_match({name}, {quoted(pattern)})"
        case "greater_than_or_equal_to":
            return f"{name} < {quoted(arguments['min_value'])}"
        case "greater_than":
            return f"{name} <= {quoted(arguments['min_value'])}"
    raise TypeError(f"{column.name}: pandera check {check!r} has no SQL translation")


_REASONS = {
    "isin": "is not one of the allowed values",
    "str_matches": "does not have the expected form or length",
    "greater_than_or_equal_to": "is too small",
    "greater_than": "is too small",
}


@dataclass(frozen=True, slots=True)
class Rejection:
    """A reason to reject a row of a batch: where `predicate` is true, `column` breaks the contract.

    `is_of_text`: the predicate looks at nothing but the text in `column`. `is_derived`: the file has no such column, so where
    its value is missing, what it follows from is missing or wrong.
    """

    column: str
    raw_column: str
    predicate: str
    reason: str
    is_of_text: bool = False
    is_derived: bool = False


def reject_predicates(table: Table, batch_columns: frozenset[str], date_format: str = "") -> list[Rejection]:
    """Return every way a row of the batch can break the contract of `table`.

    A batch column `x__raw` holds the text that `x` was read from: text that gave no value is a reject even where the
    column may be empty, so nothing is ever turned into NULL in silence. `date_format`: what days were read with, for the
    reason.
    """
    rejections = []
    for column in table.columns:
        raw = f"{column.name}__raw"
        shown = raw if raw in batch_columns else column.name
        name = f'"{column.name}"'
        if raw in batch_columns:
            unread = f"{name} is null and trim(coalesce(\"{raw}\", '')) <> ''"
            rejections.append(
                Rejection(column.name, shown, unread, f"cannot be read as {_words(column.sql_type, date_format)}")
            )
        if not column.nullable:
            missing = f"{name} is null"
            if raw in batch_columns:
                missing += f" and trim(coalesce(\"{raw}\", '')) = ''"
            is_derived = column.sql_type != "varchar" and raw not in batch_columns
            rejections.append(Rejection(column.name, shown, missing, "is missing", is_derived=is_derived))
        for check, arguments in column.checks:
            reason = _REASONS.get(check, f"fails {check}")
            of_text = column.sql_type == "varchar"
            rejections.append(Rejection(column.name, shown, violation(column, check, arguments), reason, of_text))
    for rule in table.rules:
        raw = f"{rule.column}__raw"
        shown = raw if raw in batch_columns else rule.column
        rejections.append(Rejection(rule.column, shown, rule.broken, rule.reason))
    return rejections


def _words(sql_type: str, date_format: str) -> str:
    """Say a type in a finance person's words."""
    if sql_type.startswith("decimal"):
        return f"a number with at most {sql_type.rstrip(')').split(', ')[1]} decimals"
    names = {"bigint": "a whole number", "date": "a day", "timestamp with time zone": "a point in time",
             "boolean": "true or false", "varchar": "one of the words that its source translates"}  # fmt: skip
    name = names.get(sql_type, sql_type)
    return (
        f"{name} (date_format {date_format})"
        if date_format and sql_type in ("date", "timestamp with time zone")
        else name
    )


def prove(connection: duckdb.DuckDBPyConnection, tables: Sequence[Table]) -> dict[str, list[str]]:
    """Let pandera check whole tables in the engine; return by table name one sentence per broken rule (empty: clean).

    pandera asks every check of every column with a query of its own, which for small tables costs a hundred times what the
    query does. So a check of texts is asked once, of the distinct texts of all columns of all these tables that have it, and
    what must not be null only where the engine does not see to it. An empty table is clean: pandera's Ibis backend counts
    "all of no rows" as a failure.
    """
    filled = [table for table in tables if connection.execute(f"select 1 from {table.qualified} limit 1").fetchone()]  # noqa: S608
    engine = ibis.duckdb.from_connection(connection)
    found = {table.name: _broken_rules(connection, table) for table in filled}
    for table in filled:
        relation = engine.table(table.name, database=("warehouse", table.schema))
        never_null = frozenset(name for name, dtype in relation.schema().items() if not dtype.nullable)
        errors = _errors(_rows_schema(table.model, never_null), relation)
        found[table.name] += [_sentence(table, error) for error in errors[:_FAILURES_SHOWN]]
    for table, sentence in _broken_texts(connection, engine, filled):
        found[table.name].append(sentence)
    return {name: sentences for name, sentences in found.items() if sentences}


def _broken_texts(
    connection: duckdb.DuckDBPyConnection, engine: Any, tables: Sequence[Table]
) -> Iterator[tuple[Table, str]]:
    """Sentences on the columns with a text that breaks a check. pandera says which check is broken, SQL finds the column."""
    places: dict[str, list[tuple[Table, Column]]] = {}
    for table in tables:
        for column in table.columns:
            if column.sql_type == "varchar" and column.checks:
                places.setdefault(repr(column.checks), []).append((table, column))
    if not places:
        return
    asked = {f"text_{number}": check for number, check in enumerate(places)}
    # One table for all checks, as each validation costs more than its query; no lists, which could not be spilled.
    texts = " union all by name ".join(
        f'select distinct "{column.name}" as {name} from {table.qualified}'  # noqa: S608 - names from the contracts
        for name, check in asked.items()
        for table, column in places[check]
    )
    schema = {}
    for name, check in asked.items():
        table, column = places[check][0]
        schema[name] = copy.copy(_schema(table.model).columns[column.name])
        schema[name].nullable = True  # each text stands alone in its row
    connection.execute(f"create or replace temp table proved_texts as {texts}")
    errors = _errors(pa.DataFrameSchema(schema), engine.table("proved_texts", database=("temp", "main")))
    for error in errors:
        alike = places[asked[error.schema.name]]
        # Where SQL finds no such text, the two disagree: then every column that has the check is named.
        located = [place for place in alike if _has_broken(connection, *place)] or alike
        yield from ((table, f"{table.qualified}.{column.name} breaks {error.check}") for table, column in located)
    connection.execute("drop table proved_texts")


def _has_broken(connection: duckdb.DuckDBPyConnection, table: Table, column: Column) -> bool:
    broken = " or ".join(violation(column, *check) for check in column.checks)
    return bool(connection.execute(f"select 1 from {table.qualified} where {broken} limit 1").fetchone())  # noqa: S608


def _errors(schema: Any, relation: Any) -> list[Any]:
    try:
        schema.validate(relation, lazy=True)
    except SchemaErrors as errors:
        return list(errors.schema_errors)
    return []


def _broken_rules(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    found = []
    for rule in table.rules:
        row = connection.execute(f"select count(*) from {table.qualified} where {rule.broken}").fetchone()  # noqa: S608
        if row and row[0]:
            found.append(f"{table.qualified}.{rule.column} {rule.reason}: {row[0]} rows")
    return found


def _sentence(table: Table, error: Any) -> str:
    column = getattr(error.schema, "name", "") or table.name
    check = str(error.check) if error.check is not None else str(error.reason_code)
    return f"{table.qualified}.{column} breaks {check}"


@cache
def _schema(model: type[pa.DataFrameModel]) -> Any:
    """The model's schema. `n_failure_cases` is always set: a million failures cost 174 s and 4.3 GB without (DESIGN 5)."""
    schema = copy.deepcopy(model.to_schema())
    for column in schema.columns.values():
        for check in column.checks:
            check.n_failure_cases = _FAILURES_SHOWN
    return schema


@cache
def _rows_schema(model: type[pa.DataFrameModel], never_null: frozenset[str]) -> Any:
    """What is asked of the rows themselves: types, numbers, and nulls where the engine lets them in (not `never_null`)."""
    schema = copy.deepcopy(_schema(model))
    for name, column in schema.columns.items():
        column.nullable = column.nullable or name in never_null
        if isinstance(column.dtype.type, dt.String):
            column.checks = []
    return schema


def contract_hash(tables: tuple[Table, ...], *others: str) -> str:
    """SHA-256 over all DDL, every check and what else rows depend on: when it changes, they are derived anew from raw.

    A tightened check leaves rows in force that a rebuilt warehouse would reject, though the DDL is the same.
    """
    checks = (
        f"{table.qualified}: {violation(column, *check)}"
        for table in tables
        for column in table.columns
        for check in column.checks
    )
    rules = (f"{table.qualified}: {rule.broken}" for table in tables for rule in table.rules)
    return hashlib.sha256(
        "\n".join([*(table.ddl() for table in tables), *checks, *rules, *others]).encode()
    ).hexdigest()


def code_digest(*folders: Path) -> str:
    """SHA-256 over the Python and SQL files of these folders: their paths below the folder and their bytes."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".sql")):
            content = file.read_bytes()
            digest.update(f"{folder.name}/{file.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()
