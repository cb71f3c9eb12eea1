"""Plain-text accounting: entries in one beancount or hledger journal file, behind `LedgerAdapter`.

A batch is written as a whole new file, flushed to the disk, that takes the old one's name: whoever reads the file sees all
of a batch or nothing of it. One writer at a time, by a lock file beside it. What people add to the file stays; an entry that
they changed or took out is found as drift. A line `; retail-sync closed 2026-09` anywhere in the file closes that month.

Limits:

* Whoever can write the file can rewrite history; only the entries that we sent are watched (drift).
* An editor that saves an older copy over the file takes out what was booked meanwhile; drift tells that too.
* Balances are those of our entries: transactions that people add are theirs, and are not summed.
* The whole file is read when it changed and written for each batch of 100: meant for some ten thousand entries. Start a new
  file each year by `[ledger.plain_text] path`, when nothing is open in the outbox.
* Accounts are named by kind and code (`Assets:1120`), so a code is capital letters, digits and dashes.

`plain_text_format.py` is how an entry looks.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from retail_sync.core.disk import sync
from retail_sync.core.errors import LedgerRefused, LedgerUncertain, SettingsError, WarehouseBusy
from retail_sync.core.locks import exclusive
from retail_sync.ledger.adapter import Balance, Finding, PostedEntry
from retail_sync.ledger.embedded import Account
from retail_sync.ledger.plain_text_format import ROOTS, Dialect, blocks, closed_months
from retail_sync.ledger.refusals import already_reversed, key_conflict, original_missing, refusal
from retail_sync.schemas.journal import Entry, difference

LOCK_WAIT_SECONDS = 60.0
_CODE = re.compile(r"[A-Z0-9][A-Za-z0-9-]*", re.ASCII)
_Stamp = tuple[int, int, int]


@dataclass(slots=True)
class _Journal:
    """The file as it was read: its text, our entries in it by key (the first of each), and how often each key is there."""

    text: str
    entries: dict[str, PostedEntry]
    counts: Counter[str]
    closed: set[str]

    def first_open(self, wanted: date) -> date:
        day = wanted
        while f"{day:%Y-%m}" in self.closed:
            day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        return day

    def add(self, text: str, before: str, dialect: Dialect) -> None:
        """Take in what the file holds after `before`."""
        self.text = before + text
        self.closed |= closed_months(text)
        for block in blocks(text):
            if posted := dialect.read([line.rstrip("\r") for line in block]):
                self.entries.setdefault(posted.entry.key, posted)
                self.counts[posted.entry.key] += 1

    def reversal_of(self, key: str) -> str | None:
        return next((p.entry.key for p in self.entries.values() if p.entry.reverses == key), None)


class PlainTextLedger:
    """A ledger in one text file. Safe for several processes. Raises LedgerUncertain when the file could not be used."""

    def __init__(self, dialect: Dialect, path: Path, accounts: Sequence[Account]) -> None:
        """Keep entries in `path`, which need not exist. Raises SettingsError for an account that the format cannot name."""
        self.name = dialect.name
        self._dialect = dialect
        self._path = path
        self._chart = {account.code: account for account in accounts}
        if wrong := [code for code in self._chart if not _CODE.fullmatch(code)]:
            raise SettingsError(
                f"{dialect.name} has no account names like {', '.join(wrong)}",
                "use capital letters, digits and dashes in the codes of chart_of_accounts.csv",
            )
        self._roots = {code: ROOTS[account.type] for code, account in self._chart.items()}
        self._cached: tuple[_Stamp | None, _Journal] | None = None

    def shown(self, entry: Entry) -> Entry:
        """Return `entry` itself: every field of it is kept."""
        return entry

    def payload(self, entry: Entry, token: str) -> Mapping[str, Any]:
        """Return the block of text that `post` adds to the file. Nothing is sent."""
        return {"file": str(self._path), "text": self._dialect.write(entry, token, self._roots)}

    def find(self, keys: Sequence[str]) -> Mapping[str, PostedEntry]:
        """Return those of `keys` that the file holds, as they stand there now."""
        entries = self._read().entries
        return {key: entries[key] for key in keys if key in entries}

    def post(self, entry: Entry, token: str) -> str:
        """Book `entry` and return its key, which is its id. Raises LedgerRefused for good."""
        answer = self.post_many([(entry, token)])[entry.key]
        if isinstance(answer, LedgerRefused):
            raise answer
        return answer

    def post_many(self, postings: Sequence[tuple[Entry, str]]) -> Mapping[str, str | LedgerRefused]:
        """Book several, each standing or falling alone, in one new file; the id or a refusal for each key."""
        with self._writing():
            journal = self._read()
            cached, self._cached = self._cached, None  # what is added here is not in the file yet
            answers: dict[str, str | LedgerRefused] = {}
            added: list[PostedEntry] = []
            for entry, token in postings:
                refused = self._judge(journal, entry, token)
                answers[entry.key] = refused or entry.key
                if refused is None and entry.key not in journal.entries:
                    added.append(PostedEntry(entry.key, token, entry))
                    journal.entries[entry.key] = added[-1]
            if added:
                self._write(journal, added)
            else:
                self._cached = cached
        return answers

    def accounts(self) -> Mapping[str, bool]:
        """Return every account of the chart with whether it is active."""
        return {code: account.is_active for code, account in sorted(self._chart.items())}

    def first_open_date(self, wanted: date) -> date:
        """Return `wanted` if no line of the file closes its month, else the first day of the next month that is open."""
        return self._read().first_open(wanted)

    def balances(self, as_of: date | None = None) -> Sequence[Balance]:
        """Return the balances of our entries up to and including `as_of`, by account and currency."""
        sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        for posted in self._read().entries.values():
            if as_of is None or posted.entry.posting_date <= as_of:
                for leg in posted.entry.lines:
                    total = sums[leg.account, leg.transaction_currency, leg.home_currency]
                    total[0] += leg.transaction_minor
                    total[1] += leg.home_minor
        return [Balance(code, tc, minor, hc, home) for (code, tc, hc), (minor, home) in sorted(sums.items())]

    def verify(self) -> Sequence[Finding]:
        """Find entries of ours that do not balance, stand there twice, use unknown accounts or reverse what is not there."""
        return list(self._findings(self._read()))

    def _findings(self, journal: _Journal) -> Iterator[Finding]:
        for key, count in journal.counts.items():
            entry = journal.entries[key].entry
            if count > 1:
                yield Finding("key_twice", f"{key} stands in {self._path.name} {count} times")
            if reason := entry.imbalance():
                yield Finding("unbalanced", reason)
            for code in sorted({leg.account for leg in entry.lines} - set(self._chart)):
                yield Finding("unknown_account", f"{key} uses {code}, which is not in the chart of accounts")
            if entry.reverses is not None and entry.reverses not in journal.entries:
                yield Finding("original_missing", f"{key} reverses {entry.reverses}, which is not in {self._path.name}")

    def _judge(self, journal: _Journal, entry: Entry, token: str) -> LedgerRefused | None:
        if held := journal.entries.get(entry.key):
            return key_conflict(held.entry, entry) if difference(held.entry, entry) else None
        if refused := refusal(entry, token, self.accounts(), journal.first_open(entry.posting_date)):
            return refused
        if entry.reverses is None:
            return None
        if entry.reverses not in journal.entries:
            return original_missing(entry)
        by = journal.reversal_of(entry.reverses)
        return already_reversed(entry, by) if by else None

    def _write(self, journal: _Journal, added: Sequence[PostedEntry]) -> None:
        """Write the file anew with `added` at its end, under the lock, then read back from it what was added."""
        before = journal.text + ("" if journal.text.endswith("\n") else "\n") if journal.text else ""
        parts = [] if self._dialect.preamble() in journal.text else [self._dialect.preamble()]
        parts += self._declarations(journal.text, added)
        parts += ["\n" + self._dialect.write(posted.entry, posted.token, self._roots) for posted in added]
        _replace(self._path, before + "".join(parts))
        for posted in added:
            del journal.entries[posted.entry.key]
        stamp = self._stamp()
        with self._path.open("rb") as stream:
            stream.seek(len(before.encode()))
            journal.add(stream.read().decode(), before, self._dialect)
        self._cached = stamp, journal

    def _declarations(self, text: str, added: Sequence[PostedEntry]) -> list[str]:
        """Return the lines that open what `added` uses and the file has not opened yet."""
        declared = self._dialect.declared(text)
        legs = [leg for posted in added for leg in posted.entry.lines]
        currencies = sorted({code for leg in legs for code in (leg.transaction_currency, leg.home_currency)} - declared)
        lines = [self._dialect.currency(code) for code in currencies]
        for code in sorted({leg.account for leg in legs}):
            account = f"{ROOTS[self._chart[code].type]}:{code}"
            if account not in declared:
                lines.append(self._dialect.declare(account, self._chart[code].name))
        return ["\n", *lines] if lines else []

    def _read(self) -> _Journal:
        """Return the file's content, read again when the file is another one than before."""
        stamp = self._stamp()
        if self._cached is None or self._cached[0] != stamp:
            try:
                with self._path.open(encoding="utf-8", newline="") as stream:
                    text = stream.read()
            except FileNotFoundError:
                text = ""
            except (OSError, UnicodeDecodeError) as error:
                raise self._uncertain(error) from error
            journal = _Journal("", {}, Counter(), set())
            journal.add(text, "", self._dialect)
            self._cached = stamp, journal
        return self._cached[1]

    def _stamp(self) -> _Stamp | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._uncertain(error) from error
        return status.st_mtime_ns, status.st_size, status.st_ino

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            lock = self._path.with_name(f".{self._path.name}.lock")
            with exclusive(lock, LOCK_WAIT_SECONDS, f"write {self._path.name}"):
                yield
        except WarehouseBusy as busy:
            raise LedgerUncertain(busy.message, "wait until the other run has ended, then run again") from busy
        except OSError as error:
            raise self._uncertain(error) from error

    def _uncertain(self, error: Exception) -> LedgerUncertain:
        return LedgerUncertain(f"{self._path} could not be used: {error}", "free the file or the disk and run again")


def _replace(path: Path, text: str) -> None:
    """Give `path` another content at once, on disk before this returns."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8", newline="") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    if path.exists():
        beside.chmod(path.stat().st_mode & 0o777)
    beside.replace(path)
    sync(path.parent)
