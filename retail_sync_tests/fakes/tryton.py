"""A Tryton server's JSON-RPC as far as its stock is read: shapes from a real 8.2.1's answers."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.source import CANARY, FakeSource

USER, PASSWORD = "reader", f"{CANARY}-password"
_LOCATIONS = (
    (1, "Input Zone", "IN", "storage", 5), (2, "Output Zone", "OUT", "storage", 5), (3, "Storage Zone", "STO", "storage", 5),
    (4, "Lost and Found", None, "lost_found", None), (5, "Warehouse", "WH", "warehouse", None),
    (6, "Supplier", "SUP", "supplier", None), (7, "Customer", "CUS", "customer", None), (8, "Transit", None, "storage", None),
)  # fmt: skip


def when(at: float) -> dict[str, Any]:
    """An instant as Tryton writes it."""
    time = datetime.fromtimestamp(at, UTC)
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {"__class__": "datetime"} | {part: getattr(time, part) for part in parts}


class FakeTryton(FakeSource):
    """One company in EUR with a warehouse. Every article lies there, was received and sold."""

    connector = "tryton"

    def fill(self, rows: int) -> None:
        """Make articles with a move each."""
        self.token, self.tokens = "", 0
        self.products: list[dict[str, Any]] = []
        self.moves: list[dict[str, Any]] = []
        for _ in range(rows):
            self.insert()

    def insert(self) -> None:
        """Make an article that was sold once."""
        n = len(self.products) + 1
        at = self.clock.time() - 20 * 3600 + n
        self.products.append({
            "id": n, "code": f"T-{n}", "name": f"Thing {n}", "active": True, "default_uom.": {"id": 1, "symbol": "u"},
            "cost_price": {"__class__": "Decimal", "decimal": "4.2500"},
        })  # fmt: skip
        day = datetime.fromtimestamp(at, UTC)
        self.moves.append({
            "id": n, "product.": {"id": n, "code": f"T-{n}"}, "from_location": 2, "to_location": 7, "internal_quantity": n / 8,
            "effective_date": {"__class__": "date", "year": day.year, "month": day.month, "day": day.day},
            "cost_price": {"__class__": "Decimal", "decimal": "4.25"}, "origin": None, "write_date": when(at),
            "create_date": when(at), "shipment.": {"id": n, "number": f"S{n}", "reference": None},
        })  # fmt: skip

    def connection(self, url: str) -> Mapping[str, Any]:
        """Return where it is."""
        return {"url": url, "user": USER}

    def secrets(self) -> Mapping[str, str]:
        """Return the password."""
        return {"PASSWORD": PASSWORD}

    def expire_tokens(self) -> None:
        """End the session."""
        self.token = ""

    def answer(self, request: Request) -> Reply:
        """Answer a call."""
        if request.path != "/tryton/rpc/":
            return Reply(404, None)
        method, parameters = request.document["method"], request.document["params"]
        if method == "common.db.login":
            if parameters != [USER, {"password": PASSWORD}]:
                return Reply(401, None)
            self.tokens += 1
            self.token = f"{CANARY}-session-{self.tokens}"
            return Reply(200, {"id": 0, "result": [1, self.token]})
        session = base64.b64encode(f"{USER}:1:{self.token}".encode()).decode()
        if not self.token or request.headers.get("authorization") != f"Session {session}":
            return Reply(401, None)
        if method == "model.res.user.get_preferences":
            seen = {"language": "en", "company": 1, "company.rec_name": "Acme", "company_filter": "one"}
            return Reply(200, {"id": 0, "result": seen})
        return Reply(
            200, {"id": 0, "result": self._search_read(method.split(".", 1)[1].rsplit(".", 1)[0], *parameters)}
        )

    def _search_read(
        self,
        model: str,
        domain: list[Any],
        offset: int,
        limit: int,
        order: Any,
        fields: Any,
        context: Mapping[str, Any],
    ) -> list[Any]:
        assert (offset, order) == (0, [["id", "ASC"]])
        where = domain[0]
        last = where[2] if where[0] == "id" else where[1][2]
        if model == "company.company":
            rows = [{"id": 1, "party.": {"id": 1, "name": "Acme"}, "currency.": {"id": 1, "code": "EUR"}}]
            return [row for row in rows if row["id"] > last]
        self.before_page()
        match model:
            case "stock.location":
                rows = [dict(zip(("id", "name", "code", "type", "parent"), row, strict=True)) for row in _LOCATIONS]
            case "stock.move":
                start, end = (term[2] for term in where[2][2][1])
                rows = [row for row in self.moves if _key(start) <= _key(row["write_date"]) < _key(end)]
            case _ if "locations" in context:
                lies = context["locations"] == [3]
                rows = [{"id": row["id"], "quantity": row["id"] / 4} for row in self.products if lies]
            case _:
                rows = self.products
        return self._page(rows, last, limit)

    def _page(self, rows: list[dict[str, Any]], last: int, limit: int) -> list[Any]:
        """Return a page by id; `repeat_at` brings the one before again."""
        knobs = self.knobs
        knobs.pages += 1
        size = min(limit, knobs.rows)
        begin = sum(row["id"] <= last for row in rows)
        if begin and knobs.pages == knobs.repeat_at:
            begin = max(0, begin - size)
        return rows[begin : begin + size]


def _key(at: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(at[part] for part in ("year", "month", "day", "hour", "minute", "second", "microsecond"))
