"""The Shopify payouts export: what each payout states, found by its id or by its day and currency."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from retail_sync.settings import Source
from retail_sync_tests.connectors.loading_bench import LoadBench
from retail_sync_tests.shopify import PAYOUTS, payouts, transactions

ONE = "2026-09-01 charge #1 50.00 1.75 EUR {id}@2026-09-03"
LISTED = "2026-09-03 paid 50.00 0.00 0.00 0.00 -1.75 0.00 48.25 EUR"
_ids = itertools.count(8001)


class Shop:
    """A shop of its own with its two sources and a payout id nobody else uses."""

    def __init__(self, bench: LoadBench) -> None:
        self.bench = bench
        self.id = str(next(_ids))
        self.account = f"shop {self.id}"

    def payout(self, before: str = "", currency: str = "EUR") -> str:
        """Its payout as the warehouse knows it; `before` is put before the number, as some lines do."""
        return f"shopify/{self.account}/{currency}/{before}{self.id}"

    def source(self, kind: str) -> Source:
        """The source of its transactions or payouts."""
        return Source(name=f"{kind}_{self.id}", connector=f"shopify_{kind}", account=self.account)

    def sell(self, lines: str, **options: Any) -> Any:
        """Deliver transactions; `{id}` is the payout."""
        return self.bench.deliver(transactions(lines.format(id=self.id)), self.source("transactions"), **options)

    def list(self, lines: str, names: Sequence[str] = PAYOUTS, **options: Any) -> Any:
        """Deliver a list of payouts."""
        return self.bench.deliver(payouts(lines.format(id=self.id), names), self.source("payouts"), **options)

    def headers(self) -> list[tuple[Any, ...]]:
        """(id, total, closing day) of its settlements."""
        return self.bench.connection.execute(
            "select settlement_id, total_amount, closing_date from canonical.settlements where account = ? order by 1",
            [self.account],
        ).fetchall()


@pytest.fixture
def shop(bench: LoadBench) -> Shop:
    """A fresh shop."""
    return Shop(bench)


def test_the_list_states_the_total_of_the_payout_of_its_day(shop: Shop) -> None:
    """One payout and one row of that day and currency: they are the same."""
    shop.sell(ONE)
    assert shop.headers() == []
    assert shop.list(LISTED).is_complete
    assert shop.headers() == [(shop.payout(), Decimal("48.25"), date(2026, 9, 3))]


def test_the_list_may_come_first(shop: Shop) -> None:
    """The order of arrival does not matter."""
    shop.list(LISTED)
    assert shop.headers() == []
    shop.sell(ONE)
    assert shop.headers() == [(shop.payout(), Decimal("48.25"), date(2026, 9, 3))]


@pytest.mark.parametrize("status", ["failed", "canceled", "Cancelled"])
def test_a_payout_that_failed_states_no_total(shop: Shop, status: str) -> None:
    """No money is on its way, also where an earlier list said there was."""
    shop.sell(ONE)
    shop.list(LISTED.replace("paid", "in_transit"))
    assert len(shop.headers()) == 1
    shop.list(LISTED.replace("paid", status))
    assert shop.headers() == []


def test_two_payouts_of_one_day_are_not_told_apart(shop: Shop) -> None:
    """Neither two payouts in the payments nor two rows of the list are given a total by guessing."""
    shop.sell(ONE)
    shop.list(f"{LISTED}\n2026-09-03 paid 20.00 0.00 0.00 0.00 0.00 0.00 20.00 EUR")
    assert shop.headers() == []
    shop.list(LISTED)
    assert len(shop.headers()) == 1
    shop.sell("2026-09-02 charge #2 20.00 0.00 EUR 2{id}@2026-09-03")
    assert shop.headers() == []


def test_currencies_of_one_day_are_told_apart(shop: Shop) -> None:
    """Each currency has payouts of its own."""
    shop.sell(ONE + "\n2026-09-02 charge #2 20.00 0.00 USD 2{id}@2026-09-03")
    shop.list(f"{LISTED}\n2026-09-03 paid 20.00 0.00 0.00 0.00 0.00 0.00 20.00 USD")
    assert [row[:2] for row in shop.headers()] == [
        (shop.payout(), Decimal("48.25")),
        (shop.payout("2", "USD"), Decimal("20.00")),
    ]


def test_a_list_with_ids_tells_payouts_of_one_day_apart(shop: Shop) -> None:
    """Where the export has a Payout ID, it decides."""
    shop.sell(ONE + "\n2026-09-02 charge #2 20.00 0.00 EUR 2{id}@2026-09-03")
    shop.list(LISTED + " {id}\n2026-09-03 paid 20.00 0.00 0.00 0.00 0.00 0.00 20.00 EUR 2{id}", [*PAYOUTS, "Payout ID"])
    assert [row[:2] for row in shop.headers()] == [
        (shop.payout("2"), Decimal("20.00")),
        (shop.payout(), Decimal("48.25")),
    ]


def test_a_later_list_corrects_its_days_only(shop: Shop) -> None:
    """The days that a newer list holds are its; the others stay."""
    shop.sell(ONE + "\n2026-09-02 charge #2 20.00 0.00 EUR 2{id}@2026-09-04")
    shop.list(f"{LISTED}\n2026-09-04 scheduled 19.00 0.00 0.00 0.00 0.00 0.00 19.00 EUR")
    shop.list("2026-09-04 paid 20.00 0.00 0.00 0.00 0.00 0.00 20.00 EUR")
    assert [row[1] for row in shop.headers()] == [Decimal("20.00"), Decimal("48.25")]


MOVED = [f"{LISTED.replace('paid', 'scheduled')} {{id}}", f"{LISTED.replace('09-03', '09-04')} {{id}}"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_a_payout_whose_day_moved_the_newest_list_counts(shop: Shop, order: tuple[int, int]) -> None:
    """It stands under both days, and the newer list is right whatever was loaded first; read again nothing changes."""
    shop.sell(ONE)
    for place in (*order, *order):
        shop.list(MOVED[place], [*PAYOUTS, "Payout ID"], order=1_000_000 + place)
    assert shop.headers() == [(shop.payout(), Decimal("48.25"), date(2026, 9, 4))]


def test_a_payout_that_moved_back_counts_once(shop: Shop) -> None:
    """The third list names the day of the first."""
    shop.sell(ONE)
    for line in (*MOVED, MOVED[0].replace("scheduled", "in_transit")):
        shop.list(line, [*PAYOUTS, "Payout ID"])
    assert [row[1:] for row in shop.headers()] == [(Decimal("48.25"), date(2026, 9, 3))]


def test_a_payout_that_moved_and_failed_has_no_total(shop: Shop) -> None:
    """What the older list said of its old day is not taken instead."""
    shop.sell(ONE)
    shop.list(MOVED[0], [*PAYOUTS, "Payout ID"])
    assert len(shop.headers()) == 1
    shop.list(MOVED[1].replace("paid", "failed"), [*PAYOUTS, "Payout ID"])
    assert shop.headers() == []


def test_a_payout_that_one_list_names_twice_is_given_no_total(shop: Shop) -> None:
    """Which of its days is right nobody says."""
    shop.sell(ONE)
    shop.list("\n".join(MOVED), [*PAYOUTS, "Payout ID"])
    assert shop.headers() == []


def test_a_payout_that_moved_away_leaves_its_day_to_the_other(shop: Shop, bench: LoadBench) -> None:
    """A row without an id was one of two on that day, and is the only one now."""
    shop.sell(ONE + "\n2026-09-02 charge #2 20.00 0.00 EUR 2{id}@2026-09-03")
    shop.sell("2026-09-01 charge #1 50.00 1.75 EUR {id}@2026-09-04")
    other = "2026-09-03 paid 20.00 0.00 0.00 0.00 0.00 0.00 20.00 EUR -"
    both = payouts(f"{MOVED[0].format(id=shop.id)}\n{other}", [*PAYOUTS, "Payout ID"])
    bench.deliver(both.replace(b"EUR,-", b"EUR,"), shop.source("payouts"))
    assert shop.headers() == [(shop.payout(), Decimal("48.25"), date(2026, 9, 3))]
    shop.list(MOVED[1], [*PAYOUTS, "Payout ID"])
    assert [row[1:] for row in shop.headers()] == [
        (Decimal("20.00"), date(2026, 9, 3)),
        (Decimal("48.25"), date(2026, 9, 4)),
    ]


def test_another_shops_list_says_nothing(shop: Shop, bench: LoadBench) -> None:
    """Two sources belong together by their account."""
    shop.sell(ONE)
    Shop(bench).list(LISTED)
    assert shop.headers() == []


def test_fees_may_be_listed_without_a_sign(shop: Shop, bench: LoadBench) -> None:
    """Copies of the export differ in the sign of Fees: the one that makes the total is taken."""
    shop.sell(ONE)
    assert shop.list(LISTED.replace("-1.75", "1.75")).rejected_count == 0
    fees = bench.connection.execute("select fees_amount from canonical.payouts where account = ?", [shop.account])
    assert fees.fetchall() == [(Decimal("-1.75"),)]


def test_more_parts_count_into_the_total(shop: Shop) -> None:
    """Marketplace tax and advances, where the export has them, are parts of the payout."""
    shop.sell(ONE)
    document = shop.list(
        LISTED.replace("48.25", "41.25") + " -2.00 -5.00", [*PAYOUTS, "Marketplace Sales Tax", "Advances"]
    )
    assert document.rejected_count == 0
    assert [row[1] for row in shop.headers()] == [Decimal("41.25")]


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (LISTED.replace("48.25", "48.26"), "total_amount", "is not the sum of its parts, which is 48.25"),
        (LISTED.replace("paid", "lost"), "status", "is not one of the allowed values"),
        (LISTED.replace("2026-09-03", "03/09/2026"), "payout_date", "cannot be read as a day"),
    ],
)
def test_a_damaged_row_is_rejected(shop: Shop, bench: LoadBench, line: str, column: str, reason: str) -> None:
    """A total that its own parts do not make is not used."""
    shop.sell(ONE)
    document = shop.list(line)
    assert [(where, reason in why) for _, where, _, why in bench.rejected(document)] == [(column, True)]
    assert shop.headers() == []


def test_days_that_another_source_has(shop: Shop, bench: LoadBench) -> None:
    """Payouts by their day and movements by theirs, what is wrong with them included."""
    source = shop.source("payouts").model_copy(update={"until": date(2026, 9, 3)})
    later = LISTED.replace("48.25", "48.26")
    document = bench.deliver(payouts(f"{LISTED.replace('09-03', '09-02')}\n{later}"), source)
    assert (document.accepted_count, document.rejected_count) == (1, 0)

    source = shop.source("transactions").model_copy(update={"until": date(2026, 9, 2)})
    lines = "2026-09-01 charge #1 50.00 1.75 EUR 7@2026-09-03\n2026-09-02 charge #2 50.00 1.75 EUR 7@2026-09-03"
    assert bench.deliver(transactions(lines), source).accepted_count == 1
