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


class FakeVendure(FakeSource):
    """One channel with placed orders."""

    connector = "vendure"

    def fill(self, rows: int) -> None:
        """Make orders of two lines."""
        self.orders: list[dict[str, Any]] = []
        self.tokens = 0
        self.token = ""
        for _ in range(rows):
            self.insert()

    def insert(self) -> None:
        """Place an order."""
        n = len(self.orders) + 1
        at = self.clock.time() - timedelta(hours=20).total_seconds() + n
        lines = [
            {
                "id": str(2 * n + k), "quantity": k + 1, "productVariant": {"sku": f"V-{k}", "name": f"Thing {k}"},
                "unitPriceWithTax": 1200, "proratedLinePriceWithTax": 1200 * (k + 1), "lineTax": 200 * (k + 1),
            }
            for k in range(2)
        ]  # fmt: skip
        self.orders.append({
            "id": str(n), "code": f"CODE{n:04}", "state": "PaymentSettled", "orderPlacedAt": iso(at), "updatedAt": iso(at),
            "currencyCode": "EUR", "customer": {"id": str(n % 3)}, "shippingAddress": {"countryCode": "de"},
            "subTotalWithTax": 3600, "shippingWithTax": 500, "totalWithTax": 4100,
            "taxSummary": [{"taxTotal": 600}, {"taxTotal": 0}], "discounts": [], "lines": lines,
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
            channel = {"code": "__default_channel__", "defaultCurrencyCode": "EUR", "pricesIncludeTax": True}
            return Reply(200, {"data": {"me": {"identifier": USER}, "activeChannel": channel}})
        return self._list("orders", self.orders, variables["options"])

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
        between = options.get("filter", {}).get("updatedAt", {}).get("between")
        found = [row for row in rows if not between or _instant(between["start"]) <= _instant(row["updatedAt"])
                 < _instant(between["end"])]  # fmt: skip
        self.knobs.pages += 1
        size = min(options["take"], self.knobs.rows)
        return Reply(
            200, {"data": {name: {"totalItems": len(found), "items": found[options["skip"] : options["skip"] + size]}}}
        )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _failed(code: str, message: str) -> Reply:
    return Reply(200, {"errors": [{"message": message, "extensions": {"code": code}}], "data": None})
