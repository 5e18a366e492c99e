"""What is computed from one frame: band power, channel faults; and where frames and windows lie."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from rtemo.core.eeg.band_power import BandPower, band_centres, filter_bank
from rtemo.core.eeg.quality import ChannelCheck, ChannelFault, QualitySettings, extremes_of
from rtemo.core.eeg.settings import EegSettings
from rtemo.core.errors import RtemoError
from rtemo.core.row_buffer import RowBuffer
from rtemo.core.types import WindowSpec
from rtemo.core.windows import Grid

SETTINGS = EegSettings()
POWER = BandPower(SETTINGS, 1.0)
RNG = np.random.default_rng(0)


def power_of(frame, valid=None, usable=None):
    valid = np.ones(frame.shape, dtype=bool) if valid is None else valid
    usable = np.ones(frame.shape[1], dtype=bool) if usable is None else usable
    return POWER(frame, valid, usable)


def test_white_noise_has_its_own_density_in_every_band():
    # variance 1 uV^2 over 100 Hz: 0.01 uV^2/Hz
    densities = [np.exp(power_of(RNG.normal(0, 1, (200, 2)))) for _ in range(400)]
    np.testing.assert_allclose(np.mean(densities, axis=(0, 1)), 0.01, rtol=0.15)


@pytest.mark.parametrize("frequency", [1.0, 4.0, 10.0, 22.0, 45.0])
def test_a_tone_lands_in_its_band(frequency):
    t = np.arange(200) / 200.0
    tone = np.stack([np.sin(2 * np.pi * frequency * t), np.zeros(200)], axis=1)
    found = band_centres(SETTINGS)[np.argmax(power_of(tone)[0])]
    assert abs(np.log(found / frequency)) < np.log(1.3)


@pytest.mark.parametrize("n_channels", [1, 2, 5, 33])
def test_frames_that_are_looked_at_together_are_to_the_last_bit_what_each_is_alone(n_channels):
    """Overlapping ones, as a stream's are, each with channels and faults of its own."""
    random = np.random.default_rng(n_channels)
    t = np.arange(400)[:, None] / 200.0
    rows = 14.0 * np.sin(2 * np.pi * (t * random.uniform(5, 9, n_channels) + random.random(n_channels)))
    rows += random.normal(0, 0.5, rows.shape)
    rows[:60] *= 30.0  # too loud in the first frames
    rows[220:, :2] = rows[220:, :1]  # bridged in the last ones
    rows[280:, -1:] += 40.0 * np.sin(2 * np.pi * 50.0 * t[280:])
    frames = sliding_window_view(rows, 200, axis=0)[::50].swapaxes(1, 2)
    valid, raw = np.ones(frames.shape, dtype=bool), [frame.astype(np.float32) for frame in frames]
    check = ChannelCheck(QualitySettings(), 200.0, 200, 0.75)
    lows, highs = (np.stack(some) for some in zip(*map(extremes_of, raw), strict=True))
    faults = check.each(raw, frames, frames, valid, (lows, highs))
    assert len(set(faults.ravel().tolist())) > 1
    alone = [check(one, frame, frame, valid[0]) for one, frame in zip(raw, frames, strict=True)]
    np.testing.assert_array_equal(faults, alone)
    used = random.random((len(frames), n_channels)) < 0.7
    used[0] = True
    each = [POWER(frame, valid[0], some) for frame, some in zip(frames, used, strict=True)]
    power = POWER.each(frames, valid, used)
    assert power.tobytes() == np.stack(each).tobytes()
    np.testing.assert_array_equal(POWER.each(np.where(used[:, None], frames, 7e5), valid, used), power)


def test_every_band_averages_and_none_is_empty_or_takes_dc():
    bank = filter_bank(SETTINGS, 200)
    assert bank.shape == (20, 101)
    np.testing.assert_allclose(bank.sum(axis=1), 1.0)
    assert not bank[:, 0].any()


def test_the_average_of_the_usable_channels_is_the_reference():
    frame = RNG.normal(0, 10, (200, 5)) + 50 * RNG.normal(0, 1, (200, 1))
    frame[:, 4] = 1e6 * RNG.normal(0, 1, 200)
    usable = np.array([True, True, True, True, False])
    shared = frame.copy()
    shared[:, :4] -= frame[:, :4].mean(axis=1, keepdims=True)
    got = power_of(frame, usable=usable)
    np.testing.assert_allclose(got[:4], power_of(shared, usable=usable)[:4], atol=1e-5)
    assert np.isnan(got[4]).all()


def test_two_channels_are_not_referenced_to_each_other():
    frame = RNG.normal(0, 10, (200, 2))
    np.testing.assert_array_equal(power_of(frame)[0], power_of(frame[:, :1])[0])


def test_absent_samples_do_not_lower_the_power():
    frame = RNG.normal(0, 1, (200, 3))
    valid = np.ones((200, 3), dtype=bool)
    valid[:40] = False
    difference = power_of(frame, valid=valid) - power_of(frame)
    assert abs(np.mean(difference)) < 0.3
    frame[:40] = 1e9
    np.testing.assert_array_equal(power_of(frame, valid=valid), power_of(np.where(valid, frame, 1e9), valid=valid))


CHECK = ChannelCheck(QualitySettings(), 200.0, 200, 0.75)


def frame_faults(raw, frame=None, valid=None, wide=None):
    frame = raw[:: len(raw) // 200][:200] if frame is None else frame
    valid = np.ones(frame.shape, dtype=bool) if valid is None else valid
    found = CHECK(raw.astype(np.float32), frame.astype(float) if wide is None else wide, frame.astype(float), valid)
    return [ChannelFault(int(f)) for f in found]


def scalp(n=1000, channels=10):
    return np.cumsum(RNG.normal(0, 1.5, (n, channels)), axis=0)


def test_clean_channels_have_no_fault():
    raw = scalp()
    assert frame_faults(raw - raw.mean(axis=0)) == [ChannelFault.NONE] * 10


def test_each_fault_is_named():
    raw = scalp()
    raw -= raw.mean(axis=0)
    frame = raw[::5].copy()
    raw[:, 1], frame[:, 1] = 7.0, 0.0
    raw[300:, 2] = 1000.0
    raw[:, 3], frame[:, 3] = -165_000.0, 0.0
    wide = frame.copy()
    wide[:, 4] += 400 * np.sin(2 * np.pi * 50 * np.arange(200) / 200)
    frame[:, 5] += 500 * np.sin(2 * np.pi * 3 * np.arange(200) / 200)
    raw[:, 7], frame[:, 7] = raw[:, 6], frame[:, 6]
    valid = np.ones(frame.shape, dtype=bool)
    valid[:100, 8] = False
    assert frame_faults(raw, frame, valid, wide) == [
        ChannelFault.NONE, ChannelFault.FLAT, ChannelFault.RAILED, ChannelFault.RAILED, ChannelFault.LOOSE,
        ChannelFault.NOISY, ChannelFault.NONE, ChannelFault.BRIDGED, ChannelFault.MISSING, ChannelFault.NONE,
    ]  # fmt: skip


def test_a_blink_is_not_a_fault():
    raw = scalp()
    raw -= raw.mean(axis=0)
    raw[300:600, 0] += 250 * np.hanning(300)
    assert frame_faults(raw)[0] == ChannelFault.NONE


def test_quality_takes_a_frame_without_raw_samples():
    assert (
        frame_faults(np.zeros((0, 2)), np.zeros((200, 2)), np.zeros((200, 2), dtype=bool)) == [ChannelFault.MISSING] * 2
    )


GRID = Grid.of(WindowSpec(), 200.0)


@pytest.mark.parametrize("index", [0, 1, 50, 123_457, 10**9, 340_000_000_123])
def test_a_time_on_the_grid_is_found_again(index):
    assert GRID.at_or_before(GRID.seconds(index)) == index
    assert GRID.at_or_after(GRID.seconds(index)) == index
    assert GRID.at_or_after(np.nextafter(GRID.seconds(index), np.inf)) == index + 1
    assert GRID.at_or_before(np.nextafter(GRID.seconds(index), -np.inf)) == index - 1


def test_multiples_and_frames():
    assert (GRID.length, GRID.hop, GRID.frame, GRID.step) == (800, 50, 200, 50)
    assert GRID.at_or_after(0.26, 50) == 100
    assert GRID.at_or_before(0.26, 50) == 50
    assert GRID.frames_of(1000) == (400, 600, 800, 1000)
    assert Grid.of(WindowSpec(hop_s=2.0), 200.0).step == 200


@pytest.mark.parametrize("hop", [0.0, -0.25, 0.003, 0.3, 1.5, float("nan"), float("inf")])
def test_a_hop_that_does_not_fit_is_refused(hop):
    with pytest.raises(RtemoError, match="hop"):
        Grid.of(WindowSpec(hop_s=hop), 200.0)


@pytest.mark.parametrize("sizes", [[1] * 50, [3, 0, 7, 40], [100], [9, 41, 2]])
def test_a_tape_keeps_the_newest_rows(sizes):
    tape = RowBuffer(1, 10, np.float64)
    rows = np.arange(sum(sizes), dtype=float)[:, None]
    done = 0
    for size in sizes:
        tape.append(rows[done : done + size])
        done += size
        kept = min(done, 10)
        assert tape.stop == done
        np.testing.assert_array_equal(tape.slice(done - kept, done), rows[done - kept : done])
    assert tape.start <= max(done - 10, 0)
    assert tape.slice(-100, 10**6)[0, 0] == tape.start
    tape.clear(500)
    tape.append(rows[:2])
    np.testing.assert_array_equal(tape.slice(500, 502), rows[:2])
