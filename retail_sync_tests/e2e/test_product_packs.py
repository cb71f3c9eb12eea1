"""The pack of an article is undated, like its cost: a changed pack says of past days what it explains, and books nothing.

By hand: 50 pieces of A-1 lie in S1 at the end of August, at 10.00, and the ledger holds 500.00. A count of 20 September finds
25, so 25 are lost (250.00), which the ERP takes over two days later. 5 are sold in October and 1 in November. The months end
with 25 and 20 pieces, as the books say, so there is no true-up. As a pack of two the 25 counted are the 50 of the book.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.reports.digests import read_digests
from retail_sync.settings import Home
from retail_sync_tests.conftest import home_maker, run_line
from retail_sync_tests.e2e.declared_shop import open_shop, take_in_rows
from retail_sync_tests.e2e.line import booked as ledger_keys
from retail_sync_tests.e2e.line import copied, findings, forget_warehouse, waiting
from retail_sync_tests.reconcile.test_store_days import booked

COLUMNS = {
    "products": ("sku", "unit_cost", "pack_quantity"),
    "stock_movements": ("movement_id", "moved_at", "location_id", "sku", "quantity", "kind"),
    "stock_snapshots": ("snapshot_date", "location_id", "sku", "quantity_on_hand"),
    "stock_counts": ("counted_at", "location_id", "sku", "quantity"),
    "pos_sales": ("store", "receipt_id", "sold_at", "sku", "quantity", "gross_amount"),
}
CONSTANTS = {
    "products": 'currency = "=USD"\n',
    "stock_movements": 'currency = "=USD"\nreference = "movement_id"\n',
    "stock_snapshots": 'currency = "=USD"\n',
    "stock_counts": "",
    "pos_sales": 'kind = "=sale"\ntax_amount = "=0"\ncurrency = "=USD"\n',
}
SHOP: dict[str, Sequence[str]] = {
    "products": ("A-1,10,",),
    "stock_snapshots": ("2026-08-31,S1,A-1,50",),
    "stock_counts": ("2026-09-20,S1,A-1,25",),
    "stock_movements": (
        "1,2026-09-22,S1,A-1,-25,adjustment",
        "2,2026-10-05,S1,A-1,-5,sale",
        "3,2026-11-02,S1,A-1,-1,sale",
    ),
}
COUNTED = "stock:count:S1:2026-09-20:USD"
WRITTEN_OFF, SOLD_OCTOBER, SOLD_NOVEMBER = (
    f"stock:cogs:S1:{day}:USD" for day in ("2026-09-22", "2026-10-05", "2026-11-02")
)
BOOKS = {
    COUNTED: Counter({"5110": 25000, "1200": -25000}),
    SOLD_OCTOBER: Counter({"5000": 5000, "1200": -5000}),
    SOLD_NOVEMBER: Counter({"5000": 1000, "1200": -1000}),
}
PACK_OF_TWO, NO_PACK = {"products": ("A-1,10,2",)}, {"products": ("A-1,10.00,",)}


def take_in(pipeline: Pipeline, files: dict[str, Sequence[str]], mark: str) -> None:
    """Deliver these rows and run the line."""
    take_in_rows(pipeline, COLUMNS, files, mark)


def causes(pipeline: Pipeline) -> list[tuple[str, str]]:
    """What each difference of a count is said to come from."""
    with pipeline.writing("test reads") as connection:
        found = connection.execute(
            "select cast(business_date as varchar), cause from reconcile.inventory_variances where question = 'count' order by all"
        )
        return found.fetchall()


@pytest.fixture(scope="module")
def booked_shop(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The shop above, booked (copy, do not touch)."""
    pipeline = open_shop(home_maker(tmp_path_factory.mktemp("shop")), COLUMNS, CONSTANTS, 50000)
    take_in(pipeline, SHOP, "first")
    assert booked(pipeline) == BOOKS
    assert causes(pipeline) == [("2026-09-20", "shrinkage")]
    return pipeline.home


@pytest.fixture
def shop(booked_shop: Home, tmp_path: Path) -> Pipeline:
    """A copy of it."""
    return Pipeline(copied(booked_shop, tmp_path / "home"), "test")


def test_a_changed_pack_corrects_nothing_that_was_posted(shop: Pipeline) -> None:
    """The count is said to be in packs now; that it was booked as a loss, and the adjustment therefore not, stays and waits."""
    keys = ledger_keys(shop.home)
    take_in(shop, PACK_OF_TWO, "packed")
    assert causes(shop) == [("2026-09-20", "unit_of_measure")]
    assert ledger_keys(shop.home) == keys
    assert waiting(shop.home) == {"products": {COUNTED, WRITTEN_OFF}}
    before = read_digests(shop)
    forget_warehouse(shop.home)
    rebuilt = Pipeline(Home(shop.home.root), "test")
    run_line(rebuilt)
    assert read_digests(rebuilt) == before
    assert ledger_keys(shop.home) == keys
    assert findings(shop.home) == []
    take_in(rebuilt, NO_PACK, "as it was")
    assert waiting(rebuilt.home) == {}
    assert ledger_keys(shop.home) == keys


def test_what_comes_after_the_change_is_judged_with_the_new_pack(shop: Pipeline) -> None:
    """19 pieces lie there in November and 38 are counted: as a pack of two that is the book, and nothing is found."""
    take_in(shop, PACK_OF_TWO, "packed")
    take_in(shop, {"stock_counts": ("2026-11-20,S1,A-1,38",)}, "counted again")
    assert causes(shop)[-1] == ("2026-11-20", "unit_of_measure")
    assert booked(shop) == BOOKS
    assert waiting(shop.home) == {"products": {COUNTED, WRITTEN_OFF}}


@pytest.mark.parametrize("rebuilt", [False, True])
def test_a_corrected_count_is_booked_with_the_pack_of_today(shop: Pipeline, *, rebuilt: bool) -> None:
    """24 were counted: 26 are lost (260.00), in packs or not. So the adjustment of 25 takes over no count, and is a loss too.

    The ERP has 25 pieces (250.00) at the end of September, the books 500.00 - 260.00 - 250.00: the true-up is 260.00.
    """
    take_in(shop, PACK_OF_TWO, "packed")
    if rebuilt:
        forget_warehouse(shop.home)
    pipeline = Pipeline(Home(shop.home.root), "test")
    take_in(pipeline, {"stock_counts": ("2026-09-20,S1,A-1,24",)}, "corrected")
    assert booked(pipeline) == BOOKS | {
        COUNTED: Counter({"5110": 26000, "1200": -26000}),
        WRITTEN_OFF: Counter({"5100": 25000, "1200": -25000}),
        "stock:valuation:2026-09:USD": Counter({"1200": 26000, "5000": -26000}),
    }
    assert waiting(shop.home) == {}


def test_a_count_delivered_in_pieces_corrects(shop: Pipeline) -> None:
    """The remedy: the 25 packs are the 50 pieces of the book, so nothing is lost, and the ERP's adjustment is what was."""
    take_in(shop, PACK_OF_TWO, "packed")
    take_in(shop, {"stock_counts": ("2026-09-20,S1,A-1,50",)}, "in pieces")
    found = booked(shop)
    assert not found[COUNTED]
    assert found[WRITTEN_OFF] == Counter({"5100": 25000, "1200": -25000})
    assert waiting(shop.home) == {}


def test_a_corrected_receipt_counts_where_only_packs_tell_of_it(shop: Pipeline) -> None:
    """P-3 comes in threes. 2 sold and 6 posted are packs: the book is 4 too low, so 3 more counted than the book stay open.

    The till corrects: 1 was sold. That is no pack, and nothing says what the 5 are, so the 3 counted are 3 found, at 1.00.
    """
    files = {
        "products": ("A-1,10,", "P-3,1,3"),
        "stock_snapshots": ("2026-08-31,S1,A-1,50", "2026-08-31,S1,P-3,50"),
        "stock_movements": ("R1,2026-09-10,S1,P-3,-6,sale",),
        "stock_counts": ("2026-09-20,S1,A-1,25", "2026-09-20,S1,P-3,47"),
        "pos_sales": ("S1,R1,2026-09-10,P-3,2,9.00",),
    }
    take_in(shop, files, "another article")
    assert causes(shop) == [("2026-09-20", "shrinkage"), ("2026-09-20", "undetermined")]
    assert booked(shop)[COUNTED] == BOOKS[COUNTED]
    take_in(shop, {"pos_sales": ("S1,R1,2026-09-10,P-3,1,4.50",)}, "corrected")
    assert causes(shop) == [("2026-09-20", "gain"), ("2026-09-20", "shrinkage")]
    assert booked(shop)[COUNTED] == Counter({"5110": 24700, "1200": -24700})
    assert waiting(shop.home) == {}
