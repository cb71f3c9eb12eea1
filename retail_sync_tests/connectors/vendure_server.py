"""A real Vendure server for tests, and a shop on it that only one test uses: a channel with articles and a place of its own.

RETAIL_SYNC_TEST_VENDURE names the server (`http://127.0.0.1:8903`, superadmin with the password superadmin; `none`: there is none);
`.ci/run` builds one. Orders are placed through the Shop API as customers do, and what came of them is asked for with queries
that know nothing of the product. Without a server the tests are skipped and say so.
"""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

SERVER = os.environ.get("RETAIL_SYNC_TEST_VENDURE", "http://127.0.0.1:8903")
READER_PASSWORD = "reader-of-lists"  # noqa: S105 - of a user that the tests make
_PERMISSIONS = ["ReadOrder", "ReadCatalog", "ReadStockLocation"]


@dataclass
class Api:
    """A session with one of the two APIs, in one channel."""

    name: str
    channel: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def __call__(self, query: str, **variables: Any) -> Any:
        """Return what the only field of a query or mutation says; a failure of either kind ends the test."""
        headers = {"vendure-token": self.channel} if self.channel else {}
        answer = self.session.post(
            f"{SERVER}/{self.name}", json={"query": query, "variables": variables}, headers=headers, timeout=30
        )
        if token := answer.headers.get("vendure-auth-token"):
            self.session.headers["Authorization"] = f"Bearer {token}"
        document = answer.json()
        assert "errors" not in document, document
        [said] = document["data"].values()
        assert not (isinstance(said, dict) and "errorCode" in said), said
        return said


@dataclass(frozen=True)
class Shop:
    """A channel of the server: articles of 20 % tax, shipping of 5.00 without tax, payments that are authorised first."""

    admin: Api
    reader: str
    location: str
    articles: dict[str, str]  # id by sku

    @property
    def token(self) -> str:
        """The token of its channel."""
        return self.admin.channel

    def connection(self) -> dict[str, str | int | bool | tuple[str, ...]]:
        """What `[source.connection]` says of it."""
        return {"url": SERVER, "user": self.reader, "channel_token": self.token}

    def place(self, **units: int) -> dict[str, Any]:
        """Place an order as a customer in Great Britain and pay for it; return it."""
        shop = Api("shop-api", self.token)
        for sku, quantity in units.items():
            shop(_ADD, variant=self.articles[sku], quantity=quantity)
        shop(_CUSTOMER, input={"firstName": "Test", "lastName": "Buyer", "emailAddress": "buyer@example.com"})
        shop(_ADDRESS, input={"streetLine1": "Way 1", "city": "Town", "postalCode": "1", "countryCode": "GB"})
        [method, *_] = shop("{ eligibleShippingMethods { id } }")
        shop(_SHIPPING, ids=[method["id"]])
        shop(
            'mutation { transitionOrderToState(state: "ArrangingPayment") { __typename ... on ErrorResult { errorCode } } }'
        )
        code = shop(_PAY)["code"]
        return self.order(code)

    def order(self, code: str) -> dict[str, Any]:
        """What the server says of an order."""
        [found] = self.admin(_ORDER, code=code)["items"]
        return dict(found)

    def settle(self, order: dict[str, Any]) -> None:
        """Take the money that was authorised."""
        self.admin(_SETTLE, id=order["payments"][0]["id"])

    def ship(self, order: dict[str, Any], **units: int) -> str:
        """Ship units, and return the number of the shipment."""
        lines = [{"orderLineId": line_of(order, sku), "quantity": quantity} for sku, quantity in units.items()]
        arguments = [{"name": "method", "value": "post"}, {"name": "trackingCode", "value": ""}]
        handler = {"code": "manual-fulfillment", "arguments": arguments}
        number = str(self.admin(_FULFIL, input={"lines": lines, "handler": handler})["id"])
        self.move(number, "Shipped")
        return number

    def move(self, shipment: str, state: str) -> None:
        """Say that a shipment is Delivered, or Cancelled."""
        self.admin(_MOVE, id=shipment, state=state)

    def take_back(self, order: dict[str, Any], sku: str, quantity: int) -> None:
        """Cancel units of a line, as the Admin UI does with goods that come back."""
        lines = [{"orderLineId": line_of(order, sku), "quantity": quantity}]
        self.admin(_CANCEL, input={"orderId": order["id"], "lines": lines, "reason": "test"})

    def refund(self, order: dict[str, Any], amount: int, **units: int) -> str:
        """Refund units with an amount; it is pending then. Return its number."""
        lines = [{"orderLineId": line_of(order, sku), "quantity": quantity} for sku, quantity in units.items()]
        said = {
            "lines": lines,
            "amount": amount,
            "shipping": 0,
            "adjustment": 0,
            "paymentId": order["payments"][0]["id"],
        }
        return str(self.admin(_REFUND, input={**said, "reason": "test"})["id"])

    def settle_refund(self, number: str) -> None:
        """The money was given back."""
        self.admin(_REFUNDED, input={"id": number, "transactionId": f"R-{number}"})


def line_of(order: dict[str, Any], sku: str) -> str:
    """Return the id of the order's line of an article."""
    [line] = [line["id"] for line in order["lines"] if line["productVariant"]["sku"] == sku]
    return str(line)


def open_shop(prices: dict[str, int], currency: str = "USD") -> Shop:
    """Make a shop that sells articles at net prices, 100 of each, and a user that may read its lists."""
    if SERVER == "none":
        pytest.skip("RETAIL_SYNC_TEST_VENDURE=none: there is no Vendure on this machine")
    main = Api("admin-api")
    try:
        main(_LOGIN)
    except requests.ConnectionError as error:
        reason = f"no Vendure answers at {SERVER}: {error}"
        if os.environ.get("RETAIL_SYNC_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    name = f"shop-{uuid.uuid4().hex[:12]}"
    [europe] = [zone["id"] for zone in main("{ zones { items { id name } } }")["items"] if zone["name"] == "Europe"]
    channel = main(
        f"mutation ($input: CreateChannelInput!) {{ createChannel(input: $input) {{ ... on Channel {{ id }} {_ERROR} }} }}",
        input={
            "code": name, "token": name, "defaultLanguageCode": "en", "pricesIncludeTax": False,
            "defaultCurrencyCode": currency, "defaultTaxZoneId": europe, "defaultShippingZoneId": europe,
        },
    )["id"]  # fmt: skip
    for kind, plural in (("ShippingMethod", "shippingMethods"), ("PaymentMethod", "paymentMethods")):
        found = main(f"{{ {plural} {{ items {{ id code }} }} }}")["items"]
        ids = [item["id"] for item in found if item["code"].startswith("standard-")]
        main(
            f"mutation ($input: Assign{kind}sToChannelInput!) {{ assign{kind}sToChannel(input: $input) {{ id }} }}",
            input={f"{kind[0].lower()}{kind[1:]}Ids": ids, "channelId": channel},
        )
    reader = f"{name}@example.com"
    role = main(
        "mutation ($input: CreateRoleInput!) { createRole(input: $input) { id } }",
        input={"code": name, "description": "reads lists", "permissions": _PERMISSIONS, "channelIds": [channel]},
    )["id"]
    main(
        "mutation ($input: CreateAdministratorInput!) { createAdministrator(input: $input) { id } }",
        input={
            "firstName": "Reader", "lastName": "Test", "emailAddress": reader, "password": READER_PASSWORD,
            "roleIds": [role],
        },
    )  # fmt: skip
    admin = Api("admin-api", name, main.session)
    location = admin(
        "mutation ($input: CreateStockLocationInput!) { createStockLocation(input: $input) { id } }",
        input={"name": name, "description": ""},
    )["id"]
    return Shop(admin, reader, location, _articles(admin, name, prices, location))


def _articles(admin: Api, name: str, prices: dict[str, int], location: str) -> dict[str, str]:
    product = admin(
        "mutation ($input: CreateProductInput!) { createProduct(input: $input) { id } }",
        input={"translations": [{"languageCode": "en", "name": name, "slug": name, "description": ""}]},
    )["id"]
    categories = admin("{ taxCategories { items { id name } } }")["items"]
    [standard] = [item["id"] for item in categories if item["name"] == "Standard Tax"]
    group = admin(
        "mutation ($input: CreateProductOptionGroupInput!) { createProductOptionGroup(input: $input) { options { id code } } }",
        input={
            "code": name,
            "translations": [{"languageCode": "en", "name": name}],
            "options": [{"code": sku.lower(), "translations": [{"languageCode": "en", "name": sku}]} for sku in prices],
        },
    )
    groups = admin("query { productOptionGroups(options: {take: 1000}) { items { id code } } }")["items"]
    [group_id] = [item["id"] for item in groups if item["code"] == name]
    admin(
        "mutation ($product: ID!, $group: ID!) { addOptionGroupToProduct(productId: $product, optionGroupId: $group) { id } }",
        product=product,
        group=group_id,
    )
    options = {item["code"]: item["id"] for item in group["options"]}
    made = admin(
        "mutation ($input: [CreateProductVariantInput!]!) { createProductVariants(input: $input) { id sku } }",
        input=[
            {
                "productId": product, "sku": sku, "price": price, "taxCategoryId": standard, "optionIds": [options[sku.lower()]],
                "translations": [{"languageCode": "en", "name": sku}], "trackInventory": "TRUE",
                "stockLevels": [{"stockLocationId": location, "stockOnHand": 100}],
            }
            for sku, price in prices.items()
        ],
    )  # fmt: skip
    return {item["sku"]: item["id"] for item in made}


def not_at_midnight() -> None:
    """Wait where the UTC day is about to end: what belongs to one day shall be told on one."""
    left = 86_400 - time.time() % 86_400
    if left < 60:
        time.sleep(left + 1)


_ERROR = "... on ErrorResult { errorCode message }"
_LOGIN = f'mutation {{ login(username: "superadmin", password: "superadmin") {{ __typename {_ERROR} }} }}'
_ADD = f"""mutation ($variant: ID!, $quantity: Int!) {{
    addItemToOrder(productVariantId: $variant, quantity: $quantity) {{ __typename {_ERROR} }} }}"""
_CUSTOMER = (
    f"mutation ($input: CreateCustomerInput!) {{ setCustomerForOrder(input: $input) {{ __typename {_ERROR} }} }}"
)
_ADDRESS = (
    f"mutation ($input: CreateAddressInput!) {{ setOrderShippingAddress(input: $input) {{ __typename {_ERROR} }} }}"
)
_SHIPPING = f"mutation ($ids: [ID!]!) {{ setOrderShippingMethod(shippingMethodId: $ids) {{ __typename {_ERROR} }} }}"
_PAY = f"""mutation {{ addPaymentToOrder(input: {{method: "standard-payment", metadata: {{}}}}) {{
    ... on Order {{ code }} {_ERROR} }} }}"""
_ORDER = """query ($code: String!) { orders(options: {filter: {code: {eq: $code}}}) { items {
    id code state totalWithTax shippingWithTax
    lines { id quantity orderPlacedQuantity unitPriceWithTax linePriceWithTax productVariant { sku } }
    payments { id state amount refunds { id state total lines { orderLineId quantity } } }
    fulfillments { id state lines { orderLineId quantity } }
} } }"""
_SETTLE = f"mutation ($id: ID!) {{ settlePayment(id: $id) {{ ... on Payment {{ id }} {_ERROR} }} }}"
_FULFIL = f"""mutation ($input: FulfillOrderInput!) {{
    addFulfillmentToOrder(input: $input) {{ ... on Fulfillment {{ id }} {_ERROR} }} }}"""
_MOVE = f"""mutation ($id: ID!, $state: String!) {{
    transitionFulfillmentToState(id: $id, state: $state) {{ ... on Fulfillment {{ id }} {_ERROR} }} }}"""
_CANCEL = f"mutation ($input: CancelOrderInput!) {{ cancelOrder(input: $input) {{ ... on Order {{ id }} {_ERROR} }} }}"
_REFUND = f"mutation ($input: RefundOrderInput!) {{ refundOrder(input: $input) {{ ... on Refund {{ id }} {_ERROR} }} }}"
_REFUNDED = (
    f"mutation ($input: SettleRefundInput!) {{ settleRefund(input: $input) {{ ... on Refund {{ id }} {_ERROR} }} }}"
)
