"""A seeded writer of Amazon settlement files: for tests, the benchmark and the sample company.

What belongs here: the two file layouts, and a random seller whose settlements look like real ones.
What does not: any planted problem (see `make_sample`), and anything shared with the connectors: a
reader and a writer that share a mistake agree with each other and prove nothing.

The layouts follow real files, with two exceptions that no real file at hand shows: the V1 columns
of withheld tax, and the reserve rows.
"""

from __future__ import annotations

import random
import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal

DateStyle = Literal["iso", "dotted", "slash_dmy", "slash_mdy"]
"""V2 dates: `2026-09-01`, `01.09.2026`, or slashes for the posted-date beside ISO instants."""

DecimalMark = Literal[".", ","]

_V2_NAMES = (
    "settlement-id settlement-start-date settlement-end-date deposit-date total-amount currency "
    "transaction-type order-id merchant-order-id adjustment-id shipment-id marketplace-name "
    "amount-type amount-description amount fulfillment-id posted-date posted-date-time "
    "order-item-code merchant-order-item-id merchant-adjustment-item-id sku quantity-purchased "
    "promotion-id"
)
V2_COLUMNS = tuple(_V2_NAMES.split())
"""24 columns; `promotion-id`, the last, is optional."""

_V1_NAMES = (
    "settlement-id settlement-start-date settlement-end-date deposit-date total-amount currency "
    "transaction-type order-id merchant-order-id adjustment-id shipment-id marketplace-name "
    "shipment-fee-type shipment-fee-amount order-fee-type order-fee-amount fulfillment-id "
    "posted-date order-item-code merchant-order-item-id merchant-adjustment-item-id sku "
    "quantity-purchased price-type price-amount item-related-fee-type item-related-fee-amount "
    "misc-fee-amount other-fee-amount other-fee-reason-description promotion-id promotion-type "
    "promotion-amount direct-payment-type direct-payment-amount other-amount"
)
V1_COLUMNS = tuple(_V1_NAMES.split())
"""36 columns; the three of promotions are absent when the settlement has none."""

OTHER = "other-transaction"
ADVERTISING = ("ServiceFee", "Cost of Advertising", "TransactionTotalAmount")
SUBSCRIPTION = (OTHER, OTHER, "Subscription Fee")
CARD_CHARGE = "Successful charge"

_V1_PROMOTION_COLUMNS = ("promotion-id", "promotion-type", "promotion-amount")
_V1_ITEM_COLUMNS = {
    "ItemPrice": ("price-type", "price-amount"),
    "ItemFees": ("item-related-fee-type", "item-related-fee-amount"),
    "ItemWithheldTax": ("item-related-fee-type", "item-related-fee-amount"),
    "Promotion": ("promotion-type", "promotion-amount"),
}
_PADDING = "    "
_DEPOSIT_LAG = timedelta(days=2)
_REFUNDABLE_ORDERS = 200
_ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXZbcdfghjkmnpqrstvwxz"


@dataclass(frozen=True, slots=True)
class Row:
    """One amount of a settlement.

    `marketplace=None` means the settlement's own, `''` leaves the column blank. `fee_tax` is the
    part of `amount` that is tax on the fee: V1 shows it in a column of its own, V2 not at all.
    """

    transaction_type: str
    amount_type: str
    amount_description: str
    amount: Decimal
    posted_at: datetime
    order_id: str = ""
    sku: str = ""
    quantity: int | None = None
    promotion_id: str = ""
    marketplace: str | None = None
    fulfillment_id: str = ""
    shipment_id: str = ""
    adjustment_id: str = ""
    order_item_code: str = ""
    fee_tax: Decimal = Decimal("0.00")

    @property
    def triple(self) -> tuple[str, str, str]:
        """The three names by which rules classify the amount."""
        return self.transaction_type, self.amount_type, self.amount_description


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one file tells.

    `total=None` means the sum of the rows; any other value makes a file that does not foot.
    """

    settlement_id: str
    start_at: datetime
    end_at: datetime
    deposit_at: datetime
    currency: str
    marketplace: str
    rows: tuple[Row, ...]
    total: Decimal | None = None

    @property
    def lines_sum(self) -> Decimal:
        """The sum of all rows."""
        return sum((row.amount for row in self.rows), Decimal("0.00"))

    @property
    def header_total(self) -> Decimal:
        """The total that the header row states."""
        return self.lines_sum if self.total is None else self.total


@dataclass(frozen=True, slots=True)
class Market:
    """What differs between marketplaces. Money is integer cents here, until a row is made."""

    name: str
    currency: str
    order_prefixes: tuple[str, ...]
    tax_per_mille: tuple[int, ...]
    withheld_tax: str
    charges_shipping: bool
    subscription_cents: int
    tax_on_fees_percent: int = 0


US = Market(
    "Amazon.com",
    "USD",
    ("111", "112", "113", "114"),
    (0, 60, 65, 70, 83, 88),
    "MarketplaceFacilitatorTax",
    charges_shipping=False,
    subscription_cents=3999,
)
DE = Market(
    "Amazon.de",
    "EUR",
    ("302", "303", "304", "305", "306"),
    (190,),
    "MarketplaceFacilitatorVAT",
    charges_shipping=True,
    subscription_cents=3900,
)
CA = Market(
    "Amazon.ca",
    "CAD",
    ("701", "702"),
    (0,),  # as in the real files, which are all V1: no tax is collected or withheld
    "MarketplaceFacilitatorTax",
    charges_shipping=False,
    subscription_cents=3209,
    tax_on_fees_percent=12,
)


@dataclass(frozen=True, slots=True)
class Product:
    """What the random seller sells: list price and FBA fee per unit, in cents."""

    sku: str
    price_cents: int
    fulfilment_cents: int


CATALOGUE = (
    Product("FW-CANDLE-AMBER", 1895, 386),
    Product("FW-CANDLE-CEDAR", 1895, 386),
    Product("FW-MUG-STONE-2PK", 2450, 457),
    Product("FW-TEAPOT-MOSS", 3990, 602),
    Product("FW-APRON-LINEN", 2995, 398),
    Product("FW-RUNNER 140_NAT", 3450, 441),
    Product("FW-BOARD-OAK-L", 4490, 689),
    Product("FW-VASE-FERN-M", 3275, 575),
    Product("FW-THROW-HEATHER", 6900, 742),
    Product("FW-PLANTER-3SET", 5480, 794),
    Product("FW-LAMP-PAPER", 7650, 799),
    Product("FW-SOAP-BAR-4PK", 1590, 322),
)


def cents(value: int) -> Decimal:
    """Integer cents as an amount with two decimals."""
    return Decimal(value).scaleb(-2)


def _percent(value: int, percent: int) -> int:
    """A percentage of non-negative cents, rounded half up."""
    return (value * percent + 50) // 100


class _Seller:
    """Makes the events of one settlement, a list of rows each, from one random stream."""

    def __init__(self, seed: int, market: Market) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - repeatable test data, not a secret
        self._market = market
        self._refundable: deque[list[Row]] = deque(maxlen=_REFUNDABLE_ORDERS)

    def event(self, at: datetime) -> list[Row]:
        """The next thing that happens: an order mostly, at times a refund or advertising."""
        draw = self._rng.randrange(100)
        if draw < 4 and self._refundable:
            return self._refund(at)
        if draw < 7:
            return [self.advertising(at)]
        return self._order(at)

    def subscription(self, at: datetime) -> Row:
        """The monthly fee of the selling plan."""
        amount = cents(-self._market.subscription_cents)
        return Row(*SUBSCRIPTION, amount, at, marketplace="")

    def advertising(self, at: datetime) -> Row:
        """One charge for advertising; the market says how much tax is on top."""
        net = self._rng.randrange(900, 4200)
        tax = _percent(net, self._market.tax_on_fees_percent)
        return Row(*ADVERTISING, cents(-net - tax), at, marketplace="", fee_tax=cents(-tax))

    def seconds_until(self, limit: int) -> int:
        """A whole number of seconds below `limit`, so that events do not stand on a grid."""
        return self._rng.randrange(max(limit, 1))

    def _code(self, length: int) -> str:
        return "".join(self._rng.choices(_ALPHABET, k=length))

    def _order(self, at: datetime) -> list[Row]:
        """An order of one item, at times two, all shipped together by Amazon."""
        rng = self._rng
        prefix = rng.choice(self._market.order_prefixes)
        order_id = f"{prefix}-{rng.randrange(10**7):07d}-{rng.randrange(10**7):07d}"
        shipment_id = "U" + self._code(8)
        tax_per_mille = rng.choice(self._market.tax_per_mille)
        rows: list[Row] = []
        for _ in range(2 if rng.randrange(8) == 0 else 1):
            item = self._item(at, order_id, shipment_id, tax_per_mille)
            self._refundable.append(item)
            rows += item
        return rows

    def _item(self, at: datetime, order_id: str, shipment_id: str, tax_per_mille: int) -> list[Row]:
        rng = self._rng
        product = rng.choice(CATALOGUE)
        quantity = rng.choice((1, 1, 1, 1, 1, 2, 2, 3))
        item_code = str(rng.randrange(13 * 10**13, 16 * 10**13))
        return [
            Row(
                "Order",
                amount_type,
                description,
                cents(amount),
                at,
                order_id,
                product.sku,
                quantity,
                promotion_id,
                None,
                "AFN",
                shipment_id,
                "",
                item_code,
            )
            for amount_type, description, amount, promotion_id in self._components(product, quantity, tax_per_mille)
        ]

    def _components(self, product: Product, quantity: int, tax_per_mille: int) -> list[tuple[str, str, int, str]]:
        """The amounts of one item: (amount type, description, cents, promotion id)."""
        rng, market = self._rng, self._market
        principal = product.price_cents * quantity
        discount = _percent(principal, 10) if rng.randrange(8) == 0 else 0
        shipping = rng.choice((0, 0, 399, 549))
        tax = ((principal - discount) * tax_per_mille + 500) // 1000
        commission = _percent(principal - discount, 15)
        parts = [("ItemPrice", "Principal", principal, "")]
        if shipping:
            parts.append(("ItemPrice", "Shipping", shipping, ""))
        if tax:
            parts.append(("ItemPrice", "Tax", tax, ""))
            parts.append(("ItemWithheldTax", f"{market.withheld_tax}-Principal", -tax, ""))
        if shipping and market.charges_shipping:
            shipping_tax = (shipping * tax_per_mille + 500) // 1000
            parts.append(("ItemPrice", "ShippingTax", shipping_tax, ""))
            parts.append(("ItemWithheldTax", f"{market.withheld_tax}-Shipping", -shipping_tax, ""))
            parts.append(("ItemFees", "ShippingHB", -_percent(shipping, 15), ""))
        parts.append(("ItemFees", "FBAPerUnitFulfillmentFee", -product.fulfilment_cents * quantity, ""))
        parts.append(("ItemFees", "Commission", -commission, ""))
        if discount:
            parts.append(("Promotion", "Principal", -discount, "Coupon 10% Fernway Welcome"))
        if shipping and not market.charges_shipping:
            parts.append(("Promotion", "Shipping", -shipping, "Core Free Shipping"))
        return parts

    def _refund(self, at: datetime) -> list[Row]:
        """An earlier item given back; the FBA fee is not, and a refund fee comes on top."""
        index = self._rng.randrange(len(self._refundable))
        item = self._refundable[index]
        del self._refundable[index]
        adjustment_id = f"amzn1:crow:{self._code(22)}"
        rows: list[Row] = []
        for row in item:
            if row.amount_description == "FBAPerUnitFulfillmentFee":
                continue
            rows.append(_refund_row(row, at, adjustment_id, row.amount_description, -row.amount))
            if row.amount_description == "Commission":
                kept = -min(_percent(int(-row.amount.scaleb(2)), 20), 500)
                rows.append(_refund_row(row, at, adjustment_id, "RefundCommission", cents(kept)))
        return rows


def _refund_row(sold: Row, at: datetime, adjustment_id: str, description: str, amount: Decimal) -> Row:
    return Row(
        "Refund",
        sold.amount_type,
        description,
        amount,
        at,
        order_id=sold.order_id,
        sku=sold.sku,
        promotion_id=sold.promotion_id,
        fulfillment_id=sold.fulfillment_id,
        adjustment_id=adjustment_id,
        order_item_code=sold.order_item_code,
    )


DEFAULT_START = datetime(2026, 9, 1, 15, 12, 40, tzinfo=UTC)


def random_rows(
    seed: int,
    lines: int,
    *,
    market: Market = US,
    start_at: datetime = DEFAULT_START,
    end_at: datetime = DEFAULT_START + timedelta(days=14),
    subscription: bool = True,
) -> Iterator[Row]:
    """Yield exactly `lines` rows between the two instants, in bounded memory."""
    seller = _Seller(seed, market)
    span = int((end_at - start_at).total_seconds())
    made = 0
    if subscription and lines:
        yield seller.subscription(start_at + timedelta(seconds=span // 9))
        made = 1
    while made < lines:
        offset = span * made // lines + seller.seconds_until(span // lines)
        at = start_at + timedelta(seconds=min(offset, span - 1))
        event = seller.event(at)
        if len(event) > lines - made:
            event = [seller.advertising(at)]
        yield from event
        made += len(event)


def random_settlement(
    seed: int,
    lines: int,
    *,
    settlement_id: str = "",
    market: Market = US,
    start_at: datetime = DEFAULT_START,
    end_at: datetime = DEFAULT_START + timedelta(days=14),
    subscription: bool = True,
) -> Settlement:
    """A settlement of exactly `lines` rows that foots; without an id it gets one from the seed."""
    rows = random_rows(seed, lines, market=market, start_at=start_at, end_at=end_at, subscription=subscription)
    return Settlement(
        settlement_id or settlement_id_for(seed),
        start_at,
        end_at,
        end_at + _DEPOSIT_LAG,
        market.currency,
        market.name,
        tuple(rows),
    )


def settlement_id_for(seed: int) -> str:
    """An 11-digit id, the same for the same seed."""
    return str(30_000_000_000 + seed % 10_000_000_000)


# ---- V2 ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _V2Layout:
    """The choices in which real V2 files differ."""

    date_style: DateStyle = "iso"
    decimal_mark: DecimalMark = "."
    promotion_column: bool = True

    def amount(self, value: Decimal) -> str:
        text = f"{value:f}"
        return text if self.decimal_mark == "." else text.replace(".", ",")

    def join(self, cells: Sequence[str]) -> str:
        """Make one line; without the promotion column the last cell is left out."""
        return "\t".join(cells if self.promotion_column else cells[:-1]) + "\n"

    def head(self, settlement: Settlement, total: Decimal) -> str:
        """The column names and the header row of the settlement."""
        instants = (settlement.start_at, settlement.end_at, settlement.deposit_at)
        cells = [
            settlement.settlement_id,
            *(_day_and_instant(at, self.date_style)[1] for at in instants),
            self.amount(total),
            settlement.currency,
        ]
        cells += [""] * (len(V2_COLUMNS) - len(cells))
        return self.join(V2_COLUMNS) + self.join(cells)

    def line(self, settlement: Settlement, row: Row) -> str:
        """One amount: the settlement id is repeated, its dates, total and currency are not."""
        amount = self.amount(row.amount)
        if row.amount_description == CARD_CHARGE:
            amount += _PADDING
        return self.join(
            [
                settlement.settlement_id,
                "",
                "",
                "",
                "",
                "",
                row.transaction_type,
                row.order_id,
                row.order_id,
                row.adjustment_id,
                row.shipment_id,
                settlement.marketplace if row.marketplace is None else row.marketplace,
                row.amount_type,
                row.amount_description,
                amount,
                row.fulfillment_id,
                *_day_and_instant(row.posted_at, self.date_style),
                row.order_item_code,
                "",
                "",
                row.sku,
                "" if row.quantity is None else str(row.quantity),
                row.promotion_id,
            ]
        )


_DAY_FORMATS: dict[DateStyle, str] = {
    "iso": "%Y-%m-%d",
    "dotted": "%d.%m.%Y",
    "slash_dmy": "%d/%m/%y",
    "slash_mdy": "%m/%d/%y",
}


@lru_cache(maxsize=4096)
def _day_and_instant(at: datetime, style: DateStyle) -> tuple[str, str]:
    """The two ways in which V2 writes one instant: `posted-date` and `posted-date-time`."""
    instant_day = "%d.%m.%Y" if style == "dotted" else "%Y-%m-%d"
    utc = at.astimezone(UTC)
    return utc.strftime(_DAY_FORMATS[style]), utc.strftime(f"{instant_day} %H:%M:%S UTC")


def write_v2(
    settlement: Settlement,
    *,
    date_style: DateStyle = "iso",
    decimal_mark: DecimalMark = ".",
    promotion_column: bool = True,
    header_total: Decimal | None = None,
) -> bytes:
    """The settlement as a V2 flat file. `header_total` overrides what the header row states."""
    layout = _V2Layout(date_style, decimal_mark, promotion_column)
    total = settlement.header_total if header_total is None else header_total
    lines = (layout.line(settlement, row) for row in settlement.rows)
    return (layout.head(settlement, total) + "".join(lines)).encode()


def write_v2_file(
    path: Path,
    seed: int,
    lines: int,
    *,
    settlement_id: str = "",
    market: Market = US,
    start_at: datetime = DEFAULT_START,
    end_at: datetime = DEFAULT_START + timedelta(days=14),
    date_style: DateStyle = "iso",
    decimal_mark: DecimalMark = ".",
    promotion_column: bool = True,
) -> Decimal:
    """Stream the settlement that `random_settlement` would make to `path`; return its total.

    The total stands before the rows it sums, so the rows go to a file beside it first.
    """
    layout = _V2Layout(date_style, decimal_mark, promotion_column)
    settlement = random_settlement(
        seed, 0, settlement_id=settlement_id, market=market, start_at=start_at, end_at=end_at
    )
    rows = random_rows(seed, lines, market=market, start_at=start_at, end_at=end_at)
    total = Decimal("0.00")
    rows_path = path.with_name(path.name + ".rows")
    try:
        with rows_path.open("w", encoding="utf-8", newline="") as rows_file:
            for row in rows:
                total += row.amount
                rows_file.write(layout.line(settlement, row))
        with path.open("wb") as file, rows_path.open("rb") as rows_bytes:
            file.write(layout.head(settlement, total).encode())
            shutil.copyfileobj(rows_bytes, file, 1 << 20)
    finally:
        rows_path.unlink(missing_ok=True)
    return total


# ---- V1 ----------------------------------------------------------------------------------------


def write_v1(settlement: Settlement, *, header_total: Decimal | None = None) -> bytes:
    """The settlement as a V1 flat file, the older layout of which sellers still hold history."""
    has_promotions = any(row.amount_type == "Promotion" for row in settlement.rows)
    columns = [c for c in V1_COLUMNS if has_promotions or c not in _V1_PROMOTION_COLUMNS]
    total = settlement.header_total if header_total is None else header_total
    header = {
        "settlement-id": settlement.settlement_id,
        "settlement-start-date": settlement.start_at.isoformat(),
        "settlement-end-date": settlement.end_at.isoformat(),
        "deposit-date": settlement.deposit_at.isoformat(),
        "total-amount": f"{total:f}",
        "currency": settlement.currency,
    }
    lines = ["\t".join(columns) + "\n"]
    for cells in (header, *_v1_rows(settlement)):
        lines.append("\t".join(cells.get(column, "") for column in columns) + "\n")
        if cells.get("transaction-type") == CARD_CHARGE:
            lines.append("\n")  # as in real files, after the padded amount
    return "".join(lines).encode()


def _v1_rows(settlement: Settlement) -> Iterable[dict[str, str]]:
    """The rows as column → text. The quantity of an ordered item stands alone on its first row."""
    seen: set[tuple[str, str]] = set()
    for row in settlement.rows:
        cells = _v1_common(settlement, row)
        if row.amount_type not in _V1_ITEM_COLUMNS:
            yield cells | _v1_account_amount(row)
            continue
        item = (row.order_id, row.order_item_code)
        if row.transaction_type == "Order" and item not in seen:
            seen.add(item)
            yield cells | {"quantity-purchased": str(row.quantity or "")}
        type_column, amount_column = _V1_ITEM_COLUMNS[row.amount_type]
        yield cells | {
            type_column: row.amount_description,
            amount_column: f"{row.amount:f}",
            "promotion-id": row.promotion_id,
        }


def _v1_common(settlement: Settlement, row: Row) -> dict[str, str]:
    marketplace = settlement.marketplace if row.marketplace is None else row.marketplace
    return {
        "settlement-id": settlement.settlement_id,
        "transaction-type": row.transaction_type,
        "order-id": row.order_id,
        "merchant-order-id": row.order_id,
        "adjustment-id": row.adjustment_id,
        "shipment-id": row.shipment_id,
        "marketplace-name": marketplace,
        "fulfillment-id": row.fulfillment_id,
        "posted-date": row.posted_at.isoformat(),
        "order-item-code": row.order_item_code,
        "sku": row.sku,
    }


def _v1_account_amount(row: Row) -> dict[str, str]:
    """The cells of an account event. Unlike in V2, the event itself is the transaction type."""
    if row.transaction_type == "ServiceFee":
        cells = {
            "item-related-fee-type": row.amount_type,
            "item-related-fee-amount": f"{row.amount - row.fee_tax:f}",
        }
        if row.fee_tax:
            cells["other-fee-amount"] = f"{row.fee_tax:f}"
            cells["other-fee-reason-description"] = "TaxAmount"
        return cells
    is_other = row.transaction_type == OTHER
    padding = _PADDING if row.amount_description == CARD_CHARGE else ""
    return {
        "transaction-type": row.amount_description if is_other else row.amount_type,
        "quantity-purchased": "" if row.quantity is None else str(row.quantity),
        "other-amount": f"{row.amount:f}{padding}",
    }
