"""Shopify Payments, the export of the list of payouts: one row per payout with what it is made of.

The columns are known from public copies only (reference/marketplaces.md 3.1), none of them real money; some have more:
Marketplace Sales Tax, Advances, Bank Reference, Payout ID. Without an id a payout is known by its day and currency. The sign
of Fees differs between the copies: the one with which the parts make the total is taken.
"""

from __future__ import annotations

import duckdb

from retail_sync.connectors.connector import Staged, TextConnector
from retail_sync.connectors.documents import TextDocument
from retail_sync.connectors.header import Columns
from retail_sync.connectors.shopify_csv import CHANNEL, DAY, check_columns, finish, leave_later, read_cells
from retail_sync.core import sql
from retail_sync.settings import Source

COLUMNS = Columns(
    "a Shopify payouts export",
    "payouts export",
    "Shopify",
    (
        "payout date", "status", "charges", "refunds", "adjustments", "reserved funds", "fees", "retried amount", "total",
        "currency",
    ),
    ("marketplace sales tax", "advances", "bank reference", "payout id"),
)  # fmt: skip


class ShopifyPayouts(TextConnector):
    """Connector for the payouts export: the totals that the payouts of a transactions export must foot to."""

    name = "shopify_payouts"

    def check_header(self, header: str, source: Source) -> None:
        """Raise DeliveryRefused unless the header is that of a payouts export."""
        check_columns(header, COLUMNS, source)

    def stage(
        self,
        connection: duckdb.DuckDBPyConnection,
        document: TextDocument,
        source: Source,
        delivery_id: str,
    ) -> Staged:
        """Read the payouts. A row whose parts do not sum to its total is rejected."""
        rows = read_cells(connection, document, source, COLUMNS, "payouts")
        values = {
            "channel": CHANNEL,
            "account": source.account_name,
            "source": source.name,
            "delivery_id": delivery_id,
            "day_format": DAY,
        }
        connection.execute(sql.statement(__package__, "shopify_payouts"), values)
        connection.execute(
            """
            insert into staged_rejected by name
            select line_no, 'payouts' as table_name, 'total_amount' as column_name, total_amount__raw as value,
                'is not the sum of its parts, which is ' || parts_amount as reason
            from staged_payouts where parts_amount <> total_amount
            """
        )
        later = leave_later(connection, source, {"payouts": "payout_date"})
        finish(connection)
        return Staged(
            document_id=delivery_id,
            tables=("canonical.payouts",),
            delivered_count=rows,
            detected=f"{document.encoding}; payouts export; dates {DAY}; decimal mark .{later}",
        )
