"""Grid positions of times and windows, at times on the grid and just beside it, and what does not fit the grid."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import WindowSpec
from rtemo.core.windows import Grid


@pytest.mark.parametrize(("hz", "index"), [
    (250.0, 0), (250.0, 1), (49.0, 1), (49.0, 2), (50.0, 29), (50.0, 5), (250.0, 1001), (250.0, 117), (300.0, 55),
    (300.0, 37), (250.0, -7), (49.0, -1),
])  # fmt: skip
def test_a_time_on_the_grid_has_its_index_however_the_product_is_rounded(hz, index):
    grid = Grid(hz, 4, 1, 1)
    on = index / hz
    assert grid.seconds(index) == on
    for time_s, before, after in (
        (on, index, index),
        (math.nextafter(on, -math.inf), index - 1, index),
        (math.nextafter(on, math.inf), index, index + 1),
        (on + 0.5 / hz, index, index + 1),
    ):
        assert (grid.at_or_before(time_s), grid.at_or_after(time_s)) == (before, after)


@pytest.mark.parametrize(("time_s", "before", "after"), [
    (5.0, 50, 50), (5.1, 50, 60), (5.9, 50, 60), (6.0, 60, 60), (-0.1, -10, 0), (0.0, 0, 0),
])  # fmt: skip
def test_indices_on_multiples(time_s, before, after):
    grid = Grid(10.0, 40, 10, 10)
    assert (grid.at_or_before(time_s, 10), grid.at_or_after(time_s, 10)) == (before, after)


def test_frames_of_a_window_end_at_its_end_and_a_frame_apart():
    assert Grid(10.0, 40, 5, 10).frames_of(45) == (15, 25, 35, 45)
    assert Grid(10.0, 4, 1, 1).frames_of(10) == (7, 8, 9, 10)


@pytest.mark.parametrize(("hop", "step"), [(5, 5), (10, 10), (20, 10), (30, 10), (1, 1)])
def test_frames_are_computed_wherever_a_window_may_need_one(hop, step):
    assert Grid(10.0, 40, hop, 10).step == step


@pytest.mark.parametrize(("spec", "hz", "grid"), [
    (WindowSpec(), 200.0, Grid(200.0, 800, 50, 200)),
    (WindowSpec(2.0, 3.0, 0.5), 100.0, Grid(100.0, 200, 300, 50)),
    (WindowSpec(4.0, 1 / 128, 1 / 128), 128.0, Grid(128.0, 512, 1, 1)),
    (WindowSpec(4.0, 0.25 + 9e-10, 1.0), 100.0, Grid(100.0, 400, 25, 100)),
])  # fmt: skip
def test_lengths_become_whole_numbers_of_samples(spec, hz, grid):
    assert Grid.of(spec, hz) == grid


MULTIPLE = "must be a multiple of 10 ms"


@pytest.mark.parametrize(("spec", "text"), [
    (WindowSpec(4.0, 0.255, 1.0), f"the hop {MULTIPLE}; found 0.255 s; take 0.25, 0.1 or 1"),
    (WindowSpec(4.0, 0.25 + 1.2e-9, 1.0), f"the hop {MULTIPLE}; found 0.25 s; take 0.25, 0.1 or 1"),
    (WindowSpec(4.0, 0.0, 1.0), f"the hop {MULTIPLE}; found 0 s; take 0.25, 0.1 or 1"),
    (WindowSpec(4.0, -0.25, 1.0), f"the hop {MULTIPLE}; found -0.25 s; take 0.25, 0.1 or 1"),
    (WindowSpec(4.001, 0.25, 1.0), f"the window length {MULTIPLE}; found 4.001 s; take 0.25, 0.1 or 1"),
    (WindowSpec(math.inf, 0.25, 1.0), f"the window length {MULTIPLE}; found inf s; take 0.25, 0.1 or 1"),
    (WindowSpec(4.0, 0.25, math.nan), f"the frame {MULTIPLE}; found nan s; take 0.25, 0.1 or 1"),
    (WindowSpec(4.5, 0.25, 1.0), "the window length must be a whole number of frames; 4.5 s; change it"),
])  # fmt: skip
def test_what_does_not_fit_the_grid_is_refused(spec, text):
    with pytest.raises(RtemoError) as refused:
        Grid.of(spec, 100.0)
    assert str(refused.value) == text


@pytest.mark.parametrize(("frame", "hop", "best"), [
    (100, 30, 25), (100, 40, 50), (100, 15, 10), (100, 99, 100), (7, 3, 1), (7, 6, 7), (100, 150, 100),
])  # fmt: skip
def test_of_the_hops_that_divide_a_frame_the_nearest_is_named(frame, hop, best):
    with pytest.raises(RtemoError) as refused:
        Grid.of(WindowSpec(4.0 * frame / 100.0, hop / 100.0, frame / 100.0), 100.0)
    assert str(refused.value) == (
        f"the hop must divide a frame of {frame / 100.0:g} s or be a whole number of frames; "
        f"found {np.float64(hop / 100):g} s; take {best / 100:g} s"
    )
