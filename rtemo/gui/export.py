"""Views as pictures, PNG at twice the size that is seen or SVG, or as the numbers behind them.

No file is replaced without being asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QImage, QPainter
from PySide6.QtWidgets import QFileDialog, QWidget

from rtemo.core.errors import RtemoError
from rtemo.gui import texts
from rtemo.gui.view_tables import write_table
from rtemo.gui.window_state import WindowState

PNG_SCALE = 2.0
ENDINGS = (".png", ".svg", ".csv")


class Exports:
    """What the window writes to files, after asking where. views: those that can be written as pictures, by name."""

    def __init__(
        self,
        parent: QWidget,
        views: Mapping[str, QWidget],
        model: WindowState,
        send: Callable[..., None],
        say: Callable[[str], None],
    ) -> None:
        """send: asks the engine. say: tells what came of it. A right click on a view offers it."""
        self.views = dict(views)
        self._parent, self._model, self._send, self._say = parent, model, send, say
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
        """Write a view as what the file's name ends in, and say so."""
        try:
            self._export(name, path)
        except RtemoError as error:
            self._say(str(error))
        else:
            self._say(texts.EXPORTED.format(path=path))

    def _export(self, name: str, path: Path) -> None:
        """Raises RtemoError where the file cannot be written."""
        kind, done = path.suffix.lower(), True
        if kind not in ENDINGS:
            raise RtemoError("the kind of file is not known", f"found {path.name!r}", "end it in .png, .svg or .csv")
        try:
            if kind == ".csv":
                write_table(name, self._model, path)
            else:
                done = _png(self.views[name], path) if kind == ".png" else _svg(self.views[name], path)
        except OSError as error:
            raise RtemoError(f"{path} cannot be written", error.strerror or str(error), "name another file") from error
        if not done:
            raise RtemoError(f"{path} cannot be written", "", "name another file")


def ask_path(parent: QWidget, title: str, name: str, endings: str) -> str:
    """A file to write, empty where none is wanted. The system's dialog asks before a file is replaced."""
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

    with path.open("wb"):  # QSvgGenerator does not say where it cannot write
        pass
    generator = QSvgGenerator()
    generator.setFileName(str(path))
    generator.setSize(QSize(view.width(), view.height()))
    generator.setViewBox(QRectF(0, 0, view.width(), view.height()))
    generator.setTitle(texts.APP)
    painter = QPainter(generator)
    view.render(painter, QPoint())
    return bool(painter.end())
