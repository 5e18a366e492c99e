"""Events of auxiliary columns come between the samples, and the streams that have such columns are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rtemo.core.auxiliary.columns import AuxiliaryColumns, AuxiliaryReader
from rtemo.core.auxiliary.losses import CounterColumn
from rtemo.core.auxiliary.triggers import TriggerColumn
from rtemo.core.types import Channel, Chunk, ClockOffset, StreamInfo
from rtemo.live.engine.auxiliary_streams import AuxiliaryStreams
from rtemo.recordings.events import Event, EventKind
from rtemo.sources.stream_roles import StreamRoles

OHMS = StreamInfo("z", "Impedances", "Impedance", "float32", 1.0, (Channel("Cz"),))


def reading(*columns):
    """One stream whose columns are triggers."""
    streams = AuxiliaryStreams()
    streams.add(OHMS, StreamRoles(()))
    triggers = tuple(TriggerColumn(column, f"T{column}") for column in columns)
    streams.readers["z"] = AuxiliaryReader(AuxiliaryColumns(triggers=triggers), 1.0)
    return streams


def given(streams, values):
    """What comes of the samples: the stamps of chunks, the texts of events."""
    chunk = Chunk("z", np.arange(len(values), dtype=float), np.array(values, float))
    return [part.text if isinstance(part, Event) else part.stamps.tolist() for part in streams.parts(chunk)]


def test_events_of_the_same_sample_have_no_empty_chunk_between_them():
    assert given(reading(0, 1), [[0, 0], [0, 0], [5, 7], [0, 0]]) == [[0.0, 1.0], "5", "7", [2.0, 3.0]]


def test_an_event_of_the_first_sample_comes_before_the_whole_chunk():
    streams = reading(0)
    assert given(streams, [[0], [0]]) == [[0.0, 1.0]]
    chunk = Chunk("z", np.array([2.0, 3.0]), np.array([[9.0], [9.0]]))
    event, rest = streams.parts(chunk)
    assert (event.text, event.time_s) == ("9", 2.0)
    assert rest is chunk


def test_a_stream_that_comes_back_without_such_columns_is_read_no_more():
    streams = AuxiliaryStreams()
    streams.add(OHMS, StreamRoles(()))
    assert list(streams.readers) == ["z"]
    streams.add(replace(OHMS, channels=(Channel(""),)), StreamRoles(()))
    assert streams.readers == {}


def test_events_have_the_time_of_our_clock():
    streams = reading(0)
    streams.note(ClockOffset("z", 0.0, 100.0))
    chunk = Chunk("z", np.array([1.0, 2.0]), np.array([[0.0], [4.0]]))
    assert [part.time_s for part in streams.parts(chunk) if isinstance(part, Event)] == [102.0]


def test_what_was_counted_up_to_the_end_is_reported_with_its_stream():
    streams = reading()
    streams.readers["z"] = AuxiliaryReader(AuxiliaryColumns(CounterColumn(None, filled=0)), 1.0)
    assert given(streams, [[0], [1], [1]]) == [[0.0, 1.0, 2.0]]
    ((stream_id, event),) = streams.flush()
    assert (stream_id, event.stream, event.kind, event.time_s) == ("z", "Impedances", EventKind.LOSS, 1.0)
    assert event.text == "by its sample counter 2 samples made up by the sender for lost ones"
