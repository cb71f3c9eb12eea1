"""Breaks that one missing delivery makes by the hundred: told once for each place, while the rows stay in their tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import duckdb

from retail_sync.core import sql
from retail_sync.operations.exceptions import Kind, Problem
from retail_sync.reconcile.break_kinds import BreakKinds


@dataclass(frozen=True, slots=True)
class _Found:
    """What one cause makes at one place: how many things lack it, in how many breaks, and on which days."""

    place: str
    breaks: int
    count: int
    first: date
    last: date

    @property
    def days(self) -> str:
        """The days as text."""
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class _Cause:
    """Breaks of one class that one missing delivery makes: the statement that finds them, place by place, and the sentences."""

    code: str
    statement: str
    kind: Kind
    message: Callable[[_Found], str]
    remedy: Callable[[_Found], str]


_CAUSES = (
    _Cause(
        "stock_no_book",
        "counts_without_book",
        "data",
        lambda f: (
            f"Counted, but no snapshot says what should be there: {f.count} articles of {f.place}, counted on {f.days} "
            f"({f.breaks} counts)."
        ),
        lambda f: (
            f"deliver a stock snapshot of {f.place} (object stock_snapshots, what the ERP says) of {f.first} or earlier"
        ),
    ),
    _Cause(
        "listed_unmapped",
        "offers_without_articles",
        "data",
        lambda f: (
            f"No source delivers articles, so none of {f.count} offers of {f.place} is mapped to one, and nothing says whether "
            "they can be delivered."
        ),
        lambda _: (
            "deliver the articles (a source with the object products, most often the ERP) and their stock snapshots. Each "
            "offer: table reconcile.availability, status listed_unmapped (query)"
        ),
    ),
)


def find_causes(connection: duckdb.DuckDBPyConnection, kinds: BreakKinds) -> tuple[set[tuple[str, str]], list[Problem]]:
    """Return the breaks (class, subject) that a missing delivery makes, and one problem for each place where it does."""
    told: set[tuple[str, str]] = set()
    problems: list[Problem] = []
    for cause in _CAUSES:
        for place, subjects, *figures in connection.execute(sql.statement(__package__, cause.statement)).fetchall():
            told |= {(cause.code, subject) for subject in subjects}
            problems.append(_problem(cause, _Found(place, len(subjects), *figures), kinds))
    return told, problems


def _problem(cause: _Cause, found: _Found, kinds: BreakKinds) -> Problem:
    return Problem(
        code=cause.code,
        subject=found.place,
        kind=cause.kind,
        owner=kinds[cause.code].owner,
        message=cause.message(found),
        remedy=cause.remedy(found),
        since_date=str(found.first),
    )
