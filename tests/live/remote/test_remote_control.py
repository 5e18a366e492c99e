"""LabRecorder's commands drive a session: by an unmodified script, from a real socket, with answers that are true."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hand_fed import Lab, wait_for

import rtemo
from rtemo.core.errors import RtemoError
from rtemo.live.remote.file_name import FileName
from rtemo.live.remote.line_server import LineServer
from rtemo.live.remote.remote_control import RemoteControl
from rtemo.live.service.feed import Feed
from rtemo.live.service.snapshot import Phase, Snapshot
from rtemo.recordings.session_facts import note_of
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.output_settings import LOOPBACK, NetworkAddress, OutputSettings
from rtemo.sources.participants import parse_participant
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text, with_participants

DEADLINE_S = 30.0
BESIDE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "beside_session.py"


def free_port() -> int:
    with socket.socket() as one:
        one.bind((LOOPBACK, 0))
        return one.getsockname()[1]


class Client:
    """A script that sends lines and reads the answers."""

    def __init__(self, port):
        self._socket = wait_for(lambda: self._connected(port))
        self._lines = self._socket.makefile("r", encoding="utf-8")

    def _connected(self, port):
        with contextlib.suppress(OSError):
            return socket.create_connection((LOOPBACK, port), timeout=DEADLINE_S)

    def send(self, line):
        self._socket.sendall(line.encode() + b"\n")

    def ask(self, line):
        self.send(line)
        return self._lines.readline().rstrip("\n")

    def answer(self):
        return self._lines.readline().rstrip("\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._lines.close()
        self._socket.close()


# -- the file's name ---------------------------------------------------------------------------------------------------


def named(text, **fields):
    return FileName(**fields).with_fields(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"{template:exp%n\%p_block_%b.xdf} {run:2} {participant:P003} {task:MemoryGuided}",
         "exp2/P003_block_MemoryGuided.xdf"),
        ("{template:sub-%p/ses-%s/%m/sub-%p_ses-%s_task-%b[_acq-%a]_run-%r_%m.xdf} {participant:P003} {session:S1} "
         "{task:T} {run:1}", "sub-P003/ses-S1/eeg/sub-P003_ses-S1_task-T_run-1_eeg.xdf"),
        ("{template:%p[_acq-%a]} {participant:x} {acquisition:lo}", "x_acq-lo.xdf"),
        ("{template:%p_%r.xdf} {participant:a/../../b}", "a-b_1.xdf"),
        ("{template:plain.XDF}", "plain.XDF"),
    ],
)  # fmt: skip
def test_a_template_names_the_recording_as_labrecorder_does(tmp_path, text, expected):
    assert named(text).recording(tmp_path) == tmp_path / expected


def test_without_a_run_the_first_free_one_is_taken_and_a_given_one_is_never_overwritten(tmp_path):
    file = named("{template:%p_%r.xdf} {participant:a}")
    for number in (1, 2, 3):
        path = file.recording(tmp_path)
        assert path == tmp_path / f"a_{number}.xdf"
        path.touch()
    with pytest.raises(RtemoError, match="nothing is overwritten"):
        named("{run:2}", template="%p_%r.xdf", participant="a").recording(tmp_path)
    (tmp_path / "same.xdf").touch()
    with pytest.raises(RtemoError, match="nothing is overwritten"):
        named("{template:same}").recording(tmp_path)
    assert FileName().recording(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{rot:/x}", "no field 'rot'"),
        ("", "takes fields"),
        ("P01", "takes fields"),
        ("{run:1} and more", "takes fields"),
        ("{template:../x}", "leaves its root"),
        ("{template:/etc/x}", "leaves its root"),
        (r"{template:C:\x}", "leaves its root"),
        ("{template:%q}", "%q, which means nothing"),
        ("{template:con}", "not every system takes"),
        ("{template:%p/a?b.xdf}{participant:P1}", "not every system takes"),
    ],
)
def test_what_cannot_be_a_file_name_is_refused(tmp_path, text, match):
    with pytest.raises(RtemoError, match=match):
        named(text).recording(tmp_path)


# -- the server --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def serving(answer, host=LOOPBACK, token="secret"):
    server = LineServer(NetworkAddress(host, free_port()), token, answer)
    try:
        yield server
    finally:
        server.close()


def test_every_line_is_answered_in_its_order():
    with serving(lambda line: f"OK {line}\nmore") as server, Client(server.port) as one, Client(server.port) as other:
        one.send("a\n\nb")
        assert [one.answer(), one.answer()] == ["OK a more", "OK b more"]
        assert other.ask("Tür") == "OK Tür more"
        port = server.port
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((LOOPBACK, port), timeout=1.0)


def test_on_the_network_the_token_comes_first():
    with serving(lambda line: f"OK {line}", host="0.0.0.0") as server:
        with Client(server.port) as stranger:
            assert stranger.ask("start").startswith("ERROR a token is needed")
            assert stranger.answer() == ""  # disconnected
        with Client(server.port) as guest:
            assert guest.ask("token secret") == "OK"
            assert guest.ask("start") == "OK start"


@pytest.mark.parametrize("line", ["POST / HTTP/1.1", "GET /start HTTP/1.0", "x" * 9000])
def test_a_web_page_or_endless_line_gets_nowhere(line):
    obeyed = []
    with serving(obeyed.append) as server, Client(server.port) as page:
        page.send(line + "\nstart")
        with contextlib.suppress(ConnectionError):
            assert page.answer() == ""
    assert obeyed == []


# -- a session ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def person():
    return SimulatedSession(SimulationPlan.for_duration(3, 60, eeg_channels=16, eeg_rate_hz=250))


@pytest.fixture
def lab(person):
    outputs = OutputSettings(remote=NetworkAddress(LOOPBACK, free_port()))
    running = Lab(person, settings=SessionSettings(outputs=outputs))
    yield running
    running.controller.close_receivers()
    running.close()


def test_a_session_is_driven_and_every_answer_says_what_happened(lab, tmp_path):
    lab.feed(6)
    with Client(lab.controller._remote_at.port) as script:
        assert script.ask("stop") == "ERROR there is no session; start one"
        assert script.ask("sing").startswith("ERROR there is no command 'sing'; they are select, filename, start")
        assert script.ask("select some").startswith("ERROR streams are selected all or none")
        assert script.ask("select none") == "OK the streams in use are recorded"
        assert script.ask("participant P 07") == "OK the participant is P 07"
        fields = f"filename {{root:{tmp_path}}} {{template:%p_%b_%r.xdf}} {{task:faces}} {{session:two}}"
        assert script.ask(fields) == f"OK the next recording is {tmp_path / 'P-07_faces_1.xdf'}"
        assert "streams: " in script.ask("update")
        assert script.ask("start") == f"OK recording to {tmp_path / 'P-07_faces_1.xdf'}"
        assert script.ask("start").startswith("ERROR a session runs already")
        lab.feed(2)
        assert script.ask("annotate Tür geht auf") == "OK noted"
        assert script.ask("annotate") == "ERROR an annotation needs a text; write one"
        assert script.ask("baseline 20") == "OK a baseline of 20 s begins"
        assert script.ask("baseline soon").startswith("ERROR a baseline lasts some seconds")
        assert script.ask("baseline").startswith("ERROR a baseline is being recorded")
        lab.feed(4)
        assert script.ask("label sad 2.5") == "OK sad for the last 2.5 s"
        assert script.ask("label hungry 2").startswith("ERROR the model has no label 'hungry'")
        assert script.ask("label sad").startswith("ERROR a label lasts some seconds")
        assert script.ask("calibrate now").startswith("ERROR calibrate takes nothing else")
        assert script.ask("uncalibrate") == "ERROR there is no calibration; calibrate first"
        assert script.ask("annotate {participant:P01} who?").startswith("ERROR there is no participant 'P01'")
        status = json.loads(script.ask("status").removeprefix("OK "))
        assert (status["phase"], status["participant"], status["recording"]) == ("running", "P 07", "recording")
        assert status["progress"]["of"] == "baseline"
        assert script.ask("stop") == f"OK stopped; {tmp_path / 'P-07_faces_1.xdf'}"
        assert json.loads(script.ask("status").removeprefix("OK "))["phase"] == "preview"
    session = rtemo.read_session(tmp_path / "P-07_faces_1.xdf")
    settings = session.settings
    assert (settings.subject, settings.session, settings.task) == ("P 07", "two", "faces")
    assert "Tür geht auf" in [event.text for event in session.events]
    (given,) = filter(None, map(note_of, session.events))
    assert (given.label, given.end_s - given.begin_s) == ("sad", pytest.approx(2.5))
    assert len(session.predictions) > 5
    assert [path.suffix for path in sorted(tmp_path.iterdir()) if not path.name.startswith("P-07_faces_1.")] == []


class EngineOfTwo:
    """What remote control sees of an engine with two participants."""

    def __init__(self):
        self.asked = []
        said = [parse_participant(f"{whose}: eeg=name=Amp{whose}") for whose in ("P01", "P02")]
        settings = settings_text(with_participants(SessionSettings(), said))
        self.feed = Feed(lambda: 100.0)
        self.feed.publish(Snapshot(0, 100.0, Phase.RUNNING, settings=settings))

    def ask(self, name, arguments, wait_s):
        self.asked.append((name, arguments))


P01, P02 = {"participant": "P01"}, {"participant": "P02"}
OF_TWO = [
    ("annotate hello", "OK noted", ("annotate", {"text": "hello"})),
    ("annotate {participant:P02} he llo", "OK noted", ("annotate", {"text": "he llo", **P02})),
    ("annotate he {participant:P02}", "OK noted", ("annotate", {"text": "he {participant:P02}"})),
    ("annotate {participant:P03} x", "ERROR there is no participant 'P03'; found P01, P02; name one of them", None),
    ("participant P01", "OK what follows concerns P01", None),
    ("annotate hello", "OK noted", ("annotate", {"text": "hello", **P01})),
    ("baseline", "OK a baseline of 120 s begins", ("baseline", {"seconds": 120.0, **P01})),
    ("baseline {participant:P02} 30", "OK a baseline of 30 s begins", ("baseline", {"seconds": 30.0, **P02})),
    ("label sad 20", "OK sad for the last 20 s", ("label", {"label": "sad", "begin_s": 80.0, "end_s": 100.0, **P01})),
    ("calibrate {participant:P02}", "OK a calibration is being fitted; its verdict is an event", ("calibrate", P02)),
    ("uncalibrate", "OK the trained model counts again", ("uncalibrate", P01)),
    ("participant P03", "ERROR there is no participant 'P03'; found P01, P02; name one of them", None),
    ("participant all", "OK what follows concerns everybody", None),
    ("baseline 30", "OK a baseline of 30 s begins", ("baseline", {"seconds": 30.0})),
]


def test_of_several_a_command_concerns_whom_it_names_or_whoever_was_named_before(tmp_path):
    engine = EngineOfTwo()
    control = RemoteControl(engine, tmp_path)
    for line, answer, expected in OF_TWO:
        engine.asked.clear()
        assert control.answer(line) == answer
        assert engine.asked == ([expected] if expected else []), line
    control.answer("participant P02")
    status = json.loads(control.answer("status").removeprefix("OK "))
    assert (status["participants"], status["concerns"]) == (["P01", "P02"], "P02")
    named = control.answer(f"filename {{root:{tmp_path}}} {{template:%p_%r}} {{participant:dyad 3}}")
    assert named == f"OK the next recording is {tmp_path / 'dyad-3_1.xdf'}"


def test_the_remote_control_follows_the_settings(lab):
    lab.feed(1)
    first = lab.controller._remote_at.port
    with Client(first) as script:
        assert script.ask("status").startswith("OK")
    moved = NetworkAddress(LOOPBACK, free_port())
    asked = replace(SessionSettings(), outputs=OutputSettings(remote=moved, outlet_name="lab"))
    lab.do("describe", settings=settings_text(asked))  # as the window's dialog of outputs does
    lab.feed(1)
    with Client(moved.port) as script:
        assert script.ask("status").startswith("OK")
    lab.feed(1)
    (view,) = lab.controller.feed.state.outputs
    assert (view.name, view.state, view.n_written) == (f"remote control {moved}", "working", 1)
    assert parse_settings(lab.controller.feed.state.settings).outputs == asked.outputs
    with socket.create_server((LOOPBACK, 0)) as taken:
        there = NetworkAddress(LOOPBACK, taken.getsockname()[1])
        lab.do("describe", settings=settings_text(replace(asked, outputs=OutputSettings(remote=there))))
        lab.feed(1)
        (view,) = lab.controller.feed.state.outputs
        assert (view.name, view.state) == (f"remote control {there}", "failed")
        assert "cannot listen" in view.error
    for gone in (first, moved.port):
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((LOOPBACK, gone), timeout=1.0)


LABRECORDER_README = r"""
import socket
s = socket.create_connection(("localhost", {port}))
s.sendall(b"select all\n")
s.sendall(b"filename {{root:{root}}} {{template:exp%n\\%p_block_%b.xdf}} {{run:2}} "
          b"{{participant:P003}} {{task:MemoryGuided}}\n")
s.sendall(b"start\n")
s.recv(4096)
"""  # as LabRecorder's README has it, with a port and a folder of ours, and the answer awaited


def test_an_unmodified_labrecorder_script_starts_a_recording_of_all_streams(tmp_path, monkeypatch):
    monkeypatch.delenv("LSLAPICFG")
    lsl, port, command = f"remote-{tmp_path.name}", free_port(), [sys.executable, "-m", "rtemo"]
    person = ["simulate", "--eeg-channels", "8", "--eeg-rate", "250", "--duration", "120", "--lsl-session", lsl]
    live = ["live", "--remote", str(port), "--session", str(tmp_path / "own"), "--lsl-session", lsl]
    live += ["--script", str(BESIDE)]
    running = [subprocess.Popen([*command, *words], stderr=subprocess.DEVNULL) for words in (person, live)]
    try:
        with Client(port) as watching:
            wait_for(lambda: json.loads(watching.ask("status").removeprefix("OK "))["phase"] == "preview")
            script = LABRECORDER_README.format(port=port, root=tmp_path)
            subprocess.run([sys.executable, "-c", script], check=True, timeout=DEADLINE_S)
            path = tmp_path / "exp2" / "P003_block_MemoryGuided.xdf"
            wait_for(lambda: json.loads(watching.ask("status").removeprefix("OK "))["file"] == str(path))
            assert watching.ask("annotate here") == "OK noted"
            with rtemo.connect(f"live-{running[1].pid}") as engine:
                script = ("script beside_session.py", "working")
                wait_for(lambda: script in [(one.name, one.state) for one in engine.state.outputs if one.n_written])
            assert watching.ask("stop") == f"OK stopped; {path}"
            assert watching.ask("start").startswith("ERROR")  # the same name
            assert watching.ask("filename {template:}").startswith("OK the next session gets a folder")
            assert watching.ask("start").startswith(f"OK recording to {tmp_path}/20")
            assert watching.ask("filename {root:}").startswith("OK")
            assert watching.ask("stop").startswith("OK stopped; ")
            assert watching.ask("start").startswith(f"OK recording to {tmp_path / 'own'}")
    finally:
        for process in running:
            process.terminate()
            process.wait()
    session = rtemo.read_session(path)
    assert session.settings.subject == "P003"
    assert session.settings.record_all
    assert any(event.text == "here" for event in session.events)
    assert "rtemo_values_P003" in [info.name for info in session.recording.streams]
    assert len(list((tmp_path / "own").iterdir())) == 1


def test_options_of_one_session_are_refused_beside_remote_control(tmp_path):
    from rtemo.cli import main

    for option, value in (("--record", "a.xdf"), ("--out", "a.csv"), ("--duration", "3")):
        assert main(["live", "--remote", "22345", option, str(tmp_path / value) if "." in value else value]) == 2
    assert main(["live", "--remote", "10.0.0.1:22345"]) == 2
    assert main(["live", "--osc", "nowhere"]) == 2
