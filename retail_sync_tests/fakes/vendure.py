"""A Vendure server's Admin API, as far as its lists go: shapes from a real 3.7.3's answers (samples/vendure)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.source import CANARY, FakeSource

USER, PASSWORD = "reader", f"{CANARY}-password"


def iso(at: float) -> str:
    """An instant as Vendure writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


PRICE, TAX = 1200, 200  # a unit with 20 % of tax in it


class FakeVendure(FakeSource):
    """One channel with placed orders, each paid, shipped and refunded in part, and as many articles."""

    connector = "vendure"
    precision = 2  # Vendure's moneyStrategyPrecision

    def fill(self, rows: int) -> None:
        """Make orders of two lines, and articles."""
        self.orders: list[dict[str, Any]] = []
        self.variants: list[dict[str, Any]] = []
        self.tokens = 0
        self.token = ""
        for _ in range(rows):
            self.insert()

    def insert(self) -> None:
        """Place an order, and add an article."""
        n = len(self.orders) + 1
        at = self.clock.time() - timedelta(hours=20).total_seconds() + n
        self.orders.append(order(n, at))
        self.variants.append({
            "id": str(n), "sku": f"V-{n}", "enabled": True, "product": {"enabled": True}, "trackInventory": "INHERIT",
            "useGlobalOutOfStockThreshold": True, "outOfStockThreshold": 0,
            "stockLevels": [
                {"stockOnHand": 10 * n, "stockAllocated": n, "stockLocation": {"id": "1", "name": "Main"}},
                {"stockOnHand": 3, "stockAllocated": 0, "stockLocation": {"id": "2", "name": "Annex"}},
            ],
        })  # fmt: skip

    def connection(self, url: str) -> Mapping[str, Any]:
        """Return where it is."""
        return {"url": url, "user": USER}

    def secrets(self) -> Mapping[str, str]:
        """Return the password."""
        return {"PASSWORD": PASSWORD}

    def expire_tokens(self) -> None:
        """End the session."""
        self.token = ""

    def answer(self, request: Request) -> Reply:
        """Answer a query of the Admin API."""
        if request.path != "/admin-api" or request.method != "POST":
            return Reply(404, {"message": "not found"})
        query, variables = request.document["query"], request.document.get("variables", {})
        if "login(" in query:
            return self._login(variables)
        if not self.token or request.headers.get("authorization") != f"Bearer {self.token}":
            return _failed("FORBIDDEN", "You are not currently authorized to perform this action")
        if "me {" in query:
            channel = {"code": "__default_channel__", "defaultCurrencyCode": "EUR"}
            return Reply(200, {"data": {"me": {"identifier": USER}, "activeChannel": channel}})
        if "globalSettings" in query:
            return Reply(200, {"data": self.told()})
        if "productVariants(" in query:
            return self._list("productVariants", self.variants, variables["options"])
        return self._list("orders", self.orders, variables["options"])

    def told(self) -> dict[str, Any]:
        """What the shop says of itself."""
        server = {"moneyStrategyPrecision": self.precision}
        settings = {"trackInventory": True, "outOfStockThreshold": 2, "serverConfig": server}
        return {"globalSettings": settings, "activeChannel": {"pricesIncludeTax": True}}

    def _login(self, variables: Mapping[str, Any]) -> Reply:
        if (variables["user"], variables["password"]) != (USER, PASSWORD):
            said = {
                "__typename": "InvalidCredentialsError",
                "errorCode": "INVALID_CREDENTIALS_ERROR",
                "message": "wrong",
            }
            return Reply(200, {"data": {"login": said}})
        self.tokens += 1
        self.token = f"{CANARY}-session-{self.tokens}"
        told = {"__typename": "CurrentUser", "id": "1", "identifier": USER}
        return Reply(200, {"data": {"login": told}}, {"vendure-auth-token": self.token})

    def _list(self, name: str, rows: list[dict[str, Any]], options: Mapping[str, Any]) -> Reply:
        self.before_page()
        if options["take"] > 1000:
            return _failed("USER_INPUT_ERROR", "take may be 1000 at most")
        either = options.get("filter", {}).get("_or", [])
        found = [row for row in rows if not either or any(_is_between(row, name, wanted["between"])
                                                          for item in either for name, wanted in item.items())]  # fmt: skip
        self.knobs.pages += 1
        size = min(options["take"], self.knobs.rows)
        return Reply(
            200, {"data": {name: {"totalItems": len(found), "items": found[options["skip"] : options["skip"] + size]}}}
        )


def order(n: int, at: float) -> dict[str, Any]:
    """An order of 1 and 2 units: paid and settled, all of it shipped, a unit of the second line refunded."""
    lines = [
        {
            "id": str(2 * n + k), "quantity": k + 1, "taxRate": 20, "productVariant": {"sku": f"V-{k}", "name": f"Thing {k}"},
            "unitPriceWithTax": PRICE, "proratedUnitPrice": PRICE - TAX, "proratedUnitPriceWithTax": PRICE,
            "proratedLinePrice": (PRICE - TAX) * (k + 1), "proratedLinePriceWithTax": PRICE * (k + 1),
        }
        for k in range(2)
    ]  # fmt: skip
    refund = {
        "id": str(n), "state": "Settled", "total": PRICE, "shipping": 0, "method": "card", "updatedAt": iso(at + 40),
        "lines": [{"orderLineId": lines[1]["id"], "quantity": 1}],
    }  # fmt: skip
    shipment = [{"orderLineId": line["id"], "quantity": line["quantity"]} for line in lines]
    changes = [("PAYMENT", "Created", "Authorized", 1), ("PAYMENT", "Authorized", "Settled", 10),
               ("FULFILLMENT", "Pending", "Shipped", 20), ("FULFILLMENT", "Shipped", "Delivered", 30),
               ("REFUND", "Pending", "Settled", 40)]  # fmt: skip
    history = [
        {
            "type": f"ORDER_{what}_TRANSITION",
            "createdAt": iso(at + after),
            "data": {f"{what.lower()}Id": n, "from": was, "to": state},
        }
        for what, was, state, after in changes
    ]  # an id is a number there, and a text elsewhere
    return {
        "id": str(n), "code": f"CODE{n:04}", "state": "Delivered", "orderPlacedAt": iso(at), "updatedAt": iso(at - 1),
        "currencyCode": "EUR", "customer": {"id": str(n % 3)}, "shippingAddress": {"countryCode": "de"},
        "shipping": 500, "shippingWithTax": 500, "totalWithTax": 3 * PRICE + 500,
        "taxSummary": [{"taxTotal": 3 * TAX}, {"taxTotal": 0}], "discounts": [],
        "shippingLines": [{"price": 500, "priceWithTax": 500}], "surcharges": [], "lines": lines,
        "payments": [{"id": str(n), "state": "Settled", "amount": 3 * PRICE + 500, "method": "card",
                      "updatedAt": iso(at + 10), "refunds": [refund]}],
        "fulfillments": [{"id": str(n), "state": "Delivered", "updatedAt": iso(at + 30), "lines": shipment}],
        "history": {"totalItems": len(history), "items": history},
    }  # fmt: skip


def _is_between(row: Mapping[str, Any], name: str, between: Mapping[str, str]) -> bool:
    return bool(row[name]) and _instant(between["start"]) <= _instant(row[name]) <= _instant(between["end"])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _failed(code: str, message: str) -> Reply:
    return Reply(200, {"errors": [{"message": message, "extensions": {"code": code}}], "data": None})
