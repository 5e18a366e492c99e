"""The verdict about a baseline: its limits just below and just above."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtemo.live.session.baseline_check import BaselineCheck


def checked(windows, begin_s=100.0, length_s=30.0):
    check = BaselineCheck(begin_s, length_s)
    for time_s, eeg, gaze, *bad in windows:
        check.take(SimpleNamespace(time_s=time_s, eeg_coverage=eeg, gaze_coverage=gaze, bad_channels=tuple(bad)))
    return check


@pytest.mark.parametrize(("eeg", "gaze", "verdict"), [
    (0.70, 0.60, "good: EEG 70%, gaze 60% usable"),
    (0.69, 1.00, "not good: EEG 69%, gaze 100% usable"),
    (1.00, 0.59, "not good: EEG 100%, gaze 59% usable"),
])  # fmt: skip
def test_enough_of_both_signals_must_be_usable(eeg, gaze, verdict):
    assert checked([(110.0, eeg, gaze)]).verdict == verdict


def test_shares_are_means_over_the_windows():
    assert checked([(110.0, 1.0, 1.0), (111.0, 0.5, 0.4)]).verdict == "good: EEG 75%, gaze 70% usable"


def test_a_channel_that_is_bad_in_more_than_half_of_the_windows_is_named():
    windows = [(110.0, 1, 1, "Fz", "Cz"), (111.0, 1, 1, "Cz"), (112.0, 1, 1, "Fz"), (113.0, 1, 1, "Cz")]
    assert checked(windows).verdict == "not good: EEG 100%, gaze 100% usable; bad channels Cz"


def test_no_more_than_six_are_named():
    bad = [f"E{k}" for k in range(8)]
    assert checked([(110.0, 1, 1, *bad)]).verdict.endswith("bad channels E0, E1, E2, E3, E4, E5")


@pytest.mark.parametrize(("time_s", "counts"), [(100.0, False), (100.25, True), (130.0, True), (130.25, False)])
def test_windows_count_that_end_within_it(time_s, counts):
    assert checked([(time_s, 1.0, 1.0)]).verdict == ("good: EEG 100%, gaze 100% usable" if counts else "no signal came")


@pytest.mark.parametrize(("now_s", "done_s", "is_over"), [
    (90.0, 0.0, False), (100.0, 0.0, False), (112.5, 12.5, False), (129.9, 29.9, False), (130.0, 30.0, True),
    (200.0, 30.0, True),
])  # fmt: skip
def test_it_tells_how_long_it_has_gone_and_its_verdict_at_the_end(now_s, done_s, is_over):
    found = checked([(110.0, 1.0, 1.0)]).progress(now_s)
    assert (found.done_s, found.total_s) == (pytest.approx(done_s), 30.0)
    assert bool(found.verdict) == is_over
