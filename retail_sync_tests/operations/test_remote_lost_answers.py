"""Exactly once over HTTP: the real outbox and adapters before servers that drop, cut, delay and refuse, by seed.

Each seed is a schedule of its own: entries that come, are corrected and go; a plan of faults; a server with its own habits
(whether keys of requests work at all, which code a closed period has, faults as 200 or 400); processes that die. The books
are then counted from the raw documents that the server took, without any code of the product.
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from retail_sync.core.errors import LedgerUncertain, SettingsError
from retail_sync.core.http import HttpClient
from retail_sync.ledger.outbox import Outbox, Policy
from retail_sync.operations import database as db
from retail_sync.operations.evidence import Facts, Sight
from retail_sync.operations.releases import Releaser
from retail_sync_tests.fakes.faults import FATES, FaultPlan
from retail_sync_tests.ledger.remote import CLOSED_UNTIL, Opened, open_quickbooks, open_xero
from retail_sync_tests.operations.faults import Died
from retail_sync_tests.operations.shop import document_of, effect, key_of
from retail_sync_tests.operations.test_lost_answers import HELD, REJECTED, rounds_of

SERVER_GIVES_UP_AFTER = 120
FAST, LONG, SLOW = 12, 30, 1_000
PER_TEST = 30
RESTORED = 20


def habits_of_quickbooks(rng: random.Random) -> dict[str, Any]:
    """How this company's QuickBooks behaves."""
    return {
        "faults_as_200": rng.random() < 0.5,
        "remembers_faults": rng.random() < 0.5,
        "request_ids_kept": rng.choice([0, 3, 10_000]),
        "closed_code": rng.choice(["6200", "6210", "5010"]),
        "duplicate_code": rng.choice(["6140", "6210", "6240"]),
        "warns_of_duplicates": rng.random() < 0.5,
    }


def habits_of_xero(rng: random.Random) -> dict[str, Any]:
    """How this organisation's Xero behaves."""
    return {"keys_kept": rng.choice([0, 3, 10_000]), "remembers_errors": rng.random() < 0.5}


LEDGERS: dict[str, tuple[Callable[..., Opened], Callable[[random.Random], dict[str, Any]]]] = {
    "quickbooks": (open_quickbooks, habits_of_quickbooks),
    "xero": (open_xero, habits_of_xero),
}


def mortal(opened: Opened, rng: random.Random, happened: Counter[str]) -> Any:
    """The ledger as a new process sees it, which may die before or after any request."""
    ledger: Any = opened.reopened()
    client = ledger._api._client
    send = client.request

    def request(*args: Any, **named: Any) -> Any:
        if rng.random() < 0.01:
            happened["dies before"] += 1
            raise Died
        answer = send(*args, **named)
        if rng.random() < 0.01:
            happened["dies after"] += 1
            raise Died
        return answer

    client.request = request
    return ledger


def run_schedule(name: str, seed: int, folder: Path, faults: int = 14) -> Counter[str]:
    """Run one schedule to its end and count its books. Returns what went wrong on the way."""
    opening, habits = LEDGERS[name]
    rng = random.Random(seed)
    plan = FaultPlan(seed, faults)
    opened = opening(folder / f"{seed}", plan, **habits(rng))
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    db.metadata.create_all(engine)
    try:
        rounds = rounds_of(seed)
        for number, desired in enumerate([*rounds, rounds[-1]]):
            ready = {document_of(10 * seed + digit): Facts(f"gone {number}", "") for digit in range(1, 6)}
            ready |= {d.document_id: Facts(d.facts_hash, d.facts_hash) for d in desired}
            Releaser(engine, name, "tests", f"release-{number}", lambda day: day).release(desired, ready, Sight())
            try:
                Outbox(engine, mortal(opened, rng, plan.happened), Policy()).post_all(lambda _: None)
            except (Died, LedgerUncertain, SettingsError) as error:  # the last: tokens refused twice in a row
                plan.happened[f"run ended by {type(error).__name__}"] += 1
            opened.clock.sleep(SERVER_GIVES_UP_AFTER)
        plan.stop()
        opened.system.closed_until = CLOSED_UNTIL
        Outbox(engine, opened.reopened(), Policy()).post_all(lambda _: None)
        assert_exactly_once(name, seed, engine, opened)
    finally:
        opened.close()
        engine.dispose()
    return plan.happened


def assert_exactly_once(name: str, seed: int, engine: sa.Engine, opened: Opened) -> None:
    """What is verified is booked once, nothing else is booked, and the sums are those of what is desired."""
    with engine.connect() as connection:
        query = sa.select(db.released_entries.c.ledger_key, db.outbox.c.state).join(
            db.outbox, db.outbox.c.release_id == db.released_entries.c.release_id
        )
        states = {row.ledger_key: row.state for row in connection.execute(query)}
    booked, net = HISTORIES[name](opened.system)
    assert {key: 1 for key, state in states.items() if state == "verified"} == dict(booked), f"seed {seed}"
    assert set(states.values()) <= {"verified", "held", "rejected", "reversed"}, f"seed {seed}"
    refused = {key_of(10 * seed + digit): digit for digit in (HELD, REJECTED)}
    assert {key: states[f"{key}#1"] for key in refused} == {
        key: "held" if digit == HELD else "rejected" for key, digit in refused.items()
    }
    desired = [entry for entry in rounds_of(seed)[-1] if entry.entry_key not in refused]
    assert net == effect(desired), f"seed {seed}"


def run_with_a_restored_backup(name: str, seed: int, folder: Path) -> Counter[str]:
    """A schedule in whose middle the operations database of an earlier round is put back; the ledger goes on from where it was."""
    opening, habits = LEDGERS[name]
    rng = random.Random(seed)
    plan = FaultPlan(seed, 6)
    opened = opening(folder / f"{seed}", plan, **habits(rng))
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    db.metadata.create_all(engine)
    backup = sqlite3.connect(":memory:")
    try:
        rounds = [*(one := rounds_of(seed)), one[-1]]
        taken, restored = sorted(rng.sample(range(len(rounds)), 2))
        for number, desired in enumerate(rounds):
            ready = {document_of(10 * seed + digit): Facts(f"gone {number}", "") for digit in range(1, 6)}
            ready |= {d.document_id: Facts(d.facts_hash, d.facts_hash) for d in desired}
            if number == restored:
                backup.backup(_raw(engine))
                plan.happened["restored backup"] += 1
            Releaser(engine, name, "tests", f"release-{number}", lambda day: day).release(desired, ready, Sight())
            with suppress(Died, LedgerUncertain, SettingsError):
                Outbox(engine, mortal(opened, rng, plan.happened), Policy()).post_all(lambda _: None)
            opened.clock.sleep(SERVER_GIVES_UP_AFTER)
            if number == taken:
                _raw(engine).backup(backup)
        plan.stop()
        opened.system.closed_until = CLOSED_UNTIL
        last = Outbox(engine, opened.reopened(), Policy())
        last.post_all(lambda _: None)
        last.drift()
        plan.happened["told"] += assert_nothing_is_silent(name, seed, engine, opened)
    finally:
        opened.close()
        engine.dispose()
        backup.close()
    return plan.happened


def _raw(engine: sa.Engine) -> sqlite3.Connection:
    found = engine.raw_connection().driver_connection
    assert isinstance(found, sqlite3.Connection)
    return found


def assert_nothing_is_silent(name: str, seed: int, engine: sa.Engine, opened: Opened) -> int:
    """No key is booked twice; where the books are not what is desired, a row says so. Returns how many rows do."""
    with engine.connect() as connection:
        query = sa.select(db.released_entries.c.ledger_key, db.outbox.c.state, db.outbox.c.reason).join(
            db.outbox, db.outbox.c.release_id == db.released_entries.c.release_id
        )
        rows = connection.execute(query).all()
    booked, net = HISTORIES[name](opened.system)
    assert set(booked.values()) <= {1}, f"seed {seed}"
    refused = {f"{key_of(10 * seed + digit)}#1" for digit in (HELD, REJECTED)}
    assert {row.state for row in rows} <= {"verified", "held", "rejected", "mismatch", "reversed"}, f"seed {seed}"
    assert all(row.ledger_key in booked for row in rows if row.state == "verified"), f"seed {seed}"
    told = [row for row in rows if row.state in ("held", "rejected", "mismatch") and row.ledger_key not in refused]
    assert all(row.reason for row in told), f"seed {seed}"
    desired = effect([entry for entry in rounds_of(seed)[-1] if f"{entry.entry_key}#1" not in refused])
    differing = {
        key for key, _ in {*net, *desired} if any(net.get(p) != desired.get(p) for p in {*net, *desired} if p[0] == key)
    }
    assert differing <= {row.ledger_key.partition("#")[0] for row in told}, f"seed {seed}"
    return len(told)


# The histories: from raw documents alone.

History = tuple[Counter[str], Mapping[tuple[str, str], int]]
_KEY = re.compile(r" key=(\S+) ")


def history_of_quickbooks(company: Any) -> History:
    """How often each key was booked, and the sum by entry and account in cents."""
    booked: Counter[str] = Counter()
    net: dict[tuple[str, str], int] = defaultdict(int)
    codes = {account["Id"]: account["AcctNum"] for account in company.accounts}
    for document in company.booked:
        key = unquote(_KEY.findall(document["PrivateNote"])[0])
        booked[key] += 1
        for line in document["Line"]:
            detail = line["JournalEntryLineDetail"]
            cents = int(Decimal(line["Amount"]) * 100) * (1 if detail["PostingType"] == "Debit" else -1)
            net[key.partition("#")[0], codes[detail["AccountRef"]["value"]]] += cents
    assert len({document["DocNumber"] for document in company.booked}) == len(company.booked)
    return booked, {place: cents for place, cents in net.items() if cents}


def history_of_xero(organisation: Any) -> History:
    """How often each key was booked, and the sum by entry and account in cents."""
    booked: Counter[str] = Counter()
    net: dict[tuple[str, str], int] = defaultdict(int)
    for document in organisation.booked:
        assert document["Status"] == "POSTED"
        key = unquote(_KEY.findall(document["Narration"])[0])
        booked[key] += 1
        for line in document["JournalLines"]:
            net[key.partition("#")[0], line["AccountCode"]] += int(Decimal(line["LineAmount"]) * 100)
    assert len({document["Url"] for document in organisation.booked}) == len(organisation.booked)
    return booked, {place: cents for place, cents in net.items() if cents}


HISTORIES: dict[str, Callable[[Any], History]] = {"quickbooks": history_of_quickbooks, "xero": history_of_xero}


def run_schedules(name: str, first: int, count: int, folder: Path) -> Counter[str]:
    """Run so many schedules one after the other."""
    happened: Counter[str] = Counter()
    for seed in range(first, first + count):
        happened += run_schedule(name, seed, folder)
    return happened


@pytest.mark.parametrize("name", LEDGERS)
def test_every_entry_is_booked_exactly_once(name: str, tmp_path: Path) -> None:
    """A few schedules, so that every run of the tests has some."""
    assert run_schedules(name, 0, FAST, tmp_path).total() > FAST


@pytest.mark.long
@pytest.mark.parametrize("name", LEDGERS)
@pytest.mark.parametrize("first", range(100, 100 + LONG, PER_TEST))
def test_more_schedules(name: str, first: int, tmp_path: Path) -> None:
    """Everything that can go wrong does, often."""
    happened = run_schedules(name, first, PER_TEST, tmp_path)
    assert {fate for fate in (*FATES, "dies before", "dies after") if not happened[fate]} == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", LEDGERS)
@pytest.mark.parametrize("first", range(10_000, 10_000 + SLOW, 100))
def test_many_more_schedules(name: str, first: int, tmp_path: Path) -> None:
    """The same over a thousand others of each ledger."""
    run_schedules(name, first, 100, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", LEDGERS)
def test_a_restored_backup_doubles_nothing_and_hides_nothing(name: str, tmp_path: Path) -> None:
    """An operations database of yesterday does not know what was posted since; the ledger does."""
    happened: Counter[str] = Counter()
    for seed in range(20_000, 20_000 + RESTORED):
        happened += run_with_a_restored_backup(name, seed, tmp_path)
    assert happened["restored backup"] == RESTORED
    assert happened["told"] > 0


@pytest.mark.long
@pytest.mark.parametrize("name", LEDGERS)
def test_the_schedules_find_a_poster_that_repeats_writes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Schedules that find nothing in a poster known to be wrong would prove nothing of a right one."""
    send = HttpClient.request
    monkeypatch.setattr(HttpClient, "request", lambda *given, **named: send(*given, **{**named, "may_repeat": True}))
    with pytest.raises(AssertionError):
        run_schedules(name, 500, 60, tmp_path)


def test_the_held_entry_is_of_a_closed_month() -> None:
    """The schedules rest on it."""
    assert date.fromisoformat(CLOSED_UNTIL) == date(2026, 9, 30)
