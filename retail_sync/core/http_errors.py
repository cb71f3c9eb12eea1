"""What can become of a request, told so that the caller knows whether the other side may have acted on it.

HttpError
  NotDelivered       nobody received it: no connection, or we did not send it
    NoConnection     nobody is there
    BudgetSpent      this client has made as many requests, or waited as long, as it may
  DeliveryUnknown    it may have been carried out: the line broke, or the answer cannot be read
  Answered           the other side answered with a failure: `status`, and `document` where it sent JSON
"""

from __future__ import annotations

from typing import Any

from retail_sync.core.errors import RetailSyncError

REPEATABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_REMEDIES = {
    **dict.fromkeys(REPEATABLE_STATUSES, "run again later"),
    401: "check its secret in the environment of the runs",
    403: "give its user or app the right to read this",
    404: "check the address, and that the system is of a version that we know",
}
_REFUSED = "the system refuses the request itself: check the settings of its connection, and its version"


class HttpError(RetailSyncError):
    """A request that brought no usable answer. Messages name system, method and path, never a query or a header."""


class NotDelivered(HttpError):
    """The request reached nobody."""


class NoConnection(NotDelivered):
    """Nobody is there, or nobody whose certificate we trust: asking for something else, or for less, cannot help."""


class BudgetSpent(NotDelivered):
    """We did not ask, since as many requests as this run may make were made, or it waited as long as it may."""


class DeliveryUnknown(HttpError):
    """The request may have been carried out; only looking can tell."""


class Answered(HttpError):
    """A status that is no success. `retry_after` is what the server asks us to wait in seconds, if it does."""

    def __init__(self, message: str, status: int, document: Any = None, retry_after: float | None = None) -> None:
        super().__init__(message, _REMEDIES.get(status, _REFUSED))
        self.status = status
        self.document = document
        self.retry_after = retry_after

    @property
    def may_have_acted(self) -> bool:
        """Whether the server may have carried the request out nevertheless: it broke, or lost sight of it."""
        return self.status == 408 or self.status >= 500
