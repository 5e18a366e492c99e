"""All dialogs: inside the screen at any size of it, everything in them within reach, their texts readable by pixels."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest
from pixels import READABLE, measured_contrast, painted
from PySide6.QtCore import QPoint, QRect, QSettings, QSize
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QScrollArea,
    QTabWidget,
    QWidget,
)
from scripted import RECORDING, Clock, ScriptedClient, channels, feed, snapshot

import rtemo.gui
from rtemo.gui import texts
from rtemo.gui.layout.scrolling_dialog import FRAME, ScrollingDialog
from rtemo.gui.painting.colours import DARK, LIGHT
from rtemo.gui.painting.theme import apply_theme
from rtemo.gui.study.export_dialog import ExportDialog
from rtemo.gui.window import MainWindow
from rtemo.live.service.snapshot import Phase
from rtemo.sources.session_settings import SessionSettings, settings_text
from rtemo.sources.study_settings import ProtocolBlock, Study

# Full HD at 200 % leaves half of it in each direction; a small laptop; full HD.
SCREENS = [QSize(960, 540), QSize(1280, 720), QSize(1920, 1080)]
LONG = "a name that does not end where it should "
SETTINGS = settings_text(
    SessionSettings(
        subject="P07",
        protocol=(ProtocolBlock("rest", 120.0, baseline=True, sound=True), ProtocolBlock(LONG * 4, 60.0)),
        study=Study(name=LONG * 3, purpose="research", consent="1", notice=LONG * 30),
    )
)
CONTROLS = (QAbstractButton, QComboBox, QLineEdit, QAbstractSpinBox)


@pytest.fixture(params=[DARK, LIGHT], ids=lambda theme: theme.name)
def window(qtbot, tmp_path, request):
    apply_theme(QApplication.instance(), request.param)
    settings = QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat)
    settings.setValue("root", str(tmp_path / "sessions"))
    window = MainWindow(ScriptedClient(), settings, request.param, clock=Clock())
    window._timer.stop()
    window.ask_quit = lambda: texts.QUIT_KEEP
    qtbot.addWidget(window)
    window.show()
    return window


def all_dialogs(window):
    """Each dialog of the window, opened one after the other: before a session, then those of one."""
    dialogs = window.dialogs
    feed(window, snapshot(settings=SETTINGS))
    before = {
        "settings": dialogs.ask_settings,
        "session": dialogs.ask_session,
        "notice": dialogs.show_notice,
        "sessions": dialogs.ask_sessions,
        "model": dialogs.ask_model,
        "about": dialogs.show_about,
        "outputs": dialogs.ask_outputs,
        "lag": dialogs.ask_lag,
        "keys": window.show_shortcuts,
    }
    within = {
        "baseline": dialogs.ask_baseline,
        "calibration": dialogs.ask_calibration,
        "annotations": dialogs.ask_annotations,
        "protocol": dialogs.ask_protocol,
        "gaze check": dialogs.ask_gaze_check,
    }
    for group in (before, within):
        for name, ask in group.items():
            ask()
            yield name, dialogs.open[name]
            dialogs.open[name].close()
        note = {"time_s": 99.0, "kind": "annotation", "text": LONG * 4}
        session = {"recorder": RECORDING, "started_s": 40.0, "subject": "P07", "events": (note,)}
        feed(window, snapshot(Phase.RUNNING, seq=2, settings=SETTINGS, channels=channels(64), **session))
    export = ExportDialog(Path("/data") / (LONG * 3), window)
    export.show()
    yield "export", export
    export.close()


def pages(dialog):
    """Turns the pages of a dialog that has some."""
    tabs = dialog.findChild(QTabWidget)
    for k in range(tabs.count() if tabs is not None else 1):
        if tabs is not None:
            tabs.setCurrentIndex(k)
        QApplication.processEvents()
        yield k


def in_sight(one):
    """Whether a widget can be seen whole, once whatever it lies in is scrolled to it."""
    above = one.parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(one)
        above = above.parentWidget()
    QApplication.processEvents()
    seen, whole = one.visibleRegion().boundingRect().size(), one.size()
    return seen.width() >= whole.width() - 1 and seen.height() >= whole.height() - 1  # Qt scrolls to a pixel less


@pytest.mark.parametrize("screen", SCREENS, ids=lambda s: f"{s.width()}x{s.height()}")
def test_no_dialog_overflows_its_screen_and_everything_in_it_is_within_reach(window, monkeypatch, screen):
    monkeypatch.setattr(ScrollingDialog, "room", lambda _dialog: QRect(QPoint(), screen - FRAME))
    whole = QRect(QPoint(), screen)
    for name, dialog in all_dialogs(window):
        QApplication.processEvents()
        assert whole.contains(dialog.frameGeometry()), (name, dialog.geometry())
        for page in pages(dialog):
            assert whole.contains(dialog.frameGeometry()), (name, page, dialog.geometry())
            hidden = [
                (type(one).__name__, one.geometry().getRect(), one.visibleRegion().boundingRect().getRect())
                for kind in CONTROLS
                for one in dialog.findChildren(kind)
                if one.isVisible() and not own_part(one) and not in_sight(one)
            ]
            assert hidden == [], (name, page)
            last = dialog.layout().itemAt(dialog.layout().count() - 1)
            buttons = [last.widget()] if last.layout() is None else widgets(last.layout())
            assert all(one.visibleRegion().boundingRect().size() == one.size() for one in buttons if one.isVisible())


def own_part(one):
    """Whether it is a part that Qt makes of another control or of a table."""
    return one.parentWidget().inherits("QAbstractSpinBox") or any(
        one.parentWidget().inherits(kind) for kind in ("QTabBar", "QTableView", "QComboBox", "QLineEdit")
    )


def widgets(layout):
    found = [layout.itemAt(k).widget() for k in range(layout.count())]
    return [one for one in found if isinstance(one, QAbstractButton)]


def test_the_contrast_of_all_text_in_dialogs_is_readable_by_its_pixels(window):
    poor, seen = {}, 0
    for name, dialog in all_dialogs(window):
        for page in pages(dialog):
            pixels = painted(dialog)
            for one in dialog.findChildren(QWidget):
                if not isinstance(one, (QLabel, *CONTROLS)) or not one.isVisible() or not one.isEnabled():
                    continue
                words = one.currentText() if isinstance(one, QComboBox) else one.text()
                hint = one.placeholderText() if isinstance(one, QLineEdit) else ""
                if not (words.strip() or hint) or one.visibleRegion().boundingRect().size() != one.size():
                    continue
                seen += 1
                if (contrast := measured_contrast(pixels, one)) < READABLE:
                    poor[name, page, (words or hint)[:30]] = round(contrast, 2)
    assert seen > 100
    assert poor == {}


def test_every_dialog_of_the_window_fits_its_screen_by_the_same_rule():
    for module in pkgutil.walk_packages(rtemo.gui.__path__, "rtemo.gui."):
        importlib.import_module(module.name)
    own = [kind for kind in QDialog.__subclasses__() if kind.__module__.startswith("rtemo.")]
    assert own == [ScrollingDialog]
    assert len(ScrollingDialog.__subclasses__()) > 12
