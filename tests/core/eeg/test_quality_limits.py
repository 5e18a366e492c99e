"""Each limit of signal quality, just below and just above, on waves whose sizes are known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.eeg.quality import (
    _FEW,
    ChannelCheck,
    ChannelFault,
    ChannelMark,
    MarkedChannel,
    QualitySettings,
    _noisy,
    apply_marks,
    extremes_of,
    usable,
)
from rtemo.core.eeg.settings import EegSettings
from rtemo.core.gaze.quality import FROZEN, GAP, GAZE, IMPLAUSIBLE, LOW_VALIDITY, PUPIL, GazeCheck

CHECK = ChannelCheck(QualitySettings(), 200.0, 200, 0.75)
T = np.arange(200) / 200.0  # of the grid
NONE, NOISY = ChannelFault.NONE, ChannelFault.NOISY


def wave(rms_uv, hz=5.0, phase=0.0):
    return rms_uv * np.sqrt(2.0) * np.sin(2 * np.pi * hz * T + phase)


def fault_of(frame, raw=None, wide=None, valid=None, others=()):
    """The fault of the first channel; the others are different waves unless given."""
    frame = np.column_stack([frame, *others])
    raw = frame if raw is None else np.column_stack([raw, *others])
    wide = frame if wide is None else np.column_stack([wide, *others])
    valid = np.ones(frame.shape, dtype=bool) if valid is None else valid
    return ChannelFault(int(CHECK(raw.astype(np.float32), wide, frame, valid)[0]))


@pytest.mark.parametrize(("rms_uv", "fault"), [(0.29, ChannelFault.FLAT), (0.31, NONE), (199.0, NONE), (201.0, NOISY)])
def test_flat_and_noisy_are_limits_of_the_rms(rms_uv, fault):
    assert fault_of(wave(rms_uv, 3.0)) == fault
    assert fault_of(wave(rms_uv, 3.0) + 50.0) == fault  # an offset is no rms


@pytest.mark.parametrize(("n_channels", "rms_uv", "fault"), [(8, 59.0, NONE), (8, 61.0, NOISY), (7, 61.0, NONE)])
def test_in_a_cap_of_eight_six_times_the_median_channel_is_noisy(n_channels, rms_uv, fault):
    others = [wave(10.0, hz) for hz in range(2, 1 + n_channels)]
    assert fault_of(wave(rms_uv, 1.0), others=others) == fault


@pytest.mark.parametrize(("rms_uv", "fault"), [(49.0, NONE), (51.0, NOISY)])
def test_quiet_caps_have_no_noisy_channel_below_fifty_microvolts(rms_uv, fault):
    assert fault_of(wave(rms_uv, 1.0), others=[wave(1.0, hz) for hz in range(2, 9)]) == fault


@pytest.mark.parametrize(("n_flat", "fault"), [(0, NONE), (6, NOISY)])
def test_flat_channels_do_not_make_the_others_noisy(n_flat, fault):
    # of seven other channels some are flat: the median is that of the living ones
    others = [wave(12.0 if n_flat == 0 else 8.0, hz) for hz in range(2, 9 - n_flat)]
    others += [np.zeros(200)] * n_flat
    # with six flat: living are 60 and 8, median 34: 60 is not six times that; so noisy needs more
    limit = {0: 60.0, 6: 201.0}[n_flat]
    assert fault_of(wave(limit, 1.0), others=others) == fault


@pytest.mark.parametrize(("uv", "n_at", "fault"), [
    (151.0, 21, ChannelFault.RAILED), (149.0, 21, NONE), (151.0, 20, NONE), (301.0, 5, ChannelFault.CLIPPED),
    (299.0, 5, NONE), (301.0, 4, NONE), (301.0, 21, ChannelFault.RAILED),
])  # fmt: skip
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_railed_and_clipped_are_shares_of_samples_at_the_extreme(uv, n_at, fault, sign):
    raw = np.linspace(0.0, uv - 1.0, 200)
    raw[200 - n_at :] = uv
    assert fault_of(wave(10.0), raw=sign * raw) == fault


@pytest.mark.parametrize(("offset", "fault"), [(151.0, ChannelFault.RAILED), (149.0, ChannelFault.FLAT)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_channel_that_does_not_move_is_railed_by_its_offset(offset, fault, sign):
    assert fault_of(np.zeros(200), raw=np.full(200, sign * offset)) == fault


@pytest.mark.parametrize(("uv", "fault"), [(9.8, NONE), (10.2, ChannelFault.LINE_NOISE)])
@pytest.mark.parametrize("hz", [50.0, 60.0])
@pytest.mark.parametrize("phase", [0.0, 1.0, 2.5])
def test_mains_are_measured_in_the_signal_before_the_notch(uv, fault, hz, phase):
    alike = wave(10.0) + 0.01 * wave(30.0, 11.0)
    assert fault_of(wave(10.0), wide=wave(10.0) + wave(uv, hz, phase) + 40.0, others=[alike]) == fault


@pytest.mark.parametrize(("share", "fault"), [(0.75, NONE), (0.745, ChannelFault.MISSING)])
def test_a_quarter_of_a_frame_may_be_missing(share, fault):
    valid = np.ones((200, 2), dtype=bool)
    valid[round(200 * share) :, 0] = False
    assert fault_of(wave(10.0), others=[wave(10.0, 7.0)], valid=valid) == fault


@pytest.mark.parametrize(("step_uv", "pops"), [(99.0, False), (101.0, True)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_step_of_a_hundred_microvolts_is_a_pop(step_uv, pops, sign):
    # from 0 to the step, and back by 1 uV a sample
    frame = np.where(T < 0.4, 0.0, np.maximum(step_uv - 200.0 * (T - 0.4), 0.0))
    assert (fault_of(sign * frame) == ChannelFault.POPPING) == pops


def test_a_large_step_among_large_steps_is_no_pop():
    # every tenth step is 110: the rms step is 110 / sqrt(10) = 34.8, and six times that is more
    saw = np.where(np.arange(200) % 20 < 10, 0.0, 110.0)
    assert fault_of(saw) != ChannelFault.POPPING


@pytest.mark.parametrize(("rms_uv", "hz", "fault"), [
    # the fast part of a wave is its rms times 2 sin^2(pi f / 200): at 60 Hz 1.309, at 45 Hz 0.8436
    (4.0 / 1.309 * 1.03, 60.0, ChannelFault.MUSCLE), (4.0 / 1.309 * 0.97, 60.0, NONE),
    (4.0 / 0.8436 * 1.03, 45.0, ChannelFault.MUSCLE), (4.0 / 0.8436 * 0.97, 45.0, NONE),
    # the share of the steps is sin(pi f / 200): 0.64 at 44.2 Hz
    (20.0, 43.7, NONE), (20.0, 44.7, ChannelFault.MUSCLE),
])  # fmt: skip
def test_muscle_noise_is_strong_and_fast(rms_uv, hz, fault):
    assert fault_of(wave(rms_uv, hz), wide=wave(10.0)) == fault


@pytest.mark.parametrize(("apart_uv", "bridged"), [(0.19, True), (0.21, False)])
def test_all_but_the_first_of_channels_that_carry_the_same_are_bridged(apart_uv, bridged):
    frame = np.column_stack([wave(10.0), wave(10.0) + wave(apart_uv, 9.0) + 5.0, wave(10.0, 7.0)])
    found = CHECK(frame.astype(np.float32), frame, frame, np.ones(frame.shape, dtype=bool))
    assert found.tolist() == [0, ChannelFault.BRIDGED if bridged else 0, 0]


def test_channels_that_agree_in_the_samples_that_are_compared_first_are_not_bridged_for_that():
    apart = np.where(np.arange(200) % (200 // _FEW), 5.0, 0.0)
    frame = np.column_stack([wave(10.0), wave(10.0) + apart - apart.mean(), wave(10.0, 7.0)])
    assert not CHECK(frame.astype(np.float32), frame, frame, np.ones(frame.shape, dtype=bool)).any()


@pytest.mark.parametrize(("alike", "fault"), [(0.39, ChannelFault.LOOSE), (0.42, ChannelFault.LINE_NOISE)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_with_mains_a_channel_is_loose_below_a_correlation_of_its_steps(alike, fault, sign):
    # steps of sines of whole periods are orthogonal, so the correlation of the steps is the share by construction
    own, shared = wave(10.0, 8.0), wave(10.0, 5.0)
    size = np.sqrt(1.0 - alike**2) * np.sin(np.pi * 5 / 200) / np.sin(np.pi * 8 / 200)
    frame = sign * alike * shared + size * own
    assert fault_of(frame, wide=frame + wave(15.0, 50.0), others=[shared]) == fault


def test_the_first_fault_in_the_list_is_named():
    flat, railed = np.zeros(200), np.full(200, 5000.0)
    valid = np.ones((200, 2), dtype=bool)
    assert fault_of(flat, raw=railed, others=[wave(5.0)]) == ChannelFault.RAILED
    valid[:100, 0] = False
    assert fault_of(flat, raw=railed, others=[wave(5.0)], valid=valid) == ChannelFault.MISSING


def test_absent_samples_count_neither_for_the_rms_nor_for_the_mains():
    valid = np.ones((200, 2), dtype=bool)
    valid[160:, 0] = False
    spoiled = wave(10.0)
    spoiled[160:] = 1e5
    wide = np.where(valid[:, 0], wave(10.0), 1e5)
    checked = CHECK(
        np.column_stack([wave(10.0), wave(5.0, 7.0)]).astype(np.float32),
        np.column_stack([wide, wave(5.0, 7.0)]),
        np.column_stack([np.where(valid[:, 0], wave(10.0), 0.0), wave(5.0, 7.0)]),
        valid,
    )
    assert checked.tolist() == [0, 0]


# Gaze at 128 Hz, so that times are exact; windows of 4 s are 512 samples.


def gaze(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.arange(n) / 128.0, np.column_stack([rng.uniform(0.2, 0.8, (n, 4)), rng.normal(3.5, 0.1, (n, 2))])


def checked():
    return GazeCheck(QualitySettings(), rate_hz=128.0, keep_s=4.0, n_ahead=0, millimetres=True)


def test_gaze_is_frozen_from_the_sample_on_that_is_a_second_after_the_first_alike():
    times, samples = gaze(1024)
    samples[300:] = samples[300]
    out = checked().push(times, samples)
    assert np.flatnonzero(np.isnan(out).all(axis=1))[0] == 300 + 128
    samples[350, 5] += 1e-9  # a single bit of a pupil
    out = checked().push(times, samples)
    assert np.flatnonzero(np.isnan(out).all(axis=1))[0] == 351 + 128


@pytest.mark.parametrize(("n_frozen", "named"), [(255, {}), (256, {GAZE: FROZEN})])
def test_half_of_a_window_that_is_frozen_is_named(n_frozen, named):
    times, samples = gaze(512)
    begin = 512 - n_frozen - 128
    samples[begin:] = samples[begin]
    check = checked()
    out = check.push(times, samples)
    assert np.isnan(out).all(axis=1).sum() == n_frozen
    assert check.faults(4.0 - 1 / 128, 4.0, 0.9) == named


@pytest.mark.parametrize(("n", "named"), [(256, {}), (255, {GAZE: GAP})])
def test_a_window_with_less_than_half_of_its_samples_is_a_gap(n, named):
    check = checked()
    check.push(*gaze(n))
    assert check.faults(4.0 - 1 / 128, 4.0, 0.9) == named


@pytest.mark.parametrize(("coverage", "named"), [(0.5, {}), (0.499, {GAZE: LOW_VALIDITY})])
def test_less_than_half_of_valid_gaze_is_low_validity(coverage, named):
    check = checked()
    check.push(*gaze(512))
    assert check.faults(4.0 - 1 / 128, 4.0, coverage) == named


def test_only_the_window_is_judged():
    times, samples = gaze(1024)
    samples[:512] = samples[0]
    check = checked()
    check.push(times, samples)
    assert check.faults(8.0 - 1 / 128, 4.0, 0.9) == {}
    assert check.faults(4.0 - 1 / 128, 4.0, 0.9) == {GAZE: FROZEN}


@pytest.mark.parametrize(("size_mm", "believed"), [(1.49, False), (1.5, True), (10.0, True), (10.1, False)])
def test_pupils_of_an_impossible_size_are_left_out(size_mm, believed):
    times, samples = gaze(512)
    samples[:, 4] = size_mm
    check = checked()
    out = check.push(times, samples)
    assert np.isfinite(out[:, 4]).all() == believed
    assert np.isfinite(out[:, 5]).all()
    # one of two pupils: half of the sizes
    assert check.faults(4.0 - 1 / 128, 4.0, 0.9) == ({} if believed else {PUPIL: IMPLAUSIBLE})


def test_less_than_half_of_the_pupils_impossible_is_not_named():
    times, samples = gaze(512)
    samples[1:, 4] = 1.0
    check = checked()
    check.push(times, samples)
    assert check.faults(4.0 - 1 / 128, 4.0, 0.9) == {}
    check = checked()
    check.push(times, np.where(np.arange(6) >= 4, np.nan, samples))
    assert check.faults(4.0 - 1 / 128, 4.0, 0.9) == {}  # without any pupil nothing is wrong with them


def test_what_lies_exactly_at_a_limit_of_noise_is_not_noisy():
    at_floor, at_ratio = np.array([50.0, *[1.0] * 7]), np.array([60.0, *[10.0] * 7])
    assert not _noisy(at_floor, QualitySettings()).any()
    assert not _noisy(at_ratio, QualitySettings()).any()
    assert not _noisy(np.array([200.0]), QualitySettings()).any()
    assert _noisy(np.nextafter(at_floor, np.inf), QualitySettings()).tolist() == [True] + [False] * 7


@pytest.mark.parametrize("pupil", [0, 1])
def test_a_pupil_that_stands_still_while_gaze_is_lost_is_not_frozen_gaze(pupil):
    times, samples = gaze(512)
    samples[:] = np.nan
    samples[:, 4 + pupil] = 3.0
    check = checked()
    out = check.push(times, samples)
    assert (out[:, 4 + pupil] == 3.0).all()
    assert check.faults(4.0 - 1 / 128, 4.0, 0.0) == {GAZE: LOW_VALIDITY}


@pytest.mark.parametrize("column", range(4))
def test_one_coordinate_that_stands_still_with_the_rest_lost_is_frozen(column):
    times, samples = gaze(512)
    samples[:] = np.nan
    samples[:, column] = 0.5
    check = checked()
    check.push(times, samples)
    assert check.faults(4.0 - 1 / 128, 4.0, 0.0) == {GAZE: FROZEN}


@pytest.mark.parametrize(("missing", "fault"), [(49, NONE), (51, ChannelFault.MISSING)])
def test_a_channel_with_three_quarters_of_a_frame_is_used(missing, fault):
    valid = np.ones((200, 1), dtype=bool)
    valid[:missing] = False
    check = ChannelCheck(QualitySettings(), 200.0, 200, EegSettings().min_coverage)
    frame = np.where(valid, wave(20.0)[:, None], 0.0)
    assert check(frame.astype(np.float32), frame, frame, valid).tolist() == [fault]


def test_a_mark_counts_in_frames_that_end_after_it_and_the_last_one_of_a_channel_counts():
    marks = [
        MarkedChannel(10.0, "Fz", ChannelMark.BAD),
        MarkedChannel(10.0, "Cz", ChannelMark.GOOD),
        MarkedChannel(20.0, "Fz", ChannelMark.AUTOMATIC),
    ]
    found = {}
    for end_s in (10.0, 15.0, 25.0):
        fault = np.array([NONE, NOISY, ChannelFault.FLAT], np.int8)
        apply_marks(fault, ("Fz", "Cz", "Pz"), marks, end_s)
        found[end_s] = fault.tolist()
    assert found[10.0] == [NONE, NOISY, ChannelFault.FLAT]
    assert found[15.0] == [ChannelFault.MARKED, NONE, ChannelFault.FLAT]
    assert found[25.0] == [NONE, NONE, ChannelFault.FLAT]


@pytest.mark.parametrize(
    ("uv", "n_at", "fault"),
    [(150.0, 100, NONE), (300.0, 10, NONE), (300.0, 100, ChannelFault.RAILED), (300.5, 10, ChannelFault.CLIPPED)],
)
def test_what_lies_exactly_at_a_limit_of_the_amplifier_is_not_beyond_it(uv, n_at, fault):
    raw = np.linspace(0.0, uv - 1.0, 200)
    raw[200 - n_at :] = uv
    assert fault_of(wave(10.0), raw=raw) == fault


def test_a_channel_that_does_not_move_at_the_very_limit_is_flat():
    assert fault_of(np.zeros(200), raw=np.full(200, 150.0)) == ChannelFault.FLAT


def test_a_step_of_just_a_hundred_microvolts_is_no_pop():
    assert fault_of(np.where(T < 0.5, 0.0, 100.0)) != ChannelFault.POPPING
    assert fault_of(np.where(T < 0.5, 0.0, 100.5)) == ChannelFault.POPPING


@pytest.mark.parametrize(("uv", "fault"), [(2.0, NONE), (2.125, ChannelFault.MUSCLE)])
def test_muscle_noise_begins_above_four_microvolts_of_its_fast_part(uv, fault):
    """One sample up and one down: the second difference is four times that, and half of it counts."""
    saw = np.where(np.arange(200) % 2, uv, -uv)
    assert fault_of(saw, wide=wave(5.0)) == fault


def test_of_three_channels_that_carry_the_same_the_first_is_used():
    frame = np.column_stack([wave(10.0, 7.0), wave(10.0), wave(10.0), wave(10.0)])
    found = CHECK(frame.astype(np.float32), frame, frame, np.ones(frame.shape, dtype=bool))
    assert found.tolist() == [NONE, NONE, ChannelFault.BRIDGED, ChannelFault.BRIDGED]


def test_without_any_raw_sample_there_are_no_extremes():
    low, high = extremes_of(np.empty((0, 2), np.float32))
    assert (np.isnan(low).tolist(), np.isnan(high).tolist()) == ([True, True], [True, True])
    low, high = extremes_of(np.array([[1.0, np.nan], [-2.0, np.nan], [np.nan, np.nan]], np.float32))
    assert (low[0], high[0], np.isnan(low[1]), np.isnan(high[1])) == (-2.0, 1.0, True, True)


@pytest.mark.parametrize(
    ("mark", "before", "after"),
    [
        (ChannelMark.BAD, ChannelFault.GAP, ChannelFault.MARKED),
        (ChannelMark.GOOD, ChannelFault.GAP, ChannelFault.GAP),
        (ChannelMark.GOOD, ChannelFault.MISSING, ChannelFault.MISSING),
        (ChannelMark.GOOD, ChannelFault.RAILED, NONE),
        (ChannelMark.AUTOMATIC, ChannelFault.RAILED, ChannelFault.RAILED),
    ],
)
def test_what_a_mark_makes_of_a_fault(mark, before, after):
    fault = np.array([before], np.int8)
    apply_marks(fault, ("Fz",), [MarkedChannel(1.0, "Fz", mark)], 2.0)
    assert fault.tolist() == [after]


def test_only_channels_without_a_fault_or_with_mains_are_used():
    faults = np.array(list(ChannelFault), np.int8)
    assert [ChannelFault(one) for one in faults[usable(faults)]] == [NONE, ChannelFault.LINE_NOISE]
