"""`rtemo live` whose processes are killed, stopped or asked to end at any time, on real LSL streams."""

from __future__ import annotations

import csv
import os
import re
import signal
import time

import numpy as np
import psutil
import pytest
import pyxdf
from test_live_session import DEADLINE_S, process, simulated_person, wait_until

from rtemo.cli import main

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="kills processes by POSIX signals"),
    pytest.mark.usefixtures("person"),
]
LOST_S = 0.35  # of samples, at most, where the recorder is killed


@pytest.fixture(scope="module")
def person():
    with simulated_person(900) as streams:
        yield streams


def child(live, word):
    """The process of `rtemo live` that is the recorder, or the engine."""
    found = [p for p in psutil.Process(live.pid).children() if word in p.cmdline()[2:5] and p.is_running()]
    assert len(found) == 1
    return found[0]


def lines(path):
    return path.read_text().count("\n") if path.exists() else 0


def stamps_of(path, kind="EEG"):
    streams, _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)
    return next(s["time_stamps"] for s in streams if s["info"]["type"][0] == kind)


def rows(path):
    with path.open() as file:
        return [{k: row[k] for k in row.keys() - {"forced", "latency_ms", "late"}} for row in csv.DictReader(file)]


def test_a_killed_engine_costs_predictions_and_a_killed_recorder_a_moment(tmp_path):
    sessions = tmp_path / "sessions"
    with process("live", "--session", sessions, "--no-outlet") as live:
        wait_until(lambda: sessions.is_dir() and any(sessions.iterdir()), live)
        (folder,) = sessions.iterdir()
        predictions, second = folder / "predictions.csv", folder / "recording_2.xdf"
        wait_until(lambda: lines(predictions) > 6, live)
        child(live, "live").kill()
        before = lines(predictions)
        wait_until(lambda: lines(predictions) > before + 4, live)
        child(live, "recorder").kill()
        killed_s = time.monotonic()
        wait_until(lambda: second.exists() and second.stat().st_size > 20_000, live)
        back_s = time.monotonic() - killed_s
        live.send_signal(signal.SIGINT)
        _, err = live.communicate(timeout=DEADLINE_S)
    assert live.returncode == 130, err
    assert "the engine ended: killed by signal 9" in err
    assert "the recorder ended: killed by signal 9" in err
    assert (folder / "report.html").exists()
    first, rest = stamps_of(folder / "recording.xdf"), stamps_of(second)
    np.testing.assert_allclose(np.diff(first), 1 / 250, atol=1e-6)  # not one sample was lost with the engine
    steps = np.diff(np.concatenate([first, rest]))  # the second file begins with what was not in the first one yet
    (gap,) = np.flatnonzero(steps > 1.5 / 250)
    assert gap >= len(first) - 1
    np.testing.assert_allclose(np.delete(steps, gap), 1 / 250, atol=1e-6)
    assert steps[gap] < back_s + LOST_S
    told = int(re.search(r"EEG: at least (\d+) samples \(\S+ s\) are in no file", err)[1])
    gone = round(steps[gap] * 250) - 1
    assert gone - LOST_S * 250 <= told <= gone + 2
    assert (
        main(["replay", str(folder / "recording.xdf"), "--speed", "max", "--quiet", "--out", str(tmp_path / "r.csv")])
        == 0
    )
    replayed = {row["time_s"]: row for row in rows(tmp_path / "r.csv")}
    before_the_gap = [row for row in rows(predictions) if float(row["time_s"]) < first[-1] - 0.5]
    assert len(before_the_gap) > 5
    assert all(row == replayed[row["time_s"]] for row in before_the_gap)


def ended_by(live, *signals):
    begin_s = time.monotonic()
    for number in signals:
        live.send_signal(number)
    live.wait(DEADLINE_S)
    return time.monotonic() - begin_s


@pytest.mark.parametrize("signals", [(signal.SIGTERM,), (signal.SIGTERM, signal.SIGTERM), (signal.SIGHUP,)], ids=str)
def test_a_polite_end_closes_everything_within_five_seconds(signals, tmp_path):
    recording, out = tmp_path / "r.xdf", tmp_path / "p.csv"
    with process("live", "--record", recording, "--out", out, "--no-outlet") as live:
        wait_until(lambda: lines(out) > 3, live)
        assert ended_by(live, *signals) < 5.0
        assert live.returncode == 130
    streams, _ = pyxdf.load_xdf(recording, synchronize_clocks=False, dejitter_timestamps=False)
    assert all(int(s["footer"]["info"]["sample_count"][0]) == len(s["time_stamps"]) for s in streams)


@pytest.mark.parametrize("which", ["live", "recorder"])
def test_a_process_that_hangs_cannot_hold_up_the_end(which, tmp_path):
    recording, out = tmp_path / "r.xdf", tmp_path / "p.csv"
    with process("live", "--record", recording, "--out", out, "--no-outlet") as live:
        wait_until(lambda: lines(out) > 3, live)
        stuck = child(live, which)
        stuck.suspend()
        try:
            assert ended_by(live, signal.SIGTERM) < 5.0
        finally:
            if stuck.is_running():
                stuck.kill()
    assert main(["replay", str(recording), "--speed", "max", "--quiet", "--out", str(tmp_path / "r.csv")]) == 0
    assert len(rows(tmp_path / "r.csv")) >= 2


def test_without_its_supervisor_a_session_ends_properly(tmp_path):
    recording, out = tmp_path / "r.xdf", tmp_path / "p.csv"
    with process("live", "--record", recording, "--out", out, "--no-outlet") as live:
        wait_until(lambda: lines(out) > 3, live)
        children = psutil.Process(live.pid).children()
        live.kill()
        _, alive = psutil.wait_procs(children, DEADLINE_S)
        assert not alive
    streams, _ = pyxdf.load_xdf(recording, synchronize_clocks=False, dejitter_timestamps=False)
    assert all("footer" in s for s in streams)
