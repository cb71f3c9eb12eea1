"""A schema of its own on the PostgreSQL server of the tests.

Without a server such a test is skipped and says so; with RETAIL_SYNC_REQUIRE_SERVICES=1 it fails instead.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

POSTGRES_URL = os.environ.get("RETAIL_SYNC_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.services))
"""For a fixture's `params`: the tests that need no server, and the same on PostgreSQL."""


@contextmanager
def fresh_schema() -> Iterator[str]:
    """The SQLAlchemy URL of an empty schema, dropped afterwards."""
    server = create_engine(POSTGRES_URL, connect_args={"connect_timeout": 5})
    schema = f"retail_sync_test_{uuid.uuid4().hex[:12]}"
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
    yield url.render_as_string(hide_password=False)
    with server.begin() as connection:
        connection.execute(text(f"drop schema {schema} cascade"))
    server.dispose()
