"""Canonical tables of goods: what there is to sell, where it lies, what moved and what was counted.

Quantities are in the unit the product is kept in (pieces, or kilograms where sold by weight). Unit costs are without tax.
"""

from __future__ import annotations

import pandera.ibis as pa

from retail_sync.schemas.types import (
    Count,
    Day,
    Flag,
    Instant,
    Money,
    Quantity,
    Rate,
    currency,
    key,
    one_of,
    plain,
    text,
)

LOCATION_KINDS = ("store", "warehouse", "marketplace_fulfilment")
MOVEMENT_KINDS = ("sale", "return", "receipt", "transfer", "adjustment")
OWNED_DOMAINS = ("products", "locations", "stock", "movements", "counts")
COUNT_KINDS = ("physical", "marketplace", "third_party")


class Products(pa.DataFrameModel):
    """An article as its owner, usually the ERP, describes it today."""

    sku: str = key("stock keeping unit, byte for byte: codes that differ in case are different articles")
    title: str = text("what it is called", nullable=True)
    gtin: str = text("global trade item number", nullable=True)
    unit: str = text("unit it is kept in, e.g. piece, kg", nullable=True)
    pack_quantity: Quantity = plain(
        "units in its outer pack, where the ERP knows one; undated: a change explains differences and corrects no entry",
        nullable=True,
    )
    unit_cost: Quantity = plain(
        "cost of one unit without tax, in `currency`; has no day: a changed one corrects nothing that was booked",
        nullable=True,
    )
    currency: str = currency()
    tax_code: str = text("tax code of the ERP", nullable=True)
    is_active: Flag = plain("whether it is sold today")
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class Prices(pa.DataFrameModel):
    """A list price of an article in a channel from a day on."""

    sku: str = key("stock keeping unit")
    channel: str = key("channel or store the price holds in")
    valid_from: Day = plain("first day of the price")
    valid_to: Day = plain("last day of the price; empty: until further notice", nullable=True)
    currency: str = currency()
    unit_price: Money = plain("price of one unit")
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class Locations(pa.DataFrameModel):
    """A place that holds goods or sells them."""

    location_id: str = key("the owner's own id; stores are called so in pos_sales too")
    title: str = text("what people call it", nullable=True)
    kind: str = one_of("what it is", *LOCATION_KINDS)
    country: str = text("ISO 3166 country it lies in: where the tax of what it ships begins", nullable=True)
    time_zone: str = key("IANA zone of its calendar days")
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class Listings(pa.DataFrameModel):
    """What a channel offers for sale and how many of it, at the instant of the export.

    Offers that ended stay. `canonical.current_listings` leaves out what a system's newest whole list does not hold.
    """

    channel: str = key("marketplace or web shop")
    channel_sku: str = key("the channel's own code of the offer")
    sku: str = text("our stock keeping unit; empty: the offer is mapped to none", nullable=True)
    listed_at: Instant = plain("instant the quantity is of (UTC)")
    business_date: Day = plain("local calendar day of listed_at in the source's time zone")
    listed_quantity: Quantity = plain("units offered")
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class StockSnapshots(pa.DataFrameModel):
    """What the ERP says lies at a location at the end of a day. A newer snapshot of that location and day replaces it whole.

    One that a system told on the day stands above one that it was asked for afterwards: costs are known on the day only.
    """

    snapshot_date: Day = plain("local day at whose end the quantities hold")
    location_id: str = key("location")
    sku: str = key("stock keeping unit")
    quantity_on_hand: Quantity = plain("units there; negative where more was issued than received")
    quantity_reserved: Quantity = plain("units promised to orders (positive), still there", nullable=True)
    unit_cost: Quantity = plain("cost of one unit without tax, in `currency`", nullable=True)
    currency: str = currency()
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class StockMovements(pa.DataFrameModel):
    """A change of stock that the ERP booked. Into the location is positive, out of it negative."""

    movement_id: str = key("the ERP's own id")
    moved_at: Instant = plain("when the ERP says it happened (UTC)")
    business_date: Day = plain("local calendar day of moved_at in the source's time zone")
    location_id: str = key("location whose stock changed")
    sku: str = key("stock keeping unit")
    kind: str = one_of("why it moved", *MOVEMENT_KINDS)
    quantity: Quantity = plain("units in (positive) or out (negative)")
    unit_cost: Quantity = plain("cost of one unit without tax, in `currency`", nullable=True)
    currency: str = currency()
    reference: str = text("receipt, order, transfer or delivery note it belongs to", nullable=True)
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class StockCounts(pa.DataFrameModel):
    """A physical count, or what a marketplace or third-party warehouse reports to hold."""

    counted_at: Instant = plain("when it was counted (UTC)")
    business_date: Day = plain(
        "local calendar day of counted_at in the source's time zone: compared with that day's end"
    )
    location_id: str = key("location")
    sku: str = key("stock keeping unit")
    kind: str = one_of("who counted", *COUNT_KINDS)
    quantity: Quantity = plain("units found")
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class FxRates(pa.DataFrameModel):
    """A rate of a day: one unit of from_currency is `rate` units of to_currency."""

    rate_date: Day = plain("day the rate holds for")
    from_currency: str = currency("currency that is converted")
    to_currency: str = currency("currency it is converted into")
    rate: Rate = pa.Field(description="units of to_currency for one unit of from_currency", gt=0)
    line_no: Count = pa.Field(description="line of the delivered file", ge=1)
    source: str = key("source that delivered it")
    delivery_id: str = key("delivery the row comes from")


class Ownership(pa.DataFrameModel):
    """Who is believed where several sources tell of the same goods: a line of data/rules/ownership.csv.

    Rows of another source than the one that owns their domain, location and day are in the canonical tables and in no
    reconciliation (`canonical.owned_...`). Of the lines that fit, the one with the highest `specificity` holds.
    """

    domain: str = one_of("what is told: products, locations, stock (snapshots), movements, counts", *OWNED_DOMAINS)
    location: str = key("location_id, or its beginning with * after it")
    prefix: str = text("location without its *; empty for every location")
    is_exact: Flag = plain("whether it names one location")
    specificity: Count = plain("length of the prefix twice, and one more for one location")
    source: str = key("source that is believed")
    valid_from: Day = plain("first day")
    valid_to: Day = plain("last day; 9999-12-31: until further notice")


class Unowned(pa.DataFrameModel):
    """What a source tells of a place and day that another source owns there: such rows count in no reconciliation."""

    domain: str = one_of("what is told, as in ownership", *OWNED_DOMAINS)
    source: str = key("source that is not believed")
    location_id: str = key("location; * for products")
    day: Day = plain("day; of products and locations the last day that stock is told of")
