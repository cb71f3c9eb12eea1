# ruff: noqa: S608 - assembled from contracts and our own names; constants and words are bound
"""From a declared source to SQL: the cells of a file, as text, become staged canonical rows with their raw text beside them.

Built in three named steps: `given` (what is declared, typed), `filled` (defaults, zones, tax), and the staged table. Every
identifier is the contract's or our own; constants and words are bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from retail_sync.connectors.declared_columns import Bindings, ColumnReader, Declared
from retail_sync.connectors.declared_objects import DeclaredObject, pseudonym_of
from retail_sync.schemas.contract import Column
from retail_sync.settings import Column as Declaration
from retail_sync.settings import Source

_AMOUNTS = ("gross_amount", "net_amount", "tax_amount")
# Prices of one unit may be finer than the coin.
_FINER = ("unit_price",)
# What a customer saw has a currency of its own.
_OTHER_CURRENCY = ("presentment_amount",)
# %Y would read the 26 of 16.09.26 as the year 26.
_EARLIEST = "1900-01-01"
_MONEY = "decimal(18, 4)"
_STEPS = {_MONEY: "0.0001", "decimal(18, 6)": "0.000001", "decimal(20, 12)": "0.000000000001"}
_INSTANT = "timestamp with time zone"
# The part of a declared format that says the day, where the time follows it.
_DAY_PART = re.compile(r"^(?:(?!%[HIMSfpzZ]).)*%-?[YymdBbj]")


def staged_table_sql(wanted: DeclaredObject, source: Source, reader: ColumnReader, bindings: Bindings) -> str:
    """Return the statement that creates `staged_<table>` from temp table `fields` (cells `c<place>`, line_no, bad_line)."""
    given = {name: reader.declared(name, _type(wanted, name)) for name in source.columns}
    steps = [
        f"cells as (\n  select {_cells(reader)}\n  from fields where bad_line is null\n)",
        _given(wanted, source, given, bindings),
        *_filled(wanted, source, given, bindings),
    ]
    last = steps[-1].split(" as ", 1)[0]
    columns = ",\n  ".join(_final(wanted, source, given, bindings))
    return (
        f"create or replace temp table staged_{wanted.table.name} as\nwith "
        + ",\n".join(steps)
        + f"\nselect\n  {columns}\nfrom {last}"
    )


def _cells(reader: ColumnReader) -> str:
    numbers = (f"number_of(c{place}) as n{place}" for place in sorted(reader.numbers))
    return ", ".join(["line_no", *(f"c{place}" for place in reader.used), *numbers])


def _type(wanted: DeclaredObject, name: str) -> str:
    if name in wanted.inputs:
        return wanted.inputs[name]
    return next(column.sql_type for column in wanted.table.columns if column.name == name)


def _column(wanted: DeclaredObject, name: str) -> Column | None:
    return next((column for column in wanted.table.columns if column.name == name), None)


def _given(wanted: DeclaredObject, source: Source, given: dict[str, Declared], bindings: Bindings) -> str:
    """What the file says, typed: instants are still local clock times here, money is not yet checked against its currency."""
    columns = ["line_no"]
    for name, declared in given.items():
        typed = _typed(wanted, name, declared, source, bindings)
        column = source.columns[name]
        if isinstance(column, Declaration) and column.negate:
            kinds = ", ".join(bindings.bind(kind) for kind in column.negate)
            typed = f"case when {given['kind'].text} in ({kinds}) then -({typed}) else {typed} end"
        columns.append(f"{typed} as {name}")
        columns.append(f"{declared.shown} as {name}__raw")
    return "given as (\n  select " + ",\n    ".join(columns) + "\n  from cells\n)"


def _typed(wanted: DeclaredObject, name: str, declared: Declared, source: Source, bindings: Bindings) -> str:
    sql_type, column = _type(wanted, name), _column(wanted, name)
    if sql_type.startswith("decimal"):
        return declared.number
    if sql_type == "bigint":
        return f"case when regexp_full_match({declared.text}, '[0-9]{{1,15}}') then cast({declared.text} as bigint) end"
    if sql_type == _INSTANT:
        return _not_too_early(f"try_strptime({declared.text}, {bindings.bind(source.date_format)})")
    if sql_type == "date":
        return _not_too_early(_day(declared.text, source, bindings))
    if sql_type == "boolean":
        yes, no = ("('true', 'yes', 'y', '1')", "('false', 'no', 'n', '0')")
        return f"case when lower({declared.text}) in {yes} then true when lower({declared.text}) in {no} then false end"
    return f"nullif({declared.text}, '')" if column is None or column.nullable else declared.text


def _not_too_early(instant: str) -> str:
    return f"case when {instant} >= '{_EARLIEST}' then {instant} end"


def _day(text: str, source: Source, bindings: Bindings) -> str:
    """Read a day: as ISO 8601 writes it, which is unambiguous, or as declared, with or without the time that is declared.

    Each way by itself: in a list of formats DuckDB keeps the offset that a failed one has read.
    """
    declared = f"try_strptime({text}, {bindings.bind(source.date_format)})"
    if _has_zone(source):
        declared = f"timezone({bindings.bind(source.time_zone)}, {declared})"
    ways = [f"try_strptime({text}, '%Y-%m-%d')", declared]
    if (day_only := _DAY_PART.match(source.date_format)) and day_only[0] != source.date_format:
        ways.append(f"try_strptime({text}, {bindings.bind(day_only[0])})")
    return f"coalesce({', '.join(ways)})"


def _has_zone(source: Source) -> bool:
    return "%z" in source.date_format or "%Z" in source.date_format


def _filled(wanted: DeclaredObject, source: Source, given: dict[str, Declared], bindings: Bindings) -> Iterator[str]:
    """The zone of each row, its currency's unit, what follows from what was given, and tax."""
    zone = bindings.bind(source.time_zone)
    if source.time_zones and wanted.place in given:
        places, zones = bindings.bind(list(source.time_zones)), bindings.bind(list(source.time_zones.values()))
        zone = f"coalesce(list_extract({zones}, nullif(list_position({places}, {wanted.place}), 0)), {zone})"
    defaults = [f"{sql} as {name}" for name, sql in wanted.defaults.items() if name not in given]
    units = "left join currency_units using (currency)" if "currency" in given else ""
    unit = (
        "currency_units.unit as coin, currency_units.digits as coin_digits"  # a product has a unit of its own
        if units
        else "cast(null as decimal(18, 4)) as coin, cast(null as integer) as coin_digits"
    )
    columns = ",\n    ".join(["given.*", f"{zone} as zone", unit, *_pseudonyms(wanted, given), *defaults])
    yield f"filled as (\n  select {columns}\n  from given {units}\n)"
    if wanted.table.name == "pos_sales":
        yield from _taxed(source, given, is_by_rate=_is_by_rate(wanted, given))


def _pseudonyms(wanted: DeclaredObject, given: dict[str, Declared]) -> list[str]:
    return [f"{pseudonym_of(hashed)} as {name}" for name, hashed in wanted.pseudonyms.items() if hashed in given]


def _taxed(source: Source, given: dict[str, Declared], *, is_by_rate: bool) -> Iterator[str]:
    """Complete gross, net and tax of a receipt line from the two that are given, or from one and a rate.

    With tax rounded per receipt, each line takes the difference of the rounded running totals: the lines sum to the receipt's
    rounded tax, and none is off by more than one unit.
    """
    have = [name for name in _AMOUNTS if name in given]
    figures = [f"{_money(name, given)} as {name}_" for name in have]
    if is_by_rate:
        figures.append("rate_of(tax_rate) as rate")
    yield "priced as (\n  select *, " + ", ".join(figures) + "\n  from filled\n)"
    if is_by_rate:
        lines = "partition by store, register, receipt_id, currency, rate order by line_no"
        yield (
            f"summed as (\n  select *, sum({have[0]}_) over ({lines}) as until_here,\n    "
            f"sum({have[0]}_) over ({lines} rows between unbounded preceding and 1 preceding) as before\n  from priced\n)"
        )
    known = {name: f"{name}_" for name in have}
    if is_by_rate:
        known["tax_amount"] = _tax(source, have[0])
    known.setdefault("tax_amount", "(gross_amount_ - net_amount_)")
    known.setdefault("net_amount", f"gross_amount_ - {known['tax_amount']}")
    known.setdefault("gross_amount", f"net_amount_ + {known['tax_amount']}")
    figures = [f"try_cast({sql} as {_MONEY}) as {name}_whole" for name, sql in known.items()]
    yield f"taxed as (\n  select *, {', '.join(figures)}\n  from {'summed' if is_by_rate else 'priced'}\n)"


def _money(name: str, given: dict[str, Declared]) -> str:
    """A figure as money of its row's currency: rounded where it was computed, else null where it has a part of a unit."""
    if given[name].is_computed:
        return f"money_of({name}, coin_digits)"
    return f"case when {name} % coalesce(coin, 0.0001) = 0 then try_cast({name} as {_MONEY}) end"


def _tax(source: Source, base: str) -> str:
    def tax_of(figure: str) -> str:
        return f"tax_of({figure}, rate, {'true' if base == 'gross_amount' else 'false'}, coin_digits)"

    if source.tax_rounding == "line":
        return tax_of(f"{base}_")
    return f"({tax_of('until_here')} - coalesce({tax_of('before')}, 0))"


def _final(wanted: DeclaredObject, source: Source, given: dict[str, Declared], bindings: Bindings) -> Iterator[str]:
    for column in wanted.table.columns:
        name = column.name
        if name in ("source", "delivery_id"):
            yield f"${name} as {name}"
        elif name == "line_no":
            yield "line_no"
        elif name == "business_date" and wanted.instant:
            shift = bindings.bind(source.day_starts_at + ":00")
            yield f"cast(timezone(zone, {_instant(wanted.instant, source)}) - cast({shift} as interval) as date) as business_date"
        elif name == wanted.identity and name not in given:
            yield f"{_content(wanted, given)} as {name}"
        elif name == wanted.identity:
            yield f"coalesce(nullif({name}, ''), {_content(wanted, given)}) as {name}"
        elif name in given or name in wanted.defaults or name in wanted.pseudonyms or _is_tax(wanted, name):
            yield f"{_value(wanted, column, given, source)} as {name}"
        else:
            yield f"cast(null as {column.sql_type}) as {name}"
        if name in given:
            yield f"{name}__raw"
        elif name == "tax_amount" and _is_by_rate(wanted, given):
            yield f"case when rate is null then tax_rate__raw end as {name}__raw"


def _is_by_rate(wanted: DeclaredObject, given: dict[str, Declared]) -> bool:
    return wanted.table.name == "pos_sales" and "tax_rate" in given and "tax_amount" not in given


def _is_tax(wanted: DeclaredObject, name: str) -> bool:
    return wanted.table.name == "pos_sales" and name in _AMOUNTS


def _value(wanted: DeclaredObject, column: Column, given: dict[str, Declared], source: Source) -> str:
    name = column.name
    if name in wanted.pseudonyms and wanted.pseudonyms[name] not in given:
        return f"cast(null as {column.sql_type})"
    if column.sql_type == _INSTANT:
        return _instant(name, source)
    if column.sql_type == "date":
        return f"cast({name} as date)"
    if not column.sql_type.startswith("decimal"):
        return name
    if _is_tax(wanted, name):
        return f"{name}_whole"
    if name in given and given[name].is_computed:
        return _rounded(name, column.sql_type)
    # More decimals than the currency has (1.005 EUR, 100.5 JPY) is no amount of money; zeros after them lose nothing.
    is_whole = column.sql_type == _MONEY and name not in (*_FINER, *_OTHER_CURRENCY)
    step = "coalesce(coin, 0.0001)" if is_whole else _STEPS[column.sql_type]
    return f"case when {name} % {step} = 0 then try_cast({name} as {column.sql_type}) end"


def _rounded(name: str, sql_type: str) -> str:
    if sql_type != _MONEY:
        return f"try_cast(round({name}, {sql_type.rstrip(')').split(', ')[1]}) as {sql_type})"
    return f"money_of({name}, {'4' if name in (*_FINER, *_OTHER_CURRENCY) else 'coin_digits'})"


def _instant(name: str, source: Source) -> str:
    return f"cast({name} as timestamptz)" if _has_zone(source) else f"timezone(zone, {name})"


def _content(wanted: DeclaredObject, given: dict[str, Declared]) -> str:
    """Identify a row by what it says and how often the file said it before: overlapping exports agree, equal rows stay two."""
    names = sorted({*given, *wanted.defaults} - {wanted.identity})
    # Each text with its length: nothing else tells an empty one, or one that holds the separator, from its neighbours.
    texts = ", ".join(f"coalesce(length(cast({name} as varchar)) || ':' || {name}, '-')" for name in names)
    listed = ", ".join(names)
    return (
        f"'content-' || left(sha256(concat_ws('|', {texts})), 20) || '-' "
        f"|| row_number() over (partition by {listed} order by line_no)"
    )
