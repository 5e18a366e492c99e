"""Sessions in the application: started, paused, annotated, stopped; one at a time, on the live streams."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.live.engine.explanations import as_json, rounded
from rtemo.live.script.script_process import ScriptPlace
from rtemo.live.service.feed import Feed
from rtemo.live.service.snapshot import Phase, Progress
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.live.session.live_streams import LiveStreams
from rtemo.live.session.outputs import OutputsRequest, SessionOutputs
from rtemo.live.session.readiness import obstacle
from rtemo.live.session.report_process import ReportProcess
from rtemo.live.session.take_up import TakenUpSession
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.events import EventKind
from rtemo.recordings.session_facts import GazeCheckResult, gaze_check_event, suspended_event
from rtemo.recordings.study.annotations import AnnotationEdit
from rtemo.sources.session_settings import with_entities


class SessionControl:
    """The session that is kept, if there is one."""

    def __init__(self, setup: EngineSetup, feed: Feed, streaming: LiveStreams) -> None:
        self._setup, self._clock, self._feed, self._streaming = setup, setup.clock, feed, streaming
        self.session: SessionOutputs | None = None
        self.paused = False
        self.reporting = ReportProcess(setup.report, streaming.say)
        self._explanations: dict[str, dict[str, float]] = {}  # of each one's newest explained prediction
        self._gaze_checks: dict[str, tuple[float, GazeCheckResult]] = {}  # LSL time; for the next session

    # What clients may ask for.

    def do_start(
        self, subject: str, notes: str, root: str, file: str = "", entities: Mapping[str, str] | None = None
    ) -> None:
        """Begin a session. file: of the recording, where the session is not to have a folder of its own. entities: its
        study, session, task and run, instead of those of the settings.
        """
        streaming = self._streaming
        if self.session is not None:
            raise RtemoError("a session starts before a session", "one is running", "stop it first")
        if not streaming.playing:
            why = "; ".join(streaming.refused.values()) or "none is on the network"
            raise RtemoError("there is no EEG and no gaze stream", why, "start one, or choose it")
        settings = streaming.settings
        if why := obstacle(streaming.stream_statuses(), settings.required, settings.participants):
            raise RtemoError("a session cannot start", why, "see the streams and the settings")
        if not root:
            raise RtemoError("the session has no folder", "root is empty", "choose a folder")
        own = replace(settings, subject=subject, notes=notes)
        for whose, alone in zip(streaming.runs, own.each, strict=True):
            if (baseline := BaselinePlan.of(alone)) is not None:
                baseline.check(streaming.runs[whose].predictor.pipeline.settings, alone.subject)
        own = with_entities(own, entities or {})
        request = OutputsRequest(
            own,
            Path(root),
            publish=self._setup.publish,
            streams=streaming.by_role,
            receivers=self._setup.receivers,
            file=Path(file) if file else None,
        )
        session = self._open(request)
        assert session.folder is not None
        self.session, self.paused = session, False
        session.note(EventKind.SESSION, f"started: {session.folder.target}")
        try:
            streaming.begin(session, own)
            self._begin_beside(session)
        except RtemoError:
            self.session = None
            session.close()
            streaming.preview()
            raise
        self._state_gaze_checks(session)

    def take_up(self) -> None:
        """Go on with the session that an engine before this one began, where there is one."""
        running = self._streaming.running
        if running is None:
            return
        taken_up = TakenUpSession(running, self._setup.roles.profiles)
        request = OutputsRequest(taken_up.settings, publish=taken_up.publish, receivers=self._setup.receivers)
        session = self._open(request, taken_up)
        self.session, self.paused = session, taken_up.facts.suspended
        self._streaming.begin(session, taken_up.settings)
        if self.paused:
            self._streaming.shut_gates()
            session.phase = Phase.PAUSED.value
        self._begin_beside(session)
        session.note(EventKind.SESSION, "the engine was started again; its state was rebuilt from the recording")

    def do_stop(self) -> None:
        """End the session; the streams stay in view."""
        session = self._need_session()
        self._streaming.session.finish()
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
            self._streaming.shut_gates()
            session.phase = Phase.PAUSED.value
            text = "paused: predictions are suspended, the recording goes on"
            session.events.add(suspended_event(self._clock(), text, suspended=True))

    def do_resume(self) -> None:
        session = self._need_session()
        if self.paused:
            self.paused = False
            self._streaming.open_gates(session)
            session.phase = Phase.RUNNING.value
            session.events.add(suspended_event(self._clock(), "resumed", suspended=False))

    def do_annotate(self, text: str, participant: str = "") -> None:
        """An event of the session, on the network and in the recording. participant: whom it is about, of several;
        empty: all of them.
        """
        self._ask("annotate", participant, text=text)

    def do_give(self, values: str, text: str, time_s: float, participant: str = "") -> None:
        """Values or a text of the script beside the session. participant: whom they are about; empty: all of them."""
        self._need_session().give(values, text, time_s, participant)

    def do_edit_annotation(self, noted_s: float, was: str, text: str, time_s: float) -> None:
        """Correct an annotation; an empty text takes it back. What was noted first stays in the record."""
        if not math.isfinite(noted_s + time_s):
            raise RtemoError("an annotation has a time", f"found {time_s}", "give it in LSL seconds")
        edit = AnnotationEdit(noted_s, was, text.strip(), time_s)
        self._need_session().events.add(edit.event(self._clock()))

    def do_mark_channel(self, label: str, mark: str, participant: str = "") -> None:
        """Let an EEG channel count as bad or good, or as what is found, from now on; see ChannelMark."""
        self._ask("mark_channel", participant, label=label, mark=mark)

    def do_gaze_check(self, accuracy_deg: float, precision_deg: float, valid: float, participant: str = "") -> None:
        """How the eye tracker did on points of known place; before a session it is stated when that begins."""
        if not (0.0 <= accuracy_deg < math.inf and 0.0 <= precision_deg < math.inf and 0.0 <= valid <= 1.0):
            raise RtemoError("the gaze check found nothing", "no point was seen", "check the eye tracker")
        self._streaming.run_of(participant)
        check = self._gaze_checks[participant] = (
            self._clock(),
            GazeCheckResult(accuracy_deg, precision_deg, valid),
        )
        if self.session is not None:
            self._state_gaze_checks(self.session)
        else:
            self._streaming.log.add(replace(gaze_check_event(*check), participant=participant))

    def do_baseline(self, seconds: float, participant: str = "") -> None:
        """Let the next seconds be the baseline that predictions are relative to, and judge its signals. participant:
        whose, of several; empty: everybody's.
        """
        self._need_session()
        if self.paused:
            raise RtemoError("a baseline cannot be judged", "the predictions are paused", "resume them first")
        self._ask("baseline", participant, seconds=seconds)

    def do_label(self, label: str, begin_s: float, end_s: float, participant: str = "") -> None:
        """A self-report or a clip's label, for the sets and for a calibration."""
        self._ask("label", participant, label=label, begin_s=begin_s, end_s=end_s)

    def do_forget_label(self, index: int, participant: str = "") -> None:
        self._ask("forget_label", participant, index=index)

    def do_calibrate(self, participant: str = "") -> None:
        """Fit the heads to the person on the labels so far."""
        self._ask("calibrate", participant)

    def do_uncalibrate(self, participant: str = "") -> None:
        self._ask("uncalibrate", participant)

    def _state_gaze_checks(self, session: SessionOutputs) -> None:
        """State the newest gaze checks in the session that they are for."""
        checks, self._gaze_checks = self._gaze_checks, {}
        for whose, check in checks.items():
            session.events.add(replace(gaze_check_event(*check), participant=whose))

    # For the controller.

    def turn(self) -> None:
        """Look after what goes on by itself."""
        for whose, explanation in self._streaming.explained():
            self._explanations[whose] = rounded(explanation)
            if self.session is not None and not self.paused:
                self.session.explain(as_json(explanation, whose))

    def progress(self, now_s: float, participant: str = "") -> Progress | None:
        """Of the baseline while it lasts, else of the calibration, where one was asked for."""
        if self.session is None:
            return None
        return self._streaming.session.commands.progress(participant, now_s)

    def explanation(self, participant: str = "") -> dict[str, float]:
        """Of the newest explained prediction: feature -> share."""
        return self._explanations.get(participant, {})

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
            self._streaming.session.finish()
            session.look_after()
            session.note(EventKind.SESSION, "ended: the engine was shut down")
        finally:
            try:
                session.close()
                session.check_recording()
            finally:
                self._report(session)

    def _begin_beside(self, session: SessionOutputs) -> None:
        """Have the screen recorded, and run the script that the settings name, where they ask for these."""
        session.record_screen()
        file, engine = session.request.settings.outputs.script, self._setup.engine
        if file and engine is not None:
            for whose, run in self._streaming.runs.items():
                run.predictor.watches.append(self._feed.samples_of(whose).put_window)
            participants = tuple(filter(None, self._streaming.runs))
            session.run_script(ScriptPlace(Path(file), engine.name, engine.folder, participants))

    def _open(self, request: OutputsRequest, taken_up: TakenUpSession | None = None) -> SessionOutputs:
        bundle, hop_s = self._setup.bundle, self._setup.hop_s
        source, listeners = self._streaming.source, [self._feed.put_event]
        return SessionOutputs(request, bundle, hop_s, self._clock, source, listeners, taken_up)

    def _report(self, session: SessionOutputs) -> None:
        assert session.folder is not None
        self.reporting.begin(session.folder.target)

    def _ask(self, name: str, participant: str, **arguments: Any) -> None:
        """Have something done that is about one of the participants, or about all."""
        self._need_session()
        self._streaming.session.commands.do(name, participant, arguments)

    def _need_session(self) -> SessionOutputs:
        if self.session is None:
            raise RtemoError("there is no session", "", "start one")
        return self.session
