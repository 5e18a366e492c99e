"""The numbers that decide what a window holds: a bundle is trained with them, so a change must be meant.

Each has its source where it stands (rtemo/core/*/settings.py, quality.py, normaliser.py, features.py); here they are
written down a second time, so that no slip of the hand goes unseen.
"""

import hashlib
import json
import math
import re

import numpy as np
import pytest

from rtemo.core.eeg.band_power import filter_bank
from rtemo.core.eeg.conditioning import anti_aliasing, grid_filter
from rtemo.core.errors import RtemoError
from rtemo.core.filters import steady_state
from rtemo.core.gaze.features import GAZE_FEATURES, PUPIL_BANDS_HZ, PUPIL_FLOOR
from rtemo.core.gaze.pupil import PupilGrid
from rtemo.core.settings import PipelineSettings

DEFAULTS = {
    "window": {"length_s": 4.0, "hop_s": 0.25, "frame_s": 1.0},
    "eeg": {
        "grid_hz": 200.0,
        "highpass_hz": 0.5,
        "lowpass_hz": 70.0,
        "lowpass_order": 6,
        "notch_hz": (50.0, 60.0),
        "notch_q": 25.0,
        "band_low_hz": 1.0,
        "band_high_hz": 48.0,
        "n_bands": 20,
        "min_coverage": 0.75,
        "fill_s": 0.25,
        "settle_s": 3.0,
    },
    "quality": {
        "flat_uv": 0.3,
        "railed_share": 0.1,
        "railed_uv": 150.0,
        "line_uv": 10.0,
        "loose_correlation": 0.4,
        "noisy_uv": 200.0,
        "noisy_ratio": 6.0,
        "noisy_floor_uv": 50.0,
        "bridged_uv": 0.2,
        "clipped_share": 0.02,
        "clipped_uv": 300.0,
        "pop_uv": 100.0,
        "pop_ratio": 6.0,
        "muscle_uv": 4.0,
        "muscle_ratio": 0.64,
        "frozen_s": 1.0,
        "gaze_validity": 0.5,
        "gaze_fault_share": 0.5,
        "pupil_low_mm": 1.5,
        "pupil_high_mm": 10.0,
    },
    "gaze": {
        "velocity_window_s": 0.02,
        "velocity_rate_hz": 80.0,
        "saccade_velocity_deg_s": 30.0,
        "noise_factor": 6.0,
        "max_threshold_deg_s": 200.0,
        "noise_memory_s": 8.0,
        "noise_update_s": 0.5,
        "dispersion_deg": 1.0,
        "dispersion_noise_factor": 9.0,
        "dispersion_window_s": 0.1,
        "min_fixation_s": 0.06,
        "min_saccade_s": 0.01,
        "max_saccade_s": 0.2,
        "min_amplitude_deg": 0.5,
        "merge_gap_s": 0.075,
        "edge_s": 0.02,
        "glissade_s": 0.03,
        "min_blink_s": 0.05,
        "max_blink_s": 0.5,
        "pupil_hz": 10.0,
        "pupil_pad_s": 0.1,
        "pupil_buffer_s": 20.0,
        "pupil_min_share": 0.5,
        "pupil_min_bins": 5,
        "statistics_s": 60.0,
        "min_observed_s": 10.0,
    },
    "normaliser": {
        "baseline_s": 120.0,
        "half_life_s": 1200.0,
        "prior_weight_s": 10.0,
        "ready_s": 20.0,
        "clip": 6.0,
        "outlier": 3.0,
        "rest_min_s": 20.0,
        "rest_max_s": 600.0,
        "notice_s": 2.0,
        "freeze_z": 2.5,
        "freeze_share": 0.5,
    },
    "eeg_prior_level": 3.4,
    "eeg_prior_slope": 1.3,
    "eeg_prior_scale": 1.0,
    "format": 1,
}

# name, unit, column in SEED-VII's release, mean and standard deviation over people
FEATURES = (
    ("pupil_left_mean", "mm", 8, 3.5, 0.8),
    ("pupil_right_mean", "mm", 10, 3.5, 0.8),
    ("pupil_left_std", "mm", 9, 0.1, 0.06),
    ("pupil_right_std", "mm", 11, 0.1, 0.06),
    ("pupil_left_de_0_0.2_hz", "nat", 0, -1.0, 0.8),
    ("pupil_left_de_0.2_0.4_hz", "nat", 1, -1.7, 0.8),
    ("pupil_left_de_0.4_0.6_hz", "nat", 2, -2.1, 0.8),
    ("pupil_left_de_0.6_1_hz", "nat", 3, -2.2, 0.8),
    ("pupil_right_de_0_0.2_hz", "nat", 4, -1.0, 0.8),
    ("pupil_right_de_0.2_0.4_hz", "nat", 5, -1.7, 0.8),
    ("pupil_right_de_0.4_0.6_hz", "nat", 6, -2.1, 0.8),
    ("pupil_right_de_0.6_1_hz", "nat", 7, -2.2, 0.8),
    ("dispersion_x_mean", "deg", 14, 0.4, 0.3),
    ("dispersion_y_mean", "deg", 15, 0.4, 0.3),
    ("dispersion_x_std", "deg", 16, 0.25, 0.25),
    ("dispersion_y_std", "deg", 17, 0.25, 0.25),
    ("fixation_duration_mean", "ms", 12, 320.0, 150.0),
    ("fixation_duration_std", "ms", 13, 180.0, 120.0),
    ("saccade_duration_mean", "ms", 18, 38.0, 12.0),
    ("saccade_amplitude_mean", "deg", 20, 4.5, 2.5),
    ("saccade_duration_std", "ms", 19, 12.0, 8.0),
    ("saccade_amplitude_std", "deg", 21, 3.3, 2.0),
    ("blink_frequency", "1/s", 24, 0.25, 0.2),
    ("fixation_frequency", "1/s", 25, 2.7, 0.8),
    ("fixation_duration_max", "ms", 26, 1200.0, 600.0),
    ("fixation_dispersion_total", "deg/min", 28, 120.0, 80.0),
    ("fixation_dispersion_max", "deg", 27, 2.5, 1.5),
    ("saccade_frequency", "1/s", 29, 2.5, 0.8),
    ("saccade_duration_average", "ms", 30, 38.0, 10.0),
    ("saccade_amplitude_average", "deg", 31, 4.5, 2.0),
    ("saccade_latency_average", "ms", 32, 360.0, 150.0),
    ("blink_duration_mean", "ms", 22, 170.0, 60.0),
    ("blink_duration_std", "ms", 23, 50.0, 35.0),
)


def test_the_settings_of_the_pipeline_are_these():
    assert PipelineSettings().to_dict() == DEFAULTS


def test_the_features_of_gaze_and_what_is_usual_of_them_are_these():
    assert tuple((f.name, f.unit, f.seed_vii_column, f.typical, f.spread) for f in GAZE_FEATURES) == FEATURES
    assert PUPIL_BANDS_HZ == ((0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 1.0))
    assert PUPIL_FLOOR == 1e-8


def test_settings_are_read_back_and_the_hop_alone_does_not_count():
    settings = PipelineSettings()
    assert PipelineSettings.from_dict(settings.to_dict()) == settings
    other = settings.with_hop(0.1)
    assert other.window.hop_s == 0.1
    assert (other.window.length_s, other.eeg) == (4.0, settings.eeg)
    assert other.fingerprint == settings.fingerprint
    changed = PipelineSettings.from_dict({**settings.to_dict(), "eeg_prior_level": 3.5})
    assert changed.fingerprint != settings.fingerprint
    plain = settings.to_dict()
    del plain["window"]["hop_s"]
    assert settings.fingerprint == hashlib.sha256(sorted_json(plain).encode()).hexdigest()


def sorted_json(value):
    """JSON with the keys in order, written out."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {sorted_json(value[key])}' for key in sorted(value)) + "}"
    return f"[{', '.join(map(repr, value))}]" if isinstance(value, tuple) else repr(value)


@pytest.mark.parametrize(
    "change", [{"format": 2}, {"unknown": 1}, {"eeg": {}}, {"eeg_prior_level": "3"}, {"window": {"length_s": 4.0}}]
)
def test_settings_that_are_not_complete_or_of_another_kind_are_refused(change):
    with pytest.raises(RtemoError):
        PipelineSettings.from_dict({**PipelineSettings().to_dict(), **change})


def numbers_of(plain):
    """Where numbers stand in nested settings: what holds each, and its key there."""
    for key, value in list(plain.items() if isinstance(plain, dict) else enumerate(plain)):
        if isinstance(value, dict | list):
            yield from numbers_of(value)
        elif key != "format":
            yield plain, key


def test_each_setting_is_refused_or_makes_a_pipeline_whatever_number_it_is():
    plain, refused = json.loads(json.dumps(DEFAULTS)), set()
    for holder, key in list(numbers_of(plain)):
        right = holder[key]
        for wrong in (0, -1, -right, 1, 3, 1e-15, 1e-9, 1e-3, 1e3, 1e9, -1e9, right * 1e3, right / 1e3, right * 1e6):
            holder[key] = int(wrong) if isinstance(right, int) else float(wrong)
            try:
                settings = PipelineSettings.from_dict(plain)
            except RtemoError:
                refused.add((key, wrong))
                continue
            assert np.isfinite(steady_state(grid_filter(settings.eeg))).all()
            if len(sections := anti_aliasing(settings.eeg, 1000.0)):
                assert np.isfinite(steady_state(sections)).all()
            assert len(filter_bank(settings.eeg, 200)) == settings.eeg.n_bands
            assert len(PupilGrid(settings.gaze, 60.0, 60.0).bins) == 0
            assert min(settings.gaze.dispersion_deg, settings.gaze.noise_update_s, settings.normaliser.notice_s) >= 0
            assert settings.window.length_s * settings.eeg.grid_hz <= 1e6
        holder[key] = right
    assert PipelineSettings.from_dict(plain) == PipelineSettings()
    assert {("pupil_hz", -1), ("grid_hz", 0), ("lowpass_order", 3), ("n_bands", 1e9), ("length_s", 1e9)} <= refused


def test_before_any_data_power_is_expected_to_fall_with_frequency():
    # 3.4 - 1.3 ln f

    found = PipelineSettings().eeg_prior_mean(np.array([1.0, math.e, 10.0]))
    np.testing.assert_allclose(found, [3.4, 2.1, 3.4 - 1.3 * math.log(10.0)])


RANGES = {  # from where to where a setting makes sense
    "grid_hz": (1, 1e5),
    "highpass_hz": (0.01, 1e5),
    "lowpass_hz": (0.1, 1e5),
    "lowpass_order": (2, 20),
    "notch_hz": (0.1, 1e5),
    "notch_q": (0.1, 1e4),
    "band_low_hz": (0.01, 1e5),
    "n_bands": (2, 1000),
    "noise_update_s": (0.01, 1e9),
    "dispersion_deg": (0.001, 360),
    "pupil_hz": (0.1, 1000),
    "pupil_buffer_s": (1, 600),
    "statistics_s": (0, 3600),
    "rest_max_s": (0, 86_400),
    "notice_s": (0, 3600),
    "eeg_prior_level": (-1e9, 1e9),
    "eeg_prior_slope": (-1e9, 1e9),
    "flat_uv": (0, 1e9),  # as every other one
}


@pytest.mark.parametrize(("name", "low", "high"), [(name, *found) for name, found in RANGES.items()])
def test_a_setting_out_of_its_range_is_refused_with_the_range_and_its_limits_are_in_it(name, low, high):
    plain = json.loads(json.dumps(DEFAULTS))
    (holder,) = [one for one in (plain, *(part for part in plain.values() if isinstance(part, dict))) if name in one]
    whole, several = isinstance(holder[name], int), isinstance(holder[name], list)
    below, above = (low - 1, high + 1) if whole else (low - 1e-3 * max(abs(low), 1e-3), 1.001 * high)
    stated = f"{name} is .*, not {low:g} to {high:g}".replace("+", r"\+")
    for value, outside in ((below, True), (low, False), (high, False), (above, True)):
        one = int(value) if whole else float(value)
        holder[name] = [one] if several else one
        try:
            PipelineSettings.from_dict(plain)
            found = ""
        except RtemoError as error:
            found = str(error)
        assert bool(re.search(stated, found)) == outside, (value, found)
