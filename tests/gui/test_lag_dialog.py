"""The lag test in the window: what it measures with, and that the constant reaches the settings."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSettings
from scripted import Clock, ScriptedClient, feed, replay, snapshot

from rtemo.core.types import Modality
from rtemo.gui import texts
from rtemo.gui.dialogs import lag_dialog
from rtemo.gui.dialogs.lag_dialog import PHOTODIODE, SACCADES, STEPS
from rtemo.gui.painting.colours import DARK
from rtemo.gui.window import MainWindow
from rtemo.live.service.snapshot import Phase
from rtemo.sources.session_settings import SessionSettings, StampLatency, parse_settings, settings_text

FOUND = "amp: 31.5 ms behind the markers\n[eeg]\nlatency_ms = 31.5\nlatency_spread_ms = 1.2\n"
GAZE = StampLatency(40.0, 9.0)
SETTINGS = settings_text(SessionSettings(task="films", latencies={Modality.GAZE: GAZE}))


@pytest.fixture
def window(qtbot, tmp_path):
    window = MainWindow(
        ScriptedClient(), QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat), DARK, clock=Clock()
    )
    window._timer.stop()
    window.ask_quit = lambda: texts.QUIT_KEEP
    qtbot.addWidget(window)
    return window


def opened(window, *snapshots):
    feed(window, *(snapshots or [snapshot(settings=SETTINGS)]))
    window.dialogs.ask_lag()
    return window.dialogs.open["lag"]


def test_what_was_measured_goes_into_the_settings_with_its_spread(window):
    dialog = opened(window)
    assert not dialog.adopt.isEnabled()
    dialog.show_result(0, FOUND, "")
    assert dialog.message.text() == "amp: 31.5 ms behind the markers"
    dialog.adopt.click()
    ((command, arguments),) = window.client.sent
    found = parse_settings(arguments["settings"])
    assert command == "configure"
    assert found.task == "films"
    assert found.latencies == {Modality.GAZE: GAZE, Modality.EEG: StampLatency(31.5, 1.2)}


def test_a_channel_without_a_role_has_a_lag_and_no_settings(window):
    dialog = opened(window)
    dialog.show_result(0, "aux: 31.5 ms behind the markers\n", "")
    assert not dialog.adopt.isEnabled()


def test_in_a_session_the_settings_stay(window):
    session = snapshot(Phase.RUNNING, settings=SETTINGS, subject="P1", started_s=90.0)
    dialog = opened(window, session)
    dialog.show_result(0, FOUND, "")
    assert not dialog.adopt.isEnabled()
    dialog.put_into_settings()
    assert not window.client.sent


def test_each_way_says_its_steps_and_measures_with_its_options(window):
    dialog = opened(window)
    assert dialog.steps.text() == STEPS[PHOTODIODE]
    dialog.path.setText("-odd.xdf")
    dialog.begin.click()
    assert dialog.message.text() == lag_dialog.INCOMPLETE
    dialog.channel.setText("-Photo")
    dialog.marker.setText("flash")
    assert dialog.command[2:] == [
        "lag", "--photodiode=-Photo", "--event=flash", "--expected-ms=0", "--", "-odd.xdf",
    ]  # fmt: skip
    dialog.way.setCurrentIndex(dialog.way.findData(SACCADES))
    assert dialog.steps.text() == STEPS[SACCADES]
    assert dialog.command[2:] == ["lag", "--saccades", "--event=flash", "--expected-ms=200", "--", "-odd.xdf"]


def test_what_cannot_be_measured_is_said(window, tmp_path, qtbot):
    dialog = opened(window, snapshot(settings=SETTINGS, **replay()))
    assert dialog.path.text() == "/data/person.xdf"
    dialog.path.setText(str(tmp_path / "none.xdf"))
    dialog.channel.setText("Photo")
    dialog.begin.click()
    assert not dialog.begin.isEnabled()
    qtbot.waitUntil(lambda: dialog.process is None, timeout=60_000)
    assert dialog.message.objectName() == "bad"
    assert "none.xdf" in dialog.message.text()
    assert dialog.begin.isEnabled()
