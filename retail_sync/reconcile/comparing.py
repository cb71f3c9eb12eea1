"""The keyed comparison: two sides whose rows name the same key, every difference classed, valued and proved.

A side is a relation `compare_left` or `compare_right` with key, item_date, currency, quantity, amount, tax, fee and
pack_quantity. `amount` is the whole, `tax` and `fee` are parts of it, signed as they count in it; the rest is goods. What has
no key in common is for the matching core (`matching.py`).

One outer join classes all keys; rows that agree in everything are counted and never written, so the cost beside a bare join
is small (`make bench-compare`). The results are temp tables: `compare_differences` (key, kind, candidates, day, currency,
amount = right - left) and `compare_proof` by day and currency.
"""

from __future__ import annotations

import duckdb

from retail_sync.core import sql

KINDS = (
    "missing_left", "missing_right", "amount", "quantity", "price", "fee", "tax", "currency", "timing", "wrong_period",
    "duplicate", "reversed_sign", "unit_of_measure", "undetermined",
)  # fmt: skip
_STEPS = ("compare_repeated", "compare_pairs", "compare_differences", "compare_proof")


def compare(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Compare `compare_left` with `compare_right`; return a sentence per day that the differences do not explain.

    The order of the rows does not matter. Nothing is decided that the rows do not show: two causes that fit equally are
    `undetermined`, with both named.
    """
    for name in _STEPS:
        connection.execute(sql.statement(__package__, name))
    rows = connection.execute(
        "select day, currency, unexplained from compare_proof where unexplained <> 0 order by all"
    ).fetchall()
    return [f"{day} in {currency}: {rest} is in no difference" for day, currency, rest in rows]
