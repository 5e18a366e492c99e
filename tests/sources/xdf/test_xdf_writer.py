"""What the writer writes is what pyxdf, the reference reader, and our own reader read, to the bit."""

from __future__ import annotations

import os
import stat
import struct
import sys
from dataclasses import replace

import numpy as np
import pytest
import pyxdf
from hypothesis import given, settings
from hypothesis import strategies as st
from xdf_build import ramp, read_all, stream, write

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, ClockOffset, StreamInfo
from rtemo.sources.stream_xml import parse_xml, stream_xml
from rtemo.sources.xdf.chunks import BOUNDARY
from rtemo.sources.xdf.samples import DTYPES
from rtemo.sources.xdf.writer import XdfWriter

FORMATS = [*DTYPES, "string"]


def oracle(path, **options):
    options = {"synchronize_clocks": False, "dejitter_timestamps": False, **options}
    return {s["info"]["stream_id"]: s for s in pyxdf.load_xdf(path, **options)[0]}


@pytest.mark.parametrize("fmt", FORMATS)
def test_pyxdf_reads_every_format_as_it_was_written(tmp_path, fmt):
    chunks = [ramp(begin=0, n=7, fmt=fmt), ramp(begin=7, n=1, fmt=fmt), ramp(begin=8, n=100, fmt=fmt)]
    path = write(tmp_path / "a.xdf", stream(fmt=fmt), *chunks)
    read = oracle(path)[1]
    np.testing.assert_array_equal(read["time_stamps"], np.concatenate([c.stamps for c in chunks]))
    written = np.concatenate([c.values for c in chunks])
    if fmt != "string":
        assert read["time_series"].dtype == DTYPES[fmt]
    np.testing.assert_array_equal(np.array(read["time_series"], dtype=written.dtype), written)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
stamps_of = st.lists(st.floats(allow_nan=False, width=64), min_size=0, max_size=20)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_values_and_stamps_come_back_to_the_bit(tmp_path_factory, data):
    fmt = data.draw(st.sampled_from(FORMATS))
    n_channels = data.draw(st.integers(1, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    info = stream(fmt=fmt, rate=0.0, labels=["x"] * n_channels)
    chunks = []
    for _ in range(data.draw(st.integers(0, 4))):
        stamps = np.array(data.draw(stamps_of), np.float64)
        if fmt == "string":
            values = np.empty((len(stamps), n_channels), object)
            for row in values:
                row[:] = data.draw(st.lists(texts, min_size=n_channels, max_size=n_channels))
        else:
            raw = rng.bytes(len(stamps) * n_channels * DTYPES[fmt].itemsize)
            values = np.frombuffer(raw, DTYPES[fmt]).reshape(len(stamps), n_channels)
        chunks.append(Chunk("1", stamps, values))
    path = write(tmp_path_factory.mktemp("any") / "a.xdf", info, *chunks)
    expected_stamps = np.concatenate([c.stamps for c in chunks] or [np.empty(0)])
    theirs, ours = oracle(path)[1], read_all(path)[1]
    np.testing.assert_array_equal(theirs["time_stamps"], expected_stamps)
    np.testing.assert_array_equal(ours[1], expected_stamps)
    if len(expected_stamps):
        values = np.concatenate([c.values for c in chunks])
        if fmt == "string":
            assert ours[2].tolist() == values.tolist() == theirs["time_series"]
        else:
            assert ours[2].tobytes() == values.tobytes() == theirs["time_series"].tobytes()


def test_strings_may_be_empty_long_and_in_any_script(tmp_path):
    rows = [["", "Ω µV 😀"], ["x" * 70_000, "\n<xml>&amp;"], ["ключ", "\t"]]
    values = np.array(rows, dtype=object)
    path = write(tmp_path / "a.xdf", stream(fmt="string", rate=0.0), Chunk("1", np.arange(3.0), values))
    assert oracle(path)[1]["time_series"] == rows
    assert read_all(path)[1][2].tolist() == rows


def test_a_clock_offset_is_what_pyxdf_adds_to_the_stamps(tmp_path):
    """The time of a measurement is in the sender's clock and its value is added: LSL time = stamp + offset."""
    offsets = [ClockOffset("1", 1000.0 + k, 250.0) for k in range(4)]
    path = write(tmp_path / "a.xdf", stream(), *offsets, ramp(n=300))
    synced = oracle(path, synchronize_clocks=True)[1]
    np.testing.assert_allclose(synced["time_stamps"], 1250.0 + np.arange(300) / 100, atol=1e-9)
    assert synced["clock_times"] == [1000.0, 1001.0, 1002.0, 1003.0]
    assert synced["clock_values"] == [250.0] * 4


def test_footers_say_what_labrecorders_say(tmp_path):
    path = write(
        tmp_path / "a.xdf", stream(), ClockOffset("1", 1.5, -0.25), ramp(n=201), stream("2", name="no samples")
    )
    footer = oracle(path)[1]["footer"]["info"]
    assert float(footer["first_timestamp"][0]) == 1000.0
    assert float(footer["last_timestamp"][0]) == 1002.0
    assert footer["sample_count"] == ["201"]
    assert float(footer["measured_srate"][0]) == pytest.approx(100.0)
    assert footer["clock_offsets"][0]["offset"][0] == {"time": ["1.5"], "value": ["-0.25"]}
    assert oracle(path)[2]["footer"]["info"]["sample_count"] == ["0"]


def test_a_description_is_kept_byte_for_byte(tmp_path):
    xml = (
        '<?xml version="1.0"?>\n<info>\n\t<name>amp</name><type>EEG</type><channel_count>2</channel_count>'
        "<channel_format>float32</channel_format><nominal_srate>100.000</nominal_srate>"
        '<desc><cap name="Ä"><labelscheme>10-20</labelscheme></cap></desc>\n</info>\n'
    )
    path = write(tmp_path / "a.xdf", stream(xml=xml), ramp())
    assert xml.encode() in path.read_bytes()
    assert read_all(path)[1][0].info.xml == xml


def test_a_description_without_a_rate_keeps_its_details(tmp_path):
    xml = (
        "<info><name>amp</name><channel_count>2</channel_count><channel_format>float32</channel_format>"
        "<desc><cap>EASYCAP</cap></desc></info>"
    )
    path = write(tmp_path / "a.xdf", stream(xml=xml), ramp())
    assert oracle(path)[1]["info"]["desc"][0]["cap"] == ["EASYCAP"]
    assert oracle(path)[1]["info"]["nominal_srate"] == ["100.0"]


@pytest.mark.parametrize("xml", ["<info><name>cut", "<info><channel_count>3</channel_count></info>", "no xml"])
def test_a_description_that_does_not_fit_the_samples_is_made_anew(tmp_path, xml):
    path = write(tmp_path / "a.xdf", stream(xml=xml), ramp())
    assert oracle(path)[1]["time_series"].shape == (100, 2)


def test_a_description_that_is_made_says_all_we_know(tmp_path):
    channels = (
        Channel("Fz", "EEG", "microvolts", location_mm=(1.0, 2.5, -3.0)),
        Channel("x<&", "Gaze", "mm", eye="left"),
    )
    info = StreamInfo("1", "n&m", "EEG", "float32", 250.0, channels, source_id="s", hostname="h", uid="u")
    path = write(tmp_path / "a.xdf", info)
    read = read_all(path)[1][0].info
    assert replace(read, xml="") == info
    assert oracle(path)[1]["info"]["name"] == ["n&m"]
    assert stream_xml(read) == stream_xml(info)


def test_boundaries_come_every_ten_seconds_of_data(tmp_path):
    chunks = [ramp(begin=k, n=50) for k in range(0, 3_500, 50)]  # 35 s
    path = write(tmp_path / "a.xdf", stream(), stream("2"), *chunks)
    assert path.read_bytes().count(BOUNDARY) == 3
    assert len(oracle(path)[1]["time_stamps"]) == 3_500


def test_a_file_that_exists_is_left_alone(tmp_path):
    path = tmp_path / "a.xdf"
    path.write_bytes(b"precious")
    with pytest.raises(RtemoError, match="it exists already; give a name that is free"):
        XdfWriter(path)
    assert path.read_bytes() == b"precious"


def test_a_folder_that_is_missing_is_said(tmp_path):
    with pytest.raises(RtemoError, match="No such file or directory"):
        XdfWriter(tmp_path / "no" / "a.xdf")


def test_what_was_flushed_can_be_read_while_the_file_is_open(tmp_path):
    path = tmp_path / "a.xdf"
    writer = XdfWriter(path)
    writer.add_stream(stream())
    writer.write_chunk(ramp(n=150))
    writer.flush()
    assert len(oracle(path)[1]["time_stamps"]) == 150
    writer.close()
    writer.close()
    assert writer.bytes_written == path.stat().st_size


@pytest.mark.parametrize(
    ("fmt", "values"),
    [
        ("float32", np.zeros((3, 2), np.float32)),
        ("float32", np.zeros((4, 3), np.float32)),
        ("float32", np.zeros(4, np.float32)),
        ("string", np.zeros((4, 1), object)),
    ],
)
def test_values_of_another_shape_are_refused_and_leave_no_trace(tmp_path, fmt, values):
    path = tmp_path / "a.xdf"
    with XdfWriter(path) as writer:
        writer.add_stream(stream(fmt=fmt))
        before = writer.bytes_written
        with pytest.raises(ValueError, match="4 stamps"):
            writer.write_chunk(Chunk("1", np.zeros(4), values))
        assert writer.bytes_written == before


def test_values_are_never_rounded_to_integers(tmp_path):
    with XdfWriter(tmp_path / "a.xdf") as writer:
        writer.add_stream(stream(fmt="int16"))
        with pytest.raises(TypeError):
            writer.write_chunk(Chunk("1", np.zeros(1), np.full((1, 2), 0.5)))


def test_a_sample_chunk_has_labrecorders_bytes(tmp_path):
    """[4][length][tag 3][stream id][4][count], then [8][stamp][values] a sample: xdfwriter.cpp, write_data_chunk."""
    path = write(tmp_path / "a.xdf", stream(fmt="int16"), ramp(n=2, fmt="int16"))
    content = b"\x04" + struct.pack("<I", 2)
    content += b"".join(b"\x08" + struct.pack("<dhh", 1000.0 + k / 100, k, k) for k in range(2))
    assert b"\x01" + bytes([len(content) + 6]) + struct.pack("<HI", 3, 1) + content in path.read_bytes()


@pytest.mark.parametrize("name", ["a.xdf", "a & <b>.xdf", "Ärger \x07\udcff.xdf"])
def test_a_file_that_goes_on_from_another_names_it(tmp_path, name):
    with XdfWriter(tmp_path / "a.xdf", "s1", name, 125):
        pass
    text = (tmp_path / "a.xdf").read_bytes()
    found = parse_xml(text[text.index(b"<?xml") : text.index(b"</info>") + 7].decode())
    shown = name.replace("\x07", "?").replace("\udcff", "?")
    assert (found.findtext("continues"), found.findtext("session_id")) == (shown, "s1")
    assert found.find("continues").get("bytes") == "125"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_file_is_for_its_owner_alone(tmp_path):
    with XdfWriter(tmp_path / "a.xdf"):
        assert stat.S_IMODE((tmp_path / "a.xdf").stat().st_mode) == 0o600


def test_a_file_that_is_left_is_cut_where_it_counts_whatever_was_not_written_yet(tmp_path):
    writer = XdfWriter(tmp_path / "a.xdf")
    writer.flush()
    size = writer.bytes_written
    writer.add_stream(stream())
    writer.abandon(size)
    writer.abandon(0)
    assert (tmp_path / "a.xdf").stat().st_size == size


def test_a_file_that_is_cut_while_it_is_written_stays_too_short_and_has_no_hole(tmp_path):
    writer = XdfWriter(tmp_path / "a.xdf")
    writer.add_stream(stream())
    writer.write_chunk(ramp(n=1000))
    writer.flush()
    os.truncate(tmp_path / "a.xdf", 200)
    writer.write_chunk(ramp(begin=1000, n=10))
    writer.flush()
    assert (tmp_path / "a.xdf").stat().st_size < writer.bytes_written
    assert b"\0" * 200 not in (tmp_path / "a.xdf").read_bytes()
    writer.abandon()
