"""Fixtures of the end-to-end tests: the small company after one run, made once per test process; the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from retail_sync import cli as program
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


@pytest.fixture
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a Dagster instance sets variables of this process: they are taken back afterwards."""
    for name in ("DAGSTER_HOME", "RETAIL_SYNC_HOME"):
        monkeypatch.setenv(name, "noted, so that it is put back")
        monkeypatch.delenv(name)


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON, in which no number is a float: money is text or minor units."""
        return json.loads(self.out, parse_float=_no_float)


def _no_float(text: str) -> Any:
    raise AssertionError(f"{text} is a float")


@pytest.fixture
def cli(
    own_environment: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Run the command line in this process, as its entry point does."""

    def run(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["retail-sync", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            program.main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Answer(code, *capsys.readouterr())

    return run
