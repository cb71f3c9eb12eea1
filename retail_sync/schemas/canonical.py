"""Canonical tables of settlements and bank: one typed shape whatever the source. Rows are replaced by delivery.

Signs: an amount is seen from the retailer. Money the channel owes us is positive; fees, refunds and reserves it keeps are
negative. A bank amount is positive when money comes in.
"""

from __future__ import annotations

import pandera.ibis as pa

from retail_sync.schemas.types import (
    Count,
    Day,
    Instant,
    Money,
    Quantity,
    currency,
    key,
    plain,
    text,
)


class Settlements(pa.DataFrameModel):
    """A channel's statement of one period for one account and currency, with the total it says it pays.

    A marketplace delivers it as a document. A web shop's payout is put together from its payments and the list of payouts;
    it closes on the day of the payout.

    Source of the rule that lines sum to the total: reference/marketplaces.md 1.4 (V1 CA 7 of 7, V2 DE 11 of 11).
    """

    settlement_id: str = key("the channel's own id of the settlement; of a payout channel/account/currency/number")
    channel: str = key("marketplace system, e.g. amazon")
    account: str = key("seller account the settlement belongs to (the source's account)")
    currency: str = currency()
    period_start_at: Instant = plain("first instant of the period (UTC)")
    period_end_at: Instant = plain("end of the period (UTC)")
    closing_date: Day = plain("local calendar day of period_end_at in the source's time zone; of a payout, its day")
    deposit_date: Day = plain("local calendar day on which the channel says it pays")
    total_amount: Money = plain("what the channel says it pays (negative: what the seller owes)")
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class SettlementLines(pa.DataFrameModel):
    """One amount of one line of a settlement document.

    Amazon gives lines no id and identical lines are legitimate, so the key is the place in the document: delivery, line_no
    and component (a V1 line can carry several amounts; a payment has its amount and its fee).
    """

    settlement_id: str = key("settlement the line belongs to")
    line_no: Count = pa.Field(description="line of the delivered file, its header being line 1", ge=1)
    component: str = key("which amount of that line: amount (V2), the V1 column family; amount or fee of a payment")
    channel: str = key("marketplace system")
    account: str = key("seller account")
    currency: str = currency()
    posted_at: Instant = plain("instant at which the channel booked it (UTC)")
    business_date: Day = plain("local calendar day of posted_at in the source's time zone")
    transaction_type: str = text("the source's own word, kept as it came")
    amount_type: str = text("the source's own word (V1: the column family)")
    amount_description: str = text("the source's own word")
    category: str = key("governed meaning (data/rules/settlement_categories.csv), or unclassified")
    marketplace: str = text("marketplace name as given; empty on many fee lines")
    order_id: str = text("the channel's order number, when the source's value has that form", nullable=True)
    reference: str = text("what stands in the order column but is no order number", nullable=True)
    sku: str = text("seller's stock keeping unit, byte for byte", nullable=True)
    quantity: Quantity = plain("units, on the principal line of an item only", nullable=True)
    amount: Money = plain("positive: owed to us; negative: kept by the channel")
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class BankTransactions(pa.DataFrameModel):
    """A booked line of a bank or card statement. Money in is positive.

    Overlapping exports are one set of rows: a row is identified by the bank's own id where the source declares one, else by
    its content and how often that content occurred before in the same file.
    """

    transaction_id: str = key("the bank's id, or content and occurrence")
    account: str = key("bank account as the statement names it")
    value_date: Day = plain("day the money moved")
    amount: Money = plain("positive: money in")
    currency: str = currency()
    reference: str = text("payer, purpose and references as one text")
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class RejectedRows(pa.DataFrameModel):
    """A delivered row that broke a contract, with its place and reason. Nothing is dropped, nothing coerced in silence."""

    delivery_id: str = key("delivery the row is in")
    source: str = key("source that delivered it")
    table_name: str = key("canonical table it was meant for")
    document_id: str = text("settlement or statement the row belongs to; empty where unknown")
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    column_name: str = key("column that broke the contract")
    value: str = text("what stood there, cut at 200 characters")
    reason: str = key("what was wrong with it")


class IncompleteGroups(pa.DataFrameModel):
    """A group of rows (a receipt, a location's snapshot of a day) that was not read whole in a delivery.

    Rows that are replaced together are so many that one may be missing among them: a row of that group was rejected, or one
    that may belong to it. The rows that were read are in force only where no delivery holds the group whole; a row of its
    table with this delivery and line number is one of them.
    """

    delivery_id: str = key("delivery the group is in")
    source: str = key("source that delivered it")
    table_name: str = key("canonical table of its rows")
    line_no: Count = pa.Field(description="line of the first row of the group that could be read", ge=1)
    group_id: str = text("what its rows have in common, in words: day and location, or store, till and receipt")
    rejected_line_no: Count = pa.Field(description="first rejected line that belongs to it, or may", ge=1)
