"""Fetching files from where others put them: what is new in a remote folder becomes raw deliveries, as from the inbox.

A file is taken when it is whole: its size and time stay (and it is a minute old), or its sender has put FILE.done beside it. It
is written to the state folder as it comes and registered only when it is there to the last byte and still the same at its place.
Then it is remembered by name, size and time (or tag); nothing is changed or deleted there. A run that is killed in between fetches
it again, and the registry knows its content. One folder that cannot be had stops no other; a person is told.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from retail_sync.connectors.drop_places import DropFailed, Entry, Place, open_place
from retail_sync.connectors.intake import Intake, Received, fresh_folder, receive_file
from retail_sync.connectors.registry import WIRE_CONNECTORS
from retail_sync.core.errors import RetailSyncError, SettingsError, StorageError
from retail_sync.core.failpoints import failpoint
from retail_sync.core.pacing import Clock
from retail_sync.operations.drop_files import DropFiles
from retail_sync.operations.exceptions import Problem
from retail_sync.settings import Home, Source

_MARKER = ".done"
_LOOK_AGAIN_SECONDS = 3.0
_AGE_SECONDS = 60.0
_FILES_MAX = 1000
_NAME_BYTES_MAX = 200
_TOLD_EVERY_FILES = 50


@dataclass(slots=True)
class Dropped:
    """What became of one folder."""

    source: str
    received: list[Received] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class DropFetcher:
    """Fetches the new files of every source that names a folder. `intake` is held while a file is registered, only then."""

    def __init__(  # noqa: PLR0913 - where what is fetched goes
        self,
        home: Home,
        stores: Intake,
        known: DropFiles,
        intake: Callable[[], AbstractContextManager[None]],
        progress: Callable[[str], None],
        clock: Clock | None = None,
    ) -> None:
        self._home = home
        self._stores = stores
        self._known = known
        self._intake = intake
        self._progress = progress
        self._clock = clock or Clock()
        self._bytes_max = home.settings.raw.max_unpacked_mb << 20

    def fetch_all(self) -> list[Dropped]:
        """Fetch from every folder. A failure is a result, except that of the disk (StorageError)."""
        return [self.fetch(source) for source in self._home.settings.source if source.drop]

    def fetch(self, source: Source) -> Dropped:
        """Fetch what is new in the folder of one source."""
        dropped = Dropped(source.name)
        try:
            if source.connector in WIRE_CONNECTORS:
                raise SettingsError(
                    f"source {source.name}: {source.connector} asks a system and reads no files",
                    "take `drop` out of its block",
                )
            with open_place(source) as place, fresh_folder(self._home.state / "drop") as folder:
                self._fetch_new(source, place, folder, dropped)
        except StorageError:
            raise
        except RetailSyncError as error:
            self._progress(f"{source.name}: {error}")
            dropped.problems.append(_problem(source.name, source.name, error))
        return dropped

    def _fetch_new(self, source: Source, place: Place, folder: Path, dropped: Dropped) -> None:
        found = self._new(source, place, dropped)
        whole = self._settled(source, place, found)
        for number, entry in enumerate(whole[:_FILES_MAX], 1):
            try:
                self._fetch_one(source, place, entry, folder, dropped)
            except DropFailed as error:
                dropped.problems.append(_problem(source.name, f"{source.name}/{entry.name}", error))
            if number % _TOLD_EVERY_FILES == 0:
                self._progress(f"{source.name}: {number} of {len(whole)} files fetched so far")
        left = len(found) - min(len(whole), _FILES_MAX)
        self._progress(
            f"{source.name}: {len(dropped.received)} files fetched from {place.told}, "
            f"{sum(item.is_new for item in dropped.received)} of them new"
            + (f"; {left} are not whole yet or wait for the next run" if left else "")
        )

    def _new(self, source: Source, place: Place, dropped: Dropped) -> list[Entry]:
        """Return the files that are not known as they are, oldest first; tell those that cannot be taken."""
        known = self._known.known(source.name, place.told)
        found = []
        entries = place.entries()
        done = {entry.name for entry in entries if entry.name.endswith(_MARKER)}
        for entry in entries:
            if entry.name.startswith(".") or (source.drop_settled == "marker" and entry.name.endswith(_MARKER)):
                continue
            if not fnmatch.fnmatchcase(entry.name, source.drop_pattern) or known.get(entry.name) == entry.state:
                continue
            if complaint := self._complaint(entry):
                shown = ascii(entry.name)[1:-1][:_NAME_BYTES_MAX]
                error = DropFailed(f"{shown} {complaint}", "give it another name or form, or narrow drop_pattern")
                dropped.problems.append(_problem(source.name, f"{source.name}/{shown}", error))
            elif source.drop_settled != "marker" or entry.name + _MARKER in done:
                found.append(entry)
        return sorted(found, key=lambda entry: (entry.modified or 0, entry.name))

    def _complaint(self, entry: Entry) -> str:
        """Say why a file is not taken: only a plain file with a plain name, of a size that may be read."""
        try:
            size = len(entry.name.encode())
        except UnicodeEncodeError:
            return "has a name that is not UTF-8"
        if "\\" in entry.name or not entry.name.isprintable() or size > _NAME_BYTES_MAX:
            return "has a name that is none for a file"
        if not entry.is_file:
            return "is no file but a link, a pipe or a device"
        if entry.size > self._bytes_max:
            return f"is larger than raw.max_unpacked_mb ({self._bytes_max >> 20} MB)"
        return ""

    def _settled(self, source: Source, place: Place, found: Sequence[Entry]) -> list[Entry]:
        """Leave out what is still being written: look a second time a little later."""
        if source.drop_settled == "marker" or not found:
            return list(found)
        now = self._clock.wall()
        # A time that lies ahead is that of another clock and says nothing.
        old = [entry for entry in found if entry.modified is None or not 0 <= now - entry.modified < _AGE_SECONDS]
        if not old:
            return []
        self._clock.sleep(_LOOK_AGAIN_SECONDS)
        again = {entry.name: entry.state for entry in place.entries()}
        return [entry for entry in old if again.get(entry.name) == entry.state]

    def _fetch_one(self, source: Source, place: Place, entry: Entry, folder: Path, dropped: Dropped) -> None:
        target = folder / entry.name
        try:
            size = place.save(entry, target, entry.size)
            if size != entry.size or not place.still_has(entry):
                raise DropFailed(
                    f"{entry.name} in {place.told} changed while it was read", "the next run fetches it again"
                )
            failpoint("drop.after_fetch")
            with self._intake():
                received = receive_file(target, source, self._home, self._stores)
        finally:
            target.unlink(missing_ok=True)
        self._known.remember(source.name, place.told, entry.name, entry.state, received[-1].delivery_id)
        dropped.received += received
        for item in received:
            if item.notice:
                self._progress(f"{source.name}/{item.path.name}: {item.notice}; {item.remedy}")


def _problem(source: str, subject: str, error: RetailSyncError) -> Problem:
    return Problem(
        code="drop_failed",
        subject=subject,
        kind="configuration" if isinstance(error, SettingsError) else "transient",
        owner="operations",
        message=f"Files of source {source} could not be fetched: {error.message}. What was fetched before stays.",
        remedy="; ".join(filter(None, (error.remedy, "retail-sync doctor lists every folder once"))),
        replay="retail-sync run hourly --until raw",
    )
