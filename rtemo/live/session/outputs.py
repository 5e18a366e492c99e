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
from rtemo.core.types import StreamInfo
from rtemo.live.output.prediction_files import PredictionSink, open_output
from rtemo.live.service.snapshot import RecorderView
from rtemo.live.session.telling import Publishing, keep_baseline
from rtemo.model.bundle import Bundle
from rtemo.recorder.recorder import Recorder, RecorderState
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.events import EventLog, Listener
from rtemo.recordings.session_folder import SessionFolder, model_record
from rtemo.sources.session_settings import SessionSettings


@dataclass(frozen=True, slots=True)
class SessionOutputsPlan:
    """What is kept, and where. settings: with the participant and the notes. publish: on the network too."""

    root: Path
    settings: SessionSettings
    streams: Mapping[str, StreamInfo]
    bundle: Bundle
    hop_s: float
    publish: bool = True


class SessionOutputs:
    """A session's outputs, opened together and closed together."""

    def __init__(self, plan: SessionOutputsPlan, clock: Callable[[], float], listener: Listener) -> None:
        """listener: hears every event. Raises RtemoError where the folder cannot be made, and leaves nothing open."""
        self.subject, self.started_s = plan.settings.subject, clock()
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
            self._telling = Publishing(
                plan.bundle, plan.hop_s, self.events, self.recorder, clock, closing, publish=plan.publish
            )
            self.sinks: tuple[PredictionSink, ...] = (table, self._telling.outlet)
            self.keep, self.note = self._telling.keep, self._telling.note
            self.explain = self._telling.explain
            self.events.listen(listener)
            self._closing = closing.pop_all()

    def plan_baseline(self, plan: BaselinePlan | None, pipeline: Pipeline) -> None:
        """See Telling.plan_baseline."""
        self._telling.plan_baseline(plan, pipeline, self.folder)

    def keep_baseline(self, pipeline: Pipeline) -> None:
        """Write the baseline that was in effect, where there was one."""
        keep_baseline(self.folder, pipeline, self.subject)

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
        )

    def close(self) -> None:
        """Close everything. Raises RtemoError where the recording is not whole."""
        self._closing.close()
        status = self.recorder.status()
        if status.state is RecorderState.FAILED:
            raise RtemoError("the recording failed", status.error, "what was written before can be read")
