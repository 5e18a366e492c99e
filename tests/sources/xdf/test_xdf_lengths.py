"""Variable-length integers of XDF, byte by byte; which spans and how many bytes hold samples."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from rtemo.sources.xdf.chunks import read_length, write_length
from rtemo.sources.xdf.cursor import Cursor
from rtemo.sources.xdf.samples import SampleLayout


@pytest.mark.parametrize(("value", "data"), [
    (0, b"\x01\x00"), (255, b"\x01\xff"), (256, b"\x04\x00\x01\x00\x00"), (2**32 - 1, b"\x04\xff\xff\xff\xff"),
    (2**32, b"\x08\x00\x00\x00\x00\x01\x00\x00\x00"),
])  # fmt: skip
def test_a_length_is_written_in_the_shortest_form_and_read_back(value, data):
    assert write_length(value) == data
    assert read_length(data) == (value, len(data))
    assert read_length(b"xx" + data + b"yy", 2) == (value, 2 + len(data))


def test_longer_forms_than_needed_are_read_too():
    assert read_length(b"\x04\x07\x00\x00\x00") == (7, 5)
    assert read_length(b"\x08\x07" + bytes(7)) == (7, 9)


@pytest.mark.parametrize("data", [
    b"", b"\x01", b"\x04\x00\x00\x00", b"\x08" + bytes(7), b"\x00\x01", b"\x02\x01\x01", b"\x05" + bytes(8),
    b"\x09" + bytes(16), b"\xff" + bytes(300),
])  # fmt: skip
def test_what_is_cut_off_or_has_another_size_is_none(data):
    assert read_length(data) is None


@pytest.mark.parametrize(
    ("layout", "n_samples", "n_bytes", "fits"),
    [
        (SampleLayout("string", 1, 0.0), 3, 9, True),  # a byte for no stamp, two for an empty text
        (SampleLayout("string", 1, 0.0), 3, 8, False),
        (SampleLayout("string", 1, 0.0), 3, 1000, True),
        (SampleLayout("string", 2, 0.0), 3, 15, True),
        (SampleLayout("string", 2, 0.0), 3, 14, False),
        (SampleLayout("float32", 2, 0.01), 3, 27, True),  # a byte and two values of four
        (SampleLayout("float32", 2, 0.01), 3, 27 + 16, True),  # two of the three have a stamp
        (SampleLayout("float32", 2, 0.01), 3, 27 + 24, True),
        (SampleLayout("float32", 2, 0.01), 3, 27 + 32, False),
        (SampleLayout("float32", 2, 0.01), 3, 27 + 12, False),
        (SampleLayout("float32", 2, 0.01), 3, 19, False),
    ],
)
def test_how_many_bytes_so_many_samples_can_take(layout, n_samples, n_bytes, fits):
    assert layout.fits(n_samples, n_bytes) == fits


@pytest.mark.parametrize(
    ("start_s", "stop_s", "spans"),
    [
        (0.0, math.inf, range(5)),
        (0.0, 15.0, range(4)),  # the last one begins ten seconds behind the stop, or later
        (1.0, math.inf, range(1, 5)),  # the third one is the first that begins less than ten seconds before
        (1.0, 15.0, range(1, 4)),
        (25.0, 15.0, range(2, 4)),
        (1000.0, math.inf, range(4, 5)),  # the last one may go on
        (0.0, -1000.0, range(0)),
    ],
)
def test_of_a_part_the_spans_are_read_that_can_hold_its_samples(start_s, stop_s, spans):
    """Spans begin 20, 10 and 5 s before and 15 and 25 s after the recording's first sample."""
    stream = SimpleNamespace(span_firsts=[80.0, 90.0, 95.0, 115.0, 125.0])
    cursor = SimpleNamespace(_plan=SimpleNamespace(offsets=(), origin_s=100.0), _notices=[], _stream=stream)
    assert list(range(5))[Cursor._spans(cursor, start_s, stop_s)] == list(spans)
