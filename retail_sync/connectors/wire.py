"""What a connector to a running system must do: connect, say in one call that all is well, and give its lists page by page.

What it brings lands as raw deliveries (`pulling.py`), and its SQL makes them canonical (`paged.py`). It writes nothing itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from retail_sync.core.errors import SettingsError
from retail_sync.core.exact_json import look_into
from retail_sync.core.http import Auth, HttpClient, Limits, Manner
from retail_sync.core.pacing import Clock
from retail_sync.core.paging import PagesBroken
from retail_sync.settings import SETTINGS_NAME, Source, said_of


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open range of instants in UTC, [start, end)."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """One answer as it came: JSON text, whose records stand at the object's path for `part`.

    `key` is what was asked for where the records do not say it themselves (the payout whose entries these are). `passing` are
    texts in it that differ each time it is asked for and mean nothing (a page token, the time of the answer; what begins with
    a quote is JSON as it stands there: `"left": 7`): a window that differs in nothing else is no new delivery.
    """

    content: bytes
    part: str = ""
    key: str = ""
    passing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A file that the system keeps for us, e.g. a settlement report. `save` writes it to a path, as it is."""

    name: str
    save: Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Backfill:
    """A second way to a list, for a past of more days than `over`: what `pull` yields reads as the pages of the list's own way.

    Windows begin where the asked days begin and are not longer than `longest`, so what is asked for is what comes.
    """

    pull: Callable[[Any, Window], Iterator[Page]]
    longest: timedelta = timedelta(days=31)
    over: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class WireObject:
    """A list that a system gives.

    `pull` yields its pages, or its documents, for a window; `is_state`: it says what is now; `has_past`: it can
    say what was at the end of a window in the past as well; `is_daily`: the first answer of a local day is the one that counts.
    `tables`: the canonical tables that its records fill. `records`: part of a page: path of its records; a path that ends in
    a mapping or nothing is one record. `look_back`: how far before the last pull the next one begins again, because what is
    late must not be missed. `longest`: the longest window asked for at once.
    `reader`: the connector for files that reads its documents; empty where it gives pages.
    `backfill`: how many past days are had at once, where page by page takes too long.
    """

    name: str
    pull: Callable[[Any, Window], Iterator[Page | Document]]
    tables: tuple[str, ...] = ()
    records: Mapping[str, str] = field(default_factory=dict)
    look_back: timedelta = timedelta(hours=1)
    longest: timedelta = timedelta(days=1)
    is_state: bool = False
    has_past: bool = False
    is_daily: bool = False
    reader: str = ""
    backfill: Backfill | None = None


class Connection(BaseModel):
    """What `[source.connection]` says; each connector has its own fields. Secrets are no settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("url", check_fields=False)
    @classmethod
    def _is_address(cls, url: str) -> str:
        if not url.startswith(("https://", "http://")):
            raise ValueError("an address begins with https://")
        return url

    @property
    def address(self) -> str:
        """Where the system is asked."""
        return str(getattr(self, "url", ""))


_C = TypeVar("_C", bound=Connection)
# Under the state of a home: files of a pull; a run empties it before it asks anyone.
SCRATCH = "pull"


@dataclass(frozen=True, slots=True)
class Access:
    """What a connector connects with. `progress` is told what makes a person wait."""

    source: Source
    folder: Path
    trace_id: str
    clock: Clock = Clock()
    progress: Callable[[str], None] = field(default=lambda _: None)

    @property
    def scratch(self) -> Path:
        """The folder for files of a pull."""
        return self.folder / SCRATCH

    def secret(self, name: str) -> str:
        """Return a secret of the environment, RETAIL_SYNC_<SOURCE>_<NAME>. Raises SettingsError where it is not set."""
        return self.secrets(name)[0]

    def secrets(self, *names: str) -> list[str]:
        """Return several secrets of the environment. Raises SettingsError naming all that are not set."""
        variables = [f"RETAIL_SYNC_{self.source.name.upper()}_{name}" for name in names]
        if missing := [variable for variable in variables if not os.environ.get(variable)]:
            are = "is" if len(missing) == 1 else "are"
            raise SettingsError(
                f"{', '.join(missing)} {are} not set: source {self.source.name} needs that to sign in",
                "set it in the environment of the runs, not in the settings; docs/runbooks/connect_sources.md says where the "
                "value comes from",
            )
        return [os.environ[variable] for variable in variables]

    def client(
        self, system: str, base_url: str, auth: Auth | None, limits: Limits, manner: Manner | None = None
    ) -> HttpClient:
        """Return a client for one host, with the run's trace id on every request and its budget of calls.

        Its answers are only looked into: they are kept as they came, and read where they are loaded.
        """
        manner = manner or Manner()
        marked = replace(manner, read=look_into, headers={"X-Trace-Id": self.trace_id, **manner.headers})
        limits = replace(limits, calls_max=self.source.calls_max)
        if rate := self.source.requests_per_minute:
            # No operation may be asked faster than its vendor says, nor all of them than the source says.
            rates = {
                name: (min(rate, own), min(burst, max(1, rate / 60))) for name, (own, burst) in limits.rates.items()
            }
            limits = replace(limits, per_minute=rate, burst=max(1, rate / 60), rates=rates)
        return HttpClient(system, base_url, auth, limits, self.clock, marked)

    def connection(self, kind: type[_C]) -> _C:
        """Return the settings of the connection. Raises SettingsError naming each that is wrong or missing."""
        try:
            return kind.model_validate(self.source.connection)
        except ValidationError as error:
            raise SettingsError(
                f"{SETTINGS_NAME}, source {self.source.name}, [source.connection]: "
                f"{said_of(error, self.source.connection)}",
                f"see docs/settings.md, connector {self.source.connector}",
            ) from None


@contextmanager
def shapes_told(told: str) -> Iterator[None]:
    """Make an answer that is JSON, but not what its system answers, a failure of what was asked. Raises PagesBroken.

    Connectors take answers for what they must be; what stands between us and a system may answer anything.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise PagesBroken(
            f"{told}: an answer has not the form that it should have ({type(error).__name__}: {str(error)[:200]})",
            "run again; if it stays so, tell who keeps this connector",
        ) from error


class WireConnector(Protocol):
    """One system over HTTP. `name` is what `[[source]] connector` says."""

    name: str
    channel: str

    @property
    def objects(self) -> tuple[WireObject, ...]:
        """The lists it gives, in the order in which they are asked for."""

    @property
    def settings(self) -> type[Connection]:
        """What `[source.connection]` says for it."""

    def connect(self, access: Access) -> Any:
        """Return what `pull` and `check` are given. Sends nothing yet. Raises SettingsError."""

    def check(self, client: Any) -> str:
        """Make one cheap call and say in a few words who answered. Raises RetailSyncError."""
