"""Clearing accounts explained item by item: what each balance consists of, from the entries that are in the ledger.

An item is opened by one leg and closed by others that name it: a payout by its deposit as far as it arrived, a debt by the
settlement that takes it over, a reserve by the settlement that releases it. The items of an account sum to its balance, or
`verify` says so.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from retail_sync.ledger.adapter import Finding, LedgerAdapter
from retail_sync.operations import database as db
from retail_sync.schemas.journal import Entry, EntryLine

CLEARING_ROLES = frozenset(
    {
        "payout", "deposit", "opening_debt", "payout_failed", "failed_transfer", "micro_deposit",
        "reserve_held", "reserve_released", "carried_forward",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chain:
    """Which earlier settlement a settlement's opening debt, released reserve and failed transfers belong to.

    A settlement may take back several payouts: they are keyed by settlement and ISO day of the failure.
    """

    opening_debt_of: Mapping[str, str]
    reserve_of: Mapping[str, str]
    failed_transfer_of: Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class ClearingItem:
    """What is left of one item. Debit positive, minor units; `since` is the posting date that opened it."""

    account: str
    currency: str
    item: str
    minor: int
    since: date


def open_items(engine: sa.Engine, chain: Chain) -> list[ClearingItem]:
    """Return every clearing item with a rest, oldest first, from the released entries that are in the ledger."""
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    since: dict[tuple[str, str, str], date] = {}
    for entry_key, document_id, entry in _booked(engine):
        for line in entry.lines:
            if line.role in CLEARING_ROLES:
                key = (line.account, line.transaction_currency, _item(line, entry_key, document_id, chain))
                sums[key] += line.transaction_minor
                since[key] = min(since.get(key, entry.posting_date), entry.posting_date)
    items = [ClearingItem(*key, minor, since[key]) for key, minor in sums.items() if minor]
    return sorted(items, key=lambda item: (item.account, item.currency, item.since, item.item))


def itemised_accounts(engine: sa.Engine) -> frozenset[str]:
    """Return the accounts whose balance the items explain: those that hold a leg with a clearing role."""
    lines = (line for _, _, entry in _booked(engine) for line in entry.lines)
    return frozenset(line.account for line in lines if line.role in CLEARING_ROLES)


def unexplained(engine: sa.Engine, adapter: LedgerAdapter, chain: Chain) -> list[Finding]:
    """Return a finding per itemised account and currency whose items do not sum to its balance in the ledger."""
    explained: dict[tuple[str, str], int] = defaultdict(int)
    accounts = itemised_accounts(engine)
    for item in open_items(engine, chain):
        explained[item.account, item.currency] += item.minor
    findings = []
    for balance in adapter.balances():
        if balance.account in accounts:
            rest = balance.transaction_minor - explained.pop((balance.account, balance.transaction_currency), 0)
            if rest:
                findings.append(_finding(balance.account, balance.transaction_currency, rest))
    findings += [_finding(account, currency, -minor) for (account, currency), minor in explained.items() if minor]
    return findings


def _finding(account: str, currency: str, rest: int) -> Finding:
    return Finding(
        "clearing",
        f"account {account} in {currency}: {rest} minor units of its balance belong to no item",
    )


def _item(line: EntryLine, entry_key: str, document_id: str, chain: Chain) -> str:
    match line.role:
        case "opening_debt":
            return chain.opening_debt_of.get(document_id, f"debt taken over by {document_id}")
        case "payout_failed":
            # The key ends with the day of the failure; the posting date may have moved to an open period.
            failed_on = entry_key.rpartition(":")[2]
            return chain.failed_transfer_of.get((document_id, failed_on), f"failed transfer in {document_id}")
        case "failed_transfer":
            return f"failed transfer rolled into {document_id}"
        case "reserve_held":
            return f"reserve of {document_id}"
        case "reserve_released":
            return f"reserve of {chain.reserve_of.get(document_id, f'a settlement before {document_id}')}"
        case "micro_deposit":
            return f"micro deposit of {document_id}"
    return document_id


def _booked(engine: sa.Engine) -> list[tuple[str, str, Entry]]:
    entries, outbox = db.released_entries.c, db.outbox.c
    query = (
        sa.select(entries.entry_key, entries.document_id, entries.ledger_key, entries.body)
        .join(db.outbox, outbox.release_id == entries.release_id)
        .where(outbox.state.in_(["posted", "verified", "mismatch"]))
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return [(row.entry_key, row.document_id, Entry.from_body(row.ledger_key, json.loads(row.body))) for row in rows]
