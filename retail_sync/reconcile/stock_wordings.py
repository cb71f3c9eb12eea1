"""Sentences for differences of goods. The subject names location, article and day; the counterpart quantity and evidence."""

from __future__ import annotations

from collections.abc import Callable

from retail_sync.operations.exceptions import Kind
from retail_sync.reconcile.wording import Break, Wording


def _wording(kind: Kind, says: str, remedy: str) -> Wording:
    def message(item: Break) -> str:
        return says.format(subject=item.subject, units=item.counterpart, worth=item.worth, since=item.since)

    fixed: Callable[[Break], str] = lambda _: remedy  # noqa: E731 - the type wants a callable
    return Wording(kind, message, fixed)


def _is_count(item: Break) -> bool:
    """Whether a person counted: the subject of such a difference ends with the kind of count."""
    return item.subject.endswith(" count")


def _transfer(item: Break) -> str:
    """Which half is booked and which is not; `inventory_transfers.sql` and `inventory_interval_causes.sql` say it."""
    units, _, evidence = item.counterpart.partition("; ")
    if not item.subject.endswith(" snapshot") and "not booked out" not in evidence:
        head = "Goods are on the road"
    else:
        head = "Half of a transfer is not booked" if "not booked" in evidence else "A transfer and a snapshot differ"
    return f"{head}: {item.subject} ({units}), {item.worth}. {evidence[:1].upper()}{evidence[1:]}."


def _transfer_remedy(item: Break) -> str:
    if not item.subject.endswith(" snapshot"):
        if "not booked out" in item.counterpart:
            return "book the goods out where they came from"
        return "book the goods in when they are there; look for those that should be, and write off what is lost"
    if "takes it back" in item.counterpart:
        return "nothing: it goes with the difference of that snapshot"
    if "both halves are there" in item.counterpart:
        return "nothing is missing; where the days lie in different months, date both halves on the day the goods were moved"
    if " still " in item.counterpart:
        return "nothing if the next snapshot shows the goods moved, else ask the ERP for the snapshot again; book the other half"
    if "without the goods" in item.counterpart:
        return "book the missing movement; the snapshot is without the goods already"
    return "book the missing movement; the stock is already counted in the snapshot, so do not receive the goods again"


STOCK_WORDINGS = {
    "parallel_run_differs": _wording(
        "data",
        "Two systems tell different stock: {subject}; {units}, since {since}. The books follow the one that is believed.",
        "find which of the two is wrong before the other one takes over (data/rules/ownership.csv)",
    ),
    "stock_unposted_sale": _wording(
        "data",
        "Sold, but the ERP has posted no such sale: {subject} ({units}), {worth}.",
        "post the sale in the ERP; nothing is journalled for it here",
    ),
    "stock_unposted_return": _wording(
        "data",
        "Taken back, but the ERP has posted no such return: {subject} ({units}), {worth}.",
        "post the return in the ERP; nothing is journalled for it here",
    ),
    "stock_posted_twice": _wording(
        "data",
        "The ERP has posted more than once what was sold or taken back once: {subject} ({units}), {worth}.",
        "reverse the repeated movement in the ERP, and find out what sent it twice",
    ),
    "stock_timing": _wording(
        "data",
        "Sold on one day and posted by the ERP on another: {subject} ({units}), {worth}. Over both days nothing is missing.",
        "nothing, unless the days lie in different months: then date the movement right in the ERP",
    ),
    "stock_unmapped_sku": _wording(
        "mapping",
        "Sold under a code that belongs to no article: {subject} ({units}), {worth}.",
        "map the code to its article in the channel or the till, or create the article in the ERP",
    ),
    "stock_transfer_in_transit": Wording("data", _transfer, _transfer_remedy),
    "stock_unit_of_measure": Wording(
        "data",
        lambda b: f"One side seems to mean packs and the other pieces: {b.subject} ({b.counterpart}), {b.worth}."
        + (" The count is not booked like this." if _is_count(b) else ""),
        lambda b: "count again in pieces, or correct the unit in the ERP" if _is_count(b)
        else "correct the unit in the ERP, and what it posted or showed in the wrong one",
    ),
    "stock_late_movement": _wording(
        "data",
        "A movement was dated before a snapshot that does not have it yet: {subject} ({units}), {worth}.",
        "nothing if the next snapshot has it; else ask the ERP for the snapshot again",
    ),
    "stock_snapshot_error": _wording(
        "data",
        "The snapshot was wrong for a day and right again with the next: {subject} ({units}), {worth}.",
        "ask for the snapshot of that day again; it replaces the wrong one",
    ),
    "stock_snapshot_incomplete": _wording(
        "data",
        "A snapshot could not be read whole, so neither movements nor counts are compared with it, and no stock is valued by it: "
        "{subject} ({units}).",
        "deliver the snapshot of that location and day again: it replaces the damaged one",
    ),
    "stock_negative_stock": _wording(
        "data",
        "The ERP has issued more than it ever received: {subject} ({units}).",
        "post the missing receipt or transfer in the ERP, or correct the issue",
    ),
    "stock_undetermined": _wording(
        "business",
        "The ERP's stock differs and the evidence does not say why: {subject} ({units}), {worth}.",
        "compare receipts and ERP movements of that article and day; count it if nothing is found",
    ),
    "stock_shrinkage": _wording(
        "business",
        "Less was counted than the book says: {subject} ({units}), {worth}.",
        "count again; if it stays, the loss is booked (by the ERP, or here where [ledger] stock is journal)",
    ),
    "stock_gain": _wording(
        "business",
        "More was counted than the book says: {subject} ({units}), {worth}.",
        "count again; look for a receipt that was not posted; if it stays, the gain is booked (by the ERP, or here where "
        "[ledger] stock is journal)",
    ),
    "stock_marketplace_lost": _wording(
        "business",
        "The marketplace holds less than the book says: {subject} ({units}), {worth}.",
        "claim the reimbursement from the marketplace",
    ),
    "stock_marketplace_found": _wording(
        "business",
        "The marketplace holds more than the book says: {subject} ({units}), {worth}.",
        "expect an earlier reimbursement to be taken back, or post the receipt in the ERP",
    ),
    "stock_no_book": _wording(
        "data",
        "Counted, but no snapshot says what should be there: {subject} ({units}).",
        "deliver a stock snapshot of that location for that day or an earlier one",
    ),
    "stock_ledger_differs": _wording(
        "business",
        "The ERP's stock and the ledger's inventory account differ at {since}: {units}, {worth}.",
        "book the month-end true-up, or set [ledger] stock to journal; give every article a unit cost",
    ),
    "oversell_risk": _wording(
        "business",
        "More is listed than can be delivered: {subject} ({units}), {worth}.",
        "lower the listed quantity in the channel, or check the stock, the safety stock and where the channel sells from",
    ),
    "listed_unmapped": _wording(
        "mapping",
        "An offer is mapped to no article of ours, so nothing says whether it can be delivered: {subject} ({units}).",
        "give the offer in its channel the code that the article has in the ERP, create the article there, or take the offer down",
    ),
}  # fmt: skip
