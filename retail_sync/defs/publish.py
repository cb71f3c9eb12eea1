"""After the line: the copy that people's tools read, and the retention of raw deliveries and of Dagster's runs."""

import dagster as dg

from retail_sync.defs.history import prune_runs
from retail_sync.defs.windows import is_nightly
from retail_sync.resources import HomeResource


@dg.asset(
    key=["published", "warehouse"],
    deps=[dg.AssetKey(["reconcile", "breaks"]), dg.AssetKey(["journal", "lines"]), dg.AssetKey(["ledger", "postings"])],
    group_name="published",
    kinds={"duckdb"},
    owners=["team:operations"],
)
def published_warehouse(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[None]:
    """A read-only copy of the warehouse, replaced atomically, for `retail-sync query` and any other tool."""
    pipeline = home.pipeline(context)
    nightly = is_nightly(context)
    purged = pipeline.purge_raw() if nightly else 0
    pruned = prune_runs(context.instance) if nightly else 0
    copied = pipeline.publish(is_nightly=nightly)
    # The last step of the line: a run that comes here has done what failed runs before it left undone.
    pipeline.exceptions.settle("run", [], pipeline.trace_id)
    return dg.MaterializeResult(
        metadata={
            "copied in this run": copied,
            "file to read": dg.MetadataValue.path(str(pipeline.warehouse.published_file)),
            "raw deliveries purged in this run": purged,
            "old Dagster runs deleted in this run": pruned,
        }
    )
