"""Turning results into Dagster metadata that an analyst reads: counts, schemas, small tables, a plot."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from retail_sync.schemas.contract import Table


def column_schema(table: Table) -> dg.TableSchema:
    """Return the contract of a table as Dagster's column schema."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.sql_type,
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in table.columns
        ]
    )


def spec(table: Table, *, deps: Sequence[Sequence[str]] = (), **more: Any) -> dg.AssetSpec:  # noqa: ANN401
    """Return the asset spec of a warehouse table: key = table name, group = stage, description = what one row is."""
    return dg.AssetSpec(
        [table.schema, table.name],
        deps=[dg.AssetKey(list(dep)) for dep in deps],
        group_name=table.schema,
        description=table.model.__doc__,
        kinds={"duckdb"},
        metadata={"dagster/column_schema": column_schema(table), "dagster/table_name": table.qualified},
        **more,
    )


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """Return rows as a table; says so when there are none."""
    if not rows:
        return dg.MetadataValue.md("*none*")
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def picture(png: bytes) -> dg.MarkdownMetadataValue:
    """Return a PNG as an inline picture."""
    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{base64.b64encode(png).decode()})")


def _cell(value: object) -> str:
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


def contract_check(table: Table, broken: Mapping[str, Sequence[str]] | None) -> dg.AssetCheckResult:
    """Return the blocking contract check of a table as a sentence. `broken` is None when nothing changed."""
    problems = (broken or {}).get(table.name, ())
    if problems:
        description = f"{table.qualified} breaks its contract: " + "; ".join(problems)
    elif broken is None:
        description = "nothing new since the last proof"
    else:
        description = f"every row keeps the contract of {len(table.columns)} columns and no key occurs twice"
    return dg.AssetCheckResult(
        asset_key=[table.schema, table.name],
        check_name="contract",
        passed=not problems,
        description=description,
        metadata={"rules": sum(len(column.checks) + (not column.nullable) for column in table.columns)},
    )


def sentence_check(
    key: Sequence[str], name: str, failures: Sequence[str], fine: str, metadata: Mapping[str, Any] | None = None
) -> dg.AssetCheckResult:
    """Return a check for people: passed with `fine`, or failed with the sentences (the first five of them)."""
    shown = list(failures[:5]) + ([f"and {len(failures) - 5} more"] if len(failures) > 5 else [])
    return dg.AssetCheckResult(
        asset_key=list(key),
        check_name=name,
        passed=not failures,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(shown) if failures else fine,
        metadata=dict(metadata or {}),
    )
