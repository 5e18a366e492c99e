"""A session in the application, between invented streams and outputs: what it states, asks for and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import StreamState
from rtemo.live.session import session as session_module
from rtemo.live.session.session import SessionControl
from rtemo.model.explain import Explanation
from rtemo.recordings.events import Event, EventKind
from rtemo.sources.output_settings import OutputSettings
from rtemo.sources.session_settings import SessionSettings

SESSION = EventKind.SESSION
BEGIN = {"subject": "P 01", "notes": "shy", "root": "sessions"}


class Outputs:
    """Stands for the outputs of one session; made as they are."""

    def __init__(self, request, bundle, hop_s, clock, source, listeners, taken_up):
        self.request, self.made_of, self.taken_up = request, (bundle, hop_s, source, listeners), taken_up
        self.clock, self.started_s, self.calls, self.all = clock, clock(), [], []
        self.folder, self.phase, self.whole = SimpleNamespace(target=Path("sessions/one")), "running", True
        self.events = SimpleNamespace(add=self.all.append)

    def note(self, kind, text):
        self.all.append(Event(self.clock(), kind, text))

    def check_recording(self):
        self.calls.append("check")
        if not self.whole:
            raise RtemoError("the recording failed")

    def give(self, *given):
        self.calls.append(("give", *given))

    def run_script(self, place):
        self.calls.append(place)

    def explain(self, text):
        self.calls.append(("explain", json.loads(text)))

    def __getattr__(self, name):
        return lambda: self.calls.append(name)


class Streams:
    """Stands for the live streams, with an EEG stream that plays."""

    def __init__(self, settings):
        self.settings, self.calls, self.said, self.refusal = settings, [], [], None
        eeg = SimpleNamespace(role="eeg", state=StreamState.STREAMING, name="Amp", participant="")
        self.playing, self.refused, self.by_role = ["Amp"], {}, {"eeg": "Amp"}
        self.statuses, self.source, self.running = [eeg], "source", None
        self.runs = {
            "": SimpleNamespace(predictor=SimpleNamespace(watches=[], pipeline=SimpleNamespace(settings=None)))
        }
        self.log = SimpleNamespace(add=self.said.append)
        commands = SimpleNamespace(
            do=lambda *asked: self.calls.append(asked), progress=lambda whose, now_s: (whose, now_s)
        )
        self.session = SimpleNamespace(finish=lambda: self.calls.append("finish"), commands=commands)
        self.ready = []

    def stream_statuses(self):
        return self.statuses

    def say(self, *said):
        self.said.append(said)

    def begin(self, outputs, settings):
        self.calls.append(("begin", outputs, settings))
        if self.refusal is not None:
            raise self.refusal

    def open_gates(self, outputs):
        self.calls.append(("open", outputs))

    def run_of(self, participant):
        if participant not in self.runs:
            raise RtemoError(f"there is no participant {participant!r}")

    def explained(self):
        found, self.ready = self.ready, []
        return found

    def __getattr__(self, name):
        return lambda: self.calls.append(name)


class Reports:
    def __init__(self):
        self.begun = []

    def begin(self, folder):
        self.begun.append(folder)


def controlled(monkeypatch, settings=SessionSettings(run=2), **setup):  # noqa: B008 - it is frozen
    monkeypatch.setattr(session_module, "SessionOutputs", Outputs)
    now = SimpleNamespace(s=100.0)
    given = {"clock": lambda: now.s, "report": None, "publish": True, "receivers": "receivers", "engine": None}
    made = SimpleNamespace(**{**given, "bundle": "bundle", "hop_s": 0.25, **setup})
    feed = SimpleNamespace(put_event=print, samples_of=lambda whose: SimpleNamespace(put_window=f"window {whose}"))
    control = SessionControl(made, feed, Streams(settings))
    control.now, control.streams, control.reporting = now, control._streaming, Reports()
    return control


@pytest.fixture
def control(monkeypatch):
    return controlled(monkeypatch)


def said(outputs):
    return [(event.kind, event.text) for event in outputs.all]


def test_a_session_is_begun_with_the_settings_and_who_it_is_about(control):
    control.do_start(**BEGIN, entities={"task": "rest", "run": "3"})
    outputs, request = control.session, control.session.request
    assert request.settings == SessionSettings(subject="P 01", notes="shy", task="rest", run=3)
    assert (request.root, request.file, request.publish) == (Path("sessions"), None, True)
    assert (request.streams, request.receivers) == ({"eeg": "Amp"}, "receivers")
    assert outputs.made_of[:3] == ("bundle", 0.25, "source")
    assert control.streams.calls == [("begin", outputs, request.settings)]
    assert said(outputs) == [(SESSION, f"started: {Path('sessions/one')}")]
    assert outputs.calls == ["record_screen"]
    with pytest.raises(RtemoError) as caught:
        control.do_start(**BEGIN)
    assert str(caught.value) == "a session starts before a session; one is running; stop it first"


def test_a_session_may_have_a_file_elsewhere(control):
    control.do_start(**BEGIN, file="other/r.xdf")
    assert control.session.request.file == Path("other/r.xdf")
    assert control.session.request.settings.run == 2


@pytest.mark.parametrize(("streams", "asked", "refused"), [
    ({"playing": []}, {},
     "there is no EEG and no gaze stream; none is on the network; start one, or choose it"),
    ({"playing": [], "refused": {"eeg": "two fit", "gaze": "none fits"}}, {},
     "there is no EEG and no gaze stream; two fit; none fits; start one, or choose it"),
    ({"statuses": []}, {},
     "a session cannot start; no EEG or gaze stream is chosen; see the streams and the settings"),
    ({}, {"root": ""}, "the session has no folder; root is empty; choose a folder"),
])  # fmt: skip
def test_a_session_that_cannot_begin_is_refused(control, streams, asked, refused):
    vars(control.streams).update(streams)
    with pytest.raises(RtemoError) as caught:
        control.do_start(**{**BEGIN, **asked})
    assert str(caught.value) == refused
    assert (control.session, control.streams.calls) == (None, [])


def test_a_session_whose_engines_cannot_be_made_is_closed_and_the_preview_goes_on(control):
    control.streams.refusal = RtemoError("no baseline")
    with pytest.raises(RtemoError, match="no baseline"):
        control.do_start(**BEGIN)
    (_, outputs, _), last = control.streams.calls
    assert (control.session, outputs.calls, last) == (None, ["close"], "preview")


@pytest.mark.parametrize("whole", [True, False])
def test_a_session_that_is_stopped_is_closed_checked_and_reported(control, whole):
    control.do_start(**BEGIN)
    outputs, outputs.whole = control.session, whole
    control.paused, control.now.s = True, 161.4
    if whole:
        control.do_stop()
    else:
        with pytest.raises(RtemoError, match="the recording failed"):
            control.do_stop()
    assert outputs.calls == ["record_screen", "look_after", "close", "check"]
    assert said(outputs)[1:] == [(SESSION, "stopped after 61 s")]
    assert control.streams.calls[1:] == ["finish", "preview"]
    assert control.reporting.begun == [Path("sessions/one")]
    assert (control.session, control.paused) == (None, False)


def test_a_session_that_ends_with_the_engine_says_so(control):
    control.close()
    assert control.streams.calls == []
    control.do_start(**BEGIN)
    outputs = control.session
    control.close()
    assert outputs.calls == ["record_screen", "look_after", "close", "check"]
    assert said(outputs)[1:] == [(SESSION, "ended: the engine was shut down")]
    assert control.streams.calls[1:] == ["finish"]
    assert (control.session, control.reporting.begun) == (None, [Path("sessions/one")])


def test_a_session_that_is_left_is_neither_finished_nor_reported(control):
    control.leave()
    control.do_start(**BEGIN)
    outputs = control.session
    control.leave()
    assert (outputs.calls, control.session, control.reporting.begun) == (["record_screen", "leave"], None, [])


def test_a_pause_suspends_the_predictions_once(control):
    control.do_start(**BEGIN)
    outputs = control.session
    for _ in range(2):
        control.do_pause()
    assert (control.paused, outputs.phase) == (True, "paused")
    with pytest.raises(RtemoError) as caught:
        control.do_baseline(30.0)
    assert str(caught.value) == "a baseline cannot be judged; the predictions are paused; resume them first"
    for _ in range(2):
        control.do_resume()
    assert (control.paused, outputs.phase) == (False, "running")
    assert control.streams.calls[1:] == ["shut_gates", ("open", outputs)]
    assert [(event.kind, event.text, event.details) for event in outputs.all[1:]] == [
        (SESSION, "paused: predictions are suspended, the recording goes on", {"fact": "predictions", "given": False}),
        (SESSION, "resumed", {"fact": "predictions", "given": True}),
    ]


ASKED = [
    ("annotate", {"text": "yawned"}),
    ("mark_channel", {"label": "Fz", "mark": "bad"}),
    ("baseline", {"seconds": 30.0}),
    ("label", {"label": "sad", "begin_s": 1.0, "end_s": 2.0}),
    ("forget_label", {"index": 3}),
    ("calibrate", {}),
    ("uncalibrate", {}),
]


@pytest.mark.parametrize(("name", "arguments"), ASKED)
@pytest.mark.parametrize("whose", ["", "P02"])
def test_what_is_about_a_participant_is_asked_of_the_engines(control, name, arguments, whose):
    ask = getattr(control, f"do_{name}")
    with pytest.raises(RtemoError) as caught:
        ask(**arguments)
    assert str(caught.value) == "there is no session; start one"
    control.do_start(**BEGIN)
    ask(**arguments, **({"participant": whose} if whose else {}))
    assert control.streams.calls[1:] == [(name, whose, arguments)]


def test_what_a_script_gives_goes_to_the_outputs(control):
    control.do_start(**BEGIN)
    control.do_give("{}", "hello", 5.0, "P02")
    control.do_give("{}", "hello", 5.0)
    assert control.session.calls[1:] == [("give", "{}", "hello", 5.0, "P02"), ("give", "{}", "hello", 5.0, "")]


def test_an_annotation_is_corrected_beside_what_was_noted_first(control):
    control.do_start(**BEGIN)
    control.do_edit_annotation(90.0, "yawn", " yawned ", 92.0)
    assert control.session.all[-1].text == "the annotation 'yawn' is now 'yawned', +2.0 s"
    assert control.session.all[-1].time_s == 100.0
    for noted_s, time_s in ((90.0, float("nan")), (float("inf"), 92.0)):
        with pytest.raises(RtemoError) as caught:
            control.do_edit_annotation(noted_s, "yawn", "", time_s)
        assert str(caught.value) == f"an annotation has a time; found {time_s}; give it in LSL seconds"
    assert len(control.session.all) == 2


CHECKED = "gaze check: accuracy 0.50°, precision 0.10°, 90% valid"


def test_the_newest_gaze_check_before_a_session_is_stated_when_it_begins(control):
    control.do_gaze_check(0.8, 0.1, 0.9)
    control.now.s = 101.0
    control.do_gaze_check(0.5, 0.1, 0.9)
    assert [event.time_s for event in control.streams.said] == [100.0, 101.0]
    control.now.s = 110.0
    control.do_start(**BEGIN)
    assert [(event.time_s, event.text) for event in control.session.all[1:]] == [(101.0, CHECKED)]
    control.do_gaze_check(0.5, 0.1, 0.9)
    assert [(event.time_s, event.text) for event in control.session.all[2:]] == [(110.0, CHECKED)]
    assert len(control.streams.said) == 2
    control.do_stop()
    control.do_start(**BEGIN)
    assert len(control.session.all) == 1


INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(("found", "counts"), [
    ((0.0, 0.0, 0.0), True),
    ((0.0, 0.0, 1.0), True),
    ((-0.1, 0.1, 0.9), False),
    ((0.5, -0.1, 0.9), False),
    ((0.5, 0.1, -0.1), False),
    ((0.5, 0.1, 1.01), False),
    ((INF, 0.1, 0.9), False),
    ((0.5, INF, 0.9), False),
    ((0.5, 0.1, NAN), False),
])  # fmt: skip
def test_a_gaze_check_that_measured_nothing_is_refused(control, found, counts):
    if counts:
        control.do_gaze_check(*found)
        assert len(control.streams.said) == 1
        return
    with pytest.raises(RtemoError) as caught:
        control.do_gaze_check(*found)
    assert str(caught.value) == "the gaze check found nothing; no point was seen; check the eye tracker"
    assert control.streams.said == []


def test_a_gaze_check_is_about_a_participant_who_is_there(control):
    with pytest.raises(RtemoError, match="no participant 'P02'"):
        control.do_gaze_check(0.5, 0.1, 0.9, "P02")
    control.streams.runs["P02"] = None
    control.do_gaze_check(0.5, 0.1, 0.9, "P02")
    assert [(event.text, event.participant) for event in control.streams.said] == [(CHECKED, "P02")]


def test_explanations_are_shown_and_given_out_while_a_session_is_not_paused(control):
    first, second = Explanation(1.0, "sad", {"EEG": 0.25}), Explanation(2.0, "sad", {"EEG": 0.5})
    control.streams.ready = [("P01", first)]
    control.turn()
    assert (control.explanation("P01"), control.explanation("P02")) == ({"EEG": 0.25}, {})
    control.do_start(**BEGIN)
    control.streams.ready = [("P01", second)]
    control.turn()
    given = {"time_s": 2.0, "label": "sad", "shares": {"EEG": 0.5}, "participant": "P01"}
    assert control.session.calls[1:] == [("explain", given)]
    control.do_pause()
    control.streams.ready = [("P01", first)]
    control.turn()
    assert control.explanation("P01") == {"EEG": 0.25}
    assert len(control.session.calls) == 2


def test_the_progress_is_that_of_the_session(control):
    assert control.progress(5.0) is None
    control.do_start(**BEGIN)
    assert control.progress(5.0, "P02") == ("P02", 5.0)


@pytest.mark.parametrize(("script", "engine", "runs"), [
    ("s.py", True, True), ("s.py", False, False), ("", True, False),
])  # fmt: skip
def test_a_script_runs_where_the_settings_name_one_and_the_engine_can_be_reached(monkeypatch, script, engine, runs):
    endpoint = SimpleNamespace(name="rtemo", folder=Path("at")) if engine else None
    control = controlled(monkeypatch, SessionSettings(outputs=OutputSettings(script=script)), engine=endpoint)
    control.streams.runs["P02"] = SimpleNamespace(predictor=SimpleNamespace(watches=[]))
    made = Outputs(SimpleNamespace(settings=control.streams.settings), "", 0.25, lambda: 0.0, "", [], None)
    control._begin_beside(made)
    watches = {whose: run.predictor.watches for whose, run in control.streams.runs.items()}
    if runs:
        assert made.calls == ["record_screen", session_module.ScriptPlace(Path("s.py"), "rtemo", Path("at"), ("P02",))]
        assert watches == {"": ["window "], "P02": ["window P02"]}
    else:
        assert (made.calls, watches) == (["record_screen"], {"": [], "P02": []})


@pytest.mark.parametrize("suspended", [False, True])
def test_a_session_is_taken_up_as_it_was_left(control, monkeypatch, suspended):
    control.take_up()
    assert (control.session, control.streams.calls) == (None, [])
    settings, asked = SessionSettings(subject="P 01"), []
    taken_up = SimpleNamespace(settings=settings, publish=suspended, facts=SimpleNamespace(suspended=suspended))
    monkeypatch.setattr(session_module, "TakenUpSession", lambda *given: asked.append(given) or taken_up)
    control._setup.roles = SimpleNamespace(profiles="profiles")
    control.streams.running = "running"
    control.take_up()
    outputs, request = control.session, control.session.request
    assert asked == [("running", "profiles")]
    assert (request.settings, request.root, request.publish) == (settings, None, suspended)
    assert (request.receivers, outputs.taken_up) == ("receivers", taken_up)
    assert (control.paused, outputs.phase) == (suspended, "paused" if suspended else "running")
    assert control.streams.calls == [("begin", outputs, settings), *(["shut_gates"] if suspended else [])]
    text = "the engine was started again; its state was rebuilt from the recording"
    assert (outputs.calls, said(outputs)) == (["record_screen"], [(SESSION, text)])
