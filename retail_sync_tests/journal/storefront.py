"""A web shop's files for the tests of its orders: declared sources of what it sold and sent, Shopify's own exports of its money.

What belongs here: settings, headers, and a home that was run on files. What does not: expectations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home
from retail_sync_tests.conftest import run_line
from retail_sync_tests.e2e.line import drop
from retail_sync_tests.shopify import payouts, transactions


def _source(name: str, columns: str, more: str = "") -> str:
    return f"""
[[source]]
name = "{name}"
connector = "declared_csv"
object = "{name}"
date_format = "%Y-%m-%d"
[source.columns]
channel = "=shopify"
{columns}
{more}"""


SOURCES = "".join((
    _source("orders", """
order_id = "Order"
ordered_at = "Day"
status = "=paid"
currency = "Currency"
total_amount = "Total"
tax_amount = "Tax"
shipping_amount = "Shipping"
customer_number = "Customer"
tax_owed_by = "Owed by"
location_id = "Sold in"
"""),
    _source("order_lines", """
order_id = "Order"
sku = "SKU"
quantity = "Quantity"
unit_price = "Price"
tax_amount = "Tax"
currency = "Currency"
"""),
    _source("fulfilments", """
fulfilment_id = "Shipment"
order_id = "Order"
shipped_at = "Day"
location_id = "From"
sku = "SKU"
quantity = "Quantity"
"""),
    _source("returns", """
return_id = "Return"
order_id = "Order"
returned_at = "Day"
sku = "SKU"
quantity = "Quantity"
disposition = "=restocked"
refund_amount = "Refund"
tax_amount = "Tax"
currency = "Currency"
"""),
    _source("customers", """
customer_number = "Customer"
country = "Country"
tax_status = "Status"
"""),
    """
[[source]]
name = "locations"
connector = "declared_csv"
object = "locations"
[source.columns]
location_id = "Location"
kind = "=warehouse"
time_zone = "=UTC"
country = "Country"

[[source]]
name = "money"
connector = "shopify_transactions"
account = "myshop"

[[source]]
name = "payouts"
connector = "shopify_payouts"
account = "myshop"
""",
))  # fmt: skip
ON = '[ledger]\nstorefront = "journal"'
HEADERS = {
    "orders": "Order,Day,Currency,Total,Tax,Shipping,Customer,Owed by,Sold in",
    "order_lines": "Order,SKU,Quantity,Price,Tax,Currency",
    "fulfilments": "Shipment,Order,Day,From,SKU,Quantity",
    "returns": "Return,Order,Day,SKU,Quantity,Refund,Tax,Currency",
    "customers": "Customer,Country,Status",
    "locations": "Location,Country",
}
_BY_HEADER = {"money": transactions, "payouts": payouts}


@dataclass(frozen=True, slots=True)
class Shop:
    """A home and what its ledger and journal say."""

    pipeline: Pipeline

    def deliver(self, files: Mapping[str, str], name: str = "october") -> None:
        """Put a file per source into the inbox: the lines of its text, without header."""
        drop(self.pipeline.home, {f"{source}/{name}.csv": content(source, text) for source, text in files.items()})

    def run(self, files: Mapping[str, str], name: str = "october") -> Shop:
        """Deliver, and run every stage once."""
        self.deliver(files, name)
        run_line(self.pipeline)
        return self

    def entries(self) -> dict[str, tuple[str, dict[str, int]]]:
        """Of every entry in the ledger its day and minor units by account."""
        return {
            posted.entry.key: (str(posted.entry.posting_date), _by_account(posted.entry.lines))
            for posted in self.pipeline.embedded_ledger.entries()
        }

    def balances(self) -> dict[str, int]:
        """What the ledger's accounts hold that are not at zero."""
        return {b.account: b.home_minor for b in self.pipeline.embedded_ledger.balances() if b.home_minor}

    def held(self) -> dict[str, str]:
        """Code by held document."""
        return dict(self.query("select document_id, held_code from journal.documents where status = 'held'"))

    def open_items(self, account: str) -> dict[str, str]:
        """Balance by name of the open items of a clearing account."""
        rows = self.query(
            "select item, cast(balance as varchar) from reconcile.clearing_items "
            f"where status = 'open' and account = '{account}' order by item"
        )
        return dict(rows)

    def query(self, statement: str) -> list[tuple[str, ...]]:
        """Rows of the warehouse."""
        with self.pipeline.warehouse.reading() as connection:
            return connection.execute(statement).fetchall()


def _by_account(lines: object) -> dict[str, int]:
    sums: dict[str, int] = {}
    for line in lines:  # type: ignore[attr-defined]
        sums[line.account] = sums.get(line.account, 0) + line.home_minor
    return sums


def content(source: str, text: str) -> bytes:
    """The file of a source with these lines."""
    if source in _BY_HEADER:
        return _BY_HEADER[source](text)
    lines = [line.strip() for line in text.strip().splitlines()]
    return "\n".join((HEADERS[source], *lines, "")).encode()


def shop(make_home: Callable[..., Home], files: Mapping[str, str] | None = None, extra: str = ON) -> Shop:
    """A home of the shop, run once on files if there are any."""
    found = Shop(Pipeline(make_home(settings=SOURCES, extra=extra), "test"))
    return found.run(files) if files else found
