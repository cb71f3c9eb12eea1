"""Calls on an ERPNext server over Frappe's REST interface, and what its errors mean.

Written from Frappe's published source and reports; no server could be run beside it. Each request is a transaction of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from retail_sync.core.errors import SettingsError, SignInRefused
from retail_sync.core.exact_json import write_json
from retail_sync.core.http import Answer
from retail_sync.core.http_errors import Answered, DeliveryUnknown, HttpError
from retail_sync.core.paging import Call, walk
from retail_sync.systems import calls
from retail_sync.systems.calls import JSON, After, Key, Opening, ServerBusy, ServerRefused, open_http

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


@dataclass(frozen=True, slots=True)
class ErpnextAccess:
    """A site and the key of one user of it. `variables` is where a person sets the key, for messages."""

    url: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    variables: str = "RETAIL_SYNC_ERPNEXT_API_KEY and RETAIL_SYNC_ERPNEXT_API_SECRET"


class ErpnextClient:
    """Calls on one site with the key of one user."""

    def __init__(self, access: ErpnextAccess, opening: Opening = open_http) -> None:
        """Nothing is sent yet."""
        self._access = access
        key = Key({"Authorization": f"token {access.key}:{access.secret}"}, (access.key, access.secret))
        self._http = opening("ERPNext", access.url, key, lambda _: None)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def call(self, method: str, *, may_repeat: bool = False, **named: Any) -> Any:
        """Call a method of the server with named arguments and return its result. `may_repeat`: it only reads.

        Raises ServerRefused, ServerBusy, SettingsError, and HttpError where nobody can tell whether it was done.
        """
        return self._ask("POST", f"/api/method/{method}", named, "message", may_repeat=may_repeat)

    def rows(
        self, doctype: str, filters: Sequence[Any], fields: Sequence[str], parent: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield all documents that `filters` let through, in the order of their names, page by page.

        Rows of a table inside documents need `parent`, the type of those.
        """
        for page in self.pages(doctype, filters, fields, parent):
            yield from page.document["message"]

    def pages(
        self,
        doctype: str,
        filters: Sequence[Any],
        fields: Sequence[str],
        parent: str | None = None,
        place: str = "name",
        group_by: str | None = None,
    ) -> Iterator[Answer]:
        """Yield the same as the server's answers (records at `message`), the last of which is empty, in the order of `place`.

        Filters go in the body: a URL is too short for them.
        """
        asked: dict[str, Any] = {"doctype": doctype, "fields": list(fields), "order_by": f"{place} asc"}
        asked |= {"limit_page_length": calls.PAGE} | ({"parent": parent} if parent else {})
        asked |= {"group_by": group_by} if group_by else {}

        def after(last: str) -> Mapping[str, Any]:
            return {"filters": [[place, ">", last], *filters], **asked}

        call = Call("POST", "/api/method/frappe.client.get_list", document=after(""))
        try:
            for page in walk(self._http, call, After("message", place, after)):
                if not isinstance(page.document, Mapping) or "message" not in page.document:
                    raise DeliveryUnknown(f"ERPNext did not answer with a list of {doctype}", "run again later")
                yield page
        except Answered as answered:
            raise self._meant(answered) from answered

    def document(self, doctype: str, name: str) -> dict[str, Any]:
        """Return one document."""
        found: dict[str, Any] = self._ask("GET", _path(doctype, name), None, "data", may_repeat=True)
        return found

    def change(self, doctype: str, name: str, values: Mapping[str, Any]) -> None:
        """Change fields of one document; `docstatus` 1 submits it."""
        self._ask("PUT", _path(doctype, name), dict(values), "data", may_repeat=False)

    def delete(self, doctype: str, name: str) -> None:
        """Delete one document."""
        self._ask("DELETE", _path(doctype, name), None, "", may_repeat=False)

    def _ask(self, method: str, path: str, named: Mapping[str, Any] | None, field: str, *, may_repeat: bool) -> Any:
        """Return what stands in one field of the answer, or nothing where no field is named."""
        body = None if named is None else write_json(named).encode()
        try:
            answer = self._http.request(method, path, body=body, headers=JSON, may_repeat=may_repeat)
        except Answered as answered:
            raise self._meant(answered) from answered
        content = answer.document if isinstance(answer.document, Mapping) else {}
        if answer.status not in (200, 202) or (field or not content) and field not in content:
            told = f"ERPNext answered {method} {path} with {str(answer.document)[:200]}"
            raise DeliveryUnknown(told, "look into its error log, then run again")
        return content.get(field)

    def _meant(self, answered: Answered) -> HttpError:
        """Return what a failure means, by the exception that ERPNext names in it; itself where it names none we know."""
        content = answered.document if isinstance(answered.document, Mapping) else {}
        kind = str(content.get("exc_type", ""))
        if answered.status in (401, 403):
            refused = SignInRefused if answered.status == 401 else SettingsError
            raise refused(
                f"ERPNext does not let us in, or not that far: {_message(content) or answered.message}",
                f"check {self._access.variables}, and the roles of their user",
            )
        if kind in _ROLLED_BACK or answered.status in _BUSY:
            return ServerBusy(answered.message, "run again later")
        if kind and answered.status in _REFUSED:
            return ServerRefused(kind, _message(content))
        return answered


def _path(doctype: str, name: str) -> str:
    return f"/api/resource/{quote(doctype, safe='')}/{quote(name, safe='')}"


def _message(content: Mapping[str, Any]) -> str:
    """Return what the server tells people: its messages, else the text of the exception, without HTML."""
    try:
        told = " ".join(str(json.loads(text)["message"]) for text in json.loads(content["_server_messages"]))
    except (KeyError, TypeError, ValueError):
        told = str(content.get("exception") or "").partition(": ")[2]
    return " ".join(_TAG.sub("", told).split())
