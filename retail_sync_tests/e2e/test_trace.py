"""`retail-sync trace` on a small shop with a store: complete stories, the files they stand in, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.reports.delivered import read_records
from retail_sync.reports.trace import read_trace
from retail_sync.settings import Home, Settings
from retail_sync_tests.conftest import run_line
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.e2e.conftest import Answer
from retail_sync_tests.e2e.line import digest, drop, forget_warehouse, hourly, new_home, nightly
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.shopify import FakeShopify
from retail_sync_tests.reconcile.files import bank_statement
from retail_sync_tests.shopify import ORDERS, csv_file, payouts, transactions

Cli = Callable[..., Answer]

SOURCES = """
[[source]]
name = "sales"
connector = "shopify_transactions"
account = "my shop"

[[source]]
name = "payouts"
connector = "shopify_payouts"
account = "my shop"

[[source]]
name = "orders"
connector = "shopify_orders"
account = "my shop"

[[source]]
name = "shipments"
connector = "declared_csv"
object = "fulfilments"
date_format = "%Y-%m-%d %H:%M"
[source.columns]
channel = "=shopify"
fulfilment_id = "Shipment"
order_id = "Order"
shipped_at = "Sent"
sku = "SKU"
quantity = "Qty"

[[source]]
name = "receipts"
connector = "declared_csv"
object = "pos_sales"
date_format = "%Y-%m-%d %H:%M"
[source.columns]
store = "=S7"
register = "Till"
receipt_id = "Receipt"
kind = "=sale"
sold_at = "Time"
sku = "SKU"
quantity = "=1"
net_amount = "Net"
tax_amount = "=0"
currency = "=USD"

[[source]]
name = "tenders"
connector = "declared_csv"
object = "pos_tenders"
date_format = "%Y-%m-%d %H:%M"
[source.columns]
store = "=S7"
register = "Till"
receipt_id = "Receipt"
tender = "Tender"
tendered_at = "Time"
amount = "Amount"
currency = "=USD"
"""
PAYOUT = "shopify/my shop/USD/700000000077"
# Order #5001 for 118.80, 3.75 fee; 20.00 given back on it later, in the same payout of 95.05. Shipped in two parcels.
FILES = {
    "orders/october.csv": csv_file(ORDERS, [
        {"Name": "#5001", "Financial Status": "paid", "Currency": "USD", "Total": "118.80", "Taxes": "0", "Shipping": "0",
         "Discount Amount": "0", "Created at": "2026-10-20 11:30:00 +0200", "Lineitem quantity": "2",
         "Lineitem name": "Mug", "Lineitem price": "59.40", "Lineitem sku": "MUG"},
    ]),
    "sales/october.csv": transactions("""
        2026-10-20 charge #5001 118.80 3.75 USD 700000000077@2026-10-22
        2026-10-21 refund #5001 -20.00 0.00 USD 700000000077@2026-10-22"""),
    "payouts/october.csv": payouts("2026-10-22 paid 118.80 -20.00 0.00 0.00 -3.75 0.00 95.05 USD"),
    "shipments/october.csv": b"Shipment,Order,Sent,SKU,Qty\nP1,#5001,2026-10-21 10:00,MUG,1\nP2,#5001,2026-10-22 10:00,MUG,1\n",
    "receipts/october.csv": b"Till,Receipt,Time,SKU,Net\n1,R1,2026-10-20 09:00,TEA,12.50\n2,R1,2026-10-20 09:30,TEA,7.00\n"
    b"1,R2,2026-10-21 09:00,TEA,5.00\n",
    "tenders/october.csv": b"Till,Receipt,Tender,Time,Amount\n1,R1,cash,2026-10-20 09:00,12.50\n"
    b"2,R1,cash,2026-10-20 09:30,7.00\n",
    "bank/october.csv": bank_statement("2026-10-23 95.05 USD SHOPIFY PAYMENTS"),
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All files, one nightly run."""
    made = new_home(tmp_path_factory.mktemp("trace") / "home", SOURCES)
    drop(made, FILES)
    nightly(made)
    return made


def told(answer: Answer) -> list[tuple[Any, ...]]:
    """(when, step, amount, file, lines) of each step but the ledger's, whose hour is that of the test."""
    return [
        (s["at"], s["step"], s["amount"] and Decimal(s["amount"]), s["file"], s["lines"])
        for s in answer.json["steps"]
        if s["step"] != "ledger"
    ]


def test_the_story_of_an_order_names_every_file_and_line(cli: Cli, home: Home) -> None:
    """Worked by hand from the files above; the bank's day is the day after the payout's. Nothing is open: exit code 0."""
    answer = cli("trace", "#5001", "--home", home.root, "--json")
    assert answer.code == 0, answer.err
    entry, deposit = f"shopify:settlement:{PAYOUT}:2026-10", f"shopify:deposit:{PAYOUT}"
    D = Decimal  # noqa: N806 - short, so that a step is a line
    assert told(answer) == [
        ("2026-10-20 09:30:00", "ordered", D("118.80"), "october.csv", "2"),
        ("2026-10-20 09:30:00", "goods", None, "october.csv", "2"),
        ("2026-10-20 10:00:00", "paid", D("118.80"), "october.csv", "2"),
        ("2026-10-20 10:00:00", "settled", D("118.80"), "october.csv", "2"),
        ("2026-10-20 10:00:00", "settled", D("-3.75"), "october.csv", "2"),
        ("2026-10-21 10:00:00", "shipped", None, "october.csv", "2"),
        ("2026-10-21 10:00:00", "settled", D("-20.00"), "october.csv", "3"),
        ("2026-10-21 10:00:00", "refunded", D("-20.00"), "october.csv", "3"),
        ("2026-10-22 10:00:00", "shipped", None, "october.csv", "3"),
        ("2026-10-22", "closed", D("95.05"), "october.csv", ""),
        ("2026-10-22", "entry", D("118.80"), entry, "1"),
        ("2026-10-22", "entry", D("20.00"), entry, "2"),
        ("2026-10-22", "entry", D("3.75"), entry, "3"),
        ("2026-10-23", "deposit", D("95.05"), "october.csv", "2"),
        ("2026-10-23", "entry", D("95.05"), deposit, ""),
    ]
    sources = {s["step"]: s["source"] for s in answer.json["steps"]}
    assert sources == {"ordered": "orders", "goods": "orders", "paid": "sales", "settled": "sales", "shipped": "shipments",
                       "refunded": "sales", "closed": "payouts", "deposit": "bank", "entry": "journal",
                       "ledger": "embedded ledger"}  # fmt: skip
    posted = [(s["file"], s["what"]) for s in answer.json["steps"] if s["step"] == "ledger"]
    assert sorted(file for file, _ in posted) == [f"{deposit}#1", f"{entry}#1"]
    assert all(what.startswith("version 1 verified, ledger id ") for _, what in posted)
    # 9:30 to 10:00; a day; from the 21st to the 22nd; from the 22nd to the 23rd; from the 20th to the 23rd.
    assert answer.json["latencies"] == {
        "order_to_payment_hours": "0.50", "payment_to_shipment_hours": "24.00", "shipment_to_settlement_days": 1,
        "settlement_to_deposit_days": 1, "order_to_deposit_days": 3,
    }  # fmt: skip
    assert (answer.json["missing"], answer.json["held"], answer.json["exceptions"]) == ([], [], [])


def test_the_same_for_people(cli: Cli, home: Home) -> None:
    """The legs say which side and which account, the settlement lines what they are."""
    shown = cli("trace", "#5001", "--home", home.root)
    assert shown.code == 0
    for words in (
        "order #5001 of shopify",
        "credit 1115 Storefront receivable  ",
        "debit 6200 Merchant fees  ",
        f"payment fee in {PAYOUT}",
        "1 × MUG",
        "bank: october.csv, line 2",
        "No step is missing, no open exception names it.",
    ):
        assert words in shown.out


def test_a_receipt_that_two_tills_have_is_asked_for(cli: Cli, home: Home) -> None:
    """A number alone does not tell; store and till do. The story of one has nothing of the other."""
    answer = cli("trace", "R1", "--home", home.root)
    assert (answer.code, "'R1' is of several: S7 1, S7 2" in answer.err) == (2, True)
    assert "--channel" in answer.err
    assert cli("trace", "R1", "--channel", "S7", "--home", home.root).code == 2
    first = cli("trace", "R1", "--channel", "S7 1", "--home", home.root, "--json")
    assert first.code == 0, first.out
    assert told(first) == [
        ("2026-10-20 09:00:00", "ordered", Decimal("12.50"), "october.csv", "2"),
        ("2026-10-20 09:00:00", "paid", Decimal("12.50"), "october.csv", "2"),
        ("2026-10-20", "entry", Decimal("12.50"), "pos:store-day:S7:2026-10-20:USD", "1"),
        ("2026-10-20", "entry", Decimal("12.50"), "pos:store-day:S7:2026-10-20:USD", "2"),
    ]
    # The other till's 7.00 is in the same lines.
    legs = [s["what"] for s in first.json["steps"] if s["step"] == "entry"]
    assert [what.partition(", ")[2] for what in legs] == ["this receipt's part of a line of 19.50 USD"] * 2


def test_a_refund_that_a_shop_answered_leads_to_its_record(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """12.00 given back for the first article: one step, not one more at zero; from the entry's lines to the delivered record."""
    bench = PullBench(FakeShopify(FakeClock(), 1), tmp_path / "home", monkeypatch)
    bench.home.settings = Settings(source=(bench.source,), ledger={"storefront": "journal"})
    pipeline = Pipeline(bench.home, "test")
    bench.pull()
    bench.close()
    run_line(pipeline)
    found = read_trace(pipeline, "#1001", "")
    assert [(s.what, s.amount) for s in found.steps if s.step == "returned"] == [
        ("1 × S-0, restocked in Place 1", Decimal(-12))
    ]
    with pipeline.warehouse.reading() as connection:
        ((file, line),) = connection.execute(
            "select distinct delivery_id, file_line_no from journal.line_sources "
            "where contains(entry_key, ':refund:') and component = 'return'"
        ).fetchall()
    delivery, (record,) = read_records(pipeline, file, line, 1)
    assert delivery.object == "refunds"
    assert '"gid://shopify/Refund/301"' in record.text


def test_what_is_held_and_open_is_told(cli: Cli, home: Home) -> None:
    """The receipt without a tender holds its day: exit code 1, with the exception of its till, not of others."""
    answer = cli("trace", "R2", "--home", home.root, "--json")
    assert answer.code == 1
    assert [row["subject"] for row in answer.json["exceptions"]] == ["S7 2026-10-21 1"]
    (held,) = answer.json["held"]
    assert held.startswith("The journal holds store S7 on 2026-10-21")
    assert "Open exception" in cli("trace", "R2", "--home", home.root).out


@pytest.mark.parametrize(
    ("arguments", "sentence", "remedy"),
    [
        (("4711",), "no delivered file names an order or receipt '4711'", "retail-sync run hourly"),
        (("5001",), "no delivered file names an order or receipt '5001'", "like it are '#5001' of shopify"),
        (("#5001", "--channel", "amazon"), "amazon has no '#5001'; it is of shopify", '--channel "shopify"'),
    ],
)
def test_an_unknown_number_says_what_to_do(
    cli: Cli, home: Home, arguments: tuple[str, ...], sentence: str, remedy: str
) -> None:
    """Exit code 2, never an empty story."""
    answer = cli("trace", *arguments, "--home", home.root)
    assert answer.code == 2
    assert sentence in answer.err
    assert remedy in answer.err.split("→")[1]


def test_status_tells_the_days_to_the_deposit(cli: Cli, home: Home) -> None:
    """One order, three days."""
    figures = cli("status", "--home", home.root, "--json").json["key_figures"]
    assert figures["order to deposit, shopify"] == "3 days (median of 1)"
    assert not [name for name in figures if "S7" in name]


@pytest.mark.long
@pytest.mark.parametrize("names", [list(FILES), list(reversed(FILES))], ids=["forwards", "backwards"])
def test_file_by_file_or_rebuilt_the_traces_are_the_same(home: Home, tmp_path: Path, names: list[str]) -> None:
    """An hourly run after each file ends where one nightly run ended, and so does a warehouse read again from raw."""
    other = new_home(tmp_path / "home", SOURCES)
    for name in names:
        drop(other, {name: FILES[name]})
        hourly(other)
    assert digest(other) == digest(home)
    forget_warehouse(other)
    nightly(other)
    assert digest(other) == digest(home)
