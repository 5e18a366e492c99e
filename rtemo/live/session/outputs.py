"""What a session writes and publishes: folder, recording, predictions, events, explanations and the outlets.

Opened together and closed together, with or without a folder: `rtemo live`, the window and `rtemo bench` all use it.
Each output but the recording is behind a queue of its own, and what befalls an output or the recording is an event.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.types import ClockOffset, Item, StreamInfo, StreamUp
from rtemo.live.output.line_file import LineFile
from rtemo.live.output.outlet import EventOutlet, OutletIdentity, PredictionOutlet
from rtemo.live.output.output_queue import OutputQueue, OutputState, OutputStatus, QueuedSink, close_all
from rtemo.live.output.prediction_files import PredictionSink, open_output
from rtemo.live.output.receivers import Receivers
from rtemo.live.script.beside_process import BesideProcess
from rtemo.live.script.script_outlets import ScriptOutlets
from rtemo.live.script.script_process import ScriptPlace, screen_process, script_process
from rtemo.live.service.snapshot import OutputView, Phase, RecorderView, recorder_view
from rtemo.live.session.take_up import SessionAbout, TakenUpSession
from rtemo.model.bundle import Bundle
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.response_lag import lag_s
from rtemo.recorder.recorder import RecorderState, RecorderStatus
from rtemo.recorder.recording_source import RecordedSource, RecordingRequest
from rtemo.recordings.baseline_file import save_baseline
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.calibrations import save_beside
from rtemo.recordings.events import Event, EventKind, EventLog, Listener
from rtemo.recordings.session_facts import planned_event, session_event
from rtemo.recordings.session_folder import BASELINE, SessionFolder, beside, model_record
from rtemo.sources.lsl.config import own_session
from rtemo.sources.output_settings import OutputSettings
from rtemo.sources.recording_places import free_bytes
from rtemo.sources.session_settings import SessionSettings, settings_text
from rtemo.sources.study_settings import session_name

T = TypeVar("T")

KEPT_EVENTS = 1000  # in memory; all are in the file of events and in the recording
SCREEN_VIDEO = "screen.mkv"
LOOK_S = 0.25  # how often the recorder's state is looked at


@dataclass(frozen=True, slots=True)
class OutputsRequest:
    """What a session is to write, and where.

    root: where a session folder is made; None for no folder. record: a recording elsewhere, instead of the folder's.
    sinks: further outputs of predictions; they are closed with the session, and called by their attribute `name` where
    they have one. publish: on the network too. asked: what else was asked for, for the folder's settings file. streams:
    those that the session begins with, by role. nobody_reads: called where there was nothing but the sinks, and whoever
    read them has gone. receivers: on the network; they are not closed with the session. file: with root, the recording
    of a session whose files are to lie beside it instead of in a folder of their own.
    """

    settings: SessionSettings
    root: Path | None = None
    record: Path | None = None
    sinks: Sequence[PredictionSink] = ()
    publish: bool = True
    asked: Mapping[str, Any] = field(default_factory=dict)
    streams: Mapping[str, StreamInfo] = field(default_factory=dict)
    nobody_reads: Callable[[], object] | None = None
    receivers: Receivers | None = None
    file: Path | None = None


class SessionOutputs:
    """The outputs of one session. `keep` records an item, `note` adds an event, `sinks` take the predictions."""

    def __init__(
        self,
        request: OutputsRequest,
        bundle: Bundle,
        hop_s: float,
        clock: Callable[[], float],
        source: RecordedSource,
        listeners: Sequence[Listener] = (),
        taken_up: TakenUpSession | None = None,
    ) -> None:
        """clock: now, in LSL time. source: has been started; what it reads from now on is recorded, where anything is.

        listeners: get every event. taken_up: a session that goes on, whose request is request_of.

        Raises RtemoError where something cannot be made, and leaves nothing open.
        """
        self.request, self.started_s, self._clock, self.taken_up = request, clock(), clock, taken_up
        self.session_id, self._bundle, self._hop_s = uuid.uuid4().hex, bundle, hop_s
        if taken_up is not None:
            self.session_id, self.started_s = taken_up.running.session_id, taken_up.started_s
        self.folder: SessionFolder | None = None
        self.opening: list[Item] = []  # what the session's engine is given first
        self.events = EventLog(KEPT_EVENTS)
        self._source = source
        self._final: RecorderStatus | None = None  # how the recording ended
        self._queues: list[OutputQueue[Any]] = []
        self._last: list[OutputQueue[Any]] = []  # of these, those that say how the others ended
        self._free_bytes, self._looked_s = 0, -math.inf
        self._recorder_state, self._n_problems = RecorderState.RECORDING, 0  # that are events already
        self._closed = self._left = self._announced = False
        self.phase = Phase.RUNNING.value  # for the receivers
        self._script: BesideProcess | None = None
        self._screen: BesideProcess | None = None
        self._given: dict[str, ScriptOutlets] = {}  # by participant; "" what is about all of them
        self._giving = threading.Lock()
        goes_on = taken_up is not None
        with contextlib.ExitStack() as closing:
            for sink in request.sinks:
                closing.callback(sink.close)
            if request.root is not None:
                self._began = datetime.now().astimezone()
                self.folder = self._make_folder(request.root)
            elif taken_up is not None:
                self.folder = taken_up.folder
            if taken_up is not None:
                self.opening = source.opening()
                source.take_up()
            elif (recording := self.recording) is not None:
                self.opening = source.record(RecordingRequest(recording, self.session_id, about=asdict(self.about)))
                closing.callback(source.close_recording)
            else:
                self.opening = source.opening()
            files = []
            if self.folder is not None:
                path = self.folder.predictions
                rated = bundle.rating_names
                files = [open_output(path, bundle.labels, replace=False, goes_on=goes_on, ratings=rated)]
            for sink in files:
                closing.callback(sink.close)
            event_file = LineFile(self.folder.events, goes_on=goes_on) if self.folder is not None else None
            self._open_queues([*request.sinks, *files], event_file)
            closing.pop_all()
        for listener in listeners:
            self.events.listen(listener)

    def _open_queues(self, sinks: Sequence[PredictionSink], event_file: LineFile | None) -> None:
        """Put a queue before each output. From here on, what fails is an event."""
        changed, publish = self._output_changed, self.request.publish
        named = [(sink, getattr(sink, "name", type(sink).__name__)) for sink in sinks]
        self._queued_sinks = [QueuedSink(sink, name, changed) for sink, name in named]
        self._queues += [sink.queue for sink in self._queued_sinks]
        self._small_files: OutputQueue[Callable[[], object]] = self.queued("files of the session", _call)
        if event_file is not None:
            events = self.queued(str(event_file.path), event_file.write, event_file.close)
            self._last.append(events)
            self.events.listen(lambda event: events.put(event.to_json_line() + "\n"))
        settings = self.request.settings
        identity = OutletIdentity(self.session_id, settings.participant, settings.session, settings.outputs.outlet_name)
        self._outlets: dict[str, PredictionOutlet] = {
            own.alone: self._prediction_outlet(identity, own.alone) for own in settings.each
        }
        self._event_outlet = EventOutlet(self.keep, publish=publish, identity=identity, changed=changed)
        self._queues += [outlet.queue for outlet in self._outlets.values() if outlet.queue is not None]
        if self._event_outlet.queue is not None:
            self._queues.append(self._event_outlet.queue)
            self._last.append(self._event_outlet.queue)
        for info in (*(outlet.info for outlet in self._outlets.values()), self._event_outlet.info):
            self.keep(StreamUp(info))
            self.keep(ClockOffset(info.stream_id, self._clock(), 0.0))  # ours is LSL's clock
        self.sinks: tuple[PredictionSink, ...] = (*self._queued_sinks, *self._outlets.values())
        self.events.listen(self._event_outlet.send)
        self._identity = identity
        if (receivers := self.request.receivers) is not None:
            receivers.changed = changed
            self.sinks = (*self.sinks, receivers)
            self.events.listen(receivers.put_event)
        if self.folder is not None and self.taken_up is None:
            self._write_settings(self.folder)

    def _prediction_outlet(self, identity: OutletIdentity, participant: str) -> PredictionOutlet:
        """The outlet of the session's predictions, or of one participant's of several."""
        bundle = self._bundle
        return PredictionOutlet(
            bundle.labels,
            bundle.fingerprint,
            self._hop_s,
            self.keep,
            publish=self.request.publish,
            lag_s=lag_s(bundle.spec, self._hop_s),
            identity=_identity_of(identity, participant),
            changed=self._output_changed,
            calibrated=bundle.spec.calibrated,
            ratings=bundle.rating_names,
        )

    def sinks_of(self, participant: str) -> tuple[PredictionSink, ...]:
        """Where the predictions of one participant go."""
        others = {id(outlet) for whose, outlet in self._outlets.items() if whose != participant}
        return tuple(sink for sink in self.sinks if id(sink) not in others)

    def queued(
        self, name: str, write: Callable[[T], object], close: Callable[[], object] | None = None
    ) -> OutputQueue[T]:
        """A further output of the session, see OutputQueue. It is closed with the session."""
        queue = OutputQueue(name, write, close, self._output_changed)
        self._queues.append(queue)
        return queue

    @property
    def recording(self) -> Path | None:
        """The file that is recorded to; None where nothing is recorded."""
        if self.request.record is not None:
            return self.request.record
        return self.folder.recording if self.folder is not None else None

    def keep(self, item: Item) -> None:
        """Record an item of the session's own. What befalls the recording is an event; the predictions go on."""
        self._source.submit(item)

    def look_after(self) -> None:
        """State what has happened to the recorder and the recording, and publish the notes that were given to it."""
        for time_s, text, participant in self._source.notes():
            self.events.add(Event(time_s, EventKind.ANNOTATION, text, participant=participant))
        for text in self._source.outages():
            self.note(EventKind.FAILURE, text)
        if time.monotonic() - self._looked_s >= LOOK_S:
            self._looked_s = time.monotonic()
            self._look_at_recorder()
            for process in self._beside:
                process.look()
            self.tell_state(self.phase)

    def run_script(self, place: ScriptPlace) -> None:
        """Have a user's script run beside the session until it is closed. What befalls it is an event."""
        publish, changed = self.request.publish, self._output_changed
        for whose in dict.fromkeys(("", *(own.alone for own in self.request.settings.each))):
            identity = _identity_of(self._identity, whose)
            self._given[whose] = ScriptOutlets(identity, self.keep, self._clock, publish=publish, changed=changed)
        try:
            self._script = script_process(place, self.note)
        except OSError as error:
            self.note(EventKind.FAILURE, f"the script {place.file} cannot be started: {error}")

    @property
    def _beside(self) -> tuple[BesideProcess, ...]:
        return tuple(process for process in (self._script, self._screen) if process is not None)

    def record_screen(self) -> None:
        """Have the screen recorded beside the session, where the settings ask for it. What befalls that is an event."""
        if not self.request.settings.outputs.screen:
            return
        if (recording := self.recording) is None:
            self.note(EventKind.FAILURE, "the screen is not recorded, as the session is not")
            return
        try:
            self._screen = screen_process(beside(recording, SCREEN_VIDEO), own_session(), self.note)
        except OSError as error:
            self.note(EventKind.FAILURE, f"the recording of the screen cannot be started: {error}")

    def give(self, values: str, text: str, time_s: float, participant: str = "") -> None:
        """Give out what the script gives; with nothing it shows that it is alive. Any thread. Raises RtemoError.

        participant: whom it is about; empty: all of them.
        """
        given = self._given.get(participant)
        if given is None or self._script is None:
            raise RtemoError("a script gives out values", "none runs", "start the session with one")
        if not (values or text):
            self._script.alive()
            return
        with self._giving:
            given.give(values, text, time_s)
        self._script.given()

    def tell_state(self, phase: str) -> None:
        """Tell the receivers how things stand."""
        if self.request.receivers is None:
            return
        settings, status = self.request.settings, self.recording_status()
        about = {
            "phase": phase,
            "participant": settings.participant,
            "session": self.session_id,
            "study": settings.study.name,
            "task": settings.task,
            "visit": settings.session,
            "run": settings.run,
            "started_s": self.started_s,
            "labels": list(self._bundle.labels),
            "hop_s": self._hop_s,
            "recording": None if status is None else status.state.value,
            "streams": {one.info.name: one.state.value for one in self._source.status()},
            "missing": list(self._source.missing),
        }
        if settings.participants:
            about["participants"] = [one.id for one in settings.participants]
        self.request.receivers.put_state(about)

    def note(self, kind: EventKind, text: str, participant: str = "") -> None:
        """Add an event that happens now. participant: whom it is about; empty: all of them."""
        self.events.add(Event(self._clock(), kind, text, participant=participant))

    def explain(self, text: str) -> None:
        """Publish and record an explanation: it is no event of the session."""
        self._event_outlet.explain(text, self._clock())

    def announce_session(self) -> None:
        """State what the session runs on, once, for the replay of its recording. Who it is about stays out of it, but
        for the ids by which several participants are told apart.
        """
        if self._announced:
            return
        self._announced, nothing = True, OutputSettings()  # where it is published is nobody's business
        shared = replace(self.request.settings.without_baseline, subject="", notes="", outputs=nothing)
        shared = replace(shared, participants=tuple(replace(one, person=()) for one in shared.participants))
        about = {"bundle_fingerprint": self._bundle.fingerprint, "hop_s": self._hop_s}
        self.events.add(session_event(self._clock(), self.session_id, settings_text(shared), about))
        if self._bundle.spec.uncalibrated:
            self.note(EventKind.NOTE, self._bundle.spec.uncalibrated)

    def announce_baseline(self, plan: BaselinePlan, participant: str = "") -> None:
        """State which baseline is planned, for the replay of the recording."""
        if (recording := self.recording) is not None:
            self._small_files.put(lambda: plan.copy_beside(recording, participant))
        self.events.add(replace(planned_event(self._clock(), str(plan)), participant=participant))

    def keep_baseline(self, pipeline: Pipeline, participant: str = "") -> None:
        """Write the baseline that was in effect into the folder, where there is one and it was."""
        found = pipeline.baselines()
        if found and self.folder is not None:
            path, now = beside(self.folder.recording, BASELINE, participant), datetime.now().astimezone()
            subject = participant or self.request.settings.subject
            self._small_files.put(lambda: save_baseline(path, found, pipeline.settings, subject, now))

    def keep_calibration(self, person: PersonalCalibration, participant: str = "") -> None:
        """Keep a calibration that predictions are made with, for the replay of the recording."""
        if (recording := self.recording) is not None:
            self._small_files.put(lambda: save_beside(recording, person, participant))

    def measure_disk(self) -> None:
        """Look how much room the disk has. A disk that does not answer counts as full."""
        status = self.recording_status()
        self._free_bytes = free_bytes(status.paths[-1]) if status is not None and status.paths else 0

    def view(self) -> RecorderView | None:
        """The state of the recording; None where nothing is recorded."""
        status, recording = self.recording_status(), self.recording
        if status is None or recording is None:
            return None
        return recorder_view(status, recording, self._free_bytes)

    def recording_status(self) -> RecorderStatus | None:
        """How the recording stands, or stood when it was closed; None where nothing is recorded."""
        return self._final or self._source.recording_status()

    def output_views(self) -> tuple[OutputView, ...]:
        """The states of all outputs but the recording."""
        receivers = self.request.receivers.statuses() if self.request.receivers is not None else ()
        others = [process.status() for process in self._beside]
        given = [queue for outlets in self._given.values() for queue in outlets.queues]
        return output_views([*(queue.status() for queue in (*self._queues, *given)), *others, *receivers])

    def close(self) -> None:
        """Close everything: the outputs within the time of one, the recording, and what says how these ended."""
        if self._closed:
            return
        self._closed = True
        self.tell_state("closing")
        for process in self._beside:
            process.look()
            process.close()
        for outlets in self._given.values():
            outlets.close()
        close_all([queue for queue in self._queues if queue not in self._last])
        for sink in self.sinks:
            sink.close()
        if not self._left:
            self._final = self._source.close_recording()
            self._look_at_recorder()
        close_all(self._last)
        self._event_outlet.close()
        if self.request.receivers is not None:
            self.tell_state("stopped")
            self.request.receivers.changed = None

    def leave(self) -> None:
        """Close what is this process's, and let the recording go on for the next engine."""
        self._left = True
        self.close()

    def check_recording(self) -> None:
        """Raises RtemoError where the recording is not whole."""
        status = self.recording_status()
        if status is not None and status.state is RecorderState.FAILED:
            raise RtemoError("the recording failed", status.error, "what was written before can be read")

    @property
    def about(self) -> SessionAbout:
        """What an engine that takes this session up needs."""
        folder = str(self.folder.target) if self.folder is not None else ""
        return SessionAbout(settings_text(self.request.settings), folder, self.started_s, self.request.publish)

    def _look_at_recorder(self) -> None:
        """Let each problem and each change of the recorder's state be an event."""
        status = self.recording_status()
        if status is None:
            return
        for problem in status.problems[self._n_problems :]:
            self.note(EventKind.FAILURE, f"the recording: {problem}")
        self._n_problems = len(status.problems)
        before, self._recorder_state = self._recorder_state, status.state
        if status.state is not before:
            self._recorder_changed(status)

    def _recorder_changed(self, status: RecorderStatus) -> None:
        match status.state:
            case RecorderState.WAITING:
                kept = "what comes is kept in memory, and tried again"
                self.note(EventKind.FAILURE, f"the recording waits: {status.error}; {kept}; predictions go on")
            case RecorderState.FAILED:
                self.note(EventKind.FAILURE, f"the recording failed; {status.error}; predictions go on")
            case RecorderState.RECORDING:
                n_lost = sum(status.lost.values())
                self.note(EventKind.NOTE, f"the recording goes on; {n_lost} samples are not in it so far")

    def _output_changed(self, status: OutputStatus) -> None:
        """Let a change of an output's state be an event. In the thread of the output."""
        details = {"output": status.name, "state": status.state.value, "dropped": status.n_dropped}
        match status.state:
            case OutputState.FAILED:
                kind, text = EventKind.FAILURE, f"failed: {status.error}; it is tried again, the session goes on"
            case OutputState.BEHIND:
                kind, text = EventKind.FAILURE, f"is behind: {status.error}; the session goes on"
            case _:
                kind, text = EventKind.NOTE, f"works again; {status.n_dropped} entries were left out"
        self.events.add(Event(self._clock(), kind, f"output {status.name} {text}", details=details))
        if self.request.nobody_reads is not None and self.unread:
            self.note(EventKind.FAILURE, "whoever read the predictions has gone, and nothing else is written")
            self.request.nobody_reads()

    @property
    def unread(self) -> bool:
        """Whether there is nothing but the sinks, and whoever read them has gone."""
        receivers = self.request.receivers is not None and self.request.receivers.any
        kept = self.recording is not None or self.folder is not None or self.request.publish or receivers
        return not kept and all(sink.queue.status().for_good for sink in self._queued_sinks)

    def _make_folder(self, root: Path) -> SessionFolder:
        if self.request.file is not None:
            return SessionFolder.around(self.request.file)
        return SessionFolder.create(root, session_name(self.request.settings), self._began)

    def _write_settings(self, folder: SessionFolder) -> None:
        request = self.request
        record = {"started": self._began.isoformat(timespec="seconds"), "hop_s": self._hop_s}
        record |= {"published": request.publish, **request.asked, "session_id": self.session_id}
        model = model_record(self._bundle)
        self._small_files.put(lambda: folder.write_settings(request.settings, model, record, request.streams))


def _identity_of(session: OutletIdentity, participant: str) -> OutletIdentity:
    """Whose outlet it is: the session's, or one participant's of several."""
    if not participant:
        return session
    name = f"{session.name}_{participant}" if session.name else ""
    return replace(session, participant=participant, name=name)


def output_views(statuses: Iterable[OutputStatus]) -> tuple[OutputView, ...]:
    """The states of outputs, for the window."""
    return tuple(OutputView(s.name, s.state.value, s.error, s.n_written, s.n_dropped) for s in statuses)


def _call(work: Callable[[], object]) -> object:
    return work()
