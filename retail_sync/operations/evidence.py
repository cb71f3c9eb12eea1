"""What a released entry rests on, by name, and what the warehouse can see of it now. No decision is made here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

# A deposit may rest on several bank movements (a payout in parts), or on a named part of one that pays several payouts.
_NEXT_MOVEMENT = "␞"
_PART_OF = "␟"


def movements_of(bank_movement: str) -> list[tuple[str, str]]:
    """Return the movements that a deposit rests on, each with the part of it that is meant ('': all of it)."""
    parts = (part.partition(_PART_OF) for part in bank_movement.split(_NEXT_MOVEMENT) if part)
    return [(movement, part) for movement, _, part in parts]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The delivery under an entry; for a deposit also the bank movement, the statement that showed it, the matching rules.

    All is empty for a version released before this was recorded.
    """

    delivery_id: str = ""
    bank_delivery_id: str = ""
    bank_movement: str = ""
    matching_hash: str = ""

    def of(self, kind: str) -> Evidence:
        """Return the part of a document's evidence that an entry of this kind rests on."""
        return self if kind == "deposit" else Evidence(self.delivery_id)


@dataclass(frozen=True, slots=True)
class Facts:
    """Current facts of a ready document, by kind of entry, and the delivery that is in force for it."""

    settlement: str
    deposit: str
    delivery_id: str = ""

    def of(self, kind: str) -> str:
        """Return the facts hash that an entry of this kind rests on."""
        return self.deposit if kind == "deposit" else self.settlement


@dataclass(frozen=True, slots=True)
class Sight:
    """What the warehouse can see now.

    `loaded` are the deliveries it has read; `unread` names those that may hold facts and cannot be read; `is_complete` says
    that there are none of these. `orders` is the order of receipt of all deliveries. `movements` are those bank movements
    under released deposits that statements still show. `gone` are the documents of released entries that are in no table,
    although everything that was ever read is: what was booked of them is taken back. `refused` names deliveries that were
    loaded once and are refused now, where a document is missing that may rest on them.
    """

    loaded: frozenset[str] = frozenset()
    unread: tuple[str, ...] = ()
    is_complete: bool = True
    movements: frozenset[str] = frozenset()
    matching_hash: str = ""
    orders: Mapping[str, int] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    refused: tuple[str, ...] = ()

    def shows(self, bank_movement: str) -> bool:
        """Whether statements still show every movement under a deposit."""
        return all(movement in self.movements for movement, _ in movements_of(bank_movement))

    def misses(self, kind: str, evidence: Evidence, in_force: str) -> bool:
        """Whether facts under a released entry may be there and not be seen; `in_force` is its document's delivery now.

        A deposit rests on a match: any unread statement or settlement may be what makes or forbids it. A settlement rests on
        one delivery: a complete one that came later stands above it, whether or not it can be read.
        """
        named = {evidence.delivery_id, evidence.bank_delivery_id} - {""}
        if not self.is_complete and (not named or kind == "deposit"):
            return True
        if self.orders.get(in_force, 0) > self.orders.get(evidence.delivery_id, sys.maxsize):
            named.discard(evidence.delivery_id)
        return not named <= self.loaded
