"""Band power of frames with absent samples and channels, line by line from the definition; sizes and scales by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rtemo.core.eeg.band_power import BandPower, band_centres, filter_bank
from rtemo.core.eeg.conditioning import GridBlock
from rtemo.core.eeg.settings import EegSettings
from rtemo.core.eeg.signal import ChannelSizes, masked, referenced, scaled

SETTINGS = EegSettings()


def by_definition(frame, valid, usable):
    """ln PSD in 20 triangular bands from 1 to 48 Hz of a frame (200, C), each sample less the usable ones' mean."""
    taper = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(200) / 200)
    centres = [math.exp(math.log(48.0) * k / 19) for k in range(20)]
    ratio = centres[1] / centres[0]
    mean = []
    for row, came in zip(frame, valid, strict=True):
        taken = row[came & usable]
        mean.append(taken.mean() if len(taken) and usable.sum() >= 3 else 0.0)
    out = np.full((frame.shape[1], 20), np.nan)
    for c in np.flatnonzero(usable):
        weight = taper * valid[:, c]
        values = (frame[:, c] - mean) * weight
        psd = [
            2.0 * abs(np.sum(values * np.exp(-2j * np.pi * line * np.arange(200) / 200))) ** 2
            / (200.0 * np.sum(weight**2))
            for line in range(101)
        ]  # fmt: skip
        for b, centre in enumerate(centres):
            share = []
            for line in range(101):
                reach = max(centre - centre / ratio, 1.0) if line < centre else max(centre * ratio - centre, 1.0)
                share.append(max(1.0 - abs(line - centre) / reach, 0.0) if line else 0.0)
            out[c, b] = math.log(max(np.dot(share, psd) / sum(share), 1e-6))
    return out


@pytest.mark.parametrize(
    ("n_channels", "absent", "unusable"),
    [
        (4, [], []),
        (4, [], [1]),
        (4, [(20, 60, 2)], []),
        (4, [(20, 60, 2), (0, 200, 1)], [1]),
        (4, [(150, 200, 0), (150, 200, 1), (150, 200, 2), (150, 200, 3)], []),
        (4, [], [0, 1]),  # two that are left are not referenced to each other
        (2, [(5, 9, 0)], []),
        (1, [], []),
        (1, [(5, 9, 0)], []),
    ],
)
def test_power_is_what_the_definition_says(n_channels, absent, unusable):
    frame = np.random.default_rng(4).normal(5.0, 12.0, (200, n_channels))
    valid, usable = np.ones((200, n_channels), bool), np.ones(n_channels, bool)
    for begin, end, channel in absent:
        valid[begin:end, channel] = False
        frame[begin:end, channel] = 0.0
    usable[unusable] = False
    found = BandPower(SETTINGS, 1.0)(frame, valid, usable)
    np.testing.assert_allclose(found, by_definition(frame, valid, usable), atol=1e-4)
    assert found.dtype == np.float32


def test_silence_has_the_least_power():
    found = BandPower(SETTINGS, 1.0)(np.zeros((200, 1)), np.ones((200, 1), bool), np.ones(1, bool))
    np.testing.assert_allclose(found, math.log(1e-6), rtol=1e-6)


def test_bands_lie_evenly_on_a_logarithmic_scale_and_average():
    centres = band_centres(SETTINGS)
    assert (len(centres), centres[0], centres[-1]) == (20, pytest.approx(1.0), pytest.approx(48.0))
    np.testing.assert_allclose(np.diff(np.log(centres)), math.log(48.0) / 19)
    bank = filter_bank(SETTINGS, 200)
    assert bank.shape == (20, 101)
    np.testing.assert_allclose(bank.sum(axis=1), 1.0)
    assert bank[0, :3] == pytest.approx([0.0, 1.0, 0.0])  # one bin to either side
    assert filter_bank(SETTINGS, 400).shape == (20, 201)


def sizes_of(*seconds, hz=4.0):
    """The sizes of one channel that has these values in each second, four samples long."""
    sizes = ChannelSizes(1, hz)
    values = np.concatenate([np.full((4, 1), float(one)) for one in seconds])
    sizes.push(GridBlock(100, values, values, np.ones(values.shape, bool), restarted=False))
    return sizes


def test_a_size_is_the_geometric_mean_of_whole_seconds_from_their_end_on():
    sizes = sizes_of(2, 8, 4)
    found = [sizes.at(end)[0] for end in (103, 104, 107, 108, 111, 112, 10_000)]
    assert found == pytest.approx([np.inf, 2.0, 2.0, 4.0, 4.0, 4.0, 4.0])


def test_what_is_absent_counts_as_nothing():
    sizes, values = ChannelSizes(1, 4.0), np.full((4, 1), 6.0)
    sizes.push(GridBlock(0, values, values, np.array([[True], [False], [False], [False]]), restarted=False))
    assert sizes.at(4)[0] == pytest.approx(3.0)  # the root of 36 / 4


def test_sizes_of_half_a_minute_can_be_asked_for():
    sizes = sizes_of(*[1.0] * 40)
    ends = [100 + 4 * k for k in range(1, 41)]
    assert [end for end in ends if np.isfinite(sizes.at(end)).all()] == ends[-32:]


def test_a_quiet_channel_counts_as_a_tenth_of_a_microvolt():
    assert sizes_of(0.01).at(104)[0] == pytest.approx(0.1)
    assert sizes_of(0.2).at(104)[0] == pytest.approx(0.2)


VALUES = np.array([[[1.0, 2.0, 6.0], [4.0, 8.0, 0.0]]], np.float32)  # one window of two samples


@pytest.mark.parametrize(
    ("usable", "expected"),
    [
        ([True, True, True], [[-2.0, -1.0, 3.0], [0.0, 4.0, -4.0]]),
        ([True, True, False], [[-0.5, 0.5, 4.5], [-2.0, 2.0, -6.0]]),
        ([False, False, False], [[1.0, 2.0, 6.0], [4.0, 8.0, 0.0]]),
    ],
)
def test_the_mean_of_the_usable_channels_is_the_reference(usable, expected):
    found = referenced(VALUES, np.array([usable]))
    assert found.tolist() == [expected]
    assert found.dtype == np.float32


def test_a_signal_is_scaled_by_its_channels_sizes_up_to_twenty_of_them():
    found = scaled(np.array([[[1.0, 50.0, -50.0, 1.0]]], np.float32), np.array([[2.0, 2.5, 2.0, 0.01]], np.float32))
    assert found.tolist() == [[[0.5, 20.0, -20.0, pytest.approx(10.0)]]]


def test_what_is_not_usable_is_nothing():
    found = masked(np.array([[[1.0, np.nan], [2.0, 3.0]]], np.float32), np.array([[True, False]]))
    assert found.tolist() == [[[1.0, 0.0], [2.0, 0.0]]]
    assert found.dtype == np.float32
