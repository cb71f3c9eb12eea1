"""Pulled lists as deliveries: the pages as they came, a line each, and how their records become staged canonical rows.

A delivery is JSON lines: first what was asked for, then a line per page (`part`, `key` and the answer itself, digit by digit),
last how many pages there are, so that a file cut short is known as one. In rejected rows and traces `line_no` is the number
of the record within the delivery: `retail-sync sources records` shows it.

A connector's `.sql` makes records canonical: statements after a line `-- object: NAME, ...` belong to these objects. They read
temp table `records` (line_no, part, key, record) whose fractions are text, and fill temp tables `staged_<table>`. Records that
are no facts by what they are (test payments) go to `staged_left_out` (line_no, reason) and are counted in the delivery.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import orjson

from retail_sync.connectors.connector import Staged
from retail_sync.connectors.currency_units import register_units
from retail_sync.connectors.documents import TextDocument, unpack
from retail_sync.connectors.wire import Page, Window, WireConnector, WireObject
from retail_sync.core import sql
from retail_sync.core.errors import DeliveryRefused
from retail_sync.core.exact_json import is_list
from retail_sync.core.paging import at
from retail_sync.settings import Source

PULLED_SUFFIX = ".pages.jsonl"
_MARK = "retail_sync_pull"
_PULL_AGAIN = "ask the system for that window again: retail-sync run month-end --from DAY --to DAY"
_SECTION = re.compile(r"^-- object: (.+)$", re.MULTILINE)
_INT64_DIGITS = 18
_OBJECT_BYTES_MAX = 64 << 20


@dataclass(frozen=True, slots=True)
class Heading:
    """What a delivery of pages says of itself."""

    connector: str
    object: str
    window: Window
    pulled_at: datetime


def write_heading(file: BinaryIO, heading: Heading) -> None:
    """Begin a delivery of pages."""
    told = {
        _MARK: 1,
        "connector": heading.connector,
        "object": heading.object,
        "from": heading.window.start.isoformat(),
        "to": heading.window.end.isoformat(),
        "pulled_at": heading.pulled_at.isoformat(),
    }
    file.write(orjson.dumps(told) + b"\n")


def page_line(page: Page) -> bytes:
    """Return the line of a page. Its text stays as it came: between the tokens of JSON a line end is a blank.

    Some servers put a byte order mark before it, which is none within a line and no JSON.
    """
    place = orjson.dumps({"part": page.part, "key": page.key})[:-1]
    text = page.content.removeprefix(codecs.BOM_UTF8).replace(b"\r", b" ").replace(b"\n", b" ")
    return place + b',"page":' + text + b"}\n"


def write_end(file: BinaryIO, pages: int) -> None:
    """End a delivery of pages."""
    file.write(orjson.dumps({"pages": pages, "end": True}) + b"\n")


def read_heading(line: str) -> Heading:
    """Read the first line of a delivery of pages. Raises DeliveryRefused where it is none."""
    try:
        told = json.loads(line) if f'"{_MARK}":1,' in line else {}
        window = Window(datetime.fromisoformat(told["from"]), datetime.fromisoformat(told["to"]))
        return Heading(told["connector"], told["object"], window, datetime.fromisoformat(told["pulled_at"]))
    except (ValueError, KeyError, TypeError):
        raise DeliveryRefused("this is no delivery of pages that a run pulled", _PULL_AGAIN) from None


class PagesReader:
    """The connector, for the loader, of what one object of a system delivers."""

    def __init__(self, wire: WireConnector, item: WireObject) -> None:
        self.name = wire.name
        self.object = item.name
        self._wire = wire
        self._object = item

    def open(self, blocks: Iterable[bytes], target: Path, encoding: str, max_bytes: int) -> TextDocument:
        """Unpack the delivery and see that it is whole. Raises DeliveryRefused."""
        unpack(blocks, target, max_bytes)
        last, count = b"", 0
        with target.open("rb") as file:
            header = file.readline(_OBJECT_BYTES_MAX).decode("utf-8", "replace").rstrip("\n")
            for line in file:
                last, count = line, count + 1
        if not last.endswith(b"\n") or not _is_end(last, count - 1):
            raise DeliveryRefused("the pulled pages end too early: the file was cut off", _PULL_AGAIN)
        return TextDocument(target, encoding, header, count + 1, True)

    def check_header(self, header: str, source: Source) -> None:
        """Raise DeliveryRefused unless the pages are this connector's and of this object."""
        heading = read_heading(header)
        if (heading.connector, heading.object) != (self.name, self._object.name):
            raise DeliveryRefused(
                f"these are {heading.object} pulled by {heading.connector}, not {self._object.name} of {self.name}",
                f"deliver it to its own source; {source.name} pulls {self.name}",
            )

    def stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        document: TextDocument,
        source: Source,
        delivery_id: str,
    ) -> Staged:
        """Read the records of all pages and have the connector's SQL make them rows."""
        heading = read_heading(document.header)
        rows = self._read_records(connection, document.path)
        connection.execute(
            "create or replace temp table staged_rejected (line_no bigint, table_name varchar, column_name varchar,"
            " value varchar, reason varchar)"
        )
        connection.execute("create or replace temp table staged_left_out (line_no bigint, reason varchar)")
        values = {
            "channel": self._wire.channel,
            "account": source.account_name,
            "source": source.name,
            "delivery_id": delivery_id,
            "time_zone": source.time_zone,
            "time_zones": orjson.dumps(source.time_zones).decode(),
            "day_starts_at": source.day_starts_at + ":00",
            "pulled_at": heading.pulled_at,
            "window_start": heading.window.start,
            "window_end": heading.window.end,
            **{name: _bound(value) for name, value in source.connection.items()},
        }
        for text in statements(self.name, self._object.name):
            for part in connection.extract_statements(text):
                connection.execute(part, {name: values.get(name) for name in part.named_parameters})
        left_out = _left_out(connection)
        connection.execute("drop table records")
        connection.unregister("currency_units")
        return Staged(
            document_id=delivery_id,
            tables=tuple(f"canonical.{name}" for name in self._object.tables),
            delivered_count=rows,
            detected=f"{rows} records of {document.line_count - 2} pages{left_out}",
            tells_of=_told_of(self._object, heading.window),
        )

    def texts(self, document: TextDocument) -> Iterator[str]:
        """Yield each record as JSON text, in the order of their numbers."""
        for found in _records(document.path, self._object):
            yield orjson.dumps(found["record"]).decode()

    def _read_records(self, connection: duckdb.DuckDBPyConnection, path: Path) -> int:
        """Fill temp table `records`, and register the units of every currency that they name."""
        lines = path.with_suffix(".records")
        count = 0
        try:
            with lines.open("wb") as file:
                for count, record in enumerate(_records(path, self._object), 1):  # noqa: B007 - the last number counts
                    file.write(orjson.dumps({"line_no": count, **record}) + b"\n")
            columns = "{line_no: 'bigint', part: 'varchar', key: 'varchar', record: 'json'}"
            connection.execute(
                f"create or replace temp table records as select * from read_json($path, format = 'newline_delimited', "  # noqa: S608
                f"columns = {columns}, maximum_object_size = {_OBJECT_BYTES_MAX})",
                {"path": str(lines)},
            )
        finally:
            lines.unlink(missing_ok=True)
        codes = connection.execute(
            """select distinct unnest(regexp_extract_all(record, '"([A-Z]{3})"', 1)) from records"""
        ).fetchall()
        register_units(connection, [code for (code,) in codes])
        for macros in ("amount_of", "wire_macros"):
            connection.execute(sql.statement(__package__, macros))
        return count


def _told_of(item: WireObject, window: Window) -> str:
    if not item.is_state:
        return "facts"
    return "now" if window.start == window.end else "past"


def _left_out(connection: duckdb.DuckDBPyConnection) -> str:
    """Say how many records are no canonical facts by what they are, as the object's SQL found."""
    found = connection.execute(
        "select reason, count(distinct line_no) from staged_left_out group by reason order by reason"
    ).fetchall()
    connection.execute("drop table staged_left_out")
    return "".join(f"; {count} left out: {reason}" for reason, count in found)


def statements(connector: str, object_name: str) -> list[str]:
    """Return the SQL of an object: what stands before the first section, then the sections that name it."""
    text = resources.files(__package__).joinpath(f"{connector}.sql").read_text(encoding="utf-8")
    before, *sections = _SECTION.split(text)
    named = zip(sections[::2], sections[1::2], strict=True)
    return [before, *(body for names, body in named if object_name in (name.strip() for name in names.split(",")))]


def records_of(page: Any, item: WireObject, part: str) -> Sequence[Any]:
    """Return the records of a page. Raises DeliveryRefused where the place that must hold them does not."""
    if part not in item.records:
        raise DeliveryRefused(f"{item.name} has no part {part!r}", _PULL_AGAIN)
    found = at(page, item.records[part])
    if found is None:
        raise DeliveryRefused(f"a page holds nothing at {item.records[part]!r}", _PULL_AGAIN)
    return found if is_list(found) else [found]


def _records(path: Path, item: WireObject) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        next(file)
        for line in file:
            try:
                # Fractions stay the text they are; so do whole numbers that the next reader could not hold.
                told = json.loads(line, parse_float=str, parse_int=_whole, parse_constant=_refuse)
            except ValueError as error:
                raise DeliveryRefused(f"a page is not JSON: {error}", _PULL_AGAIN) from None
            if "end" not in told:
                for record in records_of(told["page"], item, told["part"]):
                    yield {"part": told["part"], "key": told["key"], "record": record}


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _INT64_DIGITS else digits


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number that JSON knows")


def _bound(value: Any) -> Any:
    """Return a setting of the connection as a statement takes it: a mapping as JSON text, the rest as it is."""
    return orjson.dumps(value).decode() if isinstance(value, dict) else value


def _is_end(line: bytes, pages: int) -> bool:
    try:
        told = orjson.loads(line)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("end") is True and told.get("pages") == pages
