"""Channel orders as small tables: what each should bring, what was settled, and what must be said of it.

An order has one line of its goods; a settlement line is `order component amount`. Days are of October 2026; settlements are
closed on the day named; orders count as settled within 30 days.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from decimal import Decimal

import pytest

from retail_sync.core.rules import read_rules
from retail_sync.reconcile.orders import reconcile_orders
from retail_sync.reconcile.problems import find_breaks
from retail_sync.reconcile.report import ReconcileReport
from retail_sync_tests.reconcile.facts import KINDS, RULES, Facts, day, instant, pipe_table

CATEGORY = {"goods": "product_sales", "promo": "promotions", "shipping": "shipping_income", "tax": "tax_collected",
            "total": "order_payments", "fee": "referral_fee"}  # fmt: skip


class OrderFacts(Facts):
    """A warehouse in memory that takes orders, prices and settled lines in; what comes again replaces."""

    def order(self, row: Mapping[str, str]) -> None:
        """`id, on, goods` and, where named, `shipping, tax, status, currency, channel, quantity, discount`."""
        channel, order_id = row.get("channel") or "amazon", row["id"]
        currency, on = row.get("currency") or "USD", day(row["on"])
        goods, quantity = Decimal(row["goods"]), Decimal(row.get("quantity") or 1)
        parts = [Decimal(row[name]) if row.get(name) else None for name in ("shipping", "tax", "discount")]
        total = goods + sum(part for part in parts[:2] if part) - (parts[2] or 0)
        for table in ("orders", "order_lines"):
            self.connection.execute(
                f"delete from canonical.{table} where channel = ? and order_id = ?", [channel, order_id]
            )
        self._insert("canonical.orders", channel, order_id, instant(str(on)), on, row.get("status") or "paid", *[None] * 4,
                     currency, total, parts[1], parts[0], parts[2], 2, "shop", "D1")  # fmt: skip
        self._insert("canonical.order_lines", channel, order_id, 1, "A-1", None, quantity, currency, goods / quantity,
                     parts[2], None, 2, "shop", "D1")  # fmt: skip
        self._touch(channel, order_id)

    def settle(self, settlement_id: str, ends: str, lines: str, channel: str = "amazon", currency: str = "USD") -> None:
        """A settlement with its lines, `order component amount` separated by commas."""
        on = day(ends)
        for table in ("settlements", "settlement_lines"):
            self.connection.execute(f"delete from canonical.{table} where settlement_id = ?", [settlement_id])
        owner = (channel, channel, currency)
        rows = [line.split() for line in lines.split(", ") if line]
        self._insert("canonical.settlements", settlement_id, *owner, instant(ends), instant(ends), on, on,
                     sum((Decimal(row[2]) for row in rows), Decimal(0)), channel, settlement_id)  # fmt: skip
        self.connection.execute("delete from reconcile.settlement_components where settlement_id = ?", [settlement_id])
        for number, (order_id, component, amount) in enumerate(rows, 3):
            self._insert("canonical.settlement_lines", settlement_id, number, "amount", *owner, instant(ends), on, "Order",
                         "ItemPrice", "x", CATEGORY[component], "", order_id, None, None, None, Decimal(amount), channel,
                         settlement_id)  # fmt: skip
            self._insert("reconcile.settlement_components", settlement_id, *owner, on.replace(day=1), None,
                         CATEGORY[component], "", Decimal(amount), 1)  # fmt: skip
        self.connection.execute("delete from raw.touched where document_id = ?", [settlement_id])
        self._insert("raw.touched", "reconcile", "settled", settlement_id)

    def list_price(self, channel: str, price: str) -> None:
        """The ERP's price of the one article, from the first of October."""
        self._insert("canonical.prices", "A-1", channel, day("10-01"), None, "USD", Decimal(price), 2, "erp", "D1")
        self._touch(channel, "*")

    def _touch(self, channel: str, order_id: str) -> None:
        self.connection.execute("delete from raw.touched where document_id = ?", [f"{channel}|{order_id}"])
        self._insert("raw.touched", "reconcile", "order", f"{channel}|{order_id}")

    def compare(self) -> ReconcileReport:
        """Run the reconciliation."""
        rules = (read_rules(RULES, name) for name in ("match_rules", "order_components"))
        return reconcile_orders(self.connection, *rules, lambda _: None)

    def told(self) -> list[str]:
        """`class subject amount currency` of every break."""
        rows = self.connection.execute(
            "select break_class, subject, amount, currency from reconcile.breaks order by all"
        ).fetchall()
        return [f"{code} {subject} {amount:.2f} {currency}" for code, subject, amount, currency in rows]


ORDER = "| id | on | goods | shipping | tax |\n| 1 | 10-05 | 40.00 | 5.00 | 3.20 |"
WHOLE = "1 goods 40.00, 1 shipping 5.00, 1 tax 3.20"
CASES: dict[str, tuple[str, list[tuple[str, str, str]], list[str]]] = {
    "settled as it says": (ORDER, [("S1", "10-14", WHOLE)], []),
    "in two settlements": (
        ORDER, [("S1", "10-14", "1 goods 15.00, 1 tax 3.20"), ("S2", "10-28", "1 goods 25.00, 1 shipping 5.00")], [],
    ),
    "with fees, which the order does not tell": (ORDER, [("S1", "10-14", WHOLE + ", 1 fee -6.00")], []),
    "goods short": (
        ORDER, [("S1", "10-14", "1 goods 39.00, 1 shipping 5.00, 1 tax 3.20")],
        ["order_amount_differs amazon 1 goods -1.00 USD"],
    ),
    "tax over": (
        ORDER, [("S1", "10-14", "1 goods 40.00, 1 shipping 5.00, 1 tax 3.21")],
        ["order_tax_differs amazon 1 tax 0.01 USD"],
    ),
    "twice": (
        ORDER, [("S1", "10-14", WHOLE), ("S2", "10-28", WHOLE)],
        ["order_settled_twice amazon 1 goods 40.00 USD", "order_settled_twice amazon 1 shipping 5.00 USD",
         "order_settled_twice amazon 1 tax 3.20 USD"],
    ),
    "more in a second settlement, and not the same again": (
        ORDER, [("S1", "10-14", WHOLE), ("S2", "10-28", "1 goods 7.00")],
        ["order_amount_differs amazon 1 goods 7.00 USD"],
    ),
    "with the sign turned": (
        ORDER, [("S1", "10-14", "1 goods -40.00, 1 shipping 5.00, 1 tax 3.20")],
        ["order_sign_reversed amazon 1 goods -80.00 USD"],
    ),
    "never, and later ones are": (
        ORDER, [("S1", "11-04", "2 goods 9.00")],
        ["order_never_settled amazon 1 -48.20 USD"],
    ),
    "not yet": (ORDER, [("S1", "11-03", "2 goods 9.00")], []),
    "a part is missing": (
        ORDER, [("S1", "11-04", "1 goods 40.00, 1 tax 3.20")],
        ["order_never_settled amazon 1 -5.00 USD"],
    ),
    "late": (
        ORDER, [("S1", "11-05", WHOLE)],
        ["order_settled_late amazon 1 48.20 USD"],
    ),
    "an order that nobody delivered": (
        ORDER, [("S1", "10-14", WHOLE), ("S2", "11-04", "7 goods 9.00")],
        ["order_unknown amazon 7 9.00 USD"],
    ),
    "an order before the first that was delivered": (ORDER, [("S1", "10-14", WHOLE + ", 7 goods 9.00")], []),
    "a discount": (
        "| id | on | goods | discount |\n| 1 | 10-05 | 40.00 | 4.00 |", [("S1", "10-14", "1 goods 40.00, 1 promo -4.00")], [],
    ),
    "a cancelled order brings nothing": (
        "| id | on | goods | status |\n| 1 | 10-05 | 40.00 | cancelled |", [("S1", "11-04", "2 goods 9.00")], [],
    ),
    "a pre-order is not paid before its article is released": (
        "| id | on | goods | status |\n| 1 | 10-05 | 40.00 | PENDING_AVAILABILITY |", [("S1", "11-04", "2 goods 9.00")], [],
    ),
    "a cancelled order that was settled": (
        "| id | on | goods | status |\n| 1 | 10-05 | 40.00 | cancelled |", [("S1", "10-14", "1 goods 40.00")],
        ["order_unknown amazon 1 40.00 USD"],
    ),
    "free shipping and none settled": (
        "| id | on | goods | shipping |\n| 1 | 10-05 | 40.00 | 0.00 |", [("S1", "11-04", "1 goods 40.00")], [],
    ),
    "shipping that the order does not know of": (
        "| id | on | goods |\n| 1 | 10-05 | 40.00 |", [("S1", "10-14", "1 goods 40.00, 1 shipping 5.00")], [],
    ),
    "shipping that the order gives free": (
        "| id | on | goods | shipping |\n| 1 | 10-05 | 40.00 | 0.00 |", [("S1", "10-14", "1 goods 40.00, 1 shipping 5.00")],
        ["order_amount_differs amazon 1 shipping 5.00 USD"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_of_an_order(name: str) -> None:
    """A wrong class or value sends finance after money that is there, or lets money go that is not."""
    orders, settlements, expected = CASES[name]
    facts = OrderFacts()
    for row in pipe_table(orders):
        facts.order(row)
    for settlement_id, ends, lines in settlements:
        facts.settle(settlement_id, ends, lines)
    assert facts.compare().residual == ()
    assert [line for line in facts.told() if not line.startswith("order_unknown amazon 2")] == expected
    assert facts.compare().touched == 0
    for problem in find_breaks(facts.connection, KINDS):
        assert problem.message
        assert problem.remedy


def test_another_currency() -> None:
    """Placed in CAD, settled in USD: the two amounts stand alone, each in its own currency."""
    facts = OrderFacts()
    for row in pipe_table("| id | on | goods | currency |\n| 1 | 10-05 | 40.00 | CAD |"):
        facts.order(row)
    facts.settle("S1", "11-14", "1 goods 29.00")
    assert facts.compare().residual == ()
    assert facts.told() == [
        "order_currency_differs amazon 1 goods CAD -40.00 CAD",
        "order_currency_differs amazon 1 goods USD 29.00 USD",
    ]


def test_a_web_shop_settles_an_order_as_one_amount() -> None:
    """40.00 + 5.00 + 3.20 are charged as 48.20; a cent less is told of the whole."""
    facts = OrderFacts()
    for row in pipe_table("| id | on | goods | shipping | tax | channel |\n| #1 | 10-05 | 40.00 | 5.00 | 3.20 | shopify |"
                          "\n| #2 | 10-05 | 40.00 | 5.00 | 3.20 | shopify |"):  # fmt: skip
        facts.order(row)
    facts.settle("P1", "10-08", "#1 total 48.20, #2 total 48.19", channel="shopify")
    facts.compare()
    assert facts.told() == ["order_amount_differs shopify #2 total -0.01 USD"]


def test_a_web_shop_charges_an_order_twice_in_one_payout() -> None:
    """Two whole charges are one too many, in one payout as in two; two halves are the order."""
    facts = OrderFacts()
    for row in pipe_table(
        "| id | on | goods | channel |\n| #1 | 10-05 | 48.20 | shopify |\n| #2 | 10-05 | 48.20 | shopify |"
    ):
        facts.order(row)
    facts.settle("P1", "10-08", "#1 total 48.20, #1 total 48.20, #2 total 24.10, #2 total 24.10", channel="shopify")
    assert facts.compare().residual == ()
    assert facts.told() == ["order_settled_twice shopify #1 total 48.20 USD"]


def test_charged_again_in_another_currency() -> None:
    """A second charge, or the currency of the first: told at once, although the order is paid and knows no such currency."""
    facts = OrderFacts()
    facts.order({"id": "#1", "on": "10-05", "goods": "40.00", "channel": "shopify"})
    facts.settle("P1", "10-08", "#1 total 40.00", channel="shopify")
    facts.settle("P2", "10-09", "#1 total 52.00", channel="shopify", currency="CAD")
    assert facts.compare().residual == ()
    assert facts.told() == ["order_undetermined shopify #1 total 52.00 CAD"]
    (problem,) = find_breaks(facts.connection, KINDS)
    assert "charged twice or in another currency cannot be told (P2; currency or duplicate)" in problem.message


def test_charged_in_two_currencies_and_not_in_its_own() -> None:
    """Nothing is awaited: what the order should bring stands alone, and so does each amount that came."""
    facts = OrderFacts()
    facts.order({"id": "#1", "on": "10-05", "goods": "40.00", "channel": "shopify"})
    facts.settle("P1", "10-08", "#1 total 30.00", channel="shopify", currency="EUR")
    facts.settle("P2", "10-09", "#1 total 52.00", channel="shopify", currency="CAD")
    assert facts.compare().residual == ()
    assert facts.told() == [
        "order_undetermined shopify #1 total -40.00 USD",
        "order_undetermined shopify #1 total 30.00 EUR",
        "order_undetermined shopify #1 total 52.00 CAD",
    ]


def test_prices_beside_the_list() -> None:
    """Three at 12.00, where the list says 12.50: 1.50 too little. A list that comes later is looked at too."""
    facts = OrderFacts()
    facts.order({"id": "1", "on": "10-05", "goods": "36.00", "quantity": "3"})
    facts.settle("S1", "10-14", "1 goods 36.00")
    facts.compare()
    assert facts.told() == []
    facts.list_price("amazon", "12.50")
    assert facts.compare().residual == ()
    assert facts.told() == ["order_price_differs amazon 1 list_price -1.50 USD"]


def test_what_matched_of_an_open_order_stays() -> None:
    """Its shipping was settled and its goods are awaited: a run that judges the goods again has the shipping still."""
    facts = OrderFacts()
    facts.order({"id": "1", "on": "10-05", "goods": "40.00", "shipping": "5.00"})
    facts.settle("S1", "10-14", "1 shipping 5.00")
    assert facts.compare().residual == ()
    facts.settle("S2", "11-20", "2 goods 1.00")
    assert facts.compare().residual == ()
    rows = facts.connection.execute(
        "select component, status from reconcile.order_settlements where order_id = '1' order by all"
    ).fetchall()
    assert rows == [("goods", "left_only"), ("shipping", "matched")]


@pytest.mark.parametrize("seed", range(6))
def test_the_order_and_grouping_of_what_arrives_do_not_matter(seed: int) -> None:
    """Hourly runs over pieces end where one run over all ends; what was open closes with what explains it."""
    rng = random.Random(seed)  # noqa: S311
    steps = [lambda f, row=row: f.order(row) for row in pipe_table("""
        | id | on | goods | shipping | status |
        | 1 | 10-05 | 40.00 | 5.00 | paid |
        | 2 | 10-06 | 9.00 | | paid |
        | 3 | 10-07 | 7.00 | | cancelled |
        | 4 | 09-01 | 3.00 | | paid |
    """)]  # fmt: skip
    steps += [
        lambda f: f.settle("S1", "10-14", "1 goods 40.00, 5 goods 1.00"),
        lambda f: f.settle("S2", "10-28", "1 shipping 5.00, 2 goods 9.00, 2 fee -1.00"),
        lambda f: f.settle("S3", "11-20", "2 goods 9.00, 3 goods 7.00, 6 goods 2.00"),
        lambda f: f.list_price("amazon", "9.00"),
    ]
    # The third settlement comes again without order 2: what was twice is once.
    corrected = lambda f: f.settle("S3", "11-20", "3 goods 7.00, 6 goods 2.00")  # noqa: E731
    whole, hourly = OrderFacts(), OrderFacts()
    for step in (*steps, corrected):
        step(whole)
    whole.compare()
    for step in rng.sample(steps, len(steps)):
        step(hourly)
        assert hourly.compare().residual == ()
    corrected(hourly)
    assert hourly.compare().residual == ()
    for table in ("order_settlements", "breaks"):
        query = f"select * from reconcile.{table} order by all"
        assert hourly.connection.execute(query).fetchall() == whole.connection.execute(query).fetchall()
