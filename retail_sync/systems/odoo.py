"""Calls on an Odoo server, over JSON-2 (Odoo 19 and later) or JSON-RPC (14 to 18), and what its errors mean.

Written from Odoo's documentation and public reports; no server could be run beside it. Each call is a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from retail_sync.core.errors import SettingsError, SignInRefused
from retail_sync.core.exact_json import write_json
from retail_sync.core.http import Answer
from retail_sync.core.http_errors import Answered, DeliveryUnknown, HttpError
from retail_sync.core.paging import Call, walk
from retail_sync.systems import calls
from retail_sync.systems.calls import JSON, After, Key, Opening, ServerBusy, ServerRefused, open_http

_RULES = ("UserError", "ValidationError", "RedirectWarning", "MissingError")
_ROLLED_BACK = ("SerializationFailure", "DeadlockDetected", "LockNotAvailable")


@dataclass(frozen=True, slots=True)
class OdooAccess:
    """A database of a server and a key for it; `user` is the key's, for JSON-RPC only.

    `section` and `variable` are where a person sets it and the key, for messages.
    """

    url: str
    database: str
    api: Literal["json2", "jsonrpc"]
    user: str
    key: str = field(repr=False)
    section: str
    variable: str = "RETAIL_SYNC_ODOO_API_KEY"


class OdooClient:
    """Calls on one database with one API key. `context` goes with every call."""

    def __init__(self, access: OdooAccess, opening: Opening = open_http) -> None:
        """Nothing is sent yet."""
        self._access = access
        headers = {"Authorization": f"bearer {access.key}", "X-Odoo-Database": access.database}
        key = Key(headers if access.api == "json2" else {}, (access.key,))
        self._http = opening("Odoo", access.url, key, self._judge)
        self.page_records = "" if access.api == "json2" else "result"
        self._user_id = 0
        self.context: dict[str, Any] = {"active_test": False, "lang": "en_US"}

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def call(
        self, model: str, method: str, ids: Sequence[int | str] | None = None, *, may_repeat: bool = False, **named: Any
    ) -> Any:
        """Call a method with named arguments and return its result. `may_repeat`: it only reads.

        Raises ServerRefused, ServerBusy, SettingsError, and HttpError where nobody can tell whether it was done.
        """
        path, body = self._asking(model, method, ids, named)
        return self._ask(path, body, may_repeat)

    def rows(self, model: str, domain: Sequence[Any], fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield all records of `domain` in the order of their ids, page by page."""
        for page in self.pages(model, domain, fields):
            yield from page.document["result"] if self.page_records else page.document

    def pages(self, model: str, domain: Sequence[Any], fields: Sequence[str]) -> Iterator[Answer]:
        """Yield the same as the server's answers, the last of which is empty. Their records stand at `page_records`."""

        def after(last: int) -> Mapping[str, Any]:
            where = [["id", ">", last], *domain]
            asked = {"domain": where, "fields": list(fields), "limit": calls.PAGE, "order": "id asc"}
            return self._asking(model, "search_read", None, asked)[1]

        path, first = self._asking(model, "search_read", None, {})[0], after(0)
        try:
            yield from walk(self._http, Call("POST", path, document=first), After(self.page_records, "id", after))
        except Answered as answered:
            raise self._meant(answered.document, answered) from answered

    def known_fields(self, model: str, names: Sequence[str]) -> list[str]:
        """Return those of `names` that this version of Odoo has."""
        known = self.call(model, "fields_get", allfields=list(names), attributes=["type"], may_repeat=True)
        return [name for name in names if name in known]

    def _asking(
        self, model: str, method: str, ids: Sequence[int | str] | None, named: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """Return the path and the body of a call."""
        named = {**named, "context": self.context}
        if self._access.api == "json2":
            return f"/json/2/{model}/{method}", named if ids is None else {"ids": list(ids), **named}
        positional = [] if ids is None else [list(ids)]
        return "/jsonrpc", _service("object", "execute_kw", [*self._login(), model, method, positional, named])

    def _login(self) -> tuple[str, int, str]:
        access = self._access
        if not self._user_id:
            asked = _service("common", "authenticate", [access.database, access.user, access.key, {}])
            found = self._ask("/jsonrpc", asked, may_repeat=True)
            if not found:
                raise self._denied(f"{access.user} is not known")
            self._user_id = int(found)
        return access.database, self._user_id, access.key

    def _ask(self, path: str, body: Any, may_repeat: bool) -> Any:
        try:
            answer = self._http.request(
                "POST", path, body=write_json(body).encode(), headers=JSON, may_repeat=may_repeat
            )
        except Answered as answered:
            raise self._meant(answered.document, answered) from answered
        return answer.document.get("result") if self.page_records else answer.document

    def _judge(self, answer: Answer) -> HttpError | None:
        """Return the failure that JSON-RPC tells with a good status."""
        document = answer.document
        if not self.page_records or (isinstance(document, Mapping) and "error" not in document):
            return None
        told = document.get("error") if isinstance(document, Mapping) else None
        unknown = DeliveryUnknown(
            "Odoo answered with JSON that is no answer of its", "look into its log, then run again"
        )
        return self._meant(told.get("data") if isinstance(told, Mapping) else None, unknown)

    def _meant(self, told: Any, failure: HttpError) -> HttpError:
        """Return what a failure means, by the exception that Odoo names in it; itself where it names none we know."""
        status = failure.status if isinstance(failure, Answered) else 200
        told = told if isinstance(told, Mapping) else {}
        name, message = str(told.get("name", "")), str(told.get("message", ""))
        kind = name.rpartition(".")[2]
        if isinstance(failure, ServerRefused):  # told already
            return failure
        if status in (401, 403) or kind in ("AccessDenied", "AccessError"):
            refused = SignInRefused if status == 401 or kind == "AccessDenied" else SettingsError
            raise self._denied(message or failure.message, refused)
        if kind in _RULES:
            return ServerRefused(kind, message)
        if kind in _ROLLED_BACK or status in (429, 503):
            return ServerBusy(failure.message, "run again later")
        return failure

    def _denied(self, said: str, refused: type[SettingsError] = SignInRefused) -> SettingsError:
        access = self._access
        return refused(
            f"Odoo does not let us in, or not that far: {said}",
            f"check {access.section} database and user, the rights of the user, and {access.variable} (a key of Odoo 19"
            " lives three months at most)",
        )


def _service(service: str, method: str, arguments: Sequence[Any]) -> dict[str, Any]:
    parameters = {"service": service, "method": method, "args": list(arguments)}
    return {"jsonrpc": "2.0", "method": "call", "params": parameters, "id": 1}
