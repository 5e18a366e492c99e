"""When items are pushed, and that joining them changes nothing."""

from dataclasses import replace

import numpy as np
import pytest

from rtemo.core.types import Chunk, ClockOffset, StreamDown, StreamState
from rtemo.live.engine.batching import Beginnings, ChunkBatch, join


def chunk(stream, first, n=1, hz=1000.0):
    return Chunk(stream, first + np.arange(n) / hz, np.full((n, 2), first))


def times(items):
    return {item.stream_id: item.stamps.tolist() for item in items if isinstance(item, Chunk)}


def test_a_stream_waits_until_it_is_near_the_end_of_a_window_and_then_for_no_other():
    batch = ChunkBatch()
    assert batch.due({"e": 10.0, "g": 10.0}) == []
    batch.add([chunk("e", 9.97), chunk("g", 9.96)])
    assert batch.due({"e": 10.0, "g": 10.0}) == []
    batch.add([chunk("e", 9.99)])
    assert times(batch.due({"e": 10.0, "g": 10.0})) == {"e": [9.97, 9.99]}
    batch.add([chunk("e", 10.0)])
    assert times(batch.due({"e": 10.0, "g": 10.0})) == {"e": [10.0]}
    batch.add([chunk("e", 10.01)])
    assert batch.due({"e": 10.1, "g": 10.0}) == []
    batch.add([chunk("g", 9.995)])
    assert times(batch.due({"e": 10.1, "g": 10.0})) == {"g": [9.96, 9.995]}
    assert times(batch.take()) == {"e": [10.01]}


def test_a_batch_waits_no_longer_than_forty_milliseconds_of_data():
    batch = ChunkBatch()
    batch.add([chunk("g", 5.0), chunk("e", 5.0, 30)])
    assert batch.due({"e": 10.0, "g": 10.0}) == []
    batch.add([chunk("e", 5.03, 12)])
    assert set(times(batch.due({"e": 10.0, "g": 10.0}))) == {"e", "g"}
    assert batch.take() == []


def test_news_that_is_no_sample_does_not_wait():
    batch = ChunkBatch()
    batch.add([StreamDown("e", StreamState.LOST, "gone")])
    assert len(batch.due({"e": 10.0})) == 1
    assert batch.due({"e": 10.0}) == []
    batch.add([chunk("e", 5.0)])
    assert batch.due({"e": 10.0}) == []


def test_times_are_compared_on_our_clock():
    batch = ChunkBatch()
    batch.add([ClockOffset("e", 0.0, 1000.0)])
    batch.take()
    batch.add([chunk("e", 9.0)])
    assert batch.due({"e": 1009.1}) == []
    assert times(batch.due({"e": 1009.0})) == {"e": [9.0]}


def test_joined_samples_have_come_with_the_first_part_that_completes_a_window():
    parts = [replace(chunk("e", 9.98 + 0.01 * i), arrived_s=100.0 + i) for i in range(4)]
    assert join(parts)[0].arrived_s == 103.0
    assert join(parts, awaited={"e": 9.985})[0].arrived_s == 101.0
    batch = ChunkBatch()
    batch.add(parts)
    (due,) = batch.due({"e": 10.0})
    assert (len(due), due.arrived_s) == (4, 102.0)


def test_joining_keeps_every_sample_and_the_order_around_other_items():
    offset = ClockOffset("e", 2.0, 0.5)
    items = [chunk("e", 1.0), chunk("g", 1.5), chunk("e", 2.0, 3), offset, chunk("e", 3.0)]
    joined = join(items)
    assert [getattr(i, "stream_id", None) for i in joined] == ["e", "g", "e", "e"]
    assert joined[2] is offset
    np.testing.assert_array_equal(joined[0].stamps, [1.0, 2.0, 2.001, 2.002])
    assert joined[0].values.shape == (4, 2)
    assert sum(len(i) for i in joined if isinstance(i, Chunk)) == 6


def test_markers_stay_text_when_they_are_joined():
    marks = [Chunk("m", np.array([t]), np.array([[f"marker {t}"]], dtype=object)) for t in (1.0, 2.0)]
    (joined,) = join(marks)
    assert joined.values.dtype == object
    assert joined.values[:, 0].tolist() == ["marker 1.0", "marker 2.0"]


@pytest.mark.parametrize(("span_s", "is_due"), [(0.0399, False), (0.0401, True)])
def test_forty_milliseconds_of_one_stream_are_enough(span_s, is_due):
    batch = ChunkBatch()
    batch.add([Chunk("e", np.array([5.0, 5.0 + span_s]), np.zeros((2, 1))), chunk("g", 6.0)])
    assert bool(batch.due({"e": 10.0, "g": 10.0})) == is_due


@pytest.mark.parametrize(("stamp", "is_due"), [(9.9849, False), (9.9851, True)])
def test_fifteen_milliseconds_before_an_end_a_sample_waits_no_longer(stamp, is_due):
    batch = ChunkBatch()
    batch.add([chunk("e", stamp)])
    assert bool(batch.due({"e": 10.0})) == is_due


def test_the_span_counts_from_what_waits_and_not_from_what_was_pushed():
    batch = ChunkBatch()
    batch.add([chunk("e", 5.0)])
    assert len(batch.take()) == 1
    batch.add([chunk("e", 5.03), chunk("e", 5.06)])
    assert batch.due({"e": 10.0}) == []
    batch.add([chunk("e", 5.071)])
    assert times(batch.due({"e": 10.0})) == {"e": [5.03, 5.06, 5.071]}


def test_a_stream_that_awaits_nothing_is_never_near():
    batch = ChunkBatch()
    batch.add([chunk("m", 9.99)])
    assert batch.due({"e": 10.0}) == []


def test_what_stays_behind_keeps_its_order_and_its_span():
    batch = ChunkBatch()
    batch.add([chunk("g", 5.0), chunk("e", 9.99), chunk("g", 5.01)])
    assert times(batch.due({"e": 10.0, "g": 10.0})) == {"e": [9.99]}
    batch.add([chunk("g", 5.041)])
    assert times(batch.due({"e": 10.0, "g": 10.0})) == {"g": [5.0, 5.01, 5.041]}


def test_empty_chunks_neither_wait_nor_get_lost():
    batch = ChunkBatch()
    empty = Chunk("e", np.empty(0), np.empty((0, 2)))
    batch.add([empty])
    assert batch.due({"e": 10.0}) == []
    assert batch.take() == [empty]


def test_streams_that_are_kept_apart_keep_their_place_among_the_others():
    mark = chunk("m", 1.5)
    joined = join([chunk("e", 1.0), chunk("e", 1.1), mark, chunk("e", 2.0), chunk("e", 2.1)], apart={"m"})
    assert [(item.stream_id, item.stamps.tolist()) for item in joined] == [
        ("e", [1.0, 1.1]), ("m", [1.5]), ("e", [2.0, 2.1]),
    ]  # fmt: skip
    assert joined[1] is mark


def test_awaited_stamps_are_raw_ones():
    batch = ChunkBatch()
    batch.add([ClockOffset("e", 0.0, 1000.0)])
    batch.take()
    batch.add([replace(chunk("e", 9.98 + 0.01 * i), arrived_s=100.0 + i) for i in range(4)])
    (due,) = batch.due({"e": 1010.0})
    assert due.arrived_s == 102.0  # of the part that reaches 10.0 in the sender's clock


@pytest.mark.parametrize(("last_s", "is_due"), [(5.4375, False), (5.5, True)])
def test_the_span_itself_is_enough(last_s, is_due):
    batch = ChunkBatch(0.5)
    batch.add([Chunk("e", np.array([5.0, last_s]), np.zeros((2, 1)))])
    assert bool(batch.due({})) == is_due


def test_a_sample_that_comes_exactly_fifteen_milliseconds_before_an_end_is_near():
    batch = ChunkBatch()
    batch.add([chunk("e", 10.0 - 0.015)])
    assert len(batch.due({"e": 10.0})) == 1


def test_the_span_of_a_stream_that_was_pushed_alone_counts_anew():
    batch = ChunkBatch()
    batch.add([chunk("g", 5.0), chunk("e", 9.986)])
    assert times(batch.due({"e": 10.0, "g": 10.0})) == {"e": [9.986]}
    batch.add([chunk("e", 10.027)])  # 41 ms after what is gone
    assert batch.due({"e": 10.1, "g": 10.0}) == []


def names(items):
    return [(item.stream_id, item.stamps.tolist()) for item in items]


@pytest.mark.parametrize(("hole_s", "is_long"), [(5.0, False), (5.1, True)])
def test_what_comes_shortly_behind_a_long_hole_keeps_its_place_among_other_streams(hole_s, is_long):
    beginnings, at = Beginnings(), 20.0 + hole_s
    join([chunk("a", 0.0), chunk("b", 0.0), chunk("a", 4.0), chunk("b", 4.0)], beginnings=beginnings)
    join([chunk("a", 20.0 - 12.0), chunk("b", 8.0), chunk("a", 12.0), chunk("b", 12.0)], beginnings=beginnings)
    join([chunk("a", 16.0), chunk("b", 16.0), chunk("a", 20.0), chunk("b", 20.0)], beginnings=beginnings)
    items = [chunk("b", 24.0), chunk("a", at), chunk("b", 25.0), chunk("a", at + 2.9), chunk("b", 26.0)]
    items += [chunk("a", at + 3.0), chunk("b", 27.0), chunk("a", at + 4.0)]
    found = names(join(items, beginnings=beginnings))
    if is_long:
        near = [("b", [24.0]), ("a", [at]), ("b", [25.0])]
        assert found == [*near, ("a", [at + 2.9, at + 3.0, at + 4.0]), ("b", [26.0, 27.0])]
    else:
        assert found == [("b", [24.0, 25.0, 26.0, 27.0]), ("a", [at, at + 2.9, at + 3.0, at + 4.0])]


def test_the_first_seconds_of_a_stream_keep_their_place():
    items = [chunk("a", 1.0), chunk("b", 1.0), chunk("a", 2.0), chunk("b", 4.0), chunk("a", 4.0), chunk("b", 4.5)]
    assert names(join(items, beginnings=Beginnings())) == [
        *[("a", [1.0]), ("b", [1.0]), ("a", [2.0, 4.0]), ("b", [4.0, 4.5])]
    ]


def test_empty_chunks_streams_that_keep_their_place_and_stamps_that_are_no_times_have_no_holes():
    beginnings = Beginnings()
    join([chunk("a", 1.0), chunk("a", 5.0)], beginnings=beginnings)
    items = [chunk("a", 6.0), chunk("b", 1.0, 0), chunk("a", np.nan), chunk("a", 9.0), chunk("a", 90.0, 0)]
    (joined,) = [item for item in join(items, beginnings=beginnings) if len(item)]
    assert len(joined) == 3
    (joined,) = join([chunk("a", 13.0), chunk("a", 14.0)], beginnings=beginnings)
    assert len(joined) == 2


def test_a_clock_that_is_set_back_is_no_beginning():
    beginnings = Beginnings()
    join([chunk("a", 5000.0), chunk("a", 5004.0)], beginnings=beginnings)
    assert names(join([chunk("a", 10.0), chunk("b", 1.0, 0), chunk("a", 11.0)], beginnings=beginnings))[0] == (
        "a",
        [10.0, 11.0],
    )
