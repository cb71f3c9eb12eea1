"""Stock of a stand-in for Odoo, over JSON-2 and JSON-RPC: shapes from its documentation, the domain terms of `fakes/odoo.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from retail_sync_tests.fakes.odoo import holds
from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.source import CANARY, FakeSource

KEY = f"{CANARY}-key"
COMPANY = [1, "Acme"]
_LOCATIONS = (
    (1, "Partners", "view", "1/"), (2, "Partners/Customers", "customer", "1/2/"), (3, "Partners/Vendors", "supplier", "1/3/"),
    (4, "Virtual/Adjustment", "inventory", "4/"), (5, "WH", "view", "5/"), (6, "WH/Stock", "internal", "5/6/"),
    (7, "WH/Stock/Shelf", "internal", "5/6/7/"), (8, "Transit", "transit", "8/"),
)  # fmt: skip


class FakeOdooStock(FakeSource):
    """One company in EUR with a warehouse. Every article lies there in two lots, and was sold once."""

    connector = "odoo"
    api = "json2"

    def fill(self, rows: int) -> None:
        """Make articles with a sale each."""
        self.key = KEY
        self.lists: dict[str, list[dict[str, Any]]] = {
            "res.company": [{"id": 1, "name": "Acme", "currency_id": [1, "EUR"]}],
            "stock.warehouse": [{"id": 1, "code": "WH", "name": "Main", "view_location_id": [5, "WH"], "company_id": COMPANY}],
            "stock.location": [
                {"id": number, "complete_name": name, "usage": usage, "parent_path": path, "company_id": False}
                for number, name, usage, path in _LOCATIONS
            ],
            "product.product": [], "stock.quant": [], "stock.move.line": [],
        }  # fmt: skip
        for _ in range(rows):
            self.insert()

    def insert(self) -> None:
        """Make an article that lies in two lots and at a customer's, and was sold once."""
        n = len(self.lists["product.product"]) + 1
        at = f"{datetime.fromtimestamp(self.clock.time() - 20 * 3600 + n, UTC):%Y-%m-%d %H:%M:%S}"
        name = [n, f"[O-{n}] Thing {n}"]
        self.lists["product.product"].append({
            "id": n, "default_code": f"O-{n}", "name": f"Thing {n}", "barcode": False, "standard_price": 4.25, "active": True,
            "uom_id": [1, "Units"], "is_storable": True, "company_id": False,
        })  # fmt: skip
        for lot, (location, usage, quantity) in enumerate(
            ((6, "internal", n + 0.1), (7, "internal", 0.2), (2, "customer", 1.0))
        ):
            self.lists["stock.quant"].append({
                "id": 10 * n + lot, "product_id": name, "location_id": [location, "x"], "location_id.usage": usage,
                "quantity": quantity, "reserved_quantity": 0.0, "company_id": COMPANY,
            })  # fmt: skip
        self.lists["stock.move.line"].append({
            "id": n, "product_id": name, "location_id": [6, "WH/Stock"], "location_dest_id": [2, "Partners/Customers"],
            "product_uom_id": [1, "Units"], "date": at, "write_date": at, "reference": f"WH/OUT/{n:05}", "origin": False,
            "state": "done", "quantity": 1.0, "quantity_product_uom": 1.0, "company_id": COMPANY,
        })  # fmt: skip

    def connection(self, url: str) -> Mapping[str, Any]:
        """Return where it is."""
        return {"url": url, "database": "acme", "api": self.api, "user": "reader"}

    def secrets(self) -> Mapping[str, str]:
        """Return the key."""
        return {"API_KEY": KEY}

    def expire_tokens(self) -> None:
        """Keys do not expire while one reads."""

    def answer(self, request: Request) -> Reply:
        """Answer a call of either interface."""
        body = request.document
        if request.path == "/jsonrpc":
            asked = body["params"]
            if asked["service"] == "common":
                return _rpc(2 if asked["args"][2] == KEY else False)
            if asked["args"][2] != KEY:
                told = {"name": "odoo.exceptions.AccessDenied", "message": "Access Denied"}
                return Reply(200, {"jsonrpc": "2.0", "id": 1, "error": {"code": 200, "data": told}})
            _, _, _, model, method, _, named = asked["args"]
            return _rpc(self._call(model, method, named))
        if request.headers.get("authorization") != f"bearer {KEY}":
            return Reply(401, {"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey"})
        _, _, _, model, method = request.path.split("/")
        return Reply(200, self._call(model, method, body))

    def _call(self, model: str, method: str, named: Mapping[str, Any]) -> Any:
        rows = self.lists[model]
        if method == "fields_get":
            return {name: {"type": "x"} for name in named["allfields"] if any(name in row for row in rows)}
        if model != "res.company":
            self.before_page()
            self.knobs.pages += 1
        found = [row for row in rows if all(holds(row, term) for term in named["domain"])]
        size = min(named["limit"], self.knobs.rows)
        last = named["domain"][0][2] if named["domain"] else 0
        if last and 0 < self.knobs.pages == self.knobs.repeat_at:  # the page before again
            before = [row for row in rows if row["id"] <= last and all(holds(row, t) for t in named["domain"][1:])]
            found = before[-size:]
        return [{name: row[name] for name in ("id", *named["fields"])} for row in found[:size]]


def _rpc(result: Any) -> Reply:
    return Reply(200, {"jsonrpc": "2.0", "id": 1, "result": result})
