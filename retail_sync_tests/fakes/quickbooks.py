"""A company of QuickBooks Online: journal entries, batches, queries, preferences, the trial balance.

Made from Intuit's reference pages and what public code saw of the real one. Its preferences decide what it checks, as there:
a duplicate number is refused only where `WarnDuplicateJournalNumber` says so.
"""

from __future__ import annotations

import re
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.tokens import TOKEN_PATH, FakeTokens

REALM = "9130347"
_CENT = Decimal("0.01")
_SELECT = re.compile(r"select \* from (\w+)\s*(?:where (.*?) )?\s*startposition (\d+) maxresults (\d+)")


class Refused(Exception):
    """A Fault."""

    def __init__(self, code: str, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.detail = code, message, detail

    def document(self) -> dict[str, Any]:
        """The Fault as JSON."""
        error = {"Message": self.message, "Detail": self.detail or self.message, "code": self.code, "element": ""}
        return {"Fault": {"Error": [error], "type": "ValidationFault"}, "time": "2026-11-20T00:00:00.000-08:00"}


@dataclass
class FakeQuickBooks:
    """State and checks. `booked` is the log of what came into effect, as it was received."""

    clock: FakeClock
    chart: Iterable[tuple[str, str, bool]] = ()
    home_currency: str = "USD"
    is_multicurrency: bool = False
    closed_until: str = ""
    warns_of_duplicates: bool = False
    classes: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    faults_as_200: bool = False
    remembers_faults: bool = True
    request_ids_kept: int = 10_000
    closed_code: str = "6210"
    duplicate_code: str = "6140"
    books_open_until: str = ""
    half: bool = False
    booked: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tokens = FakeTokens(self.clock.time)
        self.accounts = [
            {"Id": f"{77 + n}", "AcctNum": code, "Name": name, "Active": is_active, "AccountType": "Other"}
            for n, (code, name, is_active) in enumerate(self.chart)
        ]
        self._replies: OrderedDict[str, Any] = OrderedDict()
        self._times: list[float] = []
        self.books_open_until = self.closed_until

    # What happens to it from outside.

    def expire_tokens(self) -> None:
        """Refuse the access token that is in use."""
        self.tokens.expire()

    def move_books(self) -> None:
        """Close the books to the end of October, or back."""
        self.closed_until = "2026-10-31" if self.closed_until == self.books_open_until else self.books_open_until

    def flip_duplicates(self) -> None:
        """Switch the preference."""
        self.warns_of_duplicates = not self.warns_of_duplicates

    # Requests.

    def is_write(self, request: Request) -> bool:
        """Whether a request may book something."""
        return request.method == "POST" and request.path != TOKEN_PATH

    def answer(self, request: Request) -> Reply:
        """Carry a request out."""
        if request.path == TOKEN_PATH:
            return self.tokens.answer(request)
        if not self.tokens.admits(request):
            error = {"message": "message=AuthenticationFailed; errorCode=003200", "code": "3200"}
            return Reply(401, {"fault": {"error": [error], "type": "AUTHENTICATION"}})
        if reply := self._throttled():
            return reply
        assert request.path.startswith(f"/v3/company/{REALM}/"), request.path
        assert int(request.query["minorversion"]) >= 75, "no longer supported"
        try:
            return Reply(200, self._routed(request, request.path.removeprefix(f"/v3/company/{REALM}")))
        except Refused as refused:
            return Reply(200 if self.faults_as_200 else 400, refused.document())

    def _throttled(self) -> Reply | None:
        now = self.clock.time()
        self._times = [at for at in self._times if at > now - 60]
        if len(self._times) >= 500 or sum(at > now - 1 for at in self._times) >= 10:
            error = {"Message": "ThrottleExceeded", "code": "3001"}
            return Reply(429, {"Fault": {"Error": [error], "type": "THROTTLE"}}, {"Retry-After": "60"})
        self._times.append(now)
        return None

    def _routed(self, request: Request, path: str) -> Any:
        match request.method, path:
            case "GET", "/preferences":
                return {"Preferences": self._preferences(), "time": ""}
            case "GET", "/query":
                return self._query(request.query["query"])
            case "GET", "/reports/TrialBalance":
                return self._trial_balance(request.query["start_date"], request.query["end_date"])
            case "POST", "/journalentry":
                return self._keyed(request, 50, lambda: self._one(request))
            case "POST", "/batch":
                return self._keyed(request, 36, lambda: self._batch(request))
        raise Refused("4001", f"no such resource: {request.method} {path}")

    def _keyed(self, request: Request, length_max: int, carry_out: Any) -> Any:
        """Give the first answer again to a request id that is still known."""
        request_id = request.query.get("requestid", "")
        if len(request_id) > length_max:
            raise Refused("2130", "InvalidRequestIdFormat")
        if request_id in self._replies:
            kept = self._replies[request_id]
            if isinstance(kept, Refused):
                raise kept
            return kept
        try:
            document = carry_out()
        except Refused as refused:
            if request_id and self.remembers_faults:
                self._keep(request_id, refused)
            raise
        if request_id and not self.half:
            self._keep(request_id, document)
        return document

    def _keep(self, request_id: str, document: Any) -> None:
        self._replies[request_id] = document
        while len(self._replies) > self.request_ids_kept:
            self._replies.popitem(last=False)

    def _one(self, request: Request) -> Any:
        document = request.document
        if request.query.get("operation") == "delete":
            record = self._current(document)
            self.entries.remove(record)
            return {"JournalEntry": {"Id": record["Id"], "status": "Deleted", "domain": "QBO"}}
        if "Id" in document:
            record = self._current(document)
            record.update({**document, "SyncToken": str(int(record["SyncToken"]) + 1)})
            return {"JournalEntry": record}
        return {"JournalEntry": self._create(document)}

    def _current(self, document: dict[str, Any]) -> dict[str, Any]:
        record = next((record for record in self.entries if record["Id"] == document["Id"]), None)
        if record is None:
            raise Refused("610", "Object Not Found", "Something you're trying to use has been made inactive")
        if record["SyncToken"] != document.get("SyncToken"):
            raise Refused("5010", "Stale Object Error", "You and root were working on this at the same time")
        return record

    def _batch(self, request: Request) -> Any:
        items = request.document["BatchItemRequest"]
        if len(items) > 30:
            raise Refused("1040", "too many items in a batch")
        if request.query.get("requestid") and any(len(item["bId"]) > 10 for item in items):
            raise Refused("2130", "InvalidRequestIdFormat")
        answers = []
        for item in items[: len(items) // 2] if self.half else items:
            try:
                assert item["operation"] == "create"
                answers.append({"bId": item["bId"], "JournalEntry": self._create(item["JournalEntry"])})
            except Refused as refused:
                answers.append({"bId": item["bId"], "Fault": refused.document()["Fault"]})
        return {"BatchItemResponse": answers, "time": ""}

    def _create(self, document: dict[str, Any]) -> dict[str, Any]:
        self._check(document)
        number = document.get("DocNumber")
        if self.warns_of_duplicates and any(record.get("DocNumber") == number for record in self.entries):
            raise Refused(self.duplicate_code, "Duplicate Document Number Error", f"DocNumber={number} is assigned")
        record = {
            "TxnDate": datetime.fromtimestamp(self.clock.time(), UTC).date().isoformat(),
            **document,
            "Id": str(1_000 + len(self.booked)),
            "SyncToken": "0",
            "domain": "QBO",
            "TotalAmt": 0,
            "HomeTotalAmt": 0,
            "Line": [{"Id": str(n), **line} for n, line in enumerate(document["Line"])],
        }
        self.booked.append(document)
        self.entries.append(record)
        return record

    def _check(self, document: dict[str, Any]) -> None:
        if len(document.get("DocNumber") or "") > 21:
            raise Refused("2050", "Invalid String length", "DocNumber: max 21")
        if len(document.get("PrivateNote") or "") > 4_000:
            raise Refused("2050", "Invalid String length", "PrivateNote: max 4000")
        if not document.get("Line"):
            raise Refused("2250", "Required param missing: Line")
        if self.is_multicurrency and not document.get("CurrencyRef"):
            raise Refused("6000", "A business validation error has occurred", "CurrencyRef is required")
        if not self.is_multicurrency and document.get("CurrencyRef", {}).get("value", "USD") != self.home_currency:
            raise Refused("6000", "A business validation error has occurred", "Multi Currency should be enabled")
        for line in document["Line"]:
            self._check_line(line)
        sums = defaultdict(Decimal)
        for line in document["Line"]:
            sums[line["JournalEntryLineDetail"]["PostingType"]] += line["Amount"]
        if sums["Debit"] != sums["Credit"]:
            raise Refused("2300", "Debits and credits are not equal", "Total debits must equal total credits")
        if self.closed_until and document.get("TxnDate", "9999") <= self.closed_until:
            raise Refused(
                self.closed_code,
                "Account Period Closed, Cannot Update Through Services API",
                "The account period has closed and the account books cannot be updated through the QBO Services API.",
            )

    def _check_line(self, line: dict[str, Any]) -> None:
        detail = line["JournalEntryLineDetail"]
        if detail.get("PostingType") not in ("Debit", "Credit"):
            raise Refused("2260", "Required param missing: PostingType")
        if line["Amount"] < 0:
            raise Refused("2290", "Amount is negative")
        if len(line.get("Description") or "") > 4_000:
            raise Refused("2050", "Invalid String length", "Description: max 4000")
        account = next((a for a in self.accounts if a["Id"] == detail["AccountRef"]["value"]), None)
        if account is None:
            raise Refused(
                "2500", "Invalid Reference Id", f"Accounts element id {detail['AccountRef']['value']} not found"
            )
        if not account["Active"]:
            raise Refused("610", "Object Not Found", "Something you're trying to use has been made inactive: account")
        if account["AccountType"] in ("Accounts Receivable", "Accounts Payable") and not detail.get("Entity"):
            raise Refused("6000", "A business validation error has occurred", "a customer or vendor is required")
        for name, known in (("ClassRef", self.classes), ("DepartmentRef", self.departments)):
            if name in detail and detail[name]["value"] not in {f"{name}{n}" for n in range(len(known))}:
                raise Refused("2500", "Invalid Reference Id", f"{name} element id {detail[name]['value']} not found")

    # Reading.

    def _preferences(self) -> dict[str, Any]:
        accounting = {
            "ClassTrackingPerTxn": False,
            "ClassTrackingPerTxnLine": bool(self.classes),
            "TrackDepartments": bool(self.departments),
            "UseAccountNumbers": True,
        }
        if self.closed_until:
            accounting["BookCloseDate"] = self.closed_until
        warns = {"Name": "WarnDuplicateJournalNumber", "Value": str(self.warns_of_duplicates).lower()}
        currency = {"MultiCurrencyEnabled": self.is_multicurrency, "HomeCurrency": {"value": self.home_currency}}
        return {"AccountingInfoPrefs": accounting, "CurrencyPrefs": currency, "OtherPrefs": {"NameValue": [warns]}}

    def _query(self, statement: str) -> Any:
        found = _SELECT.fullmatch(statement.strip())
        if not found:
            raise Refused("4000", "Error parsing query", statement)
        kind, condition, start, rows_max = found[1], found[2] or "", int(found[3]), int(found[4])
        rows: list[Any] = {
            "JournalEntry": self.entries,
            "Account": self.accounts,
            "Class": [{"Id": f"ClassRef{n}", "Name": name} for n, name in enumerate(self.classes)],
            "Department": [{"Id": f"DepartmentRef{n}", "Name": name} for n, name in enumerate(self.departments)],
        }[kind]
        if kind == "Account" and "Active in (true, false)" not in condition:
            rows = [row for row in rows if row["Active"]]
        if listed := re.fullmatch(r"DocNumber in \((.*)\)", condition):
            wanted = set(re.findall(r"'([^']*)'", listed[1]))
            rows = [row for row in rows if row.get("DocNumber") in wanted]
        page = rows[start - 1 : start - 1 + rows_max]
        answer = {kind: page, "startPosition": start, "maxResults": len(page)} if page else {}
        return {"QueryResponse": answer, "time": ""}

    def _trial_balance(self, start: str, end: str) -> Any:
        sums: dict[str, Decimal] = {}
        for record in self.entries:
            if not start <= record["TxnDate"] <= end:
                continue
            rate = Decimal(record.get("ExchangeRate") or 1)
            for line in record["Line"]:
                detail = line["JournalEntryLineDetail"]
                home = (line["Amount"] * rate).quantize(_CENT, ROUND_HALF_UP)
                signed = home if detail["PostingType"] == "Debit" else -home
                sums[detail["AccountRef"]["value"]] = sums.get(detail["AccountRef"]["value"], Decimal(0)) + signed
        names = {account["Id"]: f"{account['AcctNum']} {account['Name']}" for account in self.accounts}
        rows: list[Any] = [
            {
                "ColData": [
                    {"value": names[account_id], "id": account_id},
                    {"value": f"{amount}" if amount > 0 else ""},
                    {"value": f"{-amount}" if amount < 0 else ""},
                ]
            }
            for account_id, amount in sums.items()
        ]
        rows.append({"group": "GrandTotal", "type": "Section", "Summary": {"ColData": [{"value": "TOTAL"}]}})
        return {"Header": {"ReportName": "TrialBalance"}, "Rows": {"Row": rows}}
