"""Results in the terminal: tables and sentences. Every figure comes from a value that `--json` prints as well."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retail_sync.reports.words import Words, spoken

_WIDTH_WHEN_PIPED = 160


def console() -> Console:
    """Return a console on standard output; a pipe gets a fixed width and no colours.

    Square brackets in data are square brackets, never markup: a file may be called `report [copy].txt`.
    """
    return Console(width=None if sys.stdout.isatty() else _WIDTH_WHEN_PIPED, highlight=False, markup=False)


def bold(text: str) -> Text:
    """Return text to be shown in bold."""
    return Text(text, style="bold")


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    title: str = "",
    right: Sequence[str] = (),
    words: Words | None = None,
) -> Table:
    """Return rows as a table; columns named in `right` are right-aligned.

    With `words`, its verdicts and currencies are told in words; without, every cell is shown as it is stored.
    """
    shown = Table(title=title or None, title_justify="left", title_style="bold", header_style="bold")
    for name in header:
        shown.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows if words is None else spoken(header, rows, words):
        shown.add_row(*("" if value is None else str(value) for value in row))
    return shown


def as_json(value: object) -> str:
    """Return a value as JSON. Decimals and dates become text, so that no amount ever becomes a float."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def as_csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows as CSV. Text that a spreadsheet would take for a formula is prefixed with an apostrophe (OWASP list)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")  # for a shell; spreadsheets take either
    writer.writerow(header)
    writer.writerows([[_harmless(value) for value in row] for row in rows])
    return out.getvalue()


def _harmless(value: Any) -> Any:  # noqa: ANN401 - a database value
    if isinstance(value, str) and value.lstrip(" ")[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return "'" + value
    return value


def age(since: str, today: date) -> str:
    """Return how long ago an ISO date was, in days; empty for none."""
    return days((today - date.fromisoformat(since[:10])).days) if since else ""


def days(count: int | None) -> str:
    """Return a number of days; empty for none."""
    return "" if count is None else f"{count} d"


def due(day: str, today: date) -> str:
    """Return an ISO date by which something is to be done, and whether it has passed; empty for none."""
    return f"{day} (late)" if day and date.fromisoformat(day) < today else day
