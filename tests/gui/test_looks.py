"""How the window looks: sizes of text, contrast, keys, names, and that everything fits, by geometry and by pixels."""

from __future__ import annotations

import pytest
from pixels import READABLE, measured_contrast, painted
from PySide6.QtCore import QPoint, QRect, QSettings, QSize, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollBar,
    QTabBar,
    QWidget,
)
from scripted import RECORDING, Clock, ScriptedClient, block, channels, prediction, snapshot, stream

from rtemo.core.types import StreamState
from rtemo.gui import texts
from rtemo.gui.alarms import Alarm
from rtemo.gui.layout.keys_first import own_keys
from rtemo.gui.painting.colours import DARK, LIGHT
from rtemo.gui.painting.theme import SIZES, apply_theme, font
from rtemo.gui.refresh_schedule import SLOW_FRAMES
from rtemo.gui.views.streams import CHANNELS, MISSING, RATE, RECORDED, REQUIRED
from rtemo.gui.window import MainWindow
from rtemo.live.service.snapshot import Phase

THEMES = pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
# Full HD, a small laptop, and full HD at 200 %, which leaves half of it in each direction.
SCREENS = pytest.mark.parametrize("screen", [(1920, 1080), (1280, 720), (960, 540)], ids=lambda s: f"{s[0]}x{s[1]}")
TAB_PADDING = 8  # of the style sheet
LONG = "a participant or a device with a name that does not end where it should " * 3


@pytest.fixture
def open_window(qtbot, tmp_path):
    made = []

    def make(theme=DARK, screen=(1440, 900)):
        apply_theme(QApplication.instance(), theme)
        path = tmp_path / f"{len(made)}.ini"
        window = MainWindow(ScriptedClient(), QSettings(str(path), QSettings.Format.IniFormat), theme, clock=Clock())
        made.append(window)
        window._timer.stop()
        window.ask_quit = lambda: texts.QUIT_KEEP
        qtbot.addWidget(window)
        window.fill(QRect(QPoint(), QSize(*screen)))
        window.show()
        return window

    return make


def feed(window, *snapshots):
    window.client.waiting += snapshots
    QApplication.processEvents()
    for _ in range(len(snapshots) + SLOW_FRAMES + 1):
        window.tick()
    QApplication.processEvents()


def session(long=False, **more):
    """A session with all there is; long: with names that do not fit."""
    name = LONG if long else "P07"
    streams = (
        stream("eeg", name=name, hostname=name, why=name, profile=name, n_channels=128, nominal_hz=1000.0),
        stream("gaze", name=name, state=StreamState.LOST if long else StreamState.STREAMING, age_s=12.0),
        stream("markers", name=name),
    )
    values = {
        "streams": streams,
        "channels": channels(64, {3: "flat", 9: "line noise"}, "E{}" if not long else "a long electrode name {}"),
        "eeg": block(99.9, 64),
        "gaze_valid": (True,) * 240,
        "predictions": (prediction(99.5), prediction(100.0)),
        "events": ({"time_s": 99.0, "kind": "annotation", "text": name, "stream": name},),
        "explanation": {f"{name} feature {k}": 0.3 for k in range(4)},
        "recorder": RECORDING,
        "started_s": 40.0,
        "subject": name,
        "folder": "/data/s",
    }
    return snapshot(phase=Phase.RUNNING, **(values | more))


def parts(window, kind):
    """The visible widgets of a kind that belong to the window itself; none of a view whose tab is not in front."""
    behind = [dock for dock in window.docks.values() if dock.x() < 0]
    found = [w for w in window.findChildren(kind) if w.isVisible() and w.window() is window]
    return [w for w in found if not any(d.isAncestorOf(w) for d in behind) and not w.parentWidget().inherits("QTabBar")]


# Geometry.


@THEMES
@SCREENS
@pytest.mark.parametrize("long", [False, True], ids=["short", "long names"])
def test_everything_fits_the_screen_and_no_button_is_pushed_off(open_window, theme, screen, long):
    window = open_window(theme, screen)
    feed(window, session(long))
    assert (window.width(), window.height()) == screen
    inside = QRect(QPoint(), window.size())
    controls = [*parts(window, QAbstractButton), *parts(window, QComboBox), *parts(window, QLineEdit)]
    assert len(controls) > 12
    for one in controls:
        place = QRect(one.mapTo(window, QPoint()), one.size())
        assert inside.contains(place), (one.accessibleName() or one.objectName(), place)
        assert one.visibleRegion().boundingRect().size() == one.size(), f"{one} is covered or cut off"
    for button in parts(window, QPushButton):
        assert button.width() >= button.minimumSizeHint().width(), button.text()
    overlapping = [
        (a, b)
        for k, a in enumerate(controls)
        for b in controls[k + 1 :]
        if a.parentWidget() is b.parentWidget() and a.geometry().intersects(b.geometry())
    ]
    assert overlapping == []


@SCREENS
def test_the_first_screen_fits(open_window, screen):
    window = open_window(DARK, screen)
    feed(window, snapshot(phase=Phase.IDLE, streams=(), channels=()))
    assert (window.width(), window.height()) == screen
    for one in (*parts(window, QPushButton), *parts(window, QLabel)):
        if one.window() is window and one.text():
            assert QRect(QPoint(), window.size()).contains(QRect(one.mapTo(window, QPoint()), one.size())), one.text()


def test_on_full_hd_at_200_percent_no_tab_and_no_alarm_is_cut_off(open_window):
    window = open_window(DARK, (960, 540))
    feed(window, snapshot(phase=Phase.IDLE, streams=(), channels=()))
    feed(window, session())
    bars = {bar.tabText(0): bar for bar in window.findChildren(QTabBar) if bar.isVisible() and bar.count() > 1}
    assert {bar.tabText(bar.currentIndex()) for bar in bars.values()} == {"Emotion", "Probabilities"}
    for bar in bars.values():
        for k in range(bar.count()):
            needed = bar.fontMetrics().horizontalAdvance(bar.tabText(k)) + 2 * TAB_PADDING
            assert bar.tabRect(k).width() >= needed, bar.tabText(k)
    strip = window.views.strip
    for text in (texts.PREDICTIONS_RESTARTING, texts.NO_PREDICTIONS_NOW):
        strip._watch.current = lambda text=text: [Alarm(text, "warn", window.state.now_s - 600.0)]
        for _ in range(3):  # it takes the room that it needs, then the smaller text
            strip.refresh(set())
            QApplication.processEvents()
        assert strip.alarm.text().startswith(text)
        assert strip.alarm.fontMetrics().horizontalAdvance(strip.alarm.text()) <= strip.alarm.width()


def test_docks_that_were_arranged_on_a_larger_screen_do_not_overflow_a_small_one(open_window, monkeypatch):
    window = open_window(DARK, (1920, 1080))
    for name in (texts.EMOTION, texts.QUALITY, texts.GAZE, texts.PLANE):  # one below the other
        window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, window.docks[name], Qt.Orientation.Vertical)
    feed(window, session())
    kept = window.settings
    window.close()
    monkeypatch.setattr("rtemo.gui.layout.window_layout.WindowLayout._screen", lambda _self: QSize(960, 540))
    again = MainWindow(ScriptedClient(), kept, DARK, clock=Clock())
    again._timer.stop()
    again.show()
    feed(again, session())
    assert again.minimumSizeHint().height() <= 540
    assert again.height() <= 540
    again.ask_quit = lambda: texts.QUIT_KEEP
    again.close()


# Text.


@THEMES
def test_there_are_four_sizes_of_text(open_window, theme):
    window = open_window(theme)
    for name in (texts.SPECTRUM, texts.SPECTROGRAM):
        window.docks[name].show()
    feed(window, session())
    window.views.signals.look_back(1.0)
    found = {one.font().pointSizeF() for one in window.findChildren(QWidget) if one.window() is window}
    assert found <= set(SIZES), found - set(SIZES)
    assert len(set(SIZES)) == 4
    with pytest.raises(ValueError, match="none of"):
        font(11)


def texts_of(window):
    kinds = (QLabel, QPushButton, QLineEdit, QComboBox)
    for kind in kinds:
        for one in parts(window, kind):
            words = one.currentText() if isinstance(one, QComboBox) else one.text()
            hint = one.placeholderText() if isinstance(one, QLineEdit) else ""
            if (words.strip() or hint) and one.visibleRegion().boundingRect().size() == one.size():
                yield one, words or hint


@THEMES
@pytest.mark.parametrize("alarm", [False, True], ids=["well", "alarm"])
def test_the_contrast_of_all_text_is_readable_by_its_pixels(open_window, theme, alarm):
    window = open_window(theme, (1280, 720))
    feed(window, session(long=alarm, **({"recorder": None} if alarm else {})))
    seen, pixels = list(texts_of(window)), painted(window)
    assert len(seen) > 25
    poor = {words[:40]: round(c, 2) for one, words in seen if (c := measured_contrast(pixels, one)) < READABLE}
    assert poor == {}


@THEMES
def test_the_contrast_of_painted_text_is_readable_by_its_pixels(open_window, theme):
    window = open_window(theme)
    feed(window, session())
    views = window.views
    canvas, strip = views.signals.canvas, views.strip
    areas = [
        (canvas, QRect(0, 0, 84, canvas.height() - 24)),
        (canvas, QRect(100, canvas.height() - 20, canvas.width() - 110, 18)),
        (views.valence_arousal, QRect(0, views.valence_arousal.height() - 18, views.valence_arousal.width(), 18)),
        (strip.streams, QRect(18, 0, strip.streams.width() - 18, strip.streams.height())),
        (views.emotion.explanation, QRect(0, 20, views.emotion.explanation.width() // 2, 18)),
        *((meter, QRect(0, 0, meter.width(), 20)) for meter in views.emotion.meters.values()),
    ]
    pixels = painted(window)
    for widget, area in areas:
        assert measured_contrast(pixels, widget, area) >= READABLE, widget


# Keys and names.


def focusable(window):
    return [
        one
        for one in parts(window, QWidget)
        if one.focusPolicy() & Qt.FocusPolicy.TabFocus and one.isEnabled()
        if not (isinstance(one, QTabBar) and one.count() < 2)  # Qt keeps those out of sight
    ]


def test_whatever_can_be_pressed_is_reached_by_tab(open_window):
    window = open_window()
    feed(window, session())
    unreachable = [
        one.accessibleName() or one.toolTip()
        for kind in (QAbstractButton, QComboBox, QLineEdit)
        for one in parts(window, kind)
        if not one.focusPolicy() & Qt.FocusPolicy.TabFocus
        and one.objectName() != "qt_toolbar_ext_button"
        and not one.parentWidget().inherits("QTabBar")
        and not one.parentWidget().inherits("QTableView")
    ]
    assert unreachable == []
    reached = set()
    for _ in range(3 * len(focusable(window))):
        QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
        reached.add(window.focusWidget())
    assert window.views.quality.head in reached
    assert window.views.session.stop in reached
    assert window.views.signals.look in reached


@THEMES
def test_the_focus_can_be_seen(open_window, theme):
    window = open_window(theme)
    feed(window, session())
    window.activateWindow()
    unseen = []
    for one in focusable(window):
        window.setFocus()
        QApplication.processEvents()
        before = one.grab().toImage()
        one.setFocus(Qt.FocusReason.TabFocusReason)
        QApplication.processEvents()
        if one.hasFocus() and one.grab().toImage() == before and not isinstance(one, QScrollBar):
            unseen.append(one.accessibleName() or one.metaObject().className())
    assert unseen == []


def test_everything_that_has_the_keyboard_has_a_name(open_window):
    window = open_window()
    feed(window, session())
    nameless = []
    for one in (*focusable(window), *(dock.widget() for dock in window.docks.values())):
        interface = QAccessible.queryAccessibleInterface(one)
        if interface is None or not interface.text(QAccessible.Text.Name):
            nameless.append(f"{one.metaObject().className()} in {one.parentWidget().metaObject().className()}")
    assert nameless == [], nameless


def test_the_table_of_streams_fits_with_many_channels_and_fast_rates(open_window):
    window = open_window(screen=(1920, 1080))
    fast = stream("eeg", n_channels=256, nominal_hz=1000.0, measured_hz=1000.0, n_missing=99_999)
    feed(window, snapshot(streams=(fast, stream("gaze")), eeg=block(99.9, 8)))
    view = window.views.streams.view
    header = view.horizontalHeader()
    assert header.length() <= view.viewport().width()  # no column is cut off
    for column in (CHANNELS, RATE, MISSING, RECORDED, REQUIRED):
        texts_ = [view.model().headerData(column, Qt.Orientation.Horizontal), view.model().index(0, column).data()]
        widest = max(header.fontMetrics().horizontalAdvance(text) for text in texts_)
        assert widest + 12 <= header.sectionSize(column), texts_


def test_a_focused_control_keeps_its_own_keys(open_window):
    window = open_window()
    feed(window, session())
    window.activateWindow()
    pause, view = window.views.session.pause, window.views.signals
    pause.setFocus()
    QTest.keyClick(pause, Qt.Key.Key_Space)
    assert window.client.sent == [("pause", {})]
    assert not view.is_past  # Space was the button's
    view.span.setFocus()
    before = view.canvas.span_s
    QTest.keyClick(view.span, Qt.Key.Key_Down)
    assert view.canvas.span_s > before
    window.setFocus()
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert view.is_past
    assert own_keys(QLineEdit()) == frozenset()  # text fields see to it themselves


def test_electrodes_are_excluded_by_keys(open_window):
    window = open_window()
    feed(window, session())
    head = window.views.quality.head
    head.setFocus()
    QTest.keyClick(head, Qt.Key.Key_Right)
    first = head.current
    assert first
    QTest.keyClick(head, Qt.Key.Key_Up)
    assert head.current != first
    assert head.current in head.accessibleDescription()
    here = {channel.label: head.place(channel) for channel in window.state.snapshot.channels}
    assert here[head.current].y() < here[first].y()
    QTest.keyClick(head, Qt.Key.Key_Space)
    assert window.client.sent == [("mark_channel", {"label": head.current, "mark": "bad"})]  # as by a click
