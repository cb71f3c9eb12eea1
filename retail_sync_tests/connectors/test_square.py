"""What Square's records mean: official examples and real sandbox records, with figures worked by hand from them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from retail_sync_tests.connectors.loading_bench import LoadBench
from retail_sync_tests.connectors.square_pages import (
    PAYMENTS,
    SALES,
    SAMPLES,
    TENDERS,
    SquareBench,
    catalog,
    example,
    locations,
    sample,
)
from retail_sync_tests.fakes.square_records import Row, line, tender, usd

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample files of third parties at {SAMPLES}")
_accounts = itertools.count(1)


@pytest.fixture
def square(bench: LoadBench) -> SquareBench:
    """A fresh account."""
    return SquareBench(bench, f"square{next(_accounts)}")


def sold(order_id: str = "O1", at: str = "2026-11-19T17:00:00Z", **more: Any) -> Row:
    """A completed order of location L."""
    return {
        "id": order_id, "location_id": "L", "created_at": at, "updated_at": at, "closed_at": at, "state": "COMPLETED", **more
    }  # fmt: skip


def taken(kind: str, amount: int, **more: Any) -> Row:
    """A tender at 17:00 UTC."""
    return {**tender(kind, f"P-{kind}", amount, 0), "created_at": "2026-11-19T17:00:00Z", **more}


@needs_samples
def test_a_real_sale_by_card(square: SquareBench) -> None:
    """9900 and 15 % additive tax of 1485 make 11385; it was changed four days later, and is of its own day nevertheless."""
    order = sample("real_sandbox_records_airbyte")["order_card_then_refunded_4_days_later"]
    square.orders(order, more=[("catalog", catalog(TLL2QDA3U5P7AAA2A4SGK52S="AB-1"))])
    assert square.rows("pos_sales", *SALES) == ["sale AB-1 1 113.85 14.85 99.00 0.00"]
    assert square.rows("pos_sales", "store", "register", "receipt_id", "sold_at", "title") == [
        "LH2XR7AMG39HX - BxCc4Y2KBt10BUWQheazcgRUR7bZY 2021-06-18T13:31Z Able bit, Analysis"
    ]
    assert square.rows("pos_tenders", *TENDERS) == ["card 113.85 2021-06-18"]


@needs_samples
def test_a_real_custom_amount_has_no_sku(square: SquareBench) -> None:
    """2056 without an article, tax or discount, which Square leaves out."""
    square.orders(sample("real_sandbox_records_airbyte")["order_custom_amount_no_sku"])
    assert square.rows("pos_sales", *SALES) == ["sale - 1 20.56 0.00 20.56 0.00"]


@needs_samples
@pytest.mark.parametrize(("state", "expected"), [("OPEN", []), ("DRAFT", []), ("CANCELED", []), ("COMPLETED", [
    "sale - 1 2.50 0.00 2.50 2.50", "sale - 2 3.00 0.00 3.00 3.00"
])])  # fmt: skip
def test_the_official_order_with_half_off(square: SquareBench, state: str, expected: list[str]) -> None:
    """500 and 2 x 300, each at half price. As printed it is open and nobody paid: no receipt."""
    square.orders({**example("RetrieveOrder")["order"], "state": state})
    assert square.rows("pos_sales", *SALES) == expected


@needs_samples
def test_orders_without_state_are_no_receipts(square: SquareBench) -> None:
    """The official example of a retrieval says neither state nor time."""
    square.orders(*example("BatchRetrieveOrders")["orders"])
    assert square.rows("pos_sales", *SALES) == []


@needs_samples
def test_real_refunds_are_tenders_of_their_own_orders_and_payments(square: SquareBench) -> None:
    """Refunds of 1485 and 500 by card; Square gave 51 and 18 of its fee back: -14.85 + 0.51 = -14.34, -5.00 + 0.18 = -4.82."""
    both = {"refunds": sample("real_sandbox_records_airbyte")["refunds_partial_x2"]}
    returned = [
        sold(
            refund["order_id"], refund["created_at"], refunds=[{"id": refund["id"], "created_at": refund["created_at"]}]
        )
        for refund in both["refunds"]
    ]
    square.orders(*returned, more=[("refunds", both)])
    assert square.rows("pos_tenders", "receipt_id", *TENDERS) == [
        "BFkIiV4W7baTDDx2CGGhdEzvTOCZY card -5.00 2021-06-22",
        "NpZRjYMGKOKeTe0BTp7N5r8kM0LZY card -14.85 2021-06-18",
    ]
    square.deliver("refunds", ("refunds", both))
    first, second = (refund["id"] for refund in both["refunds"])
    assert square.rows("payments", *PAYMENTS) == [
        f"refund {first} -14.85 -0.51 -14.34 NpZRjYMGKOKeTe0BTp7N5r8kM0LZY",
        f"refund {second} -5.00 -0.18 -4.82 BFkIiV4W7baTDDx2CGGhdEzvTOCZY",
    ]


@needs_samples
def test_payments_that_were_completed(square: SquareBench) -> None:
    """555 less 34, 8803 less 285 (the fee of two hours later), 1000 whose fee is not known yet; the cancelled one is none."""
    real = sample("real_sandbox_records_airbyte")
    listed = [*example("ListPayments")["payments"], example("CreatePayment")["payment"]]
    square.deliver(
        "payments",
        ("payments", {"payments": [*listed, real["payment_completed_fee_2h_later"], real["payment_canceled"]]}),
    )
    assert square.rows("payments", *PAYMENTS[:5]) == [
        "charge R2B3Z8WMVt3EAmzYWLZvz7Y69EbZY 10.00 0.00 10.00",
        "charge bP9mAsEMYPUGjjGNaNO5ZDVyLhSZY 5.55 0.34 5.21",
        "charge nneK6BjIQRXh32F97v8JOXfm9oAZY 88.03 2.85 85.18",
    ]


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
def test_official_payouts(square: SquareBench) -> None:
    """6259 to a card and a withdrawal of 103; each on the day it arrives."""
    square.deliver("payouts", ("payouts", example("ListPayouts")), begin="2022-03-24", end="2022-03-31")
    assert square.rows(
        "payouts", "payout_date", "payout_no", "status", "charges_amount", "total_amount", "payout_id"
    ) == [
        f"2022-03-24 1 paid -1.03 -1.03 square/{square.account}/USD/po_f3c0fb38-a5ce-427d-b858-52b925b72e45",
        f"2022-03-29 1 paid 62.59 62.59 square/{square.account}/USD/po_b345d2c7-90b3-4f0b-a2aa-df1def7f8afc",
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
def test_a_real_location(square: SquareBench) -> None:
    """One that is a store of ours is described by whoever calls it so."""
    real = sample("real_sandbox_records_airbyte")["location"]
    answer = {"locations": [real, {**real, "id": "L2"}]}
    square.deliver("locations", ("", answer), connection={"stores": {"L2": "S02"}})
    assert square.rows("locations", "location_id", "kind", "country", "time_zone", "title") == [
        "LH2XR7AMG39HX store US UTC Default Test Account"
    ]


def test_an_exchange_with_all_that_a_receipt_may_have(square: SquareBench) -> None:
    """Each part is a line; together they are the money: 21.60 + 25.00 + 3.30 + 2.00 - 0.02 - 11.00 + 0.01 = 40.89."""
    order = sold(
        line_items=[
            line("V1", "1.5", 1600, tax=160, discount=400),  # 24.00 - 4.00 + 1.60
            {"uid": "g", "quantity": "1", "item_type": "GIFT_CARD", "total_money": usd(2500)},
        ],
        service_charges=[
            {"name": "Delivery", "applied_money": usd(300), "total_money": usd(330), "total_tax_money": usd(30)},
            {"name": "In the lines", "total_money": usd(99), "treatment_type": "APPORTIONED_TREATMENT"},
        ],
        total_tip_money=usd(200),
        rounding_adjustment={"amount_money": usd(-2)},
        returns=[
            {
                "source_order_id": "O0",
                "return_line_items": [line("V2", "1", 1000, tax=100)],
                "rounding_adjustment": {"amount_money": usd(-1)},
            }
        ],
        tenders=[taken("CASH", 3000), taken("SQUARE_GIFT_CARD", 500), taken("CARD", 589, card_details={"status": "CAPTURED"}),
                 taken("THIRD_PARTY_CARD", 0)],
    )  # fmt: skip
    square.orders(order, more=[("catalog", catalog(V1="A-1", V2="A-2"))])
    assert square.rows("pos_sales", *SALES) == [
        "sale A-1 1.5 21.60 1.60 20.00 4.00",
        "gift_card_sold - 1 25.00 0.00 25.00 0.00",
        "sale - 1 3.30 0.30 3.00 0.00",
        "tip - 1 2.00 0.00 2.00 0.00",
        "rounding - 1 -0.02 0.00 -0.02 0.00",
        "return A-2 -1 -11.00 -1.00 -10.00 0.00",
        "rounding - -1 0.01 0.00 0.01 0.00",
    ]
    assert square.rows("pos_tenders", *TENDERS[:2]) == ["card 5.89", "cash 30.00", "gift_card 5.00", "other 0.00"]


def test_where_prices_hold_the_tax_the_discount_holds_its_share(square: SquareBench) -> None:
    """12.00 with 20 % in it, half off: 6.00 with 1.00 of tax, 5.00 net; the discount of 6.00 is 5.00 without tax."""
    item = {**line("V1", "1", 1200, discount=600), "total_money": usd(600), "total_tax_money": usd(100),
            "applied_taxes": [{"uid": "a", "tax_uid": "vat"}]}  # fmt: skip
    square.orders(sold(line_items=[item], taxes=[{"uid": "vat", "type": "INCLUSIVE", "percentage": "20"}]))
    assert square.rows("pos_sales", *SALES) == ["sale - 1 6.00 1.00 5.00 5.00"]


@pytest.mark.parametrize(
    ("tenders", "due", "is_receipt"),
    [
        pytest.param([taken("CARD", 1000)], 0, True, id="paid, to be fetched later"),
        pytest.param([taken("CARD", 1000, card_details={"status": "AUTHORIZED"})], 0, False, id="authorised only"),
        pytest.param([taken("CASH", 400)], 600, False, id="paid in part"),
        pytest.param([], 0, False, id="nothing paid"),
    ],
)
def test_an_open_order_is_a_receipt_once_it_is_paid(
    square: SquareBench, tenders: list[Row], due: int, is_receipt: bool
) -> None:
    """Its money and its goods come on the same day."""
    order = sold(state="OPEN", line_items=[line("V1", "1", 1000)], tenders=tenders, net_amount_due_money=usd(due))
    square.orders(order)
    assert bool(square.rows("pos_sales", *SALES)) == bool(square.rows("pos_tenders", *TENDERS)) == is_receipt


def test_days_are_those_of_the_store(square: SquareBench) -> None:
    """02:30 in Chicago is of the day before where days begin at four; a zone of the settings is above Square's."""
    night = sold(at="2026-11-19T08:30:00Z", line_items=[line("V1", "1", 1000)])
    more = [("locations", locations(("L", "America/Chicago")))]
    square.orders(night, more=more)
    assert square.rows("pos_sales", "store", "business_date") == ["L 2026-11-19"]
    square.orders(night, more=more, day_starts_at="04:00")
    assert square.rows("pos_sales", "store", "business_date") == ["L 2026-11-18"]
    stores = {"stores": {"L": "S01"}}
    square.orders(night, more=more, day_starts_at="04:00", connection=stores, time_zones={"S01": "Europe/Berlin"})
    assert "S01 2026-11-19" in square.rows("pos_sales", "store", "business_date")


def test_words_that_nobody_knows_reject_their_row(square: SquareBench) -> None:
    """A new kind of tender is not taken for one we know; the others of its receipt wait with it."""
    outcome = square.orders(
        sold(line_items=[line("V1", "1", 1000)], tenders=[taken("SEASHELLS", 500), taken("CASH", 500)])
    )
    assert square.bench.rejected(outcome) == [
        (1, "tender", "SEASHELLS", "cannot be read as one of the words that its source translates")
    ]
    assert square.rows("pos_tenders", *TENDERS) == []


def test_a_refund_that_failed_takes_the_place_of_the_one_that_was_expected(square: SquareBench) -> None:
    """Pending it counts as given back; when it failed, nothing was."""
    order = sold(
        returns=[{"return_line_items": [line("V1", "1", 1000)]}], refunds=[{"created_at": "2026-11-19T17:00:00Z"}]
    )
    refund = {
        "id": "R1",
        "order_id": "O1",
        "amount_money": usd(1000),
        "destination_type": "CARD",
        "created_at": order["created_at"],
    }
    for status, expected in (("PENDING", "card -10.00"), ("FAILED", "card 0.00")):
        square.orders(order, more=[("refunds", {"refunds": [{**refund, "status": status}]})])
        assert square.rows("pos_tenders", *TENDERS[:2]) == [expected]


@pytest.mark.parametrize("repeated", [False, True])
def test_of_an_order_that_came_twice_the_newest_counts(square: SquareBench, repeated: bool) -> None:
    """In one delivery, in whatever order its pages have it."""
    old = sold(line_items=[line("V1", "1", 1000)], version=1)
    new = {**sold(line_items=[line("V1", "2", 1000)], version=2), "updated_at": "2026-11-19T18:00:00.5Z"}
    square.orders(*([new, old] if repeated else [old, new]))
    assert square.rows("pos_sales", *SALES) == ["sale - 2 20.00 0.00 20.00 0.00"]


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
