"""What the fake systems that connectors read from have in common, and the list of them for the contract suite.

A fake holds the lists of its system and serves them as its documentation says: paging, expiry, filters, refusals. `Knobs`
makes it do what real ones do to those who page.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.server import Reply, Request

CANARY = "canary-7d1f0c"


@dataclass
class Knobs:
    """What happens to those who page. Pages are counted from 1, over all lists, from when the knob was set."""

    rows: int = 3  # on a page
    empty_at: frozenset[int] = frozenset()  # these pages are empty, and there is a next one
    repeat_at: int = 0  # this page brings the rows of the one before again
    expire_at: int = 0  # the token that asks for this page has expired, once
    insert_at: int = 0  # a row is added before this page is answered
    loop_at: int = 0  # from this page on the next token stays the same, once
    pages: int = field(default=0, init=False)


class Expired(Exception):
    """The token of a page is not taken any more; the fake says so in its system's words."""


class FakeSource(ABC):
    """A system whose lists are read. A fake is a `System` for `FakeServer`."""

    connector: ClassVar[str]
    half = False  # of a fault plan for ledgers

    def __init__(self, clock: FakeClock, rows: int = 7) -> None:
        self.clock = clock
        self.knobs = Knobs()
        self.fill(rows)

    @abstractmethod
    def fill(self, rows: int) -> None:
        """Make `rows` records in each list, the same ones every time, within the last day of the clock."""

    @abstractmethod
    def insert(self) -> None:
        """Add one record to each list, as the newest."""

    @abstractmethod
    def connection(self, url: str) -> Mapping[str, Any]:
        """Return what `[source.connection]` says when the fake is served at `url`."""

    @abstractmethod
    def secrets(self) -> Mapping[str, str]:
        """Return the secrets by the end of their variable's name; each holds `CANARY`."""

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """Carry a request out."""

    def slice(self, rows: Sequence[Any], begin: int, size: int | None = None) -> tuple[list[Any], int | None]:
        """Return the rows of a page from `begin`, and where the next page begins; None where this is the last one.

        For systems with tokens: a token says `begin`, and how it is spelled is the fake's. Raises Expired.
        """
        knobs = self.knobs
        knobs.pages += 1
        size = min(size or knobs.rows, knobs.rows)
        if begin and knobs.pages == knobs.expire_at:
            raise Expired
        if knobs.pages in knobs.empty_at:
            return [], begin
        if begin and knobs.pages == knobs.repeat_at:
            return list(rows[max(0, begin - size) : begin]), begin
        if knobs.loop_at and knobs.pages >= knobs.loop_at and begin + size < len(rows):
            knobs.loop_at = 0
            return list(rows[begin : begin + size]), begin
        end = begin + size
        return list(rows[begin:end]), end if end < len(rows) else None

    def before_page(self) -> None:
        """Call at the beginning of each page's answer: adds the row of `insert_at`."""
        if self.knobs.insert_at and self.knobs.pages + 1 >= self.knobs.insert_at:
            self.knobs.insert_at = 0
            self.insert()

    def is_write(self, request: Request) -> bool:
        """Nothing is booked here."""
        return False

    def expire_tokens(self) -> None:
        """Refuse the access token that is in use."""
        raise AssertionError(f"{self.connector} has no access tokens")

    def move_books(self) -> None:
        """There are none."""
        raise AssertionError("a system that lists are read from has no books")

    flip_duplicates = move_books
