"""Sentences for differences of store days. The subject names store, day and till; the evidence its receipts and the drawer."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from retail_sync.reconcile.wording import Break, UnevenReceipt, Wording, more_or_less

_ZERO = Decimal(0)


def _named(item: Break, say: Callable[[Break, UnevenReceipt], str]) -> str:
    """Up to three receipts after a colon, and how many more there are; a full stop where none is known."""
    told = [f"receipt {say(item, receipt)}" for receipt in item.evidence.receipts]
    more = item.evidence.receipt_count - len(told)
    if more:
        told.append(f"{more} more {'receipt differs' if more == 1 else 'receipts differ'}")
    return f"{': ' if told else ''}{'. '.join(text[0].upper() + text[1:] if at else text for at, text in enumerate(told))}."


def _payment(item: Break, amount: Decimal) -> str:
    return f"a card {'refund' if amount < 0 else 'payment'} of {item.in_money(amount)}"


def _reported(item: Break, receipt: UnevenReceipt) -> str:
    """What the processor says of a receipt; nothing where its reports do not reach that day yet."""
    if receipt.has_shared_number:
        return "; another receipt has the same number, so the payments that name it belong to neither"
    if receipt.paid is not None:
        return f"; the processor reports {_payment(item, receipt.paid)} for it"
    return "; the processor reports no card payment for it" if receipt.is_reported else ""


def _tendered(item: Break, receipt: UnevenReceipt) -> str:
    """A receipt whose tenders are not its lines."""
    number, lines, tenders = receipt.number, receipt.rung_up, receipt.tendered
    if lines is None:
        says = f"{number} has tenders of {item.in_money(tenders or _ZERO)} and no lines"
    elif tenders is None:
        # The amount is said once: the processor's, where it is the same.
        says = f"{number} has no tender" + (f" for {item.in_money(lines)}" if receipt.paid != lines else "")
    else:
        says = f"{number} of {item.in_money(lines)} has tenders of {item.in_money(tenders)}"
    return says + _reported(item, receipt)


def _by_card(item: Break, receipt: UnevenReceipt) -> str:
    """A receipt whose card tenders are not what the processor reports."""
    tender = "no card tender" if receipt.card is None else f"a card tender of {item.in_money(receipt.card)}"
    return f"{receipt.number} has {tender}{_reported(item, receipt)}"


def _listed(item: Break, amounts: list[tuple[str, Decimal]], count: int) -> str:
    """`(R1 10.00 USD, R2 -5.00 USD and 4 more)`; nothing where none is known."""
    shown = ", ".join(f"{number} {'-' if amount < 0 else ''}{item.in_money(amount)}" for number, amount in amounts)
    more = f" and {count - len(amounts)} more" if count > len(amounts) else ""
    return f" ({shown}{more})" if shown else ""


def _tenders_missing(item: Break) -> str:
    known, total = item.evidence, -(item.amount or _ZERO)
    parts = []
    if known.paid is not None:
        paid = [(receipt.number, receipt.paid) for receipt in known.receipts if receipt.paid is not None]
        kind = "refunds" if known.paid < 0 else "payments"
        parts.append(
            f"the processor reports card {kind} of {item.in_money(known.paid)} for {known.paid_count} of its "
            f"{known.receipt_count} receipts{_listed(item, paid, known.paid_count)}"
        )
    if known.drawer is not None:
        parts.append(f"the drawer {'gave out' if known.drawer < 0 else 'took in'} {item.in_money(known.drawer)}")
    if not parts:
        receipts = [(receipt.number, receipt.rung_up or _ZERO) for receipt in known.receipts]
        which = _listed(item, receipts, known.receipt_count)
        return f"Nothing says how receipts of {item.money} of store {item.subject} were paid{which}. Its day is held."
    says = f"No tenders say how receipts of {item.money} of store {item.subject} were paid; {', and '.join(parts)}."
    rest = total - (known.paid or _ZERO) - (known.drawer or _ZERO)
    if rest and (rest > 0) == (total > 0):
        says += f" Of the other {item.in_money(rest)} nothing says how it was paid."
    elif rest:
        says += f" That is {item.in_money(rest)} more than the receipts."
    return says + " Its day is held."


def _card_payments_differ(item: Break) -> str:
    says = f"The processor reports {item.money} {more_or_less(item)} card payments than store {item.subject} rang up"
    says += _named(item, _by_card)
    if item.evidence.explained:
        says += f" Payments of {item.in_money(item.evidence.explained)} for receipts without tenders are told by themselves."
    return says


STORE_WORDINGS = {
    "tenders_differ": Wording(
        "business",
        lambda b: f"Receipts and tenders of store {b.subject} differ: the tenders are {b.money} {more_or_less(b)}"
        f"{_named(b, _tendered)} Its day is held.",
        lambda _: "compare the till's receipts and payments of that day; export both again and deliver them",
    ),
    "tenders_missing": Wording(
        "data",
        _tenders_missing,
        lambda _: "deliver the tenders of that day",
    ),
    "sales_missing": Wording(
        "data",
        lambda b: f"Store {b.subject} took {b.money} for which there is no receipt. Its day is held.",
        lambda _: "deliver the receipts of that day",
    ),
    "receipt_in_two_sources": Wording(
        "configuration",
        lambda b: f"Two sources ({b.counterpart.split('|')[1]}) deliver the same receipts of store {b.subject}: "
        f"{b.counterpart.split('|')[0]}. {b.money} would be booked twice. Its day is held.",
        lambda _: "if one was renamed: `retail-sync sources remove` takes the deliveries under the old name out; else declare "
        "each till in one source",
    ),
    "drawer_over_short": Wording(
        "business",
        lambda b: f"The drawer of store {b.subject} held {b.money} {more_or_less(b)} than its cash tenders. "
        "It is booked to over/short."
        + (
            f" Receipts that a till rang up offline come up to 72 hours late, until {b.evidence.late_until}: with them this may "
            "change, and the booking follows." if b.evidence.late_until else ""
        ),
        lambda b: ("wait for late receipts; then " if b.evidence.late_until else "")
        + "count again if the drawer is still there; look for a payment in or out that was not rung up",
    ),
    "drawer_not_counted": Wording(
        "data",
        lambda b: f"The drawer of store {b.subject} took {b.money} in cash and was not counted. Its day is held.",
        lambda _: "close and count the drawer, deliver the shift",
    ),
    "card_payments_differ": Wording(
        "business",
        _card_payments_differ,
        lambda _: "compare the till's card receipts with the processor's payments of that day",
    ),
    "card_payments_missing": Wording(
        "business",
        lambda b: f"The processor reports none of the card payments of {b.money} that store {b.subject} rang up.",
        lambda _: "ask the processor; deliver its payments of that day",
    ),
}  # fmt: skip
