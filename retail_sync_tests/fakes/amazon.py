"""Amazon's Selling Partner API as its models and documentation describe it (amzn/selling-partner-api-models at 34dc93fe).

It gives an access token for an hour and tells a stale one with 403; it throttles with 429 and the rate in
x-amzn-RateLimit-Limit; page tokens are different each time; a report's address holds for five minutes and takes no access
token. Lists are served by `amazon_lists.py`.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from retail_sync.connectors.amazon import RATES
from retail_sync.core.pacing import Bucket, Clock
from retail_sync_tests.fakes.amazon_lists import Lists, Refused, settlement_file
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.source import CANARY, Expired, FakeSource

SECRETS = {
    "CLIENT_ID": f"{CANARY}-client",
    "CLIENT_SECRET": f"{CANARY}-secret",
    "REFRESH_TOKEN": f"{CANARY}-refresh",
}
MARKETPLACE = "ATVPDKIKX0DER"
_DOCUMENT_LASTS = 300
_ACCESS_LASTS = 3_600
_PATHS = {
    "/reports/2021-06-30/reports": "getReports",
    "/orders/2026-01-01/orders": "searchOrders",
    "/fba/inventory/v1/summaries": "getInventorySummaries",
    "/finances/2024-06-19/transactions": "listTransactions",
    "/finances/transfers/2024-06-01/payouts": "listPayouts",
}
_DOCUMENTS = "/reports/2021-06-30/documents/"


class FakeAmazon(FakeSource):
    """A seller in the United States. Knobs of its own: see `__init__`."""

    connector = "amazon"

    def __init__(self, clock: FakeClock, rows: int = 7) -> None:
        super().__init__(clock, rows)
        self.passing_403 = 0  # so many calls of getReportDocument are refused for no reason
        self.stale_addresses = 0  # so many addresses have expired before they are used
        self.rates = dict(RATES)  # what its buckets are filled with
        self.throttled = 0
        self.says: dict[str, list[Reply]] = {}  # by operation: what it answers first, in the place of its lists
        self._access: dict[str, float] = {}
        self._issued = 0
        self._addresses: dict[str, tuple[str, float]] = {}
        self._buckets: dict[str, Bucket] = {}

    def fill(self, rows: int) -> None:
        """Make the lists."""
        self.lists = Lists(self.clock, self.slice)
        self.host = ""
        for _ in range(rows):
            self.insert()

    def insert(self) -> None:
        """Add a settlement, an order, an article, a transaction and a payout."""
        self.lists.insert()

    def connection(self, url: str) -> Mapping[str, Any]:
        """Return where it is."""
        self.host = url
        return {
            "region": "na",
            "marketplaces": (MARKETPLACE,),
            "fba_locations": (f"{MARKETPLACE}=FBA",),
            "endpoint": url,
            "token_url": f"{url}/auth/o2/token",
        }

    def secrets(self) -> Mapping[str, str]:
        """Return what the application and the seller have."""
        return SECRETS

    def expire_tokens(self) -> None:
        """Withdraw the access tokens."""
        self._access.clear()

    def answer(self, request: Request) -> Reply:
        """Sign in, give a list or a document."""
        if request.path == "/auth/o2/token":
            return self._sign_in(request)
        if request.path.startswith("/documents/"):
            return self._document(request)
        name = "getReportDocument" if request.path.startswith(_DOCUMENTS) else _PATHS.get(request.path, "")
        if not name or request.method != "GET":
            return _failed(404, "NotFound", "there is nothing")
        if self._access.get(request.headers.get("x-amz-access-token", ""), 0) <= self.clock.time():
            return _failed(
                403, "Unauthorized", "Access to requested resource is denied.", "The access token is expired."
            )
        rate = {"x-amzn-RateLimit-Limit": str(self.rates[name][0])}
        if not self._admits(name):
            self.throttled += 1
            return Reply(429, _failed(429, "QuotaExceeded", "You exceeded your quota.").document, rate)
        if self.says.get(name):
            reply = self.says[name].pop(0)
        else:
            reply = self._address(request) if name == "getReportDocument" else self._list(name, request.query)
        return Reply(reply.status, reply.document, rate)

    def _list(self, name: str, query: Mapping[str, str]) -> Reply:
        self.before_page()
        try:
            return Reply(200, self.lists.page(name, query))
        except Expired:
            return _failed(400, "InvalidInput", "The token has expired.")
        except Refused as refused:
            return _failed(400, "InvalidInput", str(refused))

    def _sign_in(self, request: Request) -> Reply:
        form = dict(parse_qsl(request.body.decode()))
        wrong = [name for name, value in SECRETS.items() if form.get(name.lower()) != value]
        if wrong and wrong != ["REFRESH_TOKEN"]:
            return Reply(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        if wrong or form.get("grant_type") != "refresh_token":
            told = "The request has an invalid grant parameter : refresh_token"
            return Reply(400, {"error": "invalid_grant", "error_description": told})
        self._issued += 1
        token = f"Atza|{CANARY}-{self._issued}"
        self._access[token] = self.clock.time() + _ACCESS_LASTS
        told = {"access_token": token, "refresh_token": SECRETS["REFRESH_TOKEN"], "token_type": "bearer"}
        return Reply(200, {**told, "expires_in": _ACCESS_LASTS})

    def _admits(self, name: str) -> bool:
        if name not in self._buckets:
            rate, burst = self.rates[name]
            # A bucket that never waits: what is not there is refused.
            never = Clock(self.clock.time, self.clock.time, lambda _: None)
            self._buckets[name] = Bucket(60 * rate, burst, never)
        bucket = self._buckets[name]
        bucket._fill()
        if bucket._level < 0.99:  # the client's rounding is not refused
            return False
        bucket._level -= 1
        return True

    def _address(self, request: Request) -> Reply:
        if self.passing_403:
            self.passing_403 -= 1
            return _failed(403, "Unauthorized", "Access to requested resource is denied.")
        document_id = unquote(request.path.removeprefix(_DOCUMENTS))
        report = next((r for r in self.lists.reports if r.get("reportDocumentId") == document_id), None)
        if report is None:
            return _failed(404, "NotFound", "no such document")
        key = f"{report['reportId']}-{len(self._addresses)}"
        lasts = 0 if self.stale_addresses else _DOCUMENT_LASTS
        self.stale_addresses = max(0, self.stale_addresses - 1)
        self._addresses[key] = (report["reportId"], self.clock.time() + lasts)
        url = f"{self.host}/documents/{key}?X-Amz-Signature={CANARY}-signature"
        packed = {"compressionAlgorithm": "GZIP"} if int(report["reportId"]) % 2 else {}
        return Reply(200, {"reportDocumentId": document_id, "url": url, **packed})

    def _document(self, request: Request) -> Reply:
        report_id, until = self._addresses.get(request.path.removeprefix("/documents/"), ("", 0.0))
        if {"x-amz-access-token", "authorization"} & set(request.headers):
            return Reply(400, b"<Error><Code>InvalidArgument</Code></Error>")
        if until <= self.clock.time() or CANARY not in request.query.get("X-Amz-Signature", ""):
            return Reply(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
        content = self.lists.files.get(report_id) or settlement_file(report_id)
        return Reply(200, gzip.compress(content) if int(report_id) % 2 else content)


def _failed(status: int, code: str, message: str, details: str = "") -> Reply:
    return Reply(status, {"errors": [{"code": code, "message": message, "details": details}]})
