"""A newcomer's first file, with nothing but what the program says: `sources try`, one block, a run, and what is told.

The file is a marketplace's report of the stock that it holds: 99 articles, each with the instant of its last update, and one
of them twice: SKU-6283, 313 pieces on 3 January 2025 and 101 on the 13th. Nobody here wrote it.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from retail_sync.connectors.proposal import propose
from retail_sync_tests.e2e.line import drop, hourly, new_home, opened, problems

_ERP = """
[[source]]
name = "erp"
connector = "declared_csv"
object = "stock_snapshots"
date_format = "%Y-%m-%d"
[source.columns]
snapshot_date = "day"
location_id = "=FBA"
sku = "sku"
quantity_on_hand = "quantity"
currency = "=USD"
"""


@pytest.fixture
def report(samples: Path) -> Path:
    """The marketplace's report."""
    return samples / "amazon_fba" / "fba_inventory_summary.csv"


@pytest.mark.long
def test_a_stock_report_is_reconciled_with_what_the_program_says(report: Path, tmp_path: Path) -> None:
    """The block needs its location; then one sentence asks for the ERP's stock; with that, goods are missing.

    The ERP has what the report holds of every article. Of SKU-1029 it has 120, where the report has 114; of SKU-6283 it has
    the 313 that were there on the 3rd, and posted nothing until the 13th.
    """
    found = propose(report)
    assert (found.object, 'kind = "=marketplace"' in found.toml) == ("stock_counts", True)
    (told,) = (sentence for sentence in found.untold if sentence.startswith("who counted"))
    assert "stock_snapshots" in told
    home = new_home(tmp_path / "home", found.toml.replace("=TODO L1", "=FBA") + _ERP)
    drop(home, {"fba_inventory_summary/report.csv": report.read_bytes()})
    hourly(home)
    assert problems(home) == [("stock_no_book", "FBA")]
    (said,) = opened(home).exceptions.open()
    assert said.message == (
        "Counted, but no snapshot says what should be there: 99 articles of FBA, counted on 2024-12-31 to 2025-01-29 "
        "(100 counts)."
    )
    assert "of 2024-12-31 or earlier" in said.remedy

    with report.open(encoding="utf-8-sig", newline="") as stream:
        held = {row["seller_sku"]: int(row["fulfillable_quantity"]) for row in csv.DictReader(stream)}
    assert (len(held), held["SKU-1029"]) == (99, 114)
    held |= {"SKU-1029": 120, "SKU-6283": 313}
    rows = "".join(f"2024-12-30,{sku},{quantity}\n" for sku, quantity in held.items())
    drop(home, {"erp/stock.csv": f"day,sku,quantity\n{rows}".encode()})
    hourly(home)
    assert problems(home) == [
        ("stock_marketplace_lost", "FBA SKU-1029 2025-01-18 marketplace count"),
        ("stock_marketplace_lost", "FBA SKU-6283 2025-01-13 marketplace count"),
    ]
    told = [str(row.message) for row in opened(home).exceptions.open()]
    assert [("6 units" in text, "212 units" in text) for text in sorted(told)] == [(True, False), (False, True)]
