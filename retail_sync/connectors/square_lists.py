"""How each of Square's lists is asked for, page by page.

Every location is named in every request: without one, payments and payouts are those of the main location only, and the other
stores would be missing without a word. Every delivery that holds anything ends with the locations as they are, because these
say the time zone of a store's days. An answer that leaves its list out (`orders`, `payments`, ...), as empty ones do, is no page;
one that says anything else instead is not Square's answer to this list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from retail_sync.connectors.wire import Page, Window
from retail_sync.core.errors import SettingsError
from retail_sync.core.exact_json import is_list
from retail_sync.core.http import Answer, HttpClient
from retail_sync.core.http_errors import Answered
from retail_sync.core.paging import Call, PagesBroken, Paginator, TokenInBody, TokenInQuery, one_page, send, walk

_LOCATIONS_MAX = 10  # of one search for orders
_CATALOG_MAX = 1000  # objects of one retrieval
_ORDERS, ROWS = 500, "100"
# What every list's answer may hold besides its rows (connect-api-specification, List...Response, Search..., BatchRetrieve...).
_BESIDE_ROWS = frozenset({"cursor", "errors"})
_CURSOR_IN_BODY = TokenInBody("cursor", "cursor")
CURSOR = TokenInQuery("cursor", "cursor")
# A refund and its order are made together; the hour is for those at the edge of a window.
NEAR = timedelta(hours=1)


@dataclass(slots=True)
class SquareClient:
    """What the lists are read with. The locations are asked for once in a run."""

    http: HttpClient
    stores: Mapping[str, str]
    _answer: Answer | None = field(default=None, init=False)

    def locations_page(self) -> Page:
        """Return the locations as they came. Raises SettingsError where `stores` names one that does not exist."""
        if self._answer is None:
            answer = send(self.http, Call("GET", "/v2/locations"))
            known = {item["id"] for item in _rows_of(answer, "locations") or []}
            if unknown := sorted(set(self.stores) - known):
                raise SettingsError(
                    f"Square has no location {', '.join(unknown)}; it has {', '.join(sorted(known))}",
                    "correct `stores` in [source.connection]",
                )
            self._answer = answer
        return Page(self._answer.content, "locations")

    def locations(self) -> Sequence[Mapping[str, Any]]:
        """Return every location, those that are closed down as well: they have a past."""
        self.locations_page()
        return list(_rows_of(self._answer, "locations") or []) if self._answer else []

    def location_ids(self) -> list[str]:
        """Return the ids of all locations."""
        return [item["id"] for item in self.locations()]

    def close(self) -> None:
        """Close the connections."""
        self.http.close()


def with_places(
    pull: Callable[[SquareClient, Window], Iterator[Page]],
) -> Callable[[SquareClient, Window], Iterator[Page]]:
    """Have a list end with the locations where it holds anything."""

    @wraps(pull)
    def placed(client: SquareClient, window: Window) -> Iterator[Page]:
        has_rows = False
        for page in pull(client, window):
            has_rows = True
            yield page
        if has_rows:
            yield client.locations_page()

    return placed


def locations(client: SquareClient, _window: Window) -> Iterator[Page]:
    """Yield where the seller sells."""
    yield Page(client.locations_page().content)


@with_places
def orders(client: SquareClient, window: Window) -> Iterator[Page]:
    """Yield the orders made and those changed in the window, what they sold, and the refunds of those that gave money back.

    Made: what was sold offline comes up to 72 hours later, dated back. Changed: a refund or a late payment comes long after.
    A refund says how the money went back, which its order does not.
    """
    articles: set[str] = set()
    gave_back: dict[str, str] = {}
    for places in _batches(client.location_ids(), _LOCATIONS_MAX):
        for name in ("created_at", "updated_at"):
            for page in pages_of(client, _search(places, name, window), _CURSOR_IN_BODY, "orders"):
                for order in page.rows:
                    articles |= {item["catalog_object_id"] for item in _sold(order)}
                    if order.get("refunds") or order.get("returns"):
                        # Of an even exchange no refund is to be waited for.
                        gave_back[order["id"]] = order["created_at"] if order.get("refunds") else ""
                    elif order.get("state") == "CANCELED" and order.get("tenders"):
                        gave_back[order["id"]] = ""  # its money may be on its way back
                yield page.page
    yield from _catalog(client, articles)
    if gave_back:
        refunds: list[Mapping[str, Any]] = []
        for found in _refunds_of(client, {order_id: at for order_id, at in gave_back.items() if at}, window):
            refunds += [refund for refund in found.rows if refund.get("order_id") in gave_back]
            yield found.page
        yield from payments_given_back(client, refunds)


def _search(places: list[str], name: str, window: Window) -> Call:
    """Return a search for the orders whose instant `name` is in the window, sorted by it as it must be."""
    span = {"start_at": rfc3339(window.start), "end_at": rfc3339(window.end)}
    query = {
        "filter": {"date_time_filter": {name: span}},
        "sort": {"sort_field": name.upper(), "sort_order": "ASC"},
    }
    return Call("POST", "/v2/orders/search", document={"location_ids": places, "limit": _ORDERS, "query": query})


def _sold(order: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    lines = [*(order.get("line_items") or [])]
    for back in order.get("returns") or []:
        lines += back.get("return_line_items") or []
    return (line for line in lines if line.get("catalog_object_id"))


def _refunds_of(client: SquareClient, waiting: dict[str, str], window: Window) -> Iterator[Found]:
    """Yield the refunds made around the window, then those around each order that still waits (id: when it was made)."""
    yield from _refunds_between(client, window.start - NEAR, window.end + NEAR, waiting)
    hours = {datetime.fromisoformat(at).replace(minute=0, second=0, microsecond=0) for at in waiting.values()}
    for hour in sorted(hours):
        yield from _refunds_between(client, hour - NEAR, hour + 2 * NEAR, waiting)


def _refunds_between(client: SquareClient, begin: datetime, end: datetime, waiting: dict[str, str]) -> Iterator[Found]:
    """Yield the refunds made in between; their orders wait no longer."""
    for location in client.location_ids():
        query = {"location_id": location, "begin_time": rfc3339(begin), "end_time": rfc3339(end), "limit": ROWS}
        for page in pages_of(client, Call("GET", "/v2/refunds", query), CURSOR, "refunds"):
            for refund in page.rows:
                waiting.pop(refund.get("order_id", ""), None)
            yield page


def payments_given_back(client: SquareClient, refunds: Iterable[Mapping[str, Any]]) -> Iterator[Page]:
    """Yield the payments of which refunds gave money back to a card that they do not describe: it may be a gift card.

    Money goes back to where it came from, and a refund describes that only where somebody chose another place. A gift card
    costs no fee, so what gives a fee back need not be asked for.
    """
    wanted = {
        refund["payment_id"]
        for refund in refunds
        if refund.get("payment_id")
        and refund.get("destination_type", "CARD") == "CARD"
        and not refund.get("destination_details")
        and not refund.get("processing_fee")
    }
    for one in sorted(wanted):
        yield from one_of(client, "payments", one)


def one_of(client: SquareClient, name: str, one: str) -> Iterator[Page]:
    """Yield one payment or refund by its id; nothing where it is of another seller's app, or forgotten."""
    try:
        yield Page(send(client.http, Call("GET", f"/v2/{name}/{one}")).content, name.removesuffix("s"))
    except Answered as refused:
        if refused.status != 404:
            raise


@with_places
def inventory(client: SquareClient, _window: Window) -> Iterator[Page]:
    """Yield how many of each article Square believes to be in stock at each location, and their codes."""
    asked = {"location_ids": client.location_ids(), "states": ["IN_STOCK"], "limit": int(ROWS)}
    articles: set[str] = set()
    call = Call("POST", "/v2/inventory/counts/batch-retrieve", document=asked)
    for page in pages_of(client, call, _CURSOR_IN_BODY, "counts"):
        articles |= {count["catalog_object_id"] for count in page.rows}
        yield page.page
    yield from _catalog(client, articles)


@with_places
def physical_counts(client: SquareClient, window: Window) -> Iterator[Page]:
    """Yield what people counted in the window, and the codes of these articles."""
    asked = {
        "location_ids": client.location_ids(),
        "types": ["PHYSICAL_COUNT"],
        "updated_after": rfc3339(window.start),
        "updated_before": rfc3339(window.end),
        "limit": int(ROWS),
    }
    articles: set[str] = set()
    call = Call("POST", "/v2/inventory/changes/batch-retrieve", document=asked)
    for page in pages_of(client, call, _CURSOR_IN_BODY, "changes"):
        articles |= {change["physical_count"]["catalog_object_id"] for change in page.rows}
        yield page.page
    yield from _catalog(client, articles)


@with_places
def cash_drawer_shifts(client: SquareClient, window: Window) -> Iterator[Page]:
    """Yield the drawers opened in the window, each with its sums, which the list leaves out."""
    for location in client.location_ids():
        query = {
            "location_id": location,
            "begin_time": rfc3339(window.start),
            "end_time": rfc3339(window.end),
            "limit": "200",
        }
        opened: list[Mapping[str, Any]] = []
        call = Call("GET", "/v2/cash-drawers/shifts", query)
        for page in pages_of(client, call, CURSOR, "cash_drawer_shifts", "shifts", location):
            opened += page.rows
            yield page.page
        for shift in opened:
            one = Call("GET", f"/v2/cash-drawers/shifts/{shift['id']}", {"location_id": location})
            yield Page(send(client.http, one).content, "shift", location)


def _catalog(client: SquareClient, articles: Iterable[str]) -> Iterator[Page]:
    for some in _batches(sorted(articles), _CATALOG_MAX):
        yield from _articles(client, some)


def _articles(client: SquareClient, some: Sequence[str]) -> Iterator[Page]:
    """Yield these articles, those that are deleted as well. One that is not known at all must not hide the others."""
    asked = {"object_ids": some, "include_deleted_objects": True}
    call = Call("POST", "/v2/catalog/batch-retrieve", document=asked)
    try:
        yield from [page.page for page in pages_of(client, call, one_page, "objects", "catalog")]
    except Answered as refused:
        if refused.status != 404:
            raise
        middle = len(some) // 2
        for half in (some[:middle], some[middle:]) if middle else ():
            yield from _articles(client, half)


@dataclass(frozen=True, slots=True)
class Found:
    """A page, and its rows as the client looks into them."""

    page: Page
    rows: list[Mapping[str, Any]]


def pages_of(
    client: SquareClient, call: Call, following: Paginator, name: str, part: str = "", key: str = ""
) -> Iterator[Found]:
    """Yield the pages that have rows under `name`. Raises PagesBroken where an answer is none of that list."""
    for answer in walk(client.http, call, following):
        rows = _rows_of(answer, name)
        if rows is not None:
            cursor = answer.document.get("cursor")
            page = Page(answer.content, part or name, key, passing=(cursor,) if cursor else ())
            yield Found(page, rows)


def _rows_of(answer: Answer, name: str) -> list[Mapping[str, Any]] | None:
    """Return the rows of an answer; None where it leaves them out because there are none."""
    told: Mapping[str, Any] = answer.document if isinstance(answer.document, Mapping) else {"no object": None}
    if is_list(told.get(name)):
        return list(told[name])
    if set(told) <= _BESIDE_ROWS:
        return None
    raise PagesBroken(
        f"Square: an answer that should hold {name} holds {', '.join(sorted(told))[:100]} and no list of them",
        "run again; if it stays so, see what stands between this machine and Square",
    )


def _batches(ids: Sequence[str], most: int) -> Iterator[list[str]]:
    return (list(ids[begin : begin + most]) for begin in range(0, len(ids), most))


def rfc3339(at: datetime) -> str:
    """Write an instant as RFC 3339 does, in UTC."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
