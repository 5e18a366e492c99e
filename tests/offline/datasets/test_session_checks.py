"""Trials whose lengths are not those of their session: each limit just below and just above, counted by hand."""

from __future__ import annotations

import pytest

from offline.datasets.seed.session_checks import (
    another_files_day,
    not_this_session,
    odd_trials,
    references,
    same_pattern,
)


def test_the_reference_is_the_median_of_three_people_or_more():
    lengths = {
        (1, 1): {1: 100.0, 2: 50.0},
        (2, 1): {1: 110.0, 2: 52.0},
        (3, 1): {1: 300.0},
        (4, 2): {1: 80.0},
        (5, 2): {1: 81.0},
        (6, 2): {1: 83.0},
        (7, 2): {1: 82.0},
    }
    assert references(lengths) == {1: {1: 110.0}, 2: {1: 81.5}}
    assert references({}) == {}


@pytest.mark.parametrize(("seconds", "is_odd"), [
    (104.0, False), (104.1, True), (96.0, False), (95.9, True),  # a window of four seconds
])  # fmt: skip
def test_a_long_trial_may_differ_by_a_window(seconds, is_odd):
    assert bool(odd_trials({7: seconds}, {7: 100.0})) == is_odd


@pytest.mark.parametrize(("seconds", "is_odd"), [(21.9, False), (22.1, True), (18.1, False), (17.9, True)])
def test_a_short_trial_may_differ_by_a_tenth(seconds, is_odd):
    assert bool(odd_trials({7: seconds}, {7: 20.0})) == is_odd


def test_the_reason_has_both_lengths_and_what_has_no_reference_is_not_odd():
    assert odd_trials({1: 50.0, 2: 60.0}, {1: 100.0}) == {1: "it is 50.0 s long, other people's is 100.0 s"}


FIRST, SECOND = {1: 100.0, 2: 200.0, 3: 150.0, 4: 60.0}, {1: 90.0, 2: 120.0, 3: 210.0, 4: 70.0}


def test_half_of_the_trials_must_be_odd():
    usual = {1: FIRST}
    assert not_this_session(FIRST, 1, usual) == ""
    assert not_this_session({**FIRST, 1: 120.0}, 1, usual) == ""
    found = not_this_session({**FIRST, 1: 120.0, 2: 220.0}, 1, usual)
    assert found == "the lengths of 2 of 4 trials are not session 1's"
    assert not_this_session({1: 120.0, 9: 5.0}, 1, usual) == "the lengths of 1 of 1 trials are not session 1's"


def test_the_session_that_it_fits_is_named():
    usual = {1: FIRST, 2: SECOND, 3: {1: 90.0}}
    found = not_this_session(SECOND, 1, usual)
    assert found == "the lengths of 4 of 4 trials are not session 1's; they are session 2's: are two files swapped?"
    assert "swapped" not in not_this_session({**SECOND, 2: 300.0}, 1, usual)
    assert "swapped" not in not_this_session({1: 90.0, 2: 120.0}, 1, {1: FIRST, 2: SECOND})  # not all of its trials


def test_without_a_reference_nothing_is_said():
    assert not_this_session(FIRST, 5, {1: FIRST}) == ""
    assert not_this_session({}, 1, {1: FIRST}) == ""


def test_a_day_of_another_file_of_the_same_person_is_named():
    others = {2: "20160412", 3: "20160419"}
    found = another_files_day("20160419", "20160405", others)
    assert found == "its header was written on 20160419, the day of session 3's file: are two files swapped?"
    assert another_files_day("20160405", "20160405", {2: "20160405"}) == ""
    assert another_files_day("20991231", "20160405", others) == ""
    assert another_files_day("", "20160405", {2: ""}) == ""


PUBLISHED = (100.0, 200.0, 300.0, 40.0)


@pytest.mark.parametrize(("lengths", "fits"), [
    ((100.0, 200.0, 300.0, 40.0), True),
    ((10.0, 20.0, 30.0, 4.0), True),  # a tenth of all of them
    ((100.0, 200.0, 305.9, 40.0), True),  # 2 % of 300 s
    ((100.0, 200.0, 306.1, 40.0), False),
    ((100.0, 200.0, 294.1, 40.0), True),
    ((100.0, 200.0, 293.9, 40.0), False),
    ((100.0, 200.0, 300.0, 40.9), True),  # a second at least
    ((100.0, 200.0, 300.0, 41.1), False),
    ((10.0, 20.0, 30.9, 4.0), True),
    ((10.0, 20.0, 31.1, 4.0), False),
    ((50.0, 100.0, 153.1, 20.0), False),  # 2 % of 150 s
    ((50.0, 100.0, 152.9, 20.0), True),
])  # fmt: skip
def test_a_pattern_of_lengths_is_recognised_up_to_one_factor(lengths, fits):
    assert same_pattern(dict(enumerate(lengths, 1)), PUBLISHED) == fits


def test_every_trial_must_be_there_and_no_other():
    assert not same_pattern({1: 100.0, 2: 200.0, 3: 300.0}, PUBLISHED)
    assert not same_pattern({**dict(enumerate(PUBLISHED, 1)), 5: 10.0}, PUBLISHED)
    assert not same_pattern(dict(enumerate(PUBLISHED, 2)), PUBLISHED)
