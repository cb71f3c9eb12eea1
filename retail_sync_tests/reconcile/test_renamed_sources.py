"""A source that is renamed, and delivered again under the new name: told, held, and put right by one command.

The day is worked example D1 of test_store_days: its entry is the one that the books must end with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from retail_sync.core.errors import SettingsError
from retail_sync.pipeline import Pipeline
from retail_sync.reports.doctor import examine
from retail_sync.reports.sources import read_sources
from retail_sync.settings import Home
from retail_sync_tests.conftest import home_maker, run_line
from retail_sync_tests.e2e.line import copied
from retail_sync_tests.reconcile.test_store_days import D1, DAY, SOURCES, booked, deliver, home_with, problems

DAY_KEY = "pos:store-day:7:2026-10-14:USD"
RENAMED = SOURCES.replace('name = "receipts"', 'name = "tills"').replace('name = "tenders"', 'name = "till_money"')
TWO_NAMES = {"tills": DAY["receipts"], "till_money": DAY["tenders"]}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The day after one run (copy, do not touch)."""
    return home_with(home_maker(tmp_path_factory.mktemp("day")), DAY).home


@pytest.fixture
def booked_day(day: Home, tmp_path: Path) -> None:
    """A copy of it where `make_home` makes its home."""
    copied(day, tmp_path / "home")


def renamed(make_home: Callable[..., Home]) -> Pipeline:
    """The same home with receipts and tenders under other names."""
    return Pipeline(make_home(settings=RENAMED), "test")


@pytest.mark.usefixtures("booked_day")
def test_rows_of_a_name_that_is_gone_are_told(make_home: Callable[..., Home]) -> None:
    """Four receipt lines and four tenders, one delivery each. Nothing else changes: the day stays booked once."""
    pipeline = renamed(make_home)
    run_line(pipeline)
    assert problems(pipeline) == [("source_undeclared", "receipts"), ("source_undeclared", "tenders")]
    told = {row.subject: row for row in pipeline.exceptions.open()}["receipts"]
    assert (told.kind, "4 rows of 1 deliveries" in told.message) == ("configuration", True)
    assert "retail-sync sources remove receipts" in told.remedy
    listed = {row["name"]: row["problem"] for row in read_sources(pipeline.home)}
    assert "1 of its deliveries still count" in listed["receipts"]
    assert not listed["tills"]
    assert [look.what for look in examine(pipeline.home) if not look.is_fine] == ["sources not declared"]


@pytest.mark.long
@pytest.mark.usefixtures("booked_day")
def test_the_day_is_held_until_the_old_name_is_removed(make_home: Callable[..., Home]) -> None:
    """Delivered under both names everything would be booked twice, and receipts and tenders would still agree.

    Receipt R1 is 1,200.00 + 96.00 tax, R2 is 1,200.00 + 96.00 + 120.00 tip + 200.00 of gift cards: 2,912.00 together.
    """
    pipeline = renamed(make_home)
    deliver(pipeline, TWO_NAMES)
    run_line(pipeline)
    (held,) = [row for row in pipeline.exceptions.open() if row.code == "receipt_in_two_sources"]
    assert (held.subject, held.amount_minor) == ("7 2026-10-14 1", -291200)
    assert "receipts and tills" in held.message
    assert "2 receipt(s), the first R1" in held.message
    assert booked(pipeline) == {DAY_KEY: Counter(D1)}, "what was booked stays, and is not booked twice"

    for name in ("receipts", "tenders"):
        assert pipeline.remove_source(name, "Ann", "renamed") == 1
    run_line(pipeline)
    assert problems(pipeline) == []
    assert {account: minor for account, minor in booked(pipeline)[DAY_KEY].items() if minor} == D1


@pytest.mark.long
@pytest.mark.parametrize("rebuilt", [False, True])
@pytest.mark.usefixtures("booked_day")
def test_what_is_removed_stays_removed(make_home: Callable[..., Home], rebuilt: bool) -> None:
    """Its files are kept, and neither a run nor a rebuilt warehouse counts them; what rested on them alone is taken back."""
    pipeline = renamed(make_home)
    for name in ("receipts", "tenders"):
        pipeline.remove_source(name, "Ann", "renamed")
    if rebuilt:
        pipeline.warehouse.file.unlink()
    run_line(pipeline)
    assert "source_undeclared" not in dict(problems(pipeline))
    with pipeline.warehouse.reading() as connection:
        assert connection.execute("select count(*) from canonical.pos_sales").fetchone() == (0,)
    with pytest.raises(SettingsError, match="no delivery of a source receipts"):
        pipeline.remove_source("receipts", "Ann", "again")


@pytest.mark.usefixtures("booked_day")
def test_a_declared_source_is_not_removed(make_home: Callable[..., Home]) -> None:
    """Its inbox would bring everything back."""
    pipeline = Pipeline(make_home(settings=SOURCES), "test")
    with pytest.raises(SettingsError, match="is declared"):
        pipeline.remove_source("receipts", "Ann", "mistake")


@pytest.mark.long
@pytest.mark.usefixtures("booked_day")
def test_a_removed_name_may_come_back(make_home: Callable[..., Home]) -> None:
    """Declared and delivered again it counts again, as a new delivery would."""
    renamed(make_home).remove_source("receipts", "Ann", "renamed by mistake")
    pipeline = Pipeline(make_home(settings=SOURCES), "test")
    deliver(pipeline, {"receipts": DAY["receipts"]})
    run_line(pipeline)
    assert problems(pipeline) == []
    assert {account: minor for account, minor in booked(pipeline)[DAY_KEY].items() if minor} == D1


@pytest.mark.usefixtures("booked_day")
def test_the_same_content_under_another_name_is_told_at_once(make_home: Callable[..., Home]) -> None:
    """Before any run; another object of the same file is another reading and no notice."""
    pipeline = renamed(make_home)
    path = pipeline.home.root / "again.csv"
    path.write_text("\n".join(DAY["receipts"]) + "\n", encoding="utf-8")
    (item,) = pipeline.ingest([str(path)], "tills")
    assert "came for source receipts (as receipts-1.csv)" in item.notice
    assert "retail-sync sources remove receipts" in item.remedy
    (other,) = pipeline.ingest([str(path)], "till_money")
    assert not other.notice


@pytest.mark.long
def test_a_receipt_number_used_anew_on_another_day_is_no_double(make_home: Callable[..., Home]) -> None:
    """A new till begins with R1 again: the days differ, and both are booked."""
    later = {
        name: tuple(line.replace("2026-10-14", "2026-10-20") for line in lines) for name, lines in TWO_NAMES.items()
    }
    home_with(make_home, {name: DAY[name] for name in ("receipts", "tenders")})
    both = SOURCES + RENAMED[: RENAMED.index('[[source]]\nname = "drawers"')]
    pipeline = Pipeline(make_home(settings=both), "test")
    deliver(pipeline, later)
    run_line(pipeline)
    assert problems(pipeline) == []
    assert len(booked(pipeline)) == 2
