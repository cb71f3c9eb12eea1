"""Fixtures of the release and posting tests: a shop in memory and on PostgreSQL, and one in files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
import sqlalchemy as sa

from retail_sync.operations.database import open_database
from retail_sync_tests.operations.shop import Shop, shop_at, shop_in, shop_in_memory
from retail_sync_tests.postgresql import DATABASES, fresh_schema


@pytest.fixture(params=DATABASES)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """A fresh shop: SQLite in memory, and both databases on PostgreSQL."""
    with nullcontext("") if request.param == "sqlite" else fresh_schema() as url:
        opened = shop_at(url, tmp_path) if url else shop_in_memory()
        yield opened
        opened.ledger.close()
        opened.engine.dispose()


@pytest.fixture(params=DATABASES)
def operations(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A fresh operations database, on SQLite and on PostgreSQL."""
    own = nullcontext(f"sqlite:///{tmp_path / 'operations.sqlite'}")
    with own if request.param == "sqlite" else fresh_schema() as url:
        opened = open_database(url, tmp_path)
        yield opened
        opened.dispose()


@pytest.fixture
def shop_on_disk(tmp_path: Path) -> Iterator[Shop]:
    """A fresh shop in files, to be opened by others or tampered with."""
    opened = shop_in(tmp_path / "shop")
    yield opened
    opened.ledger.close()
    opened.engine.dispose()
