"""What is noted of the person in a session is read again as it was written."""

from __future__ import annotations

import pytest

from rtemo.model.personal.session_notes import (
    PREFIX,
    CalibrationBegun,
    CalibrationEnded,
    LabelGiven,
    LabelWithdrawn,
    read_note,
)

NOTES = [
    LabelGiven(3, "very sad", 1000.1, 1060.3333333333333),
    LabelWithdrawn(3),
    CalibrationBegun(1300.1),
    CalibrationEnded(0.1 + 0.2),
]


@pytest.mark.parametrize("note", NOTES)
def test_a_note_is_read_as_it_was_written(note):
    assert read_note(PREFIX + note.text) == note


@pytest.mark.parametrize("text", ["label 3 forgotten", PREFIX + "label x forgotten", PREFIX + "door opens", ""])
def test_other_texts_are_no_notes(text):
    assert read_note(text) is None
    assert read_note(PREFIX + "calibration ends at noon") is None
