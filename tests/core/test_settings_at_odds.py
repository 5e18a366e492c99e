"""Settings that make no sense together are refused with the numbers that are at odds, from each limit on."""

from __future__ import annotations

import json

import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.settings import PipelineSettings


def refusal(**groups):
    """What is said of the usual settings with these changes; empty where they are taken."""
    plain = json.loads(json.dumps(PipelineSettings().to_dict()))
    for group, changes in groups.items():
        if isinstance(changes, dict):
            plain[group] |= changes
        else:
            plain[group] = changes
    try:
        PipelineSettings.from_dict(plain)
    except RtemoError as error:
        return str(error)
    return ""


GRID = {"grid_hz": 200.0, "notch_hz": [50.0], "highpass_hz": 0.5, "lowpass_hz": 45.0, "band_high_hz": 45.0}


@pytest.mark.parametrize(("eeg", "found"), [
    ({}, ""),
    ({"highpass_hz": 44.9}, ""),
    ({"highpass_hz": 45.0}, "highpass_hz is 45, lowpass_hz 45, grid_hz 200"),
    ({"highpass_hz": 99.9, "lowpass_hz": 120.0}, ""),
    ({"highpass_hz": 100.0, "lowpass_hz": 120.0}, "highpass_hz is 100, lowpass_hz 120, grid_hz 200"),
    ({"notch_hz": [50.0, 99.9]}, ""),
    ({"notch_hz": [50.0, 100.0]}, "notch_hz is 50, 100, grid_hz 200"),
    ({"lowpass_order": 4}, ""),
    ({"lowpass_order": 5}, "lowpass_order is 5, not an even number"),
    ({"band_low_hz": 44.9}, ""),
    ({"band_low_hz": 45.0}, "band_low_hz is 45, band_high_hz 45, grid_hz 200"),
    ({"band_low_hz": 1.0, "band_high_hz": 100.0}, ""),
    ({"band_low_hz": 1.0, "band_high_hz": 100.5}, "band_low_hz is 1, band_high_hz 100.5, grid_hz 200"),
])  # fmt: skip
def test_filters_and_bands_lie_within_what_the_grid_carries(eeg, found):
    stated = f"these pipeline settings cannot be used; {found}; get the file again" if found else ""
    assert refusal(eeg=GRID | eeg) == stated


@pytest.mark.parametrize(("groups", "found"), [
    ({"eeg": GRID, "window": {"length_s": 5000.0}}, ""),
    ({"eeg": GRID, "window": {"length_s": 5001.0}}, "length_s is 5001, grid_hz 200: more than 1,000,000 rows a window"),
    ({"gaze": {"pupil_buffer_s": 500.0, "pupil_hz": 40.0}}, ""),
    ({"gaze": {"pupil_buffer_s": 500.0, "pupil_hz": 40.5}},
     "pupil_buffer_s is 500, pupil_hz 40.5: more than 20,000 bins"),
    ({"eeg": {"notch_hz": [50.0, -3.0]}}, "notch_hz is -3.0, not 0.1 to 100000"),
    ({"eeg_prior_level": 12345678901.5}, "eeg_prior_level is 12345678901.5, not -1e+09 to 1e+09"),
])  # fmt: skip
def test_tables_fit_into_memory_and_numbers_into_their_range(groups, found):
    assert refusal(**groups) == (
        f"these pipeline settings cannot be used; {found}; get the file again" if found else ""
    )


def test_settings_of_another_format_are_refused():
    assert refusal(format=2) == "these pipeline settings are of another format; found 2, need 1; update rtemo"
