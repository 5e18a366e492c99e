"""Limits of XDF's small parts, at, below and above: stamps at a recording's ends, file headers, chunk heads."""

from __future__ import annotations

import io

import numpy as np
import pytest
from xdf_build import header, raw_file, read_index, samples

from rtemo.sources.xdf.chunks import BOUNDARY, HEAD_BYTES, MAGIC, RawChunk, Tag, chunk_bytes, find_boundary, parse_head
from rtemo.sources.xdf.edges import _edge, mend_edges
from rtemo.sources.xdf.file_header import LONGEST, FileHeader, read_file_header

NAN = float("nan")


@pytest.mark.parametrize(
    ("stamps", "interval_s", "first_s"),
    [
        ([NAN, 1.0, 2.0], 0.01, 77.0),  # two are no judges
        ([900.0, 1.0, 1.1], 0.01, 1.0),  # three are
        ([0.0, 5.0, 5.1], 0.01, 0.0),  # 5 s from the median
        ([0.0, 5.001, 5.1], 0.01, 5.001),
        ([0.0, 16.0, 17.0], 1.0, 0.0),  # 16 intervals
        ([0.0, 16.5, 17.0], 1.0, 16.5),
        ([0.0, 100.0], 1.0, 77.0),
        ([0.0, 0.0, 100.0, 100.0], 1.0, 77.0),  # nobody is near their middle
    ],
)
def test_an_ends_stamp_counts_within_5_s_or_16_intervals_of_the_median(stamps, interval_s, first_s):
    assert _edge(np.array(stamps), 77.0, interval_s) == first_s


@pytest.mark.parametrize(("n", "rate", "extent"), [
    (16, "100", (10.0, 10.13)), (15, "100", (500.0, 0.0)), (16, "0", (500.0, 0.0)), (40, "100", (10.0, 10.37)),
])  # fmt: skip
def test_wrong_stamps_at_both_ends_of_16_regular_samples_or_more_do_not_count(tmp_path, n, rate, extent):
    stamps = [500.0, *(10.0 + k / 100 for k in range(n - 2)), 0.0]
    path = raw_file(tmp_path / "a.xdf", header(1, rate=rate), samples(1, np.zeros((n, 2), "<f4"), stamps))
    (stream,) = read_index(path).streams
    stream.first_s, stream.last_s = stamps[0], stamps[-1]
    with path.open("rb") as file:
        mend_edges(file, stream)
    assert (stream.first_s, stream.last_s) == pytest.approx(extent)


def test_the_end_of_a_recording_that_is_one_chunk_is_its_last_sample_however_large_the_chunk(tmp_path):
    values = np.zeros((300, 20_000), "<f4")  # 24 MB: many more blocks than one of 256 KiB
    chunk = samples(1, values, [k / 100 for k in range(300)])
    path = raw_file(tmp_path / "a.xdf", header(1, channels=20_000, rate="100"), chunk)
    (stream,) = read_index(path).streams
    with path.open("rb") as file:
        mend_edges(file, stream)
    assert (stream.first_s, stream.last_s) == (0.0, 2.99)


def of_length(path, n):
    """A file whose header has so many bytes."""
    begin, end = b"<info><session_id>S1</session_id><desc>", b"</desc></info>"
    path.write_bytes(MAGIC + chunk_bytes(Tag.FILE_HEADER, begin + b"x" * (n - len(begin) - len(end)) + end))
    return path


def test_a_file_header_of_65536_bytes_at_most_is_read(tmp_path):
    assert read_file_header(of_length(tmp_path / "a.xdf", LONGEST)) == FileHeader("S1")
    assert read_file_header(of_length(tmp_path / "a.xdf", 60)) == FileHeader("S1")
    assert read_file_header(of_length(tmp_path / "a.xdf", LONGEST + 1)) is None


def test_what_has_no_file_header_has_none(tmp_path):
    path = tmp_path / "a.xdf"
    assert read_file_header(path) is None
    xml = FileHeader("S1").xml()
    for content in (b"", MAGIC, MAGIC + chunk_bytes(Tag.STREAM_HEADER, xml, 1), chunk_bytes(Tag.FILE_HEADER, xml)):
        path.write_bytes(content)
        assert read_file_header(path) is None


@pytest.mark.parametrize("found", [
    FileHeader(), FileHeader("S1"), FileHeader("S <1>", "a & b.xdf"), FileHeader("", "a.xdf", 0),
    FileHeader("S1", "a.xdf", 10**17),
])  # fmt: skip
def test_a_file_header_is_read_as_it_was_written(found):
    assert FileHeader.parse(found.xml().decode()) == found


@pytest.mark.parametrize(("counted", "n_bytes"), [
    ("9" * 18, 10**18 - 1), ("9" * 19, None), ("-1", None), ("1.5", None), ("", None), ("²", None),
])  # fmt: skip
def test_how_much_of_the_file_before_counts_is_a_number_of_18_digits_at_most(counted, n_bytes):
    text = f'<info><continues bytes="{counted}"> a.xdf </continues></info>'
    assert FileHeader.parse(text) == FileHeader("", "a.xdf", n_bytes)


def test_a_chunks_head_gives_its_places_in_the_file():
    offset = chunk_bytes(Tag.CLOCK_OFFSET, bytes(16), 7)
    assert parse_head(offset, 100) == RawChunk(100, 108, 124, Tag.CLOCK_OFFSET, 7)
    mark = chunk_bytes(Tag.BOUNDARY, BOUNDARY)
    assert parse_head(mark, 100) == RawChunk(100, 104, 120, Tag.BOUNDARY, -1)
    longest = b"\x08" + (6).to_bytes(8, "little") + b"\x03\0" + b"\x05\0\0\0"
    assert len(longest) == HEAD_BYTES
    assert parse_head(longest, 0) == RawChunk(0, 15, 15, Tag.SAMPLES, 5)


@pytest.mark.parametrize(("data", "whole"), [
    (b"\x01\x02\x05\x00", True), (b"\x01\x01\x05\x00", False), (b"\x01\x02\x05", False),
    (b"\x01\x06\x03\x00\x01\0\0\0", True), (b"\x01\x05\x03\x00\x01\0\0\0", False), (b"\x01\x06\x03\x00\x01\0\0", False),
    (b"\x02\x06\x03\x00\x01\0\0\0", False),
])  # fmt: skip
def test_a_chunk_holds_its_tag_and_its_stream_at_least(data, whole):
    assert (parse_head(data, 0) is not None) == whole


@pytest.mark.parametrize("before", [0, 1, 100, (1 << 20) - 16, (1 << 20) - 15, (1 << 20) - 1, 1 << 20, (2 << 20) - 8])
def test_a_boundary_is_found_wherever_it_lies_in_the_blocks_that_are_read(before):
    file = io.BytesIO(b"\0" * (3 + before) + BOUNDARY + b"after")
    assert find_boundary(file, 3) == 3 + before + 16
    assert find_boundary(file, 4 + before) is None
