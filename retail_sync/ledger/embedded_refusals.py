"""Why the embedded ledger refuses an entry, in words a finance person can act on.

The database decides (`embedded_triggers.py`) and names a code; here the code becomes a sentence
with the account, month or entry concerned, and a remedy. The exceptions are faults the database
could not even be asked about (an amount that is no integer, a key of two lines): `malformed`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from retail_sync.core.errors import LedgerRefused
from retail_sync.ledger.embedded_schema import (
    AMOUNT_MINOR_MAX,
    LINE_COUNT_MAX,
    account,
    entry,
    period_event,
)
from retail_sync.schemas.journal import Entry, EntryLine, difference

_REFUSED = re.compile(r"ledger refused \[(\w+)\]: (.*)")
_LINE_FIELDS = tuple(EntryLine.__dataclass_fields__)
_TEXT_FIELDS = tuple(name for name in _LINE_FIELDS if not name.endswith("_minor"))
_REPORT = "this is a fault of the program that built the entry: report it with the entry's key"


def malformed(item: Entry, token: str) -> str:
    """Say what makes `item` unfit to be sent to the database at all, or return ''."""
    return next(_faults(item, token), "")


def key_conflict(held: Entry, sent: Entry) -> LedgerRefused:
    """Build the refusal of a key that is in the ledger with another body."""
    return LedgerRefused(
        "key_conflict",
        f"{sent.key} is in the ledger with another content: {difference(held, sent)}",
        "what is booked stays; book the change as a reversal and a new version",
    )


def database_refusal(connection: Connection, item: Entry, token: str, error: DBAPIError) -> LedgerRefused:
    """Turn the database's refusal of `item` into words. The failed savepoint is rolled back."""
    said = _REFUSED.search(str(error.orig))
    code, reason = said.groups() if said else ("malformed", str(error.orig).splitlines()[0])
    explain = _EXPLANATIONS.get(code)
    if explain is None:
        return LedgerRefused(code, f"the ledger refused {item.key}: {reason}", _REPORT)
    message, remedy = explain(connection, item, token)
    return LedgerRefused(code, message, remedy)


def _faults(item: Entry, token: str) -> Iterator[str]:
    for name, value in (("key", item.key), ("token", token)):
        if not isinstance(value, str) or not value.isprintable() or not value:
            yield f"the {name} {value!r} is not one line of printable text"
    # `type`, not isinstance: a datetime is a date, and would come back as another body.
    if type(item.posting_date) is not date:
        yield f"{item.key}: the posting date {item.posting_date!r} is not a calendar day"
    if not _is_storable(item.memo):
        yield f"{item.key}: the memo is not text a database can keep"
    if len(item.lines) > LINE_COUNT_MAX:
        yield f"{item.key} has {len(item.lines)} lines; at most {LINE_COUNT_MAX} are possible"
    for number, leg in enumerate(item.lines, start=1):
        for fault in _line_faults(leg):
            yield f"{item.key} line {number}: {fault}"


def _line_faults(leg: EntryLine) -> Iterator[str]:
    for name in ("transaction_minor", "home_minor"):
        amount = getattr(leg, name)
        # A bool is an int too, and STRICT tables would take 10.0 for 10.
        if type(amount) is not int:
            yield f"{name} is {amount!r}, not a whole number of minor units"
        elif abs(amount) > AMOUNT_MINOR_MAX:
            yield f"{name} is {amount}, beyond the {AMOUNT_MINOR_MAX} minor units a line can hold"
    for name in _TEXT_FIELDS:
        if not _is_storable(getattr(leg, name)):
            yield f"{name} is not text a database can keep"
    if not _is_positive_decimal(leg.rate):
        yield f"the rate {leg.rate!r} is not a positive decimal number"


def _is_storable(value: object) -> bool:
    """Tell text every database takes: no NUL (PostgreSQL refuses it), no half surrogate pair."""
    if not isinstance(value, str) or "\0" in value:
        return False
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_positive_decimal(text: str) -> bool:
    try:
        number = Decimal(text)
    except (InvalidOperation, TypeError):
        return False
    return number.is_finite() and number > 0


_Words = tuple[str, str]


def _closed_period(connection: Connection, item: Entry, token: str) -> _Words:
    month = f"{item.posting_date:%Y-%m}"
    closing = connection.execute(
        select(period_event).where(period_event.c.month == month).order_by(period_event.c.id.desc()).limit(1)
    ).one()
    return (
        f"{item.key} is dated {item.posting_date}, but {month} was closed by {closing.by}"
        f" on {closing.recorded_at:%Y-%m-%d} ({closing.reason})",
        f"book it in the first open month, or ask {closing.by} to reopen {month}",
    )


def _unknown_account(connection: Connection, item: Entry, token: str) -> _Words:
    wanted = {leg.account for leg in item.lines}
    known = set(connection.scalars(select(account.c.code).where(account.c.code.in_(wanted))))
    return (
        f"{item.key} uses accounts that are not in the chart: {', '.join(sorted(wanted - known))}",
        "add them to the chart of accounts, or correct the rule that names them",
    )


def _inactive_account(connection: Connection, item: Entry, token: str) -> _Words:
    wanted = {leg.account for leg in item.lines}
    held = connection.execute(select(account).where(account.c.code.in_(wanted))).all()
    names = [f"{row.code} {row.name}" for row in held if not row.is_active]
    return (
        f"{item.key} uses accounts that are inactive: {', '.join(sorted(names))}",
        "make the account active in the chart of accounts, or correct the rule that names it",
    )


def _unbalanced(connection: Connection, item: Entry, token: str) -> _Words:
    return item.imbalance(), _REPORT


def _already_reversed(connection: Connection, item: Entry, token: str) -> _Words:
    original = entry.alias()
    reversal = connection.execute(
        select(entry.c.id, entry.c.key)
        .join(original, original.c.id == entry.c.reverses_id)
        .where(original.c.key == item.reverses)
    ).one()
    return (
        f"{item.key} reverses {item.reverses}, which {reversal.key} (number {reversal.id}) has already reversed",
        "book the correction as a new version; an entry is reversed once",
    )


def _key_conflict(connection: Connection, item: Entry, token: str) -> _Words:
    # The key itself was looked up before: what clashes is the token.
    owner = connection.scalar(select(entry.c.key).where(entry.c.token == token))
    return f"{item.key} was sent with the token of {owner}: {token}", _REPORT


_EXPLANATIONS: dict[str, Callable[[Connection, Entry, str], _Words]] = {
    "closed_period": _closed_period,
    "unknown_account": _unknown_account,
    "inactive_account": _inactive_account,
    "unbalanced": _unbalanced,
    "already_reversed": _already_reversed,
    "key_conflict": _key_conflict,
}
