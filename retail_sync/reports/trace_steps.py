"""The steps of one order as the warehouse tells them: what was delivered, what its settlements paid, what the journal wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from retail_sync.core import sql
from retail_sync.core.money import format_money, from_minor
from retail_sync.core.rules import Folders, read_rules

# Within a day, things without an hour come last; at one instant, in this order.
_ORDER = ("ordered", "goods", "paid", "processed", "shipped", "settled", "refunded", "returned", "closed", "taken over",
          "deposit", "entry", "ledger")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """Which row of reconcile.order_traces."""

    kind: str
    channel: str
    register: str
    order_id: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Key:
        """Take it from a row."""
        return cls(row["kind"], row["channel"], row["register"], row["order_id"])

    @property
    def place(self) -> str:
        """The channel, or store and till, as a person writes it."""
        return f"{self.channel} {self.register}".strip()

    @property
    def owner(self) -> dict[str, str]:
        """What names its rows in `order_events`."""
        return {"kind": self.kind, "channel": self.channel, "register": self.register}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened. `at` is an instant in UTC or a local day, as text.

    `file` is the delivered file, or for entries and postings their key; `lines` are the lines in it. `reference` is what
    the step belongs to: a settlement, a bank transaction, an entry.
    """

    at: str
    step: str
    what: str
    amount: Decimal | None = None
    currency: str = ""
    source: str = ""
    file: str = ""
    lines: str = ""
    delivery_id: str = ""
    reference: str = ""

    @property
    def sort_key(self) -> tuple[str, int]:
        """Its place in the story."""
        instant = self.at if len(self.at) > len("2026-10-31") or not self.at else f"{self.at} 99"
        return instant, _ORDER.index(self.step)

    @property
    def written_in(self) -> str:
        """Where to look it up, in one line."""
        lines = f"line {self.lines}" if self.lines else ""
        return ", ".join(part for part in (f"{self.source}: {self.file}" if self.file else self.source, lines) if part)


@dataclass(frozen=True, slots=True)
class Documents:
    """The journal's documents under an order: deposit entries, and the documents that are held, with a sentence each."""

    deposits: list[Step] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


def events(connection: duckdb.DuckDBPyConnection, key: Key) -> list[Step]:
    """Return what the canonical tables say of it."""
    return [_event(key, row) for row in _rows(connection, "trace_events", key.owner)]


def _event(key: Key, row: Mapping[str, Any]) -> Step:
    return Step(
        at=_at(row["happened_at"]),
        step=row["step"],
        what=_words(key, row),
        amount=row["amount"],
        currency=row["currency"] or "",
        source=row["source"],
        lines=_line_list(row["lines"]),
        delivery_id=row["delivery_id"],
        reference=row["settlement_id"] or "",
    )


def _words(key: Key, row: Mapping[str, Any]) -> str:
    word, goods = row["word"], row["goods"] or ""
    payout = f", in payout {row['settlement_id']}" if row["settlement_id"] else ""
    match row["step"]:
        case "ordered":
            if key.kind == "order":
                return f"status {word}"
            return f"{word}: {goods}" if goods else word
        case "goods":
            return goods
        case "shipped":
            return f"{goods} from {word}" if word else goods
        case "settled":
            return f"{row['category'].replace('_', ' ')} in {row['settlement_id']} ({word})"
        case "returned":
            if goods:
                return f"{goods}, {word}"
            return "money only, no goods" if word == "none" else word
        case "processed":
            return f"{word} as the processor reports it{payout}"
    return f"{word}{payout}"


def settlements(connection: duckdb.DuckDBPyConnection, key: Key) -> list[Step]:
    """Return what became of the settlements it is in."""
    words = {
        "closed": "settlement {settlement_id}, its total",
        "taken_over": "settlement {settlement_id} could not be transferred and is paid with {other}",
        "deposit": "bank transaction {other} for settlement {settlement_id}",
    }
    return [
        Step(
            at=_at(row["on_day"]),
            step=row["step"].replace("_", " "),
            what=words[row["step"]].format(**row),
            amount=row["amount"],
            currency=row["currency"],
            source=row["source"],
            lines=_line_list([row["line_no"]] if row["line_no"] else []),
            delivery_id=row["delivery_id"],
            reference=row["other"] if row["step"] == "deposit" else row["settlement_id"],
        )
        for row in _rows(connection, "trace_settlements", key.owner)
    ]


def journal_legs(connection: duckdb.DuckDBPyConnection, key: Key, rules: Folders) -> list[Step]:
    """Return the legs of desired entries that its rows are in, with its part of each."""
    names = {row["code"]: row["name"] for row in read_rules(rules, "chart_of_accounts").rows}
    rows = _rows(connection, "trace_legs", key.owner | {"order_id": key.order_id})
    return [
        Step(
            at=_at(row["posting_date"]),
            step="entry",
            what=f"{'debit' if row['part'] >= 0 else 'credit'} {row['account']} {names.get(row['account'], '')}{_shared(key, row)}",
            amount=abs(row["part"]),
            currency=row["currency"],
            source="journal",
            file=row["entry_key"],
            lines=str(row["entry_line_no"]),
            reference=row["entry_key"],
        )
        for row in rows
    ]


def _shared(key: Key, row: Mapping[str, Any]) -> str:
    """Say of a line that others have a part in how large it is as a whole."""
    whole = from_minor(row["home_minor"], row["home_currency"])
    if (row["part"], row["currency"]) == (whole, row["home_currency"]):
        return ""
    return f", this {key.kind}'s part of a line of {format_money(abs(row['home_minor']), row['home_currency'])}"


def receipt_days(connection: duckdb.DuckDBPyConnection, key: Key) -> list[str]:
    """Return the days of the store on which a receipt was rung up and paid; none for an order."""
    rows = connection.execute(
        "select distinct on_day from order_events where kind = $kind and channel = $channel and register = $register "
        "and kind = 'receipt' and step in ('ordered', 'paid', 'refunded') order by on_day",
        key.owner,
    ).fetchall()
    return [_at(day) for (day,) in rows]


def documents_of(
    connection: duckdb.DuckDBPyConnection, key: Key, days: Sequence[str], told: Sequence[Step], paid: Sequence[Step]
) -> Documents:
    """Return the deposit entries of its settlements, and which of its documents are held."""
    wanted = {step.reference for step in told if step.step == "settled"}
    wanted |= {step.reference for step in paid if step.step == "closed"}
    wanted |= {f"store_day:{key.channel}|{day}" for day in days}
    found = Documents()
    for row in _rows(connection, "trace_documents", {"documents": sorted(wanted)}):
        if row["status"] == "held":
            found.held.append(row["document_id"])
            found.sentences.append(f"The journal holds {row['title']}, so no entry is in force: {row['held_reason']}.")
        if row["entry_key"]:
            found.deposits.append(
                Step(
                    at=_at(row["posting_date"]),
                    step="entry",
                    what=row["memo"],
                    amount=from_minor(row["debits"], row["home_currency"]),
                    currency=row["home_currency"],
                    source="journal",
                    file=row["entry_key"],
                    reference=row["entry_key"],
                )
            )
    return found


def _rows(connection: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, object]) -> list[dict[str, Any]]:
    cursor = connection.execute(sql.statement(__package__, statement), dict(values))
    header = [column[0] for column in cursor.description or []]
    return [dict(zip(header, row, strict=True)) for row in cursor.fetchall()]


def _at(moment: datetime | date | None) -> str:
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return "" if moment is None else moment.isoformat()


def _line_list(lines: Sequence[int]) -> str:
    """Write `3, 5-7`."""
    parts: list[list[int]] = []
    for number in lines:
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)
