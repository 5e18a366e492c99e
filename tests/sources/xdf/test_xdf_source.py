"""XdfSource: order, clocks, parts, oddities that are said, and memory that does not grow with the file."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from xdf_build import boundary, drain, header, offset, ramp, raw_file, samples, stream, write

from rtemo.core.errors import RtemoError
from rtemo.core.timing.clock_correction import ClockModel
from rtemo.core.types import Chunk, ClockOffset, StreamNotice
from rtemo.sources.base import Source
from rtemo.sources.xdf.cursor import PIECE_S
from rtemo.sources.xdf.source import XdfSource
from rtemo.sources.xdf.writer import XdfWriter


def started(path, **part) -> XdfSource:
    source = XdfSource(path, **part)
    source.start()
    return source


def timed(source) -> list:
    out = []
    while not source.exhausted:
        out += source.read_timed()
    return out


def chunks(items) -> list:
    return [one for one in items if isinstance(one.item, Chunk)]


def test_it_is_a_source(tmp_path):
    source = XdfSource(write(tmp_path / "a.xdf", stream(), stream("2"), ramp()))
    assert isinstance(source, Source)
    assert [info.stream_id for info in source.start()] == ["1", "2"]
    assert not source.exhausted
    assert source.read(0.0)
    assert source.read(0.0) == []
    assert source.exhausted
    source.stop()
    source.stop()
    assert source.read(1.0) == []


def test_streams_are_merged_by_lsl_time_whatever_their_clocks_and_order_in_the_file(tmp_path):
    """The second stream's clock is 5000 s ahead, and the file holds one stream after the other in long chunks."""
    gaze = ramp("2", n=1200, rate=60.0, start_s=6000.0)
    path = write(
        tmp_path / "a.xdf",
        stream("1"),
        stream("2", kind="Gaze", rate=60.0),
        ramp("1", n=2000),
        ramp("2", n=1200, rate=60.0, start_s=6000.0),
        ClockOffset("1", 1000.0, 50.0),
        ClockOffset("2", 6000.0, -4950.0),
    )
    source = started(path)
    assert (source.first_s, source.last_s) == (1050.0, pytest.approx(1069.99))
    items = timed(source)
    assert [type(one.item) for one in items[:2]] == [ClockOffset, ClockOffset]
    starts = [one.times[0] for one in chunks(items)]
    assert starts == sorted(starts)
    assert max(one.times[-1] - one.times[0] for one in chunks(items)) <= PIECE_S
    stamps = np.concatenate([one.item.stamps for one in chunks(items) if one.item.stream_id == "2"])
    np.testing.assert_array_equal(stamps, gaze.stamps)
    assert source.position_s == source.last_s


def test_times_are_those_that_the_clock_model_gives_live(tmp_path):
    offsets = [ClockOffset("1", 1000.0 + 5 * k, 10.0 + 0.004 * k) for k in range(6)]
    parts = [ramp(begin=k, n=50) for k in range(0, 2500, 50)]
    live, clock = [], ClockModel()
    pending = list(offsets)
    for part in parts:  # as they come live: a measurement, then the samples after it
        while pending and pending[0].time_s <= part.stamps[-1]:
            clock.add(pending.pop(0))
        live.append(clock.to_lsl(part.stamps))
    path = write(tmp_path / "a.xdf", stream(), *parts[:20], *offsets, *parts[20:])
    replayed = np.concatenate([one.times for one in chunks(timed(started(path)))])
    np.testing.assert_array_equal(replayed, np.concatenate(live))


def test_a_part_holds_exactly_the_samples_between_start_and_stop(tmp_path):
    items = [stream("1"), stream("2", fmt="string", rate=0.0, labels=["m"]), ClockOffset("1", 0.0, -100.0)]
    items += [ramp("1", begin=k, n=100) for k in range(0, 6000, 100)]
    items += [Chunk("2", np.array([920.0, 930.0]), np.array([["a"], ["b"]], object))]
    path = write(tmp_path / "a.xdf", *items)
    given = drain(started(path, start_s=20.0, stop_s=30.0))
    np.testing.assert_array_equal(given["1"][0], ramp(begin=2000, n=1000).stamps)
    assert given["2"][1].tolist() == [["a"]]
    assert len(drain(started(path, stop_s=0.5))["1"][0]) == 50
    assert len(drain(started(path, start_s=59.0))["1"][0]) == 100
    np.testing.assert_array_equal(drain(started(path))["1"][0], ramp(n=6000).stamps)


def test_a_part_is_whole_where_stamps_step_back_around_its_ends(tmp_path):
    wide = stream(labels=["x"] * 64)
    second = [ramp(begin=100 * k, n=100, channels=64) for k in range(300)]
    for one, other in ((50, 200), (15, 16), (30, 31)):  # change places: neighbours, and two that lie far apart
        second[one], second[other] = second[other], second[one]
    path = write(tmp_path / "a.xdf", wide, *second)
    whole = np.concatenate([part.stamps for part in second])
    for start_s, stop_s in ((16.0, 31.0), (190.0, 202.0), (45.0, 52.0)):
        given = drain(started(path, start_s=start_s, stop_s=stop_s))["1"][0]
        expected = whole[(whole >= 1000 + start_s) & (whole < 1000 + stop_s)]
        np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize("inner", [1.99 - np.arange(100) * 0.02, np.arange(100) * 0.02])
def test_a_part_is_whole_where_chunks_overlap_in_time(tmp_path, inner):
    parts = [Chunk("1", 1000.0 + k + inner, np.zeros((100, 64), np.float32)) for k in range(100)]
    path = write(tmp_path / "a.xdf", stream(rate=0.0, labels=["x"] * 64), *parts)
    whole = np.concatenate([part.stamps for part in parts])
    source = started(path, start_s=40.5, stop_s=60.5)
    expected = whole[(whole >= source.first_s + 40.5) & (whole < source.first_s + 60.5)]
    np.testing.assert_array_equal(drain(source)["1"][0], expected)


def test_a_part_may_begin_inside_a_long_chunk(tmp_path):
    path = write(tmp_path / "a.xdf", stream(), *[ramp(begin=k, n=6000) for k in range(0, 30_000, 6000)])
    np.testing.assert_array_equal(drain(started(path, start_s=90.0))["1"][0], ramp(begin=9000, n=21_000).stamps)


def test_samples_whose_time_is_not_known_are_given_all_the_same(tmp_path):
    """After a gap of 100 s a measured clock is not known until it is measured again."""
    offsets = [ClockOffset("1", time_s, 5.0) for time_s in (1000.0, 1005.0, 1115.0)]
    path = write(tmp_path / "a.xdf", stream(), *offsets, ramp(n=1000), ramp(n=1000, start_s=1110.0))
    items = chunks(timed(started(path)))
    times = np.concatenate([one.times for one in items])
    assert np.isnan(times).sum() == 500
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(times)), np.arange(1000, 1500))
    assert np.isfinite(np.concatenate([one.elapsed for one in items])).all()


def test_a_late_start_does_not_decode_what_is_before(tmp_path, monkeypatch):
    path = tmp_path / "a.xdf"
    with XdfWriter(path) as writer:
        writer.add_stream(stream(labels=["x"] * 32))
        for k in range(0, 60_000, 500):
            writer.write_chunk(ramp(begin=k, n=500, channels=32))
    whole = drain(started(path))["1"]
    from rtemo.sources.xdf import samples as xdf_samples

    decoded = []
    plain = xdf_samples.decode
    monkeypatch.setattr(xdf_samples, "decode", lambda data, *rest: decoded.append(len(data)) or plain(data, *rest))
    source = started(path, start_s=500.0, stop_s=520.0)
    decoded.clear()
    given = drain(source)["1"]
    np.testing.assert_array_equal(given[0], whole[0][50_000:52_000])
    np.testing.assert_array_equal(given[1], whole[1][50_000:52_000])
    assert 2_000 * 137 <= sum(decoded) < 6_000 * 137


@pytest.mark.parametrize(("start_s", "stop_s"), [(11.0, None), (5.0, 5.0), (5.0, 4.0), (None, 0.0), (None, -3.0)])
def test_a_part_that_holds_nothing_is_refused(tmp_path, start_s, stop_s):
    path = write(tmp_path / "a.xdf", stream(), ramp(n=1000))
    with pytest.raises(RtemoError, match=r"it is 10\.0 s long"):
        started(path, start_s=start_s, stop_s=stop_s)


def test_only_selected_streams_are_read(tmp_path):
    source = started(write(tmp_path / "a.xdf", stream("1"), stream("2"), ramp("1"), ramp("2")))
    source.select({"2"})
    assert set(drain(source)) == {"2"}
    late = started(write(tmp_path / "b.xdf", stream(), *[ramp(begin=k, n=5000) for k in range(0, 100_000, 5000)]))
    late.read(0.0)
    with pytest.raises(ValueError, match="before the first read"):
        late.select({"1"})
    late.stop()


def test_short_chunks_are_joined_and_long_ones_cut(tmp_path):
    singles = [ramp(begin=k, n=1) for k in range(1000)]
    path = write(tmp_path / "a.xdf", stream(), *singles, ramp(begin=1000, n=1000))
    sizes = [len(one.item) for one in chunks(timed(started(path)))]
    assert sum(sizes) == 2000
    assert len(sizes) < 200
    assert max(sizes) <= 26


def test_a_clock_reset_keeps_all_samples_and_is_said(tmp_path):
    """Stamps jump back by 650 000 s: the sender was restarted. Its offsets jump by as much."""
    items = [stream()]
    for k in range(0, 3000, 500):
        items += [ClockOffset("1", 700_000 + k / 100, -1000.0), ramp(begin=k, n=500, start_s=700_000.0)]
    for k in range(0, 3000, 500):
        items += [ClockOffset("1", 50_000 + k / 100, 649_050.0), ramp(begin=k, n=500, start_s=50_000.0)]
    source = started(write(tmp_path / "a.xdf", *items))
    assert (source.first_s, source.last_s) == (699_000.0, 699_050 + 29.99)
    assert any("its clock was reset (1 time)" in line for line in source.warnings)
    times = np.concatenate([one.times for one in chunks(timed(source))])
    expected = np.concatenate([699_000 + np.arange(3000) / 100, 699_050 + np.arange(3000) / 100])
    np.testing.assert_allclose(times, expected, atol=1e-6)


def test_a_part_behind_a_clock_reset_is_found(tmp_path):
    items = [stream(labels=["x"] * 64)]
    for at_s, raw_s in ((0.0, 700_000.0), (100.0, 50_000.0)):
        for k in range(0, 10_000, 500):
            items += [ClockOffset("1", raw_s + k / 100, at_s - raw_s)]
            items += [ramp(begin=k, n=500, start_s=raw_s, channels=64)]
    path = write(tmp_path / "a.xdf", *items)
    np.testing.assert_allclose(
        drain(started(path, start_s=120.0, stop_s=130.0))["1"][0], 50_020 + np.arange(1000) / 100, atol=1e-6
    )
    np.testing.assert_allclose(
        drain(started(path, start_s=20.0, stop_s=30.0))["1"][0], 700_020 + np.arange(1000) / 100, atol=1e-6
    )


def offsets_given(path) -> list[float]:
    return [one.item.offset_s for one in timed(started(path)) if isinstance(one.item, ClockOffset)]


def test_an_offset_that_both_neighbours_contradict_is_left_out(tmp_path):
    values = [5.0, 5.001, 77.0, 5.002, float("nan"), 5.003]
    offsets = [offset(1, 100.0 + k, value) for k, value in enumerate(values)]
    part = samples(1, np.zeros((10, 2), "<f4"), [100 + k / 100 for k in range(10)])
    path = raw_file(tmp_path / "a.xdf", header(1), *offsets, part)
    assert offsets_given(path) == [5.0, 5.001, 5.002, 5.003]
    assert "stream 1 (amp, EEG): 2 of 6 clock offsets cannot be right and are left out" in started(path).warnings


def test_an_offset_stays_where_its_neighbours_do_not_agree(tmp_path):
    values = [5.0, 77.0, 150.0, 150.0]
    path = raw_file(tmp_path / "a.xdf", header(1), *(offset(1, 100.0 + k, value) for k, value in enumerate(values)))
    assert offsets_given(path) == values


def test_a_damaged_last_offset_touches_no_sample_before_it(tmp_path):
    offsets = [ClockOffset("1", 1000.0 + k, 5.0) for k in range(0, 11, 5)] + [ClockOffset("1", 1011.0, -9e5)]
    source = started(write(tmp_path / "a.xdf", stream(), *offsets, ramp(n=1000)))
    times = np.concatenate([one.times for one in chunks(timed(source))])
    np.testing.assert_allclose(times, 1005.0 + np.arange(1000) / 100, atol=1e-9)
    assert any("last clock offset is damaged" in line for line in source.warnings)


def test_what_is_odd_about_a_recording_is_said_in_one_line_each(tmp_path):
    gappy = ramp("2", n=1000, rate=93.0)
    path = write(
        tmp_path / "a.xdf",
        *(stream("1"), stream("2"), stream("3", name="", kind="")),
        *(ClockOffset("1", 1.0, 0.0), ClockOffset("2", 1.0, 0.0), ClockOffset("3", 1.0, 0.0)),
        *(ramp("1", n=1000), gappy),
    )
    assert started(path).warnings == (
        "stream 2 (amp, EEG): 93 samples a second, where it promises 100",
        "stream 3 (no name, no type) has no samples",
    )
    plain = write(tmp_path / "b.xdf", stream(), ramp())
    assert started(plain).warnings == ("stream 1 (amp, EEG) has no clock offsets; its stamps are taken for LSL time",)
    cut = write(tmp_path / "c.xdf", stream(), ClockOffset("1", 1.0, 0.0), ramp(n=50), ramp(begin=50, n=50))
    data = cut.read_bytes()
    cut.write_bytes(data.replace(b"<sample_count>100<", b"<sample_count>130<"))
    assert started(cut).warnings == ("stream 1 (amp, EEG): 100 samples, but its recorder counted 130",)


def test_streams_of_another_clock_are_said_and_still_advance_with_the_others(tmp_path):
    unix_s = 1.7e9
    path = write(
        tmp_path / "a.xdf",
        *(stream("1"), stream("2", name="muse"), stream("3", name="zero")),
        *(ramp("1", n=4000), ramp("2", n=2000, start_s=unix_s), ramp("3", n=2000, start_s=0.0)),
    )
    source = started(path, stop_s=10.0)
    assert (source.first_s, source.last_s) == (1000.0, 1039.99)
    foreign = [line for line in source.warnings if "cannot be joined" in line]
    assert [line.split(" lies")[0] for line in foreign] == ["stream 2 (muse, EEG)", "stream 3 (zero, EEG)"] or [
        line.split(" lies")[0] for line in foreign
    ] == ["stream 3 (zero, EEG)", "stream 2 (muse, EEG)"]
    items = chunks(timed(source))
    starts = [one.elapsed[0] for one in items]
    assert starts == sorted(starts)
    for key in "123":
        assert sum(len(one.item) for one in items if one.item.stream_id == key) == 1000


def test_a_file_larger_than_the_memory_allowed_streams_through(tmp_path):
    """40 MB: 64 channels interleaved with gaze, whose samples lie in one chunk at the end."""
    path = tmp_path / "big.xdf"
    block = np.zeros((500, 64), np.float32)
    with XdfWriter(path) as writer:
        writer.add_stream(stream("1", rate=1000.0, labels=[f"c{k}" for k in range(64)]))
        writer.add_stream(stream("2", rate=120.0, labels=["x"] * 6))
        for k in range(0, 140_000, 500):
            writer.write_chunk(Chunk("1", 1000 + (k + np.arange(500)) / 1000, block))
        writer.write_chunk(Chunk("2", 1000 + np.arange(140 * 120) / 120, np.zeros((140 * 120, 6), np.float32)))
    assert path.stat().st_size > 35e6
    source = XdfSource(path)
    tracemalloc.start()
    source.start()
    n_samples, behind_s = 0, 0.0
    newest = {"1": 1000.0, "2": 1000.0}
    while not source.exhausted:
        for one in chunks(source.read_timed()):
            n_samples += len(one.item)
            newest[one.item.stream_id] = one.times[-1]
            behind_s = max(behind_s, abs(newest["1"] - newest["2"]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_samples == 140_000 + 140 * 120
    assert behind_s < 1.0
    assert peak < 5e6


def test_a_disk_error_is_raised_once_what_was_read_has_been_given(tmp_path, monkeypatch):
    path = write(tmp_path / "a.xdf", stream(), *[ramp(begin=k, n=5000) for k in range(0, 50_000, 5000)])
    from rtemo.sources.xdf import cursor as xdf

    def failing(*args):
        yield from list(plain(*args))[:1]
        raise OSError(5, "Input/output error")

    plain = xdf.read_stream
    monkeypatch.setattr(xdf, "read_stream", failing)
    source = started(path)
    given = source.read(0.0)
    assert sum(len(item) for item in given) == 5000
    with pytest.raises(RtemoError, match="Input/output error; check the disk"):
        source.read(0.0)
    assert source.exhausted


def test_damage_between_chunks_is_skipped_alike_in_both_passes(tmp_path):
    part = [samples(1, np.full((10, 2), k, "<f4"), [100.0 + k + j / 100 for j in range(10)]) for k in range(4)]
    path = raw_file(tmp_path / "a.xdf", header(1), part[0], b"\xff" * 30, part[1], boundary(), part[2], part[3])
    assert drain(started(path))["1"][1][::10, 0].tolist() == [0.0, 2.0, 3.0]


@pytest.mark.parametrize(("factor", "rate"), [(1e3, 100.0), (1e6, 100.0), (1e9, 100.0), (1e3, 0.0)])
def test_stamps_that_are_not_seconds_are_named_and_hold_up_nobody(tmp_path, factor, rate):
    wrong = ramp("1", n=2000)
    wrong = Chunk("1", wrong.stamps * factor, wrong.values)
    path = write(tmp_path / "a.xdf", stream("1", rate=rate), stream("2", kind="Gaze"), wrong, ramp("2", n=2000))
    source = started(path)
    named = [line for line in source.warnings if "stamps are not seconds" in line]
    assert len(named) == 1
    assert f"{factor:.0f} times the {'nominal rate' if rate else 'others'}" in named[0]
    assert (source.first_s, source.last_s) == (1000.0, 1019.99)
    items = timed(source)
    first = next(one.item for one in items if getattr(one.item, "stream_id", "") == "1" and len(one.elapsed))
    assert isinstance(first, StreamNotice)
    assert first.trusted is False
    stamps = np.concatenate([one.item.stamps for one in chunks(items) if one.stream_id == "1"])
    np.testing.assert_array_equal(stamps, wrong.stamps)
    assert max(one.elapsed[-1] for one in chunks(items)) < 20.1


def test_two_takes_of_one_clock_are_one_timeline_however_long_the_pause(tmp_path):
    measured = [ClockOffset(key, 999.0 + k, 0.0) for key in "12" for k in range(3)]
    streams = (stream("1"), stream("2", name="gaze"), *measured)
    later = ramp("2", n=1000, start_s=1100.0)
    source = started(write(tmp_path / "a.xdf", *streams, ramp("1", n=1000), later), start_s=95.0)
    assert (source.first_s, source.last_s) == (1000.0, 1109.99)
    assert source.warnings == ()
    assert len(drain(source)["2"][0]) == 1000
    assert [one.warnings for one in [started(tmp_path / "a.xdf")]] == [()]


@pytest.mark.parametrize("wrong", [0.0, 970.0, 1e18, float("nan")])
@pytest.mark.parametrize("end", [0, -1])
def test_one_wrong_stamp_at_an_end_does_not_move_the_recordings_extent(tmp_path, wrong, end):
    chunk = ramp(n=1000)
    stamps = chunk.stamps.copy()
    stamps[end] = wrong
    path = write(tmp_path / "a.xdf", stream(), ClockOffset("1", 1.0, 0.0), Chunk("1", stamps, chunk.values))
    source = started(path)
    assert source.first_s == pytest.approx(1000.0, abs=0.011)
    assert source.last_s == pytest.approx(1009.99, abs=0.011)


def test_a_disk_error_while_a_file_is_looked_through_is_stated_with_the_file(tmp_path, monkeypatch):
    from rtemo.sources.xdf import source as xdf

    def failing(*_args, **_more):
        raise OSError(5, "Input/output error")

    path = write(tmp_path / "a.xdf", stream(), ramp())
    monkeypatch.setattr(xdf, "open_parts", failing)
    source = XdfSource(path)
    with pytest.raises(RtemoError, match=r"reading .*a\.xdf failed; Input/output error; check the disk"):
        source.start()
    assert source.exhausted
