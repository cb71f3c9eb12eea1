"""Sources to raw: files that were dropped are archived and registered."""

import dagster as dg

from retail_sync.defs.metadata import markdown_table, spec
from retail_sync.resources import HomeResource
from retail_sync.schemas.tables import table

DELIVERIES = table("raw.deliveries")


@dg.multi_asset(name="receive_deliveries", specs=[spec(DELIVERIES)])
def receive_deliveries(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[None]:
    """Take in what is new in the inbox folders."""
    pipeline = home.pipeline(context)
    received = pipeline.receive_inbox()
    deliveries = pipeline.registry.all()
    newest = [(d.received_order, d.source, d.name, d.bytes, d.delivery_id) for d in deliveries[-20:]]
    return dg.MaterializeResult(
        asset_key=["raw", "deliveries"],
        metadata={
            "new files": sum(item.is_new for item in received),
            "seen again": pipeline.registry.duplicates_count(),
            "dagster/row_count": len(deliveries),
            "newest": markdown_table(("order", "source", "file", "bytes", "delivery"), newest[::-1]),
        },
    )
