"""What each of Square's official examples and real sandbox records must become: amounts, signs and days by hand from the files.

The examples are answers in the shapes that the connector reads. An account holds the object of an example, whichever operation
it is the answer of, and the list that is asked for brings it. What an example leaves out and no list can do without (the
location of a drawer, when an order was made, the payout around its entries) is added where it is held.
"""

from __future__ import annotations

from typing import Any

from retail_sync_tests.connectors.shown import Read, Shown
from retail_sync_tests.fakes.square import FakeSquare

PLACE = "L88917AVBK2S5"
# Where the examples happen.
PLACES = (PLACE, "C6W5YS5QM06F5", "59TNP9SA8VGDA", "057P5VYJ4A5X1", "18YC4JDH91E1H", "D7AVYMEAPJ3A3", "LH2XR7AMG39HX")
REAL = "square_real_sandbox_records_airbyte.json"
_PAYOUT = "po_4d28e6c4-7dd5-4de4-8ec9-a059277646a6"
_SALES = "receipt_id | kind | business_date | sku | title | quantity | gross_amount | tax_amount | net_amount | discount_amount"
_PAYMENTS = "kind | payment_id | gross_amount | fee_amount | net_amount | order_id | paid_at | payout_id"


def example(operation: str) -> str:
    """Return the file of an operation's official answer."""
    return f"square_{operation}Response.example.json"


def _hold_order(account: FakeSquare, order: Any, **more: Any) -> None:
    account.orders.append({"created_at": "2020-05-18T16:30:49Z", "updated_at": "2020-05-18T16:30:49Z", **order, **more})


def _hold_entries(account: FakeSquare, read: Read) -> None:
    """The payout of the entries is made by hand: 0.81 - 0.48 = 0.33. Their payments are of another time and are not found."""
    account.entries[_PAYOUT] = read(example("ListPayoutEntries"))["payout_entries"]
    account.payouts.append({
        "id": _PAYOUT, "status": "PAID", "type": "BATCH", "location_id": PLACE, "arrival_date": "2021-12-15", "version": 1,
        "created_at": "2021-12-14T23:31:49Z", "amount_money": {"amount": 33, "currency_code": "USD"},
    })  # fmt: skip


def _hold_count(account: FakeSquare, read: Read) -> None:
    """The article's code is made up: no example of the catalogue is at hand."""
    account.changes += read(example("BatchRetrieveInventoryChanges"))["changes"]
    account.skus["W62UWFY35CWMYGVWK6TWJDNI"] = "AB-1"


def _hold_real(account: FakeSquare, read: Read) -> None:
    """All of the real account at once, its articles without a code."""
    real = read(REAL)
    account.locations = [real["location"]]
    account.orders = [real["order_card_then_refunded_4_days_later"], real["order_custom_amount_no_sku"]]
    account.payments = [real["payment_canceled"], real["payment_completed_fee_2h_later"]]
    account.refunds = real["refunds_partial_x2"]
    account.counts = [real["inventory_count"]]


CASES = (
    Shown(
        # Its fee is not known yet. The 0.10 that an application takes come with the payout.
        "a payment that was made", (example("CreatePayment"),),
        lambda account, read: account.payments.append(read(example("CreatePayment"))["payment"]),
        ("payments",), ("2021-10-13",),
        {"payments": f"""{_PAYMENTS}
            charge | R2B3Z8WMVt3EAmzYWLZvz7Y69EbZY | 10.00 | 0.00 | 10.00 | pRsjRTgFWATl7so6DxdKBJa7ssbZY | 2021-10-13T21:14Z | -
        """},
    ),
    Shown(
        "payments", (example("ListPayments"),),
        lambda account, read: account.payments.extend(read(example("ListPayments"))["payments"]),
        ("payments",), ("2021-10-13",),
        {"payments": f"""{_PAYMENTS}
            charge | bP9mAsEMYPUGjjGNaNO5ZDVyLhSZY | 5.55 | 0.34 | 5.21 | d7eKah653Z579f3gVtjlxpSlmUcZY | 2021-10-13T19:34Z | -
        """},
    ),
    *(
        Shown(
            # 5.55 go back, and Square gives 0.34 of its fee back: -5.55 + 0.34 = -5.21.
            name, (example(operation),), hold, ("refunds",), ("2021-10-13",),
            {"payments": """
                kind | gross_amount | fee_amount | net_amount | order_id | paid_at | payment_id
                refund | -5.55 | -0.34 | -5.21 | 9ltv0bx5PuvGXUYHYHxYSKEqC3IZY | 2021-10-13T19:59Z | """
                "bP9mAsEMYPUGjjGNaNO5ZDVyLhSZY_69MmgHubkLqx9wGhnmenRUHOaKitE6llfZuxcWYjGxd"},
        )
        for name, operation, hold in (
            ("a refund", "GetPaymentRefund",
             lambda account, read: account.refunds.append(read(example("GetPaymentRefund"))["refund"])),
            ("refunds", "ListPaymentRefunds",
             lambda account, read: account.refunds.extend(read(example("ListPaymentRefunds"))["refunds"])),
        )
    ),
    Shown(
        "a refund that is on its way", (example("RefundPayment"),),
        lambda account, read: account.refunds.append(read(example("RefundPayment"))["refund"]),
        ("refunds",), ("2021-10-13",),
        why_nothing="it is pending: money that moved when it is completed, and none if it fails",
    ),
    Shown(
        # -0.50 + 0.02 = -0.48 and 1.00 - 0.19 = 0.81. A refund has its own number, not that of its payment.
        "entries of a payout", (example("ListPayoutEntries"),), _hold_entries, ("payout_entries",), ("2021-12-14",),
        {"payments": f"""
            kind | source_type | gross_amount | fee_amount | net_amount | paid_at | payout_date | payout_id | payment_id
            refund | REFUND | -0.50 | -0.02 | -0.48 | 2021-12-14T23:31Z | 2021-12-15 | square/shop/USD/{_PAYOUT} | """
            f"""HVdG62HeMlti8YYf94oxrN_dR8Nztxg7umf94oxrN12Ji5r2KW14FAY
            charge | CHARGE |  1.00 |  0.19 |  0.81 | 2021-12-14T23:31Z | 2021-12-15 | square/shop/USD/{_PAYOUT} | """
            "HVdG62H5K3291d0SGJS6IWd4cSi8YY"},
    ),
    Shown(
        # 62.59 to a card, 1.03 taken from the bank. What they are made of is said by their entries.
        "payouts", (example("ListPayouts"),),
        lambda account, read: account.payouts.extend(read(example("ListPayouts"))["payouts"]),
        ("payouts",), ("2022-03-24", "2022-03-29"),
        {"payouts": """
            payout_date | payout_no | status | charges_amount | fees_amount | total_amount | payout_id
            2022-03-24 | 1 | paid | -1.03 | 0.00 | -1.03 | square/shop/USD/po_f3c0fb38-a5ce-427d-b858-52b925b72e45
            2022-03-29 | 1 | paid | 62.59 | 0.00 | 62.59 | square/shop/USD/po_b345d2c7-90b3-4f0b-a2aa-df1def7f8afc"""},
    ),
    Shown(
        # Paid out is -100.00 in the example, and positive with us. 99.70 were counted.
        "a drawer and the list of drawers", (example("RetrieveCashDrawerShift"), example("ListCashDrawerShifts")),
        lambda account, read: account.shifts.append(
            {**read(example("RetrieveCashDrawerShift"))["cash_drawer_shift"], "location_id": PLACE}),
        ("cash_drawer_shifts",), ("2019-11-22",),
        {"pos_shifts": f"""
            store | register | opened_at | closed_at | currency | opening_amount | paid_in_amount | paid_out_amount | counted_amount
            {PLACE} | - | 2019-11-22T00:42Z | 2019-11-22T00:44Z | USD | 100.00 | 100.00 | 100.00 | 99.70"""},
    ),
    Shown(
        "an article's quantity after it was changed", (example("BatchChangeInventory"),),
        lambda account, read: account.counts.extend(read(example("BatchChangeInventory"))["counts"]),
        ("inventory",), (), {"listings": "channel_sku | sku | listed_quantity\nW62UWFY35CWMYGVWK6TWJDNI | - | 53"},
    ),
    Shown(
        "quantities", (example("BatchRetrieveInventoryCounts"),),
        lambda account, read: account.counts.extend(read(example("BatchRetrieveInventoryCounts"))["counts"]),
        ("inventory",), (), {"listings": "channel_sku | sku | listed_quantity\nW62UWFY35CWMYGVWK6TWJDNI | - | 79"},
    ),
    Shown(
        "a physical count", (example("BatchRetrieveInventoryChanges"),), _hold_count, ("physical_counts",), ("2016-11-16",),
        {"stock_counts": """
            location_id | sku | kind | quantity | counted_at | business_date
            C6W5YS5QM06F5 | AB-1 | physical | 86 | 2016-11-16T22:24Z | 2016-11-16"""},
    ),
    Shown(
        "an order that is open", (example("RetrieveOrder"),),
        lambda account, read: _hold_order(account, read(example("RetrieveOrder"))["order"]),
        ("orders",), ("2020-05-18",), why_nothing="nothing is paid: it is no receipt yet",
    ),
    Shown(
        # Half off: 5.00 - 2.50, and 2 x 3.00 - 3.00.
        "that order, completed", (example("RetrieveOrder"),),
        lambda account, read: _hold_order(account, read(example("RetrieveOrder"))["order"], state="COMPLETED"),
        ("orders",), ("2020-05-18",),
        {"pos_sales": f"""{_SALES}
            CAISENgvlJ6jLWAzERDzjyHVybY | sale | 2020-05-18 | - | Item 1 | 1 | 2.50 | 0.00 | 2.50 | 2.50
            CAISENgvlJ6jLWAzERDzjyHVybY | sale | 2020-05-18 | - | Item 2 | 2 | 3.00 | 0.00 | 3.00 | 3.00"""},
    ),
    Shown(
        "an order without a state", (example("BatchRetrieveOrders"),),
        lambda account, read: _hold_order(account, read(example("BatchRetrieveOrders"))["orders"][0]),
        ("orders",), ("2020-05-18",), why_nothing="it says neither that it is completed nor that money was taken",
    ),
    Shown(
        # 15.99, and 3 x 20.00 = 60.00: 75.99, as the order says.
        "that order, completed as well", (example("BatchRetrieveOrders"),),
        lambda account, read: _hold_order(account, read(example("BatchRetrieveOrders"))["orders"][0], state="COMPLETED"),
        ("orders",), ("2020-05-18",),
        {"pos_sales": f"""{_SALES}
            CAISEM82RcpmcFBM0TfOyiHV3es | sale | 2020-05-18 | - | Awesome product | 1 | 15.99 | 0.00 | 15.99 | 0.00
            CAISEM82RcpmcFBM0TfOyiHV3es | sale | 2020-05-18 | - | Another awesome product | 3 | 60.00 | 0.00 | 60.00 | 0.00"""},
    ),
    Shown(
        # 99.00 and 15 % of it on top, 14.85, are 113.85. The custom amount has neither article nor tender in the sample.
        "real orders", (REAL,), _hold_real, ("orders",), ("2021-06-18",),
        {
            "pos_sales": f"""{_SALES}
                BxCc4Y2KBt10BUWQheazcgRUR7bZY | sale | 2021-06-18 | - | Able bit, Analysis | 1 | 113.85 | 14.85 | 99.00 | 0.00
                hD1xqUBBHQ3ejMBQiSSmncrYg7OZY | sale | 2021-06-18 | - | - | 1 | 20.56 | 0.00 | 20.56 | 0.00""",
            "pos_tenders": """
                store | receipt_id | tender | amount | tendered_at | business_date
                LH2XR7AMG39HX | BxCc4Y2KBt10BUWQheazcgRUR7bZY | card | 113.85 | 2021-06-18T13:31Z | 2021-06-18""",
        },
    ),
    Shown(
        # 88.03 - 2.85 = 85.18. The other one of that account was canceled.
        "real payments", (REAL,), _hold_real, ("payments",), ("2021-06-29", "2023-01-04"),
        {"payments": f"""{_PAYMENTS}
            charge | nneK6BjIQRXh32F97v8JOXfm9oAZY | 88.03 | 2.85 | 85.18 | 1L6QiJjgk1gEfpBDEpipJI3Ks3QZY | 2023-01-04T17:30Z | -
        """},
    ),
    Shown(
        # -14.85 + 0.51 = -14.34 and -5.00 + 0.18 = -4.82.
        "real refunds", (REAL,), _hold_real, ("refunds",), ("2021-06-18", "2021-06-22"),
        {"payments": """
            kind | source_type | gross_amount | fee_amount | net_amount | order_id | paid_at
            refund | CARD | -14.85 | -0.51 | -14.34 | NpZRjYMGKOKeTe0BTp7N5r8kM0LZY | 2021-06-18T13:37Z
            refund | CARD |  -5.00 | -0.18 |  -4.82 | BFkIiV4W7baTDDx2CGGhdEzvTOCZY | 2021-06-22T19:35Z"""},
    ),
    Shown(
        "a real quantity and its place", (REAL,), _hold_real, ("inventory", "locations"), (),
        {
            "listings": "channel_sku | sku | listed_quantity\nDTZLAR2RKUINQ5WU2SZYI56M | - | 100",
            "locations": "location_id | title | kind | country | time_zone\n"
                "LH2XR7AMG39HX | Default Test Account | store | US | UTC",
        },
    ),
)  # fmt: skip

WITHOUT_FACTS = {
    example("ListCashDrawerShiftEvents"): "the log of a drawer, whose sums the drawer itself has",
    example("SearchOrders"): "numbers of orders instead of orders, which come where `return_entries` is asked for",
}
