"""The 33 features against a slow reading of their definitions, on records made by hand and on a tracker's own."""

import cmath
import itertools
import math
import statistics

import numpy as np
import pytest
from synthetic_gaze import START_S, VIEW, sample

from rtemo.core.gaze.event_tables import GazeEventTable, GazeRecord, reaching
from rtemo.core.gaze.features import GAZE_FEATURES, gaze_features
from rtemo.core.gaze.tracker import GazeAnalyser, GazeSettings

NAMES = [feature.name for feature in GAZE_FEATURES]
SETTINGS = GazeSettings()


def record(fixations=(), saccades=(), blinks=(), losses=(), pupils=(), pupil_first=0, begin_s=0.0, end_s=100.0):
    """A record from (start, end, ...) tuples."""

    def table(rows, width):
        return np.array([[a, b, 1000 * (b - a), *rest] for a, b, *rest in rows]).reshape(len(rows), width)

    pupils = np.array(pupils, dtype=float).reshape(-1, 2)
    return GazeRecord(
        table(fixations, 5), table(saccades, 4), table(blinks, 3), table(losses, 3), pupils, pupil_first, begin_s, end_s
    )  # fmt: skip


def named(found):
    return dict(zip(NAMES, found.values.tolist(), strict=True))


def mean(values):
    return statistics.fmean(values) if values else math.nan


def spread(values):
    return statistics.pstdev(values) if len(values) > 1 else math.nan


def slow_entropies(grid, end_s):
    """From {grid index: diameter}: bridge, taper, transform line by line, sum the bands."""
    newest = math.floor(end_s * 10) - 2
    index = list(range(newest - 199, newest + 1))
    known = [k for k in index if k in grid]
    if len(known) < 100:
        return [math.nan] * 4
    values = []
    for k in index:
        before, after = max((j for j in known if j <= k), default=None), min((j for j in known if j >= k), default=None)
        if before is None or after is None or before == after:
            values.append(grid[after if before is None else before])
        else:
            share = (k - before) / (after - before)
            values.append((1 - share) * grid[before] + share * grid[after])
    taper = [math.sin(math.pi * i / 200) ** 2 for i in range(200)]
    centre = sum(w * v for w, v in zip(taper, values, strict=True)) / sum(taper)
    power = {}
    for line in range(1, 21):
        total = sum(
            w * (v - centre) * cmath.exp(-2j * math.pi * line * i / 200)
            for i, (w, v) in enumerate(zip(taper, values, strict=True))
        )
        power[line] = 2 * abs(total) ** 2 / (200 * sum(w * w for w in taper))
    bands = [(1, 4), (5, 8), (9, 12), (13, 20)]  # lines of 0.05 Hz
    return [0.5 * math.log(2 * math.pi * math.e * max(sum(power[k] for k in range(a, b + 1)), 1e-8)) for a, b in bands]


def slow_features(rec, end_s, length_s):
    """Every feature by its definition, one event at a time."""
    out = {}
    fixations = [f for f in rec.fixations.tolist() if f[1] > end_s - length_s]
    saccades = [s for s in rec.saccades.tolist() if s[1] > end_s - length_s]
    for eye, column in (("left", 0), ("right", 1)):
        grid = {rec.pupil_first + i: v for i, v in enumerate(rec.pupils[:, column].tolist()) if not math.isnan(v)}
        last = math.floor(end_s * 10)
        window = [grid[k] for k in range(last - round(10 * length_s) + 1, last + 1) if k in grid]
        window = window if len(window) >= 5 else []
        out[f"pupil_{eye}_mean"], out[f"pupil_{eye}_std"] = mean(window), spread(window)
        for band, value in zip(("0_0.2", "0.2_0.4", "0.4_0.6", "0.6_1"), slow_entropies(grid, end_s), strict=True):
            out[f"pupil_{eye}_de_{band}_hz"] = value
    for axis, column in (("x", 3), ("y", 4)):
        out[f"dispersion_{axis}_mean"] = mean([f[column] for f in fixations])
        out[f"dispersion_{axis}_std"] = spread([f[column] for f in fixations])
    for name, values in (
        ("fixation_duration", [1000 * (f[1] - f[0]) for f in fixations]),
        ("saccade_duration", [1000 * (s[1] - s[0]) for s in saccades]),
        ("saccade_amplitude", [s[3] for s in saccades]),
    ):
        out[f"{name}_mean"], out[f"{name}_std"] = mean(values), spread(values)
    return out | slow_statistics(rec, end_s)


def slow_statistics(rec, end_s):
    since = max(end_s - 60, rec.begin_s)
    past = [
        [e for e in table.tolist() if e[1] > since] for table in (rec.fixations, rec.saccades, rec.blinks, rec.losses)
    ]
    fixations, saccades, blinks, losses = past
    seen_s = rec.end_s - since - sum(b - max(a, since) for a, b, _ in losses)
    per_s = 1 / seen_s if seen_s >= 10 else math.nan
    waits = [
        1000 * (later[0] - earlier[1])
        for earlier, later in itertools.pairwise(saccades)
        if not any(earlier[1] <= start < later[0] for start, _, _ in losses)
    ]
    sizes = [f[3] + f[4] for f in fixations]
    return {
        "blink_frequency": len(blinks) * per_s,
        "fixation_frequency": len(fixations) * per_s,
        "fixation_duration_max": max((1000 * (f[1] - f[0]) for f in fixations), default=math.nan),
        "fixation_dispersion_total": 60 * math.fsum(sizes) * per_s,
        "fixation_dispersion_max": max(sizes, default=math.nan),
        "saccade_frequency": len(saccades) * per_s,
        "saccade_duration_average": mean([1000 * (s[1] - s[0]) for s in saccades]),
        "saccade_amplitude_average": mean([s[3] for s in saccades]),
        "saccade_latency_average": mean(waits),
        "blink_duration_mean": mean([1000 * (b - a) for a, b, _ in blinks]),
        "blink_duration_std": spread([1000 * (b - a) for a, b, _ in blinks]),
    }


def assert_same(found, slow):
    values = named(found)
    assert set(slow) == set(NAMES)
    for name in NAMES:
        assert values[name] == pytest.approx(slow[name], rel=1e-5, abs=1e-6, nan_ok=True), name
    assert found.valid.tolist() == [not math.isnan(slow[name]) for name in NAMES]


@pytest.mark.parametrize("rate_hz", [60.0, 120.0])
def test_the_features_of_a_trackers_record_are_as_defined(rate_hz):
    _, times, samples = sample(7, rate_hz, 90, noise_deg=0.05)
    samples[(times > START_S + 40) & (times < START_S + 43)] = np.nan
    samples[(times > START_S + 60) & (times < START_S + 60.7), 0:2] = np.nan
    tracker, begin = GazeAnalyser(SETTINGS, VIEW, rate_hz), 0
    for after_s in (0.5, 3, 9, 12.3, 30, 41.5, 44, 70, 89):
        stop = int(np.searchsorted(times, START_S + after_s, side="right"))
        tracker.push(times[begin:stop], samples[begin:stop])
        begin = stop
        found = tracker.features(START_S + after_s, 4.0)
        if found.coverage > 0:
            assert_same(found, slow_features(tracker.record(), START_S + after_s, 4.0))


def test_features_of_a_record_made_by_hand():
    grid = 3.0 + 0.1 * np.sin(2 * np.pi * 0.3 * np.arange(1000) / 10)
    rec = record(
        fixations=[(95.0, 95.5, 1.0, 0.5), (95.9, 97.0, 3.0, 0.7), (97.1, 97.4, 2.0, 0.9), (99.5, 100.0, 0.1, 0.1)],
        saccades=[(10.0, 10.05, 7.0), (95.85, 95.9, 4.0), (97.0, 97.1, 8.0)],
        blinks=[(30.0, 30.2), (60.0, 60.1), (80.0, 80.4)],
        losses=[(50.0, 70.0)],
        pupils=np.column_stack([grid, np.full(1000, np.nan)]),
        begin_s=20.0,
    )
    values = named(gaze_features(rec, 100.0, 4.0, 1.0, SETTINGS))
    assert values["fixation_duration_mean"] == pytest.approx((1100 + 300 + 500) / 3)  # the first one is over by 96 s
    assert values["dispersion_x_mean"] == pytest.approx(1.7)
    assert values["saccade_amplitude_mean"] == pytest.approx(8.0)
    assert math.isnan(values["saccade_amplitude_std"])
    assert values["saccade_amplitude_average"] == pytest.approx(6.0)
    assert values["saccade_latency_average"] == pytest.approx(1100)
    assert values["blink_frequency"] == pytest.approx(2 / 40)  # 60 s less the loss
    assert values["fixation_frequency"] == pytest.approx(4 / 40)
    assert values["fixation_dispersion_total"] == pytest.approx(60 / 40 * 8.3)
    assert values["fixation_dispersion_max"] == pytest.approx(3.7)
    assert values["blink_duration_mean"] == pytest.approx(250)
    assert values["pupil_left_std"] == pytest.approx(0.1 / math.sqrt(2), abs=0.01)
    assert math.isnan(values["pupil_right_mean"])
    assert_same(gaze_features(rec, 100.0, 4.0, 1.0, SETTINGS), slow_features(rec, 100.0, 4.0))


def test_no_event_means_frequency_zero_and_no_durations():
    found = gaze_features(record(begin_s=80.0), 100.0, 4.0, 1.0, SETTINGS)
    values = named(found)
    zero = {"blink_frequency", "fixation_frequency", "saccade_frequency", "fixation_dispersion_total"}
    assert {name for name in NAMES if not math.isnan(values[name])} == zero
    assert {values[name] for name in zero} == {0.0}


def test_only_time_that_was_watched_counts():
    blinks = [(50.0, 50.2), (90.0, 90.2)]
    whole = named(gaze_features(record(blinks=blinks), 100.0, 4.0, 1.0, SETTINGS))
    assert whole["blink_frequency"] == pytest.approx(2 / 60)
    ended = named(gaze_features(record(blinks=blinks, end_s=97.0), 100.0, 4.0, 1.0, SETTINGS))
    assert ended["blink_frequency"] == pytest.approx(2 / 57)
    lost = named(gaze_features(record(blinks=blinks, losses=[(10.0, 45.0), (60.0, 62.0)]), 100.0, 4.0, 1.0, SETTINGS))
    assert lost["blink_frequency"] == pytest.approx(2 / 53)  # 5 s of the first loss lie in the last minute


def test_frequencies_wait_for_ten_seconds():
    rec = record(blinks=[(92.0, 92.2)], begin_s=90.1)
    assert math.isnan(named(gaze_features(rec, 100.0, 4.0, 1.0, SETTINGS))["blink_frequency"])
    rec = record(blinks=[(92.0, 92.2)], begin_s=89.9)
    assert named(gaze_features(rec, 100.0, 4.0, 1.0, SETTINGS))["blink_frequency"] == pytest.approx(1 / 10.1)


@pytest.mark.parametrize(("hz", "band"), [(0.1, 0), (0.3, 1), (0.5, 2), (0.8, 3)])
def test_a_swing_of_the_pupil_shows_in_its_band(hz, band):
    pupil = 4.0 + 0.2 * np.sin(2 * np.pi * hz * np.arange(1000) / 10)
    entropies = gaze_features(record(pupils=np.column_stack([pupil, pupil])), 99.9, 4.0, 1.0, SETTINGS).values[4:12]
    for eye in (entropies[:4], entropies[4:]):
        assert int(np.argmax(eye)) == band
        assert eye[band] == pytest.approx(0.5 * math.log(2 * math.pi * math.e * 0.02), abs=0.05)


def test_the_schema_has_the_published_rows_in_order():
    assert len(GAZE_FEATURES) == len(set(NAMES)) == 33
    assert [feature.seed_iv_row for feature in GAZE_FEATURES] == [*range(1, 32), None, None]
    assert sorted(feature.seed_vii_column for feature in GAZE_FEATURES) == list(range(33))
    sizes = {group: [f.group for f in GAZE_FEATURES].count(group) for group in {f.group for f in GAZE_FEATURES}}
    assert sizes == {"pupil": 12, "dispersion": 4, "fixation": 2, "saccade": 4, "statistics": 9, "blink": 2}
    assert all(feature.spread > 0 and feature.unit for feature in GAZE_FEATURES)


def test_an_event_table_keeps_the_newest_rows_and_forgets_provisional_ones():
    table = GazeEventTable(3, 4)
    for i in range(20):
        table.append([i, i + 0.5, 500.0])
        table.with_open([[99.0, 100.0, 1.0]])
        rows = table.with_open([])
        assert rows[-1].tolist() == [i, i + 0.5, 500.0]
        assert rows[-4:, 0].tolist() == list(range(max(i - 3, 0), i + 1))
        assert len(rows) <= 8
    assert reaching(rows, 18.5)[:, 0].tolist() == [19.0]
