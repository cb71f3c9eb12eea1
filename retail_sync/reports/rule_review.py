"""Governed rules looked at as a whole (`rules check`), and what a change of them would do to the past (`rules diff`).

A change is tried on a copy of the published warehouse, with the proposed files in the place of today's: the same code that
would book it computes what it would book. Nothing is written but the copy, which is deleted.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, partial
from pathlib import Path

import duckdb
import sqlalchemy as sa

from retail_sync.connectors.categories import load_category_rules, recategorise
from retail_sync.core.errors import RetailSyncError, RulesError
from retail_sync.core.money import format_money
from retail_sync.core.rules import HEADERS, read_rules
from retail_sync.core.warehouse import transaction
from retail_sync.journal.build import own_categories
from retail_sync.journal.rules import NoPostingRule, PostingRule, PostingRules
from retail_sync.ledger.adapter import LedgerAdapter
from retail_sync.operations import database as db
from retail_sync.pipeline import Pipeline
from retail_sync.reconcile.break_kinds import read_break_kinds
from retail_sync.reconcile.ownership import read_owners
from retail_sync.settings import SETTINGS_NAME, Home

_TRIAL_WAREHOUSE = "warehouse.duckdb"


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """What is wrong with the rules, and which posting rules no entry of this home has used so far (no fault)."""

    complaints: Sequence[str]
    unused: Sequence[str]


def check_rules(home: Home) -> RuleCheck:
    """Read every governed file and look whether they are complete, free of overlap and name accounts that are there."""
    complaints = [complaint for name in HEADERS if (complaint := _refusal(lambda n=name: read_rules(home.rules, n)))]  # type: ignore[misc]
    if complaints:
        return RuleCheck(complaints, ())
    looks: Sequence[Callable[[Home], None]] = (_overlaps, _break_kinds, _owners)
    complaints = [found for look in looks if (found := _refusal(partial(look, home)))]
    try:
        rules = PostingRules.read(home.rules)
    except RulesError as refused:
        return RuleCheck([*complaints, str(refused)], ())
    complaints += [*_account_complaints(home, rules), *_missing_rules(home, rules), *_idle_categories(home, rules)]
    used = _used_rules(home)
    every = sorted(rule.name for of_category in rules.by_category.values() for rule in of_category)
    return RuleCheck(complaints, [name for name in every if name not in used])


def _refusal(look: Callable[[], object]) -> str:
    try:
        look()
    except RulesError as refused:
        return str(refused)
    return ""


def _overlaps(home: Home) -> None:
    connection = duckdb.connect()
    try:
        load_category_rules(connection, read_rules(home.rules, "settlement_categories"))
    finally:
        connection.close()


def _break_kinds(home: Home) -> None:
    read_break_kinds(read_rules(home.rules, "break_kinds"))


def _owners(home: Home) -> None:
    read_owners(read_rules(home.rules, "ownership"), {source.name for source in home.settings.source})


def _account_complaints(home: Home, rules: PostingRules) -> Iterator[str]:
    is_active = {row["code"]: row["is_active"] == "true" for row in read_rules(home.rules, "chart_of_accounts").rows}
    cleared = read_rules(home.rules, "auto_clear").rows
    named = {row["account"]: f"auto_clear.csv, rule {row['rule_id']}," for row in cleared}
    named |= {rule.account: f"posting_rules.csv, rule {rule.name}," for of in rules.by_category.values() for rule in of}
    for account, where in sorted(named.items()):
        if account not in is_active:
            yield f"{where} books to account {account}, which the chart does not have"
        elif not is_active[account]:
            yield f"{where} books to account {account}, which takes no postings"


def _missing_rules(home: Home, rules: PostingRules) -> Iterator[str]:
    """Name each category of settlement lines that has no account in its channel on some day on which it can come."""
    seen = set()
    for row in read_rules(home.rules, "settlement_categories").rows:
        first = date.fromisoformat(row["valid_from"])
        last = date.fromisoformat(row["valid_to"]) if row["valid_to"] else date.max
        for day in _turning_days(rules.by_category.get(row["category"], ()), first, last):
            try:
                rules.rule(row["category"], day, channel=row["channel"])
            except NoPostingRule as missing:
                if str(missing) not in seen:
                    seen.add(str(missing))
                    yield str(missing)


def _turning_days(of_category: Sequence[PostingRule], first: date, last: date) -> list[date]:
    """Days from `first` to `last` on which another rule may hold than on the day before."""
    begins = {rule.valid_from for rule in of_category}
    ends = {rule.valid_to + timedelta(days=1) for rule in of_category if rule.valid_to and rule.valid_to < date.max}
    return sorted({first, *(day for day in begins | ends if first <= day <= last)})


def _idle_categories(home: Home, rules: PostingRules) -> Iterator[str]:
    """Name each category that nothing brings; where vouchers come in, they may name any component."""
    brought = {row["category"] for row in read_rules(home.rules, "settlement_categories").rows} | own_categories()
    if any(source.object == "vouchers" for source in home.settings.source):
        brought |= {name for name, of in rules.by_category.items() if all(rule.role == "component" for rule in of)}
    for category in sorted(set(rules.by_category) - brought):
        yield f"posting_rules.csv has an account for {category}, which nothing brings: a slip in its name?"


def _used_rules(home: Home) -> frozenset[str]:
    try:
        with Pipeline(home, "rules").warehouse.reading() as connection:
            return frozenset(row[0] for row in connection.execute("select distinct rule from journal.lines").fetchall())
    except (RetailSyncError, duckdb.Error):  # nothing was published yet, or by another version
        return frozenset()


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What all desired entries together book to an account today, and what they would. Debit positive, minor units."""

    account: str
    name: str
    currency: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class RuleDiff:
    """The effect of proposed rules on all entries that today's facts want, and on the documents that are held."""

    accounts: Sequence[AccountChange]
    new: Sequence[str]
    changed: Sequence[str]
    gone: Sequence[str]
    newly_held: Sequence[str]
    freed: Sequence[str]
    released: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be booked or held otherwise."""
        return not (self.new or self.changed or self.gone or self.newly_held or self.freed)

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """By account: its name, what is booked today, what would be, and the change, as text."""
        return [
            (c.account, c.name, *(format_money(minor, c.currency) for minor in (c.before, c.after, c.after - c.before)))
            for c in self.accounts
        ]

    @property
    def told(self) -> str:
        """How many entries and documents it concerns, in words."""
        counts = (
            (len(self.new), "new entries"), (len(self.changed), "changed"), (len(self.gone), "no longer wanted"),
            (len(self.newly_held), "documents held"), (len(self.freed), "documents freed"),
        )  # fmt: skip
        said = ", ".join(f"{count} {what}" for count, what in counts if count)
        return f"{said}; {self.released} released entries would wait for an approval, nothing of them changes by itself"


class _Trial(Pipeline):
    """A pipeline on a copy. The ledger is the real one, and is only read."""

    def __init__(self, home: Home, real: Pipeline) -> None:
        super().__init__(home, "trial", real.progress)
        self._real = real

    @cached_property
    def ledger(self) -> LedgerAdapter:
        """The real ledger."""
        return self._real.ledger


def diff_rules(pipeline: Pipeline, proposed: Path) -> RuleDiff:
    """Return what the governed files in `proposed` would change; a file that is not there is today's.

    Raises RulesError for a folder without a governed file, or whose files contradict themselves.
    """
    names = sorted(name for name in HEADERS if (proposed / f"{name}.csv").is_file())
    if not names:
        raise RulesError(
            f"{proposed} has none of the governed files",
            f"put the changed file there, e.g. {proposed}/posting_rules.csv",
        )
    scratch = pipeline.warehouse.scratch
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rules-", dir=scratch) as folder:
        trial = _Trial(_trial_home(pipeline, proposed, names, Path(folder)), pipeline)
        with pipeline.warehouse.reading() as connection:
            before = _journal_of(connection)
        _book_anew(trial)
        with trial.writing("compare") as connection:
            after = _journal_of(connection)
        chart = PostingRules.read(trial.home.rules).chart
    return _difference(pipeline, before, after, chart)


def _trial_home(pipeline: Pipeline, proposed: Path, names: Sequence[str], root: Path) -> Home:
    """A home in `root` with a copy of what was published and of what was decided, and the proposed rules before today's."""
    home, rules, state = pipeline.home, root / "rules", root / "state"
    rules.mkdir()
    state.mkdir()
    for own in home.rules[:-1]:
        for file in own.glob("*.csv"):
            shutil.copy(file, rules)
    for name in names:
        shutil.copy(proposed / f"{name}.csv", rules)
    text = (home.root / SETTINGS_NAME).read_text(encoding="utf-8") if (home.root / SETTINGS_NAME).exists() else ""
    (root / SETTINGS_NAME).write_text(text, encoding="utf-8")
    with pipeline.warehouse.reading() as connection:
        connection.execute(f"attach '{str(state / _TRIAL_WAREHOUSE).replace(chr(39), chr(39) * 2)}' as trial")
        connection.execute("copy from database warehouse to trial")
    _copy_decisions(pipeline.operations, state / "operations.sqlite")
    return _TrialHome(root)


class _TrialHome(Home):
    """Its databases are the copies, whatever the settings and the environment say."""

    @property
    def operations_url(self) -> str:
        """The copy of the operations database."""
        return f"sqlite:///{self.state / 'operations.sqlite'}"


def _copy_decisions(engine: sa.Engine, file: Path) -> None:
    """Copy the operations database, whatever keeps it, into a SQLite file: what stands decides what is wanted beside it."""
    copy = sa.create_engine(f"sqlite:///{file}")
    db.metadata.create_all(copy)
    with engine.connect() as source, copy.begin() as target:
        for table in db.metadata.sorted_tables:
            for rows in source.execute(sa.select(table)).mappings().partitions(1000):
                target.execute(sa.insert(table), [dict(row) for row in rows])
    copy.dispose()


def _book_anew(trial: Pipeline) -> None:
    """Everything after canonical, by the proposed rules."""
    with trial.writing("try the rules") as connection:
        load_category_rules(connection, read_rules(trial.home.rules, "settlement_categories"))
        with transaction(connection):
            recategorise(connection)
    trial.reconcile()
    trial.journal()


@dataclass(frozen=True, slots=True)
class _Journal:
    accounts: Mapping[tuple[str, str], int]
    entries: Mapping[str, str]
    held: frozenset[str]


def _journal_of(connection: duckdb.DuckDBPyConnection) -> _Journal:
    sums = connection.execute(
        "select account, home_currency, cast(sum(home_minor) as bigint) from journal.lines group by all"
    ).fetchall()
    entries = connection.execute("select entry_key, body_hash from journal.entries").fetchall()
    held = connection.execute("select document_id from journal.documents where status = 'held'").fetchall()
    return _Journal({(row[0], row[1]): row[2] for row in sums}, dict(entries), frozenset(row[0] for row in held))


def _difference(pipeline: Pipeline, before: _Journal, after: _Journal, names: Mapping[str, str]) -> RuleDiff:
    places = sorted(before.accounts.keys() | after.accounts.keys())
    changed = sorted(
        key for key in before.entries.keys() & after.entries.keys() if before.entries[key] != after.entries[key]
    )
    gone = sorted(before.entries.keys() - after.entries.keys())
    return RuleDiff(
        accounts=[
            AccountChange(
                place[0], names.get(place[0], ""), place[1], before.accounts.get(place, 0), after.accounts.get(place, 0)
            )
            for place in places
            if before.accounts.get(place, 0) != after.accounts.get(place, 0)
        ],
        new=sorted(after.entries.keys() - before.entries.keys()),
        changed=changed,
        gone=gone,
        newly_held=sorted(after.held - before.held),
        freed=sorted(before.held - after.held),
        released=_released_among(pipeline.operations, {*changed, *gone}),
    )


def _released_among(engine: sa.Engine, keys: set[str]) -> int:
    """How many of these entries were released: those would wait for an approval."""
    with engine.connect() as connection:
        released = set(connection.execute(sa.select(db.released_entries.c.entry_key).distinct()).scalars())
    return len(keys & released)
