"""The status strip at the top: whether it records, who is recorded, every stream with its age, disk, engine, recorder.

Where something is wrong it fills with the alarm's colour and names what, and since when.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from rtemo.core.types import StreamState
from rtemo.gui import texts
from rtemo.gui.alarms import Alarm, AlarmWatch, is_silent
from rtemo.gui.bars.checklist import checklist
from rtemo.gui.painting.colours import Theme
from rtemo.gui.painting.lamps import Sign, draw_lamp
from rtemo.gui.painting.text_labels import ElidedLabel, PlainLabel, plain_tip
from rtemo.gui.painting.theme import BODY, LARGE, SMALL, colour, font
from rtemo.gui.people import words as people_words
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import Phase, RecorderView
from rtemo.presentation.numbers import MISSING, age, clock, seconds, size

HEIGHT = 48
SPACING = 12
STEP_GAP = 5 * " "
ABOUT = 1  # place of the participant in the row
HOURS_S = 3600.0
LAMP = 9
LEAST_PX, PERSON_PX = 70, 90


class Lamps(QWidget):
    """A row of lamps, each with a name above its state: streams, engine, recorder."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme, self.ink = theme, theme.ink
        self.least_px = LEAST_PX  # of one lamp with its texts
        self.lamps: list[tuple[str, str, str]] = []  # name, state, colour
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def show_lamps(self, lamps: list[tuple[str, str, str]], ink: str) -> None:
        """Show these lamps, with the texts in a colour."""
        if (lamps, ink) == (self.lamps, self.ink):
            return
        before, self.lamps, self.ink = [name for name, _, _ in self.lamps], lamps, ink
        self.setAccessibleName(", ".join(f"{name} {state}" for name, state, _ in lamps))
        if [name for name, _, _ in lamps] != before:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(sum(self._width(name) for name, _, _ in self.lamps), HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _width(self, name: str) -> int:
        word = QFontMetrics(font(SMALL)).horizontalAdvance(max(texts.STATES.values(), key=len))
        return max(self.least_px, word + 30, self.fontMetrics().horizontalAdvance(name) + 40)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, middle = 0.0, self.height() / 2
        for name, state, ink in self.lamps:
            signs: dict[str, Sign] = {self.theme.good: "good", self.theme.idle: "waiting"}
            shown = self.ink if self.ink == self.theme.panel else ink  # on an alarm's colour its own would be lost
            draw_lamp(painter, QRectF(left + 4, middle - LAMP - 1, LAMP, LAMP), shown, signs.get(ink, "wrong"))
            painter.setPen(colour(self.ink))
            words = QRectF(left + 20, middle - 18, self._width(name) - 22, 18)
            painter.setFont(font(BODY, QFont.Weight.DemiBold))
            painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
            painter.setFont(font(SMALL))
            painter.drawText(words.translated(0, 17), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, state)
            left += self._width(name)


class StatusStrip(QFrame):
    """Follows the window's state. `alarms`: those that hold now."""

    def __init__(self, state: WindowState, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("strip")
        self.setFixedHeight(HEIGHT)
        self._state, self._theme = state, theme
        self._watch = AlarmWatch(state)
        self.alarms: list[Alarm] = []
        self.demonstration = False  # whether the people are simulated and leave with the window
        self.sound = False  # whether a new alarm of the worst kind makes a sound
        self.beep: Callable[[], None] = QApplication.beep
        self._heard: set[str] = set()
        self.rec = PlainLabel("", "rec")
        self.rec.setFont(font(LARGE, QFont.Weight.Bold))
        self.rec.setFixedHeight(HEIGHT - 12)
        self.subject = ElidedLabel("", "subject")
        self.subject.setFont(font(LARGE))
        self.detail = ElidedLabel("", "")
        self.detail.setFont(font(SMALL))
        self.alarm = ElidedLabel("", "alarm")
        self.alarm.setFont(font(LARGE, QFont.Weight.Bold))
        self.alarm.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.disk = PlainLabel("")
        self.disk.setFont(font(SMALL))
        self.streams, self.processes = Lamps(theme), Lamps(theme)
        about = QVBoxLayout()
        about.setSpacing(0)
        about.setContentsMargins(0, 4, 0, 4)
        about.addWidget(self.subject)
        about.addWidget(self.detail)
        self._row = layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 8, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self.rec)
        layout.addLayout(about, 2)
        layout.addWidget(self.alarm, 5)
        for part in (self.streams, self.disk, self.processes):
            layout.addWidget(part)
        self.refresh({SnapshotPart.STATE})

    def set_theme(self, theme: Theme) -> None:
        self._theme = self.streams.theme = self.processes.theme = theme
        self.refresh({SnapshotPart.STATE})

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show what holds now."""
        state = self._state
        self.alarms = self._watch.current()
        level = self.alarms[0].level if self.alarms else ""
        more = len(self.alarms) - 1
        worded = [alarm.worded(state.now_s) for alarm in self.alarms]
        self.alarm.setText(worded[0] + (texts.MORE_ALARMS.format(n=more) if more else "") if worded else "")
        self.alarm.setToolTip(plain_tip("\n".join(worded)))
        if not self.alarms:
            self._show_steps()
        _set_property(self, "alarm", level)
        self._show_recording()
        self._make_room()
        ink = self._theme.panel if level else self._theme.muted
        self.streams.show_lamps(self._stream_lamps(level), ink)
        self.processes.show_lamps(self._process_lamps(level), ink)
        self.setAccessibleName(". ".join([*worded, self.rec.text(), self.subject.text()]))
        self._sound()

    def _make_room(self) -> None:
        """Give an alarm the room of the disk, and then a smaller text, where it would be cut off."""
        told = bool(self.subject.text() or self.detail.text())
        self._row.setStretch(ABOUT, 2 if told and not self.alarms else 0)
        if not self.alarms:
            self.alarm.setFont(font(BODY))
            return
        large = font(LARGE, QFont.Weight.Bold)
        needed = QFontMetrics(large).horizontalAdvance(self.alarm.text())
        of_disk = self.disk.sizeHint().width() + SPACING
        room = self.alarm.width() + (0 if self.disk.isHidden() else of_disk)
        crowded = needed > room - of_disk
        self.disk.setVisible(self._state.recording is not None and not crowded)
        self.alarm.setFont(large if needed <= room else font(BODY, QFont.Weight.Bold))

    def _show_steps(self) -> None:
        """Where nothing is wrong, show what is still to do."""
        state = self._state
        steps = checklist(state) if state.snapshot.phase is not Phase.REPLAY and state.snapshot.seq >= 0 else []
        left = [step for step in steps if not step.done]
        shown = (left if state.in_session else steps) if left else []
        text = STEP_GAP.join(map(str, shown))
        if QFontMetrics(font(BODY)).horizontalAdvance(text) > self.alarm.width():  # what is to do comes first
            text = STEP_GAP.join(map(str, left))
        self.alarm.setText(text)

    def _show_recording(self) -> None:
        state, recording = self._state, self._state.recording
        on_disk = recording is not None and recording.state == "recording"
        started_s = state.session_started_s
        since = clock(state.now_s - started_s) if math.isfinite(started_s) else ""
        self.rec.setText(texts.REC.format(time=since).strip() if on_disk else texts.PHASES[self._phase_shown()])
        _set_property(self.rec, "on", "yes" if on_disk else "no")
        self.subject.setText(state.subject if state.in_session else "")
        self.detail.setText(self._detail(recording))
        for label in (self.subject, self.detail):
            label.setVisible(bool(label.text()))
        self.disk.setText(self._disk_text(recording))
        if not self.alarms:
            self.disk.setVisible(recording is not None)

    def _phase_shown(self) -> str:
        """The phase in a word; a session of which nothing is recorded is none to rely on."""
        state = self._state
        return "unrecorded" if state.in_session and state.recording is None else state.snapshot.phase.value

    def _detail(self, recording: RecorderView | None) -> str:
        progress = self._state.snapshot.progress
        if progress is not None and not progress.verdict and self._state.in_session:
            done, total = clock(progress.done_s), clock(progress.total_s)
            return texts.PROGRESS.format(name=progress.name, done=done, total=total)
        if recording is not None and self._state.snapshot.phase is Phase.PAUSED:
            return texts.PHASES["paused"]
        return texts.DEMONSTRATION if self.demonstration else ""

    def _disk_text(self, recording: RecorderView | None) -> str:
        """The room on the disk, in hours once it is known how fast it fills."""
        if recording is None:
            return ""
        left_s = self._state.disk.left_s
        hours = left_s / HOURS_S
        left = size(recording.free_bytes) if math.isinf(hours) else f"{hours:.0f} h" if hours >= 2 else clock(left_s)
        return texts.DISK.format(left=left, size=size(recording.bytes_written))

    def _stream_lamps(self, level: str) -> list[tuple[str, str, str]]:
        state, theme = self._state, self._theme
        if state.several:
            return self._lamps_of_people(level)
        self.streams.least_px = LEAST_PX
        live, found = state.snapshot.phase is not Phase.REPLAY, []
        for stream in state.streams_in_use:
            silent = is_silent(state, stream) if live else stream.state in (StreamState.LOST, StreamState.FAILED)
            age_s = state.stream_age_s(stream)
            word = texts.STATES[stream.state.value]
            if live and math.isfinite(age_s) and stream.role != "markers":
                word = seconds(age_s) if silent else age(age_s)
            ink = theme.idle if not state.streams_known else theme.bad if silent else theme.good
            if stream.state is StreamState.WAITING:
                ink = theme.idle
            found.append((texts.ROLES.get(stream.role, stream.role), word, theme.panel if level and silent else ink))
        return found

    def _lamps_of_people(self, level: str) -> list[tuple[str, str, str]]:
        """A lamp for each participant, with what delivers nothing, and since when."""
        state, theme, found = self._state, self._theme, []
        self.streams.least_px = PERSON_PX
        for one in state.several:
            own = [stream for stream in state.streams_of(one.id) if stream.participant]
            silent = [stream for stream in own if is_silent(state, stream)]
            word = people_words.LAMP_WELL if own else MISSING
            if silent:
                age_s = state.stream_age_s(silent[0])
                since = seconds(age_s)
                word = people_words.LAMP_LOST.format(part=people_words.SHORT_PARTS[silent[0].role], age=since)
            ink = theme.idle if not (state.streams_known and own) else theme.bad if silent else theme.good
            found.append((one.id, word, theme.panel if level and silent else ink))
        return found

    def _process_lamps(self, level: str) -> list[tuple[str, str, str]]:
        state, theme = self._state, self._theme
        failed = state.snapshot.phase is Phase.FAILED
        engine = texts.RUNS if state.engine_answers and not failed else texts.RESTARTS if state.restarting else MISSING
        if state.snapshot.seq < 0:
            engine = texts.STARTS
        inks = {texts.STARTS: theme.idle, texts.RUNS: theme.good, texts.RESTARTS: theme.warn, MISSING: theme.bad}
        found = [(texts.ENGINE, engine, inks[engine])]
        if state.recorder is not None and math.isfinite(state.recorder.answered_s):
            word = MISSING if state.recorder_gone else texts.RECORDS if state.recording is not None else texts.READY
            found.append((texts.RECORDER, word, theme.bad if state.recorder_gone else theme.good))
        alarming = (theme.bad, theme.warn) if level else ()
        return [(name, word, theme.panel if ink in alarming else ink) for name, word, ink in found]

    def _sound(self) -> None:
        bad = {alarm.text for alarm in self.alarms if alarm.level == "bad"}
        if self.sound and bad - self._heard:
            self.beep()
        self._heard = bad


def _set_property(widget: QWidget, name: str, value: str) -> None:
    """Set a property that the style sheet looks at."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        for part in (widget, *widget.findChildren(QWidget)):
            part.style().unpolish(part)
            part.style().polish(part)
