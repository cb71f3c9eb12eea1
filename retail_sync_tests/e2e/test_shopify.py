"""A Shopify shop from its exports to the verified ledger: what a payout is made of, what it clears, what the bank got.

Worked by hand after examples K2 and K4 of reference/ledgers.md section 6: a payout clears the storefront receivable of its
orders, less fees.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import permutations
from pathlib import Path

import pytest

from retail_sync.reports.status import Status, read_status
from retail_sync.settings import Home
from retail_sync_tests.e2e.line import (
    booked,
    copied,
    digest,
    drop,
    empty_inbox,
    findings,
    forget_warehouse,
    hourly,
    month_end,
    new_home,
    nightly,
    opened,
    problems,
    states,
)
from retail_sync_tests.reconcile.files import bank_statement
from retail_sync_tests.shopify import payouts, transactions

SOURCES = """
[[source]]
name = "sales"
connector = "shopify_transactions"
account = "my shop"

[[source]]
name = "payouts"
connector = "shopify_payouts"
account = "my shop"
"""
# Order 5001 for 118.80 less 3.75 fee, and 20.00 given back on order 4999: 95.05 is paid out. Order 5002 is pending.
SALES = transactions("""
    2026-10-20 charge #5001 118.80 3.75 USD 700000000077@2026-10-22
    2026-10-21 refund #4999 -20.00 0.00 USD 700000000077@2026-10-22
    2026-10-23 charge #5002 59.40 2.02 USD
""")
LIST = payouts("2026-10-22 paid 118.80 -20.00 0.00 0.00 -3.75 0.00 95.05 USD")
BANK = bank_statement("2026-10-23 95.05 USD SHOPIFY PAYMENTS\n2026-10-24 -80.00 USD RENT")
FILES = {"sales/october.csv": SALES, "payouts/october.csv": LIST, "bank/october.csv": BANK}
PAYOUT = "shopify/my shop/USD/700000000077"


def shop(root: Path, files: Mapping[str, bytes] | None = None) -> Home:
    """A home of the shop; with files, after one nightly run."""
    home = new_home(root / "home", SOURCES)
    if files:
        drop(home, files)
        nightly(home)
    return home


def verdict(home: Home) -> list[tuple[object, ...]]:
    """(payout, header, lines, bank, status) of every settlement."""
    with opened(home).warehouse.reading() as connection:
        return connection.execute(
            "select settlement_id, header_total, lines_total, bank_amount, status from reconcile.settlement_totals order by 1"
        ).fetchall()


def read_status_of(home: Home) -> Status:
    """What `retail-sync status` shows."""
    pipeline = opened(home)
    with pipeline.warehouse.reading() as connection:
        return read_status(connection, pipeline.operations, pipeline.break_kinds, date(2026, 11, 26))


def held(home: Home) -> list[tuple[object, ...]]:
    """(code, reason, day, currency and cents at stake, closing day of its verdict) of every held payout."""
    with opened(home).warehouse.reading() as connection:
        return connection.execute(
            "select held_code, held_reason, cast(since_date as varchar), d.currency, value_minor, cast(closing_date as varchar) "
            "from journal.documents as d join reconcile.settlement_totals on settlement_id = document_id "
            "where d.status = 'held' order by document_id"
        ).fetchall()


def entries(home: Home) -> dict[str, dict[str, int]]:
    """Cents by account of every entry in the ledger."""
    return {
        posted.entry.key: {line.account: line.home_minor for line in posted.entry.lines}
        for posted in opened(home).embedded_ledger.entries()
    }


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All files, one nightly run (look or copy, do not touch)."""
    home = shop(tmp_path_factory.mktemp("shop"), FILES)
    empty_inbox(home)  # all is in the archive now; a copy would take its files in a second time
    return home


def test_a_payout_that_foots_and_arrived_is_matched(books: Home) -> None:
    """118.80 - 3.75 - 20.00 = 95.05 = the list = the bank."""
    [(payout, header, lines, bank, status)] = verdict(books)
    assert (payout, str(header), str(lines), str(bank), status) == (PAYOUT, "95.0500", "95.0500", "95.0500", "matched")
    assert problems(books) == []


def test_the_payout_clears_the_receivable_less_fees(books: Home) -> None:
    """Dr in transit 95.05, fees 3.75 / Cr receivable 118.80 - 20.00; then the deposit takes it out of transit."""
    assert booked(books) == [f"shopify:deposit:{PAYOUT}#1", f"shopify:settlement:{PAYOUT}:2026-10#1"]
    with opened(books).warehouse.reading() as connection:
        legs = connection.execute(
            "select account, category, home_minor from journal.lines where role = 'component' order by 2"
        )
        assert legs.fetchall() == [
            ("1115", "order_payments", -11880),
            ("1115", "order_refunds", 2000),
            ("6200", "payment_fee", 375),
        ]
    balances = {b.account: b.home_minor for b in opened(books).ledger.balances() if b.home_minor}
    assert balances == {"1000": 9505, "1115": -9880, "6200": 375}


def test_its_entries_are_posted_and_verified(books: Home) -> None:
    """Two entries, read back; the ledger is whole; from each leg the row of the export can be found."""
    assert states(books) == {"verified": 2}
    assert findings(books) == []
    with opened(books).warehouse.reading() as connection:
        rows = connection.execute(
            "select account, file_line_no, component, order_id from journal.line_sources order by all"
        ).fetchall()
    assert rows == [
        ("1115", 2, "amount", "#5001"),
        ("1115", 3, "amount", "#4999"),
        ("6200", 2, "fee", "#5001"),
    ]


@pytest.mark.long
@pytest.mark.parametrize("order", list(permutations(FILES)), ids=lambda names: " ".join(n.split("/")[0] for n in names))
def test_any_order_of_arrival_ends_in_the_same_books(books: Home, tmp_path: Path, order: tuple[str, ...]) -> None:
    """An hourly run after each file, in any order, ends where one nightly run ended."""
    home = shop(tmp_path)
    for name in order:
        drop(home, {name: FILES[name]})
        hourly(home)
    assert digest(home) == digest(books)


@pytest.mark.long
def test_a_lost_export_that_comes_again_counts_as_it_does_in_a_rebuild(tmp_path: Path) -> None:
    """The export with the payout was lost before it was read; one made before the payout is read; then it is found again."""
    home = shop(tmp_path)
    drop(home, {"sales/paid.csv": SALES})
    opened(home).receive_inbox()
    for path in (home.state / "raw").rglob("*.zst"):
        path.unlink()
    empty_inbox(home)
    pending = transactions("2026-10-20 charge #5001 118.80 3.75 USD\n2026-10-24 charge #5003 10.00 0.30 USD")
    drop(home, {"sales/pending.csv": pending, "payouts/october.csv": LIST, "bank/october.csv": BANK})
    nightly(home)
    assert ("delivery_refused", "sales/paid.csv") in problems(home)
    drop(home, {"sales/paid.csv": SALES})
    nightly(home)
    assert [(row[0], row[-1]) for row in verdict(home)] == [(PAYOUT, "matched")]
    assert problems(home) == []
    before = digest(home)
    forget_warehouse(home)
    nightly(home)
    assert digest(home) == before


@pytest.mark.long
def test_a_rebuilt_warehouse_and_a_backfill_give_the_same(books: Home, tmp_path: Path) -> None:
    """Deleted and read again from raw, or October run again: nothing changes."""
    home = copied(books, tmp_path / "home")
    before, keys = digest(home), booked(home)
    month_end(home, "2026-10-01", "2026-10-31")
    assert (digest(home), booked(home)) == (before, keys)
    empty_inbox(home)
    forget_warehouse(home)
    nightly(home)
    assert (digest(home), booked(home)) == (before, keys)


def test_without_a_list_of_payouts_the_entry_is_held(tmp_path: Path) -> None:
    """Payments alone do not prove that they are all; the remedy says what proves it."""
    home = shop(tmp_path, {name: FILES[name] for name in FILES if not name.startswith("payouts")})
    assert [row[4] for row in verdict(home)] == ["right_only", "left_only"]
    assert ("settlement_header_missing", PAYOUT) in problems(home)
    told = next(row for row in opened(home).exceptions.open() if row.code == "settlement_header_missing")
    assert "its payments sum to 95.05" in told.message
    assert "deliver the payouts export" in told.remedy
    assert told.since_date == "2026-10-22"
    reason = "it is in no list of payouts"
    assert held(home) == [("settlement_header_missing", reason, "2026-10-22", "USD", 9505, "2026-10-22")]
    assert booked(home) == []


def test_a_list_without_payments_says_what_is_missing(tmp_path: Path) -> None:
    """Nobody knows yet which payout it is."""
    home = shop(tmp_path, {"payouts/october.csv": LIST})
    assert problems(home) == [("payout_transactions_missing", "my shop 2026-10-22 USD")]
    assert opened(home).exceptions.open()[0].remedy.startswith("deliver the transactions export of that payout")
    drop(home, {"sales/october.csv": SALES})
    hourly(home)
    assert problems(home) == []


@pytest.mark.long
def test_a_failed_payout_is_told_and_held(tmp_path: Path) -> None:
    """What failed is not awaited at the bank. Document, verdict and exception name the payout's day and amount."""
    home = shop(tmp_path, {"sales/october.csv": SALES, "payouts/october.csv": LIST.replace(b",paid,", b",failed,")})
    assert problems(home) == [("payout_failed", PAYOUT)]
    [told] = opened(home).exceptions.open()
    assert "is listed as failed: no money is on its way" in told.message
    assert (told.since_date, told.amount_minor) == ("2026-10-22", 9505)
    reason = "it is listed as failed: no money is on its way"
    assert held(home) == [("payout_failed", reason, "2026-10-22", "USD", 9505, "2026-10-22")]
    assert booked(home) == []
    status = read_status_of(home)
    assert [(row["held for"], row["value"]) for row in status.held] == [("payout failed", "95.05 USD")]
    assert [(row["verdict"], row["stated total"]) for row in status.verdicts] == [("left_only", "")]
    # Shopify tries again and the list says so: the payout is booked.
    drop(home, {"payouts/again.csv": LIST})
    hourly(home)
    assert (held(home), problems(home)) == ([], [])
    assert booked(home) == [f"shopify:settlement:{PAYOUT}:2026-10#1"]


def test_its_problems_are_told_in_the_words_of_a_shop(tmp_path: Path) -> None:
    """A payment is missing, the payout does not arrive, another one arrives: nobody is sent to look for a settlement file."""
    listed = payouts("2026-10-22 paid 128.80 -20.00 0.00 0.00 -3.75 0.00 105.05 USD")
    bank = bank_statement("2026-11-19 33.00 USD SHOPIFY PAYMENTS\n2026-11-20 -80.00 USD RENT")
    home = shop(tmp_path, {"sales/october.csv": SALES, "payouts/october.csv": listed, "bank/november.csv": bank})
    told = {row.code: (row.message, row.remedy) for row in opened(home).exceptions.open()}
    message, remedy = told.pop("settlement_does_not_foot")
    assert message == f"The lines of payout {PAYOUT} sum to 10.00 USD less than its total. Its entry is held."
    assert remedy.startswith("deliver the transactions export of that payout again")
    message, remedy = told.pop("deposit_overdue")
    assert (
        message
        == f"Payout {PAYOUT} of 105.05 USD, due 2026-10-22, is not in the bank; the statement reaches 2026-11-20."
    )
    assert remedy.startswith("ask Shopify for the transfer")
    message, remedy = told.pop("deposit_unexplained")
    assert message.endswith("and no payout explains it.")
    assert remedy == "deliver the transactions export and the payouts export of that period"
    assert told == {}


def test_two_payouts_of_a_day_are_held_until_ids_tell(tmp_path: Path) -> None:
    """The exception names both; nothing is given by guessing."""
    second_payout = PAYOUT.replace("77", "78")
    second = transactions("2026-10-21 charge #5003 10.00 0.00 USD 700000000078@2026-10-22")
    home = shop(tmp_path, FILES | {"sales/second.csv": second})
    ambiguous = [row for row in opened(home).exceptions.open() if row.code == "payout_ambiguous"]
    assert {row.subject for row in ambiguous} == {PAYOUT, second_payout}
    assert all(f"the payments name {PAYOUT}, {second_payout} of" in row.message for row in ambiguous)
    reason = "which total in the list of payouts is its cannot be told"
    assert held(home) == [
        ("payout_ambiguous", reason, "2026-10-22", "USD", cents, "2026-10-22") for cents in (9505, 1000)
    ]
    assert booked(home) == []


@pytest.mark.long
def test_pending_money_is_booked_when_it_is_paid_out(books: Home, tmp_path: Path) -> None:
    """November's export shows order 5002 again, now in a payout: it is booked once, and October stays as it was."""
    home = copied(books, tmp_path / "home")
    october = entries(home)
    later = {
        "sales/november.csv": transactions("2026-10-23 charge #5002 59.40 2.02 USD 700000000079@2026-11-02"),
        "payouts/november.csv": payouts("2026-11-02 paid 59.40 0.00 0.00 0.00 -2.02 0.00 57.38 USD"),
    }
    drop(home, later)
    nightly(home)
    after = entries(home)
    assert {key: after[key] for key in october} == october
    november = PAYOUT.replace("77", "79")
    # The sale is of October, the payout of November: October parks what it is owed, November takes it over.
    assert {key: lines for key, lines in after.items() if key not in october} == {
        f"shopify:settlement:{november}:2026-10#1": {"1115": -5940, "6200": 202, "1140": 5738},
        f"shopify:settlement:{november}:2026-11#1": {"1140": -5738, "1120": 5738},
    }
    assert findings(home) == []


def test_the_real_payout_is_booked_over_its_two_months(samples: Path, tmp_path: Path) -> None:
    """The real excerpt: five charges of August and a refund, paid out on 1 September. The list and the bank are constructed.

    By hand: 988.21 + 893.73 + 857.93 + 870.00 + 1153.50 = 4763.37 charged, 1598.70 given back, fees
    57.68 + 52.28 + 23.57 + 23.89 + 31.33 = 188.75; 4763.37 - 1598.70 - 188.75 = 2975.92.
    """
    export = (samples / "shopify" / "payment_transactions_export_excerpt.csv").read_bytes()
    listed = payouts("2026-09-01 paid 4763.37 -1598.70 0.00 0.00 -188.75 0.00 2975.92 AED")
    bank = bank_statement("2026-09-02 2975.92 AED SHOPIFY 148156579998")
    home = shop(tmp_path, {"sales/real.csv": export, "payouts/list.csv": listed, "bank/statement.csv": bank})
    assert [row[4] for row in verdict(home)] == ["matched"]
    payout = "shopify/my shop/AED/148156579998"
    august, september = (f"shopify:settlement:{payout}:2026-{month}#1" for month in ("08", "09"))
    found = entries(home)
    assert (found[august]["6200"], found[august]["1140"]) == (18875, 297592)
    assert found[september] == {"1140": -297592, "1120": 297592}
    assert found[f"shopify:deposit:{payout}#1"] == {"1000": 297592, "1120": -297592}
    balances = {b.account: b.home_minor for b in opened(home).ledger.balances() if b.home_minor}
    assert balances == {"1000": 297592, "6200": 18875, "1115": 159870 - 476337}
    assert (states(home), problems(home), findings(home)) == ({"verified": 3}, [], [])


@pytest.mark.long
def test_a_corrected_payout_is_reversed_and_booked_anew(tmp_path: Path) -> None:
    """A row that was missing in both exports comes later: its facts changed, so the entry is corrected by itself."""
    home = shop(tmp_path, {name: FILES[name] for name in FILES if not name.startswith("bank")})
    fixed = {
        "sales/again.csv": transactions("2026-10-21 charge #5004 10.00 0.30 USD 700000000077@2026-10-22"),
        "payouts/again.csv": payouts("2026-10-22 paid 128.80 -20.00 0.00 0.00 -4.05 0.00 104.75 USD"),
    }
    drop(home, fixed)
    nightly(home)
    key = f"shopify:settlement:{PAYOUT}:2026-10"
    assert booked(home) == [f"{key}#1", f"{key}#1R", f"{key}#2"]
    balances = {b.account: b.home_minor for b in opened(home).ledger.balances() if b.home_minor}
    assert balances == {"1120": 10475, "1115": -12880 + 2000, "6200": 405}
    assert problems(home) == []
