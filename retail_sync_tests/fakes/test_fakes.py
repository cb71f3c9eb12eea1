"""The fakes check what the real ones check: a fake that takes everything would let everything pass."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.quickbooks import REALM, FakeQuickBooks
from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.xero import TENANT, FakeXero

CHART = (("1000", "Bank", True), ("4000", "Sales", True), ("6999", "Old", False))


class Caller:
    """Somebody who is signed in and sends raw requests."""

    def __init__(self, system: Any) -> None:
        self.system = system
        basic = {"authorization": "Basic " + base64.b64encode(b"app:app-secret").decode()}
        form = b"grant_type=refresh_token&refresh_token=refresh-0"
        token = system.answer(Request("POST", "/token", {}, basic, form)).document["access_token"]
        self.headers = {"authorization": f"Bearer {token}", "xero-tenant-id": TENANT}

    def __call__(self, method: str, path: str, body: Any = None, key: str = "", **query: str) -> Reply:
        """Send a request."""
        headers = {**self.headers, "idempotency-key": key}
        reply: Reply = self.system.answer(Request(method, path, query, headers, json.dumps(body).encode()))
        return reply


def qbo(**habits: Any) -> Caller:
    """A company."""
    return Caller(FakeQuickBooks(FakeClock(), CHART, **habits))


def created(call: Caller, document: Any, request_id: str = "", operation: str = "", path: str = "journalentry") -> Any:
    """Send a journal entry or a batch; return the answer's document."""
    query = {"minorversion": "75", "requestid": request_id, "operation": operation}
    return call("POST", f"/v3/company/{REALM}/{path}", document, **query).document


def code(document: Any) -> str:
    """The code of a Fault."""
    return str(document["Fault"]["Error"][0]["code"])


def journal(number: str = "A", debit: float = 10, account: str = "77", **other: Any) -> Any:
    """A journal entry of 10.00."""
    sides = (("Debit", account, debit), ("Credit", "78", 10))
    return {
        "DocNumber": number,
        "Line": [
            {
                "DetailType": "JournalEntryLineDetail",
                "Amount": amount,
                "JournalEntryLineDetail": {"PostingType": side, "AccountRef": {"value": account_id}},
            }
            for side, account_id, amount in sides
        ],
        **other,
    }


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (journal("x" * 22), "2050"),
        (journal(debit=9), "2300"),
        (journal(debit=-10), "2290"),
        (journal(account="12"), "2500"),
        (journal(account="79"), "610"),
        (journal(TxnDate="2026-09-30"), "6210"),
        (journal(CurrencyRef={"value": "CAD"}), "6000"),
        ({"DocNumber": "A"}, "2250"),
        (journal(PrivateNote="x" * 4_001), "2050"),
    ],
)
def test_quickbooks_refuses(document: Any, expected: str) -> None:
    """With the code of Intuit's list, and books nothing."""
    call = qbo(closed_until="2026-09-30")
    assert code(created(call, document)) == expected
    assert call.system.booked == []


def test_quickbooks_refuses_a_number_twice_only_where_it_is_told_to() -> None:
    """As a real sandbox has it: off."""
    call = qbo()
    created(call, journal())
    created(call, journal())
    call.system.flip_duplicates()
    assert code(created(call, journal())) == "6140"
    assert len(call.system.booked) == 2


def test_quickbooks_remembers_request_ids_for_a_while() -> None:
    """A repeat returns the first answer, also where the body is another one."""
    call = qbo(request_ids_kept=1)
    first = created(call, journal("A"), "one")
    assert created(call, journal("B"), "one") == first
    created(call, journal("C"), "two")
    created(call, journal("A"), "one")
    assert [document["DocNumber"] for document in call.system.booked] == ["A", "C", "A"]
    assert code(created(call, journal(), "x" * 51)) == "2130"
    item = {"bId": "x" * 11, "operation": "create", "JournalEntry": journal()}
    assert code(created(call, {"BatchItemRequest": [item]}, "short", path="batch")) == "2130"
    assert code(created(call, {"BatchItemRequest": []}, "x" * 37, path="batch")) == "2130"


def test_quickbooks_takes_a_change_only_of_the_newest_state() -> None:
    """By its SyncToken."""
    call = qbo()
    entry = created(call, journal())["JournalEntry"]
    assert entry["TotalAmt"] == 0
    assert entry["TxnDate"] == "2026-11-20"
    changed = created(call, {"Id": entry["Id"], "SyncToken": "0", "PrivateNote": "x"})["JournalEntry"]
    assert changed["SyncToken"] == "1"
    assert code(created(call, {"Id": entry["Id"], "SyncToken": "0"}, operation="delete")) == "5010"
    created(call, {"Id": entry["Id"], "SyncToken": "1"}, operation="delete")
    assert call.system.entries == []
    assert code(created(call, {"Id": entry["Id"], "SyncToken": "1"})) == "610"


def test_both_count_requests() -> None:
    """And say when to come back."""
    call = qbo()
    replies = [call("GET", f"/v3/company/{REALM}/preferences", minorversion="75") for _ in range(11)]
    assert [reply.status for reply in replies] == [200] * 10 + [429]
    xero = Caller(FakeXero(FakeClock(), CHART))
    replies = [xero("GET", "/Organisation") for _ in range(61)]
    assert [reply.status for reply in replies] == [200] * 60 + [429]
    assert replies[-1].headers == {"Retry-After": "30", "X-Rate-Limit-Problem": "minute"}
    assert replies[9].headers["X-MinLimit-Remaining"] == "50"


def manual(url: str = "A", first: float = 10, account: str = "1000", **other: Any) -> Any:
    """A manual journal of 10.00."""
    lines = [{"LineAmount": first, "AccountCode": account}, {"LineAmount": -10, "AccountCode": "4000"}]
    return {"Narration": "x", "Url": url, "Date": "2026-10-14", "JournalLines": lines, **other}


def test_xero_answers_200_with_a_mix() -> None:
    """The one with an unknown account as in the official example: a warning, and an error because of it."""
    call = Caller(FakeXero(FakeClock(), CHART))
    body = {"ManualJournals": [manual("A"), manual("B", account="476")]}
    reply = call("PUT", "/ManualJournals", body, summarizeErrors="false")
    good, bad = reply.document["ManualJournals"]
    assert reply.status == 200
    assert good["Status"] == "DRAFT"
    assert "has been removed" in bad["Warnings"][0]["Message"]
    assert "must equal total credits (-10.00)" in bad["ValidationErrors"][0]["Message"]
    assert [document["Url"] for document in call.system.booked] == ["A"]
    assert call("PUT", "/ManualJournals", body).status == 400
    assert len(call.system.booked) == 1


def test_xero_remembers_keys_with_their_request() -> None:
    """A repeat returns the first answer, another body under the same key is refused."""
    call = Caller(FakeXero(FakeClock(), CHART))
    body = {"ManualJournals": [manual()]}
    first = call("PUT", "/ManualJournals", body, "k")
    assert call("PUT", "/ManualJournals", body, "k").document == first.document
    assert call("PUT", "/ManualJournals", {"ManualJournals": [manual("B")]}, "k").status == 400
    assert call("PUT", "/ManualJournals", body, "k" * 129).status == 400
    assert len(call.system.booked) == 1


def test_xero_pages_and_filters() -> None:
    """By address; a condition it cannot read is an error, as there."""
    call = Caller(FakeXero(FakeClock(), CHART))
    call("PUT", "/ManualJournals", {"ManualJournals": [manual(str(n)) for n in range(5)]})
    page = call("GET", "/ManualJournals", where='Url=="1" OR Url=="3" OR Url=="4"', page="2", pageSize="2")
    assert [row["Url"] for row in page.document["ManualJournals"]] == ["4"]
    assert call("GET", "/ManualJournals", where='Narration.Contains("x")').status == 500


def test_xero_is_locked_and_wants_its_tenant() -> None:
    """The lock date itself is locked."""
    call = Caller(FakeXero(FakeClock(), CHART, closed_until="2026-10-14"))
    body = {"ManualJournals": [manual()]}
    reply = call("PUT", "/ManualJournals", body, summarizeErrors="false")
    assert "lock date of 14 October 2026" in str(reply.document)
    call.headers["xero-tenant-id"] = "other"
    assert call("GET", "/Organisation").status == 403
    call.system.expire_tokens()
    assert call("GET", "/Organisation").status == 401
