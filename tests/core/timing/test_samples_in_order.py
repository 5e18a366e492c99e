"""Samples that came twice, those whose times are not known, and those that wait, sample by sample."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from rtemo.core.frozen_state import freeze
from rtemo.core.timing.repeated_samples import RepeatedSamples
from rtemo.core.timing.unknown_times import UnknownTimes
from rtemo.core.timing.waiting_samples import WaitingSamples


def repeated(stamps, values, *cuts):
    """Which samples came before, by their numbers; cut into chunks at `cuts`."""
    stamps, values = np.array(stamps, np.float64), np.array(values, np.float32).reshape(len(stamps), -1)
    finder, found = RepeatedSamples(), []
    edges = [0, *(cut for cut in cuts if cut < len(stamps)), len(stamps)]
    for begin, end in pairwise(edges):
        part = finder.find(stamps[begin:end], values[begin:end])
        assert part.dtype == bool
        assert len(part) == end - begin
        found.append(part)
    return np.flatnonzero(np.concatenate(found)).tolist()


@pytest.mark.parametrize(("stamps", "values", "cuts", "found"), [
    ([1, 2, 3], [7, 7, 7], (), []),
    ([3, 3], [7, 7], (), [1]),
    ([1, 3, 3], [7, 8, 8], (), [2]),
    ([1, 2, 2, 3], [7, 8, 8, 9], (2,), [2]),
    ([1, 2, 1, 2, 3], [7, 8, 7, 8, 9], (2,), [2, 3]),
    ([1, 2, 1, 2, 3], [7, 8, 7, 8, 9], (1, 2, 3, 4), [2, 3]),
    ([5, 5, 5, 5], [7, 7, 7, 7], (), [1, 2, 3]),
    ([1, 2, 2], [7, 8, 9], (), []),  # one stamp, but another sample
    ([1, 2, 2, 3, 3], [7, 8, 9, 1, 1], (), []),  # a chunk that was stamped alike: equal ones mean nothing
    ([1, 2, 2, 3, 3], [7, 1, 1, 8, 9], (), [2]),  # nothing differed up to there
    ([1, 2, 3, 2, 3], [[7, 1], [8, 1], [9, 1], [8, 2], [9, 1]], (), []),
    ([1, 2, 1, 2], [[7, np.nan], [8, 1], [7, np.nan], [8, 1]], (), [2, 3]),
])  # fmt: skip
def test_a_sample_came_twice_where_stamp_and_all_values_are_those_of_an_earlier_one(stamps, values, cuts, found):
    assert repeated(stamps, values, *cuts) == found


@pytest.mark.parametrize("cuts", [(), (256,), (100, 200, 256, 257), tuple(range(1, 257))])
def test_samples_are_compared_with_the_last_256(cuts):
    assert repeated([*range(256), 0], [*range(256), 0], *cuts) == [256]
    assert repeated([*range(257), 0], [*range(257), 0], *cuts) == []
    assert repeated([*range(257), 256], [*range(257), 256], *cuts) == [257]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("cuts", [(), (3,), (3, 100, 200), tuple(range(1, 259))])
def test_behind_a_stamp_of_two_different_samples_equal_ones_count_only_after_256_others(cuts, forward):
    for n, found in ((254, []), (255, []), (256, [258])):  # the last is sample n + 1 behind the one that differs
        later = np.arange(10, 9 + n) if forward else np.arange(8 + n, 9, -1)
        stamps = [1, 1, *later[: n - 1].tolist(), 600, 600]
        values = [7, 8, *range(20, 19 + n), 5, 5]
        assert len(stamps) == 3 + n
        assert repeated(stamps, values, *cuts) == found


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("cuts", [(), (150, 250, 400), tuple(range(1, 500))])
def test_it_is_counted_from_the_later_one_of_the_two(cuts, forward):
    between = np.arange(2, 201)
    for n, found in ((255, []), (256, [457])):
        after = np.arange(300, 299 + n) if forward else np.arange(299 + n, 300, -1)
        stamps = [1, *between.tolist(), 1, *after.tolist(), 600, 600]
        values = [7, *between.tolist(), 8, *after.tolist(), 5, 5]
        assert repeated(stamps, values, *cuts) == found


def test_of_many_equal_samples_all_but_the_first_came_before():
    for n in (17, 100, 200):
        stamps = np.tile([5.0, 3.0, 4.0], n)
        assert repeated(stamps, stamps) == list(range(3, 3 * n))


def test_no_more_is_kept_than_what_samples_are_compared_with():
    finder, sizes = RepeatedSamples(), []
    for k in range(1001):
        finder.find(np.array([float(k)]), np.array([[1.0, 2.0]]))
        if k in (400, 1000):
            state = freeze({"": finder}, {})
            sizes.append((len(state.nodes), sum(array.size for array in state.arrays)))
    assert sizes[0] == sizes[1]


def meets(unknown, begin_s, end_s, *, still=False):
    return unknown.meets((begin_s, end_s), still=still)


def test_what_has_no_time_lies_between_the_last_time_known_and_the_next_one():
    unknown = UnknownTimes()
    unknown.note_known(5.0, 10.0)
    unknown.note_unknown(distrusted=False)
    unknown.note_unknown(distrusted=False)
    assert not meets(unknown, 0.0, 99.0)
    assert meets(unknown, 50.0, 54.0, still=True)
    assert not meets(unknown, 6.0, 10.0, still=True)
    unknown.note_known(12.0, 20.0)
    assert not meets(unknown, 6.0, 10.0)
    assert meets(unknown, 6.0, 10.001)
    assert meets(unknown, 11.0, 11.5)
    assert meets(unknown, 11.999, 15.0)
    assert not meets(unknown, 12.0, 16.0, still=True)
    unknown.note_unknown(distrusted=False)
    assert not meets(unknown, 16.0, 20.0, still=True)
    assert meets(unknown, 20.0, 21.0, still=True)


def test_before_the_first_time_known_it_may_lie_anywhere():
    unknown = UnknownTimes()
    unknown.note_unknown(distrusted=False)
    unknown.note_known(12.0, 12.0)
    assert meets(unknown, -1e9, -1e8)
    assert not meets(unknown, 12.0, 13.0)


def test_what_comes_from_now_on_lies_behind_a_time_that_is_later():
    unknown = UnknownTimes()
    unknown.note_known(5.0, 10.0)
    unknown.begins_after(15.0)
    unknown.begins_after(13.0)
    unknown.note_unknown(distrusted=False)
    assert not meets(unknown, 11.0, 15.0, still=True)
    assert meets(unknown, 11.0, 15.1, still=True)


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True), (False, False)])
def test_an_interval_is_distrusted_where_any_of_its_samples_is(first, second):
    unknown = UnknownTimes()
    unknown.note_known(1.0, 2.0)
    unknown.note_unknown(distrusted=first)
    unknown.note_unknown(distrusted=second)
    assert unknown.is_distrusted((2.0, 3.0), still=True) == (first or second)
    assert not unknown.is_distrusted((2.0, 3.0), still=False)
    unknown.note_known(4.0, 5.0)
    unknown.note_unknown(distrusted=False)
    assert unknown.is_distrusted((3.0, 6.0), still=True) == (first or second)
    assert not unknown.is_distrusted((4.0, 6.0), still=True)


def test_a_gap_in_which_samples_without_a_time_came_is_trouble_with_the_clock():
    unknown = UnknownTimes()
    unknown.note_known(1.0, 2.0)
    unknown.note_unknown(distrusted=False)
    unknown.note_known(4.0, 5.0)
    faults = {"Fz": "gap in the stream", "Cz": "flat"}
    assert unknown.name_faults(faults, (0.0, 2.0), still=True) == {"Fz": "gap in the stream", "Cz": "flat"}
    assert unknown.name_faults(faults, (0.0, 3.0), still=True) == {"Fz": "clock trouble", "Cz": "flat"}


def test_64_intervals_are_remembered():
    unknown = UnknownTimes()
    for second in range(65):
        unknown.note_known(float(second), second + 0.5)
        unknown.note_unknown(distrusted=False)
    unknown.note_known(65.0, 66.0)
    assert not meets(unknown, 0.5, 1.0)
    assert meets(unknown, 1.5, 2.0)


def test_of_the_samples_that_wait_the_last_ones_without_a_time_are_counted():
    waiting, counts = WaitingSamples(), []
    for time_s in (np.nan, np.nan, np.nan, 5.0, np.nan, 6.0):
        waiting.add(time_s, np.array([[time_s, 1.0]]), None)
        counts.append(waiting.n_timeless_last)
    assert counts == [1, 2, 3, 0, 1, 0]
    assert (len(waiting), waiting.off) == (6, [])
    assert [(one.numbers, one.times) for one in waiting.stretches.all] == [([3, 5], [5.0, 6.0])]
    times, rows = waiting.samples()
    np.testing.assert_array_equal(times, [np.nan, np.nan, np.nan, 5.0, np.nan, 6.0])
    np.testing.assert_array_equal(rows, np.stack([times, np.ones(6)], axis=1))
