"""Every script in docs/examples runs, by the line that its README gives."""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from model_sessions import impatient_bundle

import rtemo

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
RTEMO = [sys.executable, "-m", "rtemo"]
PERSON = ["simulate", "--eeg-channels", "8", "--eeg-rate", "250", "--duration", "900"]


def run(name, *arguments):
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def person():
    """A simulated person on LSL, in a session of its own. Gives the session's name."""
    session = f"example-{secrets.token_hex(4)}"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LSLAPICFG")
        process = subprocess.Popen([*RTEMO, *PERSON, "--lsl-session", session], stderr=subprocess.DEVNULL)
        yield session
        process.terminate()
        process.wait()


def test_the_table_names_every_example():
    named = set(re.findall(r"`(\w+\.py)", (EXAMPLES / "README.md").read_text()))
    assert named == {path.name for path in EXAMPLES.glob("*.py")}


def test_a_recording_is_predicted(recording, tmp_path):
    said = run("predict_recording", recording, tmp_path / "out.csv")
    assert "predictions of neutral, sad, fear, happy" in said
    assert len((tmp_path / "out.csv").read_text().splitlines()) > 60


def test_an_own_model_is_trained(recording):
    assert re.search(r"\d+ windows train, \d+ test; right: \d+%", run("own_model", recording))


def test_a_session_is_analysed_by_condition(recording, replayed, tmp_path):
    (tmp_path / "recording.xdf").write_bytes(recording.read_bytes())
    (tmp_path / "predictions.csv").write_text(replayed[0])
    lines = run("by_condition", tmp_path).splitlines()
    assert lines[0] == "shown\twindows\tneutral\tsad\tfear\thappy"
    assert len(lines) > 1
    for line in lines[1:]:
        assert sum(map(float, line.split("\t")[2:])) == pytest.approx(1.0, abs=0.03)


def test_live_predictions_come_in_a_loop(person):
    lines = run("live_loop", 6, person).splitlines()
    assert len(lines) >= 2
    assert all("neutral" in line and "happy" in line for line in lines)


def test_a_session_is_driven_by_a_script(person, tmp_path):
    engine = ["engine", "--name", "driven", "--endpoint", str(tmp_path / "at"), "--lsl-session", person]
    process = subprocess.Popen([*RTEMO, *engine], stderr=subprocess.DEVNULL)
    try:
        deadline = subprocess.TimeoutExpired("engine", 60)
        while not (tmp_path / "at" / "driven.json").exists():
            try:
                assert process.wait(0.2) is None, "the engine ended"
            except subprocess.TimeoutExpired:
                deadline.timeout -= 0.2
            assert deadline.timeout > 0
        said = run("drive_session", tmp_path / "sessions", "driven", tmp_path / "at")
    finally:
        process.terminate()
        process.wait()
    assert said.count("predictions") == 3
    (folder,) = (tmp_path / "sessions").iterdir()
    events = (folder / "events.jsonl").read_text()
    assert [f"trial {n} begins" in events for n in range(3)] == [True] * 3


@contextlib.contextmanager
def live(person, *options):
    """`rtemo live` with a port that is free, once somebody listens there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*RTEMO, "live", *(option.format(port=port) for option in options), "--lsl-session", person]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        end_s = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
                break
            except OSError:
                assert process.poll() is None, "the session ended"
                assert time.monotonic() < end_s
        yield port
    finally:
        process.terminate()
        process.wait()


def test_the_closed_loop_table_names_every_file():
    folder = EXAMPLES / "closed_loop"
    named = set(re.findall(r"^\| `([\w.]+)", (folder / "README.md").read_text(), re.MULTILINE))
    assert named == {path.name for path in folder.iterdir() if path.suffix in (".py", ".cs", ".html")}


def test_a_stimulus_follows_predictions_by_websocket(person):
    with live(person, "--websocket", "{port}", "--no-outlet", "--hop", "0.1") as port:
        lines = run("closed_loop/psychopy_feedback", port, 8).splitlines()
    assert re.fullmatch(r"\d+ predictions shown", lines[-1])
    assert int(lines[-1].split()[0]) == len(lines) - 1
    assert all(re.fullmatch(r"valence [+-]\d\.\d\d, radius \d\.\d{3}", line) for line in lines[:-1])


def test_one_script_runs_a_whole_session_by_remote_control(person, tmp_path):
    model = impatient_bundle(tmp_path / "model", 3.0)
    with live(person, "--remote", "{port}", "--no-outlet", "--model", str(model)) as port:
        said = run("closed_loop/psychopy_session", port, tmp_path, 6)
    recording = tmp_path / "sub-P01" / "sub-P01_task-faces_run-1_eeg.xdf"
    assert f"start: OK recording to {recording}" in said
    assert f"stop: OK stopped; {recording}" in said
    session = rtemo.read_session(recording)
    texts = [event.text for event in session.events]
    assert [f"{name} begins" in texts for name in ("happy_01", "sad_01", "neutral_01")] == [True] * 3
    assert any(text.startswith("baseline ends: ") for text in texts)
