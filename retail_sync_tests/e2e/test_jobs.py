"""The jobs as Dagster runs them: a failed run is told and closed again, a month end gives the same answer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import ANY

import dagster as dg
import pytest

from retail_sync.core.errors import SettingsError
from retail_sync.defs.jobs import run_failed
from retail_sync.defs.launch import RunOutcome, prepare_instance, run_job
from retail_sync.defs.selection import job_and_tags
from retail_sync.defs.windows import DAYS
from retail_sync.operations.exceptions import Problem
from retail_sync.resources import HomeResource
from retail_sync.settings import PROJECT_ROOT, Home
from retail_sync_tests.e2e.company import TINY
from retail_sync_tests.e2e.conftest import Golden
from retail_sync_tests.e2e.line import booked, copied, digest, drop, new_home, opened, problems
from retail_sync_tests.fakes.clock import FakeClock
from retail_sync_tests.fakes.server import FakeServer, Reply, Request
from retail_sync_tests.fakes.vendure import PASSWORD, USER, FakeVendure
from retail_sync_tests.reconcile.test_store_days import DAY, SOURCES

pytestmark = pytest.mark.usefixtures("own_environment")


def run(home: Home, job: str, *, day: str = "", start: str = "", end: str = "") -> RunOutcome:
    """One of the jobs, in this process."""
    return run_job(prepare_instance(home), *job_and_tags(job, day, "", start, end))


def planned(home: Home, outcome: RunOutcome) -> int:
    """How many results Dagster wrote down as planned before the first step: by asset, not by asset and day."""
    events = prepare_instance(home).all_logs(outcome.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    return len(events)


def tell(home: Home, outcome: RunOutcome) -> None:
    """Do what the daemon does when it sees the run's failure: evaluate the sensor."""
    instance = prepare_instance(home)
    found = instance.get_run_by_id(outcome.run_id)
    assert found is not None
    record = instance.get_records_for_run(found.run_id, of_type=dg.DagsterEventType.RUN_FAILURE).records[0]
    event = record.event_log_entry.dagster_event
    assert event is not None
    context = dg.build_run_status_sensor_context("run_failed", event, instance, found)
    run_failed(context.for_run_failure(), home=HomeResource(path=str(home.root)))


def test_a_nightly_run_asks_systems_for_all_that_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first day on, not for the day that it closes: a home without hourly runs would miss all others."""
    fake = FakeVendure(FakeClock(datetime.now(UTC) - timedelta(days=3)))
    server = FakeServer(fake)
    monkeypatch.setenv("RETAIL_SYNC_SHOP_PASSWORD", PASSWORD)
    settings = f'[[source]]\nname = "shop"\nconnector = "vendure"\n[source.connection]\nurl = "{server.url}"\nuser = "{USER}"\n'
    (tmp_path / "retail_sync.toml").write_text(settings, encoding="utf-8")
    home = Home.locate(tmp_path).require()
    assert run_job(prepare_instance(home), *job_and_tags("nightly", "", "", "", ""), "raw").is_success
    server.close()
    assert [delivery.object for delivery in opened(home).registry.all()] == ["orders", "stock"]


class WithoutStock(FakeVendure):
    """Its administrator may not read the catalogue."""

    def answer(self, request: Request) -> Reply:
        """Refuse the list of articles."""
        if "productVariants(" in request.document["query"]:
            return Reply(200, {"errors": [{"message": "not authorized", "extensions": {"code": "FORBIDDEN"}}]})
        return super().answer(request)


@pytest.mark.long
def test_an_analyst_sees_what_a_system_refused_and_what_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven orders and what the shop says of itself came; the page of the deliveries names the other list and what to do."""
    fake = WithoutStock(FakeClock(datetime.now(UTC) - timedelta(days=3)))
    fake.knobs.rows = 100
    server = FakeServer(fake)
    monkeypatch.setenv("RETAIL_SYNC_SHOP_PASSWORD", PASSWORD)
    settings = f'[[source]]\nname = "shop"\nconnector = "vendure"\n[source.connection]\nurl = "{server.url}"\nuser = "{USER}"\n'
    (tmp_path / "retail_sync.toml").write_text(settings, encoding="utf-8")
    instance = prepare_instance(Home.locate(tmp_path).require())
    outcome = run_job(instance, *job_and_tags("hourly", "", "", "", ""), "canonical")
    server.close()
    event = instance.get_latest_materialization_event(dg.AssetKey(["raw", "deliveries"]))
    assert event is not None
    assert event.asset_materialization is not None
    page = event.asset_materialization.metadata
    assert [record.data for record in page["asked systems"].value.records] == [
        {"source": "shop", "list": "orders", "new deliveries": 1, "records": "8", "whole": "yes"},
        {"source": "shop", "list": "stock", "new deliveries": 0, "records": "0", "whole": "no"},
    ]
    (person,) = page["what needs a person"].value.records
    assert "stock of source shop could not be asked for: Vendure: FORBIDDEN" in str(person.data["what happened"])
    assert "give its user or app the right to read this" in str(person.data["what to do"])
    (check,) = (
        found
        for log in instance.all_logs(outcome.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        if log.dagster_event
        and (found := log.dagster_event.asset_check_evaluation_data).asset_key.path == ["raw", "deliveries"]
    )
    assert not check.passed


@pytest.mark.long
def test_a_failed_run_is_told_until_a_good_one(tmp_path: Path) -> None:
    """The operator reads the sentence of the error itself; the other job's failure stays open; a good run closes all."""
    home = new_home(tmp_path / "home")
    drop(home, TINY)
    shutil.copytree(PROJECT_ROOT / "data" / "rules", home.root / "rules")
    (home.root / "rules" / "match_rules.csv").write_text("priority\n", encoding="utf-8")
    opened(home).exceptions.add(
        "run",
        Problem("run_failed", "nightly_close", "transient", "operations", "It failed.", "Run it again."),
        "before",
    )
    outcome = run(home, "hourly")
    assert (outcome.is_success, outcome.failed_step) == (False, "reconcile")
    assert "match_rules.csv must have the columns" in outcome.message
    assert outcome.remedy == "correct its first line"
    tell(home, outcome)
    assert problems(home) == [("run_failed", "hourly_sync"), ("run_failed", "nightly_close")]
    told = {row.subject: row.message for row in opened(home).exceptions.open()}
    assert "match_rules.csv must have the columns" in told["hourly_sync"]

    shutil.rmtree(home.root / "rules")
    assert run(home, "nightly", day="2026-11-20").is_success
    assert problems(home) == []


@pytest.mark.parametrize(("first", "last"), [("2010-12-01", "2011-08-31"), ("2000-01-01", "2000-01-01")])
def test_days_of_old_sales_can_be_asked_for(first: str, last: str) -> None:
    """A shop that starts with its history closes days of years ago; Dagster must have them as partitions."""
    _, tags = job_and_tags("month-end", "", "", first, last)
    assert [*tags.values()] == [first, last]
    assert DAYS.has_partition_key(first)
    assert DAYS.has_partition_key(last)
    with pytest.raises(SettingsError, match="the first day that runs know"):
        job_and_tags("nightly", "1999-12-31", "", "", "")


@pytest.mark.slow
def test_a_day_of_2010_is_closed(make_home: Callable[..., Home]) -> None:
    """A receipt of 1 December 2010 and its tender, closed by the nightly job of that day and read again by a month end."""
    home = make_home(settings=SOURCES)
    files = {
        name: tuple(line.replace("2026-10-14", "2010-12-01") for line in DAY[name]) for name in ("receipts", "tenders")
    }
    drop(home, {f"{name}/old.csv": ("\n".join(lines) + "\n").encode() for name, lines in files.items()})
    assert run(home, "nightly", day="2010-12-01") == RunOutcome(ANY, True)
    assert booked(home) == ["pos:store-day:7:2010-12-01:USD#1"]
    before = digest(home)
    outcome = run(home, "month-end", start="2010-12-01", end="2010-12-31")
    assert outcome == RunOutcome(ANY, True)
    assert digest(home) == before
    assert planned(home, outcome) == planned(home, run(home, "hourly"))
    for asset in ("store_days", "settlement_totals"):
        days = prepare_instance(home).get_materialized_partitions(dg.AssetKey(["reconcile", asset]))
        assert {"2010-12-01", "2010-12-17", "2010-12-31"} <= days


@pytest.mark.slow
def test_days_asked_for_in_the_ui_are_told_too(make_home: Callable[..., Home]) -> None:
    """Dagster names the days of a run of its own by tags of its own; the result is the same."""
    home = make_home(settings=SOURCES)
    drop(home, {f"{name}/tills.csv": ("\n".join(lines) + "\n").encode() for name, lines in DAY.items()})
    tags = {"dagster/asset_partition_range_start": "2026-10-13", "dagster/asset_partition_range_end": "2026-10-15"}
    assert run_job(prepare_instance(home), "month_end_backfill", tags).is_success
    assert booked(home) == ["pos:store-day:7:2026-10-14:USD#1"]
    days = prepare_instance(home).get_materialized_partitions(dg.AssetKey(["reconcile", "store_days"]))
    assert {"2026-10-13", "2026-10-14", "2026-10-15"} <= days


@pytest.mark.long
def test_a_month_end_job_changes_nothing(golden: Golden, tmp_path: Path) -> None:
    """September's middle read again from raw through Dagster: the same digest, the days shown anew."""
    home = copied(golden.home, tmp_path / "home")
    assert run(home, "month-end", start="2026-09-08", end="2026-09-15").is_success
    assert digest(home) == golden.digest
    assert booked(home) == booked(golden.home)
    days = prepare_instance(home).get_materialized_partitions(dg.AssetKey(["reconcile", "settlement_totals"]))
    assert {"2026-09-08", "2026-09-15"} <= days
