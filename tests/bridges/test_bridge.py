"""The loop of every bridge: losses are counted, a lost device is taken up again, and the outlets stay."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from rtemo.bridges.bridge import Bridge
from rtemo.bridges.device import DeviceLost, DeviceSamples, described
from rtemo.bridges.sample_counter import SampleCounter
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel

INFO = described("gaze", "tracker", "Gaze", 100.0, [Channel("x"), Channel("y")], "id", "a tracker")


class Time:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


class Tracker:
    """Sends 10 samples a read; is lost at the reads that it is told, and does not answer the tries after one."""

    def __init__(self, time, *, lost_at=(), dead_tries=0, shares_clock=False):
        self.shares_clock = shares_clock
        self._time, self._lost_at, self._dead = time, lost_at, dead_tries
        self.reads, self.tries, self.n, self.closed = 0, 0, 0, 0

    def open(self):
        self.tries += 1
        if 1 < self.tries <= 1 + self._dead:
            raise DeviceLost("no answer")
        return (INFO,)

    def read(self):
        self.reads += 1
        self._time.now_s += 0.1
        if self.reads in self._lost_at:
            raise DeviceLost("gone")
        self.n += 10
        times = self._time.now_s - 0.01 * np.arange(10)[::-1]
        lost = 3 if self.reads == 40 else 0
        return [
            DeviceSamples(0, times - (0.0 if self.shares_clock else 90.0), np.ones((10, 2)), self._time.now_s, lost)
        ]

    def close(self):
        self.closed += 1


class Published:
    def __init__(self):
        self.opened, self.stamps, self.closed = [], [], False

    def open(self, streams):
        self.opened.append(tuple(streams))

    def push(self, stream, stamps, values):
        assert stream == 0
        assert len(values) == len(stamps)
        self.stamps.extend(stamps)

    def close(self):
        self.closed = True


class Stop(threading.Event):
    """Waiting lets the time go on."""

    def __init__(self, time):
        super().__init__()
        self._time = time

    def wait(self, timeout=None):
        self._time.now_s += timeout
        return self.is_set()


def bridged(seconds=10.0, **options):
    time, published, said = Time(), Published(), []
    tracker = Tracker(time, **options)
    bridge = Bridge(tracker, published, time, said.append)
    bridge.run(Stop(time), seconds)
    return tracker, published, said, bridge


def test_samples_go_out_on_the_lsl_clock_after_the_first_second():
    tracker, published, _, bridge = bridged()
    count = bridge.counts[0]
    assert count.sent + count.held_back == tracker.n
    assert count.held_back == pytest.approx(100, abs=20)
    assert np.allclose(np.diff(published.stamps), 0.01, atol=1e-6)
    assert published.stamps[-1] == pytest.approx(110.05, abs=0.06)
    assert published.closed


def test_what_the_device_counted_and_never_sent_is_lost_and_part_of_the_rate():
    _, _, _, bridge = bridged()
    assert bridge.counts[0].lost == 3
    assert "3 lost" in bridge.summary()


def test_a_lost_device_is_tried_until_it_is_back_and_said_once():
    tracker, published, said, bridge = bridged(20.0, lost_at=(50,), dead_tries=3)
    assert tracker.tries == 5
    assert bridge.connections == 2
    assert published.opened == [(INFO,), (INFO,)]
    assert [text for text in said if "trying again" in text] == ["gone; trying again", "no answer; trying again"]
    assert (np.diff(published.stamps) > 0).all()
    assert published.stamps[-1] == pytest.approx(120.05, abs=0.06)


def test_a_silent_device_is_opened_again():
    time = Time()

    class Silent(Tracker):
        def read(self):
            self._time.now_s += 0.1
            return []

    silent = Silent(time)
    Bridge(silent, Published(), time, lambda _text: None).run(Stop(time), 14.0)
    assert silent.tries == 3


def test_a_device_on_lsls_own_clock_is_sent_as_it_stamps():
    _, published, _, bridge = bridged(shares_clock=True)
    assert bridge.counts[0].held_back == 0
    assert bridge.clock is None
    assert published.stamps[0] == pytest.approx(100.01)


def test_a_device_that_cannot_be_used_ends_the_bridge_and_is_closed():
    time = Time()

    class Wrong(Tracker):
        def open(self):
            raise RtemoError("no EEG channels", "", "another board")

    wrong, published = Wrong(time), Published()
    with pytest.raises(RtemoError, match="no EEG channels"):
        Bridge(wrong, published, time, lambda _text: None).run(Stop(time))
    assert wrong.closed == 1
    assert published.closed


def test_a_counter_shows_what_never_came_over_its_wrap_around():
    counter = SampleCounter(256)
    assert counter.count(np.array([250.0, 251, 252]))[0].tolist() == [0, 1, 2]
    index, lost = counter.count(np.array([254.0, 255, 0, 3]))
    assert (index.tolist(), lost, counter.lost) == ([4, 5, 6, 9], 3, 3)


@pytest.mark.parametrize("again", [3.0, 2.0])
def test_a_counter_that_stands_or_goes_back_shows_no_loss(again):
    counter = SampleCounter()
    assert counter.count(np.array([1.0, 2, 3, again, 4]))[1] in (0, 1)
    assert counter.count(np.array([5.0]))[1] == 0
