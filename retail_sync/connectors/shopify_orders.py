"""Shopify, the export of orders: an order over several rows, one per line item, its own cells on its first row only.

Columns and rows: public copies of the export and a documentation page with real rows; tax per line item is not in it, and
Tax 1 to Tax 5 are of the whole order. `Taxes` may be inside the prices or on top, so Subtotal + Shipping + Taxes = Total is
not required. Unverified: what Location holds for an order of a till (taken as it is), Lineitem discount (taken as positive).

Names, mails, phones and addresses are not read, but for the mail that becomes the customer's pseudonym and the country that
the goods go to; a line that cannot be split is not shown either.
"""

from __future__ import annotations

import duckdb

from retail_sync.connectors.connector import Staged, TextConnector
from retail_sync.connectors.documents import TextDocument
from retail_sync.connectors.header import Columns
from retail_sync.connectors.shopify_csv import CHANNEL, INSTANT, check_columns, finish, leave_later, read_cells
from retail_sync.core import sql
from retail_sync.settings import Source

_READ = (
    "name", "financial status", "currency", "total", "created at", "lineitem quantity", "lineitem name", "lineitem price",
)  # fmt: skip
_READ_WHERE_THERE = (
    "email", "taxes", "shipping", "discount amount", "lineitem sku", "lineitem discount", "cancelled at", "canceled at",
    "location", "shipping country",
)  # fmt: skip
# Known, and of no use here. Both spellings of some columns were seen.
_UNREAD = (
    "paid at", "fulfillment status", "fulfilled at", "accepts marketing", "subtotal", "discount code", "shipping method",
    "lineitem compare at price", "lineitem requires shipping", "lineitem taxable", "lineitem fulfillment status",
    *(f"{side} {part}" for side in ("billing", "shipping") for part in (
        "name", "street", "address1", "address2", "company", "city", "zip", "province", "country", "phone", "province name")
      if (side, part) != ("shipping", "country")),
    "notes", "note attributes", "payment method", "payment reference", "payment reference (deprecated)",
    "payment references", "payment id", "payment terms", "payment terms name", "next payment due at", "refunded amount",
    "vendor", "outstanding balance", "employee", "device id", "id", "tags", "risk level", "source",
    *(f"tax {number} {part}" for number in range(1, 6) for part in ("name", "value")),
    "phone", "receipt number", "duties",
)  # fmt: skip
_NAMES = ("a Shopify orders export", "orders export", "Shopify")
COLUMNS = Columns(*_NAMES, _READ, (*_READ_WHERE_THERE, *_UNREAD))
_CELLS = Columns(*_NAMES, _READ, _READ_WHERE_THERE)


class ShopifyOrders(TextConnector):
    """Connector for the orders export."""

    name = "shopify_orders"

    def check_header(self, header: str, source: Source) -> None:
        """Raise DeliveryRefused unless the header is that of an orders export."""
        check_columns(header, COLUMNS, source)

    def stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        document: TextDocument,
        source: Source,
        delivery_id: str,
    ) -> Staged:
        """Read orders and their lines."""
        check_columns(document.header, COLUMNS, source)
        known = source.model_copy(update={"extra_columns": (*source.extra_columns, *_UNREAD)})
        rows = read_cells(connection, document, known, _CELLS, "order_lines", shows_bad_lines=False)
        values = {"channel": CHANNEL, "source": source.name, "delivery_id": delivery_id}
        head = {"time_zone": source.time_zone, "instant_format": INSTANT}
        connection.execute(sql.statement(__package__, "shopify_orders"), values | head)
        connection.execute(sql.statement(__package__, "shopify_order_lines"), values)
        later = leave_later(connection, source, {"order_lines": "", "orders": "business_date"})
        finish(connection)
        return Staged(
            document_id=delivery_id,
            tables=("canonical.orders", "canonical.order_lines"),
            delivered_count=rows,
            detected=f"{document.encoding}; orders export; dates {INSTANT}; decimal mark .{later}",
        )
