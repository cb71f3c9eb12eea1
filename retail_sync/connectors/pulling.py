"""Asking the systems: every list of every source, window by window, each window a raw delivery before the cursor moves.

What goes wrong in a window throws that window away and asks for it again, a bounded number of times and then in halves: a
page token is never used a second time (they expire while one waits), and half a window is never delivered. One list that
cannot be had stops no other; a person is told, and the next run asks again from where the last good window ended.
"""

from __future__ import annotations

import contextlib
import errno
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from retail_sync.connectors.intake import Received, receive
from retail_sync.connectors.paged import PULLED_SUFFIX, Heading, records_of
from retail_sync.connectors.pages_file import PagesFile
from retail_sync.connectors.registry import WIRE_CONNECTORS, objects_of
from retail_sync.connectors.wire import SCRATCH, Access, Backfill, Document, Page, Window, WireObject, shapes_told
from retail_sync.core.archive import RawArchive
from retail_sync.core.errors import RetailSyncError, SettingsError, SignInRefused, StorageError
from retail_sync.core.exact_json import look_into
from retail_sync.core.failpoints import failpoint
from retail_sync.core.http_errors import REPEATABLE_STATUSES, Answered, BudgetSpent, HttpError, NoConnection
from retail_sync.core.pacing import Clock
from retail_sync.core.paging import PagesBroken
from retail_sync.operations.cursors import Cursors
from retail_sync.operations.deliveries import DeliveryRegistry
from retail_sync.operations.exceptions import Problem
from retail_sync.settings import Home, Source

_FIRST_PULL = timedelta(days=30)
_TRIES = 3
_HALVINGS = 4
_SHORTEST = timedelta(minutes=10)
_WINDOWS_MAX = 10_000
_TOLD_EVERY_SECONDS = 15.0
_FILE_NAME = re.compile(r"\w[\w.-]{0,199}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Days:
    """The past that a run was asked for: local days, [first, end)."""

    first: date
    end: date

    @property
    def stage(self) -> str:
        """Under which stage problems stand: those of past days close when the same days were asked for whole."""
        return f"pull {self.first:%y%m%d}-{self.end:%y%m%d}"

    @property
    def last(self) -> date:
        """The last of the days."""
        return self.end - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What became of one list. `problem` says why it is not whole."""

    source: str
    object: str
    received: tuple[Received, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Stores:
    """Where pulled data goes. `intake` is held while a delivery is registered, never while a system is asked."""

    archive: RawArchive
    registry: DeliveryRegistry
    cursors: Cursors
    intake: Callable[[], AbstractContextManager[None]]


class Puller:
    """Asks the systems of one home for what is new, or for a past window."""

    def __init__(
        self, home: Home, stores: Stores, trace_id: str, progress: Callable[[str], None], clock: Clock | None = None
    ) -> None:
        self._home = home
        self._stores = stores
        self._trace_id = trace_id
        self._progress = progress
        self._clock = clock or Clock()
        self._folder = home.state / SCRATCH
        self._told_at = time.monotonic()

    def pull_all(self, days: Days | None = None) -> list[Pulled]:
        """Pull every source that is asked over HTTP. A failure is a result, except that of the disk (StorageError)."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in self._folder.iterdir():  # by a run that was killed
            left.unlink()
        return [
            pulled
            for source in self._home.settings.source
            if source.connector in WIRE_CONNECTORS
            for pulled in self.pull(source, days)
        ]

    def pull(self, source: Source, days: Days | None = None) -> list[Pulled]:
        """Pull the lists of one source."""
        try:
            wanted = objects_of(source)
            client = WIRE_CONNECTORS[source.connector].connect(
                Access(source, self._home.state, self._trace_id, self._clock, self._progress)
            )
        except SettingsError as error:
            self._progress(f"{source.name}: {error}")
            return [Pulled(source.name, "*", (), _problem(source, "*", error, None, days))]
        with contextlib.closing(client):
            pulled = list(self._pull_lists(source, wanted, client, days))
        asked, new = sum(item.object != "*" for item in pulled), sum(r.is_new for item in pulled for r in item.received)
        self._progress(f"{source.name}: {asked} of {len(wanted)} lists asked for, {new} new deliveries")
        return pulled

    def _pull_lists(
        self, source: Source, wanted: Sequence[WireObject], client: Any, days: Days | None
    ) -> Iterator[Pulled]:
        """Pull one list after the other; where nobody is there, or nobody lets us in, the others are not asked for."""
        for item in wanted:
            try:
                yield self._pull_object(source, item, client, days)
            except (NoConnection, SignInRefused) as error:
                self._progress(f"{source.name}: {error}")
                yield Pulled(source.name, "*", (), _problem(source, "*", error, None, days))
                return

    def _pull_object(self, source: Source, item: WireObject, client: Any, days: Days | None) -> Pulled:
        reached = self._stores.cursors.reached(source.name, item.name)
        received: list[Received] = []
        way = _way(item, days)
        try:
            windows = self._windows(source, item, reached, days, way)
            for number, window in enumerate(windows, 1):
                told = f"{source.name}/{item.name}" + (f", window {number} of {len(windows)}" if windows[1:] else "")
                asked = _Asked(source, item, client, told, way.pull if way else item.pull, received)
                self._pull_window(asked, window, _HALVINGS)
                # What was asked for beyond the cursor's reach leaves a gap behind, so the cursor stays.
                if days is None or (reached is not None and window.start <= reached):
                    failpoint("pull.before_cursor")
                    self._stores.cursors.reach(source.name, item.name, window.end, self._trace_id)
                    reached = max(reached or window.end, window.end)
        except (StorageError, NoConnection, SignInRefused):
            raise
        except RetailSyncError as error:
            if isinstance(error, Answered) and error.status == 401:
                secrets = f"RETAIL_SYNC_{source.name.upper()}_... in the environment of the runs"
                raise SignInRefused(error.message, f"check the secrets of the source, {secrets}") from error
            self._progress(f"{source.name}/{item.name}: {error}")
            return Pulled(source.name, item.name, tuple(received), _problem(source, item.name, error, reached, days))
        return Pulled(source.name, item.name, tuple(received))

    def _windows(
        self, source: Source, item: WireObject, reached: datetime | None, days: Days | None, way: Backfill | None
    ) -> Sequence[Window]:
        now = datetime.fromtimestamp(self._clock.wall(), UTC).replace(microsecond=0)
        zone = ZoneInfo(source.time_zone)
        if item.is_daily and reached and reached.astimezone(zone).date() == now.astimezone(zone).date():
            return []
        if item.is_state and not (days and item.has_past):
            return [Window(now, now)] if days is None or days.end > now.astimezone(zone).date() else []
        if days is not None:
            start, end = (
                datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) for day in (days.first, days.end)
            )
            return cut(start, min(end, now), way.longest) if way else windows_of(start, min(end, now), item.longest)
        if reached is None and source.start_date is not None:
            first = source.start_date
            start = datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC)
        else:
            start = reached - item.look_back if reached else now - _FIRST_PULL
        return windows_of(start, now, item.longest)

    def _pull_window(self, asked: _Asked, window: Window, halvings: int) -> None:
        """Pull one window, again where that may help, then as two halves."""
        for tries_left in range(_TRIES - 1, -1, -1):
            try:
                self._pull_once(asked, window)
            except HttpError as error:
                if not may_help_to_repeat(error):
                    raise
                middle = window.start + (window.end - window.start) / 2
                if not tries_left and (not halvings or middle - window.start < _SHORTEST):
                    raise
                self._progress(f"{asked.told}: {error.message}; asking for the window again")
            else:
                return
        middle = middle.replace(microsecond=0)
        self._pull_window(asked, Window(window.start, middle), halvings - 1)
        self._pull_window(asked, Window(middle, window.end), halvings - 1)

    def _pull_once(self, asked: _Asked, window: Window) -> None:
        """Ask for a window once and deliver what it holds, if that is not what it held last time."""
        # What is now has no window: it is the same list all day, the day of the source, since its rows are of that day.
        today = f"{window.start.astimezone(ZoneInfo(asked.source.time_zone)):%Y%m%d}"
        name = f"{asked.item.name}-{f'{window.start:%Y%m%dT%H%M%SZ}' if window.start < window.end else today}{PULLED_SUFFIX}"
        path = self._folder / f"{asked.source.name}-{name}"
        seed = today.encode() if asked.item.is_state else b""
        pulled_at = datetime.fromtimestamp(self._clock.wall(), UTC)
        has_rows = False
        try:
            with PagesFile(path, Heading(asked.source.connector, asked.item.name, window, pulled_at), seed) as file:
                for found in _answers(asked, window):
                    if isinstance(found, Document):
                        self._deliver_document(asked, found)
                        continue
                    # Looked into until the first record is found: most windows of a small shop hold none.
                    has_rows = has_rows or bool(records_of(look_into(found.content), asked.item, found.part))
                    file.add(found)
                    # Counted over windows and lists: a hundred short windows are as long a silence as one long window.
                    if time.monotonic() - self._told_at > _TOLD_EVERY_SECONDS:
                        pages = "1 page" if file.pages == 1 else f"{file.pages} pages"
                        self._progress(f"{asked.told}: {pages} so far")
                        self._told_at = time.monotonic()
                content = file.end()
            failpoint("pull.after_window")
            if has_rows or self._stores.cursors.last_content(asked.source.name, asked.item.name, name):
                self._deliver(asked, name, path, content)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise StorageError(f"{path} cannot be written: the disk is full", "free disk space, run again") from error
        finally:
            path.unlink(missing_ok=True)

    def _deliver(self, asked: _Asked, name: str, path: Path, content_hash: str) -> None:
        source, item, cursors = asked.source.name, asked.item.name, self._stores.cursors
        if cursors.last_content(source, item, name) == content_hash:
            return
        received = self._receive(asked, path)
        cursors.remember(source, item, name, content_hash, received.delivery_id)
        asked.received.append(received)

    def _deliver_document(self, asked: _Asked, found: Document) -> None:
        """Fetch a document unless it was fetched before: its name is the system's own id of it."""
        source, item, cursors = asked.source.name, asked.item.name, self._stores.cursors
        if cursors.last_content(source, item, found.name):
            return
        if not _FILE_NAME.fullmatch(found.name):  # the system's word: it must not lead out of our folder
            raise PagesBroken(
                f"{asked.told}: {found.name[:80]!r} is no name of a file", "tell who keeps this connector"
            )
        path = self._folder / found.name
        try:
            with shapes_told(asked.told):
                found.save(path)
            received = self._receive(asked, path)
        finally:
            path.unlink(missing_ok=True)
        cursors.remember(source, item, found.name, received.delivery_id, received.delivery_id)
        asked.received.append(received)

    def _receive(self, asked: _Asked, path: Path) -> Received:
        stores = self._stores
        with stores.intake():
            return receive(path, asked.source, stores.archive, stores.registry, self._trace_id, asked.item.name)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One list of one source. `told` names it in progress; `received` is what came of it so far."""

    source: Source
    item: WireObject
    client: Any
    told: str
    pull: Callable[[Any, Window], Iterator[Page | Document]]
    received: list[Received]


def _way(item: WireObject, days: Days | None) -> Backfill | None:
    """Return the list's second way where so many past days are asked for that it is the better one."""
    way = item.backfill
    return way if way and days and days.end - days.first > way.over else None


def _answers(asked: _Asked, window: Window) -> Iterator[Page | Document]:
    with shapes_told(asked.told):
        yield from asked.pull(asked.client, window)


def windows_of(start: datetime, end: datetime, longest: timedelta) -> list[Window]:
    """Cut [start, end) at whole multiples of `longest`, so that the same days are asked for as the same windows.

    The first one begins at such a multiple, a little before `start`. Raises SettingsError for more than 10,000.
    """
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return cut(epoch + (start - epoch) // longest * longest, end, longest)


def cut(start: datetime, end: datetime, longest: timedelta) -> list[Window]:
    """Cut [start, end) into windows from `start` on. Raises SettingsError for more than 10,000."""
    at = start
    found: list[Window] = []
    while at < end:
        if len(found) == _WINDOWS_MAX:
            raise SettingsError(
                f"from {start:%Y-%m-%d} there are more than {_WINDOWS_MAX} windows to ask for", "ask for fewer days"
            )
        found.append(Window(at, min(at + longest, end)))
        at += longest
    return found


def may_help_to_repeat(error: HttpError) -> bool:
    """Whether a window that ended so may come through when it is asked for again."""
    if isinstance(error, BudgetSpent | NoConnection):  # the client has tried to connect several times already
        return False
    return not isinstance(error, Answered) or error.status in REPEATABLE_STATUSES


def _problem(
    source: Source, object_name: str, error: RetailSyncError, reached: datetime | None, days: Days | None
) -> Problem:
    is_transient = isinstance(error, HttpError) and (
        may_help_to_repeat(error) or isinstance(error, BudgetSpent | NoConnection)
    )
    what = f"source {source.name}" if object_name == "*" else f"{object_name} of source {source.name}"
    replay = "retail-sync run hourly --until raw"
    if days:
        again = f"Of {days.first} to {days.last} a part may be missing; this closes when just these days were asked for whole"
        replay = f"retail-sync run month-end --from {days.first} --to {days.last}"
    elif object_name == "*":
        again = "The next run asks for all its lists, each from where it came to"
    elif reached:
        again = f"Everything before {reached:%Y-%m-%d %H:%M} UTC was asked for; the next run asks from there"
    else:
        again = "Nothing came yet; the next run begins with its first day again"
    return Problem(
        code="pull_failed",
        subject=f"{source.name}/{object_name}" + (f" {days.first} to {days.last}" if days else ""),
        kind="transient" if is_transient else "configuration",
        owner="operations",
        message=f"{what} could not be asked for: {error.message}. {again}.",
        remedy="; ".join(filter(None, (error.remedy, "retail-sync doctor asks every source for one cheap answer"))),
        replay=replay,
    )
