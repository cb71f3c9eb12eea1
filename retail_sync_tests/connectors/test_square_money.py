"""Square's payments, payouts, drawers, stock and locations: official examples and real records, figures by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from retail_sync_tests.connectors.square_pages import (
    PAYMENTS,
    SquareBench,
    catalog,
    example,
    locations,
    needs_samples,
    sample,
)
from retail_sync_tests.fakes.square_records import Row, usd


@needs_samples
def test_official_refunds(square: SquareBench) -> None:
    """Both examples are of one refund, of which the newer answer counts; the pending one is not booked yet."""
    refunds = [
        example("GetPaymentRefund")["refund"],
        *example("ListPaymentRefunds")["refunds"],
        example("RefundPayment")["refund"],
    ]
    square.deliver("refunds", ("refunds", {"refunds": refunds}))
    assert square.rows("payments", "kind", "gross_amount", "fee_amount", "net_amount", "paid_at") == [
        "refund -5.55 -0.34 -5.21 2021-10-13T19:59Z"
    ]


@needs_samples
def test_official_payout_entries(square: SquareBench) -> None:
    """100 less 19 is 81, -50 less -2 is -48; the refund has the number of the refund, not that of the payment."""
    payout = "po_4d28e6c4-7dd5-4de4-8ec9-a059277646a6"
    behind = {"payments": [{"id": "HVdG62H5K3291d0SGJS6IWd4cSi8YY", "order_id": "O1"}]}
    square.deliver(
        "payout_entries", ("entries", example("ListPayoutEntries"), payout), ("payments", behind),
        ("payouts", {"payouts": [{"id": payout, "type": "BATCH", "arrival_date": "2021-12-15"}]}),
    )  # fmt: skip
    assert square.rows("payments", *PAYMENTS, "payout_id", "payout_date", "source_type") == [
        f"charge HVdG62H5K3291d0SGJS6IWd4cSi8YY 1.00 0.19 0.81 O1 square/{square.account}/USD/{payout} 2021-12-15 CHARGE",
        "refund HVdG62HeMlti8YYf94oxrN_dR8Nztxg7umf94oxrN12Ji5r2KW14FAY -0.50 -0.02 -0.48 - "
        f"square/{square.account}/USD/{payout} 2021-12-15 REFUND",
    ]


@needs_samples
def test_the_official_drawer_is_thirty_cents_short(square: SquareBench) -> None:
    """100 at the start, 1 taken and given back, 100 in and out: 100 expected, 99.70 counted. -10000 in the example means out."""
    square.deliver(
        "cash_drawer_shifts",
        ("shifts", example("ListCashDrawerShifts"), "L"), ("shift", example("RetrieveCashDrawerShift"), "L"),
        ("locations", locations(("L", "America/Los_Angeles"))),
    )  # fmt: skip
    assert square.rows(
        "pos_shifts", "store", "register", "business_date", "opening_amount", "paid_in_amount", "paid_out_amount",
        "counted_amount", "closed_at",
    ) == ["L - 2019-11-21 100.00 100.00 100.00 99.70 2019-11-22T00:44Z"]  # fmt: skip


@needs_samples
def test_a_real_stock_count_and_the_official_ones(square: SquareBench) -> None:
    """100, 79 and 53: an article that is at two places is listed with both."""
    official = [*example("BatchRetrieveInventoryCounts")["counts"], *example("BatchChangeInventory")["counts"]]
    counts = [sample("real_sandbox_records_airbyte")["inventory_count"], *official]
    square.deliver("inventory", ("counts", {"counts": counts}), ("catalog", catalog(DTZLAR2RKUINQ5WU2SZYI56M="AB-1")))
    assert square.rows("listings", "channel_sku", "sku", "listed_quantity", "listed_at") == [
        "DTZLAR2RKUINQ5WU2SZYI56M AB-1 100 2026-11-20T08:00Z",
        "W62UWFY35CWMYGVWK6TWJDNI - 132 2026-11-20T08:00Z",
    ]


@needs_samples
@pytest.mark.parametrize(("product", "expected"), [
    ("SQUARE_POS", ["C6W5YS5QM06F5 AB-1 physical 86 2016-11-16T22:24Z 2016-11-16"]), ("EXTERNAL_API", [])
])  # fmt: skip
def test_the_official_physical_count(square: SquareBench, product: str, expected: list[str]) -> None:
    """86 counted by an employee; what a program synchronised is no count."""
    answer = example("BatchRetrieveInventoryChanges")
    answer["changes"][0]["physical_count"]["source"]["product"] = product
    square.deliver("physical_counts", ("changes", answer), ("catalog", catalog(W62UWFY35CWMYGVWK6TWJDNI="AB-1")))
    columns = ("location_id", "sku", "kind", "quantity", "counted_at", "business_date")
    assert square.rows("stock_counts", *columns) == expected


@needs_samples
def test_a_real_location(square: SquareBench) -> None:
    """One that is a store of ours is described by whoever calls it so."""
    real = sample("real_sandbox_records_airbyte")["location"]
    answer = {"locations": [real, {**real, "id": "L2"}]}
    square.deliver("locations", ("", answer), connection={"stores": {"L2": "S02"}})
    assert square.rows("locations", "location_id", "kind", "country", "time_zone", "title") == [
        "LH2XR7AMG39HX store US UTC Default Test Account"
    ]


@pytest.mark.parametrize("late", [False, True])
def test_a_payment_that_was_paid_out_does_not_become_pending_again(square: SquareBench, late: bool) -> None:
    """Whichever list came last."""
    entry = {"id": "e1", "type": "CHARGE", "effective_at": "2026-11-19T17:00:00Z", "type_charge_details": {"payment_id": "P1"},
             "gross_amount_money": usd(1000), "fee_amount_money": usd(30), "net_amount_money": usd(970)}  # fmt: skip
    payment = {"id": "P1", "order_id": "O1", "status": "COMPLETED", "source_type": "CARD", "total_money": usd(1000),
               "created_at": "2026-11-19T17:00:00Z", "updated_at": "2026-11-19T17:00:00Z", "location_id": "L"}  # fmt: skip

    def pending() -> None:
        square.deliver("payments", ("payments", {"payments": [payment]}))

    if not late:
        pending()
        assert square.rows("payments", *PAYMENTS, "payout_id") == ["charge P1 10.00 0.00 10.00 O1 -"]
    square.deliver(
        "payout_entries", ("entries", {"payout_entries": [entry]}, "po_1"), ("payment", {"payment": payment})
    )
    if late:
        pending()
    assert square.rows("payments", *PAYMENTS, "payout_id") == [
        f"charge P1 10.00 0.30 9.70 O1 square/{square.account}/USD/po_1"
    ]


def test_cash_and_gift_cards_are_in_no_payout(square: SquareBench) -> None:
    """Square neither settles them nor what another terminal took."""
    base = {"status": "COMPLETED", "total_money": usd(1000), "created_at": "2026-11-19T17:00:00Z"}
    gift = {"card": {"card_brand": "SQUARE_GIFT_CARD"}}
    kinds = [("CASH", {}), ("EXTERNAL", {}), ("CARD", {"card_details": gift}), ("WALLET", {})]
    answers = [{**base, "id": str(n), "source_type": kind, **more} for n, (kind, more) in enumerate(kinds)]
    square.deliver("payments", ("payments", {"payments": answers}))
    assert square.rows("payments", "payment_id", "source_type") == ["3 WALLET"]


def payout(payout_id: str, arrives: str, amount: int, **more: Any) -> Row:
    """A payout of location L."""
    return {"id": payout_id, "location_id": "L", "status": "SENT", "type": "BATCH", "created_at": "2026-11-18T01:00:00Z",
            "amount_money": usd(amount), "arrival_date": arrives, **more}  # fmt: skip


def test_payouts_of_a_day_come_whole_or_not_at_all(square: SquareBench) -> None:
    """A past window is asked for again: it knows all of its own days, of later ones perhaps a part."""
    first, second = (
        payout("po_1", "2026-11-19", 1000),
        payout("po_2", "2026-11-23", 2000, created_at="2026-11-19T01:00:00Z"),
    )
    square.deliver("payouts", ("payouts", {"payouts": [first, second]}), begin="2026-11-19")
    square.deliver("payouts", ("payouts", {"payouts": [first]}), begin="2026-11-12", end="2026-11-19")
    assert square.rows("payouts", "payout_date", "payout_no", "status", "total_amount") == [
        "2026-11-19 1 in_transit 10.00",
        "2026-11-23 1 in_transit 20.00",
    ]
    square.deliver(
        "payouts", ("payouts", {"payouts": [{**first, "status": "FAILED", "version": 2}, first]}), begin="2026-11-19"
    )
    assert "2026-11-19 1 failed 10.00" in square.rows("payouts", "payout_date", "payout_no", "status", "total_amount")


@pytest.mark.parametrize("payments_first", [False, True])
def test_a_payout_whose_arrival_moved_has_one_total(square: SquareBench, payments_first: bool) -> None:
    """Announced for the 18th, arrived on the 19th, in deliveries of two windows; its payments may come before or between."""
    windows = [
        (payout("po_1", "2026-11-18", 5000), {"begin": "2026-11-12", "end": "2026-11-19"}),
        (payout("po_1", "2026-11-19", 5000, status="PAID", version=2), {"begin": "2026-11-19", "end": "2026-11-20"}),
    ]
    simple = payout("po_1", "2026-11-18", 5000, type="SIMPLE")
    if payments_first:  # and its payments know the old day
        square.deliver("payout_entries", ("payouts", {"payouts": [simple]}))
    for listed, window in windows:
        square.deliver("payouts", ("payouts", {"payouts": [listed]}), **window)
    if not payments_first:
        square.deliver("payout_entries", ("payouts", {"payouts": [simple]}))
    assert square.rows("payouts_in_force", "payout_date", "status") == ["2026-11-19 paid"]
    assert square.bench.connection.execute(
        "select total_amount, deposit_date from canonical.settlements where account = ?", [square.account]
    ).fetchall() == [(Decimal("50.00"), date(2026, 11, 19))]


def test_a_payout_without_entries_is_its_own_line(square: SquareBench) -> None:
    """Money that the seller took out of the balance by hand; what it is booked to is for a person to say."""
    square.deliver("payout_entries", ("payouts", {"payouts": [payout("po_9", "2026-11-19", 5000, type="SIMPLE")]}))
    assert square.rows(
        "payments", "kind", "source_type", "gross_amount", "fee_amount", "net_amount", "payout_date"
    ) == ["other SIMPLE_PAYOUT 50.00 0.00 50.00 2026-11-19"]


def test_a_drawer_is_open_until_it_is_counted(square: SquareBench) -> None:
    """Ended is not counted."""
    shift = {"id": "S1", "state": "ENDED", "opened_at": "2026-11-19T17:00:00Z", "ended_at": "2026-11-19T23:00:00Z",
             "opened_cash_money": usd(10000), "location_id": "L"}  # fmt: skip
    square.deliver("cash_drawer_shifts", ("shift", {"cash_drawer_shift": shift}, "L"))
    assert square.rows("pos_shifts", "shift_id", "closed_at", "counted_amount") == ["S1 - -"]
