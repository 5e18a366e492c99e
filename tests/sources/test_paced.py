"""Replay pace on an invented clock: a sample comes when it is due, at any speed, and never before."""

from __future__ import annotations

import numpy as np
import pytest
from xdf_build import ramp, stream, write

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset
from rtemo.sources.base import Source
from rtemo.sources.paced import TICK_S, PacedSource, Pacer
from rtemo.sources.xdf.cursor import Timed
from rtemo.sources.xdf.source import XdfSource


class InventedClock:
    def __init__(self) -> None:
        self.now_s = 5000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_s += seconds


def piece(stream_id: str, elapsed) -> Timed:
    elapsed = np.asarray(elapsed, float)
    return Timed(elapsed + 100, elapsed, Chunk(stream_id, elapsed, np.arange(len(elapsed))[:, None]))


def paced(path, speed: float, **part) -> tuple[PacedSource, InventedClock]:
    clock = InventedClock()
    source = PacedSource(XdfSource(path, **part), speed, clock, clock.wait)
    source.start()
    return source, clock


@pytest.fixture
def recording(tmp_path):
    """10 s of EEG in half-second chunks, gaze from 3 s on, and clocks that are 2000 s apart."""
    items = [stream("1"), stream("2", kind="Gaze", rate=50.0), ClockOffset("2", 3000.0, -2000.0)]
    items += [ramp("1", begin=k, n=50) for k in range(0, 1000, 50)]
    items += [ramp("2", begin=k, n=25, rate=50.0, start_s=3003.0) for k in range(0, 250, 25)]
    return write(tmp_path / "a.xdf", *items)


def test_a_plan_hands_out_what_is_due_and_cuts_at_the_sample():
    pacer = Pacer()
    pacer.add([piece("a", [0.0, 0.1, 0.2, 0.3]), piece("b", [0.1, 0.25]), piece("a", [0.4, 0.5])])
    given = pacer.due(0.2)
    assert [(t.item.stream_id, t.elapsed.tolist()) for t in given] == [("a", [0.0, 0.1, 0.2]), ("b", [0.1])]
    assert given[0].item.values.tolist() == [[0], [1], [2]]
    assert pacer.next_s == 0.25
    assert pacer.due(0.2) == []
    assert [t.elapsed.tolist() for t in pacer.due(9.0)] == [[0.3], [0.4, 0.5], [0.25]]
    assert pacer.next_s is None


def test_a_sample_that_steps_back_waits_for_the_one_before_it():
    pacer = Pacer()
    pacer.add([piece("a", [0.0, 0.5, 0.1, 0.6])])
    assert pacer.due(0.3)[0].elapsed.tolist() == [0.0]
    assert pacer.due(0.5)[0].elapsed.tolist() == [0.5, 0.1]


@pytest.mark.parametrize("speed", [1.0, 4.0, 0.5])
def test_every_sample_comes_when_it_is_due_and_the_whole_takes_the_recordings_time(recording, speed):
    source, clock = paced(recording, speed)
    assert isinstance(source, Source)
    began, late, n = clock.now_s, [], {"1": 0, "2": 0}
    while not source.exhausted:
        for timed in source.read_timed(0.05):
            if isinstance(timed.item, Chunk):
                due = began + timed.elapsed / speed
                late += (clock.now_s - due).tolist()
                n[timed.item.stream_id] += len(timed.item)
    assert n == {"1": 1000, "2": 250}
    assert min(late) > -2e-6
    assert max(late) < TICK_S + 1e-6
    assert clock.now_s - began == pytest.approx(9.99 / speed, abs=TICK_S + 1e-6)
    assert max(clock.waits) <= 0.05


def test_offsets_come_at_once_and_before_the_samples(recording):
    source, _ = paced(recording, 1.0)
    first = source.read(0.0)
    assert isinstance(first[0], ClockOffset)
    assert sum(len(item) for item in first if isinstance(item, Chunk)) == 1


def test_a_part_begins_at_once_and_not_after_its_distance(recording):
    source, clock = paced(recording, 1.0, start_s=4.0)
    items = [item for item in source.read(0.0) if isinstance(item, Chunk)]
    assert {item.stream_id: item.stamps[0] for item in items}["1"] == 1004.0
    assert clock.waits == []
    assert source.wall_s(4.0) == 5000.0


def test_a_reader_that_comes_late_gets_all_that_is_due(recording):
    source, clock = paced(recording, 1.0)
    source.read(0.0)
    clock.now_s += 60.0
    n = 0
    while not source.exhausted:
        items = source.read(0.0)
        n += sum(len(item) for item in items if isinstance(item, Chunk))
    assert n == 1249
    assert clock.waits == []


def test_it_stops_at_any_moment(recording):
    source, _ = paced(recording, 1.0)
    source.read(0.0)
    source.stop()
    source.stop()
    assert source.exhausted
    assert source.read(0.1) == []


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(recording, speed):
    with pytest.raises(RtemoError, match="cannot play at this speed"):
        PacedSource(XdfSource(recording), speed)
