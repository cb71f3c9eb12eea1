"""A till whose receipt numbers start again: its posted days must not leave the books in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.reports.digests import read_digests
from retail_sync.settings import Home
from retail_sync_tests.conftest import run_line
from retail_sync_tests.e2e.line import forget_warehouse
from retail_sync_tests.reconcile.test_store_days import DRAWERS, SOURCES, booked, deliver, problems

RECEIPTS = "Store,Till,Receipt,Kind,Day,Clock,SKU,Qty,Net,Tax,Discount"
TENDERS = "Store,Till,Receipt,Tender,Day,Clock,Amount"
TILLS = SOURCES.replace('= "Time"', '= "[Day] [Clock]"')
MOVED = [("receipts_moved", "receipts"), ("receipts_moved", "tenders")]


def day(number: str, on: str, net: str, tax: str, paid: str) -> dict[str, Sequence[str]]:
    """One receipt of till 1 and its tender, as the till exports them that evening."""
    return {
        "receipts": (RECEIPTS, f"7,1,{number},S,{on},09:00,A,1,{net},{tax},0"),
        "tenders": (TENDERS, f"7,1,{number},cash,{on},09:00,{paid}"),
    }


FIRST = day("0001", "2026-10-14", "10.00", "0.80", "10.80")
SECOND = day("0001", "2026-10-15", "20.00", "1.60", "21.60")
KEYS = "pos:store-day:7:2026-10-14:USD", "pos:store-day:7:2026-10-15:USD"
BOOKS = Counter({"1010": 1080, "4000": -1000, "2200": -80}), Counter({"1010": 2160, "4000": -2000, "2200": -160})


@pytest.fixture
def home(make_home: Callable[..., Home]) -> Home:
    """A home whose tills have day and time in two columns."""
    return make_home(settings=TILLS)


def opened(home: Home) -> Pipeline:
    """The home as the next process sees it."""
    return Pipeline(Home(home.root), "test")


def run(home: Home, *days: dict[str, Sequence[str]], mark: str = "1") -> Pipeline:
    """Deliver the days one after the other, each with a run."""
    for number, files in enumerate(days):
        deliver(opened(home), files, f"{mark}-{number}")
        run_line(opened(home))
    return opened(home)


def moved(pipeline: Pipeline) -> list[tuple[str, str, str]]:
    """(table, number, day that does not count) of every number that moved."""
    with pipeline.writing("test") as connection:
        return connection.execute(
            "select table_name, receipt_id, cast(earlier_date as varchar) from canonical.moved_receipts order by all"
        ).fetchall()


@pytest.mark.long
def test_a_number_that_starts_again_is_told_until_it_has_its_day(home: Home) -> None:
    """0001 of the 15th takes the place of 0001 of the 14th. The block is corrected: both days are booked, all is closed."""
    pipeline = run(home, FIRST, SECOND)
    assert booked(pipeline) == {KEYS[0]: Counter(), KEYS[1]: BOOKS[1]}
    assert problems(pipeline) == MOVED
    (told, _) = pipeline.exceptions.open()
    assert (told.severity, told.owner, told.kind, told.since_date) == ("warning", "operations", "data", "2026-10-14")
    assert (
        "1 receipt(s) on another day: 0001 of store 7, till 1, was on 2026-10-14 and is on 2026-10-15." in told.message
    )
    assert 'receipt_id = "[Date]-[Number]"' in told.remedy

    path = home.root / "retail_sync.toml"
    path.write_text(TILLS.replace('receipt_id = "Receipt"', 'receipt_id = "[Day]-[Receipt]"'), encoding="utf-8")
    run_line(opened(home))
    assert booked(opened(home)) == dict(zip(KEYS, BOOKS, strict=True))
    assert (problems(opened(home)), moved(opened(home))) == ([], [])


@pytest.mark.long
def test_a_correction_that_a_person_knows_of_stays_closed(home: Home) -> None:
    """Resolved once; a rebuilt warehouse finds the same and is silent; the next number that moves opens it again."""
    pipeline = run(home, FIRST, SECOND)
    for row in pipeline.exceptions.open():
        pipeline.exceptions.resolve(row.exception_id, "Ann", "the clock was wrong")
    forget_warehouse(home)
    run_line(opened(home))
    assert problems(opened(home)) == []
    third = day("0002", "2026-10-14", "10.00", "0.80", "10.80")
    pipeline = run(home, third, day("0002", "2026-10-15", "10.00", "0.80", "10.80"), mark="2")
    assert problems(pipeline) == MOVED
    assert all("2 receipt(s)" in row.message for row in pipeline.exceptions.open())


ORDERS = {
    "there and back": ("14", "15", "14"),
    "further on": ("14", "15", "16"),
    "twice the same": ("14", "14", "15"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", ORDERS)
def test_what_is_noted_is_that_of_a_rebuild(home: Home, name: str) -> None:
    """Each day that any delivery had the receipt on but the one in force, whichever file was lost and read last."""
    files = [day("0001", f"2026-10-{on}", "10.00", "0.80", "10.80") for on in ORDERS[name]]
    for number, file in enumerate(files):  # equal files would be one delivery
        extra = day(f"9{number}", "2026-10-14", "1.00", "0.08", "1.08")
        files[number] = {source: (*rows, extra[source][1]) for source, rows in file.items()}
    pipeline = opened(home)
    deliver(pipeline, files[0], "a")
    lost = {path: path.read_bytes() for path in (home.state / "raw").rglob("*.zst")}
    for path in lost:
        path.unlink()
    for number, file in enumerate(files[1:]):
        deliver(pipeline, file, f"b{number}")
    run_line(pipeline)
    deliver(opened(home), files[0], "a")
    run_line(opened(home))
    found, wanted = moved(opened(home)), sorted({*ORDERS[name]} - {ORDERS[name][-1]})
    assert found == [(table, "0001", f"2026-10-{on}") for table in ("pos_sales", "pos_tenders") for on in wanted]
    before = read_digests(opened(home))
    forget_warehouse(home)
    run_line(opened(home))
    assert read_digests(opened(home)) == before


@pytest.mark.long
def test_shifts_that_start_again_are_told_too(make_home: Callable[..., Home]) -> None:
    """A drawer called 1 every day: the second day's count takes the first one's place."""
    home = make_home(settings=SOURCES)
    for on in ("14", "15"):
        drawers = (DRAWERS, f"7,1,1,2026-10-{on} 08:00,2026-10-{on} 20:00,200.00,200.00")
        pipeline = run(home, {"drawers": drawers}, mark=on)
    assert problems(pipeline) == [("receipts_moved", "drawers")]
    (told,) = pipeline.exceptions.open()
    assert "1 shift(s) on another day: 1 of store 7, till 1, was on 2026-10-14 and is on 2026-10-15." in told.message
    assert "shift_id =" in told.remedy


@pytest.mark.long
def test_a_late_receipt_and_a_corrected_amount_are_not_told(home: Home) -> None:
    """The same receipt on the same day, and another number: nothing moved."""
    pipeline = run(
        home,
        FIRST,
        day("0001", "2026-10-14", "20.00", "1.60", "21.60"),
        day("0002", "2026-10-14", "10.00", "0.80", "10.80"),
    )
    assert (problems(pipeline), moved(pipeline)) == ([], [])
