"""Shopify over its GraphQL Admin API: payouts and what they are made of, orders, refunds, shipments, what the shop offers.

The app needs read_orders, read_all_orders (else orders of the last 60 days only, and Shopify says nothing), read_customers,
read_locations, read_inventory, read_shopify_payments_accounts and read_shopify_payments_payouts.

Payments are those of Shopify Payments. What PayPal, a gift card or a drawer took of an order is not asked for: a payment is
money that its processor moved, so it comes from that processor or till; the shop's note of it would be counted beside it.

Orders of more than seven past days come as the file of a bulk operation (`shopify_bulk.py`). The other lists stay paged. Lines of
refunds and shipments are a connection within a list, which bulk operations refuse ("Queries that contain a connection field within
a list field are not currently supported"); through fulfillmentOrders shipments lie deeper than the two levels that are allowed.
The entries of a payout are asked for payout by payout, and stock is what is now.

Payments come in two ways: by the instant they were booked, then nobody knows their payout yet, and again with the list of each
payout, whose number and day they take. The payout's own movement (TRANSFER; `payout` in exports) is in that list.

Unverified, no real shop having been at hand: that the day of `issuedAt` in UTC is the payout's date of the exports; that the
filter payments_transfer_id takes the payout's number (used so by public connectors; a row that names another payout is not
believed to be in this one); the sign of `net` of a withdrawal (taken as its parts say).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from retail_sync.connectors import shopify_queries as queries
from retail_sync.connectors.shopify_api import (
    LIMITS,
    Client,
    FixedToken,
    GrantedToken,
    Query,
    ShopifyConnection,
    heed,
    judge,
    page_of,
)
from retail_sync.connectors.shopify_bulk import ORDERS_FILE, in_bulk
from retail_sync.connectors.wire import Access, Backfill, Page, Window, WireObject
from retail_sync.core.http import Manner
from retail_sync.core.paging import at

_SCOPES = (
    "read_orders", "read_all_orders", "read_customers", "read_locations", "read_inventory",
    "read_shopify_payments_accounts", "read_shopify_payments_payouts",
)  # fmt: skip
_LATE = timedelta(hours=3)
# A payout changes its state for days: scheduled, in transit, paid or failed.
_PAYOUT_LATE = timedelta(days=10)


def _between(name: str, start: datetime, end: datetime) -> dict[str, str]:
    first, last = (instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for instant in (start, end))
    return {"query": f"{name}:>='{first}' {name}:<'{last}'"}


def _whole_days(window: Window) -> Window:
    """The UTC days of a window: the payouts of a day are replaced together, so never half of them."""
    first, last = (
        instant.astimezone(UTC).replace(hour=0, minute=0, second=0) for instant in (window.start, window.end)
    )
    return Window(first, last if last == window.end else last + timedelta(days=1))


def _payouts(client: Client, window: Window) -> Iterator[Page]:
    days = _whole_days(window)
    for answer in client.pages(queries.PAYOUTS, _between("issued_at", days.start, days.end)):
        yield page_of(answer)


def _balance_transactions(client: Client, window: Window) -> Iterator[Page]:
    for answer in client.pages(queries.BALANCE_TRANSACTIONS, _between("processed_at", window.start, window.end)):
        yield page_of(answer)
    issued = _between("issued_at", window.start, window.end)
    payouts = {
        (str(row["legacyResourceId"]), str(row["issuedAt"]))
        for answer in client.pages(queries.PAYOUT_IDS, issued)
        for row in at(answer.document, queries.PAYOUT_IDS.path)["nodes"]
    }
    for number, issued_at in sorted(payouts):
        of_payout = {"query": f"payments_transfer_id:{number}"}
        for answer in client.pages(queries.BALANCE_TRANSACTIONS, of_payout):
            yield page_of(answer, "payout", f"{number}|{issued_at}")


def _order_pages(client: Client, window: Window, query: Query, nested: tuple[queries.Nested, ...]) -> Iterator[Page]:
    for answer in client.pages(query, _between("updated_at", window.start, window.end)):
        yield page_of(answer)
        for order in at(answer.document, query.path)["nodes"]:
            for item in nested:
                yield from item.rest(client, order)


def _orders(client: Client, window: Window) -> Iterator[Page]:
    return _order_pages(client, window, *queries.ORDERS)


def _orders_in_bulk(client: Client, window: Window) -> Iterator[Page]:
    search = _between("updated_at", window.start, window.end)["query"]
    return in_bulk(client, queries.orders_in_bulk(search), ORDERS_FILE)


def _refunds(client: Client, window: Window) -> Iterator[Page]:
    return _order_pages(client, window, *queries.REFUNDS)


def _fulfilments(client: Client, window: Window) -> Iterator[Page]:
    return _order_pages(client, window, *queries.FULFILMENTS)


def _inventory(client: Client, _: Window) -> Iterator[Page]:
    locations = []
    for answer in client.pages(queries.LOCATIONS):
        yield page_of(answer, "locations")
        locations += [row["id"] for row in at(answer.document, queries.LOCATIONS.path)["nodes"]]
    for location in dict.fromkeys(locations):
        for answer in client.pages(queries.LEVELS, {"id": location}):
            yield page_of(answer, "", location)


_BALANCE = "data.shopifyPaymentsAccount.balanceTransactions.nodes"


class Shopify:
    """Connector for a Shopify shop."""

    name = "shopify"
    channel = "shopify"
    settings = ShopifyConnection
    objects = (
        WireObject(
            "payouts", _payouts, ("payouts",), {"": "data.shopifyPaymentsAccount.payouts.nodes"}, look_back=_PAYOUT_LATE
        ),
        WireObject(
            "balance_transactions", _balance_transactions, ("payments",), {"": _BALANCE, "payout": _BALANCE},
            look_back=_PAYOUT_LATE,
        ),
        WireObject(
            "orders", _orders, ("orders", "order_lines"), queries.records_of_orders(queries.ORDERS[1]), look_back=_LATE,
            backfill=Backfill(_orders_in_bulk),
        ),
        WireObject("refunds", _refunds, ("returns",), queries.records_of_orders(queries.REFUNDS[1]), look_back=_LATE),
        WireObject(
            "fulfilments", _fulfilments, ("fulfilments",), queries.records_of_orders(queries.FULFILMENTS[1]), look_back=_LATE
        ),
        WireObject(
            "inventory", _inventory, ("listings",),
            {"": "data.location.inventoryLevels.nodes", "locations": "data.locations.nodes"}, is_state=True,
        ),
    )  # fmt: skip

    def connect(self, access: Access) -> Client:
        """Return a client of the Admin API."""
        where = access.connection(ShopifyConnection)
        token_client, auth = None, None
        if where.client_id:
            token_client = access.client("Shopify", where.url, None, LIMITS)
            auth = GrantedToken(token_client, where.client_id, access.secret("CLIENT_SECRET"))
        manner = Manner(judge=judge, heed=heed)
        http = access.client("Shopify", where.url, auth or FixedToken(access.secret("ACCESS_TOKEN")), LIMITS, manner)
        return Client(http, token_client, f"/admin/api/{where.version}/graphql.json", access.scratch, access.progress)

    def check(self, client: Client) -> str:
        """Ask which shop answers and what the app may read."""
        said = client.ask(queries.SHOP)
        shop, granted = said["shop"], {row["handle"] for row in said["currentAppInstallation"]["accessScopes"]}
        missing = [
            scope for scope in _SCOPES if scope not in granted and scope.replace("read_", "write_") not in granted
        ]
        lacks = f"; the app may not {', '.join(missing)}" if missing else ""
        return f"Shopify shop {shop['name']} ({shop['currencyCode']}, {shop['ianaTimezone']}) answers{lacks}"
