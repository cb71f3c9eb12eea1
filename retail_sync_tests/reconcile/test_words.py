"""What people read of a verdict and of a currency that no document names; the tables keep their own values."""

from __future__ import annotations

from decimal import Decimal

import dagster as dg
import pytest

from retail_sync.core.money import format_money
from retail_sync.defs.metadata import small_table
from retail_sync.defs.reconcile import reconcile_settlements
from retail_sync.reports.terminal import console, table
from retail_sync.reports.values import amount
from retail_sync.reports.words import ORDERS, SETTLEMENTS, VOCABULARIES
from retail_sync.schemas.derived import STATUSES
from retail_sync.schemas.derived_orders import ORDER_STATUSES
from retail_sync.schemas.derived_returns import RETURN_STATUSES
from retail_sync.schemas.derived_stock import AVAILABILITY_STATUSES
from retail_sync.schemas.derived_stores import STORE_DAY_STATUSES
from retail_sync_tests.reconcile.facts import Facts, statuses

STORED = {
    "reconcile.settlement_totals": STATUSES,
    "reconcile.store_days": STORE_DAY_STATUSES,
    "reconcile.order_settlements": ORDER_STATUSES,
    "reconcile.returns": RETURN_STATUSES,
    "reconcile.availability": AVAILABILITY_STATUSES,
}


def test_every_verdict_of_every_table_has_a_word_of_its_own() -> None:
    """A new verdict needs one, or people read the program's."""
    assert {name: set(words) for name, words in VOCABULARIES.items()} == {n: set(s) for n, s in STORED.items()}
    for words in VOCABULARIES.values():
        shown = [word for word, _ in words.values()]
        assert len(set(shown)) == len(shown)
        assert not [word for word in shown if "_" in word or "only" in word]


@pytest.mark.parametrize("name", VOCABULARIES)
def test_the_page_of_a_table_explains_its_words(name: str) -> None:
    """A person who reads "unexplained" finds what it means where it stands."""
    described = {spec.key.to_user_string(): spec.description for spec in reconcile_settlements.specs}
    for stored, (word, meaning) in VOCABULARIES[name].items():
        assert f"| {word} | `{stored}` | {meaning} |" in (described[name.replace(".", "/")] or "")


def test_a_table_of_verdicts_is_told_in_words_in_the_terminal_and_in_dagster() -> None:
    """A settlement without a header has no total and no currency."""
    header = ("verdict", "currency", "settlements")
    rows = [("right_only", "EUR", 2), ("awaiting_bank", "USD", 1), ("left_only", "XXX", 1)]
    wanted = [("unexplained", "EUR", 2), ("no deposit yet", "USD", 1), ("no total stated", "no currency", 1)]
    shown = small_table(header, rows, words=SETTLEMENTS)
    assert isinstance(shown, dg.TableMetadataValue)
    assert [tuple(record.data.values()) for record in shown.records] == wanted
    screen = console()
    with screen.capture() as captured:
        screen.print(table(header, rows, words=SETTLEMENTS))
        screen.print(table(header, [("right_only", "XXX", 7)]))
    assert [
        tuple(cell.strip() for cell in line.strip("│").split("│"))
        for line in captured.get().splitlines()
        if line.startswith("│")
    ] == [*((*row[:2], str(row[2])) for row in wanted), ("right_only", "XXX", "7")]


def test_a_settlement_without_a_deposit_may_be_matched_and_its_word_says_so() -> None:
    """A debt of 25.00 that the next settlement took over from its sales of 125.00, and one that came to nothing: no bank line."""
    facts = Facts()
    facts.arrive(
        """
        | id       | starts | ends  | total  | lines                         |
        | 31000001 | 10-01  | 10-14 | -25.00 | sales 10.00, ads -35.00       |
        | 31000002 | 10-14  | 10-28 | 100.00 | sales 125.00, debt -25.00     |
        | 31000003 | 10-28  | 11-11 | 0.00   | sales 35.00, ads -35.00       |"""
    )
    facts.reconcile()
    assert statuses(facts.connection) == {"31000001": "matched", "31000002": "awaiting_bank", "31000003": "matched"}
    assert "nothing was due or a later settlement took it over" in SETTLEMENTS["matched"][1]


def test_a_payout_that_failed_has_a_total_though_none_counts() -> None:
    """Its list states 40.06; and an order that is there may still say nothing of its tax."""
    assert "the payout failed" in SETTLEMENTS["left_only"][1]
    assert "does not state that part" in ORDERS["not_compared"][1]


def test_the_same_verdict_means_another_thing_of_an_order() -> None:
    """So each table has its own words."""
    assert (ORDERS["right_only"][0], SETTLEMENTS["right_only"][0]) == ("no such order", "unexplained")


def test_an_amount_without_a_currency_says_so() -> None:
    """XXX is ISO 4217's word for it, and nobody's in finance."""
    assert format_money(-123450, "XXX") == "-1,234.50 (no currency)"
    assert amount(Decimal("12.5"), "XXX") == "12.50 (no currency)"
