"""Where the writer puts boundary chunks: every ten seconds of any stream's data, and at a jump back."""

from __future__ import annotations

import numpy as np

from rtemo.core.types import Channel, Chunk, StreamInfo
from rtemo.sources.xdf.chunks import Tag
from rtemo.sources.xdf.writer import XdfWriter


def chunk(stream, *stamps):
    return Chunk(stream, np.array(stamps, float), np.zeros((len(stamps), 1), np.float32))


def written(tmp_path, *chunks):
    """What follows each of these chunks: True where it is a boundary."""
    marks = []

    class Watched(XdfWriter):
        def _write(self, data: bytes) -> None:
            tag = _tag(data)
            if tag == Tag.SAMPLES:
                marks.append(False)
            elif tag == Tag.BOUNDARY:
                marks[-1] = True
            super()._write(data)

    with Watched(tmp_path / f"{len(list(tmp_path.iterdir()))}.xdf") as writer:
        for name in ("a", "b"):
            writer.add_stream(StreamInfo(name, name, "EEG", "float32", 10.0, (Channel(),)))
        for one in chunks:
            writer.write_chunk(one)
    return marks


def _tag(data: bytes) -> int:
    """The tag behind a chunk's length, which has as many bytes as the first one says; 0 for what is no chunk."""
    n = data[0]
    return int.from_bytes(data[1 + n : 3 + n], "little") if n in (1, 4, 8) else 0


def test_there_is_one_after_ten_seconds_of_data(tmp_path):
    found = written(tmp_path, *(chunk("a", t) for t in (0.0, 5.0, 9.9, 10.0, 15.0, 19.9, 20.0, 45.0, 46.0)))
    assert found == [False, False, False, True, False, False, True, True, False]


def test_a_step_back_of_ten_seconds_is_one_too(tmp_path):
    assert written(tmp_path, *(chunk("a", t) for t in (100.0, 91.0, 90.0, 89.0))) == [False, False, True, False]


def test_what_counts_is_the_last_sample_of_a_chunk(tmp_path):
    assert written(tmp_path, chunk("a", 0.0, 3.0), chunk("a", 12.9), chunk("a", 13.0, 9.0), chunk("a", 13.0)) == [
        False, False, False, True,
    ]  # fmt: skip


def test_a_boundary_is_one_for_all_streams(tmp_path):
    found = written(
        tmp_path, chunk("a", 0.0), chunk("b", 500.0), chunk("a", 9.0), chunk("b", 510.0), chunk("a", 18.0),
        chunk("a", 19.0), chunk("b", 519.0),
    )  # fmt: skip
    # b makes it at 510; then both count from there: a from 9.0, b from 510
    assert found == [False, False, False, True, False, True, False]


def test_a_stream_without_samples_begins_to_count_with_its_first_one(tmp_path):
    found = written(
        tmp_path, chunk("a", 0.0), chunk("a", 10.0), chunk("b", 500.0), chunk("b", 509.0), chunk("b", 510.0)
    )
    assert found == [False, True, False, False, True]
