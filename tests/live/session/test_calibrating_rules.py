"""Labels and calibrations of one session, on a predictor that only notes what it is given."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hand_fed import BUNDLE

from rtemo.core.errors import RtemoError
from rtemo.live.service.snapshot import Progress
from rtemo.live.session import calibrating
from rtemo.live.session.calibrating import SessionCalibration
from rtemo.model.bundle import LinearHead
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.personal.fit import FitOutcome
from rtemo.model.personal.session_notes import CalibrationEnded, LabelGiven, LabelWithdrawn
from rtemo.recordings.events import EventKind


class Session:
    def __init__(self):
        self.noted, self.adopted, self.kept, self.events, self.now_s = [], [], [], [], 20.0
        self.watches = []
        self.calibration = SessionCalibration(BUNDLE, self, self.kept.append, lambda: self.now_s, self.events.append)

    def note(self, note, now_s):
        self.noted.append((note, now_s))

    def adopt(self, person, from_s):
        self.adopted.append((person, from_s))

    def said(self):
        return [(event.time_s, event.kind, event.text) for event in self.events]

    def fitted(self):
        """Fit, and take over what came of it."""
        self.calibration.calibrate()
        self.calibration._fit.join()
        self.calibration.turn()


@pytest.fixture
def session():
    return Session()


def person():
    heads = {name: LinearHead(np.roll(h.weight, 1, axis=0), np.roll(h.bias, 1)) for name, h in BUNDLE.heads.items()}
    quantiles = {name: dict(one.quantiles) for name, one in BUNDLE.spec.combinations.items()}
    return PersonalCalibration(BUNDLE.fingerprint, heads, quantiles, (), {})


@pytest.mark.parametrize(("begin_s", "end_s", "counts"), [
    (0.0, 3600.0, True),
    (0.0, 3600.5, False),
    (5.0, 5.0, False),
    (5.0, 5.25, True),
    (5.0, 4.0, False),
    (-math.inf, 4.0, False),
    (math.nan, 4.0, False),
    (4.0, math.nan, False),
])  # fmt: skip
def test_a_label_lasts_up_to_an_hour(session, begin_s, end_s, counts):
    if counts:
        session.calibration.label("sad", begin_s, end_s)
        label = LabelGiven(0, "sad", begin_s, end_s)
        assert session.calibration.labels == (label,)
        assert session.noted == [(label, 20.0)]
        assert session.said() == [(20.0, EventKind.ANNOTATION, label.text)]
        assert session.events[0].details["fact"] == "label_given"
        return
    with pytest.raises(RtemoError) as caught:
        session.calibration.label("sad", begin_s, end_s)
    assert str(caught.value) == f"a label lasts up to 3600 s; from {begin_s:g} to {end_s:g}; correct the times"
    assert (session.calibration.labels, session.noted, session.events) == ((), [], [])


def test_a_label_is_one_of_the_models(session):
    with pytest.raises(RtemoError) as caught:
        session.calibration.label("bored", 1.0, 2.0)
    assert str(caught.value) == f"the model has no label 'bored'; its labels are {', '.join(BUNDLE.labels)}"


def test_a_label_is_taken_back_by_its_number_once(session):
    for number in range(3):
        session.calibration.label("sad", number, number + 1.0)
    session.calibration.forget(0)
    session.calibration.forget(2)
    assert [one.number for one in session.calibration.labels] == [1]
    assert [note for note, _ in session.noted[3:]] == [LabelWithdrawn(0), LabelWithdrawn(2)]
    assert [text for _, _, text in session.said()[3:]] == ["label 0 forgotten", "label 2 forgotten"]
    for index in (-1, 0, 2, 3):
        with pytest.raises(RtemoError) as caught:
            session.calibration.forget(index)
        assert str(caught.value) == f"there is no label {index}; 1 are kept; name one of them"
    session.calibration.label("sad", 8.0, 9.0)
    assert [one.number for one in session.calibration.labels] == [1, 3]


def test_a_fit_that_is_better_counts_two_seconds_later_and_can_be_taken_back(session, monkeypatch):
    asked, better = [], person()

    def fit(bundle, clips):
        asked.append((bundle, [(clip.label, clip.begin_s, clip.end_s) for clip in clips]))
        return FitOutcome(better, {}, "calibrated: better")

    monkeypatch.setattr(calibrating, "fit_person", fit)
    calibration = session.calibration
    assert calibration.progress(25.0) is None
    for place, begin_s in ((0, 1.0), (1, 3.0), (0, 5.0)):
        calibration.label(BUNDLE.labels[place], begin_s, begin_s + 1.0)
    del session.events[:]
    session.fitted()
    assert asked == [(BUNDLE, [(0, 1.0, 2.0), (1, 3.0, 4.0), (0, 5.0, 6.0)])]
    assert [(one.heads, from_s) for one, from_s in session.adopted] == [(better.heads, 22.0)]
    assert [one.holds_s for one in session.kept] == [22.0]
    assert session.said() == [
        (20.0, EventKind.ANNOTATION, "calibration begins at 22.0"),
        (20.0, EventKind.NOTE, "calibrated: better"),
    ]
    assert calibration.progress(25.0) == Progress("calibration", 1.0, 1.0, "calibrated: better")
    session.now_s = 30.0
    calibration.uncalibrate()
    assert session.noted[-1] == (CalibrationEnded(32.0), 30.0)
    assert calibration.progress(31.0) == Progress("calibration", 1.0, 1.0, "the trained model counts again")
    with pytest.raises(RtemoError) as caught:
        calibration.uncalibrate()
    assert str(caught.value) == "there is no calibration; calibrate first"


def test_a_fit_that_is_no_better_changes_nothing(session, monkeypatch):
    monkeypatch.setattr(calibrating, "fit_person", lambda *_: FitOutcome(None, {}, "as good as before"))
    session.fitted()
    assert (session.adopted, session.kept) == ([], [])
    assert session.said() == [(20.0, EventKind.NOTE, "as good as before")]
    with pytest.raises(RtemoError, match="there is no calibration"):
        session.calibration.uncalibrate()


@pytest.mark.parametrize(("error", "said"), [
    (RtemoError("too little is labelled", "1 clip", "label more"), "too little is labelled; 1 clip; label more"),
    (KeyError("odd"), "KeyError: 'odd'"),
])  # fmt: skip
def test_a_fit_that_fails_is_said_and_another_may_follow(session, monkeypatch, error, said):
    def fail(*_given):
        raise error

    monkeypatch.setattr(calibrating, "fit_person", fail)
    for n in (1, 2):
        session.fitted()
        assert session.said() == n * [(20.0, EventKind.FAILURE, f"calibrate: {said}")]
        assert session.calibration.progress(25.0) == Progress("calibration", 1.0, 1.0, said)
    assert session.adopted == []


def test_while_a_fit_runs_no_other_begins_and_how_long_it_has_taken_is_shown(session):
    fit = SimpleNamespace(done=False, begin_s=20.0, joined=[])
    fit.join = lambda: fit.joined.append(1)
    session.calibration._fit = fit
    session.calibration.turn()
    found = session.calibration.progress(23.5)
    assert (found.name, found.done_s, math.isnan(found.total_s), found.verdict) == ("calibration", 3.5, True, "")
    with pytest.raises(RtemoError) as caught:
        session.calibration.calibrate()
    assert str(caught.value) == "a calibration is being fitted; wait for its verdict"
    session.calibration.close()
    session.calibration.close()
    assert (fit.joined, session.calibration.progress(24.0), session.events) == ([1], None, [])


def test_calibrations_to_begin_with_count_from_the_begin_on_and_are_kept(session):
    session.calibration.begin_with([person(), person()], 15.0)
    assert [from_s for _, from_s in session.adopted] == [15.0, 15.0]
    assert [one.holds_s for one in session.kept] == [15.0, 15.0]
    assert [text for _, _, text in session.said()] == ["calibration begins at 15.0"] * 2
    session.calibration.uncalibrate()


def test_the_windows_are_remembered(session):
    assert session.watches == [session.calibration.memory.take]
