"""The whole line into a ledger over HTTP, from a settlement file to a verified entry, opened by name from the settings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retail_sync.core.errors import SettingsError
from retail_sync.core.rules import read_rules
from retail_sync.ledger.registry import LEDGERS
from retail_sync.operations import database as db
from retail_sync.reports.doctor import examine
from retail_sync.settings import DEFAULT_HOME, LedgerSettings
from retail_sync_tests.e2e.line import drop, line, new_home, opened, problems
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.quickbooks import REALM, FakeQuickBooks
from retail_sync_tests.fakes.server import FakeServer
from retail_sync_tests.fakes.xero import TENANT, FakeXero
from retail_sync_tests.reconcile.files import settlement
from retail_sync_tests.simulator import write_v2

LINES = "sale 100.00 on 2026-10-03\nreferral fee -15.00 on 2026-10-03"
FILE = {"amazon/1001.txt": write_v2(settlement("1001", "2026-10-01 2026-10-14 2026-10-16", LINES))}


class RealTime(FakeClock):
    """The fake's clock goes with ours: the product that settings open knows no other."""

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time()


@pytest.fixture(params=["quickbooks", "xero"])
def remote(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Any, str]]:
    """(name, the fake's state, settings that name it)."""
    chart = tuple(
        (row["code"], row["name"], row["is_active"] == "true")
        for row in read_rules((DEFAULT_HOME / "rules",), "chart_of_accounts").rows
    )
    name = request.param
    system = FakeQuickBooks(RealTime(), chart) if name == "quickbooks" else FakeXero(RealTime(), chart)
    server = FakeServer(system)
    number = f'realm_id = "{REALM}"' if name == "quickbooks" else f'tenant_id = "{TENANT}"'
    for part, value in {"CLIENT_ID": "app", "CLIENT_SECRET": "app-secret", "REFRESH_TOKEN": "refresh-0"}.items():
        monkeypatch.setenv(f"RETAIL_SYNC_{name.upper()}_{part}", value)
    yield (
        name,
        system,
        f'home_currency = "USD"\n[ledger]\nadapter = "{name}"\ndeposits = "bank_feed"\n[ledger.{name}]\n{number}\n'
        f'base_url = "{server.url}"\ntoken_url = "{server.url}/token"\n',
    )
    server.close()


@pytest.mark.long
def test_a_settlement_ends_verified_in_the_ledger(remote: tuple[str, Any, str], tmp_path: Path) -> None:
    """Posted once, however often the line runs; what somebody changes there is found."""
    name, system, settings = remote
    home = new_home(tmp_path / "home", settings)
    drop(home, FILE)
    for _ in range(2):
        line(opened(home))
    assert len(system.booked) == 1
    pipeline = opened(home)
    with pipeline.operations.connect() as connection:
        rows = connection.execute(db.outbox.select()).all()
    assert [(row.ledger, row.state) for row in rows] == [(name, "verified")]
    sums = {balance.account: balance.home_minor for balance in pipeline.ledger.balances() if balance.home_minor}
    assert sorted(sums.values()) == [-10_000, 1_500, 8_500]
    entries = system.entries if name == "quickbooks" else system.journals
    entries[0]["PrivateNote" if name == "quickbooks" else "Narration"] = "edited by Ann"
    line(opened(home))
    assert [code for code, _ in problems(home) if "ledger" in code or "entry" in code] == ["entry_mismatch"]
    secrets = ("app-secret", "refresh-", "access-")
    kept = [path for path in home.state.rglob("*") if path.is_file() and "oauth" not in path.parts]
    assert not [path for path in kept if any(secret.encode() in path.read_bytes() for secret in secrets)]


def test_doctor_asks_the_ledger(remote: tuple[str, Any, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it can be reached, with which credentials, and what it does not check."""
    name, system, settings = remote
    home = new_home(tmp_path / "home", settings)
    (found,) = [look for look in examine(home) if look.what == "ledger"]
    assert found.is_fine
    assert ("does not refuse" in found.found) == (name == "quickbooks")
    system.tokens.revoke()
    system.expire_tokens()
    (found,) = [look for look in examine(home) if look.what == "ledger"]
    assert not found.is_fine
    monkeypatch.delenv(f"RETAIL_SYNC_{name.upper()}_CLIENT_SECRET")
    (found,) = [look for look in examine(home) if look.what == "ledger"]
    assert "CLIENT_SECRET not set" in found.found


def test_the_books_of_another_ledger_are_not_closed_here(remote: tuple[str, Any, str], tmp_path: Path) -> None:
    """What only the ledger we ship can do is refused, saying where to do it."""
    name, _, settings = remote
    with pytest.raises(SettingsError, match=f"kept in {name}"):
        _ = opened(new_home(tmp_path / "home", settings)).embedded_ledger


def test_every_ledger_of_the_settings_can_be_opened() -> None:
    """A name that the settings take and the registry does not know would be a traceback."""
    assert set(LedgerSettings.model_fields["adapter"].annotation.__args__) == set(LEDGERS)  # type: ignore[union-attr]
