"""Calls on an ERPNext server over Frappe's REST interface, and what its errors mean.

Written from Frappe's published source and reports; no server could be run beside it. Each request is a transaction of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from retail_sync.core.errors import LedgerUncertain, SettingsError
from retail_sync.ledger.drafts import ServerBusy, ServerRefused
from retail_sync.ledger.rpc import Answer, JsonTransport
from retail_sync.settings import ErpnextSettings

PAGE = 1000
_ROLLED_BACK = (
    "TimestampMismatchError",
    "QueryDeadlockError",
    "QueryTimeoutError",
    "DocumentLockedError",
    "TooManyRequestsError",
)
_REFUSED = (404, 409, 417)
_BUSY = (429, 503, 508)
_TAG = re.compile(r"<[^>]*>")


class ErpnextClient:
    """Calls on one site with the key of one user."""

    def __init__(self, settings: ErpnextSettings, key: str, secret: str) -> None:
        """Nothing is sent yet."""
        self._transport = JsonTransport("ERPNext", settings.url)
        self._transport.headers = {"Authorization": f"token {key}:{secret}", "Accept": "application/json"}

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def call(self, method: str, **named: Any) -> Any:
        """Call a method of the server with named arguments and return its result.

        Raises ServerRefused, ServerBusy, SettingsError, and LedgerUncertain where nobody can tell whether it was done.
        """
        return self._result(self._transport.send("POST", f"/api/method/{method}", named), "message")

    def rows(
        self, doctype: str, filters: Sequence[Any], fields: Sequence[str], parent: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield all documents that `filters` let through, in the order of their names, page by page.

        Rows of a table inside documents need `parent`, the type of those. Filters go in the body: a URL is too short for them.
        """
        asked: dict[str, Any] = {"doctype": doctype, "fields": list(fields), "order_by": "name asc"}
        asked |= {"limit_page_length": PAGE} | ({"parent": parent} if parent else {})
        last = ""
        while True:
            page = self.call("frappe.client.get_list", filters=[["name", ">", last], *filters], **asked)
            yield from page
            if len(page) < PAGE:
                return
            if page[-1]["name"] <= last:
                raise LedgerUncertain(f"ERPNext gave a page of {doctype} twice", "run again later")
            last = page[-1]["name"]

    def document(self, doctype: str, name: str) -> dict[str, Any]:
        """Return one document."""
        found: dict[str, Any] = self._result(self._transport.send("GET", _path(doctype, name)), "data")
        return found

    def change(self, doctype: str, name: str, values: Mapping[str, Any]) -> None:
        """Change fields of one document; `docstatus` 1 submits it."""
        self._result(self._transport.send("PUT", _path(doctype, name), values), "data")

    def delete(self, doctype: str, name: str) -> None:
        """Delete one document."""
        self._result(self._transport.send("DELETE", _path(doctype, name)), "")

    def _result(self, answer: Answer, field: str) -> Any:
        content = answer.content if isinstance(answer.content, dict) else {}
        if answer.status in (200, 202) and (field in content or (content and not field)):
            return content.get(field)
        kind = str(content.get("exc_type", ""))
        if answer.status in (401, 403):
            raise SettingsError(
                f"ERPNext does not let us in, or not that far: {_message(content) or answer.shown}",
                "check RETAIL_SYNC_ERPNEXT_API_KEY and RETAIL_SYNC_ERPNEXT_API_SECRET, and the roles of their user",
            )
        if kind in _ROLLED_BACK or answer.status in _BUSY:
            raise ServerBusy(f"ERPNext is busy: {answer.shown}", "run again later: what was sent is looked up first")
        if kind and answer.status in _REFUSED:
            raise ServerRefused(kind, _message(content))
        raise LedgerUncertain(f"ERPNext answered {answer.shown}", "look into its error log, then run again")


def _path(doctype: str, name: str) -> str:
    return f"/api/resource/{quote(doctype, safe='')}/{quote(name, safe='')}"


def _message(content: Mapping[str, Any]) -> str:
    """Return what the server tells people: its messages, else the text of the exception, without HTML."""
    try:
        told = " ".join(str(json.loads(text)["message"]) for text in json.loads(content["_server_messages"]))
    except (KeyError, TypeError, ValueError):
        told = str(content.get("exception") or "").partition(": ")[2]
    return " ".join(_TAG.sub("", told).split())
