"""How Square's lists of money are asked for: payments and refunds, and payouts with the entries that they consist of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from retail_sync.connectors.square_lists import (
    CURSOR,
    NEAR,
    ROWS,
    Found,
    SquareClient,
    one_of,
    pages_of,
    payments_given_back,
    rfc3339,
    with_places,
)
from retail_sync.connectors.wire import Page, Window
from retail_sync.core.paging import Call

# How late a payout arrives at the most: weekends, holidays, a week that a seller chose.
_ARRIVES = timedelta(days=30)
# How much later than its day of arrival a payout may be made, in whatever time zone that day is.
_COMPLETE = timedelta(days=2)
# A window that ended so recently is the newest one, which knows the days to come as well (also in square.sql).
_NEWEST = timedelta(hours=6)
_DETAILS = ("type_charge_details", "type_refund_details", "type_dispute_details", "type_open_dispute_details")


@with_places
def payments(client: SquareClient, window: Window) -> Iterator[Page]:
    """Yield the payments that changed in the window: their fee comes hours after them."""
    yield from (found.page for found in _changed(client, window, "payments"))


@with_places
def refunds(client: SquareClient, window: Window) -> Iterator[Page]:
    """Yield the refunds that changed in the window, and the payments that tell a gift card from other cards."""
    changed: list[Mapping[str, Any]] = []
    for found in _changed(client, window, "refunds"):
        changed += found.rows
        yield found.page
    yield from payments_given_back(client, changed)


def _changed(client: SquareClient, window: Window, name: str) -> Iterator[Found]:
    for location in client.location_ids():
        query = {
            "location_id": location,
            # Else the year before today would count, and nothing older could be asked for.
            "begin_time": rfc3339(window.start - timedelta(days=365)),
            "updated_at_begin_time": rfc3339(window.start),
            "updated_at_end_time": rfc3339(window.end),
            "sort_field": "UPDATED_AT",
            "sort_order": "ASC",
            "limit": ROWS,
        }
        yield from pages_of(client, Call("GET", f"/v2/{name}", query), CURSOR, name)


@with_places
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


@with_places
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
            call = Call("GET", f"/v2/payouts/{payout['id']}/payout-entries", {"limit": ROWS})
            for page in pages_of(client, call, CURSOR, "payout_entries", "entries", payout["id"]):
                entries += page.rows
                yield page.page
        yield from _behind(client, location, entries)


def _payouts(client: SquareClient, location: str, begin: datetime, end: datetime) -> Iterator[Found]:
    query = {
        "location_id": location,
        "begin_time": rfc3339(begin),
        "end_time": rfc3339(end),
        "sort_order": "ASC",
        "limit": ROWS,
    }
    return pages_of(client, Call("GET", "/v2/payouts", query), CURSOR, "payouts")


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
            "begin_time": rfc3339(min(instants) - timedelta(days=1)),
            "end_time": rfc3339(max(instants) + NEAR),
            "limit": ROWS,
        }
        for page in pages_of(client, Call("GET", f"/v2/{name}", query), CURSOR, name):
            wanted -= {row["id"] for row in page.rows}
            yield page.page
        for one in sorted(wanted):
            yield from one_of(client, name, one)  # Where it is not to be had, the entry stands without its order.
