"""Adaptive conformal sets: their level follows what the person reports during the session.

Adaptive conformal inference (Gibbs & Candes 2021, arXiv 2106.00170): alpha_{t+1} = alpha_t + gamma (alpha - err_t),
with gamma the rate, 1 - alpha_t the level and err_t the share of a report's windows whose set lacked its label. A
report is one step however many windows it has, as the windows of a clip are right or wrong together. One thing differs
from the paper: the level never falls below the promised one. Reports widen the sets, and hits take them back to where
they were; a session has a dozen reports, far too few to narrow sets by: with narrowing allowed, eight of them left
12 simulated people further from 80 % than none did (README.md).
And so the guarantee has one side: over T reports the mean share of misses exceeds the wanted one by at most
(1 + rate) / (rate * T), for any person and any signal; it may be lower. That is about the long run and nothing else: it
promises nothing about the next window, nor about minutes that nobody reports on. It needs no score distribution to be
right, so quantiles between the bundle's levels may be interpolated.

Everything depends on stamps: a report holds from a time on, whenever it arrived, so a replay gives the same sets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.model.uncertainty.conformal import members

KEPT = 7200  # smoothed windows, one a second: two hours


@dataclass(frozen=True, slots=True)
class SelfReport:
    """A person felt a label (index) from begin_s to end_s; known to the decoder in windows after holds_s.

    until_s: the report was taken back, windows after this do not use it. All in LSL time.
    """

    label: int
    begin_s: float
    end_s: float
    holds_s: float
    until_s: float = float("inf")

    def known_at(self, time_s: float) -> bool:
        return self.holds_s < time_s <= self.until_s


@dataclass(frozen=True, slots=True)
class Smoothed:
    """The smoothed prediction of one window: its end, the combination of modalities, the posterior (K,)."""

    end_s: float
    combination: str
    posterior: NDArray[np.float64]


class RecentSets:
    """The smoothed predictions of the newest windows, one a second, so that it does not depend on the hop much."""

    def __init__(self, kept: Sequence[Smoothed] = ()) -> None:
        self._kept = deque(kept, maxlen=KEPT)

    def take(self, smoothed: Smoothed) -> None:
        if not self._kept or int(smoothed.end_s) > int(self._kept[-1].end_s):
            self._kept.append(smoothed)

    def between(self, begin_s: float, end_s: float) -> list[Smoothed]:
        """The windows that end in (begin_s, end_s]."""
        return [one for one in self._kept if begin_s < one.end_s <= end_s]

    def copy(self) -> RecentSets:
        return RecentSets(tuple(self._kept))


def quantile_at(quantiles: Mapping[float, float], level: float) -> float:
    """The quantile of any level: between the known ones on straight lines, 0 for level 0 and 1 for level 1."""
    levels = sorted(quantiles)
    return float(np.interp(level, [0.0, *levels, 1.0], [0.0, *(quantiles[one] for one in levels), 1.0]))


def adapted_level(
    reports: Sequence[SelfReport],
    recent: RecentSets,
    quantiles: Mapping[str, Mapping[float, float]],
    level: float,
    rate: float,
    window_s: float,
) -> float:
    """The level after these reports, in their order. quantiles: of each combination. level: the promised one.

    A report counts once, with the share of the windows inside its interval whose set lacked the label. The level can
    exceed 1, where every label is in the set; it is never below the promised one.
    """
    now = level
    for report in reports:
        windows = recent.between(report.begin_s + window_s - 1e-6, report.end_s + 1e-6)
        if windows:
            sets = (members(one.posterior, quantile_at(quantiles[one.combination], now)) for one in windows)
            missed = float(np.mean([report.label not in found for found in sets]))
            now = max(level, now + rate * (missed - (1.0 - level)))
    return now


def without(reports: Sequence[SelfReport], index: int, until_s: float) -> tuple[SelfReport, ...]:
    """The reports with one taken back from a time on."""
    return tuple(
        SelfReport(one.label, one.begin_s, one.end_s, one.holds_s, until_s) if at == index else one
        for at, one in enumerate(reports)
    )
