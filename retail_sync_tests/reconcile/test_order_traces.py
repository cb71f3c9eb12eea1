"""The story of an order or receipt: its steps, to whom money belongs, how long it took, and what is missing by now."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync.core.errors import RulesError
from retail_sync_tests.reconcile.facts import day, instant, own_rules, pipe_table
from retail_sync_tests.reconcile.trace_facts import Row, TraceFacts

# One web order that is sold and partly given back: 118.80 less 3.75 fee, and 20.00 back. The payout closes on the 6th.
ORDER = {
    "orders": "| order | on | amount |\n| 5001 | 10-01T10:00 | 118.80 |",
    "lines": "| order | line | quantity |\n| 5001 | 1 | 2 |\n| 5001 | 2 | 1 |",
    "payments": """
        | order | on          | kind   | amount | fee  |
        | 5001  | 10-01T10:30 | charge | 118.80 | 3.75 |
        | 5001  | 10-05T09:00 | refund | -20.00 |      |""",
    "shipped": "| order | on |\n| 5001 | 10-02T10:30 |\n| 5001 | 10-03T08:00 |",
    "settled": """
        | in | order | on          | category      | amount |
        | P1 | 5001  | 10-01T10:30 | order_payments | 118.80 |
        | P1 | 5001  | 10-01T10:30 | payment_fee    | -3.75  |
        | P2 | 5001  | 10-05T09:00 | order_refunds  | -20.00 |""",
    "settlements": "| id | closes | total |\n| P1 | 10-06 | 115.05 |\n| P2 | 10-08 | -20.00 |",
}


def test_the_story_of_a_web_order() -> None:
    """Every step once, worked by hand from the rows above; the bank shows the payout a day after it closed."""
    facts = TraceFacts()
    facts.take(**ORDER)
    facts.arrive(bank="| date | amount | reference |\n| 10-07 | 115.05 | SHOPIFY PAYOUT |")
    facts.trace()
    assert facts.only("5001") == {
        "kind": "order", "channel": "shopify", "register": "", "order_id": "5001",
        "ordered_on": day("10-01"), "ordered_at": instant("10-01T10:00"), "line_count": 2,
        "order_currency": "USD", "ordered_amount": Decimal("118.80"), "currency": "USD",
        "first_paid_at": instant("10-01T10:30"), "last_paid_at": instant("10-01T10:30"), "payment_count": 1,
        "paid_amount": Decimal("118.80"), "card_amount": None,
        "shipped_on": day("10-02"), "first_shipped_at": instant("10-02T10:30"), "last_shipped_at": instant("10-03T08:00"),
        "shipment_count": 2,
        "first_posted_at": instant("10-01T10:30"), "last_posted_at": instant("10-05T09:00"), "settlement_count": 2,
        "first_settlement_id": "P1", "last_settlement_id": "P2", "settled_amount": Decimal("95.05"),
        "first_refunded_at": instant("10-05T09:00"), "last_refunded_at": instant("10-05T09:00"),
        "refunded_amount": Decimal("-20.00"),
        "first_returned_at": None, "last_returned_at": None, "returned_quantity": None,
        "settled_on": day("10-06"), "deposited_on": day("10-07"), "last_deposited_on": None,
        # 10:00 to 10:30; a whole day; from the 2nd to the 6th; a day; from the 1st to the 7th.
        "order_to_payment_hours": Decimal("0.50"), "payment_to_shipment_hours": Decimal("24.00"),
        "shipment_to_settlement_days": 4, "settlement_to_deposit_days": 1, "order_to_deposit_days": 6,
        "missing": "",
    }  # fmt: skip


def test_the_story_of_a_receipt() -> None:
    """The till's tender is the payment; the processor's payment and payout of it belong to the receipt, not to a second story."""
    facts = TraceFacts()
    facts.take(
        till="| receipt | line | on | amount |\n| R1 | 1 | 10-01 | 30.00 |\n| R1 | 2 | 10-01 | 12.00 |",
        tenders="| receipt | no | on | tender | amount |\n| R1 | 1 | 10-01 | card | 40.00 |\n| R1 | 2 | 10-01 | cash | 2.00 |",
        payments="| channel | order | on | amount | fee |\n| square | R1 | 10-01 | 40.00 | 1.08 |",
        settled="""
            | channel | in  | order | on    | category     | amount |
            | square  | SQ1 | R1    | 10-01 | card_payment | 40.00  |
            | square  | SQ1 | R1    | 10-01 | payment_fee  | -1.08  |""",
        settlements="| id | channel | closes | total |\n| SQ1 | square | 10-03 | 38.92 |",
    )
    facts.trace()
    found = facts.only("R1")
    assert (found["kind"], found["channel"], found["register"]) == ("receipt", "S1", "1")
    assert (found["ordered_amount"], found["paid_amount"], found["card_amount"]) == (42, 42, 40)
    assert (found["payment_count"], found["line_count"], found["settled_amount"]) == (2, 2, Decimal("38.92"))
    assert (found["settled_on"], found["deposited_on"]) == (day("10-03"), None)


# What else there is of the number | to whom a payment, or a return, that names it belongs.
OWNERS = {
    "nothing else": ({}, {}, ("order", "square", "")),
    "one receipt": ({"till": "| receipt | on | amount |\n| 7 | 10-01 | 5 |"}, {}, ("receipt", "S1", "1")),
    "a receipt of two tills": (
        {"till": "| receipt | till | on | amount |\n| 7 | 1 | 10-01 | 5 |\n| 7 | 2 | 10-01 | 6 |"},
        {},
        ("order", "square", ""),
    ),
    "an order of a shop that this processor serves": (
        {"orders": "| order | on | amount |\n| 7 | 10-01 | 5 |"},
        {},
        ("order", "shopify", ""),
    ),
    "an order of a shop and a receipt": (
        {
            "orders": "| order | on | amount |\n| 7 | 10-01 | 5 |",
            "till": "| receipt | on | amount |\n| 7 | 10-01 | 5 |",
        },
        {},
        ("order", "square", ""),
    ),
    "an order of a shop, while the channel sells itself": (
        {"orders": "| order | on | amount |\n| 7 | 10-01 | 5 |"},
        {"shipped": "| channel | order | on |\n| square | 8 | 10-01 |"},
        ("order", "square", ""),
    ),
    "its own order and a receipt": (
        {
            "orders": "| channel | order | on | amount |\n| square | 7 | 10-01 | 5 |",
            "till": "| receipt | on | amount |\n| 7 | 10-01 | 5 |",
        },
        {},
        ("order", "square", ""),
    ),
}


@pytest.mark.parametrize("case", OWNERS)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_to_whom_money_belongs(case: str, order: tuple[int, ...]) -> None:
    """Never to one of several; and whatever came first."""
    named, others, owner = OWNERS[case]
    parts = [named, others, {"payments": "| channel | order | on | amount |\n| square | 7 | 10-01 | 5 |"}]
    facts = TraceFacts()
    for place in order:
        facts.take(**parts[place])
        facts.trace()
    paid = {
        (row["kind"], row["channel"], row["register"])
        for row in facts.traces()
        if row["order_id"] == "7" and (row["payment_count"] or row["currency"])
    }
    assert paid == {owner}


def test_a_return_elsewhere_belongs_to_the_only_order_of_that_number() -> None:
    """A marketplace order that is returned in a store, by a channel that sells as well."""
    facts = TraceFacts()
    facts.take(
        orders="| channel | order | on | amount |\n| amazon | A1 | 10-01 | 50 |\n| stores | 9 | 10-01 | 5 |",
        returned="| channel | order | on | quantity | refund |\n| stores | A1 | 10-09 | 2 | 50.00 |\n| stores | | 10-09 | 1 | 5 |",
    )
    facts.trace()
    found = facts.only("A1")
    assert (found["channel"], found["returned_quantity"], found["refunded_amount"]) == ("amazon", 2, -50)
    assert found["first_returned_at"] == found["first_refunded_at"] == instant("10-09")
    assert len(facts.traces()) == 2


def test_amounts_of_several_currencies_are_not_summed() -> None:
    """The customer's currency has a column of its own; payments in two currencies have no sum."""
    facts = TraceFacts()
    facts.take(
        orders="| order | on | amount | currency |\n| 1 | 10-01 | 80 | CAD |\n| 2 | 10-01 | 80 | CAD |",
        payments="""
            | order | on    | amount | currency |
            | 1     | 10-01 | 60     | USD      |
            | 2     | 10-01 | 30     | USD      |
            | 2     | 10-01 | 40     | CAD      |""",
    )
    facts.trace()
    rows = {row["order_id"]: (row["ordered_amount"], row["order_currency"], row["paid_amount"], row["currency"])
            for row in facts.traces()}  # fmt: skip
    assert rows == {"1": (80, "CAD", 60, "USD"), "2": (80, "CAD", None, None)}


def test_money_back_is_told_by_settlement_lines_where_no_payment_tells_it() -> None:
    """A marketplace: price, tax and shipping given back count, what it gives back of its fees does not."""
    facts = TraceFacts()
    facts.take(
        settled="""
        | channel | in | order | on    | category             | amount |
        | amazon  | S1 | A1    | 10-01 | product_sales        | 100.00 |
        | amazon  | S1 | A1    | 10-05 | product_refunds      | -90.00 |
        | amazon  | S1 | A1    | 10-05 | tax_refunded         | -9.00  |
        | amazon  | S1 | A1    | 10-05 | referral_fee_refunded | 13.50 |"""
    )
    facts.trace()
    found = facts.only("A1")
    assert (found["refunded_amount"], found["settled_amount"]) == (-99, Decimal("14.50"))
    assert (found["first_posted_at"], found["first_refunded_at"]) == (instant("10-01"), instant("10-05"))
    assert found["settled_on"] is None


# ---- What is missing by now --------------------------------------------------------------------

# Others show every step of the channel from 1 to 31 October. Rules: payment 3 days, shipment 7, settlement 7.
OTHERS = {
    "orders": "| order | on | amount |\n| first | 10-01 | 9 |\n| last | 10-31 | 9 |",
    "payments": "| order | on | amount |\n| first | 10-01 | 9 |\n| last | 10-31 | 9 |",
    "shipped": "| order | on |\n| first | 10-01 |\n| last | 10-31 |",
    "settled": "| in | order | on | amount |\n| P1 | first | 10-01 | 9 |\n| P9 | last | 10-31 | 9 |",
}
MISSING = """
    | case                                 | paid  | shipped | settled | back  | missing              |
    | everything is there                  | 10-10 | 10-11   | 10-10   |       |                      |
    | nothing but the order                |       |         |         |       |                      |
    | sent and nobody paid                 |       | 10-11   |         |       | payment              |
    | sent, and payments reach to the 31st |       | 10-28   |         |       | payment              |
    | sent, and nobody can know yet        |       | 10-29   |         |       |                      |
    | sent before payments were shown      |       | 10-03   |         |       |                      |
    | paid and not sent                    | 10-24 |         | 10-24   |       | shipment             |
    | paid and may yet be sent             | 10-25 |         | 10-25   |       |                      |
    | paid, given back, never sent         | 10-10 |         | 10-10   | 10-12 |                      |
    | paid, sent and in no payout          | 10-10 | 10-11   |         |       | settlement           |
    | paid, and in no payout yet           | 10-10 | 10-25   |         |       |                      |
    | paid, not sent, in no payout         | 10-10 |         |         |       | shipment, settlement |
"""


def test_a_step_is_missing_where_others_show_it() -> None:
    """Named when the channel shows the step for earlier and later orders, beyond the days of the rule; not a day before."""
    facts = TraceFacts()
    facts.take(**OTHERS)
    for row in pipe_table(MISSING):
        case = row["case"]
        ordered = "10-01" if case.startswith("sent before") else "10-09"
        facts.take(orders=f"| order | on | amount |\n| {case} | {ordered} | 9 |")
        if row["paid"]:
            facts.take(payments=f"| order | on | amount |\n| {case} | {row['paid']} | 9 |")
        if row["shipped"]:
            facts.take(shipped=f"| order | on |\n| {case} | {row['shipped']} |")
        if row["settled"]:
            facts.take(settled=f"| in | order | on | amount |\n| P2 | {case} | {row['settled']} | 9 |")
        if row["back"]:
            facts.take(payments=f"| order | on | kind | amount |\n| {case} | {row['back']} | refund | -9 |")
    facts.trace()
    found = {row["order_id"]: row["missing"] for row in facts.traces() if row["order_id"] not in ("first", "last")}
    assert found == {row["case"]: row["missing"] for row in pipe_table(MISSING)}


@pytest.mark.parametrize("step", ["payments", "shipped", "settled"])
def test_a_step_that_a_channel_never_shows_is_never_missing(step: str) -> None:
    """Amazon delivers no payments, many a shop no shipments: their orders lack nothing."""
    facts = TraceFacts()
    facts.take(**{name: text for name, text in OTHERS.items() if name != step})
    names = {"payments": ("shipped", "settled"), "shipped": ("payments", "settled"), "settled": ("payments", "shipped")}
    rows = {
        "payments": "| order | on | amount |\n| X | 10-10 | 9 |",
        "shipped": "| order | on |\n| X | 10-11 |",
        "settled": "| in | order | on | amount |\n| P2 | X | 10-10 | 9 |",
    }
    facts.take(orders="| order | on | amount |\n| X | 10-09 | 9 |", **{name: rows[name] for name in names[step]})
    facts.trace()
    assert facts.only("X")["missing"] == ""


def test_what_one_country_shows_says_nothing_of_another() -> None:
    """Shipments of the dollar orders only: the orders in euro have no missing shipment."""
    facts = TraceFacts()
    facts.take(**OTHERS)
    facts.take(
        orders="| order | on | amount | currency |\n| E | 10-09 | 9 | EUR |",
        payments="| order | on | amount | currency |\n| E | 10-10 | 9 | EUR |",
    )
    facts.trace()
    assert facts.only("E")["missing"] == ""


def test_later_orders_show_that_a_step_is_missing_of_an_order_nobody_touched() -> None:
    """The order's own rows came long ago; only the reach of the others has grown."""
    facts = TraceFacts()
    facts.take(
        orders="| order | on | amount |\n| first | 10-01 | 9 |\n| X | 10-09 | 9 |",
        payments="| order | on | amount |\n| first | 10-01 | 9 |\n| X | 10-10 | 9 |",
        shipped="| order | on |\n| first | 10-01 |",
    )
    facts.trace()
    assert facts.only("X")["missing"] == ""
    facts.take(
        orders="| order | on | amount |\n| last | 10-17 | 9 |",
        payments="| order | on | amount |\n| last | 10-17 | 9 |",
        shipped="| order | on |\n| last | 10-17 |",
    )
    facts.trace()
    assert facts.only("X")["missing"] == "shipment"
    facts.take(shipped="| order | on |\n| X | 10-18 |")
    facts.trace()
    assert facts.only("X")["missing"] == ""


def test_receipts_lack_a_tender_or_a_payout_of_their_card() -> None:
    """Cash awaits no payout; a return that was given back lacks no tender."""
    receipts = ["first", "last", "untendered", "card", "cash", "back"]
    days = dict(zip(receipts, ["10-01", "10-31", "10-12", "10-12", "10-12", "10-12"], strict=True))
    sold = "\n".join(f"| {name} | {on} | {'-9' if name == 'back' else '9'} |" for name, on in days.items())
    tendered = "\n".join(
        f"| {name} | {on} | {'cash' if name == 'cash' else 'card'} | {'-9' if name == 'back' else '9'} |"
        for name, on in days.items()
        if name != "untendered"
    )
    facts = TraceFacts()
    facts.take(
        till=f"| receipt | on | amount |\n{sold}",
        tenders=f"| receipt | on | tender | amount |\n{tendered}",
        payments="| channel | order | on | amount |\n| square | first | 10-01 | 9 |\n| square | back | 10-12 | -9 |",
        settled="| channel | in | order | on | amount |\n| square | Q1 | first | 10-01 | 9 |\n| square | Q9 | last | 10-31 | 9 |",
    )
    facts.trace()
    assert {row["order_id"]: row["missing"] for row in facts.traces() if row["missing"]} == {
        "untendered": "payment",
        "card": "settlement",
        "back": "settlement",
    }


def test_the_days_are_governed(tmp_path: Path) -> None:
    """A shop that makes to order waits longer for its goods: its own rule holds before the rule of all."""
    facts = TraceFacts(own_rules(tmp_path / "rules", "order_steps", {"step": "shipment"}, channel="*", days_after="7"))
    facts.take(**OTHERS)
    facts.take(
        orders="| order | on | amount |\n| X | 10-15 | 9 |",
        payments="| order | on | amount |\n| X | 10-15 | 9 |",
        settled="| in | order | on | amount |\n| P2 | X | 10-15 | 9 |",
    )
    facts.trace()
    assert facts.only("X")["missing"] == "shipment"
    path = tmp_path / "rules" / "order_steps.csv"
    path.write_text(path.read_text(encoding="utf-8") + "shipment,shopify,20,operations,controller\n", encoding="utf-8")
    facts.trace()
    assert facts.only("X")["missing"] == ""


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"days_after": "soon"}, "days_after cannot be 'soon'"),
        ({"days_after": "-1"}, "days_after cannot be '-1'"),
        ({"channel": "shopify"}, "no rule for shipment of all channels"),
        ({"step": "payment"}, "no rule for shipment"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(tmp_path: Path, cells: dict[str, str], words: str) -> None:
    """A typing error must not become a rule that nobody approved."""
    facts = TraceFacts(own_rules(tmp_path / "rules", "order_steps", {"step": "shipment"}, **cells))
    facts.take(**OTHERS)
    with pytest.raises(RulesError, match=words):
        facts.trace()


# ---- Deposits ----------------------------------------------------------------------------------


def test_a_payout_that_failed_twice_came_with_the_third() -> None:
    """As in test_chain_verdicts: the order of the first settlement has its money when the third is paid."""
    facts = TraceFacts()
    facts.arrive("""
        | id       | ends  | total  | lines                                      |
        | 31000001 | 10-14 | 100.00 | sales 100.00                               |
        | 31000002 | 10-28 | 150.00 | failed_transfer 100.00 @10-18, sales 50.00 |
        | 31000003 | 11-11 | 180.00 | failed_transfer 150.00 @11-02, sales 30.00 |""")
    facts.connection.execute(
        "update canonical.settlement_lines set order_id = 'A' || right(settlement_id, 1) where category = 'product_sales'"
    )
    for number in ("A1", "A2", "A3"):
        facts.touch(number)
    facts.trace()
    assert [row["deposited_on"] for row in facts.traces()] == [None] * 3
    facts.arrive(bank="| date | amount |\n| 11-13 | 180.00 |")
    facts.trace()
    assert [row["deposited_on"] for row in facts.traces()] == [date(2026, 11, 13)] * 3
    # Closed on 14 October, paid on 13 November.
    assert facts.only("A1")["settlement_to_deposit_days"] == 30


def test_a_deposit_is_missing_when_it_is_overdue() -> None:
    """Nothing of the order was touched: the bank statement has grown beyond the window of its payout."""
    facts = TraceFacts()
    facts.arrive(
        "| id | ends | total | lines |\n| 31000001 | 10-14 | 100.00 | sales 100.00 |",
        "| date | amount |\n| 10-01 | -5 |",
    )
    facts.connection.execute("update canonical.settlement_lines set order_id = 'A1'")
    facts.touch("A1")
    facts.trace()
    assert facts.only("A1")["missing"] == ""
    facts.arrive(bank="| id | date | amount |\n| B9 | 12-20 | -5 |")
    assert facts.trace() == 0
    assert facts.only("A1")["missing"] == "deposit"


# ---- Order, grouping, repetition ---------------------------------------------------------------

PIECES = [
    *({name: text} for name, text in ORDER.items()),
    *({name: text} for name, text in OTHERS.items()),
    {"till": "| receipt | on | amount |\n| 5001 | 10-09 | 9 |\n| R2 | 10-09 | 4 |"},
    {"tenders": "| receipt | on | amount |\n| R2 | 10-09 | 4 |"},
    {
        "payments": "| channel | id | order | on | amount |\n| square | q1 | R2 | 10-09 | 4 |\n| square | q2 | 5001 | 10-09 | 9 |"
    },
    {
        "settled": "| channel | in | order | on | amount |\n| square | Q1 | R2 | 10-09 | 4 |\n| square | Q1 | 5001 | 10-09 | 9 |"
    },
    {"returned": "| channel | order | on | refund |\n| S1 | 5001 | 10-12 | 7 |\n| S1 | first | 10-12 | 2 |"},
    {"shipped": "| channel | id | order | on |\n| square | s1 | 77 | 10-20 |"},
]


@pytest.fixture(scope="module")
def whole() -> list[Row]:
    """The traces of everything at once."""
    facts = TraceFacts()
    for piece in PIECES:
        facts.take(**piece)
    facts.trace()
    return facts.traces()


@pytest.mark.parametrize("seed", range(4))
def test_order_and_grouping_of_arrival_do_not_matter(whole: list[Row], seed: int) -> None:
    """After any groups in any order, with repeats, the traces are those of one load; a run without news writes nothing."""
    random_order = random.Random(seed)
    pieces = random_order.sample(PIECES, len(PIECES))
    facts = TraceFacts()
    while pieces:
        group, pieces = pieces[: (size := random_order.randint(2, 6))], pieces[size:]
        for piece in group:
            facts.take(**piece)
        facts.trace()
    assert facts.traces() == whole
    for row in facts.traces():
        facts.touch(row["order_id"])
    facts.trace()
    assert facts.traces() == whole
    assert facts.trace() == 0


def test_a_payment_that_moves_to_another_order_leaves_the_first() -> None:
    """A corrected export: both stories are told anew, and an order that nothing names any more is gone."""
    facts = TraceFacts()
    facts.take(payments="| id | order | on | amount |\n| p1 | 1 | 10-01 | 9 |\n| p2 | 2 | 10-01 | 5 |")
    facts.trace()
    facts.take(payments="| id | order | on | amount |\n| p1 | 2 | 10-01 | 9 |")
    facts.trace()
    assert [(row["order_id"], row["paid_amount"]) for row in facts.traces()] == [("2", 14)]
