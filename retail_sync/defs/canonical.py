"""Raw to canonical: one typed, validated set of tables, with a blocking contract check on each."""

from collections.abc import Iterator

import dagster as dg

from retail_sync.defs.metadata import contract_check, markdown_table, sentence_check, spec
from retail_sync.defs.windows import reload_window
from retail_sync.reports.state import read_canonical
from retail_sync.resources import HomeResource
from retail_sync.schemas.tables import table

TABLES = tuple(
    table(f"canonical.{name}") for name in ("settlements", "settlement_lines", "bank_transactions", "rejected_rows")
)
_READABLE = "every row of every delivery in force was read"


@dg.multi_asset(
    name="load_deliveries",
    specs=[spec(entry, deps=[("raw", "deliveries")]) for entry in TABLES],
    check_specs=[
        *(dg.AssetCheckSpec("contract", asset=[t.schema, t.name], blocking=True) for t in TABLES),
        dg.AssetCheckSpec("rows_could_be_read", asset=["canonical", "rejected_rows"]),
    ],
)
def load_deliveries(
    context: dg.AssetExecutionContext, home: HomeResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Read every new delivery; prove the tables that changed."""
    pipeline = home.pipeline(context)
    report = pipeline.load(reload_window(context))
    state = read_canonical(pipeline)
    for entry in TABLES:
        yield dg.MaterializeResult(
            asset_key=[entry.schema, entry.name],
            metadata={
                "dagster/row_count": state.row_counts[entry.name],
                "deliveries read": report.loaded,
                "rows accepted in this run": report.accepted_count,
                "rows rejected in this run": report.rejected_count,
                "lines moved by a changed rule": report.recategorised,
                "refused files": markdown_table(("file", "reason"), report.refused),
                **({"preview": markdown_table(*state.previews[entry.name])} if entry.name in state.previews else {}),
            },
        )
        yield contract_check(entry, state.problems)
    yield sentence_check(("canonical", "rejected_rows"), "rows_could_be_read", state.rejects, _READABLE)
