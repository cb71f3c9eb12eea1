"""The clearing accounts as values that any rendering can show: open items with age, and what the ledger holds beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb

from retail_sync.core.money import format_money, to_minor
from retail_sync.ledger.adapter import Finding
from retail_sync.ledger.clearing import Place, booked_effects
from retail_sync.reconcile.clearing import itemise
from retail_sync.reports.ages import age_group
from retail_sync.reports.reconciliations import read_reconciliations
from retail_sync.reports.values import Rows, amount
from retail_sync.schemas.proof import prove_changed

if TYPE_CHECKING:
    from retail_sync.pipeline import Pipeline

_TOP = 20
# An entry that the ledger holds otherwise than the journal wants it: nothing is known of it but its own key.
_ENTRY = "entry"


@dataclass(frozen=True, slots=True)
class ClearingItem:
    """What is left of one item, or of the items of a store's day together (`count`). Debit positive, minor units."""

    account: str
    currency: str
    kind: str
    item: str
    store_day: str
    since: date
    minor: int
    count: int = 1

    @property
    def words(self) -> str:
        """What a person calls it."""
        if self.count > 1:
            return f"{self.count} receipts of {self.store_day}"
        if self.kind == "receipt" and self.store_day:
            return f"receipt {self.item} of {self.store_day}"
        name = {"drawer": "cash", "processor_reserve": "reserve of", "entry": "not as wanted:"}.get(self.kind)
        return f"{name or self.kind.replace('_', ' ')} {self.item}"

    def age(self, newest: date) -> int:
        """Days from the entry that opened it to the newest day that is known."""
        return max((newest - self.since).days, 0)


@dataclass(frozen=True, slots=True)
class LedgerItems:
    """The open items of what the ledger holds.

    `accounts` have items, open or closed; `findings` are balances that the items do not sum to; `waiting` are the keys of
    entries that the ledger does not hold as the journal wants them.
    """

    items: Sequence[ClearingItem]
    accounts: Collection[str]
    findings: Sequence[Finding]
    waiting: Sequence[str]
    newest: date


@dataclass(frozen=True, slots=True)
class ClearingState:
    """What an analyst wants to see of the clearing accounts; `plot` is (age, account, currency, balance)."""

    row_count: int
    problems: Mapping[str, Sequence[str]] | None
    accounts: Rows
    shares: Rows
    largest: Rows
    plot: Rows


def read_clearing(pipeline: Pipeline) -> ClearingState:
    """Return the state of the clearing items; they are proved on the way where they changed."""
    with pipeline.writing("read clearing items") as connection:
        problems = prove_changed(connection, "reconcile.clearing_items")
        items, newest = _open_items(connection, "reconcile.clearing_items"), newest_day(connection)
        accounts = connection.execute(
            "select account, currency, count(*) filter (status = 'open'), sum(balance) "
            "from reconcile.clearing_items group by all order by all"
        ).fetchall()
        count = connection.execute("select count(*) from reconcile.clearing_items").fetchone()
        found = read_reconciliations(connection, pipeline.break_kinds, newest).of(["clearing_items"])
    aged: dict[tuple[str, str, str, bool], int] = defaultdict(int)
    for item in items:
        # Debits and credits apart: the two of one age must not hide each other.
        aged[age_group(item.age(newest)), item.account, item.currency, item.minor > 0] += item.minor
    return ClearingState(
        row_count=int(count[0]) if count else 0,
        problems=problems,
        accounts=[(*row[:3], amount(row[3])) for row in accounts],
        shares=found.shares,
        largest=item_rows(by_size(by_store_day(items))[:_TOP], newest),
        plot=[(age, account, currency, minor) for (age, account, currency, _), minor in sorted(aged.items())],
    )


def ledger_items(pipeline: Pipeline, connection: duckdb.DuckDBPyConnection) -> LedgerItems:
    """Explain the balances of the ledger by the items of the entries that it holds as they are wanted.

    An entry that is not there yet, or there otherwise, is left out of the items; what the ledger holds of it stands under its
    own key.
    """
    accounts = pipeline.clearing_accounts
    booked = booked_effects(pipeline.operations, accounts)
    wanted = _wanted(connection, accounts)
    held = {place: effect.minor for place, effect in booked.items()}
    waiting = {place[0] for place, _ in held.items() ^ wanted.items()}
    itemise(connection, accounts, waiting)
    known = {row[0] for row in connection.execute("select distinct account from new_clearing_items").fetchall()}
    newest = newest_day(connection)
    others = [
        ClearingItem(account, currency, _ENTRY, key, "", effect.since, effect.minor)
        for (key, account, currency), effect in sorted(booked.items())
        if key in waiting
    ]
    items = [*_open_items(connection, "new_clearing_items"), *others]
    return LedgerItems(
        items=items,
        accounts=known | {item.account for item in others},
        findings=_unexplained(pipeline, items, accounts),
        waiting=sorted(waiting),
        newest=newest,
    )


def _wanted(connection: duckdb.DuckDBPyConnection, accounts: Sequence[str]) -> dict[Place, int]:
    rows = connection.execute(
        "select entry_key, account, transaction_currency, sum(transaction_minor) from journal.lines "
        "where list_contains($accounts, account) group by all having sum(transaction_minor) <> 0",
        {"accounts": list(accounts)},
    ).fetchall()
    return {(key, account, currency): int(minor) for key, account, currency, minor in rows}


def _unexplained(pipeline: Pipeline, items: Sequence[ClearingItem], accounts: Collection[str]) -> list[Finding]:
    rest: dict[tuple[str, str], int] = defaultdict(int)
    for balance in pipeline.ledger.balances():
        if balance.account in accounts:
            rest[balance.account, balance.transaction_currency] += balance.transaction_minor
    for item in items:
        rest[item.account, item.currency] -= item.minor
    return [
        Finding("clearing", f"account {account} in {currency}: {minor} minor units of its balance belong to no item")
        for (account, currency), minor in sorted(rest.items())
        if minor
    ]


def newest_day(connection: duckdb.DuckDBPyConnection) -> date:
    """The newest day that any source tells of: ages are counted to it, so that they do not depend on when one looks."""
    row = connection.execute(
        """
        select max(day) from (
            select max(posting_date) as day from journal.entries
            union all
            select max(closing_date) from canonical.settlements
            union all
            select max(business_date) from canonical.pos_sales
            union all
            select max(value_date) from canonical.bank_transactions
        )
        """
    ).fetchone()
    return row[0] if row and row[0] else date.min


def _open_items(connection: duckdb.DuckDBPyConnection, table: str) -> list[ClearingItem]:
    rows = connection.execute(
        f"select account, currency, kind, item, store_day, opened_on, balance from {table} "  # noqa: S608 - a name of ours
        "where status = 'open' order by account, currency, opened_on, kind, item"
    ).fetchall()
    return [
        ClearingItem(account, currency, kind, item, store_day, since, to_minor(balance, currency))
        for account, currency, kind, item, store_day, since, balance in rows
    ]


def by_store_day(items: Sequence[ClearingItem]) -> list[ClearingItem]:
    """Put the receipts of a store's day together: a day that is held has dozens, and it is the day that a person mends."""
    grouped: dict[tuple[str, ...], list[ClearingItem]] = defaultdict(list)
    for item in items:
        is_of_day = item.kind == "receipt" and item.store_day
        grouped[item.account, item.currency, item.kind, item.store_day if is_of_day else item.item].append(item)
    return [_together(group) for group in grouped.values()]


def _together(group: Sequence[ClearingItem]) -> ClearingItem:
    first = group[0]
    return ClearingItem(
        first.account, first.currency, first.kind, first.item, first.store_day,
        min(item.since for item in group), sum(item.minor for item in group), len(group),
    )  # fmt: skip


def by_size(items: Sequence[ClearingItem]) -> list[ClearingItem]:
    """Return items, the largest first."""
    return sorted(items, key=lambda item: (-abs(item.minor), item.account, item.currency, item.kind, item.item))


def item_rows(items: Sequence[ClearingItem], newest: date) -> Rows:
    """Return (account, item, open, since, age) as text."""
    return [(i.account, i.words, format_money(i.minor, i.currency), str(i.since), f"{i.age(newest)} d") for i in items]


def as_values(items: Sequence[ClearingItem], newest: date) -> list[dict[str, Any]]:
    """Return every item with plain types, for --json."""
    return [
        {
            "account": i.account, "currency": i.currency, "kind": i.kind, "item": i.item, "store_day": i.store_day,
            "open_minor": i.minor, "since": str(i.since), "age_days": i.age(newest),
        }
        for i in items
    ]  # fmt: skip
