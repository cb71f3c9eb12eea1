"""What a request that brought no usable answer means to a ledger: nobody knows what was done, so it is looked up first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from retail_sync.core.errors import LedgerUncertain, SettingsError
from retail_sync.core.http_errors import Answered, HttpError

NOT_CONNECTED = frozenset({401, 403, 404})


@contextmanager
def uncertain_without_answer() -> Iterator[None]:
    """Turn a request that brought no usable answer into LedgerUncertain."""
    try:
        yield
    except HttpError as error:
        if isinstance(error, Answered) and error.status in NOT_CONNECTED:
            remedy = "check the settings, or connect again: docs/runbooks/connect_ledger.md"
            raise SettingsError(error.message, remedy) from error
        raise LedgerUncertain(
            error.message, "nothing to do: the next run looks it up before it sends anything"
        ) from error
