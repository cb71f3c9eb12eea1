"""How each of Square's lists is asked for, page by page.

Every location is named in every request: without one, payments and payouts are those of the main location only, and the other
stores would be missing without a word. Every delivery that holds anything ends with the locations as they are, because these
say the time zone of a store's days. An answer that leaves its list out (`orders`, `payments`, ...), as empty ones do, is no page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

from retail_sync.connectors.wire import Page, Window
from retail_sync.core.errors import SettingsError
from retail_sync.core.http import Answer, HttpClient
from retail_sync.core.http_errors import Answered
from retail_sync.core.paging import Call, Paginator, TokenInBody, TokenInQuery, one_page, send, walk

_LOCATIONS_MAX = 10  # of one search for orders
_CATALOG_MAX = 1000  # objects of one retrieval
_ORDERS, _ROWS = 500, "100"
_CURSOR_IN_BODY = TokenInBody("cursor", "cursor")
_CURSOR = TokenInQuery("cursor", "cursor")
# A refund and its order are made together; the hour is for those at the edge of a window.
_NEAR = timedelta(hours=1)
# How late a payout arrives at the most: weekends, holidays, a week that a seller chose.
_ARRIVES = timedelta(days=30)
# How much later than its day of arrival a payout may be made, in whatever time zone that day is.
_COMPLETE = timedelta(days=2)
# A window that ended so recently is the newest one, which knows the days to come as well (also in square.sql).
_NEWEST = timedelta(hours=6)
_DETAILS = ("type_charge_details", "type_refund_details", "type_dispute_details", "type_open_dispute_details")


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
            known = {item["id"] for item in answer.document.get("locations", [])}
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
        return list(self._answer.document.get("locations", [])) if self._answer else []

    def location_ids(self) -> list[str]:
        """Return the ids of all locations."""
        return [item["id"] for item in self.locations()]

    def close(self) -> None:
        """Close the connections."""
        self.http.close()


def _placed(pull: Callable[[SquareClient, Window], Iterator[Page]]) -> Callable[[SquareClient, Window], Iterator[Page]]:
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


@_placed
def orders(client: SquareClient, window: Window) -> Iterator[Page]:
    """Yield the orders made and those changed in the window, what they sold, and the refunds of those that gave money back.

    Made: what was sold offline comes up to 72 hours later, dated back. Changed: a refund or a late payment comes long after.
    A refund says how the money went back, which its order does not.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for places in _batches(client.location_ids(), _LOCATIONS_MAX):
        for name in ("created_at", "updated_at"):
            query = {
                "filter": {"date_time_filter": {name: {"start_at": _text(window.start), "end_at": _text(window.end)}}},
                "sort": {"sort_field": name.upper(), "sort_order": "ASC"},
            }
            call = Call(
                "POST",
                "/v2/orders/search",
                document={"location_ids": places, "limit": _ORDERS, "query": query},
            )
            for page in _pages(client, call, _CURSOR_IN_BODY, "orders"):
                found.update((order["id"], order) for order in page.rows)
                yield page.page
    yield from _catalog(client, {item["catalog_object_id"] for order in found.values() for item in _sold(order)})
    yield from _refunds_of(client, found.values(), window)


def _sold(order: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    lines = [*(order.get("line_items") or [])]
    for back in order.get("returns") or []:
        lines += back.get("return_line_items") or []
    return (line for line in lines if line.get("catalog_object_id"))


def _refunds_of(client: SquareClient, found: Iterable[Mapping[str, Any]], window: Window) -> Iterator[Page]:
    """Yield the refunds of these orders: those made around the window, then around each order that is older."""
    waiting = {order["id"]: order["created_at"] for order in found if order.get("refunds") or order.get("returns")}
    if not waiting:
        return
    yield from _refunds_between(client, window.start - _NEAR, window.end + _NEAR, waiting)
    hours = {datetime.fromisoformat(at).replace(minute=0, second=0, microsecond=0) for at in waiting.values()}
    for hour in sorted(hours):
        yield from _refunds_between(client, hour - _NEAR, hour + 2 * _NEAR, waiting)


def _refunds_between(client: SquareClient, begin: datetime, end: datetime, waiting: dict[str, str]) -> Iterator[Page]:
    """Yield the refunds made in between; their orders wait no longer."""
    for location in client.location_ids():
        query = {"location_id": location, "begin_time": _text(begin), "end_time": _text(end), "limit": _ROWS}
        for page in _pages(client, Call("GET", "/v2/refunds", query), _CURSOR, "refunds"):
            for refund in page.rows:
                waiting.pop(refund.get("order_id", ""), None)
            yield page.page


@_placed
def payments(client: SquareClient, window: Window) -> Iterator[Page]:
    """Yield the payments that changed in the window: their fee comes hours after them."""
    yield from _changed(client, window, "payments")


@_placed
def refunds(client: SquareClient, window: Window) -> Iterator[Page]:
    """Yield the refunds that changed in the window."""
    yield from _changed(client, window, "refunds")


def _changed(client: SquareClient, window: Window, name: str) -> Iterator[Page]:
    for location in client.location_ids():
        query = {
            "location_id": location,
            # Else the year before today would count, and nothing older could be asked for.
            "begin_time": _text(window.start - timedelta(days=365)),
            "updated_at_begin_time": _text(window.start),
            "updated_at_end_time": _text(window.end),
            "sort_field": "UPDATED_AT",
            "sort_order": "ASC",
            "limit": _ROWS,
        }
        yield from (page.page for page in _pages(client, Call("GET", f"/v2/{name}", query), _CURSOR, name))


@_placed
def payouts(client: SquareClient, window: Window) -> Iterator[Page]:
    """Yield all payouts that may arrive on a day of the window, where any does: rows of a day are replaced together."""
    found = [
        page
        for location in client.location_ids()
        for page in _payouts(client, location, window.start - _ARRIVES, window.end + _COMPLETE)
    ]
    days = (window.start.date().isoformat(), window.end.date().isoformat())
    is_newest = window.end + _NEWEST >= datetime.fromtimestamp(client.http.clock.wall(), UTC)
    arrivals = (row.get("arrival_date") or "" for page in found for row in page.rows)
    if any(not day or days[0] <= day and (day < days[1] or is_newest) for day in arrivals):
        yield from (page.page for page in found)


@_placed
def payout_entries(client: SquareClient, window: Window) -> Iterator[Page]:
    """Yield what the payouts made in the window consist of, and the payments and refunds behind it, which name their orders."""
    for location in client.location_ids():
        entries: list[Mapping[str, Any]] = []
        made: list[Mapping[str, Any]] = []
        for page in _payouts(client, location, window.start, window.end):
            made += page.rows
            yield page.page
        for payout in made:
            if payout.get("type") == "SIMPLE":
                continue
            call = Call("GET", f"/v2/payouts/{payout['id']}/payout-entries", {"limit": _ROWS})
            for page in _pages(client, call, _CURSOR, "payout_entries", "entries", payout["id"]):
                entries += page.rows
                yield page.page
        yield from _behind(client, location, entries)


def _payouts(client: SquareClient, location: str, begin: datetime, end: datetime) -> Iterator[_Found]:
    query = {
        "location_id": location,
        "begin_time": _text(begin),
        "end_time": _text(end),
        "sort_order": "ASC",
        "limit": _ROWS,
    }
    return _pages(client, Call("GET", "/v2/payouts", query), _CURSOR, "payouts")


def _behind(client: SquareClient, location: str, entries: Sequence[Mapping[str, Any]]) -> Iterator[Page]:
    """Yield the payments and refunds of entries: as lists around their days, then one by one what is older."""
    instants = [datetime.fromisoformat(entry["effective_at"]) for entry in entries if entry.get("effective_at")]
    if not instants:
        return
    details = [entry.get(name) or {} for entry in entries for name in _DETAILS]
    for name, wanted in (
        ("payments", {item["payment_id"] for item in details if item.get("payment_id") and not item.get("refund_id")}),
        ("refunds", {item["refund_id"] for item in details if item.get("refund_id")}),
    ):
        if not wanted:
            continue
        query = {
            "location_id": location,
            "begin_time": _text(min(instants) - timedelta(days=1)),
            "end_time": _text(max(instants) + _NEAR),
            "limit": _ROWS,
        }
        for page in _pages(client, Call("GET", f"/v2/{name}", query), _CURSOR, name):
            wanted -= {row["id"] for row in page.rows}
            yield page.page
        for one in sorted(wanted):
            try:
                yield Page(send(client.http, Call("GET", f"/v2/{name}/{one}")).content, name.removesuffix("s"))
            except Answered as refused:
                if refused.status != 404:  # Of another seller's app, or forgotten: the entry stands without its order.
                    raise


@_placed
def inventory(client: SquareClient, _window: Window) -> Iterator[Page]:
    """Yield how many of each article Square believes to be in stock at each location, and their codes."""
    asked = {"location_ids": client.location_ids(), "states": ["IN_STOCK"], "limit": int(_ROWS)}
    articles: set[str] = set()
    call = Call("POST", "/v2/inventory/counts/batch-retrieve", document=asked)
    for page in _pages(client, call, _CURSOR_IN_BODY, "counts"):
        articles |= {count["catalog_object_id"] for count in page.rows}
        yield page.page
    yield from _catalog(client, articles)


@_placed
def cash_drawer_shifts(client: SquareClient, window: Window) -> Iterator[Page]:
    """Yield the drawers opened in the window, each with its sums, which the list leaves out."""
    for location in client.location_ids():
        query = {
            "location_id": location,
            "begin_time": _text(window.start),
            "end_time": _text(window.end),
            "limit": "200",
        }
        opened: list[Mapping[str, Any]] = []
        call = Call("GET", "/v2/cash-drawers/shifts", query)
        for page in _pages(client, call, _CURSOR, "cash_drawer_shifts", "shifts", location):
            opened += page.rows
            yield page.page
        for shift in opened:
            one = Call("GET", f"/v2/cash-drawers/shifts/{shift['id']}", {"location_id": location})
            yield Page(send(client.http, one).content, "shift", location)


def _catalog(client: SquareClient, articles: Iterable[str]) -> Iterator[Page]:
    for some in _batches(sorted(articles), _CATALOG_MAX):
        asked = {"object_ids": some, "include_deleted_objects": True}
        call = Call("POST", "/v2/catalog/batch-retrieve", document=asked)
        yield from (page.page for page in _pages(client, call, one_page, "objects", "catalog"))


@dataclass(frozen=True, slots=True)
class _Found:
    """A page, and its rows as the client looks into them."""

    page: Page
    rows: list[Mapping[str, Any]]


def _pages(
    client: SquareClient, call: Call, following: Paginator, name: str, part: str = "", key: str = ""
) -> Iterator[_Found]:
    """Yield the pages that have rows under `name`."""
    for answer in walk(client.http, call, following):
        if answer.document.get(name) is not None:
            cursor = answer.document.get("cursor")
            page = Page(answer.content, part or name, key, passing=(cursor,) if cursor else ())
            yield _Found(page, answer.document[name])


def _batches(ids: Sequence[str], most: int) -> Iterator[list[str]]:
    return (list(ids[begin : begin + most]) for begin in range(0, len(ids), most))


def _text(at: datetime) -> str:
    """Write an instant as RFC 3339 does, in UTC."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
