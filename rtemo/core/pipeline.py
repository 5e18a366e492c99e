"""The processing pipeline: time-stamped chunks in, synchronised windows out. For live, replay and offline alike.

It reads no clock. What a window holds depends on the samples with times up to the window's end and on nothing else: not
on how they were cut into chunks, nor on how the streams were interleaved. A window is given out once every expected
stream has reached its end. Whoever cannot wait asks for a provisional one with `peek`.

A baseline is an interval of rest (`rest`) or one that was saved before (`begin_with`); see
rtemo.core.baseline.normaliser. What an announced interval does begins notice_s after each of its ends, by stamps alone,
so that live and replay agree.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Mapping, Sequence

import numpy as np

from rtemo.core.baseline.rest_interval import Baseline, Rest
from rtemo.core.channel_map import EegChannelMap, GazeChannelMap
from rtemo.core.eeg.band_power import band_centres
from rtemo.core.eeg.branch import EegBranch, EegFrame
from rtemo.core.eeg.quality import REASONS, ChannelFault, ChannelMark, MarkedChannel
from rtemo.core.errors import RtemoError
from rtemo.core.gaze.branch import GazeBranch, GazeFrame, GazeStream
from rtemo.core.gaze.eye_pair import FIRST, SECOND
from rtemo.core.gaze.features import GAZE_FEATURES
from rtemo.core.gaze.quality import GAP, GAZE
from rtemo.core.settings import PipelineSettings
from rtemo.core.timing.clock_correction import ClockModel
from rtemo.core.timing.dejitter import Dejitter
from rtemo.core.timing.late_samples import LateSamples
from rtemo.core.types import BoolArray, Chunk, ClockOffset, FloatArray, Modality, StreamInfo, StreamNotice, Window
from rtemo.core.windows import Grid

Branch = EegBranch | GazeBranch


class Pipeline:
    """Windows from one EEG stream, one gaze stream (or one of each eye), or both.

    `push` and `flush` return windows in order of their ends, each end once. Where no sample came at all there are none;
    `n_skipped` counts such holes.
    """

    def __init__(self, settings: PipelineSettings, *, signal: bool = False) -> None:
        """signal: whether windows hold the conditioned EEG itself, for models that take it."""
        self.settings = settings
        self._signal = signal
        self.grid = Grid.of(settings.window, settings.eeg.grid_hz)
        self.n_skipped = 0
        self._n_bands = len(band_centres(settings.eeg))
        self._branches: dict[Modality, Branch] = {}
        self._retired: dict[Modality, list[Branch]] = {}  # whose place was taken, while windows of theirs may come
        self._streams: dict[str, tuple[Modality, ClockModel]] = {}  # its role; SECOND_EYE goes to the gaze's branch
        self._expected: set[Modality] = set()
        self._cursor: int | None = None  # end of the next window
        self._rests: list[Rest] = []
        self._open_rest_s: float | None = None  # the begin of a rest whose end is not known yet
        self._baseline_planned = False
        self._saved: Mapping[Modality, Baseline] = {}
        self._late = LateSamples()
        self._marks: list[MarkedChannel] = []  # the EEG's, by their times; its branch has the same list

    @property
    def modalities(self) -> frozenset[Modality]:
        """What the windows are made of."""
        return frozenset(self._branches)

    @property
    def expected(self) -> frozenset[Modality]:
        """What windows wait for."""
        return frozenset(self._expected)

    def branch(self, modality: Modality) -> Branch | None:
        """The state of one modality, to be read: rate, gaps, notes, channel_map."""
        return self._branches.get(modality)

    def _stream(self, role: Modality) -> Branch | GazeStream | None:
        """The stream of a role, as its branch sees it."""
        branch = self._branches.get(_branch_of(role))
        if role is Modality.SECOND_EYE and isinstance(branch, GazeBranch):
            return branch.streams.get(SECOND)
        return branch

    def dejitter(self, role: Modality) -> Dejitter | None:
        """What is known of the times of the stream of a role."""
        stream = self._stream(role)
        return stream.dejitter if stream is not None else None

    def notes(self, role: Modality) -> Sequence[str]:
        """What was found out about the stream of a role, one sentence each."""
        stream = self._stream(role)
        return stream.notes if stream is not None else ()

    def add_stream(self, info: StreamInfo, channel_map: EegChannelMap | GazeChannelMap) -> None:
        """Use a stream. A stream of a modality that is there already takes its place and starts afresh.

        Windows that end before its first sample hold what its predecessor gave, so it does not matter when, between the
        two, it is announced.
        """
        if isinstance(channel_map, GazeChannelMap) and channel_map.pair and self._joins(info, channel_map):
            return
        modality = Modality.EEG if isinstance(channel_map, EegChannelMap) else Modality.GAZE
        branch: Branch
        if isinstance(channel_map, EegChannelMap):
            branch = EegBranch(self.settings, self.grid, channel_map, info.nominal_rate_hz, signal=self._signal)
        else:
            branch = GazeBranch(self.settings, self.grid, channel_map, info.nominal_rate_hz)
        if isinstance(branch, EegBranch):
            branch.marks = self._marks
        before = self._branches.get(modality)
        self._hand_over(before, branch, modality)
        if before is not None and before.watermark is not None:
            self._retired.setdefault(modality, []).append(before)
            branch.dejitter.leave_out(before.dejitter.left_out_until_s)
        self._branches[modality] = branch
        self._connect(info, role_of(channel_map))

    def _joins(self, info: StreamInfo, channel_map: GazeChannelMap) -> bool:
        """Whether a stream of one eye goes to a branch that is there: that of the other eye, or its own from before."""
        branch = self._branches.get(Modality.GAZE)
        if not isinstance(branch, GazeBranch) or not branch.channel_map.pair:
            return False
        branch.join(channel_map, info.nominal_rate_hz)
        self._connect(info, role_of(channel_map))
        return True

    def _connect(self, info: StreamInfo, role: Modality) -> None:
        self._streams = {key: value for key, value in self._streams.items() if value[0] != role}
        self._streams[info.stream_id] = (role, ClockModel())
        self._expected.add(_branch_of(role))

    def drop_stream(self, stream_id: str) -> list[Window]:
        """Use a stream no longer: what still comes of it is ignored. Windows that waited only for it are returned."""
        known = self._streams.pop(stream_id, None)
        return [] if known is None else self.expect(known[0], expected=False)

    def plan_baseline(self) -> None:
        """Announce that a baseline is to come: until one is in effect no window is settled."""
        self._baseline_planned = True

    def begin_with(self, saved: Mapping[Modality, Baseline]) -> None:
        """Normalise by a saved baseline from the start. To be called before a stream is added."""
        self._saved = dict(saved)

    def rest_begins(self, begin_s: float) -> None:
        """A rest begins; `rest` is called at its end. Windows are not settled until then, but for rest_max_s."""
        self._open_rest_s = begin_s

    def rest(self, begin_s: float, end_s: float) -> bool:
        """The frames of this interval of LSL time set the normaliser, from notice_s after its end on.

        From notice_s after its begin until then no window is settled. What becomes of it (in effect, or refused for
        want of usable data) is in the branches' notes. False, and noted: it was announced so late that it
        takes effect later than a replay would have it. Raises RtemoError for an interval that cannot be a baseline.
        """
        limits = self.settings.normaliser
        if not limits.rest_min_s <= end_s - begin_s <= limits.rest_max_s:
            raise RtemoError(
                f"a baseline lasts {limits.rest_min_s:g} to {limits.rest_max_s:g} s",
                f"found {end_s - begin_s:g} s",
                "choose another interval",
            )
        rest = Rest(begin_s, end_s, self.grid.at_or_after(end_s + limits.notice_s, round(self.grid.hz)))
        self._rests.append(rest)
        self._open_rest_s = None
        on_time = [branch.learner.rest(rest) for branch in self._branches.values()]
        for branch, is_on_time in zip(self._branches.values(), on_time, strict=True):
            if not is_on_time:
                branch.notes.append(f"{rest}: announced too late, a replay will use it earlier")
        return all(on_time)

    def knows_rest(self, begin_s: float, end_s: float) -> bool:
        """Whether this rest was announced already."""
        return any((rest.begin_s, rest.end_s) == (begin_s, end_s) for rest in self._rests)

    def mark_channel(self, label: str, mark: str, from_s: float) -> None:
        """Let an EEG channel count as bad or good, or as what is found, in frames that end after from_s, LSL time.

        from_s must lie ahead of all samples so far. A mark that is none of ChannelMark, and a channel that is not
        there, count for nothing.
        """
        if mark in set(ChannelMark):
            insort(self._marks, MarkedChannel(from_s, label, ChannelMark(mark)), key=lambda one: one.from_s)

    def baselines(self) -> Mapping[Modality, Baseline]:
        """What the newest baseline found, of each modality that has one; empty while the surrogate is used."""
        found = {modality: branch.learner.baseline for modality, branch in self._branches.items()}
        return {modality: baseline for modality, baseline in found.items() if baseline is not None}

    def _hand_over(self, before: Branch | None, branch: Branch, modality: Modality) -> None:
        """Give a new branch the baseline that there is, and the rests that are to come."""
        known = self._saved.get(modality) if before is None else before.learner.baseline
        if known is not None:
            unknown = [name for name in branch.learner.names if name not in known.names]
            if unknown and before is None:
                raise RtemoError(
                    "the saved baseline is of other channels", f"it lacks {', '.join(unknown)}", "record a new one"
                )
            branch.learner.adopt(known, "saved" if before is None else before.learner.snapshot.source)
        for rest in self._rests:
            branch.learner.rest(rest)

    def _is_resting(self, end: int) -> bool:
        """Whether a baseline has begun before this end and is not in effect yet."""
        limits, end_s = self.settings.normaliser, self.grid.seconds(end)
        if self._open_rest_s is not None and 0.0 <= end_s - self._open_rest_s - limits.notice_s < limits.rest_max_s:
            return True
        return any(rest.begin_s + limits.notice_s <= end_s and end < rest.effect for rest in self._rests)

    def expect(self, modality: Modality, expected: bool) -> list[Window]:  # noqa: FBT001
        """Whether windows wait for a modality, or for one eye of two. Windows that waited only for it are returned."""
        branch = self._branches.get(_branch_of(modality))
        if isinstance(branch, GazeBranch):
            eye = SECOND if modality is Modality.SECOND_EYE else FIRST
            expected, modality = branch.expect(eye, expected=expected), Modality.GAZE
        if expected and modality in self._branches:
            self._expected.add(modality)
        else:
            self._expected.discard(modality)
        return self._ready()

    def push(self, item: Chunk | ClockOffset | StreamNotice) -> list[Window]:
        """Take in samples, a clock measurement, or whether a stream's times can be believed from here on.

        Samples whose times cannot be believed have none: they are not used, and windows that they would belong into are
        not settled. Items of streams that are not used are ignored.
        """
        known = self._streams.get(item.stream_id)
        if known is None:
            return []
        role, clock = known
        if isinstance(item, ClockOffset):
            clock.add(item)
            return []
        branch, stream = self._branches[_branch_of(role)], self._stream(role)
        assert stream is not None
        dejitter = stream.dejitter
        if isinstance(item, StreamNotice):
            dejitter.distrusted = dejitter.distrusted if item.trusted is None else not item.trusted
            return self._ready()
        times = clock.to_lsl(item.stamps)  # also of what is not believed: the clock follows how it was set
        times = np.full(len(item), np.nan) if dejitter.distrusted else times
        begin = 0
        for stop, until_s in (*self._late.begin(role, times), (len(times), -math.inf)):
            if isinstance(branch, GazeBranch):
                branch.push(times[begin:stop], item.values[begin:stop], second=role is Modality.SECOND_EYE)
            else:
                branch.push(times[begin:stop], item.values[begin:stop])
            self._leave_out_now(role, until_s)
            begin = stop
        return self._ready()

    def reached(self, role: Modality) -> tuple[float, int]:
        """The time of the newest sample of a role's stream that has one, LSL time, -infinity before the first; and how
        many without a time came after it.
        """
        return self._late.reached(role)

    def given_until_s(self, role: Modality) -> float:
        """What a role's stream measured up to here can change nothing any more: no window that ends up to here is still
        to come, and of two eyes the other one has gone on alone. LSL time; -infinity before the first.
        """
        windows_s = -math.inf if self._cursor is None else self.grid.seconds(self._cursor - self.grid.hop)
        branch = self._branches.get(_branch_of(role))
        if not isinstance(branch, GazeBranch):
            return windows_s
        return branch.given_until_s(SECOND if role is Modality.SECOND_EYE else FIRST, windows_s)

    def leave_out(self, role: Modality, after_s: float, until_s: float, n_timeless: int = 0) -> None:
        """A role's stream was lost after a sample, with n_timeless without a time behind it, and windows up to an end
        were given out without it: what else it measured until then, and comes only later, is not used. See
        rtemo.core.timing.late_samples.
        """
        if self._late.leave_out(role, after_s, until_s, n_timeless):
            self._leave_out_now(role, until_s)

    def _leave_out_now(self, role: Modality, until_s: float) -> None:
        branch = self._branches.get(_branch_of(role))
        if until_s == -math.inf or branch is None:
            return
        if isinstance(branch, EegBranch):
            branch.leave_out(until_s)
        elif (eye := SECOND if role is Modality.SECOND_EYE else FIRST) in branch.streams:
            branch.leave_out(eye, until_s)

    @property
    def distrusted(self) -> frozenset[Modality]:
        """The modalities whose stream's times are not believed now."""
        return frozenset(modality for modality, branch in self._branches.items() if branch.unusable)

    def flush(self) -> list[Window]:
        """The windows up to the newest sample of any stream. Nothing may be pushed afterwards."""
        for branch in self._branches.values():
            branch.flush()
        self._expected.clear()
        return self._up_to(self.newest)

    @property
    def newest(self) -> int | None:
        """The last grid index that any stream has reached."""
        reached = (b.reached if isinstance(b, GazeBranch) else b.watermark for b in self._branches.values())
        return max((index for index in reached if index is not None), default=None)

    @property
    def next_end_s(self) -> float | None:
        """The end of the next window, once there has been a sample."""
        self._place_cursor()
        return None if self._cursor is None else self.grid.seconds(self._cursor)

    def awaited_s(self, modality: Modality) -> float | None:
        """The first end of a window that a stream has not reached, in its own LSL stamps; None before its start."""
        branch = self._branches.get(_branch_of(modality))
        if branch is None or branch.watermark is None or self.next_end_s is None or self._cursor is None:
            return None
        behind = -(-(branch.watermark + 1 - self._cursor) // self.grid.hop)  # ends that it has reached already
        return self.grid.seconds(self._cursor + max(behind, 0) * self.grid.hop) + branch.channel_map.latency_s

    def peek(self, end_s: float) -> Window | None:
        """A provisional window from what is there, marked as forced. The pipeline does not move on.

        None where no sample came, or the end is no window's end.
        """
        end = self.grid.at_or_before(end_s)
        if end % self.grid.hop or self._cursor is None or end < self._cursor:
            return None
        return self._window(end, forced=True)

    def skip_to(self, end_s: float) -> None:
        """Give up all windows that end before a time."""
        self._place_cursor()
        if self._cursor is not None:
            self._cursor = max(self._cursor, self.grid.at_or_after(end_s, self.grid.hop))

    def _place_cursor(self) -> None:
        """The first window ends when one window's length of the stream that began first is there."""
        awaited = self._expected - self.distrusted
        if self._cursor is not None or any(self._branches[m].first_time is None for m in awaited):
            return
        first = [b.first_time for b in self._all if b.first_time is not None]
        if first:
            self._cursor = self.grid.at_or_after(min(first), self.grid.hop) + self.grid.length

    def _ready(self) -> list[Window]:
        marks = [self._branches[m].watermark for m in self._expected if not self._is_timeless(m)] or [self.newest]
        return self._up_to(None if None in marks else min(m for m in marks if m is not None))

    def _is_timeless(self, modality: Modality) -> bool:
        """Whether nothing of a stream was ever usable, and its times are not believed: then nobody waits for it."""
        branch = self._branches[modality]
        return branch.first_time is None and branch.unusable

    def _up_to(self, last: int | None) -> list[Window]:
        """The windows that end at or before a grid index."""
        self._place_cursor()
        windows: list[Window] = []
        while last is not None and self._cursor is not None and self._cursor <= last:
            window = self._window(self._cursor, forced=False)
            if window is None:
                self.n_skipped += 1
                self._cursor = self._after_hole(self._cursor, last)
            else:
                windows.append(window)
                self._cursor += self.grid.hop
            self._forget()
        return windows

    def _after_hole(self, end: int, last: int) -> int:
        """The end of the next window that can hold data, so that a hole of days costs nothing."""
        ahead = [k for b in self._all for k in b.frames if k > end]
        target = min(min(ahead, default=last + 1), last + 1)
        return max(end + self.grid.hop, -(-target // self.grid.hop) * self.grid.hop)

    def _forget(self) -> None:
        assert self._cursor is not None
        for branch in self._all:
            branch.forget_before(self._cursor - self.grid.length)
        for modality, retired in self._retired.items():
            if retired and self._branch_of_window(modality, self._cursor) is self._branches[modality]:
                retired.clear()

    @property
    def _all(self) -> list[Branch]:
        return [*self._branches.values(), *(one for retired in self._retired.values() for one in retired)]

    def _branch_of_window(self, modality: Modality, end: int) -> Branch | None:
        """Of the streams that took each other's place the last one that had begun before a window's end."""
        branch = self._branches.get(modality)
        if branch is None:
            return None
        end_s = self.grid.seconds(end)
        known = [branch, *reversed(self._retired.get(modality, []))]
        return next((one for one in known if _has_begun(one, end_s)), known[-1])

    def _window(self, end: int, *, forced: bool) -> Window | None:
        """The window that ends at a grid index, or None where no sample came at all."""
        used = {one: branch for one in (Modality.EEG, Modality.GAZE) if (branch := self._branch_of_window(one, end))}
        eeg, gaze = used.get(Modality.EEG), used.get(Modality.GAZE)
        frames = [eeg.frame_at(k) if isinstance(eeg, EegBranch) else None for k in self.grid.frames_of(end)]
        gaze_frame = None
        if isinstance(gaze, GazeBranch):
            gaze_frame = gaze.frame_now(end) if forced else gaze.frame_at(end)
        eeg_coverage = float(np.mean([0.0 if f is None else f.coverage for f in frames]))
        gaze_coverage = 0.0 if gaze_frame is None else gaze_frame.coverage
        if gaze_frame is None and not any(f is not None and f.present > 0.0 for f in frames):
            return None
        channel_map = eeg.channel_map if isinstance(eeg, EegBranch) else None
        span = self.grid.seconds(end - self.grid.length), self.grid.seconds(end)
        n_channels = len(channel_map.labels) if channel_map is not None else 0
        power, mask, normal = _eeg_part(frames, (n_channels, self._n_bands))
        raw, valid, gaze_normal = _gaze_part(gaze_frame)
        parts = [p for p in (frames[-1], gaze_frame) if p is not None and p.coverage > 0.0]
        steady = eeg_coverage == 0.0 or all(f is not None and f.settled for f in frames)
        if self._baseline_planned and not any(part.scale.source != "surrogate" for part in parts):
            steady = False
        bad_channels: dict[str, str] = {}
        for modality, branch in used.items():
            faults: Mapping[str, str]
            if isinstance(branch, EegBranch):
                faults = channels_named(frames, branch.channel_map.labels)
            else:
                faults = {GAZE: GAP} if gaze_frame is None else gaze_frame.faults
            unknown, over = branch.dejitter.unknown, self._is_over(modality, branch, forced)
            joins_later = not (forced or _has_begun(branch, span[1]) or unknown.meets(span, still=over))
            bad_channels |= {} if joins_later else unknown.name_faults(faults, span, still=over)
            if unknown.is_distrusted(span, still=over):
                steady = False
        return Window(
            end_s=self.grid.seconds(end),
            eeg=normal,
            eeg_power=power,
            eeg_mask=mask,
            eye=gaze_normal,
            eye_raw=raw,
            eye_valid=valid,
            positions=np.zeros((0, 3), np.float32) if channel_map is None else channel_map.positions,
            channels=() if channel_map is None else channel_map.labels,
            eeg_coverage=eeg_coverage,
            gaze_coverage=gaze_coverage,
            bad_channels=bad_channels,
            settled=steady and bool(parts) and all(p.scale.ready for p in parts) and not self._is_resting(end),
            forced=forced,
            **(_signal_part(frames, self.grid.frame, n_channels) if self._signal else {}),
        )

    def _is_over(self, modality: Modality, branch: Branch, forced: bool) -> bool:  # noqa: FBT001
        """Whether a window is made without waiting for what a stream may still send."""
        was_replaced = branch is not self._branches[modality]
        return forced or was_replaced or modality not in self._expected or self._is_timeless(modality)


def _has_begun(branch: Branch, end_s: float) -> bool:
    return branch.first_time is not None and branch.first_time < end_s


def role_of(channel_map: EegChannelMap | GazeChannelMap) -> Modality:
    """The role of a stream that is read so."""
    if isinstance(channel_map, EegChannelMap):
        return Modality.EEG
    return Modality.SECOND_EYE if channel_map.pair == "second" else Modality.GAZE


def _branch_of(role: Modality) -> Modality:
    return Modality.GAZE if role is Modality.SECOND_EYE else role


def _eeg_part(frames: list[EegFrame | None], shape: tuple[int, int]) -> tuple[FloatArray, BoolArray, FloatArray]:
    """Power (F, C, B), mask (F, C) and normalised power of the frames that are there, by the newest one's baseline."""
    there = [f for f in frames if f is not None]
    nothing = np.full(shape, np.nan, dtype=np.float32)
    power = np.stack([nothing if f is None else f.power for f in frames])
    mask = np.stack([np.zeros(shape[0], dtype=bool) if f is None else f.usable for f in frames])
    normal = there[-1].scale.apply(power, np.isfinite(power)) if there else np.zeros_like(power)
    return power, mask, normal


def _signal_part(frames: list[EegFrame | None], length: int, n_channels: int) -> dict[str, FloatArray]:
    """The signal (S, C) of the frames, 0 where there is none, and the channels' sizes (C,) by the newest one."""
    there = [f for f in frames if f is not None]
    nothing = np.zeros((length, n_channels), np.float32)
    signals = [nothing if f is None or f.signal is None else f.signal for f in frames]
    newest = there[-1].size if there else None
    size = np.full(n_channels, np.inf, np.float32) if newest is None else newest
    return {"signal": np.concatenate(signals), "signal_size": size}


def _gaze_part(frame: GazeFrame | None) -> tuple[FloatArray, BoolArray, FloatArray]:
    """Raw features (E,), validity and normalised features."""
    if frame is None:
        n = len(GAZE_FEATURES)
        return np.full(n, np.nan, np.float32), np.zeros(n, dtype=bool), np.zeros(n, np.float32)
    return frame.values, frame.valid, frame.scale.apply(frame.values[:, None], frame.valid[:, None])[:, 0]


def channels_named(frames: list[EegFrame | None], labels: tuple[str, ...]) -> dict[str, str]:
    """The channels with a fault in half of the frames or more, or with a pop in any, each with the newest reason."""
    faults = np.stack([np.full(len(labels), ChannelFault.GAP, np.int8) if f is None else f.fault for f in frames])
    if not faults.any():
        return {}
    out = (np.mean(faults != ChannelFault.NONE, axis=0) >= 0.5) | (faults == ChannelFault.POPPING).any(axis=0)
    if not out.any():
        return {}
    reasons = [next(f for f in faults[::-1, c] if f) if out[c] else 0 for c in range(len(labels))]
    return {label: REASONS[ChannelFault(int(reason))] for label, reason in zip(labels, reasons, strict=True) if reason}
