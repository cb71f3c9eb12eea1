"""Vendure's orders, refunds, shipments and stock as a real server gives them, beside what it says of them to others."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors import vendure
from retail_sync.connectors.paged import records_of
from retail_sync.connectors.registry import WIRE_CONNECTORS
from retail_sync.connectors.wire import Access, Page, Window
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home, Settings, Source
from retail_sync_tests.connectors.test_vendure import cells, query
from retail_sync_tests.connectors.vendure_server import READER_PASSWORD, Api, Shop, not_at_midnight, open_shop
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.vendure import FakeVendure

pytestmark = pytest.mark.services


def home_of(shop: Shop, root: Path) -> Home:
    """A home whose only source is the shop, loaded from it once."""
    home = Home(root)
    home.state.mkdir(parents=True, exist_ok=True)
    source = Source(
        name="shop",
        connector="vendure",
        connection=shop.connection(),
        start_date=datetime.now(UTC).date(),
        look_back_days=1,
    )
    home.settings = Settings(source=(source,))
    time.sleep(1)  # a window ends with the last whole second: what was placed in this one is for the next run
    pull(home)
    return home


def pull(home: Home) -> None:
    """Pull and load."""
    pipeline = Pipeline(home, "test")
    assert [item.problem for item in pipeline.pull() if item.problem] == []
    assert pipeline.load().refused == ()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """A shop that sells mugs, lamps and cards. A card is 3.996 with its tax."""
    not_at_midnight()
    os.environ["RETAIL_SYNC_SHOP_PASSWORD"] = READER_PASSWORD
    yield open_shop({"MUG": 1000, "LAMP": 5550, "CARD": 333})
    del os.environ["RETAIL_SYNC_SHOP_PASSWORD"]


@pytest.fixture(scope="module")
def orders(shop: Shop) -> dict[str, str]:
    """Codes of orders: one of which a mug came back, one shipped in part, one only authorised, one whose refund is pending."""
    returned, parted, authorised, pending = (
        shop.place(MUG=2, LAMP=1), shop.place(MUG=1, CARD=3), shop.place(LAMP=2), shop.place(CARD=1),
    )  # fmt: skip
    for order in (returned, parted, pending):
        shop.settle(order)
    shop.move(shop.ship(returned, MUG=2, LAMP=1), "Delivered")
    shop.take_back(returned, "MUG", 1)
    shop.settle_refund(shop.refund(returned, 1200, MUG=1))
    shop.ship(parted, CARD=3)
    shop.refund(pending, 400, CARD=1)
    return {
        "returned": returned["code"],
        "parted": parted["code"],
        "authorised": authorised["code"],
        "pending": pending["code"],
    }


@pytest.fixture(scope="module")
def real(shop: Shop, orders: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that the orders were pulled into."""
    assert orders
    return home_of(shop, tmp_path_factory.mktemp("shop"))


# order | total | tax | shipping: a lamp is 66.60 with 11.10 of tax, a mug 12.00 with 2.00, three cards 11.99 with 2.00
TOTALS = """
returned   | 95.60  | 15.10 | 5.00
parted     | 28.99  | 4.00  | 5.00
authorised | 138.20 | 22.20 | 5.00
pending    | 9.00   | 0.67  | 5.00
"""


@pytest.mark.parametrize(("name", "total", "tax", "shipping"), cells(TOTALS))
def test_order(real: Home, orders: dict[str, str], shop: Shop, name: str, total: str, tax: str, shipping: str) -> None:
    """As it was paid for, to the minor unit; what the server says of it agrees, and of the one whose mug came back its payment."""
    found = query(
        real,
        "select total_amount, tax_amount, shipping_amount, currency, destination_country, status from canonical.orders "
        f"where order_id = '{orders[name]}'",
    )
    said = shop.order(orders[name])
    assert found == [(Decimal(total), Decimal(tax), Decimal(shipping), "USD", "GB", said["state"])]
    paid = said["totalWithTax"] if name != "returned" else said["payments"][0]["amount"]
    assert found[0][0] == Decimal(paid) / 100
    if name == "returned":
        assert said["totalWithTax"] == 8360  # Vendure took the mug off its total


def test_lines_and_rejects(real: Home, orders: dict[str, str]) -> None:
    """Units as they were sold; price and discount say together what a line was worth, also where cents were rounded."""
    names = {code: name for name, code in orders.items()}
    rows = query(
        real,
        "select order_id, sku, quantity, quantity * unit_price - discount_amount, tax_amount from canonical.order_lines",
    )
    assert {(names[order], sku, int(units), f"{worth:.2f}", f"{tax:.2f}") for order, sku, units, worth, tax in rows} == {
        ("returned", "MUG", 2, "24.00", "4.00"), ("returned", "LAMP", 1, "66.60", "11.10"),
        ("parted", "MUG", 1, "12.00", "2.00"), ("parted", "CARD", 3, "11.99", "2.00"),
        ("authorised", "LAMP", 2, "133.20", "22.20"), ("pending", "CARD", 1, "4.00", "0.67"),
    }  # fmt: skip
    assert query(real, "select * from canonical.rejected_rows") == []


def test_money(real: Home, orders: dict[str, str]) -> None:
    """What was settled, and the refund that was; neither what is authorised nor what is pending."""
    rows = query(real, "select order_id, kind, gross_amount, net_amount, source_type from canonical.payments")
    word = "standard-payment"
    assert set(rows) == {
        (orders["returned"], "charge", Decimal("95.60"), Decimal("95.60"), word),
        (orders["returned"], "refund", Decimal("-12.00"), Decimal("-12.00"), word),
        (orders["parted"], "charge", Decimal("28.99"), Decimal("28.99"), word),
        (orders["pending"], "charge", Decimal("9.00"), Decimal("9.00"), word),
    }


def test_refund_and_shipments(real: Home, orders: dict[str, str]) -> None:
    """The refund of a mug with the tax in it; units by shipment, also of what was delivered since."""
    columns = "order_id, sku, quantity, refund_amount, tax_amount, disposition"
    [refund] = query(real, f"select {columns} from canonical.returns")
    assert refund == (orders["returned"], "MUG", 1, Decimal("12.00"), Decimal("2.00"), "none")
    rows = query(real, "select order_id, sku, cast(quantity as integer), business_date from canonical.fulfilments")
    today = datetime.now(UTC).date()
    assert set(rows) == {
        (orders["returned"], "MUG", 2, today),
        (orders["returned"], "LAMP", 1, today),
        (orders["parted"], "CARD", 3, today),
    }


def test_stock(real: Home, shop: Shop) -> None:
    """What may be sold of each article: on hand less allocated, as the server counts them."""
    rows = query(real, "select channel, sku, cast(listed_quantity as integer) from canonical.listings order by sku")
    # 100 each; 4 cards sold, of which 3 left; 3 lamps, 1 left; 3 mugs, 2 left and 1 came back.
    assert rows == [("vendure", "CARD", 96), ("vendure", "LAMP", 97), ("vendure", "MUG", 98)]
    said = shop.admin(
        "{ productVariants { items { sku stockLevels { stockOnHand stockAllocated stockLocationId } } } }"
    )
    free = {
        item["sku"]: level["stockOnHand"] - level["stockAllocated"]
        for item in said["items"]
        for level in item["stockLevels"]
        if level["stockLocationId"] == shop.location
    }
    assert free == {sku: quantity for _, sku, quantity in rows}


def test_pages_of_two(real: Home, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows are on a page, the rows that arrive are the same."""
    monkeypatch.setattr(vendure, "_PAGE_ROWS", 2)
    small = home_of(shop, tmp_path)
    for table in ("orders", "order_lines", "payments", "returns", "fulfilments"):
        statement = f"select columns(c -> c not in ('delivery_id', 'line_no')) from canonical.{table} order by all"
        assert query(small, statement) == query(real, statement)


def test_session_that_ended(shop: Shop, tmp_path: Path) -> None:
    """The server forgets the session between two pages: the client logs in again and goes on."""
    source = Source(name="shop", connector="vendure", connection=shop.connection())
    client = WIRE_CONNECTORS["vendure"].connect(Access(source, tmp_path, "test"))
    assert shop.reader in WIRE_CONNECTORS["vendure"].check(client)
    other = Api("admin-api", shop.token)
    other.session.headers["Authorization"] = f"Bearer {client.session.token}"
    other("mutation { logout { success } }")
    ended = client.session.token
    stock = WIRE_CONNECTORS["vendure"].objects[1]
    now = datetime.now(UTC)
    assert list(stock.pull(client, Window(now, now)))
    assert client.session.token != ended
    client.close()


def shape(value: Any) -> Any:
    """The names in an answer and the kinds of what they hold; of a list what any of its members has."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        members = [shape(member) for member in value]
        return [members[0]] if members else []
    return type(value).__name__


def test_the_fake_answers_as_the_real_one(shop: Shop, orders: dict[str, str], tmp_path: Path) -> None:
    """Of an order that was paid, shipped and refunded, of an article, and of the shop itself."""
    today = datetime.now(UTC)
    window = Window(today.replace(hour=0, minute=0, second=0), today)
    fake = FakeVendure(FakeClock(), 1)
    real = [*_records(Source(name="shop", connector="vendure", connection=shop.connection()), tmp_path, window)]
    [order] = [record for record in real if record.get("code") == orders["returned"]]
    order["history"]["items"] = [
        entry for entry in order["history"]["items"] if entry["type"].startswith("ORDER_PAYMENT")
    ]
    fake.orders[0]["taxSummary"] = fake.orders[0]["taxSummary"][:1]
    assert shape(order) == shape({name: fake.orders[0][name] for name in order})
    assert set(fake.orders[0]) - set(order) == {"updatedAt"}  # the server filters by it, and is not asked for it
    [article, *_] = [record for record in real if "sku" in record]
    assert shape(article) == shape(fake.variants[0])
    told = FakeVendure(FakeClock(), 1).told()
    assert [shape(record) for record in real if "globalSettings" in record] == [shape(told)] * 2


def _records(source: Source, folder: Path, window: Window) -> Iterator[dict[str, Any]]:
    connector = WIRE_CONNECTORS["vendure"]
    client = connector.connect(Access(source, folder, "test"))
    for item in connector.objects:
        for page in item.pull(client, window):
            assert isinstance(page, Page)
            yield from records_of(json.loads(page.content), item, page.part)
    client.close()


def test_order_that_does_not_say_it_changed(shop: Shop, tmp_path: Path) -> None:
    """Payment, shipment and refund leave `updatedAt` as it was; they arrive nevertheless, and nothing comes twice."""
    order = shop.place(LAMP=1)
    when = "query ($code: String!) { orders(options: {filter: {code: {eq: $code}}}) { items { updatedAt } } }"
    before = shop.admin(when, code=order["code"])
    home = home_of(shop, tmp_path)
    statement = f"select kind, gross_amount from canonical.payments where order_id = '{order['code']}' order by all"
    assert query(home, statement) == []
    shop.settle(order)
    shipment = shop.ship(order, LAMP=1)
    shop.settle_refund(shop.refund(order, 6660, LAMP=1))
    pull(home)
    assert query(home, statement) == [("charge", Decimal("71.60")), ("refund", Decimal("-66.60"))]
    assert shop.admin(when, code=order["code"]) == before
    shop.move(shipment, "Cancelled")
    pull(home)
    assert query(home, f"select quantity from canonical.fulfilments where order_id = '{order['code']}'") == [(0,)]
    assert len(query(home, statement)) == 2


def test_yen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vendure keeps two decimals of every currency: a mug of 1,000 yen is 100000 there."""
    monkeypatch.setenv("RETAIL_SYNC_SHOP_PASSWORD", READER_PASSWORD)
    shop = open_shop({"MUG": 100_000, "LAMP": 200_000}, "JPY")
    shop.place(MUG=1)
    found = query(home_of(shop, tmp_path), "select total_amount, tax_amount, currency from canonical.orders")
    assert found == [(Decimal(1205), Decimal(200), "JPY")]  # shipping of 500 is 5 yen
