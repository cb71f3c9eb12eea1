"""Books in US dollars, settlements in other currencies: home amounts, what a deposit realises, what a month end revalues.

I1 to I4 are the worked examples of the accounting reference, restated by hand; where the shared file is there the two must
agree. Amounts are minor units, a debit is positive.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from retail_sync.core.money import exponent
from retail_sync.journal.currency import Rates, in_home
from retail_sync.journal.desired import DesiredEntry, Document, Leg
from retail_sync.journal.rules import Policies, PostingRules
from retail_sync.schemas.journal import EntryLine
from retail_sync_tests.reconcile.facts import RULES, Facts, held

IN_DOLLARS = Policies(home_currency="USD", deposits="journal")
Line = tuple[str, int, str, int]

# account, home minor units (USD), and in which currency how much
EXAMPLES: dict[str, tuple[str, list[Line]]] = {
    "I1": ("2026-10-14", [("4000", -365000, "CAD", -500000), ("6000", 73000, "CAD", 100000), ("1120", 292000, "CAD", 400000)]),
    "I2": ("2026-10-17", [("1000", 288400, "USD", 288400), ("7100", 3600, "USD", 3600), ("1120", -292000, "CAD", -400000)]),
    "I3": ("2026-10-31", [("7110", 2000, "CAD", 0), ("1120", -2000, "CAD", 0)]),
    "I4": ("2026-11-01", [("7110", -2000, "CAD", 0), ("1120", 2000, "CAD", 0)]),
}  # fmt: skip
SETTLEMENT = """
    | id       | ends  | total   | lines                                         | currency |
    | 31000001 | 10-14 | 4000.00 | product_sales 5000.00, referral_fee -1000.00  | CAD      |"""
NOVEMBER = """
    | id       | ends  | total | lines | currency |
    | 31000009 | 11-03 | 1.00  | 1.00  | USD      |"""
RATES = """
    | date  | from | to  | rate   |
    | 10-14 | CAD  | USD | 0.7300 |
    | 10-16 | CAD  | USD | 0.7215 |
    | 10-31 | CAD  | USD | 0.7250 |"""
IN_DOLLARS_IT_CAME = """
    | id | date  | amount  | currency | reference       |
    | B1 | 10-17 | 2884.00 | USD      | AMAZON 31000001 |"""


def booked(facts: Facts) -> dict[str, tuple[str, Counter[Line]]]:
    """Entry key → posting date and its lines."""
    found: dict[str, tuple[str, Counter[Line]]] = {}
    rows = facts.connection.execute(
        "select e.entry_key, cast(e.posting_date as varchar), l.account, l.home_minor, l.transaction_currency, "
        "l.transaction_minor from journal.entries as e join journal.lines as l using (entry_key)"
    ).fetchall()
    for key, on, *line in rows:
        found.setdefault(key, (on, Counter()))[1][tuple(line)] += 1
    return found


def example(name: str) -> tuple[str, Counter[Line]]:
    """A worked example in the form of `booked`."""
    on, lines = EXAMPLES[name]
    return on, Counter(lines)


def journalled(settlements: str, bank: str = "", rates: str = RATES) -> Facts:
    """The desired journal of a company that keeps its books in dollars."""
    facts = Facts()
    facts.arrive(settlements, bank)
    if rates:
        facts.rates_arrive(rates)
    facts.reconcile()
    facts.journal(IN_DOLLARS)
    return facts


def test_the_restated_examples_are_the_documents(samples: Path) -> None:
    """A slip of the pen in this file would make a wrong entry look right."""
    for entry in json.loads((samples / "ledgers" / "worked_examples.json").read_text(encoding="utf-8")):
        if entry["id"] in EXAMPLES:
            lines = [
                (line["account"][:4], line["minor"], line["transaction_currency"], line["transaction_minor"])
                for line in entry["lines"]
            ]
            assert (entry["date"], Counter(lines)) == example(entry["id"])


def test_i1_a_settlement_is_converted_at_the_rate_of_its_day() -> None:
    """4,000.00 CAD at 0.7300; revalued only where a month is over."""
    facts = journalled(SETTLEMENT)
    assert booked(facts) == {"amazon:settlement:31000001:2026-10": example("I1")}


def test_i2_dollars_that_came_for_it_realise_the_difference() -> None:
    """2,884.00 USD arrived for what the books hold at 2,920.00: 36.00 are lost, and nothing stays in transit."""
    facts = journalled(SETTLEMENT, IN_DOLLARS_IT_CAME)
    found = booked(facts)
    assert found["amazon:settlement:31000001:2026-10"] == example("I1")
    assert found["amazon:deposit:31000001"] == example("I2")


def test_i3_and_i4_what_is_open_at_month_end_is_revalued_and_taken_back() -> None:
    """4,000.00 CAD are 20.00 USD less at 0.7250; on the first of November they stand again as they were booked."""
    facts = journalled(SETTLEMENT + NOVEMBER.partition("currency |")[2])
    found = booked(facts)
    assert found["exchange:revaluation:2026-10"] == example("I3")
    assert found["exchange:revaluation:2026-10:reversal"] == example("I4")


def test_a_month_end_without_a_rate_is_held_and_the_rate_frees_it() -> None:
    """Eight days before the month end is too old a rate; nothing else waits for it."""
    two = SETTLEMENT + NOVEMBER.partition("currency |")[2]
    facts = journalled(two, rates="| date | from | to | rate |\n| 10-14 | CAD | USD | 0.73 |")
    assert held(facts.connection) == {"revaluation:2026-10": "no_exchange_rate"}
    assert "amazon:settlement:31000001:2026-10" in booked(facts)
    facts.rates_arrive(RATES)
    facts.reconcile()
    facts.journal(IN_DOLLARS)
    assert held(facts.connection) == {}
    assert booked(facts) == booked(journalled(two))


def test_another_rate_of_its_day_changes_the_facts_of_a_settlement() -> None:
    """A corrected rate is a corrected fact: what was released follows by reversal and next version."""
    facts = journalled(SETTLEMENT)
    before = facts.connection.execute("select facts_hash from journal.documents").fetchall()
    facts.rates_arrive("| date | from | to | rate |\n| 10-14 | CAD | USD | 0.7400 |")
    facts.connection.execute("delete from canonical.fx_rates where rate = 0.73")
    facts.reconcile()
    facts.journal(IN_DOLLARS)
    assert booked(facts)["amazon:settlement:31000001:2026-10"][1]["1120", 296000, "CAD", 400000] == 1
    assert facts.connection.execute("select facts_hash from journal.documents").fetchall() != before


def test_a_deposit_on_an_account_of_its_own_currency_counts_at_the_rate_of_its_day() -> None:
    """4,000.00 CAD on a Canadian account on the 17th: 0.7215 of the 16th holds, 34.00 USD are lost on the way."""
    came = IN_DOLLARS_IT_CAME.replace("2884.00", "4000.00").replace("USD", "CAD")
    found = booked(journalled(SETTLEMENT, came))
    assert found["amazon:deposit:31000001"] == (
        "2026-10-17",
        Counter([("1000", 288600, "CAD", 400000), ("1120", -292000, "CAD", -400000), ("7100", 3400, "USD", 3400)]),
    )


def test_what_is_settled_in_its_own_currency_leaves_no_rest_in_the_books() -> None:
    """A reserve held at 0.73 and released at 0.70 is gone in CAD: its 3.00 USD are realised for good, not every month again."""
    facts = journalled("""
        | id       | starts | ends  | total   | lines                                          | currency |
        | 31000001 | 09-30  | 10-14 | 300.00  | product_sales 400.00, reserve_held -100.00     | CAD      |
        | 31000002 | 10-14  | 10-28 | 100.00  | reserve_released 100.00                        | CAD      |
        | 31000003 | 10-28  | 12-03 | 1.00    | 1.00                                           | USD      |""",
        "| id | date | amount | currency | reference |\n"
        "| B1 | 10-16 | 219.00 | USD | AMAZON 31000001 |\n| B2 | 10-30 | 70.00 | USD | AMAZON 31000002 |",
        "| date | from | to | rate |\n| 10-14 | CAD | USD | 0.73 |\n| 10-28 | CAD | USD | 0.70 |",
    )  # fmt: skip
    found = booked(facts)
    assert found["exchange:realised:2026-10"] == (
        "2026-10-31", Counter([("1130", -300, "CAD", 0), ("7100", 300, "CAD", 0)]),
    )  # fmt: skip
    assert [key for key in found if key.startswith("exchange:")] == ["exchange:realised:2026-10"]


RULES_READ = PostingRules.read(RULES)
CURRENCIES = ("CAD", "JPY", "KWD", "EUR")
RATE = st.decimals(Decimal("0.0001"), Decimal(500), places=6)


@given(
    currency=st.sampled_from(CURRENCIES),
    home=st.sampled_from(("USD", "JPY", "KWD")),
    amounts=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=40),
    rate=RATE,
)
def test_any_balanced_entry_balances_at_any_rate(currency: str, home: str, amounts: list[int], rate: Decimal) -> None:
    """Rounding to minor units loses nothing: the home sum is zero and no leg is a whole unit from its exact worth."""
    legs = tuple(
        Leg(EntryLine("4000", minor, currency, minor, currency)) for minor in [*amounts, -sum(amounts)]
    )  # fmt: skip
    entry = DesiredEntry("k", "settlement", date(2026, 10, 14), "m", legs)
    document = Document("d", "settlement", "t", date(2026, 10, 14), currency, None, "facts", entries=(entry,))
    rates = Rates(home, 7, {} if currency == home else {currency: [(date(2026, 10, 14), rate)]})
    (converted,) = in_home(document, rates, RULES_READ).entries
    lines = [leg.line for leg in converted.legs]
    assert sum(line.home_minor for line in lines) == 0
    assert [line.transaction_minor for line in lines] == [leg.line.transaction_minor for leg in legs]
    factor = Fraction(1) if currency == home else Fraction(rate) * Fraction(10) ** (exponent(home) - exponent(currency))
    assert all(abs(line.home_minor - line.transaction_minor * factor) < 1 for line in lines)
    assert converted.entry.imbalance() == ""
    turned = replace(entry, legs=tuple(replace(leg, line=leg.line.negated()) for leg in legs))
    (again,) = in_home(replace(document, entries=(turned,)), rates, RULES_READ).entries
    assert [leg.line.home_minor for leg in again.legs] == [-line.home_minor for line in lines]


@given(rate=RATE, later=RATE, minor=st.integers(1, 10**9))
def test_a_whole_deposit_empties_transit_at_any_rates(rate: Decimal, later: Decimal, minor: int) -> None:
    """What went in comes out, in both currencies; only the exchange difference takes the rest."""

    def line(account: str, amount: int, role: str) -> Leg:
        return Leg(EntryLine(account, amount, "CAD", amount, "CAD", role=role))

    first = DesiredEntry(
        "s", "settlement", date(2026, 10, 14), "m", (line("1120", minor, "payout"), line("4000", -minor, "component"))
    )
    second = DesiredEntry(
        "d", "deposit", date(2026, 10, 20), "m", (line("1000", minor, "bank"), line("1120", -minor, "deposit"))
    )
    document = Document("d", "settlement", "t", date(2026, 10, 14), "CAD", None, "f", "df", entries=(first, second))
    rates = Rates("USD", 7, {"CAD": [(date(2026, 10, 14), rate), (date(2026, 10, 20), later)]})
    entries = in_home(document, rates, RULES_READ).entries
    transit = [leg.line for entry in entries for leg in entry.legs if leg.line.account == "1120"]
    assert sum(one.home_minor for one in transit) == sum(one.transaction_minor for one in transit) == 0
    assert all(sum(leg.line.home_minor for leg in entry.legs) == 0 for entry in entries)


def test_reversing_what_was_booked_cancels_it_exactly() -> None:
    """A reversal negates the home amounts that stand, whatever the rate is by then."""
    facts = journalled(SETTLEMENT)
    ((body,),) = facts.connection.execute("select body from journal.entries").fetchall()
    lines = [EntryLine(**line) for line in json.loads(body)["lines"]]
    assert all(line.home_minor + line.negated().home_minor == 0 for line in lines)
    assert {replace(line, home_minor=0, transaction_minor=0).rate for line in lines} == {"0.73"}
