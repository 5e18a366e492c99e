"""Plots of the comparison report as SVG text."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from offline.reproduce.findings import OFFER_NAMES, Cell, Curve, FindingsRow, Panel
from offline.reproduce.runs import SCRATCH
from rtemo.presentation.html import Html
from rtemo.presentation.palette import LIGHT, SERIES

MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
BASELINE_MARKS = ("+", "x", "1", "2", "3", "4", "|", "_")
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Inter", "Helvetica Neue", "Arial", "DejaVu Sans"],
    "font.size": 9.5,
    "axes.edgecolor": LIGHT.muted,
    "axes.labelcolor": LIGHT.ink,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "xtick.color": LIGHT.muted,
    "ytick.color": LIGHT.muted,
    "text.color": LIGHT.ink,
    "svg.fonttype": "none",  # text stays text: it can be searched, and takes the page's font
    "svg.hashsalt": "rtemo",
}


def bars(rows: Sequence[FindingsRow]) -> Html:
    """Balanced accuracy of every method by modality: one dot a person, the mean with its interval, chance."""
    with mpl.rc_context(_STYLE):
        offers = [offer for offer in OFFER_NAMES if any(row.cells.get(offer) for row in rows)]
        figure = Figure(figsize=(9.4, 0.9 + 0.36 * len(rows)), layout="constrained")
        all_axes = np.atleast_1d(figure.subplots(1, len(offers), sharey=True, sharex=True))
        for axes, offer in zip(all_axes, offers, strict=True):
            for place, row in enumerate(rows):
                cell = row.cells.get(offer)
                if cell is not None:
                    _bar(axes, place, cell, SERIES[0] if row.network else SERIES[6])
            _chance(axes, rows, offer)
            axes.set_title(OFFER_NAMES[offer], fontsize=10.5, loc="left", color=LIGHT.ink)
            axes.set_ylim(len(rows) - 0.5, -0.5)
            axes.set_yticks(range(len(rows)), [row.name for row in rows], color=LIGHT.ink)
            axes.tick_params(axis="y", length=0)
            axes.grid(axis="x", color=LIGHT.line, linewidth=0.8)
            axes.set_axisbelow(True)
        figure.supxlabel("balanced accuracy, %", fontsize=9.5)
        return _svg(figure, "Balanced accuracy of every method by modality")


def _bar(axes: Axes, place: int, cell: Cell, colour: str) -> None:
    people = 100.0 * np.array(sorted(cell.people.values()))
    spread = place + 0.24 * np.linspace(-1.0, 1.0, len(people)) if len(people) > 1 else [place]
    axes.scatter(people, spread, s=9, color=colour, alpha=0.28, linewidths=0)
    axes.plot([100 * cell.low, 100 * cell.high], [place, place], color=colour, linewidth=2.4, solid_capstyle="round")
    axes.plot(100 * cell.value, place, "o", color=colour, markersize=6.5, markeredgecolor="white", markeredgewidth=1.0)


def _chance(axes: Axes, rows: Sequence[FindingsRow], offer: tuple[str, ...]) -> None:
    chance = next(cell.chance for row in rows if (cell := row.cells.get(offer)) is not None)
    axes.axvline(100 * chance, color=LIGHT.muted, linewidth=1.0, linestyle=(0, (4, 3)))


def curves(panels: Sequence[Panel], none: str = "clean") -> Html:
    """Balanced accuracy against severity, a panel a fault; the bars are 95 % intervals over people.

    none: what to call the place of a point without a number.
    """
    with mpl.rc_context(_STYLE):
        n_columns = min(3, len(panels))
        n_rows = math.ceil(len(panels) / n_columns)
        figure = Figure(figsize=(9.4 if n_columns > 1 else 7.4, 2.6 * n_rows), layout="constrained")
        grid = np.atleast_1d(figure.subplots(n_rows, n_columns, sharey=True, squeeze=False)).ravel()
        looks = looks_of([curve for panel in panels for curve in panel.curves])
        for axes, panel in zip(grid, panels, strict=False):
            _panel(axes, panel, looks, none)
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        for axes in grid[::n_columns]:
            axes.set_ylabel("balanced accuracy, %")
        handles = {str(h.get_label()): h for axes in grid for h in axes.get_lines() if h.get_label() in looks}
        _legend(figure, [handles[name] for name in looks])
        return _svg(figure, f"Balanced accuracy: {', '.join(panel.kind for panel in panels)}")


def looks_of(curves: Sequence[Curve]) -> dict[str, dict[str, Any]]:
    """Name -> how it is drawn: a colour for what a network began from, dashed and hollow if frozen; baselines grey."""
    by_name = {curve.name: curve for curve in curves}
    begins = list(dict.fromkeys(c.init for c in by_name.values() if c.init not in (None, SCRATCH)))
    baselines = [name for name, curve in by_name.items() if curve.init is None]
    looks: dict[str, dict[str, Any]] = {}
    for name, curve in by_name.items():
        if curve.init is None:
            number, colour = baselines.index(name), LIGHT.muted
        elif curve.init == SCRATCH:
            number, colour = 0, LIGHT.ink
        else:
            number = begins.index(curve.init)
            colour = SERIES[number % len(SERIES)]
        looks[name] = {
            "color": colour,
            "marker": (BASELINE_MARKS if curve.init is None else MARKS)[number % len(MARKS)],
            "linestyle": (0, (4, 2)) if curve.frozen else "-",
            "markerfacecolor": "white" if curve.frozen else colour,
        }
    return looks


def _legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Below, in as many columns as the figure is wide enough for; the figure grows by what it takes."""
    for n_columns in range(min(3, len(handles)), 0, -1):
        legend = figure.legend(handles=handles, loc="outside lower center", ncols=n_columns, frameon=False)
        extent = legend.get_window_extent()
        if n_columns == 1 or extent.width <= 0.94 * figure.bbox.width:
            figure.set_figheight(figure.get_figheight() + extent.height / figure.dpi)
            return
        legend.remove()


def _panel(axes: Axes, panel: Panel, looks: Mapping[str, Mapping[str, Any]], none: str) -> None:
    ticks: list[str] = []
    for number, curve in enumerate(panel.curves):
        look = looks[curve.name]
        middle = 0.5 * (len(panel.curves) - 1)
        x = np.arange(len(curve.points)) + 0.06 * (number - middle)
        y = 100 * np.array([cell.value for _, cell in curve.points])
        ends = 100 * np.array([[cell.low, cell.high] for _, cell in curve.points]).T
        axes.vlines(x, *ends, color=look["color"], alpha=0.45, linewidth=1.3)
        axes.plot(x, y, markersize=4.5, linewidth=1.6, label=curve.name, **look)
        ticks = [none if at is None else f"{at:g}" for at, _ in curve.points]
    chance = panel.curves[0].points[0][1].chance
    axes.axhline(100 * chance, color=LIGHT.muted, linewidth=1.0, linestyle=(0, (4, 3)))
    axes.set_xticks(range(len(ticks)), ticks)
    axes.set_title(panel.kind.replace("-", " "), fontsize=10, loc="left", color=LIGHT.ink)
    axes.set_xlabel(panel.unit.replace("uV", "µV"), fontsize=9)
    axes.grid(axis="y", color=LIGHT.line, linewidth=0.8)
    axes.set_axisbelow(True)


def _svg(figure: Figure, title: str) -> Html:
    """The drawing without XML header, at most as wide as drawn; its ids are made its own, as a page has several."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Title": title})
    drawing = text.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    own = re.sub(r"\W", "", title)
    for identifier in set(re.findall(r'id="([^"]+)"', drawing)):
        drawing = re.sub(rf'(id="|#){re.escape(identifier)}(?=["\)])', rf"\g<1>{own}-{identifier}", drawing)
    drawing = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", drawing, count=1)
    drawing = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", drawing, count=1)
    width = round(96 * figure.get_figwidth())  # CSS pixels
    return Html(
        drawing.replace("<svg", f'<svg role="img" aria-label="{escape(title)}" style="max-width: {width}px"', 1)
    )
