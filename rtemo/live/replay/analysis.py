"""A recording through the engine, pipeline and model of `rtemo replay`, piece by piece, as fast as it goes.

What it finds is kept. So any moment of the recording can be shown with the predictions that its true past
gives, and moving about in it costs nothing.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from rtemo.core.eeg.branch import EegBranch
from rtemo.core.types import Modality, StreamState, StreamUp, Window
from rtemo.live.engine.explanations import Due
from rtemo.live.replay.recorded_view import RecordedView
from rtemo.live.replay.replay_engine import replay_engine
from rtemo.live.service.display_taps import DisplayTaps
from rtemo.live.service.further_streams import FurtherStreams
from rtemo.live.service.snapshot import ChannelStatus, StreamStatus
from rtemo.live.service.status import ChannelStatuses, StreamStatuses, with_impedances
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.model.embeddings import Embeddings
from rtemo.recorder.announced_streams import AnnouncedStreams
from rtemo.recordings.events import Event, EventKind, EventLog
from rtemo.recordings.open_recording import OpenRecording, SeveralParticipants
from rtemo.sources.stream_roles import StreamRoles

MARGIN_S = 2.0  # display samples and notes come so much later than the samples that they are made of, at most


class Analysis:
    """One recording with one choice of streams. Owned by one thread."""

    def __init__(self, path: Path, setup: EngineSetup, roles: StreamRoles | None = None, participant: str = "") -> None:
        """Looks through the file and gives out the roles. roles: those of an earlier analysis of it.
        participant: whose, of several; empty: the first.

        Raises RtemoError where it can give no prediction.
        """
        self.path, self.view, self.done = path, RecordedView(), False
        self.refused: dict[Modality, str] = {}
        self._log = EventLog()
        self._log.listen(self._show_event)
        current = setup.roles.anew()

        def opened(participant: str) -> OpenRecording:
            return OpenRecording(
                path,
                current.profiles,
                lambda recorded: recorded or current.settings,
                roles=roles,
                ambiguous=self.refused,
                participant=participant,
                further=True,
            )

        try:
            try:
                recording = opened(participant)
            except SeveralParticipants as several:
                recording = opened(several.participants[0])
        except BaseException:
            self.view.close()
            raise
        self.participants, self.participant = recording.participants, recording.participant
        self.roles, self._recording, self._source = recording.roles, recording, recording.source
        self._channels, self._descriptions, self._announced = ChannelStatuses(), StreamStatuses(), AnnouncedStreams()
        self._announced.note(map(StreamUp, recording.streams))
        self._display, self._further = DisplayTaps(self.view), FurtherStreams(self.view)
        self._newest_end, self._n_warnings = -1, 0
        self._due = Due()
        predictor = self._predictor = setup.new_predictor()
        self.model_at = predictor.model_at
        predictor.watches.append(self._keep)
        self._note_damage(self.first_s)
        for notice in recording.notices[self._n_warnings :]:
            self._warn(notice)
        try:
            self._engine = replay_engine(
                recording, predictor, setup.bundle, self._log, [self.view], setup.persons, warn=self._warn
            )
        except BaseException:
            self.close()
            raise

    @property
    def first_s(self) -> float:
        """LSL time of the recording's first sample."""
        return self._source.first_s

    @property
    def last_s(self) -> float:
        return self._source.last_s

    @property
    def ready_s(self) -> float:
        """Up to this LSL time everything is known."""
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
            self._engine.step([StreamUp(info) for info in self._recording.opening])
            self._display.update(self._predictor.pipeline)
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self._take(self._source.exhausted)
            if self.done:
                return
        self._engine.settle()  # what `ready_s` covers has been put into the view

    def close(self) -> None:
        """Let go of the file."""
        self._source.stop()
        self.view.close()

    def stream_statuses(self) -> tuple[StreamStatus, ...]:
        """The recording's streams with their roles."""
        pipeline, auxiliary = self._predictor.pipeline, self._engine.auxiliary
        refused = {part.value: why for part, why in self.refused.items()}
        found = self._descriptions.statuses((), (), self._announced, self.roles, pipeline, refused, auxiliary)
        return tuple(self._counted(status) for _, status in found.values())

    def channel_statuses(self, time_s: float) -> tuple[ChannelStatus, ...]:
        """The EEG channels with what was wrong with them at a time."""
        branch = self._predictor.pipeline.branch(Modality.EEG)
        if not isinstance(branch, EegBranch):
            return ()
        faults = self.view.faults_at(time_s)
        if faults is None:
            faults = np.zeros(len(branch.channel_map.labels), np.int8)
        found = self._channels.described(branch.channel_map, faults, self.roles.left_out)
        return with_impedances(found, self._engine.auxiliary)

    def _keep(self, window: Window, _embeddings: Embeddings) -> None:
        """One window a second, to be explained where the head stands."""
        if self._due(window):
            self.view.put_window(window)

    def _note_damage(self, time_s: float) -> None:
        """What is wrong with the file, as it is met."""
        for warning in self._source.warnings[self._n_warnings :]:
            self._n_warnings += 1
            self._log.add(Event(time_s, EventKind.NOTE, warning))

    def _take(self, over: bool) -> None:  # noqa: FBT001 - the source is exhausted
        if over:
            self._engine.finish()
            self.done = True
        else:
            items = self._source.read()
            self._further.take(items, self._announced.infos, self.roles.role_of)
            self._engine.step(items)
        self._display.update(self._predictor.pipeline)
        self._note_faults()
        self._note_damage(self._source.position_s)

    def _note_faults(self) -> None:
        branch = self._predictor.pipeline.branch(Modality.EEG)
        if not isinstance(branch, EegBranch):
            return
        for end in sorted(end for end in branch.frames if end > self._newest_end):
            self._newest_end = end
            self.view.put_faults(self._predictor.pipeline.grid.seconds(end), branch.frames[end].fault)

    def _warn(self, text: str) -> None:
        self.view.put_event(Event(self.first_s, EventKind.NOTE, text))

    def _show_event(self, event: Event) -> None:
        """What happens before the first prediction has no time of its own yet."""
        self.view.put_event(replace(event, time_s=max(event.time_s, self.first_s)))

    def _counted(self, status: StreamStatus) -> StreamStatus:
        n = self._recording.n_samples(status.stream_id)
        dejitter = self._predictor.pipeline.dejitter(Modality(status.role)) if status.role else None
        rate_hz = dejitter.rate.hz if dejitter is not None and dejitter.rate is not None else math.nan
        state = StreamState.STREAMING if n else StreamState.WAITING
        return replace(status, n_samples=n, measured_hz=rate_hz, state=state)
