"""What every page of a reconciliation shows in the same way: matched shares, open breaks by kind and age, weeks, a plot."""

from collections.abc import Collection
from typing import Any

import dagster as dg

from retail_sync.defs.metadata import picture, small_table
from retail_sync.reports.ageing_plot import ageing_plot
from retail_sync.reports.reconciliations import Reconciliations
from retail_sync.reports.trend_plot import trend_plot

_PLOT = "plot: open breaks by age"
_TREND = "plot: matched share by week"


def break_metadata(
    context: dg.AssetExecutionContext, key: list[str], found: Reconciliations, names: Collection[str]
) -> dict[str, Any]:
    """Return the metadata of the page `key`, which shows the reconciliations `names`."""
    shown = found.of(names)
    plot = shown.plot
    tables = {
        "matched": small_table(("comparison", "currency", "compared", "matched", "of value"), shown.shares),
        "open breaks by kind and age": small_table(("kind", "age", "open", "value", "overdue"), shown.by_kind),
        "by week": small_table(("week of", "matched", "of value", "open", "value"), shown.weeks),
    }
    plots = {}
    if plot:
        title = "Value of open breaks, by age and kind"
        plots[_PLOT] = picture(context, key, _PLOT, plot, lambda: ageing_plot(plot, title))
    if trend := shown.trend:
        title = "Matched share of what was compared, by week"
        plots[_TREND] = picture(context, key, _TREND, trend, lambda: trend_plot(trend, title))
    return tables | plots
