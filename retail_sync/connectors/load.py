"""Raw to canonical: every registered delivery that this warehouse has not read yet becomes canonical rows.

One delivery is one transaction. Of several deliveries of one document the best is in force: a complete one before one that
does not foot or has rejected rows, then the newer one. The same holds of rows that are replaced by group (`groups`). So a
damaged copy never displaces a good one, and the result does not depend on the order of loading.

A delivery is refused for what it holds, or unread: then its content or its source block is missing, and it may hold facts.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from retail_sync import __version__
from retail_sync.connectors.categories import categorise_staged, load_category_rules, recategorise
from retail_sync.connectors.connector import Staged
from retail_sync.connectors.forgetting import forget_deliveries, hand_on, hand_on_rows
from retail_sync.connectors.groups import find_incomplete_groups, give_way, record_incomplete_groups
from retail_sync.connectors.moved_receipts import note_moved_receipts
from retail_sync.connectors.payout_statements import derive_payout_statements, name_payouts
from retail_sync.connectors.registry import reader_of
from retail_sync.connectors.splitting import split_by_contract
from retail_sync.core.archive import RawArchive
from retail_sync.core.errors import DeliveryRefused, RetailSyncError, SettingsError
from retail_sync.core.failpoints import failpoint
from retail_sync.core.rules import RuleFile
from retail_sync.core.warehouse import transaction
from retail_sync.operations.deliveries import Delivery
from retail_sync.schemas.contract import Table
from retail_sync.schemas.proof import mark_changed
from retail_sync.schemas.tables import table as contract_of
from retail_sync.settings import Home, Source

# What says how a source is asked, not how its answers are read.
_NOT_OF_READING = {
    "objects", "start_date", "calls_max", "requests_per_minute", "drop", "drop_pattern", "drop_settled", "drop_host_key",
    "drop_endpoint", "look_back_days",
}  # fmt: skip
_MISSING_CONTENT = "its content is not in the raw archive any more (retention, or the file was lost)"


class _NotRead(RetailSyncError):
    """What the delivery holds cannot be looked at now. `status` is `refused` where an earlier reading found it wrong."""

    status = "unread"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What one load did. `refused` are newly refused (file name, reason); `recategorised` counts lines a changed rule moved."""

    loaded: int
    refused: tuple[tuple[str, str], ...]
    accepted_count: int
    rejected_count: int
    recategorised: int

    @property
    def changed(self) -> bool:
        """Whether any canonical table may differ from before."""
        return bool(self.loaded or self.recategorised)


@dataclass(frozen=True, slots=True)
class Loader:
    """Everything a load needs besides the connection. `progress` is called with a sentence per delivery."""

    home: Home
    archive: RawArchive
    scratch: Path
    category_rules: RuleFile
    progress: Callable[[str], None]

    def load(
        self,
        connection: duckdb.DuckDBPyConnection,
        deliveries: Sequence[Delivery],
        reload: frozenset[str] = frozenset(),
    ) -> LoadReport:
        """Load what is new among `deliveries`; those in `reload` are read again from raw."""
        load_category_rules(connection, self.category_rules)
        recategorised = self._apply_changed_rules(connection)
        self._forget_what_is_read_otherwise(connection, deliveries)
        rows = connection.execute("select delivery_id, reason, read_with from raw.deliveries").fetchall()
        reasons = {delivery_id: reason for delivery_id, reason, _ in rows}
        read_with = {delivery_id: used for delivery_id, _, used in rows}
        pending = [
            delivery
            for delivery in deliveries
            if delivery.delivery_id in reload or self._is_open(delivery, reasons, read_with)
        ]
        refused, loaded, accepted, rejected = [], 0, 0, 0
        for number, delivery in enumerate(pending, 1):
            began = time.monotonic()
            outcome = self._load_one(connection, delivery)
            took = f"{time.monotonic() - began:.1f} s"
            if isinstance(outcome, RetailSyncError):
                if reasons.get(delivery.delivery_id) == outcome.message:
                    continue
                refused.append((delivery.name, outcome.message))
                self.progress(f"[{number}/{len(pending)}] {_told(delivery)}: refused, {outcome.message}")
                continue
            loaded, accepted, rejected = loaded + 1, accepted + outcome[0], rejected + outcome[1]
            self.progress(
                f"[{number}/{len(pending)}] {_told(delivery)}: {outcome[0]} rows, {outcome[1]} rejected ({took})"
            )
        self._derive_statements(connection)
        return LoadReport(loaded, tuple(refused), accepted, rejected, recategorised)

    def _apply_changed_rules(self, connection: duckdb.DuckDBPyConnection) -> int:
        name, wanted = self.category_rules.name, self.category_rules.hash
        found = connection.execute("select hash from raw.applied where name = ?", [name]).fetchone()
        if found and found[0] == wanted:
            return 0
        with transaction(connection):
            changed = recategorise(connection) if found else 0
            if changed:
                mark_changed(connection, "canonical")
            connection.execute("delete from raw.applied where name = ?", [name])
            connection.execute("insert into raw.applied (name, hash) values (?, ?)", [name, wanted])
        return changed

    def _forget_what_is_read_otherwise(
        self, connection: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery]
    ) -> None:
        """Take out what was loaded under other settings of its source, so that it is read as a fresh warehouse would.

        All deliveries of such a source go, and all other copies of its documents: which one is in force is decided anew.
        What the archive has not kept stays as it was read once. A run that ends here leaves deliveries never read.
        """
        rows = connection.execute(
            "select delivery_id, document_id, read_with from raw.deliveries where status = 'loaded'"
        ).fetchall()
        loaded = {delivery_id: (document_id, used) for delivery_id, document_id, used in rows}
        today = {name: self._read_with(name) for name in {d.source for d in deliveries}}
        there = [d for d in deliveries if d.delivery_id in loaded and today[d.source]]
        # Only where one was read otherwise is the archive asked what it has: there are years of deliveries.
        if all(loaded[d.delivery_id][1] == today[d.source] for d in there):
            return
        kept = {d.delivery_id: d for d in there if self.archive.has(d.source, d.sha256)}
        changed = {d.source for d in kept.values() if loaded[d.delivery_id][1] != today[d.source]}
        if not changed:
            return
        documents = {loaded[d.delivery_id][0] for d in kept.values() if d.source in changed}
        again = [i for i, d in kept.items() if d.source in changed or loaded[i][0] in documents]
        self.progress(
            f"{', '.join(sorted(changed))}: loaded under other settings; {len(again)} deliveries are read again"
        )
        with transaction(connection):
            forget_deliveries(connection, again)

    def _derive_statements(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Derive the statements of touched payouts, once for all deliveries; a run that ends before leaves the note."""
        with transaction(connection):
            if derive_payout_statements(connection):
                mark_changed(connection, "canonical")
                failpoint("statements.before_commit")
        failpoint("statements.after_commit")

    def _is_open(self, delivery: Delivery, reasons: Mapping[str, str], read_with: Mapping[str, str]) -> bool:
        """Whether it was never read, or refused before a setting was corrected or a newer reader came."""
        delivery_id = delivery.delivery_id
        if delivery_id not in reasons:
            return True
        return bool(reasons[delivery_id]) and read_with[delivery_id] != self._read_with(delivery.source)

    def _read_with(self, source: str) -> str:
        """Return a hash of all that decides what is read from a given content; '' where no source block says how."""
        block = next(
            (s.model_dump_json(exclude=_NOT_OF_READING) for s in self.home.settings.source if s.name == source), ""
        )
        limit = self.home.settings.raw.max_unpacked_mb
        return hashlib.sha256(f"{__version__}|{limit}|{block}".encode()).hexdigest() if block else ""

    def _load_one(self, connection: duckdb.DuckDBPyConnection, delivery: Delivery) -> RetailSyncError | tuple[int, int]:
        target = self.scratch / f"{delivery.delivery_id}.txt"
        read_with = self._read_with(delivery.source)
        try:
            staged = self._stage(connection, delivery, self._source(delivery), target)
        except (
            DeliveryRefused,
            SettingsError,
            _NotRead,
        ) as refusal:  # a wrong [[source]] block stops its own files only
            with transaction(connection):
                _record(connection, delivery, "" if isinstance(refusal, _NotRead) else read_with, refused=refusal)
            return refusal
        finally:
            target.unlink(missing_ok=True)
        with transaction(connection):
            counts = _replace(connection, delivery, staged, read_with)
            failpoint("canonical.before_commit")
        failpoint("canonical.after_commit")
        return counts

    def _source(self, delivery: Delivery) -> Source:
        try:
            return self.home.settings.source_named(delivery.source)
        except SettingsError as error:
            raise _NotRead(error.message, error.remedy) from error

    def _stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        delivery: Delivery,
        source: Source,
        target: Path,
    ) -> Staged:
        connector = reader_of(source, delivery.object)
        try:
            document = connector.open(
                self.archive.read(delivery.source, delivery.sha256),
                target,
                source.encoding,
                self.home.settings.raw.max_unpacked_mb << 20,
            )
        except FileNotFoundError as error:
            missing = _NotRead(delivery.refused_reason or _MISSING_CONTENT, "deliver the same file again")
            if delivery.refused_reason:  # it was looked at once and holds no facts, though nobody can look any more
                missing.status = "refused"
            raise missing from error
        connector.check_header(document.header, source)
        try:
            staged = connector.stage(connection, document, source, delivery.delivery_id)
        except duckdb.InvalidInputException as error:
            if "CSV Error" not in str(error):
                raise
            raise DeliveryRefused(
                f"the file cannot be read as lines: {str(error).splitlines()[0]}",
                "deliver the original file",
            ) from error
        if "canonical.settlement_lines" in staged.tables:
            categorise_staged(connection)
        name_payouts(connection, staged.tables)
        return staged


def _replace(
    connection: duckdb.DuckDBPyConnection, delivery: Delivery, staged: Staged, read_with: str
) -> tuple[int, int]:
    """Put the staged rows into the canonical tables if this delivery is the one in force for its document."""
    for qualified in staged.tables:
        split_by_contract(connection, contract_of(qualified), staged.date_format)
    find_incomplete_groups(connection, staged)
    rejected = _scalar(connection, "select count(distinct line_no) from staged_rejected")
    difference = _control_difference(connection) if staged.has_control_total else None
    complete = rejected == 0 and (difference == 0 if staged.is_document else True)
    is_current = _is_best(connection, delivery, staged.document_id, complete)
    connection.execute("delete from canonical.rejected_rows where delivery_id = ?", [delivery.delivery_id])
    connection.execute(
        """
        insert into canonical.rejected_rows by name
        select $delivery_id as delivery_id, $source as source, table_name, $document_id as document_id, line_no, column_name,
            left(regexp_replace(coalesce(min(value), ''), '[\\x00-\\x1f\\x7f]', ' ', 'g'), 200) as value, min(reason) as reason
        from staged_rejected group by table_name, line_no, column_name
        """,
        {
            "delivery_id": delivery.delivery_id,
            "source": delivery.source,
            "document_id": staged.document_id,
        },
    )
    record_incomplete_groups(connection, delivery.delivery_id, delivery.source)
    tables = [contract_of(name) for name in staged.tables]
    accepted = sum(_scalar(connection, f"select count(*) from staged_{table.name}") for table in tables)  # noqa: S608
    _record(connection, delivery, read_with, staged=staged, accepted=accepted, rejected=rejected, complete=complete,
            is_current=is_current, difference=difference)  # fmt: skip
    for table in tables:
        if staged.tells_of == "now":
            _hand_on_what_is_gone(connection, table)
        if is_current:
            _put(connection, table, delivery, staged)
        connection.execute(f"drop table staged_{table.name}")
    if is_current and staged.is_document:  # even where it has no line left
        hand_on(connection, "settlement", "select $document", staged.document_id)
    mark_changed(connection, "canonical")
    return accepted, rejected


def _control_difference(connection: duckdb.DuckDBPyConnection) -> object:
    """Sum of the accepted lines minus the total that the document states; None when that total was rejected."""
    row = connection.execute(
        """
        select (select coalesce(sum(amount), 0) from staged_settlement_lines)
            - (select max(total_amount) from staged_settlements)
        """
    ).fetchone()
    return row[0] if row else None


def _is_best(connection: duckdb.DuckDBPyConnection, delivery: Delivery, document_id: str, complete: bool) -> bool:
    row = connection.execute(
        "select count(*) from raw.deliveries where document_id = ? and status = 'loaded' and delivery_id <> ? "
        "and (is_complete, received_order) > (?, ?)",
        [document_id, delivery.delivery_id, complete, delivery.received_order],
    ).fetchone()
    return not row or row[0] == 0


def _put(connection: duckdb.DuckDBPyConnection, table: Table, delivery: Delivery, staged: Staged) -> None:
    """Replace the rows of the document, or of the same groups, by the staged ones; hand on what changed."""
    # Identifiers come from the registry of tables, values are bound.
    rows, names = f"staged_{table.name}", ", ".join(table.column_names)
    same = " and ".join(f"t.{column} = s.{column}" for column in table.group)
    if staged.is_document:
        # By document, not by its deliveries: one that was in force may be refused by now and names no document any more.
        old = f"t.{table.group[0]} = $document"
    else:
        if table.numbered_by:
            note_moved_receipts(connection, table, delivery)
        give_way(connection, table, delivery.delivery_id)
        # What this delivery brought when it was read before goes too: it may be read otherwise today.
        old = f"(t.delivery_id = $document or exists (select 1 from {rows} as s where {same}))"  # noqa: S608
    if table.hands_on or table.books:
        hand_on_rows(connection, table, f"{table.qualified} as t where {old}", rows, staged.document_id)
    connection.execute(f"delete from {table.qualified} as t where {old}", {"document": staged.document_id})  # noqa: S608
    connection.execute(f"insert into {table.qualified} by name select {names} from {rows}")  # noqa: S608


def _hand_on_what_is_gone(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Hand on work that is one document whatever the rows: what a whole list does not hold any more has no row in it."""
    for kind, document in table.hands_on:
        if document == "'*'":
            hand_on(connection, kind, f"select {document}")


def _record(  # noqa: PLR0913 - the columns of one row
    connection: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    read_with: str,
    *,
    staged: Staged | None = None,
    refused: RetailSyncError | None = None,
    accepted: int = 0,
    rejected: int = 0,
    complete: bool = False,
    is_current: bool = False,
    difference: object = None,
) -> None:
    """Write the delivery's row of raw.deliveries; where it is in force, the others of its document are not."""
    document_id = staged.document_id if staged else ""
    connection.execute("delete from raw.deliveries where delivery_id = ?", [delivery.delivery_id])
    if is_current:
        connection.execute("update raw.deliveries set is_current = false where document_id = ?", [document_id])
    connection.execute(
        "insert into raw.deliveries values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            delivery.delivery_id,
            delivery.source,
            delivery.name,
            document_id,
            delivery.received_order,
            getattr(refused, "status", "refused") if refused else "loaded",
            refused.message[:1000] if refused else "",
            refused.remedy[:1000] if refused else "",
            complete,
            is_current,
            staged.delivered_count if staged else 0,
            accepted,
            rejected,
            difference,
            staged.detected if staged else "",
            read_with,
            delivery.object,
            staged.tells_of if staged else "facts",
        ],
    )


def _scalar(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _told(delivery: Delivery) -> str:
    """The file with its source: two sources may deliver files of one name, one a day each."""
    return f"{delivery.source}/{delivery.name}"
