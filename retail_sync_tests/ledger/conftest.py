"""Fixtures of the ledger tests: fresh books on SQLite, on PostgreSQL and in a Tryton server.

PostgreSQL and Tryton tests are marked `services`. Without a server they are skipped and say so; with
RETAIL_SYNC_REQUIRE_SERVICES=1 they fail instead. Each test has a schema of its own, or an emptied company.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from retail_sync.ledger import drafts
from retail_sync.ledger.embedded import EmbeddedLedger
from retail_sync.systems import calls
from retail_sync_tests.ledger.bookkeeping import Books
from retail_sync_tests.ledger.tryton_server import Company, open_company
from retail_sync_tests.postgresql import DATABASES, fresh_schema


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings of an ERP that are repeated wait for as good as nothing: the lines of the tests are bad by plan."""
    monkeypatch.setattr(calls, "LIMITS", replace(calls.LIMITS, wait_first=0.01))


@pytest.fixture
def sqlite_books(tmp_path: Path) -> Books:
    """Books in a SQLite file that does not exist yet."""
    return Books(f"sqlite:///{tmp_path / 'books' / 'ledger.db'}", tmp_path / "heads.jsonl")


@pytest.fixture
def postgresql_books(tmp_path: Path) -> Iterator[Books]:
    """Books in a fresh schema of the test server, dropped afterwards."""
    with fresh_schema() as url:
        yield Books(url, tmp_path / "heads.jsonl")


@pytest.fixture(params=DATABASES)
def books(request: pytest.FixtureRequest) -> Books:
    """Fresh books on each database in turn."""
    found: Books = request.getfixturevalue(f"{request.param}_books")
    return found


@pytest.fixture
def ledger(books: Books) -> Iterator[EmbeddedLedger]:
    """The embedded ledger, installed in `books`."""
    opened = books.installed()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def _tryton_company() -> Iterator[Company]:
    opened = open_company(os.environ.get("PYTEST_XDIST_WORKER", "alone"))
    yield opened
    opened.database.dispose()


@pytest.fixture
def company(_tryton_company: Company) -> Company:
    """A company of a Tryton server without any move, September 2026 closed."""
    _tryton_company.empty()
    return _tryton_company


@pytest.fixture
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger of drafts waits a tenth of its time between two rounds: less for what is late, and no test rests on it."""
    monkeypatch.setattr(drafts, "_ROUND_WAIT_SECONDS", 0.02)
