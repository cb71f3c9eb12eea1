"""Fixtures of the ledger tests: fresh books on SQLite, on PostgreSQL and in a Tryton server.

PostgreSQL and Tryton tests are marked `services`. Without a server they are skipped and say so; with
RETAIL_SYNC_REQUIRE_SERVICES=1 they fail instead. Each test has a schema of its own, or an emptied company.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from retail_sync.ledger.embedded import EmbeddedLedger
from retail_sync_tests.ledger.bookkeeping import Books
from retail_sync_tests.ledger.tryton_server import Company, open_company

POSTGRES_URL = os.environ.get("RETAIL_SYNC_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.services))


@pytest.fixture
def sqlite_books(tmp_path: Path) -> Books:
    """Books in a SQLite file that does not exist yet."""
    return Books(f"sqlite:///{tmp_path / 'books' / 'ledger.db'}", tmp_path / "heads.jsonl")


@pytest.fixture
def postgresql_books(tmp_path: Path) -> Iterator[Books]:
    """Books in a fresh schema of the test server, dropped afterwards."""
    server = create_engine(POSTGRES_URL, connect_args={"connect_timeout": 5})
    schema = f"ledger_test_{uuid.uuid4().hex[:12]}"
    try:
        with server.begin() as connection:
            connection.execute(text(f"create schema {schema}"))
    except OperationalError as error:
        server.dispose()
        reason = f"no PostgreSQL answers at {make_url(POSTGRES_URL)}: {error.orig}"
        if os.environ.get("RETAIL_SYNC_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    url = make_url(POSTGRES_URL).update_query_dict({"options": f"-csearch_path={schema}"})
    yield Books(url.render_as_string(hide_password=False), tmp_path / "heads.jsonl")
    with server.begin() as connection:
        connection.execute(text(f"drop schema {schema} cascade"))
    server.dispose()


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
