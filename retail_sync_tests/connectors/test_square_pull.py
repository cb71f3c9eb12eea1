"""How Square is asked: every request and answer keeps to the vendor's own description, and nothing that comes late is missed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors.registry import WIRE_CONNECTORS
from retail_sync.connectors.wire import Access
from retail_sync.core.errors import SettingsError
from retail_sync.core.http_errors import Answered
from retail_sync.settings import Settings
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.connectors.square_description import DescribedSquare, needs_description
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.source import Knobs
from retail_sync_tests.fakes.square import FakeSquare
from retail_sync_tests.fakes.square_records import BRANCH, MAIN, line, location, order, tender

HOUR = 3600.0
Make = Callable[..., PullBench]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make benches."""
    made = []

    def bench(fake: FakeSquare) -> PullBench:
        made.append(PullBench(fake, tmp_path / str(len(made)), monkeypatch))
        return made[-1]

    yield bench
    for item in made:
        item.close()


def pull(bench: PullBench) -> None:
    """Pull all lists and see that nothing went wrong."""
    assert [item.problem for item in bench.pull() if item.problem] == []


def only(bench: PullBench, *objects: str) -> None:
    """Have only these lists asked for."""
    bench.home.settings = Settings(source=(bench.source.model_copy(update={"objects": objects}),))


def ids(bench: PullBench, item: str, part: str) -> set[str]:
    """The ids of the records of one part of a list."""
    return {json.loads(text)["id"] for name, of, text in bench.records() if (name, of) == (item, part)}


def asked(bench: PullBench, path: str) -> list[Any]:
    """Queries and documents of the requests to a path."""
    return [r.document if r.body else r.query for r in bench.server.requests if r.path == path]


@needs_description
def test_requests_and_answers_keep_to_the_description(make: Make) -> None:
    """All lists, several pages of each."""
    fake = DescribedSquare(FakeClock(), 11)
    fake.knobs = Knobs(rows=2)
    pull(make(fake))
    assert fake.wrong == []
    fake.answer(Request("POST", "/v2/orders/search", {}, {}, b'{"location_ids": "L1"}'))
    assert len(fake.wrong) == 1
    assert set(fake.seen) == {"locations", "orders+", "payments", "refunds", "payouts", "payouts+", "inventory+", "catalog+",
                              "cash-drawers+"}  # fmt: skip


def test_what_other_stores_took_comes(make: Make) -> None:
    """Where no location is named, payments and payouts are those of the main one."""
    bench = make(FakeSquare(FakeClock(), 7))
    pull(bench)
    assert ids(bench, "payments", "payments") == {f"PAY{n:04}" for n in range(1, 8)}
    assert ids(bench, "payouts", "payouts") == {"po_0001", "po_0006"}  # of the branch and of the main store
    for path in ("/v2/payments", "/v2/refunds", "/v2/payouts", "/v2/cash-drawers/shifts"):
        assert {query["location_id"] for query in asked(bench, path)} == {MAIN, BRANCH}


def test_many_locations_are_searched_ten_at_a_time(make: Make) -> None:
    """More are refused."""
    fake = FakeSquare(FakeClock(), 2)
    fake.locations += [location(f"L{n}", f"Shop {n}", "America/New_York") for n in range(21)]
    bench = make(fake)
    pull(bench)
    sizes = Counter(len(document["location_ids"]) for document in asked(bench, "/v2/orders/search"))
    assert set(sizes) == {10, 3}
    assert sizes[10] == 2 * sizes[3]


def test_what_was_sold_offline_70_hours_ago_is_found(make: Make) -> None:
    """It is dated when it was sold; every run looks at the last three days again, and finds it once."""
    fake = FakeSquare(FakeClock(), 2)
    bench = make(fake)
    only(bench, "orders")
    pull(bench)
    at = fake.clock.time() + HOUR
    # What Square says of its change is old as well.
    fake.orders.append(order("OFFLINE", MAIN, at, [line("VAR0001", "1", 500)], [tender("CASH", "CASH1", 500, at)]))
    fake.appear["OFFLINE"] = at + 70 * HOUR
    for hours, is_there in ((24, False), (46.5, False), (1, True), (1, True)):
        fake.clock.sleep(hours * HOUR)
        pull(bench)
        assert ("OFFLINE" in ids(bench, "orders", "orders")) == is_there
    days = [delivery.name.split("-")[2][:8] for delivery in bench.registry.all()]
    assert days == ["20261119", "20261120"]  # and nothing was delivered twice


def test_a_payment_that_shows_late_comes_with_the_next_run(make: Make) -> None:
    """Lists are eventually consistent: what is new may take seconds, and the fee hours."""
    fake = FakeSquare(FakeClock(), 2)
    made = fake.pay("SLOW", "ORD0001", MAIN, fake.clock.time() - 5, 700, 0)
    fee = made.pop("processing_fee")
    fake.appear["SLOW"] = fake.clock.time() + 60
    bench = make(fake)
    only(bench, "payments")
    pull(bench)
    assert "SLOW" not in ids(bench, "payments", "payments")
    fake.clock.sleep(2 * HOUR)
    pull(bench)
    assert "SLOW" in ids(bench, "payments", "payments")
    made.update(processing_fee=fee, updated_at=made["created_at"].replace("T07:", "T09:"))
    fake.clock.sleep(HOUR)
    pull(bench)
    told = [json.loads(text) for name, _, text in bench.records() if name == "payments" and "SLOW" in text]
    assert sorted("processing_fee" in record for record in told) == [False, True]


def test_the_refund_of_an_old_order_that_changed_is_looked_up(make: Make) -> None:
    """The order changed today; its refund was made three weeks ago and is in no list of today."""
    fake = FakeSquare(FakeClock(), 2)
    at = fake.clock.time() - timedelta(days=21).total_seconds()
    fake.give_back("OLD", fake.orders[0], at, 1100, [line("VAR0001", "1", 1000, 100)])
    fake.orders[-1]["updated_at"] = fake.orders[0]["updated_at"]
    bench = make(fake)
    pull(bench)
    assert "OLD" in ids(bench, "orders", "refunds")
    assert "OLD" not in ids(bench, "refunds", "refunds")


def test_the_refund_of_a_canceled_order_is_looked_up_though_it_names_none(make: Make) -> None:
    """Its money was taken; what is given back in these hours comes with it."""
    fake = FakeSquare(FakeClock(), 0)
    fake.insert()
    fake.orders[0]["state"] = "CANCELED"
    fake.give_back("BACK", fake.orders[0], fake.base + 60, 2200, [])
    del fake.orders[1:]  # the orders of returns show later
    bench = make(fake)
    only(bench, "orders")
    pull(bench)
    assert ids(bench, "orders", "refunds") >= {"BACK"}


def test_the_payment_of_a_refund_that_may_be_to_a_gift_card_is_looked_up(make: Make) -> None:
    """PAY0002 and one that is gone: neither says what card it went to. A fee given back says it, and cash is no card."""
    fake = FakeSquare(FakeClock(), 2)  # of PAY0001 a part is given back with its fee
    second = fake.orders[-1]
    for name, more in (("TO-CARD", {}), ("GONE", {"payment_id": "NOBODYS"}), ("CASH", {"destination_type": "CASH"})):
        fake.give_back(name, second, fake.base + 200, 100, [line("VAR0002", "1", 100)]).update(more)
    bench = make(fake)
    only(bench, "orders", "refunds")
    pull(bench)
    for item in ("orders", "refunds"):
        assert ids(bench, item, "payment") == {"PAY0002"}
    looked_up = [r.path for r in bench.server.requests if r.path.startswith("/v2/payments/")]
    assert set(looked_up) == {"/v2/payments/PAY0002", "/v2/payments/NOBODYS"}


def test_the_payment_behind_an_old_entry_is_looked_up_by_itself(make: Make) -> None:
    """A refund of today of a sale of last month, and one whose record is gone: it stands without its order."""
    fake = FakeSquare(FakeClock(), 2)
    at = fake.clock.time() - timedelta(days=30).total_seconds()
    fake.pay("LAST-MONTH", "ORD-OLD", MAIN, at, 1000, 30)
    fake.pay_out("po_9", MAIN, fake.base, [("CHARGE", "LAST-MONTH", 1000, 30), ("REFUND", "GONE", -500, 0)])
    bench = make(fake)
    pull(bench)
    assert ids(bench, "payout_entries", "payment") == {"LAST-MONTH"}
    assert [r.path for r in bench.server.requests if r.path.startswith("/v2/refunds/")] == ["/v2/refunds/GONE"]


def test_too_many_requests_are_waited_for(make: Make) -> None:
    """A refusal that names no time to wait: longer each time, and at most four a second from the beginning."""
    fake = FakeSquare(FakeClock(), 2)
    bench = make(fake)
    fake.limited = 3
    began = fake.clock.time()
    pull(bench)
    assert sorted(fake.clock.slept)[-3:] == [0.75, 1.5, 3.0]
    assert len(bench.server.requests) <= 4 + 4 * (fake.clock.time() - began)


def test_errors_in_a_good_answer_are_errors(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests over many things answer 200 with `errors`."""
    fake = FakeSquare(FakeClock(), 2)
    bench = make(fake)
    errors = [{"category": "INVALID_REQUEST_ERROR", "code": "BAD_REQUEST", "detail": "no such thing", "field": "query"}]
    monkeypatch.setattr(fake, "_page", lambda *_: Reply(200, {"errors": errors}))
    told = {item.object: item.problem for item in bench.pull()}
    problem = told["orders"]
    assert problem is not None
    assert "INVALID_REQUEST_ERROR BAD_REQUEST no such thing query" in problem.message


@pytest.mark.parametrize(
    "other",
    [{"message": "Welcome"}, {"payments": []}, {"orders": None}, {"orders": {}}, {"cursor": "x", "data": []}, []],
)
def test_an_answer_of_something_else_is_no_empty_list(
    make: Make, monkeypatch: pytest.MonkeyPatch, other: object
) -> None:
    """It is told, and its window is asked for again: what was sold then is not passed over."""
    fake = FakeSquare(FakeClock(), 2)
    bench = make(fake)
    only(bench, "orders")
    with monkeypatch.context() as wrong:
        wrong.setattr(fake, "_page", lambda *_: Reply(200, other))
        (told,) = bench.pull()
    assert told.problem is not None
    assert "an answer that should hold orders" in told.problem.message
    assert not bench.records()
    fake.clock.sleep(HOUR)
    pull(bench)
    assert ids(bench, "orders", "orders") >= {"ORD0001", "ORD0002"}


def test_without_a_list_of_locations_nothing_counts_as_asked_for(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else there would be nothing to ask for, and all lists would be empty."""
    fake = FakeSquare(FakeClock(), 2)
    bench = make(fake)
    monkeypatch.setattr(fake, "locations", None)
    only(bench, "orders", "payments")
    assert ["should hold locations" in item.problem.message for item in bench.pull() if item.problem] == [True, True]


@pytest.mark.parametrize("empty", [{}, {"errors": []}, {"cursor": ""}, {"orders": []}])
def test_an_answer_without_rows_is_an_empty_list(
    make: Make, monkeypatch: pytest.MonkeyPatch, empty: dict[str, object]
) -> None:
    """Square leaves out what is empty."""
    fake = FakeSquare(FakeClock(), 2)
    bench = make(fake)
    only(bench, "orders")
    monkeypatch.setattr(fake, "_page", lambda *_: Reply(200, empty))
    pull(bench)


def test_an_article_that_is_not_known_hides_no_other(make: Make) -> None:
    """A retrieval that names one fails; the others are asked for without it."""
    fake = FakeSquare(FakeClock(), 7)
    del fake.skus["VAR0003"]
    fake.is_strict = True
    bench = make(fake)
    only(bench, "inventory")
    pull(bench)
    assert ids(bench, "inventory", "catalog") == {f"VAR{n:04}" for n in (1, 2, 4, 5, 6, 7)}


def test_a_store_of_no_location_is_a_wrong_setting(make: Make) -> None:
    """A misspelt id would leave a store under Square's id without a word."""
    bench = make(FakeSquare(FakeClock(), 1))
    source = bench.source.model_copy(update={"connection": {"url": bench.server.url, "stores": {"LX": "S01"}}})
    connector = WIRE_CONNECTORS["square"]
    client = connector.connect(Access(source, bench.home.state, "doctor", bench.fake.clock.as_clock()))
    with pytest.raises(SettingsError, match="no location LX; it has LBRANCH00002X, LMAIN0000001X"):
        connector.check(client)
    client.close()


def test_a_token_that_is_refused_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked twice, then it is for a person."""
    bench = make(FakeSquare(FakeClock(), 1))
    monkeypatch.setenv("RETAIL_SYNC_SHOP_ACCESS_TOKEN", "another")
    connector = WIRE_CONNECTORS["square"]
    client = connector.connect(Access(bench.source, bench.home.state, "doctor", bench.fake.clock.as_clock()))
    with pytest.raises(Answered, match="401"):
        connector.check(client)
    assert len(bench.server.requests) == 2
    client.close()
