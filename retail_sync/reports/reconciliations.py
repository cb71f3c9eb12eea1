"""Every reconciliation in the same figures: what was compared, what matched, what is open, how old, how late, by week.

One reading serves the pages in Dagster and `retail-sync status`. Ages are counted to a day that the caller gives and are
stored nowhere: the same deliveries give the same tables on any day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from retail_sync.core import sql
from retail_sync.core.money import NO_CURRENCY, to_minor
from retail_sync.reconcile.break_kinds import BreakKinds
from retail_sync.reports.ages import AGES, age_group
from retail_sync.reports.values import Rows, amount

_WEEKS = 8
_TREND_WEEKS = 26


@dataclass(frozen=True, slots=True)
class Open:
    """Open breaks of one kind, day and currency. `value` is summed without signs; None where nothing states it."""

    reconciliation: str
    kind: str
    currency: str
    since: date
    count: int
    value: Decimal | None
    overdue: int


@dataclass(frozen=True, slots=True)
class Compared:
    """What one comparison compared in a week, and what of it matched; `week` is its Monday, None where no day is proved."""

    reconciliation: str
    comparison: str
    currency: str
    week: date | None
    count: int
    matched: int
    value: Decimal
    matched_value: Decimal


@dataclass(frozen=True, slots=True)
class Reconciliations:
    """Some reconciliations, or all of them, as they stand on `as_of`."""

    as_of: date
    open: Sequence[Open]
    compared: Sequence[Compared]

    def of(self, names: Collection[str]) -> Reconciliations:
        """Return those of these names."""
        return Reconciliations(
            self.as_of,
            [item for item in self.open if item.reconciliation in names],
            [item for item in self.compared if item.reconciliation in names],
        )

    @property
    def shares(self) -> Rows:
        """(comparison, currency, compared, matched, share of value) by comparison and currency."""
        grouped: dict[tuple[str, str], list[Compared]] = defaultdict(list)
        for item in self.compared:
            grouped[item.comparison, item.currency].append(item)
        return [
            (_words(name), _unit(currency), sum(i.count for i in items), _share(items), _share_of_value(items))
            for (name, currency), items in grouped.items()
        ]

    @property
    def by_kind(self) -> Rows:
        """(kind, age, open, value, overdue), the kind with most breaks first."""
        grouped: dict[tuple[str, int], list[Open]] = defaultdict(list)
        counts: dict[str, int] = defaultdict(int)
        for item in self.open:
            grouped[item.kind, AGES.index(self._age(item))].append(item)
            counts[item.kind] += item.count
        ordered = sorted(grouped, key=lambda key: (-counts[key[0]], key))
        return [(_words(kind), AGES[age], *_figures(grouped[kind, age])) for kind, age in ordered]

    @property
    def plot(self) -> Rows:
        """(age, kind, currency, minor units) for a plot; what has no value has no bar."""
        sums: dict[tuple[str, str, str], int] = defaultdict(int)
        for item in self.open:
            if item.value:
                sums[self._age(item), _words(item.kind), item.currency] += to_minor(item.value, item.currency)
        return [(*key, minor) for key, minor in sorted(sums.items())]

    @property
    def weeks(self) -> Rows:
        """(week, matched, share of value, open, value) of the newest weeks: open is what dates from that week."""
        compared: dict[date, list[Compared]] = defaultdict(list)
        dated: dict[date, list[Open]] = defaultdict(list)
        for item in self.compared:
            if item.week:
                compared[item.week].append(item)
        for found in self.open:
            dated[found.since - timedelta(days=found.since.weekday())].append(found)
        return [
            (str(week), _share(compared[week]), _share_of_value(compared[week]), *_figures(dated[week])[:2])
            for week in sorted({*compared, *dated}, reverse=True)[:_WEEKS]
        ]  # fmt: skip

    @property
    def trend(self) -> list[tuple[date, str, int, int]]:
        """(week, comparison, compared, matched) of the newest half year, all currencies together, oldest first."""
        counts: dict[tuple[date, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
        for item in self.compared:
            if item.week:
                count, matched = counts[item.week, _words(item.comparison)]
                counts[item.week, _words(item.comparison)] = count + item.count, matched + item.matched
        newest = sorted({week for week, _ in counts})[-_TREND_WEEKS:]
        return [(*key, *counts[key]) for key in sorted(counts) if key[0] in newest]

    @property
    def summary(self) -> list[dict[str, Any]]:
        """A line per reconciliation: matched share, open breaks, their value by currency, the oldest in days, overdue."""
        names = {item.reconciliation for item in self.open} | {item.reconciliation for item in self.compared}
        return [self.of([name])._line(name) for name in sorted(names)]  # noqa: SLF001 - of its own class

    def _line(self, name: str) -> dict[str, Any]:
        count, value, overdue = _figures(self.open)
        oldest = max(((self.as_of - item.since).days for item in self.open), default=None)
        return {
            "reconciliation": name,
            "compared": sum(item.count for item in self.compared),
            "matched": _share(self.compared),
            "open": count,
            "value": value,
            "oldest": oldest,
            "overdue": overdue,
        }

    def _age(self, item: Open) -> str:
        return age_group((self.as_of - item.since).days)


def read_reconciliations(connection: duckdb.DuckDBPyConnection, kinds: BreakKinds, as_of: date) -> Reconciliations:
    """Return all reconciliations as they stand on a day."""
    connection.register("break_kinds", pa.table({
        "break_class": pa.array(list(kinds), pa.string()),
        "kind": pa.array([kind.kind for kind in kinds.values()], pa.string()),
        "sla_days": pa.array([kind.sla_days for kind in kinds.values()], pa.int32()),
    }))  # fmt: skip
    found = connection.execute(sql.statement(__package__, "open_breaks"), {"as_of": as_of}).fetchall()
    connection.unregister("break_kinds")
    compared = connection.execute(sql.statement(__package__, "compared_weeks")).fetchall()
    return Reconciliations(as_of, [Open(*row) for row in found], [Compared(*row) for row in compared])


def _figures(items: Iterable[Open]) -> tuple[int, str, int]:
    """How many are open, their value by currency, and how many of them are overdue."""
    count, overdue, values = 0, 0, dict[str, Decimal]()
    for item in items:
        count += item.count
        overdue += item.overdue
        if item.value:
            values[item.currency] = values.get(item.currency, Decimal(0)) + item.value
    return count, ", ".join(amount(value, currency) for currency, value in sorted(values.items())), overdue


def _share(items: Sequence[Compared]) -> str:
    return _percent(Decimal(sum(item.matched for item in items)), Decimal(sum(item.count for item in items)))


def _share_of_value(items: Sequence[Compared]) -> str:
    """The share of value by currency: amounts of two currencies have no sum."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for item in items:
        matched, value = sums.get(item.currency, (Decimal(0), Decimal(0)))
        sums[item.currency] = matched + item.matched_value, value + item.value
    shares = [(_percent(*pair), _unit(currency)) for currency, pair in sorted(sums.items()) if pair[1]]
    return shares[0][0] if len(shares) == 1 else ", ".join(f"{share} {currency}" for share, currency in shares)


def _percent(part: Decimal, whole: Decimal) -> str:
    """A share with one decimal, rounded down: 100.0 % is said only of what is whole."""
    return f"{int(1000 * part / whole) / Decimal(10):.1f} %" if whole else ""


def _unit(currency: str) -> str:
    return "units" if currency == NO_CURRENCY else currency


def _words(name: str) -> str:
    return name.replace("_", " ")
