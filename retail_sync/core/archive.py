"""The raw archive: every delivered byte, kept as it came, addressed by its SHA-256, zstd-compressed.

Nothing here knows what a file means. `<root>/<source>/<first two hex digits>/<sha256>.zst`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from retail_sync.core.disk import sync

_CHUNK_BYTES = 4 << 20


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield `stream` in bounded pieces."""
    while block := stream.read(_CHUNK_BYTES):
        yield block


class RawArchive:
    """Content-addressed files under one folder. Storing the same content twice is one file."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, source: str, sha256: str) -> Path:
        """Return where content with this hash lives, whether or not it is there."""
        return self.root / source / sha256[:2] / f"{sha256}.zst"

    def store(self, source: str, file: Path, observe: Callable[[bytes], None]) -> str:
        """Copy `file` in and return its SHA-256; `observe` sees each block that goes by.

        The content is hashed while it is copied, written under a temporary name, synced, then renamed: a crash leaves either
        nothing or the whole file. What is hashed is what is stored, even if somebody writes to `file` meanwhile. One caller at
        a time: the pipeline holds its intake lock.
        """
        incoming = self.root / source / ".incoming"  # what a killed process left there is written over
        incoming.parent.mkdir(parents=True, exist_ok=True)
        try:
            sha256 = _copy(file, incoming, observe)
            final = self.path(source, sha256)
            final.parent.mkdir(parents=True, exist_ok=True)
            incoming.replace(final)
        except BaseException:
            incoming.unlink(missing_ok=True)  # on a full disk half a file would keep it full
            raise
        sync(final.parent)
        return sha256

    def read(self, source: str, sha256: str) -> Iterator[bytes]:
        """Yield the content as it was delivered. Raises FileNotFoundError where it was purged or lost."""
        with (
            self.path(source, sha256).open("rb") as raw,
            pa.CompressedInputStream(raw, "zstd") as stream,
        ):
            while block := stream.read(_CHUNK_BYTES):
                yield block

    def has(self, source: str, sha256: str) -> bool:
        """Whether the content can be read."""
        return self.path(source, sha256).exists()

    def purge(self, source: str, sha256: str) -> None:
        """Delete the content (retention). Deleting what is gone already is no error."""
        self.path(source, sha256).unlink(missing_ok=True)


def _copy(file: Path, target_file: Path, observe: Callable[[bytes], None]) -> str:
    """Compress `file` into `target_file`, to the disk; return the SHA-256 of what went by."""
    digest = hashlib.sha256()

    def see(block: bytes) -> None:
        digest.update(block)
        observe(block)

    with (
        file.open("rb") as stream,
        target_file.open("wb") as raw_target,
        pa.CompressedOutputStream(pa.PythonFile(raw_target, "w"), "zstd") as target,
        ThreadPoolExecutor(1, "digest") as beside,
    ):
        for block in chunks(stream):
            seen = beside.submit(see, block)  # hashing takes as long as compressing, and both let go of the interpreter
            target.write(block)
            seen.result()
    sync(target_file)
    return digest.hexdigest()
