"""Loads the picture of the current condition in a thread: disks are slow, and the window paints 30 times a second."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QImageIOHandler, QImageReader

from rtemo.gui.stimulus import words
from rtemo.gui.stimulus.picture_choice import choose_picture

MOST = QSize(1920, 1200)  # what the window can show of a picture; larger ones are read smaller


@dataclass(frozen=True, slots=True)
class LoadedPicture:
    """What there is to show. size: in the picture's own pixels. missing: why there is none, where one is expected."""

    path: Path | None = None
    image: QImage = field(default_factory=QImage)
    size: QSize = field(default_factory=QSize)
    missing: str = ""


class PictureLoader:
    """`shown` is the newest picture that has been loaded; `ask` never waits."""

    def __init__(self) -> None:
        self.shown = LoadedPicture()
        self._asked: tuple[str, tuple[str, ...]] = ("", ())
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self, place: str, names: tuple[str, ...]) -> None:
        """Load the picture of the conditions that run from a place, empty for none, unless that is done already."""
        with self._lock:
            if (place, names) == self._asked:
                return
            self._asked = (place, names)
            if not place:
                self.shown = LoadedPicture()
            elif self._thread is None:
                self._thread = threading.Thread(target=self._work, name="picture", daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Wait until what was asked for is there."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        """Load until nothing newer was asked for meanwhile."""
        done: tuple[str, tuple[str, ...]] | None = None
        while True:
            with self._lock:
                if self._asked == done or not self._asked[0]:
                    self._thread = None
                    return
                done = self._asked
            found = self._load(Path(done[0]), done[1])
            with self._lock:
                if self._asked == done:
                    self.shown = found

    def _load(self, place: Path, names: tuple[str, ...]) -> LoadedPicture:
        path, missing = choose_picture(place, names)
        if path is None:
            return LoadedPicture(missing=missing)
        if path == self.shown.path:
            return self.shown
        reader = QImageReader(str(path))
        reader.setAutoTransform(True)
        size = reader.size()
        if size.width() > MOST.width() or size.height() > MOST.height():
            reader.setScaledSize(size.scaled(MOST, Qt.AspectRatioMode.KeepAspectRatio))
        image = reader.read()
        if image.isNull():
            return LoadedPicture(missing=words.UNREADABLE.format(name=path.name, why=reader.errorString()))
        turned = reader.transformation() & QImageIOHandler.Transformation.TransformationRotate90
        return LoadedPicture(path, image, size.transposed() if turned else size)
