"""Vendure, an open storefront: orders with their payments, refunds and shipments, and the stock of its locations.

Over its Admin API (GraphQL). Seen on a real 3.7.3: money is an integer in minor units, a failure is HTTP 200 with `errors`, a
list is `{items, totalItems}` with `skip` and `take`. Who reads needs an administrator with the permissions ReadOrder,
ReadCatalog and ReadStockLocation. Of customers only the number is asked for, which becomes a pseudonym.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from pydantic import Field

from retail_sync.connectors.wire import Access, Connection, Page, Window, WireObject
from retail_sync.core.errors import SettingsError
from retail_sync.core.http import Answer, HttpClient, Limits, Manner
from retail_sync.core.http_errors import Answered, HttpError
from retail_sync.core.paging import Call, Offset, send, walk

_PAGE_ROWS = 100
_LIMITS = Limits(per_minute=600, burst=10)
_LATE = timedelta(hours=2)

_LOGIN = """
mutation ($user: String!, $password: String!) {
  login(username: $user, password: $password) {
    __typename ... on CurrentUser { id identifier } ... on ErrorResult { errorCode message }
  }
}
"""
_WHO = "{ me { identifier } activeChannel { code defaultCurrencyCode pricesIncludeTax } }"
# Carts are no orders: an order is placed, and from then on not active any more.
_ORDERS = """
query ($options: OrderListOptions) {
  orders(options: $options) {
    totalItems
    items {
      id code state orderPlacedAt updatedAt currencyCode
      customer { id } shippingAddress { countryCode }
      subTotalWithTax shippingWithTax totalWithTax taxSummary { taxTotal } discounts { amountWithTax }
      lines { id quantity productVariant { sku name } unitPriceWithTax proratedLinePriceWithTax lineTax }
    }
  }
}
"""


class VendureConnection(Connection):
    """Where the storefront is."""

    url: str = Field(description="e.g. https://shop.example.com, without admin-api")
    user: str = Field(description="administrator that may read orders, catalogue and stock locations")
    channel_token: str = Field("", description="which of several Vendure channels; empty: the default one")


@dataclass(slots=True)
class _Session:
    """A login that is made when first needed and again when it ran out; two threads make it once."""

    client: HttpClient
    user: str
    password: str
    token: str = ""
    lock: Any = None

    def headers(self) -> Mapping[str, str]:
        """Return the header of the session."""
        if not self.token:
            self._log_in("")
        return {"Authorization": f"Bearer {self.token}"}

    def renew(self, refused: Mapping[str, str]) -> None:
        """Log in again."""
        self._log_in(refused.get("Authorization", "").removeprefix("Bearer "))

    def secrets(self) -> Iterable[str]:
        """Return what no message may show."""
        return [text for text in (self.password, self.token) if text]

    def _log_in(self, useless: str) -> None:
        with self.lock:
            if self.token != useless:
                return
            variables = {"user": self.user, "password": self.password}
            answer = send(self.client, Call("POST", "/admin-api", document={"query": _LOGIN, "variables": variables}))
            said = answer.document["data"]["login"]
            self.token = answer.headers.get("vendure-auth-token", "")
            if said["__typename"] != "CurrentUser" or not self.token:
                raise SettingsError(
                    f"Vendure refuses {self.user}: {said.get('message', 'no token came')}",
                    "check [source.connection] user and the password in the environment",
                )


@dataclass(slots=True)
class Client:
    """What the lists are read with."""

    http: HttpClient
    session: _Session

    def close(self) -> None:
        """Close the connections."""
        self.http.close()
        self.session.client.close()


def _orders(client: Client, window: Window) -> Iterator[Page]:
    between = {"start": window.start.isoformat(), "end": window.end.isoformat()}
    options = {"filter": {"updatedAt": {"between": between}, "active": {"eq": False}}}
    yield from _pages(client, _ORDERS, "orders", options)


def _pages(client: Client, query: str, name: str, options: Mapping[str, Any]) -> Iterator[Page]:
    asked = {"skip": 0, "take": _PAGE_ROWS, "sort": {"id": "ASC"}, **options}
    call = Call("POST", "/admin-api", document={"query": query, "variables": {"options": asked}})
    following = Offset(f"data.{name}.items", "variables.options.skip", f"data.{name}.totalItems")
    for answer in walk(client.http, call, following):
        yield Page(answer.content)


def _judge(answer: Answer) -> HttpError | None:
    """GraphQL says what went wrong in an answer with status 200."""
    errors = answer.document.get("errors") if isinstance(answer.document, dict) else None
    if not errors:
        return None
    code = str((errors[0].get("extensions") or {}).get("code", ""))
    status = {"FORBIDDEN": 401, "UNAUTHORIZED": 401, "INTERNAL_SERVER_ERROR": 500}.get(code, 400)
    return Answered(f"Vendure: {code} {str(errors[0].get('message', ''))[:200]}", status, answer.document)


class Vendure:
    """Connector for a Vendure storefront."""

    name = "vendure"
    channel = "vendure"
    settings = VendureConnection
    objects = (WireObject("orders", _orders, ("orders", "order_lines"), {"": "data.orders.items"}, look_back=_LATE),)

    def connect(self, access: Access) -> Client:
        """Return a client of the Admin API."""
        where = access.connection(VendureConnection)
        headers = {"vendure-token": where.channel_token} if where.channel_token else {}
        manner = Manner(read=orjson.loads, judge=_judge, headers=headers)
        session = _Session(
            access.client("Vendure", where.url, None, _LIMITS, manner),
            where.user,
            access.secret("PASSWORD"),
            lock=threading.Lock(),
        )
        return Client(access.client("Vendure", where.url, session, _LIMITS, manner), session)

    def check(self, client: Client) -> str:
        """Ask who we are and which channel that is."""
        said = send(client.http, Call("POST", "/admin-api", document={"query": _WHO})).document["data"]
        channel = said["activeChannel"]
        return (
            f"Vendure channel {channel['code']} ({channel['defaultCurrencyCode']}) answers {said['me']['identifier']}"
        )
