"""A break, and the words for a class of breaks: what the sentences of every reconciliation are made with."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from retail_sync.core.money import exponent, format_money, to_minor, with_currency
from retail_sync.operations.exceptions import Kind

_STORED_AMOUNT = re.compile(r"(?<= )(-?\d+)\.(\d{4})(?=$|[ ,|])")


@dataclass(frozen=True, slots=True)
class UnevenReceipt:
    """A row of reconcile.store_day_receipts: a side that nobody delivered is None, not zero."""

    number: str
    rung_up: Decimal | None
    tendered: Decimal | None
    card: Decimal | None
    paid: Decimal | None
    is_reported: bool
    has_shared_number: bool


@dataclass(frozen=True, slots=True)
class StoreEvidence:
    """What there is to say of a store day's break: its largest receipts (three at most), and sums of all of them.

    `drawer` is what the till's drawer took in, where it was counted; `explained` what another break of that day tells;
    `late_until` the day on which receipts of the break's day may still come, None where they have come by now.
    """

    receipts: Sequence[UnevenReceipt]
    receipt_count: int
    paid_count: int
    paid: Decimal | None
    drawer: Decimal | None
    explained: Decimal | None
    late_until: date | None


NO_EVIDENCE = StoreEvidence((), 0, 0, None, None, None, None)


@dataclass(frozen=True, slots=True)
class Break:
    """A row of reconcile.breaks with its channel (empty: of none), rejected rows or unknown words as places, a store's receipts."""

    code: str
    subject: str
    amount: Decimal | None
    currency: str
    since: date
    counterpart: str
    channel: str
    places: str
    evidence: StoreEvidence = NO_EVIDENCE

    @property
    def minor(self) -> int | None:
        """The value in minor units."""
        return None if self.amount is None else to_minor(self.amount, self.currency)

    @property
    def money(self) -> str:
        """The value as text, without sign."""
        return format_money(abs(self.minor or 0), self.currency)

    def in_money(self, amount: Decimal) -> str:
        """Another amount of the same currency as text, without sign. A till's may have more digits than the currency."""
        whole = amount.quantize(Decimal(1).scaleb(-exponent(self.currency)))
        return with_currency(f"{abs(whole if whole == amount else amount.normalize()):,f}", self.currency)

    @property
    def is_payout(self) -> bool:
        """Whether it is of a payout: only Amazon delivers settlements as documents, all others pay out their payments."""
        return self.channel not in ("amazon", "")

    @property
    def document(self) -> str:
        """What its subject is, by the word that the channel's people use."""
        return f"{'payout' if self.is_payout else 'settlement'} {self.subject}"

    @property
    def payer(self) -> str:
        """Whom to ask for the money."""
        return self.channel.capitalize() if self.is_payout else "the marketplace"

    @property
    def payments(self) -> str:
        """What holds the payments of a payout."""
        return "the transactions export" if self.channel == "shopify" else f"{self.payer}'s payments"

    @property
    def payouts(self) -> str:
        """What states the total of a payout."""
        return "the payouts export" if self.channel == "shopify" else f"{self.payer}'s list of payouts"

    @property
    def worth(self) -> str:
        """The value of goods as a clause: a unit cost may be unknown."""
        return "worth an unknown amount (no unit cost)" if self.amount is None else f"worth {self.money}"


@dataclass(frozen=True, slots=True)
class Wording:
    """The two sentences of a class of breaks, and who can mend it: a retry, a delivery, a rule, a person."""

    kind: Kind
    message: Callable[[Break], str]
    remedy: Callable[[Break], str]


def in_minor_units(text: str, currency: str) -> str:
    """Return a text with the amounts that ids of bank lines hold (four decimals) as the currency has them, whole all the same."""
    digits = exponent(currency)

    def shorten(found: re.Match[str]) -> str:
        whole, decimals = found.groups()
        kept, rest = decimals[:digits], decimals[digits:]
        return found[0] if rest.strip("0") else f"{whole}.{kept}".rstrip(".")

    return _STORED_AMOUNT.sub(shorten, text)


def more_or_less(item: Break) -> str:
    """Whether the right side is more or less than the left."""
    return "more" if (item.amount or 0) > 0 else "less"
