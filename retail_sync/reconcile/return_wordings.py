"""Sentences for differences of returns. The subject names channel (of a receipt store and till) and order."""

from __future__ import annotations

from retail_sync.reconcile.wording import Break, Wording, more_or_less


def _refunds(item: Break) -> str:
    return f" ({item.counterpart})" if item.counterpart else ""


def _undetermined(item: Break) -> str:
    story, _, seen = item.counterpart.partition("|")
    match story:
        case "no_order":
            of = f"It may be of {seen}, whose goods have not come back, or of another" if seen else "It may be of any"
            return f"A return of {item.since} ({item.subject}) names no order. {of} sale, or of goods that were never ours."
        case "order_unknown":
            return (
                f"Return {seen} names order {item.subject}, which nothing shows to be sold: its number is wrong, or the export "
                "with the sale is missing."
            )
        case "stated_or_twice":
            return (
                f"{item.money} of the refunds of {item.subject} ({seen}) are stated by a return alone: it tells of the other "
                "refund, or the money was given back twice."
            )
        case "currencies":
            return f"{item.subject} was refunded in several currencies ({seen}): what the goods are worth in each cannot be told."
    return f"More of {item.subject} came back than was sold ({seen}): it came back twice, or two systems tell of one return."


_UNDETERMINED_REMEDY = {
    "no_order": "name the order in the system that took the return, and deliver the return again",
    "order_unknown": "correct the order number in the return, or deliver the export with that order",
    "stated_or_twice": "see in the store's till whether money was paid out; if so, ask the customer for one of the refunds",
    "currencies": "see in the channel which currency the customer paid in",
    "two_systems": "see whether the goods are there twice; if not, take the return out of one of the two systems",
}

RETURN_WORDINGS = {
    "return_refund_without_goods": Wording(
        "business",
        lambda b: f"{b.money} were given back for {b.subject}{_refunds(b)}, and no goods have come back, though those of other "
        "orders have, before and since.",
        lambda _: "ask the customer or the carrier for the goods; claim them from the channel if it gave the money back itself",
    ),
    "return_goods_without_refund": Wording(
        "business",
        lambda b: f"Goods of {b.subject} came back on {b.since} ({b.counterpart}), {b.worth}, and no money was given back.",
        lambda _: "give the customer the money back, or record why not (exchange, warranty)",
    ),
    "return_refunded_more": Wording(
        "business",
        lambda b: f"{b.money} more were given back for {b.subject} than is due for what came back ({b.counterpart}).",
        lambda _: "see who granted it; a part that is goodwill belongs under goodwill, any other is to be claimed back",
    ),
    "return_refunded_less": Wording(
        "business",
        lambda b: f"{b.money} {more_or_less(b)} were given back for {b.subject} than the goods that came back were sold for "
        f"({b.counterpart}).",
        lambda _: "see whether a restocking fee or damage was agreed; else give the rest back",
    ),
    "return_refunded_twice": Wording(
        "business",
        lambda b: f"{b.subject} was refunded more than once: {b.money} too much ({b.counterpart}).",
        lambda _: "claim one of the refunds back from the customer or from the channel",
    ),
    "return_goods_more": Wording(
        "data",
        lambda b: f"More of {b.subject} came back than was sold, {b.worth} ({b.counterpart}).",
        lambda _: "correct the return that was recorded twice, or that names the wrong order",
    ),
    "return_not_booked": Wording(
        "data",
        lambda b: f"Of what was given back for {b.subject}{_refunds(b)}, {b.money} "
        + ("are in no settlement and rung up by no till: the books do not have them." if (b.amount or 0) < 0
           else "more are booked than were given back."),
        lambda _: "deliver the settlement, payout export or till export that has the refund; else correct the return",
    ),
    "return_undetermined": Wording(
        "business", _undetermined,
        lambda b: _UNDETERMINED_REMEDY[b.counterpart.partition("|")[0]],
    ),
}  # fmt: skip
