"""Export views as PNG (at twice the size on screen), SVG, or CSV tables of the numbers behind them.

No file is replaced without a question. Tables hold what the window holds, at most ten minutes of signals. Times are LSL
seconds, as in the recording. An empty field is a missing number.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QImage, QPainter
from PySide6.QtWidgets import QFileDialog, QWidget

from rtemo.core.errors import RtemoError
from rtemo.gui import texts
from rtemo.gui.painting.power import RATE_HZ, STEP_S, WINDOW_S, frequencies, grid_windows, mean_power, window_power
from rtemo.gui.people import courses, words
from rtemo.gui.window_state import WindowState
from rtemo.model.uncertainty.valence_arousal import mean_place

PNG_SCALE = 2.0
SPECTRUM_S, SPECTROGRAM_S = 8.0, 60.0
_LISTS = ("columns", "labels", "units")  # of a stream, that fit into no cell
ENDINGS = (".png", ".svg", ".csv")
Table = tuple[Sequence[str], Iterable[Sequence[Any]]]  # columns, rows


class Exports:
    """Exports views and predictions to files that the user chooses. views: those that can be exported, by name."""

    def __init__(
        self,
        parent: QWidget,
        views: Mapping[str, QWidget],
        state: WindowState,
        send: Callable[..., None],
        notify: Callable[..., None],
    ) -> None:
        """send: a command to the engine. notify: shows a message. Each view offers its export in its context menu."""
        self.views = dict(views)
        self._parent, self._state, self._send, self._notify = parent, state, send, notify
        for name, view in self.views.items():
            action = QAction(texts.EXPORT_HERE, view)
            action.triggered.connect(lambda _checked=False, name=name: self.ask_view(name))
            view.addAction(action)
            view.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def ask_predictions(self) -> None:
        """Have the engine write the predictions: all of a recording, or those of the live streams."""
        path = ask_path(self._parent, texts.EXPORT_PREDICTIONS, "predictions.csv", texts.TABLE_FILTER)
        if path:
            self._send("export", path=str(Path(path).absolute()), replace=True)  # the dialog has asked

    def ask_view(self, name: str) -> None:
        """Write a view as a picture or a table."""
        title = texts.EXPORT_VIEW.format(view=name)
        path = ask_path(self._parent, title, f"{name.lower().replace(' ', '_')}.png", texts.VIEW_FILTER)
        if path:
            self.write(name, Path(path))

    def write(self, name: str, path: Path) -> None:
        """Write a view in the format of the file's ending; show the outcome."""
        try:
            self._export(name, path)
        except RtemoError as error:
            self._notify(str(error))
        else:
            self._notify(texts.EXPORTED.format(path=path), success=True)

    def _export(self, name: str, path: Path) -> None:
        """Raises RtemoError where the file cannot be written."""
        kind, done = path.suffix.lower(), True
        if kind not in ENDINGS:
            raise RtemoError("the kind of file is not known", f"found {path.name!r}", "end it in .png, .svg or .csv")
        try:
            if kind == ".csv":
                write_table(name, self._state, path)
            else:
                done = _png(self.views[name], path) if kind == ".png" else _svg(self.views[name], path)
        except OSError as error:
            raise RtemoError(f"{path} cannot be written", error.strerror or str(error), "name another file") from error
        if not done:
            raise RtemoError(f"{path} cannot be written", "", "name another file")


def ask_path(parent: QWidget, title: str, name: str, endings: str) -> str:
    """Let the user choose a file to write; empty where none is chosen. The dialog asks before a file is replaced."""
    path, kind = QFileDialog.getSaveFileName(parent, title, name, endings)
    if path and not Path(path).suffix:
        path += kind[kind.rfind("*.") + 1 :].rstrip(")")
        if Path(path).exists():  # the dialog asked about a file of another name
            return ""
    return path


def _png(view: QWidget, path: Path) -> bool:
    image = QImage(view.size() * PNG_SCALE, QImage.Format.Format_ARGB32)
    image.setDevicePixelRatio(PNG_SCALE)
    image.fill(view.palette().window().color())
    view.render(image)
    return bool(image.save(str(path)))


def _svg(view: QWidget, path: Path) -> bool:
    from PySide6.QtSvg import QSvgGenerator  # loaded where it is needed

    with path.open("wb"):  # QSvgGenerator does not report where it cannot write
        pass
    generator = QSvgGenerator()
    generator.setFileName(str(path))
    generator.setSize(QSize(view.width(), view.height()))
    generator.setViewBox(QRectF(0, 0, view.width(), view.height()))
    generator.setTitle(texts.APP)
    painter = QPainter(generator)
    view.render(painter, QPoint())
    return bool(painter.end())


def write_table(view: str, state: WindowState, path: Path) -> None:
    """Write the table of a view, UTF-8 with a header. Raises OSError where the file cannot be written."""
    columns, rows = TABLES[view](state)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_field(value) for value in row] for row in rows)


def _field(value: Any) -> Any:
    return "" if isinstance(value, float) and math.isnan(value) else value


def _signals(state: WindowState) -> Table:
    times, rows = state.eeg.after(-math.inf)
    return ["time_s", *(f"{label} [uV]" for label in _labels(state))], _joined(times, rows)


def _gaze(state: WindowState) -> Table:
    times, rows = state.gaze.after(-math.inf)
    return ["time_s", "x", "y", "pupil_left_mm", "pupil_right_mm"], _joined(times, rows)


def _history(state: WindowState) -> Table:
    times, single, smoothed, silent = state.history(-math.inf)
    columns = ["time_s", *state.labels, *(f"smoothed {label}" for label in state.labels), "abstains"]
    rows = zip(times, single, smoothed, silent, strict=True)
    return columns, ([float(t), *map(float, p), *map(float, s), int(a)] for t, p, s, a in rows)


def _synchrony(state: WindowState) -> Table:
    named = [f"valence {one.id}" for one in state.several]
    named += [f"correlation {words.PAIR.format(one=one, other=other)}" for one, other in courses.pairs(state)]
    return ["time_s", *named], courses.rows(state)


def _plane(state: WindowState) -> Table:
    times, _, smoothed, _ = state.history(-math.inf)
    return ["time_s", "valence", "arousal"], _places(times, smoothed, state.labels)


def _places(times: Any, smoothed: Any, labels: Sequence[str]) -> Iterator[Sequence[Any]]:
    for time_s, row in zip(times, smoothed, strict=True):
        place = mean_place(dict(zip(labels, map(float, row), strict=True)))
        yield (float(time_s), *(("", "") if place is None else place))


def _emotion(state: WindowState) -> Table:
    latest = state.latest or {}
    rows: list[Sequence[Any]] = []
    for part in ("probabilities", "smoothed"):
        rows += [(part, label, value) for label, value in latest.get(part, {}).items()]
    rows += [("explanation", name, value) for name, value in state.snapshot.explanation.items()]
    return ["what", "name", "value"], rows


def _quality(state: WindowState) -> Table:
    channels = [(one.label, one.x, one.y, one.z, one.fault, int(one.excluded)) for one in state.snapshot.channels]
    return ["channel", "x", "y", "z", "fault", "excluded"], channels


def _events(state: WindowState) -> Table:
    names = ("time_s", "kind", "stream", "text")
    return names, ([event.get(name, "") for name in names] for event in state.events)


def _spectrum(state: WindowState) -> Table:
    newest_s = state.eeg.newest_s
    times, rows = state.eeg.between(newest_s - SPECTRUM_S, newest_s)
    power, labels = mean_power(times, rows), _labels(state)
    return ["hz", *(f"{label} [uV^2/Hz]" for label in labels)], _joined(frequencies(), power)


def _spectrogram(state: WindowState) -> Table:
    """Power of each channel in each half second, so that any mean can be made of it."""
    times, rows = state.eeg.after(state.time_s - SPECTROGRAM_S)
    return ["time_s", "hz", *(f"{label} [uV^2/Hz]" for label in _labels(state))], _window_rows(times, rows)


def _window_rows(times: Any, rows: Any) -> Iterator[Sequence[Any]]:
    n = round(WINDOW_S * RATE_HZ)
    for number, start in grid_windows(times).items():
        for hz, row in zip(frequencies(), window_power(rows[start : start + n]), strict=True):
            yield [(number + 1) * STEP_S, float(hz), *map(float, row)]


def _labels(state: WindowState) -> list[str]:
    known = state.snapshot.channels
    return [known[k].label if k < len(known) else str(k + 1) for k in range(state.eeg.n_columns)]


def _streams(state: WindowState) -> Table:
    rows = [{k: v for k, v in asdict(one).items() if k not in _LISTS} for one in state.snapshot.streams]
    return list(rows[0]) if rows else ["stream_id"], (list(row.values()) for row in rows)


def _further(state: WindowState) -> Table:
    """A row a sample and channel: streams have rates and channels of their own."""
    return ["stream", "channel", "time_s", "value"], _trace_rows(state)


def _trace_rows(state: WindowState) -> Iterator[Sequence[Any]]:
    named = {stream.stream_id: stream for stream in state.snapshot.streams}
    for stream_id, kept in state.traces.items():
        stream = named.get(stream_id)
        times, rows = kept.after(-math.inf)
        for channel, values in enumerate(rows.T):
            label = stream.labels[channel] if stream is not None and channel < len(stream.labels) else ""
            for time_s, value in zip(times, values, strict=True):
                yield (stream.name if stream else stream_id, label or channel + 1, float(time_s), float(value))


def _joined(times: Any, rows: Any) -> Iterator[Sequence[Any]]:
    return ([float(t), *map(float, row)] for t, row in zip(times, rows, strict=True))


TABLES: Mapping[str, Callable[[WindowState], Table]] = {
    texts.SIGNALS: _signals,
    texts.GAZE: _gaze,
    texts.HISTORY: _history,
    texts.PLANE: _plane,
    texts.EMOTION: _emotion,
    texts.QUALITY: _quality,
    texts.EVENTS: _events,
    texts.STREAMS: _streams,
    texts.SPECTRUM: _spectrum,
    texts.SPECTROGRAM: _spectrogram,
    texts.FURTHER: _further,
    words.SYNCHRONY: _synchrony,
}
