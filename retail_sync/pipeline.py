"""The straight line of one home: each stage as one call, with everything it needs put together here.

Dagster assets and the command line call these methods; the work itself is in the stage packages. A stage hands its problems
to the exception queue and records nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import duckdb
import sqlalchemy as sa

from retail_sync.connectors.drops import DropFetcher, Dropped
from retail_sync.connectors.forgetting import forget_deliveries, sharing_documents
from retail_sync.connectors.intake import Intake, Received, has_text_name, misplaced_files, receive_file, scan_inbox
from retail_sync.connectors.load import Loader, LoadReport
from retail_sync.connectors.payout_statements import derive_payout_statements
from retail_sync.connectors.problems import (
    find_delivery_problems,
    find_misplaced_files,
    find_undeclared_sources,
    find_unreadable_files,
    misplaced_told,
)
from retail_sync.connectors.pulling import Days, Pulled, Puller, Stores
from retail_sync.connectors.registry import WIRE_CONNECTORS
from retail_sync.core.archive import RawArchive
from retail_sync.core.errors import RetailSyncError, SettingsError
from retail_sync.core.locks import exclusive
from retail_sync.core.money import from_minor
from retail_sync.core.rules import read_rules
from retail_sync.core.warehouse import Warehouse, transaction
from retail_sync.journal import stock_documents
from retail_sync.journal.build import JournalReport, booked_kinds, build_journal
from retail_sync.journal.problems import find_held_documents, find_late_snapshots
from retail_sync.journal.releasing import Before, Booking, read_wanted
from retail_sync.journal.rules import Policies, PostingRules, storefront_channels
from retail_sync.ledger.adapter import DailyBooks, LedgerAdapter
from retail_sync.ledger.embedded import EmbeddedLedger
from retail_sync.ledger.outbox import Outbox, Policy, PostingReport
from retail_sync.ledger.problems import find_posting_problems
from retail_sync.ledger.registry import open_embedded, open_ledger
from retail_sync.operations.cursors import Cursors
from retail_sync.operations.database import open_database
from retail_sync.operations.deliveries import Delivery, DeliveryRegistry
from retail_sync.operations.drop_files import DropFiles
from retail_sync.operations.exceptions import ExceptionQueue, Problem
from retail_sync.operations.match_decisions import MatchDecisions
from retail_sync.operations.releases import Releaser, ReleaseReport
from retail_sync.reconcile.auto_clear import read_clearing_rules
from retail_sync.reconcile.availability import reconcile_availability
from retail_sync.reconcile.break_kinds import BreakKinds, read_break_kinds
from retail_sync.reconcile.clearing import ClearingReport, reconcile_clearing
from retail_sync.reconcile.inventory import StockLedger, reconcile_inventory
from retail_sync.reconcile.matching import Decision
from retail_sync.reconcile.order_traces import reconcile_order_traces
from retail_sync.reconcile.orders import reconcile_orders
from retail_sync.reconcile.ownership import apply_ownership
from retail_sync.reconcile.parallel_runs import reconcile_parallel_runs
from retail_sync.reconcile.problems import find_breaks
from retail_sync.reconcile.proofs import unexplained
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.reconcile.returns import reconcile_returns
from retail_sync.reconcile.settlements import reconcile_settlements
from retail_sync.reconcile.store_days import reconcile_store_days
from retail_sync.schemas import tables
from retail_sync.settings import SETTINGS_NAME, Home

Progress = Callable[[str], None]
_TOLD_EVERY_FILES = 100


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
            self.home.threads,
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
    def match_decisions(self) -> MatchDecisions:
        """What people decided about matches."""
        return MatchDecisions(self.operations)

    @cached_property
    def ledger(self) -> LedgerAdapter:
        """The ledger that the settings name."""
        return open_ledger(self.home, lambda finding: self.progress(f"ledger: {finding.message}"))

    @property
    def embedded_ledger(self) -> EmbeddedLedger:
        """The ledger we ship, for what only it can do. Raises SettingsError where the home posts to another one."""
        return open_embedded(self.home)

    @cached_property
    def outbox(self) -> Outbox:
        """The outbox of the ledger."""
        return Outbox(self.operations, self.ledger, Policy(self.home.settings.ledger.approval_above))

    def ingest(self, files: Sequence[str], source_name: str) -> list[Received]:
        """Take files in by name. Raises RetailSyncError for one that cannot be read."""
        source = self.home.settings.source_named(source_name)
        with self._intake_lock():
            return [item for file in files for item in receive_file(Path(file), source, self.home, self._intake)]

    def pull(self, window: Window | None = None) -> list[Pulled]:
        """Ask the systems for what is new, or for the days of `window`; what came is in the raw archive afterwards."""
        if not any(source.connector in WIRE_CONNECTORS for source in self.home.settings.source):
            self._settle("pull", [])
            return []
        stores = Stores(self.archive, self.registry, Cursors(self.operations), self._intake_lock)
        with self._lock("pull", "ask the systems"):
            puller = Puller(self.home, stores, self.trace_id, self.progress)
            days = Days(window.start, window.end) if window else None
            pulled = puller.pull_all(days)
            self._settle(days.stage if days else "pull", [item.problem for item in pulled if item.problem])
        return pulled

    def fetch_drops(self) -> list[Dropped]:
        """Fetch what is new in the remote folders of the sources; what came is in the raw archive afterwards."""
        if not any(source.drop for source in self.home.settings.source):
            self._settle("drop", [])
            return []
        with self._lock("drop", "fetch files"):
            fetcher = DropFetcher(self.home, self._intake, DropFiles(self.operations), self._intake_lock, self.progress)
            dropped = fetcher.fetch_all()
            self._settle("drop", [problem for item in dropped for problem in item.problems])
        return dropped

    @property
    def _intake(self) -> Intake:
        return Intake(self.archive, self.registry, self.trace_id)

    def receive_inbox(self) -> list[Received]:
        """Take in what is new in the inbox folders."""
        with self._intake_lock():
            for source in self.home.settings.source:  # so that nobody has to guess where files go
                (self.home.inbox / source.name).mkdir(parents=True, exist_ok=True)
            received = self._take_in()
            misplaced = misplaced_files(self.home)
            self._settle("raw", find_unreadable_files(received) + find_misplaced_files(misplaced))
        for place in misplaced:
            self.progress(misplaced_told(place))
        new = sum(item.is_new for item in received)
        unread = sum(not item.delivery_id for item in received)
        for item in received:
            if item.notice:
                self.progress(f"{item.path.parent.name}/{item.path.name}: {item.notice}; {item.remedy}")
        self.progress(
            f"inbox: {new} new files, {len(received) - new - unread} seen before"
            + (f", {unread} cannot be read" if unread else "")
        )
        return received

    def _take_in(self) -> list[Received]:
        """Take in what is new; many files take a while, so how far it is is told now and then."""
        received = []
        # SQLite empties its log when the last connection closes; this one stays, or it would for each step of each file.
        with self.operations.connect():
            for item in scan_inbox(self.home, self._intake):
                received.append(item)
                if len(received) % _TOLD_EVERY_FILES == 0:
                    self.progress(f"inbox: {len(received)} files taken in so far")
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
            wanted = _deliveries_of(connection, window)
            reload = self._kept_in_archive([d for d in deliveries if d.delivery_id in wanted])
            report = loader.load(connection, deliveries, reload)
            self._note_read(connection, deliveries)
            names = {source.name for source in self.home.settings.source}
            problems = find_delivery_problems(connection, deliveries) + find_undeclared_sources(connection, names)
            self._settle("canonical", problems)
        return report

    def remove_source(self, name: str, by: str, reason: str) -> int:
        """Take every delivery of a source that is not declared any more out of account. Returns how many.

        Their files stay in the raw archive and in the registry, with who took them out and why. What follows from their rows
        is taken back by the next run, as after any corrected delivery.
        """
        if any(source.name == name for source in self.home.settings.source):
            raise SettingsError(
                f"source {name} is declared: the next run would only take its files in again",
                f"take its [[source]] block out of {SETTINGS_NAME}, or give it its new name, then remove {name}",
            )
        with self._intake_lock(), self.writing(f"remove source {name}") as connection:
            # First what is decided, then what is derived: a run that ends in between is finished by the same command.
            count = self.registry.withdraw(name, by, reason)
            deliveries = self.registry.all()
            again = self._kept_in_archive(deliveries) & set(sharing_documents(connection, name))
            theirs = connection.execute("select delivery_id from raw.deliveries where source = ?", [name]).fetchall()
            if not count and not theirs:
                raise SettingsError(f"there is no delivery of a source {name}", "see retail-sync sources list")
            with transaction(connection):
                forget_deliveries(connection, [*(row[0] for row in theirs), *again])
                derive_payout_statements(connection)
            problems = find_undeclared_sources(connection, {source.name for source in self.home.settings.source})
            self._settle("canonical", find_delivery_problems(connection, deliveries) + problems)
        return max(count, len(theirs))

    def reconcile(self) -> ReconcileReport:
        """Canonical to reconcile."""
        with self.writing("reconcile") as connection:
            sources = {source.name for source in self.home.settings.source}
            apply_ownership(connection, read_rules(self.home.rules, "ownership"), sources)
            match_rules = read_rules(self.home.rules, "match_rules")
            report = reconcile_settlements(
                connection,
                match_rules,
                read_rules(self.home.rules, "bank_payers"),
                self.progress,
                [
                    Decision(d.decision_id, d.reconciliation, d.left_id, d.right_id, d.is_match)
                    for d in self.match_decisions.all()
                ],
                read_clearing_rules(
                    read_rules(self.home.rules, "auto_clear"),
                    read_rules(self.home.rules, "chart_of_accounts"),
                    is_booked=self._policies.deposits == "journal",
                ),
            )
            report += reconcile_orders(
                connection, match_rules, read_rules(self.home.rules, "order_components"), self.progress
            )
            report += reconcile_store_days(connection, match_rules, self.progress)
            report += reconcile_availability(
                connection,
                read_rules(self.home.rules, "safety_stock"),
                read_rules(self.home.rules, "channel_locations"),
                self.progress,
            )
            report += reconcile_parallel_runs(connection, self.progress)
            report += reconcile_inventory(connection, self.progress, self._stock_ledger())
            report += reconcile_returns(connection, read_rules(self.home.rules, "return_steps"), self.progress)
            reconcile_order_traces(connection, read_rules(self.home.rules, "order_steps"), self.progress)
            report += ReconcileReport(0, (), unexplained(connection, ["order_traces"]))
            self._settle("reconcile", find_breaks(connection, self.break_kinds))
        return report

    def _stock_ledger(self) -> StockLedger:
        """What the ledger holds as inventory besides our own stock entries; nothing in a currency where it keeps none.

        Nothing either where the ledger cannot tell day by day; then we book no stock (settings).
        """
        ledger, stock = self.ledger, self.home.settings.ledger.stock
        if not isinstance(ledger, DailyBooks):
            return StockLedger()
        account = PostingRules.read(self.home.rules).only_account("inventory")

        def balances(month_ends: Sequence[date]) -> dict[date, dict[str, Decimal]]:
            changes = ledger.daily_changes(account, leaving_out="stock:")
            return {month_end: _balances(changes, month_end) for month_end in month_ends}

        return StockLedger(balances, state=f"{ledger.head()}|{account}|{stock}", is_trued_up=stock == "journal")

    def journal(self) -> JournalReport:
        """Reconcile to desired journal entries."""
        with self.writing("build the journal") as connection:
            report = build_journal(
                connection,
                PostingRules.read(self.home.rules),
                self._policies,
                self.progress,
                lambda: self._releaser("journal").standing(stock_documents.ENTRY_KINDS),
            )
            self._settle("journal", find_held_documents(connection) + find_late_snapshots(connection))
        return report

    @property
    def _policies(self) -> Policies:
        settings = self.home.settings
        rules = read_rules(self.home.rules, "match_rules").rows
        days = [int(row["days_before"]) for row in rules if row["reconciliation"] == "currency_rate"]
        channels = storefront_channels(read_rules(self.home.rules, "settlement_categories"))
        return Policies(
            settings.home_currency,
            settings.ledger.deposits,
            settings.ledger.stock,
            rate_days=max(days, default=0),
            storefront=channels if settings.ledger.storefront == "journal" else (),
            granularity=settings.ledger.granularity,
        )

    def _booking(self) -> Booking:
        return Booking(booked_kinds(self._policies), PostingRules.read(self.home.rules).only_account("inventory"))

    @property
    def clearing_accounts(self) -> list[str]:
        """The accounts whose balances are explained item by item."""
        return [row["code"] for row in read_rules(self.home.rules, "chart_of_accounts").rows
                if row["is_clearing"] == "true"]  # fmt: skip

    @property
    def break_kinds(self) -> BreakKinds:
        """What each class of breaks is, who looks after it and by when."""
        return read_break_kinds(read_rules(self.home.rules, "break_kinds"))

    def clear(self) -> ClearingReport:
        """Desired journal to the items of its clearing accounts."""
        with self.writing("explain the clearing accounts") as connection:
            return reconcile_clearing(connection, self.clearing_accounts, self.progress)

    def release(self, released_by: str) -> ReleaseReport:
        """Desired entries to released versions with their outbox rows."""
        releaser = self._releaser(released_by)
        # What is desired is read under the posting lock too: a run that read it earlier and releases it later than
        # another run would take a correction back.
        with self._posting_lock():
            before = Before(releaser.last_words(), releaser.accounts)
            with self.writing("release entries") as connection:
                wanted = read_wanted(connection, self.registry.all(), before, self._booking())
            report = releaser.release(wanted.entries, wanted.ready, wanted.sight)
            self._settle("release", [*report.waiting_problems, *report.held])
        return report

    def _releaser(self, released_by: str) -> Releaser:
        moves = self.home.settings.ledger.closed_period == "next_open_period"
        return Releaser(
            self.operations,
            self.ledger.name,
            released_by,
            self.trace_id,
            self.ledger.first_open_date if moves else lambda day: day,
        )

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
        """Copy the warehouse for readers; a large one only at night, but for the first. Returns whether a copy was made."""
        warehouse = self.warehouse
        if is_nightly:
            warehouse.compact()
        limit = self.home.settings.warehouse.publish_every_run_up_to_mb << 20
        if not is_nightly and warehouse.published_file.exists() and warehouse.file.stat().st_size > limit:
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

    def _note_read(self, connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery]) -> None:
        """Let the registry know what was loaded and what is refused: after a rebuild nobody may be able to read it again."""
        rows = connection.execute(
            "select delivery_id, reason, delivered_count, status = 'loaded' from raw.deliveries where status <> 'unread'"
        ).fetchall()
        reasons = {delivery_id: reason for delivery_id, reason, _, _ in rows}
        loaded = {delivery_id: count for delivery_id, _, count, is_loaded in rows if is_loaded}
        self.registry.note_refused({
            d.delivery_id: reasons[d.delivery_id]
            for d in deliveries
            if reasons.get(d.delivery_id, d.refused_reason) != d.refused_reason
        })  # fmt: skip
        self.registry.note_loaded([d.delivery_id for d in deliveries if d.delivery_id in loaded and not d.loaded_at])
        known = {d.delivery_id: d.rows for d in deliveries}
        self.registry.note_rows({key: count for key, count in loaded.items() if known.get(key, count) != count})

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
