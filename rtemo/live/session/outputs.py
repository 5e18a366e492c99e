"""What a session writes and publishes: folder, recording, predictions, events, explanations and the outlets.

Opened together and closed together, with or without a folder: `rtemo live`, the window and `rtemo bench` all use it.
"""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.types import ClockOffset, Item, StreamInfo, StreamUp
from rtemo.live.output.outlet import EventOutlet, PredictionOutlet
from rtemo.live.output.prediction_files import PredictionSink, open_output
from rtemo.live.service.snapshot import RecorderView
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
from rtemo.recordings.session_folder import SessionFolder, model_record
from rtemo.sources.session_settings import SessionSettings, settings_text

_HOW = {RecorderState.WAITING: "waits for a place that takes it", RecorderState.FAILED: "fails: samples are lost"}


@dataclass(frozen=True, slots=True)
class OutputsRequest:
    """What a session is to write, and where.

    root: where a session folder is made; None for no folder. record: a recording elsewhere, instead of the folder's.
    sinks: further outputs of predictions; they are closed with the session. publish: on the network too. asked: what
    else was asked for, for the folder's settings file. streams: those that the session begins with, by role.
    """

    settings: SessionSettings
    root: Path | None = None
    record: Path | None = None
    sinks: Sequence[PredictionSink] = ()
    publish: bool = True
    asked: Mapping[str, Any] = field(default_factory=dict)
    streams: Mapping[str, StreamInfo] = field(default_factory=dict)


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
        self._source = source
        self._final: RecorderStatus | None = None
        self._free_bytes, self._left = 0, False
        self._problems: set[str] = set()  # of the recording, that were stated
        self._recorder_state, self._n_files = RecorderState.RECORDING, 1
        with contextlib.ExitStack() as closing:
            for sink in request.sinks:
                closing.callback(sink.close)
            if request.root is not None:
                self.folder = self._make_folder(request.root, bundle, hop_s)
            elif taken_up is not None:
                self.folder = taken_up.folder
            goes_on = taken_up is not None
            self.events = EventLog(self.folder.events if self.folder is not None else None, goes_on=goes_on)
            closing.callback(self.events.close)
            if taken_up is not None:
                self.opening = source.opening()
                source.take_up()
                closing.callback(self._close_recording)
            elif (recording := self.recording) is not None:
                self.opening = source.record(RecordingRequest(recording, self.session_id, about=asdict(self.about)))
                closing.callback(self._close_recording)
            else:
                self.opening = source.opening()
            files = []
            if self.folder is not None:
                path = self.folder.predictions
                files = [open_output(path, bundle.labels, replace=False, goes_on=goes_on)]
            for sink in files:
                closing.callback(sink.close)
            lag, publish = lag_s(bundle.spec, hop_s), request.publish
            outlet = PredictionOutlet(bundle.labels, bundle.fingerprint, hop_s, self.keep, publish=publish, lag_s=lag)
            closing.callback(outlet.close)
            self._event_outlet = EventOutlet(self.keep, publish=publish, session_id=self.session_id)
            closing.callback(self._event_outlet.close)
            for info in (outlet.info, self._event_outlet.info):
                self.keep(StreamUp(info))
                self.keep(ClockOffset(info.stream_id, clock(), 0.0))  # ours is LSL's clock
            self.sinks: tuple[PredictionSink, ...] = (*request.sinks, *files, outlet)
            self.events.listen(self._event_outlet.send)
            for listener in listeners:
                self.events.listen(listener)
            self._closing = closing.pop_all()

    @property
    def recording(self) -> Path | None:
        """The file that is recorded to; None where nothing is recorded."""
        if self.request.record is not None:
            return self.request.record
        return self.folder.recording if self.folder is not None else None

    def keep(self, item: Item) -> None:
        """Record an item of the session's own."""
        self._source.submit(item)

    def look_after(self) -> None:
        """State what has happened to the recorder and the recording, and publish the notes that were given to it."""
        for time_s, text in self._source.notes():
            self.events.add(Event(time_s, EventKind.ANNOTATION, text))
        for text in self._source.outages():
            self.note(EventKind.FAILURE, text)
        if (status := self._source.recording_status()) is not None:
            self._tell_recording(status)

    def _tell_recording(self, status: RecorderStatus) -> None:
        """State what has changed about the recording; the predictions go on whatever it is."""
        for problem in status.problems:
            if problem not in self._problems:
                self._problems.add(problem)
                self.note(EventKind.FAILURE, f"recording: {problem}")
        if status.state is not self._recorder_state:
            if status.state in (RecorderState.WAITING, RecorderState.FAILED):
                self.note(EventKind.FAILURE, f"the recording {_HOW[status.state]}; {status.error}; predictions go on")
            elif status.state is RecorderState.RECORDING:
                self.note(EventKind.NOTE, f"the recording goes on in {status.paths[-1]}")
            self._recorder_state = status.state
        elif len(status.paths) > self._n_files:
            self.note(EventKind.NOTE, f"the recording goes on in {status.paths[-1]}")
        self._n_files = max(len(status.paths), 1)

    def note(self, kind: EventKind, text: str) -> None:
        """Add an event that happens now."""
        self.events.add(Event(self._clock(), kind, text))

    def explain(self, text: str) -> None:
        """Publish and record an explanation: it is no event of the session."""
        self._event_outlet.explain(text, self._clock())

    def announce_session(self) -> None:
        """State what the session runs on, for the replay of its recording. Who it is about stays out of it."""
        shared = replace(self.request.settings, subject="", notes="", baseline="")
        about = {"bundle_fingerprint": self._bundle.fingerprint, "hop_s": self._hop_s}
        self.events.add(session_event(self._clock(), self.session_id, settings_text(shared), about))

    def announce_baseline(self, plan: BaselinePlan) -> None:
        """State which baseline is planned, for the replay of the recording."""
        if self.recording is not None:
            plan.copy_beside(self.recording)
        self.events.add(planned_event(self._clock(), str(plan)))

    def keep_baseline(self, pipeline: Pipeline) -> None:
        """Write the baseline that was in effect into the folder, where there is one and it was."""
        found = pipeline.baselines()
        if found and self.folder is not None:
            now = datetime.now().astimezone()
            save_baseline(self.folder.baseline, found, pipeline.settings, self.request.settings.subject, now)

    def keep_calibration(self, person: PersonalCalibration) -> None:
        """Keep a calibration that predictions are made with, for the replay of the recording."""
        if self.recording is not None:
            save_beside(self.recording, person)

    def measure_disk(self) -> None:
        """Look how much room the disk has. A disk that does not answer counts as full."""
        try:
            self._free_bytes = shutil.disk_usage(self.recording.parent).free if self.recording is not None else 0
        except OSError:
            self._free_bytes = 0

    def view(self) -> RecorderView | None:
        """The state of the recording; None where nothing is recorded."""
        status, recording = self.recording_status(), self.recording
        if status is None or recording is None:
            return None
        return RecorderView(
            path=str(recording),
            state=status.state.value,
            error=status.error,
            bytes_written=status.bytes_written,
            free_bytes=self._free_bytes,
        )

    def recording_status(self) -> RecorderStatus | None:
        """How the recording stands, or stood when it was closed; None where nothing is recorded."""
        return self._final or self._source.recording_status()

    def close(self) -> None:
        """Close everything."""
        self._closing.close()

    def leave(self) -> None:
        """Close what is this process's, and let the recording go on for the next engine."""
        self._left = True
        self._closing.close()

    def check_recording(self) -> None:
        """Raises RtemoError where the recording is not whole."""
        status = self.recording_status()
        if status is not None and status.state is RecorderState.FAILED:
            raise RtemoError("the recording failed", status.error, "what was written before can be read")

    def _close_recording(self) -> None:
        if not self._left:
            self._final = self._source.close_recording()

    @property
    def about(self) -> SessionAbout:
        """What an engine that takes this session up needs."""
        folder = str(self.folder.path) if self.folder is not None else ""
        return SessionAbout(settings_text(self.request.settings), folder, self.started_s, self.request.publish)

    def _make_folder(self, root: Path, bundle: Bundle, hop_s: float) -> SessionFolder:
        now, request = datetime.now().astimezone(), self.request
        folder = SessionFolder.create(root, request.settings.subject, now)
        record = {"started": now.isoformat(timespec="seconds"), "hop_s": hop_s, "published": request.publish}
        record |= {**request.asked, "session_id": self.session_id}
        folder.write_settings(request.settings, model_record(bundle), record, request.streams)
        return folder
