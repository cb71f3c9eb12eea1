"""What a product costs is undated: a changed cost is for what comes, like a rule. What has a day corrects.

By hand: 100 pieces of A-1 lie in S1 and 50 in S2 at the end of August, at 10.00, and the ledger holds 1,500.00. S1 sells 20 in
September, 10 in October and 5 in November; a count in S2 finds two less, which the ERP does not take over. So the month ends
are worth 1,500.00, 1,300.00 and 1,200.00, and only September has a true-up: 20.00, the loss that the ERP still has in stock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.reports.digests import read_digests
from retail_sync.settings import Home
from retail_sync_tests.conftest import home_maker, run_line
from retail_sync_tests.e2e.declared_shop import open_shop, take_in_rows
from retail_sync_tests.e2e.line import booked as ledger_keys
from retail_sync_tests.e2e.line import copied, findings, forget_warehouse
from retail_sync_tests.e2e.line import waiting as waiting_by_cause
from retail_sync_tests.reconcile.test_store_days import booked, problems

COLUMNS = {
    "products": ("sku", "unit_cost"),
    "stock_movements": ("movement_id", "moved_at", "location_id", "sku", "quantity"),
    "stock_snapshots": ("snapshot_date", "location_id", "sku", "quantity_on_hand", "unit_cost"),
    "stock_counts": ("counted_at", "location_id", "sku", "quantity"),
}
CONSTANTS = {
    "products": 'currency = "=USD"\n',
    "stock_movements": 'kind = "=sale"\ncurrency = "=USD"\n',
    "stock_snapshots": 'currency = "=USD"\n',
    "stock_counts": "",
}
SHOP: dict[str, Sequence[str]] = {
    "products": ("A-1,10",),
    "stock_snapshots": ("2026-08-31,S1,A-1,100,", "2026-08-31,S2,A-1,50,"),
    "stock_movements": ("1,2026-09-10,S1,A-1,-20", "2,2026-10-14,S1,A-1,-10", "3,2026-11-02,S1,A-1,-5"),
    "stock_counts": ("2026-09-20,S2,A-1,48",),
}
SOLD_SEPTEMBER, SOLD_OCTOBER, SOLD_NOVEMBER = (
    f"stock:cogs:S1:{day}:USD" for day in ("2026-09-10", "2026-10-14", "2026-11-02")
)
COUNTED = "stock:count:S2:2026-09-20:USD"
AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = (f"stock:valuation:2026-{month}:USD" for month in ("08", "09", "10", "11"))
BOOKS = {
    SOLD_SEPTEMBER: Counter({"5000": 20000, "1200": -20000}),
    COUNTED: Counter({"5110": 2000, "1200": -2000}),
    SEPTEMBER: Counter({"1200": 2000, "5000": -2000}),
    SOLD_OCTOBER: Counter({"5000": 10000, "1200": -10000}),
    SOLD_NOVEMBER: Counter({"5000": 5000, "1200": -5000}),
}


def take_in(pipeline: Pipeline, files: dict[str, Sequence[str]], mark: str) -> None:
    """Deliver these rows and run the line."""
    take_in_rows(pipeline, COLUMNS, files, mark)


def inventory(pipeline: Pipeline, month: int, day: int) -> int:
    """What the ledger holds as inventory by then."""
    return sum(b.home_minor for b in pipeline.ledger.balances(date(2026, month, day)) if b.account == "1200")


def waiting(pipeline: Pipeline) -> set[str]:
    """The keys that wait because only a product's cost changed: one exception names all of them, and there is no other."""
    told = waiting_by_cause(pipeline.home)
    assert told.keys() <= {"products"}
    return told.get("products", set())


@pytest.fixture(scope="module")
def booked_shop(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The shop above, booked (copy, do not touch)."""
    pipeline = open_shop(home_maker(tmp_path_factory.mktemp("shop")), COLUMNS, CONSTANTS, 150000)
    take_in(pipeline, SHOP, "first")
    assert booked(pipeline) == BOOKS
    assert [inventory(pipeline, *end) for end in ((8, 31), (9, 30), (10, 31))] == [150000, 130000, 120000]
    return pipeline.home


@pytest.fixture
def shop(booked_shop: Home, tmp_path: Path) -> Pipeline:
    """A copy of it."""
    return Pipeline(copied(booked_shop, tmp_path / "home"), "test")


@pytest.mark.long
def test_a_changed_cost_corrects_nothing_that_was_posted(shop: Pipeline) -> None:
    """12.00 from today: sales, count and true-ups stay as posted, also of the months that needed no true-up; all told once.

    35 pieces sold would cost 70.00 more and two lost ones 4.00. At the end of October 120 pieces are worth 1,440.00, and the
    books hold 1,200.00.
    """
    keys = ledger_keys(shop.home)
    take_in(shop, {"products": ("A-1,12",)}, "dearer")
    assert ledger_keys(shop.home) == keys
    assert waiting(shop) == {*BOOKS, AUGUST, OCTOBER}
    (said,) = (row for row in shop.exceptions.open() if row.code == "rule_change_waits")
    assert said.message == (
        "Today's product costs or packs would book 7 entries of 2026-08 to 2026-11 otherwise: 74.00 USD would move, in all "
        "1200 -74.00 USD, 5000 70.00 USD, 5110 4.00 USD. The true-up of 2026-10, the last of 3 among them, would move "
        "240.00 USD, beside what stands before it. Nothing was changed in the ledger."
    )
    assert (said.amount_minor, said.currency, said.since_date) == (7400, "USD", "2026-08-31")
    assert "unit_cost" in said.remedy
    before = read_digests(shop)
    forget_warehouse(shop.home)
    rebuilt = Pipeline(Home(shop.home.root), "test")
    run_line(rebuilt)
    assert read_digests(rebuilt) == before
    assert findings(shop.home) == []
    take_in(rebuilt, {"products": ("A-1,10.00",)}, "as it was")
    assert waiting(rebuilt) == set()
    assert ledger_keys(shop.home) == keys


def test_what_comes_after_the_change_is_booked_at_the_new_cost(shop: Pipeline) -> None:
    """Two sold on 10 November: 24.00. The month's true-up takes in that what was posted at 10.00 is worth 12.00 now.

    At the end of November 63 and 50 pieces are worth 1,356.00; the books hold 1,200.00 of October, less 50.00 and 24.00.
    """
    take_in(shop, {"products": ("A-1,12",)}, "dearer")
    take_in(shop, {"stock_movements": ("4,2026-11-10,S1,A-1,-2", "5,2026-12-01,S1,A-1,-1")}, "more")
    assert booked(shop) == BOOKS | {
        "stock:cogs:S1:2026-11-10:USD": Counter({"5000": 2400, "1200": -2400}),
        NOVEMBER: Counter({"1200": 23000, "5000": -23000}),
        "stock:cogs:S1:2026-12-01:USD": Counter({"5000": 1200, "1200": -1200}),
    }
    assert inventory(shop, 11, 30) == 135600
    assert waiting(shop) == {*BOOKS, AUGUST, OCTOBER}


@pytest.mark.parametrize("rebuilt", [False, True])
def test_a_late_movement_corrects_its_day_at_the_cost_of_today(shop: Pipeline, *, rebuilt: bool) -> None:
    """Three more were sold on 10 September: 23 at 12.00. The count and the other days stay at 10.00.

    The true-ups from September on make up for what stands: 127 pieces are worth 1,524.00, the books hold 1,500.00 - 276.00
    - 20.00, so 320.00; in October 117 are worth 1,404.00, the books hold 1,524.00 - 100.00, so -20.00. August is as it was.
    """
    take_in(shop, {"products": ("A-1,12",)}, "dearer")
    if rebuilt:
        forget_warehouse(shop.home)
    pipeline = Pipeline(Home(shop.home.root), "test")
    take_in(pipeline, {"stock_movements": ("9,2026-09-10,S1,A-1,-3",)}, "late")
    assert booked(pipeline) == BOOKS | {
        SOLD_SEPTEMBER: Counter({"5000": 27600, "1200": -27600}),
        SEPTEMBER: Counter({"1200": 32000, "5000": -32000}),
        OCTOBER: Counter({"1200": -2000, "5000": 2000}),
    }
    assert [inventory(pipeline, *end) for end in ((8, 31), (9, 30), (10, 31))] == [150000, 152400, 140400]
    assert waiting(pipeline) == {COUNTED, SOLD_OCTOBER, SOLD_NOVEMBER, AUGUST}
    keys = ledger_keys(shop.home)
    run_line(pipeline)
    assert ledger_keys(shop.home) == keys


def test_a_cost_with_a_day_corrects(shop: Pipeline) -> None:
    """The snapshot of August comes again and says 11.00 for S1: that held on those days, so they are booked anew.

    In S1 lie 100, 80 and 70 pieces at 11.00, in S2 50 at the product's: August and later are revalued, the count is not.
    """
    take_in(shop, {"products": ("A-1,12",)}, "dearer")
    take_in(shop, {"stock_snapshots": ("2026-08-31,S1,A-1,100,11", "2026-08-31,S2,A-1,50,")}, "costed")
    found = booked(shop)
    assert [found[key]["5000"] for key in (SOLD_SEPTEMBER, SOLD_OCTOBER, SOLD_NOVEMBER)] == [22000, 11000, 5500]
    assert found[COUNTED] == BOOKS[COUNTED]
    assert [inventory(shop, *end) for end in ((8, 31), (9, 30), (10, 31))] == [170000, 148000, 137000]
    assert waiting(shop) == {COUNTED}


def test_a_cost_that_was_missing_books_what_was_held(shop: Pipeline) -> None:
    """B-1 was sold without a cost: that day and the true-up of October wait for it, and are booked when the product has one."""
    missing = {"stock_movements": ("7,2026-10-20,S1,B-1,-4",)}
    take_in(shop, missing, "unknown article")
    held = {subject for code, subject in problems(shop) if code in ("stock_cost_missing", "stock_documents_held")}
    assert held == {"stock:cogs:S1|2026-10-20", "stock:valuation:2026-10"}
    take_in(shop, {"products": ("A-1,10", "B-1,5")}, "costed")
    # Four that never were in the stock leave it at -20.00, which the books follow: nothing is left to true up.
    assert booked(shop) == BOOKS | {"stock:cogs:S1:2026-10-20:USD": Counter({"5000": 2000, "1200": -2000})}
    assert inventory(shop, 10, 31) == 118000
    assert waiting(shop) == set()
