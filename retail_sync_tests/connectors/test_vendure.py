"""The turns that an order of Vendure can take, as rows, and what its stock lets it offer."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.vendure import PRICE, TAX, FakeVendure

Row = tuple[Any, ...]


def query(home: Home, statement: str) -> list[Row]:
    """Rows of the warehouse, with figures as they are written."""
    with Pipeline(home, "look").writing("look") as connection:
        return connection.execute(statement).fetchall()


def cells(table: str) -> list[list[str]]:
    """Rows of a table written with bars."""
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


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


def test_a_sum_of_what_cannot_be_read_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minor unit of tax is not left out of the tax, nor of a discount; of no lines the tax is zero."""
    made = PullBench(FakeVendure(FakeClock(), 4), tmp_path, monkeypatch)
    taxed, given, sound, free = made.fake.orders  # type: ignore[attr-defined]
    taxed["taxSummary"] = [{"taxTotal": 100}, {"taxTotal": 0.5}]
    given["discounts"] = [{"amountWithTax": -300}, {"amountWithTax": -0.5}]
    sound["discounts"] = [{"amountWithTax": -300}, {"amountWithTax": -20}]
    free["taxSummary"] = []
    made.pull()
    Pipeline(made.home, "trace-1").load()
    read = query(
        made.home,
        "select order_id, cast(tax_amount as varchar), cast(discount_amount as varchar) from canonical.orders",
    )
    found = {order_id: figures for order_id, *figures in read}
    assert given["code"] not in found
    assert found[taxed["code"]][0] is None  # so its entry is held
    assert found[sound["code"]][1] == "3.2000"
    assert found[free["code"]][0] == "0.0000"
    assert query(made.home, "select column_name from canonical.rejected_rows") == [("discount_amount",)]
    made.close()


def test_a_draft_is_no_order_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no day on which it was placed; it is counted in its delivery and told as no problem."""
    made = PullBench(FakeVendure(FakeClock(), 2), tmp_path, monkeypatch)
    made.fake.orders[0] |= {"state": "Draft", "orderPlacedAt": None}  # type: ignore[attr-defined]
    made.pull()
    Pipeline(made.home, "trace-1").load()
    assert query(made.home, "select count(*) from canonical.orders") == [(1,)]
    assert query(made.home, "select count(*) from canonical.rejected_rows") == [(0,)]
    assert query(made.home, "select count(*) from raw.deliveries where detected like '%1 left out: a draft%'") == [(1,)]
    made.close()
