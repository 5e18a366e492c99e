"""Further signals and ratings in the real window: traces with an age, a place that keys move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from scripted import RECORDING, block, feed, prediction, snapshot, stream

from rtemo.core.types import StreamState
from rtemo.gui import texts
from rtemo.gui.painting.colours import DARK
from rtemo.gui.views import valence_arousal
from rtemo.gui.views.further_signals import FOOT, GUTTER, HEAD
from rtemo.gui.views.rating import HELD_TICKS, STEP, RatingView
from rtemo.live.output.outlet import LATE, RatingOutlet, ratings_due
from rtemo.live.service.snapshot import Phase, TraceBlock
from rtemo.sources.stream_choice import is_rating
from rtemo.sources.stream_roles import StreamRoles

RUNNING = {"phase": Phase.RUNNING, "recorder": RECORDING, "started_s": 40.0, "subject": "P07"}


def chest(**more):
    values = {"stream_id": "ecg", "type": "ECG", "n_channels": 1, "nominal_hz": 100.0, "n_samples": 500}
    return stream("", "Chest belt", labels=("lead I",), units=("mV",), **(values | more))


def heart(end_s, n=500, hole=()):
    times = end_s - np.arange(n)[::-1] / 100.0
    kept = [k for k in range(n) if k not in hole]
    return TraceBlock("ecg", times[kept], np.sin(times[kept, None] * 9).astype(np.float32))


def shown(seq=1, time_s=100.0, ecg=None, **more):
    streams = (stream("eeg"), stream("gaze"), ecg or chest())
    return snapshot(seq=seq, time_s=time_s, streams=streams, eeg=block(time_s - 0.1, 8), **(RUNNING | more))


def ink_columns(canvas, top, bottom, ink):
    """The columns of a part of the canvas in which a colour is painted."""
    image = canvas.grab().toImage()
    near = [
        x
        for x in range(GUTTER, image.width())
        if any(_alike(image.pixelColor(x, y), QColor(ink)) for y in range(top, bottom))
    ]
    return np.array(near)


def _alike(one, other):
    return abs(one.red() - other.red()) + abs(one.green() - other.green()) + abs(one.blue() - other.blue()) < 60


@pytest.fixture
def window(window):
    dock = window.docks[texts.FURTHER]
    dock.setFloating(True)
    dock.resize(1000, 160)
    return window


def test_the_view_is_there_only_while_further_streams_are(window):
    dock = window.docks[texts.FURTHER]
    feed(window, snapshot(eeg=block(99.9, 8)))
    assert dock.isHidden()
    feed(window, shown(seq=2, traces=(heart(100.0),)))
    assert not dock.isHidden()
    (one,) = window.views.further.canvas.streams
    assert one.name.startswith("Chest belt  ·  ECG  ·  100 Hz")
    assert one.channels == ("lead I (mV)",)
    dock.close()
    feed(window, shown(seq=3, time_s=100.1, traces=(heart(100.1, 10),)))
    assert dock.isHidden()  # who closed it is not asked again
    feed(window, snapshot(seq=4, era=1, eeg=block(100.1, 8)))
    feed(window, shown(seq=5, era=1, traces=(heart(101.0),)))
    assert not dock.isHidden()


def test_a_trace_that_stops_is_grey_ends_where_it_ended_and_is_an_alarm(window):
    feed(window, shown(traces=(heart(100.0),)))
    canvas = window.views.further.canvas
    fresh = ink_columns(canvas, HEAD + 1, canvas.height() - FOOT - 1, DARK.trace)
    assert fresh.max() > canvas.width() - 12  # up to now
    assert window.views.strip.alarms == []
    lost = chest(state=StreamState.LOST, age_s=4.0)
    feed(window, shown(seq=2, time_s=104.0, ecg=lost, predictions=(prediction(104.0),)))
    assert canvas.streams[0].none == "no data for 4 s"
    assert not len(ink_columns(canvas, HEAD + 1, canvas.height() - FOOT - 1, DARK.trace))
    past = ink_columns(canvas, HEAD + 1, canvas.height() - FOOT - 1, DARK.faint)
    assert past.max() == pytest.approx(GUTTER + 0.6 * (canvas.width() - GUTTER), abs=10)
    assert window.views.strip.alarm.text() == "CHEST BELT LOST 0:04"
    assert window.views.strip.property("alarm") == "warn"


def test_what_is_not_recorded_or_has_no_rate_is_no_alarm(window):
    quiet = {"state": StreamState.STALLED, "age_s": 40.0}
    for seq, one in enumerate((chest(recorded=False, **quiet), chest(nominal_hz=0.0, **quiet)), start=1):
        feed(window, shown(seq=seq, ecg=one))
        assert window.views.strip.alarms == []


def test_a_hole_in_a_trace_stays_open(window):
    feed(window, shown(traces=(heart(100.0, hole=range(200, 300)),)))
    canvas = window.views.further.canvas
    painted = ink_columns(canvas, HEAD + 1, canvas.height() - FOOT - 1, DARK.trace)
    assert np.diff(painted).max() == pytest.approx(0.1 * (canvas.width() - GUTTER), abs=6)


def test_a_stream_that_is_not_even_listed_any_more_stays_as_the_past(window):
    feed(window, shown(traces=(heart(100.0),)))
    gone = snapshot(seq=2, time_s=105.0, streams=(stream("eeg"), stream("gaze")), eeg=block(104.9, 8), **RUNNING)
    feed(window, gone)
    (one,) = window.views.further.canvas.streams
    assert one.none == "no data for 5 s"


# The trail of valence and arousal.


def test_each_place_of_the_trail_is_computed_once(window, monkeypatch):
    asked = []
    place = valence_arousal.mean_place
    monkeypatch.setattr(valence_arousal, "mean_place", lambda found: asked.append(1) or place(found))
    feed(window, *(shown(seq=k + 1, time_s=100.0 + k, predictions=(prediction(100.0 + k),)) for k in range(5)))
    view = window.views.valence_arousal
    for _ in range(3):
        view.grab()
    assert len(asked) == 5
    assert [time_s for time_s, _ in view._trail.after(101.5)] == [102.0, 103.0, 104.0]
    again = replace(shown(seq=6, time_s=90.0, era=1), predictions=(prediction(90.0),))
    feed(window, again)
    view.grab()
    assert [time_s for time_s, _ in view._trail.after(0.0)] == [90.0]


# Ratings.


class Outlet:
    source_id = "ratings-of-this-test"

    def __init__(self):
        self.sent, self.closed = [], False

    def push(self, valence, arousal):
        self.sent.append((valence, arousal))

    def close(self):
        self.closed = True


@pytest.fixture
def outlet():
    return Outlet()


@pytest.fixture
def rating(window, outlet):
    view = window.views.rating
    view._opened = lambda: outlet
    feed(window, shown())
    QTest.keyClick(window, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    QApplication.processEvents()
    assert view.plane.isVisible()  # in front of the others
    view.send.click()
    view.timer.stop()  # it is ticked by hand
    return view


def test_keys_move_the_rating_that_is_sent(rating, outlet, window):
    plane = rating.plane
    assert plane.hasFocus()
    rating.tick()
    QTest.keyClick(plane, Qt.Key.Key_Right)
    QTest.keyClick(plane, Qt.Key.Key_Up)
    QTest.keyClick(plane, Qt.Key.Key_Up)
    rating.tick()
    assert outlet.sent == [(0.0, 0.0), (pytest.approx(STEP), pytest.approx(2 * STEP))]
    QTest.keyPress(plane, Qt.Key.Key_Left)
    for _ in range(HELD_TICKS + 100):
        rating.tick()
    assert outlet.sent[-1] == (-1.0, pytest.approx(2 * STEP))  # a key that is held goes on, up to the edge
    QTest.keyRelease(plane, Qt.Key.Key_Left)
    QTest.keyClick(plane, Qt.Key.Key_Home)
    rating.tick()
    rating.tick()
    assert outlet.sent[-2:] == [(0.0, 0.0)] * 2


def test_the_mouse_rates_too(rating, outlet):
    plane = rating.plane
    square = plane._square
    QTest.mouseClick(plane, Qt.MouseButton.LeftButton, pos=QPoint(int(square.right()) - 1, int(square.center().y())))
    rating.tick()
    assert outlet.sent[-1] == (pytest.approx(1.0, abs=0.03), pytest.approx(0.0, abs=0.03))


def test_it_says_whether_the_ratings_are_recorded(rating, outlet, window):
    own = stream("", "rtemo_ratings", source_id=outlet.source_id, stream_id="r", age_s=0.02, n_channels=2)
    for more, words in (
        ({"ecg": chest()}, texts.RATINGS_UNREAD),
        ({"ecg": own}, texts.RATINGS_RECORDED),
        ({"ecg": replace(own, age_s=9.0)}, texts.RATINGS_UNREAD),
        ({"ecg": own, "phase": Phase.PREVIEW, "recorder": None}, texts.RATINGS_READ),
    ):
        feed(window, shown(seq=window.state.snapshot.seq + 1, **more))
        assert rating.says.text() == words


def test_ratings_lie_on_a_grid_and_a_window_that_hung_leaves_a_gap():
    assert list(ratings_due(0, 0.049)) == []
    assert list(ratings_due(0, 0.151)) == [0, 1, 2]
    assert list(ratings_due(3, 0.16)) == []
    assert list(ratings_due(3, 10.01)) == list(range(200 - LATE, 200))
    assert ratings_due(200, 10.02).stop == 200


def test_the_recorder_takes_the_ratings_as_those_of_any_program():
    outlet = RatingOutlet()
    assert is_rating(outlet.info)
    assert StreamRoles(()).is_recorded_too(outlet.info)
    assert outlet.info.labels == ("valence", "arousal")
    outlet.push(0.5, 0.5)
    outlet.close()
    outlet.push(0.5, 0.5)


def test_nobody_rates_out_of_sight(rating, outlet, window):
    window.docks[texts.RATING_VIEW].hide()
    assert outlet.closed
    assert not rating.send.isChecked()
    assert not rating.timer.isActive()


def test_ratings_that_cannot_be_sent_are_said(window, qtbot):
    def fails():
        raise OSError("no network")

    view = RatingView(window.state, DARK, fails)
    qtbot.addWidget(view)
    view.show()
    view.send.click()
    assert "no network" in view.says.text()
    assert not view.send.isChecked()
