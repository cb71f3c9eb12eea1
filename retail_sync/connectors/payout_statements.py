"""The statements of payouts: settlement lines from the payments in a payout, its total from the list of payouts.

A web shop has no settlement file, nor has a card processor. Its transactions export names the payout of each payment, and
an export may hold a part of a payout only; its list of payouts states totals and may name no payout id. So a statement is
derived from the canonical payments and payouts, whatever deliveries they came in and in whatever order: by a load once, for
all payouts that its deliveries touched. Until then raw.touched names them, for the next load too.

Processors count their payouts each for themselves, and some by currency. So a payout is known by channel, account, currency
and the number that it was given, from the row on that first names it.

A header is written where the list has one row for the payout: by its id, or by account, day and currency where one payout
and one row stand against each other. A failed or canceled payout gets none: no money is on its way. Reconcile says why.
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from retail_sync.connectors.categories import categorise_staged
from retail_sync.core import sql

# These deliver settlements as documents; those of every other channel with payments are its payouts.
DOCUMENT_CHANNELS = ("amazon",)
_NUMBERED = ("canonical.payments", "canonical.payouts")
_STEPS = ("payout_statements_touched", "payout_lines", "payout_headers")


def name_payouts(connection: duckdb.DuckDBPyConnection, tables: Collection[str]) -> None:
    """Put channel, account and currency before the payout's number in the staged rows of these tables."""
    for table in set(tables).intersection(_NUMBERED):
        connection.execute(
            f"update staged_{table.removeprefix('canonical.')} "  # noqa: S608 - names of our own
            "set payout_id = concat_ws('/', channel, account, currency, payout_id) where payout_id is not null"
        )


def derive_payout_statements(connection: duckdb.DuckDBPyConnection) -> bool:
    """Bring the statements of the payouts that raw.touched names up to date, and hand them to reconcile. False: there are none."""
    found = connection.execute("select count(*) from raw.touched where kind in ('payout', 'payout_day')").fetchone()
    if not found or not found[0]:
        return False
    rows = connection.execute(
        "select channel from canonical.payments union select channel from canonical.payouts order by 1"
    )
    channels = [channel for (channel,) in rows.fetchall() if channel not in DOCUMENT_CHANNELS]
    for name in _STEPS:
        text = sql.statement(__package__, name)
        connection.execute(text, {"channels": channels} if "$channels" in text else {})
    categorise_staged(connection)
    for table in ("settlements", "settlement_lines"):
        connection.execute(
            f"delete from canonical.{table} "  # noqa: S608 - names of our own
            "where settlement_id in (select settlement_id from touched_payouts)"
        )
        connection.execute(f"insert into canonical.{table} by name select * from staged_{table}")  # noqa: S608
        connection.execute(f"drop table staged_{table}")
    # A day of the list without any payout we know is reconcile's to tell.
    connection.execute(
        """
        insert into raw.touched
        select distinct 'reconcile', kind, document_id from (
            select 'settlement' as kind, settlement_id as document_id from touched_payouts
            union all select 'settled', settlement_id from touched_payouts
            union all select 'settlement', document_id from raw.touched where kind = 'payout_day'
        ) except select stage, kind, document_id from raw.touched
        """
    )
    connection.execute("delete from raw.touched where kind in ('payout', 'payout_day')")
    connection.execute("drop table touched_payouts")
    return True
