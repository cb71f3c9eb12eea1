"""Contracts of what is computed of goods: variances of three questions kept apart, cost of sales, what is available.

Quantities are changes of stock: sold is negative, taken back positive. A variance is right - left, so it is positive where
the ERP (or the count) has more than expected.
"""

from __future__ import annotations

import pandera.ibis as pa

from retail_sync.schemas.types import Count, Day, Digest, Money, Quantity, currency, key, one_of, plain, text

QUESTIONS = ("interface_sales", "interface_snapshot", "interface_transfers", "count", "valuation")
INTERFACE_CAUSES = (
    "unposted_sale", "unposted_return", "posted_twice", "timing", "unmapped_sku", "transfer_in_transit", "unit_of_measure",
    "late_movement", "snapshot_error", "negative_stock", "undetermined",
)  # fmt: skip
COUNT_CAUSES = ("shrinkage", "gain", "marketplace_lost", "marketplace_found", "no_book")
CAUSES = (*INTERFACE_CAUSES, *COUNT_CAUSES, "snapshot_incomplete", "ledger_differs")
COST_COMPONENTS = ("cost_of_goods_sold", "cost_of_goods_returned", "cost_written_off", "write_off")
RUN_STATUSES = ("matched", "variance", "left_only", "right_only")
AVAILABILITY_STATUSES = ("ok", "oversell_risk", "listed_unmapped", "unlisted")


class InventoryVariances(pa.DataFrameModel):
    """A difference of goods with its cause, decided by evidence only; what agrees has no row.

    interface_sales: sold and taken back by stores and channels × the ERP's own sale and return movements. interface_snapshot:
    the snapshot before + movements since × the snapshot. interface_transfers: booked out × booked in (or in a snapshot already),
    from two days before the ERP's last day on. count: book × counted. valuation: ERP stock value × ledger account.
    A snapshot that was not read whole is compared with nothing and has a row of its own (snapshot_incomplete).
    """

    question: str = one_of("which two sides were compared", *QUESTIONS)
    location_id: str = key("location; * for all of them (valuation)")
    sku: str = key("stock keeping unit; * for all of them (valuation, snapshot_incomplete)")
    business_date: Day = plain(
        "local day of the sale, snapshot, first half or count; last day of the month (valuation)"
    )
    part: str = text(
        "what tells several differences of one day apart: direction and receipt, transfer, kind of count; may be empty"
    )
    left_quantity: Quantity = plain("sold, expected, booked out or book; null where nothing says it", nullable=True)
    right_quantity: Quantity = plain("posted, in the snapshot, booked in or counted", nullable=True)
    quantity_variance: Quantity = plain("right_quantity - left_quantity", nullable=True)
    unit_cost: Quantity = plain(
        "cost of one unit: of the latest snapshot up to that day, else of the product", nullable=True
    )
    value_variance: Money = plain(
        "quantity_variance × unit_cost, rounded half away from zero; for a valuation ledger - ERP value", nullable=True
    )
    currency: str = currency("currency of the cost; XXX where none is known")
    cause: str = one_of("why, where the evidence leaves one answer", *CAUSES)
    counterpart: str = text(
        "the evidence: receipt, other day, other sku, transfer; for undetermined the causes that fit"
    )
    facts: Digest = plain(
        "digest of the units and the dated cost under the value, without what a product costs and how it is packed today; of a "
        "count on the first of its rows, 0 on the others; of a valuation for the whole month, with the ledger's balances"
    )


class CostOfSales(pa.DataFrameModel):
    """Cost of what the ERP booked as sold, returned or adjusted at a location on a day, and of returned goods written off.

    write_off is of adjustments: what the ERP lost (positive) or found again (negative). An adjustment that takes over a booked
    count, or takes out returned goods that are written off already, counts with no units.
    """

    location_id: str = key("location")
    business_date: Day = plain("local day of the movement or return")
    currency: str = currency("currency of the cost; XXX where none is known")
    component: str = one_of("what the cost is of", *COST_COMPONENTS)
    amount: Money = plain("quantity × unit cost, summed, then rounded; positive, but for goods found again")
    row_count: Count = plain("movements or returns summed")
    uncosted_count: Count = plain("of these, without a unit cost anywhere")
    uncosted_sku: str = text("one of those without a cost; empty without")
    facts: Digest = plain(
        "digest of the units and dated costs of these, without what a product costs and how it is packed today; digests of "
        "rows add up"
    )


class Availability(pa.DataFrameModel):
    """What a channel may promise of an article × what it lists."""

    channel: str = key("marketplace or web shop")
    sku: str = key("stock keeping unit; the channel's own code where it is mapped to none")
    sells_from: str = text(
        "locations that data/rules/channel_locations.csv names for the channel; empty: every store and warehouse"
    )
    on_hand: Quantity = plain("newest snapshot of each location that the channel sells from", nullable=True)
    reserved: Quantity = plain("promised to orders already", nullable=True)
    safety_stock: Quantity = plain("kept back by data/rules/safety_stock.csv")
    available_to_promise: Quantity = plain("on_hand - reserved - safety_stock", nullable=True)
    listed_quantity: Quantity = plain("units the newest listing offers; null: not listed", nullable=True)
    oversell_quantity: Quantity = plain("listed beyond what is available")
    status: str = one_of("verdict", *AVAILABILITY_STATUSES)


class ParallelRuns(pa.DataFrameModel):
    """Two sources tell what lies at a place at the end of a day: the one that owns it × another, article by article.

    Days that only one of them tells of are not compared. A snapshot names what is there, so an article that one of them does
    not name is 0 units there.
    """

    business_date: Day = plain("local day of both snapshots")
    location_id: str = key("location")
    sku: str = key("stock keeping unit")
    owner_source: str = key("source that data/rules/ownership.csv believes")
    other_source: str = key("the other source")
    owner_quantity: Quantity = plain("units the owner tells; null: it does not name the article", nullable=True)
    other_quantity: Quantity = plain("units the other tells; null: it does not name the article", nullable=True)
    quantity_variance: Quantity = plain("other - owner")
    status: str = one_of("matched, variance, or the only one that names it", *RUN_STATUSES)
