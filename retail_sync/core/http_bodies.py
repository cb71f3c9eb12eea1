"""The bytes of an answer: read to the last one, never taken for whole where one is missing.

Most libraries unpack a body that was cut short without a word, and wait for ever on one that comes a byte at a time.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import requests

from retail_sync.core.http_errors import Answered, DeliveryUnknown
from retail_sync.core.pacing import Clock, seconds_to_wait

_CHUNK = 1 << 16
# A slow start is no slow line: the minimum rate is asked for after this many seconds.
_GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Way:
    """How long a body may be and how slow. `told` names the request in messages; `deadline` on the clock ends it."""

    told: str
    bytes_max: int
    bytes_per_second_min: float
    clock: Clock
    deadline: float | None = None

    def parts(self, response: requests.Response) -> Iterator[bytes]:
        """Yield the body as it was sent. Raises DeliveryUnknown where it is too long, too slow or cut short."""
        size, began = 0, self.clock.monotonic()
        while part := self._part(response):
            size += len(part)
            now = self.clock.monotonic()
            is_slow = now - began > _GRACE_SECONDS and size < self.bytes_per_second_min * (now - began)
            if size > self.bytes_max or is_slow or (self.deadline is not None and now > self.deadline):
                raise DeliveryUnknown(f"{self.told}: the answer is too long or too slow", "run again")
            yield part
        declared = response.headers.get("Content-Length", "")
        if declared.isdecimal() and int(declared) != size:
            raise DeliveryUnknown(f"{self.told}: {size} of {declared} bytes arrived", "run again")

    def save(self, response: requests.Response, file: BinaryIO) -> None:
        """Write a document's body, unpacked where it was packed for the way. Raises HttpError, and OSError of the disk."""
        if not 200 <= response.status_code < 300:
            wait = seconds_to_wait(response.headers.get("Retry-After"), self.clock)
            raise Answered(f"{self.told}: {response.status_code}", response.status_code, retry_after=wait)
        unpacker, size = (zlib.decompressobj(31) if is_packed(response) else None), 0
        for part in self.parts(response):
            try:
                plain = unpacker.decompress(part, self.bytes_max) if unpacker else part
            except zlib.error:
                raise DeliveryUnknown(f"{self.told}: the packed document is damaged", "run again") from None
            size += len(plain)
            if size > self.bytes_max or (unpacker and unpacker.unconsumed_tail):
                raise Answered(f"{self.told}: it is larger than {self.bytes_max >> 20} MB", response.status_code)
            file.write(plain)
        if unpacker and (not unpacker.eof or unpacker.unused_data):
            raise DeliveryUnknown(f"{self.told}: the packed document is cut short or too long", "run again")

    def _part(self, response: requests.Response) -> bytes:
        try:
            part: bytes = response.raw.read1(_CHUNK, decode_content=False)
        except OSError:  # of the line; one of the disk must not look like it
            raise DeliveryUnknown(f"{self.told}: the connection broke", "run again") from None
        return part


def is_packed(response: requests.Response) -> bool:
    """Whether the body was packed for the way."""
    return bool(response.headers.get("Content-Encoding", "identity") != "identity")


def unpacked(content: bytes, size_max: int, told: str) -> bytes:
    """Unpack gzip to its end mark: a body cut short unpacks without an error in most libraries."""
    unpacker = zlib.decompressobj(31)
    try:
        plain = unpacker.decompress(content, size_max)
    except zlib.error:
        raise DeliveryUnknown(f"{told}: the packed answer is damaged", "run again") from None
    if not unpacker.eof or unpacker.unused_data:
        raise DeliveryUnknown(f"{told}: the packed answer is cut short or too long", "run again")
    return plain
