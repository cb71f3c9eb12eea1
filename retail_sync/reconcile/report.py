"""What a reconciliation run did, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What one reconciliation run did; reports of several reconciliations add up.

    `days` are the days whose verdict changed (closing days of settlements, business dates of stores); `residual` has a
    sentence per difference of totals that nothing explains, and must be empty (`proofs.py`).
    """

    touched: int
    days: tuple[str, ...]
    residual: tuple[str, ...] = ()

    def __add__(self, other: ReconcileReport) -> ReconcileReport:
        days = tuple(sorted({*self.days, *other.days}))
        return ReconcileReport(self.touched + other.touched, days, self.residual + other.residual)
