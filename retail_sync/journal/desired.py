"""What the journal wants, as values: legs, entries, and documents that are ready or held. No rule and no fact is known here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from retail_sync.schemas.journal import Entry, EntryLine


@dataclass(frozen=True, slots=True)
class Leg:
    """A line of an entry with the canonical rows under it: category, location, `posting_month` and `order_id` name them.

    `posting_month` is the first day of the month, or the day itself where rows are booked by day; `order_id` is empty where they
    are not booked by order. `rule` names the posting rule that chose its account; empty where another governed file names it.
    """

    line: EntryLine
    category: str = ""
    posting_month: date | None = None
    rule: str = ""
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class DesiredEntry:
    """An entry as facts and rules want it, with its stable key and the source of each leg."""

    entry_key: str
    kind: str
    posting_date: date
    memo: str
    legs: tuple[Leg, ...]

    @property
    def entry(self) -> Entry:
        """The plain entry."""
        return Entry(self.entry_key, self.posting_date, self.memo, tuple(leg.line for leg in self.legs))


@dataclass(frozen=True, slots=True)
class Document:
    """A settlement, store day or the like with the entries it asks for, or the reason why it is held.

    `facts` and `deposit_facts` are texts that change when what the entries rest on changes; a changed rule leaves them. The
    delivery and bank fields name evidence that a release must be able to see again. `value_minor` is what is at stake.
    """

    document_id: str
    kind: str
    title: str
    since_date: date
    currency: str
    value_minor: int | None
    facts: str
    deposit_facts: str = ""
    delivery_id: str = ""
    bank_delivery_id: str = ""
    bank_movement: str = ""
    held_code: str = ""
    held_reason: str = ""
    entries: Sequence[DesiredEntry] = ()
