"""Fixtures of the end-to-end tests: the small company after one nightly run, computed once per test process."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from retail_sync.settings import Home
from retail_sync_tests.e2e.company import ALL, ONCE, ORIGINAL
from retail_sync_tests.e2e.line import digest, drop, net, new_home, nightly


@dataclass(frozen=True)
class Golden:
    """A run without any fault: its home (look, do not touch), digest, and net ledger effect."""

    home: Home
    digest: dict[str, str]
    net: dict[tuple[str, ...], int]


def _golden(factory: pytest.TempPathFactory, files: dict[str, bytes]) -> Golden:
    home = new_home(factory.mktemp("golden") / "home")
    drop(home, files)
    nightly(home)
    return Golden(home, digest(home), net(home))


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """Everything was there from the beginning, and one nightly run."""
    return _golden(tmp_path_factory, ALL)


@pytest.fixture(scope="session")
def golden_once(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """The same without the settlement that is issued twice: its files' order is free."""
    return _golden(tmp_path_factory, ONCE)


@pytest.fixture(scope="session")
def wrong_first(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """Everything but the correction: one settlement is booked as its wrong first issue says."""
    return _golden(tmp_path_factory, ONCE | ORIGINAL)
