"""What can become of a request, told so that the caller knows whether the other side may have acted on it.

HttpError
  NotDelivered       nobody received it: no connection, or we did not send it
    BudgetSpent      this client has made as many requests, or waited as long, as it may
  DeliveryUnknown    it may have been carried out: the line broke, or the answer cannot be read
  Answered           the other side answered with a failure: `status`, and `document` where it sent JSON
"""

from __future__ import annotations

from typing import Any

from retail_sync.core.errors import RetailSyncError

REPEATABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


class HttpError(RetailSyncError):
    """A request that brought no usable answer. Messages name system, method and path, never a query or a header."""


class NotDelivered(HttpError):
    """The request reached nobody."""


class BudgetSpent(NotDelivered):
    """We did not ask, since as many requests as this run may make were made, or it waited as long as it may."""


class DeliveryUnknown(HttpError):
    """The request may have been carried out; only looking can tell."""


_REMEDIES = {
    401: "check the credentials in the environment",
    403: "check the rights of the user or app that we sign in as",
    404: "check the address, and that the system is of a version that we know",
}
_REFUSED = "the system refuses the request itself: check the settings of its connection, and its version"


class Answered(HttpError):
    """A status that is no success. `retry_after` is what the server asks us to wait in seconds, if it does."""

    def __init__(self, message: str, status: int, document: Any = None, retry_after: float | None = None) -> None:
        super().__init__(
            message, _REMEDIES.get(status, "run again later" if status in REPEATABLE_STATUSES else _REFUSED)
        )
        self.status = status
        self.document = document
        self.retry_after = retry_after

    @property
    def may_have_acted(self) -> bool:
        """Whether the server may have carried the request out nevertheless: it broke, or lost sight of it."""
        return self.status == 408 or self.status >= 500
