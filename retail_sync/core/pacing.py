"""How fast we may ask: a clock that tests can turn, and a bucket of requests that fills with time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_random = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as a client sees it. `jitter` returns a number from 0 to 1."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = _random.random


class Bucket:
    """At most `burst` requests at once and `per_minute` on average. A dear request may cost more than one."""

    def __init__(self, per_minute: float, burst: float, clock: Clock) -> None:
        self._per_second, self._burst, self._clock = per_minute / 60, burst, clock
        self._level, self._at = burst, clock.monotonic()

    def take(self, cost: float = 1) -> None:
        """Wait until one more request is allowed, and count it."""
        self._fill()
        if self._level < 1:
            self._clock.sleep((1 - self._level) / self._per_second)
            self._fill()
        self._level -= cost

    def at_most(self, remaining: float) -> None:
        """Believe the server where it says that fewer are left than we thought."""
        self._fill()
        self._level = min(self._level, remaining)

    def refills(self, per_minute: float, burst: float | None = None) -> None:
        """Believe the server where it says how fast its own bucket fills, and how much it holds."""
        if per_minute > 0:
            self._fill()
            self._per_second = per_minute / 60
            self._burst = self._burst if burst is None else burst

    def _fill(self) -> None:
        now = self._clock.monotonic()
        self._level = min(self._burst, self._level + (now - self._at) * self._per_second)
        self._at = now


def seconds_to_wait(header: str | None, clock: Clock) -> float | None:
    """Read a Retry-After header, seconds or a date. None where there is none or it makes no sense."""
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        wanted = parsedate_to_datetime(text)
    except ValueError:
        return None
    wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)
    return max(0.0, (wanted - datetime.fromtimestamp(clock.wall(), UTC)).total_seconds())
