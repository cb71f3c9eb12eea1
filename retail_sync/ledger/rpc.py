"""JSON over HTTP for the ledgers of ERP systems: one request, one answer, explicit timeouts, nothing repeated by itself.

What an answer means is the adapter's business. No answer at all is LedgerUncertain: whether the request arrived is unknown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from retail_sync.core.errors import LedgerUncertain
from retail_sync.core.exact_json import write_json

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 120.0
_SHOWN_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status, and the content as JSON values, or as text where it is no JSON."""

    status: int
    content: Any

    @property
    def shown(self) -> str:
        """The status and the beginning of the content, for a message."""
        text = self.content if isinstance(self.content, str) else json.dumps(self.content, default=str)
        return f"HTTP {self.status} {' '.join(text.split())[:_SHOWN_LETTERS]}"


class JsonTransport:
    """A connection to one server. `encode` and `decode` translate what JSON has no type for.

    Without `encode` a Decimal is written digit by digit as a number, and anything that has no exact form is refused.
    """

    def __init__(
        self,
        system: str,
        url: str,
        encode: Callable[[Any], Any] | None = None,
        decode: Callable[[dict[str, Any]], Any] | None = None,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """Talk to `url`, calling it `system` in messages. Nothing is sent yet."""
        self._system = system
        self._url = url.rstrip("/")
        self._encode = encode
        self._decode = decode
        self._timeout = (CONNECT_SECONDS, answer_seconds)
        self._session = requests.Session()
        self.headers: dict[str, str] = {}

    def send(self, method: str, path: str, body: Any = None, parameters: Mapping[str, str] | None = None) -> Answer:
        """Send one request and return the answer, whatever its status. Raises LedgerUncertain when none came."""
        data = None if body is None else self._written(body).encode()
        try:
            answer = self._session.request(
                method,
                self._url + path,
                data=data,
                params=parameters,
                headers={"Content-Type": "application/json", **self.headers},
                timeout=self._timeout,
                allow_redirects=False,
            )
            text = answer.content.decode("utf-8", errors="replace")
        except requests.RequestException as error:
            raise LedgerUncertain(
                f"{self._system} did not answer: {type(error).__name__}",
                f"check that {self._system} runs and is reachable, then run again: what was sent is looked up first",
            ) from error
        try:
            return Answer(answer.status_code, json.loads(text, object_hook=self._decode, parse_float=str))
        except ValueError:
            return Answer(answer.status_code, text)

    def _written(self, body: Any) -> str:
        if self._encode is None:
            return write_json(body)
        return json.dumps(body, default=self._encode, ensure_ascii=False)

    def close(self) -> None:
        """Close the connection; the object may be used again."""
        self._session.close()
