"""What a storefront's orders become, beyond what the contract suite asks of every connector."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync_tests.connectors.amazon_bench import pulled, rows
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.vendure import FakeVendure


def test_a_sum_of_what_cannot_be_read_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1.00 and half a cent of tax are not 1.00: the order is rejected. 5.00 and 1.00 are 6.00, and of nothing the sum is zero."""
    made = PullBench(FakeVendure(FakeClock(), 4), tmp_path, monkeypatch)
    taxed, given, sound, free = made.fake.orders  # type: ignore[attr-defined]
    taxed["taxSummary"] = [{"taxTotal": 100}, {"taxTotal": 0.5}]
    given["discounts"] = [{"amountWithTax": -300}, {"amountWithTax": -0.5}]
    sound["taxSummary"], sound["discounts"] = [{"taxTotal": 500}, {"taxTotal": 100}], [{"amountWithTax": -300}]
    free["taxSummary"] = []
    pulled(made)
    assert rows(made, "select order_id, tax_amount, discount_amount from canonical.orders order by 1") == [
        (sound["code"], Decimal("6.00"), Decimal("3.00")),
        (free["code"], 0, 0),
    ]
    assert rows(made, "select column_name from canonical.rejected_rows order by line_no") == [
        ("tax_amount",),
        ("discount_amount",),
    ]
    made.close()
