"""Gross, net and tax of a receipt line: completed from two of them, or from one and a rate, to the currency's last unit.

The expectation is computed a second time, in fractions: the tax inside an amount at rate r is amount * r / (1 + r), on top of
it amount * r, rounded half away from zero per line, or once per receipt and rate.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retail_sync.settings import Column, Source
from retail_sync_tests.connectors.loading_bench import LoadBench

DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3}
_names = itertools.count(1)


class Line(NamedTuple):
    """A line of a file: its receipt, its amount in minor units, its rate in millionths, its quantity in thousandths."""

    receipt: int
    minor: int
    rate: int
    quantity: int


class Figures(NamedTuple):
    """What became of a line."""

    gross: Decimal
    net: Decimal
    tax: Decimal


lines = st.lists(
    st.builds(
        Line,
        receipt=st.integers(1, 3),
        minor=st.one_of(st.integers(-2_000, 2_000), st.integers(-(10**11), 10**11), st.just(0)),
        rate=st.sampled_from([0, 70_000, 190_000, 200_000, 88_750, 1]),
        quantity=st.sampled_from([1_000, 333, 2_500]),
    ),
    min_size=1,
    max_size=25,
)


def till(base: str, rounding: str = "line", **columns: Any) -> Source:
    """A till whose lines carry an amount and a rate."""
    declared = {"store": "=S1", "receipt_id": "Receipt", "kind": "=sale", "sold_at": "=2026-09-16", "quantity": "Qty",
                "currency": "Currency", base: "Amount", "tax_rate": "Rate"}  # fmt: skip
    values: dict[str, Any] = {
        "name": f"tax{next(_names)}",
        "connector": "declared_csv",
        "object": "pos_sales",
        "date_format": "%Y-%m-%d",
        "tax_rounding": rounding,
        "columns": declared | columns,
        "decimal_mark": ".",
    }
    return Source(**values)


def money(minor: int, currency: str) -> Decimal:
    """Minor units as an amount."""
    return Decimal(minor).scaleb(-DIGITS[currency])


def load(bench: LoadBench, source: Source, content: Sequence[Line], currency: str) -> list[Figures]:
    """Load the lines; return their figures in the order of the file. Every line must load."""
    text = "Receipt,Qty,Currency,Amount,Rate\n" + "".join(
        f"{line.receipt},{Decimal(line.quantity) / 1000},{currency},{money(line.minor, currency):f},"
        f"{Decimal(line.rate).scaleb(-6):f}\n"
        for line in content
    )
    outcome = bench.deliver(text.encode(), source)
    assert (outcome.status, outcome.rejected_count) == ("loaded", 0), (outcome.reason, bench.rejected(outcome))
    rows = bench.connection.execute(
        "select gross_amount, net_amount, tax_amount from canonical.pos_sales where source = ? order by line_no",
        [source.name],
    ).fetchall()
    return [Figures(*row) for row in rows]


def rounded(exact: Fraction) -> int:
    """Half away from zero."""
    whole = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return whole if exact >= 0 else -whole


def tax_of(minor: int, rate: int, base: str) -> Fraction:
    """The exact tax in minor units."""
    share = Fraction(rate, 1_000_000)
    return minor * share / (1 + share) if base == "gross_amount" else minor * share


def check_sums(found: Sequence[Figures], content: Sequence[Line], base: str, currency: str) -> None:
    """Gross is net and tax on every line, the given amount is kept, no line has a part of a unit."""
    unit = money(1, currency)
    for line, figures in zip(content, found, strict=True):
        assert figures.gross == figures.net + figures.tax
        assert (figures.gross if base == "gross_amount" else figures.net) == money(line.minor, currency)
        assert all(figure % unit == 0 for figure in figures)


@pytest.mark.parametrize("currency", DIGITS)
@pytest.mark.parametrize("base", ["gross_amount", "net_amount"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=lines)
def test_tax_rounded_per_line(bench: LoadBench, base: str, currency: str, content: list[Line]) -> None:
    """Each line by itself, to the minor unit."""
    found = load(bench, till(base), content, currency)
    check_sums(found, content, base, currency)
    assert [figures.tax for figures in found] == [
        money(rounded(tax_of(line.minor, line.rate, base)), currency) for line in content
    ]


@pytest.mark.parametrize("currency", DIGITS)
@pytest.mark.parametrize("base", ["gross_amount", "net_amount"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=lines)
def test_tax_rounded_per_receipt(bench: LoadBench, base: str, currency: str, content: list[Line]) -> None:
    """The lines of a receipt and rate sum to its tax rounded once; none is off by a whole unit or more."""
    found = load(bench, till(base, "receipt"), content, currency)
    check_sums(found, content, base, currency)
    totals: dict[tuple[int, int], int] = defaultdict(int)
    taxes: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for line, figures in zip(content, found, strict=True):
        totals[line.receipt, line.rate] += line.minor
        taxes[line.receipt, line.rate] += figures.tax
        off = Fraction(figures.tax.scaleb(DIGITS[currency])) - tax_of(line.minor, line.rate, base)
        assert abs(off) <= 1
    assert dict(taxes) == {key: money(rounded(tax_of(minor, key[1], base)), currency) for key, minor in totals.items()}


# Worked by hand. Amount, rate -> tax inside it, tax on top of it.
WORKED = {
    "nineteen": ("EUR", 1190, 190_000, "1.90", "2.26"),
    "half_a_cent": ("EUR", 250, 20_000, "0.05", "0.05"),
    "half_a_cent_back": ("EUR", -50, 70_000, "-0.03", "-0.04"),
    "free": ("EUR", 0, 190_000, "0.00", "0.00"),
    "no_tax": ("EUR", 1190, 0, "0.00", "0.00"),
    "yen": ("JPY", 1080, 80_000, "80", "86"),
    "dinar": ("KWD", 1050, 50_000, "0.050", "0.053"),
}  # fmt: skip


@pytest.mark.parametrize("case", WORKED)
def test_worked_by_hand(bench: LoadBench, case: str) -> None:
    """2.50 at 2 %: 0.049 inside, 0.05 on top. -0.50 at 7 %: -0.0327 inside, -0.035 on top, away from zero -0.04."""
    currency, minor, rate, inside, on_top = WORKED[case]
    for base, tax in (("gross_amount", inside), ("net_amount", on_top)):
        (figures,) = load(bench, till(base), [Line(1, minor, rate, 1000)], currency)
        assert figures.tax == Decimal(tax)


def test_a_receipt_rounds_once(bench: LoadBench) -> None:
    """Three times 0.10 gross at 7 %: 0.0196 inside 0.30 is 0.02, where line by line 0.0065 would give 0.03."""
    content = [Line(1, 10, 70_000, 1000)] * 3
    assert [f.tax for f in load(bench, till("gross_amount"), content, "EUR")] == [Decimal("0.01")] * 3
    by_receipt = [figures.tax for figures in load(bench, till("gross_amount", "receipt"), content, "EUR")]
    assert sum(by_receipt) == Decimal("0.02")


TWO_OF_THREE = {
    ("gross_amount", "net_amount"): {"gross_amount": "G", "net_amount": "N"},
    ("gross_amount", "tax_amount"): {"gross_amount": "G", "tax_amount": "T"},
    ("net_amount", "tax_amount"): {"net_amount": "N", "tax_amount": "T"},
    ("computed", "tax_amount"): {"gross_amount": "[Qty] * [P]", "tax_amount": "T"},
}  # fmt: skip


@pytest.mark.parametrize("pair", TWO_OF_THREE)
def test_two_of_three_give_the_third(bench: LoadBench, pair: tuple[str, str]) -> None:
    """0.333 kg at 6.43 is 2.14 (2.14119); a return of it is the same, negative; a free article is nothing."""
    plain = till("gross_amount")
    columns = {k: v for k, v in plain.columns.items() if k not in ("gross_amount", "tax_rate")} | TWO_OF_THREE[pair]
    columns["kind"] = Column(**{"from": "Qty", "patterns": [("^-", "return")], "otherwise": "sale"})
    source = plain.model_copy(update={"columns": columns})
    content = (
        "Receipt,Qty,Currency,G,N,T,P\n1,0.333,EUR,2.14,2.00,0.14,6.43\n"
        "2,-0.333,EUR,-2.14,-2.00,-0.14,6.43\n3,1,EUR,0,0,0,0\n"
    )
    outcome = bench.deliver(content.encode(), source)
    assert outcome.rejected_count == 0, bench.rejected(outcome)
    rows = bench.connection.execute(
        "select gross_amount, net_amount, tax_amount, quantity from canonical.pos_sales where source = ? order by line_no",
        [source.name],
    ).fetchall()
    assert rows == [
        tuple(Decimal(text) for text in ("2.14", "2", "0.14", "0.333")),
        tuple(Decimal(text) for text in ("-2.14", "-2", "-0.14", "-0.333")),
        tuple(Decimal(text) for text in ("0", "0", "0", "1")),
    ]


@pytest.mark.parametrize("rate", ["19", "-0.19", "x", "0.1234567"])
def test_a_rate_that_is_none_rejects_its_row_and_is_shown(bench: LoadBench, rate: str) -> None:
    """19 is not 19 %: a rate is a fraction."""
    outcome = bench.deliver(f"Receipt,Qty,Currency,Amount,Rate\n1,1,EUR,11.90,{rate}\n".encode(), till("gross_amount"))
    assert ("tax_amount", rate) in [(column, value) for _, column, value, _ in bench.rejected(outcome)]


def test_a_rate_in_percent_is_declared(bench: LoadBench) -> None:
    """`[Rate] * 0.01` makes 19 the fraction it is."""
    source = till("gross_amount", tax_rate="[Rate] * 0.01")
    bench.deliver(b"Receipt,Qty,Currency,Amount,Rate\n1,1,EUR,11.90,19\n", source)
    rows = bench.connection.execute("select tax_amount from canonical.pos_sales where source = ?", [source.name])
    assert rows.fetchall() == [(Decimal("1.90"),)]


def test_an_unreadable_line_takes_no_tax_from_the_others(bench: LoadBench) -> None:
    """Rounded per receipt: the line without an amount is rejected, the tax of the others is theirs."""
    content = b"Receipt,Qty,Currency,Amount,Rate\n1,1,EUR,0.10,0.07\n1,1,EUR,x,0.07\n1,1,EUR,0.20,0.07\n"
    source = till("gross_amount", "receipt")
    outcome = bench.deliver(content, source)
    assert (outcome.accepted_count, outcome.rejected_count) == (2, 1)
    (total,) = bench.connection.execute(
        "select sum(tax_amount) from canonical.pos_sales where source = ?", [source.name]
    ).fetchone() or (None,)
    assert total == Decimal("0.02")
