"""Into which entries a settlement is cut: the same money on the same accounts by settlement, by day and by order.

The worked settlement closes on 2 November. Order A is shipped on both sides of the month end, order B after it; advertising
belongs to no order, and 20.00 are held back on the last day. Amounts of entries are minor units, a debit is positive.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from retail_sync.journal.currency import Rates, in_home
from retail_sync.journal.desired import DesiredEntry, Document
from retail_sync.journal.rules import Policies, PostingRules
from retail_sync.journal.settlement import Settlement, settlement_entries
from retail_sync.journal.settlement_parts import Component, Granularity, parts_of
from retail_sync.journal.validation import SETTLEMENT_VALIDATIONS
from retail_sync.reconcile.clearing import reconcile_clearing
from retail_sync.schemas.journal import EntryLine
from retail_sync_tests.journal.test_entries import entry
from retail_sync_tests.journal.tracing import assert_legs_trace_to_their_lines
from retail_sync_tests.reconcile.facts import JOURNAL_DEPOSITS, RULES, Entry, Facts, entries

POSTING_RULES = PostingRules.read(RULES)
EVERY: tuple[Granularity, ...] = get_args(Granularity)
LINES_OF = {
    "order A": "sales 40.00 @10-31 order=A, fees -6.00 @10-31 order=A, sales 10.00 @11-01 order=A",
    "order B": "sales 25.00 @11-01 order=B, fees -3.75 @11-01 order=B",
    "no order": "ads -5.00 @11-01, held -20.00 @11-02",
}
ACROSS_A_MONTH_END = f"""
    | id       | starts | ends  | total | lines |
    | 31000001 | 10-19  | 11-02 | 40.25 | {", ".join(LINES_OF.values())} |"""
ITS_BANK = """
    | date  | amount |
    | 11-05 | 40.25  |"""
DEPOSIT = {"amazon:deposit:31000001": entry("2026-11-05", "1000 4025 | 1120 -4025")}
BY_HAND: dict[Granularity, dict[str, Entry]] = {
    "settlement": {
        "2026-10": entry("2026-10-31", "4000 -4000 | 6000 600 | 1140 3400"),
        "2026-11": entry("2026-11-02", "4000 -3500 | 6000 375 | 6100 500 | 1130 2000 | 1140 -3400 | 1120 4025"),
    },
    "day": {
        "2026-10-31": entry("2026-10-31", "4000 -4000 | 6000 600 | 1140 3400"),
        "2026-11-01": entry("2026-11-01", "4000 -3500 | 6000 375 | 6100 500 | 1140 2625"),
        "2026-11-02": entry("2026-11-02", "1130 2000 | 1140 -6025 | 1120 4025"),
    },
    "order": {
        "2026-10:order:A": entry("2026-10-31", "4000 -4000 | 6000 600 | 1140 3400"),
        "2026-11:order:A": entry("2026-11-02", "4000 -1000 | 1140 1000"),
        "2026-11:order:B": entry("2026-11-02", "4000 -2500 | 6000 375 | 1140 2125"),
        "2026-11:no-order": entry("2026-11-02", "6100 500 | 1130 2000 | 1140 -6525 | 1120 4025"),
    },
}


def journalled(facts: Facts, granularity: Granularity) -> dict[str, Entry]:
    """The entries by this granularity, after every leg was traced to its lines and every clearing account explained."""
    facts.journal(replace(JOURNAL_DEPOSITS, granularity=granularity))
    assert_legs_trace_to_their_lines(facts.connection)
    assert reconcile_clearing(facts.connection, ["1115", "1120", "1130", "1140"], lambda _: None).residual == ()
    return entries(facts.connection)


def worked(granularity: Granularity) -> dict[str, Entry]:
    """What is to be booked of the worked settlement."""
    return {f"amazon:settlement:31000001:{name}": one for name, one in BY_HAND[granularity].items()} | DEPOSIT


def test_the_worked_settlement_by_each_granularity_and_back() -> None:
    """Two orders over a month end, a fee without order, a reserve; one deposit, into however many entries it is cut.

    A changed setting is in force at once, with nothing delivered. The facts stay the same facts, so a release makes it wait.
    """
    facts = Facts()
    facts.arrive(ACROSS_A_MONTH_END, ITS_BANK)
    facts.reconcile()
    hashes = set()
    for granularity in (*EVERY, EVERY[0]):
        assert journalled(facts, granularity) == worked(granularity)
        hashes |= set(
            facts.connection.execute("select facts_hash, deposit_facts_hash from journal.documents").fetchall()
        )
    assert len(hashes) == 1


def test_days_after_the_period_and_a_failed_transfer_keep_their_rows() -> None:
    """A line dated after the end is of the closing day; a transfer that failed is booked on its day and turned round with it."""
    facts = Facts()
    lines = "sales 40.00 @10-31 order=A, failed_transfer 20.00 @10-30, sales 10.00 @11-03 order=B"
    facts.arrive(f"""
        | id       | starts | ends  | total | lines   |
        | 31000001 | 10-19  | 11-02 | 70.00 | {lines} |""")
    facts.reconcile()
    assert journalled(facts, "day") == {
        "amazon:settlement:31000001:2026-10-30": entry("2026-10-30", "1130 -2000 | 1140 2000"),
        "amazon:settlement:31000001:2026-10-31": entry("2026-10-31", "4000 -4000 | 1140 4000"),
        "amazon:settlement:31000001:2026-11-02": entry("2026-11-02", "4000 -1000 | 1140 -6000 | 1120 7000"),
        "amazon:failed-transfer:31000001:2026-10-30": entry("2026-10-30", "1130 2000 | 1120 -2000"),
    }


def test_what_rounding_leaves_of_three_orders_is_realised() -> None:
    """0.15 EUR at 1.10 are 0.16 USD (0.165), three times; 0.45 EUR are 0.49 (0.495): transit has that, a cent is gained."""
    facts = Facts()
    facts.arrive("""
        | id       | ends  | total | lines                                          | currency |
        | 31000001 | 10-14 | 0.45  | 0.15 order=A, 0.15 order=B, 0.15 order=C       | EUR      |""")
    facts.rates_arrive("| date | from | to | rate |\n| 10-14 | EUR | USD | 1.10 |")
    facts.reconcile()
    facts.journal(Policies(home_currency="USD", deposits="journal", granularity="order"))
    assert entries(facts.connection) == {
        "amazon:settlement:31000001:2026-10:order:A": entry("2026-10-14", "4000 -16 | 1140 16"),
        "amazon:settlement:31000001:2026-10:order:B": entry("2026-10-14", "4000 -16 | 1140 16"),
        "amazon:settlement:31000001:2026-10:order:C": entry("2026-10-14", "4000 -16 | 1140 16"),
        "amazon:settlement:31000001:2026-10:no-order": entry("2026-10-14", "1140 -48 | 1120 49 | 7100 -1"),
    }


def test_an_order_is_named_so_that_every_ledger_takes_it() -> None:
    """`#` parts a key from its version; blanks and letters of other scripts are written out; what is too long is a digest."""
    orders = ("#1001", "A 7/ß", "9" * 80)
    components = [Component(date(2026, 10, 1), None, "product_sales", "", Decimal(1), order) for order in orders]
    named = [part.name for part in parts_of(components, date(2026, 10, 14), "order")]
    long = named.pop(1)
    assert named == ["2026-10:order:%231001", "2026-10:order:A%207%2F%C3%9F", "2026-10:no-order"]
    assert re.fullmatch(r"2026-10:order:sha256-[0-9a-f]{32}", long)


CLOSING = date(2026, 10, 5)
_CATEGORIES = ("product_sales", "referral_fee", "reserve_held", "tax_collected", "tax_withheld", "failed_transfer")
LINES = st.lists(
    st.tuples(
        st.integers(0, 40).map(lambda days: CLOSING - timedelta(days=days)),
        st.sampled_from(["", "A", "B", "C"]),
        st.sampled_from(_CATEGORIES),
        st.integers(-9_999, 9_999),
    ),
    min_size=1,
    max_size=25,
)
Line = tuple[date, str, str, int]


def cut(lines: Sequence[Line], granularity: Granularity) -> list[DesiredEntry]:
    """The entries of a settlement of these lines in euros, whose sums keep all that an entry must keep."""
    sums: Counter[tuple[date, str, str, date | None]] = Counter()
    for on, order, category, minor in lines:
        begins = on if granularity == "day" else on.replace(day=1)
        event = on if category == "failed_transfer" else None
        of_order = order if granularity == "order" and not event else ""  # a transfer is of no order
        sums[begins, of_order, category, event] += minor
    components = [
        Component(begins, event, category, "", Decimal(minor).scaleb(-2), order)
        for (begins, order, category, event), minor in sums.items()
    ]
    total = Decimal(sum(minor for *_, minor in lines)).scaleb(-2)
    settlement = Settlement("1", "amazon", "EUR", CLOSING, total, None, None)
    made = settlement_entries(settlement, components, POSTING_RULES, "journal", granularity)
    assert [check(made, settlement) for check in SETTLEMENT_VALIDATIONS] == [""] * len(SETTLEMENT_VALIDATIONS)
    assert [one.entry.imbalance() for one in made] == [""] * len(made)
    assert len({one.entry_key for one in made}) == len(made)
    return made


def nets(made: Sequence[DesiredEntry]) -> Counter[tuple[str, str]]:
    """Net by account and month; what is zero is left out."""
    found: Counter[tuple[str, str]] = Counter()
    for one in made:
        for leg in one.legs:
            found[leg.line.account, f"{one.posting_date:%Y-%m}"] += leg.line.transaction_minor
    return Counter({place: minor for place, minor in found.items() if minor})


def paid(made: Sequence[DesiredEntry]) -> list[tuple[date, EntryLine]]:
    """What moves transit, with its day: the payout, and the transfers that failed."""
    return [
        (one.posting_date, leg.line)
        for one in made
        for leg in one.legs
        if leg.line.role == "payout" or one.kind == "failed_transfer"
    ]


@settings(max_examples=60, deadline=None)
@given(lines=LINES)
def test_every_account_ends_every_month_where_it_does_by_settlement(lines: list[Line]) -> None:
    """Whatever was settled: the same net by account and month; transit moves on the same days; a day's lines are booked on it."""
    by_month = cut(lines, "settlement")
    for granularity in ("day", "order"):
        made = cut(lines, granularity)
        assert nets(made) == nets(by_month)
        assert paid(made) == paid(by_month)
    for one in cut(lines, "day"):
        assert {leg.posting_month for leg in one.legs if leg.category} <= {one.posting_date}


@settings(max_examples=60, deadline=None)
@given(lines=LINES, digits=st.integers(1, 30_000))
def test_in_other_books_each_part_is_rounded_by_itself_and_the_rest_is_realised(lines: list[Line], digits: int) -> None:
    """Every entry balances in home currency, nothing stays carried, each leg is less than a minor unit from its worth."""
    rate = Decimal(digits).scaleb(-4)
    rates = Rates("USD", 7, {"EUR": [(CLOSING, rate)]})
    for granularity in ("settlement", "day", "order"):
        document = Document("1", "settlement", "", CLOSING, "EUR", None, "", entries=cut(lines, granularity))
        made = in_home(document, rates, POSTING_RULES).entries
        assert [one.entry.imbalance() for one in made] == [""] * len(made)
        legs = [leg.line for one in made for leg in one.legs]
        carried = [line for line in legs if line.role == "carried_forward"]
        assert sum(line.home_minor for line in carried) == 0
        realised = [line for line in legs if line.account == "7100"]
        assert abs(sum(line.home_minor for line in realised)) < max(len(carried), 1)
        exact = [line for line in legs if line not in realised and line not in carried]
        assert all(abs(line.home_minor - line.transaction_minor * rate) < 1 for line in exact)
