"""The signals: what is in view, looking back, reading values. The real window on snapshots made by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from scripted import (
    Clock,
    ScriptedClient,
    channels,
    feed,
    replay,
    snapshot,
)

from rtemo.gui.painting.colours import DARK, LIGHT
from rtemo.gui.painting.display_filter import BANDS, DisplayFilter, filtered_between
from rtemo.gui.painting.ring_buffer import RingBuffer
from rtemo.gui.painting.theme import apply_theme
from rtemo.gui.views.signals.lanes import FAULTY
from rtemo.gui.window import MainWindow
from rtemo.gui.window_state import EEG_ROWS, EEG_VALUES, WindowState
from rtemo.live.service.snapshot import EegBlock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def window(qtbot, tmp_path, clock):
    apply_theme(QApplication.instance(), DARK)
    window = MainWindow(
        ScriptedClient(), QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat), DARK, clock=clock
    )
    window._timer.stop()
    window.resize(1600, 900)
    qtbot.addWidget(window)
    window.show()
    return window


def ramp(begin_s, end_s, n=8, step=1.0):
    """Each channel holds the seconds since 0, times the channel's number from 1."""
    times = np.arange(round(200 * begin_s), round(200 * end_s)) / 200.0
    return EegBlock(times, (step * times[:, None] * np.arange(1, n + 1)).astype(np.float32))


def shown(begin_s=0.0, end_s=60.0, n=8, seq=1, **more):
    return snapshot(seq=seq, time_s=end_s, eeg=ramp(begin_s, end_s, n), channels=channels(n), gaze_valid=None, **more)


def test_more_channels_than_can_be_told_apart_are_shown_32_at_once(window):
    view = window.views.signals
    feed(window, shown(n=40))
    assert view.channels.count == 40
    assert view.scroll.isHidden()
    feed(window, shown(n=64, begin_s=60, end_s=61, seq=2))
    assert [label for _, label, _ in view.canvas.channels][::31] == ["E0", "E31"]
    assert view.scroll.isVisible()
    QTest.keyClick(window, Qt.Key.Key_PageDown)
    assert view.canvas.channels[0][1] == "E32"
    assert view.scroll.value() == 32
    view.shown.setCurrentIndex(1)  # all
    feed(window)
    assert len(view.canvas.channels) == 64
    assert view.scroll.isHidden()


def column_of(image, ink):
    """The heights at which an ink is seen."""
    return [
        y
        for y in range(image.height())
        for x in range(200, image.width() - 120, 3)
        if image.pixelColor(x, y) == QColor(ink)
    ]


def test_a_faulty_trace_stays_in_its_lane(window):
    feed(window, snapshot(time_s=10.0, channels=channels(8, {4: "railed"})))
    times = np.arange(0, 2000) / 200.0
    values = np.zeros((2000, 8), np.float32)
    values[:, 4] = 4000 * np.sin(times * 9)
    feed(window, snapshot(seq=2, time_s=10.0, eeg=EegBlock(times, values), channels=channels(8, {4: "railed"})))
    canvas = window.views.signals.canvas
    lane = canvas._eeg_height / 8
    inked = column_of(canvas.grab().toImage(), DARK.faint)
    assert inked
    assert 8 + 3.9 * lane <= min(inked)
    assert max(inked) <= 8 + 5.1 * lane
    window.views.signals.look_back(0.0)
    past = window.views.signals.past
    lane, (_, faulty) = past._eeg_share / 8, past._curves[FAULTY].getData()
    assert 4 * lane - 1e-9 <= min(faulty) < max(faulty) <= 5 * lane + 1e-9


def test_looking_back_shows_the_past_as_past_and_stands_still(window, clock):
    view = window.views.signals
    feed(window, shown())
    QTest.keyClick(window, Qt.Key.Key_Left)
    assert view.is_past
    assert view.past.range_s == pytest.approx((45.0, 55.0), abs=0.1)
    clock.s += 20.0
    feed(window, shown(60, 80, seq=2))
    assert view.past.range_s == pytest.approx((45.0, 55.0), abs=0.1)
    assert "ends 25 s ago" in view.past.about.text()
    assert view.past.when.isVisible()
    assert QColor(DARK.raised) != QColor(DARK.panel)
    image = view.past.plot.grab().toImage()
    assert image.pixelColor(image.width() - 3, image.height() - 3) == QColor(DARK.raised)  # another ground than now
    QTest.keyClick(window, Qt.Key.Key_End)
    assert not view.is_past
    feed(window)
    assert view.canvas._strip.x_of(80.0) == pytest.approx(view.canvas.width() - 92, abs=3)


def test_the_keys_toggle_and_move_and_stop_at_the_ends(window):
    view = window.views.signals
    feed(window, shown())
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert view.is_past
    QTest.keyClick(window, Qt.Key.Key_Right)
    assert view.past.range_s[1] == pytest.approx(60.0, abs=0.1)  # there is no future
    for _ in range(20):
        QTest.keyClick(window, Qt.Key.Key_Left)
    assert view.past.range_s[0] == pytest.approx(0.0, abs=0.1)
    begin_s, end_s = view.past.range_s
    assert begin_s <= view.past.cursor_s <= end_s
    view.past.cursor_s = begin_s + 0.25 * (end_s - begin_s)
    QTest.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)  # less time, around the cursor
    closer_s = view.past.range_s
    assert closer_s[1] - closer_s[0] == pytest.approx((end_s - begin_s) / 1.5)
    assert (view.past.cursor_s - closer_s[0]) / (closer_s[1] - closer_s[0]) == pytest.approx(0.25, abs=1e-6)
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert not view.is_past


def test_the_value_under_the_cursor_is_the_samples(window):
    view = window.views.signals
    feed(window, shown())
    canvas = view.canvas
    lane = canvas._eeg_height / 8
    assert canvas.reading(57.0, 8 + 2.5 * lane, 60.0) == "−3.00 s   E2 171.0 µV"
    view.look_back(20.0)
    view.past.cursor_s = 33.0
    view.past._read(2.5 / 8)
    assert "E2 99.0 µV" in view.past.reading.text()
    before = view.past.cursor_s
    QTest.keyClick(view.past.plot, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert view.past.cursor_s == pytest.approx(before + 0.1, abs=1e-6)


def turn(widget, up, modifiers=Qt.KeyboardModifier.NoModifier):
    place = QPointF(widget.width() / 2, widget.height() / 2)
    held, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(place, widget.mapToGlobal(place), QPoint(), QPoint(0, 120 * up), held, modifiers, phase, False)
    QApplication.sendEvent(widget, event)


def test_the_wheel_zooms_in_time_and_with_keys_held_scales_and_scrolls(window):
    view = window.views.signals
    feed(window, shown(n=64))
    turn(view.canvas, -1)
    assert view.canvas.span_s == 20
    turn(view.canvas, 1, Qt.KeyboardModifier.ControlModifier)
    assert view.canvas.scale_uv == 20
    turn(view.canvas, -1, Qt.KeyboardModifier.ShiftModifier)
    assert view.channels.first == 4
    view.look_back(10.0)
    begin_s, end_s = view.past.range_s
    turn(view.past.plot.viewport(), 1)
    assert view.past.range_s[1] - view.past.range_s[0] < end_s - begin_s
    turn(view.past.plot.viewport(), -1, Qt.KeyboardModifier.ControlModifier)
    assert view.past.scale_uv == 50


def test_a_drag_on_the_live_signals_looks_back(window):
    view = window.views.signals
    feed(window, shown())
    canvas = view.canvas
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(300, 100))
    QTest.mouseMove(canvas, QPoint(300 + (canvas.width() - 92) // 2, 100))
    assert view.is_past
    assert view.past.range_s[1] == pytest.approx(55.0, abs=0.2)


def test_a_past_that_is_gone_is_left(window):
    view = window.views.signals
    feed(window, snapshot(**replay(60.0), eeg=ramp(80, 140), channels=channels(8)))
    view.toggle_past()
    assert view.is_past
    feed(window, snapshot(seq=2, era=1, **replay(10.0), eeg=ramp(80, 90), channels=channels(8)))
    assert not view.is_past


def test_the_time_of_what_is_past_is_clock_time_and_in_a_replay_time_since_the_start(window):
    view = window.views.signals
    feed(window, shown())
    view.look_back(0.0)
    assert view.past.clock_text(60.0).count(":") == 2
    view.show_live()
    feed(window, snapshot(seq=2, era=1, **replay(60.0), eeg=ramp(80, 140), channels=channels(8)))
    view.look_back(0.0)
    assert view.past.clock_text(115.0) == "0:35"


def test_the_history_is_bounded_in_time_and_in_memory():
    for n, rows in ((8, EEG_ROWS), (512, EEG_VALUES // 512)):
        state = WindowState()
        state.update(replace(snapshot(), eeg=ramp(0, 1, n)))
        assert state.eeg.capacity == rows


def test_a_stretch_is_filtered_as_the_live_traces_are():
    rng = np.random.default_rng(4)
    source = RingBuffer(20_000, 3)
    live = DisplayFilter(source, BANDS[1])
    times = np.arange(8000) / 200.0
    source.push(times, rng.normal(0, 10, (8000, 3)))
    live.update()
    for begin_s, end_s in ((20.0, 22.0), (35.0, 40.0)):
        expected = live.buffer.between(begin_s, end_s)
        found = filtered_between(source, BANDS[1], begin_s, end_s)
        assert np.array_equal(found[0], expected[0])
        assert np.abs(found[1] - expected[1]).max() < 0.5  # the run-in's rest
    assert filtered_between(source, BANDS[0], 20.0, 22.0)[1] == pytest.approx(source.between(20.0, 22.0)[1])


@pytest.mark.parametrize(("begin_s", "end_s"), [(-1.0, 0.5), (1.0, 2.0), (9.0, 30.0), (20.0, 30.0), (3.0, 3.0)])
def test_a_ring_gives_the_rows_between_two_times(begin_s, end_s):
    ring = RingBuffer(700, 1)
    stamps = np.arange(1000) / 100.0
    ring.push(stamps, stamps[:, None])
    times, values = ring.between(begin_s, end_s)
    kept = stamps[300:]
    assert np.array_equal(times, kept[(kept > begin_s) & (kept <= end_s)])
    assert values[:, 0] == pytest.approx(times)


def test_both_themes_paint_the_past(window):
    view = window.views.signals
    feed(window, shown())
    view.look_back(5.0)
    window.set_theme(LIGHT)
    feed(window)
    image = view.past.plot.grab().toImage()
    assert image.pixelColor(image.width() - 3, image.height() - 3) == QColor(LIGHT.raised)
    assert math.isfinite(view.past.range_s[0])
