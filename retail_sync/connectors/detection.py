"""Which decimal mark and date format a file uses: decided once per file from all its values, never per value.

A value that fits no known form is a matter for its row; values that contradict each other stop the file, because reading
half of it the wrong way round would look right (`03/04` and `04/03`, `1.141,18` and `1,141.18`).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from retail_sync.core.errors import DeliveryRefused

_DECLARE_MARK = 'say which it is: decimal_mark = "." or "," for the source in retail_sync.toml'
_DECLARE_DATE = "declare date_format for the source in retail_sync.toml"


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A known way to write an instant: the pattern it has, and how to read it. Its own zone wins; else it is UTC."""

    name: str
    pattern: str
    strptime: str


# Seen in real files unless marked constructed: reference/marketplaces.md 1.4.
INSTANT_FORMATS = (
    DateFormat("iso offset", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:?\d\d", "%Y-%m-%dT%H:%M:%S%z"),
    DateFormat(  # constructed
        "iso offset with fractions",
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}[+-]\d\d:?\d\d",
        "%Y-%m-%dT%H:%M:%S.%f%z",
    ),
    DateFormat("iso", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "%Y-%m-%d %H:%M:%S UTC"),
    DateFormat("dotted", r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d UTC", "%d.%m.%Y %H:%M:%S UTC"),
    DateFormat("day first", r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d UTC", "%d/%m/%Y %H:%M:%S UTC"),
    DateFormat("month first", r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d UTC", "%m/%d/%Y %H:%M:%S UTC"),
)

_ISO = next(known for known in INSTANT_FORMATS if known.name == "iso")


def decide_decimal_mark(connection: duckdb.DuckDBPyConnection, declared: str) -> str:
    """Return the decimal mark of all texts in temp view `staged_amounts(value)`. Raises DeliveryRefused on a mix.

    `12` and `-3` say nothing. `1.234` alone could be either and says nothing; if nothing else decides, the file stops.
    """
    if declared != "auto":
        return declared
    row = connection.execute(
        """
        select
            sum(occurrences) filter (regexp_full_match(value, $point)),
            sum(occurrences) filter (regexp_full_match(value, $comma)),
            sum(occurrences) filter (regexp_full_match(value, $unclear)),
            min(value) filter (regexp_full_match(value, $point)),
            min(value) filter (regexp_full_match(value, $comma)),
            min(value) filter (regexp_full_match(value, $unclear))
        from (select value, count(*) as occurrences from staged_amounts group by value)
        """,
        {"point": _telling(r"\.", ","), "comma": _telling(",", r"\."), "unclear": r"-?[1-9]\d{0,2}[.,]\d{3}"},
    ).fetchone()
    points, commas, unclear, point, comma, example = row or (0, 0, 0, None, None, None)
    if points and commas:
        raise DeliveryRefused(
            f"amounts are written with a decimal point ({points} such as {point}) and with a decimal comma "
            f"({commas} such as {comma}) in one file",
            "export the file again; a file that mixes both was edited or put together by hand",
        )
    if unclear and not points and not commas:
        raise DeliveryRefused(
            f"amount {example} may mean thousands or decimals and no other amount tells",
            _DECLARE_MARK,
        )
    return "," if commas else "."


def _telling(mark: str, thousands: str) -> str:
    """Pattern of amounts that can only be read with this decimal mark.

    Three digits after it tell only where what stands before cannot be a first group of thousands (0, 1234, 1,234); a mark
    that occurs twice is the one of thousands.
    """
    grouped = rf"\d{{1,3}}({thousands}\d{{3}})+"
    return (
        rf"-?((\d+|{grouped}){mark}(\d{{1,2}}|\d{{4,}})"
        rf"|(0\d*|\d{{4,}}|{grouped}){mark}\d{{3}}"
        rf"|\d{{1,3}}({thousands}\d{{3}}){{2,}})"
    )


def decide_instant_format(connection: duckdb.DuckDBPyConnection, declared: str) -> str:
    """Return the strptime pattern of all texts in temp view `staged_instants(value)`. Raises DeliveryRefused.

    Day-first and month-first look alike: the one that reads every value is taken; when both do, the file stops.
    """
    if declared != "auto":
        return declared
    connection.execute("create or replace temp table different_instants as select distinct value from staged_instants")
    found = {known: _fit(connection, known) for known in INSTANT_FORMATS}
    connection.execute("drop table different_instants")
    seen = {known: unread for known, (like, unread) in found.items() if like}
    readable = [known for known, unread in seen.items() if not unread]
    if len({known.pattern for known in seen}) > 1 or (len(seen) > 1 and not readable):
        names = " and ".join(known.name for known in seen)
        raise DeliveryRefused(
            f"dates are written in more than one way in one file ({names})",
            "export the file again; a file that mixes both was edited or put together by hand",
        )
    if len(readable) > 1:
        raise DeliveryRefused(
            "every date could be day/month or month/day and nothing in the file tells",
            _DECLARE_DATE,
        )
    # One form only: where a value has it but names no such day (31.02.), or none has any form, the rows are rejected.
    return next(iter(readable or seen), _ISO).strptime


def _fit(connection: duckdb.DuckDBPyConnection, known: DateFormat) -> tuple[int, int]:
    row = connection.execute(
        """
        select count(*), count(*) filter (try_strptime(value, $strptime) is null)
        from different_instants where regexp_full_match(value, $pattern)
        """,
        {"strptime": known.strptime, "pattern": known.pattern},
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
