"""The ledgers that can be posted to, by the name that `[ledger] adapter` of the settings gives. One line each."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from retail_sync.core.errors import SettingsError
from retail_sync.core.http import HttpClient, Limits
from retail_sync.core.oauth import Credentials, OAuth
from retail_sync.core.rules import read_rules
from retail_sync.ledger.adapter import Finding, LedgerAdapter
from retail_sync.ledger.embedded import Account, EmbeddedLedger
from retail_sync.ledger.erpnext import ErpnextLedger
from retail_sync.ledger.odoo import OdooLedger
from retail_sync.ledger.plain_text import PlainTextLedger
from retail_sync.ledger.plain_text_format import Beancount, Dialect, Hledger
from retail_sync.ledger.quickbooks import QuickBooks
from retail_sync.ledger.quickbooks_api import LIMITS as QUICKBOOKS_LIMITS
from retail_sync.ledger.tryton import TrytonLedger
from retail_sync.ledger.xero import Xero
from retail_sync.ledger.xero_api import LIMITS as XERO_LIMITS
from retail_sync.settings import Home, RemoteLedgerSettings

Told = Callable[[Finding], None]
_SIGN_IN = Limits(attempts=2)  # the request that needs the token repeats it, too


def open_embedded(home: Home, told: Told = lambda _: None) -> EmbeddedLedger:
    """Open the ledger we ship, with its tables and the home's chart of accounts installed.

    `told` hears of each guard of the ledger that was missing and is there again. Raises SettingsError where the home posts
    to another ledger.
    """
    if home.settings.ledger.adapter != "embedded":
        name = home.settings.ledger.adapter
        raise SettingsError(
            f"the books of this home are kept in {name}, not in the ledger we ship", f"do it in {name} itself"
        )
    ledger = EmbeddedLedger(home.ledger_url, home.state / "ledger_heads.jsonl")
    for finding in ledger.install(_chart(home)):
        told(finding)
    return ledger


def open_quickbooks(home: Home, _told: Told) -> QuickBooks:
    """Open a company of QuickBooks Online. Raises SettingsError where the environment lacks its credentials."""
    settings = home.settings.ledger.quickbooks
    return QuickBooks(_client(home, "quickbooks", "QuickBooks Online", settings, QUICKBOOKS_LIMITS), settings)


def open_xero(home: Home, _told: Told) -> Xero:
    """Open an organisation of Xero. Raises SettingsError where the environment lacks its credentials."""
    settings = home.settings.ledger.xero
    return Xero(_client(home, "xero", "Xero", settings, XERO_LIMITS), settings)


def _client(home: Home, name: str, system: str, settings: RemoteLedgerSettings, limits: Limits) -> HttpClient:
    """Return a client whose tokens lie in the home's state."""
    tokens = HttpClient(f"{system} sign-in", settings.token_url, limits=_SIGN_IN)
    oauth = OAuth(tokens, "", Credentials.read(name), home.state / "oauth" / f"{name}.json")
    return HttpClient(system, settings.base_url, oauth, limits)


def _chart(home: Home) -> list[Account]:
    chart = read_rules(home.rules, "chart_of_accounts").rows
    return [Account(r["code"], r["name"], r["type"], r["normal_side"], r["is_active"] == "true") for r in chart]


def _open_plain_text(home: Home, dialect: Dialect) -> LedgerAdapter:
    given = home.settings.ledger.plain_text.path
    path = home.root / given if given else home.state / f"ledger{dialect.suffix}"
    return PlainTextLedger(dialect, path, _chart(home))


def _open_tryton(home: Home) -> LedgerAdapter:
    settings = home.settings.ledger.tryton
    password = os.environ.get("RETAIL_SYNC_TRYTON_PASSWORD", "")
    if not (settings.url and settings.user and settings.journal and password):
        raise SettingsError(
            "entries are to be posted to Tryton, and the settings do not say where",
            "give url, user and journal in [ledger.tryton], and RETAIL_SYNC_TRYTON_PASSWORD in the environment",
        )
    return TrytonLedger(settings, password)


def _open_odoo(home: Home) -> LedgerAdapter:
    settings = home.settings.ledger.odoo
    key = os.environ.get("RETAIL_SYNC_ODOO_API_KEY", "")
    if not (settings.url and settings.journal and key and (settings.user or settings.api == "json2")):
        raise SettingsError(
            "entries are to be posted to Odoo, and the settings do not say where",
            "give url, database and journal (jsonrpc: user too) in [ledger.odoo], and RETAIL_SYNC_ODOO_API_KEY in the environment",
        )
    return OdooLedger(settings, key)


def _open_erpnext(home: Home) -> LedgerAdapter:
    settings = home.settings.ledger.erpnext
    key = os.environ.get("RETAIL_SYNC_ERPNEXT_API_KEY", "")
    secret = os.environ.get("RETAIL_SYNC_ERPNEXT_API_SECRET", "")
    if not (settings.url and key and secret):
        raise SettingsError(
            "entries are to be posted to ERPNext, and the settings do not say where",
            "give url in [ledger.erpnext], RETAIL_SYNC_ERPNEXT_API_KEY and RETAIL_SYNC_ERPNEXT_API_SECRET in the environment",
        )
    return ErpnextLedger(settings, key, secret)


LEDGERS: Mapping[str, Callable[[Home, Told], LedgerAdapter]] = {
    "embedded": open_embedded,
    "quickbooks": open_quickbooks,
    "xero": open_xero,
    "beancount": lambda home, _: _open_plain_text(home, Beancount()),
    "hledger": lambda home, _: _open_plain_text(home, Hledger()),
    "tryton": lambda home, _: _open_tryton(home),
    "odoo": lambda home, _: _open_odoo(home),
    "erpnext": lambda home, _: _open_erpnext(home),
}


def open_ledger(home: Home, told: Told) -> LedgerAdapter:
    """Open the ledger that the settings of a home name."""
    return LEDGERS[home.settings.ledger.adapter](home, told)
