"""The plot of a reconciliation's weeks: what share of the compared items matched, and how many differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from retail_sync.reports.plots import png

Week = tuple[date, str, int, int]
"""(Monday, comparison, items compared, of these matched)."""
_COLOURS = ("#2c6fbb", "#e69f00", "#8e44ad", "#7f5a3c", "#56b4e9", "#808080")
_DIFFERENT = "#e3b5b0"


def trend_plot(weeks: Sequence[Week], title: str) -> bytes:
    """Return a line of the matched share for each comparison, and bars of the items of all of them that differ."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    mondays = sorted({week for week, *_ in weeks})
    lines: dict[str, dict[int, float]] = defaultdict(dict)
    different = [0] * len(mondays)
    for week, comparison, compared, matched in weeks:
        place = mondays.index(week)
        lines[comparison][place] = 100 * matched / compared
        different[place] += compared - matched
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    counts = figure.subplots()
    shares = counts.twinx()
    counts.bar(range(len(mondays)), different, width=0.6, color=_DIFFERENT, label="items that differ")
    for at, (comparison, points) in enumerate(sorted(lines.items())):
        colour = _COLOURS[at % len(_COLOURS)]
        shares.plot(list(points), list(points.values()), marker="o", markersize=4, color=colour, label=comparison)
    step = -(-len(mondays) // 12)
    counts.set_xticks(range(0, len(mondays), step), [f"{week:%d %b %y}" for week in mondays[::step]], fontsize=8)
    counts.set_ylim(0, max(1, *different, 0) * 1.5)
    counts.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    shares.set_ylim(min(90.0, *(min(points.values()) for points in lines.values())) - 2, 101)
    counts.set_ylabel("items that differ", fontsize=8)
    shares.set_ylabel("matched, % of compared items", fontsize=8)
    for axis in (counts, shares):
        axis.tick_params(axis="y", labelsize=8)
        axis.spines["top"].set_visible(False)
    figure.suptitle(title, fontsize=12)
    figure.legend(ncols=4, fontsize=8, loc="outside lower center", frameon=False)
    return png(figure)
