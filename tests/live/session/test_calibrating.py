"""Labels and a calibration in a running session, and that the replay of the recording with its file agrees."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hand_fed import BUNDLE, Lab, wait_for

from rtemo.cli import main
from rtemo.core.errors import RtemoError
from rtemo.live.session.calibrating import SessionCalibration
from rtemo.model.bundle import LinearHead
from rtemo.model.personal.calibration import PersonalCalibration, load_person, save_person
from rtemo.model.personal.fit import FitOutcome
from rtemo.model.personal.session_notes import CalibrationBegun, CalibrationEnded, LabelGiven, LabelWithdrawn
from rtemo.recordings.events import EventKind
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession


@pytest.fixture
def lab():
    running = Lab(SimulatedSession(SimulationPlan.for_duration(3, 60, eeg_channels=16, eeg_rate_hz=250)))
    yield running
    running.close()


def someone():
    """A person whose heads name the labels in another order: every prediction differs."""
    heads = {name: LinearHead(np.roll(h.weight, 1, axis=0), np.roll(h.bias, 1)) for name, h in BUNDLE.heads.items()}
    quantiles = {name: dict(one.quantiles) for name, one in BUNDLE.spec.combinations.items()}
    return PersonalCalibration(BUNDLE.fingerprint, heads, quantiles, (), {})


def texts(lab, kind):
    lab.take()
    return [e["text"] for s in lab.seen for e in s.events if e["kind"] == kind]


def test_a_session_with_labels_and_a_calibration_replays_the_same_with_its_person(lab, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "rtemo.live.session.calibrating.fit_person", lambda *a: FitOutcome(someone(), {}, "calibrated: better")
    )
    lab.feed(6)
    wait_for(lambda: lab.controller.feed.state.phase.value == "preview")
    lab.do("start", subject="P", notes="", root=str(tmp_path))
    lab.feed(8)
    lab.do("label", label="sad", begin_s=lab.time_s - 8.0, end_s=lab.time_s)
    lab.do("calibrate")
    wait_for(lambda: "calibrated: better" in texts(lab, EventKind.NOTE.value))
    lab.feed(8)
    lab.do("forget_label", index=0)
    lab.do("uncalibrate")
    lab.feed(6)
    lab.do("stop")
    (folder,) = tmp_path.iterdir()
    assert (folder / "person.json").exists()

    def replayed(name, *options):
        out = tmp_path / name
        recording = str(folder / "recording.xdf")
        assert main(["replay", recording, "--speed", "max", "--quiet", "--out", str(out), *options]) == 0
        return [line.rsplit(",", 5)[0] for line in out.read_text().splitlines()]

    live = [line.rsplit(",", 5)[0] for line in (folder / "predictions.csv").read_text().splitlines()]
    assert replayed("beside.csv") == live  # the session's own calibration lies beside the recording
    moved = (folder / "person.json").rename(tmp_path / "moved.json")
    assert replayed("with.csv", "--person", str(moved)) == live
    capsys.readouterr()
    assert replayed("without.csv") != live
    assert "is not beside its recording; give it with --person" in capsys.readouterr().err


def test_a_session_that_begins_with_a_person_replays_the_same_without_being_told(tmp_path):
    lab = Lab(
        SimulatedSession(SimulationPlan.for_duration(3, 40, eeg_channels=16, eeg_rate_hz=250)), persons=(someone(),)
    )
    try:
        lab.feed(6)
        wait_for(lambda: lab.controller.feed.state.phase.value == "preview")
        lab.do("start", subject="P", notes="", root=str(tmp_path))
        lab.feed(12)
        lab.do("stop")
    finally:
        lab.close()
    (folder,) = tmp_path.iterdir()
    out = tmp_path / "again.csv"
    assert main(["replay", str(folder / "recording.xdf"), "--speed", "max", "--quiet", "--out", str(out)]) == 0
    live, again = ((folder / "predictions.csv").read_text().splitlines(), out.read_text().splitlines())
    assert [line.rsplit(",", 5)[0] for line in again] == [line.rsplit(",", 5)[0] for line in live]
    assert len(live) > 20
    assert replace(load_person(folder / "person.json", BUNDLE), holds_s=None).fingerprint == BUNDLE.fingerprint


def test_what_cannot_be_labelled_is_said(lab, tmp_path):
    lab.do("label", label="sad", begin_s=1.0, end_s=2.0)
    lab.feed(6)
    lab.do("start", subject="P", notes="", root=str(tmp_path))
    for arguments in ({"label": "bored", "begin_s": 1.0, "end_s": 2.0}, {"label": "sad", "begin_s": 2.0, "end_s": 1.0}):
        lab.do("label", **arguments)
    lab.do("forget_label", index=0)
    lab.do("uncalibrate")
    assert len(texts(lab, "failure")) == 5
    lab.do("calibrate")
    assert any("too little is labelled" in text for text in wait_for(lambda: texts(lab, "failure")[5:]))


def test_a_person_of_another_bundle_is_refused_before_anything_is_replayed(tmp_path, capsys):
    save_person(tmp_path / "p.json", replace(someone(), fingerprint="0" * 64))
    assert main(["simulate", "--duration", "10", "--xdf", str(tmp_path / "s.xdf"), "--quiet"]) == 0
    code = main(["replay", str(tmp_path / "s.xdf"), "--speed", "max", "--quiet", "--person", str(tmp_path / "p.json")])
    assert code == 2
    assert "made for another model" in capsys.readouterr().err


@pytest.mark.parametrize(("notes", "calibrated"), [
    ([], False),
    ([CalibrationBegun(5.0)], True),
    ([CalibrationBegun(5.0), CalibrationEnded(8.0)], False),
    ([CalibrationBegun(5.0), CalibrationEnded(8.0), CalibrationBegun(9.0)], True),
])  # fmt: skip
def test_a_session_that_is_taken_up_has_the_labels_and_the_calibration_that_it_had(notes, calibrated):
    predictor, events = SimpleNamespace(watches=[], note=lambda _note, _now_s: None), []
    calibration = SessionCalibration(BUNDLE, predictor, pytest.fail, lambda: 20.0, events.append)
    labels = [LabelGiven(number, "sad", number, number + 1.0) for number in range(3)]
    calibration.take_up([(10.0, note) for note in (*labels, LabelWithdrawn(1), *notes)])
    assert calibration.labels == (labels[0], labels[2])
    if calibrated:
        calibration.uncalibrate()
        assert [event.text for event in events] == ["calibration ends at 22.0"]
    with pytest.raises(RtemoError, match="there is no calibration"):
        calibration.uncalibrate()
