"""A baseline that was made longer is one baseline in the report: stated once, judged by its last verdict."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtemo.core.baseline.rest_interval import Rest
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.session_facts import rest_event
from rtemo.recordings.study.conditions import lone_annotations, marker_intervals
from rtemo.report.troubles import _failures
from rtemo.sources.private_files import replace_file


def verdict(at_s, begin_s, length_s, how="refused: 4 s of usable data", stream="EEG"):
    return Event(at_s, EventKind.NOTE, f"{Rest(begin_s, begin_s + length_s, 0)} {how}", stream)


@pytest.mark.parametrize("begin_s", [59431.03, 59431.049, 59430.951])
def test_only_the_last_verdict_of_a_baseline_that_was_made_longer_counts(begin_s):
    first, second = verdict(60.0, begin_s, 60.0), verdict(90.0, begin_s, 90.37)
    good = verdict(120.0, begin_s, 121.0, "in effect: 57 s of usable data")
    gaze = verdict(90.0, begin_s, 60.0, stream="gaze")
    again = verdict(300.0, begin_s + 200.0, 60.0)
    record = SimpleNamespace(events=(first, second, gaze, good, again), begin_s=0.0)
    assert list(_failures(record)) == [f"1:30 gaze: {gaze.text}", f"5:00 EEG: {again.text}"]


def test_a_baseline_that_was_made_longer_is_one_annotation():
    begun = [rest_event(10.0, length_s) for length_s in (60.0, 90.0, 121.0)]
    ended = Event(131.0, EventKind.ANNOTATION, "baseline ends: good")
    assert lone_annotations([*begun, ended]) == []
    assert [(one.begin_s, one.end_s) for one in marker_intervals([*begun, ended], 200.0)] == [(10.0, 131.0)]
    assert lone_annotations([*begun, rest_event(50.0, 60.0)]) == [begun[-1], rest_event(50.0, 60.0)]


def test_what_could_not_be_written_leaves_nothing_behind(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"before")

    def full(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        replace_file(path, full)
    assert [one.name for one in tmp_path.iterdir()] == ["state"]
    assert path.read_bytes() == b"before"
