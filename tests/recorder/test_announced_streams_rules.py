"""What an engine that takes over a running source is given first."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.types import Chunk, ClockOffset, StreamDown, StreamInfo, StreamNotice, StreamState, StreamUp
from rtemo.recorder.announced_streams import AnnouncedStreams

A, B = (StreamInfo(name, name, "EEG", "float32", 250.0, ()) for name in "ab")
CHUNK = Chunk("a", np.empty(0), np.empty((0, 0), np.float32))
DOUBT, TRUST = StreamNotice("a", "not its clock", False), StreamNotice("a", "its clock", True)
REMARK = StreamNotice("a", "slow network")


def opening(*items):
    streams = AnnouncedStreams()
    streams.note(items)
    return streams.opening()


@pytest.mark.parametrize(
    ("state", "there"), [("waiting", True), ("streaming", True), ("stalled", True), ("lost", False), ("failed", False)]
)
def test_a_stream_that_is_gone_is_not_announced(state, there):
    items = (StreamUp(A), StreamUp(B), ClockOffset("a", 1.0, 2.0), DOUBT, StreamDown("a", StreamState(state), "why"))
    known = [StreamUp(A), StreamUp(B), ClockOffset("a", 1.0, 2.0), DOUBT]
    assert opening(*items) == (known if there else [StreamUp(B)])


@pytest.mark.parametrize("back", [StreamUp(A), CHUNK])
def test_a_stream_that_is_back_is_announced_again(back):
    assert opening(StreamUp(A), StreamDown("a", StreamState.LOST, "gone"), back) == [StreamUp(A)]


@pytest.mark.parametrize("item", [ClockOffset("a", 1.0, 2.0), REMARK, DOUBT])
def test_a_measurement_of_a_lost_stream_does_not_bring_it_back(item):
    assert opening(StreamUp(A), StreamDown("a", StreamState.LOST, "gone"), item) == []


def test_streams_come_first_with_their_newest_description_and_clock():
    newer = StreamInfo("a", "a", "EEG", "float32", 500.0, ())
    items = (StreamUp(A), StreamUp(B), ClockOffset("a", 1.0, 2.0), ClockOffset("b", 1.0, 3.0), StreamUp(newer))
    assert opening(*items, ClockOffset("a", 5.0, 4.0)) == [
        StreamUp(newer),
        StreamUp(B),
        ClockOffset("a", 5.0, 4.0),
        ClockOffset("b", 1.0, 3.0),
    ]


@pytest.mark.parametrize(
    ("notices", "doubt"),
    [
        ([DOUBT], [DOUBT]),
        ([DOUBT, REMARK], [DOUBT]),
        ([DOUBT, TRUST], []),
        ([TRUST], []),
        ([REMARK], []),
        ([DOUBT, StreamUp(A)], []),
    ],
)
def test_a_doubt_about_times_holds_until_they_are_believed_or_the_stream_is_announced_anew(notices, doubt):
    assert opening(StreamUp(A), *notices) == [StreamUp(A), *doubt]
