"""Causal feature normalisation: a prior, then a resting baseline, then a very slow running average.

The baseline is a stretch of rest that was announced (`rest`), one that was saved before (`adopt`), or, without either,
the surrogate: the session's first minutes of usable data. A fast running average removes the state that is to be told
(a minute of one emotion becomes the new zero: `python -m offline.benchmarks.normaliser` measures it), so after the
baseline the half-life is long, and the average stands still while the signal is bad or unlike the baseline. That rule
looks at the features alone: the model's own novelty cannot be used, as windows must not depend on a model. So a change
for good, such as new gel, that moves most features beyond freeze_z stays outside until the next baseline.

Fed with one frame a second, in stream order, whatever the hop is. Snapshots are taken with each frame and are never
written to again. What a 60 s running normaliser would be: NormaliserSettings(baseline_s=20, half_life_s=60,
freeze_z=1e9, freeze_share=0), and no baseline announced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import BoolArray, FloatArray

Array = NDArray[np.float64]
Source = Literal["surrogate", "rest", "saved"]

MAD_TO_SD = 1.4826  # of a normal distribution


@dataclass(frozen=True, slots=True)
class NormaliserSettings:
    """How long the baseline is and how slowly it moves afterwards. Judgement, except where a source is named."""

    baseline_s: float = 120.0  # of the surrogate; a resting baseline of two minutes is usual
    half_life_s: float = 1200.0  # of simulated states, 60 s and 300 s lose half, 1200 s keeps them
    prior_weight_s: float = 10.0  # the prior counts as much as this many seconds of data
    ready_s: float = 20.0  # predictions are not settled before this much usable data
    clip: float = 6.0  # normalised values lie within +- this
    outlier: float = 3.0  # an update moves the mean by no more than this many scales' worth
    rest_min_s: float = 20.0  # a baseline with less usable data than this is refused, as ready_s
    rest_max_s: float = 600.0  # a longer one is refused: what it needs is kept in memory
    notice_s: float = 2.0  # a baseline counts this long after its ends: so late may a live marker be
    freeze_z: float = 2.5  # the median |z| of a frame above which the slow average stands still; at rest it is 0.7
    freeze_share: float = 0.5  # or where less than this share of the known rows can be used


@dataclass(frozen=True, slots=True)
class NormaliserState:
    """A snapshot: mean and scale of each feature, the seconds of data behind each, and where its baseline is from.

    ready: whether half of the rows or more have had the data that they need.
    """

    mean: Array
    scale: Array
    seconds: Array
    settings: NormaliserSettings
    source: Source
    ready: bool

    def apply(self, values: FloatArray, mask: BoolArray) -> FloatArray:
        """Normalised values, 0 where masked. values and mask broadcast against the snapshot."""
        z = (values - self.mean) / self.scale
        z = np.clip(np.where(mask, z, 0.0), -self.settings.clip, self.settings.clip)
        return np.asarray(z, dtype=np.float32)


class Normaliser:
    """Running mean and scale of a table of features (rows, columns)."""

    def __init__(self, settings: NormaliserSettings, prior_mean: Array, prior_scale: Array) -> None:
        self._settings = settings
        self._prior_variance = np.array(prior_scale, dtype=np.float64) ** 2
        self._mean, self._variance = np.array(prior_mean, dtype=np.float64), self._prior_variance
        self._floor = 0.1 * np.array(prior_scale, dtype=np.float64)
        self._seconds = np.zeros(self._mean.shape)
        self._slow_rate = np.log(2.0) / settings.half_life_s
        self._source: Source = "surrogate"
        self._ready = False
        self.snapshot = self._take()

    def update(self, values: FloatArray, seen: BoolArray, seconds: float) -> None:
        """Take in one table of features that stands for `seconds` of data; seen (same shape): which count."""
        if self._is_frozen(values, seen):
            return
        s = self._settings
        behind = self._seconds + s.prior_weight_s
        gain = np.where(self._seconds < s.baseline_s, seconds / (behind + seconds), self._slow_rate * seconds)
        gain = np.where(seen, gain, 0.0)
        reach = s.outlier * np.sqrt(self._variance)
        step = np.clip(np.where(seen, values - self._mean, 0.0), -reach, reach)
        self._mean = self._mean + gain * step
        self._variance = self._variance + gain * ((1.0 - gain) * step * step - self._variance)
        self._seconds = self._seconds + np.where(seen, seconds, 0.0)
        self.snapshot = self._take()

    def rest(self, tables: FloatArray) -> float:
        """Set the baseline from tables (n, rows, columns) of a rest, one a second, NaN where not usable.

        Each feature with rest_min_s of data gets the median and 1.4826 MAD, the latter drawn to the prior as the
        surrogate's is: over a rest, eye features hardly vary, and a bare spread would make everything after it
        enormous. The others stay as they are. Returns the seconds in which a third of the rows could be used; below
        rest_min_s nothing is changed.
        """
        s = self._settings
        known = np.isfinite(tables)
        usable_s = float(np.count_nonzero(known.any(axis=2).mean(axis=1) >= 1.0 / 3.0)) if len(tables) else 0.0
        if usable_s < s.rest_min_s:
            return usable_s
        n = known.sum(axis=0)
        enough = n >= s.rest_min_s
        middle = median_of_known(tables, n)
        spread = MAD_TO_SD * median_of_known(np.abs(tables - middle), n)
        share = n / (n + s.prior_weight_s)
        variance = share * spread * spread + (1.0 - share) * self._prior_variance
        self._set(enough, middle, np.sqrt(variance), "rest")
        return usable_s

    def adopt(self, mean: Array, scale: Array, source: Source) -> None:
        """Take over a baseline: mean and scale (rows, columns), NaN where it has none."""
        self._set(np.isfinite(mean) & np.isfinite(scale), mean, scale, source)

    def _set(self, where: BoolArray, mean: Array, scale: Array, source: Source) -> None:
        self._mean = np.where(where, mean, self._mean)
        self._variance = np.where(where, np.square(scale), self._variance)
        self._seconds = np.where(where, np.maximum(self._seconds, self._settings.baseline_s), self._seconds)
        self._source = source
        self.snapshot = self._take()

    def _is_frozen(self, values: FloatArray, seen: BoolArray) -> bool:
        """Whether the slow average must not learn from this: too little of it is usable, or it is unlike the baseline.

        Not before the baseline is complete, as the prior may be far off.
        """
        s = self._settings
        known = self._seconds > 0.0
        used = seen & known
        if not used.any() or not _is_median_at_least(self._seconds[known], s.baseline_s):
            return False
        if np.count_nonzero(used.any(axis=1)) < s.freeze_share * np.count_nonzero(known.any(axis=1)):
            return True
        z = (values[used] - self._mean[used]) / self.snapshot.scale[used]
        return _is_median_above(np.abs(z), s.freeze_z)

    def _take(self) -> NormaliserState:
        scale = np.maximum(np.sqrt(self._variance), self._floor)
        self._ready = self._ready or _is_median_at_least(self._seconds, self._settings.ready_s)  # they only grow
        return NormaliserState(self._mean, scale, self._seconds, self._settings, self._source, self._ready)


def _is_median_at_least(values: Array, limit: float) -> bool:
    """np.median(values) >= limit; mostly all of them are, and a minimum is cheaper than a median."""
    return bool(values.min() >= limit or np.median(values) >= limit)


def _is_median_above(values: Array, limit: float) -> bool:
    """np.median(values) > limit, mostly without sorting: it only takes counting unless the two halves are equal."""
    n_above = 2 * int(np.count_nonzero(values > limit))
    return n_above > len(values) or (n_above == len(values) and bool(np.median(values) > limit))


def median_of_known(tables: FloatArray, n: NDArray[np.intp]) -> Array:
    """The median over the first axis of (m, rows, columns) of the n (rows, columns) values that are not NaN."""
    ordered = np.sort(tables, axis=0)  # NaN comes last
    low, high = (np.maximum(k, 0)[None] for k in ((n - 1) // 2, n // 2))
    high = np.minimum(high, np.maximum(n - 1, 0)[None])
    middle = 0.5 * (np.take_along_axis(ordered, low, 0) + np.take_along_axis(ordered, high, 0))[0]
    return np.asarray(middle, dtype=np.float64)
