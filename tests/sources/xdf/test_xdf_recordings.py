"""Real recordings: what pyxdf reads, we read, to the bit, and a cut one gives what is before the cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyxdf
from xdf_build import drain, read_all

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset
from rtemo.sources.xdf.chunks import parse_head
from rtemo.sources.xdf.source import XdfSource

NAMES = ["minimal", "empty_streams", "muse_P001", "muse_P003", "openbci_markers"]


@pytest.fixture(params=NAMES)
def recording(request, shared_recordings) -> Path:
    return shared_recordings / f"{request.param}.xdf"


def oracle(path: Path) -> list[dict]:
    return pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)[0]


def test_every_stream_equals_what_pyxdf_reads(recording):
    ours, theirs = read_all(recording), oracle(recording)
    assert set(ours) == {stream["info"]["stream_id"] for stream in theirs}
    for expected in theirs:
        found, stamps, values = ours[expected["info"]["stream_id"]]
        np.testing.assert_array_equal(stamps, expected["time_stamps"])
        if len(stamps):
            np.testing.assert_array_equal(values, np.array(expected["time_series"], dtype=values.dtype))
            assert (found.first_s, found.last_s) == (stamps[0], stamps[-1])
        assert found.n_samples == len(stamps)
        assert list(found.offset_times) == expected["clock_times"]
        assert list(found.offset_values) == expected["clock_values"]


def test_the_description_is_what_the_file_holds(recording):
    for expected in oracle(recording):
        info = read_all(recording)[expected["info"]["stream_id"]][0].info
        of = expected["info"]
        assert (info.name, info.type, info.channel_format) == (of["name"][0], of["type"][0], of["channel_format"][0])
        assert info.nominal_rate_hz == float(of["nominal_srate"][0])
        assert info.n_channels == int(of["channel_count"][0])
        assert info.source_id == ((of.get("source_id") or [""])[0] or "")
        desc = of["desc"][0] or {}
        channels = (desc.get("channels") or [{}])[0] or {}
        labels = [channel["label"][0] for channel in channels.get("channel", [])]
        assert info.labels == tuple(labels or [""] * info.n_channels)


def test_the_source_gives_every_sample_once_with_offsets_before_samples(recording):
    source = XdfSource(recording)
    ids = {info.stream_id for info in source.start()}
    with_samples: set[str] = set()
    n_offsets = 0
    while not source.exhausted:
        for item in source.read(0.0):
            assert item.stream_id in ids
            if isinstance(item, ClockOffset):
                assert item.stream_id not in with_samples
                n_offsets += 1
            elif isinstance(item, Chunk):
                with_samples.add(item.stream_id)
    whole = XdfSource(recording)
    whole.start()
    given = drain(whole)
    for expected in oracle(recording):
        key = str(expected["info"]["stream_id"])
        if key in given:
            np.testing.assert_array_equal(given[key][0], expected["time_stamps"])
        else:
            assert not len(expected["time_stamps"])
    assert n_offsets == sum(len(expected["clock_times"]) for expected in oracle(recording))


def chunk_ends(data: bytes) -> list[int]:
    ends, at = [], 4
    while at < len(data):
        chunk = parse_head(data[at : at + 15], at)
        assert chunk is not None
        at = chunk.end
        ends.append(at)
    return ends


def test_a_cut_recording_gives_what_is_before_the_cut(recording, tmp_path):
    data = recording.read_bytes()
    whole = read_all(recording)
    ends = chunk_ends(data)
    picked = ends if len(ends) < 40 else ends[:8] + ends[8 :: len(ends) // 16]
    cuts = {end + shift for end in [4, *picked] for shift in (-9, -1, 0, 1, 2, 7, 15)}
    for cut in sorted(cut for cut in cuts if 0 <= cut < len(data)):
        path = tmp_path / f"{cut}.xdf"
        path.write_bytes(data[:cut])
        source = XdfSource(path)
        try:
            source.start()
        except RtemoError as error:
            assert "; " in str(error)  # noqa: PT017 - the fact is not all it says
            assert cut <= ends[1]
            continue
        assert cut in ends or "breaks off" in "".join(source.warnings)
        given = drain(source)
        n_before = sum(stop <= cut for stop in ends)
        assert n_before
        for key, (stamps, values) in given.items():
            np.testing.assert_array_equal(stamps, whole[int(key)][1][: len(stamps)])
            np.testing.assert_array_equal(values, whole[int(key)][2][: len(stamps)])


def test_a_cut_loses_no_sample_that_is_whole(recording, tmp_path):
    """Every sample whose bytes are all there is read, also those of the chunk that the cut goes through."""
    data = recording.read_bytes()
    stream = max((entry[0] for entry in read_all(recording).values()), key=lambda one: one.n_samples)
    start, stop = stream.span_starts[-1], stream.span_stops[-1]
    counts = []
    for cut in np.linspace(start + 20, stop, 12).astype(int):
        path = tmp_path / f"{cut}.xdf"
        path.write_bytes(data[:cut])
        counts.append(len(read_all(path)[stream.number][1]))
    assert counts == sorted(counts)
    assert counts[-1] == stream.n_samples
    assert len(set(counts)) > 3
