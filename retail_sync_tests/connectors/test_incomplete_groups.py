"""A receipt, or a location's snapshot of a day, that was not read whole never displaces one that was."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home
from retail_sync_tests.connectors.loading_bench import canonical_digest

SOURCES = """
[[source]]
name = "stock"
connector = "declared_csv"
object = "stock_snapshots"
date_format = "%Y-%m-%d"
[source.columns]
snapshot_date = "day"
location_id = "at"
sku = "sku"
quantity_on_hand = "quantity"
currency = "=USD"

[[source]]
name = "tills"
connector = "declared_csv"
object = "pos_sales"
date_format = "%Y-%m-%d"
[source.columns]
store = "store"
receipt_id = "receipt"
kind = "=sale"
sold_at = "day"
sku = "sku"
quantity = "quantity"
currency = "=USD"
gross_amount = "[quantity] * 10"
tax_amount = "=0"

[[source]]
name = "bank"
connector = "declared_csv"
object = "bank_transactions"
date_format = "%Y-%m-%d"
[source.columns]
transaction_id = "id"
value_date = "day"
amount = "amount"
currency = "=USD"
reference = "=transfer"
"""
HEADERS = {"stock": "day,at,sku,quantity", "tills": "store,receipt,day,sku,quantity", "bank": "id,day,amount"}
GOOD = ("2026-10-31,S1,A,100", "2026-10-31,S1,B,50")
DAMAGED = ("2026-10-31,S1,A,99", "2026-10-31,S1,B,5o")
Opened = Callable[..., Pipeline]


@pytest.fixture
def opened(make_home: Callable[..., Home]) -> Opened:
    """A fresh home of that name."""
    return lambda name="home": Pipeline(make_home(name, settings=SOURCES), "test")


def take_in(pipeline: Pipeline, source: str, name: str, rows: Sequence[str], *, end: str = "\n") -> None:
    """Register a file; it is not read yet."""
    path = pipeline.home.root / name
    path.write_text("\n".join([HEADERS[source], *rows]) + end, encoding="utf-8")
    pipeline.ingest([str(path)], source)


def deliver(pipeline: Pipeline, source: str, *files: Sequence[str]) -> None:
    """Register and load one file after the other."""
    for number, rows in enumerate(files):
        take_in(pipeline, source, f"{source}-{number}.csv", rows)
        pipeline.load()


def lying(pipeline: Pipeline) -> dict[str, str]:
    """`day at sku` → quantity, as the snapshots in force say."""
    with pipeline.writing("test reads") as connection:
        rows = connection.execute(
            "select concat_ws(' ', snapshot_date, location_id, sku), cast(cast(quantity_on_hand as integer) as varchar) "
            "from canonical.stock_snapshots order by all"
        ).fetchall()
    return dict(rows)


def incomplete(pipeline: Pipeline) -> list[tuple[str, int]]:
    """Groups in force that may lack a row, with the first rejected line."""
    with pipeline.writing("test reads") as connection:
        return connection.execute(
            "select distinct group_id, rejected_line_no from canonical.incomplete_groups as i "
            "where (delivery_id, line_no) in (select (delivery_id, line_no) from canonical.stock_snapshots "
            "union all select (delivery_id, line_no) from canonical.pos_sales) order by all"
        ).fetchall()


def told(pipeline: Pipeline) -> list[tuple[object, object]]:
    """Open exceptions as (code, subject)."""
    return sorted((row.code, row.subject) for row in pipeline.exceptions.open())


WHOLE = {"2026-10-31 S1 A": "100", "2026-10-31 S1 B": "50"}


def test_a_damaged_copy_never_displaces_a_good_snapshot(opened: Opened) -> None:
    """99 A and an unreadable B came after 100 A and 50 B: the day stays as it was, and the warning names it."""
    pipeline = opened()
    deliver(pipeline, "stock", GOOD, DAMAGED)
    assert lying(pipeline) == WHOLE
    assert incomplete(pipeline) == []
    (problem,) = pipeline.exceptions.open()
    assert (problem.code, problem.severity) == ("delivery_set_aside", "warning")
    assert 'holds 2026-10-31 S1 again, but 1 row(s) could not be read: line 3, quantity_on_hand "5o"' in problem.message
    deliver(pipeline, "stock", ("2026-10-31,S1,A,99", "2026-10-31,S1,B,50"))
    assert lying(pipeline)["2026-10-31 S1 A"] == "99"
    assert told(pipeline) == []


def test_what_was_read_of_an_incomplete_snapshot_counts_until_a_whole_one_comes(opened: Opened) -> None:
    """Nothing is dropped: A is there, and it is known that the day may lack a row."""
    pipeline = opened()
    deliver(pipeline, "stock", DAMAGED)
    assert lying(pipeline) == {"2026-10-31 S1 A": "99"}
    assert incomplete(pipeline) == [("2026-10-31 S1", 3)]
    assert told(pipeline) == [("delivery_rows_rejected", "stock/stock-0.csv")]
    deliver(pipeline, "stock", GOOD)
    assert lying(pipeline) == WHOLE
    assert incomplete(pipeline) == []
    assert told(pipeline) == []


FILES = {
    "good": GOOD,
    "damaged": DAMAGED,
    "damaged later": ("2026-10-31,S1,A,98", "2026-10-31,S1,,1", "2026-11-01,S1,A,98"),
}


@pytest.mark.parametrize("received", list(itertools.permutations(FILES)), ids=" then ".join)
def test_the_order_and_grouping_of_loads_do_not_matter(opened: Opened, received: Sequence[str]) -> None:
    """One load after each file, one load of all, and a rebuild: the same rows, the same groups in doubt, the same warnings."""
    hourly, at_once = opened("hourly"), opened("at once")
    for name in received:
        take_in(hourly, "stock", f"{name}.csv", FILES[name])
        hourly.load()
        take_in(at_once, "stock", f"{name}.csv", FILES[name])
    at_once.load()
    assert canonical_digest(hourly) == canonical_digest(at_once)
    assert told(hourly) == told(at_once)
    assert lying(hourly) == WHOLE | {"2026-11-01 S1 A": "98"}
    assert incomplete(hourly) == []
    seen = told(hourly), lying(hourly)
    for file in hourly.home.state.glob("warehouse.duckdb*"):
        file.unlink()
    rebuilt = Pipeline(Home(hourly.home.root), "test")
    rebuilt.load()
    assert canonical_digest(rebuilt) == canonical_digest(at_once)
    assert (told(rebuilt), lying(rebuilt)) == seen


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_which_copy_counts_does_not_depend_on_what_is_read_first(opened: Opened, order: Sequence[int]) -> None:
    """Content that was missing comes again later: good, then two damaged, are read in any order."""
    pipeline = opened()
    files = [GOOD, DAMAGED, ("2026-10-31,S1,A,98", "2026-10-31,S1,B,4o")]
    for number, rows in enumerate(files):
        take_in(pipeline, "stock", f"{number}.csv", rows)
    deliveries = list(pipeline.registry.all())
    kept = {d.delivery_id: b"".join(pipeline.archive.read(d.source, d.sha256)) for d in deliveries}
    for delivery in deliveries:
        pipeline.archive.purge(delivery.source, delivery.sha256)
    for place in order:
        path = pipeline.home.root / f"again-{place}.csv"
        path.write_bytes(kept[deliveries[place].delivery_id])
        pipeline.ingest([str(path)], "stock")
        pipeline.load()
    assert lying(pipeline) == WHOLE


UNREADABLE = {
    # The row that cannot be read → the groups that may lack it.
    "its quantity": ("2026-10-31,S1,C,x", ["2026-10-31 S1"]),
    "its article": ("2026-10-31,S1,,1", ["2026-10-31 S1"]),
    "its article, which comes twice": ("2026-10-31,S1,A,1", ["2026-10-31 S1"]),
    "its location": ("2026-10-31,,C,1", ["2026-10-31 S1", "2026-10-31 S2"]),
    "its day": ("31.10.2026,S1,C,1", ["2026-10-30 S1", "2026-10-31 S1"]),
    "its day and location": ("31.10.2026,,C,1", ["2026-10-30 S1", "2026-10-31 S1", "2026-10-31 S2"]),
    "all of it": ("2026-10-31;S1;C;1", ["2026-10-30 S1", "2026-10-31 S1", "2026-10-31 S2"]),
    "a day of no other row": ("2026-10-29,S1,C,x", []),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_row_whose_group_cannot_be_read_may_be_of_every_group_that_fits(opened: Opened, case: str) -> None:
    """No group is told whole that may lack the row; one that cannot have it stays whole."""
    row, groups = UNREADABLE[case]
    pipeline = opened()
    deliver(pipeline, "stock", ("2026-10-30,S1,A,1", "2026-10-31,S1,A,2", "2026-10-31,S2,A,3", row))
    assert incomplete(pipeline) == [(group, 5) for group in groups]


RECEIPT = ("S1,R1,2026-10-14,A,2", "S1,R1,2026-10-14,B,1", "S1,R2,2026-10-14,A,5")


def receipts(pipeline: Pipeline) -> Iterator[str]:
    """`receipt sku quantity` of every line in force."""
    with pipeline.writing("test reads") as connection:
        rows = connection.execute(
            "select concat_ws(' ', receipt_id, sku, cast(quantity as integer)) from canonical.pos_sales order by all"
        ).fetchall()
    return (line for (line,) in rows)


def test_a_receipt_with_an_unreadable_line_does_not_replace_a_complete_copy_of_it(opened: Opened) -> None:
    """R1 comes again with one line unreadable and the other changed; R2 of that file is whole and is replaced."""
    pipeline = opened()
    deliver(pipeline, "tills", RECEIPT, ("S1,R1,2026-10-14,A,9", "S1,R1,2026-10-14,B,1x", "S1,R2,2026-10-14,A,6"))
    assert [*receipts(pipeline)] == ["R1 A 2", "R1 B 1", "R2 A 6"]
    (problem,) = pipeline.exceptions.open()
    assert problem.code == "delivery_rows_rejected"
    assert "Of S1 - R1 the complete copy received before stays in force." in problem.message


def test_a_cut_off_line_may_be_of_any_receipt_of_its_file(opened: Opened) -> None:
    """The download stopped in the last line: receipts that are known keep their copies, new ones are taken as far as they go."""
    pipeline = opened()
    deliver(pipeline, "tills", RECEIPT)
    take_in(
        pipeline, "tills", "cut.csv", ("S1,R2,2026-10-14,A,6", "S1,R3,2026-10-14,A,7", "S1,R3,2026-10-14,B,1"), end=""
    )
    pipeline.load()
    assert [*receipts(pipeline)] == ["R1 A 2", "R1 B 1", "R2 A 5", "R3 A 7"]
    assert incomplete(pipeline) == [("S1 - R3", 4)]


def test_a_group_that_is_one_row_is_whole_whatever_else_its_file_holds(opened: Opened) -> None:
    """A statement with an unreadable line still brings its other lines up to date."""
    pipeline = opened()
    deliver(
        pipeline, "bank", ("1,2026-10-14,10.00", "2,2026-10-15,20.00"), ("1,2026-10-14,11.00", "2,2026-10-15,2o.00")
    )
    with pipeline.writing("test reads") as connection:
        rows = connection.execute("select amount from canonical.bank_transactions order by transaction_id").fetchall()
        assert connection.execute("select count(*) from canonical.incomplete_groups").fetchone() == (0,)
    assert [float(amount) for (amount,) in rows] == [11, 20]
