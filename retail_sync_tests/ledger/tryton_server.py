"""A real Tryton server for tests, and a company in it that has the books of `bookkeeping.py`, empty for each test.

RETAIL_SYNC_TEST_TRYTON names server, user and database (`http://admin@127.0.0.1:8901/tryton`, password in
RETAIL_SYNC_TRYTON_PASSWORD; `none`: there is none), RETAIL_SYNC_TEST_TRYTON_POSTGRES the database behind it: there a company
is emptied, and there the history is judged, by SQL that knows nothing of the product. Without a server the tests are skipped
and say so.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from retail_sync.core.http_errors import HttpError
from retail_sync.core.locks import exclusive
from retail_sync.ledger.tryton import TrytonLedger
from retail_sync.settings import TrytonSettings
from retail_sync.systems.calls import ServerBusy
from retail_sync.systems.tryton import TrytonAccess, TrytonClient
from retail_sync_tests.ledger.bookkeeping import CHART

SERVER = os.environ.get("RETAIL_SYNC_TEST_TRYTON", "http://admin@127.0.0.1:8901/tryton")
PASSWORD = os.environ.get("RETAIL_SYNC_TRYTON_PASSWORD", "admin1234")
POSTGRES = os.environ.get("RETAIL_SYNC_TEST_TRYTON_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:55432/tryton")
JOURNAL = "RSYNC"
_KINDS = {"asset": "assets", "income": "revenue", "expense": "expense"}


@dataclass(frozen=True)
class Company:
    """A company of the server that only one test process uses."""

    settings: TrytonSettings
    id: int
    database: sa.Engine

    def ledger(self, url: str = "") -> TrytonLedger:
        """The ledger as the product opens it, over another address where one is given."""
        return TrytonLedger(self.settings.model_copy(update={"url": url} if url else {}), PASSWORD)

    def client(self) -> TrytonClient:
        """A session of its own, for what somebody else does in Tryton."""
        client = session(self.settings)
        client.company()
        return client

    def empty(self) -> None:
        """Take all moves away, as no client may."""
        ours = "(select id from account_move where company = :company)"
        periods = "(select p.id from account_period p join account_fiscalyear y on y.id = p.fiscalyear where y.company = :company)"
        with self.database.begin() as connection:
            for statement in (
                f"delete from account_move_line where move in {ours}",
                "delete from account_move where company = :company",
                f"delete from account_journal_period where period in {periods}",
                f"update account_period set state = 'open' where id in {periods} and start_date <> '2026-09-01'",
            ):
                connection.execute(sa.text(statement), {"company": self.id})

    def close_month(self, month: str) -> None:
        """Close a month; what Tryton keeps for each journal in it is closed with it."""
        client = self.client()
        client.call("account.period", "close", self._period(client, month))
        client.close()

    def prepare(self, accounts: Mapping[str, str], on: date) -> None:
        """Add accounts (name by code) and the fiscal year of a day, where they are not there yet: of today's real events."""
        client = self.client()
        known = {row["code"] for row in client.rows("account.account", [["company", "=", self.id]], ["code"])}
        kinds = [["company", "=", self.id], ["name", "=", "Balance"]]
        [kind] = [row["id"] for row in client.rows("account.account.type", kinds, ["name"])]
        for code in accounts.keys() - known:
            values = {"name": accounts[code], "code": code, "company": self.id, "type": kind, "closed": False}
            _create(client, "account.account", **values)
        here = [["company", "=", self.id], ["start_date", "<=", on], ["end_date", ">=", on]]
        if not list(client.rows("account.fiscalyear", here, ["name"])):
            _make_year(client, self.id, self.settings.company, on.year)
        client.close()

    def reopen_month(self, month: str) -> None:
        """Open a month again. What Tryton keeps for each journal in it stays closed, until the company is emptied."""
        client = self.client()
        client.call("account.period", "reopen", self._period(client, month))
        client.close()

    def _period(self, client: TrytonClient, month: str) -> list[int]:
        name = f"{self.settings.company} {month}"
        return [row["id"] for row in client.rows("account.period", [["name", "=", name]], ["name"])]


def session(settings: TrytonSettings) -> TrytonClient:
    """A session of nobody's in particular."""
    return TrytonClient(
        TrytonAccess(settings.url, settings.database, settings.user, PASSWORD, settings.company, "[ledger.tryton]")
    )


def open_company(worker: str) -> Company:
    """Return the company of a test process, made in the server where it is not there yet."""
    if SERVER == "none":
        pytest.skip("RETAIL_SYNC_TEST_TRYTON=none: there is no Tryton on this machine")
    address, _, database = SERVER.rpartition("/")
    scheme, _, rest = address.partition("://")
    user, _, host = rest.rpartition("@")
    settings = TrytonSettings(
        url=f"{scheme}://{host}", database=database, user=user, company=f"Books {worker}", journal=JOURNAL
    )
    client = session(settings)
    try:
        with exclusive(Path(tempfile.gettempdir()) / "retail-sync-tryton.lock", 120, f"make {settings.company}"):
            found = list(client.rows("company.company", [["party.name", "=", settings.company]], ["id"]))
            number = found[0]["id"] if found else _make(client, settings.company)
    except HttpError as error:
        reason = f"no Tryton answers at {SERVER}: {error}"
        if os.environ.get("RETAIL_SYNC_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    finally:
        client.close()
    company = Company(settings, number, sa.create_engine(POSTGRES))
    company.empty()
    return company


def _make(client: TrytonClient, name: str) -> int:
    """Make a company in USD with the chart of `bookkeeping.py`, the year 2026 of which September is closed, and currencies."""
    known = {row["code"]: row["id"] for row in client.rows("currency.currency", [], ["code"])}
    for code, digits in (("USD", 2), ("CAD", 2), ("JPY", 0), ("KWD", 3)):
        if code not in known:
            rounding = Decimal(1).scaleb(-digits)
            known[code] = _create(
                client, "currency.currency", name=code, code=code, symbol=code, digits=digits, rounding=rounding
            )
    party = _create(client, "party.party", name=name)
    company = _create(client, "company.company", party=party, currency=known["USD"])
    _done(client, "res.user", "write", [client.user_id], {"companies": [["add", [company]]], "company_filter": "all"})
    client.company_is(company)
    if not list(client.rows("account.journal", [["code", "=", JOURNAL]], ["code"])):
        _create(client, "account.journal", name="Retail sync", code=JOURNAL, type="general")
    balance = _create(client, "account.account.type", name="Balance", company=company, statement="balance", assets=True)
    income = _create(client, "account.account.type", name="Income", company=company, statement="income", revenue=True)
    for account in CHART:
        kind = balance if account.type == "asset" else income
        _create(
            client,
            "account.account",
            name=account.name,
            code=account.code,
            company=company,
            type=kind,
            closed=not account.is_active,
        )
    _make_year(client, company, name, 2026, closed_month=9)
    return company


def _make_year(client: TrytonClient, company: int, name: str, year: int, closed_month: int = 0) -> None:
    """Make a fiscal year and its twelve months."""
    types = list(client.rows("ir.sequence.type", [["name", "=", "Account Move"]], ["name"]))
    sequence = _create(client, "ir.sequence.strict", name=name, sequence_type=types[0]["id"], company=company)
    number = _create(
        client,
        "account.fiscalyear",
        name=name if year == 2026 else f"{name} {year}",
        company=company,
        start_date=date(year, 1, 1),
        end_date=date(year, 12, 31),
        move_sequence=sequence,
    )
    for month in range(1, 13):
        last = (date(year + month // 12, month % 12 + 1, 1)).toordinal() - 1
        period = _create(
            client,
            "account.period",
            name=f"{name} {year}-{month:02}",
            fiscalyear=number,
            start_date=date(year, month, 1),
            end_date=date.fromordinal(last),
            type="standard",
        )
        if month == closed_month:
            _done(client, "account.period", "close", [period])


def _create(client: TrytonClient, model: str, **values: Any) -> int:
    created: list[int] = _done(client, model, "create", [values])
    return created[0]


def _done(client: TrytonClient, model: str, method: str, *parameters: Any) -> Any:
    """Call again what Tryton gave up: the tests of the other processes write to it."""
    for _ in range(9):
        with suppress(ServerBusy):
            return client.call(model, method, *parameters)
    return client.call(model, method, *parameters)
