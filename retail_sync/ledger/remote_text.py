"""How an entry rides in the text fields of a ledger that has no field for its identity, and comes back from there.

The memo of an entry gets a stamp at its end, `[RS-… key=… token=… body=…]`: the reference that the entry is looked up by,
its full key, the token it was posted with, the start of its body hash. The memo of a line gets what the ledger has no field
for, in words: `[payout; channel amazon_us; location fba]`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from urllib.parse import quote, unquote

from retail_sync.core.money import from_minor
from retail_sync.schemas.journal import Entry, EntryLine

MEMO_MAX, LINE_MEMO_MAX, NOTE_MAX = 1_500, 1_000, 4_000
_BODY_DIGITS = 32
_STAMP = re.compile(r"\[(RS-[A-Z2-7]{18})((?: [a-z]+=[^ \[\]]*)*)\]\Z")
_SUFFIX = re.compile(r" ?\[([^\[\]]*)\]\Z")
_CARRIED = {"channel": "channel", "location": "location", "tax_code": "tax"}


def reference(key: str) -> str:
    """Return the 21 characters by which a ledger finds the entry of `key` again: 90 bits of its hash."""
    return "RS-" + base64.b32encode(hashlib.sha256(key.encode()).digest()).decode()[:18]


@dataclass(frozen=True, slots=True)
class Note:
    """What the text of an entry says. Without a stamp all but `memo` is empty."""

    memo: str
    key: str = ""
    token: str = ""
    body: str = ""
    reverses: str | None = None

    def is_body_of(self, entry: Entry) -> bool:
        """Whether the entry was posted with this very body, fields included that the ledger does not hold."""
        return self.body == entry.body_hash[:_BODY_DIGITS]


def write_note(entry: Entry, token: str) -> str:
    """Return the memo of an entry with its stamp."""
    named = {"key": entry.key, "token": token, "body": entry.body_hash[:_BODY_DIGITS], "reverses": entry.reverses}
    stamp = "".join(f" {name}={_quoted(value)}" for name, value in named.items() if value is not None)
    return f"{_memo(entry.memo, MEMO_MAX)} [{reference(entry.key)}{stamp}]".strip()


def read_note(text: str) -> Note:
    """Read what `write_note` wrote."""
    found = _STAMP.search(text)
    if not found:
        return Note(text)
    pairs = dict(item.split("=", 1) for item in found[2].split())
    named = {name: unquote(pairs.get(name, "")) for name in ("key", "token", "body")}
    return Note(
        text[: found.start()].strip(), **named, reverses=unquote(pairs["reverses"]) if "reverses" in pairs else None
    )


def write_line_text(line: EntryLine, elsewhere: Collection[str] = (), told: str = "") -> str:
    """Return a line's memo with what stands nowhere else. `elsewhere` are fields that the ledger holds by itself.

    `told` is for people and not read back, such as an amount in another currency.
    """
    items = [_quoted(line.role)] if line.role != "component" else []
    for name, word in _CARRIED.items():
        if name not in elsewhere and getattr(line, name):
            items.append(f"{word} {_quoted(getattr(line, name))}")
    if told:
        items.append(f"of {told}")
    memo = _memo(line.memo, LINE_MEMO_MAX)
    return f"{memo} [{'; '.join(items)}]".strip() if items or _SUFFIX.search(memo) else memo


def read_line_text(text: str) -> Mapping[str, str]:
    """Read what `write_line_text` wrote: field of an entry line = value."""
    found = _SUFFIX.search(text)
    if not found:
        return {"memo": text}
    fields = {"memo": text[: found.start()]}
    names = {word: name for name, word in _CARRIED.items()}
    for item in filter(None, found[1].split("; ")):
        word, is_named, value = item.partition(" ")
        if not is_named:
            fields["role"] = unquote(item)
        elif word in names:
            fields[names[word]] = unquote(value)
    return fields


def foreign_amount(line: EntryLine) -> str:
    """Return the amount of a line in its own currency, for people, where the ledger only holds the other."""
    if line.transaction_currency == line.home_currency:
        return ""
    return (
        f"{line.transaction_currency} {from_minor(line.transaction_minor, line.transaction_currency):f} at {line.rate}"
    )


def shown_texts(entry: Entry) -> Entry:
    """Return `entry` with its texts as they come back: of bounded length, no blanks at either end."""
    lines = tuple(replace(line, memo=_memo(line.memo, LINE_MEMO_MAX)) for line in entry.lines)
    return replace(entry, memo=_memo(entry.memo, MEMO_MAX), lines=lines)


def in_home_currency(line: EntryLine) -> EntryLine:
    """Return a line as a ledger holds it that keeps home amounts only."""
    return replace(line, transaction_minor=line.home_minor, transaction_currency=line.home_currency, rate="1")


def plain_rate(rate: str | Decimal) -> str:
    """Return a rate without zeros at its end, so that two texts of one number are the same."""
    return f"{Decimal(rate).normalize():f}"


def _memo(text: str, length_max: int) -> str:
    return " ".join(text.split())[:length_max].strip()


def _quoted(text: str) -> str:
    return quote(text, safe="/:#,.()&+@'!*")
