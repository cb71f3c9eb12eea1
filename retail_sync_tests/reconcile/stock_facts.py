"""Stock facts written as small pipe tables, and what reconcile and journal make of them, all in memory.

Shorthand: a sku that is not named is `A-1`, a location `S1`, a source `erp`, a cost 10.00 USD; days are of the year 2026.
What the till sold and what was shipped are positive, as people say it; ERP movements are changes of stock, so a sale is
negative.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

from retail_sync.core.rules import read_rules
from retail_sync.journal.build import JournalReport, build_journal
from retail_sync.journal.rules import Policies, PostingRules
from retail_sync.reconcile.availability import reconcile_availability
from retail_sync.reconcile.inventory import StockLedger, reconcile_inventory
from retail_sync.reconcile.report import ReconcileReport
from retail_sync_tests.reconcile.facts import Facts, day, instant, pipe_table

# Month end → what the ledger holds as inventory, by currency.
Balances = Callable[[date], Mapping[str, Decimal]]
BOOKED_BY_US = Policies(home_currency="", deposits="journal", stock="journal")


def number(text: str | None) -> Decimal | None:
    """A number, or nothing."""
    return Decimal(text) if text else None


class StockFacts(Facts):
    """A warehouse in memory that takes goods in. Rows keep their place: a key that comes again replaces."""

    sequence = 0

    def take(self, **given: str) -> None:
        """Take pipe tables in: products, locations, snapshots, moved, till, shipped, returned, counts, listed."""
        for name, text in given.items():
            for row in pipe_table(text):
                self.sequence += 1
                getattr(self, f"_{name}")(row)
        self.touch()

    def touch(self) -> None:
        """Say that something about stock and listings changed."""
        for kind in ("stock", "availability"):
            self.connection.execute("delete from raw.touched where kind = ?", [kind])
            self._insert("raw.touched", "reconcile", kind, "*")

    def compare(
        self, balances: Balances = lambda _: {}, *, is_trued_up: bool = False, state: str = ""
    ) -> ReconcileReport:
        """Run both stock reconciliations."""
        safety_stock, channel_locations = (read_rules(self.rules, n) for n in ("safety_stock", "channel_locations"))
        report = reconcile_availability(self.connection, safety_stock, channel_locations, lambda _: None)
        ledger = StockLedger(lambda months: {month: balances(month) for month in months}, state, is_trued_up)
        return report + reconcile_inventory(self.connection, lambda _: None, ledger)

    def book(self, policies: Policies = BOOKED_BY_US) -> JournalReport:
        """Run the journal stage."""
        return build_journal(self.connection, PostingRules.read(self.rules), policies, lambda _: None)

    def _put(self, table: str, key: str, *values: object, source: str = "erp") -> None:
        self.connection.execute(f"delete from canonical.{table} where {key}", list(values[: key.count("?")]))
        self._insert(f"canonical.{table}", *values, self.sequence, source, "D1")

    def _products(self, row: Mapping[str, str]) -> None:
        self._put("products", "sku = ?", row.get("sku") or "A-1", None, None, None, number(row.get("pack")),
                  number(row.get("cost", "10.00")), row.get("currency") or "USD", None, True)  # fmt: skip

    def _locations(self, row: Mapping[str, str]) -> None:
        self._put("locations", "location_id = ?", row.get("at") or "S1", None, row.get("kind") or "store", None, "UTC")

    def _listed(self, row: Mapping[str, str]) -> None:
        code = row.get("code") or row["sku"]
        self._put("listings", "channel = ? and channel_sku = ?", row.get("channel") or "web", code, row["sku"] or None,
                  instant(row.get("on") or "10-14"), day((row.get("on") or "10-14")[:5]), Decimal(row["quantity"]))  # fmt: skip

    def _snapshots(self, row: Mapping[str, str]) -> None:
        self._put("stock_snapshots", "snapshot_date = ? and location_id = ? and sku = ?", day(row["on"]),
                  row.get("at") or "S1", row.get("sku") or "A-1", Decimal(row["quantity"]), number(row.get("reserved")),
                  number(row.get("cost")), row.get("currency") or "USD", source=row.get("source") or "erp")  # fmt: skip

    def _moved(self, row: Mapping[str, str]) -> None:
        key = row.get("id") or f"M{self.sequence}"
        self._put("stock_movements", "movement_id = ?", key, instant(row["on"]), day(row["on"]), row.get("at") or "S1",
                  row.get("sku") or "A-1", row["kind"], Decimal(row["quantity"]), number(row.get("cost")),
                  row.get("currency") or "USD", row.get("reference") or None, source=row.get("source") or "erp")  # fmt: skip

    def _till(self, row: Mapping[str, str]) -> None:
        quantity = Decimal(row["quantity"])
        receipt = row.get("receipt") or f"R{self.sequence}"
        self._put("pos_sales", "store = ? and register = ? and receipt_id = ? and receipt_line_no = ?",
                  row.get("at") or "S1", "1", receipt, int(row.get("line") or 1), "sale" if quantity > 0 else "return",
                  instant(row["on"]), day(row["on"]), row.get("sku") or "A-1", None, quantity, "USD", quantity * 20,
                  Decimal(0), quantity * 20, Decimal(0))  # fmt: skip

    def _shipped(self, row: Mapping[str, str]) -> None:
        self._put("fulfilments", "channel = ? and fulfilment_id = ?", "web", row.get("id") or f"F{self.sequence}",
                  row["order"], instant(row["on"]), day(row["on"]), row.get("at") or "S1", row.get("sku") or "A-1",
                  Decimal(row["quantity"]))  # fmt: skip

    def _returned(self, row: Mapping[str, str]) -> None:
        self._put("returns", "channel = ? and return_id = ?", "web", row.get("id") or f"T{self.sequence}",
                  row.get("order") or None, instant(row["on"]), day(row["on"]), row.get("at") or "S1",
                  row.get("sku") or "A-1", Decimal(row["quantity"]), row.get("goods") or "restocked", "USD", Decimal(20),
                  None)  # fmt: skip

    def _counts(self, row: Mapping[str, str]) -> None:
        self._insert("canonical.stock_counts", instant(row["on"]), day(row["on"][:5]), row.get("at") or "S1",
                     row.get("sku") or "A-1", row.get("kind") or "physical", Decimal(row["quantity"]), self.sequence, "erp",
                     "D1")  # fmt: skip


Found = Counter[tuple[str, str, str, date, Decimal | None, str]]


def variances(facts: StockFacts) -> Found:
    """(question, location, sku, day, variance, cause) of every row, counted."""
    return Counter(
        facts.connection.execute(
            "select question, location_id, sku, business_date, quantity_variance, cause from reconcile.inventory_variances "
            "where question <> 'valuation'"
        ).fetchall()
    )


def expected(text: str, question: str = "sales") -> Found:
    """The same from a pipe table: on, variance, cause; and at, sku, and question where rows are of several."""
    names = {
        "sales": "interface_sales",
        "snapshot": "interface_snapshot",
        "transfers": "interface_transfers",
        "count": "count",
    }
    return Counter(
        (
            names[row.get("question") or question],
            row.get("at") or "S1",
            row.get("sku") or "A-1",
            day(row["on"]),
            number(row["variance"]),
            row["cause"],
        )
        for row in (pipe_table(text) if text.strip() else [])
    )
