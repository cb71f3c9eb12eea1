"""Cost of sales, counts and the month-end true-up: the worked examples D4, E2, E3, F1 and F2 from rows to the cent.

They are restated here by hand; where the shared file is there, the two must agree. A debit is positive, in minor units.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync.journal.rules import Policies
from retail_sync_tests.reconcile.facts import entries, held
from retail_sync_tests.reconcile.stock_facts import BOOKED_BY_US, StockFacts

D4 = {"5000": 98000, "1200": -98000}
E2 = {"1200": 3200, "5000": -3200}
E3 = {"5100": 3200, "5000": -3200}
F1 = {"5110": 8680, "1200": -8680}
F2 = {"1200": 2480, "5110": -2480}
COST_1240 = "| sku | cost |\n| A-1 | 12.40 |"
AT_MONTH_END = "| on | quantity |\n| 10-31 | 100 |"


def booked(facts: StockFacts) -> dict[str, tuple[date, dict[str, int]]]:
    """Entry key → day and account → sum."""
    return {
        key: (on, {account: minor for account, minor in legs} if len(dict(legs)) == len(legs) else _summed(legs))
        for key, (on, legs) in entries(facts.connection).items()
    }


def _summed(legs: Counter[tuple[str, int]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for (account, minor), count in legs.items():
        sums[account] += minor * count
    return dict(sums)


def test_the_restated_examples_are_those_of_the_reference(samples: Path) -> None:
    """A slip in restating would prove nothing."""
    shared = json.loads((samples / "ledgers" / "worked_examples.json").read_text(encoding="utf-8"))
    by_id = {example["id"]: {line["account"][:4]: line["minor"] for line in example["lines"]} for example in shared}
    assert {name: by_id[name] for name in ("D4", "E2", "E3", "F1", "F2")} == {
        "D4": D4, "E2": E2, "E3": E3, "F1": F1, "F2": F2,
    }  # fmt: skip


EXAMPLES = [
    pytest.param(
        {"moved": "| on | kind | quantity | cost |\n| 10-14 | sale | -20 | 24.50 |\n| 10-14 | sale | -7 | 70 |"},
        "stock:cogs:S1:2026-10-14:USD", "2026-10-14", D4,
        id="D4 cost of a store's day",
    ),
    pytest.param(
        {"moved": "| on | kind | quantity | cost |\n| 10-18 | return | 1 | 32 |"},
        "stock:cogs:S1:2026-10-18:USD", "2026-10-18", E2,
        id="E2 a returned unit goes back to stock",
    ),
    pytest.param(
        {"products": "| sku | cost |\n| A-1 | 32 |", "returned": "| on | quantity | goods |\n| 10-19 | 1 | written_off |"},
        "stock:cogs:S1:2026-10-19:USD", "2026-10-19", E3,
        id="E3 a returned unit is not sellable",
    ),
    pytest.param(
        {"products": "| sku | cost |\n| A-1 | 32 |", "returned": "| id | on | quantity | goods |\n| T1 | 10-19 | 1 | written_off |",
         "moved": "| on | kind | quantity | reference |\n| 10-19 | return | 1 | T1 |"},
        "stock:cogs:S1:2026-10-19:USD", "2026-10-19", E3,
        id="E3 posted in by the ERP and written off all the same",
    ),
    pytest.param(
        {"products": COST_1240, "snapshots": AT_MONTH_END, "counts": "| on | quantity |\n| 10-31 | 93 |"},
        "stock:count:S1:2026-10-31:USD", "2026-10-31", F1,
        id="F1 seven short",
    ),
    pytest.param(
        {"products": COST_1240, "snapshots": AT_MONTH_END, "counts": "| on | quantity |\n| 10-31 | 102 |"},
        "stock:count:S1:2026-10-31:USD", "2026-10-31", F2,
        id="F2 two over",
    ),
    pytest.param(
        {"products": COST_1240, "snapshots": AT_MONTH_END, "counts": "| on | quantity | kind |\n| 10-31 | 93 | marketplace |"},
        "stock:count:S1:2026-10-31:USD", "2026-10-31", {"5100": 8680, "1200": -8680},
        id="F lost by a marketplace: written off, its reimbursement is income",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "key", "on", "legs"), EXAMPLES)
def test_worked_examples(given: Mapping[str, str], key: str, on: str, legs: Mapping[str, int]) -> None:
    """From rows to the minor unit."""
    facts = StockFacts()
    facts.take(**given)
    facts.compare()
    facts.book()
    assert held(facts.connection) == {}
    assert booked(facts) == {key: (date.fromisoformat(on), legs)}


def test_nothing_is_booked_where_the_erp_books_stock() -> None:
    """Both would count it twice. It is the default; a changed setting takes the entries away again."""
    facts = StockFacts()
    facts.take(products=COST_1240, snapshots=AT_MONTH_END, counts="| on | quantity |\n| 10-31 | 93 |",
               moved="| on | kind | quantity |\n| 10-14 | sale | -2 |")  # fmt: skip
    facts.compare()
    facts.book()
    assert len(booked(facts)) == 2
    facts.book(Policies(home_currency="", deposits="journal"))
    assert booked(facts) == {}


def test_only_losses_and_gains_are_booked() -> None:
    """A wrong unit, a sale not posted yet and a count without a book are corrected where they were made."""
    facts = StockFacts()
    facts.take(
        products="| sku | cost | pack |\n| A-1 | 2 | 4 |\n| B-1 | 2 | |",
        snapshots="| on | sku | quantity |\n| 10-10 | A-1 | 100 |\n| 10-10 | B-1 | 100 |",
        till="| on | sku | quantity |\n| 10-11 | B-1 | 4 |",
        moved="| on | kind | sku | quantity |\n| 10-12 | receipt | Z | 1 |",
        counts="| on | at | sku | quantity |\n| 10-11 | S1 | A-1 | 25 |\n| 10-11 | S1 | B-1 | 96 |\n| 10-11 | S9 | B-1 | 5 |",
    )
    facts.compare()
    facts.book()
    assert booked(facts) == {}
    assert held(facts.connection) == {}


ONE_LOST_OF_THREE = {
    "products": "| sku | cost |\n| A-1 | 10 |",
    "snapshots": "| on | quantity |\n| 10-01 | 100 |",
    "till": "| on | quantity | receipt |\n| 10-03 | 2 | R1 |",
    "moved": "| on | kind | sku | quantity |\n| 10-02 | receipt | Z | 1 |\n| 10-05 | receipt | Z | 1 |",
    "counts": "| on | quantity |\n| 10-05 | 97 |",
}
LOST = {"stock:count:S1:2026-10-05:USD": {"5110": 1000, "1200": -1000}}


@pytest.mark.parametrize("posted_on", ["10-06", "10-20"])
def test_goods_sold_and_posted_later_are_cost_of_sales_and_no_shrinkage(posted_on: str) -> None:
    """Three are missing from the shelf, two of them were sold: 10.00 lost. When the ERP posts them, 20.00 cost of sales."""
    facts = StockFacts()
    facts.take(**ONE_LOST_OF_THREE)
    facts.compare()
    facts.book()
    assert {key: legs for key, (_, legs) in booked(facts).items()} == LOST
    facts.take(moved=f"| on | kind | quantity | reference |\n| {posted_on} | sale | -2 | R1 |")
    facts.compare()
    facts.book()
    assert {key: legs for key, (_, legs) in booked(facts).items()} == LOST | {
        f"stock:cogs:S1:2026-{posted_on}:USD": {"5000": 2000, "1200": -2000}
    }


def test_even_losses_of_goods_in_pairs_are_booked() -> None:
    """Four of a hundred, of an article that comes in packs of two: 8.00 of shrinkage at 2.00."""
    facts = StockFacts()
    facts.take(
        products="| sku | cost | pack |\n| A-1 | 2 | 2 |",
        snapshots="| on | quantity |\n| 10-10 | 100 |",
        counts="| on | quantity |\n| 10-11 | 96 |",
    )
    facts.compare()
    facts.book()
    assert {key: legs for key, (_, legs) in booked(facts).items()} == {
        "stock:count:S1:2026-10-11:USD": {"5110": 800, "1200": -800}
    }


@pytest.mark.parametrize(
    "given",
    [
        {"moved": "| on | kind | quantity | sku |\n| 10-14 | sale | -20 | N-1 |"},
        {
            "snapshots": "| on | sku | quantity |\n| 10-31 | N-1 | 9 |",
            "counts": "| on | sku | quantity |\n| 10-31 | N-1 | 5 |",
        },
    ],
)
def test_goods_without_a_cost_hold_their_document(given: Mapping[str, str]) -> None:
    """No cost is no zero: it is named, and a cost that comes later frees the document."""
    facts = StockFacts()
    facts.take(**given)
    facts.compare()
    facts.book()
    assert list(held(facts.connection).values()) == ["stock_cost_missing"]
    reasons = facts.connection.execute("select held_reason from journal.documents where status = 'held'").fetchall()
    assert "N-1" in reasons[0][0]
    facts.take(products="| sku | cost |\n| N-1 | 1.50 |")
    facts.compare()
    facts.book()
    assert held(facts.connection) == {}
    assert len(booked(facts)) == 1


def test_each_currency_is_an_entry_of_its_own() -> None:
    """An entry balances in one currency; where the books have another, it waits for a rate."""
    facts = StockFacts()
    facts.take(
        moved="| on | kind | quantity | cost | currency |\n| 10-14 | sale | -2 | 3 | USD |\n| 10-14 | sale | -2 | 55.5 | JPY |"
    )
    facts.compare()
    facts.book()
    assert {key: legs for key, (_, legs) in booked(facts).items()} == {
        "stock:cogs:S1:2026-10-14:USD": {"5000": 600, "1200": -600},
        "stock:cogs:S1:2026-10-14:JPY": {"5000": 111, "1200": -111},
    }
    facts.book(Policies(home_currency="USD", deposits="journal", stock="journal"))
    assert list(held(facts.connection).values()) == ["no_exchange_rate"]


VALUED = {
    "products": "| sku | cost |\n| A-1 | 10 |",
    "snapshots": "| on | quantity |\n| 09-30 | 100 |\n| 10-31 | 60 |\n| 11-02 | 60 |",
    "moved": "| on | kind | quantity |\n| 10-14 | sale | -45 |\n| 10-15 | receipt | 5 |",
}


def balances(**by_month: str) -> object:
    """A ledger that holds these amounts of USD at the ends of these months."""
    known = {date(2026, 9, 30): by_month.get("september"), date(2026, 10, 31): by_month.get("october")}
    return lambda month_end: {"USD": Decimal(known[month_end])} if known.get(month_end) else {}


def test_the_month_end_true_up_books_what_our_own_entries_leave() -> None:
    """Two months, by hand.

    September: stock 1,000.00, ledger 990.00, so 10.00 more. October: stock 600.00; the ledger's own 1,040.00, our true-up of
    10.00 and cost of sales of -450.00 make 600.00, so nothing is left to book.
    """
    facts = StockFacts()
    facts.take(**VALUED)
    facts.compare(balances(september="990", october="1040"), is_trued_up=True)
    facts.book()
    assert booked(facts) == {
        "stock:cogs:S1:2026-10-14:USD": (date(2026, 10, 14), {"5000": 45000, "1200": -45000}),
        "stock:valuation:2026-09:USD": (date(2026, 9, 30), {"1200": 1000, "5000": -1000}),
    }
    facts.take(products="| sku | cost |\n| A-1 | 10.10 |")
    facts.compare(balances(september="990", october="1040"), is_trued_up=True)
    facts.book()
    # Stock 1,010.00 and 606.00, cost of sales 454.50: true-up 20.00, then 606.00 - (1,040.00 + 20.00 - 454.50) = 0.50.
    assert booked(facts) == {
        "stock:cogs:S1:2026-10-14:USD": (date(2026, 10, 14), {"5000": 45450, "1200": -45450}),
        "stock:valuation:2026-09:USD": (date(2026, 9, 30), {"1200": 2000, "5000": -2000}),
        "stock:valuation:2026-10:USD": (date(2026, 10, 31), {"1200": 50, "5000": -50}),
    }


def test_the_valuation_difference_is_a_break_where_the_erp_books_stock() -> None:
    """Then somebody has to look; a ledger that says nothing about stock is not compared."""
    facts = StockFacts()
    facts.take(**VALUED)
    facts.compare(balances(october="585.50"))
    query = (
        "select business_date, value_variance, currency from reconcile.inventory_variances where question = 'valuation'"
    )
    assert facts.connection.execute(query).fetchall() == [(date(2026, 10, 31), Decimal("-14.5"), "USD")]
    query = "select subject, break_class, amount from reconcile.breaks where break_class = 'stock_ledger_differs'"
    assert facts.connection.execute(query).fetchall() == [
        ("stock 2026-10-31 USD", "stock_ledger_differs", Decimal("-14.5"))
    ]


def test_a_true_up_waits_for_held_documents_before_it() -> None:
    """It would book their amounts as its own."""
    facts = StockFacts()
    facts.take(**VALUED)
    facts.take(moved="| on | kind | quantity | sku |\n| 10-20 | sale | -1 | N-1 |")
    facts.compare(balances(september="990", october="1040"), is_trued_up=True)
    facts.book(BOOKED_BY_US)
    assert held(facts.connection) == {
        "stock:cogs:S1|2026-10-20": "stock_cost_missing",
        "stock:valuation:2026-10": "stock_documents_held",
    }


COSTED_BY_PRODUCT = {
    "products": "| sku | cost |\n| A-1 | 10 |",
    "snapshots": "| on | quantity |\n| 10-01 | 100 |",
    "moved": "| on | kind | quantity | id |\n| 10-02 | sale | -4 | M1 |",
    "counts": "| on | quantity |\n| 10-05 | 93 |",
}
# What is changed → the documents whose facts it changes: the day's cost of sales, the count.
CHANGES = {
    "the product's cost": ({"products": "| sku | cost |\n| A-1 | 12 |"}, set()),
    "the product's currency": ({"products": "| sku | cost | currency |\n| A-1 | 10 | EUR |"}, set()),
    "no product's cost": ({"products": "| sku | cost |\n| A-1 | |"}, set()),
    "the movement's cost": (
        {"moved": "| on | kind | quantity | id | cost |\n| 10-02 | sale | -4 | M1 | 10 |"}, {"cogs"},
    ),
    "the movement's units": ({"moved": "| on | kind | quantity | id |\n| 10-02 | sale | -5 | M1 |"}, {"cogs", "count"}),
    "the snapshot's cost": (
        {"snapshots": "| on | quantity | cost |\n| 10-01 | 100 | 10 |"}, {"cogs", "count"},
    ),
    "a later snapshot's cost": ({"snapshots": "| on | quantity | cost |\n| 10-03 | 96 | 10 |"}, {"count"}),
    "what was counted": ({"counts": "| on | quantity |\n| 10-05T13:00:00 | 92 |"}, {"count"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_units_and_dated_costs_are_facts_and_the_cost_of_a_product_is_none(name: str) -> None:
    """96 in the book and 93 counted; 4 sold. What has a day is a fact, what the product costs today is a rule."""
    given, changed = CHANGES[name]
    facts = StockFacts()
    facts.take(**COSTED_BY_PRODUCT)
    facts.compare()
    facts.book()
    before = facts_by_kind(facts)
    assert set(before) == {"cogs", "count"}
    facts.take(**given)
    facts.compare()
    facts.book()
    assert {kind for kind, hashed in facts_by_kind(facts).items() if hashed != before[kind]} == changed


def facts_by_kind(facts: StockFacts) -> dict[str, str]:
    """Kind of document → hash of its facts."""
    rows = facts.connection.execute(
        "select split_part(document_id, ':', 2), facts_hash from journal.documents"
    ).fetchall()
    return dict(rows)
