"""The engine on live streams: a fresh pipeline and model on a running source, with a session's outputs or without.

This is the one place where a live session is put together: `rtemo live`, the window and `rtemo bench` use it. So a
session's predictions depend on nothing but what it records, and its recording replays to them.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import rtemo
from rtemo.core.eeg.branch import EegBranch
from rtemo.core.eeg.quality import ChannelMark
from rtemo.core.errors import RtemoError
from rtemo.core.frozen_state import freeze, thaw
from rtemo.core.types import Item, Modality, StreamDown, StreamState, StreamUp
from rtemo.live.engine.batching import SPAN_S
from rtemo.live.engine.engine import Engine, taken_of
from rtemo.live.engine.run_together import READ_S, LiveOptions
from rtemo.live.output.prediction_files import PredictionSink
from rtemo.live.session.calibrating import SessionCalibration
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.live.session.outputs import SessionOutputs
from rtemo.live.session.saved_state import SAVE_S, SavedState, StateAbout, StateFile, load_state
from rtemo.live.session.take_up import TakenUpSession
from rtemo.model.personal.session_notes import NOTICE_S, ChannelMarked
from rtemo.model.predictor import Predictor
from rtemo.recorder.recording_source import RecordedSource
from rtemo.recordings.baseline_plan import BaselinePlan, MarkedBaseline
from rtemo.recordings.calibrations import use_persons
from rtemo.recordings.events import Event, EventKind, EventLog
from rtemo.recordings.session_facts import note_event, profile_event, rest_event
from rtemo.sources.session_settings import SessionSettings

_LOG = logging.getLogger("rtemo.engine")

KEPT = frozenset({"watches", "working", "tap", "decided"})  # of predictor and pipeline: they are the new engine's own


class SessionRun:
    """One engine with a predictor of its own. Owned by the thread that turns it."""

    def __init__(
        self,
        setup: EngineSetup,
        source: RecordedSource,
        settings: SessionSettings,
        log: EventLog,
        sinks: Sequence[PredictionSink],
        outputs: SessionOutputs | None = None,
        *,
        patient: bool = False,
        duration_s: float | None = None,
        opening: Sequence[Item] | None = None,
        engines: int = 1,
    ) -> None:
        """source: has been started. settings: with the participant. outputs: None for a preview, which keeps nothing.

        log: the outputs' own, where there are some. patient: in the window, see LiveOptions. duration_s: see there.
        engines: see there. opening: what the engine is given first; None: everything.
        Raises RtemoError where the planned baseline does not fit the model or the participant.
        """
        self._setup, self.outputs, self._clock, self._log = setup, outputs, setup.clock, log
        self.participant = settings.alone
        self._source, self.stop = source, threading.Event()
        self.predictor = self._new_predictor()
        self.calibration: SessionCalibration | None = None
        self.turns: list[Callable[[], object]] = []  # whatever else is to be done once a read
        self.rests: tuple[tuple[float, float], ...] = ()  # stated before, in a session that is taken up
        self._marked: MarkedBaseline | None = None
        self.state_file, self._saved_s = _state_file(outputs, self.participant), setup.clock()
        self._unsaved = False  # whether it was said that the state cannot be saved
        self._running = source.running  # where samples are counted from, for a state that is saved
        options = LiveOptions(
            setup.clock,
            duration_s=duration_s,
            patient=patient,
            each_turn=self.after_read,
            span_s=SPAN_S if patient else READ_S,
            pauses=source.buffered,
            engines=engines,
            stopwatch=setup.stopwatch,
        )
        self.engine = Engine(source, setup.roles, self.predictor, log, sinks, options, participant=self.participant)
        if opening is None:
            opening = outputs.opening if outputs is not None else source.opening()
        if outputs is not None and outputs.taken_up is not None:
            self._take_up(outputs.taken_up.of(self.participant), outputs, opening)
            opening = [item for item in opening if taken_of(item) is None]  # the recording had the clocks, too
        else:
            self._begin(settings)
        if self._marked is not None:
            log.listen(self._marked)
        self.engine.step(opening)
        if outputs is not None and outputs.taken_up is None:
            for profile in setup.roles.own_profiles:
                self._state(profile_event(self._clock(), profile))

    def _begin(self, settings: SessionSettings) -> None:
        """Give the predictor what the session begins with."""
        setup, outputs, plan = self._setup, self.outputs, BaselinePlan.of(settings)
        pipeline = self.predictor.pipeline
        if plan is not None:  # the participant is named when a session starts
            plan.prepare(pipeline, settings.subject if outputs is not None else None)
        if outputs is None:
            use_persons(setup.persons, self.predictor)
            return
        outputs.announce_session()
        if plan is not None:
            outputs.announce_baseline(plan, self.participant)
        self._marked = MarkedBaseline(plan, pipeline, self._warn)
        self.calibration = self._new_calibration(outputs)
        self.calibration.begin_with(setup.persons, outputs.started_s)

    def _take_up(self, taken_up: TakenUpSession, outputs: SessionOutputs, opening: Sequence[Item]) -> None:
        """Rebuild the state that the engine before this one had, from what it saved and the recording after that."""
        setup = self._setup
        saved = load_state(taken_up.recording, setup.bundle.fingerprint, setup.hop_s, self.participant)
        self.calibration = self._new_calibration(outputs)
        if saved is not None and not self._thaw(saved):
            saved = None
            self.predictor = self._new_predictor()
            self.engine.use(self.predictor)
            self.calibration = self._new_calibration(outputs)
        self.calibration.take_up(taken_up.facts.notes)
        taken_up.give_roles(setup.roles)
        self.rests = taken_up.facts.rests
        since_s = -math.inf if saved is None else saved.about.saved_s
        self._marked = taken_up.prepare(self.predictor, setup.bundle, self._warn, since_s)
        if saved is not None:
            self._marked.begun_s = saved.about.marked_s
        then = EventLog()
        then.listen(self._marked)
        there = [item.info for item in opening if isinstance(item, StreamUp)]
        there += [status.info for status in self._source.status()]  # those that are lost are not announced
        there += self.engine.known if saved is not None else ()  # those that were replaced by others are nowhere else
        about, running = saved.about if saved is not None else None, taken_up.running
        self.engine.taken.update(about.taken if about is not None else {})
        for part, items in taken_up.items(there, about):
            if part == running.first and part > (about.part if about is not None else 0):
                self.engine.taken.clear()  # counted from here on: the recorder that runs began with this file
            self.engine.rebuild(self._working(items), then)
        announced = {item.info.stream_id for item in opening if isinstance(item, StreamUp)}
        gone = [name for name in self.engine.used if name not in announced]
        self.engine.rebuild([[StreamDown(name, StreamState.LOST, "") for name in gone]], then)  # nobody else says so
        self._running = self._source.running
        for note in taken_up.notes:
            self._log.add(note)

    def _new_predictor(self) -> Predictor:
        """One of which whoever looks after the engine sees that it works, however slow its model is."""
        made = self._setup.new_predictor()
        made.working = self._source.alive
        return made

    def _working(self, items: Iterable[list[Item]]) -> Iterator[list[Item]]:
        """The same; whoever looks after the engine sees that it works, though it reads nothing new."""
        for some in items:
            self._source.alive()
            yield some

    def _thaw(self, saved: SavedState) -> bool:
        """Whether the saved state could be taken over."""
        assert self.calibration is not None
        into = {"predictor": self.predictor, "memory": self.calibration.memory}
        try:
            found = thaw(saved.state, self._given, into, KEPT)
            self.engine.restore(found["engine"])
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            _LOG.warning("the engine's saved state is not used: %s: %s", type(error).__name__, error)
            return False
        return True

    def save(self) -> None:
        """Copy the state, and have it written."""
        if self.state_file is None or self.state_file.busy or self.calibration is None:
            return
        self._saved_s = self._clock()
        roots = {"predictor": self.predictor, "memory": self.calibration.memory, "engine": self.engine.state()}
        about = StateAbout(
            rtemo.__version__,
            self._setup.bundle.fingerprint,
            self._setup.hop_s,
            self._saved_s,
            self._running.first if self._running is not None else 0,
            dict(self.engine.taken),
            self._marked.begun_s if self._marked is not None else None,
        )
        try:
            frozen = freeze(roots, self._given, KEPT)
        except TypeError as error:  # something that is no state: no reason for a session to end
            if not self._unsaved:
                self._warn(f"the engine's state cannot be saved: {error}; a next engine reads the recording again")
            self._unsaved = True
            return
        self.state_file.write(SavedState(about, frozen))

    @property
    def _given(self) -> dict[str, object]:
        """What is not part of the state: it is loaded anew."""
        return {"bundle": self._setup.bundle, "runtime": self.predictor.runtime}

    def finish(self) -> None:
        """The last predictions, for whoever steps the engine himself. Nothing may be stepped afterwards."""
        if self.outputs is not None:
            self.engine.step(self._source.hold())
        self.engine.finish()
        self.end()

    def begin_rest(self, seconds: float, begin_s: float | None = None) -> tuple[float, float]:
        """Let the next seconds be the baseline that predictions are relative to. Returns when it begins and its length.

        begin_s: of a rest that goes on for longer than was announced, LSL time.

        Raises RtemoError for a length that cannot be a baseline.
        """
        assert self.outputs is not None
        length_s = float(f"{seconds:g}")
        begin_s = self._clock() if begin_s is None else begin_s
        self.predictor.pipeline.rest(begin_s, begin_s + length_s)
        self._state(rest_event(begin_s, length_s))
        return begin_s, length_s

    def mark_channel(self, label: str, mark: str) -> None:
        """Let an EEG channel count as bad or good, or as what is found, from now on; see ChannelMark."""
        branch = self.predictor.pipeline.branch(Modality.EEG)
        if mark not in set(ChannelMark):
            raise RtemoError(f"no channel can be marked {mark!r}", "", f"the marks are {', '.join(ChannelMark)}")
        if not isinstance(branch, EegBranch) or label not in branch.channel_map.labels:
            raise RtemoError(f"there is no EEG channel {label!r}", "", "name one of the electrodes in use")
        now_s = self._clock()
        note = ChannelMarked(label, mark, now_s + NOTICE_S)
        self.predictor.note(note, now_s)
        self._state(note_event(now_s, note))

    def after_read(self) -> None:
        """Look after what goes on by itself. To be called once a read, by whoever reads."""
        if self.outputs is not None:
            self.outputs.look_after()
        for turn in self.turns:
            turn()
        if self._source.ending:
            self.stop.set()
        if self._source.running is not self._running:  # the recorder came back, and records into another file
            self._running = self._source.running
            self.engine.use_all()
            self.engine.taken.clear()
            self._saved_s = -math.inf
        elif self._clock() - self._saved_s >= SAVE_S:
            self.save()

    def _warn(self, why: str) -> None:
        if self.outputs is not None:
            self._state(Event(self._clock(), EventKind.FAILURE, why))

    def _state(self, event: Event) -> None:
        """Add an event that is about this participant."""
        self._log.add(replace(event, participant=self.participant))

    def _new_calibration(self, outputs: SessionOutputs) -> SessionCalibration:
        keep, clock = partial(outputs.keep_calibration, participant=self.participant), self._setup.clock
        return SessionCalibration(self._setup.bundle, self.predictor, keep, clock, self._state)

    def end(self) -> None:
        """Wait for a fit that runs, and keep the baseline that was in effect."""
        if self.calibration is not None:
            self.calibration.close()
        if self.outputs is not None:
            self.outputs.keep_baseline(self.predictor.pipeline, self.participant)
        if self.state_file is not None:
            self.state_file.remove()


def _state_file(outputs: SessionOutputs | None, participant: str) -> StateFile | None:
    """Where the state is saved; None where nothing is recorded that could be taken up."""
    recording = outputs.recording if outputs is not None else None
    return StateFile(recording, participant) if recording is not None else None
