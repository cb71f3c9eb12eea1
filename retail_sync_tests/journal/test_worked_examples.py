"""The worked examples A, B and J of the accounting reference, from settlement files to entries, to the cent.

`EXAMPLES` restates them by hand, so that a machine without ../shared can prove them too; where the
shared file is there, the two must agree. Amounts are minor units, a debit is positive.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from retail_sync_tests.reconcile.facts import Entry, entries, held
from retail_sync_tests.reconcile.files import (
    bank_statement,
    deliver,
    looking,
    new_pipeline,
    run_to_journal,
    settlement,
)
from retail_sync_tests.simulator import Settlement, write_v1, write_v2

EXAMPLES = {
    "A1": ("2026-10-14", """
        4000 -1000000 | 4010 -30000 | 4020 -2000 | 4090 40000 | 2210 -72000 | 2210 72000 | 2200 -5000 | 4100 60000
        2210 4320 | 2210 -4320 | 6000 150000 | 6000 -9000 | 6005 1800 | 6010 110000 | 6100 65000 | 6020 12000
        4900 -7500 | 1130 -80000 | 1130 95000 | 1120 599700"""),
    "A2": ("2026-10-16", "1000 599700 | 1120 -599700"),
    "B1": ("2026-10-31", "4000 -400000 | 6000 90000 | 4100 10000 | 1140 300000"),
    "B2": ("2026-11-07", "4000 -250000 | 6000 60000 | 1140 -300000 | 1120 490000"),
    "B3": ("2026-11-09", "1000 490000 | 1120 -490000"),
    "J1": ("2026-02-15", "1130 149799 | 1120 -149799"),
    "J2": ("2026-02-28", "1120 149799 | 1130 -149799"),
    "J3": ("2026-10-14", "6000 20000 | 4000 -6000 | 1120 -14000"),
    "J4": ("2026-10-15", "1120 14000 | 2500 -14000"),
}  # fmt: skip

KEYS = {
    "A1": "amazon:settlement:10010000001:2026-10",
    "A2": "amazon:deposit:10010000001",
    "B1": "amazon:settlement:10020000001:2026-10",
    "B2": "amazon:settlement:10020000001:2026-11",
    "B3": "amazon:deposit:10020000001",
    "J1": "amazon:failed-transfer:10030000001:2026-02-15",
    "J2": "amazon:settlement:10030000001:2026-02",
    "J3": "amazon:settlement:10040000001:2026-10",
    "J4": "amazon:settlement:10040000002:2026-10",
}

FACILITATOR_TAX = """
        tax 720.00 on 2026-10-02
        tax withheld -720.00 on 2026-10-02
        tax refunded -43.20 on 2026-10-10
        withheld tax refunded 43.20 on 2026-10-10"""
SETTLEMENT_1001 = """
        reserve released 800.00
        sale 6,000.00 on 2026-10-02
        sale 4,000.00 on 2026-10-09
        shipping 300.00 on 2026-10-02
        gift wrap 20.00 on 2026-10-02
        promotion -400.00 on 2026-10-02
        tax 50.00 on 2026-10-02
        refund -600.00 on 2026-10-10
        referral fee -1,500.00 on 2026-10-02
        referral fee refunded 90.00 on 2026-10-10
        refund fee -18.00 on 2026-10-10
        fulfilment -1,100.00 on 2026-10-02
        advertising -650.00 on 2026-10-07
        storage -120.00 on 2026-10-07
        reimbursement 75.00 on 2026-10-08
        reserve held -950.00 on 2026-10-14"""
SETTLEMENTS = (
    settlement("10020000001", "2026-10-24 2026-11-07 2026-11-09", """
        sale 4,000.00 on 2026-10-25
        referral fee -900.00 on 2026-10-25
        refund -100.00 on 2026-10-31
        sale 2,500.00 on 2026-11-01
        referral fee -600.00 on 2026-11-01""", total="4900.00"),
    settlement("10030000001", "2026-02-14 2026-02-28 2026-03-02", """
        failed transfer 1,497.99 on 2026-02-15""", total="1497.99"),
    settlement("10040000001", "2026-10-01 2026-10-14 2026-10-16", """
        referral fee -200.00 on 2026-10-03
        sale 60.00 on 2026-10-03""", total="-140.00"),
    settlement("10040000002", "2026-10-14 2026-10-15 2026-10-17", """
        opening debt -140.00 on 2026-10-14
        card charge 140.00 on 2026-10-15""", total="0.00"),
)  # fmt: skip
BANK = bank_statement("2026-10-16 5997.00 USD AMAZON PAYMENTS\n2026-11-09 4900.00 USD AMAZON PAYMENTS")


def settlement_1001(lines: str) -> Settlement:
    """Settlement 1001 with these lines, which pays 5,997.00 whether or not tax was withheld."""
    return settlement("10010000001", "2026-10-01 2026-10-14 2026-10-16", lines, total="5997.00")


def legs(text: str) -> Counter[tuple[str, int]]:
    """The multiset of `account minor` pairs."""
    pairs = [pair.split() for line in text.strip().splitlines() for pair in line.split("|")]
    return Counter((account, int(minor)) for account, minor in pairs)


def expected(name: str) -> Entry:
    """An example as posting date and legs."""
    day, text = EXAMPLES[name]
    return date.fromisoformat(day), legs(text)


@pytest.fixture(scope="module", params=["V2", "V1"])
def layout(request: pytest.FixtureRequest) -> str:
    """Either file layout."""
    return str(request.param)


@pytest.fixture(scope="module")
def journal(layout: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Entry]:
    """Every entry that the files and the bank statement ask for.

    No V1 file is known that shows withheld tax, so there settlement 1001 comes without it.
    """
    write: Callable[[Settlement], bytes] = write_v2 if layout == "V2" else write_v1
    first = settlement_1001(SETTLEMENT_1001 + (FACILITATOR_TAX if layout == "V2" else ""))
    pipeline = new_pipeline(tmp_path_factory.mktemp("examples"))
    deliver(pipeline, *(write(one) for one in (first, *SETTLEMENTS)), BANK)
    run_to_journal(pipeline)
    with looking(pipeline) as connection:
        assert held(connection) == {}
        return entries(connection)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(journal: dict[str, Entry], layout: str, name: str) -> None:
    """These entries are what an accountant signed: a leg more or less, or another day, is a wrong book."""
    day, wanted = expected(name)
    if (layout, name) == ("V1", "A1"):
        wanted = Counter({leg: count for leg, count in wanted.items() if leg[0] != "2210"})
    assert journal[KEYS[name]] == (day, wanted)


def test_nothing_else_is_journalled(journal: dict[str, Entry]) -> None:
    """A settlement that brings an entry nobody expects is as wrong as one that brings none."""
    assert set(journal) == set(KEYS.values())


def test_clearing_accounts_end_where_they_should(journal: dict[str, Entry]) -> None:
    """A and B are paid by the bank, J1 and J2 undo each other, J4 settles J3: nothing stays in transit.

    The reserve keeps 150.00, by which the current one of settlement 1001 exceeds the previous one.
    """
    balances: Counter[str] = Counter()
    for _, entry_legs in journal.values():
        for (account, minor), count in entry_legs.items():
            balances[account] += minor * count
    assert {account: balances[account] for account in ("1120", "1140", "2210")} == {"1120": 0, "1140": 0, "2210": 0}
    assert balances["1130"] == 15000
    assert sum(balances.values()) == 0


def test_the_restated_examples_are_the_documents(samples: Path) -> None:
    """A slip of the pen in this file would make a wrong entry look right."""
    documents = json.loads((samples / "ledgers" / "worked_examples.json").read_text(encoding="utf-8"))
    by_name = {document["id"]: document for document in documents}
    for name in EXAMPLES:
        document = by_name[name]
        found = Counter((line["account"].split()[0], line["minor"]) for line in document["lines"])
        assert (date.fromisoformat(document["date"]), found) == expected(name)
