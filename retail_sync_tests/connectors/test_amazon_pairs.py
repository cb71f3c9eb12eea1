"""Every pair of request and answer of Amazon's sandbox, and what becomes of it; a pair that is not listed here fails.

The reasons and the rows stand in `amazon_outcomes.py`, worked by hand. An answer of an operation that the connector asks is
served as it is. What other operations tell (Orders v0, Finances v0, one order) are facts that the fake Amazon holds
(`amazon_pairs.py`), and the connector asks for them as it always does: the product has no second way of reading. Every answer
of the fake is checked against the vendor's model.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from retail_sync.connectors.pulling import Days
from retail_sync.operations.cursors import Cursors
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Settings
from retail_sync_tests.connectors.amazon_bench import Made, fetched, pulled, rows, watched
from retail_sync_tests.connectors.amazon_models import Models
from retail_sync_tests.connectors.amazon_outcomes import (
    HELD_BACK,
    LINES,
    ORDERS,
    OUTSIDE_THE_MODELS,
    PAIRS,
    PAYOUTS,
    cells,
    expected,
)
from retail_sync_tests.connectors.amazon_pairs import (
    Pair,
    events_held,
    order_held,
    payout_held,
    read_pairs,
    settlement_held,
)
from retail_sync_tests.connectors.pulled import NAME, PullBench
from retail_sync_tests.fakes.amazon_lists import settlement_file
from retail_sync_tests.fakes.server import Reply, Request

# Interface: the operation in whose place its refusals are served, its list and its path.
ORDERS_OF = ("searchOrders", "orders", "/orders/2026-01-01/orders")
FINANCES_OF = ("listTransactions", "unsettled", "/finances/2024-06-19/transactions")
REFUSED = {
    "ordersV0": ORDERS_OF,
    "orders_2026-01-01": ORDERS_OF,
    "tokens_2021-03-01": ORDERS_OF,
    "financesV0": FINANCES_OF,
    "finances_2024-06-19": FINANCES_OF,
    "financesInvoices_2026-06-25": FINANCES_OF,
    "transfers_2024-06-01": ("listPayouts", "payouts", "/finances/transfers/2024-06-01/payouts"),
    "reports_2021-06-30": ("getReports", "settlements", "/reports/2021-06-30/reports"),
}
DOCUMENT_OF = ("getReportDocument", "settlements", "/reports/2021-06-30/documents/")


@pytest.fixture
def pairs(official: Path) -> Mapping[str, Pair]:
    """All pairs, by the name of their file."""
    return read_pairs(official)


@pytest.fixture
def shop(amazon: Made, official: Path) -> PullBench:
    """A home that pulls from an empty Amazon, of which every answer is checked."""
    made = amazon(rows=0)
    watched(made, Models(official / "models"))
    return made


def test_every_pair_is_accounted_for(official: Path, pairs: Mapping[str, Pair]) -> None:
    """A pair that Amazon adds is looked at by somebody; the files are all pairs that the models hold."""
    listed: dict[str, str] = {}
    for line in PAIRS.strip().splitlines():
        operation, good, refused, becomes = (cell.strip() for cell in line.split("|"))
        listed |= {f"{operation}.{answer}": becomes for answer in good.split()}
        listed |= {f"{operation}.400.{n}": "" for n in range(int(refused))}
    assert set(listed) == set(pairs) == Models(official / "models").pairs
    assert {name for name, becomes in listed.items() if not becomes} == {
        p.name for p in pairs.values() if p.status >= 400
    }
    facts = {name for name, becomes in listed.items() if becomes == "facts"}
    assert facts == set().union(ORDERS, LINES, HELD_BACK, PAYOUTS)


def test_what_the_sandbox_sends_is_as_its_models_say(official: Path, pairs: Mapping[str, Pair]) -> None:
    """Every good request, of all operations, and every answer."""
    models = Models(official / "models")
    outside = set()
    for pair in pairs.values():
        operation = models.operations[pair.operation]
        operation.check_answer(pair.status, pair.answer)
        try:
            operation.check_values(pair.parameters)
        except (AssertionError, ValueError, jsonschema.ValidationError):
            outside.add(pair.name)
    assert {name for name in outside if pairs[name].status < 400} == OUTSIDE_THE_MODELS


def test_answers_of_what_is_asked_become_rows(shop: PullBench, pairs: Mapping[str, Pair]) -> None:
    """Served as they are, over pages: the first orders name a next page, which is the second pair; the third is of the next day."""
    names = [f"orders_2026-01-01.searchOrders.200.{n}" for n in range(3)]
    held, paid = "finances_2024-06-19.listTransactions.200.0", "transfers_2024-06-01.listPayouts.200.0"
    says = shop.fake.says
    says["searchOrders"] = [Reply(200, pairs[name].answer) for name in names]
    says["listTransactions"] = [Reply(200, pairs[held].answer), Reply(200, {"payload": {"transactions": []}})]
    says["listPayouts"] = [Reply(200, pairs[paid].answer), Reply(200, {"payouts": []})]
    pulled(shop)
    assert not any(says.values())
    assert orders(shop) == expected(ORDERS, names)
    assert lines(shop) == expected(LINES, names)
    assert held_back(shop) == expected(HELD_BACK, [held])
    assert payouts(shop) == expected(PAYOUTS, [paid])
    assert rows(shop, "select reason from canonical.rejected_rows") == []


def test_orders_that_pairs_tell_of_become_rows(shop: PullBench, pairs: Mapping[str, Pair]) -> None:
    """Three whole ones, as getOrder tells them, held by the shop and searched for by day."""
    names = [f"orders_2026-01-01.getOrder.200.{n}" for n in range(3)]
    shop.fake.lists.orders = [pairs[name].answer["order"] for name in names]
    pull_orders(shop)
    assert orders(shop) == expected(ORDERS, names)
    assert lines(shop) == expected(LINES, names)
    assert rows(shop, "select reason from canonical.rejected_rows") == []
    archived = str(shop.records())
    for person in ("Maria Silva Santos", "Rua das Flores", "Mehmet Yilmaz", "TR1234567890", "100 Main Street"):
        assert person not in archived


def test_orders_of_version_0_become_rows(shop: PullBench, pairs: Mapping[str, Pair]) -> None:
    """An order that two pairs tell of is one. Of an order without items no tax is known, and none is made up."""
    told = [order for n in range(3) for order in pairs[f"ordersV0.getOrders.200.{n}"].answer["payload"]["Orders"]]
    told += [pairs[f"ordersV0.getOrder.200.{n}"].answer["payload"] for n in range(2)]
    assert (told[4], told[3]) == (told[0], told[2])
    assert ORDERS["ordersV0.getOrder.200.0"] == ORDERS["ordersV0.getOrders.200.0"][:1]
    with_items = pairs["ordersV0.getOrderItems.200.0"].answer["payload"]
    items = {with_items["AmazonOrderId"]: with_items["OrderItems"]}
    each = {order["AmazonOrderId"]: order for order in told}
    shop.fake.lists.orders = [order_held(order, items.get(number, ())) for number, order in each.items()]
    pull_orders(shop)
    assert orders(shop) == expected(ORDERS, ["ordersV0.getOrders.200.0", "ordersV0.getOrder.200.1"])
    assert lines(shop) == expected(LINES, ["ordersV0.getOrderItems.200.0"])
    assert rows(shop, "select reason from canonical.rejected_rows") == []


def test_persons_do_not_come(shop: PullBench, pairs: Mapping[str, Pair]) -> None:
    """The shop knows who bought and where it is sent; the archive does not."""
    buyer, address = (
        pairs[f"ordersV0.{name}.200.0"].answer["payload"] for name in ("getOrderBuyerInfo", "getOrderAddress")
    )
    order = order_held(
        pairs["ordersV0.getOrder.200.0"].answer["payload"],
        buyer={"buyerName": buyer["BuyerName"], "buyerEmail": buyer["BuyerEmail"]},
        recipient={"deliveryAddress": {
            "name": address["ShippingAddress"]["Name"], "addressLine1": address["ShippingAddress"]["AddressLine1"],
        }},
    )  # fmt: skip
    shop.fake.lists.orders = [order]
    pull_orders(shop)
    archived = str(shop.records())
    assert order["orderId"] in archived
    assert "MFNIntegrationTestMerchant" in str(order)
    for person in ("fzyrv6gwkhbb15c@example.com", "MFNIntegrationTestMerchant", "2201 WESTLAKE AVE"):
        assert person not in archived


def test_a_price_that_cannot_be_is_rejected(shop: PullBench, pairs: Mapping[str, Pair]) -> None:
    """1.99 yen for gift wrap, the only amount of getOrderItemsBuyerInfo: as an order's total it is no amount of that currency."""
    [item] = pairs["ordersV0.getOrderItemsBuyerInfo.200.0"].answer["payload"]["OrderItems"]
    total = {"CurrencyCode": item["GiftWrapPrice"]["CurrencyCode"], "Amount": item["GiftWrapPrice"]["Amount"]}
    shop.fake.lists.orders = [order_held({**pairs["ordersV0.getOrder.200.0"].answer["payload"], "OrderTotal": total})]
    pull_orders(shop)
    assert orders(shop) == Counter()
    look = "select table_name, column_name, value from canonical.rejected_rows"
    assert rows(shop, look) == [("orders", "total_amount", "1.99")]


@pytest.mark.parametrize("name", [name for name in HELD_BACK if name.startswith("financesV0")])
def test_financial_events_become_rows(shop: PullBench, pairs: Mapping[str, Pair], name: str) -> None:
    """Held back by Amazon on the day after: every amount once, each transaction with the sum of what is paid."""
    asks(shop, "unsettled", now=datetime(2020, 2, 6, 12, tzinfo=UTC))
    shop.fake.lists.transactions = events_held(pairs[name].answer["payload"]["FinancialEvents"])
    pulled(shop)
    assert held_back(shop) == expected(HELD_BACK, [name])
    assert rows(shop, "select distinct order_id from canonical.deferred_transactions") == [(None,)]
    assert rows(shop, "select reason from canonical.rejected_rows") == []


def test_a_group_of_events_is_a_payout_and_a_settlement(shop: PullBench, pairs: Mapping[str, Pair]) -> None:
    """10.34 paid out, begun with 55.33: booked from the settlement only, and held there, since 44.99 is explained by nothing."""
    name = "financesV0.listFinancialEventGroups.200.0"
    [group] = pairs[name].answer["payload"]["FinancialEventGroupList"]
    asks(shop, "payouts", "settlements", now=datetime(2020, 2, 8, 12, tzinfo=UTC))
    shop.fake.lists.payouts = [payout_held(group)]
    at = group["FundTransferDate"]
    shop.fake.lists.reports = [{
        "reportId": "1", "reportType": "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2", "createdTime": at,
        "processingStatus": "DONE", "reportDocumentId": "D1",
    }]  # fmt: skip
    shop.fake.lists.files["1"] = settlement_held(group)
    pulled(shop)
    assert payouts(shop) == expected(PAYOUTS, [name])
    look = "select settlement_id, currency, total_amount, deposit_date, period_start_at from canonical.settlements"
    assert seen(shop, look) == Counter([(("1", *cells("USD; 10.34; 2020-02-07; 2020-02-07T14:38:42Z")))])
    assert seen(shop, "select category, amount from canonical.settlement_lines") == Counter(
        [cells("reserve_released; 55.33")]
    )
    pipeline = Pipeline(shop.home, "trace-1")
    pipeline.reconcile()
    with pipeline.writing("look") as connection:
        found = connection.execute("select status, lines_difference from reconcile.settlement_totals").fetchall()
    assert found == [("variance", Decimal("44.99"))]


def test_a_report_is_fetched_where_it_lies(amazon: Made, pairs: Mapping[str, Pair]) -> None:
    """The report of getReports is in the making: it is none. One that is done lies where getReportDocument says."""
    made = amazon(rows=1)
    listed = pairs["reports_2021-06-30.getReports.200.0"].answer
    lies = pairs["reports_2021-06-30.getReportDocument.200.0"].answer
    done = {
        **listed["reports"][0],
        "reportId": "R2",
        "processingStatus": "DONE",
        "reportDocumentId": lies["reportDocumentId"],
    }
    made.fake.says["getReports"] = [Reply(200, listed), Reply(200, {"reports": [done]})]
    here = lies["url"].replace("https://d34o8swod1owfl.cloudfront.net", made.server.url)
    made.fake.says["getReportDocument"] = [Reply(200, {**lies, "url": here})]
    answer = made.fake.answer

    def with_the_report(request: Request) -> Reply:
        if request.path == "/Report_47700__GET_MERCHANT_LISTINGS_ALL_DATA_.txt":
            return Reply(200, settlement_file("50000000001"))
        return answer(request)

    made.fake.answer = with_the_report  # type: ignore[method-assign]
    asks(made, "settlements")
    pulled(made)
    assert set(fetched(made)) == {"R2"}
    asked = [request.path for request in made.server.requests]
    assert "/reports/2021-06-30/documents/0356cf79-b8b0-4226-b4b9-0ee058ea5760" in asked


def test_every_refusal_is_told_and_brings_nothing(amazon: Made, pairs: Mapping[str, Pair]) -> None:
    """Each in the place of a list of its interface: where, status, code and message, and afterwards everything comes still."""
    made = amazon(rows=1)
    settings = made.home.settings
    cursors = Cursors(made.engine)
    refused = [pair for pair in pairs.values() if pair.status >= 400]
    for pair in refused:
        is_document = pair.operation == "reports_2021-06-30.getReportDocument"
        operation, item, path = DOCUMENT_OF if is_document else REFUSED[pair.operation.split(".")[0]]
        asks(made, item)
        made.fake.says[operation] = [Reply(pair.status, pair.answer)]
        [told] = made.pull()
        assert told.problem is not None, pair.name
        assert told.problem.kind == "configuration"
        assert f"Amazon, GET {path}" in told.problem.message
        assert f": {pair.status} " in told.problem.message
        for error in pair.answer.get("errors", [])[:1]:
            assert error["code"] in told.problem.message
            assert error["message"] in told.problem.message
        assert told.received == ()
        assert cursors.reached(NAME, item) is None
    assert made.registry.all() == []
    made.home.settings = settings
    pulled(made)
    assert {name for name, _, _ in made.records()} == {"settlements", "orders", "fba_inventory", "unsettled", "payouts"}


def asks(made: PullBench, *objects: str, now: datetime | None = None) -> None:
    """Have the home ask for these lists only; with `now`, on that day, and from ten days before on."""
    source = made.source.model_copy(update={"objects": objects})
    if now:
        made.fake.clock.now = now.timestamp()
        source = source.model_copy(update={"start_date": now.date() - timedelta(days=10)})
    made.home.settings = Settings(source=(source,))


def pull_orders(made: PullBench) -> None:
    """Ask for the past days on which the orders of the shop were changed last."""
    asks(made, "orders")
    for day in {date.fromisoformat(order["lastUpdatedTime"][:10]) for order in made.fake.lists.orders}:
        assert [item.problem for item in made.pull(Days(day, day + timedelta(days=1)))] == [None]


def orders(made: PullBench) -> Counter[tuple[Any, ...]]:
    """The canonical orders, as they stand in `ORDERS`."""
    return seen(
        made,
        "select order_id, ordered_at, status, currency, total_amount, tax_amount, shipping_amount, discount_amount "
        "from canonical.orders",
    )


def lines(made: PullBench) -> Counter[tuple[Any, ...]]:
    """The canonical lines, as they stand in `LINES`."""
    return seen(
        made,
        "select order_id, order_line_no, sku, title, quantity, unit_price, tax_amount, discount_amount "
        "from canonical.order_lines",
    )


def held_back(made: PullBench) -> Counter[tuple[Any, ...]]:
    """The canonical transactions that are held back, as they stand in `HELD_BACK`."""
    return seen(
        made,
        "select transaction_date, category, currency, count(*), sum(amount) from canonical.deferred_transactions "
        "group by transaction_id, transaction_date, category, currency",
    )


def payouts(made: PullBench) -> Counter[tuple[Any, ...]]:
    """The payouts in the raw archive, as they stand in `PAYOUTS`."""
    told = [json.loads(record, parse_float=Decimal) for item, _, record in made.records() if item == "payouts"]
    return Counter(
        cells("; ".join((
            p["id"], p["currentStatus"], p["amount"]["currencyCode"], str(p["amount"]["currencyAmount"]), p["traceId"],
            p["creationDate"],
        )))
        for p in told
    )  # fmt: skip


def seen(made: PullBench, query: str) -> Counter[tuple[Any, ...]]:
    """What a query finds, in no order."""
    return Counter(rows(made, query))
