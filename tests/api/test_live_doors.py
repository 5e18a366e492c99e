"""`stream`, `connect` and `read_session`: the processes, the engine and the folders that the commands use."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

import rtemo
from rtemo.api.connection import EngineConnection
from rtemo.api.live_stream import LiveStream
from rtemo.core.errors import RtemoError, StreamMissing
from rtemo.core.types import StreamState
from rtemo.live.service.snapshot import Phase, Snapshot, StreamStatus

PROGRAM = """
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
print("error: the EEG is gone; look", file=sys.stderr, flush=True)
for n in range(int(sys.argv[1])):
    print('{"time_s": %d}' % n, flush=True)
if sys.argv[2] == "stay":
    time.sleep(60)
sys.exit(int(sys.argv[2]))
"""


def live(*arguments):
    return LiveStream(arguments, (sys.executable, "-c", PROGRAM))


def test_predictions_come_until_the_session_ends():
    with live("3", "0") as stream:
        assert [record["time_s"] for record in stream] == [0, 1, 2]
        assert stream.latest == {"time_s": 2}


@pytest.mark.parametrize(("code", "kind"), [(2, RtemoError), (3, StreamMissing), (1, RtemoError)])
def test_a_session_that_fails_raises_what_the_command_line_printed(code, kind):
    stream = live("1", str(code))
    next(stream)
    with pytest.raises(kind, match=r"^the EEG is gone; look$"):
        next(stream)


def test_leaving_the_loop_ends_the_session():
    with live("1", "stay") as stream:
        next(stream)
    assert stream._process.returncode == 130
    assert "the EEG is gone" in stream.messages
    with pytest.raises(StopIteration):
        next(stream)


def test_options_are_those_of_the_command():
    with pytest.raises(RtemoError, match=r"gone\.toml"):
        next(rtemo.stream(settings="gone.toml"))
    with pytest.raises(RtemoError, match="must be a number of seconds"):
        next(rtemo.stream(hop_s=-1.0))


def eeg_stream(state):
    names = {"stream_id": "1", "name": "Amp", "type": "EEG", "hostname": "lab", "source_id": "a", "role": "eeg"}
    rates = {"n_channels": 8, "channel_format": "float32", "nominal_hz": 250.0, "measured_hz": 250.0, "age_s": 0.1}
    return StreamStatus(**names, **rates, state=state, profile="", why="")


class ScriptedEngine:
    """Does what it is told, or refuses it."""

    def __init__(self, refuses=""):
        self.connected, self.failure, self.refuses = True, "", refuses
        self.state, self.sent = Snapshot(1, 0.0, Phase.PREVIEW, streams=(eeg_stream(StreamState.STREAMING),)), []
        self.unread = [self.state]

    def poll(self):
        return self.unread.pop(0) if self.unread else None

    def send(self, command, **arguments):
        self.sent.append((command, arguments))
        if command == self.refuses:
            event = {"time_s": 1.0, "kind": "failure", "text": f"{command}: no streams"}
            self.unread.append(replace(self.state, events=(event,)))
            return
        changes = {
            "start": {"phase": Phase.RUNNING, "folder": "/data/1"},
            "stop": {"phase": Phase.PREVIEW},
            "annotate": {"events": ({"time_s": 1.0, "kind": "annotation", "text": arguments.get("text")},)},
        }
        self.state = replace(self.state, **{"events": (), **changes.get(command, {})})
        self.unread.append(self.state)


def test_an_engine_is_driven_from_start_to_stop():
    engine = ScriptedEngine()
    with EngineConnection(engine) as connection:
        assert str(connection.start("P01", "/data")) == "/data/1"
        connection.annotate("door opens")
        engine.unread.append(replace(engine.state, events=(), predictions=({"time_s": 2.0}, {"time_s": 2.5})))
        assert [record["time_s"] for record in connection.predictions(0.0)] == [2.0, 2.5]
        connection.stop()
        assert connection.state.phase is Phase.PREVIEW
        assert [event["text"] for event in connection.events()] == ["door opens"]
    assert [name for name, _ in engine.sent] == ["start", "annotate", "stop"]
    assert engine.sent[0][1] == {"subject": "P01", "notes": "", "root": "/data"}


def test_a_session_starts_once_the_streams_deliver():
    engine = ScriptedEngine()
    waiting = replace(engine.state, streams=(eeg_stream(StreamState.WAITING),))
    engine.unread = [replace(waiting, streams=()), waiting, waiting, engine.state]
    connection = EngineConnection(engine)
    assert connection.obstacle == "no data from Amp"
    assert str(connection.start("P01", "/data")) == "/data/1"
    assert not connection.obstacle


def test_a_stream_that_never_delivers_is_the_engines_to_refuse():
    engine = ScriptedEngine("start")
    engine.unread = [replace(engine.state, streams=(eeg_stream(StreamState.WAITING),))]
    with pytest.raises(RtemoError, match="the engine did not start; start: no streams"):
        EngineConnection(engine, wait_s=0.05).start("P01", "/data")
    assert [name for name, _ in engine.sent] == ["start"]


def test_what_the_engine_refuses_is_an_error_with_its_reason():
    with pytest.raises(RtemoError, match="the engine did not start; start: no streams"):
        EngineConnection(ScriptedEngine("start")).start("P01", "/data")
    running = ScriptedEngine()
    running.unread = [replace(running.state, phase=Phase.RUNNING)]
    with pytest.raises(RtemoError, match="a session runs already"):
        EngineConnection(running).start("P02", "/data")
    silent = ScriptedEngine()
    silent.unread = []
    with pytest.raises(RtemoError, match="does not answer"):
        EngineConnection(silent, wait_s=0.05)


def test_where_no_engine_runs_connecting_says_so(tmp_path):
    with pytest.raises(RtemoError, match="no engine"):
        rtemo.connect("nobody", folder=tmp_path / "private")


def test_a_session_folder_is_read_as_it_was_written(recording, replayed, tmp_path):
    folder = tmp_path / "2026-11-30_10-20-30_P01"
    folder.mkdir()
    (folder / "recording.xdf").write_bytes(recording.read_bytes())
    (folder / "predictions.csv").write_text(replayed[0])
    event = {"time_s": 2.0, "kind": "annotation", "text": "door opens"}
    (folder / "events.jsonl").write_text(json.dumps(event) + "\n" + json.dumps(event | {"time_s": 1.0}) + '\n{"cut')
    (folder / "session.toml").write_text('[session]\nsubject = "P01"\n[record]\nstarted = "2026-11-30T10:20:30"\n')
    session = rtemo.read_session(folder)
    assert session.settings.subject == "P01"
    assert session.about["record"]["started"] == "2026-11-30T10:20:30"
    assert session.predictions.to_csv() == replayed[0]
    assert [event.time_s for event in session.events] == [1.0, 2.0]
    assert session.recording.last_s - session.recording.first_s == pytest.approx(40.0, abs=0.1)
    with pytest.raises(RtemoError, match="no session folder"):
        rtemo.read_session(tmp_path)


def test_a_live_session_gives_predictions_and_its_replay_the_same(tmp_path, monkeypatch):
    monkeypatch.delenv("LSLAPICFG")
    simulated = [sys.executable, "-m", "rtemo", "simulate", "--eeg-channels", "8", "--eeg-rate", "250"]
    person = subprocess.Popen([*simulated, "--duration", "60", "--lsl-session", f"door-{tmp_path.name}"])
    try:
        options = {"hop_s": 0.5, "session": tmp_path, "outlet": False, "lsl_session": f"door-{tmp_path.name}"}
        with rtemo.stream(**options, wait_s=40.0) as stream:
            shown = [next(stream) for _ in range(4)]
    finally:
        person.terminate()
        person.wait()
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    session = rtemo.read_session(folder)
    assert list(session.predictions[: len(shown)]) == shown
    replay = session.recording.predict(rtemo.load(hop_s=0.5))
    live_only = ("latency_ms", "forced", "late")
    for one, other in zip(shown, replay, strict=False):
        assert {k: v for k, v in one.items() if k not in live_only} == {
            k: v for k, v in other.items() if k not in live_only
        }
