"""The lag of the smoothed emotion, as it is shown."""

from __future__ import annotations

import math

import pytest

from rtemo import resources
from rtemo.model.bundle import load_bundle
from rtemo.model.response_lag import felt_delay, filter_lag_s, in_words, lag_s
from rtemo.model.uncertainty.smoothing import Smoothing

EVEN = (0.25, 0.25, 0.25, 0.25)


@pytest.mark.parametrize(("dwell_s", "decorrelation_s"), [(60.0, 4.0), (30.0, 2.0), (120.0, 8.0)])
def test_the_measured_lag_is_near_the_formula(dwell_s, decorrelation_s):
    rate = math.log(0.7 * 3 / 0.3) / decorrelation_s
    expected_s = math.log(4 * dwell_s * rate) / rate
    assert filter_lag_s(Smoothing(dwell_s, 4.0, EVEN), decorrelation_s, 0.1) == pytest.approx(expected_s, rel=0.2)


def test_a_longer_dwell_and_weaker_evidence_lag_more_and_the_hop_hardly_matters():
    short, long = Smoothing(8.0, 4.0, EVEN), Smoothing(60.0, 4.0, EVEN)
    assert filter_lag_s(long, 4.0, 0.25) > filter_lag_s(short, 4.0, 0.25)
    assert filter_lag_s(short, 4.0, 0.25, 0.5) > filter_lag_s(short, 4.0, 0.25, 0.9)
    assert filter_lag_s(short, 4.0, 0.25) == pytest.approx(filter_lag_s(short, 4.0, 0.05), abs=0.5)


def test_an_uneven_prior_does_not_change_it():
    uneven = Smoothing(8.0, 4.0, (0.1, 0.4, 0.3, 0.2))
    assert filter_lag_s(uneven, 4.0, 0.25) == filter_lag_s(Smoothing(8.0, 4.0, EVEN), 4.0, 0.25)


def test_evidence_that_says_nothing_is_never_followed():
    assert filter_lag_s(Smoothing(8.0, 4.0, EVEN), 4.0, 1.0, 0.25) == math.inf


def test_a_bundles_lag_has_half_a_window_in_it():
    spec = load_bundle(resources.assets() / "models/demo").spec
    decorrelation_s = spec.combinations["both"].decorrelation_s
    assert lag_s(spec, 0.25) == filter_lag_s(spec.smoothing, decorrelation_s, 0.25) + 2.0


def test_what_takes_more_than_ten_minutes_is_not_followed():
    assert 500.0 < filter_lag_s(Smoothing(1000.0, 4.0, EVEN), 200.0, 4.0, 0.4) < 600.0
    # by the formula ln(4 * 3000 * rate) / rate with rate = ln(7) / 400 this takes 837 s, some 14 % less in truth
    assert filter_lag_s(Smoothing(3000.0, 4.0, EVEN), 400.0, 4.0) == math.inf


def test_what_a_user_feels_is_the_response_lag_with_filters_devices_and_half_a_hop():
    spec = load_bundle(resources.assets() / "models/demo").spec
    felt = felt_delay(spec, 0.25, 1000.0, device_s=0.03)
    parts = felt.parts()
    assert parts["smoothing"] + parts["window"] == pytest.approx(lag_s(spec, 0.25))
    assert (parts["device"], parts["hop"]) == (0.03, 0.125)
    assert 0.0 < parts["filters"] < 0.05
    assert felt_delay(spec, 0.25, 150.0).filters < parts["filters"]  # too slow a stream to need an anti-aliasing filter
    words = in_words({name: 1e3 * seconds for name, seconds in parts.items()})
    assert "device 30.0 ms" in words
    assert "window 2.00 s" in words
    assert "device" not in in_words({"device": 0.0, "hop": 125.0})
