"""Every script in docs/examples runs, by the line that its README gives."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
RTEMO = [sys.executable, "-m", "rtemo"]
PERSON = ["simulate", "--eeg-channels", "8", "--eeg-rate", "250", "--duration", "120"]


def run(name, *arguments):
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def person(tmp_path, monkeypatch):
    """A simulated person on LSL, in a session of its own. Gives the session's name."""
    monkeypatch.delenv("LSLAPICFG")
    session = f"example-{tmp_path.name}"
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
