"""The residual proof of every reconciliation: right total - left total = breaks + what is carried, to the cent, by day.

A reconciliation says in one `.sql` what counts where: it fills the temp table `proof_parts` (reconciliation, comparison,
business_date, currency, part, amount, item_count). `left` and `right` are taken from the rows that came in, `break` from the
breaks, `carried` from what is told to nobody (awaited, open, within a tolerance, matched with another day's item), each by
itself, so that nothing can be lost between them. `matched` and `different` count the items and their value, without sign.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import duckdb

from retail_sync.core import sql


def prove(
    connection: duckdb.DuckDBPyConnection,
    statement: str,
    reconciliations: Collection[str],
    parameters: Mapping[str, Any] | None = None,
    and_also: Sequence[str] = (),
) -> tuple[str, ...]:
    """Put the proofs of `reconciliations` into reconcile.proofs; return a sentence for each that leaves a rest.

    `statement` fills proof_parts, those of `and_also` add to them. The caller's transaction writes the rows that are proved, too.
    """
    connection.execute(sql.statement(__package__, statement), dict(parameters or {}))
    for other in and_also:
        connection.execute(sql.statement(__package__, other))
    connection.execute(
        "delete from reconcile.proofs where list_contains($names, reconciliation)", {"names": list(reconciliations)}
    )
    connection.execute(sql.statement(__package__, "proofs"))
    return unexplained(connection, reconciliations)


def unexplained(
    connection: duckdb.DuckDBPyConnection, reconciliations: Collection[str] | None = None
) -> tuple[str, ...]:
    """Return a sentence for every proof that leaves a rest: as long as there is one the run stops.

    Of all reconciliations where none is named, but for the clearing accounts: they follow the journal and stop it themselves.
    """
    rows = connection.execute(
        "select reconciliation, comparison, business_date, currency, unexplained from reconcile.proofs "
        "where unexplained <> 0 and coalesce(list_contains($names, reconciliation), reconciliation <> 'clearing_items') "
        "order by all",
        {"names": None if reconciliations is None else list(reconciliations)},
    ).fetchall()
    return tuple(
        f"{name.replace('_', ' ')}, {comparison.replace('_', ' ')}{f' on {day}' if day else ''}"
        f"{'' if currency == 'XXX' else f' in {currency}'}: {rest.normalize():f} is in no break"
        for name, comparison, day, currency, rest in rows
    )
