"""The folders that files are fetched from, through fsspec: SFTP, S3 and what speaks like it, and the machine's own disk.

A place lists, looks again and reads; it writes and deletes nothing. Secrets come from the environment alone: for SFTP
RETAIL_SYNC_<SOURCE>_PASSWORD, or _KEY_FILE (path of a private key) with _KEY_PASSPHRASE; for S3 _ACCESS_KEY and _SECRET_KEY,
or what the machine itself is allowed. Nobody is asked at a prompt, and no agent of a person is. A server is believed to be
itself by the fingerprint in the settings, else by ~/.ssh/known_hosts, never because it answers.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from retail_sync.core.errors import RetailSyncError, SettingsError, StorageError
from retail_sync.settings import Source

_BLOCK = 1 << 20
_FAILURES: tuple[type[Exception], ...] = (OSError, EOFError, UnicodeDecodeError)
_ENTRIES_MAX = 100_000
_CONNECT_SECONDS, _READ_SECONDS = 20, 60


class DropFailed(RetailSyncError):
    """A folder could not be reached, listed or read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a folder. `state` changes with its content; `modified` is seconds since 1970, None where nobody says."""

    name: str
    path: str
    size: int
    is_file: bool
    modified: float | None
    state: str


@dataclass(frozen=True, slots=True)
class Place:
    """An open folder. `failures` are the errors that tell that something went wrong there."""

    told: str
    folder: str
    files: Any
    failures: tuple[type[Exception], ...]

    def entries(self) -> list[Entry]:
        """List the folder, what lies in it alone. Raises DropFailed, and SettingsError where there is no such folder."""
        with self.telling("list"):
            try:
                found = self.files.ls(self.folder, detail=True)
            except FileNotFoundError:
                raise SettingsError(
                    f"there is no folder {self.told}",
                    "check `drop` of its source; on S3 a folder is there as soon as a file lies in it",
                ) from None
        if len(found) > _ENTRIES_MAX:
            raise DropFailed(f"{self.told} holds more than {_ENTRIES_MAX} files", "move old files elsewhere")
        entries = (_entry(item) for item in found if item["type"] != "directory")
        return [entry for entry in entries if entry.name]

    def save(self, entry: Entry, target: Path, bytes_max: int) -> int:
        """Write a file of the folder to `target` as it comes; return its size. Raises DropFailed, also for more bytes."""
        size = 0
        with self.telling("read"), self._open(entry) as stream, target.open("wb") as file:
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > bytes_max:
                    raise DropFailed(
                        f"{entry.name} in {self.told} grows while it is read", "it is fetched when it is whole"
                    )
                _write(file, block, target)
        return size

    def still_has(self, entry: Entry) -> bool:
        """Whether a file is there as it was listed. Raises DropFailed."""
        with self.telling("look at"):
            return _entry(self.files.info(entry.path)).state == entry.state

    def _open(self, entry: Entry) -> Any:
        if "file" in self.files.protocol:  # never through a link, nor out of a pipe
            descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise DropFailed(f"{entry.name} in {self.told} is no file", "put a plain file there")
            return os.fdopen(descriptor, "rb")
        return self.files.open(entry.path, "rb")

    @contextmanager
    def telling(self, doing: str) -> Iterator[None]:
        """Tell what goes wrong while `doing` something there as a failure of this folder. Raises RetailSyncError."""
        try:
            yield
        except RetailSyncError:
            raise
        except self.failures as error:
            raise DropFailed(
                f"cannot {doing} {self.told}: {_words(error)}", "check the folder, its permissions and the network"
            ) from error


@contextmanager
def open_place(source: Source) -> Iterator[Place]:
    """Open the folder of a source. Raises DropFailed, or SettingsError for what a person has to set."""
    scheme = urlsplit(source.drop).scheme
    opened = {"sftp": _sftp, "s3": _s3, "file": _local}[scheme](source)
    try:
        yield opened
    finally:
        client = getattr(opened.files, "client", None)
        if client is not None:
            client.close()


def _local(source: Source) -> Place:
    from fsspec.implementations.local import LocalFileSystem

    folder = source.drop.removeprefix("file://").rstrip("/") or "/"
    return Place(source.drop, folder, LocalFileSystem(skip_instance_cache=True), _FAILURES)


def _s3(source: Source) -> Place:
    try:
        import s3fs
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise _missing("s3") from error
    key, secret = _secret(source, "ACCESS_KEY"), _secret(source, "SECRET_KEY")
    if bool(key) != bool(secret):
        raise SettingsError(
            f"source {source.name}: {_name(source, 'ACCESS_KEY')} and {_name(source, 'SECRET_KEY')} belong together",
            "set both in the environment of the runs, or none where the machine itself has access",
        )
    files = s3fs.S3FileSystem(
        key=key or None,
        secret=secret or None,
        endpoint_url=source.drop_endpoint or None,
        config_kwargs={"connect_timeout": _CONNECT_SECONDS, "read_timeout": _READ_SECONDS},
        use_listings_cache=False,
        skip_instance_cache=True,
        default_fill_cache=False,
    )
    return Place(
        source.drop, source.drop.removeprefix("s3://").rstrip("/"), files, (*_FAILURES, BotoCoreError, ClientError)
    )


def _sftp(source: Source) -> Place:
    try:
        import paramiko
        from fsspec.implementations.sftp import SFTPFileSystem
    except ImportError as error:
        raise _missing("sftp") from error

    class OnlyThisKey(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]  # paramiko has no types
        """Asked where the server's key is in no list: then it has to be the one of the settings."""

        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            shown = "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
            if shown != source.drop_host_key.rstrip("="):
                raise paramiko.SSHException(
                    f"the key of {hostname} is {shown}, which is "
                    + (
                        "not drop_host_key"
                        if source.drop_host_key
                        else "neither in ~/.ssh/known_hosts nor drop_host_key"
                    )
                )

    class Files(SFTPFileSystem):  # type: ignore[misc]  # fsspec has no types
        """As fsspec has it, but with a server that is known, times that are bounded, and no prompts."""

        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            if not source.drop_host_key:
                self.client.load_system_host_keys()
            self.client.set_missing_host_key_policy(OnlyThisKey())
            self.client.connect(self.host, **self.ssh_kwargs)
            self.ftp = self.client.open_sftp()
            self.ftp.get_channel().settimeout(_READ_SECONDS)

        def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **_: Any) -> Any:
            file = self.ftp.open(path, mode, bufsize=_BLOCK)
            file.prefetch(max_concurrent_requests=64)  # else each piece waits for the one before
            return file

    where = urlsplit(source.drop)
    place = Place(source.drop, where.path, None, (*_FAILURES, paramiko.SSHException))
    with place.telling("reach"):
        files = Files(
            where.hostname, skip_instance_cache=True, **_login(source, where.port or 22, where.username or "")
        )
    return Place(place.told, place.folder, files, place.failures)


def _login(source: Source, port: int, user: str) -> dict[str, Any]:
    password, key_file = _secret(source, "PASSWORD"), _secret(source, "KEY_FILE")
    if not password and not key_file:
        raise SettingsError(
            f"{_name(source, 'PASSWORD')} is not set, nor {_name(source, 'KEY_FILE')}: source {source.name} needs one of them",
            "set it in the environment of the runs",
        )
    return {
        "port": port, "username": user, "password": password or None, "key_filename": key_file or None,
        "passphrase": _secret(source, "KEY_PASSPHRASE") or None, "allow_agent": False, "look_for_keys": False,
        "timeout": _CONNECT_SECONDS, "banner_timeout": _CONNECT_SECONDS, "auth_timeout": _CONNECT_SECONDS,
        "channel_timeout": _CONNECT_SECONDS,
    }  # fmt: skip


def _entry(item: dict[str, Any]) -> Entry:
    modified = item.get("mtime", item.get("LastModified"))
    if isinstance(modified, datetime):
        modified = (modified if modified.tzinfo else modified.replace(tzinfo=UTC)).timestamp()
    size, path = int(item["size"] or 0), str(item["name"])
    # A tag says more than a time, which a storage tells with more digits in a list than of a file.
    state = f"{size}|{item.get('ETag') or modified!r}"
    return Entry(path.rsplit("/", 1)[-1], path, size, item["type"] == "file", modified, state)


def _name(source: Source, secret: str) -> str:
    return f"RETAIL_SYNC_{source.name.upper()}_{secret}"


def _secret(source: Source, secret: str) -> str:
    return os.environ.get(_name(source, secret), "")


def _missing(extra: str) -> SettingsError:
    return SettingsError(f"a drop over {extra} needs a library that is not installed", f"pip install -e '.[{extra}]'")


def _write(file: BinaryIO, block: bytes, target: Path) -> None:
    try:
        file.write(block)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StorageError(f"{target} cannot be written: the disk is full", "free disk space, run again") from error


def _words(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "a name in it is not UTF-8"
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:200]
