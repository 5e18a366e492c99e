"""The controller on a simulated person: phases, sessions, what is kept, what is refused, what fails."""

from __future__ import annotations

import csv
import json
import threading
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
from hand_fed import PROFILES, Lab, setup_of, wait_for

from rtemo.cli import main
from rtemo.commands.session.engine import _watch
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.live.service.controller import Controller
from rtemo.live.service.snapshot import Phase
from rtemo.live.service.wire import Command
from rtemo.live.session.baseline_check import GOOD
from rtemo.recorder.endpoint import Endpoint
from rtemo.recorder.recording_source import RunningRecording
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.stream_roles import StreamRoles


@pytest.fixture(scope="module")
def person():
    return SimulatedSession(SimulationPlan.for_duration(3, 60, eeg_channels=16, eeg_rate_hz=250))


@pytest.fixture
def lab(person):
    running = Lab(person)
    yield running
    running.close()


def resting(lab):
    """The check of the rest that is being recorded."""
    return lab.controller._streaming.session.commands._rests[""]._check


def phase(lab):
    return lab.controller.feed.state.phase


def begin(lab, tmp_path):
    lab.feed(6)
    wait_for(lambda: phase(lab) is Phase.PREVIEW)
    lab.do("start", subject="P 01", notes="n", root=str(tmp_path))
    assert phase(lab) is Phase.RUNNING


def decided(path):
    """Predictions without what a live session alone knows."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return [{key: cell for key, cell in row.items() if key not in ("forced", "latency_ms", "late")} for row in rows]


def texts(lab, kind=None):
    lab.take()
    return [e["text"] for s in lab.seen for e in s.events if kind in (None, e["kind"])]


def test_streams_are_shown_and_predicted_on_before_anything_is_kept(lab, tmp_path):
    for _ in range(32):
        lab.take()
        lab.feed(0.25)
    wait_for(lambda: lab.take().phase is Phase.PREVIEW)
    wait_for(lambda: any(s.predictions for s in [lab.take(), *lab.seen]))
    assert any(s.eeg is not None and s.eeg.microvolts.shape[1] == 16 for s in lab.seen)
    assert any(s.gaze is not None for s in lab.seen)
    assert {s.role for s in lab.seen[-1].streams} == {"eeg", "gaze", "markers"}
    assert len(lab.seen[-1].channels) == 16
    assert list(tmp_path.iterdir()) == []


def test_what_moved_a_prediction_is_told_beside_it(lab):
    lab.feed(8)
    told = {}
    for _ in range(20):  # it is told with a later state, and only while samples come
        told = told or lab.take().explanation
        lab.feed(2)
    assert told
    assert all(np.isfinite(share) for share in told.values())


def test_the_replay_of_a_session_gives_its_predictions(lab, tmp_path):
    begin(lab, tmp_path)
    lab.take()
    lab.seen.clear()
    lab.feed(12)
    lab.do("annotate", text="film <1>")
    lab.do("stop")
    (folder,) = tmp_path.iterdir()
    assert folder.name.endswith("_P-01")
    assert {p.name for p in folder.iterdir()} == {"recording.xdf", "predictions.csv", "session.toml", "events.jsonl"}
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert "film <1>" in [event["text"] for event in events]
    assert [event["text"] for event in events if event["kind"] == "session"][-1] == "stopped after 12 s"
    assert (
        main(["replay", str(folder / "recording.xdf"), "--speed", "max", "--quiet", "--out", str(tmp_path / "r.csv")])
        == 0
    )
    live, again = decided(folder / "predictions.csv"), decided(tmp_path / "r.csv")
    assert len(live) > 20
    assert live == again


def test_a_pause_suspends_predictions_and_the_recording_goes_on(lab, tmp_path):
    begin(lab, tmp_path)
    lab.feed(6)
    lab.do("pause")
    assert phase(lab) is Phase.PAUSED
    lab.take()
    written = lab.controller.feed.state.recorder.path
    lab.feed(4)
    assert lab.take().predictions == ()
    lab.do("resume")
    lab.feed(2)
    wait_for(lambda: lab.take().predictions)
    lab.do("stop")
    assert lab.controller.feed.state.recorder is None
    assert main(["replay", written, "--speed", "max", "--quiet", "--out", str(tmp_path / "r.jsonl")]) == 0
    ends = [json.loads(line)["time_s"] for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    np.testing.assert_allclose(np.diff(ends), 0.25)


def test_a_pause_outlives_its_engine(lab, person, tmp_path):
    begin(lab, tmp_path)
    lab.feed(2)
    lab.do("pause")
    source, session = lab.controller._streaming.source, lab.controller._sessions.session
    assert source.recorder.wait_flushed(10.0)
    path = source.recorder.path
    about = asdict(session.about)
    source.running = RunningRecording((str(path),), 0, path.stat().st_size, session.session_id, about)
    lab.do("restart")
    roles = StreamRoles(PROFILES)
    roles.choose(person.streams)
    following = Controller(setup_of(roles, lambda: lab.time_s, lambda *_: source))
    stop = threading.Event()
    thread = threading.Thread(target=following.run, args=(stop,), daemon=True)
    thread.start()
    try:
        wait_for(lambda: following.feed.state.phase is Phase.PAUSED)
        following.submit(Command("resume", {}))
        wait_for(lambda: following.feed.state.phase is Phase.RUNNING)
    finally:
        stop.set()
        thread.join(60.0)
    texts = [json.loads(line)["text"] for line in (path.parent / "events.jsonl").read_text().splitlines()]
    assert "resumed" in texts


def test_a_baseline_ends_with_a_verdict(lab, tmp_path):
    begin(lab, tmp_path)
    lab.do("baseline", seconds=30)
    lab.feed(38)
    wait_for(lambda: any(t.startswith("baseline ends") for t in texts(lab, "annotation")))
    lab.feed(1)  # a state is told with time
    told = lab.controller.feed.state.progress
    assert told.verdict.startswith("good")
    assert not told.refused
    wait_for(lambda: len([t for t in texts(lab, "note") if "in effect" in t]) >= 2)
    lab.do("stop")
    (folder,) = tmp_path.iterdir()
    recording = str(folder / "recording.xdf")
    assert main(["replay", recording, "--speed", "max", "--quiet", "--out", str(tmp_path / "r.csv")]) == 0
    live, again = decided(folder / "predictions.csv"), decided(tmp_path / "r.csv")
    assert live == again
    begin_s = next(e["time_s"] for s in lab.seen for e in s.events if e["text"] == "baseline begins: 30 s")
    settled = {float(row["time_s"]): row["settled"] for row in live}
    assert {flag for end_s, flag in settled.items() if begin_s + 2 <= end_s < begin_s + 32} == {"false"}
    assert all(flag == "true" for end_s, flag in settled.items() if end_s >= begin_s + 33)
    saved = json.loads((folder / "baseline.json").read_text())
    assert saved["subject"] == "P 01"
    assert set(saved["modalities"]) == {"eeg", "gaze"}
    out = ["--out", str(tmp_path / "with.csv")]
    assert (
        main(["replay", recording, "--speed", "max", "--quiet", "--baseline", str(folder / "baseline.json"), *out]) == 0
    )
    assert [row["smoothed.sad"] for row in decided(tmp_path / "with.csv")] != [row["smoothed.sad"] for row in live]


def test_a_baseline_without_enough_usable_data_goes_on_and_one_cut_short_leaves_an_event(lab, tmp_path):
    begin(lab, tmp_path)
    for part in GOOD:
        learner = lab.controller._streaming.run_of("").predictor.pipeline.branch(part).learner
        learner.learn = lambda *_: None  # nothing is usable
    lab.do("baseline", seconds=20)
    check = resting(lab)
    check.take = lambda made: setattr(check, "_reached_s", max(check._reached_s, made.time_s))
    lab.feed(24)
    wait_for(lambda: check.length_s > 20)
    assert check.progress(lab.time_s).extended
    assert [t for t in texts(lab, "annotation") if t.startswith("baseline begins: ")][-1] != "baseline begins: 20 s"
    assert not [t for t in texts(lab) if t.startswith("baseline ends")]
    lab.feed(26)
    wait_for(lambda: resting(lab).length_s == 60)
    lab.do("stop")
    assert any(t.startswith("baseline cut short") for t in texts(lab, "failure"))


def test_the_verdict_on_a_baseline_is_what_the_pipeline_did(lab, tmp_path):
    begin(lab, tmp_path)
    learner = lab.controller._streaming.run_of("").predictor.pipeline.branch(Modality.GAZE).learner
    learner.learn = lambda *_: None  # the eye tracker sees no eyes, whatever else is counted
    lab.do("baseline", seconds=20)
    lab.feed(30)
    wait_for(lambda: any(t.startswith("baseline ends: refused for gaze") for t in texts(lab, "failure")))
    lab.feed(1)
    assert lab.controller.feed.state.progress.refused
    assert any("refused" in t for t in texts(lab, "note"))


@pytest.mark.parametrize("seconds", [5, 1000])
def test_a_baseline_of_an_impossible_length_is_refused(lab, tmp_path, seconds):
    begin(lab, tmp_path)
    lab.do("baseline", seconds=seconds)
    assert "a baseline lasts 20 to 600 s" in texts(lab, "failure")[-1]
    assert not [t for t in texts(lab, "annotation") if t.startswith("baseline")]


def test_what_cannot_be_done_is_said_and_changes_nothing(lab, tmp_path):
    lab.do("annotate", text="nowhere to keep it")
    lab.do("stop")
    lab.do("play")
    said = texts(lab, "failure")
    assert len(said) == 3
    assert "no session" in said[0]
    begin(lab, tmp_path)
    lab.do("start", subject="P", notes="", root=str(tmp_path))
    lab.do("exclude", label="Fz", excluded=True)
    assert len(texts(lab, "failure")) == 5
    assert len(list(tmp_path.iterdir())) == 1


def test_numbers_of_another_source_are_gone_after_a_change_of_source(lab):
    lab.feed(8)
    wait_for(lambda: lab.controller.feed.predictions)
    era = lab.controller.feed.state.era
    lab.do("choose", role="gaze", stream_id="")
    assert lab.controller.feed.state.era == era + 1
    assert lab.controller.feed.predictions == []


def test_an_engine_that_is_given_up_ends_once_nobody_needs_it(lab, tmp_path):
    windows, stop, over = SimpleNamespace(n_needing=2), threading.Event(), threading.Event()
    endpoint = Endpoint("desk", tmp_path / "run")
    watch = threading.Thread(target=_watch, args=(lab.controller, windows, endpoint, 600.0, stop, over), daemon=True)
    watch.start()
    endpoint.dismiss()  # one window has gone, the other one is there
    assert not stop.wait(1.2)
    windows.n_needing = 0
    assert stop.wait(20)
    over.set()
    watch.join()


def test_a_channel_can_be_left_out_and_taken_in_again(lab):
    lab.feed(6)
    label = wait_for(lambda: lab.controller.feed.state.channels)[0].label
    lab.do("exclude", label=label, excluded=True)
    lab.feed(6)
    left = wait_for(lambda: [c for c in lab.controller.feed.state.channels if c.excluded])
    assert [c.label for c in left] == [label]
    assert np.isfinite(left[0].x)
    lab.do("exclude", label=label, excluded=False)
    assert not [c for c in lab.controller.feed.state.channels if c.excluded]


def test_a_failure_becomes_the_phase_and_the_recording_can_be_read(lab, tmp_path):
    begin(lab, tmp_path)
    lab.feed(8)
    lab.supply.failure = RtemoError("the cable broke")
    wait_for(lambda: phase(lab) is Phase.FAILED)
    assert "the cable broke" in lab.controller.feed.state.failure
    assert lab.supply.stopped
    (folder,) = tmp_path.iterdir()
    replay = ["replay", str(folder / "recording.xdf"), "--speed", "max", "--quiet", "--out", str(tmp_path / "r.csv")]
    wait_for(lambda: main(replay) == 0)  # the recorder outlives the engine: it writes four times a second
    lab.controller.submit(Command("shutdown", {}))
    lab.thread.join(10)
    assert not lab.thread.is_alive()


def test_a_shutdown_ends_a_session_readably(lab, tmp_path):
    begin(lab, tmp_path)
    lab.feed(6)
    lab.do("shutdown")
    lab.thread.join(30)
    (folder,) = tmp_path.iterdir()
    assert "shut down" in (folder / "events.jsonl").read_text()
    assert (
        main(["replay", str(folder / "recording.xdf"), "--speed", "max", "--quiet", "--out", str(tmp_path / "r.csv")])
        == 0
    )
