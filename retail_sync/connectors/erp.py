"""How connectors open the clients of `retail_sync.systems`: as all of theirs, with the run's budget and trace id."""

from __future__ import annotations

from retail_sync.connectors.wire import Access
from retail_sync.core.http import Auth, HttpClient, Manner
from retail_sync.systems.calls import LIMITS, Judge, Opening


def opening(access: Access) -> Opening:
    """Return what opens a system for a source."""

    def opened(system: str, base_url: str, auth: Auth | None, judge: Judge) -> HttpClient:
        return access.client(system, base_url, auth, LIMITS, Manner(judge=judge))

    return opened
