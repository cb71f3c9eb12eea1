"""Returns as small tables: what was sold, given back, taken back and posted, and what must be said of it.

A web order has lines `sku quantity price`; a return says who took it, where, and what was given back. The shop's other orders
show refunds and returns from August to December, so that what lacks its other side by then is missing. Rules of the project:
goods 30 days after the refund, a refund 14 days after the goods, 60 days for an order to be known, 30 for the books.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_sync.core.errors import RulesError
from retail_sync.core.rules import read_rules
from retail_sync.reconcile.problems import find_breaks
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.reconcile.returns import reconcile_returns
from retail_sync_tests.reconcile.facts import KINDS, day, instant, own_rules
from retail_sync_tests.reconcile.trace_facts import TraceFacts


class ReturnFacts(TraceFacts):
    """A warehouse in memory that takes sales, refunds, returns and postings in; what comes again replaces."""

    def reconcile_returns(self) -> ReconcileReport:
        """Run the reconciliation, and what takes its work away."""
        report = reconcile_returns(self.connection, read_rules(self.rules, "return_steps"), lambda _: None)
        self.connection.execute("delete from raw.touched where kind = 'order_trace'")
        return report

    def told(self) -> list[str]:
        """`class subject amount` of every break."""
        rows = self.connection.execute(
            "select break_class, subject, amount from reconcile.breaks where reconciliation = 'returns' order by all"
        ).fetchall()
        return [f"{code.removeprefix('return_')} {subject} {amount}" for code, subject, amount in rows]

    def verdict(self, order_id: str) -> tuple[object, ...]:
        """Status, and what was given back, came back (units) and is booked."""
        row = self.connection.execute(
            "select status, refunded_amount, returned_quantity, booked_amount from reconcile.returns where order_id = ?",
            [order_id],
        ).fetchone()
        return row or ()

    def touch_return(self, number: str | None) -> None:
        """Say that a return, or what the ERP posted of one, changed."""
        self.connection.execute(
            "insert into raw.touched select 'reconcile', 'return', ? where ? is not null "
            "except select stage, kind, document_id from raw.touched",
            [number, number],
        )

    def _lines(self, row: Mapping[str, str]) -> None:
        self._put("order_lines", ("channel", "order_id", "order_line_no"), row["order"], row.get("channel") or "shopify",
                  row["order"], int(row.get("line") or 1), row.get("sku") or "A", None, Decimal(row["quantity"]),
                  row.get("currency") or "USD", Decimal(row["price"]), Decimal(row.get("discount") or 0), None)  # fmt: skip

    def _returned(self, row: Mapping[str, str]) -> None:
        channel, number = row.get("by") or "shopify", row.get("id") or f"T{self.sequence}"
        self._put("returns", ("channel", "return_id"), row["order"] or None, channel, number, row["order"] or None,
                  instant(row["on"]), day(row["on"]), row.get("at") or "W1", row.get("sku") or "A",
                  Decimal(row.get("quantity") or 1), row.get("what") or "restocked", row.get("currency") or "USD",
                  Decimal(row.get("refund") or 0), None)  # fmt: skip
        self.touch_return(number)

    def _posted(self, row: Mapping[str, str]) -> None:
        self._insert("canonical.stock_movements", f"M{self.sequence}", instant(row["on"]), day(row["on"]), row.get("at") or "W1",
                     row.get("sku") or "A", "return", Decimal(row.get("quantity") or 1), Decimal(5), "USD", row["names"],
                     2, "erp", "D1")  # fmt: skip
        self.touch_return(row["names"])

    def _till(self, row: Mapping[str, str]) -> None:
        """Lines with their tax in `tax`; a return is negative."""
        gross, tax = Decimal(row["amount"]), Decimal(row.get("tax") or 0)
        self._put("pos_sales", ("store", "register", "receipt_id", "receipt_line_no"), row["receipt"], row.get("at") or "S1",
                  row.get("till") or "1", row["receipt"], int(row.get("line") or 1), "sale" if gross >= 0 else "return",
                  instant(row["on"]), day(row["on"]), row.get("sku") or "A", None,
                  Decimal(row.get("quantity") or 1).copy_sign(gross), "USD", gross, tax, gross - tax, Decimal(0))  # fmt: skip


# Another order of each end of the year, refunded and returned at once, and settlements that reach to its end.
OTHERS = {
    "orders": "| order | on | amount |\n| first | 06-01 | 10 |\n| last | 12-20 | 10 |",
    "lines": "| order | quantity | price |\n| first | 1 | 10 |\n| last | 1 | 10 |",
    "payments": """
        | order | on    | kind   | amount |
        | first | 08-01 | refund | -10    |
        | last  | 12-21 | refund | -10    |""",
    "returned": "| order | on | id |\n| first | 08-01 | TF |\n| last | 12-21 | TL |",
    "settled": """
        | in | order | on    | category      | amount |
        | P1 | first | 08-01 | order_refunds | -10    |
        | P9 | last  | 12-21 | order_refunds | -10    |""",
    "settlements": "| id | closes | total |\n| P1 | 08-02 | -10 |\n| P9 | 12-31 | -10 |",
}
# Two mugs at 20.00 and a throw at 50.00 with 9.00 tax and 6.00 shipping: 105.00.
SOLD = {
    "orders": "| order | on | amount |\n| 7 | 10-01 | 105.00 |",
    "lines": "| order | line | sku | quantity | price |\n| 7 | 1 | MUG | 2 | 20.00 |\n| 7 | 2 | THROW | 1 | 50.00 |",
}


def _refund(*payments: tuple[str, str], settled: bool = True) -> dict[str, str]:
    rows = [("7", on, amount) for on, amount in payments]
    given = {
        "payments": "| order | on | kind | amount |\n"
        + "\n".join(f"| {o} | {on} | refund | -{a} |" for o, on, a in rows)
    }
    if settled:
        given["settled"] = "| in | order | on | category | amount |\n" + "\n".join(
            f"| P5 | {o} | {on} | order_refunds | -{a} |" for o, on, a in rows
        )
    return given


THROW_BACK = {"returned": "| order | on | sku | id |\n| 7 | 10-10 | THROW | T1 |"}
ALL_BACK = {
    "returned": "| order | on | sku | quantity | id |\n| 7 | 10-10 | THROW | 1 | T1 |\n| 7 | 10-10 | MUG | 2 | T2 |"
}
CASES: dict[str, tuple[list[dict[str, str]], list[str], str]] = {
    "all of it": ([ALL_BACK, _refund(("10-11", "105.00"))], [], "matched"),
    # 50.00 at least; at most 105.00 less the mugs' 40.00.
    "the throw without its tax": ([THROW_BACK, _refund(("10-11", "50.00"))], [], "matched"),
    "the throw with tax and shipping": ([THROW_BACK, _refund(("10-11", "65.00"))], [], "matched"),
    "too much for the throw": (
        [THROW_BACK, _refund(("10-11", "65.02"))], ["refunded_more shopify 7 0.0200"], "variance",
    ),
    "too little for the throw": (
        [THROW_BACK, _refund(("10-11", "45.00"))], ["refunded_less shopify 7 -5.0000"], "variance",
    ),
    "refunded and nothing came": (
        [_refund(("10-11", "105.00"))], ["refund_without_goods shopify 7 105.0000"], "right_only",
    ),
    "refunded twice, all came": (
        [ALL_BACK, _refund(("10-11", "105.00"), ("10-20", "105.00"))], ["refunded_twice shopify 7 105.0000"], "variance",
    ),
    "the throw refunded twice": (
        [THROW_BACK, _refund(("10-11", "50.00"), ("10-20", "50.00"))], ["refunded_twice shopify 7 50.0000"], "variance",
    ),
    "two equal refunds for two mugs": (
        [{"returned": "| order | on | sku | quantity | id |\n| 7 | 10-10 | MUG | 2 | T1 |"},
         _refund(("10-11", "20.00"), ("10-20", "20.00"))], [], "matched",
    ),
    "more than the order brought, in unequal parts": (
        [ALL_BACK, _refund(("10-11", "105.00"), ("10-20", "30.00"))], ["refunded_more shopify 7 30.0000"], "variance",
    ),
    "the throw twice": (
        [{"returned": "| order | on | sku | id |\n| 7 | 10-10 | THROW | T1 |\n| 7 | 10-12 | THROW | T2 |"},
         _refund(("10-11", "50.00"))], ["goods_more shopify 7 50.0000"], "variance",
    ),
    # Half a cent is no money of this currency: the rest, 4.995, is told as 5.00.
    "less by a part of a cent more": (
        [THROW_BACK, _refund(("10-11", "45.005"))], ["refunded_less shopify 7 -5.0000"], "variance",
    ),
    "less than a mug costs brings nothing back": ([_refund(("10-11", "19.00"))], [], "matched"),
    # The orders tell of the sign; what was paid for it is the measure.
    "goodwill for an order whose total has a minus": (
        [{"orders": "| order | on | amount |\n| 7 | 10-01 | -105.00 |",
          "payments": "| order | on | kind | amount |\n| 7 | 10-01 | charge | 105.00 |"}, _refund(("10-11", "19.00"))],
        [], "matched",
    ),
    "came back and nobody paid": ([ALL_BACK], ["goods_without_refund shopify 7 -90.0000"], "left_only"),
    # The mugs once more: three of two. The third is worth 20.00; 105.00 pay for all that was sold.
    "more mugs than were sold": (
        [{"returned": "| order | on | sku | quantity | id |\n| 7 | 10-10 | THROW | 1 | T1 |\n| 7 | 10-10 | MUG | 3 | T2 |"},
         _refund(("10-11", "105.00"))], ["goods_more shopify 7 20.0000"], "variance",
    ),
    "two systems tell of the same goods": (
        [ALL_BACK, {"returned": "| order | on | sku | id | by | at |\n| 7 | 10-10 | THROW | X1 | shops | S9 |"},
         _refund(("10-11", "105.00"))], ["undetermined shopify 7 goods 50.0000"], "variance",
    ),
    "written off is back too": (
        [{"returned": "| order | on | sku | what | id |\n| 7 | 10-10 | THROW | written_off | T1 |"}, _refund(("10-11", "50.00"))],
        [], "matched",
    ),
    "only the ERP tells that it came": (
        [{"posted": "| on | names | sku |\n| 10-10 | 7 | THROW |"}, _refund(("10-11", "50.00"))], [], "matched",
    ),
    "only the ERP tells, and nobody paid: the inventory tells that": (
        [{"posted": "| on | names | sku |\n| 10-10 | 7 | THROW |"}], [], "not_compared",
    ),
    "given back and in no settlement": (
        [THROW_BACK, _refund(("10-11", "50.00"), settled=False)], ["not_booked shopify 7 -50.0000"], "variance",
    ),
    "given back at the end of the year: the books may still get it": (
        [{"returned": "| order | on | sku | id |\n| 7 | 12-10 | THROW | T1 |"}, _refund(("12-11", "50.00"), settled=False)],
        [], "matched",
    ),
    "refunded at the end of the year: goods may still come": ([_refund(("12-01", "105.00"))], [], "awaiting"),
    "came back at the end of the year: it may still be refunded": (
        [{"returned": "| order | on | sku | id |\n| 7 | 12-15 | THROW | T1 |"}], [], "awaiting",
    ),
    "refunded before the shop told of returns": ([_refund(("08-15", "105.00"))], [], "not_compared"),
    "an unknown article came back: what it is worth is not known": (
        [{"returned": "| order | on | sku | id |\n| 7 | 10-10 | VASE | T1 |"}, _refund(("10-11", "30.00"))],
        ["goods_more shopify 7 None"], "variance",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_of_a_web_order(name: str) -> None:
    """A wrong class or value asks a customer for money or goods that are there, or lets them go."""
    given, expected, status = CASES[name]
    facts = ReturnFacts()
    for tables in (OTHERS, SOLD, *given):
        facts.take(**tables)
    assert facts.reconcile_returns().residual == ()
    assert facts.told() == expected
    assert facts.verdict("7")[0] == status
    before = facts.connection.execute("select * from reconcile.returns order by all").fetchall()
    facts.touch("7")
    assert facts.reconcile_returns().residual == ()
    assert facts.connection.execute("select * from reconcile.returns order by all").fetchall() == before
    for problem in find_breaks(facts.connection, KINDS):
        assert problem.message
        assert problem.remedy


def test_a_part_of_money_for_goods_of_unknown_price_may_be_goodwill() -> None:
    """Two orders of 50.00 whose lines are in no export: 8.00 of one say nothing, all of the other asks for goods."""
    facts = ReturnFacts()
    facts.take(**OTHERS)
    facts.take(
        orders="| order | on | amount |\n| 8 | 10-01 | 50.00 |\n| 9 | 10-01 | 50.00 |",
        payments="| order | on | kind | amount |\n| 8 | 10-11 | refund | -8.00 |\n| 9 | 10-11 | refund | -50.00 |",
        settled="""
            | in | order | on    | category      | amount |
            | P5 | 8     | 10-11 | order_refunds | -8.00  |
            | P5 | 9     | 10-11 | order_refunds | -50.00 |""",
    )
    assert facts.reconcile_returns().residual == ()
    assert facts.told() == ["refund_without_goods shopify 9 50.0000"]
    assert facts.verdict("8")[0] == "not_compared"


def test_a_channel_that_never_shows_goods_lacks_none() -> None:
    """A shop without returns exports, of which others were refunded all year."""
    facts = ReturnFacts()
    facts.take(**{name: text for name, text in OTHERS.items() if name != "returned"})
    facts.take(**SOLD, **_refund(("10-11", "105.00")))
    facts.reconcile_returns()
    assert (facts.told(), facts.verdict("7")[0]) == ([], "not_compared")


# A marketplace order of one lamp: 40.00 and 4.00 tax, known by its settlement alone; refunds are lines of settlements.
LAMP = {
    "settled": """
        | channel | in | order | on    | category      | sku  | quantity | amount |
        | amazon  | S1 | A-1   | 10-01 | product_sales | LAMP | 1        | 40.00  |
        | amazon  | S1 | A-1   | 10-01 | tax_collected | LAMP |          | 4.00   |""",
    "settlements": """
        | id | channel | closes | total |
        | S0 | amazon  | 06-10  | 0     |
        | S1 | amazon  | 10-10  | 44.00 |
        | S9 | amazon  | 12-31  | 0     |""",
    "shipped": "| channel | order | on | sku |\n| amazon | A-1 | 10-01 | LAMP |",
    # The till has been open all year.
    "till": "| receipt | on | amount |\n| R1 | 06-01 | 5.00 |\n| R2 | 12-31 | 5.00 |",
}
BY_AMAZON = {
    "settled": """
        | channel | in | order | on    | category        | amount |
        | amazon  | S2 | A-1   | 10-12 | product_refunds | -40.00 |
        | amazon  | S2 | A-1   | 10-12 | tax_refunded    | -4.00  |"""
}
IN_STORE = {"returned": "| by | order | on | sku | id | at | refund |\n| S1 | A-1 | 10-09 | LAMP | R9 | S1 | {} |"}
AT_TILL = {"till": "| receipt | on | sku | amount | tax |\n| R9 | 10-09 | LAMP | -44.00 | -4.00 |"}
IN_A_STORE: dict[str, tuple[list[dict[str, str]], str, list[str], tuple[object, ...]]] = {
    "the store takes the goods, the marketplace gives the money back": (
        [BY_AMAZON], "0", [], ("matched", 44, 1, 44),
    ),
    "the store does both, at its till": ([AT_TILL], "44.00", [], ("matched", 44, 1, 44)),
    "both give money back": ([AT_TILL, BY_AMAZON], "44.00", ["refunded_twice amazon A-1 44.0000"], ("variance", 88, 1, 88)),
    "the store's return states 44.00 and the marketplace gave them: one refund or two": (
        [BY_AMAZON], "44.00", ["undetermined amazon A-1 44.0000"], ("undetermined", 88, 1, 44),
    ),
    "the store says it gave money back, and its till does not": (
        [], "44.00", ["not_booked amazon A-1 -44.0000"], ("variance", 44, 1, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_A_STORE)
def test_a_marketplace_order_returned_in_a_store(name: str) -> None:
    """It stands under the marketplace, once, whoever took it; the till's receipt is no second row."""
    given, refund, expected, verdict = IN_A_STORE[name]
    facts = ReturnFacts()
    facts.take(**LAMP)
    for tables in ({"returned": IN_STORE["returned"].format(refund)}, *given):
        facts.take(**tables)
    assert facts.reconcile_returns().residual == ()
    assert (facts.told(), facts.verdict("A-1")) == (expected, verdict)
    rows = facts.connection.execute(
        "select order_id, is_elsewhere, returned_to_places from reconcile.returns"
    ).fetchall()
    assert rows == [("A-1", True, "S1")]


def test_a_web_order_returned_in_a_store() -> None:
    """The throw comes back to S1 and the shop refunds it: matched, and named. One such return says nothing of others."""
    facts = ReturnFacts()
    facts.take(**{name: text for name, text in OTHERS.items() if name != "returned"})
    facts.take(**SOLD, **_refund(("10-11", "50.00")))
    facts.take(returned="| by | order | on | sku | id | at |\n| S1 | 7 | 10-10 | THROW | R9 | S1 |",
               till="| receipt | on | amount |\n| R1 | 06-01 | 5.00 |")  # fmt: skip
    assert facts.reconcile_returns().residual == ()
    assert (facts.told(), facts.verdict("7")) == ([], ("matched", 50, 1, 50))
    assert facts.verdict("first")[0] == "not_compared"


def test_a_return_receipt_that_names_no_sale_stands_by_itself() -> None:
    """The till gives back what its lines say; the ERP's posting is shown beside it, and a missing one is the inventory's."""
    facts = ReturnFacts()
    facts.take(
        till="""
            | receipt | line | on    | sku  | amount | tax   |
            | R9      | 1    | 10-09 | LAMP | -44.00 | -4.00 |
            | R9      | 2    | 10-09 | MUG  | 20.00  | 0     |""",
        posted="| on | names | sku | at |\n| 10-09 | R9 | LAMP | S1 |",
    )
    assert facts.reconcile_returns().residual == ()
    assert (facts.told(), facts.verdict("R9")) == ([], ("matched", 44, 1, 44))
    row = facts.connection.execute(
        "select kind, channel, posted_quantity, goods_amount, goods_total from reconcile.returns"
    ).fetchone()
    assert row == ("receipt", "S1", 1, 40, 44)


def test_a_return_without_a_known_order_is_undetermined() -> None:
    """Without a number it names whose goods are awaited; with an unknown one both reasons. None is chosen."""
    facts = ReturnFacts()
    facts.take(**OTHERS)
    facts.take(**SOLD, **_refund(("10-11", "105.00")))
    facts.take(
        returned="| order | on | sku | id | refund |\n| | 10-15 | MUG | T8 | 20.00 |\n| 404 | 10-15 | MUG | T9 | 0 |"
    )
    assert facts.reconcile_returns().residual == ()
    assert facts.told() == [
        "refund_without_goods shopify 7 105.0000",
        "undetermined shopify 404 0.0000",
        "undetermined shopify T8 20.0000",
    ]
    words = {problem.subject: problem.message for problem in find_breaks(facts.connection, KINDS)}
    assert "It may be of shopify 7, whose goods have not come back, or of another sale" in words["shopify T8"]
    assert "its number is wrong, or the export with the sale is missing" in words["shopify 404"]


def test_refunds_in_two_currencies_are_not_added() -> None:
    """50.00 USD and 40.00 EUR for one order: what the goods are worth in each cannot be told."""
    facts = ReturnFacts()
    facts.take(**OTHERS)
    facts.take(**SOLD, **THROW_BACK)
    facts.take(payments="""
        | order | on    | kind   | amount | currency |
        | 7     | 10-11 | refund | -50.00 | USD      |
        | 7     | 10-12 | refund | -40.00 | EUR      |""")  # fmt: skip
    assert facts.reconcile_returns().residual == ()
    assert facts.told() == ["undetermined shopify 7 EUR 40.0000", "undetermined shopify 7 USD 50.0000"]


def test_a_rule_for_a_channel_holds_before_that_for_all(tmp_path: Path) -> None:
    """With 90 days to send goods back, those of October are awaited until January."""
    facts = ReturnFacts(
        own_rules(tmp_path / "rules", "return_steps", {"step": "goods", "channel": "*"}, days_after="90")
    )
    facts.take(**OTHERS)
    facts.take(**SOLD, **_refund(("10-11", "105.00")))
    facts.reconcile_returns()
    assert facts.told() == []


def test_a_wrong_rule_is_named(tmp_path: Path) -> None:
    """Nothing is judged by a guess at what it meant."""
    facts = ReturnFacts(
        own_rules(tmp_path / "rules", "return_steps", {"step": "goods", "channel": "*"}, days_after="soon")
    )
    facts.take(**OTHERS)
    with pytest.raises(RulesError, match=r"return_steps\.csv, goods of \*: days_after cannot be 'soon'"):
        facts.reconcile_returns()


def _steps() -> list[dict[str, str]]:
    """Everything above that may meet in one warehouse, row by row."""
    wholes = [OTHERS, SOLD, THROW_BACK, _refund(("10-11", "50.00"), ("10-20", "50.00")), LAMP, AT_TILL, BY_AMAZON,
              {"returned": IN_STORE["returned"].format("44.00")},
              {"returned": "| order | on | sku | id | refund |\n| | 10-15 | MUG | T8 | 20.00 |\n| 404 | 10-15 | MUG | T9 | 0 |"},
              {"posted": "| on | names | sku |\n| 10-10 | T1 | THROW |"}]  # fmt: skip
    return [{name: text} for whole in wholes for name, text in whole.items()]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_the_order_and_grouping_of_what_arrives_do_not_matter(seed: int) -> None:
    """Hourly runs over pieces end where one run over all ends."""
    rng, steps = random.Random(seed), _steps()  # noqa: S311
    whole, hourly = ReturnFacts(), ReturnFacts()
    for step in steps:
        whole.take(**step)
    whole.reconcile_returns()
    for step in rng.sample(steps, len(steps)):
        hourly.take(**step)
        assert hourly.reconcile_returns().residual == ()
    assert whole.told()
    for table in ("returns", "breaks"):
        query = f"select * from reconcile.{table} order by all"
        assert hourly.connection.execute(query).fetchall() == whole.connection.execute(query).fetchall()


_AMOUNT = st.integers(1, 12_000).map(lambda cents: Decimal(cents) / 100)


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(
    refunds=st.lists(st.tuples(st.sampled_from(["10-11", "10-20", "12-01"]), _AMOUNT), max_size=3),
    mugs=st.integers(0, 3),
    stated=st.lists(_AMOUNT, max_size=1),
    booked=st.booleans(),
)
def test_no_money_is_lost(refunds: list[tuple[str, Decimal]], mugs: int, stated: list[Decimal], booked: bool) -> None:  # noqa: FBT001
    """Given back less due is what the breaks sum to, whatever happened; what was given back is the sum of its payments."""
    facts = ReturnFacts()
    facts.take(**OTHERS)
    facts.take(**SOLD)
    if refunds:
        facts.take(**_refund(*((on, str(amount)) for on, amount in refunds), settled=booked))
    if mugs:
        facts.take(returned=f"| order | on | sku | quantity | id |\n| 7 | 10-10 | MUG | {mugs} | T1 |")
    for amount in stated:
        facts.take(returned=f"| by | order | on | sku | id | refund |\n| S1 | 7 | 10-10 | THROW | R9 | {amount} |")
    assert facts.reconcile_returns().residual == ()
    given_back = sum((amount for _, amount in refunds), Decimal(0)) + sum(stated, Decimal(0))
    found = facts.verdict("7")
    assert (found[1] if found else 0) == given_back
