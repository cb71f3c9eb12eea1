"""Past weeks of a Shopify shop by bulk operation: the rows that the pages give, or nothing and a word."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors import shopify_bulk
from retail_sync.connectors import shopify_queries as queries
from retail_sync.connectors.pulling import Days
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Settings
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.connectors.test_wire_contract import READING
from retail_sync_tests.e2e import processes
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.faults import FaultPlan
from retail_sync_tests.fakes.shopify import FakeShopify, bag, gid, iso
from retail_sync_tests.fakes.shopify_bulk import restrictions
from retail_sync_tests.fakes.source import CANARY

Shop = Callable[..., PullBench]
FIRST, END = date(2026, 10, 15), date(2026, 10, 25)
TEN_DAYS = Days(FIRST, END)
LISTS = ("orders", "refunds", "fulfilments")
TABLES = ("orders", "order_lines", "returns", "fulfilments")


def sold_in_ten_days(bench: PullBench) -> None:
    """Spread the orders over ten days; one has forty lines and three ways of shipping, one is a test, one was cancelled."""
    fake: FakeShopify = bench.fake  # type: ignore[assignment]
    for n, order in enumerate(fake.orders):
        at = datetime(2026, 10, 16, tzinfo=UTC).timestamp() + n * timedelta(hours=34).total_seconds() + n
        order.update(createdAt=iso(at), updatedAt=iso(at))
    long, test, cancelled = fake.orders[1:4]
    line = long["lineItems"][0]
    long["lineItems"] += [{**line, "id": gid("LineItem", 900 + k), "sku": f"M-{k:02}"} for k in range(38)]
    long["lineItems"][5]["discountAllocations"] = [{"allocatedAmountSet": bag(amount)} for amount in ("0.33", "0.67")]
    long["shippingLines"] += [{"id": gid("ShippingLine", 70 + k), "discountedPriceSet": bag("1.10")} for k in range(2)]
    test["test"] = True
    cancelled["cancelledAt"] = cancelled["updatedAt"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Make benches of a shop that sold `orders` in ten days."""
    made: list[PullBench] = []

    def make(orders: int = 6, objects: tuple[str, ...] = ("orders",), plan: FaultPlan | None = None) -> PullBench:
        bench = PullBench(FakeShopify(FakeClock(), orders), tmp_path / str(len(made)), monkeypatch, plan)
        bench.fake.knobs.rows = 250
        bench.source = bench.source.model_copy(update={"objects": objects})
        bench.home.settings = Settings(source=(bench.source,))
        if orders:
            sold_in_ten_days(bench)
        made.append(bench)
        return bench

    yield make
    for item in made:
        item.close()


def bulk(bench: PullBench) -> Any:
    """The bulk operations of a shop."""
    return bench.fake.bulk  # type: ignore[attr-defined]


def pull(bench: PullBench, days: Days = TEN_DAYS) -> None:
    """Pull days and see that nothing went wrong, and that no file is left."""
    assert [item.problem for item in bench.pull(days) if item.problem] == []
    assert list((bench.home.state / "pull").iterdir()) == []


def told(bench: PullBench, days: Days = TEN_DAYS) -> str:
    """Pull days and return what is told of the list that could not be had; nothing of it is delivered."""
    (found,) = [item.problem for item in bench.pull(days) if item.problem]
    assert bench.registry.all() == []
    assert list((bench.home.state / "pull").iterdir()) == []
    assert CANARY not in f"{found} {bench.said}"
    return found.message


def canonical(bench: PullBench) -> dict[str, list[tuple[Any, ...]]]:
    """Load what came and return the rows of every table, without the delivery they came with."""
    pipeline = Pipeline(bench.home, "trace-1")
    assert pipeline.load().refused == ()
    with pipeline.writing("look") as connection:
        assert connection.execute("select * from canonical.rejected_rows").fetchall() == []
        return {
            name: connection.execute(
                f"select * exclude (delivery_id, line_no) from canonical.{name} order by all"
            ).fetchall()
            for name in TABLES
        }


def day_by_day(bench: PullBench) -> None:
    """Pull the ten days as the pages of each."""
    for offset in range((END - FIRST).days):
        pull(bench, Days(FIRST + timedelta(days=offset), FIRST + timedelta(days=offset + 1)))


def test_the_rows_are_those_of_the_pages(shop: Shop) -> None:
    """Ten days in one operation, an order of forty lines among them, give what each day page by page gives."""
    paged, whole = shop(objects=LISTS), shop(objects=LISTS)
    day_by_day(paged)
    pull(whole)

    expected, found = canonical(paged), canonical(whole)

    assert found == expected
    # Six orders less the test; 2 lines each, 38 more of one; the refunds and shipments of the same five.
    assert {name: len(rows) for name, rows in found.items()} == {
        "orders": 5, "order_lines": 48, "returns": 10, "fulfilments": 10,
    }  # fmt: skip
    assert (len(bulk(paged).asked), len(bulk(whole).asked)) == (0, 1)


def test_few_days_are_read_page_by_page(shop: Shop) -> None:
    """Seven days are no backfill, eight are; what an hourly run asks for is none, however long it was not run."""
    bench = shop()
    pull(bench, Days(FIRST, FIRST + timedelta(days=7)))
    assert bench.pull()[0].problem is None
    assert bulk(bench).asked == []

    pull(bench, Days(FIRST, FIRST + timedelta(days=8)))

    assert [text.partition('query: "')[2].partition('"')[0] for text in bulk(bench).asked] == [
        "updated_at:>='2026-10-15T00:00:00Z' updated_at:<'2026-10-23T00:00:00Z'"
    ]


def test_a_long_past_is_several_operations(shop: Shop) -> None:
    """Sixty-five days: two of thirty-one days and one of three, none of which asks for a day before."""
    bench = shop()
    pull(bench, Days(date(2026, 9, 1), date(2026, 11, 5)))

    found = [text.partition('query: "')[2].partition('"')[0] for text in bulk(bench).asked]

    assert found == [
        f"updated_at:>='2026-{begin}T00:00:00Z' updated_at:<'2026-{end}T00:00:00Z'"
        for begin, end in (("09-01", "10-02"), ("10-02", "11-02"), ("11-02", "11-05"))
    ]


def test_the_same_again_is_no_new_delivery(shop: Shop) -> None:
    """The pages of a file are cut the same each time."""
    bench = shop()
    pull(bench)
    pull(bench)
    assert len(bench.registry.all()) == 1


def test_a_past_without_orders(shop: Shop) -> None:
    """`url` is null: there is no file, and nothing is delivered."""
    bench = shop(orders=0)
    pull(bench)
    assert bench.registry.all() == []
    assert [request.path for request in bench.server.requests if request.path.startswith("/bulk/")] == []


def test_amounts_keep_their_digits(shop: Shop) -> None:
    """A number that no float holds is in the archive as it came, and every page of the pages' own shape."""
    bench = shop()
    exact = "90071992547409931234.10"
    bulk(bench).find = lambda *_: [{**bench.fake.orders[0], "totalPriceSet": bag("@")}]  # type: ignore[attr-defined]
    file = bulk(bench).file

    bulk(bench).file = lambda path, headers: _replaced(file(path, headers), b'"@"', exact.encode())
    pull(bench)

    (delivery,) = bench.registry.all()
    content = b"".join(bench.archive.read(delivery.source, delivery.sha256))

    assert f'"amount": {exact}'.encode() in content
    page = json.loads(content.splitlines()[1])["page"]
    assert [row["sku"] for row in page["data"]["orders"]["nodes"][0]["lineItems"]["nodes"]] == ["S-0", "S-1"]


def _replaced(reply: Any, old: bytes, new: bytes) -> Any:
    return type(reply)(reply.status, reply.document.replace(old, new), reply.headers)


@pytest.mark.parametrize("outcome", ["INTERNAL_SERVER_ERROR", "TIMEOUT", "CANCELED", "EXPIRED"])
def test_an_operation_that_fails_is_asked_for_again(shop: Shop, outcome: str) -> None:
    """Once: the second one brings all. What a failed one had until then (partialDataUrl) is never asked for."""
    bench = shop()
    bulk(bench).outcomes = [outcome]
    pull(bench)

    assert len(bulk(bench).asked) == 2
    assert len(canonical(bench)["orders"]) == 5
    assert sum(request.path.startswith("/bulk/") for request in bench.server.requests) == 1
    assert b"partialDataUrl" not in b"".join(request.body for request in bench.server.requests)


def test_what_takes_too_long_is_asked_for_in_halves(shop: Shop) -> None:
    """After three operations that Shopify gave up."""
    bench = shop()
    bulk(bench).outcomes = ["TIMEOUT"] * 3
    pull(bench)

    assert len(bulk(bench).asked) == 5
    assert len(canonical(bench)["orders"]) == 5


def test_what_the_app_may_not_read(shop: Shop) -> None:
    """It is told, and not asked again."""
    bench = shop()
    bulk(bench).outcomes = ["ACCESS_DENIED"]

    assert "ACCESS_DENIED, and a bulk operation does not say for which field" in told(bench)
    assert len(bulk(bench).asked) == 1


def test_an_address_that_is_not_given_any_more(shop: Shop) -> None:
    """Another operation brings another one; where none is ever given it is told without the address."""
    bench = shop()
    bulk(bench).refused_urls = 1
    pull(bench)
    assert len(bulk(bench).asked) == 2

    never = shop()
    bulk(never).refused_urls = 100
    assert "GET of a document: 400: the file of the bulk operation is not given" in told(never)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_third_of_the_requests_fails(shop: Shop, seed: int) -> None:
    """Starting, looking and downloading alike: the rows are the same, and the address of the file is nowhere."""
    plan = FaultPlan(seed, 10_000, probability=0.6, fates=READING)  # halved for reads
    bench, sound = shop(plan=plan), shop()
    bulk(bench).seconds = 600
    while any(item.problem for item in bench.pull(TEN_DAYS)):
        assert len(bench.server.requests) < 1_000
    pull(sound)

    assert bench.records() == sound.records()
    assert sum(plan.happened.values()) > 3
    bench.engine.dispose()
    files = b"".join(path.read_bytes() for path in bench.home.state.rglob("*") if path.is_file())
    content = b"".join(b"".join(bench.archive.read(item.source, item.sha256)) for item in bench.registry.all())
    assert CANARY not in f"{files!r}{content!r}{bench.said}"


def test_others_take_all_the_room(shop: Shop) -> None:
    """For an hour it is waited for; after two it is told, and no operation was started."""
    bench = shop()
    bulk(bench).taken_until = bench.fake.clock.time() + 3600
    pull(bench)
    assert len(bulk(bench).asked) == 1
    assert len(bench.fake.clock.slept) < 90

    never = shop()
    bulk(never).taken_until = never.fake.clock.time() + 1e6
    assert "other bulk operations of this app have been in progress in this shop for 2 hours" in told(never)
    assert bulk(never).asked == []


def test_an_operation_that_does_not_end(shop: Shop) -> None:
    """After two hours it is cancelled, so that it takes nobody's room, and told."""
    bench = shop()
    bulk(bench).seconds = 1e6

    assert "has not ended in 2 hours" in told(bench)
    assert [item["is_cancelled"] for item in bulk(bench).operations.values()] == [True]


@pytest.mark.parametrize("missing", [1, 20])
def test_a_file_that_lacks_lines(shop: Shop, missing: int) -> None:
    """A file that is cut between two lines is a good file otherwise: the count alone tells."""
    bench = shop()
    bulk(bench).missing_lines = missing

    assert "says it found" in told(bench)


@pytest.mark.parametrize("short", [1, 2, 30, 400])
def test_a_file_cut_anywhere(shop: Shop, short: int) -> None:
    """Within the last line, of which a part is no JSON; the last line end alone may lack."""
    bench = shop()
    bulk(bench).bytes_short = short
    if short == 1:
        pull(bench)
        return
    assert "it was cut short" in told(bench) or short == 400


def test_children_that_do_not_follow_their_parent(shop: Shop) -> None:
    """They are asked for in groups; where they come otherwise nothing is guessed, even with orders of one hour."""
    bench = shop()
    for order in bench.fake.orders:  # type: ignore[attr-defined]
        order["updatedAt"] = "2026-10-20T08:00:00Z"
    bulk(bench).is_scattered = True
    assert "does not follow the record it belongs to" in told(bench)


def test_which_lists_an_operation_can_have() -> None:
    """Of the orders' lists two have their lines within a list that is no connection, in the words of the real one."""
    (orders,) = [queries.orders_in_bulk("updated_at:>='2026-10-15T00:00:00Z'")]
    assert restrictions(orders) == []
    for parent, nested in (("refunds", queries.REFUNDED), ("fulfillments", queries.SHIPPED)):
        text = f"{{ orders {{ edges {{ node {{ id {parent} {{ id {nested.whole} }} }} }} }} }}"
        assert restrictions(text) == [
            "Queries that contain a connection field within a list field are not currently supported."
        ]


def pull_in_a_process(url: str, root: Path, at: str) -> None:
    """Pull ten days of the shop at `url` into the home at `root`, and die with the file there or at a failpoint."""
    os.environ["RETAIL_SYNC_FAILPOINT"] = at
    with pytest.MonkeyPatch.context() as patch:
        if at == "file is there":
            patch.setattr(shopify_bulk, "_pages", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        made = PullBench(FakeShopify(FakeClock(), 0), root, patch)
        made.source = made.source.model_copy(update={"connection": {"url": url, "client_id": "reader-app"}})
        made.source = made.source.model_copy(update={"objects": ("orders",)})
        made.home.settings = Settings(source=(made.source,))
        made.pull(TEN_DAYS)


@pytest.mark.long
@pytest.mark.parametrize("at", ["file is there", "pull.after_window"])
def test_killed_in_between(shop: Shop, at: str) -> None:
    """What lay on the way is thrown away; the next run asks again and ends with the same rows."""
    bench = shop()
    bulk(bench).seconds = 0
    assert processes.run(pull_in_a_process, bench.server.url, bench.home.root, at) == -signal.SIGKILL
    assert list((bench.home.state / "pull").iterdir()) != []

    pull(bench)

    assert len(canonical(bench)["orders"]) == 5
    assert len(bulk(bench).asked) == 2
