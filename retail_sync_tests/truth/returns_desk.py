"""Where the sound retailer takes goods back: a returns centre for the web shop, and the desks of the stores.

Goods come back, the ERP books them in, and the shop or a till gives the money back. The shop's refunds are in payouts that no
other kind concerns. A few sound returns at both ends of the weeks show that what has not come by then is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from retail_sync_tests.simulated_catalogue import ARTICLES, BY_SKU
from retail_sync_tests.truth.company import FIRST, LAST, Cells, Company, NothingLeftError, Payout, add, cost, day_of

CENTRE = "R01"
RETURN_STEPS = """\
step,channel,days_after,prepared_by,approved_by
booking,*,10,finance,controller
goods,*,10,operations,controller
order,*,14,finance,controller
refund,*,7,finance,controller
"""
"""The retailer's own rule file: in six weeks nobody can wait for a month."""
MISSED_FROM, MISSED_TO = FIRST + timedelta(days=15), FIRST + timedelta(days=27)
"""The days of which the others' refunds and goods, and the books, reach far enough to both sides."""
_DAY = timedelta(days=1)
_ON_SHELF = 24


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order of the web shop that was charged once, with nothing given back yet."""

    name: str
    day: date
    rows: tuple[Cells, ...]
    charge: Cells

    @property
    def subject(self) -> str:
        """How it is told of."""
        return f"shopify {self.name}"

    @property
    def total(self) -> Decimal:
        """What the customer paid, with tax and shipping."""
        return Decimal(self.rows[0]["Total"])

    @property
    def goods(self) -> Decimal:
        """What all articles cost, without tax and shipping."""
        return sum(map(worth, self.rows), Decimal(0))

    def most_due(self, row: Cells) -> Decimal:
        """What is left of the order when the articles that stayed are paid."""
        return self.total - (self.goods - worth(row))


def units(row: Cells) -> int:
    """Of a line of an order."""
    return int(row["Lineitem quantity"])


def worth(row: Cells) -> Decimal:
    """What a line of an order was sold for, without tax."""
    return units(row) * Decimal(row["Lineitem price"])


def open_desks(company: Company) -> None:
    """Let the retailer take goods back; its few sound returns are taken from what kinds may choose."""
    company.tables["erp_locations"].append(
        {"Location": CENTRE, "Name": "Returns centre", "Kind": "warehouse", "Time zone": "America/New_York"}
    )
    for day in (FIRST + number * _DAY for number in range(-1, (LAST - FIRST).days + 1)):
        company.reserve(("store day", CENTRE, day))
        company.tables["erp_snapshots"] += [
            {"Date": f"{day}", "Location": CENTRE, "SKU": a.sku, "On hand": f"{_ON_SHELF}", "Reserved": "0",
             "Unit cost": f"{cost(a.sku, 1):.2f}"} for a in ARTICLES
        ]  # fmt: skip
    company.tables["web_returns"], company.tables["store_returns"] = [], []
    _keep_goodwill_small(company)
    for payout in _of_refunds(company):
        company.reserve(("payout", payout.number))
        company.refund_payouts.append(payout)
    for back, is_paid_out in ((FIRST + 5 * _DAY, True), (LAST - 2 * _DAY, False)):
        order = pick_order(company, back - 7 * _DAY, back - 3 * _DAY)
        come_back(company, order, order.rows, back)
        give_back(company, order, order.total, back, is_paid_out=is_paid_out)


def _keep_goodwill_small(company: Company) -> None:
    """Goodwill of an article's price would look like a refund whose goods never came: the shop takes it back."""
    lines = _lines(company)
    for row in [row for row in company.tables["shopify_sales"] if row["Type"] == "refund"]:
        if -Decimal(row["Amount"]) >= min(Decimal(line["Lineitem price"]) for line in lines[row["Order"]]):
            company.tables["shopify_sales"].remove(row)
            if row["Payout ID"]:
                _change(company.payouts[row["Payout ID"]], -Decimal(row["Amount"]))


def _of_refunds(company: Company) -> Iterator[Payout]:
    """The largest payout of the shop in each week."""
    shop = [payout for payout in company.payouts.values() if payout.channel == "shopify"]
    for week in sorted({payout.day.isocalendar()[1] for payout in shop}):
        yield max((p for p in shop if p.day.isocalendar()[1] == week), key=lambda payout: payout.total)


def _change(payout: Payout, amount: Decimal) -> None:
    """Let a payout hold refunds of so much (negative), and the bank show it."""
    assert payout.listed is not None
    payout.total += amount
    add(payout.listed, "Refunds", amount)
    add(payout.listed, "Total", amount)
    add(payout.bank, "Amount", amount)


def _lines(company: Company) -> dict[str, list[Cells]]:
    found: dict[str, list[Cells]] = {}
    for row in company.tables["shopify_orders"]:
        found.setdefault(row["Name"], []).append(row)
    return found


def _orders(company: Company) -> Iterator[Ordered]:
    lines = _lines(company)
    given_back = {row["Order"] for row in company.tables["shopify_sales"] if row["Type"] != "charge"}
    for row in company.tables["shopify_sales"]:
        if row["Type"] == "charge" and row["Order"] not in given_back and row["Order"] in lines:
            mine = lines[row["Order"]]
            yield Ordered(row["Order"], day_of(mine[0]["Created at"]), tuple(mine), row)


def pick_order(
    company: Company, first: date, last: date, is_wanted: Callable[[Ordered], bool] = lambda _: True
) -> Ordered:
    """A small order of those days, of which nothing was given back."""
    wanted = (one for one in _orders(company) if first <= one.day <= last and one.total < 90 and is_wanted(one))
    return company.pick(wanted, lambda one: [("order", one.name)])


def come_back(
    company: Company,
    order: Ordered,
    rows: Sequence[Cells],
    day: date,
    *,
    condition: str = "A",
    quantity: int | None = None,
    named: str | None = None,
) -> str:
    """Let articles of an order come back to the centre, as good as new (A) or broken (B); return the number of the last one.

    Another `quantity` or order number (`named`) is what the centre writes.
    """
    number = ""
    for row in rows:
        number, sku = f"RT-{len(company.tables['web_returns']) + 1:04d}", row["Lineitem sku"]
        count = units(row) if quantity is None else quantity
        name = order.name if named is None else named
        company.tables["web_returns"].append({
            "Return": number, "Order": name, "Received": f"{day} 10:20", "Location": CENTRE, "SKU": sku,
            "Quantity": f"{count}", "Condition": condition,
        })  # fmt: skip
        if condition == "A":
            _book_in(company, CENTRE, f"{day} 10:40", sku, count, number)
    return number


def _book_in(company: Company, location: str, at: str, sku: str, count: int, reference: str) -> None:
    """The ERP books goods in, and its snapshots follow."""
    company.tables["erp_movements"].append({
        "Document": f"M8-{reference}-{sku}", "Date": at, "Location": location, "SKU": sku, "Type": "return",
        "Quantity": f"{count}", "Unit cost": f"{cost(sku, 1):.2f}", "Reference": reference,
    })  # fmt: skip
    company.shift(location, sku, day_of(at), count)


def give_back(company: Company, order: Ordered, amount: Decimal, day: date, *, is_paid_out: bool = True) -> None:
    """Let the shop refund so much on a day, in the next payout of those for refunds that has it; else it stays pending."""
    tail = order.charge["Transaction Date"][19:]
    row = {
        **order.charge, "Type": "refund", "Transaction Date": f"{day} 15:10:00{tail}", "Amount": f"{-amount:.2f}",
        "Fee": "0.00", "Net": f"{-amount:.2f}", "Presentment Amount": f"{amount:.2f}", "Payout Status": "pending",
        "Payout Date": "", "Payout ID": "", "Available On": "",
    }  # fmt: skip
    if is_paid_out:
        payout = next((p for p in company.refund_payouts if p.day > day and p.total - amount > 50), None)
        if payout is None:
            raise NothingLeftError
        row |= {"Payout Status": "paid", "Payout Date": f"{payout.day}", "Payout ID": payout.number,
                "Available On": f"{payout.day}"}  # fmt: skip
        _change(payout, -amount)
    company.tables["shopify_sales"].append(row)


def come_to_store(
    company: Company,
    store: str,
    order: str,
    taken: Iterable[tuple[str, int]],
    day: date,
    *,
    number: str,
    condition: str = "B",
    refund: Decimal = Decimal(0),
    is_at_till: bool = False,
) -> None:
    """Let a store's desk take articles of an order back, and say what it gave for them.

    What the till rang up has the number of its receipt, and the till's export books the goods in.
    """
    for count, (sku, quantity) in enumerate(taken):
        company.tables["store_returns"].append({
            "Return": number if is_at_till else f"{number}-{count + 1}", "Order": order, "Taken": f"{day} 16:30",
            "Store": store, "SKU": sku, "Quantity": f"{quantity}", "Condition": condition,
            "Refund": f"{refund if count == 0 else Decimal(0):.2f}",
        })  # fmt: skip
        if condition == "A" and not is_at_till:
            _book_in(company, store, f"{day} 16:40", sku, quantity, f"{number}-{count + 1}")


def ring_up(company: Company, drawer: Cells, receipt: str, sku: str, quantity: int, net: Decimal, tax: Decimal) -> None:
    """Let a till take goods back for cash: receipt, tender, drawer, ERP and the count of its shelf follow."""
    store, till, at = drawer["Store"], drawer["Till"], f"{day_of(drawer['Opened'])} 16:30"
    company.tables["till_receipts"].append({
        "Store": store, "Till": till, "Receipt": receipt, "Type": "R", "Time": at, "SKU": sku,
        "Item": BY_SKU[sku].title, "Qty": f"{-quantity}", "Net": f"{-net:.2f}", "Tax": f"{-tax:.2f}", "Discount": "0.00",
    })  # fmt: skip
    company.tables["till_tenders"].append({
        "Store": store, "Till": till, "Receipt": receipt, "Tender": "CASH", "Time": at, "Amount": f"{-net - tax:.2f}",
    })  # fmt: skip
    add(drawer, "Counted", -net - tax)
    _book_in(company, store, at, sku, quantity, receipt)
    for row in company.tables["erp_counts"]:
        if (row["Location"], row["SKU"]) == (store, sku):
            row["Quantity"] = f"{int(row['Quantity']) + quantity}"
