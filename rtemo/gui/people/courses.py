"""The smoothed valence of several participants, and how alike two of them move. No Qt.

The correlation is that of the report, see rtemo.recordings.study.synchrony.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from rtemo.gui.window_state import WindowState
from rtemo.recordings.study.synchrony import WINDOW_S, windowed_correlation

Course = tuple[NDArray[np.float64], NDArray[np.float64]]  # times (n,) LSL seconds, values (n,)


def valences(state: WindowState, after_s: float) -> dict[str, Course]:
    """The smoothed valence of each participant later than a time; NaN where the model abstains."""
    found = {}
    for one in state.several:
        times, rows = state.results[one.id].valence.after(after_s)
        found[one.id] = (times, rows[:, 0].astype(np.float64))
    return found


def correlations(state: WindowState, after_s: float) -> dict[tuple[str, str], Course]:
    """The correlation of each pair in the window that ends at each of these times."""
    courses = valences(state, after_s - WINDOW_S)
    return {(one, other): windowed_correlation(*courses[one], *courses[other]) for one, other in pairs(state)}


def pairs(state: WindowState) -> list[tuple[str, str]]:
    """Everybody with everybody else."""
    return list(combinations([one.id for one in state.several], 2))


def rows(state: WindowState) -> Iterator[list[float]]:
    """A table of everything that is kept: time, each one's valence, each pair's correlation; NaN for none."""
    courses = [*valences(state, -math.inf).values(), *correlations(state, -math.inf).values()]
    at: dict[float, list[float]] = {}
    for k, (times, values) in enumerate(courses):
        for time_s, value in zip(times.tolist(), values.tolist(), strict=True):
            at.setdefault(round(time_s, 6), [math.nan] * len(courses))[k] = value
    for time_s in sorted(at):
        yield [time_s, *at[time_s]]
