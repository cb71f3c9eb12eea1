"""What every connector to a running system must keep, whatever the system does: the same set of rows, or nothing and a word."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from retail_sync.connectors.registry import WIRE_CONNECTORS
from retail_sync.connectors.wire import Access
from retail_sync.core.errors import RetailSyncError
from retail_sync.pipeline import Pipeline
from retail_sync.reports.doctor import examine
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.faults import FaultPlan
from retail_sync_tests.fakes.server import Reply
from retail_sync_tests.fakes.source import CANARY, Knobs
from retail_sync_tests.fakes.sources import SOURCES

Bench = Callable[..., PullBench]
READING = ("dropped before", "dropped after", "throttled", "failed before", "failed after", "cut after", "page before",
           "page after", "token stale")  # fmt: skip
PAGING: dict[str, dict[str, Any]] = {
    "a row a page": {"rows": 1},
    "one page": {"rows": 1000},
    "an empty page": {"empty_at": frozenset({2, 3})},
    "a page again": {"repeat_at": 2},
    "a row more meanwhile": {"insert_at": 2},
    "the same token again": {"loop_at": 2},
}


@pytest.fixture(params=sorted(WIRE_CONNECTORS))
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Make benches of one connector."""
    made = []

    def make(plan: FaultPlan | None = None, records: int = 7, **knobs: Any) -> PullBench:
        fake = SOURCES[request.param](FakeClock(), records)
        fake.knobs = Knobs(**knobs)
        made.append(PullBench(fake, tmp_path / str(len(made)), monkeypatch, plan))
        return made[-1]

    yield make
    for item in made:
        item.close()


def whole(made: PullBench) -> set[tuple[str, str, str]]:
    """Pull once, see that nothing went wrong, and return the records."""
    pulled = made.pull()
    assert [item.problem for item in pulled if item.problem] == []
    return made.records()


_FAULTLESS: dict[tuple[str, int], set[tuple[str, str, str]]] = {}


def faultless(bench: Bench, records: int = 7) -> set[tuple[str, str, str]]:
    """What a system with so many records gives when nothing happens; asked for once a connector."""
    made = bench(records=records)
    key = (made.fake.connector, records)
    if key not in _FAULTLESS:
        _FAULTLESS[key] = whole(made)
    return _FAULTLESS[key]


def test_every_list_comes(bench: Bench) -> None:
    """A list of which nothing comes would be looked after by no other test."""
    made = bench()
    assert {name for name, _, _ in whole(made)} == {item.name for item in WIRE_CONNECTORS[made.fake.connector].objects}


@pytest.mark.parametrize("paging", sorted(PAGING))
def test_paging_does_not_change_what_comes(bench: Bench, paging: str) -> None:
    """However the rows are cut into pages. One that is added meanwhile may be there or come with the next run."""
    expected, made = faultless(bench), bench(**PAGING[paging])
    found = whole(made)
    if paging == "a row more meanwhile":
        assert expected <= found
        expected, found = faultless(bench, 8), found | whole(made)
    assert found == expected


@pytest.mark.parametrize("page", range(2, 8))
def test_a_token_that_expires_makes_the_window_begin_anew(bench: Bench, page: int) -> None:
    """Wherever in the list it happens."""
    assert whole(bench(expire_at=page)) == faultless(bench)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_fifth_of_the_requests_fails(bench: Bench, seed: int) -> None:
    """The set is the same, within the budget of calls, and no secret is anywhere."""
    plan = FaultPlan(seed, 10_000, probability=0.4, fates=READING)  # halved for reads: one in five
    made = bench(plan, records=20, rows=1)
    while any(item.problem for item in made.pull()) or not plan.happened:  # a list of one file is asked once in a run
        assert len(made.server.requests) < 2_000
    plan.stop()
    assert made.records() == faultless(bench, 20)
    assert sum(plan.happened.values()) > 0


def test_the_same_again_is_no_new_delivery(bench: Bench) -> None:
    """An hourly run over a quiet system adds nothing to the archive."""
    made = bench()
    whole(made)
    whole(made)  # once more, for the days that only the look-back asks for
    before = [delivery.delivery_id for delivery in made.registry.all()]
    made.fake.clock.sleep(600)
    whole(made)
    assert [delivery.delivery_id for delivery in made.registry.all()] == before


def test_rows_become_canonical(bench: Bench) -> None:
    """Every list that has canonical tables fills them, and no row is rejected."""
    made = bench()
    whole(made)
    pipeline = Pipeline(made.home, "trace-1")
    report = pipeline.load()
    assert report.refused == ()
    with pipeline.writing("look") as connection:
        rejected = connection.execute(
            "select table_name, column_name, value, reason from canonical.rejected_rows"
        ).fetchall()
        filled = {
            name
            for item in WIRE_CONNECTORS[made.fake.connector].objects
            for name in item.tables
            if connection.execute(f"select 1 from canonical.{name} limit 1").fetchone()
        }
    assert rejected == []
    assert filled == {name for item in WIRE_CONNECTORS[made.fake.connector].objects for name in item.tables}


def test_a_secret_is_nowhere(bench: Bench) -> None:
    """Not in a file, a database, an error or what a run says, also where the system refuses us."""
    made = bench(FaultPlan(1, 50, probability=0.6, fates=READING))
    said = [str(item.problem) for item in made.pull()]
    os.environ.update({name: f"{CANARY}-wrong" for name in os.environ if name.startswith("RETAIL_SYNC_SHOP_")})
    made.fake.expire_tokens()
    said += [str(item.problem) for item in made.pull()]
    made.engine.dispose()
    files = b"".join(
        path.read_bytes() for path in made.home.state.rglob("*") if path.is_file() and path.suffix != ".zst"
    )
    content = b"".join(b"".join(made.archive.read(d.source, d.sha256)) for d in made.registry.all())
    for text in (*said, *made.said, files.decode("latin-1"), content.decode("latin-1")):
        assert CANARY not in text


def test_one_cheap_call_says_who_answers(bench: Bench) -> None:
    """What doctor asks."""
    made = bench()
    connector = WIRE_CONNECTORS[made.fake.connector]
    client = connector.connect(Access(made.source, made.home.state, "doctor", made.fake.clock.as_clock()))
    assert connector.check(client)
    assert len(made.server.requests) <= 2
    client.close()
    made.close()
    client = connector.connect(Access(made.source, made.home.state, "doctor", made.fake.clock.as_clock()))
    with pytest.raises(RetailSyncError, match="no connection"):
        connector.check(client)
    client.close()


def test_doctor_tells_of_answers_of_another_form(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something in between answers JSON of its own: that is what doctor finds of this source, and it looks at the others."""
    made = bench()
    for answer in ("closed", {"errors": "down for maintenance"}, {"data": None}):
        monkeypatch.setattr(made.fake, "answer", lambda _, answer=answer: Reply(200, answer))
        [look] = [item for item in examine(made.home) if item.what == "source shop"]
        assert (look.is_fine, bool(look.remedy)) == (False, True), look


def test_a_wrong_secret_is_told_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once a list, and in words: what the system answered stands there without its JSON and without the secret."""
    made = bench()
    secrets = made.fake.secrets()
    if not secrets:
        pytest.skip(f"{made.fake.connector} asks for no secret")
    for name in secrets:
        monkeypatch.setenv(f"RETAIL_SYNC_SHOP_{name}", "another-one-that-is-wrong")
    [pulled] = made.pull()
    assert pulled.problem
    assert (pulled.problem.subject, pulled.problem.kind) == ("shop/*", "configuration")
    assert "another-one" not in pulled.problem.message
    assert "{" not in pulled.problem.message


def test_secrets_that_lack_are_told_together(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """With those set that the one sentence names, nothing lacks any more."""
    made = bench()
    secrets = made.fake.secrets()
    for name in secrets:
        monkeypatch.delenv(f"RETAIL_SYNC_SHOP_{name}")
    told = " ".join(item.problem.message for item in made.pull() if item.problem)
    for name, value in secrets.items():
        if f"RETAIL_SYNC_SHOP_{name} " in told.replace(",", " "):
            monkeypatch.setenv(f"RETAIL_SYNC_SHOP_{name}", value)
    assert bool(told) == bool(secrets)
    whole(made)
