"""Kinds in the web shop: orders, the charges of its processor, payouts and their list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from retail_sync_tests.truth.company import AMAZON_ACCOUNTS, FIRST, HEADERS, Cells, Company, Payout, add, day_of
from retail_sync_tests.truth.kinds import Break, choosy, kind

_SETTLED_WITHIN = timedelta(days=30)
"""An order that has not been settled by then (match_rules.csv) is late, or told as never settled."""


@dataclass(frozen=True, slots=True)
class Sold:
    """An order, the row of the export that has its total, its charge, and the payout that holds it."""

    name: str
    day: date
    head: Cells
    charge: Cells
    payout: Payout

    @property
    def total(self) -> Decimal:
        """What the customer paid."""
        return Decimal(self.head["Total"])

    @property
    def fee(self) -> Decimal:
        """What the processor kept of it."""
        return Decimal(self.charge["Fee"])


def _sold(company: Company) -> list[Sold]:
    heads = {row["Name"]: row for row in company.tables["shopify_orders"] if row["Total"]}
    return [
        Sold(
            row["Order"],
            day_of(heads[row["Order"]]["Created at"]),
            heads[row["Order"]],
            row,
            company.payouts[row["Payout ID"]],
        )
        for row in company.tables["shopify_sales"]
        if row["Type"] == "charge" and row["Payout ID"] in company.payouts and row["Order"] in heads
    ]


def _settled_to(company: Company) -> date:
    """The shop's settlements reach to its last payout."""
    return max(payout.day for payout in company.payouts.values() if payout.channel == "shopify" and payout.listed)


def _is_overdue(company: Company, day: date) -> bool:
    return day + _SETTLED_WITHIN <= _settled_to(company)


def _pick(company: Company, is_wanted: Callable[[Sold], bool] = lambda _: True) -> Sold:
    return company.pick(
        filter(is_wanted, _sold(company)), lambda one: [("order", one.name), ("payout", one.payout.number)]
    )


def _later_payout(company: Company, since: date) -> Payout:
    last = _settled_to(company)
    wanted = (p for p in company.payouts.values() if p.channel == "shopify" and since <= p.day < last)
    return company.pick(wanted, lambda payout: [("payout", payout.number)])


def _told(sold: Sold, break_class: str, amount: Decimal, part: str = "", currency: str = "USD") -> Break:
    subject = " ".join(filter(None, ("shopify", sold.name, part)))
    return Break("order_settlement", subject, break_class, amount, currency, sold.day)


def _take_out(company: Company, sold: Sold) -> None:
    """The charge is in the payout no more."""
    company.tables["shopify_sales"].remove(sold.charge)
    company.change_payout(sold.payout, -sold.total, -sold.fee)


def _put_in(company: Company, sold: Sold, payout: Payout, day: date) -> None:
    """The order is charged on that day, and a payout holds it."""
    at = f"{day}{sold.charge['Transaction Date'][10:]}"
    paid = {"Payout ID": payout.number, "Payout Date": f"{payout.day}", "Available On": f"{payout.day}"}
    company.tables["shopify_sales"].append({**sold.charge, **paid, "Transaction Date": at})
    company.change_payout(payout, sold.total, sold.fee)


@kind
@choosy
def order_never_charged(company: Company) -> Sequence[Break]:
    """An order that was sent and never paid."""
    sold = _pick(company, lambda one: _is_overdue(company, one.day))
    _take_out(company, sold)
    return [_told(sold, "order_never_settled", -sold.total)]


@kind
@choosy
def order_charged_late(company: Company) -> Sequence[Break]:
    """An order whose money came 32 days later."""
    late = timedelta(days=32)
    sold = _pick(company, lambda one: one.day < FIRST + timedelta(days=6))
    _take_out(company, sold)
    _put_in(company, sold, _later_payout(company, sold.day + late), sold.day + late)
    return [_told(sold, "order_settled_late", sold.total)]


@kind
def order_charged_twice(company: Company) -> Sequence[Break]:
    """An order is charged again two days later."""
    again = timedelta(days=2)
    sold = _pick(company, lambda one: one.day < FIRST + timedelta(days=25))
    _put_in(company, sold, _later_payout(company, sold.day + again), sold.day + again)
    return [_told(sold, "order_settled_twice", sold.total, "total")]


@kind
def order_charged_twice_in_a_payout(company: Company) -> Sequence[Break]:
    """An order is charged an hour earlier as well, and one payout holds both."""
    sold = _pick(company)
    hour = int(sold.charge["Transaction Date"][11:13]) - 1
    again = f"{sold.charge['Transaction Date'][:11]}{hour:02d}{sold.charge['Transaction Date'][13:]}"
    company.tables["shopify_sales"].append({**sold.charge, "Transaction Date": again})
    company.change_payout(sold.payout, sold.total, sold.fee)
    return [_told(sold, "order_settled_twice", sold.total, "total")]


@kind
def order_charged_in_two_currencies(company: Company) -> Sequence[Break]:
    """An order is charged again in Canadian dollars: a second charge, or the currency of the first, no data can tell."""
    sold = _pick(company)
    day = sold.payout.day + timedelta(days=1)
    number = f"7{sold.payout.number[1:]}"
    company.tables["shopify_sales"].append({
        **sold.charge, "Currency": "CAD", "Fee": "0.00", "Net": f"{sold.total:.2f}", "Payout ID": number,
        "Payout Date": f"{day}", "Available On": f"{day}",
    })  # fmt: skip
    company.tables["shopify_payouts"].append({
        **dict.fromkeys(HEADERS["shopify_payouts"], "0.00"), "Payout Date": f"{day}", "Status": "paid",
        "Charges": f"{sold.total:.2f}", "Total": f"{sold.total:.2f}", "Currency": "CAD",
    })  # fmt: skip
    company.bank_line(day, AMAZON_ACCOUNTS["CAD"], "SHOPIFY PAYMENTS TRANSFER", sold.total, "CAD")
    told = _told(sold, "order_undetermined", sold.total, "total", "CAD")
    return [replace(told, candidates="currency or duplicate")]


def _charge_otherwise(company: Company, amount: Decimal) -> list[Break]:
    sold = _pick(company)
    add(sold.charge, "Amount", amount)
    add(sold.charge, "Net", amount)
    add(sold.charge, "Presentment Amount", amount)
    company.change_payout(sold.payout, amount, Decimal(0))
    return [_told(sold, "order_amount_differs", amount, "total")]


@kind
def order_charged_short(company: Company) -> Sequence[Break]:
    """An order brings 5.00 less than its total."""
    return _charge_otherwise(company, Decimal("-5.00"))


@kind
def order_charged_over(company: Company) -> Sequence[Break]:
    """An order brings a cent more than its total."""
    return _charge_otherwise(company, Decimal("0.01"))


@kind
def order_total_reversed(company: Company) -> Sequence[Break]:
    """The shop's export gives the order's total with a minus."""
    sold = _pick(company)
    total = sold.total
    sold.head["Total"] = f"{-total:.2f}"
    return [_told(sold, "order_sign_reversed", 2 * total, "total")]


@kind
def order_in_other_currency(company: Company) -> Sequence[Break]:
    """The order says Canadian dollars and was settled in US dollars: each side stands alone."""
    sold = _pick(company)
    sold.head["Currency"] = "CAD"
    return [
        _told(sold, "order_currency_differs", -sold.total, "total CAD", "CAD"),
        _told(sold, "order_currency_differs", sold.total, "total USD"),
    ]


@kind
@choosy
def order_of_nobody(company: Company) -> Sequence[Break]:
    """The order of a charge is in no export, and it is too late to be from before the first of them."""
    sold = _pick(company, lambda one: one.day >= FIRST + _SETTLED_WITHIN)
    company.tables["shopify_orders"] = [row for row in company.tables["shopify_orders"] if row["Name"] != sold.name]
    return [_told(sold, "order_unknown", sold.total)]


@kind
def order_price_wrong(company: Company) -> Sequence[Break]:
    """A line of an order was sold for 2.50 a piece more than the list price."""
    sold = _pick(company)
    line = company.rng.choice([row for row in company.tables["shopify_orders"] if row["Name"] == sold.name])
    add(line, "Lineitem price", Decimal("2.50"))
    return [_told(sold, "order_price_differs", int(line["Lineitem quantity"]) * Decimal("2.50"), "list_price")]


@kind
def order_cancelled(company: Company) -> Sequence[Break]:
    """Harmless: an order is voided and never charged."""
    sold = _pick(company)
    sold.head["Financial Status"] = "voided"
    _take_out(company, sold)
    return []


@kind
def charge_lost(company: Company) -> Sequence[Break]:
    """A charge is in no export: its payout does not foot, and after a month the order is told as well."""
    sold = _pick(company)
    company.tables["shopify_sales"].remove(sold.charge)
    payout = sold.payout
    breaks = [
        Break("settlement_totals", payout.subject, "settlement_does_not_foot", sold.fee - sold.total, "USD", payout.day)
    ]  # fmt: skip
    return breaks + [_told(sold, "order_never_settled", -sold.total)] * _is_overdue(company, sold.day)


def _pick_payout(company: Company) -> Payout:
    """One whose orders are all too young to be missed."""
    old = {one.payout.number for one in _sold(company) if _is_overdue(company, one.day)}
    last = _settled_to(company)
    wanted = (p for p in company.payouts.values() if p.channel == "shopify" and p.number not in old and p.day < last)
    return company.pick(
        wanted,
        lambda payout: [
            ("payout", payout.number),
            *(("order", one.name) for one in _sold(company) if one.payout is payout),
        ],
    )


def _payout_told(payout: Payout, break_class: str) -> Break:
    return Break("settlement_totals", payout.subject, break_class, payout.total, "USD", payout.day)


@kind
@choosy
def payout_refused_by_the_bank(company: Company) -> Sequence[Break]:
    """The shop's list says that a payout failed, and the bank shows nothing."""
    payout = _pick_payout(company)
    assert payout.listed is not None
    payout.listed["Status"] = "failed"
    company.tables["bank"].remove(payout.bank)
    return [_payout_told(payout, "payout_failed")]


@kind
@choosy
def payout_listed_twice(company: Company) -> Sequence[Break]:
    """The list has two rows of one day for one payout: it states no total, and the money is explained by nothing."""
    payout = _pick_payout(company)
    assert payout.listed is not None
    company.tables["shopify_payouts"].append({
        **payout.listed, "Total": "1.00", "Charges": "1.00", "Fees": "0.00", "Refunds": "0.00", "Adjustments": "0.00",
    })  # fmt: skip
    return [_payout_told(payout, "payout_ambiguous"), payout.unexplained()]


@kind
@choosy
def payout_without_transactions(company: Company) -> Sequence[Break]:
    """No transaction of a listed payout is in any export, and the money that came is explained by nothing."""
    payout = _pick_payout(company)
    company.tables["shopify_sales"] = [
        row for row in company.tables["shopify_sales"] if row["Payout ID"] != payout.number
    ]
    subject = f"fernway.example {payout.day} USD"
    return [
        Break("settlement_totals", subject, "payout_transactions_missing", payout.total, "USD", payout.day),
        payout.unexplained(),
    ]
