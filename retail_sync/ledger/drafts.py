"""Posting to an ERP that books in two steps, a draft and then its posting, and knows no idempotency key.

Exactly once is made out of what such a server's database promises: a posted move is never deleted or changed, and of two
transactions on one move one fails. To post a key:

1. search the moves that carry it. A posted one: it is booked. None: create a draft.
2. search again, now that ours can be seen. Keep the first draft that says what we say, delete the others.
3. post the one that is left, only if deleting the others succeeded.

Of two posters at once at least one sees the other's draft in step 2, and deleting it and posting it exclude each other: at
most one move of a key is ever posted, also when a request arrives long after we gave up on it. A draft that a lost answer
or HTTP 503 left behind is adopted, or deleted when it says something else.

Here: this protocol and what follows from it. How a server is asked stands in one file each: `tryton.py`, `odoo.py`, `erpnext.py`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retail_sync.core.errors import LedgerRefused, LedgerUncertain
from retail_sync.ledger.adapter import PostedEntry
from retail_sync.ledger.lost_answers import uncertain_without_answer
from retail_sync.ledger.refusals import already_reversed, closed_period, key_conflict, original_missing
from retail_sync.schemas.journal import Entry, difference
from retail_sync.systems.calls import ServerBusy, ServerRefused

Answers = dict[str, str | LedgerRefused]
Id = int | str  # what the server names a move by
ROUNDS = 5
_ROUND_WAIT_SECONDS = 0.2
_KEYS_AT_ONCE = 500
_LINES_AT_ONCE = 500  # some seconds of the server's own checks


@dataclass(frozen=True, slots=True)
class Move:
    """A move that carries a key of ours: its id, whether it is posted, and the entry that it is."""

    id: Id
    is_posted: bool
    entry: Entry


@dataclass(frozen=True, slots=True)
class Original:
    """A posted move that is to be reversed, and the key of what has reversed it already, or ''."""

    id: Id
    reversed_by: str


class DraftLedger(ABC):
    """The protocol. A server is the methods below that are abstract."""

    system: str

    @abstractmethod
    def _begin(self) -> None:
        """Read anew what has to be known of the books: a batch begins."""

    @abstractmethod
    def _moves(self, keys: Sequence[str]) -> Mapping[str, Sequence[Move]]:
        """Return all moves, posted and draft, that carry one of `keys`, in the order they were created."""

    @abstractmethod
    def _originals(self, entries: Sequence[Entry]) -> Mapping[str, Original]:
        """Return the posted moves that `entries` reverse, by key."""

    @abstractmethod
    def _check(self, entry: Entry, token: str) -> LedgerRefused | None:
        """Return why the server would not, or must not, take `entry`, or None."""

    @abstractmethod
    def _is_closed(self, entry: Entry) -> bool:
        """Ask the server whether the day of `entry` is closed now."""

    @abstractmethod
    def _create(self, entries: Sequence[Entry], originals: Mapping[str, Original]) -> None:
        """Create drafts, all or none. Raises ServerRefused."""

    @abstractmethod
    def _delete(self, ids: Sequence[Id]) -> None:
        """Delete drafts, all or none. Raises ServerRefused where one is posted or gone."""

    @abstractmethod
    def _post_drafts(self, ids: Sequence[Id]) -> None:
        """Post drafts, all or none. Raises ServerRefused."""

    def _remedy(self, said: ServerRefused) -> str:
        """Return what a person can do about a refusal."""
        return f"correct what it names, in {self.system} or in the rule that built the entry"

    @uncertain_without_answer()
    def find(self, keys: Sequence[str]) -> Mapping[str, PostedEntry]:
        """Return those of `keys` that are posted, as they stand in the ledger now. Drafts are not booked."""
        found: dict[str, PostedEntry] = {}
        for moves in self._moves(keys).values():
            for move in moves:
                if move.is_posted:
                    found.setdefault(move.entry.key, PostedEntry(str(move.id), "", move.entry))
        return found

    def post(self, entry: Entry, token: str) -> str:
        """Book `entry` and return the id of its move. Raises LedgerRefused for good."""
        answer = self.post_many([(entry, token)])[entry.key]
        if isinstance(answer, LedgerRefused):
            raise answer
        return answer

    @uncertain_without_answer()
    def post_many(self, postings: Sequence[tuple[Entry, str]]) -> Mapping[str, str | LedgerRefused]:
        """Book several, each standing or falling alone; the id or a refusal for each key. Originals before reversals."""
        answers: Answers = {}
        if not postings:
            return answers
        self._begin()
        inside = {entry.key for entry, _ in postings}
        for wave in (
            [posting for posting in postings if posting[0].reverses not in inside],
            [posting for posting in postings if posting[0].reverses in inside],
        ):
            answers |= self._post_wave(wave)
        return {entry.key: answers[entry.key] for entry, _ in postings}

    def _post_wave(self, postings: Sequence[tuple[Entry, str]]) -> Answers:
        answers: Answers = {}
        entries = {entry.key: entry for entry, _ in postings}
        tokens = {entry.key: token for entry, token in postings}
        for attempt in range(ROUNDS):
            if not entries:
                return answers
            if attempt:
                time.sleep(_ROUND_WAIT_SECONDS * attempt)
            try:
                answers |= self._round(entries, tokens)
            except ServerBusy:
                continue
            entries = {key: entry for key, entry in entries.items() if key not in answers}
        if not entries:
            return answers
        raise LedgerUncertain(
            f"{self.system} gave the posting up {ROUNDS} times for {', '.join(list(entries)[:3])}",
            "run again when fewer others write to it: what was sent is looked up first",
        )

    def _round(self, entries: Mapping[str, Entry], tokens: Mapping[str, str]) -> Answers:
        """Take every entry one round further; what is not in the answer needs another round."""
        moves = self._moves(list(entries))
        answers = self._booked(entries, moves)
        originals = self._originals([entry for key, entry in entries.items() if key not in answers])
        for key, entry in entries.items():
            if key not in answers and (refused := self._refusal(entry, tokens[key], originals)):
                answers[key] = refused
        waiting = {key: entry for key, entry in entries.items() if key not in answers}
        missing = [entry for key, entry in waiting.items() if not _same(moves.get(key, ()), entry)]
        if missing:
            for part in _by_lines(missing):
                answers |= self._each_alone(part, lambda some: self._drafted(some, originals), {})
            waiting = {key: entry for key, entry in waiting.items() if key not in answers}
            moves = self._moves(list(waiting))  # only now can nobody's draft be hidden from us and ours from them
            answers |= self._booked(waiting, moves)
        waiting = {key: entry for key, entry in waiting.items() if key not in answers}
        kept = self._keep_one(waiting, moves)
        return answers | self._each_alone([waiting[key] for key in kept], lambda some: self._post(some, kept), kept)

    def _booked(self, entries: Mapping[str, Entry], moves: Mapping[str, Sequence[Move]]) -> Answers:
        """Answer the entries that are posted already: with their id, or with the field in which they differ."""
        answers: Answers = {}
        for key, entry in entries.items():
            for move in moves.get(key, ()):
                if move.is_posted:
                    answers[key] = key_conflict(move.entry, entry) if difference(move.entry, entry) else str(move.id)
                    break
        return answers

    def _refusal(self, entry: Entry, token: str, originals: Mapping[str, Original]) -> LedgerRefused | None:
        if refused := self._check(entry, token):
            return refused
        if entry.reverses is None:
            return None
        original = originals.get(entry.reverses)
        if original is None:
            return original_missing(entry)
        is_taken = original.reversed_by not in ("", entry.key)
        return already_reversed(entry, original.reversed_by) if is_taken else None

    def _drafted(self, entries: Sequence[Entry], originals: Mapping[str, Original]) -> dict[str, str]:
        """Create drafts. They are not booked yet, so there is no answer for them."""
        self._create(entries, originals)
        return {}

    def _keep_one(self, entries: Mapping[str, Entry], moves: Mapping[str, Sequence[Move]]) -> dict[str, Id]:
        """Delete all drafts of each entry but the first that says the same; return its id where that succeeded."""
        kept: dict[str, Id] = {}
        others: list[Id] = []
        for key, entry in entries.items():
            same = _same(moves.get(key, ()), entry)
            if same:
                kept[key] = same[0]
            others += [move.id for move in moves.get(key, ()) if move.id not in same[:1]]
        if others:
            try:
                self._delete(others)
            except ServerRefused:  # one is posted or gone meanwhile: look again
                return {}
        return kept

    def _post(self, entries: Sequence[Entry], drafts: Mapping[str, Id]) -> dict[str, str]:
        self._post_drafts([drafts[entry.key] for entry in entries])
        return {entry.key: str(drafts[entry.key]) for entry in entries}

    def _each_alone(
        self, entries: Sequence[Entry], do: Callable[[Sequence[Entry]], dict[str, str]], drafts: Mapping[str, Id]
    ) -> Answers:
        """Do it for all at once; where the server refuses that, in halves, so that each stands or falls alone."""
        if not entries:
            return {}
        try:
            return dict(do(entries))
        except ServerRefused as said:
            if len(entries) > 1:
                middle = len(entries) // 2
                return self._each_alone(entries[:middle], do, drafts) | self._each_alone(entries[middle:], do, drafts)
            refused = self._explain(entries[0], said, drafts.get(entries[0].key))
            return {entries[0].key: refused} if refused else {}

    def _explain(self, entry: Entry, said: ServerRefused, draft: Id | None) -> LedgerRefused | None:
        """Put the refusal of one entry into words and take its draft away; None where somebody was faster: look again."""
        moves = self._moves([entry.key]).get(entry.key, ())
        if any(move.is_posted for move in moves) or (draft and draft not in [move.id for move in moves]):
            return None
        if draft:
            self._delete([draft])
        if self._is_closed(entry):
            return closed_period(entry)
        return LedgerRefused("malformed", f"{self.system} refuses {entry.key}: {said.said}", self._remedy(said))


def _same(moves: Sequence[Move], entry: Entry) -> list[Id]:
    """Return the ids of the drafts that say what `entry` says."""
    return [move.id for move in moves if not move.is_posted and not difference(move.entry, entry)]


def portions(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut `items` into parts that one query can carry."""
    for start in range(0, len(items), _KEYS_AT_ONCE):
        yield items[start : start + _KEYS_AT_ONCE]


def _by_lines(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Cut `entries` into parts of a size that a server answers for in some seconds."""
    part: list[Entry] = []
    for entry in entries:
        if part and sum(len(item.lines) for item in part) + len(entry.lines) > _LINES_AT_ONCE:
            yield part
            part = []
        part.append(entry)
    yield part
