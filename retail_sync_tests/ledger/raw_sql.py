"""The ledger's tables as somebody sees them who writes SQL by hand and knows nothing of our code.

Every statement is spelled out, and the chain is continued properly unless a test says otherwise, so
that a refusal is for the reason the test names.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from retail_sync.ledger.embedded_chain import GENESIS, chain_hash
from retail_sync.ledger.embedded_schema import FROZEN

Leg = tuple[str, int]

_ENTRY = """
insert into entry (id, key, token, body_hash, posting_date, memo, reverses_id, prev_hash, hash,
                   recorded_at)
values (:id, :key, :token, :body_hash, :posting_date, '', :reverses_id, :prev_hash, :hash,
        :recorded_at)"""
_LINE = """
insert into line (entry_id, line_no, account, transaction_minor, transaction_currency, home_minor,
                  home_currency, rate, role, channel, location, tax_code, memo)
values (:entry_id, :line_no, :account, :minor, :currency, :minor, :currency, '1', 'component', '',
        '', '', '')"""
_SEAL = """
insert into seal (entry_id, line_count, last_period_event_id)
values (:entry_id, :line_count, (select coalesce(max(id), 0) from period_event))"""
_CLOSING = """
insert into period_event (id, month, action, "by", reason, recorded_at)
select coalesce(max(id), 0) + 1, :month, 'close', :by, :reason, :recorded_at from period_event"""


def now() -> str:
    """Return an instant as text that both databases take."""
    return datetime.now(UTC).isoformat()


def write_entry(connection: Connection, **other: Any) -> int:
    """Insert an entry that continues the chain, but for what `other` says; return its number."""
    last = connection.execute(text("select id, hash from entry order by id desc limit 1")).first()
    number, prev_hash = (last.id + 1, last.hash) if last else (1, GENESIS)
    values = {
        "id": number,
        "key": f"raw:{number}",
        "token": f"token:{number}",
        "body_hash": "b" * 64,
        "posting_date": "2026-10-14",
        "reverses_id": None,
        "prev_hash": prev_hash,
        "recorded_at": now(),
    } | other
    parts = (str(values[name]) for name in ("prev_hash", "key", "body_hash", "token"))
    values.setdefault("hash", chain_hash(*parts))
    connection.execute(text(_ENTRY), values)
    return int(values["id"])


def write_lines(
    connection: Connection, entry_id: int, legs: Sequence[Leg], first: int = 1, currency: str = "USD"
) -> None:
    """Insert lines, numbered from `first`."""
    for number, (account, minor) in enumerate(legs, start=first):
        values = {"account": account, "minor": minor, "currency": currency}
        connection.execute(text(_LINE), {"entry_id": entry_id, "line_no": number} | values)


def write_seal(connection: Connection, entry_id: int, line_count: int) -> None:
    """Seal an entry."""
    connection.execute(text(_SEAL), {"entry_id": entry_id, "line_count": line_count})


def write_closing(connection: Connection, month: str, **other: str) -> None:
    """Close a month, with what `other` says."""
    values = {"month": month, "by": "Ann", "reason": "books signed", "recorded_at": now()}
    connection.execute(text(_CLOSING), values | other)


def write_whole(connection: Connection, legs: Sequence[Leg], **other: Any) -> int:
    """Insert an entry with its lines and seal; return its number."""
    number = write_entry(connection, **other)
    write_lines(connection, number, legs)
    write_seal(connection, number, len(legs))
    return number


def take_the_rules_away(connection: Connection) -> None:
    """Do what only the database's owner can: make every trigger go silent."""
    if connection.dialect.name == "postgresql":
        for table in (*FROZEN, "account"):
            connection.execute(text(f"alter table {table} disable trigger user"))
        return
    names = connection.execute(text("select name from sqlite_master where type = 'trigger'"))
    for name in names.scalars().all():
        connection.execute(text(f"drop trigger {name}"))
