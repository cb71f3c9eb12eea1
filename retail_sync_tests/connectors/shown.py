"""What files of others' samples must become: served by a fake system, pulled by the real connector, compared row by row.

What a file must give stands as pipe-separated text under the names of the columns, worked by hand from the file. A file may
also give nothing, and then it says why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors.pulling import Days
from retail_sync.connectors.registry import WIRE_CONNECTORS
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Settings
from retail_sync_tests.connectors.pulled import PullBench

Read = Callable[[str], Any]


@dataclass(frozen=True)
class Shown:
    """Files, what a system holds that knows what they tell, and the rows that come of asking it.

    `hold` puts the facts into the fake and gets what reads a file. `objects` are the lists that are asked for, of these `days`
    or else of now. Every table of these lists that `rows` does not name must be empty, and so must the rejected rows.
    """

    name: str
    files: tuple[str, ...]
    hold: Callable[[Any, Read], object]
    objects: tuple[str, ...]
    days: tuple[str, ...] = ()
    rows: Mapping[str, str] = field(default_factory=dict)
    why_nothing: str = ""
    connection: Mapping[str, object] = field(default_factory=dict)


def each(cases: Collection[Shown]) -> list[Any]:
    """Return the cases as parameters, by name."""
    return [pytest.param(case, id=case.name) for case in cases]


def account(folder: Path, cases: Collection[Shown], *without_facts: Collection[str]) -> None:
    """See that every file of a folder is shown, or has its reason, and that no case is empty without one."""
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    shown = {file for case in cases for file in case.files}
    others = [file for named in without_facts for file in named]
    assert sorted([*shown, *others]) == files
    assert [case.name for case in cases if bool(case.rows) == bool(case.why_nothing)] == []


Tables = dict[str, list[str]]


def show(bench: PullBench, case: Shown, read: Read) -> tuple[Tables, Tables]:
    """Have the fake hold the facts, pull and load them; return every table as it is and as it must be."""
    case.hold(bench.fake, read)
    bench.source = bench.source.model_copy(
        update={"objects": case.objects, "connection": {**bench.source.connection, **case.connection}}
    )
    bench.home.settings = Settings(source=(bench.source,))
    pull(bench, *case.days)
    lists = WIRE_CONNECTORS[bench.fake.connector].objects
    names = {table for item in lists if item.name in case.objects for table in item.tables} | {"rejected_rows"}
    tables = {name: read_table(case.rows.get(name, "delivery_id")) for name in sorted(names | set(case.rows))}
    found = {name: rows_of(bench, name, columns) for name, (columns, _) in tables.items()}
    return found, {name: rows for name, (_, rows) in tables.items()}


def pull(bench: PullBench, *days: str) -> None:
    """Pull what is now, or these days, and load it; nothing goes wrong."""
    firsts = [date.fromisoformat(day) for day in days]
    wanted: list[Days | None] = [Days(first, first + timedelta(days=1)) for first in firsts]
    for asked in wanted or [None]:
        assert [item.problem for item in bench.pull(asked) if item.problem] == []
    assert Pipeline(bench.home, "trace-1").load().refused == ()


def read_table(text: str) -> tuple[list[str], list[str]]:
    """Read pipe-separated text: the names of the columns, and the rows in any order."""
    names, *rows = ([cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.strip())
    return names, sorted(" | ".join(row) for row in rows)


def rows_of(bench: PullBench, table: str, columns: list[str], schema: str = "canonical") -> list[str]:
    """Return what the warehouse holds, as text."""
    with Pipeline(bench.home, "trace-1").writing("look") as connection:
        found = connection.execute(f"select {', '.join(columns)} from {schema}.{table}").fetchall()
    return sorted(" | ".join(told(name, value) for name, value in zip(columns, row, strict=True)) for row in found)


def told(name: str, value: object) -> str:
    """Return a value as people write it: amounts with two decimals, '-' for what is missing."""
    if isinstance(value, Decimal):
        return f"{value:.2f}" if name.endswith(("amount", "_price")) else f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return "-" if value is None else str(value)
