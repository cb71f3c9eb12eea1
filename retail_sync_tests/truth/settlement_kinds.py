"""Kinds in a marketplace's settlement files: the chain of debts, reserves and failed transfers, lines and header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from retail_sync_tests.make_sample import PAYABLE, RESERVE_HELD, RESERVE_RELEASED, TRANSFER_FAILED
from retail_sync_tests.simulator import ADVERTISING, Row
from retail_sync_tests.truth.company import Company, Statement, account_row
from retail_sync_tests.truth.kinds import Break, choosy, kind

Pair = tuple[Statement, Statement]


def _pairs(company: Company) -> list[Pair]:
    """Every second settlement with the one after it."""
    return [pair for chain in company.statements.values() for pair in zip(chain[::2], chain[1::2], strict=True)]


def _pick(company: Company) -> Statement:
    return company.pick(
        (one for chain in company.statements.values() for one in chain), lambda one: [("payout", one.settlement_id)]
    )


def _pick_pair(company: Company) -> Pair:
    return company.pick(_pairs(company), lambda pair: [("payout", one.settlement_id) for one in pair])


def _pick_fee(company: Company) -> tuple[Statement, Row]:
    """A settlement, and a row of it that is no part of an order and whose amount no other row has."""
    fees = [
        (statement, row)
        for chain in company.statements.values()
        for statement in chain
        for row in statement.rows
        if row.amount_description in ("Commission", "FBAPerUnitFulfillmentFee")
        and [other.amount for other in statement.rows].count(row.amount) == 1
    ]
    return company.pick(fees, lambda one: [("payout", one[0].settlement_id)])


def _amount(company: Company) -> Decimal:
    """An amount that is no other's by chance."""
    return Decimal(company.rng.randrange(2_011, 3_900)).scaleb(-2)


def _told(
    statement: Statement,
    break_class: str,
    amount: Decimal | None,
    reconciliation: str = "settlement_totals",
    since: date | None = None,
) -> Break:
    """A break of a settlement, dated from the end of its period where nothing else is said."""
    currency = statement.settlement.currency
    return Break(reconciliation, statement.settlement_id, break_class, amount, currency, since or statement.closing)


@kind
@choosy
def opening_debt_of_nothing(company: Company) -> Sequence[Break]:
    """A debt is taken over that no earlier settlement left."""
    _, statement = _pick_pair(company)
    debt = -_amount(company)
    statement.rows.insert(0, account_row(PAYABLE, debt, statement.settlement.start_at))
    company.set_total(statement)
    return [_told(statement, "opening_debt_unexplained", debt, "opening_debt")]


@kind
@choosy
def opening_debt_carried(company: Company) -> Sequence[Break]:
    """Harmless: a negative total is paid out of the next settlement's sales."""
    owing, paying = _pick_pair(company)
    debt = -_amount(company)
    at = owing.settlement.start_at + timedelta(hours=50)
    owing.rows.append(Row(*ADVERTISING, debt - owing.total, at, marketplace=""))
    company.set_total(owing)
    company.tables["bank"].remove(company.payouts[owing.settlement_id].bank)
    paying.rows.insert(0, account_row(PAYABLE, debt, paying.settlement.start_at))
    company.set_total(paying)
    return []


def _hold(company: Company, pair: Pair, held: Decimal, released: Decimal) -> None:
    holder, releaser = pair
    holder.rows.append(account_row(RESERVE_HELD, -held, holder.settlement.end_at - timedelta(hours=1)))
    company.set_total(holder)
    if released:
        releaser.rows.insert(0, account_row(RESERVE_RELEASED, released, releaser.settlement.start_at))
        company.set_total(releaser)


@kind
@choosy
def reserve_released_whole(company: Company) -> Sequence[Break]:
    """Harmless: a reserve is held and released by the next settlement."""
    held = _amount(company)
    _hold(company, _pick_pair(company), held, held)
    return []


@kind
@choosy
def reserve_released_in_part(company: Company) -> Sequence[Break]:
    """Less is released than was held."""
    pair, held = _pick_pair(company), _amount(company)
    _hold(company, pair, held, held - 7)
    return [_told(pair[1], "reserve_chain_broken", Decimal("-7.00"), "reserve")]


@kind
@choosy
def reserve_never_released(company: Company) -> Sequence[Break]:
    """The next settlement, which begins as the holding one ends, releases nothing."""
    pair, held = _pick_pair(company), _amount(company)
    _hold(company, pair, held, Decimal(0))
    since = pair[1].settlement.start_at.date()
    return [_told(pair[1], "reserve_chain_broken", -held, "reserve", since)]


@kind
@choosy
def failed_transfer_paid_later(company: Company) -> Sequence[Break]:
    """Harmless: a transfer failed, and the next settlement takes it back and pays it."""
    failed, paying = _pick_pair(company)
    company.tables["bank"].remove(company.payouts[failed.settlement_id].bank)
    paying.rows.append(account_row(TRANSFER_FAILED, failed.total, failed.settlement.deposit_at + timedelta(hours=20)))
    company.set_total(paying)
    return []


@kind
@choosy
def failed_transfer_of_nothing(company: Company) -> Sequence[Break]:
    """A failed transfer is taken back that equals no earlier payout."""
    _, statement = _pick_pair(company)
    amount, at = _amount(company) + 5000, statement.settlement.start_at + timedelta(hours=30)
    statement.rows.append(account_row(TRANSFER_FAILED, amount, at))
    company.set_total(statement)
    return [_told(statement, "failed_transfer_unexplained", amount, "failed_transfer", at.date())]


@kind
def settlement_line_lost(company: Company) -> Sequence[Break]:
    """A line was removed after the total was made."""
    statement, lost = _pick_fee(company)
    statement.rows.remove(lost)
    return [_told(statement, "settlement_does_not_foot", -lost.amount)]


@kind
def settlement_line_repeated(company: Company) -> Sequence[Break]:
    """A line stands twice in the file."""
    statement, again = _pick_fee(company)
    statement.rows.insert(statement.rows.index(again), again)
    return [_told(statement, "settlement_does_not_foot", again.amount)]


@kind
def settlement_amount_mistyped(company: Company) -> Sequence[Break]:
    """A digit of an amount is another one."""
    statement, right = _pick_fee(company)
    wrong = replace(right, amount=right.amount - Decimal("0.60"))
    statement.rows[statement.rows.index(right)] = wrong
    return [_told(statement, "settlement_does_not_foot", Decimal("-0.60"))]


@kind
def settlement_total_mistyped(company: Company) -> Sequence[Break]:
    """The header states 9.00 more than its lines and the bank."""
    statement = _pick(company)
    statement.total += 9
    wrong, paid_on = Decimal("-9.00"), company.payouts[statement.settlement_id].paid_on
    return [
        _told(statement, "settlement_does_not_foot", wrong),
        _told(statement, "deposit_differs", wrong, "settlement_deposit", paid_on),
    ]


@kind
def settlement_header_lost(company: Company) -> Sequence[Break]:
    """No header row: the file names no total, currency or period, and the money that came is explained by nothing."""
    statement = _pick(company)
    statement.has_header = False
    # Without a period it dates from the month of its last line.
    month = max(row.posted_at for row in statement.rows).date().replace(day=1)
    told = replace(_told(statement, "settlement_header_missing", statement.total, since=month), currency="XXX")
    return [told, company.payouts[statement.settlement_id].unexplained()]


@kind
def settlement_type_unknown(company: Company) -> Sequence[Break]:
    """A fee that nobody has ruled on; total and bank have it."""
    statement, amount = _pick(company), -_amount(company)
    at = statement.settlement.start_at + timedelta(hours=30)
    statement.rows.append(Row("ServiceFee", "Sustainability Programme Fee", "Base fee", amount, at, marketplace=""))
    company.set_total(statement)
    return [_told(statement, "settlement_unclassified", amount)]


@kind
def settlement_amount_unreadable(company: Company) -> Sequence[Break]:
    """The amount of a row reads N/A: the row is rejected, and its amount is missing from the sum."""
    statement, lost = _pick_fee(company)
    statement.unreadable = lost
    return [
        _told(statement, "rows_rejected", None),
        _told(statement, "settlement_does_not_foot", -lost.amount),
    ]
