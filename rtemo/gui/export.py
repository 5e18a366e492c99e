"""Views as pictures: PNG at twice the size that is seen, or SVG. No file is replaced without being asked about."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QFileDialog, QWidget

from rtemo.core.errors import RtemoError
from rtemo.gui import texts

PNG_SCALE = 2.0
PICTURES, TABLES = (".png", ".svg"), (".csv", ".jsonl")


def export_view(view: QWidget, path: Path) -> None:
    """Write a view as it is seen. Raises RtemoError where the file cannot be written."""
    if path.suffix.lower() not in PICTURES:
        raise RtemoError("the kind of picture is not known", f"found {path.name!r}", "end it in .png or .svg")
    try:
        done = _png(view, path) if path.suffix.lower() == ".png" else _svg(view, path)
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
    view.render(painter)
    return bool(painter.end())
