"""Any web shop order, split into any shipments, payments and refunds: what its entries must sum to. No file, no warehouse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail_sync.journal.desired import DesiredEntry
from retail_sync.journal.rules import PostingRules
from retail_sync.journal.storefront_order import storefront_order_entries
from retail_sync.journal.storefront_position import (
    Money,
    OrderedGoods,
    ReturnedGoods,
    Shipped,
    StorefrontOrder,
    UnclearOrder,
)
from retail_sync.journal.tax_treatment import EU, Treatment, tax_treatment
from retail_sync_tests.reconcile.facts import RULES

POSTING = PostingRules.read(RULES)
DAY = date(2026, 10, 1)
days = st.integers(0, 20).map(lambda number: DAY + timedelta(days=number))


@st.composite
def splits(draw: st.DrawFn, whole: int, most: int = 4) -> list[int]:
    """A whole number in parts."""
    cuts = draw(st.lists(st.integers(0, whole), max_size=most - 1))
    return [after - before for before, after in pairwise([0, *sorted(cuts), whole]) if after > before]


@st.composite
def orders(draw: st.DrawFn) -> StorefrontOrder:
    """An order whose goods all leave and whose total is charged, in parts, on any days; returned in parts, or not."""
    lines = draw(
        st.lists(st.tuples(st.integers(1, 9), st.integers(0, 50_000), st.integers(0, 9_000)), min_size=1, max_size=4)
    )
    has_taxes = draw(st.booleans())
    goods = [
        OrderedGoods(f"A{number}", Decimal(quantity), Decimal(value) / 100, Decimal(tax) / 100 if has_taxes else None)
        for number, (quantity, value, tax) in enumerate(lines)
    ]
    net, tax, shipping = draw(st.integers(1, 99_999)), draw(st.integers(0, 9_999)), draw(st.integers(0, 2_000))
    total = net + tax + shipping
    shipped = [
        Shipped(draw(days), line.sku, Decimal(part)) for line in goods for part in draw(splits(int(line.quantity)))
    ]
    last = max(item.on for item in shipped)
    charged = [Money(draw(days), part) for part in draw(splits(total))]
    # Given back after everything has left and was charged: what is before that is in the examples.
    after = max(last, *(item.on for item in charged))
    back = draw(st.sampled_from([0, total])) if tax else draw(st.integers(0, total))
    refunded = (
        [Money(after + timedelta(days=number), part) for number, part in enumerate(draw(splits(back)), 1)]
        if back
        else []
    )
    # All but the last refund have a return that tells their tax; the last gives back what is left.
    taxes = [min(item.minor, tax) // (2 * len(refunded)) for item in refunded]
    returned = [ReturnedGoods(item.minor, part) for item, part in zip(refunded[:-1], taxes, strict=False)]
    return StorefrontOrder("shopify", "1", "USD", total, tax, shipping, goods, shipped, charged, refunded, returned)


def sums(entries: Sequence[DesiredEntry]) -> Counter[str]:
    """Minor units by account."""
    found: Counter[str] = Counter()
    for entry in entries:
        for leg in entry.legs:
            found[leg.line.account] += leg.line.home_minor
    return found


@given(orders())
def test_any_split_sums_to_the_order(order: StorefrontOrder) -> None:
    """Entries balance; revenue, shipping and tax are the order's less what went back; nothing prepaid is left."""
    entries = storefront_order_entries(order, POSTING)
    assert [entry.entry.imbalance() for entry in entries if entry.entry.imbalance()] == []
    assert len({entry.entry_key for entry in entries}) == len(entries)
    found, back = sums(entries), sum(item.minor for item in order.refunded)
    assert -found["4000"] == order.total - (order.tax or 0) - order.shipping
    assert -found["4010"] == order.shipping
    assert found["2350"] == 0
    # What customers were charged and got back is what payouts bring: the receivable ends at zero.
    paid_out = sum(item.minor for item in order.charged) - back
    assert found["1115"] - paid_out == 0
    if back == order.total:
        assert found["2200"] == 0
        assert found["4100"] == -found["4000"] - found["4010"]


@given(orders(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(order: StorefrontOrder, random: object) -> None:
    """Rows of one day and file may come in any order; returns stand in the order of their days."""
    parts = {name: list(getattr(order, name)) for name in ("goods", "shipped", "charged", "refunded")}
    for part in parts.values():
        random.shuffle(part)  # type: ignore[attr-defined]
    fields = {name: getattr(order, name) for name in StorefrontOrder.__dataclass_fields__}
    again = StorefrontOrder(**fields | parts)
    assert storefront_order_entries(again, POSTING) == storefront_order_entries(order, POSTING)


@given(orders())
def test_no_day_shows_more_prepaid_than_charged(order: StorefrontOrder) -> None:
    """After every entry the prepayment is a credit, the income a credit, the refunds a debit."""
    running: Counter[str] = Counter()
    for entry in storefront_order_entries(order, POSTING):
        running.update(sums([entry]))
        assert running["2350"] <= 0
        assert running["4000"] <= 0
        assert running["4100"] >= 0


def test_money_given_back_before_the_goods_left_turns_into_a_refund_when_they_leave() -> None:
    """10.00 of 50.00 untaxed were given back, then all was shipped: 40.00 were prepaid, and the rest is a price reduction."""
    order = StorefrontOrder(
        "shopify", "1", "USD", 5000, 0, 0, [OrderedGoods("A", Decimal(1), Decimal(50), None)],
        [Shipped(date(2026, 10, 5), "A", Decimal(1))], [Money(DAY, 5000)], [Money(date(2026, 10, 3), 1000)],
    )  # fmt: skip
    assert [sums([entry]) for entry in storefront_order_entries(order, POSTING)] == [
        {"1115": 5000, "2350": -5000}, {"1115": -1000, "2350": 1000}, {"2350": 4000, "4000": -5000, "4100": 1000},
    ]  # fmt: skip


def test_a_refund_that_failed_is_taken_back() -> None:
    """The money came again: the refund's entry is undone on that day, and the tax of it with it."""
    order = StorefrontOrder(
        "shopify", "1", "USD", 5500, 500, 0, [OrderedGoods("A", Decimal(1), Decimal(50), None)],
        [Shipped(DAY, "A", Decimal(1))], [Money(DAY, 5500)],
        [Money(date(2026, 10, 3), 5500), Money(date(2026, 10, 4), -5500)],
    )  # fmt: skip
    assert [sums([entry]) for entry in storefront_order_entries(order, POSTING)] == [
        {"1115": 5500, "4000": -5000, "2200": -500}, {"1115": -5500, "4100": 5000, "2200": 500},
        {"1115": 5500, "4100": -5000, "2200": -500},
    ]  # fmt: skip


def test_a_refund_of_tax_that_is_more_than_was_charged_is_unclear() -> None:
    """A return that claims 9.00 of tax where 5.00 was charged is about something else."""
    order = StorefrontOrder(
        "shopify", "1", "USD", 5500, 500, 0, [OrderedGoods("A", Decimal(1), Decimal(50), None)],
        [Shipped(DAY, "A", Decimal(1))], [Money(DAY, 5500)], [Money(date(2026, 10, 3), 2000)], [ReturnedGoods(2000, 900)],
    )  # fmt: skip
    with pytest.raises(UnclearOrder, match="9.00 USD of tax"):
        storefront_order_entries(order, POSTING)


TREATMENTS = {
    ("DE", "DE", "consumer", "seller", True): Treatment("domestic", "DE"),
    ("DE", "DE", "business", "seller", True): Treatment("domestic", "DE"),
    ("US", "US", "", "", True): Treatment("domestic", "US"),
    ("DE", "FR", "consumer", "seller", True): Treatment("oss", "FR"),
    ("DE", "FR", "business", "", False): Treatment("b2b_reverse_charge", "FR"),
    ("DE", "FR", "business", "", True): Treatment(),  # a business that was charged tax is treated as somebody else
    ("DE", "FR", "", "", True): Treatment(),
    ("DE", "FR", "exempt", "", False): Treatment(),
    ("DE", "CH", "consumer", "", False): Treatment("export", "CH"),
    ("DE", "GB", "consumer", "", True): Treatment(),  # an export that bears tax is none
    ("DE", "GB", "consumer", "marketplace", False): Treatment("marketplace_liable", "GB"),
    ("", "GB", "", "marketplace", False): Treatment("marketplace_liable", "GB"),
    ("", "FR", "consumer", "", True): Treatment(),
    ("DE", "", "consumer", "", True): Treatment(),
    ("US", "DE", "consumer", "", False): Treatment("export", "DE"),
}


@pytest.mark.parametrize("asked", TREATMENTS, ids=str)
def test_how_a_sale_is_taxed(asked: tuple[str, str, str, str, bool]) -> None:
    """What the facts do not tell is no treatment."""
    *texts, is_taxed = asked
    assert tax_treatment(*texts, is_taxed=is_taxed) == TREATMENTS[asked]


def test_the_union_has_27_members() -> None:
    """The United Kingdom left it."""
    assert len(EU) == 27
    assert "GB" not in EU
