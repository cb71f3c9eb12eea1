"""A Shopify shop asked over its interface: payouts foot, refunds are what was given back, refusals are told in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors.intake import receive
from retail_sync.connectors.pulling import Days
from retail_sync.connectors.registry import WIRE_CONNECTORS
from retail_sync.connectors.shopify_queries import PAYOUTS
from retail_sync.connectors.wire import Access
from retail_sync.core.errors import RetailSyncError
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Settings, Source
from retail_sync_tests.connectors.pulled import PullBench, read_anew
from retail_sync_tests.fakes import shopify_rest as rest
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.shopify import FakeShopify, bag, gid, level, money
from retail_sync_tests.fakes.shopify_schema import SCHEMA

Shop = Callable[..., PullBench]
DAY = date(2026, 11, 19)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Make benches of a shop; `objects` are the lists that it is asked for, the rest its connection."""
    made: list[PullBench] = []

    def make(rows: int = 0, objects: tuple[str, ...] = (), **connection: str) -> PullBench:
        bench = PullBench(FakeShopify(FakeClock(), rows), tmp_path / str(len(made)), monkeypatch)
        bench.fake.knobs.rows = 250
        bench.source = bench.source.model_copy(
            update={"objects": objects, "connection": {**bench.source.connection, **connection}}
        )
        bench.home.settings = Settings(source=(bench.source,))
        made.append(bench)
        return bench

    yield make
    for item in made:
        item.close()


def pull(bench: PullBench, *days: date) -> None:
    """Pull what is new, or these days, and see that nothing went wrong."""
    for found in [bench.pull(Days(day, day + timedelta(days=1))) for day in days] or [bench.pull()]:
        assert [item.problem for item in found if item.problem] == []


def rows(bench: PullBench, *queries: str) -> list[list[tuple[Any, ...]]]:
    """Load what came and ask the warehouse."""
    pipeline = Pipeline(bench.home, "trace-1")
    assert pipeline.load().refused == ()
    with pipeline.writing("look") as connection:
        return [connection.execute(query).fetchall() for query in queries]


def problem(bench: PullBench) -> str:
    """Return what is told of the one list that could not be had."""
    (said,) = [item.problem.message for item in bench.pull() if item.problem]
    return said


def test_payouts_foot(shop: Shop) -> None:
    """41.00 - 1.23 of a charge and -12.00 of a refund make 27.77, which the payout's own movement takes out again."""
    bench = shop(3, ("payouts", "balance_transactions"))
    pull(bench)

    kinds, sums, numbers = rows(
        bench,
        "select distinct kind, gross_amount, fee_amount, net_amount from canonical.payments order by 1",
        "select s.total_amount, sum(l.amount) from canonical.settlements as s "
        "join canonical.settlement_lines as l using (settlement_id) group by s.settlement_id, s.total_amount",
        "select distinct order_id, payout_id, payout_date from canonical.payments where payment_id = '10'",
    )

    assert kinds == [
        ("charge", Decimal("41"), Decimal("1.23"), Decimal("39.77")),
        ("payout", Decimal("-27.77"), 0, Decimal("-27.77")),
        ("refund", Decimal("-12"), 0, Decimal("-12")),
    ]
    assert sums == [(Decimal("27.77"), Decimal("27.77"))] * 3
    assert numbers == [("#1001", "shopify/shop/EUR/9001", DAY)]


def test_pending_test_and_unknown_movements(shop: Shop) -> None:
    """A payment without a payout is pending; one in test mode is counted and no fact; an unknown word is kept as other."""
    bench = shop(3, ("balance_transactions",))
    charge, test, unknown = (bench.fake.transactions[k] for k in (0, 3, 6))
    charge["associatedPayout"] = {"id": None, "status": "PENDING"}
    test["test"] = True
    unknown["type"] = "VAT_REFUND_CREDIT"
    pull(bench)

    pending, kinds, told = rows(
        bench,
        "select payment_id, payout_date from canonical.payments where payout_id is null",
        "select payment_id, kind, source_type from canonical.payments where payment_id in ('20', '30')",
        "select detected, delivered_count, accepted_count, rejected_count from raw.deliveries",
    )

    assert pending == [("10", None)]
    assert kinds == [("30", "other", "VAT_REFUND_CREDIT")]
    # Each movement stands in the list of its day and, the pending one apart, in that of its payout.
    assert told == [("17 records of 4 pages; 1 left out: made in test mode", 17, 8, 0)]


def test_how_much_tax_is_in_an_adjustment_is_not_told(shop: Shop) -> None:
    """Of 11.90 given back as goodwill nobody says the tax, so the books hold the refund; of shipping Shopify says it: 0.95."""
    bench = shop(1, ("refunds",))
    (order,) = bench.fake.orders
    adjusted, shipping = (
        {
            "id": gid("Refund", n), "createdAt": order["updatedAt"], "processedAt": order["updatedAt"], "refundLineItems": [],
            "refundShippingLines": [], "orderAdjustments": [],
            "transactions": [{"id": gid("OrderTransaction", n), "kind": "REFUND", "status": "SUCCESS", "test": False,
                              "gateway": "shopify_payments", "amountSet": bag(amount)}],
        }
        for n, amount in ((77, "11.90"), (78, "5.95"))
    )  # fmt: skip
    adjusted["orderAdjustments"] = [{"id": gid("OrderAdjustment", 5), "reason": "REFUND_DISCREPANCY",
                                     "amountSet": bag("-10.00"), "taxAmountSet": bag("-1.90")}]  # fmt: skip
    shipping["refundShippingLines"] = [{"id": gid("RefundShippingLine", 6), "subtotalAmountSet": bag("5.00"),
                                        "taxAmountSet": bag("0.95")}]  # fmt: skip
    order["refunds"] = [adjusted, shipping]
    pull(bench)

    found, rejected = rows(
        bench,
        "select return_id, refund_amount, tax_amount from canonical.returns order by 1",
        "select reason from canonical.rejected_rows",
    )

    assert rejected == []
    assert found == [("77-rest", Decimal("11.90"), None), ("78-rest", Decimal("5.95"), Decimal("0.95"))]


def test_a_place_that_sends_no_online_orders_offers_nothing(shop: Shop) -> None:
    """7 there and 5 where online orders are sent from are 5 offered; what is not tracked is not offered by the piece."""
    bench = shop(0, ("inventory",))
    bench.fake.locations = [
        {"id": gid("Location", n), "name": f"Place {n}", "isActive": True, "fulfillsOnlineOrders": n == 1,
         "address": {"countryCode": "DE"}}
        for n in (1, 2)
    ]  # fmt: skip
    warehouse, store = bench.fake.locations
    bench.fake.levels = [
        level(1, warehouse, "BOTH", 5, "2026-11-19T00:00:00Z"),
        {**level(1, store, "BOTH", 7, "2026-11-19T00:00:00Z"), "id": gid("InventoryLevel", 902)},
        level(2, store, "ONLY-THERE", 5, "2026-11-19T00:00:00Z"),
        level(3, warehouse, "SERVICE", 9, "2026-11-19T00:00:00Z", tracked=False),
    ]
    pull(bench)

    (found,) = rows(bench, "select channel_sku, sku, listed_quantity from canonical.listings order by 1")

    assert found == [("801", "BOTH", 5), ("802", "ONLY-THERE", 0)]


def test_what_a_till_rounds_and_who_owes_the_tax(shop: Shop) -> None:
    """10.02 rounded to 10.05 in cash is 10.05 paid; an order of a till names its store; discounts are on the lines they are on."""
    bench = shop(3, ("orders",))
    till, marketplace, test = bench.fake.orders
    till.update(
        sourceName="pos", retailLocation={"id": gid("Location", 7), "name": "Zürich"}, currencyCode="CHF",
        totalPriceSet=bag("10.02", "CHF"), totalDiscountsSet=bag("1.98", "CHF"),
        totalCashRoundingAdjustment={"paymentSet": bag("0.03", "CHF"), "refundSet": bag("0.00", "CHF")},
    )  # fmt: skip
    till["lineItems"][0]["discountAllocations"] = [
        {"allocatedAmountSet": bag("1.00", "CHF")},
        {"allocatedAmountSet": bag("0.98", "CHF")},
    ]
    marketplace["taxLines"] = [{"channelLiable": True}, {"channelLiable": True}]
    marketplace["cancelledAt"] = marketplace["createdAt"]
    test["test"] = True
    pull(bench)

    orders, lines = rows(
        bench,
        "select order_id, status, location_id, currency, total_amount, tax_owed_by from canonical.orders order by 1",
        "select order_line_no, discount_amount, tax_amount from canonical.order_lines where order_id = '#1001' order by 1",
    )

    assert orders == [
        ("#1001", "partially_refunded", "Zürich", "CHF", Decimal("10.05"), "seller"),
        ("#1002", "cancelled", None, "EUR", Decimal("41.00"), "marketplace"),
    ]
    assert lines == [(1, Decimal("1.98"), 2), (2, 0, 4)]


def test_connections_within_an_order_are_read_to_their_end(shop: Shop) -> None:
    """One row of each at once: the same rows as when they come together."""
    everything = [
        "select * exclude (delivery_id, line_no) from canonical.order_lines order by all",
        "select * exclude (delivery_id, line_no) from canonical.orders order by all",
        "select * exclude (delivery_id, line_no) from canonical.returns order by all",
        "select * exclude (delivery_id, line_no) from canonical.fulfilments order by all",
    ]
    found = []
    for nested in (250, 1):
        bench = shop(2, ("orders", "refunds", "fulfilments"))
        bench.fake.nested_rows = nested
        first = bench.fake.orders[0]
        first["shippingLines"].append({"id": gid("ShippingLine", 99), "discountedPriceSet": bag("1.50")})
        first["lineItems"] += [
            {**first["lineItems"][0], "id": gid("LineItem", 900 + k), "sku": f"M-{k}"} for k in range(3)
        ]
        refund = first["refunds"][0]
        refund["refundLineItems"].append({**refund["refundLineItems"][0], "id": gid("RefundLineItem", 88)})
        refund["refundShippingLines"] = [
            {"id": gid("RefundShippingLine", k), "subtotalAmountSet": bag("1.00"), "taxAmountSet": bag("0.20")}
            for k in range(3)
        ]
        refund["transactions"].append(
            {**refund["transactions"][0], "id": gid("OrderTransaction", 77), "amountSet": bag("15.00")}
        )
        pull(bench)
        found.append(rows(bench, *everything))

    assert found[0] == found[1]
    lines, orders, returned, _ = found[1]
    assert [row[2] for row in lines if row[1] == "#1001"] == [1, 2, 3, 4, 5]
    assert sum(row[10] for row in returned if row[2] == "#1001") == Decimal("27.00")
    assert max(row[12] for row in orders) == Decimal("6.50")


def test_goods_that_never_left_do_not_come_back(shop: Shop) -> None:
    """A cancelled line is money alone; so is one that is not restocked; a cancelled shipment counts for nothing."""
    bench = shop(2, ("refunds", "fulfilments"))
    first, second = bench.fake.orders
    first["refunds"][0]["refundLineItems"][0]["restockType"] = "CANCEL"
    second["refunds"][0]["refundLineItems"][0].update(restockType="NO_RESTOCK", restocked=False, location=None)
    first["fulfillments"][0]["status"] = "CANCELLED"
    pull(bench)

    returned, shipped = rows(
        bench,
        "select quantity, disposition, refund_amount from canonical.returns where return_id not like '%rest'",
        "select order_id, sum(quantity) from canonical.fulfilments group by 1 order by 1",
    )

    assert returned == [(0, "none", 12)] * 2
    assert shipped == [("#1001", 0), ("#1002", 2)]


def test_files_until_a_day_and_the_shop_since_then(shop: Shop, samples: Path) -> None:
    """The real payout, its rows before August 25 from the file, the others from the shop: six payments, 2,975.92, not twice."""
    export = samples / "shopify" / "payment_transactions_export_excerpt.csv"
    header, *lines = [line.split(",") for line in export.read_text(encoding="utf-8").splitlines()]
    bench = shop(0, ("balance_transactions",), since="2026-08-25")
    asked = bench.source.model_copy(update={"account": "dubai", "time_zone": "Asia/Dubai"})
    files = Source(
        name="files", connector="shopify_transactions", account="dubai", time_zone="Asia/Dubai", until="2026-08-25"
    )
    bench.home.settings = Settings(source=(asked, files))
    issued = "2026-09-01"
    for number, line in enumerate(lines):
        cell = dict(zip(header, line, strict=True))
        moment, offset = cell["Transaction Date"].rsplit(" ", 1)
        bench.fake.transactions.append(rest.movement({
            "id": number, "type": cell["Type"], "test": False, "payout_id": int(cell["Payout ID"]), "payout_status": "paid",
            "currency": cell["Currency"], "amount": cell["Amount"], "fee": cell["Fee"], "net": cell["Net"], "source_id": None,
            "source_type": None, "source_order_id": int(cell["Order"].lstrip("#")), "source_order_transaction_id": None,
            "processed_at": f"{moment.replace(' ', 'T')}{offset[:3]}:{offset[3:]}",
        }))  # fmt: skip
    bench.fake.payouts = [{"legacyResourceId": lines[0][header.index("Payout ID")], "issuedAt": f"{issued}T00:00:00Z"}]
    pull(bench, date.fromisoformat(issued))
    receive(export, files, bench.archive, bench.registry, "trace-1")

    (payments, total) = rows(
        bench,
        "select source, count(*) from canonical.payments group by 1 order by 1",
        "select settlement_id, count(distinct (delivery_id, line_no)), sum(amount) from canonical.settlement_lines group by 1",
    )

    assert payments == [("files", 5), ("shop", 1)]
    assert total == [("shopify/dubai/AED/148156579998", 6, Decimal("2975.92"))]


def test_the_bucket_of_the_shop_is_kept_to(shop: Shop) -> None:
    """A small bucket that fills slowly: a throttled answer is waited for as long as the points need, then all is there."""
    bench = shop(3, ("payouts",))
    bench.fake.bucket, bench.fake.level, bench.fake.restore_rate = 900.0, 400.0, 40.0
    pull(bench)

    # 50 payouts may cost 803 points at most; 403 are missing, at 40 a second.
    assert bench.fake.clock.slept[0] == pytest.approx(10.075 + 0.5)
    assert len(bench.records()) == 3


def test_a_query_that_is_too_dear_is_asked_in_smaller_pages(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the shop says so; the smaller page is remembered."""
    monkeypatch.setattr("retail_sync_tests.fakes.shopify._QUERY_COST_MAX", 210)
    bench = shop(9, ("payouts",))
    pull(bench)

    sizes = [
        request.document["variables"]["first"]
        for request in bench.server.requests
        if request.path.endswith("graphql.json")
    ]
    assert sizes[:3] == [PAYOUTS.rows, 25, 12]
    assert set(sizes[3:]) <= {12}
    assert len(bench.records()) == 9


@pytest.mark.parametrize(
    ("field", "scope"), [("payouts", "read_shopify_payments_payouts"), ("customer", "read_customers")]
)
def test_a_scope_that_is_missing_is_named(shop: Shop, field: str, scope: str) -> None:
    """What the app may not read is told with the scope; nothing is asked again and again."""
    bench = shop(1, ("payouts" if field == "payouts" else "orders",))
    bench.fake.denied = {field: scope}

    said = problem(bench)

    assert f"ACCESS_DENIED Access denied for {field} field. Required access: `{scope}` access scope." in said
    assert len(bench.server.requests) == 2


def test_a_field_that_the_version_lacks_is_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another version of the interface would say it."""
    monkeypatch.delitem(SCHEMA["Order"], "sourceName")  # type: ignore[arg-type]
    assert "Field 'sourceName' doesn't exist on type 'Order'" in problem(shop(1, ("orders",)))


def test_a_shop_without_shopify_payments(shop: Shop) -> None:
    """It is told what to leave out."""
    bench = shop(1, ("payouts",))
    bench.fake.has_payments = False

    assert "this shop has no Shopify Payments" in problem(bench)


def test_the_token_of_a_custom_app(shop: Shop) -> None:
    """Without an app's id the token of the environment is sent; one that is refused is told, without the token."""
    bench = shop(1, ("payouts",), client_id="")
    bench.fake.token = bench.fake.secrets()["ACCESS_TOKEN"]
    pull(bench)
    assert bench.fake.tokens == 0
    bench.fake.expire_tokens()

    assert problem(bench).startswith("source shop could not be asked for: Shopify refuses the access token")


def test_doctor_names_what_the_app_may_not_read(shop: Shop) -> None:
    """Without read_all_orders Shopify hides orders older than 60 days and says nothing."""
    bench = shop(1)
    bench.fake.scopes.remove("read_all_orders")
    client = WIRE_CONNECTORS["shopify"].connect(
        Access(bench.source, bench.home.state, "doctor", bench.fake.clock.as_clock())
    )

    said = WIRE_CONNECTORS["shopify"].check(client)

    assert said == "Shopify shop Fernway (EUR, Europe/Berlin) answers; the app may not read_all_orders"
    client.close()


@pytest.mark.parametrize(("name", "value"), [("version", "latest"), ("since", "yesterday"), ("location_by", "city")])
def test_settings_that_make_no_sense(shop: Shop, name: str, value: str) -> None:
    """Each is named."""
    bench = shop(1, **{name: value})
    with pytest.raises(RetailSyncError, match=name):
        WIRE_CONNECTORS["shopify"].connect(Access(bench.source, bench.home.state, "doctor"))


def test_money_of_a_withdrawal(shop: Shop) -> None:
    """A debt that the bank pays is negative, whichever sign the list gives it."""
    bench = shop(2, ("payouts",))
    for payout, net in zip(bench.fake.payouts, ("12.00", "-12.00"), strict=True):
        payout.update(transactionType="WITHDRAWAL", net=money(net))
        payout["summary"].update(chargesGross=money("0.00"), chargesFee=money("0.00"))
    pull(bench)

    assert rows(bench, "select total_amount from canonical.payouts") == [[(Decimal(-12),)] * 2]


def test_what_vanished_from_the_list_is_not_offered_any_more(shop: Shop) -> None:
    """The newest whole list ends an offer; one of which a row could not be read ends none, and whatever is read first."""
    offered = "select channel_sku from canonical.current_listings order by 1"
    bench = shop(3, ("inventory",))
    first, second, third = bench.fake.levels
    pull(bench)
    assert rows(bench, offered) == [[("801",), ("802",), ("803",)]]

    bench.fake.clock.sleep(3600)
    second["quantities"] = [{"name": "available", "quantity": "many"}]
    bench.fake.levels = [second, third]
    pull(bench)
    assert rows(bench, offered) == [[("801",), ("802",), ("803",)]]

    bench.fake.clock.sleep(3600)
    bench.fake.levels = [third]
    pull(bench)
    gone = rows(bench, offered, "select count(*) from canonical.listings")
    assert gone == [[("803",)], [(3,)]]

    pipeline = Pipeline(bench.home, "trace-1")
    assert read_anew(pipeline, backwards=False) == read_anew(pipeline, backwards=True)
    assert rows(bench, offered) == [[("803",)]]

    bench.fake.clock.sleep(3600)
    bench.fake.levels = []
    with pipeline.writing("reconciled") as connection:
        connection.execute("delete from raw.touched")
    pull(bench)
    assert rows(bench, offered, "select kind from raw.touched where kind = 'availability'") == [[], [("availability",)]]
