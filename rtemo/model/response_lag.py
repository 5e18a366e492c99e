"""Response lag: how many seconds the smoothed emotion takes to follow a change, for the window and the outlet; and the
delay that a user feels in all, in its parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from rtemo.core.eeg.conditioning import anti_aliasing, grid_filter
from rtemo.core.filters import group_delay_s
from rtemo.model.bundle_schema import BundleSpec
from rtemo.model.uncertainty.smoothing import Smoothing, advance, start

STRENGTH = 0.7  # windows that give the emotion this probability, and the others the rest in equal shares
LONGEST_S = 600.0
ALPHA_HZ = 10.0  # where the delay of the filters is stated


def filter_lag_s(smoothing: Smoothing, decorrelation_s: float, hop_s: float, strength: float = STRENGTH) -> float:
    """Seconds from a change of evidence to the moment when the filter names the new emotion, by running the filter.

    First it sees windows of `strength` for one label until nothing moves, then as strong ones for another. For small
    hops that is some 14 % less than ln(K dwell_s r) / r, r = ln(strength (K - 1) / (1 - strength)) / decorrelation_s:
    the filter never gives a label less than what the transitions bring, and evidence adds r to the log odds a second.
    inf where the filter does not follow within ten minutes.
    """
    n_labels = len(smoothing.prior)
    share = np.full((2, n_labels), (1.0 - strength) / (n_labels - 1))
    share[0, 0] = share[1, 1] = strength
    # a window's likelihood is p / prior: windows that support each label alike, whatever the prior was
    evidence = share * np.asarray(smoothing.prior)
    evidence /= evidence.sum(axis=1, keepdims=True)
    state, time_s = start(smoothing), 0.0
    settle_s = 10.0 * max(smoothing.dwell_s, decorrelation_s)
    for _ in range(round(settle_s / hop_s)):
        time_s += hop_s
        state = advance(state, time_s, evidence[0], decorrelation_s, smoothing)
    changed_s = time_s
    while time_s - changed_s < LONGEST_S:
        time_s += hop_s
        state = advance(state, time_s, evidence[1], decorrelation_s, smoothing)
        if state.posterior[1] > state.posterior[0]:
            return time_s - changed_s
    return float("inf")


def lag_s(spec: BundleSpec, hop_s: float) -> float:
    """The filter's lag of a bundle where all modalities are there, and half of a window: its evidence is that old."""
    combination = spec.combinations.get("both") or next(iter(spec.combinations.values()))
    return filter_lag_s(spec.smoothing, combination.decorrelation_s, hop_s) + 0.5 * spec.pipeline.window.length_s


@dataclass(frozen=True, slots=True)
class FeltDelay:
    """Seconds from a change in a person to the moment when it is named, in parts that follow each other.

    device: of a stamp behind its moment, as measured; filters: of a wave of ALPHA_HZ; window: half of it, the mean age
    of what it holds; hop: half of one, the mean wait for the next window; smoothing: of the filter over windows.
    """

    device: float
    filters: float
    window: float
    hop: float
    smoothing: float

    def parts(self) -> dict[str, float]:
        return asdict(self)


def felt_delay(spec: BundleSpec, hop_s: float, eeg_rate_hz: float, *, device_s: float = 0.0) -> FeltDelay:
    """device_s: of the later one of the devices; see FeltDelay. What computing and networks take comes on top of it."""
    eeg, combination = spec.pipeline.eeg, spec.combinations.get("both") or next(iter(spec.combinations.values()))
    filters_s = group_delay_s(anti_aliasing(eeg, eeg_rate_hz), ALPHA_HZ, eeg_rate_hz)
    filters_s += group_delay_s(grid_filter(eeg), ALPHA_HZ, eeg.grid_hz)
    smoothing_s = filter_lag_s(spec.smoothing, combination.decorrelation_s, hop_s)
    return FeltDelay(device_s, filters_s, 0.5 * spec.pipeline.window.length_s, 0.5 * hop_s, smoothing_s)


def in_words(parts_ms: Mapping[str, float]) -> str:
    """Parts in milliseconds as one line for people; those that are not known, which are 0, are left out."""
    return ", ".join(
        f"{name} {ms / 1e3:.2f} s" if ms >= 100.0 else f"{name} {ms:.1f} ms" for name, ms in parts_ms.items() if ms
    )
