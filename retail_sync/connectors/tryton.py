"""Tryton: articles, places, stock by place and day, and what moved, over JSON-RPC.

Seen on a real 8.2.1. A warehouse is one place, whatever zones it has; a storage location outside every warehouse (goods in
transit) is a place by itself. Customers, suppliers, losses and production are not ours. Quantities are JSON floats whose digits
are read as they stand. Who reads needs a user with access to products and stock of the company; nothing is written.

Limits: a move has a day and no time of day. Promised (assigned) goods are not asked for. Costs are those of today, so a
snapshot of a past day has none; where a run asked on the day itself, that snapshot stays in force, with its costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field

from retail_sync.connectors.erp import opening
from retail_sync.connectors.wire import Access, Connection, Page, Window, WireObject
from retail_sync.core.exact_json import look_into
from retail_sync.systems.tryton import TrytonAccess, TrytonClient

_LATE = timedelta(hours=2)  # a transaction is stamped when it begins and seen when it ends
_LOCATION = ("name", "code", "type", "parent")
_PRODUCT = ("code", "name", "active", "cost_price", "default_uom.symbol")
_MOVE = (
    "product.code", "from_location", "to_location", "internal_quantity", "effective_date", "cost_price", "origin",
    "shipment.number", "shipment.reference", "write_date", "create_date",
)  # fmt: skip
_GOODS: Sequence[Any] = (["type", "=", "goods"], ["consumable", "=", False])


class TrytonConnection(Connection):
    """Where Tryton is."""

    url: str = Field(description="e.g. https://erp.example.com:8000, without the database")
    database: str = Field("tryton", description="its name")
    user: str = Field(description="may read products and stock")
    company: str = Field("", description="name of its party; empty: the only one that the user may see")
    stores: tuple[str, ...] = Field((), description="which of its places are stores; the others are warehouses")


@dataclass(slots=True)
class Client:
    """What the lists are read with. `company` and `currency` are known once something was asked for."""

    tryton: TrytonClient
    zone: ZoneInfo
    company: int = 0
    currency: str = ""

    def close(self) -> None:
        """Close the connections."""
        self.tryton.close()

    def pages(
        self,
        part: str,
        model: str,
        domain: Sequence[Any],
        fields: Sequence[str],
        context: Mapping[str, Any] | None = None,
    ) -> Iterator[Page]:
        """Yield the pages that hold something, with the currency of costs as their key."""
        if not self.company:
            self.company, self.currency = self.tryton.company()
        for answer in self.tryton.pages(model, domain, fields, context):
            if answer.document["result"]:
                yield Page(answer.content, part, self.currency)


def _products(client: Client, _: Window) -> Iterator[Page]:
    yield from client.pages("products", "product.product", _GOODS, _PRODUCT)


def _locations(client: Client, _: Window) -> Iterator[Page]:
    yield from client.pages("locations", "stock.location", (), _LOCATION)


def _stock(client: Client, window: Window) -> Iterator[Page]:
    """Yield places and articles, then what lies at each location: what is not named there is not there."""
    storages = []
    for page in _locations(client, window):
        yield page
        storages += [row["id"] for row in look_into(page.content)["result"] if row["type"] == "storage"]
    yield from _products(client, window)
    until = _last_day(window, client.zone)
    for location in storages:
        context: dict[str, Any] = {"locations": [location], "with_childs": False} | (
            {"stock_date_end": until} if until else {}
        )
        lying = [*_GOODS, ["quantity", "!=", 0]]
        for page in client.pages("quantities", "product.product", lying, ("quantity",), context):
            yield Page(page.content, page.part, str(location))


def _last_day(window: Window, zone: ZoneInfo) -> date | None:
    """Return the last local day that had ended when a past window ended; None for what is now."""
    return None if window.start == window.end else window.end.astimezone(zone).date() - timedelta(days=1)


def _movements(client: Client, window: Window) -> Iterator[Page]:
    """Yield what was done or changed in the window, whatever day it is dated: a backdated move must not be missed."""
    start, end = (at.replace(tzinfo=None) for at in (window.start, window.end))
    changed = [
        "OR",
        _between("write_date", start, end),
        [["write_date", "=", None], *_between("create_date", start, end)],
    ]
    found = False
    for page in client.pages(
        "moves", "stock.move", (["state", "=", "done"], ["company", "=", _company(client)], changed), _MOVE
    ):
        found = True
        yield page
    if found:
        yield from _locations(client, window)


def _company(client: Client) -> int:
    if not client.company:
        client.company, client.currency = client.tryton.company()
    return client.company


def _between(name: str, start: datetime, end: datetime) -> list[Any]:
    return [[name, ">=", start], [name, "<", end]]


class Tryton:
    """Connector for the stock of a Tryton company."""

    name = "tryton"
    channel = "tryton"
    settings = TrytonConnection
    objects = (
        WireObject("products", _products, ("products",), {"products": "result"}, is_state=True),
        WireObject("locations", _locations, ("locations",), {"locations": "result"}, is_state=True),
        WireObject(
            "stock",
            _stock,
            ("stock_snapshots",),
            {"locations": "result", "products": "result", "quantities": "result"},
            is_state=True,
            has_past=True,
        ),
        WireObject(
            "movements", _movements, ("stock_movements",), {"moves": "result", "locations": "result"}, look_back=_LATE
        ),
    )

    def connect(self, access: Access) -> Client:
        """Return a client of the company."""
        where = access.connection(TrytonConnection)
        name = f"source {access.source.name}"
        variable = f"RETAIL_SYNC_{access.source.name.upper()}_PASSWORD"
        password = access.secret("PASSWORD")
        told = TrytonAccess(where.url, where.database, where.user, password, where.company, name, variable)
        return Client(TrytonClient(told, opening(access)), ZoneInfo(access.source.time_zone))

    def check(self, client: Client) -> str:
        """Log in and say who we are."""
        return f"Tryton answers {client.tryton.who()}"
