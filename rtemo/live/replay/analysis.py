"""A recording through the engine, pipeline and model of `rtemo replay`, piece by piece, as fast as it goes.

What it finds is wound up on a reel. So any moment of the recording can be shown with the predictions that its true past
gives, and moving about in it costs nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rtemo.core.eeg.branch import EegBranch
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality, StreamInfo, StreamState, StreamUp, Window
from rtemo.live.engine.announced_streams import AnnouncedStreams
from rtemo.live.engine.engine import Engine
from rtemo.live.engine.explanations import Due
from rtemo.live.replay.recorded_view import RecordedView
from rtemo.live.service.display_taps import DisplayTaps
from rtemo.live.service.snapshot import ChannelStatus, StreamStatus
from rtemo.live.service.status import ChannelStatuses, StreamStatuses
from rtemo.live.session.setup import EngineSetup
from rtemo.model.embeddings import Embeddings
from rtemo.model.personal.session_notes import recorded_notes
from rtemo.recordings.baseline_plan import BaselinePlan, prepare_replay
from rtemo.recordings.calibrations import recorded_persons, use_persons
from rtemo.recordings.events import Event, EventKind, EventLog
from rtemo.sources.stream_roles import StreamRoles
from rtemo.sources.xdf.source import XdfSource

MARGIN_S = 2.0  # display samples and notes come so much later than the samples that they are made of, at most


class Analysis:
    """One recording with one choice of streams. Owned by one thread."""

    def __init__(self, path: Path, cast: StreamRoles, parts: EngineSetup) -> None:
        """Looks through the file and gives out the parts. Raises RtemoError where it can give no prediction."""
        self.path, self.reel, self.done = path, RecordedView(), False
        self.refused: dict[Modality, str] = {}
        predictor = parts.new_predictor()
        self._cast, self._parts, self._predictor = cast, parts, predictor
        self._channels, self._descriptions, self._roll = ChannelStatuses(), StreamStatuses(), AnnouncedStreams()
        self._taps = DisplayTaps(self.reel)
        self._newest_end = -1
        self._due = Due()
        self._source = XdfSource(path)
        self._log = EventLog()
        self._log.listen(self._hear)
        try:
            self._streams = self._source.start()
            self._counts = {info.stream_id: self._source.n_samples(info.stream_id) for info in self._streams}
            self._give_out_parts()
            self._prepare()
        except BaseException:
            self.close()
            raise
        self._source.select([info.stream_id for info in self._streams if cast.role_of(info) is not None])
        self._roll.note(map(StreamUp, self._streams))
        self._n_warnings = 0
        self._note_damage(self.first_s)
        self._engine = Engine(self._source, cast, predictor, self._log, [self.reel])

    @property
    def first_s(self) -> float:
        """LSL time of the recording's first sample."""
        return self._source.first_s

    @property
    def last_s(self) -> float:
        return self._source.last_s

    @property
    def ready_s(self) -> float:
        """Up to this LSL time everything is on the reel."""
        if self.done:
            return self.last_s
        pipeline = self._predictor.pipeline
        end_s = pipeline.next_end_s
        reached = self._source.position_s - MARGIN_S
        if end_s is None or math.isnan(reached):
            return self.first_s
        return max(self.first_s, min(reached, end_s - pipeline.settings.window.hop_s))

    def work(self, seconds: float) -> None:
        """Go on for about so long. Raises RtemoError when the file cannot be read any more."""
        if self.done:
            return
        if not self._engine.started:
            self._engine.step([StreamUp(info) for info in self._streams])
            self._taps.update(self._predictor.pipeline)
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self._take(self._source.exhausted)
            if self.done:
                return

    def close(self) -> None:
        """Let go of the file."""
        self._source.stop()
        self.reel.close()

    def stream_statuses(self) -> tuple[StreamStatus, ...]:
        """The recording's streams with their parts."""
        pipeline = self._predictor.pipeline
        found = self._descriptions.statuses((), (), self._roll, self._cast, pipeline, dict(self.refused))
        return tuple(self._counted(status) for _, status in found.values())

    def channel_statuses(self, time_s: float) -> tuple[ChannelStatus, ...]:
        """The EEG channels with what was wrong with them at a time."""
        branch = self._predictor.pipeline.branch(Modality.EEG)
        if not isinstance(branch, EegBranch):
            return ()
        faults = self.reel.faults_at(time_s)
        if faults is None:
            faults = np.zeros(len(branch.layout.labels), np.int8)
        return self._channels.described(branch.layout, faults, self._cast.left_out)

    def _give_out_parts(self) -> None:
        """As `rtemo replay` does, but where several streams fit one part, that is a question and no error."""
        usable = [info for info in self._streams if self._counts[info.stream_id]]
        self._cast.give_back()
        for part in (Modality.EEG, Modality.GAZE):
            try:
                self._cast.choose_for(part, usable)
            except RtemoError as error:
                self.refused[part] = str(error)
        for info in usable:
            self._cast.take_marker(info)
        if not self.refused:
            check_parts(self._cast, self._streams, self.path)

    def _prepare(self) -> None:
        """The session's baseline and self-reports, as `rtemo replay` takes them."""
        plan, pipeline = BaselinePlan.of(self._cast.settings), self._predictor.pipeline
        prepare_replay(plan, self._source, self._streams, self.path, pipeline, self._log, self._warn)
        notes, parts = recorded_notes(self._source.texts_of, self._streams), self._parts
        own, missing = recorded_persons(self.path, parts.bundle, notes, parts.persons)
        use_persons((*own, *parts.persons), self._predictor, notes)
        for what in missing:
            self._warn(what)
        self.model_at = self._predictor.model_at
        self._predictor.watches.append(self._keep)

    def _keep(self, window: Window, _embeddings: Embeddings) -> None:
        """One window a second, to be explained where the head stands."""
        if self._due(window):
            self.reel.put_window(window)

    def _note_damage(self, time_s: float) -> None:
        """What is wrong with the file, as it is met."""
        for warning in self._source.warnings[self._n_warnings :]:
            self._n_warnings += 1
            self._log.add(Event(time_s, EventKind.NOTE, warning))

    def _take(self, over: bool) -> None:  # noqa: FBT001 - what the source says
        if over:
            self._engine.finish()
            self.done = True
        else:
            self._engine.step(self._source.read())
        self._taps.update(self._predictor.pipeline)
        self._note_faults()
        self._note_damage(self._source.position_s)

    def _note_faults(self) -> None:
        branch = self._predictor.pipeline.branch(Modality.EEG)
        if not isinstance(branch, EegBranch):
            return
        for end in sorted(end for end in branch.frames if end > self._newest_end):
            self._newest_end = end
            self.reel.put_faults(self._predictor.pipeline.grid.seconds(end), branch.frames[end].fault)

    def _warn(self, text: str) -> None:
        self.reel.put_event(Event(self.first_s, EventKind.NOTE, text))

    def _hear(self, event: Event) -> None:
        """What happens before the first prediction has no time of its own yet."""
        self.reel.put_event(replace(event, time_s=max(event.time_s, self.first_s)))

    def _counted(self, status: StreamStatus) -> StreamStatus:
        n = self._counts[status.stream_id]
        rate_hz = math.nan
        if status.role in (Modality.EEG, Modality.GAZE):
            branch = self._predictor.pipeline.branch(Modality(status.role))
            if branch is not None and branch.timeline.rate is not None:
                rate_hz = branch.timeline.rate.hz
        state = StreamState.STREAMING if n else StreamState.WAITING
        return replace(status, n_samples=n, measured_hz=rate_hz, state=state)


def check_parts(cast: StreamRoles, streams: Sequence[StreamInfo], path: Path) -> None:
    """Whether a recording has EEG or gaze, and what was asked for. Raises RtemoError with what it has."""
    listed = " | ".join(info.describe() for info in streams)
    if missing := cast.missing():
        asked = ", ".join(f"{part} ({cast.queries[part]})" for part in missing)
        raise RtemoError(f"{path} has no stream for {asked}", listed, "correct the query")
    if not ({Modality.EEG, Modality.GAZE} & set(cast.parts)):
        raise RtemoError(f"{path} has no EEG and no gaze stream with samples", listed, "name one with --eeg or --gaze")
