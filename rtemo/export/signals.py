"""A recording's signals as arrays on the LSL clock, by the clock correction and dejittering of the pipeline.

EEG is in microvolts and as it was sent otherwise: nothing is filtered, re-referenced or resampled. Gaze and pupils are
in canonical coordinates at the tracker's own rate. A device's stated latency is taken off all times. A gap ends a
stretch: no sample is invented in it, and none is shifted across it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rtemo.core.channel_map import EegChannelMap, GazeChannelMap
from rtemo.core.errors import RtemoError
from rtemo.core.gaze.eye_pair import FIRST, SECOND, EyePair, GazeRun
from rtemo.core.timing.dejitter import Dejitter, SampleRun
from rtemo.core.timing.packed_rows import PackedRows
from rtemo.core.types import Chunk, ClockOffset, Modality, StreamInfo, StreamNotice
from rtemo.core.units import plausible_scale
from rtemo.recordings.open_recording import OpenRecording
from rtemo.sources.participants import OWN_ROLES

Doubles = NDArray[np.float64]
SETTLE_S = 20.0  # in which the dejittering of a stretch finds a clock's drift
LONG_S = 30.0  # a stretch whose begin can be left out where a line is laid through it
AGREES = 0.02  # samples by which the stated rate may be off at the end of the longest stretch


@dataclass(frozen=True, slots=True, eq=False)
class SignalStretch:
    """Samples without a gap. times (n,): LSL seconds, even for EEG. values (n, channels). stamps (n,): LSL seconds; of
    EEG as they were sent, with the clock offsets, and uneven as they were.

    begin_s: LSL time of the first sample; for EEG that of the line through all of them at the signal's rate, which no
    single stamp moves.
    """

    times: Doubles
    values: Doubles
    begin_s: float
    stamps: Doubles


@dataclass(frozen=True, slots=True)
class SignalGap:
    """A pause between two stretches. begin_s: LSL time of the last sample before it; end_s: of the first after it."""

    begin_s: float
    end_s: float
    n_missing: int  # samples, by the rate


@dataclass(frozen=True, slots=True, eq=False)
class RecordedSignal:
    """One modality of a recording. rate_hz: as measured, where it differs from the stated one. n_unusable: samples
    without a time that can be used. notes: what was assumed and left out, one line each. clock_offsets: as measured.
    """

    info: StreamInfo
    channel_map: EegChannelMap | GazeChannelMap
    labels: tuple[str, ...]
    rate_hz: float
    stretches: tuple[SignalStretch, ...]
    n_unusable: int
    notes: tuple[str, ...]
    clock_offsets: tuple[ClockOffset, ...]

    @property
    def first_s(self) -> float:
        """LSL time of the first sample."""
        return self.stretches[0].begin_s

    @property
    def last_s(self) -> float:
        return float(self.stretches[-1].times[-1])

    @property
    def n_samples(self) -> int:
        return sum(len(stretch.times) for stretch in self.stretches)

    @property
    def gaps(self) -> tuple[SignalGap, ...]:
        """The pauses, in order."""
        found = []
        for before, after in pairwise(self.stretches):
            begin_s, end_s = float(before.times[-1]), after.begin_s
            found.append(SignalGap(begin_s, end_s, max(round((end_s - begin_s) * self.rate_hz) - 1, 0)))
        return tuple(found)

    @property
    def times(self) -> Doubles:
        """(n,) of all samples."""
        return np.concatenate([stretch.times for stretch in self.stretches])

    @property
    def stamps(self) -> Doubles:
        """(n,) of all samples, as they were sent."""
        return np.concatenate([stretch.stamps for stretch in self.stretches])

    @property
    def values(self) -> Doubles:
        """(n, channels) of all samples."""
        return np.concatenate([stretch.values for stretch in self.stretches])


def read_signals(recording: OpenRecording) -> dict[Modality, RecordedSignal]:
    """EEG and gaze of a recording that was opened and not read yet; what it lacks is not there. Closes it."""
    collectors: dict[str, _Collector] = {}
    by_role: dict[Modality, _Collector] = {}
    for role in OWN_ROLES:
        infos = [info for info in recording.streams if recording.roles.role_of(info) is role]
        opening = {info.stream_id for info in recording.opening}
        for info in sorted(infos, key=lambda one: one.stream_id not in opening):
            if recording.n_samples(info.stream_id):
                by_role[role] = by_role.get(role) or _Collector(info, recording.roles.layout(info, role))
                collectors |= by_role[role].joined_by(info, recording.roles.layout(info, role))
    source = recording.source
    try:
        while not source.exhausted:
            for timed in source.read_timed():
                collector = collectors.get(timed.stream_id)
                if collector is not None:
                    collector.take(timed.item, timed.times)
    finally:
        recording.close()
    found = {role: one.signal() for role, one in by_role.items() if one.finished()}
    if (second := found.pop(Modality.SECOND_EYE, None)) is not None:
        first = found.get(Modality.GAZE)
        found[Modality.GAZE] = second if first is None else _both_eyes(first, second)
    return found


def _both_eyes(first: RecordedSignal, second: RecordedSignal) -> RecordedSignal:
    """The signal of a tracker with one stream per eye, joined by time as the pipeline does."""
    pair = EyePair()
    for eye, signal in ((FIRST, first), (SECOND, second)):
        pair.begin(eye)
        for stretch in signal.stretches:
            pair.push(eye, GazeRun(stretch.times, stretch.values, signal.rate_hz))
    runs = pair.ready()
    if not runs:
        raise RtemoError("the two eyes have no usable sample", "each is shorter than a second", "record more of it")
    return replace(
        first,
        stretches=tuple(SignalStretch(run.times, run.samples, float(run.times[0]), run.times) for run in runs),
        n_unusable=first.n_unusable + second.n_unusable,
        notes=tuple(dict.fromkeys((*first.notes, *second.notes, f"the other eye is the stream {second.info.brief()}"))),
    )


class _Collector:
    """Puts one modality's samples together, of the stream and of those that took its place."""

    def __init__(self, info: StreamInfo, channel_map: EegChannelMap | GazeChannelMap) -> None:
        self._info, self._map = info, channel_map
        self._eeg = isinstance(channel_map, EegChannelMap)
        self._maps: dict[str, EegChannelMap | GazeChannelMap] = {}
        self._notes: list[str] = list(channel_map.notes)
        self._notes += [f"{label} left out: {reason}" for label, reason in channel_map.left_out.items()]
        self._offsets: list[ClockOffset] = []
        self._scale: Doubles | None = None
        self._runs: list[SampleRun] = []
        self._dejitters: dict[str, Dejitter] = {}
        self._rows: dict[str, PackedRows] = {}

    def joined_by(self, info: StreamInfo, channel_map: EegChannelMap | GazeChannelMap) -> dict[str, _Collector]:
        """Who takes a stream's samples: nobody where its channels are not those of the first one."""
        if self._eeg and _labels(channel_map) != _labels(self._map):
            self._notes.append(f"the stream {info.brief()} that took its place has other channels and is left out")
            return {}
        self._maps[info.stream_id] = channel_map
        self._dejitters[info.stream_id] = Dejitter(info.nominal_rate_hz, even=self._eeg, notes=self._notes)
        self._rows[info.stream_id] = PackedRows(_samples_per_row(channel_map))
        return {info.stream_id: self}

    def take(self, item: object, times: Doubles) -> None:
        match item:
            case ClockOffset():
                self._offsets.append(item)
            case StreamNotice():
                dejitter = self._dejitters[item.stream_id]
                dejitter.distrusted = dejitter.distrusted if item.trusted is None else not item.trusted
                self._notes.append(item.text)
            case Chunk() if len(item):
                self._push(item, times)

    def _push(self, chunk: Chunk, times: Doubles) -> None:
        dejitter, channel_map = self._dejitters[chunk.stream_id], self._maps[chunk.stream_id]
        usable = np.full(len(times), np.nan) if dejitter.distrusted else times - channel_map.latency_s
        values = np.asarray(chunk.values)
        if isinstance(channel_map, EegChannelMap):
            values = values[:, list(channel_map.columns)]
            values = np.column_stack([values, usable])  # the stamps come along
        self._keep(chunk.stream_id, dejitter.push(usable, values.astype(np.float64)))

    def _keep(self, stream_id: str, runs: Sequence[SampleRun]) -> None:
        self._runs += [self._rows[stream_id].unpacked(run) for run in runs]

    def finished(self) -> bool:
        """Whether there is a sample, now that all have come."""
        for stream_id, dejitter in self._dejitters.items():
            self._keep(stream_id, dejitter.flush())
        return bool(self._runs)

    def signal(self) -> RecordedSignal:
        runs = sorted(self._runs, key=lambda run: float(run.times[0]))
        stretches: list[SignalStretch] = []
        parts: list[SampleRun] = []
        for run in runs:
            if parts and run.gap_s > 0.0:
                stretches.append(self._stretch(parts))
                parts = []
            parts.append(run)
        stretches.append(self._stretch(parts))
        rate_hz = _rate_hz(stretches, self._info.nominal_rate_hz * _samples_per_row(self._map))
        if self._eeg:
            stretches = [replace(one, begin_s=_begin_s(one.times, rate_hz)) for one in stretches]
        return RecordedSignal(
            info=self._info,
            channel_map=self._map,
            labels=_labels(self._map),
            rate_hz=rate_hz,
            stretches=tuple(stretches),
            n_unusable=sum(dejitter.n_dropped for dejitter in self._dejitters.values()),
            notes=tuple(dict.fromkeys(self._notes)),
            clock_offsets=tuple(self._offsets),
        )

    def _stretch(self, runs: Sequence[SampleRun]) -> SignalStretch:
        times = np.concatenate([run.times for run in runs])
        values, stamps = np.concatenate([np.asarray(run.values, np.float64) for run in runs]), times
        if self._eeg:
            values, stamps = values[:, :-1], values[:, -1]
        first = values[: len(runs[0].times)]
        if isinstance(self._map, EegChannelMap):
            if self._scale is None:
                self._scale = self._microvolts(first)
            return SignalStretch(times, values * self._scale, float(times[0]), stamps)
        if self._scale is None and isinstance(self._map, GazeChannelMap):
            self._map, note = self._map.checked(first)
            self._notes += [note] if note else []
            self._scale = np.ones(1)
        return SignalStretch(times, self._map.canonical(values), float(times[0]), stamps)

    def _microvolts(self, first: Doubles) -> Doubles:
        """The factors to microvolts, decided on the first run (n, channels) as the pipeline does."""
        assert isinstance(self._map, EegChannelMap)
        scale, note = plausible_scale(first, self._map.scale)
        self._notes += [note] if note else []
        return np.where(np.isnan(scale), 1.0, scale)


def _samples_per_row(channel_map: EegChannelMap | GazeChannelMap) -> int:
    return channel_map.samples_per_row if isinstance(channel_map, GazeChannelMap) else 1


def _labels(channel_map: EegChannelMap | GazeChannelMap) -> tuple[str, ...]:
    if isinstance(channel_map, EegChannelMap):
        return channel_map.labels
    return ("x_left", "y_left", "x_right", "y_right", "pupil_left", "pupil_right")


def _rate_hz(stretches: Sequence[SignalStretch], nominal_hz: float) -> float:
    """The rate over all stretches; the stated one where it is right to AGREES samples."""
    counted = slipped = 0.0  # least squares of the times on the samples' numbers, each stretch about its own middle
    for times in (one.times[_settled(one.times) :] for one in stretches):
        numbers = np.arange(len(times)) - (len(times) - 1) / 2.0
        counted += float(numbers @ numbers)
        slipped += float(numbers @ (times - times.mean()))
    if slipped <= 0:
        if nominal_hz > 0:
            return nominal_hz
        raise RtemoError("the rate of a stream cannot be measured", "it has too few samples", "record more of it")
    measured_hz = counted / slipped
    longest = max(len(one.times) - 1 for one in stretches)
    off = math.inf if nominal_hz <= 0 else abs(longest * (nominal_hz / measured_hz - 1.0))
    return nominal_hz if off <= AGREES else measured_hz


def _begin_s(times: Doubles, rate_hz: float) -> float:
    """Where the line at a rate through the times (n,) of a stretch begins."""
    begin = _settled(times)
    return float(times[begin:].mean()) - ((len(times) - 1 - begin) / 2.0 + begin) / rate_hz


def _settled(times: Doubles) -> int:
    """The sample of a stretch from which its times are as even as they get; the first where the stretch is short."""
    if times[-1] - times[0] < LONG_S:
        return 0
    return int(np.searchsorted(times, times[0] + SETTLE_S))


def regular(signal: RecordedSignal) -> Iterator[tuple[int, SignalStretch]]:
    """Each stretch with its first sample's index on one regular grid from the first sample on, at signal.rate_hz."""
    free = 0
    for stretch in signal.stretches:
        first = max(round((stretch.begin_s - signal.first_s) * signal.rate_hz), free)
        free = first + len(stretch.times)
        yield first, stretch
