"""A day of a Square store, from its API to the ledger: receipts, tenders, the drawer and the payout agree, to the cent.

The day is 2026-11-18 in New York; every figure is worked by hand:

| receipt | goods  | tax   | tip  | gift card | card   | cash  | card balance |
| A       | 20.00  | 2.00  |      |           | 22.00  |       |              |
| B       | 5.00   | 0.50  |      |           |        | 5.50  |              |
| C       | 10.00  | 1.00  | 1.00 |           | 6.00   | 6.00  |              | 12.00 less 2.00
| D       |        |       |      | 25.00     | 25.00  |       |              |
| E       | -10.00 | -1.00 |      |           | -11.00 |       |              | half of A back
| F       | -5.00  | -0.50 |      |           |        | -5.50 |              | B back
| G       | 8.00   |       |      |           |        |       | 8.00         |
| H       | 8.00   | 0.80  |      |           |        | 8.80  |              | offline, 70 hours late
| sum     | 36.00  | 2.80  | 1.00 | 25.00     | 42.00  | 14.80 | 8.00         |

Square keeps 0.94, 0.44 and 1.03 and gives 0.47 back: 42.00 less 1.94 is a payout of 40.06.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.reports.digests import read_digests
from retail_sync.settings import Settings, Source
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.e2e.line import forget_warehouse
from retail_sync_tests.e2e.line import line as run_line
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.square import FakeSquare
from retail_sync_tests.fakes.square_records import MAIN, Row, line, order, tender, usd

pytestmark = pytest.mark.long

HOUR = 3600.0
PAYOUT = "square/till/USD/po_1"
BANK = Source(
    name="bank", connector="declared_csv", object="bank_transactions", date_format="%Y-%m-%d",
    columns={
        "value_date": "Date", "account": "Account", "amount": "Amount", "currency": "Currency", "reference": "Text",
    },
)  # fmt: skip
# Debits are positive. Cash, bank, cards still to come, in transit; gift cards, tips, tax; sales, discounts, refunds; fees.
BOOKS = {
    "1000": "40.06", "1010": "14.80", "2200": "-2.80", "2300": "-17.00", "2310": "-1.00",
    "4000": "-53.00", "4090": "2.00", "4100": "15.00", "6200": "1.94",
}  # fmt: skip


def trading(fake: FakeSquare) -> None:
    """Ring up the day."""
    at = fake.clock.time() - 41 * HOUR  # 15:00 UTC, ten in the morning there

    def ring_up(number: str, lines: list[Row], tenders: list[Row], **more: object) -> Row:
        fake.orders.append(order(f"ORDER-{number}", MAIN, at, lines, tenders, **more))
        return fake.orders[-1]

    a = ring_up("A", [line("V1", "2", 1000, tax=200)], [tender("CARD", "PA", 2200, at)])
    b = ring_up("B", [line("V2", "1", 500, tax=50)], [tender("CASH", "PB", 550, at)])
    ring_up("C", [line("V3", "3", 400, tax=100, discount=200)],
            [tender("CASH", "PC1", 600, at), tender("CARD", "PC2", 600, at)], total_tip_money=usd(100))  # fmt: skip
    ring_up("D", [{"uid": "g", "quantity": "1", "item_type": "GIFT_CARD", "total_money": usd(2500)}],
            [tender("CARD", "PD", 2500, at)])  # fmt: skip
    fake.give_back("RE", a, at + 600, 1100, [line("V1", "1", 1000, tax=100)], fee=-47)
    fake.give_back("RF", b, at + 700, 550, [line("V2", "1", 500, tax=50)], kind="CASH")
    ring_up("G", [line("V4", "1", 800)], [tender("SQUARE_GIFT_CARD", "PG", 800, at)])
    ring_up("H", [line("V4", "1", 800, tax=80)], [tender("CASH", "PH", 880, at)])
    fake.appear["ORDER-H"] = at + 70 * HOUR
    for number, amount, fee in (("A", 2200, 94), ("C", 600, 44), ("D", 2500, 103)):
        fake.pay("PC2" if number == "C" else f"P{number}", f"ORDER-{number}", MAIN, at, amount, fee)
    fake.pay("PB", "ORDER-B", MAIN, at, 550, 0, kind="CASH")
    fake.open_drawer("SHIFT", MAIN, at - HOUR, opened=10000, expected=11480, counted=11480)
    fake.skus = {f"V{n}": f"SKU-{n}" for n in range(1, 5)}
    fake.pay_out(
        "po_1", MAIN, at + 12 * HOUR,
        [("CHARGE", "PA", 2200, 94), ("CHARGE", "PC2", 600, 44), ("CHARGE", "PD", 2500, 103), ("REFUND", "RE", -1100, -47)],
        arrives="2026-11-19",
    )  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PullBench]:
    """The store behind its API, and a home that asks it."""
    fake = FakeSquare(FakeClock(), 0)
    trading(fake)
    made = PullBench(fake, tmp_path, monkeypatch)
    source = made.source.model_copy(update={
        "account": "till", "start_date": date(2026, 11, 17), "connection": {"url": made.server.url, "stores": {MAIN: "S01"}},
    })  # fmt: skip
    made.home.settings = Settings(source=(source, BANK))
    yield made
    made.close()


def sides(pipeline: Pipeline) -> dict[str, tuple[Decimal, Decimal, str]]:
    """The comparisons of the store day: left, right, status."""
    with pipeline.writing("look") as connection:
        rows = connection.execute(
            "select comparison, left_amount, right_amount, status from reconcile.store_days "
            "where store = 'S01' and business_date = '2026-11-18'"
        ).fetchall()
    return {name: (left, right, status) for name, left, right, status in rows}


def books(pipeline: Pipeline) -> dict[str, str]:
    """The ledger's balances in dollars, but those that are zero."""
    found: dict[str, int] = {}
    for posted in pipeline.embedded_ledger.entries():
        for item in posted.entry.lines:
            found[item.account] = found.get(item.account, 0) + item.home_minor
    return {account: f"{Decimal(minor) / 100:.2f}" for account, minor in sorted(found.items()) if minor}


def bank_shows(pipeline: Pipeline, folder: Path, line: str) -> None:
    """The checking account on the 20th."""
    statement = folder / "bank.csv"
    statement.write_text(f"Date,Account,Amount,Currency,Text\n2026-11-20,CHK,{line}\n", encoding="utf-8")
    pipeline.ingest([str(statement)], "bank")


def test_a_store_day_agrees_and_its_payout_foots(bench: PullBench, tmp_path: Path) -> None:
    """Before the offline receipt came the drawer is 8.80 over; afterwards all agrees, from raw alone as well."""
    pipeline = Pipeline(bench.home, "trace-1")
    assert [item.problem for item in bench.pull() if item.problem] == []
    run_line(pipeline)
    cards = Decimal("42.00")
    assert sides(pipeline) == {
        "sales_tenders": (Decimal("56.00"), Decimal("56.00"), "matched"),
        "drawer": (Decimal("6.00"), Decimal("14.80"), "variance"),
        "card_payments": (cards, cards, "matched"),
    }
    (told,) = (row for row in pipeline.exceptions.open() if row.code == "drawer_over_short")
    assert "8.80 USD more" in told.message
    assert "offline" in told.message
    bench.fake.clock.sleep(30 * HOUR)
    assert [item.problem for item in bench.pull() if item.problem] == []
    bank_shows(pipeline, tmp_path, "40.06,USD,SQUARE INC Lpo_1")
    run_line(pipeline)
    assert sides(pipeline) == {
        "sales_tenders": (Decimal("64.80"), Decimal("64.80"), "matched"),
        "drawer": (Decimal("14.80"), Decimal("14.80"), "matched"),
        "card_payments": (cards, cards, "matched"),
    }
    with pipeline.writing("look") as connection:
        assert connection.execute("select count(*) from canonical.rejected_rows").fetchone() == (0,)
        totals = connection.execute(
            "select settlement_id, lines_total, header_total, status from reconcile.settlement_totals"
        ).fetchall()
    assert totals == [(PAYOUT, Decimal("40.06"), Decimal("40.06"), "matched")]
    assert books(pipeline) == BOOKS
    assert [row.code for row in pipeline.exceptions.open()] == []

    digests = read_digests(pipeline)
    forget_warehouse(bench.home)
    rebuilt = Pipeline(bench.home, "trace-2")
    run_line(rebuilt)
    assert read_digests(rebuilt) == digests


def test_a_deposit_that_differs_is_known_by_the_reference_of_the_payout(bench: PullBench, tmp_path: Path) -> None:
    """Square says what the bank will call the payout: its deposit is 1.06 short of 40.06, and not another one's."""
    bench.fake.payouts[0]["end_to_end_id"] = "L2100000005"
    pipeline = Pipeline(bench.home, "trace-1")
    bench.fake.clock.sleep(30 * HOUR)
    assert [item.problem for item in bench.pull() if item.problem] == []
    bank_shows(pipeline, tmp_path, "39.00,USD,SQUARE INC L2100000005 WEB PMT")
    run_line(pipeline)
    with pipeline.writing("look") as connection:
        assert connection.execute("select rule_id, left_id, difference from reconcile.matches").fetchall() == [
            ("settlement_id_in_bank_reference", PAYOUT, Decimal("-1.06"))
        ]
        assert connection.execute("select status, bank_difference from reconcile.settlement_totals").fetchall() == [
            ("variance", Decimal("-1.06"))
        ]
    (problem,) = pipeline.exceptions.open()
    assert (problem.code, problem.subject, problem.amount_minor, problem.currency) == (
        "deposit_differs", PAYOUT, -106, "USD"
    )  # fmt: skip
