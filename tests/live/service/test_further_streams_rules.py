"""The limits of what is shown of streams without a role, with results worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.types import Channel, Chunk, ClockOffset, StreamInfo
from rtemo.live.service.further_streams import FurtherStreams, extremes


class Sink:
    def __init__(self):
        self.wanted, self.blocks = True, []

    def put_trace(self, block):
        self.blocks.append(block)


def info(name, rate_hz=100.0):
    return StreamInfo(name, name, "ECG", "float32", rate_hz, (Channel("a"),))


def chunk(name, times, values):
    return Chunk(name, np.array(times, float), np.array(values, np.float64))


def taken(*reads, names=("ecg",), role_of=lambda _info: None):
    sink = Sink()
    further = FurtherStreams(sink)
    for items in reads:
        further.take(items, {name: info(name) for name in names}, role_of)
    return sink.blocks


def test_twelve_streams_are_shown_and_those_that_came_first_stay():
    names = [f"s{k:02}" for k in range(13)]
    first, second = (
        [chunk(name, [time_s], [[1.0]]) for name in order] for time_s, order in ((1.0, names), (2.0, names[::-1]))
    )
    blocks = taken(first, second, names=names)
    assert [block.stream_id for block in blocks] == [*names[:12], *names[11::-1]]


def test_after_clear_others_are_shown_by_their_own_clocks():
    sink = Sink()
    further = FurtherStreams(sink)
    names = {name: info(name) for name in map(str, range(13))}
    further.take([ClockOffset("12", 1.0, 5.0), *(chunk(n, [1.0], [[1.0]]) for n in names)], names, lambda _info: None)
    assert len(sink.blocks) == 12
    further.clear()
    further.take([chunk("12", [2.0], [[1.0]])], names, lambda _info: None)
    assert sink.blocks[-1].stream_id == "12"
    assert sink.blocks[-1].times.tolist() == [2.0]  # no offset of before


def test_chunks_of_one_read_are_one_block_of_the_newest_width_and_of_known_times():
    old, one, two = (
        chunk("ecg", [1.0], [[1.0, 2.0]]),
        chunk("ecg", [2.0, np.nan], [[3.0], [4.0]]),
        chunk("ecg", [3.0], [[5.0]]),
    )
    (block,) = taken([old, one, two])
    assert block.times.tolist() == [2.0, 3.0]
    assert block.values.tolist() == [[3.0], [5.0]]
    assert block.values.dtype == np.float32
    assert taken([chunk("ecg", [np.nan], [[1.0]])]) == []


def test_streams_with_a_role_or_not_known_are_not_shown():
    assert taken([chunk("ecg", [1.0], [[1.0]])], role_of=lambda _info: "eeg") == []
    assert [block.stream_id for block in taken([chunk("?", [1.0], [[1.0]]), chunk("ecg", [1.0], [[1.0]])])] == ["ecg"]


def test_offsets_that_came_while_nobody_looked_count_afterwards():
    sink = Sink()
    further = FurtherStreams(sink)
    sink.wanted = False
    further.take([ClockOffset("ecg", 1.0, 5.0), chunk("ecg", [1.0], [[1.0]])], {"ecg": info("ecg")}, lambda _info: None)
    assert sink.blocks == []
    sink.wanted = True
    further.take([chunk("ecg", [2.0], [[1.0]])], {"ecg": info("ecg")}, lambda _info: None)
    assert sink.blocks[0].times.tolist() == [7.0]


@pytest.mark.parametrize(
    ("n", "rate_hz", "times", "shown"),
    [
        (3, 500.0, [0, 1, 2], [1, -2, 3]),  # not faster than what is shown
        (2, 1000.0, [0, 1], [1, -2]),
        (3, 501.0, [0, 2], [-2, 3]),  # ceil(2.004) = 3: one group, its lowest and highest
        (6, 1000.0, [0, 3, 4, 5], [-4, 3, -6, 5]),  # four at a time
    ],
)
def test_of_faster_streams_the_lowest_and_highest_of_every_few_are_shown(n, rate_hz, times, shown):
    values = np.array([1, -2, 3, -4, 5, -6], np.float32)[:n, np.newaxis]
    found_times, found = extremes(np.arange(float(n)), values, rate_hz)
    assert found_times.tolist() == times
    assert found[:, 0].tolist() == shown
    assert found.dtype == np.float32
