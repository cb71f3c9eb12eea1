"""The residual proofs: what the breaks must add up to, computed in Python from canonical rows and breaks alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

import duckdb


def assert_breaks_explain_the_totals(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Prove both identities, per currency; return the bank lines that only an ambiguity explains.

    lines_total - header_total = sum of settlement_does_not_foot, over settlements with a header;

    payer bank lines - header totals = deposit_differs + deposit_unexplained + ambiguous bank lines
    - totals without a deposit, each of which has its own story: overdue, ambiguous, taken over by
    another settlement, not due yet, negative (charged to a card), or nothing to pay.
    """
    totals = connection.execute(
        "select settlement_id, s.currency, s.total_amount, coalesce(sum(l.amount), 0) from canonical.settlements as s "
        "left join canonical.settlement_lines as l using (settlement_id) group by all"
    ).fetchall()
    found = connection.execute("select break_class, subject, currency, amount from reconcile.breaks").fetchall()
    matched = dict(
        connection.execute(
            "select left_id, right_id from reconcile.matches where reconciliation = 'settlement_deposit' and is_confirmed"
        ).fetchall()
    )
    payer = _payer_lines(connection)
    assert len(set(matched.values())) == len(matched), "a bank line pays two settlements"
    assert set(matched.values()) <= set(payer)

    feet = _sums((currency, lines - header) for _, currency, header, lines in totals)
    assert feet == _sums((c, amount) for code, _, c, amount in found if code == "settlement_does_not_foot")

    unexplained = {subject for code, subject, *_ in found if code == "deposit_unexplained"}
    open_lines = {key for key in payer if key not in matched.values()} - {
        key for key in payer if key.rsplit(":", 1)[1] in unexplained
    }
    waiting = [(currency, header) for key, currency, header, _ in totals if key not in matched]
    left = _sums([*payer.values(), *((currency, -header) for _, currency, header, _ in totals)])
    right = _sums(
        [(c, amount) for code, _, c, amount in found if code in ("deposit_differs", "deposit_unexplained")]
        + [payer[key] for key in open_lines]
        + [(currency, -header) for currency, header in waiting]
    )
    assert left == right
    _assert_every_open_total_has_a_story(connection, matched)
    if open_lines:
        assert any(code == "deposit_ambiguous" for code, *_ in found), f"{open_lines} stand in no break"
    return {key.rsplit(":", 1)[1] for key in open_lines}


def _assert_every_open_total_has_a_story(connection: duckdb.DuckDBPyConnection, matched: dict[str, str]) -> None:
    told = connection.execute(
        "select subject from reconcile.breaks where break_class in ('deposit_overdue', 'deposit_ambiguous')"
    ).fetchall()
    shown = {
        currency: (first, last)
        for currency, first, last in connection.execute(
            "select currency, min(value_date), max(value_date) from canonical.bank_transactions group by 1"
        ).fetchall()
    }
    for key, currency, total, carried, deposit_date in connection.execute(
        "select settlement_id, currency, header_total, carried_into, deposit_date from reconcile.settlement_totals "
        "where header_total > 0"
    ).fetchall():
        first, last = shown.get(currency, (deposit_date, deposit_date))
        is_due = (last - deposit_date).days >= 5 and (first - deposit_date).days <= 45
        if key not in matched and not carried:
            assert is_due == ((key,) in told) or (key,) in told, f"{total} of {key} is due and in no break"


def _payer_lines(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, Decimal]]:
    """Item id → (currency, amount) of bank lines that Amazon sent, or that name a settlement."""
    known = {row[0] for row in connection.execute("select settlement_id from reconcile.settlement_totals").fetchall()}
    rows = connection.execute(
        "select source || ':' || account || ':' || transaction_id, reference, currency, amount from canonical.bank_transactions"
    ).fetchall()
    return {
        key: (currency, amount)
        for key, reference, currency, amount in rows
        if re.search("amazon|amzn", reference, re.IGNORECASE) or len(set(re.findall(r"\d{8,}", reference)) & known) == 1
    }


def _sums(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Currency → sum, zeros left out."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in amounts:
        sums[currency] += amount
    return {currency: amount for currency, amount in sums.items() if amount}
