"""How long a baseline goes on, and its verdict, with results worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtemo.core.baseline.normaliser import NormaliserSettings
from rtemo.core.baseline.rest_interval import Rest
from rtemo.core.types import Modality
from rtemo.live.service.snapshot import Progress
from rtemo.live.session.baseline_check import GOOD, BaselineCheck, outcome, usable_parts

LIMITS = NormaliserSettings()
BOTH = frozenset(GOOD)
REFUSED = "EEG 30 s, gaze 30 s of 30 s usable, 20 s are needed; what was before stays"


def checked(windows, length_s=30.0, used=BOTH):
    """A baseline from 100 s on, with (time, EEG coverage, gaze coverage, bad channels…) of its windows."""
    check = BaselineCheck(100.0, length_s, LIMITS, used)
    for time_s, eeg, gaze, *bad in windows:
        check.take(SimpleNamespace(time_s=time_s, eeg_coverage=eeg, gaze_coverage=gaze, bad_channels=tuple(bad)))
    return check


def each_second(n, eeg=1.0, gaze=1.0, *bad):
    return [(101.0 + k, eeg, gaze, *bad) for k in range(n)]


def pipeline(**effects):
    """A pipeline that has come to these outcomes: in effect, refused, or none."""
    words = {True: "in effect", False: "refused: too little"}
    rest = Rest(100.0, 130.0, 0)
    notes = {part: [f"{rest} {words[one]}"] if one is not None else [] for part, one in effects.items()}
    return SimpleNamespace(branch=lambda part: SimpleNamespace(notes=notes[part.value]))


@pytest.mark.parametrize(("eeg", "gaze", "longer_s"), [
    (0.71, 0.67, None),  # 21.3 of 21 s and 20.1 of 20 s
    (0.50, 1.00, 36.0),  # 15 of 21 s: six more
    (1.00, 0.60, 35.0),  # 18 of 20 s: two more, but five at least
    (0.00, 0.00, 51.0),
])  # fmt: skip
def test_it_goes_on_until_enough_is_usable(eeg, gaze, longer_s):
    assert checked(each_second(30, eeg, gaze)).longer_s() == longer_s


def test_it_does_not_go_on_for_ever():
    check = checked(each_second(30, 0.0, 0.0))
    for _ in range(20):
        if (longer_s := check.longer_s()) is None:
            break
        check.length_s = longer_s
    assert check.length_s == 90.0


def test_a_modality_without_a_stream_is_not_waited_for():
    assert checked(each_second(30, 1.0, 0.0), used=frozenset({Modality.EEG})).longer_s() is None


def test_a_hole_in_the_predictions_is_not_usable():
    check = checked([(101.0, 1.0, 1.0), (121.0, 1.0, 1.0)])  # two seconds, whatever lies between
    assert check.longer_s() == 49.0  # 19 of 21 s are missing


def test_windows_outside_of_it_do_not_count():
    inside = each_second(30)
    assert checked([(100.0, 0.0, 0.0), *inside, (131.0, 0.0, 0.0)]).longer_s() is None


@pytest.mark.parametrize(("eeg", "gaze", "verdict", "refused", "poor"), [
    (True, True, "good: EEG 30 s, gaze 30 s of 30 s usable", (), False),
    (False, True, f"refused for EEG: {REFUSED}", ("eeg",), False),
    (False, False, f"refused for EEG and gaze: {REFUSED}", ("eeg", "gaze"), False),
])  # fmt: skip
def test_the_verdict_is_the_pipelines(eeg, gaze, verdict, refused, poor):
    check = checked(each_second(30))
    assert check.decide(pipeline(eeg=eeg, gaze=gaze), 131.0)
    assert check.verdict == verdict
    assert set(check.refused) == set(refused)
    assert check.poor == poor


def test_what_took_effect_with_little_that_was_usable_is_poor():
    check = checked(each_second(30, 0.5, 1.0))
    assert check.decide(pipeline(eeg=True, gaze=True), 131.0)
    assert check.poor
    assert check.verdict == "poor: EEG 15 s, gaze 30 s of 30 s usable"


def test_there_is_no_verdict_before_the_pipeline_has_come_to_one():
    check = checked(each_second(30))
    assert not check.decide(pipeline(eeg=True, gaze=None), 131.0)
    assert check.progress(131.0).verdict == ""
    assert check.decide(pipeline(eeg=True, gaze=None), 130.0 + LIMITS.notice_s + 3.0)  # it will not come any more
    assert check.refused == ("gaze",)


def test_a_channel_that_is_bad_in_more_than_half_of_the_windows_is_named_and_no_more_than_six():
    windows = [(101.0 + k, 1, 1, *(f"E{n}" for n in range(8)), *(["Fz"] if k % 2 else [])) for k in range(30)]
    check = checked(windows)
    assert check.decide(pipeline(eeg=True, gaze=True), 131.0)
    assert check.verdict.endswith("; bad channels E0, E1, E2, E3, E4, E5")


@pytest.mark.parametrize(("now_s", "done_s"), [(90.0, 0.0), (100.0, 0.0), (112.5, 12.5), (130.0, 30.0), (200.0, 30.0)])
def test_it_tells_how_long_it_has_gone(now_s, done_s):
    found = checked([(110.0, 1.0, 1.0)]).progress(now_s)
    assert (found.done_s, found.total_s, found.extended) == (pytest.approx(done_s), 30.0, False)


@pytest.mark.parametrize(("clock_s", "turns", "at_s"), [
    (111.0, 20, 101.0),  # a second without a prediction
    (111.1, 20, 111.1),
    (150.0, 10, 101.0),  # one long turn is no silence
    (150.0, 11, 150.0),
])  # fmt: skip
def test_where_nothing_comes_any_more_the_clock_counts(clock_s, turns, at_s):
    check = checked([(101.0, 1.0, 1.0)])
    assert check.at(110.0, 5) == 101.0
    for _ in range(turns - 2):
        check.at(clock_s, 5)
    assert check.at(clock_s, 5) == at_s
    assert check.at(clock_s, 6) == 101.0  # the pipeline goes on


def test_a_rest_has_come_as_far_as_its_newest_prediction():
    assert checked([(140.0, 1.0, 1.0), (120.0, 1.0, 1.0)]).at(150.0, None) == 140.0
    assert checked([]).at(150.0, None) == float("-inf")


@pytest.mark.parametrize(
    ("time_s", "missing_s"), [(100.0, 21.0), (100.5, 20.5), (101.5, 20.0), (130.0, 20.0), (130.5, 21.0)]
)
def test_a_prediction_stands_for_a_second_at_most_of_what_lies_within(time_s, missing_s):
    check = checked([(time_s, 1.0, 1.0)])
    assert 21.0 - check._usable_s[Modality.EEG] == missing_s


@pytest.mark.parametrize(
    ("length_s", "longer_s"), [(20.0, 40.0), (21.0, 41.0), (250.0, 425.0), (400.0, 600.0), (600.0, None)]
)
def test_what_is_missing_is_added_up_to_ten_minutes(length_s, longer_s):
    """Nothing is usable: 20 s are needed at least, and 0.7 of what was asked for."""
    assert checked([], length_s).longer_s() == longer_s


def test_what_an_engine_before_has_seen_counts_as_usable():
    check = BaselineCheck(100.0, 30.0, LIMITS, BOTH, 20.0)
    assert check.longer_s() == 35.0  # 1 of 21 s
    check.take(SimpleNamespace(time_s=120.0, eeg_coverage=1.0, gaze_coverage=1.0, bad_channels=()))
    assert check.longer_s() == 35.0
    check.take(SimpleNamespace(time_s=121.0, eeg_coverage=1.0, gaze_coverage=1.0, bad_channels=()))
    assert check.longer_s() is None


@pytest.mark.parametrize(("now_s", "decided"), [(134.9, False), (135.0, True)])
def test_the_pipelines_outcome_is_waited_for_three_seconds_after_it_is_due(now_s, decided):
    check = checked(each_second(30))
    assert check.decide(pipeline(eeg=True, gaze=None), now_s) == decided
    assert check.verdict == (f"refused for gaze: {REFUSED}" if decided else "")


def test_without_signals_a_rest_is_refused():
    check = checked([], used=frozenset())
    assert check.longer_s() is None
    assert check.decide(pipeline(), 131.0)
    assert (check.verdict, check.poor) == ("refused for want of signals: nothing of 30 s usable", False)


@pytest.mark.parametrize(("n_bad", "named"), [(15, False), (16, True)])
def test_a_channel_is_bad_often_in_more_than_half_of_the_windows(n_bad, named):
    check = checked([(101.0 + k, 1.0, 1.0, *(["Fz"] if k < n_bad else [])) for k in range(30)])
    assert check.decide(pipeline(eeg=True, gaze=True), 131.0)
    assert check.poor == named
    bad = "; bad channels Fz" if named else ""
    assert check.verdict == f"{'poor' if named else 'good'}: EEG 30 s, gaze 30 s of 30 s usable{bad}"


def test_the_outcome_is_the_newest_of_this_very_rest():
    rest, other = Rest(100.0, 130.0, 0), Rest(90.0, 120.0, 0)
    notes = [f"{rest} refused: x", f"{rest} in effect", f"{other} refused: x"]
    found = SimpleNamespace(branch={Modality.EEG: SimpleNamespace(notes=notes)}.get)
    assert outcome(found, Modality.EEG, 100.0, 130.0) is True
    assert outcome(found, Modality.EEG, 90.0, 120.0) is False
    assert outcome(found, Modality.EEG, 90.0, 130.0) is None
    assert outcome(found, Modality.GAZE, 100.0, 130.0) is None
    assert usable_parts(found) == {Modality.EEG}


def test_what_came_of_it_is_told_once_it_is_announced():
    check = checked(each_second(30, 0.5, 1.0))
    check.decide(pipeline(eeg=True, gaze=True), 131.0)
    assert check.progress(120.0) == Progress("baseline", 20.0, 30.0)
    check.announced = True
    poor = "poor: EEG 15 s, gaze 30 s of 30 s usable"
    assert check.progress(131.0) == Progress("baseline", 30.0, 30.0, poor, refused=False, poor=True)
