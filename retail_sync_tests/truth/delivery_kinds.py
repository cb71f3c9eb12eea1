"""Kinds of delivery that change nothing: overlapping, split and shuffled exports, and a damaged copy beside a good file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from retail_sync_tests.truth.company import FIRST, LAST, Cells, Company, as_csv, day_of
from retail_sync_tests.truth.kinds import Break, kind

_DAYS = {
    "till_receipts": "Time", "till_tenders": "Time", "till_drawers": "Opened", "square": "Created at", "erp_movements": "Date",
    "erp_snapshots": "Date", "web_shipments": "Sent at", "bank": "Date",
}  # fmt: skip
"""Exports whose rows have a day of their own. What belongs together (a receipt, a snapshot) is of one day."""


def _on_export(company: Company, change: Callable[[str, list[Cells], dict[str, bytes]], None]) -> None:
    """Change how the rows of one export are delivered, once all is planted in them."""
    source = company.pick(_DAYS, lambda name: [("export", name)])
    company.on_writing.append(lambda files: change(source, company.tables[source], files))


@kind
def export_overlaps(company: Company) -> Sequence[Break]:
    """Harmless: days in the middle of an export come in another one as well."""
    first = FIRST + timedelta(days=company.rng.randrange(5, 20))
    last = first + timedelta(days=company.rng.randrange(3, 12))

    def change(source: str, rows: list[Cells], files: dict[str, bytes]) -> None:
        again = [row for row in rows if first <= day_of(row[_DAYS[source]]) <= last]
        files[f"{source}/{first}.csv"] = as_csv(source, again)

    _on_export(company, change)
    return []


@kind
def export_in_two_files(company: Company) -> Sequence[Break]:
    """Harmless: the days after some day come in a file of their own."""
    first = FIRST + timedelta(days=company.rng.randrange(5, (LAST - FIRST).days - 5))

    def change(source: str, rows: list[Cells], files: dict[str, bytes]) -> None:
        early = [row for row in rows if day_of(row[_DAYS[source]]) < first]
        files[f"{source}/all.csv"] = as_csv(source, early)
        files[f"{source}/late.csv"] = as_csv(source, [row for row in rows if day_of(row[_DAYS[source]]) >= first])

    _on_export(company, change)
    return []


@kind
def export_in_another_order(company: Company) -> Sequence[Break]:
    """Harmless: the rows of an export are in no order."""
    order = company.rng.random()

    def change(source: str, rows: list[Cells], files: dict[str, bytes]) -> None:
        cut = int(len(rows) * order)
        files[f"{source}/all.csv"] = as_csv(source, [*rows[cut:][::-1], *rows[:cut]])

    _on_export(company, change)
    return []


@kind
def settlement_delivered_twice(company: Company) -> Sequence[Break]:
    """Harmless: the same file comes again under another name."""
    name = f"amazon/settlement_{_settlement(company)}.txt"
    company.on_writing.append(lambda files: files.update({name.replace(".txt", " (1).txt"): files[name]}))
    return []


@kind
def settlement_copy_damaged(company: Company) -> Sequence[Break]:
    """Harmless: beside a good file lies a copy of which the last line was cut off in the middle."""
    name = f"amazon/settlement_{_settlement(company)}.txt"
    company.on_writing.append(lambda files: files.update({name.replace(".txt", ".part.txt"): files[name][:-90]}))
    return []


def _settlement(company: Company) -> str:
    numbers = (payout.number for payout in company.payouts.values() if payout.channel == "amazon")
    return company.pick(numbers, lambda number: [("payout", number)])
