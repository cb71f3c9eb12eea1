"""A shop whose goods come from declared files and whose books are ours: its home, and rows delivered with a run of the line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from retail_sync.pipeline import Pipeline
from retail_sync.schemas.journal import Entry, EntryLine
from retail_sync.settings import Home
from retail_sync_tests.conftest import run_line
from retail_sync_tests.reconcile.test_store_days import deliver

Columns = Mapping[str, Sequence[str]]
Rows = Mapping[str, Sequence[str]]


def open_shop(
    make_home: Callable[..., Home], columns: Columns, constants: Mapping[str, str], stock_minor: int
) -> Pipeline:
    """A source for each object, named like it, with these columns of its file; the ledger holds the opening stock (US cents)."""
    blocks = ['[ledger]\nstock = "journal"\n']
    for name, own in columns.items():
        block = (
            f'[[source]]\nname = "{name}"\nconnector = "declared_csv"\nobject = "{name}"\ndate_format = "%Y-%m-%d"\n'
        )
        named = "".join(f'{column} = "{column}"\n' for column in own)
        blocks.append(f"{block}[source.columns]\n{named}{constants[name]}")
    pipeline = Pipeline(make_home(settings="".join(blocks)), "test")
    legs = tuple(
        EntryLine(account, minor, "USD", minor, "USD")
        for account, minor in (("1200", stock_minor), ("1000", -stock_minor))
    )
    pipeline.ledger.post(Entry("opening#1", date(2026, 8, 1), "Opening", legs), "opening")
    return pipeline


def take_in_rows(pipeline: Pipeline, columns: Columns, rows: Rows, mark: str) -> None:
    """Deliver these rows and run the line."""
    deliver(pipeline, {name: (",".join(columns[name]), *lines) for name, lines in rows.items()}, mark)
    run_line(pipeline)
