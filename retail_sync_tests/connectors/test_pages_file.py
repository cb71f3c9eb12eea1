"""Pages that are written behind: what goes wrong there reaches who asks, and what was asked for is what is hashed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retail_sync.connectors.paged import Heading
from retail_sync.connectors.pages_file import PagesFile
from retail_sync.connectors.wire import Page, Window

AT = datetime(2026, 11, 20, tzinfo=UTC)
HEADING = Heading("vendure", "orders", Window(AT, AT), AT)
SMALL = Page(b'{"rows": [8]}')
# More than a file keeps in memory: it is on the disk, or not, when it is written.
LARGE = Page(b'{"rows": "' + b"x" * 100_000 + b'"}')


def written(path: Path, pages: Iterable[Page], seed: bytes = b"") -> str:
    """Write pages as they come, and return the hash of what lasts."""
    with PagesFile(path, HEADING, seed) as file:
        for page in pages:
            file.add(page)
        return file.end()


def asked(pages: list[Page], taken: list[Page]) -> Iterator[Page]:
    """Yield pages as a system gives them; those that somebody came for are noted."""
    for page in pages:
        taken.append(page)
        yield page


@pytest.mark.parametrize(("pages", "count"), [([LARGE, LARGE, LARGE], 2), ([LARGE], 1), ([SMALL], 1)])
def test_a_full_disk_is_told(pages: list[Page], count: int) -> None:
    """With the next page, or at the end; no third page is asked for where the first one could not be written."""
    taken: list[Page] = []
    with pytest.raises(OSError, match="No space left"):
        written(Path("/dev/full"), asked(pages, taken))
    assert len(taken) == count


def test_a_system_that_breaks_off_is_told_itself(tmp_path: Path) -> None:
    """A page is still being written then: it is waited for, and the file has no end, so nobody takes it for whole."""

    def broken() -> Iterator[Page]:
        yield LARGE
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        written(tmp_path / "pages", broken())
    assert (tmp_path / "pages").read_bytes().endswith(b'x"}}\n')


def test_what_passes_makes_no_other_content(tmp_path: Path) -> None:
    """A page token, and a count that begins with a quote. Anything else does, the order of pages and the seed as well."""
    path = tmp_path / "pages"
    first, again = (
        Page(f'{{"token": "{token}", "left": {left}, "rows": [7]}}'.encode(), passing=(token, f'"left": {left}'))
        for token, left in (("abc", 7), ("xyz", 6))
    )
    assert written(path, [first, SMALL]) == written(path, [again, SMALL])
    others = ([first], [first, SMALL], [SMALL, first], [first, first])
    assert len({written(path, [first], b"day"), *(written(path, pages) for pages in others)}) == 5
