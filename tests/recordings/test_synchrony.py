"""Synchrony of two courses: what goes together, what does not, and what chance gives."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.recordings.study.synchrony import WINDOW_S, synchrony

HOP_S = 0.25


def course(seed, seconds=600.0):
    """A slow course, as smoothed valence is: white noise averaged over eight seconds."""
    noise = np.random.default_rng(seed).normal(size=int(seconds / HOP_S))
    return np.convolve(noise, np.ones(32) / 32, mode="same")


def times(values, start_s=100.0):
    return start_s + HOP_S * np.arange(len(values))


def test_the_windows_are_those_of_plain_correlation():
    a, b = course(1), course(2)
    a[300:340] = np.nan
    found = synchrony(times(a), a, times(b), b)
    width = int(WINDOW_S / HOP_S)
    for end_s, r in zip(found.times.tolist(), found.r.tolist(), strict=True):
        end = round((end_s - 100.0) / HOP_S) + 1
        x, y = a[end - width : end], b[end - width : end]
        there = np.isfinite(x) & np.isfinite(y)
        expected = np.corrcoef(x[there], y[there])[0, 1] if there.mean() >= 0.8 else np.nan
        assert r == pytest.approx(expected, abs=1e-9, nan_ok=True)
    assert np.isnan(found.r).any()


def test_what_goes_together_is_told_from_chance_and_chance_is_not():
    own = course(3)
    together = synchrony(times(own), own + course(4), times(own), own + course(5))
    assert together.mean_r > 0.3
    assert together.p == pytest.approx(1 / 200, abs=0.001)
    ps = [synchrony(times(own), course(seed), times(own), course(seed + 1000)).p for seed in range(20)]
    assert sum(p < 0.05 for p in ps) <= 4
    assert 0.2 < np.mean(ps) < 0.8


def test_times_that_both_have_count_whatever_is_missing():
    own = course(6)
    whole = synchrony(times(own), own, times(own), own)
    cut = synchrony(times(own)[100:], own[100:], times(own)[:-80], own[:-80])
    assert whole.mean_r == cut.mean_r == pytest.approx(0.9999)
    assert cut.times[0] == pytest.approx(times(own)[100] + WINDOW_S - HOP_S)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 20.0, 100.0])
def test_a_short_session_promises_nothing(seconds):
    a, b = (course(seed)[: int(seconds / HOP_S)] for seed in (7, 8))
    found = synchrony(times(a), a, times(b), b)
    assert np.isnan(found.p)
    assert np.isnan(found.mean_r) == (seconds < WINDOW_S)


def test_a_course_that_stands_still_or_is_missing_has_no_correlation():
    a = course(9)
    for other in (np.full(len(a), 0.3), np.full(len(a), np.nan)):
        found = synchrony(times(a), a, times(a), other)
        assert np.isnan(found.r).all()
        assert np.isnan(found.mean_r)
        assert np.isnan(found.p)
