"""A simulated session: the streams of two devices and a marker stream, with the ground truth.

Samples are made in fixed seconds of the session, so they do not depend on how they are cut afterwards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, FloatArray, Item, StreamInfo, TimeArray
from rtemo.simulate.affect import feel
from rtemo.simulate.device.descriptions import EEG, GAZE, GAZE_CHANNELS, MARKERS, eeg_info, gaze_info, marker_info
from rtemo.simulate.device.sample_faults import strike
from rtemo.simulate.device.sensor import OFFSET_EVERY_S, Entry, Render, Sensor, with_faults
from rtemo.simulate.device.transport import UninterruptedRun, runs
from rtemo.simulate.eeg.anatomy import head
from rtemo.simulate.eeg.scalp_eeg import ScalpEeg
from rtemo.simulate.eyes.eye_movements import look
from rtemo.simulate.eyes.gaze import SimulatedTracker
from rtemo.simulate.person import draw_person
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.truth import Truth

_MARKER_RANK = 9


class SimulatedSession:
    """One person's session. `items` can be called again and gives the same again."""

    def __init__(self, plan: SimulationPlan) -> None:
        self.plan = plan
        self._head = head(plan.family, plan.montage.electrodes, plan.montage.reference)
        person, course = draw_person(plan.person_seed, plan.session_seed, plan.family), feel(plan)
        self.truth = Truth(plan, person, course, look(plan, person.eyes, course))
        gaze_labels = [channel.label for channel in GAZE_CHANNELS]
        self._struck = {EEG: strike(plan, EEG, plan.montage.labels), GAZE: strike(plan, GAZE, gaze_labels)}
        self._runs = {
            EEG: runs(self._struck[EEG], len(plan.montage.labels), plan.eeg_rate_hz, plan.duration_s),
            GAZE: runs(self._struck[GAZE], len(gaze_labels), plan.gaze_rate_hz, plan.duration_s),
        }
        self._infos = {kind: self._describe(kind, uninterrupted) for kind, uninterrupted in self._runs.items()}

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """The EEG, gaze and marker streams as they are at the start."""
        return (self._infos[EEG][0], self._infos[GAZE][0], marker_info(self.plan))

    def items(self, block_s: float = 0.1) -> Iterator[Item]:
        """Clock offsets, chunks and the streams' comings and goings in order of time, cut at multiples of block_s.

        Cut where clocks are measured too, for a measurement comes before the first sample that it holds for.
        """
        return (item for _complete_s, item in self.timed_items(block_s))

    def timed_items(self, block_s: float = 0.1) -> Iterator[tuple[float, Item]]:
        """The items, each with the time at which its block is complete, in seconds from the session's start."""
        if not block_s > 0:
            raise RtemoError("the block length must be positive", f"{block_s:g} s", "use for example 0.1")
        sensors = [self._sensor(EEG), self._sensor(GAZE)]
        changes = [entry for sensor in sensors for entry in sensor.changes(self.plan.duration_s)]
        waiting = deque(sorted([*changes, *self._markers()], key=_moment))
        made = 0
        for stop_s in _edges(self.plan.duration_s, block_s):
            while made < stop_s:
                for sensor in sensors:
                    sensor.make(made)
                made += 1
            entries = [entry for sensor in sensors for entry in sensor.chunks(stop_s)]
            while waiting and (waiting[0][0] < stop_s or stop_s == self.plan.duration_s):
                entries.append(waiting.popleft())
            for _time, _rank, item in sorted(entries, key=_moment):
                yield stop_s, item

    def eeg(self, start_s: float, stop_s: float) -> FloatArray:
        """(T, C) uV from start_s to stop_s of the session at the plan's rate, sample faults included, nothing lost."""
        return _between(self._eeg, start_s, stop_s)[1]

    def gaze(self, start_s: float, stop_s: float) -> tuple[TimeArray, FloatArray]:
        """Times (n,) in seconds from the session's start and values (n, 6), as in `eeg`."""
        return _between(self._gaze, start_s, stop_s)

    @cached_property
    def _eeg(self) -> Render:
        return with_faults(self._clean(EEG, self.plan.eeg_rate_hz), self._struck[EEG], self.plan.eeg_rate_hz)

    @cached_property
    def _gaze(self) -> Render:
        return with_faults(self._clean(GAZE, self.plan.gaze_rate_hz), self._struck[GAZE], self.plan.gaze_rate_hz)

    def _clean(self, kind: str, rate_hz: float) -> Render:
        """What the device would send if nothing were wrong, at this rate."""
        truth, person = self.truth, self.truth.person
        if kind == GAZE:
            tracker = SimulatedTracker(self.plan, person.eyes, truth.course, truth.train)
            return lambda second: tracker.second(second, rate_hz)
        plan = replace(self.plan, eeg_rate_hz=rate_hz)
        scalp = ScalpEeg(plan, self._head, person.brain, truth.course, truth.train)
        grid = np.arange(int(rate_hz)) / rate_hz
        return lambda second: (second + grid, scalp.second(second))

    def _sensor(self, kind: str) -> Sensor:
        return Sensor(
            self._runs[kind],
            self._infos[kind],
            self._struck[kind],
            lambda rate: self._clean(kind, rate),
            self.plan.start_s,
        )

    def _describe(self, kind: str, uninterrupted: list[UninterruptedRun]) -> list[StreamInfo]:
        """One description a run; runs of the same channels and rate share theirs."""
        known: dict[tuple[tuple[int, ...], float], StreamInfo] = {}
        for run in uninterrupted:
            if (run.columns, run.rate_hz) not in known:
                known[run.columns, run.rate_hz] = (
                    eeg_info(replace(self.plan, eeg_rate_hz=run.rate_hz), self._head, run.columns, len(known))
                    if kind == EEG
                    else gaze_info(replace(self.plan, gaze_rate_hz=run.rate_hz), len(known))
                )
        return [known[run.columns, run.rate_hz] for run in uninterrupted]

    def _markers(self) -> list[Entry]:
        return [
            (time_s, _MARKER_RANK, _marker_chunk(self.plan.start_s + time_s, marker.text))
            for time_s, marker in self.plan.markers()
        ]


def _moment(entry: Entry) -> tuple[float, int]:
    return entry[:2]


def _edges(duration_s: float, block_s: float) -> Iterator[float]:
    """Where blocks end: multiples of block_s, the moments of clock measurements, and the session's end."""
    block, measured, edge = 1, 1, 0.0
    while edge < duration_s:
        edge = min(round(block * block_s, 9), measured * OFFSET_EVERY_S, duration_s)
        block += edge >= round(block * block_s, 9)
        measured += edge >= measured * OFFSET_EVERY_S
        yield edge


def _marker_chunk(stamp: float, text: str) -> Chunk:
    return Chunk(MARKERS, np.array([stamp]), np.array([[text]], dtype=object))


def _between(render: Render, start_s: float, stop_s: float) -> tuple[TimeArray, FloatArray]:
    parts = [render(second) for second in range(int(np.floor(start_s)), int(np.ceil(stop_s)))]
    times = np.concatenate([part[0] for part in parts])
    first, last = np.searchsorted(times, (start_s, stop_s))
    return times[first:last], np.concatenate([part[1] for part in parts])[first:last]
