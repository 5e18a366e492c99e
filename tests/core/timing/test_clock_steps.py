"""Which steps of stamps show that a clock was set, and what is noted about it, with numbers worked out by hand."""

from __future__ import annotations

import pytest

from rtemo.core.timing.clock_steps import ClockSteps
from rtemo.core.timing.stream_notes import StreamNotes


def back(by_s):
    return (
        f"its clock was set back by {by_s} s and its clock offsets do not show it: from then on its samples "
        "have no usable time"
    )


def forward(by_s):
    return f"its clock was set forward by {by_s} s: its samples have a usable time again"


@pytest.mark.parametrize(("begin_s", "step_s", "newest_s", "jitter_s", "note"), [
    (99.0, -1.23456, 100.0, 0.0, back("1.23")),
    (0.0, -1.0, 0.05, 0.0, ""),  # it begins 50 ms before the newest sample
    (-0.01, -1.0, 0.05, 0.0, back(1)),
    (90.0, -0.25, 100.0, 0.25, ""),  # no more than the jitter
    (90.0, -0.2501, 100.0, 0.25, back(0.25)),
    (90.0, 0.0, 100.0, 0.0, ""),
    (90.0, 0.5, 100.0, 0.0, ""),
])  # fmt: skip
def test_a_new_line_before_the_newest_sample_shows_a_clock_that_was_set_back(begin_s, step_s, newest_s, jitter_s, note):
    steps = ClockSteps()
    assert steps.new_line(begin_s, step_s, newest_s, jitter_s) == note
    assert steps.set_back_s == (-step_s if note else 0.0)


@pytest.mark.parametrize(("newest_s", "back_s", "set_back_s"), [
    (39.0, 1.5, 0.0), (39.9, 1.5, 0.0), (39.9, 1.6, 1.6), (40.0, 1.0, 0.0), (40.0, 1.5, 1.5), (41.0, 1.5, 1.5),
])  # fmt: skip
def test_a_step_back_takes_back_the_steps_forward_of_the_last_30_seconds(newest_s, back_s, set_back_s):
    steps = ClockSteps()
    assert steps.forward(10.0, 0.5, 0.0) == ""
    assert steps.new_line(15.0, 1.0, 14.0, 0.0) == ""
    assert (steps.new_line(20.0, -back_s, newest_s, 0.0) == "") == (set_back_s == 0.0)
    assert steps.set_back_s == set_back_s


def test_short_steps_forward_count_as_well_and_64_are_remembered():
    steps = ClockSteps()
    for _ in range(65):
        steps.new_line(10.0, 0.25, 9.0, 0.0)
    assert steps.new_line(0.0, -16.0, 10.0, 0.0) == ""
    assert steps.new_line(0.0, -16.25, 10.0, 0.0) == back(16.2)


@pytest.mark.parametrize(("set_back_s", "step_s", "jitter_s", "fits"), [
    (1.0, 1.0, 0.0, True), (0.1, 0.05, 0.0, True), (0.1, 0.04, 0.0, False), (0.1, 0.16, 0.0, False),
    (0.25, 0.375, 0.125, True), (0.25, 0.376, 0.125, False), (0.25, 0.125, 0.125, True), (1.0, 5.0, 0.0, False),
    (0.0, 0.03, 0.0, False), (0.0, 5.0, 0.0, False),
])  # fmt: skip
def test_a_step_forward_by_as_much_sets_the_clock_right(set_back_s, step_s, jitter_s, fits):
    steps = ClockSteps()
    steps.new_line(-set_back_s, -set_back_s, 0.0, 0.0)
    assert steps.set_back_s == set_back_s
    assert steps.forward(10.0, step_s, jitter_s) == (forward(f"{step_s:.3g}") if fits else "")
    assert steps.set_back_s == (0.0 if fits else set_back_s)


def test_steps_back_add_up_and_a_new_line_on_the_old_one_changes_nothing():
    steps = ClockSteps()
    steps.new_line(-1.0, -1.0, 0.0, 0.0)
    steps.new_line(-0.06, -0.0625, 0.0, 0.0)
    assert steps.new_line(5.0, 0.0, 6.0, 2.0) == ""
    assert steps.set_back_s == 1.0625
    assert steps.new_line(10.0, 1.0625, 9.0, 0.0) == forward(1.06)


@pytest.mark.parametrize(("before", "after", "note"), [
    (0, 0, None), (0, 1, "1 sample came twice; the second one is not used"),
    (0, 2, "2 samples came twice; the second ones are not used"),
    (0, 12, "12 samples came twice; the second ones are not used"),
    (1, 9, None), (9, 10, "10 samples came twice; the second ones are not used"), (9, 9, None), (10, 99, None),
    (99, 1000, "1000 samples came twice; the second ones are not used"),
])  # fmt: skip
def test_the_first_one_is_noted_and_each_tenfold_number(before, after, note):
    texts = []
    StreamNotes(texts).count(before, after, "samples came twice; the second ones are not used")
    assert texts == ([] if note is None else [note])


@pytest.mark.parametrize(("many", "one"), [
    ("samples have stamps out of line with their neighbours and are not used",
     "1 sample has a stamp out of line with its neighbours and is not used"),
    ("samples have no time on the common clock and are not used",
     "1 sample has no time on the common clock and is not used"),
])  # fmt: skip
def test_one_sample_is_noted_in_the_singular(many, one):
    texts = []
    StreamNotes(texts).count(0, 1, many)
    assert texts == [one]


def test_nothing_is_noted_twice_and_no_empty_text():
    texts = ["a"]
    notes = StreamNotes(texts)
    for text in ("a", "", "b", "b"):
        notes.add(text)
    assert texts == ["a", "b"]
