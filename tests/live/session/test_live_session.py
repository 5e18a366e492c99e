"""A whole session on real LSL streams of another process: recorded, replayed, read by pyxdf, interrupted."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from rtemo.cli import main

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 60.0


@contextlib.contextmanager
def process(*args):
    """A running `rtemo`, ended when the block ends."""
    command = [sys.executable, "-m", "rtemo", *map(str, args)]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


@contextlib.contextmanager
def simulated_person(duration_s, *args):
    """Streams of a simulated person; the block begins when they are there."""
    with process(
        "simulate", "--seed", 5, "--duration", duration_s, "--eeg-channels", 16, "--eeg-rate", 250, *args
    ) as run:
        line = run.stderr.readline()
        assert "a simulated person on LSL" in line
        yield run


def wait_until(condition, running):
    pause, end_s = threading.Event(), time.monotonic() + DEADLINE_S
    while not condition():
        assert running.poll() is None, running.stderr.read()
        assert time.monotonic() < end_s
        pause.wait(0.05)


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def person():
    with simulated_person(900) as streams:
        yield streams


@pytest.fixture(scope="module")
def session(person, tmp_path_factory):
    """Nine seconds of a live session: folder, predictions, what was said."""
    root = tmp_path_factory.mktemp("session")
    options = ["--session", root / "sessions", "--subject", "P 01", "--out", root / "live.jsonl", "--duration", 9]
    with process("live", *options) as live:
        _, err = live.communicate(timeout=DEADLINE_S)
        assert live.returncode == 0, err
    (folder,) = (root / "sessions").iterdir()
    return folder, root / "live.jsonl", err


def test_the_replay_of_the_recording_gives_the_predictions_of_the_session(session, tmp_path):
    folder, live_path, _ = session
    assert (
        main(["replay", str(folder / "recording.xdf"), "--speed", "max", "--out", str(tmp_path / "r.jsonl"), "--quiet"])
        == 0
    )
    live, replayed = records(live_path), {r["time_s"]: r for r in records(tmp_path / "r.jsonl")}
    assert len(live) > 12
    for record in live:
        if not record["forced"]:
            again = replayed[record["time_s"]]
            for name in ("probabilities", "smoothed"):
                np.testing.assert_allclose(list(record[name].values()), list(again[name].values()), atol=1e-6)


def test_the_folder_holds_everything(session):
    folder, live_path, _ = session
    assert folder.name.endswith("_P-01")
    assert {p.name for p in folder.iterdir()} == {
        "recording.xdf",
        "predictions.csv",
        "session.toml",
        "events.jsonl",
        "report.html",
    }
    assert len((folder / "predictions.csv").read_text().splitlines()) == len(records(live_path)) + 1
    kinds = {record["kind"] for record in records(folder / "events.jsonl")}
    assert "stream_up" in kinds
    assert "rtemo simulated EEG" in (folder / "session.toml").read_text()


def test_pyxdf_reads_the_recording_without_a_hole(session):
    folder, live_path, _ = session
    streams, _ = pyxdf.load_xdf(folder / "recording.xdf", synchronize_clocks=False, dejitter_timestamps=False)
    by_type = {s["info"]["type"][0]: s for s in streams if s["info"]["name"][0] != "rtemo_events"}
    eeg, gaze, own = by_type["EEG"], by_type["Gaze"], by_type["Emotion"]
    steps = np.diff(eeg["time_stamps"])
    np.testing.assert_allclose(steps, 1 / 250, atol=1e-6)
    assert eeg["time_series"].shape[1] == 16
    labels = [c["label"][0] for c in eeg["info"]["desc"][0]["channels"][0]["channel"]]
    assert len(set(labels)) == 16
    assert {c["unit"][0] for c in eeg["info"]["desc"][0]["channels"][0]["channel"]} == {"microvolts"}
    assert len(gaze["time_stamps"]) == pytest.approx(120 * 9, rel=0.2)
    assert len(eeg["clock_times"]) >= 1
    assert list(own["time_stamps"]) == pytest.approx([r["time_s"] for r in records(live_path)])
    np.testing.assert_allclose(
        own["time_series"][:, :4], [list(r["smoothed"].values()) for r in records(live_path)], atol=1e-6
    )


@pytest.mark.skipif(os.name == "nt", reason="a console's Ctrl-C cannot be sent to one process on Windows")
def test_ctrl_c_closes_everything_readably_and_exits_with_130(person, tmp_path):
    out, recording = tmp_path / "live.csv", tmp_path / "rec.xdf"
    with process("live", "--record", recording, "--out", out) as live:
        wait_until(lambda: out.exists() and out.read_text().count("\n") > 3, live)
        live.send_signal(signal.SIGINT)
        _, err = live.communicate(timeout=DEADLINE_S)
    assert live.returncode == 130, err
    assert "Traceback" not in err
    assert out.read_text().endswith("\n")
    streams, _ = pyxdf.load_xdf(recording, synchronize_clocks=False, dejitter_timestamps=False)
    assert all(int(s["footer"]["info"]["sample_count"][0]) == len(s["time_stamps"]) for s in streams)
    assert main(["replay", str(recording), "--speed", "max", "--out", str(tmp_path / "r.jsonl"), "--quiet"]) == 0


def test_the_demo_runs_without_a_window_and_keeps_to_itself():
    with process("demo", "--headless", "--duration", 7) as demo:
        out, err = demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode == 0, err
    assert "simulated" in err
    assert len([line for line in out.splitlines() if "EEG 1" in line]) > 3
