"""How Shopify's GraphQL Admin API is asked: one address, a bucket of points, failures inside a good status, cursors.

Field names, arguments and enums are those of the schema that a live shop gave for 2026-07. Documented: the header of the
token, `extensions.cost.throttleStatus`, "Throttled" as an error without data, "Access denied for ... field. Required access:
...". A query may cost 1,000 points at most, by what it asks for; what is taken from the bucket is what it brought. Seen in
public reports only: the code MAX_COST_EXCEEDED, that a throttled answer has status 200 (429 is repeated as well).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from retail_sync.connectors.wire import Connection, Page
from retail_sync.core.errors import SettingsError, SignInRefused
from retail_sync.core.http import Answer, HttpClient, Limits
from retail_sync.core.http_errors import REPEATABLE_STATUSES, Answered, HttpError
from retail_sync.core.pacing import Bucket
from retail_sync.core.paging import Call, PagesBroken, TokenInBody, at, send, walk

# What the smallest plan has, until the first answer says what this shop has.
LIMITS = Limits(per_minute=6000, burst=1000)
_HEADER = "X-Shopify-Access-Token"
_COST_FIRST = 50.0
_SPENT = re.compile(rb'"(?:currentlyAvailable|requestedQueryCost|actualQueryCost)":\s*[0-9.]+')
# A throttled answer that does not say what is missing.
_WAIT_SECONDS = 2.0
STATUSES = {
    "THROTTLED": 429, "ACCESS_DENIED": 403, "SHOP_INACTIVE": 402, "INTERNAL_SERVER_ERROR": 500, "TIMEOUT": 504,
}  # fmt: skip


class ShopifyConnection(Connection):
    """Which shop, and how it is read."""

    url: str = Field(description="e.g. https://myshop.myshopify.com")
    version: str = Field("2026-07", pattern=r"^\d{4}-\d\d$", description="version of the API")
    client_id: str = Field("", description="of an app of the Dev Dashboard; empty: the token of a custom app is used")
    since: str = Field(
        "",
        pattern=r"^(\d{4}-\d\d-\d\d)?$",
        description="first day of orders, payments and payouts; files have the days before",
    )
    location_by: str = Field(
        "name", pattern=r"^(name|id)$", description="whether a place is known by its name in Shopify or by its number"
    )


@dataclass(frozen=True, slots=True)
class FixedToken:
    """The token of a custom app: it holds until somebody takes it back."""

    token: str

    def headers(self) -> Mapping[str, str]:
        """Return the header of the token."""
        return {_HEADER: self.token}

    def renew(self, refused: Mapping[str, str]) -> None:
        """There is no other one."""
        raise _refused("the access token")

    def secrets(self) -> Iterable[str]:
        """Return what no message may show."""
        return (self.token,)


@dataclass(slots=True)
class GrantedToken:
    """A token that the app's id and secret are exchanged for, valid for a day."""

    client: HttpClient
    client_id: str
    secret: str
    token: str = ""

    def headers(self) -> Mapping[str, str]:
        """Return the header of the token."""
        if not self.token:
            self._get()
        return {_HEADER: self.token}

    def renew(self, refused: Mapping[str, str]) -> None:
        """Get another token."""
        self._get()

    def secrets(self) -> Iterable[str]:
        """Return what no message may show."""
        return [text for text in (self.secret, self.token) if text]

    def _get(self) -> None:
        asked = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.secret}
        try:
            answer = send(self.client, Call("POST", "/admin/oauth/access_token", document=asked))
        except Answered as refusal:
            if refusal.status in REPEATABLE_STATUSES:
                raise
            raise _refused(f"the app {self.client_id} ({refusal.status})") from None
        self.token = str(at(answer.document, "access_token") or "")
        if not self.token:
            raise _refused(f"the app {self.client_id}: no token came")


@dataclass(frozen=True, slots=True)
class Query:
    """A list: its text with variables `first` and `after`, where it stands in the answer, and the rows asked for at once."""

    text: str
    path: str
    rows: int


@dataclass(slots=True)
class Client:
    """What the lists are read with. It remembers what a query cost, and how many rows of it the shop lets through.

    `scratch`: folder for files on their way. `progress` is told of what takes long.
    """

    http: HttpClient
    token_client: HttpClient | None
    path: str
    scratch: Path
    progress: Callable[[str], None]
    costs: dict[Query, float] = field(default_factory=dict)
    rows: dict[Query, int] = field(default_factory=dict)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()
        if self.token_client:
            self.token_client.close()

    def ask(self, text: str, variables: Mapping[str, Any] | None = None) -> Any:
        """Return the data of one query. Raises HttpError."""
        document = {"query": text, "variables": dict(variables or {})}
        return send(self.http, Call("POST", self.path, document=document)).document["data"]

    def pages(self, query: Query, variables: Mapping[str, Any] | None = None) -> Iterator[Answer]:
        """Yield the pages of a list; half the rows at once as long as the shop finds the query too dear. Raises HttpError."""
        rows = self.rows.get(query, query.rows)
        while True:
            try:
                yield from self._walk(query, {**(variables or {}), "first": rows})
            except Answered as refused:
                if rows == 1 or _code(refused.document) != "MAX_COST_EXCEEDED":
                    raise
                rows = self.rows[query] = rows // 2
            else:
                return

    def _walk(self, query: Query, variables: Mapping[str, Any]) -> Iterator[Answer]:
        token = TokenInBody(f"{query.path}.pageInfo.endCursor", "variables.after", f"{query.path}.pageInfo.hasNextPage")

        def following(call: Call, answer: Answer) -> Call | None:
            spent = at(answer.document, "extensions.cost.actualQueryCost")
            if isinstance(spent, int | float):
                self.costs[query] = float(spent)
            found = token(call, answer)
            return found and replace(found, cost=self.costs.get(query, found.cost))

        cost = self.costs.get(query, _COST_FIRST)
        document = {"query": query.text, "variables": dict(variables)}
        for answer in walk(self.http, Call("POST", self.path, document=document, cost=cost), following):
            if at(answer.document, query.path) is None:
                raise _missing(query.path)
            yield answer


def page_of(answer: Answer, part: str = "", key: str = "") -> Page:
    """Return the page of an answer. What it says of our bucket is another every time."""
    passing = tuple(found.decode() for found in _SPENT.findall(answer.content))
    return Page(answer.content, part, key, passing)


def judge(answer: Answer) -> HttpError | None:
    """GraphQL says what went wrong in an answer with status 200; a part of the data may stand beside it, and is not used."""
    errors = at(answer.document, "errors")
    if not errors:
        return None
    code, message = _code(answer.document), str(at(answer.document, "errors.0.message"))[:300]
    if code == "THROTTLED":
        return Answered("Shopify: throttled", 429, answer.document, _seconds_until(answer.document))
    return Answered(f"Shopify: {code} {message}".replace("  ", " "), STATUSES.get(code, 400), answer.document)


def heed(answer: Answer, bucket: Bucket) -> None:
    """Believe what the answer says of the shop's bucket: how much it holds, how fast it fills, what is in it."""
    status = at(answer.document, "extensions.cost.throttleStatus")
    if isinstance(status, Mapping):
        bucket.refills(60 * float(status["restoreRate"]), float(status["maximumAvailable"]))
        bucket.at_most(float(status["currentlyAvailable"]))


def _code(document: Any) -> str:
    if str(at(document, "errors.0.message")).casefold() == "throttled":
        return "THROTTLED"
    return str(at(document, "errors.0.extensions.code") or "")


def _seconds_until(document: Any) -> float:
    """Return how long the bucket needs until the query that was refused fits in."""
    status = at(document, "extensions.cost.throttleStatus") or {}
    wanted, rate = at(document, "extensions.cost.requestedQueryCost"), status.get("restoreRate")
    if wanted is None or not rate:
        return _WAIT_SECONDS
    return max(0.0, (float(wanted) - float(status["currentlyAvailable"])) / float(rate)) or _WAIT_SECONDS


def _refused(what: str) -> SettingsError:
    return SignInRefused(
        f"Shopify refuses {what}", "check [source.connection] client_id and the secret in the environment of the runs"
    )


def _missing(path: str) -> HttpError | SettingsError:
    if path.startswith("data.shopifyPaymentsAccount"):
        return SettingsError(
            "this shop has no Shopify Payments", "leave payouts and balance_transactions out of `objects` of its source"
        )
    return PagesBroken(f"Shopify: what was listed a moment ago is gone ({path})", "run again")
