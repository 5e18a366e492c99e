"""What is wrong now, and since when: the alarms of the status strip, and why an emotion must not be believed. No Qt.

Everything is judged by its age: the newest state of the engine is the past as soon as no other follows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rtemo.core.types import Modality, StreamState
from rtemo.gui import texts
from rtemo.gui.disk_space import WARN_S, RecordingTimeLeft
from rtemo.gui.window_state import WindowState
from rtemo.live.service.snapshot import ChannelStatus, ElectrodePlaces, Phase, StreamStatus
from rtemo.presentation.numbers import clock, seconds, shortened, size

Level = Literal["bad", "warn"]
PATIENCE_S = 2.0  # how long engine and recorder may differ, as when a session begins
GONE = (StreamState.LOST, StreamState.FAILED)
SILENT = (StreamState.STALLED, StreamState.LOST, StreamState.FAILED)
MOST_NAMES = 40  # characters
GOOD_SHARE = 0.5  # of the channels in use; fewer are no montage to rely on
SEEN_SHARE = 0.1  # of the last gaze; with less, the tracker sees no eyes
PLACED_SHARE = 0.5  # of the electrodes; with fewer, positions mean little


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong. since_s: on the clock of WindowState.now_s; NaN where it has no beginning."""

    text: str
    level: Level
    since_s: float = math.nan

    def worded(self, now_s: float) -> str:
        """The alarm with how long it has lasted."""
        return self.text if math.isnan(self.since_s) else f"{self.text} {clock(now_s - self.since_s)}"


class AlarmWatch:
    """Finds the alarms, and remembers since when each has lasted."""

    def __init__(self, state: WindowState) -> None:
        self._state = state
        self._since: dict[str, float] = {}
        self._roles: set[tuple[str, str]] = set()  # that this session has had, with whose they are
        self._counted: tuple[object, tuple[int, int]] = ((), (0, 0))

    def current(self) -> list[Alarm]:
        """The alarms, those about the recording first, then the worst first."""
        state = self._state
        if state.snapshot.phase == Phase.REPLAY or state.snapshot.seq < 0:
            return []
        found = [*self._recording(), *self._streams(), *self._engine(), *self._unusable(), *self._disk()]
        found += [*self._outputs(), *self._further(), *self._electrodes()]
        texts_ = {alarm.text for alarm in found}
        self._since = {text: since for text, since in self._since.items() if text in texts_}
        return sorted((a for a in found if self._lasting(a)), key=lambda alarm: alarm.level != "bad")

    def _lasting(self, alarm: Alarm) -> bool:
        return alarm.text != texts.NOT_RECORDED or self._state.now_s - alarm.since_s >= PATIENCE_S

    def _alarm(self, text: str, level: Level, since_s: float | None = None) -> Alarm:
        """An alarm that began at since_s, or when it was seen first."""
        first_s = self._since.setdefault(text, self._state.now_s if since_s is None else since_s)
        return Alarm(text, level, first_s)

    def _recording(self) -> Iterator[Alarm]:
        state = self._state
        if not state.in_session:
            return
        if state.recorder_gone:
            yield self._alarm(texts.RECORDER_GONE, "bad", state.recorder_heard_s)
        elif (recording := state.recording) is None:
            yield self._alarm(texts.NOT_RECORDED, "bad")
        elif recording.state == "waiting":
            yield self._alarm(texts.REC_WAITING.format(error=recording.error), "bad")
        elif recording.state != "recording":
            yield self._alarm(texts.REC_FAILED.format(error=recording.error or recording.state), "bad")
        elif recording.n_files > 1 and (elsewhere := _elsewhere(recording.path, state.session_folder)):
            yield Alarm(texts.REC_ELSEWHERE.format(folder=elsewhere), "warn")

    def _streams(self) -> Iterator[Alarm]:
        state = self._state
        level: Level = "bad" if state.in_session else "warn"
        if not state.streams_known:
            return  # what they do is not known
        present = {(stream.participant, stream.role): stream for stream in state.streams_in_use}
        self._roles = (self._roles if state.in_session else set()) | set(present)
        needed = state.needed_roles | {one for one in self._roles if one[1] in (Modality.EEG, Modality.GAZE)}
        for whose, role in sorted(needed):
            name, stream = _worded(whose, role), present.get((whose, role))
            if stream is None:
                if state.in_session:
                    yield self._alarm(texts.STREAM_LOST.format(role=name), level)
            elif is_silent(state, stream):
                age_s = state.stream_age_s(stream)
                since_s = state.now_s - age_s if math.isfinite(age_s) else None
                text = texts.STREAM_STALLED if stream.state is StreamState.STALLED else texts.STREAM_LOST
                yield self._alarm(text.format(role=name), level, since_s)

    def _unusable(self) -> Iterator[Alarm]:
        """Streams that deliver what nobody can use: most channels are faulty, or the tracker sees no eyes."""
        state = self._state
        if not (state.in_session and state.streams_known):
            return
        delivering = {(s.participant, s.role) for s in state.streams_in_use if not is_silent(state, s)}
        used = [channel for channel in state.snapshot.channels if not channel.excluded]
        n_good = sum(not channel.fault for channel in used)
        each = [(one.id, one.n_good, one.n_channels, one.gaze_valid) for one in state.people]
        for whose, good, n, valid in each or [("", n_good, len(used), state.gaze_validity())]:
            if (whose, Modality.EEG) in delivering and n and good < GOOD_SHARE * n:
                yield self._alarm(texts.MOST_CHANNELS_BAD.format(role=_worded(whose, Modality.EEG)), "warn")
            if (whose, Modality.GAZE) in delivering and valid < SEEN_SHARE:
                yield self._alarm(texts.NO_EYES_SEEN.format(role=_worded(whose, Modality.GAZE)), "warn")

    def _further(self) -> Iterator[Alarm]:
        """Streams without a role that this session records, as ECG, and that have fallen silent."""
        state = self._state
        if not (state.in_session and state.streams_known):
            return
        for stream in state.snapshot.streams:
            silent = is_silent(state, stream) if stream.nominal_hz else stream.state in GONE
            if stream.recorded and not stream.role and stream.n_samples and silent:
                age_s = state.stream_age_s(stream)
                name = shortened(stream.name, MOST_NAMES).upper()
                since_s = state.now_s - age_s if math.isfinite(age_s) else None
                yield self._alarm(texts.STREAM_LOST.format(role=name), "warn", since_s)

    def _engine(self) -> Iterator[Alarm]:
        state = self._state
        if state.snapshot.phase == Phase.FAILED:
            yield self._alarm(texts.ENGINE_FAILED, "bad" if state.in_session else "warn")
        elif not state.engine_answers:
            text = texts.PREDICTIONS_RESTARTING if state.restarting else texts.NO_PREDICTIONS_NOW
            yield self._alarm(text, "warn", state.snapshot.time_s)

    def _disk(self) -> Iterator[Alarm]:
        disk, recording = self._state.disk, self._state.recording
        if recording is None or disk.time_left is RecordingTimeLeft.ENOUGH:
            return
        soon = disk.left_s < WARN_S
        left = texts.DISK_LEFT.format(left=clock(disk.left_s))
        text = left if soon else texts.DISK_LOW.format(free=size(recording.free_bytes))
        yield Alarm(text, "bad" if disk.time_left is RecordingTimeLeft.ALMOST_NONE else "warn")

    def _outputs(self) -> Iterator[Alarm]:
        for output in self._state.snapshot.outputs:
            if output.state in ("failed", "behind"):
                yield self._alarm(texts.OUTPUT_BROKEN.format(name=output.name, state=output.state), "warn")

    def _n_placed(self, channels: tuple[ChannelStatus, ...]) -> tuple[int, int]:
        """How many of the channels in use have a place, and how many are in use; counted once for the same channels."""
        if self._counted[0] is not channels:
            used = [channel for channel in channels if not channel.excluded]
            self._counted = channels, (sum(map(is_placed, used)), len(used))
        return self._counted[1]

    def _electrodes(self) -> Iterator[Alarm]:
        snapshot, people = self._state.snapshot, self._state.people
        if not people:
            yield from _of_electrodes("", snapshot.places, *self._n_placed(snapshot.channels))
        for one in people:
            yield from _of_electrodes(f"{one.id}: ", one.places, one.n_placed, one.n_channels)


def _of_electrodes(whose: str, places: ElectrodePlaces | None, n: int, n_used: int) -> Iterator[Alarm]:
    """What is not known of somebody's electrodes. n: of the n_used in use, those with a known place."""
    n_all = n_used + (places.n_unplaced if places is not None else 0)
    if n_all and n < PLACED_SHARE * n_all:
        yield Alarm(whose + texts.FEW_PLACED.format(n=n, all=n_all), "warn")
    if places is not None and places.doubtful:
        names = shortened(", ".join(places.doubtful), MOST_NAMES)
        yield Alarm(whose + texts.DOUBTFUL_PLACES.format(n=len(places.doubtful), all=n_all, names=names), "warn")


def _worded(whose: str, role: str) -> str:
    """A role in an alarm, with whose it is."""
    return f"{whose} {texts.ALARM_ROLES[role]}".strip()


def _elsewhere(path: str, folder: str) -> str:
    """The folder that a recording goes on in; empty where that is the session's."""
    now = Path(path).parent
    return str(now) if folder and now != Path(folder) else ""


def is_silent(state: WindowState, stream: StreamStatus) -> bool:
    """Whether a stream that should deliver does not."""
    if stream.role == Modality.MARKERS:
        return stream.state in GONE
    return stream.state in SILENT or state.stream_age_s(stream) > state.limit_s


def first_window_s(state: WindowState, latest: Mapping[str, Any] | None) -> float:
    """How long it takes until a session that has begun gives its first window; 0 where that is there, or is late.
    latest: the newest prediction.
    """
    bundle, started_s = state.bundle, state.session_started_s
    if not state.in_session or bundle is None or not (math.isfinite(started_s) and math.isfinite(bundle.window_s)):
        return 0.0
    if latest is not None and latest["time_s"] > started_s:
        return 0.0
    return max(0.0, started_s + bundle.window_s + bundle.hop_s - state.now_s)


def is_placed(channel: ChannelStatus) -> bool:
    """Whether it is known where an electrode lies on the head."""
    return all(math.isfinite(v) for v in (channel.x, channel.y, channel.z))


def distrust(state: WindowState, participant: str | None = None) -> str:
    """Why the newest emotion does not hold now, in a few words; empty where it does. participant: None: the one that is
    shown.
    """
    whose, snapshot = state.shown if participant is None else participant, state.snapshot
    latest = state.results[whose].latest
    if snapshot.phase == Phase.FAILED:
        return texts.CARD_FAILED
    if snapshot.seq < 0:
        return texts.CARD_STARTING
    if not state.engine_answers:
        return texts.CARD_RESTARTING if state.restarting else texts.NO_DATA.format(age=seconds(state.told_age_s))
    if snapshot.phase == Phase.PAUSED:
        return texts.CARD_PAUSED
    if (left_s := first_window_s(state, latest)) > 0.0:
        return texts.FIRST_WINDOW.format(left=f"{math.ceil(left_s)} s")
    if latest is None:
        return texts.NOTHING_YET
    if (age_s := state.age_s(latest["time_s"])) > state.limit_s:
        return texts.NO_DATA.format(age=seconds(age_s))
    needed = state.needed_roles
    own = [s for s in state.streams_of(whose) if {(s.participant, s.role), ("", s.role)} & needed]
    lost = [stream for stream in own if is_silent(state, stream)]
    if lost and snapshot.phase != Phase.REPLAY:
        return texts.CARD_LOST.format(role=" and ".join(texts.ROLE_NAMES[s.role] for s in lost))
    if latest["abstain"] is not None:
        return texts.CARD_ABSTAINED
    return "" if latest["settled"] else texts.CARD_NOT_SETTLED
