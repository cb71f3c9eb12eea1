"""Fixtures of the connector tests: a loading bench per module."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from retail_sync.core.warehouse import Warehouse
from retail_sync.schemas import tables
from retail_sync.settings import Home
from retail_sync_tests.connectors.loading_bench import LoadBench
from retail_sync_tests.connectors.square_pages import SquareBench

_accounts = itertools.count(1)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadBench]:
    """A fresh warehouse held open for the tests of one module."""
    home = Home(tmp_path_factory.mktemp("bench"))
    home.state.mkdir()
    with Warehouse(home.state).writing("test") as connection:
        tables.prepare(connection)
        yield LoadBench(connection, home)


@pytest.fixture
def square(bench: LoadBench) -> SquareBench:
    """A Square account of its own in the module's warehouse."""
    return SquareBench(bench, f"square{next(_accounts)}")
