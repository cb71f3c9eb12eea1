"""Every official example and real record of Square is accounted for: the rows that it must become, or why it is no fact.

Requests and answers are held against the vendor's description on the way. That the files go through raw digit by digit is in
test_official_answers.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retail_sync.settings import Settings
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.connectors.shown import Read, Shown, account, each, pull, show
from retail_sync_tests.connectors.square_cases import CASES, PLACES, REAL, WITHOUT_FACTS, example
from retail_sync_tests.connectors.square_description import DescribedSquare, needs_description
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.server import Reply
from retail_sync_tests.fakes.square_records import location

pytestmark = needs_description


@pytest.fixture
def read(samples: Path) -> Read:
    """Read a sample."""

    def read_file(name: str) -> Any:
        return json.loads((samples / "square" / name).read_text(encoding="utf-8"))

    return read_file


@pytest.fixture
def square_account() -> DescribedSquare:
    """An account with the places of the examples, which holds nothing yet."""
    made = DescribedSquare(FakeClock(), 0)
    made.locations = [location(place, place, "UTC") for place in PLACES]
    return made


@pytest.fixture
def bench(square_account: DescribedSquare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PullBench]:
    """A home that asks the account."""
    made = PullBench(square_account, tmp_path / "home", monkeypatch)
    made.source = made.source.model_copy(update={"connection": {"url": made.server.url}})
    yield made
    made.close()


def test_every_file_is_accounted_for(samples: Path) -> None:
    """One that is new is in no list, and one that gives no row says why."""
    account(samples / "square", CASES, WITHOUT_FACTS)


@pytest.mark.parametrize("case", each(CASES))
def test_an_example_becomes_its_rows(
    bench: PullBench, square_account: DescribedSquare, read: Read, case: Shown
) -> None:
    """All of them, to the cent, and no others; what is asked and answered keeps to the description."""
    found, expected = show(bench, case, read)
    for table, rows in expected.items():
        assert found[table] == rows
    assert bench.records(), "what the account holds was not found"
    assert square_account.seen
    assert square_account.wrong == []


def test_all_of_the_real_records_are_held(read: Read) -> None:
    """A record that is new in their file would be in no account."""
    assert set(read(REAL)) == {
        "location", "order_card_then_refunded_4_days_later", "order_custom_amount_no_sku", "payment_canceled",
        "payment_completed_fee_2h_later", "refunds_partial_x2", "inventory_count",
    }  # fmt: skip


def test_the_list_of_drawers_says_no_more_than_the_drawer(read: Read) -> None:
    """So its row is that of the drawer."""
    (listed,) = read(example("ListCashDrawerShifts"))["cash_drawer_shifts"]
    assert listed.items() <= read(example("RetrieveCashDrawerShift"))["cash_drawer_shift"].items()


def test_the_log_of_a_drawer_sums_to_the_drawer(read: Read) -> None:
    """1.00 and 2.50 taken, the 2.50 cancelled; 1.00 given back; 100.00 in and out: nothing is in the log alone."""
    drawer = read(example("RetrieveCashDrawerShift"))["cash_drawer_shift"]
    log = [
        (event["event_type"], event["event_money"]["amount"])
        for event in read(example("ListCashDrawerShiftEvents"))["cash_drawer_shift_events"]
    ]
    assert log == [
        ("CASH_TENDER_PAYMENT", 100), ("CASH_TENDER_PAYMENT", 250), ("CASH_TENDER_CANCELLED_PAYMENT", 250),
        ("CASH_TENDER_REFUND", 100), ("PAID_IN", 10000), ("PAID_OUT", 10000),
    ]  # fmt: skip
    sums = ("cash_payment_money", "cash_refunds_money", "cash_paid_in_money", "cash_paid_out_money")
    assert [drawer[name]["amount"] for name in sums] == [100 + 250 - 250, -100, 10000, -10000]


def test_numbers_of_orders_are_not_taken_for_orders(
    bench: PullBench, square_account: DescribedSquare, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not asked for; where they come nevertheless, it is told and the window is asked for again."""
    bench.home.settings = Settings(source=(bench.source.model_copy(update={"objects": ("orders",)}),))
    pull(bench, "2026-11-19")
    searches = [request.document for request in bench.server.requests if request.path == "/v2/orders/search"]
    assert searches
    assert [search for search in searches if search.get("return_entries")] == []
    monkeypatch.setattr(square_account, "_page", lambda *_: Reply(200, read(example("SearchOrders"))))
    (told,) = bench.pull()
    assert told.problem is not None
    assert "an answer that should hold orders holds cursor, order_entries" in told.problem.message
