"""The journal entry of a voucher: what somebody documents is booked as it is written, by the accounts of its categories.

A pure function from lines and rules to one balanced entry (worked examples D3, H1, H3 and the statement of J7 of
reference/ledgers.md section 6). Signs are those of the books: a debit is positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from retail_sync.core.money import to_minor
from retail_sync.journal.desired import DesiredEntry, Leg
from retail_sync.journal.rules import PostingRules
from retail_sync.schemas.journal import EntryLine


@dataclass(frozen=True, slots=True)
class VoucherLine:
    """A line as it was delivered."""

    category: str
    amount: Decimal
    currency: str
    channel: str = ""
    location: str = ""
    memo: str = ""

    @property
    def place(self) -> tuple[str, str, str]:
        """What names the rows under a leg: lines that are equal in it are one leg."""
        return self.category, self.channel, self.location


def voucher_entries(
    key: str, on: date, memo: str, lines: Sequence[VoucherLine], rules: PostingRules
) -> list[DesiredEntry]:
    """Return the one entry of a voucher in one currency, or none where nothing is left to book."""
    sums: dict[tuple[str, str, str], int] = {}
    memos: dict[tuple[str, str, str], list[str]] = {}
    for line in lines:
        sums[line.place] = sums.get(line.place, 0) + to_minor(line.amount, line.currency)
        memos.setdefault(line.place, []).append(line.memo)
    legs = tuple(
        _leg(place, minor, _common(memos[place]), on, lines[0].currency, rules)
        for place, minor in sums.items()
        if minor
    )
    return [DesiredEntry(key, "voucher", on, memo, legs)] if legs else []


def _leg(  # noqa: PLR0913 - the fields of a line
    place: tuple[str, str, str], minor: int, memo: str, on: date, currency: str, rules: PostingRules
) -> Leg:
    category, channel, location = place
    rule = rules.rule(category, on, channel=channel, marketplace=location)
    line = EntryLine(
        account=rule.account,
        transaction_minor=minor,
        transaction_currency=currency,
        home_minor=minor,
        home_currency=currency,
        role=rule.role,
        channel=channel,
        location=location,
        tax_code=rule.tax_code,
        memo=memo or category.replace("_", " "),
    )
    return Leg(line, category, on, rule.name)


def _common(memos: Sequence[str]) -> str:
    """What all lines of a leg say; nothing where they say different things."""
    return memos[0] if len(set(memos)) == 1 else ""
