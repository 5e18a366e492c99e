"""Runs of labelled samples: where they begin and end, how wide they are, against sums and extents taken by hand."""

import numpy as np
import pytest

from rtemo.core.gaze.labelled_runs import LabelledPath, LabelledRun, MovementLabel, RunCutter
from rtemo.core.gaze.signal import GazePath

STILL, MOVING, LOST = MovementLabel
PERIOD_S = 0.01


def path_of(labels, x, y, times=None, new=(), speed=None, scales=None):
    n = len(labels)
    times = 100.0 + PERIOD_S * np.arange(n) if times is None else np.asarray(times)
    degrees = np.stack([np.asarray(x, float), np.asarray(y, float)])
    rows = np.concatenate([degrees / 100.0, degrees])  # canonical: a hundredth
    speed = np.zeros(n) if speed is None else np.asarray(speed, float)
    fresh = np.isin(np.arange(n), new)
    return LabelledPath(
        GazePath(times, rows, speed),
        np.array(labels, np.int8),
        fresh,
        np.ones(n) if scales is None else scales,
        np.arange(n),
    )


def cut(labelled, edge_n=2):
    cutter = RunCutter(edge_n, PERIOD_S, 0.025)
    runs = cutter.push(labelled)
    return runs, cutter


X = [0.0, 0.2, -0.1, 0.1, 2.0, 4.0, 5.0, 5.4]
Y = [1.0, 1.1, 0.7, 1.0, 3.0, 5.0, 6.0, 6.5]
LABELS = [STILL] * 4 + [MOVING] * 2 + [STILL] * 2


def test_runs_end_halfway_between_samples_and_know_their_extent():
    runs, cutter = cut(path_of(LABELS, X, Y, speed=[0, 0, 0, 0, 150.0, 170.0, 0, 0]))
    still, moving = runs
    assert (still.label, still.n) == (STILL, 4)
    assert still.start_s == 100.0  # the first one begins with its first sample
    assert still.end_s == pytest.approx(100.035)
    assert still.length_s == pytest.approx(0.035)
    assert (still.low, still.high) == ((-0.1, 0.7), (0.2, 1.1))
    np.testing.assert_allclose(still.place_sum, (0.2 / 100, 3.8 / 100))
    np.testing.assert_allclose(still.head, (0.1, 1.05))  # the mean of the first two
    np.testing.assert_allclose(still.tail, (0.0, 0.85))
    assert (still.head_n, still.tail_n, still.peak, still.absent_s) == (2, 2, 0.0, 0.0)
    assert (moving.label, moving.n, moving.peak) == (MOVING, 2, 170.0)
    assert (moving.low, moving.high) == ((2.0, 3.0), (4.0, 5.0))
    last = cutter.open
    assert (last.label, last.n) == (STILL, 2)
    assert last.start_s == pytest.approx(100.055)
    assert last.end_s == pytest.approx(100.07)  # what has been seen of it
    assert (last.low, last.high) == ((5.0, 6.0), (5.4, 6.5))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_runs_do_not_depend_on_the_cuts(size):
    whole, cutter = cut(path_of(LABELS, X, Y, speed=np.arange(8.0)))
    pieces, parts = RunCutter(2, PERIOD_S, 0.025), []
    rest = path_of(LABELS, X, Y, speed=np.arange(8.0))
    while len(rest):
        part, rest = rest.split(size)
        parts += pieces.push(part)
    assert parts == whole
    assert pieces.open == cutter.open


def test_an_empty_path_changes_nothing():
    cutter = RunCutter(2, PERIOD_S, 0.025)
    assert cutter.open is None
    assert cutter.push(path_of([], [], [])) == []
    assert cutter.open is None


def test_the_fastest_sample_is_the_peak_even_where_some_have_no_speed():
    runs, _ = cut(path_of([MOVING] * 3 + [STILL], X[:4], Y[:4], speed=[100.0, np.nan, 90.0, 0.0]))
    assert runs[0].peak == 100.0


def test_a_run_shorter_than_an_edge_has_the_mean_of_what_it_has():
    runs, _ = cut(path_of([STILL] * 2 + [MOVING], X[:3], Y[:3]), edge_n=5)
    assert (runs[0].head_n, runs[0].tail_n) == (2, 2)
    np.testing.assert_allclose(runs[0].head, (0.1, 1.05))
    np.testing.assert_allclose(runs[0].tail, (0.1, 1.05))


def test_time_without_samples_is_a_lost_run_of_its_own():
    times = [100.0, 100.01, 100.1, 100.11]
    runs, cutter = cut(path_of([STILL] * 4, X[:4], Y[:4], times=times))
    still, hole = runs
    assert still.end_s == pytest.approx(100.015)  # half a period behind the last sample
    assert (hole.label, hole.n) == (LOST, 0)
    assert (hole.start_s, hole.end_s) == pytest.approx((100.015, 100.095))
    assert hole.absent_s == pytest.approx(0.08)
    assert cutter.open.start_s == pytest.approx(100.095)
    assert cutter.open.n == 2


def test_samples_just_within_reach_are_one_run():
    runs, _ = cut(path_of([STILL] * 3, X[:3], Y[:3], times=[100.0, 100.0249, 100.04]))
    assert runs == []
    runs, _ = cut(path_of([STILL] * 3, X[:3], Y[:3], times=[100.0, 100.026, 100.04]))
    assert [run.label for run in runs] == [STILL, LOST]


def test_a_fixation_right_behind_another_begins_with_its_first_sample():
    runs, cutter = cut(path_of([STILL] * 4, X[:4], Y[:4], new=[2]))
    assert runs[0].end_s == pytest.approx(100.01)
    assert cutter.open.start_s == pytest.approx(100.02)


def test_lost_samples_count_for_nothing():
    labels = [STILL, STILL, LOST, LOST, STILL, STILL, MOVING]
    x = [1.0, 2.0, np.nan, np.nan, 3.0, 5.0, 0.0]
    runs, _ = cut(path_of(labels, x, x))
    assert [run.label for run in runs] == [STILL, LOST, STILL]
    lost, after = runs[1:]
    assert (lost.n, lost.low, lost.high) == (2, (np.inf, np.inf), (-np.inf, -np.inf))
    np.testing.assert_allclose(after.place_sum, (0.08, 0.08))
    np.testing.assert_allclose(after.head, (4.0, 4.0))


def test_a_run_keeps_the_scale_of_its_first_sample():
    runs, _ = cut(path_of([STILL] * 3 + [MOVING], X[:4], Y[:4], scales=np.array([2.0, 3.0, 3.0, 5.0])))
    assert runs[0].scale == 2.0


def test_two_runs_joined_are_what_one_would_have_been():
    left = LabelledRun(
        STILL, 1.0, 1.1, 3, (0.0, 1.0), (1.0, 2.0), (3.0, 4.0), (1.0, 1.0), 2, (2.0, 2.0), 2, 10.0, 1.0, 0.25
    )
    right = LabelledRun(
        LOST, 1.1, 1.3, 5, (-1.0, 1.5), (0.5, 3.0), (5.0, 6.0), (4.0, 7.0), 3, (6.0, 9.0), 1, 30.0, 2.0, 0.5
    )
    both = left.then(right, 4)
    assert (both.label, both.start_s, both.end_s, both.n) == (STILL, 1.0, 1.3, 8)
    assert (both.low, both.high, both.place_sum) == ((-1.0, 1.0), (1.0, 3.0), (8.0, 10.0))
    # the head lacks two samples of four: they come from the second run's head; the tail lacks three, two are there
    assert (both.head, both.head_n) == (((2 * 1.0 + 2 * 4.0) / 4, (2 * 1.0 + 2 * 7.0) / 4), 4)
    assert (both.tail, both.tail_n) == (((1 * 6.0 + 2 * 2.0) / 3, (1 * 9.0 + 2 * 2.0) / 3), 3)
    assert (both.peak, both.scale, both.absent_s) == (30.0, 2.0, 0.75)
    full = left.then(right, 2)
    assert (full.head, full.head_n) == ((1.0, 1.0), 2)
    empty = LabelledRun(LOST, 1.0, 1.1).then(right, 2)
    assert (empty.head, empty.head_n) == ((4.0, 7.0), 2)


@pytest.mark.parametrize("seed", range(20))
def test_any_two_runs_are_joined_by_the_definition(seed):
    rng = np.random.default_rng(seed)

    def pair():
        return tuple(rng.normal(size=2).tolist())

    def run(label):
        n = rng.integers(1, 5, 2).tolist()
        size, wide, gone = rng.random(3).tolist()
        return LabelledRun(label, 1.0, 2.0, 9, pair(), pair(), pair(), pair(), n[0], pair(), n[1], size, wide, gone)

    one, two, wanted = run(STILL), run(MOVING), 4
    both = one.then(two, wanted)

    def edge(first, n, second, m):
        extra = min(wanted - n, m)
        if extra <= 0:
            return first, n
        return tuple((n * a + extra * b) / (n + extra) for a, b in zip(first, second, strict=True)), n + extra

    assert both.label == STILL
    assert both.n == 18
    assert both.low == tuple(min(a, b) for a, b in zip(one.low, two.low, strict=True))
    assert both.high == tuple(max(a, b) for a, b in zip(one.high, two.high, strict=True))
    assert both.place_sum == tuple(a + b for a, b in zip(one.place_sum, two.place_sum, strict=True))
    head, n_head = edge(one.head, one.head_n, two.head, two.head_n)
    tail, n_tail = edge(two.tail, two.tail_n, one.tail, one.tail_n)
    assert (both.head, both.head_n) == (pytest.approx(head), n_head)
    assert (both.tail, both.tail_n) == (pytest.approx(tail), n_tail)
    assert both.peak == max(one.peak, two.peak)
    assert both.scale == max(one.scale, two.scale)
    assert both.absent_s == one.absent_s + two.absent_s
