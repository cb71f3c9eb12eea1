"""Posting to a real Tryton server: what it does differently, other hands in it, and a line that loses answers.

The history is judged by SQL on Tryton's own database (`tryton_history.py`).
"""

from __future__ import annotations

import random
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from retail_sync.core.errors import LedgerRefused, LedgerUncertain, SettingsError
from retail_sync.core.http_errors import DeliveryUnknown
from retail_sync.ledger.embedded import EmbeddedLedger
from retail_sync.ledger.tryton import TrytonLedger
from retail_sync.operations import database as db
from retail_sync.schemas.journal import Entry, difference
from retail_sync.systems import calls
from retail_sync.systems.calls import ServerRefused
from retail_sync.systems.tryton import TrytonClient
from retail_sync_tests.ledger.bookkeeping import CHART, OCTOBER_14, leg, reversal, sale, token
from retail_sync_tests.ledger.fault_proxy import FaultProxy
from retail_sync_tests.ledger.tryton_history import History
from retail_sync_tests.ledger.tryton_server import PASSWORD, Company
from retail_sync_tests.operations.shop import Shop, effect, wanted

pytestmark = pytest.mark.services
FAULT_SECONDS = 20
ENTRIES_A_SCHEDULE = 5
RUNS_A_SCHEDULE = 12


@pytest.fixture
def ledger(company: Company) -> Iterator[TrytonLedger]:
    """The ledger of an empty company."""
    opened = company.ledger()
    yield opened
    opened.close()


@pytest.fixture
def history(company: Company) -> History:
    """Its history."""
    return History(company)


def _draft(company: Company, entry: Entry) -> int:
    """Leave a draft of `entry` behind, as an answer that was lost would."""
    ledger = company.ledger()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrytonLedger, "_keep_one", lambda *_: {})
        patch.setattr("retail_sync.ledger.drafts.ROUNDS", 1)
        with pytest.raises(LedgerUncertain):
            ledger.post(entry, token(entry))
    client = company.client()
    drafts = list(client.rows("account.move", [["description", "=", entry.key], ["state", "=", "draft"]], ["id"]))
    ledger.close()
    client.close()
    return int(drafts[-1]["id"])


def test_a_draft_that_was_left_behind_is_adopted(company: Company, ledger: TrytonLedger, history: History) -> None:
    """After HTTP 503 on `post` the draft stays: creating a second one and posting both would book the sale twice."""
    first = _draft(company, sale(1))
    assert ledger.find([sale(1).key]) == {}
    assert ledger.post(sale(1), token(sale(1))) == str(first)
    assert (history.posted(), history.drafts()) == (Counter({sale(1).key: 1}), 0)


def test_drafts_that_say_something_else_are_deleted(company: Company, ledger: TrytonLedger, history: History) -> None:
    """Half an entry, or one that somebody changed, must not be posted under our key; nor must two that are right."""
    wrong = _draft(company, sale(1, 9_000))
    right = _draft(company, sale(1))
    client = company.client()
    client.call("account.move", "copy", [right], {"description": sale(1).key})
    client.close()
    assert ledger.post(sale(1), token(sale(1))) != str(wrong)
    assert (history.posted(), history.drafts()) == (Counter({sale(1).key: 1}), 0)
    assert difference(ledger.find([sale(1).key])[sale(1).key].entry, sale(1)) == ""


def test_posters_at_once_book_each_entry_once(company: Company, history: History) -> None:
    """Tryton takes the same move twice; what it does not take is posting and deleting one move at once."""
    entries = [sale(number) for number in range(24)]
    problems: list[Exception] = []

    def post(seed: int) -> None:
        ledger = company.ledger()
        mine = random.Random(seed).sample(entries, len(entries))
        for start in range(0, len(mine), 6):
            try:
                ledger.post_many([(entry, token(entry)) for entry in mine[start : start + 6]])
            except LedgerUncertain:
                continue  # the outbox would look the keys up in its next run
            except Exception as error:  # noqa: BLE001
                problems.append(error)
        ledger.close()

    posters = [threading.Thread(target=post, args=(seed,)) for seed in range(4)]
    for poster in posters:
        poster.start()
    for poster in posters:
        poster.join()
    assert problems == []
    assert set(history.posted().values()) <= {1}
    ledger = company.ledger()
    answers = ledger.post_many([(entry, token(entry)) for entry in entries])
    assert not [answer for answer in answers.values() if isinstance(answer, LedgerRefused)]
    assert history.posted() == Counter(entry.key for entry in entries)
    assert (history.unbalanced(), history.numbers_twice()) == ([], [])
    ledger.close()


def test_what_tryton_cannot_hold_is_refused_in_words(ledger: TrytonLedger, history: History) -> None:
    """Each of these would be refused by the server in words of its own, or be booked as something else."""
    foreign = {"transaction_currency": "CAD"}
    refused = {
        "is in EUR, the company's books are in USD": (
            leg("1120", 5, home_currency="EUR", transaction_currency="EUR"),
            leg("4000", -5, home_currency="EUR", transaction_currency="EUR"),
        ),
        "is in NOK, which is not among Tryton's currencies": (
            leg("1120", 5, transaction_currency="NOK"),
            leg("4000", -5, transaction_currency="NOK"),
        ),
        "a debit in one currency and a credit in the other": (
            leg("1120", 5, transaction_minor=-7, **foreign),
            leg("4000", -5, transaction_minor=7, **foreign),
        ),
        "two different amounts in USD": (leg("1120", 5, transaction_minor=6), leg("4000", -5, transaction_minor=-6)),
    }
    for number, (words, lines) in enumerate(refused.items()):
        entry = replace(sale(number), lines=lines)
        with pytest.raises(LedgerRefused, match=words) as caught:
            ledger.post(entry, token(entry))
        assert caught.value.code == "malformed"
    assert history.posted() == Counter()


def test_odd_lines_come_back_as_they_were_sent(ledger: TrytonLedger) -> None:
    """Revaluations have no foreign amount, small ones no home amount, memos may look like our own notes."""
    foreign = {"transaction_currency": "JPY", "rate": "0.0066"}
    entries = [
        Entry("a#1", OCTOBER_14, "", (leg("1120", 5, transaction_minor=0, **foreign), leg("6000", -5))),
        Entry("b#1", OCTOBER_14, " x ", (leg("1120", 0, transaction_minor=1, **foreign), leg("6000", 0))),
        Entry(
            "c%_\\#1",
            OCTOBER_14,
            "{",
            (leg("1120", 5, memo='{"role": "x"}'), leg("6000", -5, memo=" } \n é", tax_code="{}")),
        ),
        Entry(
            "d#1",
            OCTOBER_14,
            "KWD",
            (leg("1120", 5, transaction_minor=1_001, transaction_currency="KWD"), leg("6000", -5)),
        ),
    ]
    answers = ledger.post_many([(entry, token(entry)) for entry in entries])
    found = ledger.find([entry.key for entry in entries])
    assert [(posted.remote_id, posted.entry) for posted in found.values()] == [
        (answers[entry.key], entry) for entry in entries
    ]


def test_one_bad_entry_does_not_hold_up_the_others(ledger: TrytonLedger, history: History) -> None:
    """Drafts are created and posted in one call each; what Tryton refuses of it is found by halves."""
    good = [sale(number) for number in (1, 2, 3)]
    closed = sale(4, on=date(2026, 9, 3))
    turned = [reversal(good[0]), reversal(closed)]
    answers = ledger.post_many([(entry, token(entry)) for entry in (*good, closed, *turned)])
    codes = {key: answer.code for key, answer in answers.items() if isinstance(answer, LedgerRefused)}
    assert codes == {closed.key: "closed_period", turned[1].key: "malformed"}
    assert history.posted() == Counter(entry.key for entry in (*good, turned[0]))


def test_a_refusal_of_the_server_leaves_no_draft(
    company: Company, ledger: TrytonLedger, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where our own check knows less than the server, the server's word holds, and nothing is left for people to find."""
    monkeypatch.setattr("retail_sync.ledger.tryton.refusal", lambda *_: None)
    wrong = replace(sale(1), lines=(leg("1000", 100), leg("4000", -99)))
    answers = ledger.post_many([(sale(2), token(sale(2))), (wrong, token(wrong)), (sale(3), token(sale(3)))])
    refused = answers[wrong.key]
    assert isinstance(refused, LedgerRefused)
    assert refused.code == "malformed"
    assert "Tryton refuses settlement:1#1" in refused.message
    assert (history.posted(), history.drafts()) == (Counter([sale(2).key, sale(3).key]), 0)


@pytest.mark.parametrize("is_accepted", [True, False])
def test_a_warning_is_answered_only_where_a_person_said_so(
    company: Company, history: History, monkeypatch: pytest.MonkeyPatch, is_accepted: bool
) -> None:
    """Modules of a server may ask "are you sure?". Yes to everything would switch their rules off; the answer itself is real."""
    settings = company.settings.model_copy(update={"accepted_warnings": ("audit.move.",) if is_accepted else ()})
    ledger = TrytonLedger(settings, PASSWORD)
    asked: list[str] = []
    call = TrytonClient.call

    def asking(client: TrytonClient, model: str, method: str, *parameters: Any, **named: Any) -> Any:
        if (model, method) == ("account.move", "post") and "res.user.warning" not in asked:
            raise ServerRefused("UserWarning", "The amount is unusual.", "audit.move.1")
        asked.append(model)
        return call(client, model, method, *parameters, **named)

    monkeypatch.setattr(TrytonClient, "call", asking)
    answer = ledger.post_many([(sale(1), token(sale(1)))])[sale(1).key]
    ledger.close()
    assert isinstance(answer, LedgerRefused) != is_accepted
    assert (history.posted(), history.drafts()) == (Counter([sale(1).key] if is_accepted else []), 0)
    if isinstance(answer, LedgerRefused):
        assert "The amount is unusual" in answer.message
        assert "audit.move.1" in answer.remedy


def test_a_month_closed_meanwhile_is_told_as_closed(
    company: Company, ledger: TrytonLedger, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The books were read, then somebody closed the month: the entry waits for a person instead of being rejected."""
    books = ledger._read_books()
    company.close_month("2026-10")
    try:
        with monkeypatch.context() as patch:
            stale = iter([books])
            fresh = TrytonLedger._read_books
            patch.setattr(TrytonLedger, "_read_books", lambda self: next(stale, None) or fresh(self))
            with pytest.raises(LedgerRefused) as caught:
                ledger.post(sale(1), token(sale(1)))
    finally:
        company.reopen_month("2026-10")
    assert caught.value.code == "closed_period"
    assert (history.posted(), history.drafts()) == (Counter(), 0)


def test_a_year_that_nobody_opened_is_closed(ledger: TrytonLedger) -> None:
    """No later day is open either, so the day stays and the entry is held until somebody opens the year."""
    on = date(2027, 1, 3)
    assert ledger.first_open_date(on) == on
    with pytest.raises(LedgerRefused) as caught:
        ledger.post(sale(1, on=on), token(sale(1)))
    assert caught.value.code == "closed_period"


def test_an_entry_that_a_person_cancelled_is_not_reversed_again(company: Company, ledger: TrytonLedger) -> None:
    """Tryton's own cancellation sets the origin as ours does, so it counts."""
    posted = int(ledger.post(sale(1), token(sale(1))))
    client = company.client()
    accounts = {row["code"]: row["id"] for row in client.rows("account.account", [], ["code"])}
    one, nothing = Decimal(1), Decimal(0)
    lines = [
        {"account": accounts["1000"], "debit": one, "credit": nothing},
        {"account": accounts["4000"], "debit": nothing, "credit": one},
    ]
    move = next(client.rows("account.move", [["id", "=", posted]], ["journal", "period", "company"]))
    values = {name: move[name] for name in ("journal", "period", "company")} | {"lines": [["create", lines]]}
    values |= {"date": OCTOBER_14, "description": "cancelled by Ann", "origin": f"account.move,{posted}"}
    client.call("account.move", "post", client.call("account.move", "create", [values]))
    client.close()
    with pytest.raises(LedgerRefused, match="cancelled by Ann") as caught:
        ledger.post(reversal(sale(1)), token(sale(1)))
    assert caught.value.code == "already_reversed"


def test_long_lists_are_read_page_by_page(ledger: TrytonLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is taken for the whole would make booked entries look lost, and they would be sent again."""
    entries = [sale(number) for number in range(7)]
    ledger.post_many([(entry, token(entry)) for entry in entries])
    monkeypatch.setattr(calls, "PAGE", 2)
    assert len(ledger.find([entry.key for entry in entries])) == 7
    assert {b.account: b.home_minor for b in ledger.balances()} == {"1120": 63_000, "4000": -70_000, "6000": 7_000}
    assert list(ledger.verify()) == []


def test_verify_tells_what_is_twice_and_what_is_left(company: Company, ledger: TrytonLedger) -> None:
    """A copy that somebody posts by hand has our key and nobody else would notice."""
    posted = int(ledger.post(sale(1), token(sale(1))))
    client = company.client()
    copies = client.call("account.move", "copy", [posted], {"description": sale(1).key})
    client.call("account.move", "post", copies)
    client.close()
    _draft(company, sale(2))
    assert sorted(finding.check for finding in ledger.verify()) == ["draft_left", "key_twice"]


def test_a_login_whose_second_answer_is_lost_is_made_again(
    ledger: TrytonLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a login, remembered as a whole one, would refuse every run until somebody starts the program anew."""
    ask = TrytonClient._ask

    def losing(client: TrytonClient, method: str, *parameters: Any, **named: Any) -> Any:
        if method == "model.res.user.get_preferences":
            raise DeliveryUnknown("the connection broke")
        return ask(client, method, *parameters, **named)

    with monkeypatch.context() as patch:
        patch.setattr(TrytonClient, "_ask", losing)
        with pytest.raises(LedgerUncertain):
            ledger.accounts()
    assert set(ledger.accounts()) == {account.code for account in CHART}


def test_a_session_that_ran_out_is_opened_again(ledger: TrytonLedger) -> None:
    """Tryton ends sessions after some minutes without a call; a nightly run waits longer than that."""
    ledger.accounts()
    ledger._client._session._token = str(uuid.uuid4())
    assert set(ledger.accounts()) == {account.code for account in CHART}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"user": f"nobody-{uuid.uuid4()}"}, "refuses nobody-"),  # Tryton slows down who tries one name again and again
        ({"company": "Nobody & Sons"}, "no single company 'Nobody & Sons'"),
        ({"journal": "NONE"}, "0 journals with the code 'NONE'"),
    ],
)
def test_wrong_settings_are_told_as_such(company: Company, change: dict[str, str], words: str) -> None:
    """A person who sets it up must see which setting is wrong."""
    ledger = TrytonLedger(company.settings.model_copy(update=change), "admin1234")
    with pytest.raises(SettingsError, match=words):
        ledger.accounts()
    ledger.close()


def test_a_server_that_is_not_there_is_uncertain(company: Company) -> None:
    """Nobody knows what it did, so nothing is decided."""
    ledger = company.ledger("http://127.0.0.1:9")
    with pytest.raises(LedgerUncertain, match="no connection"):
        ledger.find([sale(1).key])


def _shop(ledger: TrytonLedger) -> Shop:
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    db.metadata.create_all(engine)
    return Shop(engine, cast(EmbeddedLedger, ledger))


def _schedule(company: Company, seed: int) -> tuple[Shop, list, Counter[str]]:
    """Release and post over a bad line until all faults are used up, then once more over a good one."""
    rng = random.Random(seed)
    target = urlsplit(company.settings.url)
    proxy = FaultProxy(target.hostname or "", target.port or 80, seed, 0.4, rng.randint(6, 14))
    ledger = company.ledger(proxy.url)
    shop = _shop(ledger)
    numbers = [seed * 100 + n for n in range(ENTRIES_A_SCHEDULE)]
    entries = [wanted(number, rng.randrange(100, 10_000, 10)) for number in numbers]
    shop.release(*entries)
    corrected_at = rng.randrange(1, 6)
    for attempt in range(RUNS_A_SCHEDULE):
        if attempt == corrected_at:  # a corrected delivery: the old version is taken back and the next one booked
            entries[0] = wanted(numbers[0], 5_000, "corrected")
            shop.release(*entries)
        if attempt == RUNS_A_SCHEDULE - 1:
            proxy.heal()
        if rng.random() < 0.2:  # the worker died and starts anew
            ledger.close()
            ledger = company.ledger(proxy.url)
            shop.ledger = cast(EmbeddedLedger, ledger)
        try:
            shop.post()
        except (LedgerUncertain, SettingsError):
            continue  # the run ends with words; the next one looks up
    ledger.close()
    proxy.close()
    return shop, entries, proxy.happened


@pytest.mark.long
def test_no_fault_loses_or_doubles_an_entry(
    company: Company, history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    """Schedules for a third of a minute: every entry in Tryton once, every outbox row verified, its sums those that were wanted."""
    faults: Counter[str] = Counter()
    expected: dict[tuple[str, str], int] = {}
    rows = 0
    keys: Counter[str] = Counter()
    begun = time.monotonic()
    seed = 0
    while time.monotonic() - begun < FAULT_SECONDS:
        seed += 1
        shop, entries, happened = _schedule(company, seed)
        faults += happened
        expected |= effect(entries)
        assert set(shop.states().values()) <= {"verified", "reversed"}, (seed, shop.states(), shop.reasons())
        keys.update(key for key, state in shop.states().items() if state == "verified")  # the others were never sent
        rows += len(shop.rows())
        shop.engine.dispose()
    with capsys.disabled():  # to stderr: the test processes share it
        told = f"{sum(faults.values())} faults over {rows} postings in {seed} schedules: {dict(faults)}"
        print(f"\nTryton: {told}", file=sys.stderr)
    assert history.posted() == keys
    assert (history.unbalanced(), history.numbers_twice()) == ([], [])
    assert history.effect() == expected
