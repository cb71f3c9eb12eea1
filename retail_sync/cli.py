"""The command line. Exit codes: 0 fine, 1 it ran and something needs a person, 2 it could not run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retail_sync.core.errors import RetailSyncError, SettingsError
from retail_sync.core.money import format_money
from retail_sync.reports import terminal, words
from retail_sync.settings import DEFAULT_HOME, PROJECT_ROOT, Home

if TYPE_CHECKING:  # imported inside the commands that need it: --help must answer at once
    from collections.abc import Mapping, Sequence

    from retail_sync.connectors.proposal import Proposal
    from retail_sync.pipeline import Pipeline
    from retail_sync.reconcile.break_kinds import BreakKinds

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Make marketplaces, stores, ERP stock and books agree: systems and files in, verified ledger entries out.",
    epilog="Try `retail-sync demo` first. A home directory holds everything: settings, inbox, state (--home).",
)
exceptions_app = typer.Typer(no_args_is_help=True, help="Open problems: what happened, what it is worth, what to do.")
period_app = typer.Typer(no_args_is_help=True, help="Close and reopen months of the embedded ledger.")
app.add_typer(exceptions_app, name="exceptions")
matches_app = typer.Typer(
    no_args_is_help=True, help="What is not matched, and a person's word on what belongs together."
)
app.add_typer(matches_app, name="matches")
rules_app = typer.Typer(no_args_is_help=True, help="The governed files: are they right, and what would a change do.")
app.add_typer(rules_app, name="rules")
postings_app = typer.Typer(
    no_args_is_help=True, help="Entries on their way to the ledger, and exactly what is sent for each."
)
app.add_typer(postings_app, name="postings")
sources_app = typer.Typer(no_args_is_help=True, help="What is declared, and a block for a file that is not yet.")
app.add_typer(period_app, name="period")
app.add_typer(sources_app, name="sources")

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Home directory (default: $RETAIL_SYNC_HOME, else data/).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

NEEDS_A_PERSON = 1
FORMATS = ("table", "csv", "json")
# A table is read by eye. What is exported must be whole: half a ledger looks like a ledger.
TABLE_ROWS = 1000
_SHOWN_ENTRIES = 20
_QUERY_WAITING = 'retail-sync query --on operations --format csv "select * from waiting_entries"'


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


def _pipeline(home: Path | None) -> Pipeline:
    from retail_sync.pipeline import Pipeline

    return Pipeline(Home.locate(home).require(), uuid.uuid4().hex, _tell)


def _tell(text: str) -> None:
    sys.stderr.write(f"  {text}\n")


def _print(value: Any, as_json: bool, *renderings: Any) -> None:  # noqa: ANN401 - anything that JSON or rich takes
    if as_json:
        sys.stdout.write(terminal.as_json(value) + "\n")
        return
    console = terminal.console()
    for rendering in renderings:
        console.print(rendering)


def _times(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _home_option(home: Path | None) -> str:
    """What a printed command needs to work on the same home."""
    return f" --home {home}" if home else ""


@app.command()
def demo(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Run the sample company down the whole line and print every problem it finds.

    Makes a fresh home (default: data/demo). Exit code 0 when exactly the planted problems were found.
    """
    from retail_sync.demo import run_demo

    result = run_demo(home)
    _print(result.as_dict(), as_json, *result.renderings())
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
    pipeline = _pipeline(home)
    rows = []
    for item in pipeline.ingest(files, source):
        state = "new" if item.is_new else "seen before, skipped"
        rows.append({"file": item.path.name, "delivery": item.delivery_id, "state": state, "warning": item.warning,
                     "remedy": item.remedy, "notice": item.notice})  # fmt: skip
    _print(
        rows,
        as_json,
        terminal.table(("file", "delivery", "state"), [(r["file"], r["delivery"], r["state"]) for r in rows]),
        *(f"{r['file']} will not load: {r['warning']}\n  → {r['remedy']}" for r in rows if r["warning"]),
        *(f"{r['file']}: {r['notice']}\n  → {r['remedy']}" for r in rows if r["notice"]),
        f"next: {'correct that' if rows and all(r['warning'] for r in rows) else 'retail-sync run hourly' + _home_option(home)}",
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
    pipeline = _pipeline(home)
    queue = pipeline.exceptions.open()
    errors = [row for row in queue if row.severity == "error"]
    _print(
        {"job": name, "run_id": outcome.run_id, "open_exceptions": len(queue)},
        as_json,
        f"{name} done. {_times(len(queue), 'open exception')}"
        + (f": retail-sync exceptions list{_home_option(home)}" if queue else "."),
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
    return f"Stopped before publishing: retail-sync query{_home_option(home)} {shown}. A run without --until publishes."


@app.command()
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show freshness, last runs, each reconciliation (matched, open, overdue), verdicts, open exceptions, postings, key figures."""
    from retail_sync.defs.launch import last_runs
    from retail_sync.reports.status import read_status

    pipeline = _pipeline(home)
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
        *_table_of(
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
        *_table_of(found.stores, "Stores", ("rows", "difference"), words.STORES),
        *_table_of(found.stock, "Stock variances", ("rows", "units", "value")),
        *_table_of(found.returns, "Returns", ("orders", "given back", "due", "booked"), words.RETURNS),
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
        *_table_of(found.held, "Held, in no ledger yet", ("count", "value")),
    ]
    _print(value, as_json, *grids)
    if found.exceptions:
        raise typer.Exit(NEEDS_A_PERSON)


def _table_of(
    rows: list[dict[str, Any]], title: str, right: tuple[str, ...], said: words.Words = words.NO_WORDS
) -> list[Any]:
    """Render rows under a title; nothing where there are none."""
    return (
        [terminal.table(tuple(rows[0]), [tuple(row.values()) for row in rows], title=title, right=right, words=said)]
        if rows
        else []
    )


@exceptions_app.command("list")
def exceptions_list(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List open exceptions, the largest value first. Exit code 1 when there are any."""
    pipeline = _pipeline(home)
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
    _print(rows, as_json, terminal.table(header, shown, right=("value", "age")),
           f"details: retail-sync exceptions show <id>{_home_option(home)}" if rows else "no open exception")  # fmt: skip
    if rows:
        raise typer.Exit(NEEDS_A_PERSON)


@exceptions_app.command("show")
def exceptions_show(
    exception_id: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one exception: what happened, what it is worth, what to do, the command that replays it, and the entries that wait."""
    from retail_sync.operations.waiting import read_waiting

    pipeline = _pipeline(home)
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
    _print(values | ({"entries": waiting} if waiting else {}), as_json, *lines)


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
    rest = _times(len(rows) - _SHOWN_ENTRIES, "more row")
    return [table, f"and {rest}: {_QUERY_WAITING}{_home_option(home)}"]


@exceptions_app.command("resolve")
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
    queue = _pipeline(home).exceptions
    row = queue.find(exception_id)
    if row is None:
        raise RetailSyncError(f"not exactly one exception begins with {exception_id!r}", "see exceptions list")
    queue.resolve(str(row.exception_id), by, reason)
    _print({"exception_id": row.exception_id, "state": "resolved"}, as_json, f"{row.exception_id} is resolved by {by}")


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

    count = approve(_pipeline(home), exception_id, by=by, reason=reason)
    told = f"{'one entry' if count == 1 else f'{count} entries'} approved by {by}"
    value = {"exception_id": exception_id, "approved": count, "by": by}
    _print(value, as_json, told, f"next: retail-sync run hourly{_home_option(home)}")


@matches_app.command("list")
def matches_list(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the items that are not matched: payouts and bank lines, debts, reserves. The oldest first."""
    from retail_sync.reports.match_items import read_unmatched

    items = read_unmatched(_pipeline(home))
    rows = [asdict(item) for item in items]
    header = ("reconciliation", "side", "item", "belongs to", "amount", "date", "status")
    _print(rows, as_json, terminal.table(header, [item.shown for item in items], right=("amount",)),
           "next: retail-sync matches confirm LEFT RIGHT --by WHO --reason WHY" if rows else "everything is matched")  # fmt: skip


ReconciliationOption = Annotated[str, typer.Option("--in", help="Which reconciliation, as matches list names it.")]
LeftArgument = Annotated[str, typer.Argument(help="The left item, e.g. a settlement.")]
RightArgument = Annotated[str, typer.Argument(help="The right item, e.g. a bank line.")]
ByOption = Annotated[str, typer.Option("--by", help="Who decides.")]
WhyOption = Annotated[str, typer.Option("--reason", help="On what evidence, for the auditor.")]


@matches_app.command("confirm")
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


@matches_app.command("refuse")
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

    number, left, right = decide(_pipeline(home), *items, is_match=is_match, by=by, reason=reason)
    value = {"decision": number, "reconciliation": items[0], "left": left, "right": right, "is_match": is_match}
    word = "belong together" if is_match else "do not belong together"
    _print(value, as_json, f"decision {number} by {by}: {left} and {right} {word}", "next: retail-sync run hourly")


def _break_terms(row: dict[str, Any], kinds: BreakKinds) -> dict[str, str]:
    """How the sides of a break differ, and its last day in time; empty for an exception that is no break."""
    kind = kinds.get(row["code"])
    if kind is None or not row["since_date"]:
        return {"break_kind": "", "due_date": ""}
    return {"break_kind": kind.kind, "due_date": kind.due(date.fromisoformat(row["since_date"])).isoformat()}


def _value(row: dict[str, Any]) -> str:
    from retail_sync.core.money import format_money

    return "" if row["amount_minor"] is None else format_money(row["amount_minor"], row["currency"])


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
    answer = run_query(_pipeline(home), statement, on, limit)
    if form == "json":
        sys.stdout.write(terminal.as_json([dict(zip(answer.header, row, strict=True)) for row in answer.rows]) + "\n")
    elif form == "csv":
        sys.stdout.write(terminal.as_csv(answer.header, answer.rows))
    else:
        _print(None, False, terminal.table(answer.header, answer.rows))
    if answer.is_cut:
        _tell(
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

    found = read_trace(_pipeline(home), order_id, channel)
    _print(found.as_dict(), as_json, *found.renderings())
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

    books = read_trial_balance(_pipeline(home), _day(as_of) if as_of else None)
    header = ("account", "name", "currency", "debit", "credit")
    _print(books.as_dict(), as_json, terminal.table(header, books.rows, right=("debit", "credit")), *books.sentences)
    if not books.is_balanced:
        raise typer.Exit(NEEDS_A_PERSON)


@app.command()
def verify(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Check the ledger's chain, read every entry back, and explain the clearing accounts item by item."""
    from retail_sync.reports.books import read_verification

    result = read_verification(_pipeline(home))
    header = ("account", "item", "open", "since", "age")
    _print(
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

    parts = read_digests(_pipeline(home))
    _print(parts, as_json, terminal.table(("part", "rows:hash"), list(parts.items())))


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
    _print(dictionary(), as_json, *renderings())


@app.command()
def doctor(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Check settings, rules, databases, disk and clock of a home; ask each system and folder whether it answers.

    Exit code 1 when something is wrong.
    """
    from retail_sync.reports.doctor import examine

    results = examine(Home.locate(home).require())
    rows = [("ok" if r.is_fine else "WRONG", r.what, r.found, r.remedy) for r in results]
    value = [{"what": r.what, "ok": r.is_fine, "found": r.found, "remedy": r.remedy} for r in results]
    _print(value, as_json, terminal.table(("", "what", "found", "what to do"), rows))
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


@sources_app.command("try")
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
        _print(found.as_dict(), True)
    else:
        sys.stdout.write(found.toml + "\n")  # as it is, so that it can be pasted
        _print(None, False, *_trial_renderings(found))
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


@sources_app.command("list")
def sources_list(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the declared sources, where each comes from, and what is wrong with a block. Exit code 1 when one cannot work.

    Files may be put into the inbox of a source that is fetched from elsewhere, too: --json has it.
    """
    from retail_sync.reports.sources import read_sources

    rows = read_sources(Home.locate(home).require())
    header = ("name", "connector", "object", "comes from", "problem")
    shown = [tuple(row[name.replace(" ", "_")] for name in header) for row in rows]
    _print(rows, as_json, terminal.table(header, shown))
    if any(row["problem"] for row in rows):
        raise typer.Exit(NEEDS_A_PERSON)


@sources_app.command("records")
def sources_records(
    delivery_id: Annotated[str, typer.Argument(help="A delivery_id, as every canonical row and rejected row has it.")],
    line: Annotated[int, typer.Option("--line", min=1, help="The line_no to begin with.")] = 1,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="How many.")] = 10,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was delivered, from the raw archive: a file's lines, or the records of a list that was pulled."""
    from retail_sync.reports.delivered import read_records

    delivery, records = read_records(_pipeline(home), delivery_id, line, count)
    value = {"source": delivery.source, "object": delivery.object, "name": delivery.name,
             "records": [{"line_no": record.line_no, "text": record.text} for record in records]}  # fmt: skip
    if as_json:
        _print(value, True)
        return
    sys.stdout.write(f"{delivery.source}/{delivery.name}\n")
    for record in records:  # as they came: a table would wrap them
        sys.stdout.write(f"{record.line_no}\t{record.text}\n")


@sources_app.command("remove")
def sources_remove(
    name: Annotated[str, typer.Argument(help="A source that is not declared any more, e.g. because it was renamed.")],
    by: Annotated[str, typer.Option("--by", help="Who takes responsibility.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the auditor.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take all deliveries of a source out of account. Its files stay in the raw archive; the next run takes back what follows."""
    count = _pipeline(home).remove_source(name, by, reason)
    _print(
        {"source": name, "deliveries": count},
        as_json,
        f"{count} deliveries of {name} count no more",
        f"next: deliver them under the new name, if it has one, then retail-sync run hourly{_home_option(home)}",
    )


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
    count = export(_pipeline(home), KINDS[kind], _day(first) if first else None, _day(last) if last else None, target)
    _print({"file": str(target), "lines": count}, as_json, f"{count:,} lines in {target}")


@postings_app.command("list")
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

    found = read_postings(_pipeline(home), state, limit)
    if as_json or not found.rows:
        _print(found.rows, as_json, f"no entry is {state}" if state else "nothing is on its way")
        return
    header = ("released", "entry", "dated", "debits", "state", "attempts", "ledger's id", "why")
    shown = [
        (r["released_at"][:19], r["ledger_key"], r["posting_date"], format_money(r["debit_minor"], r["currency"]), r["state"],
         str(r["attempts"]), r["remote_id"] or "", r["reason"])
        for r in found.rows
    ]  # fmt: skip
    table = terminal.table(header, shown, right=("debits", "attempts"))
    _print(
        None, False, table, found.told, f"one entry, line by line: retail-sync postings show ENTRY{_home_option(home)}"
    )


@postings_app.command("show")
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

    found = read_posting(_pipeline(home), key)
    body = found["entry"]
    header = ("account", "text", "debit", "credit", "in its currency")
    held = (
        "the ledger does not hold it"
        if found["in_ledger"] is None
        else f"in the ledger as {found['remote_id'] or 'one of its own'}"
    )
    _print(
        found,
        as_json,
        terminal.bold(f"{found['ledger_key']}  {body['posting_date']}  {body['memo']}"),
        terminal.table(header, legs_of(body), right=("debit", "credit", "in its currency")),
        f"{found['state']}{': ' + found['why'] if found['why'] else ''}; {held}; {found['reason']}; token {found['token']}",
        *(
            ("What is sent:", terminal.as_json(found["sent"]))
            if payload
            else (
                f"exactly what is sent: retail-sync postings show '{found['ledger_key']}' --payload{_home_option(home)}",
            )
        ),
    )


@rules_app.command("check")
def rules_check(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Look whether the governed files are complete, free of overlap, and name accounts that take postings."""
    from retail_sync.reports.rule_review import check_rules

    found = check_rules(Home.locate(home))
    lines = list(found.complaints) or ["the rules are complete, do not overlap and name accounts that are there"]
    if found.unused:
        lines.append(f"{len(found.unused)} posting rules were used by no entry of this home yet (--json names them)")
    _print(asdict(found), as_json, *lines)
    if found.complaints:
        raise typer.Exit(NEEDS_A_PERSON)


@rules_app.command("diff")
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

    found = diff_rules(_pipeline(home), folder)
    table = terminal.table(
        ("account", "name", "today", "proposed", "change"), found.rows, right=("today", "proposed", "change")
    )
    _print(asdict(found), as_json, *(["nothing would be booked otherwise"] if found.is_empty else [table, found.told]))


@period_app.command("close")
def period_close(
    month: Annotated[str, typer.Argument(help="YYYY-MM")],
    by: Annotated[str, typer.Option("--by", help="Who closes it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the auditor.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a month: the ledger itself then refuses entries dated in it."""
    _pipeline(home).embedded_ledger.close_period(month, by, reason)
    _print({"month": month, "state": "closed"}, as_json, f"{month} is closed")


@period_app.command("reopen")
def period_reopen(
    month: Annotated[str, typer.Argument(help="YYYY-MM")],
    by: Annotated[str, typer.Option("--by", help="Who reopens it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the auditor.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reopen a closed month; held entries are posted by the next run."""
    _pipeline(home).embedded_ledger.reopen_period(month, by, reason)
    _print({"month": month, "state": "open"}, as_json, f"{month} is open again")


if __name__ == "__main__":
    main()
