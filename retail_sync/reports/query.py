"""Read-only SQL for people, on the published warehouse, the operations database or the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import sqlalchemy as sa

from retail_sync.core.errors import RetailSyncError

if TYPE_CHECKING:
    from retail_sync.pipeline import Pipeline

Answer = tuple[Sequence[str], list[tuple[Any, ...]]]


def run_query(pipeline: Pipeline, statement: str, on: str, limit: int) -> Answer:
    """Return column names and at most `limit` rows. Raises RetailSyncError with the database's own words."""
    try:
        match on:
            case "warehouse":
                with pipeline.warehouse.reading() as connection:
                    cursor = connection.execute(statement)
                    return [column[0] for column in cursor.description or []], cursor.fetchmany(limit)
            case "operations":
                return _ask(pipeline.home.operations_url, statement, limit)
            case "ledger":
                return _ask(pipeline.home.ledger_url, statement, limit)
    except (duckdb.Error, sa.exc.SQLAlchemyError) as error:
        text = str(getattr(error, "orig", None) or error)
        raise RetailSyncError(f"the query failed: {text}", "tables and columns: retail-sync contracts") from error
    raise RetailSyncError(f"there is no database {on!r}", "use --on warehouse, operations or ledger")


def _ask(url: str, statement: str, limit: int) -> Answer:
    if url.startswith("sqlite:///"):
        file = Path(url.removeprefix("sqlite:///"))
        if not file.exists():
            raise RetailSyncError(f"{file.name} does not exist yet", "run `retail-sync run hourly` first")
        engine = sa.create_engine(f"sqlite:///file:{file}?mode=ro&uri=true")
        read_only = None
    else:
        engine = sa.create_engine(url)
        read_only = sa.text("set transaction read only")
    with engine.connect() as connection:
        if read_only is not None:
            connection.execute(read_only)
        result = connection.execute(sa.text(statement))
        return list(result.keys()), [tuple(row) for row in result.fetchmany(limit)]
