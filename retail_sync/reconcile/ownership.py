"""Who is believed of two sources that tell of the same goods, as during a migration from one ERP to the next.

`data/rules/ownership.csv` names the owner by domain, location (an id, or its beginning with *) and days. It
becomes `raw.ownership`, what it leaves out `raw.unowned`, and the views `canonical.owned_...` are the one place where it is
applied: reconciliations and journal read these, nothing else. What is not owned stays in the canonical tables, and
`parallel_runs.py` compares it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple, dataclass
from datetime import date

import duckdb

from retail_sync.core import sql
from retail_sync.core.errors import RulesError
from retail_sync.core.rules import RuleFile
from retail_sync.core.warehouse import transaction
from retail_sync.schemas.proof import mark_changed
from retail_sync.schemas.stock import OWNED_DOMAINS

_FILE = "ownership.csv"
_END = date(9999, 12, 31)
_PLACELESS = ("products",)


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """A row of raw.ownership."""

    domain: str
    location: str
    prefix: str
    is_exact: bool
    specificity: int
    source: str
    valid_from: date
    valid_to: date


def read_owners(rules: RuleFile, sources: Collection[str]) -> list[Owner]:
    """Return who owns what. Raises RulesError for a domain, location or source that cannot be, and for two owners of one day.

    Of two lines for one location and day the longer location holds, an id before a beginning; so only lines for the very
    same location contradict each other.
    """
    owners = sorted(_owner(row, sources) for row in rules.rows)
    for first, second in zip(owners, owners[1:], strict=False):
        is_same = (first.domain, first.location) == (second.domain, second.location)
        if is_same and max(o.valid_from for o in (first, second)) <= min(first.valid_to, second.valid_to):
            raise RulesError(
                f"{_FILE}: {first.source} and {second.source} both own {first.domain} of {first.location} "
                f"on {max(first.valid_from, second.valid_from)}",
                "end the one before the other begins",
            )
    return owners


def _owner(row: dict[str, str], sources: Collection[str]) -> Owner:
    domain, location, source = (row[name].strip() for name in ("domain", "location", "source"))
    told = f"{_FILE}, {domain} of {location or 'no location'}"
    if domain not in OWNED_DOMAINS:
        raise RulesError(f"{told}: there is no such domain", f"write one of {', '.join(OWNED_DOMAINS)}")
    if source not in sources:
        raise RulesError(f"{told}: no source is called {source}", "correct it, or declare the [[source]]")
    if not location or "*" in location[:-1] or (domain in _PLACELESS and location != "*"):
        raise RulesError(
            f"{told}: a location is an id, or its beginning with * at the end; articles have none",
            "write S01, S* or *; for products always *",
        )
    prefix, is_exact = location.removesuffix("*"), not location.endswith("*")
    last = date.fromisoformat(row["valid_to"]) if row["valid_to"] else _END
    first = date.fromisoformat(row["valid_from"])
    return Owner(domain, location, prefix, is_exact, 2 * len(prefix) + is_exact, source, first, last)


def apply_ownership(connection: duckdb.DuckDBPyConnection, rules: RuleFile, sources: Collection[str]) -> bool:
    """Say anew what is not owned; where the owners changed, all that rests on goods is looked at again. Returns whether they did.

    Called before anything reads the views, each time: what was loaded since may be of a source that is not believed.
    """
    wanted = [astuple(owner) for owner in read_owners(rules, sources)]
    known = connection.execute("select * from raw.ownership").fetchall()
    if not (wanted or known):
        return False
    is_changed = sorted(known) != sorted(wanted)
    with transaction(connection):
        connection.execute("delete from raw.ownership")
        for row in wanted:
            connection.execute("insert into raw.ownership values (?, ?, ?, ?, ?, ?, ?, ?)", list(row))
        connection.execute("delete from raw.unowned")
        connection.execute(sql.statement(__package__, "unowned"))
        if is_changed:
            connection.execute(sql.statement(__package__, "ownership_touched"))
            mark_changed(connection, "canonical")
    return is_changed
