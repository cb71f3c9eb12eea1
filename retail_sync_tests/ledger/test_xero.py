"""Xero: what goes over the wire, checked against the official description, and what its answers of 200 really say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from retail_sync.core.errors import LedgerRefused, LedgerUncertain, SettingsError
from retail_sync.core.exact_json import read_json, write_json
from retail_sync.ledger.xero_entries import payload, read_date, refusal, url_of
from retail_sync.schemas.journal import Entry, difference
from retail_sync_tests.conftest import SAMPLES
from retail_sync_tests.fakes.faults import FaultPlan
from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.xero import TENANT, journals_validator
from retail_sync_tests.ledger.bookkeeping import OCTOBER_14, leg, reversal, sale, token
from retail_sync_tests.ledger.remote import Opened, open_xero
from retail_sync_tests.ledger.test_quickbooks import many, tagged, worked

Open = Callable[..., Opened]
_DESCRIPTION = SAMPLES.parent / "specs" / "xero_accounting.yaml"


@cache
def validator() -> jsonschema.Draft202012Validator | None:
    """A validator made of the official description, where it is on this machine."""
    if not _DESCRIPTION.is_file():
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return journals_validator(yaml.load(_DESCRIPTION.read_text(encoding="utf-8"), loader))  # noqa: S506


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Open]:
    """Open organisations, each with habits of its own."""
    opened = []

    def start(plan: FaultPlan | None = None, settings: Any = None, **state: Any) -> Opened:
        opened.append(open_xero(tmp_path / str(len(opened)), plan, settings, validator=validator(), **state))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def puts(opened: Opened) -> list[Request]:
    """Every request that may have booked something."""
    return [request for request in opened.server.requests if opened.system.is_write(request)]


def only_writes(opened: Opened, *fates: str) -> None:
    """Let exactly so many things go wrong, all with writes."""
    plan = FaultPlan(3, len(fates), probability=9, fates=fates)
    decide = plan.next
    plan.next = lambda is_write: decide(True) if is_write else ""  # type: ignore[method-assign]
    opened.server.plan = plan


def test_an_entry_goes_out_as_the_official_description_has_it(books: Open) -> None:
    """With everything said that has a default we do not want."""
    opened = books()
    entry = replace(sale(1), lines=(leg("1120", 1_234_567_890_123_45), leg("4000", -1_234_567_890_123_45)))
    shown: Any = opened.ledger
    wanted = write_json({"ManualJournals": [shown.payload(entry, token(entry))]}).encode()
    opened.ledger.post(entry, token(entry))
    (request,) = puts(opened)
    assert request.body == wanted
    assert b'"LineAmount":-1234567890123.45,' in request.body
    assert request.query == {"summarizeErrors": "false"}
    assert len(request.headers["idempotency-key"]) == 64
    assert request.headers["xero-tenant-id"] == TENANT
    (journal,) = request.document["ManualJournals"]
    assert journal["Status"] == "POSTED"
    assert journal["LineAmountTypes"] == "NoTax"
    assert journal["ShowOnCashBasisReports"] is False
    assert journal["Url"] == url_of(entry.key)
    assert not {request.method for request in opened.server.requests if request.path != "/token"} - {"GET", "PUT"}


def test_the_description_refuses_what_it_does_not_know() -> None:
    """A validator that lets everything pass proves nothing."""
    check = validator()
    if check is None:
        pytest.skip("the official description (../shared/specs) is not on this machine")
    good = {"ManualJournals": [{"Narration": "x", "JournalLines": [{"LineAmount": 1.0, "AccountCode": "1"}]}]}
    check.validate(good)
    for field, value in {"Status": "BOOKED", "Currency": "USD", "Narration": 7, "LineAmountTypes": "None"}.items():
        with pytest.raises(jsonschema.ValidationError):
            check.validate({"ManualJournals": [{**good["ManualJournals"][0], field: value}]})


def test_many_entries_go_out_in_lists_of_fifty(books: Open) -> None:
    """A request for each would use up the day's allowance."""
    opened = books()
    answers = opened.ledger.post_many(many(120))
    assert len({answer for answer in answers.values() if isinstance(answer, str)}) == 120
    assert [len(request.document["ManualJournals"]) for request in puts(opened)] == [50, 50, 20]
    assert len({request.headers["idempotency-key"] for request in puts(opened)}) == 3
    found = opened.ledger.find([entry.key for entry, _ in many(120)])
    assert all(found[entry.key].entry == opened.ledger.shown(entry) for entry, _ in many(120))


def test_addresses_stay_short_enough(books: Open) -> None:
    """Servers and what stands between cut off or refuse longer ones."""
    opened = books()
    opened.ledger.find([entry.key for entry, _ in many(100)])
    assert max(sum(len(v) * 1.35 for v in r.query.values()) for r in opened.server.requests) < 2_000


def test_a_200_is_judged_journal_by_journal(books: Open) -> None:
    """An account was archived after we had read the chart: that journal is refused, the others are booked."""
    opened = books()
    opened.ledger.accounts()
    opened.system.accounts[3]["Status"] = "ARCHIVED"
    good = replace(sale(7), lines=(leg("1000", 100), leg("4000", -100)))
    answers = opened.ledger.post_many([*many(1), (good, token(good))])
    refused = answers[sale(0).key]
    assert isinstance(refused, LedgerRefused)
    assert refused.code == "inactive_account"
    assert isinstance(answers[good.key], str)
    assert len(opened.system.booked) == 1


def test_the_official_example_of_a_200_is_a_refusal(samples: Path) -> None:
    """It carries a warning that an account was taken out and, because of that, an error."""
    example = json.loads((samples / "ledgers" / "xero_manualjournals_put_response200.json").read_text())
    refused = refusal("k#1", example["ManualJournals"][0])
    assert refused
    assert refused.code == "unknown_account"
    assert "must equal" in refused.message
    assert "removed" in refused.message


def test_a_journal_that_xero_shortened_does_not_pass_read_back(books: Open) -> None:
    """Created, with a warning only: the entry is there, and it is not what was sent."""
    opened = books(warn_and_drop=True)
    opened.ledger.accounts()
    del opened.system.accounts[3]
    remote_id = opened.ledger.post(sale(1), token(sale(1)))
    found = opened.ledger.find([sale(1).key])[sale(1).key]
    assert found.remote_id == remote_id
    assert difference(found.entry, opened.ledger.shown(sale(1)))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("The document date cannot be before the period lock date of 30 June 2026", "closed_period"),
        ("The document date cannot be before the end of year lock date, currently set at 31-Jul-2013", "closed_period"),
        ("The total debits (100.00) must equal total credits (-10.00)", "unbalanced"),
        ("Account code '476' is not a valid code for this document.", "unknown_account"),
        ("Account code '476' has been archived", "inactive_account"),
        ("The tracking option North could not be found", "unknown_dimension"),
        ("Something new", "malformed"),
    ],
)
def test_messages_are_judged_by_their_words(message: str, code: str) -> None:
    """There are no codes for single journals."""
    refused = refusal("k#1", {"ValidationErrors": [{"Message": message}], "StatusAttributeString": "ERROR"})
    assert refused
    assert refused.code == code


def test_a_lock_date_that_moves_while_we_post_holds_the_entry(books: Open) -> None:
    """And once it is back the entry is posted, although the first answer to its key is given again for ever."""
    opened = books()
    opened.ledger.accounts()
    opened.system.closed_until = "2026-10-31"
    with pytest.raises(LedgerRefused, match="lock date of 31 October 2026") as caught:
        opened.ledger.post(sale(1), token(sale(1)))
    assert caught.value.code == "closed_period"
    assert opened.ledger.first_open_date(OCTOBER_14) == date(2026, 11, 1)
    opened.system.closed_until = ""
    opened.clock.sleep(61)
    opened.ledger.post(sale(1), token(sale(1)))
    assert len(opened.system.booked) == 1


def test_the_later_lock_date_counts(books: Open) -> None:
    """There are two, one for everybody but the adviser."""
    opened = books(closed_until="2025-03-31")
    assert opened.ledger.first_open_date(date(2025, 6, 1)) == date(2026, 1, 1)
    assert books(closed_until="").ledger.first_open_date(date(2001, 1, 1)) == date(2001, 1, 1)


def test_bank_accounts_take_no_journals(books: Open) -> None:
    """The outbox holds such an entry before it is sent."""
    opened = books(bank_codes=("1000",))
    assert opened.ledger.accounts()["1000"] is False
    entry = replace(sale(1), lines=(leg("1000", 100), leg("4000", -100)))
    with pytest.raises(LedgerRefused) as caught:
        opened.ledger.post(entry, token(entry))
    assert caught.value.code == "inactive_account"
    assert puts(opened) == []


def test_channel_and_location_are_tracking_categories_where_named(books: Open) -> None:
    """Else they stand in the description. Read back they are the same either way."""
    settings = {"channel_category": "Channel", "location_category": "Place"}
    opened = books(settings=settings, tracking={"Channel": ("amazon_us",), "Place": ("fba",), "Other": ()})
    opened.ledger.post(tagged(), token(tagged()))
    line = puts(opened)[0].document["ManualJournals"][0]["JournalLines"][0]
    assert line["Tracking"] == [{"Name": "Channel", "Option": "amazon_us"}, {"Name": "Place", "Option": "fba"}]
    assert line["Description"] == "to the bank [x] [payout; tax US-CA]"
    assert opened.ledger.find([tagged().key])[tagged().key].entry == opened.ledger.shown(tagged())
    plain = books()
    plain.ledger.post(tagged(), token(tagged()))
    assert plain.ledger.find([tagged().key])[tagged().key].entry == plain.ledger.shown(tagged())
    lacking = books(settings=settings, tracking={"Channel": ("web",)})
    with pytest.raises(LedgerRefused, match="no active option amazon_us") as caught:
        lacking.ledger.post(tagged(), token(tagged()))
    assert caught.value.code == "unknown_dimension"
    assert [finding.check for finding in lacking.ledger.verify()] == ["tracking"]


def test_a_foreign_entry_is_in_home_currency(books: Open) -> None:
    """The foreign amount stands in the description, for people."""
    opened = books()
    cad = {"transaction_currency": "CAD", "rate": "0.73"}
    lines = (
        leg("1120", 292_000, transaction_minor=400_000, **cad),
        leg("4000", -292_000, transaction_minor=-400_000, **cad),
    )
    entry = replace(sale(1), lines=lines)
    opened.ledger.post(entry, token(entry))
    line = puts(opened)[0].document["ManualJournals"][0]["JournalLines"][0]
    assert line["LineAmount"] == Decimal("2920.00")
    assert line["Description"] == "[of CAD 4000.00 at 0.73]"
    assert [b.home_minor for b in opened.ledger.balances()] == [292_000, -292_000]


@pytest.mark.parametrize("status", ["VOIDED", "DELETED"])
def test_what_was_voided_is_gone(books: Open, status: str) -> None:
    """It counts for nothing in the books."""
    opened = books()
    opened.ledger.post(sale(1), token(sale(1)))
    opened.system.journals[0]["Status"] = status
    assert opened.ledger.find([sale(1).key]) == {}
    assert list(opened.ledger.balances()) == []


def test_edits_in_xero_are_found(books: Open) -> None:
    """Also one that takes the journal back to a draft, where it counts for nothing but is there."""
    opened = books()
    opened.ledger.post(sale(1), token(sale(1)))
    (journal,) = opened.system.journals

    def told(**changes: Any) -> str:
        before = dict(journal)
        journal.update(changes)
        found = opened.ledger.find([sale(1).key])[sale(1).key]
        journal.update(before)
        return difference(found.entry, opened.ledger.shown(sale(1)))

    assert told() == ""
    assert told(Status="DRAFT").startswith("memo: (DRAFT, not booked) Settlement 1")
    assert told(Narration="see Ann").startswith("memo: see Ann")
    assert told(Date="/Date(1794009600000+0000)/").startswith("posting_date: 2026-11-07")
    changed = [{**journal["JournalLines"][0], "LineAmount": Decimal(-90)}, *journal["JournalLines"][1:]]
    assert told(JournalLines=changed).startswith("line 1 transaction_minor: -9000")
    opened.system.journals.append({**journal, "ManualJournalID": "other"})
    assert "in the ledger twice" in told()


@pytest.mark.parametrize("fate", ["dropped after", "failed after", "cut after", "page after", "late"])
def test_an_answer_that_was_lost_is_looked_up(books: Open, fate: str) -> None:
    """Also where keys do nothing and the entry arrives when nobody waits for it any more."""
    opened = books(keys_kept=0)
    opened.ledger.accounts()
    only_writes(opened, fate)
    answers = opened.ledger.post_many(many(3))
    assert [isinstance(answer, str) for answer in answers.values()] == [True] * 3
    assert len(opened.system.booked) == 3


def test_a_list_refused_as_a_whole_is_sent_one_by_one(books: Open) -> None:
    """Such an answer does not say which journal it is about."""
    opened = books()
    opened.ledger.accounts()
    answer, system = opened.system.answer, opened.system

    def refuse_lists(request: Request) -> Reply:
        if request.method == "PUT" and len(request.document["ManualJournals"]) > 1:
            return Reply(400, {"ErrorNumber": 10, "Type": "ValidationException", "Elements": []})
        reply: Reply = answer(request)
        return reply

    system.answer = refuse_lists
    assert all(isinstance(answer, str) for answer in opened.ledger.post_many(many(3)).values())
    assert len(puts(opened)) == 4


def test_another_organisation_stops_the_run(books: Open) -> None:
    """The connection is there, but not to this tenant."""
    opened = books(settings={})
    ledger: Any = opened.ledger
    ledger._api._headers = {"xero-tenant-id": "other"}
    with pytest.raises(SettingsError, match="403"):
        ledger.accounts()


def test_the_limit_of_the_day_leaves_the_rest_to_the_next_run(books: Open) -> None:
    """Hours are not waited for."""
    opened = books()
    opened.ledger.accounts()
    answer = opened.system.answer
    limit = Reply(429, None, {"Retry-After": "66975", "X-Rate-Limit-Problem": "day"})
    opened.system.answer = lambda request: limit if request.method == "PUT" else answer(request)
    with pytest.raises(LedgerUncertain, match="429"):
        opened.ledger.post(sale(1), token(sale(1)))
    assert opened.clock.slept == []


def test_limits_are_kept(books: Open) -> None:
    """The server counts 60 in any minute and never has to say so."""
    opened = books()
    for start in range(0, 600, 100):
        postings = [(entry, token(entry)) for entry in map(sale, range(start, start + 100))]
        opened.ledger.post_many(postings)
        opened.ledger.find([entry.key for entry, _ in postings])
    assert len(opened.system.booked) == 600
    assert len(opened.server.requests) < 140


def test_a_reversal_is_read_back_as_one(books: Open) -> None:
    """Which entry it takes back rides in the stamp."""
    opened = books()
    for entry in (sale(1), reversal(sale(1))):
        opened.ledger.post(entry, token(entry))
    assert opened.ledger.find(["settlement:1#1R"])["settlement:1#1R"].entry.reverses == "settlement:1#1"


def test_dates_come_in_two_forms() -> None:
    """Milliseconds since 1970, before 1970 too, or ISO."""
    assert read_date("/Date(1553126400000+0000)/") == date(2019, 3, 21)
    assert read_date("/Date(-86400000)/") == date(1969, 12, 31)
    assert read_date("2019-03-21T00:00:00") == date(2019, 3, 21)


def test_the_worked_settlement_is_the_constructed_payload(samples: Path) -> None:
    """Accounts, amounts, descriptions and tracking of example A1."""
    (constructed,) = read_json((samples / "ledgers" / "constructed_xero_A1.json").read_bytes())["body"][
        "ManualJournals"
    ]
    entry: Entry = worked(samples)
    made = payload(entry, "token", {"channel": "Channel"})
    for name in ("JournalLines", "Date", "Status", "LineAmountTypes", "ShowOnCashBasisReports"):
        assert made[name] == constructed[name]
    assert made["Narration"].startswith("Amazon US settlement 1001 (Oct 1-14) [RS-")
