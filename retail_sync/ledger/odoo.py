"""Odoo's general ledger (14 and later) behind `LedgerAdapter`: journal entries (`account.move`), drafted and then posted.

Odoo has no idempotency key: `drafts.py` makes exactly once of it. The key is the entry's reference (`ref`); a reversal names
its original in `reversed_entry_id`, as Odoo's own does. Amounts go as JSON numbers, which Odoo wants, and come back as text.

Limits:

* Written from Odoo's documentation and tested against a stand-in that keeps its documented rules; no server could be run here.
  Try it on a copy of your database first.
* JSON-2 needs Odoo 19 on a plan that has it; its keys live three months at most. JSON-RPC is to go with Odoo 22.
* Odoo locks up to a date: every earlier month is closed with it. A lock of one journal by other modules is seen only when posting.
* An entry's home currency must be the company's, a foreign currency active in Odoo.
* Odoo has no field for role, channel, location, tax code and rate: they stand in the line's label (`line_notes.py`).
* A posted entry that somebody sets back to draft or cancels is gone for us, and found as drift.
* From Odoo 16 an entry that does not balance may be balanced by the journal's default account: ours are checked before.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from retail_sync.core.errors import LedgerRefused, SettingsError
from retail_sync.core.money import from_minor, to_minor
from retail_sync.ledger.adapter import Balance, Finding
from retail_sync.ledger.drafts import DraftLedger, Id, Move, Original, portions
from retail_sync.ledger.line_notes import DEFAULTS, ENTRY_MEMO, line_text, read_line_text
from retail_sync.ledger.lost_answers import uncertain_without_answer
from retail_sync.ledger.refusals import refusal, unfit
from retail_sync.schemas.journal import Entry, EntryLine
from retail_sync.settings import OdooSettings
from retail_sync.systems.odoo import OdooAccess, OdooClient

_BOOKS_SECONDS = 5.0
_LOCKS = ("fiscalyear_lock_date", "hard_lock_date", "period_lock_date")
_NO_CURRENCY = "XXX"  # ISO 4217: no currency involved
_ZERO = Decimal(0)
_OURS = (["move_type", "=", "entry"], ["state", "in", ["draft", "posted"]])
_MOVE_FIELDS = ("ref", "date", "state", "reversed_entry_id")
_LINE_FIELDS = ("move_id", "account_id", "debit", "credit", "amount_currency", "currency_id", "name")


@dataclass(frozen=True, slots=True)
class _Books:
    company: int
    home_currency: str
    journal: int
    accounts: Mapping[str, tuple[int, bool]]
    codes: Mapping[int, str]
    currencies: Mapping[str, int]
    digits: Mapping[str, int]
    locked_until: date | None

    def first_open(self, wanted: date) -> date:
        return wanted if self.locked_until is None else max(wanted, self.locked_until + timedelta(days=1))


class OdooLedger(DraftLedger):
    """One company's books in an Odoo server."""

    name = "odoo"
    system = "Odoo"

    def __init__(self, settings: OdooSettings, key: str) -> None:
        """Nothing is sent yet."""
        self._settings = settings
        self._client = OdooClient(
            OdooAccess(settings.url, settings.database, settings.api, settings.user, key, "[ledger.odoo]")
        )
        self._read: tuple[float, _Books] | None = None

    def close(self) -> None:
        """Close the connection; the object may be used again."""
        self._client.close()

    def shown(self, entry: Entry) -> Entry:
        """Return `entry` itself: what Odoo has no field for stands in the labels of its lines."""
        return entry

    @uncertain_without_answer()
    def payload(self, entry: Entry, token: str) -> Mapping[str, Any]:
        """Return the values of the move that `post` creates and posts. Nothing is sent."""
        return self._values(entry, self._originals([entry] if entry.reverses else []))

    @uncertain_without_answer()
    def accounts(self) -> Mapping[str, bool]:
        """Return every account code of the company with whether it may be posted to."""
        return {code: takes for code, (_, takes) in sorted(self._books().accounts.items())}

    @uncertain_without_answer()
    def first_open_date(self, wanted: date) -> date:
        """Return `wanted`, or the day after the lock date where that is later."""
        return self._books().first_open(wanted)

    @uncertain_without_answer()
    def balances(self, as_of: date | None = None) -> Sequence[Balance]:
        """Return the sums of all posted lines of the company, by account and currency."""
        books = self._books()
        domain: list[Any] = [["company_id", "=", books.company], ["parent_state", "=", "posted"]]
        if as_of is not None:
            domain.append(["date", "<=", as_of.isoformat()])
        sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for line in self._client.rows("account.move.line", domain, _LINE_FIELDS):
            leg = self._leg(line, books, {})
            total = sums[leg.account, leg.transaction_currency]
            total[0] += leg.transaction_minor
            total[1] += leg.home_minor
        home = books.home_currency
        return [Balance(code, currency, minor, home, own) for (code, currency), (minor, own) in sorted(sums.items())]

    @uncertain_without_answer()
    def verify(self) -> Sequence[Finding]:
        """Read all of our journal's entries: every key posted once, no draft left beside it."""
        return list(self._findings())

    def _findings(self) -> Iterator[Finding]:
        books = self._books()
        found: Counter[tuple[str, str]] = Counter()
        domain = [["company_id", "=", books.company], ["journal_id", "=", books.journal]]
        for row in self._client.rows("account.move", domain, ("ref", "state")):
            found[row["state"], row["ref"] or "an entry without reference"] += 1
        for (state, key), count in sorted(found.items()):
            if state == "posted" and count > 1:
                yield Finding("key_twice", f"{key} is posted in Odoo {count} times")
            if state == "draft":
                yield Finding("draft_left", f"Odoo holds a draft of {key}: delete it there")

    def _begin(self) -> None:
        self._books(is_fresh=True)

    def _check(self, entry: Entry, token: str) -> LedgerRefused | None:
        books = self._books()
        refused = refusal(entry, token, self.accounts(), books.first_open(entry.posting_date))
        return refused or unfit("Odoo", entry, books.home_currency, books.digits)

    def _is_closed(self, entry: Entry) -> bool:
        return self._books(is_fresh=True).first_open(entry.posting_date) != entry.posting_date

    def _create(self, entries: Sequence[Entry], originals: Mapping[str, Original]) -> None:
        self._client.call("account.move", "create", vals_list=[self._values(entry, originals) for entry in entries])

    def _values(self, entry: Entry, originals: Mapping[str, Original]) -> dict[str, Any]:
        books = self._books()
        move: dict[str, Any] = {
            "move_type": "entry",
            "journal_id": books.journal,
            "date": entry.posting_date.isoformat(),
            "ref": entry.key,
            "line_ids": [[0, 0, line] for line in _lines(entry, books)],
        }
        if entry.reverses is not None and entry.reverses in originals:
            move["reversed_entry_id"] = originals[entry.reverses].id
        return move

    def _delete(self, ids: Sequence[Id]) -> None:
        self._client.call("account.move", "unlink", ids)

    def _post_drafts(self, ids: Sequence[Id]) -> None:
        self._client.call("account.move", "action_post", ids)

    def _moves(self, keys: Sequence[str]) -> dict[str, list[Move]]:
        books = self._books()
        rows: list[dict[str, Any]] = []
        for some in portions(keys):
            domain = [["company_id", "=", books.company], ["ref", "in", list(some)], *_OURS]
            rows += self._client.rows("account.move", domain, _MOVE_FIELDS)
        lines: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for ids in portions([row["id"] for row in rows]):
            for line in self._client.rows("account.move.line", [["move_id", "in", list(ids)]], _LINE_FIELDS):
                lines[line["move_id"][0]].append(line)
        reversed_ids = [row["reversed_entry_id"][0] for row in rows if row["reversed_entry_id"]]
        keys_of = {
            row["id"]: row["ref"] or ""
            for some in portions(reversed_ids)
            for row in self._client.rows("account.move", [["id", "in", list(some)]], ("ref",))
        }
        found: dict[str, list[Move]] = defaultdict(list)
        for row in rows:
            original = row["reversed_entry_id"]
            reverses = keys_of.get(original[0], "") if original else None
            entry = self._entry(row, lines[row["id"]], books, reverses)
            found[entry.key].append(Move(row["id"], row["state"] == "posted", entry))
        return found

    def _originals(self, entries: Sequence[Entry]) -> dict[str, Original]:
        wanted = [entry.reverses for entry in entries if entry.reverses is not None]
        ids = {key: move.id for key, moves in self._moves(wanted).items() for move in moves[::-1] if move.is_posted}
        domain = [["state", "=", "posted"], ["reversed_entry_id", "in", list(ids.values())]]
        taken = {
            row["reversed_entry_id"][0]: row["ref"] or f"entry {row['id']}"
            for row in (self._client.rows("account.move", domain, ("reversed_entry_id", "ref")) if ids else ())
        }
        return {key: Original(number, taken.get(number, "")) for key, number in ids.items()}

    def _entry(self, row: dict[str, Any], lines: list[dict[str, Any]], books: _Books, reverses: str | None) -> Entry:
        notes = [read_line_text(line["name"] or "") for line in lines]
        legs = tuple(self._leg(line, books, note) for line, note in zip(lines, notes, strict=True))
        memo = notes[0].get(ENTRY_MEMO, "") if notes else ""
        return Entry(row["ref"], date.fromisoformat(row["date"]), memo, legs, reverses)

    def _leg(self, line: dict[str, Any], books: _Books, notes: Mapping[str, str]) -> EntryLine:
        code = books.codes.get(line["account_id"][0], line["account_id"][1])
        currency = line["currency_id"][1] if line["currency_id"] else books.home_currency
        others = {name: notes.get(name, default) for name, default in DEFAULTS.items()}
        try:
            home = to_minor(Decimal(str(line["debit"])) - Decimal(str(line["credit"])), books.home_currency)
            is_foreign = currency != books.home_currency
            minor = to_minor(Decimal(str(line["amount_currency"])), currency) if is_foreign else home
        except ValueError:  # more decimals than the currency has: nothing of ours
            return EntryLine(code, 0, _NO_CURRENCY, 0, _NO_CURRENCY)
        return EntryLine(code, minor, currency, home, books.home_currency, memo=notes.get("memo", ""), **others)

    def _books(self, is_fresh: bool = False) -> _Books:
        """Return what is known of the company, a few seconds old at the most."""
        if is_fresh or self._read is None or time.monotonic() - self._read[0] > _BOOKS_SECONDS:
            self._read = time.monotonic(), self._read_books()
        return self._read[1]

    def _read_books(self) -> _Books:
        client, settings = self._client, self._settings
        locks = client.known_fields("res.company", _LOCKS)
        named = [["name", "=", settings.company]] if settings.company else []
        company = self._one("company", client.rows("res.company", named, ("name", "currency_id", *locks)))
        client.context["allowed_company_ids"] = [company["id"]]
        journals = [["code", "=", settings.journal], ["company_id", "=", company["id"]]]
        journal = self._one("journal", client.rows("account.journal", journals, ("code",)))
        flags = client.known_fields("account.account", ("deprecated", "active"))
        accounts = {
            row["code"]: (row["id"], not row.get("deprecated") and bool(row.get("active", True)))
            for row in client.rows("account.account", [], ("code", *flags))
            if row["code"]
        }
        currencies = list(client.rows("res.currency", [["active", "=", True]], ("name", "decimal_places")))
        return _Books(
            company["id"],
            company["currency_id"][1],
            journal["id"],
            accounts,
            {number: code for code, (number, _) in accounts.items()},
            {row["name"]: row["id"] for row in currencies},
            {row["name"]: row["decimal_places"] for row in currencies},
            max((date.fromisoformat(company[lock]) for lock in locks if company[lock]), default=None),
        )

    def _one(self, what: str, rows: Iterator[dict[str, Any]]) -> dict[str, Any]:
        found = list(rows)
        if len(found) != 1:
            wanted = getattr(self._settings, what)
            raise SettingsError(
                f"Odoo shows us {len(found)} records for the {what} {wanted!r}",
                f"give its {'name' if what == 'company' else 'code'} as [ledger.odoo] {what}, and the user access to it",
            )
        return found[0]


def _lines(entry: Entry, books: _Books) -> Iterator[dict[str, Any]]:
    for number, leg in enumerate(entry.lines):
        home = from_minor(leg.home_minor, leg.home_currency)
        yield {
            "account_id": books.accounts[leg.account][0],
            "debit": max(home, _ZERO),
            "credit": max(-home, _ZERO),
            "currency_id": books.currencies[leg.transaction_currency],
            "amount_currency": from_minor(leg.transaction_minor, leg.transaction_currency),
            "name": line_text(leg, entry.memo if number == 0 else ""),
        }
