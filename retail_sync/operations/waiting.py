"""What waits because only a rule, a cost or a pack changed: one exception for each cause, every entry in a table.

A changed cost or account makes hundreds of entries wait. The cause is told by what would change in them, so it is the same
after a rebuild and does not depend on when the rule changed. Nothing is decided here: that an entry waits is in `verdicts.py`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from retail_sync.core.money import format_money
from retail_sync.operations import database as db
from retail_sync.operations.exceptions import Problem
from retail_sync.operations.verdicts import Desired, Released

_CODE = "rule_change_waits"
_STOCK = frozenset({"cogs", "count_variance", "stock_valuation", "deferred_cost", "deferred_cost_reversal"})
_TRUE_UP = "stock_valuation"
_SHOWN_ACCOUNTS = 8
Place = tuple[str, str]  # account and currency


@dataclass(frozen=True, slots=True)
class _Cause:
    """What changed, as the subject of a sentence, and what to do where the change should hold for the past, or is wrong."""

    what: str
    remedy: str


_CAUSES = {
    "products": _Cause(
        "product costs or packs",
        "restore the cost or pack; a cost that held on those days is delivered with its day (unit_cost of the movement, or of a "
        "snapshot of that day or before), a count that was in packs is delivered again in units: both correct the entries",
    ),
    "accounts": _Cause(
        "account rules",
        "restore the account in posting_rules.csv, or move the balance by an entry",
    ),
    "bank matching": _Cause(
        "matching rules",
        "restore match_rules.csv, bank_payers.csv, auto_clear.csv, settlement_categories.csv or the setting ledger.deposits, "
        "or say what belongs together: retail-sync matches confirm",
    ),
    "categories": _Cause("category rules", "restore settlement_categories.csv or posting_rules.csv"),
    "granularity": _Cause("granularity", "restore the setting ledger.granularity"),
    "texts": _Cause("texts", "restore the rule; amounts and accounts are the same"),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry that today's rules would book otherwise: what was released of it, and what is wanted, by account.

    Debit positive, in minor units of the books' currency. `version` is 0 where nothing was released.
    """

    entry_key: str
    document_id: str
    entry_kind: str
    version: int
    posting_date: str
    cause: str
    released: Mapping[Place, int]
    wanted: Mapping[Place, int]
    wanted_hash: str = ""

    @property
    def changes(self) -> dict[Place, int]:
        """What would be added to each account."""
        found = Counter(self.wanted)
        found.subtract(self.released)
        return {place: minor for place, minor in sorted(found.items()) if minor}


def waiting_entry(entry_key: str, desired: Desired | None, old: Released | None) -> Waiting:
    """Return what would become of an entry that waits; one of the two sides is there."""
    before: Mapping[str, Any] = json.loads(old.body) if old else {"lines": []}
    after: Mapping[str, Any] = json.loads(desired.body) if desired else {"lines": []}
    kind = desired.kind if desired else old.entry_kind if old else ""
    document_id = desired.document_id if desired else old.document_id if old else ""
    day = (after if desired else before)["posting_date"]
    cause = _cause(kind, before["lines"], after["lines"])
    return Waiting(
        entry_key, document_id, kind, old.version if old else 0, day, cause, _by_place(before["lines"]), _by_place(after["lines"]),
        desired.body_hash if desired else "",
    )  # fmt: skip


def told_by_document(entries: Sequence[Waiting]) -> list[Waiting]:
    """Return the entries with the cause that only all entries of a document tell: it is cut into others than it was.

    Then some entries of the settlement are wanted that never were, and others that stand are not wanted any more.
    """
    sides: dict[str, set[bool]] = defaultdict(set)
    for entry in entries:
        if entry.entry_kind == "settlement" and not (entry.released and entry.wanted):
            sides[entry.document_id].add(bool(entry.wanted))
    return [replace(entry, cause="granularity") if len(sides[entry.document_id]) > 1 else entry for entry in entries]


def waiting_problems(entries: Sequence[Waiting]) -> list[Problem]:
    """Return one problem for each cause."""
    by_cause: dict[str, list[Waiting]] = defaultdict(list)
    for entry in entries:
        by_cause[entry.cause].append(entry)
    return [_problem(cause, by_cause[cause]) for cause in sorted(by_cause)]


def note_waiting(connection: sa.Connection, entries: Sequence[Waiting]) -> None:
    """Make the table hold exactly these entries; most runs find what the last one found, and write nothing."""
    rows = {row for entry in entries for row in _rows(entry)}
    names = [column.name for column in db.waiting_entries.columns]
    if rows != {tuple(row) for row in connection.execute(sa.select(db.waiting_entries))}:
        connection.execute(sa.delete(db.waiting_entries))
        if rows:
            values = [dict(zip(names, row, strict=True)) for row in sorted(rows)]
            connection.execute(sa.insert(db.waiting_entries), values)


def read_waiting(engine: sa.Engine, exception_id: str) -> list[dict[str, Any]]:
    """Return the entries under an exception, account by account, oldest first; none where it is of another kind."""
    columns = db.waiting_entries.c
    query = (
        sa.select(db.waiting_entries)
        .where(columns.exception_id == exception_id)
        .order_by(columns.posting_date, columns.entry_key, columns.account)
    )
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _cause(kind: str, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> str:
    if _by_place(before) == _by_place(after):
        return "texts"
    if before and after and _by_purpose(before) == _by_purpose(after):
        return "accounts"
    if kind in _STOCK:
        return "products"
    return "bank matching" if kind == "deposit" else "categories"


def _by_place(lines: Sequence[Mapping[str, Any]]) -> dict[Place, int]:
    sums: Counter[Place] = Counter()
    for line in lines:
        sums[line["account"], line["home_currency"]] += line["home_minor"]
    return dict(sums)


def _by_purpose(lines: Sequence[Mapping[str, Any]]) -> Counter[tuple[Any, ...]]:
    """Legs without their accounts: where these are the same on both sides, only accounts changed."""
    return Counter((line["memo"], line["location"], line["home_currency"], line["home_minor"]) for line in lines)


def _rows(entry: Waiting) -> list[tuple[Any, ...]]:
    """One row for each account that would change, or one without an account where none does."""
    own = (_exception_id(entry.cause), entry.entry_key, entry.entry_kind, entry.version, entry.posting_date)
    return [
        (*own, *place, entry.released.get(place, 0), entry.wanted.get(place, 0), entry.wanted_hash)
        for place in entry.changes or [("", "")]
    ]


def _exception_id(cause: str) -> str:
    return Problem(_CODE, cause, "business", "finance", "", "").exception_id


def _problem(cause: str, entries: Sequence[Waiting]) -> Problem:
    """What it is worth is the sum of what would be debited anew, entry by entry, where that is of one currency."""
    months = sorted({entry.posting_date[:7] for entry in entries})
    true_ups = sorted((e for e in entries if e.entry_kind == _TRUE_UP), key=lambda entry: entry.posting_date)
    moved, accounts = _sums([entry for entry in entries if entry.entry_kind != _TRUE_UP] or true_ups[-1:])
    (currency, amount), *others = sorted(moved.items()) or [("", 0)]
    return Problem(
        code=_CODE,
        subject=cause,
        kind="business",
        owner="finance",
        severity="warning",
        message=f"Today's {_CAUSES[cause].what} would book {_count(len(entries))} of "
        f"{months[0] if len(months) == 1 else f'{months[0]} to {months[-1]}'} otherwise{_worth(moved, accounts)}. "
        f"{_said_of_true_ups(true_ups)}Nothing was changed in the ledger.",
        remedy="where the ledger is right, nothing is to be done: what is new is booked by what holds today. Else "
        f"{_CAUSES[cause].remedy}; or have the past corrected: retail-sync approve <id> --by WHO --reason WHY. "
        "Each entry: exceptions show, or table waiting_entries (query --on operations)",
        amount_minor=amount if currency and not others else None,
        currency=currency if not others else "",
        since_date=min(entry.posting_date for entry in entries),
    )


def _sums(entries: Sequence[Waiting]) -> tuple[dict[str, int], dict[Place, int]]:
    """Return what would be debited anew by currency, and what each account would get or lose in all."""
    moved: Counter[str] = Counter()
    accounts: Counter[Place] = Counter()
    for entry in entries:
        accounts.update(entry.changes)
        for (_, currency), minor in entry.changes.items():
            moved[currency] += max(minor, 0)
    return dict(moved), {place: minor for place, minor in accounts.items() if minor}


def _count(entries: int) -> str:
    return "one entry" if entries == 1 else f"{entries:,} entries"


def _worth(moved: Mapping[str, int], accounts: Mapping[Place, int]) -> str:
    """What would move, and where to; nothing where only texts differ."""
    if not moved:
        return ""
    places = sorted(accounts, key=lambda place: (-abs(accounts[place]), place))
    shown = [f"{account} {format_money(accounts[account, currency], currency)}" for account, currency in places]
    shown[_SHOWN_ACCOUNTS:] = ["..."] if shown[_SHOWN_ACCOUNTS:] else []
    return f": {_amounts(moved)} would move" + f", in all {', '.join(shown) or 'nothing on any account'}"


def _said_of_true_ups(true_ups: Sequence[Waiting]) -> str:
    """Each books what is missing beside all that stands before it: their sum would tell one revaluation once a month."""
    if not true_ups:
        return ""
    last = true_ups[-1]
    return (
        f"The true-up of {last.posting_date[:7]}, the last of {len(true_ups)} among them, would move "
        f"{_amounts(_sums([last])[0])}, beside what stands before it. "
    )


def _amounts(moved: Mapping[str, int]) -> str:
    return ", ".join(format_money(minor, currency) for currency, minor in sorted(moved.items()))
