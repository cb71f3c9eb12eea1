"""A delivery of pages being written, one page behind the one that is asked for meanwhile.

Hashing and writing let go of the interpreter, so they cost next to nothing while a system answers. Never more than one page waits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from retail_sync.connectors.paged import Heading, page_line, write_end, write_heading
from retail_sync.connectors.wire import Page


class PagesFile:
    """Writes the pages of a window to `path`, and hashes of them what lasts: all but `Page.passing`.

    `seed` is hashed first. Raises OSError of the disk from whichever call finds it.
    """

    def __init__(self, path: Path, heading: Heading, seed: bytes) -> None:
        self.pages = 0
        self._content = hashlib.sha256(seed)
        self._writing: Future[None] | None = None
        with ExitStack() as held:
            self._file = held.enter_context(path.open("wb"))
            self._behind = held.enter_context(ThreadPoolExecutor(1, "pages"))
            write_heading(self._file, heading)
            self._held = held.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._held.__exit__(kind, error, traceback)

    def add(self, page: Page) -> None:
        """Write a page, when the one before it is written."""
        self._wait()
        self.pages += 1
        self._writing = self._behind.submit(self._write, page)

    def end(self) -> str:
        """Write the end, and return the hash of what lasts."""
        self._wait()
        write_end(self._file, self.pages)
        self._file.flush()
        return self._content.hexdigest()

    def _wait(self) -> None:
        if self._writing:
            self._writing.result()

    def _write(self, page: Page) -> None:
        line = page_line(page)
        self._content.update(_lasting(line, page.passing))
        self._file.write(line)


def _lasting(line: bytes, passing: Sequence[str]) -> bytes:
    for text in passing:
        line = line.replace((text if text.startswith('"') else f'"{text}"').encode(), b"")
    return line
