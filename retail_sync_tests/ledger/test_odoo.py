"""Posting to Odoo, over both of its interfaces: what is its own beside the contract, and a line that loses answers.

Against a stand-in (`fakes/odoo.py`) that keeps the documented rules: no Odoo can be installed here.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from retail_sync.core.errors import LedgerRefused, LedgerUncertain, SettingsError
from retail_sync.ledger.embedded import EmbeddedLedger
from retail_sync.ledger.odoo import OdooLedger
from retail_sync.operations import database as db
from retail_sync.settings import OdooSettings
from retail_sync.systems import calls
from retail_sync_tests.fakes.odoo import KEY, FakeOdoo
from retail_sync_tests.ledger.bookkeeping import CHART, leg, sale, token
from retail_sync_tests.ledger.fault_proxy import FaultProxy
from retail_sync_tests.operations.shop import Shop, wanted


@pytest.fixture(params=["json2", "jsonrpc"])
def settings(request: pytest.FixtureRequest, odoo: FakeOdoo) -> OdooSettings:
    """How the server is reached, by each interface in turn."""
    return OdooSettings(url=odoo.url, database="acme", user="poster", journal="RSYNC", api=request.param)


@pytest.fixture
def odoo() -> Iterator[FakeOdoo]:
    """A server with an empty journal, locked up to the end of September 2026."""
    server = FakeOdoo(CHART, "2026-09-30")
    yield server
    server.close()


@pytest.fixture
def ledger(settings: OdooSettings) -> Iterator[OdooLedger]:
    """The ledger as the product opens it."""
    opened = OdooLedger(settings, KEY)
    yield opened
    opened.close()


def test_a_lock_that_came_meanwhile_is_told_as_closed(
    odoo: FakeOdoo, ledger: OdooLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Odoo lets a draft be dated in a locked period and refuses to post it: the entry is held, and no draft stays."""
    books = ledger._read_books()
    odoo.state["res.company"][1]["fiscalyear_lock_date"] = "2026-10-31"
    stale = iter([books])
    fresh = OdooLedger._read_books
    monkeypatch.setattr(OdooLedger, "_read_books", lambda self: next(stale, None) or fresh(self))
    with pytest.raises(LedgerRefused) as caught:
        ledger.post(sale(1), token(sale(1)))
    assert caught.value.code == "closed_period"
    assert (odoo.posted(), odoo.drafts()) == (Counter(), 0)


def test_an_unbalanced_draft_is_refused_by_the_server_too(
    odoo: FakeOdoo, ledger: OdooLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of the batch are booked, and what was refused leaves no draft."""
    monkeypatch.setattr("retail_sync.ledger.odoo.refusal", lambda *_: None)
    wrong = replace(sale(1), lines=(leg("1000", 100), leg("4000", -99)))
    answers = ledger.post_many([(entry, token(entry)) for entry in (sale(2), wrong, sale(3))])
    assert "Odoo refuses settlement:1#1: The entry is not balanced" in cast(LedgerRefused, answers[wrong.key]).message
    assert (odoo.posted(), odoo.drafts()) == (Counter([sale(2).key, sale(3).key]), 0)


def test_an_entry_set_back_to_draft_is_gone_and_posted_once_again(odoo: FakeOdoo, ledger: OdooLedger) -> None:
    """Odoo lets people take an entry back: drift tells it, and sending it again adopts the draft."""
    first = ledger.post(sale(1), token(sale(1)))
    odoo.state["account.move"][int(first)]["state"] = "draft"
    assert ledger.find([sale(1).key]) == {}
    assert ledger.post(sale(1), token(sale(1))) == first


def test_an_older_version_has_deprecated_accounts(odoo: FakeOdoo) -> None:
    """Asking for a field that a version does not have is an error in Odoo, so it is asked which there are."""
    server = FakeOdoo(CHART, "2026-09-30", is_old=True)
    settings = OdooSettings(url=server.url, database="acme", user="poster", journal="RSYNC", api="jsonrpc")
    ledger = OdooLedger(settings, KEY)
    assert ledger.accounts() == {account.code: account.is_active for account in CHART}
    ledger.close()
    server.close()


def test_the_largest_amount_comes_back_to_the_cent(ledger: OdooLedger) -> None:
    """Odoo takes JSON numbers: up to the most that a line may hold, a double gives the same cents back."""
    most = 10**15 - 1
    entry = replace(sale(1), lines=(leg("1120", most), leg("4000", 1 - most), leg("6000", -1)))
    ledger.post(entry, token(entry))
    assert ledger.find([entry.key])[entry.key].entry == entry


def test_long_lists_are_read_page_by_page(ledger: OdooLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page taken for the whole would make booked entries look lost."""
    entries = [sale(number) for number in range(7)]
    ledger.post_many([(entry, token(entry)) for entry in entries])
    monkeypatch.setattr(calls, "PAGE", 2)
    assert len(ledger.find([entry.key for entry in entries])) == 7
    assert {b.account: b.home_minor for b in ledger.balances()} == {"1120": 63_000, "4000": -70_000, "6000": 7_000}


@pytest.mark.parametrize("change", [{"user": "nobody", "api": "jsonrpc"}, {"journal": "NONE"}, {"company": "Nobody"}])
def test_wrong_settings_are_told_as_such(odoo: FakeOdoo, change: dict[str, str]) -> None:
    """A person who sets it up must see which setting is wrong."""
    right = OdooSettings(url=odoo.url, database="acme", user="poster", journal="RSYNC")
    ledger = OdooLedger(right.model_copy(update=change), KEY)
    with pytest.raises(SettingsError):
        ledger.accounts()
    ledger.close()


def test_a_wrong_key_is_told_as_such(settings: OdooSettings) -> None:
    """Keys of Odoo 19 end after three months at most."""
    ledger = OdooLedger(settings, "old key")
    with pytest.raises(SettingsError, match="RETAIL_SYNC_ODOO_API_KEY"):
        ledger.accounts()
    ledger.close()


def test_posters_at_once_book_each_entry_once(odoo: FakeOdoo, settings: OdooSettings) -> None:
    """Drafts of two posters for one key: one is deleted, the other is posted."""
    entries = [sale(number) for number in range(12)]

    def post(seed: int) -> None:
        ledger = OdooLedger(settings, KEY)
        for entry in random.Random(seed).sample(entries, len(entries)):
            try:
                ledger.post(entry, token(entry))
            except LedgerUncertain:
                continue
        ledger.close()

    posters = [threading.Thread(target=post, args=(seed,)) for seed in range(4)]
    for poster in posters:
        poster.start()
    for poster in posters:
        poster.join()
    ledger = OdooLedger(settings, KEY)
    ledger.post_many([(entry, token(entry)) for entry in entries])
    ledger.close()
    assert odoo.posted() == Counter(entry.key for entry in entries)


@pytest.mark.usefixtures("short_rounds")
@pytest.mark.parametrize("seed", range(8))
def test_no_fault_loses_or_doubles_an_entry(odoo: FakeOdoo, settings: OdooSettings, seed: int) -> None:
    """The same bad line as before Tryton: whatever answer is lost, before or after each step, every key is posted once."""
    proxy = FaultProxy("127.0.0.1", odoo.port, seed, 0.4, 12)
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    db.metadata.create_all(engine)
    ledger = OdooLedger(settings.model_copy(update={"url": proxy.url}), KEY)
    shop = Shop(engine, cast(EmbeddedLedger, ledger))
    shop.release(*(wanted(number) for number in range(5)))
    for attempt in range(14):
        if attempt == 13:
            proxy.heal()
        if attempt == 3:
            shop.release(wanted(0, 5_000, "corrected"), *(wanted(number) for number in range(1, 5)))
        try:
            shop.post()
        except LedgerUncertain:
            continue
    states = shop.states()
    ledger.close()
    proxy.close()
    engine.dispose()
    assert proxy.happened
    assert set(states.values()) <= {"verified", "reversed"}
    assert odoo.posted() == Counter(key for key, state in states.items() if state == "verified")
