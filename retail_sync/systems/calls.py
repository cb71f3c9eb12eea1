"""What the clients of ERP systems share: their pace, credentials that never change, reading page by page, and being told no.

Anything else that goes wrong on the way is an `HttpError` (`core/http_errors.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from retail_sync.core.http import Answer, Auth, HttpClient, Limits, Manner
from retail_sync.core.http_errors import Answered, HttpError
from retail_sync.core.paging import Call, at

# Somebody's own server: its answers take longer than the pauses. A batch of drafts is checked for a minute or two.
LIMITS = Limits(per_minute=3_000, burst=50, attempts=3, wait_first=0.5, read=120, total=300)
PAGE = 1_000
JSON = {"Content-Type": "application/json"}

Judge = Callable[[Answer], HttpError | None]
# Makes the HTTP client of a system: its name, its address, its credentials, and what tells failures in answers of a good status.
Opening = Callable[[str, str, Auth | None, Judge], HttpClient]


def open_http(system: str, base_url: str, auth: Auth | None, judge: Judge) -> HttpClient:
    """Open a system at its usual pace."""
    return HttpClient(system, base_url, auth, LIMITS, manner=Manner(judge=judge))


class ServerRefused(Answered):
    """The server took the call and said no; nothing of it was kept. `kind` and `name` are its words for why, `said` its text."""

    def __init__(self, kind: str, said: str, name: str = "", status: int = 400) -> None:
        super().__init__(f"{kind}: {said}", status)
        self.kind = kind
        self.said = said
        self.name = name


class ServerBusy(HttpError):
    """Somebody gave the call up: the server, which rolled it back, or what stands before it, and then who knows."""


@dataclass(frozen=True, slots=True)
class Key:
    """Credentials that are the same for every request: `values` are the headers, `hidden` what no message may show."""

    values: Mapping[str, str] = field(repr=False)
    hidden: tuple[str, ...] = field(repr=False)

    def headers(self) -> Mapping[str, str]:
        """Return the headers."""
        return self.values

    def renew(self, refused: Mapping[str, str]) -> None:
        """There is no other key: the second refusal stands."""

    def secrets(self) -> Iterable[str]:
        """Return every text that no message may show."""
        return self.hidden


@dataclass(frozen=True, slots=True)
class After:
    """Pages in the order of a place (an id, a name), each asked for by the last place of the one before.

    `rows`: path of the rows; `ask` returns the document that asks for what comes after a place. Only an empty page is the end:
    a server may give fewer rows than it was asked for. That one place comes after another is the server's business (a database
    may not tell upper and lower case apart); one that was asked for before ends the walk.
    """

    rows: str
    place: str
    ask: Callable[[Any], Mapping[str, Any]]

    def __call__(self, call: Call, answer: Answer) -> Call | None:
        """Return the request for the next page."""
        rows = at(answer.document, self.rows)
        return replace(call, document=self.ask(rows[-1][self.place])) if rows else None
