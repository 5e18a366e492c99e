"""When items are pushed, and that joining them changes nothing."""

import numpy as np

from rtemo.core.types import Chunk, ClockOffset, StreamDown, StreamState
from rtemo.live.batch import Batch, join


def chunk(stream, first, n=1, hz=1000.0):
    return Chunk(stream, first + np.arange(n) / hz, np.full((n, 2), first))


def test_a_batch_waits_until_every_awaited_stream_has_passed_the_windows_end():
    batch = Batch()
    batch.add([chunk("e", 9.999)])
    assert not batch.due(["e", "g"], 10.0)
    batch.add([chunk("e", 10.001)])
    assert not batch.due(["e", "g"], 10.0)
    batch.add([chunk("g", 10.002)])
    assert batch.due(["e", "g"], 10.0)


def test_a_batch_waits_no_longer_than_forty_milliseconds_of_data():
    batch = Batch()
    batch.add([chunk("e", 5.0, 30)])
    assert not batch.due(["e", "g"], 10.0)
    batch.add([chunk("e", 5.03, 12)])
    assert batch.due(["e", "g"], 10.0)


def test_news_that_is_no_sample_does_not_wait():
    batch = Batch()
    batch.add([StreamDown("e", StreamState.LOST, "gone")])
    assert batch.due(["e"], 10.0)
    assert len(batch.take()) == 1
    assert not batch.due(["e"], 10.0)


def test_times_are_compared_on_our_clock():
    batch = Batch()
    batch.add([ClockOffset("e", 0.0, 1000.0)])
    batch.take()
    batch.add([chunk("e", 9.0)])
    assert batch.due(["e"], 1009.0)
    assert not batch.due(["e"], 1010.0)


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
