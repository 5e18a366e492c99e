"""EEG signal quality: which channels of a frame can be used, and why not. Looks at one frame at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import BoolArray

Extremes = tuple[NDArray[np.float32], NDArray[np.float32]]  # least and greatest value of each channel, (C,) each

LINE_HZ = (50.0, 60.0)
_FEW, _ALIKE = 16, 1.01  # samples of a frame by which channels are told apart; what rounding may add


class ChannelFault(IntEnum):
    """What is wrong with a channel in a frame. Ordered: the first that holds is named.

    GAP: the stream sent nothing. MISSING: it did, but not this channel's values. LINE_NOISE alone does not keep a
    channel from being used: the notch takes the mains out, and what is left is as good as before (README.md of
    rtemo/model has what leaving such channels out costs). MARKED: by the researcher, whatever else holds.
    """

    NONE = 0
    GAP = 1
    MISSING = 2
    RAILED = 3
    CLIPPED = 4
    FLAT = 5
    POPPING = 6
    MUSCLE = 7
    NOISY = 8
    LOOSE = 9
    BRIDGED = 10
    LINE_NOISE = 11
    MARKED = 12


REASONS = {
    ChannelFault.NONE: "",
    ChannelFault.GAP: "gap in the stream",
    ChannelFault.MISSING: "missing samples",
    ChannelFault.RAILED: "railed",
    ChannelFault.CLIPPED: "clipped",
    ChannelFault.FLAT: "flat",
    ChannelFault.POPPING: "electrode pop",
    ChannelFault.MUSCLE: "muscle noise",
    ChannelFault.NOISY: "noisy",
    ChannelFault.LOOSE: "loose electrode",
    ChannelFault.BRIDGED: "bridged",
    ChannelFault.LINE_NOISE: "line noise",
    ChannelFault.MARKED: "marked bad",
}
NO_SAMPLES = (ChannelFault.GAP, ChannelFault.MISSING)  # what nobody can declare good


class ChannelMark(StrEnum):
    """What a researcher says of a channel. AUTOMATIC: what is found counts again."""

    BAD = "bad"
    GOOD = "good"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True)
class MarkedChannel:
    """A channel that was marked. It counts for frames that end after from_s, LSL time."""

    from_s: float
    label: str
    mark: ChannelMark


CLOCK = "clock trouble"  # a gap in which samples came whose times are not known, as the sender's clock was reset


@dataclass(frozen=True, slots=True)
class QualitySettings:
    """Thresholds, for a frame of one channel, or a window of gaze.

    Flat, railed, noisy, bridged: what amplifier makers and clean-up tools use for EEG (0.5-70 Hz). Clipping: 2 %
    of a second is longer than a blink's or a quantised wave's top stays on one value. Loose: the correlation below
    which a second of a channel is bad in the PREP pipeline (doi 10.3389/fninf.2015.00016), here of the signals' steps,
    and only together with the mains that a high impedance picks up. Pops, mains and muscle noise: above what 17
    simulated people of three families without faults show, muscle bursts of a second aside
    (offline/benchmarks/quality_gate.py measures it on others).
    Frozen gaze and shares: judgement. Pupils: mean and SD in the dark 6.5 and 1.3 mm, at 16 lx 4.0 and 0.9 mm (91
    people, doi 10.5301/ejo.5001027), so these limits are 2.7 SD away.
    """

    flat_uv: float = 0.3  # rms; thermal noise of a connected electrode alone is above this
    railed_share: float = 0.1  # share of raw samples that sit exactly at the frame's extreme
    railed_uv: float = 150.0  # and that far from the median
    line_uv: float = 10.0  # rms of 50 or 60 Hz in the raw signal: as strong as the EEG itself
    loose_correlation: float = 0.4  # with the channel that is most alike, where there is line noise too
    noisy_uv: float = 200.0  # rms: above blinks, below motion and loose electrodes
    noisy_ratio: float = 6.0  # times the median channel, with noisy_floor_uv, in caps of eight channels and more
    noisy_floor_uv: float = 50.0
    bridged_uv: float = 0.2  # rms of the difference of two channels
    clipped_share: float = 0.02  # share of raw samples that sit exactly at the frame's extreme
    clipped_uv: float = 300.0  # in a frame that reaches this far
    pop_uv: float = 100.0  # the largest step between two grid samples: eyes move the potential ten times slower
    pop_ratio: float = 6.0  # and that many times the rms step: noise has large steps all the time
    muscle_uv: float = 4.0  # rms of the fast part, as strong as a wave of 50 Hz
    muscle_ratio: float = 0.64  # and that share of the rms step: what it is for a wave of 44 Hz, however strong
    frozen_s: float = 1.0  # gaze that is the same bit by bit for so long comes from no eye
    gaze_validity: float = 0.5  # share of a window with valid gaze
    gaze_fault_share: float = 0.5  # share of a window that is absent, frozen, or has impossible pupils
    pupil_low_mm: float = 1.5
    pupil_high_mm: float = 10.0


class ChannelCheck:
    """Finds the fault of each channel in frames of n_samples on the grid."""

    def __init__(self, settings: QualitySettings, grid_hz: float, n_samples: int, min_coverage: float) -> None:
        self._settings = settings
        self._min_coverage = min_coverage
        taper = np.hanning(n_samples + 1)[:-1]
        phase = 2.0 * np.pi * np.outer(LINE_HZ, np.arange(n_samples)) / grid_hz
        # the projection of a wave of 1 uV rms onto these is 1
        self._waves = np.concatenate([np.cos(phase), np.sin(phase)]) * taper * (np.sqrt(2.0) / taper.sum())
        self._centred_waves = self._waves - self._waves.mean(axis=1, keepdims=True)  # without a frame's mean

    def __call__(
        self,
        raw: NDArray[np.float32],
        wide: NDArray[np.float64],
        frame: NDArray[np.float64],
        valid: BoolArray,
    ) -> NDArray[np.int8]:
        """(C,) of one frame; see `each`."""
        extremes = [extreme[None] for extreme in extremes_of(raw)]
        found = self.each([raw], wide[None], frame[None], valid[None], (extremes[0], extremes[1]))
        return np.asarray(found[0])

    def each(
        self,
        raw: Sequence[NDArray[np.float32]],
        wide: NDArray[np.float64],
        frames: NDArray[np.float64],
        valid: BoolArray,
        extremes: Extremes,
    ) -> NDArray[np.int8]:
        """The fault (k, C) of each channel in each of k frames; of one at a time, or of several without a gap.

        raw: of each frame, (n, C) microvolts as sent, with their extremes (k, C). On the grid, (k, m, C): wide, before
        high-pass and notch; frames, after them; valid.
        """
        found = np.zeros((len(frames), frames.shape[2]), dtype=np.int8)
        whole = None if valid.all() else valid
        centred = frames - frames.mean(axis=1, keepdims=True)
        rms = _rms_about_zero(centred) if whole is None else _rms(frames, valid)
        railed, clipped = _at_the_limit(raw, extremes, self._settings)
        popping, muscle = _fast(frames, self._settings)
        hums = self._line_uv(wide, whole) > self._settings.line_uv
        missing = np.zeros(found.shape, dtype=bool) if whole is None else valid.mean(axis=1) < self._min_coverage
        marks = [
            (ChannelFault.LINE_NOISE, hums),
            (ChannelFault.BRIDGED, _bridged(centred, self._settings.bridged_uv)),
            (ChannelFault.LOOSE, _alone(frames, hums, self._settings.loose_correlation)),
            (ChannelFault.NOISY, np.stack([_noisy(one, self._settings) for one in rms])),
            (ChannelFault.MUSCLE, muscle),
            (ChannelFault.POPPING, popping),
            (ChannelFault.FLAT, rms < self._settings.flat_uv),
            (ChannelFault.CLIPPED, clipped),
            (ChannelFault.RAILED, railed),
            (ChannelFault.MISSING, missing),
        ]
        for fault, where in marks:
            found[where] = fault
        return found

    def _line_uv(self, wide: NDArray[np.float64], valid: BoolArray | None) -> NDArray[np.float64]:
        """(k, C) rms of 50 or 60 Hz, whichever is stronger."""
        if valid is None:
            parts = self._centred_waves @ wide
        else:
            n = np.maximum(valid.sum(axis=1, keepdims=True), 1)
            mean = np.where(valid, wide, 0.0).sum(axis=1, keepdims=True) / n
            parts = self._waves @ np.where(valid, wide - mean, 0.0)
        parts *= parts
        return np.asarray(np.sqrt((parts[:, : len(LINE_HZ)] + parts[:, len(LINE_HZ) :]).max(axis=1)))


def apply_marks(fault: NDArray[np.int8], labels: Sequence[str], marks: Iterable[MarkedChannel], end_s: float) -> None:
    """Let what was marked count in a frame that ends at end_s. marks: by their times; the last of a channel counts."""
    held = {one.label: one.mark for one in marks if one.from_s < end_s}
    for column, label in enumerate(labels if held else ()):
        mark = held.get(label, ChannelMark.AUTOMATIC)
        if mark is ChannelMark.BAD:
            fault[column] = ChannelFault.MARKED
        elif mark is ChannelMark.GOOD and fault[column] not in NO_SAMPLES:
            fault[column] = ChannelFault.NONE


def usable(fault: NDArray[np.int8]) -> BoolArray:
    """Whether channels with these faults are used all the same."""
    return np.asarray((fault == ChannelFault.NONE) | (fault == ChannelFault.LINE_NOISE))


def _rms(frames: NDArray[np.float64], valid: BoolArray) -> NDArray[np.float64]:
    """(k, C) of the samples that came."""
    n = np.maximum(valid.sum(axis=1), 1)
    kept = np.where(valid, frames, 0.0)
    mean = kept.sum(axis=1) / n
    return np.asarray(np.sqrt(np.maximum((kept * kept).sum(axis=1) / n - mean * mean, 0.0)))


def extremes_of(raw: NDArray[np.float32]) -> Extremes:
    """The least and the greatest value (C,) of each channel of (n, C), NaN aside; NaN where there is no value."""
    if not len(raw):
        return np.full(raw.shape[1], np.nan, raw.dtype), np.full(raw.shape[1], np.nan, raw.dtype)
    return np.fmin.reduce(raw, axis=0), np.fmax.reduce(raw, axis=0)


def _at_the_limit(
    raw: Sequence[NDArray[np.float32]], extremes: Extremes, settings: QualitySettings
) -> tuple[BoolArray, BoolArray]:
    """Railed: at the rail for part of the frame, or unchanged at a large offset. Clipped: its peaks are cut off."""
    low, high = extremes
    # the reach of the frame for a channel that moves, its offset for one that does not; NaN where nothing came
    reach = np.where(high > low, high - low, np.abs(high))
    at_limit, n = np.zeros(reach.shape, dtype=np.intp), np.array([[len(one)] for one in raw])
    far = reach > min(settings.railed_uv, settings.clipped_uv)  # few channels, mostly none
    for k in np.flatnonzero(far.any(axis=1)).tolist():
        asked = raw[k][:, far[k]]
        at_low, at_high = (np.count_nonzero(asked == extreme[k, far[k]], axis=0) for extreme in extremes)
        at_limit[k, far[k]] = np.maximum(at_low, at_high)
    railed = (at_limit > settings.railed_share * n) & (reach > settings.railed_uv)
    clipped = (at_limit > settings.clipped_share * n) & (reach > settings.clipped_uv)
    return np.asarray(railed), np.asarray(clipped)


def _fast(frames: NDArray[np.float64], settings: QualitySettings) -> tuple[BoolArray, BoolArray]:
    """Popping: a step that no source in the head makes. Muscle: strong, and fast whatever its strength.

    Fast: half of the second difference, whose gain on a grid of 200 Hz is 2 sin^2(pi f / 200): 0.05 at 10 Hz, 1 at 50.
    A wave's fast part is sin(pi f / 200) of its steps; the steps, not the signal, so that slow waves do not hide it.
    """
    step = frames[:, 1:] - frames[:, :-1]
    largest = np.maximum(step.max(axis=1), -step.min(axis=1))
    bend = step[:, 1:] - step[:, :-1]
    fast_uv = 0.5 * _rms_about_zero(bend)
    popping, muscle = largest > settings.pop_uv, fast_uv > settings.muscle_uv
    if popping.any() or muscle.any():
        usual = _rms_about_zero(step)
        popping &= largest > settings.pop_ratio * usual
        muscle &= fast_uv > settings.muscle_ratio * usual
    return popping, muscle


def _rms_about_zero(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, n, C) -> (k, C)."""
    return np.asarray(np.sqrt(np.einsum("ktc,ktc->kc", values, values) / values.shape[1]))


def _alone(frames: NDArray[np.float64], asked: BoolArray, limit: float) -> BoolArray:
    """Of the channels asked for (k, C): whether no other one moves alike. What an electrode sees, its neighbours see
    too.
    """
    found = np.zeros_like(asked)
    for k in np.flatnonzero(asked.any(axis=1)).tolist() if asked.shape[1] > 1 else ():
        step = np.diff(frames[k], axis=0)
        step = (step - step.mean(axis=0)) / np.maximum(step.std(axis=0) * np.sqrt(len(step)), 1e-12)
        alike = np.abs(step[:, asked[k]].T @ step)
        alike[np.arange(len(alike)), np.flatnonzero(asked[k])] = 0.0
        found[k, asked[k]] = alike.max(axis=1) < limit
    return found


def _noisy(rms: NDArray[np.float64], settings: QualitySettings) -> BoolArray:
    """Of the channels of one frame (C,)."""
    noisy = rms > settings.noisy_uv
    loud = rms > settings.noisy_floor_uv
    if len(rms) >= 8 and loud.any():
        alive = rms[rms >= settings.flat_uv]  # with half of the cap at the rail, the others are not noisy for that
        noisy |= loud & (rms > settings.noisy_ratio * np.median(alive))
    return np.asarray(noisy)


def _bridged(centred: NDArray[np.float64], limit: float) -> BoolArray:
    """All but the first channel of each group that carries one and the same signal; centred: without each one's mean.

    Two channels that are alike in all samples of a frame are so in a few of them, which is soon seen.
    """
    n = centred.shape[1]
    few = _apart(centred[:, :: max(n // _FEW, 1)]) <= _ALIKE * n * limit**2
    found = np.zeros((len(centred), centred.shape[2]), dtype=bool)
    more = np.count_nonzero(few, axis=(1, 2)) > centred.shape[2]  # than each one with itself
    for k in np.flatnonzero(more).tolist():
        found[k] = np.tril(_apart(centred[k : k + 1])[0] < n * limit**2, -1).any(axis=1)
    return found


def _apart(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, C, C) sums of the squared differences of two channels."""
    products = centred.swapaxes(1, 2) @ centred
    power = np.diagonal(products, axis1=1, axis2=2).copy()
    products *= -2.0
    products += power[:, :, None]
    products += power[:, None, :]
    return np.asarray(products)
