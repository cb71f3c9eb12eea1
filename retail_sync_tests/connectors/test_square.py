"""What Square's orders mean as receipts: official examples and real sandbox records, with figures worked by hand."""

from __future__ import annotations

from typing import Any

import pytest

from retail_sync_tests.connectors.square_pages import (
    PAYMENTS,
    SALES,
    TENDERS,
    SquareBench,
    catalog,
    example,
    locations,
    needs_samples,
    sample,
)
from retail_sync_tests.fakes.square_records import Row, line, tender, usd


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
@pytest.mark.parametrize(("state", "expected"), [("OPEN", []), ("DRAFT", []), ("CANCELED", []), ("COMPLETED", [
    "sale - 1 2.50 0.00 2.50 2.50", "sale - 2 3.00 0.00 3.00 3.00"
])])  # fmt: skip
def test_the_official_order_with_half_off(square: SquareBench, state: str, expected: list[str]) -> None:
    """500 and 2 x 300, each at half price. As printed it is open and nobody paid: no receipt."""
    square.orders({**example("RetrieveOrder")["order"], "state": state})
    assert square.rows("pos_sales", *SALES) == expected


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


def test_the_share_of_a_discount_is_no_float(square: SquareBench) -> None:
    """1.80 x (10.80 - 0.51) / 10.80 is 1.715 exactly, which is 1.72; as a float it is a little less."""
    item = {**line("V1", "1", 1260, discount=180), "total_money": usd(1080), "total_tax_money": usd(51),
            "applied_taxes": [{"uid": "a", "tax_uid": "vat"}]}  # fmt: skip
    square.orders(sold(line_items=[item], taxes=[{"uid": "vat", "type": "INCLUSIVE", "percentage": "5"}]))
    assert square.rows("pos_sales", *SALES) == ["sale - 1 10.80 0.51 10.29 1.72"]


@pytest.mark.parametrize(
    ("tenders", "due", "is_receipt"),
    [
        pytest.param([taken("CARD", 1000)], 0, True, id="paid, to be fetched later"),
        pytest.param([taken("CARD", 1000, card_details={"status": "AUTHORIZED"})], 0, False, id="authorised only"),
        pytest.param(
            [taken("BUY_NOW_PAY_LATER", 1000, buy_now_pay_later_details={"status": "AUTHORIZED"})], 0, False,
            id="to be paid later, authorised only",
        ),
        pytest.param(
            [taken("BANK_ACCOUNT", 1000, bank_account_details={"status": "PENDING"})], 0, False, id="on its way from a bank",
        ),
        pytest.param(
            [taken("BANK_ACCOUNT", 1000, bank_account_details={"status": "COMPLETED"})], 0, True, id="come from a bank",
        ),
        pytest.param([taken("CASH", 400)], 600, False, id="paid in part"),
        pytest.param([], 0, False, id="nothing paid"),
    ],
)  # fmt: skip
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


GIFT_CARD = {"card_details": {"card": {"card_brand": "SQUARE_GIFT_CARD"}}}
VISA = {"card_details": {"card": {"card_brand": "VISA"}}}


@pytest.mark.parametrize(
    ("paid_by", "chosen", "kind", "tender", "is_settled"),
    [
        pytest.param(GIFT_CARD, {}, "CARD", "gift_card", False, id="back to the gift card it came from"),
        pytest.param(VISA, {}, "CARD", "card", True, id="back to the card it came from"),
        pytest.param(VISA, GIFT_CARD, "CARD", "gift_card", False, id="to a gift card that was chosen"),
        pytest.param(GIFT_CARD, {}, "CASH", "cash", False, id="in cash"),
        pytest.param(None, {}, "CARD", "card", True, id="of a payment that nobody has any more"),
    ],
)
def test_what_a_gift_card_paid_goes_back_to_it(  # noqa: PLR0917 - the cells of a case
    square: SquareBench, paid_by: Row | None, chosen: Row, kind: str, tender: str, is_settled: bool
) -> None:
    """Of 8.00. Where the money goes the refund says only where somebody chose it (PaymentRefund.destination_details)."""
    order = sold("RET", returns=[{"return_line_items": [line("V1", "1", 800)]}], refunds=[{"id": "R1"}])
    refund = given_back(800, "RET", payment_id="PG", destination_type=kind)
    refund |= {"destination_details": chosen} if chosen else {}
    payment = [] if paid_by is None else [("payment", {"payment": {"id": "PG", "source_type": "CARD", **paid_by}})]
    square.orders(order, more=[("refunds", {"refunds": [refund]}), *payment])
    assert square.rows("pos_tenders", *TENDERS[:2]) == [f"{tender} -8.00"]
    square.deliver("refunds", ("refunds", {"refunds": [refund]}), *payment)
    assert square.rows("payments", *PAYMENTS) == (["refund R1 -8.00 0.00 -8.00 RET"] if is_settled else [])


@pytest.mark.parametrize("repeated", [False, True])
def test_of_an_order_that_came_twice_the_newest_counts(square: SquareBench, repeated: bool) -> None:
    """In one delivery, in whatever order its pages have it."""
    old = sold(line_items=[line("V1", "1", 1000)], version=1)
    new = {**sold(line_items=[line("V1", "2", 1000)], version=2), "updated_at": "2026-11-19T18:00:00.5Z"}
    square.orders(*([new, old] if repeated else [old, new]))
    assert square.rows("pos_sales", *SALES) == ["sale - 2 20.00 0.00 20.00 0.00"]


CARD_PAID = {"card_details": {"status": "CAPTURED"}}


def given_back(amount: int, order_id: str = "O1", **more: Any) -> Row:
    """A refund by card, on the day after the sale."""
    at = "2026-11-20T07:00:00Z"
    return {"id": "R1", "order_id": order_id, "status": "COMPLETED", "created_at": at, "updated_at": at,
            "amount_money": usd(amount), "destination_type": "CARD", **more}  # fmt: skip


def canceled(**more: Any) -> tuple[Row, Row]:
    """An order of 11.00 that is open and paid in full, and how it is when it was canceled on the next day."""
    paid = sold(state="OPEN", net_amount_due_money=usd(0), line_items=[line("V1", "1", 1000, tax=100)],
                tenders=[taken("CARD", 1100, **CARD_PAID)])  # fmt: skip
    return paid, {**paid, "state": "CANCELED", "updated_at": "2026-11-20T07:00:00Z", **more}


SALE, UNDONE = "2026-11-19 sale - 1 11.00 1.00 10.00 0.00", "2026-11-20 return - -1 -11.00 -1.00 -10.00 0.00"


@pytest.mark.parametrize(
    ("refunds", "sales", "tenders"),
    [
        pytest.param([given_back(1100)], [SALE, UNDONE], ["card 11.00 2026-11-19", "card -11.00 2026-11-20"], id="all"),
        pytest.param([given_back(600), given_back(500, id="R2")], [SALE, UNDONE],
                     ["card 11.00 2026-11-19", "card -6.00 2026-11-20", "card -5.00 2026-11-20"], id="all, in two"),
        # What of the goods was kept nobody says: the receipt is told as one whose money differs.
        pytest.param([given_back(500)], [SALE], ["card 11.00 2026-11-19", "card -5.00 2026-11-20"], id="in part"),
        pytest.param([given_back(1100, status="FAILED")], [SALE], ["card 11.00 2026-11-19", "card 0.00 2026-11-20"], id="none"),
        # The return is a receipt of its own.
        pytest.param([given_back(1100, "O2")], [SALE], ["card 11.00 2026-11-19"], id="another order gives it back"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("was_loaded", [True, False])
def test_a_paid_order_that_is_canceled_is_told_with_what_went_back(
    square: SquareBench, refunds: list[Row], sales: list[str], tenders: list[str], was_loaded: bool
) -> None:
    """It takes the place of the receipt that it was. 10.00 and 10 % are 11.00, all of it taken on the 19th."""
    paid, gone = canceled()
    if was_loaded:
        square.orders(paid)
        assert square.rows("pos_sales", "business_date", *SALES) == [SALE]
    square.orders(gone, more=[("refunds", {"refunds": refunds})])
    assert square.rows("pos_sales", "business_date", *SALES) == sales
    assert square.rows("pos_tenders", *TENDERS) == tenders


def test_a_canceled_order_that_names_its_returns_is_undone_by_these(square: SquareBench) -> None:
    """Once, not twice."""
    _, gone = canceled(returns=[{"return_line_items": [line("V1", "1", 1000, tax=100)]}])
    square.orders(gone, more=[("refunds", {"refunds": [given_back(1100)]})])
    assert [row.split()[0] for row in square.rows("pos_sales", *SALES)] == ["sale", "return"]


@pytest.mark.parametrize("status", ["VOIDED", "FAILED", "AUTHORIZED"])
def test_a_canceled_order_whose_money_never_moved_is_no_receipt(square: SquareBench, status: str) -> None:
    """The card was asked and nothing was captured."""
    _, gone = canceled(tenders=[taken("CARD", 1100, card_details={"status": status})])
    square.orders(gone)
    assert square.rows("pos_sales", *SALES) == square.rows("pos_tenders", *TENDERS) == []
    # Beside cash that was taken it is nothing.
    square.orders({**gone, "tenders": [taken("CASH", 300), *gone["tenders"]]})
    assert square.rows("pos_tenders", *TENDERS[:2]) == ["card 0.00", "cash 3.00"]


@pytest.mark.parametrize(("kind", "details", "status"), [
    ("BUY_NOW_PAY_LATER", "buy_now_pay_later_details", "VOIDED"), ("BUY_NOW_PAY_LATER", "buy_now_pay_later_details", "AUTHORIZED"),
    ("SQUARE_ACCOUNT", "square_account_details", "VOIDED"), ("BANK_ACCOUNT", "bank_account_details", "FAILED"),
])  # fmt: skip
def test_each_kind_of_tender_says_itself_that_it_did_not_move(
    square: SquareBench, kind: str, details: str, status: str
) -> None:
    """The order of 11.00 was canceled and nothing of it was ever taken; beside 3.00 in cash it is a tender of nothing."""
    _, gone = canceled(tenders=[taken(kind, 1100, **{details: {"status": status}})])
    square.orders(gone)
    assert square.rows("pos_sales", *SALES) == square.rows("pos_tenders", *TENDERS) == []
    square.orders({**gone, "tenders": [taken("CASH", 300), *gone["tenders"]]})
    assert sorted(square.rows("pos_tenders", *TENDERS[:2])) == ["card 0.00", "cash 3.00"]


def test_a_bank_transfer_that_failed_is_no_money(square: SquareBench) -> None:
    """11.00 were sold and none of it came: the tender of nothing leaves the difference to be told."""
    square.orders(
        sold(
            line_items=[line("V1", "1", 1000, tax=100)],
            tenders=[taken("BANK_ACCOUNT", 1100, bank_account_details={"status": "FAILED"})],
        )
    )
    assert square.rows("pos_sales", *SALES) == ["sale - 1 11.00 1.00 10.00 0.00"]
    assert square.rows("pos_tenders", *TENDERS[:2]) == ["card 0.00"]
