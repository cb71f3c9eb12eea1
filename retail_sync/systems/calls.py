"""What the clients of ERP systems share: their pace, credentials that never change, and two ways to be told no.

Anything else that goes wrong on the way is an `HttpError` (`core/http_errors.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from retail_sync.core.errors import RetailSyncError
from retail_sync.core.http import Limits
from retail_sync.core.http_errors import DeliveryUnknown, HttpError

# Somebody's own server: its answers take longer than the pauses. A batch of drafts is checked for a minute or two.
LIMITS = Limits(per_minute=3_000, burst=50, attempts=3, wait_first=0.5, read=120, total=300)
PAGE = 1_000
JSON = {"Content-Type": "application/json"}


class ServerRefused(RetailSyncError):
    """The server took the call and said no; nothing of it was kept. `kind` and `name` are its words for why, `said` its text."""

    def __init__(self, kind: str, said: str, name: str = "") -> None:
        super().__init__(f"{kind}: {said}")
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


def every_record(
    system: str, what: str, place: str, ask: Callable[[Any], Sequence[Mapping[str, Any]]], begin: int | str
) -> Iterator[dict[str, Any]]:
    """Yield records page by page. `ask` returns those that come after one `place`, in its order; `begin` is before all.

    Whether one place comes after another is the server's business (a database may not tell upper and lower case apart), but
    one that a page ended with before makes no progress. Raises DeliveryUnknown there.
    """
    last, ends = begin, {begin}
    while True:
        page = ask(last)
        yield from map(dict, page)
        if len(page) < PAGE:
            return
        last = page[-1][place]
        if last in ends:
            raise DeliveryUnknown(f"{system} gave a page of {what} twice", "run again later")
        ends.add(last)
