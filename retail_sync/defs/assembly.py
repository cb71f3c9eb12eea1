"""The whole graph: the assets of every stage, the jobs, schedules and sensors. Nothing is computed here."""

from __future__ import annotations

import dagster as dg

from retail_sync.defs import canonical, jobs, journal, ledger, publish, raw, reconcile, reconcile_clearing
from retail_sync.defs.console import console_log
from retail_sync.resources import HomeResource

defs = dg.Definitions(
    assets=[
        raw.receive_deliveries,
        canonical.load_deliveries,
        reconcile.reconcile_settlements,
        journal.build_journal,
        reconcile_clearing.explain_clearing_accounts,
        ledger.released_entries,
        ledger.postings,
        publish.published_warehouse,
    ],
    jobs=[jobs.hourly_sync, jobs.nightly_close, jobs.month_end_backfill],
    schedules=jobs.schedules,
    sensors=[jobs.file_drop, jobs.run_failed],
    resources={"home": HomeResource()},
    loggers={"console": console_log},
)
