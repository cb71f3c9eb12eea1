"""Kinds between what a channel pays out and what the bank shows: of a marketplace, a card processor or the web shop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

from retail_sync_tests.store_files import ACCOUNT
from retail_sync_tests.truth.company import Cells, Company, Payout, day_of
from retail_sync_tests.truth.kinds import Break, kind


def _pick(company: Company, is_wanted: Callable[[Payout], bool] = lambda _: True) -> Payout:
    wanted = (payout for payout in company.payouts.values() if is_wanted(payout) and payout.total > 40)
    return company.pick(wanted, lambda payout: [("payout", payout.number)])


def _is_named(payout: Payout) -> bool:
    return payout.number in payout.bank["Description"]


def _unnamed(payout: Payout) -> None:
    """Let the bank show the payer alone."""
    payout.bank["Description"] = payout.bank["Description"].removesuffix(payout.number).strip()


def _split(company: Company, payout: Payout, parts: int, days_apart: int) -> None:
    """Let the bank show the money in parts."""
    row, left = payout.bank, Decimal(payout.bank["Amount"])
    for number in range(1, parts):
        part = (left / 3).quantize(Decimal("0.01"))
        left -= part
        later = payout.paid_on + timedelta(days=days_apart * number)
        company.bank_line(later, row["Account"], row["Description"], part, row["Currency"])
    row["Amount"] = f"{left:.2f}"


def _break(payout: Payout, break_class: str, amount: Decimal) -> Break:
    since = payout.paid_on if break_class == "deposit_differs" else payout.day
    return Break("settlement_deposit", payout.subject, break_class, amount, payout.currency, since)


@kind
def deposit_short(company: Company) -> Sequence[Break]:
    """The bank names the payout and shows less."""
    payout = _pick(company, _is_named)
    payout.bank["Amount"] = f"{payout.total - 25:.2f}"
    return [_break(payout, "deposit_differs", Decimal("-25.00"))]


@kind
def deposit_over(company: Company) -> Sequence[Break]:
    """The bank names the payout and shows more."""
    payout = _pick(company, _is_named)
    payout.bank["Amount"] = f"{payout.total + Decimal('1.10'):.2f}"
    return [_break(payout, "deposit_differs", Decimal("1.10"))]


@kind
def deposit_short_and_unnamed(company: Company) -> Sequence[Break]:
    """The bank shows less and names nothing: no data can tell that it is that payout, so both sides are told."""
    payout = _pick(company)
    _unnamed(payout)
    payout.bank["Amount"] = f"{payout.total - Decimal('12.34'):.2f}"
    return [_break(payout, "deposit_overdue", payout.total), payout.unexplained()]


@kind
def deposit_missing(company: Company) -> Sequence[Break]:
    """The bank never shows the payout."""
    payout = _pick(company)
    company.tables["bank"].remove(payout.bank)
    return [_break(payout, "deposit_overdue", payout.total)]


def _stray(company: Company, row: Cells, break_class: str) -> Break:
    return Break(
        "settlement_deposit",
        row["Transaction id"],
        break_class,
        Decimal(row["Amount"]),
        row["Currency"],
        day_of(row["Date"]),
    )


@kind
def deposit_twice(company: Company) -> Sequence[Break]:
    """The same payout comes a second time under its name."""
    payout = _pick(company, _is_named)
    row = payout.bank
    later = payout.paid_on + timedelta(days=3)
    again = company.bank_line(later, row["Account"], row["Description"], payout.total, row["Currency"])
    return [_stray(company, again, "deposit_repeated")]


@kind
def deposit_of_nothing(company: Company) -> Sequence[Break]:
    """A credit by the card processor that no payout explains."""
    day = company.rng.choice([payout.day for payout in company.payouts.values() if payout.channel == "square"])
    amount = Decimal(company.rng.randrange(900_001, 950_000)).scaleb(-2)
    return [
        _stray(
            company, company.bank_line(day, ACCOUNT, "SQUARE INC CREDIT 88213", amount, "USD"), "deposit_unexplained"
        )
    ]


def _same_day(company: Company) -> tuple[Payout, Payout]:
    """Two payouts that are all that the card processor pays on a day."""
    days: dict[str, list[Payout]] = defaultdict(list)
    for payout in company.payouts.values():
        if payout.channel == "square":
            days[f"{payout.day}"].append(payout)
    pairs = [(found[0], found[1]) for found in days.values() if len(found) == 2]
    return company.pick(pairs, lambda pair: [("payout", payout.number) for payout in pair])


@kind
def deposits_alike(company: Company) -> Sequence[Break]:
    """Two payouts of a day are equal, and so are two deposits that name nothing: which is which, no data can tell."""
    smaller, larger = sorted(_same_day(company), key=lambda payout: payout.total)
    difference = larger.total - smaller.total
    if difference:
        # Keyed in at the terminal, for no receipt.
        company.tables["square"].append({
            "Payment ID": f"pay_keyed_{smaller.number}", "Event": "CHARGE", "Receipt": "", "Created at": f"{smaller.day} 09:00",
            "Gross": f"{difference:.2f}", "Fee": "0.00", "Payout ID": smaller.number, "Payout date": f"{smaller.day}",
        })  # fmt: skip
        company.change_payout(smaller, difference, Decimal(0))
    for payout in (smaller, larger):
        _unnamed(payout)
    return [_break(payout, "deposit_ambiguous", larger.total) for payout in (smaller, larger)]


@kind
def deposits_in_one(company: Company) -> Sequence[Break]:
    """Harmless: the bank shows the payouts of a day as one credit."""
    first, second = _same_day(company)
    _unnamed(first)
    first.bank["Amount"] = f"{first.total + second.total:.2f}"
    company.tables["bank"].remove(second.bank)
    return []


@kind
def deposit_in_named_parts(company: Company) -> Sequence[Break]:
    """Harmless: a payout comes in parts that name it, days apart."""
    _split(company, _pick(company, _is_named), parts=3, days_apart=2)
    return []


@kind
def deposit_in_parts_of_a_day(company: Company) -> Sequence[Break]:
    """Harmless: a marketplace's payout comes in two parts on one day, and neither names it."""
    payout = _pick(company, lambda one: one.channel == "amazon")
    _unnamed(payout)
    _split(company, payout, parts=2, days_apart=0)
    return []


@kind
def deposit_in_short_parts(company: Company) -> Sequence[Break]:
    """A payout comes in parts that name it and are less than it in sum."""
    payout = _pick(company, _is_named)
    _split(company, payout, parts=2, days_apart=1)
    payout.bank["Amount"] = f"{Decimal(payout.bank['Amount']) - 3:.2f}"
    # It differs as a whole: since the last of its parts.
    last = payout.paid_on + timedelta(days=1)
    return [Break("settlement_deposit", payout.subject, "deposit_differs", Decimal("-3.00"), payout.currency, last)]


@kind
def deposit_weeks_later(company: Company) -> Sequence[Break]:
    """Harmless: the bank names the payout and shows it three weeks later."""
    payout = _pick(company, _is_named)
    payout.bank["Date"] = f"{payout.day + timedelta(days=21)}"
    return []


@kind
def deposit_without_a_name(company: Company) -> Sequence[Break]:
    """Harmless: the bank shows the payer and the amount, which is one payout's alone."""
    _unnamed(_pick(company, lambda one: one.channel == "amazon"))
    return []


@kind
def deposit_by_another_payer(company: Company) -> Sequence[Break]:
    """Harmless: the bank names the settlement, and a payer that nobody knows."""
    payout = _pick(company, lambda one: one.channel == "amazon")
    payout.bank["Description"] = f"INCOMING WIRE REF {payout.number}"
    return []
