"""Turning results into Dagster metadata that an analyst reads: counts, schemas, small tables, a plot."""

from __future__ import annotations

import base64
import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from retail_sync.operations.exceptions import Problem
from retail_sync.reports.state import problem_value
from retail_sync.reports.words import NO_WORDS, Words, spoken
from retail_sync.schemas.contract import Table

CONTRACT = "Every row keeps the table's contract and no key occurs twice. If not, the run stops here."


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


def spec(
    table: Table,
    *,
    deps: Sequence[Sequence[str]] = (),
    owner: str = "finance",
    look: str = "",
    **more: Any,  # noqa: ANN401
) -> dg.AssetSpec:
    """Return the asset spec of a warehouse table: key = table name, group = stage, description = what one row is.

    `look` says, in Markdown, what to look at on its page; `owner` is the team that exceptions name too.
    """
    return dg.AssetSpec(
        [table.schema, table.name],
        deps=[dg.AssetKey(list(dep)) for dep in deps],
        group_name=table.schema,
        description="\n\n".join(part for part in (inspect.cleandoc(table.model.__doc__ or ""), look) if part),
        kinds={"duckdb"},
        owners=[f"team:{owner}"],
        metadata={"dagster/column_schema": column_schema(table), "dagster/table_name": table.qualified},
        **more,
    )


def small_table(
    header: Sequence[str], rows: Sequence[Sequence[object]], show: Sequence[str] = (), words: Words = NO_WORDS
) -> dg.TableMetadataValue | str:
    """Return rows as a table that the UI shows in place; says so when there are none.

    `show` picks and orders columns, `words` are those for its verdicts.
    Keep it under 70 characters wide: the UI cuts off what is wider. Markdown is no choice: the UI hides what is longer than
    1,000 characters behind a link.
    """
    if not rows:
        return "none"
    rows = spoken(header, rows, words)
    if show:
        places = [header.index(name) for name in show]
        header, rows = show, [[row[place] for place in places] for row in rows]
    return dg.MetadataValue.table(
        records=[dg.TableRecord({name: _cell(value) for name, value in zip(header, row, strict=True)}) for row in rows],
        schema=dg.TableSchema(columns=[dg.TableColumn(name, _type(rows, at)) for at, name in enumerate(header)]),
    )


def _cell(value: object) -> str | int:
    return value if isinstance(value, int) else "" if value is None else str(value)


def _type(rows: Sequence[Sequence[object]], at: int) -> str:
    return "int" if all(isinstance(row[at], int) for row in rows) else "string"


def problem_table(problems: Sequence[Problem], limit: int = 20) -> dg.TableMetadataValue | str:
    """Return problems in words, the largest value first. What to do about them stands with the checks: there is room."""
    return small_table(
        ("value", "since", "what happened"),
        [(problem_value(p), p.since_date, p.message) for p in by_value(problems)[:limit]],
    )


def by_value(problems: Sequence[Problem]) -> list[Problem]:
    """Return problems, the largest value first."""
    return sorted(problems, key=lambda problem: -abs(problem.amount_minor or 0))


def picture(
    context: dg.AssetExecutionContext,
    key: Sequence[str],
    name: str,
    drawn_from: object,
    draw: Callable[[], bytes],
) -> dg.MarkdownMetadataValue:
    """Return a PNG as an inline picture, under metadata `name` of asset `key`.

    Most runs change nothing, and drawing takes longer than all their other work: the picture of the last materialization
    is taken where its alternative text carries the same hash.
    """
    mark = f"![{name}, {hashlib.sha256(repr(drawn_from).encode()).hexdigest()[:12]}]("
    event = context.instance.get_latest_materialization_event(dg.AssetKey(list(key)))
    known = event.asset_materialization.metadata.get(name) if event and event.asset_materialization else None
    if isinstance(known, dg.MarkdownMetadataValue) and (known.md_str or "").startswith(mark):
        return known
    return dg.MetadataValue.md(f"{mark}data:image/png;base64,{base64.b64encode(draw()).decode()})")


def contract_specs(tables: Iterable[Table]) -> list[dg.AssetCheckSpec]:
    """Return the blocking contract check that every table of a stage has; `contract_check` is its result."""
    return [
        dg.AssetCheckSpec("contract", asset=[table.schema, table.name], blocking=True, description=CONTRACT)
        for table in tables
    ]


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
        metadata={
            "rules": len(table.rules) + sum(len(column.checks) + (not column.nullable) for column in table.columns)
        },
    )


def sentence_check(
    key: Sequence[str], name: str, failures: Sequence[str], fine: str, metadata: Mapping[str, Any] | None = None
) -> dg.AssetCheckResult:
    """Return a check for people: passed with `fine`, or failed with the sentences (the first five of them).

    Their number is metadata too: the UI plots it from run to run.
    """
    shown = list(failures[:5]) + ([f"and {len(failures) - 5} more"] if len(failures) > 5 else [])
    return dg.AssetCheckResult(
        asset_key=list(key),
        check_name=name,
        passed=not failures,
        severity=dg.AssetCheckSeverity.WARN,
        description=(shown[0] if len(shown) == 1 else "\n".join(f"- {text}" for text in shown)) if shown else fine,
        metadata={"found": len(failures), **(metadata or {})},
    )


def problem_check(key: Sequence[str], name: str, problems: Sequence[Problem], fine: str) -> dg.AssetCheckResult:
    """Return a `sentence_check` of problems, with what to do about each."""
    told = by_value(problems)
    remedies = small_table(
        ("subject", "value", "since", "what to do", "owner"),
        [(p.subject, problem_value(p), p.since_date, p.remedy, p.owner) for p in told[:20]],
    )
    return sentence_check(key, name, [p.message for p in told], fine, {"what to do": remedies} if told else None)
