"""A small shop that releases and posts: its operations database and its real embedded ledger, in memory or in files.

Amounts are minor units of USD. `wanted(1, 10_000)` is the entry that settlement 1 wants while it is worth 100.00; its
facts are what was delivered, so another amount with the same facts is what a changed rule makes of them.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from retail_sync.ledger.adapter import LedgerAdapter
from retail_sync.ledger.embedded import Account, EmbeddedLedger
from retail_sync.ledger.outbox import Outbox, Policy, PostingReport
from retail_sync.operations import database as db
from retail_sync.operations.evidence import Facts, Sight
from retail_sync.operations.releases import Releaser, ReleaseReport
from retail_sync.operations.verdicts import Desired
from retail_sync.schemas.journal import Entry
from retail_sync_tests.ledger.bookkeeping import CHART, OCTOBER_14, leg

NO_POLICY = Policy()
ALL_SEEN = Sight()


def key_of(number: int) -> str:
    """The stable key of settlement `number`'s entry."""
    return f"amazon:settlement:{number}"


def document_of(number: int) -> str:
    """The document behind it."""
    return f"S{number}"


def wanted(
    number: int,
    minor: int = 10_000,
    facts: str = "first delivery",
    *,
    on: date = OCTOBER_14,
    account: str = "4000",
    memo: str = "",
) -> Desired:
    """The entry that settlement `number` wants: sales of `minor`, a tenth of it fees."""
    fee = minor // 10
    lines = (leg(account, -minor), leg("6000", fee), leg("1120", minor - fee, role="payout"))
    entry = Entry(key_of(number), on, memo or f"Settlement {number}", lines)
    return Desired(entry.key, document_of(number), "settlement", entry.body_text, entry.body_hash, facts)


def effect(entries: Iterable[Desired]) -> dict[tuple[str, str], int]:
    """What the ledger must hold for these entries: by key and account, zeros left out."""
    return {
        (entry.entry_key, line["account"]): line["transaction_minor"]
        for entry in entries
        for line in json.loads(entry.body)["lines"]
        if line["transaction_minor"]
    }


@dataclass
class Shop:
    """Releasing and posting with nothing but the operations database and the ledger."""

    engine: sa.Engine
    ledger: EmbeddedLedger
    moves_dates: bool = False
    _releases: int = field(default=0, init=False)

    def release(
        self, *entries: Desired, sight: Sight = ALL_SEEN, ready: Mapping[str, Facts] | None = None
    ) -> ReleaseReport:
        """Release what is desired now. `ready` adds documents that are ready and want nothing (any more)."""
        self._releases += 1
        stay: Callable[[date], date] = lambda day: day  # noqa: E731 - the policy "hold"
        first_open = self.ledger.first_open_date if self.moves_dates else stay
        releaser = Releaser(self.engine, self.ledger.name, "tests", f"release-{self._releases}", first_open)
        documents = {entry.document_id: Facts(entry.facts_hash, entry.facts_hash) for entry in entries}
        return releaser.release(entries, documents | dict(ready or {}), sight)

    def outbox(self, policy: Policy = NO_POLICY, adapter: LedgerAdapter | None = None) -> Outbox:
        """The outbox, as a worker that has just started sees it."""
        return Outbox(self.engine, adapter or self.ledger, policy)

    def post(self, policy: Policy = NO_POLICY) -> PostingReport:
        """Bring every row as far as it can go."""
        return self.outbox(policy).post_all(lambda _: None)

    def rows(self) -> list[sa.RowMapping]:
        """Every released version with its outbox row, in the order of release."""
        query = (
            sa.select(db.released_entries, db.outbox)
            .join(db.outbox, db.outbox.c.release_id == db.released_entries.c.release_id)
            .order_by(db.released_entries.c.release_id)
        )
        with self.engine.connect() as connection:
            return list(connection.execute(query).mappings())

    def states(self) -> dict[str, str]:
        """State by the key an entry has, or would have, in the ledger."""
        return {row["ledger_key"]: row["state"] for row in self.rows()}

    def reasons(self) -> dict[str, str]:
        """Reason code by ledger key, where there is one."""
        return {row["ledger_key"]: row["reason_code"] for row in self.rows() if row["reason_code"]}

    def books(self) -> Counter[str]:
        """How often the ledger holds each key."""
        return Counter(posted.entry.key for posted in self.ledger.entries())

    def net(self) -> dict[tuple[str, str], int]:
        """Net effect by entry key and account over all versions and reversals, zeros left out."""
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for posted in self.ledger.entries():
            for line in posted.entry.lines:
                sums[posted.entry.key.partition("#")[0], line.account] += line.transaction_minor
        return {key: minor for key, minor in sums.items() if minor}


def shop_in_memory(chart: Iterable[Account] = CHART) -> Shop:
    """A shop whose two databases are SQLite in memory: the same code and SQL, no disk to wait for. One thread only."""
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    sa.event.listen(engine, "connect", _as_the_product_connects)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("begin"))
    db.metadata.create_all(engine)
    ledger = EmbeddedLedger("sqlite://", None)
    ledger.install(list(chart))
    return Shop(engine, ledger)


def shop_at(url: str, folder: Path, chart: Iterable[Account] = CHART) -> Shop:
    """A shop with both databases in one schema of a server; `folder` keeps its lock and its heads."""
    engine = db.open_database(url, folder)
    ledger = EmbeddedLedger(url, folder / "heads.jsonl")
    ledger.install(list(chart))
    return Shop(engine, ledger)


def shop_in(folder: Path, chart: Iterable[Account] = CHART) -> Shop:
    """A shop with both databases in files, as the product keeps them."""
    folder.mkdir(parents=True, exist_ok=True)
    engine = db.open_database(f"sqlite:///{folder / 'operations.sqlite'}", folder)
    ledger = EmbeddedLedger(f"sqlite:///{folder / 'ledger.sqlite'}", folder / "heads.jsonl")
    ledger.install(list(chart))
    return Shop(engine, ledger)


def _as_the_product_connects(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("pragma foreign_keys = on")
