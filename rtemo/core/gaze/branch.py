"""The gaze branch: time-stamped raw samples of one eye tracker in, gaze features at the ends of windows out.

A tracker has one stream, or one for each eye; the second is added by `join` and its samples are told apart by `second`.
Everything that it keeps depends on these streams' samples alone. Features at an end use samples up to it and no later.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.baseline.normaliser import NormaliserState
from rtemo.core.baseline.rest_interval import Baseline, Learner
from rtemo.core.channel_map import GazeChannelMap
from rtemo.core.gaze.events import GazeEvent
from rtemo.core.gaze.eye_pair import FIRST, SECOND, EyePair, GazeRun
from rtemo.core.gaze.features import GAZE_FEATURES
from rtemo.core.gaze.quality import GazeCheck
from rtemo.core.gaze.tracker import MOST_AHEAD, GazeAnalyser
from rtemo.core.settings import PipelineSettings
from rtemo.core.timing.dejitter import Dejitter, SampleRun
from rtemo.core.timing.packed_rows import PackedRows
from rtemo.core.types import BoolArray, FloatArray, TimeArray
from rtemo.core.windows import Grid

HOLE_S = 0.5  # features computed across a longer hole are not learned from
NEAR = 0.5  # of the time between two samples
SAME_RATE = 0.2  # a rate that changed by more than this share calls for a new tracker


@dataclass(frozen=True, slots=True)
class GazeFrame:
    """Gaze features of the window that ends at grid index `end`. values (33,): NaN where not valid.

    faults: what is wrong with the gaze, see rtemo.core.gaze.quality.
    """

    end: int
    values: FloatArray
    valid: BoolArray
    coverage: float
    faults: Mapping[str, str]
    scale: NormaliserState


class GazeStream:
    """One stream of a tracker: its channel map, its jitter, its samples in canonical form."""

    def __init__(self, channel_map: GazeChannelMap, nominal_hz: float, notes: list[str]) -> None:
        """notes: takes what is found out about the stream, one sentence each."""
        self.channel_map, self.notes = channel_map, notes
        self.dejitter = Dejitter(nominal_hz, even=False, notes=notes)
        self._rows = PackedRows(channel_map.samples_per_row)
        self._unit_known = False

    def push(self, times: TimeArray, values: NDArray[np.generic]) -> list[GazeRun]:
        """Runs that are ready of samples (n, all channels) at LSL times (n,)."""
        found = self.dejitter.push(times - self.channel_map.latency_s, np.asarray(values, np.float64))
        return [self._canonical(self._rows.unpacked(run)) for run in found]

    def flush(self) -> list[GazeRun]:
        return [self._canonical(self._rows.unpacked(run)) for run in self.dejitter.flush()]

    def _canonical(self, run: SampleRun) -> GazeRun:
        if not self._unit_known:
            self._unit_known = True
            self._check_unit(run)
        return GazeRun(run.times, self.channel_map.canonical(run.values), run.rate_hz)

    def _check_unit(self, run: SampleRun) -> None:
        """Decide the unit of an undescribed stream once, on the first second."""
        self.channel_map, note = self.channel_map.checked(run.values)
        if note:
            self.notes.append(note)


class GazeBranch:
    """One eye tracker. `frames` holds what has been computed, by end index; the pipeline forgets what it has used.

    `tap`, where there is one, is shown times (n,) and canonical samples (n, 6), for display: it must change nothing.
    """

    tap: Callable[[TimeArray, NDArray[np.float64]], None] | None = None  # no part of a saved state

    def __init__(self, settings: PipelineSettings, grid: Grid, channel_map: GazeChannelMap, nominal_hz: float) -> None:
        self.frames: dict[int, GazeFrame] = {}
        self.first_time: float | None = None
        self._settings, self._grid = settings, grid
        self._tracker: GazeAnalyser | None = None
        self._check: GazeCheck | None = None
        self._rate_hz = 0.0
        self._last_time = -np.inf
        self._next_end: int | None = None
        mean = np.array([[feature.typical] for feature in GAZE_FEATURES])
        spread = np.array([[feature.spread] for feature in GAZE_FEATURES])
        prior = Baseline(tuple(feature.name for feature in GAZE_FEATURES), mean, spread)
        self.learner = Learner(settings.normaliser, grid, prior, settings.window.length_s)
        self.notes = self.learner.notes
        self.streams: dict[int, GazeStream] = {}  # by eye_pair.FIRST, SECOND
        self._pair = EyePair()
        self._paired = bool(channel_map.pair)
        self._awaited: set[int] = set()  # the eyes that the other one waits for
        self._ahead: GazeBranch | None = None  # a copy that does not wait, while one eye holds the other one back
        self.join(channel_map, nominal_hz)

    def join(self, channel_map: GazeChannelMap, nominal_hz: float) -> None:
        """Use a stream: the tracker's only one, or that of an eye; in the place of the one that was its before."""
        eye = SECOND if channel_map.pair == "second" else FIRST
        before = self.streams.get(eye)
        self.streams[eye] = GazeStream(channel_map, nominal_hz, [] if eye == SECOND else self.notes)
        if before is not None:
            self.streams[eye].dejitter.leave_out(before.dejitter.left_out_until_s)
        self._pair.begin(eye)
        self._ahead = None
        self._awaited.add(eye)

    @property
    def _leading(self) -> GazeStream:
        return self.streams[min(self.streams)]

    @property
    def channel_map(self) -> GazeChannelMap:
        """Of the first stream that there is."""
        return self._leading.channel_map

    @property
    def dejitter(self) -> Dejitter:
        """Of the first stream that there is."""
        return self._leading.dejitter

    @property
    def unusable(self) -> bool:
        """Whether the times of everything that comes in now are known to be wrong."""
        return all(stream.dejitter.unusable for stream in self.streams.values())

    def expect(self, eye: int, *, expected: bool) -> bool:
        """Whether the other eye waits for this one; returns whether any is awaited."""
        if expected and eye in self.streams:
            self._awaited.add(eye)
        else:
            self._awaited.discard(eye)
        self._take_ready()
        return bool(self._awaited)

    @property
    def watermark(self) -> int | None:
        """The last grid index up to which every sample is known, or no other is to come."""
        if self._next_end is None or self._tracker is None:
            return None
        return max(self._grid.at_or_before(self._last_time), self._next_end - self._grid.step)

    def given_until_s(self, eye: int, windows_s: float) -> float:
        """Up to where nothing of a stream counts that comes only now. windows_s: the end of the last window."""
        return self._pair.given_until_s(eye, windows_s) if self._paired else windows_s

    @property
    def reached(self) -> int | None:
        """The last grid index that a sample has reached, also one that waits for the other eye."""
        reached_s = self._pair.reached_s
        return self._grid.at_or_before(reached_s) if reached_s > self._last_time else self.watermark

    def push(self, times: TimeArray, values: NDArray[np.generic], *, second: bool = False) -> None:
        """Take in samples (n, all channels of the stream) at LSL times (n,), NaN where the time is not known.

        second: whether they are of the second eye's stream.
        """
        eye = SECOND if second else FIRST
        self._take_runs(eye, self.streams[eye].push(times, values))

    def flush(self) -> None:
        for eye, stream in self.streams.items():
            self._take_runs(eye, stream.flush())
        self._awaited.clear()
        self._take_ready()

    def leave_out(self, eye: int, until_s: float) -> None:
        """Windows up to a time were given out without what is still to come of a stream: nothing of it changes their
        frames. Those of two eyes go on with the other one.
        """
        self.streams[eye].dejitter.leave_out(until_s)
        if self._paired:
            self._pair.leave_out(eye, until_s)
            self._take_ready()
            return
        if self._next_end is None:
            return
        last = self._grid.at_or_before(min(until_s, self._last_time + self._look_back_s))
        for end in range(self._next_end, last + 1, self._grid.step):
            if (frame := self.frame_at(end)) is not None:
                self.frames[end] = frame

    def frame_at(self, end: int) -> GazeFrame | None:
        """The features at an end: as computed, or from what is there so far. None where nothing is."""
        known = self.frames.get(end)
        if known is not None:
            return known
        if self._next_end is None or end < self._next_end:
            return None
        if self._grid.seconds(end) > self._last_time + self._look_back_s:
            return None
        return self._compute(end)

    def frame_now(self, end: int) -> GazeFrame | None:
        """As `frame_at`, from all that is there: one eye's samples also where they wait for the other one's."""
        if not self._pair.reached_s > self._last_time:
            return self.frame_at(end)
        if self._ahead is None:
            self._ahead = self._without_waiting()
        return self._ahead.frame_at(end)

    def _without_waiting(self) -> GazeBranch:
        """A copy in which no eye waits for the other one."""
        shown, self.tap = self.tap, None
        made = copy.deepcopy(self)
        self.tap = shown
        made._awaited.clear()
        made._take_ready()
        return made

    def take_events(self) -> list[GazeEvent]:
        """Fixations, saccades and blinks that have ended since the last call."""
        return self._tracker.take_events() if self._tracker is not None else []

    def forget_before(self, end: int) -> None:
        for old in [k for k in self.frames if k < end]:
            del self.frames[old]

    @property
    def _look_back_s(self) -> float:
        return self._settings.window.length_s

    def _take_runs(self, eye: int, runs: list[GazeRun]) -> None:
        """Take in what one stream gives: as it is, or with what the other eye's stream gives at these times."""
        if not self._paired:
            for run in runs:
                self._take(run)
            return
        for run in runs:
            self._pair.push(eye, run)
        if not self._take_ready() and self._ahead is not None:
            self._ahead._take_runs(eye, runs)

    def _take_ready(self) -> bool:
        """Take what waits for the other eye no longer; returns whether anything did."""
        for eye, stream in self.streams.items():
            self._pair.expect(eye, awaited=eye in self._awaited and not stream.dejitter.unusable)
        found = self._pair.ready()
        for run in found:
            self._take(run)
        if found:
            self._ahead = None
        return bool(found)

    def _take(self, run: GazeRun) -> None:
        self._prepare(run)
        assert self._tracker is not None
        assert self._check is not None
        samples = run.samples
        if self.tap is not None:
            self.tap(run.times, samples)
        for first in range(0, len(run.times), MOST_AHEAD):
            times = run.times[first : first + MOST_AHEAD]
            self._tracker.look_ahead(times, self._check.push(times, samples[first : first + MOST_AHEAD]))
            self._pass_ends(times)

    def _pass_ends(self, times: TimeArray) -> None:
        """Let the samples that were looked ahead at count, up to each end, and compute it."""
        assert self._tracker is not None
        begin = 0
        while begin < len(times):
            stop = self._cut(times, begin)
            if stop > begin:
                self._tracker.take(stop - begin)
                self._last_time = float(times[stop - 1])
                begin = stop
            if self._last_time < self._near_end_s and begin < len(times):
                self._pass_end(float(times[begin]))
            while self._last_time >= self._near_end_s:
                self._pass_end(self._last_time)

    @property
    def _near_end_s(self) -> float:
        """From here on a sample is nearer to the next end than the one after it can be."""
        assert self._next_end is not None
        return self._grid.seconds(self._next_end) - NEAR / self._rate_hz

    def _cut(self, times: TimeArray, begin: int) -> int:
        """Behind the samples of the frame that ends next: up to the first that is near its end and not after it.

        So a frame never waits for the sample after its end, and one that comes too early is the next frame's.
        """
        assert self._next_end is not None
        stop = begin + int(np.searchsorted(times[begin:], self._near_end_s))
        return stop + int(stop < len(times) and float(times[stop]) <= self._grid.seconds(self._next_end))

    def _prepare(self, run: GazeRun) -> None:
        if self.first_time is None:
            self.first_time = float(run.times[0])
            self._next_end = self._grid.at_or_after(self.first_time, self._grid.step)
        if self._tracker is None or abs(run.rate_hz / self._rate_hz - 1.0) > SAME_RATE:
            self._rate_hz = run.rate_hz
            self._tracker = GazeAnalyser(self._settings.gaze, self.channel_map.view, run.rate_hz, self._look_back_s)
            self._check = GazeCheck(
                self._settings.quality,
                rate_hz=run.rate_hz,
                keep_s=self._look_back_s,
                n_ahead=MOST_AHEAD,
                millimetres=self.channel_map.pupil_unit == "mm",
            )

    def _pass_end(self, next_time: float) -> None:
        """Compute the end that all samples have now passed, or jump over the ends in a long hole before next_time."""
        assert self._next_end is not None
        if self._grid.seconds(self._next_end) > self._last_time + self._look_back_s:
            self._next_end = self._grid.at_or_after(next_time, self._grid.step)
            return
        self.learner.at(self._next_end)
        frame = self._compute(self._next_end)
        self.frames.setdefault(frame.end, frame)  # see leave_out
        # a hole teaches nothing: a live session that goes on without this stream must know the same as its replay
        in_hole = next_time - self._last_time > HOLE_S
        if frame.end % round(self._grid.hz) == 0 and not in_hole:
            self.learner.learn(frame.end, frame.values[:, None], frame.valid[:, None])
        self._next_end += self._grid.step

    def _compute(self, end: int) -> GazeFrame:
        assert self._tracker is not None
        assert self._check is not None
        end_s = self._grid.seconds(end)
        features = self._tracker.features(end_s, self._look_back_s)
        faults = self._check.faults(end_s, self._look_back_s, features.coverage)
        return GazeFrame(end, features.values, features.valid, features.coverage, faults, self.learner.snapshot_at(end))
