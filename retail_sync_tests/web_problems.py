"""What is wrong in the sample company's web shop: a row that an export lacks, and a payout that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from retail_sync_tests.answers import Answer
from retail_sync_tests.simulated_catalogue import CURRENCY
from retail_sync_tests.simulated_web import WebDay, WebPayment
from retail_sync_tests.simulator import cents

ROW_LOST = date(2026, 10, 7)
"""The largest charge of this day is in no export of transactions; its payout comes in the same week."""
FAILED = date(2026, 10, 30)
"""The bank refused the payout of this day."""


def plant(day: WebDay) -> tuple[WebDay, list[Answer]]:
    """The day as the shop's exports tell it, with what is to be found in it."""
    answers = []
    lost = _lost([*day.payments, *day.paid_out])
    if lost:
        day = replace(day, payments=_without(day.payments, lost), paid_out=_without(day.paid_out, lost))
        if lost.payout_id:
            explanation = f"the charge of order {lost.order.name} is in no export of transactions"
            answers.append(
                Answer("settlement_does_not_foot", _known_as(lost.payout_id), cents(-lost.net), CURRENCY, explanation)
            )
    if day.day == FAILED:
        [payout] = day.payouts
        day = replace(day, payouts=(replace(payout, status="failed"),))
        explanation = "the shop's list of payouts says that it failed, and the bank shows nothing"
        answers.append(Answer("payout_failed", _known_as(payout.payout_id), cents(payout.total), CURRENCY, explanation))
    return day, answers


def _known_as(payout_id: str) -> str:
    """The payout as the product tells of it: its account is the shop's, as the sample's settings name it."""
    return f"shopify/fernway.example/{CURRENCY}/{payout_id}"


def _lost(payments: Sequence[WebPayment]) -> WebPayment | None:
    mine = [p for p in payments if p.kind == "charge" and p.at.date() == ROW_LOST]
    return max(mine, key=lambda payment: (payment.gross, payment.order.name), default=None)


def _without(payments: Sequence[WebPayment], lost: WebPayment) -> tuple[WebPayment, ...]:
    return tuple(p for p in payments if (p.order.name, p.kind) != (lost.order.name, lost.kind))
