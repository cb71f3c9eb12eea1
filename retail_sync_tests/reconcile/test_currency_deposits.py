"""Payouts that arrive on a bank account of another currency, case by case.

Ends 10-14, deposit due 10-16. The bank names a payout within 45 days, or shows an amount near the rate within 5 days.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync.core.errors import RetailSyncError, RulesError
from retail_sync.reconcile.clearing import reconcile_clearing
from retail_sync.reconcile.matching import Decision
from retail_sync.reconcile.problems import find_breaks
from retail_sync.reports.match_items import decide
from retail_sync_tests.conftest import run_line
from retail_sync_tests.reconcile.facts import KINDS, Facts, breaks, entries, own_rules, statuses
from retail_sync_tests.reconcile.files import bank_statement, deliver, new_pipeline, open_problems, settlement

EUROS = """
    | id       | ends  | total   | lines   | currency |
    | 31000001 | 10-14 | 1000.00 | 1000.00 | EUR      |"""
RATES = """
    | date  | from | to  | rate |
    | 10-14 | EUR  | USD | 1.20 |
    | 10-16 | EUR  | USD | 1.10 |
    | 10-19 | EUR  | USD | 1.30 |"""
NAMED = """
    | id | date  | amount  | currency | reference       |
    | B1 | 10-17 | 1089.00 | USD      | AMAZON 31000001 |"""


def reconciled(settlements: str = EUROS, bank: str = "", rates: str = "") -> Facts:
    """What reconcile and journal make of it. Nothing may be left over in any proof, and a second run changes nothing."""
    facts = Facts()
    facts.arrive(settlements, bank)
    if rates:
        facts.rates_arrive(rates)
    assert facts.reconcile().residual == ()
    assert facts.reconcile().touched == 0
    facts.journal()
    return facts


def told(facts: Facts) -> dict[str, Decimal | None]:
    """Class of break and subject → value, without its zeros."""
    return {f"{code} {subject}": value for subject, code, value in breaks(facts.connection)}


def paired(facts: Facts) -> dict[str, tuple[str, Decimal, Decimal, bool]]:
    """Payout → bank line, the payout at its rate, what arrived, and whether that is confirmed."""
    rows = facts.connection.execute(
        "select left_id, right_id, left_amount, right_amount, is_confirmed from reconcile.matches "
        "where reconciliation = 'currency_deposit'"
    ).fetchall()
    return {left: (right, *rest) for left, right, *rest in rows}


def test_a_named_deposit_is_compared_at_the_rate_of_its_day() -> None:
    """1,000.00 EUR at 1.10, the latest rate up to the 17th, are 1,100.00 USD: 1,089.00 came, so 11.00 USD are in the rate."""
    facts = reconciled(bank=NAMED, rates=RATES)
    assert paired(facts) == {"31000001": ("bank:Main:B1", Decimal(1100), Decimal(1089), True)}
    assert told(facts) == {"deposit_currency_differs 31000001": Decimal("-11.00")}
    assert statuses(facts.connection) == {"31000001": "variance"}
    (problem,) = find_breaks(facts.connection, KINDS)
    assert (problem.amount_minor, problem.currency, problem.since_date) == (-11_00, "USD", "2026-10-17")
    assert problem.message == (
        "The bank shows 11.00 USD less than settlement 31000001 comes to at the rate of the day: 1,000.00 EUR arrived as "
        "1,089.00 USD (bank transaction B1): a rate of 1.089000, where that of 2026-10-16 is 1.1. Where the settings "
        "name a home currency, the deposit is booked and this is exchange gain or loss."
    )
    shown = facts.connection.execute(
        "select cast(business_date as varchar), currency, left_total, right_total, breaks_total from reconcile.proofs "
        "where reconciliation = 'currency_deposit'"
    ).fetchall()
    assert shown == [("2026-10-17", "USD", Decimal(1100), Decimal(1089), Decimal(-11))]


def test_a_deposit_at_the_very_rate_is_matched() -> None:
    """1,100.00 USD for 1,000.00 EUR at 1.10: nothing is told."""
    facts = reconciled(bank=NAMED.replace("1089.00", "1100.00"), rates=RATES)
    assert told(facts) == {}
    assert statuses(facts.connection) == {"31000001": "matched"}


def test_the_journal_keeps_the_payout_in_transit_in_its_own_currency() -> None:
    """The gain or loss of a conversion belongs to entries in the home currency: until then no deposit is booked."""
    facts = reconciled(bank=NAMED, rates=RATES)
    assert entries(facts.connection) == {
        "amazon:settlement:31000001:2026-10": (
            date(2026, 10, 14), Counter({("1120", 1000_00): 1, ("4000", -1000_00): 1}),
        )
    }  # fmt: skip
    assert reconcile_clearing(facts.connection, ["1120"], lambda _: None).residual == ()
    items = facts.connection.execute("select item, currency, balance from reconcile.clearing_items").fetchall()
    assert items == [("31000001", "EUR", Decimal(1000))]


NO_RATE = {
    "none at all": "",
    "only later ones": "| date | from | to | rate |\n| 10-18 | EUR | USD | 1.10 |",
    "only one of eight days before": "| date | from | to | rate |\n| 10-09 | EUR | USD | 1.10 |",
    "the other way round": "| date | from | to | rate |\n| 10-16 | USD | EUR | 0.91 |",
    "two sources that differ": """
        | date  | from | to  | rate | source   |
        | 10-16 | EUR  | USD | 1.10 | treasury |
        | 10-16 | EUR  | USD | 1.11 | bank     |""",
}


@pytest.mark.parametrize("case", NO_RATE)
def test_without_a_rate_nothing_is_matched_and_that_is_told(case: str) -> None:
    """What the payout comes to is not guessed from what arrived."""
    facts = reconciled(bank=NAMED, rates=NO_RATE[case])
    assert paired(facts) == {}
    assert told(facts) == {"deposit_awaits_rate B1": Decimal("1089.00")}
    (problem,) = find_breaks(facts.connection, KINDS)
    assert "for 31000001, which is paid in another currency; no rate from EUR to USD of 2026-10-17" in problem.message


def test_a_rate_that_comes_later_settles_it() -> None:
    """New rates are new data: the same answer as if they had come first."""
    facts = reconciled(bank=NAMED)
    facts.rates_arrive(RATES)
    assert facts.reconcile().residual == ()
    assert told(facts) == {"deposit_currency_differs 31000001": Decimal("-11.00")}


def test_a_rate_of_seven_days_before_will_do() -> None:
    """A week with holidays has no newer one."""
    facts = reconciled(bank=NAMED, rates="| date | from | to | rate |\n| 10-10 | EUR | USD | 1.10 |")
    assert told(facts) == {"deposit_currency_differs 31000001": Decimal("-11.00")}


def test_what_the_line_names_and_the_rate_denies_is_not_matched() -> None:
    """More than ten in a hundred off is no difference of rates: the line stays unexplained."""
    facts = reconciled(bank=NAMED.replace("1089.00", "989.00"), rates=RATES)
    assert told(facts) == {"deposit_unexplained B1": Decimal("989.00")}
    assert paired(facts) == {}


def test_a_line_that_names_nothing_is_only_suggested() -> None:
    """Near the rate is no evidence: a person confirms it, and until then the line is told."""
    facts = reconciled(bank=NAMED.replace("AMAZON 31000001", "AMAZON PAYMENTS"), rates=RATES)
    assert paired(facts) == {"31000001": ("bank:Main:B1", Decimal(1100), Decimal(1089), False)}
    assert told(facts) == {"deposit_unexplained B1": Decimal("1089.00")}
    assert statuses(facts.connection)["31000001"] == "awaiting_bank"


def test_two_payouts_near_one_line_are_not_decided() -> None:
    """Not even suggested: both are named as ambiguous."""
    facts = reconciled(
        """
        | id       | ends  | total   | lines   | currency |
        | 31000001 | 10-14 | 1000.00 | 1000.00 | EUR      |
        | 31000002 | 10-14 | 990.00  | 990.00  | EUR      |""",
        NAMED.replace("AMAZON 31000001", "AMAZON PAYMENTS"),
        RATES,
    )
    assert paired(facts) == {}
    found = facts.connection.execute(
        "select item_id, status from reconcile.match_items where reconciliation = 'currency_deposit' order by 1"
    ).fetchall()
    assert found == [("31000001", "ambiguous"), ("31000002", "ambiguous"), ("bank:Main:B1", "ambiguous")]


def test_two_lines_that_name_one_payout_are_not_decided() -> None:
    """Which is the payout, and what is the other? Both are told."""
    facts = reconciled(bank=f"{NAMED}\n    | B2 | 10-18 | 1090.00 | USD | AMAZON 31000001 |", rates=RATES)
    assert paired(facts) == {}
    assert told(facts) == {"deposit_unexplained B1": Decimal("1089.00"), "deposit_unexplained B2": Decimal("1090.00")}


def test_a_payout_that_arrived_in_its_own_currency_is_compared_with_nothing_else() -> None:
    """The euros are in the bank: dollars that name the same payout are another matter."""
    facts = reconciled(bank=f"{NAMED}\n    | B2 | 10-17 | 1000.00 | EUR | AMAZON PAYMENTS |", rates=RATES)
    assert paired(facts) == {}
    assert statuses(facts.connection)["31000001"] == "matched"
    assert told(facts) == {"deposit_unexplained B1": Decimal("1089.00")}


def test_yen_are_compared_in_whole_yen() -> None:
    """12.34 USD at 150.5 are 1,857.17 yen: a bank has no 17 hundredths of one."""
    facts = reconciled(
        "| id | ends | total | lines |\n| 31000001 | 10-14 | 12.34 | 12.34 |",
        "| id | date | amount | currency | reference |\n| B1 | 10-17 | 1850 | JPY | AMAZON 31000001 |",
        "| date | from | to | rate |\n| 10-16 | USD | JPY | 150.5 |",
    )
    assert paired(facts) == {"31000001": ("bank:Main:B1", Decimal(1857), Decimal(1850), True)}
    assert told(facts) == {"deposit_currency_differs 31000001": Decimal(-7)}


def test_a_rule_that_cannot_be_applied_over_a_rate_is_refused(tmp_path: Path) -> None:
    """Sums of several payouts have no one rate."""
    folder = own_rules(tmp_path / "rules", "match_rules", {"reconciliation": "currency_deposit"}, shape="many_to_one")
    facts = Facts(folder)
    facts.arrive(EUROS)
    with pytest.raises(RulesError, match="converted_and_named: over a rate single items are compared"):
        facts.reconcile()


def test_a_person_may_confirm_what_was_suggested_and_refuse_what_was_matched() -> None:
    """Decisions come before the rules, also over a rate; one of another reconciliation has no say."""
    unnamed = NAMED.replace("AMAZON 31000001", "AMAZON PAYMENTS")
    facts = reconciled(bank=unnamed, rates=RATES)
    facts.reconcile(Decision(1, "settlement_deposit", "31000001", "bank:Main:B1", is_match=True))
    assert told(facts) == {"deposit_unexplained B1": Decimal("1089.00")}
    facts.reconcile(Decision(2, "currency_deposit", "31000001", "bank:Main:B1", is_match=True))
    assert paired(facts) == {"31000001": ("bank:Main:B1", Decimal(1100), Decimal(1089), True)}
    assert told(facts) == {"deposit_currency_differs 31000001": Decimal("-11.00")}
    named = reconciled(bank=NAMED, rates=RATES)
    named.reconcile(Decision(1, "currency_deposit", "31000001", "bank:Main:B1", is_match=False))
    assert paired(named) == {}


FX_SOURCE = """
[[source]]
name = "treasury"
connector = "declared_csv"
object = "fx_rates"
date_format = "%Y-%m-%d"
[source.columns]
rate_date = "Date"
from_currency = "From"
to_currency = "To"
rate = "Rate"
"""


def test_a_delivery_of_rates_makes_the_next_run_look_again(tmp_path: Path) -> None:
    """Euros of a settlement file, dollars of a statement, and a table of rates that comes last; nothing is booked as dollars."""
    pipeline = new_pipeline(tmp_path, FX_SOURCE)
    deliver(
        pipeline,
        settlement("31000001", "2026-10-01 2026-10-14 2026-10-16", "sale 1000.00", currency="EUR"),
        bank_statement("2026-10-17 1089.00 USD AMAZON 31000001"),
    )
    run_line(pipeline)
    assert [code for code, _ in open_problems(pipeline)] == ["deposit_awaits_rate"]
    line = pipeline.exceptions.open()[0].subject
    with pytest.raises(RetailSyncError, match="are in EUR and USD"):
        decide(pipeline, "settlement_deposit", "31000001", line, is_match=True, by="ann", reason="it is that one")
    rates = tmp_path / "rates.csv"
    rates.write_text("Date,From,To,Rate\n2026-10-16,EUR,USD,1.10\n", encoding="utf-8")
    pipeline.ingest([str(rates)], "treasury")
    run_line(pipeline)
    assert open_problems(pipeline) == [("deposit_currency_differs", "31000001")]
    assert [posted.entry.key for posted in pipeline.ledger.entries()] == ["amazon:settlement:31000001:2026-10#1"]
