"""One table, one expectation: what reconcile must say of a few settlements and bank lines.

Unless a table says otherwise a period lasts 14 days, the deposit date is 2 days after its end, and a
bank line comes from AMAZON PAYMENTS. The bank shows money 1 day before to 5 days after that date.

Columns `status` and `breaks` are what is expected; a break is written with its value (right - left).
In the bank table `is` names what a line is: the settlement it pays, `unexplained`, `ambiguous`, or
nothing where it is none of ours.
"""

from __future__ import annotations

from collections import Counter

from retail_sync_tests.reconcile.facts import Facts, breaks, pipe_table, statuses
from retail_sync_tests.reconcile.residuals import assert_breaks_explain_the_totals


def assert_verdicts(settlements: str, bank: str) -> None:
    """Reconcile the rows; compare statuses, breaks and matched bank lines; prove the residuals."""
    facts = Facts()
    facts.arrive(settlements, bank)
    report = facts.reconcile()
    rows, lines = pipe_table(settlements) if settlements else [], _numbered(bank)
    unexplained = {key for key, row in lines.items() if row["is"] == "unexplained"}
    assert statuses(facts.connection) == {row["id"]: row["status"] for row in rows} | {
        f"bank:{key}": "right_only" for key in unexplained
    }
    expected = Counter(
        (row["id"], *text.split()) for row in rows for text in row["breaks"].split("; ") if text
    ) + Counter((key, "deposit_unexplained", lines[key]["amount"]) for key in unexplained)
    found = breaks(facts.connection)
    assert Counter({(s, code, "-" if v is None else f"{v:.2f}"): n for (s, code, v), n in found.items()}) == expected
    paid = facts.connection.execute(
        "select bank_transaction_id, settlement_id from reconcile.settlement_totals where bank_amount is not null "
        "and status <> 'right_only'"
    ).fetchall()
    assert dict(paid) == {key: row["is"] for key, row in lines.items() if row["is"].isdigit()}
    assert report.residual == ()
    ambiguous = {key for key, row in lines.items() if row["is"] == "ambiguous"}
    assert assert_breaks_explain_the_totals(facts.connection) == ambiguous


def _numbered(bank: str) -> dict[str, dict[str, str]]:
    """The bank lines by the id that `arrive` gives them."""
    return {f"BANK-{number}": row for number, row in enumerate(pipe_table(bank) if bank else [], 1)}
