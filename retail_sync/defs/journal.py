"""Reconcile to journal: the desired entries, balanced or held."""

from collections.abc import Iterator

import dagster as dg

from retail_sync.defs.metadata import contract_check, markdown_table, sentence_check, spec
from retail_sync.reports.state import read_journal
from retail_sync.resources import HomeResource
from retail_sync.schemas.tables import table

TABLES = tuple(table(f"journal.{name}") for name in ("documents", "entries", "lines"))


@dg.multi_asset(
    name="build_journal",
    specs=[
        spec(entry, deps=[("reconcile", "settlement_totals"), ("reconcile", "settlement_components")])
        for entry in TABLES
    ],
    check_specs=[
        *(dg.AssetCheckSpec("contract", asset=[t.schema, t.name], blocking=True) for t in TABLES),
        dg.AssetCheckSpec("entries_balance", asset=["journal", "lines"], blocking=True),
        dg.AssetCheckSpec("documents_are_complete", asset=["journal", "documents"]),
    ],
)
def build_journal(
    context: dg.AssetExecutionContext, home: HomeResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Build the desired journal of what changed."""
    pipeline = home.pipeline(context)
    report = pipeline.journal()
    state = read_journal(pipeline)
    for entry in TABLES:
        yield dg.MaterializeResult(
            asset_key=[entry.schema, entry.name],
            metadata={
                "dagster/row_count": state.row_counts[entry.name],
                "settlements looked at": report.touched,
                "preview": markdown_table(*state.previews[entry.name]),
            },
        )
        yield contract_check(entry, state.problems)
    yield dg.AssetCheckResult(
        asset_key=["journal", "lines"],
        check_name="entries_balance",
        passed=not state.unbalanced,
        description="; ".join(state.unbalanced) or "every entry sums to zero in its home currency",
    )
    yield sentence_check(
        ("journal", "documents"), "documents_are_complete", state.held, "every settlement has its entries"
    )
