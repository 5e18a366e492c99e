"""Wrong stamps of either stream: the windows are those without the sample, bitwise the same whatever the chunks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_equivalence import assert_same, eeg_samples, gaze_channel_map, gaze_samples, pipeline, run

from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Channel, Chunk, ClockOffset, StreamInfo

OFFSETS = [ClockOffset(stream, 95.0 + 3 * k, 2.0) for stream in "eg" for k in range(14)]


def spoilt(samples, rng, n_wrong):
    stamps, values = samples[0].copy(), samples[1]
    where = rng.integers(0, len(stamps), n_wrong)
    off = stamps[where] + rng.choice([-3600.0, -30.0, -10.0, 10.0, 50.0, 3600.0], n_wrong)
    stamps[where] = np.where(rng.random(n_wrong) < 0.5, rng.choice([0.0, np.nan, 1e18, -1e18, np.inf], n_wrong), off)
    return stamps, values


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_windows_of_wrong_stamps_do_not_depend_on_the_chunks_and_end_within_the_streams(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    eeg = spoilt(eeg_samples(24), rng, data.draw(st.integers(0, 6)))
    gaze = spoilt(gaze_samples(24), rng, data.draw(st.integers(0, 6)))
    whole = run(pipeline(), eeg, gaze, [], [], np.random.default_rng(0), OFFSETS)
    assert len(whole) > 70
    assert 100.0 < whole[0].end_s < whole[-1].end_s < 126.6
    cuts = [data.draw(st.lists(st.integers(0, len(part[0])), max_size=60)) for part in (eeg, gaze)]
    assert_same(run(pipeline(), eeg, gaze, *cuts, rng, OFFSETS), whole)
    plain = run(pipeline(), eeg_samples(24), gaze_samples(24), [], [], np.random.default_rng(0), OFFSETS)
    assert abs(len(plain) - len(whole)) <= 1
    later = [w.eeg_coverage for w in whole if w.end_s > 108.0]
    assert np.mean(later) > 0.98


@pytest.mark.parametrize("hz", [1.0, 2.0, 4.0, 5.0, 10.0, 15.0, 25.0, 30.0, 60.0, 90.0, 500.0, 1000.0, 2000.0])
def test_trackers_of_any_rate_give_the_features_that_they_can(hz):
    rng = np.random.default_rng(0)
    n = round(30 * hz)
    stamps = 100.0 + np.arange(n) / hz
    target = rng.uniform(0.1, 0.9, (40, 2))[(np.arange(n) / hz).astype(int)]
    eye = np.column_stack([target + rng.normal(0, 0.002, (n, 2)), 3.5 + rng.normal(0, 0.02, n)])
    made = Pipeline(PipelineSettings())
    info = StreamInfo("g", "Gaze", "Gaze", "float64", hz, (Channel(),) * 6)
    made.add_stream(info, gaze_channel_map())
    windows = made.push(Chunk("g", stamps, np.hstack([eye, eye]))) + made.flush()
    assert len(windows) >= 90
    assert {w.end_s for w in windows if w.gaze_coverage > 0.9} >= {110.0, 120.0}
    for window in windows:
        assert np.isfinite(window.eye_raw[window.eye_valid]).all()
    valid = windows[60].eye_valid.sum()
    assert valid > (5 if hz >= 10 else 0)
