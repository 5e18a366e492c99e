"""Everything that a session in the application keeps: folder, recording, predictions, events, and the outlets."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.types import ClockOffset, Item, StreamInfo, StreamUp
from rtemo.live.baseline_file import save_baseline
from rtemo.live.events import Event, EventKind, EventLog, Listener
from rtemo.live.outlet import EventOutlet, PredictionOutlet
from rtemo.live.outputs import PredictionSink, open_output
from rtemo.live.recorder import Recorder, RecorderState
from rtemo.live.reports import EXPLAINED
from rtemo.live.session import SessionFolder, model_record
from rtemo.live.settings import SessionSettings
from rtemo.live.snapshot import RecorderView
from rtemo.model.bundle import Bundle
from rtemo.model.lag import lag_s


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """What is kept, and where. settings: with the participant and the notes. publish: on the network too."""

    root: Path
    settings: SessionSettings
    streams: Mapping[str, StreamInfo]
    bundle: Bundle
    hop_s: float
    publish: bool = True


class SessionKeeping:
    """A session's outputs, opened together and closed together."""

    def __init__(self, plan: SessionPlan, clock: Callable[[], float], listener: Listener) -> None:
        """listener: hears every event. Raises RtemoError where the folder cannot be made, and leaves nothing open."""
        self.subject, self.started_s = plan.settings.subject, clock()
        self._clock = clock
        self._failure_said = False
        self._free_bytes = 0
        with contextlib.ExitStack() as closing:
            now = datetime.now().astimezone()
            self.folder = SessionFolder.create(plan.root, plan.settings.subject, now)
            record = {"started": now.isoformat(timespec="seconds"), "hop_s": plan.hop_s, "published": plan.publish}
            self.folder.write_settings(plan.settings, model_record(plan.bundle), record, plan.streams)
            self.events = EventLog(self.folder.events)
            closing.callback(self.events.close)
            self.recorder = Recorder(self.folder.recording)
            closing.callback(self.recorder.close)
            table = open_output(self.folder.predictions, plan.bundle.labels, replace=False)
            closing.callback(table.close)
            outlet = PredictionOutlet(
                plan.bundle.labels,
                plan.bundle.fingerprint,
                plan.hop_s,
                self.keep,
                publish=plan.publish,
                lag_s=lag_s(plan.bundle.spec, plan.hop_s),
            )
            closing.callback(outlet.close)
            told = EventOutlet(self.keep, publish=plan.publish)
            closing.callback(told.close)
            for info in (outlet.info, told.info):
                self.keep(StreamUp(info))
                self.keep(ClockOffset(info.stream_id, self.started_s, 0.0))  # ours is LSL's clock
            self.sinks: tuple[PredictionSink, ...] = (table, outlet)
            self._told = told
            self.events.listen(told.tell)
            self.events.listen(listener)
            self._closing = closing.pop_all()

    def keep(self, item: Item) -> None:
        """Record an item. A recorder that failed is said once; the session goes on."""
        self.recorder.submit(item)
        if self.recorder.state is RecorderState.FAILED and not self._failure_said:
            self._failure_said = True
            self.note(EventKind.FAILURE, f"the recording failed; {self.recorder.error}; predictions go on")

    def note(self, kind: EventKind, text: str) -> None:
        """Add an event that happens now."""
        self.events.add(Event(self._clock(), kind, text))

    def explain(self, text: str) -> None:
        """Send and record an explanation: it is no event of the session."""
        self._told.push(EXPLAINED + text, self._clock())

    def keep_baseline(self, pipeline: Pipeline) -> None:
        """Write the baseline that was in effect, where there was one."""
        found = pipeline.baselines()
        if found:
            now = datetime.now().astimezone()
            save_baseline(self.folder.baseline, found, pipeline.settings, self.subject, now)

    def measure(self) -> None:
        """Look how much room the disk has. A disk that does not answer counts as full."""
        try:
            self._free_bytes = shutil.disk_usage(self.folder.path).free
        except OSError:
            self._free_bytes = 0

    def view(self) -> RecorderView:
        status = self.recorder.status()
        return RecorderView(
            path=str(self.recorder.path),
            state=status.state.value,
            error=status.error,
            bytes_written=status.bytes_written,
            free_bytes=self._free_bytes,
            lost_samples=sum(status.lost.values()),
        )

    def close(self) -> None:
        """Close everything. Raises RtemoError where the recording is not whole."""
        self._closing.close()
        status = self.recorder.status()
        if status.state is RecorderState.FAILED:
            raise RtemoError("the recording failed", status.error, "what was written before can be read")
