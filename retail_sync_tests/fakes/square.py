"""Square's API as far as its lists go: shapes from the vendor's published examples and real sandbox records (samples/square).

It does what the description says and what readers fell for: payments and payouts are those of the main location where none is
named, a search sorts by the field that it filters, a filter beside `query` is nobody's, a cursor goes with the query it came
of, what was sold offline shows up later under the instant it was made (`appear`), and empty lists are left out.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.source import CANARY, Expired, FakeSource
from retail_sync_tests.fakes.square_records import BRANCH, MAIN, Row, SquareShop

TOKEN = f"{CANARY}-square"
VERSION = "2025-08-20"


class FakeSquare(SquareShop, FakeSource):
    """A seller with two locations, over HTTP."""

    connector = "square"

    def connection(self, url: str) -> Mapping[str, Any]:
        """Return where it is; the branch is a store of the ERP."""
        return {"url": url, "stores": {BRANCH: "S02"}}

    def secrets(self) -> Mapping[str, str]:
        """Return the token."""
        return {"ACCESS_TOKEN": TOKEN}

    def expire_tokens(self) -> None:
        """Refuse the next request: there is no other token to be had."""
        self.refusals = 1

    def answer(self, request: Request) -> Reply:
        """Answer a request."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}" or self.refusals:
            self.refusals = 0
            return failed(401, "AUTHENTICATION_ERROR", "UNAUTHORIZED")
        if self.limited:
            self.limited -= 1
            return failed(429, "RATE_LIMIT_ERROR", "RATE_LIMITED")
        if request.headers.get("square-version") != VERSION:
            return failed(400, "INVALID_REQUEST_ERROR", "INVALID_SQUARE_VERSION_FORMAT")
        found = _ROUTES.get((request.method, request.path))
        if found:
            return found(self, request)
        start, _, last = request.path.rpartition("/")
        if last == "payout-entries":
            return self._list(request, "payout_entries", self.entries.get(start.split("/")[3], []))
        for name, rows, one in (
            ("/v2/payments", self.payments, "payment"),
            ("/v2/refunds", self.refunds, "refund"),
            ("/v2/cash-drawers/shifts", self.shifts, "cash_drawer_shift"),
        ):
            if start == name and (row := next((row for row in self._seen(rows) if row["id"] == last), None)):
                return Reply(200, {one: row})
        return failed(404, "INVALID_REQUEST_ERROR", "NOT_FOUND")

    def _seen(self, rows: list[Row]) -> list[Row]:
        return [row for row in rows if self.appear.get(row.get("id", ""), 0) <= self.clock.time()]

    def _locations(self, _request: Request) -> Reply:
        return Reply(200, {"locations": self.locations})

    def _search_orders(self, request: Request) -> Reply:
        asked = request.document
        if set(asked) - {"location_ids", "cursor", "query", "limit", "return_entries"}:
            return failed(400, "INVALID_REQUEST_ERROR", "UNEXPECTED_VALUE")
        if not 1 <= len(asked["location_ids"]) <= 10 or asked.get("limit", 500) > 1000:
            return failed(400, "INVALID_REQUEST_ERROR", "INVALID_VALUE")
        ((name, span),) = asked["query"]["filter"]["date_time_filter"].items()
        if asked["query"]["sort"]["sort_field"] != name.upper():
            return failed(400, "INVALID_REQUEST_ERROR", "INVALID_SORT_FIELD")
        rows = [
            row
            for row in self._seen(self.orders)
            if row["location_id"] in asked["location_ids"]
            and _instant(span["start_at"]) <= _instant(row[name]) <= _instant(span["end_at"])
        ]
        return self._page(request, "orders", sorted(rows, key=lambda row: _instant(row[name])))

    def _payments(self, request: Request) -> Reply:
        return self._list(request, "payments", _of(self._seen(self.payments), request.query.get("location_id", MAIN)))

    def _refunds(self, request: Request) -> Reply:
        place = request.query.get("location_id")
        return self._list(
            request, "refunds", _of(self._seen(self.refunds), place) if place else self._seen(self.refunds)
        )

    def _payouts(self, request: Request) -> Reply:
        return self._list(request, "payouts", _of(self.payouts, request.query.get("location_id", MAIN)))

    def _shifts(self, request: Request) -> Reply:
        if "location_id" not in request.query:
            return failed(400, "INVALID_REQUEST_ERROR", "MISSING_REQUIRED_PARAMETER")
        told = ("id", "state", "opened_at", "ended_at", "closed_at", "opened_cash_money", "expected_cash_money",
                "closed_cash_money", "location_id")  # fmt: skip
        rows = [
            {name: row[name] for name in told if name in row} for row in _of(self.shifts, request.query["location_id"])
        ]
        return self._list(request, "cash_drawer_shifts", rows, "opened_at")

    def _inventory(self, request: Request) -> Reply:
        asked = request.document
        rows = [
            row
            for row in self.counts
            if row["location_id"] in asked["location_ids"] and row["state"] in asked["states"]
        ]
        return self._page(request, "counts", rows)

    def _counted(self, request: Request) -> Reply:
        asked = request.document
        rows = [
            row for row in self.changes
            if row["physical_count"]["location_id"] in asked["location_ids"] and row["type"] in asked["types"]
            and asked["updated_after"] <= row["physical_count"]["created_at"] < asked["updated_before"]
        ]  # fmt: skip
        return self._page(request, "changes", rows)

    def _catalog(self, request: Request) -> Reply:
        wanted = request.document["object_ids"]
        if len(wanted) > 1000:
            return failed(400, "INVALID_REQUEST_ERROR", "ARRAY_LENGTH_TOO_LONG")
        found = [
            {
                "type": "ITEM_VARIATION",
                "id": one,
                "version": 1,
                "item_variation_data": {"sku": self.skus[one], "name": "Regular"},
            }
            for one in wanted
            if one in self.skus
        ]
        if self.is_strict and len(found) < len(wanted):
            failure = failed(200, "INVALID_REQUEST_ERROR", "NOT_FOUND")
            return Reply(200, {**failure.document, "objects": found})
        return Reply(200, {"objects": found} if found else {})

    def _list(self, request: Request, name: str, rows: list[Row], made: str = "created_at") -> Reply:
        """Answer a list with its usual filters."""
        query = request.query
        for begin, end, column in (
            ("begin_time", "end_time", made), ("updated_at_begin_time", "updated_at_end_time", "updated_at")
        ):  # fmt: skip
            if begin in query:
                rows = [row for row in rows if _instant(query[begin]) <= _instant(row[column])]
            if end in query:
                rows = [row for row in rows if _instant(row[column]) < _instant(query[end])]
        return self._page(request, name, rows)

    def _page(self, request: Request, name: str, rows: list[Row]) -> Reply:
        asked = dict(request.document if request.body else request.query)
        cursor = asked.pop("cursor", None)
        mark = hashlib.sha256(json.dumps([request.path, asked], sort_keys=True).encode()).hexdigest()[:12]
        self.before_page()
        begin, walk = 0, self.walks
        self.walks += not cursor
        try:
            if cursor:
                of, begin, walk = json.loads(base64.b64decode(cursor))
                begin = {mark: begin}[of]
            part, following = self.slice(rows, begin, int(asked.get("limit", 100)))
        except (Expired, ValueError, KeyError):
            return failed(400, "INVALID_REQUEST_ERROR", "INVALID_CURSOR")
        told: Row = {name: part} if part else {}
        if following is not None:
            told["cursor"] = base64.b64encode(json.dumps([mark, following, walk]).encode()).decode()
        return Reply(200, told)


_ROUTES: dict[tuple[str, str], Callable[[FakeSquare, Request], Reply]] = {
    ("GET", "/v2/locations"): FakeSquare._locations,  # noqa: SLF001 - its own
    ("POST", "/v2/orders/search"): FakeSquare._search_orders,  # noqa: SLF001
    ("GET", "/v2/payments"): FakeSquare._payments,  # noqa: SLF001
    ("GET", "/v2/refunds"): FakeSquare._refunds,  # noqa: SLF001
    ("GET", "/v2/payouts"): FakeSquare._payouts,  # noqa: SLF001
    ("GET", "/v2/cash-drawers/shifts"): FakeSquare._shifts,  # noqa: SLF001
    ("POST", "/v2/inventory/counts/batch-retrieve"): FakeSquare._inventory,  # noqa: SLF001
    ("POST", "/v2/inventory/changes/batch-retrieve"): FakeSquare._counted,  # noqa: SLF001
    ("POST", "/v2/catalog/batch-retrieve"): FakeSquare._catalog,  # noqa: SLF001
}


def failed(status: int, category: str, code: str) -> Reply:
    """A refusal as Square words it."""
    return Reply(status, {"errors": [{"category": category, "code": code, "detail": "said by the fake"}]})


def _of(rows: list[Row], place: str) -> list[Row]:
    return [row for row in rows if row["location_id"] == place]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
