"""Deferred transactions: worked examples C1 and C2 from a snapshot of the report to the ledger, and which snapshot counts.

The report is written as one row per transaction and amount and goes through a declared source. A debit is positive, in minor
units.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_sync.journal.deferral import Deferral, deferral_entries, not_taken_back
from retail_sync.journal.rules import PostingRules
from retail_sync.journal.settlement_parts import Component
from retail_sync.pipeline import Pipeline
from retail_sync.reports.books import read_verification
from retail_sync.schemas.journal import Entry, EntryLine
from retail_sync.settings import Home
from retail_sync_tests.conftest import home_maker, run_line
from retail_sync_tests.e2e.line import copied, forget_warehouse
from retail_sync_tests.journal.tracing import assert_legs_trace_to_their_lines
from retail_sync_tests.reconcile.facts import RULES
from retail_sync_tests.reconcile.test_store_days import booked, deliver, problems


def _source(name: str, columns: str, date_format: str = "%Y-%m-%d") -> str:
    """A declared source that reads each column from one of its name."""
    read = "\n".join(f'{column} = "{column}"' for column in columns.split())
    return (
        f'[[source]]\nname = "{name}"\nconnector = "declared_csv"\nobject = "{name}"\naccount = "A1"\n'
        f'date_format = "{date_format}"\n[source.columns]\n{read}\n'
    )


_WORDS = {
    "Product charges": "product_sales", "Amazon fees": "referral_fee", "Tax": "tax_collected", "Tax withheld": "tax_withheld",
    "Reserve": "reserve_held", "Mystery": "mystery",
}  # fmt: skip
DEFERRED = """
[[source]]
name = "deferred"
connector = "declared_csv"
object = "deferred_transactions"
account = "A1"
date_format = "%Y-%m-%d"
[source.columns]
channel = "=amazon"
snapshot_date = "Taken"
transaction_id = "Transaction"
transaction_date = "Date"
order_id = "Order"
category = {from = "Amount type", values = {WORDS}}
amount = "Amount"
currency = "Currency"
""".replace("WORDS", ", ".join(f'"{word}" = "{ours}"' for word, ours in _WORDS.items()))
GOODS = "\n".join(
    (
        _source("order_lines", "channel order_id sku quantity currency unit_price"),
        _source("products", "sku unit_cost currency"),
        _source("stock_snapshots", "snapshot_date location_id sku quantity_on_hand unit_cost currency"),
        _source("stock_movements", "movement_id moved_at location_id sku kind quantity currency reference"),
    )
)
HEADER = "Taken,Transaction,Date,Order,Amount type,Amount,Currency"
# 1,800.00 of sales, 270.00 of fees, in two orders; the second order's goods were delivered on the last day of October.
ROWS = (
    "2026-11-01,T1,2026-10-28,114-1,Product charges,1000.00,USD",
    "2026-11-01,T1,2026-10-28,114-1,Amazon fees,-150.00,USD",
    "2026-11-01,T2,2026-10-31,114-2,Product charges,800.00,USD",
    "2026-11-01,T2,2026-10-31,114-2,Amazon fees,-120.00,USD",
)
# 20 x 50.00 and 8 x 100.00, which cost 20.00 and 37.50: 700.00 together.
ORDERS = (
    "channel,order_id,sku,quantity,currency,unit_price",
    "amazon,114-1,A-1,20,USD,50.00",
    "amazon,114-2,B-1,8,USD,100.00",
)
COSTS = ("sku,unit_cost,currency", "A-1,20.00,USD", "B-1,37.50,USD")
MOVED = "movement_id,moved_at,location_id,sku,kind,quantity,currency,reference"
MOVEMENTS = (MOVED, "M1,2026-10-02,L1,A-1,receipt,100,USD,", "M2,2026-10-02,L1,B-1,receipt,100,USD,")
WITH_GOODS = {"order_lines": ORDERS, "products": COSTS, "stock_movements": MOVEMENTS}
OURS = '[ledger]\nstock = "journal"'
WAREHOUSES = {"duckdb": "", "ducklake": '[warehouse]\nurl = "ducklake:catalog.ducklake"'}

C1 = ("2026-10-31", {"1150": 153000, "6000": 27000, "4000": -180000, "5000": 70000, "1200": -70000})
C2 = ("2026-11-01", {"1150": -153000, "6000": -27000, "4000": 180000, "5000": -70000, "1200": 70000})
KEY = "amazon:deferral:A1:2026-10:USD"
COST_KEY = "stock:deferral:amazon:A1:2026-10:USD"
SALES = {"1150": 153000, "6000": 27000, "4000": -180000}
COST = {"5000": 70000, "1200": -70000}


def test_the_restated_examples_are_those_of_the_reference(samples: Path) -> None:
    """A slip in restating would prove nothing."""
    shared = json.loads((samples / "ledgers" / "worked_examples.json").read_text(encoding="utf-8"))
    by_id = {e["id"]: (e["date"], {line["account"][:4]: line["minor"] for line in e["lines"]}) for e in shared}
    assert (by_id["C1"], by_id["C2"]) == (C1, C2)


def negated(legs: dict[str, int]) -> dict[str, int]:
    """The other way round."""
    return {account: -minor for account, minor in legs.items()}


def pair(key: str, legs: dict[str, int]) -> dict[str, Counter[str]]:
    """An accrual and its reversal, as `booked` gives them."""
    return {key: Counter(legs), f"{key}:reversal": Counter(negated(legs))}


def home_with(
    make_home: Callable[..., Home], files: dict[str, Sequence[str]], extra: str = "", name: str = "home"
) -> Pipeline:
    """A home whose files were delivered and run once."""
    pipeline = Pipeline(make_home(name, settings=DEFERRED + GOODS, extra=extra), "test")
    deliver(pipeline, files)
    run_line(pipeline)
    return pipeline


def days(pipeline: Pipeline) -> dict[str, str]:
    """Ledger key → posting date."""
    return {posted.entry.key: str(posted.entry.posting_date) for posted in pipeline.embedded_ledger.entries()}


@pytest.fixture(scope="module")
def erps(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Both orders deferred, after one run; the ERP books what goods cost. Look, do not touch."""
    return home_with(home_maker(tmp_path_factory.mktemp("erps")), {"deferred": (HEADER, *ROWS)} | WITH_GOODS)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The same where we book it. Look, do not touch."""
    return home_with(home_maker(tmp_path_factory.mktemp("ours")), {"deferred": (HEADER, *ROWS)} | WITH_GOODS, OURS)


def copy_of(pipeline: Pipeline, root: Path) -> Pipeline:
    """A copy of a home to go on with."""
    return Pipeline(copied(pipeline.home, root), "test")


def test_worked_examples_c1_and_c2(ours: Pipeline) -> None:
    """Sales, fees and cost of the month end on 31 October, all of it taken back on 1 November.

    The cost stands in an entry of its own, as all of stock does, or the month-end true-up would take it for somebody else's.
    The two entries of a day together are the example.
    """
    assert problems(ours) == []
    assert booked(ours) == pair(KEY, SALES) | pair(COST_KEY, COST)
    found: dict[str, Counter[str]] = {}
    for posted in ours.embedded_ledger.entries():
        for line in posted.entry.lines:
            found.setdefault(str(posted.entry.posting_date), Counter())[line.account] += line.home_minor
    assert found == {on: Counter(legs) for on, legs in (C1, C2)}


def test_nothing_is_said_of_cost_where_the_erp_books_it(erps: Pipeline) -> None:
    """It did so at shipment, and twice is wrong. Every leg of the rest leads to the lines of the snapshot."""
    assert booked(erps) == pair(KEY, SALES)
    with erps.warehouse.reading() as connection:
        assert_legs_trace_to_their_lines(connection)


def test_the_receivable_is_explained_by_account_and_month(erps: Pipeline) -> None:
    """1150 is a clearing account: what opens on the last day closes on the first."""
    with erps.warehouse.reading() as connection:
        items = connection.execute(
            "select kind, item, cast(opened_on as varchar), cast(last_on as varchar), debit, credit, status "
            "from reconcile.clearing_items where account = '1150'"
        ).fetchall()
    assert items == [
        ("deferral", "amazon A1 2026-10 USD", "2026-10-31", "2026-11-01", Decimal(1530), Decimal(1530), "closed")
    ]
    verification = read_verification(erps)
    assert verification.findings == []
    assert verification.explained == ["1150 Deferred marketplace receivable"]


# Five pieces of 20.00 of an article of its own in each order; what they cost in cents is a digit of its own in any sum of them.
COST_OF = {
    "nothing is missing": 10,
    "the ERP posted the sale by its order": 100,
    "a sale without a reference may be it": 1_000,
    "the ERP posts the sale by its order later": 10_000,
    "a sale without a reference comes later": 100_000,
    "no order lines": 1_000_000,
    "an article without a cost": 10_000_000,
    "a cost in another currency": 100_000_000,
    "a part of the order": 1_000_000_000,
}


@pytest.mark.long
@pytest.mark.parametrize("warehouse", WAREHOUSES.values(), ids=WAREHOUSES)
def test_cost_that_may_be_booked_already_or_is_not_known_is_left_out(
    make_home: Callable[..., Home], warehouse: str
) -> None:
    """Of that order alone, whichever of movement and snapshot comes first; nothing is guessed."""
    number = {reason: str(number) for number, reason in enumerate(COST_OF, start=1)}
    files = {
        "deferred": [HEADER, *(f"2026-11-01,T{n},2026-10-28,{n},Product charges,100.00,USD" for n in number.values())],
        "order_lines": [ORDERS[0], *(f"amazon,{n},A{n},5,USD,20.00" for n in number.values())],
        "products": [
            COSTS[0],
            *(f"A{number[reason]},{Decimal(cents).scaleb(-2) / 5},USD" for reason, cents in COST_OF.items()),
        ],
        "stock_movements": [MOVED, *(f"M{n},2026-10-02,L1,A{n},receipt,100,USD," for n in number.values())],
    }

    def sold(by_order: str, without: str) -> list[str]:
        return [
            f"S{number[by_order]},2026-10-30,L1,A{number[by_order]},sale,-5,USD,{number[by_order]}",
            f"S{number[without]},2026-10-30,L1,A{number[without]},sale,-3,USD,",
        ]

    files["stock_movements"] += sold("the ERP posted the sale by its order", "a sale without a reference may be it")
    files["order_lines"].remove(f"amazon,{number['no order lines']},A{number['no order lines']},5,USD,20.00")
    files["order_lines"].append(f"amazon,{number['a part of the order']},A1,1,USD,20.00")
    files["products"] = [
        line.replace("USD", "EUR") if line.startswith(f"A{number['a cost in another currency']},") else line
        for line in files["products"]
        if not line.startswith(f"A{number['an article without a cost']},")
    ]
    later = "the ERP posts the sale by its order later", "a sale without a reference comes later"

    pipeline = home_with(make_home, files, f"{OURS}\n{warehouse}")
    accrued = booked(pipeline)[KEY]
    assert accrued["4000"] == -90000
    assert booked(pipeline)[COST_KEY]["5000"] == 10 + sum(COST_OF[reason] for reason in later)
    deliver(pipeline, {"stock_movements": (MOVED, *sold(*later))}, "later")
    run_line(pipeline)
    found = booked(pipeline)
    assert found[COST_KEY] == Counter({"5000": 10, "1200": -10})
    assert found[f"{COST_KEY}:reversal"] == Counter({"5000": -10, "1200": 10})
    assert found[KEY] == accrued
    # Beside how many of these articles there are, which nobody counted.
    assert {code for code, _ in problems(pipeline)} == {"stock_undetermined"}


@pytest.mark.long
def test_goods_may_be_known_later_and_a_run_without_news_books_nothing(make_home: Callable[..., Home]) -> None:
    """Orders and products come a day after the snapshot; the accrual itself stays as it was posted."""
    pipeline = home_with(make_home, {"deferred": (HEADER, *ROWS)}, OURS)
    assert booked(pipeline) == pair(KEY, SALES)
    deliver(pipeline, WITH_GOODS)
    for _ in range(2):
        run_line(pipeline)
        assert booked(pipeline) == pair(KEY, SALES) | pair(COST_KEY, COST)
        assert len(days(pipeline)) == 4
    assert pipeline.journal().touched == 0


@pytest.mark.long
def test_the_month_end_true_up_leaves_the_accrual_alone(make_home: Callable[..., Home]) -> None:
    """Ledger and ERP hold 5,750.00 in October: nothing to set right, also after 700.00 of it were accrued as sold.

    In September the ledger holds 50.00 too little, which is trued up; so the comparison does run. Snapshots state the costs.
    """
    pipeline = Pipeline(make_home(settings=DEFERRED + GOODS, extra=OURS), "test")
    legs = EntryLine("1200", 570000, "USD", 570000, "USD"), EntryLine("1000", -570000, "USD", -570000, "USD")
    pipeline.ledger.post(Entry("opening#1", date(2026, 9, 1), "Opening", legs), "opening")
    snapshots = [
        f"{on},L1,{sku},100,{cost},USD"
        for on in ("2026-09-30", "2026-10-31")
        for sku, cost in (("A-1", "20.00"), ("B-1", "37.50"))
    ]
    header = "snapshot_date,location_id,sku,quantity_on_hand,unit_cost,currency"
    files = {"deferred": (HEADER, *ROWS), "order_lines": ORDERS, "stock_snapshots": (header, *snapshots)}
    deliver(pipeline, files)
    true_up = {"stock:valuation:2026-09:USD": Counter({"1200": 5000, "5000": -5000})}
    for _ in range(2):
        run_line(pipeline)
        assert booked(pipeline) == pair(KEY, SALES) | pair(COST_KEY, COST) | true_up
        assert [code for code, _ in problems(pipeline) if code != "stock_ledger_differs"] == []
    deliver(pipeline, {"stock_snapshots": (header, *snapshots, "2026-11-30,L1,A-1,1,20.00,USD")}, "later")
    run_line(pipeline)
    found = booked(pipeline)
    assert {key: found[key] for key in found if "2026-11" not in key} == pair(KEY, SALES) | pair(
        COST_KEY, COST
    ) | true_up


@pytest.mark.long
def test_a_changed_product_cost_waits(ours: Pipeline, tmp_path: Path) -> None:
    """It has no day, so it is a rule: what was released stays."""
    pipeline = copy_of(ours, tmp_path / "home")
    deliver(pipeline, {"products": (*COSTS[:2], "B-1,40.00,USD")}, "dearer")
    run_line(pipeline)
    assert booked(pipeline) == pair(KEY, SALES) | pair(COST_KEY, COST)
    assert problems(pipeline) == [("rule_change_waits", "products")]


CORRECTED = (ROWS[0].replace("1000.00", "900.00"), *ROWS[1:])


@pytest.mark.long
def test_a_corrected_snapshot_reverses_and_books_anew(erps: Pipeline, tmp_path: Path) -> None:
    """Both entries: 100.00 less were sold. Again, and from an empty warehouse: nothing more."""
    pipeline = copy_of(erps, tmp_path / "home")
    deliver(pipeline, {"deferred": (HEADER, *CORRECTED)}, "corrected")
    wanted = pair(KEY, {"1150": 143000, "6000": 27000, "4000": -170000})
    keys = sorted(f"{key}#{version}" for key in wanted for version in ("1", "1R", "2"))
    for _ in range(2):
        run_line(pipeline)
        assert booked(pipeline) == wanted
        assert sorted(days(pipeline)) == keys
    forget_warehouse(pipeline.home)
    again = Pipeline(Home(pipeline.home.root), "test")
    run_line(again)
    assert (booked(again), sorted(days(again))) == (wanted, keys)


LATER = tuple(row.replace("2026-11-01", "2026-11-15").replace("1000.00", "7.00") for row in ROWS)


@pytest.mark.parametrize("order", list(itertools.permutations(("later", "first"))), ids="-".join)
def test_only_the_first_snapshot_of_a_month_counts(make_home: Callable[..., Home], order: tuple[str, ...]) -> None:
    """The report is live: one of 15 November says what is deferred then. Whichever is delivered first, the books end the same."""
    files = {"first": (HEADER, *ROWS), "later": (HEADER, *LATER)}
    pipeline = home_with(make_home, {"deferred": files[order[0]]})
    deliver(pipeline, {"deferred": files[order[1]]}, "second")
    run_line(pipeline)
    assert booked(pipeline) == pair(KEY, SALES)
    assert problems(pipeline) == []


def test_a_month_without_a_snapshot_of_its_first_day_is_booked_and_told(make_home: Callable[..., Home]) -> None:
    """What was released since is not in it: a person compares. The exception goes when the right snapshot comes."""
    pipeline = home_with(make_home, {"deferred": (HEADER, *(row.replace("11-01", "11-03") for row in ROWS))})
    assert booked(pipeline) == pair(KEY, SALES)
    ((code, subject),) = problems(pipeline)
    assert (code, subject) == ("deferral_snapshot_late", "deferral:amazon|A1|2026-10|USD")
    deliver(pipeline, {"deferred": (HEADER, *CORRECTED)}, "right")
    run_line(pipeline)
    assert booked(pipeline) == pair(KEY, {"1150": 143000, "6000": 27000, "4000": -170000})
    assert problems(pipeline) == []


def test_what_happened_after_the_month_end_is_not_accrued_in_it(make_home: Callable[..., Home]) -> None:
    """The snapshot of 1 November was taken at noon: what was sold that morning belongs to November."""
    morning = "2026-11-01,T3,2026-11-01,114-3,Product charges,55.00,USD"
    pipeline = home_with(make_home, {"deferred": (HEADER, *ROWS, morning)})
    assert booked(pipeline) == pair(KEY, SALES)


def test_tax_that_the_marketplace_pays_nets_and_the_rest_is_owed(make_home: Callable[..., Home]) -> None:
    """As its settlement will book it: 72.00 collected and withheld, 5.00 collected by us alone."""
    tax = (
        "2026-11-01,T1,2026-10-28,114-1,Tax,77.00,USD",
        "2026-11-01,T1,2026-10-28,114-1,Tax withheld,-72.00,USD",
    )
    pipeline = home_with(make_home, {"deferred": (HEADER, *ROWS, *tax)})
    assert booked(pipeline) == pair(KEY, SALES | {"1150": 153500, "2200": -500})
    with pipeline.warehouse.reading() as connection:
        assert_legs_trace_to_their_lines(connection)


def shifted(rows: Sequence[str], month: int) -> list[str]:
    """The same transactions of another month of 31 days, in the snapshot of the day after it."""
    return [
        row.replace("2026-11-01", f"2026-{month + 1:02}-01").replace("2026-10-", f"2026-{month:02}-") for row in rows
    ]


# By month: July, August and October.
HELD = {
    7: ("T9,2026-10-28,114-9,Product charges,1x.00,USD", "deferral_incomplete"),  # the row is rejected
    8: ("T9,2026-10-28,114-9,Reserve,-5.00,USD", "deferral_category"),  # the word means no part of a sale
    10: ("T9,2026-10-28,114-9,Mystery,5.00,USD", "account_unknown"),  # no rule knows the category
}


def test_a_month_end_that_cannot_be_booked_is_held(make_home: Callable[..., Home]) -> None:
    """An accrual that lacks a part is a wrong month end. Each of three is held for a reason of its own; a fourth is whole."""
    rows = [row for month in HELD for row in shifted((*ROWS, f"2026-11-01,{HELD[month][0]}"), month)]
    pipeline = home_with(make_home, {"deferred": (HEADER, *rows, *shifted(ROWS, 5))})
    assert booked(pipeline) == pair(KEY.replace("2026-10", "2026-05"), SALES)
    subjects = {code: f"deferral:amazon|A1|2026-{month:02}|USD" for month, (_, code) in HELD.items()}
    assert [row for row in problems(pipeline) if row[1].startswith("deferral:")] == sorted(subjects.items())


def test_each_currency_is_booked_by_itself(make_home: Callable[..., Home]) -> None:
    """An account that sells in two countries: in books of dollars the other one waits for a rate, and holds nobody up."""
    euro = "2026-11-01,T8,2026-10-30,305-1,Product charges,90.00,EUR"
    pipeline = home_with(make_home, {"deferred": (HEADER, *ROWS, euro)}, 'home_currency = "USD"')
    assert booked(pipeline) == pair(KEY, SALES)
    assert problems(pipeline) == [("no_exchange_rate", "deferral:amazon|A1|2026-10|EUR")]


_COMPONENTS = st.dictionaries(
    st.sampled_from(
        ("product_sales", "product_refunds", "referral_fee", "shipping_income", "promotions", "tax_collected", "tax_withheld",
         "tax_refunded", "fulfilment_fee")
    ),
    st.integers(-(10**12), 10**12),
)  # fmt: skip


@settings(deadline=None, database=None, derandomize=True)
@given(
    drawn=_COMPONENTS, cost=st.integers(0, 10**12), month_end=st.sampled_from((date(2026, 12, 31), date(2028, 2, 29)))
)
def test_accrual_and_reversal_cancel_exactly(drawn: dict[str, int], cost: int, month_end: date) -> None:
    """Whatever was deferred: each entry balances, the second is the first turned round, on the next day."""
    components = [Component(month_end, None, name, "", Decimal(minor).scaleb(-2)) for name, minor in drawn.items()]
    deferral = Deferral("amazon", "A1", month_end, "USD", components, cost)
    made = deferral_entries(deferral, PostingRules.read(RULES))
    assert [entry.entry.imbalance() for entry in made if entry.entry.imbalance()] == []
    assert not_taken_back(made) == ""
    for accrual, reversal in zip(made[::2], made[1::2], strict=True):
        assert [leg.line.negated() for leg in accrual.legs] == [leg.line for leg in reversal.legs]
        assert (reversal.posting_date - accrual.posting_date).days == 1
        assert (reversal.entry_key, reversal.posting_date.day) == (f"{accrual.entry_key}:reversal", 1)
    receivable = sum(leg.line.home_minor for leg in made[0].legs if leg.line.account == "1150") if made else 0
    assert receivable == (sum(drawn.values()) if drawn and any(drawn.values()) else 0)
