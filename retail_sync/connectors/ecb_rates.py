"""The euro reference rates of the European Central Bank: its CSV (a day, or all since 1999) and its XML (a day, 90 days, all).

The ECB says how many units of a currency one euro is. That rate is delivered as it stands, from EUR; and its inverse, into EUR,
at 12 decimals, because books in euro convert what is foreign by dividing through the ECB's rate (docs/decisions.md). Rates
between two other currencies are not derived. `N/A` and an empty cell are no rate; weekends and holidays of TARGET have none.

The files: www.ecb.europa.eu/stats/eurofxref, eurofxref(-hist).csv inside a .zip, eurofxref-daily|hist-90d|hist.xml. Every line
of the CSV ends with a comma, so a line that was cut is short of a cell. `line_no` counts the rows that the file makes, two of
each rate in its order.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from retail_sync.connectors.connector import Staged
from retail_sync.connectors.documents import TextDocument, open_text, unpack
from retail_sync.connectors.xml_documents import namespace_of, open_xml, pieces
from retail_sync.core import sql
from retail_sync.core.archive import chunks
from retail_sync.core.errors import DeliveryRefused
from retail_sync.settings import Source

NAMESPACE = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref"
_HEADER = re.compile(r"Date\s*,(\s*[A-Z]{3}\s*,)+\s*([A-Z]{3}\s*)?")
_DOWNLOAD_AGAIN = "download the rates from the ECB again"
_NO_RATE = ("", "N/A")
_COLUMNS = ("line_no", "day", "currency", "rate")

_Row = tuple[str, str, str]


class EcbRates:
    """Connector for the ECB's files of reference rates."""

    name = "ecb_rates"
    object = "fx_rates"

    def open(self, blocks: Iterable[bytes], target: Path, encoding: str, max_bytes: int) -> TextDocument:
        """Make the CSV or the XML readable. Raises DeliveryRefused."""
        packed = target.with_suffix(".packed")
        try:
            sniff, _ = unpack(blocks, packed, max_bytes)
            with packed.open("rb") as file:
                again = chunks(file)
                if not sniff.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"):
                    return open_text(again, target, encoding=encoding, japanese=b"\xff\xfe", max_bytes=max_bytes)
                document = open_xml(again, target, max_bytes)
        finally:
            packed.unlink(missing_ok=True)
        if namespace_of(target, "Cube") != NAMESPACE:
            raise DeliveryRefused("this is XML, but no rates of the ECB", _DOWNLOAD_AGAIN)
        return document

    def check_header(self, header: str, source: Source) -> None:
        """Raise DeliveryRefused unless the first line is that of the ECB's CSV, or of XML."""
        if not header.startswith("<") and not _HEADER.fullmatch(header):
            raise DeliveryRefused("the header is not that of the ECB's rates: Date, then currencies", _DOWNLOAD_AGAIN)

    def stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        document: TextDocument,
        source: Source,
        delivery_id: str,
    ) -> Staged:
        """Read the rates of every day, in both directions."""
        rates = list(_of_xml(document.path) if document.header.startswith("<") else _of_csv(document))
        if not rates:
            raise DeliveryRefused("the file holds no rate", _DOWNLOAD_AGAIN)
        types = [pa.int64(), pa.string(), pa.string(), pa.string()]
        rows = [(number, *rate) for number, rate in enumerate(rates, 1)]
        columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), types, strict=True)]
        connection.execute(
            "create or replace temp table staged_rejected (line_no bigint, table_name varchar, column_name varchar,"
            " value varchar, reason varchar)"
        )
        connection.register("ecb_rates", pa.table(columns, names=_COLUMNS))
        values = {"source": source.name, "delivery_id": delivery_id}
        connection.execute(sql.statement(__package__, "ecb_rates"), values)
        connection.unregister("ecb_rates")
        days = len({row[1] for row in rows})
        return Staged(
            document_id=delivery_id,
            tables=("canonical.fx_rates",),
            delivered_count=len(rows),
            detected=f"{document.encoding}; {len(rows)} rates of {days} days, each with its inverse at 12 decimals",
        )


def _of_csv(document: TextDocument) -> Iterator[_Row]:
    with document.path.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        names = [cell.strip() for cell in next(reader, [])]
        if names[-1] and not document.is_terminated:
            raise DeliveryRefused("the last line has no end: the file may be cut off here", _DOWNLOAD_AGAIN)
        if len(set(names)) != len(names):
            raise DeliveryRefused("a currency stands twice in the header", _DOWNLOAD_AGAIN)
        for cells in reader:
            if len(cells) != len(names):
                raise DeliveryRefused(
                    f"line {reader.line_num} has {len(cells)} cells where the header has {len(names)}: it is damaged or cut off",
                    _DOWNLOAD_AGAIN,
                )
            day, *rates = (cell.strip() for cell in cells)
            for currency, rate in zip(names[1:], rates, strict=True):
                if rate not in _NO_RATE:
                    yield day, currency, rate


def _of_xml(path: Path) -> Iterator[_Row]:
    for day in pieces(path, [("Envelope", "Cube", "Cube")]):
        for found in day:
            if (rate := found.get("rate", "")) not in _NO_RATE:
                yield day.get("time", ""), found.get("currency", ""), rate
