"""Small differences cleared under a cap to a named account: what is cleared, what never is, and that every cent stays told."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync.core.errors import RulesError
from retail_sync.core.rules import HEADERS
from retail_sync.journal.rules import Policies
from retail_sync.reconcile.clearing import reconcile_clearing
from retail_sync.settings import PROJECT_ROOT
from retail_sync_tests.reconcile.facts import Facts, breaks, entries, own_rules, statuses

ALL_OF_TIME = "2000-01-01,,finance,controller"
FIVE_CENTS = f"cents,deposit_differs,*,0.05,7910,{ALL_OF_TIME}"
PAYOUT = """
    | id       | ends  | total  | lines  |
    | 31000001 | 10-14 | 100.00 | 100.00 |"""


def rules(folder: Path, *lines: str) -> Path:
    """The governed files, with these rules for clearing."""
    own_rules(folder, "auto_clear", {}, cap="0")
    text = "\n".join([",".join(HEADERS["auto_clear"]), *lines, ""])
    (folder / "auto_clear.csv").write_text(text, encoding="utf-8")
    return folder


def paid(amount: str, on: str = "10-17", currency: str = "USD") -> str:
    """A bank line that names the payout."""
    return f"""
    | id | date | amount   | currency   | reference       |
    | B1 | {on} | {amount} | {currency} | AMAZON 31000001 |"""


def reconciled(folder: Path, settlements: str = PAYOUT, bank: str = "") -> Facts:
    """What reconcile and journal make of it. Nothing may be left over in any proof."""
    facts = Facts(folder)
    facts.arrive(settlements, bank)
    assert facts.reconcile().residual == ()
    facts.journal()
    return facts


def cleared(facts: Facts) -> dict[str, Decimal]:
    """Settlement → what was cleared."""
    return dict(facts.connection.execute("select subject, amount from reconcile.cleared_differences").fetchall())


@pytest.mark.parametrize(
    ("arrived", "is_cleared"),
    [("99.95", True), ("100.05", True), ("99.94", False), ("100.06", False), ("100.00", False)],
)
def test_a_difference_up_to_the_cap_is_cleared_and_none_above(
    tmp_path: Path, arrived: str, *, is_cleared: bool
) -> None:
    """100.00 announced, five cents may be cleared: six cents are told whole, no part of them is cleared."""
    facts = reconciled(rules(tmp_path / "rules", FIVE_CENTS), bank=paid(arrived))
    difference = Decimal(arrived) - 100
    assert cleared(facts) == ({"31000001": difference} if is_cleared else {})
    told = {} if is_cleared or not difference else {("31000001", "deposit_differs", difference): 1}
    assert breaks(facts.connection) == Counter(told)


def test_what_was_cleared_says_when_by_which_rule_and_where_to(tmp_path: Path) -> None:
    """The match and the verdict keep the difference; the line of it names the bank's day, the rule, its cap, the account."""
    facts = reconciled(rules(tmp_path / "rules", FIVE_CENTS), bank=paid("99.97"))
    assert facts.connection.execute("select * from reconcile.cleared_differences").fetchall() == [
        ("settlement_deposit", "31000001", "deposit_differs", Decimal("-0.0300"), "USD", date(2026, 10, 17), "B1",
         "cents", Decimal("0.0500"), "7910")
    ]  # fmt: skip
    assert statuses(facts.connection) == {"31000001": "variance"}
    kept = facts.connection.execute("select difference from reconcile.matches where left_id = '31000001'").fetchall()
    assert kept == [(Decimal("-0.0300"),)]
    # 100.00 announced on one day, 99.97 in the bank the day after: the cents are carried on the day of the announcement.
    shown = facts.connection.execute(
        "select cast(business_date as varchar), left_total, right_total, breaks_total, carried_total "
        "from reconcile.proofs where comparison = 'stated_bank' order by 1"
    ).fetchall()
    assert shown == [
        ("2026-10-16", Decimal(100), Decimal(0), Decimal(0), Decimal(-100)),
        ("2026-10-17", Decimal(0), Decimal("99.97"), Decimal(0), Decimal("99.97")),
    ]


@pytest.mark.parametrize(
    ("arrived", "legs"),
    [
        ("99.97", {("1000", 99_97): 1, ("1120", -99_97): 1, ("7910", 3): 1, ("1120", -3): 1}),
        ("100.03", {("1000", 100_03): 1, ("1120", -100_03): 1, ("7910", -3): 1, ("1120", 3): 1}),
    ],
)
def test_the_rest_leaves_transit_in_the_entry_of_the_deposit(
    tmp_path: Path, arrived: str, legs: dict[tuple[str, int], int]
) -> None:
    """The bank keeps what it shows, the named account takes three cents, and the settlement's item in transit is closed."""
    facts = reconciled(rules(tmp_path / "rules", FIVE_CENTS), bank=paid(arrived))
    assert entries(facts.connection)["amazon:deposit:31000001"] == (date(2026, 10, 17), Counter(legs))
    roles = facts.connection.execute("select account, role from journal.lines where role like 'cleared%'").fetchall()
    assert sorted(roles) == [("1120", "cleared_difference"), ("7910", "cleared_difference")]
    assert reconcile_clearing(facts.connection, ["1120"], lambda _: None).residual == ()
    items = facts.connection.execute("select kind, item, balance, status from reconcile.clearing_items").fetchall()
    assert items == [("settlement", "31000001", Decimal(0), "closed")]


def test_the_rules_that_are_shipped_clear_nothing() -> None:
    """A cent that nobody agreed to lose is a cent that a person is told of."""
    facts = reconciled(PROJECT_ROOT / "data" / "rules", bank=paid("99.99"))
    assert cleared(facts) == {}
    assert breaks(facts.connection) == Counter({("31000001", "deposit_differs", Decimal("-0.01")): 1})


CAPS = {
    "a rule of the currency stands above that of all": (
        (FIVE_CENTS, f"dollars,deposit_differs,USD,0.01,7910,{ALL_OF_TIME}"), "99.97", False,
    ),
    "also where it allows more": ((FIVE_CENTS, f"dollars,deposit_differs,USD,0.10,7910,{ALL_OF_TIME}"), "99.92", True),
    "a rule of another currency says nothing": ((f"euros,deposit_differs,EUR,0.05,7910,{ALL_OF_TIME}",), "99.97", False),
    "a rule that begins later": (("later,deposit_differs,*,0.05,7910,2026-10-18,,finance,controller",), "99.97", False),
    "a rule that begins on the bank's day": (
        ("then,deposit_differs,*,0.05,7910,2026-10-17,,finance,controller",), "99.97", True,
    ),
    "a rule that has ended": (
        ("over,deposit_differs,*,0.05,7910,2000-01-01,2026-10-16,finance,controller",), "99.97", False,
    ),
    "a cap of nothing": ((f"none,deposit_differs,*,0,7910,{ALL_OF_TIME}",), "99.97", False),
}  # fmt: skip


@pytest.mark.parametrize("case", CAPS)
def test_one_rule_holds_for_a_currency_and_a_day(tmp_path: Path, case: str) -> None:
    """The day is that of the bank line, so that the same deliveries are cleared alike on any day."""
    lines, arrived, is_cleared = CAPS[case]
    facts = reconciled(rules(tmp_path / "rules", *lines), bank=paid(arrived))
    assert ("31000001" in cleared(facts)) == is_cleared


def test_each_difference_is_measured_by_itself(tmp_path: Path) -> None:
    """Three cents missing twice are two differences under the cap; four missing and nine too much are one of them."""
    facts = reconciled(
        rules(tmp_path / "rules", FIVE_CENTS),
        """
        | id       | ends  | total  | lines  |
        | 31000001 | 10-14 | 100.00 | 100.00 |
        | 31000002 | 10-14 | 50.00  | 50.00  |
        | 31000003 | 10-14 | 70.00  | 70.00  |""",
        """
        | date  | amount | reference       |
        | 10-17 | 99.97  | AMAZON 31000001 |
        | 10-17 | 49.96  | AMAZON 31000002 |
        | 10-17 | 70.09  | AMAZON 31000003 |""",
    )
    assert cleared(facts) == {"31000001": Decimal("-0.03"), "31000002": Decimal("-0.04")}
    assert breaks(facts.connection) == Counter({("31000003", "deposit_differs", Decimal("0.09")): 1})


def test_a_deposit_for_several_payouts_is_not_cleared(tmp_path: Path) -> None:
    """Two payouts arrive as one line, two cents short by a tolerance of that rule: whose two cents they are nobody knows."""
    folder = own_rules(
        tmp_path / "rules", "match_rules", {"rule_id": "payouts_of_a_day_in_one_deposit"}, amount_tolerance="0.05"
    )
    text = "\n".join([",".join(HEADERS["auto_clear"]), FIVE_CENTS, ""])
    (folder / "auto_clear.csv").write_text(text, encoding="utf-8")
    facts = reconciled(
        folder,
        """
        | id       | ends  | total  | lines  |
        | 31000001 | 10-14 | 100.00 | 100.00 |
        | 31000002 | 10-14 | 50.00  | 50.00  |""",
        """
        | date  | amount |
        | 10-17 | 149.98 |""",
    )
    assert cleared(facts) == {}
    assert breaks(facts.connection) == Counter({("31000001", "deposit_differs", Decimal("-0.02")): 1})


def test_a_payout_in_parts_is_one_difference(tmp_path: Path) -> None:
    """60.00 and 39.98 of 100.00: both lines name the payout, so the two cents are its own."""
    facts = reconciled(
        rules(tmp_path / "rules", FIVE_CENTS),
        bank="""
        | date  | amount | reference       |
        | 10-16 | 60.00  | AMAZON 31000001 |
        | 10-17 | 39.98  | AMAZON 31000001 |""",
    )
    assert cleared(facts) == {"31000001": Decimal("-0.02")}
    _, legs = entries(facts.connection)["amazon:deposit:31000001"]
    assert legs == Counter({("1000", 99_98): 1, ("1120", -99_98): 1, ("7910", 2): 1, ("1120", -2): 1})


NOT_BOOKED = {
    "it does not foot": "| 31000001 | 10-14 | 100.00 | 99.00 | |",
    "a line is unclassified": "| 31000001 | 10-14 | 100.00 | sales 90.00, unclassified 10.00 | |",
    "a row was rejected": "| 31000001 | 10-14 | 100.00 | 100.00 | 1 |",
    "a charge": "| 31000001 | 10-14 | -100.00 | ads -100.00 | |",
}


@pytest.mark.parametrize("case", NOT_BOOKED)
def test_what_is_not_booked_as_a_deposit_is_not_cleared(tmp_path: Path, case: str) -> None:
    """Its difference stays told: an entry that is held could not book it."""
    arrived = "-99.97" if case == "a charge" else "99.97"
    facts = reconciled(
        rules(tmp_path / "rules", FIVE_CENTS),
        f"| id | ends | total | lines | rejected |\n{NOT_BOOKED[case]}",
        paid(arrived),
    )
    assert cleared(facts) == {}
    assert ("31000001", "deposit_differs", Decimal(arrived) - (-100 if case == "a charge" else 100)) in breaks(
        facts.connection
    )


def test_later_data_takes_it_back(tmp_path: Path) -> None:
    """Three cents were cleared, then they arrive: the entry asks for nothing but the deposit, and no difference is left."""
    folder = rules(tmp_path / "rules", FIVE_CENTS)
    facts = reconciled(folder, bank=paid("99.97"))
    facts.arrive(bank="| id | date | amount | reference |\n| B2 | 10-20 | 0.03 | AMAZON 31000001 |")
    assert facts.reconcile().residual == ()
    facts.journal()
    assert cleared(facts) == {}
    assert breaks(facts.connection) == Counter()
    _, legs = entries(facts.connection)["amazon:deposit:31000001"]
    assert legs == Counter({("1000", 100_00): 1, ("1120", -100_00): 1})


def test_a_changed_rule_alone_is_looked_at(tmp_path: Path) -> None:
    """No new data: the difference is told or cleared as the rules of today say, and the journal follows."""
    folder = rules(tmp_path / "rules", FIVE_CENTS)
    facts = reconciled(folder, bank=paid("99.97"))
    (folder / "auto_clear.csv").write_text(",".join(HEADERS["auto_clear"]) + "\n", encoding="utf-8")
    assert facts.reconcile().residual == ()
    facts.journal()
    assert cleared(facts) == {}
    assert breaks(facts.connection) == Counter({("31000001", "deposit_differs", Decimal("-0.03")): 1})
    _, legs = entries(facts.connection)["amazon:deposit:31000001"]
    assert legs == Counter({("1000", 99_97): 1, ("1120", -99_97): 1})


def test_a_held_currency_books_no_clearing_either(tmp_path: Path) -> None:
    """Books in euros, a payout in dollars: all of it is held, what would be cleared included."""
    facts = Facts(rules(tmp_path / "rules", FIVE_CENTS))
    facts.arrive(PAYOUT, paid("99.97"))
    facts.reconcile()
    facts.journal(Policies(home_currency="EUR", deposits="journal"))
    assert entries(facts.connection) == {}


REFUSED = {
    "an account that is not in the chart": (
        (f"x,deposit_differs,*,0.05,7999,{ALL_OF_TIME}",), "chart_of_accounts.csv has no account '7999'",
    ),
    "a clearing account": ((f"x,deposit_differs,*,0.05,1120,{ALL_OF_TIME}",), "1120 is a clearing account itself"),
    "preparer and approver": (
        ("x,deposit_differs,*,0.05,7910,2000-01-01,,finance,finance",), "finance prepared and approved the same rule",
    ),
    "a class that no entry closes": ((f"x,deposit_overdue,*,0.05,7910,{ALL_OF_TIME}",), "'deposit_overdue' cannot be cleared"),
    "a negative cap": ((f"x,deposit_differs,*,-0.05,7910,{ALL_OF_TIME}",), "cap cannot be '-0.05'"),
    "a cap in words": ((f"x,deposit_differs,*,any,7910,{ALL_OF_TIME}",), "cap cannot be 'any'"),
    "no currency": ((f"x,deposit_differs,usd,0.05,7910,{ALL_OF_TIME}",), "currency cannot be 'usd'"),
    "no day": (("x,deposit_differs,*,0.05,7910,,,finance,controller",), "valid_from or valid_to is no day"),
    "two for one day": (
        (FIVE_CENTS, "y,deposit_differs,*,0.10,7910,2026-01-01,,finance,controller"), "speak of the same differences",
    ),
    "one name twice": (
        (FIVE_CENTS, f"cents,deposit_differs,USD,0.10,7910,{ALL_OF_TIME}"), "has rule cents twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_rule_that_nobody_could_follow_is_refused(tmp_path: Path, case: str) -> None:
    """Nothing is reconciled by half a file: the rule and the remedy are named."""
    lines, words = REFUSED[case]
    facts = Facts(rules(tmp_path / "rules", *lines))
    facts.arrive(PAYOUT, paid("99.97"))
    with pytest.raises(RulesError, match=words.replace(".", r"\.")) as caught:
        facts.reconcile()
    assert caught.value.remedy


def test_an_account_that_is_closed_takes_nothing(tmp_path: Path) -> None:
    """The ledger would refuse the entry, and the whole deposit with it."""
    folder = own_rules(tmp_path / "rules", "chart_of_accounts", {"code": "7910"}, is_active="false")
    facts = Facts(folder)
    with pytest.raises(RulesError, match="account 7910 is not active"):
        facts.reconcile()
