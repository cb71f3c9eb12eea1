"""Sources to raw: systems are asked, files that were dropped are taken in; all of it is archived and registered."""

import dagster as dg

from retail_sync.defs.metadata import small_table, spec
from retail_sync.defs.windows import reload_window
from retail_sync.resources import HomeResource
from retail_sync.schemas.tables import table

DELIVERIES = table("raw.deliveries")


@dg.multi_asset(
    name="receive_deliveries",
    specs=[
        spec(
            DELIVERIES,
            owner="operations",
            look="**Look at** *newest deliveries*: a source that delivers nothing is seen here first.",
        )
    ],
)
def receive_deliveries(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[None]:
    """Ask the systems for what is new, or for a month-end run's days; fetch dropped files; take in what is new in the inboxes."""
    pipeline = home.pipeline(context)
    pulled = pipeline.pull(reload_window(context))
    dropped = pipeline.fetch_drops()
    received = pipeline.receive_inbox()
    deliveries = pipeline.registry.all()
    newest = [(d.received_order, d.source, d.name, d.bytes, d.delivery_id) for d in deliveries[-20:]]
    return dg.MaterializeResult(
        asset_key=["raw", "deliveries"],
        metadata={
            "newest deliveries": small_table(("no.", "source", "file", "bytes", "delivery"), newest[::-1]),
            "asked systems": small_table(
                ("source", "list", "new deliveries", "not whole because"),
                [
                    (
                        item.source,
                        item.object,
                        sum(r.is_new for r in item.received),
                        item.problem.message if item.problem else "",
                    )
                    for item in pulled
                ],
            ),
            "remote folders": small_table(
                ("source", "files", "new", "not whole because"),
                [
                    (
                        item.source,
                        len(item.received),
                        sum(r.is_new for r in item.received),
                        "; ".join(problem.message for problem in item.problems),
                    )
                    for item in dropped
                ],
            ),
            "new files in this run": sum(item.is_new for item in received),
            "files seen again, ever": pipeline.registry.duplicates_count(),
            "dagster/row_count": len(deliveries),
        },
    )
