"""The connectors there are, by name: one line each. The contract tests run over these lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from retail_sync.connectors.amazon import Amazon
from retail_sync.connectors.amazon_settlement import AmazonSettlement
from retail_sync.connectors.camt053 import Camt053
from retail_sync.connectors.connector import Connector
from retail_sync.connectors.declared_csv import DeclaredCsv
from retail_sync.connectors.ecb import Ecb
from retail_sync.connectors.ecb_rates import EcbRates
from retail_sync.connectors.erpnext import Erpnext
from retail_sync.connectors.mt940 import Mt940
from retail_sync.connectors.odoo import Odoo
from retail_sync.connectors.ofx import Ofx
from retail_sync.connectors.paged import PagesReader
from retail_sync.connectors.shopify import Shopify
from retail_sync.connectors.shopify_orders import ShopifyOrders
from retail_sync.connectors.shopify_payouts import ShopifyPayouts
from retail_sync.connectors.shopify_transactions import ShopifyTransactions
from retail_sync.connectors.square import Square
from retail_sync.connectors.tryton import Tryton
from retail_sync.connectors.vendure import Vendure
from retail_sync.connectors.wire import WireConnector, WireObject
from retail_sync.core.errors import SettingsError
from retail_sync.settings import Source

CONNECTORS: dict[str, Connector] = {
    connector.name: connector
    for connector in (
        AmazonSettlement(),
        DeclaredCsv(),
        ShopifyTransactions(),
        ShopifyPayouts(),
        ShopifyOrders(),
        Ofx(),
        Mt940(),
        Camt053(),
        EcbRates(),
    )
}


WIRE_CONNECTORS: dict[str, WireConnector] = {
    connector.name: connector
    for connector in (
        Amazon(),
        Ecb(),
        Erpnext(),
        Odoo(),
        Shopify(),
        Square(),
        Tryton(),
        Vendure(),
    )
}


def require_connector(name: str) -> None:
    """Raise SettingsError naming those that exist where no connector has this name."""
    if name not in CONNECTORS and name not in WIRE_CONNECTORS:
        raise SettingsError(
            f"no connector is called {name!r}; there are: {', '.join(sorted([*CONNECTORS, *WIRE_CONNECTORS]))}",
            "correct `connector` of that [[source]] in retail_sync.toml",
        )


def objects_of(source: Source) -> tuple[WireObject, ...]:
    """Return the lists that a source is asked for, as its settings have them; none where its connector reads files.

    Raises SettingsError.
    """
    require_connector(source.connector)
    if source.connector not in WIRE_CONNECTORS:
        return ()
    known = WIRE_CONNECTORS[source.connector].objects
    wanted = source.objects or tuple(item.name for item in known)
    if unknown := sorted(set(wanted) - {item.name for item in known}):
        raise SettingsError(
            f"source {source.name}: {source.connector} has no {', '.join(unknown)}; it has "
            f"{', '.join(item.name for item in known)}",
            "correct `objects` of that [[source]] in retail_sync.toml",
        )
    found = tuple(item for item in known if item.name in wanted)
    if source.look_back_days is None:
        return found
    # A list's own look-back is how late its system is, whatever the others of the source need.
    asked = timedelta(days=source.look_back_days)
    return tuple(replace(item, look_back=max(item.look_back, asked)) for item in found)


def object_of(source: Source) -> str:
    """Return what the files of a source hold where its delivery does not say so."""
    connector = CONNECTORS.get(source.connector)
    return (connector.object if connector else "") or source.object


def reader_of(source: Source, object_name: str) -> Connector:
    """Return what reads a source's deliveries of an object. Raises SettingsError where there is none."""
    require_connector(source.connector)
    if source.connector in CONNECTORS:
        return CONNECTORS[source.connector]
    wire = WIRE_CONNECTORS[source.connector]
    for item in wire.objects:
        if item.name == object_name:
            return CONNECTORS[item.reader] if item.reader else PagesReader(wire, item)
    raise SettingsError(
        f"source {source.name} pulls {', '.join(item.name for item in wire.objects)}; it has no {object_name}",
        f"deliver the file to a source whose connector reads it, or pull it: {source.connector} asks the system itself",
    )
