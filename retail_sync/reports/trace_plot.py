"""The plot of latencies: how long each step takes in each channel, as PNG bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retail_sync.reports.plots import png
from retail_sync.reports.values import Rows

if TYPE_CHECKING:  # matplotlib is imported where something is drawn: most runs draw nothing
    from matplotlib.axes import Axes

_COLOURS = {
    "order → payment": "#93b7a1",
    "payment → shipment": "#e69f00",
    "shipment → settlement": "#2c6fbb",
    "settlement → deposit": "#8e44ad",
    "order → deposit": "#555555",
}
_CHANNELS = 8
_HOURS_A_DAY = 24


def latency_plot(rows: Rows) -> bytes:
    """Return a bar per channel and step to its median, with a thin line on to the 95th percentile, in days.

    `rows` are those of TraceState.latencies. Shown are the eight channels with the most orders.
    """
    from matplotlib.figure import Figure

    channels = _busiest(rows)
    bars = [row for channel in channels for row in rows if row[0] == channel]
    figure = Figure(figsize=(9, 1.6 + 0.28 * max(4, len(bars) + len(channels))), layout="constrained")
    axis = figure.subplots()
    _draw(axis, bars)
    figure.suptitle("From the order to the deposit: bar to the median, line to the 95th percentile", fontsize=12)
    return png(figure)


def _busiest(rows: Rows) -> list[str]:
    most: dict[str, int] = {}
    for channel, _, _, count, _, _ in rows:
        most[channel] = max(count, most.get(channel, 0))
    return sorted(most, key=lambda channel: (-most[channel], channel))[:_CHANNELS]


def _draw(axis: Axes, bars: Rows) -> None:
    place, places, labels, before = 0, [], [], ""
    for channel, step, unit, count, median, slow in bars:
        place += 2 if before and channel != before else 1
        before = channel
        low, high = _days(median, unit), _days(slow, unit)
        axis.barh(place, low, height=0.75, color=_COLOURS[step], zorder=2)
        axis.plot([low, high], [place, place], color=_COLOURS[step], linewidth=2, marker="|", markersize=8, zorder=3)
        places.append(place)
        labels.append(f"{channel}: {step} ({count})")
    axis.set_yticks(places, labels, fontsize=8)
    axis.invert_yaxis()
    axis.set_xlabel("days")
    axis.tick_params(axis="x", labelsize=8)
    axis.grid(axis="x", color="#e3e3e3", linewidth=0.6, zorder=0)
    axis.spines[["top", "right"]].set_visible(False)


def _days(value: Any, unit: str) -> float:
    """A duration as a place on the axis."""
    return float(value) / (_HOURS_A_DAY if unit == "hours" else 1)
