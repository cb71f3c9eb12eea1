"""The goods: sold × posted, movements × snapshots, left × arrived, counted × book, stock × ledger, and the cost of what was sold.

Three questions are kept apart; every cause is decided by evidence alone, so it does not depend on when a file came. All is
computed whole when anything about stock was touched: a transfer or an article may explain a difference at any location.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb

from retail_sync.core import sql
from retail_sync.core.failpoints import failpoint
from retail_sync.core.money import other_exponents
from retail_sync.core.warehouse import transaction
from retail_sync.reconcile.proofs import prove, unexplained
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.schemas.proof import mark_changed

# Names in raw.applied: what the last comparison saw of the ledger.
_STATE, _BALANCES = "inventory_ledger", "inventory_balances"
_KIND = "stage = 'reconcile' and kind = 'stock'"
_PROVED = ("inventory",)
# In the order they build on one another: both sides, why they differ, the facts of what is booked, and what is asked of all.
_SIDES = (
    "inventory_articles", "inventory_costs", "inventory_incomplete_snapshots", "inventory_whole_snapshots",
    "inventory_sales_items", "inventory_sales_parts", "inventory_intervals", "inventory_transfers", "inventory_count_books",
)  # fmt: skip
_CAUSES = (
    "inventory_sales_causes", "inventory_interval_causes", "inventory_count_explanations", "inventory_counts",
    "inventory_counts_taken_over",
)  # fmt: skip
_FACTS = ("inventory_count_facts", "inventory_adjustment_facts")
_VALUES = ("inventory_open_transfers", "inventory_month_ends", "inventory_stock_values")
# Month ends → what the ledger's inventory account holds by then, by currency; one it says nothing about is left out.
Balances = Callable[[Sequence[date]], Mapping[date, Mapping[str, Decimal]]]


@dataclass(frozen=True, slots=True)
class StockLedger:
    """What the books hold as inventory besides our own entries.

    As long as `state` is the same, nothing of it changed. `is_trued_up`: the journal books the valuation difference itself, so
    it needs nobody.
    """

    balances: Balances = lambda _month_ends: {}
    state: str = ""
    is_trued_up: bool = False


def reconcile_inventory(
    connection: duckdb.DuckDBPyConnection,
    progress: Callable[[str], None],
    ledger: StockLedger = StockLedger(),  # noqa: B008 - a frozen value
) -> ReconcileReport:
    """Bring variances and cost of sales up to date with the canonical tables and the ledger; hand on what changed.

    One transaction. Nothing is computed where neither stock was touched nor the ledger's inventory account has changed.
    """
    row = connection.execute(f"select count(*) from raw.touched where {_KIND}").fetchone()  # noqa: S608
    touched = int(row[0]) if row else 0
    is_first = not _noted(connection, _STATE)
    if not touched and not _ledger_changed(connection, ledger) and not unexplained(connection, _PROVED):
        return ReconcileReport(0, ())
    with transaction(connection):
        _compare(connection, ledger)
        residual = prove(connection, "inventory_proof", _PROVED)
        days = _hand_on(connection)
        for name, new in (("inventory_variances", "new_variances"), ("cost_of_sales", "new_cost_of_sales")):
            connection.execute(f"delete from reconcile.{name}")  # noqa: S608 - names of our own
            connection.execute(f"insert into reconcile.{name} by name select * from {new}")  # noqa: S608
        connection.execute("delete from reconcile.breaks where reconciliation = 'inventory'")
        connection.execute("insert into reconcile.breaks by name select * from new_stock_breaks")
        mark_changed(connection, "reconcile")
        failpoint("inventory.before_commit")
    failpoint("inventory.after_commit")
    changed = "compared for the first time" if is_first else "the ledger's inventory account changed"
    why = f"{touched} locations and days touched" if touched else changed
    progress(f"stock: {why}, {len(days)} days differ from before")
    return ReconcileReport(touched, days, residual)


def _ledger_changed(connection: duckdb.DuckDBPyConnection, ledger: StockLedger) -> bool:
    """Whether what the valuation was compared with is not what the ledger holds now.

    Entries of other accounts, and our own, move the ledger's state in most runs: then its balances are read, and no more.
    """
    if _noted(connection, _STATE) == _hash(ledger.state):
        return False
    balances = _read_balances(connection, ledger)
    if _noted(connection, _BALANCES) != _hash_of(balances, ledger):
        return True
    with transaction(connection):
        _note(connection, _STATE, _hash(ledger.state))
        failpoint("inventory_ledger.before_commit")
    failpoint("inventory_ledger.after_commit")
    return False


def _read_balances(connection: duckdb.DuckDBPyConnection, ledger: StockLedger) -> Mapping[date, Mapping[str, Decimal]]:
    connection.execute(sql.statement(__package__, "inventory_month_ends"))
    months = [
        month_end for (month_end,) in connection.execute("select month_end from month_ends order by 1").fetchall()
    ]
    return ledger.balances(months) if months else {}


def _hash_of(balances: Mapping[date, Mapping[str, Decimal]], ledger: StockLedger) -> str:
    amounts = sorted(
        (str(month_end), currency, str(amount.normalize()))
        for month_end, by_currency in balances.items()
        for currency, amount in by_currency.items()
    )
    return _hash(f"{ledger.is_trued_up}|{amounts}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _noted(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    row = connection.execute("select hash from raw.applied where name = ?", [name]).fetchone()
    return row[0] if row else ""


def _note(connection: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    connection.execute("delete from raw.applied where name = ?", [name])
    connection.execute("insert into raw.applied (name, hash) values (?, ?)", [name, value])


def prepare_money(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the rounding to minor units, and the way to write quantities, that the statements use."""
    connection.execute("create or replace temp table minor_units (currency varchar, digits integer)")
    connection.executemany("insert into minor_units values (?, ?)", [list(row) for row in other_exponents().items()])
    connection.execute(sql.statement(__package__, "inventory_money"))
    connection.execute(sql.statement(__package__, "inventory_units"))


def _compare(connection: duckdb.DuckDBPyConnection, ledger: StockLedger) -> None:
    prepare_money(connection)
    _run(connection, *_SIDES)
    _find_causes(connection)
    _run(connection, *_VALUES)
    connection.execute(
        "create or replace temp table ledger_balances (month_end date, currency varchar, amount decimal(18, 4))"
    )
    balances = _read_balances(connection, ledger)
    for month_end, by_currency in balances.items():
        for currency, amount in by_currency.items():
            connection.execute("insert into ledger_balances values (?, ?, ?)", [month_end, currency, amount])
    connection.execute(sql.statement(__package__, "inventory_variances"))
    connection.execute(sql.statement(__package__, "inventory_breaks"), {"is_trued_up": ledger.is_trued_up})
    connection.execute(sql.statement(__package__, "inventory_cost_of_sales"))
    _note(connection, _STATE, _hash(ledger.state))
    _note(connection, _BALANCES, _hash_of(balances, ledger))


def _find_causes(connection: duckdb.DuckDBPyConnection) -> None:
    """Find why sides differ, and the facts under what is booked of it: those as if no article had a pack, so a second time."""
    has_packs = connection.execute("select 1 from articles where pack_quantity is not null limit 1").fetchone()
    if has_packs:
        connection.execute("update articles set pack_quantity = null")
        _run(connection, *_CAUSES, *_FACTS, "inventory_articles")
    _run(connection, *_CAUSES, *(() if has_packs else _FACTS))


def _run(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    for name in names:
        connection.execute(sql.statement(__package__, name))


def _hand_on(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Hand the journal every document whose rows changed; return the days whose rows changed."""
    connection.execute(sql.statement(__package__, "inventory_changed"))
    connection.execute(
        "insert into raw.touched select distinct 'journal', 'stock', document_id from changed_stock "
        "where document_id <> '' except select stage, kind, document_id from raw.touched"
    )
    # A count that agrees has no row here and is a document all the same: it may have differed, and been booked, before.
    connection.execute(
        "insert into raw.touched select distinct 'journal', 'stock', 'stock:count:' || location_id || '|' || business_date "  # noqa: S608
        "from canonical.owned_stock_counts "
        f"where location_id || '|' || business_date in (select document_id from raw.touched where {_KIND}) "
        "except select stage, kind, document_id from raw.touched"
    )
    connection.execute(f"delete from raw.touched where {_KIND}")  # noqa: S608
    days = connection.execute("select distinct business_date from changed_stock order by 1").fetchall()
    return tuple(str(day[0]) for day in days)
