"""The engine: takes items from a source and gives predictions to its outputs, live and in replay.

One thread runs it and owns the pipeline, the model and the decoder, without locks. It reads a clock in live sessions
only: for the age of a prediction, and how long to run. Everything that happens is an event.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rtemo.core.auxiliary.columns import AuxiliaryReader
from rtemo.core.errors import RtemoError
from rtemo.core.timing.clock_correction import ClockModel
from rtemo.core.types import (
    Chunk,
    ClockOffset,
    Item,
    Modality,
    StreamDown,
    StreamInfo,
    StreamNotice,
    StreamState,
    StreamUp,
)
from rtemo.live.engine.auxiliary_streams import AuxiliaryStreams
from rtemo.live.engine.batching import LEAD_S, SPAN_S, Beginnings, ChunkBatch, join
from rtemo.live.engine.model_pace import LivePace, PaceChange
from rtemo.live.engine.run_together import LiveOptions, run_together
from rtemo.live.output.prediction_files import PredictionSink
from rtemo.model.personal.session_notes import StreamReturned, WindowsSkipped
from rtemo.model.prediction import Prediction
from rtemo.model.predictor import Predictor
from rtemo.recordings.events import BACK, FOUND, REPLACES, Event, EventKind, EventLog, is_of_the_file
from rtemo.recordings.markers import marker_text
from rtemo.recordings.session_facts import note_details
from rtemo.recordings.session_stream import EXPLANATION, event_of_sample
from rtemo.sources.base import Source
from rtemo.sources.participants import OWN_ROLES
from rtemo.sources.stream_roles import StreamRoles

BEFORE_ALL_S = -1.0  # no sample has so early a time


def taken_of(item: Item) -> tuple[str, int] | None:
    """Under which name an item counts as taken, and how often: each stream's samples, clock offsets and notices.

    An engine that goes on from a saved state leaves out as many of each. None: it is no part of what is counted.
    """
    match item:
        case Chunk():
            return item.stream_id, len(item)
        case ClockOffset():
            return f"{item.stream_id} clock", 1
        case StreamNotice():
            return f"{item.stream_id} notices", 1
        case _:
            return None


class Engine:
    """Runs one session. `run` blocks; everything else may be read from other threads."""

    def __init__(
        self,
        source: Source,
        roles: StreamRoles,
        predictor: Predictor,
        events: EventLog,
        outputs: Sequence[PredictionSink] = (),
        live: LiveOptions | None = None,
        session_streams: Sequence[str] = (),
        participant: str = "",
    ) -> None:
        """live: None in replay.

        session_streams: the streams of a recording that hold its own session's events. participant: whose engine it is,
        of several in one session: in its predictions, and in its events but for those that are about all.
        """
        self.participant = participant
        self._source, self._roles_of_streams, self._predictor = source, roles, predictor
        self._session_streams = frozenset(session_streams)
        self._events, self._outputs, self._live = events, outputs, live
        self._batch = ChunkBatch(live.span_s if live is not None else SPAN_S)
        self._pace: LivePace | None = None  # None in replay, and until the first samples
        self._rebuilding = False
        self._awaited: dict[str, float] | None = None  # see _ends_s; None: to be asked for again
        self._infos: dict[str, StreamInfo] = {}
        self._beginnings = Beginnings()
        self._roles: dict[str, Modality] = {}
        self._marker_clocks: dict[str, ClockModel] = {}
        self._auxiliary = AuxiliaryStreams()
        self._noted: set[tuple[str, str]] = set()  # stream, note
        self._lost_at: dict[Modality, tuple[float, int]] = {}  # where streams are lost: see Pipeline.reached
        self._now_s = 0.0  # the newest LSL time seen, for events in replay
        self.n_predictions = 0
        self.abstained: Counter[str] = Counter()  # reasons
        self.taken: Counter[str] = Counter()  # see taken_of
        self.latest: Prediction | None = None
        self.arrived_s = math.nan  # when the last sample of the window that is published came, LSL time; NaN: forced

    @property
    def live(self) -> LiveOptions | None:
        """None in replay."""
        return self._live

    @property
    def roles(self) -> dict[Modality, StreamInfo]:
        """The streams in use."""
        return {role: self._infos[stream] for stream, role in self._roles.items()}

    @property
    def auxiliary(self) -> dict[str, AuxiliaryReader]:
        """What reads the streams' sample counters, triggers and impedances, by stream_id."""
        return self._auxiliary.readers

    def add_outputs(self, outputs: Sequence[PredictionSink]) -> None:
        """Give the predictions to these too, from the next one on."""
        self._outputs = (*self._outputs, *outputs)

    def run(self, streams: Sequence[StreamInfo], stop: threading.Event) -> None:
        """Until the source is exhausted, the time is over, or `stop` is set; see run_together."""
        run_together([self], lambda items: [items], self._source, streams, stop)

    def announce(self, items: Sequence[Item]) -> None:
        """Take the streams that the source began with."""
        for item in items:
            self._take(item)

    def step(self, items: Sequence[Item]) -> None:
        """Take items that were read from the source. For whoever reads it himself instead of calling `run`."""
        if self._live is None:
            for item in self._joined(items):
                self._take(item)
            return
        self._batch.add(items)
        due = self._batch.due(self._ends_s())
        for item in due:
            self._take(item)
        if due:
            self._force(self._live.max_wait_s)
            self._awaited = None

    @property
    def pause_s(self) -> float:
        """For how long nothing needs to be read: what comes meanwhile completes no window, and is taken at once."""
        ends_s = self._ends_s()
        if self._live is None or not (self._live.pauses and ends_s):
            return 0.0
        near_s = min(ends_s.values()) - LEAD_S - self._live.clock()
        return min(max(near_s, 0.0), self._batch.span_s)

    def rebuild(self, items: Iterable[Sequence[Item]], events: EventLog) -> None:
        """Take what another engine took before this one, so that this one goes on as that would have. Nothing is given
        out; events: takes what happened then.
        """
        outputs, log = self._outputs, self._events
        self._outputs, self._events, self._rebuilding = (), events, True
        try:
            for some in items:
                for item in self._joined(some):
                    self._take(item)
        finally:
            self._outputs, self._events, self._rebuilding = outputs, log, False
        self.n_predictions = 0
        self.abstained.clear()

    def state(self) -> dict[str, Any]:
        """What it knows of the streams, for an engine that goes on from here; see restore."""
        return {
            "infos": self._infos,
            "roles": self._roles,
            "clocks": self._marker_clocks,
            "auxiliary": self._auxiliary.state(),
            "noted": self._noted,
            "now_s": self._now_s,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of another engine, whose predictor's state ours has.

        Streams that were lost then are awaited again: what is rebuilt from here on does not say when they came back.
        For those that are still gone StreamDown follows.
        """
        self._infos, self._roles = dict(state["infos"]), dict(state["roles"])
        self._marker_clocks, self._noted = dict(state["clocks"]), set(state["noted"])
        self._auxiliary.restore(state["auxiliary"])
        self._now_s = state["now_s"]
        for role in self._roles.values():
            self._predictor.pipeline.expect(role, expected=True)

    def use(self, predictor: Predictor) -> None:
        """Work with another predictor. Nothing has been taken yet."""
        self._predictor = predictor

    def use_all(self) -> None:
        """Take what waits to be used."""
        self._awaited = None
        for item in self._batch.take():
            self._take(item)

    @property
    def known(self) -> tuple[StreamInfo, ...]:
        """The streams that were announced to it, the lost and the replaced ones among them."""
        return tuple(self._infos.values())

    @property
    def used(self) -> tuple[str, ...]:
        """The streams that it uses, lost ones among them, by stream_id."""
        return tuple(self._roles)

    @property
    def started(self) -> bool:
        """Whether a stream was announced to it."""
        return bool(self._infos)

    def finish(self) -> None:
        """The last windows, without looking at the source. Nothing may be stepped afterwards."""
        self.use_all()
        self._flush()

    def end_with(self, rest: Sequence[Item]) -> None:
        """Take over what the source still held when it was stopped, then the last windows."""
        for item in self._joined([*self._batch.take(), *rest]):
            self._take(item)
        self._flush()

    def settle(self) -> None:
        """Give out the predictions that are still under way; see Predictor.work_ahead."""
        self._publish(self._predictor.settle())

    def _joined(self, items: Sequence[Item]) -> list[Item]:
        return join(items, self._marker_clocks, beginnings=self._beginnings)

    def _ends_s(self) -> dict[str, float]:
        """The stamp, LSL time, that completes the next window, by stream."""
        if self._awaited is None:
            pipeline = self._predictor.pipeline
            ends = {stream: pipeline.awaited_s(role) for stream, role in self._roles.items()}
            self._awaited = {stream: end_s for stream, end_s in ends.items() if end_s is not None}
        return self._awaited

    def _flush(self) -> None:
        """The last windows, and what is only known once nothing more comes."""
        self._publish(self._predictor.flush())
        for stream_id, event in self._auxiliary.flush():
            self._state_auxiliary(stream_id, event)
        self._report_notes()

    def _force(self, max_wait_s: float) -> None:
        """Do not wait longer for a stream that lags behind the leading one."""
        newest = self._predictor.pipeline.newest
        if newest is not None:
            reached_s = self._predictor.pipeline.grid.seconds(newest) - max_wait_s
            if self._live is not None:  # no window ends in the future, whatever the stamps are
                reached_s = min(reached_s, self._live.clock())
            self._begin_windows(math.nan)
            self._publish(self._predictor.force(reached_s))

    def _take(self, item: Item) -> None:
        if (counted := taken_of(item)) is not None:
            self.taken[counted[0]] += counted[1]
        match item:
            case StreamUp():
                self._stream_up(item)
            case StreamDown():
                self._stream_down(item)
            case StreamNotice():
                self._notice(item)
            case Chunk() if item.stream_id in self._session_streams:
                self._recorded_events(item)
            case Chunk() if item.stream_id in self._marker_clocks:
                self._markers(item)
            case ClockOffset() if item.stream_id in self._marker_clocks:
                self._marker_clocks[item.stream_id].add(item)
            case ClockOffset():
                self._auxiliary.note(item)
                self._samples(item)
            case Chunk():
                for part in self._auxiliary.parts(item):
                    if isinstance(part, Chunk):
                        self._samples(part)
                    else:
                        self._state_auxiliary(item.stream_id, part)

    def _state_auxiliary(self, stream_id: str, event: Event) -> None:
        """State what an auxiliary column shows: of a participant's own stream it is that one's."""
        own = self._roles_of_streams.role_of(self._infos[stream_id]) in OWN_ROLES
        self._events.add(replace(event, participant=self.participant) if own else event)

    def _samples(self, item: Chunk | ClockOffset) -> None:
        arrived_s = item.arrived_s if isinstance(item, Chunk) else math.nan
        self._begin_windows(arrived_s)
        self._publish(self._predictor.push(item), arrived_s)
        self._report_notes()

    def _begin_windows(self, arrived_s: float) -> None:
        """Measure what windows take from here on, live: where that is longer than the hop, windows are skipped."""
        if self._live is None or self._rebuilding:
            return
        if self._pace is None:
            self._pace = LivePace(
                self._predictor, self._live.clock, self._live.stopwatch, self._state_pace, self._live.engines
            )
        self._pace.begins(arrived_s)

    def _state_pace(self, change: PaceChange, note: WindowsSkipped) -> None:
        """State which windows are skipped from now on, for people and for the replay."""
        kind = EventKind.FAILURE if change.goes_on else EventKind.NOTE
        self._event(kind, change.text, **note_details(note))

    def _stream_up(self, item: StreamUp) -> None:
        """Find out what the stream is for; a stream that came back unchanged just goes on."""
        info = item.info
        before = self._infos.get(info.stream_id)
        replaced = self._infos.get(item.replaces)
        if replaced is not None:
            self._roles_of_streams.succeed(replaced, info)
        self._infos[info.stream_id] = info
        role = self._roles_of_streams.role_of(info)
        text = FOUND if before is None and replaced is None else BACK
        known_by = {"type": info.type, "source_id": info.source_id, "hostname": info.hostname}
        if replaced is not None:
            known_by[REPLACES] = replaced.name
        part = role.value if role else "none"
        returned = self._returned(role, replaced is not None) if role is not None else None
        stated = note_details(returned) if returned is not None else {"role": part}
        self._event(EventKind.STREAM_UP, f"{text}: {info.brief()}", info, **stated, **known_by)
        if role == Modality.MARKERS or info.stream_id in self._session_streams:
            self._marker_clocks.setdefault(info.stream_id, ClockModel())
        elif role is not None:
            unchanged = before is not None and before.channels == info.channels and info.stream_id in self._roles
            goes_on = before is not None or replaced is not None
            if unchanged or self._use(info, role, goes_on=goes_on):
                self._publish(self._predictor.expect(role, expected=True))
        elif before is None or before.channels != info.channels:
            self._auxiliary.add(info, self._roles_of_streams)

    def _returned(self, role: Modality, replaced: bool) -> StreamReturned | None:  # noqa: FBT001
        """What is stated where a stream is back that no window waited for, or another takes its place, so that a replay
        does not use more of it.
        """
        pipeline = self._predictor.pipeline
        lost_at, reached, until_s = self._lost_at.pop(role, None), pipeline.reached(role), pipeline.given_until_s(role)
        if self._live is None or self._rebuilding or until_s == -math.inf:
            return None
        if not replaced and (lost_at != reached or until_s <= reached[0]):
            return None
        note = StreamReturned(role.value, max(reached[0], BEFORE_ALL_S), until_s, reached[1])
        self._predictor.note(note, self._live.clock())
        return note

    def _use(self, info: StreamInfo, role: Modality, *, goes_on: bool) -> bool:
        """Build the stream's layout and give it to the pipeline. A misfit in a running session is an event, and the
        stream is not used. goes_on: it takes the place of another one, or of itself.
        """
        try:
            layout = self._roles_of_streams.layout(info, role)
        except RtemoError as error:
            patient = self._live is not None and (self._live.patient or bool(self._roles))
            if not (patient or goes_on):
                raise
            self._event(EventKind.FAILURE, str(error), info)
            self._roles.pop(info.stream_id, None)
            self._publish(self._predictor.drop(info.stream_id))
            return False
        self._roles = {stream: r for stream, r in self._roles.items() if r != role}
        self._roles[info.stream_id] = role
        self._predictor.pipeline.add_stream(info, layout)
        self._auxiliary.add(info, self._roles_of_streams)
        for note in layout.notes:
            self._event(EventKind.NOTE, note, info)
        if role is Modality.GAZE and self._predictor.eye_unused:
            self._event(EventKind.NOTE, self._predictor.eye_unused, info)
        for label, reason in layout.left_out.items():
            self._event(EventKind.NOTE, f"channel {label} left out: {reason}", info)
        return True

    def _stream_down(self, item: StreamDown) -> None:
        about = self._infos.get(item.stream_id, item.stream_id)
        text = f"{item.state.value}: {item.reason}" if item.reason else item.state.value
        self._event(EventKind.STREAM_DOWN, text, about, state=item.state.value)
        role = self._roles.get(item.stream_id)
        if role is not None and item.state in (StreamState.LOST, StreamState.FAILED):
            self._lost_at[role] = self._predictor.pipeline.reached(role)
            self._publish(self._predictor.expect(role, expected=False))

    def _notice(self, item: StreamNotice) -> None:
        """What arrival or the network shows about a stream. Windows go on without times that cannot be believed."""
        about = self._infos.get(item.stream_id, item.stream_id)
        details = {} if item.trusted is None else {"trusted": str(item.trusted).lower()}
        kind = EventKind.LOSS if item.trusted is False else EventKind.NOTE
        self._event(kind, item.text, about, **details)
        self._publish(self._predictor.push(item))

    def _markers(self, chunk: Chunk) -> None:
        times = self._marker_clocks[chunk.stream_id].to_lsl(chunk.stamps)
        info = self._infos[chunk.stream_id]
        for time_s, row in zip(times, chunk.values, strict=True):
            text = marker_text(row, info.channel_format)
            if text and np.isfinite(time_s) and not text.startswith(EXPLANATION):
                self._events.add(Event(float(time_s), EventKind.MARKER, text, info.name))

    def _recorded_events(self, chunk: Chunk) -> None:
        """Events of the session that was recorded, but for those that reading its file makes events of this run."""
        for time_s, sample in zip(self._marker_clocks[chunk.stream_id].to_lsl(chunk.stamps), chunk.values, strict=True):
            event = event_of_sample(float(time_s), [str(text) for text in sample])
            known = event is not None and np.isfinite(time_s) and not is_of_the_file(event)
            if event is not None and known and event.concerns(self.participant):
                self._events.add(event)

    def _publish(self, predictions: Sequence[Prediction], arrived_s: float = math.nan) -> None:
        self.arrived_s = arrived_s
        for made in predictions:
            prediction = made
            if self._live is not None:
                prediction = replace(made, latency_ms=1e3 * (self._live.clock() - made.time_s))
            if self.participant:
                prediction = replace(prediction, participant=self.participant)
            for output in self._outputs:
                output.put(prediction)
            self._now_s = prediction.time_s
            self.latest = prediction
            self.n_predictions += 1
            if prediction.abstain is not None:
                self.abstained[prediction.abstain] += 1

    def _report_notes(self) -> None:
        """Tell once what the pipeline found out about a stream while reading it."""
        for stream, role in self._roles.items():
            for note in self._predictor.pipeline.notes(role):
                if (stream, note) not in self._noted:
                    self._noted.add((stream, note))
                    self._event(EventKind.NOTE, note, self._infos[stream])

    def _event(self, kind: EventKind, text: str, about: StreamInfo | str = "", **details: Any) -> None:
        """about: a stream, or its name where no more of it is known."""
        self.settle()  # the time of an event of a replay is that of the newest prediction
        time_s = self._live.clock() if self._live is not None else self._now_s
        stream = about if isinstance(about, str) else about.name
        own = isinstance(about, str) or self._roles_of_streams.role_of(about) in OWN_ROLES
        whose = self.participant if own else ""
        self._events.add(Event(time_s, kind, text, stream, dict(details), participant=whose))
