"""The EEG branch: time-stamped raw samples of one stream in, frames of band power on the absolute grid out.

Everything that it keeps depends on this stream's samples alone, so other streams, chunk sizes and the moment at which
windows are cut cannot change a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from rtemo.core.baseline.normaliser import NormaliserState
from rtemo.core.baseline.rest_interval import Baseline, Learner
from rtemo.core.channel_map import EegChannelMap
from rtemo.core.eeg.band_power import BandPower, band_centres
from rtemo.core.eeg.conditioning import EegConditioner, GridBlock
from rtemo.core.eeg.quality import (
    ChannelCheck,
    ChannelFault,
    Extremes,
    MarkedChannel,
    apply_marks,
    extremes_of,
    usable,
)
from rtemo.core.eeg.signal import ChannelSizes
from rtemo.core.row_buffer import RowBuffer
from rtemo.core.settings import PipelineSettings
from rtemo.core.timing.dejitter import Dejitter, SampleRun
from rtemo.core.types import BoolArray, FloatArray, TimeArray
from rtemo.core.units import plausible_scale
from rtemo.core.windows import Grid

T = TypeVar("T", np.float64, np.bool_)

PIECE_S = 4.0  # runs are worked through in pieces of this length, so that the raw buffer never loses what a frame needs
RAW_MARGIN_S = 1.0  # what is kept of the samples as sent, besides a piece and a frame
AT_ONCE = 4  # frames that are looked at together: what more of them take does not stay in a cache
FASTER = 1.25  # a rate that rose by more needs a larger raw buffer
MEASURABLE = 0.45  # a band above this share of the native rate is not measured


@dataclass(frozen=True, slots=True)
class EegFrame:
    """One frame that ends at grid index `end`. power (C, B): ln(uV^2/Hz), NaN where not usable. fault, usable: (C,).

    present: share of the frame's samples that came; coverage: of those of the usable channels, 0 without any. signal:
    (n, C) microvolts, 0 where absent, and size (C,), see rtemo.core.eeg.signal; None where they are not kept.
    """

    end: int
    power: FloatArray
    fault: NDArray[np.int8]
    usable: BoolArray
    present: float
    coverage: float
    settled: bool
    scale: NormaliserState
    signal: FloatArray | None = None
    size: FloatArray | None = None


class _Seen(NamedTuple):
    """What the samples show of a frame: values, valid (n, C); fault, usable (C,); power (C, B)."""

    values: NDArray[np.float64]
    valid: BoolArray
    fault: NDArray[np.int8]
    usable: BoolArray
    power: FloatArray


class EegBranch:
    """One EEG stream. `frames` holds what has been computed, by end index; the pipeline forgets what it has used.

    `tap`, where there is one, is shown every conditioned block, for display: it must change nothing. signal: whether
    frames keep the signal that they are made of.
    """

    tap: Callable[[GridBlock], None] | None = None  # no part of a saved state

    def __init__(
        self,
        settings: PipelineSettings,
        grid: Grid,
        channel_map: EegChannelMap,
        nominal_hz: float,
        *,
        signal: bool = False,
    ) -> None:
        self.channel_map = channel_map
        self.frames: dict[int, EegFrame] = {}
        self.first_time: float | None = None
        self.marks: Sequence[MarkedChannel] = ()  # by their times, see Pipeline.mark_channel
        self._settings, self._grid = settings, grid
        self._columns = np.array(channel_map.columns, dtype=np.intp)
        self._first_ones = bool((self._columns == np.arange(len(self._columns))).all())
        self._to_uv = np.array(channel_map.scale, dtype=np.float64)
        self._unit_known = False
        n = len(channel_map.columns)
        self._conditioner = EegConditioner(settings.eeg, n)
        self._sizes = ChannelSizes(n, settings.eeg.grid_hz) if signal else None
        self._power = BandPower(settings.eeg, settings.window.frame_s)
        self._check = ChannelCheck(settings.quality, settings.eeg.grid_hz, grid.frame, settings.eeg.min_coverage)
        keep = max(grid.frame + grid.step, round(PIECE_S * grid.hz))  # a buffer has room for a piece beside it
        self._values: RowBuffer[np.float64] = RowBuffer(n, keep, np.float64)
        self._wide: RowBuffer[np.float64] = RowBuffer(n, keep, np.float64)
        self._valid: RowBuffer[np.bool_] = RowBuffer(n, keep, np.bool_)
        self._raw: RowBuffer[np.float32] | None = None
        self._raw_times: RowBuffer[np.float64] | None = None
        self._raw_hz = 0.0
        self._rate_hz = np.nan  # of the samples in the frames: the dejitter may have gone on to another one
        self._extremes: dict[int, Extremes] = {}  # of the raw samples of each complete step, by the step's end
        self._next_end: int | None = None
        self._settled_from = 0
        self._restarted = False
        self._centres = band_centres(settings.eeg)
        mean = np.tile(settings.eeg_prior_mean(self._centres), (n, 1))
        prior = Baseline(channel_map.labels, mean, np.full_like(mean, settings.eeg_prior_scale))
        self.learner = Learner(settings.normaliser, grid, prior, settings.window.frame_s)
        self.notes = self.learner.notes
        self.dejitter = Dejitter(nominal_hz, even=True, notes=self.notes)

    @property
    def unusable(self) -> bool:
        """Whether the times of everything that comes in now are known to be wrong."""
        return self.dejitter.unusable

    @property
    def watermark(self) -> int | None:
        """The last grid index before which every sample is determined."""
        return self._values.stop if self._next_end is not None else None

    def push(self, times: TimeArray, values: NDArray[np.generic]) -> None:
        """Take in samples (n, all channels of the stream) at LSL times (n,), NaN where the time is not known."""
        values = np.asarray(values)
        used = (
            values[:, : len(self._columns)] if self._first_ones else values[:, self._columns]
        )  # the former is no copy
        for run in self.dejitter.push(times - self.channel_map.latency_s, used):
            self._take(run)

    def flush(self) -> None:
        for run in self.dejitter.flush():
            self._take(run)

    def leave_out(self, until_s: float) -> None:
        """Windows up to a time were given out without what is still to come: nothing of it changes their frames."""
        self.dejitter.leave_out(until_s)
        if self._next_end is None:
            return
        last = min(self._grid.at_or_before(until_s), self._values.stop + self._grid.frame)
        for end in range(self._next_end, last + 1, self._grid.step):
            if (frame := self.frame_at(end)) is not None:
                self.frames[end] = frame

    def frame_at(self, end: int) -> EegFrame | None:
        """The frame that ends at an index: as computed, or from what is there so far. None where nothing is."""
        known = self.frames.get(end)
        if known is not None:
            return known
        if self._next_end is None or end < self._next_end or end - self._grid.frame > self._values.stop:
            return None  # a hole that is known gives the frames up to here: see _leave_hole
        return self._frame(end, self._look_at([end])[0])

    def forget_before(self, end: int) -> None:
        for old in [k for k in self.frames if k < end]:
            del self.frames[old]

    def _take(self, run: SampleRun) -> None:
        uv = np.asarray(run.values, dtype=np.float64)
        if not self._unit_known:
            self._check_unit(uv)
        if (self._to_uv != 1.0).any():
            uv = uv * self._to_uv
        if self.first_time is None:
            self.first_time = float(run.times[0])
        piece = max(int(PIECE_S * run.rate_hz), 1)
        for i in range(0, len(uv), piece):
            part = SampleRun(run.times[i : i + piece], uv[i : i + piece], run.rate_hz, run.gap_s if i == 0 else 0.0)
            self._condition(part)

    def _check_unit(self, values: NDArray[np.float64]) -> None:
        """Decide the unit once, on the first second: what a stream declares is checked against its amplitude."""
        self._to_uv, note = plausible_scale(values, self._to_uv)
        self._unit_known = True
        if np.isnan(
            self._to_uv
        ).any():  # nothing to decide it by; to ask later would make the result depend on the chunks
            self._to_uv = np.where(np.isnan(self._to_uv), 1.0, self._to_uv)
            note = "no unit is stated and the first second is flat; the values are taken as microvolts"
        if note:
            self.notes.append(note)

    def _condition(self, run: SampleRun) -> None:
        self._keep_raw(run)
        block = self._conditioner.push(run)
        self._restarted |= block.restarted
        if not len(block.values):
            return
        if self._next_end is None:
            self._begin_at(block.first)
        self._leave_hole(block.first)
        self._rate_hz = run.rate_hz
        if self._restarted:
            self._restarted = False
            self._settled_from = block.first + round(self._settings.eeg.settle_s * self._grid.hz)
        self._values.append(block.values)
        self._wide.append(block.wide)
        self._valid.append(block.valid)
        if self._sizes is not None:
            self._sizes.push(block)
        if self.tap is not None:
            self.tap(block)
        self._compute_ready(learn=True)

    def _keep_raw(self, run: SampleRun) -> None:
        if self._raw is None or self._raw_times is None or run.rate_hz > FASTER * self._raw_hz:
            keep = int((PIECE_S + self._settings.window.frame_s + RAW_MARGIN_S) * run.rate_hz) + 1
            before = (self._raw, self._raw_times)
            self._raw = RowBuffer(len(self._columns), keep, np.float32)
            self._raw_times = RowBuffer(1, keep, np.float64)
            self._raw_hz = run.rate_hz
            if before[0] is not None and before[1] is not None:
                self._raw.append(before[0].slice(before[0].start, before[0].stop))
                self._raw_times.append(before[1].slice(before[1].start, before[1].stop))
        self._raw.append(run.values.astype(np.float32))
        self._raw_times.append(run.times[:, None])

    def _leave_hole(self, first: int) -> None:
        """Mark the grid samples before `first` that no data will fill."""
        hole = first - self._values.stop
        if hole <= 0:
            return
        n = min(hole, self._grid.frame)
        self._values.append(np.zeros((n, len(self._columns))))
        self._wide.append(np.zeros((n, len(self._columns))))
        self._valid.append(np.zeros((n, len(self._columns)), dtype=bool))
        self._compute_ready(learn=False)
        if hole > n:
            self._begin_at(first)

    def _begin_at(self, first: int) -> None:
        """Let the row buffers begin at a grid index, with nothing before it."""
        self._values.clear(first)
        self._wide.clear(first)
        self._valid.clear(first)
        self._next_end = (first // self._grid.step + 1) * self._grid.step

    def _compute_ready(self, *, learn: bool) -> None:
        """Compute the frames that are complete. A hole teaches nothing: a live session that goes on without this
        stream must know the same as its replay.
        """
        assert self._next_end is not None
        ends = range(self._next_end, self._values.stop + 1, self._grid.step)
        for first in range(0, len(ends), AT_ONCE):
            some = ends[first : first + AT_ONCE]
            for end, seen in zip(some, self._look_at(some), strict=True):
                self.learner.at(end)
                frame = self._frame(end, seen)
                self.frames.setdefault(end, frame)  # see leave_out
                if learn and frame.settled and end % round(self._grid.hz) == 0:
                    self.learner.learn(end, frame.power, np.isfinite(frame.power))
                self._next_end = end + self._grid.step

    def _look_at(self, ends: Sequence[int]) -> list[_Seen]:
        """What the samples show of the frames end - frame .. end - 1, absent samples included, for ends a step apart.

        Without the sample at the end itself: to know that one, the resampler would have to wait for samples after it.
        """
        valid = self._cut(self._valid, ends)
        if len(ends) > 1 and not valid.all():
            return [self._look_at([end])[0] for end in ends]
        values, wide = self._cut(self._values, ends), self._cut(self._wide, ends)
        raw, extremes, rate_hz = self._cut_raw(ends)
        faults = self._check.each(raw, wide, values, valid, extremes)
        enough = self._settings.eeg.min_coverage * rate_hz * self._settings.window.frame_s
        for end, samples, fault in zip(ends, raw, faults, strict=True):
            if len(samples) < enough:
                fault[fault == ChannelFault.MISSING] = ChannelFault.GAP
            if self.marks:
                apply_marks(fault, self.channel_map.labels, self.marks, self._grid.seconds(end))
        used = usable(faults)
        power = self._power.each(values, valid, used)
        power[:, :, self._centres > MEASURABLE * rate_hz] = np.nan
        return [_Seen(*one) for one in zip(values, valid, faults, used, power, strict=True)]

    def _frame(self, end: int, seen: _Seen) -> EegFrame:
        """The frame that ends at an index, normalised by what is known then."""
        settled = end - self._grid.frame >= self._settled_from
        present = 1.0 if seen.valid.all() else float(seen.valid.mean())
        some = bool(seen.usable.any())
        coverage = float(some) if present == 1.0 else float(seen.valid[:, seen.usable].mean()) if some else 0.0
        scale = self.learner.snapshot_at(end)
        frame = EegFrame(end, seen.power, seen.fault, seen.usable, present, coverage, settled, scale)
        if self._sizes is None:
            return frame
        signal = np.where(seen.valid, seen.values, 0.0).astype(np.float32)
        return replace(frame, signal=signal, size=self._sizes.at(end))

    def _cut(self, buffer: RowBuffer[T], ends: Sequence[int]) -> NDArray[T]:
        """(k, n, C) of the frames that end at `ends`, zeros where the buffer has none."""
        begin, stop, n = ends[0] - self._grid.frame, ends[-1], self._grid.frame
        rows = buffer.slice(begin, stop)
        if len(rows) < stop - begin:
            padded = np.zeros((stop - begin, len(self._columns)), dtype=rows.dtype)
            offset = max(buffer.start - begin, 0)
            padded[offset : offset + len(rows)] = rows
            rows = padded
        if len(ends) == 1:
            return rows[None]
        row, column = rows.strides
        shape = (len(ends), n, len(self._columns))
        return as_strided(rows, shape, (self._grid.step * row, row, column), writeable=False)

    def _cut_raw(self, ends: Sequence[int]) -> tuple[list[NDArray[np.float32]], Extremes, float]:
        """Each frame's samples as sent, their extremes (k, C), and the rate. Frames overlap: each step is looked at
        once.
        """
        assert self._raw is not None
        assert self._raw_times is not None
        frame, step = self._grid.frame, self._grid.step
        times = self._raw_times.slice(self._raw_times.start, self._raw_times.stop)[:, 0]
        steps = range(ends[0] - frame + step, ends[-1] + 1, step)  # of all frames, by their ends
        bounds = [self._grid.seconds(k) for k in (steps[0] - step, *steps)]
        at = (np.searchsorted(times, bounds) + self._raw_times.start).tolist()
        lows, highs = [], []
        for stop, (first, last) in zip(steps, pairwise(at), strict=True):
            known = self._extremes.get(stop)
            if known is None:
                known = extremes_of(self._raw.slice(first, last))
                if ends[-1] <= self._values.stop:  # complete
                    self._extremes[stop] = known
            lows.append(known[0])
            highs.append(known[1])
        for old in [k for k in self._extremes if k <= ends[-1] - frame]:
            del self._extremes[old]
        n = frame // step
        raw = [self._raw.slice(at[k], at[k + n]) for k in range(len(ends))]
        extremes = [
            np.stack([reduce(some[k : k + n]) for k in range(len(ends))])
            for reduce, some in ((np.fmin.reduce, lows), (np.fmax.reduce, highs))
        ]
        return raw, (extremes[0], extremes[1]), self._rate_hz
