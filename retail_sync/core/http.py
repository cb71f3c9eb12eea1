"""The one way out over HTTP: paced, bounded, repeated only where that is safe, and read to the last byte.

A client speaks to one system. It repeats a request only where the caller says `may_repeat`: a read, or a write that carries
a key by which the other side knows it again. Whatever goes wrong is an `HttpError` of one of three kinds
(`http_errors.py`), or a SettingsError where the settings allow no request at all; none of them, and no repr, shows a header,
a query or a secret.

Limits: answers are JSON (a document is downloaded to a file as it comes), redirects are not followed, one request at a time.
A server that sends its *headers* byte by byte is cut off by the read timeout only when a pause is longer than that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

import requests
import urllib3

from retail_sync.core.errors import SettingsError
from retail_sync.core.exact_json import is_list, read_json
from retail_sync.core.http_bodies import Way, is_packed, unpacked
from retail_sync.core.http_errors import (
    REPEATABLE_STATUSES,
    Answered,
    BudgetSpent,
    DeliveryUnknown,
    HttpError,
    NoConnection,
)
from retail_sync.core.pacing import Bucket, Clock, seconds_to_wait

_T = TypeVar("_T")
# Where failures say it: Square and Amazon (in `errors`), OAuth, GraphQL, problem documents of RFC 9457, Frappe.
_WORDS = ("message", "detail", "details", "error_description", "title", "exc_type")
_UNREACHED = "check the address, the network and whether the system runs, then run again"


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast, how often and how long. Times in seconds; a longer Retry-After than `wait_max` is not waited for.

    `rates`: operation: (per minute, burst), where a system limits some operations by themselves. `calls_max`: tries that one
    client may make in its life. `bytes_per_second_min`: a body that comes slower is given up. `total` is of an answer, not of
    a downloaded document, which only has to keep that rate.
    """

    per_minute: float = 60
    burst: float = 5
    rates: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    calls_max: int = 1_000_000
    bytes_per_second_min: float = 200
    attempts: int = 4
    wait_first: float = 1
    wait_max: float = 90
    connect: float = 10
    read: float = 60
    total: float = 150
    body_bytes_max: int = 64 << 20
    remaining_header: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: its JSON document as the client reads it, fractions as Decimal unless it says otherwise.

    None where the server says that there is none. `content` is the body as it came, unpacked.
    """

    status: int
    headers: Mapping[str, str]
    document: Any
    content: bytes = field(default=b"", repr=False)


def _no_complaint(_: Answer) -> HttpError | None:
    return None


def _no_advice(_: Answer, _bucket: Bucket) -> None:
    return None


def _is_unauthorised(refused: Answered) -> bool:
    return refused.status == 401


@dataclass(frozen=True, slots=True)
class Manner:
    """How a system speaks, where it does not speak plain HTTP.

    `judge` returns the failure that an answer with a good status holds. `heed` tells the bucket of the operation what the
    server says of our rate. `is_stale` says whether a refusal means that other credentials are needed. `headers` go with every
    request.
    """

    read: Callable[[bytes], Any] = read_json
    judge: Callable[[Answer], HttpError | None] = _no_complaint
    heed: Callable[[Answer, Bucket], None] = _no_advice
    is_stale: Callable[[Answered], bool] = _is_unauthorised
    headers: Mapping[str, str] = field(default_factory=dict)


class Auth(Protocol):
    """Puts credentials on requests."""

    def headers(self) -> Mapping[str, str]:
        """Return the headers that carry the credentials of today."""

    def renew(self, refused: Mapping[str, str]) -> None:
        """Get other credentials, because the server refused these."""

    def secrets(self) -> Iterable[str]:
        """Return every text that no message may show."""


class HttpClient:
    """Requests to one system under `base_url`."""

    def __init__(
        self,
        system: str,
        base_url: str,
        auth: Auth | None = None,
        limits: Limits | None = None,
        clock: Clock | None = None,
        manner: Manner | None = None,
    ) -> None:
        self.system = system
        self.clock = clock or Clock()
        self.calls = 0
        self._base_url = base_url.rstrip("/")
        self._auth = auth
        self._limits = limits or Limits()
        self._manner = manner or Manner()
        self._proxies_by_host: dict[str, dict[str, str]] = {}
        self._buckets = {
            name: Bucket(per_minute, burst, self.clock)
            for name, (per_minute, burst) in {
                "": (self._limits.per_minute, self._limits.burst),
                **self._limits.rates,
            }.items()
        }
        self._session = requests.Session()
        # Read from the environment once: requests would do it for every request, a third of its time. ~/.netrc is not read,
        # which would take the place of our Authorization header.
        self._session.trust_env = False
        self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True

    def __repr__(self) -> str:
        return f"HttpClient({self.system!r})"

    def close(self) -> None:
        """Close the connections; the client may be used again."""
        self._session.close()

    def request(  # noqa: PLR0913 - what a request may have
        self,
        method: str,
        path: str,
        *,
        may_repeat: bool,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        cost: float = 1,
        operation: str = "",
    ) -> Answer:
        """Send a request, again within bounds where it may be repeated, and return the answer. Raises HttpError.

        `operation` names its rate in `Limits.rates`; without one it has the rate of the system.
        """
        url = f"{self._base_url}{path}" + (f"?{urlencode(query)}" if query else "")
        asked = _Asked(method, url, f"{self.system}, {method} {path}", body, headers or {}, cost, operation)
        return self._insisting(lambda: self._authorised(asked), may_repeat=may_repeat)

    def download(self, url: str, target: Path, *, bytes_max: int) -> None:
        """Write the document at an address that carries its own permission to `target`, as it comes. Raises HttpError.

        Without our credentials, and the address, which is a secret as long as it holds, stands in no message. Repeated within
        bounds, from the beginning; what is there before the last byte came is no document, so nothing may read it.
        """
        asked = _Asked("GET", url, f"{self.system}, GET of a document", None, {}, 1, "")
        way = self._way(asked.told, bytes_max)

        def once() -> None:
            with target.open("wb") as file:
                self._exchange(asked, self._manner.headers, lambda response: way.save(response, file))

        self._insisting(once, may_repeat=True)

    def _insisting(self, once: Callable[[], _T], *, may_repeat: bool) -> _T:
        """Try, again within bounds where that is safe and may help."""
        wait = self._limits.wait_first
        for attempts_left in range(self._limits.attempts - 1, -1, -1):
            try:
                return once()
            except HttpError as error:
                pause = self._pause(error, wait)
                if not (may_repeat and attempts_left) or pause is None:
                    raise
            self.clock.sleep(pause)
            wait = min(2 * wait, self._limits.wait_max)
        raise AssertionError("a client that may not try even once")

    def _pause(self, error: HttpError, wait: float) -> float | None:
        """Return how long to wait before the next try; None where another try cannot help."""
        if isinstance(error, BudgetSpent):
            return None
        if isinstance(error, Answered):
            if error.status not in REPEATABLE_STATUSES:
                return None
            if error.retry_after is not None:
                return error.retry_after + self.clock.jitter() if error.retry_after <= self._limits.wait_max else None
        return wait * (0.5 + self.clock.jitter() / 2)

    def _authorised(self, asked: _Asked) -> Answer:
        """Send once; once more with other credentials where these are refused (a refused request was not carried out)."""
        credentials = self._auth.headers() if self._auth else {}
        try:
            return self._send(asked, credentials)
        except Answered as refused:
            if not self._auth or not self._manner.is_stale(refused):
                raise
        self._auth.renew(credentials)
        return self._send(asked, self._auth.headers())

    def _send(self, asked: _Asked, credentials: Mapping[str, str]) -> Answer:
        headers = {"Accept": "application/json", **self._manner.headers, **asked.headers, **credentials}
        content, response = self._exchange(asked, headers, lambda response: self._read(response, asked.told))
        return self._judged(response, content, asked)

    def _exchange(
        self, asked: _Asked, headers: Mapping[str, str], receive: Callable[[requests.Response], _T]
    ) -> tuple[_T, requests.Response]:
        """Send a request and have its answer received, or raise what became of it."""
        if self.calls >= self._limits.calls_max:
            raise BudgetSpent(
                f"{self.system}: {self.calls} requests were made in this run, more than it may make",
                "the next run goes on after the last window that came whole; if it is always the same one, raise calls_max",
            )
        self.calls += 1
        self._buckets[asked.operation if asked.operation in self._buckets else ""].take(asked.cost)
        told, limits = asked.told, self._limits
        try:
            with self._session.request(
                asked.method, asked.url, data=asked.body, headers={"Accept-Encoding": "gzip", **headers},
                timeout=(limits.connect, limits.read), stream=True, allow_redirects=False, proxies=self._proxies(asked.url),
            ) as response:  # fmt: skip
                return receive(response), response
        except requests.exceptions.SSLError:
            raise NoConnection(
                f"{told}: no secure connection to {_host(asked.url)}",
                "check the address and the server's certificate (REQUESTS_CA_BUNDLE names a file with an authority of your own)",
            ) from None
        except requests.ConnectTimeout:
            raise NoConnection(f"{told}: no connection to {_host(asked.url)}", _UNREACHED) from None
        except requests.ConnectionError as error:
            if _never_connected(error):
                raise NoConnection(f"{told}: no connection to {_host(asked.url)}", _UNREACHED) from None
            raise DeliveryUnknown(f"{told}: the connection broke", "run again") from None
        except (requests.Timeout, requests.exceptions.ChunkedEncodingError, urllib3.exceptions.HTTPError):
            raise DeliveryUnknown(f"{told}: no complete answer in time", "run again") from None
        except ValueError:
            # Before anything is sent. What requests and Python say of it shows the header or the address.
            raise SettingsError(
                f"{told}: no request can be made of its address and its secrets",
                "the address begins with https://; a secret has no line end and no character beyond Latin-1",
            ) from None

    def _proxies(self, url: str) -> dict[str, str]:
        """Return the proxies of the environment for the host of `url` (HTTPS_PROXY, NO_PROXY)."""
        host = urlsplit(url).netloc
        if host not in self._proxies_by_host:
            self._proxies_by_host = {host: requests.utils.get_environ_proxies(url)}
        return self._proxies_by_host[host]

    def _read(self, response: requests.Response, told: str) -> bytes:
        """Read the body as it was sent, within the deadline, and unpack it; a body cut short is no answer."""
        if response.is_redirect:  # requests has read it to see where it leads
            return response.content
        deadline = self.clock.monotonic() + self._limits.total
        content = b"".join(self._way(told, self._limits.body_bytes_max, deadline).parts(response))
        return unpacked(content, self._limits.body_bytes_max, told) if is_packed(response) else content

    def _way(self, told: str, bytes_max: int, deadline: float | None = None) -> Way:
        return Way(told, bytes_max, self._limits.bytes_per_second_min, self.clock, deadline)

    def _judged(self, response: requests.Response, content: bytes, asked: _Asked) -> Answer:
        told, bucket = asked.told, self._buckets[asked.operation if asked.operation in self._buckets else ""]
        remaining = response.headers.get(self._limits.remaining_header, "") if self._limits.remaining_header else ""
        if remaining.isdecimal():
            bucket.at_most(float(remaining))
        is_success = 200 <= response.status_code < 300
        try:
            document = self._manner.read(content) if content or response.status_code != 204 else None
        except ValueError:
            if is_success:  # an error page of something in between, or a body cut where no length was given
                # What a sign-in answers, cut off, is a token that nobody knows yet how to hide.
                shown = self._excerpt(content) if self._auth else f"{len(content)} bytes"
                raise DeliveryUnknown(f"{told}: the answer is not JSON: {shown}", "run again") from None
            document = None
        answer = Answer(response.status_code, response.headers, document, content)
        self._manner.heed(answer, bucket)
        if not is_success:
            raise Answered(
                f"{told}: {response.status_code} {self._hidden(said(document)) or self._excerpt(content)}".rstrip(),
                response.status_code,
                document,
                seconds_to_wait(response.headers.get("Retry-After"), self.clock),
            )
        if complaint := self._manner.judge(answer):
            raise complaint
        return answer

    def _excerpt(self, content: bytes) -> str:
        return self._hidden(content.decode("utf-8", "replace"))

    def _hidden(self, text: str) -> str:
        """Return a text in one line of at most 200 characters, without a secret."""
        text = " ".join(text.split())
        for secret in self._auth.secrets() if self._auth else ():
            text = text.replace(secret, "***") if secret else text
        return text[:200]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request. `told` names it in messages."""

    method: str
    url: str = field(repr=False)
    told: str
    body: bytes | None = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    cost: float
    operation: str


def said(document: Any) -> str:
    """Return what a failure says to people: the words of its first error and its code; nothing where we see none."""
    if is_list(document):
        document = document[0] if document else None
    if not isinstance(document, Mapping):
        return ""
    for place in ("errors", "error"):
        if found := said(document.get(place)):
            return found
    words = [
        str(document[name])
        for name in ("code", *_WORDS, "field")
        if isinstance(document.get(name), str) and document[name]
    ]
    return ": ".join(dict.fromkeys(words)) if any(document.get(name) for name in _WORDS) else ""


def _host(url: str) -> str:
    """Return the host of an address, with its port: never a user, path or query of it."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _never_connected(error: requests.ConnectionError) -> bool:
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.NameResolutionError)
