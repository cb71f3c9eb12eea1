"""Read-only SQL for people, on the published warehouse, the operations database or the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import duckdb
import sqlalchemy as sa

from retail_sync.core.errors import RetailSyncError

if TYPE_CHECKING:
    from retail_sync.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class Answer:
    """Column names and rows; `is_cut` where the query has more rows than were asked for."""

    header: Sequence[str]
    rows: list[tuple[Any, ...]]
    is_cut: bool


class _Rows(Protocol):
    """What the three databases' cursors have in common."""

    def fetchall(self) -> Any: ...  # noqa: ANN401, D102 - rows of any type
    def fetchmany(self, size: int, /) -> Any: ...  # noqa: ANN401, D102


def run_query(pipeline: Pipeline, statement: str, on: str, limit: int | None) -> Answer:
    """Return at most `limit` rows, or all of them. Raises RetailSyncError with the database's own words."""
    try:
        match on:
            case "warehouse":
                with _reading(pipeline) as connection:
                    cursor = connection.execute(statement)
                    return _answer([column[0] for column in cursor.description or []], cursor, limit)
            case "operations":
                return _ask(pipeline.home.operations_url, statement, limit)
            case "ledger":
                return _ask(pipeline.home.ledger_url, statement, limit)
    except (duckdb.Error, sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        text = str(getattr(error, "orig", None) or error)
        raise RetailSyncError(f"the query failed: {text}", "tables and columns: retail-sync contracts") from error
    raise RetailSyncError(f"there is no database {on!r}", "use --on warehouse, operations or ledger")


def _reading(pipeline: Pipeline) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """What was published last; before there is any, what is loaded so far, and it is said that it is no whole run's."""
    warehouse = pipeline.warehouse
    if warehouse.published_file.exists():
        return warehouse.reading()
    if warehouse.file.exists():
        pipeline.progress(
            "nothing has been published yet: this is what is loaded so far, and tables of later stages may be empty; "
            "`retail-sync run hourly` goes through every stage and publishes"
        )
    return warehouse.reading_so_far()


def _answer(header: Sequence[str], cursor: _Rows, limit: int | None) -> Answer:
    # One row more than is wanted: exactly `limit` rows may be all there are.
    rows = [tuple(row) for row in (cursor.fetchall() if limit is None else cursor.fetchmany(limit + 1))]
    return Answer(header, rows[:limit], limit is not None and len(rows) > limit)


def _ask(url: str, statement: str, limit: int | None) -> Answer:
    if url.startswith("sqlite:///"):
        return _ask_sqlite(Path(url.removeprefix("sqlite:///")), statement, limit)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        connection.execute(sa.text("set session characteristics as transaction read only"))
        connection.commit()
        # A colon in people's SQL is a colon, never a parameter of ours.
        result = connection.execute(sa.text(statement.replace(":", r"\:")))
        return _answer(list(result.keys()), result, limit)


def _ask_sqlite(file: Path, statement: str, limit: int | None) -> Answer:
    if not file.exists():
        raise RetailSyncError(f"{file.name} does not exist yet", "run `retail-sync run hourly` first")
    connection = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)
    try:
        # A read-only connection may still write *other* files: `vacuum into`, `attach`.
        connection.set_authorizer(_allow_reading)
        cursor = connection.execute(statement)
        return _answer([column[0] for column in cursor.description or []], cursor, limit)
    finally:
        connection.close()


def _allow_reading(action: int, *_: str | None) -> int:
    reading = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
    return sqlite3.SQLITE_OK if action in reading else sqlite3.SQLITE_DENY
