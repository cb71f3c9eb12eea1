"""The fake systems by connector: every connector over HTTP has one, or its contract suite fails."""

from __future__ import annotations

from retail_sync_tests.fakes.amazon import FakeAmazon
from retail_sync_tests.fakes.ecb import FakeEcb
from retail_sync_tests.fakes.erpnext_stock import FakeErpnextStock
from retail_sync_tests.fakes.odoo_stock import FakeOdooStock
from retail_sync_tests.fakes.shopify import FakeShopify
from retail_sync_tests.fakes.source import FakeSource
from retail_sync_tests.fakes.square import FakeSquare
from retail_sync_tests.fakes.tryton import FakeTryton
from retail_sync_tests.fakes.vendure import FakeVendure

SOURCES: dict[str, type[FakeSource]] = {
    fake.connector: fake
    for fake in (
        FakeAmazon,
        FakeEcb,
        FakeErpnextStock,
        FakeOdooStock,
        FakeShopify,
        FakeSquare,
        FakeTryton,
        FakeVendure,
    )
}
