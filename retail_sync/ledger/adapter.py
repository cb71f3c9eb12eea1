"""What a ledger must be able to do for us, and the values that cross that boundary. One adapter per file implements it.

The posting protocol (`outbox.py`) is written against this alone; the shared contract test runs it over every adapter, and
`registry.py` names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, runtime_checkable

from retail_sync.core.errors import LedgerRefused
from retail_sync.schemas.journal import Entry


@dataclass(frozen=True, slots=True)
class PostedEntry:
    """An entry as the ledger gives it back, the ledger's own id for it, and the token it was posted with ('' if not kept)."""

    remote_id: str
    token: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Balance:
    """Sum of all posted lines of one account in one transaction currency. Debit positive, minor units."""

    account: str
    transaction_currency: str
    transaction_minor: int
    home_currency: str
    home_minor: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something `verify` found wrong: `check` is its short name, `message` a sentence for a finance person."""

    check: str
    message: str


class LedgerAdapter(Protocol):
    """A ledger. Every method may raise LedgerUncertain when the ledger did not answer."""

    name: str

    def shown(self, entry: Entry) -> Entry:
        """Return `entry` as this ledger can hold it: what it has no field for is left at its default.

        Read-back compares with this, so a ledger that keeps less is compared on less, and says so here.
        """

    def payload(self, entry: Entry, token: str) -> Mapping[str, Any]:
        """Return what `post` sends for the entry, to the last field, as JSON types and Decimals. Nothing is sent."""

    def find(self, keys: Sequence[str]) -> Mapping[str, PostedEntry]:
        """Return those of `keys` that the ledger holds, read back as `shown` gives them."""

    def post(self, entry: Entry, token: str) -> str:
        """Book `entry` and return the ledger's id for it.

        Repeating the same key with the same body returns the first id. Raises LedgerRefused, with code `key_conflict`
        and the name of the differing field when the key is there with another body.
        """

    def post_many(self, postings: Sequence[tuple[Entry, str]]) -> Mapping[str, str | LedgerRefused]:
        """Book several (entry, token) pairs, each standing or falling alone; answer an id or the refusal for each key."""

    def accounts(self) -> Mapping[str, bool]:
        """Return every account code with whether it may be posted to."""

    def first_open_date(self, wanted: date) -> date:
        """Return `wanted` if its period is open, else the first later date whose period is."""

    def balances(self, as_of: date | None = None) -> Sequence[Balance]:
        """Return the trial balance up to and including posting date `as_of` (None: everything), by account and currency."""

    def verify(self) -> Sequence[Finding]:
        """Recompute every invariant the ledger promises, from the first entry on; an empty answer means all held."""


@runtime_checkable
class DailyBooks(Protocol):
    """A ledger that can tell how an account came to its balance: needed where we book stock and true it up."""

    def daily_changes(self, code: str, leaving_out: str = "") -> Sequence[tuple[date, str, int]]:
        """Return by how much an account changed on each posting date, by home currency, oldest first; debit positive.

        Entries whose key starts with `leaving_out` do not count.
        """

    def head(self) -> str:
        """Return a text that stays the same as long as nothing was booked."""
