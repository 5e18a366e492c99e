"""The pupil grid against a slow reading of its definition."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtemo.core.gaze.pupil import PupilGrid
from rtemo.core.gaze.settings import GazeSettings

SETTINGS = GazeSettings()


def grid_of(times, pupils, rate_hz, cuts=()):
    grid = PupilGrid(SETTINGS, rate_hz, SETTINGS.statistics_s)
    for begin, end in zip([0, *cuts], [*cuts, len(times)], strict=True):
        grid.push(times[begin:end], pupils[begin:end])
    return {grid.first + i: tuple(row) for i, row in enumerate(grid.bins.tolist())}


def slow_bin(k, times, pupil, hole_s):
    """The mean of the valid samples in the bin that are not within 100 ms of a hole in the valid ones."""
    seen = [t for t, p in zip(times, pupil, strict=True) if not math.isnan(p)]
    edges = [times[0], *seen, times[-1]]
    holes = [(a, b) for a, b in itertools.pairwise(edges) if b - a > hole_s]
    good = [
        p
        for t, p in zip(times, pupil, strict=True)
        if (k - 1) / 10 < t <= k / 10 and not math.isnan(p) and all(t < a - 0.1 or t > b + 0.1 for a, b in holes)
    ]
    return sum(good) / len(good) if good else math.nan


def blinking(seed, rate_hz, seconds=6.0):
    rng = np.random.default_rng(seed)
    times = (
        700.03 + np.arange(int(seconds * rate_hz)) / rate_hz + rng.uniform(-0.3, 0.3, int(seconds * rate_hz)) / rate_hz
    )
    pupils = 3.0 + rng.normal(0, 0.1, (len(times), 2))
    for eye in ([0, 1], [0], [1]):
        begin = rng.uniform(times[0], times[-1])
        pupils[np.ix_((times > begin) & (times < begin + rng.uniform(0.02, 0.4)), eye)] = np.nan
    pupils[rng.random(len(times)) < 0.1] = np.nan
    return times, pupils


@pytest.mark.parametrize("rate_hz", [30.0, 120.0, 500.0])
@pytest.mark.parametrize("seed", range(4))
def test_bins_are_as_defined(seed, rate_hz):
    times, pupils = blinking(seed, rate_hz)
    found = grid_of(times, pupils, rate_hz)
    hole_s = max(0.05 + 1 / rate_hz, 2.5 / rate_hz)
    assert min(found) == math.ceil(times[0] * 10)
    assert max(found) >= (times[-1] - 0.1 - hole_s - 0.002) * 10 - 1
    for k, row in found.items():
        for eye in (0, 1):
            slow = slow_bin(k, times.tolist(), pupils[:, eye].tolist(), hole_s)
            assert row[eye] == pytest.approx(slow, rel=1e-12, nan_ok=True)


@settings(max_examples=30)
@given(data=st.data(), rate_hz=st.sampled_from([30.0, 120.0, 500.0]))
def test_bins_do_not_depend_on_the_cuts(data, rate_hz):
    times, pupils = blinking(data.draw(st.integers(0, 5)), rate_hz)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(times)), max_size=40)))
    assert repr(grid_of(times, pupils, rate_hz, cuts)) == repr(grid_of(times, pupils, rate_hz))


def test_times_that_fall_on_bin_edges_do_not_depend_on_the_cuts_either():
    times = np.arange(7000, 7800) / 100.0
    pupils = np.tile(np.arange(800.0)[:, None], 2)
    pupils[100:106] = np.nan  # holes whose length is the limit itself
    pupils[230:235] = np.nan
    whole = grid_of(times, pupils, 100.0)
    assert repr(grid_of(times, pupils, 100.0, range(1, 800))) == repr(whole)
    assert whole[702] == (15.5, 15.5)  # samples 11 to 20: 70.1 s belongs to the bin before


def test_a_blink_takes_its_surroundings_with_it():
    times = 10.0 + np.arange(300) / 100.0
    pupils = np.full((300, 2), 3.0)
    pupils[100:120] = np.nan  # 11.0 to 11.2 s
    pupils[85:100] = 2.0  # the lid comes down
    found = grid_of(times, pupils, 100.0)
    assert not any(row[0] == 2.0 for row in found.values())
    assert math.isnan(found[110][0])
    assert found[108][0] == 3.0


def test_a_hole_of_days_costs_nothing():
    grid = PupilGrid(SETTINGS, 100.0, SETTINGS.statistics_s)
    times = np.concatenate([np.arange(300) / 100.0, 1e10 + np.arange(300) / 100.0])
    grid.push(times, np.full((600, 2), 3.0))
    assert len(grid.bins) <= 4 * 600
    assert np.isnan(grid.bins[:-40]).all()
    assert grid.first + len(grid.bins) > 10**11


@pytest.mark.parametrize(("behind_s", "finished"), [(0.0, False), (0.0008, False), (0.0012, True), (0.002, True)])
def test_a_bin_is_finished_a_millisecond_after_no_blink_can_begin_beside_it(behind_s, finished):
    """At 100 Hz a hole is longer than 60 ms, and 100 ms beside it do not count: 161 ms and it is over."""
    grid = PupilGrid(SETTINGS, 100.0, SETTINGS.statistics_s)
    times = np.append(np.arange(1, 81) / 100.0, 0.7 + 0.16 + behind_s)
    grid.push(times, np.full((81, 2), 3.0))
    assert grid.first + len(grid.bins) - 1 == (7 if finished else 6)  # bin 7 ends at 0.7 s
