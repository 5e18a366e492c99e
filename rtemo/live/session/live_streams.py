"""The live streams in the application: looked for, given their roles, read through an engine for each participant, and
shown.

A session begins with other engines and fresh pipelines on the running source: so its predictions depend on nothing
but what it records. Owned by the engine's thread, like everything that a controller works with.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

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
from rtemo.live.session.joint_session import JointSession
from rtemo.live.session.outputs import KEPT_EVENTS, SessionOutputs
from rtemo.live.session.take_up import settings_of_running
from rtemo.model.explain import Explanation
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.prediction import Prediction
from rtemo.recorder.announced_streams import GONE
from rtemo.recorder.recording_source import RecordedSource, RunningRecording
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.calibrations import load_persons
from rtemo.recordings.events import Event, EventKind, EventLog
from rtemo.sources.participant_roles import ParticipantRoles
from rtemo.sources.participants import OWN_ROLES
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
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


class LiveStreams:
    """Opened once, closed once; in between it is turned."""

    def __init__(self, setup: EngineSetup, feed: Feed, published: Callable[[Prediction], None]) -> None:
        """published: gets every prediction that is not held back."""
        self.log = EventLog(KEPT_EVENTS)
        self.refused: dict[str, str] = {}  # why a role has no stream, by the role's name
        self.recording = False  # whether a session is kept: then nothing about the streams may change
        self._setup, self._feed, self._roles = setup, feed, ParticipantRoles.around(setup.roles)
        self._published = published
        self._persons_of(setup.roles.settings)  # what cannot be read is an error now
        self._gates: dict[str, PredictionGate] = {}
        self._taps: dict[str, DisplayTaps] = {}
        self._channels: dict[str, ChannelStatuses] = {}
        self._explaining: dict[str, Explaining] = {}
        self._further, self._descriptions = FurtherStreams(feed), StreamStatuses()
        self._session_settings: SessionSettings | None = None  # of the session that is kept
        self._written = (setup.roles.settings, settings_text(setup.roles.settings))
        self._source: RecordedSource | None = None
        self._session: JointSession | None = None  # the one that is kept, or that of the preview

    # What clients may ask for.

    def do_choose(self, role: str, stream_id: str, participant: str = "") -> None:
        """Pin a stream to a part; an empty stream_id lets the part be given out automatically. Of several participants,
        to the part of the one that is named; an empty stream_id leaves that one without.
        """
        self._require_no_session("streams are chosen")
        if role not in set(Modality):
            raise RtemoError(f"there is no role {role!r}", "", f"the roles are {', '.join(Modality)}")
        self._roles.pin(participant, Modality(role), self._query_of(stream_id) if stream_id else None)
        self._roles.give_back()
        self._reopen()

    def do_record_stream(self, stream_id: str, *, recorded: bool) -> None:
        """Whether to record a stream that is neither the EEG nor the gaze."""
        self._require_no_session("what is recorded is chosen")
        found = self._streams().get(stream_id)
        if found is None:
            raise RtemoError(f"there is no stream {stream_id!r}", "", "choose one of the list")
        if found[1].role in OWN_ROLES:
            raise RtemoError(f"{found[0].name} is recorded", "it is in use", "choose another stream in its place")
        self._roles.record(found[0], recorded=recorded)
        self._roles.give_back()
        self._reopen()

    def do_configure(self, settings: str) -> None:
        """Go on with other session settings, given as the text of a TOML file."""
        self._require_no_session("settings are changed")
        new = parse_settings(settings)
        for own in new.each:
            if (plan := BaselinePlan.of(own)) is not None:
                plan.prepare(self._setup.new_predictor().pipeline, None)
        self._persons_of(new)
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
        self._roles.describe(**{name: getattr(new, name) for name in (*names, "outputs")})
        self.open_receivers()

    def do_exclude(self, label: str, *, excluded: bool, participant: str = "") -> None:
        """Leave a channel out, or take it in again. participant: whose, of several; empty: the first's."""
        self._require_no_session("channels are left out")
        self._roles.leave_out(participant, label, out=excluded)
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
        self._session = None
        if self._source.running is not None:
            self._adopt_running(self._source, self._source.running)
        self.preview()

    def _adopt_running(self, source: RecordedSource, running: RunningRecording) -> None:
        """Go by the settings of the session that is recorded, which may have been changed since the engine before this
        one was started.
        """
        settings = self.settings
        with contextlib.suppress(RtemoError):  # whoever takes it up says so
            recorded = replace(settings_of_running(running), subject=settings.subject, notes=settings.notes)
            if recorded == settings:
                return
            self._roles.adopt(recorded)
        for stream_id, role in source.chosen.items():
            if (info := source.announced.infos.get(stream_id)) is not None:
                self._roles.give(role, info)

    def close(self) -> None:
        """Let go of the streams."""
        self._end_explaining()
        if self._source is not None:
            self._source.stop()

    def leave(self) -> None:
        """Leave the streams, and what is recorded of them, to the next engine."""
        self._end_explaining()
        if self._source is not None:
            self._source.leave()

    def _end_explaining(self) -> None:
        for explaining in self._explaining.values():
            explaining.close()

    def turn(self) -> float:
        """Read once. Returns how long the caller may wait before the next turn."""
        assert self._source is not None
        assert self._session is not None
        items: list[Item] = [] if self._source.exhausted else self._source.read(READ_S)
        self._session.step(items)
        self._session.after_read()
        for explaining in self._explaining.values():
            explaining.begin()
        self._further.take(items, self._source.announced.infos, self._roles.role_of)
        for whose, taps in self._taps.items():
            taps.update(self._session.runs[whose].predictor.pipeline)
        return READ_S if self._source.exhausted else self._session.pause_s

    def preview(self) -> None:
        """Show the streams and keep nothing."""
        log = EventLog(KEPT_EVENTS)
        log.listen(self._feed.put_event)
        self._take_over(log, None)

    def begin(self, outputs: SessionOutputs, settings: SessionSettings) -> JointSession:
        """Let a session go on with the source. settings: with the participant."""
        return self._take_over(outputs.events, outputs, settings)

    def _take_over(
        self, log: EventLog, outputs: SessionOutputs | None, settings: SessionSettings | None = None
    ) -> JointSession:
        """Let new engines with fresh pipelines go on with the source."""
        assert self._source is not None
        self.recording, self.log = outputs is not None, log
        self._session_settings = settings if outputs is not None else None
        self._tell_apart(tuple(self._roles.each))
        self.open_gates(outputs)
        asked = settings or self.settings
        sinks = {whose: [gate] for whose, gate in self._gates.items()}
        session = JointSession(
            self._setup,
            self._roles,
            self._source,
            asked,
            outputs,
            persons=self._persons_of(asked),
            patient=True,
            sinks=sinks,
            events=log,
        )
        self._session = session
        for whose, run in session.runs.items():
            self._explaining[whose].follow(run.predictor)
        return session

    def _tell_apart(self, participants: tuple[str, ...]) -> None:
        """Show these participants from now on."""
        self._feed.tell_apart(participants)
        if participants == tuple(self._gates):
            return
        self._end_explaining()
        self._gates = {whose: PredictionGate(self._published) for whose in participants}
        self._taps = {whose: DisplayTaps(self._feed.samples_of(whose)) for whose in participants}
        self._channels = {whose: ChannelStatuses() for whose in participants}
        self._explaining = {whose: Explaining(self._setup.bundle) for whose in participants}

    def open_gates(self, outputs: SessionOutputs | None) -> None:
        """Show the predictions, and give them to the outputs, where there are any."""
        for whose, gate in self._gates.items():
            gate.open_for(outputs.sinks_of(whose) if outputs is not None else ())

    def shut_gates(self) -> None:
        """Neither show the predictions nor give them out."""
        for gate in self._gates.values():
            gate.shut()

    def explained(self) -> list[tuple[str, Explanation]]:
        """The explanations that have become ready since the last call, and whose they are."""
        return [(whose, one) for whose, explaining in self._explaining.items() for one in explaining.newest()]

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
    def session(self) -> JointSession:
        """The engines that run. The streams have been opened."""
        assert self._session is not None
        return self._session

    @property
    def runs(self) -> dict[str, SessionRun]:
        """They by participant; "" where participants are not told apart."""
        return self._session.runs if self._session is not None else {}

    def run_of(self, participant: str) -> SessionRun:
        """The engine of one participant; "": of the only one. Raises RtemoError where there is none, or are several."""
        if participant in self.runs:
            return self.runs[participant]
        if participant or len(self.runs) > 1:
            known = ", ".join(who for who in self.runs if who) or "nobody is told apart from others"
            fact = f"there is no participant {participant!r}" if participant else "this is about one participant"
            raise RtemoError(fact, f"found {known}", "name one of them")
        return next(iter(self.runs.values()))

    @property
    def n_forced_and_skipped(self) -> tuple[int, int]:
        """How many windows were cut without waiting longer, and how many were left out; everybody's."""
        predictors = [run.predictor for run in self.runs.values()]
        return sum(p.n_forced for p in predictors), sum(p.pipeline.n_skipped + p.n_skipped for p in predictors)

    def arrived_s(self, prediction: Prediction) -> float:
        """When the last sample of the window that is published came; NaN where it was not waited for."""
        run = self.runs.get(prediction.participant or "")
        return math.nan if run is None else run.engine.arrived_s

    @property
    def playing(self) -> list[StreamInfo]:
        """The EEG and gaze streams that are in use and there."""
        states = self.source.announced.states if self._source is not None else {}
        used = [info for run in self.runs.values() for info in run.engine.roles.values()]
        return [info for info in dict.fromkeys(used) if states.get(info.stream_id) not in GONE]

    @property
    def by_role(self) -> dict[str, StreamInfo]:
        """The streams that a session begins with, for its settings file."""
        roles = {info: self._roles.role_of(info) for info in self.source.announced.infos.values()}
        return {(role if role != Modality.MARKERS else info.stream_id): info for info, role in roles.items() if role}

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

    def channel_statuses(self, participant: str = "") -> tuple[ChannelStatus, ...]:
        pipeline = self.run_of(participant).predictor.pipeline
        left_out = self._roles.of(participant).left_out
        return self._channels[participant].statuses(pipeline, left_out, self._auxiliary)

    def places(self, participant: str = "") -> ElectrodePlaces | None:
        """How well the places of the EEG channels are known; None without EEG."""
        branch = self.run_of(participant).predictor.pipeline.branch(Modality.EEG)
        if not isinstance(branch, EegBranch):
            return None
        layout = branch.channel_map
        return ElectrodePlaces(len(layout.unplaced), layout.doubtful)

    # How it is done.

    @property
    def _auxiliary(self) -> Mapping[str, AuxiliaryReader]:
        return {stream: reader for run in self.runs.values() for stream, reader in run.engine.auxiliary.items()}

    def _persons_of(self, settings: SessionSettings) -> dict[str, tuple[PersonalCalibration, ...]] | None:
        """The calibrations that each of several participants begins with; None: the setup's. Raises RtemoError."""
        each = {one.id: tuple(map(Path, one.person)) for one in settings.participants}
        if each and self._setup.persons:
            found = f"the participants are {', '.join(each)}"
            raise RtemoError("nobody says whose calibration it is", found, "name it for one of them, as person")
        return {whose: load_persons(files, self._setup.bundle) for whose, files in each.items()} if each else None

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
            {whose: run.predictor.pipeline for whose, run in self.runs.items()},
            dict(self.refused),
            self._auxiliary,
            columns=not self.recording,
        )
