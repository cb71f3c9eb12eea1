"""Tax in an entry: what the marketplace collected and withheld is a wash, the rest is ours to remit.

Source: reference/marketplaces.md 1.6 and worked example A1. The legs are called by their accounts:
2210 facilitator tax (wash), 2200 sales tax payable. A debit is positive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_sync.journal.desired import DesiredEntry, Leg
from retail_sync.journal.rules import PostingRules
from retail_sync.journal.settlement import Settlement, settlement_entries
from retail_sync.journal.settlement_parts import Component
from retail_sync_tests.reconcile.facts import RULES

POSTING_RULES = PostingRules.read(RULES)
OCTOBER = date(2026, 10, 1)
ORDERS = ("tax_collected", "tax_withheld")
REFUNDS = ("tax_refunded", "tax_withheld_refunded")


def component(category: str, amount: Decimal, marketplace: str = "Amazon.com") -> Component:
    """A sum of October."""
    return Component(OCTOBER, None, category, marketplace, amount)


def entries_of(components: Sequence[Component]) -> list[DesiredEntry]:
    """The entries of a settlement that consists of these components and foots."""
    total = sum((one.amount for one in components), Decimal(0))
    one = Settlement("31000001", "amazon", "USD", date(2026, 10, 14), total, None, None)
    return settlement_entries(one, components, POSTING_RULES, "journal")


def tax_legs(components: Sequence[Component]) -> list[Leg]:
    """The legs of tax categories over all entries."""
    return [leg for entry in entries_of(components) for leg in entry.legs if leg.category in ORDERS + REFUNDS]


@pytest.mark.parametrize(
    ("names", "collected", "withheld", "expected"),
    [
        pytest.param(ORDERS, "1.56", "-1.56", "2210 -156 | 2210 156", id="all withheld: the US excerpt"),
        pytest.param(ORDERS, "770.00", "-720.00", "2210 -72000 | 2210 72000 | 2200 -5000", id="example A1"),
        pytest.param(ORDERS, "0.50", "0", "2200 -50", id="nothing withheld: the seller remits it"),
        pytest.param(ORDERS, "1.00", "-1.20", "2210 -100 | 2210 100 | 2200 20", id="more withheld than collected"),
        pytest.param(ORDERS, "0", "-3.00", "2200 300", id="withheld later than collected (retrocharge)"),
        pytest.param(ORDERS, "1.00", "0.50", "2200 -100 | 2200 -50", id="same sign: nothing to wash"),
        pytest.param(ORDERS, "-1.56", "1.56", "2210 156 | 2210 -156", id="a month with corrections only"),
        pytest.param(REFUNDS, "-43.20", "43.20", "2210 4320 | 2210 -4320", id="refund: example A1"),
        pytest.param(REFUNDS, "-43.20", "40.00", "2210 4000 | 2210 -4000 | 2200 320", id="refund: part was ours"),
    ],
)
def test_wash_and_rest(names: tuple[str, str], collected: str, withheld: str, expected: str) -> None:
    """A cent on the wrong side is a wrong tax return."""
    components = [component(name, Decimal(text)) for name, text in zip(names, (collected, withheld), strict=True)]
    wanted = Counter((pair.split()[0], int(pair.split()[1])) for pair in expected.split(" | "))
    assert Counter((leg.line.account, leg.line.home_minor) for leg in tax_legs(components)) == wanted


def test_taxes_of_two_marketplaces_are_not_washed_against_each_other() -> None:
    """Germany collected and Austria withheld: these are two tax offices."""
    components = [
        component("tax_collected", Decimal("19.00"), "Amazon.de"),
        component("tax_withheld", Decimal("-20.00"), "Amazon.at"),
    ]
    found = {(leg.line.account, leg.line.location, leg.line.home_minor) for leg in tax_legs(components)}
    assert found == {("2200", "Amazon.de", -1900), ("2200", "Amazon.at", 2000)}


def test_refunded_tax_does_not_wash_the_tax_on_orders() -> None:
    """Each side is a wash of its own, as the worked example draws it."""
    components = [component("tax_collected", Decimal("10.00")), component("tax_refunded", Decimal("-10.00"))]
    found = Counter((leg.line.account, leg.line.home_minor) for leg in tax_legs(components))
    assert found == {("2200", -1000): 1, ("2200", 1000): 1}


CENTS = st.integers(-100_000, 100_000).map(lambda cents: Decimal(cents).scaleb(-2))
TAXES = st.dictionaries(
    st.tuples(st.sampled_from(ORDERS + REFUNDS), st.sampled_from(["Amazon.com", "Amazon.ca", ""])), CENTS
)


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(taxes=TAXES)
def test_tax_legs_mirror_their_lines_and_the_wash_is_empty(taxes: dict[tuple[str, str], Decimal]) -> None:
    """For any amounts: no tax is lost or made, and 2210 never keeps a cent."""
    components = [component(category, amount, place) for (category, place), amount in taxes.items()]
    found = tax_legs(components)
    for (category, place), amount in taxes.items():
        of_it = [leg.line.home_minor for leg in found if (leg.category, leg.line.location) == (category, place)]
        assert sum(of_it) == -amount * 100
        assert len(of_it) <= 2
    assert sum(leg.line.home_minor for leg in found if leg.line.account == "2210") == 0
    assert {leg.line.account for leg in found} <= {"2210", "2200"}
    for entry in entries_of(components):
        assert entry.entry.imbalance() == ""
        assert all(leg.line.home_minor for leg in entry.legs)
