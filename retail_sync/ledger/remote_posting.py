"""Posting to a ledger of somebody else's, over a line that loses answers: look up, send, look again, and only then tell.

A ledger over HTTP gives what differs from one to the other as a `RemoteLedger`; the order of steps is the same for all:

1. refuse what must not be sent, in words (out of balance, unknown account, original of a reversal missing);
2. look all keys up: what is there is there, the same or as a conflict that names the field;
3. send the others in batches, originals before their reversals, with a key made of the tokens by which the ledger knows a
   repeat again;
4. whatever brought no id is looked up again before anything is said about it. Not there and refused: refused. Not there
   and no answer: uncertain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from retail_sync.core.errors import LedgerRefused, LedgerUncertain
from retail_sync.core.http_errors import Answered, DeliveryUnknown, NotDelivered
from retail_sync.core.pacing import Clock
from retail_sync.ledger.adapter import PostedEntry
from retail_sync.ledger.lost_answers import NOT_CONNECTED
from retail_sync.ledger.remote_text import Note
from retail_sync.schemas.journal import Entry, difference

Posting = tuple[Entry, str]
Answers = dict[str, str | LedgerRefused]
SENDS = 3
_SHORT_WAIT, _LONGEST_WAIT = 5.0, 90.0
# What a person can cure, or a newer version of ours: a stored answer to an earlier try must not stand in its way.
_CURABLE = frozenset({"closed_period", "unknown_account", "inactive_account", "unknown_dimension", "malformed"})


@dataclass(frozen=True, slots=True)
class Held:
    """An entry as the ledger holds it, with the text that it carries."""

    posted: PostedEntry
    note: Note


@dataclass(slots=True)
class Sent:
    """What a ledger said to one batch. `lost` is why some entries have no answer, `wait` the seconds until they may go again."""

    answers: Answers = field(default_factory=dict)
    lost: str = ""
    wait: float = 0


class RemoteLedger(Protocol):
    """What posting needs of a ledger over HTTP."""

    batch_size: int
    clock: Clock
    settles_after: float  # seconds after which a request that was sent is carried out or never will be

    def shown(self, entry: Entry) -> Entry:
        """As `LedgerAdapter.shown`."""

    def held(self, keys: Sequence[str]) -> Mapping[str, Held]:
        """Look keys up."""

    def refusal(self, entry: Entry) -> LedgerRefused | None:
        """Return why an entry must not be sent, if it must not."""

    def send(self, batch: Sequence[Posting], key: str) -> Sent:
        """Send a batch under an idempotency key of 64 hexadecimal digits, or as many of them as the ledger takes."""


def post_all(ledger: RemoteLedger, postings: Sequence[Posting]) -> Answers:
    """Book postings, each standing or falling alone. Raises LedgerUncertain where some have no answer."""
    if len({entry.key for entry, _ in postings}) < len(postings):
        raise ValueError("the same key comes twice in one call")
    originals = [entry.reverses for entry, _ in postings if entry.reverses]
    reversals = [f"{key}R" for key in originals]
    held = ledger.held(list(dict.fromkeys([*(entry.key for entry, _ in postings), *originals, *reversals])))
    answers: Answers = {}
    waiting = []
    for entry, token in postings:
        if already := held.get(entry.key):
            answers[entry.key] = _same_or_conflict(ledger, entry, already)
        elif refused := ledger.refusal(entry) or _reversed_already(entry, held):
            answers[entry.key] = refused
        else:
            waiting.append((entry, token))
    coming = {entry.key for entry, _ in waiting}
    for is_second in (False, True):
        wave = [(entry, token) for entry, token in waiting if (entry.reverses in coming) == is_second]
        for entry, _ in wave:
            there = answers.get(entry.reverses or "", held.get(entry.reverses or ""))
            if entry.reverses and (there is None or isinstance(there, LedgerRefused)):
                answers[entry.key] = _original_missing(entry)
        wave = [posting for posting in wave if posting[0].key not in answers]
        for start in range(0, len(wave), ledger.batch_size):
            answers |= _settled(ledger, wave[start : start + ledger.batch_size])
    return answers


def _settled(ledger: RemoteLedger, batch: Sequence[Posting]) -> Answers:
    """Send a batch and return an answer for each of it; what was refused for something curable is tried once more.

    A ledger may give its first answer to a key again for ever, also after the period was opened. A plain refusal booked
    nothing, and the look-up says so; so that try goes out under another key, made with its minute.
    """
    answers = _until_known(ledger, batch, "")
    cured = [posting for posting in batch if _is_curable(answers[posting[0].key])]
    if cured:
        minute = datetime.fromtimestamp(ledger.clock.wall(), UTC).strftime("%Y-%m-%dT%H:%M")
        answers |= _until_known(ledger, cured, minute)
    return answers


def _until_known(ledger: RemoteLedger, batch: Sequence[Posting], salt: str) -> Answers:
    """Send until each entry has an answer, at most SENDS times, and never before the last try can no longer take effect."""
    answers: Answers = {}
    waiting, sent = list(batch), Sent()
    for sends_left in range(SENDS - 1, -1, -1):
        sent = _sent(ledger, waiting, salt)
        answers |= sent.answers
        waiting = _looked_up(ledger, waiting, answers)
        if waiting and sends_left:
            ledger.clock.sleep(sent.wait)
            waiting = _looked_up(ledger, waiting, answers)
        if not waiting:
            return answers
    raise LedgerUncertain(
        sent.lost or "the ledger did not say what became of an entry",
        "nothing to do: the next run looks it up before it sends anything",
    )


def _looked_up(ledger: RemoteLedger, batch: Sequence[Posting], answers: Answers) -> list[Posting]:
    """Look up what has no id; whatever was said, what is there is there. Return what has no answer at all."""
    without_id = [posting for posting in batch if not isinstance(answers.get(posting[0].key), str)]
    held = ledger.held([entry.key for entry, _ in without_id])
    for entry, _ in without_id:
        if entry.key in held:
            answers[entry.key] = _same_or_conflict(ledger, entry, held[entry.key])
    return [posting for posting in without_id if posting[0].key not in answers]


def _sent(ledger: RemoteLedger, batch: Sequence[Posting], salt: str) -> Sent:
    key = hashlib.sha256("|".join([*(token for _, token in batch), salt]).encode()).hexdigest()
    try:
        sent = ledger.send(batch, key)
    except NotDelivered as error:
        return Sent(lost=error.message, wait=_SHORT_WAIT)
    except Answered as error:
        if error.status in NOT_CONNECTED or (error.retry_after or 0) > _LONGEST_WAIT:
            raise
        if error.status == 429:
            return Sent(lost=error.message, wait=min(error.retry_after or _SHORT_WAIT, _LONGEST_WAIT))
        if not error.may_have_acted:
            return _refused_whole(ledger, batch, error, salt)
        return Sent(lost=error.message, wait=ledger.settles_after)
    except DeliveryUnknown as error:
        return Sent(lost=error.message, wait=ledger.settles_after)
    return replace(sent, wait=ledger.settles_after)


def _refused_whole(ledger: RemoteLedger, batch: Sequence[Posting], error: Answered, salt: str) -> Sent:
    """A batch refused as a whole says nothing of its entries: each is sent by itself. One alone is refused."""
    if len(batch) > 1:
        answers: Answers = {}
        for posting in batch:
            answers |= _until_known(ledger, [posting], salt)
        return Sent(answers)
    entry = batch[0][0]
    return Sent(
        {entry.key: LedgerRefused("malformed", f"{entry.key}: {error.message}", "correct it and release it anew")}
    )


def twice(first: Held, second: Held) -> Held:
    """Return an entry that the ledger holds twice: its memo says so, so it is never taken for what was sent."""
    ids = f"{first.posted.remote_id}, {second.posted.remote_id}"
    entry = replace(first.posted.entry, memo=f"(in the ledger twice: {ids}) {first.posted.entry.memo}")
    return replace(first, posted=replace(first.posted, remote_id=ids, entry=entry))


def _same_or_conflict(ledger: RemoteLedger, entry: Entry, held: Held) -> str | LedgerRefused:
    if held.note.is_body_of(entry):  # read-back tells what the ledger, or somebody, made of it
        return held.posted.remote_id
    differs = difference(held.posted.entry, ledger.shown(entry))
    differs = differs or "a field that this ledger does not hold differs from what was posted"
    return LedgerRefused(
        "key_conflict",
        f"{entry.key} is in the ledger as {held.posted.remote_id} with another body: {differs}",
        "a corrected entry needs its own key: the old one reversed and a next version",
    )


def _reversed_already(entry: Entry, held: Mapping[str, Held]) -> LedgerRefused | None:
    first = f"{entry.reverses}R"
    if not entry.reverses or entry.key == first or first not in held:
        return None
    return LedgerRefused(
        "already_reversed",
        f"{entry.key}: {entry.reverses} is reversed already, by {first}",
        "an entry is taken back once; look at what has been booked since",
    )


def _original_missing(entry: Entry) -> LedgerRefused:
    return LedgerRefused(
        "original_missing",
        f"{entry.key}: {entry.reverses}, which it reverses, is not in the ledger",
        "post the original first",
    )


def _is_curable(answer: str | LedgerRefused) -> bool:
    return isinstance(answer, LedgerRefused) and answer.code in _CURABLE
