"""A calibration asked for in the real window, on a real engine that is fed by hand; only the fit itself is given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hand_fed import BUNDLE, Lab, wait_for
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from rtemo.gui import texts
from rtemo.gui.painting.colours import DARK
from rtemo.gui.painting.theme import apply_theme
from rtemo.gui.refresh_schedule import SLOW_FRAMES
from rtemo.gui.window import MainWindow
from rtemo.live.service.snapshot import Phase
from rtemo.live.service.wire import Command
from rtemo.model.bundle import LinearHead
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.personal.fit import FitOutcome
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession

HELPS, HELPS_NOT = "calibrated: 61 % instead of 48 %", "rolled back: 47 % instead of 48 %"


class LabClient:
    """A window's client of an engine in this process."""

    connected, failure, restarting, recorder = True, "", False, None

    def __init__(self, lab):
        self.lab = lab

    def refusals(self):
        return []

    def poll(self):
        return self.lab.take()

    def send(self, command, **arguments):
        self.lab.controller.submit(Command(command, arguments))


@pytest.fixture
def lab():
    running = Lab(SimulatedSession(SimulationPlan.for_duration(3, 120, eeg_channels=8, eeg_rate_hz=250)))
    yield running
    running.close()


@pytest.fixture
def window(qtbot, lab, tmp_path):
    apply_theme(QApplication.instance(), DARK)
    settings = QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat)
    made = MainWindow(LabClient(lab), settings, DARK)
    made._timer.stop()
    made.ask_quit = lambda: texts.QUIT_KEEP
    made.views.session.root = str(tmp_path / "data")
    qtbot.addWidget(made)
    made.show()
    return made


def someone():
    """A person for whom the labels mean the next ones."""
    heads = {name: LinearHead(np.roll(h.weight, 1, axis=0), np.roll(h.bias, 1)) for name, h in BUNDLE.heads.items()}
    quantiles = {name: dict(one.quantiles) for name, one in BUNDLE.spec.combinations.items()}
    return PersonalCalibration(BUNDLE.fingerprint, heads, quantiles, (), {})


def until(window, condition):
    """Samples and frames, until something is so: the engine's clock is the newest sample's."""

    def tried():
        window.client.lab.feed(0.25)
        for _ in range(SLOW_FRAMES):
            window.tick()
        return condition()

    wait_for(tried)


def click(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_calibration_that_helps_counts_and_one_that_does_not_is_rolled_back(lab, window, monkeypatch):
    outcomes = [FitOutcome(someone(), {}, HELPS), FitOutcome(None, {}, HELPS_NOT)]
    monkeypatch.setattr("rtemo.live.session.calibrating.fit_person", lambda *_: outcomes.pop(0))
    lab.feed(6)
    QTest.keyClicks(window.views.session.subject, "P 01")
    until(window, window.views.session.start.isEnabled)
    click(window.views.session.start)
    until(window, lambda: window.state.snapshot.phase is Phase.RUNNING)
    lab.feed(14)
    until(window, lambda: window.state.snapshot.time_s - window.state.snapshot.started_s > 10)
    QTest.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    dialog = window.dialogs.open["calibration"]
    dialog.seconds.setValue(5)
    for label in ("sad", "happy"):
        dialog.label.setCurrentText(label)
        click(dialog.add)
    until(window, lambda: dialog.list.count() == 2)
    before = window.state.latest["probabilities"]

    click(dialog.fit)
    until(window, lambda: dialog.message.text() == HELPS)
    lab.feed(4)
    until(window, lambda: window.state.latest["probabilities"] != before)
    folder = Path(window.state.snapshot.folder)
    kept = {path.name for path in folder.iterdir()}
    assert "person.json" in kept
    assert any(str(event["text"]).startswith("calibration begins") for event in window.state.marks)

    click(dialog.undo)
    until(window, lambda: dialog.message.text() == "the trained model counts again")
    click(dialog.fit)
    until(window, lambda: dialog.message.text() == HELPS_NOT)
    assert {path.name for path in folder.iterdir()} == kept
    click(window.views.session.stop)
    until(window, lambda: window.state.snapshot.phase is Phase.PREVIEW)
