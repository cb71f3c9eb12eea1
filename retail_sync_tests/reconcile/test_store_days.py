"""A store's day from raw receipts to the entry: worked examples D1, D2 and E1, and what holds a day.

Files are written as a till exports them and go through declared sources; the figures are those of the worked examples
(reference/ledgers.md section 6), the receipts are made up so that they sum to them.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.reports.store_state import read_stores
from retail_sync.settings import Home
from retail_sync_tests.conftest import run_line

SOURCES = """
[[source]]
name = "receipts"
connector = "declared_csv"
object = "pos_sales"
date_format = "%Y-%m-%d %H:%M"
time_zone = "America/New_York"
[source.columns]
store = "Store"
register = "Till"
receipt_id = "Receipt"
kind = {from = "Kind", values = {S = "sale", R = "return", G = "gift_card_sold", T = "tip"}}
sold_at = "Time"
sku = "SKU"
quantity = "Qty"
net_amount = "Net"
tax_amount = "Tax"
discount_amount = "Discount"
currency = "=USD"

[[source]]
name = "tenders"
connector = "declared_csv"
object = "pos_tenders"
date_format = "%Y-%m-%d %H:%M"
time_zone = "America/New_York"
[source.columns]
store = "Store"
register = "Till"
receipt_id = "Receipt"
tender = "Tender"
tendered_at = "Time"
amount = "Amount"
currency = "=USD"

[[source]]
name = "drawers"
connector = "declared_csv"
object = "pos_shifts"
date_format = "%Y-%m-%d %H:%M"
time_zone = "America/New_York"
[source.columns]
store = "Store"
register = "Till"
shift_id = "Shift"
opened_at = "Opened"
closed_at = "Closed"
opening_amount = "Float"
counted_amount = "Counted"
currency = "=USD"

[[source]]
name = "processor"
connector = "declared_csv"
object = "payments"
date_format = "%Y-%m-%d %H:%M"
time_zone = "America/New_York"
[source.columns]
channel = "=square"
payment_id = "Payment"
kind = "Kind"
order_id = "Receipt"
paid_at = "Time"
gross_amount = "Gross"
fee_amount = "Fee"
payout_id = "Payout"
payout_date = "Paid"
currency = "=USD"

[[source]]
name = "payouts"
connector = "declared_csv"
object = "payouts"
account = "processor"
date_format = "%Y-%m-%d"
[source.columns]
channel = "=square"
payout_id = "Payout"
payout_date = "Paid"
total_amount = "Net"
currency = "=USD"

[[source]]
name = "bank"
connector = "declared_csv"
object = "bank_transactions"
date_format = "%Y-%m-%d"
[source.columns]
value_date = "Date"
amount = "Amount"
currency = "=USD"
reference = "Text"
"""
RECEIPTS = "Store,Till,Receipt,Kind,Time,SKU,Qty,Net,Tax,Discount"
TENDERS = "Store,Till,Receipt,Tender,Time,Amount"
DRAWERS = "Store,Till,Shift,Opened,Closed,Float,Counted"
PAYMENTS = "Payment,Kind,Receipt,Time,Gross,Fee,Payout,Paid"
STATEMENT = "Date,Amount,Text"
# Sales 2,450 less 50 discount, 8 % tax, 120 tips, 200 of gift cards sold; paid 612 cash, 2,150 card, 150 gift card.
DAY = {
    "receipts": (
        RECEIPTS,
        "7,1,R1,S,2026-10-14 09:00,A,10,1200.00,96.00,0",
        "7,1,R2,S,2026-10-14 10:00,B,5,1200.00,96.00,50.00",
        "7,1,R2,T,2026-10-14 10:00,,1,120.00,0,0",
        "7,1,R2,G,2026-10-14 10:00,,1,200.00,0,0",
    ),
    "tenders": (
        TENDERS,
        "7,1,R1,cash,2026-10-14 09:00,612.00",
        "7,1,R1,card,2026-10-14 09:00,684.00",
        "7,1,R2,card,2026-10-14 10:00,1466.00",
        "7,1,R2,gift_card,2026-10-14 10:00,150.00",
    ),
    # 200.00 in the drawer at the start, 811.50 at the end: 0.50 short.
    "drawers": (DRAWERS, "7,1,S1,2026-10-14 08:00,2026-10-14 20:00,200.00,811.50"),
}
D1 = {
    "1010": 61150, "7900": 50, "1110": 215000, "2300": -5000, "4090": 5000, "4000": -245000, "2200": -19200, "2310": -12000,
}  # fmt: skip
PAID_OUT = {
    "processor": (
        PAYMENTS,
        "P1,charge,R1,2026-10-14 09:00,684.00,18.47,PO-770045,2026-10-16",
        "P2,charge,R2,2026-10-14 10:00,1466.00,39.58,PO-770045,2026-10-16",
    ),
    "payouts": ("Payout,Paid,Net", "PO-770045,2026-10-16,2091.95"),
    "bank": (STATEMENT, "2026-10-16,2091.95,SQUARE INC PO-770045"),
}


def home_with(make_home: Callable[..., Home], files: dict[str, Sequence[str]], name: str = "home") -> Pipeline:
    """A home whose files were delivered and run once."""
    pipeline = Pipeline(make_home(name, settings=SOURCES), "test")
    deliver(pipeline, files)
    run_line(pipeline)
    return pipeline


def deliver(pipeline: Pipeline, files: dict[str, Sequence[str]], mark: str = "1") -> None:
    """Take files in, one per source."""
    for source, lines in files.items():
        path = pipeline.home.root / f"{source}-{mark}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        pipeline.ingest([str(path)], source)


def booked(pipeline: Pipeline) -> dict[str, Counter[str]]:
    """Entry key → account → minor units, as the ledger holds them, versions and reversals together."""
    with pipeline.operations.connect() as connection:
        keys = dict(connection.exec_driver_sql("select ledger_key, entry_key from released_entries").fetchall())
    found: dict[str, Counter[str]] = {}
    for ledger_key, posted in pipeline.ledger.find(list(keys)).items():
        for line in posted.entry.lines:
            found.setdefault(keys[ledger_key], Counter())[line.account] += line.home_minor
    return {key: Counter({a: m for a, m in sums.items() if m}) for key, sums in found.items()}


def problems(pipeline: Pipeline) -> list[tuple[str, str]]:
    """Open exceptions as (code, subject)."""
    return sorted((row.code, row.subject) for row in pipeline.exceptions.open())


def test_a_store_day_is_worked_example_d1(make_home: Callable[..., Home]) -> None:
    """Cash as counted, the shortage apart; discounts, tax, tips and gift cards each in their place."""
    pipeline = home_with(make_home, DAY)
    assert booked(pipeline) == {"pos:store-day:7:2026-10-14:USD": Counter(D1)}
    assert problems(pipeline) == []


def test_every_leg_of_a_day_leads_to_the_lines_of_its_files(make_home: Callable[..., Home]) -> None:
    """The auditor's way back: the rows under each leg sum to it; under over/short stand both sides of the difference."""
    pipeline = home_with(make_home, DAY)
    with pipeline.warehouse.reading() as connection:
        rows = connection.execute(
            "select account, home_minor, cast(sum(amount) * 100 as bigint), string_agg(distinct split_part(delivery_id, '-', 1)) "
            "from journal.line_sources group by entry_key, entry_line_no, account, home_minor"
        ).fetchall()
    found = {(account, minor): (total, source) for account, minor, total, source in rows}
    assert found["4000", -245000] == (245000, "receipts")
    assert found["1110", 215000] == (215000, "tenders")
    assert found["2310", -12000] == (12000, "receipts")
    assert len(found) == 9


def test_a_card_deposit_is_worked_example_d2(make_home: Callable[..., Home]) -> None:
    """The processor's payout arrives net of 58.05: the clearing account comes back to zero, the fee is an expense."""
    pipeline = home_with(make_home, DAY | PAID_OUT)
    entries = booked(pipeline)
    assert entries.pop("pos:store-day:7:2026-10-14:USD") == Counter(D1)
    assert {account: minor for entry in entries.values() for account, minor in entry.items() if account != "1120"} == {
        "1000": 209195, "6200": 5805, "1110": -215000,
    }  # fmt: skip
    assert sum(entry["1120"] for entry in entries.values()) == 0
    assert problems(pipeline) == []


def test_a_card_refund_is_worked_example_e1(make_home: Callable[..., Home]) -> None:
    """80.00 and 8 % tax go back to the card."""
    pipeline = home_with(
        make_home,
        {
            "receipts": (RECEIPTS, "7,1,R9,R,2026-10-18 11:00,A,-1,-80.00,-6.40,0"),
            "tenders": (TENDERS, "7,1,R9,card,2026-10-18 11:00,-86.40"),
        },
    )
    assert booked(pipeline) == {"pos:store-day:7:2026-10-18:USD": Counter({"4100": 8000, "2200": 640, "1110": -8640})}


HELD = {
    "nothing says how it was paid": ({"tenders": (TENDERS,)}, "tenders_missing", "7 2026-10-14 1"),
    "a tender is missing": ({"tenders": DAY["tenders"][:-1]}, "tenders_differ", "7 2026-10-14 1"),
    "a receipt is missing": ({"receipts": (RECEIPTS, *DAY["receipts"][2:])}, "tenders_differ", "7 2026-10-14 1"),
    "the drawer was counted 6.00 short": (
        {"drawers": (DRAWERS, "7,1,S1,2026-10-14 08:00,2026-10-14 20:00,200.00,806.00")}, "drawer_over_short", "7 2026-10-14 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HELD)
def test_a_day_that_does_not_agree_says_so(make_home: Callable[..., Home], name: str) -> None:
    """A day whose money and receipts differ is not booked; a drawer that is short is booked, and told."""
    changed, code, subject = HELD[name]
    pipeline = home_with(make_home, DAY | changed)
    assert problems(pipeline) == [(code, subject)]
    assert bool(booked(pipeline)) == (code == "drawer_over_short")
    deliver(pipeline, DAY, "right")
    run_line(pipeline)
    if code != "drawer_over_short":
        assert booked(pipeline) == {"pos:store-day:7:2026-10-14:USD": Counter(D1)}
        assert problems(pipeline) == []


@pytest.mark.parametrize(("counted", "shown"), [("812.00", "matched"), ("811.50", "tolerated"), ("806.99", "variance")])
def test_the_plot_is_red_only_where_somebody_has_to_look(
    make_home: Callable[..., Home], counted: str, shown: str
) -> None:
    """The drawer held 200.00 and took 612.00; 0.50 less is tolerated (up to 5.00), 5.01 less is told."""
    drawer = f"7,1,S1,2026-10-14 08:00,2026-10-14 20:00,200.00,{counted}"
    day = {**DAY, "drawers": (DRAWERS, drawer)}
    pipeline = home_with(make_home, day)
    with pipeline.warehouse.reading() as connection:
        assert [bar[2] for bar in read_stores(connection).plot] == [shown]


def test_a_card_payment_that_the_processor_lacks_is_told_of_the_whole_store(make_home: Callable[..., Home]) -> None:
    """Its reports reach three days further and name one of two receipts: 1,466.00 less. No till is named."""
    processor = (
        PAYMENTS,
        "P1,charge,R1,2026-10-14 09:00,684.00,18.47,,",
        "P9,charge,R99,2026-10-17 09:00,5.00,0.14,,",
    )
    pipeline = home_with(make_home, DAY | {"processor": processor})
    (found,) = pipeline.exceptions.open()
    assert (found.code, found.subject, found.amount_minor) == ("card_payments_differ", "7 2026-10-14", -146600)


def test_a_day_whose_receipts_move_to_another_is_taken_back(make_home: Callable[..., Home]) -> None:
    """The till's clock was a day ahead; the corrected export dates its one receipt the day before."""
    wrong = {
        "receipts": (RECEIPTS, "7,1,R1,S,2026-10-15 09:00,A,1,10.00,0.80,0"),
        "tenders": (TENDERS, "7,1,R1,card,2026-10-15 09:00,10.80"),
    }
    pipeline = home_with(make_home, wrong)
    assert [*booked(pipeline)] == ["pos:store-day:7:2026-10-15:USD"]
    deliver(pipeline, {name: (rows[0], rows[1].replace("10-15", "10-14")) for name, rows in wrong.items()}, "right")
    run_line(pipeline)
    books = {key: legs for key, legs in booked(pipeline).items() if any(legs.values())}
    assert books == {"pos:store-day:7:2026-10-14:USD": Counter({"4000": -1000, "2200": -80, "1110": 1080})}
    assert problems(pipeline) == [("receipts_moved", "receipts"), ("receipts_moved", "tenders")]


def test_a_store_that_was_offline_corrects_its_day(make_home: Callable[..., Home]) -> None:
    """Receipts of a posted day arrive three days later: the entry is reversed and posted again with them."""
    pipeline = home_with(make_home, {name: DAY[name] for name in ("receipts", "tenders")})
    first = booked(pipeline)["pos:store-day:7:2026-10-14:USD"]
    deliver(
        pipeline,
        {
            "receipts": (RECEIPTS, "7,1,R3,S,2026-10-14 23:30,C,1,10.00,0.80,0"),
            "tenders": (TENDERS, "7,1,R3,cash,2026-10-14 23:30,10.80"),
        },
        "late",
    )
    run_line(pipeline)
    second = booked(pipeline)["pos:store-day:7:2026-10-14:USD"]
    second.subtract(first)
    assert {account: minor for account, minor in second.items() if minor} == {"1010": 1080, "4000": -1000, "2200": -80}


@pytest.mark.long
def test_the_order_of_arrival_does_not_matter(make_home: Callable[..., Home]) -> None:
    """Receipts, tenders, drawers, payments and the bank arrive in any order, one run each: the books end the same."""
    files = DAY | PAID_OUT
    wanted = booked(home_with(make_home, files, "at once"))
    for number, order in enumerate(list(itertools.permutations(files))[:: len(files) * 7]):
        pipeline = Pipeline(make_home(f"order {number}", settings=SOURCES), "test")
        for source in order:
            deliver(pipeline, {source: files[source]})
            run_line(pipeline)
        assert booked(pipeline) == wanted
        assert problems(pipeline) == []
