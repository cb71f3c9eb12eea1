"""Canonical tables of what is booked because somebody documents it: vouchers, and what a marketplace holds back at a month end.

No other side exists to compare them with, so both go to the journal at once.
"""

from __future__ import annotations

import pandera.ibis as pa

from retail_sync.schemas.types import Count, Day, Money, currency, key, plain, text


class Vouchers(pa.DataFrameModel):
    """A line of a voucher: what another system or a person documents and no channel, till or bank statement brings.

    Tips paid through payroll, a tax return paid, the interest in a loan statement. All lines of a voucher are one entry.
    """

    voucher_id: str = key("the number that whoever made it gave it")
    voucher_line_no: Count = pa.Field(description="place of the line in its voucher, from 1", ge=1)
    business_date: Day = plain("day it is booked on; the same on all its lines")
    category: str = key("what it is, as posting_rules.csv calls it: tips_paid, sales_tax_paid, loan_interest, ...")
    amount: Money = plain("debit positive, credit negative; the lines of a voucher sum to zero")
    currency: str = currency()
    channel: str = text("channel it concerns, where the posting rules ask for one", nullable=True)
    location: str = text(
        "store, marketplace or country it concerns, where the posting rules ask for one", nullable=True
    )
    memo: str = text("what it was for, in words", nullable=True)
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class DeferredTransactions(pa.DataFrameModel):
    """An amount that a marketplace had earned us and held back on the day of the snapshot (Amazon: DD+7).

    Amazon's report is live: what it said on the first of a month is gone later, so it is exported on that day.
    """

    channel: str = key("marketplace system")
    account: str = key("seller account (the source's account)")
    snapshot_date: Day = plain("day the report was taken; the first one in a month tells the month end before it")
    transaction_id: str = key("the channel's own id of the transaction")
    transaction_line_no: Count = pa.Field(description="place of the amount in its transaction, from 1", ge=1)
    transaction_date: Day = plain(
        "day of the transaction; one after the month end is not deferred from it", nullable=True
    )
    order_id: str = text("order it belongs to", nullable=True)
    category: str = key("governed category, as a settlement line of it has: product_sales, referral_fee, ...")
    amount: Money = plain("as in a settlement: positive when it is owed to us, fees negative")
    currency: str = currency()
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")
