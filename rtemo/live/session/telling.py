"""What a session says on the network and into its recording: predictions, events, explanations, its baseline."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from functools import partial

from rtemo.core.pipeline import Pipeline
from rtemo.core.types import ClockOffset, Item, StreamUp
from rtemo.live.output.outlet import EventOutlet, PredictionOutlet
from rtemo.model.bundle import Bundle
from rtemo.model.personal.session_notes import EXPLAINED, PLANNED
from rtemo.model.response_lag import lag_s
from rtemo.recorder.recorder import Recorder, RecorderState
from rtemo.recordings.baseline_file import save_baseline
from rtemo.recordings.baseline_plan import BaselinePlan, MarkedBaseline
from rtemo.recordings.events import Event, EventKind, EventLog
from rtemo.recordings.session_folder import SessionFolder


class Publishing:
    """The outlets of one session, and its recorder where it has one. `outlet` takes predictions, `keep` samples."""

    def __init__(
        self,
        bundle: Bundle,
        hop_s: float,
        events: EventLog,
        recorder: Recorder | None,
        clock: Callable[[], float],
        closing: contextlib.ExitStack,
        *,
        publish: bool,
    ) -> None:
        """clock: now, in LSL time. closing: told how to close the outlets. publish: on the network too."""
        self.recorder, self._events, self._clock = recorder, events, clock
        self._failure_said = False
        lag = lag_s(bundle.spec, hop_s)
        self.outlet = PredictionOutlet(bundle.labels, bundle.fingerprint, hop_s, self.keep, publish=publish, lag_s=lag)
        closing.callback(self.outlet.close)
        self._told = EventOutlet(self.keep, publish=publish)
        closing.callback(self._told.close)
        for info in (self.outlet.info, self._told.info):
            self.keep(StreamUp(info))
            self.keep(ClockOffset(info.stream_id, clock(), 0.0))  # ours is LSL's clock
        events.listen(self._told.tell)

    def keep(self, item: Item) -> None:
        """Record an item, where there is a recorder. One that failed is said once; the predictions go on."""
        if self.recorder is None:
            return
        self.recorder.submit(item)
        if self.recorder.state is RecorderState.FAILED and not self._failure_said:
            self._failure_said = True
            self.note(EventKind.FAILURE, f"the recording failed; {self.recorder.error}; predictions go on")

    def note(self, kind: EventKind, text: str) -> None:
        """Add an event that happens now."""
        self._events.add(Event(self._clock(), kind, text))

    def explain(self, text: str) -> None:
        """Send and record an explanation: it is no event of the session."""
        self._told.push(EXPLAINED + text, self._clock())

    def plan_baseline(self, plan: BaselinePlan | None, pipeline: Pipeline, folder: SessionFolder | None) -> None:
        """Say which baseline is planned, for the replay of the recording, and listen for its markers."""
        if plan is not None:
            if folder is not None:
                plan.keep_in(folder)
            self.note(EventKind.ANNOTATION, f"{PLANNED}{plan}")
        self._events.listen(MarkedBaseline(plan, pipeline, partial(self.note, EventKind.FAILURE)))


def keep_baseline(folder: SessionFolder, pipeline: Pipeline, subject: str) -> None:
    """Write the baseline that was in effect into the session's folder, where there was one."""
    found = pipeline.baselines()
    if found:
        save_baseline(folder.baseline, found, pipeline.settings, subject, datetime.now().astimezone())
