"""The store days' pages: what they show by day and in all, and the checks that speak of stores."""

from collections.abc import Iterator

import dagster as dg

from retail_sync.defs.break_pages import break_metadata
from retail_sync.defs.metadata import picture, problem_table, small_table, spec
from retail_sync.defs.windows import DAYS, days_to_tell, is_told_by_day
from retail_sync.reconcile.report import ReconcileReport
from retail_sync.reports.plots import store_day_plot
from retail_sync.reports.state import ReconcileState
from retail_sync.reports.words import STORES, explained
from retail_sync.schemas.tables import table

TABLES = STORE_COMPONENTS, STORE_DAYS, STORE_RECEIPTS = tuple(
    table(f"reconcile.{name}") for name in ("store_day_components", "store_days", "store_day_receipts")
)
_STORES = ["reconcile", "store_days"]
_STORE_PLOT = "plot: store days"
_TILLS = [("canonical", "pos_sales"), ("canonical", "pos_tenders"), ("canonical", "pos_shifts")]
# check: beginnings of the break classes it shows, and what it says when there is none
SHOWN_BY_STORES = {
    "store_days_foot": (("tenders_", "sales_", "receipt_"), "every store's receipts and tenders agree"),
    "drawers_counted": (("drawer_",), "every drawer was counted and held what it took"),
    "cards_reported": (("card_",), "the processor reports every card payment"),
}
_STORE_VERDICTS = f"""\
| comparison | left | right |
| --- | --- | --- |
| `sales_tenders` | receipts of a till | its tenders |
| `drawer` | its cash tenders | what the drawer took in, as counted |
| `card_payments` | card tenders of the store | what the processor reports for the store's receipts |
| `receipt_sources` | receipts that two sources deliver | what one of them says |

{explained(STORES)}

**Look at** the sentences under *what needs a person*, then at the plot. The partitions are the stores' days."""
SHOWN_ON = ((_STORES, SHOWN_BY_STORES),)
SPECS = [
    spec(STORE_COMPONENTS, deps=_TILLS),
    spec(
        STORE_DAYS,
        deps=[("reconcile", "store_day_components"), ("canonical", "payments")],
        look=_STORE_VERDICTS,
        partitions_def=DAYS,
    ),
    spec(
        STORE_RECEIPTS,
        deps=[
            ("reconcile", "store_days"),
            ("canonical", "pos_sales"),
            ("canonical", "pos_tenders"),
            ("canonical", "payments"),
        ],
    ),
]
CHECKS = [
    dg.AssetCheckSpec(
        "store_days_foot",
        asset=_STORES,
        description="The receipts of every till and day were paid with tenders of the same sum.",
    ),
    dg.AssetCheckSpec(
        "drawers_counted",
        asset=_STORES,
        description="Every drawer with cash was counted, and held what it took in within the tolerance.",
    ),
    dg.AssetCheckSpec(
        "cards_reported",
        asset=_STORES,
        description="The processor reports the card payments that the stores rang up.",
    ),
]


def tell_stores(
    context: dg.AssetExecutionContext, report: ReconcileReport, state: ReconcileState
) -> Iterator[dg.MaterializeResult[None]]:
    """Tell the store days that changed, then all of them together."""
    yield dg.MaterializeResult(
        asset_key=["reconcile", "store_day_components"],
        metadata={"dagster/row_count": state.row_counts["store_day_components"]},
    )
    stores = state.stores
    found = [
        p
        for p in state.found
        if p.code.startswith(tuple(b for prefixes, _ in SHOWN_BY_STORES.values() for b in prefixes))
    ]
    header = ("day", "store", "till", "comparison", "verdict", "left", "right", "difference", "currency")
    summary = {
        "verdicts": small_table(
            ("comparison", "verdict", "currency", "rows", "difference"), stores.verdicts, words=STORES
        ),
        _STORE_PLOT: picture(context, _STORES, _STORE_PLOT, stores.plot, lambda: store_day_plot(stores.plot)),
        "what needs a person": problem_table(found),
        **break_metadata(context, _STORES, state.reconciliations, ("store_days",)),
        "newest days": small_table(header, stores.newest, header[:-1], STORES),
        "dagster/row_count": state.row_counts["store_days"],
    }
    if is_told_by_day(context):
        yield dg.MaterializeResult(asset_key=_STORES, metadata={"store days": "none"})
    for day in sorted((set(report.days) & set(stores.by_day)) | days_to_tell(context, stores.by_day)):
        if DAYS.has_partition_key(day):
            rows = stores.by_day.get(day, [])
            metadata = {
                "store days": small_table(header, rows, header[1:-1], STORES),
                "what needs a person": problem_table([p for p in found if p.since_date == day]),
                "dagster/partition_row_count": len(rows),
            }
            context.log_event(dg.AssetMaterialization(asset_key=_STORES, partition=day, metadata=metadata))
    if is_told_by_day(context):
        context.log_event(dg.AssetMaterialization(asset_key=_STORES, metadata=summary))
    else:
        yield dg.MaterializeResult(asset_key=_STORES, metadata=summary)
    yield dg.MaterializeResult(
        asset_key=["reconcile", "store_day_receipts"],
        metadata={"dagster/row_count": state.row_counts["store_day_receipts"]},
    )
