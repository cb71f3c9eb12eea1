"""`retail-sync matches`: what is not matched, and what a person says of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from retail_sync.commands.console import HomeOption, JsonOption, open_pipeline, show
from retail_sync.reports import terminal

app = typer.Typer(no_args_is_help=True, help="What is not matched, and a person's word on what belongs together.")


@app.command("list")
def matches_list(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the items that are not matched: payouts and bank lines, debts, reserves. The oldest first."""
    from retail_sync.reports.match_items import read_unmatched

    items = read_unmatched(open_pipeline(home))
    rows = [asdict(item) for item in items]
    header = ("reconciliation", "side", "item", "belongs to", "amount", "date", "status")
    show(rows, as_json, terminal.table(header, [item.shown for item in items], right=("amount",)),
           "next: retail-sync matches confirm LEFT RIGHT --by WHO --reason WHY" if rows else "everything is matched")  # fmt: skip


ReconciliationOption = Annotated[str, typer.Option("--in", help="Which reconciliation, as matches list names it.")]
LeftArgument = Annotated[str, typer.Argument(help="The left item, e.g. a settlement.")]
RightArgument = Annotated[str, typer.Argument(help="The right item, e.g. a bank line.")]
ByOption = Annotated[str, typer.Option("--by", help="Who decides.")]
WhyOption = Annotated[str, typer.Option("--reason", help="On what evidence, for the auditor.")]


@app.command("confirm")
def matches_confirm(
    left: LeftArgument,
    right: RightArgument,
    by: ByOption,
    reason: WhyOption,
    reconciliation: ReconciliationOption = "settlement_deposit",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that two items belong together, where no rule can tell. The next run books it; `refuse` takes it back."""
    _decide(home, (reconciliation, left, right), by, reason, as_json, is_match=True)


@app.command("refuse")
def matches_refuse(
    left: LeftArgument,
    right: RightArgument,
    by: ByOption,
    reason: WhyOption,
    reconciliation: ReconciliationOption = "settlement_deposit",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that two items do not belong together: no rule may match them. A later `confirm` takes it back."""
    _decide(home, (reconciliation, left, right), by, reason, as_json, is_match=False)


def _decide(
    home: Path | None, items: tuple[str, str, str], by: str, reason: str, as_json: bool, *, is_match: bool
) -> None:
    from retail_sync.reports.match_items import decide

    number, left, right = decide(open_pipeline(home), *items, is_match=is_match, by=by, reason=reason)
    value = {"decision": number, "reconciliation": items[0], "left": left, "right": right, "is_match": is_match}
    word = "belong together" if is_match else "do not belong together"
    show(value, as_json, f"decision {number} by {by}: {left} and {right} {word}", "next: retail-sync run hourly")
