"""What no rule can decide, a person does: from the exception to the booked deposit, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync.settings import Home
from retail_sync_tests.connectors.statements import OFX1
from retail_sync_tests.e2e.company import A
from retail_sync_tests.e2e.conftest import Answer
from retail_sync_tests.e2e.line import (
    booked,
    digest,
    drop,
    findings,
    forget_warehouse,
    net,
    new_home,
    nightly,
    problems,
)
from retail_sync_tests.reconcile.files import bank_statement
from retail_sync_tests.simulator import write_v2

TOTAL = A.lines_sum
TWIN = replace(A, settlement_id="50000000009")
DEPOSITS = [f"amazon:deposit:{one.settlement_id}" for one in (A, TWIN)]


def shop(root: Path, *bank: str) -> Home:
    """Two settlements of one total and one deposit date; the bank lines as given, each `amount text`."""
    home = new_home(root)
    lines = "\n".join(f"2026-09-11 {line}" for line in bank)
    drop(
        home,
        {"amazon/a.txt": write_v2(A), "amazon/twin.txt": write_v2(TWIN), "bank/statement.csv": bank_statement(lines)},
    )
    nightly(home)
    return home


def deposits(home: Home) -> dict[str, int]:
    """Net effect on the bank account by entry key."""
    return {key[0]: minor for key, minor in net(home).items() if key[1] == "1000"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two equal deposits that name nothing."""
    return shop(tmp_path / "home", f"{TOTAL} USD AMAZON ONE", f"{TOTAL} USD AMAZON TWO")


@pytest.mark.long
def test_one_word_settles_two_ambiguous_deposits_and_can_be_taken_back(cli: Callable[..., Answer], home: Home) -> None:
    """One payout is named; the other is then the only one left. Taken back, both deposits leave the books again."""
    place = ("--home", home.root)
    assert problems(home) == [("deposit_ambiguous", A.settlement_id), ("deposit_ambiguous", TWIN.settlement_id)]
    listed = cli("matches", "list", *place, "--json").json
    lines = sorted(item["item_id"] for item in listed if item["side"] == "right" and item["status"] == "ambiguous")
    assert len(lines) == 2
    said = cli("matches", "confirm", A.settlement_id, lines[0], "--by", "Ada", "--reason", "remittance advice", *place)
    assert said.code == 0, said.err
    nightly(home)
    minor = int(TOTAL * 100)
    assert problems(home) == []
    assert deposits(home) == dict.fromkeys(DEPOSITS, minor)
    decided = digest(home)
    forget_warehouse(home)
    nightly(home)
    assert digest(home) == decided
    assert cli("matches", "refuse", A.settlement_id, lines[0], "--by", "Bo", "--reason", "wrong", *place).code == 0
    nightly(home)
    # The other line still fits both payouts, so no rule decides: both deposits are reversed and told again.
    assert deposits(home) == {}
    assert {f"{key}#1R" for key in DEPOSITS} <= set(booked(home))
    assert [code for code, _ in problems(home)] == ["deposit_ambiguous"] * 2
    assert findings(home) == []


@pytest.mark.long
def test_a_line_of_a_statement_is_confirmed_by_the_name_that_its_exception_has(
    cli: Callable[..., Answer], tmp_path: Path
) -> None:
    """Statements number their lines, and the id holds the amount: people see it in minor units, and may write it so."""
    home = new_home(tmp_path / "home", '[[source]]\nname = "giro"\nconnector = "ofx"')
    statement = OFX1.replace(b"<CURDEF>EUR", b"<CURDEF>USD").replace(b"SETTLEMENT 31000001", b"PAYMENTS")
    drop(home, {"amazon/a.txt": write_v2(A), "giro/september.ofx": statement})
    nightly(home)
    line = "B1 2026-09-14 100.00"
    assert ("deposit_unexplained", line) in problems(home)
    listed = cli("matches", "list", "--home", home.root).out
    assert (line in listed, "100.0000" in listed) == (True, False)
    said = cli("matches", "confirm", A.settlement_id, line, "--by", "Ada", "--reason", "advice", "--home", home.root)
    assert said.code == 0, said.err
    nightly(home)
    assert ("deposit_unexplained", line) not in problems(home)
    assert ("deposit_differs", A.settlement_id) in problems(home)


def test_names_that_are_not_there_or_not_enough_are_refused(cli: Callable[..., Answer], home: Home) -> None:
    """Nothing is recorded of a slip of the pen, or without a name and a reason."""
    place = ("--home", home.root)
    listed = cli("matches", "list", *place, "--json").json
    line = next(item["item_id"] for item in listed if item["side"] == "right")
    for left, right, by, words in (
        ("4711", line, "Ada", "is not there"),
        (A.settlement_id, "nothing", "Ada", "is not there"),
        (A.settlement_id, line, " ", "needs a name and a reason"),
    ):
        answer = cli("matches", "confirm", left, right, "--by", by, "--reason", "because", *place)
        assert answer.code == 2
        assert words in answer.err
    nightly(home)
    assert len(problems(home)) == 2


CASES = {
    "a payout in two parts that name it": (
        (f"{TOTAL - 5} USD AMAZON {A.settlement_id}", f"5.00 USD AMAZON {A.settlement_id}", f"{TOTAL} USD AMAZON"),
        2,
        [],
    ),
    "both payouts in one deposit": ((f"{2 * TOTAL} USD AMAZON",), 2, []),
    "the bank shows a payout twice": (
        (f"{TOTAL} USD AMAZON {A.settlement_id}",) * 2 + (f"{TOTAL} USD AMAZON {TWIN.settlement_id}",),
        2,
        ["deposit_repeated"],
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("case", CASES)
def test_payouts_in_parts_together_and_twice(case: str, tmp_path: Path) -> None:
    """Each payout is booked once and whole; only what came twice needs a person."""
    bank, count, codes = CASES[case]
    home = shop(tmp_path / "home", *bank)
    assert deposits(home) == dict.fromkeys(DEPOSITS[:count], int(TOTAL * 100))
    assert [code for code, _ in problems(home)] == codes
    assert findings(home) == []
    keys, before = booked(home), digest(home)
    nightly(home)
    assert (booked(home), digest(home)) == (keys, before)


@pytest.mark.long
def test_a_deposit_of_two_payouts_that_turns_out_to_be_of_one(tmp_path: Path) -> None:
    """The second statement corrects the first: the joint deposit goes, each payout has its own."""
    home = shop(tmp_path / "home", f"{2 * TOTAL} USD AMAZON")
    assert sum(deposits(home).values()) == int(2 * TOTAL * 100)
    lines = f"2026-09-11 {TOTAL} USD AMAZON {A.settlement_id}\n2026-09-12 {TOTAL} USD AMAZON {TWIN.settlement_id}"
    drop(home, {"bank/corrected.csv": bank_statement(lines)})
    nightly(home)
    # The joint line is still on the first statement: it is money without a payout now, and no payout is booked twice.
    assert deposits(home) == dict.fromkeys(DEPOSITS, int(TOTAL * 100))
    assert [code for code, _ in problems(home)] == ["deposit_unexplained"]
    assert findings(home) == []
    assert Decimal(sum(deposits(home).values())) == 2 * TOTAL * 100
