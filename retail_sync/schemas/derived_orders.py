"""Contracts of what is computed of channel orders: what each should bring beside what was settled for it."""

from __future__ import annotations

import pandera.ibis as pa

from retail_sync.schemas.types import Count, Day, Money, currency, key, one_of, plain, text

ORDER_COMPONENTS = ("goods", "shipping", "tax", "total", "list_price")
ORDER_STATUSES = ("matched", "variance", "left_only", "right_only", "awaiting_settlement", "not_compared")
ORDER_BREAKS = (
    "order_never_settled",
    "order_unknown",
    "order_settled_twice",
    "order_amount_differs",
    "order_tax_differs",
    "order_sign_reversed",
    "order_currency_differs",
    "order_settled_late",
    "order_price_differs",
    "order_undetermined",
)


class OrderSettlements(pa.DataFrameModel):
    """What a channel order should bring × what its settlements hold for it, by component.

    An order may be settled in parts over several settlements: they are summed. `list_price` compares the order's own prices
    with the ERP's price list, where it has one for that channel and day. Fees and refunds have no expected side here.
    """

    channel: str = key("marketplace or web shop")
    order_id: str = key("the channel's own order number")
    component: str = one_of(
        "goods: after discounts; shipping: with gift wrap; tax; total: where the channel settles orders as one amount",
        *ORDER_COMPONENTS,
    )
    currency: str = currency()
    business_date: Day = plain("day of the order; day it was first settled where the order is not known")
    settled_on: Day = plain("day of the last line settled for it", nullable=True)
    settlement_count: Count = plain("settlements that hold a part of it")
    settlement_ids: str = text("these settlements, by id, separated by commas", nullable=True)
    expected_amount: Money = plain("what the order says (list_price: list price × quantity)", nullable=True)
    settled_amount: Money = plain("what was settled (list_price: price × quantity of the order)", nullable=True)
    difference: Money = plain("settled_amount - expected_amount; null where a side is missing", nullable=True)
    kind: str = text("class of the difference as the comparison names it; empty where there is none")
    status: str = one_of(
        "verdict; not_compared: the order is cancelled, or older than the orders delivered", *ORDER_STATUSES
    )
