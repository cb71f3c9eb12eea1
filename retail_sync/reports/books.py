"""The ledger for people: the trial balance, and what `verify` checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from retail_sync.core.money import format_money
from retail_sync.core.rules import read_rules
from retail_sync.journal.rules import PostingRules
from retail_sync.ledger.clearing import itemised_accounts, open_items, unexplained
from retail_sync.ledger.problems import find_posting_problems
from retail_sync.reports.state import read_chain, trial_balance_rows

if TYPE_CHECKING:
    from retail_sync.pipeline import Pipeline


# Categories that are booked to a clearing account whose items nobody lists yet: `verify` names these accounts, so that its
# verdict is not taken for one on them.
_WITHOUT_ITEMS = (
    "tender_cash", "tender_card", "tender_other", "tender_account", "tender_gift_card", "card_payment", "order_payments",
    "payment_reserve",
)  # fmt: skip


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
    """What verify looked at and found. `items` are (account, currency, item, open amount, since, age).

    `explained` are the accounts whose balances the items are; `without_items` clearing accounts that have a balance and no
    items yet: nothing is said of them.
    """

    entries: int
    findings: Sequence[str]
    items: Sequence[tuple[str, ...]]
    explained: Sequence[str]
    without_items: Sequence[str]

    @property
    def sentences(self) -> list[str]:
        """The verdict in words, and how far it reaches."""
        verdict = (
            [f"{len(self.findings)} findings:", *self.findings]
            if self.findings
            else [
                f"{self.entries} entries: the chain is whole, every entry was read back as it was sent.",
                *(
                    [f"Explained item by item, to the last cent: {', '.join(self.explained)}."]
                    if self.explained
                    else []
                ),
            ]
        )
        if not self.without_items:
            return verdict
        return [
            *verdict,
            f"Not explained item by item yet, though they have a balance: {', '.join(self.without_items)}.",
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return plain types for --json."""
        return asdict(self)


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
        chain = read_chain(connection)
    findings = [
        *(f"{finding.check}: {finding.message}" for finding in pipeline.ledger.verify()),
        *(
            f"{finding.check}: {finding.message}"
            for finding in unexplained(pipeline.operations, pipeline.ledger, chain)
        ),
        *(problem.message for problem in find_posting_problems(pipeline.operations)),
    ]
    today = datetime.now(UTC).date()
    items = [
        (i.account, i.currency, i.item, format_money(i.minor, i.currency), str(i.since), f"{(today - i.since).days} d")
        for i in open_items(pipeline.operations, chain)
    ]
    return Verification(pipeline.ledger.entry_count(), findings, items, *_reach(pipeline))


def _reach(pipeline: Pipeline) -> tuple[list[str], list[str]]:
    """Return the clearing accounts that items explain, and those with a balance of which no items are listed yet."""
    rules = PostingRules.read(pipeline.home.rules)
    open_accounts = {balance.account for balance in pipeline.ledger.balances() if balance.home_minor}
    explained = itemised_accounts(pipeline.operations)
    clearing = {rules.categories[name].account for name in _WITHOUT_ITEMS if name in rules.categories}

    def named(accounts: Iterable[str]) -> list[str]:
        return [f"{account} {rules.chart.get(account, '')}".strip() for account in sorted(accounts)]

    return named(explained), named((clearing & open_accounts) - explained)
