"""Shopify Payments, "Export transactions": one row per movement of the balance, with the payout it is in.

Format: reference/marketplaces.md 3.1, from a real file (19 columns), and public copies of 17 and 18 columns. A pending row
has an expected payout day and no payout id; it is shown again with one once it is scheduled. `VAT` is taken to be inside
Fee: the check Amount - Fee = Net says so, on the copies seen. Not seen: chargeback, reserve and payout rows of an export.
"""

from __future__ import annotations

import duckdb

from retail_sync.connectors.connector import Staged, TextConnector
from retail_sync.connectors.documents import TextDocument
from retail_sync.connectors.header import Columns
from retail_sync.connectors.paged import statements
from retail_sync.connectors.shopify_csv import CHANNEL, DAY, INSTANT, check_columns, finish, leave_later, read_cells
from retail_sync.core import sql
from retail_sync.settings import Source

COLUMNS = Columns(
    "a Shopify transactions export",
    "transactions export",
    "Shopify",
    (
        "transaction date", "type", "order", "card brand", "card source", "payout status", "payout date", "payout id",
        "available on", "amount", "fee", "net", "checkout", "payment method name", "presentment amount",
        "presentment currency", "currency",
    ),
    ("vat", "business entity name", "business entity id"),
)  # fmt: skip


class ShopifyTransactions(TextConnector):
    """Connector for the transactions export; its payouts become settlements (see payout_statements)."""

    name = "shopify_transactions"

    def check_header(self, header: str, source: Source) -> None:
        """Raise DeliveryRefused unless the header is that of a transactions export."""
        check_columns(header, COLUMNS, source)

    def stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        document: TextDocument,
        source: Source,
        delivery_id: str,
    ) -> Staged:
        """Read the payments. A row whose net is not amount minus fee is rejected."""
        rows = read_cells(connection, document, source, COLUMNS, "payments")
        values = {
            "channel": CHANNEL,
            "account": source.account_name,
            "source": source.name,
            "delivery_id": delivery_id,
            "time_zone": source.time_zone,
            "instant_format": INSTANT,
            "day_format": DAY,
        }
        connection.execute(statements("shopify", "")[0])  # the words mean the same in files and over the wire
        connection.execute(sql.statement(__package__, "shopify_transactions"), values)
        connection.execute(
            """
            insert into staged_rejected by name
            select line_no, 'payments' as table_name, 'net_amount' as column_name, net_amount__raw as value,
                'is not Amount ' || gross_amount__raw || ' minus Fee ' || fee_amount__raw as reason
            from staged_payments where gross_amount - fee_amount <> net_amount
            """
        )
        connection.execute("delete from staged_payments where gross_amount - fee_amount <> net_amount")
        later = leave_later(connection, source, {"payments": "business_date"})
        finish(connection)
        return Staged(
            document_id=delivery_id,
            tables=("canonical.payments",),
            delivered_count=rows,
            detected=f"{document.encoding}; transactions export; dates {INSTANT}; decimal mark .{later}",
        )
