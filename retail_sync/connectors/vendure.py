"""Vendure, an open storefront: orders with their payments, refunds and shipments, and what its stock lets it offer.

Over its Admin API (GraphQL). Seen on a real 3.7.3, and read in the source of its server:

* Money is an integer in units of 10^-moneyStrategyPrecision, 2 as it comes, in every currency: 1,000 yen are 100000.
* A failure is HTTP 200 with `errors`; a session that ended is FORBIDDEN, as a missing permission is.
* `updatedAt` of an order moves with its quantities and totals only. Payment, shipment and refund leave it as it was, and no list
  of them is offered. So orders are asked for by the day they were placed (and changed), and the days of two months are
  asked for again in every run; `look_back_days` says otherwise. What a payment, refund or shipment went through, and when,
  is in the history of its order.
* What is cancelled after it left, as the Admin UI does with goods that come back, is taken off the order's quantities
  and totals; `vendure.sql` puts it back, because it was sold.

Who reads needs an administrator with the permissions ReadOrder, ReadCatalog and ReadStockLocation. Of customers only the number
is asked for, which becomes a pseudonym. Read in the source only: the orders of a multi-vendor shop's sellers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import Field

from retail_sync.connectors.wire import Access, Connection, Page, Window, WireObject
from retail_sync.core.errors import SignInRefused
from retail_sync.core.http import Answer, HttpClient, Limits, Manner
from retail_sync.core.http_errors import Answered, HttpError
from retail_sync.core.paging import Call, Offset, at, send, walk

_PAGE_ROWS = 100
_LIMITS = Limits(per_minute=600, burst=10)
# Goods come back for weeks, and an order does not say that it changed.
_RETURNS = timedelta(days=60)

_LOGIN = """
mutation ($user: String!, $password: String!) {
  login(username: $user, password: $password) {
    __typename ... on CurrentUser { id identifier } ... on ErrorResult { errorCode message }
  }
}
"""
_WHO = "{ me { identifier } activeChannel { code defaultCurrencyCode } }"
_SHOP = """
{
  globalSettings { trackInventory outOfStockThreshold serverConfig { moneyStrategyPrecision } }
  activeChannel { pricesIncludeTax }
}
"""
_ORDERS = """
query ($options: OrderListOptions) {
  orders(options: $options) {
    totalItems
    items {
      id code state orderPlacedAt currencyCode
      customer { id } shippingAddress { countryCode }
      shipping shippingWithTax totalWithTax taxSummary { taxTotal } discounts { amountWithTax }
      shippingLines { price priceWithTax } surcharges { description price priceWithTax }
      lines {
        id quantity taxRate productVariant { sku name } unitPriceWithTax proratedUnitPrice proratedUnitPriceWithTax
        proratedLinePrice proratedLinePriceWithTax
      }
      payments {
        id state amount method updatedAt refunds { id state total shipping method updatedAt lines { orderLineId quantity } }
      }
      fulfillments { id state updatedAt lines { orderLineId quantity } }
      history(options: {take: 500, filter: {type: {in: [
        "ORDER_PAYMENT_TRANSITION", "ORDER_REFUND_TRANSITION", "ORDER_FULFILLMENT_TRANSITION"
      ]}}}) { totalItems items { type createdAt data } }
    }
  }
}
"""
_VARIANTS = """
query ($options: ProductVariantListOptions) {
  productVariants(options: $options) {
    totalItems
    items {
      id sku enabled product { enabled } trackInventory useGlobalOutOfStockThreshold outOfStockThreshold
      stockLevels { stockOnHand stockAllocated stockLocation { id name } }
    }
  }
}
"""


class VendureConnection(Connection):
    """Where the storefront is."""

    url: str = Field(description="e.g. https://shop.example.com, without admin-api")
    user: str = Field(description="administrator that may read orders, catalogue and stock locations")
    channel_token: str = Field("", description="which of several Vendure channels; empty: the default one")
    location: str = Field("", description="location_id that the shop's parcels leave from; empty: it is not told")


@dataclass(slots=True)
class _Session:
    """A login that is made when first needed and again when it ran out."""

    client: HttpClient
    user: str
    password: str
    token: str = ""

    def headers(self) -> Mapping[str, str]:
        """Return the header of the session."""
        if not self.token:
            self._log_in()
        return {"Authorization": f"Bearer {self.token}"}

    def renew(self, refused: Mapping[str, str]) -> None:
        """Log in again."""
        self._log_in()

    def secrets(self) -> Iterable[str]:
        """Return what no message may show."""
        return [text for text in (self.password, self.token) if text]

    def _log_in(self) -> None:
        variables = {"user": self.user, "password": self.password}
        answer = send(self.client, Call("POST", "/admin-api", document={"query": _LOGIN, "variables": variables}))
        said = answer.document["data"]["login"]
        self.token = answer.headers.get("vendure-auth-token", "")
        if said["__typename"] != "CurrentUser" or not self.token:
            raise SignInRefused(
                f"Vendure refuses {self.user}: {said.get('message', 'no token came')}",
                "check [source.connection] user and the password in the environment",
            )


@dataclass(slots=True)
class Client:
    """What the lists are read with. `shop`: what the server says of itself, asked for once."""

    http: HttpClient
    session: _Session
    has_channel_token: bool
    shop: Page | None = None

    def close(self) -> None:
        """Close the connections."""
        self.http.close()
        self.session.client.close()


def _orders(client: Client, window: Window) -> Iterator[Page]:
    between = {"between": {"start": window.start.isoformat(), "end": window.end.isoformat()}}
    # Carts and drafts are no orders: an order is placed, and from then on not active any more.
    wanted: dict[str, Any] = {"active": {"eq": False}, "orderPlacedAt": {"isNull": False}}
    if not client.has_channel_token:  # there the order of the customer is beside its parts, which are the sellers'
        wanted["type"] = {"notEq": "Seller"}
    wanted["_or"] = [{"orderPlacedAt": between}, {"updatedAt": between}]
    yield from _pages(client, _ORDERS, "orders", {"filter": wanted})


def _stock(client: Client, _: Window) -> Iterator[Page]:
    yield from _pages(client, _VARIANTS, "productVariants", {})


def _pages(client: Client, query: str, name: str, options: Mapping[str, Any]) -> Iterator[Page]:
    asked = {"skip": 0, "take": _PAGE_ROWS, "sort": {"id": "ASC"}, **options}
    call = Call("POST", "/admin-api", document={"query": query, "variables": {"options": asked}})
    following = Offset(f"data.{name}.items", "variables.options.skip", f"data.{name}.totalItems")
    has_rows = False
    for answer in walk(client.http, call, following):
        has_rows = has_rows or bool(at(answer.document, f"data.{name}.items"))
        yield Page(answer.content)
    if not has_rows:  # then nothing needs to be read with it, and the window is no delivery
        return
    if client.shop is None:
        client.shop = Page(send(client.http, Call("POST", "/admin-api", document={"query": _SHOP})).content, "shop")
    yield client.shop


def _judge(answer: Answer) -> HttpError | None:
    """GraphQL says what went wrong in an answer with status 200."""
    errors = answer.document.get("errors") if isinstance(answer.document, Mapping) else None
    if not errors:
        return None
    code = str((errors[0].get("extensions") or {}).get("code", ""))
    status = {"FORBIDDEN": 403, "UNAUTHORIZED": 401, "INTERNAL_SERVER_ERROR": 500}.get(code, 400)
    return Answered(f"Vendure: {code} {str(errors[0].get('message', ''))[:200]}", status, answer.document)


def _is_stale(refused: Answered) -> bool:
    """A session that ran out is FORBIDDEN too; where it stays so with a new one, the user lacks the right."""
    return refused.status in (401, 403)


class Vendure:
    """Connector for a Vendure storefront."""

    name = "vendure"
    channel = "vendure"
    settings = VendureConnection
    objects = (
        WireObject(
            "orders",
            _orders,
            ("orders", "order_lines", "payments", "returns", "fulfilments"),
            {"": "data.orders.items", "shop": "data"},
            look_back=_RETURNS,
        ),
        WireObject("stock", _stock, ("listings",), {"": "data.productVariants.items", "shop": "data"}, is_state=True),
    )

    def connect(self, access: Access) -> Client:
        """Return a client of the Admin API."""
        where = access.connection(VendureConnection)
        headers = {"vendure-token": where.channel_token} if where.channel_token else {}
        manner = Manner(judge=_judge, is_stale=_is_stale, headers=headers)
        session = _Session(
            access.client("Vendure", where.url, None, _LIMITS, manner),
            where.user,
            access.secret("PASSWORD"),
        )
        http = access.client("Vendure", where.url, session, _LIMITS, manner)
        return Client(http, session, bool(where.channel_token))

    def check(self, client: Client) -> str:
        """Ask who we are and which channel that is."""
        said = send(client.http, Call("POST", "/admin-api", document={"query": _WHO})).document["data"]
        channel = said["activeChannel"]
        return (
            f"Vendure channel {channel['code']} ({channel['defaultCurrencyCode']}) answers {said['me']['identifier']}"
        )
