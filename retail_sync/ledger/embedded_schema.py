"""The embedded ledger's tables, the same on SQLite and PostgreSQL, and their installation.

Here: columns, types, keys and checks, the chart of accounts, creating and upgrading. What a check
cannot say (immutability, balance, closed months, the chain's order) is in `embedded_triggers.py`.

Amounts are integer minor units, a debit positive, at most `AMOUNT_MINOR_MAX` either way and at most
`LINE_COUNT_MAX` lines an entry, so that no sum of an entry can leave 64 bits. SQLite tables are
STRICT: it refuses a REAL where an integer is meant. Instants are UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    insert,
    select,
    update,
)
from sqlalchemy.types import TypeDecorator

AMOUNT_MINOR_MAX = 10**15
LINE_COUNT_MAX = 9_000
_WHOLE = BigInteger().with_variant(Integer(), "sqlite")


class _DayText(TypeDecorator[date]):
    """A calendar day as `YYYY-MM-DD`: STRICT tables know no date, and this text sorts as one."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:
        """Write the day as text."""
        return value.isoformat() if value else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> date | None:
        """Read the text as a day."""
        return date.fromisoformat(value) if value else None


class _InstantText(TypeDecorator[datetime]):
    """A UTC instant as ISO 8601 text with microseconds, which sorts in time order."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Write the instant in UTC."""
        return value.astimezone(UTC).isoformat(timespec="microseconds") if value else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Read the text as an instant."""
        return datetime.fromisoformat(value) if value else None


_DAY = Date().with_variant(_DayText(), "sqlite")
_INSTANT = DateTime(timezone=True).with_variant(_InstantText(), "sqlite")
_FLAG = Boolean().with_variant(Integer(), "sqlite")


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the chart. `normal_side` is 'debit' or 'credit'; inactive takes no lines."""

    code: str
    name: str
    type: str
    normal_side: str
    is_active: bool = True


def _one_line_text(column: str) -> CheckConstraint:
    """Demand text in one line: the chain hashes these values joined by line feeds."""
    return CheckConstraint(f"{column} <> '' and replace({column}, '\n', '') = {column}", name=f"{column}_is_one_line")


def _digest(column: str) -> CheckConstraint:
    return CheckConstraint(f"length({column}) = 64", name=f"{column}_is_sha256")


def _amount(column: str) -> CheckConstraint:
    return CheckConstraint(f"{column} between -{AMOUNT_MINOR_MAX} and {AMOUNT_MINOR_MAX}", name=f"{column}_fits")


def _currency(column: str) -> CheckConstraint:
    return CheckConstraint(f"length({column}) = 3 and upper({column}) = {column}", name=f"{column}_is_iso_code")


metadata = MetaData()

# Tables whose rows are never changed nor deleted.
FROZEN = ("entry", "line", "seal", "period_event")

account = Table(
    "account",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("normal_side", Text, nullable=False),
    Column("is_active", _FLAG, nullable=False),
    CheckConstraint("code <> ''", name="code_is_given"),
    CheckConstraint("normal_side in ('debit', 'credit')", name="normal_side_is_known"),
    CheckConstraint("is_active in (false, true)", name="is_active_is_flag"),
    sqlite_strict=True,
)

period_event = Table(
    "period_event",
    metadata,
    Column("id", _WHOLE, primary_key=True, autoincrement=False),
    Column("month", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", _INSTANT, nullable=False),
    CheckConstraint("action in ('close', 'reopen')", name="action_is_known"),
    CheckConstraint("trim(\"by\") <> '' and trim(reason) <> ''", name="by_and_reason_are_given"),
    Index("period_event_by_month", "month", "id"),
    sqlite_strict=True,
)

entry = Table(
    "entry",
    metadata,
    # Deferred to the commit: entry, lines and seal arrive in this order, and none without the seal.
    Column(
        "id",
        _WHOLE,
        ForeignKey(
            "seal.entry_id",
            name="entry_is_sealed",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        primary_key=True,
        autoincrement=False,
    ),
    Column("key", Text, nullable=False, unique=True),
    Column("token", Text, nullable=False, unique=True),
    Column("body_hash", Text, nullable=False),
    Column("posting_date", _DAY, nullable=False, index=True),
    Column("memo", Text, nullable=False),
    Column("reverses_id", _WHOLE, ForeignKey("entry.id"), unique=True),
    Column("prev_hash", Text, nullable=False, unique=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("recorded_at", _INSTANT, nullable=False),
    _one_line_text("key"),
    _one_line_text("token"),
    _digest("body_hash"),
    _digest("prev_hash"),
    _digest("hash"),
    sqlite_strict=True,
)

# After the first two, the columns are the fields of EntryLine, in its order.
line = Table(
    "line",
    metadata,
    Column("entry_id", _WHOLE, ForeignKey("entry.id"), primary_key=True, autoincrement=False),
    Column("line_no", _WHOLE, primary_key=True, autoincrement=False),
    Column("account", Text, ForeignKey("account.code"), nullable=False, index=True),
    Column("transaction_minor", _WHOLE, nullable=False),
    Column("transaction_currency", Text, nullable=False),
    Column("home_minor", _WHOLE, nullable=False),
    Column("home_currency", Text, nullable=False),
    Column("rate", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("tax_code", Text, nullable=False),
    Column("memo", Text, nullable=False),
    CheckConstraint(f"line_no between 1 and {LINE_COUNT_MAX}", name="line_no_fits"),
    _amount("transaction_minor"),
    _amount("home_minor"),
    _currency("transaction_currency"),
    _currency("home_currency"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# `last_period_event_id` is what had been closed when the entry was booked (0: nothing yet), so that
# `verify` can tell a booking into a closed month from a month closed later, whatever clocks say.
seal = Table(
    "seal",
    metadata,
    Column("entry_id", _WHOLE, ForeignKey("entry.id"), primary_key=True, autoincrement=False),
    Column("line_count", _WHOLE, nullable=False),
    Column("last_period_event_id", _WHOLE, nullable=False),
    sqlite_strict=True,
)


def create_tables(connection: Connection) -> bool:
    """Create the tables that are missing; true if there was no ledger. The writer lock is held."""
    is_new = not connection.dialect.has_table(connection, entry.name)
    # Created from a copy: having added `entry_is_sealed` by ALTER on PostgreSQL, SQLAlchemy notes it
    # in the constraint itself, and would leave it out of a SQLite ledger made by the same process.
    ours = MetaData()
    for table in metadata.sorted_tables:
        table.to_metadata(ours)
    ours.create_all(connection)
    return is_new


def upsert_accounts(connection: Connection, accounts: Sequence[Account]) -> None:
    """Add new accounts and update changed ones; none is ever removed. The writer lock is held."""
    rows = {item.code: item for item in accounts}
    if len(rows) < len(accounts):
        raise ValueError("the chart of accounts names an account twice")
    held = {
        row.code: Account(row.code, row.name, row.type, row.normal_side, bool(row.is_active))
        for row in connection.execute(select(account))
    }
    new = [asdict(item) for code, item in rows.items() if code not in held]
    changed = [
        {"changed_code": code} | asdict(item) for code, item in rows.items() if code in held and held[code] != item
    ]
    if new:
        connection.execute(insert(account), new)
    if changed:
        connection.execute(update(account).where(account.c.code == bindparam("changed_code")), changed)
