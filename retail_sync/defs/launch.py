"""Running a job in this process, recorded in the home's own Dagster instance: what `retail-sync run` calls.

No daemon is needed and nothing is queued: a run after a crash starts at once.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from retail_sync.core import errors
from retail_sync.core.locks import exclusive
from retail_sync.settings import PROJECT_ROOT, Home

STAGES = ("raw", "canonical", "reconcile", "journal", "release", "ledger", "published")
"""Where a run may stop. `release` decides what the ledger is told and sends nothing: `postings show` is the dry run."""
_RELEASE = ("ledger", "released_entries")
_PID_TAG = "retail_sync/process"
_EXPECTED = frozenset(
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.RetailSyncError)
)
_UNFINISHED = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.NOT_STARTED)


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended. The texts are empty when it succeeded."""

    run_id: str
    is_success: bool
    failed_step: str = ""
    message: str = ""
    remedy: str = ""


def prepare_instance(home: Home) -> dg.DagsterInstance:
    """Open the home's Dagster instance, made on first use; two processes may do so at once.

    Two processes initialising one fresh instance crashed each other, hence the lock.
    """
    folder = home.state / "dagster"
    with exclusive(home.state / "dagster.lock", 60, "open the Dagster instance"):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT_ROOT / "dagster.yaml", folder / "dagster.yaml")
        os.environ["DAGSTER_HOME"] = str(folder)
        os.environ["RETAIL_SYNC_HOME"] = str(home.root)
        instance = dg.DagsterInstance.get()
        _close_dead_runs(instance)
    return instance


def _close_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs of ours whose process is gone as failed, so that the UI tells the truth about them."""
    for run in instance.get_runs(dg.RunsFilter(statuses=list(_UNFINISHED)), limit=100):
        process = run.tags.get(_PID_TAG)
        if process and not Path(f"/proc/{process}").exists() and not _is_alive(int(process)):
            instance.report_run_failed(
                run, f"process {process} ended without finishing this run; the next run resumes its work"
            )


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def run_job(instance: dg.DagsterInstance, job_name: str, tags: Mapping[str, str], until: str = "") -> RunOutcome:
    """Run one of the jobs in this process, as far as stage `until` (default: the whole line)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dagster's notices about its own beta features
        from retail_sync.defs.assembly import defs

        job = defs.resolve_job_def(job_name)
        keys = None
        if until:
            wanted = STAGES[: STAGES.index(until) + 1]
            keys = [key for key in defs.resolve_asset_graph().get_all_asset_keys() if _stage_of(key) in wanted]
        result = job.execute_in_process(
            instance=instance,
            tags={**tags, _PID_TAG: str(os.getpid())},
            asset_selection=keys,
            run_config={"loggers": {"console": {}}},
            raise_on_error=False,
        )
    if result.success:
        return RunOutcome(result.run_id, True)
    return _failure(result)


def _stage_of(key: dg.AssetKey) -> str:
    return "release" if tuple(key.path) == _RELEASE else key.path[0]


def last_runs(home: Home, limit: int = 5) -> list[dict[str, str]]:
    """Return the newest runs as (started, job, status); empty where nothing ran yet."""
    if not (home.state / "dagster" / "dagster.yaml").exists():
        return []
    records = prepare_instance(home).get_run_records(limit=limit)
    return [
        {
            "started": f"{record.create_timestamp:%Y-%m-%d %H:%M:%S}",
            "job": record.dagster_run.job_name,
            "status": record.dagster_run.status.value.lower(),
        }
        for record in records
    ]


def _failure(result: dg.ExecuteInProcessResult) -> RunOutcome:
    for event in result.all_events:
        if event.is_step_failure:
            return RunOutcome(result.run_id, False, event.step_key or "", *why_it_failed(event))
    return RunOutcome(result.run_id, False, "", "the run failed before its first step")


def why_it_failed(event: dg.DagsterEvent) -> tuple[str, str]:
    """Return sentence and remedy of a failed step: of our own error where there is one, else of the first cause."""
    error = event.step_failure_data.error
    chain = []
    while error:
        chain.append(error)
        error = error.cause
    if not chain:
        return "see its log", ""
    if chain[0].cls_name == "DagsterExecutionInterruptedError":
        return "the run was stopped from outside", "start it again: it resumes where the stopped one had come to"
    # Our own errors are raised from what caused them, in words that say less than ours.
    told = next((found for found in chain if found.cls_name in _EXPECTED), chain[-1])
    return split_error(told.message)


def split_error(text: str) -> tuple[str, str]:
    """Split "module.Class: sentence → remedy" into sentence and remedy: an expected failure's class name is noise."""
    name, _, rest = text.strip().partition(": ")
    sentence, _, remedy = (rest if rest and " " not in name else text.strip()).partition(" → ")
    return sentence, remedy
