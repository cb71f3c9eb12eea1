"""A Shopify shop's GraphQL Admin API, as far as its lists go.

It has what the documentation says: a bucket of points per app and shop, cursors, search terms, scopes; and the names of
`shopify_schema`, refusing others. Money is text, as the scalar Decimal is. Lists are held whole, and cut where they are asked.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from retail_sync_tests.fakes import graphql
from retail_sync_tests.fakes.graphql import Chosen, Refused, value_of
from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.shopify_bulk import BulkOperations
from retail_sync_tests.fakes.shopify_schema import PAGED_AT_THE_TOP, SCHEMA
from retail_sync_tests.fakes.source import CANARY, Expired, FakeSource

CLIENT_ID, CLIENT_SECRET = "reader-app", f"{CANARY}-secret"
_TERM = re.compile(r"(\w+):(>=|<=|>|<)?'?([^'\s]+)'?")
_QUERY_COST_MAX = 1000
_FILTERS = {"issued_at": "issuedAt", "processed_at": "transactionDate", "updated_at": "updatedAt"}


def gid(kind: str, number: int | str) -> str:
    """An id as Shopify writes it."""
    return f"gid://shopify/{kind}/{number}"


def iso(at: float) -> str:
    """An instant as Shopify writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def money(amount: str, currency: str = "EUR") -> dict[str, str]:
    """An amount."""
    return {"amount": amount, "currencyCode": currency}


def bag(amount: str, currency: str = "EUR") -> dict[str, Any]:
    """An amount in the shop's currency, which the customer saw as well."""
    return {"shopMoney": money(amount, currency), "presentmentMoney": money(amount, currency)}


class FakeShopify(FakeSource):
    """One shop with its payments, orders and stock."""

    connector = "shopify"

    def fill(self, rows: int) -> None:
        """Make orders of two lines, each paid, shipped and refunded in part, its payment in a payout; stock at two places."""
        self.tokens, self.token = 0, ""
        self.scopes = {
            "read_orders", "read_all_orders", "read_customers", "read_locations", "read_inventory",
            "read_shopify_payments_accounts", "read_shopify_payments_payouts",
        }  # fmt: skip
        self.denied: dict[str, str] = {}
        self.bulk = BulkOperations(
            self.clock, lambda name, query: [row for row in getattr(self, name) if _matches(row, query)], self._resolve
        )
        self.nested_rows = 250
        self.has_payments = True
        self.bucket, self.restore_rate, self.level, self.filled_at = 2000.0, 100.0, 2000.0, self.clock.time()
        self.payouts: list[dict[str, Any]] = []
        self.transactions: list[dict[str, Any]] = []
        self.orders: list[dict[str, Any]] = []
        self.locations: list[dict[str, Any]] = []
        self.levels: list[dict[str, Any]] = []
        for _ in range(rows):
            self.insert()

    def insert(self) -> None:
        """Sell something: an order, its payment and the payout it is in, a place and an article there."""
        n = len(self.orders) + 1
        at = self.clock.time() - timedelta(hours=20).total_seconds() + n
        order = {"id": gid("Order", 1000 + n), "name": f"#{1000 + n}"}
        payout = gid("ShopifyPaymentsPayout", 9000 + n)
        movements = [("CHARGE", "41.00", "1.23", "39.77"), ("REFUND", "-12.00", "0.00", "-12.00")]
        movements.append(("TRANSFER", "-27.77", "0.00", "-27.77"))
        for k, (kind, amount, fee, net) in enumerate(movements):
            self.transactions.append({
                "id": gid("ShopifyPaymentsBalanceTransaction", 10 * n + k), "type": kind, "test": False,
                "transactionDate": iso(at), "adjustmentReason": None, "sourceType": kind, "sourceId": str(70 * n + k),
                "sourceOrderTransactionId": None, "amount": money(amount), "fee": money(fee), "net": money(net),
                "associatedOrder": None if kind == "TRANSFER" else order,
                "associatedPayout": {"id": payout, "status": "PAID"},
            })  # fmt: skip
        parts = {
            "chargesGross": "41.00", "refundsFeeGross": "-12.00", "adjustmentsGross": "0.00", "reservedFundsGross": "0.00",
            "retriedPayoutsGross": "0.00", "advanceGross": "0.00", "usdcRebateCreditAmount": "0.00", "chargesFee": "1.23",
            "refundsFee": "0.00", "adjustmentsFee": "0.00", "reservedFundsFee": "0.00", "retriedPayoutsFee": "0.00",
            "advanceFees": "0.00",
        }  # fmt: skip
        self.payouts.append({
            "id": payout, "legacyResourceId": str(9000 + n), "issuedAt": iso(at + 3600), "status": "PAID",
            "transactionType": "DEPOSIT", "externalTraceId": None, "net": money("27.77"),
            "summary": {name: money(amount) for name, amount in parts.items()},
        })  # fmt: skip
        self.locations.append({
            "id": gid("Location", 500 + n), "name": f"Place {n}", "isActive": True, "fulfillsOnlineOrders": n != 2,
            "address": {"countryCode": "DE"},
        })  # fmt: skip
        self.levels.append(level(n, self.locations[-1], f"S-{n}", 7, iso(at)))
        self.orders.append(sold_order(n, at, order, self.locations[0]))

    def connection(self, url: str) -> Mapping[str, Any]:
        """Return where it is."""
        self.bulk.url = url
        return {"url": url, "client_id": CLIENT_ID}

    def secrets(self) -> Mapping[str, str]:
        """Return the secret of the app."""
        return {"CLIENT_SECRET": CLIENT_SECRET, "ACCESS_TOKEN": f"{CANARY}-fixed"}

    def expire_tokens(self) -> None:
        """A day went by."""
        self.token = ""

    def answer(self, request: Request) -> Reply:
        """Answer a request for a token, or a query."""
        if request.path == "/admin/oauth/access_token":
            return self._grant(request.document)
        if request.path.startswith("/bulk/"):
            return self.bulk.file(request.path, request.headers)
        if not re.fullmatch(r"/admin/api/\d{4}-\d\d/graphql\.json", request.path) or request.method != "POST":
            return Reply(404, {"errors": "Not Found"})
        if not self.token or request.headers.get("x-shopify-access-token") != self.token:
            said = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return Reply(401, {"errors": said})
        return Reply(200, self._query(request.document["query"], request.document.get("variables") or {}))

    def _grant(self, asked: Mapping[str, Any]) -> Reply:
        if (asked["client_id"], asked["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
            return Reply(400, {"error": "invalid_client", "error_description": "Client authentication failed"})
        assert asked["grant_type"] == "client_credentials"
        self.tokens += 1
        self.token = f"{CANARY}-token-{self.tokens}"
        return Reply(200, {"access_token": self.token, "scope": ",".join(sorted(self.scopes)), "expires_in": 86399})

    def _query(self, text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        try:
            asked = graphql.parse(text)
            root = "QueryRoot" if asked.kind == "query" else "MutationRoot"
            graphql.check(SCHEMA, root, asked.fields)
            wanted = self._wanted(asked, root, variables)
            self._pour()
            if self.level < wanted:
                throttled = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
                return {"errors": [throttled], "extensions": self._cost(wanted, None)}
            data = graphql.answer(SCHEMA, root, {}, asked.fields, variables, self._resolve)
        except Refused as refused:
            return {"errors": [refused.error], "data": None}
        spent = _objects(data)
        self.level -= spent
        return {"data": data, "extensions": self._cost(wanted, spent)}

    def _wanted(self, asked: graphql.Operation, root: str, variables: Mapping[str, Any]) -> int:
        """What the query may cost. Raises Refused for more than any query may."""
        for name, must in asked.variables.items():
            if must and variables.get(name) is None:
                raise Refused(f"Variable ${name} of type Int! was provided invalid value", "INVALID_VARIABLE")
        wanted = graphql.cost_of(SCHEMA, root, asked.fields, variables)
        if wanted > _QUERY_COST_MAX:
            said = f"Query cost is {wanted}, which exceeds the single query max cost limit (1000)."
            raise Refused(said, "MAX_COST_EXCEEDED", cost=wanted, maxCost=_QUERY_COST_MAX)
        return wanted

    def _pour(self) -> None:
        now = self.clock.time()
        self.level = min(self.bucket, self.level + (now - self.filled_at) * self.restore_rate)
        self.filled_at = now

    def _cost(self, wanted: int, spent: int | None) -> dict[str, Any]:
        return {
            "cost": {
                "requestedQueryCost": wanted,
                "actualQueryCost": spent,
                "throttleStatus": {
                    "maximumAvailable": self.bucket,
                    "currentlyAvailable": int(self.level),
                    "restoreRate": self.restore_rate,
                },
            }
        }

    def _resolve(self, kind: str, value: Any, chosen: Chosen, variables: Mapping[str, Any]) -> Any:
        name, arguments = chosen.name, {key: value_of(given, variables) for key, given in chosen.arguments.items()}
        if name in self.denied:
            said = f"Access denied for {name} field. Required access: `{self.denied[name]}` access scope."
            raise Refused(said, "ACCESS_DENIED", requiredAccess=f"`{self.denied[name]}` access scope.")
        if kind == "MutationRoot":
            if name == "bulkOperationCancel":
                return self.bulk.cancel(arguments["id"])
            return self.bulk.run(arguments["query"], arguments.get("groupObjects", False))
        if kind == "QueryRoot":
            return self._root(name, arguments)
        if kind == "ShopifyPaymentsAccount" and name in PAGED_AT_THE_TOP:
            rows = self.payouts if name == "payouts" else self.transactions
            return self._page(name, rows, arguments)
        if name == "inventoryLevels":
            return self._page(name, [row for row in self.levels if row["location"]["id"] == value["id"]], arguments)
        if name == "quantities":
            return [row for row in value["quantities"] if row["name"] in arguments["names"]]
        held = value.get(name)
        if (graphql.field_of(SCHEMA, kind, name)[0] or "").endswith("Connection"):
            return self._part(held or [], arguments)
        return held

    def _root(self, name: str, arguments: Mapping[str, Any]) -> Any:
        if name == "shop":
            return {"name": "Fernway", "currencyCode": "EUR", "ianaTimezone": "Europe/Berlin"}
        if name == "currentAppInstallation":
            return {"accessScopes": [{"handle": scope} for scope in sorted(self.scopes)]}
        if name == "shopifyPaymentsAccount":
            return {"id": gid("ShopifyPaymentsAccount", 1)} if self.has_payments else None
        if name == "location":
            return next((row for row in self.locations if row["id"] == arguments["id"]), None)
        if name == "node" and "/BulkOperation/" in arguments["id"]:
            return self.bulk.node(arguments["id"])
        if name == "node":
            parents = [
                *self.orders,
                *(item for order in self.orders for item in (*order["refunds"], *order["fulfillments"])),
            ]
            return next((row for row in parents if row["id"] == arguments["id"]), None)
        return self._page(name, self.orders if name == "orders" else self.locations, arguments)

    def _page(self, name: str, rows: Sequence[Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Cut a list, with the ways of those who page. A cursor belongs to its list, search and sort."""
        self.before_page()
        mark = json.dumps([name, {key: arguments.get(key) for key in ("query", "sortKey")}], sort_keys=True)
        found = [row for row in rows if _matches(row, arguments.get("query") or "")]
        after, may_loop = arguments.get("after"), self.knobs.loop_at
        begin = 0
        if after:
            of, begin, *_ = json.loads(base64.b64decode(after))
            if of != mark:
                raise _invalid_cursor()
        try:
            page, following = self.slice(found, begin, arguments["first"])
        except Expired:
            raise _invalid_cursor() from None
        is_looped = bool(may_loop and not self.knobs.loop_at and after)
        token = _cursor(mark, following)
        if after and token == after and not is_looped:  # a page that moved nobody on
            token = _cursor(mark, following, self.knobs.pages)
        token = after if is_looped else token
        return {"nodes": page, "pageInfo": {"hasNextPage": following is not None, "endCursor": token}}

    def _part(self, rows: Sequence[Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
        begin = int(arguments["after"].removeprefix("part-")) if arguments.get("after") else 0
        end = begin + min(arguments["first"], self.nested_rows)
        return {"nodes": rows[begin:end], "pageInfo": {"hasNextPage": end < len(rows), "endCursor": f"part-{end}"}}


def sold_order(n: int, at: float, order: Mapping[str, str], place: Mapping[str, Any]) -> dict[str, Any]:
    """An order of 12.00 and 24.00 with tax inside and 5.00 shipping; the first article went back."""
    lines = [
        {
            "id": gid("LineItem", 2 * n + k), "sku": f"S-{k}", "name": f"Thing {k}", "quantity": 1, "requiresShipping": True,
            "originalUnitPriceSet": bag(f"{12 * (k + 1)}.00"), "discountAllocations": [],
            "taxLines": [{"channelLiable": False, "priceSet": bag(f"{2 * (k + 1)}.00")}],
        }
        for k in range(2)
    ]  # fmt: skip
    refund = {
        "id": gid("Refund", 300 + n), "createdAt": iso(at), "processedAt": iso(at),
        "refundLineItems": [{
            "id": gid("RefundLineItem", 400 + n), "quantity": 1, "restockType": "RETURN", "restocked": True,
            "location": place, "lineItem": lines[0], "subtotalSet": bag("12.00"), "totalTaxSet": bag("2.00"),
        }],
        "refundShippingLines": [], "orderAdjustments": [],
        "transactions": [{
            "id": gid("OrderTransaction", 600 + n), "kind": "REFUND", "status": "SUCCESS", "test": False,
            "gateway": "shopify_payments", "amountSet": bag("12.00"),
        }],
    }  # fmt: skip
    shipment = {
        "id": gid("Fulfillment", 700 + n), "createdAt": iso(at), "status": "SUCCESS", "location": place,
        "fulfillmentLineItems": [
            {"id": gid("FulfillmentLineItem", 10 * (700 + n) + k), "quantity": 1, "lineItem": line}
            for k, line in enumerate(lines)
        ],
    }  # fmt: skip
    return {
        **order, "test": False, "createdAt": iso(at), "updatedAt": iso(at), "cancelledAt": None, "sourceName": "web",
        "displayFinancialStatus": "PARTIALLY_REFUNDED", "currencyCode": "EUR", "taxesIncluded": True,
        "customer": {"id": gid("Customer", n % 3)}, "shippingAddress": {"countryCodeV2": "DE"}, "retailLocation": None,
        "totalPriceSet": bag("41.00"), "totalTaxSet": bag("6.00"), "totalDiscountsSet": bag("0.00"),
        "totalCashRoundingAdjustment": {"paymentSet": bag("0.00"), "refundSet": bag("0.00")},
        "taxLines": [{"channelLiable": False, "priceSet": bag("6.00")}],
        "shippingLines": [{"id": gid("ShippingLine", n), "discountedPriceSet": bag("5.00")}],
        "lineItems": lines, "refunds": [refund], "fulfillments": [shipment],
    }  # fmt: skip


def level(number: int, place: Mapping[str, Any], sku: str, available: int, at: str, **item: Any) -> dict[str, Any]:
    """What lies at a place of an article: one more is promised."""
    of_item = {"id": gid("InventoryItem", 800 + number), "sku": sku, "tracked": True, **item}
    quantities = {"available": available, "on_hand": available + 1, "committed": 1}
    return {
        "id": f"{gid('InventoryLevel', 900 + number)}?inventory_item_id={800 + number}", "updatedAt": at,
        "item": of_item, "location": place,
        "quantities": [{"name": name, "quantity": quantity} for name, quantity in quantities.items()],
    }  # fmt: skip


def _matches(row: Mapping[str, Any], query: str) -> bool:
    for name, comparison, value in _TERM.findall(query):
        if name == "payments_transfer_id":
            if (row["associatedPayout"]["id"] or "").rpartition("/")[2] != value:
                return False
            continue
        held, wanted = (datetime.fromisoformat(text) for text in (row[_FILTERS[name]], value))
        if not {">=": held >= wanted, "<": held < wanted}[comparison]:
            return False
    return True


def _cursor(*told: Any) -> str:
    return base64.b64encode(json.dumps(told).encode()).decode()


def _invalid_cursor() -> Refused:
    return Refused("Invalid cursor for current pagination sort.", "BAD_REQUEST")


def _objects(data: Any) -> int:
    if isinstance(data, dict):
        return 1 + sum(_objects(value) for value in data.values())
    return sum(_objects(value) for value in data) if isinstance(data, list) else 0
