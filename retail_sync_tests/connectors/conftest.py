"""Fixtures of the connector tests: a loading bench per module, a bare look at files, homes that pull from a fake Amazon."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from retail_sync.connectors.registry import CONNECTORS
from retail_sync.core.errors import DeliveryRefused
from retail_sync.core.warehouse import Warehouse
from retail_sync.schemas import tables
from retail_sync.settings import Home, Source
from retail_sync_tests.connectors.loading_bench import LoadBench
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.connectors.square_pages import SquareBench
from retail_sync_tests.fakes.amazon import FakeAmazon
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.source import Knobs

_accounts = itertools.count(1)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadBench]:
    """A fresh warehouse held open for the tests of one module."""
    home = Home(tmp_path_factory.mktemp("bench"))
    home.state.mkdir()
    with Warehouse(home.state).writing("test") as connection:
        tables.prepare(connection)
        yield LoadBench(connection, home)


# The staged rows of a file, or why it is refused.
Look = Callable[[str, bytes], "list[tuple[Any, ...]] | str"]


@pytest.fixture
def look(tmp_path: Path) -> Iterator[Look]:
    """Read files with a connector, by name, without a loader around it: for tests that try many."""
    connection = duckdb.connect(config={"threads": "1"})
    connection.execute("pragma disable_optimizer")

    def look_at(name: str, content: bytes) -> list[tuple[Any, ...]] | str:
        connector, source = CONNECTORS[name], Source(name="look", connector=name)
        try:
            document = connector.open([content], tmp_path / "looked_at", "auto", 1 << 20)
            connector.check_header(document.header, source)
            staged = connector.stage(connection, document, source, "look")
        except DeliveryRefused as refused:
            return refused.message
        assert connection.execute("select count(*) from staged_rejected").fetchone() == (0,)
        return connection.execute(f"select * from staged_{staged.tables[0].split('.')[1]} order by line_no").fetchall()

    yield look_at
    connection.close()


@pytest.fixture
def square(bench: LoadBench) -> SquareBench:
    """A Square account of its own in the module's warehouse."""
    return SquareBench(bench, f"square{next(_accounts)}")


@pytest.fixture
def amazon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., PullBench]]:
    """Make homes that pull from a fake Amazon."""
    made: list[PullBench] = []

    def new(rows: int = 3, **knobs: Any) -> PullBench:
        fake = FakeAmazon(FakeClock(), rows)
        fake.knobs = Knobs(**knobs)
        made.append(PullBench(fake, tmp_path / str(len(made)), monkeypatch))
        return made[-1]

    yield new
    for item in made:
        item.close()


@pytest.fixture
def official(samples: Path) -> Path:
    """The models of Amazon's interfaces and their sandbox answers."""
    return samples / "amazon_sp_api"
