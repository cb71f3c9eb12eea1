"""Stock of a stand-in for ERPNext, over `frappe.client.get_list`: fields and habits from its published source.

Lists have twenty rows unless told otherwise. A Stock Reconciliation's entry has no change, only the balance after it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.source import CANARY, FakeSource

KEY, SECRET = f"{CANARY}-key", f"{CANARY}-secret"
STORES = "Stores - A"


class FakeErpnextStock(FakeSource):
    """One company in USD with a warehouse. Every article was received, counted on the next day, and sold."""

    connector = "erpnext"

    def fill(self, rows: int) -> None:
        """Make articles with their entries."""
        self.lists: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.lists["Company"] = [{"name": "Acme", "default_currency": "USD"}]
        group = {"name": "All - A", "warehouse_name": "All", "is_group": 1, "company": "Acme"}
        self.lists["Warehouse"] = [group, {**group, "name": STORES, "warehouse_name": "Stores", "is_group": 0}]
        for _ in range(rows):
            self.insert()

    def insert(self) -> None:
        """Receive ten, count nine, sell two: seven are left."""
        n = len(self.lists["Item"]) + 1
        item = f"E-{n:03}"
        self.lists["Item"].append({
            "name": item, "item_name": f"Thing {n}", "disabled": 0, "stock_uom": "Nos", "valuation_rate": 0.0, "is_stock_item": 1,
        })  # fmt: skip
        self.enter(item, "Purchase Receipt", 10.0, hour=6)
        self.count(item, 9.0, hour=9)
        self.enter(item, "Delivery Note", -2.0, hour=10)
        self.set_bin(item, 7.0)

    def enter(
        self, item: str, voucher: str, change: float, hour: int, balance: float = 0.0, detail: str = ""
    ) -> dict[str, Any]:
        """Post an entry of the day before, modified within the last day."""
        entries = self.lists["Stock Ledger Entry"]
        at = datetime.fromtimestamp(self.clock.time() - 20 * 3600 + len(entries), UTC)
        entries.append({
            "name": f"SLE-{len(entries) + 1:05}", "item_code": item, "warehouse": STORES, "company": "Acme",
            "posting_date": f"{at:%Y-%m-%d}", "posting_time": f"{hour}:00:00", "creation": f"{at:%Y-%m-%d %H:%M:%S.%f}",
            "modified": f"{at:%Y-%m-%d %H:%M:%S.%f}", "actual_qty": change, "qty_after_transaction": balance,
            "valuation_rate": 4.25,
            "voucher_type": voucher, "voucher_no": f"{voucher[:2].upper()}-{len(entries) + 1}", "voucher_detail_no": detail,
            "is_cancelled": 0,
        })  # fmt: skip
        return entries[-1]

    def count(self, item: str, found: float, hour: int) -> None:
        """Submit a Stock Reconciliation."""
        detail = f"row-{len(self.lists['Stock Reconciliation Item']) + 1}"
        before = sum(row["actual_qty"] for row in self.lists["Stock Ledger Entry"] if row["item_code"] == item)
        self.lists["Stock Reconciliation Item"].append({"name": detail, "qty": found, "current_qty": before})
        self.enter(item, "Stock Reconciliation", 0.0, hour, found, detail)

    def set_bin(self, item: str, quantity: float) -> None:
        """Say what the Bin holds."""
        bins = [row for row in self.lists["Bin"] if row["item_code"] != item]
        made = {
            "name": f"bin-{item}",
            "item_code": item,
            "warehouse": STORES,
            "reserved_qty": 1.0,
            "valuation_rate": 4.25,
        }
        self.lists["Bin"] = [*bins, {**made, "actual_qty": quantity}]

    def connection(self, url: str) -> Mapping[str, Any]:
        """Return where it is."""
        return {"url": url}

    def secrets(self) -> Mapping[str, str]:
        """Return the key."""
        return {"API_KEY": KEY, "API_SECRET": SECRET}

    def expire_tokens(self) -> None:
        """Keys do not expire while one reads."""

    def answer(self, request: Request) -> Reply:
        """Answer a call."""
        if request.headers.get("authorization") != f"token {KEY}:{SECRET}":
            return Reply(401, {"exc_type": "AuthenticationError"})
        if request.path.endswith("get_logged_user"):
            return Reply(200, {"message": "reader@example.com"})
        return Reply(200, {"message": self._list(**request.document)})

    def _list(
        self, doctype: str, filters: list[Any], fields: list[str], order_by: str, limit_page_length: int = 20,
        parent: str = "", group_by: str = "",
    ) -> list[Any]:  # fmt: skip
        place = order_by.removesuffix(" asc")
        assert bool(parent) == doctype.endswith(" Item")
        if doctype != "Company":
            self.before_page()
            self.knobs.pages += 1
        (_, operator, last), *others = filters
        assert (filters[0][0], operator) == (place, ">")
        rows = [row for row in self.lists[doctype] if all(_holds(row, term) for term in others)]
        if group_by:
            sums: dict[str, float] = defaultdict(float)
            for row in rows:
                sums[row[group_by]] += row["actual_qty"]
            rows = [{group_by: name, "sum(actual_qty) as actual_qty": total} for name, total in sums.items()]
        rows.sort(key=lambda row: row[place])
        size = min(limit_page_length, self.knobs.rows)
        begin = sum(row[place] <= last for row in rows)
        if begin and 0 < self.knobs.pages == self.knobs.repeat_at:
            begin = max(0, begin - size)
        return [{name.rpartition(" ")[2]: row[name] for name in fields} for row in rows[begin : begin + size]]


def _holds(row: dict[str, Any], term: list[Any]) -> bool:
    name, operator, wanted = term
    value = row[name]
    match operator:
        case "=":
            return bool(value == wanted)
        case ">":
            return bool(value > wanted)
        case ">=":
            return bool(value >= wanted)
        case "<":
            return bool(value < wanted)
        case "in":
            return value in wanted
        case _:
            raise AssertionError(operator)
