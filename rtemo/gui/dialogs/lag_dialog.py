"""Dialog that leads through a lag test, and puts the constant that it finds into the session's settings.

The recording is measured by `rtemo lag` in a process of its own, which may take its time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QProcess
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from rtemo.core.errors import RtemoError
from rtemo.gui.layout.number_fields import measure_field
from rtemo.gui.layout.scrolling_dialog import ScrollingDialog
from rtemo.gui.study import words
from rtemo.gui.study.form_rows import add_row, button, hint, new_form, rename
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text

LAG_TITLE = "Lag of a device"
PHOTODIODE, SACCADES = "photodiode", "saccades"
WAYS = {
    PHOTODIODE: "an amplifier, by a photodiode on the screen",
    SACCADES: "an eye tracker, by saccades to targets",
}
STEPS = {
    PHOTODIODE: "1. Tape a photodiode to the screen and wire it to an auxiliary input of the amplifier.\n"
    "2. Record 30 flashes or more, with a marker sent at each.\n"
    "3. Choose the recording, and name the input as the amplifier does.",
    SACCADES: "1. Show targets that jump across the screen, with a marker sent at each jump, 30 times or more.\n"
    "2. Record gaze and markers while the person follows them.\n"
    "3. Choose the recording, and give the time that people take to begin a saccade: usually 150 to 250 ms.",
}
FILE, WAY, CHANNEL, EVENT, EXPECTED = "Recording", "Measure", "Input", "Markers that begin with", "Taken off"
EVERY, FILES = "all of them", "Recordings (*.xdf *.xdfz)"
MEASURE, MEASURING, ADOPT = "Measure", "Measuring…", "Put into the settings"
INCOMPLETE = "Choose a recording first, and name the input that the photodiode is wired to."
FAILED, IN_SESSION = "Not measured: {why}", "In a session settings are fixed: put it in afterwards."
ADOPTED = "It is in the settings of the next session, and taken off every stamp."


class LagDialog(ScrollingDialog):
    """Measures one recording, as often as is asked for."""

    def __init__(self, state: WindowState, send: Callable[..., None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(LAG_TITLE)
        self.setMinimumWidth(560)
        self._state, self._send = state, send
        self.process: QProcess | None = None
        self.found: SessionSettings | None = None  # holds the latency that was measured
        self.way = QComboBox()
        for name, text in WAYS.items():
            self.way.addItem(text, name)
        replay = state.snapshot.replay
        self.path = QLineEdit(replay.path if replay is not None else "")
        self.channel, self.marker = QLineEdit(), QLineEdit()
        self.marker.setPlaceholderText(EVERY)
        self.expected = measure_field(0.0, 1000.0, 0.0, " ms", decimals=2)
        self.choose = button(words.EXPORT_CHOOSE)
        self.begin, self.adopt = button(MEASURE, "start"), button(ADOPT)
        self.close_button = button(words.CLOSE)
        self.steps, self.message = hint(""), hint("")
        self._lay_out()
        self.way.currentIndexChanged.connect(lambda _k: self._explain())
        self.choose.clicked.connect(self._ask_path)
        self.begin.clicked.connect(self.start)
        self.adopt.clicked.connect(self.put_into_settings)
        self.close_button.clicked.connect(self.reject)
        self._explain()
        self.refresh(set())

    @property
    def command(self) -> list[str]:
        """The arguments of Python that measure it."""
        saccades = self.way.currentData() == SACCADES
        what = ["--saccades"] if saccades else [f"--photodiode={self.channel.text().strip()}"]
        event = [f"--event={self.marker.text()}"] if self.marker.text() else []
        expected = [f"--expected-ms={self.expected.value():g}"]
        return ["-m", "rtemo", "lag", *what, *event, *expected, "--", self.path.text().strip()]

    def start(self) -> None:
        """Measure; what could not be done is shown."""
        if self.process is not None:
            return
        self.found = None
        if not self.path.text().strip() or not (self.channel.text().strip() or self.way.currentData() == SACCADES):
            rename(self.message, INCOMPLETE, "bad")
            self.refresh(set())
            return
        rename(self.message, MEASURING, "muted")
        self.process = QProcess(self)
        self.process.finished.connect(lambda code, _status: self._finished(code))
        self.process.start(sys.executable, self.command)
        self.refresh(set())

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Enable what can be done now."""
        self.begin.setEnabled(self.process is None)
        self.adopt.setEnabled(self.found is not None and not self._state.in_session)
        self.adopt.setToolTip(IN_SESSION if self._state.in_session else "")

    def show_result(self, code: int, out: str, err: str) -> None:
        """Show what `rtemo lag` has given: a sentence, and lines for the settings where there are any."""
        sentence, _, lines = out.strip().partition("\n")
        if code:
            errors = err.strip().splitlines()
            why = errors[-1].removeprefix("error: ") if errors else str(code)
            rename(self.message, FAILED.format(why=why), "bad")
        else:
            rename(self.message, sentence, "good")
            self.found = parse_settings(lines, "what was measured") if lines.strip() else None
        self.refresh(set())

    def put_into_settings(self) -> None:
        """Take the constant and its spread into the settings of the next session."""
        if self.found is None or self._state.in_session:
            return
        settings = self._state.settings
        latencies = {**settings.latencies, **self.found.latencies}
        self._send("configure", settings=settings_text(replace(settings, latencies=latencies)))
        rename(self.message, ADOPTED, "good")

    def done(self, result: int) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.waitForFinished(2000)
        super().done(result)

    def _finished(self, code: int) -> None:
        process, self.process = self.process, None
        assert process is not None
        out, err = process.readAllStandardOutput(), process.readAllStandardError()
        texts = [bytes(one.data()).decode("utf-8", "replace") for one in (out, err)]
        try:
            self.show_result(code, *texts)
        except RtemoError as error:
            rename(self.message, FAILED.format(why=error), "bad")

    def _explain(self) -> None:
        way = str(self.way.currentData())
        self.steps.setText(STEPS[way])
        self.channel.setEnabled(way == PHOTODIODE)
        self.expected.setValue(200.0 if way == SACCADES else 0.0)

    def _ask_path(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, FILE, self.path.text(), FILES)
        if path:
            self.path.setText(path)

    def _lay_out(self) -> None:
        form = new_form()
        add_row(form, WAY, self.way)
        add_row(form, FILE, self.path, self.choose)
        for name, field in ((CHANNEL, self.channel), (EVENT, self.marker), (EXPECTED, self.expected)):
            add_row(form, name, field)
        row = QHBoxLayout()
        row.addStretch(1)
        for one in (self.close_button, self.adopt, self.begin):
            row.addWidget(one)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addWidget(self.steps)
        layout.addLayout(form)
        layout.addWidget(self.message)
        layout.addLayout(row)
