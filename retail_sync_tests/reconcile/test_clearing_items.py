"""What a clearing account consists of, item by item: opened, partly closed, closed, and named by what is known of it.

The files are those of the store day of worked example D1 and its payout; every figure is worked by hand from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest

from retail_sync.core.rules import read_rules
from retail_sync.pipeline import Pipeline
from retail_sync.reconcile.clearing import itemise
from retail_sync.reconcile.proofs import prove
from retail_sync.reports.ageing_plot import ageing_plot
from retail_sync.reports.books import read_verification
from retail_sync.reports.clearing_state import read_clearing
from retail_sync.schemas.digest import table_digest
from retail_sync.schemas.tables import table
from retail_sync.settings import Home
from retail_sync_tests.conftest import run_line
from retail_sync_tests.journal.test_gift_cards import CARDS
from retail_sync_tests.journal.test_gift_cards import HEADER as CARD_HEADER
from retail_sync_tests.reconcile.files import looking, run_to_journal
from retail_sync_tests.reconcile.test_store_days import (
    DAY,
    DRAWERS,
    PAID_OUT,
    PAYMENTS,
    SHIFT,
    SOURCES,
    STATEMENT,
    deliver,
    home_with,
)

# Raised inside Ibis and pandera by DuckDB and pandas.
pytestmark = [
    pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'future.infer_string' option:DeprecationWarning"),
]
ITEMS = table("reconcile.clearing_items")
# 612.00 rung up in cash, 611.50 counted; two card receipts; 200.00 of gift cards sold, 150.00 redeemed.
OF_THE_DAY = {
    ("1010", "drawer", "7 1 2026-10-14"): ("611.50", "0.00", "open"),
    ("1110", "receipt", "R1"): ("684.00", "0.00", "open"),
    ("1110", "receipt", "R2"): ("1466.00", "0.00", "open"),
    ("2300", "gift_cards_redeemed", "7 2026-10-14"): ("150.00", "0.00", "open"),
    ("2300", "gift_cards_sold", "7 2026-10-14"): ("0.00", "200.00", "open"),
}
# 684.00 + 1,466.00 less fees of 18.47 and 39.58 are 2,091.95, and the bank shows them.
PAID = {
    ("1110", "receipt", "R1"): ("684.00", "684.00", "closed"),
    ("1110", "receipt", "R2"): ("1466.00", "1466.00", "closed"),
    ("1120", "settlement", "square/processor/USD/PO-770045"): ("2091.95", "2091.95", "closed"),
}


def items(pipeline: Pipeline) -> dict[tuple[str, str, str], tuple[str, str, str]]:
    """(account, kind, item) → debit, credit, status."""
    with looking(pipeline) as connection:
        rows = connection.execute(
            "select account, kind, item, debit, credit, status from reconcile.clearing_items order by all"
        ).fetchall()
    return {(a, k, i): (f"{d:.2f}", f"{c:.2f}", s) for a, k, i, d, c, s in rows}


def journalled(make_home: Callable[..., Home], *steps: dict[str, Sequence[str]], extra: str = "") -> Pipeline:
    """A home whose files were delivered step by step, each taken as far as the journal."""
    pipeline = Pipeline(make_home(settings=SOURCES, extra=extra), "test")
    for number, files in enumerate(steps):
        deliver(pipeline, files, str(number))
        run_to_journal(pipeline)
    return pipeline


def test_a_store_day_opens_its_items(make_home: Callable[..., Home]) -> None:
    """Cash as counted by till and day, cards by receipt, gift cards by store day: nobody told which card."""
    assert items(journalled(make_home, DAY)) == OF_THE_DAY


@pytest.mark.long
def test_the_payout_closes_the_receipts_that_it_names(make_home: Callable[..., Home]) -> None:
    """What the processor pays closes the receipts, the bank closes the payout; cash and gift cards stay."""
    pipeline = journalled(make_home, DAY | PAID_OUT)
    assert items(pipeline) == OF_THE_DAY | PAID
    with looking(pipeline) as connection:
        rows = connection.execute(
            "select item, store_day, cast(opened_on as varchar), cast(last_on as varchar), balance "
            "from reconcile.clearing_items where account = '1110' order by item"
        ).fetchall()
    # The payout's payments are all of 14 October, and its statement is closed on the day it pays.
    assert rows == [
        ("R1", "7 2026-10-14", "2026-10-14", "2026-10-16", Decimal(0)),
        ("R2", "7 2026-10-14", "2026-10-14", "2026-10-16", Decimal(0)),
    ]


def test_a_receipt_may_be_paid_in_part(make_home: Callable[..., Home]) -> None:
    """1,400.00 of 1,466.00 were paid out: 66.00 of that receipt are still to come."""
    paid = {
        "processor": (
            PAYMENTS,
            "P1,charge,R1,2026-10-14 09:00,684.00,18.47,PO-770045,2026-10-16",
            "P2,charge,R2,2026-10-14 10:00,1400.00,39.58,PO-770045,2026-10-16",
        ),
        "payouts": ("Payout,Paid,Net", "PO-770045,2026-10-16,2025.95"),
    }
    found = items(journalled(make_home, DAY | paid))
    assert found["1110", "receipt", "R2"] == ("1466.00", "1400.00", "open")
    assert found["1120", "settlement", "square/processor/USD/PO-770045"] == ("2025.95", "0.00", "open")


@pytest.mark.long
def test_a_payment_of_a_held_day_waits_under_its_receipt(make_home: Callable[..., Home]) -> None:
    """Receipts without tenders are not booked, their payments are: the credit names receipt and day, until the tenders come."""
    before = {name: lines for name, lines in DAY.items() if name == "receipts"} | PAID_OUT
    pipeline = journalled(make_home, before)
    waiting = {
        ("1110", "receipt", "R1"): ("0.00", "684.00", "open"),
        ("1110", "receipt", "R2"): ("0.00", "1466.00", "open"),
    }
    assert items(pipeline) == waiting | {key: PAID[key] for key in PAID if key[0] == "1120"}
    [row] = [row for row in read_clearing(pipeline).largest if row[0] == "1110"]
    assert row == ("1110", "2 receipts of 7 2026-10-14", "-2,150.00 USD", "2026-10-16", "0 d")
    deliver(pipeline, {"tenders": DAY["tenders"], "drawers": DAY["drawers"]}, "late")
    run_to_journal(pipeline)
    assert items(pipeline) == OF_THE_DAY | PAID


def test_a_payment_that_names_no_known_receipt_stands_under_what_it_names(make_home: Callable[..., Home]) -> None:
    """Nothing but the processor's report is there."""
    found = items(journalled(make_home, PAID_OUT))
    assert found["1110", "order", "square R1"] == ("0.00", "684.00", "open")


def test_a_number_of_two_tills_closes_neither(make_home: Callable[..., Home]) -> None:
    """Receipt R1 of store 7 and R1 of store 8, both of 684.00: which was paid is not guessed."""
    twice = {
        "receipts": (*DAY["receipts"], "8,1,R1,S,2026-10-14 09:00,A,10,633.33,50.67,0"),
        "tenders": (*DAY["tenders"], "8,1,R1,card,2026-10-14 09:00,684.00"),
    }
    found = items(journalled(make_home, DAY | PAID_OUT | twice))
    assert {key[1:]: value for key, value in found.items() if key[0] == "1110"} == {
        ("order", "square R1"): ("0.00", "684.00", "open"),
        ("receipt", "7 1 R1"): ("684.00", "0.00", "open"),
        ("receipt", "8 1 R1"): ("684.00", "0.00", "open"),
        ("receipt", "R2"): ("1466.00", "1466.00", "closed"),
    }


def test_a_day_that_is_taken_back_leaves_no_item(make_home: Callable[..., Home]) -> None:
    """The drawer is counted anew: its item follows, and no trace of the first count is left."""
    pipeline = journalled(make_home, DAY, {"drawers": (DRAWERS, f"{SHIFT},812.00")})
    assert items(pipeline)["1010", "drawer", "7 1 2026-10-14"] == ("612.00", "0.00", "open")


def test_gift_cards_of_a_card_report_are_items_by_card(make_home: Callable[..., Home]) -> None:
    """25.00 issued, of which 10.00 expired; 5.00 issued and expired; the number of no card is shown."""
    report = (
        CARD_HEADER,
        "E1,6006491277001234,issue,2026-10-20 12:00,25.00,USD",
        "E2,6006491277005678,issue,2026-10-20 12:00,5.00,USD",
        "E3,6006491277001234,expiry,2026-12-30 12:00,-10.00,USD",
        "E4,6006491277005678,expiry,2026-12-31 12:00,-5.00,USD",
    )
    found = items(journalled(make_home, {"cards": report}, extra=CARDS))
    assert sorted(found.values()) == [("10.00", "25.00", "open"), ("5.00", "5.00", "closed")]
    assert {key[:2] for key in found} == {("2300", "gift_card")}
    assert not [key for key in found if "600649" in key[2]]


ORDERS = {
    "as listed": ("receipts", "tenders", "drawers", "processor", "payouts", "bank"),
    "backwards": ("bank", "payouts", "processor", "drawers", "tenders", "receipts"),
    "money first": ("payouts", "bank", "processor", "tenders", "receipts", "drawers"),
}


@pytest.mark.long
@pytest.mark.parametrize("order", ORDERS)
def test_any_order_of_arrival_ends_in_the_same_items(make_home: Callable[..., Home], order: str) -> None:
    """A run after each file, whatever comes first, ends where one run over all of them ends."""
    files = DAY | PAID_OUT
    pipeline = journalled(make_home, *({name: files[name]} for name in ORDERS[order]))
    assert items(pipeline) == OF_THE_DAY | PAID
    at_once = Pipeline(make_home("at once", settings=SOURCES), "test")
    deliver(at_once, files)
    run_to_journal(at_once)
    with looking(pipeline) as one, looking(at_once) as other:
        assert table_digest(one, ITEMS) == table_digest(other, ITEMS)


def test_what_no_row_explains_is_an_item_of_its_own(make_home: Callable[..., Home]) -> None:
    """A leg that is 1.00 more than its rows: the receipts keep their amounts, and the sum of the items is the balance."""
    pipeline = journalled(make_home, DAY)
    with looking(pipeline) as connection:
        connection.execute(
            "update journal.lines set transaction_minor = transaction_minor + 100 where account = '1110'"
        )
        connection.execute("delete from raw.applied where name = 'clearing_items'")
    report = pipeline.clear()
    assert (report.is_computed, report.residual) == (True, ())
    assert items(pipeline) == OF_THE_DAY | {
        ("1110", "unexplained", "pos:store-day:7:2026-10-14:USD"): ("1.00", "0.00", "open")
    }


def test_the_proof_names_the_account_whose_items_do_not_sum_to_it(make_home: Callable[..., Home]) -> None:
    """An item that is lost on the way is found by the sums."""
    pipeline = journalled(make_home, DAY)
    accounts = pipeline.clearing_accounts
    with looking(pipeline) as connection:
        itemise(connection, accounts)
        proof = "clearing_proof", ["clearing_items"], {"accounts": accounts}
        assert prove(connection, *proof) == ()
        connection.execute("delete from new_clearing_items where item = 'R1'")
        assert prove(connection, *proof) == ("clearing items, account 1110 in USD: -684 is in no break",)


def test_a_run_without_news_computes_nothing(make_home: Callable[..., Home]) -> None:
    """The hourly run that finds nothing new must not write."""
    pipeline = journalled(make_home, DAY)
    assert not pipeline.clear().is_computed


def test_which_accounts_are_clearing_accounts_is_in_the_chart(make_home: Callable[..., Home]) -> None:
    """Cash, cards, receivables, transit, reserves, carried-forward parts and gift cards: what is to come back to zero."""
    pipeline = Pipeline(make_home(), "test")
    assert pipeline.clearing_accounts == "1010 1110 1115 1120 1130 1135 1140 1150 2300 2350".split()
    chart = {row["code"]: row for row in read_rules(pipeline.home.rules, "chart_of_accounts").rows}
    assert {chart[code]["type"] for code in pipeline.clearing_accounts} == {"asset", "liability"}


def test_verify_says_what_is_wanted_and_not_posted_yet(make_home: Callable[..., Home]) -> None:
    """Journalled, not released: the ledger holds nothing, so no item of it is shown, and the entry is named."""
    pipeline = journalled(make_home, DAY)
    pipeline.publish(is_nightly=True)
    found = read_verification(pipeline)
    assert (found.findings, found.items, found.explained) == ([], [], [])
    assert found.waiting == ["pos:store-day:7:2026-10-14:USD"]
    assert found.sentences[-1] == (
        "1 entries on these accounts are not in the ledger as they are wanted today (pos:store-day:7:2026-10-14:USD): "
        "what the ledger holds of them stands under their own keys."
    )


@pytest.mark.long
def test_verify_shows_what_is_posted_otherwise_than_wanted_under_its_key(make_home: Callable[..., Home]) -> None:
    """A new count of the drawer, not released yet: the ledger's 611.50, 2,150.00 and -50.00 are items of the old entry."""
    pipeline = home_with(make_home, DAY | PAID_OUT)
    deliver(pipeline, {"drawers": (DRAWERS, f"{SHIFT},812.00")}, "again")
    run_to_journal(pipeline)
    pipeline.publish(is_nightly=True)
    found = read_verification(pipeline)
    assert found.findings == []
    assert found.waiting == ["pos:store-day:7:2026-10-14:USD"]
    assert [(i.account, i.kind, i.item, i.minor) for i in found.items if i.account in ("1010", "2300")] == [
        ("1010", "entry", "pos:store-day:7:2026-10-14:USD", 61150),
        ("2300", "entry", "pos:store-day:7:2026-10-14:USD", -5000),
    ]
    # The payments of the payout are booked as wanted; the tenders that they close stand in the entry that is not.
    assert sorted((i.kind, i.minor) for i in found.items if i.account == "1110") == [
        ("entry", 215000), ("receipt", -146600), ("receipt", -68400),
    ]  # fmt: skip
    run_line(pipeline)
    assert read_verification(pipeline).waiting == []


def test_the_page_shows_items_by_size_and_age(make_home: Callable[..., Home]) -> None:
    """The bank's statement reaches to 1 December: what was booked on 14 October is 48 days old."""
    rent = {"bank": (*PAID_OUT["bank"], "2026-12-01,-80.00,RENT"), "processor": PAID_OUT["processor"]}
    state = read_clearing(journalled(make_home, DAY | PAID_OUT | rent))
    assert state.largest == [
        ("1010", "cash 7 1 2026-10-14", "611.50 USD", "2026-10-14", "48 d"),
        ("2300", "gift cards sold 7 2026-10-14", "-200.00 USD", "2026-10-14", "48 d"),
        ("2300", "gift cards redeemed 7 2026-10-14", "150.00 USD", "2026-10-14", "48 d"),
    ]
    assert state.accounts == [
        ("1010", "USD", 1, "611.50"), ("1110", "USD", 0, "0.00"), ("1120", "USD", 0, "0.00"), ("2300", "USD", 2, "-50.00"),
    ]  # fmt: skip
    assert state.plot == [
        ("31-90 days", "1010", "USD", 61150),
        ("31-90 days", "2300", "USD", -20000),
        ("31-90 days", "2300", "USD", 15000),
    ]
    assert ageing_plot(state.plot, "Open items").startswith(b"\x89PNG")


@pytest.mark.parametrize(("days", "age"), [(0, "0-1"), (7, "2-7"), (8, "8-30"), (90, "31-90"), (91, "over 90")])
def test_the_ages_end_where_they_say(make_home: Callable[..., Home], days: int, age: str) -> None:
    """A bank line so many days after the store's day moves its items into that age."""
    newest = date(2026, 10, 14) + timedelta(days=days)
    state = read_clearing(journalled(make_home, DAY | {"bank": (STATEMENT, f"{newest},-80.00,RENT")}))
    assert {row[0] for row in state.plot} == {f"{age} days"}
