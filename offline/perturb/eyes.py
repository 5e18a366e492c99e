"""Faults of the eye tracker: it sees no eyes, or its clock is off. For samples, and for features that are windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from offline.datasets.base import EyeWindows, Stream, Trial
from offline.perturb.change import Change
from rtemo.core.types import BoolArray, Chunk
from rtemo.simulate.seeds import generator

SPELL_EVERY_S = 20.0  # one loss in each: of 5 s at a severity of 0.25
_LOOKS = 41  # moments of a window at which it is asked whether the eyes are lost


def loss(stream: Stream, severity: float, random: np.random.Generator) -> Change:
    """Every value of the stream is NaN for this share of the time, once in every SPELL_EVERY_S."""
    key = int(random.integers(2**31))

    def apply(chunk: Chunk) -> Chunk:
        values = np.array(chunk.values, dtype=np.float32)
        values[lost((key,), chunk.stamps, severity)] = np.nan
        return replace(chunk, values=values)

    return Change(replace(stream.info, channel_format="float32"), apply)


def lost(key: Sequence[int | str], stamps: NDArray[np.float64], severity: float) -> BoolArray:
    """(n,): whether the eyes are lost at these times; depends on the times alone."""
    numbers = np.floor(stamps / SPELL_EVERY_S).astype(np.int64)
    length_s = severity * SPELL_EVERY_S
    found = np.zeros(len(stamps), dtype=bool)
    for number in np.unique(numbers):
        begin = number * SPELL_EVERY_S + generator(*key, int(number)).uniform(0.0, SPELL_EVERY_S - length_s)
        found |= (numbers == number) & (stamps >= begin) & (stamps < begin + length_s)
    return found


def offset(stream: Stream, severity: float, random: np.random.Generator) -> Change:
    """All stamps later by so many seconds: a tracker's clock that nobody measured. Nothing is random."""
    del random
    return Change(stream.info, lambda chunk: replace(chunk, stamps=chunk.stamps + severity))


def lose_windows(windows: EyeWindows, trial: Trial, severity: float, key: Sequence[int | str]) -> EyeWindows:
    """Windows of which at least half is lost have no valid feature."""
    starts = trial.start_s + windows.window_s * np.arange(len(windows.values))
    moments = starts[:, None] + windows.window_s * np.linspace(0.0, 1.0, _LOOKS, endpoint=False)
    share = lost(key, moments.ravel(), severity).reshape(moments.shape).mean(axis=1)
    valid = windows.valid & (share < 0.5)[:, None]
    return replace(windows, values=np.where(valid, windows.values, np.nan).astype(np.float32), valid=valid)


def shift_windows(windows: EyeWindows, trial: Trial, severity: float, key: Sequence[int | str]) -> EyeWindows:
    """Windows moved by the nearest whole number of them: an offset below half a window changes nothing."""
    del trial, key
    by = round(severity / windows.window_s)
    rows = np.arange(len(windows.values)) - by
    inside = (rows >= 0) & (rows < len(windows.values))
    kept = np.clip(rows, 0, max(0, len(windows.values) - 1))
    valid = windows.valid[kept] & inside[:, None]
    return replace(windows, values=np.where(valid, windows.values[kept], np.nan).astype(np.float32), valid=valid)
