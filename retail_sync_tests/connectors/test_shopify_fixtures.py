"""Every official and real Shopify sample is accounted for: the rows that it must become, or why it is no fact.

The files are REST and the product asks over GraphQL: the shop holds what they tell (see `shopify_cases`). That they go through
raw digit by digit is in test_official_answers.py; the real export of transactions is a file that the product reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync_tests.connectors import test_shopify_transactions as exports
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.connectors.shopify_cases import CASES, MOVEMENTS, WITHOUT_FACTS, hold_movements
from retail_sync_tests.connectors.shown import Read, Shown, account, each, pull, rows_of, show
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.shopify import FakeShopify

READ_AS_FILES = {
    "payment_transactions_export_excerpt.csv": (
        exports.test_the_real_excerpt_is_read_to_the_cent,
        exports.test_the_real_refund_is_signed_and_dated,
        exports.test_the_real_payout_has_a_line_per_amount_and_fee,
    )
}


@pytest.fixture
def read(samples: Path) -> Read:
    """Read a sample."""

    def read_file(name: str) -> Any:
        return json.loads((samples / "shopify" / name).read_text(encoding="utf-8"))

    return read_file


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PullBench]:
    """A home that asks a shop which holds nothing yet."""
    made = PullBench(FakeShopify(FakeClock(), 0), tmp_path / "home", monkeypatch)
    made.fake.knobs.rows = 250
    yield made
    made.close()


def test_every_file_is_accounted_for(samples: Path) -> None:
    """One that is new is in no list, and one that gives no row says why."""
    account(samples / "shopify", CASES, WITHOUT_FACTS, READ_AS_FILES)


@pytest.mark.parametrize("case", each(CASES))
def test_a_sample_becomes_its_rows(bench: PullBench, read: Read, case: Shown) -> None:
    """All of them, to the cent, and no others."""
    found, expected = show(bench, case, read)
    assert bench.records()
    for table, rows in expected.items():
        assert found[table] == rows


def test_what_has_no_facts_is_not_asked_for(bench: PullBench) -> None:
    """Disputes, calculations, notes of tenders; of transactions those that gave money back."""
    bench.fake.insert()
    pull(bench, "2026-11-19")
    pull(bench)
    queries = [request.document["query"] for request in bench.server.requests if request.path.endswith("graphql.json")]
    for word in ("disputes", "suggestedRefund", "tenderTransactions"):
        assert [query for query in queries if word in query] == []
    assert {"refunds {" in query for query in queries if " transactions(" in query} == {True}


def test_the_money_of_a_dispute_is_its_movement(read: Read) -> None:
    """Of the seven disputes one has its movement among the fixtures: 11.50 taken back, and 15.00 for it."""
    disputes = {dispute["id"]: dispute for dispute in read("rest_fixtures/disputes.json")["disputes"]}
    (movement,) = (item for item in read(MOVEMENTS)["transactions"] if item["source_id"] in disputes)
    assert (movement["id"], movement["type"], disputes[movement["source_id"]]["amount"]) == (
        726130462,
        "dispute",
        "11.50",
    )


def test_a_payout_whose_movements_do_not_foot_is_told(bench: PullBench, read: Read) -> None:
    """41.90 is paid out. Charges net 72.48, refunds -13.50, adjustments 0.65, a dispute -26.50 and the rest 50.00 are 83.13.

    That the one adjustment that was rejected is missing among them is told beside it.
    """
    hold_movements(bench.fake, read)  # type: ignore[arg-type]
    pull(bench, "2019-11-12")
    Pipeline(bench.home, "trace-1").reconcile()
    payout = "shopify/shop/USD/623721858"
    totals = ["settlement_id", "closing_date", "header_total as header_amount", "lines_total as lines_amount", "status"]
    assert rows_of(bench, "settlement_totals", totals, "reconcile") == [
        f"{payout} | 2019-11-12 | 41.90 | 83.13 | variance"
    ]
    assert set(rows_of(bench, "payments", ["payout_id", "payout_date"])) == {f"{payout} | 2019-11-12"}
    assert f"{payout} | settlement_does_not_foot | 41.23" in rows_of(
        bench, "breaks", ["subject", "break_class", "amount"], "reconcile"
    )
