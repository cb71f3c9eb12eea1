"""The straight line of one home: each stage as one call, with everything it needs put together here.

Dagster assets and the command line call these methods; the work itself is in the stage packages. A stage hands its problems
to the exception queue and records nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import duckdb
import sqlalchemy as sa

from retail_sync import __version__
from retail_sync.connectors.intake import Received, has_text_name, receive, scan_inbox
from retail_sync.connectors.load import Loader, LoadReport
from retail_sync.connectors.problems import find_delivery_problems, find_unreadable_files
from retail_sync.core.archive import RawArchive
from retail_sync.core.errors import RetailSyncError
from retail_sync.core.locks import exclusive
from retail_sync.core.money import from_minor
from retail_sync.core.rules import read_rules
from retail_sync.core.warehouse import Warehouse
from retail_sync.journal.build import JournalReport, build_journal
from retail_sync.journal.problems import find_held_documents
from retail_sync.journal.rules import Policies, PostingRules
from retail_sync.ledger.embedded import Account, EmbeddedLedger
from retail_sync.ledger.outbox import Outbox, Policy, PostingReport
from retail_sync.ledger.problems import find_posting_problems
from retail_sync.operations.database import open_database
from retail_sync.operations.deliveries import Delivery, DeliveryRegistry
from retail_sync.operations.evidence import Evidence, Facts, Sight
from retail_sync.operations.exceptions import ExceptionQueue, Problem
from retail_sync.operations.releases import Releaser, ReleaseReport
from retail_sync.operations.verdicts import Desired
from retail_sync.reconcile.availability import reconcile_availability
from retail_sync.reconcile.inventory import StockLedger, reconcile_inventory
from retail_sync.reconcile.problems import find_breaks
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.reconcile.settlements import reconcile_settlements
from retail_sync.reconcile.store_days import reconcile_store_days
from retail_sync.schemas import tables
from retail_sync.settings import Home

Progress = Callable[[str], None]


# The day of a canonical row that puts its delivery into a window.
_DAYS_OF_DELIVERIES = ("closing_date", "business_date", "snapshot_date", "value_date", "rate_date", "payout_date")


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open range of closing days, [start, end)."""

    start: date
    end: date


class Pipeline:
    """The stages of one home. `trace_id` stands in every row they write; `progress` is told what goes on."""

    def __init__(self, home: Home, trace_id: str, progress: Progress = lambda _: None) -> None:
        self.home = home
        self.trace_id = trace_id
        self.progress = progress
        home.state.mkdir(parents=True, exist_ok=True)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse of the home."""
        settings = self.home.settings.warehouse
        return Warehouse(
            self.home.state,
            settings.url,
            settings.memory_limit,
            settings.threads,
            settings.lock_wait_seconds,
        )

    @cached_property
    def archive(self) -> RawArchive:
        """The raw archive."""
        return RawArchive(self.home.state / "raw")

    @cached_property
    def operations(self) -> sa.Engine:
        """The operations database."""
        return open_database(self.home.operations_url, self.home.state)

    @cached_property
    def registry(self) -> DeliveryRegistry:
        """The delivery registry."""
        return DeliveryRegistry(self.operations)

    @cached_property
    def exceptions(self) -> ExceptionQueue:
        """The exception queue."""
        return ExceptionQueue(self.operations)

    @cached_property
    def ledger(self) -> EmbeddedLedger:
        """The ledger, with its tables and the chart of accounts installed."""
        ledger = EmbeddedLedger(self.home.ledger_url, self.home.state / "ledger_heads.jsonl")
        chart = read_rules(self.home.rules, "chart_of_accounts").rows
        lost = ledger.install(
            [Account(r["code"], r["name"], r["type"], r["normal_side"], r["is_active"] == "true") for r in chart]
        )
        for finding in lost:
            self.progress(f"ledger: {finding.message}")
        return ledger

    @cached_property
    def outbox(self) -> Outbox:
        """The outbox of the ledger."""
        return Outbox(self.operations, self.ledger, Policy(self.home.settings.ledger.approval_above))

    def ingest(self, files: Sequence[str], source_name: str) -> list[Received]:
        """Take files in by name. Raises RetailSyncError for one that cannot be read."""
        source = self.home.settings.source_named(source_name)
        with self._intake_lock():
            return [receive(Path(file), source, self.archive, self.registry, self.trace_id) for file in files]

    def receive_inbox(self) -> list[Received]:
        """Take in what is new in the inbox folders."""
        with self._intake_lock():
            for source in self.home.settings.source:  # so that nobody has to guess where files go
                (self.home.inbox / source.name).mkdir(parents=True, exist_ok=True)
            received = list(scan_inbox(self.home, self.archive, self.registry, self.trace_id))
            self._settle("raw", find_unreadable_files(received))
        new = sum(item.is_new for item in received)
        unread = sum(not item.delivery_id for item in received)
        self.progress(
            f"inbox: {new} new files, {len(received) - new - unread} seen before"
            + (f", {unread} cannot be read" if unread else "")
        )
        return received

    def load(self, window: Window | None = None) -> LoadReport:
        """Raw to canonical. `window` reads deliveries of settlements closing in it again from the raw archive."""
        with self.writing("load deliveries") as connection:
            # Read under the lock: a run that loaded more meanwhile must not have its problems closed by an older list.
            deliveries = self.registry.all()
            loader = Loader(
                self.home,
                self.archive,
                self.warehouse.scratch,
                read_rules(self.home.rules, "settlement_categories"),
                self.progress,
            )
            reload = _deliveries_of(connection, window) & self._kept_in_archive(deliveries)
            report = loader.load(connection, deliveries, reload)
            self._note_refused(connection, deliveries)
            self._settle("canonical", find_delivery_problems(connection, deliveries))
        return report

    def reconcile(self) -> ReconcileReport:
        """Canonical to reconcile."""
        with self.writing("reconcile") as connection:
            match_rules = read_rules(self.home.rules, "match_rules")
            report = reconcile_settlements(
                connection, match_rules, read_rules(self.home.rules, "bank_payers"), self.progress
            )
            report += reconcile_store_days(connection, match_rules, self.progress)
            report += reconcile_availability(connection, read_rules(self.home.rules, "safety_stock"), self.progress)
            report += reconcile_inventory(connection, self.progress, self._stock_ledger())
            self._settle("reconcile", find_breaks(connection))
        return report

    def _stock_ledger(self) -> StockLedger:
        """What the ledger holds as inventory besides our own stock entries; nothing in a currency where it keeps none."""
        account = PostingRules.read(self.home.rules).legs["inventory"]
        stock = self.home.settings.ledger.stock

        def balances(month_ends: Sequence[date]) -> dict[date, dict[str, Decimal]]:
            changes = self.ledger.daily_changes(account, leaving_out="stock:")
            return {month_end: _balances(changes, month_end) for month_end in month_ends}

        return StockLedger(balances, state=f"{self.ledger.head()}|{account}|{stock}", is_trued_up=stock == "journal")

    def journal(self) -> JournalReport:
        """Reconcile to desired journal entries."""
        settings = self.home.settings
        with self.writing("build the journal") as connection:
            report = build_journal(
                connection,
                PostingRules.read(self.home.rules),
                Policies(settings.home_currency, settings.ledger.deposits, settings.ledger.stock),
                self.progress,
            )
            self._settle("journal", find_held_documents(connection))
        return report

    def release(self, released_by: str) -> ReleaseReport:
        """Desired entries to released versions with their outbox rows."""
        moves = self.home.settings.ledger.closed_period == "next_open_period"
        releaser = Releaser(
            self.operations,
            self.ledger.name,
            released_by,
            self.trace_id,
            self.ledger.first_open_date if moves else lambda day: day,
        )
        # What is desired is read under the posting lock too: a run that read it earlier and releases it later than
        # another run would take a correction back.
        with self._posting_lock():
            with self.writing("release entries") as connection:
                desired, ready, sight = _desired(connection, self.registry.all(), releaser.released_movements())
            report = releaser.release(desired, ready, sight)
            self._settle("release", [*report.waiting, *report.held])
        return report

    def post(self, *, watch_drift: bool) -> PostingReport:
        """Released entries to the ledger; with `watch_drift` every verified entry is read back again."""
        with self._posting_lock():
            report = self.outbox.post_all(self.progress)
            if watch_drift:
                report.count("mismatch", self.outbox.drift())
            self._settle("ledger", find_posting_problems(self.operations))
        return report

    def watch_drift(self) -> None:
        """Read every verified entry back and note those that somebody changed in the ledger."""
        with self._posting_lock():
            self.outbox.drift()
            self._settle("ledger", find_posting_problems(self.operations))

    def publish(self, *, is_nightly: bool) -> bool:
        """Copy the warehouse for readers; a large one only at night. Returns whether a copy was made."""
        warehouse = self.warehouse
        if is_nightly:
            warehouse.compact()
        limit = self.home.settings.warehouse.publish_every_run_up_to_mb << 20
        if not is_nightly and warehouse.file.stat().st_size > limit:
            return False
        return warehouse.publish()

    def waiting_files(self) -> list[Path]:
        """Inbox files that were not taken in yet."""
        folders = [self.home.inbox / source.name for source in self.home.settings.source]
        files = [file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir())]
        return [
            file for file in files if file.is_file() and not file.name.startswith(".") and not self._was_taken_in(file)
        ]

    def _was_taken_in(self, file: Path) -> bool:
        return has_text_name(file) and self.registry.is_known_inbox_file(file)

    def purge_raw(self) -> int:
        """Delete raw content past its retention. Returns how many deliveries; 0 where everything is kept."""
        days = self.home.settings.raw.retention_days
        if not days:
            return 0
        before = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        old = self.registry.received_before(before)
        for delivery in old:
            self.registry.mark_purged(delivery.delivery_id)
            self.archive.purge(delivery.source, delivery.sha256)
        return len(old)

    def _kept_in_archive(self, deliveries: Sequence[Delivery]) -> frozenset[str]:
        """Return those that can be read again: what retention deleted stays in the warehouse as it was read once."""
        return frozenset(d.delivery_id for d in deliveries if self.archive.has(d.source, d.sha256))

    def _note_refused(self, connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery]) -> None:
        """Let the registry know what is refused: after a rebuild nobody may be able to read it again."""
        rows = connection.execute("select delivery_id, reason from raw.deliveries where status <> 'unread'").fetchall()
        reasons = dict(rows)
        self.registry.note_refused({
            d.delivery_id: reasons[d.delivery_id]
            for d in deliveries
            if reasons.get(d.delivery_id, d.refused_reason) != d.refused_reason
        })  # fmt: skip

    def _require_raw(self, loaded: Sequence[str]) -> None:
        """Refuse to empty a warehouse that cannot be derived anew."""
        wanted = frozenset(loaded)
        lost = [d.name for d in self.registry.all()
                if d.delivery_id in wanted and not self.archive.has(d.source, d.sha256)]  # fmt: skip
        if lost:
            raise RetailSyncError(
                f"this version of the program has other tables and must read all deliveries again, but the raw archive has "
                f"not kept {len(lost)} of those in the warehouse ({', '.join(lost[:5])}{', ...' if lost[5:] else ''}); "
                "nothing was changed",
                "deliver these files again, or go on with the earlier version; to do without them, "
                f"move {self.warehouse.file} aside",
            )

    def _settle(self, stage: str, problems: Sequence[Problem]) -> None:
        self.exceptions.settle(stage, problems, self.trace_id)

    @contextmanager
    def writing(self, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Hold the warehouse lock and a connection whose tables are there."""
        with self.warehouse.writing(purpose) as connection:
            if tables.prepare(connection, self._require_raw):
                self.progress("the tables' contracts changed: the warehouse is derived anew from the raw archive")
            yield connection

    def _intake_lock(self) -> AbstractContextManager[None]:
        return self._lock("intake", "take files in")

    def _posting_lock(self) -> AbstractContextManager[None]:
        return self._lock("posting", "post entries")

    def _lock(self, name: str, purpose: str) -> AbstractContextManager[None]:
        return exclusive(
            self.home.state / f"{name}.lock",
            self.home.settings.warehouse.lock_wait_seconds,
            purpose,
        )


def _balances(changes: Sequence[tuple[date, str, int]], as_of: date) -> dict[str, Decimal]:
    sums: dict[str, int] = {}
    for on, currency, minor in changes:
        if on <= as_of:
            sums[currency] = sums.get(currency, 0) + minor
    return {currency: from_minor(minor, currency) for currency, minor in sums.items()}


def _deliveries_of(connection: duckdb.DuckDBPyConnection, window: Window | None) -> frozenset[str]:
    if window is None:
        return frozenset()
    dated = [
        (table.qualified, column)
        for table in tables.TABLES
        for column in table.column_names
        if "delivery_id" in table.column_names and column in _DAYS_OF_DELIVERIES
    ]
    found = " union ".join(
        f"select delivery_id from {name} where {column} >= $start and {column} < $end"  # noqa: S608 - names of the registry
        for name, column in dated
    )
    rows = connection.execute(found, {"start": window.start, "end": window.end}).fetchall()
    return frozenset(row[0] for row in rows)


def _desired(
    connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery], movements: Sequence[str]
) -> tuple[list[Desired], dict[str, Facts], Sight]:
    """Return the desired entries, the facts of ready documents, and what this warehouse can see.

    `movements` are those to look for: what released deposits rest on.
    """
    sight = _sight(connection, deliveries, movements)
    documents = connection.execute(
        "select document_id, facts_hash, deposit_facts_hash, delivery_id, bank_delivery_id, bank_movement "
        "from journal.documents where status = 'ready'"
    ).fetchall()
    ready = {row[0]: Facts(row[1], row[2], row[3]) for row in documents}
    evidence = {row[0]: Evidence(row[3], row[4], row[5], sight.matching_hash) for row in documents}
    entries = connection.execute(
        "select entry_key, document_id, kind, body, body_hash, facts_hash from journal.entries order by posting_date, entry_key"
    ).fetchall()
    desired = [
        Desired(key, document, kind, json.loads(body), body_hash, facts, evidence[document].of(kind))
        for key, document, kind, body, body_hash, facts in entries
    ]
    return desired, ready, sight


def _sight(connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery], movements: Sequence[str]) -> Sight:
    status = dict(connection.execute("select delivery_id, status from raw.deliveries").fetchall())
    seen = connection.execute(
        "select concat_ws('|', source || ':' || account || ':' || transaction_id, amount, value_date) as movement "
        "from canonical.bank_transactions where movement in (select unnest($movements))",
        {"movements": list(movements)},
    ).fetchall()
    return Sight(
        loaded=frozenset(delivery_id for delivery_id, word in status.items() if word == "loaded"),
        unread=tuple(d.name for d in deliveries if status.get(d.delivery_id) == "unread"),
        is_complete=all(status.get(d.delivery_id, "unread") != "unread" for d in deliveries),
        movements=frozenset(movement for (movement,) in seen),
        matching_hash=_matching_hash(connection),
        orders={d.delivery_id: d.received_order for d in deliveries},
    )


def _matching_hash(connection: duckdb.DuckDBPyConnection) -> str:
    """Return a hash of all that decides which bank movement pays which settlement, besides the facts."""
    rows = connection.execute(
        "select name, hash from raw.applied where name in ('match_rules', 'bank_payers', 'settlement_categories') order by name"
    ).fetchall()
    return hashlib.sha256(json.dumps([__version__, *rows]).encode()).hexdigest()
