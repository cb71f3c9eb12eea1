"""Every worked example of the accounting reference, and the test that proves it to the minor unit."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from pathlib import Path

import pytest

from retail_sync_tests.reconcile.test_store_days import D1, D2, E1

_SETTLED = "journal.test_worked_examples::test_example"
_STOCK = "journal.test_stock_entries::test_worked_examples"
PROOFS = {
    **dict.fromkeys(("A1", "A2", "B1", "B2", "B3", "J1", "J2", "J3", "J4"), _SETTLED),
    **dict.fromkeys(("C1", "C2"), "journal.test_deferrals::test_worked_examples_c1_and_c2"),
    "D1": "reconcile.test_store_days::test_a_store_day_is_worked_example_d1",
    "D2": "reconcile.test_store_days::test_a_card_deposit_is_worked_example_d2",
    **dict.fromkeys(("D3", "H1", "H3"), "journal.test_vouchers::test_worked_examples_d3_h1_and_h3"),
    **dict.fromkeys(("D4", "E2", "E3", "F1", "F2"), _STOCK),
    "E1": "reconcile.test_store_days::test_a_card_refund_is_worked_example_e1",
    "F3": "journal.test_stock_write_offs::test_worked_examples",
    **dict.fromkeys(("G1", "G2"), "journal.test_gift_cards::test_worked_examples_g1_and_g2"),
    **dict.fromkeys(("J5", "J6"), "journal.test_disputes::test_a_dispute_at_a_till_is_worked_examples_j5_and_j6"),
    "H2": "journal.test_storefront_orders::test_worked_example_h2",
    "I1": "journal.test_currency_entries::test_i1_a_settlement_is_converted_at_the_rate_of_its_day",
    "I2": "journal.test_currency_entries::test_i2_dollars_that_came_for_it_realise_the_difference",
    **dict.fromkeys(
        ("I3", "I4"),
        "journal.test_currency_entries::test_i3_and_i4_what_is_open_at_month_end_is_revalued_and_taken_back",
    ),
    **dict.fromkeys(("K1", "K2", "K3", "K4", "K5", "K6"), "journal.test_storefront_orders::test_example"),
    "J7": "journal.test_vouchers::test_a_loan_repayment_and_its_statement_are_worked_example_j7",
}


@pytest.mark.parametrize("example", PROOFS)
def test_the_proof_of_each_example_is_there(example: str) -> None:
    """A test that is renamed or dropped must not leave its example unproved and unnoticed."""
    module, name = PROOFS[example].split("::")
    assert callable(getattr(importlib.import_module(f"retail_sync_tests.{module}"), name))


def test_every_example_is_proved(samples: Path) -> None:
    """An example that comes new to the reference is asked for here."""
    shared = json.loads((samples / "ledgers" / "worked_examples.json").read_text(encoding="utf-8"))
    assert len(shared) == 39
    assert {example["id"] for example in shared} == PROOFS.keys()


@pytest.mark.parametrize(("example", "legs"), [("D1", D1), ("D2", D2), ("E1", E1)])
def test_the_figures_of_a_store_are_those_of_the_reference(samples: Path, example: str, legs: dict[str, int]) -> None:
    """What the tests of store days expect, by account."""
    shared = json.loads((samples / "ledgers" / "worked_examples.json").read_text(encoding="utf-8"))
    wanted: Counter[str] = Counter()
    for line in next(one for one in shared if one["id"] == example)["lines"]:
        wanted[line["account"][:4]] += line["minor"]
    assert wanted == Counter(legs)
