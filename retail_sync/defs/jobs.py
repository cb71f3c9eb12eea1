"""The three jobs, their schedules, the file-drop sensor and what happens when a run fails.

All run in one process: assets share the warehouse and imports are paid once (docs/decisions.md, 3). Schedules and sensors
start switched off: opening the UI must not start posting money.
"""

import hashlib
import os
from collections.abc import Iterator

import dagster as dg

from retail_sync.defs.launch import why_it_failed
from retail_sync.defs.windows import BACKFILL_JOB, HOURLY_JOB, NIGHTLY_JOB
from retail_sync.operations.exceptions import Problem
from retail_sync.pipeline import Pipeline
from retail_sync.resources import HomeResource

_ALL = dg.AssetSelection.all()
_OFF = dg.DefaultScheduleStatus.STOPPED

hourly_sync = dg.define_asset_job(
    HOURLY_JOB, _ALL, executor_def=dg.in_process_executor, description="What is new, from the inbox to the ledger."
)
nightly_close = dg.define_asset_job(
    NIGHTLY_JOB,
    _ALL,
    executor_def=dg.in_process_executor,
    description="The hourly line, then every posted entry read back, the ledger verified, old raw files purged.",
)
month_end_backfill = dg.define_asset_job(
    BACKFILL_JOB,
    _ALL,
    executor_def=dg.in_process_executor,
    description="A range of days read again from raw and taken down the whole line; the same answer as the hourly runs.",
)
schedules = [
    dg.ScheduleDefinition(name="hourly", job=hourly_sync, cron_schedule="5 * * * *", default_status=_OFF),
    dg.ScheduleDefinition(name="nightly", job=nightly_close, cron_schedule="30 2 * * *", default_status=_OFF),
]


@dg.sensor(job=hourly_sync, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.STOPPED)
def file_drop(context: dg.SensorEvaluationContext, home: HomeResource) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Start an hourly run when a file lies in an inbox that was not taken in yet."""
    pipeline = Pipeline(home.home, "file_drop")
    waiting = pipeline.waiting_files()
    if not waiting:
        yield dg.SkipReason("no new file in any inbox")
        return
    names = "\n".join(f"{path}|{path.stat().st_size}|{path.stat().st_mtime_ns}" for path in waiting)
    context.log.info("%d new files", len(waiting))
    yield dg.RunRequest(run_key=hashlib.sha256(os.fsencode(names)).hexdigest())


@dg.run_failure_sensor(default_status=dg.DefaultSensorStatus.STOPPED)
def run_failed(context: dg.RunFailureSensorContext, home: HomeResource) -> None:
    """Put a failed run into the exception queue; the next run that publishes closes it."""
    run = context.dagster_run
    failures = context.get_step_failure_events()
    message = why_it_failed(failures[0])[0] if failures else context.failure_event.message or ""
    problem = failed_run(run.job_name, message)
    Pipeline(home.home, run.run_id).exceptions.add("run", problem, run.run_id)


def failed_run(job_name: str, message: str) -> Problem:
    """Return a failed run as a problem for the operator on call."""
    return Problem(
        code="run_failed",
        subject=job_name,
        kind="transient",
        owner="operations",
        message=f"The job {job_name} failed: {message.splitlines()[0] if message else 'see its log'}",
        remedy="read the failed step in the Dagster UI, remove the cause, run the job again: it resumes where it stopped",
    )
