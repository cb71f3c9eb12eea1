"""Tryton's general ledger (8.x, on PostgreSQL) over JSON-RPC, behind `LedgerAdapter`.

Tryton knows no idempotency key and takes the same move twice: `drafts.py` makes exactly once of it. Its database is on our side:
PostgreSQL lets one of two transactions on a move fail, and Tryton neither changes nor deletes a posted one.

Limits:

* Never with Tryton on SQLite: there it posts unbalanced moves and gives numbers twice (measured with 8.2.1).
* The user is ours alone and may delete drafts. Tryton remembers for a user which company's records it sees, whichever company
  a request names: so its current company is ours, or its company filter is "All".
* An entry's home currency must be the company's.
* Tryton has no field for role, channel, location, tax code and rate: they stand in the line's description.
* Accounts that require a party take none of our entries: they have no party.
* `balances` reads every posted line of the company, a thousand at a time.
* Two different reversals of one entry, sent at the same instant by two homes, are both taken; one home has one poster.
* A warning that a module of the server raises is answered only where `accepted_warnings` names it; else the entry is refused.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from retail_sync.core.errors import LedgerRefused, SettingsError
from retail_sync.core.money import to_minor
from retail_sync.ledger.adapter import Balance, Finding
from retail_sync.ledger.drafts import DraftLedger, Id, Move, Original, portions
from retail_sync.ledger.lost_answers import uncertain_without_answer
from retail_sync.ledger.refusals import closed_period, refusal, unfit
from retail_sync.ledger.tryton_moves import LINE_FIELDS, MOVE_FIELDS, entry_of, line_values
from retail_sync.schemas.journal import Entry
from retail_sync.settings import TrytonSettings
from retail_sync.systems.calls import ServerRefused
from retail_sync.systems.tryton import TrytonAccess, TrytonClient

_BOOKS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Period:
    id: int
    first: date
    last: date
    is_open: bool


@dataclass(frozen=True, slots=True)
class _Account:
    id: int
    takes_entries: bool
    first: date | None
    last: date | None

    def takes(self, on: date) -> bool:
        return self.takes_entries and (self.first or on) <= on <= (self.last or on)


@dataclass(frozen=True, slots=True)
class _Books:
    """What has to be known of the company to send entries to it, read once for each batch."""

    accounts: Mapping[str, _Account]
    periods: Sequence[_Period]
    currencies: Mapping[str, int]
    digits: Mapping[str, int]

    def period(self, on: date) -> _Period | None:
        return next((p for p in self.periods if p.is_open and p.first <= on <= p.last), None)

    def first_open(self, wanted: date) -> date:
        days = (max(wanted, period.first) for period in self.periods if period.is_open and period.last >= wanted)
        return min(days, default=wanted)


class TrytonLedger(DraftLedger):
    """One company's books in a Tryton server."""

    name = "tryton"
    system = "Tryton"

    def __init__(self, settings: TrytonSettings, password: str) -> None:
        """Nothing is sent yet."""
        self._settings = settings
        self._client = TrytonClient(
            TrytonAccess(settings.url, settings.database, settings.user, password, settings.company, "[ledger.tryton]")
        )
        self._known: tuple[int, str, int] | None = None
        self._read: tuple[float, _Books] | None = None

    def close(self) -> None:
        """Close the connection; the object may be used again."""
        self._client.close()

    def shown(self, entry: Entry) -> Entry:
        """Return `entry` itself: what Tryton has no field for stands in the descriptions of its lines."""
        return entry

    @uncertain_without_answer()
    def payload(self, entry: Entry, token: str) -> Mapping[str, Any]:
        """Return the values of the move that `post` creates and posts. Nothing is sent."""
        return self._values(entry, self._originals([entry] if entry.reverses else []))

    @uncertain_without_answer()
    def accounts(self) -> Mapping[str, bool]:
        """Return every account code of the company with whether it may be posted to."""
        return {code: account.takes_entries for code, account in sorted(self._books().accounts.items())}

    @uncertain_without_answer()
    def first_open_date(self, wanted: date) -> date:
        """Return `wanted` if its period is open, else the first later date whose period is.

        Where there is no later one either, `wanted` comes back: sending it is then refused as closed, until somebody opens
        the next fiscal year.
        """
        return self._books().first_open(wanted)

    @uncertain_without_answer()
    def balances(self, as_of: date | None = None) -> Sequence[Balance]:
        """Return the sums of all posted lines of the company, by account and currency."""
        company, home, _ = self._company()
        domain: list[Any] = [["move.company", "=", company], ["move.state", "=", "posted"]]
        if as_of is not None:
            domain.append(["move.date", "<=", as_of])
        sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        fields = ("debit", "credit", "account.code", "amount_second_currency", "second_currency.code")
        for line in self._client.rows("account.move.line", domain, fields):
            second = line.get("second_currency.")
            amount = line["debit"] - line["credit"]
            currency = second["code"] if second else home
            total = sums[line["account."]["code"] or "", currency]
            total[0] += to_minor(line["amount_second_currency"] if second else amount, currency)
            total[1] += to_minor(amount, home)
        return [Balance(code, currency, minor, home, own) for (code, currency), (minor, own) in sorted(sums.items())]

    @uncertain_without_answer()
    def verify(self) -> Sequence[Finding]:
        """Read all of our journal's moves: every key posted once, every move balanced, no draft left beside it."""
        return list(self._findings())

    def _findings(self) -> Iterator[Finding]:
        company, _, journal = self._company()
        posted: Counter[str] = Counter()
        drafts: Counter[str] = Counter()
        domain = [["company", "=", company], ["journal", "=", journal]]
        for row in self._client.rows("account.move", domain, ("description", "state")):
            (posted if row["state"] == "posted" else drafts)[row["description"] or ""] += 1
        for key, count in posted.items():
            if count > 1:
                yield Finding("key_twice", f"{key or 'a move without description'} is posted in Tryton {count} times")
        for key in sorted(drafts):
            yield Finding(
                "draft_left", f"Tryton holds a draft of {key or 'a move without description'}: delete it there"
            )
        sums: Counter[str] = Counter()
        for keys in portions(sorted(posted)):
            for moves in self._moves(keys).values():
                for move in moves:
                    sums[move.entry.key] += sum(leg.home_minor for leg in move.entry.lines) if move.is_posted else 0
        for key, rest in sums.items():
            if rest:
                yield Finding("unbalanced", f"{key} is out of balance by {rest} minor units in Tryton")

    # Posting.

    def _begin(self) -> None:
        self._books(is_fresh=True)

    def _check(self, entry: Entry, token: str) -> LedgerRefused | None:
        books = self._books()
        takes = {code: account.takes(entry.posting_date) for code, account in books.accounts.items()}
        refused = refusal(entry, token, takes, books.first_open(entry.posting_date))
        if refused is None and books.period(entry.posting_date) is None:
            refused = closed_period(entry)
        return refused or unfit(self.system, entry, self._company()[1], books.digits)

    def _is_closed(self, entry: Entry) -> bool:
        return self._books(is_fresh=True).period(entry.posting_date) is None

    def _create(self, entries: Sequence[Entry], originals: Mapping[str, Original]) -> None:
        self._do("create", [self._values(entry, originals) for entry in entries])

    def _values(self, entry: Entry, originals: Mapping[str, Original]) -> dict[str, Any]:
        company, _, journal = self._company()
        books = self._books()
        accounts = {code: account.id for code, account in books.accounts.items()}
        period = books.period(entry.posting_date)
        move: dict[str, Any] = {
            "company": company,
            "journal": journal,
            "period": period.id if period else None,
            "date": entry.posting_date,
            "description": entry.key,
            "lines": [["create", line_values(entry, accounts, books.currencies)]],
        }
        if entry.reverses is not None and entry.reverses in originals:
            move["origin"] = f"account.move,{originals[entry.reverses].id}"
        return move

    def _delete(self, ids: Sequence[Id]) -> None:
        self._do("delete", ids)

    def _post_drafts(self, ids: Sequence[Id]) -> None:
        self._do("post", ids)

    def _remedy(self, said: ServerRefused) -> str:
        if said.kind == "UserWarning":
            return f"if that is right, add {said.name!r} to [ledger.tryton] accepted_warnings"
        return super()._remedy(said)

    def _do(self, method: str, values: Sequence[Any]) -> None:
        """Do something to moves, answering the warnings that the settings accept, each once."""
        answered: set[str] = set()
        while True:
            try:
                self._client.call("account.move", method, list(values))
            except ServerRefused as said:
                is_accepted = any(said.name.startswith(name) for name in self._settings.accepted_warnings)
                if said.kind != "UserWarning" or not is_accepted or said.name in answered:
                    raise
                answered.add(said.name)
                self._client.accept(said.name)
            else:
                return

    # Reading.

    def _moves(self, keys: Sequence[str]) -> dict[str, list[Move]]:
        """Return all moves, posted and draft, whose description is one of `keys`, in the order of their ids."""
        company, home, _ = self._company()
        moves: list[dict[str, Any]] = []
        for some in portions(keys):
            domain = [["company", "=", company], ["description", "in", list(some)]]
            moves += self._client.rows("account.move", domain, MOVE_FIELDS)
        lines: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for ids in portions([move["id"] for move in moves]):
            for line in self._client.rows("account.move.line", [["move", "in", list(ids)]], LINE_FIELDS):
                lines[line["move"]].append(line)
        origins = self._keys_of([move["origin"] for move in moves if move["origin"]])
        found: dict[str, list[Move]] = defaultdict(list)
        for move in moves:
            entry = entry_of(move, lines[move["id"]], home, origins)
            found[entry.key].append(Move(move["id"], move["state"] == "posted", entry))
        return found

    def _keys_of(self, origins: Sequence[str]) -> dict[str, str]:
        """Return the description of each move that is an origin, by the text that refers to it."""
        ids = [int(origin.partition(",")[2]) for origin in origins if origin.startswith("account.move,")]
        return {
            f"account.move,{move['id']}": move["description"] or ""
            for some in portions(ids)
            for move in self._client.rows("account.move", [["id", "in", list(some)]], ("description",))
        }

    def _originals(self, entries: Sequence[Entry]) -> dict[str, Original]:
        """Return the posted moves that `entries` reverse, by key, and what has reversed each of them already."""
        wanted = [entry.reverses for entry in entries if entry.reverses is not None]
        ids = {key: move.id for key, moves in self._moves(wanted).items() for move in moves[::-1] if move.is_posted}
        references = [f"account.move,{number}" for number in ids.values()]
        domain = [["state", "=", "posted"], ["origin", "in", references]]
        fields = ("origin", "description")
        reversals = {
            move["origin"]: move["description"] or f"move {move['id']}"
            for move in (self._client.rows("account.move", domain, fields) if references else ())
        }
        return {key: Original(number, reversals.get(f"account.move,{number}", "")) for key, number in ids.items()}

    def _books(self, is_fresh: bool = False) -> _Books:
        """Return what is known of the company, a few seconds old at the most: a batch asks for it once for each day."""
        if is_fresh or self._read is None or time.monotonic() - self._read[0] > _BOOKS_SECONDS:
            self._read = time.monotonic(), self._read_books()
        return self._read[1]

    def _read_books(self) -> _Books:
        rows = list(self._client.rows("currency.currency", [], ("code", "digits")))
        currencies = {row["code"]: row["id"] for row in rows}
        return _Books(self._accounts(), self._periods(), currencies, {row["code"]: row["digits"] for row in rows})

    def _accounts(self) -> dict[str, _Account]:
        company, _, _ = self._company()
        fields = ("code", "type", "closed", "party_required", "start_date", "end_date")
        found: dict[str, _Account] = {}
        for row in self._client.rows("account.account", [["company", "=", company]], fields):
            takes = bool(row["type"]) and not row["closed"] and not row["party_required"]
            if row["code"] and (takes or row["code"] not in found):
                is_one = row["code"] not in found or not found[row["code"]].takes_entries
                found[row["code"]] = _Account(row["id"], takes and is_one, row["start_date"], row["end_date"])
        return found

    def _periods(self) -> list[_Period]:
        company, _, journal = self._company()
        domain = [["company", "=", company], ["type", "=", "standard"]]
        periods = list(self._client.rows("account.period", domain, ("start_date", "end_date", "state")))
        ids = [period["id"] for period in periods]
        ours = [["journal", "=", journal], ["state", "=", "closed"], ["period", "in", ids]]
        closed = {row["period"] for row in self._client.rows("account.journal.period", ours, ("period",))}
        return [
            _Period(row["id"], row["start_date"], row["end_date"], row["state"] == "open" and row["id"] not in closed)
            for row in periods
        ]

    def _company(self) -> tuple[int, str, int]:
        """Return the company's id, its currency, and the id of our journal."""
        if self._known is None:
            company, home = self._client.company()
            code = self._settings.journal
            journals = list(self._client.rows("account.journal", [["code", "=", code]], ("code",)))
            if len(journals) != 1:
                raise SettingsError(
                    f"Tryton has {len(journals)} journals with the code {code!r}",
                    "make one of type General for our entries and give its code as [ledger.tryton] journal",
                )
            self._known = company, home, journals[0]["id"]
        return self._known
