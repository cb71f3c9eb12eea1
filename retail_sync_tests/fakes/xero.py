"""An organisation of Xero: manual journals, accounts, tracking, lock dates, the trial balance.

Made from the official OpenAPI description and its examples. With `schema` every list of journals is checked against the
description itself, unknown fields included.
"""

from __future__ import annotations

import calendar
import re
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import jsonschema

from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.tokens import TOKEN_PATH, FakeTokens

TENANT = "b2c885a9-4bb9-4a00-9b6e-6c2bf60b1a2b"
_NO_ID = "00000000-0000-0000-0000-000000000000"
_WRITABLE = {
    "ManualJournal": {
        "Narration", "JournalLines", "Date", "LineAmountTypes", "Status", "Url", "ShowOnCashBasisReports",
    },
    "ManualJournalLine": {"LineAmount", "AccountCode", "AccountID", "Description", "TaxType", "Tracking", "TaxAmount"},
    "TrackingCategory": {"TrackingCategoryID", "TrackingOptionID", "Name", "Option"},
}  # fmt: skip


def ms_date(day: str) -> str:
    """A day as Xero writes it."""
    return f"/Date({calendar.timegm(date.fromisoformat(day).timetuple())}000+0000)/"


def journals_validator(description: Mapping[str, Any]) -> jsonschema.Draft202012Validator:
    """Return a validator of the body of `PUT /ManualJournals`; fields that the description does not have are refused."""
    schemas = dict(description["components"]["schemas"])
    for name, allowed in _WRITABLE.items():
        known = schemas[name]["properties"]
        assert allowed <= set(known), f"{name} of the official description lacks {allowed - set(known)}"
        properties = {field: {**known[field], "nullable": False} for field in allowed}
        schemas[name] = {**schemas[name], "properties": properties, "additionalProperties": False}
    root = {"$ref": "#/components/schemas/ManualJournals", "components": {"schemas": schemas}}
    return jsonschema.Draft202012Validator(root)


@dataclass
class FakeXero:
    """State and checks. `booked` is the log of what came into effect, as it was received."""

    clock: FakeClock
    chart: Iterable[tuple[str, str, bool]] = ()
    base_currency: str = "USD"
    closed_until: str = ""
    tracking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bank_codes: tuple[str, ...] = ()
    validator: jsonschema.Draft202012Validator | None = None
    keys_kept: int = 10_000
    remembers_errors: bool = True
    per_minute: int = 60
    half: bool = False
    booked: list[dict[str, Any]] = field(default_factory=list)
    journals: list[dict[str, Any]] = field(default_factory=list)
    warn_and_drop: bool = False  # a line of an unknown account is taken out, as in the official example

    def __post_init__(self) -> None:
        self.tokens = FakeTokens(self.clock.time, lasts=1_800)
        self.accounts = [
            {
                "AccountID": str(uuid.uuid5(uuid.NAMESPACE_OID, code)),
                "Code": code,
                "Name": name,
                "Status": "ACTIVE" if is_active else "ARCHIVED",
                "Type": "BANK" if code in self.bank_codes else "REVENUE" if code.startswith("4") else "CURRENT",
            }
            for code, name, is_active in self.chart
        ]
        self._replies: OrderedDict[str, tuple[bytes, Reply]] = OrderedDict()
        self._times: list[float] = []
        self.books_open_until = self.closed_until

    # What happens to it from outside.

    def expire_tokens(self) -> None:
        """Refuse the access token that is in use."""
        self.tokens.expire()

    def move_books(self) -> None:
        """Move the lock date to the end of October, or back."""
        self.closed_until = "2026-10-31" if self.closed_until == self.books_open_until else self.books_open_until

    def flip_duplicates(self) -> None:
        """Xero has no check of numbers; keys are forgotten instead."""
        self._replies.clear()

    # Requests.

    def is_write(self, request: Request) -> bool:
        """Whether a request may book something."""
        return request.method == "PUT"

    def answer(self, request: Request) -> Reply:
        """Carry a request out."""
        if request.path == TOKEN_PATH:
            return self.tokens.answer(request)
        if not self.tokens.admits(request):
            return Reply(401, {"Type": None, "Title": "Unauthorized", "Status": 401, "Detail": "TokenExpired"})
        if request.headers.get("xero-tenant-id") != TENANT:
            return Reply(403, {"Title": "Forbidden", "Status": 403, "Detail": "AuthenticationUnsuccessful"})
        now = self.clock.time()
        self._times = [at for at in self._times if at > now - 60]
        if len(self._times) >= self.per_minute:
            return Reply(429, None, {"Retry-After": "30", "X-Rate-Limit-Problem": "minute"})
        self._times.append(now)
        reply = self._routed(request)
        left = {"X-MinLimit-Remaining": str(self.per_minute - len(self._times)), "X-DayLimit-Remaining": "4000"}
        return Reply(reply.status, reply.document, {**reply.headers, **left})

    def _routed(self, request: Request) -> Reply:
        match request.method, request.path:
            case "GET", "/Organisation":
                said = {"BaseCurrency": self.base_currency, "Name": "Shop"}
                if self.closed_until:
                    said |= {"PeriodLockDate": ms_date(self.closed_until), "EndOfYearLockDate": ms_date("2025-12-31")}
                return Reply(200, {"Organisations": [said]})
            case "GET", "/Accounts":
                return Reply(200, {"Accounts": self.accounts})
            case "GET", "/TrackingCategories":
                return Reply(200, {"TrackingCategories": self._categories()})
            case "GET", "/ManualJournals":
                return self._page(request.query)
            case "GET", "/Reports/TrialBalance":
                return Reply(200, {"Reports": [self._trial_balance(request.query["date"])]})
            case "PUT", "/ManualJournals":
                return self._keyed(request)
        return Reply(404, {"Title": "Not found"})

    def _keyed(self, request: Request) -> Reply:
        """Give the first answer again to an idempotency key that is still known."""
        key = request.headers.get("idempotency-key", "")
        if len(key) > 128:
            return _problem("Idempotency-Key is too long")
        if key in self._replies:
            body, reply = self._replies[key]
            return reply if body == request.body else _problem("Idempotency-Key was used with another request")
        if self.validator:
            self.validator.validate(_with_floats(request.document))
        reply = self._create(request.document["ManualJournals"], request.query.get("summarizeErrors") == "false")
        has_errors = any("ValidationErrors" in element for element in reply.document.get("ManualJournals", ()))
        if key and not self.half and (self.remembers_errors or not has_errors):
            self._replies[key] = request.body, reply
            while len(self._replies) > self.keys_kept:
                self._replies.popitem(last=False)
        return reply

    def _create(self, documents: list[dict[str, Any]], each_alone: bool) -> Reply:
        judged = [(document, *self._judged(document)) for document in documents]
        if not each_alone and any(errors for _, _, _, errors in judged):
            elements = [{"ValidationErrors": [{"Message": m} for m in errors]} for *_, errors in judged if errors]
            return Reply(400, {"ErrorNumber": 10, "Type": "ValidationException", "Elements": elements})
        elements = []
        for document, lines, warnings, errors in judged[: len(judged) // 2] if self.half else judged:
            record = {
                "Status": "DRAFT",
                "LineAmountTypes": "NoTax",
                "ShowOnCashBasisReports": True,
                **document,
                "Date": ms_date(document["Date"]),
                "ManualJournalID": _NO_ID,
                "JournalLines": lines,
            }
            if warnings:
                record["Warnings"] = [{"Message": message} for message in warnings]
            if errors:
                record |= {"StatusAttributeString": "ERROR"}
                record["ValidationErrors"] = [{"Message": message} for message in errors]
            else:
                record["ManualJournalID"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"journal {len(self.booked)}"))
                self.booked.append(document)
                self.journals.append(
                    {k: v for k, v in record.items() if k not in ("Warnings", "StatusAttributeString")}
                )
            elements.append(record)
        return Reply(200, {"Status": "OK", "ManualJournals": elements})

    def _judged(self, document: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str], list[str]]:
        """Return (lines that stay, warnings, errors)."""
        warnings, errors, lines = [], [], []
        known = {account["Code"]: account for account in self.accounts}
        for line in document.get("JournalLines", ()):
            account = known.get(line["AccountCode"])
            if account is None:
                code = line["AccountCode"]
                warnings.append(f"Account code '{code}' has been removed as it does not match a recognised account.")
                continue
            if account["Status"] != "ACTIVE":
                errors.append(f"Account code '{line['AccountCode']}' is archived and cannot be used.")
            if account["Type"] == "BANK":
                errors.append("Bank accounts cannot be used in manual journals. Account cannot be used.")
            errors += self._tracking_errors(line.get("Tracking", ()))
            lines.append({**line, "TaxType": "NONE", "AccountID": account["AccountID"], "IsBlank": False})
        debits = sum(line["LineAmount"] for line in lines if line["LineAmount"] > 0)
        credits = sum(line["LineAmount"] for line in lines if line["LineAmount"] < 0)
        if debits + credits and not self.warn_and_drop:
            errors.append(f"The total debits ({debits:.2f}) must equal total credits ({credits:.2f})")
        if len(lines) < 2 or not document.get("Narration"):
            errors.append("A manual journal needs a narration and at least two lines")
        if self.closed_until and document["Date"] <= self.closed_until:
            day = date.fromisoformat(self.closed_until)
            errors.append(f"The document date cannot be before the period lock date of {day:%d %B %Y}")
        return lines, warnings, errors

    def _tracking_errors(self, tracked: Iterable[Mapping[str, str]]) -> list[str]:
        tracked = list(tracked)
        if len(tracked) > 2:
            return ["A line can have at most 2 tracking categories"]
        return [
            f"The tracking option {item['Option']} of {item['Name']} could not be found"
            for item in tracked
            if item["Option"] not in self.tracking.get(item["Name"], ())
        ]

    # Reading.

    def _categories(self) -> list[dict[str, Any]]:
        return [
            {"Name": name, "Status": "ACTIVE", "Options": [{"Name": o, "Status": "ACTIVE"} for o in options]}
            for name, options in self.tracking.items()
        ]

    def _page(self, query: Mapping[str, str]) -> Reply:
        where, rows = query.get("where", ""), self.journals
        if where:
            parts = where.split(" OR ")
            if not all(re.fullmatch(r'Url=="[^"]*"', part) for part in parts):
                return Reply(500, {"Title": "QueryParseException"})
            wanted = {part[6:-1] for part in parts}
            rows = [journal for journal in rows if journal.get("Url") in wanted]
        size = min(int(query.get("pageSize", 100)), 1_000)
        start = (int(query.get("page", 1)) - 1) * size
        return Reply(200, {"ManualJournals": rows[start : start + size], "pagination": {"itemCount": len(rows)}})

    def _trial_balance(self, day: str) -> dict[str, Any]:
        sums: dict[str, Decimal] = {}
        for journal in self.journals:
            on = int(re.findall(r"\d+", journal["Date"])[0])
            if journal["Status"] != "POSTED" or on > calendar.timegm(date.fromisoformat(day).timetuple()) * 1000:
                continue
            for line in journal["JournalLines"]:
                sums[line["AccountID"]] = sums.get(line["AccountID"], Decimal(0)) + line["LineAmount"]
        names = {account["AccountID"]: f"{account['Name']} ({account['Code']})" for account in self.accounts}
        rows = []
        for account_id, amount in sums.items():
            figures = [names[account_id], "", "", f"{amount}" if amount > 0 else "", f"{-amount}" if amount < 0 else ""]
            said = [{"Value": account_id, "Id": "account"}]
            rows.append({"RowType": "Row", "Cells": [{"Value": text, "Attributes": said} for text in figures]})
        titles = ["Account", "Debit", "Credit", "YTD Debit", "YTD Credit"]
        total = {"RowType": "SummaryRow", "Cells": [{"Value": "Total"}] + [{"Value": ""}] * 4}
        header = {"RowType": "Header", "Cells": [{"Value": title} for title in titles]}
        return {"Rows": [header, {"RowType": "Section", "Title": "All", "Rows": [*rows, total]}]}


def _problem(message: str) -> Reply:
    return Reply(400, {"ErrorNumber": 10, "Type": "ValidationException", "Message": message, "Elements": []})


def _with_floats(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: _with_floats(value) for name, value in document.items()}
    if isinstance(document, list):
        return [_with_floats(value) for value in document]
    return float(document) if isinstance(document, Decimal) else document
