"""A small shop's books for the ledger tests: its chart of accounts and entries that say what they are.

Amounts are minor units of USD unless a test says otherwise; a debit is positive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event

from retail_sync.ledger.embedded import Account, EmbeddedLedger
from retail_sync.schemas.journal import Entry, EntryLine

OCTOBER_14 = date(2026, 10, 14)

CHART = (
    Account("1000", "Bank", "asset", "debit"),
    Account("1120", "Payouts in transit", "asset", "debit"),
    Account("4000", "Sales: product", "income", "credit"),
    Account("6000", "Referral fees", "expense", "debit"),
    Account("6999", "Old fees", "expense", "debit", is_active=False),
)


@dataclass(frozen=True)
class Books:
    """Where one test's ledger lies."""

    url: str
    heads_path: Path

    def open(self) -> EmbeddedLedger:
        """Return the ledger as the product opens it, not installed yet."""
        return EmbeddedLedger(self.url, self.heads_path)

    def installed(self) -> EmbeddedLedger:
        """Return the ledger with tables, rules and the chart in place."""
        ledger = self.open()
        ledger.install(CHART)
        return ledger

    @property
    def is_sqlite(self) -> bool:
        """Tell which of the two databases this is."""
        return self.url.startswith("sqlite")

    def stranger(self, *, foreign_keys: bool = True) -> Engine:
        """Return a connection pool of somebody who knows nothing of our code."""
        engine = create_engine(self.url)
        if self.is_sqlite and foreign_keys:
            event.listen(engine, "connect", lambda raw, _: raw.execute("pragma foreign_keys = on"))
        return engine


def leg(account: str, minor: int, **other: Any) -> EntryLine:
    """Return one line in USD, home and transaction amount the same."""
    return replace(EntryLine(account, minor, "USD", minor, "USD"), **other)


def sale(number: int, minor: int = 10_000, on: date = OCTOBER_14, **other: Any) -> Entry:
    """Return a settlement of `minor` with a tenth of it in fees, under the key `settlement:<n>#1`."""
    fee = minor // 10
    lines = (leg("4000", -minor), leg("6000", fee), leg("1120", minor - fee, role="payout"))
    return Entry(f"settlement:{number}#1", on, f"Settlement {number}", lines, **other)


def reversal(original: Entry, on: date = OCTOBER_14) -> Entry:
    """Return `original` turned round, under its key with an R."""
    lines = tuple(line.negated() for line in original.lines)
    return Entry(f"{original.key}R", on, f"Reversal: {original.memo}", lines, original.key)


def token(entry: Entry) -> str:
    """Return a token as the outbox would derive it: the same entry always brings the same one."""
    return f"{entry.key}/{entry.body_hash[:16]}"


def post_all(ledger: EmbeddedLedger, entries: Iterable[Entry]) -> list[str]:
    """Post `entries` one by one and return the ledger's numbers."""
    return [ledger.post(entry, token(entry)) for entry in entries]
