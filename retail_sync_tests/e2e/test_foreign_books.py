"""A company that keeps its books in dollars and is paid in euros: from files to the ledger, whatever comes first.

Settlements of 1,000.00 and 500.00 EUR; one arrives as dollars, the other is open when October ends. A debit is positive.
"""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from retail_sync.settings import Home
from retail_sync_tests.e2e.line import digest, drop, findings, hourly, net, new_home, nightly, problems, states
from retail_sync_tests.reconcile.files import bank_statement, settlement
from retail_sync_tests.reconcile.test_currency_deposits import FX_SOURCE
from retail_sync_tests.simulator import write_v2

pytestmark = pytest.mark.long

SETTINGS = f'home_currency = "USD"\n{FX_SOURCE}'
FIRST = settlement("31000001", "2026-10-01 2026-10-14 2026-10-16", "sale 1000.00", currency="EUR")
SECOND = settlement("31000002", "2026-10-14 2026-10-28 2026-10-30", "sale 500.00", currency="EUR")
NOVEMBER = settlement("31000003", "2026-10-28 2026-11-11 2026-11-13", "sale 10.00 on 2026-11-02")
RATES = b"Date,From,To,Rate\n2026-10-14,EUR,USD,1.10\n2026-10-28,EUR,USD,1.20\n2026-10-30,EUR,USD,1.15\n"
FILES = {
    "amazon/first.txt": write_v2(FIRST),
    "amazon/second.txt": write_v2(SECOND),
    "amazon/november.txt": write_v2(NOVEMBER),
    "bank/october.csv": bank_statement("2026-10-17 1089.00 USD AMAZON 31000001"),
    "treasury/rates.csv": RATES,
}
# By hand: 1,000.00 EUR are 1,100.00 USD, of which 1,089.00 came; 500.00 EUR are 600.00 USD, at the end of October 575.00.
BOOKED = {
    ("amazon:settlement:31000001:2026-10", "1120"): 110000,
    ("amazon:settlement:31000001:2026-10", "4000"): -110000,
    ("amazon:deposit:31000001", "1000"): 108900,
    ("amazon:deposit:31000001", "7100"): 1100,
    ("amazon:deposit:31000001", "1120"): -110000,
    ("amazon:settlement:31000002:2026-10", "1120"): 60000,
    ("amazon:settlement:31000002:2026-10", "4000"): -60000,
    ("amazon:settlement:31000003:2026-11", "1120"): 1000,
    ("amazon:settlement:31000003:2026-11", "4000"): -1000,
    ("exchange:revaluation:2026-10", "1120"): -2500,
    ("exchange:revaluation:2026-10", "7110"): 2500,
    ("exchange:revaluation:2026-10:reversal", "1120"): 2500,
    ("exchange:revaluation:2026-10:reversal", "7110"): -2500,
}


def home_net(home: Home) -> dict[tuple[str, str], int]:
    """Net home effect in the ledger by entry key and account."""
    found: dict[tuple[str, str], int] = {}
    from retail_sync_tests.e2e.line import opened

    for posted in opened(home).embedded_ledger.entries():
        key = posted.entry.key.split("#")[0]
        for line in posted.entry.lines:
            found[key, line.account] = found.get((key, line.account), 0) + line.home_minor
    return {place: minor for place, minor in found.items() if minor}


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home in which everything came in one night."""
    home = new_home(tmp_path_factory.mktemp("foreign") / "home", SETTINGS)
    drop(home, FILES)
    nightly(home)
    return home


def test_the_books_hold_dollars_to_the_cent(at_once: Home) -> None:
    """Settlements at the rate of their day, the deposit with what it realised, October's revaluation and its reversal."""
    assert home_net(at_once) == BOOKED
    assert states(at_once) == {"verified": len({key for key, _ in BOOKED})}
    assert problems(at_once) == [("deposit_currency_differs", "31000001")]
    assert findings(at_once) == []


ORDERS = list(permutations(("amazon/first.txt", "bank/october.csv", "treasury/rates.csv")))


@pytest.mark.parametrize("order", ORDERS[::2] + ORDERS[1::2], ids=lambda order: " ".join(name[0] for name in order))
def test_any_order_of_arrival_ends_in_the_same_books(at_once: Home, order: tuple[str, ...], tmp_path: Path) -> None:
    """Late rates correct what was held or booked before them; the net effect is that of one night."""
    home = new_home(tmp_path / "home", SETTINGS)
    for name in (*order, "amazon/november.txt", "amazon/second.txt"):
        drop(home, {name: FILES[name]})
        hourly(home)
    nightly(home)
    assert digest(home) == digest(at_once)
    assert net(home) == net(at_once)
