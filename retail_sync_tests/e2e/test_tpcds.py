"""TPC-DS as a retailer, with planted problems: each is found with its class and value, and nothing else is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from retail_sync.settings import Home
from retail_sync_tests import tpcds
from retail_sync_tests.e2e.line import opened

pytestmark = pytest.mark.skipif(
    tpcds.extension() is None, reason="duckdb-extension-tpcds is not installed (it is in the dev extra)"
)


def assert_explained(folder: Path, *, scale: float, each: int) -> None:
    """Run the line to the journal; compare all breaks with the planted problems, all rows with the files."""
    files, planted = tpcds.write_retailer(folder, scale, each)
    (folder / "home").mkdir()
    (folder / "home" / "retail_sync.toml").write_text(tpcds.SETTINGS, encoding="utf-8")
    pipeline = opened(Home(folder / "home"))
    for source, paths in files.items():
        pipeline.ingest([str(path) for path in paths], source)
    pipeline.load()
    report = pipeline.reconcile()
    pipeline.journal()
    with pipeline.writing("test reads") as connection:
        found = connection.execute("select break_class, subject, amount from reconcile.breaks").fetchall()
        read = connection.execute("select sum(accepted_count), sum(rejected_count) from raw.deliveries").fetchone()
        held = connection.execute("select held_code, count(*) from journal.documents where status = 'held' group by 1")
        assert held.fetchall() == [("tenders_differ", 2 * each)]  # the days whose tenders or receipts were changed
    assert Counter(found) == Counter((one.break_class, one.subject, one.amount) for one in planted)
    assert report.residual == ()
    assert read == (sum(_lines(path) - 1 for paths in files.values() for path in paths), 0)


def _lines(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(1 for _ in stream)


@pytest.mark.long
def test_a_small_retailer(tmp_path: Path) -> None:
    """A fiftieth of the smallest published size: one store, five years of days, 100 thousand lines."""
    assert_explained(tmp_path, scale=0.02, each=2)


@pytest.mark.slow
def test_scale_factor_one(tmp_path: Path) -> None:
    """Scale factor 1: millions of receipt lines, ten problems of each kind among them."""
    assert_explained(tmp_path, scale=1, each=10)
