"""A user's script beside a session: what it is given and gives out, and that it harms only itself."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from hand_fed import setup_of, wait_for
from joint_people import IDS, Joint, people, settings_for

import rtemo
from rtemo.commands.session.live_engine import run_beside
from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, StreamUp
from rtemo.live.output.outlet import OutletIdentity
from rtemo.live.output.output_queue import OutputState
from rtemo.live.script import beside_process
from rtemo.live.script import script_process as scripts
from rtemo.live.script.script_outlets import ScriptOutlets
from rtemo.live.script.script_process import ScriptPlace, screen_process, script_process
from rtemo.recordings.events import EventKind
from rtemo.sources.output_settings import OutputSettings

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "beside_session.py"


def outlets(kept):
    return ScriptOutlets(OutletIdentity("0123", "P01"), kept.append, lambda: 7.0, publish=False)


def test_values_and_texts_are_streams_of_the_session_from_the_first_on():
    kept = []
    given = outlets(kept)
    assert kept == []
    given.give('{"alpha": 1.5, "beta": null}', "", 3.0)
    given.give('{"beta": 2, "alpha": 1}', "", 0.0)
    given.give("", "Tür", 4.0)
    ups = [item.info for item in kept if isinstance(item, StreamUp)]
    assert [(info.name, info.type, info.labels) for info in ups] == [
        ("rtemo_values_P01", "Values", ("alpha", "beta")),
        ("rtemo_texts_P01", "Markers", ("text",)),
    ]
    chunks = [item for item in kept if isinstance(item, Chunk)]
    assert [chunk.stamps.tolist() for chunk in chunks] == [[3.0], [7.0], [4.0]]
    np.testing.assert_array_equal(chunks[0].values, [[1.5, np.nan]])
    np.testing.assert_array_equal(chunks[1].values, [[1.0, 2.0]])
    assert {chunk.values.dtype for chunk in chunks[:2]} == {np.dtype(np.float32)}  # as the stream is described
    assert chunks[2].values[0, 0] == "Tür"


TOO_MANY = json.dumps(dict.fromkeys(map(str, range(65)), 1))


@pytest.mark.parametrize("values", ["[]", "{}", '{"a": "x"}', "no", '{"a": [1]}', "[" * 10_000, TOO_MANY])
def test_what_are_no_values_is_refused_and_gives_out_nothing(values):
    kept = []
    with pytest.raises(RtemoError, match="values"):
        outlets(kept).give(values, "", 1.0)
    assert kept == []


def test_the_values_are_the_same_each_time():
    given = outlets([])
    given.give('{"a": 1}', "", 1.0)
    with pytest.raises(RtemoError, match="a script gives out the same values each time; b instead of a"):
        given.give('{"b": 1}', "", 2.0)


def started(tmp_path, text):
    file, notes = tmp_path / "own.py", []
    file.write_text(text)
    return script_process(ScriptPlace(file, "nobody"), lambda kind, text: notes.append((kind.value, text))), notes


def test_a_script_that_crashes_is_an_event_with_its_last_line(tmp_path):
    script, notes = started(tmp_path, "print('before')\nraise ValueError('my own mistake')\n")
    wait_for(lambda: script.look() or len(notes) == 2)
    assert notes[1] == (
        "failure",
        "script own.py ended: exit code 1; ValueError: my own mistake; the session goes on without it",
    )
    assert (script.status().state, script.status().error) == (
        OutputState.FAILED,
        "exit code 1; ValueError: my own mistake",
    )
    script.close()


def test_a_script_that_hangs_is_an_event_and_ended_with_the_session(tmp_path, monkeypatch):
    monkeypatch.setattr(scripts, "HANGS_S", 0.2)
    monkeypatch.setattr(beside_process, "END_S", 0.5)
    there = tmp_path / "there"
    deaf = "import pathlib, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    script, notes = started(tmp_path, f"{deaf}pathlib.Path({str(there)!r}).touch()\nwhile True: pass\n")
    wait_for(there.exists)
    wait_for(lambda: script.look() or len(notes) == 2)
    assert notes[1] == ("failure", "script own.py hangs: it has taken nothing for 0.2 s; the session goes on")
    script.alive()
    script.look()
    assert notes[2] == ("note", "script own.py goes on")
    script.close()
    assert script._process.returncode == -9


OF_SEVERAL = """
import rtemo

session = rtemo.beside()
assert session.participants == ("P01", "P02")
n = dict.fromkeys(session.participants, 0)
for news in session:
    for one in news.predictions:
        assert one["participant"] == news.participant
        n[news.participant] += 1
        session.send(n=n[news.participant], time_s=one["time_s"], participant=news.participant)
    for event in news.events:
        if event["text"] == "tell":
            session.say("a text", participant="P02")
            session.annotate(f"of {news.participant or 'everybody'}", participant=news.participant)
            session.label("sad", news.time_s - 2.0, news.time_s, participant="P02")
            try:
                session.say("nobody", participant="P03")
            except rtemo.RtemoError:
                session.annotate("there is no P03")
"""


def test_a_script_is_given_what_is_whose_and_gives_out_for_each(tmp_path):
    script = tmp_path / "of_several.py"
    script.write_text(OF_SEVERAL)
    streams, items, start_s = people(10.0)
    settings = settings_for(streams, outputs=OutputSettings(script=str(script)))
    joint = Joint(streams, settings, tmp_path / "sessions", start_s)
    noted = []
    joint.outputs.events.listen(lambda event: noted.append((event.participant, event.text)))
    setup = setup_of(next(iter(joint.roles.each.values())), lambda: joint.time_s, lambda *_: None)
    with contextlib.ExitStack() as closing:
        run_beside(str(script), setup, joint.outputs, joint.session, closing)
        for _, item in items:
            joint.give(item)
        for whose in ("", *IDS):
            joint.outputs.note(EventKind.ANNOTATION, "tell", whose)
        told = [("", "of everybody"), *((whose, f"of {whose}") for whose in IDS), ("", "there is no P03")]
        own = joint.session.runs["P02"].calibration
        wait_for(
            lambda: joint.session.commands.turn() or (set(told) <= set(noted) and len(own.labels) == 3), str(noted)
        )
    joint.end()
    assert not joint.session.runs["P01"].calibration.labels
    recorded = pyxdf.load_xdf(joint.outputs.folder.recording, dejitter_timestamps=False)[0]
    streams = {one["info"]["name"][0]: one for one in recorded}
    for whose in IDS:
        given = streams[f"rtemo_values_{whose}"]
        assert given["info"]["desc"][0]["session"][0]["participant"] == [whose]
        assert given["time_series"][:, 0].tolist() == list(range(1, len(given["time_stamps"]) + 1))
        assert list(given["time_stamps"]) == list(streams[f"rtemo_{whose}"]["time_stamps"])
    assert streams["rtemo_texts_P02"]["time_series"] == [["a text"]] * 3
    assert "rtemo_values_P01-P02" not in streams


def test_a_screen_that_cannot_be_recorded_is_an_event_and_no_more(tmp_path, monkeypatch):
    """Whether the package for it or the screen is missing."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    notes = []
    process = screen_process(tmp_path / "screen.mkv", "nobody", lambda kind, text: notes.append((kind.value, text)))
    wait_for(lambda: process.look() or len(notes) == 2)
    kind, text = notes[1]
    assert kind == "failure"
    assert text.startswith("screen recording ended: exit code 2; error: ")
    assert process.status().state is OutputState.FAILED
    process.close()


def test_the_screen_is_recorded_beside_a_session_that_is(tmp_path, monkeypatch):
    begun, streams = [], people(10.0)[0]
    monkeypatch.setattr("rtemo.live.session.outputs.screen_process", lambda *given: begun.append(given[0]))
    joint = Joint(streams, settings_for(streams, outputs=OutputSettings(screen=True)), tmp_path, 1000.0)
    joint.outputs.record_screen()
    assert begun == [joint.outputs.folder.path / "screen.mkv"]
    joint.end()
    off = Joint(streams, settings_for(streams), tmp_path / "off", 1000.0)
    off.outputs.record_screen()
    assert len(begun) == 1
    off.end()


def test_by_itself_a_script_has_no_session(monkeypatch):
    monkeypatch.delenv("RTEMO_SCRIPT_ENGINE", raising=False)
    with pytest.raises(RtemoError, match="no session runs this script"):
        rtemo.beside()


@pytest.fixture(scope="module")
def person():
    session = f"script-{secrets.token_hex(4)}"
    options = ["--eeg-channels", "8", "--eeg-rate", "250", "--duration", "900"]
    command = [sys.executable, "-m", "rtemo", "simulate", *options, "--lsl-session", session]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LSLAPICFG")
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        yield session
        process.terminate()
        process.wait()


def live(person, script, root):
    options = ["--lsl-session", person, "--session", str(root), "--no-outlet", "--duration", "9", "--subject", "P01"]
    command = [sys.executable, "-m", "rtemo", "live", *options, "--script", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (folder,) = root.iterdir()
    streams = pyxdf.load_xdf(folder / "recording.xdf", dejitter_timestamps=False)[0]
    return {one["info"]["name"][0]: one for one in streams}, (folder / "events.jsonl").read_text()


def test_the_example_gives_out_what_it_makes_of_windows_and_it_is_recorded(person, tmp_path):
    streams, events = live(person, EXAMPLE, tmp_path / "sessions")
    values = streams["rtemo_values_P01"]
    labels = [channel["label"][0] for channel in values["info"]["desc"][0]["channels"][0]["channel"]]
    assert labels == ["alpha", "saccades"]
    assert len(values["time_series"]) > 3
    assert np.isfinite(values["time_series"]).all()
    ends = set(np.round(streams["rtemo_P01"]["time_stamps"], 6))
    assert set(np.round(values["time_stamps"], 6)) <= ends
    assert "script beside_session.py is started" in events


def test_a_script_that_crashes_and_hangs_costs_the_session_nothing(person, tmp_path):
    script = tmp_path / "bad.py"
    script.write_text("import rtemo\nfor news in rtemo.beside():\n    if news.predictions:\n        1 / 0\n")
    streams, events = live(person, script, tmp_path / "sessions")
    assert "script bad.py ended: exit code 1; ZeroDivisionError" in events
    gaps = np.diff(streams["rtemo_P01"]["time_stamps"])
    assert len(gaps) > 8
    np.testing.assert_allclose(gaps, 0.25, atol=1e-6)


@pytest.fixture
def commands(monkeypatch):
    """The commands of the processes that would have been started, each without the interpreter's part."""
    found = []

    class Process:
        def __init__(self, command, **_files):
            found.append(command[3:])

        def poll(self):
            return None

    monkeypatch.setattr(beside_process.subprocess, "Popen", Process)
    return found


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (ScriptPlace(Path("own.py"), "lab"), []),
        (ScriptPlace(Path("own.py"), "lab", Path("/run/r")), ["--engine-at", "/run/r"]),
        (ScriptPlace(Path("own.py"), "lab", None, ("A", "B")), ["--participant", "A", "--participant", "B"]),
    ],
)
def test_a_script_knows_the_engine_that_it_is_beside(commands, place, words):
    script_process(place, lambda _kind, _text: None)
    assert commands == [["script", "own.py", "--engine", "lab", *words, "--owner", str(os.getpid())]]


def test_what_a_script_gave_out_is_counted_and_it_hangs_after_five_seconds_without_a_sign(commands, monkeypatch):
    now_s, notes = [100.0], []
    monkeypatch.setattr(beside_process.time, "monotonic", lambda: now_s[0])
    script = script_process(ScriptPlace(Path("own.py"), "lab"), lambda kind, text: notes.append(text))
    for _ in range(3):
        now_s[0] += 5.0
        script.look()
        script.given()
    assert (script.status().state, script.status().n_written) == (OutputState.WORKING, 3)
    now_s[0] += 5.5
    script.look()
    assert notes[1:] == ["script own.py hangs: it has taken nothing for 5 s; the session goes on"]
    assert (script.status().state, script.status().n_written) == (OutputState.BEHIND, 3)
