r"""The hash chain of the embedded ledger, and the file outside its database that keeps the head.

The hash of an entry is the SHA-256, in lower-case hex, of this UTF-8 text, four lines joined by one
line feed, with none at the end:

    <prev_hash>
    <key>
    <body_hash>
    <token>

`prev_hash` is the hash of the entry before, 64 zeros for the first; `body_hash` is
`Entry.body_hash`.
An auditor repeats it with `printf '%s\n%s\n%s\n%s' ... | sha256sum`.

Whoever owns the database can drop its triggers and rewrite the whole chain, so after each commit
the head also goes into a file, one JSON line each:

    {"entries": 12, "head": "<hash of entry 12>", "recorded_at": "2026-11-23T15:01:00.000000+00:00"}

Keep that file where the database's owner cannot write, or copy it away.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from retail_sync.core.errors import StorageError
from retail_sync.ledger.adapter import Finding

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: how many entries it has and the hash of the last (GENESIS for none)."""

    entries: int
    hash: str


def chain_hash(prev_hash: str, key: str, body_hash: str, token: str) -> str:
    """Return the hash that seals an entry; the module's docstring gives the exact text."""
    return hashlib.sha256(f"{prev_hash}\n{key}\n{body_hash}\n{token}".encode()).hexdigest()


def append_head(path: Path, head: Head) -> None:
    """Add `head` to the file and wait for the disk. Raises StorageError where that fails."""
    record = {
        "entries": head.entries,
        "head": head.hash,
        "recorded_at": datetime.now(UTC).isoformat(timespec="microseconds"),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            # Two processes may append at once, and one of them may have died in the middle.
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write((_after_torn_line(path) + json.dumps(record) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(
            f"the ledger booked its entries, but its head could not be written to {path}: {error}",
            "free space or correct the permissions, then run again: booked entries are recognised",
        ) from error


def ensure_heads_file(path: Path | None) -> list[Finding]:
    """Start a missing file with the empty chain and say so: to an old ledger it is a loss."""
    if path is None or path.exists():
        return []
    append_head(path, Head(0, GENESIS))
    return [Finding("external_head", f"{path} was missing; what it had recorded is lost")]


def heads_size(path: Path | None) -> int:
    """Return the file's size in bytes, 0 when there is none.

    A reader notes it before it looks at the database: heads added later are not its business.
    """
    return path.stat().st_size if path and path.exists() else 0


def read_heads(path: Path, size: int) -> Iterator[tuple[int, Head | None]]:
    """Yield line number and head for the first `size` bytes; None for a line that makes no sense.

    A line cut short by a crash (it lacks the closing brace) is passed over wherever it stands.
    """
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            size -= len(raw)
            if size < 0:
                return
            text = raw.strip()
            if text.endswith(b"}"):
                yield number, _parse(text)


def _after_torn_line(path: Path) -> str:
    """Return a line feed when the last line was cut short, so that the next one starts afresh."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return ""
        file.seek(-1, os.SEEK_END)
        return "" if file.read(1) == b"\n" else "\n"


def _parse(text: bytes) -> Head | None:
    try:
        record = json.loads(text)
        head = Head(int(record["entries"]), str(record["head"]))
    except (ValueError, KeyError, TypeError):
        return None
    return head if 0 <= head.entries < 2**63 else None
