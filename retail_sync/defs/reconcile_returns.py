"""The page of returns: money given back beside goods that came back and what is booked, and the check that speaks of them."""

from collections.abc import Iterator

import dagster as dg

from retail_sync.defs.break_pages import break_metadata
from retail_sync.defs.metadata import picture, problem_table, small_table, spec
from retail_sync.reports import words
from retail_sync.reports.plots import return_plot
from retail_sync.reports.state import ReconcileState
from retail_sync.schemas.tables import table

TABLES = (RETURNS,) = (table("reconcile.returns"),)
_RETURNS = ["reconcile", "returns"]
_PLOT = "plot: returns by day"
_NAMED_IN = (
    "orders",
    "order_lines",
    "payments",
    "fulfilments",
    "returns",
    "settlement_lines",
    "pos_sales",
    "stock_movements",
)
_VERDICTS = f"""\
{words.explained(words.RETURNS)}

Goods that came back and that the ERP never posted are told under `inventory_variances` (`unposted_return`).

**Look at** the sentences under *what needs a person*, then at *returned elsewhere*."""
# check: beginnings of the break classes it shows, and what it says when there is none
SHOWN_BY_RETURNS = {
    "returns_agree": (("return_",), "every refund has its goods, its amount and its place in the books")
}
SHOWN_ON = ((_RETURNS, SHOWN_BY_RETURNS),)
SPECS = [spec(RETURNS, deps=[("canonical", name) for name in _NAMED_IN], look=_VERDICTS)]
CHECKS = [
    dg.AssetCheckSpec(
        "returns_agree",
        asset=_RETURNS,
        description="What came back was paid back once, with its value, and what was paid back came back and is booked.",
    ),
]


def tell_returns(context: dg.AssetExecutionContext, state: ReconcileState) -> Iterator[dg.MaterializeResult[None]]:
    """Tell what went back, and where the sides differ."""
    returns = state.returns
    found = [problem for problem in state.found if problem.code.startswith("return_")]
    yield dg.MaterializeResult(
        asset_key=_RETURNS,
        metadata={
            "verdicts": small_table(
                ("channel", "verdict", "currency", "orders", "given back", "due", "booked"),
                returns.verdicts,
                words=words.RETURNS,
            ),
            _PLOT: picture(context, _RETURNS, _PLOT, returns.plot, lambda: return_plot(returns.plot)),
            "what needs a person": problem_table(found),
            **break_metadata(context, _RETURNS, state.reconciliations, ("returns",)),
            "returned elsewhere": small_table(
                ("on", "channel", "order", "at", "units", "given back", "verdict"),
                returns.elsewhere,
                words=words.RETURNS,
            ),
            "dagster/row_count": state.row_counts["returns"],
        },
    )
