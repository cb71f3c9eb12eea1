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
from datetime import datetime, timedelta
from typing import Any

from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.source import CANARY, Expired, FakeSource
from retail_sync_tests.fakes.square_records import Row, line, location, order, rfc, tender, usd

MAIN, BRANCH = "LMAIN0000001X", "LBRANCH00002X"
TOKEN = f"{CANARY}-square"
VERSION = "2025-08-20"


class FakeSquare(FakeSource):
    """A seller with two locations."""

    connector = "square"

    def fill(self, rows: int) -> None:
        """Make sales, some of them given back, with all that follows."""
        self.base = self.clock.time() - timedelta(hours=20).total_seconds()
        self.locations = [
            location(MAIN, "Main street", "America/New_York"),
            location(BRANCH, "Branch", "America/Chicago"),
        ]
        self.orders: list[Row] = []
        self.payments: list[Row] = []
        self.refunds: list[Row] = []
        self.payouts: list[Row] = []
        self.entries: dict[str, list[Row]] = {}
        self.counts: list[Row] = []
        self.shifts: list[Row] = []
        self.skus: dict[str, str] = {}
        self.appear: dict[str, float] = {}
        self.refusals = 0
        self.limited = 0
        self.is_strict = False  # an unknown article is an error in a good answer
        self.made = 0
        self.walks = 0  # a cursor is another one each time the list is begun
        for _ in range(rows):
            self.insert()

    def insert(self) -> None:
        """Sell something; the first of each five is given back in part and paid out, and a drawer is opened."""
        self.made += 1
        n = self.made
        at, place, article = self.base + 60 * n, (MAIN, BRANCH)[n % 2], f"VAR{n:04}"
        self.skus[article] = f"SKU-{n}"
        sold = order(f"ORD{n:04}", place, at, [line(article, "2", 1000, 200)], [tender("CARD", f"PAY{n:04}", 2200, at)])
        self.orders.append(sold)
        self.pay(f"PAY{n:04}", sold["id"], place, at, 2200, 94)
        self.counts.append({
            "catalog_object_id": article, "catalog_object_type": "ITEM_VARIATION", "state": "IN_STOCK", "location_id": place,
            "quantity": str(10 + n), "calculated_at": rfc(at),
        })  # fmt: skip
        if n % 5 == 1:
            self.give_back(f"REF{n:04}", sold, at + 30, 1100, [line(article, "1", 1000, 100)], fee=-47)
            self.pay_out(
                f"po_{n:04}", place, at + 40, [("CHARGE", f"PAY{n:04}", 2200, 94), ("REFUND", f"REF{n:04}", -1100, -47)]
            )
            self.open_drawer(f"SHIFT{n:04}", place, at, opened=10000, expected=10000, counted=9970)

    def pay(
        self, payment_id: str, order_id: str, place: str, at: float, amount: int, fee: int, kind: str = "CARD"
    ) -> Row:
        """Take a payment."""
        made = {
            "id": payment_id, "order_id": order_id, "location_id": place, "created_at": rfc(at), "updated_at": rfc(at + 2),
            "amount_money": usd(amount), "total_money": usd(amount), "status": "COMPLETED", "source_type": kind,
            "processing_fee": [{"effective_at": rfc(at + 7200), "type": "INITIAL", "amount_money": usd(fee)}],
        }  # fmt: skip
        self.payments.append(made)
        return made

    def give_back(
        self,
        refund_id: str,
        sold: Row,
        at: float,
        amount: int,
        lines: list[Row],
        kind: str = "CARD",
        fee: int | None = None,
    ) -> Row:
        """Take goods back: an order of its own, and the refund that says how the money went."""
        returned = {
            "id": f"RET-{refund_id}", "location_id": sold["location_id"], "created_at": rfc(at), "updated_at": rfc(at + 2),
            "closed_at": rfc(at + 1), "state": "COMPLETED",
            "returns": [{"uid": "r", "source_order_id": sold["id"], "return_line_items": [
                {**item, "gross_return_money": item["gross_sales_money"]} for item in lines
            ]}],
            "refunds": [{
                "id": refund_id, "location_id": sold["location_id"], "transaction_id": sold["id"], "created_at": rfc(at),
                "tender_id": sold["tenders"][0]["id"], "reason": "changed mind", "amount_money": usd(amount), "status": "APPROVED",
            }],
        }  # fmt: skip
        self.orders.append(returned)
        made = {
            "id": refund_id, "order_id": returned["id"], "payment_id": sold["tenders"][0]["id"],
            "location_id": sold["location_id"], "created_at": rfc(at), "updated_at": rfc(at + 2), "status": "COMPLETED",
            "destination_type": kind, "amount_money": usd(amount),
        }  # fmt: skip
        if fee is not None:
            made["processing_fee"] = [{"effective_at": rfc(at), "type": "INITIAL", "amount_money": usd(fee)}]
        self.refunds.append(made)
        return made

    def pay_out(
        self, payout_id: str, place: str, at: float, lines: list[tuple[str, str, int, int]], arrives: str = "2026-11-20"
    ) -> Row:
        """Pay out (type, id, gross, fee) in one batch; money of payouts says `currency_code`."""
        names = {"CHARGE": ("type_charge_details", "payment_id"), "REFUND": ("type_refund_details", "refund_id")}

        def cents(amount: int) -> Row:
            return {"amount": amount, "currency_code": "USD"}

        self.entries[payout_id] = [
            {
                "id": f"poe_{payout_id}_{n}", "payout_id": payout_id, "effective_at": rfc(at), "type": kind,
                "gross_amount_money": cents(gross), "fee_amount_money": cents(fee), "net_amount_money": cents(gross - fee),
                **({names[kind][0]: {names[kind][1]: own}} if kind in names else {}),
            }
            for n, (kind, own, gross, fee) in enumerate(lines)
        ]  # fmt: skip
        made = {
            "id": payout_id, "status": "PAID", "location_id": place, "created_at": rfc(at), "updated_at": rfc(at),
            "amount_money": cents(sum(gross - fee for _, _, gross, fee in lines)), "type": "BATCH", "version": 1,
            "arrival_date": arrives, "end_to_end_id": f"L{payout_id}", "destination": {"type": "BANK_ACCOUNT", "id": "bact:1"},
        }  # fmt: skip
        self.payouts.append(made)
        return made

    def open_drawer(self, shift_id: str, place: str, at: float, opened: int, expected: int, counted: int) -> Row:
        """A drawer that was counted an hour later."""
        made = {
            "id": shift_id, "state": "CLOSED", "opened_at": rfc(at), "ended_at": rfc(at + 3600), "closed_at": rfc(at + 3600),
            "opened_cash_money": usd(opened), "cash_payment_money": usd(max(0, expected - opened)),
            "cash_refunds_money": usd(min(0, expected - opened)), "cash_paid_in_money": usd(0),
            "cash_paid_out_money": usd(0), "expected_cash_money": usd(expected), "closed_cash_money": usd(counted),
            "location_id": place, "device": {"name": "My iPad"},
        }  # fmt: skip
        self.shifts.append(made)
        return made

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
    ("POST", "/v2/catalog/batch-retrieve"): FakeSquare._catalog,  # noqa: SLF001
}


def failed(status: int, category: str, code: str) -> Reply:
    """A refusal as Square words it."""
    return Reply(status, {"errors": [{"category": category, "code": code, "detail": "said by the fake"}]})


def _of(rows: list[Row], place: str) -> list[Row]:
    return [row for row in rows if row["location_id"] == place]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
