"""Home amounts: what an entry in another currency is worth in the currency of the books, to the minor unit.

A document is converted at one rate, that of its day; a deposit leaves transit at what it went in at, money that arrived counts at
the rate of its own day, and what lies between is realised gain or loss (worked examples I1 and I2 of reference/ledgers.md
section 6). Rates are delivered (`canonical.fx_rates`), from the currency to the home currency; none is turned round or guessed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal

import duckdb

from retail_sync.core.money import exponent
from retail_sync.journal.desired import DesiredEntry, Document, Leg
from retail_sync.journal.rules import NoPostingRule, PostingRules
from retail_sync.schemas.journal import EntryLine

REALISED = "exchange_realised"
_EXACT = Context(prec=60)


class NoExchangeRate(Exception):  # noqa: N818 - not a failure: the document is held and says so
    """No rate of that day, or of the days before it that may stand for it. `str()` is the sentence for a person."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates into the home currency ('' where each currency is booked by itself), by currency and day, oldest first.

    A rate stands for its day and the `days_old` days after it, until the next. None is a day of which two sources differ.
    """

    home: str = ""
    days_old: int = 7
    by_currency: Mapping[str, Sequence[tuple[date, Decimal | None]]] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection, home: str, days_old: int) -> Rates:
        """Read the delivered rates into the home currency; none without one."""
        rows = connection.execute(
            "select from_currency, rate_date, case when count(distinct rate) = 1 then min(rate) end "
            "from canonical.fx_rates where to_currency = ? group by all order by all",
            [home],
        ).fetchall()
        found: dict[str, list[tuple[date, Decimal | None]]] = {}
        for currency, day, rate in rows:
            found.setdefault(currency, []).append((day, rate))
        return cls(home, days_old, found)

    def at(self, currency: str, on: date) -> Decimal:
        """Return home units for one unit of `currency` on a day. Raises NoExchangeRate."""
        if currency == self.home:
            return Decimal(1)
        days = self.by_currency.get(currency, ())
        place = bisect_right(days, on, key=lambda item: item[0])
        if place:
            day, rate = days[place - 1]
            if rate is not None and (on - day).days <= self.days_old:
                return rate.normalize()
        raise NoExchangeRate(
            f"there is no rate from {currency} to {self.home} of {on} or the {self.days_old} days before"
        )

    def is_foreign(self, document: Document) -> bool:
        """Whether any leg of the document is in another currency than the books."""
        lines = [leg.line for entry in document.entries for leg in entry.legs]
        return bool(self.home) and any(line.transaction_currency != self.home for line in lines)


def in_home(document: Document, rates: Rates, rules: PostingRules) -> Document:
    """Return the document with home amounts, or held where a rate is missing. The rates used are part of its facts."""
    if not rates.is_foreign(document):
        return document
    try:
        entries, used = _converted(document, rates, rules)
        entries = _taken_back(entries, rules)
    except (NoExchangeRate, NoPostingRule) as missing:
        code = "no_exchange_rate" if isinstance(missing, NoExchangeRate) else "account_unknown"
        return replace(document, entries=(), held_code=code, held_reason=str(missing))
    facts = f"{document.facts}|{used['document']}"
    deposit_facts = f"{document.deposit_facts}|{used}" if document.deposit_facts else ""
    return replace(document, entries=tuple(entries), facts=facts, deposit_facts=deposit_facts)


def _converted(
    document: Document, rates: Rates, rules: PostingRules
) -> tuple[list[DesiredEntry], dict[str, Mapping[str, str]]]:
    used: dict[str, dict[str, str]] = {"document": {}, "deposit": {}}
    entries: list[DesiredEntry] = []
    for entry in document.entries:
        if entry.kind == "deposit":
            entries.append(_deposit(entry, document, entries, rates, rules))
            used["deposit"] = {leg.line.transaction_currency: leg.line.rate for leg in entries[-1].legs}
            continue
        by_currency = {
            currency: rates.at(currency, document.since_date)
            for currency in sorted({leg.line.transaction_currency for leg in entry.legs})
        }
        used["document"] |= {currency: f"{rate:f}" for currency, rate in by_currency.items()}
        entries.append(replace(entry, legs=_shared_out(entry.legs, by_currency, rates.home)))
    return entries, dict(used)


def _shared_out(legs: Sequence[Leg], by_currency: Mapping[str, Decimal], home: str) -> tuple[Leg, ...]:
    """Convert legs that sum to zero so that they still do: what rounding cuts off goes to the legs that lose most of it.

    Each leg is less than one minor unit from its exact worth, and the legs turned round come out turned round.
    """
    exact = [_exact(leg.line, by_currency[leg.line.transaction_currency], home) for leg in legs]
    whole = [int(amount) for amount in exact]
    rest = -sum(whole)
    sign = 1 if rest > 0 else -1
    order = sorted(range(len(legs)), key=lambda i: (-sign * (exact[i] - whole[i]), i))
    for i in order[: abs(rest)]:
        whole[i] += sign
    return tuple(
        replace(leg, line=_valued(leg.line, minor, by_currency[leg.line.transaction_currency], home))
        for leg, minor in zip(legs, whole, strict=True)
    )


def _taken_back(entries: Sequence[DesiredEntry], rules: PostingRules) -> list[DesiredEntry]:
    """Take back what the parts of a settlement parked at what it was parked at, in the last entry that has such a leg.

    Each part is rounded by itself, so their home amounts sum to a few minor units more or less than what the payout takes
    over: these are realised, and the carried-forward account keeps nothing.
    """
    carried = [(entry, leg) for entry in entries for leg in entry.legs if leg.line.role == "carried_forward"]
    rest = sum(leg.line.home_minor for _, leg in carried)
    if not rest:
        return list(entries)
    last, taken = carried[-1]
    exact = replace(taken, line=replace(taken.line, home_minor=taken.line.home_minor - rest))
    legs = tuple(exact if leg is taken else leg for leg in last.legs)
    realised = _exchange_difference(taken.line, rest, last.posting_date, rules)
    return [replace(entry, legs=(*legs, realised)) if entry is last else entry for entry in entries]


def _deposit(
    entry: DesiredEntry, document: Document, earlier: Sequence[DesiredEntry], rates: Rates, rules: PostingRules
) -> DesiredEntry:
    """What leaves transit leaves it at what it went in at; money counts at the rate of the day it arrived."""
    put_in = [leg.line for one in earlier for leg in one.legs if leg.line.role == "payout"]
    total, carried = sum(line.transaction_minor for line in put_in), sum(line.home_minor for line in put_in)
    legs = []
    for leg in entry.legs:
        line = leg.line
        if line.role == "bank":
            rate = rates.at(line.transaction_currency, entry.posting_date)
            minor = home_worth(line.transaction_minor, line.transaction_currency, rate, rates.home)
        else:
            rate = rates.at(line.transaction_currency, document.since_date)
            minor = _rounded(_EXACT.divide(Decimal(carried * line.transaction_minor), Decimal(total)))
        legs.append(replace(leg, line=_valued(line, minor, rate, rates.home)))
    rest = -sum(leg.line.home_minor for leg in legs)
    if rest:
        legs.append(_exchange_difference(legs[0].line, rest, entry.posting_date, rules))
    return replace(entry, legs=tuple(legs))


def _exchange_difference(beside: EntryLine, minor: int, on: date, rules: PostingRules) -> Leg:
    rule = rules.rule(REALISED, on, channel=beside.channel)
    line = replace(
        beside,
        account=rule.account,
        transaction_minor=minor,
        transaction_currency=beside.home_currency,
        home_minor=minor,
        rate="1",
        role=rule.role,
        tax_code=rule.tax_code,
        memo="exchange difference realised",
    )
    return Leg(line, rule=rule.name)


def home_worth(minor: int, currency: str, rate: Decimal, home: str) -> int:
    """Return what minor units of a currency come to in those of the home currency, rounded half to even."""
    return _rounded(_worth(minor, currency, rate, home))


def _exact(line: EntryLine, rate: Decimal, home: str) -> Decimal:
    return _worth(line.transaction_minor, line.transaction_currency, rate, home)


def _worth(minor: int, currency: str, rate: Decimal, home: str) -> Decimal:
    scaled = _EXACT.multiply(Decimal(minor), rate)
    return scaled.scaleb(exponent(home) - exponent(currency), _EXACT)


def _rounded(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_HALF_EVEN))


def _valued(line: EntryLine, minor: int, rate: Decimal, home: str) -> EntryLine:
    return replace(line, home_minor=minor, home_currency=home, rate=f"{rate:f}")
