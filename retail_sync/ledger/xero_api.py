"""Requests to one Xero organisation: its limits, its paging, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from retail_sync.core.errors import LedgerUncertain
from retail_sync.core.exact_json import write_json
from retail_sync.core.http import HttpClient, Limits
from retail_sync.core.http_errors import Answered
from retail_sync.ledger.xero_entries import Tracking, read_date
from retail_sync.settings import XeroSettings

# 60 requests a minute are allowed, 5 at a time; we send one at a time, and stay below also with a full bucket.
LIMITS = Limits(per_minute=50, burst=8, wait_max=90, total=150, remaining_header="X-MinLimit-Remaining")
_PAGE = 100
_ORGANISATION_LASTS_SECONDS = 60
_LOCKS = ("PeriodLockDate", "EndOfYearLockDate")
# Manual journals cannot be booked to these.
_SYSTEM_ACCOUNTS = frozenset({"DEBTORS", "CREDITORS"})


@dataclass(frozen=True, slots=True)
class Organisation:
    """What Xero says of an organisation. `options` are the active options of the tracking categories that we use."""

    base_currency: str
    accounts: Mapping[str, bool]
    codes: Mapping[str, str]
    closed_until: date | None
    options: Mapping[str, frozenset[str]]


class XeroApi:
    """One organisation, asked and told over HTTP."""

    def __init__(self, client: HttpClient, settings: XeroSettings) -> None:
        self.clock = client.clock
        self._client = client
        self._headers = {"xero-tenant-id": settings.tenant_id}
        both = {"channel": settings.channel_category, "location": settings.location_category}
        self.tracking: Tracking = {name: category for name, category in both.items() if category}
        self._organisation: tuple[float, Organisation] | None = None

    def forget(self) -> None:
        """Ask anew what the organisation is like: what we knew of it led to a refusal."""
        self._organisation = None

    def organisation(self) -> Organisation:
        """Return what Xero says of the organisation, at most a minute old."""
        now = self.clock.monotonic()
        if not self._organisation or now - self._organisation[0] > _ORGANISATION_LASTS_SECONDS:
            self._organisation = now, self._load()
        return self._organisation[1]

    def create(self, journals: Sequence[Mapping[str, Any]], key: str) -> Any:
        """Create manual journals and return the answer, that of a refusal included. Raises HttpError."""
        try:
            return self._client.request(
                "PUT",
                "/ManualJournals",
                query={"summarizeErrors": "false"},
                body=write_json({"ManualJournals": journals}).encode(),
                headers={**self._headers, "Content-Type": "application/json", "Idempotency-Key": key},
                may_repeat=False,
            ).document
        except Answered as answer:
            elements = answer.document.get("Elements") if isinstance(answer.document, dict) else None
            if answer.status == 400 and elements and len(elements) == len(journals):
                return {"ManualJournals": elements}
            raise

    def journals(self, where: str) -> Iterator[Mapping[str, Any]]:
        """Yield the manual journals that a condition selects, lines included, page by page."""
        page = 1
        while True:
            rows = self._list("/ManualJournals", {"where": where, "page": f"{page}", "pageSize": f"{_PAGE}"})
            yield from rows
            if len(rows) < _PAGE:
                return
            page += 1

    def report(self, name: str, query: Mapping[str, str]) -> Any:
        """Return a report."""
        return self._list(f"/Reports/{name}", query, "Reports")[0]

    def _load(self) -> Organisation:
        said = self._list("/Organisation", {}, "Organisations")[0]
        chart = [row for row in self._list("/Accounts", {}) if row.get("Code")]
        locks = [read_date(said[name]) for name in _LOCKS if said.get(name)]
        categories = self._list("/TrackingCategories", {}) if self.tracking else []
        return Organisation(
            said["BaseCurrency"],
            {row["Code"]: _takes_journals(row) for row in chart},
            {row["AccountID"]: row["Code"] for row in chart},
            max(locks, default=None),
            {
                category["Name"]: frozenset(
                    o["Name"] for o in category.get("Options", ()) if o.get("Status") == "ACTIVE"
                )
                for category in categories
                if category.get("Status") == "ACTIVE"
            },
        )

    def _list(self, path: str, query: Mapping[str, str], name: str = "") -> Sequence[Mapping[str, Any]]:
        answer = self._client.request("GET", path, query=query, headers=self._headers, may_repeat=True).document
        name = name or path.strip("/")
        if not isinstance(answer, dict) or not isinstance(answer.get(name), list):
            # Taken as "nothing there" it would let an entry be booked twice.
            raise LedgerUncertain(f"Xero, {path}: the answer lists no {name}", "run again later")
        rows: Sequence[Mapping[str, Any]] = answer[name]
        return rows


def _takes_journals(account: Mapping[str, Any]) -> bool:
    is_free = account.get("Type") != "BANK" and account.get("SystemAccount") not in _SYSTEM_ACCOUNTS
    return is_free and account.get("Status") == "ACTIVE"
