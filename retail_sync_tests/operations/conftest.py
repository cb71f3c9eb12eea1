"""Fixtures of the release and posting tests: a shop in memory, and one in files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from retail_sync_tests.operations.shop import Shop, shop_in, shop_in_memory


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A fresh shop in memory."""
    opened = shop_in_memory()
    yield opened
    opened.ledger.close()
    opened.engine.dispose()


@pytest.fixture
def shop_on_disk(tmp_path: Path) -> Iterator[Shop]:
    """A fresh shop in files, to be opened by others or tampered with."""
    opened = shop_in(tmp_path / "shop")
    yield opened
    opened.ledger.close()
    opened.engine.dispose()
