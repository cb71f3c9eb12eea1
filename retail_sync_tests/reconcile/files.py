"""Settlement files and bank statements in a finance person's words, and a home to deliver them to.

The simulator knows the file layouts; this module knows which of its words make which kind of line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from retail_sync.pipeline import Pipeline
from retail_sync.schemas.digest import table_digest
from retail_sync.schemas.tables import TABLES
from retail_sync.settings import Home
from retail_sync_tests.conftest import BANK_SOURCE
from retail_sync_tests.simulator import OTHER, Row, Settlement, write_v2

FAILED_TRANSFER = (
    "Transfer of funds unsuccessful: We could not transfer funds to your bank account because the account "
    "information on file is invalid. Please update your bank account information."
)
WORDS = {
    "sale": ("Order", "ItemPrice", "Principal"),
    "shipping": ("Order", "ItemPrice", "Shipping"),
    "gift wrap": ("Order", "ItemPrice", "GiftWrap"),
    "tax": ("Order", "ItemPrice", "Tax"),
    "tax withheld": ("Order", "ItemWithheldTax", "MarketplaceFacilitatorTax-Principal"),
    "promotion": ("Order", "Promotion", "Principal"),
    "referral fee": ("Order", "ItemFees", "Commission"),
    "fulfilment": ("Order", "ItemFees", "FBAPerUnitFulfillmentFee"),
    "refund": ("Refund", "ItemPrice", "Principal"),
    "tax refunded": ("Refund", "ItemPrice", "Tax"),
    "withheld tax refunded": ("Refund", "ItemWithheldTax", "MarketplaceFacilitatorTax-Principal"),
    "referral fee refunded": ("Refund", "ItemFees", "Commission"),
    "refund fee": ("Refund", "ItemFees", "RefundCommission"),
    "advertising": ("ServiceFee", "Cost of Advertising", "TransactionTotalAmount"),
    "storage": (OTHER, OTHER, "Storage Fee"),
    "reimbursement": (OTHER, "FBA Inventory Reimbursement", "WAREHOUSE_LOST"),
    "reserve held": (OTHER, OTHER, "Current Reserve Amount"),
    "reserve released": (OTHER, OTHER, "Previous Reserve Amount Balance"),
    "opening debt": (OTHER, OTHER, "Payable to Amazon"),
    "card charge": (OTHER, OTHER, "Successful charge"),
    "loan": (OTHER, OTHER, "Amazon Capital Services"),
    "failed transfer": (OTHER, OTHER, FAILED_TRANSFER),
    "mystery": ("ServiceFee", "Sustainability Programme Fee", "Base fee"),
}
_LINE = re.compile(r"(?P<word>[a-z ]+?) +(?P<amount>-?[\d,]+\.\d\d)(?: +on +(?P<day>\S+))?")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T10:00:00").replace(tzinfo=UTC)


def settlement(
    settlement_id: str, period: str, lines: str, total: str = "", currency: str = "USD", marketplace: str = "Amazon.com"
) -> Settlement:
    """A settlement of `start end deposit` days, with a line of text per amount: `sale 100.00 on 2026-10-03`.

    A line without a day is of the first day. Without `total` the header states the sum.
    """
    start, end, deposit = (_at(text) for text in period.split())
    rows = []
    for number, text in enumerate(filter(None, map(str.strip, lines.splitlines())), 1):
        found = _LINE.fullmatch(text)
        assert found, f"not a line of a settlement: {text!r}"
        kind = WORDS[found["word"]]
        at = _at(found["day"]) if found["day"] else start
        order = f"111-0000000-{number:07d}" if kind[0] in ("Order", "Refund") else ""
        amount = Decimal(found["amount"].replace(",", ""))
        units = 1 if kind[0] == "Order" else None  # V1 states them on a line of their own, never an empty one
        rows.append(Row(*kind, amount, at, order, quantity=units, order_item_code=order[-7:]))
    return Settlement(
        settlement_id, start, end, deposit, currency, marketplace, tuple(rows), Decimal(total) if total else None
    )


def bank_statement(lines: str) -> bytes:
    """A statement with a line of text per movement: `2026-10-16 5997.00 USD AMAZON PAYMENTS`."""
    rows = [line.split(maxsplit=3) for line in filter(None, map(str.strip, lines.splitlines()))]
    text = "".join(f"{on},Main,{amount},{currency},{reference}\n" for on, amount, currency, reference in rows)
    return ("Date,Account,Amount,Currency,Description\n" + text).encode()


def new_pipeline(root: Path, settings: str = "") -> Pipeline:
    """The pipeline of a fresh home with the sources `amazon` and `bank`; `settings` come before them."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "retail_sync.toml").write_text(f"{settings}\n{BANK_SOURCE}", encoding="utf-8")
    return Pipeline(Home(root), "test")


def deliver(pipeline: Pipeline, *documents: Settlement | bytes) -> None:
    """Hand in settlements as V2 files, or the bytes of any file: a settlement's, else a bank statement."""
    for number, document in enumerate(documents):
        content = document if isinstance(document, bytes) else write_v2(document)
        path = pipeline.home.root / f"delivery-{number}.txt"
        path.write_bytes(content)
        pipeline.ingest([str(path)], "amazon" if content.startswith(b"settlement-id") else "bank")


def run_to_journal(pipeline: Pipeline) -> None:
    """Canonical, reconcile and journal, as an hourly run would."""
    pipeline.load()
    pipeline.reconcile()
    pipeline.journal()
    pipeline.clear()


@contextmanager
def looking(pipeline: Pipeline) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to what the stages wrote."""
    with pipeline.warehouse.writing("look at the tables") as connection:
        yield connection


def digests(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The digest of every table but the warehouse's own bookkeeping."""
    return {table.qualified: table_digest(connection, table) for table in TABLES if table.schema != "raw"}


def open_problems(pipeline: Pipeline) -> list[tuple[str, str]]:
    """(code, subject) of every open exception, sorted."""
    return sorted((row.code, row.subject) for row in pipeline.exceptions.open())
