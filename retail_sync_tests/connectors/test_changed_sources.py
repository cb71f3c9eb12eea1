"""A changed [[source]] block: what was loaded under the old one ends as if the warehouse had been built under the new one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home
from retail_sync_tests import simulator
from retail_sync_tests.connectors.loading_bench import canonical_digest, canonical_rows, row, settlement

_TILLS = """
[[source]]
name = "tills"
connector = "declared_csv"
object = "pos_sales"
date_format = "%Y-%m-%d %H:%M"
day_starts_at = "{starts}"
[source.columns]
store = "=S1"
receipt_id = "{receipt}"
kind = "=sale"
sold_at = "Time"
quantity = "Qty"
gross_amount = "Total"
tax_amount = "=0"
currency = "=EUR"
"""
_HEADER = "Time,Bon,Slip,Qty,Total\n"
# Both days hold bon 7: under `Bon` the second day's replaces the first day's, under `Slip` they are two receipts.
_DAYS = (
    _HEADER + "2026-10-01 22:30,7,a7,1,5.00\n2026-10-01 23:30,8,a8,2,6.00\n",
    _HEADER + "2026-10-02 09:00,7,b7,1,7.50\n",
)
Tills = Callable[..., Pipeline]


@pytest.fixture
def tills(make_home: Callable[..., Home]) -> Tills:
    """Open the same home under a block that differs."""

    def opened(name: str = "home", receipt: str = "Bon", starts: str = "00:00") -> Pipeline:
        return Pipeline(make_home(name, settings=_TILLS.format(receipt=receipt, starts=starts)), "test")

    return opened


def deliver(pipeline: Pipeline) -> None:
    """Take both days in and load them."""
    for number, content in enumerate(_DAYS):
        file = pipeline.home.root / f"day{number}.csv"
        file.write_text(content, encoding="utf-8")
        pipeline.ingest([str(file)], "tills")
    pipeline.load()


def receipts(pipeline: Pipeline) -> list[tuple[Any, ...]]:
    """Receipts with their days."""
    with pipeline.writing("test reads") as connection:
        return connection.execute(
            "select receipt_id, cast(business_date as varchar), gross_amount from canonical.pos_sales order by all"
        ).fetchall()


def touched(pipeline: Pipeline) -> Iterator[str]:
    """Store days that wait to be looked at again."""
    with pipeline.writing("test reads") as connection:
        rows = connection.execute("select document_id from raw.touched where kind = 'store_day' order by 1").fetchall()
    return (document_id for (document_id,) in rows)


def test_a_row_that_was_displaced_under_the_old_block_comes_back(tills: Tills) -> None:
    """The receipt number was the wrong column: reading only the newer file again would lose a sale."""
    before = tills()
    deliver(before)
    assert receipts(before) == [("7", "2026-10-02", Decimal("7.50")), ("8", "2026-10-01", Decimal(6))]
    after = tills(receipt="Slip")
    assert after.load().loaded == 2
    assert [receipt for receipt, *_ in receipts(after)] == ["a7", "a8", "b7"]
    assert after.load().loaded == 0


def test_what_is_read_again_equals_a_rebuild(tills: Tills) -> None:
    """The store's day begins at 23:45: every sale moves a day back, and the days that it left are handed on too."""
    deliver(tills())
    with (changed := tills(starts="23:45")).writing("as reconcile does") as connection:
        connection.execute("delete from raw.touched")
    changed.load()
    fresh = tills("fresh", starts="23:45")
    deliver(fresh)
    assert canonical_digest(changed) == canonical_digest(fresh)
    assert {day for _, day, _ in receipts(changed)} == {"2026-09-30", "2026-10-01"}
    assert list(touched(changed)) == ["S1|2026-09-30", "S1|2026-10-01", "S1|2026-10-02"]


def test_a_block_that_reads_nothing_takes_its_rows_along_and_one_that_does_brings_them_back(tills: Tills) -> None:
    """As a rebuild would: what is refused has no rows; the exception says what to correct."""
    deliver(tills())
    broken = tills(receipt="Receipt")
    assert len(broken.load().refused) == 2
    assert receipts(broken) == []
    assert {problem.code for problem in broken.exceptions.open()} == {"delivery_refused"}
    mended = tills()
    assert mended.load().loaded == 2
    assert len(receipts(mended)) == 2
    # Bon 7 of the second day took the place of the first day's: that is told again, and nothing else.
    assert {problem.code for problem in mended.exceptions.open()} == {"receipts_moved"}


def test_what_the_archive_has_not_kept_stays_as_it_was_read(tills: Tills) -> None:
    """Retention deleted the first day: its rows are all there is of it."""
    before = tills()
    deliver(before)
    first = before.registry.all()[0]
    before.archive.purge(first.source, first.sha256)
    after = tills(receipt="Slip")
    assert after.load().loaded == 1
    assert receipts(after) == [("8", "2026-10-01", Decimal(6)), ("b7", "2026-10-02", Decimal("7.50"))]


def test_another_sources_copy_of_a_document_takes_over(make_home: Callable[..., Home]) -> None:
    """The newer copy is refused under its changed block: the other account's copy of that settlement is in force again."""
    both = '[[source]]\nname = "us"\nconnector = "amazon_settlement"\n[[source]]\nname = "de"\nconnector = "amazon_settlement"\n'
    original = settlement(row("24.50"))
    corrected = settlement(row("23.00"), settlement_id=original.settlement_id)
    pipeline = Pipeline(make_home(settings=both), "test")
    for source, document in (("us", original), ("de", corrected)):
        path: Path = pipeline.home.root / f"{source}.txt"
        path.write_bytes(simulator.write_v2(document))
        pipeline.ingest([str(path)], source)
    pipeline.load()
    assert [line[2] for line in canonical_rows(pipeline)["settlements"]] == ["de"]
    changed = Pipeline(make_home(settings=both + 'encoding = "utf-16"\n'), "test")
    changed.load()
    assert [line[2] for line in canonical_rows(changed)["settlements"]] == ["us"]


def test_a_rejected_row_of_any_object_is_reported(tills: Tills) -> None:
    """A sale that could not be read is told of like a bank row: its store day would only look short."""
    pipeline = tills()
    file = pipeline.home.root / "day.csv"
    file.write_text(_DAYS[0] + "2026-10-01 23:45,9,a9,1,5.0a\n", encoding="utf-8")
    pipeline.ingest([str(file)], "tills")
    pipeline.load()
    (problem,) = pipeline.exceptions.open()
    assert problem.code == "delivery_rows_rejected"
    assert 'line 4, gross_amount "5.0a"' in problem.message
