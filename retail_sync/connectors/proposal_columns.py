"""Which column of a sample file is which canonical column of an object, by its header and by what its cells look like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from retail_sync.connectors.declared_objects import OBJECTS
from retail_sync.connectors.proposal_file import FileColumn, SampleFile
from retail_sync.connectors.proposal_words import (
    CONSTANTS,
    MARKETPLACE_STOCK,
    MEANINGS,
    USUAL_KINDS,
    likeness,
    words_of,
)
from retail_sync.settings import Column

_INSTANT = "timestamp with time zone"
_MAX_WORDS = 40
# Amounts of a receipt line are told apart by their figures, not by their names alone.
AMOUNTS = ("gross_amount", "net_amount", "tax_amount", "tax_rate")


@dataclass(slots=True)
class Choice:
    """The columns chosen for one object. `untold` says in words what is open, `remarks` what stands beside a line."""

    object: str
    score: float = 0.0
    columns: dict[str, str | Column] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    remarks: dict[str, str] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)
    date_format: str = ""
    other_formats: tuple[str, ...] = ()
    has_instants: bool = False
    decimal_mark: Literal["auto", ".", ","] = "auto"

    def use(self, name: str, column: FileColumn) -> None:
        """Read canonical column `name` from a column of the file."""
        self.columns[name] = column.name
        self.used.add(column.name)


def choose_columns(sample: SampleFile, object_name: str) -> Choice:
    """Choose columns for an object, and score how well the file fits it."""
    wanted, choice = OBJECTS[object_name], Choice(object_name)
    kinds = {c.name: c.sql_type for c in wanted.table.columns} | dict(wanted.inputs)
    found = _assign(sample, object_name, kinds, choice)
    _choose_dates(sample, kinds, choice, found)
    for name in wanted.declarable:
        if name in found and name not in choice.columns:
            choice.use(name, found[name][0])
    for name in wanted.declarable:
        if name in choice.columns and (words := MEANINGS.get(f"{object_name}.{name}") or MEANINGS.get(name)):
            _translate(choice, name, sample.column(str(choice.columns[name])), words)
    certain = sum(likeness_ for name, (_, likeness_) in found.items() if name in wanted.required) * 2
    missing = [name for name in wanted.required if name not in choice.columns]
    for name in missing:
        _fill_in(sample, choice, name)
    _tell_who_counted(sample, choice)
    absent = sum(name not in choice.columns for name in missing)
    choice.score = certain + sum(f for name, (_, f) in found.items() if name not in wanted.required) - 2 * absent
    choice.score -= 0.25 * (len(missing) - absent)
    _order(choice)
    return choice


def _assign(
    sample: SampleFile, object_name: str, kinds: dict[str, str], choice: Choice
) -> dict[str, tuple[FileColumn, float]]:
    """Give each canonical column the file column that names it best; a file column serves once."""
    pairs = [
        (likeness(column.name, object_name, name), -column.place, name, column)
        for name in OBJECTS[object_name].declarable
        for column in sample.columns
        if [c.name for c in sample.columns].count(column.name) == 1 and _fits(column, name, kinds[name])
    ]
    found: dict[str, tuple[FileColumn, float]] = {}
    taken: set[str] = set()
    for fitness, _, name, column in sorted(pairs, key=lambda pair: (-pair[0], -pair[1], pair[2])):
        if fitness > 0 and name not in found and column.name not in taken:
            found[name] = (column, fitness)
            taken.add(column.name)
    if "currency" in kinds and "currency" not in found:
        codes = [c for c in sample.columns if c.is_currency and c.name not in taken]
        if len(codes) == 1:
            found["currency"] = (codes[0], 0.5)
    return found


def _fits(column: FileColumn, name: str, sql_type: str) -> bool:
    if not column.cells:
        return False
    if sql_type in ("date", _INSTANT):
        return bool(column.formats)
    if name == "tax_rate":
        return all(cell.rstrip(" %").replace(",", ".").replace(".", "", 1).isdigit() for cell in column.cells)
    if sql_type.startswith("decimal"):
        return column.is_number
    if sql_type == "bigint":
        return column.is_integer
    if "currency" in name:
        return column.is_currency
    return not (column.formats and not column.is_integer)


def _choose_dates(
    sample: SampleFile, kinds: dict[str, str], choice: Choice, found: dict[str, tuple[FileColumn, float]]
) -> None:
    """One format has to read all date columns of a source; days may also be written as ISO 8601 writes them."""
    dated = [name for name in found if kinds[name] in ("date", _INSTANT)]
    choice.has_instants = any(kinds[name] == _INSTANT for name in kinds if name in found)
    if not dated:
        return
    dated.sort(key=lambda name: (kinds[name] != _INSTANT, -found[name][1]))
    formats = _without_shadows(found[dated[0]][0].formats)
    for name in dated[1:]:
        common = [f for f in formats if f in found[name][0].formats]
        formats = tuple(common) or formats
        if not common and not (kinds[name] == "date" and "%Y-%m-%d" in found[name][0].formats):
            choice.untold.append(
                f"how to read {found[name][0].name!r}: it is written otherwise than {found[dated[0]][0].name!r}"
            )
            del found[name]
    first = dated[0]
    if kinds[first] == _INSTANT and not formats[0].count("%H") and not formats[0].count("%I"):
        times = [column for column in sample.columns if column.is_time]
        if len(times) == 1:
            seconds = ":%S" if times[0].cells[0].count(":") == 2 else ""
            choice.columns[first] = f"[{found[first][0].name}] [{times[0].name}]"
            choice.used |= {found[first][0].name, times[0].name}
            formats = tuple(f"{day} %H:%M{seconds}" for day in formats)
        else:
            choice.untold.append(f"the time of the day: {found[first][0].name!r} has days only, midnight is taken")
    choice.date_format, choice.other_formats = formats[0], formats[1:]
    if choice.other_formats:
        choice.untold.append(
            f"the order of day and month in {found[dated[0]][0].name!r}: every value fits {' and '.join(formats)}"
        )


def _without_shadows(formats: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out formats that say the same in another way: an offset where a plain Z is written."""
    return tuple(f for f in formats if not (f.endswith("%z") and f.removesuffix("%z") + "Z" in formats))


def _translate(choice: Choice, name: str, column: FileColumn, words: dict[str, str]) -> None:
    """Translate the words of a column of a closed list; name those that nobody knows here."""
    if all(cell in words.values() for cell in column.cells):
        return
    known = {cell: words[words_of(cell)] for cell in column.cells[:_MAX_WORDS] if words_of(cell) in words}
    unknown = [cell for cell in column.cells if cell not in known]
    if not known:
        del choice.columns[name]
        choice.used.discard(column.name)
        return
    choice.columns[name] = Column(**{"from": column.name, "values": known})
    if unknown:
        choice.untold.append(
            f"what {', '.join(repr(word) for word in unknown[:8])} in {column.name!r} means for {name}: add it to values, "
            "or its rows are rejected"
        )


def _fill_in(sample: SampleFile, choice: Choice, name: str) -> None:
    """Put a constant, or the sign of the quantity, where no column says it."""
    if name == "kind" and choice.object == "pos_sales":
        quantity = choice.columns.get("quantity")
        if isinstance(quantity, str) and sample.column(quantity).has_negatives:
            choice.columns[name] = Column(**{"from": quantity, "patterns": [("^-", "return")], "otherwise": "sale"})
            choice.untold.append(
                "which lines are returns: a negative quantity is taken for one; a write-off or a correction may look alike"
            )
            return
    if name in CONSTANTS:
        constant = USUAL_KINDS.get(choice.object, "") if name == "kind" else CONSTANTS[name]
        choice.columns[name] = f"={constant}"
        choice.remarks[name] = "to fill in: no column says it"
        choice.untold.append(f"{name}: no column says it; {constant or 'nothing'} stands there until you fill it in")
    elif not (choice.object == "pos_sales" and name in AMOUNTS):
        choice.untold.append(f"which column is {name}, which {choice.object} must have")


def _tell_who_counted(sample: SampleFile, choice: Choice) -> None:
    """A marketplace's report of what it holds is a count of its own kind: what differs is its loss, not the shop's."""
    if choice.object != "stock_counts" or "kind" in choice.columns:
        return
    quantity = choice.columns.get("quantity")
    if isinstance(quantity, str) and words_of(sample.column(quantity).name) in MARKETPLACE_STOCK:
        choice.columns["kind"] = "=marketplace"
        choice.untold.append(
            f"who counted: {quantity!r} is a marketplace's word, so kind is marketplace; take kind out where people counted. "
            "It is compared with the ERP's stock of that location: another source, of object stock_snapshots"
        )


def _order(choice: Choice) -> None:
    """Bring the columns into the table's order."""
    names = OBJECTS[choice.object].declarable
    choice.columns = {name: choice.columns[name] for name in names if name in choice.columns}
