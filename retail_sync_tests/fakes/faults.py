"""What goes wrong on the way to a server and back, by a seeded plan."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

# Names say whether the server carried the request out before it went wrong.
FATES = (
    "dropped before",
    "dropped after",
    "throttled",
    "failed before",
    "failed after",
    "cut after",
    "page before",
    "page after",
    "half then dropped",
    "late",
    "token stale",
    "books move",
    "duplicates flip",
)
_WRITES_ONLY = frozenset({"half then dropped", "late"})


class FaultPlan:
    """Decides for each request in turn. At most `faults` things go wrong; `happened` counts them by name."""

    def __init__(self, seed: int, faults: int, probability: float = 0.25, fates: Sequence[str] = FATES) -> None:
        self._rng = random.Random(seed)
        self._left = faults
        self._probability = probability
        self._fates = fates
        self.happened: Counter[str] = Counter()

    def stop(self) -> None:
        """From now on all is well."""
        self._left = 0

    def next(self, is_write: bool) -> str:
        """Return what goes wrong with the next request, '' if nothing does. Writes are hit more often."""
        probability = self._probability * (2.5 if is_write else 0.5)
        if not self._left or self._rng.random() >= probability:
            return ""
        fate = self._rng.choice([fate for fate in self._fates if is_write or fate not in _WRITES_ONLY])
        self._left -= 1
        self.happened[fate] += 1
        return fate

    def delay(self) -> float:
        """Return the seconds that a late request takes: less than the two minutes after which a server gives up."""
        return self._rng.uniform(0, 119)
