"""The gaze path against a slow reading of its rules, sample by sample: median of three, fitted lines, both eyes."""

import math
import statistics

import numpy as np
import pytest
from synthetic_gaze import VIEW, to_canonical

from rtemo.core.gaze.settings import GazeSettings
from rtemo.core.gaze.signal import BinocularMean, GazeSignal, block_starts, link_s

SETTINGS = GazeSettings()


def degrees_of(x, y):
    """The view's degrees, by its definition: atan of the offset from the middle over the distance."""
    return (
        math.degrees(math.atan(2 * (x - 0.5) * (531.0 / 2 / 650.0))),
        math.degrees(math.atan(2 * (y - 0.5) * (299.0 / 2 / 650.0))),
    )


def slow_path(times, places, rate_hz):
    """Calmed degrees and speed of each sample that has `half + 1` samples behind it."""
    half = max(round(0.5 * 0.02 * rate_hz), 1)
    link = max(2.5 / rate_hz, 0.02)
    n = len(times)
    raw = [degrees_of(*place) if not math.isnan(place[0] + place[1]) else (math.nan, math.nan) for place in places]
    calm = list(raw)
    for i in range(1, n - 1):
        three = [raw[i - 1], raw[i], raw[i + 1]]
        near = times[i + 1] - times[i - 1] <= 2 * link
        if near and not any(math.isnan(p[0]) for p in three):
            calm[i] = tuple(statistics.median(p[axis] for p in three) for axis in (0, 1))
    out = []
    for i in range(n - half - 1):
        around = [
            k
            for k in range(max(i - half, 0), min(i + half + 1, n))
            if k == i or (abs(times[k] - times[i]) <= link and not math.isnan(calm[k][0]))
        ]
        if math.isnan(calm[i][0]):
            out.append((math.nan, math.nan, math.nan))
            continue
        t = [times[k] - times[i] for k in around]
        centre = statistics.fmean(t)
        spread = sum((v - centre) ** 2 for v in t)
        slope = [math.nan, math.nan]
        if len(around) > 1:
            slope = [sum((v - centre) * calm[k][a] for v, k in zip(t, around, strict=True)) / spread for a in (0, 1)]
        middle = [statistics.fmean(calm[k][a] for k in around) for a in (0, 1)]
        place = middle if rate_hz >= 80.0 else calm[i]
        out.append((place[0], place[1], math.hypot(*slope)))
    return np.array(out)


def wandering(rate_hz, seed, seconds=2.0):
    """Positions in canonical units with jumps, spikes, losses and missing time."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate_hz)
    times = 100.0 + (np.arange(n) + rng.uniform(-0.3, 0.3, n)) / rate_hz
    times[n // 2 :] += 0.15
    degrees = np.cumsum(rng.normal(0, 0.3, (n, 2)), axis=0) + 6.0 * (np.arange(n) > n // 3)[:, None]
    degrees[rng.random(n) < 0.03] += 8.0
    places = to_canonical(degrees)
    places[rng.random(n) < 0.08] = np.nan
    return times, places


@pytest.mark.parametrize("rate_hz", [30.0, 60.0, 120.0, 500.0])
@pytest.mark.parametrize("seed", range(3))
def test_places_and_speeds_are_those_of_the_rules(rate_hz, seed):
    times, places = wandering(rate_hz, seed)
    expected = slow_path(times.tolist(), places.tolist(), rate_hz)
    signal, both = GazeSignal(SETTINGS, VIEW, rate_hz), np.concatenate([places.T, places.T])
    parts = [signal.push(times[i : i + 17], both[:, i : i + 17]) for i in range(0, len(times), 17)]
    found = np.concatenate([np.vstack([part.rows[2:], part.speed]) for part in parts], axis=1).T
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    rows = np.concatenate([part.rows[:2] for part in parts], axis=1).T
    np.testing.assert_allclose(rows, places[: len(rows)], atol=1e-12)


@pytest.mark.parametrize(("rate_hz", "hole_s"), [(30.0, 2.5 / 30.0), (125.0, 0.02), (500.0, 0.02), (60.0, 2.5 / 60.0)])
def test_samples_further_apart_than_two_and_a_half_periods_or_20_milliseconds_have_a_hole_between(rate_hz, hole_s):
    assert link_s(SETTINGS, rate_hz) == pytest.approx(hole_s)


def test_blocks_of_absolute_time_begin_where_a_sample_is_the_first_of_its_block():
    times = np.array([0.9, 1.0, 1.5, 2.0, 4.2])
    assert block_starts(times, 1.0, math.nan) == [0, 1, 3, 4]
    assert block_starts(times, 1.0, 0.0) == [1, 3, 4]
    assert block_starts(times[1:3], 1.0, 1.0) == []
    assert block_starts(times[:1], 1.0, -1.0) == [0]


def test_one_eye_alone_is_shifted_by_half_of_the_usual_offset_of_the_last_eight_blocks():
    # left - right is 0.02 in x through the first seconds, then 0.06: the means of blocks of a second
    mean = BinocularMean()
    times = np.arange(0.0, 14.0, 0.1) + 0.05
    apart = np.where(times < 6.0, 0.02, 0.06)
    eyes = np.stack([0.5 + apart / 2, np.full(140, 0.4), 0.5 - apart / 2, np.full(140, 0.4)])
    for second in (3, 7, 13):
        eyes[2:, 10 * second] = np.nan  # the first sample of that second has the left eye only
    found = mean(times, eyes)
    np.testing.assert_allclose(found[0, ~np.isnan(eyes[2])], 0.5)
    np.testing.assert_allclose(found[1], 0.4)
    # 3 s: three blocks of 0.02; 7 s: six of 0.02 and one of 0.06; 13 s: the last eight are 5 (0.02) and 6 .. 12
    assert found[0, 30] == pytest.approx(0.5 + 0.01 - 0.01)
    assert found[0, 70] == pytest.approx(0.5 + 0.03 - (6 * 0.01 + 0.03) / 7)
    assert found[0, 130] == pytest.approx(0.5 + 0.03 - (0.01 + 7 * 0.03) / 8)


def test_without_an_offset_known_yet_one_eye_is_taken_as_it_is():
    eyes = np.array([[0.3, np.nan], [0.4, np.nan], [np.nan, 0.6], [np.nan, 0.7]])
    np.testing.assert_allclose(BinocularMean()(np.array([0.0, 0.1]), eyes), [[0.3, 0.6], [0.4, 0.7]])
