"""Deliveries come twice, late, corrected, damaged, to the wrong source: the tables show the best copy of each document."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from retail_sync.connectors import intake
from retail_sync.core.errors import RetailSyncError
from retail_sync.pipeline import Pipeline, Window
from retail_sync.settings import Home
from retail_sync_tests import simulator
from retail_sync_tests.connectors.loading_bench import START, LoadBench, canonical_rows, row, settlement
from retail_sync_tests.connectors.pulled import PullBench
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.vendure import FakeVendure
from retail_sync_tests.simulator import Settlement

_SALE = settlement(row("24.50"), row("-3.68", "Commission"))
GOOD = simulator.write_v2(_SALE)
CORRECTED = simulator.write_v2(settlement(row("24.50"), row("-3.50", "Commission"), settlement_id=_SALE.settlement_id))
DAMAGED = simulator.write_v2(settlement(row("24.50"), settlement_id=_SALE.settlement_id, total=Decimal("20.82")))
AFTER = Window(START.date(), START.replace(month=12).date())


def put(home: Home, name: str, content: bytes) -> str:
    """Write a file somewhere outside the inbox; return its path."""
    path = home.root / name
    path.write_bytes(content)
    return str(path)


def amounts(pipeline: Pipeline) -> list[Decimal]:
    """The canonical amounts in the order of the file."""
    with pipeline.warehouse.writing("test reads") as connection:
        rows = connection.execute(
            "select amount from canonical.settlement_lines order by settlement_id, line_no"
        ).fetchall()
    return [amount for (amount,) in rows]


@pytest.mark.parametrize("second_name", ["a.txt", "copy of a.txt"])
def test_the_same_content_again_is_skipped_and_counted(pipeline: Pipeline, second_name: str) -> None:
    """A file delivered twice must not be booked twice, whatever it is called; that it came again is known."""
    first = pipeline.ingest([put(pipeline.home, "a.txt", GOOD)], "amazon")
    second = pipeline.ingest([put(pipeline.home, second_name, GOOD)], "amazon")
    report = pipeline.load()
    assert [item.is_new for item in first + second] == [True, False]
    assert first[0].delivery_id == second[0].delivery_id
    assert pipeline.registry.duplicates_count() == 1
    assert (report.loaded, amounts(pipeline)) == (1, [Decimal("24.50"), Decimal("-3.68")])
    assert pipeline.load().loaded == 0


def test_content_of_the_wrong_source_reaches_the_right_one(pipeline: Pipeline) -> None:
    """A settlement dropped at the bank is refused there; that must not make it "seen" where it belongs."""
    path = put(pipeline.home, "settlement.txt", GOOD)
    (wrong,) = pipeline.ingest([path], "bank")
    assert "no column" in wrong.warning
    assert pipeline.load().refused[0][0] == "settlement.txt"
    assert [problem.code for problem in pipeline.exceptions.open()] == ["delivery_refused"]

    (right,) = pipeline.ingest([path], "amazon")
    assert (right.is_new, right.warning) == (True, "")
    assert pipeline.load().loaded == 1
    assert amounts(pipeline) == [Decimal("24.50"), Decimal("-3.68")]
    assert not pipeline.exceptions.open()


def test_a_document_of_the_wrong_account_moves_to_the_right_one(make_home: Callable[..., Home]) -> None:
    """Two accounts read the same format: delivered to the wrong one first, the lines must end in the right one, once."""
    sources = "".join(f'[[source]]\nname = "{name}"\nconnector = "amazon_settlement"\n' for name in ("us", "de"))
    pipeline = Pipeline(make_home(settings=sources), "test")
    path = put(pipeline.home, "a.txt", GOOD)
    for source in ("us", "de"):
        pipeline.ingest([path], source)
        pipeline.load()
    rows = canonical_rows(pipeline)
    assert [line[2] for line in rows["settlements"]] == ["de"]
    assert {line[4] for line in rows["settlement_lines"]} == {"de"}
    assert len(rows["settlement_lines"]) == 2


def test_a_reissue_supersedes(pipeline: Pipeline) -> None:
    """The marketplace corrects a settlement by issuing it again: the later file counts, alone."""
    for name, content in (("a.txt", GOOD), ("b.txt", CORRECTED)):
        pipeline.ingest([put(pipeline.home, name, content)], "amazon")
        pipeline.load()
    assert amounts(pipeline) == [Decimal("24.50"), Decimal("-3.50")]


@pytest.mark.parametrize("order", tuple(itertools.permutations(range(3))))
def test_which_copy_counts_does_not_depend_on_the_order_of_loading(bench: LoadBench, order: tuple[int, ...]) -> None:
    """Good, corrected, then damaged: whatever is loaded first, the corrected one is in force (DESIGN section 9)."""
    document = settlement(row("1.00"))
    contents = (
        simulator.write_v2(document),
        simulator.write_v2(_with_amount(document, "2.00")),
        simulator.write_v2(_with_amount(document, "3.00"), header_total=Decimal("9.00")),
    )
    outcomes = {place: bench.deliver(contents[place], order=100 + place) for place in order}
    now = {place: bench.outcome(outcome.delivery_id) for place, outcome in outcomes.items()}
    assert [now[place].is_current for place in range(3)] == [False, True, False]
    in_force = bench.connection.execute(
        "select amount, delivery_id from canonical.settlement_lines where settlement_id = ?", [document.settlement_id]
    ).fetchall()
    assert in_force == [(Decimal("2.00"), now[1].delivery_id)]


def _with_amount(document: Settlement, amount: str) -> Settlement:
    return settlement(row(amount), settlement_id=document.settlement_id)


def test_inbox_and_ingest_give_the_same_rows(make_home: Callable[..., Home]) -> None:
    """The two ways in end in one: same delivery ids, same rows."""
    by_hand, by_inbox = Pipeline(make_home("hand"), "test"), Pipeline(make_home("inbox"), "test")
    by_hand.ingest([put(by_hand.home, "a.txt", GOOD)], "amazon")
    folder = by_inbox.home.inbox / "amazon"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_bytes(GOOD)
    (folder / ".hidden").write_bytes(CORRECTED)
    (folder / "archive").mkdir()
    assert [item.path.name for item in by_inbox.receive_inbox()] == ["a.txt"]
    for pipeline in (by_hand, by_inbox):
        pipeline.load()
    assert canonical_rows(by_hand) == canonical_rows(by_inbox)
    assert by_inbox.receive_inbox() == []
    assert (folder / "a.txt").read_bytes() == GOOD


def test_a_file_that_cannot_be_read_stops_no_other(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without read permission is told of by name and tried again; one that vanished is nobody's problem."""
    folder = pipeline.home.inbox / "amazon"
    folder.mkdir(parents=True)
    for name in ("a_locked.txt", "b_vanishing.txt", "c.txt"):
        (folder / name).write_bytes(GOOD)
    plain_receive = intake.receive

    def receive(path: Path, *rest: object) -> intake.Received:
        if path.name == "a_locked.txt":  # root reads what nobody may: the refusal has to be played
            raise RetailSyncError(f"{path} cannot be taken in: Permission denied", "check the path and its permissions")
        if path.name == "b_vanishing.txt":
            path.unlink()
        return plain_receive(path, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(intake, "receive", receive)
        received = pipeline.receive_inbox()
    assert [(item.path.name, item.is_new) for item in received] == [("a_locked.txt", False), ("c.txt", True)]
    (problem,) = pipeline.exceptions.open()
    assert (problem.code, problem.subject) == ("file_unreadable", "amazon/a_locked.txt")
    assert "Permission denied" in problem.message
    pipeline.receive_inbox()
    assert not pipeline.exceptions.open()


def test_a_file_name_that_is_not_utf8_stops_no_other(pipeline: Pipeline) -> None:
    """A ZIP from an old Windows machine has Latin-1 names: the file is told of by an escaped name, the others load."""
    folder = pipeline.home.inbox / "amazon"
    folder.mkdir(parents=True)
    misnamed = os.fsencode(folder) + b"/\xe9t\xe9.txt"
    Path(os.fsdecode(misnamed)).write_bytes(CORRECTED)
    (folder / "z.txt").write_bytes(GOOD)
    assert [item.path.name for item in pipeline.receive_inbox() if item.is_new] == ["z.txt"]
    (problem,) = pipeline.exceptions.open()
    assert (problem.code, problem.subject) == ("file_unreadable", r"amazon/\xe9t\xe9.txt")
    assert "not UTF-8" in problem.message
    assert problem.remedy == "give the file another name"
    with pytest.raises(RetailSyncError, match="not UTF-8"):
        pipeline.ingest([os.fsdecode(misnamed)], "amazon")
    assert [file.parent.name for file in pipeline.waiting_files()] == ["amazon"]

    Path(os.fsdecode(misnamed)).rename(folder / "été.txt")
    assert [item.path.name for item in pipeline.receive_inbox() if item.is_new] == ["été.txt"]
    assert not pipeline.exceptions.open()


@pytest.mark.parametrize("fault", ["its block is wrong", "its block is gone"])
def test_a_wrong_source_block_stops_its_own_files_only(make_home: Callable[..., Home], fault: str) -> None:
    """The statement waits with an exception that says what to correct; the settlement is loaded."""
    good = '[[source]]\nname = "amazon"\nconnector = "amazon_settlement"\n'
    bank = '[[source]]\nname = "bank"\nconnector = "declared_csv"\nobject = "bank_transactions"\n'
    columns = '[source.columns]\nvalue_date = "Date"\namount = "Amount"\ncurrency = "=USD"\nreference = "Text"\n'
    pipeline = Pipeline(make_home(settings=good + bank + 'date_format = "%Y-%m-%d"\n' + columns), "test")
    statement = put(pipeline.home, "statement.csv", b"Date,Amount,Text\n2026-10-16,20.82,AMAZON\n")
    pipeline.ingest([statement], "bank")
    pipeline.ingest([put(pipeline.home, "a.txt", GOOD)], "amazon")

    broken = Pipeline(make_home(settings=good + (bank + columns if "wrong" in fault else "")), "test")
    assert (broken.load().loaded, amounts(broken)) == (1, [Decimal("24.50"), Decimal("-3.68")])
    (problem,) = broken.exceptions.open()
    assert (problem.code, problem.subject) == ("delivery_refused", "bank/statement.csv")
    assert "retail_sync.toml" in problem.remedy
    assert ("date_format must be declared" if "wrong" in fault else "no source is called 'bank'") in problem.message
    assert pipeline.load().loaded == 1
    assert not pipeline.exceptions.open()


def test_a_file_still_being_written_waits_for_the_next_scan(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a file would be refused or not foot; the whole one comes with the next run (faults.md, 56)."""
    folder = pipeline.home.inbox / "amazon"
    folder.mkdir(parents=True)
    file = folder / "a.txt"
    file.write_bytes(GOOD[:500])

    def grow(_seconds: float) -> None:
        with file.open("ab") as stream:
            stream.write(GOOD[500:])

    monkeypatch.setattr(intake.time, "sleep", grow)
    assert pipeline.receive_inbox() == []
    monkeypatch.setattr(intake.time, "sleep", lambda _seconds: None)
    assert [item.is_new for item in pipeline.receive_inbox()] == [True]
    assert pipeline.load().loaded == 1
    assert amounts(pipeline) == [Decimal("24.50"), Decimal("-3.68")]


@pytest.mark.long
def test_a_file_changed_in_the_inbox_is_taken_in_again(pipeline: Pipeline) -> None:
    """A corrected file saved over the old one is a new delivery of the same document."""
    folder = pipeline.home.inbox / "amazon"
    folder.mkdir(parents=True)
    for content in (GOOD, CORRECTED):
        (folder / "a.txt").write_bytes(content)
        assert [item.is_new for item in pipeline.receive_inbox()] == [True]
        pipeline.load()
    assert amounts(pipeline) == [Decimal("24.50"), Decimal("-3.50")]


def test_a_delivery_refused_on_second_reading_is_still_superseded(make_home: Callable[..., Home]) -> None:
    """A setting changed and an old file is refused now; the re-issue must replace its lines, not come beside them."""
    amazon = '[[source]]\nname = "amazon"\nconnector = "amazon_settlement"\n'
    before = Pipeline(make_home(settings=amazon + 'extra_columns = ["fx-rate"]\n'), "test")
    extended = b"\n".join(
        line + (b"\tfx-rate" if place == 0 else b"\t1") for place, line in enumerate(GOOD.splitlines())
    )
    before.ingest([put(before.home, "a.txt", extended + b"\n")], "amazon")
    before.load()

    after = Pipeline(make_home(settings=amazon), "test")
    assert "fx-rate" in after.load(AFTER).refused[0][1]
    after.ingest([put(after.home, "b.txt", CORRECTED)], "amazon")
    after.load()
    assert amounts(after) == [Decimal("24.50"), Decimal("-3.50")]


def test_the_rows_of_a_delivery_are_its_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven orders on one page, with what the shop says of itself, are eight records and neither lines nor pages."""
    bench = PullBench(FakeVendure(FakeClock()), tmp_path, monkeypatch)
    bench.fake.knobs.rows = 100
    bench.pull()
    bench.close()

    def rows() -> dict[str, int | None]:
        return {delivery.object: delivery.rows for delivery in bench.registry.all()}

    assert rows() == {"orders": None, "stock": None}
    Pipeline(bench.home, "test").load()
    assert rows() == {"orders": 8, "stock": 8}


def test_the_heading_of_a_file_is_no_row(pipeline: Pipeline, tmp_path: Path) -> None:
    """Before it is read the lines of a file are known, afterwards its rows."""
    file = tmp_path / "statement.csv"
    file.write_text("Date,Account,Amount,Currency,Description\n2026-10-01,A,1.00,USD,x\n2026-10-02,A,2.00,USD,y\n")
    pipeline.ingest([str(file)], "bank")
    assert [delivery.rows for delivery in pipeline.registry.all()] == [3]
    pipeline.load()
    assert [delivery.rows for delivery in pipeline.registry.all()] == [2]
