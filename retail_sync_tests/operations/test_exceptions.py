"""The exception queue: opened, seen again, closed by itself, and back again with a new age."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest
import sqlalchemy as sa

from retail_sync.operations.exceptions import ExceptionQueue, Problem


@pytest.fixture
def engine(operations: sa.Engine) -> sa.Engine:
    """A fresh operations database."""
    return operations


@pytest.fixture
def queue(engine: sa.Engine) -> ExceptionQueue:
    """A fresh queue."""
    return ExceptionQueue(engine)


def overdue(subject: str = "31248651732", minor: int | None = 41512, severity: str = "error") -> Problem:
    """A payout that did not arrive."""
    return Problem(
        "deposit_overdue", subject, "business", "finance", "It is not in the bank.", "Ask.",
        severity=severity, amount_minor=minor, currency="USD", since_date="2026-10-29",  # type: ignore[arg-type]
    )  # fmt: skip


def test_opened_seen_again_and_closed_by_itself(queue: ExceptionQueue) -> None:
    """Nobody has to remember to resolve anything: a run that no longer sees the cause closes the exception."""
    problem = overdue()
    queue.settle("reconcile", [problem], "run-1")
    first = queue.open()[0]
    queue.settle("reconcile", [problem], "run-2")
    second = queue.open()[0]
    assert (first.first_seen_at, first.trace_id) == (second.first_seen_at, "run-1")
    assert (second.last_seen_at > first.last_seen_at, second.trace_id) == (True, "run-2")
    queue.settle("reconcile", [], "run-3")
    assert queue.open() == []
    closed = queue.find(problem.exception_id)
    assert closed is not None
    assert closed.closed_at >= closed.last_seen_at == second.last_seen_at


def test_back_again_it_is_a_new_problem_of_the_same_name(queue: ExceptionQueue) -> None:
    """Its age starts anew: a payout overdue again after six months is not six months old."""
    queue.settle("reconcile", [overdue()], "run-1")
    before = queue.open()[0]
    queue.settle("reconcile", [], "run-2")
    queue.settle("reconcile", [overdue()], "run-3")
    again = queue.open()[0]
    assert again.exception_id == before.exception_id
    assert again.first_seen_at > before.first_seen_at
    assert again.closed_at is None


def test_what_changed_about_it_is_told(queue: ExceptionQueue) -> None:
    """The amount at stake may change from run to run; the queue shows today's."""
    queue.settle("reconcile", [overdue(minor=100)], "run-1")
    queue.settle("reconcile", [overdue(minor=250)], "run-2")
    assert [row.amount_minor for row in queue.open()] == [250]


def test_a_stage_closes_only_its_own(queue: ExceptionQueue) -> None:
    """An hourly run that loads nothing must not close what reconciliation found."""
    queue.settle("reconcile", [overdue()], "run-1")
    queue.settle("canonical", [], "run-1")
    assert len(queue.open()) == 1


def test_one_more_problem_of_a_stage_leaves_the_others_open(queue: ExceptionQueue) -> None:
    """A failed nightly run does not mean that the hourly one is well again."""
    for job in ("hourly_sync", "nightly_close", "hourly_sync"):
        queue.add("run", Problem("run_failed", job, "transient", "operations", "It failed.", "Run again."), "run-1")
    assert [row.subject for row in queue.open()] == ["hourly_sync", "nightly_close"]
    queue.settle("run", [], "run-2")
    assert queue.open() == []


def test_ids_are_the_same_everywhere() -> None:
    """The id is made of what is wrong with what: two machines, and tomorrow's run, give the same one."""
    assert overdue().exception_id == overdue(minor=None).exception_id == "E248a7af2fc"
    assert overdue("1").exception_id != overdue("2").exception_id


def test_errors_first_then_by_value(queue: ExceptionQueue) -> None:
    """The person reads from the top: what is wrong for most money, whatever its sign; warnings last."""
    problems = [overdue("small", 5), overdue("none", None), overdue("minus", -900), overdue("warn", 5000, "warning")]
    queue.settle("reconcile", problems, "run-1")
    assert [row.subject for row in queue.open()] == ["minus", "small", "none", "warn"]


def test_found_by_the_beginning_of_its_id(queue: ExceptionQueue) -> None:
    """People type six digits; what is ambiguous or a pattern finds nothing."""
    queue.settle("reconcile", [overdue(str(number)) for number in range(3)], "run-1")
    wanted = queue.open()[0].exception_id
    found = queue.find(wanted[:6])
    assert found is not None
    assert found.exception_id == wanted
    assert queue.find("E") is None
    assert queue.find("%" + wanted[1:]) is None
    assert queue.find("nothing") is None


def test_what_a_person_resolved_stays_closed_until_it_changes(queue: ExceptionQueue) -> None:
    """A bank fee that everybody knows of must not nag every hour; another amount of it must."""
    known = replace(overdue(), message="25.00 less")
    queue.settle("reconcile", [known], "t")
    queue.resolve(known.exception_id, "Ann", "bank fee, booked by hand")
    queue.settle("reconcile", [known], "t")
    assert not queue.open()
    row = queue.find(known.exception_id)
    assert row is not None
    assert (row.resolved_by, row.resolution) == ("Ann", "bank fee, booked by hand")
    queue.settle("reconcile", [replace(overdue(), message="26.00 less")], "t")
    (again,) = queue.open()
    assert (again.message, again.resolved_by) == ("26.00 less", "")


def test_more_than_a_statement_may_bind(queue: ExceptionQueue, engine: sa.Engine) -> None:
    """A lost price list opens and closes a quarter of a million at once; SQLite binds 250,000 values in a statement, here 100."""
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", lambda raw, _: raw.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 100))
    many = [overdue(str(number)) for number in range(301)]
    queue.settle("reconcile", many, "run-1")
    queue.settle("reconcile", many, "run-2")
    queue.settle("reconcile", many[:1], "run-3")
    assert [row.subject for row in queue.open()] == ["0"]
    assert queue.closed_count() == 300


def test_new_old_and_resolved_in_one_run(queue: ExceptionQueue) -> None:
    """One run finds four kinds: new, still there, back again, and known to a person. Each keeps or starts its own age."""
    queue.settle("reconcile", [overdue("there"), overdue("back"), overdue("resolved")], "run-1")
    queue.resolve(overdue("resolved").exception_id, "Ann", "known")
    queue.settle("reconcile", [overdue("there"), overdue("resolved")], "run-2")
    first = {row.subject: row.first_seen_at for row in queue.open()}
    queue.settle("reconcile", [overdue(name) for name in ("there", "back", "resolved", "new")], "run-3")
    ages = {row.subject: row.first_seen_at for row in queue.open()}
    assert {*ages} == {"there", "back", "new"}
    assert ages["there"] == first["there"] < ages["back"] == ages["new"]
