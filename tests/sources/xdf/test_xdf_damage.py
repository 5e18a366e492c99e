"""Damaged, cut, odd and hostile files: one clear error, or what can be read and a warning; never more memory."""

from __future__ import annotations

import gzip
import os
import random
import struct
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from xdf_build import boundary, drain, header, offset, ramp, raw_file, read_all, read_index, samples, stream, write

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset
from rtemo.sources.xdf.chunks import MAGIC, Tag, chunk_bytes
from rtemo.sources.xdf.file import XdfFile
from rtemo.sources.xdf.source import XdfSource

VALUES = np.arange(20, dtype="<f4").reshape(10, 2)
STAMPS = [100.0 + k / 100 for k in range(10)]


def started(path) -> XdfSource:
    source = XdfSource(path)
    source.start()
    return source


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "it is empty"),
        (b"XD", "not with 'XDF:'"),
        (b"time,Fz,Cz\n0,1,2\n", "it begins with b'time,Fz,Cz"),
        (MAGIC, "4 bytes without a stream's description"),
        (MAGIC + b"\x00" * 50, "breaks off or is damaged at byte 4"),
        (MAGIC + chunk_bytes(Tag.FILE_HEADER, b"<info/>"), "without a stream's description"),
        (b"\x1f\x8b but no gzip", "cannot unpack"),
    ],
)
def test_a_file_that_is_none_is_one_clear_error(tmp_path, content, found):
    path = tmp_path / "a.xdf"
    path.write_bytes(content)
    with pytest.raises(RtemoError) as caught:
        XdfSource(path).start()
    assert found in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.todo


def test_a_missing_path_and_a_folder_are_clear_errors(tmp_path):
    with pytest.raises(RtemoError, match="there is no such file; check the name"):
        XdfSource(tmp_path / "no.xdf").start()
    with pytest.raises(RtemoError, match="it is a folder; give an"):
        XdfSource(tmp_path).start()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a thing of Unix")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.xdf")
    with pytest.raises(RtemoError, match="not a regular file"):
        XdfSource(tmp_path / "pipe.xdf").start()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_clear_error(tmp_path):
    path = write(tmp_path / "a.xdf", stream(), ramp())
    path.chmod(0)
    with pytest.raises(RtemoError, match="Permission denied; check who may read it"):
        XdfSource(path).start()


def test_stamps_that_are_left_out_follow_at_the_nominal_rate(tmp_path):
    path = raw_file(
        tmp_path / "a.xdf",
        header(1),
        samples(1, VALUES, [5.0, *[None] * 9]),
        samples(1, VALUES, [None] * 10),
        samples(1, VALUES, [9.0, None, 9.5, None, None, 9.6, None, 9.7, 9.8, 9.9]),
    )
    found, stamps, values = read_all(path)[1]
    expected = np.concatenate([5 + np.arange(20) / 100, [9.0, 9.01, 9.5, 9.51, 9.52, 9.6, 9.61, 9.7, 9.8, 9.9]])
    np.testing.assert_allclose(stamps, expected, atol=1e-9)
    np.testing.assert_array_equal(values, np.concatenate([VALUES] * 3))
    assert (found.first_s, found.last_s) == (stamps[0], stamps[-1])


def test_a_chunk_of_any_size_is_read_in_blocks(tmp_path):
    n = 60_000
    values = np.arange(2 * n, dtype="<f4").reshape(n, 2)
    stamps = [None if k % 3 else k / 100 for k in range(n)]
    path = raw_file(tmp_path / "a.xdf", header(1), samples(1, values, stamps), samples(1, values, [None] * n))
    _, read_stamps, read = read_all(path)[1]
    np.testing.assert_allclose(read_stamps, np.arange(2 * n) / 100, atol=1e-6)
    np.testing.assert_array_equal(read, np.concatenate([values, values]))


def test_a_string_longer_than_a_block_is_read(tmp_path):
    values = np.array([["x" * 3_000_000], ["y"]], object)
    path = write(tmp_path / "a.xdf", stream(fmt="string", labels=["s"], rate=0.0), Chunk("1", np.arange(2.0), values))
    assert read_all(path)[1][2].tolist() == values.tolist()


def test_a_description_may_lack_almost_everything(tmp_path):
    xml = b"<info><channel_count>3</channel_count><channel_format>int16</channel_format></info>"
    path = raw_file(tmp_path / "a.xdf", chunk_bytes(Tag.STREAM_HEADER, xml, 0))
    info = read_index(path).streams[0].info
    assert (info.stream_id, info.name, info.type, info.hostname, info.source_id) == ("0", "", "", "", "")
    assert info.nominal_rate_hz == 0.0
    assert info.labels == ("", "", "")


def test_channels_are_found_under_every_name_in_use(tmp_path):
    one = "<channel><name>Fp1</name><metatype>EEG</metatype><unit>\xb5V</unit></channel>"
    two = "<channel><label>Fp2</label><location><X>1</X><Y>-2.5</Y><Z>3e1</Z></location><eye>left</eye></channel>"
    for desc in (f"<channels>{one}{two}</channels>", f"{one}{two}"):
        path = raw_file(tmp_path / f"{len(desc)}.xdf", header(1, desc=desc, channels=3))
        first, second, third = read_index(path).streams[0].info.channels
        assert (first.label, first.type, first.unit, first.location_mm) == ("Fp1", "EEG", "\xb5V", None)
        assert (second.label, second.eye, second.location_mm) == ("Fp2", "left", (1.0, -2.5, 30.0))
        assert third.label == ""


@pytest.mark.parametrize("rate", ["", "nan", "-5", "inf", "fast"])
def test_a_rate_that_is_none_counts_as_irregular(tmp_path, rate):
    assert read_index(raw_file(tmp_path / "a.xdf", header(1, rate=rate))).streams[0].info.nominal_rate_hz == 0.0


@pytest.mark.parametrize(
    "xml",
    [
        b"<info><name>cut",
        b"<info><channel_count>2</channel_count><channel_format>float16</channel_format></info>",
        b"<info><channel_count>4000000000</channel_count><channel_format>int8</channel_format></info>",
        b"<info><channel_count>-1</channel_count><channel_format>int8</channel_format></info>",
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><info><name>&a;</name><channel_count>1</channel_count>'
        b"<channel_format>int8</channel_format></info>",
    ],
)
def test_a_stream_that_cannot_be_decoded_is_left_out_and_said(tmp_path, xml):
    bad = chunk_bytes(Tag.STREAM_HEADER, xml, 2)
    path = raw_file(tmp_path / "a.xdf", header(1), bad, samples(1, VALUES, STAMPS), samples(2, VALUES, STAMPS))
    index = read_index(path)
    assert [one.number for one in index.streams] == [1]
    assert any(line.startswith("stream 2 is left out; ") for line in index.warnings)
    assert "stream 2 has no description that can be read: 10 samples left out" in index.warnings
    assert len(read_all(path)[1][1]) == 10


def test_a_stream_described_twice_keeps_its_samples(tmp_path):
    part = samples(1, VALUES, STAMPS)
    index = read_index(raw_file(tmp_path / "a.xdf", header(1), part, header(1, name="again"), part))
    assert (index.streams[0].info.name, index.streams[0].n_samples) == ("amp", 20)
    assert "described twice" in index.warnings[0]


def test_chunks_of_unknown_kinds_are_stepped_over(tmp_path):
    part = samples(1, VALUES, STAMPS)
    path = raw_file(tmp_path / "a.xdf", header(1), chunk_bytes(7, b"vendor" * 9), part, chunk_bytes(99, b""))
    assert not read_index(path).warnings
    assert len(read_all(path)[1][1]) == 10


def test_reading_goes_on_behind_the_next_boundary(tmp_path):
    part = samples(1, VALUES, STAMPS)
    path = raw_file(tmp_path / "a.xdf", header(1), part, b"\x09garbage" * 5, part, boundary(), part, part)
    index = read_index(path)
    assert index.streams[0].n_samples == 30
    assert len(read_all(path)[1][1]) == 30
    first = path.read_bytes().index(b"\x09garbage")
    lost = 40 + len(part) + len(boundary())
    assert index.warnings == (
        f"the file is damaged (1 time, first at byte {first}): {lost} bytes up to the next boundary marks are left out",
    )


@pytest.mark.parametrize("length", [2**60, 2**32 - 1, 3])
def test_a_damaged_length_takes_no_memory_and_loses_no_more_than_to_the_boundary(tmp_path, length):
    part = samples(1, VALUES, STAMPS)
    body = part[2:] if part[0] == 1 else part[5:]
    damaged = b"\x08" + struct.pack("<Q", length) + body
    path = raw_file(tmp_path / "a.xdf", header(1), part, damaged, boundary(), part)
    tracemalloc.start()
    source = started(path)
    given = drain(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(given["1"][0]) == 20
    assert "damaged" in source.warnings[0]
    assert peak < 3e6


@pytest.mark.parametrize("count", [2**32 - 1, 11, 9, 0])
def test_a_damaged_count_is_told_from_the_length(tmp_path, count):
    part = samples(1, VALUES, STAMPS)
    bad = samples(1, VALUES, STAMPS, count=count)
    path = raw_file(tmp_path / "a.xdf", header(1), part, bad, boundary(), part)
    assert len(read_all(path)[1][1]) == 20
    assert read_index(path).warnings


def test_damage_inside_a_chunk_loses_the_rest_of_that_chunk_and_is_counted(tmp_path):
    part = samples(1, VALUES, STAMPS)
    at = part.index(struct.pack("<d", STAMPS[4])) - 1
    path = raw_file(tmp_path / "a.xdf", header(1), part, part[:at] + b"\x05" + part[at + 1 :], part)
    source = started(path)
    stamps, values = drain(source)["1"]
    assert len(stamps) == 24
    np.testing.assert_array_equal(values, np.concatenate([VALUES, VALUES[:4], VALUES]))
    assert "stream 1 has damaged chunks: 6 samples left out" in source.warnings


def test_samples_with_stamps_that_are_no_numbers_are_given_as_a_live_stream_gives_them_and_counted(tmp_path):
    stamps = [*STAMPS[:4], float("nan"), float("inf"), *STAMPS[6:]]
    source = started(raw_file(tmp_path / "a.xdf", header(1), offset(1, 90.0, 1.0), samples(1, VALUES, stamps)))
    np.testing.assert_array_equal(drain(source)["1"][0], stamps)
    assert "stream 1 has stamps that are no numbers: 2 samples not used" in source.warnings


def test_a_cut_chunk_gives_its_whole_samples_and_is_said_once(tmp_path):
    path = write(tmp_path / "a.xdf", stream(), ClockOffset("1", 1.0, 0.0), ramp(n=5000), ramp(begin=5000, n=5000))
    data = path.read_bytes()
    at = data.index(struct.pack("<d", ramp(n=8000).stamps[7999]))
    path.write_bytes(data[: at + 8 + 7])  # within the values of sample 7999
    source = started(path)
    stamps, values = drain(source)["1"]
    np.testing.assert_array_equal(values[:, 0], np.arange(7999))
    np.testing.assert_array_equal(stamps, ramp(n=7999).stamps)
    assert len(source.warnings) == 1
    assert "but for 2999 samples in it" in source.warnings[0]


def test_a_row_too_many_in_a_chunk_of_strings_does_not_shift_the_next_chunk(tmp_path):
    items = [stream(fmt="string", labels=["m"], rate=0.0), ClockOffset("1", 0.0, 0.0)]
    items += [Chunk("1", np.arange(3.0), np.array([["a"], ["b"], ["c"]], object))]
    items += [Chunk("1", np.arange(3.0, 5.0), np.array([["d"], ["e"]], object))]
    path = write(tmp_path / "a.xdf", *items)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\x04\x03\x00\x00\x00\x08", b"\x04\x02\x00\x00\x00\x08"))
    source = started(path)
    assert drain(source)["1"][1][:, 0].tolist() == ["a", "b", "d", "e"]
    assert "stream 1 has damaged chunks: 1 samples left out" in source.warnings


@pytest.mark.parametrize("tag", [Tag.STREAM_HEADER, Tag.STREAM_FOOTER, Tag.FILE_HEADER])
def test_a_description_of_a_gigabyte_is_not_read(tmp_path, tag):
    path = raw_file(tmp_path / "a.xdf", header(1), samples(1, VALUES, STAMPS))
    huge = b"\x08" + struct.pack("<QHI", 90_000_000, tag, 1)
    with path.open("ab") as file:
        file.write(huge)
        file.truncate(file.tell() + 100_000_000)  # a hole: it takes no room on disk
    tracemalloc.start()
    source = started(path)
    given = drain(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(given["1"][0]) == 10
    assert "breaks off or is damaged" in source.warnings[0]
    assert peak < 5e6


@pytest.mark.parametrize("shift", range(-18, 3))
def test_a_boundary_is_found_wherever_it_lies(tmp_path, shift):
    part = samples(1, VALUES, STAMPS)
    start = raw_file(tmp_path / "a.xdf", header(1))
    with start.open("ab") as file:
        file.write(b"\xff" * ((1 << 20) + shift) + boundary() + part)
    assert len(read_all(start)[1][1]) == 10


def valid_file(path) -> bytes:
    values = np.array([["start"], [""], ["stop"]], object)
    items = [stream(), stream("2", fmt="string", rate=0.0, labels=["m"]), stream("3", fmt="int16", labels=["a"] * 5)]
    for k in range(0, 3000, 250):
        items += [ClockOffset("1", 1000 + k / 100, 1e-3), ramp(begin=k, n=250)]
        items += [ramp("3", begin=k // 2, n=125, rate=50.0, channels=5, fmt="int16")]
        items += [Chunk("2", 1000 + k / 100 + np.arange(3.0), values)]
    return write(path, *items).read_bytes()


def survives(path) -> int:
    """Reads a file that may be damaged anywhere. Nothing but an RtemoError may come out. Returns the samples read."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            source = started(path)
            return sum(len(stamps) for stamps, _ in drain(source).values())
        except RtemoError:
            return 0


def test_flipped_bytes_never_break_the_reader_nor_fill_the_memory(tmp_path):
    whole = valid_file(tmp_path / "whole.xdf")
    rng = random.Random(5)
    path = tmp_path / "a.xdf"
    counts = []
    tracemalloc.start()
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 1, 3, 20])):
            data[rng.randrange(4, len(data))] = rng.choice([0, 1, 4, 8, 255, rng.randrange(256)])
        path.write_bytes(data)
        counts.append(survives(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6
    assert sorted(counts)[len(counts) // 4] > 3000  # of some 4500: most of the file outlives most damage


def test_pieces_cut_out_or_put_in_never_break_the_reader(tmp_path):
    whole = valid_file(tmp_path / "whole.xdf")
    rng = random.Random(6)
    path = tmp_path / "a.xdf"
    for _ in range(200):
        at, n = rng.randrange(4, len(whole)), rng.choice([1, 2, 9, 400])
        piece = rng.randbytes(n) if rng.random() < 0.5 else b""
        path.write_bytes(whole[:at] + piece + whole[at + (0 if piece else n) :])
        survives(path)


@pytest.mark.parametrize(
    "pack", [gzip.compress, zlib.compress, lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:])]
)
def test_compressed_recordings_are_read_and_nothing_is_left_behind(tmp_path, monkeypatch, pack):
    plain = write(tmp_path / "a.xdf", stream(), ramp(n=5000))
    packed = tmp_path / "a.xdfz"
    packed.write_bytes(pack(plain.read_bytes()))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    source = started(packed)
    assert len(list(scratch.iterdir())) == 1
    np.testing.assert_array_equal(drain(source)["1"][0], read_all(plain)[1][1])
    assert not list(scratch.iterdir())


def test_a_compressed_file_without_streams_leaves_nothing_behind(tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    for content in (raw_file(tmp_path / "a.xdf").read_bytes(), b"no XDF at all"):
        path = tmp_path / "a.xdfz"
        path.write_bytes(zlib.compress(content))
        with pytest.raises(RtemoError):
            XdfSource(path).start()
        assert not list(scratch.iterdir())


def test_a_cut_compressed_recording_gives_what_is_before_the_cut(tmp_path):
    rng = np.random.default_rng(1)
    noise = Chunk("1", np.arange(20_000) / 100, rng.standard_normal((20_000, 2)).astype(np.float32))
    parts = [Chunk("1", noise.stamps[k : k + 50], noise.values[k : k + 50]) for k in range(0, 20_000, 50)]
    packed = gzip.compress(write(tmp_path / "a.xdf", stream(), *parts).read_bytes())
    path = tmp_path / "a.xdf.gz"
    path.write_bytes(packed[: len(packed) // 2])
    source = started(path)
    stamps, values = drain(source)["1"]
    assert 5_000 < len(stamps) < 15_000
    np.testing.assert_array_equal(values, noise.values[: len(stamps)])
    assert "breaks off" in source.warnings[0]


def test_closing_twice_is_harmless(tmp_path):
    file = XdfFile(write(tmp_path / "a.xdf", stream()))
    file.close()
    file.close()
    assert file.path.exists()
