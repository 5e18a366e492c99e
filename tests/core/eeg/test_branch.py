"""The EEG branch against SciPy on the whole signal: filters designed and applied here, bands summed line by line."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, iirnotch, sosfilt, sosfilt_zi, tf2sos

from rtemo.core.channel_map import EegChannelMap
from rtemo.core.eeg.branch import EegBranch
from rtemo.core.eeg.quality import ChannelFault, ChannelMark, MarkedChannel
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import WindowSpec
from rtemo.core.windows import Grid

SETTINGS = PipelineSettings()
GRID = Grid.of(WindowSpec(), 200.0)
N_CHANNELS = 4


def branch_of(scale=1.0, latency_s=0.0, n=N_CHANNELS, hz=200.0, columns=None):
    labels = tuple(f"E{k}" for k in range(n))
    channel_map = EegChannelMap(
        columns or tuple(range(n)), labels, np.eye(n, 3, dtype=np.float32), np.full(n, scale), latency_s=latency_s
    )
    return EegBranch(SETTINGS, GRID, channel_map, hz)


def brain(seconds, hz=200.0, seed=0, n=N_CHANNELS):
    """Samples on the grid's own times, of some tens of microvolts with an offset."""
    times = 100.0 + np.arange(round(seconds * hz)) / hz
    rng = np.random.default_rng(seed)
    slow = np.cumsum(rng.normal(0.0, 2.0, (len(times), n)), axis=0)
    return times, slow - slow.mean(axis=0) + rng.normal(0.0, 3.0, (len(times), n)) + 50.0


def by_scipy(uv):
    """Conditioned as the settings say: low-pass of order 6 at 70 Hz, high-pass at 0.5 Hz, notches at 50 and 60 Hz."""
    lowpass = butter(6, 70.0, fs=200.0, output="sos")
    smooth = sosfilt(lowpass, uv, axis=0, zi=sosfilt_zi(lowpass)[:, :, None] * uv[0])[0]
    # the resampler begins with the third sample; the filters behind it are in their steady state there
    smooth = smooth[2:]
    parts = [butter(2, 0.5, "highpass", fs=200.0, output="sos")]
    parts += [tf2sos(*iirnotch(f, 25.0, fs=200.0)) for f in (50.0, 60.0)]
    sos = np.vstack(parts)
    return sosfilt(sos, smooth, axis=0, zi=sosfilt_zi(sos)[:, :, None] * smooth[0])[0]


def bands_of(frame):
    """ln PSD of a frame (200, C) in 20 triangular bands from 1 to 48 Hz, by the definition."""
    frame = frame - frame.mean(axis=1, keepdims=True)
    taper = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(200) / 200)
    centres = [math.exp(math.log(48.0) * k / 19) for k in range(20)]
    ratio = centres[1] / centres[0]
    out = np.empty((frame.shape[1], 20))
    for c in range(frame.shape[1]):
        psd = [
            2.0 * abs(np.sum(frame[:, c] * taper * np.exp(-2j * np.pi * line * np.arange(200) / 200))) ** 2
            / (200.0 * np.sum(taper**2))
            for line in range(101)
        ]  # fmt: skip
        for b, centre in enumerate(centres):
            weights = []
            for line in range(101):
                reach = max(centre - centre / ratio, 1.0) if line < centre else max(centre * ratio - centre, 1.0)
                weights.append(max(1.0 - abs(line - centre) / reach, 0.0) if line else 0.0)
            out[c, b] = math.log(max(np.dot(weights, psd) / sum(weights), 1e-6))
    return out


def test_frames_are_the_same_however_many_are_computed_at_once_and_wherever_the_channels_are():
    times, uv = brain(9.0, n=5)
    uv[700:760, 1] = np.nan  # a channel without samples in some of the frames that come together
    columns = (3, 0, 4, 1)
    whole, pieces, moved = branch_of(columns=columns), branch_of(columns=columns), branch_of()
    whole.push(times, uv)
    moved.push(times, uv[:, columns])
    for begin in range(0, len(times), 37):
        pieces.push(times[begin : begin + 37], uv[begin : begin + 37])
    assert len(whole.frames) > 8
    assert any(frame.fault.any() for frame in whole.frames.values())
    for other in (pieces, moved):
        assert other.frames.keys() == whole.frames.keys()
        for end, frame in whole.frames.items():
            assert other.frames[end].power.tobytes() == frame.power.tobytes()
            assert other.frames[end].fault.tolist() == frame.fault.tolist()


def test_frames_are_what_scipy_makes_of_the_whole_signal():
    times, uv = brain(8.0)
    branch = branch_of()
    for i in range(0, len(times), 37):
        branch.push(times[i : i + 37], uv[i : i + 37].astype(np.float32))
    conditioned = by_scipy(uv.astype(np.float32).astype(np.float64))
    assert min(branch.frames) == 200 * 100 + 50  # the first end of a frame behind the first grid sample
    assert max(branch.frames) == 200 * 107 + 150  # 108 s needs samples up to 108.015 s
    for end in (200 * 103, 200 * 105 + 50, 200 * 107):
        begin = end - 200 - (200 * 100 + 2)
        frame = branch.frames[end]
        np.testing.assert_allclose(frame.power, bands_of(conditioned[begin : begin + 200]), atol=2e-4)
        assert (frame.fault == ChannelFault.NONE).all()
        assert (frame.present, frame.coverage) == (1.0, 1.0)


def test_a_frame_is_settled_once_all_of_it_lies_three_seconds_behind_the_start():
    times, uv = brain(8.0)
    branch = branch_of()
    branch.push(times, uv)
    settled = [end for end, frame in branch.frames.items() if frame.settled]
    # the first grid sample is 100.01 s: frames that begin at 103.01 s or later
    assert min(settled) == 200 * 104 + 50
    assert [end for end in branch.frames if end >= min(settled)] == settled


def test_the_stated_unit_and_the_delay_of_the_device_are_taken_off():
    times, uv = brain(8.0)
    plain, other = branch_of(), branch_of(scale=1000.0, latency_s=0.25)
    plain.push(times, uv)
    other.push(times + 0.25, uv / 1000.0)
    assert plain.frames.keys() == other.frames.keys()
    for end, frame in plain.frames.items():
        np.testing.assert_allclose(other.frames[end].power, frame.power, atol=1e-4)
    assert other.notes == []
    assert other.first_time == pytest.approx(100.0)


def test_an_impossible_unit_is_corrected_once_and_noted():
    times, uv = brain(8.0)
    branch = branch_of()
    branch.push(times, uv / 1e6)
    assert len(branch.notes) == 1
    assert branch.notes[0].endswith("the values are taken as V")
    reference = branch_of()
    reference.push(times, uv)
    np.testing.assert_allclose(branch.frames[200 * 105].power, reference.frames[200 * 105].power, atol=1e-4)


def test_a_first_second_without_any_signal_is_taken_as_microvolts():
    times, uv = brain(8.0)
    branch = branch_of(scale=np.nan)
    branch.push(times, np.where(times[:, None] < 106.0, 0.0, uv))
    assert branch.notes == ["no unit is stated and the first second is flat; the values are taken as microvolts"]
    reference = branch_of()
    reference.push(times, np.where(times[:, None] < 106.0, 0.0, uv))
    np.testing.assert_array_equal(branch.frames[200 * 107].power, reference.frames[200 * 107].power)


def with_hole(begin_s, end_s, seconds=12.0):
    times, uv = brain(seconds)
    kept = (times < begin_s - 1e-6) | (times >= end_s - 1e-6)
    branch = branch_of()
    branch.push(times[kept], uv[kept])
    return branch


def test_a_short_hole_is_bridged_and_its_samples_are_absent():
    branch = with_hole(105.0, 105.2)
    frame = branch.frames[200 * 106]
    assert frame.settled
    # 40 samples of 200, and the grid sample before them: it lies between a sample and an absent one
    assert frame.present == pytest.approx((200 - 40) / 200, abs=0.006)
    assert frame.coverage == frame.present
    assert (frame.fault == ChannelFault.NONE).all()  # three quarters of it are there
    assert np.isfinite(frame.power).all()


@pytest.mark.parametrize("length_s", [0.5, 2.5])
def test_after_a_long_hole_the_filters_start_anew_and_settle_again(length_s):
    branch = with_hole(105.0, 105.0 + length_s)
    ends = [end for end, frame in branch.frames.items() if end >= 200 * 106 and frame.settled]
    first = 105.0 + length_s + 0.01  # the third sample
    assert min(ends) == math.ceil((first + 3.0 + 1.0) * 4) * 50
    hole = branch.frames[21150]  # 104.75 .. 105.75 s: 47 samples before the hole, and 48 after the short one
    assert hole.present == pytest.approx((47 + 48) / 200 if length_s == 0.5 else 47 / 200)
    assert (hole.fault == ChannelFault.GAP).all()
    assert np.isnan(hole.power).all()
    assert hole.coverage == 0.0


def test_the_raw_signal_is_kept_across_a_push_of_any_length():
    times, uv = brain(40.0)
    uv[:, 1] = np.where(np.arange(len(times)) % 200 < 60, 400.0, uv[:, 1])  # at the rail for 30 % of each second
    whole, pieces = branch_of(), branch_of()
    whole.push(times, uv)
    for i in range(0, len(times), 10):
        pieces.push(times[i : i + 10], uv[i : i + 10])
    assert all(frame.fault[1] == ChannelFault.RAILED for end, frame in whole.frames.items() if end > 200 * 102)
    for end, frame in whole.frames.items():
        np.testing.assert_array_equal(pieces.frames[end].power, frame.power)
        np.testing.assert_array_equal(pieces.frames[end].fault, frame.fault)


def test_a_frame_is_measured_by_the_rate_of_its_own_samples_however_far_the_stream_was_read():
    (before, fast), (after, slow) = brain(10.0, hz=250.0), brain(12.0, hz=100.0, seed=1)
    times, uv = np.concatenate([before, after + 10.0]), np.concatenate([fast, slow])
    whole, pieces = branch_of(hz=0.0), branch_of(hz=0.0)
    whole.push(times, uv)
    for i in range(0, len(times), 10):
        pieces.push(times[i : i + 10], uv[i : i + 10])
    assert np.isfinite(whole.frames[200 * 109].power).all()  # at 100 Hz nothing above 40 Hz would be known
    assert np.isnan(whole.frames[200 * 119].power).all(axis=0).any()
    assert whole.frames.keys() == pieces.frames.keys()
    for end, frame in whole.frames.items():
        np.testing.assert_array_equal(pieces.frames[end].power, frame.power)
        np.testing.assert_array_equal(pieces.frames[end].fault, frame.fault)


def test_a_long_frame_has_all_of_its_raw_samples_in_a_push_of_any_length():
    times, uv = brain(60.0)
    uv[:, 1] = np.where(np.arange(len(times)) % 1600 < 200, 400.0, uv[:, 1])
    long = replace(SETTINGS, window=WindowSpec(length_s=8.0, hop_s=0.5, frame_s=8.0))
    branch = EegBranch(long, Grid.of(long.window, 200.0), branch_of().channel_map, 200.0)
    branch.push(times, uv)
    found = [frame.fault for end, frame in branch.frames.items() if end > 200 * 108]
    assert len(found) > 90
    assert all(fault[1] == ChannelFault.RAILED and not fault[[0, 2, 3]].any() for fault in found)


def test_bands_above_what_the_native_rate_can_hold_are_not_measured():
    times, uv = brain(8.0, hz=100.0)
    branch = branch_of(hz=100.0)
    branch.push(times, uv)
    centres = np.geomspace(1.0, 48.0, 20)
    known = np.isfinite(branch.frames[200 * 105].power).all(axis=0)
    np.testing.assert_array_equal(known, centres <= 45.0)


def test_the_display_is_shown_every_conditioned_sample_once():
    times, uv = brain(8.0)
    branch, blocks = branch_of(), []
    branch.tap = blocks.append
    for i in range(0, len(times), 50):
        branch.push(times[i : i + 50], uv[i : i + 50])
    assert blocks[0].first == 200 * 100 + 2
    assert [block.first for block in blocks[1:]] == [block.first + len(block.values) for block in blocks[:-1]]
    np.testing.assert_allclose(np.vstack([block.values for block in blocks]), by_scipy(uv)[:-3], atol=1e-3)


def test_a_frame_that_is_not_complete_is_made_of_what_is_there_and_not_kept():
    times, uv = brain(8.0)
    branch = branch_of()
    branch.push(times[:-100], uv[:-100])  # up to 107.5 s
    partial = branch.frame_at(200 * 108)
    assert partial is not None
    assert partial.present == pytest.approx(97 / 200)
    assert 200 * 108 not in branch.frames
    assert branch.frame_at(200 * 109) is None  # begins after all that is there
    assert branch.frame_at(200 * 100) is None  # before the first
    assert branch.frame_at(200 * 105) is branch.frames[200 * 105]


def test_old_frames_are_forgotten():
    times, uv = brain(8.0)
    branch = branch_of()
    branch.push(times, uv)
    branch.forget_before(200 * 106)
    assert sorted(branch.frames) == list(range(200 * 106, 200 * 107 + 151, 50))


def test_a_frame_may_lie_wholly_behind_what_is_there_and_no_further():
    times, uv = brain(8.0)
    branch = branch_of()
    assert (branch.watermark, branch.first_time, branch.frame_at(0)) == (None, None, None)
    branch.push(times[:-100], uv[:-100])
    assert branch.watermark == 200 * 107 + 97  # up to the third last sample
    frame = branch.frame_at(branch.watermark + 200)
    assert (frame.present, frame.coverage, frame.usable.any()) == (0.0, 0.0, False)
    assert branch.frame_at(branch.watermark + 201) is None
    assert branch.frame_at(200 * 107 + 50).end == 200 * 107 + 50


def test_windows_that_were_given_out_keep_their_frames():
    times, uv = brain(12.0)
    branch = branch_of()
    branch.leave_out(99.0)  # nothing was given out yet
    assert branch.frames == {}
    branch.push(times[:1500], uv[:1500])  # up to 107.5 s
    branch.leave_out(108.0)
    assert max(branch.frames) == 200 * 108
    before = branch.frames[200 * 108]
    assert before.present == pytest.approx(97 / 200)
    branch.push(times[1500:], uv[1500:])
    assert branch.frames[200 * 108] is before
    assert branch.frames[200 * 110].present == 1.0


def test_frames_that_are_given_out_far_ahead_end_where_nothing_is_left_of_the_samples():
    times, uv = brain(8.0)
    branch = branch_of()
    branch.push(times[:-100], uv[:-100])
    branch.leave_out(1000.0)
    assert max(branch.frames) == 200 * 108 + 50  # 97 samples behind 107 s, and one second


def test_frames_keep_their_signal_where_a_model_takes_it():
    times, uv = brain(8.0)
    uv[1400:1410, 1] = np.nan
    labels = tuple(f"E{k}" for k in range(N_CHANNELS))
    places = np.eye(N_CHANNELS, 3, dtype=np.float32)
    branch = EegBranch(
        SETTINGS, GRID, EegChannelMap(tuple(range(N_CHANNELS)), labels, places, np.ones(N_CHANNELS)), 200.0, signal=True
    )
    branch.push(times, uv)
    conditioned = by_scipy(np.where(np.isnan(uv), 0.0, uv))
    end = 200 * 105
    frame = branch.frames[end]
    begin = end - 200 - (200 * 100 + 2)
    np.testing.assert_allclose(frame.signal, conditioned[begin : begin + 200], atol=1e-3)
    seconds = conditioned[: end - (200 * 100 + 2)][: 4 * 200].reshape(4, 200, N_CHANNELS)  # the first grid sample on
    expected = np.exp(np.log(np.sqrt(np.mean(seconds**2, axis=1))).mean(axis=0))
    np.testing.assert_allclose(frame.size, expected, rtol=1e-4)
    assert (frame.signal.dtype, frame.size.dtype) == (np.float32, np.float32)
    absent = branch.frames[200 * 107 + 100].signal[:, 1] == 0.0
    assert np.count_nonzero(absent) in (10, 11)  # what lies between a sample and an absent one is absent too


def test_without_such_a_model_frames_keep_none():
    times, uv = brain(4.0)
    branch = branch_of()
    branch.push(times, uv)
    assert {(frame.signal, frame.size) for frame in branch.frames.values()} == {(None, None)}


def test_channels_that_were_marked_count_as_that_in_frames_that_end_later():
    times, uv = brain(8.0)
    branch = branch_of()
    branch.marks = [MarkedChannel(105.0, "E1", ChannelMark.BAD)]
    branch.push(times, uv)
    assert branch.frames[200 * 105].fault.tolist() == [0, 0, 0, 0]
    later = branch.frames[200 * 105 + 50]
    assert later.fault.tolist() == [0, ChannelFault.MARKED, 0, 0]
    assert later.usable.tolist() == [True, False, True, True]
    assert np.isnan(later.power[1]).all()
    assert later.coverage == 1.0


def test_coverage_is_of_the_samples_of_usable_channels():
    times, uv = brain(8.0)
    uv[1100:1200, 2] = np.nan  # half of the frame that ends at 106 s
    branch = branch_of()
    branch.push(times, uv)
    frame = branch.frames[200 * 106]
    assert frame.fault.tolist() == [0, 0, ChannelFault.MISSING, 0]
    assert frame.present == pytest.approx(1.0 - 0.5 / 4, abs=0.004)
    assert frame.coverage == 1.0


def test_a_stream_that_turns_out_faster_than_it_is_said_to_be_loses_no_raw_sample():
    """Announced as 100 Hz, and of 400: a channel at the rail for 30 % of each second is named in every frame."""
    times, uv = brain(20.0, hz=400.0)
    uv[:, 1] = np.where(np.arange(len(times)) % 400 < 120, 400.0, uv[:, 1])
    branch = branch_of(hz=100.0)
    for i in range(0, len(times), 40):
        branch.push(times[i : i + 40], uv[i : i + 40])
    found = [frame.fault[1] for end, frame in branch.frames.items() if end > 200 * 108]
    assert len(found) > 40
    assert set(found) == {ChannelFault.RAILED}


def learnt_of(branch):
    """When the branch's learner is given a frame, and which values of it are known."""
    learnt, at = [], []
    branch.learner.learn = lambda end, power, known: learnt.append((end, power, known))
    branch.learner.at = at.append
    return learnt, at


def test_settled_frames_of_whole_seconds_are_learnt_from():
    times, uv = brain(9.0)
    uv[:, 1] = 0.0
    branch = branch_of()
    learnt, at = learnt_of(branch)
    branch.push(times, uv)
    assert [end for end, *_ in learnt] == [200 * second for second in (105, 106, 107, 108)]
    assert at == sorted(branch.frames)
    for end, power, known in learnt:
        assert power is branch.frames[end].power
        np.testing.assert_array_equal(known, np.isfinite(power))
        assert known.any(axis=1).tolist() == [True, False, True, True]


def test_a_hole_teaches_nothing():
    times, uv = brain(14.0)
    kept = (times < 106.5) | (times >= 109.5)
    branch = branch_of()
    learnt, _ = learnt_of(branch)
    branch.push(times[kept], uv[kept])
    assert 200 * 107 in branch.frames
    assert [end for end, *_ in learnt] == [200 * 105, 200 * 106]  # it is not settled again before 113.51 s
    assert branch.frames[200 * 113 + 150].settled


def test_a_unit_is_decided_once():
    times, uv = brain(8.0)
    branch = branch_of(scale=np.nan)
    branch.push(times[:400], uv[:400] / 1e6)  # volts
    branch.push(times[400:], uv[400:])  # nobody would believe these as volts
    assert len(branch.notes) == 1
    assert (branch.frames[200 * 105].fault != ChannelFault.NONE).all()
