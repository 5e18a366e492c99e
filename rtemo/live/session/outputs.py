"""What a session writes and publishes: folder, recording, predictions, events, explanations and the outlets.

Opened together and closed together, with or without a folder: `rtemo live`, the window and `rtemo bench` all use it.
Each output but the recording is behind a queue of its own, and what befalls an output or the recording is an event.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.types import ClockOffset, Item, StreamInfo, StreamUp
from rtemo.live.output.line_file import LineFile
from rtemo.live.output.outlet import EventOutlet, PredictionOutlet
from rtemo.live.output.output_queue import OutputQueue, OutputState, OutputStatus, QueuedSink, close_all
from rtemo.live.output.prediction_files import PredictionSink, open_output
from rtemo.live.service.snapshot import OutputView, RecorderView
from rtemo.model.bundle import Bundle
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.response_lag import lag_s
from rtemo.recorder.recorder import Recorder, RecorderState, RecorderStatus
from rtemo.recordings.baseline_file import save_baseline
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.calibrations import save_beside
from rtemo.recordings.events import Event, EventKind, EventLog, Listener
from rtemo.recordings.session_facts import planned_event, session_event
from rtemo.recordings.session_folder import SessionFolder, model_record, places_elsewhere
from rtemo.sources.session_settings import SessionSettings, settings_text

T = TypeVar("T")

LOOK_S = 0.25  # how often the recorder's state is looked at


@dataclass(frozen=True, slots=True)
class OutputsRequest:
    """What a session is to write, and where.

    root: where a session folder is made; None for no folder. record: a recording elsewhere, instead of the folder's.
    sinks: further outputs of predictions; they are closed with the session, and called by their attribute `name` where
    they have one. publish: on the network too. asked: what else was asked for, for the folder's settings file. streams:
    those that the session begins with, by role. nobody_reads: called where there was nothing but the sinks, and whoever
    read them has gone.
    """

    settings: SessionSettings
    root: Path | None = None
    record: Path | None = None
    sinks: Sequence[PredictionSink] = ()
    publish: bool = True
    asked: Mapping[str, Any] = field(default_factory=dict)
    streams: Mapping[str, StreamInfo] = field(default_factory=dict)
    nobody_reads: Callable[[], object] | None = None


class SessionOutputs:
    """The outputs of one session. `keep` records an item, `note` adds an event, `sinks` take the predictions."""

    def __init__(
        self,
        request: OutputsRequest,
        bundle: Bundle,
        hop_s: float,
        clock: Callable[[], float],
        listeners: Sequence[Listener] = (),
    ) -> None:
        """clock: now, in LSL time. listeners: get every event.

        Raises RtemoError where something cannot be made, and leaves nothing open.
        """
        self.request, self.started_s, self._clock = request, clock(), clock
        self.session_id, self._bundle, self._hop_s = uuid.uuid4().hex, bundle, hop_s
        self.folder: SessionFolder | None = None
        self.recorder: Recorder | None = None
        self.events = EventLog()
        self._queues: list[OutputQueue[Any]] = []
        self._last: list[OutputQueue[Any]] = []  # of these, those that say how the others ended
        self._free_bytes = 0
        self._recorder_state, self._n_problems = RecorderState.RECORDING, 0  # that are events already
        self._looking = threading.Lock()
        self._closed = threading.Event()
        with contextlib.ExitStack() as closing:
            for sink in request.sinks:
                closing.callback(sink.close)
            if request.root is not None:
                self.folder = self._make_folder(request.root)
            if (recording := self.recording) is not None:
                elsewhere = places_elsewhere(recording)
                self.recorder = Recorder(recording, session_id=self.session_id, elsewhere=elsewhere, clock=clock)
                closing.callback(self.recorder.close)
            files = [] if self.folder is None else [open_output(self.folder.predictions, bundle.labels, replace=False)]
            for sink in files:
                closing.callback(sink.close)
            event_file = LineFile(self.folder.events) if self.folder is not None else None
            self._open_queues([*request.sinks, *files], event_file)
            closing.pop_all()
        for listener in listeners:
            self.events.listen(listener)
        self._watch = threading.Thread(target=self._look_on, name="rtemo-recording-watch", daemon=True)
        if self.recorder is not None:
            self._watch.start()

    def _open_queues(self, sinks: Sequence[PredictionSink], event_file: LineFile | None) -> None:
        """Put a queue before each output. From here on, what fails is an event."""
        told, bundle, publish = self._output_changed, self._bundle, self.request.publish
        named = [(sink, getattr(sink, "name", type(sink).__name__)) for sink in sinks]
        self._queued_sinks = [QueuedSink(sink, name, told) for sink, name in named]
        self._queues += [sink.queue for sink in self._queued_sinks]
        self._small_files: OutputQueue[Callable[[], object]] = self.queued("files of the session", _call)
        if event_file is not None:
            events = self.queued(str(event_file.path), event_file.write, event_file.close)
            self._last.append(events)
            self.events.listen(lambda event: events.put(event.to_json_line() + "\n"))
        outlet = PredictionOutlet(
            bundle.labels,
            bundle.fingerprint,
            self._hop_s,
            self.keep,
            publish=publish,
            lag_s=lag_s(bundle.spec, self._hop_s),
            changed=told,
        )
        self._event_outlet = EventOutlet(self.keep, publish=publish, session_id=self.session_id, changed=told)
        if outlet.queue is not None and self._event_outlet.queue is not None:
            self._queues += [outlet.queue, self._event_outlet.queue]
            self._last.append(self._event_outlet.queue)
        for made in (outlet, self._event_outlet):
            self.keep(StreamUp(made.info))
            self.keep(ClockOffset(made.info.stream_id, self._clock(), 0.0))  # ours is LSL's clock
        self.sinks: tuple[PredictionSink, ...] = (*self._queued_sinks, outlet)
        self.events.listen(self._event_outlet.send)
        if self.folder is not None:
            self._write_settings(self.folder)

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
        """Record an item, where there is a recorder. What befalls the recording is an event; the predictions go on."""
        if self.recorder is not None:
            self.recorder.submit(item)

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
        if (recording := self.recording) is not None:
            self._small_files.put(lambda: plan.copy_beside(recording))
        self.events.add(planned_event(self._clock(), str(plan)))

    def keep_baseline(self, pipeline: Pipeline) -> None:
        """Write the baseline that was in effect into the folder, where there is one and it was."""
        found = pipeline.baselines()
        if found and self.folder is not None:
            path, now, subject = self.folder.baseline, datetime.now().astimezone(), self.request.settings.subject
            self._small_files.put(lambda: save_baseline(path, found, pipeline.settings, subject, now))

    def keep_calibration(self, person: PersonalCalibration) -> None:
        """Keep a calibration that predictions are made with, for the replay of the recording."""
        if (recording := self.recording) is not None:
            self._small_files.put(lambda: save_beside(recording, person))

    def measure_disk(self) -> None:
        """Look how much room the disk has. A disk that does not answer counts as full."""
        try:
            paths = self.recorder.status().paths if self.recorder is not None else ()
            self._free_bytes = shutil.disk_usage(paths[-1].parent).free if paths else 0
        except OSError:
            self._free_bytes = 0

    def view(self) -> RecorderView | None:
        """The state of the recording; None where nothing is recorded."""
        if self.recorder is None:
            return None
        status = self.recorder.status()
        return RecorderView(
            path=str(status.paths[-1] if status.paths else self.recorder.path),
            state=status.state.value,
            error=status.error,
            bytes_written=status.bytes_written,
            free_bytes=self._free_bytes,
            n_files=max(len(status.paths), 1),
            problem=status.problems[-1] if status.problems else "",
        )

    def output_views(self) -> tuple[OutputView, ...]:
        """The states of all outputs but the recording."""
        found = [queue.status() for queue in self._queues]
        return tuple(OutputView(s.name, s.state.value, s.error, s.n_written, s.n_dropped) for s in found)

    def close(self) -> None:
        """Close everything: the outputs within the time of one, the recording, and what says how these ended."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._watch.is_alive():
            self._watch.join()
        close_all([queue for queue in self._queues if queue not in self._last])
        for sink in self.sinks:
            sink.close()
        if self.recorder is not None:
            self.recorder.close()
            self._look_at_recorder()
        close_all(self._last)
        self._event_outlet.close()

    def check_recording(self) -> None:
        """Raises RtemoError where the recording is not whole."""
        status = self.recorder.status() if self.recorder is not None else None
        if status is not None and status.state is RecorderState.FAILED:
            raise RtemoError("the recording failed", status.error, "what was written before can be read")

    def _look_on(self) -> None:
        while not self._closed.wait(LOOK_S):
            self._look_at_recorder()

    def _look_at_recorder(self) -> None:
        """Let each problem and each change of the recorder's state be an event."""
        assert self.recorder is not None
        with self._looking:
            status = self.recorder.status()
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
        kept = self.recorder is not None or self.folder is not None or self.request.publish
        return not kept and all(sink.queue.status().for_good for sink in self._queued_sinks)

    def _make_folder(self, root: Path) -> SessionFolder:
        self._began = datetime.now().astimezone()
        return SessionFolder.create(root, self.request.settings.subject, self._began)

    def _write_settings(self, folder: SessionFolder) -> None:
        request = self.request
        record = {"started": self._began.isoformat(timespec="seconds"), "hop_s": self._hop_s}
        record |= {"published": request.publish, **request.asked, "session_id": self.session_id}
        model = model_record(self._bundle)
        self._small_files.put(lambda: folder.write_settings(request.settings, model, record, request.streams))


def _call(work: Callable[[], object]) -> object:
    return work()
