"""Variable-length integers of XDF, byte by byte."""

from __future__ import annotations

import pytest

from rtemo.sources.xdf.chunks import read_length, write_length
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
