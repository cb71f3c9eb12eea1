"""Amazon over its interface: what is asked, how reports are fetched, and what its figures become."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors.amazon import AmazonConnection
from retail_sync.connectors.intake import receive
from retail_sync.connectors.paged import Heading, page_line, write_end, write_heading
from retail_sync.connectors.wire import Page, Window
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Settings
from retail_sync_tests.connectors.amazon_models import Models
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.fakes.amazon import FakeAmazon
from retail_sync_tests.fakes.amazon_lists import Refused, breakdown, dollars, order_id, settlement_file, usd
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.source import Expired, Knobs

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
Made = Callable[..., PullBench]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """Make homes that pull from a fake Amazon."""
    made: list[PullBench] = []

    def new(rows: int = 3, **knobs: Any) -> PullBench:
        fake = FakeAmazon(FakeClock(), rows)
        fake.knobs = Knobs(**knobs)
        made.append(PullBench(fake, tmp_path / str(len(made)), monkeypatch))
        return made[-1]

    yield new
    for item in made:
        item.close()


@pytest.fixture
def official(samples: Path) -> Path:
    """The models of Amazon's interfaces and their sandbox answers."""
    return samples / "amazon_sp_api"


def pulled(made: PullBench) -> None:
    """Pull once, without a problem."""
    assert [item.problem for item in made.pull() if item.problem] == []


def fetched(made: PullBench) -> dict[str, str]:
    """The settlement reports in the archive, by name."""
    return {name: content for item, name, content in made.records() if item == "settlements"}


def deliver(made: PullBench, name: str, *documents: Any, key: str = "") -> None:
    """Put answers into the archive as a run at noon does, numbers as Amazon writes them."""
    path = made.home.state / f"{name}.jsonl"
    with path.open("wb") as file:
        write_heading(file, Heading("amazon", name, Window(NOON, NOON), NOON))
        for document in documents:
            file.write(page_line(Page(json.dumps(document).encode(), key=key)))
        write_end(file, len(documents))
    receive(path, made.source, made.archive, made.registry, "trace-1", name)


def rows(made: PullBench, query: str) -> list[tuple[Any, ...]]:
    """Load what is delivered and ask the warehouse."""
    pipeline = Pipeline(made.home, "trace-1")
    assert pipeline.load().refused == ()
    with pipeline.writing("look") as connection:
        return connection.execute(query).fetchall()


def test_what_is_asked_and_answered_is_as_amazon_says(make: Made, official: Path) -> None:
    """Every request and every answer of the fake, over pages, fits the vendor's models; all six operations are used."""
    models, made = Models(official / "models"), make(rows=2)
    answer = made.fake.answer

    def watched(request: Request) -> Reply:
        reply = answer(request)
        if not request.path.startswith(("/auth", "/documents")):
            models.check(request, reply)
        return reply

    made.fake.answer = watched  # type: ignore[method-assign]
    pulled(made)
    made.fake.knobs = Knobs(rows=1)
    pulled(made)
    assert models.seen == {
        "getReports", "getReportDocument", "searchOrders", "getInventorySummaries", "listTransactions", "listPayouts",
    }  # fmt: skip


def test_persons_are_not_asked_for(make: Made) -> None:
    """No name, mail or address is in the archive, though Amazon has them."""
    made = make()
    pulled(made)
    archived = str(made.records())
    assert "Thing 1" in archived
    assert "A Person" not in archived
    assert "someone@" not in archived


def test_the_official_sandbox_answers_become_rows(make: Made, official: Path) -> None:
    """Amazon's own examples of the operations we use: three orders with four lines, one transaction without parts."""
    made = make(rows=0)
    said = {name: json.loads((official / "sandbox" / f"{name}.json").read_text())["response"] for name in (
        "orders_2026-01-01.searchOrders.200.0", "orders_2026-01-01.searchOrders.200.1",
        "orders_2026-01-01.searchOrders.200.2", "finances_2024-06-19.listTransactions.200.0",
        "transfers_2024-06-01.listPayouts.200.0",
    )}  # fmt: skip
    deliver(made, "orders", *(document for name, document in said.items() if "searchOrders" in name))
    deliver(made, "unsettled", said["finances_2024-06-19.listTransactions.200.0"])
    deliver(made, "payouts", said["transfers_2024-06-01.listPayouts.200.0"])
    assert rows(made, "select reason from canonical.rejected_rows") == []
    orders = (
        "select order_id, status, currency, total_amount, tax_amount, shipping_amount from canonical.orders order by 1"
    )
    assert rows(made, orders) == [
        ("171-2345678-9012345", "UNSHIPPED", "BRL", Decimal("1599.9000"), 0, 0),
        ("202-7654321-1098765", "SHIPPED", "GBP", Decimal("34.9900"), 0, 0),
        ("250-1234567-8901234", "SHIPPED", "JPY", 19940, 0, 0),
    ]
    lines = "select sku, quantity, unit_price, discount_amount from canonical.order_lines order by all"
    assert rows(made, lines) == [
        ("DELL-I15-BR-001", 1, Decimal("1599.9000"), 0),
        ("ECHO-DOT-4-JP-CHARCOAL", 1, 5980, 0),
        ("ECHO-DOT-4-UK-CHARCOAL-SINGLE", 1, Decimal("34.9900"), 0),
        ("FIRE-TV-4K-MAX-JP", 2, 6980, 0),
    ]
    held = "select category, amount, currency, transaction_date from canonical.deferred_transactions"
    assert rows(made, held) == [("unclassified", 10, "USD", date(2020, 7, 14))]


def test_a_fetched_report_is_the_file_a_person_downloads(make: Made) -> None:
    """Packed on the way (odd numbers) or not: by hand into another home it is the same delivery with the same rows."""
    look = "select * from canonical.settlement_lines order by all"
    names = ("50000000001", "50000000002")
    by_run, by_hand = make(rows=2), make(rows=2)
    pulled(by_run)
    for name in names:
        path = by_hand.home.state / f"settlement_{name}.txt"
        path.write_bytes(settlement_file(name))
        receive(path, by_hand.source, by_hand.archive, by_hand.registry, "trace-1", by_hand.source.object)
    theirs = {d.delivery_id for d in by_run.registry.all() if d.object == "settlements"}
    assert theirs == {d.delivery_id for d in by_hand.registry.all()}
    assert fetched(by_run) == {name: settlement_file(name).decode() for name in names}
    assert rows(by_run, look) == rows(by_hand, look) != []


def test_the_official_sandbox_answers_of_reports_are_read(make: Made, official: Path) -> None:
    """A report in progress is none; one that is done is fetched at the address that the document call says."""
    made = make(rows=1)
    said = {name: json.loads((official / "sandbox" / f"reports_2021-06-30.{name}.200.0.json").read_text())["response"]
            for name in ("getReports", "getReportDocument")}  # fmt: skip
    done = {**said["getReports"]["reports"][0], "reportId": "R2", "processingStatus": "DONE",
            "reportDocumentId": said["getReportDocument"]["reportDocumentId"]}  # fmt: skip
    answer = made.fake.answer

    def official_answer(request: Request) -> Reply:
        if request.path.endswith("/reports"):
            return Reply(200, {"reports": [done]} if "nextToken" in request.query else said["getReports"])
        if "/reports/2021-06-30/documents/" in request.path:
            assert request.path.endswith(done["reportDocumentId"])
            host = "https://d34o8swod1owfl.cloudfront.net"
            return Reply(
                200,
                {**said["getReportDocument"], "url": said["getReportDocument"]["url"].replace(host, made.server.url)},
            )
        if request.path.startswith("/Report_"):
            return Reply(200, settlement_file("50000000001"))
        return answer(request)

    made.fake.answer = official_answer  # type: ignore[method-assign]
    pulled(made)
    assert set(fetched(made)) == {"R2"}


def test_a_report_in_the_making_comes_when_it_is_done(make: Made) -> None:
    """Days later, by the look-back; one that failed never comes, and none comes twice."""
    made = make()
    first, second, _ = made.fake.lists.reports
    first["processingStatus"], second["processingStatus"] = "FATAL", "IN_PROGRESS"
    pulled(made)
    assert set(fetched(made)) == {"50000000003"}
    made.fake.clock.sleep(5 * 86_400)
    second["processingStatus"] = "DONE"
    pulled(made)
    pulled(made)
    assert set(fetched(made)) == {"50000000002", "50000000003"}
    asked = [request.path for request in made.server.requests if request.path.startswith("/documents/")]
    assert len(asked) == 2


def test_an_address_that_expired_is_asked_for_again(make: Made) -> None:
    """It holds for five minutes. A passing 403 of the call for it is waited for as well."""
    made = make(rows=1)
    made.fake.stale_addresses, made.fake.passing_403 = 2, 2
    pulled(made)
    assert set(fetched(made)) == {"50000000001"}


def test_a_refusal_that_stays_is_told(make: Made) -> None:
    """Without the right for reports, everything else comes all the same."""
    made = make(rows=1)
    made.fake.passing_403 = 1_000
    problems = {item.object: item.problem for item in made.pull()}
    told = problems.pop("settlements")
    assert told is not None
    assert told.kind == "configuration"
    assert "403" in told.message
    assert set(problems.values()) == {None}


def test_access_tokens_last_an_hour(make: Made) -> None:
    """A new one is fetched before; one withdrawn (403, not 401) is replaced at once. None is on the disk."""
    made = make(rows=1)
    pulled(made)
    made.fake.expire_tokens()
    made.fake.clock.sleep(86_400)
    pulled(made)
    assert not list(made.home.state.rglob("*oauth*"))


def test_the_rate_that_amazon_says_is_kept(make: Made) -> None:
    """A seller with a tenth of the usual rate is throttled once at most: the header takes the place of the default."""
    made = make(rows=30)
    made.home.settings = Settings(source=(made.source.model_copy(update={"objects": ("payouts",)}),))
    made.fake.knobs = Knobs(rows=1)
    made.fake.rates["listPayouts"] = (0.05, 10)
    began = made.fake.clock.time()
    pulled(made)
    assert len(made.server.requests) - made.fake.throttled == 1 + 30
    assert made.fake.throttled <= 1
    assert made.fake.clock.time() - began == pytest.approx(20 / 0.05, rel=0.1)


def test_what_is_held_back_is_asked_for_once_a_day(make: Made) -> None:
    """The first answer of the first of a month is what the month end is booked from: later ones must not replace it."""
    made = make(rows=1)
    pulled(made)
    made.fake.lists.transactions[0]["transactionStatus"] = "DEFERRED_RELEASED"
    made.fake.clock.sleep(3_600)
    pulled(made)
    look = "select snapshot_date, count(*) from canonical.deferred_transactions group by all order by 1"
    assert rows(made, look) == [(date(2026, 11, 20), 3)]
    made.fake.clock.sleep(86_400)
    pulled(made)
    assert len([d for d in made.registry.all() if d.object == "unsettled"]) == 1  # nothing is held back any more


def test_amounts_of_an_order_are_those_that_sum_to_its_total(make: Made) -> None:
    """2 x 10.00 + 1.50 - 2.00 + 1.56 = 21.06, told with either sign of the discount; a sum that is wrong is not used."""
    made = make(rows=3)
    other, wrong = made.fake.lists.orders[1:]
    other["orderItems"][0]["proceeds"]["breakdowns"][2]["subtotal"] = usd("2.00")
    wrong["proceeds"]["grandTotal"] = usd("21.07")
    deliver(made, "orders", {"orders": made.fake.lists.orders})
    look = "select total_amount, tax_amount, shipping_amount, discount_amount from canonical.orders order by order_id"
    assert [tuple(map(str, row)) for row in rows(made, look)] == [
        ("21.0600", "1.5600", "1.5000", "2.0000"), ("21.0600", "1.5600", "1.5000", "2.0000"), ("21.0700", "None", "None", "None"),
    ]  # fmt: skip
    lines = "select distinct quantity, unit_price, discount_amount, tax_amount from canonical.order_lines"
    assert rows(made, lines) == [(2, 10, 2, Decimal("1.5600"))]


def test_an_order_that_is_cancelled_takes_the_place_of_the_open_one(make: Made) -> None:
    """It may have no amounts then. What Amazon ships for other channels is no order of Amazon."""
    made = make(rows=3)
    cancelled, foreign, _ = made.fake.lists.orders
    deliver(made, "orders", {"orders": [cancelled]})
    cancelled["fulfillment"]["fulfillmentStatus"] = "CANCELLED"
    cancelled["lastUpdatedTime"] = "2026-11-20T11:00:00Z"
    del cancelled["proceeds"], cancelled["orderItems"][0]["proceeds"], cancelled["orderItems"][0]["product"]["price"]
    foreign["salesChannel"] = {"channelName": "NON_AMAZON"}
    deliver(made, "orders", {"orders": made.fake.lists.orders})
    look = "select order_id, status, total_amount from canonical.orders order by order_id"
    assert rows(made, look) == [(order_id(1), "CANCELLED", 0), (order_id(3), "SHIPPED", Decimal("21.0600"))]
    assert rows(made, "select reason from canonical.rejected_rows") == []


def test_stock_is_what_lies_in_the_centres(make: Made) -> None:
    """11 to sell, 4 reserved, 3 unsellable, 1 looked for: 19. What is on its way in (12) is not there; 11 are offered."""
    made = make(rows=1)
    pulled(made)
    look = "select location_id, sku, kind, quantity, business_date from canonical.stock_counts"
    assert rows(made, look) == [("FBA", "A-1", "marketplace", 19, date(2026, 11, 20))]
    assert rows(made, "select channel_sku, sku, listed_quantity from canonical.listings") == [("A-1", "A-1", 11)]


def transaction(total: float, *parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A transaction whose breakdowns stand at its item."""
    items = [{"totalAmount": dollars(total), "breakdowns": list(parts)}]
    return {"transactionId": "T", "transactionStatus": "DEFERRED", "transactionType": "Shipment",
            "postedDate": "2026-11-19T10:00:00Z", "totalAmount": dollars(total), "items": items, **more}  # fmt: skip


COMMISSION = breakdown("Commission", -3.0, breakdown("Base", -2.5), breakdown("Tax", -0.5))
FEES = breakdown("AmazonFees", -3.5, COMMISSION, breakdown("NewFee2031", -0.5))
GOODS = breakdown("ProductCharges", 20.0, breakdown("OurPricePrincipal", 20.0))
HELD = {
    "a fee nobody knows": (
        transaction(16.5, GOODS, FEES),
        {"product_sales": "20.0000", "referral_fee": "-3.0000", "unclassified": "-0.5000"},
    ),
    "parts that do not sum to the total": (
        transaction(19.0, GOODS),
        {"product_sales": "20.0000", "unclassified": "-1.0000"},
    ),
    "breakdowns at the transaction only": (
        {**transaction(17.0), "breakdowns": [breakdown("Sales", 20.0, GOODS), breakdown("Expenses", -3.0, COMMISSION)]},
        {"product_sales": "20.0000", "referral_fee": "-3.0000"},
    ),
    "a refund": (
        transaction(
            -17.61, breakdown("OurPricePrincipal", -20.0), breakdown("Commission", 2.99), breakdown("RefundCommission", -0.6),
            breakdown("OurPriceTax", -1.56), breakdown("MarketplaceFacilitatorTax-Principal", 1.56), transactionType="Refund",
        ),
        {"product_refunds": "-20.0000", "referral_fee_refunded": "2.9900", "refund_administration_fee": "-0.6000",
         "tax_refunded": "-1.5600", "tax_withheld_refunded": "1.5600"},
    ),
    "a kind of transaction that has no rules": (
        transaction(0.42, breakdown("OurPricePrincipal", 0.42), transactionType="RemovalShipment"),
        {"unclassified": "0.4200"},
    ),
    "zeros of unknown words": (transaction(20.0, GOODS, breakdown("Sales", 0.0)), {"product_sales": "20.0000"}),
    "one that was released meanwhile": (transaction(20.0, GOODS, transactionStatus="DEFERRED_RELEASED"), {}),
}  # fmt: skip


@pytest.mark.parametrize("case", HELD)
def test_what_is_held_back_has_the_categories_of_settlements(make: Made, case: str) -> None:
    """By the governed rules, each amount once, and all of them together the total."""
    given, expected = HELD[case]
    made = make(rows=0)
    deliver(made, "unsettled", {"payload": {"transactions": [given, given]}})
    look = "select category, cast(sum(amount) as varchar) from canonical.deferred_transactions group by all"
    assert dict(rows(made, look)) == expected
    assert rows(made, "select reason from canonical.rejected_rows") == []


def test_a_place_for_stock_is_a_pair() -> None:
    """A marketplace alone would be counted nowhere."""
    with pytest.raises(ValueError, match="is not MARKETPLACE_ID=location"):
        AmazonConnection(region="eu", marketplaces=("A1PA6795UKMFR9",), fba_locations=("A1PA6795UKMFR9",))


def test_the_fake_refuses_what_amazon_refuses(make: Made) -> None:
    """A fake that takes everything would let everything pass."""
    made = make(rows=2)
    fake, lists = made.fake, made.fake.lists
    fake.knobs = Knobs(rows=1)
    asked = {"reportTypes": "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2"}
    token = lists.page("getReports", asked)["nextToken"]
    with pytest.raises(Refused, match="only parameter"):
        lists.page("getReports", {**asked, "nextToken": token})
    assert len(lists.page("getReports", {"nextToken": token})["reports"]) == 1
    stock = {"granularityType": "Marketplace", "granularityId": "M"}
    token = lists.page("getInventorySummaries", stock)["pagination"]["nextToken"]
    fake.clock.sleep(31)
    with pytest.raises(Expired):
        lists.page("getInventorySummaries", {**stock, "nextToken": token})
    held = {"postedAfter": "2026-01-01T00:00:00Z", "postedBefore": "2026-11-20T00:00:00Z"}
    assert lists.page("listTransactions", held)["payload"]["transactions"] == []
    with_token = Request("GET", "/documents/x", {}, {"x-amz-access-token": "t"}, b"")
    assert fake.answer(with_token).status == 400
    assert fake.answer(Request("GET", "/orders/2026-01-01/orders", {}, {}, b"")).status == 403
