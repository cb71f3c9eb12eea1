"""A real shop's sales as a declared source: 219 files, one a day, December 2010 to August 2011 (UCI Online Retail, CC BY 4.0).

Every figure is computed a second time from the files with the csv module and Decimal.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from retail_sync.defs.launch import prepare_instance, run_job
from retail_sync.defs.selection import job_and_tags
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home
from retail_sync_tests.connectors.loading_bench import canonical_digest
from retail_sync_tests.e2e.line import booked, digest, drop, hourly, net, new_home, nightly, opened, states

_SETTINGS = """
[[source]]
name = "tills"
connector = "declared_csv"
object = "pos_sales"
date_format = "%Y-%m-%d %H:%M:%S"
time_zone = "Europe/London"
[source.columns]
store = "=uk"
receipt_id = "InvoiceNo"
kind = {from = "InvoiceNo", patterns = [["^C", "return"]], otherwise = "sale"}
sold_at = "InvoiceDate"
sku = "StockCode"
title = "Description"
quantity = "Quantity"
gross_amount = "[Quantity] * [UnitPrice]"
tax_amount = "=0"
currency = "=GBP"
"""
# The file names no tenders: each line is taken as paid in cash, so that the days have something to be booked against.
_TENDERS = """
[[source]]
name = "money"
connector = "declared_csv"
object = "pos_tenders"
date_format = "%Y-%m-%d %H:%M:%S"
time_zone = "Europe/London"
[source.columns]
store = "=uk"
receipt_id = "InvoiceNo"
tender = "=cash"
tendered_at = "InvoiceDate"
amount = "[Quantity] * [UnitPrice]"
currency = "=GBP"
"""
_CASH, _SALES, _REFUNDS = "1010", "4000", "4100"
_TWO_WEEKS = slice(0, 12)  # the shop is closed on Saturdays


class Sale(NamedTuple):
    """A line of a file, as Python reads it."""

    day: str
    line_no: int
    receipt: str
    sku: str
    quantity: Decimal
    amount: Decimal


def read_sales(files: Sequence[Path]) -> list[Sale]:
    """Read the files a second way; an amount is rounded half away from zero, line by line."""
    sales = []
    for file in files:
        with file.open(encoding="utf-8", newline="") as stream:
            for record in (reader := csv.DictReader(stream)):
                exact = Decimal(record["Quantity"]) * Decimal(record["UnitPrice"])
                amount = exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
                sales.append(
                    Sale(
                        file.stem,
                        reader.line_num,
                        record["InvoiceNo"],
                        record["StockCode"].strip(),
                        Decimal(record["Quantity"]),
                        amount,
                    )  # fmt: skip
                )
    return sales


@pytest.fixture(scope="module")
def files(samples: Path) -> list[Path]:
    """All days, oldest first."""
    found = sorted((samples / "uci_online_retail").glob("*.csv"))
    if not found:
        pytest.skip("the UCI Online Retail sample is not on this machine")
    return found


@pytest.fixture(scope="module")
def sales(files: list[Path]) -> list[Sale]:
    """All lines of all files, read independently."""
    return read_sales(files)


@pytest.fixture(scope="module")
def shop(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A home that loaded all files at once."""
    pipeline = open_shop(tmp_path_factory.mktemp("uci"))
    pipeline.ingest([str(file) for file in files], "tills")
    pipeline.load()
    return pipeline


def open_shop(root: Path) -> Pipeline:
    """A fresh home with the declared tills."""
    (root / "retail_sync.toml").write_text(_SETTINGS, encoding="utf-8")
    return Pipeline(Home(root), "test")


@pytest.fixture(scope="module")
def query(shop: Pipeline) -> Callable[[str], list[tuple[Any, ...]]]:
    """Ask the loaded warehouse."""

    def ask(statement: str) -> list[tuple[Any, ...]]:
        with shop.writing("test reads") as connection:
            return connection.execute(statement).fetchall()

    return ask


Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.mark.slow
def test_nothing_is_lost(query: Query, sales: list[Sale], files: list[Path]) -> None:
    """For each day: canonical rows and rejected rows together are the lines of the file."""
    delivered = Counter(sale.day for sale in sales)
    found = query("select delivered_count, accepted_count, rejected_count from raw.deliveries order by received_order")
    assert [row[0] for row in found] == [delivered[file.stem] for file in files]
    assert all(lines == accepted + rejected for lines, accepted, rejected in found)
    by_day = query("select business_date, count(*) from canonical.pos_sales group by 1")
    rejected = sum(row[2] for row in found)
    assert sum(count for _, count in by_day) + rejected == len(sales)
    assert rejected == 0, query(
        "select column_name, reason, any_value(value) from canonical.rejected_rows group by all"
    )


@pytest.mark.slow
def test_totals_by_day_to_the_penny(query: Query, sales: list[Sale]) -> None:
    """Quantity times price, rounded line by line: the same figure as plain Python for all 219 days."""
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for sale in sales:
        expected[sale.day] += sale.amount
    found = query("select cast(business_date as varchar), sum(gross_amount) from canonical.pos_sales group by 1")
    assert dict(found) == expected
    assert query("select count(*) from canonical.pos_sales where gross_amount <> net_amount + tax_amount") == [(0,)]


@pytest.mark.slow
def test_cancellations_are_returns(query: Query, sales: list[Sale]) -> None:
    """An invoice that begins with C takes goods back; a negative quantity alone (a write-off) does not make a return."""
    cancelled = [sale for sale in sales if sale.receipt.startswith("C")]
    found = query("select count(*), sum(gross_amount), sum(quantity) from canonical.pos_sales where kind = 'return'")
    assert found == [(len(cancelled), sum(s.amount for s in cancelled), sum(s.quantity for s in cancelled))]
    assert query("select count(*) from canonical.pos_sales where kind = 'sale' and quantity < 0") == [
        (sum(sale.quantity < 0 and not sale.receipt.startswith("C") for sale in sales),)
    ]


@pytest.mark.slow
def test_equal_lines_of_a_receipt_stay_as_many_as_they_are(query: Query, sales: list[Sale]) -> None:
    """The same article rung up twice is two sales: dropping duplicates would lose money."""
    wanted = Counter((s.receipt, s.sku, s.quantity, s.amount) for s in sales)
    found = query("select receipt_id, sku, quantity, gross_amount, count(*) from canonical.pos_sales group by all")
    assert {tuple(key): count for *key, count in found} == dict(wanted)
    assert max(wanted.values()) > 1


@pytest.mark.slow
def test_codes_that_differ_in_case_stay_apart(query: Query, sales: list[Sale]) -> None:
    """15056BL and 15056bl are two codes in the file; one would take the other's stock."""
    codes = {sale.sku for sale in sales}
    assert query("select count(distinct sku) from canonical.pos_sales") == [(len(codes),)]
    assert len({code.upper() for code in codes}) < len(codes)


def load_in_turn(files: Sequence[Path], root: Path) -> dict[str, str]:
    """Load the files one by one, the last first, the middle one twice."""
    pipeline = open_shop(root)
    for file in [*reversed(files), files[len(files) // 2]]:
        pipeline.ingest([str(file)], "tills")
        pipeline.load()
    return canonical_digest(pipeline)


@pytest.mark.slow
def test_one_load_or_many_over_two_weeks(files: list[Path], tmp_path: Path) -> None:
    """Loading the days together or each by itself, backwards, ends in the same rows (DESIGN section 9)."""
    (tmp_path / "once").mkdir()
    (tmp_path / "turn").mkdir()
    at_once = open_shop(tmp_path / "once")
    at_once.ingest([str(file) for file in files[_TWO_WEEKS]], "tills")
    at_once.load()
    assert load_in_turn(files[_TWO_WEEKS], tmp_path / "turn") == canonical_digest(at_once)


def booked_in_turn(batches: Sequence[Sequence[Path]], root: Path) -> Home:
    """Run the whole line after each batch of files, into the ledger."""
    home = new_home(root / "home", _SETTINGS + _TENDERS)
    for batch in batches:
        for source in ("tills", "money"):
            opened(home).ingest([str(file) for file in batch], source)
        hourly(home)
    nightly(home)
    return home


@pytest.mark.long
def test_one_backfill_or_a_run_a_day_over_two_weeks(files: list[Path], tmp_path: Path) -> None:
    """The books of twelve days, run in one go or day by day: every row, entry and balance is the same."""
    days = files[_TWO_WEEKS]
    at_once, by_day = (
        booked_in_turn([days], tmp_path / "once"),
        booked_in_turn([[day] for day in days], tmp_path / "turn"),
    )
    assert len(booked(at_once)) == len(days)
    assert digest(at_once) == digest(by_day)
    assert states(by_day) == {"verified": len(days)}


@pytest.mark.slow
def test_one_backfill_or_219_daily_runs(files: list[Path], sales: list[Sale], tmp_path: Path) -> None:
    """The same over nine months; what the ledger holds as cash is what plain Python adds up."""
    at_once, by_day = (
        booked_in_turn([files], tmp_path / "once"),
        booked_in_turn([[day] for day in files], tmp_path / "turn"),
    )
    assert digest(at_once) == digest(by_day)
    cash = sum(minor for (_, account, _), minor in net(by_day).items() if account == _CASH)
    assert Decimal(cash).scaleb(-2) == sum(sale.amount for sale in sales)


@pytest.mark.slow
@pytest.mark.usefixtures("own_environment")
def test_nine_months_through_dagster(files: list[Path], sales: list[Sale], tmp_path: Path) -> None:
    """What an operator runs who starts with history: the inbox holds all files, one month-end job closes all days."""
    home = new_home(tmp_path / "home", _SETTINGS + _TENDERS)
    drop(home, {f"{source}/{file.name}": file.read_bytes() for source in ("tills", "money") for file in files})
    job, tags = job_and_tags("month-end", "", "", "2010-12-01", "2011-08-31")
    assert run_job(prepare_instance(home), job, tags).is_success
    assert states(home) == {"verified": len(files)}
    balances: dict[str, Decimal] = defaultdict(Decimal)
    for (_, account, _), minor in net(home).items():
        balances[account] += Decimal(minor).scaleb(-2)
    taken_back = sum(sale.amount for sale in sales if sale.receipt.startswith("C"))
    total = sum(sale.amount for sale in sales)
    assert balances == {_CASH: total, _SALES: taken_back - total, _REFUNDS: -taken_back}


@pytest.mark.slow
def test_one_load_or_219(shop: Pipeline, files: list[Path], tmp_path: Path) -> None:
    """The same over nine months."""
    assert load_in_turn(files, tmp_path) == canonical_digest(shop)
