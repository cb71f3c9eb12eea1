"""The connectors there are, by name: one line each. The contract tests run over this list."""

from __future__ import annotations

from retail_sync.connectors.amazon_settlement import AmazonSettlement
from retail_sync.connectors.connector import Connector
from retail_sync.connectors.declared_csv import DeclaredCsv
from retail_sync.connectors.shopify_orders import ShopifyOrders
from retail_sync.connectors.shopify_payouts import ShopifyPayouts
from retail_sync.connectors.shopify_transactions import ShopifyTransactions
from retail_sync.core.errors import SettingsError

CONNECTORS: dict[str, Connector] = {
    connector.name: connector
    for connector in (
        AmazonSettlement(),
        DeclaredCsv(),
        ShopifyTransactions(),
        ShopifyPayouts(),
        ShopifyOrders(),
    )
}


def connector_named(name: str) -> Connector:
    """Return the connector. Raises SettingsError naming those that exist."""
    if name not in CONNECTORS:
        raise SettingsError(
            f"no connector is called {name!r}; there are: {', '.join(sorted(CONNECTORS))}",
            "correct `connector` of that [[source]] in retail_sync.toml",
        )
    return CONNECTORS[name]
