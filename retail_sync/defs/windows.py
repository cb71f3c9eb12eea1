"""The days people look at: daily partitions by closing date, and the window a month-end run reads again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import dagster as dg

from retail_sync.resources import Window

# Early enough for a backfill of old sales. Twenty years more cost no run anything: 9,828 days instead of 2,523.
FIRST_DAY = "2000-01-01"
# The range of a run of the command line. Dagster's own tags would make it write an event for every day and asset before the
# first step: 14,000 for nine months, minutes of silence (docs/decisions.md, 61). A run launched from the UI has those.
FIRST_DAY_TAG = "retail_sync/first_day"
LAST_DAY_TAG = "retail_sync/last_day"
_DAY = "dagster/partition"
_RANGES = (
    (FIRST_DAY_TAG, LAST_DAY_TAG),
    ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end"),
    (_DAY, _DAY),
)
BACKFILL_JOB = "month_end_backfill"
NIGHTLY_JOB = "nightly_close"
HOURLY_JOB = "hourly_sync"

# A settlement may close on a local day that is tomorrow in UTC.
DAYS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, end_offset=2)


def run_window(context: dg.AssetExecutionContext) -> Window | None:
    """Return the days this run was asked for, or None for a run over whatever is new."""
    tags = context.run.tags
    for first, last in _RANGES:
        if first in tags:
            return Window(date.fromisoformat(tags[first]), date.fromisoformat(tags[last]) + timedelta(days=1))
    return None


def is_told_by_day(context: dg.AssetExecutionContext) -> bool:
    """Return whether Dagster itself tells a partitioned asset's result once for every day that the run was asked for."""
    return any(first in context.run.tags for first, _ in _RANGES[1:])


def days_to_tell(context: dg.AssetExecutionContext, known: Collection[str]) -> set[str]:
    """Return the days of the run's range that are told by us: all of them, or where Dagster tells all, the `known` ones."""
    window = run_window(context)
    count = (window.end - window.start).days if window else 0
    days = {(window.start + timedelta(days=number)).isoformat() for number in range(count)} if window else set()
    return days.intersection(known) if is_told_by_day(context) else days


def reload_window(context: dg.AssetExecutionContext) -> Window | None:
    """Return the window whose deliveries are read again from raw: that of a month-end backfill only."""
    return run_window(context) if context.run.job_name == BACKFILL_JOB else None


def is_nightly(context: dg.AssetExecutionContext) -> bool:
    """Whether this run also does what is done once a day: drift watch, retention, publishing a large warehouse."""
    return context.run.job_name != HOURLY_JOB
