"""Calls on an Odoo server, over JSON-2 (Odoo 19 and later) or JSON-RPC (14 to 18), and what its errors mean.

Written from Odoo's documentation and public reports; no server could be run beside it. Each call is a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from retail_sync.core.errors import LedgerUncertain, SettingsError
from retail_sync.ledger.drafts import Id, ServerBusy, ServerRefused
from retail_sync.ledger.rpc import Answer, JsonTransport
from retail_sync.settings import OdooSettings

PAGE = 1000
_RULES = ("UserError", "ValidationError", "RedirectWarning", "MissingError")
_ROLLED_BACK = ("SerializationFailure", "DeadlockDetected", "LockNotAvailable")


class OdooClient:
    """Calls on one database with one API key, for one company."""

    def __init__(self, settings: OdooSettings, key: str) -> None:
        """Nothing is sent yet."""
        self._settings = settings
        self._key = key
        self._transport = JsonTransport("Odoo", settings.url)
        self._user_id = 0
        self.context: dict[str, Any] = {"active_test": False, "lang": "en_US"}
        if settings.api == "json2":
            self._transport.headers = {"Authorization": f"bearer {key}", "X-Odoo-Database": settings.database}

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def call(self, model: str, method: str, ids: Sequence[Id] | None = None, **named: Any) -> Any:
        """Call a method with named arguments and return its result.

        Raises ServerRefused, ServerBusy, SettingsError, and LedgerUncertain where nobody can tell whether it was done.
        """
        named["context"] = self.context
        if self._settings.api == "json2":
            body = named if ids is None else {"ids": list(ids), **named}
            return self._result(self._transport.send("POST", f"/json/2/{model}/{method}", body))
        positional = [] if ids is None else [list(ids)]
        return self._service("object", "execute_kw", *self._login(), model, method, positional, named)

    def rows(self, model: str, domain: Sequence[Any], fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield all records of `domain` in the order of their ids, page by page."""
        last = 0
        while True:
            where = [["id", ">", last], *domain]
            page = self.call(model, "search_read", domain=where, fields=list(fields), limit=PAGE, order="id asc")
            yield from page
            if len(page) < PAGE:
                return
            if page[-1]["id"] <= last:
                raise LedgerUncertain(f"Odoo gave a page of {model} twice", "run again later")
            last = page[-1]["id"]

    def known_fields(self, model: str, names: Sequence[str]) -> list[str]:
        """Return those of `names` that this version of Odoo has."""
        known = self.call(model, "fields_get", allfields=list(names), attributes=["type"])
        return [name for name in names if name in known]

    def _login(self) -> tuple[str, int, str]:
        settings = self._settings
        if not self._user_id:
            found = self._service("common", "authenticate", settings.database, settings.user, self._key, {})
            if not found:
                raise self._denied(f"{settings.user} is not known")
            self._user_id = int(found)
        return settings.database, self._user_id, self._key

    def _service(self, service: str, method: str, *arguments: Any) -> Any:
        parameters = {"service": service, "method": method, "args": list(arguments)}
        body = {"jsonrpc": "2.0", "method": "call", "params": parameters, "id": 1}
        return self._result(self._transport.send("POST", "/jsonrpc", body))

    def _result(self, answer: Answer) -> Any:
        content = answer.content
        if answer.status == 200 and self._settings.api == "json2":
            return content
        if answer.status == 200 and isinstance(content, dict) and "error" not in content:
            return content.get("result")
        told = content if isinstance(content, dict) else {}
        if "error" in told:
            told = told["error"].get("data") or {}
        name, message = str(told.get("name", "")), str(told.get("message", ""))
        kind = name.rpartition(".")[2]
        if answer.status in (401, 403) or kind in ("AccessDenied", "AccessError"):
            raise self._denied(message or answer.shown)
        if kind in _RULES:
            raise ServerRefused(kind, message)
        if kind in _ROLLED_BACK or answer.status in (429, 503):
            raise ServerBusy(f"Odoo is busy: {answer.shown}", "run again later: what was sent is looked up first")
        raise LedgerUncertain(f"Odoo answered {answer.shown}", "look into its log, then run again")

    def _denied(self, said: str) -> SettingsError:
        return SettingsError(
            f"Odoo does not let us in, or not that far: {said}",
            "check [ledger.odoo] database and user, the rights of the user, and RETAIL_SYNC_ODOO_API_KEY (a key of"
            " Odoo 19 lives three months at most)",
        )
