"""A clock that stands still until somebody sleeps."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from retail_sync.core.pacing import Clock


class FakeClock:
    """Time that client and fake server share."""

    def __init__(self, at: datetime = datetime(2026, 11, 20, 8, tzinfo=UTC)) -> None:
        self.now = at.timestamp()
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self.now += seconds
            self.slept.append(seconds)

    def time(self) -> float:
        """Seconds since 1970."""
        return self.now

    def as_clock(self) -> Clock:
        """Return it as the product takes it, without chance."""
        return Clock(self.time, self.time, self.sleep, lambda: 0.5)
