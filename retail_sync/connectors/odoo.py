"""Odoo: articles, places, stock by place, and what moved, over JSON-2 (19 and later) or JSON-RPC (14 to 18).

Written from Odoo's documentation and source; no server could be run beside it. Several quants lie at one location (by lot,
package, owner): they are summed. Customers, suppliers, losses and production are locations too, with the mirror of our stock, and
are left out. A warehouse is one place, whatever locations it has; an internal or transit location outside every warehouse is a
place by itself.

Limits: stock of the past is not asked for, it has only what is now. Costs of moves are not read. A move in another unit than the
article's is rejected where the version does not tell it in the article's unit (before 17).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from retail_sync.connectors.erp import opening
from retail_sync.connectors.wire import Access, Connection, Page, Window, WireObject
from retail_sync.core.errors import SettingsError
from retail_sync.systems.odoo import OdooAccess, OdooClient

_LATE = timedelta(hours=2)  # a transaction is stamped when it begins and seen when it ends
_PRODUCT = ("default_code", "name", "barcode", "standard_price", "active", "uom_id")
_LOCATION = ("complete_name", "usage", "parent_path")
_WAREHOUSE = ("code", "name", "view_location_id")
_QUANT = ("product_id", "location_id", "quantity", "reserved_quantity")
_LINE = ("product_id", "location_id", "location_dest_id", "product_uom_id", "date", "reference")
_LINE_BY_VERSION = ("quantity_product_uom", "quantity", "qty_done", "origin")


class OdooConnection(Connection):
    """Where Odoo is."""

    url: str = Field(description="e.g. https://company.odoo.com")
    database: str = Field(description="its name")
    api: Literal["json2", "jsonrpc"] = Field("json2", description="json2: Odoo 19 and later; jsonrpc: 14 to 18")
    user: str = Field("", description="login of the key's user; jsonrpc only")
    company: str = Field("", description="its name; empty: the only one that the user may see")
    stores: tuple[str, ...] = Field((), description="which of its places are stores; the others are warehouses")


@dataclass(slots=True)
class Client:
    """What the lists are read with. `company` and `currency` are known once something was asked for."""

    odoo: OdooClient
    name: str
    company: int = 0
    currency: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)

    def close(self) -> None:
        """Close the connections."""
        self.odoo.close()

    def known(self, model: str, names: Sequence[str]) -> list[str]:
        """Return those fields that this version has; asked once."""
        if model not in self.fields:
            self.fields[model] = self.odoo.known_fields(model, names)
        return self.fields[model]

    def pages(self, part: str, model: str, domain: Sequence[Any], fields: Sequence[str]) -> Iterator[Page]:
        """Yield the pages that hold something, with the currency of costs as their key."""
        self.know_company()
        part += ".rpc" if self.odoo.page_records else ""
        for answer in self.odoo.pages(model, domain, fields):
            if answer.document["result"] if self.odoo.page_records else answer.document:
                yield Page(answer.content, part, self.currency)

    def know_company(self) -> None:
        """Find the company, and work in it from now on. Raises SettingsError where there is no single one."""
        if self.company:
            return
        named = [["name", "=", self.name]] if self.name else []
        found = list(self.odoo.rows("res.company", named, ("name", "currency_id")))
        if len(found) != 1:
            raise SettingsError(
                f"Odoo shows us {len(found)} records for the company {self.name!r}",
                "give its name as [source.connection] company, and the user access to it",
            )
        self.company, self.currency = found[0]["id"], found[0]["currency_id"][1]
        self.odoo.context["allowed_company_ids"] = [self.company]

    @property
    def ours(self) -> list[Any]:
        """The term for what belongs to the company, or to all."""
        self.know_company()
        return ["company_id", "in", [self.company, False]]


def _products(client: Client, _: Window) -> Iterator[Page]:
    ours = client.ours
    kept = (
        [["is_storable", "=", True]]
        if client.known("product.product", ("is_storable",))
        else [["type", "=", "product"]]
    )
    yield from client.pages("products", "product.product", [ours, *kept], _PRODUCT)


def _locations(client: Client, _: Window) -> Iterator[Page]:
    yield from client.pages("warehouses", "stock.warehouse", [client.ours], _WAREHOUSE)
    yield from client.pages("locations", "stock.location", [client.ours], _LOCATION)


def _stock(client: Client, window: Window) -> Iterator[Page]:
    yield from _locations(client, window)
    yield from _products(client, window)
    lying = [client.ours, ["location_id.usage", "in", ["internal", "transit"]]]
    yield from client.pages("quants", "stock.quant", lying, _QUANT)


def _movements(client: Client, window: Window) -> Iterator[Page]:
    """Yield what was done or changed in the window, whatever day it is dated."""
    start, end = (f"{at:%Y-%m-%d %H:%M:%S}" for at in (window.start, window.end))
    done = [client.ours, ["state", "=", "done"], ["write_date", ">=", start], ["write_date", "<", end]]
    fields = (*_LINE, *client.known("stock.move.line", _LINE_BY_VERSION))
    found = False
    for page in client.pages("moves", "stock.move.line", done, fields):
        found = True
        yield page
    if found:
        yield from _locations(client, window)
        yield from _products(client, window)


def _parts(*names: str) -> dict[str, str]:
    """Where records stand in a page: over JSON-2 it is a list, over JSON-RPC it has one."""
    return {name: "" for name in names} | {f"{name}.rpc": "result" for name in names}


class Odoo:
    """Connector for the stock of an Odoo company."""

    name = "odoo"
    channel = "odoo"
    settings = OdooConnection
    objects = (
        WireObject("products", _products, ("products",), _parts("products"), is_state=True),
        WireObject("locations", _locations, ("locations",), _parts("warehouses", "locations"), is_state=True),
        WireObject(
            "stock",
            _stock,
            ("stock_snapshots",),
            _parts("warehouses", "locations", "products", "quants"),
            is_state=True,
        ),
        WireObject(
            "movements",
            _movements,
            ("stock_movements",),
            _parts("moves", "warehouses", "locations", "products"),
            look_back=_LATE,
        ),
    )

    def connect(self, access: Access) -> Client:
        """Return a client of the company."""
        where = access.connection(OdooConnection)
        name, key = f"source {access.source.name}", access.secret("API_KEY")
        variable = f"RETAIL_SYNC_{access.source.name.upper()}_API_KEY"
        told = OdooAccess(where.url, where.database, where.api, where.user, key, name, variable)
        return Client(OdooClient(told, opening(access)), where.company)

    def check(self, client: Client) -> str:
        """Ask for the companies that we see."""
        found = client.odoo.call("res.company", "search_read", domain=[], fields=["name"], limit=5, may_repeat=True)
        return f"Odoo answers; we see {', '.join(row['name'] for row in found) or 'no company'}"
