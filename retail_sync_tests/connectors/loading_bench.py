"""A loading bench: documents go into one open warehouse through the real loader, without a pipeline around each.

What belongs here: bringing bytes in, reading rows back, and editing the cells of a tab-separated file. What the rows should
be is for the tests to say.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from retail_sync.connectors.load import Loader
from retail_sync.core.archive import RawArchive
from retail_sync.core.rules import read_rules
from retail_sync.operations.deliveries import Delivery, delivery_id_of
from retail_sync.pipeline import Pipeline
from retail_sync.schemas.digest import table_digest
from retail_sync.schemas.tables import TABLES
from retail_sync.settings import Home, Settings, Source
from retail_sync_tests.simulator import Row, Settlement

START = datetime(2026, 9, 14, 6, 0, tzinfo=UTC)
_ids = itertools.count(50_000_000_001)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The delivery's row of raw.deliveries."""

    delivery_id: str
    document_id: str
    status: str
    reason: str
    remedy: str
    is_complete: bool
    is_current: bool
    delivered_count: int
    accepted_count: int
    rejected_count: int
    control_difference: Decimal | None
    detected: str


class _MemoryArchive(RawArchive):
    """Content by hash, without files."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def has(self, source: str, sha256: str) -> bool:
        return sha256 in self.contents

    def read(self, source: str, sha256: str) -> Iterator[bytes]:
        yield self.contents[sha256]


class LoadBench:
    """One warehouse held open for many deliveries. Each `deliver` is registered after the ones before it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, home: Home) -> None:
        self.connection = connection
        self.scratch = home.state / "scratch"
        self._home = home
        self._archive = _MemoryArchive()
        self._orders = itertools.count(1)
        self._rules = read_rules(home.rules, "settlement_categories")

    def deliver(self, content: bytes, source: Source | None = None, order: int | None = None) -> Outcome:
        """Load `content` as a delivery of `source` (default: an Amazon source that decides everything itself).

        It was registered after those before it, unless `order` says otherwise.
        """
        used = source or Source(name="amazon", connector="amazon_settlement")
        self._home.settings = Settings(source=(used,))
        sha256 = hashlib.sha256(content).hexdigest()
        self._archive.contents[sha256] = content
        delivery = Delivery(
            delivery_id_of(used.name, sha256),
            used.name,
            used.object,
            f"file-{sha256[:8]}",
            sha256,
            len(content),
            order or next(self._orders),
        )
        loader = Loader(self._home, self._archive, self.scratch, self._rules, lambda _: None)
        loader.load(self.connection, [delivery], frozenset({delivery.delivery_id}))
        return self.outcome(delivery.delivery_id)

    def outcome(self, delivery_id: str) -> Outcome:
        """Return what the warehouse says about the delivery now."""
        names = ", ".join(Outcome.__dataclass_fields__)
        row = self.connection.execute(
            f"select {names} from raw.deliveries where delivery_id = ?", [delivery_id]
        ).fetchone()
        assert row is not None, f"{delivery_id} was not recorded"
        return Outcome(*row)

    def lines(self, document: Outcome, *columns: str) -> list[tuple[Any, ...]]:
        """Canonical settlement lines of the document, in the order of the file."""
        return self._rows("settlement_lines", document, columns, "line_no, component")

    def header(self, document: Outcome, *columns: str) -> tuple[Any, ...]:
        """The one row of canonical.settlements of the document."""
        (row,) = self._rows("settlements", document, columns, "settlement_id")
        return row

    def bank(self, document: Outcome, *columns: str) -> list[tuple[Any, ...]]:
        """Bank transactions whose row in force comes from this delivery."""
        return self._rows("bank_transactions", document, columns, "line_no")

    def rejected(self, document: Outcome) -> list[tuple[int, str, str, str]]:
        """Rejected rows as (line, column, value, reason)."""
        return self._rows("rejected_rows", document, ("line_no", "column_name", "value", "reason"), "all")

    def _rows(self, table: str, document: Outcome, columns: Sequence[str], order: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            f"select {', '.join(columns)} from canonical.{table} where delivery_id = ? order by {order}",
            [document.delivery_id],
        ).fetchall()


def row(amount: str, description: str = "Principal", **changes: Any) -> Row:
    """An order line of one item, an hour after the settlement starts."""
    values: dict[str, Any] = {
        "transaction_type": "Order",
        "amount_type": "ItemPrice" if description == "Principal" else "ItemFees",
        "amount_description": description,
        "amount": Decimal(amount),
        "posted_at": START + timedelta(hours=1),
        "order_id": "302-1234567-7654321",
        "sku": "FW-MUG-STONE-2PK",
        "quantity": 1,
        "order_item_code": "14000000000001",
    }
    return Row(**(values | changes))


def settlement(*rows: Row, currency: str = "EUR", marketplace: str = "Amazon.de", **changes: Any) -> Settlement:
    """A settlement of these rows with an id of its own; it foots unless `total` says otherwise."""
    return Settlement(
        changes.pop("settlement_id", None) or str(next(_ids)),
        changes.pop("start_at", START),
        changes.pop("end_at", START + timedelta(days=14)),
        changes.pop("deposit_at", START + timedelta(days=16)),
        currency,
        marketplace,
        rows,
        **changes,
    )


def cells(content: bytes, encoding: str = "utf-8") -> list[list[str]]:
    """The cells of a tab-separated file, line by line; line 1 is the header."""
    return [line.split("\t") for line in content.decode(encoding).removesuffix("\n").split("\n")]


def flat_file(table: Sequence[Sequence[str]], encoding: str = "utf-8", line_end: str = "\n") -> bytes:
    """Write cells as a tab-separated file, every line ended."""
    return "".join("\t".join(line) + line_end for line in table).encode(encoding)


def with_cell(content: bytes, line_no: int, column: str, value: str) -> bytes:
    """The same file with one cell changed; lines count from 1, as editors do."""
    table = cells(content)
    table[line_no - 1][table[0].index(column)] = value
    return flat_file(table)


def canonical_rows(pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the canonical tables that people read, for comparing before and after."""
    with pipeline.warehouse.writing("test reads") as connection:
        return {
            table: connection.execute(f"select * from canonical.{table} order by all").fetchall()
            for table in ("settlements", "settlement_lines", "bank_transactions")
        }


def canonical_digest(pipeline: Pipeline) -> dict[str, str]:
    """The digest of every canonical table, as `retail-sync digest` prints it."""
    with pipeline.writing("test reads") as connection:
        return {t.name: table_digest(connection, t) for t in TABLES if t.schema == "canonical"}
