"""Ledgers over HTTP as the tests open them: the product's adapter, client and sign-in before a fake server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retail_sync.core.http import HttpClient, Limits
from retail_sync.core.oauth import Credentials, OAuth
from retail_sync.ledger.adapter import LedgerAdapter
from retail_sync.ledger.quickbooks import QuickBooks
from retail_sync.ledger.quickbooks_api import LIMITS as QUICKBOOKS_LIMITS
from retail_sync.ledger.xero import Xero
from retail_sync.ledger.xero_api import LIMITS as XERO_LIMITS
from retail_sync.settings import QuickBooksSettings, XeroSettings
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.faults import FaultPlan
from retail_sync_tests.fakes.quickbooks import REALM, FakeQuickBooks
from retail_sync_tests.fakes.server import FakeServer, System
from retail_sync_tests.fakes.tokens import TOKEN_PATH
from retail_sync_tests.fakes.xero import TENANT, FakeXero
from retail_sync_tests.ledger.bookkeeping import CHART

CREDENTIALS = Credentials("app", "app-secret", "refresh-0")
CLOSED_UNTIL = "2026-09-30"
_CHART = tuple((account.code, account.name, account.is_active) for account in CHART)


@dataclass
class Opened:
    """A ledger with the server behind it. `system` is the fake's state, `clock` the time of both sides."""

    ledger: LedgerAdapter
    system: Any
    server: FakeServer
    clock: FakeClock
    folder: Path
    reopened: Callable[[], LedgerAdapter] = field(repr=False)

    def close(self) -> None:
        """Stop the server."""
        self.server.close()


def open_quickbooks(folder: Path, plan: FaultPlan | None = None, settings: Any = None, **state: Any) -> Opened:
    """A company with the chart of the bookkeeping tests, September 2026 closed."""
    clock = FakeClock()
    system = FakeQuickBooks(clock, **{"chart": _CHART, "closed_until": CLOSED_UNTIL, **state})
    chosen = QuickBooksSettings(realm_id=REALM, **(settings or {}))
    return _opened(folder, clock, system, plan, QUICKBOOKS_LIMITS, lambda client: QuickBooks(client, chosen))


def open_xero(folder: Path, plan: FaultPlan | None = None, settings: Any = None, **state: Any) -> Opened:
    """An organisation with the chart of the bookkeeping tests, September 2026 locked."""
    clock = FakeClock()
    system = FakeXero(clock, **{"chart": _CHART, "closed_until": CLOSED_UNTIL, **state})
    chosen = XeroSettings(tenant_id=TENANT, **(settings or {}))
    return _opened(folder, clock, system, plan, XERO_LIMITS, lambda client: Xero(client, chosen))


def _opened(
    folder: Path,
    clock: FakeClock,
    system: System,
    plan: FaultPlan | None,
    limits: Limits,
    adapter: Callable[[HttpClient], LedgerAdapter],
) -> Opened:
    server = FakeServer(system, plan)

    def reopened() -> LedgerAdapter:
        """The ledger as a process that has just started sees it."""
        tokens = HttpClient("sign-in", server.url, limits=Limits(attempts=2), clock=clock.as_clock())
        oauth = OAuth(tokens, TOKEN_PATH, CREDENTIALS, folder / "oauth" / "ledger.json")
        return adapter(HttpClient(type(system).__name__, server.url, oauth, limits, clock.as_clock()))

    return Opened(reopened(), system, server, clock, folder, reopened)
