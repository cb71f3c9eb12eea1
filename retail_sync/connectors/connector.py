"""What a connector must do: check a header, and turn a readable document into staged canonical rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from retail_sync.connectors.documents import TextDocument, open_text
from retail_sync.settings import Source


@dataclass(frozen=True, slots=True)
class Staged:
    """A document as temp tables `staged_<table>`, one per canonical table it feeds, plus `staged_rejected`.

    A staged table has the canonical columns, `line_no`, and `<column>__raw` where a column was read from text. The loader
    splits it by the table's contract. `has_control_total`: the document says what its lines sum to (`staged_settlements`).

    `is_document`: the delivery is one document and replaces it whole, the most complete copy winning. Otherwise its rows
    replace the rows of their groups (`Table.group`), the newest delivery winning, and `document_id` is the delivery's.

    `tells_of`: `now` where a system told its whole list as it was then, `past` where it told afterwards how a day had ended;
    `facts`: anything else, which says nothing of what it does not hold.

    `date_format`: the strptime pattern its days and instants were read with, where a setting or the file decides it.
    """

    document_id: str
    tables: tuple[str, ...]
    delivered_count: int
    detected: str
    date_format: str = ""
    is_document: bool = False
    has_control_total: bool = False
    tells_of: str = "facts"


class Connector(Protocol):
    """The reader of one kind of delivery. `name` is what `[[source]] connector` says.

    `object`: what its files hold, where that is never anything else (`bank_transactions`); '' where the source says it.
    """

    name: str
    object: str

    def open(self, blocks: Iterable[bytes], target: Path, encoding: str, max_bytes: int) -> TextDocument:
        """Write the readable copy of a delivery to `target` and describe it. Raises DeliveryRefused."""

    def check_header(self, header: str, source: Source) -> None:
        """Compare the first line with what this connector reads. Raises DeliveryRefused saying what differs."""

    def stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        document: TextDocument,
        source: Source,
        delivery_id: str,
    ) -> Staged:
        """Read the document into temp tables. Raises DeliveryRefused where the document as a whole cannot be trusted."""


class TextConnector:
    """Reads text files. `japanese_marker` stands in those that are cp932 where they are no UTF-8; by default in none."""

    object: str = ""
    japanese_marker: bytes = b"\xff\xfe"

    def open(self, blocks: Iterable[bytes], target: Path, encoding: str, max_bytes: int) -> TextDocument:
        """Decode the file strictly. Raises DeliveryRefused."""
        return open_text(blocks, target, encoding=encoding, japanese=self.japanese_marker, max_bytes=max_bytes)
