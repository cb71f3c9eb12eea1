"""Contract of what went back: money given back × goods that came back × what is booked of both."""

from __future__ import annotations

import pandera.ibis as pa

from retail_sync.schemas.types import Count, Day, Flag, Money, Quantity, currency, key, one_of, plain, text

RETURNED_KINDS = ("order", "receipt", "return")
RETURN_STATUSES = ("matched", "variance", "left_only", "right_only", "undetermined", "awaiting", "not_compared")
RETURN_FINDINGS = (
    "", "no_goods", "no_refund", "more", "less", "twice", "no_order", "order_unknown", "stated_or_twice", "currencies",
    "goods_awaited", "refund_awaited", "order_awaited",
)  # fmt: skip
RETURN_BREAKS = (
    "return_refund_without_goods",
    "return_goods_without_refund",
    "return_refunded_more",
    "return_refunded_less",
    "return_refunded_twice",
    "return_goods_more",
    "return_not_booked",
    "return_undetermined",
)


class Returns(pa.DataFrameModel):
    """An order or receipt of which money or goods went back: goods that came back × money given back × what is booked.

    It stands under the channel or store that sold, wherever it was returned. A till's return receipt that names no sale is a row
    of its own, and so is a return that names no order. Money given back is told by payments, else by settlement lines, else by
    the return itself; a store gives back what its till rang up. Goods that were never posted in the ERP are told by
    `inventory_variances` (`unposted_return`), not here: compare `returned_quantity` with `posted_quantity`.
    """

    kind: str = one_of("order of a channel, receipt of a store, or a return that names neither", *RETURNED_KINDS)
    channel: str = key("channel or store that sold; of a return without an order, who took it")
    register: str = text("till of a receipt; empty otherwise")
    order_id: str = key("order or receipt number; of a return without an order, its own")
    currency: str = currency("currency of the amounts")
    currency_count: Count = plain("currencies in which it was refunded or booked; goods stand in the first one")
    sold_on: Day = plain("day it was sold, where that is known", nullable=True)
    sold_quantity: Quantity = plain("units sold", nullable=True)
    sold_amount: Money = plain("what it brought in all, tax and shipping included", nullable=True)
    cheapest_amount: Money = plain("price of its cheapest unit: a smaller refund brings no goods back", nullable=True)
    refunded_amount: Money = plain("money given back (positive)")
    goods_refunded_amount: Money = plain("of it for goods, and whatever is not told apart")
    goodwill_amount: Money = plain("of it as goodwill")
    kept_fee_amount: Money = plain("restocking fee that makes it smaller")
    refund_count: Count = plain("documents that gave money back")
    smallest_refund: Money = plain("the smallest of them", nullable=True)
    largest_refund: Money = plain("the largest of them", nullable=True)
    refunds: str = text("who gave back on which day")
    refunded_from: Day = plain("day money first went back", nullable=True)
    refunded_to: Day = plain("day money last went back", nullable=True)
    own_refunded_from: Day = plain("the first by the channel that sold", nullable=True)
    own_refunded_to: Day = plain("the last by the channel that sold", nullable=True)
    returned_quantity: Quantity = plain("units that came back, as returns and tills say; without any, as the ERP does")
    restocked_quantity: Quantity = plain("of them back in stock")
    written_off_quantity: Quantity = plain("of them written off")
    returned_from: Day = plain("day goods first came back", nullable=True)
    returned_to: Day = plain("day goods last came back", nullable=True)
    own_returned_from: Day = plain("the first at a place of the channel that sold", nullable=True)
    own_returned_to: Day = plain("the last at a place of the channel that sold", nullable=True)
    is_elsewhere: Flag = plain("came back elsewhere: a channel's order in a store, a receipt in another store")
    returned_to_places: str = text("where the goods came back, separated by commas")
    skus: str = text("articles that came back, separated by commas")
    return_documents: str = text("returns that tell of them, and who took them")
    has_document: Flag = plain("a return names it; false where only a till's own receipt, or the ERP, tells of goods")
    taker_count: Count = plain("who took goods back, counted")
    goods_amount: Money = plain("what these goods were sold for, without tax", nullable=True)
    goods_total: Money = plain(
        "what they were sold for with all tax and shipping that other goods leave", nullable=True
    )
    excess_quantity: Quantity = plain("units that came back beyond those sold")
    excess_amount: Money = plain("what these were sold for", nullable=True)
    is_repeated: Flag = plain("the same quantity came back several times, once as sold")
    posted_quantity: Quantity = plain("units that the ERP posted as returned: their cost is taken back")
    posted_on: Day = plain("day the ERP first posted them", nullable=True)
    booked_amount: Money = plain("refunds in settlements and of tills, which the journal books")
    unsettled_amount: Money = plain("given back by the channel and in no settlement yet")
    unrung_amount: Money = plain("given back elsewhere as a return says, and rung up by no till")
    unrung_at: str = text("where")
    expected_amount: Money = plain(
        "what should have been given back for the goods; null where unknown or awaited", nullable=True
    )
    difference: Money = plain("refunded_amount - expected_amount", nullable=True)
    booking_difference: Money = plain("booked less given back, where the books should have it by now")
    finding: str = one_of("what differs, or is awaited", *RETURN_FINDINGS)
    status: str = one_of(
        "verdict; left_only: goods and no refund, right_only: a refund and no goods, not_compared: the channel does not show "
        "the other side of earlier orders, or what was sold is not known",
        *RETURN_STATUSES,
    )
