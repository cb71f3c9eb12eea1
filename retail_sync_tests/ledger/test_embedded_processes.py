"""Several processes at once, sudden death, lost answers: each entry is booked once, whole or not at all."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event, text

from retail_sync.core.errors import LedgerUncertain, StorageError
from retail_sync.ledger.embedded import EmbeddedLedger
from retail_sync_tests.ledger.bookkeeping import Books, sale, token

PROCESS = Path(__file__).with_name("posting_process.py")
KILLS = 10
PROCESSES = 4


def start(books: Books, *arguments: str) -> subprocess.Popen[str]:
    """Start a posting process on `books`."""
    command = [sys.executable, str(PROCESS), books.url, str(books.heads_path), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def run_together(books: Books, mode: str) -> list[list[str]]:
    """Run four processes to their end and return what each printed."""
    processes = [start(books, mode) for _ in range(PROCESSES)]
    printed = [process.communicate(timeout=120)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    return printed


def test_four_processes_install_the_same_ledger_at_once(books: Books) -> None:
    """Two schedulers started together must not leave half a ledger, nor crash each other."""
    run_together(books, "install")
    ledger = books.open()
    assert list(ledger.verify()) == []
    assert list(ledger.install([])) == []
    ledger.close()


def test_four_processes_posting_the_same_fifty_entries_book_each_once(books: Books) -> None:
    """Hourly and nightly run overlap: all get the same number for the same key."""
    printed = run_together(books, "once")
    assert all(lines == printed[0] for lines in printed)
    ledger = books.open()
    assert ledger.entry_count() == 50
    assert list(ledger.verify()) == []
    ledger.close()


@pytest.mark.slow
def test_a_killed_process_leaves_whole_entries_only(books: Books) -> None:
    """What was acknowledged is there, what was not is whole or absent, and the chain goes on.

    Every second process posts one entry in a transaction, the others twenty. Each begins after the last entry that was
    acknowledged, so it repeats what was booked without an answer, as the outbox would.
    """
    ledger = books.installed()
    moments = random.Random(7)
    acknowledged = 0
    for round_no in range(KILLS):
        process = start(books, ("single", "many")[round_no % 2], str(acknowledged + 1))
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(moments.uniform(0, 0.05))
        process.kill()
        acknowledged = max(int(line) for line in [first, *process.stdout.read().splitlines()])
        process.stdout.close()
        process.wait()
        assert settled_count(ledger) >= acknowledged
        assert list(ledger.verify()) == []
    keys = [posted.entry.key for posted in ledger.entries()]
    assert keys == [sale(number).key for number in range(1, len(keys) + 1)]
    ledger.close()


def settled_count(ledger: EmbeddedLedger) -> int:
    """Count entries once the server has noticed too that the process is dead."""
    counted = -1
    while (again := ledger.entry_count()) != counted:
        counted = again
        time.sleep(0.02)
    return counted


def lose_the_answer(ledger: EmbeddedLedger, error: Exception) -> Callable[[], None]:
    """Let the next commit succeed and its answer go missing; return how to undo that."""
    dialect = ledger._database.engine.dialect
    commit = dialect.do_commit

    def commit_then_fail(connection: object) -> None:
        commit(connection)  # type: ignore[arg-type]
        raise error

    dialect.do_commit = commit_then_fail  # type: ignore[method-assign]
    return lambda: setattr(dialect, "do_commit", commit)


def test_a_lost_answer_is_uncertain_and_the_key_tells(sqlite_books: Books) -> None:
    """Posting again blindly would be safe here, but not in other ledgers: the protocol looks first."""
    ledger = sqlite_books.installed()
    restore = lose_the_answer(ledger, sqlite3.OperationalError("disk I/O error"))
    with pytest.raises(LedgerUncertain):
        ledger.post(sale(1), token(sale(1)))
    restore()
    assert list(ledger.find([sale(1).key])) == [sale(1).key]
    assert ledger.post(sale(1), token(sale(1))) == "1"
    assert list(ledger.verify()) == []
    ledger.close()


@pytest.mark.services
def test_a_server_lost_before_the_commit_is_uncertain_and_nothing_is_booked(postgresql_books: Books) -> None:
    """The same words as after the commit: who asks cannot tell the two apart."""
    ledger = postgresql_books.installed()
    stranger = postgresql_books.stranger()

    def lose_the_server(connection: object) -> None:
        with stranger.connect() as other:
            query = "select pg_terminate_backend(:pid)"
            other.execute(text(query), {"pid": connection.connection.dbapi_connection.info.backend_pid})  # type: ignore[attr-defined]

    engine = ledger._database.engine
    event.listen(engine, "commit", lose_the_server)
    with pytest.raises(LedgerUncertain):
        ledger.post(sale(1), token(sale(1)))
    event.remove(engine, "commit", lose_the_server)
    assert ledger.find([sale(1).key]) == {}
    assert ledger.post(sale(1), token(sale(1))) == "1"
    assert list(ledger.verify()) == []
    ledger.close()
    stranger.dispose()


def test_a_database_that_cannot_be_reached_is_uncertain(tmp_path: Path) -> None:
    """No server, no file, no answer: nothing is known about the entry."""
    unreachable = Books("postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=2", tmp_path / "heads.jsonl")
    with pytest.raises(LedgerUncertain):
        unreachable.open().post(sale(1), token(sale(1)))
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"this is no database, but long enough to look at" * 100)
    with pytest.raises(LedgerUncertain):
        Books(f"sqlite:///{damaged}", tmp_path / "heads.jsonl").open().verify()


def test_a_head_that_cannot_be_written_is_said_and_the_entry_stays(sqlite_books: Books) -> None:
    """The ledger itself is sound; the next run recognises the entry and records a later head."""
    ledger = sqlite_books.installed()
    kept = sqlite_books.heads_path.read_bytes()
    sqlite_books.heads_path.unlink()
    sqlite_books.heads_path.mkdir()
    with pytest.raises(StorageError, match="booked"):
        ledger.post(sale(1), token(sale(1)))
    sqlite_books.heads_path.rmdir()
    sqlite_books.heads_path.write_bytes(kept)
    assert ledger.post(sale(1), token(sale(1))) == "1"
    assert list(ledger.verify()) == []
    ledger.close()
