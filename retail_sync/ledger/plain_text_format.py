"""How an entry is written in a beancount or hledger journal, and read back from our own text exactly.

An entry is a block of lines without a blank one between. What the two formats have a place for stands there (date, text,
accounts, amounts, `@@` for the home amount); the other fields follow as metadata, in hledger as tags. A text that the
format could not carry as it is (quotes, line ends) stands there as JSON. Where a foreign amount cannot be written as
`@@` (it is zero, or its sign is not that of the home amount), the leg shows the home amount and the metadata `transaction`
keeps the foreign one. Nothing here opens a file.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation

from retail_sync.core.money import from_minor, to_minor
from retail_sync.ledger.adapter import PostedEntry
from retail_sync.schemas.journal import Entry, EntryLine

ROOTS = {
    "asset": "Assets",
    "liability": "Liabilities",
    "equity": "Equity",
    "income": "Income",
    "contra_income": "Income",
    "expense": "Expenses",
    "cost_of_sales": "Expenses",
}
_KEY = "retail-sync-key"
_WRITTEN_BY = "; Written by retail-sync. Other text may stand between its entries.\n"
_NO_CURRENCY = "XXX"  # ISO 4217: no currency involved
_DEFAULTS = {"rate": "1", "role": "component", "channel": "", "location": "", "tax_code": "", "memo": ""}
_AMOUNT = r"(?P<amount>-?[\d.]+) (?P<currency>[A-Z]{3})(?: @@ (?P<price>[\d.]+) (?P<home>[A-Z]{3}))?"
_LEG = re.compile(rf"\s+(?P<account>(?:{'|'.join(sorted(set(ROOTS.values())))}):\S+)\s+{_AMOUNT}\s*(?:;.*)?$")
_PLAIN = re.compile(r"[^\s\",;|()*!][^\",;|()*!]*(?<!\s)")
_CLOSED = re.compile(r";+\s*retail-sync closed (\d{4}-\d{2})\s*$")


def closed_months(text: str) -> set[str]:
    """Return the months ('YYYY-MM') that a line like `; retail-sync closed 2026-09` closes."""
    return {found[1] for line in text.split("\n") if (found := _CLOSED.match(line))}


def blocks(text: str) -> Iterator[list[str]]:
    """Yield every line that starts at the margin, with the indented lines under it."""
    block: list[str] = []
    for line in text.split("\n"):
        if line[:1] in (" ", "\t") and line.strip():
            block.append(line)
            continue
        if block:
            yield block
        block = [line] if line.strip() else []
    if block:
        yield block


@dataclass(slots=True)
class _Leg:
    account: str
    amount: str = ""
    currency: str = ""
    price: str | None = None
    home: str | None = None
    notes: dict[str, str] = field(default_factory=dict)


def _leg(found: re.Match[str]) -> _Leg:
    return _Leg(found["account"], found["amount"], found["currency"], found["price"], found["home"])


class Dialect(ABC):
    """One format. `suffix` is the usual end of its file names."""

    name: str
    suffix: str
    _note: re.Pattern[str]
    _declared: re.Pattern[str]

    @abstractmethod
    def preamble(self) -> str:
        """Return the first lines of a new file."""

    @abstractmethod
    def declare(self, account: str, title: str) -> str:
        """Return the line that opens an account."""

    @abstractmethod
    def currency(self, code: str) -> str:
        """Return the line that declares a currency, '' where the format needs none."""

    @abstractmethod
    def _header(self, entry: Entry) -> str: ...

    @abstractmethod
    def _read_header(self, line: str) -> tuple[date, str]: ...

    @abstractmethod
    def _write_note(self, name: str, value: str) -> str: ...

    def declared(self, text: str) -> set[str]:
        """Return the accounts and currencies that a file opens."""
        return {name for found in self._declared.finditer(text) for name in found.groups() if name}

    def write(self, entry: Entry, token: str, roots: Mapping[str, str]) -> str:
        """Return the block of `entry`. `roots` gives the first part of each account's name."""
        lines = [self._header(entry), "  " + self._write_note(_KEY, entry.key), "  " + self._write_note("token", token)]
        if entry.reverses is not None:
            lines.append("  " + self._write_note("reverses", entry.reverses))
        if self._read_header(lines[0])[1] != entry.memo:
            lines.append("  " + self._write_note("memo", entry.memo))
        for leg in entry.lines:
            amount, is_shown = _written(leg)
            lines.append(f"  {roots[leg.account]}:{leg.account}  {amount}")
            if not is_shown:
                foreign = f"{from_minor(leg.transaction_minor, leg.transaction_currency):f} {leg.transaction_currency}"
                lines.append("    " + self._write_note("transaction", foreign))
            for name, default in _DEFAULTS.items():
                if (value := getattr(leg, name)) != default:
                    lines.append("    " + self._write_note(name, value))
        return "\n".join(lines) + "\n"

    def read(self, block: list[str]) -> PostedEntry | None:
        """Return the entry of a block that has a key of ours, as it stands there now; None for anybody else's text.

        Comments and metadata that somebody added do not matter. Any other line that is no leg as we write it counts as a leg
        of no amount, so that it is found as a difference.
        """
        notes: dict[str, str] = {}
        legs: list[_Leg] = []
        for line in block[1:]:
            if found := self._note.fullmatch(line):
                (legs[-1].notes if legs else notes)[found[1]] = _unquoted(found[2])
            elif found := _LEG.match(line):
                legs.append(_leg(found))
            elif not line.lstrip().startswith(";"):
                legs.append(_Leg(line.strip()))
        if _KEY not in notes:
            return None
        posting_date, memo = self._read_header(block[0])
        lines = tuple(_line(leg) for leg in legs)
        entry = Entry(notes[_KEY], posting_date, notes.get("memo", memo), lines, notes.get("reverses"))
        return PostedEntry(entry.key, notes.get("token", ""), entry)


def _written(leg: EntryLine) -> tuple[str, bool]:
    """Return the amount of a leg as text, and whether it shows the transaction amount too."""
    home = f"{from_minor(leg.home_minor, leg.home_currency):f} {leg.home_currency}"
    if leg.transaction_currency == leg.home_currency:
        return home, leg.transaction_minor == leg.home_minor
    if leg.transaction_minor * leg.home_minor <= 0:
        return home, False
    amount = from_minor(leg.transaction_minor, leg.transaction_currency)
    return f"{amount:f} {leg.transaction_currency} @@ {home.removeprefix('-')}", True


def _line(leg: _Leg) -> EntryLine:
    """Return the line that a leg is; one of no amount, named by the text, where it cannot be read."""
    try:
        minor = to_minor(Decimal(leg.amount), leg.currency)
        home_minor, home = minor, leg.currency
        if leg.price is not None and leg.home is not None:
            home_minor, home = to_minor(Decimal(leg.price), leg.home), leg.home
            home_minor = -home_minor if minor < 0 else home_minor
        currency = leg.currency
        if foreign := leg.notes.get("transaction"):
            amount, _, currency = foreign.partition(" ")
            minor = to_minor(Decimal(amount), currency)
    except (ValueError, InvalidOperation):
        return EntryLine(leg.account, 0, _NO_CURRENCY, 0, _NO_CURRENCY)
    code = leg.account.partition(":")[2]
    others = {name: leg.notes.get(name, default) for name, default in _DEFAULTS.items()}
    return EntryLine(code, minor, currency, home_minor, home, **others)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _unquoted(text: str) -> str:
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.min


class Beancount(Dialect):
    """The format of beancount 3. https://beancount.github.io/docs/beancount_language_syntax.html."""

    name = "beancount"
    suffix = ".beancount"
    _note = re.compile(r"\s+([a-z][\w-]*): (.*)")
    _declared = re.compile(r"^\S+ open (\S+)|^\S+ commodity (\S+)", re.MULTILINE)
    _title = re.compile(r"(\S+) \* (\"(?:[^\"\\]|\\.)*\")")

    def preamble(self) -> str:
        """Say what the file is; amounts of currencies without decimals may be off by a fraction of `@@`."""
        return f'{_WRITTEN_BY}option "inferred_tolerance_default" "*:0.001"\n'

    def declare(self, account: str, title: str) -> str:
        """Return an `open` directive."""
        return f"1970-01-01 open {account}\n  name: {_quoted(title)}\n"

    def currency(self, code: str) -> str:
        """Return a `commodity` directive."""
        return f"1970-01-01 commodity {code}\n"

    def _header(self, entry: Entry) -> str:
        return f"{entry.posting_date} * {_quoted(entry.memo)}"

    def _read_header(self, line: str) -> tuple[date, str]:
        found = self._title.match(line)
        return (_day(found[1]), _unquoted(found[2])) if found else (_day(line[:10]), line[10:])

    def _write_note(self, name: str, value: str) -> str:
        return f"{name}: {_quoted(value)}"


class Hledger(Dialect):
    """The format of hledger 1.25. https://hledger.org/1.25/hledger.html#journal-format."""

    name = "hledger"
    suffix = ".journal"
    _note = re.compile(r"\s+; ([a-z][\w-]*):(.*)")
    _declared = re.compile(r"^account (\S+)|^commodity \S+ (\S+)", re.MULTILINE)
    _title = re.compile(r"(\S+) \* (.*?)\s*(?:;.*)?$")

    def preamble(self) -> str:
        """Say what the file is."""
        return _WRITTEN_BY

    def declare(self, account: str, title: str) -> str:
        """Return an `account` directive."""
        return f"account {account}  ; {' '.join(title.split())}\n"

    def currency(self, code: str) -> str:
        """Return a `commodity` directive with the currency's decimals."""
        return f"commodity {'1000.' + f'{from_minor(0, code):f}'.partition('.')[2]} {code}\n"

    def _header(self, entry: Entry) -> str:
        letters = (letter if letter.isprintable() and letter not in ";|" else " " for letter in entry.memo)
        return f"{entry.posting_date} * {' '.join(''.join(letters).split())}"

    def _read_header(self, line: str) -> tuple[date, str]:
        found = self._title.match(line)
        return (_day(found[1]), found[2]) if found else (_day(line[:10]), line[10:])

    def _write_note(self, name: str, value: str) -> str:
        return f"; {name}:{value if _PLAIN.fullmatch(value) and value.isprintable() else _quoted(value)}"


DIALECTS: Mapping[str, type[Dialect]] = {dialect.name: dialect for dialect in (Beancount, Hledger)}
