"""The card processor of the simulated stores: a payment per card tender, a fee on each, a payout per store and day.

A payout arrives two days later, or on the Monday after. It is the sum of its payments net of their fees, never negative:
a day whose refunds exceed its charges waits for the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from retail_sync_tests.simulated_stores import StoreDay

_FEE_PER_MILLE = 27


@dataclass(frozen=True, slots=True)
class Payment:
    """Money of one card. `at` is the store's local time; `store` says whose."""

    payment_id: str
    store: str
    kind: str
    receipt_id: str
    at: datetime
    gross: int
    fee: int
    payout_id: str = ""
    payout_date: date | None = None

    @property
    def net(self) -> int:
        """What the processor pays out of it."""
        return self.gross - self.fee


@dataclass(frozen=True, slots=True)
class Payout:
    """What the processor says it sends to the bank."""

    payout_id: str
    store: str
    day: date
    total: int


def fee_of(gross: int) -> int:
    """2.7 % of a charge, rounded half up for each payment; a refund costs nothing and gives nothing back."""
    return (gross * _FEE_PER_MILLE + 500) // 1000 if gross > 0 else 0


def payout_day(day: date) -> date:
    """Two days later; banks do not book on Saturday and Sunday."""
    later = day + timedelta(days=2)
    return later + timedelta(days=max(0, 7 - later.weekday())) if later.weekday() >= 5 else later


class CardProcessor:
    """Takes store days in their order and pays each store out."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Payment]] = {}

    def settle(self, day: StoreDay) -> tuple[list[Payment], Payout | None]:
        """Return the payments of the payout of this day with its id, or none where nothing is to be paid out yet."""
        payments = [*self._waiting.pop(day.store.store, []), *card_payments(day)]
        total = sum(payment.net for payment in payments)
        if total <= 0:
            self._waiting[day.store.store] = payments
            return [], None
        payout = Payout(f"SQ-{day.store.store}-{day.day:%y%m%d}", day.store.store, payout_day(day.day), total)
        return [replace(p, payout_id=payout.payout_id, payout_date=payout.day) for p in payments], payout

    def pending(self) -> list[Payment]:
        """Payments that no payout holds yet."""
        return [payment for payments in self._waiting.values() for payment in payments]


def card_payments(day: StoreDay) -> Iterable[Payment]:
    """Yield the payment of each card tender."""
    for receipt in day.receipts:
        gross = receipt.paid("card")
        if gross:
            kind = "charge" if gross > 0 else "refund"
            number = f"pay_{receipt.receipt_id.replace('-', '')}"
            yield Payment(number, receipt.store, kind, receipt.receipt_id, receipt.at, gross, fee_of(gross))
