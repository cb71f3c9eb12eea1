"""`retail-sync exceptions`: what is open, what one of them is, and that nothing more is to be done."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retail_sync.commands.console import (
    NEEDS_A_PERSON,
    HomeOption,
    JsonOption,
    home_option,
    open_pipeline,
    show,
    times,
)
from retail_sync.core.errors import RetailSyncError
from retail_sync.core.money import format_money
from retail_sync.reports import terminal

if TYPE_CHECKING:  # imported inside the commands that need it: --help must answer at once
    from collections.abc import Mapping, Sequence

    from retail_sync.reconcile.break_kinds import BreakKinds

app = typer.Typer(no_args_is_help=True, help="Open problems: what happened, what it is worth, what to do.")
_SHOWN_ENTRIES = 20
_QUERY_WAITING = 'retail-sync query --on operations --format csv "select * from waiting_entries"'


@app.command("list")
def exceptions_list(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List open exceptions, the largest value first. Exit code 1 when there are any."""
    pipeline = open_pipeline(home)
    kinds = pipeline.break_kinds
    rows = [dict(row._mapping) | _break_terms(dict(row._mapping), kinds) for row in pipeline.exceptions.open()]
    today = datetime.now(UTC).date()
    shown = [
        (
            r["exception_id"],
            r["code"].replace("_", " "),
            r["subject"],
            r["break_kind"].replace("_", " "),
            _value(r),
            terminal.age(r["since_date"], today),
            terminal.due(r["due_date"], today),
            r["owner"],
        )
        for r in rows
    ]
    header = ("id", "what", "subject", "kind", "value", "age", "due", "owner")
    show(rows, as_json, terminal.table(header, shown, right=("value", "age")),
           f"details: retail-sync exceptions show <id>{home_option(home)}" if rows else "no open exception")  # fmt: skip
    if rows:
        raise typer.Exit(NEEDS_A_PERSON)


@app.command("show")
def exceptions_show(
    exception_id: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one exception: what happened, what it is worth, what to do, the command that replays it, and the entries that wait."""
    from retail_sync.operations.waiting import read_waiting

    pipeline = open_pipeline(home)
    row = pipeline.exceptions.find(exception_id)
    if row is None:
        raise RetailSyncError(f"not exactly one exception begins with {exception_id!r}", "see exceptions list")
    values = dict(row._mapping) | _break_terms(dict(row._mapping), pipeline.break_kinds)
    waiting = [] if row.closed_at else read_waiting(pipeline.operations, str(row.exception_id))
    today = datetime.now(UTC).date()
    if home:
        values["replay"] += f" --home {home}"
    lines = [
        terminal.bold(f"{values['code']}  {values['subject']}  {_value(values)}"),
        values["message"],
        f"What to do: {values['remedy']}",
        f"Replay:     {values['replay']}",
        *(
            [
                f"Difference: {values['break_kind'].replace('_', ' ')}, {terminal.age(values['since_date'], today)} old, "
                f"due {terminal.due(values['due_date'], today)}"
            ]
            if values["break_kind"]
            else []
        ),
        f"Kind {values['kind']}, owner {values['owner']}, first seen {values['first_seen_at'][:19]}, "
        f"last seen {values['last_seen_at'][:19]}"
        + (f", closed {values['closed_at'][:19]}" if values["closed_at"] else "")
        + (f", resolved by {values['resolved_by']}: {values['resolution']}" if values["resolved_by"] else ""),
        *_waiting_table(waiting, home),
    ]
    show(values | ({"entries": waiting} if waiting else {}), as_json, *lines)


def _waiting_table(rows: Sequence[Mapping[str, Any]], home: Path | None) -> list[Any]:
    """The entries under an exception by account, and where the others are; nothing where it has none."""
    if not rows:
        return []
    shown = [
        (row["posting_date"], row["entry_key"], row["version"] or "not booked", row["account"] or "texts only",
         *(format_money(row[side], row["currency"]) if row["currency"] else "" for side in ("released_minor", "wanted_minor")))
        for row in rows[:_SHOWN_ENTRIES]
    ]  # fmt: skip
    header = ("date", "entry", "version", "account", "released", "today")
    table = terminal.table(header, shown, right=("released", "today"))
    if not rows[_SHOWN_ENTRIES:]:
        return [table]
    rest = times(len(rows) - _SHOWN_ENTRIES, "more row")
    return [table, f"and {rest}: {_QUERY_WAITING}{home_option(home)}"]


@app.command("resolve")
def exceptions_resolve(
    exception_id: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
    by: Annotated[str, typer.Option("--by", help="Who takes responsibility.")],
    reason: Annotated[str, typer.Option("--reason", help="Why nothing more is to be done, for the auditor.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close an exception that nothing will mend by itself. It opens again when what was found changes.

    It books nothing: what is held stays held, what is open in the ledger stays open.
    """
    queue = open_pipeline(home).exceptions
    row = queue.find(exception_id)
    if row is None:
        raise RetailSyncError(f"not exactly one exception begins with {exception_id!r}", "see exceptions list")
    queue.resolve(str(row.exception_id), by, reason)
    show({"exception_id": row.exception_id, "state": "resolved"}, as_json, f"{row.exception_id} is resolved by {by}")


def _break_terms(row: dict[str, Any], kinds: BreakKinds) -> dict[str, str]:
    """How the sides of a break differ, and its last day in time; empty for an exception that is no break."""
    kind = kinds.get(row["code"])
    if kind is None or not row["since_date"]:
        return {"break_kind": "", "due_date": ""}
    return {"break_kind": kind.kind, "due_date": kind.due(date.fromisoformat(row["since_date"])).isoformat()}


def _value(row: dict[str, Any]) -> str:
    return "" if row["amount_minor"] is None else format_money(row["amount_minor"], row["currency"])
