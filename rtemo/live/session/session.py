"""Sessions in the application: started, paused, annotated, stopped; one at a time, on the live streams."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from rtemo.core.eeg.branch import EegBranch
from rtemo.core.eeg.quality import ChannelMark
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.live.engine.explanations import as_json, rounded
from rtemo.live.service.feed import Feed
from rtemo.live.service.snapshot import Progress
from rtemo.live.session.assemble_session import SessionRun
from rtemo.live.session.baseline_check import BaselineCheck, usable_parts
from rtemo.live.session.calibrating import SessionCalibration
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.live.session.live_streams import LiveStreams
from rtemo.live.session.outputs import OutputsRequest, SessionOutputs
from rtemo.live.session.readiness import obstacle
from rtemo.live.session.report_process import ReportProcess
from rtemo.live.session.take_up import TakenUpSession
from rtemo.model.personal.session_notes import NOTICE_S, ChannelMarked
from rtemo.model.prediction import Prediction
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.events import EventKind
from rtemo.recordings.session_facts import GazeCheckResult, gaze_check_event, note_event, suspended_event
from rtemo.recordings.study.annotations import AnnotationEdit


class SessionControl:
    """The session that is kept, if there is one."""

    def __init__(self, setup: EngineSetup, feed: Feed, streaming: LiveStreams) -> None:
        self._setup, self._clock, self._feed, self._streaming = setup, setup.clock, feed, streaming
        self.session: SessionOutputs | None = None
        self.paused = False
        self.reporting = ReportProcess(setup.report, streaming.say)
        self.explanation: dict[str, float] = {}  # of the newest explained prediction
        self._baseline: BaselineCheck | None = None
        self._gaze_check: tuple[float, GazeCheckResult] | None = None  # LSL time; for the next session

    # What clients may ask for.

    def do_start(self, subject: str, notes: str, root: str) -> None:
        """Begin a session."""
        streaming = self._streaming
        if self.session is not None:
            raise RtemoError("a session starts before a session", "one is running", "stop it first")
        if not streaming.playing:
            why = "; ".join(streaming.refused.values()) or "none is on the network"
            raise RtemoError("there is no EEG and no gaze stream", why, "start one, or choose it")
        settings = streaming.settings
        if why := obstacle(streaming.stream_statuses(), settings.required):
            raise RtemoError("a session cannot start", why, "see the streams and the settings")
        if not root:
            raise RtemoError("the session has no folder", "root is empty", "choose a folder")
        baseline = BaselinePlan.of(settings)
        if baseline is not None:
            baseline.check(streaming.predictor.pipeline.settings, subject)
        own = replace(settings, subject=subject, notes=notes)
        request = OutputsRequest(own, Path(root), publish=self._setup.publish, streams=streaming.by_role)
        session = self._open(request)
        assert session.folder is not None
        self.session, self.paused, self._baseline = session, False, None
        session.note(EventKind.SESSION, f"started: {session.folder.path}")
        try:
            streaming.begin(session, own)
        except RtemoError:
            self.session = None
            session.close()
            streaming.preview()
            raise
        self._state_gaze_check(session)

    def take_up(self) -> None:
        """Go on with the session that an engine before this one began, where there is one."""
        running = self._streaming.running
        if running is None:
            return
        taken_up = TakenUpSession(running, self._setup.roles.profiles)
        request = OutputsRequest(taken_up.settings, publish=taken_up.publish)
        session = self._open(request, taken_up)
        self.session, self.paused, self._baseline = session, taken_up.facts.suspended, None
        self._streaming.begin(session, taken_up.settings)
        if self.paused:
            self._streaming.gate.shut()
        self._baseline = self._baseline_of(taken_up)
        session.note(EventKind.SESSION, "the engine was started again; its state was rebuilt from the recording")

    def do_stop(self) -> None:
        """End the session; the streams stay in view."""
        session = self._need_session()
        self._cut_baseline(session)
        self._run.finish()
        session.look_after()  # notes that came with the last items
        session.note(EventKind.SESSION, f"stopped after {self._clock() - session.started_s:.0f} s")
        self.session, self.paused = None, False
        try:
            session.close()
            session.check_recording()
        finally:
            self._report(session)
            self._streaming.preview()

    def do_pause(self) -> None:
        """Suspend the predictions. They go on being computed, so that nothing differs after the pause."""
        session = self._need_session()
        if not self.paused:
            self.paused = True
            self._streaming.gate.shut()
            text = "paused: predictions are suspended, the recording goes on"
            session.events.add(suspended_event(self._clock(), text, suspended=True))

    def do_resume(self) -> None:
        session = self._need_session()
        if self.paused:
            self.paused = False
            self._streaming.gate.open_for(session.sinks)
            session.events.add(suspended_event(self._clock(), "resumed", suspended=False))

    def do_annotate(self, text: str) -> None:
        """An event of the session, on the network and in the recording."""
        if not text.strip():
            raise RtemoError("an annotation needs a text", "", "write one")
        self._need_session().note(EventKind.ANNOTATION, text)

    def do_edit_annotation(self, noted_s: float, was: str, text: str, time_s: float) -> None:
        """Correct an annotation; an empty text takes it back. What was noted first stays in the record."""
        if not math.isfinite(noted_s + time_s):
            raise RtemoError("an annotation has a time", f"found {time_s}", "give it in LSL seconds")
        edit = AnnotationEdit(noted_s, was, text.strip(), time_s)
        self._need_session().events.add(edit.event(self._clock()))

    def do_mark_channel(self, label: str, mark: str) -> None:
        """Let an EEG channel count as bad or good, or as what is found, from now on; see ChannelMark."""
        session, branch = self._need_session(), self._run.predictor.pipeline.branch(Modality.EEG)
        if mark not in set(ChannelMark):
            raise RtemoError(f"no channel can be marked {mark!r}", "", f"the marks are {', '.join(ChannelMark)}")
        if not isinstance(branch, EegBranch) or label not in branch.channel_map.labels:
            raise RtemoError(f"there is no EEG channel {label!r}", "", "name one of the electrodes in use")
        now_s = self._clock()
        note = ChannelMarked(label, mark, now_s + NOTICE_S)
        self._run.predictor.note(note, now_s)
        session.events.add(note_event(now_s, note))

    def do_gaze_check(self, accuracy_deg: float, precision_deg: float, valid: float) -> None:
        """How the eye tracker did on points of known place; before a session it is stated when that begins."""
        if not (0.0 <= accuracy_deg < math.inf and 0.0 <= precision_deg < math.inf and 0.0 <= valid <= 1.0):
            raise RtemoError("the gaze check found nothing", "no point was seen", "check the eye tracker")
        self._gaze_check = (self._clock(), GazeCheckResult(accuracy_deg, precision_deg, valid))
        if self.session is not None:
            self._state_gaze_check(self.session)
        else:
            self._streaming.log.add(gaze_check_event(*self._gaze_check))

    def do_baseline(self, seconds: float) -> None:
        """Let the next seconds be the baseline that predictions are relative to, and judge its signals."""
        self._need_session()
        if self._baseline is not None and not self._baseline.announced:
            raise RtemoError("a baseline is being recorded", "", "wait for its end")
        if self.paused:
            raise RtemoError("a baseline cannot be judged", "the predictions are paused", "resume them first")
        pipeline = self._run.predictor.pipeline
        begun = self._run.begin_rest(seconds)
        self._baseline = BaselineCheck(*begun, pipeline.settings.normaliser, usable_parts(pipeline))

    def do_label(self, label: str, begin_s: float, end_s: float) -> None:
        """A self-report or a clip's label, for the sets and for a calibration."""
        self._need_calibration().label(label, begin_s, end_s)

    def do_forget_label(self, index: int) -> None:
        self._need_calibration().forget(index)

    def do_calibrate(self) -> None:
        """Fit the heads to the person on the labels so far."""
        self._need_calibration().calibrate()

    def do_uncalibrate(self) -> None:
        self._need_calibration().uncalibrate()

    def _state_gaze_check(self, session: SessionOutputs) -> None:
        """State the newest gaze check in the session that it is for."""
        check, self._gaze_check = self._gaze_check, None
        if check is not None:
            session.events.add(gaze_check_event(*check))

    # For the controller.

    def turn(self) -> None:
        """Look after what goes on by itself."""
        if self.session is not None:
            self._need_calibration().turn()
        for explanation in self._streaming.explaining.newest():
            self.explanation = rounded(explanation)
            if self.session is not None and not self.paused:
                self.session.explain(as_json(explanation))
        if self._baseline is not None and self.session is not None and not self._baseline.announced:
            self._follow_baseline(self._baseline, self.session)

    def take(self, prediction: Prediction) -> None:
        """Take in a prediction that was published."""
        if self._baseline is not None:
            self._baseline.take(prediction)

    def progress(self, now_s: float) -> Progress | None:
        """Of the baseline while it lasts, else of the calibration, where one was asked for."""
        if self._baseline is not None and not self._baseline.announced:
            return self._baseline.progress(now_s)
        calibration = self._need_calibration().progress(now_s) if self.session is not None else None
        return calibration or (self._baseline.progress(now_s) if self._baseline is not None else None)

    def leave(self) -> None:
        """Leave a session to the next engine."""
        session, self.session = self.session, None
        if session is not None:
            session.leave()

    def close(self) -> None:
        """End a session with the engine, which was asked to end."""
        session, self.session = self.session, None
        if session is None:
            return
        try:
            self._cut_baseline(session)
            self._run.finish()
            session.look_after()
            session.note(EventKind.SESSION, "ended: the engine was shut down")
        finally:
            try:
                session.close()
                session.check_recording()
            finally:
                self._report(session)

    def _follow_baseline(self, baseline: BaselineCheck, session: SessionOutputs) -> None:
        """Let a baseline go on until enough of it was usable, then state what the pipeline made of it."""
        now_s = baseline.at(self._clock(), self._run.predictor.pipeline.newest)
        if now_s < baseline.end_s:
            return
        if baseline.decided_s is None and (length_s := baseline.longer_s()) is not None:
            baseline.length_s = length_s
            self._run.begin_rest(length_s, baseline.begin_s)
            return
        baseline.decided_s = now_s  # it is not made longer any more
        if baseline.decide(self._run.predictor.pipeline, now_s):
            baseline.announced = True
            kind = EventKind.FAILURE if baseline.refused else EventKind.ANNOTATION
            session.note(kind, f"baseline ends: {baseline.verdict}")

    def _cut_baseline(self, session: SessionOutputs) -> None:
        """State that a baseline was not finished, where one runs."""
        baseline, self._baseline = self._baseline, None
        if baseline is not None and not baseline.announced:
            lasted_s = min(self._clock() - baseline.begin_s, baseline.length_s)
            text = (
                f"baseline cut short by the end of the session: {lasted_s:.0f} of {baseline.length_s:.0f} s; not used"
            )
            session.note(EventKind.FAILURE, text)

    def _baseline_of(self, taken_up: TakenUpSession) -> BaselineCheck | None:
        """The baseline that was running when the engine before this one ended."""
        now_s, pipeline = self._clock(), self._run.predictor.pipeline
        begin_s, end_s = max(taken_up.facts.rests, key=lambda rest: rest[1], default=(0.0, -math.inf))
        if now_s >= end_s:
            return None
        limits = pipeline.settings.normaliser
        return BaselineCheck(begin_s, end_s - begin_s, limits, usable_parts(pipeline), now_s - begin_s)

    @property
    def _run(self) -> SessionRun:
        run = self._streaming.run
        assert run is not None
        return run

    def _open(self, request: OutputsRequest, taken_up: TakenUpSession | None = None) -> SessionOutputs:
        bundle, hop_s = self._setup.bundle, self._setup.hop_s
        source, listeners = self._streaming.source, [self._feed.put_event]
        return SessionOutputs(request, bundle, hop_s, self._clock, source, listeners, taken_up)

    def _report(self, session: SessionOutputs) -> None:
        assert session.folder is not None
        self.reporting.begin(session.folder.path)

    def _need_calibration(self) -> SessionCalibration:
        self._need_session()
        assert self._run.calibration is not None
        return self._run.calibration

    def _need_session(self) -> SessionOutputs:
        if self.session is None:
            raise RtemoError("there is no session", "", "start one")
        return self.session
