"""Card tenders × what the processor reports: nothing it reports of a store's receipts is dropped, and one cause is told once.

In every table the receipts A, B and C of 10-14 are of 100.00, 60.00 and 40.00 unless it says otherwise.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retail_sync_tests.reconcile.till_facts import REACH, Row, TillFacts

SOLD = "| receipt | amount |\n| A | 100.00 |\n| B | 60.00 |\n| C | 40.00 |"


def facts(tendered: str, paid: str, sold: str = SOLD, **more: str) -> TillFacts:
    """The store day compared; the residual proof holds."""
    made = TillFacts().take(sold=sold, paid=REACH)
    made.take(tendered=f"| receipt | kind | amount |\n{tendered}", paid=f"| receipt | amount |\n{paid}", **more)
    assert made.compare().residual == ()
    return made


def row(left: str, right: str, explained: str, status: str) -> set[Row]:
    """The one comparison of S1 on 10-14."""
    sides = [Decimal(text) if text else None for text in (left, right)]
    return {("S1", "10-14", sides[0], sides[1], Decimal(explained), status)}


ALL_PAID = "| A | 100.00 |\n| B | 60.00 |\n| C | 40.00 |"
CASES = [
    pytest.param(
        "| A | card | 100 |\n| B | cash | 60 |\n| C | card | 40 |", "| A | 100 |\n| C | 40 |",
        row("140", "140", "0", "matched"), {}, id="all agree",
    ),
    pytest.param(
        "| B | cash | 60 |\n| C | card | 40 |", "| A | 100 |\n| C | 40 |",
        row("40", "140", "100", "explained_by_tenders"), {"tenders_differ": -10000}, id="a card tender is missing",
    ),
    pytest.param(
        "| B | cash | 60 |\n| C | gift_card | 30 |", "| A | 100 |\n| C | 10 |",
        row("", "110", "110", "explained_by_tenders"), {"tenders_differ": -11000},
        id="and part of another receipt's tenders: no card tender is left",
    ),
    pytest.param(
        "", "| A | 100 |\n| C | 40 |",
        row("", "140", "140", "explained_by_tenders"), {"tenders_missing": -20000}, id="no tender came at all",
    ),
    pytest.param(
        "| B | card | 60 |\n| C | card | 40 |", "| B | 60 |\n| C | 40 |",
        row("100", "100", "0", "matched"), {"tenders_differ": -10000}, id="a tender is missing that was not by card",
    ),
    pytest.param(
        "| B | cash | 60 |\n| C | card | 40 |", "| A | 170 |\n| C | 40 |",
        row("40", "210", "0", "variance"), {"tenders_differ": -10000, "card_payments_differ": 17000},
        id="more was taken by card than the receipt lacks",
    ),
    pytest.param(
        "| B | card | 60 |\n| C | card | 40 |", "| A | 100 |\n| C | 40 |",
        row("100", "140", "100", "variance"), {"tenders_differ": -10000, "card_payments_differ": -6000},
        id="one tender is missing and one payment: each is told with its own amount",
    ),
    pytest.param(
        "| B | card | 60 |\n| C | card | 40 |", "| A | 60 |\n| C | 40 |",
        row("100", "100", "60", "variance"), {"tenders_differ": -10000, "card_payments_differ": -6000},
        id="the two cancel: neither is lost",
    ),
    pytest.param(
        "| A | cash | 100 |\n| B | card | 60 |\n| C | card | 40 |", "| A | 100 |\n| B | 60 |\n| C | 40 |",
        row("100", "200", "0", "variance"), {"card_payments_differ": 10000}, id="rung up as cash, taken by card",
    ),
    pytest.param(
        "| A | cash | 100 |\n| B | cash | 60 |\n| C | cash | 40 |", "| B | 60 |",
        row("", "60", "0", "right_only"), {"card_payments_differ": 6000}, id="the till knows of no card at all",
    ),
    pytest.param(
        "| A | card | 100 |\n| B | card | 60 |\n| C | cash | 40 |", "| Z | 7 |\n| A | 100 |\n| B | 60 |",
        row("160", "160", "0", "matched"), {}, id="a payment of another system's order is no receipt's",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("tendered", "paid", "said", "breaks"), CASES)
def test_card_tenders_and_payments(tendered: str, paid: str, said: set[Row], breaks: dict[str, int]) -> None:
    """The row, and every break with its value: what a missing tender explains is not told a second time."""
    made = facts(tendered, paid)
    assert made.cards() == said
    assert {code: problem.amount_minor for code, problem in made.told().items()} == breaks


def test_a_refund_without_a_tender_is_explained_too() -> None:
    """60.00 were given back by card; the till exported the receipt without it."""
    made = facts("| A | card | 100 |", "| A | 100 |\n| R | -60 |", "| receipt | amount |\n| A | 100 |\n| R | -60 |")
    assert made.cards() == row("100", "40", "-60", "explained_by_tenders")
    assert made.told()["tenders_differ"].message == (
        "Receipts and tenders of store S1 2026-10-14 T1 differ: the tenders are 60.00 USD more: receipt R has no tender; the "
        "processor reports a card refund of 60.00 USD for it. Its day is held."
    )


def test_what_is_not_reported_yet_is_awaited_and_what_is_explained_is_known() -> None:
    """The reports reach 10-15: a payment of 10-14 may still come; that of a receipt without tenders is there already."""
    for tendered, paid, status in (
        ("| B | card | 60 |\n| A | card | 100 |\n| C | cash | 40 |", "| A | 100 |", "awaiting_processor"),
        ("| B | cash | 60 |\n| C | cash | 40 |", "| A | 100 |", "explained_by_tenders"),
    ):
        made = TillFacts().take(sold=SOLD, paid="| receipt | amount | on |\n| none | 1 | 10-15 |")
        made.take(tendered=f"| receipt | kind | amount |\n{tendered}", paid=f"| receipt | amount |\n{paid}")
        assert made.compare().residual == ()
        assert {verdict for *_, verdict in made.cards()} == {status}
        assert "card_payments_differ" not in made.told()


def test_a_number_that_two_receipts_have_names_neither() -> None:
    """Both tills rang up a receipt 1: which of them the payment is for cannot be told, and the sentence says so."""
    sold = "| receipt | amount | till |\n| 1 | 100 | T1 |\n| 1 | 60 | T2 |\n| 2 | 40 | T1 |"
    made = TillFacts().take(sold=sold, paid=REACH)
    made.take(
        tendered="| receipt | amount | till |\n| 1 | 100 | T1 |\n| 1 | 60 | T2 |\n| 2 | 40 | T1 |",
        paid="| receipt | amount |\n| 1 | 100 |\n| 2 | 40 |",
    )
    assert made.compare().residual == ()
    assert made.cards() == row("200", "40", "0", "variance")
    assert made.told()["card_payments_differ"].message == (
        "The processor reports 160.00 USD less card payments than store S1 2026-10-14 rang up: receipt 1 has a card tender of "
        "100.00 USD; another receipt has the same number, so the payments that name it belong to neither. Receipt 1 has a card "
        "tender of 60.00 USD; another receipt has the same number, so the payments that name it belong to neither."
    )


def test_an_export_that_does_not_name_the_till_is_of_the_same_receipt() -> None:
    """Tenders without a till: the payment still finds its receipt."""
    made = TillFacts().take(
        sold="| receipt | amount | till |\n| 1 | 100 | T1 |",
        tendered="| receipt | amount | till |\n| 1 | 100 | - |",
        paid=f"{REACH}\n| 1 | 100 | 10-14 |",
    )
    assert made.compare().residual == ()
    assert made.cards() == row("100", "100", "0", "matched")


def test_a_payment_belongs_to_the_day_of_the_tender_it_is_nearest_to() -> None:
    """A deposit on 10-14 and the rest on 10-20, one receipt: each day has its own payment, the second booked a day later."""
    made = TillFacts().take(
        sold="| receipt | amount |\n| 1 | 100 |",
        tendered="| receipt | amount | on |\n| 1 | 30 | 10-14 |\n| 1 | 70 | 10-20 |",
        paid=f"{REACH}\n| 1 | 30 | 10-14 |\n| 1 | 70 | 10-21 |",
    )
    assert made.compare().residual == ()
    days = {(on, left, right, status) for _, on, left, right, _, status in made.cards()}
    assert days == {("10-14", 30, 30, "matched"), ("10-20", 70, 70, "matched")}


def test_a_payment_in_another_currency_is_told_and_does_not_change_that_of_the_till() -> None:
    """Nothing is dropped: 100.00 USD were rung up, and the processor reports Canadian dollars."""
    made = TillFacts().take(
        sold="| receipt | amount |\n| 1 | 100 |",
        tendered="| receipt | amount |\n| 1 | 100 |",
        paid=f"{REACH.replace('on |', 'on | currency |', 1).replace('10-30 |', '10-30 | USD |')}\n| 1 | 137 | 10-14 | CAD |",
    )
    assert made.compare().residual == ()
    assert {(left, right, status) for _, _, left, right, _, status in made.cards()} == {
        (100, None, "left_only"), (None, 137, "right_only"),
    }  # fmt: skip


WORDS = [
    pytest.param(
        "| B | cash | 60 |\n| C | card | 40 |", "| A | 100 |\n| C | 40 |", "tenders_differ",
        "Receipts and tenders of store S1 2026-10-14 T1 differ: the tenders are 100.00 USD less: receipt A has no tender; the "
        "processor reports a card payment of 100.00 USD for it. Its day is held.",
        id="the processor has what is missing",
    ),
    pytest.param(
        "| A | card | 100 |\n| B | cash | 10 |", "| A | 100 |\n| B | 50 |", "tenders_differ",
        "Receipts and tenders of store S1 2026-10-14 T1 differ: the tenders are 90.00 USD less: receipt B of 60.00 USD has tenders "
        "of 10.00 USD; the processor reports a card payment of 50.00 USD for it. Receipt C has no tender for 40.00 USD; the "
        "processor reports no card payment for it. Its day is held.",
        id="part of it, and nothing",
    ),
    pytest.param(
        "| A | card | 100 |\n| B | cash | 60 |\n| C | cash | 40 |\n| D | cash | 5 |", "| A | 100 |", "tenders_differ",
        "Receipts and tenders of store S1 2026-10-14 T1 differ: the tenders are 5.00 USD more: receipt D has tenders of 5.00 USD "
        "and no lines; the processor reports no card payment for it. Its day is held.",
        id="a receipt is missing",
    ),
    pytest.param(
        "| B | card | 60 |\n| C | card | 40 |", "| A | 100 |\n| C | 40 |", "card_payments_differ",
        "The processor reports 60.00 USD less card payments than store S1 2026-10-14 rang up: receipt B has a card tender of "
        "60.00 USD; the processor reports no card payment for it. Payments of 100.00 USD for receipts without tenders are told by "
        "themselves.",
        id="a payment is missing beside a tender",
    ),
    pytest.param(
        "| A | cash | 100 |\n| B | card | 60 |\n| C | card | 40 |", "| A | 100 |\n| B | 59 |\n| C | 40 |", "card_payments_differ",
        "The processor reports 99.00 USD more card payments than store S1 2026-10-14 rang up: receipt A has no card tender; the "
        "processor reports a card payment of 100.00 USD for it. Receipt B has a card tender of 60.00 USD; the processor reports a "
        "card payment of 59.00 USD for it.",
        id="two receipts, the larger difference first",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("tendered", "paid", "code", "message"), WORDS)
def test_the_sentence_names_the_receipts(tendered: str, paid: str, code: str, message: str) -> None:
    """A clerk works from the sentence alone."""
    assert facts(tendered, paid).told()[code].message == message


def test_three_receipts_are_named_and_the_others_counted() -> None:
    """The largest first, equal ones by their number; the table holds all of them."""
    sold = "| receipt | amount |\n" + "\n".join(
        f"| {name} | {amount} |" for name, amount in zip("ABCDE", (5, 9, 9, 2, 1), strict=True)
    )
    made = facts("| E | cash | 0.50 |", "| B | 9 |\n| C | 9 |", sold)
    assert made.told()["tenders_differ"].message.endswith(
        "are 25.50 USD less: receipt B has no tender; the processor reports a card payment of 9.00 USD for it. Receipt C has no "
        "tender; the processor reports a card payment of 9.00 USD for it. Receipt A has no tender for 5.00 USD; the processor "
        "reports no card payment for it. 2 more receipts differ. Its day is held."
    )
    names = made.connection.execute("select receipt_id from reconcile.store_day_receipts order by 1").fetchall()
    assert [name for (name,) in names] == [*"ABCDE"]


NO_TENDERS = [
    pytest.param(
        "| A | 100 |\n| C | 35 |", "62.50",
        "No tenders say how receipts of 200.00 USD of store S1 2026-10-14 T1 were paid; the processor reports card payments of "
        "135.00 USD for 2 of its 3 receipts (A 100.00 USD, C 35.00 USD), and the drawer took in 62.50 USD. Of the other 2.50 USD "
        "nothing says how it was paid. Its day is held.",
        id="processor and drawer",
    ),
    pytest.param(
        "| A | 100 |\n| B | 60 |\n| C | 40 |", "",
        "No tenders say how receipts of 200.00 USD of store S1 2026-10-14 T1 were paid; the processor reports card payments of "
        "200.00 USD for 3 of its 3 receipts (A 100.00 USD, B 60.00 USD, C 40.00 USD). Its day is held.",
        id="the processor has all of it",
    ),
    pytest.param(
        "", "200.50",
        "No tenders say how receipts of 200.00 USD of store S1 2026-10-14 T1 were paid; the drawer took in 200.50 USD. That is "
        "0.50 USD more than the receipts. Its day is held.",
        id="the drawer alone, with some coins too many",
    ),
    pytest.param(
        "", "",
        "Nothing says how receipts of 200.00 USD of store S1 2026-10-14 T1 were paid (A 100.00 USD, B 60.00 USD, C 40.00 USD). "
        "Its day is held.",
        id="nothing",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("paid", "cash", "message"), NO_TENDERS)
def test_a_day_without_tenders_says_what_is_known_of_its_money(paid: str, cash: str, message: str) -> None:
    """A processor or a drawer that tells a part of it is not passed over."""
    made = facts("", paid, drawers=f"| cash |\n| {cash} |" if cash else "")
    assert {code: problem.message for code, problem in made.told().items()} == {"tenders_missing": message}


AMOUNTS = st.sampled_from([Decimal(cents).scaleb(-2) for cents in (500, 1000, 1500, -500)])
RECEIPTS = st.lists(
    st.tuples(
        st.sampled_from(["10-14", "10-15"]), st.sampled_from(["T1", "T2"]), AMOUNTS,
        st.sampled_from(["none", "cash", "card", "half card", "on the next day"]),
        st.sampled_from(["nothing", "the same", "half", "double", "twice"]),
    ),
    max_size=8,
)  # fmt: skip


@pytest.mark.long
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(receipts=RECEIPTS, shared=st.booleans())
def test_every_payment_is_in_a_row_and_every_difference_in_a_break_or_explained(receipts: list, shared: bool) -> None:  # type: ignore[type-arg]
    """Whatever is missing: right - left of all rows is what breaks tell and tenders explain, and no payment is dropped."""
    made = TillFacts().take(paid=REACH)
    paid_in_all: dict[str, Decimal] = {}
    tills: dict[str, set[str]] = {}
    for number, (on, till, amount, tender, reported) in enumerate(receipts):
        name = f"R{number // 2 if shared else number}"
        tills.setdefault(name, set()).add(till)
        half = amount / 2
        made.take(sold=f"| receipt | amount | till | on |\n|{name}|{amount}|{till}|{on}|")
        if tender != "none":
            money, kind = (half, "card") if tender == "half card" else (amount, "cash" if tender == "cash" else "card")
            tender_day = "10-16" if tender == "on the next day" else on
            made.take(tendered=f"| receipt | kind | amount | till | on |\n|{name}|{kind}|{money}|{till}|{tender_day}|")
        for payment in {
            "nothing": [],
            "the same": [amount],
            "half": [half],
            "double": [2 * amount],
            "twice": [amount] * 2,
        }[reported]:
            paid_in_all[name] = paid_in_all.get(name, Decimal(0)) + payment
            made.take(paid=f"| receipt | amount | on |\n|{name}|{payment}|{on}|")
    assert made.compare().residual == ()
    rows = made.cards()
    known = sum((paid for name, paid in paid_in_all.items() if len(tills[name]) == 1), start=Decimal(0))
    assert sum((right or Decimal(0) for _, _, _, right, _, _ in rows), start=Decimal(0)) == known
    told = made.connection.execute(
        "select coalesce(sum(amount), 0) from reconcile.breaks where break_class like 'card%'"
    )
    (difference,) = told.fetchone() or (Decimal(0),)
    assert (
        sum(((right or 0) - (left or 0) - explained for _, _, left, right, explained, _ in rows), start=Decimal(0))
        == difference
    )
    keys = made.connection.execute(
        "select count(*), count(distinct (store, business_date, currency, register, receipt_id)) from reconcile.store_day_receipts"
    ).fetchone()
    assert keys is not None
    assert keys[0] == keys[1]
    made.told_all()
