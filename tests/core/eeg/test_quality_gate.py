"""What the gate names beyond the plain faults: clipping, pops, muscles, gaps, and gaze that cannot be believed."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.eeg.branch import EegFrame
from rtemo.core.eeg.quality import ChannelCheck, ChannelFault, QualitySettings, usable
from rtemo.core.gaze.quality import FROZEN, GAP, GAZE, IMPLAUSIBLE, LOW_VALIDITY, PUPIL, GazeCheck
from rtemo.core.pipeline import channels_named

SETTINGS = QualitySettings()
CHECK = ChannelCheck(SETTINGS, 200.0, 200, 0.75)
TIMES = np.arange(1000) / 1000.0


def channels(n=10):
    raw = np.cumsum(np.random.default_rng(0).normal(0, 1.5, (1000, n)), axis=0)
    return raw - raw.mean(axis=0)


def faults_of(raw):
    frame = raw[::5]
    found = CHECK(raw.astype(np.float32), frame, frame, np.ones(frame.shape, dtype=bool))
    return [ChannelFault(int(fault)) for fault in found]


def test_peaks_that_are_cut_off_are_named_and_a_quantised_wave_is_not():
    raw = channels()
    wave = 400 * np.sin(2 * np.pi * 1.5 * TIMES)
    raw[:, 1] = np.clip(wave + raw[:, 1], -395, 395)
    raw[:, 2] = np.round(wave / 0.5) * 0.5
    found = faults_of(raw)
    assert found[1] in (ChannelFault.CLIPPED, ChannelFault.RAILED)
    assert found[2] not in (ChannelFault.CLIPPED, ChannelFault.RAILED)


def test_a_pop_is_named_and_a_blink_or_strong_noise_is_none():
    raw = channels()
    raw[:, 1] += np.where(TIMES > 0.4, 300 * np.exp(-(TIMES - 0.4) / 0.3), 0.0)
    raw[200:400, 2] += 300 * np.hanning(200)
    raw[:, 3] += 500 * np.sin(2 * np.pi * 3 * TIMES)
    found = faults_of(raw)
    assert found[1] == ChannelFault.POPPING
    assert found[2] == ChannelFault.NONE
    assert found[3] == ChannelFault.NOISY


def test_muscle_noise_is_named_and_strong_alpha_is_not():
    raw, rng = channels(), np.random.default_rng(1)
    raw[:, 1] += 10 * rng.normal(size=1000)
    raw[:, 2] += 60 * np.sin(2 * np.pi * 10 * TIMES)
    found = faults_of(raw)
    assert found[1] == ChannelFault.MUSCLE
    assert found[2] == ChannelFault.NONE


def mains(uv):
    return uv * np.sqrt(2) * np.sin(2 * np.pi * 50 * TIMES[::5])


def head(n=10):
    """What all electrodes see, and a little of their own."""
    random = np.random.default_rng(2)
    common = np.cumsum(random.normal(0, 1.5, (1000, 1)), axis=0)
    raw = common + 0.3 * np.cumsum(random.normal(0, 1.5, (1000, n)), axis=0)
    return raw - raw.mean(axis=0)


def test_mains_as_strong_as_the_signal_are_named_and_the_channel_is_used_as_the_notch_takes_them_out():
    raw = head()
    wide = raw[::5].copy()
    wide[:, 1] += mains(15.0)
    wide[:, 2] += mains(5.0)
    found = CHECK(raw.astype(np.float32), wide, raw[::5], np.ones(wide.shape, dtype=bool))
    assert [ChannelFault(int(fault)) for fault in found[:3]] == [
        ChannelFault.NONE,
        ChannelFault.LINE_NOISE,
        ChannelFault.NONE,
    ]
    assert usable(found).all()


def test_an_electrode_with_mains_that_shows_nothing_of_what_its_neighbours_show_is_loose():
    raw, stranger = head(), channels(1)
    raw[:, 3] = stranger[:, 0]  # without mains: perhaps a reference of its own
    raw[:, 4] = stranger[::-1, 0]
    wide = raw[::5].copy()
    wide[:, 4] += mains(15.0)
    wide[:, 5] += mains(15.0)
    found = CHECK(raw.astype(np.float32), wide, raw[::5], np.ones(wide.shape, dtype=bool))
    assert [ChannelFault(int(fault)) for fault in found[3:6]] == [
        ChannelFault.NONE,
        ChannelFault.LOOSE,
        ChannelFault.LINE_NOISE,
    ]
    assert usable(found).tolist() == [k != 4 for k in range(10)]


def test_a_single_channel_with_mains_is_not_called_loose_for_want_of_neighbours():
    raw = head(1)
    found = CHECK(raw.astype(np.float32), raw[::5] + mains(15.0)[:, None], raw[::5], np.ones((200, 1), dtype=bool))
    assert [ChannelFault(int(fault)) for fault in found] == [ChannelFault.LINE_NOISE]


@pytest.mark.parametrize(
    ("faults", "named"),
    [
        ([0, ChannelFault.POPPING, 0, 0], {"Cz": "electrode pop"}),
        ([0, ChannelFault.NOISY, 0, 0], {}),
        ([ChannelFault.NOISY, ChannelFault.MUSCLE, 0, 0], {"Cz": "muscle noise"}),
        ([ChannelFault.LINE_NOISE, 0, ChannelFault.LINE_NOISE, 0], {"Cz": "line noise"}),
    ],
)
def test_a_window_names_what_half_of_its_frames_have_and_every_pop(faults, named):
    found = [np.array([fault, 0], np.int8) for fault in faults]
    frames = [
        EegFrame(k, np.zeros((2, 3), np.float32), fault, usable(fault), 1.0, 1.0, settled=True, scale=None)
        for k, fault in enumerate(found)
    ]
    assert channels_named(frames, ("Cz", "Pz")) == named


def test_with_most_of_the_cap_at_the_rail_the_rest_is_not_called_noisy():
    raw = channels()
    raw[:, :7] = 5000.0
    raw[300:600, 9] += 250 * np.hanning(300)
    found = CHECK(raw.astype(np.float32), raw[::5] * (np.arange(10) >= 7), raw[::5], np.ones((200, 10), dtype=bool))
    assert list(found[:7]) == [ChannelFault.RAILED] * 7
    assert list(found[7:]) == [ChannelFault.NONE] * 3


HZ = 100.0


def gaze(seconds, seed=0):
    rng = np.random.default_rng(seed)
    n = round(seconds * HZ)
    return np.arange(n) / HZ, np.column_stack([rng.uniform(0.2, 0.8, (n, 4)), rng.normal(3.5, 0.1, (n, 2))])


def gaze_check(millimetres=True):
    return GazeCheck(SETTINGS, rate_hz=HZ, keep_s=4.0, n_ahead=0, millimetres=millimetres)


def test_good_gaze_passes_as_it_is():
    check = gaze_check()
    times, samples = gaze(8)
    assert check.push(times, samples) is samples
    assert check.faults(8.0, 4.0, 0.95) == {}


@pytest.mark.parametrize("size", [1, 7, 90, 800])
def test_repeated_samples_are_taken_out_after_a_second_and_named_whatever_the_cuts(size):
    times, samples = gaze(8)
    samples[400:] = samples[400]
    check = gaze_check()
    out = np.concatenate([check.push(times[i : i + size], samples[i : i + size]) for i in range(0, 800, size)])
    np.testing.assert_array_equal(out[:500], samples[:500])
    assert np.isnan(out[500:]).all()
    assert check.faults(7.99, 4.0, 0.25) == {GAZE: FROZEN}
    assert check.faults(5.5, 4.0, 0.9) == {}


def test_lost_tracking_is_low_validity_and_not_frozen():
    times, samples = gaze(8)
    samples[300:] = np.nan
    check = gaze_check()
    check.push(times, samples)
    assert check.faults(8.0, 4.0, 0.0) == {GAZE: LOW_VALIDITY}


def test_absent_samples_are_a_gap():
    times, samples = gaze(8)
    check = gaze_check()
    check.push(times[:450], samples[:450])
    assert check.faults(8.0, 4.0, 0.1) == {GAZE: GAP}


@pytest.mark.parametrize(("millimetres", "named"), [(True, {PUPIL: IMPLAUSIBLE}), (False, {})])
def test_pupils_of_no_eyes_size_are_taken_out_where_the_unit_is_known(millimetres, named):
    times, samples = gaze(8)
    samples[:, 4:] *= 0.2
    check = gaze_check(millimetres)
    out = check.push(times, samples)
    assert np.isnan(out[:, 4:]).all() == millimetres
    np.testing.assert_array_equal(out[:, :4], samples[:, :4])
    assert check.faults(8.0, 4.0, 0.95) == named
