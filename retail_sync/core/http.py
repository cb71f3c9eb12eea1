"""The one way out over HTTP: paced, bounded, repeated only where that is safe, and read to the last byte.

A client speaks to one system. It repeats a request only where the caller says `may_repeat`: a read, or a write that carries
a key by which the other side knows it again. Whatever goes wrong is an `HttpError` of one of three kinds
(`http_errors.py`); none of them, and no repr, shows a header, a query or a secret.

Limits: answers are JSON, redirects are not followed, one request at a time. A server that sends its *headers* byte by byte
is cut off by the read timeout only when a pause is longer than that.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import requests
import urllib3

from retail_sync.core.exact_json import read_json
from retail_sync.core.http_errors import REPEATABLE_STATUSES, Answered, DeliveryUnknown, HttpError, NotDelivered
from retail_sync.core.pacing import Bucket, Clock, seconds_to_wait

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast, how often and how long. Times in seconds; a longer Retry-After than `wait_max` is not waited for."""

    per_minute: float = 60
    burst: float = 5
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
    """A successful answer: its JSON document, fractions as Decimal (None where the server says that there is none)."""

    status: int
    headers: Mapping[str, str]
    document: Any


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
    ) -> None:
        self.system = system
        self.clock = clock or Clock()
        self._base_url = base_url.rstrip("/")
        self._auth = auth
        self._limits = limits or Limits()
        self._bucket = Bucket(self._limits.per_minute, self._limits.burst, self.clock)
        self._session = requests.Session()
        self._session.auth = _leave_alone  # else ~/.netrc would take the place of our Authorization header

    def __repr__(self) -> str:
        return f"HttpClient({self.system!r})"

    def close(self) -> None:
        """Close the connections; the client may be used again."""
        self._session.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        may_repeat: bool,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        cost: float = 1,
    ) -> Answer:
        """Send a request, again within bounds where it may be repeated, and return the answer. Raises HttpError."""
        url = f"{self._base_url}{path}" + (f"?{urlencode(query)}" if query else "")
        wait = self._limits.wait_first
        for attempts_left in range(self._limits.attempts - 1, -1, -1):
            try:
                return self._authorised(method, url, path, body, headers or {}, cost)
            except HttpError as error:
                pause = self._pause(error, wait)
                if not (may_repeat and attempts_left) or pause is None:
                    raise
            self.clock.sleep(pause)
            wait = min(2 * wait, self._limits.wait_max)
        raise AssertionError("a client that may not try even once")

    def _pause(self, error: HttpError, wait: float) -> float | None:
        """Return how long to wait before the next try; None where another try cannot help."""
        if isinstance(error, Answered):
            if error.status not in REPEATABLE_STATUSES:
                return None
            if error.retry_after is not None:
                return error.retry_after + self.clock.jitter() if error.retry_after <= self._limits.wait_max else None
        return wait * (0.5 + self.clock.jitter() / 2)

    def _authorised(
        self, method: str, url: str, path: str, body: bytes | None, headers: Mapping[str, str], cost: float
    ) -> Answer:
        """Send once; once more with other credentials where these are refused (a refused request was not carried out)."""
        credentials = self._auth.headers() if self._auth else {}
        try:
            return self._send(method, url, path, body, {**headers, **credentials}, cost)
        except Answered as answer:
            if answer.status != 401 or not self._auth:
                raise
        self._auth.renew(credentials)
        return self._send(method, url, path, body, {**headers, **self._auth.headers()}, cost)

    def _send(
        self, method: str, url: str, path: str, body: bytes | None, headers: Mapping[str, str], cost: float
    ) -> Answer:
        self._bucket.take(cost)
        told, limits = f"{self.system}, {method} {path}", self._limits
        deadline = self.clock.monotonic() + limits.total
        sent = {"Accept": "application/json", "Accept-Encoding": "gzip", **headers}
        try:
            with self._session.request(
                method, url, data=body, headers=sent, timeout=(limits.connect, limits.read),
                stream=True, allow_redirects=False,
            ) as response:  # fmt: skip
                content = self._read(response, deadline, told)
        except (requests.ConnectTimeout, requests.exceptions.SSLError):
            raise NotDelivered(f"{told}: no connection", "check the network and run again") from None
        except requests.ConnectionError as error:
            if _never_connected(error):
                raise NotDelivered(f"{told}: no connection", "check the network and run again") from None
            raise DeliveryUnknown(f"{told}: the connection broke", "run again") from None
        except (requests.Timeout, requests.exceptions.ChunkedEncodingError, urllib3.exceptions.HTTPError, OSError):
            raise DeliveryUnknown(f"{told}: no complete answer in time", "run again") from None
        return self._judged(response, content, told)

    def _read(self, response: requests.Response, deadline: float, told: str) -> bytes:
        """Read the body as it was sent, within the deadline, and unpack it; a body cut short is no answer."""
        if response.is_redirect:  # requests has read it to see where it leads
            return response.content
        parts, size = [], 0
        while part := response.raw.read1(_CHUNK, decode_content=False):
            parts.append(part)
            size += len(part)
            if size > self._limits.body_bytes_max or self.clock.monotonic() > deadline:
                raise DeliveryUnknown(f"{told}: the answer is too long or too slow", "run again")
        content = b"".join(parts)
        declared = response.headers.get("Content-Length", "")
        if declared.isdecimal() and int(declared) != size:
            raise DeliveryUnknown(f"{told}: {size} of {declared} bytes arrived", "run again")
        if response.headers.get("Content-Encoding", "identity") == "identity":
            return content
        return _unpacked(content, self._limits.body_bytes_max, told)

    def _judged(self, response: requests.Response, content: bytes, told: str) -> Answer:
        remaining = response.headers.get(self._limits.remaining_header, "") if self._limits.remaining_header else ""
        if remaining.isdecimal():
            self._bucket.at_most(float(remaining))
        is_success = 200 <= response.status_code < 300
        try:
            document = read_json(content) if content or response.status_code != 204 else None
        except ValueError:
            if is_success:  # an error page of something in between, or a body cut where no length was given
                raise DeliveryUnknown(
                    f"{told}: the answer is not JSON: {self._excerpt(content)}", "run again"
                ) from None
            document = None
        if is_success:
            return Answer(response.status_code, dict(response.headers), document)
        raise Answered(
            f"{told}: {response.status_code} {self._excerpt(content)}",
            response.status_code,
            document,
            seconds_to_wait(response.headers.get("Retry-After"), self.clock),
        )

    def _excerpt(self, content: bytes) -> str:
        text = " ".join(content.decode("utf-8", "replace").split())
        for secret in self._auth.secrets() if self._auth else ():
            text = text.replace(secret, "***") if secret else text
        return text[:200]


def _unpacked(content: bytes, size_max: int, told: str) -> bytes:
    """Unpack gzip to its end mark: a body cut short unpacks without an error in most libraries."""
    unpacker = zlib.decompressobj(31)
    try:
        plain = unpacker.decompress(content, size_max)
    except zlib.error:
        raise DeliveryUnknown(f"{told}: the packed answer is damaged", "run again") from None
    if not unpacker.eof or unpacker.unused_data:
        raise DeliveryUnknown(f"{told}: the packed answer is cut short or too long", "run again")
    return plain


def _never_connected(error: requests.ConnectionError) -> bool:
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.NameResolutionError)


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
