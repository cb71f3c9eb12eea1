"""Raw to canonical: one typed, validated set of tables, with a blocking contract check on each."""

from collections.abc import Iterator

import dagster as dg

from retail_sync.defs.metadata import contract_check, contract_specs, sentence_check, small_table, spec
from retail_sync.defs.windows import reload_window
from retail_sync.reports.state import read_canonical
from retail_sync.resources import HomeResource
from retail_sync.schemas.tables import TABLES as ALL

TABLES = tuple(entry for entry in ALL if entry.schema == "canonical")
_READABLE = "every row of every delivery in force was read"
# table: name of its preview, and what to look at on its page
_PAGES = {
    "settlements": ("newest settlements", "**Look at** *newest settlements*: is the last closed period there?"),
    "settlement_lines": (
        "sums by category",
        "**Look at** *sums by category*: `unclassified` must be missing there; its lines hold the settlement's entry.",
    ),
    "rejected_rows": (
        "rejected rows",
        "**Look at** *rejected rows*: file, line and value, to be corrected where it was made.",
    ),
}


@dg.multi_asset(
    name="load_deliveries",
    specs=[
        spec(entry, deps=[("raw", "deliveries")], owner="operations", look=_PAGES.get(entry.name, ("", ""))[1])
        for entry in TABLES
    ],
    check_specs=[
        *contract_specs(TABLES),
        dg.AssetCheckSpec(
            "rows_could_be_read",
            asset=["canonical", "rejected_rows"],
            description="No row of a delivery in force was set aside. The rows that were are named here.",
        ),
    ],
)
def load_deliveries(
    context: dg.AssetExecutionContext, home: HomeResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Read every new delivery; prove the tables that changed."""
    pipeline = home.pipeline(context)
    report = pipeline.load(reload_window(context))
    state = read_canonical(pipeline)
    this_run = {
        "files refused in this run": small_table(("file", "reason"), report.refused),
        "deliveries read in this run": report.loaded,
        "rows accepted in this run": report.accepted_count,
        "rows rejected in this run": report.rejected_count,
        "lines moved by a changed rule": report.recategorised,
    }
    for entry in TABLES:
        preview = state.previews.get(entry.name)
        yield dg.MaterializeResult(
            asset_key=[entry.schema, entry.name],
            metadata={
                **({_PAGES[entry.name][0]: small_table(*preview)} if preview else {}),
                **this_run,
                "dagster/row_count": state.row_counts[entry.name],
            },
        )
        yield contract_check(entry, state.problems)
    yield sentence_check(("canonical", "rejected_rows"), "rows_could_be_read", state.rejects, _READABLE)
