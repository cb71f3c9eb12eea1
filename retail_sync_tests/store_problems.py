"""What is wrong in the sample company's stores: each problem changes what one system tells of one day.

Amounts of the answers are worked from the day as it truly was, by hand-made rules, never by the product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime

from retail_sync_tests.answers import Answer
from retail_sync_tests.simulated_catalogue import CURRENCY
from retail_sync_tests.simulated_company import CompanyDay, Deposit
from retail_sync_tests.simulated_stores import Drawer, Receipt
from retail_sync_tests.simulator import cents

# The line of store S02 to head office is down for 72 hours: its drawers are counted, its till's exports come later.
OFFLINE = ("S02", datetime(2026, 10, 20, 15, 0), datetime(2026, 10, 23, 15, 0))  # noqa: DTZ001 - the store's own clock
STRAY_CREDIT = Deposit(date(2026, 10, 28), "SQUARE INC CREDIT 88213", 4618)
_BILLS = 4000
_BANK_KEPT = 3000


def _answer(code: str, subject: str, amount: int, explanation: str) -> Answer:
    return Answer(code, subject, cents(amount), CURRENCY, explanation)


def _known_as(payout_id: str) -> str:
    """The payout as the product tells of it: its account is the processor's, as the sample's settings name it."""
    return f"square/square/{CURRENCY}/{payout_id}"


def _of_till(receipts: Sequence[Receipt], store: str, register: str) -> list[Receipt]:
    return [receipt for receipt in receipts if (receipt.store, receipt.register) == (store, register)]


def _largest_card(receipts: Sequence[Receipt]) -> Receipt:
    """The receipt with the largest payment by card alone."""
    return max((r for r in receipts if len(r.tenders) == 1), key=lambda r: (r.paid("card"), r.receipt_id))


def tender_lost(day: CompanyDay, store: str, register: str) -> tuple[CompanyDay, Answer]:
    """The tenders of one card receipt are not in the till's export."""
    lost = _largest_card(_of_till(day.receipts, store, register))
    told = tuple(receipt for receipt in day.tendered if receipt != lost)
    return replace(day, tendered=told), _answer(
        "tenders_differ", f"{store} {day.day} {register}", -lost.total,
        f"the card tender of receipt {lost.receipt_id} is not in the export",
    )  # fmt: skip


def tenders_lost(day: CompanyDay, store: str, register: str) -> tuple[CompanyDay, Answer]:
    """No tender of a till's day was exported."""
    mine = _of_till(day.receipts, store, register)
    told = tuple(receipt for receipt in day.tendered if receipt not in mine)
    return replace(day, tendered=told), _answer(
        "tenders_missing", f"{store} {day.day} {register}", -sum(receipt.total for receipt in mine),
        "the till's tenders of that day were not exported",
    )  # fmt: skip


def bills_missing(day: CompanyDay, store: str, register: str) -> tuple[CompanyDay, Answer]:
    """Two bills are missing from a drawer that was right otherwise."""
    changed = []
    for drawer in day.drawers:
        if (drawer.store, drawer.register) == (store, register):
            cash = sum(receipt.paid("cash") for receipt in _of_till(day.receipts, store, register))
            drawer = replace(drawer, counted=drawer.opening + cash - _BILLS)
        changed.append(drawer)
    return replace(day, drawers=tuple(changed)), _answer(
        "drawer_over_short", f"{store} {day.day} {register}", -_BILLS, "two bills are missing from the drawer"
    )


def not_counted(day: CompanyDay, store: str, register: str) -> tuple[CompanyDay, Answer]:
    """A drawer was opened and never counted."""
    cash = sum(receipt.paid("cash") for receipt in _of_till(day.receipts, store, register))
    drawers = tuple(
        replace(drawer, counted=None) if (drawer.store, drawer.register) == (store, register) else drawer
        for drawer in day.drawers
    )
    return replace(day, drawers=drawers), _answer(
        "drawer_not_counted", f"{store} {day.day} {register}", -cash, "the drawer was opened and never counted"
    )


def payment_lost(day: CompanyDay, store: str, _register: str) -> tuple[CompanyDay, Answer]:
    """The processor never got one card payment: it is in no report and in no payout."""
    lost = max((p for p in day.payments if p.store == store), key=lambda p: (p.gross, p.payment_id))
    kept = tuple(payment for payment in day.payments if payment != lost)
    payouts = tuple(
        replace(payout, total=payout.total - lost.net) if payout.payout_id == lost.payout_id else payout
        for payout in day.payouts
    )
    deposits = tuple(
        replace(deposit, amount=deposit.amount - lost.net) if deposit.text.endswith(lost.payout_id) else deposit
        for deposit in day.deposits
    )
    return replace(day, payments=kept, payouts=payouts, deposits=deposits), _answer(
        "card_payments_differ", f"{store} {day.day}", -lost.gross,
        f"the processor never got the payment of receipt {lost.receipt_id}",
    )  # fmt: skip


def batch_lost(day: CompanyDay, store: str, _register: str) -> tuple[CompanyDay, Answer]:
    """The processor never got the batch of a store's day, and pays nothing for it."""
    lost = [payment for payment in day.payments if payment.store == store]
    return replace(
        day,
        payments=tuple(payment for payment in day.payments if payment.store != store),
        payouts=tuple(payout for payout in day.payouts if payout.store != store),
        deposits=tuple(d for d in day.deposits if not d.text.endswith(lost[0].payout_id)),
    ), _answer(
        "card_payments_missing", f"{store} {day.day}", -sum(payment.gross for payment in lost),
        "the card terminal's batch of that day was never sent",
    )  # fmt: skip


def paid_short(day: CompanyDay, store: str, _register: str) -> tuple[CompanyDay, Answer]:
    """The bank books less than the processor sent."""
    payout = next(payout for payout in day.payouts if payout.store == store)
    deposits = tuple(
        replace(deposit, amount=deposit.amount - _BANK_KEPT) if deposit.text.endswith(payout.payout_id) else deposit
        for deposit in day.deposits
    )
    return replace(day, deposits=deposits), _answer(
        "deposit_differs",
        _known_as(payout.payout_id),
        -_BANK_KEPT,
        f"the bank shows {cents(_BANK_KEPT)} less than the payout",
    )


def never_paid(day: CompanyDay, store: str, _register: str) -> tuple[CompanyDay, Answer]:
    """A payout that the bank never shows."""
    payout = next(payout for payout in day.payouts if payout.store == store)
    deposits = tuple(deposit for deposit in day.deposits if not deposit.text.endswith(payout.payout_id))
    return replace(day, deposits=deposits), _answer(
        "deposit_overdue",
        _known_as(payout.payout_id),
        payout.total,
        f"a payout of {payout.day} that the bank never shows",
    )


PLANTS: dict[str, tuple[str, str, Callable[[CompanyDay, str, str], tuple[CompanyDay, Answer]]]] = {
    "2026-10-08": ("S01", "T2", tender_lost),
    "2026-10-11": ("S02", "T1", tenders_lost),
    "2026-10-13": ("S01", "T1", bills_missing),
    "2026-10-14": ("S01", "", paid_short),
    "2026-10-16": ("S02", "T1", not_counted),
    "2026-10-18": ("S02", "", never_paid),
    "2026-10-19": ("S01", "", payment_lost),
    "2026-10-26": ("S02", "", batch_lost),
}
"""The day, the store, its till where one is meant, and what goes wrong."""


def plant(day: CompanyDay) -> tuple[CompanyDay, list[Answer]]:
    """The day as the systems tell it, with what is to be found in it."""
    if day.day.isoformat() not in PLANTS:
        return day, []
    store, register, change = PLANTS[day.day.isoformat()]
    told, answer = change(day, store, register)
    return told, [answer]


def really_held(true_day: CompanyDay, told: CompanyDay) -> list[Drawer]:
    """What lay in the drawers in the evening, for the bank: bills that are missing are gone, cash that nobody counted is there."""
    return [
        true if drawer.counted is None else drawer for true, drawer in zip(true_day.drawers, told.drawers, strict=True)
    ]


def hold_back(day: CompanyDay) -> tuple[CompanyDay, list[Receipt]]:
    """The day without the receipts that a store could not send, and these."""
    store, since, until = OFFLINE
    late = [receipt for receipt in day.receipts if receipt.store == store and since <= receipt.at < until]
    return replace(
        day,
        receipts=tuple(receipt for receipt in day.receipts if receipt not in late),
        tendered=tuple(receipt for receipt in day.tendered if receipt not in late),
    ), late
