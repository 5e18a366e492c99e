"""Playing at a speed, rule by rule: exactly when a sample is due, what comes first, and how long is waited."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, ClockOffset, StreamDown, StreamInfo, StreamState, StreamUp
from rtemo.sources import paced
from rtemo.sources.paced import PacedSource, Pacer
from rtemo.sources.xdf.cursor import Timed


def piece(stream_id, *elapsed):
    at = np.array(elapsed, float)
    return Timed(at + 100, at, Chunk(stream_id, at + 1000, np.arange(len(at))[:, None]))


def offset(stream_id, time_s=0.0):
    return Timed(np.zeros(0), np.zeros(0), ClockOffset(stream_id, time_s, 0.0))


def up(stream_id, replaces, *elapsed):
    info = StreamInfo(stream_id, stream_id, "EEG", "float32", 100.0, (Channel(),))
    return Timed(np.array(elapsed) + 100, np.array(elapsed, float), StreamUp(info, replaces))


def down(stream_id, *elapsed):
    return Timed(np.array(elapsed) + 100, np.array(elapsed, float), StreamDown(stream_id, StreamState.LOST, "over"))


def given(timed):
    return [(one.stream_id, type(one.item).__name__, one.elapsed.tolist()) for one in timed]


# What is due.


def test_a_sample_is_due_at_its_moment_and_a_microsecond_sooner():
    pacer = Pacer()
    pacer.add([piece("a", 1.0, 2.0)])
    assert given(pacer.due(1.0 - 2e-6)) == []
    assert given(pacer.due(1.0 - 0.5e-6)) == [("a", "Chunk", [1.0])]
    assert given(pacer.due(2.0)) == [("a", "Chunk", [2.0])]
    pacer.add([piece("a", 3.0 + 1e-6)])
    assert given(pacer.due(3.0)) == [("a", "Chunk", [3.0 + 1e-6])]


def test_a_chunk_is_cut_with_its_times_stamps_and_values():
    pacer = Pacer()
    pacer.add([piece("a", 1.0, 2.0, 3.0)])
    (first,) = pacer.due(2.0)
    (rest,) = pacer.due(3.0)
    for timed, k in ((first, slice(0, 2)), (rest, slice(2, 3))):
        assert timed.times.tolist() == [101.0, 102.0, 103.0][k]
        assert timed.elapsed.tolist() == [1.0, 2.0, 3.0][k]
        assert timed.item.stream_id == "a"
        assert timed.item.stamps.tolist() == [1001.0, 1002.0, 1003.0][k]
        assert timed.item.values.tolist() == [[0], [1], [2]][k]


def test_what_has_no_samples_is_due_at_once_and_in_its_streams_order():
    pacer = Pacer()
    pacer.add([offset("a"), piece("a", 5.0), offset("a", 9.0), piece("b", 0.0)])
    assert pacer.next_s == -np.inf
    assert given(pacer.due(0.0)) == [("a", "ClockOffset", []), ("b", "Chunk", [0.0])]
    assert given(pacer.due(5.0)) == [("a", "Chunk", [5.0]), ("a", "ClockOffset", [])]


def test_the_next_moment_is_the_first_of_all_streams_and_none_where_nothing_waits():
    pacer = Pacer()
    assert (pacer.next_s, pacer.reach_s) == (None, -np.inf)
    pacer.add([piece("a", 5.0), piece("b", 2.0), piece("a", 7.0)])
    assert (pacer.next_s, pacer.reach_s) == (2.0, 7.0)
    pacer.due(2.0)
    assert pacer.next_s == 5.0
    pacer.add([offset("c")])
    assert pacer.reach_s == 7.0
    pacer.due(9.0)
    assert pacer.next_s is None


def test_a_stream_that_ends_or_takes_a_place_comes_before_the_others():
    pacer = Pacer()
    pacer.add([piece("a", 1.0), piece("b", 1.0), down("b", 2.0), piece("c", 1.0), up("c", "", 3.0)])
    assert given(pacer.due(2.0)) == [
        ("b", "Chunk", [1.0]), ("b", "StreamDown", [2.0]), ("a", "Chunk", [1.0]), ("c", "Chunk", [1.0]),
    ]  # fmt: skip
    pacer.add([piece("a", 3.0)])
    assert given(pacer.due(3.0)) == [("c", "StreamUp", [3.0]), ("a", "Chunk", [3.0])]


@pytest.mark.parametrize(("now_s", "first"), [(1.5, "a"), (2.0 - 2e-6, "a"), (2.0, "b"), (2.0 - 0.5e-6, "b")])
def test_a_stream_comes_first_from_the_moment_on_at_which_it_ends(now_s, first):
    pacer = Pacer()
    pacer.add([piece("a", 1.0), piece("b", 1.0), down("b", 2.0)])
    assert pacer.due(now_s)[0].stream_id == first


def test_all_of_a_lost_stream_comes_before_the_one_that_takes_its_place_whatever_its_stamps_say():
    pacer = Pacer()
    pacer.add([piece("old", 50.0, 60.0), down("old", 60.0), up("new", "old", 3.0), piece("new", 3.0, 4.0)])
    assert given(pacer.due(2.0)) == []
    assert given(pacer.due(3.0)) == [
        ("old", "Chunk", [50.0, 60.0]),
        ("old", "StreamDown", [60.0]),
        ("new", "StreamUp", [3.0]),
        ("new", "Chunk", [3.0]),
    ]
    assert pacer.next_s == 4.0
    assert given(pacer.due(100.0)) == [("new", "Chunk", [4.0])]


def test_a_lost_stream_that_is_due_itself_comes_once():
    pacer = Pacer()
    pacer.add([piece("old", 1.0), up("new", "old", 3.0)])
    assert given(pacer.due(3.0)) == [("old", "Chunk", [1.0]), ("new", "StreamUp", [3.0])]
    assert pacer.next_s is None


# When it is waited for.


class Recording:
    """One that gives what the test lists, chunk by chunk."""

    def __init__(self, *batches, begin_s=0.0):
        self.batches, self.begin_s, self.n_reads, self.stopped = list(batches), begin_s, 0, False

    @property
    def exhausted(self):
        return self.stopped or not self.batches

    def start(self):
        return ("the streams",)

    def stop(self):
        self.stopped = True

    def read_timed(self):
        self.n_reads += 1
        return self.batches.pop(0)


def playing(*batches, speed=1.0, begin_s=0.0):
    clock = SimpleNamespace(now_s=500.0, waits=[])
    recording = Recording(*batches, begin_s=begin_s)

    def wait(seconds):
        clock.waits.append(seconds)
        clock.now_s += seconds

    return PacedSource(recording, speed, lambda: clock.now_s, wait), recording, clock


def test_a_recording_is_read_as_far_as_it_is_due_and_no_further():
    source, recording, clock = playing([piece("a", 0.0)], [piece("a", 1.0)], [piece("a", 2.0)], [piece("a", 3.0)])
    assert source.start() == ("the streams",)
    assert len(source.read(0.0)) == 1
    assert recording.n_reads == 2  # the one that is due, and the next that is not
    clock.now_s += 1.0
    assert [item.stamps.tolist() for item in source.read(0.0)] == [[1001.0]]
    assert recording.n_reads == 3
    assert clock.waits == []


@pytest.mark.parametrize(
    ("speed", "timeout_s", "waited_s"),
    [(1.0, 10.0, 4.0), (2.0, 10.0, 2.0), (0.5, 10.0, 8.0), (1.0, 0.5, 0.5), (1000.0, 10.0, 0.01), (1.0, 4.0, 4.0)],
)
def test_the_next_sample_is_waited_for_at_least_a_tick_and_at_most_as_long_as_is_allowed(speed, timeout_s, waited_s):
    source, _, clock = playing([piece("a", 0.0)], [piece("a", 4.0)], speed=speed)
    source.read(0.0)
    n = len(source.read(timeout_s))
    assert clock.waits == pytest.approx([waited_s])
    assert n == (waited_s * speed >= 4.0)


def test_nothing_is_waited_for_without_leave_where_something_is_due_or_at_the_end():
    source, _, clock = playing([piece("a", 0.0)], [piece("a", 4.0)])
    assert len(source.read(9.0)) == 1
    assert source.read(0.0) == []
    assert source.read(-1.0) == []
    assert not source.exhausted
    clock.now_s += 4.0
    assert len(source.read(9.0)) == 1
    assert source.exhausted
    assert source.read(9.0) == []
    assert clock.waits == []


def test_a_part_begins_at_the_first_read_at_any_speed():
    source, _, clock = playing([piece("a", 30.0, 32.0)], speed=2.0, begin_s=30.0)
    assert [timed.elapsed.tolist() for timed in source.read_timed(0.0)] == [[30.0]]
    assert source.wall_s(32.0) == 501.0
    clock.now_s = 501.0
    assert [timed.elapsed.tolist() for timed in source.read_timed(0.0)] == [[32.0]]


def test_a_source_that_is_stopped_gives_nothing_more():
    source, recording, _ = playing([piece("a", 0.0, 9.0)])
    source.read(0.0)
    source.stop()
    assert recording.stopped
    assert source.exhausted
    assert source.read(0.0) == []


@pytest.mark.parametrize(("speed", "said"), [(0.0, "0"), (-2.5, "-2.5"), (float("inf"), "inf")])
def test_a_speed_that_is_none_is_refused_with_what_may_be_given(speed, said):
    with pytest.raises(RtemoError) as caught:
        PacedSource(Recording(), speed)
    found = caught.value
    assert (found.fact, found.found, found.todo) == (
        "cannot play at this speed", f"speed is {said}", "give a number above 0, or max",
    )  # fmt: skip
    assert PacedSource(Recording()).speed == 1.0
    assert (paced.TICK_S, paced.EARLY_S) == (0.01, 1e-6)
