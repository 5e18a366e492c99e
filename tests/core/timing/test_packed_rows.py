"""Rows that carry several samples: their times, whatever the cuts, and what the gaze branch makes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.channel_map import EyeColumns, GazeChannelMap, Screen, ViewGeometry
from rtemo.core.gaze.branch import GazeBranch
from rtemo.core.settings import PipelineSettings
from rtemo.core.timing.dejitter import Dejitter, SampleRun
from rtemo.core.timing.packed_rows import PackedRows
from rtemo.core.types import WindowSpec
from rtemo.core.windows import Grid

EYE = EyeColumns(0, 1, 2)
ONE = GazeChannelMap(EYE, EYE, ViewGeometry.of_screen(Screen()), pupil_unit="mm")


def run_of(times, hz):
    return SampleRun(np.array(times), np.zeros((len(times), 1)), hz, 0.0)


def test_samples_lie_at_equal_distance_and_the_last_one_at_the_stamp_of_its_row():
    run = PackedRows(2).unpacked(run_of([10.0, 10.02, 10.04], 50.0))
    assert run.rate_hz == 100.0
    assert run.times == pytest.approx([9.99, 10.0, 10.01, 10.02, 10.03, 10.04])


def test_behind_a_hole_the_distance_is_that_of_the_rate():
    assert PackedRows(3).unpacked(run_of([10.0, 12.0], 10.0)).times[3:] == pytest.approx([12 - 2 / 30, 12 - 1 / 30, 12])


def test_one_sample_a_row_is_left_as_it_is():
    run = run_of([10.0, 10.3], 50.0)
    assert PackedRows(1).unpacked(run) is run


@given(st.integers(2, 5), st.lists(st.floats(1e-4, 0.2), min_size=2, max_size=30), st.data())
def test_times_increase_and_do_not_depend_on_cuts(n, steps, data):
    times = 100.0 + np.cumsum(steps)
    whole = PackedRows(n).unpacked(run_of(times, 50.0)).times
    assert (np.diff(whole) > 0).all()
    assert (whole[n - 1 :: n] == times).all()
    rows, cut = PackedRows(n), data.draw(st.integers(1, len(times) - 1))
    parts = [rows.unpacked(run_of(part, 50.0)).times for part in (times[:cut], times[cut:])]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


@pytest.mark.parametrize("n", [2, 3])
def test_the_gaze_of_packed_rows_is_that_of_the_tracker(n):
    """The tracker's own samples, and the same ones packed n to a row, pushed in uneven pieces: the same features."""
    hz, rng = 120.0, np.random.default_rng(0)
    times = 100.0 + np.arange(round(12 * hz)) / hz
    targets = np.repeat(rng.uniform(0.2, 0.8, (len(times) // 40, 2)), 40, axis=0)
    values = np.column_stack([targets + rng.normal(0, 1e-3, targets.shape), 3.0 + 0.1 * np.sin(times)])
    rows, packed = values.reshape(-1, 3 * n), replace(ONE, samples_per_row=n, sample_width=3)
    assert packed.canonical(rows).tobytes() == ONE.canonical(values).tobytes()
    grid = Grid.of(WindowSpec(), 200.0)
    of_samples = GazeBranch(PipelineSettings(), grid, ONE, hz)
    of_rows = GazeBranch(PipelineSettings(), grid, packed, hz / n)
    of_samples.push(times, values)
    for begin in range(0, len(rows), 17):
        of_rows.push(times[n - 1 :: n][begin : begin + 17], rows[begin : begin + 17])
    assert len(of_rows.frames) >= 44
    for end in of_rows.frames.keys() & of_samples.frames.keys():
        found, wanted = of_rows.frames[end], of_samples.frames[end]
        assert found.valid.tolist() == wanted.valid.tolist()
        assert found.values[found.valid] == pytest.approx(wanted.values[wanted.valid], rel=1e-2, abs=1e-2)


@pytest.mark.parametrize("nominal_hz", [0.0, 45.0, 90.0])
def test_samples_of_one_frame_in_rows_with_the_same_stamp_are_spread_over_it(nominal_hz):
    """A headset that sends its two samples one after the other, both with the stamp of the frame."""
    rng = np.random.default_rng(1)
    frames = 100.0 + np.arange(450) / 45 + rng.normal(0, 3e-4, 450)
    dejitter = Dejitter(nominal_hz, even=False)
    runs = dejitter.push(np.repeat(frames, 2), rng.normal(size=(900, 2)))
    times = np.concatenate([run.times for run in [*runs, *dejitter.flush()]])
    assert len(times) == 900
    assert np.diff(times) == pytest.approx(np.full(899, 1 / 90), abs=1e-3)
    assert dejitter.n_dropped == 0


def test_the_last_row_of_the_run_before_is_the_one_before_the_first():
    rows = PackedRows(2)
    rows.unpacked(run_of([1.0, 1.01], 100.0))
    assert rows.unpacked(run_of([1.016, 1.026], 100.0)).times == pytest.approx([1.013, 1.016, 1.021, 1.026])
