"""Gift cards issued and expired: worked examples G1 and G2 from a raw card report to the ledger, and what is not booked.

The report is written as a shop exports it and goes through a declared source. A debit is positive, in minor units.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from retail_sync.pipeline import Pipeline
from retail_sync.schemas.tables import TABLES
from retail_sync.settings import Home
from retail_sync_tests.conftest import run_line
from retail_sync_tests.e2e.line import forget_warehouse
from retail_sync_tests.reconcile.facts import own_rules
from retail_sync_tests.reconcile.test_store_days import D1, DAY, SOURCES, booked, deliver, problems

CARDS = """
[[source]]
name = "cards"
connector = "declared_csv"
object = "gift_card_events"
date_format = "%Y-%m-%d %H:%M"
time_zone = "America/New_York"
[source.columns]
channel = "=web"
event_id = "Event"
gift_card_number = "Card"
kind = {from = "Type", values = {sale = "sold", redemption = "redeemed", issue = "issued", expiry = "expired"}}
occurred_at = "Time"
amount = "Amount"
currency = "Currency"
"""
HEADER = "Event,Card,Type,Time,Amount,Currency"
# A goodwill card of 25.00 in the evening of 20 October in New York, and 40.00 that lapse at the end of the year.
ISSUED = "E1,6006491277001234,issue,2026-10-20 22:30,25.00,USD"
EXPIRED = "E2,6006491277005678,expiry,2026-12-31 23:59,-40.00,USD"
G1 = {"6300": 2500, "2300": -2500}
G2 = {"2300": 4000, "4910": -4000}
G1_KEY, G2_KEY = "gift_cards:web:2026-10-20:USD", "gift_cards:web:2026-12-31:USD"


def test_the_restated_examples_are_those_of_the_reference(samples: Path) -> None:
    """A slip in restating would prove nothing."""
    shared = json.loads((samples / "ledgers" / "worked_examples.json").read_text(encoding="utf-8"))
    by_id = {e["id"]: (e["date"], {line["account"][:4]: line["minor"] for line in e["lines"]}) for e in shared}
    assert (by_id["G1"], by_id["G2"]) == (("2026-10-20", G1), ("2026-12-31", G2))


def home_with(make_home: Callable[..., Home], *lines: str, settings: str = CARDS, extra: str = "") -> Pipeline:
    """A home whose card report was delivered and run once."""
    pipeline = Pipeline(make_home(settings=settings, extra=extra), "test")
    deliver(pipeline, {"cards": (HEADER, *lines)})
    run_line(pipeline)
    return pipeline


def counters(wanted: dict[str, dict[str, int]]) -> dict[str, Counter[str]]:
    """Entries as `booked` gives them."""
    return {key: Counter(legs) for key, legs in wanted.items()}


def test_worked_examples_g1_and_g2(make_home: Callable[..., Home]) -> None:
    """Goodwill is an expense, breakage an income, on the local day of the event; both against what is owed to holders."""
    pipeline = home_with(make_home, ISSUED, EXPIRED)
    assert booked(pipeline) == counters({G1_KEY: G1, G2_KEY: G2})
    assert problems(pipeline) == []
    days = {posted.entry.key: str(posted.entry.posting_date) for posted in pipeline.embedded_ledger.entries()}
    assert days == {f"{G1_KEY}#1": "2026-10-20", f"{G2_KEY}#1": "2026-12-31"}


def test_every_leg_leads_to_the_lines_of_the_report(make_home: Callable[..., Home]) -> None:
    """Two cards of 25.00 and 5.00 on one day are one entry; both lines stand under each of its legs."""
    pipeline = home_with(make_home, ISSUED, "E3,6006491277009999,issue,2026-10-20 09:00,5.00,USD")
    with pipeline.warehouse.reading() as connection:
        rows = connection.execute(
            "select account, home_minor, list(file_line_no order by file_line_no), cast(sum(amount) * 100 as bigint) "
            "from journal.line_sources group by entry_key, entry_line_no, account, home_minor order by account"
        ).fetchall()
    assert rows == [("2300", -3000, [2, 3], -3000), ("6300", 3000, [2, 3], 3000)]


@pytest.mark.long
def test_sold_and_redeemed_are_booked_by_the_tills_alone(make_home: Callable[..., Home]) -> None:
    """Worked example D1 sells 200.00 of cards and takes 150.00 of them; a card report that tells both again adds nothing."""
    pipeline = home_with(
        make_home,
        "E1,6006491277001234,sale,2026-10-14 10:00,200.00,USD",
        "E2,6006491277005678,redemption,2026-10-14 10:00,-150.00,USD",
        settings=SOURCES + CARDS,
    )
    assert booked(pipeline) == {}
    deliver(pipeline, DAY)
    run_line(pipeline)
    assert booked(pipeline) == counters({"pos:store-day:7:2026-10-14:USD": D1})
    assert problems(pipeline) == []
    with pipeline.warehouse.reading() as connection:
        kept = connection.execute("select kind, amount from canonical.gift_card_events order by kind").fetchall()
    assert [(kind, int(amount)) for kind, amount in kept] == [("redeemed", -150), ("sold", 200)]


@pytest.mark.long
def test_a_corrected_report_reverses_and_books_anew(make_home: Callable[..., Home]) -> None:
    """The card was of 20.00, and nothing had lapsed: 25.00 and 40.00 are reversed, 20.00 is version 2. Again: nothing."""
    pipeline = home_with(make_home, ISSUED, EXPIRED)
    corrected = (
        "E1,6006491277001234,issue,2026-10-20 22:30,20.00,USD",
        "E2,6006491277005678,expiry,2026-12-31 23:59,0.00,USD",
    )
    deliver(pipeline, {"cards": (HEADER, *corrected)}, "corrected")
    for _ in range(2):
        run_line(pipeline)
        assert booked(pipeline) == counters({G1_KEY: {"6300": 2000, "2300": -2000}, G2_KEY: {}})
        assert sorted(posted.entry.key for posted in pipeline.embedded_ledger.entries()) == [
            f"{G1_KEY}#1", f"{G1_KEY}#1R", f"{G1_KEY}#2", f"{G2_KEY}#1", f"{G2_KEY}#1R",
        ]  # fmt: skip


@pytest.mark.long
def test_an_event_that_moves_to_another_day_leaves_its_day_empty(make_home: Callable[..., Home]) -> None:
    """The first day's document loses its only event: its entry is taken back."""
    pipeline = home_with(make_home, ISSUED)
    deliver(pipeline, {"cards": (HEADER, ISSUED.replace("10-20 22:30", "10-21 08:00"))}, "corrected")
    run_line(pipeline)
    assert booked(pipeline) == counters({G1_KEY: {}, "gift_cards:web:2026-10-21:USD": G1})


@pytest.mark.long
def test_a_rebuilt_warehouse_takes_back_what_moved_meanwhile(make_home: Callable[..., Home]) -> None:
    """The correction comes, and the warehouse is lost before it is read: the books end the same."""
    pipeline = home_with(make_home, ISSUED)
    deliver(pipeline, {"cards": (HEADER, ISSUED.replace("10-20 22:30", "10-21 08:00"))}, "corrected")
    forget_warehouse(pipeline.home)
    again = Pipeline(Home(pipeline.home.root), "test")
    run_line(again)
    assert booked(again) == counters({G1_KEY: {}, "gift_cards:web:2026-10-21:USD": G1})


WRONG_SIGNS = {
    "issued": "E9,1,issue,2026-10-20 12:00,-25.00,USD",
    "sold": "E10,1,sale,2026-10-20 12:00,-25.00,USD",
    "expired": "E11,1,expiry,2026-10-20 12:00,40.00,USD",
    "redeemed": "E12,1,redemption,2026-10-20 12:00,40.00,USD",
}


def test_a_sign_that_contradicts_its_kind_rejects_the_row(make_home: Callable[..., Home]) -> None:
    """It is named and never turned round: an issue of -25.00 may be a card taken back, or a report with other signs."""
    pipeline = home_with(make_home, *WRONG_SIGNS.values(), EXPIRED)
    assert booked(pipeline) == counters({G2_KEY: G2})
    with pipeline.warehouse.reading() as connection:
        rejected = connection.execute(
            "select line_no, column_name, value, reason from canonical.rejected_rows order by line_no"
        ).fetchall()
    assert [row[:3] for row in rejected] == [
        (line_no, "amount", row.split(",")[4]) for line_no, row in enumerate(WRONG_SIGNS.values(), 2)
    ]
    assert all("contradicts its kind" in reason for *_, reason in rejected)
    assert [code for code, _ in problems(pipeline)] == ["delivery_rows_rejected"]


def test_no_number_of_a_card_is_kept(make_home: Callable[..., Home]) -> None:
    """It is money. Neither rows nor rejected rows hold it, not even a line that could not be split."""
    cut = "E7,6006491277000007,issue,2026-10-20 12:00"
    pipeline = home_with(make_home, ISSUED, "E8,6006491277000008,issue,2026-10-20 12:00,-1.00,USD", cut)
    with pipeline.warehouse.reading() as connection:
        texts = [str(connection.execute(f"from {table.qualified}").fetchall()) for table in TABLES]
        ((cards, lines),) = connection.execute(
            "select count(distinct card_id), (select count(*) from canonical.rejected_rows) from canonical.gift_card_events"
        ).fetchall()
    assert [text for text in texts if "6006491277" in text] == []
    assert (cards, lines) == (1, 2)
    assert all("6006491277" not in row.message for row in pipeline.exceptions.open())


def test_another_currency_than_that_of_the_books_is_held(make_home: Callable[..., Home]) -> None:
    """As goods are: without a rate there is no home amount."""
    pipeline = home_with(make_home, ISSUED, EXPIRED.replace("USD", "EUR"), extra='home_currency = "USD"')
    assert booked(pipeline) == counters({G1_KEY: G1})
    assert problems(pipeline) == [("no_exchange_rate", "gift_cards:web|2026-12-31")]


def test_own_rules_without_an_account_hold_the_day(make_home: Callable[..., Home]) -> None:
    """A home with governed files of its own is told which account is missing; the rest of its books goes on."""
    home = make_home(settings=CARDS)
    own_rules(home.root / "rules", "posting_rules", {"category": "gift_cards_issued"}, category="gift_cards_given")
    pipeline = Pipeline(home, "test")
    deliver(pipeline, {"cards": (HEADER, ISSUED, EXPIRED)})
    run_line(pipeline)
    assert booked(pipeline) == counters({G2_KEY: G2})
    assert problems(pipeline) == [("account_unknown", "gift_cards:web|2026-10-20")]
