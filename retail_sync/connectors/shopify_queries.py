"""What Shopify is asked for, list by list. No name, mail, phone or street: of a customer the number, of an address the country.

Sizes of connections keep a query below 1,000 points (a connection costs 2 and its rows, an object 1, a plain field nothing).
A list that has no size (`refunds`, `fulfillments`, `taxLines`, `discountAllocations`) comes whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from retail_sync.connectors.shopify_api import Client, Query, page_of
from retail_sync.connectors.wire import Page
from retail_sync.core.paging import at

SHOP = "{ shop { name currencyCode ianaTimezone } currentAppInstallation { accessScopes { handle } } }"
_PAGE = "pageInfo { hasNextPage endCursor }"
_ROWS_OF_REST = 50
_MONEY = "{ amount currencyCode }"
_SHOP_MONEY = "{ shopMoney { amount } }"
_PARTS = " ".join(
    f"{name} {_MONEY}"
    for name in (
        "chargesGross", "refundsFeeGross", "adjustmentsGross", "reservedFundsGross", "retriedPayoutsGross", "advanceGross",
        "usdcRebateCreditAmount", "chargesFee", "refundsFee", "adjustmentsFee", "reservedFundsFee", "retriedPayoutsFee",
        "advanceFees",
    )
)  # fmt: skip


def _payments_list(name: str, sort: str, fields: str, rows: int) -> Query:
    text = f"""
query ($first: Int!, $after: String, $query: String!) {{
  shopifyPaymentsAccount {{
    {name}(first: $first, after: $after, sortKey: {sort}, query: $query) {{ nodes {{ {fields} }} {_PAGE} }}
  }}
}}
"""
    return Query(text, f"data.shopifyPaymentsAccount.{name}", rows)


PAYOUTS = _payments_list(
    "payouts",
    "ISSUED_AT",
    f"id legacyResourceId issuedAt status transactionType net {_MONEY} summary {{ {_PARTS} }}",
    50,
)
PAYOUT_IDS = _payments_list("payouts", "ISSUED_AT", "legacyResourceId issuedAt", 250)
BALANCE_TRANSACTIONS = _payments_list(
    "balanceTransactions",
    "PROCESSED_AT",
    f"id type test transactionDate adjustmentReason sourceType sourceId sourceOrderTransactionId amount {_MONEY} fee {_MONEY}"
    f" net {_MONEY} associatedOrder {{ id name }} associatedPayout {{ id status }}",
    100,
)


@dataclass(frozen=True, slots=True)
class Nested:
    """A connection within an order, of which its list brings the first `rows`; the rest is asked for where there is more.

    Pages of the rest are a part of its `name`. `parents`: where in the order its parents stand, '' where that is the order.
    """

    name: str
    of: str
    fields: str
    rows: int
    parents: str = ""

    @property
    def text(self) -> str:
        """Return it as a field of its parent."""
        return f"{self.name}(first: {self.rows}) {{ nodes {{ {self.fields} }} {_PAGE} }}"

    @property
    def whole(self) -> str:
        """Return it as a field of its parent in a bulk operation, which takes no page sizes and knows no `nodes`."""
        return f"{self.name} {{ edges {{ node {{ {self.fields} }} }} }}"

    def rest(self, client: Client, order: Any) -> Iterator[Page]:
        """Yield what the order's own page did not hold, page by page; `key` is the parent's id."""
        parents = at(order, self.parents) if self.parents else [order]
        text = (
            "query ($id: ID!, $first: Int!, $after: String) { node(id: $id) { ... on "
            f"{self.of} {{ {self.name}(first: $first, after: $after) {{ nodes {{ {self.fields} }} {_PAGE} }} }} }} }}"
        )
        query = Query(text, f"data.node.{self.name}", _ROWS_OF_REST)
        for parent in parents:
            if at(parent, f"{self.name}.pageInfo.hasNextPage"):
                after = at(parent, f"{self.name}.pageInfo.endCursor")
                for answer in client.pages(query, {"id": parent["id"], "after": after}):
                    yield page_of(answer, self.name, str(parent["id"]))


LINES = Nested(
    "lineItems",
    "Order",
    f"id sku name quantity originalUnitPriceSet {_SHOP_MONEY}"
    f" discountAllocations {{ allocatedAmountSet {_SHOP_MONEY} }} taxLines {{ priceSet {_SHOP_MONEY} }}",
    8,
)
SHIPPING = Nested("shippingLines", "Order", f"id discountedPriceSet {_SHOP_MONEY}", 2)
REFUNDED = Nested(
    "refundLineItems",
    "Refund",
    "id quantity restockType restocked location { id name } lineItem { id sku }"
    f" subtotalSet {_SHOP_MONEY} totalTaxSet {_SHOP_MONEY}",
    5,
    "refunds",
)
REFUNDED_SHIPPING = Nested(
    "refundShippingLines",
    "Refund",
    f"id subtotalAmountSet {_SHOP_MONEY} taxAmountSet {_SHOP_MONEY}",
    2,
    "refunds",
)
ADJUSTMENTS = Nested(
    "orderAdjustments", "Refund", f"id reason amountSet {_SHOP_MONEY} taxAmountSet {_SHOP_MONEY}", 2, "refunds"
)
GIVEN_BACK = Nested("transactions", "Refund", f"id kind status test gateway amountSet {_SHOP_MONEY}", 3, "refunds")
SHIPPED = Nested(
    "fulfillmentLineItems", "Fulfillment", "id quantity lineItem { id sku requiresShipping }", 8, "fulfillments"
)

_HEAD = "id name test createdAt updatedAt currencyCode taxesIncluded"
_ORDER = (
    f"{_HEAD} cancelledAt sourceName displayFinancialStatus customer {{ id }} shippingAddress {{ countryCodeV2 }}"
    f" retailLocation {{ id name }} totalPriceSet {_SHOP_MONEY} totalTaxSet {_SHOP_MONEY} totalDiscountsSet {_SHOP_MONEY}"
    f" totalCashRoundingAdjustment {{ paymentSet {_SHOP_MONEY} }} taxLines {{ channelLiable }}"
)
_REFUNDS = (
    f"{_HEAD} refunds {{ id createdAt processedAt"
    f" {REFUNDED.text} {REFUNDED_SHIPPING.text} {ADJUSTMENTS.text} {GIVEN_BACK.text} }}"
)
_FULFILMENTS = f"{_HEAD} fulfillments {{ id createdAt status location {{ id name }} {SHIPPED.text} }}"


def _order_list(fields: str, rows: int) -> Query:
    text = f"""
query ($first: Int!, $after: String, $query: String!) {{
  orders(first: $first, after: $after, sortKey: UPDATED_AT, query: $query) {{ nodes {{ {fields} }} {_PAGE} }}
}}
"""
    return Query(text, "data.orders", rows)


ORDERS = (_order_list(f"{_ORDER} {SHIPPING.text} {LINES.text}", 8), (SHIPPING, LINES))
REFUNDS = (_order_list(_REFUNDS, 8), (REFUNDED, REFUNDED_SHIPPING, ADJUSTMENTS, GIVEN_BACK))
FULFILMENTS = (_order_list(_FULFILMENTS, 12), (SHIPPED,))

LOCATIONS = Query(
    "query ($first: Int!, $after: String) { locations(first: $first, after: $after, includeInactive: true) {"
    f" nodes {{ id name isActive fulfillsOnlineOrders address {{ countryCode }} }} {_PAGE} }} }}",
    "data.locations",
    100,
)
LEVELS = Query(
    "query ($id: ID!, $first: Int!, $after: String) { location(id: $id) {"
    " inventoryLevels(first: $first, after: $after) { nodes { id updatedAt item { id sku tracked } location { id }"
    f' quantities(names: ["available", "on_hand", "committed"]) {{ name quantity }} }} {_PAGE} }} }} }}',
    "data.location.inventoryLevels",
    100,
)


def orders_in_bulk(search: str) -> str:
    """Return the bulk query of the orders that a search finds; it has no variables, so the search stands in its text."""
    found = f'orders(sortKey: UPDATED_AT, query: "{search}")'
    return f"{{ {found} {{ edges {{ node {{ {_ORDER} {SHIPPING.whole} {LINES.whole} }} }} }} }}"


def records_of_orders(nested: tuple[Nested, ...]) -> Mapping[str, str]:
    """Return the places of the records of a list of orders and of the connections within them."""
    return {"": "data.orders.nodes", **{item.name: f"data.node.{item.name}.nodes" for item in nested}}
