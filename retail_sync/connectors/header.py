"""The first line of a file against the columns a connector knows: what differs, in words, and what to do about it."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from retail_sync.core.errors import DeliveryRefused
from retail_sync.settings import Source


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one kind of file. `document` and `vendor` are what its user calls it and who makes it."""

    name: str
    document: str
    vendor: str
    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def known(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.required, *self.optional)


def csv_names(header: str, delimiter: str = ",") -> list[str]:
    """Return the names of a CSV header, trimmed, lower case, blanks made one."""
    cells = next(csv.reader([header], delimiter=delimiter), [])
    return [re.sub(r"\s+", " ", cell.strip().lower()) for cell in cells]


def refuse_repeated(names: Sequence[str]) -> None:
    """Raise DeliveryRefused where a column stands twice."""
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise DeliveryRefused(f"the column {', '.join(twice)} stands twice in the header", "export the file again")


def refuse_other_columns(names: Sequence[str], columns: Columns, source: Source) -> None:
    """Raise DeliveryRefused where a required column is missing or a column is not known and not allowed."""
    allowed = {*columns.known, *source.extra_columns, *(name.lower() for name in source.extra_columns)}
    missing = [name for name in columns.required if name not in names]
    unknown = [name for name in names if name not in allowed]
    if missing or unknown:
        raise DeliveryRefused(_difference(columns, missing, unknown), _remedy(columns, missing, unknown))


def _difference(columns: Columns, missing: Sequence[str], unknown: Sequence[str]) -> str:
    parts = []
    for name in missing:
        similar = difflib.get_close_matches(name, unknown, n=1)
        parts.append(f"column {name} is missing" + (f" (renamed to {similar[0]}?)" if similar else ""))
    if unknown:
        parts.append(f"unknown column {', '.join(unknown)}")
    shown = parts if len(parts) <= 4 else [*parts[:4], f"and {len(parts) - 4} more differences"]
    return f"the header is not that of {columns.name}: " + "; ".join(shown)


def _remedy(columns: Columns, missing: Sequence[str], unknown: Sequence[str]) -> str:
    if missing:
        return f"deliver the original {columns.document}; a column that {columns.vendor} renamed needs a change of the connector"
    names = ", ".join(f'"{name}"' for name in unknown)
    return f"if these columns carry no money, allow them: extra_columns = [{names}] for the source"
