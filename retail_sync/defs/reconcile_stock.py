"""The pages of inventory variances and availability, and the checks that speak of goods."""

from collections.abc import Iterator

import dagster as dg

from retail_sync.defs.break_pages import break_metadata
from retail_sync.defs.metadata import picture, problem_table, small_table, spec
from retail_sync.reports.plots import availability_plot, stock_plot
from retail_sync.reports.state import ReconcileState
from retail_sync.reports.words import OFFERS, explained
from retail_sync.schemas.tables import table

TABLES = VARIANCES, COST_OF_SALES, AVAILABILITY, RUNS = tuple(
    table(f"reconcile.{name}") for name in ("inventory_variances", "cost_of_sales", "availability", "parallel_runs")
)
_VARIANCES = ["reconcile", "inventory_variances"]
_AVAILABILITY = ["reconcile", "availability"]
_RUNS = ["reconcile", "parallel_runs"]
_STOCK_PLOT = "plot: stock variances"
_OFFER_PLOT = "plot: listed and available"
_GOODS = [("canonical", f"stock_{name}") for name in ("snapshots", "movements", "counts")]
_SOLD = [("canonical", name) for name in ("pos_sales", "fulfilments", "returns", "products")]
# check: beginnings of the break classes it shows, and what it says when there is none
SHOWN_BY_STOCK = {
    "stock_agrees": (("stock_",), "every change of stock is accounted for"),
}
SHOWN_BY_AVAILABILITY = {
    "nothing_oversold": (("oversell_", "listed_"), "no channel lists more than is available"),
}
SHOWN_BY_RUNS = {
    "systems_agree": (("parallel_",), "no other source tells another stock than the one that is believed"),
}
_QUESTIONS = """\
| question | left | right | mended |
| --- | --- | --- | --- |
| `interface_sales` | sold and taken back by stores and channels | the ERP's movements | in the ERP |
| `interface_snapshot` | snapshot before + movements | snapshot | in the ERP |
| `interface_transfers` | booked out of a place | booked into another | in the ERP |
| `count` | book | counted | journalled, or by the ERP |
| `valuation` | ERP stock value | the ledger's inventory account | month-end true-up |

A cause is named where the evidence leaves one; else it is `undetermined`, with those that fit.

**Look at** *the largest variances*, then at the plot."""
_OFFERS = f"""\
{explained(OFFERS)}

**Look at** *listed beyond what is available*, then at the plot: the offers that come closest to it."""
SHOWN_ON = ((_VARIANCES, SHOWN_BY_STOCK), (_AVAILABILITY, SHOWN_BY_AVAILABILITY), (_RUNS, SHOWN_BY_RUNS))
SPECS = [
    spec(VARIANCES, deps=[*_GOODS, *_SOLD], look=_QUESTIONS),
    spec(COST_OF_SALES, deps=[("canonical", "stock_movements"), ("canonical", "returns"), ("canonical", "products")]),
    spec(
        AVAILABILITY,
        deps=[("canonical", "stock_snapshots"), ("canonical", "listings"), ("canonical", "locations")],
        look=_OFFERS,
    ),
    spec(
        RUNS,
        deps=[("canonical", "stock_snapshots")],
        look="**Look at** *by day and place*: the day from which nothing differs is the day to move on.",
    ),
]
CHECKS = [
    dg.AssetCheckSpec(
        "systems_agree",
        asset=_RUNS,
        description="Where two systems run side by side, both tell the same stock on the newest day.",
    ),
    dg.AssetCheckSpec(
        "stock_agrees",
        asset=_VARIANCES,
        description="What was sold, moved, counted and valued agrees with the ERP's stock and the ledger.",
    ),
    dg.AssetCheckSpec(
        "nothing_oversold",
        asset=_AVAILABILITY,
        description="Every listing is mapped to an article and offers no more than is available to promise.",
    ),
]


def tell_stock(context: dg.AssetExecutionContext, state: ReconcileState) -> Iterator[dg.MaterializeResult[None]]:
    """Tell what the goods look like now."""
    stock, counts = state.stock, state.row_counts
    found = {
        name: [problem for problem in state.found if problem.code.startswith(prefixes)]
        for name, prefixes in (
            ("stock", ("stock_",)),
            ("availability", ("oversell_", "listed_")),
            ("runs", ("parallel_",)),
        )  # fmt: skip
    }
    yield dg.MaterializeResult(
        asset_key=_VARIANCES,
        metadata={
            "by question and cause": small_table(
                ("question", "cause", "currency", "rows", "quantity", "value"), stock.causes
            ),
            _STOCK_PLOT: picture(context, _VARIANCES, _STOCK_PLOT, stock.plot, lambda: stock_plot(stock.plot)),
            "what needs a person": problem_table(found["stock"]),
            **break_metadata(context, _VARIANCES, state.reconciliations, ("inventory",)),
            "the largest variances": small_table(
                ("day", "location", "sku", "cause", "quantity", "value"), stock.largest
            ),
            "dagster/row_count": counts["inventory_variances"],
        },
    )
    yield dg.MaterializeResult(
        asset_key=["reconcile", "cost_of_sales"], metadata={"dagster/row_count": counts["cost_of_sales"]}
    )
    yield dg.MaterializeResult(
        asset_key=_AVAILABILITY,
        metadata={
            "by channel": small_table(
                ("channel", "verdict", "listings", "oversold units"), stock.availability, words=OFFERS
            ),
            "listed beyond what is available": small_table(
                ("channel", "sku", "sells from", "available", "listed", "oversold"), stock.oversold
            ),
            _OFFER_PLOT: picture(
                context, _AVAILABILITY, _OFFER_PLOT, stock.offers, lambda: availability_plot(stock.offers)
            ),
            "what needs a person": problem_table(found["availability"]),
            **break_metadata(context, _AVAILABILITY, state.reconciliations, ("availability",)),
            "dagster/row_count": counts["availability"],
        },
    )
    yield dg.MaterializeResult(
        asset_key=_RUNS,
        metadata={
            "by day and place": small_table(
                ("day", "location", "believed", "other", "articles", "of these differ", "other - believed"), stock.runs
            ),
            "what needs a person": problem_table(found["runs"]),
            **break_metadata(context, _RUNS, state.reconciliations, ("parallel_runs",)),
            "dagster/row_count": counts["parallel_runs"],
        },
    )
