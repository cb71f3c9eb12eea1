"""Sources to raw: systems are asked, files that were dropped are taken in; all of it is archived and registered."""

from collections.abc import Iterator

import dagster as dg

from retail_sync.connectors.problems import find_unreadable_files
from retail_sync.defs.metadata import problem_check, small_table, spec
from retail_sync.defs.windows import reload_window
from retail_sync.reports.delivered import told_count
from retail_sync.resources import HomeResource
from retail_sync.schemas.tables import table

DELIVERIES = table("raw.deliveries")


_WHOLE = "every list that was asked for and every folder is whole, and every file could be taken in"


@dg.multi_asset(
    name="receive_deliveries",
    specs=[
        spec(
            DELIVERIES,
            owner="operations",
            look="**Look at** *what needs a person* and *newest deliveries*: a source that delivers nothing is seen here first.",
        )
    ],
    check_specs=[
        dg.AssetCheckSpec(
            "everything_came",
            asset=["raw", "deliveries"],
            description="Every list, folder and file of this run came whole. What did not is named here, with what to do.",
        )
    ],
)
def receive_deliveries(
    context: dg.AssetExecutionContext, home: HomeResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Ask the systems for what is new, or for a month-end run's days; fetch dropped files; take in what is new in the inboxes."""
    pipeline = home.pipeline(context)
    pulled = pipeline.pull(reload_window(context))
    dropped = pipeline.fetch_drops()
    received = pipeline.receive_inbox()
    deliveries = pipeline.registry.all()
    problems = [
        *(item.problem for item in pulled if item.problem),
        *(problem for item in dropped for problem in item.problems),
        *find_unreadable_files(received),
    ]
    newest = [(d.received_order, d.source, d.name, d.bytes, d.delivery_id) for d in deliveries[-20:]]
    yield dg.MaterializeResult(
        asset_key=["raw", "deliveries"],
        metadata={
            "what needs a person": small_table(
                ("what happened", "what to do"), [(problem.message, problem.remedy) for problem in problems[:20]]
            ),
            "asked systems": small_table(
                ("source", "list", "new deliveries", "records", "whole"),
                [
                    (
                        item.source,
                        item.object,
                        sum(r.is_new for r in item.received),
                        told_count(pipeline, [r.delivery_id for r in item.received if r.is_new]),
                        "no" if item.problem else "yes",
                    )
                    for item in pulled
                ],
            ),
            "remote folders": small_table(
                ("source", "files", "new", "whole"),
                [
                    (
                        item.source,
                        len(item.received),
                        sum(r.is_new for r in item.received),
                        "no" if item.problems else "yes",
                    )
                    for item in dropped
                ],
            ),
            "newest deliveries": small_table(("no.", "source", "file", "bytes", "delivery"), newest[::-1]),
            "new files in this run": sum(item.is_new for item in received),
            "files seen again, ever": pipeline.registry.duplicates_count(),
            "dagster/row_count": len(deliveries),
        },
    )
    yield problem_check(("raw", "deliveries"), "everything_came", problems, _WHOLE)
