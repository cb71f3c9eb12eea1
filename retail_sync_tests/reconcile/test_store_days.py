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
from retail_sync.reports.books import read_verification
from retail_sync.reports.store_state import read_stores
from retail_sync.settings import Home
from retail_sync_tests.conftest import run_line
from retail_sync_tests.journal.tracing import assert_legs_trace_to_their_lines

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
D2 = {"1000": 209195, "6200": 5805, "1110": -215000}
E1 = {"4100": 8000, "2200": 640, "1110": -8640}
PAID_OUT = {
    "processor": (
        PAYMENTS,
        "P1,charge,R1,2026-10-14 09:00,684.00,18.47,PO-770045,2026-10-16",
        "P2,charge,R2,2026-10-14 10:00,1466.00,39.58,PO-770045,2026-10-16",
    ),
    "payouts": ("Payout,Paid,Net", "PO-770045,2026-10-16,2091.95"),
    "bank": (STATEMENT, "2026-10-16,2091.95,SQUARE INC PO-770045"),
}


def home_with(
    make_home: Callable[..., Home], files: dict[str, Sequence[str]], name: str = "home", settings: str = SOURCES
) -> Pipeline:
    """A home whose files were delivered and run once."""
    pipeline = Pipeline(make_home(name, settings=settings), "test")
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


def test_a_card_deposit_is_worked_example_d2(make_home: Callable[..., Home]) -> None:
    """2.7 % of each card payment stays with the processor.

    The example books payout and deposit at once; ours are two entries of one day, between which the payout is in transit, and
    together they are the example.
    """
    pipeline = home_with(make_home, PAID_OUT)
    payout, deposit = (
        f"square:{kind}:square/processor/USD/PO-770045{end}"
        for kind, end in (("settlement", ":2026-10"), ("deposit", ""))
    )
    found = booked(pipeline)
    assert found == {
        payout: Counter({"1110": -215000, "6200": 5805, "1120": 209195}),
        deposit: Counter({"1000": 209195, "1120": -209195}),
    }
    sums = Counter({account: found[payout][account] + found[deposit][account] for account in (*D2, "1120")})
    assert {account: minor for account, minor in sums.items() if minor} == D2
    days = {str(posted.entry.posting_date) for posted in pipeline.embedded_ledger.entries()}
    assert days == {"2026-10-16"}


SHIFT = "7,1,S1,2026-10-14 08:00,2026-10-14 20:00,200.00"
# A second till of the same day: 40.00 in cash, of which 41.00 were found.
SECOND_TILL = {
    "receipts": (*DAY["receipts"], "7,2,R5,S,2026-10-14 12:00,A,1,37.04,2.96,0"),
    "tenders": (*DAY["tenders"], "7,2,R5,cash,2026-10-14 12:00,40.00"),
    "drawers": (*DAY["drawers"], "7,2,S2,2026-10-14 08:00,2026-10-14 20:00,100.00,141.00"),
}
# Account → the sum of each of its sources, in cents: 1010 as counted, 7900 rung up less counted.
CASH_LEGS = {
    "short": (DAY, {"1010": {"drawers": 61150}, "7900": {"tenders": 61200, "drawers": -61150}}),
    "exact": (DAY | {"drawers": (DRAWERS, f"{SHIFT},812.00")}, {"1010": {"drawers": 61200}}),
    "over": (
        DAY | {"drawers": (DRAWERS, f"{SHIFT},819.00")},
        {"1010": {"drawers": 61900}, "7900": {"tenders": 61200, "drawers": -61900}},
    ),
    "empty": (DAY | {"drawers": (DRAWERS, f"{SHIFT},200.00")}, {"7900": {"tenders": 61200, "drawers": 0}}),
    "two tills": (SECOND_TILL, {"1010": {"drawers": 65250}, "7900": {"tenders": 65200, "drawers": -65250}}),
    "no drawers": ({name: DAY[name] for name in ("receipts", "tenders")}, {"1010": {"tenders": 61200}}),
}


@pytest.mark.parametrize("name", CASH_LEGS)
def test_every_leg_of_a_day_leads_to_the_lines_of_its_files(make_home: Callable[..., Home], name: str) -> None:
    """The auditor's way back: the rows under each leg sum to it. Cash stands as counted; over/short shows both its sides."""
    files, cash = CASH_LEGS[name]
    pipeline = home_with(make_home, files)
    with pipeline.warehouse.reading() as connection:
        assert_legs_trace_to_their_lines(connection)
        rows = connection.execute(
            "select account, file_name, cast(sum(amount) * 100 as bigint) from journal.line_sources group by all"
        ).fetchall()
    found: dict[str, dict[str, int]] = {}
    for account, file, cents in rows:
        found.setdefault(account, {})[file.removesuffix("-1.csv")] = cents
    assert {account: found[account] for account in ("1010", "7900") if account in found} == cash
    assert {account: sum(found[account].values()) for account in ("1110", "2310", "2300", "4090")} == {
        account: D1[account] for account in ("1110", "2310", "2300", "4090")
    }


def test_legs_of_a_return_and_of_a_payout_lead_to_their_lines(make_home: Callable[..., Home]) -> None:
    """80.00 and 8 % tax given back to a card; a payout of the processor: money and fee of each payment."""
    back = {
        "receipts": (*DAY["receipts"], "7,1,R9,R,2026-10-14 11:00,A,-1,-80.00,-6.40,0"),
        "tenders": (*DAY["tenders"], "7,1,R9,card,2026-10-14 11:00,-86.40"),
    }
    pipeline = home_with(make_home, DAY | back | PAID_OUT)
    with pipeline.warehouse.reading() as connection:
        assert_legs_trace_to_their_lines(connection)
        query = (
            "select account, cast(amount * 100 as bigint) from journal.line_sources where order_id = 'R9' order by all"
        )
        assert connection.execute(query).fetchall() == [("1110", -8640), ("2200", 640), ("4100", 8000)]


@pytest.mark.long
def test_verify_says_which_accounts_it_explains(make_home: Callable[..., Home]) -> None:
    """Cash, cards and gift cards from the store's day; the payout's account once there is one."""
    of_the_day = read_verification(home_with(make_home, DAY, "day"))
    assert of_the_day.findings == []
    assert of_the_day.explained == ["1010 Cash drawer", "1110 Card clearing", "2300 Gift card liability"]
    paid_out = read_verification(home_with(make_home, DAY | PAID_OUT, "paid out"))
    assert paid_out.sentences[1:] == [
        "Explained item by item, to the last cent: 1010 Cash drawer, 1110 Card clearing, 1120 Payouts in transit, "
        "2300 Gift card liability.",
    ]
    assert [(item.account, item.minor) for item in paid_out.items] == [
        ("1010", 61150),
        ("2300", 15000),
        ("2300", -20000),
    ]


def test_a_card_refund_is_worked_example_e1(make_home: Callable[..., Home]) -> None:
    """80.00 and 8 % tax go back to the card."""
    pipeline = home_with(
        make_home,
        {
            "receipts": (RECEIPTS, "7,1,R9,R,2026-10-18 11:00,A,-1,-80.00,-6.40,0"),
            "tenders": (TENDERS, "7,1,R9,card,2026-10-18 11:00,-86.40"),
        },
    )
    assert booked(pipeline) == {"pos:store-day:7:2026-10-18:USD": Counter(E1)}


def test_a_missing_tender_that_the_processor_reports_is_told_once(make_home: Callable[..., Home]) -> None:
    """1,466.00 of receipt R2 were taken by card and its tenders were not exported: the day is held for it, and for nothing else."""
    files = DAY | PAID_OUT | {"tenders": DAY["tenders"][:3]}
    del files["drawers"]
    pipeline = home_with(make_home, files)
    (found,) = pipeline.exceptions.open()
    assert (found.code, found.subject, found.amount_minor) == ("tenders_differ", "7 2026-10-14 1", -161600)
    assert (
        "receipt R2 has no tender for 1,616.00 USD; the processor reports a card payment of 1,466.00 USD"
        in found.message
    )
    with pipeline.warehouse.reading() as connection:
        row = connection.execute(
            "select left_amount, right_amount, explained_amount, status from reconcile.store_days "
            "where comparison = 'card_payments'"
        ).fetchone()
    assert row == (684, 2150, 1466, "explained_by_tenders")


HELD = {
    "nothing says how it was paid": ({"tenders": (TENDERS,)}, "tenders_missing", "7 2026-10-14 1"),
    "a tender is missing": ({"tenders": DAY["tenders"][:-1]}, "tenders_differ", "7 2026-10-14 1"),
    "a receipt is missing": ({"receipts": (RECEIPTS, *DAY["receipts"][2:])}, "tenders_differ", "7 2026-10-14 1"),
    "the drawer was counted 6.00 short": (
        {"drawers": (DRAWERS, "7,1,S1,2026-10-14 08:00,2026-10-14 20:00,200.00,806.00")}, "drawer_over_short", "7 2026-10-14 1",
    ),
}  # fmt: skip


@pytest.mark.long
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


def test_a_processors_problems_are_told_in_its_words(make_home: Callable[..., Home]) -> None:
    """The payout is late, 46.18 came without one, and one is listed that no payment names: ask Square, not a marketplace."""
    bank = (STATEMENT, "2026-11-19,46.18,SQUARE INC", "2026-11-20,-80.00,RENT")
    listed = (*PAID_OUT["payouts"], "PO-770046,2026-10-20,12.00")
    pipeline = home_with(make_home, DAY | PAID_OUT | {"payouts": listed, "bank": bank})
    told = {row.code: (row.message, row.remedy) for row in pipeline.exceptions.open()}
    assert set(told) == {"deposit_overdue", "deposit_unexplained", "payout_transactions_missing"}
    message, remedy = told["deposit_overdue"]
    assert message.startswith(
        "Payout square/processor/USD/PO-770045 of 2,091.95 USD, due 2026-10-16, is not in the bank"
    )
    assert remedy.startswith("ask Square for the transfer")
    message, remedy = told["deposit_unexplained"]
    assert "46.18 USD from Square" in message
    assert message.endswith("and no payout explains it.")
    assert remedy == "deliver Square's payments and Square's list of payouts of that period"
    assert told["payout_transactions_missing"][1].startswith("deliver Square's payments of that payout")


def test_a_payment_in_another_currency_holds_no_day(make_home: Callable[..., Home]) -> None:
    """It is told, as is what lacks in the till's own currency; the tills still work in one."""
    content = "\n".join(
        (
            f"{PAYMENTS},Currency",
            "P1,charge,R1,2026-10-14 09:00,930.00,0,,,CAD",
            "P9,charge,X,2026-10-17 09:00,5.00,0,,,CAD",
        )
    )
    settings = SOURCES.replace('payout_date = "Paid"\ncurrency = "=USD"', 'payout_date = "Paid"\ncurrency = "Currency"')
    pipeline = home_with(make_home, DAY | {"processor": (content,)}, "abroad", settings)
    assert problems(pipeline) == [
        ("card_payments_differ", "7 2026-10-14 CAD"),
        ("card_payments_missing", "7 2026-10-14 USD"),
    ]
    assert booked(pipeline) == {"pos:store-day:7:2026-10-14:USD": Counter(D1)}


@pytest.mark.long
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


@pytest.mark.slow
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
