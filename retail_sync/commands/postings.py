"""`retail-sync postings`: entries on their way to the ledger."""

from __future__ import annotations

from typing import Annotated

import typer

from retail_sync.commands.console import HomeOption, JsonOption, home_option, open_pipeline, show
from retail_sync.core.money import format_money
from retail_sync.reports import terminal

app = typer.Typer(no_args_is_help=True, help="Entries on their way to the ledger, and exactly what is sent for each.")


@app.command("list")
def postings_list(
    state: Annotated[
        str, typer.Option("--state", help="pending, held, verified, ...; default: all that need something.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest.")] = 50,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List entries by state, with what each sums to. `run nightly --until release` stops before anything is sent."""
    from retail_sync.reports.postings import read_postings

    found = read_postings(open_pipeline(home), state, limit)
    if as_json or not found.rows:
        show(found.rows, as_json, f"no entry is {state}" if state else "nothing is on its way")
        return
    header = ("released", "entry", "dated", "debits", "state", "attempts", "ledger's id", "why")
    shown = [
        (r["released_at"][:19], r["ledger_key"], r["posting_date"], format_money(r["debit_minor"], r["currency"]), r["state"],
         str(r["attempts"]), r["remote_id"] or "", r["reason"])
        for r in found.rows
    ]  # fmt: skip
    table = terminal.table(header, shown, right=("debits", "attempts"))
    show(None, False, table, found.told, f"one entry, line by line: retail-sync postings show ENTRY{home_option(home)}")


@app.command("show")
def postings_show(
    key: Annotated[str, typer.Argument(metavar="ENTRY", help="Its key, with #version, or without for the newest.")],
    payload: Annotated[
        bool, typer.Option("--payload", help="Also exactly what is or would be sent; --json always has it.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one entry, its lines with their totals, and what the ledger holds. Nothing is sent (a dry run)."""
    from retail_sync.reports.postings import legs_of, read_posting

    found = read_posting(open_pipeline(home), key)
    body = found["entry"]
    header = ("account", "text", "debit", "credit", "in its currency")
    held = (
        "the ledger does not hold it"
        if found["in_ledger"] is None
        else f"in the ledger as {found['remote_id'] or 'one of its own'}"
    )
    show(
        found,
        as_json,
        terminal.bold(f"{found['ledger_key']}  {body['posting_date']}  {body['memo']}"),
        terminal.table(header, legs_of(body), right=("debit", "credit", "in its currency")),
        f"{found['state']}{': ' + found['why'] if found['why'] else ''}; {held}; {found['reason']}; token {found['token']}",
        *(
            ("What is sent:", terminal.as_json(found["sent"]))
            if payload
            else (
                f"exactly what is sent: retail-sync postings show '{found['ledger_key']}' --payload{home_option(home)}",
            )
        ),
    )
