"""A home whose sources fetch their files from folders, and what came of it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from retail_sync.connectors.drops import DropFetcher, Dropped
from retail_sync.connectors.intake import Intake
from retail_sync.core.archive import RawArchive
from retail_sync.operations.database import open_database
from retail_sync.operations.deliveries import DeliveryRegistry
from retail_sync.operations.drop_files import DropFiles
from retail_sync.settings import Home, RawSettings, Settings, Source
from retail_sync_tests.fakes.clock import FakeClock


class DropBench:
    """One home and a clock that stands still; files are as old as `age` makes them."""

    def __init__(self, folder: Path, *sources: Source, max_unpacked_mb: int = 4096) -> None:
        self.home = Home(folder)
        self.home.state.mkdir(parents=True, exist_ok=True)
        self.home.settings = Settings(source=sources, raw=RawSettings(max_unpacked_mb=max_unpacked_mb))
        self.engine = open_database(self.home.operations_url, self.home.state)
        self.registry = DeliveryRegistry(self.engine)
        self.archive = RawArchive(self.home.state / "raw")
        self.clock = FakeClock()
        self.said: list[str] = []

    def fetch(self) -> list[Dropped]:
        """Fetch from every folder once."""
        stores = Intake(self.archive, self.registry, "trace-1")
        known = DropFiles(self.engine)
        fetcher = DropFetcher(self.home, stores, known, nullcontext, self.said.append, self.clock.as_clock())
        return fetcher.fetch_all()

    def problems(self) -> list[str]:
        """Fetch once and return what went wrong, in words."""
        return [problem.message for item in self.fetch() for problem in item.problems]

    def delivered(self) -> list[tuple[str, bytes]]:
        """Name and content of every delivery, in the order of their registration."""
        return [(d.name, b"".join(self.archive.read(d.source, d.sha256))) for d in self.registry.all()]
