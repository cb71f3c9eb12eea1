"""Contract of the story of each order and store receipt: when each step happened, how long it took, what is missing."""

from __future__ import annotations

import pandera.ibis as pa

from retail_sync.schemas.types import CURRENCY, Count, Day, Hours, Instant, Money, Quantity, key, one_of, plain, text

TRACED_KINDS = ("order", "receipt")
# In the order in which they happen. A step that comes after none of these is never missing: nobody has to send goods back.
STEPS = ("payment", "shipment", "settlement", "deposit")


class OrderTraces(pa.DataFrameModel):
    """The story of one channel order or store receipt that any canonical table names, from the order to the deposit.

    A payment, settlement line or return belongs to the order of its own channel. Where that channel has no order of the
    number and sells nothing itself (a card processor), or where a return names it, it belongs to the only order or receipt
    that has the number; with none or several it stays with its own channel.
    A step that no delivery shows is empty, not zero. Amounts are empty where their rows are in several currencies.
    """

    kind: str = one_of("order of a channel, or receipt of a store", *TRACED_KINDS)
    channel: str = key("channel of the order; of a receipt its store")
    register: str = text("till of a receipt; empty for an order")
    order_id: str = key("the channel's order number, or the till's receipt number")
    ordered_on: Day = plain("local day of ordered_at", nullable=True)
    ordered_at: Instant = plain("when it was ordered, or rung up (UTC)", nullable=True)
    line_count: Count = plain("order lines, or lines of the receipt")
    order_currency: str = pa.Field(description="currency of ordered_amount", nullable=True, str_matches=CURRENCY)
    ordered_amount: Money = plain("what the customer pays in all; of a receipt the sum of its lines", nullable=True)
    currency: str = pa.Field(
        description="the one currency of all its payments, tenders, refunds and settlement lines; empty for none or several",
        nullable=True,
        str_matches=CURRENCY,
    )
    first_paid_at: Instant = plain("first charge; of a receipt its first tender (UTC)", nullable=True)
    last_paid_at: Instant = plain("last of them (UTC)", nullable=True)
    payment_count: Count = plain("charges; of a receipt tenders that took money in")
    paid_amount: Money = plain("their sum, before fees", nullable=True)
    card_amount: Money = plain("card tenders of a receipt, which a processor pays out", nullable=True)
    shipped_on: Day = plain("local day of first_shipped_at", nullable=True)
    first_shipped_at: Instant = plain("when the first goods left (UTC)", nullable=True)
    last_shipped_at: Instant = plain("when the last goods left (UTC)", nullable=True)
    shipment_count: Count = plain("shipment lines")
    first_posted_at: Instant = plain("first settlement line of it, as the channel booked it (UTC)", nullable=True)
    last_posted_at: Instant = plain("last of them (UTC)", nullable=True)
    settlement_count: Count = plain("settlements and payouts it has lines in")
    first_settlement_id: str = text("the one with its first line", nullable=True)
    last_settlement_id: str = text("the one with its last line", nullable=True)
    settled_amount: Money = plain("sum of its settlement lines: what it brought, fees taken off", nullable=True)
    first_refunded_at: Instant = plain("when money first went back, disputes included (UTC)", nullable=True)
    last_refunded_at: Instant = plain("when money last went back (UTC)", nullable=True)
    refunded_amount: Money = plain(
        "money that went back (negative), as payments and tenders say; without any, as settlement lines, else as returns say",
        nullable=True,
    )
    first_returned_at: Instant = plain("when goods first came back (UTC)", nullable=True)
    last_returned_at: Instant = plain("when goods last came back (UTC)", nullable=True)
    returned_quantity: Quantity = plain("units that came back", nullable=True)
    settled_on: Day = plain("day its first settlement closed", nullable=True)
    deposited_on: Day = plain(
        "value date of that settlement's deposit, or of the one that paid it after a failed transfer", nullable=True
    )
    last_deposited_on: Day = plain("the same of its last settlement", nullable=True)
    order_to_payment_hours: Hours = plain("first_paid_at - ordered_at", nullable=True)
    payment_to_shipment_hours: Hours = plain("first_shipped_at - first_paid_at", nullable=True)
    shipment_to_settlement_days: Count = plain("settled_on - shipped_on", nullable=True)
    settlement_to_deposit_days: Count = plain("deposited_on - settled_on", nullable=True)
    order_to_deposit_days: Count = plain("deposited_on - ordered_on", nullable=True)
    missing: str = text(
        f"steps that should be there by now ({', '.join(STEPS)}): its channel and currency show them for earlier and for "
        "later orders, beyond the days of order_steps.csv; deposit: its settlement's is overdue. Empty for none"
    )
