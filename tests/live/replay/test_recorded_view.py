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
from rtemo.live.service.snapshot import TraceBlock
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


@pytest.mark.parametrize(
    ("times", "width", "takes"),
    [
        ([9.0, 9.0], 2, True),  # the same time as the last one
        ([8.999], 2, False),
        ([10.0, 9.5], 2, False),  # back within the block
        ([10.0], 3, False),
    ],
)
def test_rows_go_on_where_the_width_is_the_same_and_no_time_goes_back(samples, times, width, takes):
    assert samples.takes(np.array(times), np.zeros((len(times), width), np.float32)) is takes


def test_an_empty_file_takes_any_width_and_only_times_that_do_not_go_back():
    file = SampleFile()
    assert file.takes(np.array([5.0]), np.zeros((1, 7), np.float32))
    assert not file.takes(np.array([5.0, 4.0]), np.zeros((2, 7), np.float32))
    file.close()


def test_a_full_disk_is_named_in_one_sentence(samples):
    samples._file.close()
    samples._file = SimpleNamespace(seek=lambda *_: None, write=_odd, close=lambda: None)
    with pytest.raises(RtemoError) as caught:
        samples.put(np.array([10.0]), np.zeros((1, 2), np.float32))
    assert str(caught.value) == "the recording cannot be shown; the disk is out; free some disk"


def _odd(_):
    raise OSError("the disk is out")


def test_samples_that_are_put_after_some_were_read_lie_behind_all(samples):
    samples.between(-1.0, 0.0)
    samples.put(np.array([10.0]), np.array([[10.0, 100.0]], np.float32))
    times, rows = samples.between(8.0, 10.0)
    assert (times.tolist(), rows.tolist()) == ([9.0, 10.0], [[9.0, 90.0], [10.0, 100.0]])


def test_further_streams_are_kept_one_by_one_and_what_does_not_fit_is_left_out(view):
    def trace(stream_id, times, rows):
        return TraceBlock(stream_id, np.array(times), np.array(rows, np.float32))

    view.put_trace(trace("ecg", [1.0, 2.0], [[1], [2]]))
    view.put_trace(trace("resp", [1.5], [[7, 8]]))
    view.put_trace(trace("ecg", [1.5], [[9]]))  # goes back
    view.put_trace(trace("ecg", [3.0], [[9, 9]]))  # another width
    view.put_trace(trace("ecg", [3.0], [[3]]))
    found = {block.stream_id: (block.times.tolist(), block.values.tolist()) for block in view.traces(1.0, 3.0)}
    assert found == {"ecg": ([2.0, 3.0], [[2.0], [3.0]]), "resp": ([1.5], [[7.0, 8.0]])}


def test_closing_gives_every_file_up():
    made = RecordedView()
    made.put_trace(TraceBlock("ecg", np.array([1.0]), np.zeros((1, 1), np.float32)))
    files = [made._eeg._file, made._gaze._file, made._traces["ecg"]._file]
    made.close()
    assert all(file.closed for file in files)


def test_rows_are_kept_as_float32_whatever_they_come_as():
    file = SampleFile()
    times, rows = file.between(0.0, 9.0)
    assert (len(times), rows.shape, rows.dtype) == (0, (0, 0), np.float32)
    file.put(np.array([1.0, 2.0]), np.array([[1.5, 2.0], [0.25, 4.0]]).T)  # float64, column by column
    times, rows = file.between(0.0, 9.0)
    assert (rows.tolist(), rows.dtype) == ([[1.5, 0.25], [2.0, 4.0]], np.float32)
    assert file.between(5.0, 1.0)[1].shape == (0, 2)
    file.close()


def test_what_has_the_same_time_is_shown_in_the_order_in_which_it_came(view):
    for text in ("first", "second", "third"):
        view.put_event(Event(1.0, EventKind.NOTE, text))
    view.put_event(Event(0.5, EventKind.NOTE, "before"))
    assert [event.text for event in view.events] == ["before", "first", "second", "third"]
    view.put_gaze_events([SimpleNamespace(end_s=1.0, x=x) for x in (1, 2)])
    assert [event.x for event in view.gaze_events_between(0.0, 1.0)] == [1, 2]


def test_a_view_is_wanted_always_and_keeps_what_was_discarded(view):
    view.put(SimpleNamespace(time_s=1.0))
    view.discard()
    assert (view.wanted, len(view.predictions)) == (True, 1)


def test_gaze_is_kept_as_float32_whatever_it_comes_as(view):
    view.put_gaze(SimpleNamespace(times=np.array([1.0]), xy=np.array([[0.1, 0.2]]), pupils_mm=np.array([[3.1, 3.2]])))
    gaze = view.gaze(0.0, 1.0)
    assert (gaze.xy.dtype, gaze.pupils_mm.dtype) == (np.float32, np.float32)
    np.testing.assert_array_equal(gaze.pupils_mm, np.array([[3.1, 3.2]], np.float32))
    assert gaze.times.tolist() == [1.0]


def test_where_nothing_was_put_nothing_is_found(view):
    assert (view.traces(0.0, 9.0), view.predictions_between(0.0, 9.0), view.gaze_events_between(0.0, 9.0)) == (
        [],
        [],
        [],
    )
    assert len(view.eeg(0.0, 9.0).times) == 0
