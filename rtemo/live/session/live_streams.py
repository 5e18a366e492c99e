"""The live streams in the application: looked for, given their roles, read through one engine, and shown.

A session begins with another engine and a fresh pipeline on the running source: so its predictions depend on nothing
but what it records. Owned by the engine's thread, like everything that a controller works with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rtemo.core.auxiliary.columns import AuxiliaryReader
from rtemo.core.eeg.branch import EegBranch
from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, Modality, StreamInfo
from rtemo.live.engine.explanations import Explaining
from rtemo.live.engine.run_together import READ_S
from rtemo.live.output.prediction_files import PredictionSink
from rtemo.live.service.display_taps import DisplayTaps
from rtemo.live.service.feed import Feed
from rtemo.live.service.further_streams import FurtherStreams
from rtemo.live.service.snapshot import ChannelStatus, ElectrodePlaces, StreamStatus
from rtemo.live.service.status import ChannelStatuses, StreamStatuses
from rtemo.live.session.assemble_session import SessionRun
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.live.session.outputs import KEPT_EVENTS, SessionOutputs
from rtemo.model.prediction import Prediction
from rtemo.model.predictor import Predictor
from rtemo.recorder.announced_streams import GONE
from rtemo.recorder.recording_source import RecordedSource, RunningRecording
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.events import Event, EventKind, EventLog
from rtemo.sources.participants import OWN_ROLES
from rtemo.sources.session_settings import SessionSettings, parse_settings, refuse_several, settings_text
from rtemo.sources.stream_choice import StreamQuery
from rtemo.sources.study_settings import session_name


class PredictionGate:
    """A PredictionSink that shows predictions and passes them on, or is shut."""

    def __init__(self, show: Callable[[Prediction], None]) -> None:
        self._show = show
        self._sinks: Sequence[PredictionSink] = ()
        self._open = True

    def open_for(self, sinks: Sequence[PredictionSink]) -> None:
        self._sinks, self._open = sinks, True

    def shut(self) -> None:
        self._open = False

    def put(self, prediction: Prediction) -> None:
        if self._open:
            for sink in self._sinks:
                sink.put(prediction)
            self._show(prediction)

    def discard(self) -> None:
        """What was passed on cannot be taken back."""

    def close(self) -> None:
        """The sinks are closed by whoever opened them."""


LISTED = OWN_ROLES


class LiveStreams:
    """Opened once, closed once; in between it is turned."""

    def __init__(self, setup: EngineSetup, feed: Feed, published: Callable[[Prediction], None]) -> None:
        """published: gets every prediction that is not held back."""
        self.gate = PredictionGate(published)
        self.log = EventLog(KEPT_EVENTS)
        self.refused: dict[Modality, str] = {}
        self.recording = False  # whether a session is kept: then nothing about the streams may change
        self._setup, self._feed, self._roles = setup, feed, setup.roles
        self._further = FurtherStreams(feed)
        self._taps, self._channels, self._descriptions = DisplayTaps(feed), ChannelStatuses(), StreamStatuses()
        self._session_settings: SessionSettings | None = None  # of the session that is kept
        self._written = (setup.roles.settings, settings_text(setup.roles.settings))
        self.explaining = Explaining(setup.bundle)
        self._source: RecordedSource | None = None
        self.run: SessionRun | None = None  # the session's, or that of the preview

    # What clients may ask for.

    def do_choose(self, role: str, stream_id: str) -> None:
        """Pin a stream to a part; an empty stream_id lets the part be given out automatically."""
        self._require_no_session("streams are chosen")
        if role not in set(Modality):
            raise RtemoError(f"there is no role {role!r}", "", f"the roles are {', '.join(Modality)}")
        part = Modality(role)
        self._roles.pin(part, self._query_of(stream_id) if stream_id else None)
        self._roles.give_back()
        self._reopen()

    def do_record_stream(self, stream_id: str, *, recorded: bool) -> None:
        """Whether to record a stream that is neither the EEG nor the gaze."""
        self._require_no_session("what is recorded is chosen")
        found = self._streams().get(stream_id)
        if found is None:
            raise RtemoError(f"there is no stream {stream_id!r}", "", "choose one of the list")
        if found[1].role in LISTED:
            raise RtemoError(f"{found[0].name} is recorded", "it is in use", "choose another stream in its place")
        self._roles.record(found[0], recorded=recorded)
        self._roles.give_back()
        self._reopen()

    def do_configure(self, settings: str) -> None:
        """Go on with other session settings, given as the text of a TOML file."""
        self._require_no_session("settings are changed")
        new = parse_settings(settings)
        if (plan := BaselinePlan.of(new)) is not None:
            plan.prepare(self._setup.new_predictor().pipeline, None)
        refuse_several(new, "the window")
        self._roles.adopt(new)
        self._reopen()
        self.open_receivers()
        self.say(EventKind.NOTE, "the session's settings were changed")

    def do_describe(self, settings: str) -> None:
        """Name the next session as other settings do, and take over what else of them is about no stream."""
        self._require_no_session("a session is named")
        new = parse_settings(settings)
        session_name(new)
        names = ("study", "session", "task", "run", "conditions", "protocol", "annotations", "baseline_s", "required")
        own = {name: getattr(new, name) for name in (*names, "outputs")}
        self._roles.settings = replace(self._roles.settings, **own)
        self.open_receivers()

    def do_exclude(self, label: str, *, excluded: bool) -> None:
        """Leave a channel out, or take it in again."""
        self._require_no_session("channels are left out")
        self._roles.leave_out(label, out=excluded)
        self.preview()
        self.say(EventKind.NOTE, f"channel {label} {'left out' if excluded else 'used again'}")

    # For the controller.

    def open_receivers(self) -> None:
        """Publish on the network as the settings ask for. What cannot be opened is an event, and the rest goes on."""
        if self._setup.receivers is not None:
            try:
                self._setup.receivers.adopt(self.settings.outputs)
            except RtemoError as error:
                self.say(EventKind.FAILURE, str(error))

    def open(self) -> None:
        """Look for streams and show them."""
        self.refused.clear()
        self._source = self._setup.open_source(self._roles, self.refused)
        self._source.start()
        self.run = None
        self.preview()

    def close(self) -> None:
        """Let go of the streams."""
        self.explaining.close()
        if self._source is not None:
            self._source.stop()

    def leave(self) -> None:
        """Leave the streams, and what is recorded of them, to the next engine."""
        self.explaining.close()
        if self._source is not None:
            self._source.leave()

    def turn(self) -> float:
        """Read once. Returns how long the caller may wait before the next turn."""
        assert self._source is not None
        assert self.run is not None
        items: list[Item] = [] if self._source.exhausted else self._source.read(READ_S)
        self.run.engine.step(items)
        self.run.after_read()
        self.explaining.begin()
        self._further.take(items, self._source.announced.infos, self._roles)
        self._taps.update(self.predictor.pipeline)
        return READ_S if self._source.exhausted else self.run.engine.pause_s

    def preview(self) -> None:
        """Show the streams and keep nothing."""
        log = EventLog(KEPT_EVENTS)
        log.listen(self._feed.put_event)
        self._take_over(log, None)

    def begin(self, outputs: SessionOutputs, settings: SessionSettings) -> SessionRun:
        """Let a session go on with the source. settings: with the participant."""
        return self._take_over(outputs.events, outputs, settings)

    def _take_over(
        self, log: EventLog, outputs: SessionOutputs | None, settings: SessionSettings | None = None
    ) -> SessionRun:
        """Let a new engine with a fresh pipeline go on with the source."""
        assert self._source is not None
        self.recording, self.log = outputs is not None, log
        self._session_settings = settings if outputs is not None else None
        self.gate.open_for(outputs.sinks if outputs is not None else ())
        run = SessionRun(self._setup, self._source, settings or self.settings, log, [self.gate], outputs, patient=True)
        self.run = run
        self.explaining.follow(run.predictor)
        return run

    def say(self, kind: EventKind, text: str) -> None:
        """An event that happens now, of the session or of the preview."""
        self.log.add(Event(self._setup.clock(), kind, text))

    @property
    def source(self) -> RecordedSource:
        """What is read. The streams have been opened."""
        assert self._source is not None
        return self._source

    @property
    def ending(self) -> bool:
        """Whether the engine is asked to end."""
        return self._source is not None and self._source.ending

    @property
    def running(self) -> RunningRecording | None:
        """What was recorded already when the streams were opened."""
        return self._source.running if self._source is not None else None

    @property
    def predictor(self) -> Predictor:
        """That of the engine that runs. The streams have been opened."""
        assert self.run is not None
        return self.run.predictor

    @property
    def arrived_s(self) -> float:
        """When the last sample of the window that is published came; NaN where it was not waited for."""
        return math.nan if self.run is None else self.run.engine.arrived_s

    @property
    def playing(self) -> list[StreamInfo]:
        """The EEG and gaze streams that are in use and there."""
        roles = self.run.engine.roles if self.run is not None else {}
        return [info for info in roles.values() if self.source.announced.states.get(info.stream_id) not in GONE]

    @property
    def by_role(self) -> dict[str, StreamInfo]:
        """The streams that a session begins with, for its settings file."""
        roles = {info: self._roles.role_of(info) for info in self.source.announced.infos.values()}
        return {(role.value if role in LISTED else info.stream_id): info for info, role in roles.items() if role}

    @property
    def settings(self) -> SessionSettings:
        """The session's settings with what was chosen by hand."""
        return self._roles.settings

    @property
    def settings_text(self) -> str:
        """The same as the text of a file; in a session its own, with participant and notes."""
        settings = self.settings if self._session_settings is None else self._session_settings
        if self._written[0] is not settings:
            self._written = (settings, settings_text(settings))
        return self._written[1]

    def stream_statuses(self) -> tuple[StreamStatus, ...]:
        return tuple(status for _, status in self._streams().values())

    def channel_statuses(self) -> tuple[ChannelStatus, ...]:
        return self._channels.statuses(self.predictor.pipeline, self._roles.left_out, self._auxiliary)

    @property
    def places(self) -> ElectrodePlaces | None:
        """How well the places of the EEG channels are known; None without EEG."""
        branch = self.predictor.pipeline.branch(Modality.EEG)
        if not isinstance(branch, EegBranch):
            return None
        layout = branch.channel_map
        return ElectrodePlaces(len(layout.unplaced), layout.doubtful)

    # How it is done.

    @property
    def _auxiliary(self) -> Mapping[str, AuxiliaryReader]:
        return self.run.engine.auxiliary if self.run is not None else {}

    def _reopen(self) -> None:
        self.close()
        self._further.clear()
        self._feed.begin_era()  # what follows may be of another source
        self.open()

    def _require_no_session(self, what: str) -> None:
        if self.recording:
            raise RtemoError(f"{what} before a session", "one is running", "stop it first")

    def _query_of(self, stream_id: str) -> StreamQuery:
        found = self._streams().get(stream_id)
        if found is None:
            raise RtemoError(f"there is no stream {stream_id!r}", "", "choose one of the list")
        info, _ = found
        return StreamQuery(info.name, info.type, info.source_id, info.hostname)

    def _streams(self) -> dict[str, tuple[StreamInfo, StreamStatus]]:
        if self._source is None:
            return {}
        return self._descriptions.statuses(
            self._source.status(),
            self._source.visible,
            self._source.announced,
            self._roles,
            self.predictor.pipeline,
            dict(self.refused),
            self._auxiliary,
            columns=not self.recording,
        )
