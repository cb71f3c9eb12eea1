"""Kinds in what goes back: goods of web and marketplace orders, the refunds of the shop, and what the stores take back for others.

What is due for goods is a range (docs/decisions.md, 55): from what they were sold for without tax to what is left of the order
when the goods that stayed are paid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from retail_sync_tests.simulated_catalogue import BY_SKU
from retail_sync_tests.simulator import US, Row
from retail_sync_tests.truth.company import FIRST, LAST, Cells, Company, Statement, day_of
from retail_sync_tests.truth.kinds import Break, choosy, kind
from retail_sync_tests.truth.returns_desk import (
    MISSED_FROM,
    MISSED_TO,
    Ordered,
    come_back,
    come_to_store,
    give_back,
    pick_order,
    ring_up,
    units,
    worth,
)

_DAY = timedelta(days=1)
_CENT = Decimal("0.01")
_STORES = ("S01", "S02")
_PRINCIPAL = ("Order", "ItemPrice", "Principal")
_TAKEN_FROM = MISSED_TO - 8 * _DAY


@dataclass(frozen=True, slots=True)
class Sold:
    """One article that a marketplace or a till sold: where it is told of, its number, and what it cost."""

    number: str
    sku: str
    quantity: int
    net: Decimal
    tax: Decimal


def _told(order: Ordered, break_class: str, amount: Decimal | None, since: date, part: str = "") -> Break:
    subject = " ".join(filter(None, (order.subject, part)))
    return Break("returns", subject, f"return_{break_class}", amount, "USD", since)


def _pick(company: Company, is_wanted: Callable[[Ordered], bool] = lambda _: True) -> tuple[Ordered, date]:
    """An order, and a day some days later of which it is known what came of others."""
    order = pick_order(company, MISSED_FROM - 9 * _DAY, MISSED_TO - 6 * _DAY, is_wanted)
    return order, max(order.day + 5 * _DAY, MISSED_FROM)


def _has_parts(order: Ordered) -> bool:
    return len(order.rows) > 1


# ---- Back, and refunded ---------------------------------------------------------------------------


@kind
def return_of_an_order(company: Company) -> Sequence[Break]:
    """Harmless: all of an order came back, and all that was paid was given back."""
    order, day = _pick(company)
    come_back(company, order, order.rows, day)
    give_back(company, order, order.total, day + _DAY)
    return []


@kind
def return_of_an_article(company: Company) -> Sequence[Break]:
    """Harmless: one article of several came back, and its price without tax and shipping was given back."""
    order, day = _pick(company, _has_parts)
    come_back(company, order, order.rows[:1], day)
    give_back(company, order, worth(order.rows[0]), day + 2 * _DAY)
    return []


@kind
def return_of_an_article_with_shipping(company: Company) -> Sequence[Break]:
    """Harmless: one article came back, and all but the price of what stayed was given back."""
    order, day = _pick(company, _has_parts)
    come_back(company, order, order.rows[-1:], day)
    give_back(company, order, order.most_due(order.rows[-1]), day)
    return []


@kind
def return_in_two_parcels(company: Company) -> Sequence[Break]:
    """Harmless: the articles of an order came back on two days, each refunded by itself."""
    order, day = _pick(company, _has_parts)
    for number, row in enumerate(order.rows):
        come_back(company, order, [row], day + number * _DAY)
        give_back(company, order, worth(row), day + number * _DAY)
    return []


@kind
def return_broken(company: Company) -> Sequence[Break]:
    """Harmless: what came back was broken and never put on a shelf; it was refunded all the same."""
    order, day = _pick(company)
    come_back(company, order, order.rows, day, condition="B")
    give_back(company, order, order.total, day)
    return []


@kind
def return_refunded_first(company: Company) -> Sequence[Break]:
    """Harmless: the shop gave the money back nine days before the goods came."""
    order, day = _pick(company)
    give_back(company, order, order.total, day)
    come_back(company, order, order.rows, day + 9 * _DAY)
    return []


@kind
def return_still_on_its_way(company: Company) -> Sequence[Break]:
    """Harmless: money was given back in the last days, and the goods may still come."""
    order = pick_order(company, MISSED_TO, LAST - 10 * _DAY)
    give_back(company, order, order.total, LAST - 6 * _DAY, is_paid_out=False)
    return []


@kind
def return_not_refunded_yet(company: Company) -> Sequence[Break]:
    """Harmless: goods came back in the last days, and the money may still be given back."""
    order = pick_order(company, MISSED_TO, LAST - 8 * _DAY)
    come_back(company, order, order.rows, LAST - 2 * _DAY)
    return []


# ---- One side alone, or another amount ------------------------------------------------------------


@kind
def refund_without_goods(company: Company) -> Sequence[Break]:
    """The whole order was refunded, and nothing came back."""
    order, day = _pick(company)
    give_back(company, order, order.total, day)
    return [_told(order, "refund_without_goods", order.total, day)]


@kind
def goods_without_refund(company: Company) -> Sequence[Break]:
    """The whole order came back, and nothing was given for it: what the goods were sold for is owed."""
    order, day = _pick(company)
    come_back(company, order, order.rows, day)
    return [_told(order, "goods_without_refund", -order.goods, day)]


@kind
def refund_twice(company: Company) -> Sequence[Break]:
    """The order came back once and was refunded two times."""
    order, day = _pick(company)
    come_back(company, order, order.rows, day)
    give_back(company, order, order.total, day)
    give_back(company, order, order.total, day + _DAY)
    return [_told(order, "refunded_twice", order.total, day)]


@kind
def refund_above_the_order(company: Company) -> Sequence[Break]:
    """The order came back, and 4.00 more than it brought were given back."""
    order, day = _pick(company)
    come_back(company, order, order.rows, day)
    give_back(company, order, order.total + 4, day)
    return [_told(order, "refunded_more", Decimal("4.00"), day)]


@kind
def refund_above_the_article(company: Company) -> Sequence[Break]:
    """One article came back, and 2.00 of what the others cost were given back as well."""
    order, day = _pick(company, _has_parts)
    come_back(company, order, order.rows[:1], day)
    give_back(company, order, order.most_due(order.rows[0]) + 2, day)
    return [_told(order, "refunded_more", Decimal("2.00"), day)]


@kind
def refund_below_the_goods(company: Company) -> Sequence[Break]:
    """The order came back, and two cents less than its goods were sold for were given back."""
    order, day = _pick(company)
    come_back(company, order, order.rows, day)
    give_back(company, order, order.goods - 2 * _CENT, day)
    return [_told(order, "refunded_less", -2 * _CENT, day)]


@kind
def refund_pending_for_good(company: Company) -> Sequence[Break]:
    """The order came back and was refunded, and no payout ever held the refund."""
    order, day = _pick(company)
    come_back(company, order, order.rows, day)
    give_back(company, order, order.total, day, is_paid_out=False)
    return [_told(order, "not_booked", -order.total, day)]


@kind
def refund_in_two_currencies(company: Company) -> Sequence[Break]:
    """A part of a refund is in Canadian dollars: what the goods are worth in each, no data can tell."""
    order, day = _pick(company)
    come_back(company, order, order.rows, day)
    give_back(company, order, order.goods, day)
    give_back(company, order, Decimal("9.00"), day, is_paid_out=False)
    company.tables["shopify_sales"][-1]["Currency"] = "CAD"
    return [
        _told(order, "undetermined", order.goods, day, "USD"),
        Break("returns", f"{order.subject} CAD", "return_undetermined", Decimal("9.00"), "CAD", day),
    ]


# ---- Goods ----------------------------------------------------------------------------------------


@kind
def goods_more_than_sold(company: Company) -> Sequence[Break]:
    """The centre wrote down one more than was sold, and the ERP booked it in: it is worth its price."""
    order, day = _pick(company)
    row = order.rows[0]
    come_back(company, order, [row], day, quantity=units(row) + 1)
    give_back(company, order, worth(row), day)
    return [_told(order, "goods_more", Decimal(row["Lineitem price"]), day)]


@kind
def goods_of_two_systems(company: Company) -> Sequence[Break]:
    """The centre and a store both tell that all of an order came back: twice, or one return in two systems."""
    order, day = _pick(company)
    come_back(company, order, order.rows, day)
    taken = [(row["Lineitem sku"], units(row)) for row in order.rows]
    come_to_store(company, "S01", order.name, taken, day + _DAY, number=f"D-{order.name[1:]}")
    give_back(company, order, order.total, day)
    return [_told(order, "undetermined", order.goods, day, "goods")]


@kind
def goods_of_a_wrong_number(company: Company) -> Sequence[Break]:
    """A digit of the order's number is wrong: nobody bought that, and the refunded order misses its goods."""
    order, day = _pick(company, lambda one: len(one.rows) == 1)
    wrong = f"#9{order.name[2:]}"
    come_back(company, order, order.rows, day, named=wrong)
    give_back(company, order, order.total, day)
    unknown = Break("returns", f"shopify {wrong}", "return_undetermined", Decimal(0), "USD", day)
    return [unknown, _told(order, "refund_without_goods", order.total, day)]


@kind
def goods_of_no_order(company: Company) -> Sequence[Break]:
    """The slip was lost: goods of any order, and the refunded order misses its own."""
    order, day = _pick(company, lambda one: len(one.rows) == 1)
    number = come_back(company, order, order.rows, day, named="")
    give_back(company, order, order.total, day)
    unknown = Break("returns", f"shopify {number}", "return_undetermined", Decimal(0), "USD", day)
    return [unknown, _told(order, "refund_without_goods", order.total, day)]


# ---- In a store -----------------------------------------------------------------------------------


def _to_store(company: Company, number: str, **more: object) -> tuple[Ordered, date]:
    order, day = _pick(company, lambda one: len(one.rows) == 1)
    [row] = order.rows
    come_to_store(company, company.rng.choice(_STORES), order.name, [(row["Lineitem sku"], units(row))], day,
                  number=f"{number}-{order.name[1:]}", **more)  # type: ignore[arg-type]  # fmt: skip
    return order, day


@kind
def web_order_taken_by_a_store(company: Company) -> Sequence[Break]:
    """Harmless: a store took a web order back, and the shop gave the money back."""
    order, day = _to_store(company, "D1")
    give_back(company, order, order.total, day + _DAY)
    return []


@kind
def web_order_taken_and_nobody_paid(company: Company) -> Sequence[Break]:
    """A store took a web order back, and neither it nor the shop gave the money back."""
    order, day = _to_store(company, "D2")
    return [_told(order, "goods_without_refund", -order.goods, day)]


def _has_shelf(company: Company, sku: str) -> bool:
    """Whether a store is left whose shelf of it no other problem concerns."""
    return any(company.is_free(("stock", store, sku)) for store in _STORES)


def _drawer(company: Company, since: date, sku: str, cash: Decimal) -> tuple[Cells, date]:
    """A drawer of the next two weeks that holds the cash, in a store whose day and whose shelf no other problem concerns."""
    wanted = (
        row for row in company.tables["till_drawers"]
        if since <= day_of(row["Opened"]) < since + 14 * _DAY
        and row["Counted"] and Decimal(row["Counted"]) - Decimal(row["Float"]) > cash
    )  # fmt: skip
    row = company.pick(wanted, lambda row: [
        ("store day", row["Store"], day_of(row["Opened"])), ("stock", row["Store"], sku),
    ])  # fmt: skip
    return row, day_of(row["Opened"])


def _rung(company: Company, sold: Sold, since: date, more: Decimal = Decimal(0)) -> date:
    """A store takes an article back and pays cash for it, some more than it cost; its desk and its till tell of the one return."""
    net = sold.net + more
    drawer, day = _drawer(company, since, sold.sku, net + sold.tax)
    receipt = f"{drawer['Store']}-{drawer['Till']}-9{len(company.tables['store_returns']):04d}"
    ring_up(company, drawer, receipt, sold.sku, sold.quantity, net, sold.tax)
    come_to_store(company, drawer["Store"], sold.number, [(sold.sku, sold.quantity)], day, number=receipt, condition="A",
                  refund=net + sold.tax, is_at_till=True)  # fmt: skip
    return day


def _rung_web_order(company: Company) -> tuple[Ordered, date]:
    # Given back twice, cheap goods may be goods and shipping.
    order, since = _pick(company, lambda one: len(one.rows) == 1 and one.goods > 10
                         and _has_shelf(company, one.rows[0]["Lineitem sku"]))  # fmt: skip
    [row] = order.rows
    sold = Sold(order.name, row["Lineitem sku"], units(row), worth(row), Decimal(row["Taxes"]))
    return order, _rung(company, sold, since)


@kind
def web_order_paid_by_a_till(company: Company) -> Sequence[Break]:
    """Harmless: a store took a web order back and paid for it at its till."""
    _rung_web_order(company)
    return []


@kind
def web_order_paid_by_till_and_shop(company: Company) -> Sequence[Break]:
    """A till paid for a web order, and so did the shop."""
    order, day = _rung_web_order(company)
    paid = order.goods + Decimal(order.rows[0]["Taxes"])
    give_back(company, order, paid, day + _DAY)
    # Of two equal refunds one is due: shipping is less than any of its goods.
    return [_told(order, "refunded_twice", paid, day)]


@kind
def web_order_paid_by_shop_and_desk(company: Company) -> Sequence[Break]:
    """A store's desk says that it gave back what the shop gave: it tells of the one refund, or there were two."""
    order, day = _to_store(company, "D3")
    company.tables["store_returns"][-1]["Refund"] = f"{order.total:.2f}"
    give_back(company, order, order.total, day)
    return [_told(order, "undetermined", order.total, day)]


@kind
def web_order_paid_by_desk_alone(company: Company) -> Sequence[Break]:
    """A store's desk says that it gave the money back, and no till has it."""
    order, day = _to_store(company, "D4")
    company.tables["store_returns"][-1]["Refund"] = f"{order.total:.2f}"
    return [_told(order, "not_booked", -order.total, day)]


# ---- Of another channel or store ------------------------------------------------------------------


def _marketplace_order(company: Company) -> tuple[Statement, Sold]:
    """An order of one line of the American marketplace that is not refunded, in a settlement that nothing else concerns."""
    refunded = {
        row.order_id for statement in company.statements[US.currency] for row in statement.rows
        if row.transaction_type == "Refund"
    }  # fmt: skip
    choices = [
        (statement, row, [one for one in statement.rows if one.order_id == row.order_id])
        for statement in company.statements[US.currency] if statement.closing < MISSED_TO
        for row in statement.rows
        if row.triple == _PRINCIPAL and row.sku in BY_SKU and _has_shelf(company, row.sku) and row.order_id not in refunded
    ]  # fmt: skip
    statement, row, rows = company.pick(
        (one for one in choices if sum(row.triple == _PRINCIPAL for row in one[2]) == 1),
        lambda one: [("payout", one[0].settlement_id)],
    )
    discount = _sum(one for one in rows if one.amount_type == "Promotion")
    tax = _sum(one for one in rows if one.amount_type == "ItemPrice" and one.amount_description == "Tax")
    return statement, Sold(row.order_id, row.sku, row.quantity or 0, row.amount + discount, tax)


def _sum(rows: Iterable[Row]) -> Decimal:
    return sum((row.amount for row in rows), Decimal(0))


def _refund(company: Company, statement: Statement, sold: Sold) -> None:
    """The marketplace gives the money back in the settlement of the order itself."""
    at = statement.settlement.end_at - timedelta(hours=1)
    for description, amount in (("Principal", sold.net), ("Tax", sold.tax)):
        if amount:
            statement.rows.append(
                Row("Refund", "ItemPrice", description, -amount, at, order_id=sold.number, sku=sold.sku)
            )
    company.set_total(statement)


@kind
@choosy
def marketplace_order_paid_by_a_till(company: Company) -> Sequence[Break]:
    """Harmless: a store took a marketplace order back and paid for it at its till."""
    statement, sold = _marketplace_order(company)
    _rung(company, sold, statement.closing + 2 * _DAY)
    return []


@kind
@choosy
def marketplace_order_taken_by_a_store(company: Company) -> Sequence[Break]:
    """Harmless: a store took a marketplace order back, for which the marketplace had given the money."""
    statement, sold = _marketplace_order(company)
    _refund(company, statement, sold)
    come_to_store(
        company,
        "S02",
        sold.number,
        [(sold.sku, sold.quantity)],
        statement.closing + 2 * _DAY,
        number=f"D5-{sold.number}",
    )
    return []


@kind
@choosy
def marketplace_order_paid_twice(company: Company) -> Sequence[Break]:
    """A till paid for a marketplace order, and the marketplace had given the money back already."""
    statement, sold = _marketplace_order(company)
    _refund(company, statement, sold)
    _rung(company, sold, statement.closing + 2 * _DAY)
    subject, twice = f"amazon {sold.number}", sold.net + sold.tax
    return [Break("returns", subject, "return_refunded_twice", twice, "USD", statement.closing)]


def _receipt(company: Company) -> tuple[Cells, Sold]:
    """A receipt of one article, and what it was."""
    lines = company.tables["till_receipts"]
    sizes = Counter(row["Receipt"] for row in lines)
    wanted = (
        row for row in lines
        if sizes[row["Receipt"]] == 1 and row["Type"] == "S" and FIRST < day_of(row["Time"]) < _TAKEN_FROM
        and _has_shelf(company, row["SKU"])
    )  # fmt: skip
    row = company.pick(wanted, lambda row: [("store day", row["Store"], day_of(row["Time"]))])
    return row, Sold(row["Receipt"], row["SKU"], int(row["Qty"]), Decimal(row["Net"]), Decimal(row["Tax"]))


@kind
def receipt_taken_by_any_store(company: Company) -> Sequence[Break]:
    """Harmless: a store took back what a receipt, of itself or of another store, names, and paid what it says."""
    _, sold = _receipt(company)
    _rung(company, sold, _TAKEN_FROM)
    return []


@kind
def receipt_taken_and_more_paid(company: Company) -> Sequence[Break]:
    """A store took back what a receipt names, and paid 3.00 more than it says."""
    row, sold = _receipt(company)
    day = _rung(company, sold, _TAKEN_FROM, more=Decimal(3))
    subject = f"{row['Store']} {row['Till']} {sold.number}"
    return [Break("returns", subject, "return_refunded_more", Decimal("3.00"), "USD", day)]
