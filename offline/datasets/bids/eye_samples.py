"""Samples of eyes in a BIDS run, whatever file they are from, and their joining by time into one gaze stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.datasets.bids.eye_clock import Doubles
from rtemo.core.types import Channel, Chunk


@dataclass(frozen=True, slots=True, eq=False)
class EyeSamples:
    """One eye's recording. times_s (n,): from the EEG's first sample, increasing. values (n, k): its channels."""

    path: Path
    eye: str
    rate_hz: float
    channels: tuple[Channel, ...]
    times_s: Doubles
    values: NDArray[np.float32]
    by_rows: bool  # times are counted from rows, so that a lost row shifts all later ones


@dataclass(frozen=True, slots=True, eq=False)
class BidsGaze:
    """The eyes of one EEG run, whose first sample is at start_s."""

    eyes: tuple[EyeSamples, ...]
    start_s: float


def gaze_chunks(runs: tuple[BidsGaze, ...], block_s: float) -> Iterator[Chunk]:
    """The runs one after the other, all eyes of a run side by side."""
    for run in runs:
        times_s, values = joined(run.eyes)
        stamps, first = run.start_s + times_s, 0
        while first < len(stamps):
            last = int(np.searchsorted(stamps, stamps[first] + block_s, side="left"))
            last = max(last, first + 1)
            yield Chunk("gaze", stamps[first:last], values[first:last])
            first = last


def joined(eyes: Sequence[EyeSamples]) -> tuple[Doubles, NDArray[np.float32]]:
    """(n,) times and (n, k) columns of all eyes; NaN where an eye has no row within half a sample."""
    lead = eyes[0]
    if len(eyes) == 1:
        return lead.times_s, lead.values
    other = eyes[1]
    partners = nearest(lead.times_s, other.times_s)
    apart_s = np.abs(other.times_s - lead.times_s[partners])
    partner = apart_s <= 0.5 / lead.rate_hz
    order = np.lexsort((apart_s, partners))  # of two rows with the same partner, the nearer one has it
    repeated = np.zeros(len(order), bool)
    repeated[order[1:]] = partners[order[1:]] == partners[order[:-1]]
    partner &= ~repeated
    widths = (lead.values.shape[1], other.values.shape[1])
    values = np.full((len(lead.times_s) + int((~partner).sum()), sum(widths)), np.nan, np.float32)
    values[: len(lead.times_s), : widths[0]] = lead.values
    values[partners[partner], widths[0] :] = other.values[partner]
    values[len(lead.times_s) :, widths[0] :] = other.values[~partner]
    times_s = np.concatenate([lead.times_s, other.times_s[~partner]])
    in_time = np.argsort(times_s, kind="stable")
    return times_s[in_time], values[in_time]


def nearest(times_s: Doubles, wanted_s: Doubles) -> np.ndarray[Any, np.dtype[np.int64]]:
    """For each wanted time the index of the nearest one."""
    right = np.clip(np.searchsorted(times_s, wanted_s), 1, max(1, len(times_s) - 1))
    right = np.minimum(right, len(times_s) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(wanted_s - times_s[left] <= times_s[right] - wanted_s, left, right)


def gaze_channels(eyes: Sequence[EyeSamples]) -> tuple[Channel, ...]:
    """The columns of gaze_chunks."""
    return tuple(channel for one in eyes for channel in one.channels)
