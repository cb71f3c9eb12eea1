"""Two posters at once, as when the hourly schedule meets a run by hand: each entry is posted once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home
from retail_sync_tests.e2e import processes
from retail_sync_tests.e2e.line import booked, new_home, opened, states
from retail_sync_tests.operations.shop import Shop, effect, wanted

ENTRIES = [wanted(number, 100 * number) for number in range(1, 151)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with entries released and nothing posted."""
    made = new_home(tmp_path / "home")
    pipeline = opened(made)
    Shop(pipeline.operations, pipeline.ledger).release(*ENTRIES)
    return made


def two_processes(home: Home) -> None:
    """Post from two processes at one moment."""
    assert processes.together((processes.post, home.root), (processes.post, home.root)) == [0, 0]


def two_threads(home: Home) -> None:
    """Post from two threads, each with a pipeline of its own."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(2)

    def post() -> None:
        try:
            pipeline = Pipeline(home, threading.current_thread().name)
            barrier.wait(30)
            pipeline.post(watch_drift=False)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            errors.append(error)

    threads = [threading.Thread(target=post) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


@pytest.mark.long
@pytest.mark.parametrize("post_twice", [two_processes, two_threads])
def test_each_entry_is_posted_once(home: Home, post_twice: Callable[[Home], None]) -> None:
    """One of them posts, the other waits and finds nothing left to do."""
    post_twice(home)
    assert states(home) == {"verified": 150}
    assert booked(home) == sorted(f"{entry.entry_key}#1" for entry in ENTRIES)
    pipeline = opened(home)
    shop = Shop(pipeline.operations, pipeline.ledger)
    assert shop.net() == effect(ENTRIES)
    assert {row["attempts"] for row in shop.rows()} == {1}
    assert pipeline.ledger.verify() == []
