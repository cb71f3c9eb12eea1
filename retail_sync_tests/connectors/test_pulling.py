"""Asking systems: windows, cursors, what a failure costs, and what a kill leaves behind."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from retail_sync.connectors.paged import PagesReader, page_line
from retail_sync.connectors.pulling import Days, windows_of
from retail_sync.connectors.registry import WIRE_CONNECTORS, objects_of
from retail_sync.connectors.vendure import Vendure
from retail_sync.connectors.wire import Access, Document, Page, Window
from retail_sync.core.errors import DeliveryRefused, RetailSyncError
from retail_sync.core.exact_json import look_into
from retail_sync.core.http import Limits
from retail_sync.core.http_errors import HttpError
from retail_sync.operations.cursors import Cursors
from retail_sync.pipeline import Pipeline
from retail_sync.pipeline import Window as LocalDays
from retail_sync.reports.delivered import read_records
from retail_sync.reports.sources import read_sources
from retail_sync.settings import Source
from retail_sync_tests.connectors.pulled import NAME, PullBench
from retail_sync_tests.e2e import processes
from retail_sync_tests.fakes.amazon import FakeAmazon
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.faults import FaultPlan
from retail_sync_tests.fakes.server import Reply, Request
from retail_sync_tests.fakes.square import FakeSquare
from retail_sync_tests.fakes.vendure import PASSWORD, FakeVendure

DAY = timedelta(days=1)


class Punctual(Vendure):
    """A shop that tells everything at once: it need not be asked for what is past."""

    objects = tuple(replace(item, look_back=timedelta(0)) for item in Vendure.objects)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PullBench]:
    """A shop of seven orders, all placed on 2026-11-19; it is the 20th, 8 o'clock."""
    monkeypatch.setitem(WIRE_CONNECTORS, "vendure", Punctual())
    made = PullBench(FakeVendure(FakeClock()), tmp_path, monkeypatch)
    made.source = made.source.model_copy(update={"objects": ("orders",)})
    made.home.settings = made.home.settings.model_copy(update={"source": (made.source,)})
    yield made
    made.close()


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def asked(bench: PullBench) -> list[str]:
    """The windows of orders that the shop was asked for, page after page."""
    found = []
    for request in bench.server.requests:
        options = request.document.get("variables", {}).get("options", {})
        for either in options.get("filter", {}).get("_or", []):
            between = next(iter(either.values()))["between"]
            found.append(f"{between['start'][:16]} {between['end'][:16]}")
    return list(dict.fromkeys(found))


def orders(bench: PullBench) -> int:
    """How many orders are in the archive, beside what the shop says of itself."""
    return sum(not part for _, part, _ in bench.records())


def reached(bench: PullBench) -> datetime | None:
    """How far the orders were asked for."""
    return Cursors(bench.engine).reached(NAME, "orders")


def test_windows_are_cut_at_whole_days() -> None:
    """So that tomorrow's look-back asks for the same windows; the last one ends now."""
    assert windows_of(at("2026-11-18T13:00"), at("2026-11-20T08:00"), DAY) == [
        Window(at("2026-11-18T00:00"), at("2026-11-19T00:00")),
        Window(at("2026-11-19T00:00"), at("2026-11-20T00:00")),
        Window(at("2026-11-20T00:00"), at("2026-11-20T08:00")),
    ]


def test_the_next_run_begins_with_a_look_back(bench: PullBench) -> None:
    """A day before where the first one ended, as the source says; what it brings again is no new delivery."""
    bench.source = bench.source.model_copy(update={"look_back_days": 1})
    bench.home.settings = bench.home.settings.model_copy(update={"source": (bench.source,)})
    bench.pull()
    assert asked(bench) == ["2026-11-19T00:00 2026-11-20T00:00", "2026-11-20T00:00 2026-11-20T08:00"]
    assert reached(bench) == at("2026-11-20T08:00")
    bench.server.requests.clear()
    bench.fake.clock.sleep(3600)
    [again] = bench.pull()
    assert asked(bench) == ["2026-11-19T00:00 2026-11-20T00:00", "2026-11-20T00:00 2026-11-20T09:00"]
    assert (again.received, reached(bench)) == ((), at("2026-11-20T09:00"))


def test_a_past_window_leaves_the_cursor_where_it_is(bench: PullBench) -> None:
    """Asked for the local days of the source; the hourly run goes on as if nothing had happened."""
    bench.pull()
    bench.source = bench.source.model_copy(update={"time_zone": "America/New_York"})
    bench.home.settings = bench.home.settings.model_copy(update={"source": (bench.source,)})
    bench.server.requests.clear()
    bench.pull(Days(date(2026, 11, 3), date(2026, 11, 4)))
    assert asked(bench) == ["2026-11-03T00:00 2026-11-04T00:00", "2026-11-04T00:00 2026-11-04T05:00"]
    assert reached(bench) == at("2026-11-20T08:00")


def test_a_past_window_before_the_first_run_is_no_beginning(bench: PullBench) -> None:
    """What lies between it and today was never asked for: a cursor there would leave it out."""
    bench.pull(Days(date(2026, 11, 3), date(2026, 11, 4)))
    assert reached(bench) is None


def test_a_system_that_is_away_costs_only_its_rows(bench: PullBench) -> None:
    """The cursor stays, a person is told what to do, and the next run brings everything."""
    bench.server.plan = FaultPlan(1, 10_000, probability=10, fates=("failed before",))
    [pulled] = bench.pull()
    assert pulled.problem is not None
    assert (pulled.problem.code, pulled.problem.subject, pulled.problem.kind) == (
        "pull_failed",
        f"{NAME}/orders",
        "transient",
    )
    assert "503" in pulled.problem.message
    assert reached(bench) is None
    bench.server.plan.stop()
    [pulled] = bench.pull()
    assert pulled.problem is None
    assert orders(bench) == 7


def test_where_nobody_is_there_nothing_else_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine lists over 31 days, each window asked for again and then in halves, would hold up the other sources for an hour."""
    made = PullBench(FakeSquare(FakeClock()), tmp_path, monkeypatch)
    made.close()
    began = made.fake.clock.time()
    [pulled] = made.pull()
    assert pulled.problem is not None
    assert (pulled.problem.subject, pulled.problem.kind) == (f"{NAME}/*", "transient")
    assert pulled.problem.message.startswith(
        "source shop could not be asked for: Square, GET /v2/locations: no connection to 127.0.0.1:"
    )
    assert made.fake.clock.time() - began < 15


def test_what_a_person_must_correct_is_not_repeated(bench: PullBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password is asked for once: repeated, it would lock the user out."""
    monkeypatch.setenv(f"RETAIL_SYNC_{NAME.upper()}_PASSWORD", "wrong")
    [pulled] = bench.pull()
    assert pulled.problem is not None
    assert pulled.problem.kind == "configuration"
    assert len(bench.server.requests) == 1
    monkeypatch.delenv(f"RETAIL_SYNC_{NAME.upper()}_PASSWORD")
    [pulled] = bench.pull()
    assert pulled.problem is not None
    assert "RETAIL_SYNC_SHOP_PASSWORD is not set" in pulled.problem.message
    assert "RETAIL_SYNC_SHOP_PASSWORD is not set" in bench.said[-1]  # the run is seen to leave the source out


def test_short_windows_are_no_long_silence(bench: PullBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty windows of ten seconds each: a person sees where the run is, not only who waits within one window."""
    ticks = itertools.count(0, 10.0)
    monkeypatch.setattr("retail_sync.connectors.pulling.time.monotonic", lambda: next(ticks))
    bench.source = bench.source.model_copy(update={"start_date": date(2026, 11, 1)})
    bench.home.settings = bench.home.settings.model_copy(update={"source": (bench.source,)})
    bench.pull()
    told = [line for line in bench.said if line.endswith("1 page so far")]
    assert len(told) > 3
    assert all(line.startswith(f"{NAME}/orders, window ") for line in told)


def test_the_budget_ends_a_run_and_the_next_goes_on(bench: PullBench) -> None:
    """Windows that came whole are kept; the calls of one run are bounded."""
    bench.source = bench.source.model_copy(update={"calls_max": 5, "start_date": date(2026, 11, 15)})
    bench.home.settings = bench.home.settings.model_copy(update={"source": (bench.source,)})
    [first] = bench.pull()
    assert first.problem is not None
    assert "more than it may make" in first.problem.message
    assert reached(bench) == at("2026-11-19T00:00")  # four empty days, and one page of the fifth
    [last] = bench.pull()
    assert last.problem is None
    assert orders(bench) == 7


def test_a_page_is_kept_as_it_came() -> None:
    """Digit by digit; only line ends between the tokens become blanks."""
    page = Page(b'{"a": 1.10,\r\n "b": "x\\ny", "c": 12345678901234.5678}', "part", "key")
    assert page_line(page) == (
        b'{"part":"part","key":"key","page":{"a": 1.10,   "b": "x\\ny", "c": 12345678901234.5678}}\n'
    )


def test_a_mark_of_utf8_before_a_page_stands_in_no_line() -> None:
    """A server that writes it is looked into all the same; within a line it would make the whole delivery unreadable."""
    content = b'\xef\xbb\xbf{"rows": [1]}'
    assert look_into(content)["rows"][0] == 1
    assert json.loads(page_line(Page(content)))["page"] == {"rows": [1]}


def test_pages_cut_anywhere_are_refused(bench: PullBench, tmp_path: Path) -> None:
    """A file that was cut off would be a short list."""
    bench.pull()
    [delivery] = bench.registry.all()
    content = b"".join(bench.archive.read(delivery.source, delivery.sha256))
    item = WIRE_CONNECTORS["vendure"].objects[0]
    reader = PagesReader(WIRE_CONNECTORS["vendure"], item)
    assert reader.open([content], tmp_path / "whole", "auto", 1 << 20).line_count == content.count(b"\n")
    for end in range(0, len(content), 97):
        with pytest.raises(DeliveryRefused):
            reader.open([content[:end]], tmp_path / "cut", "auto", 1 << 20)


def pull_in_a_process(url: str, root: Path, failpoint: str) -> None:
    """Pull the shop at `url` into the home at `root`, and die at the failpoint."""
    os.environ["RETAIL_SYNC_FAILPOINT"] = failpoint
    with pytest.MonkeyPatch.context() as patch:
        made = PullBench(FakeVendure(FakeClock()), root, patch)
        made.source = made.source.model_copy(
            update={"connection": {"url": url, "user": "reader"}, "objects": ("orders",)}
        )
        made.home.settings = made.home.settings.model_copy(update={"source": (made.source,)})
        made.pull()


@pytest.mark.long
@pytest.mark.parametrize(
    "failpoint", ["pull.after_window", "raw.after_archive", "raw.after_register", "pull.before_cursor"]
)
def test_killed_while_pulling(bench: PullBench, failpoint: str) -> None:
    """The next run asks again and ends with the same rows, each delivered once."""
    url, root = bench.server.url, bench.home.root
    assert processes.run(pull_in_a_process, url, root, failpoint) == -signal.SIGKILL
    bench.pull()
    bench.pull()
    assert orders(bench) == 7
    assert len(bench.registry.all()) <= 2  # the killed run's delivery says when it was asked for, as the next one does
    assert list((root / "state" / "pull").iterdir()) == []


def test_a_record_is_shown_as_it_came(bench: PullBench) -> None:
    """What an auditor sees for delivery and line_no of a canonical row."""
    bench.pull()
    [delivery] = bench.registry.all()
    found, records = read_records(Pipeline(bench.home, "look"), delivery.delivery_id, 2, 1)
    assert (found.name, [record.line_no for record in records]) == (delivery.name, [2])
    assert json.loads(records[0].text) == bench.fake.orders[1]  # type: ignore[attr-defined]
    with pytest.raises(RetailSyncError, match="no delivery shop-1"):
        read_records(Pipeline(bench.home, "look"), "shop-1", 1, 1)


@pytest.mark.parametrize("answer", [{"errors": "down for maintenance"}, {"errors": [7]}])
def test_an_answer_of_another_form_costs_only_its_list(
    bench: PullBench, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    """Something in between answers JSON of its own: the list is told of, and the run goes on to the next one."""
    monkeypatch.setattr(bench.fake, "answer", lambda _: Reply(200, answer))
    [pulled] = bench.pull()
    assert pulled.problem is not None
    assert "has not the form that it should have" in pulled.problem.message
    assert (pulled.problem.kind, reached(bench)) == ("transient", None)


def test_a_word_where_a_number_must_be_costs_only_its_list(bench: PullBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for next hangs on it, so it is read before the page is delivered: no run may end of it."""
    answer = bench.fake.answer

    def wordy(request: Request) -> Reply:
        reply = answer(request)
        if "orders" in reply.document.get("data", {}):
            reply.document["data"]["orders"]["totalItems"] = "many"
        return reply

    monkeypatch.setattr(bench.fake, "answer", wordy)
    [pulled] = bench.pull()
    assert pulled.problem is not None
    assert "has not the form that it should have" in pulled.problem.message


def test_what_is_now_is_of_the_day_of_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days of Tokyo within one of UTC: what is held back on the first of a month is delivered, also where nothing changed."""
    clock = FakeClock(at("2026-10-31T01:00"))
    made = PullBench(FakeAmazon(clock), tmp_path, monkeypatch)
    source = made.source.model_copy(update={"time_zone": "Asia/Tokyo", "objects": ("unsettled",)})
    made.home.settings = made.home.settings.model_copy(update={"source": (source,)})
    made.pull()
    clock.sleep(14.5 * 3600)
    [again] = made.pull()
    assert [item.path.name for item in again.received] == ["shop-unsettled-20261101.pages.jsonl"]
    made.close()


def test_today_is_a_day_of_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the evening of Los Angeles it is tomorrow in UTC, and a run over today asks for what is now nevertheless."""
    made = PullBench(FakeAmazon(FakeClock(at("2026-11-20T02:00"))), tmp_path, monkeypatch)
    source = made.source.model_copy(update={"time_zone": "America/Los_Angeles", "objects": ("fba_inventory",)})
    made.home.settings = made.home.settings.model_copy(update={"source": (source,)})
    assert made.pull(Days(date(2026, 11, 18), date(2026, 11, 19)))[0].received == ()
    assert len(made.pull(Days(date(2026, 11, 19), date(2026, 11, 20)))[0].received) == 1
    made.close()


def test_a_look_back_is_never_shorter_than_a_list_is_late() -> None:
    """A day more for one list must not take three days from another; of none, Amazon's last minutes would never be asked for."""
    for name, connector in WIRE_CONNECTORS.items():
        for days in (0, 1, 30):
            found = objects_of(Source(name="shop", connector=name, look_back_days=days))
            assert [item.look_back for item in found] == [
                max(item.look_back, timedelta(days=days)) for item in connector.objects
            ]


def test_past_days_that_failed_stay_told(bench: PullBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hourly run brings what is new and nothing of them; asked for again and whole, they are told no more."""
    pipeline = Pipeline(bench.home, "run")
    past = LocalDays(date(2026, 11, 3), date(2026, 11, 5))

    def told() -> list[str]:
        return [row.subject for row in pipeline.exceptions.open()]

    monkeypatch.setenv("RETAIL_SYNC_SHOP_PASSWORD", "wrong")
    pipeline.pull(past)
    assert told() == ["shop/* 2026-11-03 to 2026-11-04"]
    monkeypatch.setenv("RETAIL_SYNC_SHOP_PASSWORD", PASSWORD)
    pipeline.pull()
    assert told() == ["shop/* 2026-11-03 to 2026-11-04"]
    pipeline.pull(past)
    assert told() == []


def test_a_source_is_asked_no_faster_than_it_says(bench: PullBench) -> None:
    """Nor are operations that have a slower rate of their own."""
    source = bench.source.model_copy(update={"requests_per_minute": 6})
    access = Access(source, bench.home.state, "trace", bench.fake.clock.as_clock())
    http = access.client("Test", bench.server.url, None, Limits(rates={"quick": (120, 10), "slow": (2, 1)}))
    waited = []
    for operation in ("quick", "quick", "slow", "slow", "", ""):
        before = bench.fake.clock.time()
        with contextlib.suppress(HttpError):
            http.request("GET", "/x", may_repeat=False, operation=operation)
        waited.append(round(bench.fake.clock.time() - before))
    assert waited == [0, 10, 0, 30, 0, 10]
    http.close()


def test_a_wrong_list_is_told_where_sources_are_listed(bench: PullBench) -> None:
    """Before anything is asked for."""
    wrong = bench.source.model_copy(update={"objects": ("order",)})
    bench.home.settings = bench.home.settings.model_copy(update={"source": (wrong,)})
    [row] = read_sources(bench.home)
    assert row["problem"] == "source shop: vendure has no order; it has orders, stock"


def test_a_source_without_a_short_name_is_told_in_words() -> None:
    """What a pattern says is for programmers."""
    with pytest.raises(ValidationError, match="'web-shop' cannot name a source: a small letter, then"):
        Source(name="web-shop", connector="vendure")


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/b", "..", ".hidden", "", "x" * 300, "a\nb"])
def test_a_document_is_written_nowhere_else(bench: PullBench, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Its name is what a system says; no file may be made of it outside the folder of pulls."""

    class Keeper(Vendure):
        """A shop whose orders are a document."""

        objects = (replace(Vendure.objects[0], pull=lambda client, window: iter([Document(name, Path.touch)])),)

    monkeypatch.setitem(WIRE_CONNECTORS, "vendure", Keeper())
    before = sorted(path for path in bench.home.root.rglob("*"))
    [pulled] = bench.pull()
    assert pulled.problem is not None
    assert "is no name of a file" in pulled.problem.message
    assert [path for path in sorted(bench.home.root.rglob("*")) if path not in before and path.is_file()] == []
