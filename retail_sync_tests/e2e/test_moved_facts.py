"""A document whose last fact moved away: what was booked of it is taken back, whenever that is noticed; nothing else ever is.

A released key whose document is in no table is withdrawn when everything that was ever read can be read. What a setting, a
rule or a missing file hides stays as it was booked.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.reports.digests import read_digests
from retail_sync.schemas.journal import Entry, EntryLine
from retail_sync.settings import PROJECT_ROOT, Home
from retail_sync_tests.conftest import home_maker, run_line
from retail_sync_tests.e2e.line import copied, forget_warehouse
from retail_sync_tests.reconcile.test_store_days import RECEIPTS, SOURCES, TENDERS, booked, deliver, problems

pytestmark = pytest.mark.long

OLD_DAY, NEW_DAY = "pos:store-day:7:2026-10-15:USD", "pos:store-day:7:2026-10-14:USD"
# One receipt of 10.00 and 0.80 tax, paid by card; the till's clock was a day ahead.
WRONG: dict[str, Sequence[str]] = {
    "receipts": (RECEIPTS, "7,1,R1,S,2026-10-15 09:00,A,1,10.00,0.80,0"),
    "tenders": (TENDERS, "7,1,R1,card,2026-10-15 09:00,10.80"),
}
RIGHT = {name: (rows[0], rows[1].replace("10-15", "10-14")) for name, rows in WRONG.items()}
BOOKS = Counter({"4000": -1000, "2200": -80, "1110": 1080})
MOVED = [("receipts_moved", "receipts"), ("receipts_moved", "tenders")]


def again(pipeline: Pipeline) -> Pipeline:
    """The home as the next process sees it."""
    return Pipeline(Home(pipeline.home.root), "test")


def change_contracts(home: Home) -> None:
    """The program is upgraded to a version with other tables: the next run empties the warehouse."""
    with Pipeline(home, "test").warehouse.writing("test") as connection:
        connection.execute("update raw.applied set hash = 'of an earlier version' where name = 'contract'")


def lose_raw(home: Home) -> None:
    """Every archived file is gone."""
    for path in (home.state / "raw").rglob("*.zst"):
        path.unlink()


def rewrite(home: Home, old: str, new: str) -> None:
    """Change the settings file."""
    path = home.root / "retail_sync.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The receipt on the wrong day, after one run (copy, do not touch)."""
    pipeline = Pipeline(home_maker(tmp_path_factory.mktemp("wrong"))(settings=SOURCES), "test")
    deliver(pipeline, WRONG)
    run_line(pipeline)
    return pipeline.home


EMPTIED: dict[str, Callable[[Home], None]] = {
    "as it was": lambda _home: None,
    "deleted": forget_warehouse,
    "emptied by an upgrade": change_contracts,
}


@pytest.mark.parametrize("warehouse", EMPTIED)
def test_a_receipt_that_moved_is_on_one_day(
    wrong: Home, make_home: Callable[..., Home], tmp_path: Path, warehouse: str
) -> None:
    """The corrected export comes in the run that derives the warehouse anew: one day is in the books, as after one load."""
    pipeline = Pipeline(copied(wrong, tmp_path / "home"), "test")
    assert booked(pipeline) == {OLD_DAY: BOOKS}
    EMPTIED[warehouse](pipeline.home)
    pipeline = again(pipeline)
    deliver(pipeline, RIGHT, "right")
    for _ in range(2):
        run_line(pipeline)
        assert booked(pipeline) == {OLD_DAY: Counter(), NEW_DAY: BOOKS}
        assert (pipeline.ledger.entry_count(), problems(pipeline)) == (3, MOVED)
    one_load = Pipeline(make_home("one load", settings=SOURCES), "test")
    deliver(one_load, WRONG)
    deliver(one_load, RIGHT, "right")
    run_line(one_load)
    assert read_digests(pipeline) == read_digests(one_load)


def test_a_lost_archive_takes_nothing_back(wrong: Home, tmp_path: Path) -> None:
    """Warehouse and raw files are gone: the day is in no table, and nobody can say that it never was."""
    pipeline = Pipeline(copied(wrong, tmp_path / "home"), "test")
    forget_warehouse(pipeline.home)
    lose_raw(pipeline.home)
    pipeline = again(pipeline)
    run_line(pipeline)
    assert booked(pipeline) == {OLD_DAY: BOOKS}
    assert [code for code, _ in problems(pipeline)] == ["delivery_refused", "delivery_refused", "rebuild_incomplete"]


def test_a_release_before_the_other_stages_takes_nothing_back(wrong: Home, tmp_path: Path) -> None:
    """All files are read again and no stage has looked at them yet: that the journal is empty says nothing."""
    pipeline = Pipeline(copied(wrong, tmp_path / "home"), "test")
    forget_warehouse(pipeline.home)
    pipeline = again(pipeline)
    pipeline.load()
    assert pipeline.release("test").withdrawn == 0
    run_line(pipeline)
    assert (pipeline.ledger.entry_count(), problems(pipeline)) == (1, [])


def test_a_mistyped_block_takes_nothing_back(wrong: Home, tmp_path: Path) -> None:
    """A column that no file has refuses every file of both tills. Corrected, everything is as it was before."""
    pipeline = Pipeline(copied(wrong, tmp_path / "home"), "test")
    rewrite(pipeline.home, 'receipt_id = "Receipt"', 'receipt_id = "Reciept"')
    pipeline = again(pipeline)
    run_line(pipeline)
    assert booked(pipeline) == {OLD_DAY: BOOKS}
    assert problems(pipeline) == [
        ("delivery_refused", "receipts/receipts-1.csv"),
        ("delivery_refused", "tenders/tenders-1.csv"),
        ("loaded_before_refused_now", "warehouse"),
    ]
    rewrite(pipeline.home, 'receipt_id = "Reciept"', 'receipt_id = "Receipt"')
    pipeline = again(pipeline)
    run_line(pipeline)
    assert (pipeline.ledger.entry_count(), problems(pipeline)) == (1, [])


# ---- Goods --------------------------------------------------------------------------------------

GOODS = """
[ledger]
stock = "journal"
[[source]]
name = "movements"
connector = "declared_csv"
object = "stock_movements"
date_format = "%Y-%m-%d"
[source.columns]
movement_id = "Id"
moved_at = "Day"
location_id = "=S1"
sku = "=A-1"
kind = "Kind"
quantity = "Units"
unit_cost = "=10"
currency = "=USD"
[[source]]
name = "snapshots"
connector = "declared_csv"
object = "stock_snapshots"
date_format = "%Y-%m-%d"
[source.columns]
snapshot_date = "Day"
location_id = "=S1"
sku = "=A-1"
quantity_on_hand = "Units"
unit_cost = "=10"
currency = "=USD"
"""
MOVEMENTS = "Id,Day,Kind,Units"
STOCK = {"movements": (MOVEMENTS, "1,2026-10-15,sale,-5"), "snapshots": ("Day,Units", "2026-10-01,100")}
SOLD_15, SOLD_14 = "stock:cogs:S1:2026-10-15:USD", "stock:cogs:S1:2026-10-14:USD"
COST = Counter({"5000": 5000, "1200": -5000})


@pytest.fixture
def goods(make_home: Callable[..., Home]) -> Pipeline:
    """A shop whose goods we book: 100 pieces at 10.00, five of them sold on the 15th; own copy of the rules."""
    home = make_home(settings=GOODS)
    shutil.copytree(PROJECT_ROOT / "data" / "rules", home.root / "rules")
    return Pipeline(home, "test")


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The shop after one run (copy, do not touch)."""
    pipeline = Pipeline(home_maker(tmp_path_factory.mktemp("sold"))(settings=GOODS), "test")
    shutil.copytree(PROJECT_ROOT / "data" / "rules", pipeline.home.root / "rules")
    deliver(pipeline, STOCK)
    run_line(pipeline)
    return pipeline.home


def test_a_sale_that_moved_is_on_one_day(sold: Home, tmp_path: Path) -> None:
    """The ERP corrects the day of a movement while the warehouse is derived anew."""
    goods = Pipeline(copied(sold, tmp_path / "home"), "test")
    assert booked(goods) == {SOLD_15: COST}
    forget_warehouse(goods.home)
    deliver(goods, {"movements": (MOVEMENTS, "1,2026-10-14,sale,-5")}, "right")
    run_line(goods)
    assert booked(goods) == {SOLD_15: Counter(), SOLD_14: COST}


@pytest.mark.parametrize("rebuilt", [False, True])
def test_what_the_erp_books_from_now_on_stays_as_it_was_booked(sold: Home, tmp_path: Path, *, rebuilt: bool) -> None:
    """`stock = "erp"` ends our entries; it takes none back, not even where its fact moves afterwards."""
    goods = Pipeline(copied(sold, tmp_path / "home"), "test")
    rewrite(goods.home, 'stock = "journal"', 'stock = "erp"')
    if rebuilt:
        forget_warehouse(goods.home)
    pipeline = again(goods)
    run_line(pipeline)
    deliver(pipeline, {"movements": (MOVEMENTS, "1,2026-10-14,sale,-5")}, "right")
    run_line(pipeline)
    assert booked(pipeline) == {SOLD_15: COST}
    assert not [code for code, _ in problems(pipeline) if not code.startswith("stock_")]


def open_ledger(pipeline: Pipeline) -> None:
    """The ledger holds 900.00 of inventory on 1200 when we begin."""
    lines = tuple(
        EntryLine(account, minor, "USD", minor, "USD") for account, minor in (("1200", 90000), ("1000", -90000))
    )
    pipeline.ledger.post(Entry("opening#1", date(2026, 9, 1), "Opening", lines), "opening")


def true_ups(pipeline: Pipeline) -> dict[str, int]:
    """What the true-ups of the months book on the inventory account."""
    return {key: legs["1200"] for key, legs in booked(pipeline).items() if "valuation" in key}


def test_a_true_up_of_a_month_that_the_stock_does_not_reach_is_taken_back(goods: Pipeline) -> None:
    """A movement dated in December by mistake made October and November month ends: it was of October.

    Stock at 31 October and 30 November: 100 pieces of 10.00. The ledger holds 900.00, so October books 100.00 and November
    nothing more. Without the movement in December the stock is known up to 15 October: no month end, no true-up.
    """
    open_ledger(goods)
    deliver(goods, STOCK | {"movements": (MOVEMENTS, "1,2026-12-15,sale,-5")})
    run_line(goods)
    assert true_ups(goods) == {"stock:valuation:2026-10:USD": 10000}
    deliver(goods, {"movements": (MOVEMENTS, "1,2026-10-15,sale,-5")}, "right")
    run_line(goods)
    assert true_ups(goods) == {"stock:valuation:2026-10:USD": 0}


def test_another_inventory_account_takes_no_true_up_back(goods: Pipeline) -> None:
    """From today the rules name an account on which the ledger holds nothing: there is nothing to compare, and no fact moved."""
    open_ledger(goods)
    deliver(goods, STOCK | {"snapshots": ("Day,Units", "2026-10-31,100")})
    run_line(goods)
    before = true_ups(goods)
    # 1,000.00 of stock; the ledger's 900.00 less 50.00 cost of sales.
    assert before == {"stock:valuation:2026-10:USD": 15000}
    rules = goods.home.root / "rules" / "posting_rules.csv"
    text = rules.read_text(encoding="utf-8")
    assert "inventory,*,*,*,1200," in text
    rules.write_text(text.replace("inventory,*,*,*,1200,", "inventory,*,*,*,1300,"), encoding="utf-8")
    chart = goods.home.root / "rules" / "chart_of_accounts.csv"
    chart.write_text(chart.read_text(encoding="utf-8") + "1300,Goods,asset,debit,true,false\n", encoding="utf-8")
    pipeline = again(goods)
    deliver(pipeline, {"movements": (MOVEMENTS, "2,2026-10-20,receipt,1")}, "more")
    run_line(pipeline)
    assert true_ups(pipeline) == before
