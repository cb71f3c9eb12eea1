"""Clearing accounts item by item: what opened each, what closed it, what is left. From the desired journal, so after it.

Computed whole where the journal changed: the items of an account must sum to its balance, whatever is in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import duckdb

from retail_sync.core import sql
from retail_sync.core.failpoints import failpoint
from retail_sync.core.warehouse import transaction
from retail_sync.reconcile.inventory import prepare_money
from retail_sync.reconcile.proofs import prove
from retail_sync.schemas.proof import mark_changed

_NAME = "clearing_items"


@dataclass(frozen=True, slots=True)
class ClearingReport:
    """Whether the items were computed anew, and a sentence per account whose items do not sum to its balance."""

    is_computed: bool
    residual: Sequence[str] = ()


def reconcile_clearing(
    connection: duckdb.DuckDBPyConnection, accounts: Sequence[str], progress: Callable[[str], None]
) -> ClearingReport:
    """Bring reconcile.clearing_items up to date with the desired journal, as one transaction."""
    version = _version(connection, accounts)
    applied = connection.execute("select hash from raw.applied where name = ?", [_NAME]).fetchone()
    if applied == (version,):
        return ClearingReport(is_computed=False)
    with transaction(connection):
        itemise(connection, accounts)
        residual = prove(connection, "clearing_proof", [_NAME], {"accounts": list(accounts)})
        connection.execute("delete from reconcile.clearing_items")
        connection.execute("insert into reconcile.clearing_items by name select * from new_clearing_items")
        mark_changed(connection, "reconcile.clearing_items")
        # Broken items are computed again by the next run, and stop it too.
        connection.execute("delete from raw.applied where name = ?", [_NAME])
        if not residual:
            connection.execute("insert into raw.applied values (?, ?)", [_NAME, version])
        failpoint("clearing.before_commit")
    failpoint("clearing.after_commit")
    row = connection.execute("select count(*) from reconcile.clearing_items where status = 'open'").fetchone()
    progress(f"clearing accounts: {row[0] if row else 0} open items")
    return ClearingReport(is_computed=True, residual=residual)


def itemise(
    connection: duckdb.DuckDBPyConnection, accounts: Sequence[str], left_out: Collection[str] = frozenset()
) -> None:
    """Fill the temp table new_clearing_items from the desired entries, without those `left_out`."""
    prepare_money(connection)
    connection.execute(
        sql.statement(__package__, "clearing_items"), {"accounts": list(accounts), "left_out": sorted(left_out)}
    )


def _version(connection: duckdb.DuckDBPyConnection, accounts: Sequence[str]) -> str:
    """Hash of what the items depend on besides the journal, which takes the note away when it changes."""
    chain = connection.execute(sql.statement(__package__, "clearing_chain")).fetchall()
    return hashlib.sha256(repr((list(accounts), chain)).encode()).hexdigest()
