"""What a Fault of QuickBooks Online means for an entry.

Its codes contradict each other (6210 has been seen for a closed period and for a duplicate number, 5010 for a stale object
and for a closed period), so the words count before the code. A wrong class can never cause a second posting: whatever is
answered here, the entry is looked up again before anything is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retail_sync.core.errors import LedgerRefused, SettingsError

_AUTH_CODES = frozenset({"120", "3200", "3100", "3202"})
# The entry may be there, or may come: a duplicate of our own, a repeated request, a stale read, a server that failed.
_LOOK_UP = frozenset({"600", "6140", "5010", "10000", "3001", "3002"})
_CLOSED_CODES = frozenset({"6200", "6210"})


def fault_of(document: Any) -> Mapping[str, Any] | None:
    """Return the Fault that an answer carries, also one with status 200; None where it carries none."""
    fault = document.get("Fault") or document.get("fault") if isinstance(document, dict) else None
    return fault if isinstance(fault, dict) else None


def told(fault: Mapping[str, Any]) -> str:
    """Return a Fault in one line: codes and words of all its errors."""
    return "; ".join(f"{code} {words}".strip() for code, words in _errors(fault)) or "a fault without words"


def refusal(key: str, fault: Mapping[str, Any]) -> LedgerRefused | None:
    """Return what a Fault refuses; None where only looking the entry up can tell. Raises SettingsError for a lost login."""
    errors = _errors(fault)
    text = told(fault)
    words = text.lower()
    codes = {code for code, _ in errors}
    if codes & _AUTH_CODES or str(fault.get("type", "")).upper() in ("AUTHENTICATION", "AUTHORIZATION"):
        raise SettingsError(f"QuickBooks Online: {text}", "connect again: docs/runbooks/connect_ledger.md")
    if "6190" in codes:
        raise SettingsError(f"QuickBooks Online: {text}", "renew the QuickBooks subscription")
    code, remedy = _class_of(words, codes)
    return LedgerRefused(code, f"{key}: QuickBooks says {text}", remedy) if code else None


def _class_of(words: str, codes: set[str]) -> tuple[str, str]:
    """Return the code of a refusal with what to do; ('', '') where the entry has to be looked up."""
    if "duplicate" in words and ("document" in words or "docnumber" in words):
        return "", ""
    if "closed" in words and ("period" in words or "books" in words) or "closing date" in words:
        return "closed_period", "reopen the period in QuickBooks, or date the entry into an open one"
    if codes & _LOOK_UP or "throttl" in words or "system failure" in words:
        return "", ""
    if codes & _CLOSED_CODES:
        return "closed_period", "reopen the period in QuickBooks, or date the entry into an open one"
    if "2300" in codes or ("debit" in words and "credit" in words):
        return "unbalanced", "correct the entry and release it anew"
    if codes & {"2500", "610"}:
        if "class" in words or "department" in words:
            return "unknown_dimension", "create it in QuickBooks, or make it active"
        what = "inactive_account" if "inactive" in words else "unknown_account"
        return what, "create the account in QuickBooks, or make it active"
    return "malformed", "correct the entry and release it anew"


def _errors(fault: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = fault.get("Error") or fault.get("error") or []
    return [
        (str(error.get("code", "")), " ".join(str(error.get(name) or "") for name in ("Message", "Detail")).strip())
        for error in found
    ]
