"""A small company for the promise about order, repetition and failure: six settlements, a re-issue, one bank statement.

Three settlements contain a month end, one holds a reserve that the next releases, one is negative and its debt opens the
next. The bank shows three payouts; one never comes. What is right is stated here by hand, never by the product.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from retail_sync_tests.make_sample import PAYABLE, RESERVE_HELD, RESERVE_RELEASED
from retail_sync_tests.reconcile.files import bank_statement
from retail_sync_tests.simulator import OTHER, Row, Settlement, random_settlement, write_v2

FIRST_DAY, LAST_DAY = "2026-08-25", "2026-11-02"


def _settlement(
    number: int, seed: int, start: str, end: str, lines: int, *extras: tuple[str, str], owes: Decimal = Decimal(0)
) -> Settlement:
    """A random settlement between two days with rows of the account beside its orders; `owes` is an earlier debt."""
    start_at, end_at = (datetime.fromisoformat(f"{day}T15:00:00").replace(tzinfo=UTC) for day in (start, end))
    made = random_settlement(
        seed, lines, settlement_id=f"5000000000{number}", start_at=start_at, end_at=end_at, subscription=False
    )
    rows = [Row(OTHER, OTHER, text, Decimal(amount), start_at, marketplace="") for text, amount in extras]
    if owes:
        rows.append(Row(OTHER, OTHER, PAYABLE, owes, start_at + timedelta(hours=1), marketplace=""))
    return replace(made, rows=(*made.rows, *rows))


A = _settlement(1, 19, "2026-08-25", "2026-09-08", 14)
B = _settlement(2, 13, "2026-09-08", "2026-09-15", 12, ("Storage Fee", "-12.34"))
C = _settlement(3, 2, "2026-09-24", "2026-10-03", 24, (RESERVE_HELD, "-40.00"))
D = _settlement(4, 17, "2026-10-03", "2026-10-10", 16, (RESERVE_RELEASED, "40.00"))
E = _settlement(5, 17, "2026-10-10", "2026-10-17", 10, ("Storage Fee", "-300.00"))
F = _settlement(6, 2, "2026-10-17", "2026-11-02", 29, owes=E.lines_sum)
B_CORRECTED = replace(B, rows=(*B.rows[:-1], replace(B.rows[-1], amount=Decimal("-21.43"))))

assert E.lines_sum < 0 < F.lines_sum

BANK = bank_statement(f"""
    2026-09-11 {A.lines_sum} USD AMAZON MKTPL PMTS
    2026-09-18 {B_CORRECTED.lines_sum} USD AMAZON MKTPL PMTS
    2026-09-30 -64.12 USD CARD PROCESSING FEES
    2026-10-06 {C.lines_sum} USD AMAZON {C.settlement_id}
    2026-11-20 -39.45 USD CARD PROCESSING FEES
""")

ORIGINAL = {"amazon/b.txt": write_v2(B)}
CORRECTED = {"amazon/b_corrected.txt": write_v2(B_CORRECTED)}
ONCE = {
    "amazon/a.txt": write_v2(A, date_style="slash_dmy"),
    "amazon/c.txt": write_v2(C, date_style="dotted", decimal_mark=","),
    "amazon/d.txt": write_v2(D),
    "amazon/e.txt": write_v2(E),
    "amazon/f.txt": write_v2(F),
    "bank/statement.csv": BANK,
}
"""Every file that comes once."""

ALL = ONCE | ORIGINAL | CORRECTED
"""All files; in an inbox the original is taken in before its correction, as its name comes first."""

PROBLEMS = [
    ("deposit_overdue", D.settlement_id),
    ("deposit_overdue", F.settlement_id),
]
"""What is open when everything was delivered."""

KEYS = sorted(
    f"amazon:{key}#1"
    for key in (
        f"settlement:{A.settlement_id}:2026-08",
        f"settlement:{A.settlement_id}:2026-09",
        f"deposit:{A.settlement_id}",
        f"settlement:{B.settlement_id}:2026-09",
        f"deposit:{B.settlement_id}",
        f"settlement:{C.settlement_id}:2026-09",
        f"settlement:{C.settlement_id}:2026-10",
        f"deposit:{C.settlement_id}",
        f"settlement:{D.settlement_id}:2026-10",
        f"settlement:{E.settlement_id}:2026-10",
        f"settlement:{F.settlement_id}:2026-10",
        f"settlement:{F.settlement_id}:2026-11",
    )
)
"""What the ledger holds when every file was there from the beginning."""

TINY_BANK = bank_statement(f"2026-09-18 {B_CORRECTED.lines_sum} USD AMAZON MKTPL PMTS")
TINY = {"amazon/f.txt": write_v2(replace(F, rows=F.rows[:8])), "bank/statement.csv": TINY_BANK} | CORRECTED
"""Enough to reach every stage: a month end, a payout, and the deposit that matches it."""

TINY_BEFORE = {name: content for name, content in TINY.items() if name not in CORRECTED} | ORIGINAL
"""The same while only the wrong first issue is there: its payout and the deposit do not match yet."""
