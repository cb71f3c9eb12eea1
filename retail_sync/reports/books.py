"""The ledger for people: the trial balance, and what `verify` checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from retail_sync.core.money import format_money
from retail_sync.core.rules import read_rules
from retail_sync.journal.rules import PostingRules
from retail_sync.ledger.problems import find_posting_problems
from retail_sync.reports.clearing_state import (
    ClearingItem,
    as_values,
    by_size,
    by_store_day,
    item_rows,
    ledger_items,
)
from retail_sync.reports.state import trial_balance_rows

if TYPE_CHECKING:
    from retail_sync.pipeline import Pipeline

_SHOWN = 10
_NAMED = 3


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """(account, name, currency, debit, credit) and a sentence per currency."""

    rows: list[tuple[Any, ...]]
    totals: dict[str, int]

    @property
    def is_balanced(self) -> bool:
        """Whether every currency sums to zero."""
        return not any(self.totals.values())

    @property
    def sentences(self) -> list[str]:
        """One sentence per currency."""
        return [
            f"{currency}: debits and credits {'agree' if not rest else 'differ by ' + format_money(rest, currency)}"
            for currency, rest in sorted(self.totals.items())
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return plain types for --json."""
        names = ("account", "name", "currency", "debit", "credit")
        return {"accounts": [dict(zip(names, row, strict=True)) for row in self.rows], "difference_minor": self.totals}


@dataclass(frozen=True, slots=True)
class Verification:
    """What verify looked at and found. `explained` are the accounts whose balances the items are.

    `waiting` are the keys of entries that the ledger does not hold as they are wanted: their items cannot be told.
    """

    entries: int
    findings: Sequence[str]
    items: Sequence[ClearingItem]
    newest: date
    explained: Sequence[str]
    waiting: Sequence[str]

    @property
    def sentences(self) -> list[str]:
        """The verdict in words, and how far it reaches."""
        if self.findings:
            verdict = [f"{len(self.findings)} findings:", *self.findings]
        else:
            verdict = [f"{self.entries} entries: the chain is whole, every entry was read back as it was sent."]
            if self.explained:
                verdict.append(f"Explained item by item, to the last cent: {', '.join(self.explained)}.")
        if self.waiting:
            verdict.append(
                f"{len(self.waiting)} entries on these accounts are not in the ledger as they are wanted today "
                f"({', '.join(self.waiting[:_NAMED])}{', ...' if self.waiting[_NAMED:] else ''}): "
                "what the ledger holds of them stands under their own keys."
            )
        return verdict

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """(account, item, open, since, age): the receipts of a store's day together, the largest of each account first.

        What is not shown of an account is its last row, so that the rows of an account sum to its balance.
        """
        by_account: dict[tuple[str, str], list[ClearingItem]] = defaultdict(list)
        for item in by_store_day(self.items):
            by_account[item.account, item.currency].append(item)
        rows: list[tuple[Any, ...]] = []
        for (account, currency), items in sorted(by_account.items()):
            ordered = by_size(items)
            rows += item_rows(ordered[:_SHOWN], self.newest)
            rest = ordered[_SHOWN:]
            if rest:
                oldest = min(item.since for item in rest)
                value = format_money(sum(item.minor for item in rest), currency)
                rows.append((account, f"{len(rest)} more", value, str(oldest), f"{(self.newest - oldest).days} d"))
        return rows

    def as_dict(self) -> dict[str, Any]:
        """Return plain types for --json: every item."""
        return {
            "entries": self.entries,
            "findings": list(self.findings),
            "items": as_values(self.items, self.newest),
            "explained": list(self.explained),
            "waiting": list(self.waiting),
        }


def read_trial_balance(pipeline: Pipeline, as_of: date | None) -> TrialBalance:
    """Return the ledger's balances up to a posting date."""
    names = {row["code"]: row["name"] for row in read_rules(pipeline.home.rules, "chart_of_accounts").rows}
    balances = pipeline.ledger.balances(as_of)
    totals: dict[str, int] = defaultdict(int)
    for balance in balances:
        totals[balance.home_currency] += balance.home_minor
    return TrialBalance(trial_balance_rows(balances, names), dict(totals))


def read_verification(pipeline: Pipeline) -> Verification:
    """Read every entry back, verify the ledger, and explain its clearing accounts."""
    pipeline.watch_drift()
    with pipeline.warehouse.reading() as connection:
        found = ledger_items(pipeline, connection)
    findings = [
        *(f"{finding.check}: {finding.message}" for finding in (*pipeline.ledger.verify(), *found.findings)),
        *(problem.message for problem in find_posting_problems(pipeline.operations)),
    ]
    chart = PostingRules.read(pipeline.home.rules).chart
    explained = [f"{account} {chart.get(account, '')}".strip() for account in sorted(found.accounts)]
    return Verification(
        pipeline.outbox.count("verified"), findings, found.items, found.newest, explained, found.waiting
    )
