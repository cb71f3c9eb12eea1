"""An order-independent hash of table contents: equal digests mean equal rows, whatever the order they were written in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import duckdb

from retail_sync.schemas.contract import Table


def table_digest(connection: duckdb.DuckDBPyConnection, table: Table) -> str:
    """Return `rows:hash` of a table over all its columns but the volatile ones."""
    columns = [name for name in table.column_names if name not in table.volatile]
    row_text = ", ".join(f"coalesce(cast({name} as varchar), chr(0))" for name in columns)
    # Sums of row hashes do not depend on order and, unlike xor, do not cancel out equal rows.
    found = connection.execute(
        f"""
        select count(*), sum(md5_number_upper(row)), sum(md5_number_lower(row))
        from (select concat_ws(chr(31), {row_text}) as row from {table.qualified})
        """  # noqa: S608 - names of the registry
    ).fetchone()
    count, upper, lower = found or (0, 0, 0)
    return f"{count}:{hashlib.sha256(f'{upper}|{lower}'.encode()).hexdigest()[:16]}"


def mapping_digest(items: Mapping[tuple[str, ...], int]) -> str:
    """Return `items:hash` of amounts by key, zeros left out."""
    rows = sorted((*key, str(value)) for key, value in items.items() if value)
    return f"{len(rows)}:{hashlib.sha256(repr(rows).encode()).hexdigest()[:16]}"


def combined(parts: Iterable[tuple[str, str]]) -> str:
    """Return one hash over named digests."""
    return hashlib.sha256("\n".join(f"{name} {value}" for name, value in sorted(parts)).encode()).hexdigest()[:16]
