"""From legs back to canonical lines: what every entry must be able to show an auditor."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import duckdb

from retail_sync.core.money import to_minor

_TAX_ROLES = ("tax", "own_tax")


def assert_legs_trace_to_their_lines(connection: duckdb.DuckDBPyConnection) -> None:
    """Every leg of a category has canonical lines under it that sum to it, debit positive, with the file they came in.

    A tax category may be split over two accounts, so its legs are checked as a group.
    """
    rows = connection.execute(
        "select l.entry_key, l.line_no, l.role, l.category, l.location, l.home_minor, l.home_currency, "
        "sum(s.amount), count(s.file_name) = count(*) from journal.lines as l left join journal.line_sources as s "
        "on s.entry_key = l.entry_key and s.entry_line_no = l.line_no where l.category <> '' group by all"
    ).fetchall()
    booked: dict[tuple[object, ...], int] = defaultdict(int)
    under: dict[tuple[object, ...], int] = {}
    for key, line_no, role, category, location, minor, currency, amount, is_named in rows:
        assert amount is not None, f"line {line_no} of {key} has nothing under it"
        assert is_named, f"line {line_no} of {key} has rows of an unknown file"
        leg = (key, category, location) if role in _TAX_ROLES else (key, line_no)
        booked[leg] += minor
        under[leg] = to_minor(amount, currency)
    assert dict(booked) == under
    _assert_every_line_is_booked_once(connection)


def _assert_every_line_is_booked_once(connection: duckdb.DuckDBPyConnection) -> None:
    """Per settlement and category, canonical lines and the legs of its settlement entries cancel out."""
    lines = connection.execute(
        "select l.settlement_id, l.category, l.currency, sum(l.amount) from canonical.settlement_lines as l "
        "join journal.documents as d on d.document_id = l.settlement_id and d.status = 'ready' group by all"
    ).fetchall()
    legs = connection.execute(
        "select l.document_id, l.category, sum(l.home_minor) from journal.lines as l "
        "join journal.entries as e using (entry_key) where e.kind = 'settlement' and l.category <> '' group by all"
    ).fetchall()
    wanted = {(key, category): -to_minor(Decimal(amount), currency) for key, category, currency, amount in lines}
    assert {(key, category): int(minor) for key, category, minor in legs if minor} == {
        key: minor for key, minor in wanted.items() if minor
    }
