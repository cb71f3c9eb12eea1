"""A sample file looked at without knowing what it is: encoding, delimiter, and of each column what its cells look like.

Decides nothing about meaning. Dates are decided from all cells of a column: one that fits two orders is told as undecided.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from retail_sync.connectors.documents import TextDocument, open_text
from retail_sync.core import sql
from retail_sync.core.errors import DeliveryRefused

_DELIMITERS = (",", ";", "\t", "|")
_MAX_ROWS = 50_000
_LOOK_FOR_HEADER = 40
_MAX_BYTES = 1 << 30
_NUMBER = re.compile(r"-?(\d+|\d{1,3}([.,]\d{3})+)([.,]\d{1,8})?")
_TIME = re.compile(r"\d{1,2}:\d\d(:\d\d)?")
_MOST = 0.9
_ENOUGH = 5  # rows of which one may be damaged
_INTEGER = re.compile(r"\d{1,15}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y", "%d/%m/%y",
         "%m/%d/%y", "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%Y%m%d")  # fmt: skip
_TIMES = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S %z", "T%H:%M:%S%z", "T%H:%M:%SZ", "T%H:%M:%S.%fZ", "T%H:%M:%S", "T%H:%M",
          " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S UTC", ", %H:%M:%S", ", %H:%M")  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column of the file: its distinct cells (without empty ones) in order of appearance, and what they look like."""

    name: str
    place: int
    cells: tuple[str, ...]
    filled: int
    formats: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def is_number(self) -> bool:
        """Whether the cells of nearly all rows are numbers, written with a point or a comma; one damaged cell changes nothing.

        Counted by rows: of few different quantities one damaged one would be a quarter.
        """
        good = sum(count for cell, count in zip(self.cells, self.counts, strict=True) if _NUMBER.fullmatch(cell))
        least = min(_MOST * self.filled, self.filled - 1) if self.filled >= _ENOUGH else self.filled
        return bool(self.cells) and good >= least

    @property
    def is_integer(self) -> bool:
        """Whether every cell is a whole number without sign."""
        return bool(self.cells) and all(_INTEGER.fullmatch(cell) for cell in self.cells)

    @property
    def is_time(self) -> bool:
        """Whether every cell is a time of the day."""
        return bool(self.cells) and all(_TIME.fullmatch(cell) for cell in self.cells)

    @property
    def is_currency(self) -> bool:
        """Whether every cell looks like an ISO 4217 code."""
        return bool(self.cells) and all(_CURRENCY.fullmatch(cell) for cell in self.cells)

    @property
    def has_negatives(self) -> bool:
        """Whether a cell begins with a minus sign."""
        return any(cell.startswith("-") for cell in self.cells)


@dataclass(frozen=True, slots=True)
class SampleFile:
    """The file as it was found. `records` are its rows as cells; `odd_rows` how many have another number of fields.

    A cell of a column of numbers stands there bare: without currency sign, with its minus in front.
    """

    document: TextDocument
    delimiter: str
    columns: tuple[FileColumn, ...]
    records: tuple[tuple[str, ...], ...]
    odd_rows: int

    def column(self, name: str) -> FileColumn:
        """Return the column called so."""
        return next(column for column in self.columns if column.name == name)


def read_sample(path: Path, scratch: Path) -> SampleFile:
    """Read a sample. Raises DeliveryRefused where it is no table."""
    document = _open(path, scratch)
    text = document.path.read_text(encoding="utf-8")
    delimiter = _delimiter(text)
    rows = []
    try:
        for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True):
            if row:
                rows.append(tuple(cell.strip() for cell in row))
            if len(rows) > _MAX_ROWS:
                break
    except csv.Error as error:
        raise DeliveryRefused(f"the CSV is broken: {error}", "export the file again") from error
    if not rows:
        raise DeliveryRefused("the file has no header", "export the file again")
    # A row that ends early is looked at too: a whole file may be written so.
    header, records = rows[0], [row + ("",) * (len(rows[0]) - len(row)) for row in rows[1:] if len(row) <= len(rows[0])]
    if above := _lines_above_header(rows):
        raise DeliveryRefused(
            f"{above} lines stand above the header ({', '.join(rows[above][:3])}, ...); a header must be the first line",
            "export without them, or delete them before the file is delivered",
        )
    if len(header) < 2:
        raise DeliveryRefused(
            "the first line is no header of two or more columns",
            "remove lines above the header, or export the file as CSV",
        )
    records = _bared(records)
    columns = tuple(_column(name, place, records) for place, name in enumerate(header))
    return SampleFile(document, delimiter, columns, tuple(records), sum(len(row) != len(header) for row in rows[1:]))


def _bared(records: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Take off what is written around numbers, in the columns where nearly all cells are numbers, as the connector does."""
    with duckdb.connect() as connection:
        connection.execute(sql.statement(__package__, "declared_numbers_bare"))
        columns = []
        for cells in zip(*records, strict=True):
            asked = "select list_transform($cells, lambda cell: bare_number_of(cell))"
            (bare,) = connection.execute(asked, {"cells": list(cells)}).fetchone() or ([],)
            filled = sum(bool(cell) for cell in cells)
            is_number = filled and sum(cell is not None for cell in bare) >= _MOST * filled
            columns.append([new or old for new, old in zip(bare, cells, strict=True)] if is_number else cells)
    return list(zip(*columns, strict=True))


def _open(path: Path, scratch: Path) -> TextDocument:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DeliveryRefused(f"{path} cannot be read: {error.strerror}", "check the path") from error
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "auto"
    try:
        return open_text(
            [content], scratch / "sample.txt", encoding=encoding, japanese=b"\xff\xfe", max_bytes=_MAX_BYTES
        )
    except DeliveryRefused as refusal:
        # A file that is only looked at is kept nowhere.
        raise DeliveryRefused(
            refusal.message, refusal.remedy.replace("; this copy stays in the raw archive", "")
        ) from None


def _lines_above_header(rows: Sequence[tuple[str, ...]]) -> int:
    """Return how many rows precede the first one whose cells are all filled, where the first row is mostly empty."""
    width = max(len(row) for row in rows[:_LOOK_FOR_HEADER])
    if 2 * sum(bool(cell) for cell in rows[0]) > width:
        return 0
    return next((n for n, row in enumerate(rows[:_LOOK_FOR_HEADER]) if len(row) == width and all(row)), 0)


def _delimiter(text: str) -> str:
    """Return the delimiter that splits most lines into as many fields as the header."""
    lines = text.splitlines(keepends=True)[:200]

    def fitness(delimiter: str) -> tuple[int, int]:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        except csv.Error:
            return (0, 0)
        return (
            sum(width == widths[0] for width in widths) if widths and widths[0] > 1 else 0,
            widths[0] if widths else 0,
        )

    best = max(_DELIMITERS, key=lambda delimiter: (fitness(delimiter)[1] > 1, *fitness(delimiter)))
    return best if fitness(best)[1] > 1 else ","


def _column(name: str, place: int, records: Sequence[tuple[str, ...]]) -> FileColumn:
    filled = [row[place] for row in records if row[place]]
    found = Counter(filled)
    return FileColumn(name, place, tuple(found), len(filled), _formats(tuple(found)), tuple(found.values()))


def _formats(cells: Sequence[str]) -> tuple[str, ...]:
    """Return every known date format that reads all cells, or equally many and nearly all."""
    if not cells or not any(character.isdigit() for character in cells[0]):
        return ()
    likely = [day + time for day in _DAYS for time in _TIMES if _reads(day + time, cells[0])]
    read = {pattern: sum(_reads(pattern, cell) for cell in cells) for pattern in likely}
    most = max(read.values(), default=0)
    return tuple(pattern for pattern, count in read.items() if count == most) if most >= _MOST * len(cells) else ()


def _reads(pattern: str, cell: str) -> bool:
    if not 6 <= len(cell) <= 40:
        return False
    try:
        year = datetime.strptime(cell, pattern).year  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return False
    return 1990 <= year <= 2100


def figure_of(cell: str) -> Decimal:
    """Read a number for a guess only: the last mark is the decimal one where it is followed by one or two digits."""
    digits = cell.strip()
    if not re.fullmatch(r"-?[\d.,]*\d", digits):
        return Decimal(0)
    last = max(digits.rfind(","), digits.rfind("."))
    if last < 0:
        return Decimal(digits)
    whole, part = digits[:last].replace(",", "").replace(".", ""), digits[last + 1 :]
    return Decimal(f"{whole}.{part}")
