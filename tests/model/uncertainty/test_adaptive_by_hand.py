"""Which windows a report is judged by, and the level that follows, by hand."""

import numpy as np
import pytest

from rtemo.model.uncertainty.adaptive import RecentSets, SelfReport, Smoothed, adapted_level, quantile_at, without

REPORT = SelfReport(1, 0.0, 10.0, holds_s=12.0, until_s=20.0)


def smoothed(end_s, *posterior):
    return Smoothed(end_s, "eeg", np.array(posterior or (0.7, 0.2, 0.1)))


def recent(*windows):
    found = RecentSets()
    for one in windows:
        found.take(one)
    return found


@pytest.mark.parametrize(("time_s", "known"), [(12.0, False), (12.01, True), (20.0, True), (20.01, False)])
def test_a_report_is_known_after_it_holds_and_until_it_is_taken_back(time_s, known):
    assert REPORT.known_at(time_s) is known


def test_one_window_a_second_is_kept_and_a_copy_goes_its_own_way():
    found = recent(*map(smoothed, (1.0, 1.5, 2.0, 2.9, 3.1)))
    copy = found.copy()
    copy.take(smoothed(4.0))
    assert [one.end_s for one in found.between(-1.0, 9.0)] == [1.0, 2.0, 3.1]
    assert [one.end_s for one in copy.between(1.0, 4.0)] == [2.0, 3.1, 4.0]


def test_two_hours_of_windows_are_kept():
    found = recent(*(smoothed(float(second)) for second in range(7203)))
    kept = found.copy().between(-1.0, 1e9)
    assert (kept[0].end_s, len(kept)) == (3.0, 7200)
    assert len(RecentSets([smoothed(0.0)] * 7201).between(-1.0, 1.0)) == 7200


@pytest.mark.parametrize(
    ("level", "expected"), [(0.0, 0.0), (0.4, 0.3), (0.8, 0.6), (0.85, 0.7), (0.95, 0.9), (1.0, 1.0), (1.2, 1.0)]
)
def test_quantiles_between_the_known_ones_lie_on_straight_lines(level, expected):
    assert quantile_at({0.9: 0.8, 0.8: 0.6}, level) == pytest.approx(expected)


MISS, HIT = (0.7, 0.2, 0.1), (0.1, 0.7, 0.2)  # a set at 0.6 holds what has 0.4 at least: the first; the reported one


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([smoothed(4.0, *MISS)], 1.2),  # 0.8 + 0.5 * (1 - 0.2); a window of 4 s that begins with the report
        ([smoothed(10.0, *MISS)], 1.2),
        ([smoothed(3.9, *MISS), smoothed(10.1, *MISS)], 0.8),  # outside: no step
        ([smoothed(4.0, *MISS), smoothed(10.0, *HIT)], 0.95),  # 0.8 + 0.5 * (0.5 - 0.2)
        ([smoothed(5.0, *HIT)], 0.8),  # never below what is promised
    ],
)
def test_the_level_follows_the_share_of_windows_that_missed(windows, expected):
    found = adapted_level([REPORT], recent(*windows), {"eeg": {0.8: 0.6}}, 0.8, 0.5, 4.0)
    assert found == pytest.approx(expected)


def test_reports_count_in_their_order_by_the_level_so_far():
    later = SelfReport(1, 10.0, 20.0, 22.0)
    windows = recent(smoothed(5.0, *MISS), smoothed(15.0, *MISS))  # at 1.2 each label is in the set: 1.2 - 0.5 * 0.2
    assert adapted_level([REPORT, later], windows, {"eeg": {0.8: 0.6}}, 0.8, 0.5, 4.0) == pytest.approx(1.1)


def test_the_report_that_is_taken_back_alone_ends():
    first, second = SelfReport(0, 1.0, 2.0, 3.0), SelfReport(1, 4.0, 5.0, 6.0)
    assert without([first, second], 1, 9.0) == (first, SelfReport(1, 4.0, 5.0, 6.0, 9.0))
