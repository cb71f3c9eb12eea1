"""The registry of warehouse tables: one line per table gives it DDL, checks, digest, dictionary and Dagster schema."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import duckdb

from retail_sync.core import sql
from retail_sync.core.warehouse import STAGE_SCHEMAS, transaction
from retail_sync.schemas import canonical, derived
from retail_sync.schemas.contract import Table, code_digest, contract_hash

TABLES = (
    Table("raw", "deliveries", derived.Deliveries, ("delivery_id",), "delivery"),
    Table("raw", "touched", derived.Touched, ("stage", "document_id"), "run"),
    Table("raw", "applied", derived.Applied, ("name",), "run"),
    Table("canonical", "settlements", canonical.Settlements, ("settlement_id",), "document"),
    Table("canonical", "settlement_lines", canonical.SettlementLines, ("settlement_id", "line_no", "component"), "document"),
    Table("canonical", "bank_transactions", canonical.BankTransactions, ("source", "transaction_id"), "key",
          volatile=("delivery_id", "line_no")),
    Table("canonical", "rejected_rows", canonical.RejectedRows,
          ("delivery_id", "table_name", "line_no", "column_name"), "delivery"),
    Table("reconcile", "settlement_components", derived.SettlementComponents,
          ("settlement_id", "posting_month", "event_date", "category", "marketplace"), "settlement"),
    Table("reconcile", "settlement_totals", derived.SettlementTotals, ("settlement_id",), "run"),
    Table("reconcile", "matches", derived.Matches, ("reconciliation", "left_id", "right_id"), "run"),
    Table("reconcile", "breaks", derived.Breaks, ("reconciliation", "subject", "break_class"), "run"),
    Table("journal", "documents", derived.Documents, ("document_id",), "settlement",
          volatile=("facts_hash", "deposit_facts_hash")),
    Table("journal", "entries", derived.Entries, ("entry_key",), "settlement", volatile=("facts_hash",)),
    Table("journal", "lines", derived.Lines, ("entry_key", "line_no"), "settlement"),
)  # fmt: skip


def table(qualified: str) -> Table:
    """Return the table called `schema.name`. Raises KeyError for one that is not in the registry."""
    for candidate in TABLES:
        if candidate.qualified == qualified:
            return candidate
    raise KeyError(qualified)


@cache
def _deriving_code() -> str:
    """Digest of the packages that make rows: a mended reader or query must not leave rows of the old one in force."""
    package = Path(__file__).parents[1]
    return code_digest(*(package / stage for stage in ("connectors", "reconcile", "journal")))


def prepare(connection: duckdb.DuckDBPyConnection) -> bool:
    """Create what is missing. Returns True when the contracts changed and the derived tables were started anew.

    The warehouse is derived: when its contracts or the code that makes its rows differ from the program's, it is emptied
    here and the next stage reads every delivery again from the raw archive. Nothing is lost and nobody is called.
    """
    wanted = contract_hash(TABLES, sql.statement(__package__, "line_sources"), _deriving_code())
    found = _applied_contract(connection)
    if found == wanted:
        return False
    with transaction(connection):
        for schema in reversed(STAGE_SCHEMAS):
            if found:
                connection.execute(f"drop schema if exists {schema} cascade")
            connection.execute(f"create schema if not exists {schema}")
        for entry in TABLES:
            connection.execute(entry.ddl())
        connection.execute(sql.statement(__package__, "line_sources"))
        connection.execute("delete from raw.applied where name = 'contract'")
        connection.execute("insert into raw.applied (name, hash) values ('contract', ?)", [wanted])
    return bool(found)


def _applied_contract(connection: duckdb.DuckDBPyConnection) -> str:
    exists = connection.execute(
        "select count(*) from duckdb_tables() "
        "where database_name = 'warehouse' and schema_name = 'raw' and table_name = 'applied'"
    ).fetchone()
    if not exists or not exists[0]:
        return ""
    row = connection.execute("select hash from raw.applied where name = 'contract'").fetchone()
    return row[0] if row else ""
