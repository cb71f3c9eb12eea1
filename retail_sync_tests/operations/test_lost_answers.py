"""Exactly once over a bad line: answers lost before and after the commit, late ones, and processes that die.

Each seed is a schedule of faults over a short list of entries, some of which are corrected, withdrawn or refused on the way.
A seed's entries carry its number, so that a key that fails names the schedule to look at.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from retail_sync.core.errors import LedgerUncertain
from retail_sync.operations.evidence import Facts
from retail_sync.operations.verdicts import Desired
from retail_sync_tests.operations.faults import FATES, Died, FaultyLedger
from retail_sync_tests.operations.shop import Shop, document_of, effect, key_of, shop_at, shop_in_memory, wanted
from retail_sync_tests.postgresql import fresh_schema

SCHEDULES = 240
PER_TEST = 40
ON_POSTGRESQL = 15
HELD, REJECTED = 8, 9  # the last digit of entries that the ledger does not take


def unbalanced(number: int) -> Desired:
    """An entry that is one cent out: refused for good."""
    desired = wanted(number)
    body = json.loads(desired.body)
    body["lines"][0]["home_minor"] -= 1
    return replace(desired, body=json.dumps(body), body_hash="unbalanced")


def rounds_of(seed: int) -> list[list[Desired]]:
    """What is desired in each run of a schedule: entries appear, are corrected and go."""
    rng = random.Random(seed)
    versions = {10 * seed + digit: 0 for digit in range(1, rng.randint(2, 5))}
    rounds = []
    for _ in range(rng.randint(2, 4)):
        for number in versions:
            if rng.random() < 0.3:
                versions[number] += 1
        gone = {number for number in versions if rng.random() < 0.15}
        rounds.append([wanted(n, 1_000 + 10 * v, f"facts {v}") for n, v in versions.items() if n not in gone])
        rounds[-1] += [wanted(10 * seed + HELD, on=date(2026, 9, 30)), unbalanced(10 * seed + REJECTED)]
    return rounds


def run_schedule(shop: Shop, seed: int, faults: int) -> Counter[str]:
    """Release and post each round over the bad line; at the end the line is good again. Returns what went wrong."""
    line = FaultyLedger(shop.ledger, random.Random(-seed - 1), faults)
    rounds = rounds_of(seed)
    for number, desired in enumerate([*rounds, rounds[-1]]):
        # Documents that want nothing now: their entries are withdrawn, as their facts changed.
        ready = {document_of(10 * seed + digit): Facts(f"gone {number}", "") for digit in range(1, 6)}
        shop.release(*desired, ready=ready | {d.document_id: Facts(d.facts_hash, "") for d in desired})
        try:
            shop.outbox(adapter=line).post_all(lambda _: None)
        except (Died, LedgerUncertain) as error:
            line.happened[f"run ended by {type(error).__name__}"] += 1
    line.arrive()  # whatever is still under way arrives before the last run
    shop.post()
    return line.happened


def assert_exactly_once(shop: Shop, seeds: Iterable[int]) -> None:
    """The ledger holds what is verified, each once, and nothing else; every other row says why it is not there."""
    states, refused = shop.states(), {key_of(10 * seed + digit) for seed in seeds for digit in (HELD, REJECTED)}
    desired = [entry for seed in seeds for entry in rounds_of(seed)[-1] if entry.entry_key not in refused]
    assert set(states.values()) <= {"verified", "held", "rejected", "reversed"}
    assert {key: 1 for key, state in states.items() if state == "verified"} == dict(shop.books())
    assert {key for key, state in states.items() if state != "verified"} == set(shop.reasons())
    assert {key: states[f"{key}#1"] for key in refused} == {
        key: "held" if key.endswith(str(HELD)) else "rejected" for key in refused
    }
    assert shop.net() == effect(desired)
    tokens = {row["ledger_key"]: row["token"] for row in shop.rows()}
    assert {posted.entry.key: posted.token for posted in shop.ledger.entries()}.items() <= tokens.items()


def run_schedules(first: int, count: int, faults: int) -> Counter[str]:
    """Run so many schedules, one after the other in one shop, and look at its books."""
    shop = shop_in_memory()
    shop.ledger.close_period("2026-09", "Ann", "month end")
    happened: Counter[str] = Counter()
    for seed in range(first, first + count):
        happened += run_schedule(shop, seed, faults)
    assert_exactly_once(shop, range(first, first + count))
    assert shop.ledger.verify() == []
    shop.ledger.close()
    shop.engine.dispose()
    return happened


@pytest.mark.parametrize("first", range(0, SCHEDULES, PER_TEST))
def test_every_entry_is_in_the_ledger_exactly_once(first: int) -> None:
    """Whatever answers were lost, the books are right: nothing twice, nothing missing, nothing in an unknown state."""
    happened = run_schedules(first, PER_TEST, faults=8)
    # Schedules in which nothing goes wrong prove nothing.
    assert {fate for fate in FATES if not happened[fate]} == set()


@pytest.mark.services
def test_the_same_on_postgresql(tmp_path: Path) -> None:
    """Both databases on a server: what is committed there is what counts, not what one process remembers."""
    with fresh_schema() as url:
        shop = shop_at(url, tmp_path)
        shop.ledger.close_period("2026-09", "Ann", "month end")
        happened: Counter[str] = Counter()
        seeds = range(30_000, 30_000 + ON_POSTGRESQL)
        for seed in seeds:
            happened += run_schedule(shop, seed, 8)
        assert_exactly_once(shop, seeds)
        assert shop.ledger.verify() == []
        assert {fate for fate in FATES if not happened[fate]} == set()
        print(f"PostgreSQL: {sum(happened[fate] for fate in FATES)} faults in {ON_POSTGRESQL} schedules")
        shop.ledger.close()
        shop.engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("first", range(10_000, 11_000, 100))
def test_many_more_schedules(first: int) -> None:
    """The same over a thousand other schedules, with more that goes wrong in each."""
    run_schedules(first, 100, faults=20)
