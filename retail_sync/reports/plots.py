"""Plots for people, as PNG bytes."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from retail_sync.core.money import currency_name
from retail_sync.reports.words import NO_WORDS, RETURNS, SETTLEMENTS, STORES, Words, word

if TYPE_CHECKING:  # matplotlib is imported where something is drawn: most runs draw nothing
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Pale where all is well, strong where a person should look.
_COLOURS = {
    "matched": "#93b7a1",
    "tolerated": "#d9c87a",
    "awaiting_bank": "#e69f00",
    "awaiting_processor": "#e69f00",
    "awaiting": "#e69f00",
    "undetermined": "#555555",
    "not_compared": "#c9c9c9",
    "open": "#56b4e9",
    "variance": "#c0392b",
    "left_only": "#8e44ad",
    "right_only": "#2c6fbb",
    "interface_sales": "#2c6fbb",
    "interface_snapshot": "#8e44ad",
    "interface_transfers": "#e69f00",
    "count": "#c0392b",
}
_UNKNOWN = "#808080"
_SETTLEMENT_WORDS = {
    "matched": "lines, total and bank agree",
    "awaiting_bank": "no deposit confirmed yet",
    "variance": "lines, total or bank differ",
    "left_only": "states no total",
    "right_only": "a deposit no settlement explains",
}
_STORE_WORDS = {
    "matched": "receipts, tenders and drawer agree",
    "tolerated": "a drawer's coins within the tolerance",
    "open": "a drawer is not closed",
    "variance": "receipts, tenders or drawer differ",
    "left_only": "tenders or count missing",
    "right_only": "receipts or card tenders missing",
}
_RETURN_WORDS = {
    "matched": "refund, goods and books agree",
    "variance": "more or less than due, twice or not booked",
    "left_only": "goods and no refund",
    "right_only": "a refund and no goods",
    "undetermined": "several things may be true",
    "awaiting": "the other side may still come",
    "not_compared": "the other side is never shown",
}
_STOCK_WORDS = {
    "interface_sales": "sold or taken back × posted by the ERP",
    "interface_snapshot": "movements × snapshot",
    "interface_transfers": "booked out × booked in",
    "count": "book × counted",
}
_BARS = 60
_PANELS = 3
_TICKS = 10

Bar = tuple[Any, str, float]


def settlement_plot(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """Return a bar per settlement (closing day, currency, verdict, amount), coloured by verdict, a panel per currency.

    Shown are the newest 60 settlements of the three currencies with most of them.
    """
    return _plot(
        rows, "What each settlement pays, by closing day and verdict", "stated total", _SETTLEMENT_WORDS, SETTLEMENTS
    )


def store_day_plot(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """Return a bar per store day (day, store and currency, worst verdict, sales), a panel per store: the three busiest."""
    return _plot(rows, "What each store sold, by day and verdict", "sales with tax", _STORE_WORDS, STORES)


def return_plot(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """Return a bar per day and verdict (day, currency, verdict, given back), a panel per currency: the three with most."""
    return _plot(rows, "What was given back, by day and verdict", "given back", _RETURN_WORDS, RETURNS)


def stock_plot(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """Return a bar per day, location and question with the value of its variances, a panel per location: the three busiest."""
    return _plot(rows, "Value of stock variances, by day and question", "ERP - expected", _STOCK_WORDS, NO_WORDS)


def availability_plot(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """Return a bar of what is available per offer (channel, sku, available, listed), with what is listed on it, the worst on top.

    What is listed beyond what is available is red.
    """
    from matplotlib.figure import Figure

    offers = [
        # As floats they only place pixels.
        (f"{channel}  {sku}", float(there), float(listed), f"{_units(listed)} listed, {_units(there)} there")
        for channel, sku, there, listed in reversed(rows)
    ]
    verdicts = ["variance" if listed > max(there, 0) else "right_only" for _, there, listed, _ in offers]
    figure = Figure(figsize=(9, 1.6 + 0.3 * max(3, len(offers))), layout="constrained")
    _draw_offers(figure.subplots(), offers, verdicts)
    figure.suptitle("Listed and available to promise, the worst offers first", fontsize=12)
    counts = Counter(verdicts)
    words = {"right_only": "listed", "variance": "listed beyond what is available"}
    legend = [("matched", "available to promise")]
    legend += [(verdict, f"{said} ({counts[verdict]})") for verdict, said in words.items() if counts[verdict]]
    _patches(figure, legend)
    return png(figure)


def _draw_offers(axis: Axes, offers: Sequence[tuple[str, float, float, str]], verdicts: Sequence[str]) -> None:
    """Draw each offer (name, available, listed, words) at its place, from below."""
    places = range(len(offers))
    axis.barh(places, [there for _, there, _, _ in offers], height=0.7, color=_COLOURS["matched"], zorder=2)
    colours = [_COLOURS[verdict] for verdict in verdicts]
    axis.barh(places, [listed for _, _, listed, _ in offers], height=0.28, color=colours, zorder=3)
    for place, (_, there, listed, said) in zip(places, offers, strict=True):
        colour = _COLOURS["variance"] if verdicts[place] == "variance" else "#333333"
        axis.text(max(there, listed, 0), place, f"  {said}", va="center", fontsize=8, color=colour)
    axis.set_yticks(places, [name for name, *_ in offers], fontsize=8)
    axis.set_ylim(-0.6, max(len(offers), 3) - 0.4)
    least = min([0.0, *(there for _, there, _, _ in offers)])
    most = max([1.0, *(max(there, listed) for _, there, listed, _ in offers)])
    axis.set_xlim(least, 1.25 * most)  # room for the words beside the longest bar
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.tick_params(axis="x", labelsize=8)
    axis.set_xlabel("units", fontsize=8)
    axis.grid(axis="x", color="#e3e3e3", linewidth=0.6, zorder=0)
    axis.spines[["top", "right"]].set_visible(False)


def _units(quantity: Decimal) -> str:
    return f"{quantity.normalize():,f}"


def _plot(rows: Sequence[tuple[Any, ...]], title: str, label: str, meanings: Mapping[str, str], words: Words) -> bytes:
    from matplotlib.figure import Figure

    panels = _panels(rows)
    figure = Figure(figsize=(9, 1.7 + 2.2 * max(1, len(panels))), layout="constrained")
    axes = figure.subplots(max(1, len(panels)), 1, squeeze=False)[:, 0]
    for axis, (panel, bars) in zip(axes, panels, strict=False):
        _draw(axis, f"{label}, {currency_name(panel)}", bars)
    axes[-1].set_xlabel("day")
    figure.suptitle(title, fontsize=12)
    _legend(figure, [bar for _, bars in panels for bar in bars], meanings, words)
    return png(figure)


def png(figure: Figure) -> bytes:
    """Draw with a palette of 64 colours: a quarter of the bytes, and every event of the UI's log keeps its picture."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=90)
    palette = Image.open(drawn).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    palette.save(small, "PNG", optimize=True)
    return small.getvalue()


def _panels(rows: Sequence[tuple[Any, ...]]) -> list[tuple[str, list[Bar]]]:
    by_currency: dict[str, list[Bar]] = defaultdict(list)
    for day, currency, verdict, value in sorted(rows, key=lambda row: (row[1], row[0], row[2])):
        if value is not None:  # as a float it only places pixels
            by_currency[currency].append((day, verdict, float(value)))
    most = sorted(by_currency, key=lambda currency: (-len(by_currency[currency]), currency))[:_PANELS]
    return [(currency, by_currency[currency][-_BARS:]) for currency in most]


def _draw(axis: Axes, label: str, bars: Sequence[Bar]) -> None:
    axis.bar(
        range(len(bars)),
        [value for _, _, value in bars],
        width=0.7,
        color=[_COLOURS.get(verdict, _UNKNOWN) for _, verdict, _ in bars],
        zorder=2,
    )
    step = -(-len(bars) // _TICKS)
    axis.set_xticks(range(0, len(bars), step), [f"{day.day} {day:%b %Y}" for day, _, _ in bars[::step]], fontsize=8)
    axis.set_xlim(-0.6, max(len(bars), _TICKS) - 0.4)
    axis.yaxis.set_major_formatter("{x:,.0f}")
    axis.tick_params(axis="y", labelsize=8)
    axis.set_ylabel(label, fontsize=8)
    axis.grid(axis="y", color="#e3e3e3", linewidth=0.6, zorder=0)
    axis.axhline(0, color="#333333", linewidth=0.8, zorder=3)
    axis.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure, bars: Sequence[Bar], meanings: Mapping[str, str], words: Words) -> None:
    counts = Counter(verdict if verdict in meanings else "" for _, verdict, _ in bars)
    handles = []
    for verdict in (*meanings, ""):
        if counts[verdict]:
            said = meanings[verdict] if verdict else "another verdict"
            if verdict in words:
                said = f"{word(words, verdict)}: {said}"
            handles.append((verdict, f"{said} ({counts[verdict]})"))
    _patches(figure, handles)


def _patches(figure: Figure, said: Sequence[tuple[str, str]]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=_COLOURS.get(verdict, _UNKNOWN), label=label) for verdict, label in said]
    figure.legend(handles=handles, ncols=2, fontsize=8, loc="outside lower center", frameon=False)
