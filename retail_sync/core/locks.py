"""One writer at a time, by an operating-system lock that the kernel frees when its holder dies.

A Dagster pool slot was left taken by a SIGKILL until a daemon freed it; a flock is not (`docs/decisions.md`, 3).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retail_sync.core.errors import WarehouseBusy

_POLL_SECONDS = 0.1


@contextmanager
def exclusive(path: Path, wait_seconds: float, purpose: str) -> Iterator[None]:
    """Hold the lock file `path` for the body. Waits at most `wait_seconds`, then raises WarehouseBusy naming the holder.

    The file is never deleted: deleting a lock file lets two processes lock two different files of one name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(descriptor, path, wait_seconds)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}: {purpose}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "unknown"
                raise WarehouseBusy(
                    f"{path} is held by another run ({holder}) and was not freed in {wait_seconds:g} s",
                    "wait for that run to end, or raise lock_wait_seconds in retail_sync.toml",
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return
