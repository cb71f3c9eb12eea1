"""Payouts of one number: two shops, a card processor and a marketplace may count alike, and a list may count by currency.

Each is a payout of its own, whichever came first. Every figure is worked by hand from the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import permutations
from pathlib import Path

import pytest

from retail_sync.settings import Home
from retail_sync_tests.e2e.line import (
    booked,
    digest,
    drop,
    empty_inbox,
    findings,
    forget_warehouse,
    hourly,
    new_home,
    nightly,
    opened,
    problems,
)
from retail_sync_tests.reconcile.files import bank_statement, settlement
from retail_sync_tests.shopify import payouts, transactions
from retail_sync_tests.simulator import write_v2

pytestmark = pytest.mark.long

SHOPS = "".join(
    f"""
[[source]]
name = "{shop}_{kind}"
connector = "shopify_{kind}"
account = "{shop}"
"""
    for shop in ("north", "south")
    for kind in ("transactions", "payouts")
)
PROCESSOR = """
[[source]]
name = "square"
connector = "declared_csv"
object = "payments"
account = "till"
date_format = "%Y-%m-%d %H:%M"

[source.columns]
channel = "=square"
payment_id = "Payment"
kind = "=charge"
order_id = "Receipt"
paid_at = "Created"
currency = "Currency"
gross_amount = "Gross"
fee_amount = "Fee"
payout_id = "Payout"
payout_date = "Paid out"

[[source]]
name = "square_payouts"
connector = "declared_csv"
object = "payouts"
account = "till"
date_format = "%Y-%m-%d"

[source.columns]
channel = "=square"
payout_id = "Payout"
payout_date = "Paid out"
currency = "Currency"
total_amount = "Net"
"""
# All are number 1001: of the northern shop (100.00 less 3.00), the southern shop (50.00 less 2.00), of the processor in dollars
# (20.00 less 0.50) and in euros (30.00 less 1.00).
NORTH, SOUTH = "shopify/north/USD/1001", "shopify/south/EUR/1001"
DOLLARS, EUROS = "square/till/USD/1001", "square/till/EUR/1001"
FILES = {
    "north_transactions/october.csv": transactions("2026-10-20 charge #1 100.00 3.00 USD 1001@2026-10-22"),
    "north_payouts/october.csv": payouts("2026-10-22 paid 100.00 0.00 0.00 0.00 -3.00 0.00 97.00 USD"),
    "south_transactions/october.csv": transactions("2026-10-21 charge #2 50.00 2.00 EUR 1001@2026-10-26"),
    "south_payouts/october.csv": payouts("2026-10-26 paid 50.00 0.00 0.00 0.00 -2.00 0.00 48.00 EUR"),
    "square/october.csv": b"Payment,Receipt,Created,Currency,Gross,Fee,Payout,Paid out\n"
    b"P1,R1,2026-10-19 12:00,USD,20.00,0.50,1001,2026-10-21\n"
    b"P2,R2,2026-10-19 12:00,EUR,30.00,1.00,1001,2026-10-21\n",
    "square_payouts/october.csv": b"Payout,Paid out,Currency,Net\n1001,2026-10-21,USD,19.50\n1001,2026-10-21,EUR,29.00\n",
    "bank/october.csv": bank_statement(
        "2026-10-23 97.00 USD SHOPIFY\n2026-10-27 48.00 EUR SHOPIFY\n"
        "2026-10-22 19.50 USD SQUARE INC\n2026-10-22 29.00 EUR SQUARE INC\n"
        "2026-10-28 -80.00 USD RENT\n2026-10-28 -80.00 EUR RENT"
    ),
}
VERDICTS = [
    (NORTH, "USD", "2026-10-22", "97.00", "97.00", "97.00", "matched"),
    (SOUTH, "EUR", "2026-10-26", "48.00", "48.00", "48.00", "matched"),
    (DOLLARS, "USD", "2026-10-21", "19.50", "19.50", "19.50", "matched"),
    (EUROS, "EUR", "2026-10-21", "29.00", "29.00", "29.00", "matched"),
]
KEYS = sorted(
    f"{payout.split('/')[0]}:{kind}"
    for payout in (NORTH, SOUTH, DOLLARS, EUROS)
    for kind in (f"settlement:{payout}:2026-10#1", f"deposit:{payout}#1")
)


def company(root: Path, *steps: Mapping[str, bytes]) -> Home:
    """A home of all four, with an hourly run after each step."""
    home = new_home(root / "home", SHOPS + PROCESSOR)
    for files in steps:
        drop(home, files)
        hourly(home)
    return home


def verdicts(home: Home) -> list[tuple[str, ...]]:
    """(payout, currency, closing day, stated, lines, bank, status) of every payout."""
    with opened(home).warehouse.reading() as connection:
        rows = connection.execute(
            "select settlement_id, currency, closing_date, header_total, lines_total, bank_amount, status "
            "from reconcile.settlement_totals where channel <> 'amazon'"
        ).fetchall()
    return sorted((name, c, str(day), *(f"{amount:.2f}" for amount in money), s) for name, c, day, *money, s in rows)


def of(files: Iterable[str]) -> dict[str, bytes]:
    """These files, by the beginnings of their names."""
    starts = tuple(files)
    return {name: content for name, content in FILES.items() if name.startswith(starts)}


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All files, one nightly run."""
    home = company(tmp_path_factory.mktemp("payouts"))
    drop(home, FILES)
    nightly(home)
    return home


def test_each_has_its_own_verdict_entry_and_deposit(at_once: Home) -> None:
    """Two shops, and two currencies of one account: none is added to another."""
    assert verdicts(at_once) == sorted(VERDICTS)
    assert booked(at_once) == KEYS
    assert (problems(at_once), findings(at_once)) == ([], [])
    balances = {
        (b.account, b.transaction_currency): b.transaction_minor
        for b in opened(at_once).ledger.balances()
        if b.account in ("1000", "1120", "6200")
    }
    assert {key: minor for key, minor in balances.items() if minor} == {
        ("1000", "USD"): 9700 + 1950,
        ("1000", "EUR"): 4800 + 2900,
        ("6200", "USD"): 300 + 50,
        ("6200", "EUR"): 200 + 100,
    }


@pytest.mark.parametrize("order", list(permutations(("north", "south", "square"))), ids="-".join)
def test_whichever_is_posted_first(at_once: Home, tmp_path: Path, order: tuple[str, ...]) -> None:
    """The first is posted before anybody knows of the others, and nothing of it is taken back."""
    home = company(tmp_path, of((order[0], "bank")))
    first = booked(home)
    assert first
    for name in order[1:]:
        drop(home, of((name,)))
        hourly(home)
    assert set(first) < set(booked(home)) == set(KEYS)
    assert digest(home) == digest(at_once)


@pytest.mark.parametrize("names", [sorted(FILES), sorted(FILES, reverse=True)], ids=["forwards", "backwards"])
def test_file_by_file(at_once: Home, tmp_path: Path, names: list[str]) -> None:
    """Payments before their list or after it, the bank first or last; and read again from raw."""
    home = company(tmp_path, *({name: FILES[name]} for name in names))
    assert digest(home) == digest(at_once)
    empty_inbox(home)
    forget_warehouse(home)
    nightly(home)
    assert (digest(home), booked(home)) == (digest(at_once), KEYS)


def test_a_settlement_may_have_the_number_of_a_payout(tmp_path: Path) -> None:
    """Amazon's file is a document of its own: neither hides the other, whichever comes first."""
    file = {"amazon/1001.txt": write_v2(settlement("1001", "2026-10-01 2026-10-15 2026-10-17", "sale 12.00"))}
    homes = [company(tmp_path / "after", FILES, file), company(tmp_path / "before", file, FILES)]
    for home in homes:
        assert set(booked(home)) == {"amazon:settlement:1001:2026-10#1", *KEYS}
        assert verdicts(home) == sorted(VERDICTS)
    assert digest(homes[0]) == digest(homes[1])


def test_a_bank_line_that_names_the_number_is_that_of_its_payer_and_currency(tmp_path: Path) -> None:
    """Each deposit is 1.00 short, so that nothing but the number in its text tells whose it is."""
    files = {name: content.replace(b"1001", b"70000001") for name, content in FILES.items()}
    files["bank/october.csv"] = bank_statement(
        "2026-10-23 96.00 USD SHOPIFY 70000001\n2026-10-27 47.00 EUR SHOPIFY 70000001\n"
        "2026-10-22 18.50 USD SQUARE INC 70000001\n2026-10-22 28.00 EUR SQUARE INC 70000001"
    )
    home = company(tmp_path, files)
    assert [(row[0].replace("70000001", "1001"), row[5], row[6]) for row in verdicts(home)] == [
        (NORTH, "96.00", "variance"),
        (SOUTH, "47.00", "variance"),
        (EUROS, "28.00", "variance"),
        (DOLLARS, "18.50", "variance"),
    ]
