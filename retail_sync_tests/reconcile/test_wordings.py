"""The sentences of breaks: whoever reads one must be sent to the system that it is about."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from retail_sync.operations.exceptions import Problem
from retail_sync.reconcile.problems import _problem
from retail_sync.reconcile.wording import Break
from retail_sync_tests.reconcile.facts import KINDS
from retail_sync_tests.reconcile.till_facts import REACH, TillFacts

OF_PAYOUTS = (
    "settlement_does_not_foot", "settlement_header_missing", "settlement_unclassified", "deposit_differs", "deposit_overdue",
    "deposit_ambiguous", "deposit_unexplained", "payout_ambiguous", "payout_failed", "payout_transactions_missing",
)  # fmt: skip


def told(code: str, channel: str = "", subject: str = "PO-1", counterpart: str = "square") -> Problem:
    """A difference of 25.00 as a person reads it."""
    return _problem(
        Break(code, subject, Decimal("25.00"), "USD", date(2026, 10, 14), counterpart, channel, "charge / x"),
        KINDS,
    )


@pytest.mark.parametrize("channel", ["shopify", "square"])
@pytest.mark.parametrize("code", OF_PAYOUTS)
def test_a_payout_is_no_settlement_of_a_marketplace(code: str, channel: str) -> None:
    """A shop or a card processor has neither."""
    problem = told(code, channel, counterpart="1|PO-1" if code == "payout_ambiguous" else channel)
    words = f"{problem.message} {problem.remedy}".lower().replace("settlement_categories.csv", "")
    assert "settlement" not in words
    assert "marketplace" not in words
    assert ("square" in words) <= (channel == "square")
    assert ("export" in words) <= (channel == "shopify")


@pytest.mark.parametrize("code", [code for code in OF_PAYOUTS if not code.startswith("payout_")])
def test_a_settlement_of_amazon_is_one(code: str) -> None:
    """Its words stay what they are in the seller's reports."""
    problem = told(code, "amazon", "31000001", "amazon")
    assert "payouts export" not in problem.remedy
    assert "settlement" in f"{problem.message} {problem.remedy}".lower()


def test_a_gain_is_booked_by_whom_the_settings_say() -> None:
    """Where the ERP books stock, nothing is booked here: the sentence must hold in both settings, as that of a loss does."""
    for code in ("stock_gain", "stock_shrinkage"):
        assert told(code).remedy.endswith("is booked (by the ERP, or here where [ledger] stock is journal)")


@pytest.mark.parametrize(
    ("subject", "is_count"),
    [
        ("S01 TEA 2026-10-31 physical count", True),
        ("S01 TEA 2026-10-17 sale R-170", False),
        ("S01 TEA 2026-10-17 snapshot", False),
    ],
)
def test_only_a_count_is_counted_again(subject: str, is_count: bool) -> None:  # noqa: FBT001
    """A sale booked in cartons is mended in the ERP: nobody can count a receipt again."""
    problem = told("stock_unit_of_measure", subject=subject, counterpart="11 units")
    assert ("The count is not booked like this" in problem.message) is is_count
    assert problem.remedy.startswith("count again" if is_count else "correct the unit in the ERP")


@pytest.mark.parametrize(
    ("reaches", "until"),
    [("10-14", "2026-10-17"), ("10-17", "2026-10-17"), ("10-18", "")],
    ids=["its own day", "the third day after it", "the fourth"],
)
def test_a_drawer_may_be_explained_by_receipts_that_come_late(reaches: str, until: str) -> None:
    """What was rung up offline comes up to 72 hours later: until the store's receipts reach beyond that, nothing is certain."""
    facts = TillFacts().take(
        sold=f"| receipt | amount | on |\n| A | 60 | 10-14 |\n| B | 1 | {reaches} |",
        tendered=f"| receipt | kind | amount | on |\n| A | cash | 60 | 10-14 |\n| B | card | 1 | {reaches} |",
        drawers="| cash |\n| 68.80 |",
        paid=f"{REACH}\n| B | 1 | {reaches} |",
    )
    facts.compare()
    told = facts.told()["drawer_over_short"]
    assert told.message.startswith("The drawer of store S1 2026-10-14 T1 held 8.80 USD more than its cash tenders.")
    assert ("offline" in told.message) == bool(until)
    assert (f"until {until}" in told.message) == bool(until)
    assert told.remedy.startswith("wait" if until else "count again")


@pytest.mark.parametrize(
    ("line", "currency", "shown"),
    [
        ("B2 2026-09-15 -14.5000 #2", "USD", "B2 2026-09-15 -14.50 #2"),
        ("B1 2026-09-14 100.0000", "EUR", "B1 2026-09-14 100.00"),
        ("B1 2026-09-14 100.0000, B2 2026-09-15 5.2500", "EUR", "B1 2026-09-14 100.00, B2 2026-09-15 5.25"),
        ("B1 2026-09-14 4000.0000", "JPY", "B1 2026-09-14 4000"),
        ("B1 2026-09-14 4.1250", "KWD", "B1 2026-09-14 4.125"),
        ("B1 2026-09-14 4.1250", "USD", "B1 2026-09-14 4.1250"),
        ("giro:DE02:B1 2026-09-14 4.1000", "USD", "giro:DE02:B1 2026-09-14 4.10"),
        ("INV-7.0000", "USD", "INV-7.0000"),
    ],
)
def test_a_bank_line_is_named_with_an_amount_of_its_currency(line: str, currency: str, shown: str) -> None:
    """The id of a line holds its amount as the warehouse does; people see minor units, and nothing that an amount has is lost."""
    item = Break("deposit_unexplained", line, Decimal("25.00"), currency, date(2026, 10, 14), "square", "square", "")
    told = _problem(item, KINDS)
    assert told.subject == shown
    assert f"(transaction {shown})" in told.message
    item = Break("deposit_differs", "PO-1", Decimal("25.00"), currency, date(2026, 10, 14), line, "square", "")
    assert f"(bank transaction {shown})" in _problem(item, KINDS).message
