"""What Amazon's answers become: orders, stock, and what it holds back, with figures worked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync_tests.connectors.amazon_bench import Made, deliver, pulled, rows
from retail_sync_tests.fakes.amazon_lists import breakdown, dollars, order_id, usd


def test_amounts_of_an_order_are_those_that_sum_to_its_total(amazon: Made) -> None:
    """2 x 10.00 + 1.50 - 2.00 + 1.56 = 21.06, told with either sign of the discount; a sum that is wrong is not used."""
    made = amazon(rows=3)
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


def test_an_order_meets_what_was_settled_of_it(amazon: Made) -> None:
    """By the same number: goods 20.00 - 2.00, shipping 1.50 and tax 1.56 on both sides, and one trace of the order."""
    made = amazon(rows=1)
    pulled(made)
    assert rows(made, "select count(*) from canonical.settlement_lines") == [(5,)]
    pipeline = Pipeline(made.home, "trace-1")
    pipeline.reconcile()
    with pipeline.writing("look") as connection:
        found = connection.execute(
            "select component, status, cast(expected_amount as varchar), cast(settled_amount as varchar) "
            "from reconcile.order_settlements order by 1"
        ).fetchall()
        traced = connection.execute("select order_id, kind from reconcile.order_traces").fetchall()
    assert found == [
        ("goods", "matched", "18.0000", "18.0000"),
        ("shipping", "matched", "1.5000", "1.5000"),
        ("tax", "matched", "1.5600", "1.5600"),
    ]
    assert traced == [(order_id(1), "order")]


def test_an_order_that_is_cancelled_takes_the_place_of_the_open_one(amazon: Made) -> None:
    """It may have no amounts then. What Amazon ships for other channels is no order of Amazon."""
    made = amazon(rows=3)
    cancelled, foreign, _ = made.fake.lists.orders
    deliver(made, "orders", {"orders": [cancelled]})
    cancelled["fulfillment"]["fulfillmentStatus"] = "CANCELLED"
    cancelled["lastUpdatedTime"] = "2026-11-20T11:00:00Z"
    del cancelled["proceeds"], cancelled["orderItems"][0]["proceeds"], cancelled["orderItems"][0]["product"]["price"]
    foreign["salesChannel"] = {"channelName": "NON_AMAZON"}
    deliver(made, "orders", {"orders": made.fake.lists.orders})
    look = "select order_id, status, total_amount from canonical.orders order by order_id"
    assert rows(made, look) == [(order_id(1), "CANCELLED", 0), (order_id(3), "SHIPPED", Decimal("21.0600"))]
    lines = "select quantity, unit_price from canonical.order_lines order by order_id"
    assert rows(made, lines) == [(0, 0), (2, 10)]
    assert rows(made, "select reason from canonical.rejected_rows") == []


def test_a_line_of_which_a_part_cannot_be_read_is_rejected(amazon: Made) -> None:
    """The header has parts of its own, which sum; of the line, a tax of 1.00 and one that is no amount are not 1.00."""
    made = amazon(rows=1)
    [order] = made.fake.lists.orders

    def part(kind: str, amount: str) -> dict[str, object]:
        return {"type": kind, "subtotal": {"amount": amount, "currencyCode": "USD"}}

    order["proceeds"] = {
        "grandTotal": {"amount": "21.00", "currencyCode": "USD"},
        "breakdowns": [part("ITEM", "20.00"), part("TAX", "1.00")],
    }
    order["orderItems"][0]["proceeds"] = {"breakdowns": [part("TAX", "1.00"), part("TAX", "0.005")]}
    deliver(made, "orders", {"orders": [order]})
    assert rows(made, "select total_amount, tax_amount from canonical.orders") == [(21, 1)]
    assert rows(made, "select count(*) from canonical.order_lines") == [(0,)]
    assert rows(made, "select table_name, column_name from canonical.rejected_rows") == [("order_lines", "tax_amount")]


def test_stock_is_what_lies_in_the_centres(amazon: Made) -> None:
    """11 to sell, 4 reserved, 3 unsellable, 1 looked for: 19. What is on its way in (12) is not there; 11 are offered."""
    made = amazon(rows=1)
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
def test_what_is_held_back_has_the_categories_of_settlements(amazon: Made, case: str) -> None:
    """By the governed rules, each amount once, and all of them together the total."""
    given, expected = HELD[case]
    made = amazon(rows=0)
    deliver(made, "unsettled", {"payload": {"transactions": [given, given]}})
    look = "select category, cast(sum(amount) as varchar) from canonical.deferred_transactions group by all"
    assert dict(rows(made, look)) == expected
    assert rows(made, "select reason from canonical.rejected_rows") == []
