"""The plot of what is open, by age."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retail_sync.core.money import from_minor
from retail_sync.reports.ages import AGES
from retail_sync.reports.plots import png

if TYPE_CHECKING:  # matplotlib is imported where something is drawn: most runs draw nothing
    from matplotlib.axes import Axes

# One colour per label, in their order.
_COLOURS = ("#2c6fbb", "#e69f00", "#93b7a1", "#c0392b", "#8e44ad", "#56b4e9", "#d9c87a", "#7f5a3c", "#808080")
_PANELS = 3


def ageing_plot(rows: Sequence[tuple[Any, ...]], title: str) -> bytes:
    """Return bars of (age, label, currency, minor units), debits up and credits down, stacked by label.

    A panel per currency: the three with most labels.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    by_currency: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    for age, label, currency, minor in rows:  # as a float it only places pixels
        by_currency[currency].append((age, label, float(from_minor(minor, currency))))
    shown = [
        currency for currency, _ in Counter({c: len(bars) for c, bars in by_currency.items()}).most_common(_PANELS)
    ]
    labels = sorted({row[1] for row in rows})
    colours = {label: _COLOURS[at % len(_COLOURS)] for at, label in enumerate(labels)}
    figure = Figure(figsize=(9, 1.7 + 2.2 * max(1, len(shown))), layout="constrained")
    axes = figure.subplots(max(1, len(shown)), 1, squeeze=False)[:, 0]
    for axis, currency in zip(axes, shown, strict=False):
        _draw(axis, currency, by_currency[currency], colours)
    figure.suptitle(title, fontsize=12)
    handles = [Patch(color=colours[label], label=label) for label in labels]
    figure.legend(handles=handles, ncols=5, fontsize=8, loc="outside lower center", frameon=False)
    return png(figure)


def _draw(axis: Axes, currency: str, bars: Sequence[tuple[str, str, float]], colours: dict[str, str]) -> None:
    above, below = dict.fromkeys(AGES, 0.0), dict.fromkeys(AGES, 0.0)
    for age, label, value in sorted(bars, key=lambda bar: (bar[1], bar[0])):
        stack = above if value > 0 else below
        axis.bar(AGES.index(age), value, bottom=stack[age], width=0.6, color=colours[label], zorder=2)
        stack[age] += value
    axis.set_xticks(range(len(AGES)), AGES, fontsize=8)
    axis.set_xlim(-0.6, len(AGES) - 0.4)
    axis.yaxis.set_major_formatter("{x:,.0f}")
    axis.tick_params(axis="y", labelsize=8)
    axis.set_ylabel(f"open, {currency}", fontsize=8)
    axis.grid(axis="y", color="#e3e3e3", linewidth=0.6, zorder=0)
    axis.axhline(0, color="#333333", linewidth=0.8, zorder=3)
    axis.spines[["top", "right"]].set_visible(False)
