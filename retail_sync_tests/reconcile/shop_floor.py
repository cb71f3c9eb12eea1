"""A shop floor with planted faults: tills, an ERP, snapshots and counts that agree but for what is planted.

It knows quantity, value, day and cause of every planted fault, and nothing of how they are found. Each fault has an article
of its own at one place. Quantities of faults are primes above 100, which no ordinary sale or sum of a day reaches.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pyarrow as pa

from retail_sync_tests.reconcile.stock_facts import StockFacts

FIRST = date(2026, 10, 1)
LAST = date(2026, 10, 20)
PRIMES = (
    101,
    103,
    107,
    109,
    113,
    127,
    131,
    137,
    139,
    149,
    151,
    157,
    163,
    167,
    173,
    179,
    181,
    191,
    193,
    197,
    199,
    211,
    223,
)
PLACES = ("S1", "S2", "W1")
Row = dict[str, Any]
Planted = tuple[str, str, str, date, Decimal, Decimal, str]


def _noon(on: date) -> datetime:
    return datetime.combine(on, time(12), UTC)


@dataclass
class Floor:
    """What every system says. `planted` is (question, place, sku, day, units, value, cause), counted."""

    rng: random.Random
    products: list[Row] = field(default_factory=list)
    till: list[Row] = field(default_factory=list)
    moved: list[Row] = field(default_factory=list)
    counts: list[Row] = field(default_factory=list)
    wrong: dict[tuple[str, str, date], int] = field(default_factory=dict)
    planted: Counter[Planted] = field(default_factory=Counter)
    snapshot_days: list[date] = field(default_factory=list)
    costs: dict[str, Decimal] = field(default_factory=dict)
    by_receipt: bool = True
    number: int = 0

    def days(self) -> list[date]:
        """The days on which things happen."""
        return [FIRST + timedelta(days=offset) for offset in range(1, (LAST - FIRST).days)]

    def day(self) -> date:
        """A day with two more on either side."""
        return self.rng.choice(self.days()[3:-3])

    def interval(self) -> tuple[date, date]:
        """Two snapshots, one after the other, with others around them."""
        place = self.rng.randrange(2, len(self.snapshot_days) - 3)
        return self.snapshot_days[place], self.snapshot_days[place + 1]

    def next_number(self) -> int:
        """A number never used before."""
        self.number += 1
        return self.number

    def sell(self, place: str, sku: str, on: date, quantity: int) -> str:
        """A receipt; negative: a return. The ERP knows nothing of it yet."""
        receipt = f"R{self.next_number()}"
        self.till.append({"store": place, "register": "1", "receipt_id": receipt, "receipt_line_no": 1,
                          "kind": "sale" if quantity > 0 else "return", "sold_at": _noon(on), "business_date": on, "sku": sku,
                          "quantity": Decimal(quantity), "currency": "USD", "gross_amount": Decimal(0), "tax_amount": Decimal(0),
                          "net_amount": Decimal(0), "discount_amount": Decimal(0)})  # fmt: skip
        return receipt

    def move(self, place: str, sku: str, on: date, quantity: int, kind: str, reference: str | None = None) -> None:
        """A movement of the ERP."""
        self.moved.append({"movement_id": f"M{self.next_number()}", "moved_at": _noon(on), "business_date": on,
                           "location_id": place, "sku": sku, "kind": kind, "quantity": Decimal(quantity), "currency": "USD",
                           "reference": reference})  # fmt: skip

    def trade(self, place: str, sku: str, on: date, quantity: int) -> str:
        """A sale or return as it should be: rung up and posted."""
        receipt = self.sell(place, sku, on, quantity)
        self.move(place, sku, on, -quantity, "sale" if quantity > 0 else "return", receipt if self.by_receipt else None)
        return receipt

    def count(self, place: str, sku: str, on: date, found: int, kind: str = "physical") -> None:
        """Somebody counted `found` more (or less) than the ERP holds at the end of the day."""
        book = self.held(place, sku, on)
        self.counts.append({"counted_at": _noon(on), "business_date": on, "location_id": place, "sku": sku, "kind": kind,
                            "quantity": book + found})  # fmt: skip

    def held(self, place: str, sku: str, on: date) -> Decimal:
        """What the ERP holds by its own movements, from 5,000 at the start."""
        moved = (row["quantity"] for row in self.moved
                 if row["location_id"] == place and row["sku"] == sku and row["business_date"] <= on)  # fmt: skip
        return Decimal(5000) + sum(moved, start=Decimal(0))

    def expect(self, question: str, place: str, sku: str, on: date, units: int, cause: str) -> None:
        """Note what must be found."""
        cost = self.costs.get(sku)
        value = abs(units * cost).quantize(Decimal("0.01"), ROUND_HALF_UP).copy_sign(units) if cost else None
        self.planted[question, place, sku, on, Decimal(units), value, cause] += 1


def _unposted_sale(f: Floor, place: str, sku: str, q: int) -> None:
    on = f.day()
    f.sell(place, sku, on, q)
    f.expect("interface_sales", place, sku, on, q, "unposted_sale")


def _unposted_return(f: Floor, place: str, sku: str, q: int) -> None:
    on = f.day()
    f.sell(place, sku, on, -q)
    f.expect("interface_sales", place, sku, on, -q, "unposted_return")


def _posted_twice(f: Floor, place: str, sku: str, q: int) -> None:
    on = f.day()
    receipt = f.trade(place, sku, on, q)
    f.move(place, sku, on, -q, "sale", receipt)
    f.moved[-2]["reference"] = receipt
    f.expect("interface_sales", place, sku, on, -q, "posted_twice")


def _timing(f: Floor, place: str, sku: str, q: int) -> None:
    on = f.day()
    later = on + timedelta(days=f.rng.choice((-1, 1)))
    receipt = f.sell(place, sku, on, q)
    f.move(place, sku, later, -q, "sale", receipt if f.by_receipt else None)
    f.expect("interface_sales", place, sku, on, q, "timing")
    f.expect("interface_sales", place, sku, later, -q, "timing")


def _unmapped(f: Floor, place: str, sku: str, q: int) -> None:
    on, code = f.day(), f"{sku}-unknown"
    f.sell(place, code, on, q)
    f.expect("interface_sales", place, code, on, q, "unmapped_sku")


def _pack_posted(f: Floor, place: str, sku: str, q: int) -> None:
    on = f.day()
    f.products[-1]["pack_quantity"] = Decimal(12)
    f.sell(place, sku, on, q * 12)
    f.move(place, sku, on, -q, "sale")
    f.expect("interface_sales", place, sku, on, q * 11, "unit_of_measure")


def _sold_by_nobody(f: Floor, place: str, sku: str, q: int) -> None:
    on = f.day()
    f.move(place, sku, on, -q, "sale")
    f.expect("interface_sales", place, sku, on, -q, "undetermined")


def _double_or_pack(f: Floor, place: str, sku: str, q: int) -> None:
    on = f.day()
    f.products[-1]["pack_quantity"] = Decimal(2)
    f.sell(place, sku, on, q)
    f.move(place, sku, on, -2 * q, "sale")
    f.expect("interface_sales", place, sku, on, -q, "undetermined")


def _one_of_two_days(f: Floor, place: str, sku: str, q: int) -> None:
    on = f.day()
    before, after = on - timedelta(days=1), on + timedelta(days=1)
    f.sell(place, sku, before, q)
    f.sell(place, sku, after, q)
    f.move(place, sku, on, -q, "sale")
    for day, units in ((before, q), (on, -q), (after, q)):
        f.expect("interface_sales", place, sku, day, units, "undetermined")


def _snapshots(f: Floor, place: str, sku: str, units: int, cause: str, days: tuple[date, date]) -> None:
    f.wrong[place, sku, days[0]] = units
    f.expect("interface_snapshot", place, sku, days[0], units, cause)
    f.expect("interface_snapshot", place, sku, days[1], -units, cause)


def _snapshot_error(f: Floor, place: str, sku: str, q: int) -> None:
    _snapshots(f, place, sku, f.rng.choice((q, -q)), "snapshot_error", f.interval())


def _late_movement(f: Floor, place: str, sku: str, q: int) -> None:
    days = f.interval()
    f.move(place, sku, days[0], -q, "adjustment")
    _snapshots(f, place, sku, q, "late_movement", days)


def _in_transit(f: Floor, place: str, sku: str, q: int) -> None:
    days, reference = f.interval(), f"T{f.next_number()}"
    f.move("W9", sku, days[0], -q, "transfer", reference)
    f.move(place, sku, days[1], q, "transfer", reference)
    _snapshots(f, place, sku, q, "transfer_in_transit", days)


def _on_the_road(f: Floor, place: str, sku: str, q: int) -> None:
    on = f.day()
    f.move(place, sku, on, -q, "transfer", f"T{f.next_number()}")
    f.expect("interface_transfers", place, sku, on, -q, "transfer_in_transit")


def _snapshot_in_packs(f: Floor, place: str, sku: str, q: int) -> None:
    days = f.interval()
    f.products[-1]["pack_quantity"] = Decimal(2)
    held = int(f.held(place, sku, days[0]))
    if held % 2:
        f.trade(place, sku, days[0], 1)
        held -= 1
    _snapshots(f, place, sku, -held // 2, "unit_of_measure", days)


def _shown_as_zero(f: Floor, place: str, sku: str, q: int) -> None:
    days = f.interval()
    f.trade(place, sku, days[0], int(f.held(place, sku, days[0])) + q)
    f.move(place, sku, days[1], 6000, "receipt")
    _snapshots(f, place, sku, q, "negative_stock", days)


def _lasting_difference(f: Floor, place: str, sku: str, q: int) -> None:
    first = f.interval()[0]
    for day in f.snapshot_days:
        if day >= first:
            f.wrong[place, sku, day] = q
    f.expect("interface_snapshot", place, sku, first, q, "undetermined")


def _last_snapshot(f: Floor, place: str, sku: str, q: int) -> None:
    f.move(place, sku, f.snapshot_days[-1], -q, "adjustment")
    f.wrong[place, sku, f.snapshot_days[-1]] = q
    f.expect("interface_snapshot", place, sku, f.snapshot_days[-1], q, "undetermined")


def _counted(cause: str, sign: int, kind: str = "physical") -> Callable[[Floor, str, str, int], None]:
    def plant(f: Floor, place: str, sku: str, q: int) -> None:
        on = f.day()
        f.count(place, sku, on, sign * q, kind)
        f.expect("count", place, sku, on, sign * q, cause)

    return plant


def _count_in_cartons(f: Floor, place: str, sku: str, q: int) -> None:
    on = f.day()
    f.products[-1]["pack_quantity"] = Decimal(8)
    missing = int(f.held(place, sku, on)) // 8 * 7
    f.count(place, sku, on, -missing)
    f.expect("count", place, sku, on, -missing, "unit_of_measure")


FAULTS = (
    _unposted_sale, _unposted_return, _posted_twice, _timing, _unmapped, _pack_posted, _sold_by_nobody, _double_or_pack,
    _one_of_two_days, _snapshot_error, _late_movement, _in_transit, _on_the_road,
    _snapshot_in_packs, _shown_as_zero, _lasting_difference,
    _last_snapshot, _counted("shrinkage", -1), _counted("gain", 1), _counted("marketplace_lost", -1, "marketplace"),
    _counted("marketplace_found", 1, "marketplace"), _count_in_cartons,
)  # fmt: skip


def plant(seed: int) -> Floor:
    """A floor with every fault once, in an order, at places and on days that the seed decides."""
    floor = Floor(random.Random(seed))  # noqa: S311 - a test's dice
    rng = floor.rng
    inner = [day for day in floor.days() if rng.random() < 0.8]
    floor.snapshot_days = [FIRST, *inner, LAST]
    faults = list(FAULTS)
    rng.shuffle(faults)
    for number, (fault, prime) in enumerate(zip(faults, rng.sample(PRIMES, len(faults)), strict=True)):
        sku, place = f"A-{number}", rng.choice(PLACES)
        cost = Decimal(rng.randrange(1, 10_000_000)).scaleb(-4)
        floor.costs[sku] = cost
        floor.products.append(
            {"sku": sku, "pack_quantity": None, "unit_cost": cost, "currency": "USD", "is_active": True}
        )
        floor.by_receipt = rng.random() < 0.5
        fault(floor, place, sku, prime)
        _trade_around(floor, fault, place, sku)
    return floor


def _trade_around(floor: Floor, fault: Callable[..., None], place: str, sku: str) -> None:
    """Ordinary sales: under receipts where other ways of posting must be told apart by their sums, at any place else."""
    floor.by_receipt = True
    others = [other for other in PLACES if other != place]
    touchy = fault in (_shown_as_zero, _snapshot_in_packs) or floor.counts and floor.counts[-1]["sku"] == sku
    for day in floor.days():
        for _ in range(floor.rng.randint(0, 2)):
            floor.trade(floor.rng.choice(others if touchy else PLACES), sku, day, floor.rng.choice((1, 2, 3, -1)))


def rows_of(floor: Floor) -> dict[str, list[Row]]:
    """Canonical table → its rows, snapshots included, with their places in a delivery."""
    places = [*PLACES, "W9"]
    stock: Counter[tuple[str, str, date]] = Counter()
    snapshots = []
    for place in places:
        for sku in floor.costs:
            for day in floor.snapshot_days:
                stock[place, sku, day] = int(floor.held(place, sku, day)) + floor.wrong.get((place, sku, day), 0)
                snapshots.append({"snapshot_date": day, "location_id": place, "sku": sku, "currency": "USD",
                                  "quantity_on_hand": Decimal(stock[place, sku, day])})  # fmt: skip
    tables = {"products": floor.products, "pos_sales": floor.till, "stock_movements": floor.moved,
              "stock_counts": floor.counts, "stock_snapshots": snapshots}  # fmt: skip
    return {
        name: [row | {"line_no": number, "source": "erp", "delivery_id": "D1"} for number, row in enumerate(rows, 1)]
        for name, rows in tables.items()
    }


def bring(facts: StockFacts, table: str, rows: list[Row]) -> None:
    """Put rows into a canonical table in one go."""
    if not rows:
        return
    batch = pa.Table.from_pylist(rows)
    facts.connection.register("brought", batch)
    facts.connection.execute(f"insert into canonical.{table} by name select * from brought")  # noqa: S608
    facts.connection.unregister("brought")
    facts.touch()


def found(facts: StockFacts) -> Counter[Planted]:
    """What was found, in the words of `Floor.planted`."""
    return Counter(
        facts.connection.execute(
            "select question, location_id, sku, business_date, quantity_variance, value_variance, cause "
            "from reconcile.inventory_variances"
        ).fetchall()
    )
