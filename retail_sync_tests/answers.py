"""The answer sheet of the sample company: one row per exception that the product must report."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

HEADER = ("code", "subject", "amount", "currency", "explanation")


@dataclass(frozen=True, slots=True)
class Answer:
    """One exception that the product must report, and nothing beside these."""

    code: str
    subject: str
    amount: Decimal | None
    currency: str
    explanation: str

    def cells(self) -> tuple[str, ...]:
        """The row of `answers.csv`."""
        amount = "" if self.amount is None else f"{self.amount:.2f}"
        return self.code, self.subject, amount, self.currency, self.explanation
