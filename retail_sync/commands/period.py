"""`retail-sync period`: months of the embedded ledger, closed and reopened."""

from __future__ import annotations

from typing import Annotated

import typer

from retail_sync.commands.console import HomeOption, JsonOption, open_pipeline, show

app = typer.Typer(no_args_is_help=True, help="Close and reopen months of the embedded ledger.")


@app.command("close")
def period_close(
    month: Annotated[str, typer.Argument(help="YYYY-MM")],
    by: Annotated[str, typer.Option("--by", help="Who closes it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the auditor.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a month: the ledger itself then refuses entries dated in it."""
    open_pipeline(home).embedded_ledger.close_period(month, by, reason)
    show({"month": month, "state": "closed"}, as_json, f"{month} is closed")


@app.command("reopen")
def period_reopen(
    month: Annotated[str, typer.Argument(help="YYYY-MM")],
    by: Annotated[str, typer.Option("--by", help="Who reopens it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the auditor.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reopen a closed month; held entries are posted by the next run."""
    open_pipeline(home).embedded_ledger.reopen_period(month, by, reason)
    show({"month": month, "state": "open"}, as_json, f"{month} is open again")
