"""Vendure's orders, refunds, shipments and stock as rows: what a real server gives, and the turns an order can take."""

from __future__ import annotations

import json
import os
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
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.connectors.vendure_server import READER_PASSWORD, Api, Shop, not_at_midnight, open_shop
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.vendure import PRICE, TAX, FakeVendure

Row = tuple[Any, ...]


def query(home: Home, statement: str) -> list[Row]:
    """Rows of the warehouse, with figures as they are written."""
    with Pipeline(home, "look").writing("look") as connection:
        return connection.execute(statement).fetchall()


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


def cells(table: str) -> list[list[str]]:
    """Rows of a table written with bars."""
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


@pytest.mark.services
@pytest.mark.parametrize(("name", "total", "tax", "shipping"), cells(TOTALS))
def test_real_order(
    real: Home, orders: dict[str, str], shop: Shop, name: str, total: str, tax: str, shipping: str
) -> None:
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


@pytest.mark.services
def test_real_lines_and_rejects(real: Home, orders: dict[str, str]) -> None:
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


@pytest.mark.services
def test_real_money(real: Home, orders: dict[str, str]) -> None:
    """What was settled, and the refund that was; neither what is authorised nor what is pending."""
    rows = query(real, "select order_id, kind, gross_amount, net_amount, source_type from canonical.payments")
    word = "standard-payment"
    assert set(rows) == {
        (orders["returned"], "charge", Decimal("95.60"), Decimal("95.60"), word),
        (orders["returned"], "refund", Decimal("-12.00"), Decimal("-12.00"), word),
        (orders["parted"], "charge", Decimal("28.99"), Decimal("28.99"), word),
        (orders["pending"], "charge", Decimal("9.00"), Decimal("9.00"), word),
    }


@pytest.mark.services
def test_real_refund_and_shipments(real: Home, orders: dict[str, str]) -> None:
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


@pytest.mark.services
def test_real_stock(real: Home, shop: Shop) -> None:
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


@pytest.mark.services
def test_real_pages_of_two(real: Home, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows are on a page, the rows that arrive are the same."""
    monkeypatch.setattr(vendure, "_PAGE_ROWS", 2)
    small = home_of(shop, tmp_path)
    for table in ("orders", "order_lines", "payments", "returns", "fulfilments"):
        statement = f"select columns(c -> c not in ('delivery_id', 'line_no')) from canonical.{table} order by all"
        assert query(small, statement) == query(real, statement)


@pytest.mark.services
def test_real_session_that_ended(shop: Shop, tmp_path: Path) -> None:
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


@pytest.mark.services
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


@pytest.mark.services
def test_real_order_that_does_not_say_it_changed(shop: Shop, tmp_path: Path) -> None:
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


@pytest.mark.services
def test_real_yen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vendure keeps two decimals of every currency: a mug of 1,000 yen is 100000 there."""
    monkeypatch.setenv("RETAIL_SYNC_SHOP_PASSWORD", READER_PASSWORD)
    shop = open_shop({"MUG": 100_000, "LAMP": 200_000}, "JPY")
    shop.place(MUG=1)
    found = query(home_of(shop, tmp_path), "select total_amount, tax_amount, currency from canonical.orders")
    assert found == [(Decimal(1205), Decimal(200), "JPY")]  # shipping of 500 is 5 yen


class Turns(FakeVendure):
    """Orders of three units at 12.00, shipping 5.00, all of it paid and shipped, that went on in different ways."""

    def fill(self, rows: int) -> None:
        """Number by number, as the tests below name them."""
        super().fill(rows)
        for number, turn in enumerate((back_in_part, back_whole, back_unclear, voided, unshipped, refunded_more,
                                       refunded_less, refund_failed, surcharged)):  # fmt: skip
            turn(self.orders[number])
        self.variants[1]["enabled"] = False
        self.variants[2]["trackInventory"] = "FALSE"
        self.variants[3]["stockLevels"] = self.variants[3]["stockLevels"][1:]
        self.variants[4] |= {"useGlobalOutOfStockThreshold": False, "outOfStockThreshold": -10}


def back_in_part(order: dict[str, Any]) -> None:
    """A unit of two was cancelled after it had left."""
    order["lines"][1] |= {"quantity": 1, "proratedLinePrice": PRICE - TAX, "proratedLinePriceWithTax": PRICE}
    order |= {"totalWithTax": order["totalWithTax"] - PRICE, "taxSummary": [{"taxTotal": 2 * TAX}]}


def back_whole(order: dict[str, Any]) -> None:
    """Everything was cancelled after it had left, shipping too."""
    for line in order["lines"]:
        line |= {"quantity": 0, "proratedLinePrice": 0, "proratedLinePriceWithTax": 0}
    order |= {"totalWithTax": 0, "shipping": 0, "shippingWithTax": 0, "taxSummary": []}


def back_unclear(order: dict[str, Any]) -> None:
    """As the first, but more had been paid than the sums say: a discount of the unit is not told any more."""
    back_in_part(order)
    order["payments"][0]["amount"] -= 100


def voided(order: dict[str, Any]) -> None:
    """The payment was settled, and cancelled later."""
    order["payments"][0] |= {"state": "Cancelled", "refunds": []}
    told = {"type": "ORDER_PAYMENT_TRANSITION", "createdAt": order["orderPlacedAt"]}
    order["history"]["items"].append(told | {"data": {"paymentId": 4, "from": "Settled", "to": "Cancelled"}})
    order["history"]["totalItems"] += 1


def unshipped(order: dict[str, Any]) -> None:
    """The shipment was cancelled after it had left."""
    order["fulfillments"][0]["state"] = "Cancelled"


def refunded_more(order: dict[str, Any]) -> None:
    """A unit and its shipping were refunded."""
    order["payments"][0]["refunds"][0] |= {"total": PRICE + 500, "shipping": 500}


def refunded_less(order: dict[str, Any]) -> None:
    """A unit was refunded, less a fee."""
    order["payments"][0]["refunds"][0]["total"] = PRICE - 150


def refund_failed(order: dict[str, Any]) -> None:
    """The refund did not come through."""
    order["payments"][0]["refunds"][0]["state"] = "Failed"


def surcharged(order: dict[str, Any]) -> None:
    """Gift wrap for 1.20 with tax."""
    order["surcharges"] = [{"description": "Gift wrap", "price": 100, "priceWithTax": 120}]
    order["totalWithTax"] += 120
    order["taxSummary"].append({"taxTotal": 20})
    order["payments"][0]["amount"] += 120


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with these orders."""
    with pytest.MonkeyPatch.context() as patch:
        made = PullBench(Turns(FakeClock(), 9), tmp_path_factory.mktemp("turns"), patch)
        assert [item.problem for item in made.pull() if item.problem] == []
        assert Pipeline(made.home, "test").load().refused == ()
        yield made.home
        made.close()


# order | total | tax | shipping | charged | given back | units shipped | units of lines
TURNS = """
1 | 41.00 | 6.00 | 5.00 | 41.00 | -12.00 | 3 | 3
2 | 41.00 | 6.00 | 5.00 | 41.00 | -12.00 | 3 | 3
3 | 29.00 | None | 5.00 | 40.00 | -12.00 | 3 | 3
4 | 41.00 | 6.00 | 5.00 | 41.00 | -41.00 | 3 | 3
5 | 41.00 | 6.00 | 5.00 | 41.00 | -12.00 | 0 | 3
6 | 41.00 | 6.00 | 5.00 | 41.00 | -17.00 | 3 | 3
7 | 41.00 | 6.00 | 5.00 | 41.00 | -10.50 | 3 | 3
8 | 41.00 | 6.00 | 5.00 | 41.00 | None | 3 | 3
9 | 42.20 | 6.20 | 5.00 | 42.20 | -12.00 | 3 | 4
"""


@pytest.mark.parametrize("case", cells(TURNS), ids=lambda case: case[0])
def test_turn_of_an_order(turns: Home, case: list[str]) -> None:
    """What it is worth, what was moved for it and what left."""
    number, *expected = case
    [found] = query(
        turns,
        "select total_amount, tax_amount, shipping_amount, "
        "(select sum(gross_amount) from canonical.payments as p where p.order_id = o.order_id and kind = 'charge'), "
        "(select sum(gross_amount) from canonical.payments as p where p.order_id = o.order_id and kind = 'refund'), "
        "(select cast(sum(quantity) as integer) from canonical.fulfilments as f where f.order_id = o.order_id), "
        "(select cast(sum(quantity) as integer) from canonical.order_lines as l where l.order_id = o.order_id) "
        f"from canonical.orders as o where order_id = 'CODE{int(number):04}'",
    )
    assert [str(cell).removesuffix("00") if isinstance(cell, Decimal) else str(cell) for cell in found] == expected


def test_what_refunds_were_for(turns: Home) -> None:
    """Units with the tax in them; shipping, which bears none, apart; where less was given than they are worth, only the sum."""
    rows = query(
        turns, "select order_id, sku, cast(quantity as integer), refund_amount, tax_amount from canonical.returns"
    )
    unit = ("V-1", 1, Decimal(12), Decimal(2))
    assert {row for row in rows if row[0] in ("CODE0006", "CODE0007", "CODE0008", "CODE0009")} == {
        ("CODE0006", *unit),
        ("CODE0006", None, 0, Decimal(5), Decimal(0)),
        ("CODE0007", None, 0, Decimal("10.50"), None),
        ("CODE0009", *unit),
    }


def test_what_is_offered(turns: Home) -> None:
    """On hand less allocated less what is kept back; nothing of what is switched off; no row where stock is not tracked."""
    rows = query(turns, "select sku, cast(listed_quantity as integer) from canonical.listings order by sku")
    # V-1: 10 - 1 and 3, less 2; V-4 only has the 3 of the annex; V-5: 50 - 5 and 3, and 10 may be sold beyond
    assert rows[:5] == [("V-1", 10), ("V-2", 0), ("V-4", 1), ("V-5", 58), ("V-6", 55)]


@pytest.mark.parametrize(("precision", "reason"), [(2, "total_amount"), (7, "total_amount")])
def test_an_amount_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: int, reason: str) -> None:
    """A yen has no hundredths, and nobody knows what a seventh decimal is: the row is rejected, not rounded."""
    fake = FakeVendure(FakeClock(), 1)
    fake.precision = precision
    fake.orders[0] |= {"currencyCode": "JPY", "totalWithTax": 4150}
    made = PullBench(fake, tmp_path, monkeypatch)
    made.pull()
    Pipeline(made.home, "test").load()
    rejected = query(made.home, "select column_name, value from canonical.rejected_rows where table_name = 'orders'")
    assert (reason, "4150") in rejected
    assert query(made.home, "select * from canonical.orders") == []
    made.close()
