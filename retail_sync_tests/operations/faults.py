"""A line to the real embedded ledger that loses answers, dies and delivers late, by a seeded schedule.

Not a mock: every request that arrives is booked by the real ledger, under its real rules.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from retail_sync.core.errors import LedgerRefused, LedgerUncertain
from retail_sync.ledger.adapter import Balance, Finding, PostedEntry
from retail_sync.ledger.embedded import EmbeddedLedger
from retail_sync.schemas.journal import Entry

Posting = tuple[Entry, str]
FATES = ("lost before", "lost after", "half", "late", "dies before", "dies after")


class Died(BaseException):
    """The posting process ended here, as by SIGKILL: nothing of ours catches it."""


class FaultyLedger:
    """`EmbeddedLedger` behind a bad line. At most `faults` things go wrong; `happened` counts them by name."""

    name = "embedded"

    def __init__(self, ledger: EmbeddedLedger, rng: random.Random, faults: int) -> None:
        self._ledger = ledger
        self._rng = rng
        self._faults_left = faults
        self._in_flight: list[Posting] = []
        self.happened: Counter[str] = Counter()

    def shown(self, entry: Entry) -> Entry:
        """As the ledger behind it."""
        return self._ledger.shown(entry)

    def payload(self, entry: Entry, token: str) -> Mapping[str, Any]:
        """As the ledger behind it."""
        return self._ledger.payload(entry, token)

    def find(self, keys: Sequence[str]) -> Mapping[str, PostedEntry]:
        """Look keys up. A request still in flight may arrive before the lookup, or right after it."""
        if self._rng.random() < 0.25:
            self.arrive()
        if self._goes_wrong(0.06):
            raise self._lost("lookup lost")
        if self._goes_wrong(0.1):
            self._die("dies looking up")
        found = self._ledger.find(keys)
        if self._rng.random() < 0.25:
            self.arrive()
        return found

    def post(self, entry: Entry, token: str) -> str:
        """Not used by the outbox."""
        raise NotImplementedError

    def post_many(self, postings: Sequence[Posting]) -> Mapping[str, str | LedgerRefused]:
        """Book, unless the schedule says otherwise."""
        if not self._goes_wrong(0.6):
            return self._ledger.post_many(postings)
        fate = self._rng.choice(FATES)
        if fate == "dies before":
            self._die(fate)
        if fate == "late":
            self._in_flight += postings
        elif fate == "half":
            self._ledger.post_many(postings[: len(postings) // 2])
        elif fate != "lost before":
            self._ledger.post_many(postings)
        if fate == "dies after":
            self._die(fate)
        raise self._lost(fate)

    def accounts(self) -> Mapping[str, bool]:
        """The chart; now and then no answer."""
        if self._goes_wrong(0.1):
            raise self._lost("chart lost")
        return self._ledger.accounts()

    def first_open_date(self, wanted: date) -> date:
        """As the ledger says."""
        return self._ledger.first_open_date(wanted)

    def balances(self, as_of: date | None = None) -> Sequence[Balance]:
        """As the ledger says."""
        return self._ledger.balances(as_of)

    def verify(self) -> Sequence[Finding]:
        """As the ledger says."""
        return self._ledger.verify()

    def arrive(self) -> None:
        """Let every request in flight arrive, each by itself, as a server that was busy answers at last."""
        for posting in self._in_flight:
            self._ledger.post_many([posting])
        self._in_flight = []

    def _goes_wrong(self, probability: float) -> bool:
        if not self._faults_left or self._rng.random() >= probability:
            return False
        self._faults_left -= 1
        return True

    def _lost(self, what: str) -> LedgerUncertain:
        self.happened[what] += 1
        return LedgerUncertain(f"no answer ({what})", "look it up")

    def _die(self, what: str) -> None:
        self.happened[what] += 1
        raise Died(what)
