"""What every ledger must do for us, whatever is behind it. A new adapter is one line in LEDGERS.

A ledger under test is opened with the chart of `bookkeeping.py` and with September 2026 closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

from retail_sync.core.errors import LedgerRefused
from retail_sync.ledger.adapter import LedgerAdapter
from retail_sync.ledger.erpnext import ErpnextLedger
from retail_sync.ledger.odoo import OdooLedger
from retail_sync.ledger.plain_text import PlainTextLedger
from retail_sync.ledger.plain_text_format import Beancount, Dialect, Hledger
from retail_sync.schemas.journal import Entry
from retail_sync.settings import ErpnextSettings, OdooSettings
from retail_sync_tests.fakes import erpnext as fake_erpnext
from retail_sync_tests.fakes.odoo import KEY, FakeOdoo
from retail_sync_tests.ledger.bookkeeping import (
    CHART,
    OCTOBER_14,
    Books,
    leg,
    reversal,
    sale,
    token,
)
from retail_sync_tests.ledger.remote import Opened, open_quickbooks, open_xero
from retail_sync_tests.ledger.tryton_server import Company


@dataclass(frozen=True)
class Kind:
    """How to open a ledger, and in what ledgers may differ. `closes_up_to_a_day`: a closed month closes all before it."""

    open: Callable[[pytest.FixtureRequest], LedgerAdapter]
    closes_up_to_a_day: bool = False
    keys_looked_up: int = 40_000
    needs_services: bool = False


def _embedded(request: pytest.FixtureRequest, database: str) -> LedgerAdapter:
    books: Books = request.getfixturevalue(f"{database}_books")
    ledger = books.installed()
    request.addfinalizer(ledger.close)
    ledger.close_period("2026-09", "Ann", "books signed")
    return ledger


def _remote(request: pytest.FixtureRequest, opening: Callable[[Path], Opened]) -> LedgerAdapter:
    opened = opening(request.getfixturevalue("tmp_path"))
    request.addfinalizer(opened.close)
    return opened.ledger


def _plain_text(request: pytest.FixtureRequest, dialect: Dialect) -> LedgerAdapter:
    path: Path = request.getfixturevalue("tmp_path") / f"ledger{dialect.suffix}"
    path.write_text("; retail-sync closed 2026-09\n", encoding="utf-8")
    return PlainTextLedger(dialect, path, CHART)


def _tryton(request: pytest.FixtureRequest) -> LedgerAdapter:
    company: Company = request.getfixturevalue("company")
    ledger = company.ledger()
    request.addfinalizer(ledger.close)
    return ledger


def _odoo(request: pytest.FixtureRequest, api: str) -> LedgerAdapter:
    server = FakeOdoo(CHART, "2026-09-30", is_old=api == "jsonrpc")
    settings = OdooSettings(url=server.url, database="acme", user="poster", journal="RSYNC", api=api)
    ledger = OdooLedger(settings, KEY)
    request.addfinalizer(server.close)
    request.addfinalizer(ledger.close)
    return ledger


def _erpnext(request: pytest.FixtureRequest) -> LedgerAdapter:
    server = fake_erpnext.FakeErpnext(CHART)
    server.close_period("2026-09-01", "2026-09-30")
    ledger = ErpnextLedger(ErpnextSettings(url=server.url), fake_erpnext.KEY, fake_erpnext.SECRET)
    request.addfinalizer(server.close)
    request.addfinalizer(ledger.close)
    return ledger


LEDGERS: dict[str, Kind] = {
    "embedded-sqlite": Kind(lambda request: _embedded(request, "sqlite")),
    "embedded-postgresql": Kind(lambda request: _embedded(request, "postgresql"), needs_services=True),
    "quickbooks": Kind(
        lambda request: _remote(request, open_quickbooks), closes_up_to_a_day=True, keys_looked_up=1_000
    ),
    "xero": Kind(lambda request: _remote(request, open_xero), closes_up_to_a_day=True, keys_looked_up=1_000),
    "beancount": Kind(lambda request: _plain_text(request, Beancount())),
    "hledger": Kind(lambda request: _plain_text(request, Hledger())),
    "tryton": Kind(_tryton, needs_services=True),
    "odoo-json2": Kind(lambda request: _odoo(request, "json2"), closes_up_to_a_day=True),
    "erpnext": Kind(_erpnext),
    "odoo-jsonrpc": Kind(lambda request: _odoo(request, "jsonrpc"), closes_up_to_a_day=True),
}


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.services] if kind.needs_services else [])
        for name, kind in LEDGERS.items()
    ]
)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each registered kind of ledger in turn."""
    return LEDGERS[request.param]


@pytest.fixture
def ledger(kind: Kind, request: pytest.FixtureRequest) -> LedgerAdapter:
    """A ledger of that kind."""
    return kind.open(request)


def refusal(ledger: LedgerAdapter, entry: Entry) -> LedgerRefused:
    """Post `entry`, expect a refusal that a person can act on, and that nothing was booked."""
    before = ledger.balances()
    with pytest.raises(LedgerRefused) as caught:
        ledger.post(entry, token(entry))
    assert caught.value.message
    assert caught.value.remedy
    assert ledger.balances() == before
    return caught.value


def test_a_posted_entry_is_read_back_as_it_was_sent(ledger: LedgerAdapter) -> None:
    """Read-back is how a posting becomes verified: a field lost on the way would go unseen."""
    lines = (
        leg("1120", 292_000, transaction_minor=400_000, transaction_currency="CAD", rate="0.7300"),
        leg("4000", -292_000, role="component", channel="amazon_ca", location="yyz", memo="naïve €"),
    )
    entry = replace(sale(1), lines=lines, memo="FX, quotes ' \" and 日本")
    remote_id = ledger.post(entry, token(entry))
    found = ledger.find([entry.key])
    assert found[entry.key].entry == ledger.shown(entry)
    assert found[entry.key].remote_id == remote_id
    assert found[entry.key].token in ("", token(entry))


def test_finding_returns_only_the_keys_that_are_there(ledger: LedgerAdapter) -> None:
    """An absent key means "not booked": the outbox sends it again."""
    ledger.post(sale(1), token(sale(1)))
    assert set(ledger.find([sale(1).key, sale(2).key])) == {sale(1).key}
    assert ledger.find([]) == {}


def test_more_keys_than_one_query_can_carry_are_found(ledger: LedgerAdapter, kind: Kind) -> None:
    """Databases bound the parameters of a query; a month end asks for thousands of keys."""
    ledger.post(sale(1), token(sale(1)))
    assert set(ledger.find([sale(n).key for n in range(kind.keys_looked_up)])) == {sale(1).key}


def test_a_repeat_returns_the_first_number_and_books_nothing(ledger: LedgerAdapter) -> None:
    """After a lost answer the same entry is sent again."""
    first = ledger.post(sale(1), token(sale(1)))
    booked = ledger.balances()
    assert ledger.post(sale(1), token(sale(1))) == first
    assert ledger.balances() == booked


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (replace(sale(1), memo="other"), "memo: Settlement 1 in the ledger, other sent"),
        (replace(sale(1), posting_date=date(2026, 10, 15)), "posting_date: 2026-10-14 in the"),
        (sale(1, 9_000), "line 1 transaction_minor: -10000 in the ledger, -9000 sent"),
        (replace(sale(1), lines=sale(1).lines[:2]), "number of lines: 3 in the ledger, 2 sent"),
        (
            replace(sale(1), lines=(*sale(1).lines[:2], leg("1120", 9_000, role="component"))),
            "line 3 role: payout in the ledger, component sent",
        ),
    ],
)
def test_a_key_with_another_body_is_refused_naming_the_field(ledger: LedgerAdapter, changed: Entry, named: str) -> None:
    """Silently keeping or overwriting the first body would make our books and the ledger differ."""
    ledger.post(sale(1), token(sale(1)))
    refused = refusal(ledger, changed)
    assert refused.code == "key_conflict"
    assert named in refused.message


@pytest.mark.parametrize(
    ("code", "entry"),
    [
        ("unbalanced", replace(sale(1), lines=(leg("1000", 100), leg("4000", -99)))),
        ("unbalanced", replace(sale(1), lines=(leg("1000", 0),))),
        ("unknown_account", replace(sale(1), lines=(leg("1000", 100), leg("8888", -100)))),
        ("inactive_account", replace(sale(1), lines=(leg("1000", 100), leg("6999", -100)))),
        ("closed_period", sale(1, on=date(2026, 9, 30))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_must_not_be_booked_is_refused_for_good(ledger: LedgerAdapter, code: str, entry: Entry) -> None:
    """A refusal carries the code the outbox holds or rejects by, words and a remedy."""
    refused = refusal(ledger, entry)
    assert refused.code == code
    assert entry.key in refused.message


def test_transaction_amounts_of_one_currency_must_balance_too(ledger: LedgerAdapter) -> None:
    """Home amounts alone can hide a wrong foreign amount."""
    foreign = {"transaction_currency": "CAD"}
    lines = (
        leg("1120", 73, transaction_minor=100, **foreign),
        leg("4000", -73, transaction_minor=-101, **foreign),
    )
    assert refusal(ledger, replace(sale(1), lines=lines)).code == "unbalanced"


def test_a_reversal_takes_an_entry_back_once(ledger: LedgerAdapter) -> None:
    """A second reversal would book the opposite of what happened."""
    ledger.post(sale(1), token(sale(1)))
    turned = reversal(sale(1))
    ledger.post(turned, token(turned))
    assert {balance.home_minor for balance in ledger.balances()} == {0}
    again = replace(turned, key="settlement:1#1R2")
    refused = refusal(ledger, again)
    assert refused.code == "already_reversed"
    assert turned.key in refused.message


def test_the_balance_of_a_day_leaves_later_entries_out(ledger: LedgerAdapter) -> None:
    """Month-end figures must not move when the next month is posted."""
    ledger.post(sale(1), token(sale(1)))
    november = sale(2, on=date(2026, 11, 2))
    ledger.post(november, token(november))
    october = {balance.account: balance.home_minor for balance in ledger.balances(OCTOBER_14)}
    assert october == {"1120": 9_000, "4000": -10_000, "6000": 1_000}
    assert {b.account: b.transaction_minor for b in ledger.balances()}["1120"] == 18_000


def test_the_first_open_date_skips_closed_months(ledger: LedgerAdapter, kind: Kind) -> None:
    """A late correction goes to the first day that still takes entries."""
    assert ledger.first_open_date(date(2026, 9, 15)) == date(2026, 10, 1)
    assert ledger.first_open_date(date(2026, 10, 15)) == date(2026, 10, 15)
    august = date(2026, 10, 1) if kind.closes_up_to_a_day else date(2026, 8, 15)
    assert ledger.first_open_date(date(2026, 8, 15)) == august


def test_the_chart_says_which_accounts_take_entries(ledger: LedgerAdapter) -> None:
    """The outbox checks the chart before it sends."""
    assert ledger.accounts() == {account.code: account.is_active for account in CHART}


def test_a_sound_ledger_verifies_clean(ledger: LedgerAdapter) -> None:
    """A check that cries wolf is soon switched off."""
    assert list(ledger.verify()) == []
    ledger.post(sale(1), token(sale(1)))
    ledger.post(reversal(sale(1)), token(reversal(sale(1))))
    assert list(ledger.verify()) == []
