"""The operations database: its tables, and how a connection to it is made. SQLite by default, PostgreSQL by URL.

This is truth, not derived data: back it up. Instants are ISO 8601 text in UTC, so that both databases sort and show them
alike. Amounts are integer minor units.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from retail_sync.core.errors import StorageError
from retail_sync.core.locks import exclusive

metadata = sa.MetaData()

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("received_order", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("delivery_id", sa.String(64), nullable=False, unique=True),
    sa.Column("source", sa.String(40), nullable=False),
    sa.Column("object", sa.String(40), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger),
    sa.Column("header_fingerprint", sa.String(64), nullable=False, server_default=""),
    sa.Column("received_at", sa.String(40), nullable=False),
    sa.Column("trace_id", sa.String(64), nullable=False),
    sa.Column("times_seen", sa.Integer, nullable=False, server_default="1"),
    sa.Column("last_seen_at", sa.String(40), nullable=False),
    sa.Column("purged_at", sa.String(40)),
    sa.Column("refused_reason", sa.Text, nullable=False, server_default=""),
    sa.Column("loaded_at", sa.String(40), nullable=False, server_default=""),
    # Who took it out with its source, when and why; empty while it counts.
    sa.Column("withdrawn", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("source", "sha256"),
    sqlite_autoincrement=True,
)

inbox_files = sa.Table(
    "inbox_files",
    metadata,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("modified_ns", sa.BigInteger, nullable=False),
    sa.Column("delivery_id", sa.String(64), nullable=False),
)

# How far each list of a system was asked for: everything before `reached_at` is in the raw archive.
cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("source", sa.String(40), primary_key=True),
    sa.Column("object", sa.String(40), primary_key=True),
    sa.Column("reached_at", sa.String(40), nullable=False),
    sa.Column("pulled_at", sa.String(40), nullable=False),
    sa.Column("trace_id", sa.String(64), nullable=False),
)

# What a window of a list last brought, so that the same content is not delivered every hour.
pulls = sa.Table(
    "pulls",
    metadata,
    sa.Column("source", sa.String(40), primary_key=True),
    sa.Column("object", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("delivery_id", sa.String(64), nullable=False),
    sa.Column("pulled_at", sa.String(40), nullable=False),
)

# The files that were fetched from remote folders, each as it was then: nothing is deleted there.
drop_files = sa.Table(
    "drop_files",
    metadata,
    sa.Column("source", sa.String(40), primary_key=True),
    sa.Column("place", sa.String(500), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("state", sa.String(255), nullable=False),
    sa.Column("delivery_id", sa.String(64), nullable=False),
    sa.Column("fetched_at", sa.String(40), nullable=False),
)

exceptions = sa.Table(
    "exceptions",
    metadata,
    sa.Column("exception_id", sa.String(16), primary_key=True),
    sa.Column("stage", sa.String(20), nullable=False),
    sa.Column("code", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("severity", sa.String(10), nullable=False),
    sa.Column("owner", sa.String(40), nullable=False),
    sa.Column("amount_minor", sa.BigInteger),
    sa.Column("currency", sa.String(3), nullable=False, server_default=""),
    sa.Column("since_date", sa.String(10), nullable=False, server_default=""),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("remedy", sa.Text, nullable=False),
    sa.Column("replay", sa.Text, nullable=False),
    sa.Column("first_seen_at", sa.String(40), nullable=False),
    sa.Column("last_seen_at", sa.String(40), nullable=False),
    sa.Column("closed_at", sa.String(40)),
    sa.Column("resolved_by", sa.String(80), nullable=False, server_default=""),
    sa.Column("resolution", sa.Text, nullable=False, server_default=""),
    sa.Column("trace_id", sa.String(64), nullable=False),
)

match_decisions = sa.Table(
    "match_decisions",
    metadata,
    sa.Column("decision_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("reconciliation", sa.String(40), nullable=False),
    sa.Column("left_id", sa.String(255), nullable=False),
    sa.Column("right_id", sa.String(255), nullable=False),
    sa.Column("is_match", sa.Boolean, nullable=False),
    sa.Column("decided_by", sa.String(80), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("decided_at", sa.String(40), nullable=False),
    sqlite_autoincrement=True,
)

released_entries = sa.Table(
    "released_entries",
    metadata,
    sa.Column("release_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("entry_key", sa.String(120), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("entry_kind", sa.String(20), nullable=False),
    sa.Column("ledger_key", sa.String(140), nullable=False, unique=True),
    sa.Column("document_id", sa.String(120), nullable=False),
    sa.Column("desired_hash", sa.String(64), nullable=False),
    sa.Column("facts_hash", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("body_hash", sa.String(64), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("released_at", sa.String(40), nullable=False),
    sa.Column("released_by", sa.String(80), nullable=False),
    sa.Column("trace_id", sa.String(64), nullable=False),
    # What the version rests on, by name (operations.evidence).
    sa.Column("delivery_id", sa.String(64), nullable=False, server_default=""),
    sa.Column("bank_delivery_id", sa.String(64), nullable=False, server_default=""),
    sa.Column("bank_movement", sa.Text, nullable=False, server_default=""),
    sa.Column("matching_hash", sa.String(64), nullable=False, server_default=""),
    sa.UniqueConstraint("entry_key", "version", "kind"),
    sqlite_autoincrement=True,
)

# Ready documents that wanted no entry when they were last released, and the facts that they rest on.
empty_documents = sa.Table(
    "empty_documents",
    metadata,
    sa.Column("ledger", sa.String(20), primary_key=True),
    sa.Column("document_id", sa.String(120), primary_key=True),
    sa.Column("facts_hash", sa.String(64), nullable=False),
)

# Entries that wait since only a rule, a cost or a pack changed, by account: what the last release found. An entry of which no
# account would change has one row without an account. Amounts are of the books' currency, debit positive; version 0: none stands.
waiting_entries = sa.Table(
    "waiting_entries",
    metadata,
    sa.Column("exception_id", sa.String(16), nullable=False),
    sa.Column("entry_key", sa.String(120), primary_key=True),
    sa.Column("entry_kind", sa.String(20), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("posting_date", sa.String(10), nullable=False),
    sa.Column("account", sa.String(40), primary_key=True),
    sa.Column("currency", sa.String(3), primary_key=True),
    sa.Column("released_minor", sa.BigInteger, nullable=False),
    sa.Column("wanted_minor", sa.BigInteger, nullable=False),
    # Of the entry that would be booked, as an approval names it; empty where it would be taken back.
    sa.Column("wanted_hash", sa.String(64), nullable=False, server_default=""),
)

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("approval_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("key", sa.String(140), nullable=False),
    sa.Column("body_hash", sa.String(64), nullable=False),
    sa.Column("approved_by", sa.String(80), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("approved_at", sa.String(40), nullable=False),
    sqlite_autoincrement=True,
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column(
        "release_id",
        sa.ForeignKey("released_entries.release_id"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("ledger", sa.String(20), nullable=False),
    sa.Column("token", sa.String(64), nullable=False, unique=True),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("claimed_by", sa.String(120)),
    sa.Column("remote_id", sa.String(80)),
    sa.Column("reason_code", sa.String(40), nullable=False, server_default=""),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("posted_at", sa.String(40)),
    sa.Column("verified_at", sa.String(40)),
    sa.CheckConstraint(
        "state in ('pending','sending','posted','verified','held','uncertain','rejected','mismatch','reversed')"
    ),
)


def now() -> str:
    """Return this instant as ISO 8601 text in UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def open_database(url: str, lock_folder: Path) -> sa.Engine:
    """Open the operations database and create what is missing; two processes may do so at once."""
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, poolclass=NullPool)
    sa.event.listen(engine, "handle_error", _say_what_the_disk_refused)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _configure_sqlite)
        sa.event.listen(engine, "begin", _begin_immediate)
    with exclusive(lock_folder / "operations.lock", 60, "create the operations database"):
        metadata.create_all(engine)
        _add_missing_columns(engine)
    return engine


def _add_missing_columns(engine: sa.Engine) -> None:
    """Bring a database of an earlier version up to date: what came later is a text column with an empty default."""
    inspector = sa.inspect(engine)
    for table in metadata.sorted_tables:
        there = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                definition = sa.schema.CreateColumn(column).compile(engine)
                with engine.begin() as connection:
                    # Both names come from the tables above, nothing from data.
                    connection.execute(sa.text(f"alter table {table.name} add column {definition}"))


def _say_what_the_disk_refused(context: sa.engine.ExceptionContext) -> None:
    """Turn what SQLite says of a full or failing disk into StorageError; everything else passes."""
    name = getattr(context.original_exception, "sqlite_errorname", "")
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")):
        raise StorageError(
            f"the operations database could not be written ({context.original_exception}); "
            "everything committed before is intact",
            "free disk space and check the permissions, then run again: the run resumes where it stopped",
        ) from context.original_exception


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's own BEGIN below decides when a transaction starts
    for pragma in ("journal_mode=wal", "synchronous=full", "foreign_keys=on", "busy_timeout=30000"):
        connection.execute(f"pragma {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    # A deferred transaction that turns into a writer fails at once instead of waiting its turn.
    connection.exec_driver_sql("begin immediate")
