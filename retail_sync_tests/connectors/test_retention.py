"""What happens when raw content is gone: the tables stay, a rebuild says what is missing, a new copy is taken."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from retail_sync.operations import database as db
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home
from retail_sync_tests.conftest import BANK_SOURCE
from retail_sync_tests.connectors.loading_bench import canonical_rows
from retail_sync_tests.connectors.test_deliveries import AFTER, CORRECTED, DAMAGED, GOOD, amounts, put


def aged(pipeline: Pipeline) -> None:
    """Let every delivery have come a year ago."""
    with pipeline.operations.begin() as connection:
        connection.execute(sa.update(db.deliveries).values(last_seen_at="2025-01-01T00:00:00+00:00"))


@pytest.fixture
def keeping_a_day(make_home: Callable[..., Home]) -> Pipeline:
    """A pipeline with one loaded settlement whose raw content is past its retention and purged."""
    pipeline = Pipeline(make_home(settings=f"[raw]\nretention_days = 1\n{BANK_SOURCE}"), "test")
    pipeline.ingest([put(pipeline.home, "a.txt", GOOD)], "amazon")
    pipeline.load()
    assert pipeline.purge_raw() == 0
    aged(pipeline)
    assert pipeline.purge_raw() == 1
    return pipeline


def test_purged_content_stays_in_the_tables(keeping_a_day: Pipeline) -> None:
    """Retention deletes the raw bytes, not the books: neither an hourly run nor a backfill may lose what was loaded."""
    before = canonical_rows(keeping_a_day)
    keeping_a_day.load()
    report = keeping_a_day.load(AFTER)
    assert report.refused == ()
    assert canonical_rows(keeping_a_day) == before
    assert not keeping_a_day.exceptions.open()


def test_a_correction_replaces_purged_content(keeping_a_day: Pipeline) -> None:
    """A re-issue after the purge still supersedes: its lines must not come beside the old ones."""
    keeping_a_day.load(AFTER)
    keeping_a_day.ingest([put(keeping_a_day.home, "b.txt", CORRECTED)], "amazon")
    keeping_a_day.load()
    assert amounts(keeping_a_day) == [Decimal("24.50"), Decimal("-3.50")]


def test_a_rebuild_names_what_is_missing(keeping_a_day: Pipeline) -> None:
    """A warehouse rebuilt without its raw files must say which are gone, and take them when they come again."""
    before = canonical_rows(keeping_a_day)
    keeping_a_day.warehouse.file.unlink()
    ((name, reason),) = keeping_a_day.load().refused
    assert name == "a.txt"
    assert "not in the raw archive" in reason
    assert [problem.subject for problem in keeping_a_day.exceptions.open()] == ["amazon/a.txt"]

    keeping_a_day.ingest([put(keeping_a_day.home, "a.txt", GOOD)], "amazon")
    keeping_a_day.load()
    assert canonical_rows(keeping_a_day) == before
    assert not keeping_a_day.exceptions.open()


def test_a_rebuild_from_raw_gives_the_same_rows(pipeline: Pipeline) -> None:
    """The warehouse is derived: deleted and loaded again in one go, it holds what the single loads made."""
    for name, content in (("a.txt", GOOD), ("b.txt", DAMAGED), ("c.txt", CORRECTED), ("d.txt", DAMAGED + b"\n")):
        pipeline.ingest([put(pipeline.home, name, content)], "amazon")
        pipeline.load()
    before = canonical_rows(pipeline)
    pipeline.warehouse.file.unlink()
    pipeline.load()
    assert canonical_rows(pipeline) == before
    assert amounts(pipeline) == [Decimal("24.50"), Decimal("-3.50")]


def test_a_lost_raw_file_is_not_a_crash(pipeline: Pipeline) -> None:
    """Somebody deleted a file of the archive: a backfill over it keeps the tables, and the next delivery works."""
    pipeline.ingest([put(pipeline.home, "a.txt", GOOD)], "amazon")
    pipeline.load()
    (lost,) = Path(pipeline.home.state / "raw").rglob("*.zst")
    lost.unlink()
    pipeline.load(AFTER)
    pipeline.ingest([put(pipeline.home, "b.txt", CORRECTED)], "amazon")
    pipeline.load()
    assert amounts(pipeline) == [Decimal("24.50"), Decimal("-3.50")]
