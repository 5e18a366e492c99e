"""SVG drawings of the session report, coloured by the page's style sheet, and what they share about time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rtemo.presentation.html import Html, tag

Point = tuple[float, float]
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


def text(x: float, y: float, words: str, **attributes: float | str) -> Html:
    """A label at a point."""
    return tag("text", words, x=x, y=y, **attributes)


def tip(words: str) -> Html:
    """The tooltip of the element around it."""
    return tag("title", words)


def picture(width: float, height: float, *inside: str, label: str) -> Html:
    """A drawing as wide as its place allows. label: its text alternative."""
    box = f"0 0 {width:g} {height:g}"
    return tag(
        "svg", *inside, class_="drawing", viewBox=box, role="img", aria_label=label, xmlns="http://www.w3.org/2000/svg"
    )


def path(points: Sequence[Point], *, closed: bool) -> str:
    """The d attribute of a path through points."""
    steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f"M{steps}{'Z' if closed else ''}"


def ticks(span_s: float, most: int) -> list[float]:
    """Round moments from 0 to span_s, at most so many (two at the least)."""
    step = next(
        (step for step in STEPS_S if span_s / step <= most), STEPS_S[-1] * math.ceil(span_s / STEPS_S[-1] / most)
    )
    return [k * step for k in range(int(span_s / step) + 1)]


def runs(flags: Sequence[object]) -> Iterator[tuple[int, int, object]]:
    """Stretches of equal values: first, one past the last, the value."""
    start = 0
    for k in range(1, len(flags) + 1):
        if k == len(flags) or flags[k] != flags[start]:
            yield start, k, flags[start]
            start = k


def binned(
    times: NDArray[np.float64], values: NDArray[np.float64], begin_s: float, end_s: float, n_bins: int
) -> NDArray[np.float64]:
    """Means of (n, K) values in n_bins equal stretches of time: (n_bins, K), NaN where nothing lies."""
    rows = np.isfinite(values).all(axis=1) & (times >= begin_s) & (times <= end_s)
    places = ((times[rows] - begin_s) / max(end_s - begin_s, 1e-9) * n_bins).astype(int).clip(0, n_bins - 1)
    counts = np.bincount(places, minlength=n_bins)
    sums = np.stack([np.bincount(places, column, n_bins) for column in values[rows].T], axis=1)
    return np.asarray(np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], np.nan))
