"""The sentences of notes, and which windows a note of a slow model leaves out."""

from __future__ import annotations

import pytest

from rtemo.model.personal import session_notes as notes
from rtemo.model.skipped_windows import SkippedWindows


@pytest.mark.parametrize(
    ("note", "text"),
    [
        (notes.LabelGiven(2, "sad", 1.5, 3.25), "label 2: sad from 1.5 to 3.25"),
        (notes.LabelWithdrawn(2), "label 2 forgotten"),
        (notes.CalibrationBegun(7.5), "calibration begins at 7.5"),
        (notes.CalibrationEnded(8.5), "calibration ends at 8.5"),
        (notes.ChannelMarked("Fz", "bad", 4.5), "channel Fz marked bad from 4.5"),
        (notes.WindowsSkipped(1.0, 2.5, 3, 0.5, "m"), "one of 3 windows is decided from 2.5"),
        (
            notes.StreamReturned("eeg", 1.5, 2.5),
            "eeg is back: of what it measured after 1.5 counts what follows 2.5",
        ),
    ],
)
def test_each_note_has_its_sentence(note, text):
    assert note.text == text


def test_a_label_counts_two_seconds_after_it_was_given_and_no_samples_are_without_a_time_unless_stated():
    assert notes.NOTICE_S == 2.0
    assert notes.StreamReturned("eeg", 1.5, 2.5).n_timeless == 0


def skipped(from_s=10.0, resumes_s=12.0, every=3):
    return notes.WindowsSkipped(from_s, resumes_s, every, 0.5, "m")


def test_nothing_is_left_out_before_anything_was_stated():
    windows = SkippedWindows()
    assert (windows.newest, windows.every, windows.skips(1.0)) == (None, 1, False)


@pytest.mark.parametrize(
    ("end_s", "skips"),
    [(9.5, False), (10.5, True), (11.5, True), (12.0, False), (12.5, True), (13.0, True), (13.5, False)],
)  # none until 12, then those whose number on the grid of 0.5 s is a multiple of 3: 24, 27
def test_none_is_decided_until_it_resumes_and_then_one_of_so_many(end_s, skips):
    windows = SkippedWindows()
    windows.add(skipped())
    assert windows.skips(end_s) is skips


def test_notes_count_by_the_time_from_which_they_hold_and_of_equal_times_the_last():
    windows = SkippedWindows()
    windows.add(skipped(20.0, 20.0, 1))
    windows.add(skipped())
    assert (windows.every, windows.newest) == (1, skipped(20.0, 20.0, 1))
    assert windows.skips(19.0)
    assert not windows.skips(20.5)
    windows.add(skipped(20.0, 20.0, 4))
    windows.add(skipped(30.0, 30.0, 0))  # out of range
    assert windows.every == 4
    assert windows.skips(20.5)
