"""The days people look at: daily partitions by closing date, and the window a month-end run reads again."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg

from retail_sync.resources import Window

# Early enough for a backfill of old sales. Twenty years more cost no run anything: 9,828 days instead of 2,523.
FIRST_DAY = "2000-01-01"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
BACKFILL_JOB = "month_end_backfill"
NIGHTLY_JOB = "nightly_close"
HOURLY_JOB = "hourly_sync"

# A settlement may close on a local day that is tomorrow in UTC.
DAYS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, end_offset=2)


def run_window(context: dg.AssetExecutionContext) -> Window | None:
    """Return the days this run was asked for, or None for a run over whatever is new."""
    tags = context.run.tags
    if RANGE_START not in tags:
        day = tags.get("dagster/partition")
        return Window(date.fromisoformat(day), date.fromisoformat(day) + timedelta(days=1)) if day else None
    return Window(date.fromisoformat(tags[RANGE_START]), date.fromisoformat(tags[RANGE_END]) + timedelta(days=1))


def reload_window(context: dg.AssetExecutionContext) -> Window | None:
    """Return the window whose deliveries are read again from raw: that of a month-end backfill only."""
    return run_window(context) if context.run.job_name == BACKFILL_JOB else None


def is_nightly(context: dg.AssetExecutionContext) -> bool:
    """Whether this run also does what is done once a day: drift watch, retention, publishing a large warehouse."""
    return context.run.job_name != HOURLY_JOB
