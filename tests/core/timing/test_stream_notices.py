"""Samples whose times are not believed are not used, and the windows that they would belong into say so."""

from __future__ import annotations

import numpy as np
import pytest
from test_equivalence import assert_same, eeg_samples, gaze_samples, pipeline, run

from rtemo.core.types import Chunk, ClockOffset, Modality, StreamNotice

NAME = {Modality.EEG: "e", Modality.GAZE: "g"}


def told(eeg, gaze, stream, begin_s, stop_s, size):
    """All windows where one stream is distrusted from begin_s to stop_s; chunks of so many samples, in turns."""
    made = pipeline()
    windows = []
    queues = {"e": eeg, "g": gaze}
    at = {"e": 0, "g": 0}
    told_s = [(begin_s, False), (stop_s, True)]
    while any(at[s] < len(queues[s][0]) for s in queues):
        s = min((s for s in queues if at[s] < len(queues[s][0])), key=lambda s: queues[s][0][at[s]])
        stamps, values = queues[s]
        stop = min(at[s] + size, len(stamps))
        if s == stream and told_s:
            if stamps[at[s]] >= told_s[0][0]:
                windows += made.push(StreamNotice(s, "its clock was set", told_s.pop(0)[1]))
            if told_s:
                stop = max(min(stop, int(np.searchsorted(stamps, told_s[0][0]))), at[s])
        windows += made.push(Chunk(s, stamps[at[s] : stop], values[at[s] : stop]))
        at[s] = stop
    return windows + made.flush()


@pytest.mark.parametrize("lost", [Modality.EEG, Modality.GAZE])
def test_windows_that_samples_without_trust_would_belong_into_are_not_settled_and_do_not_hold_them(lost):
    eeg, gaze = eeg_samples(50), gaze_samples(50)
    windows = told(eeg, gaze, NAME[lost], 120.0, 130.0, 64)
    plain = {w.end_s: w for w in run(pipeline(), eeg, gaze, [], [], np.random.default_rng(0))}
    assert [w.end_s for w in windows] == list(plain)
    for window in windows:
        coverage = window.eeg_coverage if lost is Modality.EEG else window.gaze_coverage
        if 120.0 < window.end_s < 134.0:
            assert not window.settled
        if 124.0 < window.end_s < 130.0:
            assert coverage == 0.0
            assert "clock trouble" in window.bad_channels.values()
        if window.end_s <= 120.0:
            assert window.settled == plain[window.end_s].settled
        if window.end_s > 142.0:
            assert window.settled
            assert coverage > 0.9


def test_a_notice_has_the_same_effect_whatever_the_chunks():
    eeg, gaze = eeg_samples(40), gaze_samples(40)
    whole = told(eeg, gaze, "e", 115.0, 121.0, 4000)
    for size in (1, 17, 200):
        assert_same(told(eeg, gaze, "e", 115.0, 121.0, size), whole)


def test_a_stream_that_is_never_believed_does_not_hold_up_the_other():
    eeg, gaze = eeg_samples(30), gaze_samples(30)
    made = pipeline()
    windows = made.push(StreamNotice("e", "stamps are not seconds", False))
    windows += made.push(Chunk("e", 1000 * eeg[0], eeg[1]))
    windows += made.push(Chunk("g", *gaze))
    assert made.distrusted == {Modality.EEG}
    assert len(windows) > 90  # before the end of the streams
    assert windows[-1].gaze_coverage > 0.9
    windows += made.flush()
    assert len(windows) > 90
    assert {w.settled for w in windows} == {False}
    assert {w.eeg_coverage for w in windows} == {0.0}


def test_a_notice_that_is_not_about_trust_changes_nothing():
    eeg, gaze = eeg_samples(20), gaze_samples(20)
    made = pipeline()
    windows = made.push(Chunk("e", *eeg))
    windows += made.push(StreamNotice("e", "a second sender of this name is there"))
    windows += made.push(StreamNotice("nobody", "", False))
    windows += made.push(Chunk("g", *gaze)) + made.flush()
    assert_same(windows, run(pipeline(), eeg, gaze, [], [], np.random.default_rng(0)))


@pytest.mark.parametrize("step_s", [-3600.0, -10.0, -2.0, 2.0, 10.0, 3600.0])
def test_a_clock_that_was_set_is_right_again_once_it_is_believed(step_s):
    """The source names the step, gives the offset by arrival, and believes the stamps again five seconds later."""
    (stamps, values), gaze = eeg_samples(60), gaze_samples(60)
    k, again = int(np.searchsorted(stamps, 130.0)), int(np.searchsorted(stamps, 135.0))
    shifted = np.concatenate([stamps[:k], stamps[k:] + step_s])
    made = pipeline()
    windows = []
    measured = [ClockOffset("e", float(stamps[0]) + after_s, 0.0) for after_s in np.arange(0.0, 29.0, 5.0)]
    for begin, end, before in (
        (0, k, measured),
        (k, again, (StreamNotice("e", "set", False), ClockOffset("e", float(shifted[k]), -step_s))),
        (again, len(stamps), (StreamNotice("e", "agrees", True),)),
    ):
        for item in before:
            windows += made.push(item)
        for at in range(begin, end, 40):
            stop = min(at + 40, end)
            windows += made.push(Chunk("e", shifted[at:stop], values[at:stop]))
    windows += made.push(Chunk("g", *gaze)) + made.flush()
    plain = {w.end_s: w for w in run(pipeline(), (stamps, values), gaze, [], [], np.random.default_rng(0))}
    later = [w for w in windows if 150.0 < w.end_s < 159.0]
    assert len(later) > 30
    assert all(w.settled and w.eeg_coverage > 0.9 for w in later)
    assert {w.end_s for w in later} <= set(plain)
