"""Reconcile to journal: the desired entries, balanced or held."""

from collections.abc import Iterator

import dagster as dg

from retail_sync.defs.metadata import contract_check, contract_specs, sentence_check, small_table, spec
from retail_sync.reports.state import read_journal
from retail_sync.resources import HomeResource
from retail_sync.schemas.tables import table

TABLES = tuple(table(f"journal.{name}") for name in ("documents", "entries", "lines"))
_BOOKED_FROM = [
    *(
        ("reconcile", name)
        for name in (
            "settlement_totals",
            "settlement_components",
            "cleared_differences",
            "store_day_components",
            "store_days",
        )
    ),
    *(("reconcile", name) for name in ("inventory_variances", "cost_of_sales")),
    *(("canonical", name) for name in ("settlement_lines", "gift_card_events", "vouchers", "deferred_transactions")),
    *(
        ("canonical", name)
        for name in ("orders", "order_lines", "payments", "fulfilments", "returns", "customers", "locations")
    ),
]
# table: name of its preview, the preview's columns, and what to look at on its page
_PAGES = {
    "documents": (
        "held first",
        ("settlement", "status", "because"),
        "**Look at** *held first*: what is held is not booked until a person has decided.",
    ),
    "entries": (
        "newest entries",
        ("date", "memo", "debits"),
        "**Look at** *newest entries*: the memo is what stands in the ledger later.",
    ),
    "lines": (
        "balances wanted",
        ("account", "balance wanted"),
        "**Look at** *balances wanted*: what the ledger should show once everything is posted.",
    ),
}


@dg.multi_asset(
    name="build_journal",
    specs=[
        spec(
            entry,
            deps=_BOOKED_FROM,
            look=_PAGES[entry.name][2],
        )
        for entry in TABLES
    ],
    check_specs=[
        *contract_specs(TABLES),
        dg.AssetCheckSpec(
            "entries_balance",
            asset=["journal", "lines"],
            blocking=True,
            description="The home amounts of every entry sum to zero. If not, the run stops and nothing is released.",
        ),
        dg.AssetCheckSpec(
            "documents_are_complete",
            asset=["journal", "documents"],
            description="Every settlement has its entries. One that does not foot or is not classified is held.",
        ),
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
                _PAGES[entry.name][0]: small_table(*state.previews[entry.name], show=_PAGES[entry.name][1]),
                "settlements looked at in this run": report.touched,
                "dagster/row_count": state.row_counts[entry.name],
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
