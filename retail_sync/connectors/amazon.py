"""Amazon's Selling Partner API: settlement reports, orders, stock in its centres, what it holds back, and what it pays out.

From the models of amzn/selling-partner-api-models at 34dc93fe. Signing in: developer-docs.amazon.com, "Connect to the SP-API".
Orders are those of version 2026-01-01, because one answer holds an order with its lines and amounts; version 0 asks again for
the lines of each order, which may change in between. Persons: of an order only PROCEEDS and FULFILLMENT are asked for, not
BUYER, RECIPIENT or TAX (it names the buyer), so an order has no customer and no country. FULFILLMENT may hold a gift message,
which stays in the raw archive. Orders that are not paid yet are not asked for: they have no amounts, and come when they are.

Not verified against Amazon itself: whether DISCOUNT is negative (both are read alike), and the words of breakdowns, which are
in no model (`amazon.sql`). Amazon says that financial events may be late by 48 hours: what is held back on the first of a
month lacks those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field, field_validator

from retail_sync import __version__
from retail_sync.connectors.amazon_reports import settlement_reports, some_settlement_reports
from retail_sync.connectors.wire import Access, Connection, Document, Page, Window, WireObject
from retail_sync.core.http import Answer, HttpClient, Limits, Manner
from retail_sync.core.http_errors import Answered
from retail_sync.core.oauth import Credentials, OAuth, SignIn
from retail_sync.core.pacing import Bucket
from retail_sync.core.paging import Call, TokenInQuery, at, walk

_ENDPOINTS = {
    "na": "https://sellingpartnerapi-na.amazon.com",
    "eu": "https://sellingpartnerapi-eu.amazon.com",
    "fe": "https://sellingpartnerapi-fe.amazon.com",
}
_SIGN_IN = SignIn("x-amz-access-token", "", is_in_form=True, help="docs/runbooks/connect_sources.md")
# Requests per second and burst, as each operation's model says; what an answer says takes their place.
RATES: dict[str, tuple[float, float]] = {
    "getReports": (0.0222, 10),
    "getReportDocument": (0.0167, 15),
    "searchOrders": (0.0056, 20),
    "getInventorySummaries": (2, 2),
    "listTransactions": (0.5, 10),
    "listPayouts": (0.5, 10),
}
_LIMITS = Limits(per_minute=60, rates={name: (60 * rate, burst) for name, (rate, burst) in RATES.items()})
_PAID = "UNSHIPPED,PARTIALLY_SHIPPED,SHIPPED,CANCELLED,UNFULFILLABLE"
# The end of a window must be two minutes past; clocks differ.
_NOT_YET = timedelta(minutes=3)
# More than 180 days at once are answered with nothing.
_HELD_BACK = timedelta(days=179)


class AmazonConnection(Connection):
    """Which marketplaces of which region are asked."""

    region: Literal["na", "eu", "fe"] = Field(
        description="na (with Brazil), eu (with India), fe (Japan, Australia, ...)"
    )
    marketplaces: tuple[str, ...] = Field(min_length=1, max_length=50, description="marketplace ids, for orders")
    fba_locations: tuple[str, ...] = Field(
        (),
        description='whose stock in Amazon\'s centres is asked for: ["MARKETPLACE_ID=location", ...]. One marketplace for each '
        "stock: where several sell the same (Pan-European), only one of them; empty: Amazon holds none",
    )
    endpoint: str = Field("", description="another address than that of the region")
    token_url: str = Field("https://api.amazon.com/auth/o2/token", description="where access tokens are given")

    @property
    def address(self) -> str:
        """The endpoint of the region, or the one that is set."""
        return self.endpoint or _ENDPOINTS[self.region]

    @field_validator("fba_locations")
    @classmethod
    def _are_pairs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [pair for pair in value if not re.fullmatch(r"\w+=.+", pair)]:
            raise ValueError(f"{wrong[0]!r} is not MARKETPLACE_ID=location")
        return value


@dataclass(frozen=True, slots=True)
class Client:
    """What the lists are read with."""

    http: HttpClient
    sign_in: HttpClient
    where: AmazonConnection

    def close(self) -> None:
        """Close the connections."""
        self.http.close()
        self.sign_in.close()

    def now(self) -> datetime:
        """Return the time on our clock, whole seconds in UTC."""
        return datetime.fromtimestamp(int(self.http.clock.wall()), UTC)


def _settlements(client: Client, window: Window) -> Iterator[Document]:
    return settlement_reports(client.http, window, client.now())


def _orders(client: Client, window: Window) -> Iterator[Page]:
    end = min(window.end, client.now() - _NOT_YET)
    if end <= window.start:
        return
    query = {
        "lastUpdatedAfter": _iso(window.start),
        "lastUpdatedBefore": _iso(end),
        "marketplaceIds": ",".join(client.where.marketplaces),
        "fulfillmentStatuses": _PAID,
        "includedData": "PROCEEDS,FULFILLMENT",
        "maxResultsPerPage": "100",
    }
    call = Call("GET", "/orders/2026-01-01/orders", query, operation="searchOrders")
    following = TokenInQuery("pagination.nextToken", "paginationToken")
    for answer in walk(client.http, call, following):
        yield Page(answer.content, passing=_passing(answer, following.path, "lastUpdatedBefore"))


def _fba_inventory(client: Client, _: Window) -> Iterator[Page]:
    following = TokenInQuery("pagination.nextToken", "nextToken")
    for pair in client.where.fba_locations:
        marketplace, location = pair.split("=", 1)
        query = {
            "details": "true",
            "granularityType": "Marketplace",
            "granularityId": marketplace,
            "marketplaceIds": marketplace,
        }
        call = Call("GET", "/fba/inventory/v1/summaries", query, operation="getInventorySummaries")
        for answer in walk(client.http, call, following):
            yield Page(answer.content, key=location, passing=_passing(answer, following.path))


def _held_back(client: Client, _: Window) -> Iterator[Page]:
    # Without marketplaceId: with it, orders that the seller ships in the US are left out (the model says).
    end = client.now() - _NOT_YET
    query = {
        "transactionStatus": "DEFERRED",
        "postedAfter": _iso(end - _HELD_BACK),
        "postedBefore": _iso(end),
    }
    call = Call("GET", "/finances/2024-06-19/transactions", query, operation="listTransactions")
    following = TokenInQuery("payload.nextToken", "nextToken")
    for answer in walk(client.http, call, following):
        yield Page(answer.content, passing=_passing(answer, following.path))


def _payouts(client: Client, window: Window) -> Iterator[Page]:
    query = {"createdAfter": _iso(window.start), "createdBefore": _iso(window.end)}
    call = Call("GET", "/finances/transfers/2024-06-01/payouts", query, operation="listPayouts")
    following = TokenInQuery("nextToken", "nextToken")
    for answer in walk(client.http, call, following):
        yield Page(answer.content, passing=_passing(answer, following.path))


def _passing(answer: Answer, *paths: str) -> tuple[str, ...]:
    return tuple(str(text) for path in paths if (text := at(answer.document, path)))


def _iso(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _heed(answer: Answer, bucket: Bucket) -> None:
    """Take over the rate that the answer says. Of a refusal for the rate's sake nothing is left in the bucket."""
    rate = answer.headers.get("x-amzn-RateLimit-Limit", "")
    if re.fullmatch(r"\d{1,4}(\.\d{1,9})?", rate):
        bucket.refills(60 * float(rate))
    if answer.status == 429:
        bucket.at_most(0)


def _is_stale(refused: Answered) -> bool:
    """A token that is expired or withdrawn is 403 there (models#4122), as is much else: the details tell."""
    errors = refused.document.get("errors") if isinstance(refused.document, Mapping) else None
    details = str(errors[0].get("details", "")) if errors else ""
    return refused.status == 401 or (refused.status == 403 and "token" in details.lower())


class Amazon:
    """Connector for a seller account on Amazon, of one region."""

    name = "amazon"
    channel = "amazon"
    settings = AmazonConnection
    objects = (
        # A report may be ready days after it was created; which ones were fetched is known by their ids.
        WireObject("settlements", _settlements, ("settlements", "settlement_lines"), reader="amazon_settlement",
                   look_back=timedelta(days=7), longest=timedelta(days=30)),
        # Whole days: more windows would use up the rate of 20 requests an hour.
        WireObject("orders", _orders, ("orders", "order_lines"), {"": "orders"}, look_back=timedelta(hours=1)),
        WireObject("fba_inventory", _fba_inventory, ("stock_counts", "listings"), {"": "payload.inventorySummaries"},
                   is_state=True),
        # The first answer of the first day of a month is what the month end is booked from.
        WireObject("unsettled", _held_back, ("deferred_transactions",), {"": "payload.transactions"},
                   is_state=True, is_daily=True),
        # No canonical table names a payout's bank reference: kept for those who look (`sources records`).
        WireObject("payouts", _payouts, (), {"": "payouts"},
                   look_back=timedelta(days=14), longest=timedelta(days=7)),
    )  # fmt: skip

    def connect(self, access: Access) -> Client:
        """Return a client of the region's endpoint."""
        where = access.connection(AmazonConnection)
        given = Credentials(*access.secrets("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN"))
        agent = {"User-Agent": f"retail-sync/{__version__} (Language=Python)"}
        manner = Manner(heed=_heed, is_stale=_is_stale, headers=agent)
        sign_in = access.client("Login with Amazon", where.token_url, None, Limits(burst=5))
        # Its refresh tokens do not change, so none is kept.
        auth = OAuth(sign_in, "", given, None, _SIGN_IN)
        endpoint = where.address
        return Client(access.client("Amazon", endpoint, auth, _LIMITS, manner), sign_in, where)

    def check(self, client: Client) -> str:
        """Ask for the newest settlement reports."""
        found = some_settlement_reports(client.http)
        return f"Amazon {client.where.region} answers; {found} settlement reports are on its first page"
