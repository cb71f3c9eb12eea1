"""Sentences for differences of channel orders. The subject names channel, order and, where one is meant, the component."""

from __future__ import annotations

from retail_sync.reconcile.wording import Break, Wording, more_or_less


def _where(item: Break) -> str:
    return f" (settlement {item.counterpart})" if item.counterpart else ""


_ASK = "compare the order with its lines in the settlement; claim the difference from the channel, or correct the order"

ORDER_WORDINGS = {
    "order_never_settled": Wording(
        "business",
        lambda b: f"Order {b.subject} of {b.since} should bring {b.money}, and no settlement has it, though later ones are there.",
        lambda _: "see in the channel whether the order was paid; deliver the settlement or payout export it is in",
    ),
    "order_unknown": Wording(
        "data",
        lambda b: f"{b.money} were settled for order {b.subject}, which is in no orders export or is cancelled there{_where(b)}.",
        lambda _: "deliver the orders export of that time",
    ),
    "order_settled_twice": Wording(
        "business",
        lambda b: f"Order {b.subject} was settled more than once: {b.money} {more_or_less(b)} than it brings{_where(b)}.",
        lambda _: "ask the channel: it will take the money back in a later settlement; then this closes by itself",
    ),
    "order_amount_differs": Wording(
        "business",
        lambda b: f"For order {b.subject} {b.money} {more_or_less(b)} was settled than the order says{_where(b)}.",
        lambda _: _ASK,
    ),
    "order_tax_differs": Wording(
        "business",
        lambda b: f"The tax settled for order {b.subject} is {b.money} {more_or_less(b)} than the order says{_where(b)}.",
        lambda _: _ASK,
    ),
    "order_sign_reversed": Wording(
        "data",
        lambda b: f"Order {b.subject} was settled with its sign turned, {b.money} {more_or_less(b)} than it says{_where(b)}.",
        lambda _: _ASK,
    ),
    "order_currency_differs": Wording(
        "business",
        lambda b: f"Order {b.subject} was settled in another currency than it was placed in: {b.money} stand alone{_where(b)}.",
        lambda _: "compare the amounts by the channel's rate of that day",
    ),
    "order_settled_late": Wording(
        "business",
        lambda b: f"Order {b.subject} of {b.since} was settled late: {b.money}, settlement {b.counterpart}.",
        lambda _: "nothing, unless it happens often: then ask the channel",
    ),
    "order_price_differs": Wording(
        "business",
        lambda b: f"Order {b.subject} was sold for {b.money} {more_or_less(b)} than the price list of its day says.",
        lambda _: "correct the price in the channel or in the ERP's price list",
    ),
    "order_undetermined": Wording(
        "business",
        lambda b: f"Order {b.subject} was settled in several currencies, and {b.money} stand alone: whether it was charged "
        f"twice or in another currency cannot be told ({b.counterpart}).",
        lambda _: _ASK,
    ),
}  # fmt: skip
