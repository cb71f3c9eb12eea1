"""What the tests of Amazon share: a home that pulls from the fake, or into which answers are put as a run would."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from retail_sync.connectors.intake import receive
from retail_sync.connectors.paged import Heading, page_line, write_end, write_heading
from retail_sync.connectors.wire import Page, Window
from retail_sync.pipeline import Pipeline
from retail_sync_tests.connectors.amazon_models import Models
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.fakes.server import Reply, Request

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
Made = Callable[..., PullBench]


def pulled(made: PullBench) -> None:
    """Pull once, without a problem."""
    assert [item.problem for item in made.pull() if item.problem] == []


def watched(made: PullBench, models: Models) -> None:
    """Have every request and every answer of the lists checked against the models from now on."""
    answer = made.fake.answer

    def checked(request: Request) -> Reply:
        reply = answer(request)
        if not request.path.startswith(("/auth", "/documents")):
            models.check(request, reply)
        return reply

    made.fake.answer = checked  # type: ignore[method-assign]


def fetched(made: PullBench) -> dict[str, str]:
    """The settlement reports in the archive, by name."""
    return {name: content for item, name, content in made.records() if item == "settlements"}


def deliver(made: PullBench, name: str, *documents: Any, key: str = "") -> None:
    """Put answers into the archive as a run at noon does, numbers as Amazon writes them."""
    path = made.home.state / f"{name}.jsonl"
    with path.open("wb") as file:
        write_heading(file, Heading("amazon", name, Window(NOON, NOON), NOON))
        for document in documents:
            file.write(page_line(Page(json.dumps(document).encode(), key=key)))
        write_end(file, len(documents))
    receive(path, made.source, made.archive, made.registry, "trace-1", name)


def rows(made: PullBench, query: str) -> list[tuple[Any, ...]]:
    """Load what is delivered and ask the warehouse."""
    pipeline = Pipeline(made.home, "trace-1")
    assert pipeline.load().refused == ()
    with pipeline.writing("look") as connection:
        return connection.execute(query).fetchall()
