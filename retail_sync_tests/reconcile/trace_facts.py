"""Orders, payments, shipments, settlements and receipts as small pipe tables, and the traces made of them, in memory.

Shorthand: a channel that is not named is `shopify`, a store `S1`, a currency USD; days are of the year 2026 and a day without an
hour is its noon in UTC. A row that comes again replaces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from retail_sync.core.rules import read_rules
from retail_sync.reconcile.order_traces import reconcile_order_traces
from retail_sync_tests.reconcile.facts import Facts, day, instant, pipe_table

Row = dict[str, Any]


class TraceFacts(Facts):
    """A warehouse in memory that takes in what happened to orders and receipts."""

    sequence = 0

    def take(self, **given: str) -> None:
        """Take pipe tables in: orders, lines, payments, shipped, returned, settlements, settled, till, tenders."""
        for name, text in given.items():
            for row in pipe_table(text):
                self.sequence += 1
                getattr(self, f"_{name}")(row)

    def trace(self) -> int:
        """Run the reconciliations of settlements and traces; return how many numbers were touched."""
        self.reconcile()
        return reconcile_order_traces(self.connection, read_rules(self.rules, "order_steps"), lambda _: None)

    def traces(self) -> list[Row]:
        """Every row of reconcile.order_traces."""
        cursor = self.connection.execute("select * from reconcile.order_traces order by all")
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def only(self, order_id: str) -> Row:
        """The one trace of a number."""
        (row,) = [row for row in self.traces() if row["order_id"] == order_id]
        return row

    def touch(self, number: str | None) -> None:
        """Say that something of this number changed, as a load does."""
        self.connection.execute(
            "insert into raw.touched select 'reconcile', 'order_trace', ? where ? is not null "
            "except select stage, kind, document_id from raw.touched",
            [number, number],
        )

    def _put(self, table: str, key: Sequence[str], number: str | None, *values: object) -> None:
        """Replace the row of this key, whose columns come first or are named, and touch the old and the new number."""
        names = [row[0] for row in self.connection.execute(f"describe canonical.{table}").fetchall()]
        full = dict(zip(names, (*values, self.sequence, "shop", "D1"), strict=True))
        where = " and ".join(f"{column} = ?" for column in key)
        values_of_key = [full[column] for column in key]
        if "order_id" in names:
            query = f"select order_id from canonical.{table} where {where}"
            for (old,) in self.connection.execute(query, values_of_key).fetchall():
                self.touch(old)
        self.connection.execute(f"delete from canonical.{table} where {where}", values_of_key)
        self._insert(f"canonical.{table}", *full.values())
        self.touch(number)

    def _orders(self, row: Mapping[str, str]) -> None:
        self._put("orders", ("channel", "order_id"), row["order"], row.get("channel") or "shopify", row["order"],
                  instant(row["on"]), day(row["on"][:5]), row.get("status") or "paid", *[None] * 4,
                  row.get("currency") or "USD", Decimal(row["amount"]), None, None, None)  # fmt: skip

    def _lines(self, row: Mapping[str, str]) -> None:
        self._put("order_lines", ("channel", "order_id", "order_line_no"), row["order"], row.get("channel") or "shopify",
                  row["order"], int(row.get("line") or 1), row.get("sku") or "A-1", None, Decimal(row["quantity"]), "USD",
                  Decimal(10), None, None)  # fmt: skip

    def _payments(self, row: Mapping[str, str]) -> None:
        gross, fee = Decimal(row["amount"]), Decimal(row.get("fee") or 0)
        self._put("payments", ("channel", "payment_id"), row["order"] or None, row.get("channel") or "shopify",
                  row.get("id") or f"P{self.sequence}", "account", row.get("kind") or "charge", None, row["order"] or None,
                  instant(row["on"]), day(row["on"][:5]), row.get("currency") or "USD", gross, fee, gross - fee, None, None,
                  row.get("payout") or None, None)  # fmt: skip

    def _shipped(self, row: Mapping[str, str]) -> None:
        self._put("fulfilments", ("channel", "fulfilment_id"), row["order"], row.get("channel") or "shopify",
                  row.get("id") or f"F{self.sequence}", row["order"], instant(row["on"]), day(row["on"][:5]), "W1",
                  row.get("sku") or "A-1", Decimal(row.get("quantity") or 1))  # fmt: skip

    def _returned(self, row: Mapping[str, str]) -> None:
        self._put("returns", ("channel", "return_id"), row["order"] or None, row.get("channel") or "shopify",
                  row.get("id") or f"T{self.sequence}", row["order"] or None, instant(row["on"]), day(row["on"][:5]), "S1",
                  "A-1", Decimal(row.get("quantity") or 1), "restocked", row.get("currency") or "USD",
                  Decimal(row.get("refund") or 0), None)  # fmt: skip

    def _settlements(self, row: Mapping[str, str]) -> None:
        closes = instant(row["closes"])
        self.connection.execute("delete from canonical.settlements where settlement_id = ?", [row["id"]])
        self._insert("canonical.settlements", row["id"], row.get("channel") or "shopify", "account",
                     row.get("currency") or "USD", closes, closes, closes.date(), closes.date(), Decimal(row["total"]),
                     "shop", "D1")  # fmt: skip
        self._touch_settlement(row["id"])

    def _settled(self, row: Mapping[str, str]) -> None:
        number = row["order"] or None
        self._insert("canonical.settlement_lines", row["in"], self.sequence, "amount", row.get("channel") or "shopify",
                     "account", row.get("currency") or "USD", instant(row["on"]), day(row["on"][:5]), "charge", "amount", "",
                     row.get("category") or "order_payments", "", number, None, row.get("sku") or None,
                     Decimal(row["quantity"]) if row.get("quantity") else None, Decimal(row["amount"]), "shop", "D1")  # fmt: skip
        self._touch_settlement(row["in"])
        self.touch(number)

    def _touch_settlement(self, settlement_id: str) -> None:
        self.connection.execute(
            "insert into raw.touched select 'reconcile', 'settlement', ? except select stage, kind, document_id from raw.touched",
            [settlement_id],
        )

    def _till(self, row: Mapping[str, str]) -> None:
        amount = Decimal(row["amount"])
        self._put("pos_sales", ("store", "register", "receipt_id", "receipt_line_no"), row["receipt"], row.get("at") or "S1",
                  row.get("till") or "1", row["receipt"], int(row.get("line") or 1), "sale" if amount >= 0 else "return",
                  instant(row["on"]), day(row["on"][:5]), "A-1", None, Decimal(1), "USD", amount, Decimal(0), amount,
                  Decimal(0))  # fmt: skip

    def _tenders(self, row: Mapping[str, str]) -> None:
        self._put("pos_tenders", ("store", "register", "receipt_id", "tender_no"), row["receipt"], row.get("at") or "S1",
                  row.get("till") or "1", row["receipt"], int(row.get("no") or 1), row.get("tender") or "card",
                  instant(row["on"]), day(row["on"][:5]), "USD", Decimal(row["amount"]))  # fmt: skip
