"""A session with a Tryton server over JSON-RPC: login, calls in the context of one company, what its errors mean.

Tryton answers refusals with HTTP 200 and an `error`, and says 503 when its database gave a transaction up. What it says is
in the language of its user, so nothing here looks into the words.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from retail_sync.core.errors import SettingsError, SignInRefused
from retail_sync.core.exact_json import is_list, write_json
from retail_sync.core.http import Answer, HttpClient
from retail_sync.core.http_errors import Answered, DeliveryUnknown, HttpError, NoConnection, NotDelivered
from retail_sync.core.paging import Call, walk
from retail_sync.systems import calls
from retail_sync.systems.calls import JSON, After, Opening, ServerBusy, ServerRefused, open_http


@dataclass(frozen=True, slots=True)
class TrytonAccess:
    """A database of a server (`url` without it), as which user, for which company (empty: the only one that the user sees).

    `section` and `variable` are where a person sets it and the password, for messages.
    """

    url: str
    database: str
    user: str
    password: str = field(repr=False)
    company: str
    section: str
    variable: str = "RETAIL_SYNC_TRYTON_PASSWORD"


class TrytonClient:
    """Calls on one database as one user, for one company. Logs in when first used and when the session ran out."""

    def __init__(self, access: TrytonAccess, opening: Opening = open_http) -> None:
        """Nothing is sent yet."""
        self._access = access
        url = f"{access.url.rstrip('/')}/{access.database}"
        self._sign_in = opening("Tryton sign-in", url, None, _judge)
        self._session = _Session(access, self._sign_in)
        self._http = opening("Tryton", url, self._session, _judge)
        self._context: dict[str, Any] = {}
        self._preferences: dict[str, Any] = {}

    def close(self) -> None:
        """Close the connections; the client may be used again."""
        self._sign_in.close()
        self._http.close()

    @property
    def user_id(self) -> int:
        """The id of our user, once something was called."""
        return self._session.user_id

    def who(self) -> str:
        """Log in and return who we are there, in a few words."""
        self._know_the_user()
        return f"{self._access.user}, {self._preferences.get('company.rec_name') or 'without a company'}"

    def call(self, model: str, method: str, *parameters: Any, may_repeat: bool = False) -> Any:
        """Call a method of a model and return its result. `may_repeat`: it only reads.

        Raises ServerRefused, ServerBusy, SettingsError, and HttpError where nobody can tell whether it was done.
        """
        self._know_the_user()
        return self._ask(f"model.{model}.{method}", *parameters, self._context, may_repeat=may_repeat)

    def rows(self, model: str, domain: Sequence[Any], fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield all records of `domain` in the order of their ids, page by page. Raises SettingsError where Tryton forbids it."""
        for page in self.pages(model, domain, fields):
            yield from _decoded(page.document["result"])

    def pages(
        self, model: str, domain: Sequence[Any], fields: Sequence[str], context: Mapping[str, Any] | None = None
    ) -> Iterator[Answer]:
        """Yield the same as the server's answers, the last of which is empty. `context` adds to what every call says."""
        self._know_the_user()
        whole = {**self._context, **(context or {})}

        def after(last: int) -> Mapping[str, Any]:
            where = ["AND", ["id", ">", last], list(domain)] if domain else ["id", ">", last]
            asked = [where], 0, calls.PAGE, [["id", "ASC"]], list(fields), whole
            return _call(f"model.{model}.search_read", asked)

        try:
            yield from walk(self._http, Call("POST", "/rpc/", document=after(0)), After("result", "id", after))
        except ServerRefused as refused:
            raise SettingsError(
                f"Tryton does not let {self._access.user} read {model}: {refused.said}",
                f"give the user of {self._access.section} the right to read it; the modules of what is read must be active",
            ) from refused
        except Answered as answered:
            raise _meant(answered) from answered

    def _know_the_user(self) -> None:
        if not self._preferences:
            self._preferences = self._ask("model.res.user.get_preferences", True, {}, may_repeat=True)
            self._context = {"language": self._preferences.get("language") or "en", "active_test": False}

    def accept(self, warning: str) -> None:
        """Tell Tryton once that a warning was read, as its own client does."""
        self.call("res.user.warning", "create", [{"user": self.user_id, "name": warning, "always": False}])

    def company(self) -> tuple[int, str]:
        """Return the id and the currency of the company, and work in it from now on. Raises SettingsError if there is none."""
        name = self._access.company
        domain = [["party.name", "=", name]] if name else []
        found = list(self.rows("company.company", domain, ["currency.code", "party.name"]))
        if len(found) != 1:
            those = ", ".join(row["party."]["name"] for row in found) or "none"
            raise SettingsError(
                f"Tryton has no single company {name!r} that {self._access.user} may see: {those}",
                f"give its name as {self._access.section} company, and the user access to it",
            )
        self._require_visible(found[0]["id"], found[0]["party."]["name"])
        self.company_is(found[0]["id"])
        return found[0]["id"], found[0]["currency."]["code"]

    def _require_visible(self, company: int, name: str) -> None:
        """Raise SettingsError where Tryton would hide the company's records: nothing found would look like nothing there."""
        seen = self._preferences.get("company_filter"), self._preferences.get("company")
        if seen[0] != "all" and seen[1] != company:
            raise SettingsError(
                f"Tryton shows {self._access.user} the records of another company than {name}",
                f"make {name} the current company of a user of our own, or let the user see the records of all companies",
            )

    def company_is(self, company: int) -> None:
        """Work in a company from now on."""
        self._context |= {"company": company, "companies": [company]}

    def _ask(self, method: str, *parameters: Any, may_repeat: bool) -> Any:
        body = write_json(_call(method, parameters)).encode()
        try:
            answer = self._http.request("POST", "/rpc/", body=body, headers=JSON, may_repeat=may_repeat)
        except Answered as answered:
            raise _meant(answered) from answered
        return _decoded(answer.document["result"])


class _Session:
    """The session that Tryton gives a user, as credentials of requests. A new one where there is none or the server refuses it."""

    def __init__(self, access: TrytonAccess, http: HttpClient) -> None:
        self._access = access
        self._http = http
        self._token = ""
        self.user_id = 0

    def headers(self) -> Mapping[str, str]:
        """Return the header of the session."""
        if not self._token:
            self._log_in()
        session = base64.b64encode(f"{self._access.user}:{self.user_id}:{self._token}".encode()).decode()
        return {"Authorization": f"Session {session}"}

    def renew(self, refused: Mapping[str, str]) -> None:
        """Log in again: the session ran out."""
        self._log_in()

    def secrets(self) -> Iterable[str]:
        """Return every text that no message may show."""
        return self._access.password, self._token

    def _log_in(self) -> None:
        access = self._access
        body = write_json(_call("common.db.login", (access.user, {"password": access.password}))).encode()
        try:
            result = self._http.request("POST", "/rpc/", body=body, headers=JSON, may_repeat=True).document["result"]
        except ServerRefused as refused:
            raise self._denied(refused.message) from refused
        except Answered as answered:
            if answered.status in (401, 404):
                raise self._denied(answered.message) from answered
            raise NotDelivered(answered.message, answered.remedy) from answered
        except NoConnection:
            raise
        except HttpError as error:  # what needed the session was not sent
            raise NotDelivered(error.message, error.remedy) from error
        if not result:
            raise self._denied("no session came")
        self.user_id, self._token = int(result[0]), str(result[1])

    def _denied(self, told: str) -> SettingsError:
        access = self._access
        return SignInRefused(
            f"Tryton refuses {access.user} on database {access.database} ({told})",
            f"check {access.section} database and user, and {access.variable}",
        )


def _call(method: str, parameters: Sequence[Any]) -> dict[str, Any]:
    return {"id": 0, "method": method, "params": _encoded(parameters)}


def _meant(answered: Answered) -> HttpError:
    return ServerBusy(answered.message, "run again later") if answered.status == 503 else answered


def _judge(answer: Answer) -> HttpError | None:
    """Return the refusal that an answer holds in which all else is well."""
    document = answer.document
    if isinstance(document, Mapping) and "error" not in document and "result" in document:
        return None
    said = document.get("error") if isinstance(document, Mapping) else None
    if not is_list(said):
        return DeliveryUnknown(
            "Tryton answered with JSON that is no answer of its", "look into its log, then run again"
        )
    kind = str(said[0]) if said else "error"
    details = _decoded(said[1]) if len(said) > 1 else ""
    if kind == "UserWarning" and is_list(details):
        return ServerRefused(kind, " ".join(str(part) for part in details[1:] if part), str(details[0]))
    message = str(details[0]) if is_list(details) and details else str(details).strip().split("\n")[-1]
    return ServerRefused(kind, message)


def _encoded(value: Any) -> Any:
    """Write what JSON has no type for as Tryton does."""
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime):
        parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return {"__class__": "datetime"} | {part: getattr(value, part) for part in parts}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    if isinstance(value, Mapping):
        return {name: _encoded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(item) for item in value]
    return value  # anything else that JSON does not know is refused where it is written


def _decoded(value: Any) -> Any:
    """Read what `_encoded` writes."""
    if is_list(value):
        return [_decoded(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    match value.get("__class__"):
        case "Decimal":
            return Decimal(value["decimal"])
        case "date":
            return date(value["year"], value["month"], value["day"])
        case "datetime":
            return datetime(*(value[part] for part in ("year", "month", "day", "hour", "minute", "second")))  # noqa: DTZ001
        case _:
            return {name: _decoded(item) for name, item in value.items()}
