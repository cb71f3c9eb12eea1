"""Taking files in: archive the bytes, register the delivery. `ingest` and the inbox folders both end here."""

from __future__ import annotations

import difflib
import errno
import hashlib
import os
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from retail_sync.connectors.packed import is_archive, take_apart
from retail_sync.connectors.paged import PULLED_SUFFIX
from retail_sync.connectors.registry import object_of, reader_of
from retail_sync.core.archive import RawArchive
from retail_sync.core.errors import DeliveryRefused, RetailSyncError, SettingsError, StorageError
from retail_sync.core.failpoints import failpoint
from retail_sync.operations.deliveries import DeliveryRegistry, NewDelivery
from retail_sync.settings import Home, Source

_SETTLE_SECONDS = 1.0
_MAX_INBOX_FILES = 100_000
_LOOK_BYTES = 4 << 20
_MAX_COUNTED_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one file. `warning` says why it will not load, as far as its first line tells.

    A file of the inbox that cannot be read has no `delivery_id`. `notice` says that it loads and counts twice.
    """

    path: Path
    delivery_id: str
    is_new: bool
    warning: str = ""
    remedy: str = ""
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Intake:
    """Where what is taken in goes."""

    archive: RawArchive
    registry: DeliveryRegistry
    trace_id: str


class _FirstLook:
    """Counts lines and keeps the first one while the bytes pass by on their way into the archive."""

    def __init__(self) -> None:
        self.rows: int | None = 0
        self.header = b""
        self._inflater: zlib._Decompress | None = None
        self._started = False
        self._unpacked_bytes = 0

    def see(self, block: bytes) -> None:
        if not self._started:
            self._started = True
            if block.startswith(b"\x1f\x8b"):
                self._inflater = zlib.decompressobj(wbits=31)
        try:
            for plain in self._plain(block):
                self._count(plain)
        except zlib.error:
            self.rows = None  # damaged: the reader will say so

    def _plain(self, block: bytes) -> Iterator[bytes]:
        """Yield what the block unpacks to in bounded pieces: 100 kB of gzip may hold 100 MB."""
        if self._inflater is None:
            yield block
            return
        while block and self.rows is not None:
            plain = self._inflater.decompress(block, _LOOK_BYTES)
            block = self._inflater.unconsumed_tail
            self._unpacked_bytes += len(plain)
            if self._unpacked_bytes > _MAX_COUNTED_BYTES:
                self.rows = None  # whether it is too large is for the reader to say
            yield plain

    def _count(self, plain: bytes) -> None:
        if self.rows is None:
            return
        if b"\n" not in self.header:
            self.header = (self.header + plain)[:65536]
        self.rows += plain.count(b"\n")

    @property
    def first_line(self) -> bytes:
        return self.header.split(b"\n", 1)[0].rstrip(b"\r")


def shown_name(path: Path) -> str:
    """Return the file's name as text that can be stored and printed: a byte that is no UTF-8 is written in hexadecimal."""
    return os.fsencode(path.name).decode(errors="backslashreplace")


def has_text_name(path: Path) -> bool:
    """Whether the file's name is UTF-8. Only such a name can be registered; others come from disks of old systems."""
    return shown_name(path) == path.name


def receive(  # noqa: PLR0913 - what a delivery is
    path: Path,
    source: Source,
    archive: RawArchive,
    registry: DeliveryRegistry,
    trace_id: str,
    object_name: str = "",
) -> Received:
    """Archive and register one file. Nothing is ever refused here: whatever was delivered is kept.

    `object_name` says what it holds where its source has several objects; else it is the source's.
    Raises RetailSyncError when the file cannot be read at all, or its name cannot be registered.
    """
    if not has_text_name(path):
        raise RetailSyncError(
            f"{shown_name(path)} cannot be taken in: its name is not UTF-8", "give the file another name"
        )
    look = _FirstLook()
    try:
        if not path.is_file() and path.exists():
            # A pipe or device could be read for ever.
            raise RetailSyncError(f"{path} cannot be taken in: it is no file", "give the path of a file")
        size = path.stat().st_size
        sha256 = archive.store(source.name, path, look.see)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageError(
                f"{path} cannot be taken in: the disk is full", "free disk space, then run again"
            ) from error
        raise RetailSyncError(
            f"{path} cannot be taken in: {error.strerror}", "check the path and its permissions"
        ) from error
    failpoint("raw.after_archive")
    object_name = object_name or object_of(source)
    delivery_id, is_new = registry.register(
        NewDelivery(
            source=source.name,
            object=object_name,
            name=path.name,
            sha256=sha256,
            bytes=size,
            rows=None if path.name.endswith(PULLED_SUFFIX) else look.rows,  # a page is a line of many records
            header_fingerprint=hashlib.sha256(look.first_line).hexdigest(),
        ),
        trace_id,
    )
    failpoint("raw.after_register")
    warning, remedy = _early_warning(look.first_line, source, object_name)
    if warning:
        return Received(path, delivery_id, is_new, warning, remedy)
    twice = registry.elsewhere(source.name, object_name, sha256)
    return Received(path, delivery_id, is_new, *(_told_twice(*twice, source.name) if twice else ()))


def receive_file(path: Path, source: Source, home: Home, stores: Intake) -> list[Received]:
    """Take in a file, or each file of a zip archive as a delivery of its own; one that cannot be taken apart as it is.

    Then its reading refuses it, and says why.
    """
    if has_text_name(path) and path.is_file() and os.access(path, os.R_OK) and is_archive(path):
        with fresh_folder(home.state / "unpacked") as folder:
            try:
                members = take_apart(path, folder, home.settings.raw.max_unpacked_mb << 20)
            except DeliveryRefused:
                members = []
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                raise StorageError(f"{path} cannot be taken apart: the disk is full", "free disk space") from error
            found = [receive(m, source, stores.archive, stores.registry, stores.trace_id) for m in members]
            if found:
                return [replace(item, path=path.parent / item.path.name) for item in found]
    return [receive(path, source, stores.archive, stores.registry, stores.trace_id)]


@contextmanager
def fresh_folder(folder: Path) -> Iterator[Path]:
    """An empty folder for the body; what a killed process left in it goes first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _told_twice(other: str, name: str, source: str) -> tuple[str, str, str]:
    return (
        "",
        f"if source {other} was renamed to {source}: retail-sync sources remove {other} --by WHO --reason WHY; "
        f"if both are declared, take one [[source]] block out",
        f"the same content came for source {other} (as {name}): what both deliver counts twice",
    )


def _early_warning(first_line: bytes, source: Source, object_name: str) -> tuple[str, str]:
    encoding = "utf-8" if source.encoding == "auto" else source.encoding
    try:
        # In UTF-16 the line end is two bytes, and splitting at one of them leaves the other.
        header = first_line.decode(encoding, errors="replace").removeprefix("\ufeff").rstrip("\r\ufffd")
        reader_of(source, object_name).check_header(header, source)
    except (DeliveryRefused, SettingsError) as refusal:
        return refusal.message, refusal.remedy
    except LookupError:
        return f"{source.encoding!r} is no known encoding", "correct it in retail_sync.toml"
    return "", ""


def scan_inbox(home: Home, stores: Intake) -> Iterator[Received]:
    """Take in every new file of `<home>/inbox/<source>/`. Files stay where they are; what was taken in is remembered.

    A file that is still growing is left for the next scan; one that cannot be read stops no other.
    """
    for source in home.settings.source:
        folder = home.inbox / source.name
        if not folder.is_dir():
            continue
        files = sorted(entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
        if len(files) > _MAX_INBOX_FILES:
            raise RetailSyncError(f"{folder} holds more than {_MAX_INBOX_FILES} files", "move old files elsewhere")
        for file in files:
            try:
                # What has no text name is not known: `receive` says so.
                if has_text_name(file) and (stores.registry.is_known_inbox_file(file) or not _is_settled(file)):
                    continue
                before = file.stat()
                received = receive_file(file, source, home, stores)
            except StorageError:
                raise
            except (RetailSyncError, FileNotFoundError) as error:
                if file.exists():  # else its sender took it away meanwhile
                    yield Received(file, "", False, *_words(error))
                continue
            stores.registry.remember_inbox_file(file, received[-1].delivery_id, before.st_size, before.st_mtime_ns)
            yield from received


@dataclass(frozen=True, slots=True)
class Misplaced:
    """Files that no run takes in: their folder of the inbox is no source's, or they are in none. `guess`: a name like it."""

    folder: str
    count: int
    guess: str


def misplaced_files(home: Home) -> list[Misplaced]:
    """Return where files lie in the inbox and are no source's."""
    if not home.inbox.is_dir():
        return []
    names = [source.name for source in home.settings.source]
    found, loose = [], 0
    for entry in sorted(home.inbox.iterdir()):
        if entry.name.startswith(".") or entry.name in names:
            continue
        if entry.is_file():
            loose += 1
        elif entry.is_dir() and (count := sum(1 for file in entry.rglob("*") if file.is_file())):
            close = difflib.get_close_matches(entry.name.casefold(), names, n=1)
            found.append(Misplaced(shown_name(entry), count, close[0] if close else ""))
    return [*([Misplaced("", loose, "")] if loose else []), *found]


def _words(error: RetailSyncError | FileNotFoundError) -> tuple[str, str]:
    if isinstance(error, RetailSyncError):
        return error.message, error.remedy
    return f"{error.filename} cannot be taken in: {error.strerror}", "check the path and its permissions"


def _is_settled(file: Path) -> bool:
    first = file.stat()
    age = time.time() - first.st_mtime
    if age >= _SETTLE_SECONDS:
        return True
    time.sleep(min(_SETTLE_SECONDS, max(0.0, _SETTLE_SECONDS - age)))
    second = file.stat()
    return (first.st_size, first.st_mtime_ns) == (second.st_size, second.st_mtime_ns)
