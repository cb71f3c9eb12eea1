"""Requests to one company of QuickBooks Online: its limits, its paging, its faults, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from retail_sync.core.errors import LedgerUncertain
from retail_sync.core.exact_json import write_json
from retail_sync.core.http import Answer, HttpClient, Limits
from retail_sync.core.http_errors import Answered
from retail_sync.ledger.quickbooks_entries import Company
from retail_sync.ledger.quickbooks_faults import fault_of, refusal, told
from retail_sync.settings import QuickBooksSettings

# 500 requests a minute and 10 a second are allowed; 40 batches a minute, hence their cost.
LIMITS = Limits(per_minute=390, burst=3, wait_max=90, total=150)
_BATCH_COST = 10
_MINOR_VERSION = "75"
_ROWS = 1_000
_COMPANY_LASTS_SECONDS = 60
_NEEDS_AN_ENTITY = frozenset({"Accounts Receivable", "Accounts Payable"})


class QuickBooksApi:
    """One company, asked and told over HTTP."""

    def __init__(self, client: HttpClient, settings: QuickBooksSettings) -> None:
        self.clock = client.clock
        self._client = client
        self._settings = settings
        self._root = f"/v3/company/{settings.realm_id}"
        self._company: tuple[float, Company] | None = None

    def forget(self) -> None:
        """Ask anew what the company is like: what we knew of it led to a refusal."""
        self._company = None

    def create(self, path: str, document: Mapping[str, Any], request_id: str) -> Any:
        """Create what the document says and return the answer, a Fault included. Raises HttpError."""
        cost = _BATCH_COST if path == "/batch" else 1
        body = write_json(document).encode()
        query = {"minorversion": _MINOR_VERSION, "requestid": request_id}
        headers = {"Content-Type": "application/json"}
        try:
            return self._client.request(
                "POST", self._root + path, query=query, body=body, headers=headers, may_repeat=False, cost=cost
            ).document
        except Answered as answer:
            if fault_of(answer.document) and not answer.may_have_acted:
                return answer.document
            raise

    def company(self) -> Company:
        """Return what QuickBooks says of the company, at most a minute old."""
        now = self.clock.monotonic()
        if not self._company or now - self._company[0] > _COMPANY_LASTS_SECONDS:
            self._company = now, self._load()
        return self._company[1]

    def _load(self) -> Company:
        said = self.get("/preferences", {})["Preferences"]
        currencies, closed = said.get("CurrencyPrefs", {}), said.get("AccountingInfoPrefs", {}).get("BookCloseDate")
        chart = [row for row in self.rows("Account", "where Active in (true, false)") if row.get("AcctNum")]
        chart.sort(key=lambda row: bool(row.get("Active")))  # a number that is used again belongs to the active account
        settings = self._settings
        return Company(
            currencies.get("HomeCurrency", {}).get("value", ""),
            {row["AcctNum"]: str(row["Id"]) for row in chart},
            frozenset(r["AcctNum"] for r in chart if r.get("Active") and r.get("AccountType") not in _NEEDS_AN_ENTITY),
            date.fromisoformat(closed) if closed else None,
            self._ids("Class") if settings.use_classes and has_classes(said) else None,
            self._ids("Department") if settings.use_departments and has_departments(said) else None,
            bool(currencies.get("MultiCurrencyEnabled")),
            said,
        )

    def _ids(self, kind: str) -> Mapping[str, str]:
        return {row.get("FullyQualifiedName") or row["Name"]: str(row["Id"]) for row in self.rows(kind, "")}

    def rows(self, kind: str, condition: str) -> Iterator[Mapping[str, Any]]:
        """Yield every object of a kind that a condition selects."""
        start = 1
        while True:
            statement = f"select * from {kind} {condition} startposition {start} maxresults {_ROWS}"  # noqa: S608
            answer = self.get("/query", {"query": statement})
            if "QueryResponse" not in answer:  # taken as "nothing there" it would let an entry be booked twice
                raise LedgerUncertain("QuickBooks Online: a query was not answered as one", "run again later")
            rows = answer["QueryResponse"].get(kind, [])
            yield from rows
            if len(rows) < _ROWS:
                return
            start += _ROWS

    def get(self, path: str, query: Mapping[str, str]) -> Any:
        """Read something. Raises HttpError, or LedgerUncertain where QuickBooks answers with a fault."""
        answer: Answer = self._client.request(
            "GET", self._root + path, query={**query, "minorversion": _MINOR_VERSION}, may_repeat=True
        )
        if fault := fault_of(answer.document):
            refusal(path, fault)
            raise LedgerUncertain(f"QuickBooks Online, {path}: {told(fault)}", "run again later")
        return answer.document or {}


def has_classes(said: Mapping[str, Any]) -> bool:
    """Whether classes are tracked."""
    tracking = said.get("AccountingInfoPrefs", {})
    return bool(tracking.get("ClassTrackingPerTxnLine") or tracking.get("ClassTrackingPerTxn"))


def has_departments(said: Mapping[str, Any]) -> bool:
    """Whether locations are tracked."""
    return bool(said.get("AccountingInfoPrefs", {}).get("TrackDepartments"))
