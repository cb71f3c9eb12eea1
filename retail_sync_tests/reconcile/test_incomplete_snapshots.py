"""A snapshot with a row that could not be read: what is missing in it is unknown, not gone, and nothing is booked of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import date

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.reports.digests import read_digests
from retail_sync.schemas.journal import Entry, EntryLine
from retail_sync.settings import Home
from retail_sync_tests.conftest import run_line
from retail_sync_tests.reconcile.files import looking
from retail_sync_tests.reconcile.test_store_days import booked, problems

SOURCES = """
[ledger]
stock = "journal"

[[source]]
name = "snap"
connector = "declared_csv"
object = "stock_snapshots"
date_format = "%Y-%m-%d"
[source.columns]
snapshot_date = "day"
location_id = "at"
sku = "sku"
quantity_on_hand = "quantity"
unit_cost = "=10"
currency = "=USD"

[[source]]
name = "counts"
connector = "declared_csv"
object = "stock_counts"
date_format = "%Y-%m-%d"
[source.columns]
counted_at = "day"
location_id = "at"
sku = "sku"
quantity = "quantity"

[[source]]
name = "moves"
connector = "declared_csv"
object = "stock_movements"
date_format = "%Y-%m-%d"
[source.columns]
movement_id = "id"
moved_at = "day"
location_id = "=S1"
sku = "sku"
kind = "kind"
quantity = "quantity"
reference = "reference"
currency = "=USD"

[[source]]
name = "till"
connector = "declared_csv"
object = "pos_sales"
date_format = "%Y-%m-%d"
[source.columns]
store = "=S1"
receipt_id = "receipt"
kind = "=sale"
sold_at = "day"
sku = "sku"
quantity = "quantity"
currency = "=USD"
gross_amount = "[quantity] * 10"
tax_amount = "=0"
"""
HEADERS = {"snap": "day,at,sku,quantity", "counts": "day,at,sku,quantity", "moves": "id,day,sku,kind,quantity,reference",
           "till": "receipt,day,sku,quantity"}  # fmt: skip
SEPTEMBER = ("snap", "2026-09-30,S1,A,100", "2026-09-30,S1,B,50")
DAMAGED = ("snap", "2026-10-31,S1,A,100", "2026-10-31,S1,B,5o")
OCTOBER = ("snap", "2026-10-31,S1,A,100", "2026-10-31,S1,B,50")
SNAPSHOT = ("stock_snapshot_incomplete", "S1 2026-10-31 snapshot")
TRUE_UP = ("stock_snapshot_incomplete", "stock:valuation:2026-10")
FILE = ("delivery_rows_rejected", "snap/1.csv")


@pytest.fixture
def opened(make_home: Callable[..., Home]) -> Callable[..., Pipeline]:
    """A home whose ledger holds 1,500.00 of stock: 100 A and 50 B at 10.00."""

    def opened(name: str = "home") -> Pipeline:
        pipeline = Pipeline(make_home(name, settings=SOURCES), "test")
        stock, owed = EntryLine("1200", 150000, "USD", 150000, "USD"), EntryLine("1000", -150000, "USD", -150000, "USD")
        pipeline.ledger.post(Entry("opening#1", date(2026, 9, 1), "Opening", (stock, owed)), "opening")
        return pipeline

    return opened


def take_in(pipeline: Pipeline, *files: Sequence[str]) -> None:
    """Register files; a file is its source and its rows."""
    for source, *rows in files:
        number = len(pipeline.registry.all())
        path = pipeline.home.root / f"{number}.csv"
        path.write_text("\n".join([HEADERS[source], *rows]) + "\n", encoding="utf-8")
        pipeline.ingest([str(path)], source)


def deliver(pipeline: Pipeline, *files: Sequence[str]) -> None:
    """Take files in, one run each."""
    for file in files:
        take_in(pipeline, file)
        run_line(pipeline)


def differences(pipeline: Pipeline) -> set[tuple[object, ...]]:
    """(question, article, day, units, cause) of every row."""
    with looking(pipeline) as connection:
        rows = connection.execute(
            "select question, sku, strftime(business_date, '%m-%d'), cast(quantity_variance as integer), cause "
            "from reconcile.inventory_variances"
        ).fetchall()
    return set(rows)


@pytest.mark.long
def test_a_row_that_cannot_be_read_is_no_empty_shelf(opened: Callable[..., Pipeline]) -> None:
    """50 B may still lie there: 500.00 are not taken out of the books, and person, place, line and remedy are named."""
    pipeline = opened()
    deliver(pipeline, SEPTEMBER, DAMAGED)
    assert booked(pipeline) == {}
    assert problems(pipeline) == [FILE, SNAPSHOT, TRUE_UP]
    told = {row.subject: row.message for row in pipeline.exceptions.open()}
    assert told["S1 2026-10-31 snapshot"] == (
        "A snapshot could not be read whole, so neither movements nor counts are compared with it, and no stock is valued by it: "
        'S1 2026-10-31 snapshot (source snap, line 3, quantity_on_hand "5o" cannot be read as a number with at most 6 decimals).'
    )
    assert told["stock:valuation:2026-10"].startswith(
        "The entry of stock true-up of 2026-10-31 is held: the snapshot of S1 on 2026-10-31 was not read whole (source snap, line 3"
    )
    assert differences(pipeline) == {
        ("interface_snapshot", "*", "10-31", None, "snapshot_incomplete"),
        ("valuation", "*", "10-31", 0, "snapshot_incomplete"),
        ("valuation", "*", "09-30", 0, "ledger_differs"),
    }
    deliver(pipeline, OCTOBER)
    assert booked(pipeline) == {}
    assert problems(pipeline) == []


def test_a_damaged_copy_changes_nothing(opened: Callable[..., Pipeline]) -> None:
    """The good snapshot of October shows 40 B: 100.00 were trued up, and stay so."""
    pipeline = opened()
    true_up = {"stock:valuation:2026-10:USD": {"5000": 10000, "1200": -10000}}
    deliver(pipeline, SEPTEMBER, ("snap", "2026-10-31,S1,A,100", "2026-10-31,S1,B,40"))
    assert booked(pipeline) == true_up
    deliver(pipeline, DAMAGED)
    assert booked(pipeline) == true_up
    assert [code for code, _ in problems(pipeline) if code.startswith("delivery")] == ["delivery_set_aside"]


@pytest.mark.long
def test_the_true_ups_after_it_wait(opened: Callable[..., Pipeline]) -> None:
    """November is whole, but its true-up would book what October's leaves open."""
    pipeline = opened()
    deliver(pipeline, SEPTEMBER, DAMAGED, ("snap", "2026-11-30,S1,A,100", "2026-11-30,S1,B,40"))
    assert booked(pipeline) == {}
    assert {("stock_documents_held", "stock:valuation:2026-11"), TRUE_UP} <= {*problems(pipeline)}
    deliver(pipeline, OCTOBER)
    assert booked(pipeline) == {"stock:valuation:2026-11:USD": {"5000": 10000, "1200": -10000}}


@pytest.mark.long
def test_an_interval_reaches_over_an_incomplete_snapshot(opened: Callable[..., Pipeline]) -> None:
    """Five A were sold in between: the next whole snapshot is compared with the last whole one, and agrees."""
    pipeline = opened()
    sold = ("moves", "1,2026-10-14,A,sale,-5,R1"), ("till", "R1,2026-10-14,A,5")
    deliver(pipeline, SEPTEMBER, DAMAGED, *sold, ("snap", "2026-11-02,S1,A,95", "2026-11-02,S1,B,50"))
    assert {row for row in differences(pipeline) if row[0] != "valuation"} == {
        ("interface_snapshot", "*", "10-31", None, "snapshot_incomplete")
    }


@pytest.mark.long
def test_a_count_is_not_compared_with_it(opened: Callable[..., Pipeline]) -> None:
    """48 B were counted: whether 2 are missing is known when the snapshot is."""
    pipeline = opened()
    counted = ("counts", "2026-10-31,S1,B,48")
    deliver(pipeline, SEPTEMBER, DAMAGED, counted)
    assert ("count", "B", "10-31", None, "no_book") in differences(pipeline)
    told = {row.code: row.message for row in pipeline.exceptions.open()}
    assert "48 units; the snapshot of 2026-10-31 was not read whole" in told["stock_no_book"]
    assert booked(pipeline) == {}
    deliver(pipeline, OCTOBER)
    assert ("count", "B", "10-31", -2, "shrinkage") in differences(pipeline)
    assert booked(pipeline) == {"stock:count:S1:2026-10-31:USD": {"5110": 2000, "1200": -2000},
                                "stock:valuation:2026-10:USD": {"1200": 2000, "5000": -2000}}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("order", list(itertools.permutations((SEPTEMBER, DAMAGED, OCTOBER))), ids=lambda _: "order")
def test_the_order_of_arrival_does_not_matter(opened: Callable[..., Pipeline], order: Sequence[Sequence[str]]) -> None:
    """A run after each file, one run over all, a rebuild: the same tables and the same books."""
    hourly, at_once = opened("hourly"), opened("at once")
    deliver(hourly, *order)
    take_in(at_once, *order)
    run_line(at_once)
    wanted = read_digests(at_once)
    assert read_digests(hourly) == wanted
    assert problems(hourly) == problems(at_once)
    for file in hourly.home.state.glob("warehouse.duckdb*"):
        file.unlink()
    rebuilt = Pipeline(Home(hourly.home.root), "test")
    run_line(rebuilt)
    assert read_digests(rebuilt) == wanted
    assert booked(rebuilt) == {}


@pytest.mark.long
def test_a_rebuild_still_knows_that_it_is_incomplete(opened: Callable[..., Pipeline]) -> None:
    """The warehouse is deleted while the day is in doubt."""
    pipeline = opened()
    deliver(pipeline, SEPTEMBER, DAMAGED)
    before, told = read_digests(pipeline), problems(pipeline)
    for file in pipeline.home.state.glob("warehouse.duckdb*"):
        file.unlink()
    rebuilt = Pipeline(Home(pipeline.home.root), "test")
    run_line(rebuilt)
    assert (read_digests(rebuilt), problems(rebuilt), booked(rebuilt)) == (before, told, {})


@pytest.mark.long
def test_a_receipt_that_was_not_read_whole_names_no_cause(opened: Callable[..., Pipeline]) -> None:
    """One line of A could be read, the other not; two were posted. Posted twice, or sold twice: nobody knows."""
    pipeline = opened()
    deliver(
        pipeline, SEPTEMBER, ("moves", "1,2026-10-14,A,sale,-2,R1"), ("till", "R1,2026-10-14,A,1", "R1,2026-10-14,A,x")
    )
    assert ("interface_sales", "A", "10-14", -1, "undetermined") in differences(pipeline)
    told = {row.code: row.message for row in pipeline.exceptions.open()}
    assert "a receipt of it was not read whole" in told["stock_undetermined"]
    deliver(pipeline, ("till", "R1,2026-10-14,A,1", "R1,2026-10-14,A,1"))
    assert not any(row[0] == "interface_sales" for row in differences(pipeline))
