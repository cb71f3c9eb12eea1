"""A home whose only source is a fake system, and what came of pulling it."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors.forgetting import forget_deliveries
from retail_sync.connectors.load import Loader
from retail_sync.connectors.paged import records_of
from retail_sync.connectors.pulling import Days, Pulled, Puller, Stores
from retail_sync.connectors.registry import WIRE_CONNECTORS
from retail_sync.core.archive import RawArchive
from retail_sync.core.rules import read_rules
from retail_sync.operations.cursors import Cursors
from retail_sync.operations.database import open_database
from retail_sync.operations.deliveries import DeliveryRegistry
from retail_sync.pipeline import Pipeline
from retail_sync.schemas.digest import table_digest
from retail_sync.schemas.tables import TABLES
from retail_sync.settings import Home, Settings, Source
from retail_sync_tests.fakes.faults import FaultPlan
from retail_sync_tests.fakes.server import FakeServer
from retail_sync_tests.fakes.source import FakeSource

NAME = "shop"


class PullBench:
    """A fake system behind a server, and a home that pulls from it."""

    def __init__(
        self, fake: FakeSource, folder: Path, monkeypatch: pytest.MonkeyPatch, plan: FaultPlan | None = None
    ) -> None:
        self.fake = fake
        self.server = FakeServer(fake, plan)
        for name, value in fake.secrets().items():
            monkeypatch.setenv(f"RETAIL_SYNC_{NAME.upper()}_{name}", value)
        self.home = Home(folder)
        self.home.state.mkdir(parents=True, exist_ok=True)
        self.source = Source(
            name=NAME,
            connector=fake.connector,
            connection=dict(fake.connection(self.server.url)),
            start_date="2026-11-19",
        )
        self.home.settings = Settings(source=(self.source,))
        self.engine = open_database(self.home.operations_url, self.home.state)
        self.archive = RawArchive(self.home.state / "raw")
        self.registry = DeliveryRegistry(self.engine)
        self.said: list[str] = []

    def pull(self, days: Days | None = None) -> list[Pulled]:
        """Pull all lists once."""
        stores = Stores(self.archive, self.registry, Cursors(self.engine), nullcontext)
        return Puller(self.home, stores, "trace-1", self.said.append, self.fake.clock.as_clock()).pull_all(days)

    def records(self) -> set[tuple[str, str, str]]:
        """Return (list, part, record) of every page that is archived; documents as (list, name, content)."""
        items = {item.name: item for item in WIRE_CONNECTORS[self.fake.connector].objects}
        found = set()
        for delivery in self.registry.all():
            content = b"".join(self.archive.read(delivery.source, delivery.sha256))
            item = items[delivery.object]
            if item.reader:
                found.add((item.name, delivery.name, content.decode("utf-8", "replace")))
                continue
            for line in content.splitlines()[1:-1]:
                told: dict[str, Any] = json.loads(line)
                for record in records_of(told["page"], item, told["part"]):
                    found.add((item.name, told["part"], json.dumps(record, sort_keys=True)))
        return found

    def close(self) -> None:
        """Stop serving."""
        self.server.close()
        self.engine.dispose()


def read_anew(pipeline: Pipeline, *, backwards: bool) -> list[str]:
    """Read every delivery anew into tables that hold none, the last one first if so told. Return the tables' digests."""
    with pipeline.writing("read anew") as connection:
        deliveries = pipeline.registry.all()
        forget_deliveries(connection, [item.delivery_id for item in deliveries])
        rules = read_rules(pipeline.home.rules, "settlement_categories")
        loader = Loader(pipeline.home, pipeline.archive, pipeline.warehouse.scratch, rules, lambda _: None)
        loader.load(connection, deliveries[::-1] if backwards else deliveries)
        return [table_digest(connection, table) for table in TABLES if table.schema == "canonical"]
