"""Canonical rows written as small pipe tables, and what reconcile and journal make of them, all in memory.

What belongs here: the notation of the tests. What does not: files and connectors (`files.py`), and
any expectation.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb

from retail_sync.core.rules import read_rules
from retail_sync.journal.build import JournalReport, build_journal
from retail_sync.journal.rules import Policies, PostingRules
from retail_sync.reconcile.auto_clear import read_clearing_rules
from retail_sync.reconcile.break_kinds import read_break_kinds
from retail_sync.reconcile.matching import Decision
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.reconcile.settlements import reconcile_settlements
from retail_sync.schemas import tables

RULES = Path(__file__).resolve().parents[2] / "data" / "rules"
KINDS = read_break_kinds(read_rules(RULES, "break_kinds"))
JOURNAL_DEPOSITS = Policies(home_currency="", deposits="journal")
SHORT = {
    "sales": "product_sales",
    "fees": "referral_fee",
    "ads": "advertising",
    "debt": "opening_debt",
    "charge": "card_charge",
    "held": "reserve_held",
    "released": "reserve_released",
}
Entry = tuple[date, Counter[tuple[str, int]]]


def pipe_table(text: str) -> list[dict[str, str]]:
    """The rows of a table drawn with pipes, its first line being the names."""
    lines = [line.strip().strip("|") for line in text.strip().splitlines() if line.strip()]
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]


def day(text: str) -> date:
    """`2026-10-14`, or `10-14` of the year 2026."""
    return date.fromisoformat(text if len(text) > 5 else f"2026-{text}")


def instant(text: str) -> datetime:
    """A day's noon in UTC, or `10-14T22:07:19`."""
    on, _, at = text.partition("T")
    return datetime.combine(day(on), time.fromisoformat(at or "12:00:00"), UTC)


class Facts:
    """A warehouse in memory. `arrive` takes rows in, as a load would; a row that comes again replaces."""

    def __init__(self, rules: Path = RULES) -> None:
        self.rules = rules
        self.connection = duckdb.connect(config={"threads": "1"})
        self.connection.execute("attach ':memory:' as warehouse; use warehouse; set TimeZone = 'UTC'")
        tables.prepare(self.connection)

    def arrive(self, settlements: str = "", bank: str = "") -> None:
        """Take in settlements and bank lines. Columns that are not named below are the test's own.

        Settlements: id, ends, total ('-': no header), lines (an amount of sales, or `category amount
        [@day] [order=number]` separated by commas, categories whole or SHORT; '-': none); and starts, deposit,
        rejected, currency, account.
        Bank: date, amount; and id, source, reference, currency.
        """
        for row in pipe_table(settlements) if settlements else []:
            self._settlement(row)
        for number, row in enumerate(pipe_table(bank) if bank else [], 1):
            self._bank_line(row, number)

    def rates_arrive(self, rates: str) -> None:
        """Take in rates of exchange: date, from, to, rate; and source."""
        for row in pipe_table(rates):
            self._insert("canonical.fx_rates", day(row["date"]), row["from"], row["to"], Decimal(row["rate"]), 2,
                         row.get("source") or "treasury", f"rates-{row['date']}")  # fmt: skip
        self.connection.execute("delete from raw.touched where document_id = 'rates'")
        self._insert("raw.touched", "reconcile", "bank", "rates")

    def reconcile(self, *decisions: Decision) -> ReconcileReport:
        """Run the reconcile stage with the rules of the folder, and what people decided."""
        return reconcile_settlements(
            self.connection,
            read_rules(self.rules, "match_rules"),
            read_rules(self.rules, "bank_payers"),
            lambda _: None,
            decisions,
            clearing=read_clearing_rules(
                read_rules(self.rules, "auto_clear"), read_rules(self.rules, "chart_of_accounts"), is_booked=True
            ),
        )

    def journal(self, policies: Policies = JOURNAL_DEPOSITS) -> JournalReport:
        """Run the journal stage with the rules of the folder."""
        return build_journal(self.connection, PostingRules.read(self.rules), policies, lambda _: None)

    def _settlement(self, row: Mapping[str, str]) -> None:
        settlement_id, ends = row["id"], instant(row["ends"])
        starts = instant(row["starts"]) if row.get("starts") else ends - timedelta(days=14)
        deposit = day(row["deposit"]) if row.get("deposit") else ends.date() + timedelta(days=2)
        has_header = row["total"] != "-"
        owner = ("amazon", row.get("account") or "amazon", row.get("currency") or ("USD" if has_header else "XXX"))
        for name in ("settlements", "settlement_lines"):
            self.connection.execute(f"delete from canonical.{name} where settlement_id = ?", [settlement_id])
        if has_header:
            self._insert("canonical.settlements", settlement_id, *owner, starts, ends, ends.date(), deposit,
                         Decimal(row["total"]), "amazon", settlement_id)  # fmt: skip
        for line_no, line in enumerate(row["lines"].split(",") if row["lines"] != "-" else [], 3):
            words = line.split()
            *category, amount = [word for word in words if word[0] != "@" and not word.startswith("order=")]
            on_day = next((day(word[1:]) for word in words if word[0] == "@"), ends.date())
            order_id = next((word[6:] for word in words if word.startswith("order=")), None)
            name = category[0] if category else "sales"
            self._insert("canonical.settlement_lines", settlement_id, line_no, "amount", *owner, instant(str(on_day)),
                         on_day, "Order", "ItemPrice", "Principal", SHORT.get(name, name),
                         "Amazon.com", order_id, None, None, None, Decimal(amount), "amazon", settlement_id)  # fmt: skip
        self._delivered("amazon", settlement_id, rejected=int(row.get("rejected") or 0))

    def _bank_line(self, row: Mapping[str, str], number: int) -> None:
        key, source = row.get("id") or f"BANK-{number}", row.get("source") or "bank"
        where = "where transaction_id = ? and source = ?"
        self.connection.execute(f"delete from canonical.bank_transactions {where}", [key, source])
        currency, reference = row.get("currency") or "USD", row.get("reference", "AMAZON PAYMENTS")
        self._insert("canonical.bank_transactions", key, "Main", day(row["date"]), Decimal(row["amount"]),
                     currency, reference, 2, source, f"{source}-{key}")  # fmt: skip
        self._delivered(source, f"{source}-{key}")

    def _delivered(self, source: str, document_id: str, rejected: int = 0) -> None:
        self.connection.execute("delete from raw.deliveries where delivery_id = ?", [document_id])
        self._insert("raw.deliveries", document_id, source, f"{document_id}.txt", document_id, 1, "loaded", "", "",
                     rejected == 0, True, 1, 1, rejected, None, "", "", "", "facts")  # fmt: skip
        self._insert("raw.touched", "reconcile", "settlement" if source == "amazon" else "bank", document_id)

    def _insert(self, name: str, *values: object) -> None:
        places = ", ".join("?" * len(values))
        self.connection.execute(f"insert into {name} values ({places})", values)


def own_rules(folder: Path, name: str, where: Mapping[str, str], **cells: str) -> Path:
    """A copy of the governed files with other cells in the rows of one of them that are as `where` says."""
    folder.mkdir(parents=True)
    for file in RULES.glob("*.csv"):
        (folder / file.name).write_bytes(file.read_bytes())
    path = folder / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        names, rows = reader.fieldnames or (), list(reader)
    chosen = [row for row in rows if all(row[column] == text for column, text in where.items())]
    assert chosen, f"{name}.csv has no row with {where}"
    for row in chosen:
        row.update(cells)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def scalar(connection: duckdb.DuckDBPyConnection, query: str, *values: object) -> object:
    """The one value that a query gives."""
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row[0]


def statuses(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The verdict on every settlement and unexplained bank line."""
    return dict(connection.execute("select settlement_id, status from reconcile.settlement_totals").fetchall())


def breaks(connection: duckdb.DuckDBPyConnection) -> Counter[tuple[str, str, Decimal | None]]:
    """(subject, class, amount) of every break, counted."""
    return Counter(connection.execute("select subject, break_class, amount from reconcile.breaks").fetchall())


def entries(connection: duckdb.DuckDBPyConnection) -> dict[str, Entry]:
    """Entry key → posting date and the multiset of (account, home minor units)."""
    found: dict[str, Entry] = {}
    rows = connection.execute(
        "select e.entry_key, e.posting_date, l.account, l.home_minor from journal.entries as e "
        "left join journal.lines as l using (entry_key)"
    ).fetchall()
    for key, posting_date, account, minor in rows:
        found.setdefault(key, (posting_date, Counter()))[1][account, minor] += 1
    return found


def held(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Held document → the code that holds it."""
    query = "select document_id, held_code from journal.documents where status = 'held'"
    return dict(connection.execute(query).fetchall())
