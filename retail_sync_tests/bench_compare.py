"""The benchmark of the keyed comparison: two sides of ten million rows, beside a bare full outer join of the same columns.

`make bench-compare` prints seconds, their ratio and the peak memory of the process. Planted are known numbers of each class
of difference; the run stops where the comparison does not find exactly these. Nothing is asserted on time.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import duckdb

from retail_sync.reconcile.comparing import compare

_COLUMNS = "key, item_date, currency, quantity, amount, tax, fee, pack_quantity"
# One in so many keys has it; primes, so that each class stands alone or, rarely, with another.
_LACKING, _ADDED, _DEARER, _TWICE = 1009, 2003, 997, 5003

_LEFT = """
create table left_rows as
select
    'ORD-' || lpad(cast((i * 7919) % {rows} as varchar), 9, '0') as key,
    date '2026-01-01' + cast(i % 365 as integer) as item_date,
    'USD' as currency,
    cast(1 + i % 3 as decimal(18, 6)) as quantity,
    cast((100 + i % 10000) / 100 as decimal(18, 4)) as amount,
    cast((i % 97) / 100 as decimal(18, 4)) as tax,
    cast(0 as decimal(18, 4)) as fee,
    cast(null as decimal(18, 6)) as pack_quantity
from range({rows}) as t(i)
"""
_RIGHT = f"""
create table right_rows as
select * replace (case when hash(key) % {_DEARER} = 0 then amount + 1 else amount end as amount)
from left_rows where hash(key) % {_LACKING} <> 0
union all
select * replace ('NEW-' || key as key) from left_rows where hash(key) % {_ADDED} = 0
union all
select * from left_rows where hash(key) % {_TWICE} = 0 and hash(key) % {_LACKING} <> 0 and hash(key) % {_DEARER} <> 0
"""
_BARE = """
create table bare as
select coalesce(l.key, r.key) as key, l.item_date as left_date, r.item_date as right_date, l.currency as left_currency,
    r.currency as right_currency, l.quantity as left_quantity, r.quantity as right_quantity, l.amount as left_amount,
    r.amount as right_amount, l.tax as left_tax, r.tax as right_tax, l.fee as left_fee, r.fee as right_fee,
    l.pack_quantity as left_pack, r.pack_quantity as right_pack
from left_rows as l full outer join right_rows as r on l.key = r.key
"""


def bare_join(connection: duckdb.DuckDBPyConnection) -> float:
    """Seconds of a full outer join that only writes both sides down."""
    connection.execute("drop table if exists bare")
    began = time.perf_counter()
    connection.execute(_BARE)
    seconds = time.perf_counter() - began
    connection.execute("drop table bare")
    return seconds


def classified(connection: duckdb.DuckDBPyConnection) -> float:
    """Seconds of the comparison with its proof; stops where it does not find what is planted."""
    for side in ("left", "right"):
        connection.execute(f"create or replace temp view compare_{side} as select {_COLUMNS} from {side}_rows")
    began = time.perf_counter()
    unexplained = compare(connection)
    seconds = time.perf_counter() - began
    found = dict(connection.execute("select kind, count(*) from compare_differences group by 1").fetchall())
    planted = connection.execute(
        f"select count(*) filter (hash(key) % {_LACKING} = 0), count(*) filter (hash(key) % {_ADDED} = 0), "
        f"count(*) filter (hash(key) % {_DEARER} = 0 and hash(key) % {_LACKING} <> 0), "
        f"count(*) filter (hash(key) % {_TWICE} = 0 and hash(key) % {_LACKING} <> 0 and hash(key) % {_DEARER} <> 0) "
        "from left_rows"
    ).fetchone()
    names = ("missing_right", "missing_left", "price", "duplicate")
    if unexplained or found != dict(zip(names, planted or (), strict=True)):
        raise SystemExit(f"the comparison is wrong: {found}, planted {planted}, unexplained {unexplained[:3]}")
    return seconds


def main() -> None:
    """Make both sides, join, compare, join again; print the ratio to the mean of the joins."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="retail-sync-bench-") as name:
        folder = Path(name)
        config = {"threads": "2", "memory_limit": "3GB", "temp_directory": str(folder / "spill")}
        connection = duckdb.connect(str(folder / "sides.duckdb"), config=config)
        connection.execute(_LEFT.format(rows=options.rows))
        connection.execute(_RIGHT)
        connection.execute("checkpoint")
        before = bare_join(connection)
        seconds = classified(connection)
        after = bare_join(connection)
        connection.close()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"two sides of {options.rows:,} rows: classified and proved in {seconds:.2f} s")
    print(f"bare full outer join {before:.2f} s before and {after:.2f} s after")
    print(f"ratio {seconds / ((before + after) / 2):.2f}, peak memory {peak_mb:,.0f} MB")


if __name__ == "__main__":
    main()
