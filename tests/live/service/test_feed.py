"""What clients of a feed get: everything once, the newest samples, an error for what is no longer kept."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from rtemo.live.service.feed import (
    EVENTS,
    HISTORY,
    POLLED_S,
    PREDICTIONS,
    SAMPLES_S,
    Feed,
    NumberedLog,
    join_eeg,
    join_gaze,
)
from rtemo.live.service.headless_feed import HeadlessFeed
from rtemo.live.service.snapshot import EegBlock, GazeBlock, Phase, Snapshot
from rtemo.recorder.endpoint import Endpoint
from rtemo.recordings.events import Event, EventKind


class Bench:
    def __init__(self):
        self.now_s = 100.0
        self.feed = Feed(lambda: self.now_s)
        self.token = ""

    def predict(self, *times):
        for time_s in times:
            self.feed.put_prediction(SimpleNamespace(to_dict=lambda time_s=time_s: time_s))

    def note(self, *texts):
        for text in texts:
            self.feed.put_event(Event(self.now_s, EventKind.NOTE, text, "amp", {"a": "b"}))

    def take(self, token=None):
        snapshot, self.token = self.feed.take(self.token if token is None else token)
        return snapshot


@pytest.fixture
def bench():
    return Bench()


def eeg(*times, width=2):
    return EegBlock(np.array(times, float), np.full((len(times), width), times[0] if times else 0.0, np.float32))


def gaze(*times):
    n = len(times)
    return GazeBlock(np.array(times, float), np.zeros((n, 2), np.float32), np.ones((n, 2), np.float32))


def test_a_client_gets_everything_once(bench):
    bench.predict(1.0, 2.0)
    bench.note("one")
    bench.feed.put_eeg(eeg(1.0, 2.0))
    bench.feed.put_gaze(gaze(1.0))
    bench.feed.put_gaze_events(iter(["blink"]))
    first = bench.take()
    assert first.predictions == (1.0, 2.0)
    assert first.events == ({"time_s": 100.0, "kind": "note", "text": "one", "stream": "amp", "details": {"a": "b"}},)
    assert first.eeg.times.tolist() == [1.0, 2.0]
    assert first.gaze.times.tolist() == [1.0]
    assert first.gaze_events == ("blink",)
    nothing = bench.take()
    assert (nothing.predictions, nothing.events, nothing.eeg, nothing.gaze, nothing.gaze_events) == (
        (),
        (),
        None,
        None,
        (),
    )
    bench.predict(3.0)
    bench.feed.put_eeg(eeg(3.0))
    second = bench.take()
    assert second.predictions == (3.0,)
    assert second.eeg.times.tolist() == [3.0]


@pytest.mark.parametrize(
    "token", ["", "nonsense", "a,1,2,3,4,5", "{era},1,1,0,0", "{era},1,1,0,0,x", "{era},1,-1,0,0,0,0"]
)
def test_a_client_without_a_valid_token_gets_all_there_is(bench, token):
    bench.predict(1.0)
    bench.note("one")
    found = bench.take(token.replace("{era}", bench.feed._era))
    assert (found.predictions, len(found.events)) == ((1.0,), 1)


def test_a_new_client_gets_ten_minutes_of_predictions_and_all_events(bench):
    bench.predict(*range(HISTORY + 3))
    bench.note(*map(str, range(5)))
    found = bench.take()
    assert found.predictions == tuple(range(3, HISTORY + 3))
    assert len(found.events) == 5


def test_whoever_missed_what_is_no_longer_kept_is_told_so(bench):
    bench.predict(1.0)
    bench.take()
    bench.predict(*range(PREDICTIONS))
    assert len(bench.take().predictions) == PREDICTIONS  # the last one that can be kept
    bench.predict(*range(PREDICTIONS + 1))
    found = bench.take()
    assert len(found.predictions) == PREDICTIONS
    assert [event["text"] for event in found.events] == [
        "this window was away: 1 predictions and 0 events before are not shown"
    ]
    assert not bench.take().events


def test_events_that_were_missed_are_told_of_too(bench):
    bench.note("first")
    bench.take()
    bench.note(*["x"] * (EVENTS + 1))
    found = bench.take()
    assert len(found.events) == EVENTS + 1
    assert "0 predictions and 1 events" in found.events[0]["text"]


def test_the_state_is_numbered_and_keeps_its_era(bench):
    state = Snapshot(seq=77, time_s=0.0, phase=Phase.RUNNING, era=9)
    bench.feed.publish(state)
    bench.feed.publish(state)
    assert (bench.feed.state.seq, bench.feed.state.era, bench.feed.state.phase) == (2, 0, Phase.RUNNING)
    bench.feed.begin_era()
    bench.feed.publish(state)
    assert (bench.feed.state.seq, bench.feed.state.era) == (3, 1)


def test_a_new_era_clears_the_lists_and_makes_tokens_void(bench):
    bench.predict(1.0, 2.0)
    bench.note("one")
    bench.feed.put_eeg(eeg(1.0))
    bench.take()
    bench.feed.begin_era(50.0)
    bench.predict(3.0)
    found = bench.take()
    assert (found.era, found.predictions, found.events, found.eeg) == (1, (3.0,), (), None)
    assert found.time_s == 50.0  # of the replay
    bench.feed.set_position(51.0)
    assert bench.take().time_s == 51.0
    bench.feed.begin_era()
    assert bench.take().time_s == 100.0


def test_samples_are_wanted_while_a_client_polls(bench):
    assert not bench.feed.wanted
    bench.take()
    bench.now_s += POLLED_S - 0.01
    assert bench.feed.wanted
    bench.now_s += 0.02
    assert not bench.feed.wanted


def test_only_the_last_minute_of_samples_is_kept(bench):
    for begin in range(0, 100, 10):
        bench.feed.put_eeg(eeg(*range(begin, begin + 10)))
    bench.feed.put_eeg(eeg())
    found = bench.take("").eeg.times
    # the newest is 99 s: blocks that end before 39 s are dropped, the one that ends at 39 s is not
    assert (found[0], found[-1]) == (99.0 - SAMPLES_S - 9.0, 99.0)


def test_samples_of_a_clock_that_was_set_back_replace_those_ahead_of_it(bench):
    bench.feed.put_gaze(gaze(500.0, 501.0))
    bench.feed.put_gaze(gaze(10.0, 11.0))
    assert bench.take().gaze.times.tolist() == [10.0, 11.0]


def test_blocks_are_joined_that_have_as_many_channels_as_the_newest():
    assert join_eeg([]) is None
    assert join_gaze([]) is None
    joined = join_eeg([eeg(1.0), eeg(2.0, 3.0, width=3), eeg(4.0, width=3)])
    assert joined.times.tolist() == [2.0, 3.0, 4.0]
    assert joined.microvolts[:, 0].tolist() == [2.0, 2.0, 4.0]
    both = join_gaze([gaze(1.0), gaze(2.0)])
    assert (both.times.tolist(), both.xy.shape, both.pupils_mm.shape) == ([1.0, 2.0], (2, 2), (2, 2))


def test_a_numbered_log_counts_what_it_has_forgotten():
    log = NumberedLog(3)
    for entry in "abcde":
        log.put(entry)
    assert (log.start, log.stop) == (2, 5)
    assert log.since(0) == ["c", "d", "e"]
    assert log.since(4) == ["e"]
    assert log.since(5) == log.since(9) == []
    log.trim(lambda entry: entry < "e")
    assert log.since(0) == ["e"]
    assert (log.start, log.stop) == (4, 5)
    log.clear()
    log.put("f")
    assert (log.since(0), log.stop) == (["f"], 6)


def test_gaze_that_does_not_come_any_more_is_none_and_its_newest_sample_decides(bench):
    samples = bench.feed.samples_of("")
    assert math.isnan(samples.gaze_validity(100.0))
    seen = GazeBlock(np.array([93.0, 94.0, 97.0]), np.array([[0, 0], [math.nan, 0], [0, 0]]), np.ones((3, 2)))
    samples.put_gaze(seen)
    # a sample in two seconds, the median step, from the first one on: 2 of 3 are valid
    assert samples.gaze_validity(98.9) == samples.gaze_validity(99.0) == pytest.approx(2 / 3)
    assert math.isnan(samples.gaze_validity(99.1))


def test_a_session_without_a_window_runs_from_its_first_state_on(tmp_path):
    feed = HeadlessFeed(Endpoint("headless", tmp_path / "run"), lambda: 7.0, {}, ("",))
    feed._taps[""] = SimpleNamespace(update=lambda pipeline: pipeline.append("shown"))
    pipeline = []
    feed.update(pipeline, "")
    state = feed.feed.state
    assert (state.phase, state.time_s, pipeline) == (Phase.RUNNING, 7.0, ["shown"])
    feed.close()
    assert feed.feed.state.phase is Phase.IDLE
