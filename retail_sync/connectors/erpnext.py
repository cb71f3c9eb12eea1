"""ERPNext: articles, warehouses, stock by warehouse, and what moved, over Frappe's REST interface.

Written from Frappe's and ERPNext's published source (13 to 15); no server could be run beside it. Stock stands there twice: as
Bins, and as the sum of the Stock Ledger Entries that are not cancelled. Bins drift (a cancelled voucher, postings at once), so
both are read and compared: where they differ and nothing moved meanwhile the row is rejected, with both figures.

A Stock Reconciliation sets a balance instead of changing it: its entry has a quantity of 0 and the balance after it. What the
ledger sums to is counted from the last of these on. A cancelled entry becomes a movement of 0: it may have been read before.

Limits: days and times are those of the site, which must be the source's `time_zone`. Sums are asked for with `sum(actual_qty)`, as
up to version 15. Stock of the past is not asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field

from retail_sync.connectors.erp import opening
from retail_sync.connectors.wire import Access, Connection, Page, Window, WireObject
from retail_sync.core.errors import SettingsError
from retail_sync.systems.erpnext import ErpnextAccess, ErpnextClient

_LATE = timedelta(hours=2)  # a transaction is stamped before it is seen
_AT_ONCE = 500
_ITEM = ("name", "item_name", "disabled", "stock_uom", "valuation_rate")
_WAREHOUSE = ("name", "warehouse_name", "is_group")
_BIN = ("name", "item_code", "warehouse", "actual_qty", "reserved_qty", "valuation_rate")
_SUM = ("item_code", "sum(actual_qty) as actual_qty")
_COUNT = (
    "name", "item_code", "warehouse", "posting_date", "posting_time", "creation", "actual_qty", "qty_after_transaction",
)  # fmt: skip
_ENTRY = (
    "name", "item_code", "warehouse", "posting_date", "posting_time", "actual_qty", "qty_after_transaction", "valuation_rate",
    "voucher_type", "voucher_no", "voucher_detail_no", "is_cancelled", "modified",
)  # fmt: skip
_LEDGER, _RECONCILIATION = "Stock Ledger Entry", "Stock Reconciliation"


class ErpnextConnection(Connection):
    """Where ERPNext is."""

    url: str = Field(description="e.g. https://erp.example.com")
    company: str = Field("", description="its name; empty: the only one that the user may see")
    stores: tuple[str, ...] = Field((), description="which of its warehouses are stores")


@dataclass(slots=True)
class Client:
    """What the lists are read with. `company` and `currency` are known once something was asked for."""

    erpnext: ErpnextClient
    name: str
    zone: ZoneInfo
    company: str = ""
    currency: str = ""
    warehouses: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Close the connections."""
        self.erpnext.close()

    def pages(
        self, part: str, doctype: str, filters: Sequence[Any], fields: Sequence[str], key: str = "", **how: str
    ) -> Iterator[tuple[Page, list[dict[str, Any]]]]:
        """Yield the pages that hold something, each with its rows; their key is the currency of costs unless it says otherwise."""
        self.know_company()
        for answer in self.erpnext.pages(doctype, filters, fields, **how):
            if rows := answer.document["message"]:
                yield Page(answer.content, part, key or self.currency), rows

    def know_company(self) -> None:
        """Find the company. Raises SettingsError where there is no single one."""
        if self.company:
            return
        named = [["name", "=", self.name]] if self.name else []
        found = list(self.erpnext.rows("Company", named, ("name", "default_currency")))
        if len(found) != 1:
            raise SettingsError(
                f"ERPNext shows us {len(found)} records for the company {self.name!r}",
                "give its name as [source.connection] company, and the user access to it",
            )
        self.company, self.currency = found[0]["name"], found[0]["default_currency"]

    def local(self, at: datetime) -> str:
        """Return an instant as the site writes it."""
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"


def _products(client: Client, _: Window) -> Iterator[Page]:
    for page, _rows in client.pages("products", "Item", [["is_stock_item", "=", 1]], _ITEM):
        yield page


def _locations(client: Client, _: Window) -> Iterator[Page]:
    client.know_company()
    client.warehouses = []
    ours = [["company", "=", client.company], ["is_group", "=", 0]]
    for page, rows in client.pages("warehouses", "Warehouse", ours, _WAREHOUSE):
        client.warehouses += [row["name"] for row in rows]
        yield page


def _stock(client: Client, window: Window) -> Iterator[Page]:
    """Yield Bins, the ledger's sums, and the Bins again: what changed in between cannot be compared."""
    yield from _locations(client, window)
    yield from _bins(client, "bins")
    last: dict[tuple[str, str], list[str]] = defaultdict(list)
    for warehouse in client.warehouses:
        live = [["warehouse", "=", warehouse], ["is_cancelled", "=", 0]]
        yield from _sums(client, "sums", warehouse, live)
        counted: dict[str, tuple[str, str, str]] = {}
        for page, rows in client.pages("counts", _LEDGER, [*live, ["voucher_type", "=", _RECONCILIATION]], _COUNT):
            yield page
            for row in rows:
                if not row["actual_qty"]:
                    at = (row["posting_date"], _sortable(row["posting_time"]), row["creation"])
                    counted[row["item_code"]] = max(at, counted.get(row["item_code"], at))
        for item, (day, _, _) in counted.items():
            last[warehouse, day].append(item)
    for (warehouse, day), items in last.items():
        live = [["warehouse", "=", warehouse], ["is_cancelled", "=", 0]]
        for some in _portions(items):
            of_these = [*live, ["item_code", "in", some]]
            yield from _sums(client, "later", warehouse, [*of_these, ["posting_date", ">", day]])
            for page, _rows in client.pages("that_day", _LEDGER, [*of_these, ["posting_date", "=", day]], _COUNT):
                yield page
    yield from _bins(client, "bins_again")


def _bins(client: Client, part: str) -> Iterator[Page]:
    for some in _portions(client.warehouses):
        for page, _rows in client.pages(part, "Bin", [["warehouse", "in", some]], _BIN):
            yield page


def _sums(client: Client, part: str, warehouse: str, filters: Sequence[Any]) -> Iterator[Page]:
    how = {"place": "item_code", "group_by": "item_code"}
    for page, _rows in client.pages(part, _LEDGER, filters, _SUM, warehouse, **how):
        yield page


def _sortable(time: str) -> str:
    """Return a time of day that sorts as text: the site writes 9:05:00 for five past nine."""
    hour, _, rest = str(time).partition(":")
    return f"{hour:0>2}:{rest}"


def _portions(names: Iterable[str]) -> Iterator[list[str]]:
    every = list(names)
    for start in range(0, len(every), _AT_ONCE):
        yield every[start : start + _AT_ONCE]


def _movements(client: Client, window: Window) -> Iterator[Page]:
    """Yield entries that were made, changed or cancelled in the window, with what says why of stock entries and counts."""
    client.know_company()
    changed = [["company", "=", client.company], ["modified", ">=", client.local(window.start)],
               ["modified", "<", client.local(window.end)]]  # fmt: skip
    entries: set[str] = set()
    details: set[str] = set()
    for page, rows in client.pages("entries", _LEDGER, changed, _ENTRY):
        yield page
        entries |= {row["voucher_no"] for row in rows if row["voucher_type"] == "Stock Entry"}
        details |= {row["voucher_detail_no"] for row in rows if row["voucher_type"] == _RECONCILIATION}
    for some in _portions(sorted(entries)):
        for page, _rows in client.pages("purposes", "Stock Entry", [["name", "in", some]], ("name", "purpose")):
            yield page
    for some in _portions(sorted(name for name in details if name)):
        fields = ("name", "qty", "current_qty")
        how = {"parent": _RECONCILIATION}
        for page, _rows in client.pages("counted", "Stock Reconciliation Item", [["name", "in", some]], fields, **how):
            yield page


def _parts(*names: str) -> Mapping[str, str]:
    return dict.fromkeys(names, "message")


class Erpnext:
    """Connector for the stock of an ERPNext company."""

    name = "erpnext"
    channel = "erpnext"
    settings = ErpnextConnection
    objects = (
        WireObject("products", _products, ("products",), _parts("products"), is_state=True),
        WireObject("locations", _locations, ("locations",), _parts("warehouses"), is_state=True),
        WireObject(
            "stock",
            _stock,
            ("stock_snapshots",),
            _parts("warehouses", "bins", "sums", "counts", "later", "that_day", "bins_again"),
            is_state=True,
        ),
        WireObject(
            "movements", _movements, ("stock_movements",), _parts("entries", "purposes", "counted"), look_back=_LATE
        ),
    )

    def connect(self, access: Access) -> Client:
        """Return a client of the site."""
        where = access.connection(ErpnextConnection)
        name = f"RETAIL_SYNC_{access.source.name.upper()}"
        key, secret = access.secrets("API_KEY", "API_SECRET")
        told = ErpnextAccess(where.url, key, secret, f"{name}_API_KEY and {name}_API_SECRET")
        return Client(ErpnextClient(told, opening(access)), where.company, ZoneInfo(access.source.time_zone))

    def check(self, client: Client) -> str:
        """Ask who we are."""
        return f"ERPNext answers {client.erpnext.call('frappe.auth.get_logged_user', may_repeat=True)}"
