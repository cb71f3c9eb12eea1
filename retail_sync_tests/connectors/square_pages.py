"""Deliveries of Square's lists, written as a run writes them, and what the loader makes of them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors.paged import Heading, page_line, write_end, write_heading
from retail_sync.connectors.wire import Page, Window
from retail_sync.settings import Source
from retail_sync_tests.connectors.loading_bench import LoadBench, Outcome
from retail_sync_tests.connectors.shown import told

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "square"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample files of third parties at {SAMPLES}")
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
Answer = dict[str, Any]
SALES = ("kind", "sku", "quantity", "gross_amount", "tax_amount", "net_amount", "discount_amount")
TENDERS = ("tender", "amount", "business_date")
PAYMENTS = ("kind", "payment_id", "gross_amount", "fee_amount", "net_amount", "order_id")


def sample(name: str) -> Any:
    """Read an official example or the real sandbox records."""
    return json.loads((SAMPLES / f"square_{name}.json").read_text(encoding="utf-8"))


def example(name: str) -> Any:
    """Read an official example of an answer."""
    return sample(f"{name}Response.example")


def at(text: str) -> datetime:
    """Read a day or an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def locations(*zones: tuple[str, str]) -> Answer:
    """Answer the locations given as (id, zone)."""
    return {"locations": [{"id": one, "name": one, "timezone": zone, "country": "US"} for one, zone in zones]}


def catalog(**skus: str) -> Answer:
    """Answer articles given as id = sku."""
    data = [{"type": "ITEM_VARIATION", "id": one, "item_variation_data": {"sku": sku}} for one, sku in skus.items()]
    return {"objects": data}


class SquareBench:
    """An account of its own whose deliveries are loaded one after the other."""

    def __init__(self, bench: LoadBench, account: str) -> None:
        self.bench = bench
        self.account = account

    def deliver(
        self,
        item: str,
        *pages: tuple[str, Answer] | tuple[str, Answer, str],
        begin: str = "2026-11-20",
        end: str = "",
        **settings: Any,
    ) -> Outcome:
        """Load pages given as (part, answer) or (part, answer, key) of a window that ends now or at `end`."""
        window = Window(at(begin), at(end) if end else NOW)
        file = io.BytesIO()
        write_heading(file, Heading("square", item, window, NOW))
        for part, answer, *key in pages:
            file.write(page_line(Page(json.dumps(answer).encode(), part, *key)))
        write_end(file, len(pages))
        source = Source(name=self.account, connector="square", object=item, account=self.account, **settings)
        return self.bench.deliver(file.getvalue(), source)

    def orders(self, *orders: Answer, more: Sequence[tuple[str, Answer]] = (), **settings: Any) -> Outcome:
        """Load orders, and what goes with them."""
        return self.deliver("orders", ("orders", {"orders": list(orders)}), *more, **settings)

    def rows(self, table: str, *columns: str) -> list[str]:
        """Rows of this account in the order of their key, as text: amounts with two decimals, '-' for what is missing."""
        order = {"pos_sales": "receipt_id, receipt_line_no", "pos_tenders": "receipt_id, tender_no"}.get(table, "all")
        found = self.bench.connection.execute(
            f"select {', '.join(columns)} from canonical.{table} where source = ? order by {order}", [self.account]
        ).fetchall()
        return [" ".join(told(name, value) for name, value in zip(columns, row, strict=True)) for row in found]
