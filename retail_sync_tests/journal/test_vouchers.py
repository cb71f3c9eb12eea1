"""Vouchers: worked examples D3, H1, H3 and J7 from files to the ledger, and what holds a voucher.

A file is written as a payroll, a tax clerk or a lender would give it and goes through a declared source. A debit is positive,
in minor units.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_sync.journal.rules import PostingRules
from retail_sync.journal.voucher import VoucherLine, voucher_entries
from retail_sync.pipeline import Pipeline
from retail_sync.settings import Home
from retail_sync_tests.conftest import run_line
from retail_sync_tests.e2e.line import forget_warehouse
from retail_sync_tests.journal.tracing import assert_legs_trace_to_their_lines
from retail_sync_tests.reconcile.facts import RULES, entries, held, own_rules
from retail_sync_tests.reconcile.files import deliver as deliver_settlements
from retail_sync_tests.reconcile.files import looking, new_pipeline, run_to_journal, settlement
from retail_sync_tests.reconcile.test_store_days import booked, deliver, problems
from retail_sync_tests.simulator import write_v2

VOUCHERS = """
[[source]]
name = "ledger_clerk"
connector = "declared_csv"
object = "vouchers"
date_format = "%Y-%m-%d"
[source.columns]
voucher_id = "Voucher"
business_date = "Date"
category = "Category"
amount = "Amount"
currency = "Currency"
location = "Country"
memo = "Text"
"""
HEADER = "Voucher,Date,Category,Amount,Currency,Country,Text"
TIPS = (
    "T-10,2026-10-15,tips_paid,120.00,USD,,Tips of store 7",
    "T-10,2026-10-15,payroll_clearing,-120.00,USD,,Tips of store 7",
)
SALES_TAX = (
    "TX-4,2026-11-20,sales_tax_paid,242.00,USD,,Return of October",
    "TX-4,2026-11-20,paid_from_bank,-240.79,USD,,Return of October",
    "TX-4,2026-11-20,sales_tax_discount,-1.21,USD,,0.5 % of 242.00",
)
OSS = (
    "OSS-Q4,2027-01-31,oss_vat_paid,20.00,EUR,FR,OSS return Q4",
    "OSS-Q4,2027-01-31,paid_from_bank,-20.00,EUR,,OSS return Q4",
)
LOAN = (
    "LN-7,2026-10-14,loan_interest,30.00,USD,,Statement of October",
    "LN-7,2026-10-14,loan_principal,-30.00,USD,,Statement of October",
)
EXAMPLES = {
    "D3": ("2026-10-15", {"2310": 12000, "2400": -12000}),
    "H1": ("2026-11-20", {"2200": 24200, "1000": -24079, "4920": -121}),
    "H3": ("2027-01-31", {"2230": 2000, "1000": -2000}),
    "J7": ("2026-10-14", {"2600": 47000, "7200": 3000, "1120": -50000}),
}
KEYS = {"D3": "voucher:ledger_clerk:T-10", "H1": "voucher:ledger_clerk:TX-4", "H3": "voucher:ledger_clerk:OSS-Q4"}


def test_the_restated_examples_are_those_of_the_reference(samples: Path) -> None:
    """A slip in restating would prove nothing."""
    shared = json.loads((samples / "ledgers" / "worked_examples.json").read_text(encoding="utf-8"))
    by_id = {e["id"]: (e["date"], {line["account"][:4]: line["minor"] for line in e["lines"]}) for e in shared}
    assert {name: by_id[name] for name in EXAMPLES} == EXAMPLES


def home_with(make_home: Callable[..., Home], *lines: str, extra: str = "") -> Pipeline:
    """A home whose vouchers were delivered and run once."""
    pipeline = Pipeline(make_home(settings=VOUCHERS, extra=extra), "test")
    deliver(pipeline, {"ledger_clerk": (HEADER, *lines)})
    run_line(pipeline)
    return pipeline


def counters(wanted: dict[str, dict[str, int]]) -> dict[str, Counter[str]]:
    """Entries as `booked` gives them."""
    return {key: Counter(legs) for key, legs in wanted.items()}


def test_worked_examples_d3_h1_and_h3(make_home: Callable[..., Home]) -> None:
    """Each is booked as it was written, on its day; every leg leads to the lines of the file."""
    pipeline = home_with(make_home, *TIPS, *SALES_TAX, *OSS)
    assert booked(pipeline) == counters({KEYS[name]: EXAMPLES[name][1] for name in KEYS})
    assert problems(pipeline) == []
    days = {posted.entry.key: str(posted.entry.posting_date) for posted in pipeline.embedded_ledger.entries()}
    assert days == {f"{KEYS[name]}#1": EXAMPLES[name][0] for name in KEYS}
    with pipeline.warehouse.reading() as connection:
        assert_legs_trace_to_their_lines(connection)
        memos = connection.execute("select memo from journal.entries order by posting_date").fetchall()
    # The lines of the tax return say different things: then only its number speaks for all.
    assert memos == [("Voucher T-10: Tips of store 7",), ("Voucher TX-4",), ("Voucher OSS-Q4: OSS return Q4",)]


def test_a_loan_repayment_and_its_statement_are_worked_example_j7(tmp_path: Path) -> None:
    """Amazon takes 500.00 out of a settlement and says one number; the statement moves 30.00 of it to interest.

    The name of Amazon's line is that of the lender, Amazon Capital Services. Here the settlement has nothing else, so the two
    entries together are the example, account by account.
    """
    root = tmp_path / "home"
    pipeline = new_pipeline(root)
    with (root / "retail_sync.toml").open("a", encoding="utf-8") as stream:
        stream.write(VOUCHERS)
    pipeline = Pipeline(Home(root), "test")
    lines = "loan -500.00 on 2026-10-14"
    repaid = settlement("10070000001", "2026-10-01 2026-10-14 2026-10-16", lines, total="-500.00")
    deliver_settlements(pipeline, write_v2(repaid))
    deliver(pipeline, {"ledger_clerk": (HEADER, *LOAN)})
    run_to_journal(pipeline)
    with looking(pipeline) as connection:
        assert held(connection) == {}
        found = entries(connection)
        assert_legs_trace_to_their_lines(connection)
    assert {key: dict(legs) for key, (_, legs) in found.items()} == {
        "amazon:settlement:10070000001:2026-10": {("2600", 50000): 1, ("1120", -50000): 1},
        "voucher:ledger_clerk:LN-7": {("7200", 3000): 1, ("2600", -3000): 1},
    }
    on, wanted = EXAMPLES["J7"]
    together: Counter[str] = Counter()
    for day, legs in found.values():
        assert day == date.fromisoformat(on)
        for account, minor in legs:
            together[account] += minor
    assert together == Counter(wanted)


HELD = {
    "it does not balance": ([TIPS[0], TIPS[1].replace("-120.00", "-119.00")], "voucher_unbalanced"),
    "it has one line": (TIPS[:1], "voucher_unbalanced"),
    "no rule knows the category": ([TIPS[0].replace("tips_paid", "tips_given"), TIPS[1]], "account_unknown"),
    "its currencies differ": ([TIPS[0], TIPS[1].replace("USD", "EUR")], "voucher_currencies"),
    "it names no currency": ([line.replace("USD", "XXX") for line in TIPS], "currency_missing"),
    "its days differ": ([TIPS[0], TIPS[1].replace("10-15", "10-16")], "voucher_days_differ"),
    "a leg that a settlement books": ([TIPS[0].replace("tips_paid", "payout"), TIPS[1]], "voucher_category"),
}  # fmt: skip


def test_a_voucher_that_cannot_be_booked_is_held_with_its_reason(make_home: Callable[..., Home]) -> None:
    """All of them in one file; the others are booked, and what is held is booked when it comes corrected."""
    numbers = {case: f"T-{number}" for number, case in enumerate(HELD, 11)}
    lines = [line.replace("T-10", numbers[case]) for case, (written, _) in HELD.items() for line in written]
    pipeline = home_with(make_home, *lines, *SALES_TAX)
    assert booked(pipeline) == counters({KEYS["H1"]: EXAMPLES["H1"][1]})
    told = {subject: code for code, subject in problems(pipeline)}
    assert told == {f"voucher:ledger_clerk|{numbers[case]}": code for case, (_, code) in HELD.items()}
    assert len(problems(pipeline)) == len(HELD)
    corrected = [line.replace("T-10", number) for number in numbers.values() for line in TIPS]
    deliver(pipeline, {"ledger_clerk": (HEADER, *corrected)}, "corrected")
    run_line(pipeline)
    wanted = {f"voucher:ledger_clerk:{number}": EXAMPLES["D3"][1] for number in numbers.values()}
    assert booked(pipeline) == counters(wanted | {KEYS["H1"]: EXAMPLES["H1"][1]})
    assert problems(pipeline) == []


def test_a_voucher_of_which_a_row_was_rejected_is_held(make_home: Callable[..., Home]) -> None:
    """What is left of it balances all the same: 120.00 of 130.00 would be booked, and nobody would see it."""
    lines = ("T-10,2026-10-15,tips_paid,10.0x,USD,,", "T-10,2026-10-15,payroll_clearing,-10.0x,USD,,")
    pipeline = home_with(make_home, *TIPS, *lines, *SALES_TAX)
    assert booked(pipeline) == counters({KEYS["H1"]: EXAMPLES["H1"][1]})
    assert ("voucher_incomplete", "voucher:ledger_clerk|T-10") in problems(pipeline)


def test_another_currency_than_that_of_the_books_is_held(make_home: Callable[..., Home]) -> None:
    """As everywhere: without a rate there is no home amount."""
    pipeline = home_with(make_home, *TIPS, *OSS, extra='home_currency = "USD"')
    assert booked(pipeline) == counters({KEYS["D3"]: EXAMPLES["D3"][1]})
    assert problems(pipeline) == [("no_exchange_rate", "voucher:ledger_clerk|OSS-Q4")]


def test_what_the_bank_feed_books_is_not_booked_by_a_voucher(make_home: Callable[..., Home]) -> None:
    """The ledger sees the payment on its own feed; both would take 240.79 from the bank twice."""
    pipeline = home_with(make_home, *TIPS, *SALES_TAX, extra='[ledger]\ndeposits = "bank_feed"')
    assert booked(pipeline) == counters({KEYS["D3"]: EXAMPLES["D3"][1]})
    assert problems(pipeline) == [("voucher_bank_feed", "voucher:ledger_clerk|TX-4")]


def test_a_category_may_post_by_channel_and_place(make_home: Callable[..., Home]) -> None:
    """OSS VAT of a country has the account that its rule names; the place is the column `location`."""
    home = make_home(settings=VOUCHERS)
    folder = own_rules(home.root / "rules", "posting_rules", {"category": "tips_paid"}, tax_code="none")
    with (folder / "posting_rules.csv").open("a", encoding="utf-8") as stream:
        stream.write(
            "oss_vat_paid,*,FR,*,2220,,component,2000-01-01,,1,finance,controller,VAT of France has its own account.\n"
        )
    pipeline = Pipeline(home, "test")
    deliver(pipeline, {"ledger_clerk": (HEADER, *OSS)})
    run_line(pipeline)
    assert booked(pipeline) == counters({KEYS["H3"]: {"2220": 2000, "1000": -2000}})


@pytest.mark.long
def test_a_corrected_voucher_reverses_and_books_anew(make_home: Callable[..., Home]) -> None:
    """The tips were 100.00 and not 120.00; the tax return comes again as it was. Again: nothing."""
    pipeline = home_with(make_home, *TIPS, *SALES_TAX)
    corrected = [line.replace("120.00", "100.00") for line in TIPS]
    deliver(pipeline, {"ledger_clerk": (HEADER, *corrected, *SALES_TAX)}, "corrected")
    for _ in range(2):
        run_line(pipeline)
        assert booked(pipeline) == counters(
            {KEYS["D3"]: {"2310": 10000, "2400": -10000}, KEYS["H1"]: EXAMPLES["H1"][1]}
        )
        assert sorted(posted.entry.key for posted in pipeline.embedded_ledger.entries()) == [
            f"{KEYS['D3']}#1", f"{KEYS['D3']}#1R", f"{KEYS['D3']}#2", f"{KEYS['H1']}#1",
        ]  # fmt: skip
    forget_warehouse(pipeline.home)
    again = Pipeline(Home(pipeline.home.root), "test")
    run_line(again)
    assert len(list(again.embedded_ledger.entries())) == 4


_CATEGORIES = (
    "tips_paid", "payroll_clearing", "sales_tax_paid", "sales_tax_discount", "oss_vat_paid", "loan_principal", "loan_interest",
    "paid_from_bank", "advertising",
)  # fmt: skip
_LINES = st.lists(
    st.tuples(
        st.sampled_from(_CATEGORIES),
        st.integers(-(10**13), 10**13),
        st.sampled_from(("", "amazon", "pos")),
        st.sampled_from(("", "7", "FR")),
        st.sampled_from(("", "tips", "tax")),
    ),
    max_size=12,
)


@settings(deadline=None, database=None, derandomize=True)
@given(drawn=_LINES, currency=st.sampled_from(("USD", "JPY", "KWD")))
def test_any_balanced_voucher_is_a_balanced_entry(drawn: list[tuple[str, int, str, str, str]], currency: str) -> None:
    """And its accounts hold what its lines say, however often a category occurs."""
    digits = {"USD": 2, "JPY": 0, "KWD": 3}[currency]
    rest = -sum(minor for _, minor, *_ in drawn)
    whole = [*drawn, ("paid_from_bank", rest, "", "", "")]
    lines = [VoucherLine(c, Decimal(minor).scaleb(-digits), currency, *others) for c, minor, *others in whole]
    rules = PostingRules.read(RULES)
    made = voucher_entries("voucher:s:1", date(2026, 10, 15), "Voucher 1", lines, rules)
    assert [entry.entry.imbalance() for entry in made if entry.entry.imbalance()] == []
    wanted: Counter[str] = Counter()
    for category, minor, *_ in whole:
        wanted[rules.rule(category, date(2026, 10, 15)).account] += minor
    found: Counter[str] = Counter()
    for entry in made:
        for leg in entry.legs:
            found[leg.line.account] += leg.line.home_minor
    assert {a: m for a, m in found.items() if m} == {a: m for a, m in wanted.items() if m}
