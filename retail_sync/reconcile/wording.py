"""A break, and the words for a class of breaks: what the sentences of every reconciliation are made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from retail_sync.core.money import format_money, to_minor
from retail_sync.operations.exceptions import Kind


@dataclass(frozen=True, slots=True)
class Break:
    """A row of reconcile.breaks with the channel's rejected rows, if any, as places."""

    code: str
    subject: str
    amount: Decimal | None
    currency: str
    since: date
    counterpart: str
    places: str

    @property
    def minor(self) -> int | None:
        """The value in minor units."""
        return None if self.amount is None else to_minor(self.amount, self.currency)

    @property
    def money(self) -> str:
        """The value as text, without sign."""
        return format_money(abs(self.minor or 0), self.currency)

    @property
    def is_payout(self) -> bool:
        """Whether a header that is missing is that of a payout; `counterpart` is the channel then."""
        return self.counterpart != "amazon"

    @property
    def worth(self) -> str:
        """The value of goods as a clause: a unit cost may be unknown."""
        return "worth an unknown amount (no unit cost)" if self.amount is None else f"worth {self.money}"


@dataclass(frozen=True, slots=True)
class Wording:
    """Who looks after a class of breaks, and the two sentences."""

    kind: Kind
    owner: str
    message: Callable[[Break], str]
    remedy: Callable[[Break], str]
