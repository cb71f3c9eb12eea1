"""Signs that contradict the kind of a row, and payments that do not foot: rejected where declared, put right where proposed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors.proposal import Proposal, propose
from retail_sync.settings import Settings
from retail_sync_tests.connectors.loading_bench import LoadBench
from retail_sync_tests.connectors.test_declared_objects import MINIMAL, file_of, rows_of, source_of

SALE = MINIMAL["pos_sales"] | {"quantity": "1", "gross_amount": "15.00", "tax_amount": "0"}
PAID = MINIMAL["payments"] | {"gross_amount": "100.00", "fee_amount": "3.00", "net_amount": "97.00"}

# object, what a row says, the columns that are wrong with it
ROWS: dict[str, tuple[str, Mapping[str, str], list[str]]] = {
    "return_above_zero": ("pos_sales", {"kind": "return"}, ["gross_amount", "quantity"]),
    "return_of_positive_amount": ("pos_sales", {"kind": "return", "quantity": "-1"}, ["gross_amount"]),
    "return_of_positive_quantity": ("pos_sales", {"kind": "return", "gross_amount": "-15.00"}, ["quantity"]),
    "return": ("pos_sales", {"kind": "return", "quantity": "-1", "gross_amount": "-15.00"}, []),
    "return_for_nothing": ("pos_sales", {"kind": "return", "quantity": "-1", "gross_amount": "0.00"}, []),
    "sale_below_zero": ("pos_sales", {"quantity": "-1", "gross_amount": "-15.00"}, ["quantity"]),
    "write_off": ("pos_sales", {"quantity": "-20", "gross_amount": "0.00"}, []),
    "bad_debt": ("pos_sales", {"gross_amount": "-11062.06"}, []),
    "payment": ("payments", {}, []),
    "payment_without_fee": ("payments", {"fee_amount": "0", "net_amount": "100.00"}, []),
    "payment_that_does_not_foot": ("payments", {"net_amount": "97.01"}, ["net_amount"]),
    "fee_below_zero": ("payments", {"fee_amount": "-3.00", "net_amount": "103.00"}, ["fee_amount"]),
    "fee_taken_off_twice": ("payments", {"fee_amount": "-3.00"}, ["fee_amount", "net_amount"]),
    "refund": ("payments", {"kind": "refund", "gross_amount": "-100.00", "fee_amount": "0", "net_amount": "-100.00"}, []),
    "refund_with_its_fee": (
        "payments", {"kind": "refund", "gross_amount": "-100.00", "fee_amount": "-3.00", "net_amount": "-97.00"}, []),
    "refund_above_zero": ("payments", {"kind": "refund"}, ["gross_amount"]),
    "refund_that_failed": ("payments", {"kind": "refund", "source_type": "refund_failure"}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS)
def test_a_sign_that_contradicts_its_kind_rejects_the_row(bench: LoadBench, case: str) -> None:
    """Booked as it stands it would be counted twice wrong: refunds as income, fees as money received."""
    name, changes, wrong = ROWS[case]
    row = (SALE if name == "pos_sales" else PAID) | changes
    outcome = bench.deliver(file_of(row), source_of(name, {column: column for column in row}))
    assert outcome.status == "loaded", outcome.reason
    assert sorted(column for _, column, _, _ in bench.rejected(outcome)) == wrong


def test_figures_are_negated_by_the_kind_of_their_row(bench: LoadBench) -> None:
    """The till writes both without a minus: 15.00 sold, 6.00 of it taken back."""
    negated = {name: {"from": name, "negate": ["return"]} for name in ("quantity", "gross_amount", "tax_amount")}
    words = {"kind": {"from": "kind", "values": {"S": "sale", "R": "return"}}}
    source = source_of("pos_sales", words | negated)
    rows = (
        SALE | {"kind": "S"},
        SALE | {"receipt_id": "1002", "kind": "R", "gross_amount": "6.00", "tax_amount": "1.00"},
    )
    assert bench.deliver(file_of(*rows), source).rejected_count == 0
    assert rows_of(bench, source, "receipt_id", "quantity", "gross_amount", "tax_amount", "net_amount") == [
        ("1001", Decimal(1), Decimal(15), Decimal(0), Decimal(15)),
        ("1002", Decimal(-1), Decimal(-6), Decimal(-1), Decimal(-5)),
    ]


@pytest.mark.parametrize(
    ("name", "column", "negate", "words"),
    [
        ("pos_sales", "quantity", ["refund"], "negate names refund; the kinds of pos_sales are: sale, return"),
        ("pos_sales", "receipt_id", ["return"], "receipt_id cannot be negated by kind"),
        ("returns", "quantity", ["return"], "the kinds of returns are: none"),
    ],
)
def test_negate_that_cannot_work_is_refused(
    bench: LoadBench, name: str, column: str, negate: list[str], words: str
) -> None:
    """Told of the block, before any row."""
    outcome = bench.deliver(file_of(MINIMAL[name]), source_of(name, {column: {"from": column, "negate": negate}}))
    assert (outcome.status, words in outcome.reason) == ("refused", True), outcome.reason


def proposal_of(folder: Path, text: str) -> tuple[Proposal, dict[str, Any]]:
    """The proposal for a text, and its columns as the settings take them."""
    file = folder / "sample.csv"
    file.write_text(text, encoding="utf-8")
    found = propose(file)
    content = tomllib.loads(found.toml)
    Settings.model_validate(content)
    return found, content["source"][0]["columns"]


def test_returns_without_a_minus_are_proposed_with_negate(tmp_path: Path) -> None:
    """Every return is above zero: both columns are turned round, and the rows load."""
    lines = "Store,Receipt,Date,Type,Qty,Gross,Tax\nA,1,2026-09-16,Sale,2,30.00,0\nA,2,2026-09-16,Return,1,15.00,0\n"
    found, columns = proposal_of(tmp_path, lines)
    assert columns["quantity"] == {"from": "Qty", "negate": ["return"]}
    assert columns["gross_amount"] == {"from": "Gross", "negate": ["return"]}
    assert (found.trial.accepted_count, found.trial.rejected_count) == (2, 0)
    assert "whether return rows are meant: Gross has the other sign in all of them" in "\n".join(found.untold)


def test_mixed_signs_are_not_put_right(tmp_path: Path) -> None:
    """One return has its minus and one has not: which is wrong cannot be told, so the second is rejected."""
    lines = (
        "Store,Receipt,Date,Type,Qty,Gross,Tax\nA,1,2026-09-16,Return,-1,-15.00,0\nA,2,2026-09-16,Return,1,15.00,0\n"
    )
    found, columns = proposal_of(tmp_path, lines)
    assert (columns["quantity"], columns["gross_amount"]) == ("Qty", "Gross")
    assert (found.trial.accepted_count, found.trial.rejected_count) == (1, 1)


HEADER = "Date,Type,Order,Amount,Fee,Net,Currency\n"


def test_a_fee_with_a_minus_is_turned_round(tmp_path: Path) -> None:
    """100.00 - 3.20 = 96.80 and -40.00 + 0.00 = -40.00: gross + fee is net in every row."""
    lines = HEADER + (
        "2026-09-16,Payment,1001,100.00,-3.20,96.80,USD\n2026-09-17,Payment Refund,1001,-40.00,0.00,-40.00,USD\n"
    )
    found, columns = proposal_of(tmp_path, lines)
    assert found.object == "payments"
    assert columns["fee_amount"] == "-[Fee]"
    assert columns["kind"] == {"from": "Type", "values": {"Payment": "charge", "Payment Refund": "refund"}}
    assert (found.trial.accepted_count, found.trial.rejected_count) == (2, 0)


def test_a_fee_that_foots_stays(tmp_path: Path) -> None:
    """Gross less fee is net: nothing to turn round; the row that does not foot is named and rejected."""
    lines = HEADER + ("2026-09-16,Charge,1001,100.00,3.20,96.80,USD\n2026-09-17,Charge,1002,10.00,0.50,9.60,USD\n")
    found, columns = proposal_of(tmp_path, lines)
    assert columns["fee_amount"] == "Fee"
    assert "why in 1 rows 'Amount' - 'Fee' is not 'Net'" in "\n".join(found.untold)
    assert (found.trial.accepted_count, found.trial.rejected_count) == (1, 1)
