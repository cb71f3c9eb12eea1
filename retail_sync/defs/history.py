"""How long Dagster's own history is kept: a home that runs every hour would keep thousands of event logs a year."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log.schema import AssetEventTagsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

RUNS_KEPT_DAYS = 90
_PRUNED_AT_ONCE = 200
_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def prune_runs(instance: dg.DagsterInstance, kept: timedelta = timedelta(days=RUNS_KEPT_DAYS)) -> int:
    """Delete the oldest ended runs that are older than `kept`, with their logs; at most 200, the next night more.

    What the days show stays: a closed day must not look as if it had never been reconciled.
    """
    before = datetime.now(UTC) - kept
    old = instance.get_run_records(
        dg.RunsFilter(statuses=list(_ENDED), created_before=before), limit=_PRUNED_AT_ONCE, ascending=True
    )
    for record in old:
        _forget(instance, record.dagster_run.run_id)
    return len(old)


def _forget(instance: dg.DagsterInstance, run_id: str) -> None:
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        instance.delete_run(run_id)
        return
    event = SqlEventLogStorageTable.c
    mine = sa.and_(event.run_id == run_id, event.partition.is_(None))
    with storage.index_connection() as connection:
        connection.execute(
            sa.delete(AssetEventTagsTable).where(AssetEventTagsTable.c.event_id.in_(sa.select(event.id).where(mine)))
        )
        connection.execute(sa.delete(SqlEventLogStorageTable).where(mine))
    # The row last: a run that is interrupted here is pruned again the next night.
    shard = Path(storage.path_for_shard(run_id))
    for file in shard.parent.glob(f"{shard.name}*"):
        file.unlink(missing_ok=True)
    shutil.rmtree(Path(instance.storage_directory()) / run_id, ignore_errors=True)
    instance.run_storage.delete_run(run_id)
