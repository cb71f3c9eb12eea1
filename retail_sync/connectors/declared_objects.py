"""The objects that a declared CSV may hold: which canonical table each is, what must be declared, and what follows by itself.

One row per object. Defaults are SQL over the typed columns of the same row, or over its file position; they never invent a
figure: a missing quantity, amount or currency is for the person who declares the source to name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from retail_sync.schemas.contract import Table
from retail_sync.schemas.tables import table


@dataclass(frozen=True, slots=True)
class DeclaredObject:
    """An object of a `[[source]]` block.

    `required`: canonical columns that must be declared. `inputs`: columns that may be declared though the table has none,
    with their SQL type. `defaults`: SQL of a column that is not declared. `pseudonyms`: columns that are never declared, each
    a hash of an input that must not be kept.
    `place`: the column that says which store or location's clock applies. `identity`: column that, where not declared, is
    made of the row's content and how often that content occurred before it in the file.
    """

    table: Table
    required: tuple[str, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    pseudonyms: Mapping[str, str] = field(default_factory=dict)
    place: str = ""
    identity: str = ""

    @property
    def instant(self) -> str:
        """The first point in time that a row has, whose local day is its business date; empty where it has days only."""
        return next((c.name for c in self.table.columns if c.sql_type == "timestamp with time zone"), "")

    @property
    def declarable(self) -> tuple[str, ...]:
        """Every name that `[source.columns]` may use, in the table's order."""
        own = ["source", "delivery_id", "line_no", *self.pseudonyms]
        if self.instant:  # then the business date is the day of it
            own.append("business_date")
        return (*(name for name in self.table.column_names if name not in own), *self.inputs)

    def kept_out(self, columns: Collection[str]) -> list[str]:
        """Return which of these declared columns are hashed and must appear nowhere themselves."""
        return [name for name in self.pseudonyms.values() if name in columns]


def pseudonym_of(name: str) -> str:
    """SQL of the hash that stands for an input.

    A customer's number is the channel's, whichever source tells of it: orders and customers of two sources meet. Any other
    number is of its source.
    """
    owner = "channel" if name == "customer_number" else "$source"
    return f"left(sha256({owner} || '|' || {name}), 16)"


def _nth(*group: str) -> str:
    return f"row_number() over (partition by {', '.join(group)} order by line_no)"


_RECEIPT = ("store", "register", "receipt_id")

OBJECTS: dict[str, DeclaredObject] = {
    entry.table.name: entry
    for entry in (
        DeclaredObject(
            table("canonical.bank_transactions"),
            ("value_date", "amount", "currency", "reference"),
            defaults={"account": "$account"},
            identity="transaction_id",
        ),
        DeclaredObject(
            table("canonical.pos_sales"),
            ("store", "receipt_id", "kind", "sold_at", "quantity", "currency"),
            inputs={"tax_rate": "decimal(18, 6)"},
            defaults={"register": "'-'", "receipt_line_no": _nth(*_RECEIPT), "discount_amount": "0"},
            place="store",
        ),
        DeclaredObject(
            table("canonical.pos_tenders"),
            ("store", "receipt_id", "tender", "tendered_at", "currency", "amount"),
            defaults={"register": "'-'", "tender_no": _nth(*_RECEIPT)},
            place="store",
        ),
        DeclaredObject(
            table("canonical.pos_shifts"),
            ("store", "shift_id", "opened_at", "currency", "opening_amount"),
            defaults={"register": "'-'", "paid_in_amount": "0", "paid_out_amount": "0"},
            place="store",
        ),
        DeclaredObject(
            table("canonical.products"), ("sku", "currency"), defaults={"is_active": "true"}
        ),
        DeclaredObject(
            table("canonical.prices"), ("sku", "channel", "valid_from", "currency", "unit_price")
        ),
        DeclaredObject(
            table("canonical.customers"),
            ("channel", "customer_number"),
            inputs={"customer_number": "varchar"},
            pseudonyms={"customer_id": "customer_number"},
        ),
        DeclaredObject(table("canonical.locations"), ("location_id", "kind", "time_zone")),
        DeclaredObject(
            table("canonical.listings"), ("channel", "channel_sku", "sku", "listed_at", "listed_quantity")
        ),
        DeclaredObject(
            table("canonical.orders"),
            ("channel", "order_id", "ordered_at", "status", "currency", "total_amount"),
            inputs={"customer_number": "varchar"},
            pseudonyms={"customer_id": "customer_number"},
        ),
        DeclaredObject(
            table("canonical.order_lines"),
            ("channel", "order_id", "quantity", "currency", "unit_price"),
            defaults={"order_line_no": _nth("channel", "order_id")},
        ),
        DeclaredObject(
            table("canonical.payments"),
            ("channel", "kind", "paid_at", "currency", "gross_amount"),
            defaults={"account": "$account", "fee_amount": "0", "net_amount": "gross_amount - fee_amount"},
            identity="payment_id",
        ),
        DeclaredObject(
            table("canonical.payouts"),
            ("channel", "payout_date", "currency", "total_amount"),
            defaults={
                "account": "$account",
                "payout_no": _nth("channel", "payout_date", "currency"),
                "status": "'paid'",
                "charges_amount": "total_amount",
                **{f"{part}_amount": "0" for part in ("refunds", "adjustments", "reserved", "fees", "retried", "other")},
            },
        ),
        DeclaredObject(
            table("canonical.fulfilments"),
            ("channel", "order_id", "shipped_at", "sku", "quantity"),
            place="location_id",
            identity="fulfilment_id",
        ),
        DeclaredObject(
            table("canonical.returns"),
            ("channel", "returned_at", "quantity", "disposition", "currency", "refund_amount"),
            place="location_id",
            identity="return_id",
        ),
        DeclaredObject(
            table("canonical.gift_card_events"),
            ("channel", "gift_card_number", "kind", "occurred_at", "currency", "amount"),
            inputs={"gift_card_number": "varchar"},
            pseudonyms={"card_id": "gift_card_number"},
            identity="event_id",
        ),
        DeclaredObject(
            table("canonical.vouchers"),
            ("voucher_id", "business_date", "category", "amount", "currency"),
            defaults={"voucher_line_no": _nth("voucher_id")},
        ),
        DeclaredObject(
            table("canonical.deferred_transactions"),
            ("channel", "snapshot_date", "transaction_id", "category", "amount", "currency"),
            defaults={
                "account": "$account",
                "transaction_line_no": _nth("channel", "snapshot_date", "transaction_id"),
            },
        ),
        DeclaredObject(
            table("canonical.stock_snapshots"),
            ("snapshot_date", "location_id", "sku", "quantity_on_hand", "currency"),
        ),
        DeclaredObject(
            table("canonical.stock_movements"),
            ("moved_at", "location_id", "sku", "kind", "quantity", "currency"),
            place="location_id",
            identity="movement_id",
        ),
        DeclaredObject(
            table("canonical.stock_counts"),
            ("counted_at", "location_id", "sku", "quantity"),
            defaults={"kind": "'physical'"},
            place="location_id",
        ),
        DeclaredObject(
            table("canonical.fx_rates"), ("rate_date", "from_currency", "to_currency", "rate")
        ),
    )
}  # fmt: skip
