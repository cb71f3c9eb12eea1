"""A session with a Tryton server over JSON-RPC: login, calls in the context of one company, what its errors mean.

Tryton answers refusals with HTTP 200 and an `error`, and says 503 when its database gave a transaction up. What it says is
in the language of its user, so nothing here looks into the words.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from retail_sync.core.errors import LedgerUncertain, SettingsError
from retail_sync.ledger.drafts import ServerBusy, ServerRefused
from retail_sync.ledger.rpc import Answer, JsonTransport
from retail_sync.settings import TrytonSettings

PAGE = 1000


def encode(value: object) -> object:
    """Write what JSON has no type for as Tryton does."""
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if type(value) is date:
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    raise TypeError(f"{value!r} is not sent to Tryton")


def decode(item: dict[str, Any]) -> Any:
    """Read what `encode` writes."""
    match item.get("__class__"):
        case "Decimal":
            return Decimal(item["decimal"])
        case "date":
            return date(item["year"], item["month"], item["day"])
        case "datetime":
            return datetime(*(item[part] for part in ("year", "month", "day", "hour", "minute", "second")))  # noqa: DTZ001
        case _:
            return item


class TrytonClient:
    """Calls on one database as one user, for one company. Logs in when first used and when the session ran out."""

    def __init__(self, settings: TrytonSettings, password: str) -> None:
        """Nothing is sent yet."""
        self._settings = settings
        self._password = password
        self._transport = JsonTransport("Tryton", f"{settings.url.rstrip('/')}/{settings.database}", encode, decode)
        self._context: dict[str, Any] = {}
        self._preferences: dict[str, Any] = {}
        self._calls = 0
        self.user_id = 0

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def call(self, model: str, method: str, *parameters: Any) -> Any:
        """Call a method of a model and return its result.

        Raises ServerRefused, ServerBusy, and LedgerUncertain where nobody can tell whether it was done.
        """
        if not self._preferences:  # a login is whole with them: an answer may be lost on the way
            self._log_in()
        answer = self._send(f"model.{model}.{method}", *parameters, self._context)
        if answer.status == 401:  # the session ran out; nothing was done
            self._log_in()
            answer = self._send(f"model.{model}.{method}", *parameters, self._context)
        return _result(answer)

    def rows(self, model: str, domain: Sequence[Any], fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield all records of `domain` in the order of their ids, page by page. Raises SettingsError where Tryton forbids it."""
        last = 0
        while True:
            where = ["AND", ["id", ">", last], list(domain)] if domain else ["id", ">", last]
            try:
                page = self.call(model, "search_read", [where], 0, PAGE, [["id", "ASC"]], list(fields))
            except ServerRefused as said:
                raise SettingsError(
                    f"Tryton does not let {self._settings.user} read {model}: {said.message}",
                    "give the user of [ledger.tryton] the right to read it, and the modules account and currency",
                ) from said
            yield from page
            if len(page) < PAGE:
                return
            if page[-1]["id"] <= last:
                raise LedgerUncertain(f"Tryton gave a page of {model} twice", "run again later")
            last = page[-1]["id"]

    def accept(self, warning: str) -> None:
        """Tell Tryton once that a warning was read, as its own client does."""
        self.call("res.user.warning", "create", [{"user": self.user_id, "name": warning, "always": False}])

    def company(self) -> tuple[int, str]:
        """Return the id and the currency of the company, and work in it from now on. Raises SettingsError if there is none."""
        name = self._settings.company
        domain = [["party.name", "=", name]] if name else []
        found = list(self.rows("company.company", domain, ["currency.code", "party.name"]))
        if len(found) != 1:
            those = ", ".join(row["party."]["name"] for row in found) or "none"
            raise SettingsError(
                f"Tryton has no single company {name!r} that {self._settings.user} may see: {those}",
                "give its name as [ledger.tryton] company, and the user access to it",
            )
        self._require_visible(found[0]["id"], found[0]["party."]["name"])
        self.company_is(found[0]["id"])
        return found[0]["id"], found[0]["currency."]["code"]

    def _require_visible(self, company: int, name: str) -> None:
        """Raise SettingsError where Tryton would hide the company's records: nothing found would look like nothing booked."""
        seen = self._preferences.get("company_filter"), self._preferences.get("company")
        if seen[0] != "all" and seen[1] != company:
            raise SettingsError(
                f"Tryton shows {self._settings.user} the records of another company than {name}",
                f"make {name} the current company of a user of our own, or let the user see the records of all companies",
            )

    def company_is(self, company: int) -> None:
        """Work in a company from now on."""
        self._context |= {"company": company, "companies": [company]}

    def _log_in(self) -> None:
        self._transport.headers = {}
        answer = self._send("common.db.login", self._settings.user, {"password": self._password})
        if answer.status in (401, 404) or (answer.status == 200 and "result" not in (answer.content or {})):
            raise SettingsError(
                f"Tryton refuses {self._settings.user} on database {self._settings.database} ({answer.shown})",
                "check [ledger.tryton] database and user, and RETAIL_SYNC_TRYTON_PASSWORD",
            )
        result = _result(answer)
        self.user_id, token = int(result[0]), str(result[1])
        session = base64.b64encode(f"{self._settings.user}:{self.user_id}:{token}".encode()).decode()
        self._transport.headers = {"Authorization": f"Session {session}"}
        if not self._preferences:
            preferences = _result(self._send("model.res.user.get_preferences", True, {}))
            self._context = {"language": preferences.get("language") or "en", "active_test": False}
            self._preferences = preferences

    def _send(self, method: str, *parameters: Any) -> Answer:
        self._calls += 1
        return self._transport.send("POST", "/rpc/", {"id": self._calls, "method": method, "params": list(parameters)})


def _result(answer: Answer) -> Any:
    if answer.status == 503:
        raise ServerBusy(f"Tryton is busy: {answer.shown}", "run again later: what was sent is looked up first")
    if answer.status != 200 or not isinstance(answer.content, dict):
        raise LedgerUncertain(f"Tryton answered {answer.shown}", "look into its log, then run again")
    if "error" not in answer.content:
        return answer.content["result"]
    said = answer.content["error"]
    kind = str(said[0]) if said else "error"
    details = said[1] if len(said) > 1 else ""
    if kind == "UserWarning" and isinstance(details, list):
        raise ServerRefused(kind, " ".join(str(part) for part in details[1:] if part), str(details[0]))
    message = str(details[0]) if isinstance(details, list) and details else str(details).strip().split("\n")[-1]
    raise ServerRefused(kind, message)
