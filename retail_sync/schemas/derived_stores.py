"""Contracts of what is computed of the stores' days: sums by component, and the comparisons of each day."""

from __future__ import annotations

import pandera.ibis as pa

from retail_sync.schemas.types import Count, Day, Flag, Money, currency, key, one_of, plain, text

SIDES = ("sales", "tenders", "drawer")
STORE_DAY_STATUSES = (
    "matched", "variance", "left_only", "right_only", "open", "awaiting_processor", "explained_by_tenders",
)  # fmt: skip
COMPARISONS = ("sales_tenders", "drawer", "card_payments", "receipt_sources")


class StoreDayComponents(pa.DataFrameModel):
    """Receipts, tenders and drawers summed by store, day, register and component: the one pass over the rows.

    Sales are positive, discounts, refunds and their tax negative; tenders positive when money comes in.
    """

    store: str = key("store")
    business_date: Day = plain("local day of the store")
    currency: str = currency()
    register: str = key("till within the store")
    side: str = one_of("which side of the day it belongs to", *SIDES)
    component: str = key("posting_rules.csv says where it is booked")
    amount: Money = plain("sum of the rows")
    row_count: Count = plain("rows summed")


class StoreDays(pa.DataFrameModel):
    """A comparison of a store's day: sales × tenders and cash × drawer by register, card tenders × card payments by store.

    explained_by_tenders: the processor reports just what the tenders lack, so tenders_differ or tenders_missing tells it all.
    """

    store: str = key("store")
    business_date: Day = plain("local day of the store")
    currency: str = currency()
    register: str = text("till; empty for the whole store")
    comparison: str = one_of(
        "sales_tenders: receipts × tenders; drawer: cash tenders × cash counted; card_payments: card tenders × processor; "
        "receipt_sources: receipts of all sources × of one, where two deliver the same",
        *COMPARISONS,
    )
    left_amount: Money = plain("receipts, cash tenders, card tenders", nullable=True)
    right_amount: Money = plain("tenders, counted proceeds, processor's gross payments", nullable=True)
    difference: Money = plain("right_amount - left_amount: over is positive, short negative", nullable=True)
    explained_amount: Money = plain(
        "part of the difference that is told as tenders_differ or tenders_missing of the same store and day"
    )
    status: str = one_of("verdict", *STORE_DAY_STATUSES)


class StoreDayReceipts(pa.DataFrameModel):
    """A receipt of a store day that is told, where what was rung up, tendered and reported by the processor is not the same.

    A side that nobody delivered is null, not zero.
    """

    store: str = key("store")
    business_date: Day = plain("local day of the store")
    currency: str = currency()
    register: str = text("till within the store; empty where only a payment tells of the receipt in that currency")
    receipt_id: str = key("the till's own receipt number")
    rung_up_amount: Money = plain("its lines, tax included", nullable=True)
    tendered_amount: Money = plain("its tenders of all kinds", nullable=True)
    card_amount: Money = plain("its card tenders", nullable=True)
    paid_amount: Money = plain("card payments less refunds that a processor reports for it", nullable=True)
    is_explained: Flag = plain(
        "the payments are, or are part of, what its tenders lack: one cause, told of the tenders"
    )
    has_shared_number: Flag = plain("payments name its number, and another receipt has it too: they belong to neither")
    is_reported: Flag = plain("the processor's reports reach that day plus three: what they lack is missing")
