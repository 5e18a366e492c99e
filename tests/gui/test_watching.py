"""The second window, which only watches, and the large view that is read from afar."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from scripted import RECORDING, ScriptedClient, block, prediction, replay, snapshot, stream

from rtemo.cli import main
from rtemo.core.errors import RtemoError
from rtemo.core.types import StreamState
from rtemo.gui import texts
from rtemo.gui.painting.colours import DARK, EMOTIONS, LIGHT
from rtemo.gui.painting.theme import apply_theme
from rtemo.gui.refresh_schedule import SLOW_FRAMES
from rtemo.gui.window import MainWindow
from rtemo.live.service.client import EngineClient, Launch
from rtemo.live.service.snapshot import Phase
from rtemo.live.service.wire import COMMANDS


@pytest.fixture
def open_window(qtbot, tmp_path):
    def make(*, watches=True):
        apply_theme(QApplication.instance(), DARK)
        settings = QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat)
        window = MainWindow(ScriptedClient(), settings, DARK, watches=watches)
        window._timer.stop()
        window.ask_quit = lambda: texts.QUIT_KEEP
        qtbot.addWidget(window)
        window.show()
        return window

    return make


def feed(window, *snapshots):
    window.client.waiting += snapshots
    QApplication.processEvents()
    for _ in range(len(snapshots) + SLOW_FRAMES + 1):
        window.tick()
    QApplication.processEvents()


def session(**more):
    values = {"recorder": RECORDING, "started_s": 40.0, "subject": "P07", "folder": "/data/s"}
    shown = {"eeg": block(99.9, 8), "predictions": (prediction(100.0),)}
    return snapshot(phase=Phase.RUNNING, **(values | shown | more))


def test_a_watching_window_shows_the_session(open_window):
    window = open_window()
    feed(window, session())
    assert window.views.strip.rec.text() == "REC 1:00"
    assert window.views.emotion.headline.text == "happy"
    assert "watching" in window.windowTitle()


def test_nothing_in_a_watching_window_sends_a_command(open_window):
    window = open_window()
    feed(window, session())
    for name in COMMANDS:
        window.send(name)
    for action in window.findChildren(type(window.menus.dark)):
        if action.text() not in (texts.QUIT, "") and "Export" not in action.text() and "…" not in action.text():
            action.trigger()
    for key in (Qt.Key.Key_F2, Qt.Key.Key_F3, Qt.Key.Key_Space):
        QTest.keyClick(window, key)
    head = window.views.quality.head
    QTest.mouseClick(head, Qt.MouseButton.LeftButton, pos=head.place(window.state.snapshot.channels[2]).toPoint())
    for button in window.findChildren(QPushButton):
        if button.isVisible() and button.window() is window:
            button.click()
    assert window.client.sent == []
    for text in (texts.START, texts.STOP, texts.PAUSE, texts.RESTART):
        assert not any(b.text() == text and b.isVisible() for b in window.findChildren(QPushButton))
    window.leave()
    window.close()
    assert window.client.sent == []


def test_a_change_that_is_tried_in_a_watching_window_is_refused_aloud(open_window):
    window = open_window()
    feed(window, session())
    head = window.views.quality.head
    QTest.mouseClick(head, Qt.MouseButton.LeftButton, pos=head.place(window.state.snapshot.channels[2]).toPoint())
    assert window.notice.text.text() == texts.ONLY_WATCHES


def test_a_failed_engine_a_replay_and_no_engine_are_shown_without_buttons(open_window):
    window = open_window()
    feed(window, snapshot(phase=Phase.FAILED, failure="the disk is full"))
    assert window.banner.isVisible()
    assert not window.banner.restart.isVisible()
    feed(window, snapshot(seq=2, **replay(20.0)))
    assert window.views.replay.parent() is None or not window.views.replay.isVisible()
    feed(window, snapshot(seq=3, phase=Phase.IDLE, streams=(), channels=(), era=1))
    assert window.middle.currentWidget() is window.views.welcome
    assert not any(button.isVisible() for button in window.views.welcome.offers)


@pytest.mark.parametrize("command", ["stop", "shutdown", "dismiss", "restart_engine"])
def test_a_watching_client_sends_nothing_and_starts_nothing(tmp_path, command):
    client = EngineClient(Launch("nobody", folder=tmp_path / "run", start=False, watches=True))
    try:
        with pytest.raises(RtemoError, match="only watches"):
            client.send(command)
        assert client.poll() is None
        assert client._process is None
    finally:
        client.close()


@pytest.mark.parametrize("option", [("--replay", "a.xdf"), ("--model", "b"), ("--settings", "c.toml")])
def test_a_window_that_watches_takes_no_option_that_changes_anything(option, capsys):
    assert main(["app", "--watch", *option]) == 2
    assert "changes nothing" in capsys.readouterr().err


# From afar.


def large(window):
    QTest.keyClick(window, Qt.Key.Key_F10)
    view = window.views.distance
    view.resize(1280, 720)
    return view


def test_the_large_view_says_what_matters(open_window):
    window = open_window(watches=False)
    view = large(window)
    feed(window, session())
    assert view.isVisible()
    assert view.isWindow()
    assert view.shown["recording"] == "REC 1:00"
    assert view.shown["participant"] == "P07"
    assert (view.shown["emotion"], view.shown["share"]) == ("happy", "80 %")
    assert "happy" in view.accessibleName()
    image = view.grab().toImage()
    assert image.pixelColor(4, 400) == QColor(EMOTIONS["happy"])
    ink = [y for y in range(200, 560) for x in range(60, 500, 4) if image.pixelColor(x, y) == QColor(DARK.ink)]
    assert max(ink) - min(ink) > 720 / 8  # readable from two metres: letters of an eighth of the height


def test_the_large_view_fills_with_an_alarm_and_greys_what_must_not_be_believed(open_window):
    window = open_window()
    view = large(window)
    feed(window, session())
    lost = (stream("eeg"), stream("gaze", state=StreamState.LOST, age_s=12.0))
    feed(window, session(seq=2, streams=lost))
    assert view.shown["alarm"] == "EYE TRACKER LOST 0:12"
    image = view.grab().toImage()
    assert image.pixelColor(2, 2) == QColor(DARK.bad)
    assert view.shown["emotion"] == "eye tracker lost"
    assert view.shown["share"] == ""
    assert image.pixelColor(4, 400) == QColor(DARK.window)
    feed(window, snapshot(seq=3, time_s=110.0, phase=Phase.RUNNING, recorder=RECORDING, started_s=40.0))
    assert view.shown["emotion"] == "no data for 10 s"


def test_a_stream_that_is_silent_differs_by_its_shape_too(open_window):
    window = open_window()
    view = large(window)
    feed(window, session())
    well = view.grab().toImage()
    feed(window, session(seq=2, streams=(stream("eeg"), stream("gaze", state=StreamState.LOST, age_s=12.0))))
    lost = view.grab().toImage()

    def corner(image, k):  # a disc leaves the lower corner of its square free, a triangle fills it
        height = 720 * 0.2
        lamp, left = 0.24 * height, 0.03 * 1280 + k * (1280 * 0.94) / 2
        return image.pixelColor(round(left + 1.5), round(720 - height / 2 + lamp / 2 - 1)).name()

    assert corner(well, 1) == DARK.window
    assert corner(lost, 1) == DARK.bad
    assert corner(lost, 0) == DARK.window


def test_escape_closes_the_large_view_and_it_goes_with_the_window(open_window):
    window = open_window()
    view = large(window)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert not view.isVisible()
    large(window)
    window.set_theme(LIGHT)
    feed(window, session())
    assert view.grab().toImage().pixelColor(2, 2) == QColor(LIGHT.panel)
    window.close()
    assert not view.isVisible()
