"""The engine on live streams: a fresh pipeline and model on a running source, with a session's outputs or without.

This is the one place where a live session is put together: `rtemo live`, the window and `rtemo bench` use it. So a
session's predictions depend on nothing but what it records, and its recording replays to them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from rtemo.core.types import StreamUp
from rtemo.live.engine.engine import Engine, LiveOptions
from rtemo.live.output.prediction_files import PredictionSink
from rtemo.live.session.calibrating import SessionCalibration
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.live.session.outputs import SessionOutputs
from rtemo.recorder.recording_source import RecordedSource
from rtemo.recordings.baseline_plan import BaselinePlan, MarkedBaseline
from rtemo.recordings.calibrations import use_persons
from rtemo.recordings.events import EventKind, EventLog
from rtemo.recordings.session_facts import rest_event
from rtemo.sources.session_settings import SessionSettings


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
    ) -> None:
        """source: has been started. settings: with the participant. outputs: None for a preview, which keeps nothing.

        log: the outputs' own, where there are some. patient, duration_s: see LiveOptions. Raises RtemoError where the
        planned baseline does not fit the model or the participant.
        """
        self.predictor, self.outputs, self._clock = setup.new_predictor(), outputs, setup.clock
        pipeline, plan = self.predictor.pipeline, BaselinePlan.of(settings)
        if plan is not None and (
            outputs is None or outputs.taken_up is None
        ):  # the participant is named when a session starts
            plan.prepare(pipeline, settings.subject if outputs is not None else None)
        self.calibration: SessionCalibration | None = None
        taken_up = outputs.taken_up if outputs is not None else None
        marked: MarkedBaseline | None = None
        if outputs is None:
            use_persons(setup.persons, self.predictor)
        elif taken_up is not None:
            self.calibration = self._new_calibration(setup, outputs, log)
            self.calibration.take_up(taken_up.facts.notes)
            marked = taken_up.prepare(self.predictor, setup.bundle, lambda why: outputs.note(EventKind.FAILURE, why))
            log.listen(marked)
        else:
            outputs.announce_session()
            if plan is not None:
                outputs.announce_baseline(plan)
            log.listen(MarkedBaseline(plan, pipeline, lambda why: outputs.note(EventKind.FAILURE, why)))
            self.calibration = self._new_calibration(setup, outputs, log)
            self.calibration.begin_with(setup.persons, outputs.started_s)
        options = LiveOptions(setup.clock, duration_s=duration_s, patient=patient, each_turn=self._each_turn)
        self._source, self._stop = source, threading.Event()
        self.engine = Engine(source, setup.roles, self.predictor, log, sinks, options)
        if taken_up is not None and outputs is not None:
            then = EventLog()
            if marked is not None:
                then.listen(marked)
            there = [item.info for item in outputs.opening if isinstance(item, StreamUp)]
            self.engine.rebuild(taken_up.items(there), then)
        self.engine.step(outputs.opening if outputs is not None else source.opening())

    def run(self, stop: threading.Event) -> None:
        """Until the time is over or `stop` is set; see Engine.run. Keeps the baseline at the end."""
        self._stop = stop
        self.engine.run((), stop)
        self._end()

    def finish(self) -> None:
        """The last predictions, for whoever steps the engine himself. Nothing may be stepped afterwards."""
        if self.outputs is not None:
            self.engine.step(self._source.hold())
        self.engine.finish()
        self._end()

    def begin_rest(self, seconds: float) -> tuple[float, float]:
        """Let the next seconds be the baseline that predictions are relative to. Returns when it begins and its length.

        Raises RtemoError for a length that cannot be a baseline.
        """
        assert self.outputs is not None
        begin_s, length_s = self._clock(), float(f"{seconds:g}")
        self.predictor.pipeline.rest(begin_s, begin_s + length_s)
        self.outputs.events.add(rest_event(begin_s, length_s))
        return begin_s, length_s

    def _each_turn(self) -> None:
        if self.outputs is not None:
            self.outputs.look_after()
        if self._source.ending:
            self._stop.set()

    def _new_calibration(self, setup: EngineSetup, outputs: SessionOutputs, log: EventLog) -> SessionCalibration:
        return SessionCalibration(setup.bundle, self.predictor, outputs.keep_calibration, setup.clock, log.add)

    def _end(self) -> None:
        """Wait for a fit that runs, and keep the baseline that was in effect."""
        if self.calibration is not None:
            self.calibration.close()
        if self.outputs is not None:
            self.outputs.keep_baseline(self.predictor.pipeline)
