"""The Dagster graph: what an analyst sees, what may post money, what stops the line, and what a run leaves behind."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from retail_sync.defs.assembly import defs
from retail_sync.defs.history import prune_runs
from retail_sync.defs.jobs import failed_run
from retail_sync.defs.launch import prepare_instance, run_job
from retail_sync.defs.reconcile import SHOWN_ON, brief_id
from retail_sync.defs.selection import job_and_tags
from retail_sync.resources import HomeResource
from retail_sync.schemas.derived import BREAK_CLASSES
from retail_sync.schemas.tables import TABLES
from retail_sync.settings import PROJECT_ROOT, Home
from retail_sync_tests.e2e.company import ALL, ONCE
from retail_sync_tests.e2e.conftest import Golden
from retail_sync_tests.e2e.line import booked, copied, digest, drop, empty_inbox, new_home, opened, problems

TOTALS = dg.AssetKey(["reconcile", "settlement_totals"])
INSIDE = {"raw.touched", "raw.applied", "raw.ownership", "raw.unowned"}
LINE = ("raw", "canonical", "reconcile", "journal", "ledger")


def keys() -> set[str]:
    """Asset keys as `group/name`."""
    return {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}


def nightly_run(home: Home, day: str = "2026-11-02") -> dg.DagsterInstance:
    """The real nightly job; fails the test when it fails."""
    instance = prepare_instance(home)
    name, tags = job_and_tags("nightly", day, "", "", "")
    outcome = run_job(instance, name, tags)
    assert outcome.is_success, outcome
    return instance


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A fresh home with the small company's files; the environment is put back afterwards."""
    monkeypatch.setenv("RETAIL_SYNC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", "")
    made = new_home(tmp_path / "home")
    drop(made, ONCE)
    return made


@pytest.fixture
def booked_home(golden_once: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The same after one run, its inbox empty."""
    monkeypatch.setenv("RETAIL_SYNC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", "")
    made = copied(golden_once.home, tmp_path / "home")
    empty_inbox(made)
    return made


def test_definitions_load() -> None:
    """A graph that does not load is a UI that shows nothing."""
    dg.Definitions.validate_loadable(defs)


def test_every_table_is_an_asset_of_its_stage() -> None:
    """Asset key = table name, group = stage: what is queried is what is shown."""
    assert {table.qualified.replace(".", "/") for table in TABLES if table.qualified not in INSIDE} <= keys()
    graph = defs.resolve_asset_graph()
    assert all(graph.get(key).group_name == key.path[0] for key in graph.get_all_asset_keys())


def test_the_line_is_straight() -> None:
    """No stage depends on a later one; but the clearing items are the journal's legs, reconciled."""
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        if key.path[0] in LINE and key != dg.AssetKey(["reconcile", "clearing_items"]):
            for parent in graph.get(key).parent_keys:
                assert LINE.index(parent.path[0]) <= LINE.index(key.path[0]), f"{key} depends on {parent}"


def test_schedules_and_sensors_start_switched_off() -> None:
    """Opening the UI must not start posting money."""
    assert [s.default_status for s in defs.schedules or []] == [dg.DefaultScheduleStatus.STOPPED] * 2
    assert {s.default_status for s in defs.sensors or []} == {dg.DefaultSensorStatus.STOPPED}


def test_telemetry_is_off() -> None:
    """Nothing calls home."""
    assert "telemetry:\n  enabled: false" in (PROJECT_ROOT / "dagster.yaml").read_text(encoding="utf-8")


def test_ledger_assets_refuse_to_run_by_hand(home: Home) -> None:
    """Money moves from the three jobs only; materializing an asset in the UI is told why not."""
    instance = prepare_instance(home)
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey(["ledger", "released_entries"])], raise_on_error=False
    )
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "never by materializing an asset by hand" in str(failure.step_failure_data.error)


@pytest.mark.long
def test_nightly_job_ends_like_the_stages_and_shows_the_days(home: Home, golden_once: Golden) -> None:
    """Through Dagster or without it: the same digest. Each closing day shows its own settlements."""
    instance = nightly_run(home)
    assert digest(home) == golden_once.digest
    totals = TOTALS
    days = instance.get_materialized_partitions(totals)
    assert {"2026-09-08", "2026-10-03", "2026-10-10", "2026-10-17", "2026-11-02"} <= days
    event = instance.get_latest_materialization_event(totals)
    assert event is not None
    record = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=totals, asset_partitions=["2026-10-03"]), limit=1
    ).records[0]
    assert record.asset_materialization is not None
    shown = json.dumps({name: str(value.value) for name, value in record.asset_materialization.metadata.items()})
    assert "50000000003" in shown
    assert "50000000004" not in shown


@pytest.mark.slow
def test_old_runs_are_pruned_and_the_days_stay(home: Home) -> None:
    """A home that runs hourly must not fill its disk with event logs; a closed day still shows that it was reconciled."""
    instance = nightly_run(home)
    (run,) = instance.get_runs()
    folder = home.state / "dagster"
    assert [path for path in folder.rglob(f"{run.run_id}*")]
    days = instance.get_materialized_partitions(TOTALS)

    assert prune_runs(instance) == 0, "a run of today is kept"
    assert prune_runs(instance, kept=timedelta(0)) == 1
    assert instance.get_runs() == []
    assert not list(folder.rglob(f"{run.run_id}*"))
    assert instance.get_materialized_partitions(TOTALS) == days != set()
    nightly_run(home)
    assert len(instance.get_runs()) == 1


def test_a_run_that_is_not_over_is_never_pruned(home: Home) -> None:
    """Its process may still write to its log."""
    instance = prepare_instance(home)
    job = defs.resolve_job_def("hourly_sync")
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert prune_runs(instance, kept=timedelta(0)) == 0
    assert instance.get_run_by_id(run.run_id) is not None


@pytest.mark.slow
def test_the_console_shows_our_sentences_only(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    """`make demo` is what a newcomer sees first: Dagster's bookkeeping of data versions is not for them."""
    instance = nightly_run(home)
    drop(home, ALL)
    assert run_job(instance, *job_and_tags("nightly", "2026-11-02", "", "", "")).is_success
    shown = capfd.readouterr().err
    assert "reconcile: settlements: 1 documents touched" in shown
    assert "Data version" not in shown


@pytest.mark.long
def test_broken_contract_stops_the_line_until_it_is_mended(booked_home: Home) -> None:
    """A row that breaks its contract blocks what comes after, as a sentence; the next run proves again."""
    before = booked(booked_home)
    with opened(booked_home).writing("break the contract") as connection:
        connection.execute("update canonical.settlements set currency = 'usd' where settlement_id = '50000000001'")
        connection.execute("insert into raw.applied values ('unproved canonical', 'changed')")
    instance = prepare_instance(booked_home)
    for _ in range(2):
        outcome = run_job(instance, "hourly_sync", {})
        assert not outcome.is_success
        assert outcome.failed_step == "load_deliveries"
    checks = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(dg.AssetKey(["canonical", "settlements"]), "contract")]
    )
    (record,) = checks.values()
    description = record.event.dagster_event.asset_check_evaluation_data.description  # type: ignore[union-attr]
    assert description is not None
    assert description.startswith("canonical.settlements breaks its contract: canonical.settlements.currency")
    with opened(booked_home).writing("mend it") as connection:
        connection.execute("update canonical.settlements set currency = 'USD' where settlement_id = '50000000001'")
    assert run_job(instance, "hourly_sync", {}).is_success
    assert booked(booked_home) == before


@pytest.mark.long
def test_a_key_that_occurs_twice_in_any_reconcile_table_stops_the_line(booked_home: Home) -> None:
    """A pair or a difference that counts twice would be journalled and told twice: every table has its check."""
    with opened(booked_home).writing("break the contract") as connection:
        connection.execute("insert into reconcile.matches select * from reconcile.matches limit 1")
        connection.execute("insert into raw.applied values ('unproved reconcile', 'changed')")
    instance = prepare_instance(booked_home)
    for _ in range(2):
        outcome = run_job(instance, "hourly_sync", {})
        assert not outcome.is_success
        assert outcome.failed_step == "reconcile"
        assert "contract" in outcome.message


def test_every_stage_table_has_a_blocking_contract_check() -> None:
    """A table whose broken contract nobody reports is a table without a contract."""
    graph = defs.resolve_asset_graph()
    shown = {check.asset_key.to_user_string() for check in graph.asset_check_keys if check.name == "contract"}
    derived = {t.qualified.replace(".", "/") for t in TABLES if t.schema != "raw"}
    assert shown == derived


def test_every_break_class_is_shown_by_one_check() -> None:
    """A difference that no check shows is green on the page of the analyst."""
    for code in BREAK_CLASSES:
        assert sum(code.startswith(prefixes) for _, checks in SHOWN_ON for prefixes, _ in checks.values()) == 1, code


def test_long_ids_do_not_push_sentences_off_the_page() -> None:
    """The id of a payout is as long as a line; channel and number are enough to find it."""
    ids = ("shopify/fernway.example/USD/98220436541", "31247290945", "bank:HB-USD-2600445")
    assert [brief_id(text) for text in ids] == ["shopify 98220436541", "31247290945", "bank:HB-USD-2600445"]


def test_file_drop_asks_for_a_run_when_a_file_waits(home: Home) -> None:
    """A new file starts one run, not one per minute; afterwards there is nothing to do."""
    instance = prepare_instance(home)
    (sensor,) = [s for s in defs.sensors or [] if s.name == "file_drop"]
    with dg.build_sensor_context(instance=instance, resources={"home": HomeResource()}) as context:
        first = sensor.evaluate_tick(context)
        again = sensor.evaluate_tick(context)
    assert [r.run_key for r in first.run_requests or []] == [r.run_key for r in again.run_requests or []]
    assert len(first.run_requests or []) == 1
    opened(home).receive_inbox()
    idle = _tick(sensor, instance)
    assert not idle.run_requests
    assert idle.skip_message == "no new file in any inbox"


def test_file_drop_asks_for_one_run_for_a_name_that_is_not_utf8(home: Home) -> None:
    """The run tells the operator of the file; a sensor that fails on it would start no run for any file."""
    opened(home).receive_inbox()
    Path(os.fsdecode(os.fsencode(home.inbox / "amazon") + b"/\xe9.txt")).write_bytes(b"")
    (sensor,) = [s for s in defs.sensors or [] if s.name == "file_drop"]
    requests = [_tick(sensor, prepare_instance(home)).run_requests for _ in range(2)]
    assert requests[0] is not None
    assert len(requests[0]) == 1
    assert requests[0] == requests[1]


def _tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance) -> dg.SensorExecutionData:
    with dg.build_sensor_context(instance=instance, resources={"home": HomeResource()}) as context:
        return sensor.evaluate_tick(context)


@pytest.mark.long
def test_a_failed_run_is_an_exception_until_a_good_one(booked_home: Home) -> None:
    """The operator sees it in the queue, and need not close it by hand."""
    pipeline = opened(booked_home)
    pipeline.exceptions.settle("run", [failed_run("hourly_sync", "step failed\ntrace")], "t")
    assert ("run_failed", "hourly_sync") in problems(booked_home)
    assert run_job(prepare_instance(booked_home), "hourly_sync", {}).is_success
    assert ("run_failed", "hourly_sync") not in problems(booked_home)


def test_dead_runs_are_shown_as_failed(home: Home) -> None:
    """A run whose process was killed must not look as if it were still going."""
    instance = prepare_instance(home)
    run = instance.create_run_for_job(
        defs.resolve_job_def("hourly_sync"),
        tags={"retail_sync/process": "999999999"},
        status=dg.DagsterRunStatus.STARTED,
    )
    prepare_instance(home)
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status == dg.DagsterRunStatus.FAILURE
