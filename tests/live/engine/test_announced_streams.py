"""What an engine that takes over a running source is given first."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.types import Channel, Chunk, ClockOffset, StreamDown, StreamInfo, StreamState, StreamUp
from rtemo.recorder.announced_streams import AnnouncedStreams

EEG = StreamInfo("e", "Amp", "EEG", "float32", 250.0, (Channel("Fz"),))
GAZE = StreamInfo("g", "Tracker", "Gaze", "float32", 60.0, (Channel("x"),))


def sample(stream):
    return Chunk(stream, np.array([1.0]), np.zeros((1, 1)))


@pytest.fixture
def announced():
    found = AnnouncedStreams()
    found.note([StreamUp(EEG), StreamUp(GAZE)])
    return found


def test_the_streams_come_first_and_then_their_newest_clock_measurements(announced):
    announced.note([ClockOffset("g", 1.0, 5.0), ClockOffset("e", 1.0, 7.0), ClockOffset("g", 2.0, 6.0)])
    assert announced.opening() == [
        StreamUp(EEG), StreamUp(GAZE), ClockOffset("e", 1.0, 7.0), ClockOffset("g", 2.0, 6.0),
    ]  # fmt: skip


def test_nothing_announced_is_nothing_to_say():
    assert AnnouncedStreams().opening() == []


@pytest.mark.parametrize("state", [StreamState.LOST, StreamState.FAILED])
def test_a_stream_that_is_gone_is_left_out_with_its_clock(announced, state):
    announced.note([ClockOffset("e", 1.0, 7.0), StreamDown("e", state, "gone")])
    assert announced.opening() == [StreamUp(GAZE)]
    assert announced.states == {"e": state, "g": StreamState.STREAMING}


def test_a_stream_that_stalls_is_still_there(announced):
    announced.note([StreamDown("e", StreamState.STALLED, "no sample")])
    assert StreamUp(EEG) in announced.opening()
    assert announced.states["e"] is StreamState.STALLED


@pytest.mark.parametrize("sign", [StreamUp(EEG), sample("e")])
def test_a_stream_that_sends_again_is_there_again(announced, sign):
    announced.note([StreamDown("e", StreamState.LOST, "gone")])
    announced.note([sign])
    assert announced.states["e"] is StreamState.STREAMING
    assert StreamUp(EEG) in announced.opening()


def test_a_clock_measurement_alone_does_not_bring_a_stream_back(announced):
    announced.note([StreamDown("e", StreamState.LOST, "gone"), ClockOffset("e", 9.0, 1.0)])
    assert announced.states["e"] is StreamState.LOST


def test_a_stream_with_another_description_takes_the_old_ones_place(announced):
    other = StreamInfo("e", "Amp", "EEG", "float32", 500.0, (Channel("Fz"), Channel("Cz")))
    announced.note([StreamUp(other)])
    assert announced.opening() == [StreamUp(other), StreamUp(GAZE)]
