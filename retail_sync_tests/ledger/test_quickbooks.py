"""QuickBooks Online: what goes over the wire, what its answers mean, and what is found when somebody edits its books."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retail_sync.core.errors import LedgerRefused, LedgerUncertain, SettingsError
from retail_sync.core.exact_json import read_json, write_json
from retail_sync.ledger.quickbooks_entries import Company, payload
from retail_sync.ledger.quickbooks_faults import refusal
from retail_sync.ledger.remote_text import reference
from retail_sync.schemas.journal import Entry, EntryLine, difference
from retail_sync_tests.fakes.faults import FaultPlan
from retail_sync_tests.fakes.server import Request
from retail_sync_tests.ledger.bookkeeping import OCTOBER_14, leg, reversal, sale, token
from retail_sync_tests.ledger.remote import Opened, open_quickbooks

Open = Callable[..., Opened]


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Open]:
    """Open companies, each with habits of its own."""
    opened = []

    def start(plan: FaultPlan | None = None, settings: Any = None, **state: Any) -> Opened:
        opened.append(open_quickbooks(tmp_path / str(len(opened)), plan, settings, **state))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def posts(opened: Opened) -> list[Request]:
    """Every request that may have booked something."""
    return [request for request in opened.server.requests if opened.system.is_write(request)]


def many(count: int) -> list[tuple[Entry, str]]:
    """So many entries with their tokens."""
    return [(entry, token(entry)) for entry in map(sale, range(count))]


def abroad(rate: str = "0.7300", **other: Any) -> Entry:
    """A settlement of 4,000 CAD at a rate that gives home amounts to the cent."""
    cad = {"transaction_currency": "CAD", "rate": rate, **other}
    lines = (
        leg("1120", 292_000, transaction_minor=400_000, **cad),
        leg("4000", -292_000, transaction_minor=-400_000, **cad),
    )
    return replace(sale(1), lines=lines)


def test_an_entry_goes_out_with_its_request_id_in_the_address(books: Open) -> None:
    """As a header, or as a property that a library loses on the way, it protects nothing."""
    opened = books()
    opened.ledger.post(sale(1), token(sale(1)))
    (request,) = posts(opened)
    assert request.path.endswith("/journalentry")
    assert request.query["minorversion"] == "75"
    assert len(request.query["requestid"]) == 50
    assert not [name for name in request.headers if "request" in name]


def test_the_dry_run_is_what_goes_over_the_wire(books: Open) -> None:
    """Byte by byte, amounts as exact digits."""
    opened = books()
    entry = replace(sale(1), lines=(leg("1120", 1_234_567_890_123_45), leg("4000", -1_234_567_890_123_45)))
    shown: Any = opened.ledger
    wanted = write_json(shown.payload(entry, token(entry))).encode()
    opened.ledger.post(entry, token(entry))
    (request,) = posts(opened)
    assert request.body == wanted
    assert b'"Amount":1234567890123.45,' in request.body
    document = read_json(request.body)
    assert document["DocNumber"] == reference(entry.key)
    assert len(document["DocNumber"]) == 21
    assert document["TxnDate"] == "2026-10-14"
    assert document["CurrencyRef"] == {"value": "USD"}
    assert document["ExchangeRate"] == 1


def test_many_entries_go_out_in_batches_of_thirty(books: Open) -> None:
    """Request ids and item ids keep to the lengths that hold in a batch; a repeat of the same batch has the same id."""
    opened = books()
    answers = opened.ledger.post_many(many(65))
    assert len({answer for answer in answers.values() if isinstance(answer, str)}) == 65
    batches = [(len(request.document["BatchItemRequest"]), request) for request in posts(opened)]
    assert [count for count, _ in batches] == [30, 30, 5]
    for _, request in batches:
        assert request.path.endswith("/batch")
        assert len(request.query["requestid"]) == 36
        assert all(len(item["bId"]) <= 10 for item in request.document["BatchItemRequest"])
    again = books()
    again.ledger.post_many(many(65))
    assert [r.query["requestid"] for r in posts(again)] == [r.query["requestid"] for r in posts(opened)]


def test_one_bad_entry_of_a_batch_stands_alone(books: Open) -> None:
    """Refused by QuickBooks itself: the account was closed after we had read the chart."""
    opened = books()
    opened.ledger.accounts()
    opened.system.accounts[3]["Active"] = False
    good = replace(sale(7), lines=(leg("1000", 100), leg("4000", -100)))
    answers = opened.ledger.post_many([*many(2), (good, token(good))])
    refused = answers[sale(0).key]
    assert isinstance(refused, LedgerRefused)
    assert refused.code == "inactive_account"
    assert isinstance(answers[good.key], str)
    assert len(opened.system.booked) == 1
    assert opened.ledger.accounts()["6000"] is False


def test_books_that_close_while_we_post_hold_the_entry(books: Open) -> None:
    """And once they are open again it is posted, although the server gives its first answer to a key for ever."""
    for habits in (
        {"faults_as_200": True},
        {"closed_code": "5010"},
        {"closed_code": "6200", "remembers_faults": False},
    ):
        opened = books(**habits)
        opened.ledger.accounts()
        opened.system.closed_until = "2026-10-31"
        with pytest.raises(LedgerRefused) as caught:
            opened.ledger.post(sale(1), token(sale(1)))
        assert caught.value.code == "closed_period"
        assert opened.ledger.first_open_date(OCTOBER_14) == date(2026, 11, 1)
        opened.system.closed_until = ""
        opened.clock.sleep(61)
        opened.ledger.post(sale(1), token(sale(1)))
        assert len(opened.system.booked) == 1


@pytest.mark.parametrize(
    ("code", "message", "detail", "meaning"),
    [
        ("6140", "Duplicate Document Number Error", "", None),
        ("6210", "Duplicate Document Number Error", "You must specify a different number", None),
        ("6240", "Duplicate DocNumber", "", None),
        ("600", "DuplicateRequestId", "", None),
        ("5010", "Stale Object Error", "", None),
        ("10000", "An application error has occurred", "", None),
        ("3001", "ThrottleExceeded", "", None),
        ("6210", "Account Period Closed, Cannot Update Through Services API", "", "closed_period"),
        ("5010", "Account Period Closed", "", "closed_period"),
        ("6200", "", "", "closed_period"),
        ("6000", "A business validation error has occurred", "before the closing date", "closed_period"),
        ("2300", "Debits not equal credits", "", "unbalanced"),
        ("2500", "Invalid Reference Id", "Accounts element id 9 not found", "unknown_account"),
        ("2500", "Invalid Reference Id", "ClassRef element id 9 not found", "unknown_dimension"),
        ("610", "Object Not Found", "made inactive", "inactive_account"),
        ("6240", "Duplicate Name Exists Error", "", "malformed"),
        ("2290", "negative amount", "", "malformed"),
        ("4711", "never seen before", "", "malformed"),
    ],
)
def test_faults_are_judged_by_their_words_and_their_code(
    code: str, message: str, detail: str, meaning: str | None
) -> None:
    """Codes contradict each other in the wild; where looking the entry up can tell, it is looked up."""
    refused = refusal(
        "k#1", {"Error": [{"code": code, "Message": message, "Detail": detail}], "type": "ValidationFault"}
    )
    assert (refused.code if refused else None) == meaning
    assert refused is None or "k#1" in refused.message


def test_a_fault_as_somebody_else_met_it(samples: Path) -> None:
    """Codes come as numbers, too."""
    fault = json.loads((samples / "ledgers" / "qbo_fyle_fault_6210.json").read_text())["Fault"]
    refused = refusal("k#1", fault)
    assert refused
    assert refused.code == "closed_period"


@pytest.mark.parametrize("code", ["3200", "120", "6190"])
def test_a_lost_login_stops_the_run(code: str) -> None:
    """Nothing about an entry: every further one would fail the same way."""
    with pytest.raises(SettingsError):
        refusal("k#1", {"Error": [{"code": code, "Message": "x"}], "type": "ValidationFault"})


def test_a_disconnected_app_stops_the_run(books: Open) -> None:
    """And says what to do."""
    opened = books()
    opened.system.tokens.revoke()
    with pytest.raises(SettingsError, match="does not accept our connection"):
        opened.ledger.accounts()


def test_what_is_refused_here_is_never_sent(books: Open) -> None:
    """Our own invariants do not cost a request."""
    opened = books()
    bad = [
        replace(sale(1), lines=(leg("1000", 100), leg("4000", -99))),
        replace(sale(2), lines=tuple(replace(line, home_currency="EUR") for line in sale(2).lines)),
        sale(3, on=date(2026, 9, 30)),
        replace(sale(4), key="k" * 4_000),
        replace(reversal(sale(5)), key="other#1R"),
    ]
    answers = opened.ledger.post_many([(entry, token(entry)) for entry in bad])
    codes = [answer.code for answer in answers.values() if isinstance(answer, LedgerRefused)]
    assert codes == ["unbalanced", "malformed", "closed_period", "malformed", "original_missing"]
    assert posts(opened) == []


def test_a_reversal_goes_after_its_original(books: Open) -> None:
    """Items of a batch cannot see each other, and an original that was refused must not be taken back."""
    opened = books()
    turned = reversal(sale(1))
    answers = opened.ledger.post_many([(turned, token(turned)), (sale(1), token(sale(1)))])
    assert all(isinstance(answer, str) for answer in answers.values())
    assert [request.document["DocNumber"] for request in posts(opened)] == [
        reference(sale(1).key),
        reference(turned.key),
    ]
    bad = sale(2, on=date(2026, 9, 30))
    turned = reversal(bad)
    answers = opened.ledger.post_many([(bad, token(bad)), (turned, token(turned))])
    assert [answer.code for answer in answers.values() if isinstance(answer, LedgerRefused)] == [
        "closed_period",
        "original_missing",
    ]


def test_an_entry_of_one_currency_is_sent_in_it(books: Open) -> None:
    """With its rate, always: the default of 1 is silently wrong."""
    opened = books(settings={"multicurrency": True}, is_multicurrency=True)
    entry = abroad()
    opened.ledger.post(entry, token(entry))
    document = posts(opened)[0].document
    assert document["CurrencyRef"] == {"value": "CAD"}
    assert document["ExchangeRate"] == Decimal("0.73")
    assert [line["Amount"] for line in document["Line"]] == [4_000, 4_000]
    found = opened.ledger.find([entry.key])[entry.key].entry
    assert difference(found, opened.ledger.shown(entry)) == ""
    assert found.lines[0].transaction_currency == "CAD"
    assert {balance.account: balance.home_minor for balance in opened.ledger.balances()} == {
        "1120": 292_000,
        "4000": -292_000,
    }


@pytest.mark.parametrize(
    "entry",
    [
        abroad("0.7301"),
        replace(abroad(), lines=(*abroad().lines[:1], leg("4000", -292_000))),
        replace(
            abroad(),
            lines=(*abroad().lines, leg("1120", 1, transaction_minor=0, transaction_currency="CAD"), leg("6000", -1)),
        ),
    ],
    ids=["a rate that does not give the cents", "two currencies", "a revaluation"],
)
def test_what_one_rate_cannot_tell_is_sent_in_home_currency(books: Open, entry: Entry) -> None:
    """The home amounts are what must be kept; the foreign one stands in the description, for people."""
    opened = books(settings={"multicurrency": True}, is_multicurrency=True)
    opened.ledger.post(entry, token(entry))
    document = posts(opened)[0].document
    assert document["CurrencyRef"] == {"value": "USD"}
    assert "of CAD 4000.00 at" in document["Line"][0]["Description"]
    found = opened.ledger.find([entry.key])[entry.key].entry
    assert found == opened.ledger.shown(entry)
    assert [line.home_minor for line in found.lines] == [line.home_minor for line in entry.lines]


def tagged() -> Entry:
    """An entry whose lines carry everything."""
    lines = (
        leg("1120", 100, role="payout", channel="amazon_us", location="fba", tax_code="US-CA", memo="to the bank [x]"),
        leg("4000", -100, channel="amazon_us", memo="goods; 50% off"),
    )
    return replace(sale(1), lines=lines)


def test_channel_and_location_are_class_and_location_where_tracked(books: Open) -> None:
    """Else they stand in the description. Read back they are the same either way."""
    wanted = {"use_classes": True, "use_departments": True}
    tracked = books(settings=wanted, classes=("web", "amazon_us"), departments=("fba",))
    switched_off = books(settings=wanted)
    for opened in (tracked, switched_off, books()):
        opened.ledger.post(tagged(), token(tagged()))
        assert opened.ledger.find([tagged().key])[tagged().key].entry == opened.ledger.shown(tagged())
    line = posts(tracked)[0].document["Line"][0]
    assert line["JournalEntryLineDetail"]["ClassRef"] == {"value": "ClassRef1"}
    assert line["JournalEntryLineDetail"]["DepartmentRef"] == {"value": "DepartmentRef0"}
    assert line["Description"] == "to the bank [x] [payout; tax US-CA]"
    line = posts(switched_off)[0].document["Line"][0]
    assert "ClassRef" not in line["JournalEntryLineDetail"]
    assert line["Description"] == "to the bank [x] [payout; channel amazon_us; location fba; tax US-CA]"
    assert [finding.check for finding in switched_off.ledger.verify()] == ["use_classes", "use_departments"]
    assert list(tracked.ledger.verify()) == []


def test_a_class_that_does_not_exist_holds_the_entry(books: Open) -> None:
    """Booked without it, the channel's report would be short in silence."""
    opened = books(settings={"use_classes": True}, classes=("web",))
    with pytest.raises(LedgerRefused, match="no channel called amazon_us") as caught:
        opened.ledger.post(tagged(), token(tagged()))
    assert caught.value.code == "unknown_dimension"


def edited(opened: Opened, **changes: Any) -> str:
    """What the ledger holds of sale 1 after a user has edited it there, as a difference from what was sent."""
    record = opened.system.entries[0]
    record.update(json.loads(json.dumps(changes, default=float), parse_float=Decimal))
    found = opened.ledger.find([sale(1).key])[sale(1).key]
    return difference(found.entry, opened.ledger.shown(sale(1)))


def test_edits_in_quickbooks_are_found(books: Open) -> None:
    """Each field that a user can change, the stamp and the number included."""
    opened = books()
    opened.ledger.post(sale(1), token(sale(1)))
    note, lines = opened.system.entries[0]["PrivateNote"], opened.system.entries[0]["Line"]
    assert edited(opened, TxnDate="2026-10-15").startswith("posting_date")
    assert edited(opened, TxnDate="2026-10-14", PrivateNote="see Ann").startswith("memo: see Ann")
    assert edited(opened, PrivateNote=note.replace("Settlement 1", "Settlement 7")).startswith("memo: Settlement 7")
    assert edited(opened, PrivateNote=note.replace("key=settlement:1", "key=settlement:2")).startswith(
        "memo: (settlement:2"
    )
    assert edited(opened, PrivateNote=note, Line=lines[:2]).startswith("number of lines")
    other = json.loads(json.dumps(lines, default=float), parse_float=Decimal)
    other[1]["JournalEntryLineDetail"]["AccountRef"]["value"] = "77"
    assert edited(opened, Line=other).startswith("line 2 account: 1000 in the ledger, 6000 sent")
    assert edited(opened, Line=lines) == ""
    opened.system.entries[0]["DocNumber"] = "mine"
    assert opened.ledger.find([sale(1).key]) == {}


def test_an_entry_that_is_there_twice_is_told(books: Open) -> None:
    """Somebody copied it: one of the two must go, and neither is taken for what was sent."""
    opened = books()
    opened.ledger.post(sale(1), token(sale(1)))
    opened.system.entries.append({**opened.system.entries[0], "Id": "4242"})
    found = opened.ledger.find([sale(1).key])[sale(1).key]
    assert "in the ledger twice: 1000, 4242" in difference(found.entry, opened.ledger.shown(sale(1)))


def test_receivables_and_payables_take_no_lines(books: Open) -> None:
    """They need a customer or vendor, which an entry of ours does not have."""
    opened = books()
    opened.system.accounts[0]["AccountType"] = "Accounts Receivable"
    opened.system.accounts.append({"Id": "5", "Name": "no number", "Active": True, "AccountType": "Bank"})
    opened.system.accounts.append(
        {"Id": "6", "AcctNum": "6999", "Name": "again", "Active": True, "AccountType": "Bank"}
    )
    assert opened.ledger.accounts() == {"1000": False, "1120": True, "4000": True, "6000": True, "6999": True}


@pytest.mark.parametrize("fate", ["dropped after", "failed after", "cut after", "page after", "late"])
def test_an_answer_that_was_lost_is_looked_up(books: Open, fate: str) -> None:
    """Also where request ids do nothing and the entry arrives when nobody waits for it any more."""
    opened = books(request_ids_kept=0)
    opened.ledger.accounts()
    opened.server.plan = FaultPlan(3, 1, probability=1, fates=[fate])
    opened.server.plan.next = lambda is_write, n=opened.server.plan.next: n(True) if is_write else ""  # type: ignore[method-assign]
    answers = opened.ledger.post_many(many(3))
    assert [isinstance(answer, str) for answer in answers.values()] == [True] * 3
    assert len(opened.system.booked) == 3


def test_a_ledger_that_does_not_answer_leaves_the_entry_uncertain(books: Open) -> None:
    """The next run looks it up."""
    opened = books()
    opened.ledger.accounts()
    opened.server.plan = FaultPlan(3, 99, probability=9, fates=["failed before"])
    with pytest.raises(LedgerUncertain, match="503"):
        opened.ledger.post(sale(1), token(sale(1)))
    assert opened.system.booked == []


def test_limits_are_kept(books: Open) -> None:
    """The server counts: nobody is ever told to wait in a day of 300 lookups and 40 batches."""
    opened = books()
    for start in range(0, 1_200, 300):
        postings = [(entry, token(entry)) for entry in map(sale, range(start, start + 300))]
        opened.ledger.post_many(postings)
        opened.ledger.find([entry.key for entry, _ in postings])
    assert len(opened.system.booked) == 1_200
    assert len(posts(opened)) == 40
    assert opened.clock.now - 1795161600 < 1_200


def test_the_worked_settlement_is_the_constructed_payload(samples: Path) -> None:
    """Accounts, amounts, sides, descriptions, class and location of example A1."""
    constructed = read_json((samples / "ledgers" / "constructed_qbo_A1.json").read_bytes())["body"]
    entry = worked(samples, location="store")
    codes = {line.account for line in entry.lines}
    company = Company(
        "USD",
        {code: f"<id of {code}>" for code in codes},
        frozenset(codes),
        class_ids={"Amazon US": "<channel class>"},
        department_ids={"store": "<location>"},
    )
    made = payload(entry, "token", company, multicurrency=False)
    assert made["Line"] == constructed["Line"]
    assert made["TxnDate"] == constructed["TxnDate"]


def worked(samples: Path, location: str = "") -> Entry:
    """Entry A1 of the worked examples."""
    example = next(e for e in json.loads((samples / "ledgers" / "worked_examples.json").read_text()) if e["id"] == "A1")
    lines = tuple(
        EntryLine(
            line["account"][:4], line["minor"], line["currency"], line["minor"], line["currency"],
            channel="Amazon US", location=location, memo=line["account"],
        )
        for line in example["lines"]
    )  # fmt: skip
    return Entry("amazon:settlement:1001#1", date.fromisoformat(example["date"]), example["memo"], lines)
