"""Square, a point of sale: receipts with their tenders, drawers, stock, and what it pays out of the cards it processes.

Read from the vendor's own description (square/connect-api-specification, Square-Version 2025-08-20) and its published examples;
no real account was asked. What decides how lists are read is in `square_lists.py` and `square_money.py`. The token needs
MERCHANT_PROFILE_READ, ORDERS_READ, PAYMENTS_READ, PAYOUTS_READ, INVENTORY_READ, ITEMS_READ and CASH_DRAWER_READ.

Unverified: the rate (undocumented; about six requests a second were seen to be limited, so four are made), the largest page of
stock counts (100 are asked for), and whether Square dates a tender that was taken offline by the device or by itself. A receipt
is of the instant at which its money moved; an offline one whose tenders are dated late counts when they reached Square.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import Field

from retail_sync.connectors import square_lists as lists
from retail_sync.connectors import square_money as money
from retail_sync.connectors.square_lists import SquareClient
from retail_sync.connectors.wire import Access, Connection, WireObject
from retail_sync.core.http import Answer, Limits, Manner
from retail_sync.core.http_errors import Answered, HttpError

_LIMITS = Limits(per_minute=240, burst=4)
_OFFLINE = timedelta(hours=73)  # Orders come up to 72 hours late, under the instant they were made.
_STATUS = {"RATE_LIMIT_ERROR": 429, "AUTHENTICATION_ERROR": 401, "API_ERROR": 500}
# What the deliveries of several lists hold besides their own pages.
_RECORDS = {
    "locations": "locations",
    "payments": "payments",
    "payment": "payment",
    "refunds": "refunds",
    "refund": "refund",
}


class SquareConnection(Connection):
    """Where Square is and which store each of its locations is."""

    url: str = Field("https://connect.squareup.com", description="for a sandbox https://connect.squareupsandbox.com")
    version: str = Field("2025-08-20", pattern=r"^\d{4}-\d\d-\d\d$", description="Square-Version of every request")
    stores: dict[str, str] = Field(
        default_factory=dict,
        description="Square's location id = the store as the locations table calls it; others keep their id",
    )


@dataclass(frozen=True, slots=True)
class _Token:
    """An access token that a person put into the environment; there is no other one to be had."""

    token: str

    def headers(self) -> Mapping[str, str]:
        """Return the header with the token."""
        return {"Authorization": f"Bearer {self.token}"}

    def renew(self, refused: Mapping[str, str]) -> None:
        """Leave the token as it is: the client asks once more and then says that it was refused."""

    def secrets(self) -> Iterable[str]:
        """Return the token."""
        return [self.token]


def _judge(answer: Answer) -> HttpError | None:
    """Some requests over many things answer 200 although they failed, with `errors`."""
    errors = answer.document.get("errors") if isinstance(answer.document, Mapping) else None
    if not errors:
        return None
    first = errors[0]
    status = 404 if first.get("code") == "NOT_FOUND" else _STATUS.get(first.get("category"), 400)
    told = " ".join(str(first.get(name, "")) for name in ("category", "code", "detail", "field"))
    return Answered(f"Square: {told[:200].strip()}", status, answer.document)


class Square:
    """Connector for a seller's Square account."""

    name = "square"
    channel = "square"
    settings = SquareConnection
    objects = (
        WireObject("locations", lists.locations, ("locations",), {"": "locations"}, is_state=True),
        WireObject(
            "orders", lists.orders, ("pos_sales", "pos_tenders"),
            {**_RECORDS, "orders": "orders", "catalog": "objects"},
            look_back=_OFFLINE,
        ),
        WireObject("payments", money.payments, ("payments",), _RECORDS, look_back=timedelta(hours=12)),
        WireObject("refunds", money.refunds, ("payments",), _RECORDS, look_back=timedelta(hours=12)),
        WireObject(
            "payouts", money.payouts, ("payouts",),
            {**_RECORDS, "payouts": "payouts"},
            look_back=timedelta(days=10),
            longest=timedelta(days=7),
        ),
        WireObject(
            "payout_entries", money.payout_entries, ("payments",),
            {**_RECORDS, "payouts": "payouts", "entries": "payout_entries"},
            look_back=timedelta(days=2),
        ),
        WireObject(
            "inventory", lists.inventory, ("listings",),
            {**_RECORDS, "counts": "counts", "catalog": "objects"},
            is_state=True,
        ),
        WireObject(
            "physical_counts", lists.physical_counts, ("stock_counts",),
            {**_RECORDS, "changes": "changes", "catalog": "objects"},
            look_back=timedelta(hours=26),  # A device tells a count up to a day later.
        ),
        WireObject(
            "cash_drawer_shifts", lists.cash_drawer_shifts, ("pos_shifts",),
            {**_RECORDS, "shifts": "cash_drawer_shifts", "shift": "cash_drawer_shift"},
            look_back=timedelta(days=10),
            longest=timedelta(days=7),
        ),
    )  # fmt: skip

    def connect(self, access: Access) -> SquareClient:
        """Return a client of the account that the token is of."""
        where = access.connection(SquareConnection)
        manner = Manner(judge=_judge, headers={"Square-Version": where.version})
        token = _Token(access.secret("ACCESS_TOKEN"))
        return SquareClient(access.client("Square", where.url, token, _LIMITS, manner), where.stores)

    def check(self, client: SquareClient) -> str:
        """Ask which locations there are."""
        found = client.locations()
        return f"Square answers for merchant {found[0]['merchant_id'] if found else '?'}, {len(found)} location(s)"
