"""The command line. Exit codes: 0 fine, 1 it ran and something needs a person, 2 it could not run.

The plain commands; those under a noun (`retail-sync exceptions show`) are in `retail_sync/commands/`, a file a noun.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retail_sync.commands import exceptions, matches, period, postings, rules, sources
from retail_sync.commands.console import (
    NEEDS_A_PERSON,
    HomeOption,
    JsonOption,
    home_option,
    open_pipeline,
    show,
    table_of,
    tell,
    times,
)
from retail_sync.core.errors import RetailSyncError, SettingsError
from retail_sync.reports import terminal, words
from retail_sync.settings import DEFAULT_HOME, PROJECT_ROOT, Home

if TYPE_CHECKING:  # imported inside the commands that need it: --help must answer at once
    from retail_sync.pipeline import Pipeline

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Make marketplaces, stores, ERP stock and books agree: systems and files in, verified ledger entries out.",
    epilog="Try `retail-sync demo` first. A home directory holds everything: settings, inbox, state (--home).",
)
# In the order in which --help lists them.
app.add_typer(exceptions.app, name="exceptions")
app.add_typer(matches.app, name="matches")
app.add_typer(rules.app, name="rules")
app.add_typer(postings.app, name="postings")
app.add_typer(period.app, name="period")
app.add_typer(sources.app, name="sources")

FORMATS = ("table", "csv", "json")
# A table is read by eye. What is exported must be whole: half a ledger looks like a ledger.
TABLE_ROWS = 1000


def main() -> None:
    """Run the command line; expected failures are told in words and end with their exit code."""
    try:
        app()
    except RetailSyncError as error:
        if "--json" in sys.argv:
            sys.stdout.write(terminal.as_json({"error": error.message, "remedy": error.remedy}) + "\n")
        sys.stderr.write(f"retail-sync: {error.message}\n")
        if error.remedy:
            sys.stderr.write(f"  → {error.remedy}\n")
        raise SystemExit(error.exit_code) from None


@app.command()
def demo(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Run the sample company down the whole line and print every problem it finds.

    Makes a fresh home (default: data/demo). Exit code 0 when exactly the planted problems were found.
    """
    from retail_sync.demo import run_demo

    result = run_demo(home)
    show(result.as_dict(), as_json, *result.renderings())
    if not result.is_as_planted:
        raise typer.Exit(NEEDS_A_PERSON)


@app.command()
def simulate(
    lines: Annotated[int, typer.Option("--lines", help="Lines in all files, about: 10000 to many millions.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed writes the same bytes.")] = 1,
    out: Annotated[Path, typer.Option("--out", help="A new or empty folder, which becomes the home.")] = DEFAULT_HOME
    / "simulated",
    as_json: JsonOption = False,
) -> None:
    """Write a made-up company of any size as a home: a marketplace, two stores, a card processor, an ERP, a bank.

    It is sound: `retail-sync run nightly --home OUT` has nothing to report. For trying out volumes and settings; the company
    with planted problems is `retail-sync demo`. Needs a checkout: the generator lives beside the tests.
    """
    if not (PROJECT_ROOT / "retail_sync_tests" / "simulate.py").is_file():
        raise RetailSyncError(
            "the simulator is not here: it lives beside the tests, and this is an installed package without them",
            "run it from a checkout of the project",
        )
    command = [sys.executable, "-m", "retail_sync_tests.simulate", "--lines", str(lines), "--seed", str(seed)]
    command += ["--out", str(out.resolve()), *(["--json"] if as_json else [])]
    raise typer.Exit(subprocess.run(command, cwd=PROJECT_ROOT, check=False).returncode)  # noqa: S603 - our own program


@app.command()
def ingest(
    files: Annotated[list[str], typer.Argument(help="Files to take in; they are copied, never moved.")],
    source: Annotated[str, typer.Option("--source", help="Name of a source block in retail_sync.toml.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take files in, as dropping them into <home>/inbox/<source>/ would. `run` then loads them."""
    pipeline = open_pipeline(home)
    rows = []
    for item in pipeline.ingest(files, source):
        state = "new" if item.is_new else "seen before, skipped"
        rows.append({"file": item.path.name, "delivery": item.delivery_id, "state": state, "warning": item.warning,
                     "remedy": item.remedy, "notice": item.notice})  # fmt: skip
    show(
        rows,
        as_json,
        terminal.table(("file", "delivery", "state"), [(r["file"], r["delivery"], r["state"]) for r in rows]),
        *(f"{r['file']} will not load: {r['warning']}\n  → {r['remedy']}" for r in rows if r["warning"]),
        *(f"{r['file']}: {r['notice']}\n  → {r['remedy']}" for r in rows if r["notice"]),
        f"next: {'correct that' if rows and all(r['warning'] for r in rows) else 'retail-sync run hourly' + home_option(home)}",
    )
    if any(row["warning"] or row["notice"] for row in rows):
        raise typer.Exit(NEEDS_A_PERSON)


@app.command()
def run(
    job: Annotated[str, typer.Argument(help="hourly, nightly or month-end")],
    day: Annotated[str, typer.Option("--date", help="Day to close (nightly), YYYY-MM-DD.")] = "",
    month: Annotated[
        str, typer.Option("--month", help="Month to ask systems for and to read again (month-end), YYYY-MM.")
    ] = "",
    start: Annotated[str, typer.Option("--from", help="First day of a range (month-end).")] = "",
    end: Annotated[str, typer.Option("--to", help="Last day of that range, included.")] = "",
    until: Annotated[
        str,
        typer.Option(
            "--until", help="Stop after a stage: raw, canonical, reconcile, journal, release (nothing is sent), ledger."
        ),
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a job through Dagster, here and now: systems, folders and inbox, then canonical, reconcile, journal, ledger.

    Runs may be repeated at any time and in any order. Exit code 1 when open exceptions need a person.
    """
    from retail_sync.defs.launch import STAGES, prepare_instance, run_job
    from retail_sync.defs.selection import job_and_tags

    if until and until not in STAGES:
        raise SettingsError(f"{until!r} is no stage", f"use one of: {', '.join(STAGES)}")
    name, tags = job_and_tags(job, day, month, start, end)
    place = Home.locate(home).require()
    outcome = run_job(prepare_instance(place), name, tags, until)
    if not outcome.is_success:
        raise RetailSyncError(
            f"{name} failed in {outcome.failed_step.replace('_', ' ') or 'its start'}: {outcome.message}",
            outcome.remedy or "see the run in `retail-sync ui`; running again resumes where it stopped",
        )
    pipeline = open_pipeline(home)
    queue = pipeline.exceptions.open()
    errors = [row for row in queue if row.severity == "error"]
    show(
        {"job": name, "run_id": outcome.run_id, "open_exceptions": len(queue)},
        as_json,
        f"{name} done. {times(len(queue), 'open exception')}"
        + (f": retail-sync exceptions list{home_option(home)}" if queue else "."),
        *([_not_published(pipeline, home)] if until not in ("", "published") else []),
    )
    if errors:
        raise typer.Exit(NEEDS_A_PERSON)


def _not_published(pipeline: Pipeline, home: Path | None) -> str:
    """What people see after a run that was told to stop early."""
    if pipeline.warehouse.published_file.exists():
        shown = "still shows what an earlier run published"
    elif pipeline.warehouse.file.exists():
        shown = "shows what is loaded so far; no run has published yet"
    else:
        shown = "has nothing to show: nothing is loaded yet"
    return f"Stopped before publishing: retail-sync query{home_option(home)} {shown}. A run without --until publishes."


@app.command()
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show freshness, last runs, each reconciliation (matched, open, overdue), verdicts, open exceptions, postings, key figures."""
    from retail_sync.defs.launch import last_runs
    from retail_sync.reports.status import read_status

    pipeline = open_pipeline(home)
    today = datetime.now(UTC).date()
    try:
        with pipeline.warehouse.reading() as connection:
            found = read_status(connection, pipeline.operations, pipeline.break_kinds, today)
    except RetailSyncError:  # nothing was published yet
        found = read_status(None, pipeline.operations, pipeline.break_kinds, today)
    runs = last_runs(pipeline.home)
    value = found.as_dict() | {"last_runs": runs}
    grids = [
        terminal.table(("what", "value"), [*found.reached, *found.key_figures.items()], title="Freshness"),
        terminal.table(("started", "job", "ended as"), [tuple(r.values()) for r in runs], title="Last runs"),
        *table_of(
            [
                row
                | {"reconciliation": row["reconciliation"].replace("_", " "), "oldest": terminal.days(row["oldest"])}
                for row in found.reconciliations
            ],
            "Reconciliations",
            ("compared", "matched", "open", "value", "oldest", "overdue"),
        ),
        terminal.table(
            ("verdict", "currency", "settlements", "stated total"),
            [tuple(v.values()) for v in found.verdicts],
            title="Settlements",
            right=("settlements", "stated total"),
            words=words.SETTLEMENTS,
        ),
        *table_of(found.stores, "Stores", ("rows", "difference"), words.STORES),
        *table_of(found.stock, "Stock variances", ("rows", "units", "value")),
        *table_of(found.returns, "Returns", ("orders", "given back", "due", "booked"), words.RETURNS),
        terminal.table(
            ("exception", "open", "value", "oldest"),
            [
                (g["code"].replace("_", " "), g["count"], g["value"], terminal.age(g["since"], today))
                for g in found.exceptions
            ],
            title="Open exceptions",
            right=("open", "value", "oldest"),
        ),
        terminal.table(("posting state", "entries"), list(found.postings.items()), title="Postings"),
        *table_of(found.held, "Held, in no ledger yet", ("count", "value")),
    ]
    show(value, as_json, *grids)
    if found.exceptions:
        raise typer.Exit(NEEDS_A_PERSON)


@app.command("approve")
def approve_command(
    exception_id: Annotated[
        str, typer.Argument(help="The exception under which entries wait, or the beginning of its id.")
    ],
    by: Annotated[str, typer.Option("--by", help="Who approves: not who prepared the rule, or released the entry.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the auditor.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve an entry over the limit (entry_held), or that a changed rule corrects the past (rule_change_waits).

    What is approved is what waits now, to the cent: an entry that is something else by the next run waits again.
    """
    from retail_sync.reports.approving import approve

    count = approve(open_pipeline(home), exception_id, by=by, reason=reason)
    told = f"{'one entry' if count == 1 else f'{count} entries'} approved by {by}"
    value = {"exception_id": exception_id, "approved": count, "by": by}
    show(value, as_json, told, f"next: retail-sync run hourly{home_option(home)}")


@app.command()
def query(
    statement: Annotated[str, typer.Argument(metavar="SELECT", help="One SQL query. Nothing can be changed.")],
    on: Annotated[str, typer.Option("--on", help="warehouse, operations or ledger")] = "warehouse",
    form: Annotated[str, typer.Option("--format", help="table, csv or json")] = "table",
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=0, help="Rows at the most.", show_default=f"{TABLE_ROWS} in a table, else all"),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the warehouse, the operations database or the ledger a read-only question.

    The warehouse has the schemas raw, canonical, reconcile and journal: `retail-sync query "show all tables"` lists the tables,
    `retail-sync contracts` says what is in them.
    """
    from retail_sync.reports.query import run_query

    if form not in FORMATS:
        raise SettingsError(f"there is no format {form!r}", f"use --format {', '.join(FORMATS)}")
    form = "json" if as_json else form
    if limit is None and form == "table":
        limit = TABLE_ROWS
    answer = run_query(open_pipeline(home), statement, on, limit)
    if form == "json":
        sys.stdout.write(terminal.as_json([dict(zip(answer.header, row, strict=True)) for row in answer.rows]) + "\n")
    elif form == "csv":
        sys.stdout.write(terminal.as_csv(answer.header, answer.rows))
    else:
        show(None, False, terminal.table(answer.header, answer.rows))
    if answer.is_cut:
        tell(
            f"only the first {limit} rows are here and there are more: raise --limit, or leave it out with csv and json"
        )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"{text!r} is not a day", "write days as 2026-10-31") from error


@app.command()
def trace(
    order_id: Annotated[str, typer.Argument(metavar="ORDER_ID", help="Number of an order or a store receipt.")],
    channel: Annotated[
        str, typer.Option("--channel", help="Channel, store or store and till, where several have it.")
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell the story of one order or receipt: ordered, paid, shipped, settled, booked, in the ledger, and where each stands.

    Exit code 1 when a step is missing, its entry is held, or an open exception names it.
    """
    from retail_sync.reports.trace import read_trace

    found = read_trace(open_pipeline(home), order_id, channel)
    show(found.as_dict(), as_json, *found.renderings())
    if found.needs_a_person:
        raise typer.Exit(NEEDS_A_PERSON)


@app.command("trial-balance")
def trial_balance(
    as_of: Annotated[str, typer.Option("--as-of", help="Last posting date to include, YYYY-MM-DD.")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every account's balance in the ledger; each currency must sum to zero."""
    from retail_sync.reports.books import read_trial_balance

    books = read_trial_balance(open_pipeline(home), _day(as_of) if as_of else None)
    header = ("account", "name", "currency", "debit", "credit")
    show(books.as_dict(), as_json, terminal.table(header, books.rows, right=("debit", "credit")), *books.sentences)
    if not books.is_balanced:
        raise typer.Exit(NEEDS_A_PERSON)


@app.command()
def verify(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Check the ledger's chain, read every entry back, and explain the clearing accounts item by item."""
    from retail_sync.reports.books import read_verification

    result = read_verification(open_pipeline(home))
    header = ("account", "item", "open", "since", "age")
    show(
        result.as_dict(),
        as_json,
        terminal.table(header, result.rows, title="Open items of the clearing accounts", right=("open", "age")),
        *result.sentences,
    )
    if result.findings:
        raise typer.Exit(NEEDS_A_PERSON)


@app.command()
def digest(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Print order-independent hashes of canonical, reconcile, journal and net ledger content.

    Equal digests mean equal content, whatever runs in whatever order produced it.
    """
    from retail_sync.reports.digests import read_digests

    parts = read_digests(open_pipeline(home))
    show(parts, as_json, terminal.table(("part", "rows:hash"), list(parts.items())))


@app.command()
def contracts(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the data dictionary as Markdown.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the data dictionary: every table, column, type, meaning and rule of the warehouse."""
    from retail_sync.reports.dictionary import as_markdown, dictionary, renderings

    if markdown:
        sys.stdout.write(as_markdown())
        return
    show(dictionary(), as_json, *renderings())


@app.command()
def doctor(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Check settings, rules, databases, disk and clock of a home; ask each system and folder whether it answers.

    Exit code 1 when something is wrong.
    """
    from retail_sync.reports.doctor import examine

    results = examine(Home.locate(home).require())
    rows = [("ok" if r.is_fine else "WRONG", r.what, r.found, r.remedy) for r in results]
    value = [{"what": r.what, "ok": r.is_fine, "found": r.found, "remedy": r.remedy} for r in results]
    show(value, as_json, terminal.table(("", "what", "found", "what to do"), rows))
    if not all(r.is_fine for r in results):
        raise typer.Exit(NEEDS_A_PERSON)


@app.command()
def ui(port: Annotated[int, typer.Option("--port", help="Port on 127.0.0.1.")] = 3000, home: HomeOption = None) -> None:
    """Open the Dagster UI on this home, with its daemon for schedules and sensors (they start switched off)."""
    from retail_sync.defs.launch import prepare_instance

    place = Home.locate(home).require()
    prepare_instance(place)
    program = str(Path(sys.executable).with_name("dagster"))
    sys.stderr.write(f"Dagster UI for {place.root}: http://127.0.0.1:{port} (Ctrl-C ends it)\n")
    sys.stderr.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell that starts this in the background has it ignored
    os.execv(program, [program, "dev", "-m", "retail_sync.definitions", "-h", "127.0.0.1", "-p", str(port)])  # noqa: S606


@app.command("export")
def export_command(
    kind: Annotated[
        str, typer.Argument(metavar="journal|general-ledger", help="Entries in order, or legs by account.")
    ],
    target: Annotated[Path, typer.Option("-o", "--output", help="The CSV file to write.")],
    first: Annotated[str, typer.Option("--from", help="First posting date, YYYY-MM-DD.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last posting date, YYYY-MM-DD.")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write our entries, as the ledger holds them, to a CSV file for the auditor."""
    from retail_sync.reports.ledger_export import KINDS, export

    if kind not in KINDS:
        raise SettingsError(f"{kind!r} is no export", f"say one of {', '.join(KINDS)}")
    count = export(
        open_pipeline(home), KINDS[kind], _day(first) if first else None, _day(last) if last else None, target
    )
    show({"file": str(target), "lines": count}, as_json, f"{count:,} lines in {target}")


if __name__ == "__main__":
    main()
