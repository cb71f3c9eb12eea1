"""The ledger we ship: SQL tables that enforce double entry themselves, behind `LedgerAdapter`.

SQLite by default, PostgreSQL by URL, one code for both (SQLAlchemy Core). Entries are immutable
and hash-chained, one chain per ledger, so there is one writer at a time; readers never wait.
Amounts are integer minor units, a debit positive. The rules live in the database
(`embedded_triggers.py`), so they hold against any writer, with these limits:

* SQLite checks foreign keys only for connections that ask for it with `pragma foreign_keys = on`,
  as ours do. Another writer that does not can leave an entry without its seal; `verify` finds it.
* Whoever owns the database can drop triggers and rewrite history. `verify` finds a missing trigger
  and, through the heads file kept outside the database, a chain rewritten or cut off.
* An amount is at most 10^15 minor units either way, an entry at most 9,000 lines.

Here: the adapter's methods. Not here: connections and locks (`embedded_connections.py`), the tables
(`embedded_schema.py`), how entries are booked (`embedded_posting.py`), put into words when refused
(`embedded_refusals.py`), chained (`embedded_chain.py`) and proved (`embedded_verify.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.exc import DataError, IntegrityError

from retail_sync.core.errors import LedgerRefused
from retail_sync.ledger.adapter import Balance, Finding, PostedEntry
from retail_sync.ledger.embedded_chain import append_head, ensure_heads_file, heads_size
from retail_sync.ledger.embedded_connections import LedgerDatabase
from retail_sync.ledger.embedded_posting import Answers, Posting, book
from retail_sync.ledger.embedded_reading import (
    BATCH,
    closed_months,
    in_batches,
    last_period_event_id,
    read_after,
    read_by_keys,
    read_head,
)
from retail_sync.ledger.embedded_schema import (
    Account,
    account,
    create_tables,
    entry,
    line,
    period_event,
    upsert_accounts,
)
from retail_sync.ledger.embedded_triggers import restore_guards
from retail_sync.ledger.embedded_verify import verify_ledger
from retail_sync.schemas.journal import Entry

__all__ = ["Account", "EmbeddedLedger"]


class EmbeddedLedger:
    """A ledger in one SQL database. Safe for several processes, each with an object of its own.

    Every method raises LedgerUncertain when the database did not answer: gone, disk full, or locked
    for longer than `embedded_connections.LOCK_WAIT_SECONDS`.
    """

    name = "embedded"

    def __init__(self, url: str, heads_path: Path | None) -> None:
        """Prepare for the database at SQLAlchemy `url`; nothing is opened yet.

        `heads_path` is the file that remembers the chain's head outside the database (None: no
        file, and no proof against a rewritten chain).
        """
        self._heads_path = heads_path
        self._database = LedgerDatabase(url)

    def close(self) -> None:
        """Close all connections; the object may be used again."""
        self._database.engine.dispose()

    def install(self, accounts: Sequence[Account]) -> Sequence[Finding]:
        """Create tables and triggers where missing, add new accounts and update changed ones.

        May be called at every start and by several processes at once. Accounts are never removed.
        Returns what an existing ledger had lost and has again, its rules or its heads file:
        somebody removed it, so run `verify`.
        """
        self._database.create_folder()
        with self._database.writing() as connection:
            # Before the tables are committed: a crash between cannot look like a lost file.
            lost = ensure_heads_file(self._heads_path)
            is_new = create_tables(connection)
            lost += restore_guards(connection)
            upsert_accounts(connection, accounts)
            head = read_head(connection)
        if is_new:
            return []
        if self._heads_path is not None and lost:
            append_head(self._heads_path, head)
        return lost

    def shown(self, entry: Entry) -> Entry:
        """Return `entry` itself: every field of it is kept."""
        return entry

    def payload(self, entry: Entry, token: str) -> Mapping[str, Any]:
        """Return key, token and body: the body is what is booked and hashed."""
        return {"key": entry.key, "token": token, "body": entry.body()}

    def find(self, keys: Sequence[str]) -> Mapping[str, PostedEntry]:
        """Return those of `keys` that the ledger holds, read back in full."""
        with self._database.reading() as connection:
            return {stored.posted.entry.key: stored.posted for stored in read_by_keys(connection, keys)}

    def post(self, entry: Entry, token: str) -> str:
        """Book `entry` and return the ledger's number for it.

        Repeating a key with the same body returns the first number, whatever the token. Raises
        LedgerRefused for good, LedgerUncertain when only looking the key up can tell, StorageError
        when it is booked and the heads file could not be written.
        """
        answer = self.post_many([(entry, token)])[entry.key]
        if isinstance(answer, LedgerRefused):
            raise answer
        return answer

    def post_many(self, postings: Sequence[Posting]) -> Answers:
        """Book many entries, each standing or falling alone; a number or a refusal for each key.

        Committed in batches of BATCH: after LedgerUncertain the batches before are booked, and
        looking the keys up tells which. An original may stand before its reversal. Raises
        ValueError when a key comes twice.
        """
        if len({item.key for item, _ in postings}) < len(postings):
            raise ValueError("the same key comes twice in one call")
        answers: Answers = {}
        for batch in in_batches(postings):
            with self._database.writing() as connection:
                booked, head = book(connection, batch)
            answers |= booked
            if self._heads_path is not None and head is not None:
                append_head(self._heads_path, head)
        return answers

    def accounts(self) -> Mapping[str, bool]:
        """Return every account code with whether it may be posted to."""
        query = select(account.c.code, account.c.is_active).order_by(account.c.code)
        with self._database.reading() as connection:
            return {code: bool(is_active) for code, is_active in connection.execute(query)}

    def first_open_date(self, wanted: date) -> date:
        """Return `wanted` if its month is open, else the first day of the next month that is."""
        with self._database.reading() as connection:
            closed = closed_months(connection)
        day = wanted
        while f"{day:%Y-%m}" in closed:
            day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        return day

    def close_period(self, month: str, by: str, reason: str) -> None:
        """Close `month` ('YYYY-MM') to posting. Raises LedgerRefused without a name and reason."""
        self._record_period_event(month, "close", by, reason)

    def reopen_period(self, month: str, by: str, reason: str) -> None:
        """Open `month` again, on the record. Raises LedgerRefused without a name and reason."""
        self._record_period_event(month, "reopen", by, reason)

    def balances(self, as_of: date | None = None) -> Sequence[Balance]:
        """Return the trial balance up to and including `as_of`, ordered by account and currency."""
        by = (line.c.account, line.c.transaction_currency, line.c.home_currency)
        sums = func.sum(line.c.transaction_minor), func.sum(line.c.home_minor)
        query = select(*by, *sums).group_by(*by).order_by(*by)
        if as_of is not None:
            query = query.join(entry, entry.c.id == line.c.entry_id).where(entry.c.posting_date <= as_of)
        with self._database.reading() as connection:
            # PostgreSQL sums BIGINT as NUMERIC.
            return [
                Balance(code, currency, int(transaction), home_currency, int(home))
                for code, currency, home_currency, transaction, home in connection.execute(query)
            ]

    def daily_changes(self, code: str, leaving_out: str = "") -> Sequence[tuple[date, str, int]]:
        """Return by how much an account changed on each posting date, by home currency, oldest first; debit positive.

        Entries whose key starts with `leaving_out` do not count. One scan, where balances at many dates would need one each.
        """
        by = (entry.c.posting_date, line.c.home_currency)
        query = (
            select(*by, func.sum(line.c.home_minor))
            .join(entry, entry.c.id == line.c.entry_id)
            .where(line.c.account == code)
            .group_by(*by)
            .order_by(*by)
        )
        if leaving_out:
            query = query.where(~entry.c.key.startswith(leaving_out, autoescape=True))
        with self._database.reading() as connection:
            return [(on, currency, int(minor)) for on, currency, minor in connection.execute(query)]

    def head(self) -> str:
        """Return the end of the chain: as long as it is the same, nothing was booked."""
        with self._database.reading() as connection:
            head = read_head(connection)
        return f"{head.entries}:{head.hash}"

    def verify(self) -> Sequence[Finding]:
        """Recompute all that the ledger promises, in one snapshot; an empty answer: all held."""
        size = heads_size(self._heads_path)
        with self._database.reading() as connection:
            return verify_ledger(connection, self._heads_path, size)

    def entry_count(self) -> int:
        """Return how many entries are booked."""
        with self._database.reading() as connection:
            return int(connection.scalar(select(func.count()).select_from(entry)) or 0)

    def entries(self, after_id: int = 0, limit: int | None = None) -> Iterator[PostedEntry]:
        """Yield the entries after number `after_id` as they were booked, at most `limit` of them.

        Read in batches of BATCH, no transaction open between them: a slow reader holds nobody up.
        """
        while limit is None or limit > 0:
            with self._database.reading() as connection:
                batch = read_after(connection, after_id, min(BATCH, limit or BATCH))
            if not batch:
                return
            for stored in batch:
                yield stored.posted
            after_id = batch[-1].id
            limit = None if limit is None else limit - len(batch)

    def _record_period_event(self, month: str, action: str, by: str, reason: str) -> None:
        values = {"month": month, "action": action, "by": by, "reason": reason}
        try:
            with self._database.writing() as connection:
                number = last_period_event_id(connection) + 1
                connection.execute(insert(period_event).values(id=number, recorded_at=datetime.now(UTC), **values))
        except (IntegrityError, DataError) as error:
            raise LedgerRefused(
                "malformed",
                f"the ledger did not {action} month {month!r} for {by!r}, reason {reason!r}",
                "give the month as YYYY-MM, who decides it, and why",
            ) from error
