"""Chargebacks lost and won: worked examples J5 and J6 from a processor's payout files, at a till's processor and in a web shop.

The examples book the dispute by itself against card clearing, and the payout later against the same account. Our payout entry
has the legs of the dispute in it, against the payout. There is no second path; each test here proves that over dispute and
payout together every account ends the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home
from retail_sync_tests.conftest import BANK_SOURCE, run_line
from retail_sync_tests.journal.tracing import assert_legs_trace_to_their_lines
from retail_sync_tests.reconcile.files import bank_statement
from retail_sync_tests.reconcile.test_store_days import (
    PAYMENTS,
    RECEIPTS,
    SOURCES,
    STATEMENT,
    TENDERS,
    booked,
    deliver,
    problems,
)
from retail_sync_tests.shopify import payouts, transactions

# The disputes, as the reference books them apart from the payout.
J5 = {"4110": 6000, "6210": 1500, "1110": -7500}
J6 = {"1110": 6000, "4110": -6000}
SHOP = """
[[source]]
name = "sales"
connector = "shopify_transactions"
account = "my shop"

[[source]]
name = "listed"
connector = "shopify_payouts"
account = "my shop"
"""


def test_the_restated_examples_are_those_of_the_reference(samples: Path) -> None:
    """A slip in restating would prove nothing."""
    shared = json.loads((samples / "ledgers" / "worked_examples.json").read_text(encoding="utf-8"))
    by_id = {e["id"]: {line["account"][:4]: line["minor"] for line in e["lines"]} for e in shared}
    assert (by_id["J5"], by_id["J6"]) == (J5, J6)


def together(*legs: dict[str, int] | Counter[str]) -> dict[str, int]:
    """Sum of entries by account; what is nothing is left out."""
    sums: Counter[str] = Counter()
    for entry in legs:
        for account, minor in entry.items():
            sums[account] += minor
    return {account: minor for account, minor in sums.items() if minor}


LOST = {
    "receipts": (RECEIPTS, "7,1,R1,S,2026-10-14 09:00,A,1,100.00,0,0"),
    "tenders": (TENDERS, "7,1,R1,card,2026-10-14 09:00,100.00"),
    "processor": (
        PAYMENTS,
        "P1,charge,R1,2026-10-14 09:00,100.00,2.70,PO-1,2026-10-16",
        "D1,chargeback,,2026-10-14 15:00,-60.00,15.00,PO-1,2026-10-16",
        "D2,chargeback,,2026-11-14 10:00,60.00,0.00,PO-2,2026-11-16",
    ),
    "payouts": ("Payout,Paid,Net", "PO-1,2026-10-16,22.30", "PO-2,2026-11-16,60.00"),
    "bank": (STATEMENT, "2026-10-16,22.30,SQUARE INC PO-1", "2026-11-16,60.00,SQUARE INC PO-2"),
}


def test_a_dispute_at_a_till_is_worked_examples_j5_and_j6(make_home: Callable[..., Home]) -> None:
    """Square pays 100.00 - 2.70 - 60.00 - 15.00 = 22.30, and 60.00 when the dispute is won.

    The example credits 1110 with 75.00 at the dispute, and the deposit then clears 1110 by 25.00. Ours clears 1110 by the
    100.00 of the charge in the payout and has 60.00 and 15.00 beside it. Store day, dispute, payout and deposit together are
    equal on every account, after the loss and after the win; the dispute has the date of its payout.
    """
    pipeline = Pipeline(make_home(settings=SOURCES), "test")
    deliver(pipeline, LOST)
    run_line(pipeline)
    assert problems(pipeline) == []
    found = booked(pipeline)
    first, second = (
        "square:settlement:square/processor/USD/PO-1:2026-10",
        "square:settlement:square/processor/USD/PO-2:2026-11",
    )
    assert found[first] == Counter({"1110": -10000, "6200": 270, "4110": 6000, "6210": 1500, "1120": 2230})
    assert found[second] == Counter({"4110": -6000, "1120": 6000})
    sale = {"1110": 10000, "4000": -10000}
    paid = {"1000": 2230, "6200": 270, "1110": -2500}
    won = {"1000": 6000, "1110": -6000}
    assert together(*found.values()) == together(sale, J5, paid, J6, won)
    lost = [legs for key, legs in found.items() if "PO-2" not in key]
    assert together(*lost) == together(sale, J5, paid)
    with pipeline.warehouse.reading() as connection:
        assert_legs_trace_to_their_lines(connection)


@pytest.mark.parametrize("word", ["chargeback", "dispute"])
def test_a_dispute_in_a_web_shop_is_worked_examples_j5_and_j6(make_home: Callable[..., Home], word: str) -> None:
    """Shopify pays 118.80 - 3.75 - 60.00 - 15.00 = 40.05, and 60.00 when the dispute is won.

    The payout of example K2 (118.80 less 3.75) with J5 in it. In the examples 1110 stands between the dispute and the payout
    and ends at nothing; ours has the payout's leg at once. Equal on every account.
    """
    sales = transactions(f"""
        2026-10-14 charge #5001 118.80 3.75 USD 700000000077@2026-10-16
        2026-10-14 {word} #4990 -60.00 15.00 USD 700000000077@2026-10-16
        2026-11-14 {word} #4990 60.00 0.00 USD 700000000078@2026-11-16
    """)
    listed = payouts("""
        2026-10-16 paid 118.80 0.00 -60.00 0.00 -18.75 0.00 40.05 USD
        2026-11-16 paid 0.00 0.00 60.00 0.00 0.00 0.00 60.00 USD
    """)
    bank = bank_statement("2026-10-16 40.05 USD SHOPIFY PAYMENTS\n2026-11-16 60.00 USD SHOPIFY PAYMENTS")
    pipeline = Pipeline(make_home(settings=SHOP + BANK_SOURCE), "test")
    for source, content in {"sales": sales, "listed": listed, "bank": bank}.items():
        path = pipeline.home.root / f"{source}.csv"
        path.write_bytes(content)
        pipeline.ingest([str(path)], source)
    run_line(pipeline)
    found = booked(pipeline)
    lost, won = "shopify/my shop/USD/700000000077", "shopify/my shop/USD/700000000078"
    assert found[f"shopify:settlement:{lost}:2026-10"] == Counter(
        {"1115": -11880, "6200": 375, "4110": 6000, "6210": 1500, "1120": 4005}
    )
    assert found[f"shopify:settlement:{won}:2026-11"] == Counter({"4110": -6000, "1120": 6000})
    k2 = {"1120": 11505, "6200": 375, "1115": -11880}
    cleared = {"1110": 7500, "1120": -7500}
    deposit = {"1000": 4005, "1120": -4005}
    given_back = {"1110": -6000, "1120": 6000}
    arrived = {"1000": 6000, "1120": -6000}
    assert together(*found.values()) == together(k2, J5, cleared, deposit, J6, given_back, arrived)
    assert problems(pipeline) == []
