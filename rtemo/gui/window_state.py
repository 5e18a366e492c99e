"""The window's state: the newest snapshot and the histories that the views paint. No Qt, no clock of its own.

`update` takes in a snapshot and returns what changed, so that only that is painted. Between snapshots `pass_time` goes
on with the caller's clock, so that everything has an age also when the engine has fallen silent.
"""

from __future__ import annotations

import math
from collections import deque
from enum import StrEnum
from typing import Any

import numpy as np

from rtemo.gui.disk_space import DiskWatch
from rtemo.gui.painting.ring_buffer import RingBuffer
from rtemo.gui.people.results import Results
from rtemo.gui.people.roles import asked_roles, key_of, place_of
from rtemo.live.service.client import merged
from rtemo.live.service.feed import valid_share
from rtemo.live.service.recorder_link import RecorderLook
from rtemo.live.service.snapshot import (
    BundleView,
    ChannelStatus,
    GazeBlock,
    GazeEventRecord,
    ParticipantView,
    Phase,
    RecorderView,
    Snapshot,
    StreamStatus,
    TraceBlock,
)
from rtemo.live.session.readiness import obstacle
from rtemo.sources.session_settings import SessionSettings, parse_settings

HISTORY_S = 600  # of signals that can be looked back at
EEG_ROWS = 200 * HISTORY_S  # the grid's rate
EEG_VALUES = 30_000_000  # at most, 120 MB: more channels are kept for a shorter time
TRACE_S, TRACE_HZ = 60, 1000  # of further streams; of the fastest, as they are shown
GAZE_ROWS = 1200 * HISTORY_S  # the fastest trackers
GAZE_EVENTS = 8000  # of HISTORY_S
EVENTS = 2000
STALE_S, STALE_HOPS = 2.0, 2  # what is older than the larger of these is the past, and shown so
SIGNALS = ("eeg", "gaze")
BASELINE_FACTS = ("baseline_begins", "baseline_planned")
MARKER_KINDS = ("marker", "annotation")  # events that are drawn across the plots

# EEG; gaze (x, y, pupil left, pupil right); what the eyes did
Signals = tuple[RingBuffer, RingBuffer, deque[GazeEventRecord]]


class SnapshotPart(StrEnum):
    """Parts of a snapshot that can change."""

    STATE = "state"  # time, phase, subject, recording, progress, health
    STREAMS = "streams"
    CHANNELS = "channels"
    EEG = "eeg"
    GAZE = "gaze"
    GAZE_EVENTS = "gaze events"
    TRACES = "traces"
    PREDICTIONS = "predictions"
    EVENTS = "events"
    BUNDLE = "bundle"
    EXPLANATION = "explanation"
    SETTINGS = "settings"


class WindowState:
    """The data behind the views of one window."""

    def __init__(self) -> None:
        self.snapshot = Snapshot(seq=-1, time_s=math.nan, phase=Phase.IDLE)
        self.eeg, self.gaze, self.gaze_events = self._no_signals()
        self._kept: dict[str, Signals] = {}  # of participants who were shown before
        self.traces: dict[str, RingBuffer] = {}  # the further streams, by stream_id
        self.events: deque[dict[str, Any]] = deque(maxlen=EVENTS)
        self.marks: deque[dict[str, Any]] = deque(maxlen=EVENTS)  # the markers and annotations among them
        self.results: dict[str, Results] = {"": Results()}  # by participant; "" where nobody is told apart
        self.people: tuple[ParticipantView, ...] = ()  # who are told apart
        self._shown = ""
        self.failure = ""  # the newest since this window was opened
        self.n_failures = 0
        self.disk = DiskWatch()
        self.settings = SessionSettings()  # the session's settings, as the engine has them
        self.root = ""  # the folder that sessions are written to
        self.participant = ""  # that is typed in for the next session
        self.restarting = False  # whether the engine is being started again
        self.recorder: RecorderLook | None = None  # None: nobody asks it, and the engine's word is taken
        self._early: Snapshot | None = None  # of an engine that is still taking up the session
        self._wall_s = math.nan
        self._clock_s = self._told_s = 0.0  # now, and when the newest snapshot came, by the caller's clock

    def update(self, new: Snapshot, wall_s: float = math.nan) -> set[SnapshotPart]:
        """Take in a snapshot; return the parts that changed. wall_s: the time of day now, Unix time.

        One of an engine that is still taking up the session that is recorded is kept until it has: until then the
        session is what it was, and grows old.
        """
        new = merged(self._early, new) if self._early is not None else new
        self._early = new if self._is_taking_up(new) else None
        if self._early is not None:
            return set()
        old, self.snapshot = self.snapshot, new
        self._told_s, self._wall_s = self._clock_s, wall_s
        changed = {SnapshotPart.STATE}
        for part, name in (
            (SnapshotPart.STREAMS, "streams"),
            (SnapshotPart.CHANNELS, "channels"),
            (SnapshotPart.BUNDLE, "bundle"),
        ):
            if getattr(old, name) != getattr(new, name):
                changed.add(part)
        if old.explanation != new.explanation:
            changed.add(SnapshotPart.EXPLANATION)
        if new.settings and new.settings != old.settings:
            self.settings = parse_settings(new.settings)
            changed.add(SnapshotPart.SETTINGS)
        self.disk.update(self.recording, new.time_s)
        changed |= self._take_people(new)
        if _history_restarted(old, new) and not self._goes_on(old, new):
            self._clear()
            changed |= {
                SnapshotPart.EEG,
                SnapshotPart.GAZE,
                SnapshotPart.GAZE_EVENTS,
                SnapshotPart.TRACES,
                SnapshotPart.PREDICTIONS,
                SnapshotPart.EVENTS,
            }
        if new.phase not in (Phase.RUNNING, Phase.PAUSED):
            for own in self.results.values():
                own.end_session()
        changed |= self._take_signals(new) | self._take_results(new)
        if old.seq >= 0:
            self._take_failures(new)
        return changed

    # Of the participant that is shown.

    @property
    def shown(self) -> str:
        """The participant whose signals and results are shown, of several; "" where nobody is told apart."""
        return self._shown if self._shown in self.results else next(iter(self.results))

    @property
    def labels(self) -> tuple[str, ...]:
        return self.results[self.shown].labels

    @property
    def probabilities(self) -> RingBuffer:
        return self.results[self.shown].probabilities

    @property
    def latest(self) -> dict[str, Any] | None:
        return self.results[self.shown].latest

    @property
    def several(self) -> tuple[ParticipantView, ...]:
        """The participants, where several are told apart."""
        return self.people if len(self.people) > 1 else ()

    @property
    def has_baseline(self) -> bool:
        """Whether everybody has a baseline in this session, or records it."""
        return all(own.has_baseline for own in self.results.values())

    def streams_of(self, participant: str) -> list[StreamStatus]:
        """The streams in use that are this participant's, and what is for all."""
        return [stream for stream in self.streams_in_use if stream.participant in ("", participant)]

    @property
    def time_s(self) -> float:
        """Right edge of the plots: now, or a sample that is newer still."""
        if self.snapshot.phase == Phase.REPLAY:
            return self.snapshot.time_s
        newest = [s for s in (self.eeg.newest_s, self.gaze.newest_s) if math.isfinite(s)]
        return max([*newest, self.now_s])

    # Ages.

    def pass_time(self, clock_s: float) -> None:
        """Go on with the caller's clock; seconds that only grow."""
        self._clock_s = clock_s

    @property
    def told_age_s(self) -> float:
        """Age of the engine's newest state; infinite before there is one."""
        return self._clock_s - self._told_s if self.snapshot.seq >= 0 else math.inf

    @property
    def engine_answers(self) -> bool:
        return self.told_age_s <= STALE_S

    @property
    def now_s(self) -> float:
        """Now, in LSL time; in a replay the position of the play head."""
        if self.snapshot.phase == Phase.REPLAY:
            return self.snapshot.time_s
        return self.snapshot.time_s + self._clock_s - self._told_s

    def wall_s(self, time_s: float) -> float:
        """The time of day of a time, Unix time; NaN in a replay, and before there is a state of the engine."""
        if self.snapshot.phase == Phase.REPLAY:
            return math.nan
        return self._wall_s - (self.snapshot.time_s - time_s)

    def since_start_s(self, time_s: float) -> float:
        """Seconds since the start of the session or recording; NaN outside."""
        replay = self.snapshot.replay
        return time_s - (replay.first_s if replay is not None else self.session_started_s)

    @property
    def limit_s(self) -> float:
        """The age from which something is the past: the larger of 2 s and two hops."""
        return max(STALE_S, STALE_HOPS * self.bundle.hop_s) if self.bundle is not None else STALE_S

    def age_s(self, time_s: float) -> float:
        """How long ago a time is; infinite for NaN."""
        return self.now_s - time_s if math.isfinite(time_s) else math.inf

    def is_past(self, time_s: float) -> bool:
        """Whether what is from that time must not be shown as the present."""
        return self.age_s(time_s) > self.limit_s

    def stream_age_s(self, stream: StreamStatus) -> float:
        """The age of a stream's newest sample now; NaN where it is not known."""
        age_s = stream.age_s + self.now_s - self.snapshot.time_s
        return max(age_s, self.now_s - self.recorder_heard_s) if self.recorder_gone else age_s

    @property
    def streams_known(self) -> bool:
        """Whether the state of the streams is the present: the recorder reads them, the engine shows them."""
        return self.engine_answers and not self.recorder_gone

    def n_missing(self, stream: StreamStatus) -> int:
        """Samples that are missing up to now: while a stream is silent, those that it should have sent count too."""
        late_s = self.stream_age_s(stream)
        if not stream.role or not late_s > self.limit_s or not math.isfinite(stream.nominal_hz):
            return stream.n_missing
        return stream.n_missing + math.floor(late_s * stream.nominal_hz)

    # The recording.

    def look(self, recorder: RecorderLook | None, *, restarting: bool) -> None:
        """Take in what the recorder answered last, and whether the engine is being started again."""
        self.recorder, self.restarting = recorder, restarting or self._early is not None

    @property
    def recorder_heard_s(self) -> float:
        """When the recorder answered last, on the clock of now_s."""
        assert self.recorder is not None
        return self.now_s - (self._clock_s - self.recorder.answered_s)

    @property
    def recorder_gone(self) -> bool:
        """Whether the recorder answered once, and does not any more."""
        known = self.recorder is not None and math.isfinite(self.recorder.answered_s)
        return known and self._clock_s - self.recorder.answered_s > STALE_S  # type: ignore[union-attr]

    @property
    def recording(self) -> RecorderView | None:
        """What is recorded now, by the recorder's own word; None where nothing is, or nobody can know it."""
        if self.recorder is not None and math.isfinite(self.recorder.answered_s):
            return None if self.recorder_gone else self.recorder.recording
        return self.snapshot.recorder if self.engine_answers else None

    @property
    def session_started_s(self) -> float:
        started_s = self.snapshot.started_s
        return self.recorder.started_s if math.isnan(started_s) and self.recorder is not None else started_s

    @property
    def session_folder(self) -> str:
        """The folder of the session; empty where it has none."""
        return self.snapshot.folder or (self.recorder.folder if self.recorder is not None else "")

    @property
    def subject(self) -> str:
        """The participant of the session."""
        return self.snapshot.subject or (self.recorder.subject if self.recorder is not None else "")

    @property
    def needed_roles(self) -> set[tuple[str, str]]:
        """What a session cannot do without, as participant and role: what is required, or all signals in use; of
        several participants, the streams that are named for each.
        """
        required = {role.value for role in self.settings.required}
        named = {(one.id, part.value) for one in self.settings.participants for part in one.queries}
        used = {(stream.participant, stream.role) for stream in self.streams_in_use if stream.role in SIGNALS}
        if not required:
            return named | used
        own = {(whose, role) for whose, role in named if role in required}
        return own | {("", role) for role in required if not named or role not in SIGNALS}

    @property
    def replay_position_s(self) -> float:
        """The replay's position in seconds from the recording's start; 0 without one."""
        return self.snapshot.time_s - self.snapshot.replay.first_s if self.snapshot.replay is not None else 0.0

    @property
    def bundle(self) -> BundleView | None:
        return self.snapshot.bundle

    @property
    def streams_in_use(self) -> list[StreamStatus]:
        return sorted((stream for stream in self.snapshot.streams if stream.role), key=place_of)

    @property
    def bad_channels(self) -> list[ChannelStatus]:
        return [channel for channel in self.snapshot.channels if channel.fault or channel.excluded]

    def start_obstacle(self) -> str:
        """Why a session cannot start now: the streams' names, or a phase; empty where it can."""
        if self.snapshot.phase not in (Phase.IDLE, Phase.PREVIEW):
            return str(self.snapshot.phase.value)
        if not self.engine_answers:
            return "the engine does not answer" if self.snapshot.seq >= 0 else "the engine is starting"
        return obstacle(self.snapshot.streams, self.settings.required, self.settings.participants)

    @property
    def in_session(self) -> bool:
        """Whether there is a session; while no engine answers, by the recorder's word."""
        if not self.engine_answers and self.recorder is not None and math.isfinite(self.recorder.answered_s):
            return self.recorder.recording is not None
        return self.snapshot.phase in (Phase.RUNNING, Phase.PAUSED)

    @property
    def awaited(self) -> list[tuple[str, str]]:
        """The roles whose chosen stream is not there: the role's key, and the query for the stream."""
        present = {key_of(stream) for stream in self.snapshot.streams}
        return [(key, query) for key, query in asked_roles(self.settings).items() if key not in present]

    def gaze_validity(self, span_s: float = 10.0) -> float:
        """Share of the gaze of the last seconds up to now that is valid; what did not come is not. NaN without any."""
        if not len(self.gaze) or self.is_past(self.gaze.newest_s):
            return math.nan
        now_s = max(self.now_s, self.gaze.newest_s)
        times, rows = self.gaze.after(now_s - span_s)
        return valid_share(times, rows[:, :2], now_s - span_s, self.gaze.oldest_s)

    def history(self, after_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Times (n,), instantaneous (n, K), smoothed (n, K), abstaining (n,) bool, later than a time."""
        return self.results[self.shown].history(after_s)

    def _is_taking_up(self, new: Snapshot) -> bool:
        """Whether an engine has told nothing yet while a session is recorded, which it is about to take up."""
        told = bool(new.settings) or new.phase is not Phase.IDLE
        return not told and not self.recorder_gone and self.recorder is not None and self.recorder.recording is not None

    def _goes_on(self, old: Snapshot, new: Snapshot) -> bool:
        """Whether another engine takes up the session that the window has shown."""
        recorded = self.recorder.folder if self.recorder is not None and self.recorder.recording is not None else ""
        return new.seq < old.seq and bool(old.folder) and old.folder in (new.folder, recorded)

    def _clear(self) -> None:
        self._clear_signals()
        self.traces.clear()
        self.events.clear()
        self.marks.clear()
        for own in self.results.values():
            own.clear()

    def _clear_signals(self) -> None:
        self.eeg.clear()
        self.gaze.clear()
        self.gaze_events.clear()
        self._kept.clear()

    @staticmethod
    def _no_signals() -> Signals:
        return RingBuffer(1, 0), RingBuffer(GAZE_ROWS, 4), deque(maxlen=GAZE_EVENTS)

    def _take_signals(self, new: Snapshot) -> set[SnapshotPart]:
        changed = set()
        if new.eeg is not None and len(new.eeg.times):
            if new.eeg.microvolts.shape[1] != self.eeg.n_columns:
                n = new.eeg.microvolts.shape[1]
                self.eeg = RingBuffer(min(EEG_ROWS, EEG_VALUES // n), n)
            self.eeg.push_new(new.eeg.times, new.eeg.microvolts)
            changed.add(SnapshotPart.EEG)
        if new.gaze is not None and len(new.gaze.times):
            self.gaze.push_new(new.gaze.times, _gaze_rows(new.gaze))
            changed.add(SnapshotPart.GAZE)
        if new.gaze_events:
            again = bool(self.gaze_events) and new.gaze_events[0].end_s <= self.gaze_events[-1].end_s
            known = set(self.gaze_events) if again else ()
            self.gaze_events.extend(event for event in new.gaze_events if event not in known)
            changed.add(SnapshotPart.GAZE_EVENTS)
        for block in new.traces:
            self._take_trace(block)
            changed.add(SnapshotPart.TRACES)
        return changed

    def _take_trace(self, block: TraceBlock) -> None:
        kept, width = self.traces.get(block.stream_id), block.values.shape[1]
        if kept is None or kept.n_columns != width:
            kept = self.traces[block.stream_id] = RingBuffer(TRACE_S * TRACE_HZ, width)
        kept.push_new(block.times, block.values)

    def _take_results(self, new: Snapshot) -> set[SnapshotPart]:
        changed = set()
        for record in new.predictions:
            self._results_of(record.get("participant")).take(record)
            changed.add(SnapshotPart.PREDICTIONS)
        if new.events:
            for event in new.events:
                if (fact := (event.get("details") or {}).get("fact")) in BASELINE_FACTS:
                    self._results_of(event.get("participant")).plan_baseline(begins=fact == BASELINE_FACTS[0])
            taken = [self._dated(event, new) for event in new.events]
            self.events.extend(taken)
            self.marks.extend(event for event in taken if str(event.get("kind")) in MARKER_KINDS)
            changed.add(SnapshotPart.EVENTS)
        self.results[next(iter(self.results))].judge_baseline(new.progress if not self.several else None)
        for one in self.several:
            self.results[one.id].judge_baseline(one.progress)
        return changed

    def _dated(self, event: dict[str, Any], new: Snapshot) -> dict[str, Any]:
        """An event with its time of day and since the start, which stay as they were when it came.

        wall_s: Unix time, NaN in a replay. since_s: seconds since the start of the session or recording, NaN outside.
        """
        replay = new.replay
        wall_s = math.nan if replay is not None else self._wall_s - (new.time_s - event["time_s"])
        since_s = event["time_s"] - (replay.first_s if replay is not None else new.started_s)
        return {**event, "wall_s": wall_s, "since_s": since_s if replay is not None or since_s > -1.0 else math.nan}

    def _take_failures(self, new: Snapshot) -> None:
        for event in new.events:
            if event.get("kind") == "failure":
                self.failure = str(event["text"])
                self.n_failures += 1

    def _take_people(self, new: Snapshot) -> set[SnapshotPart]:
        """Take in who takes part and who is shown; an engine that has not told anything yet changes nobody."""
        if not (new.participants or new.settings):
            return set()
        self.people = new.participants
        self.results = {whose: self.results.get(whose) or Results() for whose in _ids(new)}
        if new.participant == self._shown:
            return set()
        self._kept[self._shown] = (self.eeg, self.gaze, self.gaze_events)
        self._shown = new.participant
        kept = self._kept.pop(self._shown, None)
        self._kept = {whose: signals for whose, signals in self._kept.items() if whose in self.results}
        self.eeg, self.gaze, self.gaze_events = kept if kept is not None else self._no_signals()
        return set(SnapshotPart)

    def _results_of(self, participant: str | None) -> Results:
        """Of one of several participants; in a replay, which shows one at a time, of that one."""
        return self.results.get(participant or "") or next(iter(self.results.values()))


def _ids(snapshot: Snapshot) -> tuple[str, ...]:
    return tuple(one.id for one in snapshot.participants) or ("",)


def _gaze_rows(block: GazeBlock) -> np.ndarray:
    return np.concatenate([block.xy, block.pupils_mm], axis=1)


def _history_restarted(old: Snapshot, new: Snapshot) -> bool:
    """Whether a recording was opened, closed or sought in, or another engine answers."""
    return old.seq >= 0 and (old.era != new.era or new.seq < old.seq)
