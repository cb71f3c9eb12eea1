"""Clearing accounts item by item: what stays open is what a person has to look for, under its own name."""

from __future__ import annotations

from pathlib import Path

from retail_sync.ledger.clearing import open_items
from retail_sync.reports.state import read_chain
from retail_sync_tests.conftest import run_line
from retail_sync_tests.reconcile.files import deliver, looking, new_pipeline, settlement


def test_two_payouts_taken_back_by_one_settlement_leave_no_phantom(tmp_path: Path) -> None:
    """Each failure closes the payout that it belongs to; what is left in transit is the third settlement's own payout."""
    pipeline = new_pipeline(tmp_path)
    deliver(
        pipeline,
        settlement("31000001", "2026-10-01 2026-10-05 2026-10-06", "sale 100.00"),
        settlement("31000002", "2026-10-05 2026-10-09 2026-10-10", "sale 70.00"),
        settlement(
            "31000003",
            "2026-10-09 2026-10-23 2026-10-24",
            "failed transfer 100.00 on 2026-10-11\nfailed transfer 70.00 on 2026-10-14\nsale 5.00 on 2026-10-20",
        ),
    )
    run_line(pipeline)
    with looking(pipeline) as connection:
        chain = read_chain(connection)
    assert chain.failed_transfer_of == {
        ("31000003", "2026-10-11"): "31000001",
        ("31000003", "2026-10-14"): "31000002",
    }
    assert [(item.item, item.minor) for item in open_items(pipeline.operations, chain)] == [("31000003", 175_00)]
