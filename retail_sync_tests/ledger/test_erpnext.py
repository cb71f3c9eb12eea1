"""Posting to ERPNext: what is its own beside the contract, and a line that loses answers.

Against a stand-in (`fakes/erpnext.py`) that keeps the published rules: no ERPNext can be installed here.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import cast

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from retail_sync.core.errors import LedgerRefused, LedgerUncertain, SettingsError
from retail_sync.core.http_errors import Answered
from retail_sync.ledger.drafts import Id
from retail_sync.ledger.embedded import EmbeddedLedger
from retail_sync.ledger.erpnext import ErpnextLedger
from retail_sync.operations import database as db
from retail_sync.schemas.journal import Entry, EntryLine
from retail_sync.settings import ErpnextSettings
from retail_sync.systems import calls
from retail_sync.systems.calls import ServerBusy, ServerRefused
from retail_sync.systems.erpnext import ErpnextAccess, ErpnextClient
from retail_sync_tests.fakes.erp_server import Refusal
from retail_sync_tests.fakes.erpnext import KEY, SECRET, FakeErpnext
from retail_sync_tests.ledger.bookkeeping import CHART, leg, reversal, sale, token
from retail_sync_tests.ledger.fault_proxy import FaultProxy
from retail_sync_tests.operations.shop import Shop, wanted


class _BadForChanges(FaultProxy):
    """A line on which one change in two goes wrong, and one reading in thirty: a batch reads far more than it changes.

    `changes` counts what became of inserting, submitting (PUT) and deleting.
    """

    def __init__(self, port: int, seed: int) -> None:
        super().__init__("127.0.0.1", port, seed, 0.5, 10_000)
        self.changes: Counter[tuple[str, str]] = Counter()

    def _answer(self, request: bytes, fate: str) -> bytes | None:
        verb = "INSERT" if b"insert_many" in request.split(b"\r\n")[0] else request.split(b" ")[0].decode()
        if verb in ("INSERT", "PUT", "DELETE"):
            self.changes[verb, fate] += bool(fate)
            return super()._answer(request, fate)
        return super()._answer(request, fate if self._rng.random() < 1 / 15 else "")


@pytest.fixture
def erpnext() -> Iterator[FakeErpnext]:
    """A server without entries, September 2026 closed."""
    server = FakeErpnext(CHART)
    server.close_period("2026-09-01", "2026-09-30")
    yield server
    server.close()


@pytest.fixture
def settings(erpnext: FakeErpnext) -> ErpnextSettings:
    """How the server is reached."""
    return ErpnextSettings(url=erpnext.url)


@pytest.fixture
def ledger(settings: ErpnextSettings) -> Iterator[ErpnextLedger]:
    """The ledger as the product opens it."""
    opened = ErpnextLedger(settings, KEY, SECRET)
    yield opened
    opened.close()


@pytest.fixture
def client(settings: ErpnextSettings) -> Iterator[ErpnextClient]:
    """A person with the same rights, who does what we do not."""
    opened = ErpnextClient(ErpnextAccess(settings.url, KEY, SECRET))
    yield opened
    opened.close()


def _refused(ledger: ErpnextLedger, entry: Entry) -> LedgerRefused:
    with pytest.raises(LedgerRefused) as caught:
        ledger.post(entry, token(entry))
    return caught.value


@pytest.mark.parametrize("how", ["frozen", "voucher of old", "voucher", "period"])
def test_every_way_to_close_is_known(erpnext: FakeErpnext, ledger: ErpnextLedger, how: str) -> None:
    """ERPNext closes in three places, one of which has changed its field."""
    match how:
        case "frozen":
            erpnext.freeze("2026-10-20")
        case "voucher of old":
            erpnext.close_books("2026-10-20", "posting_date")
        case "voucher":
            erpnext.close_books("2026-10-20", "period_end_date")
        case _:
            erpnext.close_period("2026-10-01", "2026-10-20")
    assert ledger.first_open_date(date(2026, 9, 30)) == date(2026, 10, 21)
    assert _refused(ledger, sale(1)).code == "closed_period"


def test_a_period_that_is_disabled_or_of_other_documents_closes_nothing(
    erpnext: FakeErpnext, ledger: ErpnextLedger
) -> None:
    """An accounting period closes what it names, no more."""
    erpnext.close_period("2026-10-01", "2026-10-10")
    erpnext.close_period("2026-10-11", "2026-10-31")
    for row in erpnext.state["Closed Document"].values():
        if row["parent"].startswith("2026-10-01") and row["document_type"] == "Journal Entry":
            row["closed"] = 0
    erpnext.state["Accounting Period"]["2026-10-11 - A"]["disabled"] = 1
    assert ledger.first_open_date(date(2026, 10, 14)) == date(2026, 10, 14)
    assert ledger.first_open_date(date(2026, 10, 5)) == date(2026, 10, 5)


def test_a_closing_that_came_meanwhile_is_told_as_closed(
    erpnext: FakeErpnext, ledger: ErpnextLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draft may be dated in a closed period and is not submitted there: the entry is held, and no draft stays."""
    books = ledger._read_books()
    erpnext.freeze("2026-10-31")
    stale = iter([books])
    fresh = ErpnextLedger._read_books
    monkeypatch.setattr(ErpnextLedger, "_read_books", lambda self: next(stale, None) or fresh(self))
    assert _refused(ledger, sale(1)).code == "closed_period"
    assert (erpnext.posted(), erpnext.drafts()) == (Counter(), 0)


def test_an_unbalanced_draft_is_refused_by_the_server_too(
    erpnext: FakeErpnext, ledger: ErpnextLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of the batch are booked once, though some were submitted before the refusal; no draft is left."""
    monkeypatch.setattr("retail_sync.ledger.erpnext.refusal", lambda *_: None)
    wrong = replace(sale(1), lines=(leg("1000", 100), leg("4000", -99)))
    answers = ledger.post_many([(entry, token(entry)) for entry in (sale(2), wrong, sale(3))])
    said = cast(LedgerRefused, answers[wrong.key]).message
    assert "ERPNext refuses settlement:1#1: Total Debit must be equal to Total Credit. The difference is 0.01" in said
    assert (erpnext.posted(), erpnext.drafts()) == (Counter([sale(2).key, sale(3).key]), 0)


def test_an_account_disabled_meanwhile_refuses_its_entry_only(
    erpnext: FakeErpnext, ledger: ErpnextLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounts are checked when a draft is inserted, and all drafts of a request stand or fall together."""
    monkeypatch.setattr("retail_sync.ledger.erpnext.refusal", lambda *_: None)
    wrong = replace(sale(1), lines=(leg("6999", 100), leg("4000", -100)))
    answers = ledger.post_many([(entry, token(entry)) for entry in (sale(2), wrong, sale(3))])
    assert "Row #1: 6999 - Old fees - A is disabled" in cast(LedgerRefused, answers[wrong.key]).message
    assert (erpnext.posted(), erpnext.drafts()) == (Counter([sale(2).key, sale(3).key]), 0)


def test_what_is_submitted_stays_as_it_is(ledger: ErpnextLedger, client: ErpnextClient, erpnext: FakeErpnext) -> None:
    """Exactly once rests on it: neither deletion nor change, and submitting again changes nothing."""
    name = ledger.post(sale(1), token(sale(1)))
    booked = ledger.balances()
    with pytest.raises(ServerRefused, match="Submitted Record cannot be deleted"):
        client.delete("Journal Entry", name)
    with pytest.raises(ServerRefused, match="UpdateAfterSubmitError"):
        client.change("Journal Entry", name, {"user_remark": "other"})
    client.change("Journal Entry", name, {"docstatus": 1})
    assert ledger.balances() == booked
    assert erpnext.posted() == Counter([sale(1).key])


def _draft(ledger: ErpnextLedger, client: ErpnextClient, entry: Entry) -> str:
    """Leave a draft behind, as a lost answer does."""
    (name,) = client.call("frappe.client.insert_many", docs=[ledger.payload(entry, token(entry))])
    return str(name)


def test_drafts_left_behind_are_adopted_or_deleted(
    erpnext: FakeErpnext, ledger: ErpnextLedger, client: ErpnextClient
) -> None:
    """The first that says the same is submitted; one that says something else, and a second one, can be submitted never again."""
    other, first, second = (_draft(ledger, client, entry) for entry in (sale(1, 5_000), sale(1), sale(1)))
    assert ledger.post(sale(1), token(sale(1))) == first
    for gone in (other, second):
        with pytest.raises(ServerRefused, match="DoesNotExistError"):
            client.change("Journal Entry", gone, {"docstatus": 1})
    assert (erpnext.posted(), erpnext.drafts()) == (Counter([sale(1).key]), 0)


def test_a_draft_that_another_submits_meanwhile_is_the_entry(
    erpnext: FakeErpnext, ledger: ErpnextLedger, client: ErpnextClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its deletion is refused, so ours is not submitted: looked at again, the entry is there."""
    ours, theirs = _draft(ledger, client, sale(1)), _draft(ledger, client, sale(1))
    delete = ErpnextLedger._delete

    def too_late(self: ErpnextLedger, ids: Sequence[Id]) -> None:
        assert list(ids) == [theirs]
        client.change("Journal Entry", theirs, {"docstatus": 1})
        delete(self, ids)

    monkeypatch.setattr(ErpnextLedger, "_delete", too_late)
    assert ledger.post(sale(1), token(sale(1))) == theirs
    assert erpnext.posted() == Counter([sale(1).key])
    assert [finding.check for finding in ledger.verify()] == ["draft_left"], ours


def test_a_cancelled_entry_is_gone_and_posted_anew(erpnext: FakeErpnext, ledger: ErpnextLedger) -> None:
    """People may cancel: drift tells it, and sending it again makes a new document."""
    first = ledger.post(sale(1), token(sale(1)))
    erpnext.state["Journal Entry"][first]["docstatus"] = 2
    assert ledger.find([sale(1).key]) == {}
    second = ledger.post(sale(1), token(sale(1)))
    assert second != first
    assert erpnext.posted() == Counter([sale(1).key])


def test_keys_that_differ_in_upper_case_only_are_two(ledger: ErpnextLedger) -> None:
    """The server's database takes them for one."""
    upper = replace(sale(1), key="SETTLEMENT:1#1")
    first, second = ledger.post(sale(1), token(sale(1))), ledger.post(upper, token(upper))
    assert first != second
    assert set(ledger.find([upper.key])) == {upper.key}


def test_what_looks_like_html_comes_back(ledger: ErpnextLedger) -> None:
    """Frappe cleans texts that look like HTML and strips what stands around."""
    lines = (leg("1120", 100, memo="a < b"), leg("4000", -100, memo=" {x} <b>", channel="<x>"))
    entry = replace(sale(1), memo=" <script> & {y} ", lines=lines)
    ledger.post(entry, token(entry))
    assert ledger.find([entry.key])[entry.key].entry == entry


def test_the_largest_amount_comes_back_to_the_cent(ledger: ErpnextLedger) -> None:
    """Up to the most that a line may hold, a JSON number gives the same cents back."""
    most = 10**15 - 1
    entry = replace(sale(1), lines=(leg("1120", most), leg("4000", 1 - most), leg("6000", -1)))
    ledger.post(entry, token(entry))
    assert ledger.find([entry.key])[entry.key].entry == entry


def test_an_account_in_another_currency_takes_its_own_amount(erpnext: FakeErpnext, ledger: ErpnextLedger) -> None:
    """ERPNext computes the home amount from it: the rate must make exactly ours, whatever the entry's rate is."""
    erpnext.keep_in("1120", "CAD")
    foreign = {"transaction_minor": 1_234_567, "transaction_currency": "CAD", "rate": "0.73"}
    entry = replace(sale(1), lines=(leg("1120", 901_235, **foreign), leg("4000", -901_235)))
    ledger.post(entry, token(entry))
    assert ledger.find([entry.key])[entry.key].entry == entry
    balances = {balance.account: balance for balance in ledger.balances()}
    assert (balances["1120"].transaction_currency, balances["1120"].transaction_minor) == ("CAD", 1_234_567)
    assert balances["1120"].home_minor == -balances["4000"].home_minor == 901_235


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (leg("1120", 100), "is in USD, the account 1120 is kept in CAD"),
        (leg("1120", 100, transaction_minor=100, transaction_currency="CAD"), "has the rate 1 from CAD"),
        (
            leg("1120", 10**14 + 1, transaction_minor=3 * 10**14, transaction_currency="CAD"),
            "has no rate of nine digits that makes its USD amount",
        ),
        (leg("1120", 0, transaction_minor=1, transaction_currency="CAD"), "has no amount in USD"),
    ],
)
def test_what_an_account_in_another_currency_cannot_hold_is_refused(
    erpnext: FakeErpnext, ledger: ErpnextLedger, line: EntryLine, said: str
) -> None:
    """Better no entry than one that is a cent off."""
    erpnext.keep_in("1120", "CAD")
    lines = (line, leg("4000", -line.home_minor - 1), leg("6000", 1))
    refused = _refused(ledger, replace(sale(1), lines=lines))
    assert refused.code == "malformed"
    assert f"settlement:1#1: line 1 {said}" in refused.message
    assert erpnext.drafts() == 0


def test_the_payload_is_what_a_person_would_enter(ledger: ErpnextLedger) -> None:
    """It is shown before it is sent."""
    ledger.post(sale(1), token(sale(1)))
    payload = ledger.payload(reversal(sale(1)), token(reversal(sale(1))))
    assert payload["cheque_no"] == "settlement:1#1R"
    assert payload["reversal_of"] == "ACC-JV-2026-00003"
    assert (payload["posting_date"], payload["cheque_date"]) == ("2026-10-14", "2026-10-14")
    assert payload["user_remark"] == "Reversal: Settlement 1"
    assert payload["multi_currency"] == 0
    assert payload["accounts"][0]["account"] == "4000 - Sales: product - A"
    assert str(payload["accounts"][0]["debit_in_account_currency"]) == "100.00"


def test_a_key_longer_than_the_field_is_refused(ledger: ErpnextLedger) -> None:
    """A cut key would be found never again."""
    entry = replace(sale(1), key="k" * 141)
    assert "more than 140 letters" in _refused(ledger, entry).message
    longest = replace(sale(1), key="k" * 140)
    ledger.post(longest, token(longest))
    assert set(ledger.find([longest.key])) == {longest.key}


def test_groups_and_accounts_of_parties_take_no_entries(erpnext: FakeErpnext, ledger: ErpnextLedger) -> None:
    """A receivable account needs a party, which our entries have not."""
    for account in erpnext.state["Account"].values():
        if account["account_number"] == "1120":
            account["account_type"] = "Receivable"
        if account["account_number"] == "1000":
            account["is_group"] = 1
    assert ledger.accounts() == {"1000": False, "1120": False, "4000": True, "6000": True, "6999": False}


def test_more_drafts_than_one_request_takes_are_booked(ledger: ErpnextLedger, erpnext: FakeErpnext) -> None:
    """Frappe takes two hundred documents at once."""
    entries = [replace(sale(n), lines=(leg("1120", 100), leg("4000", -100))) for n in range(230)]
    ledger.post_many([(entry, token(entry)) for entry in entries])
    assert erpnext.posted() == Counter(entry.key for entry in entries)
    assert erpnext.drafts() == 0


def test_long_lists_are_read_page_by_page(ledger: ErpnextLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page taken for the whole would make booked entries look lost."""
    entries = [sale(number) for number in range(7)]
    ledger.post_many([(entry, token(entry)) for entry in entries])
    monkeypatch.setattr(calls, "PAGE", 2)
    assert [held.entry for held in ledger.find([entry.key for entry in entries]).values()] == entries
    assert {b.account: b.home_minor for b in ledger.balances()} == {"1120": 63_000, "4000": -70_000, "6000": 7_000}


def test_a_stray_draft_and_a_key_twice_are_found(ledger: ErpnextLedger, erpnext: FakeErpnext) -> None:
    """What `verify` is for."""
    ledger.post_many([(sale(number), token(sale(number))) for number in (1, 2, 3)])
    first, second, third = erpnext.state["Journal Entry"].values()
    second["cheque_no"] = first["cheque_no"]
    third["docstatus"] = 0
    assert [finding.message for finding in ledger.verify()] == [
        "ERPNext holds a draft of settlement:3#1: delete it there",
        "settlement:1#1 is submitted in ERPNext 2 times",
    ]


def test_wrong_settings_are_told_as_such(settings: ErpnextSettings) -> None:
    """A person who sets it up must see which setting is wrong."""
    wrong = ErpnextLedger(settings.model_copy(update={"company": "Nobody"}), KEY, SECRET)
    with pytest.raises(SettingsError, match="the company 'Nobody'"):
        wrong.accounts()
    wrong.close()
    denied = ErpnextLedger(settings, KEY, "old secret")
    with pytest.raises(SettingsError, match="let us in") as caught:
        denied.accounts()
    assert "RETAIL_SYNC_ERPNEXT_API_SECRET" in caught.value.remedy
    denied.close()


@pytest.mark.parametrize(
    ("name", "status", "told"),
    [
        ("TimestampMismatchError", 417, ServerBusy),
        ("QueryDeadlockError", 417, ServerBusy),
        ("QueryTimeoutError", 508, ServerBusy),
        ("LinkExistsError", 417, ServerRefused),
        ("DoesNotExistError", 404, ServerRefused),
        ("OperationalError", 500, Answered),
    ],
)
def test_errors_are_told_apart(
    erpnext: FakeErpnext,
    client: ErpnextClient,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    status: int,
    told: type[Exception],
) -> None:
    """A no is final, a rollback is tried again, and of anything else nobody knows whether it was done."""

    def answer(*_: object) -> object:
        raise Refusal(name, "said", status)

    monkeypatch.setattr(erpnext, "answer", answer)
    with pytest.raises(told) as caught:
        client.call("frappe.auth.get_logged_user")
    assert type(caught.value) is told


@pytest.mark.usefixtures("short_rounds")
def test_posters_at_once_book_each_entry_once(erpnext: FakeErpnext, settings: ErpnextSettings) -> None:
    """Drafts of two posters for one key: one is deleted, the other is submitted."""
    entries = [sale(number) for number in range(12)]

    def post(seed: int) -> None:
        ledger = ErpnextLedger(settings, KEY, SECRET)
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
    ledger = ErpnextLedger(settings, KEY, SECRET)
    ledger.post_many([(entry, token(entry)) for entry in entries])
    ledger.close()
    assert erpnext.posted() == Counter(entry.key for entry in entries)


@pytest.mark.usefixtures("short_rounds")
@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 24))])
def test_no_fault_loses_or_doubles_an_entry(erpnext: FakeErpnext, settings: ErpnextSettings, seed: int) -> None:
    """Whatever request or answer is lost, late or doubled, before or after each step, every key is posted once."""
    proxy = _BadForChanges(erpnext.port, seed)
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    db.metadata.create_all(engine)
    ledger = ErpnextLedger(settings.model_copy(update={"url": proxy.url}), KEY, SECRET)
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
    assert proxy.changes.total()
    assert set(states.values()) <= {"verified", "reversed"}
    assert erpnext.posted() == Counter(key for key, state in states.items() if state == "verified")
