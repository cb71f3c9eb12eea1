"""The page of the orders' stories: how long each step takes, and what should be there by now."""

from collections.abc import Iterator

import dagster as dg

from retail_sync.defs.metadata import picture, small_table, spec
from retail_sync.reports.state import ReconcileState
from retail_sync.reports.trace_plot import latency_plot
from retail_sync.schemas.tables import table

TABLES = (TRACES,) = (table("reconcile.order_traces"),)
_TRACES = ["reconcile", "order_traces"]
_PLOT = "plot: latencies"
_NAMED_IN = (
    "orders",
    "order_lines",
    "payments",
    "fulfilments",
    "returns",
    "settlement_lines",
    "pos_sales",
    "pos_tenders",
)
_STEPS = """\
| step | from | to |
| --- | --- | --- |
| order → payment | the order, or the receipt | its first charge, or tender |
| payment → shipment | its first charge | the first goods that left |
| shipment → settlement | the day they left | the day its first settlement closed |
| settlement → deposit | that day | the value date of that settlement's deposit |

A step is `missing` where its channel and currency show it for earlier and for later orders, beyond the days of
`order_steps.csv`; a deposit where it is overdue. `retail-sync trace ORDER_ID` tells one order's story.

**Look at** *missing by now*, then at the plot: a step that suddenly takes longer."""
SPECS = [
    spec(
        TRACES,
        deps=[
            *(("canonical", name) for name in _NAMED_IN),
            ("reconcile", "settlement_totals"),
            ("reconcile", "breaks"),
        ],
        look=_STEPS,
    )
]


def tell_traces(context: dg.AssetExecutionContext, state: ReconcileState) -> Iterator[dg.MaterializeResult[None]]:
    """Tell how long each step takes now, and what is missing."""
    traces = state.traces
    yield dg.MaterializeResult(
        asset_key=_TRACES,
        metadata={
            "latencies": small_table(("channel", "step", "in", "orders", "median", "95 % within"), traces.latencies),
            "missing by now": small_table(("channel", "step", "orders", "since", "ordered"), traces.missing),
            _PLOT: picture(context, _TRACES, _PLOT, traces.latencies, lambda: latency_plot(traces.latencies)),
            "the newest that lack a step": small_table(
                ("ordered", "channel", "order", "missing", "amount"), traces.newest_missing
            ),
            "dagster/row_count": state.row_counts["order_traces"],
        },
    )
