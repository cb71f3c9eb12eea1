"""The store days as values that any rendering can show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from retail_sync.reports.values import Rows, amount

_TOP = 20


@dataclass(frozen=True, slots=True)
class StoreState:
    """What an analyst wants to see of the stores: verdicts by comparison, the newest days, what differs, a plot."""

    verdicts: Rows
    newest: Rows
    by_day: Mapping[str, Rows]
    plot: Rows


def read_stores(connection: duckdb.DuckDBPyConnection) -> StoreState:
    """Return the state of the store days."""
    rows = connection.execute(
        "select business_date, store, register, comparison, currency, left_amount, right_amount, difference, status "
        "from reconcile.store_days order by business_date desc, store, comparison, register"
    ).fetchall()
    shown = [(*row[:4], row[8], amount(row[5]), amount(row[6]), amount(row[7]), row[4]) for row in rows]
    by_day: dict[str, Rows] = defaultdict(list)
    for row in shown:
        by_day[str(row[0])].append(row)
    verdicts = connection.execute(
        "select comparison, status, currency, count(*), sum(difference) from reconcile.store_days group by all order by all"
    ).fetchall()
    plot = connection.execute(
        """
        with named as (
            select *, concat_ws(' ', store, business_date, nullif(register, '-'),
                case when min(currency) over (partition by store, business_date)
                    <> max(currency) over (partition by store, business_date) then currency end) as subject
            from reconcile.store_days
        ),
        days as (
            -- A drawer's few coins are booked and told to nobody: red is for what needs a person.
            select *, case when status = 'variance' and comparison = 'drawer'
                and subject not in (select subject from reconcile.breaks where break_class = 'drawer_over_short')
                then 'tolerated' else status end as shown
            from named
        )
        select business_date, store || ' ' || currency as panel,
            case when bool_or(shown = 'variance') then 'variance' when bool_or(shown = 'left_only') then 'left_only'
                when bool_or(shown = 'right_only') then 'right_only' when bool_or(shown = 'open') then 'open'
                when bool_or(shown = 'tolerated') then 'tolerated' else 'matched' end as verdict,
            sum(left_amount) filter (comparison = 'sales_tenders') as sales
        from days group by all order by all
        """
    ).fetchall()
    return StoreState([(*row[:4], amount(row[4])) for row in verdicts], shown[:_TOP], by_day, plot)
