"""Store days written as small pipe tables, and what reconcile makes of them, all in memory.

Shorthand: a store that is not named is `S1`, a till `T1`, a currency USD; days are of the year 2026, and 10-14 where none is
named. The processor's reports reach 10-30 by a payment of another receipt that nobody rang up.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from retail_sync.core.rules import read_rules
from retail_sync.operations.exceptions import Problem
from retail_sync.reconcile.problems import find_breaks
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.reconcile.store_days import reconcile_store_days
from retail_sync_tests.reconcile.facts import KINDS, Facts, day, instant, pipe_table

DAY = "10-14"
REACH = "| receipt | amount | on |\n| none | 1 | 10-30 |"
Row = tuple[str, str, Decimal | None, Decimal | None, Decimal, str]


class TillFacts(Facts):
    """A warehouse in memory that takes store days in."""

    sequence = 0

    def take(self, **given: str) -> TillFacts:
        """Take pipe tables in: sold (receipt, amount), tendered (receipt, kind, amount), paid (receipt, amount), drawers (cash)."""
        for name, text in given.items():
            for row in pipe_table(text) if text.strip() else []:
                self.sequence += 1
                getattr(self, f"_{name}")(row)
        return self

    def compare(self) -> ReconcileReport:
        """Run the reconciliation of the store days, all of them touched."""
        self.connection.execute(
            "insert into raw.touched select distinct 'reconcile', 'store_day', store || '|' || business_date from ("
            "select store, business_date from canonical.pos_sales union all select store, business_date from canonical.pos_tenders"
            " union all select store, business_date from canonical.pos_shifts)"
        )
        return reconcile_store_days(self.connection, read_rules(self.rules, "match_rules"), lambda _: None)

    def cards(self) -> set[Row]:
        """(store, day, left, right, explained, status) of every comparison of card payments."""
        rows = self.connection.execute(
            "select store, strftime(business_date, '%m-%d'), left_amount, right_amount, explained_amount, status "
            "from reconcile.store_days where comparison = 'card_payments'"
        )
        return set(rows.fetchall())

    def told(self) -> dict[str, Problem]:
        """Every break by its class; of each class one."""
        found = self.told_all()
        assert len({problem.code for problem in found}) == len(found)
        return {problem.code: problem for problem in found}

    def told_all(self) -> list[Problem]:
        """Every break in words."""
        return find_breaks(self.connection, KINDS)

    def _place(self, row: Mapping[str, str]) -> tuple[str, str]:
        return row.get("store") or "S1", row.get("till") or "T1"

    def _sold(self, row: Mapping[str, str]) -> None:
        on, amount = row.get("on") or DAY, Decimal(row["amount"])
        kind, quantity = ("sale", 1) if amount >= 0 else ("return", -1)
        self._insert("canonical.pos_sales", *self._place(row), row["receipt"], self.sequence, kind, instant(on), day(on), "A-1",
                     None, Decimal(quantity), row.get("currency") or "USD", amount, Decimal(0), amount, Decimal(0),
                     self.sequence, "till", "D1")  # fmt: skip

    def _tendered(self, row: Mapping[str, str]) -> None:
        on = row.get("on") or DAY
        self._insert("canonical.pos_tenders", *self._place(row), row["receipt"], self.sequence, row.get("kind") or "card",
                     instant(on), day(on), row.get("currency") or "USD", Decimal(row["amount"]), self.sequence, "till",
                     "D2")  # fmt: skip

    def _paid(self, row: Mapping[str, str]) -> None:
        on, amount = row.get("on") or DAY, Decimal(row["amount"])
        kind = row.get("kind") or ("charge" if amount >= 0 else "refund")
        self._insert("canonical.payments", "square", f"P{self.sequence}", "square", kind, None, row["receipt"], instant(on),
                     day(on), row.get("currency") or "USD", amount, Decimal(0), amount, None, None, None, None,
                     self.sequence, "square", "D3")  # fmt: skip

    def _drawers(self, row: Mapping[str, str]) -> None:
        on, cash = row.get("on") or DAY, Decimal(row["cash"])
        self._insert("canonical.pos_shifts", *self._place(row), f"D{self.sequence}", instant(on), instant(on), day(on),
                     row.get("currency") or "USD", Decimal(200), Decimal(0), Decimal(0), 200 + cash, self.sequence, "till",
                     "D4")  # fmt: skip
