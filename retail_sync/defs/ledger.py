"""Journal to ledger: releasing entries and posting them. Money only ever moves from one of the three jobs."""

from collections.abc import Iterator

import dagster as dg

from retail_sync.defs.metadata import problem_table, sentence_check, small_table
from retail_sync.defs.windows import BACKFILL_JOB, HOURLY_JOB, NIGHTLY_JOB, is_nightly
from retail_sync.reports.state import read_ledger
from retail_sync.resources import HomeResource

_JOBS = (HOURLY_JOB, NIGHTLY_JOB, BACKFILL_JOB)


def _require_job(context: dg.AssetExecutionContext) -> None:
    if context.run.job_name not in _JOBS:
        raise dg.Failure(
            f"Entries are released and posted by the jobs {', '.join(_JOBS)} only, never by materializing an asset by hand.",
            allow_retries=False,
        )


@dg.asset(
    key=["ledger", "released_entries"],
    deps=[
        dg.AssetKey(["journal", "entries"]),
        dg.AssetKey(["journal", "lines"]),
        dg.AssetKey(["journal", "documents"]),
        # Its blocking checks stop the release.
        dg.AssetKey(["reconcile", "clearing_items"]),
    ],
    group_name="ledger",
    kinds={"sqlalchemy"},
    owners=["team:finance"],
    description="What we decided to tell the ledger: versions of entries, their reversals and their outbox rows "
    "(operations database).\n\n**Look at** *waiting, as only rules, costs or packs changed*: these never repost "
    "the past by themselves.",
)
def released_entries(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[None]:
    """Release what is new or changed."""
    _require_job(context)
    report = home.pipeline(context).release(f"job {context.run.job_name}")
    return dg.MaterializeResult(
        metadata={
            "waiting, as only rules, costs or packs changed": problem_table(report.waiting_problems),
            "held until their facts can be read": problem_table(report.held),
            "new entries in this run": report.new,
            "corrected in this run": report.corrected,
            "withdrawn in this run": report.withdrawn,
            "unchanged": report.unchanged,
        }
    )


@dg.multi_asset(
    name="post_entries",
    specs=[
        dg.AssetSpec(
            ["ledger", "postings"],
            deps=[dg.AssetKey(["ledger", "released_entries"])],
            group_name="ledger",
            kinds={"sqlalchemy"},
            owners=["team:finance"],
            description="Released entries in the ledger: posted once, read back, compared line by line.\n\n"
            "**Look at** the *trial balance*, and at *postings by state*: all should be `verified`.",
        )
    ],
    check_specs=[
        dg.AssetCheckSpec(
            "every_entry_verified",
            asset=["ledger", "postings"],
            description="Every released entry is in the ledger, was read back and is the same, line by line.",
        ),
        dg.AssetCheckSpec(
            "ledger_keeps_its_promises",
            asset=["ledger", "postings"],
            description="The hash chain holds, every currency sums to zero, and the balance of every clearing "
            "account is explained item by item. Recomputed by the nightly run.",
        ),
    ],
)
def postings(
    context: dg.AssetExecutionContext, home: HomeResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Released entries in the ledger: posted once, read back, compared."""
    _require_job(context)
    pipeline = home.pipeline(context)
    report = pipeline.post(watch_drift=is_nightly(context))
    state = read_ledger(pipeline, verify=is_nightly(context))
    yield dg.MaterializeResult(
        asset_key=["ledger", "postings"],
        metadata={
            "trial balance": small_table(("account", "name", "currency", "debit", "credit"), state.trial_balance),
            "postings by state": small_table(("state", "entries"), state.by_state),
            **{f"{name} in this run": number for name, number in sorted(report.states.items()) if number},
        },
    )
    key = ("ledger", "postings")
    yield sentence_check(key, "every_entry_verified", state.problems, "every released entry was read back")
    yield sentence_check(key, "ledger_keeps_its_promises", state.findings, state.verified)
