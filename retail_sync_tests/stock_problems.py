"""What is wrong in the sample company's stock: each problem has one cause, and its evidence is in the files.

The ERP's snapshots follow what the ERP has booked, right or wrong; so a wrong movement shifts every later snapshot as well,
and only the comparison with the tills can find it. One exception: the goods of `not_received` were put into the store's stock
by hand. Values are units at the article's cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from retail_sync_tests.answers import Answer
from retail_sync_tests.simulated_catalogue import BY_SKU, CURRENCY, FBA, WAREHOUSE
from retail_sync_tests.simulated_company import CompanyDay
from retail_sync_tests.simulated_stock import Level, Movement
from retail_sync_tests.simulated_stores import Line, Receipt
from retail_sync_tests.simulator import cents

NEW_CODE = "-2027"
COUNTED_WRONG = (("S01", "FW-VASE-FERN-M", -2), ("S02", "FW-CANDLE-AMBER", 1))
OVERSOLD = ("FW-LAMP-PAPER", 8)

_IN_SMALL_CARTONS = ("FW-TEA-CHAMOMILE", "FW-TOWEL-WAFFLE", "FW-DIFFUSER-FIG")

Shifts = Counter[tuple[str, str]]
"""By location and article, how far the ERP's book is off what lies there."""


def _value(sku: str, units: int) -> Decimal:
    return cents(units * BY_SKU[sku].cost_cents)


def _sold(day: CompanyDay, store: str, skus: Sequence[str] = ()) -> tuple[Receipt, Line, Movement]:
    """A line of a receipt with several articles; only of those that nobody counts at month end, or of `skus`."""
    wanted = skus or [sku for sku, article in BY_SKU.items() if not article.on_amazon]
    for receipt in day.receipts:
        sold = [line for line in receipt.lines if line.kind == "sale"]
        times = Counter(line.sku for line in sold)
        for line in sold:
            if receipt.store == store and len(times) > 1 and times[line.sku] == 1 and line.sku in wanted:
                return receipt, line, _movement(day, receipt, line)
    raise AssertionError(f"{store} sold no such thing on {day.day}")


def _movement(day: CompanyDay, receipt: Receipt, line: Line) -> Movement:
    return next(m for m in day.movements if (m.reference, m.sku) == (receipt.receipt_id, line.sku))


def _sale_answer(
    code: str, day: CompanyDay, receipt: Receipt, sku: str, amount: Decimal | None, explanation: str
) -> Answer:
    subject = f"{receipt.store} {sku} {day.day} sale {receipt.receipt_id}"
    return Answer(code, subject, amount, CURRENCY if amount is not None else "", explanation)


def unposted(day: CompanyDay, store: str, shifts: Shifts) -> tuple[CompanyDay, Answer]:
    """The ERP lacks the movement of one receipt line."""
    receipt, line, movement = _sold(day, store)
    shifts[store, line.sku] += line.quantity
    kept = tuple(m for m in day.movements if m != movement)
    return replace(day, movements=kept), _sale_answer(
        "stock_unposted_sale", day, receipt, line.sku, _value(line.sku, line.quantity),
        f"the ERP has no movement for {line.quantity} sold",
    )  # fmt: skip


def posted_twice(day: CompanyDay, store: str, shifts: Shifts) -> tuple[CompanyDay, Answer]:
    """The ERP booked one receipt line two times."""
    receipt, line, movement = _sold(day, store)
    shifts[store, line.sku] -= line.quantity
    again = replace(movement, movement_id="M900001")
    return replace(day, movements=(*day.movements, again)), _sale_answer(
        "stock_posted_twice", day, receipt, line.sku, -_value(line.sku, line.quantity),
        f"{movement.movement_id} was booked again as {again.movement_id}",
    )  # fmt: skip


def unmapped(day: CompanyDay, store: str, shifts: Shifts) -> tuple[CompanyDay, Answer]:
    """The till sold under a code that the ERP does not have, so the ERP booked nothing."""
    receipt, line, movement = _sold(day, store)
    shifts[store, line.sku] += line.quantity
    unknown = line.sku + NEW_CODE
    lines = tuple(replace(one, sku=unknown) if one == line else one for one in receipt.lines)
    told = replace(receipt, lines=lines)
    changed = replace(
        day,
        receipts=tuple(told if one == receipt else one for one in day.receipts),
        movements=tuple(m for m in day.movements if m != movement),
    )
    return changed, _sale_answer(
        "stock_unmapped_sku", day, receipt, unknown, None, f"the till sold {line.sku} under a code of no article"
    )


def wrong_unit(day: CompanyDay, store: str, shifts: Shifts) -> tuple[CompanyDay, Answer]:
    """The ERP booked cartons where the till sold pieces."""
    receipt, line, movement = _sold(day, store, _IN_SMALL_CARTONS)
    pack = BY_SKU[line.sku].pack
    too_many = line.quantity * (pack - 1)
    shifts[store, line.sku] -= too_many
    changed = replace(movement, quantity=movement.quantity * pack)
    moved = tuple(changed if m == movement else m for m in day.movements)
    return replace(day, movements=moved), _sale_answer(
        "stock_unit_of_measure", day, receipt, line.sku, -_value(line.sku, too_many),
        f"{line.quantity} sold, booked as cartons of {pack}",
    )  # fmt: skip


def web_unposted(day: CompanyDay, location: str, shifts: Shifts) -> tuple[CompanyDay, Answer]:
    """The ERP lacks one article of a web order of several that the warehouse sent."""
    several = {order for order, count in Counter(s.order_id for s in day.web.shipments).items() if count > 1}
    lost = max((s for s in day.web.shipments if s.order_id in several), key=lambda s: (s.quantity, s.shipment_id))
    shifts[location, lost.sku] += lost.quantity
    kept = tuple(m for m in day.movements if (m.reference, m.sku) != (lost.order_id, lost.sku))
    return replace(day, movements=kept), Answer(
        "stock_unposted_sale",
        f"{location} {lost.sku} {day.day} sale {lost.order_id}",
        _value(lost.sku, lost.quantity),
        CURRENCY,
        f"the ERP has no movement for {lost.quantity} of web order {lost.order_id} that the warehouse sent",
    )


def not_received(day: CompanyDay, store: str, _shifts: Shifts) -> tuple[CompanyDay, Answer]:
    """Goods of a transfer lie in the store, and the ERP was never told that they came in."""
    lost = max(
        (m for m in day.movements if m.kind == "transfer" and m.location == store), key=lambda m: (m.quantity, m.sku)
    )
    return replace(day, movements=tuple(m for m in day.movements if m != lost)), Answer(
        "stock_transfer_in_transit",
        f"{store} {lost.sku} {day.day} snapshot",
        _value(lost.sku, lost.quantity),
        CURRENCY,
        f"transfer {lost.reference} is booked out of the warehouse and not into the store",
    )


PLANTS: dict[str, tuple[str, Callable[[CompanyDay, str, Shifts], tuple[CompanyDay, Answer]]]] = {
    "2026-10-07": ("S01", unposted),
    "2026-10-15": ("S02", posted_twice),
    "2026-10-17": ("S01", wrong_unit),
    "2026-10-21": (WAREHOUSE, web_unposted),
    "2026-10-24": ("S01", unmapped),
    "2026-10-26": ("S01", not_received),
}
"""The day, the place, and what goes wrong."""


def plant(day: CompanyDay, shifts: Shifts) -> tuple[CompanyDay, list[Answer]]:
    """The day as the ERP tells it, with what is to be found in it; `shifts` is carried on to the next day."""
    found = []
    if day.day.isoformat() in PLANTS:
        store, change = PLANTS[day.day.isoformat()]
        day, answer = change(day, store, shifts)
        found.append(answer)
    levels = tuple(replace(v, quantity=v.quantity + shifts[v.location, v.sku]) for v in day.levels)
    assert all(level.quantity >= 0 for level in levels), "the book must not fall below zero for another reason"
    return replace(day, levels=levels), found


def miscount(levels: Sequence[Level]) -> tuple[list[Level], list[Answer]]:
    """The count sheet with what was counted wrong, or truly is not there."""
    wrong = {(location, sku): units for location, sku, units in COUNTED_WRONG}
    told = [replace(v, quantity=v.quantity + wrong.get((v.location, v.sku), 0)) for v in levels]
    return told, [
        Answer(
            "stock_shrinkage" if units < 0 else "stock_gain",
            f"{location} {sku} 2026-10-31 physical count",
            _value(sku, units),
            CURRENCY,
            f"{abs(units)} {'less' if units < 0 else 'more'} counted than the book says",
        )
        for location, sku, units in COUNTED_WRONG
    ]


def oversell(levels: Sequence[Level]) -> tuple[dict[str, int], list[Answer]]:
    """What Amazon offers of an article beyond what lies in its own warehouse, from which it sends; ours hold ten times as much."""
    sku, too_many = OVERSOLD
    there = sum(level.quantity for level in levels if level.sku == sku and level.location == FBA)
    return {sku: there + too_many}, [
        Answer(
            "oversell_risk",
            f"amazon {sku}",
            _value(sku, too_many),
            CURRENCY,
            f"{there + too_many} are listed and {there} lie at {FBA}, from where Amazon sends",
        )
    ]
