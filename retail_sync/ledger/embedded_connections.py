"""The embedded ledger's connections: engine settings, transactions, the writer lock, lost answers.

Nothing here knows what a ledger is; `embedded.py` does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError

from retail_sync.core.errors import LedgerUncertain
from retail_sync.ledger.embedded_postgresql import WRITER_LOCK

# How long a writer waits for the one before it; a batch holds the lock for a fraction of a second.
LOCK_WAIT_SECONDS = 60


class LedgerDatabase:
    """One SQLite or PostgreSQL database, written by one transaction at a time."""

    def __init__(self, url: str) -> None:
        """Prepare for the database at SQLAlchemy `url`; nothing is opened yet."""
        self.engine = _engine(url)
        is_postgresql = self.engine.dialect.name == "postgresql"
        writing = {"isolation_level": "READ COMMITTED"} if is_postgresql else {}
        reading = {"isolation_level": "REPEATABLE READ"} if is_postgresql else {}
        self._writer = self.engine.execution_options(ledger_write=True, **writing)
        self._reader = self.engine.execution_options(**reading)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction with the writer lock held, and commit it at the end."""
        with _uncertainty(), self._writer.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"select {WRITER_LOCK}"))
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the ledger throughout."""
        with _uncertainty(), self._reader.connect() as connection:
            yield connection

    def create_folder(self) -> None:
        """Create the folder a SQLite file is to lie in."""
        if self.engine.dialect.name == "sqlite" and self.engine.url.database:
            Path(self.engine.url.database).parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def _uncertainty() -> Iterator[None]:
    """Turn a database's silence into LedgerUncertain; its answers, refusals too, pass."""
    try:
        yield
    except DBAPIError as error:
        if not _is_silence(error):
            raise
        raise LedgerUncertain(
            f"the ledger's database did not answer: {error.orig}",
            "look the entries up before sending them again; check the database and its disk",
        ) from error


def _is_silence(error: DBAPIError) -> bool:
    # SQLite reports a missing table in the same class as a full disk: that one is a bug of ours.
    is_bug = getattr(error.orig, "sqlite_errorname", "") == "SQLITE_ERROR"
    # A damaged file is the bare DatabaseError; all that is ours to answer for is in its subclasses.
    is_damaged = type(error) is DatabaseError
    return (is_damaged or isinstance(error, OperationalError | InterfaceError)) and not is_bug


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": LOCK_WAIT_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(url, pool_pre_ping=True)
        event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    # The driver must not open transactions by itself: `_begin_sqlite` says which kind.
    connection.isolation_level = None
    connection.execute("pragma synchronous = full")
    connection.execute("pragma foreign_keys = on")
    _switch_to_wal(connection)


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Use a write-ahead log. Two processes doing so first at once do not wait for each other: SQLite refuses one."""
    give_up_at = monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or monotonic() > give_up_at:
                raise
            sleep(0.05)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A write transaction that began as a read could not wait for the lock; it would fail at once.
    is_write = connection.get_execution_options().get("ledger_write", False)
    connection.exec_driver_sql("begin immediate" if is_write else "begin")


def _prepare_postgresql(connection: Any, record: object) -> None:  # noqa: ANN401
    connection.execute(f"set lock_timeout = '{LOCK_WAIT_SECONDS}s'")
    connection.commit()
