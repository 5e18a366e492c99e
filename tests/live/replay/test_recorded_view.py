"""What an analysis keeps can be shown again for any part: (after, until], on numbers that can be counted."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hand_fed import PROFILES, setup_of

from rtemo.cli import main
from rtemo.core.errors import RtemoError
from rtemo.live.replay.analysis import Analysis
from rtemo.live.replay.recorded_view import RecordedView, SampleFile
from rtemo.recordings.events import Event, EventKind
from rtemo.sources.stream_roles import StreamRoles
from rtemo.sources.xdf.source import XdfSource


@pytest.fixture
def samples():
    file = SampleFile()
    for begin in (0, 3, 7):  # blocks of 3, 4 and 3 samples at 0, 1, .. 9 s
        n = {0: 3, 3: 4, 7: 3}[begin]
        index = np.arange(begin, begin + n, dtype=float)
        file.put(index, np.column_stack([index, 10.0 * index]).astype(np.float32))
    yield file
    file.close()


@pytest.mark.parametrize(("after_s", "until_s", "first", "last"), [
    (-1.0, 20.0, 0, 9), (0.0, 9.0, 1, 9), (2.0, 3.0, 3, 3), (2.5, 6.5, 3, 6), (6.0, 7.0, 7, 7), (1.0, 2.0, 2, 2),
    (-5.0, 0.0, 0, 0), (8.5, 30.0, 9, 9),
])  # fmt: skip
def test_any_part_of_the_samples_is_found(samples, after_s, until_s, first, last):
    times, rows = samples.between(after_s, until_s)
    np.testing.assert_array_equal(times, np.arange(first, last + 1))
    np.testing.assert_array_equal(rows, np.column_stack([times, 10.0 * times]))


@pytest.mark.parametrize(("after_s", "until_s"), [(9.0, 30.0), (4.2, 4.8), (-3.0, -1.0), (5.0, 5.0)])
def test_where_nothing_lies_nothing_is_found(samples, after_s, until_s):
    times, rows = samples.between(after_s, until_s)
    assert (len(times), rows.shape) == (0, (0, 2))


def test_an_empty_block_changes_nothing(samples):
    samples.put(np.empty(0), np.empty((0, 5), np.float32))
    times, rows = samples.between(-1.0, 20.0)
    assert (len(times), rows.shape) == (10, (10, 2))


def test_a_full_disk_is_an_error_that_names_it(samples):
    samples._file.close()
    samples._file = SimpleNamespace(seek=lambda *_: None, write=_full, close=lambda: None)
    with pytest.raises(RtemoError, match="No space left"):
        samples.put(np.array([10.0]), np.zeros((1, 2), np.float32))


def _full(_):
    raise OSError(28, "No space left on device")


@pytest.fixture
def view():
    made = RecordedView()
    yield made
    made.close()


def test_events_are_shown_in_the_order_of_their_times(view):
    for time_s in (5.0, 1.0, 3.0):
        view.put_event(Event(time_s, EventKind.NOTE, str(time_s)))
    assert [event.time_s for event in view.events] == [1.0, 3.0, 5.0]
    assert [event.time_s for event in view.events_between(1.0, 5.0)] == [3.0, 5.0]
    view.put_gaze_events([SimpleNamespace(end_s=4.0), SimpleNamespace(end_s=2.0)])
    assert [event.end_s for event in view.gaze_events_between(0.0, 2.0)] == [2.0]
    for time_s in (1.0, 2.0):
        view.put(SimpleNamespace(time_s=time_s))
    assert [made.time_s for made in view.predictions_between(1.0, 2.0)] == [2.0]


def test_the_newest_window_and_faults_by_then_are_shown(view):
    assert view.window_at(5.0) is None
    assert view.faults_at(5.0) is None
    for end_s in (4.0, 5.0):
        view.put_window(SimpleNamespace(end_s=end_s))
    for time_s, fault in ((4.0, 0), (4.25, 0), (5.0, 3), (6.0, 0)):
        view.put_faults(time_s, np.array([fault, 0], np.int8))
    assert len(view._faults) == 3  # kept where they change
    assert view.window_at(3.9) is None
    assert view.window_at(4.0).end_s == 4.0
    assert view.window_at(9.0).end_s == 5.0
    assert view.faults_at(3.9) is None
    assert view.faults_at(4.9).tolist() == [0, 0]
    assert view.faults_at(5.0).tolist() == [3, 0]
    assert view.faults_at(6.0).tolist() == [0, 0]


def test_gaze_and_eeg_are_given_back_as_they_were_put(view):
    times = np.array([1.0, 2.0])
    view.put_gaze(SimpleNamespace(times=times, xy=np.array([[1, 2], [3, 4]]), pupils_mm=np.array([[5, 6], [7, 8]])))
    view.put_eeg(SimpleNamespace(times=times, microvolts=np.array([[1.5], [2.5]], np.float32)))
    gaze = view.gaze(1.0, 2.0)
    assert (gaze.xy.tolist(), gaze.pupils_mm.tolist()) == ([[3.0, 4.0]], [[7.0, 8.0]])
    assert view.eeg(0.0, 1.0).microvolts.tolist() == [[1.5]]


def test_what_is_wrong_with_a_file_is_noted_once_each(tmp_path):
    path = tmp_path / "person.xdf"
    options = ["--seed", "5", "--duration", "12", "--eeg-channels", "4", "--eeg-rate", "200", "--quiet"]
    assert main(["simulate", *options, "--xdf", str(path)]) == 0
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.8 * len(whole))])
    source = XdfSource(path)
    source.start()
    while not source.exhausted:
        source.read(0.0)
    warnings = list(source.warnings)
    source.stop()
    assert warnings
    analysis = Analysis(path, setup_of(StreamRoles(PROFILES), lambda: 0.0, lambda *_: None))
    while not analysis.done:
        analysis.work(5.0)
    noted = [event.text for event in analysis.view.events if event.text in warnings]
    analysis.close()
    assert sorted(noted) == sorted(warnings)
