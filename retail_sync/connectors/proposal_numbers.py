"""Whether a sample's receipt numbers start again: then a number alone would let tomorrow's receipts displace today's."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date, datetime

from retail_sync.connectors.declared_objects import OBJECTS
from retail_sync.connectors.proposal_columns import Choice
from retail_sync.connectors.proposal_file import FileColumn, SampleFile

# What tells the day of a numbered row.
_DATED_BY = {"pos_sales": "sold_at", "pos_tenders": "tendered_at", "pos_shifts": "opened_at"}


def choose_numbers(sample: SampleFile, choice: Choice) -> None:
    """Put the day into the number where the same one occurs on several days, if a column has the day alone; tell it."""
    name = OBJECTS[choice.object].table.numbered_by
    number, dated = choice.columns.get(name), choice.columns.get(_DATED_BY.get(choice.object, ""))
    if not (isinstance(number, str) and isinstance(dated, str) and choice.date_format) or number.startswith("="):
        return
    days = _days_by_number(sample, choice, number, dated)
    several = {key: found for key, found in days.items() if len(found) > 1}
    if not several:
        return
    (*_, first), found = next(iter(several.items()))
    column = _day_column(sample, choice)
    if column:
        choice.columns[name] = f"[{column.name}]-[{number}]"
        choice.used.add(column.name)
        choice.remarks[name] = "the numbers start again"
    choice.untold.append(
        f"whether the numbers in {number!r} start again: {len(several)} of {len(days)} occur on more than one day "
        f"({first} on {min(found)} and {max(found)}). A number must be unique in its store and till, or a later receipt takes "
        f"the place of an earlier one: "
        + (
            f'{name} = "{choice.columns[name]}" keeps them apart; where they are unique, leave the day out'
            if column
            else f'write {name} = "[Date]-[{number}]" with a column that has the day alone'
        )
    )


def _days_by_number(sample: SampleFile, choice: Choice, number: str, dated: str) -> dict[tuple[str, ...], set[date]]:
    """Return the days of each number by store and till, in the order of the file; a day that cannot be read is left out."""
    within = [choice.columns.get(name) for name in ("store", "register")]
    columns = [sample.column(name) for name in within if isinstance(name, str) and _is_column(sample, name)]
    places = [column.place for column in (*columns, sample.column(number))]
    parts = [sample.column(part).place for part in _parts(dated)]
    days: dict[tuple[str, ...], set[date]] = defaultdict(set)
    for row in sample.records:
        try:
            read = datetime.strptime(" ".join(row[place] for place in parts), choice.date_format)  # noqa: DTZ007 - the day
        except ValueError:
            continue
        days[tuple(row[place] for place in places)].add(read.date())
    return days


def _parts(dated: str) -> list[str]:
    """The columns of "[Day] [Time]", or the one column."""
    return re.findall(r"\[([^\[\]]+)\]", dated) or [dated]


def _is_column(sample: SampleFile, name: str) -> bool:
    return any(column.name == name for column in sample.columns)


def _day_column(sample: SampleFile, choice: Choice) -> FileColumn | None:
    """The column that has the day of a row and no time."""
    dated = str(choice.columns[_DATED_BY[choice.object]])
    for column in sample.columns:
        is_day = bool(column.formats) and not any("%H" in f or "%I" in f for f in column.formats)
        if is_day and column.name in _parts(dated):
            return column
    return None
