"""Exactly once over a bad line: answers lost before and after the commit, late ones, and processes that die.

Each seed is a schedule of faults over a short list of entries, some of which are corrected, withdrawn or refused on the way.
The seed is the test's number: run it again to see the same thing happen.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import date

import pytest

from retail_sync.core.errors import LedgerUncertain
from retail_sync.operations.releases import Desired, Facts
from retail_sync_tests.operations.faults import FATES, Died, FaultyLedger
from retail_sync_tests.operations.shop import Shop, document_of, effect, key_of, shop_in_memory, wanted

SCHEDULES = 320
PER_TEST = 40
HELD, REJECTED = 8, 9  # numbers of entries that the ledger does not take


def unbalanced(number: int) -> Desired:
    """An entry that is one cent out: refused for good."""
    desired = wanted(number)
    lines = [dict(line) for line in desired.body["lines"]]
    lines[0]["home_minor"] -= 1
    return Desired(desired.entry_key, desired.document_id, desired.kind, desired.body | {"lines": lines},
                   "unbalanced", desired.facts_hash)  # fmt: skip


def facts_of(seed: int) -> list[list[Desired]]:
    """What is desired in each run of a schedule: entries appear, are corrected and go."""
    rng = random.Random(seed)
    versions = {number: 0 for number in range(1, rng.randint(2, 5))}
    rounds = []
    for _ in range(rng.randint(3, 6)):
        for number in versions:
            if rng.random() < 0.3:
                versions[number] += 1
        gone = {number for number in versions if rng.random() < 0.15}
        rounds.append([wanted(n, 1_000 * n + 10 * v, f"facts {v}") for n, v in versions.items() if n not in gone])
        rounds[-1] += [wanted(HELD, on=date(2026, 9, 30)), unbalanced(REJECTED)]
    return rounds


def run_schedule(shop: Shop, seed: int, faults: int = 12) -> Counter[str]:
    """Release and post each round over the bad line; at the end the line is good again. Returns what went wrong."""
    rng = random.Random(-seed - 1)
    line = FaultyLedger(shop.ledger, rng, faults)
    rounds = facts_of(seed)
    for number, desired in enumerate([*rounds, rounds[-1], rounds[-1]]):
        is_last = number == len(rounds) + 1
        if is_last:
            line.arrive()  # whatever is still under way arrives before the last run
        # Documents that want nothing now: their entries are withdrawn, as their facts changed.
        absent = {document_of(n): Facts(f"gone {number}", "") for n in range(1, 6)}
        shop.release(*desired, ready=absent | {d.document_id: Facts(d.facts_hash, "") for d in desired})
        outbox = shop.outbox(adapter=shop.ledger if is_last else line)
        try:
            outbox.post_all(lambda _: None)
        except (Died, LedgerUncertain) as error:
            line.happened[f"run ended by {type(error).__name__}"] += 1
    return line.happened


def assert_exactly_once(shop: Shop, desired: list[Desired]) -> None:
    """The ledger holds what is verified, each once, and nothing else; every other row says why it is not there."""
    states, books = shop.states(), shop.books()
    assert set(states.values()) <= {"verified", "held", "rejected", "reversed"}
    assert {key: 1 for key, state in states.items() if state == "verified"} == dict(books)
    assert {key for key, state in states.items() if state != "verified"} == set(shop.reasons())
    assert {shop.states()[f"{key_of(n)}#1"] for n in (HELD, REJECTED)} == {"held", "rejected"}
    assert shop.net() == effect(d for d in desired if d.entry_key not in {key_of(HELD), key_of(REJECTED)})
    tokens = {row["ledger_key"]: row["token"] for row in shop.rows()}
    assert {posted.entry.key: posted.token for posted in shop.ledger.entries()}.items() <= tokens.items()


@pytest.mark.parametrize("first", range(0, SCHEDULES, PER_TEST))
def test_every_entry_is_in_the_ledger_exactly_once(first: int) -> None:
    """Whatever answers were lost, the books are right: nothing twice, nothing missing, nothing in an unknown state."""
    happened: Counter[str] = Counter()
    for seed in range(first, first + PER_TEST):
        shop = shop_in_memory()
        shop.ledger.close_period("2026-09", "Ann", "month end")
        happened += run_schedule(shop, seed)
        try:
            assert_exactly_once(shop, facts_of(seed)[-1])
            assert shop.ledger.verify() == []
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
        finally:
            shop.ledger.close()
            shop.engine.dispose()
    # A schedule in which nothing goes wrong proves nothing.
    assert {fate for fate in FATES if not happened[fate]} == set()


@pytest.mark.slow
@pytest.mark.parametrize("first", range(10_000, 14_000, 500))
def test_many_more_schedules(first: int) -> None:
    """The same over four thousand other schedules."""
    for seed in range(first, first + 500):
        shop = shop_in_memory()
        shop.ledger.close_period("2026-09", "Ann", "month end")
        run_schedule(shop, seed, faults=20)
        assert_exactly_once(shop, facts_of(seed)[-1])
        shop.ledger.close()
        shop.engine.dispose()
