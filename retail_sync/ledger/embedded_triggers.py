"""The rules the embedded ledger's database enforces itself, against any writer: its triggers.

Two texts of the same rules, in `embedded_sqlite.py` and `embedded_postgresql.py`. Every refusal
begins `ledger refused [code]`, and the code is one of `LedgerRefused`'s; `embedded_refusals.py`
turns it into words for people. Here: what is installed, what is missing, putting it back.

What is refused: changing or deleting an entry, line, seal or period event (on PostgreSQL TRUNCATE
too); an entry that does not continue the chain; a second reversal, a reversal of a reversal, a
reversal that is not its original turned round; a line on an unknown account or after the seal; a
seal on fewer than two lines, on an imbalance, an inactive account or a closed month; deleting an
account with lines. That no entry is committed without a seal is a deferred foreign key.

Nothing here is built from values: the pieces put together are constants of this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, inspect

from retail_sync.ledger import embedded_postgresql, embedded_sqlite
from retail_sync.ledger.adapter import Finding


@dataclass(frozen=True, slots=True)
class Guard:
    """A trigger or trigger function: how to drop and create it, and how the catalogue keeps it."""

    name: str
    drop: str
    create: str
    kept: str


def _sqlite_guards() -> list[Guard]:
    return [
        Guard(name, f"drop trigger if exists {name}", text, text.casefold())
        for name, text in embedded_sqlite.TRIGGERS.items()
    ]


def _postgresql_guards() -> list[Guard]:
    # A connection plans each function once, maybe while the tables are empty: without the setting it
    # would scan whole tables ever after, and posting slow down with every entry.
    functions = [
        Guard(
            name,
            "",
            f"create or replace function {name}({arguments}) returns {returned} language plpgsql"
            f" set search_path from current set enable_seqscan to off as $ledger${body}$ledger$",
            body,
        )
        for name, (arguments, returned, body) in embedded_postgresql.FUNCTIONS.items()
    ]
    triggers = []
    for name, text in embedded_postgresql.TRIGGERS.items():
        table, *when, each, function = text.split()
        create = f"CREATE TRIGGER {name} {' '.join(when)} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()"
        triggers.append(Guard(name, f"drop trigger if exists {name} on {table}", create, create))
    return functions + triggers


GUARDS = {"sqlite": _sqlite_guards(), "postgresql": _postgresql_guards()}

_SQLITE_CATALOGUE = "select name, lower(sql) from sqlite_master where type = 'trigger'"
# A disabled trigger is as good as none.
_POSTGRESQL_CATALOGUE = """
select tgname, pg_get_triggerdef(pg_trigger.oid, true)
  from pg_trigger join pg_class on pg_class.oid = tgrelid
 where relnamespace = current_schema()::regnamespace
   and not tgisinternal and tgenabled in ('O', 'A')
union all
select proname, prosrc from pg_proc where pronamespace = current_schema()::regnamespace"""


def wrong_guards(connection: Connection) -> list[Finding]:
    """Return a finding for each trigger or function that is missing, disabled or altered."""
    return [
        Finding("trigger", f"the database rule {guard.name} is missing, disabled or altered")
        for guard in _wrong(connection)
    ]


def missing_seal_rule(connection: Connection) -> list[Finding]:
    """Return a finding when the table of entries does not demand a seal at each commit."""
    keys = inspect(connection).get_foreign_keys("entry")
    if any(key["referred_table"] == "seal" and _is_deferred(key["options"]) for key in keys):
        return []
    return [Finding("trigger", "the database no longer demands that every entry is sealed")]


def _is_deferred(options: Mapping[str, object]) -> bool:
    return str(options.get("initially", "")).upper() == "DEFERRED"


def restore_guards(connection: Connection) -> list[Finding]:
    """Create every trigger that is missing or not as it should be, and return those findings."""
    findings = wrong_guards(connection)
    if connection.dialect.name == "postgresql":
        # Functions are pinned to the ledger's schema, with temporary tables last: else
        # a temporary table named `seal` would be looked at in the ledger's place.
        connection.exec_driver_sql(
            "select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
        )
    for guard in _wrong(connection):
        if guard.drop:
            connection.exec_driver_sql(guard.drop)
        connection.exec_driver_sql(guard.create)
    return findings


def _wrong(connection: Connection) -> list[Guard]:
    kept = _kept(connection)
    return [guard for guard in GUARDS[connection.dialect.name] if kept.get(guard.name) != guard.kept]


def _kept(connection: Connection) -> Mapping[str, str]:
    """Return name and text of every trigger (and on PostgreSQL function) the catalogue holds."""
    is_sqlite = connection.dialect.name == "sqlite"
    query = _SQLITE_CATALOGUE if is_sqlite else _POSTGRESQL_CATALOGUE
    return {name: text for name, text in connection.exec_driver_sql(query)}
