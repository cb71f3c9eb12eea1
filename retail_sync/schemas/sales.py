"""Canonical tables of what was sold: channel orders with their money and goods, and what the stores' tills recorded.

Signs: quantities and amounts of a sale are positive, those of a return or refund negative; a tender is positive when money
comes in. Instants are UTC; `business_date` is the local day of the store or channel that owns the event.
"""

from __future__ import annotations

import pandera.ibis as pa

from retail_sync.schemas.contract import RowRule
from retail_sync.schemas.types import Count, Day, Instant, Money, Quantity, currency, key, one_of, plain, text

SALE_KINDS = ("sale", "return", "gift_card_sold", "tip", "rounding")
TENDERS = ("cash", "card", "gift_card", "voucher", "account", "other")
PAYMENT_KINDS = ("charge", "refund", "chargeback", "adjustment", "reserve", "fee", "payout", "other")
PAYOUT_STATUSES = ("scheduled", "in_transit", "paid", "failed", "canceled")
GIFT_CARD_KINDS = ("sold", "redeemed", "issued", "expired")
GIFT_CARD_SIGN = RowRule(
    "amount",
    "kind in ('sold', 'issued') and amount < 0 or kind in ('redeemed', 'expired') and amount > 0",
    "contradicts its kind: sold and issued are positive, redeemed and expired negative",
)

# A sale of negative quantity that costs nothing is a write-off; one of negative amount alone is a correction of money (the
# UCI sample has both). Both negative at once is a return that nobody called so.
SALE_SIGNS = (
    RowRule(
        "quantity",
        "kind = 'return' and quantity > 0",
        "is above zero in a return, whose goods come back: it has a minus",
    ),
    RowRule(
        "gross_amount",
        "kind = 'return' and (gross_amount > 0 or net_amount > 0 or tax_amount > 0)",
        "is above zero in a return, whose money goes back: it has a minus",
    ),
    RowRule(
        "quantity",
        "kind = 'sale' and quantity < 0 and gross_amount <> 0",
        "is below zero in a sale with an amount: its kind is return",
    ),
)
PAYMENT_FIGURES = (
    RowRule("net_amount", "gross_amount - fee_amount <> net_amount", "is not gross_amount - fee_amount"),
    RowRule(
        "fee_amount",
        "kind = 'charge' and gross_amount > 0 and fee_amount < 0",
        "is below zero: what the processor keeps of a payment is positive",
    ),
    RowRule(
        # A refund that failed or was taken back comes in again.
        "gross_amount",
        "kind = 'refund' and gross_amount > 0 "
        "and not regexp_matches(lower(coalesce(source_type, '')), 'fail|cancel|revers|won')",
        "is above zero in a refund, whose money goes back: it has a minus",
    ),
)


class Customers(pa.DataFrameModel):
    """A customer of a channel, by pseudonym: no name, no address, no mail."""

    channel: str = key("channel or store system that knows the customer")
    customer_id: str = key("pseudonym: a hash of the channel's own id, never the id itself")
    country: str = text("ISO 3166 country the customer is taxed in", nullable=True)
    tax_status: str = text("consumer, business or exempt, as the source says it", nullable=True)
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class Orders(pa.DataFrameModel):
    """An order of a channel, as it stands in the newest delivery that holds it."""

    channel: str = key("marketplace or web shop")
    order_id: str = key("the channel's own order number")
    ordered_at: Instant = plain("when the customer ordered (UTC)")
    business_date: Day = plain("local calendar day of ordered_at in the source's time zone")
    status: str = text("the channel's own word: open, paid, refunded, cancelled, ...")
    customer_id: str = text("pseudonym of the customer", nullable=True)
    destination_country: str = text(
        "ISO 3166 country the goods go to, where the order says it; else the customer's country counts", nullable=True
    )
    tax_owed_by: str = one_of(
        "who owes the tax office the tax of the order, where the channel says it",
        "seller",
        "marketplace",
        nullable=True,
    )
    location_id: str = text("store that sold it, where the channel names one", nullable=True)
    currency: str = currency()
    total_amount: Money = plain("what the customer pays in all, tax and shipping included")
    tax_amount: Money = plain("tax in total_amount", nullable=True)
    shipping_amount: Money = plain("shipping in total_amount", nullable=True)
    discount_amount: Money = plain("discount given (positive), already taken off total_amount", nullable=True)
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class OrderLines(pa.DataFrameModel):
    """A line of a channel order."""

    channel: str = key("marketplace or web shop")
    order_id: str = key("the channel's own order number")
    order_line_no: Count = pa.Field(description="place of the line in its order, from 1", ge=1)
    sku: str = text("seller's stock keeping unit, byte for byte", nullable=True)
    title: str = text("what the channel calls it", nullable=True)
    quantity: Quantity = plain("units ordered")
    currency: str = currency()
    unit_price: Money = plain("price of one unit before discount")
    discount_amount: Money = plain("discount on the line (positive)", nullable=True)
    tax_amount: Money = plain("tax of the line", nullable=True)
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class Payments(pa.DataFrameModel):
    """Money that a payment processor moved for an order, before or after it is paid out.

    gross_amount - fee_amount = net_amount. A refund has a negative gross_amount.
    """

    channel: str = key("web shop or processor")
    payment_id: str = key("the processor's own id, or order, kind, instant and occurrence")
    account: str = key("shop or processor account it belongs to (the source's account)")
    kind: str = one_of("what moved", *PAYMENT_KINDS)
    source_type: str = text("the source's own word for it, kept as it came", nullable=True)
    order_id: str = text("order it belongs to", nullable=True)
    paid_at: Instant = plain("when the processor booked it (UTC)")
    business_date: Day = plain("local calendar day of paid_at in the source's time zone")
    currency: str = currency("currency of the amounts, in which it is paid out")
    gross_amount: Money = plain("what the customer paid (positive) or got back (negative)")
    fee_amount: Money = plain("what the processor keeps (positive)")
    net_amount: Money = plain("gross_amount - fee_amount")
    presentment_amount: Money = plain("what the customer saw, signed as gross_amount", nullable=True)
    presentment_currency: str = text("currency the customer saw", nullable=True)
    payout_id: str = text(
        "payout it is in, as channel/account/currency/number; empty while it is pending", nullable=True
    )
    payout_date: Day = plain("day of that payout", nullable=True)
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class Payouts(pa.DataFrameModel):
    """A payout as the processor lists it, with what it is made of. All parts sum to total_amount, each signed as it counts.

    A list may name no payout id. Then its row is that of a payout of the same account, day and currency, where there is one
    of each; the rows of a day are replaced together. A payout whose day moved stands under each of them: what counts is in
    canonical.payouts_in_force.
    """

    channel: str = key("web shop or processor")
    account: str = key("shop or processor account (the source's account)")
    payout_date: Day = plain("day of the payout, as the processor says")
    currency: str = currency()
    payout_no: Count = pa.Field(description="place among the payouts of that day and currency, from 1", ge=1)
    payout_id: str = text("channel/account/currency/number, where the list has the processor's number", nullable=True)
    bank_reference: str = text("what the bank statement calls it, where that is not its number", nullable=True)
    status: str = one_of("where it stands", *PAYOUT_STATUSES)
    charges_amount: Money = plain("payments in it")
    refunds_amount: Money = plain("refunds in it (negative)")
    adjustments_amount: Money = plain("adjustments, disputes included")
    reserved_amount: Money = plain("held back (negative) or released (positive)")
    fees_amount: Money = plain("what the processor keeps (negative)")
    retried_amount: Money = plain("earlier payouts that failed and are paid again")
    other_amount: Money = plain("everything else the list names: marketplace tax, advances")
    total_amount: Money = plain("what is paid out (negative: taken from the bank account)")
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class Fulfilments(pa.DataFrameModel):
    """Units of an order that left a location."""

    channel: str = key("marketplace or web shop")
    fulfilment_id: str = key("the source's own id of the shipment line")
    order_id: str = key("order it belongs to")
    shipped_at: Instant = plain("when the goods left (UTC)")
    business_date: Day = plain("local calendar day of shipped_at in the source's time zone")
    location_id: str = text("where they left from", nullable=True)
    sku: str = key("seller's stock keeping unit")
    quantity: Quantity = plain("units shipped (positive)")
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class Returns(pa.DataFrameModel):
    """Goods that came back and money that went back. They may come at different times, and to another place than they left."""

    channel: str = key("channel or store that took the return")
    return_id: str = key("the source's own id of the return line")
    order_id: str = text("order or receipt it belongs to; empty where unlinked", nullable=True)
    returned_at: Instant = plain("when it was taken (UTC)")
    business_date: Day = plain("local calendar day of returned_at in the source's time zone")
    location_id: str = text("where the goods are now", nullable=True)
    sku: str = text("seller's stock keeping unit", nullable=True)
    quantity: Quantity = plain("units that came back (positive)")
    disposition: str = one_of("what became of the goods", "restocked", "written_off", "none")
    currency: str = currency()
    refund_amount: Money = plain("money given back, tax included (positive)")
    tax_amount: Money = plain("tax in it", nullable=True)
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class PosSales(pa.DataFrameModel):
    """A line of a till receipt. gross_amount = net_amount + tax_amount, to the minor unit.

    A return has a negative quantity and negative amounts. A receipt is replaced as a whole by a newer delivery of it.
    """

    store: str = key("store, as the locations table calls it")
    register: str = key("till within the store")
    receipt_id: str = key("the till's own receipt number")
    receipt_line_no: Count = pa.Field(description="place of the line in its receipt, from 1", ge=1)
    kind: str = one_of("what was rung up", *SALE_KINDS)
    sold_at: Instant = plain("when it was rung up (UTC)")
    business_date: Day = plain("local day of sold_at in the store's time zone, from the hour its day starts")
    sku: str = text("stock keeping unit, byte for byte", nullable=True)
    title: str = text("what the till calls it", nullable=True)
    quantity: Quantity = plain("units or weight; negative for a return")
    currency: str = currency()
    gross_amount: Money = plain("what the customer paid for the line, tax included, after discount")
    tax_amount: Money = plain("tax in gross_amount")
    net_amount: Money = plain("gross_amount - tax_amount")
    discount_amount: Money = plain("discount without tax (positive), already taken off net_amount")
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class PosTenders(pa.DataFrameModel):
    """Money taken for a receipt, by kind of tender."""

    store: str = key("store, as the locations table calls it")
    register: str = key("till within the store")
    receipt_id: str = key("the till's own receipt number")
    tender_no: Count = pa.Field(description="place of the tender in its receipt, from 1", ge=1)
    tender: str = one_of("kind of money", *TENDERS)
    tendered_at: Instant = plain("when it was taken (UTC)")
    business_date: Day = plain("local day of tendered_at in the store's time zone, from the hour its day starts")
    currency: str = currency()
    amount: Money = plain("money in (positive) or given back (negative); cash net of change")
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class PosShifts(pa.DataFrameModel):
    """A drawer from opening to closing. Expected cash = opening + cash tenders + paid in - paid out."""

    store: str = key("store, as the locations table calls it")
    register: str = key("till within the store")
    shift_id: str = key("the till's own id of the shift")
    opened_at: Instant = plain("when the drawer was opened (UTC)")
    closed_at: Instant = plain("when it was counted and closed (UTC); empty while open", nullable=True)
    business_date: Day = plain("local day of opened_at in the store's time zone, from the hour its day starts")
    currency: str = currency()
    opening_amount: Money = plain("cash in the drawer at the start")
    paid_in_amount: Money = plain("cash put in that is no sale (positive)")
    paid_out_amount: Money = plain("cash taken out that is no refund (positive), bank drops included")
    counted_amount: Money = plain("cash counted at closing; empty while open", nullable=True)
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class MovedReceipts(pa.DataFrameModel):
    """A day that an earlier delivery had a receipt or shift on, which a newer one dates on another day.

    The newer day is in force. It is a correction, or a till whose numbers start again: then the earlier receipt is missing.
    """

    source: str = key("source that delivered both")
    table_name: str = one_of("canonical table of the receipt or shift", "pos_sales", "pos_tenders", "pos_shifts")
    store: str = key("store, as the locations table calls it")
    register: str = key("till within the store")
    receipt_id: str = key("number of the receipt; of pos_shifts the shift_id")
    earlier_date: Day = plain("business_date that does not count any more")
    delivery_id: str = key("a delivery that has it on that day")


class GiftCardEvents(pa.DataFrameModel):
    """What happened to a gift card, as a card report says. Sold and issued make the liability grow, the others shrink.

    Only issued and expired events are booked from here: they are in no receipt and no payout. What was sold and redeemed is
    booked from the tills' receipts and tenders and must not be booked again. The number of a card is money: only a hash of it
    is kept.
    """

    channel: str = key("shop or system whose cards they are")
    event_id: str = key("the source's own id of the event, or content and occurrence; never the number of the card")
    card_id: str = key("pseudonym: a hash of the card's number, never the number itself")
    kind: str = one_of(
        "what happened; issued: given away without money, expired: will not be redeemed", *GIFT_CARD_KINDS
    )
    occurred_at: Instant = plain("when it happened (UTC)")
    business_date: Day = plain("local calendar day of occurred_at in the source's time zone")
    currency: str = currency()
    amount: Money = plain(
        "change of what is owed to holders of cards: sold, issued positive; redeemed, expired negative"
    )
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")
