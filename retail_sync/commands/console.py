"""What all commands share: their options, the home they work on, and how they print."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retail_sync.reports import terminal, words
from retail_sync.settings import Home

if TYPE_CHECKING:  # imported inside the commands that need it: --help must answer at once
    from retail_sync.pipeline import Pipeline

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Home directory (default: $RETAIL_SYNC_HOME, else data/).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

NEEDS_A_PERSON = 1


def open_pipeline(home: Path | None) -> Pipeline:
    """Return the stages of a home; what goes on is told on standard error."""
    from retail_sync.pipeline import Pipeline

    return Pipeline(Home.locate(home).require(), uuid.uuid4().hex, tell)


def tell(text: str) -> None:
    """Say on standard error what goes on: standard output is the answer."""
    sys.stderr.write(f"  {text}\n")


def show(value: Any, as_json: bool, *renderings: Any) -> None:  # noqa: ANN401 - anything that JSON or rich takes
    """Print the answer: as JSON the value, else what it looks like to people."""
    if as_json:
        sys.stdout.write(terminal.as_json(value) + "\n")
        return
    console = terminal.console()
    for rendering in renderings:
        console.print(rendering)


def times(count: int, noun: str) -> str:
    """Return a number and its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def home_option(home: Path | None) -> str:
    """What a printed command needs to work on the same home."""
    return f" --home {home}" if home else ""


def table_of(
    rows: list[dict[str, Any]], title: str, right: tuple[str, ...], said: words.Words = words.NO_WORDS
) -> list[Any]:
    """Render rows under a title; nothing where there are none."""
    return (
        [terminal.table(tuple(rows[0]), [tuple(row.values()) for row in rows], title=title, right=right, words=said)]
        if rows
        else []
    )
