"""`retail-sync rules`: the governed files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from retail_sync.commands.console import NEEDS_A_PERSON, HomeOption, JsonOption, open_pipeline, show
from retail_sync.reports import terminal
from retail_sync.settings import Home

app = typer.Typer(no_args_is_help=True, help="The governed files: are they right, and what would a change do.")


@app.command("check")
def rules_check(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Look whether the governed files are complete, free of overlap, and name accounts that take postings."""
    from retail_sync.reports.rule_review import check_rules

    found = check_rules(Home.locate(home))
    lines = list(found.complaints) or ["the rules are complete, do not overlap and name accounts that are there"]
    if found.unused:
        lines.append(f"{len(found.unused)} posting rules were used by no entry of this home yet (--json names them)")
    show(asdict(found), as_json, *lines)
    if found.complaints:
        raise typer.Exit(NEEDS_A_PERSON)


@app.command("diff")
def rules_diff(
    folder: Annotated[
        Path, typer.Argument(help="Folder with the proposed files, those that change: posting_rules.csv, ...")
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what proposed rules would change in the past: by account and amount, tried on a copy. Nothing is changed.

    What was booked already is not corrected by a rule alone: it waits until it is approved (retail-sync approve).
    """
    from retail_sync.reports.rule_review import diff_rules

    found = diff_rules(open_pipeline(home), folder)
    table = terminal.table(
        ("account", "name", "today", "proposed", "change"), found.rows, right=("today", "proposed", "change")
    )
    show(asdict(found), as_json, *(["nothing would be booked otherwise"] if found.is_empty else [table, found.told]))
