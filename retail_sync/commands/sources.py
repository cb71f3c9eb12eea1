"""`retail-sync sources`: what is declared and delivered, and a block for a file that is not yet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retail_sync.commands.console import NEEDS_A_PERSON, HomeOption, JsonOption, home_option, open_pipeline, show
from retail_sync.reports import terminal
from retail_sync.settings import Home

if TYPE_CHECKING:  # imported inside the commands that need it: --help must answer at once
    from retail_sync.connectors.proposal import Proposal

app = typer.Typer(no_args_is_help=True, help="What is declared, and a block for a file that is not yet.")


@app.command("try")
def sources_try(
    file: Annotated[Path, typer.Argument(help="A sample file of the system: CSV, any delimiter.")],
    object_name: Annotated[str, typer.Option("--object", help="What its rows are, where the guess is wrong.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Propose a source block for a file, and show what it would load. Writes nothing.

    Exit code 1 when rows are rejected or the block cannot work yet.
    """
    from retail_sync.connectors.proposal import propose

    found = propose(file, object_name)
    trial = found.trial
    if as_json:
        show(found.as_dict(), True)
    else:
        sys.stdout.write(found.toml + "\n")  # as it is, so that it can be pasted
        show(None, False, *_trial_renderings(found))
    if trial.refused or trial.rejected_count:
        raise typer.Exit(NEEDS_A_PERSON)


def _trial_renderings(found: Proposal) -> list[Any]:
    trial = found.trial
    shown: list[Any] = []
    if trial.rows:
        header = ("column", *(f"row {number}" for number in range(1, len(trial.rows) + 1)))
        rows = [(name, *values) for name, values in zip(trial.header, zip(*trial.rows, strict=True), strict=True)]
        shown.append(terminal.table(header, rows, title=f"The first rows as canonical.{found.object}"))
    if trial.rejected:
        rows = [(r.count, r.column, r.reason, r.line_no, r.value) for r in trial.rejected]
        header = ("rows", "column", "reason", "first line", "what stands there")
        shown.append(terminal.table(header, rows, title="Rejected", right=("rows", "first line")))
    if found.untold:
        shown += ["What the file does not tell:", *(f"  - {sentence}" for sentence in found.untold)]
    if trial.refused:
        shown.append(f"Under this block the file is refused: {trial.refused}")
    else:
        shown.append(f"{trial.accepted_count} rows would load, {trial.rejected_count} would be rejected.")
    shown.append(
        "next: paste the block into retail_sync.toml, correct what is open, then retail-sync ingest --source NAME FILE"
    )
    return shown


@app.command("list")
def sources_list(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the declared sources, where each comes from, and what is wrong with a block. Exit code 1 when one cannot work.

    Files may be put into the inbox of a source that is fetched from elsewhere, too: --json has it.
    """
    from retail_sync.reports.sources import read_sources

    rows = read_sources(Home.locate(home).require())
    header = ("name", "connector", "object", "comes from", "problem")
    shown = [tuple(row[name.replace(" ", "_")] for name in header) for row in rows]
    show(rows, as_json, terminal.table(header, shown))
    if any(row["problem"] for row in rows):
        raise typer.Exit(NEEDS_A_PERSON)


@app.command("records")
def sources_records(
    delivery_id: Annotated[str, typer.Argument(help="A delivery_id, as every canonical row and rejected row has it.")],
    line: Annotated[int, typer.Option("--line", min=1, help="The line_no to begin with.")] = 1,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="How many.")] = 10,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was delivered, from the raw archive: a file's lines, or the records of a list that was pulled."""
    from retail_sync.reports.delivered import read_records

    delivery, records = read_records(open_pipeline(home), delivery_id, line, count)
    value = {"source": delivery.source, "object": delivery.object, "name": delivery.name,
             "records": [{"line_no": record.line_no, "text": record.text} for record in records]}  # fmt: skip
    if as_json:
        show(value, True)
        return
    sys.stdout.write(f"{delivery.source}/{delivery.name}\n")
    for record in records:  # as they came: a table would wrap them
        sys.stdout.write(f"{record.line_no}\t{record.text}\n")


@app.command("remove")
def sources_remove(
    name: Annotated[str, typer.Argument(help="A source that is not declared any more, e.g. because it was renamed.")],
    by: Annotated[str, typer.Option("--by", help="Who takes responsibility.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the auditor.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take all deliveries of a source out of account. Its files stay in the raw archive; the next run takes back what follows."""
    count = open_pipeline(home).remove_source(name, by, reason)
    show(
        {"source": name, "deliveries": count},
        as_json,
        f"{count} deliveries of {name} count no more",
        f"next: deliver them under the new name, if it has one, then retail-sync run hourly{home_option(home)}",
    )
