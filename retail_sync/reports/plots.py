"""Plots for people, as PNG bytes."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

_COLOURS = {
    "matched": "#3a7d44",
    "awaiting_bank": "#e0a526",
    "variance": "#c0392b",
    "left_only": "#8e44ad",
    "right_only": "#2c6fbb",
}
_BARS = 60


def settlement_plot(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """Return a bar per settlement (closing day, currency, verdict, amount), coloured by verdict."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    by_currency: dict[str, list[tuple[Any, str, float]]] = defaultdict(list)
    for day, currency, verdict, value in sorted(rows, key=lambda row: (row[1], row[0])):
        if value is not None:  # as a float it only places pixels
            by_currency[currency].append((day, verdict, float(value)))
    figure, axes = pyplot.subplots(
        max(1, len(by_currency)),
        1,
        figsize=(9, 1 + 2.2 * max(1, len(by_currency))),
        squeeze=False,
        layout="constrained",
    )
    for axis, (currency, bars) in zip(axes[:, 0], by_currency.items(), strict=False):
        shown = bars[-_BARS:]
        axis.bar(range(len(shown)), [bar[2] for bar in shown], color=[_COLOURS.get(bar[1], "grey") for bar in shown])
        axis.set_xticks(range(len(shown)), [f"{bar[0]:%d %b}" for bar in shown], rotation=60, fontsize=7)
        axis.set_ylabel(currency)
        axis.axhline(0, color="black", linewidth=0.6)
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=colour) for colour in _COLOURS.values()]
    figure.legend(
        handles, [name.replace("_", " ") for name in _COLOURS], ncols=5, fontsize=8, loc="outside upper center"
    )
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=80)
    pyplot.close(figure)
    return out.getvalue()
