"""`retail-sync doctor`: is everything there that a run needs?"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import sqlalchemy as sa

from retail_sync.connectors.categories import load_category_rules
from retail_sync.connectors.drop_places import open_place
from retail_sync.connectors.registry import WIRE_CONNECTORS, objects_of, require_connector
from retail_sync.connectors.wire import Access, shapes_told
from retail_sync.core.errors import RetailSyncError
from retail_sync.core.rules import HEADERS, read_rules
from retail_sync.journal.rules import PostingRules
from retail_sync.ledger.quickbooks import QuickBooks
from retail_sync.ledger.registry import open_ledger
from retail_sync.reconcile.break_kinds import read_break_kinds
from retail_sync.reports.sources import told_undeclared, undeclared
from retail_sync.settings import SETTINGS_NAME, Home

_FREE_MB = 500


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing that was looked at."""

    what: str
    is_fine: bool
    found: str
    remedy: str = ""


def examine(home: Home) -> list[Examined]:
    """Look at everything; a failed look is a result, not an error."""
    looks: list[tuple[str, Callable[[Home], str]]] = [
        ("settings", _settings),
        ("home is writable", _writable),
        ("free disk", _disk),
        ("clock", _clock),
        ("Python and DuckDB", _versions),
        ("governed rules", _rules),
        ("operations database", lambda h: _database(h.operations_url)),
        _ledger_look(home),
    ]
    looks += [(f"source {source.name}", lambda h, s=source: _source(h, s.name)) for source in home.settings.source]  # type: ignore[misc]
    looks.append(("sources not declared", _undeclared))
    return [_look(what, look, home) for what, look in looks]


def _ledger_look(home: Home) -> tuple[str, Callable[[Home], str]]:
    if home.settings.ledger.adapter == "embedded":
        return "ledger database", lambda h: _database(h.ledger_url)
    return "ledger", _ledger


def _ledger(home: Home) -> str:
    ledger = open_ledger(home, lambda _: None)
    if findings := ledger.verify():
        raise RetailSyncError(
            "; ".join(f.message for f in findings), "correct the settings, or the ledger's preferences"
        )
    found = [f"{ledger.name}: {sum(ledger.accounts().values())} accounts take entries"]
    if isinstance(ledger, QuickBooks) and not ledger.refuses_duplicates():
        found.append("QuickBooks does not refuse a second entry of one number (WarnDuplicateJournalNumber is off)")
    return "; ".join(found)


def _look(what: str, look: Callable[[Home], str], home: Home) -> Examined:
    try:
        return Examined(what, True, look(home))
    except RetailSyncError as error:
        return Examined(what, False, error.message, error.remedy)
    except (OSError, sa.exc.SQLAlchemyError) as error:
        return Examined(what, False, str(error).splitlines()[0], "check the path, the server and its permissions")


def _settings(home: Home) -> str:
    path = home.root / SETTINGS_NAME
    names = ", ".join(source.name for source in home.settings.source)
    return f"{path if path.exists() else 'all defaults (no ' + SETTINGS_NAME + ')'}; sources: {names}"


def _writable(home: Home) -> str:
    folder = home.state if home.state.exists() else home.root
    probe = folder / f".probe-{os.getpid()}"
    probe.write_text("probe", encoding="utf-8")
    probe.unlink()
    return str(folder)


def _disk(home: Home) -> str:
    free = shutil.disk_usage(home.root).free >> 20
    if free < _FREE_MB:
        raise RetailSyncError(f"{free} MB free", f"free at least {_FREE_MB} MB, or move the home")
    return f"{free:,} MB free"


def _clock(_home: Home) -> str:
    now = datetime.now(UTC)
    if now.year < 2026:
        raise RetailSyncError(f"the clock says {now:%Y-%m-%d}", "set the clock: ages and time stamps come from it")
    return f"{now:%Y-%m-%d %H:%M} UTC"


def _versions(_home: Home) -> str:
    if duckdb.__version__ != "1.5.5":
        raise RetailSyncError(
            f"DuckDB {duckdb.__version__}", "install the locked version: pip install -r requirements.lock"
        )
    return f"Python {sys.version.split()[0]}, DuckDB {duckdb.__version__}"


def _rules(home: Home) -> str:
    for name in HEADERS:
        read_rules(home.rules, name)
    PostingRules.read(home.rules)
    read_break_kinds(read_rules(home.rules, "break_kinds"))
    connection = duckdb.connect()
    load_category_rules(connection, read_rules(home.rules, "settlement_categories"))
    connection.close()
    *own, shipped = home.rules
    mine = [name for name in HEADERS for folder in own if (folder / f"{name}.csv").exists()]
    return f"{', '.join(mine)} of {own[0]}, the others of {shipped}" if own else str(shipped)


def _database(url: str) -> str:
    shown = sa.engine.make_url(url).render_as_string(hide_password=True)
    if url.startswith("sqlite"):
        return shown
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        connection.execute(sa.text("select 1"))
    engine.dispose()
    return shown


def _undeclared(home: Home) -> str:
    if found := undeclared(home):
        names = "; ".join(f"{name}: {told_undeclared(name, count)}" for name, count in found.items())
        raise RetailSyncError(names, "renamed sources count twice: see docs/settings.md, Renaming or removing a source")
    return "none has deliveries"


def _source(home: Home, name: str) -> str:
    source = home.settings.source_named(name)
    require_connector(source.connector)
    if source.connector in WIRE_CONNECTORS:
        objects = ", ".join(item.name for item in objects_of(source))
        connector = WIRE_CONNECTORS[source.connector]
        client = connector.connect(Access(source, home.state, "doctor"))
        with contextlib.closing(client), shapes_told(f"source {name}"):
            return f"{connector.check(client)}; asked for {objects}"
    waiting = home.inbox / name
    count = sum(1 for _ in waiting.iterdir()) if waiting.is_dir() else 0
    told = f"{source.connector}, {count} files in its inbox"
    if source.drop:
        with open_place(source) as place:
            told += f", {len(place.entries())} files in {place.told}"
    return told
