"""The journal entry as a value: what the journal stage wants, operations releases and a ledger books.

Sign convention everywhere: a debit is positive, a credit negative, in integer minor units.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One leg. `rate` is home units per transaction unit, as text, so that no float ever carries it.

    `role` tells what the leg is for (`component`, `payout`, `carried_forward`, `opening_debt`, `bank`, ...), so that the
    payout-in-transit legs of a settlement can be summed apart from other postings to the same account.
    """

    account: str
    transaction_minor: int
    transaction_currency: str
    home_minor: int
    home_currency: str
    rate: str = "1"
    role: str = "component"
    channel: str = ""
    location: str = ""
    tax_code: str = ""
    memo: str = ""

    def negated(self) -> EntryLine:
        """Return the same leg with both amounts turned round."""
        return replace(self, transaction_minor=-self.transaction_minor, home_minor=-self.home_minor)


@dataclass(frozen=True, slots=True)
class Entry:
    """A balanced entry. `key` is its identity in the ledger (`entry_key#version`, a reversal adds `R`), never reused."""

    key: str
    posting_date: date
    memo: str
    lines: tuple[EntryLine, ...]
    reverses: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the content as plain JSON types, without the key: what must be the same for a repeat to be a repeat."""
        return {
            "posting_date": self.posting_date.isoformat(),
            "memo": self.memo,
            "reverses": self.reverses,
            "lines": [{name: getattr(line, name) for name in EntryLine.__dataclass_fields__} for line in self.lines],
        }

    @property
    def body_text(self) -> str:
        """The body as canonical JSON: sorted names, no blanks, UTF-8."""
        return json.dumps(self.body(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def body_hash(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.body_text.encode()).hexdigest()

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, Any]) -> Entry:
        """Rebuild an entry from `body()`; `from_body(e.key, e.body()) == e`."""
        return cls(
            key=key,
            posting_date=date.fromisoformat(body["posting_date"]),
            memo=body["memo"],
            lines=tuple(EntryLine(**line) for line in body["lines"]),
            reverses=body["reverses"],
        )

    def imbalance(self) -> str:
        """Say why the entry does not balance, or return '' when it does.

        Home amounts must sum to zero always; transaction amounts too when the entry has one transaction currency.
        """
        if len(self.lines) < 2:
            return f"{self.key} has {len(self.lines)} line(s); an entry needs at least two"
        if len({line.home_currency for line in self.lines}) > 1:
            return f"{self.key} mixes home currencies"
        home = sum(line.home_minor for line in self.lines)
        if home:
            return f"{self.key} is out of balance by {home} minor units of {self.lines[0].home_currency}"
        if len({line.transaction_currency for line in self.lines}) == 1:
            transaction = sum(line.transaction_minor for line in self.lines)
            if transaction:
                return f"{self.key} is out of balance by {transaction} minor units of its transaction currency"
        return ""


def difference(held: Entry, sent: Entry) -> str:
    """Name the first field in which two bodies differ, with both values; '' when none does."""
    for name in ("posting_date", "memo", "reverses"):
        ours, theirs = getattr(held, name), getattr(sent, name)
        if ours != theirs:
            return f"{name}: {ours} in the ledger, {theirs} sent"
    for number, (ours, theirs) in enumerate(zip(held.lines, sent.lines, strict=False), start=1):
        for name in EntryLine.__dataclass_fields__:
            if getattr(ours, name) != getattr(theirs, name):
                return f"line {number} {name}: {getattr(ours, name)} in the ledger, {getattr(theirs, name)} sent"
    if len(held.lines) != len(sent.lines):
        return f"number of lines: {len(held.lines)} in the ledger, {len(sent.lines)} sent"
    return ""
