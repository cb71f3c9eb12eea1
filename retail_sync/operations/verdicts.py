"""What is to become of each entry: desired entries beside the last released body of their key. Decides, writes nothing.

The entries of a document that rest on the same facts are decided together: a settlement of which one month were corrected
and another month held would be booked in part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from retail_sync.operations.approvals import Content
from retail_sync.operations.evidence import Evidence, Facts, Sight, movements_of

Verdict = Literal[
    "new",  # release version 1, or the next one of a key that was withdrawn
    "same",
    "correct",  # reverse, release the next version
    "replace",  # cancel a version that was never sent, release the next one
    "withdraw",  # reverse
    "cancel",  # the same for a version that was never sent
    "rule",  # only a rule, or what a product costs or how it is packed, changed: waits
    "unreadable",  # the released facts cannot be read now: held
    "taken",  # its bank movement stands under another key: held
    "leave",  # the document is held, or cannot be seen: nothing is known
]
_STANDING: frozenset[Verdict] = frozenset({"same", "rule", "unreadable", "taken", "leave"})
_RELEASED: frozenset[Verdict] = frozenset({"new", "correct", "replace"})


@dataclass(frozen=True, slots=True)
class Desired:
    """An entry the journal wants: `body` is Entry.body_text, `facts_hash` tells which deliveries it rests on."""

    entry_key: str
    document_id: str
    kind: str
    body: str
    body_hash: str
    facts_hash: str
    evidence: Evidence = Evidence()


@dataclass(frozen=True, slots=True)
class Released:
    """A version that was released and not reversed: the last word on its key.

    `body` (Entry.body_text) is empty until it is asked for: what is decided is decided by hashes, and there are years of bodies.
    """

    release_id: int
    entry_key: str
    version: int
    ledger_key: str
    document_id: str
    entry_kind: str
    desired_hash: str
    facts_hash: str
    state: str
    attempts: int
    evidence: Evidence
    body: str = ""

    @property
    def was_never_sent(self) -> bool:
        """Whether the ledger cannot hold it: it was not tried, or the ledger said no.

        A pending row that was tried had its answer lost. The lookup did not find it, but a ledger may answer late.
        """
        return self.state in ("held", "rejected") or (self.state == "pending" and not self.attempts)


@dataclass(slots=True)
class _Group:
    """The entries of one document that rest on the same facts: those of its settlement, or its deposit."""

    kind: str
    facts: Facts | None
    empty_facts: str = ""
    desired: dict[str, Desired] = field(default_factory=dict)
    standing: dict[str, Released] = field(default_factory=dict)

    @property
    def facts_hash(self) -> str:
        """Today's facts."""
        for entry in self.desired.values():
            return entry.facts_hash
        return self.facts.of(self.kind) if self.facts else ""

    def misses_facts(self, sight: Sight) -> bool:
        """Whether something released may rest on facts that cannot be read now."""
        in_force = self.facts.delivery_id if self.facts else ""
        return any(sight.misses(self.kind, old.evidence, in_force) for old in self.standing.values())

    def had_nothing_to_book(self) -> bool:
        """Whether the document wanted no entry when today's facts were released: what wants one now is a rule."""
        return not self.standing and self.empty_facts == self.facts_hash

    def is_gone(self, sight: Sight) -> bool:
        """Whether the document is in no table any more, and what its entries name can be read: then it is not hidden."""
        documents = {old.document_id for old in self.standing.values()}
        return documents <= sight.gone and not self.misses_facts(sight)

    def rests_on_the_same(self, old: Released, sight: Sight) -> bool:
        """Whether a released version rests on today's facts, so that only a rule can make it differ.

        A deposit whose settlement and bank movement are both unchanged lost its match to the rules if these changed; under
        the same rules another fact did it (a second payment that fits, a payout that failed).
        """
        if old.facts_hash == self.facts_hash:
            return True
        return (
            self.kind == "deposit"
            and self.facts is not None
            and old.evidence.delivery_id == self.facts.delivery_id
            and sight.shows(old.evidence.bank_movement)
            and old.evidence.matching_hash != sight.matching_hash
        )


def decide(
    wanted: Mapping[str, Desired],
    standing: Mapping[str, Released],
    ready: Mapping[str, Facts],
    sight: Sight,
    known_keys: Collection[str],
    empty: Mapping[str, str],
) -> dict[str, Verdict]:
    """Return a verdict for every key wanted or standing.

    `known_keys` were released at some time; `empty` are documents that wanted nothing, with the facts of that time.
    """
    verdicts: dict[str, Verdict] = {}
    for group in _groups(wanted, standing, ready, empty):
        verdicts |= _decide_group(group, sight, known_keys)
    while taken := _taken(wanted, standing, verdicts):  # each pass settles one key or more
        verdicts |= taken
    return verdicts


def carried_by_approval(
    verdicts: Mapping[str, Verdict],
    wanted: Mapping[str, Desired],
    standing: Mapping[str, Released],
    approved: Collection[Content],
) -> dict[str, Verdict]:
    """Return what becomes of entries that wait for a rule's sake, where a person approved their very content.

    The entries of a document go together: as long as one of them waits for its approval, the others do.
    """
    waiting: dict[str, list[str]] = defaultdict(list)
    for key, verdict in verdicts.items():
        if verdict == "rule":
            waiting[(wanted.get(key) or standing[key]).document_id].append(key)
    return {
        key: _by_approval(wanted.get(key), standing.get(key))
        for keys in waiting.values()
        if all(Content(key, wanted[key].body_hash if key in wanted else "") in approved for key in keys)
        for key in keys
    }


def _by_approval(entry: Desired | None, old: Released | None) -> Verdict:
    if old is None:
        return "new"
    if entry is None:
        return "cancel" if old.was_never_sent else "withdraw"
    return "replace" if old.was_never_sent else "correct"


def _groups(
    wanted: Mapping[str, Desired],
    standing: Mapping[str, Released],
    ready: Mapping[str, Facts],
    empty: Mapping[str, str],
) -> Iterator[_Group]:
    groups: dict[tuple[str, str], _Group] = {}

    def group_of(document_id: str, entry_kind: str) -> _Group:
        kind = "deposit" if entry_kind == "deposit" else "settlement"
        empty_facts = empty.get(document_id, "") if kind == "settlement" else ""
        return groups.setdefault((document_id, kind), _Group(kind, ready.get(document_id), empty_facts))

    for key, entry in wanted.items():
        group_of(entry.document_id, entry.kind).desired[key] = entry
    for key, old in standing.items():
        group_of(old.document_id, old.entry_kind).standing[key] = old
    yield from groups.values()


def _decide_group(group: _Group, sight: Sight, known_keys: Collection[str]) -> dict[str, Verdict]:
    verdicts = {key: _by_itself(group, key, sight) for key in {**group.desired, **group.standing}}
    changed = [key for key, verdict in verdicts.items() if verdict not in ("same", "leave")]
    if not changed:
        return verdicts
    again = any(verdicts[key] == "new" and key in known_keys for key in changed)
    if (again and not sight.is_complete) or group.misses_facts(sight):
        return verdicts | dict.fromkeys(changed, "unreadable")
    rests_on_the_same = any(
        not old.was_never_sent and group.rests_on_the_same(old, sight) for old in group.standing.values()
    )
    if not (rests_on_the_same or group.had_nothing_to_book()):
        return verdicts
    # What moves from one entry to another must not be booked twice, nor not at all: then also what was not sent waits.
    moves = any(verdicts[key] in ("new", "withdraw", "cancel") for key in changed)
    for key in changed:
        old = group.standing.get(key)
        if old is None or (moves if old.was_never_sent else group.rests_on_the_same(old, sight)):
            verdicts[key] = "rule"
    return verdicts


def _by_itself(group: _Group, key: str, sight: Sight) -> Verdict:
    """Say what becomes of a key if nothing else is looked at."""
    entry, old = group.desired.get(key), group.standing.get(key)
    if old is None:
        return "new"
    if entry is None:
        if group.facts is None and not group.is_gone(sight):
            return "leave"
        return "cancel" if old.was_never_sent else "withdraw"
    if entry.body_hash == old.desired_hash:
        return "same"
    return "replace" if old.was_never_sent else "correct"


def _taken(
    wanted: Mapping[str, Desired], standing: Mapping[str, Released], verdicts: Mapping[str, Verdict]
) -> dict[str, Verdict]:
    """Return the deposits whose bank movement stands under another key: one payment is booked once.

    Two payouts may share a movement only where each names its own part of it.
    """
    booked: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for key, old in standing.items():
        if verdicts[key] in _STANDING:
            evidence = wanted[key].evidence if verdicts[key] == "same" else old.evidence
            for movement, part in movements_of(evidence.bank_movement):
                booked[movement].add((key, part))
    return {
        key: "taken"
        for key, entry in wanted.items()
        if verdicts[key] in _RELEASED
        and any(
            other != key and (part in ("", other_part) or not other_part)
            for movement, part in movements_of(entry.evidence.bank_movement)
            for other, other_part in booked[movement]
        )
    }
